"""What `.ci/badges.py` writes into chapters and pages, and what an install cell says and does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def badges(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    import badges

    return badges


@pytest.fixture
def copy(tmp_path: Path, badges: ModuleType) -> Path:
    """The files that name the release, and the one that says which it is."""
    for path in (*badges.derived(ROOT), ROOT / "ambiguity_lib" / "__init__.py"):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(path, target)
    return tmp_path


def release(root: Path, version: str) -> None:
    path = root / "ambiguity_lib" / "__init__.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'(__version__ = )"[^"]+"', rf'\1"{version}"', text), encoding="utf-8")


def test_what_is_committed_is_of_this_version(badges: ModuleType) -> None:
    texts = badges.derived(ROOT)
    changed = [path.name for path, text in texts.items() if path.read_text("utf-8") != text]
    assert changed == [], "run `python .ci/badges.py`"
    assert len(texts) == len(list((ROOT / "book").glob("*.ipynb"))) + 3
    for path in (path for path in texts if path.suffix != ".ipynb"):
        assert badges.tag(ROOT) in path.read_text(encoding="utf-8"), path


def test_a_new_version_changes_every_file_and_nothing_else_in_it(
    badges: ModuleType, copy: Path
) -> None:
    before = {path: path.read_text(encoding="utf-8") for path in badges.derived(copy)}
    old, new = badges.tag(copy), "v9.8.7"
    release(copy, new.removeprefix("v"))
    badges.main(copy)
    for path, text in before.items():
        assert path.read_text(encoding="utf-8") == text.replace(
            f"blob/{old}/", f"blob/{new}/"
        ).replace(f" -b {old} ", f" -b {new} ").replace(
            f"branch: {old}\n", f"branch: {new}\n"
        ).replace(f"{badges.BINDER}{old}", f"{badges.BINDER}{new}")
        assert path.read_text(encoding="utf-8") != text, path
    assert all(path.read_text("utf-8") == text for path, text in badges.derived(copy).items())


def test_a_notebook_without_a_place_for_them_is_named(badges: ModuleType, copy: Path) -> None:
    path = copy / "book" / "03_layer_probing.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    del notebook["cells"][1]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"03_layer_probing.*\n?.*another chapter"):
        badges.main(copy)


def run_install_cell(cell: str, folder: Path) -> subprocess.CompletedProcess[str]:
    start = f"import os; os.chdir({str(folder)!r})"
    command = [sys.executable, "-m", "IPython", "--no-banner", "-c", f"{start}\n{cell}"]
    environment = {**os.environ, "IPYTHONDIR": str(folder.parent / "ipython")}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_an_install_cell_does_nothing_outside_colab(badges: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    done = run_install_cell(badges.install_cell("v9.8.7"), folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(folder.iterdir()) == []


def test_binder_installs_the_library_in_the_versions_of_the_lock() -> None:
    file = ROOT / ".binder" / "requirements.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert "-c ../requirements.lock" in lines and "--editable ." in lines
    assert (file.parent / "../requirements.lock").is_file()
    python = (file.parent / "runtime.txt").read_text(encoding="utf-8").strip().replace("-", "=")
    assert f"  - {python}\n" in (ROOT / "environment.yml").read_text(encoding="utf-8")
