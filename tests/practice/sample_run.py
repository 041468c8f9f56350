"""A compression of a tiny model, made in code, with class names that try to break a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel

from ambiguity_lib.data import build_dataset, make_features
from ambiguity_lib.evaluation import EvaluationConfig
from ambiguity_lib.models import TrainingConfig
from ambiguity_lib.practice.compress import CompressionResult, CompressionSettings, compress
from ambiguity_lib.practice.run import Run
from tests.tiny import tiny_dataset, tiny_model, tiny_tokenizer

ODD_CLASSES = ("<script>alert('1')</script>", 'yes | no: "null"', "שלום\n---\n# *ñ* 🎉 $x$ `t`")


def sample_compression(folder: Path) -> CompressionResult:
    """Two of four layers, pairs of texts, 20 items with human answers."""
    tiny_model(layers=4).base_model.save_pretrained(folder / "encoder")
    tiny_tokenizer().save_pretrained(folder / "encoder")
    train, validation, plain = (
        tiny_dataset(items, seed).cast_column("label", ClassLabel(names=list(ODD_CLASSES)))
        for items, seed in ((64, 0), (32, 1), (20, 7))
    )
    counts = np.random.default_rng(0).multinomial(10, [0.5, 0.3, 0.2], size=20)
    columns = {name: plain[name][:] for name in plain.column_names} | {
        "label_dist": counts / 10,
        "label_counts": counts,
        "majority_label": counts.argmax(axis=1),
    }
    training = TrainingConfig(
        epochs=2,
        batch_size=16,
        learning_rate=5e-3,
        weight_decay=0.0,
        warmup_ratio=0.1,
        max_length=32,
        precision="fp32",
    )
    return compress(
        folder / "encoder",
        train,
        validation,
        human=build_dataset(columns, make_features(ODD_CLASSES, pair=True, human=True)),
        settings=CompressionSettings(
            training=training,
            fixed_epochs=True,
            student_epochs=1,
            weight=0.4,
            evaluation=EvaluationConfig(bootstrap_samples=20),
        ),
        seed=5,
        sources={"train": "/home/somebody/secret/train.csv", "human": "group/answers:test"},
        progress=False,
    )


def any_run() -> Run:
    """A run with little to tell; nothing was trained for it."""
    cost = {"parameters": 100, "bytes": 400, "milliseconds a text": 3.0}
    return Run.from_json(
        {
            "kind": "compression",
            "model": {"source": "m", "family": "bert", "layers": 4, "fine_tuned_here": True},
            "classes": ["no", "yes"],
            "data": {},
            "layers": {"depth": 2, "source": 1, "weight": 0.5, "probe_accuracy": [0.5, 0.6, 0.7]},
            "measures": [],
            "cost": {"before": cost, "after": cost},
            "settings": {},
            "seed": 0,
            "verdicts": [],
            "provenance": {
                "date": "2026-01-01",
                "git": {"commit": None, "dirty": None},
                "python": "3.11",
                "packages": {},
                "platform": "",
                "cpu": "",
                "cores": None,
            },
        }
    )


def changed(run: Run, **changes: Any) -> Run:
    """The same run with other facts; what is given of a part replaces that part's alone."""

    def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        return old | {
            key: merged(old[key], value)
            if isinstance(value, dict) and isinstance(old.get(key), dict)
            else value
            for key, value in new.items()
        }

    return Run.from_json(merged(run.to_json(), changes))


def without_human(run: Run) -> Run:
    """The same run, had there been no human answers."""
    return replace(
        run,
        data={name: part for name, part in run.data.items() if name != "human"},
        measures=tuple(one for one in run.measures if one.data != "human"),
        verdicts=tuple(verdict for verdict in run.verdicts if "human" not in verdict),
    )


def without_optional(run: Run) -> Run:
    """The same run, with nothing that a record may leave open."""
    record = run.to_json()
    for name in ("local", "licence"):
        del record["model"][name]
    for part in record["data"].values():
        del part["pairs"]
        part["source"] = None
    for row in record["measures"]:
        row |= {"low": None, "high": None}
        if row["measure"] == "entropy correlation":
            row["value"] = None
    for cost in record["cost"].values():
        cost["milliseconds a text"] = None
    record |= {"latency": None, "timing": None}
    record["provenance"] |= {
        "git": {"commit": None, "dirty": None},
        "cpu": "",
        "cores": None,
        "torch_threads": None,
        "packages": dict.fromkeys(record["provenance"]["packages"]),
    }
    return Run.from_json(record)
