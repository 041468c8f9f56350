"""Every checker takes the solution, and knows typical mistakes by what they give."""

from __future__ import annotations

import numpy as np
import pytest
from course import check
from course.exercises import EXERCISES
from course.exercises.checking import FunctionExercise, NumberExercise

NUMBERS = [one for one in EXERCISES.values() if isinstance(one, NumberExercise)]
FUNCTIONS = [one for one in EXERCISES.values() if isinstance(one, FunctionExercise)]

by_name = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda one: one.name)


def right(exercise):
    return exercise.value if isinstance(exercise, NumberExercise) else exercise.solution


@by_name
def test_the_solution_is_right(exercise):
    verdict = check(exercise.name, right(exercise))
    assert verdict.right is True and verdict.message == exercise.praise


@by_name
def test_each_of_three_or_more_mistakes_is_known(exercise):
    assert len(exercise.mistakes) >= 3
    for wrong, message in exercise.mistakes:
        verdict = check(exercise.name, wrong)
        assert verdict.right is False and verdict.message == message


@by_name
def test_no_answer_is_not_wrong(exercise):
    assert check(exercise.name, ...).right is None
    assert check(exercise.name, None).right is None


@pytest.mark.parametrize("exercise", NUMBERS, ids=lambda one: one.name)
def test_any_other_number_gets_a_hint_and_three_digits_are_enough(exercise):
    assert check(exercise.name, 12.345e6).message == exercise.hint
    assert check(exercise.name, float(f"{exercise.value:.3g}")).right
    assert "number is asked for" in check(exercise.name, "half").message


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda one: one.name)
def test_any_other_function_gets_a_hint_and_not_the_answer(exercise):
    for wrong in (lambda *arguments: 17.25, lambda *arguments: "x", lambda *arguments: np.nan):
        verdict = check(exercise.name, wrong)
        assert verdict.right is False and exercise.hint in verdict.message
    assert check(exercise.name, lambda *arguments: None).right is None
    assert "stops with TypeError" in check(exercise.name, lambda: 1).message
    assert "give the function itself" in check(exercise.name, 0.5).message


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda one: one.name)
def test_a_function_that_spoils_its_arguments_spoils_nothing(exercise):
    def spoils(*arguments):
        value = exercise.solution(*[np.copy(one) for one in arguments])
        for one in arguments:
            if isinstance(one, np.ndarray):
                one[...] = 0
        return value

    assert check(exercise.name, spoils).right
    assert check(exercise.name, exercise.solution).right


def _first_close_enough(accuracies, tolerance):
    best = max(accuracies[1:])
    return next(k for k in range(1, len(accuracies)) if best - accuracies[k] <= tolerance)


def _most_layers_by_trial(speedup, layers, outside):
    fast = [k for k in range(1, layers + 1) if speedup * (outside + (1 - outside) * k / layers) < 1]
    return max(fast, default=0)


def _most_layers_by_another_formula(speedup, layers, outside):
    return max(0, int((layers / speedup - layers * outside) / (1 - outside)))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("4.4", _first_close_enough),
        ("4.10", _most_layers_by_trial),
        ("4.10", _most_layers_by_another_formula),
    ],
)
def test_another_right_way_to_compute_is_right_to_the_last_digit(name, function):
    assert check(name, function).right


def test_what_is_not_there_is_said():
    with pytest.raises(ValueError, match=r"there is no exercise '1\.99' that can be checked"):
        check("1.99", 1)


def test_a_verdict_reads_as_a_sentence():
    assert str(check("7.1", 0.693)).startswith("right: ")
    assert repr(check("7.1", 1)).startswith("not yet: that is in bits")
    assert str(check("7.1", ...)).startswith("no answer yet: ")


@by_name
def test_a_verdict_fits_on_a_page(exercise):
    for answer in (right(exercise), exercise.mistakes[0][0], lambda *arguments: [0.5] * 99):
        assert max(map(len, str(check(exercise.name, answer)).splitlines())) <= 68
