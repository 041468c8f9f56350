"""A model card from the record of a compression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from ambiguity_lib.evaluation.words import UNKNOWN, minus
from ambiguity_lib.practice import run as facts
from ambiguity_lib.practice.run import reproduction

_TAGS = ("distillation", "layer-pruning", "calibration", "human-label-variation", "ambiguity-lib")
# what means something in Markdown, GitHub's tables and strike-through, HTML or the hub's formulas
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&#$])")
_LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")


def model_card(run: Mapping[str, Any]) -> ModelCard:
    """Write the model card of a compressed classifier."""
    environment = Environment(
        loader=PackageLoader("ambiguity_lib.practice"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = escape_markdown
    environment.filters["count"] = "{:,}".format
    text = environment.get_template("model_card.md").render(_contents(run))
    return ModelCard(f"---\n{_metadata(run).to_yaml()}\n---\n\n{text}")


def escape_markdown(text: object) -> str:
    """Any text as Markdown that shows it on one line, also in a cell of a table."""
    return _MARKDOWN.sub(r"\\\1", facts.one_line(str(text)))


def _metadata(run: Mapping[str, Any]) -> ModelCardData:
    base, on_hub = facts.base_model(run)
    results = list(_results(run))
    licence = run["model"].get("licence")
    known = licence is None or _LICENCE_ID.fullmatch(licence) is not None
    return ModelCardData(
        base_model=base if on_hub else None,
        license=licence if known else "other",
        license_name=None if known else facts.one_line(licence),
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=list(_TAGS),
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        # a name without results would be written, and lost when read
        model_name=facts.student_name(run) if results else None,
        eval_results=results or None,
    )


def _results(run: Mapping[str, Any]) -> list[EvalResult]:
    """The measures of the compressed model, in the hub's words."""
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=facts.place(run["data"][row["data"]]["source"]) or "own-data",
            dataset_name=f"{row['data']} ({run['data'][row['data']]['items']:,} items)",
            dataset_split=row["data"],
            metric_type=row["measure"].lower().replace(" ", "_"),
            metric_name=row["measure"],
            metric_value=round(row["value"], 4),
        )
        for row in run["measures"]
        if row["model"] == "after" and row["value"] is not None
    ]


def _contents(run: Mapping[str, Any]) -> dict[str, Any]:
    base, on_hub = facts.base_model(run)
    data, settings, git = run["data"], run["settings"], run["provenance"]["git"]
    tables = facts.comparison(run)
    return {
        "name": facts.student_name(run),
        "base": base,
        "on_hub": on_hub,
        "base_tells": facts.tells(base),
        "family": run["model"]["family"],
        "fine_tuned_here": run["model"]["fine_tuned_here"],
        "licence": run["model"].get("licence"),
        "classes": run["classes"],
        "total": run["model"]["layers"],
        "depth": run["layers"]["depth"],
        "weight": run["layers"]["weight"],
        "teacher_layer": facts.layer_name(run["layers"]["source"]),
        "teacher_epochs": facts.epochs(settings["training"]["epochs"]),
        "student_epochs": facts.epochs(settings["student_epochs"]),
        "max_length": settings["training"]["max_length"],
        "depth_rule": facts.depth_rule(run),
        "intervals": facts.intervals(run),
        "tie_note": facts.tie_note(run),
        "settings": settings,
        "seed": run["seed"],
        "pairs": any(part.get("pairs") for part in data.values()),
        "data": [
            part | {"name": name, "source": facts.place(part["source"]) or UNKNOWN}
            for name, part in data.items()
        ],
        "class_counts": facts.class_counts(run),
        "human": data["human"]["items"] if "human" in data else None,
        "tables": tables,
        "measures": facts.meanings(run),
        "costs": facts.costs(run),
        "conditions": facts.latency_conditions(run),
        "verdicts": [minus(verdict) for verdict in facts.all_verdicts(run)],
        "hardware": facts.hardware(run),
        "platform": run["provenance"]["platform"],
        "versions": facts.versions(run),
        "date": run["provenance"]["date"],
        "commit": git["commit"],
        "dirty": git["dirty"],
        "again": reproduction(run),
    }
