"""Sizes, operations and Amdahl's law by hand; of times only that they are taken."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ambiguity_lib.models import (
    count_parameters,
    expected_speedup,
    fixed_share,
    measure_latency,
    num_layers,
    time_alternately,
    without_layers,
)
from ambiguity_lib.models.speed import checkpoint_bytes, random_batch
from tests.tiny import FAMILIES, LAYERS, tiny_model

#: Families whose layers in transformers can all be taken out.
EMPTIABLE = [family for family in FAMILIES if family not in ("deberta-v2", "modernbert")]
shares = st.floats(0.0, 1.0)


def test_parameters_by_hand():
    assert count_parameters(nn.Linear(3, 4)) == 3 * 4 + 4


def test_shared_parameters_count_once():
    layer = nn.Linear(3, 3, bias=False)
    assert count_parameters(nn.Sequential(layer, layer)) == 9


def test_bytes_of_a_saved_model(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    weights = sum(p.numel() for p in model.parameters()) * torch.finfo(torch.float32).bits // 8
    # the rest is the safetensors header
    assert weights < checkpoint_bytes(tmp_path) < weights + 20_000
    with pytest.raises(FileNotFoundError, match="safetensors"):
        checkpoint_bytes(tmp_path.parent)


def flops_by_hand(batch: int, length: int, layers: int, h: int = 16, inner: int = 24) -> int:
    """BERT with 3 classes: per layer 4 projections, scores, weighted sum and two FFN products."""
    tokens = batch * length
    layer = 4 * 2 * tokens * h * h + 2 * 2 * batch * length**2 * h + 2 * 2 * tokens * h * inner
    return layers * layer + 2 * batch * h * h + 2 * batch * h * 3


def test_random_batch():
    model = tiny_model()
    batch = random_batch(model, 3, 40)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (3, 40)
    assert batch["attention_mask"].eq(1).all()
    assert batch["input_ids"].min() >= 5
    assert batch["input_ids"].max() < model.config.vocab_size
    assert batch["input_ids"].equal(random_batch(model, 3, 40)["input_ids"])
    assert not batch["input_ids"].equal(random_batch(model, 3, 40, seed=1)["input_ids"])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_longest_batch_runs_and_a_longer_one_is_refused(family):
    model = tiny_model(family)
    longest = {"roberta": 39, "xlm-roberta": 39, "camembert": 39, "mpnet": 38}.get(family, 40)
    assert model(**random_batch(model, 1, longest)).logits.shape == (1, 3)
    with pytest.raises(ValueError, match=f"1 to {longest} tokens"):
        random_batch(model, 1, longest + 1)
    for size, length in ((0, 4), (1, 0)):
        with pytest.raises(ValueError, match="at least one text"):
            random_batch(model, size, length)


@pytest.mark.parametrize("family", EMPTIABLE)
def test_without_layers(family):
    model = tiny_model(family)
    empty = without_layers(model)
    assert not any(".layer." in name for name in empty.state_dict())
    assert all(weight.equal(model.state_dict()[name]) for name, weight in empty.named_parameters())
    assert empty(**random_batch(empty, 2, 8)).logits.shape == (2, 3)
    assert empty.config.id2label == model.config.id2label
    assert num_layers(model.config) == LAYERS  # left as it was


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(EMPTIABLE)))
def test_families_that_need_a_layer_say_so(family):
    with pytest.raises(ValueError, match=f"cannot run {family} without"):
        without_layers(tiny_model(family))


def test_latency_is_taken_as_often_as_asked():
    model = tiny_model().train()
    models = {"full": model, "empty": without_layers(model), "roberta": tiny_model("roberta")}
    timings = measure_latency(models, batch_size=2, length=6, repetitions=4, warmup=1)
    assert set(timings) == set(models)
    for timing in timings.values():
        assert len(timing.seconds) == timing.summary()["repetitions"] == 4
        assert 0 < timing.median <= timing.p95 <= max(timing.seconds)
    assert not model.training


def test_latency_errors():
    with pytest.raises(ValueError, match="at least one model"):
        measure_latency({}, batch_size=1, length=4)
    models = {"bert": tiny_model(), "roberta": tiny_model("roberta")}
    with pytest.raises(ValueError, match="1 to 39 tokens"):  # RoBERTa's limit
        measure_latency(models, batch_size=1, length=40)


def test_works_are_timed_in_turn():
    calls = []
    works = {name: lambda name=name: calls.append(name) for name in "ab"}
    timings = time_alternately(works, repetitions=2, warmup=1)
    assert calls == ["a", "b"] * 3
    assert all(len(timing.seconds) == 2 for timing in timings.values())
    with pytest.raises(ValueError, match="at least one piece of work"):
        time_alternately({})
    with pytest.raises(ValueError, match="one repetition"):
        time_alternately(works, repetitions=0)


def test_expected_speedup_by_hand():
    assert expected_speedup(3, 6, 0.2) == pytest.approx(1 / 0.6)
    assert expected_speedup(1, 12, 0.1) == pytest.approx(1 / 0.175)


@given(st.integers(1, 48), shares)
def test_nothing_pruned_nothing_gained(layers, share):
    assert expected_speedup(layers, layers, share) == pytest.approx(1.0)


@given(st.data(), st.integers(1, 48))
def test_expected_speedup_at_the_ends(data, layers):
    depth = data.draw(st.integers(1, layers))
    assert expected_speedup(depth, layers, 0.0) == pytest.approx(layers / depth)
    assert expected_speedup(depth, layers, 1.0) == 1.0


@given(st.data(), st.integers(2, 48), shares, shares)
def test_expected_speedup_falls_with_depth_and_share(data, layers, one, other):
    shallow = data.draw(st.integers(1, layers - 1))
    deep = data.draw(st.integers(shallow, layers))
    low, high = sorted((one, other))
    best = expected_speedup(shallow, layers, low)
    assert best >= expected_speedup(deep, layers, low) * (1 - 1e-12)
    assert best >= expected_speedup(shallow, layers, high) * (1 - 1e-12)
    assert 1 - 1e-12 <= best <= layers / shallow * (1 + 1e-12)


def test_amdahl_errors():
    for depth in (0, 7):
        with pytest.raises(ValueError, match="between 1 and 6"):
            expected_speedup(depth, 6, 0.1)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="fixed_share must be between 0 and 1"):
            expected_speedup(1, 6, share)


def test_fixed_share():
    assert fixed_share(0.2, 1.0) == 0.2
    assert fixed_share(0.0, 1.0) == 0.0
    assert fixed_share(1.0, 1.0) == 1.0
    for no_layers, all_layers in ((2.0, 1.0), (-1.0, 1.0), (0.0, 0.0), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="at most as long as the full one"):
            fixed_share(no_layers, all_layers)
