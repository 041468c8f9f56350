"""Items that ask whether two sentences are about the same event, and their annotators.

Example: "a man in a red shirt is singing in the park ." / "the lady is singing ."

The hypothesis describes what could be the same event: each of four details (person, clothes,
action, place) is kept, made less specific, left out or replaced, and something may be added.

Replaced details clash, from 0 (another word for the same) to above 1 (cannot both be true); the
item's clash C is the strongest one plus `FURTHER_CLASH` of the others. What is claimed without
being said before has an amount D, from 0 (it goes without saying) to about 1 (nothing hints at it).
Annotators have three independent traits, all Normal(0, spread):

1. They see a contradiction in the details if C > CLASH_THRESHOLD + CLASH_SD * t1.
2. They take both sentences to be about the same event if
   t2 < SAME_EVENT + determiner - SAME_EVENT_DROP * (replaced details - 1).
3. Otherwise they let the hypothesis follow if D + C / 2 < ACCEPTED + ACCEPTED_SD * t3.

Answer: contradiction if 1 and 2; neutral if 1 but not 2 (details clash, but of another event);
else entailment if 3, neutral if not. That people differ in the second step, and that it decides
between neutral and contradiction, is what the makers of SNLI describe (Bowman et al., 2015,
section 2). The numbers are ours.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ambiguity_lib.data.annotators import CONTRADICTION, ENTAILMENT, NEUTRAL
from ambiguity_lib.data.same_event_words import (
    ACTIONS,
    ADDITIONS,
    COLOURS,
    DETERMINERS,
    GARMENTS,
    NO_ACTION,
    NO_PERSON,
    PERSONS,
    PLACES,
)

NAME = "event"
CLASH_THRESHOLD, CLASH_SD = 0.6, 0.2
SAME_EVENT, SAME_EVENT_DROP = 1.4, 0.4
ACCEPTED, ACCEPTED_SD = 0.45, 0.2
FURTHER_CLASH = 0.35

# Chances of 0, 1, 2, 3 replaced details; of making a kept detail less specific; of an addition
# when nothing is replaced and when something is.
REPLACED = (0.40, 0.35, 0.17, 0.08)
LESS_SPECIFIC = 0.4
ADDITION = (0.5, 0.15)

DETAILS = 4
# Features of a premise: person, colour, garment, action, place.
PREMISE_SIZES = (len(PERSONS), len(COLOURS), len(GARMENTS), len(ACTIONS), len(PLACES))
# Columns of a hypothesis: the five features, then four states (person, clothes, action, place),
# determiner, addition.
KEPT, DROPPED, CHANGED = 0, 1, 2


def _person_tables() -> tuple[np.ndarray, np.ndarray]:
    """Give clash and new claim of (premise person, hypothesis person)."""
    size = len(PERSONS)
    clash, claim = np.zeros((size, size)), np.zeros((size, size))
    for i, (_, gender, age) in enumerate(PERSONS):
        for j, (_, other_gender, other_age) in enumerate(PERSONS):
            apart = 0.0 if abs(age - other_age) < 0.5 else min(0.45 * abs(age - other_age), 1.1)
            opposite = gender >= 0 and other_gender >= 0 and gender != other_gender
            clash[i, j] = max(apart, 1.0 if opposite else 0.0)
            claim[i, j] = 0.7 if gender < 0 <= other_gender else 0.0
            # Being old does not make somebody a grandparent.
            claim[i, j] += 0.3 if i != j and PERSONS[j][0].startswith("grand") else 0.0
    return clash, claim


def _clothes_table() -> np.ndarray:
    """Give the clash of two colours."""
    scale = np.array([position for _, position in COLOURS])
    return np.minimum(0.35 + 0.3 * np.abs(scale[:, None] - scale), 1.0) * ~np.eye(
        len(COLOURS), dtype=bool
    )


def _action_table() -> np.ndarray:
    """Give the clash of two actions."""
    return np.array(
        [
            [
                0.0 if a == b else 0.15 if a[1] == b[1] else 1.2 if a[2] == b[2] else 0.7
                for b in ACTIONS
            ]
            for a in ACTIONS
        ]
    )


def _place_table() -> np.ndarray:
    """Give the clash of two places."""
    return np.array(
        [
            [
                0.0 if a == b else 0.2 if a[1] == b[1] else 0.85 if a[2] == b[2] else 1.1
                for b in PLACES
            ]
            for a in PLACES
        ]
    )


_PERSON_CLASH, _PERSON_CLAIM = _person_tables()
_COLOUR_CLASH = _clothes_table()
_ACTION_CLASH = _action_table()
_PLACE_CLASH = _place_table()
_GARMENT_CLASH = 0.55
_ADDED = np.array([amount for _, amount in ADDITIONS])
_DETERMINER_SAME = np.array([same for _, same, _, _ in DETERMINERS])
_DETERMINER_CLAIM = np.array([claim for _, _, claim, _ in DETERMINERS])
_DETERMINER_CHANCES = np.cumsum([chance for *_, chance in DETERMINERS])[:-1]


def draw_hypotheses(rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
    """Draw hypotheses: five features, four states, determiner, addition; (N, 11)."""
    n = len(premises)
    replaced = np.searchsorted(np.cumsum(REPLACED[:-1]), rng.random(n), side="right")
    # The ranks of random keys choose which details are replaced.
    ranks = np.argsort(rng.integers(0, 2**62, size=(n, DETAILS)), axis=1, kind="stable")
    less_specific = rng.random((n, DETAILS)) < LESS_SPECIFIC
    states = np.where(ranks < replaced[:, None], CHANGED, np.where(less_specific, DROPPED, KEPT))
    sizes = np.array(PREMISE_SIZES)
    other = (premises + 1 + rng.integers(0, sizes - 1, size=premises.shape)) % sizes
    change = states[:, [0, 1, 1, 2, 3]] == CHANGED
    # Clothes change in colour, and every third time in garment instead.
    garment_instead = rng.integers(0, 3, n) == 0
    change[:, 1] &= ~garment_instead
    change[:, 2] &= garment_instead
    features = np.where(change, other, premises)
    determiner = np.searchsorted(_DETERMINER_CHANCES, rng.random(n), side="right")
    chance = np.where(replaced == 0, ADDITION[0], ADDITION[1])
    added = np.where(rng.random(n) < chance, rng.integers(1, len(ADDITIONS), n), 0)
    return np.concatenate([features, states, determiner[:, None], added[:, None]], axis=1)


def clash_and_claim(
    premises: np.ndarray, hypotheses: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give clash C, new claim D and the leaning towards the same event; three arrays (N,)."""
    features, states = hypotheses[:, :5], hypotheses[:, 5:9]
    determiner, added = hypotheses[:, 9], hypotheses[:, 10]
    clashes = np.stack(
        [
            _PERSON_CLASH[premises[:, 0], features[:, 0]],
            _COLOUR_CLASH[premises[:, 1], features[:, 1]]
            + _GARMENT_CLASH * (premises[:, 2] != features[:, 2]),
            _ACTION_CLASH[premises[:, 3], features[:, 3]],
            _PLACE_CLASH[premises[:, 4], features[:, 4]],
        ],
        axis=1,
    )
    clashes = np.where(states == CHANGED, clashes, 0.0)
    strongest = clashes.max(axis=1)
    clash = strongest + FURTHER_CLASH * (clashes.sum(axis=1) - strongest)
    person_claim = _PERSON_CLAIM[premises[:, 0], features[:, 0]] * (states[:, 0] == CHANGED)
    claim = person_claim + _ADDED[added] + _DETERMINER_CLAIM[determiner]
    beyond_one = np.maximum((states == CHANGED).sum(axis=1) - 1, 0)
    same = SAME_EVENT + _DETERMINER_SAME[determiner] - SAME_EVENT_DROP * beyond_one
    return clash, claim, same


def distribution(premises: np.ndarray, hypotheses: np.ndarray, spread: float) -> np.ndarray:
    """Give the exact share of annotators per answer, before lapses; (N, 3)."""
    clash, claim, same = clash_and_claim(premises, hypotheses)
    sees_clash = ndtr((clash - CLASH_THRESHOLD) / (CLASH_SD * spread))
    contradicted = sees_clash * ndtr(same / spread)
    accepts = ndtr((ACCEPTED - claim - clash / 2) / (ACCEPTED_SD * spread))
    entailed = (1.0 - sees_clash) * accepts
    return np.stack([entailed, 1.0 - entailed - contradicted, contradicted], axis=1)


def simulate(
    rng: np.random.Generator, premises: np.ndarray, hypotheses: np.ndarray, spread: float
) -> np.ndarray:
    """Let one annotator, with traits drawn anew, answer each row; (N,)."""
    clash, claim, same = clash_and_claim(premises, hypotheses)
    traits = spread * rng.standard_normal((3, len(premises)))
    sees_clash = clash > CLASH_THRESHOLD + CLASH_SD * traits[0]
    same_event = traits[1] < same
    accepts = claim + clash / 2 < ACCEPTED + ACCEPTED_SD * traits[2]
    conflict = np.where(same_event, CONTRADICTION, NEUTRAL)
    return np.where(sees_clash, conflict, np.where(accepts, ENTAILMENT, NEUTRAL))


def render(premises: np.ndarray, hypotheses: np.ndarray) -> tuple[list[str], list[str]]:
    """Write premises and hypotheses out."""
    texts = [
        _sentence("a", PERSONS[p][0], f"{COLOURS[c][0]} {GARMENTS[g]}", ACTIONS[a][0], PLACES[w][0])
        for p, c, g, a, w in premises.tolist()
    ]
    pairs = [
        _sentence(
            DETERMINERS[determiner][0],
            NO_PERSON if states[0] == DROPPED else PERSONS[p][0],
            "" if states[1] == DROPPED else f"{COLOURS[c][0]} {GARMENTS[g]}",
            NO_ACTION if states[2] == DROPPED else ACTIONS[a][0],
            "" if states[3] == DROPPED else PLACES[w][0],
            ADDITIONS[added][0],
        )
        for p, c, g, a, w, *states, determiner, added in hypotheses.tolist()
    ]
    return texts, pairs


def _sentence(
    determiner: str, person: str, clothes: str, action: str, place: str, added: str = ""
) -> str:
    article = "an" if determiner == "a" and person[0] in "aeiou" else determiner
    wearing = ""
    if clothes:
        wearing = f"in {'an' if clothes[0] in 'aeiou' else 'a'} {clothes}"
    parts = (article, person, wearing, "is", action, place, added, ".")
    return " ".join(part for part in parts if part)
