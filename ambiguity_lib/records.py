"""The numbers of a chapter's run as JSON, with everything needed to know where they are from."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ambiguity_lib.paths import project_root, run_directory, written_whole
from ambiguity_lib.profiles import Profile

_PACKAGES = ("ambiguity-lib", "torch", "transformers", "datasets", "numpy", "scipy")
_KEYS = ("chapter", "profile", "seed", "settings", "results", "provenance")


def provenance(*packages: str) -> dict[str, Any]:
    """Date (UTC), git commit, versions and hardware of the running process.

    Args:
        packages: Distributions whose versions matter besides the usual ones.

    Returns:
        What JSON can hold; None for what could not be found out.

    Examples:
        >>> from ambiguity_lib.records import provenance
        >>> "torch" in str(provenance())
        True
    """
    versions: dict[str, str | None] = {}
    for package in (*_PACKAGES, *packages):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    gpu, threads = None, None
    torch = sys.modules.get("torch")  # a record of a run without torch need not wait for its import
    if torch is not None:
        threads = torch.get_num_threads()
        gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": _git_state(),
        "python": platform.python_version(),
        "packages": versions,
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "torch_threads": threads,
        "gpu": gpu,
    }


def write_record(
    chapter: str,
    profile: Profile,
    seed: int,
    results: Mapping[str, Any],
    *,
    directory: Path | None = None,
) -> Path:
    """Write a chapter's numbers to ``<chapter>_seed<seed>.json``, whole or not at all.

    Args:
        chapter: The notebook's stem, for instance ``03_layer_probing``.
        profile: The profile; its name and all its settings go into the record.
        seed: The run's seed.
        results: Numbers, text, lists, mappings, numpy arrays, data frames (as a list of rows) and
            dataclasses. NaN and infinities become null. Measured times belong under a key
            ``timing``, so that ``comparable`` can leave them out.
        directory: Where to; by default the run directory of the profile.

    Returns:
        The path of the record.

    Raises:
        TypeError: Something in ``results`` has no form in JSON; the message says where.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.profiles import load_profile
        >>> from ambiguity_lib.records import load_record, write_record
        >>> profile = load_profile("tiny.yml")
        >>> path = write_record(
        ...     "01_mine", profile, 0, {"JSD": np.float64(0.25), "KL": float("nan")}
        ... )
        >>> path.name
        '01_mine_seed0.json'
        >>> load_record(path)["results"]
        {'JSD': 0.25, 'KL': None}

        What JSON cannot hold is named:

        >>> write_record("01_mine", profile, 0, {"model": object()})
        Traceback (most recent call last):
            ...
        TypeError: results.model holds a value of type object, which a record cannot
        keep: turn it into numbers, text, lists or a data frame first
    """
    folder = directory if directory is not None else run_directory(profile.name) / "records"
    record = {
        "chapter": chapter,
        "profile": profile.name,
        "seed": int(seed),
        "settings": plain(profile, "settings"),
        "results": plain(results, "results"),
        "provenance": provenance(),
    }
    text = json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chapter}_seed{int(seed)}.json"
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def load_record(path: str | Path) -> dict[str, Any]:
    """Read a record.

    Args:
        path: The record's file.

    Returns:
        Keys ``chapter``, ``profile``, ``seed``, ``settings``, ``results`` and ``provenance``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a record; the message names it.

    Examples:
        >>> from pathlib import Path
        >>> from ambiguity_lib.records import load_record
        >>> _ = Path("notes.json").write_text("{}")
        >>> load_record("notes.json")
        Traceback (most recent call last):
            ...
        ValueError: notes.json is not a record: it needs the keys chapter, profile,
        seed, settings, results, provenance
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no record {path}: run its chapter first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict) or any(key not in record for key in _KEYS):
        raise ValueError(f"{path} is not a record: it needs the keys {', '.join(_KEYS)}")
    return record


def comparable(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that two runs with the same seed share.

    Returns:
        A copy without ``provenance`` and without any key ``timing``, at whatever depth.
    """
    kept = {key: value for key, value in record.items() if key != "provenance"}
    stripped = _without_timing(kept)
    assert isinstance(stripped, dict)
    return stripped


def _without_timing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_timing(item) for key, item in value.items() if key != "timing"}
    if isinstance(value, list):
        return [_without_timing(item) for item in value]
    return value


def plain(value: Any, where: str = "value") -> Any:
    """Turn a value into what JSON knows: see :func:`write_record` for what there may be.

    Raises:
        TypeError: If it holds something else; the message says where.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), where)
    if isinstance(value, pd.DataFrame):
        # an unnamed index is only a row number
        frame = value.reset_index() if any(value.index.names) else value
        return plain(frame.to_dict("records"), where)
    if isinstance(value, pd.Series):
        return plain(value.to_dict(), where)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: plain(getattr(value, item.name), f"{where}.{item.name}")
            for item in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, bytes):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(items)]
    raise TypeError(
        f"{where} holds a value of type {type(value).__name__}, which a record cannot keep: "
        "turn it into numbers, text, lists or a data frame first"
    )


def _git_state() -> dict[str, Any]:
    """Commit of the project, and whether its tracked files differ from it; None without git."""
    root = project_root()

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    changes = git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
