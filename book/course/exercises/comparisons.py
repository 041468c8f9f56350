"""Exercises of chapters 6 to 10: tests, speed, scores, temperatures, a classifier of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ambiguity_lib.evaluation.resampling import holm
from ambiguity_lib.method.temperatures import apply_temperature, softmax
from ambiguity_lib.metrics.uncertainty import entropy
from course.exercises.checking import Exercise, FunctionExercise, NumberExercise

Array = NDArray[np.float64]


def _unordered_holm(p_values: Array) -> Array:
    """Holm's numbers from the smallest on, instead of in the order of the questions."""
    return np.sort(holm(p_values))


def _falling_holm(p_values: Array) -> Array:
    order = np.argsort(p_values)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(p_values[order] * np.arange(len(p_values), 0, -1), 1.0)
    return corrected


def _layers_for(
    speedup: float, layers: int, outside: float, rounding: Callable[[float], int] = math.floor
) -> int:
    kept = layers * (1 / speedup - outside) / (1 - outside)
    return max(0, min(layers, rounding(kept)))


def _kept_scores(scores: Array) -> Array:
    kept = scores[scores.sum(axis=1) > 0]
    return kept / kept.sum(axis=1, keepdims=True)


def _zero_rows_uniform(scores: Array) -> Array:
    total = scores.sum(axis=1, keepdims=True)
    return np.where(total > 0, scores / np.maximum(total, 1), 1 / scores.shape[1])


def _temperature_for(logits: Array, target: float) -> float:
    return float(brentq(lambda t: entropy(apply_temperature(logits, t)).mean() - target, 0.01, 100))


def _temperature_of_mean(logits: Array, target: float) -> float:
    def gap(t: float) -> float:
        return float(entropy(apply_temperature(logits, t).mean(axis=0, keepdims=True))[0] - target)

    return float(brentq(gap, 0.01, 100)) if gap(0.01) < 0 < gap(100) else 0.0


def _handed_over(doubt: Array, disagreement: Array, share: float) -> float:
    count = int(len(doubt) * share)
    asked, disputed = np.argsort(-doubt)[:count], np.argsort(-disagreement)[:count]
    return len(np.intersect1d(asked, disputed)) / count


def _logits(seed: int) -> Array:
    return np.random.default_rng(seed).normal(scale=3.0, size=(40, 3))


def _items(seed: int, share: float) -> tuple[Array, Array, float]:
    doubt, disagreement = np.random.default_rng(seed).random((2, 40))
    return doubt + disagreement, disagreement, share


EXERCISES: tuple[Exercise, ...] = (
    NumberExercise(
        name="9.1",
        value=2,
        praise="the third, .020 times 3, is .060 already.",
        mistakes=(
            (4, "that is how many are below .05 without any correction."),
            (
                1,
                "times 5 for all of them is Bonferroni's correction; Holm's multiplies the second "
                "smallest by 4 only.",
            ),
            (3, "the third smallest is multiplied by 3, which is .060."),
        ),
        hint="multiply the sorted ones by 5, 4, 3, 2, 1, and stop at the first that is too large.",
    ),
    FunctionExercise(
        name="9.3",
        solution=holm,
        cases=(
            (np.array([0.030, 0.004, 0.400, 0.010, 0.020]),),
            (np.array([0.02, 0.021, 0.9]),),
            (np.array([0.5]),),
            (np.array([0.7, 0.6]),),
        ),
        praise="each p-value stands where it stood, and none is below a clearer difference's.",
        mistakes=(
            (
                lambda p: np.minimum(p * len(p), 1.0),
                "this multiplies all by their number, which is Bonferroni's correction.",
            ),
            (
                _unordered_holm,
                "the numbers are right, but sorted: put each back to its own question.",
            ),
            (
                _falling_holm,
                "a less clear difference has come out below a clearer one: none may be smaller "
                "than the one before it in the order.",
            ),
            (lambda p: p, "this changes nothing: what do four further questions cost?"),
        ),
        hint="Sort, multiply by 5, 4, 3 …, let nothing fall, cut at 1, and put all back in place.",
    ),
    NumberExercise(
        name="4.6",
        value=66_957_315 / 109_484_547,
        praise="half of the layers are not half of the model.",
        mistakes=(
            (0.5, "that would be so if there were layers only."),
            (1 - 66_957_315 / 109_484_547, "that is the share that goes."),
            (
                1 - 12 * 7_087_872 / 109_484_547,
                "that is what is left without any layer; six of the twelve stay.",
            ),
        ),
        hint="take six times the parameters of one layer off the whole, and divide by the whole.",
    ),
    FunctionExercise(
        name="4.10",
        solution=_layers_for,
        # no whole number of layers is just fast enough: there, rounding would decide
        cases=((2.0, 12, 0.04), (30.0, 12, 0.04), (1.2, 6, 0.2), (1.6, 6, 0.0), (3.0, 24, 0.1)),
        praise="0 says that no depth is fast enough: the rest of the model alone takes too long.",
        mistakes=(
            (
                lambda speedup, layers, outside: math.floor(layers / speedup),
                "this forgets what is outside the layers and stays.",
            ),
            (
                partial(_layers_for, rounding=round),
                "rounded to the nearest, the model may be too slow: round down.",
            ),
            (
                partial(_layers_for, rounding=math.ceil),
                "rounded up, the model is too slow: round down.",
            ),
            (
                lambda speedup, layers, outside: math.floor(
                    layers * (1 / speedup - outside) / (1 - outside)
                ),
                "a negative number of layers cannot be kept; say 0 where no depth is fast enough.",
            ),
        ),
        hint="Solve 1/(f + (1 − f)·k/L) = S for k, and think of what is no whole number.",
    ),
    NumberExercise(
        name="7.1",
        value=math.log(2),
        praise="and it is the same with 3 and 3: dividing by the sum forgets how strong they are.",
        mistakes=(
            (1.0, "that is in bits; take the natural logarithm."),
            (math.log(6), "that is the entropy of six equal shares; four of them are zero here."),
            (2 * math.log(2), "each of the two shares is ½, so each term has the factor ½."),
        ),
        hint="divide the scores by their sum first.",
    ),
    FunctionExercise(
        name="7.4",
        solution=_kept_scores,
        cases=(
            (np.array([[30.0, 0, 30, 0, 0, 0], [0] * 6, [10, 20, 30, 0, 0, 40]]),),
            (np.array([[0.0, 0, 5], [1, 1, 2]]),),
        ),
        praise="items about which nobody felt anything say nothing about shares.",
        mistakes=(
            (
                lambda scores: softmax(scores[scores.sum(axis=1) > 0]),
                "a softmax makes a class without a score possible, and depends on the scale of the "
                "scores; divide by the sum.",
            ),
            (
                _zero_rows_uniform,
                "a headline without any emotion is not one on which all emotions are alike: leave "
                "such rows out.",
            ),
            (
                lambda scores: (
                    _kept_scores(scores) / _kept_scores(scores).max(axis=1, keepdims=True)
                ),
                "divided by the largest, the rows do not sum to one.",
            ),
            (
                lambda scores: np.divide(
                    scores,
                    scores.sum(axis=1, keepdims=True),
                    out=np.full(scores.shape, np.nan),
                    where=scores.sum(axis=1, keepdims=True) > 0,
                ),
                "rows that sum to zero have become NaN: leave them out.",
            ),
        ),
        hint="Each row that comes out has to sum to one.",
    ),
    NumberExercise(
        name="6.1",
        value=math.log(9) / math.log(1.5),
        praise="one number, and all items are doubted alike, as before.",
        mistakes=(
            (math.log(1.5) / math.log(9), "upside down: logits are divided by the temperature."),
            (1.5, "that is 0.9 / 0.6; the temperature acts on logits, not on probabilities."),
            (9 / 1.5, "these are the odds; the gap of the logits is their logarithm."),
        ),
        hint="what is the gap of the two logits before, and what must it be after?",
    ),
    FunctionExercise(
        name="6.6",
        solution=_temperature_for,
        cases=((_logits(0), 0.5), (_logits(1), 0.9), (_logits(2), 0.2)),
        praise="it reads the mean of people's entropies, one number that is gold.",
        mistakes=(
            (
                lambda logits, target: 1 / _temperature_for(logits, target),
                "upside down: logits are divided by the temperature.",
            ),
            (
                _temperature_of_mean,
                "this is the entropy of the mean distribution; the mean of the items' entropies is "
                "asked for.",
            ),
            (
                lambda logits, target: target / entropy(softmax(logits)).mean(),
                "entropy does not grow in proportion to the temperature: search for it.",
            ),
        ),
        hint="Entropy grows with the temperature: halve an interval that holds it, many times.",
        tolerance=1e-2,
    ),
    NumberExercise(
        name="8.5",
        value=2,
        praise="so a tenth of what is handed over is what was wanted: that is the number to beat.",
        mistakes=(
            (20, "that would be a model that always knows."),
            (0.1, "that is the share; how many items is it?"),
            (4, "20 in 200 is one tenth, not one fifth."),
        ),
        hint="each of the 20 that are handed over is one of the disputed with what probability?",
    ),
    FunctionExercise(
        name="8.6",
        solution=_handed_over,
        cases=(_items(0, 0.1), _items(1, 0.25), _items(2, 0.5)),
        praise="compare it with the share itself, which is what chance finds.",
        mistakes=(
            (
                lambda doubt, disagreement, share: _handed_over(-doubt, disagreement, share),
                "these are the items that the model is surest of: sort the other way round.",
            ),
            (
                lambda doubt, disagreement, share: (
                    _handed_over(doubt, disagreement, share) * int(len(doubt) * share) / len(doubt)
                ),
                "this divides by all items; divide by the number of those that are handed over.",
            ),
            (
                lambda doubt, disagreement, share: (
                    _handed_over(doubt, disagreement, share) * int(len(doubt) * share)
                ),
                "this is how many they are; the share is asked for.",
            ),
        ),
        hint="Take the two sets of items, and see how many are in both.",
    ),
)
