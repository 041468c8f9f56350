"""The profiles `bert` and `roberta`, all methods and both tasks, on tiny random weights.

Only their weights need a network; what is run here is the real classes, data and settings, with
fewer items and one epoch.
"""

from __future__ import annotations

import dataclasses
import os

import pytest

from ambiguity_lib.models import ModelConfig
from ambiguity_lib.study import METHODS, load_profile, run_sweep
from tests.tiny import tiny_model, tiny_tokenizer


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif("AMBIGUITY_DATA_DIR" not in os.environ, reason="AMBIGUITY_DATA_DIR is not set")
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_profile_runs_end_to_end_on_random_weights(family, build_dir, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    tiny_model(family).base_model.save_pretrained(checkpoint)  # without a head, as pretrained ones
    tiny_tokenizer().save_pretrained(checkpoint)
    profile = load_profile(family)
    second = profile.second_task
    assert second is not None
    few = {"train_items": 64, "validation_items": 48, "evaluation_items": 40}
    short = {"epochs": 1, "max_length": 32, "precision": "fp32"}
    profile = dataclasses.replace(
        profile,
        model=ModelConfig(source=str(checkpoint)),
        data=dataclasses.replace(profile.data, **few),
        training=dataclasses.replace(profile.training, **short),
        baselines=dataclasses.replace(profile.baselines, dropout_samples=2, ensemble_size=2),
        second_task=dataclasses.replace(
            second,
            data=dataclasses.replace(second.data, folds=1, evaluation_items=40),
            training=dataclasses.replace(second.training, **short),
        ),
        sweep_seeds=(0,),
    )
    done = run_sweep(profile, tuple(METHODS.values()), (0,), workers=1, progress=False)
    assert done.failed == {}
    assert set(done.scores["dataset"]) == {"ChaosSNLI", "ChaosMNLI", "Affective Text"}
    assert set(METHODS) < set(done.scores["method"])
