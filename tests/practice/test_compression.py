"""The whole path on tiny models: what it needs, what it gives, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset
from transformers import pipeline

from ambiguity_lib.data import build_dataset, make_features
from ambiguity_lib.evaluation import EvaluationConfig
from ambiguity_lib.method import LayerProbes
from ambiguity_lib.models import (
    SUPPORTED_FAMILIES,
    TrainingConfig,
    load_classifier,
    predict_logits,
    training,
)
from ambiguity_lib.practice import compress as compression
from ambiguity_lib.practice.compress import (
    CompressionSettings,
    compress,
    enough_epochs,
    fitting_classes,
)
from ambiguity_lib.practice.run import Run, load_run
from tests.tiny import CLASSES, tiny_dataset, tiny_model, tiny_tokenizer

SETTINGS = CompressionSettings(
    training=TrainingConfig(
        epochs=2,
        batch_size=16,
        learning_rate=5e-3,
        weight_decay=0.0,
        warmup_ratio=0.1,
        max_length=32,
        precision="fp32",
    ),
    fixed_epochs=True,
    student_epochs=1,
    evaluation=EvaluationConfig(bootstrap_samples=20),
)


def save_model(folder, *, head=True, layers=4, names=CLASSES, family="bert"):
    """A tiny model as a Hugging Face folder, with or without its head."""
    model = tiny_model(family, layers)
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: index for index, name in enumerate(names)}
    (model if head else model.base_model).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def human_data(items=20, seed=7) -> Dataset:
    generator = np.random.default_rng(seed)
    plain = tiny_dataset(items, seed=seed)
    counts = generator.multinomial(10, [0.5, 0.3, 0.2], size=items)
    columns = {name: plain[name][:] for name in plain.column_names} | {
        "label_dist": counts / 10,
        "label_counts": counts,
        "majority_label": counts.argmax(axis=1),
    }
    return build_dataset(columns, make_features(CLASSES, pair=True, human=True))


def run(model, **options):
    options = {"settings": SETTINGS, "progress": False} | options
    return compress(model, tiny_dataset(64), tiny_dataset(32, seed=1), **options)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("encoder"), head=False)


@pytest.fixture(scope="module")
def result(encoder):
    return run(encoder, human=human_data())


def test_the_student_is_smaller_and_loads_as_any_model(result, tmp_path):
    assert 2 <= result.layers.depth <= 4 and 0 <= result.layers.source < result.layers.depth
    assert result.student.config.num_hidden_layers == result.layers.depth
    assert result.student.config.id2label == dict(enumerate(CLASSES))
    assert result.probes.predict(np.zeros((5, 2, 16))).shape == (5, 2, 3)


def test_the_table_has_before_a_temperature_and_after(result):
    assert list(result.table.columns) == ["before", "temperature", "after"]
    measured = set(result.table.index)
    assert {("validation", "accuracy"), ("validation", "ECE"), ("human", "JSD")} <= measured
    assert {("cost", "parameters"), ("cost", "bytes")} <= measured
    parameters = result.table.loc[("cost", "parameters")]
    assert parameters["after"] == result.student.num_parameters()


def test_the_run_says_what_was_done(result, encoder):
    run = json.loads(json.dumps(result.run.to_json(), allow_nan=False))
    made_of = {"source": encoder.name, "family": "bert", "layers": 4, "fine_tuned_here": True}
    assert made_of.items() <= run["model"].items()
    assert run["classes"] == list(CLASSES)
    assert run["data"]["train"]["items"] == 64 and run["data"]["human"]["items"] == 20
    votes = np.sort(human_data()["label_counts"][:], axis=1)
    assert run["data"]["human"]["tied"] == (votes[:, -1] == votes[:, -2]).sum()
    assert sum(run["data"]["train"]["labels"].values()) == 64
    assert len(run["layers"]["probe_accuracy"]) == 5
    assert run["verdicts"][0].startswith("Size: ")


def test_no_human_distribution_reaches_the_student(encoder, result):
    other = run(encoder, human=human_data(seed=8))
    without = run(encoder)
    for one in (other, without):
        assert one.layers == result.layers
        weights = result.student.state_dict()
        assert all(torch.equal(w, weights[n]) for n, w in one.student.state_dict().items())
    assert "human" not in {data for data, _ in without.table.index}


def test_a_model_with_a_fitting_head_is_the_teacher_as_it_is(tmp_path):
    # in another order of classes than the data's
    names = ("neutral", "contradiction", "entailment")
    folder = save_model(tmp_path / "model", names=names)
    before = run(folder)
    assert before.run.model.fine_tuned_here is False
    assert before.run.classes == names
    dataset = tiny_dataset(32, seed=1)
    logits = predict_logits(
        load_classifier(folder, names), tiny_tokenizer(), dataset, max_length=32, progress=False
    )
    right = [
        names[row.argmax()] == CLASSES[y]
        for row, y in zip(logits, dataset["label"][:], strict=True)
    ]
    rows = {(r.data, r.measure, r.model): r.value for r in before.run.measures}
    assert rows["validation", "accuracy", "before"] == pytest.approx(np.mean(right))
    trained = run(folder, settings=replace(SETTINGS, fine_tune="always"))
    assert trained.run.model.fine_tuned_here is True


def test_a_head_of_other_classes_is_replaced_and_that_is_said(tmp_path, caplog):
    folder = save_model(tmp_path / "model", names=("no", "yes"))
    done = run(folder)
    assert "has a head for other classes (no, yes): it is dropped" in caplog.text
    assert done.run.model.fine_tuned_here is True
    assert done.student.config.num_labels == 3


@pytest.mark.parametrize(
    ("own", "data", "expected"),
    [
        (("b", "a"), ("a", "b"), ("b", "a")),
        (("LABEL_0", "LABEL_1"), ("0", "1"), ("0", "1")),
        (("no", "yes"), ("0", "1"), ("no", "yes")),
        (("no", "yes", "maybe"), ("no", "yes"), None),
    ],
)
def test_when_a_head_fits(own, data, expected):
    assert fitting_classes(tiny_config(own), data) == expected


def test_as_many_classes_with_other_names_are_refused():
    with pytest.raises(ValueError, match="model's classes are no, yes, those of the data a, b"):
        fitting_classes(tiny_config(("no", "yes")), ("a", "b"))


def tiny_config(names):
    config = tiny_model(layers=1).config
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    config.architectures = ["BertForSequenceClassification"]
    return config


def test_depth_and_source_may_be_given(encoder):
    done = run(encoder, settings=replace(SETTINGS, depth=3, source=0))
    assert (done.layers.depth, done.layers.source) == (3, 0)
    assert run(encoder, settings=replace(SETTINGS, depth=4)).layers.source < 4
    for wrong, message in (
        ({"depth": 1}, "depth must be between 2 and 4"),
        ({"depth": 9}, "depth must be between 2 and 4"),
        ({"source": 4}, "source must be a layer from 0 to 3; got 4"),
        ({"depth": 3, "source": 3}, "source must be a layer from 0 to 2; got 3"),
    ):
        with pytest.raises(ValueError, match=message):
            run(encoder, settings=replace(SETTINGS, **wrong))


def test_targets_may_be_cross_fitted(encoder, result, tmp_path):
    done = run(encoder, settings=replace(SETTINGS, folds=2))
    assert done.run.settings.folds == 2 and done.layers == result.layers
    assert not all(
        torch.equal(weight, done.student.state_dict()[name])
        for name, weight in result.student.state_dict().items()
    )
    done.save(tmp_path / "student")
    assert "cross-fitted in 2 folds" in (tmp_path / "student" / "README.md").read_text()
    result.save(tmp_path / "plain")
    assert "cross-fitted" not in (tmp_path / "plain" / "README.md").read_text()
    with pytest.raises(ValueError, match=r"folds must be 0 .* or at least 2; got 1"):
        run(encoder, settings=replace(SETTINGS, folds=1))
    finished = save_model(tmp_path / "finished")
    with pytest.raises(ValueError, match="is a classifier already"):
        run(finished, settings=replace(SETTINGS, folds=2))


@pytest.mark.parametrize("family", sorted(SUPPORTED_FAMILIES))
def test_every_family_can_be_compressed(family, tmp_path):
    folder = save_model(tmp_path / family, head=False, family=family)
    settings = replace(SETTINGS, training=replace(SETTINGS.training, epochs=1), depth=2)
    done = run(folder, settings=settings)
    assert done.layers.depth == 2
    assert done.run.model.family == family


def test_a_deep_model_can_be_compressed(tmp_path):
    folder = save_model(tmp_path / "deep", head=False, layers=48)
    settings = replace(SETTINGS, training=replace(SETTINGS.training, epochs=1))
    assert 2 <= run(folder, settings=settings).layers.depth <= 48


def test_a_model_of_one_layer_cannot(tmp_path):
    with pytest.raises(ValueError, match="has a single layer"):
        run(save_model(tmp_path / "flat", layers=1))


def test_texts_beyond_the_models_limit_are_cut_and_counted(encoder):
    long = tiny_dataset(32, seed=1).map(lambda row: {"text": " ".join(["a"] * 100)})
    settings = replace(SETTINGS, training=replace(SETTINGS.training, epochs=1, max_length=512))
    done = compress(encoder, tiny_dataset(64), long, settings=settings, progress=False)
    assert done.run.data["validation"].truncated == 32
    assert done.run.data["train"].truncated == 0
    assert done.run.settings.training.max_length == 32  # the tokenizer's


def test_data_that_cannot_be_learnt_from_is_refused(encoder):
    train, validation = tiny_dataset(64), tiny_dataset(32, seed=1)
    one_class = train.filter(lambda row: row["label"] == 0)
    unlabelled = validation.map(lambda row, index: {"label": -1 if index == 3 else row["label"]},
                                with_indices=True)  # fmt: skip
    others = validation.cast_column("label", ClassLabel(names=["x", "y", "z"]))
    for parts, message in (
        ((one_class, validation), "items of one class only"),
        ((train.select([]), validation), "the train data is empty"),
        ((train, unlabelled), "the validation data, row 3, has no label"),
        ((train, others), "validation data has the classes x, y, z, the train data entailment"),
        ((train.remove_columns("text"), validation), "train data: column 'text' is missing"),
    ):
        with pytest.raises(ValueError, match=message):
            compress(encoder, *parts, settings=SETTINGS, progress=False)
    with pytest.raises(ValueError, match="human data has no distributions"):
        run(encoder, human=validation)


def test_finished_steps_are_taken_from_the_work_folder(encoder, tmp_path, monkeypatch):
    first = run(encoder, work=tmp_path)
    monkeypatch.setattr(training, "_train", lambda *a, **o: pytest.fail("it trains again"))
    again = run(encoder, work=tmp_path)
    weights = first.student.state_dict()
    assert all(torch.equal(w, weights[n]) for n, w in again.student.state_dict().items())


def test_a_result_is_saved_whole_or_not_at_all(result, tmp_path, monkeypatch):
    folder = tmp_path / "student"
    assert result.save(folder) == folder
    assert [path.name for path in tmp_path.iterdir()] == ["student"]
    found = {path.name for path in folder.iterdir()}
    assert {"model.safetensors", "config.json", "README.md", "compression.json"} <= found
    assert load_run(folder) == replace(result.run, name=load_run(folder).name)
    with pytest.raises(FileExistsError, match="is there already and not empty"):
        result.save(folder)
    before = (folder / "model.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(
            type(result.tokenizer),
            "save_pretrained",
            lambda *a: (_ for _ in ()).throw(OSError(28, "full")),
        )
        with pytest.raises(OSError, match="full"):
            result.save(folder, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["student"]
    assert (folder / "model.safetensors").read_bytes() == before
    result.save(folder, overwrite=True)
    said = pipeline("text-classification", str(folder), top_k=None)(
        {"text": "a b", "text_pair": "c"}
    )
    assert {one["label"] for one in said} == set(CLASSES)
    loaded = LayerProbes.load(folder / "probes.npz")
    features = np.random.default_rng(0).normal(size=(5, 3, 16))
    np.testing.assert_allclose(loaded.predict(features), result.probes.predict(features))


def test_what_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no compression\.json"):
        load_run(tmp_path)
    (tmp_path / "compression.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        load_run(tmp_path)
    (tmp_path / "compression.json").write_text("[]")
    with pytest.raises(ValueError, match="is not the record of a compression"):
        load_run(tmp_path)


def test_a_record_of_version_0_1_0_is_read(result):
    """It has no ``format``; other ones are refused, and so is what is not known."""
    record = result.run.to_json()
    assert record.pop("format") == 1
    assert Run.from_json(record) == result.run
    for wrong in ({"format": 2}, {"more": 1}):
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}'.*another version"):
            Run.from_json(record | wrong)


@pytest.mark.parametrize(
    ("items", "batch_size", "epochs", "steps", "expected"),
    [(700, 32, 3, 200, 10), (10_000, 32, 3, 200, 3), (1, 32, 1, 7, 7), (64, 1, 1, 64, 1)],
)
def test_few_items_are_seen_more_often(items, batch_size, epochs, steps, expected):
    assert enough_epochs(items, batch_size, epochs=epochs, steps=steps) == expected


def test_epochs_that_were_asked_for_are_not_changed(tmp_path, monkeypatch):
    save_model(tmp_path, head=False)
    data, held_out = tiny_dataset(64), tiny_dataset(32, seed=1)

    def epochs(**change):
        run = compress(tmp_path, data, held_out, settings=replace(SETTINGS, **change)).run
        return run.settings.training.epochs, run.settings.student_epochs

    assert epochs() == (2, 1)
    monkeypatch.setattr(compression, "LEAST_STEPS", 12)
    monkeypatch.setattr(compression, "LEAST_STUDENT_STEPS", 8)
    assert epochs() == (2, 1)
    assert epochs(fixed_epochs=False, student_epochs=None) == (3, 2)
