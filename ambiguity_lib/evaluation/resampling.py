"""Intervals over items and seeds, paired tests with Holm's correction, results by human entropy.

Most functions take the tidy table of :func:`ambiguity_lib.study.score_methods`: one row an item,
method and seed of an evaluation set.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass as settings

from ambiguity_lib.metrics.calibration import calibration_errors
from ambiguity_lib.metrics.uncertainty import correlations


@settings(frozen=True, config={"extra": "forbid"})
class EvaluationConfig:
    """How scores are computed.

    Attributes:
        bootstrap_samples: Resamples for an interval.
        calibration_bins: Bins of the calibration error.
    """

    bootstrap_samples: PositiveInt = 1000
    calibration_bins: PositiveInt = 15


FloatArray = NDArray[np.float64]

_FLIPS_AT_A_TIME = 500
#: Scores that are means over items.
MEAN_SCORES = (
    "accuracy_old",
    "accuracy_new",
    "entropy",
    "overconfidence",
    "JSD",
    "KL",
    "TVD",
    "EntCE",
    "RankCS",
)
#: Scores of a set of items as a whole.
SET_SCORES = ("ECE", "entropy_corr")


@dataclass(frozen=True)
class Resamples:
    """Bootstrap resamples of seeds and, independently, of items.

    Methods that are compared share them, so that differences are paired.

    Attributes:
        seeds: Weight of each seed in each resample, shape (B, S); rows sum to one.
        items: Weight of each item, shape (B, N); rows sum to one.

    Examples:
        >>> from ambiguity_lib.evaluation import Resamples
        >>> resamples = Resamples.draw(seeds=2, items=5, samples=1000)
        >>> resamples.seeds.shape, resamples.items.shape
        ((1000, 2), (1000, 5))
        >>> resamples.items.sum(axis=1).round(6)[:3]
        array([1., 1., 1.])
    """

    seeds: FloatArray
    items: FloatArray

    @classmethod
    def draw(cls, seeds: int, items: int, *, samples: int = 1000, seed: int = 0) -> Resamples:
        """Draw resamples with replacement.

        Args:
            seeds: Number of seeds, S.
            items: Number of items, N.
            samples: Number of resamples, B.
            seed: Seed of the drawing.

        Returns:
            The resamples.
        """
        generator = np.random.default_rng(seed)

        def weights(count: int) -> FloatArray:
            drawn = generator.multinomial(count, np.full(count, 1 / count), size=samples)
            return drawn / count

        return cls(weights(seeds), weights(items))

    def of_seeds(self, per_seed: FloatArray) -> FloatArray:
        """Mean over resampled seeds of values (B, S) or, of one model for all seeds, (B, 1).

        Args:
            per_seed: Values of each resample of items, shape (B, S) or (B, 1).

        Returns:
            Shape (B,).
        """
        if per_seed.shape[1] == 1:
            return per_seed[:, 0]
        return np.einsum("bs,bs->b", self.seeds, per_seed)


def _means(values: FloatArray, items: FloatArray) -> FloatArray:
    """Weighted means, (B, S), of values (S, N)."""
    return items @ values.T


def item_counts(items: int, samples: int, seed: int) -> FloatArray:
    """How often each item is in each resample of one model's items, shape (B, N).

    One draw of rows a resample, the stream of this book's first intervals. Counts, not shares: sums
    of hits are whole numbers then, and a difference of none is none.
    """
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(items, size=items) for _ in range(samples))
    return np.array([np.bincount(rows, minlength=items) for rows in drawn], float)


def bootstrap_interval(
    values: ArrayLike, *, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of per-item values.

    Args:
        values: Shape (N,); pass differences for a paired comparison.
        samples: Resamples.
        seed: Seed of the resampling.
        level: Coverage.

    Returns:
        The lower and the upper end, in the unit of the values.

    Raises:
        ValueError: If there are no values or the level is not in (0, 1).

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.evaluation import bootstrap_interval
        >>> low, high = bootstrap_interval(np.arange(100) / 100)
        >>> round(low, 2), round(high, 2)
        (0.44, 0.55)

        Of a paired difference that is always the same, there is no doubt:

        >>> bootstrap_interval([0.25, 0.25, 0.25])
        (0.25, 0.25)
    """
    array = np.asarray(values, float)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"values must be a non-empty list of numbers; shape is {array.shape}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1; got {level}")
    means = item_counts(len(array), samples, seed) @ array / len(array)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class _Scores:
    """One method on one evaluation set, as arrays of shape (S, N)."""

    table: Mapping[str, FloatArray]
    human_entropy: FloatArray
    uids: tuple[str, ...]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Scores:
        wide = {
            name: rows.pivot(index="seed", columns="uid", values=name).to_numpy(float)
            for name in (*(n for n in MEAN_SCORES if n in rows), "confidence", "human_entropy")
        }
        return cls(wide, wide["human_entropy"][0], tuple(sorted(rows["uid"].unique())))

    @property
    def shape(self) -> tuple[int, int]:
        seeds, items = self.table["JSD"].shape
        return seeds, items

    def values(self, name: str, items: FloatArray, bins: int) -> FloatArray:
        """A score under item weights (B, N), shape (B, S)."""
        if name == "entropy_corr":
            return correlations(self.human_entropy, self.table["entropy"], items)
        if name == "ECE":
            both = zip(self.table["accuracy_new"], self.table["confidence"], strict=True)
            errors = [calibration_errors(hits, sure, items, bins) for hits, sure in both]
            return np.stack(errors, axis=1)
        return _means(self.table[name], items)


def _whole(items: int) -> FloatArray:
    return np.full((1, items), 1 / items)


def summarise(
    scores: pd.DataFrame, *, samples: int = 1000, bins: int = 15, seed: int = 0
) -> pd.DataFrame:
    """Mean of every score with a 95% interval over items and seeds.

    Items and seeds are resampled independently (a two-way bootstrap); with few seeds, or one, the
    part of the interval that comes from seeds is too small. A resampled ECE is biased upwards, as
    any ECE of few items is.

    Args:
        scores: The tidy table.
        samples: Bootstrap resamples.
        bins: Bins of the calibration error.
        seed: Seed of the resampling.

    Returns:
        Columns ``dataset``, ``method``, ``score``, ``mean``, ``low``, ``high`` and ``seed_sd``,
        the standard deviation over seeds (NaN for one seed).

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.evaluation import summarise
        >>> summary = summarise(pd.read_parquet("scores.parquet"))
        >>> summary[summary["score"] == "JSD"].drop(
        ...     columns=["dataset", "score"]
        ... ).round(2)
               method  mean   low  high  seed_sd
        4     teacher  0.23  0.20  0.27     0.01
        15  distilled  0.16  0.14  0.19     0.01
    """
    rows = []
    for dataset, part in scores.groupby("dataset", sort=False):
        drawn: dict[tuple[int, int], Resamples] = {}
        for method, of_method in part.groupby("method", sort=False):
            own = _Scores.of(of_method)
            if own.shape not in drawn:
                drawn[own.shape] = Resamples.draw(*own.shape, samples=samples, seed=seed)
            resamples = drawn[own.shape]
            for name in (*(n for n in MEAN_SCORES if n in own.table), *SET_SCORES):
                per_seed = own.values(name, _whole(own.shape[1]), bins)[0]
                values = resamples.of_seeds(own.values(name, resamples.items, bins))
                low, high = np.quantile(values, [0.025, 0.975])
                sd = per_seed.std(ddof=1) if len(per_seed) > 1 else np.nan
                row = (dataset, method, name, per_seed.mean(), low, high, sd)
                rows.append(row)
    columns = ["dataset", "method", "score", "mean", "low", "high", "seed_sd"]
    return pd.DataFrame(rows, columns=columns)


def differences(table: pd.DataFrame, score: str, a: str, b: str) -> pd.DataFrame:
    """The rows of :func:`compare` for one score and pair, indexed by dataset.

    Args:
        table: What :func:`compare` returned.
        score: Name of the score.
        a: The first of the pair.
        b: The second one.

    Returns:
        One row a dataset, with the columns of :func:`compare`.

    Raises:
        ValueError: If there is none.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.evaluation import compare, differences
        >>> scores = pd.read_parquet("scores.parquet")
        >>> table = compare(scores, [("distilled", "teacher")])
        >>> differences(table, "JSD", "distilled", "teacher")[
        ...     ["difference", "low", "high"]
        ... ].round(2)
                 difference   low  high
        dataset
        toy           -0.07 -0.09 -0.05
    """
    rows = table[(table["score"] == score) & (table["a"] == a) & (table["b"] == b)]
    if rows.empty:
        raise ValueError(f"{a!r} and {b!r} were not compared in {score!r}")
    return rows.set_index("dataset")


def summary_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean of every score over items and seeds, one row a dataset and method, in their order."""
    long = summarise(scores, samples=1)
    wide = long.pivot(index=["dataset", "method"], columns="score", values="mean")
    order = [name for name in (*MEAN_SCORES, *SET_SCORES) if name in wide]
    return wide.loc[long[["dataset", "method"]].drop_duplicates().apply(tuple, axis=1), order]


def compare(
    scores: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    names: Sequence[str] = ("JSD", "KL"),
    *,
    samples: int = 1000,
    permutations: int = 9999,
    bins: int = 15,
    seed: int = 0,
) -> pd.DataFrame:
    """Paired differences between methods: intervals, and tests with Holm's correction.

    The test flips signs of the items' differences, each averaged over seeds: it asks whether these
    models differ on other items, not whether other seeds would. Scores of a set as a whole have
    no differences per item, hence no test, only an interval. A method with one result for all
    seeds, an ensemble, counts as given: how another ensemble would do is in no interval.

    Args:
        scores: The tidy table.
        pairs: Names (a, b); the difference is a − b.
        names: Scores to compare.
        samples: Bootstrap resamples of the interval.
        permutations: Random sign flips of the test; no p-value is below 2 / (permutations + 1).
        bins: Bins of the calibration error.
        seed: Seed of both.

    Returns:
        Columns ``dataset``, ``score``, ``a``, ``b``, ``difference``, ``low``, ``high`` (95%),
        ``p`` and ``p_holm``, corrected over the pairs of the same dataset and score.

    Raises:
        ValueError: If a method has no rows, or two to be compared have other items.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.evaluation import compare
        >>> scores = pd.read_parquet("scores.parquet")
        >>> table = compare(scores, [("distilled", "teacher")])
        >>> table[["score", "a", "b", "difference", "low", "high"]].round(2)
          score          a        b  difference   low  high
        0   JSD  distilled  teacher       -0.07 -0.09 -0.05
        1    KL  distilled  teacher       -0.34 -0.45 -0.24

        No p-value is below 2 / (permutations + 1):

        >>> table["p_holm"].round(4).tolist()
        [0.0002, 0.0002]
    """
    rows = []
    draw = functools.cache(functools.partial(Resamples.draw, samples=samples, seed=seed))
    for dataset, part in scores.groupby("dataset", sort=False):
        known = {str(name): _Scores.of(rows_) for name, rows_ in part.groupby("method")}
        for a, b in pairs:
            for name in (a, b):
                if name not in known:
                    raise ValueError(f"no method {name!r} on {dataset}; there are {sorted(known)}")
        for name in names:
            found, gaps = [], []
            for a, b in pairs:
                first, second = known[a], known[b]
                if first.uids != second.uids:
                    raise ValueError(f"{a!r} and {b!r} on {dataset} were judged on other items")
                shape = (max(first.shape[0], second.shape[0]), first.shape[1])
                found.append((a, b, *_difference(first, second, name, draw(*shape), bins)))
                if name not in SET_SCORES:
                    means = [one.table[name].mean(axis=0) for one in (first, second)]
                    gaps.append(means[0] - means[1])
            p = _sign_flip_p(gaps, permutations, seed) if gaps else np.full(len(found), np.nan)
            rows += [
                (dataset, name, *row, *values)
                for row, *values in zip(found, p, holm(p), strict=True)
            ]
    columns = ["dataset", "score", "a", "b", "difference", "low", "high", "p", "p_holm"]
    return pd.DataFrame(rows, columns=columns)


def _difference(
    first: _Scores, second: _Scores, name: str, resamples: Resamples, bins: int
) -> tuple[float, float, float]:
    def gap(items: FloatArray) -> FloatArray:
        return first.values(name, items, bins) - second.values(name, items, bins)

    values = resamples.of_seeds(gap(resamples.items))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(gap(_whole(first.shape[1])).mean()), float(low), float(high)


def _sign_flip_p(gaps: Sequence[FloatArray], permutations: int, seed: int) -> FloatArray:
    """Two-sided p-values of K pairs whose items differ by ``gaps``, under the same sign flips.

    Counts as ``scipy.stats.permutation_test`` does, which takes half a second a pair.
    """
    table = np.stack(gaps, axis=1)
    observed, slack = table.mean(axis=0), 1e-12 * np.abs(table).mean(axis=0)
    generator = np.random.default_rng(seed)
    above = below = 0
    for start in range(0, permutations, _FLIPS_AT_A_TIME):
        size = min(_FLIPS_AT_A_TIME, permutations - start), len(table)
        signs = 2.0 * generator.integers(0, 2, size, dtype=np.int8) - 1.0
        flipped = signs @ table / len(table)
        above += (flipped >= observed - slack).sum(axis=0)
        below += (flipped <= observed + slack).sum(axis=0)
    p: FloatArray = 2 * (np.minimum(above, below) + 1) / (permutations + 1)
    return np.where(np.isnan(observed), np.nan, np.minimum(p, 1.0))


def holm(p_values: ArrayLike) -> FloatArray:
    """P-values corrected for their number (Holm, 1979); NaN stays NaN and does not count.

    Args:
        p_values: Shape (K,), each between 0 and 1 or NaN.

    Returns:
        Corrected p-values in the order given, shape (K,), at most 1.

    Raises:
        ValueError: If one is outside [0, 1].

    Examples:
        >>> from ambiguity_lib.evaluation import holm

        The smallest is multiplied by three, the next by two, the last by one, and
        none falls below one before it:

        >>> holm([0.01, 0.04, 0.03]).round(3)
        array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=float)
    given = np.flatnonzero(~np.isnan(p))
    if ((p[given] < 0) | (p[given] > 1)).any():
        raise ValueError(f"p-values must be in [0, 1]; got {p.tolist()}")
    order = given[np.argsort(p[given], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected = np.full(p.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
