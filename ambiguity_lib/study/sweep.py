"""The tidy table of a full experiment: one row an item, method and seed, kept as Parquet."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import pickle
import tempfile
import threading
import uuid
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
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ambiguity_lib.evaluation.scores import score_items
from ambiguity_lib.method.recipe import Classifier, Gold
from ambiguity_lib.metrics.uncertainty import entropy
from ambiguity_lib.models.batches import resolve_precision
from ambiguity_lib.store import MissingArtifactError, library_versions, written_whole
from ambiguity_lib.study.experiment import Experiment
from ambiguity_lib.study.methods import METHODS, RECIPES, Method, ensemble_seeds
from ambiguity_lib.study.paths import run_directory
from ambiguity_lib.study.profile import Profile

#: Rows that know nothing about the single item; the second reads the gold distributions' mean.
REFERENCES = ("uniform", "constant mean")


def score_methods(
    experiment: Experiment, methods: Sequence[Method], seeds: Sequence[int]
) -> pd.DataFrame:
    """Score methods on every evaluation set of an experiment, all folds taken together.

    Args:
        experiment: Data and settings; what is not in its store is computed.
        methods: Methods.
        seeds: Seeds; a method that has one result for all appears once, under the first.

    Returns:
        Columns ``dataset``, ``method``, ``seed``, ``uid``, those of
        :func:`~ambiguity_lib.evaluation.scores.score_items`, ``confidence`` (the largest probability) and
        ``human_entropy`` (nats). Under the first seed there are two more methods that read no text,
        ``uniform`` and ``constant mean``, which is the mean of the human distributions.

    Examples:
        >>> from ambiguity_lib.study import Experiment
        >>> from ambiguity_lib.study import METHODS
        >>> from ambiguity_lib.study import score_methods
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> scores = score_methods(experiment, [METHODS["teacher"]], seeds=[0])
        >>> scores.groupby("method", sort=False).size()
        method
        teacher          30
        uniform          30
        constant mean    30
        dtype: int64
    """
    frames = []
    for fold in range(experiment.profile.data.folds):
        by_seed = {seed: experiment.with_fold(fold).with_seed(seed) for seed in seeds}
        first = by_seed[seeds[0]]
        for split in first.evaluation_splits:
            gold = first.gold(split)
            for method in methods:
                for seed in seeds if method.per_seed else seeds[:1]:
                    probs = method.probs(by_seed[seed], split)
                    frames.append(score_probs(gold, method.name, seed, probs))
            uniform = np.full_like(gold.human, 1 / gold.human.shape[1])
            constant = np.tile(gold.human.mean(axis=0), (len(gold.human), 1))
            for name, probs in zip(REFERENCES, (uniform, constant), strict=True):
                frames.append(score_probs(gold, name, seeds[0], probs))
    return pd.concat(frames, ignore_index=True)


def score_probs(gold: Gold, method: str, seed: int, probs: NDArray[np.float64]) -> pd.DataFrame:
    """Rows of the table for one array of distributions, shape (N, C).

    Args:
        gold: What people said about the items.
        method: What to call the method.
        seed: The seed of its training.
        probs: Its distributions, shape (N, C).

    Returns:
        N rows with the columns of :func:`score_methods`.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.study import score_probs
        >>> from ambiguity_lib.method.recipe import Gold
        >>> labels = np.array([0, 1])
        >>> human = np.array([[0.6, 0.4], [0.1, 0.9]])
        >>> gold = Gold("toy", ("a", "b"), human, labels, labels, None)
        >>> probs = np.array([[0.9, 0.1], [0.1, 0.9]])
        >>> rows = score_probs(gold, "teacher", 0, probs)
        >>> rows[["dataset", "method", "uid", "JSD", "confidence"]].round(3)
          dataset   method uid    JSD  confidence
        0     toy  teacher   a  0.252         0.9
        1     toy  teacher   b  0.000         0.9
    """
    scores = score_items(
        probs, gold.human, old_labels=gold.old_labels, new_labels=gold.new_labels
    ).assign(confidence=probs.max(axis=1), human_entropy=entropy(gold.human))
    names = {"dataset": gold.name, "method": method, "seed": seed, "uid": list(gold.uids)}
    return pd.concat([pd.DataFrame(names, index=scores.index), scores], axis=1)


def write_scores(scores: pd.DataFrame, path: Path) -> Path:
    """Write the table as Parquet, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        scores.to_parquet(temporary, index=False, compression="zstd")
    return path


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
        >>> from ambiguity_lib.study import Experiment
        >>> from ambiguity_lib.study.sweep import Cell
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
        >>> from ambiguity_lib.study import Experiment
        >>> from ambiguity_lib.study.sweep import Cell
        >>> from ambiguity_lib.study import prefetch
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


CONNECT_SECONDS = 20
_EVERY = METHODS | RECIPES


def find_methods(names: str | None) -> tuple[Method, ...]:
    """The methods and recipes that a comma-separated list names; all methods if it is None.

    Args:
        names: The list, such as ``teacher,pruned``, or None.

    Returns:
        The methods, each once, in the order of the list.

    Raises:
        ValueError: If there is no such method, or none is named; the message lists them.

    Examples:
        >>> from ambiguity_lib.study import find_methods
        >>> [method.name for method in find_methods("teacher,pruned")]
        ['teacher', 'pruned']
    """
    if names is None:
        return tuple(METHODS.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in _EVERY]
    if unknown or not wanted:
        problem = f"there is no method {unknown[0]!r}" if unknown else "no method is named"
        raise ValueError(f"{problem}; choose from: {', '.join(_EVERY)}")
    return tuple(_EVERY[name] for name in dict.fromkeys(wanted))


@dataclass(frozen=True)
class MethodCell(Work):
    """One method under one seed and fold, on every evaluation set."""

    name: str

    def train(self, experiment: Experiment) -> None:
        """Compute its probabilities, models included."""
        experiment = self.of(experiment)
        for split in experiment.evaluation_splits:
            _EVERY[self.name].probs(experiment, split)

    def __str__(self) -> str:
        """For the list of failures."""
        return f"{self.name}, seed {self.seed}, fold {self.fold}"


@dataclass(frozen=True)
class SweepResult:
    """What became of a sweep.

    Attributes:
        cells: Number of cells.
        failed: Cell → what went wrong.
        scores: The tidy table of results; None if a cell failed.
        path: Where the table is; None if a cell failed.

    Examples:
        >>> from ambiguity_lib.study import SweepResult
        >>> failed = {"teacher, seed 1": "out of memory"}
        >>> result = SweepResult(cells=2, failed=failed, scores=None, path=None)
        >>> result.scores is None
        True
    """

    cells: int
    failed: dict[str, str]
    scores: pd.DataFrame | None
    path: Path | None


def experiments_of(profile: Profile) -> list[Experiment]:
    """The profile's experiment, and that of its second task if it has one."""
    profiles = [profile]
    if profile.second_task is not None:
        profiles.append(profile.for_second_task())
    return [Experiment(one, one.sweep_seeds[0]) for one in profiles]


def method_cells(
    experiment: Experiment, methods: Sequence[Method], seeds: Sequence[int]
) -> list[Work]:
    """The cells of a grid, after those of models that one method needs several of.

    Args:
        experiment: Data and settings.
        methods: The methods to compare.
        seeds: Their seeds.

    Returns:
        What :func:`~ambiguity_lib.study.sweep.prefetch` can compute in several processes.

    Examples:
        >>> from ambiguity_lib.study import Experiment
        >>> from ambiguity_lib.study import METHODS
        >>> from ambiguity_lib.study import method_cells
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> len(method_cells(experiment, [METHODS["teacher"]], seeds=[0, 1, 2]))
        3
    """
    folds = range(experiment.profile.data.folds)
    chosen = {method.name for method in methods}
    members = ensemble_seeds(experiment) if "deep ensemble" in chosen else ()
    smoothings = experiment.profile.baselines.epsilons if "label smoothing" in chosen else ()
    first = [Cell("teacher", seed=seed, fold=fold) for fold in folds for seed in members]
    first += [
        Cell("label smoothing", epsilon=epsilon, seed=seed, fold=fold)
        for fold in folds
        for seed in seeds
        for epsilon in smoothings
    ]
    cells = [
        MethodCell(method.name, seed=seed, fold=fold)
        for fold in folds
        for method in methods
        for seed in (seeds if method.per_seed else seeds[:1])
    ]
    return [*first, *sorted(cells, key=lambda cell: cell.name != "teacher")]


def run_sweep(
    profile: Profile,
    methods: Sequence[Method],
    seeds: Sequence[int] | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
) -> SweepResult:
    """Compute every cell that the store lacks, then score them all.

    Args:
        profile: The profile; its second task is swept as well.
        methods: Methods, see :data:`~ambiguity_lib.study.methods.METHODS`.
        seeds: Seeds; those of each task, its ``sweep_seeds``, if None.
        workers: Processes on this machine, see :func:`~ambiguity_lib.study.sweep.prefetch`.
        scheduler: Address of a Dask scheduler to use instead.
        progress: Whether to show bars.

    Returns:
        The table of results, also kept in the profile's run directory, or what failed.

    Raises:
        RuntimeError: If the scheduler cannot be reached or its workers cannot do the work.

    Examples:
        >>> from ambiguity_lib.study import METHODS
        >>> from ambiguity_lib.study import load_profile
        >>> from ambiguity_lib.study import run_sweep
        >>> profile = load_profile("tiny.yml")
        >>> result = run_sweep(
        ...     profile, [METHODS["teacher"]], [0], workers=1, progress=False
        ... )
        >>> result.failed, sorted(set(result.scores["method"]))
        ({}, ['constant mean', 'teacher', 'uniform'])
    """
    failed: dict[str, str] = {}
    count = 0
    grid = [
        (experiment, experiment.profile.sweep_seeds if seeds is None else seeds)
        for experiment in experiments_of(profile)
    ]
    for experiment, own in grid:
        cells = method_cells(experiment, methods, own)
        count += len(cells)
        with _executor(scheduler, experiment.store_root, workers) as (executor, size):
            try:
                prefetch(experiment, cells, workers=size, executor=executor, progress=progress)
            except FailedWorkError as error:
                task = experiment.splits.name
                failed |= {f"{task}: {cell}": _reason(why) for cell, why in error.failed.items()}
    if failed:
        return SweepResult(count, failed, None, None)
    # what is not there by now was stored under another key: an error, not a training here
    tables = [score_methods(one.read_only(), methods, own) for one, own in grid]
    scores = pd.concat(tables, ignore_index=True)
    path = write_scores(scores, run_directory(profile.name) / "results" / "scores.parquet")
    return SweepResult(count, {}, scores, path)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _executor(
    scheduler: str | None, store: Path, workers: int | None
) -> Iterator[tuple[Executor | None, int | None]]:
    """A cluster's executor and the number of its workers; none for this machine."""
    if scheduler is None:
        yield None, workers
        return
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"{error}: a sweep on a cluster needs it: pip install 'ambiguity-lib[sweep]'"
        ) from error
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RuntimeError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        size, resources = _check_workers(client, scheduler, store)
        yield client.get_executor(resources=resources, pure=False), size


def _check_workers(client: Any, scheduler: str, store: Path) -> tuple[int, dict[str, float]]:
    """Refuse workers that would train wrongly, before anything is trained."""
    store.mkdir(parents=True, exist_ok=True)
    token = store / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        info = client.scheduler_info(n_workers=-1)["workers"]
        seen = client.run(_look_for, token)
    finally:
        token.unlink()
    if not info:
        raise RuntimeError(f"the scheduler at {scheduler} has no workers: start some first")
    for address, worker in info.items():
        if worker["nthreads"] != 1:
            raise RuntimeError(
                f"worker {address} has {worker['nthreads']} threads; trainings in one process "
                "would share a random state: start workers with --nthreads 1"
            )
    here = key_environment()
    for address, (environment, found) in seen.items():
        if not found:
            raise RuntimeError(
                f"worker {address} does not see the artifact store {store}: put it on a file "
                "system that all machines share, and set AMBIGUITY_ARTIFACT_DIR"
            )
        for name, value in here.items():
            if environment[name] != value:
                raise RuntimeError(
                    f"worker {address} has {name} {environment[name]}, here it is {value}: results "
                    "are stored under both, so they must be the same (precision: set it in the "
                    "profile)"
                )
    with_gpu = [worker for worker in info.values() if worker["resources"].get("GPU")]
    return (len(with_gpu), {"GPU": 1}) if with_gpu else (len(info), {})


def key_environment() -> dict[str, str]:
    """What of a machine is part of what its results are stored under."""
    return library_versions() | {"precision": resolve_precision("auto")}


def _look_for(token: Path) -> tuple[dict[str, str], bool]:
    return key_environment(), token.exists()


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds of ``0-4`` or ``0,2,5``.

    Raises:
        ValueError: If the text is neither.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"seeds must be like 0-4 or 0,2,5; got {text!r}")
        numbers = range(int(first), int(last if dash else first) + 1)
        if not numbers:
            raise ValueError(f"seeds must be like 0-4 or 0,2,5; got {text!r}")
        seeds += numbers
    return tuple(dict.fromkeys(seeds))
