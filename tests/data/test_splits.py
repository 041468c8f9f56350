"""What a profile's data configuration becomes."""

from __future__ import annotations

import os

import pytest

from ambiguity_lib.data import DataConfig, hold_out, load_splits, normalise_premise, text_folds
from ambiguity_lib.practice.own_files import read_dataset

REAL = pytest.mark.skipif(
    "AMBIGUITY_DATA_DIR" not in os.environ, reason="AMBIGUITY_DATA_DIR is not set"
)


@pytest.mark.parametrize("dataset", ["synthetic", "headlines"])
def test_generated_data_has_the_sizes_asked_for(dataset):
    splits = load_splits(DataConfig(dataset, 30, 12, 10))
    assert [len(part) for part in (splits.train, splits.validation, splits.evaluation)] == [
        30,
        12,
        10,
    ]
    assert (splits.evaluation_name, splits.transfer) == (dataset, {})


@pytest.mark.parametrize("fold", [-1, 1])
def test_a_fold_that_is_not_there(fold):
    with pytest.raises(ValueError, match="fold must be from 0 to 0"):
        load_splits(DataConfig("synthetic", 30, 12, 10), fold)


@REAL
@pytest.mark.real_data
def test_models_of_snli_are_judged_on_chaosmnli_too():
    splits = load_splits(DataConfig("snli", 50, 100, 70, transfer=("mnli",)))
    assert splits.evaluation_name == "ChaosSNLI"
    assert {name: len(data) for name, data in splits.transfer.items()} == {"ChaosMNLI": 70}
    seen = {normalise_premise(text) for text in splits.train["text"][:]}
    assert not seen & {normalise_premise(text) for text in splits.transfer["ChaosMNLI"]["text"][:]}


@REAL
@pytest.mark.real_data
def test_folds_of_affective_text_cover_it_once():
    config = DataConfig("affective_text", None, None, None, folds=5)
    uids = [uid for fold in range(5) for uid in load_splits(config, fold).evaluation["uid"][:]]
    assert len(uids) == len(set(uids)) == 1246


def test_a_salt_deals_a_folds_texts_anew():
    texts = [f"text {i}" for i in range(400)]
    outer = text_folds(texts, 5)
    inside = [text for text, fold in zip(texts, outer, strict=True) if fold == 0]
    assert set(text_folds(inside, 5)) == {0}
    assert set(text_folds(inside, 5, salt="human")) == {0, 1, 2, 3, 4}


def test_equal_texts_share_a_fold_and_all_folds_are_used():
    texts = ["A man sleeps.", "a man  sleeps", *(f"text {i}" for i in range(98)), ":-)", ":-("]
    folds = text_folds(texts, 4)
    assert folds[0] == folds[1]
    assert set(folds) == {0, 1, 2, 3}


def test_held_out_items_share_no_text_with_the_others(tmp_path):
    rows = "".join(f"{text},{label}\n" for text in "abcdefghijklmnopqrst" for label in ("x", "y"))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}")
    items = read_dataset(tmp_path / "a.csv").dataset
    left, held_out = hold_out(items, 4)
    assert len(left) + len(held_out) == 40 and len(held_out) % 2 == 0
    assert not set(left["text"]) & set(held_out["text"])
    # a text's part is its own: it does not change with what else there is
    again = hold_out(items.select(range(20)), 4)[1]["text"]
    assert set(again) == set(held_out["text"]) & set(items["text"][:20])
    with pytest.raises(ValueError, match="2 items are too few to hold out one in 4"):
        hold_out(items.select([0, 1]), 4)
