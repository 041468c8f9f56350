"""How fast a model of depth k is, and whether Amdahl's law foretells it.

Three architectures with random weights (a forward pass costs the same whatever they are), every
depth, several batches. All depths of one cell are timed in turn. The share f of the time that
pruning cannot save comes from the model without layers, so the curve 1 / (f + (1 − f)·k/L) is
fixed by two depths, 0 and L; the comparison is about the others.
"""

from __future__ import annotations

import copy
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    PreTrainedConfig,
    PreTrainedModel,
    RobertaConfig,
)

from ambiguity_lib.method import prune_to_depth
from ambiguity_lib.models import (
    count_flops,
    count_parameters,
    default_device,
    expected_speedup,
    fixed_share,
    measure_latency,
    num_layers,
    without_layers,
)
from ambiguity_lib.models.loading import quiet_transformers
from ambiguity_lib.models.speed import checkpoint_bytes, random_batch
from benchmarks.harness import Comparison, Report, assert_agree

BATCHES = (1, 8, 32)
LENGTHS = (32, 128)
#: From this many tokens a batch on, models of more than :data:`FEW` layers skip some depths.
MANY_TOKENS = 1024
FEW = 6
DEPTHS_OF_LARGE_CELLS = (0, 1, 2, 3, 4, 6, 8, 10, 12)
#: Cells whose attention is also timed with the other implementation.
ATTENTION_CELLS = (("MiniLM-L6", 8, 32), ("bert-base", 1, 128))
#: Seconds that one cell may take, as far as the fewest repetitions allow.
BUDGET = 5.0
REPETITIONS = (5, 30)
#: Largest relative deviation from Amdahl's law that we set beforehand.
DEVIATION = 0.10


def architectures() -> dict[str, PreTrainedConfig]:
    """Name → configuration of the three models, classifiers of three classes."""
    minilm: dict[str, Any] = {
        "vocab_size": 30522,
        "hidden_size": 384,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "num_labels": 3,
    }
    base = minilm | {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072}
    roberta = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
    return {
        "MiniLM-L6": BertConfig(**minilm),
        "bert-base": BertConfig(**base),
        "roberta-base": RobertaConfig(**(base | roberta)),
    }


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


def safetensors_bytes(model: PreTrainedModel) -> int:
    """Size of the file that ``save_pretrained`` would write, without writing it.

    The format: 8 bytes for the header's length, the header (JSON, padded with spaces to a multiple
    of 8), then the tensors in the order of their names, see
    https://github.com/huggingface/safetensors#format.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.dtype != torch.float32:
            raise ValueError(f"{name} is {tensor.dtype}; only float32 is laid out here")
        end = offset + 4 * tensor.numel()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":"))
    return 8 + 8 * math.ceil(len(text) / 8) + offset


def check_bytes(model: PreTrainedModel) -> None:
    """Assert that the computed size is that of the saved model, to the byte."""
    with tempfile.TemporaryDirectory() as folder, quiet_transformers():
        model.save_pretrained(folder)
        saved = checkpoint_bytes(Path(folder))
    assert_agree("safetensors bytes", safetensors_bytes(model), saved)


@torch.inference_mode()
def check_views(model: PreTrainedModel, depth: int) -> None:
    """Assert that a shared view computes what the library's own copies do."""
    batch = random_batch(model, 2, 8)
    for view, copied in (
        (shallow_view(model, depth), prune_to_depth(model, depth)),
        (shallow_view(model, 0), without_layers(model)),
    ):
        assert_agree("view", view(**batch).logits.cpu(), copied(**batch).logits.cpu(), atol=1e-6)


def repetitions_within(
    budget: float, model: PreTrainedModel, depths: int, batch: int, length: int
) -> int:
    """Repetitions of a cell that fit the budget, from one probing pass of the full model."""
    timings = measure_latency(
        {"": model}, batch_size=batch, length=length, repetitions=1, warmup=1, progress=False
    )
    few, many = REPETITIONS
    # the mean depth costs about half of the full one
    return int(min(max(budget / (timings[""].median * depths / 2), few), many))


def time_cell(
    name: str, views: dict[int, PreTrainedModel], batch: int, length: int, quick: bool
) -> list[dict[str, Any]]:
    """Time all depths of one cell in turn; one row per depth, latencies in seconds."""
    layers = max(views)
    if batch * length >= MANY_TOKENS and layers > FEW:
        views = {depth: views[depth] for depth in DEPTHS_OF_LARGE_CELLS}
    repetitions = 2
    if not quick:
        repetitions = repetitions_within(BUDGET, views[layers], len(views), batch, length)
    models = {str(depth): view for depth, view in views.items()}
    timings = measure_latency(
        models, batch_size=batch, length=length, repetitions=repetitions, warmup=1
    )
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


def compare_attention(
    name: str, model: PreTrainedModel, batch: int, length: int, quick: bool
) -> tuple[Comparison, dict[str, Any]]:
    """Time the full model with either attention, on values that agree."""
    models = {}
    for attention in ("eager", "sdpa"):
        models[attention] = shallow_view(model, num_layers(model.config))
        models[attention].set_attn_implementation(attention)
    inputs = random_batch(model, batch, length)
    with torch.inference_mode():
        eager, sdpa = (model(**inputs).logits.cpu() for model in models.values())
    difference = assert_agree("attention", eager, sdpa, atol=1e-4)
    repetitions = 2 if quick else 20
    timings = measure_latency(models, batch_size=batch, length=length, repetitions=repetitions)
    summaries = {attention: timing.summary() for attention, timing in timings.items()}
    ours, peer = timings["eager"].median, timings["sdpa"].median
    row = Comparison(
        name=f"eager attention in {name}, {batch} x {length} tokens",
        ours=ours,
        peer_name="sdpa",
        peer=peer,
        ratio=peer / ours,
        note=f"logits differ by at most {difference:.1e}",
        details=summaries,
    )
    return row, {"architecture": name, "batch": batch, "length": length, **summaries}


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
        details={"cells": cells},
    )


def run(quick: bool) -> Report:
    """Measure all cells; ``quick`` shrinks models, batches and repetitions."""
    device = default_device()
    comparisons: list[Comparison] = []
    tables: dict[str, Any] = {"cells": [], "worst": [], "sizes": [], "attention": []}
    tables["settings"] = {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "dtype": "float32",
        "attention": fastest_attention(device),
        "depths": (
            f"all, 0 for no layer; from {MANY_TOKENS} tokens a batch on, models of more than {FEW} "
            f"layers at {', '.join(map(str, DEPTHS_OF_LARGE_CELLS))}"
        ),
        "bytes": "of the safetensors file, computed; checked against files of the first model",
        "flops": "one forward pass, batch 1, length 128; multiplication and addition count as two",
    }
    for name, config in tqdm(architectures().items(), desc="architectures", leave=False):
        if quick:
            config.update({"vocab_size": 99, "hidden_size": 48, "intermediate_size": 96})
            config.num_hidden_layers = 3
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config).eval()
        nn.Module.to(model, device)
        model.set_attn_implementation(fastest_attention(device))
        check_views(model, 2)
        layers = num_layers(config)
        views = {depth: shallow_view(model, depth) for depth in range(layers + 1)}
        if not tables["sizes"]:
            check_bytes(views[1])
            check_bytes(views[layers])
        tables["sizes"] += [
            {
                "architecture": name,
                "depth": depth,
                "parameters": count_parameters(view),
                "bytes": safetensors_bytes(view),
                "flops": count_flops(view, 1, 128),
            }
            for depth, view in views.items()
        ]
        worst = []
        for batch in BATCHES[: 2 if quick else None]:
            for length in LENGTHS[: 1 if quick else None]:
                rows = time_cell(name, views, batch, length, quick)
                tables["cells"] += rows
                worst.append(worst_depth(rows))
        tables["worst"] += worst
        comparisons.append(compare_law(name, worst))
        for _, batch, length in (cell for cell in ATTENTION_CELLS if cell[0] == name):
            row, entry = compare_attention(name, model, batch, length, quick)
            comparisons.append(row)
            tables["attention"].append(entry)
    return Report(tuple(comparisons), tables)
