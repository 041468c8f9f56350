"""The train, validation and evaluation data of a profile."""

from __future__ import annotations

import dataclasses
from typing import Literal

from datasets import Dataset

from ambiguity_lib.data.emotion import load_affective_text_splits
from ambiguity_lib.data.headlines import HeadlinesConfig, generate_headlines
from ambiguity_lib.data.nli import (
    load_chaosnli,
    load_mnli_with_chaosnli,
    load_snli_with_chaosnli,
)
from ambiguity_lib.data.schema import Splits
from ambiguity_lib.data.synthetic import SyntheticConfig, generate_synthetic
from ambiguity_lib.profiles import DataConfig

_EVALUATION_NAMES = {
    "synthetic": "synthetic",
    "headlines": "headlines",
    "snli": "ChaosSNLI",
    "mnli": "ChaosMNLI",
    "affective_text": "Affective Text",
}


def load_splits(config: DataConfig, fold: int = 0) -> Splits:
    """The train, validation and evaluation data that a profile names.

    Args:
        config: The profile's part about data.
        fold: Which of its ways to split them, from 0.

    Returns:
        The three parts, and what else models are judged on.

    Raises:
        FileNotFoundError: If real data is asked for and is not there.
        ValueError: If there is no such fold, or the profile leaves the data to its caller.

    Examples:
        >>> from ambiguity_lib.data import load_splits
        >>> from ambiguity_lib.profiles import load_profile
        >>> splits = load_splits(load_profile("tiny.yml").data)
        >>> len(splits.train), "label_dist" in splits.evaluation.column_names
        (60, True)
    """
    if config.dataset == "own":
        raise ValueError("the dataset 'own' is brought along by the caller: there is none to load")
    if not 0 <= fold < config.folds:
        raise ValueError(f"fold must be from 0 to {config.folds - 1}; got {fold}")
    splits = _load(config, fold)
    transfer = {"Chaos" + name.upper(): _load_chaosnli(name) for name in config.transfer}
    return dataclasses.replace(
        splits,
        evaluation=_first(splits.evaluation, config.evaluation_items),
        evaluation_name=_EVALUATION_NAMES[config.dataset],
        transfer={name: _first(data, config.evaluation_items) for name, data in transfer.items()},
    )


def _load(config: DataConfig, fold: int) -> Splits:
    train, validation = config.train_items, config.validation_items
    if config.dataset == "affective_text":
        return load_affective_text_splits(fold=fold)
    assert validation is not None  # DataConfig has seen to that, for these datasets
    if config.dataset == "snli":
        return load_snli_with_chaosnli(validation_items=validation, max_train_items=train)
    if config.dataset == "mnli":
        return load_mnli_with_chaosnli(validation_items=validation, max_train_items=train)
    evaluation = config.evaluation_items
    assert train is not None and evaluation is not None
    if config.dataset == "headlines":
        return generate_headlines(HeadlinesConfig(train, validation, evaluation, config.seed))
    return generate_synthetic(
        SyntheticConfig(
            train_items=train,
            validation_items=validation,
            evaluation_items=evaluation,
            seed=config.seed,
        )
    )


def _load_chaosnli(name: Literal["snli", "mnli"]) -> Dataset:
    return load_chaosnli("snli" if name == "snli" else "mnli_m")


def _first(dataset: Dataset, items: int | None) -> Dataset:
    return dataset if items is None else dataset.select(range(min(items, len(dataset))))
