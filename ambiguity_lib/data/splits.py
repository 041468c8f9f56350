"""The train, validation and evaluation data of a profile."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from datasets import Dataset
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass as settings

from ambiguity_lib.data.emotion import load_affective_text_splits
from ambiguity_lib.data.nli import load_chaosnli, load_mnli_with_chaosnli, load_snli_with_chaosnli
from ambiguity_lib.data.schema import Splits
from ambiguity_lib.data.world.headlines import HeadlinesConfig, generate_headlines
from ambiguity_lib.data.world.synthetic import SyntheticConfig, generate_synthetic


@settings(frozen=True, config={"extra": "forbid"})
class DataConfig:
    """Which items; None means all that the source has.

    ``folds`` are ways to split a small dataset, each with models of its own; ``transfer`` names
    further parts of ChaosNLI, on which the same models are judged. ``dataset="own"`` means that the
    caller brings the data along: ``Experiment(profile, seed, splits=...)``. ``train_on`` names the
    sources of the training items, where they are others than the dataset's own: for ``mnli`` also
    ``snli``, for ``affective_text`` also ``good_news_everyone`` and ``goemotions``.
    """

    dataset: Literal["synthetic", "snli", "mnli", "affective_text", "headlines", "own"]
    train_items: PositiveInt | None
    validation_items: PositiveInt | None
    evaluation_items: PositiveInt | None
    seed: int = 0
    folds: PositiveInt = 1
    transfer: tuple[Literal["snli", "mnli"], ...] = ()
    train_on: tuple[
        Literal["snli", "mnli", "affective_text", "good_news_everyone", "goemotions"], ...
    ] = ()

    def __post_init__(self) -> None:
        """Check what the dataset asks of the other fields."""
        name, sizes = self.dataset, ("train_items", "validation_items", "evaluation_items")
        generated, nli = name in ("synthetic", "headlines"), name in ("snli", "mnli")
        fixed = name == "affective_text"
        needed = sizes if generated else ("validation_items",) if nli else ()
        rules = [
            *((key, getattr(self, key) is not None, f"a number for {name}") for key in needed),
            *(
                (key, not fixed or getattr(self, key) is None, f"null for {name}: fixed splits")
                for key in sizes[:2]
            ),
            ("seed", generated or self.seed == 0, f"0 for {name}, whose splits are fixed"),
            (
                "transfer",
                not self.transfer or (nli and name not in self.transfer),
                "empty for other data than snli or mnli, and not name the dataset itself",
            ),
            (
                "train_on",
                set(self.train_on) <= set(_TRAINING_SETS.get(name, ())),
                f"among {', '.join(_TRAINING_SETS.get(name, ('none',)))} for {name}",
            ),
            ("folds", self.folds <= (5 if fixed else 1), f"at most {5 if fixed else 1} for {name}"),
        ]
        for key, holds, rule in rules:
            if not holds:
                raise ValueError(f"{key} must be {rule}, got {getattr(self, key)!r}")


# dataset → what its models may be trained on
_TRAINING_SETS = {
    "snli": ("snli",),
    "mnli": ("mnli", "snli"),
    "affective_text": ("affective_text", "good_news_everyone", "goemotions"),
}
_EVALUATION_NAMES = {
    "synthetic": "synthetic",
    "headlines": "headlines",
    "snli": "ChaosSNLI",
    "mnli": "ChaosMNLI",
    "affective_text": "Affective Text",
}


def load_splits(config: DataConfig, fold: int = 0) -> Splits:
    """The train, validation and evaluation data that a profile names."""
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
        emotion: Any = config.train_on or ("affective_text",)
        return load_affective_text_splits(fold=fold, train_on=emotion)
    assert validation is not None  # DataConfig has seen to that, for these datasets
    if config.dataset == "snli":
        return load_snli_with_chaosnli(validation_items=validation, max_train_items=train)
    if config.dataset == "mnli":
        nli: Any = config.train_on or ("mnli",)
        return load_mnli_with_chaosnli(
            validation_items=validation, max_train_items=train, train_on=nli
        )
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
