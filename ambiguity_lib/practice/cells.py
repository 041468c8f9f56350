"""What a cell of a user's file says: a text, an id, a class, votes or a distribution.

Every reader takes a cell as its file has it, whatever the format, and raises a ValueError that says
what is wrong with it; where the cell stands is added by `own_files`.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ambiguity_lib.data.schema import SUM_TOLERANCE

Label = str | int
Cell = list[object] | dict[str, object]

#: What rounding to three decimals does to the sum of a few probabilities: 3 × 0.333 is 0.999.
ROUNDING = 1e-3 + SUM_TOLERANCE

_WIDTH = 60
# beyond this, float64 does not hold every whole number
_MAX_VOTES = 2**53

# The same in a cell of CSV and as a value of JSON: 3, 3.0, "3" and "3.0" are the number 3.
_WHOLE = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
# longer ones are no class numbers, and int() refuses those of more than 4,300 digits
_MAX_DIGITS = 18


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
    """Whether a cell has nothing in it: null or blank text."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


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
    return _checked(value)


def read_label(value: object) -> Label | None:
    """Read a class, by its name or number; None is no label: null, NaN, blank or the number -1."""
    if isinstance(value, str):
        _checked(value)
        return None if is_blank(value) or as_number(value) == -1 else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(f"label {value} is a fraction; a class is a name or a whole number")
        return None if value == -1 else int(value)
    written = str(value).lower() if isinstance(value, bool) else shorten(value)
    raise ValueError(f"label {written} is neither the name nor the number of a class")


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
    match = _WHOLE.fullmatch(label) if len(label) <= _MAX_DIGITS else None
    return int(match[1]) if match else None


class Classes:
    """The classes, in their order, and what a file may call them.

    A number is an index, 0 for the first class. Only if a class has a number as its name, such as
    the stars `"1"` to `"5"`, are numbers names and never indices.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._known: dict[Label, int] = {name: i for i, name in enumerate(self.names)}
        self._numbers_are_names = any(as_number(name) is not None for name in self.names)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, label: Label | None) -> int:
        """Give the index of a label, -1 of none; the error has the classes and what is near."""
        if label is None:
            return -1
        if label not in self._known:
            self._known[label] = self._search(label)
        return self._known[label]

    def _search(self, label: Label) -> int:
        number = as_number(label)
        if number is not None:
            if (index := self._known.get(str(number))) is not None:
                return index
            if not self._numbers_are_names:
                if 0 <= number < len(self):
                    return number
                raise ValueError(
                    f"label {number} is out of range: the {len(self)} classes have the numbers 0 "
                    f"to {len(self) - 1} ({list_names(self.names)})"
                )
        by_lower = {name.strip().casefold(): name for name in self.names}
        near = difflib.get_close_matches(str(label).strip().casefold(), by_lower, n=1)
        hint = f"; did you mean {by_lower[near[0]]!r}?" if near else ""
        raise ValueError(
            f"label {shorten(label)} is none of the classes {list_names(self.names)}{hint}"
        )

    def arrange(self, cell: Cell) -> np.ndarray:
        """Give the numbers of a cell in the order of the classes, float64 of shape (C,)."""
        if not isinstance(cell, dict):
            if len(cell) != len(self):
                raise ValueError(f"{len(cell)} values for {len(self)} classes: {shorten(cell)}")
            return np.array([_finite(value, cell) for value in cell])
        values: dict[int, float] = {}
        for name, value in cell.items():
            label = read_label(name)
            index = self.find(name if label is None else label)
            if index in values:
                raise ValueError(f"class {self.names[index]!r} occurs twice in {shorten(cell)}")
            # a column of structs has every class in every row, null where it was left out
            values[index] = 0.0 if value is None else _finite(value, cell)
        return np.array([values.get(index, 0.0) for index in range(len(self))])


def read_votes(cell: Cell, classes: Classes) -> np.ndarray:
    """Read the votes for each of C classes: whole numbers, of shape (C,), not all zero."""
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


def read_distribution(cell: Cell, classes: Classes) -> np.ndarray:
    """Read a distribution over C classes, shape (C,), whose sum may be off by rounding."""
    dist = _not_negative(cell, classes)
    total = float(dist.sum())
    if abs(total - 1.0) > ROUNDING:
        hint = "; votes belong in a column of counts" if total > 1.5 else ""
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
