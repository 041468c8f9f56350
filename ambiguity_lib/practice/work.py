"""The folder in which a compression keeps its finished steps, so that a stopped one goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambiguity_lib.store import written_whole

_REQUEST = "request.json"


@dataclass(frozen=True)
class WorkFolder:
    """Finished steps and saves of a training, next to the output they are for."""

    path: Path

    @classmethod
    def beside(cls, output: Path) -> WorkFolder:
        """The folder of an output."""
        return cls(output.with_name(output.name + ".work"))

    @property
    def steps(self) -> list[Path]:
        """What is finished."""
        return sorted(self.path.glob("*/*/artifact.json"))

    @property
    def saves(self) -> list[Path]:
        """States of a training that was stopped, the last one last."""
        saved = self.path.glob(".resume/*/checkpoint-*")
        return sorted(saved, key=lambda path: path.stat().st_mtime)

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """See that nothing of a stopped run would be lost unasked.

        Raises:
            FileExistsError: If there is something, and no word about it.
        """
        if (self.steps or self.saves) and not resume and not overwrite:
            raise FileExistsError(
                f"{self.path} holds what a stopped run has finished: --resume goes on with it, "
                "--overwrite drops it"
            )

    def prepare(self, request: Mapping[str, Any], *, resume: bool) -> list[str]:
        """Empty the folder, or keep what a stopped run has left; what is to be said of it."""
        said = self._explain(request) if resume else []
        if self.path.exists() and not resume:
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.glob(".*"):  # folders that were being written
            if leftover.is_dir() and leftover.name != ".resume":
                shutil.rmtree(leftover)
        with written_whole(self.path / _REQUEST) as temporary:
            temporary.write_text(json.dumps(request, indent=1, default=str), encoding="utf-8")
        return said

    def _explain(self, request: Mapping[str, Any]) -> list[str]:
        """What a resumed run goes on with, and what is asked for otherwise than before."""
        steps, saves = self.steps, self.saves
        if not steps and not saves:
            return [f"{self.path} holds nothing that is finished: beginning anew"]
        models = sum(step.parent.parent.name == "model" for step in steps)
        parts = [
            f"{count} {what}{'s' if count > 1 else ''}"
            for count, what in (
                (models, "finished model"),
                (len(steps) - models, "other finished step"),
            )
            if count
        ]
        if saves:
            step = saves[-1].name.removeprefix("checkpoint-")
            parts.append(f"a training saved after step {step}")
        said = [f"going on with {', '.join(parts)} in {self.path}"]
        try:
            before = json.loads((self.path / _REQUEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return said
        now = json.loads(json.dumps(request, default=str))
        changed = "; ".join(
            f"{name}: {before.get(name)} before, {now.get(name)} now"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
        )
        if changed:
            said.append(
                f"asked for otherwise than before ({changed}): steps that depend on it begin anew"
            )
        return said
