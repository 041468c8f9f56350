"""The tidy table: complete, equal to the metrics, kept whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import Experiment, find_methods, load_profile, score_methods
from ambiguity_lib.study.sweep import REFERENCES, write_scores

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    return Experiment(SMOKE, 0, store=store, progress=False)


@pytest.fixture(scope="module")
def scores(exp):
    return score_methods(exp, find_methods("teacher,deep ensemble"), (0, 1))


def test_one_row_an_item_method_and_seed(exp, scores):
    items = len(exp.splits.evaluation)
    sizes = scores.groupby(["method", "seed"]).size()
    assert sizes.to_dict() == {
        ("teacher", 0): items,
        ("teacher", 1): items,
        ("deep ensemble", 0): items,
        **{(name, 0): items for name in REFERENCES},
    }
    assert set(scores["dataset"]) == {"synthetic"}
    assert not scores.isna().any().any()


def test_scores_are_the_metrics(exp, scores):
    own = scores[(scores["method"] == "teacher") & (scores["seed"] == 1)]
    teacher = exp.with_seed(1).teacher.probs()
    np.testing.assert_allclose(own["JSD"], jensen_shannon_distance(exp.human, teacher))
    np.testing.assert_allclose(own["confidence"], teacher.max(axis=1))
    assert own["uid"].tolist() == exp.splits.evaluation["uid"][:]


def test_a_table_is_written_whole_or_not_at_all(scores, tmp_path, monkeypatch):
    path = write_scores(scores, tmp_path / "results" / "scores.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), scores)

    def fail(self, file, **options):
        Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    with pytest.raises(OSError, match="no space left"):
        write_scores(scores.head(1), path)
    assert [file.name for file in path.parent.iterdir()] == ["scores.parquet"]
    assert len(pd.read_parquet(path)) == len(scores)
