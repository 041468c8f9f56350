"""Checkers of the book's exercises: they say right, wrong and why, and never the answer.

| module | owns |
|---|---|
| `checking` | how an answer is compared with the right one and with typical mistakes |
| `opinions` | the exercises of chapters 1 and 2 |
| `layers` | those of chapters 3 to 5 |
| `comparisons` | those of chapter 6, the labs and the appendix, and of what chapter 4 saves |
"""

from __future__ import annotations

from typing import Any

from course.exercises import comparisons as comparisons
from course.exercises import layers as layers
from course.exercises import opinions as opinions
from course.exercises.checking import Exercise, Verdict

#: Every exercise that can be checked, by chapter and number.
EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (*opinions.EXERCISES, *layers.EXERCISES, *comparisons.EXERCISES)
}


def check(exercise: str, answer: Any) -> Verdict:
    """Check an answer to an exercise of the book.

    Args:
        exercise: Chapter and number, such as ``"1.5"``.
        answer: A number, or a function that is tried on several cases.

    Returns:
        Right, wrong and why, or that there is no answer yet. It never raises for a wrong answer.

    Raises:
        ValueError: If there is no such exercise, or it cannot be checked.

    Examples:
        >>> from course.exercises import check
        >>> print(check("1.5", None).message)
        put a number in the place of the dots
        >>> check("1.5", 3.0).right
        False
        >>> check("99.1", 0.5)
        Traceback (most recent call last):
            ...
        ValueError: there is no exercise '99.1' that can be checked; there are
        1.5, 1.6, ...
    """
    if exercise not in EXERCISES:
        raise ValueError(
            f"there is no exercise {exercise!r} that can be checked; there are "
            f"{', '.join(sorted(EXERCISES, key=_order))}"
        )
    return EXERCISES[exercise].judge(answer)


def _order(name: str) -> list[int]:
    return [int(part) for part in name.split(".")]
