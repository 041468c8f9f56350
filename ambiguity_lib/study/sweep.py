"""The grid of methods, seeds and folds: prepared in stages, several trainings at a time, scored.

A small model leaves most of a core idle when it is trained on two: two trainings on one core each
finish sooner than one after the other on both. Every job leaves its results in the artifact store,
so a sweep that was stopped goes on where it was, and a job that fails takes no other with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import threading
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm.auto import tqdm

from ambiguity_lib.evaluation.scores import score_probs
from ambiguity_lib.models.batches import resolve_precision
from ambiguity_lib.store import library_versions, written_whole
from ambiguity_lib.study.experiment import Experiment
from ambiguity_lib.study.methods import METHODS, RECIPES, Method, Stage
from ambiguity_lib.study.paths import run_directory
from ambiguity_lib.study.profile import Profile

#: Rows that know nothing about the single item; the second reads the gold distributions' mean.
REFERENCES = ("uniform", "constant mean")
CONNECT_SECONDS = 20
_EVERY = METHODS | RECIPES


class FailedWorkError(RuntimeError):
    """Some of the work failed; the rest is kept."""


@dataclass(frozen=True)
class Job:
    """One thing that an experiment computes once and keeps.

    Attributes:
        name: A method of :data:`~ambiguity_lib.study.METHODS`, or an attribute of an experiment.
        seed: Seed of training.
        fold: Fold of the data.
        options: Arguments, if the attribute is a function.
    """

    name: str
    seed: int
    fold: int
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        """For the list of failures."""
        own = "".join(f", {key} {value}" for key, value in self.options)
        return f"{self.name}{own}, seed {self.seed}, fold {self.fold}"

    def run(self, experiment: Experiment) -> None:
        """Compute it unless the store has it, models included."""
        experiment = experiment.with_fold(self.fold).with_seed(self.seed)

        def build(directory: Path) -> None:
            if self.name in _EVERY and not self.options:
                for split in experiment.evaluation_splits:
                    _EVERY[self.name].probs(experiment, split)
            else:
                found = getattr(experiment, self.name)
                if callable(found):
                    found(**dict(self.options))
            (directory / "done").touch()

        experiment.store.get_or_build("done", self.spec(experiment), build)

    def spec(self, experiment: Experiment) -> dict[str, Any]:
        """What tells in the store that this has been done; the experiment is of the job's fold."""
        settings = dataclasses.asdict(experiment.profile)
        for name in ("name", "title", "description", "seeds", "second_task", "evaluation"):
            del settings[name]
        own = experiment.data
        data = [own.fingerprint(split) for split in ("train", "validation", *own.evaluation_splits)]
        return {
            "job": dataclasses.asdict(self),
            "settings": settings,
            "data": data,
            "precision": experiment.precision,
        }


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


def find_methods(names: str | None) -> tuple[Method, ...]:
    """The methods and recipes that a comma-separated list names; all methods if it is None.

    Raises:
        ValueError: If there is no such method, or none is named; the message lists them.
    """
    if names is None:
        return tuple(METHODS.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in _EVERY]
    if unknown or not wanted:
        problem = f"there is no method {unknown[0]!r}" if unknown else "no method is named"
        raise ValueError(f"{problem}; choose from: {', '.join(_EVERY)}")
    return tuple(_EVERY[name] for name in dict.fromkeys(wanted))


def prepare(
    experiment: Experiment,
    names: str | Sequence[str],
    *,
    seeds: Sequence[int] | None = None,
    workers: int | None = None,
    progress: bool = True,
    **options: Sequence[Any],
) -> None:
    """Train what methods need and the store lacks, several models at a time.

    Args:
        experiment: Data and settings; all folds of its data are prepared.
        names: One or several of :data:`~ambiguity_lib.study.METHODS` or
            :data:`~ambiguity_lib.study.RECIPES`.
        seeds: Seeds; the experiment's own if None.
        workers: Processes, which share the cores; if None, ``AMBIGUITY_WORKERS`` if that is set,
            one on a GPU, else one a core, up to four. With one, all is trained here.
        progress: Whether to show a bar.
        **options: Values of an argument of the experiment's method of that name, such as
            ``depth=[2, 3]`` of ``pruned``; one model each.

    Raises:
        FailedWorkError: If some failed; the message names them and says why.

    Examples:
        >>> from ambiguity_lib.study import Experiment, prepare
        >>> experiment = Experiment.from_profile("tiny.yml", progress=False)
        >>> prepare(experiment, "pruned", depth=[1, 2], workers=1, progress=False)
        >>> experiment.read_only().pruned(depth=1).depth
        1
    """
    names = [names] if isinstance(names, str) else list(names)
    seeds = (experiment.seed,) if seeds is None else seeds
    methods = [_EVERY[name] for name in names]
    settings: list[tuple[tuple[str, Any], ...]] = [
        ((key, value),) for key, values in options.items() for value in values
    ]
    stages = _stages(experiment, methods, seeds, settings or [()])
    failed = _run_stages(experiment, stages, workers, None, progress)
    if failed:
        listed = "; ".join(f"{job}: {why}" for job, why in failed.items())
        raise FailedWorkError(
            f"{len(failed)} of {sum(map(len, stages))} trainings failed: {listed}. What was "
            "finished is kept"
        )


def _stages(
    experiment: Experiment,
    methods: Sequence[Method],
    seeds: Sequence[int],
    settings: Sequence[tuple[tuple[str, Any], ...]] = ((),),
) -> list[list[Job]]:
    """Jobs by stage: what several methods need is made once, before the methods themselves."""
    folds = range(experiment.profile.data.folds)
    needs = {stage for method in methods for stage in method.needs}
    early = [
        [
            Job(name, own, fold, tuple(arguments.items()))
            for fold in folds
            for seed in seeds
            for stage in stages
            if stage in needs
            for name, own, arguments in stage.jobs(experiment, seed)
        ]
        for stages in (set(Stage) - {Stage.PROBES, Stage.HALVES}, {Stage.PROBES}, {Stage.HALVES})
    ]
    last = [
        Job(method.name, seed, fold, chosen)
        for fold in folds
        for method in methods
        for seed in (seeds if method.per_seed else seeds[:1])
        for chosen in settings
    ]
    return [list(dict.fromkeys(jobs)) for jobs in (*early, last)]


def _run_stages(
    experiment: Experiment,
    stages: Sequence[Sequence[Job]],
    workers: int | None,
    scheduler: str | None,
    progress: bool,
) -> dict[Job, str]:
    """Run what is not done yet, stage after stage; what failed, and why."""
    failed: dict[Job, str] = {}
    store = experiment.store
    # the data of a fold is loaded and hashed once, not by every job
    folds = {job.fold for jobs in stages for job in jobs}
    of_fold = {fold: experiment.with_fold(fold) for fold in folds}
    with contextlib.ExitStack() as stack:
        backend: int | None = None
        for jobs in stages:
            missing = [job for job in jobs if not store.has("done", job.spec(of_fold[job.fold]))]
            if not missing:
                continue
            if scheduler is not None and backend is None:
                backend = stack.enter_context(_cluster(scheduler, store.root))
            count = backend or min(workers or default_workers(), len(missing))
            failed |= _run_jobs(of_fold, missing, count, scheduler is None, progress)
    return failed


def _run_jobs(
    of_fold: Mapping[int, Experiment],
    jobs: Sequence[Job],
    workers: int,
    here: bool,
    progress: bool,
) -> dict[Job, str]:
    """Run jobs, ``workers`` at a time: in processes of this machine, or where joblib is told to."""
    failed: dict[Job, str] = {}
    with tqdm(total=len(jobs), leave=False, disable=not progress or None) as bar:
        bar.set_description(f"training, {workers} at a time")
        if here and workers == 1:
            for job in jobs:
                _note(failed, *_attempt(of_fold[job.fold], job, None, None))
                bar.update()
            return failed
        # a thread more than there are cores slows all of them many times over
        threads = max(1, torch.get_num_threads() // workers) if here else None
        parent = os.getpid() if here else None
        left = dict.fromkeys(jobs)
        pool = joblib.Parallel(
            workers, batch_size=1, pre_dispatch="all", return_as="generator_unordered"
        )
        quiet = {fold: one.quiet() for fold, one in of_fold.items()}
        calls = [joblib.delayed(_attempt)(quiet[job.fold], job, threads, parent) for job in jobs]
        with (
            joblib.parallel_config("loky") if here else contextlib.nullcontext(),
            warnings.catch_warnings(),
        ):
            # one that holds much memory makes room for another, which is no news to a reader
            warnings.filterwarnings("ignore", "A worker stopped", UserWarning)
            try:
                for job, error in pool(calls):
                    del left[job]
                    _note(failed, job, error)
                    bar.update()
            except TerminatedWorkerError:
                reason = "a worker died, perhaps for memory: AMBIGUITY_WORKERS=1 needs less"
                failed |= dict.fromkeys(left, reason)
    return failed


def _note(failed: dict[Job, str], job: Job, error: str | None) -> None:
    if error is not None:
        failed[job] = error


def _attempt(
    experiment: Experiment, job: Job, threads: int | None, parent: int | None
) -> tuple[Job, str | None]:
    """Run a job where it is; an error is an answer, so that the other jobs go on."""
    if threads is not None:
        torch.set_num_threads(threads)
    if parent is not None:
        _watch(parent)
    try:
        job.run(experiment)
    except Exception as error:
        return job, f"{type(error).__name__}: {error}"
    return job, None


@functools.cache
def _watch(parent: int) -> None:
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this process when the one that waits for its result has gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


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
        :func:`~ambiguity_lib.evaluation.score_items`, ``confidence`` (the largest
        probability) and ``human_entropy`` (nats). Under the first seed there are two more methods
        that read no text, ``uniform`` and ``constant mean``, the mean of the human distributions.

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


@dataclass(frozen=True)
class SweepResult:
    """What became of a sweep.

    Attributes:
        cells: Number of methods × seeds × folds.
        failed: What failed → what went wrong.
        scores: The tidy table of results; None if something failed.
        path: Where the table is; None if something failed.
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

    Raises:
        RuntimeError: If the scheduler cannot be reached or its workers cannot do the work.
    """
    failed: dict[str, str] = {}
    count = 0
    grid = [
        (experiment, experiment.profile.sweep_seeds if seeds is None else seeds)
        for experiment in experiments_of(profile)
    ]
    for experiment, own in grid:
        stages = _stages(experiment, methods, own)
        count += len(stages[-1])
        found = _run_stages(experiment, stages, workers, scheduler, progress)
        failed |= {f"{experiment.splits.name}: {job}": why for job, why in found.items()}
    if failed:
        return SweepResult(count, failed, None, None)
    # what is not there by now was stored under another key: an error, not a training here
    tables = [score_methods(one.read_only(), methods, own) for one, own in grid]
    scores = pd.concat(tables, ignore_index=True)
    path = run_directory(profile.name) / "results" / "scores.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        scores.to_parquet(temporary, index=False, compression="zstd")
    return SweepResult(count, {}, scores, path)


@contextlib.contextmanager
def _cluster(scheduler: str, store: Path) -> Iterator[int]:
    """Make joblib work on a Dask cluster; gives the number of its workers."""
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
        with joblib.parallel_config("dask", client=client, resources=resources, pure=False):
            yield size


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
