"""How a compression can be done again: the command line that made it, or Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ambiguity_lib import run_facts as facts

Run = Mapping[str, Any]

_CONFIGS = {
    "training": "TrainingConfig",
    "probing": "ProbingConfig",
    "evaluation": "EvaluationConfig",
}


@dataclass(frozen=True)
class Reproduction:
    """What to type.

    Attributes:
        language: ``bash`` or ``python``.
        code: One command, or a program.
        remark: What its reader has to put in; empty if nothing.
    """

    language: str
    code: str
    remark: str

    @property
    def fence(self) -> str:
        """Backticks enough to hold the code in Markdown."""
        return max(["```", *(run + "`" for run in re.findall("`{3,}", self.code))], key=len)


def reproduction(run: Run) -> Reproduction:
    """The command of a run that was started by one, and a Python program for any other."""
    command = run.get("command")
    return _program(run) if command is None else _command(command)


def _command(command: Mapping[str, Any]) -> Reproduction:
    lines = ["ambiguity-lib compress", *map(shlex.join, command["options"])]
    remark = ""
    if read := [option for option in command["shortened"] if option != "--output"]:
        remark = (
            f"Of {_listed(read)} only the last part of a path is given here: put "
            "in the whole one, or start the command where these files are."
        )
    return Reproduction("bash", " \\\n  ".join(lines), remark)


def _program(run: Run) -> Reproduction:
    given = {name: part["source"] for name, part in run["data"].items()}
    names = {name: facts.shareable(source or f"{name}.csv") for name, source in given.items()}
    reads = [
        f"{name} = read_dataset({names[name]!r}, class_names=classes"
        f"{', human=True, labels=False' if name == 'human' else ''}).dataset"
        for name in given
    ]
    parts = [f"{name}={name}" if name == "human" else name for name in given]
    call = [repr(facts.base_model(run)[0]), *parts, "settings=settings", f"seed={run['seed']}"]
    lines = [
        "from ambiguity_lib.compression import CompressionSettings, compress",
        "from ambiguity_lib.data import read_dataset",
        f"from ambiguity_lib.profiles import {', '.join(sorted(_CONFIGS.values()))}",
        "",
        f"classes = {tuple(run['classes'])!r}",
        *reads,
        *_settings(run["settings"]),
        f"result = compress({', '.join(call)})",
        f"result.save('student', name={run.get('name')!r})",
    ]
    unknown = [name for name, source in given.items() if source is None]
    remark = "Files are named without their folders, and expected to have this library's columns."
    if unknown:
        what = _listed([f"{name} items" for name in unknown])
        remark += f" Where the {what} are from is not recorded: put in your own file."
    return Reproduction("python", "\n".join(lines), remark)


def _settings(settings: Mapping[str, Any]) -> list[str]:
    """Python that makes the same settings."""
    lines = ["settings = CompressionSettings("]
    for name, value in settings.items():
        if name in _CONFIGS:
            inner = ", ".join(f"{key}={one!r}" for key, one in value.items())
            lines.append(f"    {name}={_CONFIGS[name]}({inner}),")
        else:
            lines.append(f"    {name}={value!r},")
    return [*lines, ")"]


def _listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
