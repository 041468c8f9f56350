from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ambiguity_lib.practice.own_files import class_warnings, read_dataset, repetition_warnings


def warn(counts: dict[str, int], *, inferred: bool = True) -> list[str]:
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    return class_warnings(labels, list(counts), inferred=inferred)


def test_even_classes_are_no_cause_for_a_word() -> None:
    assert warn({"negative": 3, "neutral": 4, "positive": 5}) == []
    assert warn({"negative": 10_000, "neutral": 12, "positive": 9_000}) == []


def test_numbers_from_one_are_said_to_be_positions() -> None:
    (said,) = warn({"0": 0, "1": 20, "2": 30, "3": 25})
    assert "positions that begin with 0" in said and said.endswith("--classes 1,2,3")
    # names that somebody gave are those that were meant
    assert warn({"0": 0, "1": 20, "2": 30}, inferred=False) == ["no row has the label '0'"]
    assert warn({"0": 20, "1": 0, "2": 30}) == ["no row has the label '1'"]


def test_names_that_differ_in_case_or_spaces() -> None:
    said = warn({"Positive": 40, "negative": 50, "positive": 30, "so  so": 20, "so so": 20})
    assert [" only: 'Positive', 'positive';" in said[0], "'so  so', 'so so'" in said[1]] == [
        True
    ] * 2
    assert len(said) == 2
    assert warn({"Positive": 40, "positive": 30}, inferred=False) == []


def test_a_typing_error_is_a_rare_class_like_a_common_one() -> None:
    likely, rare = warn({"negative": 120, "positive": 130, "positve": 2})
    assert likely == "the label 'positve' (2) looks like a typing error for 'positive' (130)"
    assert rare.endswith("too few to learn or to judge by: 'positve' (2)")
    # common enough to be meant, and numbers are alike without being meant alike
    assert warn({"negative": 120, "positive": 130, "positively": 60}) == []
    assert len(warn({"1000": 120, "1001": 2, "1002": 130})) == 1


def test_a_rare_class_is_rare_by_names_that_were_given_too() -> None:
    (said,) = warn({"fine": 500, "odd": 1}, inferred=False)
    assert said.endswith(": 'odd' (1)")


def test_many_rare_classes_are_cut_short() -> None:
    (said,) = warn({"main": 90_000} | {f"{n:04}": 1 for n in range(300)}, inferred=True)
    assert len(said) < 400


@pytest.mark.parametrize(
    ("items", "labels", "expected"),
    [
        ("abc", [0, 1, 0], []),
        ("aba", [0, 1, 0], ["rows whose text stands in another row, too: 2"]),
        (
            "aabbb",
            [0, 0, 1, 1, 2],
            ["rows whose text stands in another row, too: 5, 3 of them with another label there"],
        ),
    ],
)
def test_repetitions(items: str, labels: list[int], expected: list[str]) -> None:
    assert repetition_warnings(items, np.array(labels)) == expected


def test_a_file_is_read_with_its_warnings(tmp_path: Path) -> None:
    rows = [
        {"text": f"t{n // 2}", "text_pair": f"p{n}", "label": ("yes", "no")[n % 2]}
        for n in range(60)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_dataset(path).warnings == ()  # a text twice with another second text
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    assert len(read_dataset(path).warnings) == 1
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {**rows[0], "label": "YES"}]))
    case, rare, twice = read_dataset(path).warnings
    assert "'YES', 'yes'" in case and "'YES' (1)" in rare and "another label" in twice
