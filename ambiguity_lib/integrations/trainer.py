"""Human-distribution metrics and layer probes for anybody's Hugging Face ``Trainer``."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from transformers import (
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from ambiguity_lib.baselines import softmax
from ambiguity_lib.devices import default_device
from ambiguity_lib.evaluation import score_items
from ambiguity_lib.features import extract_features
from ambiguity_lib.metrics import accuracy, entropy, entropy_correlation
from ambiguity_lib.models import num_layers
from ambiguity_lib.probing import Features, fit_probes

FloatArray = NDArray[np.float64]


def human_metrics(
    human: ArrayLike | None = None,
    *,
    old_labels: ArrayLike | None = None,
    new_labels: ArrayLike | None = None,
) -> Callable[[EvalPrediction], dict[str, float]]:
    """What to give a ``Trainer`` as ``compute_metrics``.

    Human distributions are either the labels of the evaluation dataset (``human_metrics()``; train
    with ``compute_loss_func=soft_cross_entropy`` from :mod:`ambiguity_lib.training` then, or
    transformers takes them for several labels an item), or given here, beside integer labels.

    Arrays given here are in the order of the evaluation dataset. With
    ``train_sampling_strategy="group_by_length"`` a ``Trainer`` shuffles that one too, so give
    distributions as labels there.

    Args:
        human: Human distributions, shape (N, C); None where the dataset's labels are these.
        old_labels: Original gold labels, shape (N,).
        new_labels: Majority labels of a re-annotation, shape (N,).

    Returns:
        A function that makes mean scores from logits and labels. They are ``jsd`` (the distance),
        ``kl`` and ``entce`` (nats), ``tvd``, ``rankcs``, ``entropy`` and ``entropy_human`` (nats),
        ``entropy_corr`` (NaN where undefined), ``accuracy_old`` and ``accuracy_new`` where such
        labels were given, and ``accuracy`` where the dataset's labels are integers. The ``Trainer``
        puts ``eval_`` before them. The function raises ``ValueError`` if there are no
        distributions, or two, or if shapes differ.

    Examples:
        >>> import numpy as np
        >>> from transformers import EvalPrediction
        >>> from ambiguity_lib.integrations.trainer import human_metrics
        >>> human = [[0.6, 0.4], [0.2, 0.8]]
        >>> compute_metrics = human_metrics(human)
        >>> logits, labels = np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 1])
        >>> scores = compute_metrics(
        ...     EvalPrediction(predictions=logits, label_ids=labels)
        ... )
        >>> {name: round(scores[name], 3) for name in ("jsd", "kl", "accuracy")}
        {'jsd': 0.155, 'kl': 0.14, 'accuracy': 1.0}
    """
    given = None if human is None else np.asarray(human, dtype=np.float64)

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        logits = prediction.predictions
        if isinstance(logits, tuple):  # followed by hidden states and the like
            logits = logits[0]
        probs, labels = softmax(logits), np.asarray(prediction.label_ids)
        are_distributions = labels.ndim == 2
        if are_distributions == (given is not None):
            raise ValueError(
                "give human distributions once: as the evaluation dataset's labels, of shape "
                "(items, classes), or by human_metrics(human) beside integer labels; "
                f"the labels have shape {labels.shape}, human is {type(human).__name__}"
            )
        people = labels if given is None else given
        items = score_items(probs, people, old_labels=old_labels, new_labels=new_labels)
        scores = {str(name).lower(): float(mean) for name, mean in items.mean().items()}
        scores["entropy_human"] = float(entropy(people).mean())
        scores["entropy_corr"] = entropy_correlation(people, probs)
        if not are_distributions:
            scores["accuracy"] = float(accuracy(labels, probs).mean())
        return scores

    return compute_metrics


class LayerProbeCallback(TrainerCallback):
    """Measures, while a model is fine-tuned, how well each layer knows the classes already.

    At every measurement a softmax probe a layer is fitted on ``train`` and scored on
    ``validation``; the accuracies are logged as ``probe_accuracy/layer_0`` (the embeddings) and so
    on, to wherever the trainer logs. The training goes on as if nothing had been: weights, losses
    and random numbers are the same with and without the callback.

    Only the world's process zero measures, and only its :attr:`history` has rows; the others wait
    for it at the next step, so keep ``train`` to a few thousand items. A model whose weights are
    spread over processes cannot be measured by one of them and is refused.

    Args:
        trainer: The trainer that it is added to; logging needs it.
        train: Items with ``text`` (and ``text_pair``) and ``label`` that probes are fitted on.
        validation: Items that they are scored on.
        every: ``"epoch"``, ``"evaluation"`` (after each, once a step) or a number of steps.
        tokenizer: The trainer's ``processing_class`` if None.
        max_length: Longest input in tokens.
        pooling: ``"mean"`` or ``"cls"``.
        batch_size: Items per forward pass.
        precision: Of the forward pass: ``"fp32"``, ``"bf16"`` or ``"auto"``.
        l2: Strength of the probes' penalty.
        progress: Whether to show progress bars.

    Raises:
        ValueError: If an argument is none of the above, a label is no class of the model, the
            architecture is unsupported, there is no tokenizer, or the weights are sharded.

    Examples:
        >>> from datasets import Dataset
        >>> from transformers import (
        ...     DataCollatorWithPadding,
        ...     Trainer,
        ...     TrainingArguments,
        ... )
        >>> from transformers.trainer_callback import PrinterCallback
        >>> from ambiguity_lib.batching import encode
        >>> from ambiguity_lib.data import hold_out, read_dataset
        >>> from ambiguity_lib.integrations.trainer import LayerProbeCallback
        >>> from ambiguity_lib.models import load_classifier, load_tokenizer
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> train, validation = hold_out(reviews, folds=5)
        >>> model = load_classifier("tiny", ("bad", "good"))
        >>> tokenizer = load_tokenizer("tiny")
        >>> rows = Dataset.from_list(encode(train, tokenizer, 16)).add_column(
        ...     "label", train["label"][:]
        ... )
        >>> options = {
        ...     "num_train_epochs": 1,
        ...     "use_cpu": True,
        ...     "report_to": "none",
        ...     "disable_tqdm": True,
        ... }
        >>> trainer = Trainer(
        ...     model,
        ...     TrainingArguments(
        ...         "runs", save_strategy="no", logging_strategy="no", **options
        ...     ),
        ...     data_collator=DataCollatorWithPadding(tokenizer),
        ...     train_dataset=rows,
        ...     processing_class=tokenizer,
        ... )
        >>> probes = LayerProbeCallback(trainer, train, validation)
        >>> trainer.add_callback(probes)
        >>> trainer.remove_callback(PrinterCallback)
        >>> _ = trainer.train()
        >>> probes.history["layer"].tolist(), list(probes.history.columns)
        ([0, 1, 2, 3, 4], ['step', 'epoch', 'layer', 'accuracy', 'entropy'])
    """

    def __init__(
        self,
        trainer: Trainer,
        train: Dataset,
        validation: Dataset,
        *,
        every: Literal["epoch", "evaluation"] | int = "epoch",
        tokenizer: PreTrainedTokenizerBase | None = None,
        max_length: int = 128,
        pooling: str = "mean",
        batch_size: int = 64,
        precision: str = "fp32",
        l2: float = 1e-4,
        progress: bool = False,
    ) -> None:
        if not (every in ("epoch", "evaluation") or (type(every) is int and every > 0)):
            raise ValueError(f"every must be 'epoch', 'evaluation' or a number; got {every!r}")
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
            raise ValueError("one process cannot measure weights that FSDP or DeepSpeed spread")
        self._trainer = cast(Any, trainer)  # its types allow for models without a configuration
        self._tokenizer = tokenizer or self._trainer.processing_class
        if self._tokenizer is None:
            raise ValueError("the trainer has no processing_class; give the tokenizer")
        num_layers(self._trainer.model.config)  # unsupported fails here, not after an epoch
        self._classes = int(self._trainer.model.config.num_labels)
        self._train = train, _checked_labels("train", train, self._classes)
        self._validation = validation, _checked_labels("validation", validation, self._classes)
        self._every = every
        self._l2 = l2
        self._options: dict[str, Any] = {
            "max_length": max_length,
            "pooling": pooling,
            "batch_size": batch_size,
            "precision": precision,
            "progress": progress,
        }
        self._rows: list[dict[str, float]] = []
        self._last_step: int | None = None

    @property
    def history(self) -> pd.DataFrame:
        """One row a measurement and layer.

        Columns ``step``, ``epoch``, ``layer`` (0 is the embeddings), validation ``accuracy`` and
        mean ``entropy`` of the probe's distributions (nats).
        """
        columns = ["step", "epoch", "layer", "accuracy", "entropy"]
        return pd.DataFrame(self._rows, columns=columns).astype({"step": int, "layer": int})

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Forget which step was measured last: a new training counts from 0 again."""
        self._last_step = None

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure if ``every="epoch"``."""
        if self._every == "epoch":
            self._measure(state, control)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure if ``every="evaluation"``."""
        if self._every == "evaluation":
            self._measure(state, control)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure if ``every`` divides the number of steps."""
        if isinstance(self._every, int) and state.global_step % self._every == 0:
            self._measure(state, control)

    def _measure(self, state: TrainerState, control: TrainerControl) -> None:
        # several evaluation datasets make several evaluations of one step
        if not state.is_world_process_zero or state.global_step == self._last_step:
            return
        self._last_step = state.global_step
        train, validation = (self._features(part) for part, _ in (self._train, self._validation))
        probes = fit_probes(train, self._train[1], self._classes, l2=self._l2)
        scores = {}
        for layer, probs in enumerate(probes.predict(validation)):
            score = float(accuracy(self._validation[1], probs).mean())
            scores[f"probe_accuracy/layer_{layer}"] = score
            self._rows.append(
                {
                    "step": state.global_step,
                    "epoch": state.epoch,
                    "layer": layer,
                    "accuracy": score,
                    "entropy": float(entropy(probs).mean()),
                }
            )
        wanted = control.should_log
        self._trainer.log(scores)
        control.should_log = wanted  # logging resets it, and the loss would not be logged

    def _features(self, dataset: Dataset) -> Features:
        with _undisturbed(self._trainer.model) as model:
            return extract_features(model, self._tokenizer, dataset, **self._options)


@contextlib.contextmanager
def _undisturbed(model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The model for a forward pass; modules' modes and random states are as before afterwards.

    Where it is not on the default device (``use_cpu=True`` beside a GPU) it is a copy: weights that
    were moved during inference cannot be trained any further.
    """
    if model.device.type != default_device().type:
        model = copy.deepcopy(model)
    modes = {module: module.training for module in model.modules()}  # some may be frozen
    gpus = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=gpus):
            yield model
    finally:
        for module, training in modes.items():
            module.training = training


def _checked_labels(name: str, dataset: Dataset, classes: int) -> NDArray[np.int64]:
    """Labels, shape (N,), after the checks that should not wait for the end of an epoch."""
    missing = {"text", "label"} - set(dataset.column_names)
    if missing or not len(dataset):
        raise ValueError(
            f"{name} needs items with 'text' and 'label'; it has {len(dataset)} items, "
            f"columns {dataset.column_names}"
        )
    labels = np.asarray(dataset["label"][:], dtype=np.int64)
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{name}: labels must be in 0 … {classes - 1}, the model's classes; found "
            f"{labels.min()} … {labels.max()}"
        )
    if name == "train" and len(np.unique(labels)) < 2:
        raise ValueError(
            "train: only one class occurs in the labels: there is nothing to probe for"
        )
    return labels
