"""Everything that one profile and seed determine, each thing computed once and kept.

The chapters ask an :class:`Experiment` for models, features and probabilities; the artifact store
behind it makes sure that what one chapter computed the next one finds.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.data.schema import Splits
from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.method import recipe as predictions
from ambiguity_lib.method.layers import LayerChoice
from ambiguity_lib.method.probes import LayerProbes
from ambiguity_lib.method.recipe import (
    Classifier,
    ExperimentalSetup,
    Gold,
    LayerAnalysis,
    SplitName,
    TaskData,
    given_classifier,
    train_classifier,
)
from ambiguity_lib.method.targets import label_smoothing_targets, mixture_targets
from ambiguity_lib.metrics.calibration import negative_log_likelihood
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study.paths import artifact_directory
from ambiguity_lib.study.profile import Profile, load_profile


class Experiment:
    """Data, teacher, probes and students of one profile and seed.

    Args:
        profile: The profile.
        seed: Seed of training.
        fold: Which of the profile's ways to split the data, from 0.
        splits: Data to use instead of the profile's.
        store: Where to keep results; the build folder's store by default.
        save_seconds: Time between two saves of a training that could be stopped.
        progress: Whether long work shows a bar.

    Attributes:
        fold: Which of the ways to split the data, from 0.

    Examples:
        >>> from ambiguity_lib.study import Experiment
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> experiment.class_names
        ('entailment', 'neutral', 'contradiction')
        >>> experiment.num_layers, len(experiment.splits.train)
        (3, 60)

        What people said about the evaluation items, as shares and as votes:

        >>> experiment.human.shape, experiment.counts.sum(axis=1)[:3]
        ((30, 3), array([100, 100, 100]))

        Nothing is trained until it is asked for; what was trained is kept.

        >>> experiment.teacher.probs("evaluation").shape
        (30, 3)
        >>> experiment.read_only().teacher.depth
        3
        >>> experiment.probe_probs("evaluation").shape
        (4, 30, 3)
        >>> experiment.distilled(depth=2, source=1).depth
        2
        >>> experiment.with_seed(1).read_only().teacher
        Traceback (most recent call last):
            ...
        ambiguity_lib.store.MissingArtifactError: ... holds no checkpoint ...
    """

    def __init__(
        self,
        profile: Profile,
        seed: int,
        *,
        fold: int = 0,
        splits: Splits | None = None,
        store: ArtifactStore | None = None,
        save_seconds: float = 300.0,
        progress: bool = True,
    ) -> None:
        self.fold = fold
        self._own_splits = splits is not None
        self._setup = ExperimentalSetup(
            profile,
            seed,
            TaskData(load_splits(profile.data, fold) if splits is None else splits),
            ArtifactStore(artifact_directory()) if store is None else store,
            save_seconds,
            progress,
        )

    @classmethod
    def from_profile(cls, profile: str | Path, seed: int = 0, **options: Any) -> Experiment:
        """Set up the experiment of a profile's name or file.

        Args:
            profile: A profile's name or the path of its file.
            seed: Seed of training.
            **options: Other arguments of :class:`Experiment`.

        Returns:
            The experiment.

        Raises:
            FileNotFoundError: If there is no such profile.
            ValueError: If the profile holds a wrong key.
        """
        return cls(load_profile(profile), seed, **options)

    @property
    def profile(self) -> Profile:
        """The profile."""
        return self._setup.profile

    @property
    def seed(self) -> int:
        """Seed of training; the data has a seed of its own in the profile."""
        return self._setup.seed

    @property
    def store_root(self) -> Path:
        """Folder of the artifact store."""
        return self._setup.store.root

    def with_seed(self, seed: int) -> Experiment:
        """The same data and settings, trained with another seed.

        Args:
            seed: The other seed.

        Returns:
            A new experiment, which shares the data.
        """
        return self._variant(seed=seed)

    def with_fold(self, fold: int) -> Experiment:
        """The same settings on another split of the same data.

        Args:
            fold: Which of the profile's ways to split the data, from 0.

        Returns:
            A new experiment, or this one if it has that fold.

        Raises:
            ValueError: If there is no such fold, or the experiment was given splits of its own.
        """
        if self._own_splits and fold != self.fold:
            raise ValueError(f"this experiment was given its own splits, which have no fold {fold}")
        if fold == self.fold:
            return self
        variant = self._variant(data=TaskData(load_splits(self.profile.data, fold)))
        variant.fold = fold
        return variant

    def read_only(self) -> Experiment:
        """The same experiment, which raises ``MissingArtifactError`` instead of computing.

        Returns:
            A new experiment.
        """
        return self._variant(store=self._setup.store.read_only())

    def quiet(self) -> Experiment:
        """The same experiment without progress bars.

        Returns:
            A new experiment.
        """
        return self._variant(progress=False)

    def _variant(self, **changes: Any) -> Experiment:
        variant = copy.copy(self)
        for found in ("_layer_analysis", "smoothing"):  # it finds them out for itself
            variant.__dict__.pop(found, None)
        variant._setup = self._setup.replace(**changes)
        return variant

    # -- data ---------------------------------------------------------------------------------

    @property
    def splits(self) -> Splits:
        """Train, validation and evaluation data."""
        return self._setup.data.splits

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of every distribution's columns."""
        return self._setup.data.class_names

    @property
    def evaluation_splits(self) -> tuple[SplitName, ...]:
        """All sets that models are judged on, ``evaluation`` first."""
        return self._setup.data.evaluation_splits

    def gold(self, split: SplitName = "evaluation") -> Gold:
        """What people said about the items of an evaluation set.

        Args:
            split: ``evaluation`` or the name of another evaluation set.

        Returns:
            Human distributions and labels of its items.
        """
        return self._setup.data.gold(split)

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """Gold labels of a split, shape (N,).

        Args:
            split: ``"train"``, ``"validation"`` or the name of an evaluation set.

        Returns:
            Class numbers from 0, −1 where there is no label.
        """
        return self._setup.data.labels(split)

    @property
    def human(self) -> NDArray[np.float64]:
        """Human distributions of the evaluation items, shape (N, C)."""
        return self.gold().human

    @property
    def old_labels(self) -> NDArray[np.int64]:
        """Original gold labels of the evaluation items."""
        return self.gold().old_labels

    @property
    def new_labels(self) -> NDArray[np.int64]:
        """Majority labels of the re-annotated evaluation items."""
        return self.gold().new_labels

    @property
    def counts(self) -> NDArray[np.int64]:
        """Votes of the re-annotated evaluation items, shape (N, C)."""
        return np.asarray(self.splits.evaluation["label_counts"][:])

    # -- the starting point -------------------------------------------------------------------

    @property
    def checkpoint(self) -> str:
        """Hub id or folder that every model starts from."""
        return self._setup.checkpoint

    @property
    def num_layers(self) -> int:
        """Layers of the full model."""
        return self._setup.num_layers

    # -- models -------------------------------------------------------------------------------

    @property
    def teacher(self) -> Classifier:
        """The full model, fine-tuned on gold labels; or as it was given, if it was already."""
        if self.profile.model.fine_tuned:
            return given_classifier(self._setup)
        standard = {"method": "standard"}
        return train_classifier(self._setup, self.num_layers, standard, self._setup.one_hot)

    def pruned(self, depth: int | None = None) -> Classifier:
        """A model of the chosen (or given) depth, fine-tuned on gold labels.

        Args:
            depth: Depth; the chosen one by default.

        Returns:
            The model, from the store or newly trained.
        """
        depth = self.depth if depth is None else depth
        return self._train_student(depth, {"method": "standard"}, self._setup.one_hot)

    def label_smoothed(self, epsilon: float, depth: int | None = None) -> Classifier:
        """A model of the full (or given) depth trained on smoothed labels.

        Args:
            epsilon: ε, the weight of the uniform distribution.
            depth: Depth; that of the full model by default.

        Returns:
            The model, from the store or newly trained.
        """
        depth = self.num_layers if depth is None else depth
        return train_classifier(
            self._setup,
            depth,
            {"method": "label smoothing", "epsilon": epsilon},
            lambda: label_smoothing_targets(self.labels("train"), len(self.class_names), epsilon),
        )

    @cached_property
    def smoothing(self) -> float:
        """The profile's ε whose full model has the lowest loss on validation labels."""
        labels = self.labels("validation")

        def loss(epsilon: float) -> float:
            probs = self.label_smoothed(epsilon).probs("validation")
            return float(negative_log_likelihood(labels, probs).mean())

        return min(self.profile.baselines.epsilons, key=loss)

    @property
    def early_stopped(self) -> Classifier:
        """The full model at the moment of its training when validation loss was lowest."""
        method = {
            "method": "early stopping",
            "evaluations_per_epoch": self.profile.baselines.evaluations_per_epoch,
            "validation": self._setup.data.fingerprint("validation"),
        }
        return train_classifier(
            self._setup, self.num_layers, method, self._setup.one_hot, early_stopping=True
        )

    def distilled(
        self, depth: int | None = None, source: int | None = None, weight: float | None = None
    ) -> Classifier:
        """A student trained on (1 − λ)·label + λ·distribution of a lower layer's probe.

        Args:
            depth: Depth of the student; the chosen one by default.
            source: Layer whose probe teaches; the chosen one by default.
            weight: λ; the profile's by default.

        Returns:
            The student, from the store or newly trained.

        Raises:
            ValueError: If there is no layer ``source``.
        """
        depth = self.depth if depth is None else depth
        source = self.source if source is None else source
        weight = self.profile.distillation.weight if weight is None else weight
        if not 0 <= source <= self.num_layers:
            raise ValueError(f"source must be a layer from 0 to {self.num_layers}; got {source}")
        target = {
            "method": "layer distillation",
            "source": source,
            "weight": weight,
            "probes": self._layer_analysis.probes_key,
        }
        return self._train_student(
            depth,
            target,
            lambda: mixture_targets(
                self.labels("train"), self.probe_probs("train")[source], weight
            ),
        )

    def student(
        self, target: dict[str, Any], make_targets: Callable[[], NDArray[np.float64]]
    ) -> Classifier:
        """A model of the chosen depth trained towards targets of your own.

        Args:
            target: What determines the targets, besides the experiment itself; JSON-serialisable.
            make_targets: Called if the store lacks the model; distributions, shape (N, C).

        Returns:
            The student, from the store or newly trained.
        """
        probes = self._layer_analysis.probes_key
        spec = {"method": "own targets", "probes": probes, "source": self.source}
        return self._train_student(self.depth, spec | target, make_targets)

    def _train_student(
        self,
        depth: int,
        target: dict[str, Any],
        make_targets: Callable[[], NDArray[np.float64]],
    ) -> Classifier:
        config = self.profile.distillation
        training = self.profile.training
        if config.epochs is not None:
            training = dataclasses.replace(training, epochs=config.epochs)
        start = self.teacher if config.start == "teacher" else None
        return train_classifier(
            self._setup, depth, target, make_targets, training=training, start=start
        )

    # -- predictions of no single model -------------------------------------------------------

    def mc_dropout_probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Mean distribution of the teacher over passes with dropout on, shape (N, C).

        Args:
            split: ``"train"``, ``"validation"`` or the name of an evaluation set.

        Returns:
            The distributions.
        """
        return predictions.mc_dropout_probs(self._setup, self.teacher, split)

    def out_of_fold_probs(self, folds: int = 2) -> NDArray[np.float64]:
        """What full models say about training items that they were not trained on, shape (N, C).

        Args:
            folds: Parts of the training items; each is predicted by a model of the others.

        Returns:
            The distributions, in the order of the training items.
        """
        return predictions.out_of_fold_probs(self._setup, folds)

    def human_trained_probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """What the teacher says after going on with others' human distributions, shape (N, C).

        Args:
            split: ``evaluation`` or the name of another evaluation set.

        Returns:
            The distributions, each from a model that has not seen the item.
        """
        return predictions.human_trained_probs(self._setup, self.teacher, split)

    # -- layers -------------------------------------------------------------------------------

    @cached_property
    def _layer_analysis(self) -> LayerAnalysis:
        return LayerAnalysis(self._setup, self.teacher)

    def features(self, split: SplitName) -> NDArray[np.float16]:
        """Pooled hidden states of the teacher's layers 0 … L over a split.

        Args:
            split: ``"train"``, ``"validation"`` or an evaluation set.

        Returns:
            Array of shape (L + 1, N, d), d the hidden size.
        """
        return self._layer_analysis.features(split)

    @property
    def probes(self) -> LayerProbes:
        """One softmax probe per layer, fitted on the teacher's features and the gold labels."""
        return self._layer_analysis.probes

    def probe_probs(self, split: SplitName) -> NDArray[np.float64]:
        """Distributions of every layer's probe over a split, shape (L + 1, N, C).

        Args:
            split: ``"train"``, ``"validation"`` or the name of an evaluation set.

        Returns:
            The distributions, layer 0 first.
        """
        return self._layer_analysis.probe_probs(split)

    def probe_accuracy(self, split: SplitName) -> NDArray[np.float64]:
        """Accuracy of every layer's probe against gold labels, shape (L + 1,).

        Args:
            split: ``"train"``, ``"validation"`` or the name of an evaluation set.

        Returns:
            Shares from 0 to 1, layer 0 first.
        """
        return self._layer_analysis.probe_accuracy(split)

    @property
    def layers(self) -> LayerChoice:
        """Depth and source of the student, chosen on validation labels."""
        return self._layer_analysis.choice

    @property
    def depth(self) -> int:
        """Depth of the students, see :func:`~ambiguity_lib.method.layers.choose_layers`."""
        return self.layers.depth

    @property
    def source(self) -> int:
        """Layer that distillation takes its distribution from."""
        return self.layers.source
