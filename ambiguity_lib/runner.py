"""Run the book: every chapter through papermill under one profile, then the HTML.

Everything is written below ``_build/<profile>/``: ``notebooks/`` (executed copies), ``records/``
(the numbers, written by the chapters themselves), ``source/`` and ``html/``. The committed
chapters are never touched. Needs the extra ``book``.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ambiguity_lib.data import data_directory, fetch_all
from ambiguity_lib.data.download import cache_directory
from ambiguity_lib.freshness import fingerprint, is_fresh, stamp
from ambiguity_lib.notebooks import (
    ChapterFailure,
    ChapterRun,
    execute_chapter,
    kernel_environment,
)
from ambiguity_lib.paths import project_root, run_directory
from ambiguity_lib.profiles import (
    DataConfig,
    available_profiles,
    is_profile_path,
    load_profile,
    profile_path,
)
from ambiguity_lib.rendering import RenderingError, render_html

# folders beside the profiles' in the build directory
RESERVED_NAMES = ("artifacts", "colab")
_CHAPTER_NAME = re.compile(r"(\d\d_\w+|intro|results_\w+)")


def find_chapters(book_dir: Path) -> tuple[Path, ...]:
    """The book's notebooks: ``intro.ipynb`` if there is one, then the numbered chapters.

    Last come the pages of committed results (``results_*.ipynb``), which depend on no profile.

    Raises:
        FileNotFoundError: There is no chapter in ``book_dir``.
    """
    found = [path for path in book_dir.glob("*.ipynb") if _CHAPTER_NAME.fullmatch(path.stem)]
    if not found:
        raise FileNotFoundError(
            f"no chapters in {book_dir}: run this from a clone of the repository"
        )
    return tuple(sorted(found, key=lambda path: (path.stem != "intro", path.stem)))


def _is_results_page(chapter: Path) -> bool:
    return chapter.stem.startswith("results_")


def select_chapters(chapters: Sequence[Path], names: Sequence[str] | None) -> tuple[Path, ...]:
    """Pick chapters by number (``03``) or by name (``03_layer_probing``), in the book's order.

    Raises:
        ValueError: A name fits no chapter; the message lists the chapters.
    """
    if names is None:
        return tuple(chapters)
    chosen = set()
    for name in names:
        fitting = [path for path in chapters if name in (path.stem, path.stem.split("_")[0])]
        if not fitting:
            known = ", ".join(path.stem for path in chapters)
            raise ValueError(f"unknown chapter {name!r}: choose from {known}")
        chosen.update(fitting)
    return tuple(path for path in chapters if path in chosen)


def parameters_to_inject(notebook: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the notebook has already, so that a default run executes it as it stands.

    Args:
        notebook: The chapter.
        parameters: Names and values for its cell tagged ``parameters``.

    Returns:
        The parameters whose value differs from the notebook's own.

    Raises:
        ValueError: The notebook does not know a parameter. Papermill would only warn.
    """
    known = papermill.inspect_notebook(str(notebook))
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise ValueError(
            f"{notebook} has no parameter {', '.join(unknown)}: its cell tagged 'parameters' "
            f"sets {', '.join(known) or 'none'}"
        )
    return {
        name: value
        for name, value in parameters.items()
        if _literal(known[name]["default"]) != value
    }


def _literal(source: str) -> object:
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return None  # an expression, never equal to a value: it gets replaced


# the data sets, as the command line calls them, that a profile's dataset is made of
_DATA_SETS = {
    "snli": ("snli", "chaosnli"),
    "mnli": ("mnli", "chaosnli"),
    "affective_text": ("affective-text",),
}


def _fetch_data(configs: Sequence[DataConfig]) -> None:
    """Find the data directory; download now what kernels would fetch without showing progress."""
    names = {name for config in configs for name in _DATA_SETS.get(config.dataset, ())}
    if any(config.transfer for config in configs):
        names.add("chaosnli")
    if names and data_directory() == cache_directory():
        fetch_all(sorted(names))


@dataclass(frozen=True)
class BookPlan:
    """A checked request: nothing about it can turn out wrong before the first chapter runs."""

    profile: str
    profile_file: Path
    book_dir: Path
    chapters: tuple[Path, ...]
    parameters: dict[Path, dict[str, Any]]


def plan_book(
    profile: str | Path,
    chapters: Sequence[str] | None = None,
    seed: int | None = None,
    book_dir: Path | None = None,
) -> BookPlan:
    """Check profile, chapters and parameters before anything runs.

    Args:
        profile: A profile's name, or the path of a ``.yml`` file.
        chapters: Numbers or names of chapters; None for all.
        seed: Replaces the chapters' own ``SEED``.
        book_dir: Where the chapters are; by default ``book`` of the project.

    Raises:
        ValueError: Unknown chapter or parameter, or a bad profile.
        FileNotFoundError: No such profile, no chapters, or no data directory where one is named.
        DownloadError: The data of the profile are not there and cannot be downloaded.
    """
    settings = load_profile(profile)
    if settings.name in RESERVED_NAMES or (
        is_profile_path(profile)
        and settings.name in available_profiles()
        and profile_path(profile) != profile_path(settings.name)
    ):
        raise ValueError(
            f"{profile}: the name {settings.name!r} is taken and its results would be mixed up "
            "with another's; rename the file"
        )
    book = (book_dir or project_root() / "book").resolve()
    selected = select_chapters(find_chapters(book), chapters)
    second = settings.second_task
    _fetch_data([settings.data] if second is None else [settings.data, second.data])
    # a kernel runs in the book's folder, so a path must be absolute
    value = str(profile_path(profile)) if is_profile_path(profile) else str(profile)
    parameters: dict[str, Any] = {"PROFILE": value}
    if seed is not None:
        parameters["SEED"] = seed
    return BookPlan(
        profile=settings.name,
        profile_file=profile_path(profile),
        book_dir=book,
        chapters=selected,
        parameters={
            path: {} if _is_results_page(path) else parameters_to_inject(path, parameters)
            for path in selected
        },
    )


def run_book(
    plan: BookPlan,
    *,
    execute_only: bool = False,
    rerun: bool = False,
    cell_timeout: int | None = None,
    console: Console | None = None,
) -> int:
    """Execute the planned chapters and render the book from the executed copies.

    A chapter that would give what an earlier run gave (see :mod:`ambiguity_lib.freshness`) is not
    executed again. The first chapter that fails ends the run; the finished ones are kept.

    Args:
        plan: From ``plan_book``.
        execute_only: Leave the HTML out.
        rerun: Execute chapters of which nothing has changed, too.
        cell_timeout: Seconds that a cell may take; None for no limit.
        console: Where progress goes.

    Returns:
        0 if all went well, 1 if a chapter or the rendering failed.
    """
    console = console or Console()
    target = run_directory(plan.profile)
    count = len(plan.chapters)
    console.print(Text(f"Profile {plan.profile}, results in {target}"), soft_wrap=True)
    runs: list[ChapterRun] = []
    with kernel_environment():
        for position, path in enumerate(plan.chapters, start=1):
            label = f"\\[{position}/{count}] {path.stem}"
            output = target / "notebooks" / path.name
            current = fingerprint(path, plan.parameters[path], plan.profile_file)
            if not rerun and is_fresh(output, current):
                console.print(f"{label}  unchanged since it ran")
                continue
            started = time.time()
            with _progress_line(console, label):
                run = execute_chapter(path, output, plan.parameters[path], cell_timeout)
            end = "failed after" if run.failure else "done in"
            console.print(f"{label}  {end} {_clock(run.seconds)}")
            runs.append(run)
            if run.failure:
                break
            records = (target / "records").glob(f"{path.stem}_*.json")
            stamp(output, current, [r for r in records if r.stat().st_mtime >= started])
    if runs:
        console.print(_summary(runs, plan.chapters[position:]))
        if (failure := runs[-1].failure) is not None:
            _report(console, failure)
            return 1
    if execute_only:
        return 0
    started = time.perf_counter()
    try:
        index = render_html(plan.book_dir, target)
    except RenderingError as error:
        console.print(Text(str(error), style="red"), soft_wrap=True)
        return 1
    console.print(f"HTML book rendered in {_clock(time.perf_counter() - started)}:")
    console.print(Text(str(index)), soft_wrap=True)
    return 0


@contextmanager
def _progress_line(console: Console, label: str) -> Iterator[None]:
    """A line with running time on a terminal; in a log, one that says what has begun."""
    if not console.is_terminal:
        console.print(f"{label}  running")
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(label, total=None)
        yield


def _summary(runs: Sequence[ChapterRun], not_run: Sequence[Path]) -> Table:
    table = Table(title="Chapters")
    table.add_column("chapter")
    table.add_column("time", justify="right")
    table.add_column("peak memory", justify="right")
    table.add_column("result")
    for run in runs:
        memory = f"{run.peak_bytes / 2**20:.0f} MiB"
        table.add_row(run.chapter, _clock(run.seconds), memory, "failed" if run.failure else "done")
    for path in not_run:
        table.add_row(path.stem, "", "", "not run")
    table.add_section()
    total = sum(run.seconds for run in runs)
    peak = max(run.peak_bytes for run in runs) / 2**20
    table.add_row("all", _clock(total), f"{peak:.0f} MiB", "")
    return table


def _report(console: Console, failure: ChapterFailure) -> None:
    place = "before its first cell" if failure.cell is None else f"in cell {failure.cell}"
    message = f"{failure.notebook} failed {place}: {failure.reason}"
    console.print(Text(message, style="bold red"), soft_wrap=True)
    console.print(Text.from_ansi(failure.traceback), soft_wrap=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
