"""The commands of ``ambiguity-lib``; what is heavy is imported inside them, so ``--help`` is quick.

Every error of a command is one message and an exit code; a traceback only for ``--debug``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import inspect
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from ambiguity_lib import __version__
from ambiguity_lib.store import written_whole

Command = TypeVar("Command", bound=Callable[..., Any])

DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show where in the code an error came from.")
]

FAILED = 1
WRONG_REQUEST = 2

# what is wrong with a request, not with the machine
_REQUEST_ERRORS = (ValueError, FileNotFoundError, FileExistsError, NotADirectoryError)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def fail(message: str, code: int = WRONG_REQUEST) -> NoReturn:
    """Say what is wrong, on stderr, and leave."""
    print_error(message)
    raise typer.Exit(code)


def print_error(message: str) -> None:
    """Say what is wrong, on stderr."""
    Console(stderr=True).print(Text(f"error: {message}", style="red"), soft_wrap=True)


def guarded(command: Command) -> Command:
    """Turn a command's exceptions into messages; the command has a parameter ``debug``."""

    @functools.wraps(command)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if options.get("debug"):
                raise
            message, code = explain(error)
            if code == FAILED and "resume" in options:
                message += "; what is finished is kept: the same command with --resume goes on"
            fail(message, code)

    return wrapper  # type: ignore[return-value]


def explain(error: BaseException) -> tuple[str, int]:
    """The message and the exit code of an exception."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", FAILED
    if isinstance(error, ValidationError):  # of settings: a message of several lines
        from ambiguity_lib.study.profile import explain as first_problem

        return first_problem(error), WRONG_REQUEST
    if isinstance(error, _REQUEST_ERRORS):
        return str(error), WRONG_REQUEST
    if "no space left" in str(error).lower():  # safetensors has an error of its own for it
        return f"the disk is full ({error}): make room", FAILED
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        if error.errno in _READ_ONLY:
            return f"cannot write{where}: {error.strerror}; choose another folder", WRONG_REQUEST
        if error.errno == errno.EDQUOT:
            return f"the disk is full ({error}): make room", FAILED
        return str(error), FAILED
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"out of memory ({error}): a smaller --batch-size or --max-length needs less", FAILED
    if isinstance(error, ModuleNotFoundError):
        return str(error), FAILED
    return f"{type(error).__name__}: {error} (--debug shows where)", FAILED


if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

    from ambiguity_lib.practice.compress import CompressionSettings

_COLUMNS = "Columns of the data"

#: Columns that the options name → what a file calls them; ``with_columns`` fills it in.
ColumnNames = dict[str, Any]
_GIVEN: ColumnNames = {}

ClassesOption = Annotated[
    str | None,
    typer.Option(help="Class names in order, as in 'negative,neutral,positive'. Default: found."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
ModelOption = Annotated[
    str, typer.Option("--model", help="Hugging Face id, or the folder of a model.")
]


def _column_option(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel=_COLUMNS)


def _declare_columns(
    text: Annotated[str, _column_option("Column of the text.")] = "text",
    text_pair: Annotated[
        str | None, _column_option("Column of a second text. Default: text_pair.")
    ] = None,
    label: Annotated[str, _column_option("Column of the class, by name or number.")] = "label",
    uid: Annotated[str, _column_option("Column of the item's id, if any.")] = "uid",
    label_dist: Annotated[str, _column_option("Column of human distributions.")] = "label_dist",
    label_counts: Annotated[str, _column_option("Column of votes per class.")] = "label_counts",
    annotator: Annotated[
        str | None, _column_option("Column of who gave the label, where a row is one person's.")
    ] = None,
) -> None:
    """Only declared: the options that every command about one's own files has."""


def with_columns(command: Command) -> Command:
    """Give a command the options of the columns in the place of its parameter ``columns``."""
    declared = inspect.signature(_declare_columns, eval_str=True).parameters
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += declared.values() if name == "columns" else [parameter]

    @functools.wraps(command)
    def wrapper(**options: Any) -> Any:
        columns = {name: options.pop(name) for name in declared}
        return command(columns=columns, **options)

    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return wrapper  # type: ignore[return-value]


def class_list(classes: str | None) -> tuple[str, ...] | None:
    """The names in a comma-separated list; None if none is given."""
    if classes is None:
        return None
    return tuple(name.strip() for name in classes.split(",") if name.strip())


def read_own(
    source: str, columns: ColumnNames, names: tuple[str, ...] | None, *, human: bool, labels: bool
) -> Dataset:
    """Read a file; what was left out or mended goes to stderr."""
    from ambiguity_lib.practice.own_files import Columns, read_dataset
    from ambiguity_lib.store import is_main_process

    read = read_dataset(source, Columns(**columns), class_names=names, human=human, labels=labels)
    for warning in read.warnings if is_main_process() else ():
        typer.echo(f"{source}: {warning}", err=True)
    return read.dataset


@contextlib.contextmanager
def show_progress(wanted: bool = True) -> Iterator[None]:
    """What the library is doing, on stderr, a line a step."""
    logger = logging.getLogger("ambiguity_lib")
    handler = RichHandler(
        console=Console(stderr=True), show_path=False, show_level=False, omit_repeated_times=False
    )
    level = logger.level
    if wanted:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def command_line(
    context: typer.Context, *, places: Collection[str], without: Collection[str]
) -> dict[str, Any]:
    """The options of a command that differ from their defaults."""
    from ambiguity_lib.practice.run import shareable

    options, shortened = [], []
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        if name in without or value is None or value == parameter.get_default(context):
            continue
        option, word = parameter.opts[-1], str(value)
        if name in places:
            kept = shareable(word, local=isinstance(value, Path) or Path(word).exists())
            shortened += [option] if kept != word else []
            word = kept
        options.append([option] if value is True else [option, word])
    return {"options": options, "shortened": shortened}


_REQUEST = "request.json"


def work_folder(output: Path) -> Path:
    """Where the steps of a run are kept: next to its output."""
    return output.with_name(output.name + ".work")


def check_work(work: Path, *, resume: bool, overwrite: bool) -> None:
    """See that nothing of a stopped run would be lost unasked.

    Raises:
        FileExistsError: If there is something, and no word about it.
    """
    if _finished(work) and not resume and not overwrite:
        raise FileExistsError(
            f"{work} holds what a stopped run has finished: --resume goes on with it, "
            "--overwrite drops it"
        )


def prepare_work(work: Path, request: Mapping[str, Any], *, resume: bool) -> list[str]:
    """An empty folder for the steps, or that of the run that was stopped."""
    said = _explain_resuming(work, request) if resume else []
    if work.exists() and not resume:
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    for leftover in work.glob(".*"):  # folders that were being written
        if leftover.is_dir() and leftover.name != ".resume":
            shutil.rmtree(leftover)
    with written_whole(work / _REQUEST) as temporary:
        temporary.write_text(json.dumps(request, indent=1, default=str), encoding="utf-8")
    return said


def _finished(work: Path) -> bool:
    """Whether a folder holds a finished step, or a training that can go on."""
    return bool(_steps(work) or _checkpoints(work))


def _steps(work: Path) -> list[Path]:
    return sorted(work.glob("*/*/artifact.json"))


def _checkpoints(work: Path) -> list[Path]:
    return sorted(work.glob(".resume/*/checkpoint-*"), key=lambda path: path.stat().st_mtime)


def _explain_resuming(work: Path, request: Mapping[str, Any]) -> list[str]:
    """What a resumed run goes on with, and what is asked for otherwise than before."""
    if not _finished(work):
        return [f"{work} holds nothing that is finished: beginning anew"]
    parts = []
    if trained := len(list(work.glob("model/*/artifact.json"))):
        parts.append(f"{trained} finished model{'s' if trained > 1 else ''}")
    if others := len(_steps(work)) - trained:
        parts.append(f"{others} other finished step{'s' if others > 1 else ''}")
    if saves := _checkpoints(work):
        parts.append(f"a training saved after step {saves[-1].name.removeprefix('checkpoint-')}")
    said = [f"going on with {', '.join(parts)} in {work}"]
    try:
        before = json.loads((work / _REQUEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return said
    now = json.loads(json.dumps(request, default=str))
    changed = [
        f"{name}: {before.get(name)} before, {now.get(name)} now"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if changed:
        said.append(
            f"asked for otherwise than before ({'; '.join(changed)}): steps that depend on it "
            "begin anew"
        )
    return said


data_app = typer.Typer(
    help="Check your own files; fetch the research data of the profiles.", no_args_is_help=True
)


@data_app.command()
@guarded
@with_columns
def check(
    file: Annotated[str, typer.Argument(help="JSONL, CSV, TSV or Parquet, or a datasets id.")],
    human: Annotated[
        bool, typer.Option("--human", help="It must hold human opinions: votes or distributions.")
    ] = False,
    classes: ClassesOption = None,
    columns: ColumnNames = _GIVEN,
    limit: Annotated[int, typer.Option(min=1, help="Problems to list.")] = 100,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List what is wrong with a file, by line, or its classes; exit code 2 if anything is wrong.

    Example: `ambiguity-lib data check train.csv --label sentiment`
    """
    from ambiguity_lib.data.schema import count_labels
    from ambiguity_lib.practice.own_files import Columns, check_file, read_dataset

    named = Columns(**columns)
    names = class_list(classes)
    problems = check_file(file, named, class_names=names, human=human, limit=limit)
    read = None if problems else read_dataset(file, named, class_names=names, human=human)
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


@data_app.command()
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
    from ambiguity_lib.data.sources import DATA_SETS, DownloadError, fetch_all, find_data_set

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


MaxLengthOption = Annotated[int, typer.Option(min=1, help="Tokens at which texts are cut.")]
BatchSizeOption = Annotated[int, typer.Option(min=1, help="Texts at a time.")]


@guarded
@with_columns
def probe(
    model: ModelOption,
    data: Annotated[str, typer.Option(help="Items that the probes are fitted on.")],
    validation: Annotated[str, typer.Option(help="Items that they are judged on.")],
    human: Annotated[str | None, typer.Option(help="Items with votes or distributions.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to put the figure (.png, .svg).")
    ] = None,
    classes: ClassesOption = None,
    columns: ColumnNames = _GIVEN,
    max_length: MaxLengthOption = 512,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what every layer of a model knows about the classes.

    Example: `ambiguity-lib probe --model bert-base-uncased --data train.csv --validation val.csv`
    """
    from ambiguity_lib.data.schema import class_names
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.models.loading import load_classifier, load_tokenizer
    from ambiguity_lib.practice.inspect import probe_layers

    use_device(device)
    train = read_own(data, columns, class_list(classes), human=False, labels=True)
    names = class_names(train)
    held_out = read_own(validation, columns, names, human=False, labels=True)
    people = None if human is None else read_own(human, columns, names, human=True, labels=False)
    with show_progress():
        table = probe_layers(
            load_classifier(model, names, new_head=True),
            load_tokenizer(model),
            train,
            held_out,
            human=people,
            max_length=max_length,
        )
    if output is not None:
        _plot_layers(table, output)
    if as_json:
        typer.echo(table.reset_index().to_json(orient="records"))
    else:
        typer.echo(table.round(3).to_string())


@guarded
@with_columns
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
    columns: ColumnNames = _GIVEN,
    max_length: MaxLengthOption = 512,
    batch_size: BatchSizeOption = 64,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare a model, or a file of predictions, with human distributions.

    Example: `ambiguity-lib evaluate --data chaosNLI_snli.jsonl --predictions mine.json`
    """
    from ambiguity_lib.data.schema import class_names, human_distributions, reorder_classes
    from ambiguity_lib.evaluation.scores import tied_items
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.practice.prediction_files import read_prediction_files, write_prediction_file
    from ambiguity_lib.practice.score_display import show_scores

    if (model is None) == (not predictions):
        fail("give either --model or --predictions")
    use_device(device)
    given = class_list(classes)
    own = _classes_of(model, given)
    people = read_own(data, columns, given or own, human=True, labels=False)
    if own is not None:
        people = reorder_classes(people, own)  # the order of the model's logits
    names = class_names(people)
    if model is not None:
        probs = {model: _predict(model, people, max_length, batch_size)}
        if output is not None:
            write_prediction_file(output, people["uid"][:], probs[model], names)
    else:
        files = read_prediction_files(
            predictions or (), names, file_order=class_list(prediction_order)
        )
        probs = {file.name: file.align(people["uid"][:]) for file in files}
    table = _score(probs, people)
    if as_json:
        typer.echo(table.reset_index().to_json(orient="records"))
    else:
        tied = tied_items(human_distributions(people))
        typer.echo(show_scores(table, items=len(people), tied=tied))


@guarded
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
    debug: DebugOption = False,
) -> None:
    """Print the distribution and the entropy (nats) of every text, as they come.

    One line comes out for each that goes in, an empty one for a blank line.

    Example: `echo "What a film." | ambiguity-lib predict --model small`
    """
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.models.loading import (
        head_classes,
        load_classifier,
        load_config,
        load_tokenizer,
    )
    from ambiguity_lib.practice.inspect import predict_texts

    use_device(device)
    names = head_classes(load_config(model))
    if names is None:
        fail(f"{model} has no classification head: make one with `ambiguity-lib compress`")
    cut = blank = 0
    for said in predict_texts(
        load_classifier(model, names),
        load_tokenizer(model),
        _lines(file, pairs),
        max_length=max_length,
        batch_size=batch_size,
    ):
        cut += said.truncated
        blank += said.probs is None
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(said), ensure_ascii=False))
        elif said.probs is None:
            typer.echo("")
        else:
            shown = "  ".join(f"{name} {value:.3f}" for name, value in said.probs.items())
            text = said.text if isinstance(said.text, str) else "  |  ".join(said.text)
            typer.echo(f"{said.entropy:.3f}  {shown}  {text}")
    if cut:
        typer.echo(f"{cut} texts were longer than the model reads, and cut", err=True)
    if blank:
        what = "lines without two texts" if pairs else "blank lines"
        typer.echo(f"{blank} {what}: they have no prediction, but a line in the output", err=True)


@guarded
def report(
    directory: Annotated[Path, typer.Argument(help="Folder that compress wrote.")],
    output: Annotated[Path | None, typer.Option(help="Default: report.html in it.")] = None,
    debug: DebugOption = False,
) -> None:
    """Write one page about a run: tables, figures, settings. It opens offline.

    Example: `ambiguity-lib report small`
    """
    from ambiguity_lib.practice.report import write_report

    typer.echo(str(write_report(directory, output)))


def _classes_of(model: str | None, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The classes in the order of a model's logits; of a file's predictions only what is given."""
    from ambiguity_lib.models.loading import head_classes, load_config

    if model is None:
        return given
    names = head_classes(load_config(model))
    if names is None:
        raise ValueError(f"{model} has no classification head: nothing to evaluate")
    if all(name == f"LABEL_{index}" for index, name in enumerate(names)):
        if given is not None:
            return given
        raise ValueError(
            f"the classes of {model} have no names: give them in its order by --classes"
        )
    if given is not None and set(given) != set(names):
        raise ValueError(
            f"the model's classes are {', '.join(names)}, those of --classes {', '.join(given)}"
        )
    return names


def _predict(model: str, people: Dataset, max_length: int, batch_size: int) -> Any:
    from ambiguity_lib.data.schema import class_names
    from ambiguity_lib.method.temperatures import softmax
    from ambiguity_lib.models.loading import (
        load_classifier,
        load_config,
        load_tokenizer,
        longest_input,
    )
    from ambiguity_lib.models.training import predict_logits

    tokenizer = load_tokenizer(model)
    logits = predict_logits(
        load_classifier(model, class_names(people)),
        tokenizer,
        people,
        max_length=min(max_length, longest_input(load_config(model), tokenizer)),
        batch_size=batch_size,
    )
    return softmax(logits)


def _score(probs: dict[str, Any], people: Dataset) -> pd.DataFrame:
    """The table of the book, in its conventions, with the rows that know nothing of the item."""
    import numpy as np

    from ambiguity_lib.data.schema import human_distributions
    from ambiguity_lib.evaluation.scores import noise_floor, score_table

    old = np.asarray(people["label"][:])
    table = score_table(
        probs,
        human_distributions(people),
        old_labels=old if (old >= 0).all() else None,
        new_labels=people["majority_label"][:],
    )
    if "label_counts" in people.column_names:
        counts = np.asarray(people["label_counts"][:])
        if (counts.sum(axis=1) >= 2).all():
            table.loc["half of the votes (noise floor)", "JSD"] = noise_floor(counts, repeats=20)
    return table


def _plot_layers(table: pd.DataFrame, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from ambiguity_lib.practice.figures import plot_layer_curves
    from ambiguity_lib.store import written_whole

    form = path.suffix.lstrip(".")
    figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
    known = sorted(figure.canvas.get_supported_filetypes())
    if form not in known:
        fail(f"{path}: the figure's name must end in one of {', '.join(known)}")
    plot_layer_curves(
        {"probe": table["accuracy"].to_numpy()}, axes, ylabel="accuracy on the validation items"
    )
    with written_whole(path) as temporary:
        figure.savefig(temporary, format=form, dpi=150)
    plt.close(figure)


def _lines(file: Path | None, pairs: bool) -> Iterator[str | tuple[str, str]]:
    if file is None:
        yield from _texts(sys.stdin, "standard input", pairs)
        return
    with file.open(encoding="utf-8") as opened:
        yield from _texts(opened, str(file), pairs)


def _texts(lines: Any, name: str, pairs: bool) -> Iterator[str | tuple[str, str]]:
    """A text, or two, of every line; empty ones of a line that is blank."""
    try:
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            if not text.strip():
                yield ("", "") if pairs else ""
                continue
            if not pairs:
                yield text
                continue
            parts = text.split("\t")
            if len(parts) != 2:
                raise ValueError(
                    f"{name}, line {number}: expected two texts with a tab between, found "
                    f"{len(parts)}"
                )
            yield parts[0], parts[1]
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8: {error}") from error


_TRAINING = "Training"
_CHOICES = "Choices"
# options that name a place, and those that change nothing about the student
_PLACES = ("model", "data", "validation", "human", "output")
_ASIDE = ("resume", "overwrite", "keep_work", "save_minutes", "as_json", "debug")


@guarded
@with_columns
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
    columns: ColumnNames = _GIVEN,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of the full model. Default: 3; more on few items.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    student_epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of the student. Default: 1; more on few items.", rich_help_panel=_TRAINING
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Items a step.", rich_help_panel=_TRAINING)
    ] = 32,
    learning_rate: Annotated[
        float, typer.Option(help="Largest step size.", rich_help_panel=_TRAINING)
    ] = 5e-5,
    max_length: Annotated[
        int, typer.Option(min=1, help="Tokens at which texts are cut.", rich_help_panel=_TRAINING)
    ] = 512,
    precision: Annotated[
        str, typer.Option(help="auto, bf16 or fp32.", rich_help_panel=_TRAINING)
    ] = "auto",
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune", help="Train even a model that has a head.", rich_help_panel=_TRAINING
        ),
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(help="Accuracy that depth may cost, as in 0.01.", rich_help_panel=_CHOICES),
    ] = 0.01,
    weight: Annotated[
        float,
        typer.Option(help="Share of the lower layer in the targets.", rich_help_panel=_CHOICES),
    ] = 0.5,
    depth: Annotated[
        int | None, typer.Option(help="Layers, instead of choosing.", rich_help_panel=_CHOICES)
    ] = None,
    source: Annotated[
        int | None,
        typer.Option(help="Layer that teaches, instead of choosing.", rich_help_panel=_CHOICES),
    ] = None,
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
    debug: DebugOption = False,
) -> None:
    """Fine-tune if needed, probe all layers, prune, distil a lower layer, compare, write.

    Example: `ambiguity-lib compress --model bert-base-uncased --data train.csv --output small`
    """
    if os.environ.get("RANK", "0") == "0":
        typer.echo(f"compressing {model}", err=True)  # the imports take seconds
    from ambiguity_lib.models.batches import use_device
    from ambiguity_lib.models.training import TrainingConfig, join
    from ambiguity_lib.practice.compress import CompressionSettings, check_free
    from ambiguity_lib.practice.run import flat, load_run, shareable
    from ambiguity_lib.store import is_main_process

    settings = CompressionSettings(
        training=TrainingConfig(
            epochs=3 if epochs is None else epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=0.01,
            warmup_ratio=0.1,
            max_length=max_length,
            precision=_known_precision(precision),
        ),
        fixed_epochs=epochs is not None,
        student_epochs=student_epochs,
        weight=weight,
        tolerance=tolerance,
        depth=depth,
        source=source,
        fine_tune="always" if fine_tune else "auto",
    )
    use_device(device)
    join()
    work = work_folder(output)
    if is_main_process():
        check_free(output, overwrite=overwrite)
        check_work(work, resume=resume, overwrite=overwrite)
    parts = _read_parts(model, data, validation, human, columns, class_list(classes))
    sources = {"train": data, "validation": validation or f"a tenth of {shareable(data)}"}
    if human is not None:
        sources["human"] = human
    if is_main_process():
        asked = {"model": model, "data": data, "validation": validation, "seed": seed}
        asked |= flat(dataclasses.asdict(settings))
        for sentence in prepare_work(work, asked, resume=resume):
            typer.echo(sentence, err=True)
    run = _run(
        model, parts, settings, sources,
        seed=seed, work=work, save_seconds=60 * save_minutes, output=output, overwrite=overwrite,
        onnx=onnx, name=name, command=command_line(context, places=_PLACES, without=_ASIDE),
    )  # fmt: skip
    if run is None:
        return
    if not keep_work:
        shutil.rmtree(work)
    if as_json:
        typer.echo(
            json.dumps({"output": str(output)} | load_run(output).to_json(), ensure_ascii=False)
        )
        return
    typer.echo(_show(run.table))
    for said in filter(None, [*run.run.all_verdicts, run.run.tie_note]):
        typer.echo(f"- {said}")
    typer.echo(
        f"The student is in {output}; `ambiguity-lib report {output}` writes a page about it."
    )


def _run(
    model: str,
    parts: dict[str, Dataset],
    settings: CompressionSettings,
    sources: dict[str, str],
    *,
    seed: int,
    work: Path,
    save_seconds: float,
    output: Path,
    overwrite: bool,
    onnx: bool,
    name: str | None,
    command: dict[str, Any],
) -> Any:
    """The result, saved; None in a process that only helps to train."""
    from ambiguity_lib.models.training import leave
    from ambiguity_lib.practice import compress as compression
    from ambiguity_lib.store import is_main_process

    main = is_main_process()
    with show_progress(main):
        result = compression.compress(
            model,
            parts["train"],
            parts["validation"],
            human=parts.get("human"),
            settings=settings,
            seed=seed,
            work=work,
            save_seconds=save_seconds,
            sources=sources,
            progress=main,
        )
        leave()  # before one of them removes what the others still read
        if not main:
            return None
        logging.getLogger(__name__).info("writing %s", output)
        result.save(
            output,
            name=name, overwrite=overwrite, onnx=onnx, scratch=work, command=command,
        )  # fmt: skip
    return result


def _known_precision(precision: str) -> Any:
    from ambiguity_lib.models.batches import resolve_precision

    resolve_precision(precision)
    return precision


def _read_parts(
    model: str,
    data: str,
    validation: str | None,
    human: str | None,
    columns: ColumnNames,
    names: tuple[str, ...] | None,
) -> dict[str, Dataset]:
    from ambiguity_lib.data.folds import hold_out
    from ambiguity_lib.data.schema import class_names
    from ambiguity_lib.models.loading import head_classes, load_config

    # one row an annotator: the human file, or all where there is none
    plain = columns if human is None else columns | {"annotator": None}
    own = head_classes(load_config(model))  # before reading much: is there such a model at all?
    train = read_own(data, plain, names, human=False, labels=True)
    names = class_names(train) if names is None else names
    if own is not None and set(names) < set(own):
        names = own  # a class that no training item has
        train = read_own(data, plain, names, human=False, labels=True)
    if validation is None:
        try:
            train, held_out = hold_out(train)
        except ValueError as error:
            raise ValueError(f"{data}: {error} (--validation)") from error
    else:
        held_out = read_own(validation, plain, names, human=False, labels=True)
    parts = {"train": train, "validation": held_out}
    if human is not None:
        parts["human"] = read_own(human, columns, names, human=True, labels=False)
    return parts


def _show(table: Any) -> str:
    """The table, measures to three digits and sizes in whole numbers."""

    def number(value: float) -> str:
        if value != value:
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"

    return str(table.map(number).to_string())


ProfileOption = Annotated[
    str, typer.Option(help="Name of a profile in book/profiles, or the path of a .yml file.")
]


def sweep(
    profile: ProfileOption = "synthetic",
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
    from ambiguity_lib.store import MissingArtifactError  # seconds of imports: not for --help
    from ambiguity_lib.study.profile import load_profile
    from ambiguity_lib.study.sweep import find_methods, parse_seeds, run_sweep

    if workers is not None and scheduler is not None:
        fail("--workers is for this machine: a cluster has as many as were started")
    try:
        loaded = load_profile(profile)
        chosen = find_methods(methods)
        wanted = None if seeds is None else parse_seeds(seeds)
    except (ValueError, FileNotFoundError) as error:
        fail(str(error))
    try:
        done = run_sweep(loaded, chosen, wanted, workers=workers, scheduler=scheduler)
    except (RuntimeError, OSError, ValueError, MissingArtifactError) as error:
        fail(str(error), code=1)
    if done.scores is None:
        lines = "\n".join(f"  {cell}: {reason}" for cell, reason in done.failed.items())
        fail(
            f"{len(done.failed)} of {done.cells} cells failed; the others are kept, and the same "
            f"command goes on from there:\n{lines}",
            code=1,
        )
    typer.echo(summary_table(done.scores).round(3).to_string())
    typer.echo(f"scores of every item: {done.path}")


def profiles(as_json: JsonOption = False) -> None:
    """List the profiles that chapters and sweeps run under.

    Example: `ambiguity-lib profiles`
    """
    from ambiguity_lib.study.profile import available_profiles, load_profile

    loaded = [load_profile(name) for name in available_profiles()]
    if as_json:
        typer.echo(json.dumps({one.name: one.title for one in loaded}))
        return
    for one in loaded:
        typer.echo(f"{one.name}: {one.title}")


app = typer.Typer(
    name="ambiguity-lib",
    help="Smaller text classifiers that agree better with human disagreement: a tool and a book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for _command in (
    compress,
    evaluate,
    predict,
    probe,
    report,
    sweep,
    profiles,
):
    app.command()(_command)
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
    app()
