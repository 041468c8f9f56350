from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.metrics import accuracy_score

from ambiguity_lib.metrics import accuracy


def test_hand_values():
    probs = [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]]
    got = accuracy([0, 0, 1], probs)
    assert_array_equal(got, [1.0, 0.0, 1.0])
    assert got.dtype == np.float64


def test_ties_go_to_the_first_class():
    assert_array_equal(accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]]), [1.0, 0.0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6))
def test_mean_equals_sklearn_and_order_of_classes_does_not_matter(seed, classes):
    rng = np.random.default_rng(seed)
    probs, labels = rng.dirichlet(np.ones(classes), 30), rng.integers(0, classes, 30)
    right = accuracy(labels, probs)
    assert right.mean() == accuracy_score(labels, probs.argmax(axis=1))
    assert_array_equal(accuracy(classes - 1 - labels, probs[:, ::-1]), right)
