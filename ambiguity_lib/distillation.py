"""The recipe: probe the layers, choose depth and source, distil into the pruned model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ambiguity_lib.data import class_names
from ambiguity_lib.features import extract_features
from ambiguity_lib.models import load_classifier
from ambiguity_lib.probing import LayerProbes, fit_probes
from ambiguity_lib.profiles import ProbingConfig, SelectionConfig, TrainingConfig
from ambiguity_lib.pruning import LayerChoice, choose_layers
from ambiguity_lib.targets import mixture_targets
from ambiguity_lib.training import fine_tune


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
        >>> from ambiguity_lib.distillation import Distillation
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
    :class:`~ambiguity_lib.experiment.Experiment`, which is made of the same steps.

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
        >>> from ambiguity_lib.data import hold_out, read_dataset
        >>> from ambiguity_lib.distillation import distil_lower_layer
        >>> from ambiguity_lib.models import load_classifier, load_tokenizer
        >>> from ambiguity_lib.profiles import SelectionConfig, TrainingConfig
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
