"""Measures with intervals against our own functions, and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ambiguity_lib.evaluation import bootstrap_interval
from ambiguity_lib.metrics import (
    entropy,
    entropy_correlation,
    expected_calibration_error,
    jensen_shannon_distance,
)
from ambiguity_lib.practice.compress import DIFFERENCES, Judged, measures, verdicts

COST = {
    "before": {"parameters": 100, "bytes": 400, "milliseconds a text": 3.0},
    "after": {"parameters": 75, "bytes": 300, "milliseconds a text": 2.0},
}


def judged(items=60, human=True, seed=0, after=None):
    generator = np.random.default_rng(seed)
    probs = {
        name: generator.dirichlet([1, 1, 1], size=items)
        for name in ("before", "temperature", "after", "after, temperature")
    }
    probs |= {} if after is None else {"after": after(probs)}
    people = generator.dirichlet([2, 2, 2], size=items) if human else None
    return Judged("items", generator.integers(3, size=items), probs, people)


def table_of(one, **options):
    rows = measures([one], **({"samples": 200} | options))
    return rows.set_index(["measure", "model"])


def test_values_are_those_of_the_metrics():
    one = judged()
    table = table_of(one)
    for name, probs in one.probs.items():
        value = table["value"]
        assert value["entropy", name] == pytest.approx(entropy(probs).mean())
        assert value["JSD", name] == pytest.approx(jensen_shannon_distance(one.human, probs).mean())
        assert value["ECE", name] == pytest.approx(expected_calibration_error(one.labels, probs))
        correlation = entropy_correlation(one.human, probs)
        assert value["entropy correlation", name] == pytest.approx(correlation)
    change = table.loc[("JSD", "after - before")]
    assert change.value == pytest.approx(
        table.loc[("JSD", "after"), "value"] - table.loc[("JSD", "before"), "value"]
    )


def test_intervals_are_those_of_a_bootstrap_over_items():
    one = judged(200)
    row = table_of(one, samples=2000).loc[("entropy", "after")]
    low, high = bootstrap_interval(entropy(one.probs["after"]), samples=2000, seed=5)
    assert (row.low, row.high) == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize("items", [30, 60, 300])
def test_the_interval_of_an_ece_allows_for_its_bias(items):
    """A model that is calibrated by construction: its true ECE is 0."""
    random = np.random.default_rng(items)
    held = 0
    for seed in range(20):
        before, after = (random.dirichlet([1, 1, 1], size=items) for _ in range(2))
        labels = np.array([random.choice(3, p=row) for row in after])
        probs = {"before": before, "temperature": before, "after": after}
        one = Judged("items", labels, probs | {"after, temperature": after})
        table = table_of(one, samples=50, seed=seed).loc["ECE"]
        assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
        assert table.loc[list(probs), "low"].min() >= 0 and table["high"].max() <= 1
        held += table.loc["after", "low"] == 0
    assert held >= 8, "percentiles never hold it"


def test_a_change_of_the_ece_that_could_go_either_way_is_undecided():
    # one bin, and confidences that all differ by as much: the change is +0.02 or -0.02
    probs = {name: np.tile([p, 1 - p], (40, 1)) for name, p in (("before", 0.78), ("after", 0.8))}
    probs |= {"temperature": probs["before"], "after, temperature": probs["after"]}
    row = table_of(Judged("items", np.arange(40) % 4 // 3, probs)).loc[("ECE", "after - before")]
    assert row.low < 0 < row.value < row.high


def test_a_difference_is_paired():
    # the same distributions, all a little sharper: single intervals overlap, that of the difference
    # does not hold zero
    def sharper(probs):
        powered = probs["before"] ** 1.1
        return powered / powered.sum(axis=1, keepdims=True)

    table = table_of(judged(after=sharper))
    assert table.loc[("entropy", "after"), "high"] > table.loc[("entropy", "before"), "low"]
    assert table.loc[("entropy", "after - before"), "high"] < 0


def test_without_people_or_labels_there_is_less_to_say():
    one = judged(human=False)
    assert {"JSD", "KL", "entropy correlation"}.isdisjoint(table_of(one).index.levels[0])
    unlabelled = Judged("items", np.full(60, -1), one.probs)
    assert set(table_of(unlabelled).index.levels[0]) == {"confidence", "entropy"}


def rows(value, low, high):
    found = []
    for measure in ("accuracy", "entropy"):
        for model in ("before", "after", "after - before"):
            found.append(("validation", measure, model, value, low, high))
    for measure in ("JSD", "KL"):
        for difference in DIFFERENCES:
            found.append(("human", measure, difference, value, low, high))
    for model in ("before", "after"):
        found.append(("human", "entropy", model, value, low, high))
    return pd.DataFrame(found, columns=["data", "measure", "model", "value", "low", "high"])


def test_verdicts_say_what_the_interval_allows():
    said = verdicts(rows(-0.02, -0.03, -0.01), COST)
    assert said[0] == "Size: 25% fewer parameters; 1.50 times as fast on one text at a time."
    assert "-2.0 points [-3.0, -1.0]." in said[1]
    told = [line for line in said if line.startswith(("JSD", "KL"))]
    assert len(told) == 6 and all(line.endswith(", closer to people.") for line in told)
    worse = verdicts(rows(0.02, 0.01, 0.03), COST)
    assert all("farther from people" in line for line in worse if line.startswith("JSD"))
    open_question = verdicts(rows(-0.02, -0.05, 0.01), COST)
    for line in open_question:
        if line.startswith(("JSD", "KL", "Accuracy")):
            assert line.endswith("which these items cannot tell from none.")
            assert "people." not in line


def test_a_student_that_has_not_learnt_is_called_that():
    assert not any("Do not use" in line for line in verdicts(rows(-0.04, -0.06, -0.01), COST))
    assert any("Do not use" in line for line in verdicts(rows(-0.4, -0.5, -0.3), COST))
    assert not any("Do not use" in line for line in verdicts(rows(-0.4, -0.9, 0.1), COST))
