"""Colours and defaults that all figures share.

A method has the same colour in every chapter (from the colour-blind-safe palette of Okabe and Ito,
2008; the less usual ones have others, and always their name beside the mark), a class has the
same colour everywhere (Paul Tol's muted palette, so that a class is never taken for a method), and
layers run along a sequential map.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

METHOD_COLORS: dict[str, str] = {
    "human": "#000000",
    "teacher": "#D55E00",
    "trained longer": "#8A3B00",
    "pruned": "#E69F00",
    "distilled": "#0072B2",
    "temperature": "#56B4E9",
    "label smoothing": "#CC79A7",
    "ls-ts": "#1B7F8C",
    "mc dropout": "#7B61A8",
    "deep ensemble": "#4B2E83",
    "distilled from the top": "#66A0C8",
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
        >>> from course.figures import set_style
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
        >>> from course.figures import method_color
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


def make_axes(ax: Axes | None, figsize: tuple[float, float] | None = None) -> Axes:
    """Return ``ax``, or the axes of a new figure of ``figsize`` inches if it is missing."""
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


# Matplotlib draws in a colour that no figure uses; the page's text colour takes its place.
_INK = "#010203"
_PAGE_COLORS = {_INK: "currentColor", "#444444": "currentColor", "#dddddd": "var(--grid, #dddddd)"}
_NOT_FOR_PAGES = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
_IDS = re.compile(r'(\bid="|href="#|url\(#)')


def inline_svg(
    draw: Callable[[Axes], object], *, name: str, alt: str, size: tuple[float, float]
) -> str:
    """Draw a figure as an ``<svg>`` element that needs nothing from outside.

    Text is drawn as paths, so that it looks the same without our fonts; it has the colour of the
    page's text, and lines of a grid that of the page's variable ``--grid``, in light and in dark.

    Args:
        draw: What draws on the axes it is given.
        name: A prefix that makes the ids unique in the page; letters, digits and dashes.
        alt: What the figure shows, for those who do not see it.
        size: Width and height in inches.

    Returns:
        The element. The same figure gives the same text.

    Examples:
        >>> from course.figures import inline_svg
        >>> svg = inline_svg(
        ...     lambda ax: ax.plot([0, 1]), name="line", alt="A line", size=(3, 2)
        ... )
        >>> svg[:4], "A line" in svg
        ('<svg', True)
    """
    with mpl.rc_context():
        set_style()
        mpl.rcParams.update(
            {
                "text.color": _INK,
                "axes.edgecolor": _INK,
                "axes.labelcolor": _INK,
                "axes.titlecolor": _INK,
                "xtick.color": _INK,
                "ytick.color": _INK,
                "legend.frameon": False,
                "svg.fonttype": "path",
                "svg.hashsalt": name,
            }
        )
        figure = Figure(figsize=size, layout="constrained")  # not pyplot's: no window, no leak
        draw(figure.subplots())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = _NOT_FOR_PAGES.sub("", text[text.index("<svg") :]).replace("xlink:href", "href")
    text = _IDS.sub(rf"\g<1>{name}-", text)
    for color, replacement in _PAGE_COLORS.items():
        text = re.sub(color, replacement, text, flags=re.IGNORECASE)
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    opening = f'<svg {box[0]} role="img" aria-label="{html.escape(alt)}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1).strip()


def draw_references(ax: Axes, reference: Mapping[str, float] | None) -> None:
    """Horizontal lines at values to compare with, each with its name in the legend."""
    for i, (name, value) in enumerate((reference or {}).items()):
        color = method_color(name)
        if color == OTHER_COLOR:  # no method
            color = REFERENCE_COLOR
        ax.axhline(value, linestyle=("--", ":", "-.")[i % 3], color=color, label=name, zorder=1)


def plot_layer_curve(
    values: ArrayLike,
    ax: Axes | None = None,
    *,
    ylabel: str,
    reference: Mapping[str, float] | None = None,
    mark: Mapping[str, int] | None = None,
) -> Axes:
    """Draw what the probes of all layers reach; layer 0 is the embedding output.

    Args:
        values: One value a layer, shape (L + 1,).
        ax: Where to draw.
        ylabel: Name and unit of the values.
        reference: Name → value, drawn as horizontal lines.
        mark: Name → layer, drawn as vertical lines (for example ``{"depth": 4}``).

    Returns:
        The axes that were drawn on.

    Examples:
        >>> from ambiguity_lib.practice.figures import plot_layer_curve
        >>> accuracy = [0.4, 0.55, 0.7, 0.8]
        >>> plot_layer_curve(accuracy, ylabel="accuracy", mark={"depth": 3})
        <Axes: xlabel='layer (0 = embedding output)', ylabel='accuracy'>
    """
    ax = make_axes(ax)
    curve = np.asarray(values, dtype=float)
    ax.plot(np.arange(len(curve)), curve, "o-", color=METHOD_COLORS["probe"], label="probe")
    draw_references(ax, reference)
    # Stacked labels: two marks on neighbouring layers, or on one, stay readable.
    for i, (name, layer) in enumerate((mark or {}).items()):
        ax.axvline(layer, color="#777777", linewidth=1.2, linestyle=(":", "-.")[i % 2], zorder=0)
        ax.annotate(
            f"{name}: {layer}",
            (layer, 1.0),
            (-3, 3 + 13 * i),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=10,
            color="#444444",
        )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="layer (0 = embedding output)", ylabel=ylabel)
    ax.grid(axis="y")
    if reference:
        ax.legend()
    return ax


def plot_method_scores(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    xlabel: str,
    reference: Mapping[str, float] | None = None,
) -> Axes:
    """Draw one dot with its interval per method, in the method's colour, top to bottom.

    Args:
        table: One row a method (the index); columns ``mean``, ``low`` and ``high``.
        ax: Where to draw.
        xlabel: Name and unit of the score.
        reference: Name → value, drawn as vertical lines with their name above.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: If a column is missing.

    Examples:
        >>> import pandas as pd
        >>> from course.figures import plot_method_scores
        >>> from ambiguity_lib.evaluation import summarise
        >>> summary = summarise(pd.read_parquet("scores.parquet"))
        >>> table = summary[summary["score"] == "JSD"].set_index("method")
        >>> plot_method_scores(
        ...     table, xlabel="JS distance", reference={"human": 0.05}
        ... )
        <Axes: xlabel='JS distance'>
    """
    missing = [name for name in ("mean", "low", "high") if name not in table.columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r} in the table; it has {list(table.columns)}")
    ax = make_axes(ax, (5.2, 1.2 + 0.34 * len(table)))  # as wide as a phone, at letters of 9 px
    for row, (name, scores) in enumerate(table.iterrows()):
        color = method_color(str(name))
        ax.hlines(row, scores["low"], scores["high"], color=color, linewidth=2.5)
        ax.plot(scores["mean"], row, "o", color=color, markersize=7)
    for i, (name, value) in enumerate((reference or {}).items()):
        ax.axvline(value, color="#777777", linestyle=("--", ":", "-.")[i % 3], zorder=0)
        ax.annotate(
            name,
            (value, 1.0),
            (0, 3 + 12 * (i % 2)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=10,
            color="#444444",
        )
    ax.set_yticks(range(len(table)), [str(name) for name in table.index])
    ax.set(xlabel=xlabel, ylim=(len(table) - 0.5, -0.5))
    ax.grid(axis="x")
    return ax


# the names give each its method's colour
_MODELS = {
    "before": "before (teacher)",
    "temperature": "temperature",
    "after": "after (distilled)",
}


def plot_before_after(table: pd.DataFrame, ax: Axes | None = None, *, xlabel: str) -> Axes:
    """Draw a measure before, at a fitted temperature and after, one dot with its interval each.

    Args:
        table: Rows of ``run["measures"]`` of a
            :class:`~ambiguity_lib.practice.compress.CompressionResult`, for one set and one
            measure; columns ``model``, ``value``, ``low`` and ``high``. Differences and missing
            values are left out.
        ax: Where to draw.
        xlabel: Name and unit of the measure.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: If a column is missing.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.practice.figures import plot_before_after
        >>> rows = [
        ...     ("before", 0.30, 0.28, 0.32),
        ...     ("temperature", 0.25, 0.23, 0.27),
        ...     ("after", 0.22, 0.2, 0.24),
        ... ]
        >>> table = pd.DataFrame(rows, columns=["model", "value", "low", "high"])
        >>> plot_before_after(table, xlabel="JS distance")
        <Axes: xlabel='JS distance'>
    """
    missing = [name for name in ("model", "value", "low", "high") if name not in table.columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r} in the table; it has {list(table.columns)}")
    rows = table[table["model"].isin(_MODELS)].set_index("model")
    rows = rows.reindex([name for name in _MODELS if name in rows.index])
    rows = rows[["value", "low", "high"]].astype(float).dropna(subset="value")
    scores = rows.rename(index=_MODELS, columns={"value": "mean"})
    return plot_method_scores(scores, ax, xlabel=xlabel)


def plot_costs(
    before: Mapping[str, float | None],
    after: Mapping[str, float | None],
    ax: Axes | None = None,
    *,
    labels: Mapping[str, tuple[str, str]] | None = None,
) -> Axes:
    """Draw what a model costs after its compression in percent of before, a pair of bars a cost.

    Args:
        before: Cost → amount, each in any unit. One without an amount is left out.
        after: The same costs.
        ax: Where to draw.
        labels: Cost → what stands beside the two bars; by default the amounts.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: If ``after`` has other costs.

    Examples:
        >>> from ambiguity_lib.practice.figures import plot_costs
        >>> plot_costs(
        ...     {"parameters": 4e6, "latency": 8.0},
        ...     {"parameters": 2e6, "latency": 5.0},
        ... )
        <Axes: xlabel='percent of before'>
    """
    if set(before) != set(after):
        raise ValueError(f"the costs differ: {list(before)} before, {list(after)} after")
    known = {
        name: (first, last)
        for name, first in before.items()
        if first and (last := after[name]) is not None
    }
    ax = make_axes(ax, (7.0, 1.2 + 0.6 * len(known)))
    places = np.arange(len(known))
    for i, name in enumerate(("before (teacher)", "after (distilled)")):
        shares = [100 * pair[i] / pair[0] for pair in known.values()]
        bars = ax.barh(
            places + 0.4 * (i - 0.5), shares, height=0.36, color=method_color(name), label=name
        )
        texts = [
            labels[cost][i] if labels is not None else f"{pair[i]:g}"
            for cost, pair in known.items()
        ]
        ax.bar_label(bars, texts, padding=3, fontsize=10)
    ax.set_yticks(places, list(known))
    ax.invert_yaxis()
    ax.margins(x=0.24)  # room for an amount with its unit
    ax.set(xlabel="percent of before")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax
