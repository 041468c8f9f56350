"""Figures of speed: how much faster a model of fewer layers is, and how much faster it could be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ambiguity_lib.plotting.style import CURVE_COLORS, make_axes


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
        >>> from ambiguity_lib.plotting import plot_speedup
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
