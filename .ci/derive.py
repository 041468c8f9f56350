"""Make everything anew that is derived and comes out the same on any machine; `make derived`.

    python .ci/derive.py            # writes
    python .ci/derive.py --check    # only lists what is out of date, and fails if anything is

What takes hours or depends on the machine (outputs of the chapters, recorded results, benchmarks)
is not made here. The check says where recorded results no longer belong to their profile.
"""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ambiguity_lib.study.profile import load_profile
from ambiguity_lib.study.provenance import plain

sys.path.append(str(Path(__file__).resolve().parents[1] / "book"))
from course.record import load_record

ROOT = Path(__file__).resolve().parents[1]
# in this order: the badges are text that the metadata's form is written around
STEPS = (
    (".ci/lock.py",),
    (".ci/badges.py",),
    (".ci/introduced.py",),
    ("book/tools/notebook_metadata.py", "book/*.ipynb"),
)
LARGEST_NOTEBOOK = 1_000_000  # bytes; more is slow to load and to review
DIFF_LINES, DIFF_WIDTH = 12, 160
# what a profile says besides what its numbers come from
NOT_COMPARED = {"title", "description", "seeds", "sweep_seeds"}


def derive(root: Path) -> list[str]:
    """Run every step in ``root``, a checkout; returns what the steps printed."""
    said = []
    for script, *patterns in STEPS:
        paths = [str(path) for pattern in patterns for path in sorted(root.glob(pattern))]
        done = subprocess.run(
            [sys.executable, str(root / script), *paths],
            cwd=root,
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise SystemExit(f"{script} failed:\n{done.stdout}{done.stderr}")
        said += [f"{script}: {line}" for line in done.stdout.splitlines()]
    return said


def files(root: Path) -> list[str]:
    """What git has of a checkout, or would have after `git add -A`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, encoding="utf-8")
    names = sorted(set(done.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def out_of_date(root: Path) -> dict[str, str]:
    """Names of derived files that would come out differently, each with the beginning of a diff."""
    with tempfile.TemporaryDirectory(prefix="derived-") as folder:
        copy = Path(folder)
        for name in files(root):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, copy / name)
        for line in derive(copy):
            print(line)
        return {
            name: _difference((root / name).read_bytes(), (copy / name).read_bytes())
            for name in files(root)
            if (root / name).read_bytes() != (copy / name).read_bytes()
        }


def _difference(old: bytes, new: bytes) -> str:
    texts = [part.decode("utf-8").splitlines() for part in (old, new)]
    lines = list(difflib.unified_diff(*texts, "as it is", "as it should be", n=0, lineterm=""))
    shown = [line[:DIFF_WIDTH] for line in lines[2 : 2 + DIFF_LINES]]
    if len(lines) > 2 + DIFF_LINES:
        shown.append(f"… {len(lines) - 2 - DIFF_LINES} more lines")
    return "\n".join(shown)


def too_large(root: Path) -> Iterator[str]:
    """Notebooks above the limit."""
    for path in sorted((root / "book").glob("*.ipynb")):
        if (size := path.stat().st_size) > LARGEST_NOTEBOOK:
            yield (
                f"{path.relative_to(root)} has {size / 1e6:.2f} MB, the limit is "
                f"{LARGEST_NOTEBOOK / 1e6:g} MB: fewer or smaller figures"
            )


def records_of_other_settings(root: Path) -> Iterator[str]:
    """Recorded results whose profile has been changed since they were made."""
    profiles = root / "book" / "profiles"
    for path in sorted((root / "book" / "results").glob("*/*.json")):
        record = load_record(path)
        profile = load_profile(profiles / f"{record['profile']}.yml")
        if record["chapter"].endswith("_emotion"):
            profile = profile.for_second_task()
        for key in _changed(record["settings"], plain(profile, "profile")):
            yield f"{path.relative_to(root)} was made with another {key}: run `make results`"


def _changed(recorded: Any, current: Any, name: str = "") -> Iterator[str]:
    """Settings that both have, but with different values."""
    if isinstance(recorded, dict) and isinstance(current, dict):
        for key in sorted(set(recorded) & set(current) - NOT_COMPARED):
            yield from _changed(recorded[key], current[key], f"{name}.{key}".lstrip("."))
    elif json.dumps(recorded) != json.dumps(current):
        yield name


def check(root: Path) -> list[str]:
    """Everything that is out of date, in words; empty if nothing is."""
    found = [f"{name}:\n{text}" for name, text in out_of_date(root).items()]
    if found:
        found.append("`make derived` writes these anew; then look at what changed")
    return [*found, *too_large(root), *records_of_other_settings(root)]


def main() -> None:
    if sys.argv[1:] not in ([], ["--check"]):
        raise SystemExit(__doc__)
    if sys.argv[1:]:
        found = check(ROOT)
        print("\n".join(found) or "everything that is derived is up to date")
        sys.exit(bool(found))
    print("\n".join(derive(ROOT)) or "written")


if __name__ == "__main__":
    main()
