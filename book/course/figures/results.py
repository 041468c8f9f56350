"""Figures of results: a metric against votes or layers, score bars, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ambiguity_lib.practice.figures import (
    CURVE_COLORS,
    METHOD_COLORS,
    draw_references,
    make_axes,
    method_color,
)


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
        >>> from course.figures.results import plot_vote_noise
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
    draw_references(ax, reference)
    ax.set_xscale("log")
    ax.set_xticks(votes, [f"{v:g}" for v in votes])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="votes per item (log scale)", ylabel=ylabel, ylim=(0, None))
    ax.grid(axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
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
        >>> from ambiguity_lib.evaluation.scores import score_table
        >>> from course.figures.results import plot_score_bars
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
        >>> from course.figures.results import plot_intervals
        >>> from ambiguity_lib.evaluation.resampling import compare
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


def plot_by_entropy(table: pd.DataFrame, ax: Axes | None = None, *, ylabel: str) -> Axes:
    """Draw a score against human entropy, one line with its interval per method.

    Args:
        table: rows of :func:`~ambiguity_lib.evaluation.by_human_entropy` for one dataset.
        ax: where to draw.
        ylabel: name and unit of the score.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> import pandas as pd
        >>> from course.figures.results import plot_by_entropy
        >>> from ambiguity_lib.evaluation.resampling import by_human_entropy
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


def plot_speedup(
    depths: Sequence[int],
    measured: Sequence[float],
    expected: Sequence[float],
    ax: Axes | None = None,
    *,
    label: str = "measured",
    expected_label: str | None = None,
    color: str = CURVE_COLORS[0],
    marker: str = "o",
    limit: float | None = None,
) -> Axes:
    """Draw measured speed-ups by depth as dots, and what a law foretells as a dashed line.

    Args:
        depths: layers kept, K numbers in any order.
        measured: latency of the full model over that of each depth, K numbers.
        expected: what the law gives for each depth, K numbers.
        ax: where to draw; call again on the same axes for another batch or machine.
        label: what the dots are, for the legend.
        expected_label: what the line is, for the legend; not named if missing.
        color: colour of dots and line.
        marker: matplotlib's sign for the dots.
        limit: speed-up that no depth can exceed, drawn as a horizontal line.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: if the three do not have the same length.

    Examples:
        >>> from course.figures.results import plot_speedup
        >>> plot_speedup([2, 4, 6], [2.7, 1.4, 1.0], [3.0, 1.5, 1.0])
        <Axes: xlabel='layers kept', ylabel='times as fast as all layers'>
    """
    if not len(depths) == len(measured) == len(expected):
        raise ValueError(
            f"one value a depth: got {len(depths)} depths, {len(measured)} measured and "
            f"{len(expected)} expected"
        )
    ax = make_axes(ax)
    order = np.argsort(depths)
    kept, dots, line = (np.asarray(x, dtype=float)[order] for x in (depths, measured, expected))
    ax.plot(kept, line, "--", color=color, linewidth=1.2, label=expected_label)
    ax.plot(kept, dots, marker, color=color, linestyle="none", markersize=6, label=label)
    if limit is not None:
        ax.axhline(limit, color="#777777", linestyle=":", label="limit, no layer at all")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="layers kept", ylabel="times as fast as all layers")
    ax.autoscale(axis="y")  # a former call has fixed the upper end
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")
    return ax
