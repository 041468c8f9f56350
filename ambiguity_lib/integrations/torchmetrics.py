"""Human-distribution metrics as ``torchmetrics.Metric``, for batches and several processes.

``preds`` are the model's probabilities and ``target`` the human label distributions, both of shape
``(N, C)``. The values are those of :mod:`ambiguity_lib.metrics`, means over all items seen; these
are written in torch, so that a batch on a GPU stays there. With ``validate_args=False`` an update
never waits for the device; the check of values costs one such wait.

Example::

    scores = MetricCollection(
        [JensenShannonDistance(), KLDivergence(), EntropyCorrelation()]
    )
    scores.update(logits.softmax(dim=-1), human)
    scores.compute()
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from ambiguity_lib.metrics._validation import SUM_TOLERANCE
from ambiguity_lib.metrics.divergence import PROBABILITY_FLOOR
from ambiguity_lib.metrics.uncertainty import _CONSTANT_SPREAD

__all__ = [
    "EntropyCalibrationError",
    "EntropyCorrelation",
    "JensenShannonDistance",
    "KLDivergence",
    "RankMatch",
    "TotalVariationDistance",
]

# Apple's GPUs have no float64; a metric must be able to move there.
_FLOAT = torch.float32 if torch.backends.mps.is_available() else torch.float64
_BELOW_ONE = 1.0 - torch.finfo(_FLOAT).eps / 2
_SMALLEST = torch.finfo(_FLOAT).tiny


class _HumanMetric(Metric):
    """Checks and converts a batch; what is added up over batches is the subclass's.

    Args:
        validate_args: Whether to check that all rows are distributions. Shapes always are.
        kwargs: Those of ``torchmetrics.Metric``, for instance ``dist_sync_on_step``.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(self, validate_args: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validate_args = validate_args

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take a batch into account.

        Args:
            preds: Model probabilities, shape (N, C), of any type; a half-precision softmax may miss
                a sum of 1 by as much as its type rounds. Rows are divided by their sums.
            target: Human label distributions, shape (N, C).

        Raises:
            ValueError: If the shapes are not (N, C) twice, or a row is not a distribution.
        """
        if preds.shape != target.shape or preds.ndim != 2 or not len(preds) or preds.shape[1] < 2:
            raise ValueError(
                "preds and target must both have the shape (items, classes), at least one item and "
                f"two classes; got {tuple(preds.shape)} and {tuple(target.shape)}"
            )
        if self.validate_args:
            _check_distributions(preds=preds, target=target)
        self._add(_normalised(target), _normalised(preds))

    def _add(self, human: Tensor, model: Tensor) -> None:
        raise NotImplementedError


class _MeanOverItems(_HumanMetric):
    """A number an item, averaged; NaN before the first item."""

    higher_is_better = False
    plot_lower_bound = 0.0
    count: Tensor

    def __init__(self, validate_args: bool = True, **kwargs: Any) -> None:
        super().__init__(validate_args, **kwargs)
        # A MetricCollection makes one of two metrics whose states have the same names and, after
        # the first batch, the same values: all distances are 0 where preds equal target.
        self._sum = f"sum_of_{type(self).__name__}"
        self.add_state(self._sum, torch.zeros((), dtype=_FLOAT), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def _add(self, human: Tensor, model: Tensor) -> None:
        setattr(self, self._sum, getattr(self, self._sum) + self._per_item(human, model).sum())
        self.count = self.count + len(human)

    def compute(self) -> Tensor:
        """Mean over all items so far."""
        mean: Tensor = getattr(self, self._sum) / self.count
        return mean

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        """Values of a batch, shape (N,)."""
        raise NotImplementedError


class JensenShannonDistance(_MeanOverItems):
    """Mean Jensen-Shannon distance: the square root of the divergence, natural logarithm.

    See :func:`ambiguity_lib.metrics.jensen_shannon_distance`. (torchmetrics' own
    ``JensenShannonDivergence`` is the mean of the squares.)

    Examples:
        >>> import torch
        >>> from ambiguity_lib.integrations.torchmetrics import (
        ...     JensenShannonDistance,
        ... )
        >>> metric = JensenShannonDistance()
        >>> metric.update(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        >>> round(metric.compute().item(), 4)
        0.8326
    """

    plot_upper_bound = 0.8326

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        # p/m = 1 + t and q/m = 1 − t, see metrics.divergence for why log1p
        t = (human - model) / (human + model).clamp(min=_SMALLEST)
        human_part = human * torch.log1p(t.clamp(min=-_BELOW_ONE))
        model_part = model * torch.log1p(-t.clamp(max=_BELOW_ONE))
        return (0.5 * (human_part + model_part).sum(dim=1)).clamp(min=0.0).sqrt()


class KLDivergence(_MeanOverItems):
    """Mean KL(human‖model) in nats, ``preds`` floored at 1e-15 and renormalised.

    See :func:`ambiguity_lib.metrics.kl_divergence`. (torchmetrics' own ``KLDivergence(p, q)``
    takes the human distributions first and has another floor.)

    Examples:
        >>> import torch
        >>> from ambiguity_lib.integrations.torchmetrics import KLDivergence

        Model first, human second, as everywhere in torchmetrics; the value is
        KL(human‖model):

        >>> metric = KLDivergence()
        >>> metric.update(
        ...     preds=torch.tensor([[0.99, 0.01]]),
        ...     target=torch.tensor([[0.5, 0.5]]),
        ... )
        >>> round(metric.compute().item(), 3)
        1.614
    """

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        floored = _normalised(model.clamp(min=PROBABILITY_FLOOR))
        logarithms = torch.xlogy(human, human) - human * floored.log()
        return logarithms.sum(dim=1).clamp(min=0.0)


class TotalVariationDistance(_MeanOverItems):
    """Mean total variation distance (DistCE), see :mod:`ambiguity_lib.metrics`.

    Examples:
        >>> import torch
        >>> from ambiguity_lib.integrations.torchmetrics import (
        ...     TotalVariationDistance,
        ... )
        >>> metric = TotalVariationDistance()
        >>> metric.update(torch.tensor([[0.9, 0.1]]), torch.tensor([[0.6, 0.4]]))
        >>> round(metric.compute().item(), 3)
        0.3
    """

    plot_upper_bound = 1.0

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        return 0.5 * (human - model).abs().sum(dim=1)


class EntropyCalibrationError(_MeanOverItems):
    """Mean absolute entropy difference in nats (EntCE), see :mod:`ambiguity_lib.metrics`.

    Examples:
        >>> import torch
        >>> from ambiguity_lib.integrations.torchmetrics import (
        ...     EntropyCalibrationError,
        ... )
        >>> metric = EntropyCalibrationError()
        >>> metric.update(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
        >>> round(metric.compute().item(), 4)
        0.6931
    """

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        return (_entropy(model) - _entropy(human)).abs()


class RankMatch(_MeanOverItems):
    """Share of items whose classes are ranked exactly as people do (RankCS).

    Ties are broken as in :func:`ambiguity_lib.metrics.rank_match`. Rounding makes ties: ``preds``
    in half precision give another value than the same ones in float32.

    Examples:
        >>> import torch
        >>> from ambiguity_lib.integrations.torchmetrics import RankMatch
        >>> metric = RankMatch()
        >>> metric.update(
        ...     torch.tensor([[0.9, 0.1], [0.4, 0.6]]),
        ...     torch.tensor([[0.6, 0.4], [0.6, 0.4]]),
        ... )
        >>> metric.compute().item()
        0.5
    """

    higher_is_better = True
    plot_upper_bound = 1.0

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        rankings = (torch.argsort(probs, dim=1, stable=True) for probs in (human, model))
        return torch.eq(*rankings).all(dim=1).to(_FLOAT)


class EntropyCorrelation(_HumanMetric):
    """Pearson correlation, over items, of human and model entropy.

    Batches and processes are merged by count, means and centred sums (Chan, Golub & LeVeque, 1983),
    so the value does not depend on how items were dealt out. NaN where it is undefined: fewer than
    two items, or the same entropy (to 1e-12 nats) for all on either side.

    Examples:
        >>> import torch
        >>> from ambiguity_lib.integrations.torchmetrics import EntropyCorrelation
        >>> metric = EntropyCorrelation()
        >>> model = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2]])
        >>> human = torch.tensor([[1.0, 0.0], [0.7, 0.3], [0.5, 0.5]])

        Batch by batch, the value of all items:

        >>> for preds, target in zip(model.split(2), human.split(2), strict=True):
        ...     metric.update(preds, target)
        >>> round(metric.compute().item(), 3)
        0.97
    """

    higher_is_better = True
    plot_lower_bound = -1.0
    plot_upper_bound = 1.0
    moments: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, validate_args: bool = True, **kwargs: Any) -> None:
        super().__init__(validate_args, **kwargs)
        self.add_state("moments", torch.zeros(6, dtype=_FLOAT), dist_reduce_fx=_merge_moments)
        infinite = torch.full((2,), torch.inf, dtype=_FLOAT)
        self.add_state("lowest", infinite, dist_reduce_fx="min")
        self.add_state("highest", -infinite, dist_reduce_fx="max")

    def _add(self, human: Tensor, model: Tensor) -> None:
        entropies = torch.stack([_entropy(human), _entropy(model)])
        # every item is a part of its own, without a spread
        items = torch.zeros(len(human), 6, dtype=entropies.dtype, device=entropies.device)
        items[:, 0] = 1.0
        items[:, 1:3] = entropies.T
        batch = _merge_moments(items)
        self.moments = _merge_moments(torch.stack([self.moments, batch]))
        self.lowest = torch.minimum(self.lowest, entropies.amin(dim=1))
        self.highest = torch.maximum(self.highest, entropies.amax(dim=1))

    def compute(self) -> Tensor:
        """Correlation over all items so far."""
        human, model, both = self.moments[3:]
        correlation = (both / (human.sqrt() * model.sqrt())).clamp(-1.0, 1.0)
        varies = (self.highest - self.lowest > _CONSTANT_SPREAD).all()
        return torch.where(varies, correlation, torch.nan)


def _merge_moments(parts: Tensor) -> Tensor:
    """Moments of several sets of pairs (x, y) together; an empty set changes nothing.

    Args:
        parts: Shape (P, 6), a row a set: count, means of x and y, centred sums of x², y² and x·y.

    Returns:
        The same six numbers of all, shape (6,).
    """
    counts, means, sums = parts[:, :1], parts[:, 1:3], parts[:, 3:]
    count = counts.sum(dim=0)
    mean = (counts * means).sum(dim=0) / count.clamp(min=1.0)
    x, y = (means - mean).unbind(dim=1)
    between = counts * torch.stack([x * x, y * y, x * y], dim=1)
    return torch.cat([count, mean, (sums + between).sum(dim=0)])


def _entropy(probs: Tensor) -> Tensor:
    return torch.special.entr(probs).sum(dim=1)


def _normalised(probs: Tensor) -> Tensor:
    """Rows divided by their sums, in float64 (float32 where there is none)."""
    wide = probs.detach().to(_FLOAT)
    return wide / wide.sum(dim=1, keepdim=True)


def _check_distributions(**arguments: Tensor) -> None:
    """One wait for the device if all is well.

    Raises:
        ValueError: If a row has a negative or non-finite entry or misses a sum of 1 by more than
            1e-6, or by more than its type rounds; names the first one.
    """
    good = {}
    for name, probs in arguments.items():
        rounding = torch.finfo(probs.dtype).eps if probs.is_floating_point() else 0.0
        wide = probs.detach().to(_FLOAT)
        off = (wide.sum(dim=1) - 1.0).abs()
        good[name] = (wide >= 0.0).all(dim=1) & (off <= max(SUM_TOLERANCE, rounding))
    if torch.stack(list(good.values())).all():
        return
    for name, rows in good.items():
        if not rows.all():
            row = int((~rows).nonzero()[0])
            raise ValueError(
                f"{name}: row {row} is no probability distribution: "
                f"{arguments[name][row].tolist()}; apply a softmax to logits first"
            )
