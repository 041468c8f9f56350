"""The book's figures: every function takes results, draws on ``ax`` and returns it.

Nothing here loads data or trains. A function that is given no ``ax`` makes a figure of its own at
the width of a book page. Call :func:`set_style` once at the top of a notebook.

The ``explore_`` functions are another kind: they give figures with sliders.
"""

from __future__ import annotations

from ambiguity_lib.plotting.compression import plot_before_after, plot_costs
from ambiguity_lib.plotting.depth_explorer import explore_depth
from ambiguity_lib.plotting.distributions import (
    plot_entropy_histogram,
    plot_entropy_scatter,
    plot_reliability,
    plot_votes,
)
from ambiguity_lib.plotting.explorers import explore_layers, explore_temperature
from ambiguity_lib.plotting.inline import inline_svg
from ambiguity_lib.plotting.interactive import InteractiveFigure
from ambiguity_lib.plotting.results import (
    plot_by_entropy,
    plot_intervals,
    plot_layer_curves,
    plot_method_scores,
    plot_score_bars,
    plot_vote_noise,
)
from ambiguity_lib.plotting.simplex import plot_simplex, plot_simplex_paths, simplex_coordinates
from ambiguity_lib.plotting.speed import plot_speedup
from ambiguity_lib.plotting.style import (
    CLASS_COLORS,
    CURVE_COLORS,
    LAYER_CMAP,
    METHOD_COLORS,
    layer_colors,
    method_color,
    set_style,
)

__all__ = [
    "CLASS_COLORS",
    "CURVE_COLORS",
    "LAYER_CMAP",
    "METHOD_COLORS",
    "InteractiveFigure",
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
