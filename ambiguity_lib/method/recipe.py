"""The recipe: teacher → probes of its layers → depth and source → targets → a shallower student.

:class:`Pipeline` is the one object that walks this way; each step is computed once and kept in a
store. :func:`distil` is a pipeline in a temporary store. Human distributions play no part here.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
import transformers
from datasets import Dataset
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass as settings

from ambiguity_lib.data.folds import text_folds
from ambiguity_lib.data.labelled import LabelledSplits, SplitName
from ambiguity_lib.data.schema import Splits
from ambiguity_lib.method.layers import LayerChoice, SelectionConfig, choose_layers
from ambiguity_lib.method.probes import LayerProbes, ProbingConfig, select_probes
from ambiguity_lib.method.targets import (
    DistillationConfig,
    degenerate_signs,
    mixture_targets,
    one_hot_targets,
)
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
    ModelConfig,
    build_scratch_checkpoint,
    checkpoint_identity,
    resolve_source,
)
from ambiguity_lib.models.speed import checkpoint_bytes, count_parameters
from ambiguity_lib.models.training import (
    Resume,
    TrainingConfig,
    fine_tune,
    predict_logits,
)
from ambiguity_lib.store import (
    Artifact,
    ArtifactStore,
    artifact_key,
    is_main_process,
    world_size,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@settings(frozen=True, kw_only=True, config={"extra": "forbid"})
class PipelineConfig:
    """All that determines a pipeline besides its data and seed.

    Attributes:
        model: Where every model starts from.
        training: Fine-tuning of the full model, and of students where nothing else is said.
        selection: The rules that choose depth and source.
        distillation: How students are trained.
        probing: How the layers are probed.
    """

    model: ModelConfig
    training: TrainingConfig
    selection: SelectionConfig
    distillation: DistillationConfig
    probing: ProbingConfig = dataclasses.field(default_factory=ProbingConfig)


class Classifier:
    """A trained classifier in the store: a plain Hugging Face folder and its logits.

    A :class:`Pipeline` gives them.

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

    def __init__(self, pipeline: Pipeline, artifact: Artifact) -> None:
        """Wrap a finished model artifact."""
        self.path = artifact.path
        self.key = artifact.key
        self._pipeline = pipeline
        facts = json.loads((artifact.path / "training.json").read_text(encoding="utf-8"))
        #: Encoder layers.
        self.depth = int(facts["depth"])
        #: Number of parameters, head and embeddings included.
        self.parameters = int(facts["parameters"])
        #: Size of the weights on disk.
        self.bytes = int(facts["bytes"])
        #: Seconds that its training took, perhaps on one of several cores, so no benchmark.
        self.train_seconds = float(facts["train_seconds"])

    def load(self) -> PreTrainedModel:
        """The model itself, in evaluation mode."""
        with quiet_transformers():
            return transformers.AutoModelForSequenceClassification.from_pretrained(self.path).eval()

    def logits(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Logits over a split, shape (N, C)."""
        pipeline, max_length = self._pipeline, self._pipeline.config.training.max_length

        def compute() -> NDArray[np.float64]:
            return predict_logits(
                self.load(),
                load_tokenizer(self.path),
                pipeline.data.items(split),
                max_length=max_length,
                progress=pipeline.progress,
            )

        data = pipeline.data.fingerprint(split)
        spec = {"model": self.key, "data": data, "max_length": max_length}
        return pipeline.stored_array("logits", spec, compute, "logits.npy")

    def probs(self, split: SplitName = "evaluation") -> NDArray[np.float64]:
        """Distributions over a split, shape (N, C)."""
        return softmax(self.logits(split))


class Pipeline:
    """The paper's way from labelled data to a student, each step computed once and kept.

    Nothing is trained until it is asked for. Of the data it sees texts and labels only.

    Args:
        splits: Train, validation and evaluation data.
        config: Settings.
        seed: Seed of training.
        store: Where results are kept.
        teacher: A classifier of these classes that is the teacher, as a folder or hub id. None:
            one is fine-tuned, unless ``config.model`` says that it is one already.
        save_seconds: Time between two saves of a training that could be stopped.
        progress: Whether long work shows a bar.
    """

    def __init__(
        self,
        splits: Splits,
        config: PipelineConfig,
        seed: int,
        *,
        store: ArtifactStore,
        teacher: str | Path | None = None,
        save_seconds: float = 300.0,
        progress: bool = True,
    ) -> None:
        self.data = LabelledSplits(splits)
        self.config = config
        self.seed = seed
        self.store = store
        self.save_seconds = save_seconds
        self.progress = progress
        self._given_teacher = teacher

    # -- variants -----------------------------------------------------------------------------

    def with_seed(self, seed: int) -> Self:
        """The same data and settings, trained with another seed."""
        return self._variant(seed=seed)

    def read_only(self) -> Self:
        """The same, but it raises ``MissingArtifactError`` instead of computing."""
        return self._variant(store=self.store.read_only())

    def quiet(self) -> Self:
        """The same without progress bars."""
        return self._variant(progress=False)

    def _variant(self, **changes: Any) -> Self:
        variant = copy.copy(self)
        same = {"checkpoint", "checkpoint_identity", "num_layers"}
        if self.config.model.scratch is not None:  # then they depend on seed, data and store
            same = set()
        for name in list(variant.__dict__):  # what was computed is found anew
            if isinstance(getattr(type(self), name, None), cached_property) and name not in same:
                del variant.__dict__[name]
        variant.__dict__.update(changes)
        return variant

    # -- data and starting point --------------------------------------------------------------

    @property
    def splits(self) -> Splits:
        """Train, validation and evaluation data."""
        return self.data.splits

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of every distribution's columns."""
        return self.data.class_names

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """Gold labels of a split, shape (N,)."""
        return self.data.labels(split)

    def one_hot(self, split: SplitName = "train") -> NDArray[np.float64]:
        """Gold labels of a split as distributions, shape (N, C)."""
        return one_hot_targets(self.labels(split), len(self.class_names))

    @cached_property
    def checkpoint(self) -> str:
        """Hub id or folder that every model starts from."""
        scratch = self.config.model.scratch
        if scratch is None:
            return resolve_source(self.config.model)
        train = self.data.items("train")
        columns = [name for name in ("text", "text_pair") if name in train.column_names]
        texts = [text for name in columns for text in train[name][:]]

        def build(directory: Path) -> None:
            build_scratch_checkpoint(scratch, texts, self.class_names, directory, seed=self.seed)

        spec = {
            "data": self.data.fingerprint("train"),
            "scratch": dataclasses.asdict(scratch),
            "classes": self.class_names,
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
        return resolve_precision(self.config.training.precision)

    def training_spec(self, training: TrainingConfig) -> dict[str, Any]:
        """Hyper-parameters as a part of keys, with the precision that they mean here."""
        return dataclasses.asdict(training) | {"precision": self.precision}

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

    # -- models -------------------------------------------------------------------------------

    @property
    def teacher(self) -> Classifier:
        """The full model, fine-tuned on gold labels; or as it was given, if it was already."""
        given = self._given_teacher
        if given is None and self.config.model.fine_tuned:
            given = self.checkpoint
        if given is None:
            return self.train(self.num_layers, {"method": "standard"}, self.one_hot)
        source = str(given)

        def build(directory: Path) -> None:
            model = load_classifier(source, self.class_names)
            self._save(model, directory, train_seconds=0.0, tokenizer=source)

        spec = {"given": checkpoint_identity(source), "classes": self.class_names}
        return Classifier(self, self.store.get_or_build("model", spec, build))

    def pruned(self, depth: int | None = None) -> Classifier:
        """A model of the chosen (or given) depth, fine-tuned on gold labels.

        The teacher itself at its full depth, where nothing is cut.
        """
        if (self.depth if depth is None else depth) == self.num_layers:
            return self.teacher
        return self.train_student(depth, {"method": "standard"}, self.one_hot)

    def distilled(
        self, depth: int | None = None, source: int | None = None, weight: float | None = None
    ) -> Classifier:
        """A student trained on (1 − λ)·label + λ·distribution of a lower layer's probe.

        Args:
            depth: Depth of the student; the chosen one by default.
            source: Layer whose probe teaches; the chosen one by default.
            weight: λ; that of the settings by default.

        Returns:
            The student, from the store or newly trained.

        Raises:
            ValueError: If there is no layer ``source``.
        """
        layer = self.source if source is None else source
        share = self.config.distillation.weight if weight is None else weight
        if not 0 <= layer <= self.num_layers:
            raise ValueError(f"source must be a layer from 0 to {self.num_layers}; got {layer}")

        def targets() -> NDArray[np.float64]:
            for sign in self.degenerate_signs(layer):
                logger.info("layer %d may teach labels only: %s", layer, sign)
            return mixture_targets(self.labels("train"), self.layer_probs()[layer], share)

        spec: dict[str, Any] = {"source": layer, "weight": share, "probes": self.probes_key}
        if self.config.distillation.folds:
            spec["folds"] = self.config.distillation.folds
        return self.train_student(depth, {"method": "layer distillation"} | spec, targets)

    def train_student(
        self,
        depth: int | None,
        target: dict[str, Any],
        make_targets: Callable[[], NDArray[np.float64]],
    ) -> Classifier:
        """A student of the chosen (or given) depth, as the distillation settings say.

        Args:
            depth: Depth; the chosen one if None.
            target: What determines the targets; JSON-serialisable.
            make_targets: Called if the store lacks the model; distributions, shape (N, C).
        """
        config, training = self.config.distillation, self.config.training
        if config.epochs is not None:
            training = dataclasses.replace(training, epochs=config.epochs)
        return self.train(
            self.depth if depth is None else depth,
            target,
            make_targets,
            training=training,
            start=self.teacher if config.start == "teacher" else None,
        )

    def train(
        self,
        depth: int,
        target: dict[str, Any],
        make_targets: Callable[[], NDArray[np.float64]],
        *,
        training: TrainingConfig | None = None,
        start: Classifier | None = None,
    ) -> Classifier:
        """The classifier of this depth and target, trained unless the store has it.

        Args:
            depth: Encoder layers.
            target: What determines the targets; JSON-serialisable.
            make_targets: Called if the store lacks the model; distributions, shape (N, C).
            training: Hyper-parameters; those of the settings if None.
            start: Whose lower layers it starts from; the checkpoint's if None.
        """
        training = self.config.training if training is None else training
        spec = {
            "data": self.data.fingerprint("train"),
            "checkpoint": self.checkpoint_identity,
            "classes": self.class_names,
            "depth": depth,
            "target": target,
            "training": self.training_spec(training),
            "seed": self.seed,
        } | ({} if start is None else {"start": start.key})

        def build(directory: Path) -> None:
            model = load_classifier(
                self.checkpoint if start is None else start.path,
                self.class_names,
                depth=depth,
                new_head=self.config.model.new_head,
                seed=self.seed,
            )
            begin = time.perf_counter()
            with self._resume(artifact_key("model", spec)) as resume:
                fine_tune(
                    model,
                    load_tokenizer(self.checkpoint),
                    self.data.items("train"),
                    make_targets(),
                    training,
                    seed=self.seed,
                    resume=resume,
                    progress=self.progress,
                )
            self._save(model, directory, train_seconds=round(time.perf_counter() - begin, 3))

        return Classifier(self, self.store.get_or_build("model", spec, build))

    @contextlib.contextmanager
    def _resume(self, key: str) -> Iterator[Resume | None]:
        """Where a training may save; nowhere while another process trains the same model."""
        folder = self.store.root / ".resume" / key
        if world_size() > 1:  # those that train together share one folder
            yield Resume(folder, self.save_seconds)
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            yield None
            return
        with lock:
            yield Resume(folder, self.save_seconds)

    def _save(
        self,
        model: PreTrainedModel,
        directory: Path,
        *,
        train_seconds: float,
        tokenizer: str | None = None,
    ) -> None:
        if not is_main_process():  # transformers would write the weights in process 0 only
            return
        with quiet_transformers():
            model.save_pretrained(directory)
            load_tokenizer(tokenizer or self.checkpoint).save_pretrained(directory)
        facts = {
            "depth": num_layers(model.config),
            "parameters": count_parameters(model),
            "bytes": checkpoint_bytes(directory),
            "train_seconds": train_seconds,
            "threads": torch.get_num_threads(),
        }
        (directory / "training.json").write_text(json.dumps(facts), encoding="utf-8")

    # -- layers -------------------------------------------------------------------------------

    def features(self, split: SplitName) -> NDArray[np.float16]:
        """Pooled hidden states of the teacher's layers 0 … L over a split."""
        probing = self.config.probing

        def build(directory: Path) -> None:
            extract_features(
                self.teacher.load(),
                load_tokenizer(self.teacher.path),
                self.data.items(split),
                max_length=self.config.training.max_length,
                pooling=probing.pooling,
                batch_size=probing.batch_size,
                precision=self.precision,
                path=directory / "features.npy",
                progress=self.progress,
            )

        artifact = self.store.get_or_build("features", self._feature_spec(split), build)
        return np.load(artifact.path / "features.npy", mmap_mode="r")

    def _feature_spec(self, split: SplitName) -> dict[str, Any]:
        return {
            "model": self.teacher.key,
            "data": self.data.fingerprint(split),
            "pooling": self.config.probing.pooling,
            "max_length": self.config.training.max_length,
            "precision": self.precision,
        }

    @cached_property
    def _probes(self) -> Artifact:
        penalties = self.config.probing.penalties
        spec: dict[str, Any] = {
            "features": self._feature_spec("train"),
            "classes": self.class_names,
        }
        if len(penalties) > 1:  # validation items choose
            spec["validation"] = self.data.fingerprint("validation")

        def build(directory: Path) -> None:
            pairs = [(self.features(name), self.labels(name)) for name in ("train", "validation")]
            probes = select_probes(*pairs[0], *pairs[1], len(self.class_names), penalties)
            probes.save(directory / "probes.npz")

        spec["l2"] = penalties[0] if len(penalties) == 1 else penalties
        return self.store.get_or_build("probes", spec, build)

    @property
    def probes_key(self) -> str:
        """Key of the probes, a part of the keys of what is made with them."""
        return self._probes.key

    @cached_property
    def probes(self) -> LayerProbes:
        """One softmax probe per layer, fitted on the teacher's features and the gold labels."""
        return LayerProbes.load(self._probes.path / "probes.npz")

    def probe_probs(self, split: SplitName) -> NDArray[np.float64]:
        """Distributions of every layer's probe over a split, shape (L + 1, N, C)."""
        spec = {"probes": self.probes_key, "data": self.data.fingerprint(split)}
        return self.stored_array(
            "probe-probs", spec, lambda: self.probes.predict(self.features(split))
        )

    def probe_accuracy(self, split: SplitName) -> NDArray[np.float64]:
        """Accuracy of every layer's probe against gold labels, shape (L + 1,)."""
        return self._correct(split).mean(axis=-1)

    def _correct(self, split: SplitName) -> NDArray[np.bool_]:
        """Whether each layer's probe is right about each item, shape (L + 1, N)."""
        return np.asarray(self.probe_probs(split).argmax(axis=-1) == self.labels(split))

    def probe(self) -> None:
        """Fit the probes, and apply them to all that students need: train and validation."""
        self.probe_probs("validation")
        self.layer_probs()

    def folds(self, count: int) -> Iterator[tuple[NDArray[np.intp], Self]]:
        """The training items in folds: the rows of each, and a pipeline that has not seen them.

        Its training items are those of the other folds, its evaluation items the fold's. Equal
        texts (premises) are in one fold.

        Args:
            count: Number of folds, from 2.

        Raises:
            ValueError: If a fold would be empty, or the teacher is given, so that nobody knows
                which items it has seen.
        """
        if self._given_teacher is not None or self.config.model.fine_tuned:
            raise ValueError(
                "targets cannot be cross-fitted with a teacher that is trained already: start from "
                "an encoder without a head for these classes"
            )
        items = self.data.items("train")
        fold_of = text_folds(items["text"][:], count)
        if len(np.unique(fold_of)) < count:
            raise ValueError(f"{len(items)} items are too few for {count} folds")
        for fold in range(count):
            seen, unseen = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
            splits = dataclasses.replace(
                self.splits,
                train=items.select(seen),
                evaluation=items.select(unseen),
                transfer={},
            )
            yield unseen, self._variant(data=LabelledSplits(splits), checkpoint=self.checkpoint)

    def layer_probs(self) -> NDArray[np.float64]:
        """What the layers say about training items, as targets are made of it; (L + 1, N, C).

        Cross-fitted where the settings say so, teacher and probes together: a fine-tuned encoder
        has its items' labels in its features, so that new probes alone would read them there.
        """
        count = self.config.distillation.folds
        if not count:
            return self.probe_probs("train")
        shape = self.num_layers + 1, len(self.labels("train")), len(self.class_names)
        probs = np.empty(shape)
        for unseen, part in self.folds(count):
            probs[:, unseen] = part.probe_probs("evaluation")
        return probs

    def degenerate_signs(self, layer: int | None = None) -> tuple[str, ...]:
        """Why a layer (the source) may teach labels only, see ``targets.degenerate_signs``."""
        layer = self.source if layer is None else layer
        return degenerate_signs(
            self.labels("train"),
            self.layer_probs()[layer],
            self.labels("validation"),
            self.probe_probs("validation")[layer],
        )

    def choose(self, *, depth: int | None = None, source: int | None = None) -> LayerChoice:
        """Depth and source of a student, by the rules or as given, see ``choose_layers``."""
        correct, labels = self._correct("validation"), self.labels("validation")
        return choose_layers(correct, labels, self.config.selection, depth=depth, source=source)

    @cached_property
    def layers(self) -> LayerChoice:
        """Depth and source of the student, chosen on validation labels, and why."""
        return self.choose()

    @property
    def depth(self) -> int:
        """Depth of the students, see :func:`~ambiguity_lib.method.layers.choose_layers`."""
        return self.layers.depth

    @property
    def source(self) -> int:
        """Layer that distillation takes its distribution from."""
        return self.layers.source


@dataclasses.dataclass(frozen=True)
class Distillation:
    """A distilled student and how it came to be.

    Attributes:
        student: A plain sequence classifier of depth ``layers.depth``.
        layers: The chosen depth and source.
        probes: The probes of all layers of the teacher.
        validation_accuracy: Accuracy of the probes of layers 0 … L on validation labels.
        signs: Why the source layer may have taught nothing but labels, see
            ``targets.degenerate_signs``; empty where there is no reason to think so.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.method import Distillation
        >>> [field.name for field in dataclasses.fields(Distillation)]
        ['student', 'layers', 'probes', 'validation_accuracy', 'signs']
    """

    student: PreTrainedModel
    layers: LayerChoice
    probes: LayerProbes
    validation_accuracy: NDArray[np.float64]
    signs: tuple[str, ...] = ()


def distil(
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Dataset,
    validation: Dataset,
    *,
    training: TrainingConfig,
    selection: SelectionConfig,
    probing: ProbingConfig | None = None,
    weight: float = 0.5,
    checkpoint: str | Path | None = None,
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
        training: Hyper-parameters of the student.
        selection: The rules' settings.
        probing: Pooling, penalty and batch size of the probes.
        weight: λ, the share of the source layer's distribution in the target.
        checkpoint: Hub id or folder of weights that the student starts from instead of the
            teacher's lower layers, such as the pretrained ones that the teacher started from.
        seed: Seed of the student's head and training.
        progress: Whether long work shows a bar.

    Returns:
        The student, what was chosen, and the probes.

    Raises:
        ValueError: If an item has no label or an argument is out of range.

    Examples:
        >>> from ambiguity_lib.data import hold_out
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> from ambiguity_lib.method import distil
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
        >>> result = distil(
        ...     teacher,
        ...     tokenizer,
        ...     train,
        ...     validation,
        ...     training=settings,
        ...     selection=SelectionConfig(0.01, 0.5),
        ...     progress=False,
        ... )
        >>> result.student.config.num_hidden_layers == result.layers.depth
        True
        >>> result.validation_accuracy.shape
        (5,)
    """
    with tempfile.TemporaryDirectory(prefix="ambiguity-distil-") as folder:
        given = Path(folder) / "teacher"
        with quiet_transformers():
            teacher.save_pretrained(given)
            tokenizer.save_pretrained(given)
        start: Literal["checkpoint", "teacher"] = "teacher" if checkpoint is None else "checkpoint"
        config = PipelineConfig(
            model=ModelConfig(str(given if checkpoint is None else checkpoint)),
            training=training,
            selection=selection,
            distillation=DistillationConfig(weight, (weight,), start),
            probing=ProbingConfig() if probing is None else probing,
        )
        pipeline = Pipeline(
            Splits(train, validation, validation, name="own data", description=""),
            config,
            seed,
            store=ArtifactStore(Path(folder) / "store"),
            teacher=given,
            progress=progress,
        )
        student = pipeline.distilled().load()
        return Distillation(
            student,
            pipeline.layers,
            pipeline.probes,
            pipeline.probe_accuracy("validation"),
            pipeline.degenerate_signs(),
        )
