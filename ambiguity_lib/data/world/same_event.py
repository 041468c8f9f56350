"""The word lists of `same_event`, with the properties that clashes and claims follow from."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ambiguity_lib.data.world.annotators import CONTRADICTION, ENTAILMENT, NEUTRAL

# Person: word, gender (0 female, 1 male, -1 not said), age from 1 (child) to 4 (old).
PERSONS: tuple[tuple[str, int, float], ...] = (
    ("man", 1, 3.0),
    ("woman", 0, 3.0),
    ("gentleman", 1, 3.2),
    ("lady", 0, 3.0),
    ("boy", 1, 1.0),
    ("girl", 0, 1.0),
    ("child", -1, 1.0),
    ("kid", -1, 1.0),
    ("teenager", -1, 1.8),
    ("young man", 1, 2.2),
    ("young woman", 0, 2.2),
    ("old man", 1, 4.0),
    ("old woman", 0, 4.0),
    ("grandfather", 1, 4.0),
    ("grandmother", 0, 4.0),
    ("adult", -1, 3.0),
)
NO_PERSON = "person"
# Colours on a rough scale of hue families; close numbers are easily mistaken for each other.
COLOURS: tuple[tuple[str, float], ...] = (
    ("red", 0.0),
    ("orange", 0.5),
    ("yellow", 1.5),
    ("green", 3.0),
    ("blue", 5.0),
    ("purple", 5.6),
    ("pink", -0.7),
    ("white", 8.0),
    ("grey", 9.0),
    ("black", 10.0),
    ("brown", 12.0),
)
GARMENTS = ("shirt", "jacket", "coat", "sweater", "hat", "scarf")
# Action: words, family (same family: nearly the same thing), what it occupies (body, hands, mouth;
# two actions that occupy the same cannot go on at once).
ACTIONS: tuple[tuple[str, str, str], ...] = (
    ("running", "run", "body"),
    ("jogging", "run", "body"),
    ("walking", "walk", "body"),
    ("taking a walk", "walk", "body"),
    ("sitting on a bench", "sit", "body"),
    ("resting on a bench", "sit", "body"),
    ("sleeping on the grass", "sleep", "body"),
    ("taking a nap", "sleep", "body"),
    ("jumping up and down", "jump", "body"),
    ("dancing", "dance", "body"),
    ("riding a horse", "ride", "body"),
    ("standing in line", "stand", "body"),
    ("swinging on a rope", "swing", "body"),
    ("playing the guitar", "guitar", "hands"),
    ("playing the violin", "violin", "hands"),
    ("cooking soup", "cook", "hands"),
    ("preparing soup", "cook", "hands"),
    ("painting a picture", "paint", "hands"),
    ("holding a sign", "hold", "hands"),
    ("throwing a ball", "throw", "hands"),
    ("tossing a ball", "throw", "hands"),
    ("reading a book", "read", "hands"),
    ("opening a box", "open", "hands"),
    ("washing a car", "wash", "hands"),
    ("eating an apple", "eat", "mouth"),
    ("drinking water", "drink", "mouth"),
    ("singing", "sing", "mouth"),
    ("talking to a friend", "talk", "mouth"),
    ("chatting with a friend", "talk", "mouth"),
    ("whistling", "whistle", "mouth"),
)
NO_ACTION = "doing something"
# Place: words, family, whether outdoors.
PLACES: tuple[tuple[str, str, bool], ...] = (
    ("in the park", "park", True),
    ("on the street", "street", True),
    ("on the sidewalk", "street", True),
    ("at the beach", "beach", True),
    ("by the sea", "beach", True),
    ("in the forest", "forest", True),
    ("among the trees", "forest", True),
    ("in a field", "field", True),
    ("on a bridge", "bridge", True),
    ("in the yard", "yard", True),
    ("in the kitchen", "kitchen", False),
    ("in a classroom", "school", False),
    ("inside a school", "school", False),
    ("in a museum", "museum", False),
    ("in a restaurant", "restaurant", False),
    ("in a diner", "restaurant", False),
    ("in a library", "library", False),
    ("on a train", "train", False),
    ("in the living room", "living room", False),
    ("in a gym", "gym", False),
)
# Additions with how much they claim beyond what is said; the first stands for none.
ADDITIONS: tuple[tuple[str, float], ...] = (
    ("", 0.0),
    ("at the moment", 0.05),
    ("while awake", 0.15),
    ("for a while", 0.25),
    ("in daylight", 0.35),
    ("without help", 0.45),
    ("for fun", 0.5),
    ("with a calm face", 0.6),
    ("in front of others", 0.65),
    ("in the afternoon", 0.75),
    ("before going home", 0.85),
    ("after work", 0.95),
    ("to win a prize", 1.1),
    ("because of a bet", 1.2),
)
# Determiner: words, how much it speaks for the same event, what it claims, its chance.
DETERMINERS: tuple[tuple[str, float, float, float], ...] = (
    ("a", 0.0, 0.0, 0.50),
    ("the", 0.5, 0.0, 0.35),
    ("the same", 1.2, 0.15, 0.08),
    ("another", -3.0, 1.1, 0.07),
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
