"""Loading at a depth: class names, heads, errors. What a cut model computes: test_pruning.py."""

from __future__ import annotations

import pytest
import torch

from ambiguity_lib.models import load_classifier, load_config, load_tokenizer
from tests.tiny import CLASSES, tiny_model


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
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        load_classifier(tmp_path / "nothing", CLASSES)
    with pytest.raises(FileNotFoundError, match="tokenizer"):
        load_tokenizer(tmp_path)


def test_the_error_says_what_is_wrong_with_the_place(tmp_path, monkeypatch):
    def said(source):
        with pytest.raises(FileNotFoundError) as caught:
            load_config(source)
        return str(caught.value)

    tiny_model().save_pretrained(tmp_path / "package" / "model")
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_text('{"model_type": "bert"')
    place = tmp_path / "package"
    assert f"no config.json in this folder; there is one in {place / 'model'}" in said(place)
    assert "no config.json in this folder: this is no model" in said(tmp_path / "empty")
    assert "this is a file" in said(place / "model" / "config.json")
    assert "something in it is missing or cannot be read" in said(tmp_path / "damaged")
    monkeypatch.setattr("ambiguity_lib.models.loading.is_offline_mode", lambda: True)
    assert "nor is the hub asked while HF_HUB_OFFLINE is set" in said("no-such-model")
    monkeypatch.setattr("ambiguity_lib.models.loading.is_offline_mode", lambda: False)
    assert "check the name and the network" in said("no-such-model")


@pytest.mark.parametrize(
    ("family", "reason"),
    [("albert", "share their weights"), ("longformer", "window"), ("big_bird", "sparse")],
)
def test_encoders_that_cannot_be_cut_are_told_why(tmp_path, family, reason):
    (tmp_path / "config.json").write_text(f'{{"model_type": "{family}"}}')
    with pytest.raises(ValueError, match=reason):
        load_classifier(tmp_path, CLASSES)


def test_an_unsupported_architecture_lists_the_supported_ones(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="unsupported architecture 'gpt2'; supported: bert, cam"):
        load_classifier(tmp_path, CLASSES)
