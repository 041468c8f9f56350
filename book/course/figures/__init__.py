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
    "explore_depth",
    "explore_layers",
    "explore_temperature",
    "inline_svg",
    "layer_colors",
    "method_color",
    "plot_before_after",
    "plot_by_entropy",
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
    "set_style",
    "simplex_coordinates",
]
