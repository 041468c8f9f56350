"""``ambiguity-lib compress``: a classifier of one's own, smaller and more honest."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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

if TYPE_CHECKING:
    from datasets import Dataset

    from ambiguity_lib.compression import CompressionSettings
    from ambiguity_lib.data import Columns

_TRAINING = "Training"
_CHOICES = "Choices"


@guarded
def compress(
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
    classes: ClassesOption = None,
    text: TextOption = "text",
    text_pair: TextPairOption = None,
    label: LabelOption = "label",
    uid: UidOption = "uid",
    label_dist: LabelDistOption = "label_dist",
    label_counts: LabelCountsOption = "label_counts",
    annotator: AnnotatorOption = None,
    epochs: Annotated[
        int, typer.Option(min=1, help="Of the full model.", rich_help_panel=_TRAINING)
    ] = 3,
    student_epochs: Annotated[
        int, typer.Option(min=1, help="Of the student.", rich_help_panel=_TRAINING)
    ] = 1,
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
    from ambiguity_lib.compression import CompressionSettings  # seconds of imports: not for --help
    from ambiguity_lib.devices import use_device
    from ambiguity_lib.processes import is_main_process, join
    from ambiguity_lib.profiles import TrainingConfig
    from ambiguity_lib.shipping import check_free

    settings = CompressionSettings(
        training=TrainingConfig(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=0.01,
            warmup_ratio=0.1,
            max_length=max_length,
            precision=_known_precision(precision),
        ),
        student_epochs=student_epochs,
        weight=weight,
        tolerance=tolerance,
        depth=depth,
        source=source,
        fine_tune="always" if fine_tune else "auto",
    )
    use_device(device)
    join()
    work = output.with_name(output.name + ".work")
    if is_main_process():
        check_free(output, overwrite=overwrite)
        _check_work(work, resume=resume, overwrite=overwrite)
    columns = columns_of(text, text_pair, label, uid, label_dist, label_counts, annotator)
    parts = _read_parts(model, data, validation, human, columns, class_list(classes))
    sources = {"train": data, "validation": validation or f"a tenth of {data}"}
    if human is not None:
        sources["human"] = human
    if is_main_process():
        _prepare_work(work, resume=resume)
    run = _run(
        model, parts, settings, sources,
        seed=seed, work=work, save_seconds=60 * save_minutes, output=output, overwrite=overwrite,
        onnx=onnx,
    )  # fmt: skip
    if run is None:
        return
    if not keep_work:
        shutil.rmtree(work)
    if as_json:
        typer.echo(json.dumps({"output": str(output)} | run.run, ensure_ascii=False))
        return
    typer.echo(_show(run.table))
    for verdict in run.run["verdicts"]:
        typer.echo(f"- {verdict}")
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
        ship(result, output, overwrite=overwrite, onnx=onnx, scratch=work)
    return result


def _known_precision(precision: str) -> Any:
    from ambiguity_lib.devices import resolve_precision

    resolve_precision(precision)
    return precision


def _check_work(work: Path, *, resume: bool, overwrite: bool) -> None:
    """See that nothing of a stopped run would be lost unasked."""
    if _finished(work) and not resume and not overwrite:
        raise FileExistsError(
            f"{work} holds what a stopped run has finished: --resume goes on with it, "
            "--overwrite drops it"
        )


def _finished(work: Path) -> bool:
    """Whether a folder holds a finished step, or a training that can go on."""
    return any(work.glob("*/*/artifact.json")) or any(work.glob(".resume/*/checkpoint-*"))


def _prepare_work(work: Path, *, resume: bool) -> None:
    """An empty folder for the steps, or that of the run that was stopped."""
    if work.exists() and not resume:
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    for leftover in work.glob(".*"):  # folders that were being written
        if leftover.is_dir() and leftover.name != ".resume":
            shutil.rmtree(leftover)


def _read_parts(
    model: str,
    data: str,
    validation: str | None,
    human: str | None,
    columns: Columns,
    names: tuple[str, ...] | None,
) -> dict[str, Dataset]:
    from ambiguity_lib.data import class_names
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
        train, held_out = _hold_out(train, data)
    else:
        held_out = read_own(validation, plain, names, human=False, labels=True)
    parts = {"train": train, "validation": held_out}
    if human is not None:
        parts["human"] = read_own(human, columns, names, human=True, labels=False)
    return parts


def _hold_out(train: Dataset, source: str) -> tuple[Dataset, Dataset]:
    """A tenth of the texts, by their hash: the same ones whatever else the file holds."""
    import numpy as np

    from ambiguity_lib.data import text_folds

    fold = text_folds(train["text"][:], 10, salt="validation")
    if not 0 < (fold == 0).sum() < len(train):
        raise ValueError(f"{source} is too small to hold out a tenth of it: give --validation")
    return train.select(np.flatnonzero(fold != 0)), train.select(np.flatnonzero(fold == 0))


def _show(table: Any) -> str:
    """The table, measures to three digits and sizes in whole numbers."""

    def number(value: float) -> str:
        if value != value:
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"

    return str(table.map(number).to_string())
