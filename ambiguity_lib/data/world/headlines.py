"""Generated headlines whose expected emotion scores are known: the counterpart of Affective Text.

Example: "fears grow that killer may attack child at school". A headline is put together from a
person, an event (perhaps done to another person), a frame and a setting. An event has stated
intensities, 0 to 100, of the six emotions; all else acts on these, in this order:

1. the person affected: harm to someone liked is sadder and more frightening, harm to someone
   disliked also pleases, good fortune of someone disliked angers (`_felt_for`);
2. the person who acts: harm done by someone disliked angers and frightens more, harm done by
   someone liked surprises instead (`_done_by`);
3. the frame: "not", "nearly", "fears grow that", "hopes rise that" turn emotions into others;
4. the setting: what frightens in a war zone is fun in a video game;
5. what the persons named evoke by themselves is added.

Each step is a matrix, so steps depend on their order and on what comes before: the same words tell
different stories ("dog bites thief", "thief bites dog"), yet single words carry a good part of the
signal, as in real headlines. Matrices are written "fear 0.5" (half of fear stays), "joy>anger 0.3"
(0.3 of joy is added to anger), "+surprise 5" (added), "all 0.3" (of every emotion 0.3 stays).

Six judges score each headline independently: judge scores are Beta distributed with the intensity
as mean and `CONCENTRATION` (so a judge often gives 0 where others give much), in whole numbers from
0 to 100. The numbers are ours, chosen for plausible headlines and not tuned to any result; for
orientation, here and in Affective Text:

    most frequent label, joy            0.30   0.35
    rarest label, disgust               0.06   0.03
    sum of a headline's six mean scores   88     87
    mean entropy of label_dist, nats    1.15   1.03
    words in a headline                  6.5    6.5

Six judges are few: the emotion with their top score is on top of the true distribution in three of
four headlines, so no model can agree with many more of the labels.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from scipy.special import betaincinv

from ambiguity_lib.data.emotion import scores_to_distributions
from ambiguity_lib.data.schema import EMOTION_CLASSES, Splits, build_dataset, make_features

logger = logging.getLogger(__name__)

CONCENTRATION = 2.0
# Stray scores: no emotion is quite impossible, and none certain.
LOWEST, HIGHEST = 1.0, 99.0

# fmt: off
# A person, how much people like them from -1 to 1, and what they evoke by themselves.
PERSONS: tuple[tuple[str, float, str], ...] = (
    ("child", 1.0, "joy 4"), ("baby", 1.0, "joy 8"), ("grandmother", 0.8, ""),
    ("firefighter", 0.7, "fear 3"), ("nurse", 0.6, ""), ("dog", 0.6, "joy 6"),
    ("refugee", 0.5, "sadness 10"), ("doctor", 0.4, ""), ("teacher", 0.4, ""),
    ("student", 0.3, ""), ("farmer", 0.3, ""), ("footballer", 0.2, "joy 4"),
    ("singer", 0.2, "joy 5"), ("scientist", 0.2, "surprise 5"), ("tourist", 0.1, ""),
    ("soldier", 0.1, "fear 8 sadness 4"), ("actor", 0.1, "joy 2"), ("driver", 0.0, ""),
    ("mayor", 0.0, ""), ("robot", 0.0, "surprise 12"), ("bear", 0.0, "fear 10 surprise 5"),
    ("minister", -0.1, ""), ("lawyer", -0.2, ""), ("millionaire", -0.3, "surprise 3"),
    ("banker", -0.4, "anger 3"), ("hacker", -0.5, "fear 6 anger 4"), ("thief", -0.6, "anger 8"),
    ("smuggler", -0.7, "anger 6 fear 4"), ("gangster", -0.9, "fear 10 anger 6"),
    ("dictator", -0.9, "anger 10 fear 8 disgust 6"),
    ("killer", -1.0, "fear 16 anger 10 disgust 10"),
)
# What befalls a person.
FORTUNES: tuple[tuple[str, str], ...] = (
    ("die", "sadness 75 fear 25 surprise 15"), ("go missing", "fear 60 sadness 45 surprise 20"),
    ("fall ill", "sadness 50 fear 35"), ("lose job", "sadness 55 anger 20 fear 15"),
    ("lose savings", "sadness 50 anger 35 fear 15"), ("win prize", "joy 70 surprise 20"),
    ("go to jail", "sadness 30 anger 20 surprise 15 fear 10"),
    ("get married", "joy 60 surprise 15"), ("inherit castle", "surprise 55 joy 45"),
    ("swallow poison", "fear 55 sadness 35 disgust 25 surprise 20"),
    ("drink dirty water", "disgust 55 sadness 25 fear 20 anger 10"),
    ("retire", "sadness 22 joy 20 surprise 10"), ("break record", "joy 50 surprise 40"),
    ("recover", "joy 60 surprise 20"), ("return home", "joy 50 surprise 10"),
)
# What a person does to nobody in particular.
DEEDS: tuple[tuple[str, str], ...] = (
    ("sell rotten meat", "disgust 65 anger 40 fear 15"), ("eat live rat", "disgust 70 surprise 40"),
    ("dump waste", "disgust 50 anger 50 sadness 15"), ("raise taxes", "anger 45 sadness 15"),
    ("lie to court", "anger 50 disgust 25 surprise 10"), ("plan attack", "fear 65 anger 35"),
    ("start fire", "fear 55 anger 35 sadness 15"), ("predict storm", "fear 40 surprise 20"),
    ("build school", "joy 45 surprise 10"), ("find treasure", "surprise 55 joy 45"),
    ("discover new planet", "surprise 65 joy 35"), ("speak to ghost", "surprise 50 fear 30"),
    ("apologise", "surprise 25 joy 15 sadness 12"),
)
# What a person does to another.
DEALINGS: tuple[tuple[str, str], ...] = (
    ("attack", "fear 50 anger 50 sadness 35"), ("kidnap", "fear 70 anger 50 sadness 40"),
    ("poison", "fear 50 anger 50 sadness 40 disgust 35"), ("threaten", "fear 55 anger 40"),
    ("frighten", "fear 45 surprise 20"), ("bite", "fear 30 surprise 25 anger 20 disgust 20"),
    ("insult", "anger 50 disgust 25 sadness 10"), ("cheat", "anger 50 disgust 25 sadness 20"),
    ("betray", "anger 45 sadness 40 disgust 20"), ("abandon", "sadness 55 anger 40"),
    ("sue", "anger 35 surprise 20"), ("defeat", "joy 30 sadness 25 surprise 15"),
    ("meet", "joy 20 surprise 25"), ("kiss", "joy 35 surprise 30 disgust 8"),
    ("marry", "joy 50 surprise 30"), ("forgive", "joy 40 surprise 35 sadness 10"),
    ("praise", "joy 40 surprise 15"), ("help", "joy 50 surprise 10"),
    ("cure", "joy 55 surprise 30"), ("rescue", "joy 60 surprise 25 fear 10"),
)
# fmt: on
_NEARLY = "all 0.35 fear 0.7 surprise 0.9 fear>joy 0.25 sadness>joy 0.35 joy>sadness 0.45"
_NOT = "all 0.25 fear>joy 0.25 sadness>joy 0.3 joy>sadness 0.45 joy>anger 0.1 +surprise 5"
_FEARS = "all 0.3 fear 0.9 sadness>fear 0.5 anger>fear 0.4 joy>fear 0.1 +fear 10"
_HOPES = "all 0.3 joy 0.75 sadness>anger 0.2 +joy 10"
# Frames around {s}, the person, and {v} or {i}, the event as present tense or infinitive; the
# matrices that act one after the other; the chance that a headline has the frame.
FRAMES: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("{s} {v}", (), 0.32),
    ("{s} suddenly {v}", ("fear 1.15 +surprise 22",), 0.08),
    ("{s} finally {v}", ("surprise 0.6 joy 1.2 fear 0.6",), 0.06),
    ("{s} {v} again", ("surprise 0.2 sadness>anger 0.2 fear>anger 0.15",), 0.08),
    ("{s} nearly {v}", (_NEARLY,), 0.08),
    ("{s} may {i}", ("all 0.55 fear 0.8 sadness>fear 0.3",), 0.08),
    ("{s} does not {i}", (_NOT,), 0.08),
    ("claim that {s} {v} is false", (_NOT, "+surprise 8 +anger 5"), 0.05),
    ("fears grow that {s} may {i}", (_FEARS,), 0.05),
    ("fears grow that {s} may not {i}", (_NOT, _FEARS), 0.04),
    ("no fears that {s} may {i}", (_FEARS, _NOT), 0.03),
    ("hopes rise that {s} may {i}", (_HOPES,), 0.05),
)
_PLAY = "all 0.4 joy 1.0 surprise 0.9 fear>joy 0.25 sadness>joy 0.1 anger>joy 0.1 +joy 6"
SETTINGS: tuple[tuple[str, str, float], ...] = (
    ("", "", 0.22),
    ("in cup final", _PLAY, 0.06),
    ("in video game", _PLAY, 0.06),
    ("in new film", _PLAY, 0.06),
    ("in war zone", "surprise 0.7 +fear 12 +sadness 10", 0.06),
    ("during storm", "joy 0.8 +fear 14", 0.06),
    ("in hospital", "fear 1.1 joy 0.9 +sadness 6", 0.06),
    ("at school", "fear 1.2 anger 1.1", 0.06),
    ("at border", "+fear 5", 0.06),
    ("at wedding", "sadness 1.1 anger 1.1 +joy 8 +surprise 8", 0.06),
    ("on live television", "fear 0.8 +surprise 15", 0.06),
    ("after long trial", "surprise 0.7 anger 1.2", 0.06),
    ("for money", "anger 1.2 disgust 1.3 joy 0.6 +disgust 6", 0.06),
    ("for charity", "anger 0.4 disgust 0.6 fear 0.6 +joy 12", 0.06),
)


@dataclass(frozen=True)
class HeadlinesConfig:
    """Sizes of the generated data.

    Attributes:
        train_items: Exact number of training items.
        validation_items: Exact number of validation items.
        evaluation_items: Exact number of evaluation items.
        seed: Determines everything that is drawn.
        judges: How many judges score each headline.

    Raises:
        ValueError: If a value is out of its range.
    """

    train_items: int = 1800
    validation_items: int = 600
    evaluation_items: int = 600
    seed: int = 0
    judges: int = 6

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("train_items", "validation_items", "evaluation_items", "judges"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")


def generate_headlines(config: HeadlinesConfig) -> Splits:
    """Generate training, validation and evaluation headlines, no two of them equal.

    As in Affective Text, `label_dist` is the judges' mean scores divided by their sum, `label` the
    emotion with the top score (a tie goes to the first), `majority_label` equals `label`, and only
    evaluation has anything but `uid`, `text` and `label`. Headlines that all judges gave only zeros
    are dropped. uids are `headline-SPLIT-NUMBER`. The same configuration gives the same splits on
    any machine.

    Raises:
        ValueError: If there are too few headlines for the sizes.
    """
    features, scores = _draw_items(config)
    sizes = (config.train_items, config.validation_items, config.evaluation_items)
    stops = np.cumsum(sizes)
    texts = render(features)
    parts: list[Dataset] = []
    for name, start, stop in zip(
        ("train", "validation", "evaluation"), stops - sizes, stops, strict=True
    ):
        here = scores[start:stop]
        labels = here.argmax(axis=1)
        make = make_features(EMOTION_CLASSES, pair=False, human=name == "evaluation", votes=False)
        columns = {
            "uid": [f"headline-{name}-{row:06d}" for row in range(len(here))],
            "text": texts[start:stop],
            "label": labels,
            "label_dist": scores_to_distributions(here),
            "majority_label": labels,
        }
        parts.append(build_dataset(columns, make))
    ties = ((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum()
    logger.info("headlines: %d items, %d ties of the top score", len(scores), ties)
    return Splits(
        train=parts[0],
        validation=parts[1],
        evaluation=parts[2],
        name="headlines",
        description=(
            f"Generated headlines: {sizes[0]:,} for training, {sizes[1]:,} for validation, both "
            f"with the top-scored emotion as label, and {sizes[2]:,} for evaluation with the mean "
            f"scores of {config.judges} simulated judges divided by their sum. No headline is "
            "shared between the three."
        ),
    )


def true_distributions(config: HeadlinesConfig) -> np.ndarray:
    """Give what `label_dist` of the evaluation items would be with infinitely many judges: (N, 6).

    But for the judges' rounding, which shifts a mean score by less than half a point.
    """
    expected = expected_scores(_draw_items(config)[0][-config.evaluation_items :])
    return scores_to_distributions(expected)


def expected_scores(features: np.ndarray) -> np.ndarray:
    """Give the intensities of headlines: features (N, 5) to scores from 0 to 100, (N, 6)."""
    person, event, other, frame, setting = features.T
    dealing = event >= _FIRST_DEALING
    # The last row of the tables is nobody, who changes nothing.
    affected = np.where(dealing, other, np.where(event < _FIRST_DEED, person, len(PERSONS)))
    actor = np.where(event >= _FIRST_DEED, person, len(PERSONS))
    state = _EVENT_VECTORS[event]
    for matrices in (
        _FELT_FOR[affected], _DONE_BY[actor], _FRAME_MATRICES[frame], _SETTING_MATRICES[setting]
    ):  # fmt: skip
        state = np.einsum("nij,nj->ni", matrices, state)
    state = state + _EVOKED[person] + _EVOKED[np.where(dealing, other, len(PERSONS))]
    return np.clip(state[:, : len(EMOTION_CLASSES)], LOWEST, HIGHEST)


def draw_scores(rng: np.random.Generator, expected: np.ndarray, judges: int) -> np.ndarray:
    """Let judges score headlines: intensities (N, 6) to whole numbers, (N, judges, 6)."""
    mean = expected[:, None, :] / 100
    # Quantiles of whole random numbers: an algorithm with rejections could, for the last bit of a
    # logarithm, run differently on another machine.
    quantiles = (rng.integers(0, 2**32, size=(len(mean), judges, mean.shape[2])) + 0.5) / 2**32
    scores = 100 * betaincinv(CONCENTRATION * mean, CONCENTRATION * (1 - mean), quantiles)
    return np.asarray(np.rint(scores).astype(np.int64))


def render(features: np.ndarray) -> list[str]:
    """Write headlines out as lower-case words: features (N, 5)."""
    texts = []
    for person, event, other, frame, setting in features.tolist():
        infinitive = _EVENTS[event][0]
        if event >= _FIRST_DEALING:
            infinitive += " " + PERSONS[other][0]
        text = FRAMES[frame][0].format(
            s=PERSONS[person][0], i=infinitive, v=_present_tense(infinitive)
        )
        texts.append(f"{text} {SETTINGS[setting][0]}".rstrip())
    return texts


def _draw_items(config: HeadlinesConfig) -> tuple[np.ndarray, np.ndarray]:
    """Draw the features (N, 5) and the judges' summed scores (N, 6) of all splits in their order.

    Features index person, event, other person (not the first one), frame and setting.
    """
    wanted = config.train_items + config.validation_items + config.evaluation_items
    size = 2 * wanted + 16
    rng = np.random.Generator(np.random.PCG64(config.seed))
    person = rng.integers(0, len(PERSONS), size)
    other = (person + rng.integers(1, len(PERSONS), size)) % len(PERSONS)
    event = rng.integers(0, len(_EVENTS), size)
    frame = np.searchsorted(_FRAME_EDGES, rng.random(size), side="right")
    setting = np.searchsorted(_SETTING_EDGES, rng.random(size), side="right")
    features = np.stack([person, event, other, frame, setting], axis=1)
    # Where nobody else is involved, different features may give the same headline.
    first = np.sort(np.unique(render(features), return_index=True)[1])
    features = features[first]
    scores = draw_scores(rng, expected_scores(features), config.judges).sum(axis=1)
    kept = np.flatnonzero(scores.any(axis=1))[:wanted]
    if len(kept) < wanted:
        raise ValueError(
            f"the generator found only {len(kept):,} different headlines of {wanted:,}; ask for "
            "fewer items"
        )
    return features[kept], scores[kept]


def _present_tense(infinitive: str) -> str:
    """Put the first word into the third person: "marry singer" becomes "marries singer"."""
    verb, *rest = infinitive.split()
    if verb.endswith("y") and verb[-2] not in "aeiou":
        verb = verb[:-1] + "ies"
    else:
        verb += "es" if verb.endswith(("s", "sh", "ch", "x", "o")) else "s"
    return " ".join([verb, *rest])


def _vector(notation: str) -> np.ndarray:
    """Read "fear 60 sadness 20"; the seventh number is for what matrices add."""
    vector = np.zeros(len(EMOTION_CLASSES) + 1)
    words = notation.split()
    for name, value in zip(words[::2], words[1::2], strict=True):
        vector[EMOTION_CLASSES.index(name)] = float(value)
    return vector


def _matrix(notation: str) -> np.ndarray:
    """Read the notation that the module's docstring explains; shape (7, 7)."""
    count = len(EMOTION_CLASSES)
    matrix = np.eye(count + 1)
    words = notation.split()
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "all":
            matrix[:count, :count] = float(value) * np.eye(count)
        elif name.startswith("+"):
            matrix[EMOTION_CLASSES.index(name[1:]), count] = float(value)
        else:
            source, _, goal = name.partition(">")
            row, column = EMOTION_CLASSES.index(goal or source), EMOTION_CLASSES.index(source)
            matrix[row, column] = float(value)
    return matrix


def _felt_for(liked: float) -> np.ndarray:
    """How the emotions change with how much the person affected is liked, -1 to 1."""
    if liked >= 0:
        return _matrix(
            f"anger {1 + 0.4 * liked} fear {1 + 0.3 * liked} sadness {1 + 0.4 * liked} "
            f"joy {1 + 0.2 * liked}"
        )
    turned = -0.7 * liked
    return _matrix(
        f"fear {1 - 0.5 * turned} sadness {1 - turned} joy {1 - turned} "
        f"sadness>joy {0.6 * turned} joy>anger {turned} joy>disgust {0.3 * turned}"
    )


def _done_by(liked: float) -> np.ndarray:
    """How the emotions change with how much the person who acts is liked, -1 to 1."""
    if liked >= 0:
        return _matrix(
            f"anger {1 - 0.5 * liked} disgust {1 - 0.3 * liked} "
            f"anger>surprise {0.3 * liked} fear>surprise {0.2 * liked}"
        )
    return _matrix(
        f"anger {1 - 0.4 * liked} fear {1 - 0.3 * liked} joy {1 + 0.4 * liked} "
        f"joy>surprise {-0.4 * liked}"
    )


def _after_each_other(notations: tuple[str, ...]) -> np.ndarray:
    """Multiply matrices so that the first one acts first."""
    product = np.eye(len(EMOTION_CLASSES) + 1)
    for notation in notations:
        product = _matrix(notation) @ product
    return product


_EVENTS = FORTUNES + DEEDS + DEALINGS
_FIRST_DEED = len(FORTUNES)
_FIRST_DEALING = len(FORTUNES) + len(DEEDS)
# A one in the seventh place, so that a matrix can add.
_EVENT_VECTORS = np.stack([_vector(text) for _, text in _EVENTS]) + np.eye(7)[6]
_EVOKED = np.stack([_vector(text) for _, _, text in PERSONS] + [_vector("")])
_FELT_FOR = np.stack([_felt_for(liked) for _, liked, _ in PERSONS] + [np.eye(7)])
_DONE_BY = np.stack([_done_by(liked) for _, liked, _ in PERSONS] + [np.eye(7)])
_FRAME_MATRICES = np.stack([_after_each_other(steps) for _, steps, _ in FRAMES])
_SETTING_MATRICES = np.stack([_matrix(text) for _, text, _ in SETTINGS])
_FRAME_EDGES = np.cumsum([chance for *_, chance in FRAMES])[:-1]
_SETTING_EDGES = np.cumsum([chance for *_, chance in SETTINGS])[:-1]
