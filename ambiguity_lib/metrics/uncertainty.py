"""Whether a model is unsure about the items, and the classes, that people are unsure about."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from ambiguity_lib.metrics.checks import (
    ArrayInput,
    FloatArray,
    as_distribution_pair,
    as_distributions,
)

# Entropies of one distribution with its classes in another order differ by about 1e-16, and sums of
# squares lose as much; a correlation computed from such differences would be noise.
_CONSTANT_DEVIATION = 1e-12
_LOST_DIGITS = 1e-13


def entropy(probs: ArrayInput) -> FloatArray:
    """Shannon entropy in nats.

    Args:
        probs: Distributions, shape ``(N, C)``, human or model.

    Returns:
        Entropies, shape ``(N,)``, from 0 (one-hot) to ln C (uniform).

    Raises:
        ValueError: If a row is not a distribution.

    Examples:
        >>> from ambiguity_lib.metrics import entropy

        None where all agree, ln C where nobody does:

        >>> entropy([[1, 0, 0], [0.6, 0.3, 0.1], [1 / 3, 1 / 3, 1 / 3]]).round(4)
        array([0.    , 0.8979, 1.0986])

        Votes are to be divided by their number first:

        >>> entropy([[60, 30, 10]])
        Traceback (most recent call last):
            ...
        ValueError: probs: row 0 sums to 100, not to 1 (tolerance 1e-06): [60., 30.,
        10.]; each row must be a probability distribution: first apply a softmax (in
        float32 or better) to logits, or divide votes by their sum
    """
    return _entropy(as_distributions(probs, "probs"))


def entropy_calibration_error(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Absolute difference of model and human entropy in nats (EntCE, Baan et al., 2022).

    The sign is dropped, so that over- and under-confident items do not cancel in a mean. To see
    the direction, compare the mean entropies.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Errors, shape ``(N,)``, from 0 to ln C.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import entropy_calibration_error
        >>> human = [[0.5, 0.5], [1.0, 0.0]]
        >>> model = [[1.0, 0.0], [0.5, 0.5]]

        Too sure of one item and not sure enough of the other do not cancel:

        >>> entropy_calibration_error(human, model).round(4)
        array([0.6931, 0.6931])
    """
    p, q = as_distribution_pair(human, model)
    return np.abs(_entropy(q) - _entropy(p))


def entropy_correlation(human: ArrayInput, model: ArrayInput) -> float:
    """Pearson correlation, over items, of human and model entropy.

    Softening all predictions alike changes it little, so it tells knowing *which* items are
    ambiguous from being less confident everywhere.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        Correlation from −1 to 1. It is undefined, NaN, for a single item, or where all items have
        the same entropy (a standard deviation of at most 1e-12 nats) on either side, as for a
        constant prediction.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import entropy_correlation
        >>> human = [[1.0, 0.0], [0.7, 0.3], [0.5, 0.5]]

        A model that doubts where people doubt, though less:

        >>> model = [[1.0, 0.0], [0.9, 0.1], [0.8, 0.2]]
        >>> round(entropy_correlation(human, model), 3)
        0.97

        One that doubts everywhere alike:

        >>> entropy_correlation(human, [[0.6, 0.4]] * 3)
        nan
    """
    p, q = as_distribution_pair(human, model)
    alike = np.full((1, len(p)), 1 / len(p))
    return float(correlations(_entropy(p), _entropy(q)[np.newaxis], alike)[0, 0])


def correlations(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Pearson correlations under weights of the items; NaN where one side is constant.

    Args:
        x: Shape ``(N,)``.
        y: Shape ``(S, N)``.
        weights: Shape ``(B, N)``; rows sum to one.

    Returns:
        Shape ``(B, S)``.
    """
    x, y = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    mean_x, mean_y = (weights @ x)[:, np.newaxis], weights @ y.T
    square_x, square_y = (weights @ np.square(x))[:, np.newaxis], weights @ np.square(y).T
    covariance = weights @ (x * y).T - mean_x * mean_y
    variance_x, variance_y = square_x - np.square(mean_x), square_y - np.square(mean_y)
    least_x, least_y = (_CONSTANT_DEVIATION**2 + _LOST_DIGITS * s for s in (square_x, square_y))
    defined = (variance_x > least_x) & (variance_y > least_y)
    product = np.where(defined, variance_x * variance_y, 1.0)
    return np.where(defined, np.clip(covariance / np.sqrt(product), -1, 1), np.nan)


def ambiguity_auroc(human: ArrayInput, model: ArrayInput, threshold: float = 0.6) -> float:
    """How well the model's entropy tells ambiguous items from others: area under the ROC curve.

    An item is ambiguous if every class has less than ``threshold`` of the human opinions. The area
    is the probability that an ambiguous item has a higher model entropy than another item has, a
    tie counting half (the Mann-Whitney statistic). Any change of the entropies that keeps their
    order leaves it as it is.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.
        threshold: Share that the most common opinion on an ambiguous item stays below.

    Returns:
        Area from 0 to 1, 0.5 for chance; NaN if all items are ambiguous, or none is.

    Raises:
        ValueError: If a row is not a distribution, the shapes differ or the threshold is not in
            (0, 1).

    Examples:
        >>> from ambiguity_lib.metrics import ambiguity_auroc
        >>> human = [[0.5, 0.5], [0.55, 0.45], [0.9, 0.1], [1.0, 0.0]]

        The first two items are ambiguous; the model doubts one of them less than
        the third:

        >>> ambiguity_auroc(human, [[0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [1.0, 0.0]])
        0.75
    """
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"threshold must be between 0 and 1; got {threshold}")
    p, q = as_distribution_pair(human, model)
    # 60 of 100 votes need not be the float 0.6
    ambiguous = p.max(axis=1) < threshold - _CONSTANT_DEVIATION
    positives = int(ambiguous.sum())
    pairs = positives * (len(p) - positives)
    if pairs == 0:
        return float("nan")
    # entropies that differ by rounding only are ties, and get the mean of their ranks
    _, place, ties = np.unique(np.round(_entropy(q), 12), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    return float((ranks[ambiguous].sum() - positives * (positives + 1) / 2) / pairs)


def rank_match(human: ArrayInput, model: ArrayInput) -> FloatArray:
    """Whether the model ranks all classes exactly as people do (RankCS, Baan et al., 2022).

    Both rankings are complete orders, so ties have to be broken: of two equally likely classes the
    one with the higher index is ranked as the more likely (a stable ascending sort). With the
    classes in the order entailment, neutral, contradiction this is what reproduces the published
    RankCS values; other ways to treat ties give up to .02 more or .01 less, since 3 % of
    ChaosNLI-S items have a tie. A uniform or one-hot prediction is all ties, so its score depends
    on the order of the classes and means little.

    Args:
        human: Human label distributions, shape ``(N, C)``.
        model: Model probabilities, shape ``(N, C)``.

    Returns:
        1.0 where the rankings are equal, else 0.0, shape ``(N,)``.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.

    Examples:
        >>> from ambiguity_lib.metrics import rank_match
        >>> rank_match(
        ...     [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]],
        ...     [[0.9, 0.08, 0.02], [0.9, 0.02, 0.08]],
        ... )
        array([1., 0.])
    """
    p, q = as_distribution_pair(human, model)
    human_ranking = np.argsort(p, axis=1, kind="stable")
    model_ranking = np.argsort(q, axis=1, kind="stable")
    match: FloatArray = (human_ranking == model_ranking).all(axis=1).astype(np.float64)
    return match


def _entropy(probs: FloatArray) -> FloatArray:
    """Entropy of rows that are known to be distributions."""
    sums: FloatArray = entr(probs).sum(axis=1)
    return sums
