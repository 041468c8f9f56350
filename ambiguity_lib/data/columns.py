"""Which columns of a user's file hold what, and whether they are there."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ambiguity_lib.data.problems import ProblemLog, list_names


@dataclass(frozen=True)
class Columns:
    """The names of the columns in a file.

    A column that has its default name here may be absent where it is not needed; one that was named
    must be there. None means not to read it. Where human opinions are read, a column that is not
    there by its name is looked for by its default name, and label and uid may be absent: the names
    may be those of the training items, which are in another file.

    Attributes:
        text: The text, or the first one of a pair.
        text_pair: The second one; None takes a column `text_pair` if there is one that has a
            value in the first 1,000 rows.
        label: The class, as its name or its number; the vote, where there is an annotator.
        uid: What identifies an item; without it, the number of the row from 1 does.
        label_dist: The human distribution.
        label_counts: The votes behind it.
        majority_label: The class with most votes; without it, it is computed.
        annotator: Who gave the label. Then each row is one person's label of one item.

    Examples:
        >>> from ambiguity_lib.data import Columns, DataFileError, read_dataset
        >>> columns = Columns(text="review")
        >>> columns.text, columns.label
        ('review', 'label')

        A column that one names must be there:

        >>> try:
        ...     read_dataset("reviews.csv", columns)
        ... except DataFileError as error:
        ...     print(error.problems[0].message)
        there is no column 'review' for the text; the columns are 'text', 'label';
        name the right one by --text (Columns.text)
    """

    text: str = "text"
    text_pair: str | None = None
    label: str | None = "label"
    uid: str | None = "uid"
    label_dist: str | None = "label_dist"
    label_counts: str | None = "label_counts"
    majority_label: str | None = "majority_label"
    annotator: str | None = None

    def names(self) -> set[str]:
        """Give the names of all columns that may be read."""
        fields = dataclasses.asdict(self).values()
        return {name for name in fields if name is not None} | {"text_pair"}


DEFAULT_COLUMNS = Columns()


def option_name(role: str) -> str:
    """Give the option of the commands that names a column: `text_pair` to `--text-pair`."""
    return f"--{role.replace('_', '-')}"


def match_columns(
    columns: Columns,
    found: Sequence[str],
    filled: Collection[str],
    *,
    human: bool,
    labels: bool,
    log: ProblemLog,
) -> Columns:
    """Keep the columns that a file has and that are needed.

    Args:
        columns: The names to look for.
        found: The columns of the file.
        filled: Those that have a value in the first rows.
        human: Whether human opinions are needed.
        labels: Whether labels are.
        log: Where missing columns go.

    Returns:
        The columns, None for those that are not there or not needed.

    Raises:
        DataFileError: If a column is missing that is needed or was named.
    """
    votes = columns.annotator is not None
    needed = {"text"}
    if votes:
        needed |= {"annotator", "uid", "label"}
    elif labels and not human:
        needed.add("label")
    roles = ["text", "text_pair", "label", "uid", "annotator"]
    if human and not votes:
        # training must not even see them
        roles += ["label_dist", "label_counts", "majority_label"]
    before = log.total
    missing: set[str] = set()
    used: dict[str, Any] = {role.name: None for role in dataclasses.fields(Columns)}
    for role in roles:
        name, default = getattr(columns, role), getattr(DEFAULT_COLUMNS, role)
        optional = role in ("label", "uid") and role not in needed
        if human and name not in found and (default in found or optional):
            name = default  # the name may be that of the training items
        if name in found:
            used[role] = name
        elif role in needed or (name is not None and name != default):
            missing.add(role)
            log.add(None, _explain_missing(role, name, found))
    if columns.text_pair is None and "text_pair" in filled and columns.text != "text_pair":
        used["text_pair"] = "text_pair"
    opinions = {"label_dist", "label_counts"}
    if human and not votes and not opinions & missing and not any(used[role] for role in opinions):
        log.add(
            None,
            f"there are no human opinions: no column {columns.label_dist!r} with distributions, "
            f"none {columns.label_counts!r} with votes, and no annotators; the columns are "
            f"{list_names(found)}; name one by {option_name('label_dist')}, "
            f"{option_name('label_counts')} or {option_name('annotator')}",
        )
    # broken lines may have been noted already, and more of them are to be found
    if log.total > before:
        log.raise_any()
    return dataclasses.replace(columns, **used)


def _explain_missing(role: str, name: str | None, found: Sequence[str]) -> str:
    if name is None:
        return f"the {role} column is needed here and must be named ({option_name(role)})"
    what = "the uid, which says what rows are of the same item" if role == "uid" else f"the {role}"
    return (
        f"there is no column {name!r} for {what}; the columns are {list_names(found)}; name "
        f"the right one by {option_name(role)} (Columns.{role})"
    )
