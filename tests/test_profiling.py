"""Sizes by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ambiguity_lib.profiling import checkpoint_bytes, count_parameters
from tests.tiny import tiny_model


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
