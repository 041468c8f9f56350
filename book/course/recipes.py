"""A student below every temperature of its teacher: the look at the recipes (``protocol.md``).

Chosen on three quarters of the main set and reported on the fourth, in turn; on every other set
the recipe that most quarters choose, and the primary one, are looked at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ambiguity_lib.data.folds import text_folds
from ambiguity_lib.evaluation import Gold, PathComparison, compare, holm, score_probs
from ambiguity_lib.evaluation.temperature_path import against_path_all
from ambiguity_lib.study import METHODS, RECIPES, Experiment, prepare
from ambiguity_lib.study.methods import PRIMARY
from course.evidence import MEASURES, joined

FloatArray = NDArray[np.float64]
QUARTERS = 4
#: What stands for the recipes on the set that chooses among them.
HELD_OUT = "chosen on the other quarters"
#: Points of the teacher's path; the first needs no gold and is told first.
ORACLES = {measure: f"oracle temperature ({measure})" for measure in MEASURES}
POINTS = ("LS-TS", *ORACLES.values())
#: What is told of a model, and of the best that any temperature gives its teacher.
KINDS = (*MEASURES, "entropy_corr")


@dataclass(frozen=True)
class Answers:
    """What people, the teacher and recipes say about a set of items, all folds together.

    Attributes:
        gold: What people said, of N items.
        quarter: From 0 to 3, shape (N,); equal premises are in one.
        logits: The teacher's under S seeds, shape (S, N, C).
        probs: Recipe or point of the path → its distributions, each of shape (S, N, C).
    """

    gold: Gold
    quarter: NDArray[np.intp]
    logits: FloatArray
    probs: Mapping[str, FloatArray]

    @classmethod
    def of(cls, exp: Experiment, names: Sequence[str], seeds: Sequence[int], split: str) -> Answers:
        """Those of an experiment; what its store lacks is computed."""
        folds = [exp.with_fold(fold) for fold in range(exp.profile.data.folds)]
        premises = [text for part in folds for text in part.data.whole(split)["text"][:]]
        runs = [[part.with_seed(seed) for part in folds] for seed in seeds]

        def said(method: str) -> FloatArray:
            probs = (METHODS | RECIPES)[method].probs
            return np.stack([np.concatenate([probs(run, split) for run in own]) for own in runs])

        return cls(
            gold=joined([part.gold(split) for part in folds]),
            quarter=text_folds(premises, QUARTERS, salt="quarters"),
            logits=np.stack(
                [np.concatenate([run.teacher.logits(split) for run in own]) for own in runs]
            ),
            probs={name: said(name) for name in (*names, *POINTS)},
        )

    def margins(self, names: Sequence[str], rows: NDArray[np.bool_]) -> dict[str, float]:
        """How far recipes lie below the teacher's path, on some of the items."""
        probs = {name: self.probs[name][:, rows] for name in names}
        found = against_path_all(self.gold.human[rows], self.logits[:, rows], probs, samples=1)
        return {name: one.margin.value for name, one in found.items()}

    def rotated(self, names: Sequence[str]) -> tuple[list[str], FloatArray]:
        """The recipe with the largest margin outside each quarter, and what these say inside."""
        chosen, said = [], np.empty_like(self.logits)
        for quarter in range(QUARTERS):
            inside = self.quarter == quarter
            margins = self.margins(names, ~inside)
            chosen.append(max(margins, key=margins.__getitem__))
            said[:, inside] = self.probs[chosen[-1]][:, inside]
        return chosen, said


def looks(
    answers: Answers, probs: Mapping[str, FloatArray], seeds: Sequence[int], samples: int
) -> list[dict[str, Any]]:
    """Where each lies, seen from the teacher's path, and its differences to points of that path."""
    found = against_path_all(answers.gold.human, answers.logits, probs, samples=samples)
    return [_told(answers, name, probs[name], one, seeds, samples) for name, one in found.items()]


def _told(
    answers: Answers,
    name: str,
    probs: FloatArray,
    found: PathComparison,
    seeds: Sequence[int],
    samples: int,
) -> dict[str, Any]:
    gold = answers.gold
    best = found.jsd.min(), found.kl.min(), found.entropy_correlation.max()
    judged = {name: probs} | {point: answers.probs[point] for point in POINTS}
    scores = pd.concat(
        score_probs(gold, method, seed, own)
        for method, of_seeds in judged.items()
        for seed, own in zip(seeds, of_seeds, strict=True)
    )
    against = [
        compare(scores, [(name, other)], [measure], samples=samples)
        for measure, oracle in ORACLES.items()
        for other in ("LS-TS", oracle)
    ]
    return {
        "dataset": gold.name,
        "method": name,
        **dict(zip(KINDS, found.model, strict=True)),
        "path": dict(zip(KINDS, best, strict=True)),
        "margin": vars(found.margin),
        "correlation": vars(found.correlation_gain),
        "holds": found.holds,
        "differences": pd.concat(against).drop(columns="p_holm"),
    }


def recipes_of(exp: Experiment, seeds: Sequence[int]) -> dict[str, Any]:
    """The whole look at a profile's main task; trains what is missing."""
    names, samples = list(RECIPES), exp.profile.evaluation.bootstrap_samples
    prepare(exp, names, seeds=seeds)
    main, *others = exp.evaluation_splits
    answers = Answers.of(exp, names, seeds, main)
    chosen, said = answers.rotated(names)
    winner = max(names, key=chosen.count)  # of a tie the first on the list
    final = looks(answers, {HELD_OUT: said}, seeds, samples)
    final += final_looks(exp, [winner, PRIMARY], seeds, others)
    tested = pd.concat([one["differences"] for one in decisive(final, winner)])
    tested = tested[tested["b"].isin(ORACLES.values())]
    return {
        "seeds": list(seeds),
        "data": exp.splits.description,
        "train_items": len(exp.splits.train),
        "chosen": chosen,
        "winner": winner,
        "looks": final,
        "tests": tested.assign(p_holm=holm(tested["p"])),
        # every recipe on all items that chose: what each ingredient adds, and no verdict
        "ingredients": looks(answers, {n: answers.probs[n] for n in names}, seeds, samples),
        "costs": {name: vars(RECIPES[name].cost(exp)) for name in names},
    }


def decisive(final: Sequence[Mapping[str, Any]], winner: str) -> list[Mapping[str, Any]]:
    """Of the looks, those that the claim hangs on: at what was chosen, where it was not chosen."""
    return [one for one in final if one["method"] in (HELD_OUT, winner)]


def final_looks(
    exp: Experiment, names: Sequence[str], seeds: Sequence[int], splits: Sequence[str]
) -> list[dict[str, Any]]:
    """These recipes, each once, on sets that have chosen nothing."""
    names = list(dict.fromkeys(names))
    prepare(exp, names, seeds=seeds)
    samples = exp.profile.evaluation.bootstrap_samples
    every = [Answers.of(exp, names, seeds, split) for split in splits]
    return [
        row
        for one in every
        for row in looks(one, {name: one.probs[name] for name in names}, seeds, samples)
    ]
