"""The experiment of a profile: a pipeline with the profile's data, gold and other methods."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.data.labelled import LabelledSplits, SplitName
from ambiguity_lib.data.schema import Splits
from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.evaluation.scores import Gold
from ambiguity_lib.method.recipe import Classifier, Pipeline
from ambiguity_lib.method.targets import label_smoothing_targets
from ambiguity_lib.method.temperatures import mc_dropout_probs
from ambiguity_lib.metrics import negative_log_likelihood
from ambiguity_lib.models.loading import load_tokenizer
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study.paths import artifact_directory
from ambiguity_lib.study.profile import Profile, load_profile

#: Halves of the training items, each described by models of the other.
OUT_OF_FOLD = 2


class Experiment(Pipeline):
    """Data, teacher, probes, students and baselines of one profile and seed.

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
        super().__init__(
            load_splits(profile.data, fold) if splits is None else splits,
            profile,
            seed,
            store=ArtifactStore(artifact_directory()) if store is None else store,
            save_seconds=save_seconds,
            progress=progress,
        )
        self.fold = fold
        self._own_splits = splits is not None

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
        return cast(Profile, self.config)

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
        splits = load_splits(self.profile.data, fold)
        return self._variant(data=LabelledSplits(splits), fold=fold)

    # -- what people said ---------------------------------------------------------------------

    @property
    def evaluation_splits(self) -> tuple[SplitName, ...]:
        """All sets that models are judged on, ``evaluation`` first."""
        return self.data.evaluation_splits

    def gold(self, split: SplitName = "evaluation") -> Gold:
        """What people said about the items of an evaluation set."""
        name = self.splits.evaluation_name if split == "evaluation" else split
        return Gold.of(self.data.whole(split), name)

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

    # -- what ours is compared with -----------------------------------------------------------

    def label_smoothed(self, epsilon: float) -> Classifier:
        """A model of the full depth trained on smoothed labels."""
        return self.train(
            self.num_layers,
            {"method": "label smoothing", "epsilon": epsilon},
            lambda: label_smoothing_targets(self.labels("train"), len(self.class_names), epsilon),
        )

    def trained_longer(self) -> Classifier:
        """The teacher, trained on towards labels as the students are, with no layer cut."""
        return self.train_student(self.num_layers, {"method": "standard"}, self.one_hot)

    @cached_property
    def smoothing(self) -> float:
        """The profile's ε whose full model has the lowest loss on validation labels."""
        labels = self.labels("validation")

        def loss(epsilon: float) -> float:
            probs = self.label_smoothed(epsilon).probs("validation")
            return float(negative_log_likelihood(labels, probs).mean())

        return min(self.profile.baselines.epsilons, key=loss)

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
        spec = {"method": "own targets", "probes": self.probes_key, "source": self.source}
        return self.train_student(None, spec | target, make_targets)

    def mc_dropout_probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Mean distribution of the teacher over passes with dropout on, shape (N, C)."""
        options: dict[str, Any] = {
            "max_length": self.profile.training.max_length,
            "samples": self.profile.baselines.dropout_samples,
            "seed": self.seed,
            "precision": self.precision,
        }
        spec = {"model": self.teacher.key, "data": self.data.fingerprint(split)} | options
        return self.stored_array(
            "dropout-probs",
            spec,
            lambda: mc_dropout_probs(
                self.teacher.load(),
                load_tokenizer(self.teacher.path),
                self.data.items(split),
                progress=self.progress,
                **options,
            ),
        )

    def of_other_fold(self) -> NDArray[np.float64]:
        """What models of the other fold say about training items, shape (2, N, C).

        Of a full teacher that has not seen the item: the mean of its passes with dropout on; and
        the mean of its probes from the source layer to the one below the depth.

        Returns:
            Both, in the order of the training items.
        """
        layers = list(range(self.source, self.depth))
        spec = {
            "teacher": self.teacher.key,
            "probes": self.probes_key,
            "folds": OUT_OF_FOLD,
            "layers": layers,
            "samples": self.profile.baselines.dropout_samples,
            "seed": self.seed,
        }

        def compute() -> NDArray[np.float64]:
            said = np.empty((2, len(self.labels("train")), len(self.class_names)))
            for unseen, part in self.folds(OUT_OF_FOLD):
                said[0, unseen] = part.mc_dropout_probs("evaluation")
                said[1, unseen] = part.probe_probs("evaluation")[layers].mean(axis=0)
            return said

        return self.stored_array("other-fold", spec, compute)
