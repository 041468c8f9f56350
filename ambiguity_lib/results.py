"""The tidy table of a full experiment: one row an item, method and seed, kept as Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ambiguity_lib.evaluation import score_items
from ambiguity_lib.experiment import Experiment
from ambiguity_lib.methods import Method
from ambiguity_lib.metrics import entropy
from ambiguity_lib.paths import written_whole
from ambiguity_lib.task_data import Gold

#: Rows that know nothing about the single item; the second reads the gold distributions' mean.
REFERENCES = ("uniform", "constant mean")


def score_methods(
    experiment: Experiment, methods: Sequence[Method], seeds: Sequence[int]
) -> pd.DataFrame:
    """Score methods on every evaluation set of an experiment, all folds taken together.

    Args:
        experiment: Data and settings; what is not in its store is computed.
        methods: Methods.
        seeds: Seeds; a method that has one result for all appears once, under the first.

    Returns:
        Columns ``dataset``, ``method``, ``seed``, ``uid``, those of
        :func:`~ambiguity_lib.evaluation.score_items`, ``confidence`` (the largest probability) and
        ``human_entropy`` (nats). Under the first seed there are two more methods that read no text,
        ``uniform`` and ``constant mean``, which is the mean of the human distributions.

    Examples:
        >>> from ambiguity_lib.experiment import Experiment
        >>> from ambiguity_lib.methods import METHODS
        >>> from ambiguity_lib.results import score_methods
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> scores = score_methods(experiment, [METHODS["teacher"]], seeds=[0])
        >>> scores.groupby("method", sort=False).size()
        method
        teacher          30
        uniform          30
        constant mean    30
        dtype: int64
    """
    frames = []
    for fold in range(experiment.profile.data.folds):
        by_seed = {seed: experiment.with_fold(fold).with_seed(seed) for seed in seeds}
        first = by_seed[seeds[0]]
        for split in first.evaluation_splits:
            gold = first.gold(split)
            for method in methods:
                for seed in seeds if method.per_seed else seeds[:1]:
                    probs = method.probs(by_seed[seed], split)
                    frames.append(score_probs(gold, method.name, seed, probs))
            uniform = np.full_like(gold.human, 1 / gold.human.shape[1])
            constant = np.tile(gold.human.mean(axis=0), (len(gold.human), 1))
            for name, probs in zip(REFERENCES, (uniform, constant), strict=True):
                frames.append(score_probs(gold, name, seeds[0], probs))
    return pd.concat(frames, ignore_index=True)


def score_probs(gold: Gold, method: str, seed: int, probs: NDArray[np.float64]) -> pd.DataFrame:
    """Rows of the table for one array of distributions, shape (N, C).

    Args:
        gold: What people said about the items.
        method: What to call the method.
        seed: The seed of its training.
        probs: Its distributions, shape (N, C).

    Returns:
        N rows with the columns of :func:`score_methods`.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.results import score_probs
        >>> from ambiguity_lib.task_data import Gold
        >>> labels = np.array([0, 1])
        >>> human = np.array([[0.6, 0.4], [0.1, 0.9]])
        >>> gold = Gold("toy", ("a", "b"), human, labels, labels, None)
        >>> probs = np.array([[0.9, 0.1], [0.1, 0.9]])
        >>> rows = score_probs(gold, "teacher", 0, probs)
        >>> rows[["dataset", "method", "uid", "JSD", "confidence"]].round(3)
          dataset   method uid    JSD  confidence
        0     toy  teacher   a  0.252         0.9
        1     toy  teacher   b  0.000         0.9
    """
    scores = score_items(
        probs, gold.human, old_labels=gold.old_labels, new_labels=gold.new_labels
    ).assign(confidence=probs.max(axis=1), human_entropy=entropy(gold.human))
    names = {"dataset": gold.name, "method": method, "seed": seed, "uid": list(gold.uids)}
    return pd.concat([pd.DataFrame(names, index=scores.index), scores], axis=1)


def write_scores(scores: pd.DataFrame, path: Path) -> Path:
    """Write the table as Parquet, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        scores.to_parquet(temporary, index=False, compression="zstd")
    return path
