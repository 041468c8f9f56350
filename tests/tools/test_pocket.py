"""The pocket encoder: what it read, none of it an item of the book, and its record."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tools.pocket import (
    EXCLAMATIONS,
    HEADLINES,
    MARKERS,
    Masking,
    draw_corpus,
    draw_pairs,
    main,
)

from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.data.world.synthetic import KINDS
from ambiguity_lib.models import load_classifier, load_tokenizer
from ambiguity_lib.models.scratch import resolve_source
from ambiguity_lib.store import file_sha256
from ambiguity_lib.study import load_profile
from ambiguity_lib.study.paths import project_root

PROFILE = load_profile("synthetic")
FOLDER = project_root() / "ambiguity_lib" / "models" / "pocket"


@pytest.fixture(scope="module")
def items():
    """First texts of all items of the default book, and all its texts."""
    first, every = set(), set()
    for data in (PROFILE.data, PROFILE.for_second_task().data):
        splits = load_splits(data)
        for part in (splits.train, splits.validation, splits.evaluation):
            first.update(part["text"][:])
            for column in {"text", "text_pair"} & set(part.column_names):
                every.update(part[column][:])
    return first, every


def test_the_corpus_has_no_premise_or_headline_of_the_book(items):
    corpus = draw_corpus(6000, seed=0)
    assert not items[0] & {pair.first for pair in corpus}
    assert corpus == draw_corpus(6000, seed=0) != draw_corpus(6000, seed=1)
    assert corpus != draw_corpus(6000, seed=0, stage=2)
    exclaimed = {text for pair in EXCLAMATIONS.values() for text in pair}
    share = np.mean([pair.second in exclaimed for pair in corpus])
    assert share == pytest.approx(HEADLINES, abs=0.02)


def test_markers_are_no_words_of_the_world(items):
    words = {word for text in items[1] for word in text.split()}
    assert not words & {marker for group in MARKERS for marker in group}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME)
def test_a_marker_says_what_one_reader_would(kind):
    """The reader's answer does not depend on how much annotators differ, and is never a draw."""
    rng = np.random.default_rng(0)
    pairs = draw_pairs(kind, 300, rng, set())
    assert pairs == draw_pairs(kind, 300, np.random.default_rng(0), set())
    seen = {}
    for first, second, alone, marker in pairs:
        assert second == f"{marker} {alone}"
        group = next(index for index, words in enumerate(MARKERS) if marker in words)
        assert seen.setdefault((first, alone), group) == group
    assert len(set(seen.values())) == 3


def test_the_joining_word_is_hidden_from_the_texts_that_are_to_tell_it(tmp_path):
    tokenizer = load_tokenizer(str(FOLDER))
    corpus = draw_corpus(60, 0)
    rows = [
        dict(tokenizer(pair.first, pair.alone)) | {"joint": tokenizer.vocab[pair.joint]}
        for pair in corpus
    ]
    joints = [row["joint"] for row in rows]
    batch = Masking(tokenizer)(rows)
    assert batch["labels"][:, 0].tolist() == joints
    markers = [tokenizer.vocab[word] for group in MARKERS for word in group]
    assert not np.isin(batch["input_ids"], markers).any()
    masked = batch["input_ids"] == tokenizer.mask_token_id
    assert ((batch["labels"] != -100)[:, 1:] == masked[:, 1:]).all()


@pytest.mark.slow
def test_all_stages_write_an_encoder_that_loads_as_any_other(tmp_path):
    main(tmp_path / "pocket", (600, 300, 300), batch_size=64)
    record = json.loads((tmp_path / "pocket" / "pocket.json").read_text(encoding="utf-8"))
    assert [stage["pairs"] > 250 for stage in record["stages"]] == [True] * 3
    assert np.isfinite([stage["held_out_loss"] for stage in record["stages"]]).all()
    model = load_classifier(str(tmp_path / "pocket"), ("a", "b"))
    assert (model.config.num_hidden_layers, model.config.hidden_dropout_prob) == (8, 0.1)


def test_the_committed_encoder_is_the_one_that_was_recorded():
    record = json.loads((FOLDER / "pocket.json").read_text(encoding="utf-8"))
    found = file_sha256(FOLDER / "model.safetensors")
    assert record["sha256"] == found == PROFILE.model.sha256
    assert resolve_source(PROFILE.model) == str(FOLDER)
    assert load_classifier(str(FOLDER), ("a", "b")).config.num_hidden_layers == 8


def test_the_encoder_knows_every_word_of_the_book(items):
    tokenizer = load_tokenizer(str(FOLDER))
    words = {word for text in items[1] for word in text.lower().split()}
    assert words <= set(tokenizer.get_vocab())
