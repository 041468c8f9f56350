"""Several processes that train together end in what one process does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification

from ambiguity_lib.method import one_hot_targets, softmax
from ambiguity_lib.models import TrainingConfig, fine_tune, predict_logits
from ambiguity_lib.models.loading import quiet_transformers
from ambiguity_lib.models.training import join, leave
from ambiguity_lib.store import agree, is_main_process, world_size
from tests.practice.cli.test_compress import write_csv
from tests.tiny import tiny_dataset, tiny_model, tiny_tokenizer


def test_processes_are_counted_by_what_launchers_set(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (world_size(), is_main_process()) == (1, True)
    join()
    leave()
    assert agree(True) and not agree(False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert (world_size(), is_main_process()) == (2, False)


def test_a_batch_must_be_a_multiple_of_the_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    dataset = tiny_dataset(12)
    config = TrainingConfig(1, 8, 1e-3, 0.0, 0.0, 32, "fp32")
    with pytest.raises(ValueError, match="a batch of 8 cannot be shared by 3 processes"):
        fine_tune(
            tiny_model(), tiny_tokenizer(), dataset, one_hot_targets(dataset["label"][:], 3), config
        )


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.slow
def test_two_processes_make_the_student_of_one(tmp_path):
    model = tiny_model()
    # each process draws its own dropout, so there is none here
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    model.base_model.save_pretrained(tmp_path / "encoder")
    tiny_tokenizer().save_pretrained(tmp_path / "encoder")
    write_csv(tmp_path / "train.csv", 60)
    write_csv(tmp_path / "validation.csv", 30, seed=1)
    command = [
        "-m", "ambiguity_lib", "compress", "--model", "encoder", "--data", "train.csv",
        "--validation", "validation.csv", "--batch-size", "20", "--epochs", "2",
        "--student-epochs", "1", "--learning-rate", "0.001", "--precision", "fp32",
        "--device", "cpu",
    ]  # fmt: skip
    launch = [
        "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1",
        "--master_port", str(free_port()),
    ]  # fmt: skip
    said = []
    for output, start in (("one", []), ("two", launch)):
        done = subprocess.run(
            [sys.executable, *start, *command, "--output", output],
            cwd=tmp_path, capture_output=True, text=True, timeout=300,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0].count("- Size: ") == said[1].count("- Size: ") == 1  # one of them speaks
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"encoder", "one", "two"}
    start, one, two = (probs_of(tmp_path / name) for name in ("encoder", "one", "two"))
    # sums in another order, which AdamW enlarges where a gradient is next to nothing
    np.testing.assert_allclose(two, one, atol=1e-4)
    assert np.abs(one - start).max() > 0.01  # it did train


def probs_of(folder):
    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
    items = tiny_dataset(30, seed=1)
    return softmax(predict_logits(model, tiny_tokenizer(), items, max_length=32, progress=False))
