"""Figures of results: a metric against votes or layers, score bars, intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ambiguity_lib.plotting.style import (
    CURVE_COLORS,
    METHOD_COLORS,
    OTHER_COLOR,
    REFERENCE_COLOR,
    make_axes,
    method_color,
)

#: How far from the intervals a reference may be and still have a line, in lengths of their span.
_REACH = 1.5


def _draw_references(ax: Axes, reference: Mapping[str, float] | None) -> None:
    for i, (name, value) in enumerate((reference or {}).items()):
        style, color = ("--", ":", "-.")[i % 3], method_color(name)
        if color == OTHER_COLOR:  # no method
            color = REFERENCE_COLOR
        order = 1.1 if style == ":" else 1  # what lies under dots is still seen
        ax.axhline(value, linestyle=style, color=color, label=name, zorder=order)


def plot_vote_noise(
    votes: np.ndarray,
    values: np.ndarray,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    ax: Axes | None = None,
    *,
    ylabel: str = "JS distance",
    label: str = "mean over items",
    band_label: str = "95% interval",
    color: str = METHOD_COLORS["human"],
    reference: Mapping[str, float] | None = None,
) -> Axes:
    """Draw a metric against the number of votes (log axis), with an interval band and references.

    Args:
        votes: numbers of votes, shape (K,).
        values: the metric at each number, shape (K,).
        low: lower end of the band, shape (K,); no band if missing.
        high: upper end of the band, shape (K,).
        ax: where to draw.
        ylabel: name and unit of the metric.
        label: what the line is, for the legend.
        band_label: what the band is, for the legend.
        color: colour of line and band.
        reference: name → value, drawn as horizontal lines in the colour of that method, grey if
            it is none.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.plotting import plot_vote_noise
        >>> plot_vote_noise(
        ...     np.array([5, 20, 100]),
        ...     np.array([0.3, 0.15, 0.07]),
        ...     ylabel="JS distance",
        ... )
        <Axes: xlabel='votes per item (log scale)', ylabel='JS distance'>
    """
    ax = make_axes(ax, (5.1, 3.8))
    if low is not None and high is not None:
        ax.fill_between(votes, low, high, color=color, alpha=0.18, linewidth=0, label=band_label)
    ax.plot(votes, values, marker="o", markersize=5, color=color, label=label)
    _draw_references(ax, reference)
    ax.set_xscale("log")
    ax.set_xticks(votes, [f"{v:g}" for v in votes])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="votes per item (log scale)", ylabel=ylabel, ylim=(0, None))
    ax.grid(axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax


def plot_layer_curves(
    values: Mapping[str, np.ndarray],
    ax: Axes | None = None,
    *,
    ylabel: str,
    reference: Mapping[str, float] | None = None,
    mark: Mapping[str, int] | None = None,
) -> Axes:
    """Draw one curve per name over the layers; layer 0 is the embedding output.

    Args:
        values: name → value per layer, each of shape (L + 1,).
        ax: where to draw.
        ylabel: name and unit of the metric.
        reference: name → value, drawn as horizontal lines (for example ``{"human": 0.55}``), grey
            if it is no method.
        mark: name → layer, drawn as vertical lines (for example ``{"depth": 4}``).

    Returns:
        The axes that were drawn on.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.plotting import plot_layer_curves
        >>> accuracy = {"validation": np.array([0.4, 0.55, 0.7, 0.8])}
        >>> plot_layer_curves(accuracy, ylabel="accuracy", mark={"depth": 3})
        <Axes: xlabel='layer (0 = embedding output)', ylabel='accuracy'>
    """
    ax = make_axes(ax)
    for i, (name, curve) in enumerate(values.items()):
        color = method_color(name)
        if color == OTHER_COLOR:  # no method
            color = CURVE_COLORS[i % len(CURVE_COLORS)]
        ax.plot(np.arange(len(curve)), curve, marker="osD^v"[i % 5], color=color, label=name)
    _draw_references(ax, reference)
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
    if len(values) + len(reference or {}) > 1:
        ax.legend()
    return ax


def plot_score_bars(
    table: pd.DataFrame, metric: str, ax: Axes | None = None, *, xlabel: str | None = None
) -> Axes:
    """Draw one horizontal bar per row of a score table, in the table's order.

    Args:
        table: one row a method (the index), one column a metric.
        metric: the column to draw.
        ax: where to draw.
        xlabel: name and unit; the column's name if missing.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: if the table has no such column.

    Examples:
        >>> from ambiguity_lib.evaluation import score_table
        >>> from ambiguity_lib.plotting import plot_score_bars
        >>> table = score_table(
        ...     {"teacher": [[0.9, 0.1], [0.1, 0.9]]}, [[0.6, 0.4], [0.3, 0.7]]
        ... )
        >>> plot_score_bars(table, "JSD", xlabel="JS distance")
        <Axes: xlabel='JS distance'>
    """
    if metric not in table.columns:
        raise ValueError(f"no column {metric!r} in the table; it has {list(table.columns)}")
    column = table[metric].dropna()
    ax = make_axes(ax, (7.0, 1.0 + 0.38 * len(column)))
    names = [str(name) for name in column.index]
    bars = ax.barh(names, column.to_numpy(float), color=[method_color(n) for n in names])
    ax.bar_label(bars, fmt="%.3f", padding=3, fontsize=10)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(xlabel=metric if xlabel is None else xlabel)
    return ax


def plot_intervals(table: pd.DataFrame, ax: Axes | None = None, *, xlabel: str) -> Axes:
    """Draw one dot with its interval per row, top to bottom, beside a line at zero.

    Args:
        table: one row a comparison (the index); columns ``difference``, ``low`` and ``high``.
        ax: where to draw.
        xlabel: name and unit of the difference.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: if a column is missing.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.plotting import plot_intervals
        >>> from ambiguity_lib.statistics import compare
        >>> scores = pd.read_parquet("scores.parquet")
        >>> table = compare(scores, [("distilled", "teacher")])
        >>> plot_intervals(table.set_index("score"), xlabel="distilled − teacher")
        <Axes: xlabel='distilled − teacher'>
    """
    missing = [name for name in ("difference", "low", "high") if name not in table.columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r} in the table; it has {list(table.columns)}")
    ax = make_axes(ax, (7.0, 1.0 + 0.42 * len(table)))
    rows = np.arange(len(table))
    ax.axvline(0, color="#777777", linestyle="--", linewidth=1, zorder=0)
    ax.hlines(rows, table["low"], table["high"], color="black", linewidth=2)
    ax.plot(table["difference"], rows, "o", color="black", markersize=6)
    ax.set_yticks(rows, [str(name) for name in table.index])
    ax.xaxis.set_major_locator(MaxNLocator(4))  # two of these may stand side by side
    ax.set(xlabel=xlabel, ylim=(len(table) - 0.5, -0.5))
    ax.grid(axis="x")
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
        table: one row a method (the index); columns ``mean``, ``low`` and ``high``.
        ax: where to draw.
        xlabel: name and unit of the score.
        reference: name → value, drawn as vertical lines with their name above; one far from all
            intervals would squeeze them, and stands at the edge as text with an arrow.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: if a column is missing.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.plotting import plot_method_scores
        >>> from ambiguity_lib.statistics import summarise
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
    left, right = table["low"].min(), table["high"].max()
    reach = _REACH * (right - left) or float("inf")
    bottom = len(table)
    for i, (name, value) in enumerate((reference or {}).items()):
        if left - reach <= value <= right + reach:
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
            continue
        before = value < left
        ax.text(
            0.01 if before else 0.99,
            bottom,  # a row of its own
            f"← {name} {value:.3f}" if before else f"{name} {value:.3f} →",
            transform=ax.get_yaxis_transform(),
            ha="left" if before else "right",
            va="center",
            fontsize=10,
            color="#444444",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        bottom += 1
    ax.set_yticks(range(len(table)), [str(name) for name in table.index])
    ax.set(xlabel=xlabel, ylim=(bottom - 0.5, -0.5))
    ax.grid(axis="x")
    return ax


def plot_by_entropy(table: pd.DataFrame, ax: Axes | None = None, *, ylabel: str) -> Axes:
    """Draw a score against human entropy, one line with its interval per method.

    Args:
        table: rows of :func:`~ambiguity_lib.statistics.by_human_entropy` for one dataset.
        ax: where to draw.
        ylabel: name and unit of the score.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.plotting import plot_by_entropy
        >>> from ambiguity_lib.statistics import by_human_entropy
        >>> scores = pd.read_parquet("scores.parquet")
        >>> table = by_human_entropy(scores, "JSD", bins=2)
        >>> plot_by_entropy(table, ylabel="JS distance")
        <Axes: xlabel='human entropy, mean of the bin (nats)', ylabel='JS distance'>
    """
    ax = make_axes(ax, (7.0, 4.0))
    for i, (name, rows) in enumerate(table.groupby("method", sort=False)):
        color, x = method_color(str(name)), rows["human_entropy"]
        ax.fill_between(x, rows["low"], rows["high"], color=color, alpha=0.15, linewidth=0)
        ax.plot(x, rows["mean"], marker="osD^vP*X"[i % 8], color=color, label=str(name))
    ax.set(xlabel="human entropy, mean of the bin (nats)", ylabel=ylabel)
    ax.grid(axis="y")
    ax.legend()
    return ax
