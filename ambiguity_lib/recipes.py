"""Beyond the paper: label-free recipes that try to know more than one temperature does.

All are ours. Each is a target for a student of the chosen depth, or a way to predict without one;
chapter 9 chooses among them on one half of the evaluation items and reports on the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.experiment import Experiment, SplitName
from ambiguity_lib.methods import Cost, Method
from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.targets import mixture_targets

FloatArray = NDArray[np.float64]
Targets = Callable[[Experiment], FloatArray]

#: Halves of the training set for out-of-fold targets.
OUT_OF_FOLD = 2


def lower_layers(exp: Experiment, split: SplitName) -> FloatArray:
    """Mean distribution of the probes from the source layer to the one below the depth, (N, C)."""
    mean: FloatArray = exp.probe_probs(split)[exp.source : exp.depth].mean(axis=0)
    return mean


def _uniform(exp: Experiment) -> FloatArray:
    classes = len(exp.class_names)
    return np.full((len(exp.splits.train), classes), 1 / classes)


def _several_layers(exp: Experiment) -> FloatArray:
    weight = exp.profile.distillation.weight
    return mixture_targets(exp.labels("train"), lower_layers(exp, "train"), weight)


def _out_of_fold(exp: Experiment) -> FloatArray:
    return mixture_targets(exp.labels("train"), exp.out_of_fold_probs(OUT_OF_FOLD), 1 / 2)


def _out_of_fold_and_layers(exp: Experiment) -> FloatArray:
    both = (exp.out_of_fold_probs(OUT_OF_FOLD) + lower_layers(exp, "train")) / 2
    return mixture_targets(exp.labels("train"), both, 2 / 3)


def _out_of_fold_and_uniform(exp: Experiment) -> FloatArray:
    both = (exp.out_of_fold_probs(OUT_OF_FOLD) + _uniform(exp)) / 2
    return mixture_targets(exp.labels("train"), both, 2 / 3)


def disagreement_weights(lower: FloatArray, upper: FloatArray, mean: float) -> FloatArray:
    """A weight per item that grows with the distance of two layers' distributions.

    Args:
        lower: Distributions of a lower layer, shape (N, C).
        upper: Distributions of an upper layer, shape (N, C).
        mean: The weights' mean, before those above 1 are cut.

    Returns:
        Weights in [0, 1], shape (N,).
    """
    distance = jensen_shannon_distance(lower, upper)
    largest = max(float(distance.mean()), np.finfo(float).tiny)
    return np.minimum(mean * distance / largest, 1.0)


def _per_item_weight(exp: Experiment) -> FloatArray:
    probes = exp.probe_probs("train")
    lower = probes[exp.source]
    weights = disagreement_weights(lower, probes[-1], exp.profile.distillation.weight)
    one_hot = np.eye(lower.shape[1])[exp.labels("train")]
    return (1 - weights[:, np.newaxis]) * one_hot + weights[:, np.newaxis] * lower


def _student(name: str, targets: Targets, extra_trainings: float) -> Method:
    """A student of the chosen depth, trained towards a recipe's targets."""

    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        # at once, not when the student is trained: what they need is a cell's first need
        values = targets(exp)
        spec = {"recipe": name, "weight": exp.profile.distillation.weight}
        return exp.student(spec, lambda: values).probs(split)

    def cost(exp: Experiment) -> Cost:
        share = exp.depth / exp.num_layers
        return Cost(1 + extra_trainings + share, share, exp.pruned().parameters)

    return Method(name, probs, cost)


# each half's teacher sees half of the items: together one training of the full model
_OUT_OF_FOLD_TRAININGS = OUT_OF_FOLD * (1 - 1 / OUT_OF_FOLD)

_ALL = (
    _student("several layers", _several_layers, 0),
    _student("weight by disagreement", _per_item_weight, 0),
    _student("out of fold", _out_of_fold, _OUT_OF_FOLD_TRAININGS),
    _student("out of fold + uniform", _out_of_fold_and_uniform, _OUT_OF_FOLD_TRAININGS),
    _student("out of fold + layers", _out_of_fold_and_layers, _OUT_OF_FOLD_TRAININGS),
    Method(
        "probes of several layers",
        lower_layers,
        lambda exp: Cost(1, (exp.depth - 1) / exp.num_layers, exp.pruned().parameters),
    ),
)

#: Name → recipe.
RECIPES: dict[str, Method] = {recipe.name: recipe for recipe in _ALL}
