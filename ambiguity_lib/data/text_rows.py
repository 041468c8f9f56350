"""Rows of JSON Lines and of CSV, with the line that each begins in.

What makes a line unreadable is noted in a `ProblemLog`, and reading goes on behind it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ambiguity_lib.data.problems import ProblemLog, list_names, shorten
from ambiguity_lib.data.text_lines import MAX_LINE_BYTES, read_text_lines

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
    """Look at the first rows of a stream.

    Args:
        stream: Line numbers and rows.
        columns: The columns; None to take those of the first rows.
        class_names: Column → class names.

    Returns:
        The rows as if nobody had looked.
    """
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
