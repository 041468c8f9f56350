"""What is wrong with a user's file, collected line by line and said all at once."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import difflib
import gzip
import json
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, Features

from ambiguity_lib.data.schema import NLI_CLASSES, SUM_TOLERANCE, build_dataset, make_features

#: How many problems the message of an error has.
SHOWN = 5
#: How many problems are kept; the others are only counted.
KEPT = 1000

_WIDTH = 60


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
        total: How many problems there were so far.
    """

    def __init__(self, source: str, limit: int = KEPT) -> None:
        self.source = source
        self.unit = "line"
        self.total = 0
        self._limit = limit
        self._kept: list[Problem] = []

    def add(self, line: int | None, message: str) -> None:
        """Note a problem and go on."""
        self.total += 1
        if len(self._kept) == self._limit:
            if line is not None:
                return
            self._kept.pop()  # what is wrong with the whole file may be why the lines are
        self._kept.append(Problem(line, message, self.unit))

    def fail(self, line: int | None, message: str) -> NoReturn:
        """Note a problem after which nothing more can be said.

        Raises:
            DataFileError: Always, with all problems so far.
        """
        self.add(line, message)
        raise self._error()

    def raise_any(self) -> None:
        """Stop if there was a problem.

        Raises:
            DataFileError: With all problems so far.
        """
        if self.total:
            raise self._error()

    def _error(self) -> DataFileError:
        ordered = sorted(self._kept, key=lambda problem: problem.line or 0)
        return DataFileError(self.source, ordered, self.total)


def shorten(value: object) -> str:
    """Write a value into a message, however long it is."""
    # a slice first: the repr of a text of megabytes would take as much again
    text = repr(value[: _WIDTH + 1] if isinstance(value, str | list) else value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def list_names(names: Sequence[str], most: int = 12) -> str:
    """Write names into a message, the first few if there are many."""
    text = ", ".join(shorten(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


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


#: Numbers without names make at most so many classes; a larger one is an id or a year.
MAX_UNNAMED = 1000

# The same in a cell of CSV and as a value of JSON: 3, 3.0, "3" and "3.0" are the number 3.
_WHOLE = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_FRACTION = re.compile(r"[+-]?[0-9]*\.[0-9]+")
# longer ones are no class numbers, and int() refuses those of more than 4,300 digits
_MAX_DIGITS = 18


def clean_label(value: object) -> str | int | None:
    """Bring a label into one of two shapes, a text or a whole number.

    Raises:
        ValueError: If it is anything else, such as a fraction, a truth value or a list, or a text
            that is none.
    """
    if isinstance(value, str):
        check_characters(value)
        return None if is_blank(value) or _to_number(value) == -1 else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(f"label {value} is a fraction; a class is a name or a whole number")
        return None if value == -1 else int(value)
    written = str(value).lower() if isinstance(value, bool) else shorten(value)
    raise ValueError(f"label {written} is neither the name nor the number of a class")


class LabelError(ValueError):
    """The labels of a file do not say what the classes are.

    Attributes:
        label: The label that shows it.
    """

    def __init__(self, label: str | int, message: str) -> None:
        super().__init__(label, message)
        self.label = label

    def __str__(self) -> str:
        return str(self.args[1])


class ClassIndex:
    """Finds the index of a class by its name or its number.

    A number is an index, 0 for the first class. Only if a class has a number as its name, such as
    the stars `"1"` to `"5"`, are numbers names and never indices.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._known: dict[str | int, int] = {name: i for i, name in enumerate(self.names)}
        self._numbers_are_names = any(_to_number(name) is not None for name in self.names)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, label: str | int) -> int:
        """Give the index of a label that `clean_label` gave.

        Raises:
            ValueError: If there is no such class; the message has the classes and what is near.
        """
        index = self._known.get(label)
        if index is None:
            index = self._search(label)
            self._known[label] = index
        return index

    def _search(self, label: str | int) -> int:
        number = label if isinstance(label, int) else _to_number(label)
        if number is not None:
            if (index := self._known.get(str(number))) is not None:
                return index
            if not self._numbers_are_names:
                if 0 <= number < len(self):
                    return number
                raise ValueError(
                    f"label {number} is out of range: the {len(self)} classes have the numbers 0 "
                    f"to {len(self) - 1} ({list_names(self.names)})"
                )
        text = str(label)
        by_lower = {name.strip().casefold(): name for name in self.names}
        near = difflib.get_close_matches(text.strip().casefold(), by_lower, n=1)
        hint = f"; did you mean {by_lower[near[0]]!r}?" if near else ""
        raise ValueError(
            f"label {shorten(label)} is none of the classes {list_names(self.names)}{hint}"
        )


def infer_class_names(labels: Iterable[str | int], size: int | None = None) -> tuple[str, ...]:
    """Find out the classes of labels whose names nobody gave.

    Raises:
        LabelError: If some are names and others numbers, or one is a fraction or too large.
    """
    found = set(labels)
    numbers = {label: label if isinstance(label, int) else _to_number(label) for label in found}
    names = sorted(str(label) for label, number in numbers.items() if number is None)
    if not names:
        known = {number: label for label, number in numbers.items() if number is not None}
        largest = max(known, default=-1)
        if size is None and largest >= MAX_UNNAMED:
            raise LabelError(
                known[largest],
                f"label {largest} would make {largest + 1:,} classes; if the numbers are names, "
                "give them as the class names (--classes)",
            )
        return tuple(map(str, range(largest + 1 if size is None else size)))
    mixed = [label for label in found if isinstance(label, int)]
    if mixed:
        raise LabelError(
            min(mixed),
            f"some labels are names ({list_names(names, 3)}) and some are numbers ({min(mixed)}); "
            "give the class names in the order that the numbers mean (--classes)",
        )
    fractions = [name for name in names if _FRACTION.fullmatch(name)]
    if fractions:
        raise LabelError(
            fractions[0],
            f"label {fractions[0]!r} is a fraction; a class is a name or a whole number. If it is "
            "a name, give the class names (--classes)",
        )
    return tuple(sorted(str(label) for label in found))


def _to_number(text: str) -> int | None:
    match = _WHOLE.fullmatch(text) if len(text) <= _MAX_DIGITS else None
    return int(match[1]) if match else None


#: A longer line is a problem: most likely it is no text, or a quote was never closed.
MAX_LINE_BYTES = 50 * 2**20

# UTF-32 before UTF-16, whose mark is its beginning
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def read_text_lines(path: Path, log: ProblemLog) -> Iterator[str]:
    """Read a UTF-8 file, `.gz` or plain, line by line.

    A byte order mark is passed over. Where a line has a problem, that is noted, and the line comes
    with replacement characters (or empty, if it is too long), so that the count stays right.

    Raises:
        DataFileError: If the file is in another encoding or cannot be opened.
    """
    number = offset = 0
    compressed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path, "rb") if compressed else path.open("rb") as stream:
            while raw := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                start, offset = offset, offset + len(raw)
                if number == 1:
                    _check_encoding(raw, log)
                    if raw.startswith(codecs.BOM_UTF8):
                        start, raw = len(codecs.BOM_UTF8), raw.removeprefix(codecs.BOM_UTF8)
                if len(raw) > MAX_LINE_BYTES:
                    log.add(number, f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB")
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(MAX_LINE_BYTES)
                        offset += len(raw)
                    yield ""
                    continue
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


Record = Mapping[str, Any]

# So many rows say which columns are used: a JSON object may leave out a field that is empty.
_SNIFFED = 1000


@dataclass(frozen=True)
class Rows:
    """The rows of one source, of which the first ones have been looked at.

    Attributes:
        columns: The names of its columns.
        filled: Those that have a value in one of the first 1,000 rows.
        stream: Line (or row) numbers from 1, each with the row as a mapping; can be read once.
        class_names: Column → class names that the source itself declares for it.
    """

    columns: tuple[str, ...]
    filled: frozenset[str]
    stream: Iterator[tuple[int, Record]]
    class_names: Mapping[str, tuple[str, ...]]


def start_rows(
    stream: Iterator[tuple[int, Record]],
    columns: Sequence[str] | None = None,
    class_names: Mapping[str, tuple[str, ...]] | None = None,
) -> Rows:
    """Look at the first rows of a stream."""
    first = list(islice(stream, _SNIFFED))
    if columns is None:
        # a dict, since it keeps the order
        columns = list(dict.fromkeys(name for _, record in first for name in record))
    filled = {name for _, record in first for name, cell in record.items() if not is_blank(cell)}
    return Rows(tuple(columns), frozenset(filled), chain(first, stream), class_names or {})


def is_blank(value: object) -> bool:
    """Whether a cell has nothing in it: null or blank text."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def check_characters(text: str) -> None:
    """Check that a text is made of characters that every format and tokenizer can hold.

    Raises:
        ValueError: If there is a NUL or half of a surrogate pair in it.
    """
    if "\0" in text:
        raise ValueError("there is a NUL character in it")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"character {error.start + 1} is half of a surrogate pair, which is no text"
            ) from error


def open_json_lines(path: Path, log: ProblemLog) -> Rows:
    """Start to read one JSON object a line; empty lines are passed over."""
    return start_rows(_read_json_records(path, log))


def _read_json_records(path: Path, log: ProblemLog) -> Iterator[tuple[int, Record]]:
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


def open_csv(path: Path, delimiter: str, log: ProblemLog) -> Rows:
    """Start to read a table with a header, in which cells may be quoted with `"`.

    Raises:
        DataFileError: If the header names a column twice, or is separated by something else.
    """
    records = _read_csv_records(path, delimiter, log)
    _, header = next(records, (0, []))
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|,"):
        log.fail(
            None,
            f"there is one column only, {shorten(header[0])}: is the separator another one? In "
            ".csv it is the comma, in .tsv the tab",
        )
    repeated = sorted({name for name in header if header.count(name) > 1 and name})
    if repeated:
        log.fail(1, f"the header names a column twice: {list_names(repeated)}")
    return start_rows(_match_header(header, records, log), header)


def _match_header(
    header: list[str], records: Iterable[tuple[int, list[str]]], log: ProblemLog
) -> Iterator[tuple[int, Record]]:
    for line, cells in records:
        if len(cells) == len(header):
            yield line, dict(zip(header, cells, strict=True))
        else:
            log.add(
                line,
                f"the row has {len(cells)} cells and the header {len(header)}; a cell that has the "
                "separator, a quote or a line break in it must be in quotes",
            )


def _read_csv_records(
    path: Path, delimiter: str, log: ProblemLog
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows that have a cell, header included, with the line that each begins in."""
    # The module has one limit for the whole process, 128 KiB; giving the old one back could take
    # it from another reader that is under way.
    csv.field_size_limit(max(MAX_LINE_BYTES, csv.field_size_limit()))
    reader = csv.reader(read_text_lines(path, log), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            log.add(line, _explain_csv(error, line, reader.line_num))
            continue
        if cells:
            yield line, cells


def _explain_csv(error: csv.Error, first: int, last: int) -> str:
    message = str(error)
    if "new-line" in message:
        return "a carriage return stands alone; end the lines with LF or CRLF"
    if "unexpected end" in message or "field limit" in message:
        return "a quote is opened here and never closed; a quote within a cell is written twice"
    reach = f" (it reaches to line {last})" if last > first else ""
    return f"the quotes of this row do not match{reach}: {message}; write one within a cell twice"


_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_FORMATS = ".jsonl, .ndjson, .csv, .tsv (each also with .gz) and .parquet"

_BATCH = 1000


def open_rows(source: str | Path, wanted: Collection[str], log: ProblemLog) -> Rows:
    """Find out what a source is and start to read it.

    Raises:
        FileNotFoundError: If there is no such file, or the hub does not give such a dataset.
        DataFileError: If this is nothing that can be read.
    """
    path = Path(source).expanduser()
    if path.exists() and not path.is_dir():
        return _open_file(path, wanted, log)
    name, _, split = str(source).partition(":")
    folder = path if path.is_dir() else Path(name).expanduser()
    if folder.is_dir():
        return _open_folder(folder, split if folder != path else "", wanted, log)
    if _is_file_name(str(source)):
        raise FileNotFoundError(f"{source} does not exist")
    return _open_dataset(_load_from_hub(name, split), split, wanted, log)


def _open_file(path: Path, wanted: Collection[str], log: ProblemLog) -> Rows:
    suffix = _data_suffix(path)
    if suffix in _JSON_LINES:
        return open_json_lines(path, log)
    if suffix in _DELIMITERS:
        return open_csv(path, _DELIMITERS[suffix], log)
    if suffix == ".parquet":
        return _open_parquet(path, wanted, log)
    hint = "; write one JSON object a line and call it .jsonl" if suffix == ".json" else ""
    found = f"the ending {path.suffix!r} is unknown" if path.suffix else "the name has no ending"
    log.fail(None, f"{found}; what can be read is {_FORMATS}{hint}")


def _data_suffix(path: Path) -> str:
    """Give the ending that says what is inside, in lower case."""
    if path.suffix.lower() != ".gz":
        return path.suffix.lower()
    inner = Path(path.stem).suffix.lower()
    return inner if inner != ".parquet" else ""


def _is_file_name(source: str) -> bool:
    """Tell a missing file from the id of a dataset (`NAME` or `OWNER/NAME`, perhaps a split)."""
    known = (*_JSON_LINES, *_DELIMITERS, ".parquet", ".gz", ".json", ".txt", ".xlsx")
    lower = source.lower()
    outside = lower.startswith(("/", ".", "~")) or source.count("/") > 1 or "\\" in source
    return outside or not source.strip() or lower.endswith(known)


def _open_parquet(path: Path, wanted: Collection[str], log: ProblemLog) -> Rows:
    log.unit = "row"
    declared: dict[str, tuple[str, ...]] = {}
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
    return start_rows(_read_batches(batches, declared, log), schema.names, declared)


def _open_folder(path: Path, split: str, wanted: Collection[str], log: ProblemLog) -> Rows:
    if not any((path / name).is_file() for name in ("dataset_info.json", "dataset_dict.json")):
        log.fail(None, "this is a folder without a dataset from save_to_disk; name a file in it")
    try:
        content = datasets.load_from_disk(str(path))
    except Exception as error:  # whatever a damaged file makes of itself in there
        log.fail(None, f"the dataset in this folder cannot be read ({_line_of(error)})")
    return _open_dataset(content, split, wanted, log)


def _load_from_hub(name: str, split: str) -> Dataset | DatasetDict:
    try:
        return datasets.load_dataset(name, split=split or None)
    # no network, no such dataset or split, a script, a configuration to choose: all of its own kind
    except Exception as error:
        raise FileNotFoundError(
            f"{name!r} is neither a file nor a folder here, nor was it to be had from the Hugging "
            f"Face hub ({_line_of(error)})"
        ) from error


def _open_dataset(
    content: Dataset | DatasetDict, split: str, wanted: Collection[str], log: ProblemLog
) -> Rows:
    log.unit = "row"
    if isinstance(content, DatasetDict):
        if not split and len(content) == 1:
            (split,) = content
        if split not in content:
            wrong = f"there is no split {split!r}" if split else "there are several splits"
            log.fail(None, f"{wrong}; write one of {list_names(list(content))} behind a colon")
        content = content[split]
    declared = _declared_names(content.features)
    used = [name for name in content.column_names if name in wanted]
    batches = content.select_columns(used).with_format("arrow").iter(batch_size=_BATCH)
    return start_rows(_read_batches(batches, declared, log), content.column_names, declared)


def _declared_names(features: Features) -> dict[str, tuple[str, ...]]:
    return {
        column: tuple(feature.names)
        for column, feature in features.items()
        if isinstance(feature, ClassLabel)
    }


def _read_batches(
    batches: Iterable[Any], declared: Mapping[str, tuple[str, ...]], log: ProblemLog
) -> Iterator[tuple[int, Record]]:
    """Read record batches or tables, with the names of declared classes in place of numbers."""
    row = 0
    try:
        for batch in batches:
            columns = {}
            for name in batch.schema.names:
                values = _to_python(batch.column(name), name, row, log)
                if names := declared.get(name):
                    values = [
                        names[value] if value is not None and 0 <= value < len(names) else value
                        for value in values
                    ]
                columns[name] = values
            for cells in zip(*columns.values(), strict=True):
                row += 1
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
            values.append("\N{REPLACEMENT CHARACTER}")
    return values


def _line_of(error: Exception) -> str:
    """Give an error's text as one line that is not too long."""
    return " ".join(str(error).split())[:200] or type(error).__name__


#: What rounding to three decimals does to the sum of a few probabilities: 3 × 0.333 is 0.999.
ROUNDING = 1e-3 + SUM_TOLERANCE

# How far votes and a distribution next to them may be apart, which may have two decimals only.
_AGREEMENT = 0.01
# beyond this, float64 does not hold every whole number
_MAX_VOTES = 2**53

Cell = Sequence[object] | Mapping[str, object]


def parse_cell(value: object) -> Cell | None:
    """Read a list, or a mapping from class to number; as text, it is JSON.

    Raises:
        ValueError: If it is anything else.
    """
    if isinstance(value, str):
        if not value or value.isspace():
            return None
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if value is None or isinstance(value, list | dict):
        return value
    raise ValueError(
        f"expected a list of numbers, such as [2, 1, 0], or a mapping from class to number, found "
        f"{shorten(value)}"
    )


def read_votes(cell: Cell, classes: ClassIndex) -> np.ndarray:
    """Read the votes of one item.

    Raises:
        ValueError: If they do not fit the classes, one is negative or no whole number, or all are
            zero.
    """
    votes = _to_array(cell, classes)
    if (votes != np.floor(votes)).any():
        raise ValueError(
            f"votes must be whole numbers, found {shorten(cell)}; shares belong in a distribution"
        )
    if votes.max() > _MAX_VOTES:
        raise ValueError(f"so many votes cannot be: {shorten(cell)}")
    if not votes.any():
        raise ValueError("there is no vote: all counts are zero")
    return votes.astype(np.int64)


def read_distribution(cell: Cell, classes: ClassIndex) -> tuple[np.ndarray, bool]:
    """Read the distribution of one item.

    Raises:
        ValueError: If it does not fit the classes, a value is negative, or the sum is not one.
    """
    dist = _to_array(cell, classes)
    total = float(dist.sum())
    off = abs(total - 1.0)
    if off > ROUNDING:
        hint = "; votes belong in a column of counts" if total > 1.5 else ""
        raise ValueError(f"the probabilities sum to {total:.6g}, not to one: {shorten(cell)}{hint}")
    return (dist, False) if off <= SUM_TOLERANCE else (dist / total, True)


def check_agreement(votes: np.ndarray, dist: np.ndarray) -> None:
    """Check that a distribution is that of the votes next to it, up to rounding.

    Raises:
        ValueError: If it is not: one of them may have its classes in another order.
    """
    shares = votes / votes.sum()
    if np.abs(shares - dist).max() > _AGREEMENT:
        raise ValueError(
            f"votes and distribution disagree: {votes.tolist()} is {shares.round(3).tolist()}, not "
            f"{dist.round(3).tolist()}; is one in another order of the classes?"
        )


def _to_array(cell: Cell, classes: ClassIndex) -> np.ndarray:
    """Give the numbers in the order of the classes, float64 of shape (C,)."""
    if isinstance(cell, Mapping):
        values: list[float] = [0.0] * len(classes)
        seen: set[int] = set()
        for name, value in cell.items():
            label = clean_label(name)
            index = classes.find(name if label is None else label)
            if index in seen:
                raise ValueError(f"class {classes.names[index]!r} occurs twice in {shorten(cell)}")
            seen.add(index)
            # a column of structs has every class in every row, null where it was left out
            values[index] = 0.0 if value is None else _vote_number(value, cell)
    else:
        if len(cell) != len(classes):
            raise ValueError(f"{len(cell)} values for {len(classes)} classes: {shorten(cell)}")
        values = [_vote_number(value, cell) for value in cell]
    return np.array(values)


def _vote_number(value: object, cell: Cell) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shorten(value)} is no number, in {shorten(cell)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"a value is not finite: {shorten(cell)}")
    if number < 0:
        raise ValueError(f"a value is negative: {shorten(cell)}")
    return number


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
    answers: Sequence[Sequence[tuple[int, str | int]]],
    column: str | None,
    classes: ClassIndex,
    log: ProblemLog,
) -> Opinions:
    """Count the answers of annotators."""
    votes = np.zeros((len(answers), len(classes)), dtype=np.int64)
    for item, found in enumerate(answers):
        for line, label in found:
            try:
                votes[item, classes.find(label)] += 1
            except ValueError as error:
                log.add(line, f"column '{column}': {error}")
    return _settle(votes, np.full(votes.shape, np.nan), np.full(len(votes), -1), 0)


def read_opinions(
    votes: Sequence[Cell | None],
    dists: Sequence[Cell | None],
    majority: np.ndarray,
    lines: Sequence[int],
    columns: tuple[str | None, str | None],
    classes: ClassIndex,
    log: ProblemLog,
) -> Opinions:
    """Read the opinions on N items."""
    counts = np.zeros((len(lines), len(classes)), dtype=np.int64)
    probs = np.full(counts.shape, np.nan)
    rounded = 0
    for row, line in enumerate(lines):
        column = columns[0]
        try:
            if votes and (cell := votes[row]) is not None:
                counts[row] = read_votes(cell, classes)
            column = columns[1]
            if dists and (cell := dists[row]) is not None:
                probs[row], changed = read_distribution(cell, classes)
                rounded += changed
                if counts[row].any():
                    check_agreement(counts[row], probs[row])
        except ValueError as error:
            log.add(line, f"column '{column}': {error}")
    return _settle(counts, probs, majority, rounded)


def _settle(votes: np.ndarray, probs: np.ndarray, majority: np.ndarray, rounded: int) -> Opinions:
    """Put votes before distributions, and find the majorities that are not given."""
    warnings = []
    total = votes.sum(axis=1)
    voted = total > 0
    dist = probs.copy()
    dist[voted] = votes[voted] / total[voted, None]
    known = np.isfinite(dist[:, 0])
    complete = bool(voted[known].all() and voted.any())
    if voted.any() and not complete:
        warnings.append(
            f"rows with a distribution but no votes: {(known & ~voted).sum():,}; so the votes of "
            "the others are used for their distributions only"
        )
    if rounded:
        warnings.append(
            f"distributions renormalised because rounding had changed their sum: {rounded:,}"
        )
    found = np.where(known, np.argmax(np.where(known[:, None], dist, 0.0), axis=1), -1)
    open_ = known & (majority < 0)
    # votes are compared as whole numbers; NaN equals nothing
    basis = np.where(voted[:, None], votes, dist)
    ties = int(((basis == basis.max(axis=1, keepdims=True)).sum(axis=1)[open_] > 1).sum())
    if ties:
        warnings.append(
            f"items without a majority: {ties:,}; of the classes that tie, the first one was taken"
        )
    return Opinions(
        dist=dist,
        votes=votes if complete else None,
        majority=np.where(known & (majority >= 0), majority, found),
        warnings=tuple(warnings),
    )


T = TypeVar("T")
Label = str | int

_CHAOSNLI_FIELDS = {"uid", "example", "label_count"}
_CHAOSNLI_LABELS: dict[object, str] = {name[0]: name for name in NLI_CLASSES}


@dataclass
class Items:
    """The items of a file, in file order; all lists are as long, but for those left empty.

    Attributes:
        lines: Where each item stands first.
        uids: Their ids.
        texts: Their texts.
        pairs: Their second texts; empty where there are none.
        labels: Their labels; empty where there are annotators.
        majorities: The class with most votes, where the file has that.
        votes: The cells with votes, where the file has them.
        dists: The cells with distributions, where the file has them.
        answers: Line and label of every annotator's answer; empty without annotators.
        unanswered: How many rows of annotators have no label.
    """

    lines: list[int] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    labels: list[Label | None] = field(default_factory=list)
    majorities: list[Label | None] = field(default_factory=list)
    votes: list[Cell | None] = field(default_factory=list)
    dists: list[Cell | None] = field(default_factory=list)
    answers: list[list[tuple[int, Label]]] = field(default_factory=list)
    unanswered: int = 0


def collect_items(rows: Rows, used: Columns, log: ProblemLog) -> Items:
    """Read a file that has one row for each item."""
    items = Items()
    first: dict[str, int] = {}
    # per column that may be read: how, and where to
    cells: list[tuple[str, Callable[[object], object], list[object]]] = [
        (name, read, target)  # type: ignore[misc]
        for name, read, target in (
            (used.label, clean_label, items.labels),
            (used.majority_label, clean_label, items.majorities),
            (used.label_counts, parse_cell, items.votes),
            (used.label_dist, parse_cell, items.dists),
        )
        if name is not None
    ]
    for number, (line, record) in enumerate(rows.stream, start=1):
        items.lines.append(line)
        items.texts.append(_take(_read_text, record, used.text, line, log) or "")
        if used.text_pair is not None:
            items.pairs.append(_take(_read_text, record, used.text_pair, line, log) or "")
        if used.uid is None:
            items.uids.append(str(number))
        else:
            uid = _take(_read_id, record, used.uid, line, log) or ""
            earlier = first.setdefault(uid, line)
            if uid and earlier != line:
                option = option_name("annotator")
                hint = f"; is it one row for each annotator? Then name that column by {option}"
                log.add(line, f"the id {shorten(uid)} is also that of {log.unit} {earlier}{hint}")
            items.uids.append(uid)
        for name, read, target in cells:
            target.append(_take(read, record, name, line, log))
    return items


def collect_answers(rows: Rows, used: Columns, log: ProblemLog) -> Items:
    """Read a file that has one row for each annotator of each item."""
    assert used.uid is not None and used.annotator is not None and used.label is not None
    items = Items()
    index: dict[str, int] = {}
    text_lines: dict[tuple[str, int], int] = {}
    answer_lines: dict[tuple[int, str], int] = {}
    texts = [(used.text, items.texts)]
    if used.text_pair is not None:
        texts.append((used.text_pair, items.pairs))
    for line, record in rows.stream:
        uid = _take(_read_id, record, used.uid, line, log)
        annotator = _take(_read_id, record, used.annotator, line, log)
        label = _take(clean_label, record, used.label, line, log)
        if uid is None or annotator is None:
            continue
        item = index.setdefault(uid, len(index))
        if item == len(items.lines):
            items.lines.append(line)
            items.uids.append(uid)
            items.answers.append([])
            for _, target in texts:
                target.append("")
        earlier = answer_lines.setdefault((item, annotator), line)
        if earlier != line:
            log.add(
                line,
                f"annotator {shorten(annotator)} has answered {shorten(uid)} in {log.unit} "
                f"{earlier} already",
            )
        for name, target in texts:
            if is_blank(record.get(name)):
                continue
            text = _take(_read_text, record, name, line, log) or ""
            known = text_lines.setdefault((name, item), line)
            if known == line:
                target[item] = text
            elif text and text != target[item]:
                log.add(line, f"column '{name}' of {shorten(uid)} differs from {log.unit} {known}")
        if label is None:
            items.unanswered += 1
        else:
            items.answers[item].append((line, label))
    for name, _ in texts:
        for item, line in enumerate(items.lines):
            if (name, item) not in text_lines:
                uid = shorten(items.uids[item])
                log.add(line, f"column '{name}': no row of {uid} has the text")
    return items


def adapt_chaosnli(rows: Rows, columns: Columns) -> Rows:
    """Give the rows of a file of ChaosNLI the default columns; any other file as it is.

    What the fields mean is said in `ambiguity_lib.data.nli`, which reads the official files.
    """
    if columns.text in rows.columns or not _CHAOSNLI_FIELDS.issubset(rows.columns):
        return rows
    names = ("uid", "text", "text_pair", "label", "label_counts", "majority_label")
    return start_rows(map(_adapt_row, rows.stream), names, {"label": NLI_CLASSES})


def _adapt_row(row: tuple[int, Record]) -> tuple[int, Record]:
    line, record = row
    example = record.get("example")
    texts = example if isinstance(example, Mapping) else {}
    votes = record.get("label_count")
    if isinstance(votes, list) and len(votes) == len(NLI_CLASSES):
        votes = dict(zip(NLI_CLASSES, votes, strict=True))
    old, new = (record.get(name) for name in ("old_label", "majority_label"))
    return line, {
        "uid": record.get("uid"),
        "text": texts.get("premise"),
        "text_pair": texts.get("hypothesis"),
        "label": _CHAOSNLI_LABELS.get(old, old) if isinstance(old, str) else old,
        "label_counts": votes,
        "majority_label": _CHAOSNLI_LABELS.get(new, new) if isinstance(new, str) else new,
    }


def _take(
    read: Callable[[object], T], record: Record, column: str, line: int, log: ProblemLog
) -> T | None:
    try:
        return read(record.get(column))
    except ValueError as error:
        log.add(line, f"column '{column}': {error}")
        return None


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(
            "the text is missing" if value is None else f"expected text, found {shorten(value)}"
        )
    if is_blank(value):
        raise ValueError("the text is blank")
    check_characters(value)
    return value


def _read_id(value: object) -> str:
    """Read an id, which may be a number; a column of numbers with a gap comes as floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if is_blank(value):
        raise ValueError("the value is missing")
    if not isinstance(value, str):
        raise ValueError(f"expected text or a whole number, found {shorten(value)}")
    check_characters(value)
    return value


def infer_classes(items: Items, log: ProblemLog) -> tuple[str, ...]:
    """Find out the classes from all that names one: labels, answers, keys of opinions.

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
    """Look up labels."""
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


# A class is rare if it has fewer rows than this, and than this share of an even part.
_RARE_ROWS = 10
_RARE_SHARE = 0.1
# As close as 'positve' to 'positive'; 'positive' and 'negative' have 0.63.
_TYPING_ERROR = 0.8


def class_warnings(labels: np.ndarray, names: Sequence[str], *, inferred: bool) -> list[str]:
    """Say which classes have no row or hardly any, and which names look like one class."""
    counts = np.bincount(labels, minlength=len(names)).tolist()
    warnings = []
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if inferred and absent == ["0"]:
        given = ",".join(names[1:]) if len(names) <= 12 else "1,2,…"
        warnings.append(
            f"labels are numbers from 1 to {len(names) - 1}, read as positions that begin with 0, "
            f"so that there is a class '0' without rows; if they are names, give --classes {given}"
        )
    elif absent:
        warnings.append(f"no row has the label {list_names(absent)}")
    rare = _rare(names, counts)
    if inferred:
        warnings += _alike(names, counts, rare)
    if rare:
        said = ", ".join(f"{shorten(name)} ({count})" for name, count in list(rare.items())[:12])
        warnings.append(f"labels that few rows have, too few to learn or to judge by: {said}")
    return warnings


def repetition_warnings(items: Sequence[Hashable], labels: np.ndarray) -> list[str]:
    """Say how many rows have the text (or pair of texts) of another one."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for item, label in zip(items, labels.tolist(), strict=True):
        found[item].append(label)
    repeated = [given for given in found.values() if len(given) > 1]
    if not repeated:
        return []
    rows = sum(map(len, repeated))
    differing = sum(len(given) for given in repeated if len(set(given)) > 1)
    hint = f", {differing:,} of them with another label there" if differing else ""
    return [f"rows whose text stands in another row, too: {rows:,}{hint}"]


def _rare(names: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    limit = min(_RARE_ROWS, _RARE_SHARE * sum(counts) / len(names))
    return {name: n for name, n in zip(names, counts, strict=True) if 0 < n < limit}


def _alike(names: Sequence[str], counts: Sequence[int], rare: dict[str, int]) -> list[str]:
    """Names that differ in case and spaces only, and rare ones that are nearly another's."""
    plain: dict[str, list[str]] = defaultdict(list)
    for name in names:
        plain[" ".join(name.casefold().split())].append(name)
    warnings = [
        f"classes that differ in case or spaces only: {list_names(same)}; give --classes, and "
        "mend the labels, if they are one"
        for same in plain.values()
        if len(same) > 1
    ]
    size = dict(zip(names, counts, strict=True))
    for name, count in list(rare.items())[:100]:
        common = [other for other in names if size[other] > count and not _is_number(other)]
        near = difflib.get_close_matches(name, common, n=1, cutoff=_TYPING_ERROR)
        if near and len(plain[" ".join(name.casefold().split())]) == 1:
            warnings.append(
                f"the label {shorten(name)} ({count}) looks like a typing error for "
                f"{shorten(near[0])} ({size[near[0]]:,})"
            )
    return warnings


def _is_number(name: str) -> bool:
    return name.strip().lstrip("+-").isdigit()


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
