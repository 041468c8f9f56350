"""The pipeline: each step once, what it depends on in its key, a given teacher not trained."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from ambiguity_lib.method import Pipeline
from ambiguity_lib.models import ModelConfig, fine_tune
from ambiguity_lib.store import Artifact, ArtifactStore, artifact_key
from ambiguity_lib.study import Experiment, load_profile
from tests.tiny import tiny_experiment

TARGET = {"method": "standard"}
SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")


@pytest.fixture
def exp(tmp_path):
    return tiny_experiment(tmp_path)


def fail(*arguments, **options):
    raise AssertionError("computed again")


def elsewhere(exp, root):
    return Experiment(
        exp.profile, exp.seed, splits=exp.splits, store=ArtifactStore(root), progress=False
    )


def test_what_the_store_has_is_not_computed_again(exp, monkeypatch):
    first = exp.train(1, TARGET, exp.one_hot)
    logits = first.logits()
    accuracy = exp.probe_accuracy("validation")
    for name in ("fine_tune", "predict_logits", "extract_features", "select_probes"):
        monkeypatch.setattr(f"ambiguity_lib.method.recipe.{name}", fail)
    new = elsewhere(exp, exp.store.root)
    again = new.train(1, TARGET, fail)
    assert (again.key, again.depth) == (first.key, 1)
    np.testing.assert_array_equal(again.logits(), logits)
    np.testing.assert_array_equal(new.probe_accuracy("validation"), accuracy)
    assert (new.layers, new.probes_key) == (exp.layers, exp.probes_key)
    for call in (
        lambda: new.train(2, {"method": "another"}, exp.one_hot),
        lambda: again.logits("validation"),
        lambda: new.features("evaluation"),
    ):
        with pytest.raises(AssertionError, match="computed again"):
            call()


@pytest.mark.parametrize("by", ["the settings", "an argument"])
def test_a_given_classifier_is_the_teacher_itself(exp, tmp_path, monkeypatch, by):
    monkeypatch.setattr("ambiguity_lib.method.recipe.fine_tune", fail)
    source = str(tmp_path / "checkpoint")
    model = ModelConfig(source, fine_tuned=by == "the settings")
    config = dataclasses.replace(exp.profile, model=model)
    teacher = source if by == "an argument" else None
    given = Pipeline(exp.splits, config, 0, store=exp.store, teacher=teacher, progress=False)
    assert (given.teacher.depth, given.teacher.train_seconds) == (2, 0.0)
    np.testing.assert_allclose(given.teacher.probs().sum(axis=1), 1)


def test_only_one_of_two_that_train_the_same_model_saves(exp, tmp_path, monkeypatch):
    key = exp.train(1, TARGET, exp.one_hot).key
    seen = []

    def spy(*arguments, **options):
        seen.append(options["resume"])
        return fine_tune(*arguments, **options)

    monkeypatch.setattr("ambiguity_lib.method.recipe.fine_tune", spy)
    for root in ("alone", "beside another"):
        other = elsewhere(exp, tmp_path / root)
        folder = other.store.root / ".resume" / key
        if root == "alone":
            other.train(1, TARGET, exp.one_hot)
            assert seen[-1].folder == folder
        else:
            folder.parent.mkdir(parents=True)
            with FileLock(folder.with_suffix(".lock")):
                other.train(1, TARGET, exp.one_hot)
            assert seen[-1] is None


def test_a_pretrained_checkpoint_is_looked_at_once_for_all_seeds(exp, monkeypatch):
    identity = exp.checkpoint_identity
    monkeypatch.setattr("ambiguity_lib.method.recipe.checkpoint_identity", fail)
    assert exp.with_seed(1).checkpoint_identity == identity
    assert "model.safetensors" in identity


def test_a_checkpoint_from_scratch_is_another_for_another_seed_or_store(tmp_path):
    exp = Experiment(SMOKE, 0, store=ArtifactStore(tmp_path / "store"), progress=False)
    other = exp.with_seed(1)
    assert exp.num_layers == other.num_layers == SMOKE.model.scratch.layers
    assert exp.checkpoint_identity != other.checkpoint_identity
    moved = elsewhere(exp, tmp_path / "elsewhere")
    assert Path(moved.checkpoint).is_relative_to(tmp_path / "elsewhere")
    assert moved.checkpoint_identity == exp.checkpoint_identity


def test_an_array_is_computed_once(exp):
    first = exp.stored_array("numbers", {"of": 3}, lambda: np.arange(3.0))
    again = exp.stored_array("numbers", {"of": 3}, fail)
    np.testing.assert_array_equal(first, again)


# where version 0.1.0 kept the smoke profile's results, with the library versions below
KEYS_OF_0_1_0 = {
    "teacher": "4b4de0cc55158239b3263a393f94bc38",
    "pruned": "47c72e65341da21fe26847d830cfc4b4",
    "smoothed": "b34f1276f15b0b40e83261dd24e77123",
    "distilled": "5d5611818b9985607de4c9a38e417692",
    "probes": "1973e2c24030d22d50a0ce68fe16bea7",
    "probe-probs": "d4cd371b68b714c18fdd08e79853abfc",
    "logits": "24034d34f1e4a44acbcfa195f477c905",
    "dropout-probs": "6c26109065148ec59356319bee59027e",
}


def test_what_version_0_1_0_stored_is_found(tmp_path, monkeypatch):
    """A key hashes kind, settings and versions: no move of code may change one.

    With the settings of then: one penalty, students that start from the checkpoint.
    """
    versions = {"torch": "1", "ambiguity-lib": "0.1.0"}
    monkeypatch.setattr("ambiguity_lib.store.library_versions", lambda: versions)
    found = {}

    class Looking(ArtifactStore):
        """Says what is asked for, and gives something of the kind."""

        def get_or_build(self, kind, spec, build):
            folder = self.root / kind
            folder.mkdir(exist_ok=True)
            facts = {"depth": 3, "parameters": 1, "bytes": 1, "train_seconds": 0}
            (folder / "training.json").write_text(json.dumps(facts))
            for name in ("probs.npy", "logits.npy"):
                np.save(folder / name, np.full((1, 1), 0.5))
            found[kind] = artifact_key(kind, spec)
            return Artifact(found[kind], folder, 0.0)

    profile = dataclasses.replace(
        SMOKE,
        probing=dataclasses.replace(SMOKE.probing, l2=1e-4),
        distillation=dataclasses.replace(SMOKE.distillation, start="checkpoint"),
    )
    exp = Experiment(profile, 0, store=Looking(tmp_path), progress=False)
    exp.__dict__.update(checkpoint="x", checkpoint_identity={"a": "b"}, num_layers=3)
    models = {
        "teacher": exp.teacher.key,
        "pruned": exp.pruned(2).key,
        "smoothed": exp.label_smoothed(0.1).key,
        "distilled": exp.distilled(3, 1, 0.25).key,
    }
    exp.probe_probs("validation")
    exp.teacher.logits()
    exp.mc_dropout_probs()
    found |= models
    assert {name: found[name] for name in KEYS_OF_0_1_0} == KEYS_OF_0_1_0
