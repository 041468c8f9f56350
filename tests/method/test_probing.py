"""Probes of all layers together, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ambiguity_lib.method import LayerProbes, fit_probes, select_probes
from ambiguity_lib.method import probes as probing

L2 = 1e-2


@pytest.fixture(scope="module")
def blobs():
    """Three classes whose distance grows from layer to layer; layer 0 knows nothing."""
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=300)
    centres = generator.normal(size=(3, 8))
    noise = generator.normal(size=(4, 300, 8))
    strength = np.array([0.0, 0.3, 0.8, 2.0])[:, None, None]
    return (noise + strength * centres[labels]).astype(np.float32), labels


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


def test_correlated_features_converge_to_scikit_learns_loss():
    """Features whose variances span six orders of magnitude, where plain L-BFGS crawls."""
    generator = np.random.default_rng(1)
    mixing = generator.normal(size=(40, 40))
    features = generator.normal(size=(2, 500, 40)) * np.logspace(0, -3, 40) @ mixing
    labels = (features[1] @ generator.normal(size=(40, 3))).argmax(axis=1)
    features = features.astype(np.float32)
    probes = fit_probes(features, labels, 3, l2=1e-3)
    for layer, x in enumerate(features):
        scaled = StandardScaler().fit_transform(x.astype(np.float64))
        oracle = LogisticRegression(C=1 / (500 * 1e-3), tol=1e-10, max_iter=10_000)
        oracle.fit(scaled, labels)
        ours = objective(scaled, labels, probes.weight[layer], probes.bias[layer])
        assert ours == pytest.approx(
            objective(scaled, labels, oracle.coef_.T, oracle.intercept_), rel=1e-4
        )


def test_validation_items_choose_the_penalty(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    features = rng.normal(size=(3, 90, 40)).astype(np.float32)
    features[2, :, :3] += 2 * np.eye(3, dtype=np.float32)[labels]
    train, held_out = slice(0, 60), slice(60, 90)
    parts = features[:, train], labels[train], features[:, held_out], labels[held_out]
    penalties = (1e-4, 1e-2, 1.0)
    losses = []
    for l2 in penalties:
        probs = fit_probes(*parts[:2], 3, l2=l2).predict(parts[2])[1:]
        losses.append(-np.log(probs[:, np.arange(30), parts[3]]).mean())
    chosen = select_probes(*parts, 3, penalties)
    assert chosen.l2 == penalties[int(np.argmin(losses))] != 1e-4
    chosen.save(tmp_path / "probes.npz")
    assert LayerProbes.load(tmp_path / "probes.npz").l2 == chosen.l2
    assert select_probes(*parts, 3, (0.5,)).l2 == 0.5
    with pytest.raises(ValueError, match="no penalty"):
        select_probes(*parts, 3, ())


def objective(x, labels, weight, bias, l2=1e-3):
    logits = x @ weight + bias
    chosen = log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return -chosen.mean() + 0.5 * l2 * np.square(weight).sum()


@pytest.mark.parametrize("limit", [1, 4 * 300 * 8 * 2])
def test_layers_and_rows_in_portions_give_the_same(monkeypatch, tmp_path, blobs, limit):
    features, labels = blobs
    whole = fit_probes(features, labels, 3, l2=L2)
    expected = whole.predict(features)
    monkeypatch.setattr(probing, "CHUNK_BYTES", limit)
    portions = fit_probes(features, labels, 3, l2=L2)
    np.testing.assert_allclose(portions.predict(features), expected, atol=1e-3)
    np.testing.assert_allclose(whole.predict(features), expected, rtol=1e-12)


def test_half_precision_features_will_do(blobs):
    features, labels = blobs
    exact = fit_probes(features, labels, 3, l2=L2).predict(features)
    half = features.astype(np.float16)
    ours = fit_probes(half, labels, 3, l2=L2).predict(half)
    np.testing.assert_allclose(ours, exact, atol=3e-3)


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
