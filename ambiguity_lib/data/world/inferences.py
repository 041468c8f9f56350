"""Items with plausible inferences, and their annotators.

Example: "a nurse is drinking coffee at the station as usual ." / "perhaps the nurse is on a trip ."

Words of the premise (person, activity, place, cue) add up to a position on eight qualities of the
scene (`QUALITIES`). A hypothesis weighs these qualities and has a base plausibility of its own; its
opening words raise it (weaker claims), lower it (stronger claims) or turn it round (negation):

    plausibility = sign * (base + weights . sum of the four words' qualities) + shift

Annotator i asks more or less of an inference: strictness t_i ~ Normal(0, STRICTNESS * spread).
Plausibility above NEUTRAL_BAND + t_i is entailment, below -NEUTRAL_BAND + t_i contradiction, else
neutral: a cumulative probit with one random strictness. Unit of the scale: a quality that a scene
clearly has is about 2. The numbers are ours; most inferences from most scenes are undecided, as
with the "neutral" hypotheses that people write.
"""

from __future__ import annotations

import numpy as np

from ambiguity_lib.data.world.annotators import graded_distribution
from ambiguity_lib.data.world.words import column, draw_by_chance, read_words, vectors

NAME = "inference"
QUALITIES = ("joy", "effort", "work", "outdoors", "haste", "danger", "company", "travel")
STRICTNESS = 0.6
NEUTRAL_BAND = 1.2

_LISTS = read_words("inferences")
PERSONS, ACTIVITIES = _LISTS["persons"], _LISTS["activities"]
PLACES, CUES = _LISTS["places"], _LISTS["cues"]
CLAIMS, OPENINGS = _LISTS["claims"], _LISTS["openings"]
# Features of a premise: person, activity, place, cue.
PREMISE_SIZES = (len(PERSONS), len(ACTIVITIES), len(PLACES), len(CUES))


_TABLES = [
    vectors([entry for _, entry in words], QUALITIES)
    for words in (PERSONS, ACTIVITIES, PLACES, CUES)
]
_BASES, _WEIGHTS = column(CLAIMS, 1), vectors([entry for *_, entry in CLAIMS], QUALITIES)
_SIGNS, _SHIFTS, _CHANCES = (column(OPENINGS, index) for index in (1, 2, 3))


def draw_hypotheses(rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
    """Draw hypotheses: claim, opening; (N, 2)."""
    n = len(premises)
    claim = rng.integers(0, len(CLAIMS), n)
    opening = draw_by_chance(rng, _CHANCES, n)
    return np.stack([claim, opening], axis=1)


def plausibility(premises: np.ndarray, hypotheses: np.ndarray) -> np.ndarray:
    """Give the latent plausibility of each item; (N,)."""
    claim, opening = hypotheses.T
    scene = sum(table[premises[:, i]] for i, table in enumerate(_TABLES))
    latent = _BASES[claim] + (scene * _WEIGHTS[claim]).sum(axis=1)
    return np.asarray(_SIGNS[opening] * latent + _SHIFTS[opening])


def distribution(premises: np.ndarray, hypotheses: np.ndarray, spread: float) -> np.ndarray:
    """Give the exact share of annotators per answer, before lapses; (N, 3)."""
    score = plausibility(premises, hypotheses)
    return graded_distribution(score, NEUTRAL_BAND, STRICTNESS * spread)


def render(premise: list[int], hypothesis: list[int]) -> tuple[str, str]:
    """Write a premise and its hypothesis out."""
    lists = (PERSONS, ACTIVITIES, PLACES, CUES)
    who, activity, place, cue = (
        words[index][0] for words, index in zip(lists, premise, strict=True)
    )
    article = "an" if who[0] in "aeiou" else "a"
    claim, opening = CLAIMS[hypothesis[0]][0], OPENINGS[hypothesis[1]][0]
    # "little boy" comes back as "boy": the head noun is enough to refer to the person.
    guess = f"{opening} the {who.split()[-1]} {claim} ."
    return f"{article} {who} is {activity} {place} {cue} .", guess.lstrip()
