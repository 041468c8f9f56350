"""Logits of published SNLI models, from the research release of Baan et al. (2022).

The files hold both halves of the SNLI dev set (`predictions/SNLI_dev_{model}_{seed}.jsonl` and
`predictions/SNLI_test_{model}_{seed}.jsonl`, with or without `.gz`) with their logits in the order
entailment, contradiction, neutral; here they come in the order of `NLI_CLASSES`. They are never
downloaded: copy them from `data/predictions` in `RELEASE`, where their names end in `.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from ambiguity_lib.data.reading import data_directory, find_file, get_field, read_json_lines

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

    Examples:
        >>> from ambiguity_lib.data import load_predictions
        >>> predictions = load_predictions("toy-net", 0, "data")
        >>> predictions.name, predictions.uids, predictions.logits.shape
        ('toy-net (seed 0)', ('0.jpg#0', '1.jpg#0'), (2, 3))
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
        data_dir: See `ambiguity_lib.data.reading.data_directory`.

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
    uids: list[str] = []
    logits: list[list[float]] = []
    labels: list[int] = []
    seen: set[str] = set()
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
            if uid in seen:
                raise ValueError(f"{path}, line {line}: uid {uid!r} occurs twice")
            if not _are_logits(row):
                raise ValueError(f"{path}, line {line}: expected three logits, found {row!r}")
            if label not in range(len(_FILE_ORDER)):
                raise ValueError(f"{path}, line {line}: unknown label {label!r} in field 'true'")
            seen.add(uid)
            uids.append(uid)
            logits.append(row)
            labels.append(_FILE_ORDER[label])
    return Predictions(
        uids=tuple(uids),
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
        ...     load_chaosnli,
        ...     load_predictions,
        ... )
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
