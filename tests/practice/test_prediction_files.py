"""ChaosNLI's formats and lines of JSON: read, put together, refused."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from scipy.special import softmax

from ambiguity_lib.data import NLI_CLASSES
from ambiguity_lib.practice.prediction_files import read_prediction_files, write_prediction_file

LOGITS = {"u1": [1.0, 2.0, 0.5], "u2": [0.0, -1.0, 3.0]}


def expected(uids=("u1", "u2")):
    return softmax([LOGITS[uid] for uid in uids], axis=1)


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_submission_and_a_release(tmp_path):
    flat = {
        u: {"uid": u, "predicted_probabilities": softmax(v).tolist()} for u, v in LOGITS.items()
    }
    nested = {
        name: {u: {"uid": u, "logits": v, "predicted_label": "neutral"} for u, v in LOGITS.items()}
        for name in ("small", "large")
    }
    (one,) = read_prediction_files([write(tmp_path / "a.json", flat)], NLI_CLASSES)
    assert one.name == "a.json"
    np.testing.assert_allclose(one.align(["u2", "u1"]), expected(("u2", "u1")))
    both = read_prediction_files([write(tmp_path / "b.json", nested)], NLI_CLASSES)
    assert [model.name for model in both] == ["small", "large"]
    np.testing.assert_allclose(both[1].align(["u1", "u2"]), expected())


def test_lines_of_several_files_in_another_order(tmp_path):
    order = ("neutral", "contradiction", "entailment")
    paths = [tmp_path / "dev.jsonl", tmp_path / "test.jsonl.gz"]
    for path, (uid, (e, n, c)) in zip(paths, LOGITS.items(), strict=True):
        with (gzip.open if path.suffix == ".gz" else open)(path, "wt") as file:
            file.write(json.dumps({"uid": uid, "true": 0, "logits": [n, c, e]}) + "\n\n")
    (model,) = read_prediction_files(paths, NLI_CLASSES, file_order=order)
    assert model.name == "dev.jsonl + test.jsonl.gz"
    np.testing.assert_allclose(model.align(["u1", "u2"]), expected())


def test_what_is_written_is_what_is_read(tmp_path):
    probs = expected()
    path = write_prediction_file(tmp_path / "mine.json", ["u1", "u2"], probs, NLI_CLASSES)
    (model,) = read_prediction_files([path], NLI_CLASSES)
    np.testing.assert_array_equal(model.align(["u1", "u2"]), probs)
    assert json.loads(path.read_text())["u1"]["predicted_label"] == "n"
    other = write_prediction_file(tmp_path / "b.json", ["u"], probs[:1], ("good", "bad", "odd"))
    assert json.loads(other.read_text())["u"]["predicted_label"] == "bad"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.json", "mine.json"]


def test_rounded_probabilities_are_made_to_sum_to_one(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"uid": "u", "probs": [0.333, 0.333, 0.333]}')
    (model,) = read_prediction_files([path], NLI_CLASSES)
    np.testing.assert_allclose(model.align(["u"]), [[1 / 3] * 3])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no prediction in the files"),
        ("{", "line 1: |cannot be read as JSON"),
        ("[1]", "expected a JSON object .*found 1"),
        ('{"probs": [1, 0, 0]}', "line 1: there is no 'uid' .*; the fields are probs"),
        ('{"uid": "u"}', "there is none of predicted_probabilities, probs, logits"),
        ('{"uid": "u", "probs": [1, 0]}', "line 1: probs: 2 values for 3 classes"),
        ('{"uid": "u", "logits": [1, 0, "x"]}', "logits: 'x' is no number"),
        ('{"uid": "u", "logits": [1, 0, NaN]}', "logits: a value is not finite"),
        ('{"uid": "u", "probs": [0.7, 0.7, 0.1]}', "probs: the probabilities sum to 1.5"),
        ('{"uid": "u", "probs": [1.5, -0.5, 0]}', "probs: a value is negative"),
        ('{"uid": "u", "logits": [1,0,0]}\n{"uid": "u", "logits": [1,0,0]}', "'u' occurs twice"),
    ],
)
def test_a_file_that_is_none_is_named(content, message, tmp_path):
    path = write(tmp_path / "a.jsonl", content)
    with pytest.raises(ValueError, match=message):
        read_prediction_files([path], NLI_CLASSES)


def test_missing_items_and_orders_are_named(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"uid": "u", "probs": [1, 0, 0]}')
    (model,) = read_prediction_files([path], NLI_CLASSES)
    with pytest.raises(ValueError, match="no prediction for 2 of 3 items, first v, w"):
        model.align(["u", "v", "w"])
    with pytest.raises(ValueError, match="must name the classes entailment"):
        read_prediction_files([path], NLI_CLASSES, file_order=("a", "b", "c"))
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b"{}" * 500)[:20])
    with pytest.raises(ValueError, match=r"cut\.json\.gz: the compressed data are cut off"):
        read_prediction_files([tmp_path / "cut.json.gz"], NLI_CLASSES)
