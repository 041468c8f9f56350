"""The recipes: targets by hand, students of the chosen depth, blind to human distributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ambiguity_lib.metrics import entropy
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import RECIPES, Experiment, load_profile
from ambiguity_lib.study.methods import _mixed, disagreement_weights, lower_layers

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    return Experiment(SMOKE, 0, store=store, progress=False)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_distributions_without_gold(exp, name):
    recipe = RECIPES[name]
    assert recipe.gold is None
    assert entropy(recipe.probs(exp, "evaluation")).shape == (len(exp.splits.evaluation),)
    assert recipe.cost(exp).trainings >= 1


def test_recipes_differ_in_their_targets(exp):
    answers = [recipe.probs(exp, "evaluation") for recipe in RECIPES.values()]
    for i, first in enumerate(answers):
        for second in answers[:i]:
            assert np.abs(first - second).max() > 1e-4


def test_a_third_each_by_hand(exp):
    spec, targets = _mixed(1 / 3, layers=1 / 3, uniform=1 / 3)
    one_hot = np.eye(3)[exp.labels("train")]
    expected = (one_hot + lower_layers(exp, "train") + 1 / 3) / 3
    np.testing.assert_allclose(targets(exp), expected)
    # what determines the targets determines where the student is kept
    assert spec != _mixed(1 / 2, layers=1 / 2)[0]


def test_lower_layers_are_those_from_source_to_below_depth(exp):
    probes = exp.probe_probs("validation")
    expected = np.mean([probes[layer] for layer in range(exp.source, exp.depth)], axis=0)
    np.testing.assert_allclose(lower_layers(exp, "validation"), expected)


def test_a_weight_grows_with_disagreement():
    sure, unsure = [[1.0, 0.0]] * 3, [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    weights = disagreement_weights(np.array(sure), np.array(unsure), 0.3)
    assert weights[0] == 0 and 0 < weights[1] < weights[2] <= 1
    assert weights.mean() == pytest.approx(0.3)
    np.testing.assert_array_equal(disagreement_weights(np.array(sure), np.array(sure), 0.3), 0)
