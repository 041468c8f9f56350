"""Folds of a dataset in which equal texts stay together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray


def normalise_premise(text: str) -> str:
    """Reduce a premise to what identifies it: lower case, no spaces, no punctuation.

    Args:
        text: The premise.

    Returns:
        Letters and digits of the text, in lower case.

    Examples:
        >>> from ambiguity_lib.data import normalise_premise
        >>> normalise_premise("Two dogs, running.")
        'twodogsrunning'
    """
    return re.sub(r"[\W_]+", "", text.lower())


def text_folds(texts: Sequence[str], folds: int, *, salt: str = "") -> NDArray[np.intp]:
    """A fold for every item, the same for equal texts and in any process, by their hash."""
    keys = [normalise_premise(text) or text for text in texts]  # nothing is left of ":-)"
    digests = [hashlib.sha256((salt + key).encode()).digest() for key in keys]
    return np.array([int.from_bytes(digest[:8], "big") % folds for digest in digests])


def hold_out(dataset: Dataset, folds: int = 10) -> tuple[Dataset, Dataset]:
    """Hold out about one item in ``folds``, for validation; equal texts stay together.

    An item's part depends on its text alone, whatever else the dataset holds.

    Args:
        dataset: Items with ``text``.
        folds: One in so many is held out.

    Returns:
        What is left, and what is held out, each in the order of the dataset.

    Raises:
        ValueError: If the one or the other would be empty.

    Examples:
        >>> from ambiguity_lib.data import hold_out
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> train, validation = hold_out(reviews, folds=5)
        >>> len(train), len(validation)
        (16, 4)
    """
    fold = text_folds(dataset["text"][:], folds, salt="validation")
    held_out, left = np.flatnonzero(fold == 0), np.flatnonzero(fold != 0)
    if not len(held_out) or not len(left):
        raise ValueError(
            f"{len(dataset)} items are too few to hold out one in {folds}: give validation items"
        )
    return dataset.select(left), dataset.select(held_out)
