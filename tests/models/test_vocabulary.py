"""Training with the used rows of the word embedding alone equals training with all."""

from __future__ import annotations

import contextlib
import copy

import numpy as np
import pytest
import torch
from torch import nn

from ambiguity_lib.models import TrainingConfig, encode, training
from ambiguity_lib.models.training import compact_vocabulary
from tests.tiny import FAMILIES, tiny_dataset, tiny_model, tiny_tokenizer

CONFIG = TrainingConfig(
    epochs=2,
    batch_size=4,
    learning_rate=1e-2,
    weight_decay=0.1,
    warmup_ratio=0.0,
    max_length=32,
    precision="fp32",
)


def few_words():
    return tiny_dataset(8).select([0, 1, 2])


def tokenizer_for(family):
    tokenizer = tiny_tokenizer()
    if family not in ("bert", "electra", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    return tokenizer


def used_ids(dataset, tokenizer):
    return sorted({i for item in encode(dataset, tokenizer, 32) for i in item["input_ids"]})


@pytest.mark.parametrize("family", FAMILIES)
def test_used_rows_and_all_else_train_as_with_the_whole_table(family, monkeypatch):
    dataset, tokenizer = few_words(), tokenizer_for(family)
    targets = np.eye(3)[[0, 1, 2]]
    start = tiny_model(family)
    compact = training.fine_tune(
        copy.deepcopy(start), tokenizer, dataset, targets, CONFIG, progress=False
    )
    monkeypatch.setattr(
        training, "compact_vocabulary", lambda model, encoded, pad: contextlib.nullcontext(encoded)
    )
    whole = training.fine_tune(
        copy.deepcopy(start), tokenizer, dataset, targets, CONFIG, progress=False
    )
    used = used_ids(dataset, tokenizer)
    table = start.get_input_embeddings().weight
    padding = max(tokenizer.pad_token_id, start.get_input_embeddings().padding_idx or 0)
    unused = sorted(set(range(padding + 1, len(table))) - {*used})
    assert unused, "the test needs words that no item has"
    expected, names = whole.state_dict(), dict(start.named_parameters())
    for name, weight in compact.state_dict().items():
        if names.get(name) is table:
            torch.testing.assert_close(weight[used], expected[name][used])
            torch.testing.assert_close(weight[unused], table[unused])
        else:
            torch.testing.assert_close(weight, expected[name])


def test_the_table_comes_back_after_an_error():
    model, dataset, tokenizer = tiny_model(), few_words(), tiny_tokenizer()
    table = model.get_input_embeddings()
    encoded = encode(dataset, tokenizer, 32)
    with (
        pytest.raises(RuntimeError, match="out of memory"),
        compact_vocabulary(model, encoded, 0) as compact,
    ):
        small = model.get_input_embeddings()
        assert len(small.weight) < len(table.weight)
        assert max(i for item in compact for i in item["input_ids"]) == len(small.weight) - 1
        raise RuntimeError("out of memory")
    assert model.get_input_embeddings() is table


def test_padding_keeps_its_number():
    model = tiny_model()
    encoded = [{"input_ids": [9, 12]}]
    with compact_vocabulary(model, encoded, 3) as compact:
        assert compact == [{"input_ids": [4, 5]}]
        assert len(model.get_input_embeddings().weight) == 6  # 0 … 3, 9 and 12


def test_the_models_own_padding_keeps_its_number_too():
    model = tiny_model()
    model.get_input_embeddings().padding_idx = 5
    model.config.pad_token_id = 5
    with compact_vocabulary(model, [{"input_ids": [9, 12]}], 0) as compact:
        assert compact == [{"input_ids": [6, 7]}]
        assert model.get_input_embeddings().padding_idx == 5


def test_a_table_that_another_module_shares_is_left_alone():
    model = tiny_model()
    model.decoder = nn.Linear(16, 25, bias=False)
    model.decoder.weight = model.get_input_embeddings().weight
    table = model.get_input_embeddings()
    with compact_vocabulary(model, [{"input_ids": [9]}], 0) as encoded:
        assert encoded == [{"input_ids": [9]}]
        assert model.get_input_embeddings() is table
