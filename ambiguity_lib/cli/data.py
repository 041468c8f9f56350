"""Commands about data: the research data of the profiles, and files of one's own."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ambiguity_lib.cli.errors import FAILED, WRONG_REQUEST, DebugOption, fail, guarded, print_error
from ambiguity_lib.cli.own_data import (
    AnnotatorOption,
    ClassesOption,
    JsonOption,
    LabelCountsOption,
    LabelDistOption,
    LabelOption,
    TextOption,
    TextPairOption,
    UidOption,
    class_list,
    columns_of,
)

app = typer.Typer(
    help="Check your own files; fetch the research data of the profiles.", no_args_is_help=True
)


@app.command()
@guarded
def check(
    file: Annotated[str, typer.Argument(help="JSONL, CSV, TSV or Parquet, or a datasets id.")],
    human: Annotated[
        bool, typer.Option("--human", help="It must hold human opinions: votes or distributions.")
    ] = False,
    classes: ClassesOption = None,
    text: TextOption = "text",
    text_pair: TextPairOption = None,
    label: LabelOption = "label",
    uid: UidOption = "uid",
    label_dist: LabelDistOption = "label_dist",
    label_counts: LabelCountsOption = "label_counts",
    annotator: AnnotatorOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Problems to list.")] = 100,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List what is wrong with a file, by line, or its classes; exit code 2 if anything is wrong.

    Example: `ambiguity-lib data check train.csv --label sentiment`
    """
    from ambiguity_lib.data import check_file, count_labels, read_dataset  # a second's import

    columns = columns_of(text, text_pair, label, uid, label_dist, label_counts, annotator)
    names = class_list(classes)
    problems = check_file(file, columns, class_names=names, human=human, limit=limit)
    read = None if problems else read_dataset(file, columns, class_names=names, human=human)
    items = None if read is None else len(read.dataset)
    counts = {} if read is None else count_labels(read.dataset)
    if as_json:
        found = [{p.unit: p.line, "message": p.message} for p in problems]
        warnings = [] if read is None else list(read.warnings)
        said: dict[str, Any] = {"file": file, "problems": found, "warnings": warnings}
        said |= {"items": items, "classes": counts}
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        for problem in problems:
            typer.echo(str(problem))
        for warning in () if read is None else read.warnings:
            typer.echo(f"warning: {warning}")
        if items is not None:
            typer.echo(f"{file}: {items:,} items, nothing is wrong")
            typer.echo("  by what most people said:" if human else "  classes, in this order:")
            width = max(len(name) for name in counts)
            for name, count in counts.items():
                typer.echo(f"    {name:<{width}}  {count:>7,}")
    if problems:
        raise typer.Exit(WRONG_REQUEST)


@app.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="snli, mnli, chaosnli, affective-text. Default: all."),
    ] = None,
) -> None:
    """Download the data sets that are not there yet, and print where each file lies.

    Example: `ambiguity-lib data fetch chaosnli`
    """
    # a second's import, not needed for --help
    from ambiguity_lib.data.download import DownloadError
    from ambiguity_lib.data.reading import fetch_all
    from ambiguity_lib.data.sources import DATA_SETS, find_data_set

    try:
        chosen = [find_data_set(name) for name in dict.fromkeys(names or DATA_SETS)]
    except ValueError as error:
        fail(str(error))
    failed = False
    for data_set in chosen:
        try:
            paths = fetch_all([data_set.name])[data_set.name]
        except (DownloadError, OSError) as error:
            print_error(str(error))
            failed = True  # the others may be had all the same
            continue
        typer.echo(f"{data_set.title}, licence: {data_set.licence}")
        for path in paths:
            typer.echo(f"  {path}")
    if failed:
        raise typer.Exit(FAILED)
