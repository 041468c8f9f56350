"""Exercises of chapters 1 and 2: votes, distances, confidence."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from course.exercises.checking import Exercise, FunctionExercise, NumberExercise

Array = NDArray[np.float64]

_VOTES = (
    np.array([[2, 2, 1], [5, 0, 0], [3, 1, 1]]),
    np.array([[60, 30, 10], [34, 33, 33]]),
    np.array([[1, 1]]),
)


def _agreement(counts: Array) -> Array:
    total = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1) / (total * (total - 1))


def _with_replacement(counts: Array) -> Array:
    shares = counts / counts.sum(axis=1, keepdims=True)
    return (shares**2).sum(axis=1)


def _confidence_gap(probs: Array, labels: NDArray[np.int64]) -> float:
    return float(probs.max(axis=1).mean() - (probs.argmax(axis=1) == labels).mean())


def _gold_confidence(probs: Array, labels: NDArray[np.int64]) -> float:
    right = (probs.argmax(axis=1) == labels).mean()
    return float(probs[np.arange(len(labels)), labels].mean() - right)


_PREDICTIONS = (
    (np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([1, 0, 1])),
    (np.array([[0.4, 0.3, 0.3], [0.2, 0.5, 0.3]]), np.array([0, 1])),
    (np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]), np.array([1, 2, 0])),
)

EXERCISES: tuple[Exercise, ...] = (
    NumberExercise(
        name="1.5",
        value=0.2,
        praise="of the ten pairs, one agrees on the first class and one on the second.",
        mistakes=(
            (0.36, "that is the chance if the same person may be drawn twice."),
            (0.8, "that is the chance that they differ."),
            (0.4, "that is the largest share: one person against a fixed answer, not two people."),
        ),
        hint="count the pairs of different people, and those of them who gave the same answer.",
    ),
    FunctionExercise(
        name="1.6",
        solution=_agreement,
        cases=tuple((votes,) for votes in _VOTES),
        praise="two different people are drawn, so the second comes from one vote less.",
        mistakes=(
            (
                _with_replacement,
                "the sum of squared shares lets the same person be drawn twice; with few votes "
                "that is far too much agreement.",
            ),
            (
                lambda counts: counts.max(axis=1) / counts.sum(axis=1),
                "the largest share says how many agree with the majority, not with one another.",
            ),
            (lambda counts: 1 - _agreement(counts), "this is the chance that two people differ."),
            (
                lambda counts: _agreement(counts).mean(),
                "this is the mean over the items; one number for each item is asked for.",
            ),
        ),
        hint="Try it on one item with two votes first: what must come out if they agree?",
    ),
    NumberExercise(
        name="2.4",
        value=0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1),
        praise="most of it comes from the class that the model all but rules out.",
        mistakes=(
            (
                0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5),
                "that is KL(model‖human): people's shares must be the weights.",
            ),
            (
                (0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)) / math.log(2),
                "that is in bits; take the natural logarithm.",
            ),
            (
                -0.5 * math.log(0.9) - 0.5 * math.log(0.1),
                "that is the cross-entropy: people's own entropy is still in it.",
            ),
        ),
        hint="sum p·log(p/q) over both classes, with people's shares as p.",
    ),
    FunctionExercise(
        name="2.5",
        solution=_confidence_gap,
        cases=_PREDICTIONS,
        praise="positive means more confident than right, negative the opposite.",
        mistakes=(
            (
                lambda probs, labels: -_confidence_gap(probs, labels),
                "the sign is turned round: more confident than right should be positive.",
            ),
            (
                lambda probs, labels: abs(_confidence_gap(probs, labels)),
                "without its sign, it cannot tell more confident than right from less.",
            ),
            (
                _gold_confidence,
                "confidence is the probability of the class that the model chooses, not of the "
                "right one.",
            ),
            (
                lambda probs, labels: probs.max(axis=1).mean(),
                "this is the mean confidence alone; what was it to be compared with?",
            ),
        ),
        hint="Compute mean confidence and accuracy one after the other, and look at both.",
    ),
)
