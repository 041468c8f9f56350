"""One softmax probe per layer, all fitted together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass as settings
from scipy.special import log_softmax, softmax
from torch.nn.functional import cross_entropy

from ambiguity_lib.models.batches import default_device


@settings(frozen=True, config={"extra": "forbid"})
class ProbingConfig:
    """How hidden states become one vector an item, and how strongly probes are held back.

    Attributes:
        pooling: The read-out: the mean of an item's tokens, or the first token.
        l2: Penalty of :func:`fit_probes`; of several, validation items choose
            (:func:`select_probes`).
        batch_size: Items a forward pass.
    """

    pooling: Literal["mean", "cls"] = "mean"
    l2: NonNegativeFloat | Annotated[tuple[NonNegativeFloat, ...], Field(min_length=1)] = (
        1e-4,
        1e-3,
        1e-2,
        1e-1,
        1.0,
        3.0,
    )
    batch_size: PositiveInt = 64

    @property
    def penalties(self) -> tuple[float, ...]:
        """All penalties that may be."""
        return self.l2 if isinstance(self.l2, tuple) else (self.l2,)


#: Features of all layers: float16 from a store, float32 from elsewhere.
Features = NDArray[np.float16] | NDArray[np.float32]

#: Bytes of features (in float32) that are fitted or scored at a time; more layers wait their turn.
CHUNK_BYTES = 1 << 31


@dataclass(frozen=True)
class LayerProbes:
    """One softmax regression per layer on standardised features.

    Attributes:
        weight: Shape (L + 1, d, C), for standardised features; d is the hidden size.
        bias: Shape (L + 1, C).
        mean: Feature means of the training set, shape (L + 1, d).
        scale: Feature standard deviations of the training set, shape (L + 1, d).
        l2: The penalty; NaN for probes that were kept before it was.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ambiguity_lib.method import LayerProbes, fit_probes
        >>> generator = np.random.default_rng(0)
        >>> features = generator.normal(size=(2, 6, 4)).astype(np.float32)
        >>> probes = fit_probes(features, [0, 1, 2, 0, 1, 2], 3)
        >>> probes.weight.shape, probes.predict(features).shape
        ((2, 4, 3), (2, 6, 3))

        Kept and read again:

        >>> probes.save(Path("probes.npz"))
        >>> again = LayerProbes.load(Path("probes.npz"))
        >>> bool((again.weight == probes.weight).all())
        True
        >>> probes.predict(features[:1])
        Traceback (most recent call last):
            ...
        ValueError: features have shape (1, 6, 4); the probes expect (2, N, 4)
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    l2: float = float("nan")

    def logits(self, features: Features) -> NDArray[np.float64]:
        """Logits of every layer's probe.

        Args:
            features: Shape (L + 1, N, d), d the hidden size, as from
                :func:`~ambiguity_lib.models.batches.extract_features`.

        Returns:
            Array of shape (L + 1, N, C).

        Raises:
            ValueError: If the features do not have the probes' layers and width.
        """
        expected = self.mean.shape
        if features.ndim != 3 or (features.shape[0], features.shape[2]) != expected:
            raise ValueError(
                f"features have shape {features.shape}; the probes expect "
                f"({expected[0]}, N, {expected[1]})"
            )
        # (x − mean)/scale @ weight + bias with the standardisation moved into weight and bias
        weight = self.weight.astype(np.float64) / self.scale[:, :, None]
        bias = self.bias - np.einsum("lh,lhc->lc", self.mean, weight)
        layers, items, width = features.shape
        logits = np.empty((layers, items, bias.shape[1]))
        step = max(1, CHUNK_BYTES // (8 * width))  # the features may be mapped and large
        for layer in range(layers):
            for start in range(0, items, step):
                rows = slice(start, start + step)
                chunk = features[layer, rows].astype(np.float64)
                logits[layer, rows] = chunk @ weight[layer] + bias[layer]
        return logits

    def predict(self, features: Features) -> NDArray[np.float64]:
        """Distributions of every layer's probe, shape (L + 1, N, C).

        Args:
            features: Shape (L + 1, N, d), as for :meth:`logits`.

        Returns:
            Array of shape (L + 1, N, C).
        """
        return softmax(self.logits(features), axis=-1)

    def save(self, path: Path) -> None:
        """Write the probes to an ``.npz`` file.

        Args:
            path: The file.
        """
        np.savez(path, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> LayerProbes:
        """Read probes that :meth:`save` wrote.

        Args:
            path: The file.

        Returns:
            The probes.
        """
        with np.load(path) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        return cls(**kept | {"l2": float(kept.get("l2", "nan"))})


def fit_probes(
    features: Features,
    labels: ArrayLike,
    num_classes: int,
    *,
    l2: float = 1e-4,
    max_iterations: int = 200,
    tolerance: float = 1e-6,
) -> LayerProbes:
    r"""Fit the softmax regressions of all layers together by preconditioned L-BFGS.

    Per layer the objective is the mean cross-entropy in nats plus
    :math:`\frac{\alpha}{2} \lVert W \rVert^2`, on standardised features, the bias left free;
    :math:`\alpha` is ``l2``. scikit-learn's ``LogisticRegression`` has the same one if its own
    parameter ``C`` is :math:`1 / (N \alpha)`. The layers share no parameter, so the minimum of the
    sum is every layer's own minimum.

    Hidden states are strongly correlated, which makes plain L-BFGS crawl. The weights are
    therefore written as :math:`P v` with :math:`P = (\frac{1}{4} S + \alpha I)^{-1/2}`, where
    :math:`S` is the features' correlation matrix and :math:`I` the identity: a quarter bounds the
    curvature of cross-entropy in a logit, so that in :math:`v` all directions are about equally
    curved. The objective and its minimum stay the same.

    Args:
        features: Shape (L + 1, N, d), d the hidden size; may be a memory-mapped file.
        labels: Integers in 0 … ``num_classes`` − 1, shape (N,).
        num_classes: Number of classes C.
        l2: Strength of the penalty.
        max_iterations: Most L-BFGS iterations.
        tolerance: Stop earlier when no entry of the gradient in v is larger.

    Returns:
        The probes.

    Raises:
        ValueError: If lengths differ, a label is out of range, or only one class occurs.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.method import fit_probes
        >>> generator = np.random.default_rng(0)
        >>> labels = np.repeat([0, 1], 50)

        Two layers, of which the second knows the label:

        >>> noise = generator.normal(size=(2, 100, 4)).astype(np.float32)
        >>> knowledge = np.array([0, 3]).reshape(2, 1, 1) * labels[:, np.newaxis]
        >>> features = (noise + knowledge).astype(np.float32)
        >>> probes = fit_probes(features, labels, 2)
        >>> predicted = probes.predict(features).argmax(axis=2)
        >>> (predicted == labels).mean(axis=1).round(2)
        array([0.56, 1.  ])
    """
    target = np.asarray(labels)
    if features.ndim != 3 or features.shape[1] != len(target):
        raise ValueError(f"features of shape {features.shape} do not fit {len(target)} labels")
    if target.min() < 0 or target.max() >= num_classes:
        raise ValueError(f"labels must be in 0 … {num_classes - 1}; drop unlabelled items first")
    if len(np.unique(target)) < 2:
        raise ValueError("only one class occurs in the labels: there is nothing to probe for")
    y = torch.as_tensor(target, device=default_device()).long()
    layers, items, width = features.shape
    together = max(1, CHUNK_BYTES // (4 * items * width))
    fitted = []
    for start in range(0, layers, together):
        group = torch.tensor(features[start : start + together], device=y.device).float()
        fitted.append(_fit_together(group, y, num_classes, l2, max_iterations, tolerance))
        del group  # or it would be there beside the next
    weight, bias, mean, scale = (
        torch.cat(parts).cpu().numpy() for parts in zip(*fitted, strict=True)
    )
    return LayerProbes(weight=weight, bias=bias, mean=mean, scale=scale, l2=l2)


def select_probes(
    features: Features,
    labels: ArrayLike,
    validation_features: Features,
    validation_labels: ArrayLike,
    num_classes: int,
    penalties: Sequence[float],
) -> LayerProbes:
    """Probes with the penalty whose validation NLL, the mean of layers 1 to L, is lowest.

    One penalty for all layers, so that layers stay comparable. With few items and wide features a
    weak penalty lets every probe learn its training labels by heart; validation items tell. They
    are tried from the strongest on, until the loss rises: weak ones take longest to fit.

    Args:
        features: Of the training items, shape (L + 1, N, d).
        labels: Theirs, shape (N,).
        validation_features: Of the validation items, shape (L + 1, M, d).
        validation_labels: Theirs, shape (M,).
        num_classes: Number of classes C.
        penalties: Those to choose from.

    Returns:
        The probes; their ``l2`` says which penalty it was.

    Raises:
        ValueError: As :func:`fit_probes`, or if no penalty is given.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.method import select_probes
        >>> generator = np.random.default_rng(0)
        >>> features = generator.normal(size=(2, 60, 20)).astype(np.float32)
        >>> labels = generator.integers(0, 2, 60)

        There is nothing to learn here, so that the strongest penalty is best:

        >>> train, held_out = slice(0, 40), slice(40, 60)
        >>> select_probes(
        ...     features[:, train],
        ...     labels[train],
        ...     features[:, held_out],
        ...     labels[held_out],
        ...     2,
        ...     (0.01, 3),
        ... ).l2
        3
    """
    if not penalties:
        raise ValueError("no penalty is given")
    best: tuple[float, LayerProbes] | None = None
    for penalty in sorted(penalties, reverse=True):
        probes = fit_probes(features, labels, num_classes, l2=penalty)
        if len(penalties) == 1:
            return probes
        logs = log_softmax(probes.logits(validation_features)[1:], axis=-1)
        rows = np.arange(logs.shape[1])
        loss = float(-logs[:, rows, np.asarray(validation_labels)].mean())
        if best is not None and loss > best[0]:
            break
        best = loss, probes
    assert best is not None
    return best[1]


def _fit_together(
    x: torch.Tensor,
    y: torch.Tensor,
    num_classes: int,
    l2: float,
    max_iterations: int,
    tolerance: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weight (L, d, C), bias (L, C), mean (L, d) and scale (L, d) of L layers; ``x`` is used up."""
    layers, items, width = x.shape
    mean = x.mean(dim=1)
    scale = x.std(dim=1, correction=0)
    # A constant feature ([CLS] or padding at the embedding layer) carries nothing: leave it at 0.
    scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
    x.sub_(mean.unsqueeze(1)).div_(scale.unsqueeze(1))
    precondition = torch.stack([_inverse_root(layer.T @ layer / items, l2) for layer in x])
    # Classes before features: both products with x then read it along its rows, twice as fast.
    v = torch.zeros(layers, num_classes, width, device=x.device, requires_grad=True)
    bias = torch.zeros(layers, num_classes, 1, device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [v, bias],
        max_iter=max_iterations,
        tolerance_grad=tolerance,
        tolerance_change=1e-10,
        history_size=20,
        line_search_fn="strong_wolfe",
    )
    repeated = y.expand(layers, items)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        weight = torch.bmm(v, precondition)
        logits = torch.baddbmm(bias, weight, x.transpose(1, 2))
        loss = cross_entropy(logits, repeated, reduction="sum") / items
        loss = loss + 0.5 * l2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    weight = torch.bmm(v.detach(), precondition).transpose(1, 2)
    return weight, bias.detach().squeeze(2), mean, scale


def _inverse_root(correlation: torch.Tensor, l2: float) -> torch.Tensor:
    """(S/4 + l2·I)^(−1/2) of a correlation matrix (d, d), symmetric."""
    values, vectors = torch.linalg.eigh(correlation.double())
    # Without a penalty a direction in which nothing varies must not blow up.
    curvature = (0.25 * values.clamp(min=0) + l2).clamp(min=1e-8)
    return ((vectors / curvature.sqrt()) @ vectors.T).float()
