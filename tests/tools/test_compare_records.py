"""Two folders of records, compared key by key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tools import compare_records
from tools.compare_records import compare

RECORD: dict[str, Any] = {
    "chapter": "01_a",
    "profile": "smoke",
    "seed": 0,
    "settings": {"epochs": 2},
    "results": {"JSD": [0.25, None], "timing": {"s": 1.0}, "name": "x"},
    "provenance": {"date": "today"},
}


def _write(folder: Path, **results: Any) -> Path:
    folder.mkdir(exist_ok=True)
    record = {**RECORD, "results": {**RECORD["results"], **results}}
    (folder / "01_a.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_rounding_and_times_do_not_count(tmp_path: Path) -> None:
    old = _write(tmp_path / "old")
    new = _write(tmp_path / "new", JSD=[0.25 * (1 + 1e-12), None], timing={"s": 2.0})
    assert compare(old, new) == []


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({"JSD": [0.25 * (1 + 1e-7), None]}, "results.JSD[0]: 0.25 became"),
        ({"JSD": [0.25, 0]}, "results.JSD[1]: None became 0"),
        ({"JSD": [0.25]}, "results.JSD: [0.25, None] became [0.25]"),
        ({"more": 1}, "results.more: only in the second"),
        ({"name": True}, "results.name: 'x' became True"),
    ],
)
def test_what_differs_is_named(tmp_path: Path, results: dict[str, Any], said: str) -> None:
    (line,) = compare(_write(tmp_path / "old"), _write(tmp_path / "new", **results))
    assert line.startswith(f"01_a.json: {said}")


def test_a_missing_record_differs_and_the_script_fails(tmp_path: Path) -> None:
    old, new = _write(tmp_path / "old"), tmp_path / "new"
    new.mkdir()
    for folder, code in ((new, 1), (old, 0)):
        command = [sys.executable, compare_records.__file__, str(old), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert ("01_a.json: only in" in done.stdout) == bool(code)
    with pytest.raises(SystemExit, match="neither"):
        compare(new, new)
