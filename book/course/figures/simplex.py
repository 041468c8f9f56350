"""The three-class simplex: every distribution is a point, every item a path through the layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes

from ambiguity_lib.practice.figures import make_axes

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
