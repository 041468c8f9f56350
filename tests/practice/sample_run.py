"""A compression of a tiny model, made in code, with class names that try to break a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel

from ambiguity_lib.data import build_dataset, make_features
from ambiguity_lib.evaluation import EvaluationConfig
from ambiguity_lib.models import TrainingConfig
from ambiguity_lib.practice.compress import CompressionResult, CompressionSettings, compress
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


def without_human(run: dict[str, Any]) -> dict[str, Any]:
    """The same run, had there been no human answers."""
    return run | {
        "data": {name: part for name, part in run["data"].items() if name != "human"},
        "measures": [row for row in run["measures"] if row["data"] != "human"],
        "verdicts": [verdict for verdict in run["verdicts"] if "human" not in verdict],
    }


def without_optional(run: dict[str, Any]) -> dict[str, Any]:
    """The same run, with nothing that a record may leave open."""
    return run | {
        "model": {
            name: value for name, value in run["model"].items() if name not in ("local", "licence")
        },
        "data": {
            name: {key: value for key, value in part.items() if key != "pairs"} | {"source": None}
            for name, part in run["data"].items()
        },
        "cost": {name: cost | {"milliseconds a text": None} for name, cost in run["cost"].items()},
        "latency": None,
        "timing": None,
        "measures": [
            row | ({"value": None} if row["measure"] == "entropy correlation" else {}) | open_ends
            for row in run["measures"]
            for open_ends in [{"low": None, "high": None}]
        ],
        "provenance": run["provenance"]
        | {
            "git": {"commit": None, "dirty": None},
            "cpu": "",
            "cores": None,
            "torch_threads": None,
            "packages": dict.fromkeys(run["provenance"]["packages"]),
        },
    }
