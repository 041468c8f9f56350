"""Accuracy per item, so that it can be averaged, bootstrapped and paired like any other metric."""

from __future__ import annotations

import numpy as np

from ambiguity_lib.metrics._validation import ArrayInput, FloatArray, as_labelled


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
