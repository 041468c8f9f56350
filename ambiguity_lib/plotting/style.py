"""Colours and defaults that all figures share.

A method has the same colour in every chapter (from the colour-blind-safe palette of Okabe and Ito,
2008; the less usual ones have others, and always their name beside the mark), a class has the
same colour everywhere (Paul Tol's muted palette, so that a class is never taken for a method), and
layers run along a sequential map.
"""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes

METHOD_COLORS: dict[str, str] = {
    "human": "#000000",
    "teacher": "#D55E00",
    "pruned": "#E69F00",
    "distilled": "#0072B2",
    "temperature": "#56B4E9",
    "label smoothing": "#CC79A7",
    "human upper bound": "#009E73",
    "early stopping": "#A6761D",
    "mc dropout": "#7B61A8",
    "deep ensemble": "#4B2E83",
    "distilled from the top": "#66A0C8",
    "out of fold": "#117733",
    "several layers": "#999933",
    "weight by disagreement": "#661100",
    "uniform": "#999999",
    "constant mean": "#666666",
    "probe": "#5F7386",
}
OTHER_COLOR = "#8C6D31"
#: Of lines to compare with that are no method.
REFERENCE_COLOR = "#444444"
#: Of curves that are neither a method nor a class, in this order.
CURVE_COLORS: tuple[str, ...] = ("#37618E", "#A1663B", "#5E8C6A", "#A77BA0", "#6FA3AE", "#B7A04B")
CLASS_COLORS: tuple[str, ...] = ("#332288", "#DDCC77", "#AA4499", "#44AA99", "#88CCEE", "#882255")
LAYER_CMAP = "viridis"


def set_style() -> None:
    """Set matplotlib's defaults for a page about 700 pixels wide.

    Examples:
        >>> import matplotlib.pyplot as plt
        >>> from ambiguity_lib.plotting import set_style
        >>> with plt.rc_context():
        ...     set_style()
        ...     plt.rcParams["axes.spines.top"]
        False
    """
    mpl.rcParams.update(
        {
            "figure.figsize": (7.0, 3.5),
            "figure.dpi": 120,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 11,
            "legend.fontsize": 10,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(METHOD_COLORS.values())[1:]),
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "legend.framealpha": 0.9,
        }
    )


def method_color(name: str) -> str:
    """Return the colour of a method; the longest known name found in ``name`` decides.

    So ``"distilled from 2, weight 0.5"`` has the colour of ``"distilled"``. A method at its oracle
    temperature has the colour of ``"temperature"``; an unknown one gets one brown.

    Args:
        name: A method, as a table or a legend calls it.

    Returns:
        A colour as ``#RRGGBB``.

    Examples:
        >>> from ambiguity_lib.plotting import method_color
        >>> distilled = method_color("distilled")
        >>> method_color("distilled from 2, weight 0.5") == distilled
        True
        >>> scaled = method_color("temperature")
        >>> method_color("teacher, oracle temperature") == scaled
        True
    """
    if "oracle" in name.lower():  # "teacher at oracle T=1.70 (uses gold)"
        return METHOD_COLORS["temperature"]
    known = [key for key in METHOD_COLORS if key in name.lower()]
    return METHOD_COLORS[max(known, key=len)] if known else OTHER_COLOR


def layer_colors(num_layers: int) -> np.ndarray:
    """Return one RGBA colour per layer, shape (num_layers, 4), dark to light from the bottom up.

    Args:
        num_layers: How many layers.

    Returns:
        Array of shape (num_layers, 4), values from 0 to 1.

    Examples:
        >>> from ambiguity_lib.plotting import layer_colors
        >>> layer_colors(5).shape
        (5, 4)
    """
    # The last tenth of viridis is a yellow that vanishes on white paper.
    return np.asarray(mpl.colormaps[LAYER_CMAP](np.linspace(0.0, 0.9, num_layers)))


def make_axes(ax: Axes | None, figsize: tuple[float, float] | None = None) -> Axes:
    """Return ``ax``, or the axes of a new figure of ``figsize`` inches if it is missing."""
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax
