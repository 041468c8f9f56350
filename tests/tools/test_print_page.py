"""The page to print is put together from rendered pages (a browser test prints the real one)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from tools.print_page import write_print_page

PAGE = """<html><head><link rel="stylesheet" href="{up}_static/a.css"/>
<script>window.MathJax = {{}}</script><script src="{up}_static/mathjax/tex.js"></script>
<script src="{up}_static/interactive.js"></script></head>
<body><nav>navigation</nav><article class="bd-article"><h1>{title}
<a class="headerlink" href="#top">#</a></h1>{body}</article></body></html>"""

ONE = """<p id="top"><a href="two.html#top">two</a> <a href="#top">here</a>
<a href="api/three.html">three</a> <a href="https://arxiv.org/abs/1">away</a></p>
<img src="../_images/a.png"/><details><summary>Hint</summary>think</details>
<figure class="interactive-figure"><img src="data:image/png;base64,AA=="/>
<script>{}</script></figure>"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    toc = {
        "root": "book/one",
        "parts": [
            {"caption": "Rest", "chapters": [{"file": "book/two"}, {"file": "book/api/three"}]}
        ],
    }
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    about = {"title": "A book", "author": "us", "copyright": "2026"}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(about), encoding="utf-8")
    html = tmp_path / "html" / "book"
    (html / "api").mkdir(parents=True)
    three = '<p><a href="../two.html">two</a></p>'
    for name, body in (("one", ONE), ("two", '<p id="top">2</p>'), ("api/three", three)):
        up = "../" * (1 + name.count("/"))
        page = PAGE.format(up=up, title=name.title(), body=body)
        (html / f"{name}.html").write_text(page, encoding="utf-8")
    return tmp_path


def _print(book: Path) -> BeautifulSoup:
    page = write_print_page(book / "html", book / "_toc.yml", book / "_config.yml")
    assert page == book / "html" / "print.html"
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_links_anchors_and_pictures_hold_on_the_one_page(book: Path) -> None:
    page = _print(book)
    assert [a["id"] for a in page.select("article")] == ["book-one", "book-two", "book-api-three"]
    one, _, three = page.select("article")
    assert [a["href"] for a in one.select("a")] == [
        "#book-two--top",
        "#book-one--top",
        "#book-api-three",
        "https://arxiv.org/abs/1",
    ]
    assert [a["href"] for a in three.select("a")] == ["#book-two"]
    assert [i["src"][:12] for i in one.select("img")] == ["_images/a.pn", "data:image/p"]
    assert len(page.select("#book-two--top")) == 1


def test_folded_parts_are_open_and_what_paper_cannot_do_is_left_out(book: Path) -> None:
    page = _print(book)
    assert page.select_one("details").has_attr("open")
    assert page.select("article script") == []
    assert "navigation" not in page.text and "#" not in page.text
    assert [s["src"] for s in page.select("head script[src]")] == ["_static/mathjax/tex.js"]
    assert [s["href"] for s in page.select("head link")] == ["_static/a.css", "_static/print.css"]


def test_it_begins_with_the_title_and_the_contents(book: Path) -> None:
    page = _print(book)
    assert page.select_one(".print-cover h1").text == "A book"
    assert [a.text.strip() for a in page.select(".print-contents a")] == ["One", "Two", "Api/Three"]
    assert [h.text for h in page.select(".print-contents h2")] == ["Rest"]


def test_a_page_that_was_not_rendered_is_named(book: Path) -> None:
    (book / "html" / "book" / "two.html").unlink()
    with pytest.raises(FileNotFoundError, match=r"two\.html: `make book` renders it"):
        _print(book)
