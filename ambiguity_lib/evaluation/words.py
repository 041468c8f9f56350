"""What an interval, and a corrected p-value, allow to say of a difference.

A row is one of :func:`ambiguity_lib.evaluation.compare`, or a mapping with ``difference``, ``low``
and ``high``, and ``p_holm`` where there was a test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

Row = Mapping[str, Any] | pd.Series

#: Corrected p-value below which a difference counts, if the interval allows it, too.
LEVEL = 0.05
_MOST_DIGITS = 6
_ZERO = 1e-9  # what a mean of zeros may come out as

#: How many differences lie on the right side of zero, how many on the wrong one → the word.
FINDINGS = {
    ("all", "none"): "holds",
    ("some", "none"): "holds partly",
    ("some", "some"): "holds in part, and is reversed in part",
    ("none", "all"): "is reversed",
    ("none", "some"): "does not hold",
    ("none", "none"): "is undecided",
}


def side(row: Row) -> Literal["below", "above", "open"]:
    """On which side of zero a difference lies: the whole interval, and the p-value if there is one.

    Args:
        row: The difference, a row of :func:`~ambiguity_lib.evaluation.compare` or a mapping
            with its names.

    Returns:
        ``below`` or ``above`` zero, or ``open`` if that is not decided.

    Examples:
        >>> from ambiguity_lib.evaluation import side
        >>> side({"low": -0.06, "high": -0.002})
        'below'

        Interval and test are two approximations; if they disagree, nothing is decided:

        >>> side({"low": -0.06, "high": -0.002, "p_holm": 0.12})
        'open'
    """
    p = row.get("p_holm")
    if p is not None and p >= LEVEL:  # NaN, of a score without a test, is not
        return "open"
    return "below" if row["high"] < 0 else "above" if row["low"] > 0 else "open"


def with_interval(row: Row) -> str:
    r"""A difference, its 95% interval, and the corrected p-value where there is one.

    A bound gets as many digits as it takes to see that it is not zero.

    Args:
        row: The difference, a row of :func:`~ambiguity_lib.evaluation.compare` or a mapping
            with its names.

    Returns:
        Text for a sentence.

    Examples:
        >>> from ambiguity_lib.evaluation import with_interval
        >>> with_interval({"difference": 0.0031, "low": 0.0003, "high": 0.006})
        '+0.0031 [+0.0003, +0.0060]'
        >>> row = {"difference": -0.03, "low": -0.06, "high": 0.01}
        >>> with_interval({**row, "p_holm": 0.12})
        '−0.030 [−0.060, +0.010], corrected p\xa0=\xa00.120'
    """
    value, low, high = (float(row[name]) + 0.0 for name in ("difference", "low", "high"))
    digits = 3
    not_zero = [bound for bound in (low, high) if abs(bound) > _ZERO]
    while digits < _MOST_DIGITS and any(round(bound, digits) == 0 for bound in not_zero):
        digits += 1
    value, low, high = (round(one, digits) + 0.0 for one in (value, low, high))  # no -0.000
    p = row.get("p_holm")
    numbers = f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]".replace("-", "−")
    if p is None or np.isnan(p):
        return numbers
    digits = 3 if p >= 0.1 else 4  # 0.0498 is not the level
    return f"{numbers}, corrected p\u00a0" + (
        "<\u00a00.001" if p < 0.001 else f"=\u00a0{p:.{digits}f}"
    )


def told(row: Row, below: str, above: str) -> str:
    """A word for a difference, and the numbers that decide it.

    Args:
        row: The difference.
        below: What to call one below zero, such as ``closer``.
        above: What to call one above zero, such as ``farther``.

    Returns:
        Markdown; ``not clearly different`` where the side is open.

    Examples:
        >>> from ambiguity_lib.evaluation import told
        >>> row = {"difference": -0.03, "low": -0.06, "high": -0.02}
        >>> told(row, "closer", "farther")
        '**closer** (−0.030 [−0.060, −0.020])'
    """
    word = {"below": below, "above": above, "open": "not clearly different"}[side(row)]
    return f"**{word}** ({with_interval(row)})"


def loss(row: Row, margin: float) -> Literal["excluded", "certain", "open"]:
    """Whether the interval of a difference leaves room for a loss of more than the margin.

    Args:
        row: A difference with ``low`` and ``high``, a loss being below zero.
        margin: The loss that one would accept, not negative.

    Returns:
        ``excluded`` if such a loss is outside the interval, ``certain`` if nothing else is inside,
        else ``open``.

    Examples:
        >>> from ambiguity_lib.evaluation import loss
        >>> loss({"low": -0.01, "high": 0.03}, 0.02)
        'excluded'
        >>> loss({"low": -0.13, "high": -0.06}, 0.02)
        'certain'
        >>> loss({"low": -0.05, "high": 0.01}, 0.02)
        'open'
    """
    if row["low"] > -margin:
        return "excluded"
    return "certain" if row["high"] < -margin else "open"


def finding(rows: pd.DataFrame) -> str:
    """What several differences, that a finding says are below zero, say of it together.

    Args:
        rows: Differences, a row each, with the columns of
            :func:`~ambiguity_lib.evaluation.resampling.compare`.

    Returns:
        What follows the words *the finding*, such as ``holds`` or ``is undecided``.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.evaluation import finding
        >>> low, high = [-0.3, -0.1], [-0.1, 0.1]
        >>> finding(pd.DataFrame({"low": low, "high": high}))
        'holds partly'
    """
    sides = [side(row) for _, row in rows.iterrows()]

    def how_many(wanted: str) -> str:
        return "all" if set(sides) == {wanted} else "some" if wanted in sides else "none"

    return FINDINGS[how_many("below"), how_many("above")]


#: What stands where a number is not known.
UNKNOWN = "–"


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number with a true minus sign, and no minus before a zero.

    Args:
        value: The number; None or NaN if it is not known.
        digits: Digits after the point.
        signed: Whether a plus sign is shown, too.

    Returns:
        Its text; ``–`` for None and NaN.

    Examples:
        >>> from ambiguity_lib.evaluation import number
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


def minus(sentence: str) -> str:
    """A sentence with true minus signs before its numbers.

    Args:
        sentence: With hyphens for them, as Python prints numbers.

    Returns:
        The sentence; hyphens between words or digits stay.

    Examples:
        >>> from ambiguity_lib.evaluation import minus
        >>> minus("-0.031 on a well-kept list of 2026-11-22")
        '−0.031 on a well-kept list of 2026-11-22'
    """
    return re.sub(r"(?<![\w.])-(?=\d)", "−", sentence)


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
