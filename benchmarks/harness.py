"""Compare values before times; keep results with their provenance."""

from __future__ import annotations

import dataclasses
import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ambiguity_lib.models import Timing
from ambiguity_lib.study import provenance

#: Peers and tools whose versions a result names besides those of every record.
PACKAGES = (
    "accelerate",
    "netcal",
    "onnx",
    "onnxruntime",
    "safetensors",
    "scikit-learn",
    "textbrewer",
    "torchmetrics",
)
Relation = Literal[">=", "<="]


def import_peer(module: str) -> Any:
    """Import what we compare with.

    Raises:
        ImportError: If it is not installed; says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} is missing: pip install -e .[dev,bench]") from error


def assert_agree(
    name: str, ours: ArrayLike, theirs: ArrayLike, *, rtol: float = 0.0, atol: float = 0.0
) -> float:
    """Largest absolute difference of two results; a time is worth nothing if they differ.

    Raises:
        AssertionError: If they differ by more than the tolerances allow.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=name, equal_nan=False)
    return float(np.abs(ours - theirs).max())


@dataclass(frozen=True)
class Comparison:
    """One row of the table.

    Attributes:
        name: What is compared, and on which work.
        ours: Our value, in ``unit``.
        peer_name: What it is compared with.
        peer: The peer's value, in ``unit``.
        ratio: The number that the target is about, usually peer/ours; > 1 is then faster.
        target: What ``ratio`` should reach; None where nothing was set beforehand.
        relation: Whether ``ratio`` should be at least or at most ``target``.
        unit: Unit of the two values.
        note: How the values agree and whatever a reader must know.
        details: Timings and whatever else belongs to the row.
    """

    name: str
    ours: float
    peer_name: str
    peer: float
    ratio: float
    target: float | None = None
    relation: Relation = ">="
    unit: str = "s"
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        reached = self.ratio >= self.target if self.relation == ">=" else self.ratio <= self.target
        return bool(reached)


def compare_times(
    name: str,
    ours: Timing,
    peer_name: str,
    peer: Timing,
    *,
    target: float | None = None,
    relation: Relation = ">=",
    note: str = "",
    **details: Any,
) -> Comparison:
    """A row of two medians of one run: peer/ours, or ours/peer where it should be small."""
    above, below = (peer, ours) if relation == ">=" else (ours, peer)
    return Comparison(
        name,
        ours.median,
        peer_name,
        peer.median,
        above.median / below.median,
        target,
        relation,
        note=note,
        details={"ours": ours.summary(), "peer": peer.summary(), **details},
    )


@dataclass(frozen=True)
class Report:
    """What one benchmark found: rows of the table, and tables of its own for the book."""

    comparisons: tuple[Comparison, ...]
    tables: dict[str, Any] = field(default_factory=dict)


def write_report(report: Report, benchmark: str, directory: Path, *, quick: bool) -> Path:
    """Write ``<benchmark>.json`` into ``directory``, whole or not at all.

    ``quick`` says that sizes were reduced, so that nobody takes such numbers for results.
    """
    content = {
        "benchmark": benchmark,
        "quick": quick,
        "comparisons": [
            {**dataclasses.asdict(row), "holds": row.holds} for row in report.comparisons
        ],
        "tables": report.tables,
        "provenance": provenance(*PACKAGES),
    }
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{benchmark}.json"
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path
