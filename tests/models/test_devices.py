"""Devices and precisions: what is asked for, what there is."""

from __future__ import annotations

import contextlib

import pytest
import torch

from ambiguity_lib.models import batches as devices
from ambiguity_lib.models import default_device, resolve_precision, use_device
from ambiguity_lib.models.batches import autocast


@pytest.fixture(autouse=True)
def unchosen(monkeypatch):
    monkeypatch.setattr(devices, "_chosen", None)


def test_precision():
    assert resolve_precision("fp32") == "fp32"
    assert resolve_precision("auto") in ("fp32", "bf16")
    with pytest.raises(ValueError, match="precision must be"):
        resolve_precision("fp16")


def test_a_device_is_what_was_chosen_or_what_there_is():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert default_device().type == expected
    use_device("cpu")
    assert default_device().type == "cpu"
    use_device("auto")
    assert default_device().type == expected


def test_an_unknown_or_absent_device_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="'auto', 'cpu' or 'cuda'; got 'tpu'"):
        use_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA device here"):
        use_device("cuda")
    assert default_device().type == "cpu"


def test_autocast_is_for_bf16_only():
    assert isinstance(autocast(torch.device("cpu"), "fp32"), contextlib.nullcontext)
    with autocast(torch.device("cpu"), "bf16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
