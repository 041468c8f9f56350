"""Whether an executed chapter is still what executing it again would give.

A chapter's outputs follow from its notebook and parameters, the library, the profile and its
model, recorded results, the data folder, the installed packages and the machine. A fingerprint of
all these is kept with the executed copy; where it has not changed, the chapter need not run.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ambiguity_lib.data.download import cache_directory
from ambiguity_lib.paths import project_root


def fingerprint(notebook: Path, parameters: Mapping[str, Any], profile: Path) -> str:
    """Hash of everything that a chapter's outputs follow from.

    Args:
        notebook: The chapter.
        parameters: What is injected into it.
        profile: The profile's file.
    """
    digest = hashlib.sha256()

    def add(value: object) -> None:
        digest.update(repr(value).encode())

    add((sys.version, dict(parameters)))
    for path in (notebook, profile):
        add(path.read_bytes())
    library, root = Path(__file__).parent, project_root()
    recorded = [notebook.parent / "results", root / "benchmarks" / "results"]
    for folder, pattern in [(library, "*.py"), *((folder, "*.json") for folder in recorded)]:
        for path in sorted(folder.rglob(pattern)):
            add((path.relative_to(folder).as_posix(), path.read_bytes()))
    add(sorted((str(d.name), str(d.version)) for d in importlib.metadata.distributions()))
    source = yaml.safe_load(profile.read_text(encoding="utf-8"))["model"]["source"]
    add(list(_files(source)))
    add(list(_files(os.environ.get("AMBIGUITY_DATA_DIR") or cache_directory())))
    add(_machine())
    return digest.hexdigest()


def _files(folder: str | Path | None) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of a folder's files, which may be too large to be read for this."""
    if folder:
        for path in sorted(Path(folder).expanduser().rglob("*")):
            if path.is_file():
                status = path.stat()
                yield str(path), status.st_size, status.st_mtime_ns


def _machine() -> tuple[object, ...]:
    """What precision and timings depend on: processor, its instructions, cores, GPUs."""
    lines: list[str] = []
    with contextlib.suppress(OSError):  # not Linux
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        lines = sorted({line for line in text.splitlines() if line[:5] in ("flags", "model")})
    chosen = [os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")]
    gpus = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    return platform.machine(), os.cpu_count(), lines, chosen, gpus


def _stamp_path(output: Path) -> Path:
    return output.parents[1] / "stamps" / f"{output.stem}.json"


def is_fresh(output: Path, expected: str) -> bool:
    """Whether ``output`` and the records of its run are there, unchanged, and of ``expected``."""
    try:
        stamp = json.loads(_stamp_path(output).read_text(encoding="utf-8"))
        return bool(
            stamp["fingerprint"] == expected
            and stamp["files"]
            and all(_hash(Path(name)) == value for name, value in stamp["files"].items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def stamp(output: Path, value: str, records: Iterable[Path]) -> None:
    """Note that ``output`` and ``records`` are of the fingerprint ``value``."""
    files = {str(path): _hash(path) for path in (output, *records)}
    path = _stamp_path(output)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({"fingerprint": value, "files": files}), encoding="utf-8")
    temporary.replace(path)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
