"""What a practitioner would otherwise do with the logits: temperature scaling."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from ambiguity_lib.metrics import (
    jensen_shannon_distance,
    kl_divergence,
    negative_log_likelihood,
)

_LOG_BOUNDS = (np.log(0.05), np.log(50.0))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Distributions of logits, shape (N, C), in float64."""
    return scipy.special.softmax(np.asarray(logits, dtype=np.float64), axis=-1)


def apply_temperature(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """softmax(logits / T); T > 1 flattens, T < 1 sharpens (Guo et al., 2017).

    Raises:
        ValueError: If the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive; got {temperature}")
    return softmax(np.asarray(logits, dtype=np.float64) / temperature)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the lowest mean negative log-likelihood of ``labels``.

    Args:
        logits: Validation logits, shape (N, C).
        labels: Validation gold labels, shape (N,).
    """

    def loss(log_t: float) -> float:
        probs = apply_temperature(logits, np.exp(log_t))
        return float(negative_log_likelihood(labels, probs).mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_BOUNDS, method="bounded").x))


def oracle_temperature(
    logits: ArrayLike, human: ArrayLike, metric: Literal["JSD", "KL"] = "KL"
) -> float:
    """The temperature that brings the logits closest to the human distributions themselves.

    It reads the gold distributions it is judged by, so it is a bound to compare with, never a
    method. The search runs over a grid first: the mean JS distance may have several minima.

    Args:
        logits: Evaluation logits, shape (N, C).
        human: Human distributions, shape (N, C).
        metric: ``"JSD"`` (mean JS distance) or ``"KL"`` (mean KL(human‖model)).

    Raises:
        ValueError: If the metric is neither.
    """
    measures = {"JSD": jensen_shannon_distance, "KL": kl_divergence}
    if metric not in measures:
        raise ValueError(f"metric must be 'JSD' or 'KL'; got {metric!r}")

    def loss(log_t: float) -> float:
        return float(measures[metric](human, apply_temperature(logits, np.exp(log_t))).mean())

    grid = np.linspace(*_LOG_BOUNDS, 30)
    best = int(np.argmin([loss(point) for point in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    return float(np.exp(minimize_scalar(loss, bounds=around, method="bounded").x))
