"""How far a model's distribution is from the human one, item by item."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr

from ambiguity_lib.metrics._validation import (
    ArrayInput,
    FloatArray,
    as_distribution_pair,
    by_row,
    row_sums,
)

# Fixed by the ChaosNLI leaderboard's numbers: another floor gives another KL.
PROBABILITY_FLOOR = 1e-15
_SMALLEST = np.nextafter(0.0, 1.0)
_BELOW_ONE = np.nextafter(1.0, 0.0)


def jensen_shannon_distance(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Jensen-Shannon distance: the square root of the divergence, with natural logarithms.

    This is what tables call JSD, as on the ChaosNLI leaderboard (Nie et al., 2020) and in
    ``scipy.spatial.distance.jensenshannon``. It is a metric: symmetric, zero only on equality, and
    it obeys the triangle inequality (Endres & Schindelin, 2003).

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Distances, shape ``(N,)``, from 0 to sqrt(ln 2) = 0.8326.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.
    """
    return np.sqrt(jensen_shannon_divergence(human, model))


def jensen_shannon_divergence(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Jensen-Shannon divergence in nats, the square of :func:`jensen_shannon_distance`.

    With m the mean of the two distributions p and q it is (KL(p||m) + KL(q||m)) / 2 (Lin, 1991).

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Divergences, shape ``(N,)``, from 0 to ln 2 = 0.6931 nats.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.
    """
    return by_row(_jensen_shannon, *as_distribution_pair(human, model))


def kl_divergence(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Kullback-Leibler divergence KL(human || model) in nats.

    Model probabilities are floored at 1e-15 and renormalised, so that a class which people chose
    and the model excludes costs much but not infinity. Human ones are left as they are: a class
    nobody chose adds nothing. Not symmetric.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Divergences, shape ``(N,)``, from 0 to -ln(1e-15) = 34.54 nats.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.
    """
    p, q = as_distribution_pair(human, model)
    # rounding may leave -1e-17
    return np.maximum(by_row(lambda p, q: row_sums(rel_entr(p, floor_probabilities(q))), p, q), 0.0)


def total_variation_distance(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Total variation distance, half the sum of absolute differences.

    Baan et al. (2022) call it the human distribution calibration error, DistCE.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Distances, shape ``(N,)``, from 0 to 1.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.
    """
    p, q = as_distribution_pair(human, model)
    return np.minimum(by_row(lambda p, q: 0.5 * row_sums(np.abs(p - q)), p, q), 1.0)


def floor_probabilities(probs: FloatArray) -> FloatArray:
    """Raise probabilities below 1e-15 to it and renormalise those rows.

    Args:
        probs: Checked distributions, shape ``(N, C)``.

    Returns:
        Array of the same shape. Rows with nothing below the floor are unchanged bit for bit.
    """
    floored = np.maximum(probs, PROBABILITY_FLOOR)
    added = row_sums(floored - probs)
    return floored / (1.0 + added)[:, np.newaxis]


def _jensen_shannon(p: FloatArray, q: FloatArray) -> FloatArray:
    """Divergences of rows that are known to be distributions."""
    # With t = (p - q) / (p + q), p/m = 1 + t and q/m = 1 - t. Written with log1p, nearly equal rows
    # do not lose their digits before the distance takes the root, and a mean that underflows to 0
    # is never a divisor.
    t = (p - q) / np.maximum(p + q, _SMALLEST)
    # Where 1 + t or 1 - t is 0, so is the factor of its logarithm: any finite value will do.
    log_p_over_m = np.log1p(np.maximum(t, -_BELOW_ONE))
    log_q_over_m = np.log1p(-np.minimum(t, _BELOW_ONE))
    divergence = 0.5 * row_sums(p * log_p_over_m + q * log_q_over_m)
    # Rounding may leave -1e-17, whose root is NaN, or a hair more than ln 2.
    return np.clip(divergence, 0.0, np.log(2.0))
