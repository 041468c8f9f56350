"""Metrics in a plain Hugging Face ``Trainer``."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from ambiguity_lib import metrics
from ambiguity_lib.evaluation import score_table
from ambiguity_lib.models import soft_cross_entropy
from ambiguity_lib.practice.integrations import human_metrics
from tests.tiny import tiny_dataset, tiny_model, tiny_tokenizer

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


def plain_trainer(folder, *, labels=None, evaluation=None, **options):
    """A ``Trainer`` as anybody would write it, of six steps unless said."""
    tokenizer = tiny_tokenizer()
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
        model=tiny_model(),
        args=TrainingArguments(output_dir=str(folder), **(settings | options)),
        train_dataset=tokenised(tiny_dataset(24), tokenizer, labels),
        eval_dataset=evaluation,
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        **more,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


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
