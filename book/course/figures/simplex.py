"""The three-class simplex: every distribution is a point, every item a path through the layers."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm

from ambiguity_lib.practice.figures import layer_colors, make_axes

_WHITE_EDGE = [patheffects.withStroke(linewidth=2.5, foreground="white")]


def simplex_coordinates(probs: np.ndarray) -> np.ndarray:
    """Map distributions over three classes to points in the plane.

    Class 0 is the lower left corner (0, 0), class 1 the top (1/2, √3/2), class 2 the lower right
    (1, 0), so that *neutral* stands between *entailment* and *contradiction*.

    Args:
        probs: shape (..., 3).

    Returns:
        Points of shape (..., 2).

    Raises:
        ValueError: if the last axis has not length 3.

    Examples:
        >>> from course.figures.simplex import simplex_coordinates
        >>> simplex_coordinates(
        ...     [[1, 0, 0], [0, 1, 0], [1 / 3, 1 / 3, 1 / 3]]
        ... ).round(3)
        array([[0.   , 0.   ],
               [0.5  , 0.866],
               [0.5  , 0.289]])
    """
    points = np.asarray(probs, dtype=np.float64)
    if points.shape[-1:] != (3,):
        raise ValueError(f"a simplex needs 3 classes in the last axis, got shape {points.shape}")
    corners = np.array([[0.0, 0.0], [0.5, np.sqrt(3) / 2], [1.0, 0.0]])
    return np.asarray(points @ corners)


def plot_simplex(ax: Axes | None = None, class_names: Sequence[str] = ("0", "1", "2")) -> Axes:
    """Draw the empty three-class simplex: corners named, argmax regions and quarters marked.

    Args:
        ax: where to draw.
        class_names: three names, lower left corner first, then top and lower right.

    Returns:
        The axes that were drawn on.

    Examples:
        >>> from course.figures.simplex import (
        ...     plot_simplex,
        ...     simplex_coordinates,
        ... )
        >>> ax = plot_simplex(
        ...     class_names=("entailment", "neutral", "contradiction")
        ... )
        >>> x, y = simplex_coordinates([0.6, 0.3, 0.1])
        >>> ax.scatter(x, y).__class__.__name__
        'PathCollection'
    """
    ax = make_axes(ax, (5.0, 4.4))
    eye, corners = np.eye(3), simplex_coordinates(np.eye(3))
    for c in range(3):
        others = [k for k in range(3) if k != c]
        for level in (0.25, 0.5, 0.75):  # the line on which class c has this probability
            ends = level * eye[c] + (1 - level) * eye[others]
            ax.plot(*simplex_coordinates(ends).T, color="#E6E6E6", linewidth=0.6, zorder=0)
        border = np.stack([np.full(3, 1 / 3), eye[others].mean(axis=0)])
        ax.plot(*simplex_coordinates(border).T, "--", color="#AAAAAA", linewidth=0.9, zorder=0)
    ax.fill(*corners.T, facecolor="none", edgecolor="#555555", linewidth=1.2)
    for corner, name, place in zip(corners, class_names, ("top", "bottom", "top"), strict=True):
        shift = (0, -6 if place == "top" else 5)  # names stand outside the triangle
        ax.annotate(name, corner, shift, textcoords="offset points", ha="center", va=place)
    ax.set(xlim=(-0.12, 1.12), ylim=(-0.1, 0.96), aspect="equal")
    ax.axis("off")
    return ax


def plot_simplex_paths(
    layer_probs: np.ndarray,
    human: np.ndarray,
    class_names: Sequence[str],
    ax: Axes | None = None,
    *,
    labels: Sequence[str] | None = None,
    colorbar: bool = True,
    legend: bool = True,
) -> Axes:
    """Draw how single items move through the layers, and where people stand.

    Each item is a line from its distribution at layer 0 (dark) to the one at the top layer
    (light). A black star is the human distribution; a dotted line ties it to the top layer.

    Args:
        layer_probs: shape (L + 1, n, 3).
        human: shape (n, 3).
        class_names: three names.
        ax: where to draw.
        labels: n short labels put at both ends of what belongs together, layer 0 and star; numbers
            from 1 if there are several items.
        colorbar: add a bar that names the layers.
        legend: say what the star is. In a row of small panels, switch it and the colour bar off
            in all but one, and pass short class names.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: if the shapes do not fit each other.

    Examples:
        >>> import numpy as np
        >>> from course.figures.simplex import plot_simplex_paths
        >>> layer_probs = np.array([[[0.4, 0.3, 0.3]], [[0.9, 0.05, 0.05]]])
        >>> ax = plot_simplex_paths(
        ...     layer_probs, np.array([[0.6, 0.3, 0.1]]), ("yes", "maybe", "no")
        ... )
        >>> type(ax).__name__
        'Axes'
    """
    paths, stars = np.asarray(layer_probs), np.asarray(human)
    if paths.ndim != 3 or stars.shape != paths.shape[1:]:
        raise ValueError(
            f"layer_probs of shape (L+1, n, 3) needs human of shape (n, 3); got {paths.shape} and "
            f"{stars.shape}"
        )
    ax = plot_simplex(make_axes(ax, (6.2, 4.6)), class_names)
    num_layers, num_items = paths.shape[:2]
    colors = layer_colors(num_layers)
    points, goals = simplex_coordinates(paths), simplex_coordinates(stars)
    if labels is None:
        labels = [str(i + 1) if num_items > 1 else "" for i in range(num_items)]
    for i in range(num_items):
        ax.plot(*np.stack([points[-1, i], goals[i]]).T, ":", color="#555555", linewidth=1.1)
        for layer in range(1, num_layers):
            ax.plot(*points[layer - 1 : layer + 1, i].T, color=colors[layer], linewidth=2.0)
        ax.scatter(
            points[:, i, 0],
            points[:, i, 1],
            c=colors,
            s=34,
            zorder=3,
            edgecolor="white",
            linewidth=0.6,
        )
        ax.scatter(
            goals[i, 0],
            goals[i, 1],
            marker="*",
            s=190,
            color="black",
            edgecolor="white",
            zorder=4,
            label="human" if i == 0 else None,
        )
        for place in (points[0, i], goals[i]):
            ax.annotate(
                labels[i],
                place,
                (6, 4),
                textcoords="offset points",
                fontweight="bold",
                path_effects=_WHITE_EDGE,
                zorder=5,
            )
    if legend:
        ax.legend(loc="upper left", frameon=False, handletextpad=0.1, borderpad=0)
    if colorbar:
        cmap = mpl.colors.ListedColormap(list(colors))
        norm = BoundaryNorm(np.arange(num_layers + 1) - 0.5, num_layers)
        bar = ax.figure.colorbar(
            ScalarMappable(norm, cmap), ax=ax, shrink=0.75, pad=0.02, ticks=np.arange(num_layers)
        )
        bar.set_label("layer (0 = embedding output)")
    return ax
