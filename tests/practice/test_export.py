"""ONNX files that give PyTorch's probabilities, or no file."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy.special import softmax

from ambiguity_lib.practice import onnx as export
from ambiguity_lib.practice.onnx import export_onnx
from tests.tiny import CLASSES, FAMILIES, tiny_model, tiny_tokenizer


def tokenizer_of(family):
    tokenizer = tiny_tokenizer()
    if family not in ("bert", "electra", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    return tokenizer


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("family", FAMILIES)
def test_any_batch_and_length_equals_pytorch(tmp_path, family, attention):
    model, tokenizer = tiny_model(family), tokenizer_of(family)
    if family != "deberta-v2":  # which has attention of its own
        model.set_attn_implementation(attention)
    path = export_onnx(model, tokenizer, tmp_path / "new" / "model.onnx")
    assert [file.name for file in path.parent.iterdir()] == ["model.onnx"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}
    assert names <= set(tokenizer.model_input_names)
    assert [entry.name for entry in session.get_outputs()] == ["logits"]
    for texts in (["a"], ["b c", "d e f g h i j k"], ["q r s t"] * 5, [" ".join("abcdefghij")]):
        for pairs in ([], [["k l m"] * len(texts)]):
            batch = tokenizer(texts, *pairs, padding=True, return_tensors="pt")
            with torch.inference_mode():
                expected = model(**batch).logits.softmax(-1).numpy()
            inputs = {name: batch[name].numpy() for name in names}
            logits = session.run(["logits"], inputs)[0]
            assert logits.shape == (len(texts), len(CLASSES))
            np.testing.assert_allclose(softmax(logits, axis=1), expected, atol=1e-5)


def test_local_attention_beyond_its_window(tmp_path):
    """ModernBERT's layers look at few neighbours; a traced window must not be a fixed one."""
    model, tokenizer = tiny_model("modernbert"), tokenizer_of("modernbert")
    model.config.local_attention = 4
    export_onnx(model, tokenizer, tmp_path / "model.onnx")


def test_the_model_stays_as_it_is(tmp_path):
    model = tiny_model().train()
    model.bert.embeddings.eval()  # frozen
    modes = [module.training for module in model.modules()]
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    export_onnx(model, tiny_tokenizer(), str(tmp_path / "model.onnx"))
    assert [module.training for module in model.modules()] == modes
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, weights[name])


def test_the_opset_is_the_one_asked_for(tmp_path):
    path = export_onnx(tiny_model(), tiny_tokenizer(), tmp_path / "model.onnx", opset=16)
    assert onnx.load(path).opset_import[0].version == 16


class Forgetful:
    """An exporter whose file is of another model."""

    def __init__(self, monkeypatch):
        self.original = export._trace
        monkeypatch.setattr(export, "_trace", self)

    def __call__(self, model, *arguments):
        self.original(tiny_model(seed=1), *arguments)


def test_a_file_that_differs_never_gets_its_name(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"older")
    Forgetful(monkeypatch)
    model = tiny_model().train()
    with pytest.raises(RuntimeError, match="differs from PyTorch: probabilities by"):
        export_onnx(model, tiny_tokenizer(), path)
    assert path.read_bytes() == b"older"
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert model.training


def test_a_fixed_length_is_noticed(tmp_path, monkeypatch):
    """What tracing does to a model that asks for its input's size in Python."""
    model = tiny_model()
    forward = model.bert.embeddings.forward

    def counted(*args, **kwargs):
        hidden = forward(*args, **kwargs)
        return hidden * float(hidden.shape[1] / 10)

    monkeypatch.setattr(model.bert.embeddings, "forward", counted)
    with pytest.raises(RuntimeError, match="differs from PyTorch"):
        export_onnx(model, tiny_tokenizer(), tmp_path / "model.onnx")


def test_what_pytorch_cannot_export_is_said(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"cannot export this bert model to ONNX \(opset 3\)"):
        export_onnx(tiny_model(), tiny_tokenizer(), tmp_path / "model.onnx", opset=3)
    assert list(tmp_path.iterdir()) == []


def test_half_precision_and_huge_models_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="float32"):
        export_onnx(tiny_model().bfloat16(), tiny_tokenizer(), tmp_path / "model.onnx")
    monkeypatch.setattr(export, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="2 GB"):
        export_onnx(tiny_model(), tiny_tokenizer(), tmp_path / "model.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"^{package} is not .*ambiguity-lib\[onnx\]"):
        export_onnx(tiny_model(), tiny_tokenizer(), tmp_path / "new" / "model.onnx")
    assert list(tmp_path.iterdir()) == []
