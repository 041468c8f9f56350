"""Loaders for the second task, emotion: Affective Text, and more texts to train on.

Affective Text (SemEval-2007 Task 14; Strapparava and Mihalcea, 2007) is 250 trial and 1,000 test
headlines, each with mean scores from 0 to 100 for six emotions. Expected files, in the directory
given as `data_dir` or in `AMBIGUITY_DATA_DIR` (each with or without a final `.gz`):

    affective_text/affectivetext_{trial,test}.xml             <instance id="1">Headline</instance>
    affective_text/affectivetext_{trial,test}.emotions.gold   id anger disgust fear joy sadness ...

Training sets with one emotion a text, mapped to the six of Affective Text:

    gne/gne-release-v1.0.tsv            GoodNewsEveryone (Bostan et al., 2020), headlines
    goemotions/{train,dev,test}.tsv     GoEmotions (Demszky et al., 2020), comments
"""

from __future__ import annotations

import csv
import html
import logging
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from datasets import Dataset, concatenate_datasets
from numpy.typing import ArrayLike, NDArray

from ambiguity_lib.data.folds import normalise_premise, text_folds
from ambiguity_lib.data.lines import read_lines
from ambiguity_lib.data.schema import EMOTION_CLASSES, Splits, build_dataset, make_features
from ambiguity_lib.data.sources import data_directory, find_file, find_stored

logger = logging.getLogger(__name__)

FOLDS = 5

_INSTANCE = re.compile(r'<instance id="(\d+)">(.*\S.*)</instance>')
_FRAME = re.compile(r"</?corpus\b[^>]*>")


def scores_to_distributions(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores of classes divided by their sum.

    Args:
        scores: Not negative, shape (N, C).

    Returns:
        Distributions, shape (N, C).

    Raises:
        ValueError: If a row has a negative score or none above zero; the first is named.

    Examples:
        >>> from ambiguity_lib.data import scores_to_distributions
        >>> scores_to_distributions([[10, 0, 30], [50, 50, 0]])
        array([[0.25, 0.  , 0.75],
               [0.5 , 0.5 , 0.  ]])
        >>> scores_to_distributions([[0, 0, 0]])
        Traceback (most recent call last):
            ...
        ValueError: row 0 is [0.0, 0.0, 0.0]: scores must not be negative, and one
        must be above zero; drop items without any
    """
    array = np.asarray(scores, dtype=np.float64)
    bad = (array < 0).any(axis=1) | ~(array.sum(axis=1) > 0)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"row {row} is {array[row].tolist()}: scores must not be negative, and one must be "
            "above zero; drop items without any"
        )
    probs: NDArray[np.float64] = array / array.sum(axis=1, keepdims=True)
    return probs


def load_affective_text(data_dir: str | Path | None = None) -> Dataset:
    """Load all headlines of Affective Text that have a score above zero.

    `label_dist` is the scores divided by their sum and `label` the emotion with the top score; a
    tie goes to the first emotion in the order of the file. Nobody voted, so there is no
    `label_counts`, and nobody labelled a second time, so `majority_label` equals `label`. Headlines
    whose scores are all zero have no distribution and are dropped; their number and that of ties is
    logged. uids are `affective-PART-ID`.
    """
    directory = data_directory(data_dir)
    uids: list[str] = []
    texts: list[str] = []
    rows: list[tuple[int, ...]] = []
    for part in ("trial", "test"):
        text_path = find_file(directory, f"affective_text/affectivetext_{part}.xml")
        gold_path = find_file(directory, f"affective_text/affectivetext_{part}.emotions.gold")
        headlines, gold = _read_headlines(text_path), _read_scores(gold_path)
        _check_same_ids(headlines, gold, text_path, gold_path)
        uids += [f"affective-{part}-{identifier}" for identifier in headlines]
        texts += headlines.values()
        rows += [gold[identifier] for identifier in headlines]
    scores = np.array(rows, dtype=np.int64)
    kept = np.flatnonzero(scores.any(axis=1))
    ties = int(((scores == scores.max(axis=1, keepdims=True)).sum(axis=1)[kept] > 1).sum())
    logger.info(
        "%s: %d headlines, %d with all scores zero dropped, %d ties of the top score",
        directory / "affective_text", len(kept), len(scores) - len(kept), ties,
    )  # fmt: skip
    scores = scores[kept]
    labels = scores.argmax(axis=1)
    return build_dataset(
        {
            "uid": [uids[row] for row in kept],
            "text": [texts[row] for row in kept],
            "label": labels,
            "label_dist": scores_to_distributions(scores),
            "majority_label": labels,
        },
        make_features(EMOTION_CLASSES, pair=False, human=True, votes=False),
    )


TrainingSet = Literal["affective_text", "good_news_everyone", "goemotions"]


def load_affective_text_splits(
    data_dir: str | Path | None = None,
    *,
    fold: int = 0,
    train_on: Sequence[TrainingSet] = ("affective_text",),
) -> Splits:
    """Load Affective Text as one of five train, validation and evaluation splits.

    Headlines fall into five buckets by the SHA-256 of their text in lower case without spaces and
    punctuation; not of their uid, since 23 headlines occur twice and both must be in one bucket.
    Fold f evaluates on bucket f and validates on bucket f + 1 (after the last comes the first), so
    the five evaluation parts cover every headline once. Fold 0 is the fixed split.

    Training takes the other buckets, GoodNewsEveryone or GoEmotions' training split, or several of
    them, without the texts of validation and evaluation.

    Train and validation have `uid`, `text` and `label` only. Evaluation also has `label_dist` and
    `majority_label`, which equals `label`.
    """
    if fold not in range(FOLDS):
        raise ValueError(f"fold must be a whole number from 0 to {FOLDS - 1}, got {fold!r}")
    whole = load_affective_text(data_dir)
    plain = whole.select_columns(["uid", "text", "label"])
    # The part of each headline: 0 evaluation, 1 validation, else training.
    part = (text_folds(whole["text"][:], FOLDS) - fold) % FOLDS
    own = plain.select(np.flatnonzero(part > 1))
    held_out = {normalise_premise(text) for text in whole["text"][:]} - {
        normalise_premise(text) for text in own["text"][:]
    }
    sources = []
    for name in train_on:
        if name == "affective_text":
            sources.append(own)
            continue
        more = (
            load_goemotions("train", data_dir)
            if name == "goemotions"
            else load_good_news_everyone(data_dir)
        )
        texts = enumerate(more["text"][:])
        sources.append(
            more.select([row for row, t in texts if normalise_premise(t) not in held_out])
        )
    train = sources[0] if len(sources) == 1 else concatenate_datasets(sources)
    validation = plain.select(np.flatnonzero(part == 1))
    evaluation = whole.select(np.flatnonzero(part == 0))
    return Splits(
        train=train,
        validation=validation,
        evaluation=evaluation,
        name="affective_text",
        evaluation_name="Affective Text",
        description=(
            f"Headlines of Affective Text (SemEval-2007), fold {fold} of {FOLDS} by hash of the "
            f"text: {len(train):,} for training{_also(train_on, len(own))}, {len(validation):,} "
            "for validation, both with the top-scored emotion as label, and "
            f"{len(evaluation):,} for evaluation with the scores of six emotions divided by their "
            "sum. No headline is shared between the three."
        ),
    )


_TITLES = {"good_news_everyone": "GoodNewsEveryone", "goemotions": "GoEmotions"}


def _also(train_on: Sequence[TrainingSet], own: int) -> str:
    """What a description says of training sets that are not the task's own."""
    others = [_TITLES[name] for name in train_on if name in _TITLES]
    if not others:
        return ""
    kept = f", and {own:,} of these headlines" if "affective_text" in train_on else ""
    return f" (from {' and '.join(others)}, the emotion mapped to the six{kept})"


#: Emotions of the six → what GoodNewsEveryone calls them; the mapping is ours, without trust.
GOOD_NEWS_EMOTIONS = {
    "anger": ("anger", "annoyance"),
    "disgust": ("disgust",),
    "fear": ("fear", "negative_anticipation_including_pessimism"),
    "joy": ("joy", "love_including_like", "positive_anticipation_including_optimism", "pride"),
    "sadness": ("sadness", "guilt", "shame"),
    "surprise": ("negative_surprise", "positive_surprise"),
}
#: The same of GoEmotions, in the grouping of its authors (Ekman's six; neutral is none of them).
GOEMOTIONS_EMOTIONS = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        "joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism", "relief",
        "pride", "admiration", "desire", "caring",
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
}  # fmt: skip
# their numbers in the official files
_GOEMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity",
    "desire", "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear",
    "gratitude", "grief", "joy", "love", "nervousness", "optimism", "pride", "realization",
    "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip


def load_good_news_everyone(data_dir: str | Path | None = None) -> Dataset:
    """Load GoodNewsEveryone's headlines with their dominant emotion, mapped to the six.

    Headlines whose dominant emotion is none of them (trust) are dropped; their number is logged.
    """
    path = find_file(data_directory(data_dir), "gne/gne-release-v1.0.tsv")
    frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    needed = ["id", "headline", "dominant_emotion"]
    if missing := [name for name in needed if name not in frame]:
        raise ValueError(
            f"{path}: there is no column {', '.join(missing)}; found {', '.join(frame.columns)}; "
            "is this the official file?"
        )
    known = {name: one for one, names in GOOD_NEWS_EMOTIONS.items() for name in names}
    strange = frame[~frame["dominant_emotion"].isin({*known, "trust"})]
    if len(strange):
        emotion = strange.iloc[0]["dominant_emotion"]
        raise ValueError(
            f"{path}, row {strange.index[0] + 1}: the emotion {emotion!r} is unknown; is this the "
            "official file?"
        )
    frame["label"] = frame["dominant_emotion"].map(known)
    return _labelled(frame.rename(columns={"id": "uid", "headline": "text"}), "gne", path)


def load_goemotions(
    split: Literal["train", "dev", "test"], data_dir: str | Path | None = None
) -> Dataset:
    """Load a split of GoEmotions, its 27 emotions mapped to the six.

    Comments that are neutral only, or whose labels map to several of the six, are dropped; their
    number is logged.
    """
    if split not in ("train", "dev", "test"):
        raise ValueError(f"split must be 'train', 'dev' or 'test', got {split!r}")
    directory = data_directory(data_dir)
    # copies of the release are called so, too
    other = find_stored(directory, f"goemotions/original_{split}.tsv")
    path = other or find_file(directory, f"goemotions/{split}.tsv")
    frame = pd.read_csv(
        path, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE
    )
    if len(frame.columns) != 3:
        raise ValueError(
            f"{path}: expected text, labels and id in each row, found {len(frame.columns)} "
            "columns; is this the official file?"
        )
    frame.columns = pd.Index(["text", "labels", "uid"])
    known = {name: one for one, names in GOEMOTIONS_EMOTIONS.items() for name in names}
    labels = []
    for row, cell in enumerate(frame["labels"], start=1):
        try:
            names = [_GOEMOTIONS[int(number)] for number in cell.split(",")]
        except (ValueError, IndexError):
            raise ValueError(
                f"{path}, row {row}: expected numbers of emotions from 0 to 27, found {cell!r}; is "
                "this the official file?"
            ) from None
        emotions = {known[name] for name in names if name in known}
        labels.append(emotions.pop() if len(emotions) == 1 else None)
    frame["label"] = labels
    return _labelled(frame, f"goemotions-{split}", path)


def _labelled(frame: pd.DataFrame, prefix: str, path: Path) -> Dataset:
    """The rows that have a label."""
    kept = frame[frame["label"].notna() & (frame["text"].str.strip() != "")]
    logger.info(
        "%s: %d texts, %d without one of the six emotions dropped",
        path, len(kept), len(frame) - len(kept),
    )  # fmt: skip
    content = {
        "uid": [f"{prefix}-{uid}" for uid in kept["uid"]],
        "text": [" ".join(text.split()) for text in kept["text"]],
        "label": [EMOTION_CLASSES.index(name) for name in kept["label"]],
    }
    return build_dataset(content, make_features(EMOTION_CLASSES, pair=False, human=False))


def _read_headlines(path: Path) -> dict[str, str]:
    """Read the headlines by id, in file order."""
    headlines: dict[str, str] = {}
    for number, line in read_lines(path):
        if _FRAME.fullmatch(line):
            continue
        match = _INSTANCE.fullmatch(line)
        if match is None:
            raise ValueError(
                f'{path}, line {number}: expected <instance id="NUMBER">HEADLINE</instance>, found '
                f"{line!r}; is this the official file?"
            )
        identifier, text = match.groups()
        if identifier in headlines:
            raise ValueError(f"{path}, line {number}: id {identifier} occurs a second time")
        # the files have tabs and double spaces within headlines
        headlines[identifier] = " ".join(html.unescape(text).split())
    if not headlines:
        raise ValueError(f"{path} has no headlines; fetch the file again")
    return headlines


def _read_scores(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the six scores of each id."""
    gold: dict[str, tuple[int, ...]] = {}
    for number, line in read_lines(path):
        identifier, *fields = line.split()
        try:
            scores = tuple(map(int, fields))
        except ValueError:
            scores = ()
        if len(scores) != len(EMOTION_CLASSES):
            raise ValueError(
                f"{path}, line {number}: expected an id and {len(EMOTION_CLASSES)} whole numbers, "
                f"found {line!r}; is this the official file?"
            )
        if not all(0 <= score <= 100 for score in scores):
            raise ValueError(
                f"{path}, line {number}: a score is not within 0 and 100: {line!r}; is this the "
                "official file?"
            )
        if identifier in gold:
            raise ValueError(f"{path}, line {number}: id {identifier} occurs a second time")
        gold[identifier] = scores
    return gold


def _check_same_ids(
    headlines: Collection[str], gold: Collection[str], text_path: Path, gold_path: Path
) -> None:
    for identifier in (*headlines, *gold):
        if identifier not in gold:
            raise ValueError(
                f"{gold_path}: there is no line for headline {identifier} of {text_path.name}; "
                "fetch both files again"
            )
        if identifier not in headlines:
            raise ValueError(
                f"{gold_path}: id {identifier} is not in {text_path.name}; fetch both files again"
            )
