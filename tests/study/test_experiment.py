"""The whole way of the data on a tiny world: reused, blind to human distributions, complete."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, pipeline

from ambiguity_lib.data import Splits
from ambiguity_lib.method import distil
from ambiguity_lib.models import load_tokenizer, predict_logits
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import Experiment, load_profile

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")


def experiment(store, seed=0, profile=SMOKE, splits=None):
    return Experiment(profile, seed, splits=splits, store=ArtifactStore(store), progress=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def exp(store):
    return experiment(store)


def finished(store):
    return {path for path in Path(store).glob("*/*") if path.is_dir()}


def poisoned(dataset: Dataset) -> Dataset:
    """The same items with every human column wrecked: any use of one would show."""
    table = dataset.to_dict()
    for column, value in (("label_dist", float("nan")), ("label_counts", -1)):
        if column in table:
            table[column] = [[value] * len(row) for row in table[column]]
    if "majority_label" in table:
        table["majority_label"] = [-1] * len(dataset)
    return Dataset.from_dict(table, features=dataset.features)


def test_models_features_and_probes_have_the_stated_shapes(exp):
    evaluation = len(exp.splits.evaluation)
    assert exp.num_layers == 3
    assert exp.teacher.depth == 3
    assert exp.teacher.logits().shape == (evaluation, 3)
    np.testing.assert_allclose(exp.teacher.probs().sum(axis=1), 1)
    assert exp.features("validation").shape == (4, len(exp.splits.validation), 32)
    assert exp.probe_probs("evaluation").shape == (4, evaluation, 3)
    assert exp.human.shape == exp.counts.shape == (evaluation, 3)
    assert exp.probe_accuracy("validation").shape == (4,)
    assert 1 <= exp.source < exp.depth <= 3
    assert exp.pruned(1).parameters < exp.pruned(2).parameters < exp.teacher.parameters
    assert exp.pruned(1).bytes < exp.teacher.bytes


def test_what_was_computed_is_found_and_nothing_is_computed_twice(exp, store, monkeypatch):
    probabilities = exp.distilled().probs()
    before = finished(store)

    def fail(*args, **kwargs):
        raise AssertionError("computed again")

    for name in ("fine_tune", "predict_logits"):
        monkeypatch.setattr(f"ambiguity_lib.method.recipe.{name}", fail)
    for name in ("extract_features", "select_probes"):
        monkeypatch.setattr(f"ambiguity_lib.method.recipe.{name}", fail)
    again = experiment(store)
    np.testing.assert_array_equal(again.distilled().probs(), probabilities)
    assert finished(store) == before


def test_the_same_run_elsewhere_gives_the_same_numbers(exp, tmp_path):
    elsewhere = experiment(tmp_path)
    np.testing.assert_array_equal(elsewhere.distilled().logits(), exp.distilled().logits())


def test_a_fold_of_own_splits_is_refused(exp, store):
    own = experiment(store, splits=exp.splits)
    assert own.with_fold(0) is own
    with pytest.raises(ValueError, match="its own splits, which have no fold 1"):
        own.with_fold(1)
    with pytest.raises(ValueError, match="fold must be from 0 to 0"):
        exp.with_fold(1)


def test_another_seed_is_another_model(exp):
    other = exp.with_seed(1)
    assert other.teacher.key != exp.teacher.key
    assert not np.array_equal(other.teacher.logits(), exp.teacher.logits())


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("training", {"learning_rate": 2e-3}),
        ("training", {"epochs": 1}),
        ("training", {"batch_size": 16}),
        ("training", {"max_length": 24}),
        ("data", {"seed": 1}),
        ("probing", {"pooling": "cls"}),
        ("probing", {"l2": 1e-2}),
        ("distillation", {"weight": 0.25}),
    ],
)
def test_what_determines_a_student_is_in_its_key(exp, store, part, change):
    changed = dataclasses.replace(getattr(SMOKE, part), **change)
    other = experiment(store, profile=dataclasses.replace(SMOKE, **{part: changed}))
    assert other.distilled().key != exp.distilled().key


def test_depth_source_and_epsilon_are_in_the_key(exp):
    keys = [
        exp.distilled(depth=3, source=1).key,
        exp.distilled(depth=3, source=2).key,
        exp.distilled(depth=2, source=1).key,
        exp.label_smoothed(0.1).key,
        exp.label_smoothed(0.2).key,
        exp.teacher.key,
    ]
    assert len(set(keys)) == len(keys)
    assert exp.pruned(exp.num_layers).key == exp.teacher.key


def test_training_and_selection_never_read_human_distributions(exp, tmp_path):
    splits = exp.splits
    blind = experiment(
        tmp_path,
        splits=Splits(
            train=poisoned(splits.train),
            validation=poisoned(splits.validation),
            evaluation=poisoned(splits.evaluation),
            name=splits.name,
            description=splits.description,
        ),
    )
    assert np.isnan(blind.splits.train["label_dist"][:]).all()
    assert blind.layers == exp.layers
    np.testing.assert_array_equal(
        blind.probe_accuracy("validation"), exp.probe_accuracy("validation")
    )
    for mine, theirs in (
        (blind.teacher, exp.teacher),
        (blind.pruned(), exp.pruned()),
        (blind.distilled(), exp.distilled()),
        (blind.label_smoothed(0.1), exp.label_smoothed(0.1)),
    ):
        assert mine.key == theirs.key
        np.testing.assert_array_equal(mine.logits(), theirs.logits())


def test_a_source_that_is_no_layer_is_refused(exp):
    with pytest.raises(ValueError, match="a layer from 0 to 3"):
        exp.distilled(source=4)


def test_a_student_loads_anywhere(exp):
    student = exp.distilled()
    classify = pipeline("text-classification", model=str(student.path), top_k=None)
    item = exp.splits.evaluation[0]
    scores = {
        row["label"]: row["score"]
        for row in classify({"text": item["text"], "text_pair": item["text_pair"]})
    }
    assert [scores[name] for name in exp.class_names] == pytest.approx(
        student.probs()[0].tolist(), abs=1e-5
    )


def test_the_recipe_on_ones_own_data_gives_the_experiments_student(exp):
    """`distil` and `Experiment` are made of the same steps."""
    recipe = distil(
        exp.teacher.load(),
        load_tokenizer(exp.teacher.path),
        poisoned(exp.splits.train),
        poisoned(exp.splits.validation),
        training=SMOKE.training,
        selection=SMOKE.selection,
        probing=SMOKE.probing,
        weight=SMOKE.distillation.weight,
        progress=False,
    )
    assert recipe.layers == exp.layers
    np.testing.assert_array_equal(recipe.validation_accuracy, exp.probe_accuracy("validation"))
    logits = predict_logits(
        recipe.student,
        load_tokenizer(exp.teacher.path),
        exp.splits.evaluation,
        max_length=SMOKE.training.max_length,
        progress=False,
    )
    np.testing.assert_allclose(logits, exp.distilled().logits(), atol=1e-5)
    assert isinstance(
        recipe.student,
        type(AutoModelForSequenceClassification.from_pretrained(exp.distilled().path)),
    )


def test_unknown_profile_names_the_known_ones():
    with pytest.raises(FileNotFoundError, match="synthetic"):
        Experiment.from_profile("no-such-profile")
