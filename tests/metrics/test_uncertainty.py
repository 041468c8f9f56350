from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy as scipy_entropy
from scipy.stats import pearsonr, rankdata
from sklearn.metrics import roc_auc_score

from ambiguity_lib.metrics import (
    ambiguity_auroc,
    entropy,
    entropy_calibration_error,
    entropy_correlation,
    rank_match,
)
from ambiguity_lib.metrics.uncertainty import correlations

quick = settings(max_examples=50, deadline=None)
seeds = st.integers(0, 10_000)


def random_pair(seed=0, items=200, classes=3):
    rng = np.random.default_rng(seed)
    human = rng.multinomial(100, rng.dirichlet(np.ones(classes), items)) / 100
    return human, rng.dirichlet(np.full(classes, 0.5), items)


def test_entropy_hand_values():
    probs = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.25, 0.25]]
    assert_allclose(entropy(probs), [0.0, np.log(2), np.log(3), 1.5 * np.log(2)], rtol=1e-15)
    assert not np.signbit(entropy(probs)[0])


@pytest.mark.parametrize("classes", [2, 3, 28])
def test_entropy_equals_scipy(classes):
    human, model = random_pair(classes=classes)
    assert_allclose(entropy(human), scipy_entropy(human, axis=1), atol=1e-12)
    assert_allclose(entropy(model), scipy_entropy(model, axis=1), atol=1e-12)


@quick
@given(seed=seeds, classes=st.integers(2, 6))
def test_entropy_bounds_and_order_of_classes(seed, classes):
    _, probs = random_pair(seed, items=20, classes=classes)
    values = entropy(probs)
    assert values.dtype == np.float64
    assert (values >= 0).all()
    assert (values <= np.log(classes) + 1e-12).all()
    assert_allclose(entropy(probs[:, ::-1]), values, atol=1e-12)


def test_entropy_calibration_error_is_absolute():
    certain, unsure = [[1.0, 0.0]], [[0.5, 0.5]]
    assert_allclose(entropy_calibration_error(certain, unsure), [np.log(2)])
    assert_allclose(entropy_calibration_error(unsure, certain), [np.log(2)])


def test_entropy_calibration_error_is_blind_to_which_class():
    assert_array_equal(entropy_calibration_error([[1.0, 0.0]], [[0.0, 1.0]]), [0.0])


@quick
@given(seed=seeds)
def test_entropy_calibration_error_invariants(seed):
    human, model = random_pair(seed, items=20)
    error = entropy_calibration_error(human, model)
    assert_allclose(error, np.abs(entropy(model) - entropy(human)), atol=1e-15)
    assert_array_equal(error, entropy_calibration_error(model, human))
    assert (error <= np.log(3)).all()
    assert_array_equal(entropy_calibration_error(human, human), 0.0)


@quick
@given(seed=seeds)
def test_entropy_correlation_equals_scipy(seed):
    human, model = random_pair(seed, items=30)
    expected = pearsonr(scipy_entropy(human, axis=1), scipy_entropy(model, axis=1)).statistic
    got = entropy_correlation(human, model)
    assert isinstance(got, float)
    assert got == pytest.approx(expected, abs=1e-12)
    assert -1.0 <= got <= 1.0
    assert entropy_correlation(model, human) == pytest.approx(got, abs=1e-12)


def test_entropy_correlation_limits():
    human, _ = random_pair()
    assert entropy_correlation(human, human[:, ::-1]) == pytest.approx(1.0)
    # Entropies 0, ln(2) against ln(2), 0.
    assert entropy_correlation([[1, 0], [0.5, 0.5]], [[0.5, 0.5], [1, 0]]) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    "constant",
    [
        np.full((6, 3), 1 / 3),
        np.eye(3)[[0, 1, 2, 0, 1, 2]],
        # The same entropy up to rounding, by construction.
        np.array(list(itertools.permutations([0.7, 0.2, 0.1]))),
    ],
)
def test_entropy_correlation_is_nan_where_entropy_is_constant(constant):
    human, _ = random_pair(items=6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(entropy_correlation(human, constant))
        assert np.isnan(entropy_correlation(constant, human))
        assert np.isnan(entropy_correlation(human[:1], human[:1]))


def test_rank_match_hand_values():
    human = [[0.6, 0.3, 0.1]] * 3
    model = [[0.5, 0.4, 0.1], [0.5, 0.2, 0.3], [0.3, 0.6, 0.1]]
    assert_array_equal(rank_match(human, model), [1.0, 0.0, 0.0])


def test_rank_match_breaks_ties_for_the_higher_class():
    # Rankings, least likely first: (1, 0, 0) is class 1, 2, 0.
    human = [[1.0, 0.0, 0.0]] * 2
    model = [[0.8, 0.05, 0.15], [0.8, 0.15, 0.05]]
    assert_array_equal(rank_match(human, model), [1.0, 0.0])
    # Both tied the same way is a match, whatever the tied value.
    assert_array_equal(rank_match([[1.0, 0.0, 0.0]], [[0.6, 0.2, 0.2]]), [1.0])
    # A uniform prediction is read as class 0 < 1 < 2.
    uniform = np.full((2, 3), 1 / 3)
    assert_array_equal(rank_match([[0.1, 0.3, 0.6], [0.6, 0.3, 0.1]], uniform), [1.0, 0.0])


def test_rank_match_ties_hold_for_many_classes():
    # Sorting is stable for long rows too, where numpy's default is not.
    votes = np.random.default_rng(0).integers(0, 3, (20, 200))
    human = votes / votes.sum(axis=1, keepdims=True)
    broken = votes + np.arange(200) / 1000  # no ties left: the higher class is ahead
    model = broken / broken.sum(axis=1, keepdims=True)
    assert_array_equal(rank_match(human, model), 1.0)


@quick
@given(seed=seeds, classes=st.integers(2, 5))
def test_rank_match_without_ties_equals_ranks(seed, classes):
    rng = np.random.default_rng(seed)
    human, model = rng.dirichlet(np.ones(classes), (2, 30))
    expected = (rankdata(human, axis=1) == rankdata(model, axis=1)).all(axis=1)
    assert_array_equal(rank_match(human, model), expected.astype(float))
    assert_array_equal(rank_match(model, human), rank_match(human, model))
    order = rng.permutation(classes)
    assert_array_equal(rank_match(human[:, order], model[:, order]), rank_match(human, model))


@quick
@given(seed=seeds)
def test_rank_match_of_identical_and_of_softened(seed):
    human, model = random_pair(seed, items=20)
    assert_array_equal(rank_match(human, human), 1.0)
    softened = np.sqrt(model) / np.sqrt(model).sum(axis=1, keepdims=True)
    assert_array_equal(rank_match(human, softened), rank_match(human, model))


def test_auroc_by_hand():
    # ambiguous, clear, ambiguous, clear (60 of 100 are not below 60 %)
    human = [[0.5, 0.5], [0.9, 0.1], [0.55, 0.45], [0.6, 0.4]]
    # one clear item is above one ambiguous item, one pair is a tie
    model = [[0.5, 0.5], [0.9, 0.1], [0.8, 0.2], [0.2, 0.8]]
    assert ambiguity_auroc(human, model) == (1 + 1 + 1 + 0.5) / 4


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.75])
def test_auroc_equals_sklearn_with_ties(threshold):
    human, model = random_pair()
    model = np.round(model, 1)
    model[:, 0] += 1 - model.sum(axis=1)
    model = np.clip(model, 0, None) / np.clip(model, 0, None).sum(axis=1, keepdims=True)
    positive = human.max(axis=1) < threshold - 1e-12
    expected = roc_auc_score(positive, np.round(entropy(model), 12))
    assert_allclose(ambiguity_auroc(human, model, threshold), expected, rtol=1e-12)


def test_auroc_limits():
    human, _ = random_pair()
    assert ambiguity_auroc(human, np.full_like(human, 1 / 3)) == 0.5
    assert np.isnan(ambiguity_auroc(human[:1], human[:1]))
    with pytest.raises(ValueError, match="threshold must be between 0 and 1"):
        ambiguity_auroc(human, human, 1.0)


@quick
@given(seeds)
def test_auroc_knows_only_the_order_of_entropies(seed):
    human, model = random_pair(seed)
    area = ambiguity_auroc(human, model)
    assert 0 <= area <= 1
    # classes in another order have the same entropy
    assert ambiguity_auroc(human, model[:, ::-1]) == pytest.approx(area)


@quick
@given(seed=seeds)
def test_correlations_under_weights_are_those_of_the_drawn_items(seed):
    random = np.random.default_rng(seed)
    x, y = random.random(12), random.random((2, 12))
    rows = random.integers(12, size=(4, 12))
    weights = np.array([np.bincount(drawn, minlength=12) for drawn in rows]) / 12
    expected = [[pearsonr(x[drawn], one[drawn]).statistic for one in y] for drawn in rows]
    assert_allclose(correlations(x, y, weights), expected, atol=1e-9)


def test_a_resample_of_one_item_has_no_correlation():
    random = np.random.default_rng(0)
    x, y = random.random(40) * 0.3, random.random((1, 40))
    assert np.isnan(correlations(x, y, np.eye(40))).all()
