"""Items with vague quantifiers, and their annotators.

Example: "63 of the 80 guests left early ." / "most of the guests left early ."

A quantifier holds between a lower and an upper bound, each either on the proportion (in log-odds)
or on the count (in natural log). Bounds are vague: annotator i moves every bound by t_i of that
bound's own standard deviation, inwards when strict, with t_i ~ Normal(0, spread). In units of that
standard deviation, the item's score is its distance from the nearest bound, positive inside; a
score above `neutral` + t_i is entailment, below -`neutral` + t_i contradiction, else neutral.

Some quantifiers suggest a further bound that they do not assert ("some" suggests "not all"). A
stated share of annotators reads them that way and counts it as a bound like the others.

The hypothesis may be about the same predicate, about its opposite (then the remaining ones count),
or about something that the premise does not mention. In the last case annotators answer neutral
but for `GUESS_RATE`, who answer entailment or contradiction with equal chances.

Positions follow what studies of such words report in outline: "most" needs clearly more than half
though it means more than half (Solt, 2016), "many" and "few" vary most between people, "some"
suggests "not all" to a part of them (Noveck, 2001). The numbers themselves are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from ambiguity_lib.data.world.annotators import graded_distribution
from ambiguity_lib.data.world.words import draw_by_chance, read_words

NAME = "quantifier"
GUESS_RATE = 0.08
# Chances that the hypothesis is about the same predicate, its opposite, something else.
RELATIONS = (0.55, 0.20, 0.25)
SAME, OPPOSITE, UNRELATED = 0, 1, 2


class Bound(NamedTuple):
    """A vague bound: its median position among annotators, and their standard deviation."""

    scale: Literal["proportion", "count"]
    at: float
    sd: float


@dataclass(frozen=True)
class Quantifier:
    """A quantifier: its words and bounds, and what a share of annotators reads into it."""

    words: str
    neutral: float
    lower: Bound | None = None
    upper: Bound | None = None
    implied_lower: Bound | None = None
    implied_upper: Bound | None = None
    implied_share: float = 0.0


_LISTS = read_words("quantifiers")
QUANTIFIERS = TypeAdapter(tuple[Quantifier, ...]).validate_python(_LISTS["quantifiers"])
DOMAINS, FORMS = _LISTS["domains"], _LISTS["forms"]


def _number_pairs() -> tuple[tuple[int, int], ...]:
    """List (count, total): round shares of round totals, and counts next to either end.

    So few numbers occur that a model meets each of them in a few thousand items.
    """
    pairs: list[tuple[int, int]] = []
    for total in (10, 20, 40, 50, 60, 80, 100):
        parts = 20 if total in (20, 40, 100) else 10
        counts = {1, total - 1, *range(0, total + 1, total // parts)}
        pairs.extend((count, total) for count in sorted(counts))
    return tuple(pairs)


NUMBERS = _number_pairs()
# Every (domain, group, pair of predicates) that goes together.
TOPICS = tuple(
    (index, group, pair)
    for index, domain in enumerate(DOMAINS)
    for group in range(len(domain["groups"]))
    for pair in range(len(domain["predicates"]))
)
# Features of a premise: topic, which predicate of the pair, numbers, form.
PREMISE_SIZES = (len(TOPICS), 2, len(NUMBERS), len(FORMS))

_TOPIC_TABLE = np.array(TOPICS)
_NUMBER_TABLE = np.array(NUMBERS)
_PAIRS_PER_DOMAIN = np.array([len(domain["predicates"]) for domain in DOMAINS])
_NEUTRAL = np.array([quantifier.neutral for quantifier in QUANTIFIERS])
_IMPLIED_SHARE = np.array([quantifier.implied_share for quantifier in QUANTIFIERS])


def draw_hypotheses(rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
    """Draw hypotheses: quantifier, relation, pair of predicates, which of the pair; (N, 4)."""
    n = len(premises)
    quantifier = rng.integers(0, len(QUANTIFIERS), n)
    relation = draw_by_chance(rng, RELATIONS, n)
    topics = _TOPIC_TABLE[premises[:, 0]]
    pairs = _PAIRS_PER_DOMAIN[topics[:, 0]]
    other = (topics[:, 2] + 1 + rng.integers(0, pairs - 1)) % pairs
    pair = np.where(relation == UNRELATED, other, topics[:, 2])
    side = np.select(
        [relation == SAME, relation == OPPOSITE],
        [premises[:, 1], 1 - premises[:, 1]],
        rng.integers(0, 2, n),
    )
    return np.stack([quantifier, relation, pair, side], axis=1)


def scores(premises: np.ndarray, hypotheses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the distances to the nearest asserted bound, and to the nearest bound of either sort.

    In standard deviations of the bound, positive inside; two arrays (N,).
    """
    counts, totals = _NUMBER_TABLE[premises[:, 2]].T
    counts = np.where(hypotheses[:, 1] == OPPOSITE, totals - counts, counts)
    share = np.clip(counts / totals, 0.005, 0.995)
    scales = {
        "proportion": np.log(share / (1.0 - share)),
        "count": np.log(np.maximum(counts, 0.25)),
    }
    asserted = np.empty(len(premises))
    implied = np.empty(len(premises))
    for index, quantifier in enumerate(QUANTIFIERS):
        rows = hypotheses[:, 0] == index
        here = {name: values[rows] for name, values in scales.items()}
        asserted[rows] = _depth(here, quantifier.lower, quantifier.upper)
        further = _depth(here, quantifier.implied_lower, quantifier.implied_upper)
        implied[rows] = np.minimum(asserted[rows], further)
    return asserted, implied


def _depth(scales: dict[str, np.ndarray], lower: Bound | None, upper: Bound | None) -> np.ndarray:
    """Give the distance to the nearer of two bounds, positive inside; infinite without any."""
    depth = np.full(len(scales["count"]), np.inf)
    for bound, sign in ((lower, 1.0), (upper, -1.0)):
        if bound is not None:
            position = np.log(bound.at)
            if bound.scale == "proportion":
                position -= np.log(1.0 - bound.at)
            depth = np.minimum(depth, sign * (scales[bound.scale] - position) / bound.sd)
    return depth


def distribution(premises: np.ndarray, hypotheses: np.ndarray, spread: float) -> np.ndarray:
    """Give the exact share of annotators per answer, before lapses; (N, 3)."""
    asserted, implied = scores(premises, hypotheses)
    quantifier, relation = hypotheses[:, 0], hypotheses[:, 1]
    neutral, share = _NEUTRAL[quantifier], _IMPLIED_SHARE[quantifier][:, None]
    probs = (1.0 - share) * graded_distribution(asserted, neutral, spread)
    probs += share * graded_distribution(implied, neutral, spread)
    probs[relation == UNRELATED] = (GUESS_RATE / 2, 1.0 - GUESS_RATE, GUESS_RATE / 2)
    return probs


def render(premise: list[int], hypothesis: list[int]) -> tuple[str, str]:
    """Write a premise and its hypothesis out."""
    topic, side, numbers, form = premise
    quantifier, _, pair, other_side = hypothesis
    domain, group_index, own_pair = TOPICS[topic]
    group, predicates = DOMAINS[domain]["groups"][group_index], DOMAINS[domain]["predicates"]
    count, total = NUMBERS[numbers]
    text = FORMS[form].format(
        count=count, total=total, group=group, predicate=predicates[own_pair][side]
    )
    words = QUANTIFIERS[quantifier].words
    return text, f"{words} of the {group} {predicates[pair][other_side]} ."
