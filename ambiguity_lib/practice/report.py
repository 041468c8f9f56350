"""One HTML page about a compression: opens without a network, reads on a phone and on paper."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from ambiguity_lib.evaluation.words import amount
from ambiguity_lib.practice.figures import (
    inline_svg,
    plot_before_after,
    plot_costs,
    plot_layer_curve,
)
from ambiguity_lib.practice.run import MEASURES, MODELS, Run, fill_in, flat, load_run
from ambiguity_lib.store import written_whole

REPORT_FILE = "report.html"

# narrow: on a phone a figure is as wide as the screen, and its text must stay readable
_WIDTH = 4.6
_NARROW = 3.6  # three of these stand side by side on a desk
_WITH_PEOPLE = ("JSD", "KL", "entropy correlation")
_WITHOUT_PEOPLE = ("NLL", "ECE", "entropy")


def report(run: Run) -> str:
    """A page about a compression; it asks for nothing from elsewhere."""
    return fill_in(
        "report.html",
        run,
        settings=flat(run.to_json()["settings"]),
        layer_figure=_layer_figure(run),
        measure_figures=_measure_figures(run),
        cost_figure=_cost_figure(run),
    )


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
    text = report(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _layer_figure(run: Run) -> str:
    layers, labels = run.layers, run.data["validation"].labels
    chance = max(labels.values()) / sum(labels.values())
    marks = {"source": layers.source, "depth": layers.depth}

    def draw(ax: Axes) -> None:
        plot_layer_curve(
            layers.probe_accuracy,
            ax,
            ylabel="validation accuracy",
            reference={"largest class": chance},
            mark=marks,
        )

    told = ", ".join(f"{layer}: {value:.3f}" for layer, value in enumerate(layers.probe_accuracy))
    alt = (
        f"Validation accuracy of the probe on each layer: {told}. The largest class alone gives "
        f"{chance:.3f}. Source: layer {layers.source}; depth: {layers.depth}."
    )
    return inline_svg(draw, name="layers", alt=alt, size=(_WIDTH, 3.1))


def _measure_figures(run: Run) -> list[str]:
    data = "human" if "human" in run.data else "validation"
    rows = pd.DataFrame(run.measures)
    told = run.tables[data]
    figures = []
    for measure in _WITH_PEOPLE if data == "human" else _WITHOUT_PEOPLE:
        mine = rows[(rows["data"] == data) & (rows["measure"] == measure)]
        if mine["value"].isna().all():
            continue
        known = MEASURES[measure]
        unit = f" ({known.unit})" if known.unit else ""
        good = f"{known.better} is better" if known.better else ""
        numbers = ", ".join(
            f"{one.model} {one.shown} {one.interval}".strip()
            for one in told[measure]
            if one.model in MODELS
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


def _cost_figure(run: Run) -> str:
    kinds = {"parameters": "parameters", "bytes": "on disk", "milliseconds": "latency"}
    before, after = (
        {label: getattr(model, kind) for kind, label in kinds.items()}
        for model in (run.cost.before, run.cost.after)
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
