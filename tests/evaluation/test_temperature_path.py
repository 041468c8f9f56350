"""A model against a path of temperatures: by hand, on the path, above it, below it."""

from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.evaluation import against_path
from ambiguity_lib.evaluation.temperature_path import _lowest_of_larger
from ambiguity_lib.method import apply_temperature, oracle_temperature
from ambiguity_lib.metrics import entropy_correlation, jensen_shannon_distance, kl_divergence


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    human = rng.dirichlet([1.0, 1.0, 1.0], size=300)
    logits = 4 * np.log(human) + rng.normal(size=(2, 300, 3))
    return human, logits


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 3.3, 7.0])
def test_no_temperature_of_the_teacher_is_below_its_path(data, temperature):
    human, logits = data
    probs = np.stack([apply_temperature(own, temperature) for own in logits])
    found = against_path(human, logits, probs, samples=50)
    assert found.margin.value <= 1e-3
    assert found.correlation_gain.value <= 1e-3
    assert not found.holds


def test_between_the_two_best_temperatures_the_margin_is_zero(data):
    human, logits = data
    one = logits[:1]
    best = [oracle_temperature(one[0], human, name) for name in ("JSD", "KL")]
    between = apply_temperature(one[0], float(np.sqrt(best[0] * best[1])))[np.newaxis]
    assert against_path(human, one, between, samples=50).margin.value == pytest.approx(0, abs=1e-3)


def test_people_are_below_the_path_and_the_uniform_answer_is_above(data):
    human, logits = data
    people = np.stack([human, human])
    found = against_path(human, logits, people, samples=200)
    assert found.holds
    # at distance 0 the gain is the path's own value over its lowest: at least all of it
    assert found.margin.value >= 1
    assert found.model == pytest.approx((0.0, 0.0, 1.0), abs=1e-6)
    uniform = np.full_like(people, 1 / 3)
    assert against_path(human, logits, uniform, samples=50).margin.high < 0


def test_the_path_is_that_of_the_measures(data):
    human, logits = data
    found = against_path(human, logits, np.stack([human, human]), samples=20)
    for index in (0, 128, 256):
        temperature = float(found.temperatures[index])
        scaled = [apply_temperature(own, temperature) for own in logits]
        for path, measure in (
            (found.jsd, jensen_shannon_distance),
            (found.kl, kl_divergence),
            (found.entropy_correlation, entropy_correlation),
        ):
            expected = np.mean([np.mean(measure(human, own)) for own in scaled])
            assert path[index] == pytest.approx(expected, abs=1e-9)


def test_lowest_of_larger_by_hand():
    # from (0, 1) to (1, 0) the larger is lowest at the crossing, .5
    assert _lowest_of_larger(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])).tolist() == [0.5]
    a, b = np.array([[3.0, 1.0, 2.0]]), np.array([[0.0, 0.5, 4.0]])
    fine = np.linspace(0, 2, 200_001)
    lines = [np.interp(fine, [0, 1, 2], row[0]) for row in (a, b)]
    assert _lowest_of_larger(a, b)[0] == pytest.approx(np.maximum(*lines).min(), abs=1e-4)


def test_shapes_that_do_not_fit_are_refused(data):
    human, logits = data
    with pytest.raises(ValueError, match=r"both \(S, N, C\)"):
        against_path(human, logits, human)
