"""Sentences beside the tables: what the rules did, and what the numbers hide."""

from __future__ import annotations

import pytest

from ambiguity_lib.method import converged_depth
from ambiguity_lib.practice.run import Run
from tests.practice.sample_run import any_run, changed


def run_of(accuracies: list[float], depth: int | None = None) -> Run:
    chosen = max(converged_depth(accuracies, 0.01), 2) if depth is None else depth
    return changed(
        any_run(),
        layers={"depth": chosen, "probe_accuracy": accuracies},
        settings={"depth": depth},
        verdicts=["Size: less."],
    )


@pytest.mark.parametrize(
    ("accuracies", "depth", "said"),
    [
        (
            [0.9, 0.5, 0.6, 0.595],
            None,
            "The depth, 2, is the lowest of layers 1 to 3 whose probe comes within 0.01 of the "
            "best validation accuracy among them (0.600).",
        ),
        (
            [0.9, 0.7, 0.5, 0.6],
            None,
            "Layer 1 is the lowest of layers 1 to 3 whose probe comes within 0.01 of the best "
            "validation accuracy among them (0.700). The depth is 2, since a student needs a layer "
            "below its last one to learn from.",
        ),
        ([0.1, 0.5, 0.6], 2, "The depth, 2, was set by hand."),
    ],
)
def test_the_rule_is_told_as_it_is(accuracies: list[float], depth: int | None, said: str) -> None:
    assert run_of(accuracies, depth).depth_rule == said


def test_a_standard_error_that_was_allowed_is_told() -> None:
    run = run_of([0.5, 0.58, 0.59, 0.6])
    chosen = {
        "depth": 2,
        "probe_accuracy": [0.5, 0.58, 0.59, 0.6],
        "converged": 1,
        "allowed": 0.021,
    }
    assert changed(run, layers=chosen).depth_rule.startswith(
        "Layer 1 is the lowest of layers 1 to 3 whose probe comes within one standard error (0.021)"
    )


def test_targets_that_are_labels_are_told() -> None:
    run = run_of([0.1, 0.5, 0.6])
    assert run.target_note is None
    run = changed(run, layers={"signs": ["it knows labels by heart"]})
    assert "it knows labels by heart" in str(run.target_note)
    assert run.target_note in run.all_verdicts


def test_an_encoder_that_adds_nothing_is_said_to() -> None:
    assert run_of([0.5, 0.4, 0.501]).layer_note is None
    assert run_of([0.5, 0.4, 0.501]).all_verdicts == ["Size: less."]
    for accuracies in ([0.5, 0.4, 0.5], [0.9, 0.4, 0.5]):
        note = run_of(accuracies).layer_note
        assert note is not None
        assert f"at least as accurate ({accuracies[0]:.3f})" in note and "at best 0.500" in note
        assert "the encoder adds nothing that a probe can read" in note
        assert run_of(accuracies).all_verdicts == ["Size: less.", note]


def test_ties_are_told_where_there_are_any() -> None:
    run = run_of([0.1, 0.5, 0.6])
    assert run.tie_note is None
    part = {"source": None, "items": 20, "labels": {}, "median_tokens": 3, "truncated": 0}
    run = changed(run, data={"human": part})  # a record from before they were counted
    assert run.tie_note is None
    assert str(changed(run, data={"human": {"tied": 2}}).tie_note).startswith(
        "Ties: on 2 of the 20"
    )


def test_the_ece_is_said_to_have_an_interval_of_its_own() -> None:
    assert "from 1,000 bootstrap resamples" in run_of([0.1, 0.5, 0.6]).intervals
    assert "as far down from the value as up" in run_of([0.1, 0.5, 0.6]).intervals
