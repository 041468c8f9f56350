from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.classification import MulticlassCalibrationError

from ambiguity_lib.metrics import (
    brier_score,
    expected_calibration_error,
    kl_divergence,
    negative_log_likelihood,
)

quick = settings(max_examples=50, deadline=None)
seeds = st.integers(0, 10_000)


def random_case(seed=0, items=400, classes=3):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(classes, 0.5), items)
    return rng.integers(0, classes, items), probs


def test_ece_hand_value():
    # One bin (0.6, 0.666..]: confidence .65, accuracy 1/2. One bin (0.8666.., 0.9333..]: .9 and 1.
    probs = [[0.65, 0.35], [0.65, 0.35], [0.1, 0.9], [0.1, 0.9]]
    expected = (2 * abs(0.5 - 0.65) + 2 * abs(1.0 - 0.9)) / 4
    assert expected_calibration_error([0, 1, 1, 1], probs) == pytest.approx(expected, abs=1e-15)


def test_ece_limits():
    one_hot = np.eye(3)
    assert expected_calibration_error([0, 1, 2], one_hot) == 0.0
    assert expected_calibration_error([1, 2, 0], one_hot) == 1.0


def test_ece_bins_include_their_upper_edge():
    # With 5 bins .6 belongs to (.4, .6] with .5, apart from .7: errors of either sign do not
    # cancel across the edge.
    probs = [[0.6, 0.4], [0.7, 0.3]]
    assert expected_calibration_error([0, 1], probs, n_bins=5) == pytest.approx((0.4 + 0.7) / 2)
    together = [[0.6, 0.4], [0.5, 0.5]]
    assert expected_calibration_error([0, 1], together, n_bins=5) == pytest.approx(0.1 / 2)


def test_ece_one_bin_is_the_gap_of_the_means():
    labels, probs = random_case()
    gap = abs((probs.argmax(1) == labels).mean() - probs.max(1).mean())
    assert expected_calibration_error(labels, probs, n_bins=1) == pytest.approx(gap, abs=1e-12)


def test_ece_default_is_15_bins():
    labels, probs = random_case()
    assert expected_calibration_error(labels, probs) == expected_calibration_error(
        labels, probs, n_bins=15
    )


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("n_bins", [10, 15])
def test_ece_equals_torchmetrics(classes, n_bins):
    labels, probs = random_case(classes=classes)
    oracle = MulticlassCalibrationError(num_classes=classes, n_bins=n_bins, norm="l1")
    expected = oracle(torch.from_numpy(probs), torch.from_numpy(labels)).item()
    got = expected_calibration_error(labels, probs, n_bins=n_bins)
    assert isinstance(got, float)
    assert got == pytest.approx(expected, abs=1e-6)  # torchmetrics adds up in float32


@quick
@given(seed=seeds, n_bins=st.integers(1, 30))
def test_ece_invariants(seed, n_bins):
    labels, probs = random_case(seed, items=30)
    value = expected_calibration_error(labels, probs, n_bins)
    assert 0.0 <= value <= 1.0
    order = np.random.default_rng(seed).permutation(30)
    assert expected_calibration_error(labels[order], probs[order], n_bins) == pytest.approx(value)
    swapped = expected_calibration_error(2 - labels, probs[:, ::-1], n_bins)
    assert swapped == pytest.approx(value)


@pytest.mark.parametrize("n_bins", [0, -1, 1.5, 15.0, True, "15", None])
def test_ece_refuses_bad_bins(n_bins):
    with pytest.raises(ValueError, match="n_bins must be a positive integer"):
        expected_calibration_error([0], [[0.5, 0.5]], n_bins=n_bins)


def test_ece_takes_numpy_bins():
    assert expected_calibration_error([0], [[0.5, 0.5]], n_bins=np.int64(10)) == 0.5


def test_brier_hand_values():
    probs = [[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert_allclose(brier_score([0, 0, 2], probs), [0.09 + 0.04 + 0.01, 0.0, 2.0], atol=1e-15)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_brier_equals_sklearn(classes):
    labels, probs = random_case(classes=classes)
    expected = brier_score_loss(
        labels,
        probs if classes > 2 else probs[:, 1],
        labels=list(range(classes)),
        scale_by_half=False,
    )
    assert brier_score(labels, probs).mean() == pytest.approx(expected, abs=1e-12)


def test_brier_does_not_write_to_its_input():
    labels, probs = random_case(items=5)
    before = probs.copy()
    brier_score(labels, probs)
    assert_array_equal(probs, before)


def test_nll_hand_values():
    probs = [[0.25, 0.75], [1.0, 0.0], [1.0, 0.0]]
    got = negative_log_likelihood([0, 0, 1], probs)
    assert_allclose(got, [np.log(4), 0.0, -np.log(1e-15)], atol=1e-14)
    assert not np.signbit(got).any()


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_nll_equals_sklearn(classes):
    labels, probs = random_case(classes=classes)
    expected = log_loss(labels, probs, labels=list(range(classes)))
    assert negative_log_likelihood(labels, probs).mean() == pytest.approx(expected, abs=1e-12)


@quick
@given(seed=seeds)
def test_per_item_bounds_and_kl_of_one_hots(seed):
    labels, probs = random_case(seed, items=20)
    nll, brier = negative_log_likelihood(labels, probs), brier_score(labels, probs)
    assert nll.shape == brier.shape == (20,)
    assert nll.dtype == brier.dtype == np.float64
    assert (nll >= 0).all()
    assert ((brier >= 0) & (brier <= 2 + 1e-12)).all()
    assert_allclose(nll, kl_divergence(np.eye(3)[labels], probs), atol=1e-12)
    assert_allclose(brier, np.square(probs - np.eye(3)[labels]).sum(1), atol=1e-12)
