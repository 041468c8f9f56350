"""Everything that one profile and seed determine, each thing computed once and kept.

The chapters ask an :class:`Experiment` for models, features and probabilities; the artifact store
behind it makes sure that what one chapter computed the next one finds.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from ambiguity_lib.artifacts import Artifact, ArtifactStore, artifact_key
from ambiguity_lib.baselines import mc_dropout_probs, softmax
from ambiguity_lib.checkpoints import (
    build_scratch_checkpoint,
    checkpoint_identity,
    resolve_source,
)
from ambiguity_lib.cross_fitting import cross_fit
from ambiguity_lib.data import Splits, dataset_fingerprint, load_splits
from ambiguity_lib.devices import resolve_precision
from ambiguity_lib.features import extract_features
from ambiguity_lib.metrics import negative_log_likelihood
from ambiguity_lib.models import (
    load_classifier,
    load_config,
    load_tokenizer,
    num_layers,
    quiet_transformers,
)
from ambiguity_lib.paths import artifact_directory
from ambiguity_lib.probing import LayerProbes, fit_probes
from ambiguity_lib.processes import is_main_process, world_size
from ambiguity_lib.profiles import Profile, TrainingConfig, load_profile
from ambiguity_lib.profiling import checkpoint_bytes, count_parameters
from ambiguity_lib.pruning import LayerChoice, choose_layers
from ambiguity_lib.targets import (
    human_targets,
    label_smoothing_targets,
    mixture_targets,
    one_hot_targets,
)
from ambiguity_lib.task_data import Gold, SplitName, TaskData
from ambiguity_lib.training import EarlyStopping, Resume, fine_tune, predict_logits

# A dataset's own folds are by the same hash, so these need a salt.
_HUMAN_FOLDS = "human"


class Classifier:
    """A trained classifier in the store: a plain Hugging Face folder and its logits."""

    def __init__(self, experiment: Experiment, artifact: Artifact) -> None:
        """Wrap a finished model artifact; made by :class:`Experiment`."""
        self.path = artifact.path
        self.key = artifact.key
        self._experiment = experiment
        self._facts = json.loads((artifact.path / "training.json").read_text(encoding="utf-8"))

    @property
    def depth(self) -> int:
        """Encoder layers."""
        return int(self._facts["depth"])

    @property
    def parameters(self) -> int:
        """Number of parameters, head and embeddings included."""
        return int(self._facts["parameters"])

    @property
    def bytes(self) -> int:
        """Size of the weights on disk."""
        return int(self._facts["bytes"])

    @property
    def train_seconds(self) -> float:
        """Wall-clock time of its training, perhaps on one of several cores: no benchmark."""
        return float(self._facts["train_seconds"])

    def load(self) -> PreTrainedModel:
        """The model itself, in evaluation mode."""
        with quiet_transformers():
            return AutoModelForSequenceClassification.from_pretrained(self.path).eval()

    def logits(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Logits over a split, shape (N, C)."""
        return self._experiment._logits(self, split)

    def probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Distributions over a split, shape (N, C)."""
        return softmax(self.logits(split))


class Experiment:
    """Data, teacher, probes and students of one profile and seed.

    Attributes:
        profile: The profile.
        seed: Seed of training; the data has a seed of its own in the profile.
        fold: Which of the ways to split the data, from 0.
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
        """Set up; nothing is trained until it is asked for.

        Args:
            profile: The profile.
            seed: Seed of training.
            fold: Which of the profile's ways to split the data.
            splits: Data to use instead of the profile's.
            store: Where to keep results; the build folder's store by default.
            save_seconds: Time between two saves of a training that could be stopped.
            progress: Whether long work shows a bar.
        """
        self.profile = profile
        self.seed = seed
        self.fold = fold
        self._own_splits = splits is not None
        self._data = TaskData(load_splits(profile.data, fold) if splits is None else splits)
        self._store = ArtifactStore(artifact_directory()) if store is None else store
        self._save_seconds = save_seconds
        self._progress = progress

    @classmethod
    def from_profile(cls, profile: str | Path, seed: int = 0, **options: Any) -> Experiment:
        """Set up the experiment of a profile's name or file.

        Raises:
            FileNotFoundError: If there is no such profile.
            ValueError: If the profile holds a wrong key.
        """
        return cls(load_profile(profile), seed, **options)

    @property
    def store_root(self) -> Path:
        """Folder of the artifact store."""
        return self._store.root

    def with_seed(self, seed: int) -> Experiment:
        """The same data and settings, trained with another seed."""
        return self._variant(seed=seed)

    def with_fold(self, fold: int) -> Experiment:
        """The same settings on another split of the same data.

        Raises:
            ValueError: If there is no such fold, or the experiment was given splits of its own.
        """
        if self._own_splits and fold != self.fold:
            raise ValueError(f"this experiment was given its own splits, which have no fold {fold}")
        return self if fold == self.fold else self._variant(fold=fold)

    def read_only(self) -> Experiment:
        """The same experiment, which raises ``MissingArtifactError`` instead of computing."""
        return self._variant(store=self._store.read_only())

    def quiet(self) -> Experiment:
        """The same experiment without progress bars."""
        return self._variant(progress=False)

    def _variant(
        self,
        *,
        seed: int | None = None,
        fold: int | None = None,
        store: ArtifactStore | None = None,
        progress: bool | None = None,
    ) -> Experiment:
        variant = copy.copy(self)
        # what the new one finds out for itself: all that depends on seed, store or data
        found = {"_probes", "probes", "layers", "smoothing", "_given"}
        if self.profile.model.scratch is not None:
            found |= {"checkpoint", "_checkpoint_identity", "num_layers"}
        if fold is not None:
            variant.fold = fold
            variant._data = TaskData(load_splits(self.profile.data, fold))
        for name in found:
            variant.__dict__.pop(name, None)
        variant.seed = self.seed if seed is None else seed
        variant._store = self._store if store is None else store
        variant._progress = self._progress if progress is None else progress
        return variant

    # -- data ---------------------------------------------------------------------------------

    @property
    def splits(self) -> Splits:
        """Train, validation and evaluation data."""
        return self._data.splits

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of every distribution's columns."""
        return self._data.class_names

    @property
    def evaluation_splits(self) -> tuple[SplitName, ...]:
        """All that models are judged on: ``evaluation``, then the names of other sets."""
        return self._data.evaluation_splits

    def gold(self, split: SplitName = "evaluation") -> Gold:
        """What people said about the items of an evaluation set."""
        return self._data.gold(split)

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """Gold labels of a split, shape (N,)."""
        return self._data.labels(split)

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

    @cached_property
    def checkpoint(self) -> str:
        """Hub id or folder that every model starts from."""
        model = self.profile.model
        if model.scratch is None:
            return resolve_source(model)
        scratch = model.scratch
        train = self._data.labelled("train")
        columns = [name for name in ("text", "text_pair") if name in train.column_names]
        texts = [text for name in columns for text in train[name][:]]

        def build(directory: Path) -> None:
            build_scratch_checkpoint(scratch, texts, self.class_names, directory, seed=self.seed)

        spec = {
            "data": self._data.fingerprint("train"),
            "scratch": dataclasses.asdict(scratch),
            "classes": self.class_names,
            "seed": self.seed,
        }
        return str(self._store.get_or_build("checkpoint", spec, build).path)

    @cached_property
    def _checkpoint_identity(self) -> dict[str, str]:
        return checkpoint_identity(self.checkpoint)

    @cached_property
    def num_layers(self) -> int:
        """Layers of the full model."""
        return num_layers(load_config(self.checkpoint))

    @property
    def _precision(self) -> str:
        return resolve_precision(self.profile.training.precision)

    @property
    def _training_spec(self) -> dict[str, Any]:
        return self._spec_of(self.profile.training)

    def _spec_of(self, training: TrainingConfig) -> dict[str, Any]:
        return dataclasses.asdict(training) | {"precision": self._precision}

    # -- models -------------------------------------------------------------------------------

    @property
    def teacher(self) -> Classifier:
        """The full model, fine-tuned on gold labels; or as it was given, if it was already."""
        if self.profile.model.fine_tuned:
            return self._given
        return self._train(self.num_layers, {"method": "standard"}, self._one_hot)

    @cached_property
    def _given(self) -> Classifier:
        spec = {"given": self._checkpoint_identity, "classes": self.class_names}

        def build(directory: Path) -> None:
            model = load_classifier(self.checkpoint, self.class_names)
            self._save(model, directory, train_seconds=0.0)

        return Classifier(self, self._store.get_or_build("model", spec, build))

    def pruned(self, depth: int | None = None) -> Classifier:
        """A model of the chosen (or given) depth, fine-tuned on gold labels."""
        depth = self.depth if depth is None else depth
        return self._train_student(depth, {"method": "standard"}, self._one_hot)

    def label_smoothed(self, epsilon: float, depth: int | None = None) -> Classifier:
        """A model of the full (or given) depth trained on smoothed labels."""
        depth = self.num_layers if depth is None else depth
        return self._train(
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
            "validation": self._data.fingerprint("validation"),
        }
        return self._train(self.num_layers, method, self._one_hot, early_stopping=True)

    def distilled(
        self, depth: int | None = None, source: int | None = None, weight: float | None = None
    ) -> Classifier:
        """A student trained on (1 − λ)·label + λ·distribution of a lower layer's probe.

        Args:
            depth: Depth of the student; the chosen one by default.
            source: Layer whose probe teaches; the chosen one by default.
            weight: λ; the profile's by default.

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
            "probes": self._probes.key,
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
        """
        spec = {"method": "own targets", "probes": self._probes.key, "source": self.source}
        return self._train_student(self.depth, spec | target, make_targets)

    def _one_hot(self, split: SplitName = "train") -> NDArray[np.float64]:
        return one_hot_targets(self.labels(split), len(self.class_names))

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
        return self._train(depth, target, make_targets, training=training, start=start)

    def _train(
        self,
        depth: int,
        target: dict[str, Any],
        make_targets: Callable[[], NDArray[np.float64]],
        *,
        training: TrainingConfig | None = None,
        start: Classifier | None = None,
        early_stopping: bool = False,
    ) -> Classifier:
        training = self.profile.training if training is None else training
        spec = {
            "data": self._data.fingerprint("train"),
            "checkpoint": self._checkpoint_identity,
            "classes": self.class_names,
            "depth": depth,
            "target": target,
            "training": self._spec_of(training),
            "seed": self.seed,
        }
        if start is not None:
            spec["start"] = start.key

        def build(directory: Path) -> None:
            model = load_classifier(
                self.checkpoint if start is None else start.path,
                self.class_names,
                depth=depth,
                new_head=self.profile.model.new_head,
                seed=self.seed,
            )
            checks = None
            if early_stopping:
                checks = EarlyStopping(
                    self._data.labelled("validation"),
                    self._one_hot("validation"),
                    self.profile.baselines.evaluations_per_epoch,
                )
            begin = time.perf_counter()
            with self._resume(None if early_stopping else artifact_key("model", spec)) as resume:
                fine_tune(
                    model,
                    load_tokenizer(self.checkpoint),
                    self._data.labelled("train"),
                    make_targets(),
                    training,
                    seed=self.seed,
                    early_stopping=checks,
                    resume=resume,
                    progress=self._progress,
                )
            self._save(model, directory, train_seconds=round(time.perf_counter() - begin, 3))

        return Classifier(self, self._store.get_or_build("model", spec, build))

    @contextlib.contextmanager
    def _resume(self, key: str | None) -> Iterator[Resume | None]:
        """Where a training may save; nowhere while another process trains the same model."""
        if key is None:
            yield None
            return
        folder = self._store.root / ".resume" / key
        if world_size() > 1:  # those that train together share one folder
            yield Resume(folder, self._save_seconds)
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            yield None
            return
        with lock:
            yield Resume(folder, self._save_seconds)

    def _save(self, model: PreTrainedModel, directory: Path, *, train_seconds: float) -> None:
        if not is_main_process():  # transformers would write the weights in process 0 only
            return
        with quiet_transformers():
            model.save_pretrained(directory)
            load_tokenizer(self.checkpoint).save_pretrained(directory)
        facts = {
            "depth": num_layers(model.config),
            "parameters": count_parameters(model),
            "bytes": checkpoint_bytes(directory),
            "train_seconds": train_seconds,
            "threads": torch.get_num_threads(),
        }
        (directory / "training.json").write_text(json.dumps(facts), encoding="utf-8")

    def _logits(self, classifier: Classifier, split: SplitName) -> NDArray[np.float64]:
        def build(directory: Path) -> None:
            logits = predict_logits(
                classifier.load(),
                load_tokenizer(classifier.path),
                self._data.labelled(split),
                max_length=self.profile.training.max_length,
                progress=self._progress,
            )
            np.save(directory / "logits.npy", logits)

        spec = {
            "model": classifier.key,
            "data": self._data.fingerprint(split),
            "max_length": self.profile.training.max_length,
        }
        artifact = self._store.get_or_build("logits", spec, build)
        return np.load(artifact.path / "logits.npy")

    def mc_dropout_probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Mean distribution of the teacher over passes with dropout on, shape (N, C)."""
        teacher, samples = self.teacher, self.profile.baselines.dropout_samples

        def build(directory: Path) -> None:
            probs = mc_dropout_probs(
                teacher.load(),
                load_tokenizer(teacher.path),
                self._data.labelled(split),
                max_length=self.profile.training.max_length,
                samples=samples,
                seed=self.seed,
                precision=self._precision,
                progress=self._progress,
            )
            np.save(directory / "probs.npy", probs)

        spec = {
            "model": teacher.key,
            "data": self._data.fingerprint(split),
            "max_length": self.profile.training.max_length,
            "samples": samples,
            "seed": self.seed,
            "precision": self._precision,
        }
        return np.load(self._store.get_or_build("dropout-probs", spec, build).path / "probs.npy")

    def out_of_fold_probs(self, folds: int = 2) -> NDArray[np.float64]:
        """What full models say about training items that they were not trained on, shape (N, C).

        Equal texts (premises) are in one fold.
        """

        def build(directory: Path) -> None:
            train, targets = self._data.labelled("train"), self._one_hot()
            probs = self._cross_fit(self.checkpoint, train, targets, folds, salt="")
            np.save(directory / "probs.npy", probs)

        spec = {
            "data": self._data.fingerprint("train"),
            "checkpoint": self._checkpoint_identity,
            "classes": self.class_names,
            "training": self._training_spec,
            "folds": folds,
            "seed": self.seed,
        }
        return np.load(self._store.get_or_build("fold-probs", spec, build).path / "probs.npy")

    def human_trained_probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """What the teacher says after going on with human distributions, shape (N, C).

        Cross-fitted: each fold of the evaluation items is predicted by a model that has seen the
        human distributions of the others. The only method that reads them.
        """
        teacher, folds = self.teacher, self.profile.baselines.human_folds

        def build(directory: Path) -> None:
            targets = human_targets(self._data.whole(split))
            items = self._data.labelled(split)
            probs = self._cross_fit(teacher.path, items, targets, folds, _HUMAN_FOLDS)
            np.save(directory / "probs.npy", probs)

        spec = {
            "model": teacher.key,
            "data": dataset_fingerprint(self._data.whole(split)),
            "training": self._training_spec,
            "folds": folds,
            "salt": _HUMAN_FOLDS,
            "seed": self.seed,
        }
        return np.load(self._store.get_or_build("human-probs", spec, build).path / "probs.npy")

    def _cross_fit(
        self,
        source: str | Path,
        items: Dataset,
        targets: NDArray[np.float64],
        folds: int,
        salt: str,
    ) -> NDArray[np.float64]:
        """Cross-fitted distributions by full models that start from the folder ``source``."""
        return cross_fit(
            lambda: load_classifier(
                source, self.class_names, depth=self.num_layers, seed=self.seed
            ),
            load_tokenizer(source),
            items,
            targets,
            folds,
            self.profile.training,
            salt=salt,
            seed=self.seed,
            progress=self._progress,
        )

    # -- layers -------------------------------------------------------------------------------

    def features(self, split: SplitName) -> NDArray[np.float16]:
        """Pooled hidden states of the teacher's layers 0 … L over a split, (L + 1, N, H)."""
        probing = self.profile.probing

        def build(directory: Path) -> None:
            extract_features(
                self.teacher.load(),
                load_tokenizer(self.teacher.path),
                self._data.labelled(split),
                max_length=self.profile.training.max_length,
                pooling=probing.pooling,
                batch_size=probing.batch_size,
                precision=self._precision,
                path=directory / "features.npy",
                progress=self._progress,
            )

        artifact = self._store.get_or_build("features", self._feature_spec(split), build)
        return np.load(artifact.path / "features.npy", mmap_mode="r")

    def _feature_spec(self, split: SplitName) -> dict[str, Any]:
        return {
            "model": self.teacher.key,
            "data": self._data.fingerprint(split),
            "pooling": self.profile.probing.pooling,
            "max_length": self.profile.training.max_length,
            "precision": self._precision,
        }

    @cached_property
    def _probes(self) -> Artifact:
        l2 = self.profile.probing.l2

        def build(directory: Path) -> None:
            probes = fit_probes(
                self.features("train"), self.labels("train"), len(self.class_names), l2=l2
            )
            probes.save(directory / "probes.npz")

        spec = {"features": self._feature_spec("train"), "l2": l2, "classes": self.class_names}
        return self._store.get_or_build("probes", spec, build)

    @cached_property
    def probes(self) -> LayerProbes:
        """One softmax probe per layer, fitted on the teacher's features and the gold labels."""
        return LayerProbes.load(self._probes.path / "probes.npz")

    def probe_probs(self, split: SplitName) -> NDArray[np.float64]:
        """Distributions of every layer's probe over a split, shape (L + 1, N, C)."""

        def build(directory: Path) -> None:
            np.save(directory / "probs.npy", self.probes.predict(self.features(split)))

        spec = {"probes": self._probes.key, "data": self._data.fingerprint(split)}
        artifact = self._store.get_or_build("probe-probs", spec, build)
        return np.load(artifact.path / "probs.npy")

    def probe_accuracy(self, split: SplitName) -> NDArray[np.float64]:
        """Accuracy of every layer's probe against gold labels, shape (L + 1,)."""
        predicted = self.probe_probs(split).argmax(axis=-1)
        return (predicted == self.labels(split)).mean(axis=-1)

    @cached_property
    def layers(self) -> LayerChoice:
        """Depth and source of the student, chosen on validation labels."""
        return choose_layers(
            self.probe_accuracy("validation"), self.labels("validation"), self.profile.selection
        )

    @property
    def depth(self) -> int:
        """Depth of the students, see :func:`~ambiguity_lib.pruning.choose_layers`."""
        return self.layers.depth

    @property
    def source(self) -> int:
        """Layer that distillation takes its distribution from."""
        return self.layers.source
