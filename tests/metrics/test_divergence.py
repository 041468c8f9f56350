from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from scipy.stats import wasserstein_distance as scipy_wasserstein
from sklearn.metrics import f1_score

from ambiguity_lib.metrics import (
    jensen_shannon_distance,
    jensen_shannon_divergence,
    kl_divergence,
    manhattan_distance,
    po_jsd,
    soft_micro_f1,
    total_variation_distance,
    wasserstein_distance,
)

LN2 = np.log(2.0)
ALL = [
    jensen_shannon_distance,
    jensen_shannon_divergence,
    kl_divergence,
    total_variation_distance,
    manhattan_distance,
    wasserstein_distance,
]
METRIC = [
    jensen_shannon_distance,
    total_variation_distance,
    manhattan_distance,
    wasserstein_distance,
]
SYMMETRIC = [*METRIC, jensen_shannon_divergence, po_jsd]

quick = settings(max_examples=50, deadline=None)


@st.composite
def distributions(draw, count=2):
    """``count`` arrays of the same shape whose rows are distributions, many with zeros."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(2, 5)))
    weights = st.one_of(st.integers(0, 3), st.floats(0, 1), st.floats(0, 1e-12))
    arrays = []
    for _ in range(count):
        raw = draw(hnp.arrays(np.float64, shape, elements=weights))
        raw[raw.sum(axis=1) < 1e-200] = 1.0
        scaled = raw / raw.max(axis=1, keepdims=True)
        arrays.append(scaled / scaled.sum(axis=1, keepdims=True))
    return arrays


def random_pair(items=300, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    human = rng.multinomial(100, rng.dirichlet(np.ones(classes), items)) / 100
    return human, rng.dirichlet(np.full(classes, 0.3), items)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        # p = (1/2, 1/2, 0), q = (1/2, 0, 1/2): m = (1/2, 1/4, 1/4), both KL to m are ln(2) / 2
        (jensen_shannon_divergence, LN2 / 2),
        (jensen_shannon_distance, np.sqrt(LN2 / 2)),
        (total_variation_distance, 0.5),
        (manhattan_distance, 1.0),
        (wasserstein_distance, 0.5),
        (po_jsd, 0.5),
        # 1/2 ln(1/2 / 1/2) + 1/2 ln(1/2 / 1e-15); the renormalisation is 1 + 1e-15
        (kl_divergence, 0.5 * np.log(0.5 / 1e-15)),
    ],
)
def test_hand_values(metric, expected):
    assert_allclose(metric([[0.5, 0.5, 0.0]], [[0.5, 0.0, 0.5]]), [expected], rtol=1e-12)


def test_kl_is_from_human_to_model():
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert_allclose(kl_divergence([[0.75, 0.25]], [[0.5, 0.5]]), [expected], rtol=1e-14)


@pytest.mark.parametrize("metric", ALL)
def test_identical_is_exactly_zero(metric):
    human, model = random_pair()
    assert_array_equal(metric(model, model), 0.0)
    if metric is not kl_divergence:  # zeros are floored in the model only
        assert_array_equal(metric(human, human), 0.0)
    else:
        assert_allclose(metric(human, human), 0.0, atol=1e-14)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (jensen_shannon_distance, np.sqrt(LN2)),
        (jensen_shannon_divergence, LN2),
        (total_variation_distance, 1.0),
        (kl_divergence, -np.log(1e-15)),
        (manhattan_distance, 2.0),
        (wasserstein_distance, 2.0),
        (po_jsd, 0.0),
    ],
)
def test_disjoint_one_hots_reach_the_upper_limit(metric, expected):
    assert_allclose(metric([[1, 0, 0]], [[0, 0, 1]]), [expected], rtol=1e-14)


def test_kl_floor_is_1e_15_and_renormalised():
    human, model = np.array([[0.2, 0.3, 0.5]]), np.array([[1.0, 0.0, 1e-18]])
    floored = np.array([1.0, 1e-15, 1e-15]) / (1 + 2e-15)
    assert_allclose(kl_divergence(human, model), [scipy_entropy(human[0], floored)], rtol=1e-14)


def test_kl_renormalises_after_flooring():
    # 10,000 excluded classes add 1e-11 to the sum, which shows.
    one_hot = np.eye(1, 10_001)
    assert_allclose(kl_divergence(one_hot, one_hot), [1e-11], rtol=1e-4)


def test_kl_leaves_human_zeros_alone():
    assert_allclose(kl_divergence([[1.0, 0.0]], [[0.25, 0.75]]), [np.log(4)], rtol=1e-15)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_equals_scipy(classes):
    human, model = random_pair(classes=classes)
    distance = [jensenshannon(p, q) for p, q in zip(human, model, strict=True)]
    assert_allclose(jensen_shannon_distance(human, model), distance, atol=1e-12, rtol=0)
    assert_allclose(jensen_shannon_divergence(human, model), np.square(distance), atol=1e-12)
    floored = np.maximum(model, 1e-15)
    assert_allclose(kl_divergence(human, model), scipy_entropy(human, floored, axis=1), atol=1e-12)


def test_total_variation_is_the_largest_difference_over_events():
    human, model = random_pair(items=20)
    events = np.array(np.meshgrid(*[[0, 1]] * 3)).reshape(3, -1)
    expected = np.abs((human - model) @ events).max(axis=1)
    assert_allclose(total_variation_distance(human, model), expected, atol=1e-15)


def test_distance_keeps_its_digits_near_equality():
    # The textbook formula gives 0 or about 1e-9 here, depending on rounding.
    eps = 1e-9
    expected = np.sqrt(eps**2 / 2)
    got = jensen_shannon_distance([[0.5, 0.5]], [[0.5 + eps, 0.5 - eps]])
    assert_allclose(got, [expected], rtol=1e-6)


def test_rounding_leaves_no_negative_and_nothing_above_the_limit():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 20_000)
    nearly_p = p * (1 + 1e-16 * rng.integers(-3, 4, p.shape))
    nothing = np.zeros_like(p)
    for human, model in [(p, nearly_p), (np.hstack([p, nothing]), np.hstack([nothing, p]))]:
        divergence = jensen_shannon_divergence(human, model)
        assert (divergence >= 0).all()
        assert (divergence <= LN2).all()
        assert np.isfinite(jensen_shannon_distance(human, model)).all()
        assert (kl_divergence(human, model) >= 0).all()
        assert (total_variation_distance(human, model) <= 1).all()


def test_subnormal_probabilities_stay_finite():
    human, model = [[5e-324, 1.0]], [[0.0, 1.0]]
    for metric in ALL:
        assert_allclose(metric(human, model), [0.0], atol=1e-14)


@pytest.mark.parametrize("metric", SYMMETRIC)
@quick
@given(pair=distributions())
def test_symmetry(metric, pair):
    human, model = pair
    assert_array_equal(metric(human, model), metric(model, human))


@quick
@given(pair=distributions())
def test_bounds(pair):
    human, model = pair
    steps = human.shape[1] - 1 + 1e-12
    limits = [np.sqrt(LN2), LN2, -np.log(1e-15) + 1e-9, 1.0, 2.0, steps]
    for metric, upper in zip(ALL, limits, strict=True):
        values = metric(human, model)
        assert values.shape == (len(human),)
        assert values.dtype == np.float64
        assert (values >= 0).all()
        assert (values <= upper).all()


@pytest.mark.parametrize("metric", METRIC)
@quick
@given(triple=distributions(count=3))
def test_triangle_inequality(metric, triple):
    p, q, r = triple
    assert (metric(p, r) <= metric(p, q) + metric(q, r) + 1e-12).all()


def test_divergence_breaks_the_triangle_inequality():
    # Why the root is taken: the divergence itself is no metric.
    p, q, r = [[1.0, 0.0]], [[0.5, 0.5]], [[0.0, 1.0]]
    through = jensen_shannon_divergence(p, q) + jensen_shannon_divergence(q, r)
    assert jensen_shannon_divergence(p, r) > through


@pytest.mark.parametrize("metric", ALL)
@quick
@given(pair=distributions())
def test_zero_only_on_equality(metric, pair):
    human, model = pair
    assert_allclose(metric(human, human), 0.0, atol=1e-13)
    different = np.abs(human - model).max(axis=1) > 1e-6
    assert (metric(human, model)[different] > 0).all()


@quick
@given(pair=distributions(), seed=st.integers(0, 99))
def test_order_of_classes_does_not_matter(pair, seed):
    human, model = pair
    order = np.random.default_rng(seed).permutation(human.shape[1])
    for metric in ALL[:-1]:  # but for the last, which is about their order
        got = metric(human[:, order], model[:, order])
        assert_allclose(got, metric(human, model), rtol=1e-9, atol=1e-15)


@quick
@given(pair=distributions())
def test_pinsker_and_other_relations(pair):
    human, model = pair
    tvd, jsd = total_variation_distance(human, model), jensen_shannon_divergence(human, model)
    assert (tvd**2 <= kl_divergence(human, model) / 2 + 1e-12).all()
    assert (tvd**2 / 2 <= jsd + 1e-12).all()
    assert (jsd <= LN2 * tvd + 1e-12).all()


def test_where_scipy_loses_all_digits():
    """The reason for lines of our own: of nearly equal rows scipy's distance is noise, or NaN."""
    exact, shift = 0.5, 1e-9  # the distance is shift / sqrt(2) to first order, by hand
    human, model = [[exact, exact]], [[exact + shift, exact - shift]]
    with np.errstate(invalid="ignore"):
        theirs = jensenshannon(human, model, axis=1)[0]
    assert jensen_shannon_distance(human, model)[0] == pytest.approx(shift / np.sqrt(2), rel=1e-6)
    assert theirs != pytest.approx(shift / np.sqrt(2), rel=0.1)


@quick
@given(pair=distributions())
def test_wasserstein_is_scipys(pair):
    human, model = pair
    places = np.arange(human.shape[1])
    expected = [scipy_wasserstein(places, places, p, q) for p, q in zip(human, model, strict=True)]
    assert_allclose(wasserstein_distance(human, model), expected, atol=1e-9)


@quick
@given(seed=st.integers(0, 99))
def test_soft_micro_f1_of_single_answers_is_micro_f1(seed):
    labels, predictions = np.random.default_rng(seed).integers(4, size=(2, 30))
    expected = f1_score(labels, predictions, average="micro")
    assert soft_micro_f1(np.eye(4)[labels], np.eye(4)[predictions]) == pytest.approx(expected)


@quick
@given(pair=distributions())
def test_soft_micro_f1_is_what_total_variation_leaves(pair):
    human, model = pair
    expected = 1 - total_variation_distance(human, model).mean()
    assert soft_micro_f1(human, model) == pytest.approx(expected, abs=1e-12)
    assert soft_micro_f1(human, human) == 1.0
    assert (po_jsd(human, model) >= 1 - total_variation_distance(human, model) - 1e-12).all()
