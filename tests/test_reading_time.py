"""The rule of thumb for how long a chapter takes."""

from __future__ import annotations

import pytest
from nbformat import v4

from ambiguity_lib.reading_time import ChapterTime, chapter_time, count_words, stated_time


def _code(*tags):
    return v4.new_code_cell("1", metadata={"tags": list(tags)})


def test_words_cells_and_exercises_count():
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("word " * 900),  # 5 minutes
            _code("hide-cell"),
            _code("parameters"),
            *[_code() for _ in range(4)],  # 8 minutes
            v4.new_markdown_cell("**Exercise 1.1** (code). Here."),
            v4.new_markdown_cell("## Exercises\n\n**Exercise 1.2** (by hand). " + "word " * 900),
            _code(),
            v4.new_markdown_cell("**Exercise 1.3** (open). Why?"),
        ]
    )
    assert chapter_time(notebook) == ChapterTime(reading=15, exercises=30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two words", 2),
        ("the [last chapter](09_more.ipynb) has it {cite}`guo2017calibration`", 5),
        ("[![Open in Colab](badge.svg)](https://colab.research.google.com/a/b)\n\none", 1),
        ("$$ H(p) = -\\sum p \\log p . $$ is $H$", 3),
        ("before\n:::{dropdown} Hint\nmany words here\n:::\nafter", 2),
        ("it's 1,000 items", 3),
        ("the {term}`noise floor`, {term}`nats <nat>`, {term}`Holm's correction`", 6),
        ("| a | b |\n|---|---|\n| c | d |", 4),
    ],
)
def test_only_what_is_read_counts(text, words):
    assert count_words(text) == words


def test_the_stated_time_is_found_or_missed_by_name():
    line = "**Time**: about 45 minutes to read and try, and 60 more for the exercises."
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(f"# 1\n\n{line}")])
    assert stated_time(notebook) == ChapterTime(reading=45, exercises=60)
    with pytest.raises(ValueError, match="has no line"):
        stated_time(v4.new_notebook(cells=[v4.new_markdown_cell("# 1\n\nTime: 3 hours")]))
