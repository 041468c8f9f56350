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
    layer_colors,
    method_color,
    plot_before_after,
    plot_costs,
    plot_layer_curves,
    plot_method_scores,
    set_style,
)
from course.figures.distributions import (
    plot_entropy_histogram,
    plot_entropy_scatter,
    plot_reliability,
    plot_votes,
)
from course.figures.explorers import explore_depth, explore_layers, explore_temperature
from course.figures.findings import (
    difference_table,
    main_set,
    mean_layers,
    method_table,
    plot_compression,
    score_rows,
    seed_table,
    show_cut,
    show_layers,
    show_map,
    show_methods,
    show_plane,
    show_six,
    show_target,
    show_thirds,
    show_triangles,
)
from course.figures.panels import in_tabs, side_by_side
from course.figures.results import (
    plot_by_entropy,
    plot_intervals,
    plot_score_bars,
    plot_speedup,
    plot_vote_noise,
)
from course.figures.simplex import plot_simplex, plot_simplex_paths, simplex_coordinates

__all__ = [
    "CLASS_COLORS",
    "CURVE_COLORS",
    "METHOD_COLORS",
    "difference_table",
    "explore_depth",
    "explore_layers",
    "explore_temperature",
    "in_tabs",
    "inline_svg",
    "layer_colors",
    "main_set",
    "mean_layers",
    "method_color",
    "method_table",
    "plot_before_after",
    "plot_by_entropy",
    "plot_compression",
    "plot_costs",
    "plot_entropy_histogram",
    "plot_entropy_scatter",
    "plot_intervals",
    "plot_layer_curves",
    "plot_method_scores",
    "plot_reliability",
    "plot_score_bars",
    "plot_simplex",
    "plot_simplex_paths",
    "plot_speedup",
    "plot_vote_noise",
    "plot_votes",
    "score_rows",
    "seed_table",
    "set_style",
    "show_cut",
    "show_layers",
    "show_map",
    "show_methods",
    "show_plane",
    "show_six",
    "show_target",
    "show_thirds",
    "show_triangles",
    "side_by_side",
    "simplex_coordinates",
]
