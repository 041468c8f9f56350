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
from ambiguity_lib.metrics import entropy
from ambiguity_lib.study.experiment import OUT_OF_FOLD, Experiment

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cost:
    """What a method takes, in units that do not depend on a machine.

    Attributes:
        trainings: Models trained, in trainings of the full model; one of k of L layers counts k/L,
            with half of the epochs half of that.
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
            return [("of_other_fold", seed, {})]
        return [("teacher" if self is Stage.TEACHER else "probe", seed, {})]


@dataclass(frozen=True)
class Method:
    """A way to get probabilities.

    Attributes:
        name: What tables call it.
        probs: Distributions over an evaluation set, shape (N, C).
        cost: What it takes.
        gold: Whether it reads the human distributions that it is judged by.
        per_seed: Whether every seed has its own; an ensemble over seeds has one for all.
        needs: What is made before it.
    """

    name: str
    probs: Callable[[Experiment, SplitName], FloatArray]
    cost: Callable[[Experiment], Cost]
    gold: bool = False
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


def _student_epochs(exp: Experiment) -> float:
    """Epochs of a student, as a share of its teacher's."""
    teacher = exp.profile.training.epochs
    return (exp.profile.distillation.epochs or teacher) / teacher


def _longer(exp: Experiment) -> Cost:
    return _full(exp, 1 + _student_epochs(exp))


def _student(exp: Experiment) -> Cost:
    share = exp.depth / exp.num_layers
    return Cost(1 + share * _student_epochs(exp), share, exp.pruned().parameters)


def _taught(exp: Experiment) -> Cost:
    """Of a student that a layer teaches: cross-fitting trains a teacher a fold besides."""
    cost, folds = _student(exp), exp.profile.distillation.folds
    return replace(cost, trainings=cost.trainings + max(folds - 1, 0))


def _ensemble_cost(exp: Experiment) -> Cost:
    size = exp.profile.baselines.ensemble_size
    return _full(exp, size, size, size)


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
    # what a student gains by its own epochs alone
    Method("trained longer", lambda exp, split: exp.trained_longer().probs(split), _longer),
    Method("pruned", lambda exp, split: exp.pruned().probs(split), _student, needs=_PROBED),
    Method(
        "distilled from the top",
        lambda exp, split: exp.distilled(source=exp.num_layers).probs(split),
        _taught,
        needs=_PROBED,
    ),
    Method("distilled", lambda exp, split: exp.distilled().probs(split), _taught, needs=_PROBED),
    # the temperature that is best for the one is not best for the other
    Method("oracle temperature (JSD)", _oracle("JSD"), _full, gold=True),
    Method("oracle temperature (KL)", _oracle("KL"), _full, gold=True),
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
        >>> (
        ...     marked("oracle temperature (KL)"),
        ...     marked("constant mean"),
        ...     marked("pruned"),
        ... )
        ('oracle temperature (KL) †', 'constant mean †', 'pruned')
    """
    gold = name in METHODS and METHODS[name].gold
    return f"{name} †" if gold or name == "constant mean" else name


def _by_ambiguity(weight: float, other: FloatArray) -> FloatArray:
    """λ of each item, in proportion to the entropy of what is mixed in; at most 1."""
    doubt = entropy(other)
    return np.minimum(1.0, weight * doubt / doubt.mean())[:, np.newaxis]


def _recipe(name: str, weight: float, *, layers: bool, by_ambiguity: bool = False) -> Method:
    """A student of the chosen depth that learns from models of the other fold (protocol.md).

    Its target is (1 − λ)·label + λ·other, where other is the mean of dropout passes of a full model
    that has not seen the item, with ``layers`` half of it the mean of that model's lower probes.
    """

    def targets(exp: Experiment) -> FloatArray:
        dropout, lower = exp.of_other_fold()
        other = (dropout + lower) / 2 if layers else dropout
        share = _by_ambiguity(weight, other) if by_ambiguity else weight
        mixture: FloatArray = (1 - share) * exp.one_hot() + share * other
        return mixture

    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        spec = {"folds": OUT_OF_FOLD, "weight": weight, "layers": layers}
        spec |= {"by ambiguity": by_ambiguity, "samples": exp.profile.baselines.dropout_samples}
        return exp.student(spec, lambda: targets(exp)).probs(split)

    # each half's teacher sees half of the items: together one training of the full model
    return Method(name, probs, lambda exp: _plus_training(_student(exp)), needs=_HALVED)


def _rescaled(recipe: Method) -> Method:
    """The same student, its logits divided by its own LS-TS temperature."""

    def probs(exp: Experiment, split: SplitName) -> FloatArray:
        held_out = np.log(np.maximum(recipe.probs(exp, "validation"), _SMALLEST))
        temperature = fit_ambiguity_temperature(held_out, exp.labels("validation"))
        logits = np.log(np.maximum(recipe.probs(exp, split), _SMALLEST))
        return apply_temperature(logits, temperature)

    return Method(f"{recipe.name}, rescaled", probs, recipe.cost, needs=recipe.needs)


def _plus_training(cost: Cost) -> Cost:
    return replace(cost, trainings=cost.trainings + 1)


_SMALLEST = 1e-15
_HALVED = (*_PROBED, Stage.HALVES)
#: The recipe that was named first (protocol.md).
PRIMARY = "dropout and layers of the other fold"
_PLAIN = (
    _recipe("dropout of the other fold", 0.7, layers=False),
    _recipe(PRIMARY, 0.6, layers=True),
    _recipe(f"{PRIMARY}, by ambiguity", 0.6, layers=True, by_ambiguity=True),
)

#: Name → recipe for a student below every temperature of its teacher.
RECIPES: dict[str, Method] = {
    method.name: method for recipe in _PLAIN for method in (recipe, _rescaled(recipe))
}
