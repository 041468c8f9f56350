"""Loaders for the second task, emotion: Affective Text.

Affective Text (SemEval-2007 Task 14; Strapparava and Mihalcea, 2007) is 250 trial and 1,000 test
headlines, each with mean scores from 0 to 100 for six emotions. Expected files, in the directory
given as `data_dir` or in `AMBIGUITY_DATA_DIR` (each with or without a final `.gz`):

    affective_text/affectivetext_{trial,test}.xml             <instance id="1">Headline</instance>
    affective_text/affectivetext_{trial,test}.emotions.gold   id anger disgust fear joy sadness ...
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray

from ambiguity_lib.data.folds import text_folds
from ambiguity_lib.data.lines import read_lines
from ambiguity_lib.data.schema import EMOTION_CLASSES, Splits, build_dataset, make_features
from ambiguity_lib.data.sources import data_directory, find_file

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


def load_affective_text_splits(data_dir: str | Path | None = None, *, fold: int = 0) -> Splits:
    """Load Affective Text as one of five train, validation and evaluation splits.

    Headlines fall into five buckets by the SHA-256 of their text in lower case without spaces and
    punctuation; not of their uid, since 23 headlines occur twice and both must be in one bucket.
    Fold f evaluates on bucket f and validates on bucket f + 1 (after the last comes the first), so
    the five evaluation parts cover every headline once. Fold 0 is the fixed split.

    Train and validation have `uid`, `text` and `label` only. Evaluation also has `label_dist` and
    `majority_label`, which equals `label`.
    """
    if fold not in range(FOLDS):
        raise ValueError(f"fold must be a whole number from 0 to {FOLDS - 1}, got {fold!r}")
    whole = load_affective_text(data_dir)
    plain = whole.select_columns(["uid", "text", "label"])
    # The part of each headline: 0 evaluation, 1 validation, else training.
    part = (text_folds(whole["text"][:], FOLDS) - fold) % FOLDS
    train = plain.select(np.flatnonzero(part > 1))
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
            f"text: {len(train):,} for training, {len(validation):,} for validation, both with the "
            f"top-scored emotion as label, and {len(evaluation):,} for evaluation with the scores "
            "of six emotions divided by their sum. No headline is shared between the three."
        ),
    )


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
