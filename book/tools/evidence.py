"""Records what the book's figures show of a real run: layers, methods, thirds, items, map, speed.

Runs (or finds in the store) the seeds and methods that are asked for, and writes one record,
``book/results/PROFILE/evidence_seed0.json``, or ``evidence_emotion_seed0.json`` for the other
task.
Can be stopped and started again at any time; a record is written whole or not at all.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from ambiguity_lib.evaluation import compare, noise_floor, summarise
from ambiguity_lib.method import apply_temperature, oracle_temperature, prune_to_depth
from ambiguity_lib.metrics import (
    accuracy,
    entropy,
    entropy_correlation,
    jensen_shannon_distance,
    kl_divergence,
    negative_log_likelihood,
)
from ambiguity_lib.models import count_parameters
from ambiguity_lib.models.speed import measure_latency
from ambiguity_lib.study import METHODS, Experiment, load_profile, prepare, score_methods
from ambiguity_lib.study.paths import project_root
from ambiguity_lib.study.sweep import find_methods, parse_seeds

sys.path.append(str(Path(__file__).resolve().parents[1]))

from course.record import write_record

FloatArray = NDArray[np.float64]

#: What differs from one method to the next is told for these pairs.
PAIRS = [
    *itertools.product(
        ["distilled"],
        [
            "teacher",
            "pruned",
            "distilled from the top",
            "label smoothing",
            "temperature scaling",
            "LS-TS",
            "MC dropout",
            "deep ensemble",
            "oracle temperature (JSD)",
            "oracle temperature (KL)",
        ],
    ),
    ("pruned", "teacher"),
]
#: Temperatures of the teacher's path.
PATH = np.geomspace(0.5, 10, 61)
ITEMS, TOKENS = 12, 28


def at_own_temperature(probs: FloatArray, human: FloatArray) -> dict[str, float]:
    """JSD and KL as they are, and at the temperature that is best for each (gold)."""
    logits = np.log(np.maximum(probs, 1e-15))
    found = {}
    for name, measure in (("JSD", jensen_shannon_distance), ("KL", kl_divergence)):
        best = oracle_temperature(logits, human, "JSD" if name == "JSD" else "KL")
        found[name] = float(measure(human, probs).mean())
        found[f"{name} at T"] = float(measure(human, apply_temperature(logits, best)).mean())
        found[f"T for {name}"] = best
    return found


def layer_rows(exp: Experiment, readout: str) -> list[dict[str, Any]]:
    """Every layer's probe on validation items and on each evaluation set."""
    labels = {name: exp.labels(name) for name in ("train", "validation")}
    known = {name: exp.probe_probs(name) for name in labels}
    rows = []
    for split in exp.evaluation_splits:
        gold, probs = exp.gold(split), exp.probe_probs(split)
        for layer, own in enumerate(probs):
            row: dict[str, Any] = {"dataset": gold.name, "seed": exp.seed, "fold": exp.fold}
            row |= {"readout": readout, "layer": layer}
            for name, gold_labels in labels.items():
                row[f"{name} accuracy"] = accuracy(gold_labels, known[name][layer]).mean()
                row[f"{name} NLL"] = negative_log_likelihood(gold_labels, known[name][layer]).mean()
            row |= at_own_temperature(own, gold.human)
            row["entropy"] = entropy(own).mean()
            row["entropy_corr"] = entropy_correlation(gold.human, own)
            row["accuracy_new"] = accuracy(gold.new_labels, own).mean()
            rows.append(row)
    return rows


def choice(exp: Experiment) -> dict[str, Any]:
    """What the rules chose, and whether the target is one."""
    chosen = exp.layers
    return {
        "seed": exp.seed,
        "fold": exp.fold,
        "layers": exp.num_layers,
        "penalty": exp.probes.l2,
        "depth": chosen.depth,
        "source": chosen.source,
        "converged": chosen.converged,
        "allowed": chosen.allowed,
        "chance": chosen.chance,
        "target entropy": entropy(exp.layer_probs()[chosen.source]).mean(),
        "signs": exp.degenerate_signs(),
    }


def thirds(scores: pd.DataFrame) -> pd.DataFrame:
    """Confidence and agreement over the thirds of human entropy, and how often above .9."""
    scores = scores.assign(sure=scores["confidence"] > 0.9)
    rank = scores.groupby(["dataset", "method", "seed"])["human_entropy"].rank(
        method="first", pct=True
    )
    scores["third"] = np.ceil(rank * 3).astype(int)
    columns = ["confidence", "sure", "JSD", "accuracy_new", "human_entropy"]
    return scores.groupby(["dataset", "method", "third"], sort=False)[columns].mean().reset_index()


def people(humans: dict[str, FloatArray]) -> dict[str, Any]:
    """Mean entropy of the human distributions, and over its thirds how many people agree."""
    found = {}
    for name, human in humans.items():
        parts = np.array_split(human[np.argsort(entropy(human), kind="stable")], 3)
        found[name] = {
            "items": len(human),
            "entropy": entropy(human).mean(),
            "agreement": [part.max(axis=1).mean() for part in parts],
        }
    return found


def path(runs: Sequence[Experiment], split: str) -> list[dict[str, float]]:
    """The teachers' mean JSD, KL and entropy correlation at every temperature."""
    rows = []
    for temperature in PATH:
        found = []
        for run in runs:
            human = run.gold(split).human
            probs = apply_temperature(run.teacher.logits(split), float(temperature))
            distances = jensen_shannon_distance(human, probs), kl_divergence(human, probs)
            found.append([d.mean() for d in distances] + [entropy_correlation(human, probs)])
        jsd, kl, correlation = np.mean(found, axis=0)
        rows.append({"T": temperature, "JSD": jsd, "KL": kl, "entropy_corr": correlation})
    return rows


def single_items(exp: Experiment) -> dict[str, Any]:
    """Distances of all main items, and twelve items, evenly spaced in doubt, layer by layer."""
    gold, layers = exp.gold(), exp.probe_probs("evaluation")
    answers = {"source": layers[exp.source], "top": layers[-1]}
    answers |= {"teacher": exp.teacher.probs(), "pruned": exp.pruned().probs()}
    answers |= {"distilled": exp.distilled().probs()}
    order = np.argsort(entropy(gold.human), kind="stable")
    shown = order[np.linspace(0, len(order) - 1, ITEMS).round().astype(int)]
    return {
        "human entropy": entropy(gold.human).round(3),
        "JSD": {
            name: jensen_shannon_distance(gold.human, probs).round(3)
            for name, probs in answers.items()
        },
        "shown": [
            {
                "uid": gold.uids[row],
                "human": gold.human[row].round(3),
                "layers": layers[:, row].round(3),
            }
            | {name: probs[row].round(3) for name, probs in answers.items()}
            for row in shown
        ],
    }


def source_map(exp: Experiment) -> list[dict[str, Any]]:
    """A student for each source below the depth and each λ, on every evaluation set."""
    sources, weights = range(1, exp.depth), exp.profile.distillation.weights
    rows = []
    for source, weight in itertools.product(sources, weights):
        student = exp.distilled(source=source, weight=weight)
        labels = exp.labels("validation")
        for split in exp.evaluation_splits:
            gold, probs = exp.gold(split), student.probs(split)
            rows.append(
                {
                    "dataset": gold.name,
                    "source": source,
                    "weight": weight,
                    "JSD": jensen_shannon_distance(gold.human, probs).mean(),
                    "KL": kl_divergence(gold.human, probs).mean(),
                    "validation accuracy": accuracy(labels, student.probs("validation")).mean(),
                }
            )
    return rows


def speed(exp: Experiment) -> list[dict[str, Any]]:
    """Parameters and latency of the teacher cut to every depth: one text of 28 tokens."""
    whole = exp.teacher.load()
    models = {str(k): prune_to_depth(whole, k) for k in range(1, exp.num_layers + 1)}
    timings = measure_latency(models, batch_size=1, length=TOKENS, progress=False)
    return [
        {
            "depth": int(depth),
            "parameters": count_parameters(model),
            "timing": {"milliseconds": 1000 * timings[depth].median},
        }
        for depth, model in models.items()
    ]


def evidence(
    exp: Experiment, names: Sequence[str], seeds: Sequence[int], *, full_map: bool
) -> dict[str, Any]:
    """Everything that the figures show, of these methods and seeds."""
    folds = range(exp.profile.data.folds)
    runs = [exp.with_fold(fold).with_seed(seed) for seed in seeds for fold in folds]
    prepare(exp, list(names), seeds=seeds, workers=1)
    scores = score_methods(exp, [METHODS[name] for name in names], seeds)
    samples = exp.profile.evaluation.bootstrap_samples
    pairs = [pair for pair in PAIRS if set(pair) <= set(names)]
    golds = {exp.gold(split).name: split for split in exp.evaluation_splits}
    humans = {
        name: np.concatenate([exp.with_fold(fold).gold(split).human for fold in folds])
        for name, split in golds.items()
    }
    own = []
    for name, run in itertools.product(names, runs):
        method = METHODS[name]
        if method.per_seed or run.seed == seeds[0]:
            for dataset, split in golds.items():
                found = at_own_temperature(method.probs(run, split), run.gold(split).human)
                own.append({"dataset": dataset, "method": name, "seed": run.seed} | found)
    probing = dataclasses.replace(exp.profile.probing, pooling="cls")
    first_token = Experiment(
        dataclasses.replace(exp.profile, probing=probing), exp.seed, store=exp.store
    )
    return {
        "data": exp.splits.description,
        "train_items": len(exp.splits.train),
        "seeds": list(seeds),
        "methods": list(names),
        "choices": [choice(run) for run in runs],
        "layers": [row for run in runs for row in layer_rows(run, "mean")]
        + layer_rows(first_token, "cls"),
        "people": people(humans),
        "noise_floors": {
            name: noise_floor(counts)
            for name, split in golds.items()
            if (counts := exp.gold(split).counts) is not None
        },
        "scores": summarise(scores, samples=samples),
        "differences": compare(
            scores, pairs, ["JSD", "KL", "accuracy_new", "entropy", "entropy_corr"], samples=samples
        ),
        "own_temperature": pd.DataFrame(own)
        .groupby(["dataset", "method"], sort=False)
        .mean()
        .drop(columns="seed")
        .reset_index(),
        "thirds": thirds(scores),
        "path": {name: path(runs, split) for name, split in golds.items()}
        if len(folds) == 1
        else None,
        "items": single_items(exp),
        "source_map": source_map(exp) if full_map else None,
        "costs": {name: vars(METHODS[name].cost(exp)) for name in names},
        "speed": speed(exp),
        "timing": {f"teacher {run.seed}.{run.fold}": run.teacher.train_seconds for run in runs},
    }


def main(
    profile: Annotated[str, typer.Argument(help="A profile's name or file.")],
    seeds: Annotated[str, typer.Option(help="As in 0,1 or 0-4; the profile's by default.")] = "",
    methods: Annotated[str, typer.Option(help="By name, with commas; all by default.")] = "",
    second_task: Annotated[bool, typer.Option(help="The profile's second task.")] = False,
    full_map: Annotated[bool, typer.Option(help="Students for all sources and weights.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder of the record.")] = None,
) -> None:
    """Run a profile and record what the book shows of it."""
    chosen = load_profile(profile)
    if second_task:
        chosen = chosen.for_second_task()
    asked = parse_seeds(seeds) if seeds else chosen.sweep_seeds
    names = [method.name for method in find_methods(methods or None)]
    exp = Experiment(chosen, asked[0])
    found = evidence(exp, names, asked, full_map=full_map)
    folder = output or project_root() / "book" / "results" / chosen.name
    print(
        write_record(
            "evidence_emotion" if second_task else "evidence",
            chosen,
            asked[0],
            found,
            directory=folder,
        )
    )


if __name__ == "__main__":
    typer.run(main)
