"""A user's own files: read into a dataset, or refused with every problem by its line.

The way of a file is rows → columns → items → classes → opinions → dataset, a step each, in frames
that are indexed by the lines of the file. Formats are in `file_rows`, what one cell may say is in
`cells`. Whatever is wrong goes into a `ProblemLog`, so that all of it is said at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from datasets import Dataset

from ambiguity_lib.data.schema import build_dataset, make_features
from ambiguity_lib.practice.cells import (
    Cell,
    Classes,
    Label,
    as_number,
    fold,
    is_blank,
    is_placeholder,
    list_names,
    named_answers,
    read_distribution,
    read_id,
    read_label,
    read_numbers,
    read_text,
    read_votes,
    renormalise,
    shorten,
)
from ambiguity_lib.practice.file_rows import (
    IDS,
    KEPT,
    DataFileError,
    Problem,
    ProblemLog,
    Rows,
    as_objects,
    read_rows,
)

__all__ = [
    "Columns",
    "DataFileError",
    "LabelledFile",
    "Problem",
    "check_file",
    "read_dataset",
]

#: Numbers without names make at most so many classes; a larger one is an id or a year.
MAX_UNNAMED = 1000


@dataclass(frozen=True)
class Columns:
    """The names of the columns in a file.

    A column that has its default name here may be absent where it is not needed; one that was named
    must be there. None means not to read it. Where human opinions are read, a column that is not
    there by its name is looked for by its default name, and label and uid may be absent: the names
    may be those of the training items, which are in another file.

    Attributes:
        text: The text, or the first one of a pair.
        text_pair: The second one; None takes a column `text_pair` if there is one that is not
            blank in every row.
        label: The class, as its name or its number; the vote, where there is an annotator.
        uid: What identifies an item; without such a column, `id` or `idx` if its values differ,
            else `row 1`, `row 2` and so on, which no id of another file can be taken for.
        label_dist: The human distribution.
        label_counts: The votes behind it.
        majority_label: The class with most votes; without it, it is computed.
        annotator: Who gave the label. Then each row is one person's label of one item.

    Examples:
        >>> from ambiguity_lib.practice.own_files import (
        ...     Columns,
        ...     DataFileError,
        ...     read_dataset,
        ... )
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


DEFAULT_COLUMNS = Columns()


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
        declared: Whether the file itself says which classes there are, in their order, or calls
            them by numbers.

    Examples:
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> file = read_dataset("reviews.csv")
        >>> file.source, len(file.dataset), file.dropped, file.warnings
        ('reviews.csv', 20, 0, ())
    """

    dataset: Dataset
    source: str
    dropped: int
    warnings: tuple[str, ...]
    declared: bool = False


def read_dataset(
    source: str | Path,
    columns: Columns = DEFAULT_COLUMNS,
    *,
    class_names: Sequence[str] | None = None,
    human: bool = False,
    labels: bool = True,
    ordered: bool = True,
) -> LabelledFile:
    """Read labelled texts.

    A row without a label (null or blank; -1 and placeholders such as `nan`, where they are no
    class) is left out and counted. With `human`, the label is
    optional, and a row without opinions is left out; `label_counts` are the votes where every row
    has them, `label_dist` the votes divided by their number or the file's distribution, and
    `majority_label` the file's, or the class with most votes (the first one of a tie).

    With annotators, an item's votes are counted over its rows. They are its opinions with `human`,
    and `label` is -1 then; without, `label` is the class with most votes.

    Args:
        source: A `.jsonl`, `.ndjson`, `.csv`, `.tsv` or `.parquet` file, the text ones also with
            `.gz`; a file of another name that holds one JSON object a line, or a list of them; a
            folder from `save_to_disk`; or the id of a dataset on the hub. To the latter two,
            `:SPLIT` may be added.
        columns: The names of the columns.
        class_names: The C class names in their order. By default those that the source declares,
            else the names in the file, sorted, or `"0"`, `"1"` and so on where it has numbers.
        human: Whether to read human opinions; without it they are not looked at.
        labels: Whether labels are needed. If not, rows without one are kept with -1.
        ordered: Whether somebody has chosen the order of `class_names`. If not, and the file does
            not declare it, a warning says how lists of votes were understood.

    Returns:
        The dataset, and what to say about it.

    Raises:
        FileNotFoundError: If there is no such file, or the hub does not give such a dataset.
        DataFileError: If something is wrong in it. The message names the first few lines.
        ValueError: If `class_names` are not two or more different names.

    Examples:
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> reviews[2]
        {'uid': 'row 3', 'text': 'dull film', 'label': 0}

        The votes of several people an item:

        >>> people = read_dataset(
        ...     "votes.jsonl", class_names=("bad", "good"), human=True
        ... ).dataset
        >>> people["label_dist"][:]
        [[0.0, 1.0], [0.3, 0.7], [0.8, 0.2], [1.0, 0.0]]
    """
    return _read(source, columns, class_names, human, labels, KEPT, ordered)


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
        >>> from ambiguity_lib.practice.own_files import check_file
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
    ordered: bool = True,
) -> LabelledFile:
    if class_names is not None:
        make_features(class_names, pair=False, human=False)  # refuses what are no class names
    log = ProblemLog(str(source), limit)
    wanted = {*_READERS, *IDS, *dataclasses.asdict(columns).values()}
    rows = read_rows(source, columns.text, wanted, log)
    used = match_columns(columns, rows, human=human, labels=labels, log=log)
    items, answers = read_items(rows, used, log)
    declared = None if used.label is None else rows.class_names.get(used.label)
    classes = Classes(class_names or declared or infer_classes(items, answers, log))
    label = find_classes(items["label"], classes, log)
    opinions = None
    if answers is not None:
        opinions = count_answers(answers, len(items), classes, log)
    elif human:
        opinions = read_opinions(items, classes, log)
    log.raise_any()
    if opinions is not None:
        kept = np.flatnonzero(opinions.majority >= 0)
    else:
        kept = np.flatnonzero(label >= 0) if labels else np.arange(len(items))
    if not kept.size:
        log.fail(None, f"no row has {'human opinions' if human else 'a label'}")
    if opinions is not None and not human:
        label = opinions.majority
    if opinions is not None:
        opinions = opinions.take(kept)
    items, label = items.iloc[kept], label[kept]
    inferred = class_names is None and declared is None
    numbered = list(classes.names) == [str(index) for index in range(len(classes))]
    by_file = rows.class_names.get(used.label or "label") is not None
    # of answers, it is those without a label
    dropped = len(rows.frame) - len(kept)
    if answers is not None:
        dropped = int(answers["label"].isna().sum()) + classes.absent.total()
    without = "opinions" if human and answers is None else "label"
    warnings = [*_left_out(dropped, without, classes), *log.warnings]
    if opinions is not None:
        warnings += opinions.warnings
    if labels and not human:
        if class_names is None and len(np.unique(label)) == 1:
            _fail_with_one(classes.names[label[0]], log, classes)
        warnings += class_warnings(label, classes.names, inferred=inferred)
        warnings += repetition_warnings(items[["text", "text_pair"]], label)
    elif opinions is not None:
        if inferred:
            warnings += _opinion_warnings(items, opinions, classes)
        if not (ordered or by_file or numbered) and (said := _explain_order(items, classes)):
            warnings.append(said)
    if classes.taken:
        pairs = [f"{shorten(label)} for {shorten(name)}" for label, name in classes.taken.items()]
        spelt = ", ".join(pairs[:12])
        warnings.append(f"labels taken for classes that are spelt otherwise: {spelt}")
    pair = used.text_pair is not None
    dataset = _build(items, label, opinions if human else None, classes, pair=pair)
    return LabelledFile(dataset, str(source), dropped, tuple(warnings), by_file or numbered)


def _left_out(dropped: int, what: str, classes: Classes) -> Iterator[str]:
    """How many rows or answers were left out, and what they say instead of a class."""
    absent = f"{_counted(classes.absent)}; {_NAME_THEM}" if classes.absent else ""
    if dropped:
        detail = f", of them {absent}" if absent and what == "label" else ""
        yield f"rows left out because they have no {what}: {dropped:,}{detail}"
    elif absent and what == "opinions":
        yield f"answers that are no class: {absent}"


def _opinion_warnings(items: pd.DataFrame, opinions: Opinions, classes: Classes) -> list[str]:
    """What the names of the classes look like where only opinions name them."""
    mass = np.nan_to_num(opinions.dist).sum(axis=0)
    counts = dict(zip(classes.names, np.ceil(mass).astype(int).tolist(), strict=True))
    lists = any(isinstance(cell, list) for role in _LISTS for cell in items[role])
    positions = None if lists else _from_one(classes.names, np.flatnonzero(mass))
    return [*filter(None, [positions]), *name_warnings(counts, ())]


def _explain_order(items: pd.DataFrame, classes: Classes) -> str | None:
    """How the first list was understood, where nobody has said in which order its classes are."""
    for role in _LISTS:
        for line, cell in _numbered(items[role].dropna()):
            if isinstance(cell, list) and not (role == "label_counts" and _are_names(cell)):
                shares = zip(classes.names, cell, strict=False)
                read = ", ".join(f"{name} {value}" for name, value in shares)
                return (
                    f"lists are read in the order of the classes that were found (first, line "
                    f"{line}: {read}); give --classes in the order of the lists"
                )
    return None


def _build(
    items: pd.DataFrame,
    label: np.ndarray,
    opinions: Opinions | None,
    classes: Classes,
    *,
    pair: bool,
) -> Dataset:
    content: dict[str, Any] = {name: items[name].tolist() for name in ("uid", "text", "text_pair")}
    content["label"] = label
    votes = None
    if opinions is not None:
        votes = opinions.votes
        content |= {"label_dist": opinions.dist, "majority_label": opinions.majority}
        content["label_counts"] = votes
    human = opinions is not None
    features = make_features(classes.names, pair=pair, human=human, votes=votes is not None)
    return build_dataset(content, features)


# 1. columns --------------------------------------------------------------------------------------


def match_columns(
    columns: Columns, rows: Rows, *, human: bool, labels: bool, log: ProblemLog
) -> Columns:
    """Keep the columns that a file has and that are needed; one that is missing stops the reading.

    Returns:
        The columns, None for those that are not there or not needed.
    """
    votes = columns.annotator is not None
    needed = {"text"}
    if votes:
        needed |= {"annotator", "uid", "label"}
    elif labels and not human:
        needed.add("label")
    opinions = ("label_dist", "label_counts")
    roles = ["text", "text_pair", "label", "uid", "annotator"]
    if human and not votes:
        # training must not even see them
        roles += [*opinions, "majority_label"]
    before = len(log)
    missing: set[str] = set()
    used: dict[str, Any] = dict.fromkeys(_READERS)
    for role in roles:
        name, default = getattr(columns, role), getattr(DEFAULT_COLUMNS, role)
        optional = role in ("label", "uid") and role not in needed
        if human and name not in rows.names and (default in rows.names or optional):
            name = default  # the name may be that of the training items
        if name in rows.names:
            used[role] = name
        elif role in needed or (name is not None and name != default):
            missing.add(role)
            log.add(None, _explain_missing(role, name, rows.names))
    if used["uid"] is None and not votes and columns.uid == DEFAULT_COLUMNS.uid:
        # where a row is one person's, it could be the row's
        used["uid"] = next((name for name in IDS if _identifies(rows, name)), None)
    pair = "text_pair"
    if columns.text_pair is None and columns.text != pair and pair in rows.names:
        used[pair] = None if rows.frame[pair].map(is_blank).all() else pair
    answered = any(used[role] is not None or role in missing for role in opinions)
    if human and not votes and not answered:
        log.add(
            None,
            f"there are no human opinions: no column {columns.label_dist!r} with distributions, "
            f"none {columns.label_counts!r} with votes, and no annotators; the columns are "
            f"{list_names(rows.names)}; name one by {_option('label_dist')}, "
            f"{_option('label_counts')} or {_option('annotator')}",
        )
    # broken lines may have been noted already, and more of them are to be found
    if len(log) > before:
        log.raise_any()
    return Columns(**used)


def _identifies(rows: Rows, name: str) -> bool:
    """Whether a column has a value of its own for each row."""
    if name not in rows.names:
        return False
    try:
        return rows.frame[name].map(read_id).is_unique
    except ValueError:
        return False


def _explain_missing(role: str, name: str | None, found: Sequence[str]) -> str:
    if name is None:
        return f"the {role} column is needed here and must be named ({_option(role)})"
    what = "the uid, which says what rows are of the same item" if role == "uid" else f"the {role}"
    headless = any(as_number(one) is not None or " " in one for one in found)
    return (
        f"there is no column {name!r} for {what}; the columns are {list_names(found)}; name "
        f"the right one by {_option(role)} (Columns.{role})"
        + (", or write a header if the first line is none" if headless else "")
    )


def _option(role: str) -> str:
    """Give the option of the commands that names a column: `text_pair` to `--text-pair`."""
    return f"--{role.replace('_', '-')}"


# 2. rows → items ---------------------------------------------------------------------------------

_LISTS = ("label_counts", "label_dist")

_READERS: dict[str, Callable[[Any], Any]] = {
    "text": read_text,
    "text_pair": read_text,
    "uid": read_id,
    "label": read_label,
    "annotator": read_id,
    "majority_label": read_label,
    "label_counts": read_numbers,
    "label_dist": read_numbers,
}
_ANSWER = ("uid", "annotator", "label")


def read_cells(
    cells: pd.Series, read: Callable[[Any], Any], log: ProblemLog, broken: object = None
) -> pd.Series:
    """Read a column; a cell that cannot be read is noted, and `broken` takes its place."""
    values = []
    for line, cell in _numbered(cells):
        try:
            values.append(read(cell))
        except ValueError as error:
            log.add_cell(line, str(cells.name), str(error))
            values.append(broken)
    return as_objects(values, cells.index)


def _numbered(cells: pd.Series) -> Iterator[tuple[int, Any]]:
    """Give the cells of a column with their lines."""
    return zip(cells.index.tolist(), cells.tolist(), strict=True)


def read_items(
    rows: Rows, used: Columns, log: ProblemLog
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Read the cells of the columns used; the frame has a column for each field of `Columns`.

    Returns:
        The items in file order, indexed by the line where each stands first; and the answers of
        annotators, if there are any, with `item`, the position of their item, and `label`. A cell
        is None where there is nothing or a problem.
    """
    log.names = {role: name for role, name in dataclasses.asdict(used).items() if name is not None}
    cells = rows.frame[list(log.names.values())].set_axis(list(log.names), axis="columns")
    answers = None
    if used.annotator is None:
        items = _read_rows(cells, log)
    else:
        items, answers = _read_answers(cells, log)
    if items.empty:
        log.raise_any()
        log.fail(None, "there are columns but no rows")
    for role in _READERS.keys() - items.columns:
        items[role] = as_objects([None] * len(items), items.index)
    return items, answers


def _read_rows(cells: pd.DataFrame, log: ProblemLog) -> pd.DataFrame:
    """Read a file that has one row for each item."""
    items = pd.DataFrame(index=cells.index)
    for role, read in _READERS.items():
        if role in cells:
            items[role] = read_cells(cells[role], read, log)
    if "uid" not in cells:
        numbered = (f"row {number}" for number in range(1, len(items) + 1))
        items["uid"] = as_objects(numbered, items.index)
    for line, earlier, uid in _repeats(items, ["uid"]):
        log.add(
            line,
            f"the id {shorten(uid)} is also that of {log.unit} {earlier}; is it one row for each "
            f"annotator? Then name that column by {_option('annotator')}",
        )
    return items


def _read_answers(cells: pd.DataFrame, log: ProblemLog) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a file that has one row for each annotator of each item, in any order.

    The texts of an item stand in all of its rows or in some, the others being blank there.
    """
    read = {role: read_cells(cells[role], _READERS[role], log) for role in _ANSWER}
    cells = cells.assign(**read).dropna(subset=["uid", "annotator"])
    same = cells.duplicated(["uid", "annotator", "label"])
    if same.any():
        log.warnings.append(f"answers that stand there twice, and count once: {same.sum():,}")
        cells = cells[~same]
    for line, earlier, uid, annotator in _repeats(cells, ["uid", "annotator"]):
        log.add(
            line,
            f"annotator {shorten(annotator)} has answered {shorten(uid)} otherwise in {log.unit} "
            f"{earlier}",
        )
    items = cells[["uid"]].drop_duplicates()
    for role in ("text", "text_pair"):
        if role in cells:
            items[role] = _text_of_each(items["uid"], cells[["uid", role]], role, log)
    position = pd.Index(items["uid"]).get_indexer(cells["uid"])
    return items, pd.DataFrame({"item": position, "label": cells["label"]})


def _text_of_each(uids: pd.Series, cells: pd.DataFrame, role: str, log: ProblemLog) -> pd.Series:
    """Give the text of each id, which is the same wherever it is not blank."""
    filled = cells[~cells[role].map(is_blank).astype(bool)]
    for line, uid in _numbered(uids[~uids.isin(filled["uid"])]):
        log.add_cell(line, role, f"no row of {shorten(uid)} has the text")
    texts: dict[str, tuple[int, str]] = {}
    read = filled.assign(**{role: read_cells(filled[role], read_text, log)}).dropna()
    for line, uid, text in read.itertuples(name=None):
        earlier, known = texts.setdefault(uid, (line, text))
        if text != known:
            column = f"column '{log.names[role]}' of {shorten(uid)}"
            log.add(line, f"{column} differs from {log.unit} {earlier}")
    return as_objects((texts[uid][1] if uid in texts else None for uid in uids), uids.index)


def _repeats(frame: pd.DataFrame, keys: list[str]) -> Iterator[tuple[Any, ...]]:
    """Give the line of each row that has the keys of an earlier one, the line of that, the keys."""
    first: dict[tuple[Any, ...], int] = {}
    for line, *values in frame[keys].dropna().itertuples(name=None):
        earlier = first.setdefault(tuple(values), line)
        if earlier != line:
            yield line, earlier, *values


# 3. classes --------------------------------------------------------------------------------------

_FRACTION = re.compile(r"[+-]?[0-9]*\.[0-9]+")


def infer_classes(
    items: pd.DataFrame, answers: pd.DataFrame | None, log: ProblemLog
) -> tuple[str, ...]:
    """Find out the classes from all that names one, or say why they cannot be known.

    Returns:
        Two or more names: if all are numbers, `"0"`, `"1"` and so on to the largest, or as many as
        the lists of votes or probabilities have; else those found, sorted.
    """
    first: dict[Label, int] = {}
    for line, label in _named_classes(items, answers):
        if as_number(label) != -1:
            first.setdefault(label, line)
    lists = (
        (line, len(cell))
        for role in ("label_counts", "label_dist")
        for line, cell in _numbered(items[role].dropna())
        if isinstance(cell, list) and (role == "label_dist" or not _are_names(cell))
    )
    list_line, size = next(lists, (None, None))
    numbers = {number: label for label in first if (number := as_number(label)) is not None}
    words = sorted(str(label) for label in first if as_number(label) is None)
    names = tuple(sorted(map(str, first)))
    mixed = [label for label in first if isinstance(label, int)]
    fractions = [name for name in words if _FRACTION.fullmatch(name)]
    if words and mixed:
        log.fail(
            first[min(mixed)],
            f"some labels are names ({list_names(words, 3)}) and some are numbers ({min(mixed)}); "
            "give the class names in the order that the numbers mean (--classes)",
        )
    if fractions:
        log.fail(
            first[fractions[0]],
            f"label {fractions[0]!r} is a fraction; a class is a name or a whole number. If it is "
            "a name, give the class names (--classes)",
        )
    if not words and min(numbers, default=0) < -1:
        lowest, highest = min(numbers), max(numbers)
        log.fail(
            first[numbers[lowest]],
            f"label {lowest} is negative: are these ratings? Then name all of them "
            f"(--classes={lowest},…,{highest})",
        )
    if not words:
        largest = max(numbers, default=-1)
        if size is None and largest >= MAX_UNNAMED:
            log.fail(
                first[numbers[largest]],
                f"label {numbers[largest]} would make {largest + 1:,} classes; if the numbers are "
                "names, give them as the class names (--classes)",
            )
        names = tuple(map(str, range(largest + 1 if size is None else size)))
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


def _named_classes(
    items: pd.DataFrame, answers: pd.DataFrame | None
) -> Iterator[tuple[int, Label]]:
    """Give everything that names a class, with the line it stands in."""
    columns = [items["label"], items["majority_label"]]
    for column in columns if answers is None else [answers["label"]]:
        yield from _numbered(column.dropna())
    for role in ("label_counts", "label_dist"):
        for line, cell in _numbered(items[role].dropna()):
            names = cell if isinstance(cell, dict) or _are_names(cell) else ()
            for name in names:
                # what is no label will be a problem of the cell
                with suppress(ValueError):
                    if (label := read_label(name)) is not None:
                        yield line, label


def _are_names(cell: Cell) -> bool:
    """Whether a list holds answers by their names; digits as text are a problem of the cell."""
    with suppress(ValueError):
        return named_answers(cell) is not None
    return True


def _fail_with_one(name: str, log: ProblemLog, classes: Classes | None = None) -> NoReturn:
    absent = Counter() if classes is None else classes.absent
    others = f" (rows without a label: {_counted(absent)}; {_NAME_THEM})" if absent else ""
    log.fail(
        None,
        f"every row has the label {shorten(name)}{others}: with one class only there is nothing to "
        "learn",
    )


_NAME_THEM = "if that is a class, name all of them (--classes)"


def _counted(labels: Mapping[str, int]) -> str:
    """Labels and how many rows have them."""
    return ", ".join(f"{shorten(name)} ({count:,})" for name, count in list(labels.items())[:12])


def find_classes(labels: pd.Series, classes: Classes, log: ProblemLog) -> np.ndarray:
    """Look up N labels: class indices, int64 of shape (N,), -1 where there is none."""
    return read_cells(labels, classes.find, log, broken=-1).to_numpy(dtype=np.int64)


# 4. opinions -------------------------------------------------------------------------------------

# How far votes and a distribution next to them may be apart, which may have two decimals only.
_AGREEMENT = 0.01


@dataclass(frozen=True)
class Opinions:
    """Human opinions on N items.

    Attributes:
        dist: Float64 array of shape (N, C); rows without opinions are NaN.
        votes: Int64 array of shape (N, C), or None where some opinions are not from votes.
        majority: Int64 array of shape (N,), the class with most votes or -1 without opinions.
        warnings: What to tell the user, one sentence each.
    """

    dist: np.ndarray
    votes: np.ndarray | None
    majority: np.ndarray
    warnings: tuple[str, ...]

    def take(self, rows: np.ndarray) -> Opinions:
        """Give those of some items."""
        votes = None if self.votes is None else self.votes[rows]
        return Opinions(self.dist[rows], votes, self.majority[rows], self.warnings)


def count_answers(answers: pd.DataFrame, size: int, classes: Classes, log: ProblemLog) -> Opinions:
    """Count the answers of annotators to so many items."""
    label = find_classes(answers["label"], classes, log)
    given = label >= 0
    votes = np.zeros((size, len(classes)))
    np.add.at(votes, (answers["item"].to_numpy()[given], label[given]), 1)
    votes[votes.sum(axis=1) == 0] = np.nan
    return _settle(votes, np.full(votes.shape, np.nan), np.full(size, -1))


def read_opinions(items: pd.DataFrame, classes: Classes, log: ProblemLog) -> Opinions:
    """Read majorities, votes and distributions; votes go before a distribution."""
    majority = find_classes(items["majority_label"], classes, log)
    votes = _read_matrix(items["label_counts"], read_votes, classes, log)
    dist = _read_matrix(items["label_dist"], read_distribution, classes, log)
    shares = votes / votes.sum(axis=1, keepdims=True)
    apart = (np.abs(shares - renormalise(dist)[0]) > _AGREEMENT).any(axis=1)
    for row in np.flatnonzero(apart).tolist():
        log.add_cell(
            items.index[row],
            "label_dist",
            f"votes and distribution disagree: {votes[row].astype(np.int64).tolist()} is "
            f"{shares[row].round(3).tolist()}, not {dist[row].round(3).tolist()}; is one in "
            "another order of the classes?",
        )
    return _settle(votes, dist, majority)


def _read_matrix(
    cells: pd.Series,
    read: Callable[[Cell, Classes], np.ndarray],
    classes: Classes,
    log: ProblemLog,
) -> np.ndarray:
    """Read N lists or mappings, float64 of shape (N, C); rows without any are NaN."""
    nothing = np.full(len(classes), np.nan)

    def read_any(cell: Cell | None) -> np.ndarray:
        return nothing if cell is None else read(cell, classes)

    return np.stack(read_cells(cells, read_any, log, broken=nothing).tolist())


def _settle(votes: np.ndarray, dist: np.ndarray, majority: np.ndarray) -> Opinions:
    """Put votes before distributions, and find the majorities that are not given."""
    warnings = []
    voted = np.isfinite(votes[:, 0])
    dist, rounded = renormalise(dist)
    dist[voted] = votes[voted] / votes[voted].sum(axis=1, keepdims=True)
    known = np.isfinite(dist[:, 0])
    complete = bool(voted[known].all() and voted.any())
    if voted.any() and not complete:
        warnings.append(
            f"rows with a distribution but no votes: {(known & ~voted).sum():,}; so the votes of "
            "the others are used for their distributions only"
        )
    if rounded.any():
        warnings.append(
            f"distributions renormalised because rounding had changed their sum: {rounded.sum():,}"
        )
    # votes are compared as whole numbers; NaN equals nothing
    basis = np.where(voted[:, None], votes, dist)
    tied = (basis == basis.max(axis=1, keepdims=True)).sum(axis=1) > 1
    if ties := int((tied & (majority < 0)).sum()):
        warnings.append(
            f"items without a majority: {ties:,}; of the classes that tie, the first one was taken"
        )
    given = np.flatnonzero(known & (majority >= 0))
    against = int((basis[given, majority[given]] < basis[given].max(axis=1)).sum())
    if against:
        warnings.append(
            f"majority labels although another class has more votes: {against:,} of "
            f"{len(given):,}; are they in another order, or numbered from 1?"
        )
    found = np.where(majority >= 0, majority, np.nan_to_num(dist).argmax(axis=1))
    return Opinions(
        dist=dist,
        votes=np.nan_to_num(votes).astype(np.int64) if complete else None,
        majority=np.where(known, found, -1),
        warnings=tuple(warnings),
    )


# 5. warnings -------------------------------------------------------------------------------------

# A class is rare if it has fewer rows than this, and than this share of an even part.
_RARE_ROWS = 10
_RARE_SHARE = 0.1
# As close as 'positve' to 'positive'; 'positive' and 'negative' have 0.63.
_TYPING_ERROR = 0.8
_SEVERAL = re.compile(r"\s*[,;|+/&]\s*|\s+and\s+")


def class_warnings(labels: np.ndarray, names: Sequence[str], *, inferred: bool) -> list[str]:
    """Say which classes have no row or hardly any, and which names look like one class."""
    counts = dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))
    warnings = []
    absent = [name for name, count in counts.items() if not count]
    if inferred and (said := _from_one(names, np.unique(labels))):
        warnings.append(said)
    elif absent:
        warnings.append(f"no row has the label {list_names(absent)}")
    limit = min(_RARE_ROWS, _RARE_SHARE * len(labels) / len(names))
    rare = [name for name, count in counts.items() if 0 < count < limit]
    if inferred:
        warnings += name_warnings(counts, rare)
    if rare:
        said = ", ".join(f"{shorten(name)} ({counts[name]})" for name in rare[:12])
        warnings.append(f"labels that few rows have, too few to learn or to judge by: {said}")
    return warnings


def name_warnings(counts: Mapping[str, int], rare: Sequence[str]) -> list[str]:
    """Say which names that were found may be no class, or one with another."""
    warnings = []
    folded = set(map(fold, counts))
    parts = {name: _SEVERAL.split(fold(name).strip("[](){}'\"")) for name in counts}
    several = {
        name: counts[name]
        for name, found in parts.items()
        if name.startswith(("[", "{"))
        or (len(found) > 1 and folded >= {part.strip("'\" ") for part in found})
    }
    missing = {name: count for name, count in counts.items() if is_placeholder(name)}
    quoted = [name for name in counts if len(name.strip()) > 1 and name.strip()[0] in "'\""]
    if several:
        warnings.append(
            f"labels that look like several at once: {_counted(several)}; one label an item is "
            "read: choose one, or give them as votes (--label-counts)"
        )
    if missing:
        warnings.append(
            f"labels that look like a missing one, and are classes here: {_counted(missing)}; "
            "--classes without them leaves their rows out"
        )
    if quoted := [name for name in quoted if name.strip()[-1] == name.strip()[0]]:
        warnings.append(f"labels with quotes around them: {list_names(quoted)}")
    if folded == {"true", "false"}:
        warnings.append(f"the classes are truth values, in the order {', '.join(counts)}")
    return warnings + _alike(counts, [name for name in rare if name not in several])


def _from_one(names: Sequence[str], chosen: np.ndarray) -> str | None:
    """That numbers from 1 were read as positions from 0, where the first one is nobody's."""
    if names[0] != "0" or chosen.tolist() != list(range(1, len(names))):
        return None
    given = ",".join(names[1:]) if len(names) <= 12 else "1,2,…"
    return (
        f"labels are numbers from 1 to {len(names) - 1}, read as positions that begin with 0, "
        f"so that there is a class '0' without rows; if they are names, give --classes {given}"
    )


def _alike(counts: Mapping[str, int], rare: Sequence[str]) -> list[str]:
    """Say which names look the same, and which rare ones are nearly another's."""
    plain: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        plain[fold(name)].append(name)
    warnings = [
        f"classes that differ in case, spaces or invisible signs only: "
        f"{', '.join(map(ascii, same[:12]))}; give --classes to take them for one"
        for same in plain.values()
        if len(same) > 1
    ]
    alone = {same[0] for same in plain.values() if len(same) == 1}
    words = [name for name in counts if not name.strip().lstrip("+-").isdigit()]
    for name in rare[:100]:
        common = [other for other in words if counts[other] > counts[name]]
        near = difflib.get_close_matches(name, common, n=1, cutoff=_TYPING_ERROR)
        if near and name in alone:
            warnings.append(
                f"the label {shorten(name)} ({counts[name]}) looks like a typing error for "
                f"{shorten(near[0])} ({counts[near[0]]:,})"
            )
    return warnings


def repetition_warnings(texts: pd.DataFrame, labels: np.ndarray) -> list[str]:
    """Say how many rows have the text (or pair of texts) of another one."""
    labelled = texts.assign(label=labels)
    names = list(texts)
    repeated = labelled[texts.duplicated(keep=False).to_numpy()]
    if repeated.empty:
        return []
    kinds = repeated.groupby(names, dropna=False)["label"].transform("nunique")
    differing = int((kinds > 1).sum())
    hint = f", {differing:,} of them with another label there" if differing else ""
    return [f"rows whose text stands in another row, too: {len(repeated):,}{hint}"]
