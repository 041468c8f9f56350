"""``ambiguity-lib compress``: a classifier of one's own, smaller and more honest."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ambiguity_lib.cli.command_line import command_line
from ambiguity_lib.cli.errors import DebugOption, guarded
from ambiguity_lib.cli.own_data import (
    AnnotatorOption,
    ClassesOption,
    DeviceOption,
    JsonOption,
    LabelCountsOption,
    LabelDistOption,
    LabelOption,
    ModelOption,
    TextOption,
    TextPairOption,
    UidOption,
    class_list,
    columns_of,
    read_own,
    show_progress,
)
from ambiguity_lib.cli.work import check_work, prepare_work, work_folder

if TYPE_CHECKING:
    from datasets import Dataset

    from ambiguity_lib.compression import CompressionSettings
    from ambiguity_lib.data import Columns

_TRAINING = "Training"
_CHOICES = "Choices"
# options that name a place, and those that change nothing about the student
_PLACES = ("model", "data", "validation", "human", "output")
_ASIDE = ("resume", "overwrite", "keep_work", "save_minutes", "as_json", "debug")


@guarded
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
    text: TextOption = "text",
    text_pair: TextPairOption = None,
    label: LabelOption = "label",
    uid: UidOption = "uid",
    label_dist: LabelDistOption = "label_dist",
    label_counts: LabelCountsOption = "label_counts",
    annotator: AnnotatorOption = None,
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
    from ambiguity_lib.compression import CompressionSettings
    from ambiguity_lib.devices import use_device
    from ambiguity_lib.processes import is_main_process, join
    from ambiguity_lib.profiles import TrainingConfig
    from ambiguity_lib.run_facts import flat, shareable
    from ambiguity_lib.run_notes import all_verdicts, tie_note
    from ambiguity_lib.shipping import check_free, load_run

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
    columns = columns_of(text, text_pair, label, uid, label_dist, label_counts, annotator)
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
        typer.echo(json.dumps({"output": str(output)} | load_run(output), ensure_ascii=False))
        return
    typer.echo(_show(run.table))
    for said in filter(None, [*all_verdicts(run.run), tie_note(run.run)]):
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
    from ambiguity_lib import compression
    from ambiguity_lib.processes import is_main_process, leave
    from ambiguity_lib.shipping import ship

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
        ship(
            result, output,
            name=name, overwrite=overwrite, onnx=onnx, scratch=work, command=command,
        )  # fmt: skip
    return result


def _known_precision(precision: str) -> Any:
    from ambiguity_lib.devices import resolve_precision

    resolve_precision(precision)
    return precision


def _read_parts(
    model: str,
    data: str,
    validation: str | None,
    human: str | None,
    columns: Columns,
    names: tuple[str, ...] | None,
) -> dict[str, Dataset]:
    from ambiguity_lib.data import class_names, hold_out
    from ambiguity_lib.models import head_classes, load_config

    # one row an annotator: the human file, or all where there is none
    plain = columns if human is None else dataclasses.replace(columns, annotator=None)
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
