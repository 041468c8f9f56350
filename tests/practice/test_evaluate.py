"""The table of evaluate: as wide as a terminal, every column and row explained."""

from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.evaluation import score_table
from ambiguity_lib.practice.evaluate import COLUMNS, ROWS, show_scores

HUMAN = np.random.default_rng(0).dirichlet([1, 1, 1], size=40)
MODEL = np.random.default_rng(1).dirichlet([1, 1, 1], size=40)
LABELS = HUMAN.argmax(axis=1)


def shown(name: str = "model", tied: int = 0, **labels: np.ndarray) -> str:
    table = score_table({name: MODEL}, HUMAN, **labels)
    table.loc["half of the votes (noise floor)", "JSD"] = 0.084
    return show_scores(table, items=40, tied=tied)


@pytest.mark.parametrize("name", ["model", "/a/very/long/path/of/some/folder/in/the/depths/model"])
def test_no_line_is_wider_than_a_terminal(name: str) -> None:
    text = shown(name, tied=3, old_labels=LABELS, new_labels=LABELS)
    assert max(map(len, text.splitlines())) <= 100
    assert "".join(text[: text.index("Columns")].split()).count("depths/model") == ("/" in name)


def test_numbers_have_three_digits_and_stand_below_their_heads() -> None:
    table = score_table({"model": MODEL}, HUMAN, old_labels=LABELS, new_labels=LABELS)
    lines = shown(old_labels=LABELS, new_labels=LABELS).splitlines()
    heads, row = lines[1], next(line for line in lines if line.startswith("model"))
    expected = [f"{value:.3f}".replace("-", "−") for value in table.loc["model"]]
    assert row.split()[1:] == expected
    # right-aligned: a number ends where its head ends
    assert [row.index(expected[2]) + 5] == [heads.index("entropy") + 7]
    assert "nan" not in "".join(lines[:10]).lower() and "–" in lines[3]


def test_every_column_and_row_is_explained_and_no_other() -> None:
    text = shown(old_labels=LABELS, new_labels=LABELS)
    below = text[text.index("40 items. Columns:") :].replace("\n    ", " ")
    for head, known in COLUMNS.values():
        (line,) = [part for part in below.split("\n  ") if part.startswith(f"{head}: ")]
        assert known.better is None or f"{known.better} is better" in line
        assert not known.unit or f"in {known.unit}" in line
    for name in ROWS:
        assert f"\n  {name}: " in below
    assert "acc. old" not in shown(new_labels=LABELS)
    assert "ECE" not in shown()


def test_ties_are_counted_where_there_are_any() -> None:
    labels = {"new_labels": LABELS}
    assert "On 3 items several classes share the first place" in shown(tied=3, **labels)
    assert "several classes" not in shown(**labels)
