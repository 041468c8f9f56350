"""A changed setup finds out again what depends on the change, and only that."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import load_profile
from tests.tiny import tiny_setup

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")


def test_a_pretrained_checkpoint_is_looked_at_once_for_all_seeds(tmp_path, monkeypatch):
    setup = tiny_setup(tmp_path)
    identity = setup.checkpoint_identity

    def fail(*arguments):
        raise AssertionError("looked at again")

    monkeypatch.setattr("ambiguity_lib.models.scratch.checkpoint_identity", fail)
    assert setup.replace(seed=1).checkpoint_identity == identity
    assert "model.safetensors" in identity


def test_a_checkpoint_from_scratch_is_another_for_another_seed_or_store(tmp_path):
    setup = dataclasses.replace(tiny_setup(tmp_path), profile=SMOKE)
    other = setup.replace(seed=1)
    assert setup.num_layers == other.num_layers == SMOKE.model.scratch.layers
    assert setup.checkpoint_identity != other.checkpoint_identity
    elsewhere = setup.replace(store=ArtifactStore(tmp_path / "elsewhere"))
    assert Path(elsewhere.checkpoint).is_relative_to(tmp_path / "elsewhere")
    assert elsewhere.checkpoint_identity == setup.checkpoint_identity


def test_an_array_is_computed_once(tmp_path):
    setup = tiny_setup(tmp_path)
    first = setup.stored_array("numbers", {"of": 3}, lambda: np.arange(3.0))
    again = setup.stored_array("numbers", {"of": 3}, lambda: pytest.fail("computed again"))
    np.testing.assert_array_equal(first, again)
