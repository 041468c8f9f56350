"""Every method that the full experiment compares: what it predicts and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ambiguity_lib.baselines import (
    apply_temperature,
    ensemble_probs,
    fit_temperature,
    oracle_temperature,
)
from ambiguity_lib.experiment import Experiment
from ambiguity_lib.task_data import SplitName

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cost:
    """What a method takes, in units that do not depend on a machine.

    Attributes:
        trainings: Models trained, in trainings of the full model; one of k of L layers counts k/L.
            A student's teacher counts, since its probes choose the student's depth.
        forwards: Encoder passes of one prediction, in passes of the full model.
        parameters: Parameters to be kept for prediction.

    Examples:
        >>> from ambiguity_lib.methods import Cost
        >>> Cost(trainings=1.5, forwards=0.5, parameters=10_000)
        Cost(trainings=1.5, forwards=0.5, parameters=10000)
    """

    trainings: float
    forwards: float
    parameters: int


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

    Examples:
        >>> from ambiguity_lib.methods import METHODS
        >>> [name for name, method in METHODS.items() if method.gold]
        ['oracle temperature (JSD)', 'oracle temperature (KL)', 'human upper bound']
        >>> METHODS["teacher"].per_seed
        True
    """

    name: str
    probs: Callable[[Experiment, SplitName], FloatArray]
    cost: Callable[[Experiment], Cost]
    gold: Literal["oracle", "trained"] | None = None
    per_seed: bool = True


def ensemble_seeds(experiment: Experiment) -> tuple[int, ...]:
    """Seeds of an ensemble's members: the profile's for sweeps, then the lowest others."""
    given = experiment.profile.sweep_seeds
    size = experiment.profile.baselines.ensemble_size
    others = [seed for seed in range(size + len(given)) if seed not in given]
    return (*given, *others)[:size]


def _smoothed(exp: Experiment, split: SplitName) -> FloatArray:
    return exp.label_smoothed(exp.smoothing).probs(split)


def _scaled(exp: Experiment, split: SplitName) -> FloatArray:
    temperature = fit_temperature(exp.teacher.logits("validation"), exp.labels("validation"))
    return apply_temperature(exp.teacher.logits(split), temperature)


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


def _ensemble_cost(exp: Experiment) -> Cost:
    size = exp.profile.baselines.ensemble_size
    return _full(exp, size, size, size)


def _human_cost(exp: Experiment) -> Cost:
    # cross-fitting trains one such model a fold, which is the cost of judging it
    share = 1 - 1 / exp.profile.baselines.human_folds
    return _full(exp, 1 + share * len(exp.splits.evaluation) / len(exp.splits.train))


_ALL = (
    Method("teacher", lambda exp, split: exp.teacher.probs(split), _full),
    Method("early stopping", lambda exp, split: exp.early_stopped.probs(split), _full),
    Method(
        "label smoothing", _smoothed, lambda exp: _full(exp, len(exp.profile.baselines.epsilons))
    ),
    Method("temperature scaling", _scaled, _full),
    Method(
        "MC dropout",
        lambda exp, split: exp.mc_dropout_probs(split),
        lambda exp: _full(exp, forwards=exp.profile.baselines.dropout_samples),
    ),
    Method("deep ensemble", _ensemble, _ensemble_cost, per_seed=False),
    Method("pruned", lambda exp, split: exp.pruned().probs(split), _student),
    Method(
        "distilled from the top",
        lambda exp, split: exp.distilled(source=exp.num_layers).probs(split),
        _student,
    ),
    Method("distilled", lambda exp, split: exp.distilled().probs(split), _student),
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
        >>> from ambiguity_lib.methods import marked
        >>> marked("human upper bound"), marked("constant mean"), marked("pruned")
        ('human upper bound †', 'constant mean †', 'pruned')
    """
    gold = name in METHODS and METHODS[name].gold
    return f"{name} †" if gold or name == "constant mean" else name
