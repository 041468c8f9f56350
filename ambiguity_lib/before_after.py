"""A classifier before and after: every measure with an interval, and what may be said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ambiguity_lib.metrics import (
    accuracy,
    entropy,
    jensen_shannon_distance,
    kl_divergence,
    negative_log_likelihood,
)
from ambiguity_lib.metrics.calibration import confidence_bins

FloatArray = NDArray[np.float64]
_Statistic = Callable[[NDArray[np.intp]], float]

# a mean of absolute values: resampled, it grows
_BIASED = ("ECE",)
# accuracy that a student may not lose
_TOO_MUCH = 0.05

#: Pairs whose difference is shown: the second minus the first.
DIFFERENCES = {
    "after - before": ("before", "after"),
    "after - temperature": ("temperature", "after"),
    "both at a temperature": ("temperature", "after, temperature"),
}


@dataclass(frozen=True)
class Judged:
    """Items and what several models say about them.

    Attributes:
        name: What the items are called.
        labels: Gold labels, shape (N,); negative where there is none.
        probs: Model → distributions, each of shape (N, C).
        human: Human distributions, shape (N, C), if they are known.
    """

    name: str
    labels: NDArray[np.int64]
    probs: Mapping[str, FloatArray]
    human: FloatArray | None = None


def measures(
    judged: Sequence[Judged], *, bins: int = 15, samples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Every measure of every model, and their differences, with 95% intervals.

    Intervals are percentiles of a bootstrap, but for the ECE, which is biased upwards, in a
    resample once more than in the items, so that percentiles may lie above the value and the truth.
    Its interval holds the percentiles and their mirror images at the value (a basic bootstrap,
    which corrects the bias where there is any), within 0 and 1; BCa is not defined where no
    resample is below the value. Where the true ECE is near 0, even this holds it in fewer than 95%
    of cases.

    Args:
        judged: Sets of items, with models called ``before``, ``temperature`` (the same at one that
            was fitted), ``after`` and ``after, temperature``.
        bins: Bins of the calibration error.
        samples: Bootstrap resamples of the items.
        seed: Seed of the resampling.

    Returns:
        One row a set (``data``), ``measure`` and ``model`` (or a key of :data:`DIFFERENCES`), with
        ``value``, ``low`` and ``high``. Entropy, NLL and KL are in nats, JSD is the distance.
    """
    rows = []
    for one in judged:
        items = len(one.labels)
        statistics = {name: _statistics(one, probs, bins) for name, probs in one.probs.items()}
        random = np.random.default_rng(seed)
        draws = [np.arange(items), *(random.integers(items, size=items) for _ in range(samples))]
        for measure in next(iter(statistics.values())):
            values = {
                name: np.array([own[measure](rows) for rows in draws])
                for name, own in statistics.items()
            }
            for name, (first, second) in DIFFERENCES.items():
                values[name] = values[second] - values[first]
            for name, drawn in values.items():
                low, high = np.quantile(drawn[1:], [0.025, 0.975])
                if measure in _BIASED:
                    least = -1.0 if name in DIFFERENCES else 0.0
                    low, high = _both_ways(drawn[0], low, high, least)
                rows.append((one.name, measure, name, drawn[0], low, high))
    return pd.DataFrame(rows, columns=["data", "measure", "model", "value", "low", "high"])


def _both_ways(value: float, low: float, high: float, least: float) -> tuple[float, float]:
    """An interval and its mirror image at the value, within [least, 1]."""
    reach = max(high - value, value - low)
    return max(value - reach, least), min(value + reach, 1.0)


def _statistics(judged: Judged, probs: FloatArray, bins: int) -> dict[str, _Statistic]:
    """Measure → its value for a choice of rows; what an item gives alone is computed once."""
    labels, human = judged.labels, judged.human
    doubt = entropy(probs)
    found: dict[str, _Statistic] = {}
    if (labels >= 0).all():
        found["accuracy"] = _mean(accuracy(labels, probs))
        found["NLL"] = _mean(negative_log_likelihood(labels, probs))
        found["ECE"] = _calibration(labels, probs, bins)
    found["confidence"] = _mean(probs.max(axis=1))
    found["entropy"] = _mean(doubt)
    if human is not None:
        found["JSD"] = _mean(jensen_shannon_distance(human, probs))
        found["KL"] = _mean(kl_divergence(human, probs))
        found["entropy correlation"] = _correlation(entropy(human), doubt)
    return found


def _mean(values: FloatArray) -> _Statistic:
    return lambda rows: float(values[rows].mean())


def _calibration(labels: NDArray[np.int64], probs: FloatArray, bins: int) -> _Statistic:
    """The expected calibration error, whose sums over bins a thousand resamples can afford."""
    confidence = probs.max(axis=1)
    place = confidence_bins(confidence, bins)
    surplus = accuracy(labels, probs) - confidence

    def error(rows: NDArray[np.intp]) -> float:
        sums = np.bincount(place[rows], weights=surplus[rows], minlength=bins)
        return float(np.abs(sums).sum() / len(rows))

    return error


def _correlation(first: FloatArray, second: FloatArray) -> _Statistic:
    def correlation(rows: NDArray[np.intp]) -> float:
        with np.errstate(invalid="ignore", divide="ignore"):  # NaN where one does not vary
            return float(np.corrcoef(first[rows], second[rows])[0, 1])

    return correlation


def verdicts(rows: pd.DataFrame, cost: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What the numbers allow to say, one sentence a question.

    A difference whose interval holds zero is said to be none that could be told.

    Args:
        rows: What :func:`measures` gave.
        cost: Model → ``parameters``, ``bytes`` and ``milliseconds a text``.
    """
    table = rows.set_index(["data", "measure", "model"])

    def told(data: str, measure: str, model: str) -> pd.Series | None:
        key = (data, measure, model)
        return cast(pd.Series, table.loc[key, :]) if key in table.index else None

    before, after = cost["before"], cost["after"]
    saved = 1 - after["parameters"] / before["parameters"]
    faster = before["milliseconds a text"] / after["milliseconds a text"]
    said = [
        f"Size: {saved:.0%} fewer parameters; {faster:.2f} times as fast on one text at a time."
    ]
    change = told("validation", "accuracy", "after - before")
    if change is not None:
        said.append(
            f"Accuracy on the validation items: {100 * change.value:+.1f} points "
            f"{_span(change, 100, 1)}{_undecided(change)}."
        )
        if change.high < 0 and change.value < -_TOO_MUCH:
            said.append(
                "Do not use this student: it has not learnt the task as well as the full model. "
                "With few items, train it longer (--student-epochs)."
            )
    for data in rows["data"].unique():
        first, last = (told(data, "entropy", model) for model in ("before", "after"))
        assert first is not None and last is not None
        said.append(
            f"Doubt on the {data} items: mean entropy {first.value:.3f} before, {last.value:.3f} "
            "nats after."
        )
    for measure in ("JSD", "KL"):
        for difference, other in (
            ("after - before", "against the full model"),
            ("after - temperature", "against the full model at a fitted temperature"),
            ("both at a temperature", "each at a fitted temperature of its own"),
        ):
            change = told("human", measure, difference)
            if change is not None:
                word = "closer to people" if change.value < 0 else "farther from people"
                said.append(
                    f"{measure} to the human distributions, {other}: {change.value:+.3f} "
                    f"{_span(change, 1, 3)}{_undecided(change) or f', {word}'}."
                )
    return said


def _span(row: pd.Series, scale: float, digits: int) -> str:
    return f"[{scale * row.low:+.{digits}f}, {scale * row.high:+.{digits}f}]"


def _undecided(row: pd.Series) -> str:
    return ", which these items cannot tell from none" if row.low <= 0 <= row.high else ""
