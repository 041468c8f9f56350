"""A user's own files: read into a dataset, or refused with every problem by its line.

The way of a file is rows → columns → classes → opinions → dataset, a function each. The rows are a
pandas frame of Python objects as the file has them, indexed by their lines; what one cell may say is
in `cells`. Whatever is wrong goes into a `ProblemLog`, so that all of it is said at once.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import difflib
import gzip
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, Features

from ambiguity_lib.data.schema import NLI_CLASSES, build_dataset, make_features
from ambiguity_lib.practice.cells import (
    Classes,
    Label,
    as_number,
    is_blank,
    list_names,
    read_distribution,
    read_id,
    read_label,
    read_numbers,
    read_text,
    read_votes,
    renormalise,
    shorten,
)

#: How many problems the message of an error has.
SHOWN = 5
#: How many problems an error keeps; the others are only counted.
KEPT = 1000
#: A longer line is a problem: most likely it is no text, or a quote was never closed.
MAX_LINE_BYTES = 50 * 2**20
#: Numbers without names make at most so many classes; a larger one is an id or a year.
MAX_UNNAMED = 1000


@dataclass(frozen=True)
class Problem:
    r"""One thing that is wrong with a file.

    Attributes:
        line: Where, counted from 1; None if it is about the whole file.
        message: What is wrong and what to do.
        unit: What `line` counts: `"line"`, or `"row"` where a format has no lines.
    """

    line: int | None
    message: str
    unit: str = "line"

    def __str__(self) -> str:
        return self.message if self.line is None else f"{self.unit} {self.line}: {self.message}"


class DataFileError(ValueError):
    r"""A user's data cannot be used as they are.

    Attributes:
        source: The file, folder or hub id.
        problems: What is wrong, by line; those about the whole file come first.
        total: How many problems there are, which may be more than were kept.

    Examples:
        >>> from pathlib import Path
        >>> from ambiguity_lib.practice.own_files import (
        ...     DataFileError,
        ...     read_dataset,
        ... )
        >>> _ = Path("bad.csv").write_text("text,label\n,good\n,bad\n")
        >>> try:
        ...     read_dataset("bad.csv")
        ... except DataFileError as error:
        ...     print(error.total, error.problems[0])
        2 line 2: column 'text': the text is blank
    """

    def __init__(self, source: str, problems: Sequence[Problem], total: int) -> None:
        # all of them are arguments of the base class, so that the error can be pickled
        super().__init__(source, tuple(problems), total)
        self.source = source
        self.problems = tuple(problems)
        self.total = total

    def __str__(self) -> str:
        if self.total == 1:
            (only,) = self.problems
            return f"{self.source}{':' if only.line is None else ','} {only}"
        lines = [f"{self.source} has {self.total:,} problems:"]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN]]
        if self.total > SHOWN:
            more = self.total - min(SHOWN, len(self.problems))
            lines.append(
                f"  and {more:,} more; `ambiguity-lib data check {self.source}` lists them"
            )
        return "\n".join(lines)


class ProblemLog:
    """Collects the problems of one source while it is read.

    Attributes:
        unit: What the line numbers count; whoever opens the source sets it.
    """

    def __init__(self, source: str, limit: int = KEPT) -> None:
        self.source = source
        self.unit = "line"
        self._limit = limit
        self._problems: list[Problem] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, line: int | None, message: str) -> None:
        """Note a problem and go on."""
        self._problems.append(Problem(line, message, self.unit))

    def fail(self, line: int | None, message: str) -> NoReturn:
        """Note a problem after which nothing more can be said, and stop."""
        self.add(line, message)
        raise self._error()

    def raise_any(self) -> None:
        """Stop if there was a problem."""
        if self._problems:
            raise self._error()

    def _error(self) -> DataFileError:
        # what is wrong with the whole file may be why the lines are
        ordered = sorted(self._problems, key=lambda problem: problem.line or 0)
        return DataFileError(self.source, ordered[: self._limit], len(ordered))


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
        uid: What identifies an item; without it, the number of the row from 1 does.
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
_ROLES = tuple(field.name for field in dataclasses.fields(Columns))


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
        >>> from ambiguity_lib.practice.own_files import read_dataset
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
        >>> from ambiguity_lib.practice.own_files import read_dataset
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
) -> LabelledFile:
    if class_names is not None:
        make_features(class_names, pair=False, human=False)  # refuses what are no class names
    log = ProblemLog(str(source), limit)
    rows = read_rows(source, columns, log)
    used = match_columns(columns, rows, human=human, labels=labels, log=log)
    items, answers = read_items(rows, used, log)
    declared = None if used.label is None else rows.class_names.get(used.label)
    classes = Classes(class_names or declared or infer_classes(items, answers, log))
    label = find_classes(items, "label", classes, used, log)
    opinions = None
    if answers is not None:
        opinions = count_answers(answers, len(items), classes, used, log)
    elif human:
        opinions = read_opinions(items, classes, used, log)
    log.raise_any()
    if opinions is not None:
        kept = np.flatnonzero(opinions.majority >= 0)
    else:
        kept = np.flatnonzero(label >= 0) if labels else np.arange(len(items))
    if not kept.size:
        log.fail(None, f"no row has {'human opinions' if human else 'a label'}")
    if opinions is not None and not human:
        label = opinions.majority
    items, label = items.iloc[kept], label[kept]
    # of answers, those without a label are said; items without any answer are no items
    dropped = len(rows.frame) - len(kept) if answers is None else int(answers["label"].isna().sum())
    warnings = list(opinions.warnings) if opinions is not None else []
    if labels and not human:
        if class_names is None and len(np.unique(label)) == 1:
            _fail_with_one(classes.names[label[0]], log)
        inferred = class_names is None and declared is None
        warnings += class_warnings(label, classes.names, inferred=inferred)
        warnings += repetition_warnings(items[["text", "text_pair"]], label)
    if dropped:
        what = "opinions" if human and answers is None else "label"
        warnings.insert(0, f"rows left out because they have no {what}: {dropped:,}")
    content: dict[str, Any] = {"label": label}
    content |= {name: items[name].tolist() for name in ("uid", "text", "text_pair")}
    votes = False
    if human and opinions is not None:
        content |= {"label_dist": opinions.dist[kept], "majority_label": opinions.majority[kept]}
        if votes := opinions.votes is not None:
            content["label_counts"] = opinions.votes[kept]
    features = make_features(
        classes.names, pair=used.text_pair is not None, human=human, votes=votes
    )
    return LabelledFile(build_dataset(content, features), str(source), dropped, tuple(warnings))


# 1. source → rows --------------------------------------------------------------------------------

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_FORMATS = ".jsonl, .ndjson, .csv, .tsv (each also with .gz) and .parquet"
# UTF-32 before UTF-16, whose mark is its beginning
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BATCH = 1000
_CHAOSNLI_FIELDS = {"uid", "example", "label_count"}

Row = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Rows:
    """The rows of a source.

    Attributes:
        names: The names of its columns, also of those that were not read.
        frame: The cells of the columns that were read, as the source has them (text stays text, a
            missing cell is None), indexed by the line, or row, from 1.
        class_names: Column → class names that the source itself declares for it.
    """

    names: tuple[str, ...]
    frame: pd.DataFrame
    class_names: Mapping[str, tuple[str, ...]]


def read_rows(source: str | Path, columns: Columns, log: ProblemLog) -> Rows:
    """Find out what a source is and read it."""
    fields = dataclasses.asdict(columns).values()
    wanted = {name for name in fields if name is not None} | set(_ROLES)
    wanted |= _CHAOSNLI_FIELDS | {"old_label"}
    rows: Iterable[Row]
    names: Sequence[str] | None = None
    declared: dict[str, tuple[str, ...]] = {}
    path = Path(source).expanduser()
    if path.exists() and not path.is_dir():
        suffix = _data_suffix(path)
        if suffix in _JSON_LINES:
            rows = read_json_lines(path, log)
        elif suffix in _DELIMITERS:
            names, rows = read_table(path, _DELIMITERS[suffix], log)
        elif suffix == ".parquet":
            names, declared, rows = _read_parquet(path, wanted, log)
        else:
            hint = "; write one JSON object a line and call it .jsonl" if suffix == ".json" else ""
            found = f"the ending {path.suffix!r} is unknown" if suffix else "the name has no ending"
            log.fail(None, f"{found}; what can be read is {_FORMATS}{hint}")
    else:
        names, declared, rows = _read_arrow(_open_dataset(str(source), log), wanted, log)
    lines, records = [], []
    for line, record in rows:
        lines.append(line)
        records.append(record)
    if names is None:
        names = list(dict.fromkeys(chain.from_iterable(records)))
    if not names:
        log.raise_any()
        log.fail(None, "the file is empty")
    if columns.text not in names and _CHAOSNLI_FIELDS.issubset(names):
        records = [_adapt_chaosnli(record) for record in records]
        names, declared = list(_adapt_chaosnli({})), {"label": NLI_CLASSES}
    cells = {
        name: pd.Series([record.get(name) for record in records], lines, dtype=object)
        for name in names
        if name in wanted
    }
    return Rows(tuple(names), pd.DataFrame(cells, index=lines), declared)


def _data_suffix(path: Path) -> str:
    """Give the ending that says what is inside, in lower case."""
    if path.suffix.lower() != ".gz":
        return path.suffix.lower()
    inner = Path(path.stem).suffix.lower()
    return inner if inner in (*_JSON_LINES, *_DELIMITERS, ".json") else ".gz"


def read_text_lines(path: Path, log: ProblemLog) -> Iterator[str]:
    """Read a UTF-8 file, `.gz` or plain, by lines with their ends exactly as they are.

    A byte order mark is passed over. Where a line has a problem, that is noted, and the line comes
    with replacement characters (or empty, if it is too long), so that the count stays right.
    """
    number = offset = 0
    compressed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path, "rb") if compressed else path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                start, offset = offset, offset + len(raw)
                if number == 1:
                    _check_encoding(raw, log)
                    if raw.startswith(codecs.BOM_UTF8):
                        start, raw = len(codecs.BOM_UTF8), raw.removeprefix(codecs.BOM_UTF8)
                if len(raw) > MAX_LINE_BYTES:
                    log.add(number, f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB")
                    yield ""
                else:
                    yield _decode(raw, number, start, log)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        log.add(None, f"the compressed data are cut off or damaged after line {number} ({error})")
    except OSError as error:
        log.fail(None, f"the file cannot be read ({error.strerror or error})")


def _check_encoding(first: bytes, log: ProblemLog) -> None:
    for mark, encoding in _OTHER_ENCODINGS.items():
        if first.startswith(mark):
            log.fail(1, f"the file is {encoding}; save it as UTF-8")
    # without a mark, every other byte of plain text is zero
    if 3 * first.count(0) > len(first):
        log.fail(1, "the line is full of NUL bytes: is the file UTF-16? Save it as UTF-8")


def _decode(raw: bytes, number: int, start: int, log: ProblemLog) -> str:
    try:
        line = raw.decode()
    except UnicodeDecodeError as error:
        log.add(
            number,
            f"byte {error.start + 1} of the line (offset {start + error.start} in the file) is "
            f"0x{raw[error.start]:02x}, which is not UTF-8; save the file as UTF-8",
        )
        line = raw.decode(errors="replace")
    if "\0" in line:
        log.add(number, f"there is a NUL byte in the line (character {line.index(chr(0)) + 1})")
        line = line.replace("\0", _REPLACEMENT)
    return line


def read_json_lines(path: Path, log: ProblemLog) -> Iterator[Row]:
    """Read one JSON object a line; empty lines are passed over."""
    for number, line in enumerate(read_text_lines(path, log), start=1):
        if is_blank(line):
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            hint = "; every line must be one whole object" if line.strip() in "{[" else ""
            log.add(number, f"this is not JSON: {error.msg}, column {error.colno}{hint}")
        except (ValueError, RecursionError) as error:  # a number of 5,000 digits, ten thousand '['
            log.add(number, f"this is not JSON that can be read: {error}")
        else:
            if isinstance(record, dict):
                yield number, record
            else:
                log.add(number, f"expected a JSON object {{…}}, found {shorten(record)}")


def read_table(path: Path, delimiter: str, log: ProblemLog) -> tuple[list[str], list[Row]]:
    """Read a table with a header, in which cells may be quoted with `"`.

    pandas would stop at the first broken row and does not know the lines, so it is Python's reader.
    """
    # The module has one limit for the whole process, 128 KiB; giving the old one back could take
    # it from another reader that is under way.
    csv.field_size_limit(max(MAX_LINE_BYTES, csv.field_size_limit()))
    reader = csv.reader(read_text_lines(path, log), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows: list[Row] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return header, rows
        except csv.Error as error:
            log.add(line, _explain_csv(str(error), line, reader.line_num))
            continue
        if cells and not header:
            header = cells
            _check_header(header, log)
        elif len(cells) == len(header):
            rows.append((line, dict(zip(header, cells, strict=True))))
        elif cells:
            log.add(
                line,
                f"the row has {len(cells)} cells and the header {len(header)}; a cell that has the "
                "separator, a quote or a line break in it must be in quotes",
            )


def _check_header(header: list[str], log: ProblemLog) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|,"):
        log.fail(
            None,
            f"there is one column only, {shorten(header[0])}: is the separator another one? In "
            ".csv it is the comma, in .tsv the tab",
        )
    repeated = sorted({name for name in header if header.count(name) > 1 and name})
    if repeated:
        log.fail(1, f"the header names a column twice: {list_names(repeated)}")


def _explain_csv(error: str, first: int, last: int) -> str:
    if "new-line" in error:
        return "a carriage return stands alone; end the lines with LF or CRLF"
    if "unexpected end" in error or "field limit" in error:
        return "a quote is opened here and never closed; a quote within a cell is written twice"
    reach = f" (it reaches to line {last})" if last > first else ""
    return f"the quotes of this row do not match{reach}: {error}; write one within a cell twice"


Declared = dict[str, tuple[str, ...]]


def _read_parquet(
    path: Path, wanted: set[str], log: ProblemLog
) -> tuple[list[str], Declared, Iterator[Row]]:
    log.unit = "row"
    declared: Declared = {}
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        if b"huggingface" in (schema.metadata or {}):
            declared = _declared_names(Features.from_arrow_schema(schema))
    # a ValueError where a damaged name or description cannot be decoded
    except (pa.ArrowException, OSError, ValueError) as error:
        log.fail(None, f"this is no Parquet file, or it is cut off or damaged ({_line_of(error)})")
    used = [name for name in schema.names if name in wanted]
    if len(set(used)) < len(used):
        log.fail(None, f"two columns have the same name: {list_names(schema.names)}")
    batches = file.iter_batches(batch_size=_BATCH, columns=used)
    return schema.names, declared, _read_batches(batches, declared, log)


def _read_arrow(
    content: Dataset, wanted: set[str], log: ProblemLog
) -> tuple[list[str], Declared, Iterator[Row]]:
    declared = _declared_names(content.features)
    used = [name for name in content.column_names if name in wanted]
    batches = content.select_columns(used).with_format("arrow").iter(batch_size=_BATCH)
    return content.column_names, declared, _read_batches(batches, declared, log)


def _open_dataset(source: str, log: ProblemLog) -> Dataset:
    """Load a folder from `save_to_disk`, or a dataset of the hub, perhaps with `:SPLIT`."""
    log.unit = "row"
    name, _, split = source.partition(":")
    if Path(source).expanduser().is_dir():
        name, split = source, ""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not any((folder / f"dataset_{kind}.json").is_file() for kind in ("info", "dict")):
            log.fail(
                None, "this is a folder without a dataset from save_to_disk; name a file in it"
            )
        try:
            content = datasets.load_from_disk(str(folder))
        except Exception as error:  # whatever a damaged file makes of itself in there
            log.fail(None, f"the dataset in this folder cannot be read ({_line_of(error)})")
    elif _is_file_name(source):
        raise FileNotFoundError(f"{source} does not exist")
    else:
        try:
            content = datasets.load_dataset(name, split=split or None)
        # no network, no such dataset or split, a script, a configuration to choose
        except Exception as error:
            raise FileNotFoundError(
                f"{name!r} is neither a file nor a folder here, nor was it to be had from the "
                f"Hugging Face hub ({_line_of(error)})"
            ) from error
    if not isinstance(content, DatasetDict):
        return content
    if not split and len(content) == 1:
        (split,) = content
    if split not in content:
        wrong = f"there is no split {split!r}" if split else "there are several splits"
        log.fail(None, f"{wrong}; write one of {list_names(list(content))} behind a colon")
    return content[split]


def _is_file_name(source: str) -> bool:
    """Tell a missing file from the id of a dataset (`NAME` or `OWNER/NAME`, perhaps a split)."""
    known = (*_JSON_LINES, *_DELIMITERS, ".parquet", ".gz", ".json", ".txt", ".xlsx")
    lower = source.lower()
    outside = lower.startswith(("/", ".", "~")) or source.count("/") > 1 or "\\" in source
    return outside or not source.strip() or lower.endswith(known)


def _declared_names(features: Features) -> Declared:
    return {
        column: tuple(feature.names)
        for column, feature in features.items()
        if isinstance(feature, ClassLabel)
    }


def _read_batches(batches: Iterable[Any], declared: Declared, log: ProblemLog) -> Iterator[Row]:
    """Read record batches or tables, with the names of declared classes in place of numbers."""
    row = 0
    try:
        for batch in batches:
            columns = {
                name: _to_python(batch.column(name), name, row, log) for name in batch.schema.names
            }
            for name, names in declared.items():
                columns[name] = [
                    names[value] if value is not None and 0 <= value < len(names) else value
                    for value in columns.get(name, ())
                ]
            for row, cells in enumerate(zip(*columns.values(), strict=True), start=row + 1):
                yield row, dict(zip(columns, cells, strict=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        log.add(row + 1, f"the file is damaged from about here on ({_line_of(error)})")


def _to_python(column: Any, name: str, before: int, log: ProblemLog) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        pass  # now one by one, to say where
    values: list[Any] = []
    for row, value in enumerate(column, start=before + 1):
        try:
            values.append(value.as_py())
        except UnicodeDecodeError as error:
            log.add(row, f"column '{name}' is not UTF-8 at byte {error.start}")
            values.append(_REPLACEMENT)
    return values


def _line_of(error: Exception) -> str:
    """Give an error's text as one line that is not too long."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _adapt_chaosnli(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row of ChaosNLI the default columns; `data.nli` says what its fields mean."""
    letters = {name[0]: name for name in NLI_CLASSES}
    example, votes = record.get("example"), record.get("label_count")
    texts = example if isinstance(example, Mapping) else {}
    if isinstance(votes, list) and len(votes) == len(NLI_CLASSES):
        votes = dict(zip(NLI_CLASSES, votes, strict=True))
    old, new = (record.get(name) for name in ("old_label", "majority_label"))
    return {
        "uid": record.get("uid"),
        "text": texts.get("premise"),
        "text_pair": texts.get("hypothesis"),
        "label": letters.get(old, old) if isinstance(old, str) else old,
        "label_counts": votes,
        "majority_label": letters.get(new, new) if isinstance(new, str) else new,
    }


# 2. columns --------------------------------------------------------------------------------------


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
    used: dict[str, Any] = dict.fromkeys(_ROLES)
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
    unnamed_pair = columns.text_pair is None and columns.text != "text_pair"
    if unnamed_pair and "text_pair" in rows.names and not rows.frame["text_pair"].map(is_blank).all():
        used["text_pair"] = "text_pair"
    if human and not votes and not missing.intersection(opinions) and not any(
        used[role] for role in opinions
    ):
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


def _explain_missing(role: str, name: str | None, found: Sequence[str]) -> str:
    if name is None:
        return f"the {role} column is needed here and must be named ({_option(role)})"
    what = "the uid, which says what rows are of the same item" if role == "uid" else f"the {role}"
    return (
        f"there is no column {name!r} for {what}; the columns are {list_names(found)}; name "
        f"the right one by {_option(role)} (Columns.{role})"
    )


def _option(role: str) -> str:
    """Give the option of the commands that names a column: `text_pair` to `--text-pair`."""
    return f"--{role.replace('_', '-')}"


# 3. rows → items ---------------------------------------------------------------------------------

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


def read_cells(
    cells: pd.Series,
    read: Callable[[Any], Any],
    column: str | None,
    log: ProblemLog,
    broken: object = None,
) -> pd.Series:
    """Read a column; a cell that cannot be read is noted, and `broken` takes its place."""
    values = []
    for line, cell in cells.items():
        try:
            values.append(read(cell))
        except ValueError as error:
            log.add(line, f"column '{column}': {error}")
            values.append(broken)
    # of objects, since pandas would make texts of its own kind
    return pd.Series(values, cells.index, dtype=object)


def read_items(
    rows: Rows, used: Columns, log: ProblemLog
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Read the cells of the columns used; the frames have a column for each field of `Columns`.

    Returns:
        The items in file order, indexed by the line where each stands first; and the answers of
        annotators, if there are any, with `item`, the position of their item, and `label`. A cell
        is missing where there is nothing or a problem.
    """
    names = {role: name for role, name in dataclasses.asdict(used).items() if name is not None}
    cells = rows.frame[list(names.values())].set_axis(list(names), axis="columns")
    if used.annotator is not None:
        items, answers = _read_answers(cells, names, log)
    else:
        items, answers = _read_rows(cells, names, log), None
    if items.empty:
        log.raise_any()
        log.fail(None, "there are columns but no rows")
    return items.reindex(columns=list(_READERS)), answers


def _read_rows(cells: pd.DataFrame, names: Mapping[str, str], log: ProblemLog) -> pd.DataFrame:
    """Read a file that has one row for each item."""
    items = pd.DataFrame(index=cells.index)
    for role, read in _READERS.items():
        if role in names:
            items[role] = read_cells(cells[role], read, names[role], log)
    if "uid" not in names:
        items["uid"] = pd.Series(map(str, range(1, len(items) + 1)), items.index, dtype=object)
    for line, earlier, uid in _repeats(items, ["uid"]):
        log.add(
            line,
            f"the id {shorten(uid)} is also that of {log.unit} {earlier}; is it one row for each "
            f"annotator? Then name that column by {_option('annotator')}",
        )
    return items


def _read_answers(
    cells: pd.DataFrame, names: Mapping[str, str], log: ProblemLog
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a file that has one row for each annotator of each item, in any order.

    The texts of an item stand in all of its rows or in some, the others being blank there.
    """
    cells = cells.copy()
    for role in ("uid", "annotator", "label"):
        cells[role] = read_cells(cells[role], _READERS[role], names[role], log)
    cells = cells.dropna(subset=["uid", "annotator"])
    for line, earlier, uid, annotator in _repeats(cells, ["uid", "annotator"]):
        log.add(
            line,
            f"annotator {shorten(annotator)} has answered {shorten(uid)} in {log.unit} {earlier} "
            "already",
        )
    items = cells[["uid"]].drop_duplicates()
    for role in names.keys() & {"text", "text_pair"}:
        filled = cells.loc[~cells[role].map(is_blank).astype(bool), ["uid", role]]
        for line, uid in items.loc[~items["uid"].isin(filled["uid"]), "uid"].items():
            log.add(line, f"column '{names[role]}': no row of {shorten(uid)} has the text")
        filled[role] = read_cells(filled[role], read_text, names[role], log)
        first: dict[str, tuple[int, str]] = {}
        for line, uid, text in filled.dropna().itertuples(name=None):
            earlier, known = first.setdefault(uid, (line, text))
            if text != known:
                log.add(
                    line,
                    f"column '{names[role]}' of {shorten(uid)} differs from {log.unit} {earlier}",
                )
        texts = [first[uid][1] if uid in first else None for uid in items["uid"]]
        items[role] = pd.Series(texts, items.index, dtype=object)
    position = pd.Index(items["uid"]).get_indexer(cells["uid"])
    return items, pd.DataFrame({"item": position, "label": cells["label"]})


def _repeats(frame: pd.DataFrame, keys: list[str]) -> Iterator[tuple[Any, ...]]:
    """Give the line of each row that has the keys of an earlier one, the line of that, the keys."""
    first: dict[tuple[Any, ...], int] = {}
    for line, *values in frame[keys].dropna().itertuples(name=None):
        earlier = first.setdefault(tuple(values), line)
        if earlier != line:
            yield line, earlier, *values


# 4. classes --------------------------------------------------------------------------------------

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
        first.setdefault(label, line)
    lists = (
        (line, len(cell))
        for role in ("label_counts", "label_dist")
        for line, cell in items[role].dropna().items()
        if isinstance(cell, list)
    )
    list_line, size = next(lists, (None, None))
    numbers = {number: label for label in first if (number := as_number(label)) is not None}
    words = sorted(str(label) for label in first if as_number(label) is None)
    names = tuple(sorted(map(str, first)))
    if words:
        _check_words(words, first, log)
    else:
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
        yield from column.dropna().items()
    for role in ("label_counts", "label_dist"):
        for line, cell in items[role].dropna().items():
            for name in cell if isinstance(cell, dict) else ():
                # what is no label will be a problem of the cell
                with suppress(ValueError):
                    if (label := read_label(name)) is not None:
                        yield line, label


def _check_words(words: list[str], first: Mapping[Label, int], log: ProblemLog) -> None:
    """Refuse names among numbers, and names that are fractions."""
    mixed = [label for label in first if isinstance(label, int)]
    if mixed:
        log.fail(
            first[min(mixed)],
            f"some labels are names ({list_names(words, 3)}) and some are numbers ({min(mixed)}); "
            "give the class names in the order that the numbers mean (--classes)",
        )
    fractions = [name for name in words if _FRACTION.fullmatch(name)]
    if fractions:
        log.fail(
            first[fractions[0]],
            f"label {fractions[0]!r} is a fraction; a class is a name or a whole number. If it is "
            "a name, give the class names (--classes)",
        )


def _fail_with_one(name: str, log: ProblemLog) -> NoReturn:
    log.fail(
        None,
        f"every row has the label {shorten(name)}: with one class only there is nothing to learn",
    )


def find_classes(
    frame: pd.DataFrame, role: str, classes: Classes, used: Columns, log: ProblemLog
) -> np.ndarray:
    """Look up the N labels of a column: class indices, int64 of shape (N,), -1 where none is."""
    found = np.full(len(frame), -1, dtype=np.int64)
    given = frame[role].notna().to_numpy()
    cells = frame.loc[given, role]
    found[given] = read_cells(cells, classes.find, getattr(used, role), log, -1).astype(np.int64)
    return found


# 5. opinions -------------------------------------------------------------------------------------

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


def count_answers(
    answers: pd.DataFrame, size: int, classes: Classes, used: Columns, log: ProblemLog
) -> Opinions:
    """Count the answers of annotators to so many items."""
    label = find_classes(answers, "label", classes, used, log)
    given = label >= 0
    votes = np.zeros((size, len(classes)))
    np.add.at(votes, (answers["item"].to_numpy()[given], label[given]), 1)
    votes[votes.sum(axis=1) == 0] = np.nan
    return _settle(votes, np.full(votes.shape, np.nan), np.full(size, -1))


def read_opinions(
    items: pd.DataFrame, classes: Classes, used: Columns, log: ProblemLog
) -> Opinions:
    """Read votes, distributions and majorities; votes go before a distribution."""
    votes = _read_matrix(items, "label_counts", read_votes, classes, used, log)
    dist = _read_matrix(items, "label_dist", read_distribution, classes, used, log)
    majority = find_classes(items, "majority_label", classes, used, log)
    with np.errstate(invalid="ignore"):
        shares = votes / votes.sum(axis=1, keepdims=True)
        apart = np.abs(shares - renormalise(dist)[0]).max(axis=1) > _AGREEMENT
    for row in np.flatnonzero(apart):
        log.add(
            items.index[row],
            f"column '{used.label_dist}': votes and distribution disagree: "
            f"{votes[row].astype(np.int64).tolist()} is {shares[row].round(3).tolist()}, not "
            f"{dist[row].round(3).tolist()}; is one in another order of the classes?",
        )
    return _settle(votes, dist, majority)


def _read_matrix(
    items: pd.DataFrame,
    role: str,
    read: Callable[..., np.ndarray],
    classes: Classes,
    used: Columns,
    log: ProblemLog,
) -> np.ndarray:
    """Read a column of lists or mappings, float64 of shape (N, C); rows without any are NaN."""
    matrix = np.full((len(items), len(classes)), np.nan)
    given = items[role].notna().to_numpy()
    if given.any():
        cells = items.loc[given, role]
        reader = partial(read, classes=classes)
        nothing = np.full(len(classes), np.nan)
        matrix[given] = np.stack(
            read_cells(cells, reader, getattr(used, role), log, nothing).tolist()
        )
    return matrix


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
    found = np.where(majority >= 0, majority, np.nan_to_num(dist).argmax(axis=1))
    return Opinions(
        dist=dist,
        votes=np.nan_to_num(votes).astype(np.int64) if complete else None,
        majority=np.where(known, found, -1),
        warnings=tuple(warnings),
    )


# 6. warnings -------------------------------------------------------------------------------------

# A class is rare if it has fewer rows than this, and than this share of an even part.
_RARE_ROWS = 10
_RARE_SHARE = 0.1
# As close as 'positve' to 'positive'; 'positive' and 'negative' have 0.63.
_TYPING_ERROR = 0.8


def class_warnings(labels: np.ndarray, names: Sequence[str], *, inferred: bool) -> list[str]:
    """Say which classes have no row or hardly any, and which names look like one class."""
    counts = dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))
    warnings = []
    absent = [name for name, count in counts.items() if not count]
    if inferred and absent == ["0"]:
        given = ",".join(names[1:]) if len(names) <= 12 else "1,2,…"
        warnings.append(
            f"labels are numbers from 1 to {len(names) - 1}, read as positions that begin with 0, "
            f"so that there is a class '0' without rows; if they are names, give --classes {given}"
        )
    elif absent:
        warnings.append(f"no row has the label {list_names(absent)}")
    limit = min(_RARE_ROWS, _RARE_SHARE * len(labels) / len(names))
    rare = [name for name, count in counts.items() if 0 < count < limit]
    if inferred:
        warnings += _alike(counts, rare)
    if rare:
        said = ", ".join(f"{shorten(name)} ({counts[name]})" for name in rare[:12])
        warnings.append(f"labels that few rows have, too few to learn or to judge by: {said}")
    return warnings


def _alike(counts: Mapping[str, int], rare: Sequence[str]) -> list[str]:
    """Say which names differ in case and spaces only, and which rare ones are nearly another's."""
    plain: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        plain[" ".join(name.casefold().split())].append(name)
    warnings = [
        f"classes that differ in case or spaces only: {list_names(same)}; give --classes, and "
        "mend the labels, if they are one"
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
