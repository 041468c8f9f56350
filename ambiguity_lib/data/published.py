"""Scores of published models, to stand beside ours; their source is named with each table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset

from ambiguity_lib.data.lines import get_field, read_json_lines
from ambiguity_lib.data.sources import data_directory, find_file

_COLUMNS = ("JSD", "KL", "accuracy_old", "accuracy_new")
#: README of github.com/easonnie/ChaosNLI (Nie et al., 2020): JS distance, KL in nats, accuracies.
_CHAOSNLI = {
    "ChaosSNLI": {
        "BERT-base": (0.2345, 0.4810, 0.7008, 0.7292),
        "RoBERTa-base": (0.2294, 0.5045, 0.7272, 0.7536),
        "DistilBERT": (0.2439, 0.4682, 0.6711, 0.7021),
        "BERT-large": (0.2300, 0.5017, 0.7266, 0.7384),
        "RoBERTa-large": (0.2210, 0.4937, 0.7490, 0.7867),
        "BART-large": (0.2203, 0.4714, 0.7424, 0.7827),
    },
    "ChaosMNLI": {
        "BERT-base": (0.3055, 0.7204, 0.5991, 0.5591),
        "RoBERTa-base": (0.3073, 0.7807, 0.6391, 0.5922),
        "DistilBERT": (0.3133, 0.6652, 0.5472, 0.5103),
        "BERT-large": (0.3152, 0.8449, 0.6123, 0.5691),
        "RoBERTa-large": (0.3112, 0.8701, 0.6742, 0.6354),
        "BART-large": (0.3165, 0.8845, 0.6635, 0.5922),
    },
}


def published_scores(dataset: str) -> pd.DataFrame:
    """What the README of ChaosNLI publishes for models fine-tuned on SNLI or MNLI.

    Args:
        dataset: ``"ChaosSNLI"`` or ``"ChaosMNLI"``; any other has no rows.

    Returns:
        One row a model; columns ``JSD`` (the distance), ``KL`` (nats), ``accuracy_old`` and
        ``accuracy_new``.

    Examples:
        >>> from ambiguity_lib.data import published_scores
        >>> published_scores("ChaosSNLI")[["JSD", "KL"]].head(2)
                         JSD      KL
        BERT-base     0.2345  0.4810
        RoBERTa-base  0.2294  0.5045
    """
    rows = _CHAOSNLI.get(dataset, {})
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(_COLUMNS)).astype(float)


RELEASE = "https://github.com/jsbaan/calibration-on-disagreement-data"

# Position in the files of each of our classes; the order is its own inverse.
_FILE_ORDER = (0, 2, 1)
_HALVES = ("dev", "test")
_NAME = re.compile(r"SNLI_(dev|test)_(.+)_(\d+)\.jsonl(?:\.gz)?")


@dataclass(frozen=True)
class Predictions:
    """What one model said about a set of items.

    Attributes:
        uids: The N items.
        logits: Float64 array of shape (N, 3), columns entailment, neutral, contradiction.
        labels: Int64 array of shape (N,), the gold labels in that order.
        name: Model and seed, for captions.
    """

    uids: tuple[str, ...]
    logits: np.ndarray
    labels: np.ndarray
    name: str


def load_predictions(model: str, seed: int, data_dir: str | Path | None = None) -> Predictions:
    """Load the logits of one model over the whole SNLI dev set.

    Args:
        model: The name in the files, such as `"roberta-base"`.
        seed: The seed in the files.
        data_dir: See `ambiguity_lib.data.sources.data_directory`.

    Returns:
        The predictions, both halves put together.

    Raises:
        FileNotFoundError: If the directory or a file does not exist.
        ValueError: If a file is not as expected.

    Examples:
        >>> from ambiguity_lib.data import load_predictions

        The files have the classes in another order; here it is entailment, neutral,
        contradiction:

        >>> load_predictions("toy-net", 0, "data").logits[0]
        array([ 2.,  1., -1.])
    """
    directory = data_directory(data_dir)
    found: dict[str, tuple[list[float], int]] = {}
    for half in _HALVES:
        try:
            path = find_file(directory, f"predictions/SNLI_{half}_{model}_{seed}.jsonl")
        except FileNotFoundError as error:
            known = available_predictions(directory)
            raise FileNotFoundError(
                f"{error}; available are {known or 'none'}, those of Baan et al. are in "
                f"data/predictions of {RELEASE} as .json, to be renamed to .jsonl"
            ) from None
        for line, record in read_json_lines(path):
            uid = get_field(record, "uid", str, path, line)
            label = get_field(record, "true", int, path, line)
            row = get_field(record, "logits", list, path, line)
            if uid in found:
                raise ValueError(f"{path}, line {line}: uid {uid!r} occurs twice")
            if not _are_logits(row):
                raise ValueError(f"{path}, line {line}: expected three logits, found {row!r}")
            if label not in range(len(_FILE_ORDER)):
                raise ValueError(f"{path}, line {line}: unknown label {label!r} in field 'true'")
            found[uid] = (row, _FILE_ORDER[label])
    logits, labels = zip(*found.values(), strict=True)
    return Predictions(
        uids=tuple(found),
        logits=np.array(logits, dtype=np.float64)[:, _FILE_ORDER],
        labels=np.array(labels, dtype=np.int64),
        name=f"{model} (seed {seed})",
    )


def align_predictions(predictions: Predictions, dataset: Dataset) -> np.ndarray:
    """Give the logits of a dataset's items, in the dataset's order.

    Args:
        predictions: The predictions, of these items and perhaps of others.
        dataset: A dataset with N items, matched by `uid`.

    Returns:
        Float64 array of shape (N, 3).

    Raises:
        ValueError: If there is no prediction for an item; the message names the first few.

    Examples:
        >>> from ambiguity_lib.data import (
        ...     align_predictions,
        ...     load_predictions,
        ... )
        >>> from ambiguity_lib.data import load_chaosnli
        >>> predictions = load_predictions("toy-net", 0, "data")
        >>> align_predictions(predictions, load_chaosnli("snli", "data"))
        array([[ 2.,  1., -1.]])
    """
    rows = {uid: row for row, uid in enumerate(predictions.uids)}
    uids = list(dataset["uid"])
    missing = [uid for uid in uids if uid not in rows]
    if missing:
        raise ValueError(
            f"{predictions.name} has no prediction for {len(missing)} of {len(uids)} items, "
            f"first {missing[:5]}; are these items of the SNLI dev set?"
        )
    return predictions.logits[[rows[uid] for uid in uids]]


def available_predictions(data_dir: str | Path | None = None) -> list[tuple[str, int]]:
    """List the models and seeds of which both halves are there, sorted.

    Args:
        data_dir: See `data_directory`.

    Returns:
        Name of the model and seed of each.

    Raises:
        FileNotFoundError: If there is no data directory.

    Examples:
        >>> from ambiguity_lib.data import available_predictions
        >>> available_predictions("data")
        [('toy-net', 0)]
    """
    folder = data_directory(data_dir) / "predictions"
    halves: dict[tuple[str, int], set[str]] = {}
    for path in folder.glob("SNLI_*"):
        match = _NAME.fullmatch(path.name)
        if match:
            halves.setdefault((match[2], int(match[3])), set()).add(match[1])
    return sorted(key for key, found in halves.items() if found == set(_HALVES))


def _are_logits(row: list[Any]) -> bool:
    return len(row) == len(_FILE_ORDER) and all(
        isinstance(value, int | float) and np.isfinite(value) for value in row
    )
