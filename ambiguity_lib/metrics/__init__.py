"""Metrics between human label distributions and model probabilities.

Arrays of shape ``(N, C)`` in, one float64 value per item out; means, intervals and tests are the
business of :mod:`ambiguity_lib.evaluation`. Inputs may be numpy arrays, nested lists or torch
tensors (any float type, any device); rows that are not distributions raise ``ValueError``.

All logarithms are natural, so entropies and divergences are in nats.
"""

from __future__ import annotations

from ambiguity_lib.metrics.accuracy import accuracy
from ambiguity_lib.metrics.calibration import (
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
)
from ambiguity_lib.metrics.divergence import (
    jensen_shannon_distance,
    jensen_shannon_divergence,
    kl_divergence,
    total_variation_distance,
)
from ambiguity_lib.metrics.uncertainty import (
    ambiguity_auroc,
    entropy,
    entropy_calibration_error,
    entropy_correlation,
    rank_match,
)

__all__ = [
    "accuracy",
    "ambiguity_auroc",
    "brier_score",
    "entropy",
    "entropy_calibration_error",
    "entropy_correlation",
    "expected_calibration_error",
    "jensen_shannon_distance",
    "jensen_shannon_divergence",
    "kl_divergence",
    "negative_log_likelihood",
    "rank_match",
    "total_variation_distance",
]
