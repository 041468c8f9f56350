"""Rules that a committed chapter keeps (CONTRIBUTING.md, "Chapters")."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode, v4

BOOK = Path(__file__).resolve().parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.stem == "intro" or path.stem[:2].isdigit()]
BADGE = "https://colab.research.google.com/github/ambiguity-book/ambiguity-lib/blob/main/book/{}"
COMPARED = "nbval-check-output"

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(notebook: NotebookNode, tag: str | None = None) -> list[NotebookNode]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if tag is None or tag in cell.metadata.get("tags", [])]


def _printed(cell: NotebookNode) -> str:
    parts = [output.get("text", "") for output in cell.outputs]
    parts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "".join(parts)


def test_the_table_of_contents_names_every_notebook_and_page_of_the_book() -> None:
    toc = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
    listed = {Path(toc["root"]).name} | {Path(entry["file"]).name for entry in toc["chapters"]}
    pages = {path.stem for path in (*NOTEBOOKS, *BOOK.glob("*.md"))}
    assert listed == pages


@every_chapter
def test_form(path: Path) -> None:
    notebook = _read(path)
    nbformat.validate(notebook)
    assert 15 <= len(notebook.cells) <= 30, f"{len(notebook.cells)} cells, the rule is 15 to 30"
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@every_chapter
def test_one_parameters_cell_with_the_default_profile(path: Path) -> None:
    cells = _code(_read(path), "parameters")
    assert len(cells) == 1
    assert re.search(r'^PROFILE = "synthetic"', cells[0].source, re.MULTILINE)
    assert re.search(r"^SEED = \d+", cells[0].source, re.MULTILINE)


@every_chapter
def test_opening_and_ending(path: Path) -> None:
    notebook = _read(path)
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert BADGE.format(path.name) in first.source
    install = _code(notebook)[0]
    assert '"google.colab" in sys.modules' in install.source
    assert "write_record(" in _code(notebook)[-1].source
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "{dropdown}" in text, "exercises come with hidden solutions"


@every_chapter
def test_outputs_are_committed_from_one_clean_run(path: Path) -> None:
    notebook = _read(path)
    counts = [cell.execution_count for cell in _code(notebook) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1)), "run `make outputs` before committing"
    for cell in _code(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", f"cell {cell.id} wrote to stderr"
        assert not re.search(r"(/home/|/root/|/tmp/|/work/|/Users/)", _printed(cell)), cell.id


@every_chapter
def test_nothing_of_a_single_run_is_in_the_metadata(path: Path) -> None:
    notebook = _read(path)
    assert not {"papermill", "widgets"} & set(notebook.metadata)
    assert "version" not in notebook.metadata.get("language_info", {})
    for cell in notebook.cells:
        assert not {"papermill", "execution"} & set(cell.metadata)
        assert "injected-parameters" not in cell.metadata.get("tags", [])


@every_chapter
def test_compared_cells_have_something_to_compare(path: Path) -> None:
    cells = _code(_read(path), COMPARED)
    assert cells, f"tag at least one cell {COMPARED}"
    for cell in cells:
        # nbval silently skips a cell whose execution count is null
        assert cell.execution_count is not None
        assert _printed(cell).strip()


@pytest.mark.parametrize(("stored", "passes"), [("0.25\n", True), ("0.35\n", False)])
def test_nbval_notices_a_changed_number(tmp_path: Path, stored: str, passes: bool) -> None:
    output = v4.new_output("stream", name="stdout", text=stored)
    cell = v4.new_code_cell(
        "print(1 / 4)", execution_count=1, outputs=[output], metadata={"tags": [COMPARED]}
    )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), tmp_path / "a.ipynb"
    )
    options = ["-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", "a.ipynb"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode == 0) == passes, done.stdout
