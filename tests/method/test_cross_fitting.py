"""Cross-fitting: no item is predicted by a model that saw it, and all items are predicted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tiny import tiny_experiment


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
