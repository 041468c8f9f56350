"""Cross-fitting: no item is predicted by a model that saw it, and all items are predicted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ambiguity_lib.method import cross_fit, one_hot_targets
from tests.models.test_training import CONFIG
from tests.tiny import tiny_dataset, tiny_experiment, tiny_model, tiny_tokenizer

SHORT = dataclasses.replace(CONFIG, epochs=2)


def fit(items, folds, **options):
    targets = one_hot_targets(items["label"][:], 3)
    make = lambda: tiny_model(layers=1)  # noqa: E731
    return cross_fit(
        make, tiny_tokenizer(), items, targets, folds, SHORT, progress=False, **options
    )


@pytest.mark.parametrize("salt", ["", "again"])
def test_predictions_come_from_models_that_did_not_see_the_text(salt, monkeypatch):
    seen, predicted = [], []

    def train(model, tokenizer, items, *rest, **options):
        seen.append(set(items["text"][:]))

    def predict(model, tokenizer, items, **options):
        predicted.append(set(items["text"][:]))
        return np.zeros((len(items), 3))

    monkeypatch.setattr("ambiguity_lib.method.recipe.fine_tune", train)
    monkeypatch.setattr("ambiguity_lib.method.recipe.predict_logits", predict)
    items = tiny_dataset(60)
    fit(items, 3, salt=salt)
    assert len(seen) == 3
    for trained, judged in zip(seen, predicted, strict=True):
        assert judged and not trained & judged
    assert set.union(*predicted) == set(items["text"][:])


def test_targets_come_from_teachers_and_probes_that_did_not_see_the_item(tmp_path):
    exp = tiny_experiment(tmp_path)
    settings = dataclasses.replace(exp.profile.distillation, folds=2)
    exp = exp._variant(config=dataclasses.replace(exp.profile, distillation=settings))
    rows = []
    for unseen, part in exp.folds(2):
        texts = set(part.data.items("train")["text"][:])
        assert not texts & set(exp.data.items("train").select(unseen)["text"][:])
        assert part.checkpoint == exp.checkpoint
        np.testing.assert_array_equal(exp.layer_probs()[:, unseen], part.probe_probs("evaluation"))
        rows += unseen.tolist()
    assert sorted(rows) == list(range(len(exp.splits.train)))
    assert not np.array_equal(exp.layer_probs(), exp.probe_probs("train"))
    settings = dataclasses.replace(settings, folds=0)
    plain = exp._variant(config=dataclasses.replace(exp.profile, distillation=settings))
    np.testing.assert_array_equal(plain.layer_probs(), plain.probe_probs("train"))
    assert plain.distilled().key != exp.distilled().key


def test_a_teacher_that_is_trained_already_cannot_be_cross_fitted(tmp_path):
    exp = tiny_experiment(tmp_path)
    given = exp._variant(_given_teacher=exp.teacher.path)
    with pytest.raises(ValueError, match="a teacher that is trained already"):
        next(given.folds(2))
    with pytest.raises(ValueError, match="too few for 5000 folds"):
        next(exp.folds(5000))


def test_every_item_gets_a_distribution():
    items = tiny_dataset(30)
    probs = fit(items, 2)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    np.testing.assert_array_equal(fit(items, 2), probs)


def test_too_few_items_for_the_folds():
    with pytest.raises(ValueError, match="1 items are too few for 2 folds"):
        fit(tiny_dataset(1), 2)
