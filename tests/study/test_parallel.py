"""Several trainings at a time: the same models as one after the other, errors named, none lost."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from ambiguity_lib.store import ArtifactStore, MissingArtifactError
from ambiguity_lib.study import Experiment, load_profile, prefetch
from ambiguity_lib.study.sweep import Cell, _blocks, default_workers

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")
CELLS = (Cell("pruned", depth=1, seed=1), Cell("teacher"))


def experiment(root, profile=SMOKE):
    return Experiment(profile, 0, store=ArtifactStore(root), progress=False)


def finished(root):
    return {path.name for path in root.glob("model/*")}


def test_one_worker_trains_here_and_only_what_is_missing(tmp_path, monkeypatch):
    exp = experiment(tmp_path)
    prefetch(exp, CELLS, workers=1)
    assert len(finished(tmp_path)) == 2

    def fail(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr("ambiguity_lib.models.training.fine_tune", fail)
    prefetch(experiment(tmp_path), CELLS, workers=1)
    monkeypatch.setattr("ambiguity_lib.study.sweep.ProcessPoolExecutor", fail)
    prefetch(experiment(tmp_path), CELLS, workers=2)


def test_a_read_only_experiment_computes_nothing(tmp_path):
    with pytest.raises(MissingArtifactError, match="holds no"):
        CELLS[1].train(experiment(tmp_path).read_only())
    assert not finished(tmp_path)


def test_a_cell_is_the_experiments_own_method(tmp_path):
    exp = experiment(tmp_path)
    assert Cell("pruned", depth=1).train(exp).key == exp.pruned(1).key
    assert Cell("teacher", seed=1).train(exp).key == exp.with_seed(1).teacher.key
    smoothed = Cell("label smoothing", epsilon=0.2).train(exp)
    assert smoothed.key == exp.label_smoothed(0.2).key
    ours = Cell("distilled", depth=2, source=1, weight=0.25).train(exp)
    assert ours.key == exp.distilled(2, 1, 0.25).key


@pytest.mark.slow
def test_processes_make_the_models_that_one_process_makes(tmp_path):
    apart, together = experiment(tmp_path / "apart"), experiment(tmp_path / "together")
    prefetch(apart, CELLS, workers=1)
    prefetch(together, CELLS, workers=2, progress=False)
    assert finished(tmp_path / "together") == finished(tmp_path / "apart")
    for cell in CELLS:
        np.testing.assert_allclose(
            cell.train(together).logits(), cell.train(apart).logits(), atol=1e-3
        )


def test_a_cell_waits_for_what_another_makes():
    def need(kind, key):
        return MissingArtifactError(Path(), kind, key)

    first, second = Cell("pruned", seed=1), Cell("distilled", seed=1)
    other = Cell("distilled", seed=2)
    teacher, student = need("model", "teacher"), need("model", "student")
    assert _blocks(first, teacher, second, teacher)
    assert _blocks(first, need("features", "train"), second, need("features", "train"))
    assert _blocks(first, need("features", "validation"), second, need("probes", "all"))
    assert not _blocks(first, student, second, need("model", "another student"))
    assert not _blocks(first, need("features", "of 1"), other, need("features", "of 2"))
    assert not _blocks(first, None, second, student)


@pytest.mark.slow
def test_a_failed_cell_is_named_and_the_other_is_kept(tmp_path):
    cells = (Cell("pruned", depth=9), Cell("teacher"))
    with pytest.raises(RuntimeError, match=r"1 of 2 trainings failed: Cell\(.*depth=9.*is kept"):
        prefetch(experiment(tmp_path), cells, workers=2, progress=False)
    assert len(finished(tmp_path)) == 1


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so_and_does_not_hang(tmp_path):
    script = """
        import sys
        from pathlib import Path
        from ambiguity_lib.study import prefetch
        from tests.test_parallel import CELLS, experiment
        prefetch(experiment(Path(sys.argv[1])), CELLS, workers=2)
    """
    file = tmp_path / "run.py"
    file.write_text(textwrap.dedent(script))
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, file, tmp_path / "store"]
    done = subprocess.run(command, cwd=root, env=env(root), capture_output=True, timeout=200)
    assert done.returncode == 1
    assert b"2 of 2 trainings failed" in done.stderr
    assert b'if __name__ == "__main__"' in done.stderr


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path):
    """A killed kernel leaves no training behind that nobody waits for."""
    script = """
        import sys
        from pathlib import Path
        import ambiguity_lib.study.sweep as p
        from tests.test_parallel import SMOKE, experiment
        import dataclasses
        if __name__ == "__main__":
            training = dataclasses.replace(SMOKE.training, epochs=100_000)
            exp = experiment(Path(sys.argv[1]), dataclasses.replace(SMOKE, training=training))
            p.prefetch(exp, [p.Cell("teacher"), p.Cell("teacher", seed=1)], workers=2)
    """
    file = tmp_path / "run.py"
    file.write_text(textwrap.dedent(script))
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen([sys.executable, file, tmp_path / "store"], cwd=root, env=env(root))
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


def env(root):
    return os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}


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
