"""What every stage of an experiment starts from: profile, seed, data, store and checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.artifacts import ArtifactStore
from ambiguity_lib.checkpoints import (
    build_scratch_checkpoint,
    checkpoint_identity,
    resolve_source,
)
from ambiguity_lib.devices import resolve_precision
from ambiguity_lib.models import load_config, num_layers
from ambiguity_lib.profiles import Profile, TrainingConfig
from ambiguity_lib.targets import one_hot_targets
from ambiguity_lib.task_data import SplitName, TaskData


@dataclass(frozen=True, eq=False)
class ExperimentalSetup:
    """The inputs of every stage of an experiment.

    Attributes:
        profile: The profile.
        seed: Seed of training.
        data: The splits.
        store: Where results are kept.
        save_seconds: Time between two saves of a training that could be stopped.
        progress: Whether long work shows a bar.
    """

    profile: Profile
    seed: int
    data: TaskData
    store: ArtifactStore
    save_seconds: float
    progress: bool

    def replace(self, **changes: Any) -> ExperimentalSetup:
        """The same setup with other values; a pretrained checkpoint is not looked at again."""
        other = dataclasses.replace(self, **changes)
        if self.profile.model.scratch is None:  # else it depends on seed, data and store
            for name in ("checkpoint", "checkpoint_identity", "num_layers"):
                if name in self.__dict__:
                    other.__dict__[name] = self.__dict__[name]
        return other

    @cached_property
    def checkpoint(self) -> str:
        """Hub id or folder that every model starts from."""
        model = self.profile.model
        if model.scratch is None:
            return resolve_source(model)
        scratch = model.scratch
        train = self.data.labelled("train")
        columns = [name for name in ("text", "text_pair") if name in train.column_names]
        texts = [text for name in columns for text in train[name][:]]
        class_names = self.data.class_names

        def build(directory: Path) -> None:
            build_scratch_checkpoint(scratch, texts, class_names, directory, seed=self.seed)

        spec = {
            "data": self.data.fingerprint("train"),
            "scratch": dataclasses.asdict(scratch),
            "classes": class_names,
            "seed": self.seed,
        }
        return str(self.store.get_or_build("checkpoint", spec, build).path)

    @cached_property
    def checkpoint_identity(self) -> dict[str, str]:
        """What tells the checkpoint from another; part of the keys of models."""
        return checkpoint_identity(self.checkpoint)

    @cached_property
    def num_layers(self) -> int:
        """Layers of the full model."""
        return num_layers(load_config(self.checkpoint))

    @property
    def precision(self) -> str:
        """Precision of models on this machine, ``fp32`` or ``bf16``."""
        return resolve_precision(self.profile.training.precision)

    def training_spec(self, training: TrainingConfig) -> dict[str, Any]:
        """Hyper-parameters as a part of keys, with the precision that they mean here."""
        return dataclasses.asdict(training) | {"precision": self.precision}

    def one_hot(self, split: SplitName = "train") -> NDArray[np.float64]:
        """Gold labels of a split as distributions, shape (N, C)."""
        return one_hot_targets(self.data.labels(split), len(self.data.class_names))

    def stored_array(
        self,
        kind: str,
        spec: dict[str, Any],
        compute: Callable[[], NDArray[np.float64]],
        file: str = "probs.npy",
    ) -> NDArray[np.float64]:
        """An array from the store, computed if the store lacks it; ``file`` is its name there."""

        def build(directory: Path) -> None:
            np.save(directory / file, compute())

        return np.load(self.store.get_or_build(kind, spec, build).path / file)
