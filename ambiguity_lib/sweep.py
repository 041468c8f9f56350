"""The grid of methods, seeds and folds of a profile: on this machine or on a Dask cluster.

Every cell leaves its results in the artifact store, so a sweep that was stopped goes on where it
was, and a cell that fails does not take others with it.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ambiguity_lib.artifacts import library_versions
from ambiguity_lib.devices import resolve_precision
from ambiguity_lib.experiment import Experiment
from ambiguity_lib.methods import METHODS, Method, ensemble_seeds
from ambiguity_lib.parallel import Cell, FailedWorkError, Work, prefetch
from ambiguity_lib.paths import run_directory
from ambiguity_lib.profiles import Profile
from ambiguity_lib.recipes import RECIPES
from ambiguity_lib.results import score_methods, write_scores

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
        >>> from ambiguity_lib.sweep import find_methods
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
        >>> from ambiguity_lib.sweep import SweepResult
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
        What :func:`~ambiguity_lib.parallel.prefetch` can compute in several processes.

    Examples:
        >>> from ambiguity_lib.experiment import Experiment
        >>> from ambiguity_lib.methods import METHODS
        >>> from ambiguity_lib.sweep import method_cells
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
        methods: Methods, see :data:`~ambiguity_lib.methods.METHODS`.
        seeds: Seeds; those of each task, its ``sweep_seeds``, if None.
        workers: Processes on this machine, see :func:`~ambiguity_lib.parallel.prefetch`.
        scheduler: Address of a Dask scheduler to use instead.
        progress: Whether to show bars.

    Returns:
        The table of results, also kept in the profile's run directory, or what failed.

    Raises:
        RuntimeError: If the scheduler cannot be reached or its workers cannot do the work.

    Examples:
        >>> from ambiguity_lib.methods import METHODS
        >>> from ambiguity_lib.profiles import load_profile
        >>> from ambiguity_lib.sweep import run_sweep
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
