"""All probes at once, against scikit-learn and PyTorch, layer by layer."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from ambiguity_lib.method import fit_probes
from ambiguity_lib.models import Timing, default_device
from benchmarks.harness import Report, assert_agree, compare_times
from benchmarks.work import CLASSES

L2 = 1e-4
LOSS_TOLERANCE = 1e-3


def run(quick: bool) -> Report:
    """Fit 12 probes on features as wide as BERT-base's, in turn with the peers' layers."""
    layers, items, width = (3, 500, 16) if quick else (12, 20_000, 768)
    features, labels = _features(layers, items, width)
    scaled = _standardise(features)
    fit_probes(features, labels, CLASSES, l2=L2)  # warm-up
    ours: list[float] = []
    sklearn: list[tuple[float, float]] = []
    loops: list[tuple[float, float]] = []
    probes = None
    for layer in range(layers):  # between the peers' layers, so that a slow minute hits all
        sklearn.append(_fit_sklearn(scaled[layer], labels))
        if layer % 2 == 0:
            loops.append(_fit_torch_loop(scaled[layer], labels))
            begin = time.perf_counter()
            probes = fit_probes(features, labels, CLASSES, l2=L2)
            ours.append(time.perf_counter() - begin)
    assert probes is not None
    our_losses = np.array(
        [
            _loss(x, labels, *probe)
            for x, *probe in zip(scaled, probes.weight, probes.bias, strict=True)
        ]
    )
    their_losses = np.array([loss for _, loss in sklearn])
    relative = our_losses / their_losses - 1.0
    if relative.max() > LOSS_TOLERANCE:
        raise AssertionError(f"our losses are higher by more than {LOSS_TOLERANCE}: {relative}")
    # scikit-learn's default tolerance stops it above the minimum where classes are far apart
    _, converged = _fit_sklearn(scaled[-1], labels, tolerance=1e-7)
    assert_agree("converged loss", our_losses[-1], converged, rtol=LOSS_TOLERANCE)
    excess = np.array([loss for _, loss in loops]) / our_losses[::2] - 1.0
    if excess.min() < -LOSS_TOLERANCE:
        raise AssertionError(f"the loop found lower losses than ours: {excess}")
    name = f"{layers} probes, {width} features, {items:,} items, {CLASSES} classes"
    mine = Timing(tuple(ours))
    return Report(
        (
            compare_times(
                name,
                mine,
                "scikit-learn LogisticRegression, lbfgs, layer by layer",
                Timing((sum(seconds for seconds, _ in sklearn),)),
                target=5.0,
                note="same standardised features, same penalty; our losses are lower by "
                f"{-relative.max():.1e} to {-relative.min():.1e} since scikit-learn's default "
                "tolerance stops it early, and equal on the last layer when it may converge; "
                f"it fits each layer once, ours is the median of {len(ours)} fits of all",
            ),
            compare_times(
                name,
                mine,
                "torch.optim.LBFGS, layer by layer",
                Timing(tuple(layers * seconds for seconds, _ in loops)),
                note=f"at most 200 iterations as ours, without preconditioning; median of "
                f"{len(loops)} layers, times {layers}",
            ),
        )
    )


def _features(layers: int, items: int, width: int) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Correlated features, as hidden states are: variances fall by 100 along rotated axes.

    The classes are further apart from layer to layer.
    """
    generator = np.random.default_rng(0)
    labels = generator.integers(CLASSES, size=items)
    spectrum = np.logspace(0, -2, width)
    rotation = np.linalg.qr(generator.normal(size=(width, width)))[0]
    centres = generator.normal(size=(CLASSES, width))
    features = np.empty((layers, items, width), dtype=np.float16)
    for layer in range(layers):
        values = generator.normal(size=(items, width)) + 0.15 * layer / layers * centres[labels]
        features[layer] = (values * spectrum) @ rotation
    return features, labels


def _standardise(features: NDArray[np.float16]) -> NDArray[np.float32]:
    """In float32, which scikit-learn takes as it is and which is what ours calculates in."""
    x = features.astype(np.float32)
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def _loss(
    x: NDArray[np.float32],
    labels: NDArray[np.int64],
    weight: NDArray[Any],
    bias: NDArray[Any],
) -> float:
    """The objective of a layer, in nats."""
    logits = log_softmax(x.astype(np.float64) @ weight.astype(np.float64) + bias, axis=1)
    penalty = 0.5 * L2 * np.square(weight.astype(np.float64)).sum()
    return float(-logits[np.arange(len(labels)), labels].mean() + penalty)


def _fit_sklearn(
    x: NDArray[np.float32], labels: NDArray[np.int64], tolerance: float = 1e-4
) -> tuple[float, float]:
    """Seconds and loss of one layer."""
    model = LogisticRegression(C=1.0 / (len(labels) * L2), max_iter=5000, tol=tolerance)
    begin = time.perf_counter()
    model.fit(x, labels)
    seconds = time.perf_counter() - begin
    return seconds, _loss(x, labels, model.coef_.T, model.intercept_)


def _fit_torch_loop(x: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Seconds and loss of one layer with the optimizer that one would reach for."""
    device = default_device()
    begin = time.perf_counter()
    inputs = torch.tensor(x, dtype=torch.float32, device=device)
    target = torch.as_tensor(labels, device=device)
    weight = torch.zeros(x.shape[1], CLASSES, device=device, requires_grad=True)
    bias = torch.zeros(CLASSES, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(inputs @ weight + bias, target) + 0.5 * L2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    fitted = weight.detach().cpu().numpy(), bias.detach().cpu().numpy()
    seconds = time.perf_counter() - begin
    return seconds, _loss(x, labels, *fitted)
