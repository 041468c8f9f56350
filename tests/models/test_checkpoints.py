"""Where models start from: packages, folders, and random weights with a vocabulary of their own."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ambiguity_lib.models import (
    ModelConfig,
    ScratchConfig,
    build_scratch_checkpoint,
    load_classifier,
    load_tokenizer,
    num_layers,
)
from ambiguity_lib.models.scratch import checkpoint_identity, resolve_source
from tests.tiny import CLASSES

SCRATCH = ScratchConfig(
    family="bert", layers=3, hidden_size=8, heads=2, intermediate_size=16, max_length=12
)
TEXTS = ["A dog runs .", "two dogs sleep ."]


@pytest.fixture
def checkpoint(tmp_path):
    build_scratch_checkpoint(SCRATCH, TEXTS, CLASSES, tmp_path, seed=0)
    return tmp_path


def test_scratch_checkpoint_loads_as_any_other(checkpoint):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    assert num_layers(model.config) == 3
    assert model.config.id2label == dict(enumerate(CLASSES))
    tokens = tokenizer("A dog sleep .", "two unicorns .")
    words = tokenizer.convert_ids_to_tokens(tokens["input_ids"])
    assert words == ["[CLS]", "a", "dog", "sleep", ".", "[SEP]", "two", "[UNK]", ".", "[SEP]"]
    assert tokens["token_type_ids"] == [0] * 6 + [1] * 4


def test_scratch_checkpoint_takes_as_many_tokens_as_it_says(checkpoint):
    tokenizer = load_tokenizer(checkpoint)
    model = load_classifier(checkpoint, CLASSES)
    tokens = tokenizer(
        " ".join(["dog"] * 50), truncation=True, max_length=SCRATCH.max_length, return_tensors="pt"
    )
    assert tokens["input_ids"].shape == (1, SCRATCH.max_length)
    assert model(**tokens).logits.isfinite().all()


@pytest.mark.parametrize("family", ["bert", "roberta", "electra"])
def test_every_scratch_family_runs_at_its_full_length(family, tmp_path):
    config = dataclasses.replace(SCRATCH, family=family)
    build_scratch_checkpoint(config, TEXTS, CLASSES, tmp_path)
    model = load_classifier(tmp_path, CLASSES, depth=2)
    tokens = load_tokenizer(tmp_path)(
        "dog " * 50, "sleep", truncation=True, max_length=SCRATCH.max_length, return_tensors="pt"
    )
    assert num_layers(model.config) == 2
    assert model(**tokens).logits.isfinite().all()


def test_scratch_checkpoint_is_determined_by_its_seed(tmp_path):
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        build_scratch_checkpoint(SCRATCH, TEXTS, CLASSES, tmp_path / name, seed=seed)
        digests.append((tmp_path / name / "model.safetensors").read_bytes())
    assert digests[0] == digests[1] != digests[2]


def test_scratch_checkpoint_needs_words(tmp_path):
    with pytest.raises(ValueError, match="no word"):
        build_scratch_checkpoint(SCRATCH, ["  "], CLASSES, tmp_path)


def test_resolve_source_prefers_the_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "some_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    digest = hashlib.sha256(b"weights").hexdigest()
    good = ModelConfig(source="org/name", package="some_weights/model", sha256=digest)
    assert resolve_source(good) == str(package / "model")
    wrong = ModelConfig(source="org/name", package="some_weights/model", sha256="0" * 64)
    with pytest.raises(ValueError, match="the profile expects 000"):
        resolve_source(wrong)


def test_resolve_source_falls_back_to_the_hub():
    assert resolve_source(ModelConfig(source="org/name")) == "org/name"
    missing = ModelConfig(source="org/name", package="no_such_package_here/model")
    assert resolve_source(missing) == "org/name"


def test_identity_changes_with_weights_tokenizer_and_configuration_only(checkpoint):
    before = checkpoint_identity(str(checkpoint))
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(before)
    (checkpoint / "README.md").write_text("a note")
    assert checkpoint_identity(str(checkpoint)) == before
    (checkpoint / "tokenizer_config.json").write_text("{}")
    assert checkpoint_identity(str(checkpoint)) != before


def test_identity_of_a_model_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        checkpoint_identity(str(tmp_path / "nothing"))
