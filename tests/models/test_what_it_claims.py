"""A model is what its folder says, or it is refused in one sentence; none answers at random."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast, pipeline

from ambiguity_lib.models import load_classifier, load_tokenizer
from ambiguity_lib.models.loading import (
    head_classes,
    load_config,
    longest_input,
    num_layers,
    unusable_head,
)
from ambiguity_lib.practice.evaluate import classes_of, predict_dataset
from ambiguity_lib.practice.inspect import predict_texts
from tests.tiny import CLASSES, FAMILIES, tiny_dataset, tiny_model, tiny_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "model")


def save(folder: Path, family: str = "bert") -> Path:
    tiny_model(family).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def change(folder: Path, **settings: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return folder


def drop_weights(folder: Path, part: str) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    kept = {name: tensor for name, tensor in weights.items() if part not in name}
    assert len(kept) < len(weights)
    save_file(kept, path, metadata={"format": "pt"})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_without_a_tokenizer(family: str, tmp_path: Path) -> None:
    tiny_model(family).save_pretrained(tmp_path / "model")
    with pytest.raises((FileNotFoundError, ValueError), match="tokenizer"):
        load_tokenizer(tmp_path / "model")


def test_a_tokenizer_without_padding(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in settings.items() if k != "pad_token"}))
    with pytest.raises(ValueError, match="has no padding token"):
        load_tokenizer(folder)


def test_a_tokenizer_of_a_larger_model(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    tokenizer.add_tokens(["another", "word"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ValueError, match="has a token 26, the model embeddings for 0 to 24 only"):
        load_tokenizer(folder)


@pytest.mark.parametrize("part", ["classifier.", "pooler."])
def test_a_head_that_is_not_in_the_weights(folder: Path, part: str) -> None:
    drop_weights(folder, part)
    with pytest.raises(ValueError, match="2 weights of the head are missing"):
        load_classifier(folder, CLASSES)
    load_classifier(folder, CLASSES, new_head=True)  # where it is drawn anew on purpose


def test_an_encoder_that_is_not_in_the_weights(folder: Path) -> None:
    drop_weights(folder, "layer.1.attention.self")
    with pytest.raises(ValueError, match="6 weights of the encoder are missing"):
        load_classifier(folder, CLASSES, new_head=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["classifier.weight", "bert.embeddings.word_embeddings.weight"])
def test_weights_that_are_no_numbers(folder: Path, name: str, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name][0, 0] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=f"NaN or infinite values, first in {name}"):
        load_classifier(folder, CLASSES)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"problem_type": "multi_label_classification"}, "several labels at once"),
        ({"problem_type": "regression"}, "a number"),
        ({"id2label": {"0": "score"}, "label2id": {"score": 0}}, "a number"),
        ({"architectures": ["BertModel"]}, "no classification head"),
    ],
)
def test_a_head_that_is_no_softmax(folder: Path, settings: dict, reason: str) -> None:
    config = load_config(change(folder, **settings))
    assert reason in str(unusable_head(config)) and head_classes(config) is None
    with pytest.raises(ValueError, match=reason):
        classes_of(str(folder))
    names = tuple(config.id2label.values())
    if "architectures" not in settings and len(names) == len(CLASSES):
        with pytest.raises(ValueError, match="no distribution over the classes"):
            load_classifier(folder, CLASSES)
        # a new head is a softmax, whatever the old one was
        assert load_classifier(folder, CLASSES, new_head=True).config.problem_type is None


@pytest.mark.parametrize(
    "names",
    [{"1": "a", "2": "b", "3": "c"}, {"0": "a", "2": "b", "3": "c"}, dict.fromkeys("012", "a")],
)
def test_names_with_holes_or_doubles(folder: Path, names: dict[str, str]) -> None:
    change(folder, id2label=names)
    with pytest.raises(ValueError, match=r"id2label in the config.json .* must have a name of its"):
        classes_of(str(folder))


def test_names_that_only_label2id_has(folder: Path) -> None:
    default = {str(i): f"LABEL_{i}" for i in range(3)}
    change(folder, id2label=default, label2id={"c": 0, "b": 1, "a": 2})
    assert classes_of(str(folder)) == ("c", "b", "a")
    change(folder, id2label={"0": "a", "1": "b", "2": "c"})
    with pytest.raises(ValueError, match=r"id2label and label2id .* contradict each other"):
        classes_of(str(folder))


def test_a_head_of_another_size(folder: Path) -> None:
    change(folder, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    with pytest.raises(ValueError, match="2 weights of the head are missing or of another shape"):
        load_classifier(folder, ("a", "b"))


def test_more_layers_than_the_configuration_says(folder: Path) -> None:
    change(folder, num_hidden_layers=2)
    with pytest.raises(ValueError, match=r"more layers than its configuration says \(2\)"):
        load_classifier(folder, CLASSES)


def test_a_prefix_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    prefixed = {f"_orig_mod.{name}": tensor for name, tensor in load_file(path).items()}
    save_file(prefixed, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"there is '_orig_mod.*take the prefix away"):
        load_classifier(folder, CLASSES)


def test_whole_numbers_as_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("query.weight"))
    save_file(weights | {name: weights[name].to(torch.int8)}, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"are whole numbers .* as of a quantised model"):
        load_classifier(folder, CLASSES)


def test_no_word_about_the_head(folder: Path) -> None:
    with pytest.raises(ValueError, match="does not say by 'architectures'"):
        classes_of(str(change(folder, architectures=None)))


def test_padding_is_on_the_right_whatever_the_tokenizer_says(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"padding_side": "left"}))
    model, tokenizer = load_classifier(folder, CLASSES), load_tokenizer(folder)
    alone, _ = (*predict_texts(model, tokenizer, ["a"]), None)
    together, *_ = predict_texts(model, tokenizer, ["a", "b c d e f g"])
    assert together.probs == pytest.approx(alone.probs, abs=1e-6)


@pytest.mark.parametrize("broken", ["{}", "{", '{"model": {"type": "WordLevel"}}'])
def test_a_tokenizer_that_cannot_be_read(folder: Path, broken: str) -> None:
    (folder / "tokenizer.json").write_text(broken)
    with pytest.raises((ValueError, FileNotFoundError), match="tokenizer"):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    ("quantisation", "method"),
    [({"quant_method": "gptq", "bits": 4}, "gptq"), ({"load_in_8bit": True}, "to few bits")],
)
def test_quantised_weights(folder: Path, quantisation: dict, method: str) -> None:
    with pytest.raises(ValueError, match=rf"quantised \({method}\)"):
        load_config(change(folder, quantization_config=quantisation))


def test_an_adapter_and_a_decoder(folder: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (adapter / "adapter_model.safetensors").touch()
    with pytest.raises(ValueError, match="is a PEFT adapter, not a model: merge it"):
        load_config(adapter)
    with pytest.raises(ValueError, match="unsupported architecture 'gpt2'"):
        load_config(change(folder, model_type="gpt2", architectures=["GPT2Model"]))


def test_names_are_given_or_spelt_otherwise(folder: Path) -> None:
    upper = tuple(name.upper() for name in CLASSES)
    assert classes_of(str(folder), upper) == CLASSES
    with pytest.raises(ValueError, match="those of --classes yes, no, so"):
        classes_of(str(folder), ("yes", "no", "so"))
    change(folder, id2label={str(i): f"LABEL_{i}" for i in range(3)}, label2id={})
    assert classes_of(str(folder), upper) == upper
    assert classes_of(str(folder), named=False) == ("LABEL_0", "LABEL_1", "LABEL_2")
    with pytest.raises(ValueError, match="have no names: give them in its order by --classes"):
        classes_of(str(folder))


def test_a_length_that_leaves_nothing_of_a_text(folder: Path) -> None:
    config, tokenizer = load_config(folder), load_tokenizer(folder)
    assert longest_input(config, tokenizer, 3) == 3
    with pytest.raises(ValueError, match="a max_length of 2 leaves nothing of a text: from 3 on"):
        longest_input(config, tokenizer, 2)
    with pytest.raises(ValueError, match="a max_length of 4 leaves nothing of a pair: from 5 on"):
        longest_input(config, tokenizer, 4, pair=True)
    tokenizer.model_max_length = 2
    with pytest.raises(ValueError, match="leaves nothing of a text"):
        longest_input(config, tokenizer, 32)


@pytest.mark.parametrize("depth", [None, 2], ids=["whole", "student"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_way_to_ask_gives_the_same_probabilities(
    family: str, depth: int | None, tmp_path: Path
) -> None:
    folder = save(tmp_path / "whole", family)
    if depth is not None:
        student = load_classifier(folder, CLASSES, depth=depth)
        assert num_layers(student.config) == depth
        student.save_pretrained(tmp_path / "student")
        shutil.copy(folder / "tokenizer.json", tmp_path / "student")
        shutil.copy(folder / "tokenizer_config.json", tmp_path / "student")
        folder = tmp_path / "student"
    items: Dataset = tiny_dataset(7)
    pairs = list(zip(items["text"][:], items["text_pair"][:], strict=True))
    evaluated = predict_dataset(str(folder), items, max_length=32, batch_size=3)
    model, tokenizer = load_classifier(folder, CLASSES), load_tokenizer(folder)
    said = list(predict_texts(model, tokenizer, pairs, max_length=32, batch_size=2))
    predicted = [[row.probs[name] for name in CLASSES] for row in said if row.probs]
    with torch.inference_mode():
        asked = pipeline("text-classification", model=str(folder), top_k=None)(
            [{"text": first, "text_pair": second} for first, second in pairs]
        )
    piped = [
        [{one["label"]: one["score"] for one in row}[name] for name in CLASSES] for row in asked
    ]
    np.testing.assert_allclose(predicted, evaluated, atol=1e-6)
    np.testing.assert_allclose(piped, evaluated, atol=1e-6)
