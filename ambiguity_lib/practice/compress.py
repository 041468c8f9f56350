"""A classifier before and after: every measure with an interval, and what may be said of it."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from datasets import Dataset
from huggingface_hub import ModelCard
from numpy.typing import NDArray
from torch import nn

from ambiguity_lib.data.folds import normalise_premise
from ambiguity_lib.data.schema import (
    Splits,
    check_dataset,
    class_names,
    count_labels,
    human_distributions,
    reorder_classes,
)
from ambiguity_lib.evaluation.resampling import item_counts
from ambiguity_lib.evaluation.scores import Gold, tied_items
from ambiguity_lib.method.layers import LayerChoice, SelectionConfig
from ambiguity_lib.method.probes import LayerProbes
from ambiguity_lib.method.recipe import Classifier, Pipeline, PipelineConfig
from ambiguity_lib.method.targets import DistillationConfig
from ambiguity_lib.method.temperatures import apply_temperature, fit_temperature
from ambiguity_lib.metrics.calibration import accuracy, calibration_errors, negative_log_likelihood
from ambiguity_lib.metrics.divergence import jensen_shannon_distance, kl_divergence
from ambiguity_lib.metrics.uncertainty import correlations, entropy
from ambiguity_lib.models.batches import default_device, token_counts
from ambiguity_lib.models.loading import (
    has_head,
    head_classes,
    load_config,
    load_tokenizer,
    longest_input,
    nameless,
    num_layers,
    quiet_transformers,
    unusable_head,
)
from ambiguity_lib.models.scratch import ModelConfig
from ambiguity_lib.models.speed import measure_latency
from ambiguity_lib.practice.card import model_card
from ambiguity_lib.practice.run import RUN_FILE, CompressionSettings, Run, shareable
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study.provenance import plain as to_plain
from ambiguity_lib.study.provenance import provenance

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["CompressionResult", "CompressionSettings", "compress"]

FloatArray = NDArray[np.float64]

# a mean of absolute values: resampled, it grows
_BIASED = ("ECE",)
# accuracy that a student may not lose
_TOO_MUCH = 0.05

#: Pairs whose difference is shown: the second minus the first.
DIFFERENCES = {
    "after - before": ("before", "after"),
    "after - temperature": ("temperature", "after"),
    "both at a temperature": ("temperature", "after, temperature"),
}


@dataclass(frozen=True)
class Judged:
    """Items and what several models say about them.

    Attributes:
        name: What the items are called.
        labels: Gold labels, shape (N,); negative where there is none.
        probs: Model → distributions, each of shape (N, C).
        human: Human distributions, shape (N, C), if they are known.
    """

    name: str
    labels: NDArray[np.int64]
    probs: Mapping[str, FloatArray]
    human: FloatArray | None = None


def measures(
    judged: Sequence[Judged], *, bins: int = 15, samples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Every measure of every model, and their differences, with 95% intervals.

    Intervals are percentiles of a bootstrap, but for the ECE, which is biased upwards, in a
    resample once more than in the items, so that percentiles may lie above the value and the truth.
    Its interval holds the percentiles and their mirror images at the value (a basic bootstrap,
    which corrects the bias where there is any), within 0 and 1; BCa is not defined where no
    resample is below the value. Where the true ECE is near 0, even this holds it in fewer than 95%
    of cases.

    Args:
        judged: Sets of items, with models called ``before``, ``temperature`` (the same at one that
            was fitted), ``after`` and ``after, temperature``.
        bins: Bins of the calibration error.
        samples: Bootstrap resamples of the items.
        seed: Seed of the resampling.

    Returns:
        One row a set (``data``), ``measure`` and ``model`` (or a key of :data:`DIFFERENCES`), with
        ``value``, ``low`` and ``high``. Entropy, NLL and KL are in nats, JSD is the distance.
    """
    rows = []
    for one in judged:
        items = len(one.labels)
        counts = np.vstack([np.ones(items), item_counts(items, samples, seed)])
        drawn = {name: _drawn(one, probs, bins, counts) for name, probs in one.probs.items()}
        for measure in next(iter(drawn.values())):
            values = {name: own[measure] for name, own in drawn.items()}
            for name, (first, second) in DIFFERENCES.items():
                values[name] = values[second] - values[first]
            for name, (value, *others) in values.items():
                low, high = np.quantile(others, [0.025, 0.975])
                if measure in _BIASED:
                    least = -1.0 if name in DIFFERENCES else 0.0
                    low, high = _both_ways(value, low, high, least)
                rows.append((one.name, measure, name, value, low, high))
    return pd.DataFrame(rows, columns=["data", "measure", "model", "value", "low", "high"])


def _both_ways(value: float, low: float, high: float, least: float) -> tuple[float, float]:
    """An interval and its mirror image at the value, within [least, 1]."""
    reach = max(high - value, value - low)
    return max(value - reach, least), min(value + reach, 1.0)


def _drawn(
    judged: Judged, probs: FloatArray, bins: int, counts: FloatArray
) -> dict[str, FloatArray]:
    """Measure → its value in each resample, of which a row of counts says what is in it."""
    labels, human = judged.labels, judged.human
    confidence, doubt = probs.max(axis=1), entropy(probs)
    items = len(labels)
    found: dict[str, FloatArray] = {}
    if (labels >= 0).all():
        hits = accuracy(labels, probs)
        found["accuracy"] = counts @ hits / items
        found["NLL"] = counts @ negative_log_likelihood(labels, probs) / items
        found["ECE"] = calibration_errors(hits, confidence, counts / items, bins)
    found["confidence"] = counts @ confidence / items
    found["entropy"] = counts @ doubt / items
    if human is not None:
        found["JSD"] = counts @ jensen_shannon_distance(human, probs) / items
        found["KL"] = counts @ kl_divergence(human, probs) / items
        pairs = correlations(entropy(human), doubt[np.newaxis], counts / items)
        found["entropy correlation"] = pairs[:, 0]
    return found


def verdicts(rows: pd.DataFrame, cost: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What the numbers allow to say, one sentence a question.

    A difference whose interval holds zero is said to be none that could be told.

    Args:
        rows: What :func:`measures` gave.
        cost: Model → ``parameters``, ``bytes`` and ``milliseconds a text``.
    """
    table = rows.set_index(["data", "measure", "model"])

    def told(data: str, measure: str, model: str) -> pd.Series | None:
        key = (data, measure, model)
        return cast(pd.Series, table.loc[key, :]) if key in table.index else None

    before, after = cost["before"], cost["after"]
    saved = 1 - after["parameters"] / before["parameters"]
    faster = before["milliseconds a text"] / after["milliseconds a text"]
    said = [
        f"Size: {saved:.0%} fewer parameters; {faster:.2f} times as fast on one text at a time."
    ]
    change = told("validation", "accuracy", "after - before")
    if change is not None:
        said.append(
            f"Accuracy on the validation items: {100 * change.value:+.1f} points "
            f"{_span(change, 100, 1)}{_undecided(change)}."
        )
        if change.high < 0 and change.value < -_TOO_MUCH:
            said.append(
                "Do not use this student: it has not learnt the task as well as the full model. "
                "With few items, train it longer (--student-epochs)."
            )
    for data in rows["data"].unique():
        first, last = (told(data, "entropy", model) for model in ("before", "after"))
        assert first is not None and last is not None
        said.append(
            f"Doubt on the {data} items: mean entropy {first.value:.3f} before, {last.value:.3f} "
            "nats after."
        )
    for measure in ("JSD", "KL"):
        for difference, other in (
            ("after - before", "against the full model"),
            ("after - temperature", "against the full model at a fitted temperature"),
            ("both at a temperature", "each at a fitted temperature of its own"),
        ):
            change = told("human", measure, difference)
            if change is not None:
                word = "closer to people" if change.value < 0 else "farther from people"
                said.append(
                    f"{measure} to the human distributions, {other}: {change.value:+.3f} "
                    f"{_span(change, 1, 3)}{_undecided(change) or f', {word}'}."
                )
    return said


def _span(row: pd.Series, scale: float, digits: int) -> str:
    return f"[{scale * row.low:+.{digits}f}, {scale * row.high:+.{digits}f}]"


def _undecided(row: pd.Series) -> str:
    return ", which these items cannot tell from none" if row.low <= 0 <= row.high else ""


logger = logging.getLogger(__name__)

PROBES_FILE = "probes.npz"
ONNX_FILE = "model.onnx"

# what a tokenizer or a configuration keeps of the machine that it was loaded or made on
_LOCAL_KEYS = {"is_local", "local_files_only", "name_or_path", "_name_or_path", "cache_dir"}
_LOCAL_PATH = re.compile(r"(~?/|[A-Za-z]:[\\/])[^/\\]+[/\\]")

#: Steps that fine-tuning needs to get anywhere, whatever the number of items, and that a student
#: does, which starts from fine-tuned layers. Ours: with MiniLM on 700 pairs or headlines, the full
#: model has hardly begun after 70 steps.
LEAST_STEPS = 200
LEAST_STUDENT_STEPS = 150


@dataclass(frozen=True)
class CompressionResult:
    """A compressed classifier and how it came to be.

    Attributes:
        student: A plain sequence classifier.
        tokenizer: Its tokenizer.
        probes: The probes of all layers of the full model.
        layers: Depth of the student and the layer that taught it.
        table: Before and after, one row a measure.
        run: Everything about the run that ``compression.json`` holds.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.practice.compress import CompressionResult
        >>> [field.name for field in dataclasses.fields(CompressionResult)]
        ['student', 'tokenizer', 'probes', 'layers', 'table', 'run']
    """

    student: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    probes: LayerProbes
    layers: LayerChoice
    table: pd.DataFrame
    run: Run

    def save(
        self,
        directory: str | Path,
        *,
        name: str | None = None,
        overwrite: bool = False,
        onnx: bool = False,
        scratch: Path | None = None,
        command: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a plain Hugging Face folder, with model card, record of the run and probes.

        None of its text files says where on this machine anything was.

        Args:
            directory: Where to; it appears when everything is written.
            name: What the model card calls the student; by default after the base model, or the
                folder where that one's name says nothing.
            overwrite: Whether to replace a folder that is there already.
            onnx: Whether to add ``model.onnx`` (extra ``onnx``).
            scratch: Folder to write in before, on the same disk; beside ``directory`` by default.
            command: The command that was typed, as the command line records it.

        Returns:
            The folder.

        Raises:
            FileExistsError: If the folder is there, is not empty, and may not be replaced.
            OSError: If it cannot be written; nothing is left behind then.
        """
        directory = Path(directory)
        check_free(directory, overwrite=overwrite)
        record = self.run.to_json() | {
            "name": (name or "").strip() or self.run.default_name(directory)
        }
        if command is not None:
            record["command"] = dict(command)
        run = Run.from_json(record)
        with new_folder(directory, scratch) as folder:
            with quiet_transformers():
                self.student.save_pretrained(folder)
                self.tokenizer.save_pretrained(folder)
            for settings in ("config.json", "tokenizer_config.json"):
                _forget_machine(folder / settings)
            self.probes.save(folder / PROBES_FILE)
            if onnx:
                from ambiguity_lib.practice.onnx import export_onnx  # an extra

                export_onnx(self.student, self.tokenizer, folder / ONNX_FILE)
            (folder / "README.md").write_text(str(model_card(run)), encoding="utf-8")
            text = json.dumps(run.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
            (folder / RUN_FILE).write_text(text + "\n", encoding="utf-8")
            for file in folder.iterdir():  # the weights come for their owner's eyes only
                file.chmod((folder / RUN_FILE).stat().st_mode)
        return directory


def _forget_machine(path: Path) -> None:
    """Remove what a file of settings says of the machine, which no other one can use."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    kept = {
        key: value
        for key, value in settings.items()
        if key not in _LOCAL_KEYS and not (isinstance(value, str) and _LOCAL_PATH.match(value))
    }
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check_free(directory: Path, *, overwrite: bool = False) -> None:
    """See that a folder may be written, before hours of work.

    Raises:
        FileExistsError: If it is there, is not empty, and may not be replaced, or if it holds
            something else than a compressed model.
        NotADirectoryError: If a file has its name.
        ValueError: If it is the current folder.
        OSError: If nothing can be written beside it.
    """
    if directory.resolve() == Path.cwd():
        raise ValueError(f"{directory} is the current folder: give the name of a new one")
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: give the name of a folder")
    filled = directory.is_dir() and any(directory.iterdir())
    if filled and not overwrite:
        raise FileExistsError(
            f"{directory} is there already and not empty: give another name, or allow to replace "
            "it (overwrite=True, --overwrite)"
        )
    if filled and not (directory / RUN_FILE).is_file():
        raise FileExistsError(
            f"{directory} holds something else than a compressed model, and is not replaced: give "
            "another name"
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(f"{directory.parent} is no folder: nothing can be in it") from None
    probe = _sibling(directory)
    probe.mkdir()
    probe.rmdir()


@contextlib.contextmanager
def new_folder(directory: Path, scratch: Path | None = None) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``directory`` when the block ends well."""
    base = directory if scratch is None else scratch / directory.name
    temporary, old = _sibling(base), _sibling(base)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if directory.exists():
            directory.rename(old)
        temporary.rename(directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _sibling(directory: Path) -> Path:
    return directory.parent / f".{directory.name}.{uuid.uuid4().hex[:8]}"


def enough_epochs(items: int, batch_size: int, *, epochs: int, steps: int) -> int:
    """The given epochs, or as many as the given steps need if those are more.

    Args:
        items: Number of training items.
        batch_size: Items a step.
        epochs: Epochs at least.
        steps: Steps at least.
    """
    return max(epochs, math.ceil(steps / math.ceil(items / batch_size)))


def fitting_classes(
    config: PreTrainedConfig, names: Sequence[str], head_names: Sequence[str] | None = None
) -> tuple[str, ...] | None:
    """The model's class names in its own order if its head is one for these classes.

    Args:
        config: The model's configuration.
        names: Class names of the data.
        head_names: What the classes of a head without names (``LABEL_0`` …) are.

    Returns:
        None if the model has no softmax head, or one of another number of classes.

    Raises:
        ValueError: If the number is the same and the names are not.
    """
    own = head_classes(config)
    if own is None or len(own) != len(names):
        return None
    if nameless(own) and head_names is not None:
        own = tuple(head_names)
    if set(own) == set(names):
        return own
    numbers = tuple(str(index) for index in range(len(names)))
    unnamed = tuple(f"LABEL_{index}" for index in range(len(names)))
    if tuple(names) == numbers:  # labels that are numbers mean positions
        return own if own != unnamed else numbers
    raise ValueError(
        f"the model's classes are {', '.join(own)}, those of the data {', '.join(names)}: name the "
        "data's classes as the model does, write labels as positions (0, 1, …), or train a new "
        "head (fine_tune='always', --fine-tune)"
    )


def compress(
    model: str | Path,
    train: Dataset,
    validation: Dataset,
    *,
    human: Dataset | None = None,
    head_names: Sequence[str] | None = None,
    settings: CompressionSettings | None = None,
    seed: int = 0,
    work: str | Path | None = None,
    save_seconds: float = 300.0,
    sources: Mapping[str, str] | None = None,
    progress: bool = True,
) -> CompressionResult:
    """Make a classifier smaller, and its probabilities more honest.

    Args:
        model: A hub id or the path of a Hugging Face folder: an encoder, or a fine-tuned
            classifier of these classes.
        train: Items with ``text``, perhaps ``text_pair``, and ``label``.
        validation: Others; depth and source layer are chosen on them.
        human: Items with human distributions (``label_dist``), for the comparison only.
        head_names: What the classes of the model's head are, in its order, if its configuration
            calls them ``LABEL_0`` and so on.
        settings: See :class:`CompressionSettings`.
        seed: Seed of new weights, of the order of items and of dropout.
        work: Folder for finished steps: the same call goes on there after it was stopped. None:
            a temporary one.
        save_seconds: Time between two saves in the middle of a training.
        sources: Where ``train``, ``validation`` and ``human`` are from, for the record.
        progress: Whether long steps show a bar.

    Returns:
        The student and all that is known of it.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If data or settings are wrong; the message says where and what to do.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.practice.compress import (
        ...     CompressionSettings,
        ...     compress,
        ... )
        >>> from ambiguity_lib.data import hold_out
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> people = read_dataset(
        ...     "votes.jsonl", class_names=("bad", "good"), human=True
        ... ).dataset
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> train, validation = hold_out(reviews, folds=5)
        >>> training = dataclasses.replace(
        ...     CompressionSettings().training, epochs=2, precision="fp32"
        ... )
        >>> settings = CompressionSettings(
        ...     training, fixed_epochs=True, student_epochs=1, depth=2
        ... )
        >>> result = compress(
        ...     "tiny",
        ...     train,
        ...     validation,
        ...     human=people,
        ...     settings=settings,
        ...     progress=False,
        ... )
        >>> result.layers.depth, result.student.config.num_hidden_layers
        (2, 2)
        >>> result.run.layers.depth, result.run.classes
        (2, ('bad', 'good'))
        >>> print(sorted(path.name for path in result.save("student").iterdir()))
        ['README.md', 'compression.json', 'config.json', 'model.safetensors',
        'probes.npz', 'tokenizer.json', 'tokenizer_config.json']
    """
    settings = CompressionSettings() if settings is None else settings
    task = _prepare(str(model), train, validation, human, head_names, settings)
    with (
        tempfile.TemporaryDirectory(prefix="ambiguity-compress-")
        if work is None
        else contextlib.nullcontext(work)
    ) as folder:
        pipeline = Pipeline(
            task.splits(),
            task.pipeline_config(),
            seed,
            store=ArtifactStore(Path(folder)),
            save_seconds=save_seconds,
            progress=progress,
        )
        return _run(task, pipeline, sources or {}, progress)


@dataclass(frozen=True)
class _Task:
    """What is to be done, checked."""

    model: str
    config: PreTrainedConfig
    tokenizer: PreTrainedTokenizerBase
    parts: dict[str, Dataset]
    classes: tuple[str, ...]
    fine_tuned: bool
    seen: dict[str, int]
    settings: CompressionSettings

    def splits(self) -> Splits:
        """The parts as a pipeline wants them."""
        return Splits(
            train=self.parts["train"],
            validation=self.parts["validation"],
            evaluation=self.parts.get("human", self.parts["validation"]),
            name="own data",
            description="brought along by the user",
        )

    def pipeline_config(self) -> PipelineConfig:
        """The settings as a pipeline wants them."""
        settings = self.settings
        return PipelineConfig(
            model=ModelConfig(self.model, fine_tuned=self.fine_tuned, new_head=not self.fine_tuned),
            training=settings.training,
            selection=SelectionConfig(
                tolerance=settings.tolerance, source_fraction=settings.source_fraction
            ),
            distillation=DistillationConfig(
                weight=settings.weight,
                weights=(settings.weight,),
                epochs=settings.student_epochs,
                folds=settings.folds,
            ),
            probing=settings.probing,
        )


def _prepare(
    model: str,
    train: Dataset,
    validation: Dataset,
    human: Dataset | None,
    head_names: Sequence[str] | None,
    settings: CompressionSettings,
) -> _Task:
    config = load_config(model)
    if num_layers(config) < 2:
        raise ValueError(f"{model} has a single layer: there is nothing to prune or to learn from")
    _check_layers(settings, num_layers(config))
    tokenizer = load_tokenizer(model)
    parts = {"train": train, "validation": validation}
    if human is not None:
        parts["human"] = human
    names = _checked_classes(parts)
    _check_words(tokenizer, train, model)
    own = fitting_classes(config, names, head_names) if settings.fine_tune == "auto" else None
    if own is not None and settings.folds:
        raise ValueError(
            f"{model} is a classifier already, and nobody knows which items it has seen: targets "
            "can be cross-fitted only where the full model is trained here (--fine-tune)"
        )
    if own is not None:
        logger.info("%s has a head for %s: it is taken as it is", model, ", ".join(own))
        parts = {name: reorder_classes(part, own) for name, part in parts.items()}
    elif settings.fine_tune == "auto" and (has_head(config) or not config.architectures):
        others = f"has a head for other classes ({', '.join(head_classes(config) or ())})"
        logger.warning(
            "%s %s: it is dropped, and a new one trained for %s",
            model,
            unusable_head(config) or others,
            ", ".join(names),
        )
    seen = {name: seen_in(train, part) for name, part in parts.items() if name != "train"}
    for name, count in seen.items():
        if count:
            logger.warning(
                "%d of the %d %s items have the text of a training item: what is measured on them "
                "is memory, too",
                count,
                len(parts[name]),
                name,
            )
    pair = "text_pair" in train.column_names
    if "human" in parts and (count := seen_in(validation, parts["human"])):
        logger.warning(
            "%d of the %d human items have the text of a validation item, on which depth and "
            "source layer are chosen",
            count,
            len(parts["human"]),
        )
    longest = longest_input(config, tokenizer, settings.training.max_length, pair=pair)
    training = replace(settings.training, max_length=longest)
    size = len(train), training.batch_size
    if not settings.fixed_epochs:
        epochs = enough_epochs(*size, epochs=training.epochs, steps=LEAST_STEPS)
        training = replace(training, epochs=epochs)
    student_epochs = settings.student_epochs
    if student_epochs is None:
        student_epochs = enough_epochs(*size, epochs=1, steps=LEAST_STUDENT_STEPS)
    return _Task(
        model=model,
        config=config,
        tokenizer=tokenizer,
        parts=parts,
        classes=own or names,
        fine_tuned=own is not None,
        seen=seen,
        settings=replace(settings, training=training, student_epochs=student_epochs),
    )


def _run(
    task: _Task, pipeline: Pipeline, sources: Mapping[str, str], progress: bool
) -> CompressionResult:
    settings, longest = task.settings, task.settings.training.max_length
    if not task.fine_tuned:
        logger.info("fine-tuning the full model: %d epochs", settings.training.epochs)
    teacher = pipeline.teacher
    logger.info("probing %d layers", pipeline.num_layers)
    layers = pipeline.choose(depth=settings.depth, source=settings.source)
    logger.info(
        "distilling layer %d into a model of %d layers: %d epochs",
        layers.source,
        layers.depth,
        settings.student_epochs,
    )
    student = pipeline.distilled(layers.depth, layers.source)
    logger.info("comparing before and after")
    rows = measures(
        [_judged(pipeline, student, name) for name in task.parts if name != "train"],
        bins=settings.evaluation.calibration_bins,
        samples=settings.evaluation.bootstrap_samples,
        seed=pipeline.seed,
    )
    tokens = {name: token_counts(part, task.tokenizer) for name, part in task.parts.items()}
    typical = int(np.median(tokens["validation"]))
    length = max(1, min(typical, longest))
    cost = _cost(pipeline, student, length, progress)
    made = student.load()
    local = Path(task.model).exists()  # else a hub id
    run = {
        "kind": "compression",
        "model": {
            "source": shareable(task.model, local=local),
            "family": task.config.model_type,
            "layers": pipeline.num_layers,
            "fine_tuned_here": not task.fine_tuned,
            "local": local,
            "licence": _licence(task.model),
        },
        "classes": task.classes,
        "data": {
            name: {
                "source": shareable(sources[name]) if name in sources else None,
                "items": len(part),
                "labels": count_labels(part),
                "median_tokens": int(np.median(tokens[name])),
                "truncated": int((tokens[name] > longest).sum()),
                "pairs": "text_pair" in part.column_names,
            }
            | ({"tied": tied_items(human_distributions(part))} if name == "human" else {})
            | ({} if name == "train" else {"seen_in_training": task.seen[name]})
            for name, part in task.parts.items()
        },
        "layers": {
            "depth": layers.depth,
            "source": layers.source,
            "weight": settings.weight,
            "probe_accuracy": pipeline.probe_accuracy("validation"),
            "converged": layers.converged,
            "allowed": layers.allowed,
            "penalty": pipeline.probes.l2,
            "signs": pipeline.degenerate_signs(layers.source),
        },
        "measures": rows,
        "cost": cost,
        "latency": {
            "device": default_device().type,
            "precision": str(made.dtype).removeprefix("torch."),
            "tokens": length,
        },
        "timing": {
            "fine_tuning_seconds": teacher.train_seconds,
            "distillation_seconds": student.train_seconds,
        },
        "settings": settings,
        "seed": pipeline.seed,
        "verdicts": verdicts(rows, cost),
        "provenance": provenance(),
    }
    return CompressionResult(
        student=made,
        tokenizer=task.tokenizer,
        probes=pipeline.probes,
        layers=layers,
        table=summary(rows, cost),
        run=Run.from_json(to_plain(run)),
    )


def summary(rows: pd.DataFrame, cost: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Before and after side by side, one row a measure; costs last.

    Args:
        rows: What :func:`~ambiguity_lib.practice.compress.measures` gave.
        cost: Model → parameters, bytes and latency.
    """
    wide = rows.pivot_table(index=["data", "measure"], columns="model", values="value", sort=False)
    columns = ["before", "temperature", "after"]
    sizes = pd.DataFrame(cost).reindex(columns=["before", "after"])
    sizes.index = pd.MultiIndex.from_product([["cost"], sizes.index], names=wide.index.names)
    return pd.concat([wide[columns], sizes]).rename_axis(columns=None)


def _checked_classes(parts: Mapping[str, Dataset]) -> tuple[str, ...]:
    names = class_names(parts["train"])
    check_same_texts(parts)
    for what, part in parts.items():
        if len(part) == 0:
            raise ValueError(f"the {what} data is empty")
        try:
            check_dataset(part)
        except ValueError as error:
            raise ValueError(f"{what} data: {error}") from error
        if class_names(part) != names:
            raise ValueError(
                f"the {what} data has the classes {', '.join(class_names(part))}, the train data "
                f"{', '.join(names)}: they must be the same, in the same order"
            )
        labels = np.asarray(part["label"][:])
        if what == "human":
            if "label_dist" not in part.column_names:
                raise ValueError(
                    "the human data has no distributions: column 'label_dist' is missing"
                )
        elif (labels < 0).any():
            raise ValueError(
                f"the {what} data, row {int((labels < 0).argmax())}, has no label (-1): drop such "
                "items first"
            )
        elif what == "train" and len(np.unique(labels)) < 2:
            raise ValueError("the train data has items of one class only: nothing can be learnt")
    return names


def check_same_texts(parts: Mapping[str, Dataset]) -> None:
    """See that all parts have one text an item, or all two.

    Raises:
        ValueError: If not.
    """
    pairs = {name: "text_pair" in part.column_names for name, part in parts.items()}
    if len(set(pairs.values())) > 1:
        two = ", ".join(name for name, pair in pairs.items() if pair)
        one = ", ".join(name for name, pair in pairs.items() if not pair)
        raise ValueError(
            f"the {two} items are pairs of texts, the {one} items single texts: a model is trained "
            "and judged on the same kind (--text-pair)"
        )


def _check_words(tokenizer: PreTrainedTokenizerBase, train: Dataset, model: str) -> None:
    """Refuse a tokenizer to which the training texts say nothing."""
    tokens = tokenizer(train["text"][:100], add_special_tokens=False)["input_ids"]
    if not {token for text in tokens for token in text} - {tokenizer.unk_token_id}:
        raise ValueError(
            f"the tokenizer of {model} knows no word of the training texts: is it another model's, "
            "or of another language?"
        )


def seen_in(train: Dataset, part: Dataset) -> int:
    """Items of a part whose texts other items have, too, but for case and punctuation."""

    def keys(items: Dataset) -> list[tuple[str, ...]]:
        columns = [name for name in ("text", "text_pair") if name in items.column_names]
        texts = zip(*(items[name][:] for name in columns), strict=True)
        return [tuple(normalise_premise(text) or text for text in row) for row in texts]

    known = set(keys(train))
    return sum(key in known for key in keys(part))


def _check_layers(settings: CompressionSettings, total: int) -> None:
    """Refuse layers that there are not, before anything is trained."""
    depth, source = settings.depth, settings.source
    if depth is not None and not 2 <= depth <= total:
        raise ValueError(f"depth must be between 2 and {total}, the model's layers; got {depth}")
    highest = total if depth is None else depth
    if source is not None and not 0 <= source < highest:
        raise ValueError(f"source must be a layer from 0 to {highest - 1}; got {source}")
    if settings.folds < 0 or settings.folds == 1:
        raise ValueError(f"folds must be 0 (not cross-fitted) or at least 2; got {settings.folds}")


def _judged(pipeline: Pipeline, student: Classifier, part: str) -> Judged:
    """Items as the full model and the student see them, plain and at fitted temperatures."""
    split = "evaluation" if part == "human" else part
    gold = Gold.of(pipeline.data.whole(split), part) if part == "human" else None
    labels = pipeline.labels("validation")
    probs = {}
    for classifier, plain, scaled in (
        (pipeline.teacher, "before", "temperature"),
        (student, "after", "after, temperature"),
    ):
        temperature = fit_temperature(classifier.logits("validation"), labels)
        probs[plain] = classifier.probs(split)
        probs[scaled] = apply_temperature(classifier.logits(split), temperature)
    return Judged(
        name=part,
        labels=pipeline.labels(split) if gold is None else gold.new_labels,
        human=None if gold is None else gold.human,
        probs=probs,
    )


def _cost(
    pipeline: Pipeline, student: Classifier, length: int, progress: bool
) -> dict[str, dict[str, float]]:
    """Parameters, bytes and milliseconds of one text of ``length`` tokens."""
    classifiers = {"before": pipeline.teacher, "after": student}
    models = {name: one.load() for name, one in classifiers.items()}
    for model in models.values():
        nn.Module.to(model, default_device())
    timings = measure_latency(models, batch_size=1, length=length, progress=progress)
    return {
        name: {
            "parameters": one.parameters,
            "bytes": one.bytes,
            "milliseconds a text": round(1000 * timings[name].median, 3),
        }
        for name, one in classifiers.items()
    }


def _licence(model: str) -> str | None:
    """What the base model's card says; None if there is none to be had."""
    card = Path(model) / "README.md"
    if Path(model).exists() and not card.is_file():
        return None
    try:
        licence = ModelCard.load(card if card.is_file() else model).data.license
    except (OSError, ValueError):
        return None  # no card, one that cannot be read, or no network
    return licence if isinstance(licence, str) else None  # a list names several: for people to read
