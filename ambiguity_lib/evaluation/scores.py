"""Distributions against human distributions: one row a method, intervals, the noise floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray

from ambiguity_lib.data.schema import human_distributions
from ambiguity_lib.method.temperatures import apply_temperature, oracle_temperature
from ambiguity_lib.metrics.calibration import accuracy, expected_calibration_error
from ambiguity_lib.metrics.divergence import (
    jensen_shannon_distance,
    kl_divergence,
    total_variation_distance,
)
from ambiguity_lib.metrics.uncertainty import (
    entropy,
    entropy_calibration_error,
    entropy_correlation,
    rank_match,
)

FloatArray = NDArray[np.float64]
PairMetric = Callable[[FloatArray, FloatArray], FloatArray]

#: Column of a score table → per-item metric of (human, model).
PAIR_METRICS: dict[str, PairMetric] = {
    "JSD": jensen_shannon_distance,
    "KL": kl_divergence,
    "TVD": total_variation_distance,
    "EntCE": entropy_calibration_error,
    "RankCS": rank_match,
}


def score_items(
    probs: ArrayLike,
    human: ArrayLike,
    *,
    old_labels: ArrayLike | None = None,
    new_labels: ArrayLike | None = None,
) -> pd.DataFrame:
    """Every per-item score of one method.

    Args:
        probs: Model distributions, shape (N, C).
        human: Human distributions, shape (N, C).
        old_labels: Original gold labels, shape (N,).
        new_labels: Majority labels of the re-annotation, shape (N,).

    Returns:
        N rows; columns ``accuracy_old`` and ``accuracy_new`` where labels are given, ``entropy``
        (nats) and those of :data:`PAIR_METRICS`.

    Examples:
        >>> from ambiguity_lib.evaluation import score_items
        >>> human = [[0.6, 0.4], [1.0, 0.0]]
        >>> scores = score_items([[0.9, 0.1], [0.9, 0.1]], human, new_labels=[0, 1])
        >>> scores[["accuracy_new", "entropy", "JSD", "KL"]].round(3)
           accuracy_new  entropy    JSD     KL
        0           1.0    0.325  0.252  0.311
        1           0.0    0.325  0.190  0.105
    """
    model, people = np.asarray(probs, float), np.asarray(human, float)
    columns: dict[str, FloatArray] = {}
    for name, labels in (("accuracy_old", old_labels), ("accuracy_new", new_labels)):
        if labels is not None:
            columns[name] = accuracy(labels, model)
    columns["entropy"] = entropy(model)
    columns |= {name: metric(people, model) for name, metric in PAIR_METRICS.items()}
    return pd.DataFrame(columns)


def score_table(
    methods: Mapping[str, ArrayLike],
    human: ArrayLike,
    *,
    old_labels: ArrayLike | None = None,
    new_labels: ArrayLike | None = None,
    logits: Mapping[str, ArrayLike] | None = None,
    reference_rows: bool = True,
    bins: int = 15,
) -> pd.DataFrame:
    """Mean scores, one row a method.

    Args:
        methods: Name → distributions over the same N items, shape (N, C).
        human: Human distributions, shape (N, C).
        old_labels: Original gold labels.
        new_labels: Majority labels of the re-annotation; ECE is measured against them.
        logits: Name → logits for which a row at the oracle temperature (best mean KL, chosen on
            these very items, so it uses gold) is added.
        reference_rows: Whether to add the uniform and the constant-mean distribution, which know
            nothing about the single item, and the humans themselves.
        bins: Bins of the calibration error.

    Returns:
        Mean per-item scores, and ``entropy_corr`` and ``ECE``, indexed by method. Entropies,
        KL and EntCE are in nats; JSD is the distance.

    Examples:
        >>> from ambiguity_lib.evaluation import score_table
        >>> human = [[0.6, 0.4], [1.0, 0.0], [0.3, 0.7]]
        >>> table = score_table(
        ...     {"model": [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]}, human
        ... )
        >>> table[["entropy", "JSD", "KL"]].round(3)
                                   entropy    JSD     KL
        method
        model                        0.325  0.207  0.190
        uniform                      0.693  0.227  0.265
        constant mean (uses gold)    0.657  0.216  0.229
        humans                       0.428  0.000  0.000
    """
    people = np.asarray(human, float)
    rows: dict[str, FloatArray] = {name: np.asarray(p, float) for name, p in methods.items()}
    for name, values in (logits or {}).items():
        temperature = oracle_temperature(values, people, "KL")
        rows[f"{name} at oracle T={temperature:.2f} (uses gold)"] = apply_temperature(
            values, temperature
        )
    if reference_rows:
        rows["uniform"] = np.full_like(people, 1.0 / people.shape[1])
        rows["constant mean (uses gold)"] = np.tile(people.mean(axis=0), (len(people), 1))
        rows["humans"] = people
    table = {}
    for name, probs in rows.items():
        items = score_items(probs, people, old_labels=old_labels, new_labels=new_labels)
        row = items.mean().to_dict()
        row["entropy_corr"] = entropy_correlation(people, probs)
        if new_labels is not None:
            row["ECE"] = expected_calibration_error(new_labels, probs, n_bins=bins)
        table[name] = row
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("method")


def tied_items(human: ArrayLike) -> int:
    """Items on which several classes share the first place, so that none is the majority's."""
    people = np.asarray(human)
    return int(((people == people.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())


def split_votes(
    counts: ArrayLike, generator: np.random.Generator, first: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Deal every item's votes at random into two parts.

    Args:
        counts: Votes, shape (N, C); every item needs at least two.
        generator: Source of randomness.
        first: Votes of the first part; ⌊total / 2⌋ an item if None.

    Returns:
        Votes of the first part and of the rest; each of shape (N, C).

    Raises:
        ValueError: If a part of an item would have no votes; names the first such item.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.evaluation import split_votes
        >>> first, rest = split_votes([[6, 4], [10, 0]], np.random.default_rng(0))
        >>> first.sum(axis=1), (first + rest).tolist()
        (array([5, 5]), [[6, 4], [10, 0]])
        >>> split_votes([[1, 0]], np.random.default_rng(0))
        Traceback (most recent call last):
            ...
        ValueError: item 0 has 1 vote; splitting needs at least 2
    """
    votes = np.asarray(counts, dtype=np.int64)
    totals = votes.sum(axis=1)
    needed = 2 if first is None else max(first, 1) + 1
    if (totals < needed).any():
        row = int(np.flatnonzero(totals < needed)[0])
        votes_of = f"{totals[row]} vote{'' if totals[row] == 1 else 's'}"
        raise ValueError(f"item {row} has {votes_of}; splitting needs at least {needed}")
    half = np.empty_like(votes)
    left_to_draw = totals // 2 if first is None else np.full_like(totals, first)
    left = totals.copy()
    for column in range(votes.shape[1]):
        # Without replacement, one class at a time: the multivariate hypergeometric law.
        taken = generator.hypergeometric(votes[:, column], left - votes[:, column], left_to_draw)
        half[:, column] = taken
        left_to_draw = left_to_draw - taken
        left = left - votes[:, column]
    return half, votes - half


def noise_floor(
    counts: ArrayLike,
    metric: PairMetric = jensen_shannon_distance,
    *,
    repeats: int = 100,
    seed: int = 0,
) -> float:
    """Mean score of one half of the votes against the other: as good as the data can tell.

    Args:
        counts: Votes, shape (N, C).
        metric: Per-item metric of two arrays of distributions.
        repeats: Random splits to average over.
        seed: Seed of the splits.

    Returns:
        The mean over items and splits, in the unit of the metric.

    Examples:
        >>> from ambiguity_lib.evaluation import noise_floor

        Halves of 100 votes agree better with each other than halves of ten; a model
        can hardly do better:

        >>> round(noise_floor([[60, 40]]), 2)
        0.05
        >>> round(noise_floor([[6, 4]]), 2)
        0.19
    """
    generator = np.random.default_rng(seed)
    scores = [metric(*_split_distributions(counts, generator)).mean() for _ in range(repeats)]
    return float(np.mean(scores))


def _split_distributions(
    counts: ArrayLike, generator: np.random.Generator, first: int | None = None
) -> tuple[FloatArray, FloatArray]:
    one, other = split_votes(counts, generator, first)
    return one / one.sum(axis=1, keepdims=True), other / other.sum(axis=1, keepdims=True)


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

    @classmethod
    def of(cls, dataset: Dataset, name: str) -> Gold:
        """What people said about the items of a dataset with human columns.

        Args:
            dataset: With ``label_dist``, ``label`` and ``majority_label``.
            name: The evaluation set, for tables.

        Returns:
            Their distributions, labels and votes.
        """
        counts = dataset["label_counts"][:] if "label_counts" in dataset.features else None
        return cls(
            name=name,
            uids=tuple(dataset["uid"][:]),
            human=human_distributions(dataset),
            old_labels=np.asarray(dataset["label"][:]),
            new_labels=np.asarray(dataset["majority_label"][:]),
            counts=None if counts is None else np.asarray(counts),
        )


def score_probs(gold: Gold, method: str, seed: int, probs: NDArray[np.float64]) -> pd.DataFrame:
    """Rows of the table for one array of distributions, shape (N, C).

    Args:
        gold: What people said about the items.
        method: What to call the method.
        seed: The seed of its training.
        probs: Its distributions, shape (N, C).

    Returns:
        N rows with the columns of :func:`score_methods`; ``overconfidence`` is the confidence
        above the share of people who agree with the answer.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.evaluation import Gold, score_probs
        >>> labels = np.array([0, 1])
        >>> human = np.array([[0.6, 0.4], [0.1, 0.9]])
        >>> gold = Gold("toy", ("a", "b"), human, labels, labels, None)
        >>> probs = np.array([[0.9, 0.1], [0.1, 0.9]])
        >>> rows = score_probs(gold, "teacher", 0, probs)
        >>> rows[["dataset", "method", "uid", "JSD", "overconfidence"]].round(3)
          dataset   method uid    JSD  overconfidence
        0     toy  teacher   a  0.252             0.3
        1     toy  teacher   b  0.000             0.0
    """
    confidence = probs.max(axis=1)
    agreement = gold.human[np.arange(len(probs)), probs.argmax(axis=1)]
    scores = score_items(
        probs, gold.human, old_labels=gold.old_labels, new_labels=gold.new_labels
    ).assign(
        overconfidence=confidence - agreement,
        confidence=confidence,
        human_entropy=entropy(gold.human),
    )
    names = {"dataset": gold.name, "method": method, "seed": seed, "uid": list(gold.uids)}
    return pd.concat([pd.DataFrame(names, index=scores.index), scores], axis=1)
