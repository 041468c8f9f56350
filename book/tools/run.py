"""Run the book: every chapter under a profile, then the HTML of it.

    make book
    python book/tools/run.py --profile synthetic --chapters 03,04 --execute-only

A chapter that would give what an earlier run gave is not executed again (`fingerprint`).
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import nbformat
import papermill
import typer
import yaml
from ipykernel.kernelspec import write_kernel_spec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from traitlets.config import Config

import ambiguity_lib
from ambiguity_lib.data.sources import (
    DownloadError,
    cache_directory,
    data_directory,
    fetch_all,
)
from ambiguity_lib.data.splits import DataConfig
from ambiguity_lib.store import written_whole
from ambiguity_lib.study.paths import (
    artifact_directory,
    build_directory,
    project_root,
    run_directory,
)
from ambiguity_lib.study.profile import (
    available_profiles,
    is_profile_path,
    load_profile,
    profile_path,
)

# as a script this file is in no package; the folder above has `tools`, and `course` for the kernels
sys.path.append(str(Path(__file__).resolve().parents[1]))
from tools.notebook_metadata import strip_metadata

BOOK = Path(__file__).resolve().parents[1]
LIBRARY = Path(ambiguity_lib.__file__).parent
# folders beside the profiles' in the build directory
RESERVED_NAMES = ("artifacts", "colab")
_CHAPTER_NAME = re.compile(r"(\d\d_\w+|intro|results_\w+)")

# a kernel that talks in the clear warns on stderr; a release that cannot encrypt ignores this
_KERNEL_CONFIG = Config(KernelManager={"transport_encryption": "auto"})


@dataclass(frozen=True)
class ChapterRun:
    """What one chapter's run took and how it ended; ``failure`` is None if it ended well."""

    chapter: str
    seconds: float
    failure: ChapterFailure | None = None


@dataclass(frozen=True)
class ChapterFailure:
    """Where a chapter failed. ``cell`` counts from 1 in ``notebook``; None if no cell had begun."""

    notebook: Path
    cell: int | None
    reason: str
    traceback: str


def execute_chapter(
    notebook: Path, output: Path, parameters: Mapping[str, Any], cell_timeout: int | None = None
) -> ChapterRun:
    """Execute one chapter; its executed copy appears at ``output`` only when all cells ran.

    A run that fails leaves what it got to in ``<name>.failed.ipynb`` beside ``output``, and an
    older ``output`` is removed, so that no rendering takes it for this run's.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.stem}.{os.getpid()}.ipynb")
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    failed.unlink(missing_ok=True)
    started = time.perf_counter()
    failure: ChapterFailure | None = None
    try:
        papermill.execute_notebook(
            str(notebook),
            str(partial),
            parameters=dict(parameters),
            kernel_name="python3",
            cwd=str(notebook.parent),
            progress_bar=False,
            record_timing=False,
            execution_timeout=cell_timeout,
            config=_KERNEL_CONFIG,
        )
    # papermill has its own error for a raising cell, but passes nbclient's for a time-out or a
    # dead kernel, and jupyter_client's for one that never started. The notebook's own metadata
    # says "completed" on a time-out, so only the exception can be believed.
    except Exception as error:
        failure = _describe_failure(error, partial, failed)
    run = ChapterRun(
        chapter=notebook.stem,
        seconds=time.perf_counter() - started,
        failure=failure,
    )
    if failure is not None:
        output.unlink(missing_ok=True)
        if partial.exists():
            kept = nbformat.read(partial, as_version=4)
            # papermill's own remarks would shift the number of the failed cell
            kept.cells = [
                cell
                for cell in kept.cells
                if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
            ]
            nbformat.write(kept, partial)
            partial.replace(failed)
        return run
    executed = nbformat.read(partial, as_version=4)
    strip_run_metadata(executed)
    nbformat.write(executed, partial)
    partial.replace(output)
    return run


def strip_run_metadata(notebook: nbformat.NotebookNode) -> None:
    """Remove what differs from run to run, in place: times, paths, random ids, Python's version."""
    strip_metadata(notebook)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"  # papermill draws a random one
        if cell.cell_type == "code":
            cell.outputs = _join_streams(cell.outputs)


def _join_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """One output for what a cell prints in a row; timing decides in how many pieces it arrives."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and "stream" == output.output_type == last.output_type and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _describe_failure(error: Exception, partial: Path, kept: Path) -> ChapterFailure:
    cell: int | None = None
    text = "".join(getattr(error, "traceback", None) or []) or str(error)
    if isinstance(error, papermill.PapermillExecutionError):
        cell = error.cell_index + 1
        reason = f"{error.ename}: {error.evalue}"
        text = "\n".join(error.traceback)
    else:
        first_line = (str(error).strip().splitlines() or ["(no message)"])[0]
        reason = f"{type(error).__name__}: {first_line}"
        if partial.exists():
            cells = nbformat.read(partial, as_version=4).cells
            begun = [
                number
                for number, item in enumerate(cells, start=1)
                if item.metadata.get("papermill", {}).get("start_time")
            ]
            cell = begun[-1] if begun else None
    return ChapterFailure(notebook=kept, cell=cell, reason=reason, traceback=text)


@contextmanager
def kernel_environment() -> Iterator[None]:
    """What the kernels inherit: this interpreter's kernel, absolute paths, no progress bars."""
    saved = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="ambiguity-kernel-") as folder:
        # A user's own kernel called python3 must not win over the running interpreter's
        write_kernel_spec(os.path.join(folder, "kernels", "python3"))
        search = [folder, *filter(None, [os.environ.get("JUPYTER_PATH")])]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(search)
        # chapters import `course`, and the library that this run is of
        paths = [str(BOOK), str(LIBRARY.parent), os.environ.get("PYTHONPATH")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        os.environ["AMBIGUITY_BUILD_DIR"] = str(build_directory())
        os.environ["AMBIGUITY_ARTIFACT_DIR"] = str(artifact_directory())
        if data_dir := os.environ.get("AMBIGUITY_DATA_DIR"):
            os.environ["AMBIGUITY_DATA_DIR"] = str(Path(data_dir).expanduser().resolve())
        # bars would be stored in the chapters as output that differs from run to run
        os.environ.update(TQDM_DISABLE="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
        os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
        # tqdm.auto asks every import for ipywidgets, which a static page has no use for
        filters = [os.environ.get("PYTHONWARNINGS", ""), "ignore:IProgress not found"]
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, filters))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(saved)


def fingerprint(notebook: Path, parameters: Mapping[str, Any], profile: Path) -> str:
    """Hash of everything that a chapter's outputs follow from."""
    digest = hashlib.sha256()

    def add(value: object) -> None:
        digest.update(repr(value).encode())

    add((sys.version, dict(parameters)))
    for path in (notebook, profile):
        add(path.read_bytes())
    for folder in (LIBRARY, BOOK / "course", BOOK / "tools", notebook.parent / "results"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".py", ".yml", ".json"):
                add((path.relative_to(folder).as_posix(), path.read_bytes()))
    add(sorted((str(d.name), str(d.version)) for d in importlib.metadata.distributions()))
    source = yaml.safe_load(profile.read_text(encoding="utf-8"))["model"]["source"]
    add(list(_files(source)))
    add(list(_files(os.environ.get("AMBIGUITY_DATA_DIR") or cache_directory())))
    add(_machine())
    return digest.hexdigest()


def _files(folder: str | Path | None) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of a folder's files, which may be too large to be read for this."""
    if folder:
        for path in sorted(Path(folder).expanduser().rglob("*")):
            if path.is_file():
                status = path.stat()
                yield str(path), status.st_size, status.st_mtime_ns


def _machine() -> tuple[object, ...]:
    """What precision and timings depend on: processor, its instructions, cores, GPUs."""
    lines: list[str] = []
    with contextlib.suppress(OSError):  # not Linux
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        lines = sorted({line for line in text.splitlines() if line[:5] in ("flags", "model")})
    chosen = [os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")]
    gpus = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    return platform.machine(), os.cpu_count(), lines, chosen, gpus


def _stamp_path(output: Path) -> Path:
    return output.parents[1] / "stamps" / f"{output.stem}.json"


def is_fresh(output: Path, expected: str) -> bool:
    """Whether ``output`` and the records of its run are there, unchanged, and of ``expected``."""
    try:
        stamp = json.loads(_stamp_path(output).read_text(encoding="utf-8"))
        return bool(
            stamp["fingerprint"] == expected
            and stamp["files"]
            and all(_hash(Path(name)) == value for name, value in stamp["files"].items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def stamp(output: Path, value: str, records: Iterable[Path]) -> None:
    """Note that ``output`` and ``records`` are of the fingerprint ``value``."""
    files = {str(path): _hash(path) for path in (output, *records)}
    path = _stamp_path(output)
    path.parent.mkdir(exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps({"fingerprint": value, "files": files}), encoding="utf-8")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find_chapters(book_dir: Path) -> tuple[Path, ...]:
    """``intro`` if there is one, the numbered chapters, then the pages of committed results.

    The first and the last draw records, so they are the same under every profile.
    """
    found = [path for path in book_dir.glob("*.ipynb") if _CHAPTER_NAME.fullmatch(path.stem)]
    if not found:
        raise FileNotFoundError(
            f"no chapters in {book_dir}: run this from a clone of the repository"
        )
    return tuple(sorted(found, key=lambda path: (path.stem != "intro", path.stem)))


def select_chapters(chapters: Sequence[Path], names: Sequence[str] | None) -> tuple[Path, ...]:
    """Pick chapters by number (``03``) or by name (``03_layer_probing``), in the book's order."""
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

    An unknown parameter is an error: papermill would only warn.
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
            path: parameters_to_inject(path, parameters) if path.stem[0].isdigit() else {}
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

    The first chapter that fails ends the run; the finished ones are kept. Returns the exit status.
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
    from tools.render import RenderingError, render_html  # altair, which looks for a home folder

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
    table.add_column("result")
    for run in runs:
        table.add_row(run.chapter, _clock(run.seconds), "failed" if run.failure else "done")
    for path in not_run:
        table.add_row(path.stem, "", "not run")
    table.add_section()
    table.add_row("all", _clock(sum(run.seconds for run in runs)), "")
    return table


def _report(console: Console, failure: ChapterFailure) -> None:
    place = "before its first cell" if failure.cell is None else f"in cell {failure.cell}"
    message = f"{failure.notebook} failed {place}: {failure.reason}"
    console.print(Text(message, style="bold red"), soft_wrap=True)
    console.print(Text.from_ansi(failure.traceback), soft_wrap=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def main(
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
    names = None
    if chapters is not None:
        names = [name.strip() for name in chapters.split(",") if name.strip()]
        if not names:
            _fail("--chapters names no chapter: write for instance --chapters 03,04", 2)
    try:
        plan = plan_book(profile, names, seed)
    except (ValueError, FileNotFoundError) as error:
        _fail(str(error), 2)
    except DownloadError as error:
        _fail(str(error), 1)
    try:
        Path.home()  # the figures of a chapter look for it
    except RuntimeError as error:
        _fail(f"{error} Set HOME to a folder that can be written", 2)
    try:
        code = run_book(plan, execute_only=execute_only, rerun=rerun)
    except OSError as error:
        place = error.filename or build_directory()
        _fail(f"{place}: {error.strerror or error}; name another place by AMBIGUITY_BUILD_DIR", 2)
    raise typer.Exit(code)


def _fail(message: str, code: int) -> NoReturn:
    Console(stderr=True).print(Text(f"error: {message}", style="red"), soft_wrap=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(main)
