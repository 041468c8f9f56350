"""Human-distribution metrics as ``torchmetrics.Metric``, for batches and several processes.

``preds`` are the model's probabilities and ``target`` the human label distributions, both of shape
``(N, C)``. The values are those of :mod:`ambiguity_lib.metrics`, means over all items seen; these
are written in torch, so that a batch on a GPU stays there. With ``validate_args=False`` an update
never waits for the device; the check of values costs one such wait.

Example::

    scores = MetricCollection(
        [JensenShannonDistance(), KLDivergence(), EntropyCorrelation()]
    )
    scores.update(logits.softmax(dim=-1), human)
    scores.compute()
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metadata_routing import MetadataRequest
from torch import Tensor
from torchmetrics import Metric
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

from ambiguity_lib.evaluation.scores import PAIR_METRICS, score_items
from ambiguity_lib.method.probes import Features, fit_probes
from ambiguity_lib.method.temperatures import softmax
from ambiguity_lib.metrics.calibration import accuracy
from ambiguity_lib.metrics.checks import SUM_TOLERANCE
from ambiguity_lib.metrics.divergence import PROBABILITY_FLOOR
from ambiguity_lib.metrics.uncertainty import _CONSTANT_SPREAD, entropy, entropy_correlation
from ambiguity_lib.models.batches import default_device, extract_features
from ambiguity_lib.models.loading import num_layers

# Apple's GPUs have no float64; a metric must be able to move there.
_FLOAT = torch.float32 if torch.backends.mps.is_available() else torch.float64
_BELOW_ONE = 1.0 - torch.finfo(_FLOAT).eps / 2
_SMALLEST = torch.finfo(_FLOAT).tiny


class _HumanMetric(Metric):
    """Checks and converts a batch; what is added up over batches is the subclass's."""

    is_differentiable = False
    full_state_update = False

    def __init__(self, validate_args: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validate_args = validate_args

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take a batch into account.

        Raises:
            ValueError: If the shapes are not (N, C) twice, or a row is not a distribution.
        """
        if preds.shape != target.shape or preds.ndim != 2 or not len(preds) or preds.shape[1] < 2:
            raise ValueError(
                "preds and target must both have the shape (items, classes), at least one item and "
                f"two classes; got {tuple(preds.shape)} and {tuple(target.shape)}"
            )
        if self.validate_args:
            _check_distributions(preds=preds, target=target)
        self._add(_normalised(target), _normalised(preds))

    def _add(self, human: Tensor, model: Tensor) -> None:
        raise NotImplementedError


class _MeanOverItems(_HumanMetric):
    """A number an item, averaged; NaN before the first item."""

    higher_is_better = False
    plot_lower_bound = 0.0
    count: Tensor

    def __init__(self, validate_args: bool = True, **kwargs: Any) -> None:
        super().__init__(validate_args, **kwargs)
        # A MetricCollection makes one of two metrics whose states have the same names and, after
        # the first batch, the same values: all distances are 0 where preds equal target.
        self._sum = f"sum_of_{type(self).__name__}"
        self.add_state(self._sum, torch.zeros((), dtype=_FLOAT), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def _add(self, human: Tensor, model: Tensor) -> None:
        setattr(self, self._sum, getattr(self, self._sum) + self._per_item(human, model).sum())
        self.count = self.count + len(human)

    def compute(self) -> Tensor:
        """Mean over all items so far."""
        mean: Tensor = getattr(self, self._sum) / self.count
        return mean

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        """Values of a batch, shape (N,)."""
        raise NotImplementedError


class JensenShannonDistance(_MeanOverItems):
    """Mean Jensen-Shannon distance: the square root of the divergence, natural logarithm.

    See :func:`ambiguity_lib.metrics.divergence.jensen_shannon_distance`. (torchmetrics' own
    ``JensenShannonDivergence`` is the mean of the squares.)
    """

    plot_upper_bound = 0.8326

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        # p/m = 1 + t and q/m = 1 − t, see metrics.divergence for why log1p
        t = (human - model) / (human + model).clamp(min=_SMALLEST)
        human_part = human * torch.log1p(t.clamp(min=-_BELOW_ONE))
        model_part = model * torch.log1p(-t.clamp(max=_BELOW_ONE))
        return (0.5 * (human_part + model_part).sum(dim=1)).clamp(min=0.0).sqrt()


class KLDivergence(_MeanOverItems):
    """Mean KL(human‖model) in nats, ``preds`` floored at 1e-15 and renormalised.

    See :func:`ambiguity_lib.metrics.divergence.kl_divergence`. (torchmetrics' own ``KLDivergence(p, q)``
    takes the human distributions first and has another floor.)
    """

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        floored = _normalised(model.clamp(min=PROBABILITY_FLOOR))
        logarithms = torch.xlogy(human, human) - human * floored.log()
        return logarithms.sum(dim=1).clamp(min=0.0)


class TotalVariationDistance(_MeanOverItems):
    """Mean total variation distance (DistCE), see :mod:`ambiguity_lib.metrics`."""

    plot_upper_bound = 1.0

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        return 0.5 * (human - model).abs().sum(dim=1)


class EntropyCalibrationError(_MeanOverItems):
    """Mean absolute entropy difference in nats (EntCE), see :mod:`ambiguity_lib.metrics`."""

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        return (_entropy(model) - _entropy(human)).abs()


class RankMatch(_MeanOverItems):
    """Share of items whose classes are ranked exactly as people do (RankCS).

    Ties are broken as in :func:`ambiguity_lib.metrics.uncertainty.rank_match`. Rounding makes ties: ``preds``
    in half precision give another value than the same ones in float32.
    """

    higher_is_better = True
    plot_upper_bound = 1.0

    @staticmethod
    def _per_item(human: Tensor, model: Tensor) -> Tensor:
        rankings = (torch.argsort(probs, dim=1, stable=True) for probs in (human, model))
        return torch.eq(*rankings).all(dim=1).to(_FLOAT)


class EntropyCorrelation(_HumanMetric):
    """Pearson correlation, over items, of human and model entropy.

    Batches and processes are merged by count, means and centred sums (Chan, Golub & LeVeque, 1983),
    so the value does not depend on how items were dealt out. NaN where it is undefined: fewer than
    two items, or the same entropy (to 1e-12 nats) for all on either side.
    """

    higher_is_better = True
    plot_lower_bound = -1.0
    plot_upper_bound = 1.0
    moments: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, validate_args: bool = True, **kwargs: Any) -> None:
        super().__init__(validate_args, **kwargs)
        self.add_state("moments", torch.zeros(6, dtype=_FLOAT), dist_reduce_fx=_merge_moments)
        infinite = torch.full((2,), torch.inf, dtype=_FLOAT)
        self.add_state("lowest", infinite, dist_reduce_fx="min")
        self.add_state("highest", -infinite, dist_reduce_fx="max")

    def _add(self, human: Tensor, model: Tensor) -> None:
        entropies = torch.stack([_entropy(human), _entropy(model)])
        # every item is a part of its own, without a spread
        items = torch.zeros(len(human), 6, dtype=entropies.dtype, device=entropies.device)
        items[:, 0] = 1.0
        items[:, 1:3] = entropies.T
        batch = _merge_moments(items)
        self.moments = _merge_moments(torch.stack([self.moments, batch]))
        self.lowest = torch.minimum(self.lowest, entropies.amin(dim=1))
        self.highest = torch.maximum(self.highest, entropies.amax(dim=1))

    def compute(self) -> Tensor:
        """Correlation over all items so far."""
        human, model, both = self.moments[3:]
        correlation = (both / (human.sqrt() * model.sqrt())).clamp(-1.0, 1.0)
        varies = (self.highest - self.lowest > _CONSTANT_SPREAD).all()
        return torch.where(varies, correlation, torch.nan)


def _merge_moments(parts: Tensor) -> Tensor:
    """Moments of several sets of pairs (x, y) together; an empty set changes nothing."""
    counts, means, sums = parts[:, :1], parts[:, 1:3], parts[:, 3:]
    count = counts.sum(dim=0)
    mean = (counts * means).sum(dim=0) / count.clamp(min=1.0)
    x, y = (means - mean).unbind(dim=1)
    between = counts * torch.stack([x * x, y * y, x * y], dim=1)
    return torch.cat([count, mean, (sums + between).sum(dim=0)])


def _entropy(probs: Tensor) -> Tensor:
    return torch.special.entr(probs).sum(dim=1)


def _normalised(probs: Tensor) -> Tensor:
    """Rows divided by their sums, in float64 (float32 where there is none)."""
    wide = probs.detach().to(_FLOAT)
    return wide / wide.sum(dim=1, keepdim=True)


def _check_distributions(**arguments: Tensor) -> None:
    """One wait for the device if all is well.

    Raises:
        ValueError: If a row has a negative or non-finite entry or misses a sum of 1 by more than
            1e-6, or by more than its type rounds; names the first one.
    """
    good = {}
    for name, probs in arguments.items():
        rounding = torch.finfo(probs.dtype).eps if probs.is_floating_point() else 0.0
        wide = probs.detach().to(_FLOAT)
        off = (wide.sum(dim=1) - 1.0).abs()
        good[name] = (wide >= 0.0).all(dim=1) & (off <= max(SUM_TOLERANCE, rounding))
    if torch.stack(list(good.values())).all():
        return
    for name, rows in good.items():
        if not rows.all():
            row = int((~rows).nonzero()[0])
            raise ValueError(
                f"{name}: row {row} is no probability distribution: "
                f"{arguments[name][row].tolist()}; apply a softmax to logits first"
            )


FloatArray = NDArray[np.float64]

_METRICS: dict[str, Callable[[FloatArray, FloatArray], Any]] = {
    **{name.lower(): metric for name, metric in PAIR_METRICS.items()},
    "entropy_corr": entropy_correlation,
}
#: Name of a scorer → sign that makes greater better.
SCORERS = MappingProxyType(
    {"neg_jsd": -1, "neg_kl": -1, "neg_tvd": -1, "neg_entce": -1, "rankcs": 1, "entropy_corr": 1}
)


def human_scorer(name: str, *, classes: Sequence[Any] | None = None) -> HumanScorer:
    """A scorer for ``cross_val_score``, ``GridSearchCV`` and their like.

    The classifier is fitted on one label an item, as scikit-learn wants it; the human
    distributions travel beside them, dealt out to the folds by metadata routing, which has to be
    switched on::

        sklearn.set_config(enable_metadata_routing=True)
        scorer = human_scorer("neg_jsd")
        cross_val_score(
            classifier, X, labels, scoring=scorer, params={"human": human}
        )
        GridSearchCV(classifier, grid, scoring=scorer).fit(
            X, labels, human=human
        )

    Called by hand it needs no routing: ``scorer(classifier, X, human)``.

    Raises:
        ValueError: If there is no scorer of that name.
    """
    if name not in SCORERS:
        raise ValueError(f"name must be one of {', '.join(SCORERS)}; got {name!r}")
    return HumanScorer(name, None if classes is None else tuple(classes))


@dataclass(frozen=True)
class HumanScorer:
    """What :func:`human_scorer` returns.

    Attributes:
        name: Name of the scorer.
        classes: The classifier's labels in the order of the columns of the human distributions.
    """

    name: str
    classes: tuple[Any, ...] | None = None

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike | None = None, *, human: ArrayLike | None = None
    ) -> float:
        """Score a fitted classifier.

        Raises:
            ValueError: If there are no distributions, or the classifier has a class they have not.
        """
        people = np.asarray(y if human is None else human)
        if people.ndim != 2:
            raise ValueError(
                "human distributions are needed, shape (items, classes): switch metadata routing "
                "on and pass them, as cross_val_score(..., params={'human': human}) or "
                f"search.fit(X, y, human=human); got shape {people.shape}"
            )
        columns = self.classes or tuple(range(people.shape[1]))
        unknown = set(estimator.classes_) - set(columns)
        if unknown:
            raise ValueError(
                f"the classifier has the classes {sorted(unknown)}, the distributions {columns}; "
                "name their columns by human_scorer(name, classes=...)"
            )
        probs = np.zeros((len(people), len(columns)))
        places = [columns.index(label) for label in estimator.classes_]
        probs[:, places] = estimator.predict_proba(X)
        values = _METRICS[self.name.removeprefix("neg_")](people.astype(np.float64), probs)
        return float(SCORERS[self.name] * np.mean(values))

    def get_metadata_routing(self) -> MetadataRequest:
        """Ask scikit-learn for the rows of ``human`` that belong to a fold."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="human", alias=True)
        return request


def human_metrics(
    human: ArrayLike | None = None,
    *,
    old_labels: ArrayLike | None = None,
    new_labels: ArrayLike | None = None,
) -> Callable[[EvalPrediction], dict[str, float]]:
    """What to give a ``Trainer`` as ``compute_metrics``.

    Human distributions are either the labels of the evaluation dataset (``human_metrics()``; train
    with ``compute_loss_func=soft_cross_entropy`` from :mod:`ambiguity_lib.models.training` then, or
    transformers takes them for several labels an item), or given here, beside integer labels.

    Arrays given here are in the order of the evaluation dataset. With
    ``train_sampling_strategy="group_by_length"`` a ``Trainer`` shuffles that one too, so give
    distributions as labels there.
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

    Raises:
        ValueError: If an argument is none of the above, a label is no class of the model, the
            architecture is unsupported, there is no tokenizer, or the weights are sharded.
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
