from __future__ import annotations

import gzip
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    load_goemotions,
    load_good_news_everyone,
    normalise_premise,
    scores_to_distributions,
)
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
    with pytest.raises(ValueError, match=r"test\.xml\.gz: .* cut off or damaged after line \d+"):
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
    for content, message in (
        (b"\n", r"trial\.xml is empty"),
        (b"<corpus>\n</corpus>\n", r"trial\.xml has no headlines"),
        (b"<corpus>\n\xff\xfe", r"trial\.xml, line 2: this is not UTF-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
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


def write_news(folder: Path, *rows: tuple[str, str, str], names: str = "id") -> Path:
    (folder / "gne").mkdir(exist_ok=True)
    lines = [f"{names}\theadline\tdominant_emotion", *("\t".join(row) for row in rows)]
    (folder / "gne/gne-release-v1.0.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_news_have_one_of_the_six(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [("a", '"He said ""no"""', "annoyance"), ("b", "Hm", "trust"), ("c", " x  y", "pride")]
    with caplog.at_level("INFO"):
        news = load_good_news_everyone(write_news(tmp_path, *rows))
    check_dataset(news)
    assert news["text"][:] == ['He said "no"', "x y"] and news["uid"][:] == ["gne-a", "gne-c"]
    assert [EMOTION_CLASSES[label] for label in news["label"]] == ["anger", "joy"]
    assert "2 texts, 1 without one of the six emotions dropped" in caplog.text


def test_bad_news(tmp_path: Path) -> None:
    write_news(tmp_path, ("a", "x", "joy"), ("b", "y", "glee"))
    with pytest.raises(ValueError, match=r"tsv, row 2: the emotion 'glee' is unknown"):
        load_good_news_everyone(tmp_path)
    with pytest.raises(ValueError, match=r"there is no column id; found number, headline, dom"):
        load_good_news_everyone(write_news(tmp_path, names="number"))


def write_comments(folder: Path, *rows: str, name: str = "train") -> Path:
    (folder / "goemotions").mkdir(exist_ok=True)
    (folder / f"goemotions/{name}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["train", "original_train"])
def test_comments_have_one_of_the_six(tmp_path: Path, name: str) -> None:
    # anger and annoyance are one of the six; joy and sadness are two; 27 is neutral
    rows = ['Oh "no\t2,3\ta', "Hm\t27\tb", "So so\t17,25\tc", "Oh\t27,26\td"]
    comments = load_goemotions("train", write_comments(tmp_path, *rows, name=name))
    check_dataset(comments)
    assert comments["text"][:] == ['Oh "no', "Oh"]
    assert [EMOTION_CLASSES[label] for label in comments["label"]] == ["anger", "surprise"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x\t28\ta", "row 1: expected numbers of emotions from 0 to 27, found '28'"),
        ("x\tjoy\ta", "row 1: expected numbers of emotions from 0 to 27, found 'joy'"),
        ("x\t1", "expected text, labels and id in each row, found 2 columns"),
    ],
)
def test_bad_comments(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_goemotions("train", write_comments(tmp_path, row))
    with pytest.raises(ValueError, match="split must be"):
        load_goemotions("validation", tmp_path)  # type: ignore[arg-type]


def test_training_on_other_texts(many_dir: Path) -> None:
    own = load_affective_text_splits(many_dir)
    seen = own.evaluation["text"][0]
    write_news(many_dir, ("a", "Something new", "joy"), ("b", seen.upper() + "!", "fear"))
    news = load_affective_text_splits(many_dir, train_on=("good_news_everyone",))
    assert news.train["text"][:] == ["Something new"]
    assert "1 for training (from GoodNewsEveryone, the emotion mapped to the six)" in (
        news.description
    )
    assert news.evaluation["uid"][:] == own.evaluation["uid"][:]
    both = load_affective_text_splits(many_dir, train_on=("affective_text", "good_news_everyone"))
    assert len(both.train) == len(own.train) + 1
    assert f", and {len(own.train):,} of these headlines)" in both.description


@pytest.mark.real_data
def test_real_training_sets(real_data_dir: Path) -> None:
    assert len(load_good_news_everyone(real_data_dir)) == 4999 - 124  # trust
    assert len(load_goemotions("dev", real_data_dir)) == 3527
