"""Predictions for items by models that were trained on the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ambiguity_lib.baselines import softmax
from ambiguity_lib.data import text_folds
from ambiguity_lib.profiles import TrainingConfig
from ambiguity_lib.training import fine_tune, predict_logits


def cross_fit(
    make_model: Callable[[], PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    items: Dataset,
    targets: NDArray[np.float64],
    folds: int,
    training: TrainingConfig,
    *,
    salt: str = "",
    seed: int = 0,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Distributions over items, each by a model that was trained on the other folds.

    Args:
        make_model: Gives the model that each fold's training starts from.
        tokenizer: Its tokenizer.
        items: Items with ``text`` (and ``text_pair``); those of equal ``text`` share a fold.
        targets: Target distributions, shape (N, C).
        folds: Number of folds.
        training: Hyper-parameters.
        salt: See :func:`~ambiguity_lib.data.text_folds`.
        seed: Seed of the trainings.
        progress: Whether to show bars.

    Returns:
        Array of shape (N, C).

    Raises:
        ValueError: If a fold would be empty.
    """
    fold_of = text_folds(items["text"][:], folds, salt=salt)
    if len(np.unique(fold_of)) < folds:
        raise ValueError(f"{len(items)} items are too few for {folds} folds")
    probs = np.empty_like(targets)
    for fold in range(folds):
        seen, unseen = (np.flatnonzero(part) for part in (fold_of != fold, fold_of == fold))
        model = fine_tune(
            make_model(),
            tokenizer,
            items.select(seen),
            targets[seen],
            training,
            seed=seed,
            progress=progress,
        )
        logits = predict_logits(
            model,
            tokenizer,
            items.select(unseen),
            max_length=training.max_length,
            progress=progress,
        )
        probs[unseen] = softmax(logits)
    return probs
