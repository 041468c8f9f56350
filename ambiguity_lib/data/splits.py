"""The train, validation and evaluation data of a profile."""

from __future__ import annotations

import dataclasses

from ambiguity_lib.data.nli import load_snli_with_chaosnli
from ambiguity_lib.data.schema import Splits
from ambiguity_lib.data.synthetic import SyntheticConfig, generate_synthetic
from ambiguity_lib.profiles import DataConfig


def load_splits(config: DataConfig) -> Splits:
    """The train, validation and evaluation data that a profile names.

    Raises:
        FileNotFoundError: If real data is asked for and is not there.
    """
    if config.dataset == "synthetic":
        # DataConfig has seen to it that the synthetic world's sizes are numbers
        assert config.train_items is not None and config.evaluation_items is not None
        return generate_synthetic(
            SyntheticConfig(
                train_items=config.train_items,
                validation_items=config.validation_items,
                evaluation_items=config.evaluation_items,
                seed=config.seed,
            )
        )
    splits = load_snli_with_chaosnli(
        validation_items=config.validation_items, max_train_items=config.train_items
    )
    if config.evaluation_items is None:
        return splits
    first = splits.evaluation.select(range(min(config.evaluation_items, len(splits.evaluation))))
    return dataclasses.replace(splits, evaluation=first)
