"""Figures of distributions: votes, entropies, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from ambiguity_lib.metrics.uncertainty import entropy
from ambiguity_lib.practice.figures import CLASS_COLORS, make_axes, method_color


def plot_votes(
    dist: np.ndarray,
    class_names: Sequence[str],
    ax: Axes | None = None,
    *,
    item_labels: Sequence[str] | None = None,
    labels_above: bool = False,
) -> Axes:
    """Draw one stacked bar of vote shares per item.

    Args:
        dist: vote counts or shares, shape (C,) or (n, C); each row is scaled to sum to one.
        class_names: the C names, in column order.
        ax: where to draw.
        item_labels: n labels for the bars, top to bottom; the item's number if missing.
        labels_above: put the labels above the bars, where whole sentences have room; four lines of
            text need about 1.1 inches of height a bar.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: if the columns do not match ``class_names`` or a row has no votes.

    Examples:
        >>> import numpy as np
        >>> from course.figures.distributions import plot_votes
        >>> plot_votes(
        ...     np.array([[60, 30, 10], [5, 90, 5]]),
        ...     ("entailment", "neutral", "contradiction"),
        ... )
        <Axes: xlabel='share of votes'>
        >>> plot_votes(
        ...     np.array([[60, 40]]), ("entailment", "neutral", "contradiction")
        ... )
        Traceback (most recent call last):
            ...
        ValueError: dist has 2 columns but there are 3 class names
    """
    rows = np.atleast_2d(np.asarray(dist, dtype=np.float64))
    if rows.shape[1] != len(class_names):
        raise ValueError(
            f"dist has {rows.shape[1]} columns but there are {len(class_names)} class names"
        )
    totals = rows.sum(axis=1, keepdims=True)
    if np.any(totals <= 0):
        raise ValueError(f"dist row {int(np.argmax(totals[:, 0] <= 0))} has no votes")
    shares = rows / totals
    ax = make_axes(ax, (7.0, 1.3 + 0.5 * len(rows)))
    labels = [str(i + 1) for i in range(len(rows))] if item_labels is None else list(item_labels)
    positions, left = np.arange(len(rows)), np.zeros(len(rows))
    height = 0.3 if labels_above else 0.7
    for c, name in enumerate(class_names):
        color = CLASS_COLORS[c % len(CLASS_COLORS)]
        ax.barh(positions, shares[:, c], left=left, height=height, color=color, label=name)
        dark = np.dot(mpl.colors.to_rgb(color), (0.299, 0.587, 0.114)) < 0.5
        for y, (start, share) in enumerate(zip(left, shares[:, c], strict=True)):
            if share >= 0.07:  # a narrower piece cannot hold its number
                ax.text(
                    start + share / 2,
                    y,
                    f"{100 * share:.0f}%",
                    ha="center",
                    va="center",
                    fontsize=10,
                    color="white" if dark else "black",
                )
        left = left + shares[:, c]
    ax.set(xlim=(0, 1), xlabel="share of votes", ylim=(len(rows) - 0.5, -0.5))
    ax.xaxis.set_major_formatter(PercentFormatter(1))  # the unit of the numbers in the bars
    if labels_above:
        ax.set(yticks=[], ylim=(len(rows) - 0.8, -0.8))
        ax.spines["left"].set_visible(False)
        for at, text in zip(positions, labels, strict=True):
            place = (0, at - height / 2)
            ax.annotate(text, place, (0, 3), textcoords="offset points", va="bottom", fontsize=10)
    else:
        ax.set_yticks(positions, labels)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return ax


def plot_entropy_scatter(
    human: np.ndarray, model: np.ndarray, ax: Axes | None = None, *, label: str = "teacher"
) -> Axes:
    """Draw a model's entropy against the human entropy, one dot per item, in nats.

    Args:
        human: shape (N, C).
        model: shape (N, C).
        ax: where to draw.
        label: name of the model; it gives the colour.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> import numpy as np
        >>> from course.figures.distributions import plot_entropy_scatter
        >>> human, model = (
        ...     np.array([[0.6, 0.4], [0.5, 0.5]]),
        ...     np.array([[0.9, 0.1], [1.0, 0.0]]),
        ... )
        >>> plot_entropy_scatter(human, model)
        <Axes: xlabel='human entropy (nats)', ylabel='teacher entropy (nats)'>
    """
    ax = make_axes(ax, (4.6, 4.2))
    top = float(np.log(np.asarray(human).shape[1]))
    ax.plot([0, top], [0, top], "--", color="#777777", linewidth=1, label="equal")
    ax.scatter(
        entropy(human),
        entropy(model),
        s=9,
        alpha=0.35,
        linewidth=0,
        color=method_color(label),
        label=label,
    )
    ax.set(xlim=(-0.03, top + 0.05), ylim=(-0.03, top + 0.05), aspect="equal")
    ax.set(xlabel="human entropy (nats)", ylabel=f"{label} entropy (nats)")
    ax.grid()
    return ax


def plot_entropy_histogram(
    distributions: Mapping[str, np.ndarray], ax: Axes | None = None, *, bins: int = 30
) -> Axes:
    """Draw the histogram of per-item entropies, one outline per name, with its mean.

    Args:
        distributions: name → probabilities of shape (N, C).
        ax: where to draw.
        bins: number of bins between zero and log C.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> from course.figures.distributions import plot_entropy_histogram
        >>> human, model = [[0.6, 0.4], [0.5, 0.5]], [[0.9, 0.1], [1.0, 0.0]]
        >>> plot_entropy_histogram({"human": human, "teacher": model})
        <Axes: xlabel='entropy (nats)', ylabel='share of items'>
    """
    ax = make_axes(ax, (5.1, 3.4))
    top = max(float(np.log(np.asarray(p).shape[1])) for p in distributions.values())
    edges = np.linspace(0, top, bins + 1).tolist()
    for i, (name, probs) in enumerate(distributions.items()):
        values, color = np.minimum(entropy(probs), top), method_color(name)
        sns.histplot(
            x=values,
            bins=edges,
            stat="proportion",
            element="step",
            alpha=0.2,
            color=color,
            linewidth=1.6,
            ax=ax,
        )
        ax.axvline(
            values.mean(),
            color=color,
            linestyle=("--", ":", "-.")[i % 3],
            label=f"{name} (mean {values.mean():.2f})",
        )
    ax.set(xlabel="entropy (nats)", ylabel="share of items", xlim=(0, top))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax


def plot_reliability(
    labels: np.ndarray,
    probs: np.ndarray,
    ax: Axes | None = None,
    *,
    n_bins: int = 15,
    label: str = "teacher",
    color: str | None = None,
) -> Axes:
    """Draw accuracy against confidence in equal-width bins; a dot's area is its share of items.

    Args:
        labels: class indices, shape (N,).
        probs: shape (N, C).
        ax: where to draw; call again on the same axes for another model.
        n_bins: number of equal-width bins of the confidence in (0, 1].
        label: name of the model.
        color: the method's colour if missing.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> import numpy as np
        >>> from course.figures.distributions import plot_reliability
        >>> plot_reliability(
        ...     np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
        ... )
        <Axes: xlabel='confidence (largest probability)', ylabel='accuracy'>
    """
    first = ax is None or not ax.lines
    ax = make_axes(ax, (4.6, 4.2))
    confidence, correct = probs.max(axis=1), probs.argmax(axis=1) == np.asarray(labels)
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    used = count > 0
    mean_confidence = np.bincount(bins, confidence, n_bins)[used] / count[used]
    accuracy = np.bincount(bins, correct, n_bins)[used] / count[used]
    if first:
        ax.plot([0, 1], [0, 1], "--", color="#777777", linewidth=1, label="perfectly calibrated")
    color = method_color(label) if color is None else color
    ax.plot(mean_confidence, accuracy, color=color, linewidth=1.3, label=label)
    ax.scatter(
        mean_confidence,
        accuracy,
        s=12 + 500 * count[used] / len(confidence),
        color=color,
        alpha=0.6,
        zorder=3,
    )
    # No confidence lies below 1/C, so the axis starts there.
    ax.set(xlim=(1 / probs.shape[1] - 0.02, 1.03), ylim=(0, 1.05))
    ax.set(xlabel="confidence (largest probability)", ylabel="accuracy")
    ax.grid()
    ax.legend(loc="lower right")
    return ax
