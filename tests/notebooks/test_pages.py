"""The pages around the chapters: links hold, and what they say of chapters and library is so."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml
from glossary_hover import glossary_terms
from nbformat import v4
from tools.render import render_html

from ambiguity_lib import metrics
from ambiguity_lib.study import available_profiles, load_profile

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("[0-9][0-9]_*.ipynb"))
TAUGHT = [path for path in CHAPTERS if path.stem != "10_solutions"]
PAGES = sorted(BOOK.glob("*.md"))
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def _page(name: str) -> str:
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


def _shown(cell: nbformat.NotebookNode) -> str:
    """What a reader of the rendered page sees of a cell, roughly: its text and its outputs."""
    texts = [cell.source]
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        texts += [output.get("text", ""), data.get("text/markdown", data.get("text/plain", ""))]
    return "\n".join(texts)


def _text(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(map(_shown, nbformat.read(path, as_version=4).cells))


def _section(path: Path, anchor: str) -> str:
    """A section's text, found as MyST names sections in links."""
    parts = re.split(r"^##+ (.+)$", _text(path), flags=re.MULTILINE)
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        if re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") == anchor:
            return body
    raise AssertionError(f"{path.name} has no section {anchor}")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HTML of all pages, chapters without their code: Sphinx's warnings are errors."""
    root = tmp_path_factory.mktemp("book")
    shutil.copytree(BOOK, root / "book", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
    for path in BOOK.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        text = [cell for cell in cells if cell.cell_type == "markdown"]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = v4.new_notebook(cells=text, metadata={"kernelspec": kernel})
        nbformat.write(notebook, root / "book" / path.name)
    shutil.copy2(ROOT / "_toc.yml", root)
    shutil.copy2(ROOT / "_config.yml", root)
    return render_html(root / "book", root / "run").parent


@pytest.mark.slow
def test_links_terms_and_citations_resolve(rendered: Path) -> None:
    for path in PAGES:
        assert (rendered / "book" / f"{path.stem}.html").is_file()
    sheet = (rendered / "book" / "cheat_sheet.html").read_text(encoding="utf-8")
    linked = re.search(r'href="(\.\./_static/cheat_sheet\.css)"', sheet)
    assert linked and (rendered / "book" / linked[1]).is_file()
    chapter = (rendered / "book" / "01_human_opinions.html").read_text(encoding="utf-8")
    assert chapter.count('role="tooltip"') >= 3, "emphasised terms are links to the glossary"
    moved = (rendered / "book" / "11_solutions.html").read_text(encoding="utf-8")
    assert 'url=10_solutions.html"' in moved


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome to print with")
def test_the_cheat_sheet_prints_on_one_sheet(rendered: Path, tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^PRINT = \$\(CHROMIUM\) (.*?)\n\n", makefile, re.DOTALL | re.MULTILINE)
    assert recipe
    options = recipe[1].replace("\\\n", " ").split()
    pdf, page = tmp_path / "sheet.pdf", rendered / "book" / "cheat_sheet.html"
    command = [str(CHROMIUM), *options, f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    content = pdf.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    size = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert size and [round(float(side) / 72 * 25.4) for side in size.groups()] == [210, 297]


def _terms() -> list[str]:
    """The glossary's entries."""
    return glossary_terms(_page("glossary"))


def test_every_term_of_the_glossary_is_used_elsewhere() -> None:
    terms = _terms()
    assert len(terms) == len(set(terms)) > 50
    others = [*(path for path in PAGES if path.stem != "glossary"), *BOOK.glob("*.ipynb")]
    text = " ".join(" ".join(map(_text, others)).replace("*", "").split())
    unused = [
        term for term in terms if not re.search(rf"(?<!\w){re.escape(term)}", text, re.IGNORECASE)
    ]
    assert unused == []


@pytest.mark.parametrize("path", TAUGHT, ids=lambda path: path.stem)
def test_a_chapter_emphasises_some_terms_of_the_glossary(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    emphasised = {word.lower() for word in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text)}
    terms = {term.lower() for term in _terms()}
    linked = {word for word in emphasised if {word, word.removesuffix("s")} & terms}
    assert len(linked) >= 3, sorted(emphasised)


def test_the_first_pages_lead_to_every_chapter_and_name_every_finding() -> None:
    picture, table = _text(BOOK / "intro.ipynb"), _page("map")
    assert [path.name for path in CHAPTERS if f"({path.name})" not in table] == []
    for finding in range(1, 7):
        assert re.search(rf"findings? [\d and]*{finding}", table), finding
        assert re.search(rf"^{finding}\. ", picture, re.MULTILINE), finding


def test_the_notation_names_functions_that_exist_and_every_measure() -> None:
    page, profile = _page("notation"), load_profile("synthetic")
    named = re.findall(r"`(?!ambiguity_lib)(\w+)\.(\w+)`", page)
    assert len(named) > 20
    for first, second in named:
        if not hasattr(getattr(profile, first, None), second):  # a profile's key, or a function
            assert hasattr(importlib.import_module(f"ambiguity_lib.{first}"), second), second
    assert [name for name in metrics.__all__ if f"`{name}`" not in page] == []


GREEK = re.compile(
    r"\\(alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho"
    r"|sigma|tau|phi|varphi|chi|psi|omega|ell)\b"
)


def _letters(text: str) -> set[str]:
    """Letters of the formulas of a Markdown text, Greek ones by their names."""
    letters: set[str] = set()
    for formula in re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, re.DOTALL):
        bare = re.sub(r"\\(?:mathrm|text|begin|end)\{[^}]*\}", " ", formula)
        letters |= set(GREEK.findall(bare))
        letters |= set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", bare)))
    return letters


@pytest.mark.parametrize("path", [*PAGES, *BOOK.glob("*.ipynb")], ids=lambda path: path.stem)
def test_every_letter_of_a_formula_is_on_the_page_of_notation(path: Path) -> None:
    rows = re.findall(r"^\| (\$.+?\$) \|", _page("notation"), re.MULTILINE)
    meanings = [_letters(row) for row in rows]
    explained = set.union(*meanings) | {"H", "e"}  # in the table of measures, and Euler's number
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
    else:
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = re.sub(r"```(?!\{).*?```|(?<!`)`[^`\n]+`(?!`)", " ", text, flags=re.DOTALL)
    assert sorted(_letters(text) - explained) == []


def test_a_letter_is_explained_once() -> None:
    first: dict[str, str] = {}
    for row in re.findall(r"^\| (\$.+?\$) \|", _page("notation"), re.MULTILINE):
        for symbol in re.findall(r"\$([^$]+)\$", row):
            if len(symbol) == 1 or re.fullmatch(r"\\[a-z]+", symbol):
                assert symbol not in first, f"{symbol} stands in {first[symbol]} and in {row}"
                first[symbol] = row
    assert len(first) > 25


def test_what_profiles_choose_is_what_the_cheat_sheet_says() -> None:
    page = _page("cheat_sheet")
    for name in available_profiles():
        profile = load_profile(name)
        assert f"$\\tau = {profile.selection.tolerance:g}$" in page, name
        assert f"$\\lambda = {profile.distillation.weight:g}$" in page, name
        assert profile.selection.source_fraction == 0.5, "½ in the rule for the source"
        assert profile.evaluation.calibration_bins == 15, "said by notation and glossary"
        assert profile.evaluation.bootstrap_samples == 1000, "said by notation"


def test_further_reading_has_every_reference() -> None:
    bibliography = (BOOK / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE)
    cited = re.findall(r"^- .*?\{cite\}`(\w+)`", _page("further_reading"), re.MULTILINE)
    assert sorted(cited) == sorted(keys)


def test_the_twenty_questions_point_to_sections_that_are_there() -> None:
    questions = _section(BOOK / "instructors.md", "twenty-questions")
    found = re.findall(
        r"^(\d+)\. \*\*.+?\*\* .+?\n    ?\*Where:\* \[.+?\]\((\S+?)#(\S+?)\)$",
        questions,
        re.MULTILINE,
    )
    assert [int(number) for number, _, _ in found] == list(range(1, 21))
    for _, page, anchor in found:
        assert _section(BOOK / page, anchor)
    asked = {page for _, page, _ in found}
    assert asked == {path.name for path in TAUGHT}, "every chapter is asked about"


def test_every_part_of_the_table_of_contents_has_a_caption() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert all(part["caption"] for part in toc["parts"])
