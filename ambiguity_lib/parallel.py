"""Train several classifiers of an experiment at a time, one process each.

A small model leaves most of a core idle when it is trained on two: many operations of a step are
short and run on one. Two trainings on one core each finish sooner than one after the other on both.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
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

    def of(self, experiment: Experiment) -> Experiment:
        """The experiment with this cell's seed."""
        if self.seed is None or self.seed == experiment.seed:
            return experiment
        return experiment.with_seed(self.seed)

    def train(self, experiment: Experiment) -> Classifier:
        """The classifier, trained unless the store has it."""
        experiment = self.of(experiment)
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
    is finished stays in the store, whatever happens to the others. Workers are fresh interpreters:
    a script that calls this needs the usual ``if __name__ == "__main__":``.

    Args:
        experiment: Where the cells belong.
        cells: What is wanted; they start in this order where nothing speaks against it.
        workers: Processes, which share the cores; :func:`default_workers` if None. With one, the
            cells are trained here, and the first error ends it.
        progress: Whether to show a bar.

    Raises:
        RuntimeError: If some failed; the message names them, the first error is its cause.
    """
    workers = default_workers() if workers is None else workers
    own = [cell if cell.seed is not None else replace(cell, seed=experiment.seed) for cell in cells]
    # one view a seed: what it has found once it need not look up again
    views = {cell.seed: cell.of(experiment).read_only() for cell in own}
    missing = [cell for cell in dict.fromkeys(own) if _missing(cell, views)]
    if workers == 1 or len(missing) < 2:
        for cell in missing:
            cell.train(experiment)
        return
    workers = min(workers, len(missing))
    failed: dict[Cell, BaseException] = {}
    with (
        _pool(experiment, workers) as pool,
        tqdm(total=len(missing), leave=False, disable=not progress or None) as bar,
    ):
        bar.set_description(f"training, {workers} at a time")
        running: dict[Future[None], Cell] = {}
        while missing or running:
            needs = [(cell, _missing(cell, views)) for cell in running.values()]
            for cell in list(missing):
                if len(running) == workers:
                    break
                need = _missing(cell, views)
                if need is not None and any(_blocks(*job, cell, need) for job in needs):
                    continue
                missing.remove(cell)
                if need is None:  # another cell was the same model
                    bar.update()
                    continue
                try:
                    running[pool.submit(_train, cell)] = cell
                    needs.append((cell, need))
                except BrokenProcessPool as broken:
                    failed |= dict.fromkeys([cell, *missing], broken)
                    missing = []
                    break
            # a free worker looks again soon whether what its cell waits for has come
            timeout = None if len(running) == workers or not missing else 2.0
            for future in wait(running, timeout, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if error is not None:
                    failed[running[future]] = error
                del running[future]
                bar.update()
    if failed:
        first = next(iter(failed.values()))
        hint = ""
        if isinstance(first, BrokenProcessPool):
            hint = (
                " A worker died: for memory (AMBIGUITY_WORKERS=1 needs less), or because a script "
                'without `if __name__ == "__main__":` called this.'
            )
        raise RuntimeError(
            f"{len(failed)} of {len(set(own))} trainings failed: "
            f"{'; '.join(map(str, failed))}. What was finished is kept.{hint}"
        ) from first


def _blocks(
    running: Cell, made: MissingArtifactError | None, cell: Cell, need: MissingArtifactError
) -> bool:
    """Whether ``cell``, which needs ``need`` first, would make what ``running`` is making now."""
    if made is None:
        return False
    # features and probes of a seed come in a row: who waits for one waits for all
    preparing = made.kind != "model" and need.kind != "model" and running.seed == cell.seed
    return need.key == made.key or preparing


def _missing(cell: Cell, views: Mapping[int | None, Experiment]) -> MissingArtifactError | None:
    """The first thing that has to be made for a cell; None if nothing has."""
    try:
        cell.train(views[cell.seed])
    except MissingArtifactError as error:
        return error
    except Exception:  # the worker will meet it, too, and say so
        return MissingArtifactError(Path(), "model", repr(cell))
    return None


@contextlib.contextmanager
def _pool(experiment: Experiment, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes that hold the experiment, with an equal share of the threads each."""
    with tempfile.TemporaryDirectory(prefix="ambiguity-workers-") as folder:
        # by a file: a large argument to a process that dies early would block its parent
        file = Path(folder) / "experiment.pickle"
        file.write_bytes(pickle.dumps(experiment.quiet()))
        threads = max(1, torch.get_num_threads() // workers)
        with ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(file, threads),
        ) as pool:
            yield pool


_worker_experiment: Experiment


def _start_worker(file: Path, threads: int) -> None:
    global _worker_experiment
    _worker_experiment = pickle.loads(file.read_bytes())
    torch.set_num_threads(threads)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # nobody waits for the result, and a pool's worker would wait for ever


def _train(cell: Cell) -> None:
    cell.train(_worker_experiment)
