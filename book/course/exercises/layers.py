"""Exercises of chapters 3 to 5: probes, depth, targets."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.method.layers import converged_depth
from ambiguity_lib.method.targets import mixture_targets, one_hot_targets
from ambiguity_lib.metrics.uncertainty import entropy, entropy_correlation
from course.exercises.checking import Exercise, FunctionExercise, NumberExercise

Array = NDArray[np.float64]


def _distributions(seed: int, items: int, classes: int) -> Array:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), size=items)


def _rank_correlation(human: Array, probs: Array) -> float:
    one, other = (entropy(dist).argsort().argsort() for dist in (human, probs))
    return float(np.corrcoef(one, other)[0, 1])


def _first_small_gain(accuracies: Array, tolerance: float) -> int:
    gains = np.diff(accuracies[1:])
    small = np.flatnonzero(gains <= tolerance)
    return int(small[0]) + 1 if small.size else len(accuracies) - 1


_PAIRS = tuple((_distributions(n, 12, 3), _distributions(n + 50, 12, 3)) for n in range(3))
# no gap equals the tolerance: there, rounding would decide between two right ways to subtract
_ACCURACIES = (
    (np.array([0.34, 0.52, 0.60, 0.60, 0.722, 0.73, 0.728]), 0.01),
    (np.array([0.80, 0.40, 0.50, 0.595, 0.61]), 0.02),
    (np.array([0.30, 0.55, 0.70, 0.69, 0.68]), 0.0),
    (np.array([0.30, 0.50, 0.76, 0.80, 0.85]), 0.1),
)
_TARGETS = tuple(
    (np.array([0, 2, 1, 1]), _distributions(n, 4, 3), weight)
    for n, weight in enumerate((0.3, 0.5, 1.0, 0.0))
)
_DISTANCES = tuple(
    (np.random.default_rng(n).random((layers, 11)),) for n, layers in ((0, 4), (1, 3))
)


def _overthought(distances: Array) -> float:
    return float((distances[:-1] < distances[-1]).any(axis=0).mean())


# 30,000 word vectors, 12 layers of about 12·width² parameters, of which six go
_TABLE, _LAYER = 30_000 * 768, 12 * 768**2
_SHARE = 6 * _LAYER / (_TABLE + 12 * _LAYER)

EXERCISES: tuple[Exercise, ...] = (
    NumberExercise(
        name="3.4",
        value=1.5 * math.log(2),
        praise="so much doubt costs a probe nothing: it says the same about every item.",
        mistakes=(
            (1.5, "that is in bits; take the natural logarithm."),
            (math.log(3), "that is the entropy of three equal shares, and these are not equal."),
            (-1.5 * math.log(2), "the size is right; an entropy is never negative."),
        ),
        hint="the entropy is −Σ p·log p, with the three frequencies as p.",
    ),
    FunctionExercise(
        name="3.5",
        solution=entropy_correlation,
        cases=_PAIRS,
        praise="one number for all items, and a temperature hardly moves it.",
        mistakes=(
            (
                _rank_correlation,
                "this is the correlation of the ranks (Spearman); the book takes Pearson's.",
            ),
            (
                lambda human, probs: np.corrcoef(human.max(axis=1), probs.max(axis=1))[0, 1],
                "this correlates the largest shares; the entropies are asked for.",
            ),
            (
                lambda human, probs: np.cov(entropy(human), entropy(probs))[0, 1],
                "this is the covariance: divide by both standard deviations.",
            ),
            (
                lambda human, probs: np.corrcoef(human.ravel(), probs.ravel())[0, 1],
                "this correlates all probabilities; take one entropy for each item first.",
            ),
        ),
        hint="Take the entropy of each row of both arrays, then correlate the two lists.",
    ),
    FunctionExercise(
        name="3.6",
        solution=_overthought,
        cases=_DISTANCES,
        praise="and by chance alone it would not be small: compare with noise before you tell it.",
        mistakes=(
            (
                lambda distances: float((distances[:-1] < distances[-1]).mean()),
                "this is the mean share over the layers; an item counts once, if any layer is "
                "closer.",
            ),
            (
                lambda distances: float((distances[:-1] < distances[-1]).all(axis=0).mean()),
                "this asks that all layers are closer; one is enough.",
            ),
            (
                lambda distances: float((distances[:-1] > distances[-1]).any(axis=0).mean()),
                "closer means a smaller distance, and this counts the larger ones.",
            ),
        ),
        hint="For each item: is the smallest distance below the top smaller than the top's?",
    ),
    NumberExercise(
        name="4.3",
        value=_SHARE,
        praise="half of the layers are less than half of the parameters: the table stays.",
        mistakes=(
            (0.5, "that would be so if there were layers only; the table of word vectors stays."),
            (1 - _SHARE, "that is the share that stays."),
            (
                3 * 12 * 384**2 / (30_000 * 384 + 6 * 12 * 384**2),
                "that is the share of the narrower encoder; here the width is 768.",
            ),
        ),
        hint="divide what six layers have by the sum of the table and all twelve.",
    ),
    FunctionExercise(
        name="4.4",
        solution=converged_depth,
        cases=_ACCURACIES,
        praise="this is the rule of the chapter, and it reads validation labels only.",
        mistakes=(
            (
                lambda accuracies, tolerance: int(
                    np.flatnonzero(accuracies >= accuracies.max() - tolerance)[0]
                ),
                "layer 0, the embedding output, is no depth that a model can be cut to, and is not "
                "what is compared with either.",
            ),
            (
                lambda accuracies, tolerance: converged_depth(accuracies, tolerance) - 1,
                "this is one too low: the list begins with layer 0.",
            ),
            (
                lambda accuracies, tolerance: int(accuracies[1:].argmax()) + 1,
                "this is the best layer; a lower one within the tolerance is asked for.",
            ),
            (
                _first_small_gain,
                "this stops where the next layer gains little; accuracy may rise again above. "
                "Compare with the best layer.",
            ),
        ),
        hint="Which layers, from 1 on, are within the tolerance of the best of them?",
    ),
    NumberExercise(
        name="5.1",
        value=0.5,
        praise="and only if the source layer is certain of the other class: a tie, never a loss.",
        mistakes=(
            (1.0, "the label keeps its share of ½ whatever the source layer says."),
            (0.25, "the source layer may be certain of one class: it need not share its half."),
            (1 / 3, "nothing says that the source layer spreads its half evenly."),
        ),
        hint="write the target of one class that is not the label, and let the source be certain.",
    ),
    FunctionExercise(
        name="5.4",
        solution=mixture_targets,
        cases=_TARGETS,
        praise="every row sums to one, and with λ = 0 it is plain fine-tuning.",
        mistakes=(
            (
                lambda labels, source, weight: mixture_targets(labels, source, 1 - weight),
                "the weights are turned round: λ belongs to the source layer.",
            ),
            (
                lambda labels, source, weight: one_hot_targets(labels, 3) + weight * source,
                "the rows sum to more than one: what the source layer gets, the label must give.",
            ),
            (
                lambda labels, source, weight: mixture_targets(
                    labels, one_hot_targets(source.argmax(axis=1), 3), weight
                ),
                "this takes only the source layer's first choice; its doubt is what is wanted.",
            ),
        ),
        hint="What must come out for λ = 0, and what for λ = 1?",
    ),
)
