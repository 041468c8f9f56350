"""Train several classifiers of an experiment at a time, one process each.

A small model leaves most of a core idle when it is trained on two: many operations of a step are
short and run on one. Two trainings on one core each finish sooner than one after the other on both.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
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
    """Trainings at a time: ``AMBIGUITY_WORKERS`` if set, one on a GPU, else one a core.

    Raises:
        ValueError: If ``AMBIGUITY_WORKERS`` is not a whole number from 1.
    """
    text = os.environ.get("AMBIGUITY_WORKERS")
    if text is not None:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"AMBIGUITY_WORKERS must be a whole number from 1; got {text!r}")
        return int(text)
    return 1 if torch.cuda.is_available() else torch.get_num_threads()


def prefetch(
    experiment: Experiment,
    cells: Sequence[Cell],
    *,
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Train those of the cells that the store lacks, ``workers`` at a time.

    Cells start in the given order. One that needs what another is just making (the same teacher)
    would make it, too, so put cells of different seeds first. What is finished stays in the store,
    whatever happens to the others.

    Args:
        experiment: Where the cells belong.
        cells: What is wanted.
        workers: Processes, which share the cores; :func:`default_workers` if None.
        progress: Whether to show a bar.

    Raises:
        RuntimeError: If some failed; the message names them, the first error is its cause.
    """
    workers = default_workers() if workers is None else workers
    missing = [cell for cell in cells if _is_missing(cell, experiment)]
    if workers == 1 or len(missing) < 2:
        for cell in missing:
            cell.train(experiment)
        return
    workers = min(workers, len(missing))
    threads = max(1, torch.get_num_threads() // workers)
    failed: dict[Cell, BaseException] = {}
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(experiment.quiet(), threads),
    ) as pool:
        futures: dict[Future[None], Cell] = {pool.submit(_train, cell): cell for cell in missing}
        done = tqdm(
            as_completed(futures),
            total=len(futures),
            desc=f"training, {workers} at a time",
            leave=False,
            disable=not progress or None,
        )
        for future in done:
            error = future.exception()
            if error is not None:
                failed[futures[future]] = error
    if failed:
        first = next(iter(failed.values()))
        hint = ""
        if isinstance(first, BrokenProcessPool):
            hint = " A worker was killed, perhaps for memory: AMBIGUITY_WORKERS=1 needs less."
        raise RuntimeError(
            f"{len(failed)} of {len(missing)} trainings failed: "
            f"{'; '.join(map(str, failed))}. The others are kept.{hint}"
        ) from first


def _is_missing(cell: Cell, experiment: Experiment) -> bool:
    try:
        cell.train(experiment.read_only())
    except MissingArtifactError:
        return True
    return False


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
