"""What every command shares: errors as messages, options that make one object, progress."""

from __future__ import annotations

import contextlib
import errno
import functools
import inspect
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

FAILED = 1
WRONG_REQUEST = 2

# what is wrong with a request, not with the machine
_REQUEST_ERRORS = (ValueError, FileNotFoundError, FileExistsError, NotADirectoryError)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)

_DEBUG = inspect.Parameter(
    "debug",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool, typer.Option("--debug", help="Show where in the code an error came from.")
    ],
)


@dataclass(frozen=True)
class MadeOf:
    """Marks a parameter of a command that is made of options: those of ``function``.

    The command gets a function without arguments, which makes the object when it is called.
    """

    function: Callable[..., Any]

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """Name → option, in their order."""
        return dict(inspect.signature(self.function, eval_str=True).parameters)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command: its options written out, its errors messages, tracebacks for ``--debug``."""
    declared = inspect.signature(function, eval_str=True)
    made: dict[str, MadeOf] = {}
    options: dict[str, inspect.Parameter] = {}
    for name, parameter in declared.parameters.items():
        metadata = getattr(parameter.annotation, "__metadata__", ())
        if metadata and isinstance(metadata[0], MadeOf):
            made[name] = metadata[0]
            options |= made[name].options
        else:
            options[name] = parameter
    options["debug"] = _DEBUG

    @functools.wraps(function)
    def run(*, debug: bool, **given: Any) -> None:
        given = {name: _expanded(value) for name, value in given.items()}
        for name, one in made.items():
            values = {option: given.pop(option) for option in one.options}
            given[name] = functools.partial(one.function, **values)
        try:
            function(**given)
        except (typer.Exit, typer.Abort, BrokenPipeError):  # nobody reads on: not an error
            raise
        except (Exception, KeyboardInterrupt) as error:
            if debug:
                raise
            message, code = explain(error)
            if code == FAILED and "resume" in given:
                message += "; what is finished is kept: the same command with --resume goes on"
            fail(message, code)

    only_by_name = [o.replace(kind=inspect.Parameter.KEYWORD_ONLY) for o in options.values()]
    run.__signature__ = declared.replace(parameters=only_by_name)  # type: ignore[attr-defined]
    return run


def _expanded(value: Any) -> Any:
    """A path whose home folder is written out, which a shell leaves alone in ``--output=~/x``."""
    if isinstance(value, Path):
        return value.expanduser()
    if isinstance(value, list):
        return [_expanded(one) for one in value]
    return os.path.expanduser(value) if isinstance(value, str) and value[:2] == "~/" else value


class Remarks(list[str]):
    """What a command has to say beside its result: on stderr at once, in its JSON at the end."""

    def say(self, remark: str) -> None:
        """Say it."""
        typer.echo(remark, err=True)
        self.append(remark)


def speak_utf8() -> None:
    """Read and write UTF-8 whatever the console is set to, as files are; bad bytes are errors."""
    for stream, errors in ((sys.stdin, "strict"), (sys.stdout, "strict"), (sys.stderr, "replace")):
        if isinstance(stream, io.TextIOWrapper):
            encoding = "utf-8-sig" if stream is sys.stdin else "utf-8"
            stream.reconfigure(encoding=encoding, errors=errors)


def fail(message: str, code: int = WRONG_REQUEST) -> NoReturn:
    """Say what is wrong, on stderr, and leave."""
    print_error(message)
    raise typer.Exit(code)


def print_error(message: str) -> None:
    """Say what is wrong, on stderr."""
    Console(stderr=True).print(Text(f"error: {message}", style="red"), soft_wrap=True)


def explain(error: BaseException) -> tuple[str, int]:
    """The message and the exit code of an exception."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", FAILED
    if isinstance(error, ValidationError):  # of settings: a message of several lines
        from ambiguity_lib.study.profile import explain as first_problem

        return first_problem(error), WRONG_REQUEST
    if isinstance(error, _REQUEST_ERRORS):
        return str(error), WRONG_REQUEST
    if "no space left" in str(error).lower():  # safetensors has an error of its own for it
        return f"the disk is full ({error}): make room", FAILED
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        if error.errno in _READ_ONLY:
            return f"cannot write{where}: {error.strerror}; choose another folder", WRONG_REQUEST
        if error.errno == errno.EDQUOT:
            return f"the disk is full ({error}): make room", FAILED
        return str(error), FAILED
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"out of memory ({error}): a smaller --batch-size or --max-length needs less", FAILED
    if isinstance(error, ModuleNotFoundError):
        return str(error), FAILED
    return f"{type(error).__name__}: {error} (--debug shows where)", FAILED


@contextlib.contextmanager
def show_progress(wanted: bool = True) -> Iterator[None]:
    """What the library is doing, on stderr, a line a step."""
    logger = logging.getLogger("ambiguity_lib")
    handler = RichHandler(
        console=Console(stderr=True), show_path=False, show_level=False, omit_repeated_times=False
    )
    level = logger.level
    if wanted:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
