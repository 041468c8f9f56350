"""Fetching research data into a per-user cache, where no data directory is given.

A file comes from the first source that has it: the Hugging Face hub where its data set is there,
else the authors' archive. Everything is made in a temporary folder within the cache and moved to
its name when it is complete. The archive goes with that folder: all files that loaders know have
been taken out by then, so it would only take up space (95 MB for SNLI, 227 MB for MNLI).
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shutil
import tempfile
import time
from pathlib import Path

import datasets
import pooch
from tqdm import tqdm

from ambiguity_lib.data.archives import SourceError, download_archive, extract_files
from ambiguity_lib.data.schema import NLI_CLASSES
from ambiguity_lib.data.sources import DataFile, DataSet, find_source

logger = logging.getLogger(__name__)

_TEMPORARY = ".fetching-"
_ABANDONED_AFTER = 24 * 60 * 60
_BATCH = 1000
_PAIR_FIELDS = {"premise": "sentence1", "hypothesis": "sentence2"}


class DownloadError(RuntimeError):
    """A file could not be fetched from any of its sources, or not be stored.

    No OSError, so that what is meant for a folder that lacks a file (`except FileNotFoundError`)
    does not pass over it.

    Examples:
        >>> from ambiguity_lib.data import DownloadError
        >>> issubclass(DownloadError, FileNotFoundError)
        False
    """


def cache_directory() -> Path:
    """The data directory of those who name none; it may not exist yet."""
    return Path(pooch.os_cache("ambiguity-lib"))


def find_stored(directory: Path, relative: str) -> Path | None:
    """Find a file that may be compressed: the path, with `.gz` where only that exists, or None."""
    candidates = (directory / relative, directory / f"{relative}.gz")
    return next((path for path in candidates if path.is_file()), None)


def fetch(relative: str) -> Path:
    """Give a file of the cache, fetched now if it is not there.

    Args:
        relative: Its path in the data directory, without `.gz`.

    Returns:
        Its path.

    Raises:
        DownloadError: If that fails; the message says why, and how to do it by hand.
        ValueError: If there is no source for it.
    """
    source = find_source(relative)
    if source is None:
        raise ValueError(f"there is no source for {relative}")
    data_set, file = source
    cache = cache_directory()
    by_hand = (
        f"download {data_set.url} yourself and put its {file.name} to {cache / relative}, or point "
        f"AMBIGUITY_DATA_DIR at a folder that has {relative}"
    )
    try:
        stored = find_stored(cache, relative)
        if stored is not None:
            return stored
        first = not any(find_stored(cache, other.path) for other in data_set.files)
        cache.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(cache)
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=cache) as folder:
            _fetch_from_first_source(data_set, file, cache, Path(folder))
    except SourceError as error:
        raise DownloadError(f"{relative} could not be fetched ({error}); {by_hand}") from error
    except OSError as error:
        raise DownloadError(
            f"{relative} could not be stored ({_explain(error, cache)}); mend that, or {by_hand}"
        ) from error
    if first:
        logger.info("%s fetched to %s; licence: %s", data_set.title, cache, data_set.licence)
    return cache / relative


def _fetch_from_first_source(data_set: DataSet, file: DataFile, cache: Path, work: Path) -> None:
    """Fetch a file from the first source that gives it; `work` is an empty folder in the cache."""
    failures = []
    if data_set.hub is not None and file.split is not None:
        try:
            _write_hub_split(data_set.hub, file.split, work / file.name)
            _publish(work / file.name, cache / file.path)
            return
        except SourceError as error:
            failures.append(str(error))
    if datasets.config.HF_HUB_OFFLINE:
        # whoever sets this expects no network traffic, to other servers neither
        failures.append("HF_HUB_OFFLINE is set, so nothing is downloaded")
        raise SourceError("; ".join(failures))
    for failure in failures:
        logger.warning("%s; trying %s", failure, data_set.url)
    # the rest of an archive comes for free, and would otherwise be downloaded once for each file
    files = [item for item in data_set.files if find_stored(cache, item.path) is None]
    archive = work / data_set.archive_name
    try:
        download_archive(data_set.url, archive, data_set.sha256)
        extract_files(archive, {item.name: item.sha256 for item in files}, work)
    except SourceError as error:
        raise SourceError("; ".join([*failures, str(error)])) from error
    for item in files:
        _publish(work / item.name, cache / item.path)


def _write_hub_split(repository: str, split: str, path: Path) -> None:
    """Write a split of a data set of sentence pairs as JSON lines with the official field names."""
    try:
        data = datasets.load_dataset(repository, split=split)
        identifiers = [name for name in ("pairID",) if name in data.column_names]
        data = data.select_columns([*_PAIR_FIELDS, "label", *identifiers])
        classes = data.features["label"].names
        if sorted(classes) != sorted(NLI_CLASSES):
            raise ValueError(f"the labels are {classes}")
    # whatever goes wrong there, from the network to a change of format, the archive may still do
    except Exception as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise SourceError(
            f"{repository} on the Hugging Face hub: {type(error).__name__}: {reason}"
        ) from error
    fields = {**_PAIR_FIELDS, **{name: name for name in identifiers}}
    with (
        path.open("w", encoding="utf-8") as target,
        tqdm(total=len(data), unit=" pairs", desc=path.name) as bar,
    ):
        for batch in data.iter(batch_size=_BATCH):
            for row, label in enumerate(batch["label"]):
                record = {field: batch[name][row] for name, field in fields.items()}
                record["gold_label"] = classes[label] if label >= 0 else "-"
                target.write(json.dumps(record) + "\n")
            bar.update(len(batch["label"]))


def _publish(made: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # atomic, and another process that was faster had the same content
    made.replace(target)


def _remove_abandoned(cache: Path) -> None:
    """Delete what processes that were killed have left behind."""
    for folder in cache.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):  # another process removes it, too
            if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(folder, ignore_errors=True)


def _explain(error: OSError, cache: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {cache} is full"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or cache} may not be written"
    return str(error)
