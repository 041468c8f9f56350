"""How far some votes are from all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from ambiguity_lib.practice.figures import METHOD_COLORS, draw_references, make_axes


def plot_vote_noise(
    votes: Sequence[float] | np.ndarray,
    values: ArrayLike,
    *,
    label: str,
    reference: Mapping[str, float],
) -> Axes:
    """Draw a JS distance against the number of votes (log axis).

    Args:
        votes: Numbers of votes, shape (K,).
        values: The distance at each number, shape (K,).
        label: What the line is.
        reference: Name → distance, drawn as horizontal lines.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> from course.figures.votes import plot_vote_noise
        >>> plot_vote_noise(
        ...     [5, 20, 100],
        ...     [0.3, 0.15, 0.07],
        ...     label="to the truth",
        ...     reference={"uniform": 0.2},
        ... )
        <Axes: xlabel='votes per item (log scale)', ylabel='JS distance'>
    """
    ax = make_axes(None, (5.1, 3.8))
    ax.plot(votes, values, marker="o", markersize=5, color=METHOD_COLORS["human"], label=label)
    draw_references(ax, reference)
    ax.set_xscale("log")
    ax.set_xticks(votes, [f"{v:g}" for v in votes])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="votes per item (log scale)", ylabel="JS distance", ylim=(0, None))
    ax.grid(axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax
