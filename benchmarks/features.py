"""Features of all layers from one pass, against one pass a layer; memory against rows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ambiguity_lib.models import default_device, extract_features, pool, time_alternately
from ambiguity_lib.models.batches import sorted_batches
from benchmarks.harness import Comparison, Report, assert_agree, compare_times
from benchmarks.work import BATCH_SIZE, MAX_LENGTH, random_classifier, random_items, word_tokenizer


def run(quick: bool) -> Report:
    """Compare time on a MiniLM-shaped encoder, then the memory of short and long runs."""
    return Report((*_compare_time(quick), *_compare_memory(quick)))


def _compare_time(quick: bool) -> list[Comparison]:
    layers = 2 if quick else 6
    model = random_classifier(layers, hidden=64 if quick else 384)
    tokenizer = word_tokenizer()
    dataset, _ = random_items(40 if quick else 96)
    device = default_device()
    encoder = model.base_model.to(device)

    def ours() -> NDArray[np.float16]:
        with tempfile.TemporaryDirectory() as folder:
            features = extract_features(
                model,
                tokenizer,
                dataset,
                max_length=MAX_LENGTH,
                batch_size=BATCH_SIZE,
                path=Path(folder) / "features.npy",
                progress=False,
            )
            return np.array(features[1:])

    def padded() -> Iterable[tuple[Any, Any]]:
        for start in range(0, len(dataset), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            yield (
                rows,
                tokenizer(
                    dataset["text"][rows],
                    padding="max_length",
                    truncation=True,
                    max_length=MAX_LENGTH,
                    return_tensors="pt",
                ).to(device),
            )

    def grouped() -> Iterable[tuple[Any, Any]]:
        return sorted_batches(
            dataset, tokenizer, MAX_LENGTH, BATCH_SIZE, device, description="", progress=False
        )

    @torch.inference_mode()
    def pass_a_layer(batches: Callable[[], Iterable[tuple[Any, Any]]]) -> NDArray[np.float32]:
        shape = (layers, len(dataset), int(model.config.hidden_size))
        result = np.empty(shape, dtype=np.float32)
        for layer in range(1, layers + 1):
            for rows, batch in batches():
                state = encoder(**batch, output_hidden_states=True).hidden_states[layer]
                result[layer - 1, rows] = pool(state, batch["attention_mask"], "mean").cpu()
        return result

    difference = assert_agree("features", ours(), pass_a_layer(padded), rtol=1e-3, atol=1e-3)
    assert_agree("features", ours(), pass_a_layer(grouped), rtol=1e-3, atol=1e-3)
    timings = time_alternately(
        {
            "ours": ours,
            f"a pass a layer, padded to {MAX_LENGTH}": lambda: pass_a_layer(padded),
            "a pass a layer, our batches": lambda: pass_a_layer(grouped),
        },
        repetitions=1 if quick else 5,
        warmup=0,  # the agreement above was one
        description="features",
    )
    mine = timings.pop("ours")
    name = f"features of {layers} layers, {len(dataset)} texts, MiniLM's shape"
    note = f"values differ by at most {difference:.1e}, float16's rounding"
    return [
        compare_times(name, mine, peer, timing, target=0.8 * layers, note=note)
        for peer, timing in timings.items()
    ]


_EXTRACT = """
from pathlib import Path
from ambiguity_lib.models import extract_features
from benchmarks.work import random_classifier, random_items, word_tokenizer
dataset, _ = random_items(rows)
extract_features(random_classifier(2, hidden=64), word_tokenizer(), dataset, max_length=96,
                 path=Path(folder) / "features.npy", progress=False)
"""
_WRITE = """
from pathlib import Path
import numpy as np
from ambiguity_lib.models.batches import FeatureWriter
writer = FeatureWriter((7, rows, 128), Path(folder) / "features.npy")
values = np.random.default_rng(0).normal(size=(7, 1000, 128)).astype(np.float32)
for start in range(0, rows, 1000):
    writer.write(np.arange(start, start + 1000), values)
writer.flush()
"""


def _compare_memory(quick: bool) -> list[Comparison]:
    """Peak resident memory of fresh processes, the pages of the mapped file included."""
    works = {
        "extracting": (_EXTRACT, (100, 200) if quick else (4_000, 40_000)),
        "writing 7 x 128 features": (_WRITE, (1_000, 2_000) if quick else (50_000, 1_000_000)),
    }
    rows = []
    for name, (script, (few, many)) in works.items():
        small, large = _peak_megabytes(script, few), _peak_megabytes(script, many)
        rows.append(
            Comparison(
                name=f"peak memory, {name}, {many:,} rows",
                ours=large,
                peer_name=f"{few:,} rows",
                peer=small,
                ratio=large / small,
                target=1.2,
                relation="<=",
                unit="MB",
                note="ratio: many / few rows; the texts themselves are in memory, too",
            )
        )
    return rows


def _peak_megabytes(script: str, rows: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        program = (
            f"rows, folder = {rows}, {folder!r}\n{script}\n"
            # getrusage would count the parent's peak, too
            "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        )
    return int(done.stdout.split()[-1]) / 1024
