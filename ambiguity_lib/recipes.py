"""Beyond the paper: label-free recipes that try to know more than one temperature does.

All are ours. Each is a target for a student of the chosen depth, or a way to predict without one;
chapter 9 chooses among them on one half of the evaluation items and reports on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.experiment import Experiment
from ambiguity_lib.methods import Cost, Method
from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.task_data import SplitName

FloatArray = NDArray[np.float64]
Targets = Callable[[Experiment], FloatArray]

#: Halves of the training set for out-of-fold targets.
OUT_OF_FOLD = 2


def lower_layers(exp: Experiment, split: SplitName) -> FloatArray:
    """Mean distribution of the probes from the source layer to the one below the depth, (N, C)."""
    mean: FloatArray = exp.probe_probs(split)[exp.source : exp.depth].mean(axis=0)
    return mean


def _mixed(
    label: float, out_of_fold: float = 0.0, layers: float = 0.0, uniform: float = 0.0
) -> tuple[dict[str, Any], Targets]:
    """Targets that mix label and other distributions by these shares, and what says so."""
    shares = {"label": label, "out of fold": out_of_fold, "layers": layers, "uniform": uniform}

    def targets(exp: Experiment) -> FloatArray:
        parts = [label * np.eye(len(exp.class_names))[exp.labels("train")]]
        if out_of_fold:
            parts.append(out_of_fold * exp.out_of_fold_probs(OUT_OF_FOLD))
        if layers:
            parts.append(layers * lower_layers(exp, "train"))
        mixture: FloatArray = np.sum(parts, axis=0) + uniform / len(exp.class_names)
        return mixture

    folds = {"folds": OUT_OF_FOLD} if out_of_fold else {}
    return {"shares": shares} | folds, targets


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


def _by_disagreement(mean: float) -> tuple[dict[str, Any], Targets]:
    """Label and source probe, mixed by how far source and top probe are from each other."""

    def targets(exp: Experiment) -> FloatArray:
        probes = exp.probe_probs("train")
        lower = probes[exp.source]
        weights = disagreement_weights(lower, probes[-1], mean)[:, np.newaxis]
        one_hot = np.eye(lower.shape[1])[exp.labels("train")]
        mixture: FloatArray = (1 - weights) * one_hot + weights * lower
        return mixture

    return {"mean weight of disagreement": mean}, targets


def _student(name: str, recipe: tuple[dict[str, Any], Targets], extra: float = 0.0) -> Method:
    """A student of the chosen depth; ``extra`` trainings of full models make its targets."""
    spec, targets = recipe

    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        # at once, not when the student is trained: what they need is a cell's first need
        values = targets(exp)
        return exp.student(spec, lambda: values).probs(split)

    def cost(exp: Experiment) -> Cost:
        share = exp.depth / exp.num_layers
        return Cost(1 + extra + share, share, exp.pruned().parameters)

    return Method(name, probs, cost)


# each half's teacher sees half of the items: together one training of the full model
_HALVES = OUT_OF_FOLD * (1 - 1 / OUT_OF_FOLD)
_THIRD = 1 / 3

_ALL = (
    _student("out of fold", _mixed(label=0.5, out_of_fold=0.5), _HALVES),
    _student("out of fold + uniform", _mixed(_THIRD, out_of_fold=_THIRD, uniform=_THIRD), _HALVES),
    _student("out of fold + layers", _mixed(_THIRD, out_of_fold=_THIRD, layers=_THIRD), _HALVES),
    _student("several layers", _mixed(label=0.5, layers=0.5)),
    _student("weight by disagreement", _by_disagreement(0.5)),
    Method(
        "probes of several layers",
        lower_layers,
        # all of the teacher is kept here, though its upper layers are not needed
        lambda exp: Cost(1, (exp.depth - 1) / exp.num_layers, exp.teacher.parameters),
    ),
)

#: Name → recipe.
RECIPES: dict[str, Method] = {recipe.name: recipe for recipe in _ALL}
