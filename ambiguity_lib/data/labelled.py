"""Splits as training may see them: texts and labels, nothing else that people said."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from ambiguity_lib.data.schema import Splits, class_names, dataset_fingerprint

#: ``train``, ``validation``, ``evaluation`` or the name of another evaluation set.
SplitName = str

#: All that training and selection may see; human columns are dropped before either begins.
LABEL_COLUMNS = ("uid", "text", "text_pair", "label")


class LabelledSplits:
    """Splits in two views: with labels only, and with all that humans said.

    Attributes:
        splits: The splits, whole.
        class_names: Names in the order of every distribution's columns.
        evaluation_splits: All that models are judged on: ``evaluation``, then other sets.
    """

    def __init__(self, splits: Splits) -> None:
        self.splits = splits
        self.class_names = class_names(splits.evaluation)
        self.evaluation_splits: tuple[SplitName, ...] = ("evaluation", *splits.transfer)

    def whole(self, split: SplitName) -> Dataset:
        """A split with everything that is known of it."""
        if split in ("train", "validation", "evaluation"):
            whole: Dataset = getattr(self.splits, split)
            return whole
        return self.splits.transfer[split]

    def items(self, split: SplitName) -> Dataset:
        """A split without anything that humans said beyond the gold label."""
        return self._labelled[split]

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """Gold labels of a split, shape (N,)."""
        return np.asarray(self.items(split)["label"][:])

    def fingerprint(self, split: SplitName) -> str:
        """Hash of a split's labelled view."""
        return self._fingerprints[split]

    @cached_property
    def _labelled(self) -> dict[str, Dataset]:
        views = {}
        for name in ("train", "validation", *self.evaluation_splits):
            whole = self.whole(name)
            kept = [column for column in LABEL_COLUMNS if column in whole.column_names]
            views[name] = whole.select_columns(kept)
        return views

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        return {name: dataset_fingerprint(view) for name, view in self._labelled.items()}
