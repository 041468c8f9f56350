"""Figures of results: a metric against votes or layers, score bars, intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from ambiguity_lib.practice.figures import (
    METHOD_COLORS,
    draw_references,
    make_axes,
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
        >>> from course.figures.votes import plot_vote_noise
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
