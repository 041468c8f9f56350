"""Target distributions: the only thing, besides depth, in which the training methods differ.

Every function returns a float64 array of shape (N, C) whose rows sum to one. Trained with soft
cross-entropy, a mixture of label and teacher is cross-entropy plus KL up to a constant.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass as settings

from ambiguity_lib.metrics.uncertainty import entropy


@settings(frozen=True, config={"extra": "forbid"})
class DistillationConfig:
    """How students are trained.

    Attributes:
        weight: λ, the share of the source layer in the target, that the book uses.
        weights: Those that its ablation shows.
        start: Whether students start from the teacher's own ``checkpoint`` or from the
            ``teacher``'s lower layers.
        epochs: Their epochs; the teacher's if None.
    """

    weight: Annotated[float, Field(ge=0, le=1)]
    weights: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]
    start: Literal["checkpoint", "teacher"] = "checkpoint"
    epochs: PositiveInt | None = None


FloatArray = NDArray[np.float64]


def one_hot_targets(labels: ArrayLike, num_classes: int) -> FloatArray:
    """All mass on the label: standard fine-tuning.

    Raises:
        ValueError: If a label is out of range (−1, "no label", included); names the first row.
    """
    labels = np.asarray(labels)
    bad = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if bad.size:
        raise ValueError(
            f"row {bad[0]} has label {labels[bad[0]]}; training needs labels in "
            f"0 … {num_classes - 1}: drop unlabelled items first"
        )
    return np.eye(num_classes)[labels]


def label_smoothing_targets(labels: ArrayLike, num_classes: int, epsilon: float) -> FloatArray:
    """(1 − ε)·onehot + ε·uniform (Szegedy et al., 2016).

    Raises:
        ValueError: If ``epsilon`` is not in [0, 1] or a label is out of range.
    """
    uniform = np.full((len(np.asarray(labels)), num_classes), 1.0 / num_classes)
    return mixture_targets(labels, uniform, epsilon)


def mixture_targets(labels: ArrayLike, teacher_probs: ArrayLike, weight: float) -> FloatArray:
    """(1 − λ)·onehot + λ·teacher: distillation from a layer's (or any other) distribution.

    Args:
        labels: Integers, shape (N,).
        teacher_probs: Distributions, shape (N, C).
        weight: λ in [0, 1], the teacher's share.

    Returns:
        Distributions, shape (N, C).

    Raises:
        ValueError: If ``weight`` is not in [0, 1], the lengths differ, a label is out of range or
            a row of ``teacher_probs`` is no distribution.

    Examples:
        >>> from ambiguity_lib.method import mixture_targets

        Half the label, half what a layer says of these items:

        >>> layer = [[0.6, 0.3, 0.1], [0.4, 0.4, 0.2]]
        >>> mixture_targets([0, 2], layer, 0.5).round(3)
        array([[0.8 , 0.15, 0.05],
               [0.2 , 0.2 , 0.6 ]])

        All label, or all teacher:

        >>> (
        ...     mixture_targets([0], [[0.6, 0.3, 0.1]], 0.0),
        ...     mixture_targets([0], [[0.6, 0.3, 0.1]], 1.0),
        ... )
        (array([[1., 0., 0.]]), array([[0.6, 0.3, 0.1]]))
    """
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"the target's weight must be in [0, 1]; got {weight}")
    probs = np.asarray(teacher_probs, dtype=np.float64)
    entropy(probs)  # refuses rows that are no distributions, naming the first
    if len(probs) != len(np.asarray(labels)):
        raise ValueError(f"{len(np.asarray(labels))} labels but {len(probs)} target rows")
    return (1.0 - weight) * one_hot_targets(labels, probs.shape[1]) + weight * probs
