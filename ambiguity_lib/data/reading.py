"""Finding and reading the files of the data directory, with errors that say where."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ambiguity_lib.data.download import cache_directory, fetch, find_stored
from ambiguity_lib.data.sources import DATA_SETS, find_data_set, find_source

DATA_DIR_VARIABLE = "AMBIGUITY_DATA_DIR"

T = TypeVar("T")


def data_directory(data_dir: str | Path | None = None) -> Path:
    """Find the directory with the real data.

    Args:
        data_dir: The directory; by default the one in `AMBIGUITY_DATA_DIR`, else a cache.

    Returns:
        An existing directory that is taken as it is, or the cache, which may not exist yet and
        which the loaders fill.

    Raises:
        FileNotFoundError: If a directory is named and does not exist.

    Examples:
        >>> from ambiguity_lib.data import data_directory
        >>> data_directory("data").name
        'data'
        >>> data_directory("nowhere")
        Traceback (most recent call last):
            ...
        FileNotFoundError: data_dir is nowhere, and there is no such directory
    """
    cache = cache_directory()
    value = data_dir if data_dir is not None else os.environ.get(DATA_DIR_VARIABLE)
    if value is None or str(value) == "":
        return cache
    path = Path(value).expanduser()
    if path != cache and not path.is_dir():
        origin = "data_dir" if data_dir is not None else DATA_DIR_VARIABLE
        raise FileNotFoundError(f"{origin} is {path}, and there is no such directory")
    return path


def find_file(directory: Path, relative: str) -> Path:
    """Find a file that may be compressed; in the cache, fetch it if it is not there.

    Args:
        directory: The data directory.
        relative: The path in it, without `.gz`.

    Returns:
        The path, with `.gz` where only that exists.

    Raises:
        FileNotFoundError: If neither exists and it is not to be fetched.
        DownloadError: If it is, and that fails.
    """
    has_source = find_source(relative) is not None
    if has_source and directory == cache_directory():
        return fetch(relative)
    path = find_stored(directory, relative)
    if path is None:
        otherwise = ", or set neither to have it downloaded" if has_source else ""
        raise FileNotFoundError(
            f"{directory / relative} does not exist, nor with .gz; put the file there, or point "
            f"{DATA_DIR_VARIABLE} (or data_dir) at the folder that has it{otherwise}"
        )
    return path


def fetch_all(
    names: Sequence[str] | None = None, data_dir: str | Path | None = None
) -> dict[str, tuple[Path, ...]]:
    """Find all files of data sets, fetching what the cache lacks.

    Args:
        names: Of `snli`, `mnli`, `chaosnli` and `affective-text`; None for all.
        data_dir: See `data_directory`.

    Returns:
        The files of each data set.

    Raises:
        ValueError: If there is no data set of a name; nothing has been fetched then.
        FileNotFoundError: If a directory is named and lacks a file.
        DownloadError: If a file cannot be fetched.

    Examples:
        >>> from ambiguity_lib.data import fetch_all

        From a folder that one names nothing is downloaded:

        >>> [path.name for path in fetch_all(["chaosnli"], "data")["chaosnli"]]
        ['chaosNLI_snli.jsonl', 'chaosNLI_mnli_m.jsonl']
        >>> fetch_all(["imdb"])
        Traceback (most recent call last):
            ...
        ValueError: unknown data set 'imdb': choose from snli, mnli, chaosnli,
        affective-text
    """
    chosen = [find_data_set(name) for name in (DATA_SETS if names is None else names)]
    directory = data_directory(data_dir)
    return {
        item.name: tuple(find_file(directory, file.path) for file in item.files) for item in chosen
    }


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a file of one JSON object a line, `.gz` or plain.

    Yields:
        The line number, from 1, and the object. Empty lines are passed over.

    Raises:
        ValueError: If the file is empty, its compressed data are cut off or damaged, it is not
            UTF-8, or a line is not a JSON object. The message names file and line.
    """
    number = 0
    found = False
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError(
                        f"{path}, line {number}: expected a JSON object, found "
                        f"{type(value).__name__}"
                    )
                found = True
                yield number, value
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: the compressed data are cut off or damaged after line {number} "
                f"({error}); fetch the file again"
            ) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}, line {number}: this is not JSON ({error})") from error
    if not found:
        raise ValueError(f"{path} is empty; fetch the file again")


def get_field(record: Mapping[str, Any], name: str, kind: type[T], path: Path, line: int) -> T:
    """Read a field of a JSON record, with an error that says where it is wrong.

    Args:
        record: The record, or a part of it.
        name: The field.
        kind: The Python type its value must have.
        path: The file, for the message.
        line: The line, for the message.

    Returns:
        The value.

    Raises:
        ValueError: If the field is missing or its value is of another type.
    """
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
