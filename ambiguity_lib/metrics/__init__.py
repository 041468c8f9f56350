"""Distances, uncertainty and calibration of distributions over classes; pure numpy.

Logarithms are natural: entropies and divergences are in nats.
"""

from ambiguity_lib.metrics.calibration import (
    accuracy,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
)
from ambiguity_lib.metrics.divergence import (
    jensen_shannon_distance,
    jensen_shannon_divergence,
    kl_divergence,
    manhattan_distance,
    po_jsd,
    soft_micro_f1,
    total_variation_distance,
    wasserstein_distance,
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
    "manhattan_distance",
    "negative_log_likelihood",
    "po_jsd",
    "rank_match",
    "soft_micro_f1",
    "total_variation_distance",
    "wasserstein_distance",
]
