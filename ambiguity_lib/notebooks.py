"""Execute one chapter through papermill, in the running interpreter's kernel.

The executed copy appears only when every cell ran, and holds nothing that differs between two runs
that computed the same. Needs the extra ``book``.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from ipykernel.kernelspec import write_kernel_spec
from traitlets.config import Config

from ambiguity_lib.memory import PeakMemory
from ambiguity_lib.notebook_metadata import strip_metadata
from ambiguity_lib.paths import artifact_directory, build_directory

# a kernel that talks in the clear warns on stderr; a release that cannot encrypt ignores this
_KERNEL_CONFIG = Config(KernelManager={"transport_encryption": "auto"})


@dataclass(frozen=True)
class ChapterRun:
    """What one chapter's run took and how it ended; ``failure`` is None if it ended well."""

    chapter: str
    notebook: Path
    seconds: float
    peak_bytes: int
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
    with PeakMemory() as memory:
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
        notebook=output,
        seconds=time.perf_counter() - started,
        peak_bytes=memory.peak_bytes,
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
