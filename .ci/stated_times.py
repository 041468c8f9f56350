"""Write the times that chapters and the page for instructors state.

A chapter's is that of the rule in ambiguity_lib/reading_time.py; the page's are those of the record
that it names.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
from introduced import chapters

from ambiguity_lib.reading_time import state_time

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "book" / "instructors.md"
# how a row of the page's table begins, its chapter, whether it also has the time of a second run
ROWS = (
    ("chapter 1 alone", "01_human_opinions", False),
    ("chapter 2", "02_overconfidence", True),
    ("chapter 5", "05_distillation", True),
)


def with_measured_times(page: str) -> str:
    """The page for instructors, with the seconds of the benchmark that it names."""
    source = re.search(r"`(benchmarks/results/\S+/book\.json)`", page)
    if source is None:
        raise SystemExit(f"{PAGE} names no record of its times, `benchmarks/results/…/book.json`")
    seconds = json.loads((ROOT / source[1]).read_text(encoding="utf-8"))["tables"]["seconds"]
    for start, chapter, twice in ROWS:
        cell = f"{seconds['first run'][chapter]:.0f} s"
        if twice:
            cell += f" the first time, then {seconds['chapters executed again'][chapter]:.0f} s"
        row = rf"^(\| `synthetic` \| {start}[^|]*\|)[^|]*\|"
        page, count = re.subn(row, rf"\1 {cell} |", page, flags=re.MULTILINE)
        if count != 1:
            raise SystemExit(f"{PAGE} has {count} rows '{start}…' of the profile synthetic, not 1")
    return page


def main() -> None:
    for path in chapters():
        notebook = nbformat.read(path, as_version=4)
        try:
            state_time(notebook)
        except ValueError as error:
            raise SystemExit(f"{path}: {error}") from None
        nbformat.write(notebook, path)
    PAGE.write_text(with_measured_times(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
