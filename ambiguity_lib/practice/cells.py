"""What a cell of a user's file says: a text, an id, a class, votes or a distribution.

Every reader takes a cell as its file has it, whatever the format, and raises a ValueError that says
what is wrong with it; where the cell stands is added by `own_files`.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ambiguity_lib.data.schema import SUM_TOLERANCE

Label = str | int
Cell = list[object] | dict[str, object]

#: What a sum of probabilities may be off by at least; more where they have two decimals only.
ROUNDING = 1e-3 + SUM_TOLERANCE
_WIDTH = 60
# beyond this, float64 does not hold every whole number
_MAX_VOTES = 2**53

# The same in a cell of CSV and as a value of JSON: 3, 3.0, "3" and "3.0" are the number 3.
_WHOLE = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
# longer ones are no class numbers, and int() refuses those of more than 4,300 digits
_MAX_DIGITS = 18
# what files write where there is no label, as `fold` gives it
_PLACEHOLDERS = {"nan", "n/a", "na", "#n/a", "<na>", "none", "null", "nil", "-", "--", "?"}
# dashes and quotes that mean the plain ones, marks that only choose how a sign is drawn
_PLAIN = str.maketrans("−–—‑‒’", "-----'", "\ufe0e\ufe0f")
# Cyrillic and Greek letters that no reader tells from the Latin ones
_LOOK_ALIKE = str.maketrans("авеіјкмнорсѕтухαικνορτυχ", "abeijkmhopcstyxaikvoptux")


def shorten(value: object) -> str:
    """Write a value into a message, however long it is."""
    # a slice first: the repr of a text of megabytes would take as much again
    text = repr(value[: _WIDTH + 1] if isinstance(value, str | list) else value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def list_names(names: Sequence[str], most: int = 12) -> str:
    """Write names into a message, the first few if there are many."""
    text = ", ".join(shorten(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def is_blank(value: object) -> bool:
    """Whether a cell has nothing in it: null, or text of which nothing can be seen."""
    if isinstance(value, str):
        return all(sign.isspace() or unicodedata.category(sign) == "Cf" for sign in value)
    return value is None


def fold(name: str) -> str:
    """A name without what nobody sees: case, spaces, composition, invisible signs, look-alikes."""
    plain = unicodedata.normalize("NFKC", name.translate(_PLAIN))
    seen = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    lower = seen.casefold().replace("i\u0307", "i")  # of a Turkish capital
    return " ".join(lower.translate(_LOOK_ALIKE).split())


def _spellings(names: Sequence[str]) -> dict[str, int]:
    """Spelling → place of the name that alone has it."""
    folded = [fold(name) for name in names]
    times = Counter(folded)
    return {one: place for place, one in enumerate(folded) if times[one] == 1}


def spelt_as(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Names in their order, spelt as the known ones where they differ in spelling only."""
    spelling = {folded: known[place] for folded, place in _spellings(known).items()}
    return tuple(name if name in known else spelling.get(fold(name), name) for name in names)


def is_placeholder(label: Label) -> bool:
    """Whether a label stands where there is none, as ``nan`` or ``-`` do."""
    return isinstance(label, str) and fold(label) in _PLACEHOLDERS


def read_text(value: object) -> str:
    """Read a text, which may not be blank."""
    if not isinstance(value, str):
        raise ValueError(
            "the text is missing" if value is None else f"expected text, found {shorten(value)}"
        )
    if is_blank(value):
        raise ValueError("the text is blank")
    return _checked(value)


def read_id(value: object) -> str:
    """Read an id, which may be a number; a column of numbers with a gap comes as floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if is_blank(value):
        raise ValueError("the value is missing")
    if not isinstance(value, str):
        raise ValueError(f"expected text or a whole number, found {shorten(value)}")
    return _checked(value).strip()


def read_label(value: object) -> Label | None:
    """Read a class, by its name or number; None where there is nothing.

    Whether -1 and placeholders are classes is not for a cell to say: see :meth:`Classes.find`.
    """
    if isinstance(value, str):
        return None if is_blank(value) else _checked(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list) and len(value) == 1:
        return read_label(value[0])
    hint = "; one label an item is read" if isinstance(value, list) else ""
    raise ValueError(f"label {shorten(value)} is neither the name nor the number of a class{hint}")


def read_numbers(value: object) -> Cell | None:
    """Read a list, or a mapping from class to number; as text it is JSON, and blank is None."""
    if is_blank(value):
        return None
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if value is None or isinstance(value, list | dict):
        return value
    raise ValueError(
        f"expected a list of numbers, such as [2, 1, 0], or a mapping from class to number, found "
        f"{shorten(value)}"
    )


def as_number(label: Label) -> int | None:
    """The whole number that a label is or is written as, None if it is another text."""
    if isinstance(label, int):
        return label
    match = _WHOLE.fullmatch(fold(label)) if len(label) <= _MAX_DIGITS else None
    return int(match[1]) if match else None


class Classes:
    """The classes, in their order, and what a file may call them.

    A number is an index, 0 for the first class. Only if a class has a number as its name, such as
    the stars `"1"` to `"5"`, are numbers names and never indices. -1 and placeholders are no label,
    unless they are the name of a class.

    Attributes:
        names: Their names.
        taken: Other spellings → the class that they were taken for.
        absent: How often a label stood for none, by what was written.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.taken: dict[str, str] = {}
        self.absent: Counter[str] = Counter()
        self._known: dict[Label, int] = {name: i for i, name in enumerate(self.names)}
        numbers = {as_number(name): i for i, name in enumerate(self.names)}
        self._numbers = {number: i for number, i in numbers.items() if number is not None}
        self._folded = _spellings(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, label: Label | None) -> int:
        """Give the index of a label, -1 of none; the error has the classes and what is near."""
        if label is None:
            return -1
        if label not in self._known:
            self._known[label] = self._search(label)
        if (index := self._known[label]) < 0:
            self.absent[str(label)] += 1
        return index

    def _search(self, label: Label) -> int:
        number = as_number(label)
        if number is not None:
            if (index := self._numbers.get(number)) is not None:
                return index
            if number == -1:
                return -1
            if not self._numbers:
                if 0 <= number < len(self):
                    return number
                hint = "; if it is a name, name all classes (--classes)" if number < 0 else ""
                raise ValueError(
                    f"label {number} is out of range: the {len(self)} classes have the numbers 0 "
                    f"to {len(self) - 1} ({list_names(self.names)}){hint}"
                )
        spelling = fold(str(label))
        if (index := self._folded.get(spelling)) is not None:
            self.taken[str(label)] = self.names[index]
            return index
        if is_placeholder(label):
            return -1
        near = difflib.get_close_matches(spelling, self._folded, n=1)
        hint = f"; did you mean {self.names[self._folded[near[0]]]!r}?" if near else ""
        raise ValueError(
            f"label {shorten(label)} is none of the classes {list_names(self.names)}{hint}"
        )

    def arrange(self, cell: Cell) -> np.ndarray:
        """Give the numbers of a cell in the order of the classes, float64 of shape (C,)."""
        if not isinstance(cell, dict):
            if len(cell) != len(self):
                raise ValueError(
                    f"{len(cell)} values for {len(self)} classes: {shorten(cell)}; answers are "
                    "written by their names"
                )
            return np.array([_finite(value, cell) for value in cell])
        values: dict[int, float] = {}
        for name, value in cell.items():
            # a column of structs has every class in every row, null where it was left out
            number = 0.0 if value is None else _finite(value, cell)
            index = self.find(read_label(name))
            if index in values:
                raise ValueError(f"class {self.names[index]!r} occurs twice in {shorten(cell)}")
            if index >= 0:
                values[index] = number
            elif number:
                raise ValueError(
                    f"{shorten(name)} is none of the classes {list_names(self.names)}, in "
                    f"{shorten(cell)}; if it is one, name all of them (--classes)"
                )
        return np.array([values.get(index, 0.0) for index in range(len(self))])


def read_votes(cell: Cell, classes: Classes) -> np.ndarray:
    """Read the votes for each of C classes: whole numbers, of shape (C,), not all zero.

    A list of names holds the answers themselves, which are counted.
    """
    if (answers := named_answers(cell)) is not None:
        indices = [classes.find(read_label(answer)) for answer in answers]
        cell = np.bincount([i for i in indices if i >= 0], minlength=len(classes)).tolist()
    votes = _not_negative(cell, classes)
    if (votes != np.floor(votes)).any():
        raise ValueError(
            f"votes must be whole numbers, found {shorten(cell)}; shares belong in a distribution"
        )
    if votes.max() > _MAX_VOTES:
        raise ValueError(f"so many votes cannot be: {shorten(cell)}")
    if not votes.any():
        raise ValueError("there is no vote: all counts are zero")
    return votes


def named_answers(cell: Cell) -> list[str] | None:
    """The answers of a list that holds them by name; None of counts.

    Raises:
        ValueError: If they are digits, which may be either.
    """
    if not isinstance(cell, list) or not cell:
        return None
    answers = [value for value in cell if isinstance(value, str)]
    if len(answers) < len(cell):
        return None
    if all(as_number(answer) is not None for answer in answers):
        raise ValueError(
            f"digits as text may be counts or answers: {shorten(cell)}; write counts as numbers, "
            "or a mapping from class to number"
        )
    return answers


def read_distribution(cell: Cell, classes: Classes) -> np.ndarray:
    """Read a distribution over C classes, shape (C,), whose sum may be off by rounding."""
    dist = _not_negative(cell, classes)
    total = float(dist.sum())
    # each of C values with two decimals may be off by half a hundredth
    coarse = bool(np.allclose(dist, dist.round(2), atol=1e-9, rtol=0))
    if abs(total - 1.0) > (
        max(ROUNDING, 0.005 * len(dist) + SUM_TOLERANCE) if coarse else ROUNDING
    ):
        hint = "; votes belong in a column of counts" if total > 1.5 else ""
        if abs(total - 100) < 1.5:
            hint = "; if these are percentages, divide by 100; votes belong in a column of counts"
        raise ValueError(f"the probabilities sum to {total:.6g}, not to one: {shorten(cell)}{hint}")
    return dist


def renormalise(dist: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make distributions, shape (N, C), sum to one; which ones rounding had changed, shape (N,)."""
    total = dist.sum(axis=1, keepdims=True)
    rounded = np.abs(total - 1.0) > SUM_TOLERANCE
    return np.where(rounded, dist / total, dist), rounded[:, 0]


def _not_negative(cell: Cell, classes: Classes) -> np.ndarray:
    values = classes.arrange(cell)
    if (values < 0).any():
        raise ValueError(f"a value is negative: {shorten(cell)}")
    return values


def _finite(value: object, cell: Cell) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shorten(value)} is no number, in {shorten(cell)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"a value is not finite: {shorten(cell)}")
    return number


def _checked(text: str) -> str:
    """Give a text that every format and tokenizer can hold."""
    if "\0" in text:
        raise ValueError("there is a NUL character in it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"character {error.start + 1} is half of a surrogate pair, which is no text"
        ) from error
    return text
