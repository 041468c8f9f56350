"""Metrics: values first, then time, next to SciPy, torchmetrics and netcal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

from ambiguity_lib.metrics import expected_calibration_error, jensen_shannon_distance, kl_divergence
from ambiguity_lib.metrics.divergence import PROBABILITY_FLOOR
from ambiguity_lib.models import time_alternately
from benchmarks.harness import Comparison, Report, assert_agree, import_peer

CLASSES = 3
BINS = 15
SEED = 0
# What the two sides may differ by: rounding in float64, and sums in float32 for torchmetrics.
FLOAT64 = 1e-12
FLOAT32 = 5e-5

FloatArray = NDArray[np.float64]
Work = Callable[[], object]


def run(quick: bool) -> Report:
    """Compare distances and ECE with their peers, and the time that importing them takes."""
    generator = np.random.default_rng(SEED)
    human, model = (
        generator.dirichlet(np.ones(CLASSES), size=1_000 if quick else 100_000) for _ in range(2)
    )
    imports, import_table = _imports(repetitions=1 if quick else 5, warmup=0 if quick else 1)
    rows = (
        *_jensen_shannon(human, model),
        # SciPy's entropy takes ten times as long a row: fewer rows, the same for both
        *_kl(human[: len(human) // 5], model[: len(model) // 5]),
        *_calibration(10_000 if quick else 1_000_000, generator),
        *imports,
    )
    return Report(rows, {"import_seconds": import_table})


def _jensen_shannon(human: FloatArray, model: FloatArray) -> list[Comparison]:
    """Jensen-Shannon distances, against SciPy on all rows at once."""

    def ours() -> FloatArray:
        return jensen_shannon_distance(human, model)

    def vectorised() -> FloatArray:
        return np.asarray(jensenshannon(human, model, axis=1))

    name = f"Jensen-Shannon distance, {_size(human)}"
    scipy_name = "scipy.spatial.distance.jensenshannon"
    return [
        _compare(name, ours, f"{scipy_name}, axis=1", vectorised, atol=FLOAT64, repetitions=21),
    ]


def _kl(human: FloatArray, model: FloatArray) -> list[Comparison]:
    """KL divergences, against SciPy on all rows at once."""
    if model.min() <= PROBABILITY_FLOOR:
        raise AssertionError("a probability below the floor: SciPy, which has none, would differ")

    def ours() -> FloatArray:
        return kl_divergence(human, model)

    def vectorised() -> FloatArray:
        return np.asarray(scipy_entropy(human, model, axis=1))

    name = f"KL divergence, {_size(human)}"
    note = "no probability is below our floor of 1e-15, so the floor changes nothing"
    scipy_name = "scipy.stats.entropy"
    return [
        _compare(
            name,
            ours,
            f"{scipy_name}, axis=1",
            vectorised,
            atol=FLOAT64,
            repetitions=21,
            note=note,
        ),
    ]


def _calibration(items: int, generator: np.random.Generator) -> list[Comparison]:
    """ECE of an over-confident model; both peers bin the top class's confidence as we do."""
    logits = generator.normal(size=(items, CLASSES))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
    probs = softmax(2.0 * logits, axis=1)
    # We put an edge into the bin below, both peers into the bin above.
    if np.isin(probs.max(axis=1), np.arange(BINS + 1) / BINS).any():
        raise AssertionError("a confidence lies on a bin's edge, where conventions differ")
    tensors = torch.from_numpy(probs), torch.from_numpy(labels)
    torchmetrics_error: Any = import_peer(
        "torchmetrics.functional.classification"
    ).multiclass_calibration_error
    netcal_error: Any = import_peer("netcal.metrics").ECE(BINS)

    def ours() -> float:
        return expected_calibration_error(labels, probs, n_bins=BINS)

    def torchmetrics() -> float:
        return float(torchmetrics_error(*tensors, num_classes=CLASSES, n_bins=BINS, norm="l1"))

    def netcal() -> float:
        return float(netcal_error.measure(probs, labels))

    name = f"ECE, {BINS} bins, {_size(probs)}"
    edges = "a confidence on a bin's edge counts one bin higher there (none here)"
    return [
        _compare(
            name,
            ours,
            "torchmetrics",
            torchmetrics,
            atol=FLOAT32,
            target=1.0,
            repetitions=21,
            note=f"torchmetrics rounds confidences to float32 and adds them up in it; {edges}; "
            "it uses all of torch's threads, we use one",
        ),
        _compare(
            name,
            ours,
            "netcal",
            netcal,
            atol=FLOAT64,
            target=1.0,
            repetitions=21,
            note=f"netcal clips probabilities to [2.2e-16, 1 - 2.2e-16]; {edges}",
        ),
    ]


def _imports(repetitions: int, warmup: int) -> tuple[list[Comparison], dict[str, Any]]:
    """Time of an import in a fresh interpreter, the interpreter's own start included."""
    own = "ambiguity_lib.metrics"
    peers = ("torchmetrics.functional.classification", "netcal.metrics")
    for peer in peers:
        import_peer(peer)

    def work(statement: str) -> Work:
        return lambda: subprocess.run([sys.executable, "-c", statement], check=True)

    statements = {"interpreter alone": "pass"} | {name: f"import {name}" for name in (own, *peers)}
    timings = time_alternately(
        {name: work(statement) for name, statement in statements.items()},
        repetitions=repetitions,
        warmup=warmup,
        description="imports",
    )
    table = {name: timing.summary() for name, timing in timings.items()}
    rows = [
        Comparison(
            name=f"import {own}",
            ours=timings[own].median,
            peer_name=f"import {peer}",
            peer=timings[peer].median,
            ratio=timings[peer].median / timings[own].median,
            note="fresh interpreters, their own start included",
            details={"ours": table[own], "peer": table[peer]},
        )
        for peer in peers
    ]
    return rows, table


def _compare(
    name: str,
    ours: Work,
    peer_name: str,
    peer: Work,
    *,
    atol: float,
    target: float | None = None,
    repetitions: int = 5,
    note: str = "",
) -> Comparison:
    """Check that both give the same, then time them in turn."""
    difference = assert_agree(f"{name}: {peer_name}", _values(ours), _values(peer), atol=atol)
    timings = time_alternately(
        {"ours": ours, "peer": peer}, repetitions=repetitions, description=name
    )
    agreement = f"values differ by at most {difference:.1e}"
    return Comparison(
        name=name,
        ours=timings["ours"].median,
        peer_name=peer_name,
        peer=timings["peer"].median,
        ratio=timings["peer"].median / timings["ours"].median,
        target=target,
        note=f"{agreement}; {note}" if note else agreement,
        details={
            "largest_difference": difference,
            "ours": timings["ours"].summary(),
            "peer": timings["peer"].summary(),
        },
    )


def _values(work: Work) -> FloatArray:
    return np.asarray(work(), dtype=np.float64)


def _size(values: FloatArray) -> str:
    return f"{values.shape[0]:,} x {values.shape[1]}"
