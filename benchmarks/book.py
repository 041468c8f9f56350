"""Where `make book` spends its time: a first run, and one with all artifacts there.

Not part of `make bench`, which it would lengthen by minutes: `make bench ARGS=book`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ambiguity_lib.study import project_root
from benchmarks.harness import Comparison, Report

PROFILE = "synthetic"
#: Seconds that we set beforehand.
TARGETS = {"first run": 300.0, "chapters executed again": 40.0, "nothing changed": 40.0}
_DONE = re.compile(r"\] (\w+)\s+done in (\d+):(\d+)")
_RENDERED = re.compile(r"rendered in (\d+):(\d+)")


def run(quick: bool) -> Report:
    """Run the default profile in an empty build directory, again with `--rerun`, and again."""
    profile = str(project_root() / "tests/profiles/smoke.yml") if quick else PROFILE
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "AMBIGUITY_BUILD_DIR": folder, "HF_HUB_OFFLINE": "1"}
        parts = {
            "first run": _run_book(profile, environment),
            "chapters executed again": _run_book(profile, environment, "--rerun"),
            "nothing changed": _run_book(profile, environment),
        }
        models = _training_seconds(Path(folder))
    rows = tuple(
        Comparison(
            name=f"make book, {name}",
            ours=seconds["all"],
            peer_name="limit",
            peer=TARGETS[name],
            ratio=seconds["all"] / TARGETS[name],
            target=1.0,
            relation="<=",
            note="ratio: time / limit; one run",
            details=seconds,
        )
        for name, seconds in parts.items()
    )
    return Report(rows, {"seconds": parts, "training_seconds": models})


def _run_book(profile: str, environment: dict[str, str], *options: str) -> dict[str, float]:
    """Seconds of every chapter, of the rendering, and of all."""
    command = [sys.executable, str(project_root() / "book/tools/run.py")]
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, "--profile", profile, *options],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = {name: 60.0 * int(m) + int(s) for name, m, s in _DONE.findall(done.stdout)}
    for minutes, rest in _RENDERED.findall(done.stdout):
        seconds["rendering"] = 60.0 * int(minutes) + int(rest)
    seconds["all"] = time.perf_counter() - begin
    return seconds


def _training_seconds(build: Path) -> dict[str, Any]:
    """What the first run spent in the store's kinds of artifacts."""
    spent: dict[str, float] = {}
    for manifest in build.glob("artifacts/*/*/artifact.json"):
        content = json.loads(manifest.read_text(encoding="utf-8"))
        spent[content["kind"]] = spent.get(content["kind"], 0.0) + content["seconds"]
    return spent
