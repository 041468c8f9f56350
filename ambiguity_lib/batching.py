"""Texts to padded batches: tokenised once, sorted by length, padded to each batch's longest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from tqdm.auto import tqdm
from transformers import BatchEncoding, PreTrainedTokenizerBase

Encoded = list[dict[str, list[int]]]


def encode(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """Tokenise ``text`` (and ``text_pair``), truncated to ``max_length`` tokens, unpadded.

    Returns:
        One dict of token lists an item, in the dataset's order.

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.
    """
    if "text" not in dataset.column_names:
        raise ValueError(f"the dataset has no column 'text'; it has {dataset.column_names}")
    if len(dataset) == 0:
        raise ValueError("the dataset is empty: nothing to tokenise")
    pair = dataset["text_pair"][:] if "text_pair" in dataset.column_names else None
    columns = tokenizer(dataset["text"][:], pair, truncation=True, max_length=max_length)
    names = list(columns.keys())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def sorted_batches(
    encoded: Encoded,
    tokenizer: PreTrainedTokenizerBase,
    batch_size: int,
    device: torch.device,
    *,
    description: str,
    progress: bool = True,
) -> Iterator[tuple[NDArray[np.intp], BatchEncoding]]:
    """Yield ``(row indices, padded batch)``, longest items first, so that little is padding.

    The longest come first because a batch that does not fit in memory then fails at once.
    """
    lengths = np.array([len(item["input_ids"]) for item in encoded])
    order = np.argsort(-lengths, kind="stable")
    starts = range(0, len(order), batch_size)
    for start in tqdm(starts, desc=description, leave=False, disable=not progress or None):
        rows = order[start : start + batch_size]
        batch = tokenizer.pad([encoded[row] for row in rows], return_tensors="pt")
        yield rows, batch.to(device)
