"""Train several classifiers of an experiment at a time, one process each.

A small model leaves most of a core idle when it is trained on two: many operations of a step are
short and run on one. Two trainings on one core each finish sooner than one after the other on both.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import pickle
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from tqdm.auto import tqdm

from ambiguity_lib.artifacts import MissingArtifactError
from ambiguity_lib.experiment import Classifier, Experiment

# keyed by seed and fold
_Views: TypeAlias = dict[tuple[int | None, int | None], Experiment]
_IN_A_ROW = {"features", "probes", "probe-probs"}


@dataclass(frozen=True, kw_only=True)
class Work:
    """Something that an experiment computes once and keeps; what is None is its own choice.

    Attributes:
        seed: The experiment's seed.
        fold: The fold of its data.
    """

    seed: int | None = None
    fold: int | None = None

    def of(self, experiment: Experiment) -> Experiment:
        """The experiment with this seed and fold."""
        if self.fold is not None:
            experiment = experiment.with_fold(self.fold)
        if self.seed is None or self.seed == experiment.seed:
            return experiment
        return experiment.with_seed(self.seed)

    def train(self, experiment: Experiment) -> object:
        """Compute it unless the store has it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cell(Work):
    """One classifier to train: a method of an ``Experiment`` and its settings.

    Examples:
        >>> from ambiguity_lib.experiment import Experiment
        >>> from ambiguity_lib.parallel import Cell
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> Cell("pruned", depth=1, seed=1).train(experiment).depth
        1
    """

    method: Literal["teacher", "pruned", "distilled", "label smoothing"]
    depth: int | None = None
    source: int | None = None
    weight: float | None = None
    epsilon: float = 0.1

    def train(self, experiment: Experiment) -> Classifier:
        """The classifier, trained unless the store has it."""
        experiment = self.of(experiment)
        if self.method == "teacher":
            return experiment.teacher
        if self.method == "pruned":
            return experiment.pruned(self.depth)
        if self.method == "label smoothing":
            return experiment.label_smoothed(self.epsilon, self.depth)
        return experiment.distilled(self.depth, self.source, self.weight)


class FailedWorkError(RuntimeError):
    """Some of the work failed; the rest is kept.

    Attributes:
        failed: What failed, and why.
    """

    def __init__(self, failed: Mapping[Work, BaseException], of: int) -> None:
        first = next(iter(failed.values()))
        hint = ""
        if isinstance(first, BrokenProcessPool):
            hint = (
                " A worker died: for memory (AMBIGUITY_WORKERS=1 needs less), or because a script "
                'without `if __name__ == "__main__":` called this.'
            )
        super().__init__(
            f"{len(failed)} of {of} trainings failed: "
            f"{'; '.join(map(str, failed))}. What was finished is kept.{hint}"
        )
        self.failed = dict(failed)


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
    cells: Sequence[Work],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> None:
    """Train those of the cells that the store lacks, ``workers`` at a time.

    A cell waits while another makes something that it needs, too (the teacher of its seed). What
    is finished stays in the store, whatever happens to the others. Workers are fresh interpreters:
    a script that calls this needs the usual ``if __name__ == "__main__":``.

    Args:
        experiment: Where the cells belong.
        cells: What is wanted; they start in this order where nothing speaks against it.
        workers: Processes, which share the cores; if None, ``AMBIGUITY_WORKERS`` if that is set,
            one on a GPU, else one a core, up to four. With one, the cells are trained here.
        executor: Where to train instead of in own processes, ``workers`` at a time; it has to see
            the experiment's store under the same path.
        progress: Whether to show a bar.

    Raises:
        FailedWorkError: If some failed; the message names them, the first error is its cause.

    Examples:
        >>> from ambiguity_lib.experiment import Experiment
        >>> from ambiguity_lib.parallel import Cell, prefetch
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> prefetch(
        ...     experiment,
        ...     [Cell("teacher"), Cell("pruned", depth=1)],
        ...     workers=1,
        ...     progress=False,
        ... )
        >>> experiment.read_only().pruned(depth=1).depth
        1
    """
    workers = default_workers() if workers is None else workers
    own = [
        replace(
            cell,
            seed=experiment.seed if cell.seed is None else cell.seed,
            fold=experiment.fold if cell.fold is None else cell.fold,
        )
        for cell in cells
    ]
    # one view a seed and fold: what it has found once it need not look up again
    views: _Views = {}
    for cell in own:
        if (cell.seed, cell.fold) not in views:
            views[cell.seed, cell.fold] = cell.of(experiment).read_only()
    missing = [cell for cell in dict.fromkeys(own) if _missing(cell, views)]
    failed: dict[Work, BaseException] = {}
    if executor is None and (workers == 1 or len(missing) < 2):
        for cell in missing:
            try:
                cell.train(experiment)
            except Exception as failure:
                failed[cell] = failure
        if failed:
            raise FailedWorkError(failed, of=len(set(own))) from next(iter(failed.values()))
        return
    workers = min(workers, len(missing))
    with (
        _shared(experiment) as file,
        contextlib.nullcontext(executor) if executor is not None else _pool(workers) as pool,
        tqdm(total=len(missing), leave=False, disable=not progress or None) as bar,
    ):
        bar.set_description(f"training, {workers} at a time")
        running: dict[Future[None], Work] = {}
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
                    running[pool.submit(_train, file, cell)] = cell
                    needs.append((cell, need))
                except BrokenProcessPool as broken:
                    failed |= dict.fromkeys([cell, *missing], broken)
                    missing = []
                    break
            # a free worker looks again soon whether what its cell waits for has come
            timeout = None if len(running) == workers or not missing else 2.0
            for future in wait(running, timeout, return_when=FIRST_COMPLETED).done:
                # a cluster that goes away cancels what it was given
                error = CancelledError() if future.cancelled() else future.exception()
                if error is not None:
                    failed[running[future]] = error
                del running[future]
                bar.update()
    if failed:
        raise FailedWorkError(failed, of=len(set(own))) from next(iter(failed.values()))


def _blocks(
    running: Work, made: MissingArtifactError | None, cell: Work, need: MissingArtifactError
) -> bool:
    """Whether ``cell``, which needs ``need`` first, would make what ``running`` is making now."""
    if made is None:
        return False
    # features and probes of a seed come in a row: who waits for one waits for all
    same = (running.seed, running.fold) == (cell.seed, cell.fold)
    return need.key == made.key or (same and {made.kind, need.kind} <= _IN_A_ROW)


def _missing(cell: Work, views: _Views) -> MissingArtifactError | None:
    """The first thing that has to be made for a cell; None if nothing has."""
    try:
        cell.train(views[cell.seed, cell.fold])
    except MissingArtifactError as error:
        return error
    except Exception:  # the worker will meet it, too, and say so
        return MissingArtifactError(Path(), "model", repr(cell))
    return None


@contextlib.contextmanager
def _shared(experiment: Experiment) -> Iterator[Path]:
    """A file beside the store that holds the experiment, for whoever trains.

    By a file: a large argument to a process that dies early would block its parent.
    """
    root = experiment.store_root
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".workers-", dir=root) as folder:
        file = Path(folder) / "experiment.pickle"
        file.write_bytes(pickle.dumps(experiment.quiet()))
        yield file


def _pool(workers: int) -> ProcessPoolExecutor:
    """Worker processes with an equal share of the threads each."""
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(max(1, torch.get_num_threads() // workers),),
    )


def _start_worker(threads: int) -> None:
    torch.set_num_threads(threads)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # nobody waits for the result, and a pool's worker would wait for ever


@functools.lru_cache(maxsize=1)
def _read(file: Path) -> Experiment:
    experiment: Experiment = pickle.loads(file.read_bytes())
    return experiment


def _train(file: Path, cell: Work) -> None:
    cell.train(_read(file))
