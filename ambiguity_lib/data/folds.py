"""Folds of a dataset in which equal texts stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.data.nli import normalise_premise


def text_folds(texts: Sequence[str], folds: int, *, salt: str = "") -> NDArray[np.intp]:
    """A fold for every item, the same for equal texts and in any process, by their hash.

    Args:
        texts: N texts; case, spaces and punctuation do not count.
        folds: How many folds there are.
        salt: Another one deals anew, as folds within a fold need: with the same one, all of a
            fold's texts would be in one fold again.

    Returns:
        Shape (N,), from 0 to ``folds`` - 1.
    """
    keys = [normalise_premise(text) or text for text in texts]  # nothing is left of ":-)"
    digests = [hashlib.sha256((salt + key).encode()).digest() for key in keys]
    return np.array([int.from_bytes(digest[:8], "big") % folds for digest in digests])
