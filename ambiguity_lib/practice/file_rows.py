"""The rows of a user's file, folder or dataset, and a log of what is wrong with them.

The only place that knows formats and encodings: whatever a source is, its rows become a pandas
frame of Python objects, indexed by their lines.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import gzip
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, DatasetDict, Features

from ambiguity_lib.data.schema import NLI_CLASSES
from ambiguity_lib.practice.cells import is_blank, list_names, shorten

#: How many problems the message of an error has.
SHOWN = 5
#: How many problems an error keeps; the others are only counted.
KEPT = 1000
#: A longer line is a problem: most likely it is no text, or a quote was never closed.
MAX_LINE_BYTES = 50 * 2**20

#: Columns that may hold the id of an item, in the order in which they are looked for.
IDS = ("uid", "id", "idx", "ID")

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
# what a row of ChaosNLI is known by
_CHAOSNLI_FIELDS = {"uid", "example", "label_count"}

Record = Mapping[str, Any]


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
        warnings: What was read all the same, one sentence each.
        names: Role of a column, such as `"text"` → what the file calls it.
    """

    def __init__(self, source: str, limit: int = KEPT) -> None:
        self.source = source
        self.unit = "line"
        self.warnings: list[str] = []
        self.names: dict[str, str] = {}
        self._limit = limit
        self._problems: list[Problem] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, line: int | None, message: str) -> None:
        """Note a problem and go on."""
        self._problems.append(Problem(line, message, self.unit))

    def add_cell(self, line: int, role: str, message: str) -> None:
        """Note a problem of one cell and go on."""
        self.add(line, f"column '{self.names[role]}': {message}")

    def fail(self, line: int | None, message: str) -> NoReturn:
        """Note a problem after which nothing more can be said, and stop."""
        self.add(line, message)
        raise self._error()

    def take(self, other: ProblemLog) -> None:
        """Take over the problems of another one."""
        self._problems += other._problems

    def raise_any(self) -> None:
        """Stop if there was a problem."""
        if self._problems:
            raise self._error()

    def _error(self) -> DataFileError:
        # what is wrong with the whole file may be why the lines are
        ordered = sorted(self._problems, key=lambda problem: problem.line or 0)
        return DataFileError(self.source, ordered[: self._limit], len(ordered))


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


def read_rows(source: str | Path, text: str, wanted: set[str] | None, log: ProblemLog) -> Rows:
    """Find out what a source is and read the wanted columns (None: all); one has the texts."""
    if wanted is not None:
        wanted = wanted | _CHAOSNLI_FIELDS | {"old_label"}
    path = Path(source).expanduser()
    suffix = data_suffix(path)
    if not path.exists() or path.is_dir():
        rows = _read_dataset(str(source), wanted, log)
    elif suffix == ".parquet":
        rows = _read_parquet(path, wanted, log)
    elif suffix in _DELIMITERS:
        rows = _make_rows(*_read_table(path, _DELIMITERS[suffix], log), wanted)
    elif suffix in _JSON_LINES or _begins_like_json(path, log):
        records = dict(read_json_lines(path, log))
        # a dict, since it keeps the order
        names = list(dict.fromkeys(chain.from_iterable(records.values())))
        rows = _make_rows(names, records, wanted)
    else:
        found = f"the ending {path.suffix!r} is unknown" if suffix else "the name has no ending"
        log.fail(None, f"{found}; what can be read is {_FORMATS}, or JSON of any name")
    if not rows.names:
        log.raise_any()
        log.fail(None, "the file is empty")
    if text not in rows.names and _CHAOSNLI_FIELDS.issubset(rows.names):
        return _adapt_chaosnli(rows, log)
    return rows


def _begins_like_json(path: Path, log: ProblemLog) -> bool:
    """Whether the first sign of a file that says nothing by its name opens an object or a list."""
    first = next((line for line in read_text_lines(path, log) if not is_blank(line)), "")
    return first.lstrip().startswith(("{", "["))


def _make_rows(
    names: Sequence[str], records: Mapping[int, Record], wanted: set[str] | None
) -> Rows:
    frame = pd.DataFrame(index=list(records))
    for name in names:
        if wanted is None or name in wanted:
            frame[name] = as_objects([record.get(name) for record in records.values()], records)
    return Rows(tuple(names), frame, {})


def as_objects(values: Iterable[object], index: Iterable[int]) -> pd.Series:
    """Give a column of Python objects; left alone, pandas would make its own kind of texts."""
    return pd.Series(list(values), list(index), dtype=object)


def data_suffix(path: Path) -> str:
    """Give the ending that says what is inside, in lower case."""
    inner = Path(path.stem).suffix.lower()
    gzipped = path.suffix.lower() == ".gz" and inner != ".parquet"
    return inner if gzipped else path.suffix.lower()


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


def load_json(text: str) -> Any:
    """Read JSON in which no object has a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in found if keys.count(key) > 1)
            raise ValueError(f"the key {shorten(twice)} occurs twice")
        return found

    return json.loads(text, object_pairs_hook=once)


def read_json_lines(path: Path, log: ProblemLog) -> Iterator[tuple[int, Record]]:
    """Read one JSON object a line, or a list of objects; empty lines are passed over."""
    lines = enumerate(read_text_lines(path, log), start=1)
    filled = ((number, line) for number, line in lines if not is_blank(line))
    for position, (number, line) in enumerate(filled):
        if position == 0 and line.lstrip().startswith("["):
            yield from _read_list(line + "".join(rest for _, rest in filled), log)
            return
        try:
            record = load_json(line)
        except json.JSONDecodeError as error:
            hint = "; every line must be one whole object" if line.strip() in "{[" else ""
            if line[error.pos :].strip() == ",":
                hint = "; the comma behind the object is too much"
            log.add(number, f"this is not JSON: {error.msg}, column {error.colno}{hint}")
        except (ValueError, RecursionError) as error:  # a number of 5,000 digits, ten thousand '['
            log.add(number, f"this is not JSON that can be read: {error}")
        else:
            if isinstance(record, dict):
                yield number, record
            else:
                log.add(number, f"expected a JSON object {{…}}, found {shorten(record)}")


def _read_list(text: str, log: ProblemLog) -> Iterator[tuple[int, Record]]:
    """Read the objects of a JSON list, counted as rows."""
    try:
        content = load_json(text)
    except (ValueError, RecursionError) as error:
        log.fail(
            None, f"the file begins like a list in JSON, but is none that can be read: {error}"
        )
    log.unit = "row"
    for number, record in enumerate(content, start=1):
        if isinstance(record, dict):
            yield number, record
        else:
            log.add(number, f"expected a JSON object {{…}}, found {shorten(record)}")


def _read_table(path: Path, delimiter: str, log: ProblemLog) -> tuple[list[str], dict[int, Record]]:
    """Read a table with a header, in which cells may be quoted with `"`.

    pandas would stop at the first broken row and does not know the lines, so it is Python's reader.
    Many programs write tab-separated texts without quoting: where a cell would hold both line ends
    and tabs, and each of its lines is a row by itself, a quote is a sign like any other.
    """
    # The module has one limit for the whole process, 128 KiB; giving the old one back could take
    # it from another reader that is under way.
    csv.field_size_limit(max(MAX_LINE_BYTES, csv.field_size_limit()))
    found = ProblemLog(log.source)
    reader = csv.reader(read_text_lines(path, found), delimiter=delimiter, strict=True)
    header, rows = _read_cells(reader, found)
    last = {row[header[-1]] for row in rows.values()}
    swallowed = [
        line for line, row in rows.items() if _holds_rows([*row.values()], delimiter, last)
    ]
    if delimiter == "\t" and (swallowed or found):
        literal = ProblemLog(log.source)
        lines = read_text_lines(path, literal)
        plain = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        as_written = _read_cells(plain, literal)
        if not literal and len(as_written[1]) > len(rows):
            log.warnings.append(
                "quotes are taken as written: read as those of a table, they would join lines"
                + (f", first at line {swallowed[0]}" if swallowed else "")
            )
            return as_written
    if swallowed:
        log.warnings.append(
            f"cells whose lines look like rows of their own: {len(swallowed):,}, the first at line "
            f"{swallowed[0]}; is a quote opened there that means nothing? Write it twice, in quotes"
        )
    log.take(found)
    return header, rows


def _holds_rows(row: Sequence[str], delimiter: str, last: Collection[str]) -> bool:
    """Whether a cell has line ends and, around them, as many cells as a row, with a known last."""
    width = len(row)
    for place, cell in enumerate(row):
        first, *inner = cell.splitlines() or [""]
        if (
            inner
            and first.count(delimiter) == width - 1 - place
            and first.split(delimiter)[-1] in last
        ):
            *whole, end = inner
            if end.count(delimiter) == place and all(
                line.count(delimiter) == width - 1 for line in whole
            ):
                return True
    return False


def _read_cells(
    reader: Iterator[list[str]], log: ProblemLog
) -> tuple[list[str], dict[int, Record]]:
    """The header and, by line, the rows."""
    header: list[str] = []
    rows: dict[int, Record] = {}
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return header, rows
        except csv.Error as error:
            log.add(line, _explain_csv(str(error), line, reader.line_num))  # type: ignore[attr-defined]
            continue
        if not cells:
            continue
        if not header:
            header = cells
            _check_header(header, log)
        elif len(cells) == len(header):
            rows[line] = dict(zip(header, cells, strict=True))
        else:
            log.add(
                line,
                f"the row has {len(cells)} cells and the header {len(header)}; a cell that has the "
                "separator, a quote or a line break in it must be in quotes",
            )


def _check_header(header: list[str], log: ProblemLog) -> None:
    if header[0].startswith("sep="):
        log.fail(1, f"{shorten(header[0])} is a hint for Excel, not a header: delete the line")
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


def _read_parquet(path: Path, wanted: set[str] | None, log: ProblemLog) -> Rows:
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        # the names of classes are in the metadata that `datasets` writes
        known = b"huggingface" in (schema.metadata or {})
        features = Features.from_arrow_schema(schema) if known else Features()
        used = [name for name in schema.names if wanted is None or name in wanted]
        table = file.read(columns=used)
    # a ValueError where a damaged name or description cannot be decoded
    except (pa.ArrowException, OSError, ValueError) as error:
        log.fail(None, f"this is no Parquet file, or it is cut off or damaged ({_line_of(error)})")
    if len(set(used)) < len(used):
        log.fail(None, f"two columns have the same name: {list_names(schema.names)}")
    return _take_table(schema.names, table, features, log)


def _read_dataset(source: str, wanted: set[str] | None, log: ProblemLog) -> Rows:
    """Read a folder from `save_to_disk`, or a dataset of the hub, perhaps with `:SPLIT`."""
    name, _, split = source.rpartition(":")
    if not name or Path(source).expanduser().is_dir():
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
    if isinstance(content, DatasetDict):
        if not split and len(content) == 1:
            (split,) = content
        if split not in content:
            wrong = f"there is no split {split!r}" if split else "there are several splits"
            log.fail(None, f"{wrong}; write one of {list_names(list(content))} behind a colon")
        content = content[split]
    used = [name for name in content.column_names if wanted is None or name in wanted]
    table = content.select_columns(used).with_format("arrow")[:]
    return _take_table(content.column_names, table, content.features, log)


def _is_file_name(source: str) -> bool:
    """Tell a missing file from the id of a dataset (`NAME` or `OWNER/NAME`, perhaps a split)."""
    known = (*_JSON_LINES, *_DELIMITERS, ".parquet", ".gz", ".json", ".txt", ".xlsx")
    lower = source.lower()
    outside = lower.startswith(("/", ".", "~")) or source.count("/") > 1 or "\\" in source
    return outside or not source.strip() or lower.endswith(known)


def _take_table(names: Sequence[str], table: Any, features: Features, log: ProblemLog) -> Rows:
    """Take the cells of an Arrow table, with the names of declared classes in place of numbers."""
    log.unit = "row"
    declared = {
        name: tuple(feature.names)
        for name, feature in features.items()
        if isinstance(feature, ClassLabel)
    }
    frame = pd.DataFrame(index=range(1, len(table) + 1))
    for name in table.column_names:
        classes = dict(enumerate(declared.get(name, ())))
        cells = []
        for row, value in enumerate(table.column(name), start=1):
            try:
                cell = value.as_py()
            except UnicodeDecodeError as error:
                log.add(row, f"column '{name}' is not UTF-8 at byte {error.start}")
                cell = _REPLACEMENT
            cells.append(classes.get(cell, cell) if classes else cell)
        frame[name] = as_objects(cells, frame.index)
    return Rows(tuple(names), frame, declared)


def _line_of(error: Exception) -> str:
    """Give an error's text as one line that is not too long."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _adapt_chaosnli(rows: Rows, log: ProblemLog) -> Rows:
    """Give rows of ChaosNLI the default columns; `data.nli` says what its fields mean."""
    if any(isinstance(one, dict) and "obs1" in one for one in rows.frame["example"]):
        log.fail(
            None,
            "this is abductive NLI: an item has two observations (obs1, obs2) and asks which of "
            "two hypotheses (hyp1, hyp2) explains them. Such a choice is no text with a class: "
            "write observations and one hypothesis as text and text_pair, a row each, with votes",
        )
    letters = {name[0]: name for name in NLI_CLASSES}
    records = {}
    for line, row in zip(rows.frame.index, rows.frame.to_dict("records"), strict=True):
        texts = row["example"] if isinstance(row["example"], dict) else {}
        votes = row["label_count"]
        if isinstance(votes, list) and len(votes) == len(NLI_CLASSES):
            votes = dict(zip(NLI_CLASSES, votes, strict=True))
        old, new = row.get("old_label"), row.get("majority_label")
        records[line] = {
            "uid": row["uid"],
            "text": texts.get("premise"),
            "text_pair": texts.get("hypothesis"),
            "label": letters.get(old, old) if isinstance(old, str) else old,
            "label_counts": votes,
            "majority_label": letters.get(new, new) if isinstance(new, str) else new,
        }
    names = ("uid", "text", "text_pair", "label", "label_counts", "majority_label")
    return dataclasses.replace(
        _make_rows(names, records, set(names)), class_names={"label": NLI_CLASSES}
    )
