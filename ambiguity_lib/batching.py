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

    Args:
        dataset: Items with ``text`` (and ``text_pair``).
        tokenizer: The model's tokenizer.
        max_length: Most tokens of an item, special ones included.

    Returns:
        One dict of token lists an item, in the dataset's order.

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.

    Examples:
        >>> from ambiguity_lib.batching import encode
        >>> from ambiguity_lib.data import read_dataset
        >>> from ambiguity_lib.models import load_tokenizer
        >>> tokenizer = load_tokenizer("tiny")
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> encoded = encode(reviews, tokenizer, max_length=16)
        >>> tokenizer.convert_ids_to_tokens(encoded[0]["input_ids"])
        ['[CLS]', 'great', 'film', '[SEP]']
    """
    texts = [dataset[name][:] for name in _text_columns(dataset)]
    columns = tokenizer(*texts, truncation=True, max_length=max_length)
    names = list(columns.keys())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def token_counts(dataset: Dataset, tokenizer: PreTrainedTokenizerBase) -> NDArray[np.int64]:
    """Tokens of every item before anything is cut, special tokens included; shape (N,).

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.
    """
    texts = [dataset[name][:] for name in _text_columns(dataset)]
    lengths = tokenizer(
        *texts,
        return_length=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,  # it warns of texts that are too long: they are counted here
    )["length"]
    return np.asarray(lengths, dtype=np.int64)


def _text_columns(dataset: Dataset) -> list[str]:
    if "text" not in dataset.column_names:
        raise ValueError(f"the dataset has no column 'text'; it has {dataset.column_names}")
    if len(dataset) == 0:
        raise ValueError("the dataset is empty: nothing to tokenise")
    return [name for name in ("text", "text_pair") if name in dataset.column_names]


def sorted_batches(
    dataset: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    batch_size: int,
    device: torch.device,
    *,
    description: str,
    progress: bool = True,
) -> Iterator[tuple[NDArray[np.intp], BatchEncoding]]:
    """Yield ``(row indices, padded batch)``, longest texts first, so that little is padding.

    Length is counted in characters, so that every text is tokenised once and only when its batch
    comes: memory does not grow with tokens. The longest come first because a batch that does not
    fit in memory then fails at once.

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.
    """
    columns = _text_columns(dataset)
    texts = dataset.select_columns(columns)
    lengths = np.concatenate(
        [
            np.sum([[len(text) for text in chunk[name]] for name in columns], axis=0)
            for chunk in texts.iter(batch_size=10_000)
        ]
    )
    order = np.argsort(-lengths, kind="stable")
    starts = range(0, len(order), batch_size)
    for start in tqdm(starts, desc=description, leave=False, disable=not progress or None):
        rows = order[start : start + batch_size]
        items = texts[rows]
        batch = tokenizer(
            *(items[name] for name in columns),
            truncation=True,
            max_length=max_length,
            padding=True,
            return_tensors="pt",
        )
        yield rows, batch.to(device)
