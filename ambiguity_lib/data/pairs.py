"""Loaders for SNLI and MNLI as they were released: sentence pairs with one gold label each.

They read these files (each with or without a final `.gz`) from the directory given as `data_dir` or
in the environment variable `AMBIGUITY_DATA_DIR`; with neither, they have them downloaded:

    snli/snli_1.0_{train,dev,test}.jsonl                         SNLI 1.0 (Bowman et al., 2015)
    mnli/multinli_1.0_{train,dev_matched,dev_mismatched}.jsonl   MNLI 1.0 (Williams et al., 2018)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from ambiguity_lib.data.reading import data_directory, find_file, get_field, read_json_lines
from ambiguity_lib.data.schema import NLI_CLASSES, build_dataset, make_features

logger = logging.getLogger(__name__)

_LABELS = {name: index for index, name in enumerate(NLI_CLASSES)}
_NO_GOLD = "-"
_SNLI_FILES = {"train": "train", "validation": "dev", "test": "test"}
_MNLI_FILES = {
    "train": "train",
    "validation_matched": "dev_matched",
    "validation_mismatched": "dev_mismatched",
}


def load_snli(
    split: Literal["train", "validation", "test"], data_dir: str | Path | None = None
) -> Dataset:
    """Load one split of SNLI.

    Pairs on which the original annotators found no gold label (`"-"`) are dropped; their number is
    logged. `uid` is the file's `pairID`, or the split and the line where there is none, as in
    files that come from the Hugging Face hub.

    Args:
        split: `"train"`, `"validation"` (the official dev split) or `"test"`.
        data_dir: See `data_directory`.

    Returns:
        A dataset of pairs with labels, without human columns.

    Raises:
        FileNotFoundError: If a directory is named, and it or the file does not exist.
        DownloadError: If none is named and the download fails.
        ValueError: If `split` is unknown or the file is not as expected.

    Examples:
        >>> from ambiguity_lib.data import load_snli
        >>> pairs = load_snli("validation", "data")
        >>> pairs[0]
        {'uid': '0.jpg#0', 'text': 'A man sleeps.', 'text_pair': 'Somebody is
        alone.', 'label': 1}
        >>> load_snli("test", "data")
        Traceback (most recent call last):
            ...
        FileNotFoundError: data/snli/snli_1.0_test.jsonl does not exist, nor with
        .gz; put the file there, or point AMBIGUITY_DATA_DIR (or data_dir) at the
        folder that has it, or set neither to have it downloaded
    """
    return _load_pairs("snli/snli_1.0", _SNLI_FILES, split, data_dir)


def load_mnli(
    split: Literal["train", "validation_matched", "validation_mismatched"],
    data_dir: str | Path | None = None,
) -> Dataset:
    """Load one split of MNLI, as `load_snli` does with SNLI.

    Args:
        split: `"train"`, `"validation_matched"` (the official dev split in the genres of train)
            or `"validation_mismatched"` (in other genres).
        data_dir: See `data_directory`.

    Returns:
        A dataset of pairs with labels, without human columns.

    Raises:
        FileNotFoundError: If a directory is named, and it or the file does not exist.
        DownloadError: If none is named and the download fails.
        ValueError: If `split` is unknown or the file is not as expected.

    Examples:
        >>> from ambiguity_lib.data import load_mnli
        >>> pairs = load_mnli("validation_matched", "data")
        >>> pairs["text"][0], pairs.features["label"].int2str(pairs["label"][0])
        ('A man sleeps.', 'neutral')
    """
    return _load_pairs("mnli/multinli_1.0", _MNLI_FILES, split, data_dir)


def read_label(
    record: Mapping[str, Any], name: str, known: Mapping[str, int], path: Path, line: int
) -> int:
    """Read a label of a JSON record as its class index.

    Args:
        record: The record.
        name: The field.
        known: The labels that may stand there, with their class indices.
        path: The file, for the message.
        line: The line, for the message.

    Returns:
        The class index.

    Raises:
        ValueError: If the field is missing or holds something else.
    """
    value = get_field(record, name, str, path, line)
    if value not in known:
        raise ValueError(
            f"{path}, line {line}: unknown label {value!r} in field '{name}'; known are "
            f"{sorted(known)}"
        )
    return known[value]


def _load_pairs(
    stem: str, files: Mapping[str, str], split: str, data_dir: str | Path | None
) -> Dataset:
    """Load the pairs of `{stem}_{files[split]}.jsonl` that have a gold label."""
    if split not in files:
        raise ValueError(f"split must be one of {sorted(files)}, got {split!r}")
    path = find_file(data_directory(data_dir), f"{stem}_{files[split]}.jsonl")
    prefix = f"{Path(stem).parent.name}-{files[split]}"
    columns: dict[str, list[Any]] = {"uid": [], "text": [], "text_pair": [], "label": []}
    dropped = 0
    for line, record in read_json_lines(path):
        premise = get_field(record, "sentence1", str, path, line)
        hypothesis = get_field(record, "sentence2", str, path, line)
        if record.get("gold_label") == _NO_GOLD:
            dropped += 1
            continue
        columns["label"].append(read_label(record, "gold_label", _LABELS, path, line))
        columns["uid"].append(record.get("pairID") or f"{prefix}-{line:06d}")
        columns["text"].append(premise)
        columns["text_pair"].append(hypothesis)
    logger.info("%s: %d pairs, %d without gold label dropped", path, len(columns["uid"]), dropped)
    return build_dataset(columns, make_features(NLI_CLASSES, pair=True, human=False))
