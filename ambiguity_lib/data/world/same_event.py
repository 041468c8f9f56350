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

from ambiguity_lib.data.world.words import column, draw_by_chance, read_words

_LISTS = read_words("same_event")
PERSONS, COLOURS, GARMENTS = _LISTS["persons"], _LISTS["colours"], _LISTS["garments"]
ACTIONS, PLACES = _LISTS["actions"], _LISTS["places"]
ADDITIONS, DETERMINERS = _LISTS["additions"], _LISTS["determiners"]
# What stands for person, clothes, action and place where a hypothesis leaves them out.
WHEN_DROPPED = ("person", "", "doing something", "")

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
    scale = column(COLOURS, 1)
    clash = np.minimum(0.35 + 0.3 * np.abs(scale[:, None] - scale), 1.0)
    np.fill_diagonal(clash, 0.0)
    return clash


def _family_table(
    rows: list[list[str]], same_family: float, same_class: float, other: float
) -> np.ndarray:
    """Give the clash of two actions or places: least in a family, then by their third column."""
    family, wider = column(rows, 1), column(rows, 2)
    clash = np.where(wider[:, None] == wider, same_class, other)
    clash = np.where(family[:, None] == family, same_family, clash)
    np.fill_diagonal(clash, 0.0)
    return clash


_PERSON_CLASH, _PERSON_CLAIM = _person_tables()
_COLOUR_CLASH = _clothes_table()
_ACTION_CLASH = _family_table(ACTIONS, 0.15, 1.2, 0.7)
_PLACE_CLASH = _family_table(PLACES, 0.2, 0.85, 1.1)
_GARMENT_CLASH = 0.55
_ADDED = column(ADDITIONS, 1)
_DETERMINER_SAME, _DETERMINER_CLAIM, _CHANCES = (column(DETERMINERS, index) for index in (1, 2, 3))


def draw_hypotheses(rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
    """Draw hypotheses: five features, four states, determiner, addition; (N, 11)."""
    n = len(premises)
    replaced = draw_by_chance(rng, REPLACED, n)
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
    determiner = draw_by_chance(rng, _CHANCES, n)
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


def render(premise: list[int], hypothesis: list[int]) -> tuple[str, str]:
    """Write a premise and its hypothesis out."""
    text = _sentence("a", *_words(premise), "")
    states, (determiner, added) = hypothesis[5:9], hypothesis[9:]
    person, clothes, action, place = (
        dropped if state == DROPPED else words
        for state, words, dropped in zip(states, _words(hypothesis[:5]), WHEN_DROPPED, strict=True)
    )
    first, last = DETERMINERS[determiner][0], ADDITIONS[added][0]
    return text, _sentence(first, person, clothes, action, place, last)


def _words(features: list[int]) -> tuple[str, str, str, str]:
    """Give the words of person, clothes, action and place."""
    person, colour, garment, action, place = features
    clothes = f"{COLOURS[colour][0]} {GARMENTS[garment]}"
    return PERSONS[person][0], clothes, ACTIONS[action][0], PLACES[place][0]


def _sentence(
    determiner: str, person: str, clothes: str, action: str, place: str, added: str
) -> str:
    """Put the words of a sentence together."""
    article = "an" if determiner == "a" and person[0] in "aeiou" else determiner
    wearing = ""
    if clothes:
        wearing = f"in {'an' if clothes[0] in 'aeiou' else 'a'} {clothes}"
    parts = (article, person, wearing, "is", action, place, added, ".")
    return " ".join(part for part in parts if part)
