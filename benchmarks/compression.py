"""The whole of `ambiguity-lib compress` against one fine-tuning of the same model on the same data.

Each is a process of its own that starts Python, reads the files, works and writes a model. Not part
of `make bench`, which it would lengthen by minutes: `make bench ARGS=compression`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ambiguity_lib.models import time_alternately
from benchmarks.harness import Report, compare_times
from benchmarks.work import (
    BATCH_SIZE,
    CLASSES,
    MAX_LENGTH,
    random_classifier,
    random_items,
    word_tokenizer,
)

EPOCHS = 3

#: What one would run instead, by our own fine-tuning, which is faster than the Trainer's defaults.
_PLAIN = """
import sys
from pathlib import Path
import numpy as np
from ambiguity_lib.data import class_names
from ambiguity_lib.practice.own_files import read_dataset
from ambiguity_lib.models import load_classifier, load_tokenizer
from ambiguity_lib.models import TrainingConfig
from ambiguity_lib.method import one_hot_targets
from ambiguity_lib.models import fine_tune, predict_logits
model, train, validation, output = sys.argv[1:5]
batch_size, max_length, epochs = map(int, sys.argv[5:])
train, validation = (read_dataset(name).dataset for name in (train, validation))
names, tokenizer = class_names(train), load_tokenizer(model)
classifier = load_classifier(model, names)
targets = one_hot_targets(train["label"][:], len(names))
config = TrainingConfig(epochs, batch_size, 5e-5, 0.01, 0.1, max_length, "auto")
fine_tune(classifier, tokenizer, train, targets, config)
logits = predict_logits(classifier, tokenizer, validation, max_length=max_length)
print((logits.argmax(axis=1) == np.asarray(validation["label"][:])).mean())
classifier.save_pretrained(output)
tokenizer.save_pretrained(output)
"""


def run(quick: bool) -> Report:
    """MiniLM's shape, texts of SNLI's length."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = 64 if quick else 4000
        _write_items(folder, items, items // 10)
        model: Any = random_classifier(2, hidden=64) if quick else random_classifier()
        model.base_model.save_pretrained(folder / "encoder")
        word_tokenizer().save_pretrained(folder / "encoder")
        plain = [
            "-c", _PLAIN, "encoder", "train.jsonl", "validation.jsonl", "plain",
            str(BATCH_SIZE), str(MAX_LENGTH), str(EPOCHS),
        ]  # fmt: skip
        compress = [
            "-m", "ambiguity_lib", "compress", "--model", "encoder", "--data", "train.jsonl",
            "--validation", "validation.jsonl", "--output", "student", "--overwrite",
            "--batch-size", str(BATCH_SIZE), "--max-length", str(MAX_LENGTH),
            "--epochs", str(EPOCHS),
        ]  # fmt: skip
        timings = time_alternately(
            {"plain": lambda: _start(plain, folder), "compress": lambda: _start(compress, folder)},
            repetitions=1 if quick else 3,
            warmup=0,
            description="compression",
        )
    row = compare_times(
        f"compress, {items} texts, MiniLM's shape, {EPOCHS} epochs",
        timings["compress"],
        "one fine-tuning by our own settings",
        timings["plain"],
        target=1.6,
        relation="<=",
        note="ratio: compress / fine-tuning; whole processes",
    )
    return Report((row,))


def _write_items(folder: Path, train: int, validation: int) -> None:
    """Texts whose class is that of their first word, so that there is something to learn."""
    texts = random_items(train + validation)[0]["text"][:]
    rows = [{"text": text, "label": int(text.split()[0][1:]) % CLASSES} for text in texts]
    for name, part in (("train", rows[:train]), ("validation", rows[train:])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def _start(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed: {done.stderr[-2000:]}")
