"""The folder in which ``compress`` keeps what is finished, until the output is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ambiguity_lib.paths import written_whole

_REQUEST = "request.json"


def work_folder(output: Path) -> Path:
    """Where the steps of a run are kept: next to its output."""
    return output.with_name(output.name + ".work")


def check_work(work: Path, *, resume: bool, overwrite: bool) -> None:
    """See that nothing of a stopped run would be lost unasked.

    Raises:
        FileExistsError: If there is something, and no word about it.
    """
    if _finished(work) and not resume and not overwrite:
        raise FileExistsError(
            f"{work} holds what a stopped run has finished: --resume goes on with it, "
            "--overwrite drops it"
        )


def prepare_work(work: Path, request: Mapping[str, Any], *, resume: bool) -> list[str]:
    """An empty folder for the steps, or that of the run that was stopped.

    Args:
        work: The folder.
        request: What is asked for now, JSON-serialisable; kept for the next time.
        resume: Whether to go on with what is there.

    Returns:
        What to tell someone who resumes, one sentence each.
    """
    said = _explain_resuming(work, request) if resume else []
    if work.exists() and not resume:
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    for leftover in work.glob(".*"):  # folders that were being written
        if leftover.is_dir() and leftover.name != ".resume":
            shutil.rmtree(leftover)
    with written_whole(work / _REQUEST) as temporary:
        temporary.write_text(json.dumps(request, indent=1, default=str), encoding="utf-8")
    return said


def _finished(work: Path) -> bool:
    """Whether a folder holds a finished step, or a training that can go on."""
    return bool(_steps(work) or _checkpoints(work))


def _steps(work: Path) -> list[Path]:
    return sorted(work.glob("*/*/artifact.json"))


def _checkpoints(work: Path) -> list[Path]:
    return sorted(work.glob(".resume/*/checkpoint-*"), key=lambda path: path.stat().st_mtime)


def _explain_resuming(work: Path, request: Mapping[str, Any]) -> list[str]:
    """What a resumed run goes on with, and what is asked for otherwise than before."""
    if not _finished(work):
        return [f"{work} holds nothing that is finished: beginning anew"]
    parts = []
    if trained := len(list(work.glob("model/*/artifact.json"))):
        parts.append(f"{trained} finished model{'s' if trained > 1 else ''}")
    if others := len(_steps(work)) - trained:
        parts.append(f"{others} other finished step{'s' if others > 1 else ''}")
    if saves := _checkpoints(work):
        parts.append(f"a training saved after step {saves[-1].name.removeprefix('checkpoint-')}")
    said = [f"going on with {', '.join(parts)} in {work}"]
    try:
        before = json.loads((work / _REQUEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return said
    now = json.loads(json.dumps(request, default=str))
    changed = [
        f"{name}: {before.get(name)} before, {now.get(name)} now"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if changed:
        said.append(
            f"asked for otherwise than before ({'; '.join(changed)}): steps that depend on it "
            "begin anew"
        )
    return said
