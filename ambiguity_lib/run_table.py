"""The measures and costs in the record of a compression, as rows of text for a table.

Numbers get their digits, units and signs here, and differences a word; the model card and the
report only set them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: Models in the order of every table, as they are called there.
MODELS = {"before": "before", "temperature": "temperature", "after": "after"}
#: Keys of :data:`~ambiguity_lib.before_after.DIFFERENCES`, as they are called in a table.
CHANGES = {"after - before": "after − before", "after - temperature": "after − temperature"}
#: What stands where a number is not known.
UNKNOWN = "–"

_COSTS = {
    "parameters": "parameters",
    "bytes": "weights on disk",
    "milliseconds a text": "latency of one text",
}


@dataclass(frozen=True)
class Measure:
    """How a measure is read.

    Attributes:
        unit: Its unit, empty for a share or a correlation.
        better: Which end is the good one; None if there is none.
        meaning: One line.

    Examples:
        >>> from ambiguity_lib.run_table import MEASURES
        >>> MEASURES["NLL"].unit, MEASURES["NLL"].better
        ('nats', 'lower')
    """

    unit: str
    better: Literal["higher", "lower"] | None
    meaning: str


#: Name of a measure in a record → how it is read.
MEASURES = {
    "accuracy": Measure(
        "", "higher", "share of items whose most probable class is their label, 0 to 1"
    ),
    "NLL": Measure(
        "nats", "lower", "mean negative log probability of the label; 0 if always sure and right"
    ),
    "ECE": Measure(
        "", "lower", "expected calibration error: how far confidence is from accuracy, 0 to 1"
    ),
    "confidence": Measure("", None, "mean of the largest probability, 1/classes to 1"),
    "entropy": Measure(
        "nats", None, "mean entropy of the predictions, 0 (no doubt) to log(classes)"
    ),
    "JSD": Measure(
        "",
        "lower",
        "mean Jensen-Shannon distance between people's and predicted distributions, "
        "0 (equal) to 0.833",
    ),
    "KL": Measure(
        "nats", "lower", "mean Kullback-Leibler divergence of the predictions from people's"
    ),
    "entropy correlation": Measure(
        "",
        "higher",
        "Pearson correlation, over items, of people's entropy and the predictions', −1 to 1",
    ),
}


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval, as text.

    Attributes:
        value: The number.
        interval: The interval, or empty where it is not known.
        verdict: Of a difference: ``better``, ``worse``, ``higher``, ``lower`` or ``undecided``.
    """

    value: str
    interval: str
    verdict: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table of before and after; one estimate for each model and change."""

    measure: str
    unit: str
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Cost:
    """What a model costs before and after, as text, and the ratio that is left."""

    name: str
    before: str
    after: str
    left: float | None


def comparison(run: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Set of items → its rows, in the order of the record."""
    found: dict[str, dict[str, dict[str, Estimate]]] = {}
    for row in run["measures"]:
        measures = found.setdefault(row["data"], {})
        measures.setdefault(row["measure"], {})[row["model"]] = _estimate(row)
    return {
        data: [
            Row(
                measure,
                MEASURES[measure].unit if measure in MEASURES else "",
                {key: estimates.get(key, Estimate(UNKNOWN, "")) for key in (*MODELS, *CHANGES)},
            )
            for measure, estimates in measures.items()
        ]
        for data, measures in found.items()
    }


def meanings(run: Mapping[str, Any]) -> dict[str, Measure]:
    """How to read the measures that the record has."""
    there = dict.fromkeys(row["measure"] for row in run["measures"])
    return {name: MEASURES[name] for name in there if name in MEASURES}


def _estimate(row: Mapping[str, Any]) -> Estimate:
    value, low, high = row["value"], row["low"], row["high"]
    change = row["model"] in CHANGES
    if value is None:
        return Estimate(UNKNOWN, "")
    if low is None or high is None:
        return Estimate(number(value, signed=change), "")
    interval = f"[{number(low, signed=change)}, {number(high, signed=change)}]"
    if not change:
        return Estimate(number(value), interval)
    if low <= 0 <= high:
        return Estimate(number(value, signed=True), interval, "undecided")
    direction = "higher" if value > 0 else "lower"
    known = MEASURES.get(row["measure"])
    if known is not None and known.better is not None:
        direction = "better" if direction == known.better else "worse"
    return Estimate(number(value, signed=True), interval, direction)


def costs(run: Mapping[str, Any]) -> list[Cost]:
    """Parameters, bytes and latency, as far as they are known.

    Args:
        run: The ``run`` of a :class:`~ambiguity_lib.compression.CompressionResult`.

    Returns:
        One cost each, with the amounts before and after and the share that is left; None where it
        is not known.

    Examples:
        >>> from ambiguity_lib.run_table import costs
        >>> before = {
        ...     "parameters": 4_400_000,
        ...     "bytes": 17_600_000,
        ...     "milliseconds a text": 8.0,
        ... }
        >>> after = {name: amount / 2 for name, amount in before.items()}
        >>> costs({"cost": {"before": before, "after": after}})[0]
        Cost(name='parameters', before='4.4 million', after='2.2 million', left=0.5)
    """
    before, after = run["cost"]["before"], run["cost"]["after"]
    return [
        Cost(
            label,
            amount(name, before.get(name)),
            amount(name, after.get(name)),
            after[name] / before[name] if before.get(name) and after.get(name) else None,
        )
        for name, label in _COSTS.items()
    ]


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number with a true minus sign, and no minus before a zero.

    Args:
        value: The number; None or NaN if it is not known.
        digits: Digits after the point.
        signed: Whether a plus sign is shown, too.

    Returns:
        Its text; ``–`` for None and NaN.

    Examples:
        >>> from ambiguity_lib.run_table import number
        >>> (
        ...     number(-0.0312),
        ...     number(0.5, 1, signed=True),
        ...     number(-0.0001),
        ...     number(None),
        ...     number(float("nan")),
        ... )
        ('−0.031', '+0.5', '0.000', '–', '–')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not float(text):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def amount(name: str, value: float | None) -> str:
    """A cost in a unit that leaves few digits."""
    if value is None:
        return UNKNOWN
    if name == "bytes":
        for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if value >= size:
                return f"{value / size:.1f} {unit}"
        return f"{value:.0f} bytes"
    if name == "parameters":
        return f"{value / 1e6:.1f} million" if value >= 1e6 else f"{value:,.0f}"
    return f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def minus(sentence: str) -> str:
    """A sentence with true minus signs before its numbers.

    Args:
        sentence: With hyphens for them, as Python prints numbers.

    Returns:
        The sentence; hyphens between words or digits stay.

    Examples:
        >>> from ambiguity_lib.run_table import minus
        >>> minus("-0.031 on a well-kept list of 2026-11-22")
        '−0.031 on a well-kept list of 2026-11-22'
    """
    return re.sub(r"(?<![\w.])-(?=\d)", "−", sentence)
