"""The score table of the command ``evaluate``: as wide as a terminal, every column explained."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import pandas as pd

from ambiguity_lib.evaluation.words import number
from ambiguity_lib.practice.run import MEASURES, Measure

WIDTH = 100
_NAME = 26  # widest name of a row, beyond which it goes on below

#: Column → its head, of which each word gets a line, and how it is read.
COLUMNS = {
    "accuracy_old": (
        "acc. old",
        Measure("", "higher", "accuracy, by the label that the data came with, 0 to 1"),
    ),
    "accuracy_new": (
        "acc. new",
        Measure("", "higher", "accuracy, by the class that most people chose, 0 to 1"),
    ),
    "entropy": ("entropy", MEASURES["entropy"]),
    "JSD": ("JSD", MEASURES["JSD"]),
    "KL": ("KL", MEASURES["KL"]),
    "TVD": (
        "TVD",
        Measure(
            "",
            "lower",
            "mean total variation distance: the share of probability that would have to move, "
            "0 to 1",
        ),
    ),
    "EntCE": (
        "EntCE",
        Measure(
            "nats", "lower", "mean difference, without sign, of people's entropy and the model's"
        ),
    ),
    "RankCS": (
        "RankCS",
        Measure(
            "", "higher", "share of items on which all classes rank as they do with people, 0 to 1"
        ),
    ),
    "entropy_corr": ("ent. corr", MEASURES["entropy correlation"]),
    "ECE": (
        "ECE",
        Measure("", "lower", "expected calibration error, by the class that most people chose"),
    ),
}

#: Row that is added for comparison → what it is.
ROWS = {
    "uniform": "the same probability for every class; knows nothing",
    "constant mean (uses gold)": "people's mean distribution, for every item alike; made of the "
    "gold, but knows no single item",
    "humans": "people's distributions themselves, the gold",
    "half of the votes (noise floor)": "one half of each item's votes against the other, both "
    "gold; about as near as these votes can tell",
}


def show_scores(table: pd.DataFrame, *, items: int, tied: int) -> str:
    """Set a score table, at most 100 characters wide, and a legend.

    Args:
        table: What ``score_table`` of the evaluation made, perhaps with the noise floor.
        items: How many items there were.
        tied: Items on which several classes share the first place.
    """
    lines = [*_table(table), "", f"{items:,} items. Columns:"]
    for name in table.columns:
        head, known = COLUMNS[name]
        unit = f", in {known.unit}" if known.unit else ""
        good = f"; {known.better} is better" if known.better else ""
        lines += _entry(head, f"{known.meaning}{unit}{good}")
    lines += ["", "Rows that are there to compare with:"]
    for name in table.index.intersection(list(ROWS), sort=False):
        lines += _entry(str(name), ROWS[str(name)])
    lines += ["The gold is what people said of these items. All other rows are predictions."]
    if tied:
        lines += textwrap.wrap(
            f"On {tied:,} items several classes share the first place: acc. new and ECE go by the "
            "majority that the data name there, or else by the first of these classes.",
            WIDTH,
        )
    return "\n".join(lines)


def _table(table: pd.DataFrame) -> list[str]:
    """Heads and rows, the numbers to three digits, long names on several lines."""
    heads = [COLUMNS[name][0].split() for name in table.columns]
    cells = [[number(x) for x in row] for row in table.to_numpy(float)]
    widths = [max(map(len, [*head, *column])) for head, *column in zip(heads, *cells, strict=True)]
    names = [textwrap.wrap(str(name), _NAME) for name in table.index]
    first = max(len(line) for name in names for line in name)

    def line(name: str, values: Iterable[str]) -> str:
        aligned = (f"{value:>{width}}" for value, width in zip(values, widths, strict=True))
        return "  ".join([f"{name:<{first}}", *aligned]).rstrip()

    tall = max(map(len, heads))
    lines = [
        line("", row) for row in zip(*([""] * (tall - len(h)) + h for h in heads), strict=True)
    ]
    for name, row in zip(names, cells, strict=True):
        lines += [line(name[0], row), *name[1:]]
    return lines


def _entry(name: str, meaning: str) -> list[str]:
    return textwrap.wrap(f"{name}: {meaning}", WIDTH, initial_indent="  ", subsequent_indent="    ")
