"""The grid of methods and seeds: resumed, failures listed, the same on a cluster."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from typer.testing import CliRunner

from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.practice.cli import app
from ambiguity_lib.store import ArtifactStore, MissingArtifactError
from ambiguity_lib.study import (
    METHODS,
    RECIPES,
    Experiment,
    find_methods,
    load_profile,
    prepare,
    run_sweep,
    score_methods,
)
from ambiguity_lib.study.sweep import (
    REFERENCES,
    FailedWorkError,
    _stages,
    default_workers,
    experiments_of,
    parse_seeds,
)

SMOKE_FILE = Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml"
SMOKE = load_profile(SMOKE_FILE)
ONE_TASK = dataclasses.replace(SMOKE, second_task=None)
SOME = find_methods("teacher,pruned,temperature scaling")


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", (0, 1, 2, 3, 4)), ("0,2,5", (0, 2, 5)), ("3, 0-1, 1", (3, 0, 1))]
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "4-2", "1;2"])
def test_what_are_no_seeds(text):
    with pytest.raises(ValueError, match="seeds must be like 0-4 or 0,2,5"):
        parse_seeds(text)


def test_what_several_methods_need_is_made_once_and_before_them(build_dir):
    (experiment,) = experiments_of(ONE_TASK)
    early, probes, halves, last = _stages(experiment, tuple(METHODS.values()), (0, 1))
    # teachers of both seeds are the ensemble's members; label smoothing has two strengths
    assert {job.name for job in early} == {"teacher", "label_smoothed"}
    assert len(early) == len(set(early)) == SMOKE.baselines.ensemble_size + 2 * 2
    assert [(job.name, job.seed) for job in probes] == [("probe", 0), ("probe", 1)]
    # one ensemble for both seeds
    assert len(last) == len(set(last)) == 2 * len(METHODS) - 1
    assert halves == []
    recipe = RECIPES["dropout of the other fold"]
    names = [[job.name for job in stage] for stage in _stages(experiment, [recipe], (0,))]
    assert names == [["teacher"], ["probe"], ["of_other_fold"], [recipe.name]]


def test_a_sweep_is_complete_kept_and_done_only_once(build_dir, monkeypatch):
    done = run_sweep(ONE_TASK, SOME, (0,), workers=1, progress=False)
    assert (done.cells, done.failed) == (3, {})
    assert done.path == build_dir / "smoke" / "results" / "scores.parquet"
    assert set(done.scores["method"]) >= {method.name for method in SOME}

    def fail(*arguments, **options):
        raise AssertionError("computed again")

    for name in ("fine_tune", "predict_logits"):
        monkeypatch.setattr(f"ambiguity_lib.method.recipe.{name}", fail)
    again = run_sweep(ONE_TASK, SOME, (0,), workers=1, progress=False)
    pd.testing.assert_frame_equal(again.scores, done.scores)


def test_both_tasks_are_swept(build_dir):
    done = run_sweep(SMOKE, find_methods("teacher"), (0,), workers=1, progress=False)
    assert set(done.scores["dataset"]) == {"synthetic", "headlines"}


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_failed_cell_is_listed_and_the_others_are_kept(build_dir, workers):
    # an ε that the profile would refuse: only label smoothing fails
    wrong = dataclasses.replace(SMOKE.baselines)
    object.__setattr__(wrong, "epsilons", (7.0,))
    profile = dataclasses.replace(ONE_TASK, baselines=wrong)
    methods = find_methods("label smoothing,teacher,pruned")
    done = run_sweep(profile, methods, (0,), workers=workers, progress=False)
    assert len(done.failed) == 2  # the training, and the method that chooses among such
    assert "synthetic: label smoothing, seed 0, fold 0" in done.failed
    assert "ValueError" in next(iter(done.failed.values()))
    assert done.scores is None
    (experiment,) = experiments_of(profile)
    for name in ("teacher", "pruned"):
        METHODS[name].probs(experiment.read_only(), "evaluation")


def test_methods_by_name():
    assert [method.name for method in find_methods(None)] == list(METHODS)
    assert [method.name for method in find_methods("pruned, teacher")] == ["pruned", "teacher"]
    with pytest.raises(ValueError, match="there is no method 'best'; choose from: teacher, "):
        find_methods("best")
    with pytest.raises(ValueError, match="no method is named"):
        find_methods(" , ")


def invoke(*arguments):
    return CliRunner().invoke(app, ["sweep", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "none"], "no profile 'none'"),
        (["--methods", "best"], "there is no method 'best'"),
        (["--seeds", "x"], "seeds must be like 0-4"),
        (["--workers", "2", "--scheduler", "tcp://x"], "--workers is for this machine"),
    ],
)
def test_a_wrong_request_exits_2_with_one_line(arguments, message):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr


def test_the_command_prints_a_table_and_where_it_is(build_dir):
    result = invoke("--profile", str(SMOKE_FILE), "--methods", "teacher", "--seeds", "0")
    assert result.exit_code == 0, result.stderr
    assert "teacher" in result.stdout and "scores.parquet" in result.stdout


def test_without_a_scheduler_at_the_address_it_says_so(build_dir, monkeypatch):
    monkeypatch.setattr("ambiguity_lib.study.sweep.CONNECT_SECONDS", 1)
    arguments = ["--profile", str(SMOKE_FILE), "--scheduler", "tcp://127.0.0.1:9"]
    result = invoke(*arguments, "--methods", "teacher")
    assert result.exit_code == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in result.stderr


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and two workers, as processes of their own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = []

    def start(module, *arguments):
        log = (tmp_path / f"{module}-{len(processes)}.log").open("w")
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=tmp_path)
        processes.append(process)
        return process

    file = tmp_path / "scheduler.json"
    start(
        "dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
        "--scheduler-file",
        str(file),
    )
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    address = re.search(r"tcp://[\d.:]+", file.read_text()).group()

    def worker(threads=1):
        options = ["--nthreads", str(threads), "--no-dashboard", "--no-nanny"]
        return start("dask_worker", address, *options, "--local-directory", str(tmp_path))

    yield address, worker
    for process in processes:
        process.kill()
        process.wait()


def wait_for_workers(address, count):
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


@pytest.mark.slow
def test_a_cluster_gives_the_same_and_survives_the_death_of_a_worker(
    cluster, build_dir, tmp_path, monkeypatch
):
    address, start_worker = cluster
    workers = [start_worker(), start_worker()]
    wait_for_workers(address, 2)
    store = build_dir / "artifacts"

    def kill_one_in_the_middle():
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if any(store.glob("model/*/artifact.json")):
                workers[0].send_signal(signal.SIGKILL)
                return
            time.sleep(0.05)

    import threading

    killer = threading.Thread(target=kill_one_in_the_middle)
    killer.start()
    methods = find_methods("teacher,pruned,label smoothing,distilled")
    done = run_sweep(ONE_TASK, methods, (0, 1), scheduler=address, progress=False)
    killer.join()
    assert workers[0].poll() == -signal.SIGKILL
    assert done.failed == {}
    monkeypatch.setenv("AMBIGUITY_BUILD_DIR", str(tmp_path / "alone"))
    alone = run_sweep(ONE_TASK, methods, (0, 1), workers=1, progress=False)
    columns = ["dataset", "method", "seed", "uid"]
    pd.testing.assert_frame_equal(done.scores[columns], alone.scores[columns])
    # threads differ, so the last digits may
    pd.testing.assert_frame_equal(done.scores, alone.scores, atol=1e-3, rtol=1e-2)


@pytest.mark.slow
def test_workers_with_several_threads_or_none_at_all_are_refused(cluster, build_dir):
    address, start_worker = cluster
    with pytest.raises(RuntimeError, match="has no workers"):
        run_sweep(ONE_TASK, SOME, (0,), scheduler=address, progress=False)
    start_worker(threads=2)
    wait_for_workers(address, 1)
    with pytest.raises(RuntimeError, match=r"has 2 threads.*--nthreads 1"):
        run_sweep(ONE_TASK, SOME, (0,), scheduler=address, progress=False)


def experiment(root, profile=ONE_TASK):
    return Experiment(profile, 0, store=ArtifactStore(root), progress=False)


def finished(root):
    return {path.name for path in root.glob("model/*")}


def test_only_what_is_missing_is_trained(tmp_path, monkeypatch):
    exp = experiment(tmp_path)
    prepare(exp, "pruned", depth=[1], seeds=[1], workers=1)
    assert len(finished(tmp_path)) == 2  # the teacher, for the probes, and the student
    assert exp.with_seed(1).read_only().pruned(1).depth == 1
    with pytest.raises(MissingArtifactError, match="holds no"):
        _ = exp.read_only().teacher

    def fail(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr("ambiguity_lib.method.recipe.fine_tune", fail)
    prepare(experiment(tmp_path), "pruned", depth=[1], seeds=[1], workers=1)
    # not even a process is started
    monkeypatch.setattr("ambiguity_lib.study.sweep.joblib.Parallel", fail)
    prepare(experiment(tmp_path), "pruned", depth=[1], seeds=[1], workers=2)


def test_options_are_those_of_the_experiment(tmp_path):
    exp = experiment(tmp_path)
    prepare(exp, "distilled", weight=[0.25, 0.75], workers=1, progress=False)
    for weight in (0.25, 0.75):
        assert exp.read_only().distilled(weight=weight).depth == exp.depth


@pytest.mark.slow
def test_processes_make_the_models_that_one_process_makes(tmp_path):
    apart, together = experiment(tmp_path / "apart"), experiment(tmp_path / "together")
    prepare(apart, ["teacher", "pruned"], seeds=(0, 1), workers=1)
    prepare(together, ["teacher", "pruned"], seeds=(0, 1), workers=2, progress=False)
    assert finished(tmp_path / "together") == finished(tmp_path / "apart")
    for name in ("teacher", "pruned"):
        ours, theirs = (METHODS[name].probs(exp, "evaluation") for exp in (together, apart))
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_job_is_named_and_the_others_are_kept(tmp_path, workers):
    exp = experiment(tmp_path)
    with pytest.raises(FailedWorkError, match=r"1 of 4 trainings failed: pruned, depth 9.*kept"):
        prepare(exp, "pruned", depth=[9, 1], workers=workers, progress=False)
    assert exp.read_only().pruned(1).depth == 1


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path):
    """A killed kernel leaves no training behind that nobody waits for."""
    script = """
        import dataclasses
        import sys
        from pathlib import Path
        from ambiguity_lib.study import prepare
        from tests.study.test_sweep import ONE_TASK, experiment
        if __name__ == "__main__":
            training = dataclasses.replace(ONE_TASK.training, epochs=100_000)
            exp = experiment(Path(sys.argv[1]), dataclasses.replace(ONE_TASK, training=training))
            prepare(exp, "teacher", seeds=(0, 1), workers=2)
    """
    file = tmp_path / "run.py"
    file.write_text(textwrap.dedent(script))
    root = Path(__file__).resolve().parents[2]
    env = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    parent = subprocess.Popen([sys.executable, file, tmp_path / "store"], cwd=root, env=env)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "store").glob("model/.building*"))) < 2:
        assert parent.poll() is None, "the run ended before it trained"
        assert time.monotonic() < deadline, "no training began"
        time.sleep(0.2)
    workers = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    for process in alive:
        process.kill()
    assert gone and not alive


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    return Experiment(SMOKE, 0, store=store, progress=False)


@pytest.fixture(scope="module")
def scores(exp):
    return score_methods(exp, find_methods("teacher,deep ensemble"), (0, 1))


def test_one_row_an_item_method_and_seed(exp, scores):
    items = len(exp.splits.evaluation)
    sizes = scores.groupby(["method", "seed"]).size()
    assert sizes.to_dict() == {
        ("teacher", 0): items,
        ("teacher", 1): items,
        ("deep ensemble", 0): items,
        **{(name, 0): items for name in REFERENCES},
    }
    assert set(scores["dataset"]) == {"synthetic"}
    assert not scores.isna().any().any()


def test_scores_are_the_metrics(exp, scores):
    own = scores[(scores["method"] == "teacher") & (scores["seed"] == 1)]
    teacher = exp.with_seed(1).teacher.probs()
    np.testing.assert_allclose(own["JSD"], jensen_shannon_distance(exp.human, teacher))
    np.testing.assert_allclose(own["confidence"], teacher.max(axis=1))
    assert own["uid"].tolist() == exp.splits.evaluation["uid"][:]


def test_number_of_workers(monkeypatch):
    monkeypatch.delenv("AMBIGUITY_WORKERS", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for threads, workers in ((1, 1), (2, 2), (16, 4)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert default_workers() == workers
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert default_workers() == 1
    monkeypatch.setenv("AMBIGUITY_WORKERS", "3")
    assert default_workers() == 3
    for bad in ("0", "two", "-1"):
        monkeypatch.setenv("AMBIGUITY_WORKERS", bad)
        with pytest.raises(ValueError, match="AMBIGUITY_WORKERS must be"):
            default_workers()
