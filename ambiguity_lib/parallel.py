"""Train several classifiers of an experiment at a time, one process each.

A small model leaves most of a core idle when it is trained on two: many operations of a step are
short and run on one. Two trainings on one core each finish sooner than one after the other on both.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from tqdm.auto import tqdm

from ambiguity_lib.artifacts import MissingArtifactError
from ambiguity_lib.experiment import Classifier, Experiment


@dataclass(frozen=True)
class Cell:
    """One classifier to train: a method of :class:`Experiment`, its settings and a seed.

    What is None is the experiment's own choice.
    """

    method: Literal["teacher", "pruned", "distilled"]
    depth: int | None = None
    source: int | None = None
    weight: float | None = None
    seed: int | None = None

    def train(self, experiment: Experiment) -> Classifier:
        """The classifier, trained unless the store has it."""
        if self.seed is not None and self.seed != experiment.seed:
            experiment = experiment.with_seed(self.seed)
        if self.method == "teacher":
            return experiment.teacher
        if self.method == "pruned":
            return experiment.pruned(self.depth)
        return experiment.distilled(self.depth, self.source, self.weight)


def default_workers() -> int:
    """Trainings at a time: ``AMBIGUITY_WORKERS`` if set, one on a GPU, else one a core, up to four.

    Each holds a model, its gradients and AdamW's two moments in memory.

    Raises:
        ValueError: If ``AMBIGUITY_WORKERS`` is not a whole number from 1.
    """
    text = os.environ.get("AMBIGUITY_WORKERS")
    if text is not None:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"AMBIGUITY_WORKERS must be a whole number from 1; got {text!r}")
        return int(text)
    return 1 if torch.cuda.is_available() else min(4, torch.get_num_threads())


def prefetch(
    experiment: Experiment,
    cells: Sequence[Cell],
    *,
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Train those of the cells that the store lacks, ``workers`` at a time.

    A cell waits while another makes something that it needs, too (the teacher of its seed). What
    is finished stays in the store, whatever happens to the others.

    Args:
        experiment: Where the cells belong.
        cells: What is wanted; they start in this order where nothing speaks against it.
        workers: Processes, which share the cores; :func:`default_workers` if None.
        progress: Whether to show a bar.

    Raises:
        RuntimeError: If some failed; the message names them, the first error is its cause.
    """
    workers = default_workers() if workers is None else workers
    own = [cell if cell.seed is not None else replace(cell, seed=experiment.seed) for cell in cells]
    missing = [cell for cell in dict.fromkeys(own) if _missing(cell, experiment)]
    if workers == 1 or len(missing) < 2:
        for cell in missing:
            cell.train(experiment)
        return
    workers = min(workers, len(missing))
    failed: dict[Cell, BaseException] = {}
    with (
        ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(experiment.quiet(), max(1, torch.get_num_threads() // workers)),
        ) as pool,
        tqdm(total=len(missing), leave=False, disable=not progress or None) as bar,
    ):
        bar.set_description(f"training, {workers} at a time")
        running: dict[Future[None], _Job] = {}
        while missing or running:
            for cell in list(missing):
                if len(running) == workers:
                    break
                need = _missing(cell, experiment)
                if need is None:
                    missing.remove(cell)  # another cell was the same model
                    bar.update()
                elif not any(job.blocks(cell, need) for job in running.values()):
                    missing.remove(cell)
                    running[pool.submit(_train, cell)] = _Job(cell, need)
            # a free worker looks again soon whether what its cell waits for has come
            timeout = None if len(running) == workers or not missing else 2.0
            for future in wait(running, timeout, return_when=FIRST_COMPLETED).done:
                cell = running.pop(future).cell
                error = future.exception()
                if error is not None:
                    failed[cell] = error
                if isinstance(error, BrokenProcessPool):
                    failed |= dict.fromkeys(missing, error)
                    missing = []
                bar.update()
    if failed:
        first = next(iter(failed.values()))
        hint = ""
        if isinstance(first, BrokenProcessPool):
            hint = " A worker was killed, perhaps for memory: AMBIGUITY_WORKERS=1 needs less."
        raise RuntimeError(
            f"{len(failed)} of {len(set(own))} trainings failed: "
            f"{'; '.join(map(str, failed))}. What was finished is kept.{hint}"
        ) from first


@dataclass(frozen=True)
class _Job:
    """A running cell and the first thing that it had to make."""

    cell: Cell
    need: MissingArtifactError

    def blocks(self, cell: Cell, need: MissingArtifactError) -> bool:
        """Whether ``cell`` would make what this job is making."""
        same_chain = need.kind != "model" and cell.seed == self.cell.seed
        return need.key == self.need.key or same_chain


def _missing(cell: Cell, experiment: Experiment) -> MissingArtifactError | None:
    """The first thing that has to be made for a cell; None if nothing has."""
    try:
        cell.train(experiment.read_only())
    except MissingArtifactError as error:
        return error
    except Exception:  # the worker will meet it, too, and say so
        return MissingArtifactError(Path(), "model", repr(cell))
    return None


_worker_experiment: Experiment


def _start_worker(experiment: Experiment, threads: int) -> None:
    global _worker_experiment
    _worker_experiment = experiment
    torch.set_num_threads(threads)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # nobody waits for the result, and a pool's worker would wait for ever


def _train(cell: Cell) -> None:
    cell.train(_worker_experiment)
