"""How long a chapter takes, by a rule of thumb, so that a student can plan an evening.

The rule is ours: 180 words of text a minute, two minutes for every code cell that teaches something
(not installing, parameters, record), ten minutes for every exercise; both sums are rounded up to
five minutes. What a cell prints, its figures and tables, is looked at within its two minutes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from nbformat import NotebookNode

WORDS_A_MINUTE = 180
MINUTES_A_CELL = 2
MINUTES_AN_EXERCISE = 10

#: How an exercise begins: its number and its kind.
EXERCISE = re.compile(r"\*\*Exercise (\d+\.\d+)\*\* \((by hand|code|open)\)")

_STATED = re.compile(
    r"\*\*Time\*\*: about (\d+) minutes to read and try, and (\d+) more for the exercises\."
)
_EXERCISES_BEGIN = "## Exercises"
# hints are no part of the way through a chapter; a formula or a link is as long as one word
_NO_WORDS = re.compile(
    r":::.*?:::|```.*?```|!?\[!\[.*?\)\]\(.*?\)|\]\([^)]*\)|\{cite\}`[^`]*`", re.DOTALL
)
_TERM = re.compile(r"\{term\}`([^`<]+)[^`]*`")  # its entry in the glossary is not read here
_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]+\$", re.DOTALL)
_WORD = re.compile(r"\w[\w'’.,-]*")


@dataclass(frozen=True)
class ChapterTime:
    """Minutes that a chapter takes.

    Attributes:
        reading: To read it and try its cells, without the exercises.
        exercises: For all its exercises, wherever they stand.
    """

    reading: int
    exercises: int


def chapter_time(notebook: NotebookNode) -> ChapterTime:
    """Estimate how long a chapter takes, by the rule above.

    Args:
        notebook: A chapter. Everything from the heading *Exercises* on counts as exercises.

    Returns:
        Minutes, in steps of five.
    """
    words = cells = exercises = 0
    at_the_end = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            at_the_end = at_the_end or cell.source.startswith(_EXERCISES_BEGIN)
            exercises += len(EXERCISE.findall(cell.source))
            words += 0 if at_the_end else count_words(cell.source)
        elif cell.cell_type == "code" and not at_the_end:
            cells += not {"hide-cell", "parameters"} & set(cell.metadata.get("tags", []))
    return ChapterTime(
        reading=_in_fives(words / WORDS_A_MINUTE + cells * MINUTES_A_CELL),
        exercises=_in_fives(exercises * MINUTES_AN_EXERCISE),
    )


def stated_time(notebook: NotebookNode) -> ChapterTime:
    """The minutes that a chapter's first cell states.

    Raises:
        ValueError: If it states none, or in other words than all chapters use.
    """
    found = _STATED.search(notebook.cells[0].source)
    if found is None:
        raise ValueError(
            "the first cell has no line '**Time**: about N minutes to read and try, and M more for "
            "the exercises.'"
        )
    return ChapterTime(*map(int, found.groups()))


def count_words(markdown: str) -> int:
    """Words that one reads in a text: without addresses, citations, code and folded parts."""
    text = _TERM.sub(r"\1", _NO_WORDS.sub(" ", markdown))
    return len(_WORD.findall(_FORMULA.sub(" x ", text)))


def _in_fives(minutes: float) -> int:
    return 5 * math.ceil(minutes / 5)
