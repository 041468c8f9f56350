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

import numpy as np
from datasets import Dataset
from pydantic import NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass as settings
from scipy.special import betaincinv

from ambiguity_lib.data.emotion import scores_to_distributions
from ambiguity_lib.data.schema import EMOTION_CLASSES, Splits, build_dataset, make_features
from ambiguity_lib.data.world.words import (
    column,
    draw_by_chance,
    pairs_of,
    read_words,
    vectors,
)

logger = logging.getLogger(__name__)

CONCENTRATION = 2.0
# Stray scores: no emotion is quite impossible, and none certain.
LOWEST, HIGHEST = 1.0, 99.0

_LISTS = read_words("headlines")
PERSONS, FRAMES, SETTINGS = _LISTS["persons"], _LISTS["frames"], _LISTS["settings"]
FORTUNES, DEEDS, DEALINGS = _LISTS["fortunes"], _LISTS["deeds"], _LISTS["dealings"]


@settings(frozen=True, config={"extra": "forbid"})
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

    train_items: PositiveInt = 1800
    validation_items: PositiveInt = 600
    evaluation_items: PositiveInt = 600
    seed: NonNegativeInt = 0
    judges: PositiveInt = 6


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
    labels = scores.argmax(axis=1)
    columns = {
        "text": np.array(render(features), dtype=object),
        "label": labels,
        "label_dist": scores_to_distributions(scores),
        "majority_label": labels,
    }
    parts: dict[str, Dataset] = {}
    stop = 0
    for name, size in zip(("train", "validation", "evaluation"), sizes, strict=True):
        start, stop = stop, stop + size
        here = {key: values[start:stop] for key, values in columns.items()}
        here["text"] = here["text"].tolist()
        uids = [f"headline-{name}-{row:06d}" for row in range(size)]
        human = name == "evaluation"
        schema = make_features(EMOTION_CLASSES, pair=False, human=human, votes=False)
        parts[name] = build_dataset({"uid": uids, **here}, schema)
    ties = ((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum()
    logger.info("headlines: %d items, %d ties of the top score", len(scores), ties)
    return Splits(
        **parts,
        name="headlines",
        description=(
            f"Generated headlines: {sizes[0]:,} for training, {sizes[1]:,} for validation, both "
            f"with the top-scored emotion as label, and {sizes[2]:,} for evaluation with the mean "
            f"scores of {config.judges} simulated judges divided by their sum. No headline is "
            "shared between the three."
        ),
    )


def draw_features(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw person, event, other person (not the first one), frame and setting; (N, 5)."""
    person = rng.integers(0, len(PERSONS), size)
    other = (person + rng.integers(1, len(PERSONS), size)) % len(PERSONS)
    event = rng.integers(0, len(_EVENTS), size)
    frame = draw_by_chance(rng, column(FRAMES, 2), size)
    setting = draw_by_chance(rng, column(SETTINGS, 2), size)
    return np.stack([person, event, other, frame, setting], axis=1)


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
    evoked = _EVOKED[person] + _EVOKED[np.where(dealing, other, len(PERSONS))]
    return np.clip(state[:, : len(EMOTION_CLASSES)] + evoked, LOWEST, HIGHEST)


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
    """Draw features (N, 5) and the judges' summed scores (N, 6) of all splits in their order."""
    wanted = config.train_items + config.validation_items + config.evaluation_items
    size = 2 * wanted + 16
    rng = np.random.Generator(np.random.PCG64(config.seed))
    features = draw_features(rng, size)
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


def _matrix(notation: str) -> np.ndarray:
    """Read the notation that the module's docstring explains; shape (7, 7)."""
    count = len(EMOTION_CLASSES)
    matrix = np.eye(count + 1)
    for name, value in pairs_of(notation):
        if name == "all":
            matrix[:count, :count] = value * np.eye(count)
        elif name.startswith("+"):
            matrix[EMOTION_CLASSES.index(name[1:]), count] = value
        else:
            source, _, goal = name.partition(">")
            row, column = EMOTION_CLASSES.index(goal or source), EMOTION_CLASSES.index(source)
            matrix[row, column] = value
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


_NAMES = [*EMOTION_CLASSES, "added"]
_EVENTS = FORTUNES + DEEDS + DEALINGS
_FIRST_DEED = len(FORTUNES)
_FIRST_DEALING = len(FORTUNES) + len(DEEDS)
# A one in the seventh place, so that a matrix can add.
_EVENT_VECTORS = vectors([text for _, text in _EVENTS], _NAMES) + np.eye(7)[6]
_EVOKED = vectors([text for *_, text in PERSONS] + [""], EMOTION_CLASSES)
_FELT_FOR = np.stack([_felt_for(liked) for _, liked, _ in PERSONS] + [np.eye(7)])
_DONE_BY = np.stack([_done_by(liked) for _, liked, _ in PERSONS] + [np.eye(7)])
_FRAME_MATRICES = np.stack([_after_each_other(steps) for _, steps, _ in FRAMES])
_SETTING_MATRICES = np.stack([_matrix(text) for _, text, _ in SETTINGS])
