"""Target distributions: the only thing, besides depth, in which the training methods differ.

Every function returns a float64 array of shape (N, C) whose rows sum to one. Trained with soft
cross-entropy, a mixture of label and teacher is cross-entropy plus KL up to a constant.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass as settings

from ambiguity_lib.metrics.calibration import accuracy, negative_log_likelihood
from ambiguity_lib.metrics.uncertainty import entropy


@settings(frozen=True, config={"extra": "forbid"})
class DistillationConfig:
    """How students are trained.

    Attributes:
        weight: λ, the share of the source layer in the target, that the book uses.
        weights: Those that its ablation shows.
        start: Whether students start from the ``teacher``'s lower layers or from its own
            ``checkpoint``.
        epochs: Their epochs; the teacher's if None.
        folds: If not 0, what the layers say about training items is cross-fitted: by teachers and
            probes that were fitted on the other folds.
    """

    weight: Annotated[float, Field(ge=0, le=1)]
    weights: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]
    start: Literal["checkpoint", "teacher"] = "teacher"
    epochs: PositiveInt | None = None
    folds: NonNegativeInt = 0

    def __post_init__(self) -> None:
        """Check that there are two folds if there are any."""
        if self.folds == 1:
            raise ValueError("folds must be 0 (not cross-fitted) or at least 2, got 1")


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


#: Mean entropy in nats below which a layer's distributions are all but its labels.
LEAST_ENTROPY = 0.1
#: Accuracy on training items above that on validation items: what was learnt by heart.
MOST_BY_HEART = 0.1


def degenerate_signs(
    train_labels: ArrayLike,
    train_probs: ArrayLike,
    validation_labels: ArrayLike,
    validation_probs: ArrayLike,
) -> tuple[str, ...]:
    """Why a layer's distributions may be no more than the labels that its probe was fitted to.

    Then a student that they teach is trained on the labels once more: "distilled" is "pruned" by
    another name. Three signs: the distributions of the training items have a mean entropy below
    .1 nats; their accuracy is above that of the validation items by more than .1; the validation
    NLL is above log C, that of a uniform answer. The bounds are ours.

    Args:
        train_labels: Shape (N,).
        train_probs: What the layer's probe says about the training items, shape (N, C).
        validation_labels: Shape (M,).
        validation_probs: Shape (M, C).

    Returns:
        A sentence for each sign; empty if there is none.

    Examples:
        >>> from ambiguity_lib.method import degenerate_signs
        >>> degenerate_signs([0, 1], [[0.7, 0.3], [0.4, 0.6]], [0], [[0.6, 0.4]])
        ()
        >>> learnt = degenerate_signs(
        ...     [0, 1], [[0.999, 0.001], [0.001, 0.999]], [0, 1], [[0.1, 0.9]] * 2
        ... )
        >>> len(learnt)
        3
    """
    doubt = float(entropy(train_probs).mean())
    seen = float(accuracy(train_labels, train_probs).mean())
    unseen = float(accuracy(validation_labels, validation_probs).mean())
    loss = float(negative_log_likelihood(validation_labels, validation_probs).mean())
    uniform = float(np.log(np.asarray(validation_probs).shape[1]))
    said = []
    if doubt < LEAST_ENTROPY:
        said.append(
            f"its distributions of the training items are all but labels ({doubt:.3f} nats)"
        )
    if seen - unseen > MOST_BY_HEART:
        said.append(
            f"it is right about {seen:.3f} of the training items, but {unseen:.3f} of the "
            "validation items: it knows labels by heart"
        )
    if loss > uniform:
        said.append(f"its validation NLL, {loss:.2f}, is above a uniform answer's, {uniform:.2f}")
    return tuple(said)
