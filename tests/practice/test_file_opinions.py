from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.data import check_dataset, class_names, load_chaosnli
from ambiguity_lib.practice.own_files import (
    Columns,
    DataFileError,
    LabelledFile,
    check_file,
    read_dataset,
)

NAMES = ["neg", "mid", "pos"]
ANNOTATED = Columns(annotator="worker")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format that the name says; in CSV, lists and mappings are JSON."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        cells = [
            {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()}
            for row in rows
        ]
        pd.DataFrame(cells).to_csv(path, index=False)
    return path


def read(folder: Path, rows: list[dict[str, Any]], **options: Any) -> LabelledFile:
    options = {"class_names": NAMES, "human": True, **options}
    file = read_dataset(write(folder / "a.jsonl", rows), **options)
    check_dataset(file.dataset)
    return file


def message(path: Path, **options: Any) -> str:
    """The message for a file with a single problem, behind the name of the file."""
    with pytest.raises(DataFileError) as caught:
        read_dataset(path, **{"class_names": NAMES, "human": True, **options})
    assert caught.value.total == 1, str(caught.value)
    return str(caught.value).removeprefix(str(path))


def fault(folder: Path, **cells: Any) -> str:
    """The message for a third row with these cells."""
    good = [{"uid": str(i), "text": "x", "label_counts": [1, 2, 0]} for i in range(2)]
    return message(write(folder / "a.jsonl", [*good, {"uid": "z", "text": "x", **cells}]))


# votes and distributions


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("mapping", [False, True])
def test_votes(tmp_path: Path, suffix: str, mapping: bool) -> None:
    votes = [[1, 3, 0], [0, 0, 4], [2, 2, 1]]
    rows = [
        {
            "uid": uid,
            "text": uid,
            "label": label,
            "label_counts": {k: v for k, v in zip(NAMES, row, strict=True) if v}
            if mapping
            else row,
        }
        for uid, label, row in zip("abc", ["pos", "", "neg"], votes, strict=True)
    ]
    path = write(tmp_path / f"a.{suffix}", rows)
    file = read_dataset(path, class_names=NAMES, human=True)
    check_dataset(file.dataset)
    assert file.dataset["label"][:] == [2, -1, 0]
    assert file.dataset["label_counts"][:] == votes
    assert file.dataset["label_dist"][:] == [[0.25, 0.75, 0], [0, 0, 1], [0.4, 0.4, 0.2]]
    assert file.dataset["majority_label"][:] == [1, 2, 0]
    assert file.dropped == 0
    assert file.warnings == (
        "items without a majority: 1; of the classes that tie, the first one was taken",
    )


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("mapping", [False, True])
def test_distributions(tmp_path: Path, suffix: str, mapping: bool) -> None:
    dists = [[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]
    cells = [dict(zip(NAMES, dist, strict=True)) if mapping else dist for dist in dists]
    rows = [{"uid": str(i), "text": "x", "label_dist": cell} for i, cell in enumerate(cells)]
    file = read_dataset(write(tmp_path / f"a.{suffix}", rows), class_names=NAMES, human=True)
    check_dataset(file.dataset)
    assert list(file.dataset.features) == ["uid", "text", "label", "label_dist", "majority_label"]
    assert file.dataset["label_dist"][:] == dists
    assert file.dataset["label"][:] == [-1, -1]
    assert file.dataset["majority_label"][:] == [2, 1]
    assert file.warnings == ()


def test_the_order_of_classes_is_that_asked_for(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": {"pos": 3, "neg": 1}}]
    file = read(tmp_path, rows, class_names=["pos", "mid", "neg"])
    assert file.dataset["label_counts"][:] == [[3, 0, 1]]
    assert class_names(read(tmp_path, rows, class_names=None).dataset) == ("neg", "pos")
    by_number = [{"text": "x", "label_counts": {"2": 3, "0": 1}}]
    assert read(tmp_path, by_number).dataset["label_counts"][:] == [[1, 0, 3]]


def test_a_broken_key_is_no_class(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": {"pos": 1, key: 1}} for key in ("neg", "ne\ud800")]
    text = message(write(tmp_path / "a.jsonl", rows), class_names=None)
    assert text.startswith(", line 2: column 'label_counts': character 3 is half of")


def test_classes_from_lists_and_numbers(tmp_path: Path) -> None:
    rows = [{"text": "x", "label": 1, "label_counts": [1, 2, 0]}]
    assert class_names(read(tmp_path, rows, class_names=None).dataset) == ("0", "1", "2")


def test_lists_do_not_say_the_order_of_names(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": "pos", "label_dist": [0.5, 0.5]},
        {"text": "x", "label": "neg", "label_dist": [0.0, 1.0]},
    ]
    text = message(write(tmp_path / "a.jsonl", rows), class_names=None)
    assert text.startswith(", line 1: the opinions are a list, and the file does not say in which")


def test_rounded_distributions_are_renormalised(tmp_path: Path) -> None:
    exact, rounded = [0.2, 0.3, 0.5 + 5e-7], [0.333, 0.333, 0.333]
    rows = [
        {"text": "x", "label_dist": dist} for dist in (exact, rounded, [0.3334, 0.3334, 0.3334])
    ]
    file = read(tmp_path, rows)
    dist = np.array(file.dataset["label_dist"][:])
    np.testing.assert_array_equal(dist[0], exact)
    np.testing.assert_allclose(dist[1:], 1 / 3, rtol=1e-12)
    assert file.warnings[0] == (
        "distributions renormalised because rounding had changed their sum: 2"
    )
    assert file.warnings[1].startswith("items without a majority: 2;")


def test_rows_without_opinions_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": "pos"},
        {"text": "y", "label_counts": None, "label_dist": ""},
        {"text": "z", "label_counts": "[1, 0, 1]"},
    ]
    file = read(tmp_path, rows)
    assert (file.dataset["uid"][:], file.dropped) == (["3"], 2)
    assert file.warnings[0] == "rows left out because they have no opinions: 2"
    path = write(tmp_path / "a.jsonl", [{**rows[0], "label_counts": None}])
    assert message(path) == ": no row has human opinions"


def test_votes_go_before_a_distribution(tmp_path: Path) -> None:
    both = {"text": "x", "label_counts": [2, 1, 0], "label_dist": [0.67, 0.33, 0.0]}
    assert read(tmp_path, [both]).dataset["label_dist"][0] == [2 / 3, 1 / 3, 0.0]
    path = write(tmp_path / "a.jsonl", [{**both, "label_dist": [0.33, 0.67, 0.0]}])
    assert ", line 1: column 'label_dist': votes and distribution disagree" in message(path)
    only = {"text": "y", "label_dist": [0.5, 0.25, 0.25]}
    file = read(tmp_path, [both, only])
    assert "label_counts" not in file.dataset.features
    assert file.warnings == (
        "rows with a distribution but no votes: 1; so the votes of the others are used for their "
        "distributions only",
    )


def test_the_majority_of_the_file_is_kept(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label_counts": [2, 0, 2], "majority_label": "pos"},
        {"text": "y", "label_counts": [0, 2, 1], "majority_label": None},
    ]
    file = read(tmp_path, rows)
    assert (file.dataset["majority_label"][:], file.warnings) == ([2, 1], ())


def test_what_is_read_can_be_read_again(tmp_path: Path) -> None:
    rows = [{"uid": u, "text": "x", "label_counts": [2, 0, 2]} for u in "ab"]
    dataset = read(tmp_path, rows).dataset
    dataset.save_to_disk(tmp_path / "folder")
    dataset.to_parquet(tmp_path / "b.parquet")
    for source in (tmp_path / "folder", tmp_path / "b.parquet"):
        again = read_dataset(source, human=True).dataset
        assert again.to_dict() == dataset.to_dict() and again.features == dataset.features


def test_training_does_not_look_at_opinions(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": label, "label_dist": "no opinion", "label_counts": [-1]}
        for label in ("pos", "neg")
    ]
    file = read(tmp_path, rows, human=False)
    assert list(file.dataset.features) == ["uid", "text", "label"]


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([0, 0, 0], "there is no vote: all counts are zero"),
        ([1, 1.5, 0], "votes must be whole numbers, found [1, 1.5, 0]; shares belong in a dist"),
        ([1, -1, 0], "a value is negative: [1, -1, 0]"),
        ([1, float("nan"), 0], "a value is not finite: [1, nan, 0]"),
        ([1, float("inf"), 0], "a value is not finite: [1, inf, 0]"),
        ([1, 10**400, 0], "a value is not finite: [1, 1000"),
        ([1, 10**20, 0], "so many votes cannot be: "),
        ([1, 2], "2 values for 3 classes: [1, 2]"),
        ([], "0 values for 3 classes: []"),
        ([1, "2", 0], "'2' is no number, in [1, '2', 0]"),
        ([1, True, 0], "True is no number, in [1, True, 0]"),
        ([1, None, 0], "None is no number, in [1, None, 0]"),
        ({"pos": 1, "midd": 2}, "label 'midd' is none of the classes 'neg', 'mid', 'pos'; did yo"),
        ({"pos": 1, "2": 2}, "class 'pos' occurs twice in {'pos': 1, '2': 2}"),
        ({"7": 2}, "label 7 is out of range: the 3 classes have the numbers 0 to 2"),
        ({"": 2}, "label '' is none of the classes"),
        ({"pos\ud800": 2}, "character 4 is half of a surrogate pair"),
        ({}, "there is no vote: all counts are zero"),
        (3, "expected a list of numbers, such as [2, 1, 0], or a mapping from class to number, f"),
        ("1 2 0", "expected a list of numbers, such as [2, 1, 0], or a mapping from class to num"),
        ("[1, 2", "expected a list of numbers, such as [2, 1, 0], or a mapping from class to num"),
    ],
)
def test_bad_votes(tmp_path: Path, votes: Any, expected: str) -> None:
    text = fault(tmp_path, label_counts=votes)
    assert text.startswith(f", line 3: column 'label_counts': {expected}"), text


@pytest.mark.parametrize(
    ("dist", "expected"),
    [
        ([0.5, 0.2, 0.2], "the probabilities sum to 0.9, not to one: [0.5, 0.2, 0.2]"),
        ([0.5, 0.5, 0.002], "the probabilities sum to 1.002, not to one: [0.5, 0.5, 0.002]"),
        ([50, 30, 20], "the probabilities sum to 100, not to one: [50, 30, 20]; votes belong in a"),
        ([0, 0, 0], "the probabilities sum to 0, not to one: [0, 0, 0]"),
        ([1.5, -0.5, 0], "a value is negative: [1.5, -0.5, 0]"),
        ([float("nan"), 0.5, 0.5], "a value is not finite: [nan, 0.5, 0.5]"),
        ([0.5, 0.5], "2 values for 3 classes: [0.5, 0.5]"),
        ({"pos": 0.5, "negg": 0.5}, "label 'negg' is none of the classes"),
    ],
)
def test_bad_distributions(tmp_path: Path, dist: Any, expected: str) -> None:
    text = fault(tmp_path, label_dist=dist)
    assert text.startswith(f", line 3: column 'label_dist': {expected}"), text


def test_no_column_with_opinions(tmp_path: Path) -> None:
    text = message(write(tmp_path / "a.jsonl", [{"text": "x", "label": "pos"}]))
    assert text.startswith(": there are no human opinions: no column 'label_dist' with distribut")
    assert "the columns are 'text', 'label'; name one by --label-dist, --label-counts" in text


def test_every_bad_row_is_listed(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": "poss", "label_counts": [0, 0, 0]},
        {"text": "x", "label_counts": [1, 0, 0]},
        {"text": "", "label_counts": [1]},
    ]
    problems = check_file(write(tmp_path / "a.jsonl", rows), class_names=NAMES, human=True)
    assert [problem.line for problem in problems] == [1, 1, 3, 3]


# one row for each annotator


def answers(*rows: tuple[Any, Any, Any, Any]) -> list[dict[str, Any]]:
    return [dict(zip(("uid", "worker", "label", "text"), row, strict=True)) for row in rows]


ANSWERS = answers(
    ("a", "w1", "pos", "first"),
    ("b", "w1", "neg", "second"),
    ("a", "w2", "mid", "first"),
    ("a", 3, "pos", None),
    ("b", "w2", "", ""),
    ("b", "w4", "mid", "second"),
)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_answers_are_counted(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", ANSWERS)
    file = read_dataset(path, ANNOTATED, class_names=NAMES, human=True)
    check_dataset(file.dataset)
    # counted by hand
    assert file.dataset.to_dict() == {
        "uid": ["a", "b"],
        "text": ["first", "second"],
        "label": [-1, -1],
        "label_dist": [[0, 1 / 3, 2 / 3], [0.5, 0.5, 0]],
        "label_counts": [[0, 1, 2], [1, 1, 0]],
        "majority_label": [2, 0],
    }
    assert (file.dropped, len(file.warnings)) == (1, 2)
    assert file.warnings[0] == "rows left out because they have no label: 1"


def test_training_takes_the_majority_of_answers(tmp_path: Path) -> None:
    file = read_dataset(write(tmp_path / "a.jsonl", ANSWERS), ANNOTATED)
    assert list(file.dataset.features) == ["uid", "text", "label"]
    assert class_names(file.dataset) == ("mid", "neg", "pos")
    assert file.dataset["label"][:] == [2, 0]


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_counts_are_those_of_the_answers_in_any_order(given: list[list[int]], random: Any) -> None:
    rows = [
        {"uid": str(item), "worker": who, "label": NAMES[vote], "text": f"text {item}"}
        for item, votes in enumerate(given)
        for who, vote in enumerate(votes)
    ]
    random.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.jsonl", rows)
        dataset = read_dataset(path, ANNOTATED, class_names=NAMES, human=True).dataset
    found = dict(zip(dataset["uid"][:], dataset["label_counts"][:], strict=True))
    assert found == {
        str(item): [votes.count(index) for index in range(3)] for item, votes in enumerate(given)
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("a", "w1", "neg", "first"), "annotator 'w1' has answered 'a' in line 1 already"),
        (("a", "w5", "neg", "firs"), "column 'text' of 'a' differs from line 1"),
        (("a", "w5", "negg", "first"), "column 'label': label 'negg' is none of the classes"),
        (("a", "w5", 0.5, "first"), "column 'label': label 0.5 is a fraction"),
        (("a", None, "neg", "first"), "column 'worker': the value is missing"),
        ((None, "w5", "neg", "first"), "column 'uid': the value is missing"),
        (("a", "w5", "neg", 7), "column 'text': expected text, found 7"),
        (("z", "w5", "neg", ""), "column 'text': no row of 'z' has the text"),
    ],
)
def test_bad_answers(tmp_path: Path, row: tuple[Any, Any, Any, Any], expected: str) -> None:
    path = write(tmp_path / "a.jsonl", [*ANSWERS, *answers(row)])
    assert message(path, columns=ANNOTATED).startswith(f", line 7: {expected}")


def test_answers_about_pairs(tmp_path: Path) -> None:
    rows = [{**row, "text_pair": row["text"] and "and"} for row in ANSWERS]
    assert read(tmp_path, rows, columns=ANNOTATED).dataset["text_pair"][:] == ["and", "and"]
    rows[2]["text_pair"] = "or"
    path = write(tmp_path / "a.jsonl", rows)
    assert message(path, columns=ANNOTATED) == (
        ", line 3: column 'text_pair' of 'a' differs from line 1"
    )


def test_answers_need_ids(tmp_path: Path) -> None:
    rows = [{"text": "x", "worker": "w", "label": "pos"}]
    text = message(write(tmp_path / "a.jsonl", rows), columns=ANNOTATED)
    assert text.startswith(": there is no column 'uid' for the uid, which says what rows are of")


def test_rows_of_annotators_without_their_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [row for row in ANSWERS[:3]])
    text = message(path, human=False)
    assert text.endswith("is it one row for each annotator? Then name that column by --annotator")


def test_columns_may_have_the_names_of_the_training_items_or_their_own(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": [1, 2, 0]}, {"text": "y", "label_counts": [3, 0, 0]}]
    file = read(tmp_path, rows, columns=Columns(text="review", label="opinion", uid="key"))
    assert file.dataset["text"][:] == ["x", "y"] and file.dataset["label"][:] == [-1, -1]
    named = [{"review": "z", "text": "x", "opinion": "pos", "label_counts": [0, 0, 1]}]
    file = read(tmp_path, named, columns=Columns(text="review", label="opinion"))
    assert file.dataset["text"][:] == ["z"] and file.dataset["label"][:] == [2]
    path = write(tmp_path / "a.jsonl", rows)
    assert "there is no column 'votes' for the label_counts" in message(
        write(tmp_path / "b.jsonl", [{"text": "x"}]), columns=Columns(label_counts="votes")
    )
    # of training items, the columns are those that were named and no others
    training = message(path, columns=Columns(text="review", label=None), human=False, labels=False)
    assert "there is no column 'review' for the text" in training


# ChaosNLI


def test_chaosnli_is_recognised(toy_dir: Path) -> None:
    path = toy_dir / "chaosnli/chaosNLI_snli.jsonl"
    file = read_dataset(path, human=True)
    official = load_chaosnli("snli", toy_dir)
    assert file.dataset.to_dict() == official.to_dict()
    assert file.dataset.features == official.features
    assert file.warnings == ()
    plain = read_dataset(path).dataset
    assert list(plain.features) == ["uid", "text", "text_pair", "label"]
    turned = read_dataset(
        path, class_names=["contradiction", "neutral", "entailment"], human=True
    ).dataset
    assert turned["label_counts"][:] == [[0, 60, 40], [50, 0, 50]]
    assert turned["label"][:] == [2, 0]


def test_broken_chaosnli(toy_dir: Path) -> None:
    path = toy_dir / "chaosnli/chaosNLI_snli.jsonl"
    first, second = map(json.loads, path.read_text().splitlines())
    first["example"] = "no mapping"
    second["label_count"] = [1, 2]
    third = {**second, "uid": "c", "label_count": [1, 2, 3], "old_label": "x", "majority_label": 1}
    path.write_text("".join(json.dumps(row) + "\n" for row in (first, second, third)))
    assert [str(problem) for problem in check_file(path, human=True)] == [
        "line 1: column 'text': the text is missing",
        "line 1: column 'text_pair': the text is missing",
        "line 2: column 'label_counts': 2 values for 3 classes: [1, 2]",
        "line 3: column 'label': label 'x' is none of the classes 'entailment', 'neutral', "
        "'contradiction'",
    ]


@pytest.mark.real_data
@pytest.mark.parametrize("subset", ["snli", "mnli_m"])
def test_the_real_chaosnli(real_data_dir: Path, subset: Any) -> None:
    official = load_chaosnli(subset, real_data_dir)
    dataset = read_dataset(real_data_dir / f"chaosnli/chaosNLI_{subset}.jsonl", human=True).dataset
    assert dataset.to_dict() == official.to_dict()
