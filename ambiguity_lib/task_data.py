"""The data of an experiment: what training may see, and what people said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from ambiguity_lib.data import Splits, class_names, dataset_fingerprint, human_distributions

#: ``train``, ``validation``, ``evaluation`` or the name of another evaluation set.
SplitName = str

#: All that training and selection may see; human columns are dropped before either begins.
LABEL_COLUMNS = ("uid", "text", "text_pair", "label")


@dataclass(frozen=True)
class Gold:
    """What people said about the items of an evaluation set.

    Attributes:
        name: The evaluation set, for tables.
        uids: N names of items.
        human: Distributions, shape (N, C).
        old_labels: Original labels, shape (N,).
        new_labels: Labels of the re-annotation, shape (N,).
        counts: Votes, shape (N, C); None where there are only scores.

    Examples:
        >>> from ambiguity_lib.experiment import Experiment
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> gold = experiment.gold("evaluation")
        >>> gold.name, len(gold.uids), gold.human.shape
        ('synthetic', 30, (30, 3))
    """

    name: str
    uids: tuple[str, ...]
    human: NDArray[np.float64]
    old_labels: NDArray[np.int64]
    new_labels: NDArray[np.int64]
    counts: NDArray[np.int64] | None


class TaskData:
    """Splits in two views: with labels only, and with all that humans said."""

    def __init__(self, splits: Splits) -> None:
        """Wrap the splits."""
        self.splits = splits
        self.class_names = class_names(splits.evaluation)

    @property
    def evaluation_splits(self) -> tuple[SplitName, ...]:
        """All that models are judged on: ``evaluation``, then the names of other sets."""
        return ("evaluation", *self.splits.transfer)

    def whole(self, split: SplitName) -> Dataset:
        """A split with everything that is known of it."""
        return self._parts[split]

    def labelled(self, split: SplitName) -> Dataset:
        """A split without anything that humans said beyond the gold label."""
        return self._labelled[split]

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """Gold labels of a split, shape (N,)."""
        return np.asarray(self.labelled(split)["label"][:])

    def fingerprint(self, split: SplitName) -> str:
        """Hash of a split's labelled view."""
        return self._fingerprints[split]

    def gold(self, split: SplitName = "evaluation") -> Gold:
        """What people said about the items of an evaluation set."""
        dataset = self.whole(split)
        counts = dataset["label_counts"][:] if "label_counts" in dataset.features else None
        return Gold(
            name=self.splits.evaluation_name if split == "evaluation" else split,
            uids=tuple(dataset["uid"][:]),
            human=human_distributions(dataset),
            old_labels=np.asarray(dataset["label"][:]),
            new_labels=np.asarray(dataset["majority_label"][:]),
            counts=None if counts is None else np.asarray(counts),
        )

    @property
    def _parts(self) -> dict[str, Dataset]:
        splits = self.splits
        own = {"train": splits.train, "validation": splits.validation}
        return own | {"evaluation": splits.evaluation} | dict(splits.transfer)

    @cached_property
    def _labelled(self) -> dict[str, Dataset]:
        views = {}
        for name, dataset in self._parts.items():
            kept = [column for column in LABEL_COLUMNS if column in dataset.column_names]
            views[name] = dataset.select_columns(kept)
        return views

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        return {name: dataset_fingerprint(view) for name, view in self._labelled.items()}
