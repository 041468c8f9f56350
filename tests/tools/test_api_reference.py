"""The API pages: they are the list of what is public, and each name has an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from introduced import entries, imported, introduce, pages
from sphinx.ext.napoleon import Config, GoogleDocstring
from tools.render import render_html

REPOSITORY = Path(__file__).resolve().parents[2]
BOOK = REPOSITORY / "book"
PAGES = pages()
INDEX = BOOK / "api" / "index.md"
_CHAPTER = re.compile(r"Introduced in :doc:`/book/([\w]+)`")
ENTRIES = [entry for page in PAGES for entry in entries(page.read_text(encoding="utf-8"))]
NAMES = {(module, name) for module, name, _ in ENTRIES}


def _value(module: str, name: str) -> Any:
    """What an entry is about; None if there is no such thing, which a test of its own says."""
    return getattr(importlib.import_module(module), name, None)


every_entry = pytest.mark.parametrize(
    ("module", "name", "text"), ENTRIES, ids=[f"{module}.{name}" for module, name, _ in ENTRIES]
)


def test_no_name_is_on_two_pages() -> None:
    assert len(NAMES) == len(ENTRIES)


def test_what_is_public_fits_a_readers_head() -> None:
    # chapters, pages and README import 109 of them; five are for comparison with other work
    assert len(ENTRIES) <= 127, "a public name is one that chapters, pages or README import"


@pytest.mark.parametrize(("module", "name"), sorted(NAMES))
def test_a_name_is_imported_from_its_room_or_a_module_of_practice(module: str, name: str) -> None:
    assert re.fullmatch(
        r"ambiguity_lib\.(metrics|store|data|models|method|evaluation|study|practice\.\w+)"
        r"|course(\.figures|\.exercises)?",
        module,
    )
    home = importlib.import_module(module)
    assert hasattr(home, name)
    assert name in getattr(home, "__all__", [name])


SOURCES = [REPOSITORY / "README.md", *sorted(BOOK.glob("*.ipynb")), *sorted(BOOK.glob("*.md"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_a_reader_is_shown_is_on_a_page(path: Path) -> None:
    assert imported(path) <= NAMES, "give these names an entry in book/api"


@every_entry
def test_an_entry_has_an_example(module: str, name: str, text: str) -> None:
    value = _value(module, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        docstring = inspect.getdoc(value) or ""
        assert "\nExamples:\n" in docstring
        example = docstring.partition("\nExamples:\n")[2]
    else:
        example = text
    sources = [one.source for one in doctest.DocTestParser().get_examples(example)]
    assert len(sources) >= 2, "an import and what comes of it"


def _documented() -> list[tuple[str, str, Any]]:
    """Name, kind and the code behind every public function and class, with members on a page."""
    found: list[tuple[str, str, Any]] = []
    for module, name, text in ENTRIES:
        value = _value(module, name)
        if inspect.isroutine(value):
            found.append((name, "function", inspect.unwrap(value)))
        elif inspect.isclass(value):
            found.append((name, "class", value))
            members = vars(value).items() if ":members:" in text else ()
            for member, one in members:
                kind = "property" if isinstance(one, (property, cached_property)) else "method"
                # what a decorator or a property wraps
                one = getattr(one, "fget", None) or getattr(one, "func", one)
                one = getattr(one, "__func__", one)
                if inspect.isfunction(one) and not member.startswith("_"):
                    found.append((f"{name}.{member}", kind, one))
    return found


DOCUMENTED = _documented()
every_docstring = pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for _, kind, value in DOCUMENTED],
    ids=[f"{value.__module__}.{name}" for name, _, value in DOCUMENTED],
)


@every_docstring
def test_no_words_before_a_colon_are_taken_for_a_type(kind: str, value: Any) -> None:
    """Types come from the annotations; "words: rest" in a first line is read as one."""
    docstring = inspect.getdoc(value) or ""
    read = str(GoogleDocstring(docstring, Config(napoleon_use_ivar=True), what=kind, name="x"))
    assert re.findall(r"^:(?:r|var|y)?type.*", read, re.MULTILINE) == []


def _sections(value: Any) -> dict[str, str]:
    """Headings of a docstring and what stands below them."""
    parts = re.split(r"^(\w+):$", inspect.getdoc(value) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@every_docstring
def test_what_goes_in_and_comes_out_is_described(kind: str, value: Any) -> None:
    """Without a section Returns, the type stands alone after the examples."""
    if kind == "property" or value.__name__.startswith("on_"):  # transformers calls those
        return
    sections = _sections(value)
    if kind == "method" and not sections:
        return  # a member may say all in its line
    if kind != "class":
        result = value.__annotations__.get("return", "None")
        assert result == "None" or {"Returns", "Yields"} & sections.keys()
    if kind != "class" or "Args" in sections:  # one without is made by functions or by fields
        described = sections.get("Args", "") + sections.get("Attributes", "")
        named = re.findall(r"^    \*{0,2}(\w+):", described, re.MULTILINE)
        parameters = set(inspect.signature(value).parameters) - {"self", "cls"}
        assert sorted(parameters - set(named)) == []


WIDEST = 76  # characters that a box shows on a laptop without scrolling, the prompt included


def _examples(module: str, name: str, text: str) -> str:
    """Docstring and entry, in which examples are."""
    value = _value(module, name)
    own = inspect.getdoc(value) if inspect.isclass(value) or inspect.isroutine(value) else None
    return f"{own or ''}\n{text}"


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: page.stem)
def test_an_example_fits_its_box_and_its_files_are_explained(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = [] if page == INDEX else entries(text)
    shown = "\n".join([text, *(_examples(*entry) for entry in found)])
    code = re.findall(r"^ *((?:>>>|\.\.\.) .*)", shown, re.MULTILINE)
    assert [line for line in code if len(line) > WIDEST] == []
    made = "|".join(re.findall(r"^`([\w.]+)`", INDEX.read_text(encoding="utf-8"), re.MULTILINE))
    used = set(re.findall(rf'"({made}|reviews\.csv|votes\.jsonl)"', "\n".join(code)))
    top = text.partition("\n## ")[0]
    assert page == INDEX or [name for name in sorted(used) if f"`{name}`" not in top] == []
    assert page == INDEX or "index.md#files-of-the-examples" in top


def test_the_chapter_is_written_after_what_an_entry_says_itself() -> None:
    name = "ambiguity_lib.metrics.entropy"
    page = f".. autofunction:: {name}\n   :noindex:\n\n   Words.\n{{}}\n```\n"
    line = "\n   Introduced in :doc:`/book/{}`.\n"
    right = page.format(line.format("01_human_opinions"))
    assert introduce(page.format("")) == right
    assert introduce(page.format(line.format("09_more_than_a_temperature"))) == right
    assert introduce(right) == right


def test_examples_are_found_by_the_test_run(pytestconfig: pytest.Config) -> None:
    """Also those of functions that torch's decorators wrap."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    missing = []
    for module, name in sorted(NAMES):
        value: Any = _value(module, name)
        if not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        home = importlib.import_module(inspect.unwrap(value).__module__)
        tests = {test.name for test in finder.find(home) if test.examples}
        if f"{home.__name__}.{value.__qualname__}" not in tests:
            missing.append(f"{module}.{name}")
    assert missing == []


@pytest.mark.slow
def test_the_pages_render_without_a_warning(tmp_path: Path) -> None:
    book = tmp_path / "project" / "book"
    for folder in ("api", "_ext", "_static"):
        shutil.copytree(BOOK / folder, book / folder)
    (book / "references.bib").touch()
    (book / "intro.md").write_text("# Intro\n\nWords.\n", encoding="utf-8")
    linked = {chapter for *_, text in ENTRIES for chapter in _CHAPTER.findall(text)}
    for page in sorted(linked | {"quickstart", "your_own_data"}):
        (book / f"{page}.md").write_text(f"# {page}\n\nWords.\n", encoding="utf-8")
    toc = {"format": "jb-book", "root": "book/intro"}
    files = [path for path in sorted(book.rglob("*.md")) if path.stem != "intro"]
    toc |= {"chapters": [{"file": str(path.relative_to(book.parent))[:-3]} for path in files]}
    (book.parent / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    config = yaml.safe_load((REPOSITORY / "_config.yml").read_text(encoding="utf-8"))
    config["sphinx"]["config"]["extensions"].remove("sphinx-mathjax-offline")  # large
    (book.parent / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    html = render_html(book, tmp_path / "run").parent / "book" / "api"
    page = (html / "metrics.html").read_text(encoding="utf-8")
    assert 'id="ambiguity_lib.metrics.kl_divergence"' in page
    assert "../02_overconfidence.html" in page
    assert "PairMetric" in page, "as it is written"
    index = (html.parents[1] / "genindex.html").read_text(encoding="utf-8")
    assert "LABEL_COLUMNS (in module ambiguity_lib.data)" in index and "(built-in" not in index
    words = {path.stem: path.read_text(encoding="utf-8") for path in html.glob("*.html")}
    assert "&lt;factory&gt;" not in "".join(words.values())
    assert "ProbingConfig()" in words["experiments"] and "<span" in words["experiments"]
    assert "transformers.modeling_utils" not in words["compression"]
