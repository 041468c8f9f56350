"""The commands of ``ambiguity-lib``; the heavy imports are inside them, so ``--help`` is quick."""

from __future__ import annotations

import csv
import dataclasses
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ambiguity_lib import __version__
from ambiguity_lib.practice.console import (
    FAILED,
    WRONG_REQUEST,
    MadeOf,
    Remarks,
    command,
    fail,
    print_error,
    show_progress,
    speak_utf8,
)
from ambiguity_lib.practice.work import WorkFolder
from ambiguity_lib.store import written_whole

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

    from ambiguity_lib.practice.compress import CompressionResult
    from ambiguity_lib.practice.own_files import Columns, LabelledFile

_COLUMNS, _TRAINING, _CHOICES = "Columns of the data", "Training", "Choices"

ClassesOption = Annotated[
    str | None,
    typer.Option(help="Class names in order, as in 'negative,neutral,positive'. Default: found."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
ModelOption = Annotated[
    str, typer.Option("--model", help="Hugging Face id, or the folder of a model.")
]
HumanOption = Annotated[str | None, typer.Option(help="Items with votes or distributions.")]
MaxLengthOption = Annotated[int, typer.Option(min=1, help="Tokens at which texts are cut.")]
BatchSizeOption = Annotated[int, typer.Option(min=1, help="Texts at a time.")]


def _in(panel: str, help: str, **limits: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=panel, **limits)


def _columns(
    text: Annotated[str, _in(_COLUMNS, "Column of the text.")] = "text",
    text_pair: Annotated[
        str | None, _in(_COLUMNS, "Column of a second text. Default: text_pair.")
    ] = None,
    label: Annotated[str, _in(_COLUMNS, "Column of the class, by name or number.")] = "label",
    uid: Annotated[str, _in(_COLUMNS, "Column of the item's id, if any.")] = "uid",
    label_dist: Annotated[str, _in(_COLUMNS, "Column of human distributions.")] = "label_dist",
    label_counts: Annotated[str, _in(_COLUMNS, "Column of votes per class.")] = "label_counts",
    annotator: Annotated[
        str | None, _in(_COLUMNS, "Column of who gave the label, where a row is one person's.")
    ] = None,
) -> Any:
    from ambiguity_lib.practice.own_files import Columns

    return Columns(
        text=text,
        text_pair=text_pair,
        label=label,
        uid=uid,
        label_dist=label_dist,
        label_counts=label_counts,
        annotator=annotator,
    )


def _settings(
    epochs: Annotated[
        int | None, _in(_TRAINING, "Of the full model. Default: 3; more on few items.", min=1)
    ] = None,
    student_epochs: Annotated[
        int | None, _in(_TRAINING, "Of the student. Default: 1; more on few items.", min=1)
    ] = None,
    batch_size: Annotated[int, _in(_TRAINING, "Items a step.", min=1)] = 32,
    learning_rate: Annotated[float, _in(_TRAINING, "Largest step size.")] = 5e-5,
    max_length: Annotated[int, _in(_TRAINING, "Tokens at which texts are cut.", min=1)] = 512,
    precision: Annotated[str, _in(_TRAINING, "auto, bf16 or fp32.")] = "auto",
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune", help="Train even a model that has a head.", rich_help_panel=_TRAINING
        ),
    ] = False,
    tolerance: Annotated[float, _in(_CHOICES, "Accuracy that depth may cost, as in 0.01.")] = 0.01,
    weight: Annotated[float, _in(_CHOICES, "Share of the lower layer in the targets.")] = 0.5,
    folds: Annotated[
        int, _in(_CHOICES, "Cross-fit the lower layer's distributions in so many folds.", min=0)
    ] = 0,
    depth: Annotated[int | None, _in(_CHOICES, "Layers, instead of choosing.")] = None,
    source: Annotated[int | None, _in(_CHOICES, "Layer that teaches, instead of choosing.")] = None,
) -> Any:
    from ambiguity_lib.models.batches import resolve_precision
    from ambiguity_lib.practice.compress import CompressionSettings

    resolve_precision(precision)
    defaults = CompressionSettings()
    return dataclasses.replace(
        defaults,
        training=dataclasses.replace(
            defaults.training,
            epochs=defaults.training.epochs if epochs is None else epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            max_length=max_length,
            precision=cast(Any, precision),
        ),
        fixed_epochs=epochs is not None,
        student_epochs=student_epochs,
        weight=weight,
        folds=folds,
        tolerance=tolerance,
        depth=depth,
        source=source,
        fine_tune="always" if fine_tune else "auto",
    )


ColumnOptions = Annotated[Callable[[], Any], MadeOf(_columns)]
SettingOptions = Annotated[Callable[[], Any], MadeOf(_settings)]


def _class_list(classes: str | None) -> tuple[str, ...] | None:
    """The names in a comma-separated list; None if none is given."""
    if not classes:
        return None
    line = ",".join(classes.splitlines())
    try:
        (names,) = csv.reader([line], skipinitialspace=True, strict=True)
    except csv.Error as error:  # a name with a comma is quoted
        raise ValueError(f"--classes {line!r} cannot be read: {error}") from error
    return tuple(name.strip() for name in names if name.strip())


def _read_own(
    source: str,
    columns: Columns,
    names: tuple[str, ...] | None,
    said: Remarks,
    *,
    human: bool,
    ordered: bool = True,
) -> LabelledFile:
    """Labelled items, or such with opinions; what was left out or mended is said."""
    from ambiguity_lib.practice.own_files import read_dataset
    from ambiguity_lib.store import is_main_process

    read = read_dataset(
        source, columns, class_names=names, human=human, labels=not human, ordered=ordered
    )
    for warning in read.warnings if is_main_process() else ():
        said.say(f"{source}: {warning}")
    return read


data_app = typer.Typer(
    help="Check your own files; fetch the research data of the profiles.", no_args_is_help=True
)


@data_app.command()
@command
def check(
    file: Annotated[str, typer.Argument(help="JSONL, CSV, TSV or Parquet, or a datasets id.")],
    human: Annotated[
        bool, typer.Option("--human", help="It must hold human opinions: votes or distributions.")
    ] = False,
    classes: ClassesOption = None,
    *,
    columns: ColumnOptions,
    limit: Annotated[int, typer.Option(min=1, help="Problems to list.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List what is wrong with a file, by line, or its classes; exit code 2 if anything is wrong.

    Example: `ambiguity-lib data check train.csv --label sentiment`
    """
    from ambiguity_lib.data.schema import count_labels
    from ambiguity_lib.practice.own_files import check_file, read_dataset

    named, names = columns(), _class_list(classes)
    problems = check_file(file, named, class_names=names, human=human, limit=limit)
    read = None if problems else read_dataset(file, named, class_names=names, human=human)
    warnings = [] if read is None else list(read.warnings)
    items = None if read is None else len(read.dataset)
    counts = {} if read is None else count_labels(read.dataset)
    if as_json:
        found = [{p.unit: p.line, "message": p.message} for p in problems]
        said = {"file": file, "problems": found, "warnings": warnings, "items": items}
        typer.echo(json.dumps(said | {"classes": counts}, ensure_ascii=False))
    else:
        for line in (*map(str, problems), *(f"warning: {warning}" for warning in warnings)):
            typer.echo(line)
        if items is not None:
            typer.echo(f"{file}: {items:,} items, nothing is wrong")
            typer.echo("  by what most people said:" if human else "  classes, in this order:")
            width = max(map(len, counts))
            for name, count in counts.items():
                typer.echo(f"    {name:<{width}}  {count:>7,}")
    if problems:
        raise typer.Exit(WRONG_REQUEST)


@data_app.command()
@command
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="snli, mnli, chaosnli, affective-text, good-news-everyone, goemotions. Default: "
            "all."
        ),
    ] = None,
) -> None:
    """Download the data sets that are not there yet, and print where each file lies.

    Example: `ambiguity-lib data fetch chaosnli`
    """
    from ambiguity_lib.data.sources import DATA_SETS, DownloadError, fetch_all, find_data_set

    failed = False
    for data_set in [find_data_set(name) for name in dict.fromkeys(names or DATA_SETS)]:
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


@command
def probe(
    model: ModelOption,
    data: Annotated[str, typer.Option(help="Items that the probes are fitted on.")],
    validation: Annotated[str, typer.Option(help="Items that they are judged on.")],
    human: HumanOption = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to put the figure (.png, .svg).")
    ] = None,
    classes: ClassesOption = None,
    *,
    columns: ColumnOptions,
    max_length: MaxLengthOption = 512,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what every layer of a model knows about the classes.

    Example: `ambiguity-lib probe --model bert-base-uncased --data train.csv --validation val.csv`
    """
    from ambiguity_lib.data.schema import class_names
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.models.loading import load_classifier, load_tokenizer
    from ambiguity_lib.practice.compress import check_same_texts, seen_in
    from ambiguity_lib.practice.inspect import probe_layers

    use_device(device)
    said = Remarks()
    read = _read_own(data, columns(), _class_list(classes), said, human=False)
    ordered = read.declared or classes is not None
    names = class_names(train := read.dataset)
    parts = {
        "train": train,
        "validation": _read_own(validation, columns(), names, said, human=False).dataset,
    }
    if human is not None:
        people = _read_own(human, columns(), names, said, human=True, ordered=ordered)
        parts["human"] = people.dataset
    check_same_texts(parts)
    for part, items in parts.items():
        if part != "train" and (count := seen_in(train, items)):
            said.say(f"{count} of the {len(items)} {part} items have the text of a training item")
    with show_progress():
        table = probe_layers(
            load_classifier(model, names, new_head=True),
            load_tokenizer(model),
            train,
            parts["validation"],
            human=parts.get("human"),
            max_length=max_length,
        )
    if output is not None:
        _plot_layers(table, output)
    typer.echo(_as_json("layers", table, said) if as_json else table.round(3).to_string())


@command
def evaluate(
    data: Annotated[
        str, typer.Option(help="Items with votes or distributions; ChaosNLI's files, too.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Hugging Face id, or the folder of a model.")
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(help="Instead of a model: a file of predictions; may be given twice."),
    ] = None,
    prediction_order: Annotated[
        str | None,
        typer.Option(help="Classes in the order of that file, if it is another than the data's."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the model's predictions, in ChaosNLI's format.")
    ] = None,
    classes: ClassesOption = None,
    *,
    columns: ColumnOptions,
    max_length: MaxLengthOption = 512,
    batch_size: BatchSizeOption = 64,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compare a model, or a file of predictions, with human distributions.

    Example: `ambiguity-lib evaluate --data chaosNLI_snli.jsonl --predictions mine.json`
    """
    from ambiguity_lib.data.schema import class_names, human_distributions, reorder_classes
    from ambiguity_lib.evaluation.scores import tied_items
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.practice import evaluate as evaluation
    from ambiguity_lib.practice.cells import spelt_as
    from ambiguity_lib.practice.prediction_files import write_prediction_file

    if (model is None) == (not predictions):
        fail("give either --model or --predictions")
    if output is not None and model is None:
        fail("--output writes what a model predicts: there is none")
    use_device(device)
    said = Remarks()
    names = _class_list(classes)
    own = names if model is None else evaluation.classes_of(model, names)
    # lists of votes stand in the order of --classes, logits in that of the model
    order = own if names is None or own is None else spelt_as(names, own)
    read = _read_own(data, columns(), order, said, human=True, ordered=names is not None)
    people = everybody = read.dataset if own is None else reorder_classes(read.dataset, own)
    if model is None:
        theirs = _class_list(prediction_order)
        probs, people, listed = evaluation.predictions_of(predictions or (), everybody, theirs)
        if listed and theirs is None and names is None and not read.declared:
            said.say(
                f"predictions that are lists are read in the order {', '.join(class_names(people))}"
                "; --prediction-order names another"
            )
        if len(people) < len(everybody):
            said.say(
                f"predictions for {len(people):,} of {len(everybody):,} items: scored on these"
            )
    else:
        sizes = {"max_length": max_length, "batch_size": batch_size}
        probs = {model: evaluation.predict_dataset(model, people, **sizes)}
        if output is not None:
            write_prediction_file(output, people["uid"][:], probs[model], class_names(people))
    table = evaluation.score(probs, people)
    tied = tied_items(human_distributions(people))
    typer.echo(
        _as_json("scores", table, said)
        if as_json
        else evaluation.show_scores(table, items=len(people), tied=tied)
    )


@command
def predict(
    model: ModelOption,
    file: Annotated[
        Path | None, typer.Argument(help="A text a line; standard input by default.")
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Each line holds two texts with a tab between.")
    ] = False,
    max_length: MaxLengthOption = 512,
    batch_size: BatchSizeOption = 32,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Print the distribution and the entropy (nats) of every text, as they come.

    One line comes out for each that goes in, an empty one for a blank line.

    Example: `echo "What a film." | ambiguity-lib predict --model small`
    """
    from ambiguity_lib.models import loading
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.practice.evaluate import classes_of
    from ambiguity_lib.practice.inspect import predict_texts

    use_device(device)
    names = classes_of(model, named=False)
    cut = blank = 0
    classifier, tokenizer = loading.load_classifier(model, names), loading.load_tokenizer(model)
    sizes = {"max_length": max_length, "batch_size": batch_size}
    for said in predict_texts(classifier, tokenizer, _lines(file, pairs), **sizes):
        cut += said.truncated
        blank += said.probs is None
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(said), ensure_ascii=False))
        else:
            typer.echo(str(said))
    if cut:
        typer.echo(f"{cut} texts were longer than the model reads, and cut", err=True)
    if blank:
        what = "lines without two texts" if pairs else "blank lines"
        typer.echo(f"{blank} {what}: they have no prediction, but a line in the output", err=True)


@command
def report(
    directory: Annotated[Path, typer.Argument(help="Folder that compress wrote.")],
    output: Annotated[Path | None, typer.Option(help="Default: report.html in it.")] = None,
) -> None:
    """Write one page about a run: tables, figures, settings. It opens offline.

    Example: `ambiguity-lib report small`
    """
    from ambiguity_lib.practice.report import write_report

    typer.echo(str(write_report(directory, output)))


def _as_json(name: str, table: pd.DataFrame, said: Remarks) -> str:
    rows = json.loads(table.reset_index().to_json(orient="records", double_precision=15))
    return json.dumps({name: rows, "warnings": said}, ensure_ascii=False)


def _plot_layers(table: pd.DataFrame, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from ambiguity_lib.practice.figures import plot_layer_curve

    form = path.suffix.lstrip(".")
    figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
    known = sorted(figure.canvas.get_supported_filetypes())
    if form not in known:
        fail(f"{path}: the figure's name must end in one of {', '.join(known)}")
    plot_layer_curve(table["accuracy"], axes, ylabel="accuracy on the validation items")
    with written_whole(path) as temporary:
        figure.savefig(temporary, format=form, dpi=150)
    plt.close(figure)


def _lines(file: Path | None, pairs: bool) -> Iterator[str | tuple[str, str]]:
    if file is None:
        yield from _texts(sys.stdin, "standard input", pairs)
        return
    if file.is_dir():
        raise ValueError(f"{file} is a folder: give a file with a text a line")
    with file.open(encoding="utf-8-sig") as opened:
        yield from _texts(opened, str(file), pairs)


def _texts(lines: Any, name: str, pairs: bool) -> Iterator[str | tuple[str, str]]:
    """A text, or two, of every line; empty ones of a line that is blank."""
    from ambiguity_lib.practice.cells import is_blank

    try:
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            if "\0" in text:
                raise ValueError(f"{name}, line {number}: there is a NUL character; is it UTF-16?")
            parts = ["", ""] if is_blank(text) else text.split("\t")
            if not pairs:
                yield "" if is_blank(text) else text
            elif len(parts) == 2:
                yield parts[0], parts[1]
            else:
                raise ValueError(
                    f"{name}, line {number}: expected two texts with a tab between, found "
                    f"{len(parts)}"
                )
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8: {error}") from error


# options that name a place, and those that change nothing about the student
_PLACES = ("model", "data", "validation", "human", "output")
_ASIDE = ("resume", "overwrite", "keep_work", "save_minutes", "as_json", "debug")


@command
def compress(
    context: typer.Context,
    model: ModelOption,
    data: Annotated[
        str, typer.Option(help="Training items: JSONL, CSV, TSV, Parquet or a datasets id.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the student; must not exist yet.")],
    validation: Annotated[
        str | None, typer.Option(help="Validation items. Default: a tenth of the training texts.")
    ] = None,
    human: Annotated[
        str | None, typer.Option(help="Items with votes or distributions, to compare with.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the student is called in its card.")
    ] = None,
    classes: ClassesOption = None,
    *,
    columns: ColumnOptions,
    settings: SettingOptions,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write model.onnx, too.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is random.")] = 0,
    device: DeviceOption = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output, drop a stopped run.")
    ] = False,
    keep_work: Annotated[
        bool, typer.Option("--keep-work", help="Keep OUTPUT.work: the full model, for instance.")
    ] = False,
    save_minutes: Annotated[
        float, typer.Option(min=0, help="Time between two saves of a training.")
    ] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune if needed, probe all layers, prune, distil a lower layer, compare, write.

    Example: `ambiguity-lib compress --model bert-base-uncased --data train.csv --output small`
    """
    if os.environ.get("RANK", "0") == "0":
        typer.echo(f"compressing {model}", err=True)  # the imports take seconds
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.models.training import join, leave
    from ambiguity_lib.practice import compress as compression
    from ambiguity_lib.practice.run import flat, shareable
    from ambiguity_lib.store import is_main_process

    wanted = settings()
    use_device(device)
    join()
    main = is_main_process()
    if main:
        compression.check_free(output, overwrite=overwrite)
    work = WorkFolder.beside(output)
    if main:
        work.check(resume=resume, overwrite=overwrite)
    said, given = Remarks(), _class_list(classes)
    parts = _read_parts(model, data, validation, human, columns(), given, said)
    sources = {"train": data, "validation": validation or f"a tenth of {shareable(data)}"}
    sources |= {} if human is None else {"human": human}
    asked = {"model": model, "data": data, "validation": validation, "seed": seed}
    for line in (
        work.prepare(asked | flat(dataclasses.asdict(wanted)), resume=resume) if main else ()
    ):
        typer.echo(line, err=True)
    with show_progress(main):
        result = compression.compress(
            model, **parts, head_names=given, settings=wanted, seed=seed, work=work.path,
            save_seconds=60 * save_minutes, sources=sources, progress=main,
        )  # fmt: skip
        leave()  # before one of them removes what the others still read
        if not main:
            return
        logging.getLogger(__name__).info("writing %s", output)
        result.save(
            output, name=name, overwrite=overwrite, onnx=onnx, scratch=work.path,
            command=command_line(context),
        )  # fmt: skip
    if not keep_work:
        shutil.rmtree(work.path)
    _show_result(result, output, as_json, said)


def command_line(context: typer.Context) -> dict[str, Any]:
    """The options of ``compress`` that differ from their defaults."""
    from ambiguity_lib.practice.run import shareable

    options, shortened = [], []
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        if name in _ASIDE or value is None or value == parameter.get_default(context):
            continue
        option, word = parameter.opts[-1], str(value)
        if name in _PLACES:
            kept = shareable(word, local=isinstance(value, Path) or Path(word).exists())
            shortened += [option] if kept != word else []
            word = kept
        options.append([option] if value is True else [option, word])
    return {"options": options, "shortened": shortened}


def _read_parts(
    model: str,
    data: str,
    validation: str | None,
    human: str | None,
    columns: Columns,
    names: tuple[str, ...] | None,
    said: Remarks,
) -> dict[str, Dataset]:
    """The data sets ``train``, ``validation`` and, if there is one, ``human``."""
    from ambiguity_lib.data.folds import hold_out
    from ambiguity_lib.data.schema import class_names
    from ambiguity_lib.models.loading import head_classes, load_config
    from ambiguity_lib.practice.cells import fold, spelt_as

    ordered = names is not None

    def read(source: str, names: tuple[str, ...] | None, said: Remarks) -> Dataset:
        nonlocal ordered
        found = _read_own(source, plain, names, said, human=False)
        ordered |= found.declared
        return found.dataset

    # one row an annotator: the human file, or all where there is none
    plain = columns if human is None else dataclasses.replace(columns, annotator=None)
    own = head_classes(load_config(model))  # before reading much: is there such a model at all?
    if names is not None:
        names = names if own is None else spelt_as(names, own)
        train = read(data, names, said)
    else:
        train = read(data, None, first := Remarks())
        names = class_names(train)
        spellings = {*map(fold, names)}
        if own is not None and set(names) != set(own) and spellings <= {*map(fold, own)}:
            # spelt otherwise, or with a class that no training item has
            names = spelt_as(names, own) if len(names) == len(own) else own
            train = read(data, names, said)
        else:
            said += first
    if validation is None:
        try:
            train, held_out = hold_out(train)
        except ValueError as error:
            raise ValueError(f"{data}: {error} (--validation)") from error
    else:
        held_out = read(validation, names, said)
    parts = {"train": train, "validation": held_out}
    return (
        parts
        if human is None
        else parts
        | {"human": _read_own(human, columns, names, said, human=True, ordered=ordered).dataset}
    )


def _show_result(result: CompressionResult, output: Path, as_json: bool, said: Remarks) -> None:
    """Measures to three digits and sizes in whole numbers, and what may be said of them."""
    from ambiguity_lib.practice.run import load_run

    if as_json:
        record = {"output": str(output)} | load_run(output).to_json() | {"warnings": said}
        typer.echo(json.dumps(record, ensure_ascii=False))
        return

    def number(value: float) -> str:
        if value != value:
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"

    typer.echo(result.table.map(number).to_string())
    notes = [*result.run.all_verdicts, *result.run.leak_notes.values(), result.run.tie_note]
    for line in filter(None, notes):
        typer.echo(f"- {line}")
    typer.echo(
        f"The student is in {output}; `ambiguity-lib report {output}` writes a page about it."
    )


@command
def sweep(
    profile: Annotated[
        str, typer.Option(help="Name of a profile in book/profiles, or the path of a .yml file.")
    ] = "synthetic",
    methods: Annotated[
        str | None, typer.Option(help="Only these, for instance 'teacher,distilled'. Default: all.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="0-4 or 0,2,5. Default: each task's sweep_seeds.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings at a time on this machine.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that has workers.")
    ] = None,
) -> None:
    """Train and score every method under every seed; what is there already is not made again.

    Example: `ambiguity-lib sweep --profile synthetic --seeds 0-1 --methods teacher,distilled`
    """
    from ambiguity_lib.evaluation.resampling import summary_table
    from ambiguity_lib.study.profile import load_profile
    from ambiguity_lib.study.sweep import find_methods, parse_seeds, run_sweep

    if workers is not None and scheduler is not None:
        fail("--workers is for this machine: a cluster has as many as were started")
    wanted = None if seeds is None else parse_seeds(seeds)
    chosen, loaded = find_methods(methods), load_profile(profile)
    done = run_sweep(loaded, chosen, wanted, workers=workers, scheduler=scheduler)
    if done.scores is None:
        lines = "\n".join(f"  {cell}: {reason}" for cell, reason in done.failed.items())
        fail(
            f"{len(done.failed)} of {done.cells} cells failed; the others are kept, and the same "
            f"command goes on from there:\n{lines}",
            FAILED,
        )
    typer.echo(summary_table(done.scores).round(3).to_string())
    typer.echo(f"scores of every item: {done.path}")


@command
def profiles(as_json: JsonOption = False) -> None:
    """List the profiles that chapters and sweeps run under.

    Example: `ambiguity-lib profiles`
    """
    from ambiguity_lib.study.profile import available_profiles, load_profile

    titles = {one.name: one.title for one in map(load_profile, available_profiles())}
    lines = [f"{name}: {title}" for name, title in titles.items()]
    typer.echo(json.dumps(titles) if as_json else "\n".join(lines))


app = typer.Typer(
    name="ambiguity-lib",
    help="Smaller text classifiers that agree better with human disagreement: a tool and a book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for _one in (compress, evaluate, predict, probe, report, sweep, profiles):
    app.command()(_one)
app.add_typer(data_app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ambiguity-lib {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Hold the options that come before a command."""


def main() -> None:
    """Entry point of the command ``ambiguity-lib``."""
    speak_utf8()
    app()
