"""Loaders for SNLI and for the re-annotated items of ChaosNLI, from a local directory.

Expected files, in the directory given as `data_dir` or in the environment variable
`AMBIGUITY_DATA_DIR` (each with or without a final `.gz`):

    chaosnli/chaosNLI_snli.jsonl, chaosnli/chaosNLI_mnli_m.jsonl   ChaosNLI 1.0 (Nie et al., 2020)
    snli/snli_1.0_{train,dev,test}.jsonl                           SNLI 1.0 (Bowman et al., 2015)
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset

from ambiguity_lib.data.reading import data_directory, find_file, get_field, read_json_lines
from ambiguity_lib.data.schema import NLI_CLASSES, Splits, build_dataset, make_features

logger = logging.getLogger(__name__)

_SHORT_LABELS = {"e": 0, "n": 1, "c": 2}
_LONG_LABELS = {name: index for index, name in enumerate(NLI_CLASSES)}
_NO_GOLD = "-"
_SNLI_FILES = {"train": "train", "validation": "dev", "test": "test"}


def normalise_premise(text: str) -> str:
    """Reduce a premise to what identifies it: lower case, no spaces, no punctuation."""
    return re.sub(r"[\W_]+", "", text.lower())


def load_chaosnli(subset: Literal["snli", "mnli_m"], data_dir: str | Path | None = None) -> Dataset:
    """Load the re-annotated items of one part of ChaosNLI.

    `label` is the original label, `majority_label` the file's field of that name (not an argmax:
    ties differ), `label_counts` the 100 votes and `label_dist` the votes divided by their number.

    Args:
        subset: `"snli"` (1,514 items) or `"mnli_m"` (1,599 items).
        data_dir: See `data_directory`.

    Returns:
        A dataset with the human columns.

    Raises:
        FileNotFoundError: If the directory or the file does not exist.
        ValueError: If `subset` is unknown or the file is not as expected.
    """
    if subset not in ("snli", "mnli_m"):
        raise ValueError(f"subset must be 'snli' or 'mnli_m', got {subset!r}")
    path = find_file(data_directory(data_dir), f"chaosnli/chaosNLI_{subset}.jsonl")
    columns: dict[str, list[Any]] = defaultdict(list)
    for line, record in read_json_lines(path):
        example = get_field(record, "example", dict, path, line)
        counts = get_field(record, "label_count", list, path, line)
        if not _are_votes(counts):
            raise ValueError(
                f"{path}, line {line}: field 'label_count' must be {len(NLI_CLASSES)} numbers of "
                f"votes, found {counts!r}"
            )
        columns["uid"].append(get_field(record, "uid", str, path, line))
        columns["text"].append(get_field(example, "premise", str, path, line))
        columns["text_pair"].append(get_field(example, "hypothesis", str, path, line))
        columns["label"].append(_read_label(record, "old_label", _SHORT_LABELS, path, line))
        columns["label_counts"].append(counts)
        columns["majority_label"].append(
            _read_label(record, "majority_label", _SHORT_LABELS, path, line)
        )
    votes = np.array(columns["label_counts"], dtype=np.int64)
    return build_dataset(
        {**columns, "label_counts": votes, "label_dist": votes / votes.sum(axis=1, keepdims=True)},
        make_features(NLI_CLASSES, pair=True, human=True),
    )


def load_snli(
    split: Literal["train", "validation", "test"], data_dir: str | Path | None = None
) -> Dataset:
    """Load one split of SNLI.

    Pairs on which the original annotators found no gold label (`"-"`) are dropped; their number is
    logged. `uid` is the file's `pairID`, or the split and the line where there is none.

    Args:
        split: `"train"`, `"validation"` (the official dev split) or `"test"`.
        data_dir: See `data_directory`.

    Returns:
        A dataset of pairs with labels, without human columns.

    Raises:
        FileNotFoundError: If the directory or the file does not exist.
        ValueError: If `split` is unknown or the file is not as expected.
    """
    if split not in _SNLI_FILES:
        raise ValueError(f"split must be one of {sorted(_SNLI_FILES)}, got {split!r}")
    short = _SNLI_FILES[split]
    path = find_file(data_directory(data_dir), f"snli/snli_1.0_{short}.jsonl")
    columns: dict[str, list[Any]] = {"uid": [], "text": [], "text_pair": [], "label": []}
    dropped = 0
    for line, record in read_json_lines(path):
        premise = get_field(record, "sentence1", str, path, line)
        hypothesis = get_field(record, "sentence2", str, path, line)
        if record.get("gold_label") == _NO_GOLD:
            dropped += 1
            continue
        columns["label"].append(_read_label(record, "gold_label", _LONG_LABELS, path, line))
        columns["uid"].append(record.get("pairID") or f"snli-{short}-{line:06d}")
        columns["text"].append(premise)
        columns["text_pair"].append(hypothesis)
    logger.info("%s: %d pairs, %d without gold label dropped", path, len(columns["uid"]), dropped)
    return build_dataset(columns, make_features(NLI_CLASSES, pair=True, human=False))


def load_snli_with_chaosnli(
    data_dir: str | Path | None = None,
    *,
    validation_items: int = 1500,
    max_train_items: int | None = None,
) -> Splits:
    """Load SNLI for training and ChaosNLI-S for evaluation, sharing no premise between parts.

    Premises are compared by `normalise_premise`. Validation takes whole premises of the dev pairs
    whose premise is not in ChaosNLI (6,047 pairs), in the order of the SHA-256 of the premise,
    passing over a premise that would overshoot. Training is the official train split where its
    file is there. Where it is not, it is the test split and the rest of those dev pairs: 14,371
    pairs with 1,500 for validation, less 3 of the test split whose premise is in validation.

    Args:
        data_dir: See `data_directory`.
        validation_items: How many pairs validation has, exactly.
        max_train_items: At most so many training pairs, first in the same order; None for all.

    Returns:
        The three parts; `description` says what training is.

    Raises:
        FileNotFoundError: If a file that is needed does not exist.
        ValueError: If a file is not as expected, a number is not positive, or whole premises do
            not add up to `validation_items`.
    """
    for name, value in (
        ("validation_items", validation_items),
        ("max_train_items", max_train_items),
    ):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    directory = data_directory(data_dir)
    evaluation = load_chaosnli("snli", directory)
    chaos = set(map(normalise_premise, evaluation["text"]))
    dev = load_snli("validation", directory)
    dev_keys = [normalise_premise(text) for text in dev["text"]]
    free = [row for row, key in enumerate(dev_keys) if key not in chaos]
    chosen = _take_whole_premises([(dev_keys[row], row) for row in free], validation_items)
    validation = dev.select(chosen)
    taken = {dev_keys[row] for row in chosen}

    try:
        find_file(directory, "snli/snli_1.0_train.jsonl")
    except FileNotFoundError:
        logger.warning(
            "%s has no snli/snli_1.0_train.jsonl: training on the SNLI test split and unused dev "
            "pairs instead",
            directory,
        )
        test = load_snli("test", directory)
        sources = [(test, range(len(test))), (dev, free)]
        origin = (
            "the SNLI test split and the SNLI dev pairs whose premise is neither in ChaosNLI nor "
            "in validation, because the official train split is not in the data directory"
        )
    else:
        train = load_snli("train", directory)
        sources = [(train, range(len(train)))]
        origin = "the official SNLI train split"
    train = _collect_training(sources, chaos | taken, max_train_items)
    if max_train_items is not None and len(train) == max_train_items:
        origin += f", cut to {max_train_items:,} pairs by hash order of the premise"
    return Splits(
        train=train,
        validation=validation,
        evaluation=evaluation,
        name="snli",
        description=(
            f"Training: {len(train):,} pairs, {origin}. Validation: {len(validation):,} SNLI dev "
            f"pairs. Evaluation: {len(evaluation):,} items of ChaosNLI-S, SNLI dev pairs with 100 "
            "votes each. No premise is shared between the three."
        ),
    )


def _collect_training(
    sources: Iterable[tuple[Dataset, Iterable[int]]], excluded: set[str], limit: int | None
) -> Dataset:
    """Put training rows together, without the excluded premises and at most `limit` of them."""
    columns: dict[str, list[Any]] = {"uid": [], "text": [], "text_pair": [], "label": []}
    keys: list[str] = []
    for dataset, rows in sources:
        source = {name: list(dataset[name]) for name in columns}
        for row in rows:
            key = normalise_premise(source["text"][row])
            if key not in excluded:
                keys.append(key)
                for name, values in columns.items():
                    values.append(source[name][row])
    if limit is not None and limit < len(keys):
        order = sorted(range(len(keys)), key=lambda row: (_hash(keys[row]), row))
        kept = sorted(order[:limit])
        columns = {name: [values[row] for row in kept] for name, values in columns.items()}
    return build_dataset(columns, make_features(NLI_CLASSES, pair=True, human=False))


def _take_whole_premises(rows: list[tuple[str, int]], wanted: int) -> list[int]:
    """Choose rows by whole premises until there are exactly `wanted`, in file order."""
    groups: dict[str, list[int]] = defaultdict(list)
    for key, row in rows:
        groups[key].append(row)
    chosen: list[int] = []
    for key in sorted(groups, key=_hash):
        if len(chosen) + len(groups[key]) <= wanted:
            chosen.extend(groups[key])
        if len(chosen) == wanted:
            return sorted(chosen)
    raise ValueError(
        f"validation_items={wanted}: whole premises of the {len(rows)} dev pairs outside ChaosNLI "
        f"add up to {len(chosen)} at most; choose fewer"
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _are_votes(counts: list[Any]) -> bool:
    return (
        len(counts) == len(NLI_CLASSES)
        and all(isinstance(count, int) and count >= 0 for count in counts)
        and sum(counts) > 0
    )


def _read_label(
    record: Mapping[str, Any], name: str, known: Mapping[str, int], path: Path, line: int
) -> int:
    value = get_field(record, name, str, path, line)
    if value not in known:
        raise ValueError(
            f"{path}, line {line}: unknown label {value!r} in field '{name}'; known are "
            f"{sorted(known)}"
        )
    return known[value]
