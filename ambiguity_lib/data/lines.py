"""Reading the files of data sets line by line, with errors that name the file and the line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read the lines that are not empty, numbered from 1, of a file in UTF-8, `.gz` or plain."""
    number = 0
    found = False
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            for number, line in enumerate(stream, start=1):
                if text := line.decode("utf-8-sig").strip():
                    found = True
                    yield number, text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: the compressed data are cut off or damaged after line {number} "
                f"({error}); fetch the file again"
            ) from error
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}, line {number}: this is not UTF-8 ({error}); fetch the file again"
            ) from error
    if not found:
        raise ValueError(f"{path} is empty; fetch the file again")


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a file of one JSON object a line, `.gz` or plain."""
    for number, line in read_lines(path):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: this is not JSON ({error})") from error
        if not isinstance(value, dict):
            raise ValueError(
                f"{path}, line {number}: expected a JSON object, found {type(value).__name__}"
            )
        yield number, value


def get_field(record: Mapping[str, Any], name: str, kind: type[T], path: Path, line: int) -> T:
    """Read a field of a JSON record, with an error that says where it is wrong."""
    if name not in record:
        raise ValueError(
            f"{path}, line {line}: field '{name}' is missing; found {sorted(record)}; "
            "is this the official file?"
        )
    value = record[name]
    if not isinstance(value, kind):
        raise ValueError(
            f"{path}, line {line}: field '{name}' must be {kind.__name__}, found {value!r}"
        )
    return value
