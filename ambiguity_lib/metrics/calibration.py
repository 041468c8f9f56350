"""Accuracy, and how far confidence is from it; per item where that is possible."""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.metrics.checks import (
    ArrayInput,
    FloatArray,
    as_labelled,
)
from ambiguity_lib.metrics.divergence import floor_probabilities


def accuracy(labels: ArrayInput, probs: ArrayInput) -> FloatArray:
    """Whether the most likely class is the label.

    Which label is the caller's choice: a dataset's original one ("old") or the majority of a
    re-annotation ("new"). Take the latter from the dataset rather than from an argmax over the
    human distribution, which breaks ties its own way.

    Args:
        labels: Class indices, shape ``(N,)``.
        probs: Model probabilities, shape ``(N, C)``. If several classes share the largest one,
            the first counts as predicted.

    Returns:
        1.0 where the prediction is right, else 0.0, shape ``(N,)``.

    Raises:
        ValueError: If a row of ``probs`` is not a distribution, a label is not in ``range(C)`` or
            the shapes do not fit.

    Examples:
        >>> from ambiguity_lib.metrics import accuracy
        >>> accuracy([0, 2], [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
        array([1., 0.])

        Of classes with the same probability, the first counts as predicted:

        >>> accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]])
        array([1., 0.])
    """
    y, q = as_labelled(labels, probs)
    right: FloatArray = (q.argmax(axis=1) == y).astype(np.float64)
    return right


def expected_calibration_error(labels: ArrayInput, probs: ArrayInput, n_bins: int = 15) -> float:
    """Expected calibration error of the top class, equal-width bins (Guo et al., 2017).

    Items are put into bins by their confidence, the largest probability; bin b holds confidences
    in ((b - 1) / n_bins, b / n_bins]. The error is the mean over items of the absolute
    difference between accuracy and mean confidence in their bin. If several classes share the
    largest probability, the first counts as predicted.

    Args:
        labels: Class indices, shape ``(N,)``.
        probs: Model probabilities, shape ``(N, C)``.
        n_bins: Number of bins, at least 1.

    Returns:
        The error, from 0 to 1.

    Raises:
        ValueError: If a row of ``probs`` is not a distribution, a label is not in ``range(C)``,
            the shapes do not fit, or ``n_bins`` is not a positive integer.

    Examples:
        >>> from ambiguity_lib.metrics import expected_calibration_error
        >>> sure = [[0.9, 0.1]] * 10

        Nine of ten right at a confidence of 0.9 is calibrated; five of ten is not:

        >>> round(expected_calibration_error([0] * 9 + [1], sure), 6)
        0.0
        >>> round(expected_calibration_error([0] * 5 + [1] * 5, sure), 6)
        0.4
    """
    bins = _as_bin_count(n_bins)
    y, q = as_labelled(labels, probs)
    alike = np.full((1, len(y)), 1 / len(y))
    return float(calibration_errors(q.argmax(axis=1) == y, q.max(axis=1), alike, bins)[0])


def calibration_errors(
    hits: NDArray[np.bool_] | FloatArray, confidence: FloatArray, weights: FloatArray, n_bins: int
) -> FloatArray:
    """Expected calibration errors, shape (B,), under weights of the items, (B, N) with rows of 1.

    ``hits`` says where the most likely class is right, ``confidence`` its probability; both (N,).
    """
    surplus = np.zeros((len(confidence), n_bins))
    surplus[np.arange(len(confidence)), confidence_bins(confidence, n_bins)] = hits - confidence
    errors: FloatArray = np.abs(weights @ surplus).sum(axis=1)
    return errors


def confidence_bins(confidence: FloatArray, n_bins: int) -> NDArray[np.intp]:
    """Bin, from 0, of every confidence in (0, 1]; equal widths, a bin has its upper edge."""
    # Edges by division: 9 / 15 is the same float as a confidence of 0.6, which numpy.linspace does
    # not promise. The product may round to the next bin, or meet an edge, which is the bin below's.
    edges = np.arange(n_bins + 2) / n_bins
    bin_of_item = (confidence * n_bins).astype(np.intp)
    bin_of_item -= confidence <= edges[bin_of_item]
    bin_of_item += confidence > edges[bin_of_item + 1]
    return bin_of_item


def brier_score(labels: ArrayInput, probs: ArrayInput) -> FloatArray:
    """Squared distance between the probabilities and the one-hot label (Brier, 1950).

    Summed over classes and not halved: scikit-learn's ``brier_score_loss`` with
    ``scale_by_half=False``.

    Args:
        labels: Class indices, shape ``(N,)``.
        probs: Model probabilities, shape ``(N, C)``.

    Returns:
        Scores, shape ``(N,)``, from 0 (certain and right) to 2 (certain and wrong).

    Raises:
        ValueError: If a row of ``probs`` is not a distribution, a label is not in ``range(C)`` or
            the shapes do not fit.

    Examples:
        >>> from ambiguity_lib.metrics import brier_score
        >>> brier_score([0, 0, 0], [[1, 0], [0.5, 0.5], [0, 1]])
        array([0. , 0.5, 2. ])
    """
    y, q = as_labelled(labels, probs)
    error = q.copy()
    error[np.arange(len(y)), y] -= 1.0
    scores: FloatArray = np.square(error).sum(axis=1)
    return scores


def negative_log_likelihood(labels: ArrayInput, probs: ArrayInput) -> FloatArray:
    """Negative log-probability of the label, in nats.

    Probabilities are floored at 1e-15 and renormalised as in
    :func:`~ambiguity_lib.metrics.kl_divergence`, of which this is the case of one-hot human
    distributions; so it is never infinite.

    Args:
        labels: Class indices, shape ``(N,)``.
        probs: Model probabilities, shape ``(N, C)``.

    Returns:
        Values, shape ``(N,)``, from 0 to -ln(1e-15) = 34.54 nats.

    Raises:
        ValueError: If a row of ``probs`` is not a distribution, a label is not in ``range(C)`` or
            the shapes do not fit.

    Examples:
        >>> from ambiguity_lib.metrics import negative_log_likelihood
        >>> negative_log_likelihood([0, 0], [[0.9, 0.1], [0.1, 0.9]]).round(3)
        array([0.105, 2.303])

        Certain and wrong costs much, but not infinity:

        >>> negative_log_likelihood([1], [[1.0, 0.0]]).round(2)
        array([34.54])
    """
    y, q = as_labelled(labels, probs)
    likelihood = floor_probabilities(q)[np.arange(len(y)), y]
    # A probability of 1 may read 1 + 2e-16, and 0.0 - log also spares the reader a "-0.0".
    return np.maximum(0.0 - np.log(likelihood), 0.0)


def _as_bin_count(n_bins: int) -> int:
    """Check the number of bins; numpy integers are fine, 10.0 and True are not."""
    try:
        bins = operator.index(n_bins)
    except TypeError:
        bins = 0
    if bins < 1 or isinstance(n_bins, bool):
        raise ValueError(f"n_bins must be a positive integer, got {n_bins!r}")
    return bins
