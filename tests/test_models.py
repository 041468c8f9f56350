"""Loading at a depth, model sources, and checkpoints from scratch."""

from __future__ import annotations

import hashlib

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ambiguity_lib.models import (
    build_scratch_checkpoint,
    load_classifier,
    load_tokenizer,
    num_layers,
    resolve_source,
)
from ambiguity_lib.profiles import ModelConfig, ScratchConfig
from tests.tiny import CLASSES, tiny_model

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


def test_class_names_and_new_head(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="a head of 3 classes, but 2 are asked for"):
        load_classifier(tmp_path, ("yes", "no"))
    tiny_model().base_model.save_pretrained(tmp_path)
    first, again, other = (
        load_classifier(tmp_path, ("yes", "no"), depth=2, seed=seed) for seed in (0, 0, 1)
    )
    assert first.config.label2id == {"yes": 0, "no": 1}
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert not first.training


def test_a_missing_model_is_one_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a readable Hugging Face folder nor"):
        load_classifier(tmp_path / "nothing", CLASSES)
    with pytest.raises(FileNotFoundError, match="tokenizer"):
        load_tokenizer(tmp_path)


def test_an_unsupported_architecture_lists_the_supported_ones(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="unsupported architecture 'gpt2'; supported: bert, deb"):
        load_classifier(tmp_path, CLASSES)


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
