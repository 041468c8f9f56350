"""A classifier is trained once, and so are its logits computed; a given one is not trained."""

from __future__ import annotations

import numpy as np
import pytest
from filelock import FileLock

from ambiguity_lib.method.recipe import given_classifier, train_classifier
from ambiguity_lib.models import fine_tune
from ambiguity_lib.store import ArtifactStore
from tests.tiny import tiny_setup

TARGET = {"method": "standard"}


@pytest.fixture
def setup(tmp_path):
    return tiny_setup(tmp_path)


def fail(*arguments, **options):
    raise AssertionError("computed again")


def test_what_the_store_has_is_not_computed_again(setup, monkeypatch):
    first = train_classifier(setup, 1, TARGET, setup.one_hot)
    logits = first.logits()
    for name in ("fine_tune", "predict_logits"):
        monkeypatch.setattr(f"ambiguity_lib.method.recipe.{name}", fail)
    new = setup.replace(store=ArtifactStore(setup.store.root))
    again = train_classifier(new, 1, TARGET, fail)
    assert (again.key, again.depth) == (first.key, 1)
    np.testing.assert_array_equal(again.logits(), logits)
    with pytest.raises(AssertionError, match="computed again"):
        train_classifier(new, 2, TARGET, setup.one_hot)
    with pytest.raises(AssertionError, match="computed again"):
        again.logits("validation")


def test_a_given_classifier_is_the_checkpoint_itself(setup, monkeypatch):
    monkeypatch.setattr("ambiguity_lib.models.training.fine_tune", fail)
    given = given_classifier(setup)
    assert (given.depth, given.train_seconds) == (2, 0.0)
    np.testing.assert_allclose(given.probs().sum(axis=1), 1)


def test_only_one_of_two_that_train_the_same_model_saves(setup, monkeypatch):
    key = train_classifier(setup, 1, TARGET, setup.one_hot).key
    seen = []

    def spy(*arguments, **options):
        seen.append(options["resume"])
        return fine_tune(*arguments, **options)

    monkeypatch.setattr("ambiguity_lib.models.training.fine_tune", spy)
    for root in ("alone", "beside another"):
        other = setup.replace(store=ArtifactStore(setup.store.root / root))
        folder = other.store.root / ".resume" / key
        if root == "alone":
            train_classifier(other, 1, TARGET, setup.one_hot)
            assert seen[-1].folder == folder
        else:
            folder.parent.mkdir(parents=True)
            with FileLock(folder.with_suffix(".lock")):
                train_classifier(other, 1, TARGET, setup.one_hot)
            assert seen[-1] is None
