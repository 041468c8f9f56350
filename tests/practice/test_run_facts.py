"""Names: of what is shared, a path keeps its last part, and a model is called something."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambiguity_lib.practice.run import Run, shareable, tells
from tests.practice.sample_run import any_run, changed


def run_of(source: str, *, local: bool = True, name: str | None = None) -> Run:
    model = {"source": source, "local": local, "family": "bert"}
    return changed(any_run(), model=model, layers={"depth": 3}, name=name)


@pytest.mark.parametrize(
    ("source", "local", "expected"),
    [
        ("/home/me/train.csv", False, "train.csv"),
        ("./runs/mine", False, "mine"),
        ("runs/mine", True, "mine"),
        ("runs/mine", False, "runs/mine"),
        ("group/set:train", False, "group/set:train"),
        ("bert-base-uncased", False, "bert-base-uncased"),
        (".", True, "here"),
        ("..", False, "above"),
    ],
)
def test_what_is_shared_of_a_source(
    source: str, local: bool, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "above" / "here")
    assert shareable(source, local=local) == expected


@pytest.mark.parametrize(
    "name",
    ["model", "checkpoint", "checkpoint-123", "best", "", ".", "best_model", "12", "a1" * 20],
)
def test_names_that_say_nothing(name: str) -> None:
    assert not tells(name)


@pytest.mark.parametrize(
    "name", ["bert", "model-t5", "my-model", "encoder", "student", "v2", "1" * 90 + "x"]
)
def test_names_that_say_something(name: str) -> None:
    assert tells(name)


def test_a_name_is_found_where_none_is_given(tmp_path: Path) -> None:
    assert run_of("group/bert-tiny", local=False).default_name() == "bert-tiny-3-layers"
    assert run_of("mine").default_name(tmp_path / "out") == "mine-3-layers"
    assert run_of("checkpoint-5").default_name(tmp_path / "reviews") == "reviews"
    assert run_of("checkpoint-5").default_name(tmp_path / "output") == "bert-3-layers"
    assert run_of("model").title == "bert-3-layers"
    assert run_of("model", name="My\nmodel").title == "My model"
