"""Metrics and layer probes in a plain Hugging Face ``Trainer``."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from ambiguity_lib import metrics
from ambiguity_lib.evaluation import score_table
from ambiguity_lib.method import fit_probes
from ambiguity_lib.models import extract_features, load_classifier, soft_cross_entropy
from ambiguity_lib.practice import integrations as module
from ambiguity_lib.practice.integrations import LayerProbeCallback, human_metrics
from tests.tiny import CLASSES, FAMILIES, LAYERS, tiny_dataset, tiny_model, tiny_tokenizer

NAMES = {"jsd": "JSD", "kl": "KL", "tvd": "TVD", "entce": "EntCE", "rankcs": "RankCS"}


@pytest.fixture(scope="module")
def evaluated():
    rng = np.random.default_rng(0)
    human = rng.multinomial(100, rng.dirichlet(np.ones(3), 50)) / 100
    return rng.normal(size=(50, 3)) * 2, human, rng.integers(3, size=50), rng.integers(3, size=50)


def tokenised(dataset, tokenizer, labels=None):
    encoded = tokenizer(dataset["text"][:], dataset["text_pair"][:])
    labels = dataset["label"][:] if labels is None else [list(map(float, row)) for row in labels]
    columns = {**encoded, "labels": labels}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain_trainer(folder, family="bert", *, labels=None, evaluation=None, model=None, **options):
    """A ``Trainer`` as anybody would write it, of six steps unless said."""
    tokenizer = tiny_tokenizer()
    if family not in ("bert", "electra", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    settings = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "seed": 3,
    }
    more = {
        key: options.pop(key) for key in ("compute_metrics", "compute_loss_func") if key in options
    }
    trainer = Trainer(
        model=tiny_model(family) if model is None else model,
        args=TrainingArguments(output_dir=str(folder), **(settings | options)),
        train_dataset=tokenised(tiny_dataset(24), tokenizer, labels),
        eval_dataset=evaluation,
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        **more,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


# -- metrics ------------------------------------------------------------------------------------


def test_distributions_as_labels_give_the_scores_of_the_tables(evaluated):
    logits, human, old, new = evaluated
    scores = human_metrics(old_labels=old, new_labels=new)(EvalPrediction(logits, human))
    probs = softmax(logits, axis=1)
    table = score_table({"model": probs}, human, old_labels=old, new_labels=new)
    expected = table.loc["model"].drop("ECE").rename({NAMES[name]: name for name in NAMES})
    expected["entropy_human"] = table.loc["humans", "entropy"]
    assert scores == pytest.approx(expected.to_dict(), abs=1e-12)
    assert all(type(value) is float for value in scores.values())


def test_integer_labels_with_distributions_given(evaluated):
    logits, human, old, _ = evaluated
    scores = human_metrics(human)(EvalPrediction(logits, old))
    assert scores.pop("accuracy") == (logits.argmax(1) == old).mean()
    assert scores == human_metrics()(EvalPrediction(logits, human))
    assert "accuracy_old" not in scores


def test_half_precision_logits_with_hidden_states_are_taken(evaluated):
    logits, human, *_ = evaluated
    half = logits.astype(np.float16)
    scores = human_metrics()(EvalPrediction((half, np.zeros((50, 4, 16))), human))
    expected = metrics.kl_divergence(human, softmax(half.astype(float), axis=1)).mean()
    assert scores["kl"] == pytest.approx(expected, abs=1e-12)


def test_distributions_are_given_once_and_fit(evaluated):
    logits, human, old, _ = evaluated
    with pytest.raises(ValueError, match="give human distributions once"):
        human_metrics()(EvalPrediction(logits, old))
    with pytest.raises(ValueError, match="give human distributions once"):
        human_metrics(human)(EvalPrediction(logits, human))
    with pytest.raises(ValueError, match="same items"):
        human_metrics(human[:-1])(EvalPrediction(logits, old))
    with pytest.raises(ValueError, match="row 0 sums to"):
        human_metrics()(EvalPrediction(logits, human * 100))


@pytest.mark.parametrize("soft", [True, False])
def test_a_trainer_reports_the_metrics(tmp_path, soft):
    human = np.random.default_rng(0).dirichlet(np.ones(3), 24)
    items = tokenised(tiny_dataset(24), tiny_tokenizer(), human if soft else None)
    trainer = plain_trainer(
        tmp_path,
        labels=human if soft else None,
        evaluation=items,
        eval_strategy="epoch",
        compute_metrics=human_metrics() if soft else human_metrics(human),
        **({"compute_loss_func": soft_cross_entropy} if soft else {}),
    )
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "eval_jsd" in entry]
    assert [entry["epoch"] for entry in logged] == [1, 2]
    assert trainer.model.config.problem_type != "multi_label_classification"
    logits = trainer.predict(items).predictions
    expected = metrics.jensen_shannon_distance(human, softmax(logits.astype(float), axis=1)).mean()
    assert logged[-1]["eval_jsd"] == pytest.approx(expected, abs=1e-6)
    assert ("eval_accuracy" in logged[-1]) is not soft


# -- probes -------------------------------------------------------------------------------------


def probed(trainer, **options):
    callback = LayerProbeCallback(
        trainer, tiny_dataset(30, seed=1), tiny_dataset(20, seed=2), max_length=32, **options
    )
    trainer.add_callback(callback)
    return callback


def without_times(history):
    times = ("runtime", "per_second")
    return [{k: v for k, v in row.items() if not k.endswith(times)} for row in history]


@pytest.mark.parametrize("family", FAMILIES)
def test_training_is_the_same_with_and_without(tmp_path, family):
    trainers, states = [], []
    for with_probes in (False, True):
        trainer = plain_trainer(tmp_path, family)  # seeds everything
        callback = probed(trainer, every=2) if with_probes else None
        trainer.train()
        trainers.append(trainer)
        states.append((torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()))
    plain, watched = trainers
    for name, weight in plain.model.state_dict().items():
        assert torch.equal(weight, watched.model.state_dict()[name]), name
    assert torch.equal(states[0][0], states[1][0])
    assert states[0][1:] == states[1][1:]
    assert watched.model.training == plain.model.training
    # the losses are logged as ever, with the probes' accuracies in between
    others = [row for row in watched.state.log_history if "probe_accuracy/layer_0" not in row]
    assert without_times(others) == without_times(plain.state.log_history)
    assert len(callback.history) == 3 * (LAYERS + 1)


def test_history_and_log_are_those_of_probes_on_the_trained_model(tmp_path):
    trainer = plain_trainer(tmp_path)
    callback = probed(trainer, l2=1e-2)
    assert callback.history.empty
    trainer.train()
    history = callback.history
    assert list(history.columns) == ["step", "epoch", "layer", "accuracy", "entropy"]
    assert history.step.tolist() == [3] * (LAYERS + 1) + [6] * (LAYERS + 1)
    assert history.epoch.tolist() == [1.0] * (LAYERS + 1) + [2.0] * (LAYERS + 1)
    assert history.layer.tolist() == [*range(LAYERS + 1)] * 2

    train, validation = tiny_dataset(30, seed=1), tiny_dataset(20, seed=2)
    features = [
        extract_features(trainer.model, tiny_tokenizer(), part, max_length=32, progress=False)
        for part in (train, validation)
    ]
    probs = fit_probes(features[0], train["label"][:], 3, l2=1e-2).predict(features[1])
    last = history[history.step == 6]
    accuracy = (probs.argmax(-1) == validation["label"][:]).mean(-1)
    np.testing.assert_allclose(last.accuracy, accuracy)
    np.testing.assert_allclose(last.entropy, [metrics.entropy(layer).mean() for layer in probs])

    logged = [row for row in trainer.state.log_history if "probe_accuracy/layer_0" in row]
    assert [row["step"] for row in logged] == [3, 6]
    assert [logged[1][f"probe_accuracy/layer_{layer}"] for layer in last.layer] == list(
        last.accuracy
    )
    json.dumps(trainer.state.log_history)


def test_reporters_get_the_accuracies(tmp_path):
    """TensorBoard's and Weights & Biases' callbacks read what ``on_log`` is given."""
    received = []

    class Reporter(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            received.append((state.global_step, dict(logs)))

    trainer = plain_trainer(tmp_path, logging_strategy="no")
    trainer.add_callback(Reporter())
    probed(trainer, every=4)
    trainer.train()
    names = {f"probe_accuracy/layer_{layer}" for layer in range(LAYERS + 1)} | {"epoch"}
    assert [step for step, logs in received if set(logs) == names] == [4]


def test_after_every_evaluation_once_a_step(tmp_path):
    items = tokenised(tiny_dataset(8, seed=5), tiny_tokenizer())
    trainer = plain_trainer(
        tmp_path, evaluation={"a": items, "b": items}, eval_strategy="steps", eval_steps=2
    )
    callback = probed(trainer, every="evaluation")
    trainer.train()
    assert callback.history.step.unique().tolist() == [2, 4, 6]
    trainer.train()  # a new training counts from 0 again
    assert callback.history.step.tolist()[:: LAYERS + 1] == [2, 4, 6] * 2


def test_modes_and_random_numbers_are_restored_also_after_an_error():
    model = tiny_model().train()
    model.bert.embeddings.eval()  # frozen
    modes = [part.training for part in model.modules()]
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with pytest.raises(RuntimeError), module._undisturbed(model) as same:
        assert same is model
        model.eval()
        torch.rand(7)
        raise RuntimeError
    assert [part.training for part in model.modules()] == modes
    assert {True, False} == set(modes)
    assert torch.equal(torch.rand(3), expected)


def test_a_model_elsewhere_is_measured_by_a_copy(tmp_path, monkeypatch):
    trainer = plain_trainer(tmp_path)
    monkeypatch.setattr(module, "default_device", lambda: torch.device("meta"))
    forward, seen = type(trainer.model.bert).forward, []

    def watched(self, *args, **kwargs):
        seen.append(self)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(trainer.model.bert), "forward", watched)
    with module._undisturbed(trainer.model) as model:
        assert model is not trainer.model
    callback = probed(trainer)
    trainer.train()
    assert {id(encoder) for encoder in seen} > {id(trainer.model.bert)}
    assert len(callback.history) == 2 * (LAYERS + 1)


def test_only_the_first_process_measures(tmp_path):
    callback = probed(plain_trainer(tmp_path))
    state = SimpleNamespace(is_world_process_zero=False, global_step=3, epoch=1.0)
    callback.on_epoch_end(None, state, None)
    assert callback.history.empty


def test_accuracies_rise_on_what_is_learned(tmp_path):
    """A label that the first word tells, learned by heart: the top layer comes to know it."""
    trainer = plain_trainer(tmp_path, num_train_epochs=15, learning_rate=3e-3)
    callback = LayerProbeCallback(
        trainer, tiny_dataset(24), tiny_dataset(24), max_length=32, every=15, l2=1.0
    )
    trainer.add_callback(callback)
    trainer.train()
    top = callback.history.query(f"layer == {LAYERS}")
    assert isinstance(top, pd.DataFrame) and top.accuracy.iloc[-1] > top.accuracy.iloc[0]


def test_what_cannot_work_fails_before_training(tmp_path):
    trainer = plain_trainer(tmp_path)
    good = tiny_dataset(12)
    for every in ("step", 0, -1, True, 2.5):
        with pytest.raises(ValueError, match="every must be"):
            LayerProbeCallback(trainer, good, good, every=every)
    with pytest.raises(ValueError, match="train needs items with 'text' and 'label'"):
        LayerProbeCallback(trainer, good.remove_columns("label"), good)
    with pytest.raises(ValueError, match="validation needs items"):
        LayerProbeCallback(trainer, good, good.select([]))
    unlabelled = good.remove_columns("label").add_column("label", [-1] * 12)
    with pytest.raises(ValueError, match=r"validation: labels must be in 0 … 2"):
        LayerProbeCallback(trainer, good, unlabelled)
    one_class = good.filter(lambda item: item["label"] == 0)
    with pytest.raises(ValueError, match="only one class"):
        LayerProbeCallback(trainer, one_class, good)
    trainer.processing_class = None
    with pytest.raises(ValueError, match="give the tokenizer"):
        LayerProbeCallback(trainer, good, good)
    LayerProbeCallback(trainer, good, good, tokenizer=tiny_tokenizer())
    trainer.is_fsdp_enabled = True
    with pytest.raises(ValueError, match="FSDP"):
        LayerProbeCallback(trainer, good, good, tokenizer=tiny_tokenizer())


def test_a_model_from_our_library_is_a_plain_one(tmp_path):
    tiny_model().save_pretrained(tmp_path / "model")
    model = load_classifier(tmp_path / "model", CLASSES, depth=2)
    trainer = plain_trainer(tmp_path, model=model, num_train_epochs=1)
    callback = probed(trainer)
    trainer.train()
    assert callback.history.layer.tolist() == [0, 1, 2]
