"""Fine-tuning with our settings, against the Trainer's defaults on the same work and seed."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from typing import Any
from unittest import mock

from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from ambiguity_lib.method import one_hot_targets
from ambiguity_lib.models import encode, resolve_precision, time_alternately, training
from benchmarks.harness import Report, assert_agree, compare_times
from benchmarks.work import (
    BATCH_SIZE,
    CLASSES,
    MAX_LENGTH,
    minilm_training,
    random_classifier,
    random_items,
    word_tokenizer,
)


def run(quick: bool) -> Report:
    """One epoch of a MiniLM-shaped classifier, with ever more of our settings."""
    hidden = 64 if quick else 384
    _check_same_training(32 if quick else 96, hidden)
    dataset, labels = random_items(64 if quick else 384)
    tokenizer = word_tokenizer()
    start = random_classifier(2 if quick else 6, hidden=hidden)
    targets = one_hot_targets(labels, CLASSES)
    precision: Any = resolve_precision("auto")

    def defaults() -> None:
        encoded = encode(dataset, tokenizer, MAX_LENGTH)
        items = [{**item, "labels": int(y)} for item, y in zip(encoded, labels, strict=True)]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=BATCH_SIZE,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=0,
            )
            Trainer(
                model=copy.deepcopy(start),
                args=arguments,
                train_dataset=items,
                data_collator=DataCollatorWithPadding(tokenizer),
            ).train()

    def ours(precision: Any, *, attention: bool, compact: bool) -> None:
        model, config = copy.deepcopy(start), minilm_training(precision)
        with _only(attention=attention, compact=compact):
            training.fine_tune(model, tokenizer, dataset, targets, config, progress=False)

    works = {
        "Trainer's defaults": defaults,
        "+ batches grouped by length": lambda: ours("fp32", attention=False, compact=False),
        f"+ {precision}": lambda: ours(precision, attention=False, compact=False),
        "+ plain attention (CPU only)": lambda: ours(precision, attention=True, compact=False),
        "+ used words only (ours)": lambda: ours(precision, attention=True, compact=True),
    }
    timings = time_alternately(works, repetitions=1 if quick else 5, description="training")
    first, *_, last = timings.values()
    row = compare_times(
        f"training, {len(labels)} texts, MiniLM's shape, batch {BATCH_SIZE}",
        last,
        "Trainer's defaults, same batch size",
        first,
        note="quality: book/results/minilm",
    )
    table = [{"setting": name, **timing.summary()} for name, timing in timings.items()]
    return Report((row,), {"settings": table})


def _check_same_training(items: int, hidden: int) -> None:
    """Without dropout and in fp32, our attention and embedding train the same model as the usual.

    The Trainer's defaults differ in the order of the texts, bf16 and dropout in rounding and random
    numbers, so whole runs can be compared by quality alone.
    """
    dataset, labels = random_items(items)
    tokenizer = word_tokenizer()
    start = random_classifier(2, hidden=hidden, dropout=0.0)
    targets = one_hot_targets(labels, CLASSES)
    config = minilm_training("fp32")

    def logits() -> Any:
        model = training.fine_tune(
            copy.deepcopy(start), tokenizer, dataset, targets, config, progress=False
        )
        return training.predict_logits(
            model, tokenizer, dataset, max_length=MAX_LENGTH, progress=False
        )

    ours = logits()
    with _only(attention=False, compact=False):
        assert_agree("logits after training", ours, logits(), atol=1e-3)


def _only(*, attention: bool, compact: bool) -> contextlib.ExitStack:
    """Our training without its attention on a CPU or its compact embedding, unless asked for."""
    stack = contextlib.ExitStack()
    as_loaded = {
        "_fast_training_attention": lambda *_: contextlib.nullcontext(),
        "compact_vocabulary": lambda model, encoded, pad: contextlib.nullcontext(encoded),
    }
    for (name, function), kept in zip(as_loaded.items(), (attention, compact), strict=True):
        if not kept:
            stack.enter_context(mock.patch.object(training, name, function))
    return stack
