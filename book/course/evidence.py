"""What a run shows: layers, people, methods, thirds, items, map, speed.

Chapters draw it of their own run, and beside it of the recorded ones (:func:`recorded`), which
``book/tools/evidence.py`` writes.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from datasets import Dataset
from numpy.typing import NDArray

from ambiguity_lib.data.published import (
    RELEASE,
    align_predictions,
    available_predictions,
    load_predictions,
)
from ambiguity_lib.data.schema import NLI_CLASSES
from ambiguity_lib.evaluation import (
    Gold,
    compare,
    noise_floor,
    score_probs,
    summarise,
)
from ambiguity_lib.evaluation.temperature_path import against_path_all
from ambiguity_lib.method import apply_temperature, oracle_temperature, prune_to_depth, softmax
from ambiguity_lib.metrics import (
    accuracy,
    entropy,
    entropy_correlation,
    jensen_shannon_distance,
    kl_divergence,
    negative_log_likelihood,
)
from ambiguity_lib.models import count_parameters
from ambiguity_lib.models.speed import measure_latency, without_layers
from ambiguity_lib.study import METHODS, Experiment, prepare, project_root, score_methods
from course.record import load_record

FloatArray = NDArray[np.float64]
MEASURES: dict[Literal["JSD", "KL"], Callable[[FloatArray, FloatArray], FloatArray]] = {
    "JSD": jensen_shannon_distance,
    "KL": kl_divergence,
}

#: The recorded runs that figures show beside the live one: heading and profile.
RUNS = {"MPNet, 12 layers": "mpnet", "MiniLM, 6 layers": "minilm"}
#: What differs from one method to the next is told for these pairs.
PAIRS = [
    *itertools.product(
        ["distilled"],
        [
            "teacher",
            "trained longer",
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
    ("pruned", "trained longer"),
    ("trained longer", "teacher"),
]
#: Temperatures of the teacher's path.
PATH = np.geomspace(0.5, 10, 61)
ITEMS, TOKENS = 12, 28
#: Without a majority of this share an item divides people; above this a model is sure.
MAJORITY, SURE = 0.6, 0.9
#: Shares are told to this part in the triangle of all items.
GRID = 20


def records(task: str = "evidence") -> dict[str, dict[str, Any]]:
    """The recorded runs by their heading in figures, those that are there.

    Args:
        task: ``"evidence"``, or ``"evidence_emotion"`` for the other task.
    """
    folder = project_root() / "book" / "results"
    found = {name: folder / profile / f"{task}_seed0.json" for name, profile in RUNS.items()}
    return {name: load_record(path) for name, path in found.items() if path.is_file()}


def recorded(task: str = "evidence") -> dict[str, dict[str, Any]]:
    """The results of :func:`records`."""
    return {name: record["results"] for name, record in records(task).items()}


def of_released_models() -> dict[str, Any]:
    """What the released models of Baan et al. (2022) say, as it was recorded."""
    path = project_root() / "book" / "results" / "mpnet" / "released_seed0.json"
    results: dict[str, Any] = load_record(path)["results"]
    return results


def six_items() -> pd.DataFrame:
    """The six real items of every chapter: texts, SNLI's label, and a hundred votes each.

    Returns:
        One row an item by its ``uid``; columns ``text``, ``text_pair``, ``label`` and the classes.
    """
    path = Path(__file__).with_name("items.yml")
    items = pd.DataFrame(yaml.safe_load(path.read_text(encoding="utf-8"))).set_index("uid")
    votes = pd.DataFrame(items.pop("votes").tolist(), index=items.index, columns=list(NLI_CLASSES))
    return items.join(votes)


def shown_items(results: Mapping[str, Any]) -> dict[str, dict[str, FloatArray]]:
    """What each model and layer says about the single items of a recorded run, by their uid."""
    found = {}
    for item in results["items"]["shown"]:
        arrays = {name: np.asarray(value, float) for name, value in item.items() if name != "uid"}
        # kept to three digits, they sum to one nearly
        found[item["uid"]] = {k: v / v.sum(axis=-1, keepdims=True) for k, v in arrays.items()}
    return found


def of_dataset(rows: Sequence[Mapping[str, Any]] | pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The rows of one data set as a table."""
    table = pd.DataFrame(rows)
    return table[table["dataset"] == dataset].drop(columns="dataset").reset_index(drop=True)


def at_own_temperature(probs: FloatArray, human: FloatArray) -> dict[str, float]:
    """JSD and KL as they are, and at the temperature that is best for each (gold)."""
    logits = np.log(np.maximum(probs, 1e-15))
    found: dict[str, float] = {}
    for name, measure in MEASURES.items():
        best = oracle_temperature(logits, human, name)
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
        top = jensen_shannon_distance(gold.human, probs[-1])
        for layer, own in enumerate(probs):
            row: dict[str, Any] = {"dataset": gold.name, "seed": exp.seed, "fold": exp.fold}
            row |= {"readout": readout, "layer": layer}
            for name, gold_labels in labels.items():
                row[f"{name} accuracy"] = accuracy(gold_labels, known[name][layer]).mean()
                row[f"{name} NLL"] = negative_log_likelihood(gold_labels, known[name][layer]).mean()
            row |= at_own_temperature(own, gold.human)
            row["closer than top"] = (jensen_shannon_distance(gold.human, own) < top).mean()
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


def layer_gaps(runs: Sequence[Experiment], samples: int) -> pd.DataFrame:
    """Source probe less top probe in JSD and KL, as they are and each at its own T (gold)."""
    rows = []
    for run, split in itertools.product(runs, runs[0].evaluation_splits):
        gold, probs = run.gold(split), run.probe_probs(split)
        for name, own in (("source", probs[run.source]), ("top", probs[-1])):
            rows.append(score_probs(gold, name, run.seed, own))
            logits = np.log(np.maximum(own, 1e-15))
            for measure in MEASURES:
                best = oracle_temperature(logits, gold.human, measure)
                scaled = apply_temperature(logits, best)
                rows.append(score_probs(gold, f"{name} at T for {measure}", run.seed, scaled))
    scores = pd.concat(rows)
    raw = compare(scores, [("source", "top")], list(MEASURES), samples=samples)
    own = [
        compare(
            scores,
            [(f"source at T for {measure}", f"top at T for {measure}")],
            [measure],
            samples=samples,
        )
        for measure in MEASURES
    ]
    return pd.concat([raw, *own], ignore_index=True)


def thirds(scores: pd.DataFrame) -> pd.DataFrame:
    """Confidence, share of people who agree, and how often a model is sure, over human doubt.

    Args:
        scores: The tidy table of scores.

    Returns:
        One row a data set, method and third of the items by human entropy.
    """
    scores = scores.assign(
        sure=scores["confidence"] > SURE, agree=scores["confidence"] - scores["overconfidence"]
    )
    rank = scores.groupby(["dataset", "method", "seed"])["human_entropy"].rank(
        method="first", pct=True
    )
    scores["third"] = np.ceil(rank * 3).astype(int)
    columns = ["confidence", "agree", "sure", "JSD", "accuracy_new", "human_entropy"]
    return scores.groupby(["dataset", "method", "third"], sort=False)[columns].mean().reset_index()


def divided(scores: pd.DataFrame, golds: Mapping[str, Gold]) -> pd.DataFrame:
    """How often each method is sure of items on which no opinion has a clear majority."""
    parts = []
    for name, gold in golds.items():
        uids = {
            u for u, top in zip(gold.uids, gold.human.max(axis=1), strict=True) if top < MAJORITY
        }
        parts.append(scores[(scores["dataset"] == name) & scores["uid"].isin(uids)])
    rows = pd.concat(parts)
    rows = rows.assign(sure=rows["confidence"] > SURE)
    groups = rows.groupby(["dataset", "method"], sort=False)
    table = groups[["confidence", "sure"]].mean()
    return table.assign(items=groups["uid"].nunique()).reset_index()


def people(human: FloatArray) -> dict[str, Any]:
    """What is drawn of the people themselves, of shares (N, C).

    Returns:
        Their number and mean entropy, how many divide people, the mean share of the majority in
        each third of entropy, and how many items lie where in the triangle.
    """
    parts = np.array_split(human[np.argsort(entropy(human), kind="stable")], 3)
    cells, counts = np.unique((human * GRID).round() / GRID, axis=0, return_counts=True)
    return {
        "items": len(human),
        "entropy": entropy(human).mean(),
        "divided": (human.max(axis=1) < MAJORITY).mean(),
        "agreement": [part.max(axis=1).mean() for part in parts],
        "triangle": np.column_stack([cells.round(2), counts]),
    }


def path(runs: Sequence[Experiment], split: str) -> list[dict[str, float]]:
    """The teachers' mean JSD, KL and entropy correlation at every temperature."""
    known = [(run.gold(split).human, run.teacher.logits(split)) for run in runs]
    rows = []
    for temperature in PATH:
        found = []
        for human, logits in known:
            probs = apply_temperature(logits, float(temperature))
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
    """Parameters and latency of the teacher cut to every depth, 0 included: one text, 28 tokens."""
    whole = exp.teacher.load()
    models = {"0": without_layers(whole)}
    models |= {str(k): prune_to_depth(whole, k) for k in range(1, exp.num_layers + 1)}
    timings = measure_latency(models, batch_size=1, length=TOKENS, progress=False)
    return [
        {
            "depth": int(depth),
            "parameters": count_parameters(model),
            "timing": {"milliseconds": 1000 * timings[depth].median},
        }
        for depth, model in models.items()
    ]


def joined(golds: Sequence[Gold]) -> Gold:
    """The same set of all folds."""
    names = ("human", "old_labels", "new_labels")
    uids = tuple(itertools.chain.from_iterable(gold.uids for gold in golds))
    arrays = {name: np.concatenate([getattr(gold, name) for gold in golds]) for name in names}
    return Gold(name=golds[0].name, uids=uids, counts=None, **arrays)


def released(split: Dataset, name: str) -> dict[str, Any]:
    """What the released models of Baan et al. (2022) say about the items of ChaosSNLI."""
    gold = Gold.of(split, name)
    found = [(one, load_predictions(*one)) for one in available_predictions()]
    rows = [
        score_probs(gold, model, seed, softmax(align_predictions(predictions, split)))
        for (model, seed), predictions in found
    ]
    parts = [own for _, own in pd.concat(rows).groupby("method")]
    return {
        "source": RELEASE,
        "models": [f"{model}, seed {seed}" for model, seed in available_predictions()],
        "people": {name: people(gold.human)},
        "scores": pd.concat([summarise(p) for p in parts]),
        "thirds": pd.concat([thirds(p) for p in parts]),
        "divided": pd.concat([divided(p, {name: gold}) for p in parts]),
    }


def layers_of(runs: Sequence[Experiment], readout: str = "mean") -> dict[str, Any]:
    """What the figures of layers show, of these seeds and folds."""
    splits = runs[0].evaluation_splits
    every = [
        joined([run.gold(split) for run in runs if run.seed == runs[0].seed]) for split in splits
    ]
    samples = runs[0].profile.evaluation.bootstrap_samples
    return {
        "people": {gold.name: people(gold.human) for gold in every},
        "choices": [choice(run) for run in runs],
        "layers": [row for run in runs for row in layer_rows(run, readout)],
        "layer_gaps": layer_gaps(runs, samples),
    }


def scores_of(exp: Experiment, names: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """What the figures of methods show; trains what is missing."""
    folds = range(exp.profile.data.folds)
    runs = [exp.with_fold(fold).with_seed(seed) for seed in seeds for fold in folds]
    prepare(exp, list(names), seeds=seeds)
    scores = score_methods(exp, [METHODS[name] for name in names], seeds)
    samples = exp.profile.evaluation.bootstrap_samples
    pairs = [pair for pair in PAIRS if set(pair) <= set(names)]
    golds = {exp.gold(split).name: split for split in exp.evaluation_splits}
    every = {
        name: joined([exp.with_fold(fold).gold(split) for fold in folds])
        for name, split in golds.items()
    }
    own = []
    for name, run in itertools.product(names, runs):
        method = METHODS[name]
        if method.per_seed or run.seed == seeds[0]:
            for dataset, split in golds.items():
                found = at_own_temperature(method.probs(run, split), run.gold(split).human)
                own.append({"dataset": dataset, "method": name} | found)
    compared = [*MEASURES, "accuracy_new", "overconfidence", "entropy_corr"]
    return {
        "seeds": list(seeds),
        "people": {name: people(gold.human) for name, gold in every.items()},
        "scores": summarise(scores, samples=samples),
        "differences": compare(scores, pairs, compared, samples=samples),
        "own_temperature": pd.DataFrame(own)
        .groupby(["dataset", "method"], sort=False)
        .mean()
        .reset_index(),
        "thirds": thirds(scores),
        "divided": divided(scores, every),
        "path": {name: path(runs, split) for name, split in golds.items()}
        if len(folds) == 1
        else None,
        "costs": {name: vars(METHODS[name].cost(exp)) for name in names},
    }


def margins(runs: Sequence[Experiment], names: Sequence[str], samples: int) -> list[dict[str, Any]]:
    """How far each method lies below a path of temperatures, and what it gains in correlation.

    The path is the teacher's, and that of the teacher trained as long as its students.
    """
    rows = []
    bases = [name for name in ("teacher", "trained longer") if name in names]
    for split in runs[0].evaluation_splits:
        gold = runs[0].gold(split)
        logits = {
            name: [np.log(np.maximum(METHODS[name].probs(run, split), 1e-15)) for run in runs]
            for name in names
        }
        probs = {name: [softmax(own) for own in of_runs] for name, of_runs in logits.items()}
        for base in bases:
            found = against_path_all(gold.human, logits[base], probs, samples=samples)
            for name, one in found.items():
                gains = {"margin": vars(one.margin), "correlation": vars(one.correlation_gain)}
                rows.append({"dataset": gold.name, "path": base, "method": name} | gains)
    return rows


def evidence(
    exp: Experiment, names: Sequence[str], seeds: Sequence[int], *, full_map: bool
) -> dict[str, Any]:
    """Everything that the figures show, of these methods and seeds."""
    scores, samples = scores_of(exp, names, seeds), exp.profile.evaluation.bootstrap_samples
    folds = range(exp.profile.data.folds)
    runs = [exp.with_fold(fold).with_seed(seed) for seed in seeds for fold in folds]
    probing = dataclasses.replace(exp.profile.probing, pooling="cls")
    first_token = Experiment(
        dataclasses.replace(exp.profile, probing=probing), exp.seed, store=exp.store
    )
    layers = layers_of(runs)
    layers["layers"] += layer_rows(first_token, "cls")
    floors = {
        gold.name: noise_floor(gold.counts)
        for gold in map(exp.gold, exp.evaluation_splits)
        if gold.counts is not None
    }
    return {
        "data": exp.splits.description,
        "train_items": len(exp.splits.train),
        **scores,
        **layers,
        "noise_floors": floors,
        "margins": margins(runs, [name for name in names if not METHODS[name].gold], samples)
        if len(folds) == 1
        else None,
        "items": single_items(exp),
        "source_map": source_map(exp) if full_map else None,
        "speed": speed(exp),
        "timing": {f"teacher {run.seed}.{run.fold}": run.teacher.train_seconds for run in runs},
    }
