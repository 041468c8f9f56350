"""Our metrics where other libraries look for them: torchmetrics, scikit-learn, the ``Trainer``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import sklearn
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import make_scorer
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from transformers import EvalPrediction

from ambiguity_lib.evaluation.scores import PAIR_METRICS, score_items
from ambiguity_lib.method.temperatures import softmax
from ambiguity_lib.metrics.calibration import accuracy
from ambiguity_lib.metrics.checks import SUM_TOLERANCE
from ambiguity_lib.metrics.uncertainty import entropy, entropy_correlation

FloatArray = NDArray[np.float64]

# Apple's GPUs have no float64; a metric must be able to move there.
_FLOAT = torch.float32 if torch.backends.mps.is_available() else torch.float64

_METRICS: dict[str, Callable[[FloatArray, FloatArray], Any]] = {
    **{name.lower(): metric for name, metric in PAIR_METRICS.items()},
    "entropy_corr": entropy_correlation,
}
#: Name of a scorer → sign that makes greater better.
SCORERS = MappingProxyType(
    {"neg_jsd": -1, "neg_kl": -1, "neg_tvd": -1, "neg_entce": -1, "rankcs": 1, "entropy_corr": 1}
)


class HumanMetric(Metric):
    """A function of :mod:`ambiguity_lib.metrics` as a ``torchmetrics.Metric``.

    It keeps all distributions seen and compares them at the end, also those of other processes, so
    the value is that of the function on all items: the mean of one that gives a number an item, or
    what one gives for the whole set. NaN before the first item.

    Args:
        metric: Of human and model distributions, in this order, for instance
            ``jensen_shannon_distance`` or ``entropy_correlation``.
        validate_args: Whether ``update`` checks that all rows are distributions, which waits for a
            GPU once. Shapes are always checked.
        kwargs: Those of ``torchmetrics.Metric``, for instance ``dist_sync_on_step``.

    Examples:
        >>> import torch
        >>> from torchmetrics import MetricCollection
        >>> from ambiguity_lib.metrics import entropy_correlation, kl_divergence
        >>> from ambiguity_lib.practice.integrations import HumanMetric
        >>> scores = MetricCollection(
        ...     {
        ...         "kl": HumanMetric(kl_divergence),
        ...         "corr": HumanMetric(entropy_correlation),
        ...     }
        ... )

        Model first, human second, as everywhere in torchmetrics; the value is
        KL(human‖model), in nats:

        >>> model = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2]])
        >>> human = torch.tensor([[1.0, 0.0], [0.7, 0.3], [0.5, 0.5]])
        >>> for preds, target in zip(model.split(2), human.split(2), strict=True):
        ...     scores.update(preds, target)
        >>> {
        ...     name: round(value.item(), 3)
        ...     for name, value in scores.compute().items()
        ... }
        {'corr': 0.97, 'kl': 0.126}
    """

    is_differentiable = False
    full_state_update = False
    preds: list[Tensor]
    target: list[Tensor]
    classes: Tensor

    def __init__(
        self, metric: Callable[..., Any], validate_args: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.metric = metric
        self.validate_args = validate_args
        self._columns: int | None = None  # of the batches, known without waiting for a device
        self.set_dtype(_FLOAT)
        # flat lists: a process without items sends an empty one, which has no number of columns
        self.add_state("preds", [], dist_reduce_fx="cat")
        self.add_state("target", [], dist_reduce_fx="cat")
        self.add_state("classes", torch.zeros((), dtype=torch.int64), dist_reduce_fx="max")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take a batch into account.

        Args:
            preds: Model probabilities, shape (N, C), of any type; a half-precision softmax may miss
                a sum of 1 by as much as its type rounds. Rows are divided by their sums.
            target: Human label distributions, shape (N, C).

        Raises:
            ValueError: If the shapes are not (N, C) twice, or a row is not a distribution.
        """
        if preds.shape != target.shape or preds.ndim != 2 or not len(preds) or preds.shape[1] < 2:
            raise ValueError(
                "preds and target must both have the shape (items, classes), at least one item and "
                f"two classes; got {tuple(preds.shape)} and {tuple(target.shape)}"
            )
        if self._columns not in (None, preds.shape[1]):
            raise ValueError(
                f"preds and target have {preds.shape[1]} classes, earlier ones {self._columns}"
            )
        if self.validate_args:
            _check_distributions("preds", preds)
            _check_distributions("target", target)
        self.preds.append(_normalised(preds).flatten())
        self.target.append(_normalised(target).flatten())
        self._columns = preds.shape[1]
        self.classes = torch.full_like(self.classes, preds.shape[1])

    def compute(self) -> Tensor:
        """The value for all items so far."""
        value = np.nan
        if len(self.preds):  # a list, or after a synchronisation one tensor
            shape = (-1, int(self.classes))
            model, human = (
                dim_zero_cat(state).reshape(shape).cpu().numpy()
                for state in (self.preds, self.target)
            )
            value = float(np.mean(self.metric(human, model)))
        return torch.tensor(value, dtype=_FLOAT, device=self.device)


def _normalised(probs: Tensor) -> Tensor:
    """Rows divided by their sums, in float64 (float32 where there is none)."""
    wide = probs.detach().to(_FLOAT)
    return wide / wide.sum(dim=1, keepdim=True)


def _check_distributions(name: str, probs: Tensor) -> None:
    """Raise ``ValueError`` for a row that misses a sum of 1 by more than its type rounds."""
    rounding = torch.finfo(probs.dtype).eps if probs.is_floating_point() else 0.0
    wide = probs.detach().to(_FLOAT)
    off = (wide.sum(dim=1) - 1.0).abs()
    good = (wide >= 0.0).all(dim=1) & (off <= max(SUM_TOLERANCE, rounding))
    if not good.all():
        row = int((~good).nonzero()[0])
        raise ValueError(
            f"{name}: row {row} is no probability distribution: {probs[row].tolist()}; "
            "apply a softmax to logits first"
        )


def human_scorer(name: str, *, classes: Sequence[Any] | None = None) -> Any:
    """A scorer for ``cross_val_score``, ``GridSearchCV`` and their like, by ``make_scorer``.

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

    Args:
        name: ``neg_jsd`` (the distance), ``neg_kl`` and ``neg_entce`` (nats), ``neg_tvd``,
            ``rankcs``, which are means over the items of a fold, or ``entropy_corr``, their
            correlation over these. Greater is better.
        classes: The classifier's labels in the order of the columns of the human distributions;
            their sorted order if None.

    Returns:
        The scorer, to be given as ``scoring=``. It raises ``ValueError`` if there are no
        distributions, or the classifier was fitted on fewer classes than they have: every fold
        must have all (``StratifiedKFold``).

    Raises:
        ValueError: If there is no scorer of that name.

    Examples:
        >>> import numpy as np
        >>> from sklearn.dummy import DummyClassifier
        >>> from ambiguity_lib.practice.integrations import human_scorer
        >>> features, labels = np.zeros((4, 1)), [0, 0, 0, 1]
        >>> human = [[1.0, 0.0], [0.8, 0.2], [0.7, 0.3], [0.5, 0.5]]
        >>> classifier = DummyClassifier(strategy="prior").fit(features, labels)

        Greater is better, so a distance has a minus sign:

        >>> round(human_scorer("neg_tvd")(classifier, features, human), 4)
        -0.15
        >>> human_scorer("tvd")
        Traceback (most recent call last):
            ...
        ValueError: name must be one of neg_jsd, neg_kl, neg_tvd, neg_entce, rankcs,
        entropy_corr; got 'tvd'
    """
    if name not in SCORERS:
        raise ValueError(f"name must be one of {', '.join(SCORERS)}; got {name!r}")
    scorer = make_scorer(
        _score,
        response_method="predict_proba",
        greater_is_better=SCORERS[name] > 0,
        name=name.removeprefix("neg_"),
        # a classifier's columns are in the order of its sorted labels
        order=None if classes is None else np.argsort(np.argsort(np.asarray(classes))),
    )
    with sklearn.config_context(enable_metadata_routing=True):
        return scorer.set_score_request(human=True)


def _score(
    y: ArrayLike,
    probs: FloatArray,
    *,
    human: ArrayLike | None = None,
    name: str,
    order: NDArray[np.intp] | None,
) -> float:
    """Mean of a metric; ``y`` are the human distributions where ``human`` is not given."""
    people = np.asarray(y if human is None else human)
    if people.ndim != 2:
        raise ValueError(
            "human distributions are needed, shape (items, classes): switch metadata routing "
            "on and pass them, as cross_val_score(..., params={'human': human}) or "
            f"search.fit(X, y, human=human); got shape {people.shape}"
        )
    if probs.ndim == 1:  # of two classes scikit-learn gives the second one's
        probs = np.stack([1 - probs, probs], axis=1)
    expected = people.shape[1] if order is None else len(order)
    if not probs.shape[1] == expected == people.shape[1]:
        raise ValueError(
            f"the classifier has {probs.shape[1]} classes, the distributions {people.shape[1]}, "
            f"expected {expected}: fit it on all of them (StratifiedKFold), and name their columns "
            "by human_scorer(name, classes=...)"
        )
    model = probs if order is None else probs[:, order]
    return float(np.mean(_METRICS[name](people.astype(np.float64), model)))


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
        >>> from ambiguity_lib.practice.integrations import human_metrics
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
