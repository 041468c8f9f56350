"""What a practitioner would otherwise do after training: temperatures, MC dropout, ensembles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import scipy.special
import torch
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass as settings
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ambiguity_lib.metrics.calibration import negative_log_likelihood
from ambiguity_lib.metrics.divergence import jensen_shannon_distance, kl_divergence
from ambiguity_lib.models.batches import autocast, default_device, sorted_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@settings(frozen=True, config={"extra": "forbid"})
class BaselinesConfig:
    """Settings of the methods that ours is compared with.

    Attributes:
        epsilons: The label smoothings that validation labels choose from.
        dropout_samples: Passes of MC dropout.
        ensemble_size: Models of a deep ensemble.
    """

    epsilons: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)] = (
        0.1,
        0.2,
        0.3,
    )
    dropout_samples: PositiveInt = 20
    ensemble_size: PositiveInt = 5


_LOG_BOUNDS = (np.log(0.05), np.log(50.0))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Distributions of logits, shape (N, C), in float64.

    Args:
        logits: Shape (N, C).

    Returns:
        Distributions, shape (N, C).

    Examples:
        >>> from ambiguity_lib.method import softmax
        >>> softmax([[0.0, 0.0], [2.0, 0.0]]).round(3)
        array([[0.5  , 0.5  ],
               [0.881, 0.119]])
    """
    return scipy.special.softmax(np.asarray(logits, dtype=np.float64), axis=-1)


def apply_temperature(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """softmax(logits / T); T > 1 flattens, T < 1 sharpens (Guo et al., 2017).

    Args:
        logits: Shape (N, C).
        temperature: T, above 0.

    Returns:
        Distributions, shape (N, C).

    Raises:
        ValueError: If the temperature is not positive.

    Examples:
        >>> from ambiguity_lib.method import apply_temperature
        >>> logits = [[4.0, 2.0, 0.0]]
        >>> apply_temperature(logits, 1.0).round(3)
        array([[0.867, 0.117, 0.016]])

        Flatter, in the same order; sharper:

        >>> apply_temperature(logits, 4.0).round(3)
        array([[0.506, 0.307, 0.186]])
        >>> apply_temperature(logits, 0.5).round(3)
        array([[0.982, 0.018, 0.   ]])
        >>> apply_temperature(logits, 0)
        Traceback (most recent call last):
            ...
        ValueError: the temperature must be positive; got 0
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive; got {temperature}")
    return softmax(np.asarray(logits, dtype=np.float64) / temperature)


def _best_temperature(loss: Callable[[float], float], bounds: tuple[float, float]) -> float:
    """The temperature at which a function of its logarithm is lowest."""
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the lowest mean negative log-likelihood of ``labels``.

    Args:
        logits: Validation logits, shape (N, C).
        labels: Validation gold labels, shape (N,).

    Returns:
        The temperature, between 0.05 and 50.

    Examples:
        >>> from ambiguity_lib.method import (
        ...     apply_temperature,
        ...     fit_temperature,
        ... )

        A model that says 0.98 and is right in three of four cases is too sure:

        >>> logits = [[4.0, 0.0]] * 4
        >>> temperature = fit_temperature(logits, [0, 0, 0, 1])
        >>> round(temperature, 2)
        3.64
        >>> apply_temperature(logits, temperature)[0].round(3)
        array([0.75, 0.25])
    """

    def loss(log_t: float) -> float:
        probs = apply_temperature(logits, np.exp(log_t))
        return float(negative_log_likelihood(labels, probs).mean())

    return _best_temperature(loss, _LOG_BOUNDS)


def fit_ambiguity_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """A temperature for items that people disagree on, from labels alone: LS-TS.

    A temperature that is fitted on voted labels is biased towards over-confidence where people
    disagree (Tao et al., 2026). Ours, after their idea; their own formula could not be read: each
    label is smoothed by the doubt that the model has on its item, ε = 1 − max softmax(logits), to
    (1 − ε) · one-hot + ε / C, and the temperature has the lowest cross-entropy to these targets.

    Args:
        logits: Validation logits, shape (N, C).
        labels: Validation gold labels, shape (N,).

    Returns:
        The temperature, between 0.05 and 50.

    Examples:
        >>> from ambiguity_lib.method import (
        ...     fit_ambiguity_temperature,
        ...     fit_temperature,
        ... )

        A model that is calibrated on its labels, with sure and unsure items:

        >>> logits = [[2.2, 0.0]] * 10 + [[0.4, 0.0]] * 10
        >>> labels = [0] * 9 + [1] + [0] * 6 + [1] * 4
        >>> round(fit_temperature(logits, labels), 1)
        1.0
        >>> round(fit_ambiguity_temperature(logits, labels), 1)
        1.2
    """
    z = np.asarray(logits, dtype=np.float64)
    doubt = 1 - softmax(z).max(axis=1, keepdims=True)
    targets = (1 - doubt) * np.eye(z.shape[1])[np.asarray(labels)] + doubt / z.shape[1]

    def loss(log_t: float) -> float:
        return -float((targets * log_softmax(z / np.exp(log_t), axis=1)).sum(axis=1).mean())

    return _best_temperature(loss, _LOG_BOUNDS)


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

    Returns:
        The temperature, between 0.05 and 50.

    Raises:
        ValueError: If the metric is neither.

    Examples:
        >>> from ambiguity_lib.method import (
        ...     apply_temperature,
        ...     oracle_temperature,
        ... )
        >>> logits = [[4.0, 0.0], [0.0, 4.0]]
        >>> human = [[0.7, 0.3], [0.2, 0.8]]
        >>> temperature = oracle_temperature(logits, human)
        >>> apply_temperature(logits, temperature).round(2)
        array([[0.75, 0.25],
               [0.25, 0.75]])
    """
    measures = {"JSD": jensen_shannon_distance, "KL": kl_divergence}
    if metric not in measures:
        raise ValueError(f"metric must be 'JSD' or 'KL'; got {metric!r}")

    def loss(log_t: float) -> float:
        return float(measures[metric](human, apply_temperature(logits, np.exp(log_t))).mean())

    grid = np.linspace(*_LOG_BOUNDS, 30)
    best = int(np.argmin([loss(point) for point in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    return _best_temperature(loss, around)


@torch.inference_mode()
def mc_dropout_probs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: Dataset,
    *,
    max_length: int,
    samples: int = 20,
    batch_size: int = 64,
    seed: int = 0,
    precision: str = "fp32",
    progress: bool = True,
) -> NDArray[np.float64]:
    """Mean distribution over passes with dropout left on (Gal & Ghahramani, 2016).

    Raises:
        ValueError: If ``samples`` is not positive, or there is no such precision.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1; got {samples}")
    device = default_device()
    torch.nn.Module.to(model, device)
    probs = np.empty((len(dataset), int(model.config.num_labels or 0)))
    batches = sorted_batches(
        dataset,
        tokenizer,
        max_length,
        batch_size,
        device,
        description="MC dropout",
        progress=progress,
    )
    model.train()
    try:
        with torch.random.fork_rng(), autocast(device, precision):
            torch.manual_seed(seed)
            for rows, batch in batches:
                passes = [softmax(model(**batch).logits.float().cpu()) for _ in range(samples)]
                probs[rows] = np.mean(passes, axis=0)
    finally:
        model.eval()
    return probs


def ensemble_probs(members: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Mean of the members' distributions (Lakshminarayanan et al., 2017).

    Raises:
        ValueError: If there is no member, or shapes differ.
    """
    arrays = [np.asarray(member, dtype=np.float64) for member in members]
    if not arrays or any(array.shape != arrays[0].shape for array in arrays):
        shapes = [array.shape for array in arrays]
        raise ValueError(f"an ensemble needs members of one shape; got {shapes}")
    return np.mean(arrays, axis=0)
