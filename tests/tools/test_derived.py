"""What is derived is made anew, or reported, from a checkout (`.ci/derive.py`)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import derive
import pytest
from tools.notebook_metadata import stripped

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "book/01_human_opinions.ipynb"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which everything is up to date."""
    copy = tmp_path_factory.mktemp("derived") / "checkout"
    for name in derive.files(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    derive.derive(copy)
    return copy


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_file_that_is_out_of_date_is_named_and_none_is_changed(checkout: Path) -> None:
    copy = checkout.parent / "edited"
    shutil.copytree(checkout, copy)
    edits = {
        "environment.yml": ("torch==", "torch==0."),
        "requirements.lock": ("torch==", "torch==0."),
        "book/api/metrics.md": ("Introduced in :doc:`/book/01", "Introduced in :doc:`/book/09"),
        "book/02_overconfidence.ipynb": (" -b v", " -b vv"),
        NOTEBOOK: ('"language_info": {', '"vscode": {}, "language_info": {'),
    }
    for name, change in edits.items():
        _edit(copy / name, *change)
    before = {name: (copy / name).read_bytes() for name in derive.files(copy)}
    found = derive.out_of_date(copy)
    assert set(found) == set(edits)
    assert (
        '-  "vscode": {},' not in found["environment.yml"]
        and "torch==0." in found["environment.yml"]
    )
    assert before == {name: (copy / name).read_bytes() for name in derive.files(copy)}
    derive.derive(copy)
    assert derive.check(copy) == []


def test_a_large_notebook_and_a_record_of_another_profile_are_reported(
    checkout: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(checkout, copy)
    _edit(copy / NOTEBOOK, '"image/png": "', '"image/png": "' + "A" * 10**6)
    _edit(copy / "book/profiles/mpnet.yml", "epochs: 2", "epochs: 3")
    found = derive.check(copy)
    assert [line for line in found if line.startswith(f"{NOTEBOOK} has 1.") and "1 MB" in line]
    stale = [line for line in found if "another training.epochs: run `make results`" in line]
    assert len(stale) == len(list((ROOT / "book" / "results" / "mpnet").glob("*.json")))
    assert len(found) == 1 + len(stale)


def test_metadata_goes_and_outputs_stay() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": ["é\n"]}
    noise = {"collapsed": False, "scrolled": True, "execution": {}, "papermill": {}, "vscode": {}}
    cell = {"cell_type": "code", "id": "a", "source": ["1"], "execution_count": 7}
    kernel = {"name": "mine", "display_name": "my venv", "language": "python"}
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": kernel,
            "language_info": {"name": "python", "version": "3.12.1"},
            "widgets": {},
            "colab": {},
        },
        "cells": [
            {**cell, "outputs": [output], "metadata": {**noise, "tags": ["x"], "mystnb": {}}}
        ],
    }
    kept = json.loads(stripped(json.dumps(notebook)))
    assert kept["metadata"] == {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    assert kept["cells"] == [
        {**cell, "outputs": [output], "metadata": {"tags": ["x"], "mystnb": {}}}
    ]
    with pytest.raises(ValueError, match="not a notebook"):
        stripped("{}")


def test_git_keeps_notebooks_without_their_noise(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    command = makefile.split("git config filter.notebook-metadata.clean '")[1].split("'")[0]
    script = Path("book") / "tools" / "notebook_metadata.py"
    (tmp_path / script).parent.mkdir(parents=True)
    shutil.copy2(ROOT / script, tmp_path / script)
    shutil.copy2(ROOT / ".gitattributes", tmp_path)
    text = (ROOT / NOTEBOOK).read_text(encoding="utf-8")
    (tmp_path / "a.ipynb").write_text(text, encoding="utf-8")
    _edit(tmp_path / "a.ipynb", '"language_info": {', '"vscode": {}, "language_info": {')

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
        return done.stdout.decode("utf-8")

    git("init", "--quiet")
    git("config", "filter.notebook-metadata.clean", command.replace("$(PYTHON)", sys.executable))
    git("add", "a.ipynb")
    assert git("show", ":a.ipynb") == stripped(text)
    assert '"vscode"' in (tmp_path / "a.ipynb").read_text(encoding="utf-8")
