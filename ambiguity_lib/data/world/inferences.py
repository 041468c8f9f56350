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

from ambiguity_lib.data.world.annotators import graded_answer, graded_distribution

NAME = "inference"
QUALITIES = ("joy", "effort", "work", "outdoors", "haste", "danger", "company", "travel")
STRICTNESS = 0.6
NEUTRAL_BAND = 1.2

# Each word with its qualities.
PERSONS: tuple[tuple[str, str], ...] = (
    ("old man", "effort -0.3 work -0.8 haste -0.4"),
    ("young man", ""),
    ("woman", ""),
    ("little boy", "work -2.0 joy 0.3 danger 0.3"),
    ("little girl", "work -2.0 joy 0.3 danger 0.3"),
    ("teacher", "work 0.8 company 0.4"),
    ("nurse", "work 1.0 effort 0.3"),
    ("tourist", "travel 1.6 work -1.4 joy 0.3"),
    ("student", "work -0.6"),
    ("soldier", "work 1.2 danger 0.6 effort 0.3"),
    ("police officer", "work 1.6 danger 0.4"),
    ("farmer", "work 0.8 outdoors 0.6 effort 0.3 travel -0.4"),
    ("cook", "work 0.9 haste 0.2"),
    ("grandmother", "work -1.2 effort -0.2 haste -0.4"),
    ("singer", "company 0.3 joy 0.2"),
    ("businessman", "work 1.1 haste 0.5 travel 0.4"),
    ("mother", "company 0.6"),
    ("father", "company 0.6"),
    ("teenager", "work -1.0"),
    ("driver", "work 0.7 travel 0.5"),
    ("painter", "work 0.5 haste -0.2"),
    ("pilot", "work 1.0 travel 1.2"),
    ("waiter", "work 1.3 company 0.4 haste 0.3"),
    ("hiker", "outdoors 1.4 travel 0.7 effort 0.5 work -1.2"),
)
ACTIVITIES: tuple[tuple[str, str], ...] = (
    ("reading a letter", "effort -0.8 haste -0.5 company -0.5"),
    ("carrying heavy boxes", "effort 1.8 work 0.8"),
    ("talking on the phone", "company -0.3 effort -0.4"),
    ("playing the guitar", "joy 0.8 effort -0.2"),
    ("running", "effort 1.8 haste 1.2"),
    ("sleeping on a chair", "effort -0.6 haste -2.0 work -1.0 company -0.3"),
    ("looking at a map", "travel 1.5 outdoors 0.3"),
    ("taking pictures", "travel 0.8 joy 0.4 work -0.4"),
    ("eating a sandwich", "effort -0.6 work -0.5"),
    ("waiting next to a bag", "travel 1.2 effort -0.5 haste -0.3"),
    ("painting a wall", "work 1.1 effort 0.8 haste -0.3"),
    ("repairing a bicycle", "work 0.6 effort 0.4"),
    ("dancing", "joy 1.6 effort 1.0 company 0.6 work -0.8"),
    ("shouting", "joy -1.0 danger 0.6 haste 0.5 company 0.5"),
    ("laughing", "joy 2.0 company 0.8"),
    ("crying", "joy -2.2"),
    ("drawing a picture", "joy 0.5 effort -0.6 haste -0.8"),
    ("selling flowers", "work 1.7 company 0.5 travel -0.5"),
    ("counting money", "work 0.8"),
    ("climbing a ladder", "effort 1.1 danger 1.4 work 0.5"),
    ("feeding a baby", "company 1.5 work -0.4"),
    ("walking a dog", "outdoors 1.2 company 0.2 work -0.9 travel -0.6"),
    ("singing", "joy 1.2"),
    ("writing notes", "work 0.7 effort -0.3"),
    ("drinking coffee", "effort -0.8 work -0.3 haste -0.3"),
    ("arguing with a friend", "joy -1.4 company 1.6"),
    ("hugging a friend", "joy 1.4 company 1.9"),
    ("cleaning the floor", "work 1.2 effort 1.0 joy -0.4"),
    ("checking the time", "haste 1.3 travel 0.3"),
    ("playing cards with others", "joy 0.7 company 2.0 work -1.2 effort -0.7"),
)
PLACES: tuple[tuple[str, str], ...] = (
    ("in the park", "outdoors 2.4 work -0.4 joy 0.2"),
    ("at the station", "travel 1.0 haste 0.4 company 0.4 outdoors -0.3"),
    ("on a busy street", "outdoors 2.2 company 0.8 danger 0.4 haste 0.3"),
    ("in a small shop", "outdoors -2.2 work 0.3"),
    ("at home", "outdoors -2.0 travel -2.2 work -0.9"),
    ("in a hotel lobby", "outdoors -2.2 travel 1.6"),
    ("on the beach", "outdoors 2.6 joy 0.6 work -1.0 travel 0.7"),
    ("in an office", "outdoors -2.4 work 1.6"),
    ("by the river", "outdoors 2.3 danger 0.3"),
    ("in the school yard", "outdoors 1.8 company 0.6"),
    ("at the market", "outdoors 0.8 company 1.0"),
    ("on a roof", "outdoors 1.9 danger 1.8"),
    ("in a workshop", "outdoors -1.8 work 1.4"),
    ("in a hospital", "outdoors -2.3 joy -0.7 danger 0.4"),
    ("in a garden", "outdoors 2.2 joy 0.2 travel -0.6"),
    ("at the airport", "travel 2.0 haste 0.5 company 0.5 outdoors -1.2"),
)
CUES: tuple[tuple[str, str], ...] = (
    ("with a big smile", "joy 1.7"),
    ("with tears in both eyes", "joy -1.8"),
    ("in a dark suit", "work 1.0"),
    ("in a uniform", "work 1.7"),
    ("in a warm coat", "outdoors 0.8"),
    ("on a sunny day", "joy 0.3 outdoors 0.9"),
    ("late at night", "danger 0.5 company -0.4 effort 0.3"),
    ("with two children", "company 1.7 work -0.5"),
    ("without anyone near", "company -2.4"),
    ("in front of a crowd", "company 1.3"),
    ("with a backpack", "travel 1.0 outdoors 0.3"),
    ("with a large suitcase", "travel 1.7 effort 0.3"),
    ("without any pause", "effort 1.0 haste 0.8"),
    ("very slowly", "haste -1.7"),
    ("as fast as possible", "haste 2.0 effort 0.7"),
    ("close to a fire", "danger 1.8"),
    ("on a day off", "work -2.0 joy 0.4 haste -0.4"),
    ("in sports clothes", "effort 0.7 work -0.9"),
    ("with a tired face", "effort 1.3 joy -0.8"),
    ("with great care", "haste -0.9 danger 0.2"),
    ("in dirty boots", "outdoors 0.7 effort 0.5 work 0.4"),
    ("as usual", "danger -0.5 travel -0.6"),
)
# A claim, its base plausibility and its weights on the qualities.
CLAIMS: tuple[tuple[str, float, str], ...] = (
    ("is happy", 0.1, "joy 1.0"),
    ("is sad", -0.3, "joy -1.0"),
    ("is having a good time", 0.0, "joy 0.9 effort -0.2 danger -0.3"),
    ("is upset", -0.5, "joy -0.9 haste 0.2"),
    ("is tired", -0.2, "effort 0.9 joy -0.3"),
    ("needs a rest", -0.2, "effort 0.9 haste 0.2"),
    ("is getting exercise", -0.5, "effort 1.1"),
    ("is relaxing", 0.1, "effort -0.7 work -0.5 haste -0.4"),
    ("is working", 0.0, "work 1.1"),
    ("has a job to do", 0.4, "work 0.9 haste 0.3"),
    ("earns money with this", -0.6, "work 0.9"),
    ("has free time", 0.0, "work -0.9 haste -0.4"),
    ("is outside", 0.0, "outdoors 1.2"),
    ("is indoors", 0.0, "outdoors -1.2"),
    ("can see the sky", 0.1, "outdoors 1.0"),
    ("is enjoying the fresh air", -0.3, "outdoors 0.7 joy 0.4"),
    ("is in a hurry", -0.2, "haste 1.1"),
    ("has plenty of time", 0.0, "haste -1.0"),
    ("will be late", -0.7, "haste 0.8 travel 0.2"),
    ("is in danger", -0.9, "danger 1.0"),
    ("is safe", 0.8, "danger -1.0"),
    ("should be more careful", -0.5, "danger 0.9 haste 0.2"),
    ("is with other people", 0.2, "company 1.1"),
    ("is alone", -0.2, "company -1.1"),
    ("is among friends", -0.4, "company 0.6 joy 0.4"),
    ("is on a trip", -0.3, "travel 1.0"),
    ("is far from home", -0.3, "travel 0.9"),
    ("lives close by", 0.1, "travel -0.8"),
    ("is waiting for a train", -0.8, "travel 0.7 effort -0.3"),
    ("is on holiday", -0.4, "travel 0.7 work -0.7 joy 0.2"),
)
# Opening words with sign, shift and the chance that a hypothesis has them.
OPENINGS: tuple[tuple[str, float, float, float], ...] = (
    ("", 1.0, 0.0, 0.40),
    ("perhaps", 1.0, 1.0, 0.12),
    ("it is possible that", 1.0, 1.3, 0.08),
    ("probably", 1.0, 0.4, 0.10),
    ("clearly", 1.0, -0.3, 0.08),
    ("certainly", 1.0, -0.5, 0.08),
    ("there is no doubt that", 1.0, -0.7, 0.04),
    ("it is not true that", -1.0, 0.0, 0.10),
)
# Features of a premise: person, activity, place, cue.
PREMISE_SIZES = (len(PERSONS), len(ACTIVITIES), len(PLACES), len(CUES))


def _table(entries: list[str]) -> np.ndarray:
    """Read "joy 1.0 work -0.5" notation into an array of shape (entries, qualities)."""
    table = np.zeros((len(entries), len(QUALITIES)))
    for row, entry in enumerate(entries):
        words = entry.split()
        for name, value in zip(words[::2], words[1::2], strict=True):
            table[row, QUALITIES.index(name)] = float(value)
    return table


_WORDS = (PERSONS, ACTIVITIES, PLACES, CUES)
_TABLES = tuple(_table([entry for _, entry in words]) for words in _WORDS)
_WEIGHTS = _table([entry for _, _, entry in CLAIMS])
_BASES = np.array([base for _, base, _ in CLAIMS])
_SIGNS = np.array([sign for _, sign, _, _ in OPENINGS])
_SHIFTS = np.array([shift for _, _, shift, _ in OPENINGS])
_OPENING_CHANCES = np.cumsum([chance for *_, chance in OPENINGS])[:-1]


def draw_hypotheses(rng: np.random.Generator, premises: np.ndarray) -> np.ndarray:
    """Draw hypotheses: claim, opening; (N, 2)."""
    n = len(premises)
    claim = rng.integers(0, len(CLAIMS), n)
    opening = np.searchsorted(_OPENING_CHANCES, rng.random(n), side="right")
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


def simulate(
    rng: np.random.Generator, premises: np.ndarray, hypotheses: np.ndarray, spread: float
) -> np.ndarray:
    """Let one annotator, with traits drawn anew, answer each row; (N,)."""
    strictness = STRICTNESS * spread * rng.standard_normal(len(premises))
    return graded_answer(plausibility(premises, hypotheses), NEUTRAL_BAND, strictness)


def render(premises: np.ndarray, hypotheses: np.ndarray) -> tuple[list[str], list[str]]:
    """Write premises and hypotheses out."""
    texts, pairs = [], []
    for (person, activity, place, cue), (claim, opening) in zip(
        premises.tolist(), hypotheses.tolist(), strict=True
    ):
        who = PERSONS[person][0]
        article = "an" if who[0] in "aeiou" else "a"
        texts.append(
            f"{article} {who} is {ACTIVITIES[activity][0]} {PLACES[place][0]} {CUES[cue][0]} ."
        )
        # "little boy" comes back as "boy": the head noun is enough to refer to the person.
        subject = f"the {who.split()[-1]} {CLAIMS[claim][0]} ."
        first = OPENINGS[opening][0]
        pairs.append(f"{first} {subject}" if first else subject)
    return texts, pairs
