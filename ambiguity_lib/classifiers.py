"""Classifiers in the store: trained once, kept as plain Hugging Face folders with their logits."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from ambiguity_lib.artifacts import Artifact, artifact_key
from ambiguity_lib.baselines import softmax
from ambiguity_lib.experimental_setup import ExperimentalSetup
from ambiguity_lib.models import load_classifier, load_tokenizer, num_layers, quiet_transformers
from ambiguity_lib.processes import is_main_process, world_size
from ambiguity_lib.profiles import TrainingConfig
from ambiguity_lib.profiling import checkpoint_bytes, count_parameters
from ambiguity_lib.task_data import SplitName
from ambiguity_lib.training import EarlyStopping, Resume, fine_tune, predict_logits


class Classifier:
    """A trained classifier in the store: a plain Hugging Face folder and its logits.

    An :class:`~ambiguity_lib.experiment.Experiment` gives them.

    Attributes:
        path: The folder.
        key: What the store calls it.

    Examples:
        >>> from ambiguity_lib.experiment import Experiment
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
