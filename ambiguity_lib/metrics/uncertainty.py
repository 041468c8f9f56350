"""Whether a model is unsure about the items, and the classes, that people are unsure about."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from ambiguity_lib.metrics._validation import (
    ArrayInput,
    FloatArray,
    as_distribution_pair,
    as_distributions,
    by_row,
    row_sums,
)

# Entropies of one distribution with its classes in another order differ by about 1e-16; a
# correlation computed from such differences would be noise.
_CONSTANT_SPREAD = 1e-12


def entropy(probs: ArrayInput) -> FloatArray:
    """Shannon entropy in nats.

    Args:
        probs: Distributions, shape ``(N, C)``, human or model.

    Returns:
        Entropies, shape ``(N,)``, from 0 (one-hot) to ln C (uniform).

    Raises:
        ValueError: If a row is not a distribution.
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
        Correlation from -1 to 1, or NaN where it is undefined: a single item, or the same entropy
        (to 1e-12 nats) for all items on either side, as for a constant prediction.

    Raises:
        ValueError: If a row is not a distribution or the shapes differ.
    """
    p, q = as_distribution_pair(human, model)
    human_entropy, model_entropy = _entropy(p), _entropy(q)
    if min(np.ptp(human_entropy), np.ptp(model_entropy)) <= _CONSTANT_SPREAD:
        return float("nan")
    return float(np.corrcoef(human_entropy, model_entropy)[0, 1])


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
    """
    p, q = as_distribution_pair(human, model)
    human_ranking = np.argsort(p, axis=1, kind="stable")
    model_ranking = np.argsort(q, axis=1, kind="stable")
    match: FloatArray = (human_ranking == model_ranking).all(axis=1).astype(np.float64)
    return match


def _entropy(probs: FloatArray) -> FloatArray:
    """Entropy of rows that are known to be distributions."""
    return by_row(lambda chunk: row_sums(entr(chunk)), probs)
