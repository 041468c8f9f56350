"""Run benchmarks and print one table: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import importlib
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from ambiguity_lib.study import build_directory
from benchmarks.harness import Report, write_report

#: Modules of this package with a function ``run(quick: bool) -> Report``.
NAMES = ("metrics", "probes", "features", "training", "distillation", "latency")
#: Those that `make bench` leaves out.
ON_REQUEST = ("compression",)
RESULTS = Path(__file__).parent / "results"


def print_table(reports: dict[str, Report], console: Console) -> None:
    """Print every comparison: ours, peer, ratio, target, holds or not."""
    table = Table(title="ratio > 1: ours is faster, unless the row says otherwise")
    for column in ("comparison", "ours", "peer", "ratio", "target", "holds"):
        table.add_column(column, justify="left" if column in ("comparison", "peer") else "right")
    for report in reports.values():
        for row in report.comparisons:
            verdict = {True: "yes", False: "NO", None: ""}[row.holds]
            target = "" if row.target is None else f"{row.relation} {row.target:g}"
            table.add_row(
                row.name,
                f"{row.ours:.4g} {row.unit}",
                f"{row.peer:.4g} {row.unit} ({row.peer_name})",
                f"{row.ratio:.2f}",
                target,
                verdict,
            )
        table.add_section()
    console.print(table)


app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all by default.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the JSON files.")] = None,
    quick: Annotated[bool, typer.Option(help="Tiny sizes: a test of the code, no result.")] = False,
) -> None:
    """Run the benchmarks one after the other and write one JSON file each."""
    chosen = tuple(names) if names else NAMES
    unknown = [name for name in chosen if name not in NAMES + ON_REQUEST]
    if unknown:
        raise typer.BadParameter(
            f"unknown {', '.join(unknown)}: choose from {', '.join(NAMES + ON_REQUEST)}"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    folder = f"{device}-{datetime.now(UTC):%Y%m%dT%H%M}"
    # a run is recorded when it is complete: the book shows what is there
    record = RESULTS / folder if output is None and not quick and chosen == NAMES else None
    if output is None:
        output = build_directory() / "benchmarks" / ("quick" if quick else folder)
    console = Console(width=140)
    reports = {}
    for name in chosen:
        start = time.perf_counter()
        console.print(f"{name} …")
        try:
            reports[name] = importlib.import_module(f"benchmarks.{name}").run(quick=quick)
        except AssertionError as error:  # values that differ; the others can still be compared
            console.print(f"{name}: [red]failed[/red]", error)
            continue
        path = write_report(reports[name], name, output, quick=quick)
        console.print(f"{name}: {time.perf_counter() - start:.0f} s, {path}")
    print_table(reports, console)
    if len(reports) < len(chosen):
        raise typer.Exit(1)
    if record is not None:
        shutil.copytree(output, record)
        console.print(f"recorded in {record}")


if __name__ == "__main__":
    app()
