"""Where numbers are from: date, commit, versions and hardware, and their form in JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
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

from ambiguity_lib.study.paths import project_root

_PACKAGES = ("ambiguity-lib", "torch", "transformers", "datasets", "numpy", "scipy")


def provenance(*packages: str) -> dict[str, Any]:
    """Date (UTC), git commit, versions and hardware of the running process."""
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
