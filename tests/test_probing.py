"""Features of all layers in one pass, and probes against scikit-learn."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ambiguity_lib.probing import LayerProbes, extract_features, fit_probes, pool
from tests.tiny import FAMILIES, LAYERS, tiny_dataset, tiny_model, tiny_tokenizer

L2 = 1e-2


def features_of(model, dataset, **options):
    return extract_features(
        model, tiny_tokenizer(), dataset, max_length=32, progress=False, **options
    )


@pytest.fixture(scope="module")
def blobs():
    """Three classes whose distance grows from layer to layer; layer 0 knows nothing."""
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=300)
    centres = generator.normal(size=(3, 8))
    noise = generator.normal(size=(4, 300, 8))
    strength = np.array([0.0, 0.3, 0.8, 2.0])[:, None, None]
    return (noise + strength * centres[labels]).astype(np.float32), labels


def test_pooling_by_hand():
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(hidden, mask, "mean").tolist() == [[2.0, 3.0]]
    assert pool(hidden, mask, "cls").tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="pooling must be"):
        pool(hidden, mask, "max")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_features_equal_one_item_at_a_time_without_padding(family, pooling):
    model, dataset, tokenizer = tiny_model(family), tiny_dataset(7), tiny_tokenizer()
    if family not in ("bert", "electra", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    features = extract_features(
        model, tokenizer, dataset, max_length=32, pooling=pooling, batch_size=3, progress=False
    )
    assert features.shape == (LAYERS + 1, 7, 16)
    for row, item in enumerate(dataset):
        tokens = tokenizer(item["text"], item["text_pair"], return_tensors="pt")
        with torch.inference_mode():
            states = model.base_model(**tokens, output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):
            expected = state[0, 0] if pooling == "cls" else state[0].mean(dim=0)
            np.testing.assert_allclose(features[layer, row], expected, atol=1e-5)


def test_one_forward_pass_a_batch_and_one_batch_of_states(monkeypatch):
    model, sizes, earlier = tiny_model(), [], []
    forward = model.bert.forward

    def watched(**inputs):
        assert all(state() is None for state in earlier), "an earlier batch's states are alive"
        sizes.append(len(inputs["input_ids"]))
        outputs = forward(**inputs)
        earlier[:] = [weakref.ref(state) for state in outputs.hidden_states]
        return outputs

    monkeypatch.setattr(model.bert, "forward", watched)
    features_of(model, tiny_dataset(10), batch_size=4)
    assert sizes == [4, 4, 2]


def test_memory_mapped_features_are_the_same(tmp_path):
    model, dataset = tiny_model(), tiny_dataset(9)
    in_memory = features_of(model, dataset)
    mapped = features_of(model, dataset, path=tmp_path / "features.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), in_memory)


def test_probes_equal_scikit_learn(blobs):
    features, labels = blobs
    probes = fit_probes(features, labels, 3, l2=L2)
    ours = probes.predict(features)
    for layer, x in enumerate(features):
        scaled = StandardScaler().fit_transform(x)
        oracle = LogisticRegression(C=1 / (len(labels) * L2), tol=1e-8, max_iter=1000)
        oracle.fit(scaled, labels)
        np.testing.assert_allclose(ours[layer], oracle.predict_proba(scaled), atol=2e-3)


def test_probes_are_distributions_and_better_where_classes_are_apart(blobs):
    features, labels = blobs
    probs = fit_probes(features, labels, 3, l2=L2).predict(features)
    np.testing.assert_allclose(probs.sum(axis=-1), 1)
    accuracy = (probs.argmax(-1) == labels).mean(-1)
    assert accuracy[0] < 0.5 < accuracy[2] < accuracy[3]


def test_a_layer_is_fitted_as_if_it_were_alone(blobs):
    features, labels = blobs
    together = fit_probes(features, labels, 3, l2=L2).predict(features)
    for layer in range(len(features)):
        alone = fit_probes(features[layer : layer + 1], labels, 3, l2=L2)
        np.testing.assert_allclose(
            together[layer], alone.predict(features[layer : layer + 1])[0], atol=1e-3
        )


def test_a_constant_feature_does_no_harm(blobs):
    features, labels = blobs
    features = features.copy()
    features[:, :, 0] = 7.0
    probs = fit_probes(features, labels, 3, l2=L2).predict(features)
    assert np.isfinite(probs).all()


def test_save_and_load(tmp_path, blobs):
    features, labels = blobs
    probes = fit_probes(features, labels, 3, l2=L2)
    probes.save(tmp_path / "probes.npz")
    again = LayerProbes.load(tmp_path / "probes.npz")
    np.testing.assert_array_equal(again.predict(features), probes.predict(features))


def test_bad_input_is_refused(blobs):
    features, labels = blobs
    with pytest.raises(ValueError, match="do not fit 299 labels"):
        fit_probes(features, labels[:-1], 3)
    with pytest.raises(ValueError, match="0 … 2"):
        fit_probes(features, labels - 1, 3)
    with pytest.raises(ValueError, match="only one class"):
        fit_probes(features, np.zeros(300, int), 3)
    probes = fit_probes(features, labels, 3)
    with pytest.raises(ValueError, match="the probes expect"):
        probes.predict(features[:2])
