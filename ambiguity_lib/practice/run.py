"""The record of a compression, and what its model card and its report both say.

Numbers get their digits, units and signs here, and differences a word; the two templates only
set them.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ambiguity_lib.evaluation.resampling import EvaluationConfig
from ambiguity_lib.evaluation.words import UNKNOWN, amount, minus, number
from ambiguity_lib.method.layers import converged_depth
from ambiguity_lib.method.probes import ProbingConfig
from ambiguity_lib.models.training import TrainingConfig

RUN_FILE = "compression.json"

#: Models in the order of every table, and the changes between them; all as a record calls them.
MODELS = ("before", "temperature", "after")
CHANGES = ("after - before", "after - temperature")

#: Texts beyond this many tokens are cut by default, even where a model could read more.
DEFAULT_MAX_LENGTH = 512

_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


@dataclass(frozen=True)
class Measure:
    """How a measure is read.

    Attributes:
        unit: Its unit, empty for a share or a correlation.
        better: Which end is the good one; None if there is none.
        meaning: One line.

    Examples:
        >>> from ambiguity_lib.practice.run import MEASURES
        >>> MEASURES["NLL"].unit, MEASURES["NLL"].better
        ('nats', 'lower')
    """

    unit: str
    better: Literal["higher", "lower"] | None
    meaning: str


#: Name of a measure in a record → how it is read.
MEASURES = {
    "accuracy": Measure(
        "", "higher", "share of items whose most probable class is their label, 0 to 1"
    ),
    "NLL": Measure(
        "nats", "lower", "mean negative log probability of the label; 0 if always sure and right"
    ),
    "ECE": Measure(
        "", "lower", "expected calibration error: how far confidence is from accuracy, 0 to 1"
    ),
    "confidence": Measure("", None, "mean of the largest probability, 1/classes to 1"),
    "entropy": Measure(
        "nats", None, "mean entropy of the predictions, 0 (no doubt) to log(classes)"
    ),
    "JSD": Measure(
        "",
        "lower",
        "mean Jensen-Shannon distance between people's and predicted distributions, "
        "0 (equal) to 0.833",
    ),
    "KL": Measure(
        "nats", "lower", "mean Kullback-Leibler divergence of the predictions from people's"
    ),
    "entropy correlation": Measure(
        "",
        "higher",
        "Pearson correlation, over items, of people's entropy and the predictions', −1 to 1",
    ),
}


@dataclass(frozen=True, config=_STRICT)
class CompressionSettings:
    """What one may set; the defaults are ours.

    Attributes:
        training: Fine-tuning of the full model. ``max_length`` is lowered to the model's own limit.
        fixed_epochs: Whether ``training.epochs`` holds however few the items are. If not, there are
            as many as 200 steps need, where that is more.
        student_epochs: Epochs of the student, which starts from the full model's lower layers.
            None: one, or as many as 150 steps need, where that is more.
        weight: λ, the share of the source layer's distribution in the student's targets.
        folds: If not 0, the source layer's distributions are cross-fitted, see
            :class:`~ambiguity_lib.method.targets.DistillationConfig`.
        tolerance: Validation accuracy that one is ready to give up for depth.
        source_fraction: See :func:`~ambiguity_lib.method.layers.source_layer`.
        depth: Layers of the student, instead of the rule's choice.
        source: The layer that teaches, instead of the rule's choice.
        fine_tune: ``"auto"`` trains the full model only if it has no head for these classes.
        probing: How hidden states become the probes' features.
        evaluation: Bootstrap resamples, and bins of the calibration error.

    Examples:
        >>> from ambiguity_lib.practice.compress import CompressionSettings
        >>> settings = CompressionSettings(depth=2, source=1)
        >>> settings.weight, settings.training.epochs
        (0.5, 3)
    """

    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=3,
            batch_size=32,
            learning_rate=5e-5,
            weight_decay=0.01,
            warmup_ratio=0.1,
            max_length=DEFAULT_MAX_LENGTH,
            precision="auto",
        )
    )
    fixed_epochs: bool = False
    student_epochs: int | None = None
    weight: float = 0.5
    folds: int = 0
    tolerance: float = 0.01
    source_fraction: float = 0.5
    depth: int | None = None
    source: int | None = None
    fine_tune: Literal["auto", "always"] = "auto"
    probing: ProbingConfig = field(default_factory=ProbingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


# NaN, which JSON does not have, is a number that is not known
_Known = Annotated[float | None, AfterValidator(lambda value: None if value != value else value)]


@dataclass(frozen=True, config=_STRICT)
class Model:
    """The model that was compressed."""

    source: str
    family: str
    layers: int
    fine_tuned_here: bool
    local: bool | None = None
    licence: str | None = None


@dataclass(frozen=True, config=_STRICT)
class Part:
    """The training, validation or human items.

    ``tied`` is counted of the last only; ``seen_in_training``, items with the text of a training
    item, of all but the first.
    """

    source: str | None
    items: int
    labels: dict[str, int]
    median_tokens: int
    truncated: int
    pairs: bool = False
    tied: int | None = None
    seen_in_training: int | None = None


@dataclass(frozen=True, config=_STRICT)
class Layers:
    """What was chosen, and the validation accuracies of the probes of layers 0 … L.

    Attributes:
        converged: The layer at which accuracy converged; None in records before version 0.2.
        allowed: Accuracy that this layer might lack, by tolerance or paired standard error.
        penalty: Of the probes' weights.
        signs: Why the source layer may have taught nothing but labels.
    """

    depth: int
    source: int
    weight: float
    probe_accuracy: tuple[float, ...]
    converged: int | None = None
    allowed: float | None = None
    penalty: float | None = None
    signs: tuple[str, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Estimate:
    """A measure of a model on some items, or a change of it, with its 95% interval."""

    data: str
    measure: str
    model: str
    value: _Known
    low: _Known
    high: _Known

    @property
    def shown(self) -> str:
        """The value as text."""
        return number(self.value, signed=self.model in CHANGES)

    @property
    def interval(self) -> str:
        """The interval as text, empty where it is not known."""
        if self.value is None or self.low is None or self.high is None:
            return ""
        low, high = (number(end, signed=self.model in CHANGES) for end in (self.low, self.high))
        return f"[{low}, {high}]"

    @property
    def undecided(self) -> bool:
        """Whether the interval of a change holds zero."""
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high

    @property
    def verdict(self) -> str:
        """Of a change: ``better``, ``worse``, ``higher``, ``lower`` or ``undecided``."""
        if self.model not in CHANGES or not self.interval or self.value is None:
            return ""
        if self.undecided:
            return "undecided"
        direction = "higher" if self.value > 0 else "lower"
        better = MEASURES[self.measure].better if self.measure in MEASURES else None
        if better is None:
            return direction
        return "better" if direction == better else "worse"


@dataclass(frozen=True, config=_STRICT)
class Cost:
    """What a model costs."""

    parameters: int | None = None
    bytes: int | None = None
    milliseconds: float | None = Field(
        default=None,
        validation_alias="milliseconds a text",
        serialization_alias="milliseconds a text",
    )


@dataclass(frozen=True, config=_STRICT)
class CostChange:
    """One cost before and after, as text, and the share that is left, if it is known."""

    name: str
    before: str
    after: str
    left: float | None


@dataclass(frozen=True, config=_STRICT)
class Costs:
    """What the two models cost."""

    before: Cost
    after: Cost


@dataclass(frozen=True, config=_STRICT)
class Latency:
    """Where and of what the latency was measured."""

    device: str | None = None
    precision: str | None = None
    tokens: int | None = None


@dataclass(frozen=True, config=_STRICT)
class Timing:
    """How long the trainings took."""

    fine_tuning_seconds: float | None = None
    distillation_seconds: float | None = None


@dataclass(frozen=True, config=_STRICT)
class Git:
    """The state of the project's repository, where there is one."""

    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, config=_STRICT)
class Provenance:
    """What :func:`~ambiguity_lib.study.provenance.provenance` finds out."""

    date: str
    git: Git
    python: str
    packages: dict[str, str | None]
    platform: str
    cpu: str | None
    cores: int | None
    torch_threads: int | None = None
    gpu: str | None = None


@dataclass(frozen=True, config=_STRICT)
class Command:
    """The command that was typed: see :func:`~ambiguity_lib.practice.cli.command_line`."""

    options: tuple[tuple[str, ...], ...]
    shortened: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class Reproduction:
    """What to type to make the student again.

    Attributes:
        code: One command.
        remark: What its reader has to put in; empty if nothing.
    """

    code: str
    remark: str

    @property
    def fence(self) -> str:
        """Backticks enough to hold the code in Markdown."""
        return max(["```", *(run + "`" for run in re.findall("`{3,}", self.code))], key=len)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Run:
    """Everything about a compression that ``compression.json`` holds.

    Attributes:
        kind: Always ``compression``.
        format: Version of the file; a file without one is of version 0.1.0 of the library.
        model: The model that was compressed.
        classes: Names of the classes.
        data: The parts ``train``, ``validation`` and, where there is one, ``human``.
        layers: Depth of the student, the layer that taught it, and what the choice went by.
        measures: Every measure before, after and at a temperature, and the differences.
        cost: Parameters, bytes and latency before and after.
        latency: What the latency is that of.
        timing: How long the trainings took.
        settings: What the run was asked to do.
        seed: Its seed.
        verdicts: What the numbers allow to say, a sentence each.
        provenance: Versions and hardware.
        name: What the student is called, once it was saved.
        command: The command that was typed, if there was one.
    """

    kind: Literal["compression"] = "compression"
    format: Literal[1] = 1
    model: Model
    classes: tuple[str, ...]
    data: dict[str, Part]
    layers: Layers
    measures: tuple[Estimate, ...]
    cost: Costs
    latency: Latency | None = None
    timing: Timing | None = None
    settings: CompressionSettings
    seed: int
    verdicts: tuple[str, ...]
    provenance: Provenance
    name: str | None = None
    command: Command | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as what JSON knows, in the order of the file."""
        found: dict[str, Any] = _RUN.dump_python(self, mode="json", by_alias=True)
        for where, name in (
            (found, "name"),
            (found, "command"),
            *((part, "tied") for part in found["data"].values()),
            *((part, "seen_in_training") for part in found["data"].values()),
        ):
            if where[name] is None:
                del where[name]
        return found

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Run:
        """The record from what a file holds.

        Raises:
            ValueError: If something is missing, unknown or of a wrong kind; the message says what.
        """
        try:
            return _RUN.validate_python(dict(record))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(
                f"{where!r}: {first['msg']}; another version of ambiguity-lib wrote the record, or "
                "it was changed since"
            ) from error

    @property
    def base(self) -> str:
        """The name of the model that was compressed; of a local path the last part.

        The rest of a path says how somebody's disk is arranged.
        """
        source = self.model.source
        if self.on_hub:
            return source
        return one_line(PurePosixPath(source.replace("\\", "/")).name or source)

    @property
    def on_hub(self) -> bool:
        """Whether the hub knows the base model by its name."""
        source = self.model.source
        like_id = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source, re.ASCII) is not None
        return like_id and not self.model.local and not source.startswith((".", "~"))

    @property
    def base_tells(self) -> bool:
        """Whether the base model's name says which one it is."""
        return tells(self.base)

    @property
    def title(self) -> str:
        """What came out, by the name that it was given."""
        return one_line(self.name or self.default_name())

    def default_name(self, directory: Path | None = None) -> str:
        """A name for what came out: the base model's and the depth.

        Where the base model's says nothing, it is that of the folder; else the family's and the
        depth.
        """
        base = self.base.rsplit("/", 1)[-1]
        if tells(base):
            return f"{base}-{self.layers.depth}-layers"
        folder = "" if directory is None else directory.resolve().name
        return folder if tells(folder) else f"{self.model.family}-{self.layers.depth}-layers"

    @property
    def places(self) -> dict[str, str]:
        """Part of the data → where it is from, on one line."""
        return {
            name: UNKNOWN if part.source is None else one_line(shareable(part.source))
            for name, part in self.data.items()
        }

    @property
    def class_counts(self) -> dict[str, list[int]]:
        """Class → its items in each part of the data."""
        parts = self.data.values()
        return {name: [part.labels.get(name, 0) for part in parts] for name in self.classes}

    @property
    def tables(self) -> dict[str, dict[str, list[Estimate]]]:
        """Set of items → measure → an estimate for each model and change."""
        found: dict[str, dict[str, dict[str, Estimate]]] = {}
        for one in self.measures:
            found.setdefault(one.data, {}).setdefault(one.measure, {})[one.model] = one
        return {
            data: {
                measure: [
                    estimates.get(key, Estimate(data, measure, key, None, None, None))
                    for key in (*MODELS, *CHANGES)
                ]
                for measure, estimates in measures.items()
            }
            for data, measures in found.items()
        }

    @property
    def meanings(self) -> dict[str, Measure]:
        """How to read the measures that the record has."""
        there = dict.fromkeys(one.measure for one in self.measures)
        return {name: MEASURES[name] for name in there if name in MEASURES}

    @property
    def hardware(self) -> str:
        """The machine, in words: the GPU where models ran on one, else the CPU."""
        where = self.provenance
        if where.gpu and (self.latency is None or self.latency.device != "cpu"):
            return one_line(where.gpu)
        parts = [one_line(where.cpu or "unknown CPU")]
        if where.cores:
            parts.append(f"{where.cores} cores")
        if where.torch_threads:
            count = where.torch_threads
            parts.append("1 thread" if count == 1 else f"{count} threads")
        return ", ".join(parts)

    @property
    def conditions(self) -> str:
        """What the latency is that of, in words."""
        known = self.latency or Latency()
        tokens = f"{known.tokens} tokens" if known.tokens else None
        parts = filter(None, ["one text at a time", tokens, known.precision])
        return f"{', '.join(parts)}; {self.hardware}"

    @property
    def versions(self) -> dict[str, str]:
        """Python's and the packages' versions, without those that are not installed."""
        packages = {name: text for name, text in self.provenance.packages.items() if text}
        return {"Python": self.provenance.python, **packages}

    @property
    def intervals(self) -> str:
        """How the intervals were made."""
        return (
            f"In brackets: 95% intervals from {self.settings.evaluation.bootstrap_samples:,} "
            "bootstrap resamples of the items. Of few items an ECE comes out too high, and "
            "resampled higher still: its interval reaches as far down from the value as up, and is "
            "a rough one."
        )

    @property
    def all_verdicts(self) -> list[str]:
        """The verdicts, and what the probes say of the layers."""
        return [*self.verdicts, *filter(None, [self.layer_note, self.target_note])]

    @property
    def depth_rule(self) -> str:
        """How the depth was chosen."""
        chosen, tolerance = self.layers, self.settings.tolerance
        depth, accuracy = chosen.depth, chosen.probe_accuracy
        if self.settings.depth is not None:
            return f"The depth, {depth}, was set by hand."
        within = f"{tolerance}"
        if chosen.allowed is not None and chosen.allowed > tolerance:
            within = f"one standard error ({chosen.allowed:.3f})"
        rule = (
            f"the lowest of layers 1 to {len(accuracy) - 1} whose probe comes within {within} "
            f"of the best validation accuracy among them ({max(accuracy[1:]):.3f})"
        )
        converged = chosen.converged or converged_depth(accuracy, tolerance)
        if converged == 1:
            return (
                f"Layer 1 is {rule}. The depth is {depth}, since a student needs a layer below its "
                "last one to learn from."
            )
        return f"The depth, {depth}, is {rule}."

    @property
    def layer_note(self) -> str | None:
        """That the encoder's layers add nothing, where no probe on them beats that below them."""
        lowest, *layers = self.layers.probe_accuracy
        if lowest < max(layers):
            return None
        return (
            "Layers: the probe on the embedding output (layer 0) is at least as accurate "
            f"({lowest:.3f}) as that on any layer above it (at best {max(layers):.3f}): on these "
            "validation items, the encoder adds nothing that a probe can read."
        )

    @property
    def target_note(self) -> str | None:
        """That the layer may have taught nothing but labels, and why."""
        if not self.layers.signs:
            return None
        return (
            f"Targets: layer {self.layers.source} may have taught the student nothing but the "
            "labels, so that it is a pruned model by another name: "
            f"{'; '.join(self.layers.signs)}. "
            "Cross-fit its distributions (`--folds 2`), or take a lower layer (`--source`)."
        )

    @property
    def tie_note(self) -> str | None:
        """How many items have no majority, where there are any."""
        part = self.data.get("human")
        if part is None or not part.tied:
            return None
        return (
            f"Ties: on {part.tied:,} of the {part.items:,} items with human answers, several "
            "classes share the first place. Accuracy, NLL and ECE take the majority that the data "
            "name there, or else the first of these classes."
        )

    @property
    def leak_notes(self) -> dict[str, str]:
        """Set of items → how many of them are training items, where there are any."""
        return {
            name: f"Not unseen: {part.seen_in_training:,} of the {part.items:,} {name} items have "
            "the text of a training item; what is measured on them is memory, too."
            for name, part in self.data.items()
            if part.seen_in_training
        }

    def notes(self, data: str) -> list[str]:
        """What is to be said of a set of items below its table."""
        ties = self.tie_note if data == "human" else None
        return list(filter(None, [self.leak_notes.get(data), ties]))

    @property
    def reproduction(self) -> Reproduction | None:
        """The command of a run that was started by one."""
        return None if self.command is None else typed_again(self.command)


_RUN = TypeAdapter(Run)


def typed_again(command: Command) -> Reproduction:
    """The command, and which of its paths have to be put in whole."""
    lines = ["ambiguity-lib compress", *map(shlex.join, command.options)]
    remark = ""
    if read := [option for option in command.shortened if option != "--output"]:
        remark = (
            f"Of {_listed(read)} only the last part of a path is given here: put "
            "in the whole one, or start the command where these files are."
        )
    return Reproduction(" \\\n  ".join(lines), remark)


def _listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


_COSTS = {
    "parameters": "parameters",
    "bytes": "weights on disk",
    "milliseconds": "latency of one text",
}


def costs(run: Run) -> list[CostChange]:
    """Parameters, bytes and latency, as far as they are known.

    Args:
        run: The ``run`` of a :class:`~ambiguity_lib.practice.compress.CompressionResult`.

    Returns:
        One cost each, with the amounts before and after and the share that is left; None where it
        is not known.

    Examples:
        >>> from types import SimpleNamespace
        >>> from ambiguity_lib.practice.run import Cost, Costs, costs
        >>> cost = Costs(
        ...     Cost(4_400_000, 17_600_000, 8.0), Cost(2_200_000, 8_800_000, 4.0)
        ... )
        >>> costs(SimpleNamespace(cost=cost))[0]
        CostChange(name='parameters', before='4.4 million', after='2.2 million', left=0.5)
    """
    before, after = vars(run.cost.before), vars(run.cost.after)
    return [
        CostChange(
            label,
            amount(name, before[name]),
            amount(name, after[name]),
            after[name] / before[name] if before[name] and after[name] else None,
        )
        for name, label in _COSTS.items()
    ]


_FILES = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zip"}
# parts of a path that do not tell one model from another: "model", "checkpoint-500", "best_model"
_EMPTY_NAME = re.compile(
    r"[-_. ]*((best|last|latest|final|saved|checkpoint|ckpt|model|weights|output|out|epoch|step|"
    r"[0-9a-f]{40}|\d)[-_. ]*)*",
    re.IGNORECASE,
)
_RIGHT_TO_LEFT = {"R", "AL"}
_TURNING = {"RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}


def one_line(text: str) -> str:
    """Any text on one line: white space becomes one space, what cannot be seen U+FFFD.

    Text that runs from right to left is kept from turning its surroundings around (Unicode's
    isolates, U+2068 and U+2069); signs that only turn are left out.
    """
    line = " ".join(str(text).split())
    kept = [sign for sign in line if unicodedata.bidirectional(sign) not in _TURNING]
    line = "".join("\ufffd" if unicodedata.category(one) in ("Cc", "Cs") else one for one in kept)
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in line):
        line = f"\u2068{line}\u2069"
    return line or "(empty)"


def shareable(source: str, *, local: bool = False) -> str:
    """Where data or a model is from: a path by its last part, a hub id whole.

    The rest of a path says how somebody's disk is arranged, and is nobody else's business.

    Args:
        source: A path, a hub id or any words.
        local: Whether it is known to be a path; else by its looks.
    """
    path = source.replace("\\", "/")
    local |= path.startswith(("/", "~", "./", "../")) or path in (".", "..")
    local |= re.match(r"[A-Za-z]:/", path) is not None
    if not local and PurePosixPath(path).suffix.lower() not in _FILES:
        return source
    last = PurePosixPath(path).name
    return Path(source).expanduser().resolve().name if last in ("", "..", "~") else last


def tells(name: str) -> bool:
    """Whether a part of a path says which model it is: ``model`` or ``checkpoint-500`` do not."""
    return _EMPTY_NAME.fullmatch(name) is None


# what means something in Markdown, GitHub's tables and strike-through, HTML or the hub's formulas
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&#$])")


def escape_markdown(text: object) -> str:
    """Any text as Markdown that shows it on one line, also in a cell of a table."""
    return _MARKDOWN.sub(r"\\\1", one_line(str(text)))


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours."""
    if seconds is None:
        return UNKNOWN
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def layer_name(layer: int) -> str:
    """``layer 3``; the lowest one has a name of its own."""
    return f"layer {layer}" if layer else "the embedding output (layer 0)"


def epochs(count: float) -> str:
    """``1 epoch``, ``3 epochs``."""
    return f"{count:g} epoch" + ("" if count == 1 else "s")


def heading(data: str) -> str:
    """What a set of items is called above its table."""
    return "Items with human answers" if data == "human" else f"{data.capitalize()} items"


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings as one level, with dots in the names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def fill_in(template: str, run: Run, **more: Any) -> str:
    """A template over the record; what an HTML page shows of it is escaped."""
    environment = Environment(
        loader=PackageLoader("ambiguity_lib.practice"),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": "{:,}".format,
        "epochs": epochs,
        "heading": heading,
        "layer": layer_name,
        "line": one_line,
        "md": escape_markdown,
        "minus": minus,
        "took": duration,
    }
    return environment.get_template(template).render(run=run, costs=costs(run), **more)


def load_run(directory: str | Path) -> Run:
    """Read the record of a compression.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no such record, or not of this version; the message names the file.
    """
    path = Path(directory) / RUN_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {RUN_FILE} in {directory}: give the folder that `ambiguity-lib compress` "
            "wrote"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict) or record.get("kind") != "compression":
        raise ValueError(f"{path} is not the record of a compression")
    try:
        return Run.from_json(record)
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from error
