from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ambiguity_lib.data import (
    align_predictions,
    available_predictions,
    load_chaosnli,
    load_predictions,
)
from tests.data.conftest import write_lines


def test_both_halves_in_our_class_order(toy_dir: Path) -> None:
    predictions = load_predictions("toy-net", 0, toy_dir)
    assert predictions.uids == ("b#2", "a#1", "z")
    # files: entailment, contradiction, neutral
    np.testing.assert_array_equal(predictions.logits, [[1, 3, 2], [4, 6, 5], [7, 9, 8]])
    assert predictions.logits.dtype == np.float64
    assert predictions.labels.tolist() == [2, 0, 1]
    assert predictions.name == "toy-net (seed 0)"


def test_available_needs_both_halves(toy_dir: Path) -> None:
    assert available_predictions(toy_dir) == [("toy-net", 0)]
    assert available_predictions(toy_dir / "snli") == []


def test_missing_model(toy_dir: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"available are \[\('toy-net', 0\)\]"):
        load_predictions("toy-net", 1, toy_dir)


def test_alignment(toy_dir: Path) -> None:
    logits = align_predictions(
        load_predictions("toy-net", 0, toy_dir), load_chaosnli("snli", toy_dir)
    )
    np.testing.assert_array_equal(logits, [[4, 6, 5], [1, 3, 2]])


def test_alignment_names_what_is_missing(toy_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"no prediction for 1 of 1 items, first \['m'\]"):
        align_predictions(load_predictions("toy-net", 0, toy_dir), load_chaosnli("mnli_m", toy_dir))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"uid": "q", "true": 3, "logits": [1, 2, 3]}, "unknown label 3 in field 'true'"),
        ({"uid": "q", "true": "e", "logits": [1, 2, 3]}, "'true' must be int"),
        ({"uid": "q", "true": 0, "logits": [1, 2]}, "expected three logits"),
        ({"uid": "q", "true": 0, "logits": [1, 2, float("nan")]}, "expected three logits"),
        ({"uid": "q", "true": 0, "logits": [1, 2, "3"]}, "expected three logits"),
        ({"uid": "q", "true": 0, "scores": [1, 2, 3]}, "'logits' is missing"),
        ({"uid": "a#1", "true": 0, "logits": [1, 2, 3]}, "'a#1' occurs twice"),
    ],
)
def test_bad_lines(toy_dir: Path, record: dict[str, object], message: str) -> None:
    good = {"uid": "a#1", "true": 0, "logits": [1, 2, 3]}
    write_lines(toy_dir / "predictions/SNLI_dev_toy-net_0.jsonl.gz", [good, record])
    with pytest.raises(ValueError, match=f"line 2: .*{message}"):
        load_predictions("toy-net", 0, toy_dir)
