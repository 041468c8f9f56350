"""The record of a run's evidence: all parts, numbers that agree with the experiment's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from course.evidence import at_own_temperature, divided, evidence, people, thirds

from ambiguity_lib.evaluation import Gold, against_path, score_probs
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
    assert [row["depth"] for row in record["speed"]] == list(range(exp.num_layers + 1))


def test_a_fitted_temperature_never_hurts():
    rng = np.random.default_rng(0)
    human, model = rng.dirichlet([1, 1, 1], 50), rng.dirichlet([0.2, 0.2, 0.2], 50)
    found = at_own_temperature(model, human)
    assert found["JSD at T"] < found["JSD"] and found["KL at T"] < found["KL"]


def test_people_are_split_into_thirds_by_their_doubt():
    human = np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])
    found = people(human[::-1])
    assert found["agreement"] == pytest.approx([0.95, 0.75, 0.55])
    assert found["divided"] == pytest.approx(1 / 6), "a share of .6 is a majority"
    assert found["entropy"] == pytest.approx(entropy(human).mean())
    assert found["triangle"][:, -1].sum() == 6
    assert [0.5, 0.5, 1] in found["triangle"].tolist()


def test_how_sure_a_model_is_where_people_are_divided():
    labels, human = np.array([0, 0]), np.array([[0.9, 0.1], [0.5, 0.5]])
    gold = Gold("toy", ("a", "b"), human, labels, labels, None)
    scores = score_probs(gold, "teacher", 0, np.array([[0.2, 0.8], [0.95, 0.05]]))
    (row,) = divided(scores, {"toy": gold}).to_dict("records")
    assert (row["items"], row["sure"], row["confidence"]) == (1, 1.0, 0.95)
    assert thirds(scores)["agree"].tolist() == pytest.approx([0.1, 0.5]), "with its own answer"


def test_margins_are_those_of_the_library(exp, record):
    runs = [exp.with_seed(seed) for seed in (0, 1)]
    students = [run.distilled().probs() for run in runs]
    found = against_path(exp.human, [run.teacher.logits() for run in runs], students)
    (row,) = (row for row in record["margins"] if row["method"] == "distilled")
    assert row["margin"]["value"] == pytest.approx(found.margin.value)
    teacher = next(row for row in record["margins"] if row["method"] == "LS-TS")
    assert teacher["margin"]["value"] <= 1e-3, "a point of the path"


def test_a_layer_is_compared_with_the_top_as_it_is_and_at_its_own_temperature(exp, record):
    gaps = {(row["score"], row["a"]): row["difference"] for row in record["layer_gaps"]}
    assert set(gaps) == {
        ("JSD", "source"),
        ("KL", "source"),
        ("JSD", "source at T for JSD"),
        ("KL", "source at T for KL"),
    }
    first, second = (exp.with_seed(seed) for seed in (0, 1))
    differences = [
        jensen_shannon_distance(exp.human, run.probe_probs("evaluation")[run.source]).mean()
        - jensen_shannon_distance(exp.human, run.probe_probs("evaluation")[-1]).mean()
        for run in (first, second)
    ]
    assert gaps["JSD", "source"] == pytest.approx(np.mean(differences))
