"""Predictions of a model or of files against people, in a table that a terminal can hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from ambiguity_lib.data.schema import class_names, human_distributions
from ambiguity_lib.evaluation.scores import FloatArray, noise_floor, score_table
from ambiguity_lib.evaluation.words import number
from ambiguity_lib.method.temperatures import softmax
from ambiguity_lib.models.loading import (
    head_classes,
    load_classifier,
    load_config,
    load_tokenizer,
    longest_input,
    nameless,
    unusable_head,
)
from ambiguity_lib.models.training import predict_logits
from ambiguity_lib.practice.cells import fold
from ambiguity_lib.practice.prediction_files import read_prediction_files
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


def classes_of(
    model: str, given: Sequence[str] | None = None, *, named: bool = True
) -> tuple[str, ...]:
    """The classes of a model's head in the order of its logits.

    Args:
        model: A hub id or a folder.
        given: Names that were given for them; they count where the model has none, and must
            otherwise be the same but for their spelling.
        named: Whether they must have names.

    Raises:
        ValueError: If there is no softmax head, or one of other classes.
    """
    config = load_config(model)
    names = head_classes(config)
    if names is None:
        raise ValueError(
            f"{model} {unusable_head(config)}: `ambiguity-lib compress` makes a model with one for "
            "classes that exclude each other"
        )
    if given is None:
        if named and nameless(names):
            raise ValueError(
                f"the classes of {model} have no names: give them in its order by --classes"
            )
        return names
    if len(given) == len(names) and nameless(names):
        return tuple(given)
    if {fold(name) for name in given} != {fold(name) for name in names}:
        raise ValueError(
            f"the model's classes are {', '.join(names)}, those of --classes {', '.join(given)}"
        )
    return names


def predict_dataset(model: str, items: Dataset, *, max_length: int, batch_size: int) -> FloatArray:
    """A model's distributions for items whose classes are in its order, shape (N, C)."""
    tokenizer = load_tokenizer(model)
    pair = "text_pair" in items.column_names
    longest = longest_input(load_config(model), tokenizer, max_length, pair=pair)
    classifier = load_classifier(model, class_names(items))
    return softmax(
        predict_logits(classifier, tokenizer, items, max_length=longest, batch_size=batch_size)
    )


def predictions_of(
    files: Iterable[Path], people: Dataset, order: Sequence[str] | None
) -> tuple[dict[str, FloatArray], Dataset, bool]:
    """What files say of the items that all of them know.

    Returns:
        Name → distributions, shape (N, C); these N items, in the order of the data; whether some
        distributions were lists, which do not name their classes.

    Raises:
        ValueError: If there is no such item.
    """
    read = read_prediction_files(tuple(files), class_names(people), file_order=order)
    uids = people["uid"][:]
    known = set(uids).intersection(*(file.probs for file in read))
    if not known:
        theirs = next(iter(read[0].probs))
        hint = "; name the column of their ids by --uid" if uids[0].startswith("row ") else ""
        raise ValueError(
            f"the data and the predictions have no item in common: their ids are like {uids[0]!r} "
            f"and {theirs!r}{hint}"
        )
    if len(known) < len(uids):
        people = people.select([row for row, uid in enumerate(uids) if uid in known])
    probs = {file.name: file.align(people["uid"][:]) for file in read}
    return probs, people, any(file.listed for file in read)


def score(probs: Mapping[str, FloatArray], people: Dataset) -> pd.DataFrame:
    """The table of the book, in its conventions, with the rows that know nothing of the item."""
    old = np.asarray(people["label"][:])
    table = score_table(
        probs,
        human_distributions(people),
        old_labels=old if (old >= 0).all() else None,
        new_labels=people["majority_label"][:],
    )
    if "label_counts" in people.column_names:
        counts = np.asarray(people["label_counts"][:])
        if (counts.sum(axis=1) >= 2).all():
            table.loc["half of the votes (noise floor)", "JSD"] = noise_floor(counts, repeats=20)
    return table


def show_scores(table: pd.DataFrame, *, items: int, tied: int) -> str:
    """Set the table of :func:`score`, at most 100 characters wide, and a legend."""
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
