"""What is wrong with a user's file, collected line by line and said all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

#: How many problems the message of an error has.
SHOWN = 5
#: How many problems are kept; the others are only counted.
KEPT = 1000

_WIDTH = 60


@dataclass(frozen=True)
class Problem:
    r"""One thing that is wrong with a file.

    Attributes:
        line: Where, counted from 1; None if it is about the whole file.
        message: What is wrong and what to do.
        unit: What `line` counts: `"line"`, or `"row"` where a format has no lines.

    Examples:
        >>> from pathlib import Path
        >>> from ambiguity_lib.data import Problem, check_file
        >>> _ = Path("bad.csv").write_text("text,label\ngreat film,good\n,bad\n")
        >>> check_file("bad.csv")
        [Problem(line=3, message="column 'text': the text is blank", unit='line')]
    """

    line: int | None
    message: str
    unit: str = "line"

    def __str__(self) -> str:
        return self.message if self.line is None else f"{self.unit} {self.line}: {self.message}"


class DataFileError(ValueError):
    r"""A user's data cannot be used as they are.

    Attributes:
        source: The file, folder or hub id.
        problems: What is wrong, by line; those about the whole file come first.
        total: How many problems there are, which may be more than were kept.

    Examples:
        >>> from pathlib import Path
        >>> from ambiguity_lib.data import DataFileError, read_dataset
        >>> _ = Path("bad.csv").write_text("text,label\n,good\n,bad\n")
        >>> try:
        ...     read_dataset("bad.csv")
        ... except DataFileError as error:
        ...     print(error.total, error.problems[0])
        2 line 2: column 'text': the text is blank
    """

    def __init__(self, source: str, problems: Sequence[Problem], total: int) -> None:
        # all of them are arguments of the base class, so that the error can be pickled
        super().__init__(source, tuple(problems), total)
        self.source = source
        self.problems = tuple(problems)
        self.total = total

    def __str__(self) -> str:
        if self.total == 1:
            (only,) = self.problems
            return f"{self.source}{':' if only.line is None else ','} {only}"
        lines = [f"{self.source} has {self.total:,} problems:"]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN]]
        if self.total > SHOWN:
            more = self.total - min(SHOWN, len(self.problems))
            lines.append(
                f"  and {more:,} more; `ambiguity-lib data check {self.source}` lists them"
            )
        return "\n".join(lines)


class ProblemLog:
    """Collects the problems of one source while it is read.

    Args:
        source: What messages call it.
        limit: How many problems are kept.

    Attributes:
        unit: What the line numbers count; whoever opens the source sets it.
        total: How many problems there were so far.
    """

    def __init__(self, source: str, limit: int = KEPT) -> None:
        self.source = source
        self.unit = "line"
        self.total = 0
        self._limit = limit
        self._kept: list[Problem] = []

    def add(self, line: int | None, message: str) -> None:
        """Note a problem and go on."""
        self.total += 1
        if len(self._kept) == self._limit:
            if line is not None:
                return
            self._kept.pop()  # what is wrong with the whole file may be why the lines are
        self._kept.append(Problem(line, message, self.unit))

    def fail(self, line: int | None, message: str) -> NoReturn:
        """Note a problem after which nothing more can be said.

        Raises:
            DataFileError: Always, with all problems so far.
        """
        self.add(line, message)
        raise self._error()

    def raise_any(self) -> None:
        """Stop if there was a problem.

        Raises:
            DataFileError: With all problems so far.
        """
        if self.total:
            raise self._error()

    def _error(self) -> DataFileError:
        ordered = sorted(self._kept, key=lambda problem: problem.line or 0)
        return DataFileError(self.source, ordered, self.total)


def shorten(value: object) -> str:
    """Write a value into a message, however long it is."""
    # a slice first: the repr of a text of megabytes would take as much again
    text = repr(value[: _WIDTH + 1] if isinstance(value, str | list) else value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def list_names(names: Sequence[str], most: int = 12) -> str:
    """Write names into a message, the first few if there are many."""
    text = ", ".join(shorten(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
