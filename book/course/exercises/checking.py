"""How an answer is checked: against the right one, and against mistakes that are often made.

An exercise knows a right answer and the answers that typical mistakes give. What a reader hands in
is run on several cases; if it differs from the right one, and agrees with a mistake, the verdict
names the mistake. It never shows the right value.
"""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

# Rounding by hand to three digits is right, and so is another order of summing.
_CLOSE = 1e-6
_BY_HAND = 5e-3
_WIDTH = 68


@dataclass(frozen=True)
class Verdict:
    """What is said about an answer: right, wrong (and why), or None if there is none yet."""

    right: bool | None
    message: str

    def __str__(self) -> str:
        heading = {True: "right", False: "not yet", None: "no answer yet"}[self.right]
        # a notebook's page does not break the lines that a cell prints
        text = f"{heading}: {self.message}"
        return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)

    __repr__ = __str__


class Exercise(Protocol):
    """Something that can judge an answer."""

    @property
    def name(self) -> str:
        """Chapter and number, such as ``"1.5"``."""

    def judge(self, answer: Any) -> Verdict:
        """Say whether an answer is right, and if not, why. It never shows the right value."""


@dataclass(frozen=True)
class NumberExercise:
    """An exercise whose answer is a number.

    Attributes:
        name: Chapter and number.
        value: The right one.
        praise: What to say about a right answer.
        mistakes: Other values that one may come to, and what to say about them.
        hint: What to say about any other value.
    """

    name: str
    value: float
    praise: str
    mistakes: Sequence[tuple[float, str]]
    hint: str

    def judge(self, answer: Any) -> Verdict:
        """Say whether a number is right to about three digits."""
        if _is_missing(answer):
            return Verdict(None, "put a number in the place of the dots")
        try:
            number = float(answer)
        except (TypeError, ValueError):
            return Verdict(False, f"a number is asked for, and this is {_shown(answer)}")
        for value, message in ((self.value, ""), *self.mistakes):
            if abs(number - value) <= _BY_HAND * max(abs(value), 1e-12):
                return Verdict(not message, message or self.praise)
        return Verdict(False, self.hint)


@dataclass(frozen=True)
class FunctionExercise:
    """An exercise whose answer is a function.

    Attributes:
        name: Chapter and number.
        solution: A right function.
        cases: Arguments to try it with, the most telling first.
        praise: What to say about a right answer.
        mistakes: Functions with a typical mistake, and what to say about it.
        hint: What to say about any other wrong function.
    """

    name: str
    solution: Callable[..., Any]
    cases: Sequence[tuple[Any, ...]]
    praise: str
    mistakes: Sequence[tuple[Callable[..., Any], str]]
    hint: str
    tolerance: float = field(default=_CLOSE)

    def judge(self, answer: Any) -> Verdict:
        """Say whether a function gives what is asked for, on all cases."""
        if not callable(answer):
            if _is_missing(answer):
                return Verdict(None, "write the function, and give it to check without calling it")
            return Verdict(
                False,
                f"give the function itself (my_function, not my_function(…)); this is "
                f"{_shown(answer)}",
            )
        given = []
        for case in self.cases:
            try:
                given.append(answer(*copy.deepcopy(case)))
            except Exception as error:  # whatever a beginner's function may raise
                return Verdict(
                    False,
                    f"it stops with {type(error).__name__}: {error}; called with {_shown(case)}",
                )
        if all(_is_missing(value) for value in given):
            return Verdict(None, "the function gives nothing back yet")
        if self._agrees(given, self.solution):
            return Verdict(True, self.praise)
        for mistaken, message in self.mistakes:
            if self._agrees(given, mistaken):
                return Verdict(False, message)
        return Verdict(False, f"{self._difference(given)} {self.hint}")

    def _agrees(self, given: Sequence[Any], function: Callable[..., Any]) -> bool:
        return all(
            self._equal(value, function(*copy.deepcopy(case)))
            for value, case in zip(given, self.cases, strict=True)
        )

    def _equal(self, given: Any, wanted: Any) -> bool:
        try:
            one, other = np.asarray(given, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
        except (TypeError, ValueError):
            return False
        return one.shape == other.shape and np.allclose(
            one, other, rtol=self.tolerance, atol=self.tolerance, equal_nan=True
        )

    def _difference(self, given: Sequence[Any]) -> str:
        """The first thing in which an answer differs, without the right value."""
        for value, case in zip(given, self.cases, strict=True):
            wanted = np.asarray(self.solution(*copy.deepcopy(case)))
            if self._equal(value, wanted):
                continue
            called = f"called with {_shown(case)}, it gives {_shown(value)}"
            try:
                array = np.asarray(value, dtype=np.float64)
            except (TypeError, ValueError):
                return f"{called}, which is no number."
            if array.shape != wanted.shape:
                return f"{called}: the shape is {array.shape}, and should be {wanted.shape}."
            if np.isnan(array).any() > np.isnan(wanted).any():
                return f"{called}: there is a NaN in it."
            return f"{called}, which is not what is asked for."
        raise AssertionError("there is no difference")


def _is_missing(answer: Any) -> bool:
    return answer is None or answer is Ellipsis


def _shown(value: Any) -> str:
    """A value as one short line."""
    with np.printoptions(precision=3, suppress=True, threshold=12, edgeitems=2):
        if isinstance(value, tuple):
            return ", ".join(_shown(part) for part in value)
        text = " ".join(str(value).split()) if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= 120 else f"{text[:120]}…"
