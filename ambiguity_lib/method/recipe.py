"""The data of an experiment: what training may see, and what people said."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from datasets import Dataset
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ambiguity_lib.data.folds import text_folds
from ambiguity_lib.data.schema import Splits, class_names, dataset_fingerprint, human_distributions
from ambiguity_lib.method import temperatures as baselines
from ambiguity_lib.method.layers import LayerChoice, SelectionConfig, choose_layers
from ambiguity_lib.method.probes import LayerProbes, ProbingConfig, fit_probes
from ambiguity_lib.method.targets import human_targets, mixture_targets, one_hot_targets
from ambiguity_lib.method.temperatures import softmax
from ambiguity_lib.models.batches import extract_features, resolve_precision
from ambiguity_lib.models.loading import (
    load_classifier,
    load_config,
    load_tokenizer,
    num_layers,
    quiet_transformers,
)
from ambiguity_lib.models.scratch import (
    build_scratch_checkpoint,
    checkpoint_identity,
    resolve_source,
)
from ambiguity_lib.models.speed import checkpoint_bytes, count_parameters
from ambiguity_lib.models.training import (
    EarlyStopping,
    Resume,
    TrainingConfig,
    fine_tune,
    predict_logits,
)
from ambiguity_lib.store import Artifact, ArtifactStore, artifact_key, is_main_process, world_size

#: ``train``, ``validation``, ``evaluation`` or the name of another evaluation set.
SplitName = str

#: All that training and selection may see; human columns are dropped before either begins.
LABEL_COLUMNS = ("uid", "text", "text_pair", "label")

if TYPE_CHECKING:
    from ambiguity_lib.study.profile import Profile


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
        >>> from ambiguity_lib.study import Experiment
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


class Classifier:
    """A trained classifier in the store: a plain Hugging Face folder and its logits.

    An :class:`~ambiguity_lib.study.experiment.Experiment` gives them.

    Attributes:
        path: The folder.
        key: What the store calls it.

    Examples:
        >>> from ambiguity_lib.study import Experiment
        >>> teacher = Experiment.from_profile("tiny.yml", progress=False).teacher
        >>> teacher.depth, teacher.logits("evaluation").shape
        (3, (30, 3))
        >>> type(teacher.load()).__name__
        'BertForSequenceClassification'
    """

    def __init__(self, setup: ExperimentalSetup, artifact: Artifact) -> None:
        """Wrap a finished model artifact; made by the functions of this module."""
        self.path = artifact.path
        self.key = artifact.key
        self._setup = setup
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
        """Seconds that its training took, perhaps on one of several cores, so no benchmark."""
        return float(self._facts["train_seconds"])

    def load(self) -> PreTrainedModel:
        """The model itself, in evaluation mode.

        Returns:
            A plain model of Hugging Face ``transformers``.
        """
        with quiet_transformers():
            return AutoModelForSequenceClassification.from_pretrained(self.path).eval()

    def logits(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Logits over a split, shape (N, C).

        Args:
            split: ``"train"``, ``"validation"`` or the name of an evaluation set.

        Returns:
            The logits, in the order of the items.
        """
        data, max_length = self._setup.data, self._setup.profile.training.max_length

        def compute() -> NDArray[np.float64]:
            return predict_logits(
                self.load(),
                load_tokenizer(self.path),
                data.labelled(split),
                max_length=max_length,
                progress=self._setup.progress,
            )

        spec = {"model": self.key, "data": data.fingerprint(split), "max_length": max_length}
        return self._setup.stored_array("logits", spec, compute, "logits.npy")

    def probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Distributions over a split, shape (N, C).

        Args:
            split: ``"train"``, ``"validation"`` or the name of an evaluation set.

        Returns:
            The softmax of the logits.
        """
        return softmax(self.logits(split))


def train_classifier(
    setup: ExperimentalSetup,
    depth: int,
    target: dict[str, Any],
    make_targets: Callable[[], NDArray[np.float64]],
    *,
    training: TrainingConfig | None = None,
    start: Classifier | None = None,
    early_stopping: bool = False,
) -> Classifier:
    """The classifier of this depth and target, trained unless the store has it.

    Args:
        setup: Data, seed, checkpoint and store.
        depth: Encoder layers.
        target: What determines the targets; JSON-serialisable.
        make_targets: Called if the store lacks the model; distributions, shape (N, C).
        training: Hyper-parameters; the profile's if None.
        start: Whose lower layers it starts from; the checkpoint's if None.
        early_stopping: Whether to keep the moment of the lowest loss on validation labels.
    """
    training = setup.profile.training if training is None else training
    spec = {
        "data": setup.data.fingerprint("train"),
        "checkpoint": setup.checkpoint_identity,
        "classes": setup.data.class_names,
        "depth": depth,
        "target": target,
        "training": setup.training_spec(training),
        "seed": setup.seed,
    }
    if start is not None:
        spec["start"] = start.key

    def build(directory: Path) -> None:
        model = load_classifier(
            setup.checkpoint if start is None else start.path,
            setup.data.class_names,
            depth=depth,
            new_head=setup.profile.model.new_head,
            seed=setup.seed,
        )
        checks = None
        if early_stopping:
            checks = EarlyStopping(
                setup.data.labelled("validation"),
                setup.one_hot("validation"),
                setup.profile.baselines.evaluations_per_epoch,
            )
        begin = time.perf_counter()
        key = None if early_stopping else artifact_key("model", spec)
        with _resume(setup, key) as resume:
            fine_tune(
                model,
                load_tokenizer(setup.checkpoint),
                setup.data.labelled("train"),
                make_targets(),
                training,
                seed=setup.seed,
                early_stopping=checks,
                resume=resume,
                progress=setup.progress,
            )
        _save(setup, model, directory, train_seconds=round(time.perf_counter() - begin, 3))

    return Classifier(setup, setup.store.get_or_build("model", spec, build))


def given_classifier(setup: ExperimentalSetup) -> Classifier:
    """The checkpoint itself, which is a classifier for these classes already."""
    class_names = setup.data.class_names

    def build(directory: Path) -> None:
        model = load_classifier(setup.checkpoint, class_names)
        _save(setup, model, directory, train_seconds=0.0)

    spec = {"given": setup.checkpoint_identity, "classes": class_names}
    return Classifier(setup, setup.store.get_or_build("model", spec, build))


@contextlib.contextmanager
def _resume(setup: ExperimentalSetup, key: str | None) -> Iterator[Resume | None]:
    """Where a training may save; nowhere while another process trains the same model."""
    if key is None:
        yield None
        return
    folder = setup.store.root / ".resume" / key
    if world_size() > 1:  # those that train together share one folder
        yield Resume(folder, setup.save_seconds)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield None
        return
    with lock:
        yield Resume(folder, setup.save_seconds)


def _save(
    setup: ExperimentalSetup, model: PreTrainedModel, directory: Path, *, train_seconds: float
) -> None:
    if not is_main_process():  # transformers would write the weights in process 0 only
        return
    with quiet_transformers():
        model.save_pretrained(directory)
        load_tokenizer(setup.checkpoint).save_pretrained(directory)
    facts = {
        "depth": num_layers(model.config),
        "parameters": count_parameters(model),
        "bytes": checkpoint_bytes(directory),
        "train_seconds": train_seconds,
        "threads": torch.get_num_threads(),
    }
    (directory / "training.json").write_text(json.dumps(facts), encoding="utf-8")


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


def cross_fit(
    make_model: Callable[[], PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    items: Dataset,
    targets: NDArray[np.float64],
    folds: int,
    training: TrainingConfig,
    *,
    salt: str = "",
    seed: int = 0,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Distributions over items, each by a model that was trained on the other folds.

    Args:
        make_model: Gives the model that each fold's training starts from.
        tokenizer: Its tokenizer.
        items: Items with ``text`` (and ``text_pair``); those of equal ``text`` share a fold.
        targets: Target distributions, shape (N, C).
        folds: Number of folds.
        training: Hyper-parameters.
        salt: See :func:`~ambiguity_lib.data.folds.text_folds`.
        seed: Seed of the trainings.
        progress: Whether to show bars.

    Returns:
        Array of shape (N, C).

    Raises:
        ValueError: If a fold would be empty.
    """
    fold_of = text_folds(items["text"][:], folds, salt=salt)
    if len(np.unique(fold_of)) < folds:
        raise ValueError(f"{len(items)} items are too few for {folds} folds")
    probs = np.empty_like(targets)
    for fold in range(folds):
        seen, unseen = (np.flatnonzero(part) for part in (fold_of != fold, fold_of == fold))
        model = fine_tune(
            make_model(),
            tokenizer,
            items.select(seen),
            targets[seen],
            training,
            seed=seed,
            progress=progress,
        )
        logits = predict_logits(
            model,
            tokenizer,
            items.select(unseen),
            max_length=training.max_length,
            progress=progress,
        )
        probs[unseen] = softmax(logits)
    return probs


# A dataset's own folds are by the same hash, so these need a salt.
_HUMAN_FOLDS = "human"


def mc_dropout_probs(
    setup: ExperimentalSetup, teacher: Classifier, split: SplitName
) -> NDArray[np.float64]:
    """Mean distribution of the teacher over passes with dropout on, shape (N, C)."""
    max_length = setup.profile.training.max_length
    samples = setup.profile.baselines.dropout_samples

    def compute() -> NDArray[np.float64]:
        return baselines.mc_dropout_probs(
            teacher.load(),
            load_tokenizer(teacher.path),
            setup.data.labelled(split),
            max_length=max_length,
            samples=samples,
            seed=setup.seed,
            precision=setup.precision,
            progress=setup.progress,
        )

    spec = {
        "model": teacher.key,
        "data": setup.data.fingerprint(split),
        "max_length": max_length,
        "samples": samples,
        "seed": setup.seed,
        "precision": setup.precision,
    }
    return setup.stored_array("dropout-probs", spec, compute)


def out_of_fold_probs(setup: ExperimentalSetup, folds: int) -> NDArray[np.float64]:
    """What full models say about training items that they were not trained on, shape (N, C).

    Equal texts (premises) are in one fold.
    """

    def compute() -> NDArray[np.float64]:
        train, targets = setup.data.labelled("train"), setup.one_hot()
        return _cross_fit(setup, setup.checkpoint, train, targets, folds, salt="")

    spec = {
        "data": setup.data.fingerprint("train"),
        "checkpoint": setup.checkpoint_identity,
        "classes": setup.data.class_names,
        "training": setup.training_spec(setup.profile.training),
        "folds": folds,
        "seed": setup.seed,
    }
    return setup.stored_array("fold-probs", spec, compute)


def human_trained_probs(
    setup: ExperimentalSetup, teacher: Classifier, split: SplitName
) -> NDArray[np.float64]:
    """What the teacher says after going on with human distributions, shape (N, C).

    Cross-fitted: each fold of the evaluation items is predicted by a model that has seen the
    human distributions of the others. The only method that reads them.
    """
    folds = setup.profile.baselines.human_folds

    def compute() -> NDArray[np.float64]:
        targets = human_targets(setup.data.whole(split))
        items = setup.data.labelled(split)
        return _cross_fit(setup, teacher.path, items, targets, folds, _HUMAN_FOLDS)

    spec = {
        "model": teacher.key,
        "data": dataset_fingerprint(setup.data.whole(split)),
        "training": setup.training_spec(setup.profile.training),
        "folds": folds,
        "salt": _HUMAN_FOLDS,
        "seed": setup.seed,
    }
    return setup.stored_array("human-probs", spec, compute)


def _cross_fit(
    setup: ExperimentalSetup,
    source: str | Path,
    items: Dataset,
    targets: NDArray[np.float64],
    folds: int,
    salt: str,
) -> NDArray[np.float64]:
    """Cross-fitted distributions by full models that start from the folder ``source``."""
    return cross_fit(
        lambda: load_classifier(
            source, setup.data.class_names, depth=setup.num_layers, seed=setup.seed
        ),
        load_tokenizer(source),
        items,
        targets,
        folds,
        setup.profile.training,
        salt=salt,
        seed=setup.seed,
        progress=setup.progress,
    )


@dataclass(frozen=True)
class Distillation:
    """A distilled student and how it came to be.

    Attributes:
        student: A plain sequence classifier of depth ``layers.depth``.
        layers: The chosen depth and source.
        probes: The probes of all layers of the teacher.
        validation_accuracy: Accuracy of the probes of layers 0 … L on validation labels.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.method import Distillation
        >>> [field.name for field in dataclasses.fields(Distillation)]
        ['student', 'layers', 'probes', 'validation_accuracy']
    """

    student: PreTrainedModel
    layers: LayerChoice
    probes: LayerProbes
    validation_accuracy: NDArray[np.float64]


def distil_lower_layer(
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Dataset,
    validation: Dataset,
    *,
    checkpoint: str | Path,
    training: TrainingConfig,
    selection: SelectionConfig,
    probing: ProbingConfig | None = None,
    weight: float = 0.5,
    seed: int = 0,
    progress: bool = True,
) -> Distillation:
    """Distil a lower layer of a fine-tuned teacher into a model pruned to the converged depth.

    Reads texts and labels, never a human distribution. For a whole study with cached stages use
    :class:`~ambiguity_lib.study.experiment.Experiment`, which is made of the same steps.

    Args:
        teacher: A classifier fine-tuned on ``train``.
        tokenizer: Its tokenizer.
        train: Items with ``label``.
        validation: Items with ``label``; depth and source are chosen on them.
        checkpoint: Hub id or folder of the weights that the student starts from, usually the
            pretrained ones that the teacher started from.
        training: Hyper-parameters of the student.
        selection: The rules' settings.
        probing: Pooling, penalty and batch size of the probes.
        weight: λ, the share of the source layer's distribution in the target.
        seed: Seed of the student's head and training.
        progress: Whether long work shows a bar.

    Returns:
        The student, what was chosen, and the probes.

    Raises:
        ValueError: If an item has no label or an argument is out of range.

    Examples:
        >>> from ambiguity_lib.data import hold_out
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> from ambiguity_lib.method import distil_lower_layer
        >>> from ambiguity_lib.models import load_classifier, load_tokenizer
        >>> from ambiguity_lib.method import SelectionConfig
        >>> from ambiguity_lib.models import TrainingConfig
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> train, validation = hold_out(reviews, folds=5)
        >>> teacher = load_classifier("tiny", ("bad", "good"))
        >>> tokenizer = load_tokenizer("tiny")
        >>> settings = TrainingConfig(
        ...     epochs=1,
        ...     batch_size=16,
        ...     learning_rate=0.01,
        ...     weight_decay=0.0,
        ...     warmup_ratio=0.1,
        ...     max_length=16,
        ...     precision="fp32",
        ... )
        >>> result = distil_lower_layer(
        ...     teacher,
        ...     tokenizer,
        ...     train,
        ...     validation,
        ...     checkpoint="tiny",
        ...     training=settings,
        ...     selection=SelectionConfig(0.01, 0.5),
        ...     progress=False,
        ... )
        >>> result.student.config.num_hidden_layers == result.layers.depth
        True
        >>> result.validation_accuracy.shape
        (5,)
    """
    probing = ProbingConfig() if probing is None else probing
    names = class_names(train)

    def features(dataset: Dataset) -> NDArray[np.float16]:
        return extract_features(
            teacher,
            tokenizer,
            dataset,
            max_length=training.max_length,
            pooling=probing.pooling,
            batch_size=probing.batch_size,
            precision=training.precision,
            progress=progress,
        )

    labels = np.asarray(train["label"][:])
    validation_labels = np.asarray(validation["label"][:])
    train_features = features(train)
    probes = fit_probes(train_features, labels, len(names), l2=probing.l2)
    predicted = probes.predict(features(validation)).argmax(axis=-1)
    accuracies = (predicted == validation_labels).mean(axis=-1)
    layers = choose_layers(accuracies, validation_labels, selection)
    targets = mixture_targets(labels, probes.predict(train_features)[layers.source], weight)
    student = load_classifier(checkpoint, names, depth=layers.depth, seed=seed)
    fine_tune(student, tokenizer, train, targets, training, seed=seed, progress=progress)
    return Distillation(student, layers, probes, accuracies)
