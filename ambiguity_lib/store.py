"""A content-addressed store: what determines a result → the result, built once.

An artifact is a folder. Its key is a hash of everything that determines it; its manifest
``artifact.json`` holds that specification, checksums of its files and the time it took. It is built
under a temporary name and renamed when complete, so that a killed run leaves nothing half-written
and the next one goes on from the last finished artifact.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

#: Raise when the meaning of stored artifacts changes, so that old ones are not found any more.
FORMAT = 2
MANIFEST = "artifact.json"
_VERSIONED = ("ambiguity-lib", "torch", "transformers", "tokenizers", "accelerate", "numpy")
_TEMPORARY = ".building-"
# A store may be shared by machines, and a process number means something on its own machine only.
_HOST = socket.gethostname()


class CorruptArtifactError(RuntimeError):
    """An artifact's files do not match its manifest."""


class MissingArtifactError(LookupError):
    """An artifact is not there, and the store may not build.

    Attributes:
        kind: What is missing.
        key: Its key.
    """

    def __init__(self, root: Path, kind: str, key: str) -> None:
        super().__init__(f"{root} holds no {kind} {key}")
        self.kind = kind
        self.key = key


@dataclass(frozen=True)
class Artifact:
    """A finished artifact.

    Attributes:
        key: Hash of everything that determines it.
        path: Its folder.
        seconds: Wall-clock time that building it took.
    """

    key: str
    path: Path
    seconds: float


# a package's files are read for it, and a chapter asks some thousand times
_version = functools.cache(importlib.metadata.version)


def library_versions() -> dict[str, str]:
    """Versions of the libraries that results depend on."""
    return {name: _version(name) for name in _VERSIONED}


def artifact_key(kind: str, spec: Mapping[str, Any]) -> str:
    """Hash of a kind, its specification and the library versions that matter.

    Raises:
        TypeError: If the specification holds something that JSON cannot express.
    """
    text = json.dumps(
        {"format": FORMAT, "kind": kind, "spec": dict(spec), "versions": library_versions()},
        sort_keys=True,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArtifactStore:
    """Artifacts below one folder, ``root/kind/key``."""

    def __init__(self, root: Path) -> None:
        """Use ``root``; it is created when the first artifact is built."""
        self.root = root
        self._verified: dict[str, Artifact] = {}
        self._may_build = True

    def read_only(self) -> ArtifactStore:
        """The same store, which raises :class:`MissingArtifactError` where it would build."""
        store = ArtifactStore(self.root)
        store._verified = self._verified
        store._may_build = False
        return store

    def has(self, kind: str, spec: Mapping[str, Any]) -> bool:
        """Whether the artifact is there; its files are not looked at."""
        return (self.root / kind / artifact_key(kind, spec)).is_dir()

    def get_or_build(
        self, kind: str, spec: Mapping[str, Any], build: Callable[[Path], None]
    ) -> Artifact:
        """The artifact of this kind and specification; built if missing or corrupted.

        Of several processes that train together all build it, since training needs them all, and
        process 0's is kept; the store must be one that all of them see.

        Raises:
            MissingArtifactError: If the store is read-only and lacks it.
        """
        key = artifact_key(kind, spec)
        if key in self._verified:
            return self._verified[key]
        path = self.root / kind / key
        artifact = None
        if path.exists():
            try:
                artifact = self._read(key, path)
            except CorruptArtifactError as error:
                if self._may_build:
                    logger.warning("%s; it is built again", error)
                    shutil.rmtree(path)
        if not self._may_build:
            if artifact is None:
                raise MissingArtifactError(self.root, kind, key)
        elif agree(artifact is None):
            if is_main_process():
                artifact = self._build(kind, key, path, spec, build)
            else:
                with tempfile.TemporaryDirectory() as unused:
                    build(Path(unused))
            agree(True)  # it is there for all now
            artifact = self._read(key, path) if artifact is None else artifact
        assert artifact is not None
        self._verified[key] = artifact
        return artifact

    def _read(self, key: str, path: Path) -> Artifact:
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            files, seconds = manifest["files"], float(manifest["seconds"])
            if manifest["key"] != key or not isinstance(files, dict) or not files:
                raise ValueError("another artifact's manifest, or one without files")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptArtifactError(f"artifact {path} has no readable manifest") from error
        for name, checksum in files.items():
            file = path / name
            if not file.is_file() or file_sha256(file) != checksum:
                raise CorruptArtifactError(f"artifact {path}: {name} is missing or was changed")
        return Artifact(key, path, seconds)

    def _build(
        self,
        kind: str,
        key: str,
        path: Path,
        spec: Mapping[str, Any],
        build: Callable[[Path], None],
    ) -> Artifact:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned(path.parent)
        temporary = path.parent / f"{_TEMPORARY}{os.getpid()}-{_HOST}-{uuid.uuid4().hex[:8]}"
        temporary.mkdir()
        try:
            start = time.perf_counter()
            build(temporary)
            seconds = round(time.perf_counter() - start, 3)
            manifest = {
                "kind": kind,
                "key": key,
                "spec": dict(spec),
                "files": {
                    file.relative_to(temporary).as_posix(): file_sha256(file)
                    for file in sorted(temporary.rglob("*"))
                    if file.is_file()
                },
                "seconds": seconds,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            }
            (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            try:
                temporary.rename(path)
            except OSError:
                # Another process finished the same artifact first: its content is ours.
                if not path.exists():
                    raise
                return self._read(key, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return Artifact(key, path, seconds)

    @staticmethod
    def _remove_abandoned(folder: Path) -> None:
        """Delete what processes of this machine that no longer run left behind."""
        for leftover in folder.glob(f"{_TEMPORARY}*-{_HOST}-*"):
            process = leftover.name.removeprefix(_TEMPORARY).split("-")[0]
            if not Path("/proc").exists() or Path("/proc", process).exists():
                continue
            logger.warning("removing %s, left by a run that was stopped", leftover)
            shutil.rmtree(leftover, ignore_errors=True)


def world_size() -> int:
    """Processes that train together; usually 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this is the process that speaks and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def agree(value: bool) -> bool:
    """What process 0 says; all wait for it here."""
    if world_size() == 1:
        return value
    from torch import distributed

    said = [value]
    distributed.broadcast_object_list(said, src=0)
    return bool(said[0])


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to, which becomes ``path`` when the block ends well."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
