"""Words for differences, from interval and p-value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ambiguity_lib.evaluation import finding, loss, side, told, with_interval
from ambiguity_lib.evaluation.words import FINDINGS

BELOW, ABOVE, OPEN = (-0.3, -0.1), (0.1, 0.3), (-0.1, 0.1)


def _row(low: float, high: float, p: float | None = None) -> dict[str, float]:
    tested = {} if p is None else {"p_holm": p}
    return {"difference": (low + high) / 2, "low": low, "high": high} | tested


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (_row(*BELOW), "below"),
        (_row(*ABOVE, 0.049), "above"),
        (_row(*OPEN, 0.001), "open"),
        (_row(*BELOW, 0.05), "open"),
        (_row(*ABOVE, np.nan), "above"),
        (_row(0.0, 0.2), "open"),
    ],
)
def test_interval_and_p_value_decide_together(row: dict[str, float], expected: str) -> None:
    assert side(row) == side(pd.Series(row)) == expected


def test_a_bound_near_zero_is_not_shown_as_zero() -> None:
    assert with_interval(_row(0.00004, 0.006)) == "+0.00302 [+0.00004, +0.00600]"
    assert with_interval(_row(0.0, 0.006)) == "+0.003 [+0.000, +0.006]"
    assert "−0.000000" not in with_interval(_row(-1e-12, 1e-12))


def test_the_p_value_that_decides_is_shown() -> None:
    said = told(_row(-0.057, -0.002, 0.0912), "closer", "farther")
    assert said == (
        "**not clearly different** (−0.030 [−0.057, −0.002], corrected p\u00a0=\u00a00.0912)"
    )
    assert with_interval(_row(*BELOW, 0.0002)).endswith("corrected p\u00a0<\u00a00.001")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.01, 0.1, "excluded"),
        (-0.02, 0.1, "open"),
        (-0.1, -0.02, "open"),
        (-0.13, -0.06, "certain"),
    ],
)
def test_a_loss_has_three_cases(low: float, high: float, expected: str) -> None:
    assert loss(_row(low, high), 0.02) == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([BELOW, BELOW], "holds"),
        ([BELOW, OPEN], "holds partly"),
        ([BELOW, ABOVE], "holds in part, and is reversed in part"),
        ([ABOVE, ABOVE], "is reversed"),
        ([ABOVE, OPEN], "does not hold"),
        ([OPEN, OPEN], "is undecided"),
    ],
)
def test_every_finding(spans: list[tuple[float, float]], expected: str) -> None:
    assert finding(pd.DataFrame([_row(*span) for span in spans])) == expected
    assert expected in FINDINGS.values()
