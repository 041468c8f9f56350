"""Intervals, paired tests and bins: hand values, limits, oracles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.evaluation import (
    Resamples,
    compare,
    differences,
    holm,
    score_items,
    summarise,
)
from ambiguity_lib.metrics import entropy_correlation, expected_calibration_error

ITEMS, SEEDS = 200, 3
GENERATOR = np.random.default_rng(0)
HUMAN = GENERATOR.dirichlet([1, 1, 1], size=ITEMS)
LABELS = HUMAN.argmax(axis=1)
UIDS = [f"item-{i:03d}" for i in range(ITEMS)]


def rows(method, probs_by_seed):
    frames = []
    for seed, probs in enumerate(probs_by_seed):
        frame = score_items(probs, HUMAN, old_labels=LABELS, new_labels=LABELS)
        frame["confidence"] = probs.max(axis=1)
        frame["human_entropy"] = scipy.stats.entropy(HUMAN, axis=1)
        frame.insert(0, "uid", UIDS)
        frame.insert(0, "seed", seed)
        frame.insert(0, "method", method)
        frame.insert(0, "dataset", "toy")
        frames.append(frame)
    return pd.concat(frames)


def predictions(sharpness, seeds=SEEDS):
    generator = np.random.default_rng(int(sharpness * 10))
    noisy = HUMAN + generator.uniform(0, 0.4, size=(seeds, *HUMAN.shape))
    powers = noisy**sharpness
    return powers / powers.sum(axis=-1, keepdims=True)


GOOD, BAD = predictions(1.0), predictions(4.0)
SCORES = pd.concat([rows("good", GOOD), rows("bad", BAD), rows("single", BAD[:1])])


def value(table, method, score, column="mean"):
    chosen = table[(table["method"] == method) & (table["score"] == score)]
    return chosen[column].item()


def test_means_are_those_of_the_metrics():
    table = summarise(SCORES, samples=50)
    own = SCORES[SCORES["method"] == "good"]
    assert value(table, "good", "JSD") == pytest.approx(own["JSD"].mean())
    correlations = [entropy_correlation(HUMAN, probs) for probs in GOOD]
    assert value(table, "good", "entropy_corr") == pytest.approx(np.mean(correlations))
    errors = [expected_calibration_error(LABELS, probs) for probs in GOOD]
    assert value(table, "good", "ECE") == pytest.approx(np.mean(errors))
    sd = own.groupby("seed")["JSD"].mean().std()
    assert value(table, "good", "JSD", "seed_sd") == pytest.approx(sd)
    assert np.isnan(value(table, "single", "JSD", "seed_sd"))


def test_intervals_hold_the_mean_and_agree_with_scipy_for_one_seed():
    table = summarise(SCORES, samples=4000)
    means = table[table["score"] != "ECE"]  # a resampled ECE is biased upwards
    assert (means["low"] <= means["mean"]).all() and (means["mean"] <= means["high"]).all()
    sample = SCORES[SCORES["method"] == "single"]["JSD"].to_numpy()
    theirs = scipy.stats.bootstrap((sample,), np.mean, method="percentile", n_resamples=4000)
    width = np.ptp(theirs.confidence_interval)
    assert value(table, "single", "JSD", "low") == pytest.approx(
        theirs.confidence_interval.low, abs=0.1 * width
    )
    assert value(table, "single", "JSD", "high") == pytest.approx(
        theirs.confidence_interval.high, abs=0.1 * width
    )


def test_resamples_are_weights_and_the_order_of_rows_does_not_matter():
    drawn = Resamples.draw(SEEDS, ITEMS, samples=20)
    np.testing.assert_allclose(drawn.seeds.sum(axis=1), 1)
    np.testing.assert_allclose(drawn.items.sum(axis=1), 1)
    shuffled = SCORES.sample(frac=1, random_state=0)
    table = summarise(SCORES, samples=50).sort_values(["method", "score"])
    again = summarise(shuffled, samples=50).sort_values(["method", "score"])
    np.testing.assert_allclose(again["low"], table["low"])


def test_seeds_widen_an_interval():
    apart = GOOD.copy()
    apart[0] = BAD[0]  # one seed is much worse
    table = summarise(pd.concat([rows("close", GOOD), rows("apart", apart)]), samples=500)
    width = {
        name: value(table, name, "JSD", "high") - value(table, name, "JSD", "low")
        for name in ("close", "apart")
    }
    assert width["apart"] > 1.5 * width["close"]


def test_differences_are_paired_signed_and_tested():
    table = compare(SCORES, [("good", "bad"), ("bad", "good"), ("bad", "bad")], ["JSD", "ECE"])
    distance = table[table["score"] == "JSD"].set_index(["a", "b"])
    there, back = distance.loc[("good", "bad")], distance.loc[("bad", "good")]
    assert there["difference"] == pytest.approx(-back["difference"]) and there["high"] < 0
    assert there["p"] == pytest.approx(2e-4) and there["p_holm"] == pytest.approx(6e-4)
    same = distance.loc[("bad", "bad")]
    assert (same[["difference", "low", "high"]] == 0).all() and same["p"] == 1
    assert table[table["score"] == "ECE"]["p"].isna().all()


def test_p_values_are_uniform_without_a_difference_and_agree_with_wilcoxon_with_one():
    generator = np.random.default_rng(3)
    p_values, theirs = [], []
    for shift in [0.0] * 40 + [0.6]:
        gaps = generator.normal(shift, 1, size=100)
        table = rows("a", GOOD[:1]), rows("b", GOOD[:1])
        table[0]["JSD"] = table[1]["JSD"] + np.pad(gaps, (0, ITEMS - 100))
        p_values.append(
            compare(pd.concat(table), [("a", "b")], ["JSD"], permutations=999, samples=2)[
                "p"
            ].item()
        )
        theirs.append(scipy.stats.wilcoxon(gaps).pvalue)
    assert scipy.stats.kstest(p_values[:40], "uniform").pvalue > 0.01
    assert abs(scipy.stats.spearmanr(p_values, theirs).statistic) > 0.8
    assert p_values[-1] < 0.02


def test_p_values_are_those_of_scipys_permutation_test():
    generator = np.random.default_rng(5)
    tables, theirs = [rows("b", GOOD[:1])], []
    for i, shift in enumerate([0.0, 0.1, 0.2]):
        gaps = generator.normal(shift, 1, size=ITEMS)
        tables.append(
            rows(f"a{i}", GOOD[:1]).assign(JSD=lambda table, g=gaps: tables[0]["JSD"] + g)
        )
        test = scipy.stats.permutation_test(
            (gaps,),
            lambda x, axis: x.mean(axis=axis),
            permutation_type="samples",
            vectorized=True,
            batch=500,
            rng=0,
        )
        theirs.append(test.pvalue)
    pairs = [(f"a{i}", "b") for i in range(3)]
    found = compare(pd.concat(tables), pairs, ["JSD"], samples=2)["p"]
    np.testing.assert_allclose(found, theirs, atol=0.02)
    assert found[2] < found[0]


def test_a_difference_that_is_not_known_has_no_p_value():
    unknown = rows("unknown", GOOD[:1]).assign(JSD=np.nan)
    table = compare(pd.concat([SCORES, unknown]), [("unknown", "good")], ["JSD"], samples=2)
    assert table[["p", "p_holm"]].isna().all(axis=None)


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match="no method 'best' on toy; there are"):
        compare(SCORES, [("best", "good")])


def test_a_method_with_one_seed_is_compared_with_every_seed_of_another():
    table = compare(SCORES, [("good", "single")], ["JSD"], samples=200).iloc[0]
    good, single = (SCORES[SCORES["method"] == name] for name in ("good", "single"))
    assert table["difference"] == pytest.approx(good["JSD"].mean() - single["JSD"].mean())
    assert table["low"] < table["difference"] < table["high"]


def test_other_items_are_not_compared():
    other = rows("other", GOOD).assign(uid=lambda table: table["uid"] + "x")
    with pytest.raises(ValueError, match="'good' and 'other' on toy were judged on other items"):
        compare(pd.concat([SCORES, other]), [("good", "other")])


def test_rows_of_a_comparison():
    table = compare(SCORES, [("good", "bad")], ["JSD"], samples=20)
    assert differences(table, "JSD", "good", "bad").index.tolist() == ["toy"]
    with pytest.raises(ValueError, match="'bad' and 'good' were not compared in 'JSD'"):
        differences(table, "JSD", "bad", "good")


def test_holm_by_hand():
    # sorted .01, .02, .03, .04: times 4, 3, 2, 1, then never falling
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, np.nan, 0.9]), [1.0, np.nan, 1.0])
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values):
    corrected = holm(p_values)
    assert (corrected >= np.minimum(p_values, 1)).all() and (corrected <= 1).all()
    assert corrected.max() <= min(1, len(p_values) * max(p_values)) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


@pytest.mark.parametrize("p_values", [[-0.1], [0.2, 1.1]])
def test_holm_refuses_what_is_no_probability(p_values):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        holm(p_values)
