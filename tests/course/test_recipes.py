"""The look at the recipes: no quarter chooses for itself, and the numbers are the experiment's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from course.figures import recipe_table
from course.recipes import (
    HELD_OUT,
    ORACLES,
    QUARTERS,
    Answers,
    final_looks,
    looks,
    recipes_of,
)

from ambiguity_lib.evaluation import Gold, against_path, number
from ambiguity_lib.method import apply_temperature, oracle_temperature
from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import RECIPES, Experiment
from ambiguity_lib.study.methods import PRIMARY
from ambiguity_lib.study.provenance import plain

SMOKE = Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml"
ITEMS, SEEDS = 400, 2


def made_answers() -> Answers:
    generator = np.random.default_rng(0)
    human = generator.dirichlet([1, 1, 1], size=ITEMS)
    logits = 2 * np.log(human) + generator.normal(size=(SEEDS, *human.shape))
    quarter = np.arange(ITEMS) % QUARTERS
    better = (human + generator.dirichlet([2, 2, 2], size=(SEEDS, ITEMS))) / 2
    # exactly people on one quarter, and useless elsewhere
    lucky = np.where((quarter == 0)[:, np.newaxis], human, 1 / 3)
    probs = {"solid": better, "lucky": np.broadcast_to(lucky, logits.shape)}
    uids = tuple(map(str, range(ITEMS)))
    labels = human.argmax(axis=1)
    gold = Gold("made", uids, human, labels, labels, None)
    teacher = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    oracles = {
        name: np.stack([apply_temperature(z, oracle_temperature(z, human, one)) for z in logits])
        for one, name in ORACLES.items()
    }
    return Answers(gold, quarter, logits, probs | oracles | {"LS-TS": teacher})


def test_a_quarter_has_no_say_in_what_is_chosen_for_it():
    made = made_answers()
    chosen, said = made.rotated(["solid", "lucky"])
    inside = made.quarter == 0
    margins = made.margins(["lucky", "solid"], inside)
    assert margins["lucky"] > margins["solid"]
    assert chosen == ["solid"] * QUARTERS
    np.testing.assert_array_equal(said, made.probs["solid"])


def test_people_themselves_are_better_than_every_temperature_and_the_teacher_is_not():
    made = made_answers()
    people = np.broadcast_to(made.gold.human, made.logits.shape)
    (best,) = looks(made, {"people": people}, (0, 1), samples=50)
    assert best["holds"] and best["margin"]["value"] > 0.5
    table = best["differences"]
    assert (table["high"] < 0).all() and table["b"].tolist()[0] == "LS-TS"
    (itself,) = looks(made, {"teacher": made.probs["LS-TS"]}, (0, 1), samples=50)
    assert not itself["holds"] and itself["margin"]["value"] <= 1e-9


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    store = ArtifactStore(tmp_path_factory.mktemp("recipes"))
    return Experiment.from_profile(SMOKE, store=store, progress=False)


@pytest.fixture(scope="module")
def record(exp):
    return json.loads(json.dumps(plain(recipes_of(exp, (0, 1)))))


def test_the_whole_look_is_recorded(exp, record):
    assert len(record["chosen"]) == QUARTERS and set(record["chosen"]) <= set(RECIPES)
    assert record["winner"] in record["chosen"]
    assert [row["method"] for row in record["ingredients"]] == list(RECIPES)
    assert record["looks"][0]["method"] == HELD_OUT
    tests = pd.DataFrame(record["tests"])
    assert len(tests) == 2 * len(exp.evaluation_splits) and (tests["p_holm"] >= tests["p"]).all()
    assert set(record["costs"]) == set(RECIPES)


def test_the_table_says_what_the_record_does(exp, record):
    table = recipe_table(record["ingredients"] + record["looks"])
    sets = {exp.gold(split).name for split in exp.evaluation_splits}
    assert set(table.index.get_level_values(0)) == sets
    for one in (*record["ingredients"], *record["looks"]):
        row = table.loc[one["dataset"], one["method"]]
        assert row["JSD"] == number(one["JSD"])
        margin = float(row["margin"].split()[0].replace("−", "-"))
        assert margin == pytest.approx(one["margin"]["value"], abs=6e-4)
    scaled = Answers.of(exp, [], (0, 1), "evaluation").probs["LS-TS"]
    ours = np.mean([jensen_shannon_distance(exp.human, own).mean() for own in scaled])
    assert table.loc[exp.gold("evaluation").name, "LS-TS"]["JSD"] == number(ours)


def test_the_margin_is_that_of_the_recipes_own_answers(exp, record):
    runs = [exp.with_seed(seed) for seed in (0, 1)]
    probs = [RECIPES[PRIMARY].probs(run, "evaluation") for run in runs]
    found = against_path(exp.human, [run.teacher.logits() for run in runs], probs)
    (row,) = [row for row in record["ingredients"] if row["method"] == PRIMARY]
    assert row["margin"]["value"] == pytest.approx(found.margin.value)
    assert row["entropy_corr"] == pytest.approx(found.model[2])
    assert row["path"]["KL"] == pytest.approx(found.kl.min())
    (jsd, *_) = [
        d["difference"] for d in row["differences"] if d["score"] == "JSD" and d["b"] == "LS-TS"
    ]
    ours = np.mean([jensen_shannon_distance(exp.human, p).mean() for p in probs])
    assert jsd == pytest.approx(
        ours
        - np.mean(
            [
                jensen_shannon_distance(exp.human, scaled).mean()
                for scaled in Answers.of(exp, [], (0, 1), "evaluation").probs["LS-TS"]
            ]
        )
    )


def test_the_other_task_is_looked_at_with_all_its_folds(exp):
    (one,) = final_looks(exp, [PRIMARY, PRIMARY], (0,), ["evaluation"])
    assert one["method"] == PRIMARY and one["dataset"] == exp.gold().name
