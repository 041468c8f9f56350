"""A practitioner's own labelled data, read from a file with errors that name every bad line.

`ambiguity_lib.data.file_rows` says which files can be read, `Columns` what may be in them. Labels
are names or numbers of classes. Human opinions are distributions, votes, or one row for each
annotator. ChaosNLI's files are recognised by their fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from ambiguity_lib.data.class_labels import ClassIndex
from ambiguity_lib.data.columns import DEFAULT_COLUMNS, Columns, match_columns
from ambiguity_lib.data.file_classes import check_several, infer_classes, to_indices
from ambiguity_lib.data.file_items import Items, adapt_chaosnli, collect_answers, collect_items
from ambiguity_lib.data.file_rows import open_rows
from ambiguity_lib.data.file_warnings import class_warnings, repetition_warnings
from ambiguity_lib.data.opinions import Opinions, count_answers, read_opinions
from ambiguity_lib.data.problems import KEPT, DataFileError, Problem, ProblemLog
from ambiguity_lib.data.schema import build_dataset, make_features


@dataclass(frozen=True)
class LabelledFile:
    """A user's data as a dataset.

    Attributes:
        dataset: The items in file order, with the columns `uid`, `text`, perhaps `text_pair`,
            `label`, and where opinions were read `label_dist`, `majority_label`, perhaps
            `label_counts`; see :func:`make_features`.
        source: The file, folder or hub id.
        dropped: How many rows were left out because they have no label (or no opinions, where
            those are needed).
        warnings: What to tell the user, one sentence each.

    Examples:
        >>> from ambiguity_lib.data import read_dataset
        >>> file = read_dataset("reviews.csv")
        >>> file.source, len(file.dataset), file.dropped, file.warnings
        ('reviews.csv', 20, 0, ())
    """

    dataset: Dataset
    source: str
    dropped: int
    warnings: tuple[str, ...]


def read_dataset(
    source: str | Path,
    columns: Columns = DEFAULT_COLUMNS,
    *,
    class_names: Sequence[str] | None = None,
    human: bool = False,
    labels: bool = True,
) -> LabelledFile:
    """Read labelled texts.

    A row without a label (null, blank or -1) is left out and counted. With `human`, the label is
    optional, and a row without opinions is left out; `label_counts` are the votes where every row
    has them, `label_dist` the votes divided by their number or the file's distribution, and
    `majority_label` the file's, or the class with most votes (the first one of a tie).

    With annotators, an item's votes are counted over its rows. They are its opinions with `human`,
    and `label` is -1 then; without, `label` is the class with most votes.

    Args:
        source: A `.jsonl`, `.ndjson`, `.csv`, `.tsv` or `.parquet` file, the text ones also with
            `.gz`; a folder from `save_to_disk`; or the id of a dataset on the hub. To the latter
            two, `:SPLIT` may be added.
        columns: The names of the columns.
        class_names: The C class names in their order. By default those that the source declares,
            else the names in the file, sorted, or `"0"`, `"1"` and so on where it has numbers.
        human: Whether to read human opinions; without it they are not looked at.
        labels: Whether labels are needed. If not, rows without one are kept with -1.

    Returns:
        The dataset, and what to say about it.

    Raises:
        FileNotFoundError: If there is no such file, or the hub does not give such a dataset.
        DataFileError: If something is wrong in it. The message names the first few lines.
        ValueError: If `class_names` are not two or more different names.

    Examples:
        >>> from ambiguity_lib.data import read_dataset
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> reviews[2]
        {'uid': '3', 'text': 'dull film', 'label': 0}

        The votes of several people an item:

        >>> people = read_dataset(
        ...     "votes.jsonl", class_names=("bad", "good"), human=True
        ... ).dataset
        >>> people["label_dist"][:]
        [[0.0, 1.0], [0.3, 0.7], [0.8, 0.2], [1.0, 0.0]]
    """
    return _read(source, columns, class_names, human, labels, KEPT)


def check_file(
    source: str | Path,
    columns: Columns = DEFAULT_COLUMNS,
    *,
    class_names: Sequence[str] | None = None,
    human: bool = False,
    labels: bool = True,
    limit: int = KEPT,
) -> list[Problem]:
    r"""List everything for which `read_dataset` would refuse a file.

    Args:
        source: See `read_dataset`, as for the next four.
        columns: The names of the columns.
        class_names: The class names in their order.
        human: Whether to read human opinions.
        labels: Whether labels are needed.
        limit: How many problems to list, at least 1; 1,000 by default.

    Returns:
        The problems by line, none if all is well. If there are more than `limit`, a last one
        without a line says how many more.

    Raises:
        FileNotFoundError: If there is no such file, or the hub does not give such a dataset.
        ValueError: If `class_names` are not two or more different names, or `limit` is below 1.

    Examples:
        >>> from pathlib import Path
        >>> from ambiguity_lib.data import check_file
        >>> check_file("reviews.csv")
        []
        >>> rows = ["text,label", "great film,god", "dull film,bad"]
        >>> _ = Path("bad.csv").write_text("\n".join(rows))
        >>> for problem in check_file("bad.csv", class_names=("bad", "good")):
        ...     print(problem.line, problem.message)
        2 column 'label': label 'god' is none of the classes 'bad', 'good'; did you
        mean 'good'?
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    try:
        _read(source, columns, class_names, human, labels, limit)
    except DataFileError as error:
        problems = list(error.problems)
        if error.total > len(problems):
            problems.append(Problem(None, f"and {error.total - len(problems):,} more"))
        return problems
    return []


def _read(
    source: str | Path,
    columns: Columns,
    class_names: Sequence[str] | None,
    human: bool,
    labels: bool,
    limit: int,
) -> LabelledFile:
    if class_names is not None:
        make_features(class_names, pair=False, human=False)  # refuses what are no class names
    log = ProblemLog(str(source), limit)
    rows = adapt_chaosnli(open_rows(source, columns.names(), log), columns)
    if not rows.columns:
        log.raise_any()
        log.fail(None, "the file is empty")
    used = match_columns(columns, rows.columns, rows.filled, human=human, labels=labels, log=log)
    collect = collect_items if used.annotator is None else collect_answers
    items = collect(rows, used, log)
    if not items.lines:
        log.raise_any()
        log.fail(None, "there are columns but no rows")
    declared = None if used.label is None else rows.class_names.get(used.label)
    classes = ClassIndex(class_names or declared or infer_classes(items, log))
    label = to_indices(items.labels, items.lines, used.label, classes, log)
    opinions = _read_opinions(items, used, classes, log) if human or items.answers else None
    log.raise_any()
    if opinions is not None and not human:
        label = opinions.majority
    kept = _choose_rows(label, opinions, labels)
    if not kept.size:
        log.fail(None, f"no row has {'human opinions' if human else 'a label'}")
    warnings = list(opinions.warnings) if opinions is not None else []
    if labels and not human:
        if class_names is None:
            check_several(label[kept], classes, log)
        inferred = class_names is None and declared is None
        warnings += class_warnings(label[kept], classes.names, inferred=inferred)
        texts = list(zip(items.texts, items.pairs or items.texts, strict=True))
        warnings += repetition_warnings([texts[row] for row in kept.tolist()], label[kept])
    dropped = items.unanswered if items.answers else len(label) - len(kept)
    if dropped:
        what = "opinions" if human and not items.answers else "label"
        warnings.insert(0, f"rows left out because they have no {what}: {dropped:,}")
    dataset = _build(items, label, opinions if human else None, kept, classes)
    return LabelledFile(dataset, str(source), dropped, tuple(warnings))


def _read_opinions(items: Items, used: Columns, classes: ClassIndex, log: ProblemLog) -> Opinions:
    if items.answers:
        return count_answers(items.answers, used.label, classes, log)
    majority = to_indices(items.majorities, items.lines, used.majority_label, classes, log)
    names = (used.label_counts, used.label_dist)
    return read_opinions(items.votes, items.dists, majority, items.lines, names, classes, log)


def _choose_rows(label: np.ndarray, opinions: Opinions | None, labels: bool) -> np.ndarray:
    """Give the indices of the rows that have what is needed."""
    if opinions is not None:
        return np.flatnonzero(opinions.majority >= 0)
    return np.flatnonzero(label >= 0) if labels else np.arange(len(label))


def _build(
    items: Items,
    label: np.ndarray,
    opinions: Opinions | None,
    kept: np.ndarray,
    classes: ClassIndex,
) -> Dataset:
    """Put the chosen rows together."""
    rows = kept.tolist()
    content: dict[str, Any] = {
        "uid": [items.uids[row] for row in rows],
        "text": [items.texts[row] for row in rows],
        "label": label[kept],
    }
    if items.pairs:
        content["text_pair"] = [items.pairs[row] for row in rows]
    votes = None
    if opinions is not None:
        content |= {"label_dist": opinions.dist[kept], "majority_label": opinions.majority[kept]}
        votes = opinions.votes
    if votes is not None:
        content["label_counts"] = votes[kept]
    features = make_features(
        classes.names, pair=bool(items.pairs), human=opinions is not None, votes=votes is not None
    )
    return build_dataset(content, features)
