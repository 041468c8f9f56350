"""A run that is killed goes on where it was, and ends with the numbers of an uninterrupted one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from course import load_record
from course.record import comparable
from tools import run

SMOKE = Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml"


def _start(build_dir: Path) -> subprocess.Popen[bytes]:
    options = ["--profile", str(SMOKE), "--chapters", "03,05", "--execute-only"]
    return subprocess.Popen(
        [sys.executable, run.__file__, *options],
        env={**os.environ, "AMBIGUITY_BUILD_DIR": str(build_dir)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _finished_models(build_dir: Path) -> dict[Path, int]:
    manifests = build_dir.glob("artifacts/model/*/artifact.json")
    return {path: path.stat().st_mtime_ns for path in manifests if path.parent.name[0] != "."}


def _records(build_dir: Path) -> dict[str, dict[str, object]]:
    files = build_dir.glob("smoke/records/*.json")
    return {path.name: comparable(load_record(path)) for path in files}


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_records(tmp_path: Path) -> None:
    uninterrupted, killed = tmp_path / "uninterrupted", tmp_path / "killed"
    assert _start(uninterrupted).wait(timeout=300) == 0

    process = _start(killed)
    deadline = time.monotonic() + 300
    while len(_finished_models(killed)) < 2:  # the teacher, and one student of chapter 05
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(2.5)  # the kernel is in a session of its own and ends when it misses its parent
    before = _finished_models(killed)
    assert len(before) < len(_finished_models(uninterrupted)), "killed too late to show anything"
    assert "05_distillation_seed0.json" not in _records(killed)

    assert _start(killed).wait(timeout=300) == 0
    after = _finished_models(killed)
    assert {path: after[path] for path in before} == before, "finished models were trained again"
    assert _records(killed) == _records(uninterrupted)
