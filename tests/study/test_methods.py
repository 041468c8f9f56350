"""Every method on a tiny world: distributions, costs, and who reads human distributions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ambiguity_lib.method import apply_temperature, fit_temperature
from ambiguity_lib.metrics import (
    entropy,
    jensen_shannon_distance,
    kl_divergence,
    negative_log_likelihood,
)
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import METHODS, RECIPES, Experiment, load_profile
from ambiguity_lib.study.methods import (
    PRIMARY,
    _by_ambiguity,
    ensemble_seeds,
)
from tests.study.test_experiment import poisoned

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")
BLIND = [method for method in (METHODS | RECIPES).values() if not method.gold]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def exp(root):
    return Experiment(SMOKE, 0, store=ArtifactStore(root), progress=False)


def probs(exp, name):
    return METHODS[name].probs(exp, "evaluation")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_gives_distributions_and_a_cost(exp, name):
    kl_divergence(exp.human, probs(exp, name))  # refuses what is no distribution
    cost = METHODS[name].cost(exp)
    assert cost.trainings >= 1 and cost.forwards > 0
    assert cost.parameters >= exp.pruned().parameters


@pytest.fixture(scope="module")
def blind(exp, tmp_path_factory):
    """The same experiment with every human column wrecked, in a store of its own."""
    splits = {
        part: poisoned(getattr(exp.splits, part)) for part in ("train", "validation", "evaluation")
    }
    return Experiment(
        SMOKE,
        0,
        splits=dataclasses.replace(exp.splits, **splits),
        store=ArtifactStore(tmp_path_factory.mktemp("blind")),
        progress=False,
    )


@pytest.mark.parametrize("method", BLIND, ids=lambda method: method.name)
def test_no_label_free_method_reads_what_humans_said(exp, blind, method):
    np.testing.assert_array_equal(
        method.probs(blind, "evaluation"), method.probs(exp, "evaluation")
    )


@pytest.mark.parametrize("name", ["oracle temperature (JSD)", "oracle temperature (KL)"])
def test_that_test_would_see_a_method_that_does(blind, name):
    with pytest.raises(ValueError, match="label_dist"):
        METHODS[name].probs(blind, "evaluation")


def test_smoothing_is_chosen_by_validation_loss(exp):
    labels = exp.labels("validation")
    losses = {
        epsilon: negative_log_likelihood(
            labels, exp.label_smoothed(epsilon).probs("validation")
        ).mean()
        for epsilon in SMOKE.baselines.epsilons
    }
    assert losses[exp.smoothing] == min(losses.values())


def test_temperature_is_fitted_on_validation_labels(exp):
    temperature = fit_temperature(exp.teacher.logits("validation"), exp.labels("validation"))
    np.testing.assert_array_equal(
        probs(exp, "temperature scaling"), apply_temperature(exp.teacher.logits(), temperature)
    )


def test_an_ensemble_is_the_mean_of_its_seeds_and_the_same_for_all(exp):
    assert ensemble_seeds(exp) == (0, 1)
    expected = (exp.teacher.probs() + exp.with_seed(1).teacher.probs()) / 2
    np.testing.assert_allclose(probs(exp, "deep ensemble"), expected)
    np.testing.assert_allclose(probs(exp.with_seed(1), "deep ensemble"), expected)


@pytest.mark.parametrize(
    ("name", "metric"), [("JSD", jensen_shannon_distance), ("KL", kl_divergence)]
)
def test_each_oracle_is_best_in_its_own_measure(exp, name, metric):
    names = ("teacher", "oracle temperature (JSD)", "oracle temperature (KL)")
    scores = {other: metric(exp.human, probs(exp, other)).mean() for other in names}
    assert scores[f"oracle temperature ({name})"] <= min(scores.values()) + 1e-9


def test_the_top_teaches_the_same_depth(exp):
    top = exp.distilled(source=exp.num_layers)
    assert top.depth == exp.distilled().depth
    assert top.key != exp.distilled().key


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_distributions_without_gold(exp, name):
    recipe = RECIPES[name]
    assert not recipe.gold
    assert entropy(recipe.probs(exp, "evaluation")).shape == (len(exp.splits.evaluation),)
    assert recipe.cost(exp).trainings >= 1


def test_recipes_differ_in_their_targets(exp):
    answers = [recipe.probs(exp, "evaluation") for recipe in RECIPES.values()]
    for i, first in enumerate(answers):
        for second in answers[:i]:
            assert np.abs(first - second).max() > 1e-4


def test_a_students_training_costs_its_layers_and_its_epochs(exp):
    half = dataclasses.replace(SMOKE.distillation, epochs=1)
    training = dataclasses.replace(SMOKE.training, epochs=2)
    shorter = exp._variant(config=dataclasses.replace(SMOKE, distillation=half, training=training))
    share = exp.depth / exp.num_layers
    assert METHODS["pruned"].cost(shorter).trainings == pytest.approx(1 + share / 2)
    assert METHODS["trained longer"].cost(shorter).trainings == 1.5


def test_trained_longer_goes_on_from_the_teacher_and_keeps_its_depth(exp):
    longer = exp.trained_longer()
    assert longer.depth == exp.num_layers
    assert longer.key not in (exp.teacher.key, exp.pruned(exp.num_layers).key)


def test_what_models_of_the_other_fold_say(exp):
    dropout, lower = exp.of_other_fold()
    for unseen, part in exp.folds(2):
        np.testing.assert_array_equal(dropout[unseen], part.mc_dropout_probs("evaluation"))
        probes = part.probe_probs("evaluation")[exp.source : exp.depth]
        np.testing.assert_allclose(lower[unseen], probes.mean(axis=0))


def test_a_share_by_ambiguity_is_larger_where_there_is_more_doubt_and_at_most_one():
    other = np.array([[1.0, 0, 0], [0.9, 0.1, 0], [1 / 3, 1 / 3, 1 / 3]])
    shares = _by_ambiguity(0.6, other)[:, 0]
    doubt = entropy(other)
    np.testing.assert_allclose(shares, np.minimum(1, 0.6 * doubt / doubt.mean()))
    assert shares[0] == 0 and shares[2] == 1


def test_a_rescaled_student_keeps_its_answers(exp):
    plain, scaled = (
        RECIPES[name].probs(exp, "evaluation") for name in (PRIMARY, f"{PRIMARY}, rescaled")
    )
    np.testing.assert_array_equal(plain.argmax(axis=1), scaled.argmax(axis=1))
    assert np.abs(plain - scaled).max() > 1e-4
