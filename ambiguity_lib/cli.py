"""The command line. Exit codes: 0 all went well, 1 a run failed, 2 the request was wrong."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from ambiguity_lib import __version__

app = typer.Typer(
    name="ambiguity-lib",
    help="Smaller text classifiers that agree better with human disagreement: the course book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ambiguity-lib {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Hold the options that come before a command."""


@app.command()
def book(
    profile: Annotated[
        str, typer.Option(help="Name of a profile in book/profiles, or the path of a .yml file.")
    ] = "synthetic",
    chapters: Annotated[
        str | None, typer.Option(help="Only these, by number or name: 03,04. Default: all.")
    ] = None,
    execute_only: Annotated[
        bool, typer.Option("--execute-only", help="Run the chapters, leave the HTML out.")
    ] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Execute chapters of which nothing has changed, too.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Replaces the chapters' own SEED.")] = None,
) -> None:
    """Run every chapter under a profile and render the HTML book."""
    try:
        from ambiguity_lib.runner import (
            plan_book,
            run_book,
        )  # a second's import, not needed for --help
    except ModuleNotFoundError as error:
        _fail(f"{error}: the book needs more packages: pip install 'ambiguity-lib[book]'")
    names = None
    if chapters is not None:
        names = [name.strip() for name in chapters.split(",") if name.strip()]
        if not names:
            _fail("--chapters names no chapter: write for instance --chapters 03,04")
    try:
        plan = plan_book(profile, names, seed)
    except (ValueError, FileNotFoundError) as error:
        _fail(str(error))
    raise typer.Exit(run_book(plan, execute_only=execute_only, rerun=rerun))


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(Text(f"error: {message}", style="red"), soft_wrap=True)
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the command ``ambiguity-lib``."""
    app()
