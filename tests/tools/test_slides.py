"""Slides: the figures of the executed chapters, in order, in one file."""

from __future__ import annotations

import nbformat
import pytest
from course.figures import side_by_side
from nbformat import v4
from tools.slides import write_slides


def notebook(path, title, captions):
    cells = [v4.new_markdown_cell(f"# {title}\n\ntext")]
    for caption in captions:
        shown = side_by_side({"run": [1, 2]}, lambda ax, y: ax[0].plot(y), message=caption, alt="A")
        output = v4.new_output("display_data", data={"text/html": shown.data})
        cells.append(v4.new_code_cell("draw()", outputs=[output]))
    nbformat.write(v4.new_notebook(cells=cells), path)
    return path


def test_one_slide_a_figure_with_title_and_caption(tmp_path):
    first = notebook(tmp_path / "a.ipynb", "1. People", ["Most agree. On these.", "Some do not."])
    second = notebook(tmp_path / "b.ipynb", "2. Models & people", ["Sure. Too sure."])
    path = tmp_path / "out" / "slides.html"
    assert write_slides([first, second], path) == 3
    text = path.read_text(encoding="utf-8")
    assert text.count("<section") == 3 and text.count("<h2>1. People</h2>") == 2
    assert "<h2>2. Models &amp; people</h2>" in text and "<strong>Sure.</strong>" in text
    assert "http" not in text, "nothing is asked of a network"


def test_no_figures_is_an_error_and_leaves_no_file(tmp_path):
    empty = notebook(tmp_path / "a.ipynb", "1. People", [])
    with pytest.raises(ValueError, match="no figures"):
        write_slides([empty], tmp_path / "slides.html")
    assert not (tmp_path / "slides.html").exists()
