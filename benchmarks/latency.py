"""How fast a model of depth k is, and whether Amdahl's law foretells it.

Three architectures with random weights (a forward pass costs the same whatever they are), every
depth, several batches. All depths of one cell are timed in turn. The share f of the time that
pruning cannot save comes from the model without layers, so the curve 1 / (f + (1 − f)·k/L) is
fixed by two depths, 0 and L; the comparison is about the others.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from ambiguity_lib.method import prune_to_depth
from ambiguity_lib.models import (
    default_device,
    expected_speedup,
    fixed_share,
    measure_latency,
    num_layers,
    without_layers,
)
from ambiguity_lib.models.speed import random_batch
from benchmarks.harness import Comparison, Report, assert_agree
from benchmarks.work import random_classifier

BASE = {"depth": 12, "hidden": 768, "num_attention_heads": 12}
ROBERTA = {"architecture": "roberta", "vocab_size": 50_265, "max_position_embeddings": 514}
#: Name → how its shape differs from MiniLM's.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "MiniLM-L6": {},
    "bert-base": BASE,
    "roberta-base": BASE | ROBERTA | {"type_vocab_size": 1},
}
BATCHES = (1, 8, 32)
LENGTHS = (32, 128)
#: From this many tokens a batch on, models of twelve layers are timed at these depths alone.
MANY_TOKENS = 1024
DEPTHS_OF_LARGE_CELLS = (0, 1, 2, 3, 4, 6, 8, 10, 12)
#: Seconds that one cell may take, as far as the fewest repetitions allow.
BUDGET = 5.0
REPETITIONS = (5, 30)
#: Largest relative deviation from Amdahl's law that we set beforehand.
DEVIATION = 0.10


def fastest_attention(device: torch.device) -> str:
    """Implementation that is fastest for short texts: on the CPU the plain matrix products."""
    return "sdpa" if device.type == "cuda" else "eager"


def shallow_view(model: PreTrainedModel, depth: int) -> PreTrainedModel:
    """The first ``depth`` layers (0 for none) of a BERT or RoBERTa, its weights shared.

    Twelve copies of bert-base would take 5 GB.
    """
    shared = {id(parameter): parameter for parameter in model.parameters()}
    view = copy.deepcopy(model, shared)
    encoder: Any = view.base_model.encoder
    encoder.layer = encoder.layer[:depth]
    view.config.num_hidden_layers = depth
    return view.eval()


@torch.inference_mode()
def check_same(
    ours: PreTrainedModel, other: PreTrainedModel, shape: tuple[int, int], atol: float
) -> float:
    """Assert that two models give the same logits; their largest difference."""
    inputs = random_batch(ours, *shape)
    logits = (model(**inputs).logits.cpu() for model in (ours, other))
    return assert_agree("logits", *logits, atol=atol)


def time_cell(
    name: str, views: dict[int, PreTrainedModel], batch: int, length: int, quick: bool
) -> list[dict[str, Any]]:
    """Time all depths of one cell in turn; one row per depth, latencies in seconds."""
    layers = max(views)
    if batch * length >= MANY_TOKENS and layers == max(DEPTHS_OF_LARGE_CELLS):
        views = {depth: views[depth] for depth in DEPTHS_OF_LARGE_CELLS}
    size: dict[str, Any] = {"batch_size": batch, "length": length}
    repetitions = 2
    if not quick:
        probe = measure_latency(
            {"": views[layers]}, **size, repetitions=1, warmup=1, progress=False
        )
        few, many = REPETITIONS
        # the mean depth costs about half of the full one
        repetitions = int(min(max(BUDGET / (probe[""].median * len(views) / 2), few), many))
    models = {str(depth): view for depth, view in views.items()}
    timings = measure_latency(models, **size, repetitions=repetitions, warmup=1)
    full, empty = timings[str(layers)].median, timings["0"].median
    # at sizes of a test noise may turn the order around
    share = fixed_share(min(empty, full), full)
    return [
        {
            "architecture": name,
            "batch": batch,
            "length": length,
            "depth": depth,
            "median": timings[str(depth)].median,
            "p95": timings[str(depth)].p95,
            "repetitions": repetitions,
            "speedup": full / timings[str(depth)].median,
            "expected": expected_speedup(depth, layers, share) if depth else None,
            "fixed_share": share,
        }
        for depth in views
    ]


def worst_depth(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The row of a cell that is farthest from Amdahl's law, with its relative ``deviation``."""
    measured = [
        {**row, "deviation": abs(row["speedup"] / row["expected"] - 1)}
        for row in rows
        if row["expected"] is not None
    ]
    return max(measured, key=lambda row: row["deviation"])


def compare_law(name: str, cells: list[dict[str, Any]]) -> Comparison:
    """One row: the cell and depth of an architecture that are farthest from Amdahl's law."""
    worst = max(cells, key=lambda row: row["deviation"])
    within = sum(row["deviation"] <= DEVIATION for row in cells)
    return Comparison(
        name=f"speed-up of {name}, ratio = worst relative deviation",
        ours=worst["speedup"],
        peer_name="Amdahl's law",
        peer=worst["expected"],
        ratio=worst["deviation"],
        target=DEVIATION,
        relation="<=",
        unit="x",
        note=(
            f"worst at batch {worst['batch']}, length {worst['length']}, depth {worst['depth']}; "
            f"{within} of {len(cells)} cells within {DEVIATION:.0%} at every depth"
        ),
    )


def run(quick: bool) -> Report:
    """Measure all cells; ``quick`` shrinks models, batches and repetitions."""
    device = default_device()
    attention = fastest_attention(device)
    comparisons = []
    settings = {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "dtype": "float32",
        "attention": attention,
    }
    tables: dict[str, Any] = {"cells": [], "worst": [], "settings": settings}
    for name, shape in tqdm(ARCHITECTURES.items(), desc="architectures", leave=False):
        small = {"depth": 3, "hidden": 48, "num_attention_heads": 12} if quick else {}
        model = random_classifier(**(shape | small))
        nn.Module.to(model, device)
        model.set_attn_implementation(attention)
        views = {depth: shallow_view(model, depth) for depth in range(num_layers(model.config) + 1)}
        check_same(views[2], prune_to_depth(model, 2), (2, 8), atol=1e-6)
        check_same(views[0], without_layers(model), (2, 8), atol=1e-6)
        worst = []
        for batch in BATCHES[: 2 if quick else None]:
            for length in LENGTHS[: 1 if quick else None]:
                rows = time_cell(name, views, batch, length, quick)
                tables["cells"] += rows
                worst.append(worst_depth(rows))
        tables["worst"] += worst
        comparisons.append(compare_law(name, worst))
    return Report(tuple(comparisons), tables)
