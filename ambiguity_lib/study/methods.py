"""Every method that the full experiment compares: what it predicts and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.data.labelled import SplitName
from ambiguity_lib.method.temperatures import (
    apply_temperature,
    ensemble_probs,
    fit_ambiguity_temperature,
    fit_temperature,
    oracle_temperature,
)
from ambiguity_lib.study.experiment import Experiment

FloatArray = NDArray[np.float64]

#: Halves of the training set for out-of-fold targets.
OUT_OF_FOLD = 2


@dataclass(frozen=True)
class Cost:
    """What a method takes, in units that do not depend on a machine.

    Attributes:
        trainings: Models trained, in trainings of the full model; one of k of L layers counts k/L.
            A student's teacher counts, since its probes choose the student's depth.
        forwards: Encoder passes of one prediction, in passes of the full model.
        parameters: Parameters to be kept for prediction.
    """

    trainings: float
    forwards: float
    parameters: int


class Stage(Enum):
    """What several methods need, and what is therefore made before them, once."""

    TEACHER = "teacher"
    MEMBERS = "teachers of an ensemble"
    SMOOTHINGS = "models of all label smoothings"
    HALVES = "teachers of halves"
    PROBES = "probes"

    def jobs(self, exp: Experiment, seed: int) -> list[tuple[str, int, dict[str, Any]]]:
        """Attribute of the experiment, seed and arguments of each part."""
        if self is Stage.MEMBERS:
            return [("teacher", member, {}) for member in ensemble_seeds(exp)]
        if self is Stage.SMOOTHINGS:
            epsilons = exp.profile.baselines.epsilons
            return [("label_smoothed", seed, {"epsilon": epsilon}) for epsilon in epsilons]
        if self is Stage.HALVES:
            return [("out_of_fold_probs", seed, {"folds": OUT_OF_FOLD})]
        return [("teacher" if self is Stage.TEACHER else "probe", seed, {})]


@dataclass(frozen=True)
class Method:
    """A way to get probabilities.

    Attributes:
        name: What tables call it.
        probs: Distributions over an evaluation set, shape (N, C).
        cost: What it takes.
        gold: None for a method that reads no human distribution; ``"trained"`` if it learns from
            those of other items, ``"oracle"`` if it reads those that it is judged by.
        per_seed: Whether every seed has its own; an ensemble over seeds has one for all.
        needs: What is made before it.
    """

    name: str
    probs: Callable[[Experiment, SplitName], FloatArray]
    cost: Callable[[Experiment], Cost]
    gold: Literal["oracle", "trained"] | None = None
    per_seed: bool = True
    needs: tuple[Stage, ...] = (Stage.TEACHER,)


def ensemble_seeds(experiment: Experiment) -> tuple[int, ...]:
    """Seeds of an ensemble's members: the profile's for sweeps, then the lowest others."""
    given = experiment.profile.sweep_seeds
    size = experiment.profile.baselines.ensemble_size
    others = [seed for seed in range(size + len(given)) if seed not in given]
    return (*given, *others)[:size]


def _smoothed(exp: Experiment, split: SplitName) -> FloatArray:
    return exp.label_smoothed(exp.smoothing).probs(split)


def _scaled(
    fit: Callable[[FloatArray, NDArray[np.int64]], float],
) -> Callable[[Experiment, SplitName], FloatArray]:
    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        temperature = fit(exp.teacher.logits("validation"), exp.labels("validation"))
        return apply_temperature(exp.teacher.logits(split), temperature)

    return probs


def _ensemble(exp: Experiment, split: SplitName) -> FloatArray:
    members = [exp.with_seed(seed) for seed in ensemble_seeds(exp)]
    return ensemble_probs([member.teacher.probs(split) for member in members])


def _oracle(metric: Literal["JSD", "KL"]) -> Callable[[Experiment, SplitName], FloatArray]:
    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        logits = exp.teacher.logits(split)
        return apply_temperature(logits, oracle_temperature(logits, exp.gold(split).human, metric))

    return probs


def _full(exp: Experiment, trainings: float = 1, forwards: int = 1, models: int = 1) -> Cost:
    return Cost(trainings, forwards, models * exp.teacher.parameters)


def _student(exp: Experiment) -> Cost:
    share = exp.depth / exp.num_layers
    return Cost(1 + share, share, exp.pruned().parameters)


def _taught(exp: Experiment) -> Cost:
    """Of a student that a layer teaches: cross-fitting trains a teacher a fold besides."""
    cost, folds = _student(exp), exp.profile.distillation.folds
    return replace(cost, trainings=cost.trainings + max(folds - 1, 0))


def _ensemble_cost(exp: Experiment) -> Cost:
    size = exp.profile.baselines.ensemble_size
    return _full(exp, size, size, size)


def _human_cost(exp: Experiment) -> Cost:
    # cross-fitting trains one such model a fold, which is the cost of judging it
    share = 1 - 1 / exp.profile.baselines.human_folds
    return _full(exp, 1 + share * len(exp.splits.evaluation) / len(exp.splits.train))


_PROBED = (Stage.TEACHER, Stage.PROBES)

_ALL = (
    Method("teacher", lambda exp, split: exp.teacher.probs(split), _full),
    Method(
        "label smoothing",
        _smoothed,
        lambda exp: _full(exp, len(exp.profile.baselines.epsilons)),
        needs=(Stage.SMOOTHINGS,),
    ),
    Method("temperature scaling", _scaled(fit_temperature), _full),
    Method("LS-TS", _scaled(fit_ambiguity_temperature), _full),
    Method(
        "MC dropout",
        lambda exp, split: exp.mc_dropout_probs(split),
        lambda exp: _full(exp, forwards=exp.profile.baselines.dropout_samples),
    ),
    Method("deep ensemble", _ensemble, _ensemble_cost, per_seed=False, needs=(Stage.MEMBERS,)),
    Method("pruned", lambda exp, split: exp.pruned().probs(split), _student, needs=_PROBED),
    Method(
        "distilled from the top",
        lambda exp, split: exp.distilled(source=exp.num_layers).probs(split),
        _taught,
        needs=_PROBED,
    ),
    Method("distilled", lambda exp, split: exp.distilled().probs(split), _taught, needs=_PROBED),
    # the temperature that is best for the one is not best for the other
    Method("oracle temperature (JSD)", _oracle("JSD"), _full, gold="oracle"),
    Method("oracle temperature (KL)", _oracle("KL"), _full, gold="oracle"),
    Method(
        "human upper bound",
        lambda exp, split: exp.human_trained_probs(split),
        _human_cost,
        gold="trained",
    ),
)

#: Name → method, in the order of tables.
METHODS: dict[str, Method] = {method.name: method for method in _ALL}


def marked(name: str) -> str:
    """A row's name in a table of results, with a † if the row has read human distributions.

    Args:
        name: A method, or a row to compare with, such as ``constant mean``.

    Returns:
        The name, marked or as it is.

    Examples:
        >>> from ambiguity_lib.study.methods import marked
        >>> marked("human upper bound"), marked("constant mean"), marked("pruned")
        ('human upper bound †', 'constant mean †', 'pruned')
    """
    gold = name in METHODS and METHODS[name].gold
    return f"{name} †" if gold or name == "constant mean" else name


Targets = Callable[[Experiment], FloatArray]


def lower_layers(exp: Experiment, split: SplitName) -> FloatArray:
    """Mean distribution of the probes from the source layer to the one below the depth, (N, C)."""
    mean: FloatArray = exp.probe_probs(split)[exp.source : exp.depth].mean(axis=0)
    return mean


def _mixed(
    label: float, out_of_fold: float = 0.0, layers: float = 0.0
) -> tuple[dict[str, Any], Targets]:
    """Targets that mix label and other distributions by these shares, and what says so."""
    shares = {"label": label, "out of fold": out_of_fold, "layers": layers}

    def targets(exp: Experiment) -> FloatArray:
        parts = [label * np.eye(len(exp.class_names))[exp.labels("train")]]
        if out_of_fold:
            parts.append(out_of_fold * exp.out_of_fold_probs(OUT_OF_FOLD))
        if layers:
            parts.append(layers * lower_layers(exp, "train"))
        mixture: FloatArray = np.sum(parts, axis=0)
        return mixture

    folds = {"folds": OUT_OF_FOLD} if out_of_fold else {}
    return {"shares": shares} | folds, targets


def _recipe_student(
    name: str, recipe: tuple[dict[str, Any], Targets], extra: float = 0.0
) -> Method:
    """A student of the chosen depth; ``extra`` trainings of full models make its targets."""
    spec, targets = recipe

    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        return exp.student(spec, lambda: targets(exp)).probs(split)

    def cost(exp: Experiment) -> Cost:
        share = exp.depth / exp.num_layers
        return Cost(1 + extra + share, share, exp.pruned().parameters)

    halves = (Stage.HALVES,) if extra else ()
    return Method(name, probs, cost, needs=(*_PROBED, *halves))


# each half's teacher sees half of the items: together one training of the full model
_HALVES = OUT_OF_FOLD * (1 - 1 / OUT_OF_FOLD)
_THIRD = 1 / 3

_ALL_RECIPES = (
    _recipe_student("out of fold", _mixed(label=0.5, out_of_fold=0.5), _HALVES),
    _recipe_student(
        "out of fold + layers", _mixed(_THIRD, out_of_fold=_THIRD, layers=_THIRD), _HALVES
    ),
    Method(
        "probes of several layers",
        lower_layers,
        # all of the teacher is kept here, though its upper layers are not needed
        lambda exp: Cost(1, (exp.depth - 1) / exp.num_layers, exp.teacher.parameters),
        needs=_PROBED,
    ),
)

#: Name → recipe.
RECIPES: dict[str, Method] = {recipe.name: recipe for recipe in _ALL_RECIPES}
