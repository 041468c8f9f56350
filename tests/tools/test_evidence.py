"""The record of a run's evidence: all parts, numbers that agree with the experiment's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tools.evidence import at_own_temperature, evidence, people

from ambiguity_lib.metrics import entropy, jensen_shannon_distance
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import METHODS, Experiment
from ambiguity_lib.study.provenance import plain

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["teacher", "LS-TS", "pruned", "distilled", "oracle temperature (JSD)"]


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    profile = ROOT / "tests" / "profiles" / "smoke.yml"
    store = ArtifactStore(tmp_path_factory.mktemp("evidence"))
    return Experiment.from_profile(profile, store=store, progress=False)


@pytest.fixture(scope="module")
def record(exp):
    return json.loads(json.dumps(plain(evidence(exp, NAMES, [0, 1], full_map=True))))


def test_the_scores_are_the_methods(exp, record):
    rows = {(r["method"], r["score"]): r["mean"] for r in record["scores"]}
    for name in NAMES:
        distances = [
            jensen_shannon_distance(
                exp.human, METHODS[name].probs(exp.with_seed(seed), "evaluation")
            ).mean()
            for seed in (0, 1)
        ]
        assert rows[name, "JSD"] == pytest.approx(np.mean(distances))


def test_every_layer_of_every_seed_is_there_and_both_read_outs(exp, record):
    layers = exp.num_layers + 1
    keys = {(row["readout"], row["seed"], row["layer"]) for row in record["layers"]}
    assert len(keys) == len(record["layers"]) == 3 * layers
    first = [r for r in record["layers"] if r["readout"] == "mean" and r["seed"] == 0]
    accuracies = exp.probe_accuracy("validation")
    assert [row["validation accuracy"] for row in first] == pytest.approx(accuracies.tolist())
    assert all(row["JSD at T"] <= row["JSD"] + 1e-9 for row in record["layers"])


def test_thirds_path_items_map_and_speed(exp, record):
    thirds = [row for row in record["thirds"] if row["method"] == "teacher"]
    doubts = {row["third"]: row["human_entropy"] for row in thirds}
    assert sorted(doubts) == [1, 2, 3] and doubts[1] < doubts[2] < doubts[3]
    path = record["path"][exp.gold().name]
    teacher = next(row["JSD"] for row in record["own_temperature"] if row["method"] == "teacher")
    nearest = min(path, key=lambda row: abs(row["T"] - 1))
    assert nearest["JSD"] == pytest.approx(teacher, abs=0.02)
    assert len(record["items"]["shown"]) == 12
    assert np.array(record["items"]["shown"][0]["layers"]).shape == (exp.num_layers + 1, 3)
    weights = exp.profile.distillation.weights
    assert len(record["source_map"]) == (exp.depth - 1) * len(weights)
    assert [row["depth"] for row in record["speed"]] == list(range(1, exp.num_layers + 1))


def test_a_fitted_temperature_never_hurts():
    rng = np.random.default_rng(0)
    human, model = rng.dirichlet([1, 1, 1], 50), rng.dirichlet([0.2, 0.2, 0.2], 50)
    found = at_own_temperature(model, human)
    assert found["JSD at T"] < found["JSD"] and found["KL at T"] < found["KL"]


def test_people_are_split_into_thirds_by_their_doubt():
    human = np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])
    found = people({"all": human[::-1]})["all"]
    assert found["agreement"] == pytest.approx([0.95, 0.75, 0.55])
    assert found["entropy"] == pytest.approx(entropy(human).mean())
