"""Soft-target fine-tuning: learns, is deterministic, reads no label column."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ambiguity_lib.method import one_hot_targets
from ambiguity_lib.models import (
    TrainingConfig,
    fine_tune,
    predict_logits,
    soft_cross_entropy,
)
from tests.tiny import tiny_dataset, tiny_model, tiny_tokenizer

CONFIG = TrainingConfig(
    epochs=30,
    batch_size=8,
    learning_rate=5e-3,
    weight_decay=0.0,
    warmup_ratio=0.1,
    max_length=32,
    precision="fp32",
)


def train(dataset, targets, config=CONFIG, seed=0, model=None):
    model = tiny_model(layers=1) if model is None else model
    return fine_tune(model, tiny_tokenizer(), dataset, targets, config, seed=seed, progress=False)


def logits_of(model, dataset, **options):
    return predict_logits(
        model, tiny_tokenizer(), dataset, max_length=32, progress=False, **options
    )


def test_soft_cross_entropy_by_hand():
    outputs = SimpleNamespace(logits=torch.tensor([[0.0, 0.0], [0.0, 0.0]]))
    labels = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    assert soft_cross_entropy(outputs, labels).item() == pytest.approx(np.log(2))


def test_it_learns_labels_that_depend_on_the_text():
    dataset = tiny_dataset(60)
    labels = np.asarray(dataset["label"][:])
    model = train(dataset, one_hot_targets(labels, 3))
    assert (logits_of(model, dataset).argmax(1) == labels).mean() > 0.9


def test_it_learns_a_constant_distribution_not_just_its_mode():
    dataset = tiny_dataset(30)
    target = np.tile([0.2, 0.5, 0.3], (30, 1))
    model = train(dataset, target)
    probs = torch.tensor(logits_of(model, dataset)).softmax(-1).numpy()
    np.testing.assert_allclose(probs.mean(axis=0), [0.2, 0.5, 0.3], atol=0.05)


def test_same_seed_same_weights_other_seed_others():
    dataset = tiny_dataset(24)
    targets = one_hot_targets(dataset["label"][:], 3)
    config = TrainingConfig(**{**CONFIG.__dict__, "epochs": 2})
    first, again, other = (train(dataset, targets, config, seed) for seed in (0, 0, 1))
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    assert any(
        not torch.equal(weight, other.state_dict()[name])
        for name, weight in first.state_dict().items()
    )


def test_it_does_not_read_labels_or_anything_human():
    dataset = tiny_dataset(24)
    targets = one_hot_targets(dataset["label"][:], 3)
    config = TrainingConfig(**{**CONFIG.__dict__, "epochs": 1})
    poisoned = dataset.remove_columns("label").add_column("label_dist", [[float("nan")] * 3] * 24)
    first, second = train(dataset, targets, config), train(poisoned, targets, config)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name])


def test_prediction_keeps_the_order_whatever_the_batches():
    dataset = tiny_dataset(17)
    model = tiny_model()
    whole = logits_of(model, dataset, batch_size=64)
    np.testing.assert_allclose(logits_of(model, dataset, batch_size=3), whole, atol=1e-5)
    rows = list(reversed(range(17)))
    np.testing.assert_allclose(logits_of(model, dataset.select(rows)), whole[rows], atol=1e-5)


def test_prediction_does_not_change_the_model():
    model = tiny_model()
    before = copy.deepcopy(model.state_dict())
    logits_of(model, tiny_dataset(5))
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_targets_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"targets have shape \(24, 2\); expected \(24, 3\)"):
        train(tiny_dataset(24), np.full((24, 2), 0.5))


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError, match="empty"):
        logits_of(tiny_model(), tiny_dataset(3).select([]))
