"""Rules that a committed chapter keeps (CONTRIBUTING.md, "Chapters")."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from course.exercises import EXERCISES
from course.figures import METHOD_COLORS
from nbformat import NotebookNode, v4

from ambiguity_lib import __version__

BOOK = Path(__file__).resolve().parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.stem[:2].isdigit()]
SOLUTIONS = BOOK / "10_solutions.ipynb"
TAUGHT = [path for path in CHAPTERS if path != SOLUTIONS]
BADGE = (
    "https://colab.research.google.com/github/ambiguity-book/ambiguity-lib"
    f"/blob/v{__version__}/book/{{}}"
)
COMPARED = "nbval-check-output"

EXERCISE = re.compile(r"\*\*Exercise (\d+\.\d+)\*\* \((by hand|code|open)\)")
CHECK = re.compile(r'check\("(\d+\.\d+)"')
#: Chapters that are not called by their number.
NAMES = {7: "Lab A", 8: "Lab B", 9: "Appendix"}
SOLVED = re.compile(r"^\*\*Exercise (\d+\.\d+)\*\*$", re.MULTILINE)

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
every_taught_chapter = pytest.mark.parametrize("path", TAUGHT, ids=lambda path: path.stem)


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(notebook: NotebookNode, tag: str | None = None) -> list[NotebookNode]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if tag is None or tag in cell.metadata.get("tags", [])]


def _text(cells: list[NotebookNode]) -> str:
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def _number(path: Path) -> int:
    return int(path.stem[:2])


def _name(path: Path) -> str:
    return NAMES.get(_number(path), f"Chapter {_number(path)}")


def _parts(notebook: NotebookNode) -> tuple[list[NotebookNode], list[NotebookNode]]:
    """The cells of a chapter, and those of its exercises at the end."""
    starts = [cell.source.startswith("## Exercises") for cell in notebook.cells]
    assert starts.count(True) == 1, "one cell begins with the heading '## Exercises'"
    at = starts.index(True)
    return [*notebook.cells[:at], notebook.cells[-1]], notebook.cells[at:-1]


def _printed(cell: NotebookNode) -> str:
    parts = [output.get("text", "") for output in cell.outputs]
    parts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "".join(parts)


def test_the_table_of_contents_names_every_notebook_and_page_of_the_book() -> None:
    toc = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    pages = [path.relative_to(BOOK.parent) for path in (*NOTEBOOKS, *BOOK.rglob("*.md"))]
    assert sorted([toc["root"], *entries]) == sorted(str(page.with_suffix("")) for page in pages)


@every_chapter
def test_form(path: Path) -> None:
    notebook = _read(path)
    nbformat.validate(notebook)
    if path != SOLUTIONS:
        cells = len(_parts(notebook)[0])
        assert 15 <= cells <= 32, f"{cells} cells besides the exercises, the rule is 15 to 32"
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
    assert "write_record(" in _code(notebook)[-1].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_badge_and_install_cell_are_of_this_release(path: Path) -> None:
    notebook = _read(path)
    assert f"]({BADGE.format(path.name)})" in notebook.cells[0].source.splitlines()[2]
    install = notebook.cells[1]
    assert install.source.startswith("# @title ")
    assert 'if "google.colab" in sys.modules:' in install.source
    assert f" -b v{__version__} " in install.source
    assert install.outputs == []


@every_chapter
def test_a_method_has_its_colour_from_the_library(path: Path) -> None:
    code = "".join(cell.source for cell in _code(_read(path)))
    # black and greys are also those of axes and lines to compare with
    colors = {name: color for name, color in METHOD_COLORS.items() if len(set(color[1::2])) > 1}
    assert not [name for name, color in colors.items() if color in code]


@every_taught_chapter
def test_opening_says_what_for_and_how_long(path: Path) -> None:
    notebook = _read(path)
    opening = notebook.cells[0].source
    wanted = (r"After this (?:chapter|lab|appendix) you can", "Before you start", "Time")
    places = [
        found.start() if (found := re.search(rf"\*\*{what}\*\*", opening)) else -1
        for what in wanted
    ]
    assert places == sorted(places) and places[0] >= 0, "abilities, what comes before, time"
    assert 3 <= opening.count("\n- ") <= 5


@every_taught_chapter
def test_summary_before_the_exercises(path: Path) -> None:
    chapter, _ = _parts(_read(path))
    text = _text(chapter)
    assert 0 < text.find("## What we found") < text.find("## In short")
    short = re.split(r"\n## In short\n", text)[1]
    method = re.split(r"\n(?!- |  |\n)", short.lstrip())[0]
    assert 3 <= method.count("- ") <= 5, "three to five lines on method"
    assert not re.search(r"\d\.\d", method), "numbers belong to 'What we found', computed"


@every_taught_chapter
def test_questions_on_understanding_with_folded_answers(path: Path) -> None:
    text = _text(_read(path).cells)
    assert text.count("## Check yourself\n") == 1
    asked = text.split("## Check yourself\n")[1]
    asked, summary, _ = asked.partition("\n## In short\n")
    assert summary and "\n## " not in asked, "directly before the summary"
    parts = re.split(r"^\*\*(\d+)\.\*\* ", asked, flags=re.MULTILINE)
    assert parts[1::2] in (["1", "2"], ["1", "2", "3"])
    for question in parts[2::2]:
        fold = r"^(?:<details><summary>Answer</summary>\n|</details>)\n"
        choices, answer, after = re.split(fold, f"{question}\n", flags=re.MULTILINE)
        assert re.findall(r"^- \((\w)\) \S", choices, re.MULTILINE) == ["a", "b", "c"]
        assert len(re.findall(r"^\*\*\((\w)\)\.\*\* ", answer, re.MULTILINE)) == 1
        assert set(re.findall(r"\(([abc])\)", answer)) == {"a", "b", "c"}, "why each wrong one is"
        assert not after.strip()


@every_taught_chapter
def test_exercises_of_all_kinds_with_hints_and_a_way_to_the_solutions(path: Path) -> None:
    notebook = _read(path)
    _, exercises = _parts(notebook)
    everywhere, at_the_end = _text(notebook.cells), _text(exercises)
    found = EXERCISE.findall(everywhere)
    names = [name for name, _ in found]
    assert names == [f"{_number(path)}.{k}" for k in range(1, len(names) + 1)]
    assert everywhere.count("**Exercise ") == len(found), "a kind: by hand, code or open"
    assert {kind for _, kind in found} == {"by hand", "code", "open"}
    assert 3 <= len(EXERCISE.findall(at_the_end)) <= 10
    for before, after in zip(names, [*names[1:], None], strict=True):
        end = everywhere.find(f"**Exercise {after}**") if after else len(everywhere)
        own = everywhere[everywhere.find(f"**Exercise {before}**") : end]
        assert own.count("<summary>Hint</summary>") == 1, f"exercise {before} has no hint"
    assert "<summary>Solution" not in everywhere
    assert f"({SOLUTIONS.name}#{_name(path).lower().replace(' ', '-')})" in at_the_end


@every_taught_chapter
def test_an_exercise_is_checked_where_it_stands_and_has_no_answer_yet(path: Path) -> None:
    notebook = _read(path)
    seen = ""
    for cell in notebook.cells:
        seen += cell.source if cell.cell_type == "markdown" else ""
        if cell.cell_type == "code" and (names := CHECK.findall(cell.source)):
            assert [name.split(".")[0] for name in names] == [str(_number(path))]
            assert f"**Exercise {names[0]}**" in seen
            assert _printed(cell).startswith("no answer yet: ")
            assert COMPARED in cell.metadata.tags
    kinds = dict(EXERCISE.findall(_text(notebook.cells)))
    checked = CHECK.findall("\n".join(cell.source for cell in _code(notebook)))
    assert {kinds[name] for name in checked} == {"by hand", "code"}


def test_every_checker_is_used_once_and_its_solution_is_right() -> None:
    used = [
        name
        for path in TAUGHT
        for cell in _code(_read(path))
        for name in CHECK.findall(cell.source)
    ]
    assert sorted(used) == sorted(EXERCISES)
    solved = []
    for cell in _code(_read(SOLUTIONS), COMPARED):
        if names := CHECK.findall(cell.source):
            solved += names
            assert [line for line in _printed(cell).splitlines() if line.startswith("right: ")]
            assert "not yet: " not in _printed(cell)
    assert sorted(solved) == sorted(EXERCISES)


def test_every_exercise_has_its_solution_and_every_chapter_its_section() -> None:
    text = _text(_read(SOLUTIONS).cells)
    asked = [name for path in TAUGHT for name, _ in EXERCISE.findall(_text(_read(path).cells))]
    solved = SOLVED.findall(text)
    assert solved == asked
    assert text.count("<details><summary>Solution</summary>") == len(solved)
    for path in TAUGHT:
        section = re.split(r"\n## (.+)\n", text)
        own = section[section.index(_name(path)) + 1]
        assert f"({path.name}#exercises)" in own, "a link back to the chapter"
        links = re.findall(r"\*\*\n\(\[question\]\((\S+?)#\S+\)\)\n", own)
        assert links == [path.name] * len(SOLVED.findall(own)), "each leads to its question"


HIDDEN = {"hide-cell", "hide-input", "remove-cell"}
# every reader of this book knows these
KNOWN = {"np", "pd", "torch"}


def _visible(cells: list[NotebookNode]) -> int:
    """Lines of code that the page shows unfolded, comments and empty lines left out."""
    return sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for cell in cells
        if cell.cell_type == "code" and not HIDDEN & set(cell.metadata.get("tags", []))
        for line in cell.source.splitlines()
    )


@every_taught_chapter
def test_a_chapter_is_as_short_as_half_an_hour(path: Path) -> None:
    notebook = _read(path)
    at = next(
        i for i, cell in enumerate(notebook.cells) if cell.source.startswith("## Check yourself")
    )
    words = len(re.sub(r"\$[^$]*\$|[|*#]", " ", _text(notebook.cells[:at])).split())
    assert words <= 1000, f"{words} words before Check yourself"
    code = _visible(notebook.cells[:at])
    assert code <= 100, f"{code} lines of code on the page before Check yourself"
    imports = next(cell for cell in _code(notebook) if "# @title Imports" in cell.source)
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(ast.parse(imports.source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert len(imported - KNOWN) <= 10, sorted(imported - KNOWN)
    before, found = notebook.cells[0].source, _printed_markdown(notebook, "What we found")
    first = before.split("\n\n")[2]
    assert len(first.split()) > 20, "a page begins with what it says, above any code"
    assert 1 <= found.count("\n- ") + found.startswith("- ") <= 7, "a few sentences"


def _printed_markdown(notebook: NotebookNode, title: str) -> str:
    cell = next(cell for cell in _code(notebook) if cell.source.startswith(f"# @title {title}\n"))
    return "".join(output["data"]["text/markdown"] for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_colab_shows_nothing_raw_and_folds_what_the_page_folds(path: Path) -> None:
    notebook = _read(path)
    raw = r"\{(?:term|cite|dropdown|div|ref|doc|numref)\}|^:::"
    assert re.findall(raw, _text(notebook.cells), re.MULTILINE) == []
    for cell in _code(notebook):
        if HIDDEN & set(cell.metadata.get("tags", [])):
            assert cell.metadata.get("cellView") == "form", f"{cell.id} is no form in Colab"
            assert re.match(r"# @title \S", cell.source), f"{cell.id} has no title"
    text = _text(notebook.cells)
    assert text.count("<details>") == text.count("</details>") == text.count("<details><summary>")


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
def test_no_profile_was_injected(path: Path) -> None:
    assert _code(_read(path), "injected-parameters") == [], "run `make outputs`, of `synthetic`"


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
