"""Temperature scaling against distributions whose temperature is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.baselines import apply_temperature, fit_temperature, oracle_temperature, softmax
from ambiguity_lib.metrics import jensen_shannon_distance

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(scale=2.0, size=(4000, 3))


def test_softmax_equals_scipy_and_survives_large_logits():
    np.testing.assert_allclose(softmax(LOGITS), scipy.special.softmax(LOGITS, axis=1))
    np.testing.assert_array_equal(softmax([[1e4, 0.0]]), [[1.0, 0.0]])


def test_temperature_limits():
    np.testing.assert_allclose(apply_temperature(LOGITS, 1.0), softmax(LOGITS))
    np.testing.assert_allclose(apply_temperature(LOGITS, 1e9), 1 / 3, atol=1e-6)
    sharp = apply_temperature(LOGITS, 1e-6)
    np.testing.assert_allclose(sharp.max(axis=1), 1, atol=1e-2)


@given(st.floats(0.1, 20))
def test_temperature_keeps_the_order(temperature):
    warm = apply_temperature(LOGITS[:50], temperature)
    np.testing.assert_array_equal(warm.argmax(1), LOGITS[:50].argmax(1))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="must be positive"):
        apply_temperature(LOGITS, temperature)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_fit_recovers_the_temperature_that_labels_were_drawn_with(true):
    generator = np.random.default_rng(1)
    probs = apply_temperature(LOGITS, true)
    labels = (probs.cumsum(1) > generator.random((len(probs), 1))).argmax(1)
    assert fit_temperature(LOGITS, labels) == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize("metric", ["KL", "JSD"])
@pytest.mark.parametrize("true", [0.5, 1.0, 4.0])
def test_oracle_recovers_the_temperature_of_the_humans(metric, true):
    human = apply_temperature(LOGITS[:500], true)
    assert oracle_temperature(LOGITS[:500], human, metric) == pytest.approx(true, rel=1e-2)


def test_oracle_is_no_worse_than_any_temperature_on_a_grid():
    human = GENERATOR.dirichlet([1, 1, 1], size=300)
    logits = LOGITS[:300]

    def score(temperature):
        return jensen_shannon_distance(human, apply_temperature(logits, temperature)).mean()

    best = score(oracle_temperature(logits, human, "JSD"))
    assert all(best <= score(t) + 1e-6 for t in np.geomspace(0.06, 40, 50))


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="'JSD' or 'KL'"):
        oracle_temperature(LOGITS, softmax(LOGITS), "ECE")
