"""Loaders for SNLI and MNLI as they were released: sentence pairs with one gold label each.

They read these files (each with or without a final `.gz`) from the directory given as `data_dir` or
in the environment variable `AMBIGUITY_DATA_DIR`; with neither, they have them downloaded:

    snli/snli_1.0_{train,dev,test}.jsonl                         SNLI 1.0 (Bowman et al., 2015)
    mnli/multinli_1.0_{train,dev_matched,dev_mismatched}.jsonl   MNLI 1.0 (Williams et al., 2018)

Where a named directory lacks a training split, a part of it is taken, from any of its folders:
`snli_1.0_train.part.jsonl`, `multinli_1.0_train.part.jsonl`.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset, concatenate_datasets

from ambiguity_lib.data.folds import normalise_premise
from ambiguity_lib.data.lines import get_field, read_json_lines
from ambiguity_lib.data.schema import NLI_CLASSES, Splits, build_dataset, make_features
from ambiguity_lib.data.sources import DATA_SETS, data_directory, find_file, find_part

logger = logging.getLogger(__name__)

_GOLD_LABELS = {name: index for index, name in enumerate(NLI_CLASSES)}
_NO_GOLD = "-"


def load_snli(
    split: Literal["train", "validation", "test"], data_dir: str | Path | None = None
) -> Dataset:
    """Load one split of SNLI.

    Pairs on which the original annotators found no gold label (`"-"`) are dropped; their number is
    logged. `uid` is the file's `pairID`, or the split and the line where there is none, as in
    files that come from the Hugging Face hub.
    """
    return _load_pairs("snli", split, data_dir)


def load_mnli(
    split: Literal["train", "validation_matched", "validation_mismatched"],
    data_dir: str | Path | None = None,
) -> Dataset:
    """Load one split of MNLI, as `load_snli` does with SNLI."""
    return _load_pairs("mnli", split, data_dir)


def read_label(
    record: Mapping[str, Any], name: str, known: Mapping[str, int], path: Path, line: int
) -> int:
    """Read a label of a JSON record as its class index."""
    value = get_field(record, name, str, path, line)
    if value not in known:
        raise ValueError(
            f"{path}, line {line}: unknown label {value!r} in field '{name}'; known are "
            f"{sorted(known)}"
        )
    return known[value]


def _load_pairs(name: str, split: str, data_dir: str | Path | None) -> Dataset:
    """Load the pairs of a split that have a gold label."""
    files = {file.split: file.path for file in DATA_SETS[name].files if file.split is not None}
    if split not in files:
        raise ValueError(f"split must be one of {sorted(files)}, got {split!r}")
    path = _find_pairs(data_directory(data_dir), files[split])
    # such as snli-dev, of snli/snli_1.0_dev.jsonl
    prefix = f"{name}-{path.name.split('.jsonl')[0].split('_', maxsplit=2)[2]}"
    columns: dict[str, list[Any]] = {"uid": [], "text": [], "text_pair": [], "label": []}
    dropped = 0
    for line, record in read_json_lines(path):
        premise = get_field(record, "sentence1", str, path, line)
        hypothesis = get_field(record, "sentence2", str, path, line)
        if record.get("gold_label") == _NO_GOLD:
            dropped += 1
            continue
        columns["label"].append(read_label(record, "gold_label", _GOLD_LABELS, path, line))
        columns["uid"].append(record.get("pairID") or f"{prefix}-{line:06d}")
        columns["text"].append(premise)
        columns["text_pair"].append(hypothesis)
    logger.info("%s: %d pairs, %d without gold label dropped", path, len(columns["uid"]), dropped)
    return build_dataset(columns, make_features(NLI_CLASSES, pair=True, human=False))


def _find_pairs(directory: Path, relative: str) -> Path:
    """The file of a split, or a part of it where the whole is not there."""
    part = find_part(directory, relative)
    try:
        path = find_file(directory, relative)
    except FileNotFoundError:
        if part is None:
            raise
        return part
    if part is not None:
        logger.info("%s is whole, so that %s is not read", path, part)
    return path


_LABELS = {"e": 0, "n": 1, "c": 2}
#: Of each corpus: its part of ChaosNLI, the dev split which that is from, and what texts call that.
_PARTS: dict[str, tuple[Literal["snli", "mnli_m"], str, str]] = {
    "snli": ("snli", "validation", "SNLI dev pairs"),
    "mnli": ("mnli_m", "validation_matched", "MNLI dev pairs (matched)"),
}


def load_chaosnli(subset: Literal["snli", "mnli_m"], data_dir: str | Path | None = None) -> Dataset:
    """Load the re-annotated items of one part of ChaosNLI.

    `label` is the original label, `majority_label` the file's field of that name (not an argmax:
    ties differ), `label_counts` the 100 votes and `label_dist` the votes divided by their number.
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
        columns["label"].append(read_label(record, "old_label", _LABELS, path, line))
        columns["label_counts"].append(counts)
        columns["majority_label"].append(read_label(record, "majority_label", _LABELS, path, line))
    votes = np.array(columns["label_counts"], dtype=np.int64)
    return build_dataset(
        {**columns, "label_counts": votes, "label_dist": votes / votes.sum(axis=1, keepdims=True)},
        make_features(NLI_CLASSES, pair=True, human=True),
    )


def load_snli_with_chaosnli(
    data_dir: str | Path | None = None,
    *,
    validation_items: int = 1500,
    max_train_items: int | None = None,
) -> Splits:
    """Load SNLI for training and ChaosNLI-S for evaluation, sharing no premise between parts.

    Premises are compared by `normalise_premise`. Validation takes whole premises of the dev pairs
    whose premise is not in ChaosNLI (6,047 pairs), in the order of the SHA-256 of the premise,
    passing over a premise that would overshoot. Training is the official train split. Where a
    directory is named that lacks its file, it is the test split and the rest of those dev pairs:
    14,371 pairs with 1,500 for validation, less 3 of the test split whose premise is in validation.
    """
    return _load_with_chaosnli("snli", data_dir, validation_items, max_train_items, ("snli",))


def load_mnli_with_chaosnli(
    data_dir: str | Path | None = None,
    *,
    validation_items: int = 1500,
    max_train_items: int | None = None,
    train_on: Sequence[Literal["snli", "mnli"]] = ("mnli",),
) -> Splits:
    """Load MNLI, SNLI or both for training and ChaosNLI-M for evaluation, sharing no premise.

    As `load_snli_with_chaosnli`, with validation from the matched dev split, or, where a directory
    is named that lacks it, the mismatched one; nothing takes the place of the train split or a
    part of it. Models that see SNLI may be judged on ChaosNLI-S, too, whose premises are left out.
    """
    return _load_with_chaosnli("mnli", data_dir, validation_items, max_train_items, train_on)


def _load_with_chaosnli(
    name: Literal["snli", "mnli"],
    data_dir: str | Path | None,
    validation_items: int,
    max_train_items: int | None,
    train_on: Sequence[Literal["snli", "mnli"]],
) -> Splits:
    for key, value in (
        ("validation_items", validation_items),
        ("max_train_items", max_train_items),
    ):
        if value is not None and value < 1:
            raise ValueError(f"{key} must be at least 1, got {value}")
    directory = data_directory(data_dir)
    subset, dev_split, dev_pairs = _PARTS[name]
    evaluation = load_chaosnli(subset, directory)
    try:
        dev = _load_pairs(name, dev_split, directory)
    except FileNotFoundError:
        if name == "snli":
            raise
        dev_pairs = "MNLI dev pairs (mismatched)"
        dev = load_mnli("validation_mismatched", directory)
    validation, free, excluded = _hold_out(evaluation, dev, validation_items)
    if name == "mnli" and "snli" in train_on:
        excluded |= set(map(normalise_premise, load_chaosnli("snli", directory)["text"]))
    try:
        sources = [_load_pairs(one, "train", directory) for one in train_on]
        both = zip(train_on, sources, strict=True)
        origin = " and ".join(_describe_training(one, len(pairs)) for one, pairs in both)
    except FileNotFoundError:
        if name != "snli":
            raise
        logger.warning(
            "%s has no snli/snli_1.0_train.jsonl: training on the SNLI test split and unused dev "
            "pairs instead",
            directory,
        )
        sources = [load_snli("test", directory), free]
        origin = (
            "the SNLI test split and the SNLI dev pairs whose premise is neither in ChaosNLI nor "
            "in validation, because the official train split is not in the data directory"
        )
    train, cut = _collect_training(sources, excluded, max_train_items)
    return Splits(
        train=train,
        validation=validation,
        evaluation=evaluation,
        name=name,
        description=(
            f"Training: {len(train):,} pairs, {origin}{cut}. Validation: {len(validation):,} "
            f"{dev_pairs}. Evaluation: {len(evaluation):,} items of ChaosNLI-{name[0].upper()}, "
            f"{_PARTS[name][2]} with 100 votes each. No premise is shared between the three."
        ),
    )


def _describe_training(name: str, pairs: int) -> str:
    total = next(file.pairs for file in DATA_SETS[name].files if file.split == "train")
    part = f"a part ({pairs:,} of {total:,} pairs) of " if total and pairs < total else ""
    return f"{part}the official {name.upper()} train split"


def _hold_out(evaluation: Dataset, dev: Dataset, wanted: int) -> tuple[Dataset, Dataset, set[str]]:
    """Choose validation: whole premises, until there are exactly as many pairs as wanted.

    Returns:
        Validation, all that it was chosen from, and the premises that training must not have.
    """
    excluded = set(map(normalise_premise, evaluation["text"]))
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(dev["text"]):
        if (key := normalise_premise(text)) not in excluded:
            groups[key].append(row)
    free = sorted(row for rows in groups.values() for row in rows)
    chosen: list[int] = []
    for key in sorted(groups, key=_hash):
        if len(chosen) + len(groups[key]) <= wanted:
            chosen.extend(groups[key])
            excluded.add(key)
        if len(chosen) == wanted:
            return dev.select(sorted(chosen)), dev.select(free), excluded
    raise ValueError(
        f"validation_items={wanted}: whole premises of the {len(free)} dev pairs outside ChaosNLI "
        f"add up to {len(chosen)} at most; choose fewer"
    )


def _collect_training(
    sources: list[Dataset], excluded: set[str], limit: int | None
) -> tuple[Dataset, str]:
    """Put pairs together, without the excluded premises and at most `limit` of them."""
    whole = concatenate_datasets(sources)
    keys = [normalise_premise(text) for text in whole["text"]]
    kept = [row for row, key in enumerate(keys) if key not in excluded]
    cut = ""
    if limit is not None and limit < len(kept):
        kept = sorted(sorted(kept, key=lambda row: (_hash(keys[row]), row))[:limit])
        cut = f", cut to {limit:,} pairs by hash order of the premise"
    return whole.select(kept), cut


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _are_votes(counts: list[Any]) -> bool:
    return (
        len(counts) == len(NLI_CLASSES)
        and all(isinstance(count, int) and count >= 0 for count in counts)
        and sum(counts) > 0
    )
