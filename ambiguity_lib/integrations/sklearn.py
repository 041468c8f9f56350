"""scikit-learn scorers that judge a classifier's probabilities by human distributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metadata_routing import MetadataRequest

from ambiguity_lib.evaluation import PAIR_METRICS
from ambiguity_lib.metrics import entropy_correlation

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

    Args:
        name: ``neg_jsd`` (the distance), ``neg_kl`` and ``neg_entce`` (nats), ``neg_tvd``,
            ``rankcs``, which are means over the items of a fold, or ``entropy_corr``, their
            correlation over these. Greater is better.
        classes: The classifier's labels in the order of the columns of the human distributions;
            0 … C − 1 if None.

    Returns:
        The scorer, to be given as ``scoring=``.

    Raises:
        ValueError: If there is no scorer of that name.

    Examples:
        >>> import numpy as np
        >>> from sklearn.dummy import DummyClassifier
        >>> from ambiguity_lib.integrations.sklearn import human_scorer
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
    return HumanScorer(name, None if classes is None else tuple(classes))


@dataclass(frozen=True)
class HumanScorer:
    """What :func:`human_scorer` returns.

    Attributes:
        name: Name of the scorer.
        classes: The classifier's labels in the order of the columns of the human distributions.

    Examples:
        >>> from ambiguity_lib.integrations.sklearn import human_scorer
        >>> human_scorer("neg_jsd", classes=("bad", "good"))
        HumanScorer(name='neg_jsd', classes=('bad', 'good'))
    """

    name: str
    classes: tuple[Any, ...] | None = None

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike | None = None, *, human: ArrayLike | None = None
    ) -> float:
        """Score a fitted classifier.

        Args:
            estimator: Has ``predict_proba`` and ``classes_``. A class that it never saw has
                probability 0.
            X: Features of N items.
            y: Labels, which play no part; or, without ``human``, the human distributions.
            human: Human distributions, shape (N, C).

        Returns:
            The score of the items; greater is better.

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
