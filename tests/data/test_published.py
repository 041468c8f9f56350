"""The published numbers: complete, in range, and none for other datasets."""

from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.data import published_scores


@pytest.mark.parametrize("dataset", ["ChaosSNLI", "ChaosMNLI"])
def test_six_models_with_scores_in_their_range(dataset):
    table = published_scores(dataset)
    assert table.shape == (6, 4)
    assert table["JSD"].between(0, np.sqrt(np.log(2))).all()
    assert table[["accuracy_old", "accuracy_new"]].stack().between(0.5, 0.8).all()
    assert (table["KL"] > table["JSD"]).all()


def test_a_row_by_hand():
    # BERT-base in the README's table of results
    assert published_scores("ChaosSNLI").loc["BERT-base"].tolist() == [
        0.2345,
        0.4810,
        0.7008,
        0.7292,
    ]


def test_other_datasets_have_none():
    assert published_scores("Affective Text").empty
