"""Features and probes of a teacher's layers are computed once, and only when they are needed."""

from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.method.recipe import LayerAnalysis, given_classifier
from ambiguity_lib.store import ArtifactStore
from tests.tiny import tiny_setup


def test_what_the_store_has_is_not_computed_again(tmp_path, monkeypatch):
    setup = tiny_setup(tmp_path)
    teacher = given_classifier(setup)
    first = LayerAnalysis(setup, teacher)
    accuracy = first.probe_accuracy("validation")

    def fail(*arguments, **options):
        raise AssertionError("computed again")

    for name in ("extract_features", "fit_probes"):
        monkeypatch.setattr(f"ambiguity_lib.method.recipe.{name}", fail)
    again = LayerAnalysis(setup.replace(store=ArtifactStore(setup.store.root)), teacher)
    np.testing.assert_array_equal(again.probe_accuracy("validation"), accuracy)
    assert (again.choice, again.probes_key) == (first.choice, first.probes_key)
    with pytest.raises(AssertionError, match="computed again"):
        again.features("evaluation")
