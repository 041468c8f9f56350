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

    Premises and hypotheses are rows of whole numbers that index the module's word lists.
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
        """Give the exact share of annotators per answer, before lapses: (N, 3).

        `spread` scales the variation between annotators.
        """

    def render(self, premise: list[int], hypothesis: list[int]) -> tuple[str, str]:
        """Write one premise and its hypothesis out as lower-case words."""


@dataclass(frozen=True)
class Items:
    """Items of one kind before they are written out: features (N, P) and (N, H)."""

    kind: ItemKind
    premises: np.ndarray
    hypotheses: np.ndarray


def graded_distribution(
    score: np.ndarray, neutral: float | np.ndarray, spread: float
) -> np.ndarray:
    """Give the shares of answers of annotators with one normal strictness each.

    An annotator with strictness t ~ Normal(0, spread) says entailment if score > neutral + t,
    contradiction if score < -neutral + t, and neutral between.

    A score says how clearly the hypothesis holds, (N,); the result is (N, 3).
    """
    entailed = ndtr((score - neutral) / spread)
    contradicted = ndtr((-score - neutral) / spread)
    return np.stack([entailed, 1.0 - entailed - contradicted, contradicted], axis=-1)


def true_distribution(items: Items, spread: float, lapse_rate: float) -> np.ndarray:
    """Give the exact opinion distribution of items, lapses included: (N, 3)."""
    probs = items.kind.distribution(items.premises, items.hypotheses, spread)
    return (1.0 - lapse_rate) * probs + lapse_rate / CLASSES


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
