"""Tables, intervals and the noise floor."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.evaluation import (
    bootstrap_interval,
    noise_floor,
    score_items,
    score_table,
    split_votes,
)
from ambiguity_lib.evaluation.scores import PAIR_METRICS, tied_items
from ambiguity_lib.metrics import kl_divergence, total_variation_distance

HUMAN = np.array([[0.5, 0.5, 0.0], [0.0, 0.2, 0.8], [0.1, 0.6, 0.3]])
MODEL = np.array([[0.9, 0.1, 0.0], [0.0, 0.0, 1.0], [0.2, 0.5, 0.3]])
OLD, NEW = np.array([0, 2, 0]), np.array([1, 2, 1])


def test_item_scores_by_hand():
    items = score_items(MODEL, HUMAN, old_labels=OLD, new_labels=NEW)
    assert items["accuracy_old"].tolist() == [1, 1, 0]
    assert items["accuracy_new"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(items["TVD"], [0.4, 0.2, 0.1])
    assert items["RankCS"].tolist()[2] == 1


def test_table_holds_means_and_reference_rows():
    table = score_table({"model": MODEL}, HUMAN, old_labels=OLD, new_labels=NEW)
    assert list(table.index) == ["model", "uniform", "constant mean (uses gold)", "humans"]
    assert table.loc["model", "accuracy_old"] == pytest.approx(2 / 3)
    assert table.loc["model", "TVD"] == pytest.approx(0.7 / 3)
    assert table.loc["uniform", "entropy"] == pytest.approx(np.log(3))
    assert table.loc["humans", ["JSD", "KL", "TVD", "EntCE"]].abs().max() < 1e-7
    assert table.loc["humans", "entropy_corr"] == pytest.approx(1)


def test_constant_mean_is_the_best_constant_in_kl():
    table = score_table({"model": MODEL}, HUMAN)
    generator = np.random.default_rng(0)
    for constant in generator.dirichlet([1, 1, 1], size=50):
        score = kl_divergence(HUMAN, np.tile(constant, (3, 1))).mean()
        assert table.loc["constant mean (uses gold)", "KL"] <= score + 1e-12


def test_oracle_row_is_marked_and_no_worse():
    logits = np.log(np.clip(MODEL, 1e-3, None))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    table = score_table({"model": probs}, HUMAN, logits={"model": logits})
    row = next(name for name in table.index if "oracle" in name)
    assert "uses gold" in row
    assert table.loc[row, "KL"] <= table.loc["model", "KL"] + 1e-9


def test_bootstrap_interval_agrees_with_scipy():
    values = np.random.default_rng(0).gamma(2.0, size=400)
    low, high = bootstrap_interval(values, samples=4000)
    oracle = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert low == pytest.approx(oracle.low, abs=0.02)
    assert high == pytest.approx(oracle.high, abs=0.02)
    assert low < values.mean() < high


def test_bootstrap_interval_limits():
    assert bootstrap_interval(np.full(10, 0.3)) == (pytest.approx(0.3), pytest.approx(0.3))
    values = np.random.default_rng(0).normal(size=100)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    with pytest.raises(ValueError, match="non-empty"):
        bootstrap_interval([])
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval(values, level=1.0)


@given(
    st.lists(
        st.lists(st.integers(0, 30), min_size=3, max_size=3).filter(lambda row: sum(row) > 1),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 99),
)
def test_split_votes_deals_every_vote_once(counts, seed):
    votes = np.array(counts)
    first, second = split_votes(votes, np.random.default_rng(seed))
    np.testing.assert_array_equal(first + second, votes)
    np.testing.assert_array_equal(first.sum(1), votes.sum(1) // 2)
    assert first.min() >= 0 and second.min() >= 0


def test_split_votes_follows_the_hypergeometric_law():
    votes = np.tile([6, 3, 1], (20_000, 1))
    first, _ = split_votes(votes, np.random.default_rng(0))
    law = scipy.stats.multivariate_hypergeom([6, 3, 1], 5)
    np.testing.assert_allclose(first.mean(0), law.mean(), atol=0.03)
    np.testing.assert_allclose(np.cov(first.T), law.cov(), atol=0.03)


def test_noise_floor_by_enumeration():
    # two votes for either of two classes: a split gives (2,0)|(0,2) w.p. 1/3, else (1,1)|(1,1)
    floor = noise_floor(np.tile([2, 2], (500, 1)), total_variation_distance, repeats=50)
    assert floor == pytest.approx(1 / 3, abs=0.02)
    assert noise_floor(np.array([[10, 0, 0]])) == 0.0


def test_noise_floor_falls_with_more_votes():
    few, many = (noise_floor(np.tile([6, 3, 1], (200, 1)) * scale) for scale in (1, 100))
    assert many < few / 3


def test_noise_floor_needs_two_votes():
    with pytest.raises(ValueError, match="item 1 has 1 vote;"):
        noise_floor([[3, 2, 0], [1, 0, 0]])


def test_every_pair_metric_is_in_the_table():
    assert set(PAIR_METRICS) <= set(score_table({"model": MODEL}, HUMAN).columns)


def test_tied_items_are_those_without_a_majority():
    assert tied_items([[5, 5, 0], [4, 3, 3], [2, 2, 2]]) == 2
    assert tied_items([[0.4, 0.2, 0.4], [1.0, 0.0, 0.0]]) == 1
