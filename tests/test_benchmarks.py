"""The benchmarks' harness and the results that the book shows; `.ci/run` runs all of them small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import NAMES, ON_REQUEST, RESULTS, app
from benchmarks.harness import Comparison, Report, assert_agree, write_report
from benchmarks.work import MAX_LENGTH, random_items, word_tokenizer

RUNS = sorted(RESULTS.glob("*/"))


def row(ratio, target=None, relation=">="):
    return Comparison("a", 1.0, "b", 2.0, ratio, target, relation)


def test_a_target_holds_or_not():
    assert row(2.0).holds is None
    assert row(2.0, 2.0).holds is True
    assert row(1.9, 2.0).holds is False
    assert row(1.02, 1.03, "<=").holds is True
    assert row(1.04, 1.03, "<=").holds is False


def test_values_are_compared_before_times():
    assert assert_agree("x", [1.0, 2.0], [1.0, 2.5], atol=1.0) == 0.5
    with pytest.raises(AssertionError, match="the losses"):
        assert_agree("the losses", [1.0], [1.1], atol=0.01)
    with pytest.raises(AssertionError):
        assert_agree("not a number", [np.nan], [np.nan], atol=0.01)


def test_a_report_is_written_whole_with_where_it_is_from(tmp_path):
    report = Report((row(3.0, 2.0),), {"cells": [{"depth": 1}]})
    path = write_report(report, "some", tmp_path, quick=True)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["comparisons"][0]["holds"] is True
    assert content["quick"] is True
    assert {"cpu", "git", "packages", "torch_threads"} <= set(content["provenance"])
    assert "textbrewer" in content["provenance"]["packages"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_report(Report((row(np.nan),)), "some", tmp_path, quick=True)
    assert json.loads(path.read_text(encoding="utf-8")) == content
    assert [file.name for file in tmp_path.iterdir()] == ["some.json"]


def test_an_unknown_benchmark_is_refused_with_the_known_ones():
    result = CliRunner().invoke(app, ["metric"])
    assert result.exit_code == 2
    assert "unknown metric" in result.output and "latency" in result.output


def test_the_work_has_the_stated_lengths_and_no_unknown_word():
    dataset, labels = random_items(200)
    tokens = word_tokenizer()(dataset["text"][:])["input_ids"]
    lengths = [len(item) for item in tokens]
    assert 20 < np.mean(lengths) < 30 and max(lengths) <= MAX_LENGTH
    assert set(np.unique(labels)) == {0, 1, 2}
    assert word_tokenizer().unk_token_id not in {token for item in tokens for token in item}


def test_every_claim_was_measured_twice():
    assert sum((run / f"{NAMES[0]}.json").is_file() for run in RUNS) >= 2


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_recorded_results_are_whole_runs_of_full_size(run: Path):
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in run.glob("*.json")}
    whole, on_request = set(NAMES) <= set(files), set(files) <= set(ON_REQUEST)
    assert whole or on_request, "`make bench` ran not to its end"
    for name, content in files.items():
        assert content["benchmark"] == name
        assert content["quick"] is False
        assert content["provenance"]["git"]["dirty"] is False
        assert content["comparisons"]
