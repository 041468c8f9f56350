"""Where the real data come from and lie: downloads into a cache, with errors in plain words."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import logging
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import datasets
import pooch
import requests

from ambiguity_lib.data.schema import NLI_CLASSES

logger = logging.getLogger(__name__)

DATA_DIR_VARIABLE = "AMBIGUITY_DATA_DIR"
#: Seconds without a single byte after which a server counts as down.
TIMEOUT = 30.0
_TEMPORARY = ".fetching-"
_ABANDONED_AFTER = 24 * 60 * 60


class SourceError(Exception):
    """A source does not give what it should; another one may."""


def download_archive(url: str, path: Path, sha256: str | None = None) -> None:
    """Download a file and check it, showing progress on stderr."""
    get = pooch.HTTPDownloader(progressbar=True, chunk_size=2**16, timeout=TIMEOUT)
    try:
        get(url, str(path), None)
    except requests.RequestException as error:
        raise SourceError(f"{url}: {_explain(error)}") from error
    _check(path, sha256, url)


def extract_files(archive: Path, wanted: Mapping[str, str | None], folder: Path) -> None:
    """Take files out of a zip or compressed tar archive, whatever folder they are in there."""
    try:
        _unpack(archive, wanted, folder)
    # zipfile and tarfile raise all kinds of errors for damaged content, some of them OSErrors
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's
        raise SourceError(
            f"{archive.name} is damaged, or no such archive at all ({error})"
        ) from error
    if missing := [name for name in wanted if not (folder / name).is_file()]:
        raise SourceError(f"{archive.name} does not hold {', '.join(sorted(missing))}")
    for name, sha256 in wanted.items():
        _check(folder / name, sha256, f"{name} in {archive.name}")


def _unpack(archive: Path, wanted: Container[str], folder: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            for item in zipped.infolist():
                item.filename = PurePosixPath(item.filename).name
                if item.filename in wanted:
                    zipped.extract(item, folder)
        return
    # at once, since tarfile stops before the checksum at the end of the compressed data
    content = gzip.decompress(archive.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        for member in packed:
            name = PurePosixPath(member.name).name
            if name in wanted and (file := packed.extractfile(member)) is not None:
                (folder / name).write_bytes(file.read())


def _check(path: Path, expected: str | None, what: str) -> None:
    if expected is not None and (found := pooch.file_hash(str(path))) != expected:
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


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        path: Its path in the data directory. In the archive it has the same name, in any folder.
        sha256: Of its content, where that is known.
        split: The split of the hub's data set that holds the same items, if there is one.
        url: Its own address, where the data set is no archive.
        pairs: How many pairs with a gold label it has, of a training split.
    """

    path: str
    sha256: str | None = None
    split: str | None = None
    url: str | None = None
    pairs: int | None = None

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class DataSet:
    """One data set and its sources.

    Attributes:
        name: What it is called on the command line.
        title: What people call it.
        licence: What its users have to keep to.
        url: An archive, `.zip` or `.tar.gz`, with all of its files; else where its files lie.
        files: The files that loaders read.
        sha256: Of the archive, where that is known.
        hub: Its id on the Hugging Face hub, if it is there with the same items.
    """

    name: str
    title: str
    licence: str
    url: str
    files: tuple[DataFile, ...]
    sha256: str | None = None
    hub: str | None = None

    @property
    def archive_name(self) -> str:
        """The archive's file name."""
        return PurePosixPath(urlsplit(self.url).path).name


_SNLI = DataSet(
    name="snli",
    title="SNLI 1.0",
    licence="CC BY-SA 4.0",
    url="https://nlp.stanford.edu/projects/snli/snli_1.0.zip",
    # tensorflow_datasets (url_checksums/snli.txt), also ParlAI and NLIDatasets.jl
    sha256="afb3d70a5af5d8de0d9d81e2637e0fb8c22d1235c2749d83125ca43dab0dbd3e",
    hub="stanfordnlp/snli",
    files=(
        DataFile("snli/snli_1.0_train.jsonl", split="train", pairs=549_367),
        DataFile("snli/snli_1.0_dev.jsonl", split="validation"),
        DataFile("snli/snli_1.0_test.jsonl", split="test"),
    ),
)
_MNLI = DataSet(
    name="mnli",
    title="MultiNLI 1.0",
    # as the hub's data set card has it
    licence="OANC; the fiction section CC BY-SA 3.0, CC BY 3.0 and others",
    url="https://cims.nyu.edu/~sbowman/multinli/multinli_1.0.zip",
    # tensorflow_datasets (url_checksums/multi_nli.txt), also ParlAI and NLIDatasets.jl
    sha256="049f507b9e36b1fcb756cfd5aeb3b7a0cfcb84bf023793652987f7e7e0957822",
    hub="nyu-mll/multi_nli",
    files=(
        DataFile("mnli/multinli_1.0_train.jsonl", split="train", pairs=392_702),
        DataFile("mnli/multinli_1.0_dev_matched.jsonl", split="validation_matched"),
        DataFile("mnli/multinli_1.0_dev_mismatched.jsonl", split="validation_mismatched"),
    ),
)
_CHAOSNLI = DataSet(
    name="chaosnli",
    title="ChaosNLI 1.0",
    licence="CC BY-NC 4.0, not for commercial use",
    # the link in the README of github.com/easonnie/ChaosNLI; dl=1 asks for the file, not its page
    url="https://www.dropbox.com/s/h4j7dqszmpt2679/chaosNLI_v1.0.zip?dl=1",
    # nobody publishes a checksum of the archive; those of its files come with copies of them
    files=(
        DataFile(
            "chaosnli/chaosNLI_snli.jsonl",
            sha256="99f9015ddda7d85f66a087452bc30d53974314fe27e7d589e2f41ad44bd509c1",
        ),
        DataFile(
            "chaosnli/chaosNLI_mnli_m.jsonl",
            sha256="8eb49b589488e7b1a9ec95fb8a864bd50f0509b4f808eed0aed3f8167617664d",
        ),
    ),
)
_AFFECTIVE_TEXT = DataSet(
    name="affective-text",
    title="Affective Text (SemEval-2007 Task 14)",
    licence="none stated; released by the organisers of the task for research",
    # the task's page is web.eecs.umich.edu/~mihalcea/affectivetext; this address of its download is
    # in unify-emotion-datasets (Bostan and Klinger, 2018). Nobody publishes a checksum, neither of
    # the archive nor of its files: gzip's own and the loader's strictness must do
    url="http://web.eecs.umich.edu/~mihalcea/downloads/AffectiveText.Semeval.2007.tar.gz",
    files=tuple(
        DataFile(f"affective_text/affectivetext_{part}.{ending}")
        for part in ("trial", "test")
        for ending in ("xml", "emotions.gold")
    ),
)
_GOOD_NEWS_EVERYONE = DataSet(
    name="good-news-everyone",
    title="GoodNewsEveryone 1.0",
    licence="see its release; for research",
    # Bostan et al. (2020); nobody publishes a checksum
    url="http://www.romanklinger.de/data-sets/GoodNewsEveryone.zip",
    files=(DataFile("gne/gne-release-v1.0.tsv"),),
)
_GOEMOTIONS_URL = (
    "https://raw.githubusercontent.com/google-research/google-research/master/goemotions/data"
)
_GOEMOTIONS = DataSet(
    name="goemotions",
    title="GoEmotions",
    licence="CC BY 4.0 (data), Apache 2.0 (code)",
    url=_GOEMOTIONS_URL,
    files=tuple(
        DataFile(f"goemotions/{part}.tsv", url=f"{_GOEMOTIONS_URL}/{part}.tsv")
        for part in ("train", "dev", "test")
    ),
)
DATA_SETS = {
    item.name: item
    for item in (_SNLI, _MNLI, _CHAOSNLI, _AFFECTIVE_TEXT, _GOOD_NEWS_EVERYONE, _GOEMOTIONS)
}


def find_data_set(name: str) -> DataSet:
    """Find a data set by its name."""
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}: choose from {', '.join(DATA_SETS)}")
    return DATA_SETS[name]


def find_source(path: str) -> tuple[DataSet, DataFile] | None:
    """Find what a file of the data directory is part of; None where nothing can be fetched."""
    for data_set in DATA_SETS.values():
        for file in data_set.files:
            if file.path == path:
                return data_set, file
    return None


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


def find_part(directory: Path, relative: str) -> Path | None:
    """Find a part of a file, with `.part` before its ending, in any folder of a directory."""
    path = PurePosixPath(relative)
    return _find_in_folders(directory, f"{path.stem}.part{path.suffix}")


def _find_in_folders(directory: Path, name: str) -> Path | None:
    found = sorted([*directory.glob(f"*/{name}"), *directory.glob(f"*/{name}.gz")])
    return next(iter(found), None)


def fetch(relative: str) -> Path:
    """Give a file of the cache, fetched now if it is not there."""
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
            f"{relative} could not be stored ({_explain_failure(error, cache)}); mend that, or "
            f"{by_hand}"
        ) from error
    if first:
        logger.info("%s fetched to %s; licence: %s", data_set.title, cache, data_set.licence)
    return cache / relative


def _fetch_from_first_source(data_set: DataSet, file: DataFile, cache: Path, work: Path) -> None:
    """Fetch a file from the first source that gives it; `work` is an empty folder in the cache."""
    failure = ""
    if data_set.hub is not None and file.split is not None:
        try:
            _write_hub_split(data_set.hub, file.split, work / file.name)
            _publish(work / file.name, cache / file.path)
            return
        except SourceError as error:
            failure = f"{error}; "
    if datasets.config.HF_HUB_OFFLINE:
        # whoever sets this expects no network traffic, to other servers neither
        raise SourceError(f"{failure}HF_HUB_OFFLINE is set, so nothing is downloaded")
    if failure:
        logger.warning("%strying %s", failure, data_set.url)
    if file.url is not None:
        download_archive(file.url, work / file.name, file.sha256)
        _publish(work / file.name, cache / file.path)
        return
    # the rest of an archive comes for free, and would otherwise be downloaded once for each file
    files = [item for item in data_set.files if find_stored(cache, item.path) is None]
    archive = work / data_set.archive_name
    try:
        download_archive(data_set.url, archive, data_set.sha256)
        extract_files(archive, {item.name: item.sha256 for item in files}, work)
    except SourceError as error:
        raise SourceError(f"{failure}{error}") from error
    for item in files:
        _publish(work / item.name, cache / item.path)


def _write_hub_split(repository: str, split: str, path: Path) -> None:
    """Write a split of a data set of sentence pairs as JSON lines with the official field names."""
    try:
        data = datasets.load_dataset(repository, split=split)
        identifiers = [name for name in ("pairID",) if name in data.column_names]
        frame = data.select_columns(["premise", "hypothesis", *identifiers, "label"]).to_pandas()
        classes = data.features["label"].names
        if sorted(classes) != sorted(NLI_CLASSES):
            raise ValueError(f"the labels are {classes}")
    # whatever goes wrong there, from the network to a change of format, the archive may still do
    except Exception as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise SourceError(
            f"{repository} on the Hugging Face hub: {type(error).__name__}: {reason}"
        ) from error
    frame["gold_label"] = frame.pop("label").map(dict(enumerate(classes))).fillna("-")
    frame = frame.rename(columns={"premise": "sentence1", "hypothesis": "sentence2"})
    frame.to_json(path, orient="records", lines=True, force_ascii=False)


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


def _explain_failure(error: OSError, cache: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {cache} is full"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or cache} may not be written"
    return str(error)


def data_directory(data_dir: str | Path | None = None) -> Path:
    """Find the directory with the real data."""
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
    """Find a file that may be compressed; in the cache, fetch it if it is not there."""
    has_source = find_source(relative) is not None
    if has_source and directory == cache_directory():
        return fetch(relative)
    path = find_stored(directory, relative)
    if path is None:
        path = _find_in_folders(directory, PurePosixPath(relative).name)
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
    """Find all files of data sets, fetching what the cache lacks."""
    chosen = [find_data_set(name) for name in (DATA_SETS if names is None else names)]
    directory = data_directory(data_dir)
    return {
        item.name: tuple(find_file(directory, file.path) for file in item.files) for item in chosen
    }
