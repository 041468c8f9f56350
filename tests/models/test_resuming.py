"""A training that was stopped anywhere ends in the weights of one that was not."""

from __future__ import annotations

import pytest
import torch
from transformers import Trainer

from ambiguity_lib.method import one_hot_targets
from ambiguity_lib.models import Resume, TrainingConfig, fine_tune
from ambiguity_lib.models.training import latest_complete
from tests.tiny import tiny_dataset, tiny_model, tiny_tokenizer

CONFIG = TrainingConfig(
    epochs=3,
    batch_size=8,
    learning_rate=5e-3,
    weight_decay=0.01,
    warmup_ratio=0.1,
    max_length=32,
    precision="fp32",
)
ITEMS = 36  # five steps an epoch, the last one of four items


class StoppedError(Exception):
    """What stands for a kill."""


def train(resume=None, config=CONFIG, **options):
    dataset = tiny_dataset(ITEMS)
    targets = one_hot_targets(dataset["label"][:], 3)
    model = tiny_model(layers=2)  # with dropout, so that random states matter
    assert model.config.hidden_dropout_prob > 0
    return fine_tune(
        model, tiny_tokenizer(), dataset, targets, config, resume=resume, progress=False, **options
    )


def stop_after(monkeypatch, steps):
    """Let the Trainer make some steps, then fail."""
    made = []
    step = Trainer.training_step

    def counted(self, *arguments, **options):
        if len(made) == steps:
            raise StoppedError
        made.append(1)
        return step(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "training_step", counted)


@pytest.fixture(scope="module")
def unbroken():
    return train().state_dict()


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 9, 12, 14])
def test_a_stopped_training_ends_in_the_same_weights(steps, unbroken, tmp_path, monkeypatch):
    resume = Resume(tmp_path / "resume", seconds=0)
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        stop_after(patch, steps)
        train(resume)
    first = latest_complete(resume.folder)
    # not at an epoch's end: then the step before is the last one kept
    assert first.name == f"checkpoint-{steps - (steps % 5 == 0)}"
    again = train(resume).state_dict()
    assert not resume.folder.exists()
    for name, weight in unbroken.items():
        assert torch.equal(weight, again[name]), name


def test_it_may_be_stopped_twice(unbroken, tmp_path, monkeypatch):
    resume = Resume(tmp_path / "resume", seconds=0)
    for steps in (3, 5):
        with monkeypatch.context() as patch, pytest.raises(StoppedError):
            stop_after(patch, steps)
            train(resume)
    assert latest_complete(resume.folder).name == "checkpoint-8"
    again = train(resume).state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in unbroken.items())


def test_a_save_that_was_killed_is_not_gone_on_from(unbroken, tmp_path, monkeypatch):
    resume = Resume(tmp_path / "resume", seconds=0)
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        stop_after(patch, 8)
        train(resume)
    newest = latest_complete(resume.folder)
    (newest / "epoch_start.pt").unlink()
    (newest / "model.safetensors").write_bytes(b"half")
    assert latest_complete(resume.folder).name == "checkpoint-7"
    assert not newest.exists()
    again = train(resume).state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in unbroken.items())


def test_nothing_is_saved_before_it_is_time(unbroken, tmp_path, monkeypatch):
    resume = Resume(tmp_path / "resume", seconds=1000)
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        stop_after(patch, 8)
        train(resume)
    assert latest_complete(resume.folder) is None
    weights = train(resume).state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in unbroken.items())
