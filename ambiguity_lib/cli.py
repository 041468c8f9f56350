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
data = typer.Typer(help="The research data of the profiles on real data.", no_args_is_help=True)
app.add_typer(data, name="data")


ProfileOption = Annotated[
    str, typer.Option(help="Name of a profile in book/profiles, or the path of a .yml file.")
]


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
    profile: ProfileOption = "synthetic",
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
        # a second's import, not needed for --help
        from ambiguity_lib.data.download import DownloadError
        from ambiguity_lib.runner import plan_book, run_book
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
    except DownloadError as error:
        _fail(str(error), code=1)
    raise typer.Exit(run_book(plan, execute_only=execute_only, rerun=rerun))


@app.command()
def sweep(
    profile: ProfileOption = "synthetic",
    methods: Annotated[
        str | None, typer.Option(help="Only these, for instance 'teacher,distilled'. Default: all.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="0-4 or 0,2,5. Default: the profile's sweep_seeds.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings at a time on this machine.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that has workers.")
    ] = None,
) -> None:
    """Train and score every method under every seed; what is there already is not made again."""
    from ambiguity_lib.artifacts import MissingArtifactError  # seconds of imports: not for --help
    from ambiguity_lib.profiles import load_profile
    from ambiguity_lib.statistics import summary_table
    from ambiguity_lib.sweep import find_methods, parse_seeds, run_sweep

    if workers is not None and scheduler is not None:
        _fail("--workers is for this machine: a cluster has as many as were started")
    try:
        loaded = load_profile(profile)
        chosen = find_methods(methods)
        wanted = loaded.sweep_seeds if seeds is None else parse_seeds(seeds)
    except (ValueError, FileNotFoundError) as error:
        _fail(str(error))
    try:
        done = run_sweep(loaded, chosen, wanted, workers=workers, scheduler=scheduler)
    except (RuntimeError, OSError, ValueError, MissingArtifactError) as error:
        _fail(str(error), code=1)
    if done.scores is None:
        lines = "\n".join(f"  {cell}: {reason}" for cell, reason in done.failed.items())
        _fail(
            f"{len(done.failed)} of {done.cells} cells failed; the others are kept, and the same "
            f"command goes on from there:\n{lines}",
            code=1,
        )
    typer.echo(summary_table(done.scores).round(3).to_string())
    typer.echo(f"scores of every item: {done.path}")


@data.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="snli, mnli, chaosnli, affective-text. Default: all."),
    ] = None,
) -> None:
    """Download the data sets that are not there yet, and print where each file lies."""
    # a second's import, not needed for --help
    from ambiguity_lib.data.download import DownloadError
    from ambiguity_lib.data.reading import fetch_all
    from ambiguity_lib.data.sources import DATA_SETS, find_data_set

    try:
        chosen = [find_data_set(name) for name in dict.fromkeys(names or DATA_SETS)]
    except ValueError as error:
        _fail(str(error))
    failed = False
    for data_set in chosen:
        try:
            paths = fetch_all([data_set.name])[data_set.name]
        except (DownloadError, OSError) as error:
            _print_error(str(error))
            failed = True  # the others may be had all the same
            continue
        typer.echo(f"{data_set.title}, licence: {data_set.licence}")
        for path in paths:
            typer.echo(f"  {path}")
    if failed:
        raise typer.Exit(1)


def _fail(message: str, code: int = 2) -> NoReturn:
    _print_error(message)
    raise typer.Exit(code)


def _print_error(message: str) -> None:
    Console(stderr=True).print(Text(f"error: {message}", style="red"), soft_wrap=True)


def main() -> None:
    """Entry point of the command ``ambiguity-lib``."""
    app()
