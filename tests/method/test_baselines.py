"""Temperatures against known ones, MC dropout and ensembles against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.method import (
    apply_temperature,
    ensemble_probs,
    fit_ambiguity_temperature,
    fit_temperature,
    mc_dropout_probs,
    oracle_temperature,
    softmax,
)
from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.models import predict_logits
from tests.tiny import tiny_dataset, tiny_model, tiny_tokenizer

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


def test_the_ambiguity_temperature_by_hand():
    # one doubt for all: ε = .2 of two classes, so the targets' mean is .9 · (9/10) + .1 · (1/10)
    logits = np.tile([np.log(4), 0.0], (10, 1))
    target = 0.9 * 0.9 + 0.1 * 0.1
    temperature = fit_ambiguity_temperature(logits, [0] * 9 + [1])
    assert apply_temperature(logits, temperature)[0, 0] == pytest.approx(target, abs=1e-4)


def test_a_model_without_doubt_keeps_its_plain_temperature():
    logits = 1e3 * np.eye(3)[[0, 1, 2, 0]]
    labels = [0, 1, 2, 1]
    ambiguous = fit_ambiguity_temperature(logits, labels)
    assert ambiguous == pytest.approx(fit_temperature(logits, labels), rel=1e-3)


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


def dropout_probs(model, dataset, **options):
    settings = {"max_length": 32, "progress": False} | options
    return mc_dropout_probs(model, tiny_tokenizer(), dataset, **settings)


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    return model


def test_mc_dropout_without_dropout_is_the_model_itself():
    dataset, model = tiny_dataset(20), without_dropout(tiny_model())
    model.config._attn_implementation = "eager"
    plain = softmax(predict_logits(model, tiny_tokenizer(), dataset, max_length=32, progress=False))
    np.testing.assert_allclose(dropout_probs(model, dataset, samples=3), plain, atol=1e-5)


def test_mc_dropout_is_a_mean_over_random_passes_given_a_seed():
    dataset, model = tiny_dataset(20), tiny_model()
    plain = softmax(predict_logits(model, tiny_tokenizer(), dataset, max_length=32, progress=False))
    outside = torch.random.get_rng_state()
    one = dropout_probs(model, dataset, samples=1, seed=0)
    again = dropout_probs(model, dataset, samples=1, seed=0)
    other = dropout_probs(model, dataset, samples=1, seed=1)
    assert torch.equal(torch.random.get_rng_state(), outside) and not model.training
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - plain).max() > 1e-3 and np.abs(one - other).max() > 1e-3
    # the spread of a mean of 64 passes is an eighth of that of one
    first, second = (dropout_probs(model, dataset, samples=64, seed=s) for s in (2, 3))
    assert np.abs(first - second).mean() < 0.5 * np.abs(one - other).mean()
    np.testing.assert_allclose(first.sum(axis=1), 1)


def test_mc_dropout_in_half_precision_differs_by_rounding_only():
    dataset, model = tiny_dataset(20), tiny_model()
    half, full = (dropout_probs(model, dataset, samples=4, precision=p) for p in ("bf16", "fp32"))
    assert 0 < np.abs(half - full).max() < 0.02


def test_mc_dropout_needs_a_pass():
    with pytest.raises(ValueError, match="samples must be at least 1; got 0"):
        dropout_probs(tiny_model(), tiny_dataset(4), samples=0)


def test_an_ensemble_is_the_mean_of_probabilities():
    members = [[[1.0, 0.0]], [[0.5, 0.5]]]
    np.testing.assert_allclose(ensemble_probs(members), [[0.75, 0.25]])
    np.testing.assert_allclose(ensemble_probs(members[:1]), members[0])


@pytest.mark.parametrize("members", [[], [[[1.0, 0.0]], [[1.0, 0.0], [0.5, 0.5]]]])
def test_an_ensemble_needs_members_of_one_shape(members):
    with pytest.raises(ValueError, match="an ensemble needs members of one shape"):
        ensemble_probs(members)
