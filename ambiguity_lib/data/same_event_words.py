"""The word lists of `same_event`, with the properties that clashes and claims follow from."""

from __future__ import annotations

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
