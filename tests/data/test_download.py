"""Downloads from a server of our own: nothing here reaches the network."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gzip
import hashlib
import io
import json
import logging
import os
import socket
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import datasets
import pandas
import pooch
import pytest

from ambiguity_lib.data import (
    DownloadError,
    data_directory,
    fetch_all,
    load_affective_text,
    load_chaosnli,
    load_mnli,
    load_mnli_with_chaosnli,
    load_predictions,
    load_snli,
    load_snli_with_chaosnli,
)
from ambiguity_lib.data import sources as archives_module
from ambiguity_lib.data import sources as download_module
from ambiguity_lib.data.sources import (
    DATA_SETS,
    SourceError,
    cache_directory,
    extract_files,
    fetch,
    find_data_set,
    find_file,
)
from tests.data.conftest import chaos_record, snli_record

CHAOS_S, CHAOS_M = (file.path for file in DATA_SETS["chaosnli"].files)
LABELS = ("entailment", "neutral", "contradiction")


@dataclasses.dataclass
class Answer:
    """What the server says to a request: `claim` bytes announced, `sent` before it stalls."""

    body: bytes = b""
    status: int = 200
    claim: int | None = None
    sent: int | None = None
    location: str | None = None
    silent: bool = False


class Site:
    """A server that answers what a test has laid down."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.before_answering: Callable[[], object] = lambda: None
        self.over = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                site.requests.append(path)
                site.before_answering()
                answer = site.answers.get(path, Answer(status=404))
                if answer.silent:
                    site.over.wait(10)
                    return
                self.send_response(answer.status)
                if answer.location is not None:
                    self.send_header("Location", answer.location)
                length = len(answer.body) if answer.claim is None else answer.claim
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(answer.body[: answer.sent])
                if answer.sent is not None:
                    site.over.wait(10)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


def no_hub(*arguments: object, **options: object) -> Any:
    raise ConnectionError("no hub in tests\nsecond line")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without AMBIGUITY_DATA_DIR and with an empty cache, whom the hub does not answer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("AMBIGUITY_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", no_hub)
    return tmp_path / "cache" / "ambiguity-lib"


@pytest.fixture
def site(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The server that all data sets are said to be at; it has none until `offer`."""
    site = Site()
    for name, item in DATA_SETS.items():
        url = f"{site.url}/{item.archive_name}?dl=1"
        monkeypatch.setitem(DATA_SETS, name, dataclasses.replace(item, url=url))
    yield site
    site.close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zip_of(files: dict[str, bytes]) -> bytes:
    """A zip archive with a folder, as a Mac makes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("data_v1.0")
        for name, content in files.items():
            archive.writestr(f"data_v1.0/{name}", content)
            archive.writestr(f"__MACOSX/data_v1.0/._{name}", b"resource fork")
    return stream.getvalue()


def tar_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            item = tarfile.TarInfo(f"Data.test/{name}")
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))
    return stream.getvalue()


def json_lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


CHAOS = {
    "chaosNLI_snli.jsonl": json_lines(
        [
            chaos_record("a#1", "A cat, sleeping.", [40, 60, 0], "e", "n"),
            chaos_record("b#2", "Two dogs run!", [50, 0, 50], "c", "c"),
        ]
    ),
    "chaosNLI_mnli_m.jsonl": json_lines([chaos_record("m", "So it goes.", [10, 20, 70], "n", "c")]),
}


def pairs(premises: list[str], **more: str) -> bytes:
    return json_lines(
        [snli_record(text, f"hyp {label}", label, **more) for text in premises for label in LABELS]
    )


SNLI = {
    "snli_1.0_train.jsonl": pairs(["A new one .", "RAIN falls", "two dogs run"]),
    "snli_1.0_dev.jsonl": pairs(["A cat , sleeping .", "Rain falls .", "Snow falls ."]),
    "snli_1.0_test.jsonl": pairs(["A bell rings ."]),
}
MNLI = {
    "multinli_1.0_train.jsonl": pairs(["A new one .", "RAIN falls", "so it goes"]),
    "multinli_1.0_dev_matched.jsonl": pairs(["So it goes .", "Rain falls ."], pairID="7n"),
    "multinli_1.0_dev_mismatched.jsonl": pairs(["Rain falls ."]),
}
AFFECTIVE = {
    f"affectivetext_{part}.{ending}": content
    for part, number in (("trial", 1), ("test", 500))
    for ending, content in (
        ("xml", f'<corpus>\n<instance id="{number}">News {number}</instance>\n</corpus>'.encode()),
        ("emotions.gold", f"{number} 0 10 0 30 0 {number % 100}\n".encode()),
    )
}
CONTENTS = {"chaosnli": CHAOS, "snli": SNLI, "mnli": MNLI, "affective-text": AFFECTIVE}


@pytest.fixture
def offer(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """Put the archive of a data set on the site, and its checksums where there are real ones."""

    def put(name: str, files: dict[str, bytes] | None = None, **answer: Any) -> bytes:
        item = DATA_SETS[name]
        contents = CONTENTS[name] if files is None else files
        pack = zip_of if item.archive_name.endswith(".zip") else tar_of
        body = pack(contents)
        changed = tuple(
            dataclasses.replace(file, sha256=sha256(contents[file.name]))
            if file.sha256 and file.name in contents
            else file
            for file in item.files
        )
        total = sha256(body) if item.sha256 else None
        monkeypatch.setitem(DATA_SETS, name, dataclasses.replace(item, files=changed, sha256=total))
        site.answers[f"/{item.archive_name}"] = Answer(body, **answer)
        return body

    return put


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_nothing_left(cache: Path) -> None:
    assert files_in(cache) == set()
    assert list(cache.glob(".*")) == []


def test_layout_is_that_of_the_data_directory() -> None:
    paths = [file.path for item in DATA_SETS.values() for file in item.files]
    assert len(set(paths)) == len(paths) == 16
    folders = {"snli", "mnli", "chaosnli", "affective_text", "gne", "goemotions"}
    assert {path.split("/")[0] for path in paths} == folders
    names = [item.archive_name for item in DATA_SETS.values()]
    assert names == [
        "snli_1.0.zip",
        "multinli_1.0.zip",
        "chaosNLI_v1.0.zip",
        "AffectiveText.Semeval.2007.tar.gz",
        "GoodNewsEveryone.zip",
        "data",
    ]


def test_a_file_with_an_address_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(url: str, path: Path, sha256: str | None = None) -> None:
        asked.append(url)
        path.write_text("text\t0\tid\n")

    monkeypatch.setattr(download_module, "download_archive", download)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    assert fetch("goemotions/dev.tsv").read_text() == "text\t0\tid\n"
    fetch("goemotions/dev.tsv")
    assert len(asked) == 1 and asked[0].endswith("/goemotions/data/dev.tsv")
    assert files_in(cache) == {"goemotions/dev.tsv"}


def test_first_use_downloads_and_second_does_not(cache: Path, site: Site, offer: Any) -> None:
    offer("chaosnli")
    assert fetch(CHAOS_S) == cache / CHAOS_S
    assert (cache / CHAOS_S).read_bytes() == CHAOS["chaosNLI_snli.jsonl"]
    # the other file of the archive came along, the archive is gone
    assert files_in(cache) == {CHAOS_S, CHAOS_M}
    assert list(cache.glob(".*")) == []
    assert fetch(CHAOS_S) == cache / CHAOS_S
    assert fetch(CHAOS_M).read_bytes() == CHAOS["chaosNLI_mnli_m.jsonl"]
    assert site.requests == ["/chaosNLI_v1.0.zip"]


def test_a_tar_archive(cache: Path, offer: Any) -> None:
    offer("affective-text")
    assert fetch("affective_text/affectivetext_test.xml").is_file()
    assert files_in(cache) == {f"affective_text/{name}" for name in AFFECTIVE}
    assert len(load_affective_text()) == 2


def test_a_redirect_is_followed(cache: Path, site: Site, offer: Any) -> None:
    offer("chaosnli")
    site.answers["/elsewhere"] = site.answers["/chaosNLI_v1.0.zip"]
    site.answers["/chaosNLI_v1.0.zip"] = Answer(status=302, location="/elsewhere")
    assert fetch(CHAOS_S).read_bytes() == CHAOS["chaosNLI_snli.jsonl"]
    assert site.requests == ["/chaosNLI_v1.0.zip", "/elsewhere"]


def test_what_lies_there_is_kept(cache: Path, site: Site, offer: Any) -> None:
    offer("chaosnli")
    (cache / "chaosnli").mkdir(parents=True)
    (cache / f"{CHAOS_S}.gz").write_bytes(gzip.compress(CHAOS["chaosNLI_snli.jsonl"]))
    assert fetch(CHAOS_S).suffix == ".gz"
    assert len(load_chaosnli("snli")) == 2
    assert site.requests == []
    fetch(CHAOS_M)
    assert files_in(cache) == {f"{CHAOS_S}.gz", CHAOS_M}


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


FAILURES = {
    "moved": ({"status": 404}, "the file is not there any more (HTTP 404)"),
    "gone": ({"status": 410}, "the file is not there any more (HTTP 410)"),
    "forbidden": ({"status": 403}, "the server refuses (HTTP 403)"),
    "broken server": ({"status": 500}, "the server has trouble (HTTP 500), try again later"),
    "overloaded": ({"status": 503}, "the server has trouble (HTTP 503)"),
    "cut off": ({"claim": 10**6}, "the connection broke before the end of the file"),
    "silent": ({"silent": True}, "the server was silent for 0.3 s"),
    "stalled": ({"sent": 100}, "the server was silent for 0.3 s"),
    "redirected forever": (
        {"status": 302, "location": "/chaosNLI_v1.0.zip"},
        "TooManyRedirects",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_server_that_fails(
    failure: str, cache: Path, site: Site, offer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives_module, "TIMEOUT", 0.3)
    answer, reason = FAILURES[failure]
    offer("chaosnli", **answer)
    with pytest.raises(DownloadError) as caught:
        fetch(CHAOS_S)
    message = str(caught.value)
    assert message.startswith(f"{CHAOS_S} could not be fetched ({site.url}/chaosNLI_v1.0.zip?dl=1")
    assert reason in message
    assert message.endswith(
        f"download {site.url}/chaosNLI_v1.0.zip?dl=1 yourself and put its chaosNLI_snli.jsonl to "
        f"{cache / CHAOS_S}, or point AMBIGUITY_DATA_DIR at a folder that has {CHAOS_S}"
    )
    assert "\n" not in message
    assert_nothing_left(cache)
    # it works once the server does
    offer("chaosnli")
    assert fetch(CHAOS_S).is_file()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda good: flip(good, 100), "is damaged, or no such archive at all"),
        (lambda good: good[:-30], "is damaged, or no such archive at all"),
        (lambda good: b"<html>Log in, please</html>", "is damaged, or no such archive at all"),
        (lambda good: b"", "is damaged, or no such archive at all"),
        (
            lambda good: zip_of({"chaosNLI_snli.jsonl": CHAOS["chaosNLI_snli.jsonl"]}),
            "chaosNLI_v1.0.zip does not hold chaosNLI_mnli_m.jsonl",
        ),
        (
            lambda good: zip_of({**CHAOS, "chaosNLI_snli.jsonl": b"other votes\n"}),
            "chaosNLI_snli.jsonl in chaosNLI_v1.0.zip has sha256",
        ),
    ],
    ids=["flipped bit", "cut off", "web page", "empty", "lacks a file", "other content"],
)
def test_an_archive_that_is_not_as_it_should_be(
    body: Callable[[bytes], bytes], reason: str, cache: Path, site: Site, offer: Any
) -> None:
    good = offer("chaosnli")
    site.answers["/chaosNLI_v1.0.zip"].body = body(good)
    with pytest.raises(DownloadError) as caught:
        fetch(CHAOS_S)
    assert reason in str(caught.value)
    assert "put its chaosNLI_snli.jsonl to" in str(caught.value)
    assert_nothing_left(cache)


def test_checksum_of_an_archive(cache: Path, site: Site, offer: Any) -> None:
    good = offer("snli")
    site.answers["/snli_1.0.zip"].body = flip(good, 100)
    with pytest.raises(DownloadError, match=f"has sha256 .* expected {sha256(good)}: it was dam"):
        fetch("snli/snli_1.0_test.jsonl")
    assert_nothing_left(cache)


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_no_flipped_bit_goes_unnoticed(pack: Callable[..., bytes], tmp_path: Path) -> None:
    files = {"a.txt": b"one two three " * 9, "b.txt": b"four"}
    good = pack(files)
    archive = tmp_path / f"x.{'zip' if pack is zip_of else 'tar.gz'}"
    refused = 0
    for at in range(len(good)):
        archive.write_bytes(flip(good, at))
        for name in files:
            (tmp_path / name).unlink(missing_ok=True)
        try:
            extract_files(archive, dict.fromkeys(files), tmp_path)
        except SourceError:
            refused += 1
        else:
            # the bit was in a date, a permission, an unused file
            assert {name: (tmp_path / name).read_bytes() for name in files} == files, at
    assert refused > len(good) // 4


def test_no_server(cache: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.close()
    with pytest.raises(DownloadError, match="the server cannot be reached, is there a network"):
        fetch(CHAOS_S)

    def no_such_name(*arguments: object, **options: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    with pytest.raises(DownloadError, match="the server cannot be reached, is there a network"):
        fetch(CHAOS_S)
    assert_nothing_left(cache)


def test_offline_means_no_request_at_all(
    cache: Path, site: Site, offer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("chaosnli")
    offer("snli")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    for path in (CHAOS_S, "snli/snli_1.0_dev.jsonl"):
        with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set, so nothing is downloaded"):
            fetch(path)
    assert site.requests == []
    assert_nothing_left(cache)


class FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(*arguments: object, **options: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_while_downloading(
    cache: Path, offer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("chaosnli")
    with monkeypatch.context() as patch:
        patch.setattr(pooch.downloaders, "open", lambda *rest: FullDisk(), raising=False)
        with pytest.raises(DownloadError, match=f"could not be stored .the disk of {cache} is ful"):
            fetch(CHAOS_S)
    assert_nothing_left(cache)
    assert fetch(CHAOS_S).is_file()


def test_full_disk_while_unpacking(cache: Path, offer: Any, monkeypatch: Any) -> None:
    offer("chaosnli")
    monkeypatch.setattr(archives_module.shutil, "copyfileobj", full_disk)
    with pytest.raises(DownloadError, match=f"the disk of {cache} is full.; mend that, or downloa"):
        fetch(CHAOS_S)
    assert_nothing_left(cache)


def test_cache_that_cannot_be_written(cache: Path, site: Site, monkeypatch: Any) -> None:
    def refuse(*arguments: object, **options: object) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(cache))

    with monkeypatch.context() as patch:  # the tests may run as root, whom nothing is forbidden
        patch.setattr(download_module.tempfile, "mkdtemp", refuse)
        with pytest.raises(DownloadError, match=f"{cache} may not be written.; mend that"):
            fetch(CHAOS_S)
    cache.rmdir()
    cache.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(DownloadError, match=f"could not be stored .*{cache}"):
        fetch(CHAOS_S)
    assert site.requests == []


def test_two_at_once_both_succeed(cache: Path, site: Site, offer: Any) -> None:
    offer("chaosnli")
    both_are_there = threading.Barrier(2, timeout=10)
    site.before_answering = both_are_there.wait
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(fetch, [CHAOS_S, CHAOS_M]))
    assert paths == [cache / CHAOS_S, cache / CHAOS_M]
    assert files_in(cache) == {CHAOS_S, CHAOS_M}
    assert len(site.requests) == 2


def test_remains_of_a_killed_process_go(cache: Path, offer: Any) -> None:
    offer("chaosnli")
    old, young = cache / ".fetching-old", cache / ".fetching-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "half.zip").touch()
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    fetch(CHAOS_S)
    assert not old.exists()
    assert young.exists()


def test_licence_is_logged_once(cache: Path, offer: Any, caplog: pytest.LogCaptureFixture) -> None:
    offer("chaosnli")
    with caplog.at_level(logging.INFO, logger="ambiguity_lib"):
        for path in (CHAOS_S, CHAOS_M, CHAOS_S):
            fetch(path)
    assert caplog.text.count("CC BY-NC 4.0") == 1


def hub_of(columns: dict[str, list[Any]], seen: list[Any]) -> Callable[..., datasets.Dataset]:
    label = datasets.ClassLabel(names=list(LABELS))

    def load(*arguments: object, **options: object) -> datasets.Dataset:
        seen.append((arguments, options))
        return datasets.Dataset.from_dict(columns).cast_column("label", label)

    return load


HUB_SNLI = {
    "premise": ["A dog — runs .", "B"],
    "hypothesis": ["An animal .", "C"],
    "label": [2, -1],
}


def test_the_hub_comes_first(cache: Path, site: Site, offer: Any, monkeypatch: Any) -> None:
    offer("snli")
    seen: list[Any] = []
    monkeypatch.setattr(datasets, "load_dataset", hub_of(HUB_SNLI, seen))
    loaded = load_snli("validation")
    assert seen == [(("stanfordnlp/snli",), {"split": "validation"})]
    assert loaded["text"][:] == ["A dog — runs ."]
    assert loaded["text_pair"][:] == ["An animal ."]
    assert loaded["label"][:] == [2]
    assert loaded["uid"][:] == ["snli-dev-000001"]
    # the official field names, the pair without gold label included
    lines = (cache / "snli/snli_1.0_dev.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == snli_record("B", "C", "-")
    load_snli("validation")
    assert len(seen) == 1
    assert site.requests == []
    assert files_in(cache) == {"snli/snli_1.0_dev.jsonl"}


def test_the_hub_has_mnlis_ids(cache: Path, site: Site, monkeypatch: Any) -> None:
    seen: list[Any] = []
    columns = {**HUB_SNLI, "label": [0, 1], "pairID": ["5e", "6n"], "genre": ["x", "y"]}
    monkeypatch.setattr(datasets, "load_dataset", hub_of(columns, seen))
    loaded = load_mnli("validation_matched")
    assert seen == [(("nyu-mll/multi_nli",), {"split": "validation_matched"})]
    assert loaded["uid"][:] == ["5e", "6n"]
    assert loaded["label"][:] == [0, 1]


@pytest.mark.parametrize("columns", [None, {"premise": ["A"], "label": [0]}])
def test_the_archive_comes_second(
    columns: Any, cache: Path, site: Site, offer: Any, monkeypatch: Any, caplog: Any
) -> None:
    offer("snli")
    if columns is not None:  # the hub has changed its format
        monkeypatch.setattr(datasets, "load_dataset", hub_of(columns, []))
    path = fetch("snli/snli_1.0_test.jsonl")
    assert path.read_bytes() == SNLI["snli_1.0_test.jsonl"]
    assert site.requests == ["/snli_1.0.zip"]
    assert files_in(cache) == {f"snli/{name}" for name in SNLI}
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "stanfordnlp/snli on the Hugging Face hub: " in warnings[0].getMessage()


def test_both_sources_fail(cache: Path, site: Site) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch("snli/snli_1.0_train.jsonl")
    message = str(caught.value)
    assert "stanfordnlp/snli on the Hugging Face hub: ConnectionError: no hub in tests;" in message
    assert "second line" not in message
    assert f"{site.url}/snli_1.0.zip?dl=1: the file is not there any more (HTTP 404)" in message
    assert_nothing_left(cache)


def test_full_disk_is_not_the_hubs_fault(
    cache: Path, site: Site, offer: Any, monkeypatch: Any
) -> None:
    offer("snli")
    monkeypatch.setattr(datasets, "load_dataset", hub_of(HUB_SNLI, []))
    monkeypatch.setattr(pandas.DataFrame, "to_json", full_disk)
    with pytest.raises(DownloadError, match="the disk of"):
        fetch("snli/snli_1.0_dev.jsonl")
    assert site.requests == []
    assert_nothing_left(cache)


def test_a_named_directory_is_taken_as_it_is(
    cache: Path, site: Site, offer: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    offer("chaosnli")
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match=r"put the file there, .* or set neither to have"):
        load_chaosnli("snli", folder)
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", str(folder))
    with pytest.raises(FileNotFoundError, match=r"chaosNLI_snli\.jsonl does not exist"):
        load_chaosnli("snli")
    with pytest.raises(FileNotFoundError, match=r"chaosNLI_snli\.jsonl does not exist"):
        fetch_all(["chaosnli"])
    assert files_in(folder) == set()
    assert site.requests == []


def test_training_data_is_downloaded_and_not_replaced(cache: Path, site: Site, offer: Any) -> None:
    for name in ("chaosnli", "snli", "mnli"):
        offer(name)
    splits = load_snli_with_chaosnli(validation_items=3)
    assert "the official SNLI train split" in splits.description
    assert "hyp neutral" in splits.train["text_pair"]
    splits = load_mnli_with_chaosnli(validation_items=3)
    assert "the official MNLI train split" in splits.description
    assert site.requests == ["/chaosNLI_v1.0.zip", "/snli_1.0.zip", "/multinli_1.0.zip"]


def test_a_failed_download_is_no_missing_file(cache: Path, site: Site, offer: Any) -> None:
    """SNLI's test split takes the place of a train file that a folder lacks, not of a failure."""
    for name in ("chaosnli", "snli"):
        offer(name)
    fetch_all(["chaosnli", "snli"])
    (cache / "snli/snli_1.0_train.jsonl").unlink()
    site.answers.clear()
    with pytest.raises(DownloadError, match=r"snli_1\.0_train\.jsonl could not be fetched"):
        load_snli_with_chaosnli(validation_items=3)
    assert not issubclass(DownloadError, OSError)


def test_published_logits_are_not_downloaded(cache: Path, site: Site) -> None:
    with pytest.raises(FileNotFoundError, match="jsbaan/calibration-on-disagreement-data"):
        load_predictions("roberta-base", 0)
    assert site.requests == []


def test_fetch_all(cache: Path, site: Site, offer: Any, tmp_path: Path) -> None:
    for name in CONTENTS:
        offer(name)
    assert data_directory() == cache_directory() == cache
    with pytest.raises(ValueError, match="unknown data set 'sst': choose from snli, mnli, chaosn"):
        fetch_all(["snli", "sst"])
    assert site.requests == []
    found = fetch_all(list(CONTENTS))
    assert list(found) == list(CONTENTS)
    for name, paths in found.items():
        assert {path.name: path.read_bytes() for path in paths} == CONTENTS[name]
    assert len(site.requests) == 4
    assert fetch_all(["chaosnli"], cache) == {"chaosnli": found["chaosnli"]}
    assert len(site.requests) == 4


def test_what_has_no_source(cache: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no source for notes\.txt"):
        fetch("notes.txt")
    with pytest.raises(FileNotFoundError, match="does not exist") as caught:
        find_file(cache, "notes.txt")
    assert "downloaded" not in str(caught.value)


@pytest.mark.real_data
def test_real_chaosnli_has_the_published_checksums(
    real_data_dir: Path, cache: Path, site: Site
) -> None:
    files = find_data_set("chaosnli").files
    assert all(file.sha256 for file in files)
    body = zip_of({file.name: (real_data_dir / file.path).read_bytes() for file in files})
    site.answers["/chaosNLI_v1.0.zip"] = Answer(body)
    assert len(load_chaosnli("snli")) == 1514
    assert len(load_chaosnli("mnli_m")) == 1599
    assert len(site.requests) == 1


@pytest.mark.real_data
def test_real_snli_and_headlines(real_data_dir: Path, cache: Path, site: Site, offer: Any) -> None:
    def read(path: str) -> bytes:
        plain = real_data_dir / path
        if plain.is_file():
            return plain.read_bytes()
        with contextlib.suppress(FileNotFoundError):
            return gzip.decompress(plain.with_name(f"{plain.name}.gz").read_bytes())
        assert path == "snli/snli_1.0_train.jsonl"  # it need not be at hand
        return SNLI["snli_1.0_train.jsonl"]

    for name in ("snli", "affective-text"):
        offer(name, {file.name: read(file.path) for file in find_data_set(name).files})
    assert len(load_snli("validation")) == 9842
    assert len(load_snli("test")) == 9824
    assert len(load_affective_text()) == 1246
    assert len(site.requests) == 2
