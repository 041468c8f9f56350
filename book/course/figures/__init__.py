"""The book's figures: every function takes results, draws on ``ax`` and returns it.

Nothing here loads data or trains. A function that is given no ``ax`` makes a figure of its own at
the width of a book page. Call :func:`set_style` once at the top of a notebook.

The ``explore_`` functions are another kind: they give figures with sliders.
"""

from ambiguity_lib.practice.figures import (
    CLASS_COLORS,
    CURVE_COLORS,
    METHOD_COLORS,
    inline_svg,
    method_color,
    plot_method_scores,
    set_style,
)
from course.figures.explorers import explore_layers, explore_temperature
from course.figures.findings import (
    difference_table,
    main_set,
    margin_table,
    mean_layers,
    method_table,
    plot_compression,
    recipe_table,
    score_rows,
    seed_table,
    show_cut,
    show_layers,
    show_map,
    show_methods,
    show_plane,
    show_six,
    show_six_findings,
    show_target,
    show_thirds,
    show_triangles,
)
from course.figures.panels import in_tabs, side_by_side
from course.figures.simplex import plot_simplex, simplex_coordinates
from course.figures.votes import plot_vote_noise

__all__ = [
    "CLASS_COLORS",
    "CURVE_COLORS",
    "METHOD_COLORS",
    "difference_table",
    "explore_layers",
    "explore_temperature",
    "in_tabs",
    "inline_svg",
    "main_set",
    "margin_table",
    "mean_layers",
    "method_color",
    "method_table",
    "plot_compression",
    "plot_method_scores",
    "plot_simplex",
    "plot_vote_noise",
    "recipe_table",
    "score_rows",
    "seed_table",
    "set_style",
    "show_cut",
    "show_layers",
    "show_map",
    "show_methods",
    "show_plane",
    "show_six",
    "show_six_findings",
    "show_target",
    "show_thirds",
    "show_triangles",
    "side_by_side",
    "simplex_coordinates",
]
