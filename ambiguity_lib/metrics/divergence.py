"""How far a model's distribution is from the human one, item by item."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr

from ambiguity_lib.metrics.checks import (
    ArrayInput,
    FloatArray,
    as_distribution_pair,
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

    Examples:
        >>> from ambiguity_lib.metrics import jensen_shannon_distance
        >>> human = [[0.6, 0.3, 0.1]]
        >>> jensen_shannon_distance(human, [[0.9, 0.1, 0.0]]).round(3)
        array([0.276])
        >>> jensen_shannon_distance([[0.9, 0.1, 0.0]], human).round(3)
        array([0.276])

        The largest distance, between distributions that share no class, is sqrt(ln
        2):

        >>> jensen_shannon_distance([[1, 0, 0]], [[0, 0, 1]]).round(4)
        array([0.8326])

        What is no distribution is refused, by row:

        >>> jensen_shannon_distance(human, [[0.6, 0.3, 0.3]])
        Traceback (most recent call last):
            ...
        ValueError: model: row 0 sums to 1.2, not to 1 (tolerance 1e-06): [0.6, 0.3,
        0.3]; each row must be a probability distribution: first apply a softmax (in
        float32 or better) to logits, or divide votes by their sum
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

    Examples:
        >>> from ambiguity_lib.metrics import (
        ...     jensen_shannon_distance,
        ...     jensen_shannon_divergence,
        ... )
        >>> jensen_shannon_divergence([[1, 0]], [[0, 1]]).round(4)
        array([0.6931])

        The square of the distance:

        >>> human, model = [[0.6, 0.4]], [[0.9, 0.1]]
        >>> jensen_shannon_divergence(human, model).round(4)
        array([0.0633])
        >>> (jensen_shannon_distance(human, model) ** 2).round(4)
        array([0.0633])
    """
    return _jensen_shannon(*as_distribution_pair(human, model))


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

    Examples:
        >>> from ambiguity_lib.metrics import kl_divergence
        >>> unsure, sure = [[0.5, 0.5]], [[0.99, 0.01]]

        It matters which side people are on: a sure model is far from unsure people,

        >>> kl_divergence(unsure, sure).round(3)
        array([1.614])

        and an unsure model less far from sure people.

        >>> kl_divergence(sure, unsure).round(3)
        array([0.637])

        A class that people chose and the model excludes costs much, but not
        infinity:

        >>> kl_divergence([[0.5, 0.5]], [[1.0, 0.0]]).round(2)
        array([16.58])

        Both need the same items and classes:

        >>> kl_divergence([[0.5, 0.5]], [[0.2, 0.3, 0.5]])
        Traceback (most recent call last):
            ...
        ValueError: human has shape (1, 2) but model has shape (1, 3); both need the
        same items and classes, in the same order
    """
    p, q = as_distribution_pair(human, model)
    # rounding may leave -1e-17
    return np.maximum(rel_entr(p, floor_probabilities(q)).sum(axis=1), 0.0)


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

    Examples:
        >>> from ambiguity_lib.metrics import total_variation_distance
        >>> total_variation_distance([[0.6, 0.3, 0.1]], [[0.9, 0.1, 0.0]]).round(3)
        array([0.3])
    """
    p, q = as_distribution_pair(human, model)
    return np.minimum(0.5 * np.abs(p - q).sum(axis=1), 1.0)


def soft_micro_f1(human: ArrayInput, model: ArrayInput) -> float:
    """Share of the probability that people and model have in common (Kurniawan et al., 2026).

    The micro F1 of fuzzy sets: twice the sum of the smaller probabilities over the sum of all. Of
    distributions it is one minus the mean total variation distance.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        From 0 (nothing in common) to 1 (equal).

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import soft_micro_f1
        >>> round(soft_micro_f1([[0.6, 0.4], [1, 0]], [[0.9, 0.1], [1, 0]]), 3)
        0.85
    """
    p, q = as_distribution_pair(human, model)
    return float(2 * np.minimum(p, q).sum() / (p + q).sum())


def po_jsd(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Positively oriented JSD: 1 − Jensen-Shannon divergence in bits (Kurniawan et al., 2026).

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Similarities, shape ``(N,)``, from 0 (nothing in common) to 1 (equal).

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import po_jsd
        >>> po_jsd([[0.5, 0.5], [1, 0]], [[1, 0], [0, 1]]).round(3)
        array([0.689, 0.   ])
    """
    return 1.0 - jensen_shannon_divergence(human, model) / np.log(2.0)


def manhattan_distance(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Sum of absolute differences, the soft score of LeWiDi 2025 (Leonardelli et al., 2025).

    Twice the total variation distance.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Distances, shape ``(N,)``, from 0 to 2.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import manhattan_distance
        >>> manhattan_distance([[0.6, 0.3, 0.1]], [[0.9, 0.1, 0.0]]).round(3)
        array([0.6])
    """
    return 2.0 * total_variation_distance(human, model)


def wasserstein_distance(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Least work to turn one distribution into the other, over classes that have an order.

    Neighbouring classes are one apart, so that work is probability times steps: the sum of the
    absolute differences of the cumulated probabilities (LeWiDi 2025 scores ratings by it). For
    classes without an order it says nothing.

    Args:
        human: Human distributions over ordered classes, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Distances, shape ``(N,)``, from 0 to C − 1 steps.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import wasserstein_distance

        All that people say, one and two steps away:

        >>> wasserstein_distance([[1, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1]])
        array([1., 2.])
    """
    p, q = as_distribution_pair(human, model)
    return np.abs(np.cumsum(p - q, axis=1)[:, :-1]).sum(axis=1)


def floor_probabilities(probs: FloatArray) -> FloatArray:
    """Raise probabilities below 1e-15 to it and renormalise those rows."""
    floored = np.maximum(probs, PROBABILITY_FLOOR)
    added = (floored - probs).sum(axis=1)
    return floored / (1.0 + added)[:, np.newaxis]


def _jensen_shannon(p: FloatArray, q: FloatArray) -> FloatArray:
    """Divergences of rows that are known to be distributions."""
    # Not scipy's: of nearly equal rows it keeps no digit, and the root of what is left is 1e-8.
    # With t = (p - q) / (p + q), p/m = 1 + t and q/m = 1 - t; log1p keeps the digits, and a mean
    # that underflows to 0 is never a divisor.
    t = (p - q) / np.maximum(p + q, _SMALLEST)
    # Where 1 + t or 1 - t is 0, so is the factor of its logarithm: any finite value will do.
    log_p_over_m = np.log1p(np.maximum(t, -_BELOW_ONE))
    log_q_over_m = np.log1p(-np.minimum(t, _BELOW_ONE))
    divergence = 0.5 * (p * log_p_over_m + q * log_q_over_m).sum(axis=1)
    # Rounding may leave -1e-17, whose root is NaN, or a hair more than ln 2.
    return np.clip(divergence, 0.0, np.log(2.0))
