"""What each layer of a teacher knows: its features, probes, and the layers chosen by them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.artifacts import Artifact
from ambiguity_lib.classifiers import Classifier
from ambiguity_lib.experimental_setup import ExperimentalSetup
from ambiguity_lib.features import extract_features
from ambiguity_lib.models import load_tokenizer
from ambiguity_lib.probing import LayerProbes, fit_probes
from ambiguity_lib.pruning import LayerChoice, choose_layers
from ambiguity_lib.task_data import SplitName


class LayerAnalysis:
    """Layers 0 … L of one teacher, each stage computed once and kept in the store."""

    def __init__(self, setup: ExperimentalSetup, teacher: Classifier) -> None:
        """Set up; nothing is computed until it is asked for."""
        self._setup = setup
        self._teacher = teacher

    def features(self, split: SplitName) -> NDArray[np.float16]:
        """Pooled hidden states of all layers over a split, shape (L + 1, N, d)."""
        setup, probing = self._setup, self._setup.profile.probing

        def build(directory: Path) -> None:
            extract_features(
                self._teacher.load(),
                load_tokenizer(self._teacher.path),
                setup.data.labelled(split),
                max_length=setup.profile.training.max_length,
                pooling=probing.pooling,
                batch_size=probing.batch_size,
                precision=setup.precision,
                path=directory / "features.npy",
                progress=setup.progress,
            )

        artifact = setup.store.get_or_build("features", self._feature_spec(split), build)
        return np.load(artifact.path / "features.npy", mmap_mode="r")

    def _feature_spec(self, split: SplitName) -> dict[str, Any]:
        profile = self._setup.profile
        return {
            "model": self._teacher.key,
            "data": self._setup.data.fingerprint(split),
            "pooling": profile.probing.pooling,
            "max_length": profile.training.max_length,
            "precision": self._setup.precision,
        }

    @cached_property
    def _probes(self) -> Artifact:
        data, l2 = self._setup.data, self._setup.profile.probing.l2

        def build(directory: Path) -> None:
            features, labels = self.features("train"), data.labels("train")
            probes = fit_probes(features, labels, len(data.class_names), l2=l2)
            probes.save(directory / "probes.npz")

        spec = {"features": self._feature_spec("train"), "l2": l2, "classes": data.class_names}
        return self._setup.store.get_or_build("probes", spec, build)

    @property
    def probes_key(self) -> str:
        """Key of the probes, a part of the keys of what is made with them."""
        return self._probes.key

    @cached_property
    def probes(self) -> LayerProbes:
        """One softmax probe per layer, fitted on features and gold labels of ``train``."""
        return LayerProbes.load(self._probes.path / "probes.npz")

    def probe_probs(self, split: SplitName) -> NDArray[np.float64]:
        """Distributions of every layer's probe over a split, shape (L + 1, N, C)."""
        spec = {"probes": self.probes_key, "data": self._setup.data.fingerprint(split)}
        return self._setup.stored_array(
            "probe-probs", spec, lambda: self.probes.predict(self.features(split))
        )

    def probe_accuracy(self, split: SplitName) -> NDArray[np.float64]:
        """Accuracy of every layer's probe against gold labels, shape (L + 1,)."""
        predicted = self.probe_probs(split).argmax(axis=-1)
        return (predicted == self._setup.data.labels(split)).mean(axis=-1)

    @cached_property
    def choice(self) -> LayerChoice:
        """Depth and source of the student, chosen on validation labels."""
        return choose_layers(
            self.probe_accuracy("validation"),
            self._setup.data.labels("validation"),
            self._setup.profile.selection,
        )
