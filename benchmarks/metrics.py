"""Metrics: values first, then time, next to SciPy, torchmetrics and netcal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

from ambiguity_lib.metrics import expected_calibration_error, jensen_shannon_distance, kl_divergence
from ambiguity_lib.models import time_alternately
from benchmarks.harness import Comparison, Report, assert_agree, compare_times, import_peer
from benchmarks.work import CLASSES

BINS = 15
# What the two sides may differ by: rounding in float64, and sums in float32 for torchmetrics.
FLOAT64 = 1e-12
FLOAT32 = 5e-5
OURS = "ambiguity_lib.metrics"
TORCHMETRICS = "torchmetrics.functional.classification"
NETCAL = "netcal.metrics"


def run(quick: bool) -> Report:
    """Compare distances and ECE with their peers, and the time that importing them takes."""
    generator = np.random.default_rng(0)
    items = 1_000 if quick else 100_000
    human, model = (generator.dirichlet(np.ones(CLASSES), size=items) for _ in range(2))
    imports = _imports(quick)
    distance = _compare(
        f"Jensen-Shannon distance, {items:,} x {CLASSES}",
        lambda: jensen_shannon_distance(human, model),
        "scipy.spatial.distance.jensenshannon, axis=1",
        lambda: jensenshannon(human, model, axis=1),
    )
    # SciPy's entropy takes ten times as long a row: fewer rows, the same for both
    human, model = human[: items // 5], model[: items // 5]
    divergence = _compare(
        f"KL divergence, {len(human):,} x {CLASSES}",
        lambda: kl_divergence(human, model),
        "scipy.stats.entropy, axis=1",
        lambda: scipy_entropy(human, model, axis=1),
        note="no probability is below our floor of 1e-15, so the floor changes nothing",
    )
    calibration = _calibration(10_000 if quick else 1_000_000, generator)
    return Report((distance, divergence, *calibration, *imports))


def _calibration(items: int, generator: np.random.Generator) -> list[Comparison]:
    """ECE of an over-confident model; both peers bin the top class's confidence as we do."""
    logits = generator.normal(size=(items, CLASSES))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
    probs = softmax(2.0 * logits, axis=1)
    torchmetrics = partial(
        import_peer(TORCHMETRICS).multiclass_calibration_error,
        torch.from_numpy(probs),
        torch.from_numpy(labels),
        num_classes=CLASSES,
        n_bins=BINS,
        norm="l1",
    )
    netcal = partial(import_peer(NETCAL).ECE(BINS).measure, probs, labels)
    ours = partial(expected_calibration_error, labels, probs, n_bins=BINS)
    name = f"ECE, {BINS} bins, {items:,} x {CLASSES}"
    # with one there the values would differ
    edges = "a confidence on a bin's edge counts one bin higher there (none here)"
    return [
        _compare(
            name,
            ours,
            "torchmetrics",
            torchmetrics,
            atol=FLOAT32,
            target=1.0,
            note=f"torchmetrics rounds confidences to float32 and adds them up in it; {edges}; "
            "it uses all of torch's threads, we use one",
        ),
        _compare(
            name,
            ours,
            "netcal",
            netcal,
            target=1.0,
            note=f"netcal clips probabilities to [2.2e-16, 1 - 2.2e-16]; {edges}",
        ),
    ]


def _imports(quick: bool) -> list[Comparison]:
    """Time of an import in a fresh interpreter, the interpreter's own start included."""

    def work(module: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True)

    modules = (OURS, TORCHMETRICS, NETCAL)
    timings = time_alternately(
        {module: work(module) for module in modules},
        repetitions=1 if quick else 5,
        warmup=0 if quick else 1,
        description="imports",
    )
    note = "fresh interpreters, their own start included"
    return [
        compare_times(f"import {OURS}", timings[OURS], f"import {peer}", timings[peer], note=note)
        for peer in modules[1:]
    ]


def _compare(
    name: str,
    ours: Callable[[], ArrayLike],
    peer_name: str,
    peer: Callable[[], ArrayLike],
    *,
    atol: float = FLOAT64,
    note: str = "",
    **row: Any,
) -> Comparison:
    """Check that both give the same, then time them in turn."""
    difference = assert_agree(f"{name}: {peer_name}", ours(), peer(), atol=atol)
    timings = time_alternately({"ours": ours, "peer": peer}, repetitions=21, description=name)
    note = "; ".join(filter(None, (f"values differ by at most {difference:.1e}", note)))
    return compare_times(name, timings["ours"], peer_name, timings["peer"], note=note, **row)
