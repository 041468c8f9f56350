"""Downloading an archive and taking files out of it, with errors in plain words."""

from __future__ import annotations

import errno
import gzip
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

import pooch
import requests
from tqdm import tqdm

#: Seconds without a single byte after which a server counts as down.
TIMEOUT = 30.0
_CHUNK = 2**16


class SourceError(Exception):
    """A source does not give what it should; another one may."""


class _Bar(tqdm):
    """A bar that goes on measuring time when pooch winds it back to fill it up in the end."""

    def reset(self, total: float | None = None) -> None:
        self.n = 0


def download_archive(url: str, path: Path, sha256: str | None = None) -> None:
    """Download a file and check it, showing progress on stderr.

    Args:
        url: Its address.
        path: Where it goes. After an error, what is there is worth nothing.
        sha256: Its checksum, if that is known.

    Raises:
        SourceError: If the server cannot be reached, refuses, stalls or stops too early, or the
            checksum is another one.
        OSError: If it cannot be written.
    """
    try:
        # pooch shows no progress on a bar that is false, which tqdm's are while their total is 0
        with _Bar(total=1, unit="B", unit_scale=True, desc=path.name, delay=0.5) as bar:
            get = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=TIMEOUT)
            get(url, str(path), None)
    except requests.RequestException as error:
        raise SourceError(f"{url}: {_explain(error)}") from error
    if sha256 is not None:
        _check(path, sha256, url)


def extract_files(archive: Path, wanted: Mapping[str, str | None], folder: Path) -> None:
    """Take files out of a zip or compressed tar archive, whatever folder they are in there.

    Args:
        archive: The archive; the end of its name says which kind it is.
        wanted: The names of the files, with their SHA-256 or None where that is not known.
        folder: Where they go. After an error, what is there is worth nothing.

    Raises:
        SourceError: If it is no such archive, is damaged, lacks a file or has a changed one.
        OSError: If a file cannot be written.
    """
    missing = set(wanted)
    try:
        for name, stream in _read_members(archive):
            if name in missing:
                with (folder / name).open("wb") as target:
                    shutil.copyfileobj(stream, target)
                missing.remove(name)
    # zipfile and tarfile raise all kinds of errors for damaged content, some of them OSErrors
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's
        raise SourceError(
            f"{archive.name} is damaged, or no such archive at all ({error})"
        ) from error
    if missing:
        raise SourceError(f"{archive.name} does not hold {', '.join(sorted(missing))}")
    for name, sha256 in wanted.items():
        if sha256 is not None:
            _check(folder / name, sha256, f"{name} in {archive.name}")


def _read_members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Open every file of an archive, one after the other, with its name."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            for item in zipped.infolist():
                if not item.is_dir():
                    with zipped.open(item) as stream:
                        yield PurePosixPath(item.filename).name, stream
        return
    # tarfile stops before the checksum at the end of the compressed data, so they are read first
    with gzip.open(archive) as unpacked:
        while unpacked.read(_CHUNK):
            pass
    with tarfile.open(archive) as packed:
        for member in packed:
            if (content := packed.extractfile(member)) is not None:
                yield PurePosixPath(member.name).name, content


def _check(path: Path, expected: str, what: str) -> None:
    found = pooch.file_hash(str(path))
    if found != expected:
        raise SourceError(
            f"{what} has sha256 {found}, expected {expected}: it was damaged on the way, or changed"
        )


def _explain(error: requests.RequestException) -> str:
    """Say what went wrong on the way to or from a server."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        if status in (404, 410):
            return f"the file is not there any more (HTTP {status})"
        if status >= 500:
            return f"the server has trouble (HTTP {status}), try again later"
        return f"the server refuses (HTTP {status})"
    # requests reports a stall in the middle of a file as one kind of broken connection
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return f"the server was silent for {TIMEOUT:g} s, try again later"
    broken = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(error, broken):
        return "the connection broke before the end of the file, try again"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no secure connection ({error})"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached, is there a network connection?"
    return f"{type(error).__name__}: {error}"
