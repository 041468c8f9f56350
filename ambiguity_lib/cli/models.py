"""Commands that look: at layers, at predictions, at a finished run."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ambiguity_lib.cli.errors import DebugOption, fail, guarded
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
    import pandas as pd
    from datasets import Dataset

MaxLengthOption = Annotated[int, typer.Option(min=1, help="Tokens at which texts are cut.")]
BatchSizeOption = Annotated[int, typer.Option(min=1, help="Texts at a time.")]


@guarded
def probe(
    model: ModelOption,
    data: Annotated[str, typer.Option(help="Items that the probes are fitted on.")],
    validation: Annotated[str, typer.Option(help="Items that they are judged on.")],
    human: Annotated[str | None, typer.Option(help="Items with votes or distributions.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to put the figure (.png, .svg).")
    ] = None,
    classes: ClassesOption = None,
    text: TextOption = "text",
    text_pair: TextPairOption = None,
    label: LabelOption = "label",
    uid: UidOption = "uid",
    label_dist: LabelDistOption = "label_dist",
    label_counts: LabelCountsOption = "label_counts",
    annotator: AnnotatorOption = None,
    max_length: MaxLengthOption = 512,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what every layer of a model knows about the classes.

    Example: `ambiguity-lib probe --model bert-base-uncased --data train.csv --validation val.csv`
    """
    from ambiguity_lib.data import class_names
    from ambiguity_lib.devices import use_device
    from ambiguity_lib.inspection import probe_layers
    from ambiguity_lib.models import load_classifier, load_tokenizer

    use_device(device)
    columns = columns_of(text, text_pair, label, uid, label_dist, label_counts, annotator)
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
    text: TextOption = "text",
    text_pair: TextPairOption = None,
    label: LabelOption = "label",
    uid: UidOption = "uid",
    label_dist: LabelDistOption = "label_dist",
    label_counts: LabelCountsOption = "label_counts",
    annotator: AnnotatorOption = None,
    max_length: MaxLengthOption = 512,
    batch_size: BatchSizeOption = 64,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare a model, or a file of predictions, with human distributions.

    Example: `ambiguity-lib evaluate --data chaosNLI_snli.jsonl --predictions mine.json`
    """
    from ambiguity_lib.cli.score_display import show_scores
    from ambiguity_lib.data import class_names, human_distributions, reorder_classes
    from ambiguity_lib.data.prediction_files import read_prediction_files, write_prediction_file
    from ambiguity_lib.devices import use_device
    from ambiguity_lib.evaluation import tied_items

    if (model is None) == (not predictions):
        fail("give either --model or --predictions")
    use_device(device)
    columns = columns_of(text, text_pair, label, uid, label_dist, label_counts, annotator)
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
    from ambiguity_lib.devices import use_device
    from ambiguity_lib.inspection import predict_texts
    from ambiguity_lib.models import head_classes, load_classifier, load_config, load_tokenizer

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
    from ambiguity_lib.report import write_report

    typer.echo(str(write_report(directory, output)))


def _classes_of(model: str | None, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The classes in the order of a model's logits; of a file's predictions only what is given."""
    from ambiguity_lib.models import head_classes, load_config

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
    from ambiguity_lib.baselines import softmax
    from ambiguity_lib.data import class_names
    from ambiguity_lib.models import load_classifier, load_config, load_tokenizer, longest_input
    from ambiguity_lib.training import predict_logits

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

    from ambiguity_lib.data import human_distributions
    from ambiguity_lib.evaluation import noise_floor, score_table

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

    from ambiguity_lib.paths import written_whole
    from ambiguity_lib.plotting import plot_layer_curves

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
