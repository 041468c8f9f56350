"""What the record of a compression says besides its measures, in words.

The model card and the report tell the same facts in different clothes; both take them from here.
Nothing is escaped: that is the business of who writes Markdown or HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ambiguity_lib.run_table import UNKNOWN

Run = Mapping[str, Any]

_FILES = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zip"}
# parts of a path that do not tell one model from another: "model", "checkpoint-500", "best_model"
_EMPTY_NAME = re.compile(
    r"[-_. ]*((best|last|latest|final|saved|checkpoint|ckpt|model|weights|output|out|epoch|step|"
    r"[0-9a-f]{40}|\d)[-_. ]*)*",
    re.IGNORECASE,
)
_RIGHT_TO_LEFT = {"R", "AL"}
_TURNING = {"RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}


@dataclass(frozen=True)
class ClassCount:
    """A class and its number of items, one a part of the data."""

    name: str
    counts: tuple[int, ...]


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours."""
    if seconds is None:
        return UNKNOWN
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def one_line(text: str) -> str:
    """Any text on one line: white space becomes one space, what cannot be seen U+FFFD.

    Text that runs from right to left is kept from turning its surroundings around (Unicode's
    isolates, U+2068 and U+2069); signs that only turn are left out.
    """
    line = " ".join(str(text).split())
    kept = [sign for sign in line if unicodedata.bidirectional(sign) not in _TURNING]
    line = "".join("\ufffd" if unicodedata.category(one) in ("Cc", "Cs") else one for one in kept)
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in line):
        line = f"\u2068{line}\u2069"
    return line or "(empty)"


def shareable(source: str, *, local: bool = False) -> str:
    """Where data or a model is from: a path by its last part, a hub id whole.

    The rest of a path says how somebody's disk is arranged, and is nobody else's business.

    Args:
        source: A path, a hub id or any words.
        local: Whether it is known to be a path; else by its looks.
    """
    path = source.replace("\\", "/")
    local |= path.startswith(("/", "~", "./", "../")) or path in (".", "..")
    local |= re.match(r"[A-Za-z]:/", path) is not None
    if not local and PurePosixPath(path).suffix.lower() not in _FILES:
        return source
    last = PurePosixPath(path).name
    return Path(source).expanduser().resolve().name if last in ("", "..", "~") else last


def place(source: str | None) -> str | None:
    """What :func:`shareable` leaves of a source, on one line; None if it is not known."""
    return None if source is None else one_line(shareable(source))


def base_model(run: Run) -> tuple[str, bool]:
    """The name of the model that was compressed, and whether the hub knows it by that name.

    A local path gives its last part only: the rest says how somebody's disk is arranged.
    """
    source, local = run["model"]["source"], run["model"].get("local")
    like_id = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source, re.ASCII) is not None
    if local or not like_id or source.startswith((".", "~")):
        return one_line(PurePosixPath(source.replace("\\", "/")).name or source), False
    return source, True


def tells(name: str) -> bool:
    """Whether a part of a path says which model it is: ``model`` or ``checkpoint-500`` do not."""
    return _EMPTY_NAME.fullmatch(name) is None


def student_name(run: Run) -> str:
    """What came out, by the name that it was given."""
    return one_line(run.get("name") or default_name(run))


def default_name(run: Run, directory: Path | None = None) -> str:
    """A name for what came out: the base model's and the depth.

    Where the base model's says nothing, it is that of the folder; else the family's and the depth.

    Args:
        run: The record.
        directory: Where the student is written to.
    """
    base, depth = base_model(run)[0].rsplit("/", 1)[-1], run["layers"]["depth"]
    if tells(base):
        return f"{base}-{depth}-layers"
    folder = "" if directory is None else directory.resolve().name
    return folder if tells(folder) else f"{run['model']['family']}-{depth}-layers"


def hardware(run: Run) -> str:
    """The machine, in words: the GPU where models ran on one, else the CPU."""
    where = run["provenance"]
    device = (run.get("latency") or {}).get("device")
    if where.get("gpu") and device != "cpu":
        return one_line(where["gpu"])
    parts = [one_line(where.get("cpu") or "unknown CPU")]
    if where.get("cores"):
        parts.append(f"{where['cores']} cores")
    if where.get("torch_threads"):
        count = where["torch_threads"]
        parts.append("1 thread" if count == 1 else f"{count} threads")
    return ", ".join(parts)


def latency_conditions(run: Run) -> str:
    """What the latency is that of, in words."""
    known = run.get("latency") or {}
    parts = ["one text at a time"]
    if known.get("tokens"):
        parts.append(f"{known['tokens']} tokens")
    if known.get("precision"):
        parts.append(known["precision"])
    return f"{', '.join(parts)}; {hardware(run)}"


def layer_name(layer: int) -> str:
    """``layer 3``; the lowest one has a name of its own."""
    return f"layer {layer}" if layer else "the embedding output (layer 0)"


def epochs(count: float) -> str:
    """``1 epoch``, ``3 epochs``."""
    return f"{count:g} epoch" + ("" if count == 1 else "s")


def class_counts(run: Run) -> list[ClassCount]:
    """Items of each class in each part of the data, in the order of the classes."""
    parts = run["data"].values()
    return [
        ClassCount(name, tuple(part["labels"].get(name, 0) for part in parts))
        for name in run["classes"]
    ]


def versions(run: Run) -> dict[str, str]:
    """Python's and the packages' versions, without those that are not installed."""
    where = run["provenance"]
    packages = {name: text for name, text in where["packages"].items() if text}
    return {"Python": where["python"], **packages}


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings as one level, with dots in the names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
