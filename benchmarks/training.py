"""Fine-tuning with our settings, against the Trainer's defaults on the same work and seed."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import nn
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from ambiguity_lib.method import one_hot_targets
from ambiguity_lib.models import encode, resolve_precision, time_alternately, training
from benchmarks.harness import Comparison, Report, assert_agree
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
    dataset, labels = random_items(64 if quick else 384)
    tokenizer = word_tokenizer()
    start = random_classifier(2 if quick else 6, hidden=64 if quick else 384)
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
        with _without(attention=not attention, compact=not compact):
            training.fine_tune(
                copy.deepcopy(start),
                tokenizer,
                dataset,
                targets,
                minilm_training(precision),
                progress=False,
            )

    _check_same_training(quick)
    works = {
        "Trainer's defaults": defaults,
        "+ batches grouped by length": lambda: ours("fp32", attention=False, compact=False),
        f"+ {precision}": lambda: ours(precision, attention=False, compact=False),
        "+ plain attention (CPU only)": lambda: ours(precision, attention=True, compact=False),
        "+ used words only (ours)": lambda: ours(precision, attention=True, compact=True),
    }
    timings = time_alternately(works, repetitions=1 if quick else 5, description="training")
    names = list(works)
    medians = [timings[name].median for name in names]
    table = [
        {"setting": name, **timings[name].summary(), "examples_per_second": len(labels) / median}
        for name, median in zip(names, medians, strict=True)
    ]
    rows = Comparison(
        name=f"training, {len(labels)} texts, MiniLM's shape, batch {BATCH_SIZE}",
        ours=medians[-1],
        peer_name="Trainer's defaults, same batch size",
        peer=medians[0],
        ratio=medians[0] / medians[-1],
        note="quality over three seeds: book/results/minilm",
        details={"settings": table},
    )
    tables: dict[str, Any] = {"settings": table}
    if torch.cuda.is_available():
        tables["gpu"] = _gpu_step(quick)
    return Report((rows,), tables)


def _check_same_training(quick: bool) -> None:
    """Without dropout and in fp32, our attention and embedding train the same model as the usual.

    The Trainer's defaults differ in the order of the texts, bf16 and dropout in rounding and random
    numbers, so whole runs can be compared by quality alone.
    """
    dataset, labels = random_items(32 if quick else 96)
    tokenizer = word_tokenizer()
    start = random_classifier(2, hidden=64 if quick else 384, dropout=0.0)
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
    with _without(attention=True, compact=True):
        assert_agree("logits after training", ours, logits(), atol=1e-3)


@contextlib.contextmanager
def _without(*, attention: bool, compact: bool) -> Iterator[None]:
    """Our training without its attention on a CPU, or without its compact embedding."""
    with contextlib.ExitStack() as stack:
        if attention:
            as_loaded = mock.patch.object(
                training, "_fast_training_attention", lambda *_: contextlib.nullcontext()
            )
            stack.enter_context(as_loaded)
        if compact:
            whole = mock.patch.object(
                training,
                "compact_vocabulary",
                lambda model, encoded, pad: contextlib.nullcontext(encoded),
            )
            stack.enter_context(whole)
        yield


def _gpu_step(quick: bool) -> dict[str, float]:
    """A BERT-base training step in bf16, and its share of the measured matrix-product peak."""
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.for_model("bert", num_labels=CLASSES, num_hidden_layers=2 if quick else 12)
    model = AutoModelForSequenceClassification.from_config(config)
    nn.Module.to(model, "cuda")
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=True)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 30_000, (64, 128), generator=generator).cuda()
    labels = torch.randint(CLASSES, (64,), generator=generator).cuda()

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    size = 1024 if quick else 8192
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    timings = time_alternately(
        {"step": step, "product": lambda: torch.mm(a, b)}, repetitions=20, warmup=5
    )
    peak = 2 * size**3 / timings["product"].median
    reached = counter.get_total_flops() / timings["step"].median
    return {
        "step_seconds": timings["step"].median,
        "examples_per_second": 64 / timings["step"].median,
        "peak_flops": peak,
        "reached_flops": reached,
        "fraction_of_peak": float(np.round(reached / peak, 4)),
    }
