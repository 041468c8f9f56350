"""The classes of a user's file, and its labels as indices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import NoReturn

import numpy as np

from ambiguity_lib.data.class_labels import ClassIndex, LabelError, clean_label, infer_class_names
from ambiguity_lib.data.file_items import Items, Label
from ambiguity_lib.data.problems import ProblemLog, list_names, shorten


def infer_classes(items: Items, log: ProblemLog) -> tuple[str, ...]:
    """Find out the classes from all that names one: labels, answers, keys of opinions.

    Args:
        items: The items.
        log: Where problems go.

    Returns:
        Two or more class names, see `infer_class_names`.

    Raises:
        DataFileError: If the file does not say what the classes are, or has one only.
    """
    first: dict[Label, int] = {}
    for line, label in _iterate_labels(items):
        first.setdefault(label, line)
    lists = (
        (line, len(cell))
        for cells in (items.votes, items.dists)
        for line, cell in zip(items.lines, cells, strict=False)
        if cell is not None and not isinstance(cell, Mapping)
    )
    list_line, size = next(lists, (None, None))
    try:
        names = infer_class_names(first, size)
    except LabelError as error:
        log.fail(first[error.label], str(error))
    if size is not None and names != tuple(map(str, range(size))):
        log.fail(
            list_line,
            "the opinions are a list, and the file does not say in which order its classes "
            f"({list_names(names)}) stand in it; give the class names in that order (--classes)",
        )
    if len(names) < 2:
        # broken labels may be why
        log.raise_any()
        if not names:
            log.fail(None, "no row has a label, so the classes are unknown (--classes)")
        _fail_with_one(names[0], log)
    return names


def to_indices(
    labels: Sequence[Label | None],
    lines: Sequence[int],
    column: str | None,
    classes: ClassIndex,
    log: ProblemLog,
) -> np.ndarray:
    """Look up labels.

    Args:
        labels: The labels of N items, or none at all.
        lines: Where the N items stand.
        column: What the column is called.
        classes: The classes.
        log: Where unknown labels go.

    Returns:
        Int64 array of shape (N,), -1 where there is no label.
    """
    indices = np.full(len(lines), -1, dtype=np.int64)
    for row, label in enumerate(labels):
        if label is not None:
            try:
                indices[row] = classes.find(label)
            except ValueError as error:
                log.add(lines[row], f"column '{column}': {error}")
    return indices


def check_several(labels: np.ndarray, classes: ClassIndex, log: ProblemLog) -> None:
    """Check that labels are of more than one class.

    Args:
        labels: Class indices, shape (N,) with N > 0.
        classes: The classes.
        log: Where the problem goes.

    Raises:
        DataFileError: If there is one class only.
    """
    found = np.unique(labels)
    if len(found) == 1:
        _fail_with_one(classes.names[int(found[0])], log)


def _fail_with_one(name: str, log: ProblemLog) -> NoReturn:
    log.fail(
        None,
        f"every row has the label {shorten(name)}: with one class only there is nothing to learn",
    )


def _iterate_labels(items: Items) -> Iterator[tuple[int, Label]]:
    """Give everything that names a class, with the line it stands in."""
    for values in (items.labels, items.majorities):
        for line, label in zip(items.lines, values, strict=False):
            if label is not None:
                yield line, label
    yield from chain.from_iterable(items.answers)
    for cells in (items.votes, items.dists):
        for line, cell in zip(items.lines, cells, strict=False):
            if isinstance(cell, Mapping):
                for name in cell:
                    # what is no label will be a problem of the cell
                    with suppress(ValueError):
                        if (label := clean_label(name)) is not None:
                            yield line, label
