"""What the annotator models of the synthetic world have in common.

Every model says how one annotator turns an item into one of entailment, neutral, contradiction,
given latent traits of the annotator with stated (normal, independent) distributions. The share of
annotators who give each answer then follows exactly from the normal distribution function.

Distributions are kept as whole numbers of 1/`RESOLUTION`, and votes are drawn by comparing random
whole numbers with them. So the last bits of a machine's normal distribution function, which differ
between platforms, do not change what is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr

RESOLUTION = 10**8
ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2
CLASSES = 3


class ItemKind(Protocol):
    """One kind of item: a module with this name and these functions.

    Premises and hypotheses are rows of whole numbers that index the module's word lists; `rng` is
    always a `numpy.random.Generator`. `spread` scales the variation between annotators.
    """

    @property
    def NAME(self) -> str:
        """The kind, first part of its items' uids."""

    @property
    def PREMISE_SIZES(self) -> tuple[int, ...]:
        """How many values each of the P features of a premise has."""

    def draw_hypotheses(self, rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
        """Draw one hypothesis for each premise: (N, P) to (N, H)."""

    def distribution(
        self, premises: np.ndarray, hypotheses: np.ndarray, spread: float
    ) -> np.ndarray:
        """Give the exact share of annotators per answer, before lapses: (N, 3)."""

    def simulate(
        self,
        rng: np.random.Generator,
        premises: np.ndarray,
        hypotheses: np.ndarray,
        spread: float,
    ) -> np.ndarray:
        """Let one annotator, with traits drawn anew, answer each row: (N,) class indices."""

    def render(self, premises: np.ndarray, hypotheses: np.ndarray) -> tuple[list[str], list[str]]:
        """Write N premises and N hypotheses out as lower-case words."""


def graded_distribution(
    score: np.ndarray, neutral: float | np.ndarray, spread: float
) -> np.ndarray:
    """Give the shares of answers of annotators with one normal strictness each.

    An annotator with strictness t ~ Normal(0, spread) says entailment if score > neutral + t,
    contradiction if score < -neutral + t, and neutral between.
    """
    entailed = ndtr((score - neutral) / spread)
    contradicted = ndtr((-score - neutral) / spread)
    return np.stack([entailed, 1.0 - entailed - contradicted, contradicted], axis=-1)


def graded_answer(
    score: np.ndarray, neutral: float | np.ndarray, strictness: np.ndarray
) -> np.ndarray:
    """Give the answers of single annotators under the model of `graded_distribution`."""
    answer = np.full(score.shape, NEUTRAL)
    answer[score > neutral + strictness] = ENTAILMENT
    answer[score < -neutral + strictness] = CONTRADICTION
    return answer


@dataclass(frozen=True)
class Items:
    """Items of one kind before they are written out.

    Attributes:
        kind: The module of the kind.
        premises: Feature indices, shape (N, P).
        hypotheses: Feature indices, shape (N, H).
    """

    kind: ItemKind
    premises: np.ndarray
    hypotheses: np.ndarray


def draw_items(kind: ItemKind, size: int, seed: int) -> Items:
    """Draw items of one kind, premises with replacement; for looking at a kind."""
    rng = np.random.Generator(np.random.PCG64(seed))
    premises = rng.integers(0, kind.PREMISE_SIZES, size=(size, len(kind.PREMISE_SIZES)))
    return Items(kind, premises, kind.draw_hypotheses(rng, premises))


def true_distribution(items: Items, spread: float, lapse_rate: float) -> np.ndarray:
    """Give the exact opinion distribution of items under the annotator models."""
    probs = items.kind.distribution(items.premises, items.hypotheses, spread)
    return (1.0 - lapse_rate) * probs + lapse_rate / CLASSES


def simulate_annotators(
    items: Items, annotators: int, spread: float, lapse_rate: float, seed: int
) -> np.ndarray:
    """Let annotators with traits drawn one by one answer items.

    This follows the annotator models step by step and shares no formula of probability with
    `true_distribution`, so that the two check each other.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    n = len(items.premises)
    rows = np.repeat(np.arange(n), annotators)
    answers = items.kind.simulate(rng, items.premises[rows], items.hypotheses[rows], spread)
    lapsed = rng.random(len(rows)) < lapse_rate
    answers = np.where(lapsed, rng.integers(0, CLASSES, len(rows)), answers)
    return np.bincount(rows * CLASSES + answers, minlength=n * CLASSES).reshape(n, CLASSES)


def to_weights(probs: np.ndarray) -> np.ndarray:
    """Round distributions to whole numbers of 1/RESOLUTION that sum to RESOLUTION: (N, 3)."""
    entailed, contradicted = np.rint(probs[:, [ENTAILMENT, CONTRADICTION]] * RESOLUTION).T.astype(
        np.int64
    )
    # Both may have been rounded up, with nothing left for neutral.
    contradicted = np.minimum(contradicted, RESOLUTION - entailed)
    return np.stack([entailed, RESOLUTION - entailed - contradicted, contradicted], axis=1)


def draw_votes(rng: np.random.Generator, weights: np.ndarray, votes: int) -> np.ndarray:
    """Let `votes` annotators answer each item: whole-number weights (N, 3) to counts (N, 3)."""
    draws = rng.integers(0, RESOLUTION, size=(len(weights), votes))
    first = (draws < weights[:, :1]).sum(axis=1)
    second = (draws < weights[:, :2].sum(axis=1, keepdims=True)).sum(axis=1)
    return np.stack([first, second - first, votes - second], axis=1)


def majority(counts: np.ndarray, preferred: np.ndarray) -> np.ndarray:
    """Give the class with most votes; a tie goes to `preferred` if tied, else to the first."""
    best = counts.argmax(axis=1)
    rows = np.arange(len(counts))
    return np.where(counts[rows, preferred] == counts[rows, best], preferred, best)
