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
from typing import Literal

import numpy as np

from ambiguity_lib.data.world.annotators import (
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    graded_answer,
    graded_distribution,
)

NAME = "quantifier"
GUESS_RATE = 0.08
# Chances that the hypothesis is about the same predicate, its opposite, something else.
RELATIONS = (0.55, 0.20, 0.25)
SAME, OPPOSITE, UNRELATED = 0, 1, 2


@dataclass(frozen=True)
class Bound:
    """A vague bound: its median position among annotators, and their standard deviation."""

    scale: Literal["proportion", "count"]
    at: float
    sd: float


@dataclass(frozen=True)
class Quantifier:
    """A quantifier: its words and bounds, and what a share of annotators reads into it."""

    words: str
    lower: Bound | None
    upper: Bound | None
    neutral: float
    implied_lower: Bound | None = None
    implied_upper: Bound | None = None
    implied_share: float = 0.0


def _p(at: float, sd: float) -> Bound:
    return Bound("proportion", at, sd)


def _n(at: float, sd: float) -> Bound:
    return Bound("count", at, sd)


# 0.993 lies between 99 of 100 and all; a count bound of 0.7 between none and one.
QUANTIFIERS: tuple[Quantifier, ...] = (
    Quantifier("all", _p(0.993, 0.12), None, 0.3),
    Quantifier("almost all", _p(0.88, 0.35), None, 0.5, None, _p(0.993, 0.3), 0.5),
    Quantifier("nearly all", _p(0.87, 0.40), None, 0.5, None, _p(0.993, 0.3), 0.5),
    Quantifier("a large majority", _p(0.73, 0.35), None, 0.5),
    Quantifier("most", _p(0.60, 0.40), None, 0.6, None, _p(0.985, 0.4), 0.25),
    Quantifier("a majority", _p(0.51, 0.12), None, 0.3),
    Quantifier("more than half", _p(0.52, 0.05), None, 0.3),
    Quantifier("at least half", _p(0.48, 0.05), None, 0.3),
    Quantifier("about half", _p(0.40, 0.20), _p(0.60, 0.20), 0.6),
    Quantifier("around a third", _p(0.25, 0.20), _p(0.42, 0.20), 0.6),
    Quantifier("many", _p(0.42, 0.55), None, 0.8),
    Quantifier("quite a few", _p(0.25, 0.55), None, 0.7),
    Quantifier("several", _n(3.2, 0.30), None, 0.5, None, _p(0.80, 0.7), 0.3),
    Quantifier("some", _n(1.5, 0.25), None, 0.5, None, _p(0.80, 0.6), 0.35),
    Quantifier("a few", _n(1.7, 0.30), _n(12.0, 0.5), 0.7, None, _p(0.40, 0.6), 0.5),
    Quantifier("a handful", _n(2.2, 0.35), _n(9.0, 0.45), 0.6),
    Quantifier("dozens", _n(22.0, 0.25), None, 0.5),
    Quantifier("less than half", None, _p(0.48, 0.05), 0.3),
    Quantifier("a minority", None, _p(0.48, 0.12), 0.4, _n(0.7, 0.3), None, 0.6),
    Quantifier("only a small part", None, _p(0.25, 0.40), 0.6, _n(0.7, 0.3), None, 0.7),
    Quantifier("few", None, _p(0.22, 0.50), 0.7, _n(0.7, 0.3), None, 0.6),
    Quantifier("very few", None, _p(0.12, 0.45), 0.6, _n(0.7, 0.3), None, 0.6),
    Quantifier("hardly any", None, _p(0.09, 0.45), 0.6, _n(0.7, 0.3), None, 0.4),
    Quantifier("none", None, _p(0.007, 0.12), 0.3),
    Quantifier("not all", None, _p(0.993, 0.12), 0.3, _p(0.30, 0.9), None, 0.35),
)

# Groups, and pairs of predicates of which exactly one holds of each member.
DOMAINS: tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    (
        (
            "guests",
            "visitors",
            "tourists",
            "dancers",
            "singers",
            "musicians",
            "neighbours",
            "families",
            "couples",
            "travellers",
            "players",
            "runners",
            "fans",
            "friends",
            "relatives",
            "strangers",
        ),
        (
            ("left early", "stayed until the end"),
            ("arrived late", "arrived on time"),
            ("came by train", "came by other means"),
            ("wore a hat", "came without a hat"),
            ("ordered a meal", "ordered no meal"),
            ("paid in cash", "paid by card"),
            ("knew the song", "did not know the song"),
            ("slept well", "slept badly"),
            ("liked the show", "disliked the show"),
            ("brought a gift", "brought no gift"),
            ("got wet", "kept dry"),
            ("went home happy", "went home unhappy"),
        ),
    ),
    (
        (
            "students",
            "teachers",
            "workers",
            "nurses",
            "doctors",
            "engineers",
            "drivers",
            "farmers",
            "cooks",
            "clerks",
            "writers",
            "lawyers",
            "managers",
            "painters",
            "soldiers",
            "members",
        ),
        (
            ("passed the test", "failed the test"),
            ("agreed with the plan", "opposed the plan"),
            ("finished the task", "left the task unfinished"),
            ("read the report", "ignored the report"),
            ("voted for the change", "voted against the change"),
            ("answered the letter", "left the letter unanswered"),
            ("joined the meeting", "missed the meeting"),
            ("asked a question", "asked nothing"),
            ("worked from home", "worked at the office"),
            ("spoke two languages", "spoke only one language"),
            ("got a raise", "got no raise"),
            ("trusted the boss", "distrusted the boss"),
        ),
    ),
    (
        (
            "boxes",
            "letters",
            "parcels",
            "bottles",
            "plates",
            "lamps",
            "chairs",
            "clocks",
            "toys",
            "books",
            "phones",
            "cameras",
            "bicycles",
            "windows",
            "doors",
            "tools",
        ),
        (
            ("arrived broken", "arrived intact"),
            ("cost more than expected", "cost no more than expected"),
            ("came from abroad", "came from nearby"),
            ("needed repair", "needed no repair"),
            ("got sold", "remained unsold"),
            ("looked new", "looked used"),
            ("carried a label", "carried no label"),
            ("worked well", "did not work well"),
            ("fitted the shelf", "did not fit the shelf"),
            ("got lost", "turned up again"),
        ),
    ),
)
FORMS = (
    "{count} of the {total} {group} {predicate} .",
    "{count} out of {total} {group} {predicate} .",
    "of the {total} {group} , {count} {predicate} .",
)


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
    (domain, group, pair)
    for domain, (groups, predicates) in enumerate(DOMAINS)
    for group in range(len(groups))
    for pair in range(len(predicates))
)
# Features of a premise: topic, which predicate of the pair, numbers, form.
PREMISE_SIZES = (len(TOPICS), 2, len(NUMBERS), len(FORMS))

_TOPIC_TABLE = np.array(TOPICS)
_NUMBER_TABLE = np.array(NUMBERS)
_PAIRS_PER_DOMAIN = np.array([len(predicates) for _, predicates in DOMAINS])


def draw_hypotheses(rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
    """Draw hypotheses: quantifier, relation, pair of predicates, which of the pair; (N, 4)."""
    n = len(premises)
    quantifier = rng.integers(0, len(QUANTIFIERS), n)
    relation = np.searchsorted(np.cumsum(RELATIONS[:-1]), rng.random(n), side="right")
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
    """Give the items' scores, as asserted and with what is implied, in standard deviations."""
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
    depth = np.full(len(scales["count"]), np.inf)
    for bound, sign in ((lower, 1.0), (upper, -1.0)):
        if bound is not None:
            position = np.log(bound.at)
            if bound.scale == "proportion":
                position -= np.log(1.0 - bound.at)
            depth = np.minimum(depth, sign * (scales[bound.scale] - position) / bound.sd)
    return depth


def _parameters(hypotheses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    neutral = np.array([q.neutral for q in QUANTIFIERS])[hypotheses[:, 0]]
    share = np.array([q.implied_share for q in QUANTIFIERS])[hypotheses[:, 0]]
    return neutral, share


def distribution(premises: np.ndarray, hypotheses: np.ndarray, spread: float) -> np.ndarray:
    """Give the exact share of annotators per answer, before lapses; (N, 3)."""
    asserted, implied = scores(premises, hypotheses)
    neutral, share = _parameters(hypotheses)
    probs = (1.0 - share[:, None]) * graded_distribution(asserted, neutral, spread)
    probs += share[:, None] * graded_distribution(implied, neutral, spread)
    probs[hypotheses[:, 1] == UNRELATED] = (GUESS_RATE / 2, 1.0 - GUESS_RATE, GUESS_RATE / 2)
    return probs


def simulate(
    rng: np.random.Generator, premises: np.ndarray, hypotheses: np.ndarray, spread: float
) -> np.ndarray:
    """Let one annotator, with traits drawn anew, answer each row; (N,)."""
    n = len(premises)
    asserted, implied = scores(premises, hypotheses)
    neutral, share = _parameters(hypotheses)
    reads_more = rng.random(n) < share
    strictness = spread * rng.standard_normal(n)
    answer = graded_answer(np.where(reads_more, implied, asserted), neutral, strictness)
    guesses = np.where(rng.random(n) < 0.5, ENTAILMENT, CONTRADICTION)
    loose = np.where(rng.random(n) < GUESS_RATE, guesses, NEUTRAL)
    return np.where(hypotheses[:, 1] == UNRELATED, loose, answer)


def render(premises: np.ndarray, hypotheses: np.ndarray) -> tuple[list[str], list[str]]:
    """Write premises and hypotheses out."""
    texts, pairs = [], []
    for (topic, side, numbers, form), (quantifier, _, pair, other_side) in zip(
        premises.tolist(), hypotheses.tolist(), strict=True
    ):
        domain, group_index, own_pair = TOPICS[topic]
        groups, predicates = DOMAINS[domain]
        group = groups[group_index]
        count, total = NUMBERS[numbers]
        texts.append(
            FORMS[form].format(
                count=count, total=total, group=group, predicate=predicates[own_pair][side]
            )
        )
        words = QUANTIFIERS[quantifier].words
        pairs.append(f"{words} of the {group} {predicates[pair][other_side]} .")
    return texts, pairs
