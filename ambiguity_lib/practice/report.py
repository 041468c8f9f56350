"""One HTML page about a compression: opens without a network, reads on a phone and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.axes import Axes

from ambiguity_lib.evaluation.words import UNKNOWN, amount, minus
from ambiguity_lib.practice import run as facts
from ambiguity_lib.practice.figures import (
    inline_svg,
    plot_before_after,
    plot_costs,
    plot_layer_curves,
)
from ambiguity_lib.practice.run import load_run
from ambiguity_lib.store import written_whole

REPORT_FILE = "report.html"

# narrow: on a phone a figure is as wide as the screen, and its text must stay readable
_WIDTH = 4.6
_NARROW = 3.6  # three of these stand side by side on a desk
_WITH_PEOPLE = ("JSD", "KL", "entropy correlation")
_WITHOUT_PEOPLE = ("NLL", "ECE", "entropy")


def report(run: Mapping[str, Any]) -> str:
    """Write a page about a compression."""
    environment = Environment(
        loader=PackageLoader("ambiguity_lib.practice"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["line"] = lambda text: facts.one_line(str(text))
    return environment.get_template("report.html").render(_contents(run))


def write_report(directory: str | Path, path: str | Path | None = None) -> Path:
    """Write the page of the compression in a folder, whole or not at all.

    Args:
        directory: What ``ambiguity-lib compress`` wrote.
        path: The page; ``report.html`` in the folder by default.

    Returns:
        The page's path.

    Raises:
        FileNotFoundError: If the folder holds no record.
        ValueError: If the record is damaged, or one of another version.

    Examples:
        >>> from ambiguity_lib.practice.report import write_report

        A folder that ``compress`` did not write has nothing to report:

        >>> write_report("tiny")
        Traceback (most recent call last):
            ...
        FileNotFoundError: there is no compression.json in tiny: give the folder
        that `ambiguity-lib compress` wrote
    """
    path = Path(directory) / REPORT_FILE if path is None else Path(path)
    run = load_run(directory)
    try:
        text = report(run)
    except KeyError as error:
        raise ValueError(
            f"the record in {directory} has no {error}: another version of ambiguity-lib wrote it, "
            "or it was changed since"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _contents(run: Mapping[str, Any]) -> dict[str, Any]:
    base, on_hub = facts.base_model(run)
    settings, git = run["settings"], run["provenance"]["git"]
    return {
        "name": facts.student_name(run),
        "base": base,
        "on_hub": on_hub,
        "base_tells": facts.tells(base),
        "model": run["model"],
        "layers": run["layers"],
        "teacher_layer": facts.layer_name(run["layers"]["source"]),
        "student_epochs": facts.epochs(settings["student_epochs"]),
        "teacher_epochs": facts.epochs(settings["training"]["epochs"]),
        "verdicts": [minus(verdict) for verdict in facts.all_verdicts(run)],
        "tables": facts.comparison(run),
        "measures": facts.meanings(run),
        "depth_rule": facts.depth_rule(run),
        "intervals": facts.intervals(run),
        "tie_note": facts.tie_note(run),
        "bins": settings["evaluation"]["calibration_bins"],
        "layer_figure": _layer_figure(run),
        "measure_figures": _measure_figures(run),
        "cost_figure": _cost_figure(run),
        "costs": facts.costs(run),
        "conditions": facts.latency_conditions(run),
        "timing": {
            name.removesuffix("_seconds").replace("_", "-"): facts.duration(seconds)
            for name, seconds in (run.get("timing") or {}).items()
        },
        "data": {
            name: part | {"source": facts.place(part["source"]) or UNKNOWN}
            for name, part in run["data"].items()
        },
        "class_counts": facts.class_counts(run),
        "max_length": settings["training"]["max_length"],
        "settings": facts.flat(settings),
        "seed": run["seed"],
        "hardware": facts.hardware(run),
        "versions": facts.versions(run),
        "platform": run["provenance"]["platform"],
        "date": run["provenance"]["date"],
        "commit": git["commit"],
        "dirty": git["dirty"],
        "licence": run["model"].get("licence"),
    }


def _layer_figure(run: Mapping[str, Any]) -> str:
    layers, labels = run["layers"], run["data"]["validation"]["labels"]
    accuracy = np.array(layers["probe_accuracy"], dtype=float)
    chance = max(labels.values()) / sum(labels.values())
    marks = {"source": layers["source"], "depth": layers["depth"]}

    def draw(ax: Axes) -> None:
        plot_layer_curves(
            {"probe": accuracy},
            ax,
            ylabel="validation accuracy",
            reference={"largest class": chance},
            mark=marks,
        )

    told = ", ".join(f"{layer}: {value:.3f}" for layer, value in enumerate(accuracy))
    alt = (
        f"Validation accuracy of the probe on each layer: {told}. The largest class alone gives "
        f"{chance:.3f}. Source: layer {layers['source']}; depth: {layers['depth']}."
    )
    return inline_svg(draw, name="layers", alt=alt, size=(_WIDTH, 3.1))


def _measure_figures(run: Mapping[str, Any]) -> list[str]:
    data = "human" if "human" in run["data"] else "validation"
    rows = pd.DataFrame(run["measures"])
    told = {row.measure: row.estimates for row in facts.comparison(run)[data]}
    figures = []
    for measure in _WITH_PEOPLE if data == "human" else _WITHOUT_PEOPLE:
        mine = rows[(rows["data"] == data) & (rows["measure"] == measure)]
        if mine["value"].isna().all():
            continue
        known = facts.MEASURES[measure]
        unit = f" ({known.unit})" if known.unit else ""
        good = f"{known.better} is better" if known.better else ""
        numbers = ", ".join(
            f"{model} {told[measure][model].value} {told[measure][model].interval}".strip()
            for model in facts.MODELS
        )
        figures.append(
            inline_svg(
                partial(plot_before_after, mine, xlabel=f"{measure}{unit}\n{good}".strip()),
                name=measure.lower().replace(" ", "-"),
                alt=f"{measure}{unit}, {data} items: {numbers}. {good.capitalize()}.",
                size=(_NARROW, 1.9),
            )
        )
    return figures


def _cost_figure(run: Mapping[str, Any]) -> str:
    kinds = {"parameters": "parameters", "bytes": "on disk", "milliseconds a text": "latency"}
    before, after = (
        {label: run["cost"][model].get(kind) for kind, label in kinds.items()}
        for model in ("before", "after")
    )
    labels = {
        label: (amount(kind, before[label]), amount(kind, after[label]))
        for kind, label in kinds.items()
    }
    told = "; ".join(
        f"{name} {first} before, {last} after" for name, (first, last) in labels.items()
    )
    return inline_svg(
        partial(plot_costs, before, after, labels=labels),
        name="costs",
        alt=f"Size and latency: {told}.",
        size=(_WIDTH, 2.9),
    )
