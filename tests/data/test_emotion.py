from __future__ import annotations

import gzip
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from datasets import Dataset

from ambiguity_lib.data import (
    EMOTION_CLASSES,
    Splits,
    check_dataset,
    class_names,
    human_distributions,
    load_affective_text,
    load_affective_text_splits,
    normalise_premise,
    scores_to_distributions,
)
from ambiguity_lib.data.emotion import EKMAN_GROUPS, GOEMOTIONS_CLASSES, load_goemotions
from ambiguity_lib.metrics import jensen_shannon_distance, kl_divergence

TRIAL = {1: "Goal delight  for Sheva", 2: "Cats &amp; dogs\tfight", 7: "Nothing to feel"}
TRIAL_SCORES = ["1 0 0 0 75 0 25", "7 0 0 0 0 0 0", "2 30 10 30 0 10 20"]
TEST = {500: "A headline", 501: "Another headline"}
TEST_SCORES = ["500 100 0 0 0 0 0", "501 0 1 2 3 4 0"]


def write_part(directory: Path, part: str, headlines: dict[int, str], gold: list[str]) -> None:
    folder = directory / "affective_text"
    folder.mkdir(exist_ok=True)
    lines = [f'<instance id="{key}">{text}</instance>' for key, text in headlines.items()]
    lines = ['<corpus task="affective text">', *lines, "</corpus>", ""]
    (folder / f"affectivetext_{part}.xml").write_text("\n".join(lines))
    (folder / f"affectivetext_{part}.emotions.gold").write_text("\n".join([*gold, ""]))


@pytest.fixture
def affective_dir(tmp_path: Path) -> Path:
    write_part(tmp_path, "trial", TRIAL, TRIAL_SCORES)
    write_part(tmp_path, "test", TEST, TEST_SCORES)
    return tmp_path


def test_scores_become_distributions(affective_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        dataset = load_affective_text(affective_dir)
    check_dataset(dataset)
    assert class_names(dataset) == EMOTION_CLASSES
    assert "label_counts" not in dataset.column_names
    # in the order of the headlines, with entities decoded and single spaces
    assert dataset["text"][:] == [
        "Goal delight for Sheva", "Cats & dogs fight", "A headline", "Another headline",
    ]  # fmt: skip
    assert dataset["uid"][:2] == ["affective-trial-1", "affective-trial-2"]
    np.testing.assert_allclose(
        human_distributions(dataset),
        [
            [0, 0, 0, 0.75, 0, 0.25],
            [0.3, 0.1, 0.3, 0, 0.1, 0.2],
            [1, 0, 0, 0, 0, 0],
            [0, 0.1, 0.2, 0.3, 0.4, 0],
        ],
        atol=1e-15,
    )
    # the tie of anger and fear goes to the first
    assert dataset["label"][:] == dataset["majority_label"][:] == [3, 0, 0, 4]
    assert "4 headlines, 1 with all scores zero dropped, 1 ties of the top score" in caplog.text


def test_compressed_files(affective_dir: Path) -> None:
    for path in (affective_dir / "affective_text").iterdir():
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert len(load_affective_text(affective_dir)) == 4
    path = affective_dir / "affective_text/affectivetext_test.xml.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"test\.xml\.gz: the file is cut off"):
        load_affective_text(affective_dir)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('<instance id="9">No end', "line 5: expected <instance id="),
        ('<instance id="x">A</instance>', "line 5: expected <instance id="),
        ('<instance id="9"> </instance>', "line 5: expected <instance id="),
        ('<instance id="501">A</instance>', "line 5: id 501 occurs a second time"),
        ('<instance id="9">A</instance>', "there is no line for headline 9 of affectivetext_test"),
    ],
)
def test_bad_headlines(affective_dir: Path, line: str, message: str) -> None:
    path = affective_dir / "affective_text/affectivetext_test.xml"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=message) as caught:
        load_affective_text(affective_dir)
    assert "affectivetext_test" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("502 0 0 0 0 0", "line 3: expected an id and 6 whole numbers, found '502 0 0 0 0 0'"),
        ("502 0 0 0 0 0 0 0", "line 3: expected an id"),
        ("502 0 0 0 0 0 1.5", "line 3: expected an id"),
        ("502 0 0 0 0 0 nan", "line 3: expected an id"),
        ("502 0 0 0 0 0 101", "line 3: a score is not within 0 and 100"),
        ("502 0 0 0 0 0 -1", "line 3: a score is not within 0 and 100"),
        ("501 0 0 0 0 0 1", "line 3: id 501 occurs a second time"),
        ("502 0 0 0 0 0 1", r"gold: id 502 is not in affectivetext_test\.xml"),
    ],
)
def test_bad_scores(affective_dir: Path, line: str, message: str) -> None:
    path = affective_dir / "affective_text/affectivetext_test.emotions.gold"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=message) as caught:
        load_affective_text(affective_dir)
    assert str(path) in str(caught.value)


def test_missing_and_empty_files(affective_dir: Path) -> None:
    path = affective_dir / "affective_text/affectivetext_trial.xml"
    path.write_text("\n")
    with pytest.raises(ValueError, match=r"trial\.xml has no headlines"):
        load_affective_text(affective_dir)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        load_affective_text(affective_dir)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"affectivetext_trial\.xml does not exist"):
        load_affective_text(affective_dir)


def parts_of(splits: Splits) -> list[Dataset]:
    return [splits.train, splits.validation, splits.evaluation]


def keys(dataset: Dataset) -> set[str]:
    return set(map(normalise_premise, dataset["text"]))


@pytest.fixture
def many_dir(tmp_path: Path) -> Path:
    """400 headlines, every tenth of them a copy of the one before under another id."""
    texts = {n: f"Word{n} happens" if n % 10 else f"WORD{n + 1}, happens!" for n in range(400)}
    scores = [f"{n} {n % 7} 1 {n % 5} {n % 11} 0 {n % 3}" for n in range(400)]
    write_part(tmp_path, "trial", TRIAL, TRIAL_SCORES)
    write_part(tmp_path, "test", texts, scores)
    return tmp_path


def test_folds_cover_every_headline_once(many_dir: Path) -> None:
    whole = load_affective_text(many_dir)
    folds = [load_affective_text_splits(many_dir, fold=fold) for fold in range(5)]
    for fold, splits in enumerate(folds):
        train, validation, evaluation = parts_of(splits)
        for part in (train, validation, evaluation):
            check_dataset(part)
        assert train.column_names == validation.column_names == ["uid", "text", "label"]
        assert set(evaluation.column_names) == {
            "uid", "text", "label", "label_dist", "majority_label",
        }  # fmt: skip
        assert evaluation["label"][:] == evaluation["majority_label"][:]
        # copies included
        assert not keys(train) & keys(validation)
        assert not keys(train) & keys(evaluation)
        assert not keys(validation) & keys(evaluation)
        assert sum(map(len, parts_of(splits))) == len(whole)
        assert len(train) / len(whole) == pytest.approx(0.6, abs=0.08)
        # this fold validates on what the next one evaluates on
        following = folds[(fold + 1) % 5].evaluation
        assert validation["uid"][:] == following["uid"][:]
        assert f"fold {fold} of 5" in splits.description
    evaluated = [uid for splits in folds for uid in splits.evaluation["uid"]]
    assert sorted(evaluated) == sorted(whole["uid"])
    default = load_affective_text_splits(many_dir)
    assert default.evaluation["uid"][:] == folds[0].evaluation["uid"][:]


def test_splits_are_the_same_in_every_process(many_dir: Path) -> None:
    code = (
        "import sys\n"
        "from ambiguity_lib.data import load_affective_text_splits\n"
        "print(*load_affective_text_splits(sys.argv[1]).evaluation['uid'])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(many_dir)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert out.stdout.split() == load_affective_text_splits(many_dir).evaluation["uid"][:]


@pytest.mark.parametrize("fold", [-1, 5, 0.5])
def test_no_such_fold(many_dir: Path, fold: Any) -> None:
    with pytest.raises(ValueError, match="fold must be a whole number from 0 to 4"):
        load_affective_text_splits(many_dir, fold=fold)


def rating(identifier: str, text: str, *emotions: str, unclear: bool = False) -> dict[str, Any]:
    names = [name for group in EKMAN_GROUPS.values() for name in group]
    assert set(emotions) <= set(names)
    return {
        "id": identifier,
        "text": text,
        "rater_id": 1,
        "example_very_unclear": unclear,
        **{name: int(name in emotions) for name in names},
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], None]:
    """Puts ratings where the hub would have them."""

    def put(rows: list[dict[str, Any]]) -> None:
        def load_dataset(path: str, name: str, *, split: str) -> Dataset:
            assert (path, name, split) == ("google-research-datasets/go_emotions", "raw", "train")
            return Dataset.from_list(rows)

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)

    return put


def load_all_goemotions() -> dict[str, dict[str, Any]]:
    rows = {}
    for split in ("train", "validation", "test"):
        part = load_goemotions(split)  # type: ignore[arg-type]
        check_dataset(part)
        assert class_names(part) == GOEMOTIONS_CLASSES
        rows.update({row["uid"]: {**row, "split": split} for row in part})
    return rows


def test_ekman_groups_are_the_published_ones() -> None:
    assert list(GOEMOTIONS_CLASSES) == [*EMOTION_CLASSES, "neutral"]
    names = [name for group in EKMAN_GROUPS.values() for name in group]
    assert len(names) == len(set(names)) == 28
    sizes = {name: len(group) for name, group in EKMAN_GROUPS.items()}
    assert sizes == {
        "anger": 3, "disgust": 1, "fear": 2, "joy": 12, "sadness": 5, "surprise": 4, "neutral": 1,
    }  # fmt: skip


def test_goemotions_counts_raters(
    hub: Callable[[list[dict[str, Any]]], None], caplog: pytest.LogCaptureFixture
) -> None:
    hub(
        [
            rating("b", "So  nice", "love", "joy"),  # two emotions of one group: one vote
            rating("a", "What?", "confusion", "anger"),  # two groups: a vote each
            rating("b", "So  nice", "neutral"),
            rating("b", "So  nice", "gratitude"),
            rating("a", "What?", "annoyance"),
            rating("c", "Hm", "fear"),
            rating("c", "Hm", unclear=True),  # leaves one rater
            rating("d", "Oh", "grief"),
            rating("d", "Oh", "disgust"),  # no majority
            rating("d", "Oh"),
        ]
    )
    with caplog.at_level(logging.INFO):
        rows = load_all_goemotions()
    assert set(rows) == {"goemotions-a", "goemotions-b", "goemotions-d"}
    a, b, d = (rows[f"goemotions-{name}"] for name in "abd")
    assert a["label_counts"] == [2, 0, 0, 0, 0, 1, 0]
    assert a["label_dist"] == pytest.approx([2 / 3, 0, 0, 0, 0, 1 / 3, 0])
    assert (a["label"], a["majority_label"]) == (0, 0)
    assert b["text"] == "So nice"
    assert b["label_counts"] == [0, 0, 0, 2, 0, 0, 1]
    assert d["label_counts"] == [0, 1, 0, 0, 1, 0, 0]
    assert (d["label"], d["majority_label"]) == (-1, 1)
    assert "1 ratings marked very unclear and 1 without an emotion dropped" in caplog.text
    assert "1 of 4 comments with fewer than 2 raters" in caplog.text


def test_goemotions_copies_share_a_split(hub: Callable[[list[dict[str, Any]]], None]) -> None:
    texts = [f"word{n // 2}" + "!" * (n % 2) for n in range(400)]
    hub([rating(f"{n:03d}", text, "joy") for n, text in enumerate(texts) for _ in range(2)])
    rows = load_all_goemotions()
    assert len(rows) == 400
    split = [rows[f"goemotions-{n:03d}"]["split"] for n in range(400)]
    assert split[::2] == split[1::2]
    assert split.count("train") / 400 == pytest.approx(0.6, abs=0.1)


def test_goemotions_errors(
    hub: Callable[[list[dict[str, Any]]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="split must be one of"):
        load_goemotions("dev")  # type: ignore[arg-type]
    row = rating("a", "A", "joy")
    del row["caring"]
    hub([row, row])
    with pytest.raises(ValueError, match="column 'caring' is missing"):
        load_goemotions("train")

    def offline(*args: object, **kwargs: object) -> None:
        raise ConnectionError("Couldn't reach the hub")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(FileNotFoundError, match=r"GoEmotions is not on this machine.*load it once"):
        load_goemotions("train")


@pytest.mark.real_data
def test_real_headlines(real_data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        dataset = load_affective_text(real_data_dir)
    check_dataset(dataset)
    assert len(dataset) == 1246
    assert "1246 headlines, 4 with all scores zero dropped, 29 ties of the top" in caplog.text
    assert "Beckham & Posh and more athlete-celebrity couples" in dataset["text"][:]
    splits = load_affective_text_splits(real_data_dir)
    train, validation, evaluation = map(keys, parts_of(splits))
    assert not train & validation
    assert not train & evaluation
    assert not validation & evaluation
    shares = [len(part) / len(dataset) for part in parts_of(splits)]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.03)


@pytest.mark.real_data
def test_real_rows_without_a_model(real_data_dir: Path) -> None:
    # computed independently; shared/data/README.md of the project lists them
    dataset = load_affective_text(real_data_dir)
    rows = [row for row, uid in enumerate(dataset["uid"]) if uid.startswith("affective-test-")]
    human = human_distributions(dataset.select(rows))
    assert len(human) == 1000
    for model, jsd, kl in (
        (np.full_like(human, 1 / 6), 0.4318, 0.7352),
        (np.tile(human.mean(axis=0), (len(human), 1)), 0.3965, 0.5990),
    ):
        assert jensen_shannon_distance(human, model).mean() == pytest.approx(jsd, abs=1e-4)
        assert kl_divergence(human, model).mean() == pytest.approx(kl, abs=1e-4)


def test_scores_are_divided_by_their_sum():
    np.testing.assert_allclose(scores_to_distributions([[30, 10], [0, 5]]), [[0.75, 0.25], [0, 1]])


@pytest.mark.parametrize("row", [[0, 0], [-1, 3], [np.nan, 1]])
def test_scores_without_a_distribution_are_named(row):
    with pytest.raises(ValueError, match="row 1 is"):
        scores_to_distributions([[1, 2], row])
