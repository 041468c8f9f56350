"""Selection rules by hand values, and the cut against two independent oracles per family."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    GPT2Config,
    GPT2ForSequenceClassification,
    pipeline,
)

from ambiguity_lib.method import (
    SelectionConfig,
    choose_layers,
    converged_depth,
    paired_errors,
    prune_to_depth,
    source_layer,
)
from ambiguity_lib.models import config_at_depth, load_classifier, num_layers
from tests.tiny import CLASSES, FAMILIES, LAYERS, tiny_model, tiny_tokenizer

PILOT = [0.33, 0.52, 0.60, 0.72, 0.82, 0.85, 0.854]


def test_converged_depth_by_hand():
    assert converged_depth(PILOT, 0.01) == 5
    assert converged_depth(PILOT, 0.0) == 6
    assert converged_depth(PILOT, 0.05) == 4
    assert converged_depth(PILOT, 1.0) == 1


def test_converged_depth_never_chooses_the_embedding_layer():
    assert converged_depth([0.9, 0.5, 0.6], 0.05) == 2


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_more_tolerance_never_means_more_layers(accuracies, first, second):
    low, high = sorted((first, second))
    assert converged_depth(accuracies, high) <= converged_depth(accuracies, low)


def test_source_layer_by_hand():
    # half of what layer 5 knows above chance: .33 + .5 * (.85 - .33) = .59
    assert source_layer(PILOT, 5, chance=0.33) == 2
    assert source_layer(PILOT, 5, chance=0.33, fraction=0.0) == 1
    assert source_layer(PILOT, 5, chance=0.33, fraction=0.75) == 3


def test_source_layer_falls_back_to_the_layer_below():
    assert source_layer([0.3, 0.3, 0.3, 0.9], 3, chance=0.3) == 2


@pytest.mark.parametrize("depth", [0, 1, 7])
def test_source_layer_needs_a_layer_below(depth):
    with pytest.raises(ValueError, match="depth must be between 2 and 6"):
        source_layer(PILOT, depth, chance=0.33)


@pytest.mark.parametrize("accuracies", [[0.5], [], [0.5, float("nan")], [[0.1, 0.2]]])
def test_bad_accuracies_are_refused(accuracies):
    with pytest.raises(ValueError, match="accuracies must be"):
        converged_depth(accuracies, 0.01)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="tolerance"):
        converged_depth(PILOT, -0.1)
    with pytest.raises(ValueError, match="fraction"):
        source_layer(PILOT, 5, chance=0.33, fraction=1.5)


# answers with the pilot's accuracies, in which a better layer is right wherever a worse one is
ITEMS = 1000
CORRECT = np.arange(ITEMS) < np.round(np.array(PILOT)[:, np.newaxis] * ITEMS)
LABELS = np.arange(ITEMS) % 2  # chance is 0.5


def test_choose_layers_keeps_a_layer_below_the_student():
    selection = SelectionConfig(tolerance=0.5, source_fraction=0.5)
    chosen = choose_layers(CORRECT, LABELS, selection)
    assert (chosen.depth, chosen.source, chosen.converged) == (2, 1, 1)
    assert (chosen.best, chosen.allowed, chosen.chance) == (max(PILOT[1:]), 0.5, 0.5)
    selection = SelectionConfig(tolerance=0.01, source_fraction=0.5)
    # .5 + .5 * (.85 - .5) = .675
    chosen = choose_layers(CORRECT, LABELS, selection)
    assert (chosen.depth, chosen.source, chosen.converged) == (5, 3, 5)
    assert choose_layers(CORRECT, LABELS, selection, depth=3).source < 3
    chosen = choose_layers(CORRECT, LABELS, selection, depth=4, source=0)
    assert (chosen.depth, chosen.source, chosen.converged) == (4, 0, 5)
    with pytest.raises(ValueError, match="below the depth, which is 4 here; got 4"):
        choose_layers(CORRECT, LABELS, selection, depth=4, source=4)


def test_a_difference_within_one_paired_standard_error_is_no_reason_for_depth():
    rng = np.random.default_rng(0)
    correct = rng.random((4, 200)) < 0.8
    correct[3] = correct[2]
    correct[3, np.flatnonzero(~correct[2])[:1]] = True  # layer 3 is right once more
    exact = SelectionConfig(tolerance=0.0, source_fraction=0.5)
    accuracies = correct.mean(axis=1)
    assert converged_depth(accuracies, 0.0) == accuracies[1:].argmax() + 1
    chosen = choose_layers(correct, rng.integers(0, 2, 200), exact)
    assert chosen.allowed == pytest.approx(paired_errors(correct)[chosen.converged])
    best = accuracies[1:].max()
    for layer in range(1, 4):  # the lowest that is within its own error
        inside = accuracies[layer] >= best - paired_errors(correct)[layer]
        assert inside == (layer == chosen.converged) or layer > chosen.converged


def test_paired_errors_by_hand_and_against_scipy():
    correct = np.array([[0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, 0]])
    np.testing.assert_allclose(
        paired_errors(correct), [scipy.stats.sem(correct[2] - row) for row in correct]
    )
    assert paired_errors(correct)[2] == 0
    # sd of (1, 1, 1, 0) - (1, 1, 0, 0) is 1/2, of four items
    assert paired_errors(correct)[1] == pytest.approx(0.25)


@pytest.mark.parametrize("correct", [[[1, 0]], [1, 0, 1], [[1], [0]]])
def test_answers_of_another_shape_are_refused(correct):
    with pytest.raises(ValueError, match="correct must have shape"):
        paired_errors(correct)


def test_choose_layers_refuses_items_without_a_label():
    with pytest.raises(ValueError, match="validation row 2 has no label"):
        choose_layers(CORRECT, [0, 1, -1], SelectionConfig(tolerance=0.01, source_fraction=0.5))


def layer_list(model: nn.Module) -> tuple[nn.Module, str]:
    """The module that holds the encoder layers, and its attribute's name, by looking for it."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ModuleList) and len(child) == LAYERS:
                return module, name
    raise AssertionError("no list of encoder layers")


def batch():
    tokenizer = tiny_tokenizer()
    tokens = tokenizer(["a b c d", "e"], ["f g", "h i j k l m"], padding=True, return_tensors="pt")
    del tokens["token_type_ids"]  # not every family has them
    return tokens


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("depth", range(1, LAYERS + 1))
@torch.inference_mode()
def test_student_computes_what_the_full_encoder_computes_up_to_its_depth(family, depth):
    model = tiny_model(family)
    student = prune_to_depth(model, depth)
    assert num_layers(student.config) == depth
    # oracle 1: the full model with the upper layers taken out by hand
    cut = copy.deepcopy(model)
    parent, name = layer_list(cut)
    setattr(parent, name, getattr(parent, name)[:depth])
    torch.testing.assert_close(student(**batch()).logits, cut(**batch()).logits, atol=1e-5, rtol=0)
    # oracle 2: what the full encoder hands from layer `depth` to the next one
    # (DeBERTa's convolution stands between layer 1 and 2, so the next layer's input it is)
    if depth < LAYERS:
        seen = []
        parent, name = layer_list(model)
        handle = getattr(parent, name)[depth].register_forward_pre_hook(
            lambda module, args: seen.append(args[0])
        )
        model(**batch())
        handle.remove()
        expected = model.model.final_norm(seen[0]) if family == "modernbert" else seen[0]
    else:
        expected = model.base_model(**batch()).last_hidden_state
    ours = student.base_model(**batch()).last_hidden_state
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_pruning_differs_from_not_pruning(family):
    model = tiny_model(family)
    with torch.inference_mode():
        full, student = model(**batch()).logits, prune_to_depth(model, 1)(**batch()).logits
    assert (full - student).abs().max() > 1e-3


def test_pruning_leaves_the_model_as_it_is():
    model = tiny_model()
    before = copy.deepcopy(model.state_dict())
    student = prune_to_depth(model, 2)
    with torch.no_grad():
        student.bert.encoder.layer[0].output.dense.weight.zero_()
    assert num_layers(model.config) == LAYERS
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_student_goes_through_save_load_and_pipeline(family, tmp_path):
    student = prune_to_depth(tiny_model(family), 2)
    tokenizer = tiny_tokenizer()
    if family not in ("bert", "electra", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    student.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert loaded.config.id2label == dict(enumerate(CLASSES))
    classify = pipeline("text-classification", model=str(tmp_path), top_k=None)
    got = {row["label"]: row["score"] for row in classify({"text": "a b c", "text_pair": "d e"})}
    tokens = AutoTokenizer.from_pretrained(tmp_path)("a b c", "d e", return_tensors="pt")
    with torch.inference_mode():
        expected = student(**tokens).logits.softmax(-1)[0]
    for name, value in zip(CLASSES, expected, strict=True):
        assert got[name] == pytest.approx(value.item(), abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_loading_at_a_depth_equals_pruning_the_loaded_model(family, tmp_path):
    model = tiny_model(family)
    model.save_pretrained(tmp_path)
    loaded = load_classifier(tmp_path, CLASSES, depth=2)
    pruned = prune_to_depth(model, 2)
    with torch.inference_mode():
        torch.testing.assert_close(
            loaded(**batch()).logits, pruned(**batch()).logits, atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("depth", [-1, 0, LAYERS + 1])
def test_depth_out_of_range_is_refused(depth):
    with pytest.raises(ValueError, match=f"between 1 and {LAYERS}"):
        prune_to_depth(tiny_model(), depth)


def test_unsupported_architecture_lists_the_supported_ones():
    config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=20)
    model = GPT2ForSequenceClassification(config)
    with pytest.raises(ValueError, match=r"unsupported architecture 'gpt2'.*bert, deberta-v2"):
        prune_to_depth(model, 1)


def test_config_at_depth_does_not_change_its_argument():
    config = BertConfig(num_hidden_layers=3)
    assert config_at_depth(config, 1).num_hidden_layers == 1
    assert config.num_hidden_layers == 3
