"""How deep must the classifier be, which layer is its teacher, and the cut itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass as settings
from torch import nn

from ambiguity_lib.models.loading import config_at_depth

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@settings(frozen=True, config={"extra": "forbid"})
class SelectionConfig:
    """The two rules that choose depth and source layer without human distributions.

    Attributes:
        tolerance: Validation accuracy that one is ready to give up for depth, see
            :func:`~ambiguity_lib.method.layers.converged_depth`.
        source_fraction: Share of the knowledge that the source must have, see
            :func:`~ambiguity_lib.method.layers.source_layer`.
        depths: Those at which the pruning chapter trains a model besides the chosen one.
    """

    tolerance: Annotated[float, Field(ge=0, lt=1)]
    source_fraction: Annotated[float, Field(gt=0, le=1)]
    depths: tuple[PositiveInt, ...] = ()


def _checked(accuracies: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(accuracies, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values)):
        raise ValueError(
            "accuracies must be a list of finite numbers, layer 0 (the embedding output) first, "
            f"then layers 1 … L; got {accuracies!r}"
        )
    return values


def paired_errors(correct: ArrayLike) -> NDArray[np.float64]:
    r"""Standard error of each layer's validation accuracy against the best layer's.

    Both probes answer the same M items, so that what counts are the items on which one is right
    and the other wrong: :math:`\mathrm{sd}(b_i - c_i)/\sqrt{M}`, with :math:`b` the best of the
    layers 1 … L and :math:`c` the layer, 1 where the item is answered correctly.

    Args:
        correct: Whether the probe of a layer is right about a validation item, shape (L + 1, M).

    Returns:
        Array of shape (L + 1,).

    Raises:
        ValueError: If there are fewer than two layers, or not two items.

    Examples:
        >>> from ambiguity_lib.method import paired_errors
        >>> paired_errors([[0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, 0]]).round(3)
        array([0.5 , 0.25, 0.  ])
    """
    values = np.asarray(correct, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] < 2:
        raise ValueError(
            f"correct must have shape (L + 1, M), two items at least; got {values.shape!s}"
        )
    best = values[1:][values[1:].mean(axis=1).argmax()]
    return np.asarray((best - values).std(axis=1, ddof=1) / np.sqrt(values.shape[1]))


def converged_depth(accuracies: ArrayLike, tolerance: ArrayLike) -> int:
    """The lowest layer from 1 on whose validation accuracy is within ``tolerance`` of their best.

    Layer 0, the embedding output, is no depth, and does not count as the best either.

    Args:
        accuracies: Validation accuracy of the probes of layers 0 … L.
        tolerance: Accuracy that one is ready to give up, e.g. 0.01; or one value a layer, see
            :func:`paired_errors`.

    Returns:
        A layer from 1 to L.

    Raises:
        ValueError: If the accuracies are not finite numbers or the tolerance is negative.

    Examples:
        >>> from ambiguity_lib.method import converged_depth
        >>> accuracies = [0.40, 0.55, 0.70, 0.795, 0.80]
        >>> converged_depth(accuracies, tolerance=0.01)
        3
        >>> converged_depth(accuracies, tolerance=0.0)
        4
    """
    values = _checked(accuracies)
    allowed = np.broadcast_to(np.asarray(tolerance, dtype=np.float64), values.shape)
    if not (allowed >= 0).all():
        raise ValueError(f"tolerance must not be negative; got {tolerance!r}")
    return int(np.flatnonzero(values[1:] >= values[1:].max() - allowed[1:])[0]) + 1


def source_layer(accuracies: ArrayLike, depth: int, *, chance: float, fraction: float = 0.5) -> int:
    """The lowest layer below ``depth`` that knows a given share of what layer ``depth`` knows.

    A rule of ours: knowledge is accuracy above ``chance``, and the layer is the lowest with at
    least ``fraction`` of it. It reads validation labels only. Where no layer below gets there,
    the layer just below ``depth`` is taken.

    Args:
        accuracies: Validation accuracy of the probes of layers 0 … L.
        depth: Depth of the pruned model; at least 2.
        chance: Accuracy of always answering the most frequent class.
        fraction: Share of the knowledge, between 0 and 1.

    Returns:
        A layer from 1 to ``depth`` − 1.

    Raises:
        ValueError: If ``depth`` leaves no layer below it, or an argument is out of range.

    Examples:
        >>> from ambiguity_lib.method import source_layer
        >>> accuracies = [0.40, 0.55, 0.70, 0.795, 0.80]

        Layer 3 knows 0.795 − 0.35 = 0.445 above chance. Layer 2, with 0.70 − 0.35 =
        0.35, is the lowest with half of that:

        >>> source_layer(accuracies, 3, chance=0.35)
        2
        >>> source_layer(accuracies, 1, chance=0.35)
        Traceback (most recent call last):
            ...
        ValueError: depth must be between 2 and 4 so that a layer lies below; got 1
    """
    values = _checked(accuracies)
    if not 2 <= depth < len(values):
        raise ValueError(
            f"depth must be between 2 and {len(values) - 1} so that a layer lies below; got {depth}"
        )
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction must be between 0 and 1; got {fraction}")
    needed = chance + fraction * (values[depth] - chance)
    candidates = np.flatnonzero(values[1:depth] >= needed) + 1
    return int(candidates[0]) if candidates.size else depth - 1


@dataclass(frozen=True)
class LayerChoice:
    """What the two rules chose, and why.

    Attributes:
        depth: Layers that the student keeps.
        source: The layer below whose probe teaches it.
        converged: The layer at which accuracy has converged: the depth, unless that was set, or
            is 2 because a layer must lie below it.
        best: Highest validation accuracy among the probes of layers 1 … L.
        allowed: Accuracy that the converged layer might lack: the tolerance, or one paired standard
            error if that is more.
        chance: Accuracy of always answering the most frequent class.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.method import SelectionConfig, choose_layers
        >>> rules = SelectionConfig(tolerance=0.01, source_fraction=0.5)
        >>> correct = np.array(
        ...     [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]
        ... )
        >>> choice = choose_layers(correct, [0, 0, 1, 2], rules)
        >>> choice.depth, choice.best, choice.chance
        (2, 0.75, 0.5)
    """

    depth: int
    source: int
    converged: int
    best: float
    allowed: float
    chance: float


def choose_layers(
    correct: ArrayLike,
    validation_labels: ArrayLike,
    selection: SelectionConfig,
    *,
    depth: int | None = None,
    source: int | None = None,
) -> LayerChoice:
    """Depth and source of a student, from validation labels only.

    The depth is :func:`converged_depth`, where a layer may lack the tolerance or one paired
    standard error, whichever is more, but at least 2, so that a layer lies below it; the source is
    :func:`source_layer` with the frequency of the most common label as chance.

    Args:
        correct: Whether the probe of a layer is right about a validation item, shape (L + 1, M).
        validation_labels: Gold labels of the validation items, shape (M,).
        selection: The rules' settings.
        depth: Depth to take instead of the rule's.
        source: Source to take instead of the rule's.

    Returns:
        Depth and source, and what they were chosen by.

    Raises:
        ValueError: If a validation item has no label (names the first), or ``source`` is not below
            the depth.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.method import SelectionConfig, choose_layers
        >>> items = np.arange(1000)
        >>> correct = np.stack(
        ...     [items < right for right in (400, 550, 700, 798, 800)]
        ... )
        >>> rules = SelectionConfig(tolerance=0.01, source_fraction=0.5)
        >>> choice = choose_layers(correct, items % 3, rules)
        >>> choice.depth, choice.source
        (3, 2)
    """
    labels = np.asarray(validation_labels)
    if (labels < 0).any():
        raise ValueError(
            f"validation row {int((labels < 0).argmax())} has no label (-1); drop such items first"
        )
    errors = paired_errors(correct)
    values = np.asarray(correct, dtype=np.float64).mean(axis=1)
    allowed = np.maximum(selection.tolerance, errors)
    chance = float(np.bincount(labels).max() / len(labels))
    converged = converged_depth(values, allowed)
    if depth is None:
        depth = max(converged, 2)
    if source is None:
        source = source_layer(values, depth, chance=chance, fraction=selection.source_fraction)
    elif not 0 <= source < depth:
        raise ValueError(
            f"source must be a layer below the depth, which is {depth} here; got {source}"
        )
    best, most = float(values[1:].max()), float(allowed[converged])
    return LayerChoice(depth, source, converged, best, most, chance)


def prune_to_depth(model: PreTrainedModel, depth: int) -> PreTrainedModel:
    """A new model that stops after layer ``depth``, weights copied, head and final norm kept.

    Args:
        model: A supported sequence classifier; it is left as it is.
        depth: Layers to keep, from 1.

    Returns:
        A plain model of the same class, in evaluation mode.

    Raises:
        ValueError: If the architecture is unsupported or ``depth`` out of range.

    Examples:
        >>> from ambiguity_lib.models import load_classifier
        >>> from ambiguity_lib.models import count_parameters
        >>> from ambiguity_lib.method import prune_to_depth
        >>> model = load_classifier("tiny", ("bad", "good"))
        >>> small = prune_to_depth(model, 2)
        >>> small.config.num_hidden_layers, model.config.num_hidden_layers
        (2, 4)
        >>> round(count_parameters(small) / count_parameters(model), 2)
        0.55
    """
    pruned = type(model)(config_at_depth(model.config, depth))
    weights = model.state_dict()
    pruned.load_state_dict({name: weights[name] for name in pruned.state_dict()})
    nn.Module.to(pruned, device=model.device, dtype=model.dtype)
    return pruned.eval()
