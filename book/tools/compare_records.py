"""Compare two folders of records: did a change of the code change a number?

    python book/tools/compare_records.py _build/before/records _build/after/records

Lists every value that differs by more than a relative 1e-9, and fails if any does. Where a record
is from (`provenance`) and what was measured in seconds (`timing`) is left out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# as a script this file is in no package; the folder above has `course`
sys.path.append(str(Path(__file__).resolve().parents[1]))
from course.record import comparable, load_record

TOLERANCE = 1e-9


def differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """One line for every value that differs, each with the keys that lead to it."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            where = f"{name}.{key}".lstrip(".")
            if key not in new or key not in old:
                yield f"{where}: only in the {'first' if key in old else 'second'}"
            else:
                yield from differences(old[key], new[key], where)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for position, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{name}[{position}]")
    elif not _same(old, new):
        yield f"{name}: {old!r} became {new!r}"


def _same(old: Any, new: Any) -> bool:
    numbers = [value for value in (old, new) if type(value) in (int, float)]
    if len(numbers) == 2:
        return math.isclose(old, new, rel_tol=TOLERANCE)
    return type(old) is type(new) and bool(old == new)


def compare(old: Path, new: Path) -> list[str]:
    """What differs between the records of two folders, in words."""
    found = []
    folders = [{path.name: path for path in folder.glob("*.json")} for folder in (old, new)]
    if not any(folders):
        raise SystemExit(f"neither {old} nor {new} has a record")
    for name in sorted(folders[0].keys() | folders[1].keys()):
        if any(name not in folder for folder in folders):
            found.append(f"{name}: only in {old if name in folders[0] else new}")
            continue
        before, after = (comparable(load_record(folder[name])) for folder in folders)
        found += [f"{name}: {line}" for line in differences(before, after)]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    lines = compare(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(lines) or "no number differs")
    sys.exit(bool(lines))
