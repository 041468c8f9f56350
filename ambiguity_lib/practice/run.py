"""The measures and costs in the record of a compression, as rows of text for a table.

Numbers get their digits, units and signs here, and differences a word; the model card and the
report only set them.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from ambiguity_lib.evaluation.words import UNKNOWN, amount, number
from ambiguity_lib.method.layers import converged_depth

#: Models in the order of every table, as they are called there.
MODELS = {"before": "before", "temperature": "temperature", "after": "after"}
#: Keys of :data:`~ambiguity_lib.practice.compress.DIFFERENCES`, as they are called in a table.
CHANGES = {"after - before": "after − before", "after - temperature": "after − temperature"}

_COSTS = {
    "parameters": "parameters",
    "bytes": "weights on disk",
    "milliseconds a text": "latency of one text",
}


@dataclass(frozen=True)
class Measure:
    """How a measure is read.

    Attributes:
        unit: Its unit, empty for a share or a correlation.
        better: Which end is the good one; None if there is none.
        meaning: One line.
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


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval, as text.

    Attributes:
        value: The number.
        interval: The interval, or empty where it is not known.
        verdict: Of a difference: ``better``, ``worse``, ``higher``, ``lower`` or ``undecided``.
    """

    value: str
    interval: str
    verdict: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table of before and after; one estimate for each model and change."""

    measure: str
    unit: str
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Cost:
    """What a model costs before and after, as text, and the ratio that is left."""

    name: str
    before: str
    after: str
    left: float | None


def comparison(run: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Set of items → its rows, in the order of the record."""
    found: dict[str, dict[str, dict[str, Estimate]]] = {}
    for row in run["measures"]:
        measures = found.setdefault(row["data"], {})
        measures.setdefault(row["measure"], {})[row["model"]] = _estimate(row)
    return {
        data: [
            Row(
                measure,
                MEASURES[measure].unit if measure in MEASURES else "",
                {key: estimates.get(key, Estimate(UNKNOWN, "")) for key in (*MODELS, *CHANGES)},
            )
            for measure, estimates in measures.items()
        ]
        for data, measures in found.items()
    }


def meanings(run: Mapping[str, Any]) -> dict[str, Measure]:
    """How to read the measures that the record has."""
    there = dict.fromkeys(row["measure"] for row in run["measures"])
    return {name: MEASURES[name] for name in there if name in MEASURES}


def _estimate(row: Mapping[str, Any]) -> Estimate:
    value, low, high = row["value"], row["low"], row["high"]
    change = row["model"] in CHANGES
    if value is None:
        return Estimate(UNKNOWN, "")
    if low is None or high is None:
        return Estimate(number(value, signed=change), "")
    interval = f"[{number(low, signed=change)}, {number(high, signed=change)}]"
    if not change:
        return Estimate(number(value), interval)
    if low <= 0 <= high:
        return Estimate(number(value, signed=True), interval, "undecided")
    direction = "higher" if value > 0 else "lower"
    known = MEASURES.get(row["measure"])
    if known is not None and known.better is not None:
        direction = "better" if direction == known.better else "worse"
    return Estimate(number(value, signed=True), interval, direction)


def costs(run: Mapping[str, Any]) -> list[Cost]:
    """Parameters, bytes and latency, as far as they are known.

    Args:
        run: The ``run`` of a :class:`~ambiguity_lib.practice.compress.CompressionResult`.

    Returns:
        One cost each, with the amounts before and after and the share that is left; None where it
        is not known.

    Examples:
        >>> from ambiguity_lib.practice.run import costs
        >>> before = {
        ...     "parameters": 4_400_000,
        ...     "bytes": 17_600_000,
        ...     "milliseconds a text": 8.0,
        ... }
        >>> after = {name: amount / 2 for name, amount in before.items()}
        >>> costs({"cost": {"before": before, "after": after}})[0]
        Cost(name='parameters', before='4.4 million', after='2.2 million', left=0.5)
    """
    before, after = run["cost"]["before"], run["cost"]["after"]
    return [
        Cost(
            label,
            amount(name, before.get(name)),
            amount(name, after.get(name)),
            after[name] / before[name] if before.get(name) and after.get(name) else None,
        )
        for name, label in _COSTS.items()
    ]


Run = Mapping[str, Any]

_FILES = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zip"}
# parts of a path that do not tell one model from another: "model", "checkpoint-500", "best_model"
_EMPTY_NAME = re.compile(
    r"[-_. ]*((best|last|latest|final|saved|checkpoint|ckpt|model|weights|output|out|epoch|step|"
    r"[0-9a-f]{40}|\d)[-_. ]*)*",
    re.IGNORECASE,
)
_RIGHT_TO_LEFT = {"R", "AL"}
_TURNING = {"RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}


@dataclass(frozen=True)
class ClassCount:
    """A class and its number of items, one a part of the data."""

    name: str
    counts: tuple[int, ...]


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours."""
    if seconds is None:
        return UNKNOWN
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


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
    """
    path = source.replace("\\", "/")
    local |= path.startswith(("/", "~", "./", "../")) or path in (".", "..")
    local |= re.match(r"[A-Za-z]:/", path) is not None
    if not local and PurePosixPath(path).suffix.lower() not in _FILES:
        return source
    last = PurePosixPath(path).name
    return Path(source).expanduser().resolve().name if last in ("", "..", "~") else last


def place(source: str | None) -> str | None:
    """What :func:`shareable` leaves of a source, on one line; None if it is not known."""
    return None if source is None else one_line(shareable(source))


def base_model(run: Run) -> tuple[str, bool]:
    """The name of the model that was compressed, and whether the hub knows it by that name.

    A local path gives its last part only: the rest says how somebody's disk is arranged.
    """
    source, local = run["model"]["source"], run["model"].get("local")
    like_id = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source, re.ASCII) is not None
    if local or not like_id or source.startswith((".", "~")):
        return one_line(PurePosixPath(source.replace("\\", "/")).name or source), False
    return source, True


def tells(name: str) -> bool:
    """Whether a part of a path says which model it is: ``model`` or ``checkpoint-500`` do not."""
    return _EMPTY_NAME.fullmatch(name) is None


def student_name(run: Run) -> str:
    """What came out, by the name that it was given."""
    return one_line(run.get("name") or default_name(run))


def default_name(run: Run, directory: Path | None = None) -> str:
    """A name for what came out: the base model's and the depth.

    Where the base model's says nothing, it is that of the folder; else the family's and the depth.
    """
    base, depth = base_model(run)[0].rsplit("/", 1)[-1], run["layers"]["depth"]
    if tells(base):
        return f"{base}-{depth}-layers"
    folder = "" if directory is None else directory.resolve().name
    return folder if tells(folder) else f"{run['model']['family']}-{depth}-layers"


def hardware(run: Run) -> str:
    """The machine, in words: the GPU where models ran on one, else the CPU."""
    where = run["provenance"]
    device = (run.get("latency") or {}).get("device")
    if where.get("gpu") and device != "cpu":
        return one_line(where["gpu"])
    parts = [one_line(where.get("cpu") or "unknown CPU")]
    if where.get("cores"):
        parts.append(f"{where['cores']} cores")
    if where.get("torch_threads"):
        count = where["torch_threads"]
        parts.append("1 thread" if count == 1 else f"{count} threads")
    return ", ".join(parts)


def latency_conditions(run: Run) -> str:
    """What the latency is that of, in words."""
    known = run.get("latency") or {}
    parts = ["one text at a time"]
    if known.get("tokens"):
        parts.append(f"{known['tokens']} tokens")
    if known.get("precision"):
        parts.append(known["precision"])
    return f"{', '.join(parts)}; {hardware(run)}"


def layer_name(layer: int) -> str:
    """``layer 3``; the lowest one has a name of its own."""
    return f"layer {layer}" if layer else "the embedding output (layer 0)"


def epochs(count: float) -> str:
    """``1 epoch``, ``3 epochs``."""
    return f"{count:g} epoch" + ("" if count == 1 else "s")


def class_counts(run: Run) -> list[ClassCount]:
    """Items of each class in each part of the data, in the order of the classes."""
    parts = run["data"].values()
    return [
        ClassCount(name, tuple(part["labels"].get(name, 0) for part in parts))
        for name in run["classes"]
    ]


def versions(run: Run) -> dict[str, str]:
    """Python's and the packages' versions, without those that are not installed."""
    where = run["provenance"]
    packages = {name: text for name, text in where["packages"].items() if text}
    return {"Python": where["python"], **packages}


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings as one level, with dots in the names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def intervals(run: Run) -> str:
    """How the intervals were made."""
    samples = run["settings"]["evaluation"]["bootstrap_samples"]
    return (
        f"In brackets: 95% intervals from {samples:,} bootstrap resamples of the items. Of few "
        "items an ECE comes out too high, and resampled higher still: its interval reaches as far "
        "down from the value as up, and is a rough one."
    )


def all_verdicts(run: Run) -> list[str]:
    """The verdicts, and what the probes say of the layers."""
    return [*run["verdicts"], *filter(None, [layer_note(run)])]


def depth_rule(run: Run) -> str:
    """How the depth was chosen."""
    depth, settings = run["layers"]["depth"], run["settings"]
    if settings["depth"] is not None:
        return f"The depth, {depth}, was set by hand."
    tolerance, accuracy = settings["tolerance"], run["layers"]["probe_accuracy"]
    rule = (
        f"the lowest of layers 1 to {len(accuracy) - 1} whose probe comes within {tolerance} of "
        f"the best validation accuracy among them ({max(accuracy[1:]):.3f})"
    )
    if converged_depth(accuracy, tolerance) == 1:
        return (
            f"Layer 1 is {rule}. The depth is {depth}, since a student needs a layer below its "
            "last one to learn from."
        )
    return f"The depth, {depth}, is {rule}."


def layer_note(run: Run) -> str | None:
    """That the layers of the encoder add nothing, where no probe on them beats that below them."""
    lowest, *layers = run["layers"]["probe_accuracy"]
    if lowest < max(layers):
        return None
    return (
        "Layers: the probe on the embedding output (layer 0) is at least as accurate "
        f"({lowest:.3f}) as that on any layer above it (at best {max(layers):.3f}): on these "
        "validation items, the encoder adds nothing that a probe can read."
    )


def tie_note(run: Run) -> str | None:
    """How many items have no majority, where there are any."""
    part = run["data"].get("human") or {}
    if not part.get("tied"):
        return None
    return (
        f"Ties: on {part['tied']:,} of the {part['items']:,} items with human answers, several "
        "classes share the first place. Accuracy, NLL and ECE take the majority that the data name "
        "there, or else the first of these classes."
    )


_CONFIGS = {
    "training": "TrainingConfig",
    "probing": "ProbingConfig",
    "evaluation": "EvaluationConfig",
}


@dataclass(frozen=True)
class Reproduction:
    """What to type.

    Attributes:
        language: ``bash`` or ``python``.
        code: One command, or a program.
        remark: What its reader has to put in; empty if nothing.
    """

    language: str
    code: str
    remark: str

    @property
    def fence(self) -> str:
        """Backticks enough to hold the code in Markdown."""
        return max(["```", *(run + "`" for run in re.findall("`{3,}", self.code))], key=len)


def reproduction(run: Run) -> Reproduction:
    """The command of a run that was started by one, and a Python program for any other."""
    command = run.get("command")
    return _program(run) if command is None else _command(command)


def _command(command: Mapping[str, Any]) -> Reproduction:
    lines = ["ambiguity-lib compress", *map(shlex.join, command["options"])]
    remark = ""
    if read := [option for option in command["shortened"] if option != "--output"]:
        remark = (
            f"Of {_listed(read)} only the last part of a path is given here: put "
            "in the whole one, or start the command where these files are."
        )
    return Reproduction("bash", " \\\n  ".join(lines), remark)


def _program(run: Run) -> Reproduction:
    given = {name: part["source"] for name, part in run["data"].items()}
    names = {name: shareable(source or f"{name}.csv") for name, source in given.items()}
    reads = [
        f"{name} = read_dataset({names[name]!r}, class_names=classes"
        f"{', human=True, labels=False' if name == 'human' else ''}).dataset"
        for name in given
    ]
    parts = [f"{name}={name}" if name == "human" else name for name in given]
    call = [repr(base_model(run)[0]), *parts, "settings=settings", f"seed={run['seed']}"]
    lines = [
        "from ambiguity_lib.practice.compress import CompressionSettings, compress",
        "from ambiguity_lib.data import read_dataset",
        f"from ambiguity_lib.study.profile import {', '.join(sorted(_CONFIGS.values()))}",
        "",
        f"classes = {tuple(run['classes'])!r}",
        *reads,
        *_settings(run["settings"]),
        f"result = compress({', '.join(call)})",
        f"result.save('student', name={run.get('name')!r})",
    ]
    unknown = [name for name, source in given.items() if source is None]
    remark = "Files are named without their folders, and expected to have this library's columns."
    if unknown:
        what = _listed([f"{name} items" for name in unknown])
        remark += f" Where the {what} are from is not recorded: put in your own file."
    return Reproduction("python", "\n".join(lines), remark)


def _settings(settings: Mapping[str, Any]) -> list[str]:
    """Python that makes the same settings."""
    lines = ["settings = CompressionSettings("]
    for name, value in settings.items():
        if name in _CONFIGS:
            inner = ", ".join(f"{key}={one!r}" for key, one in value.items())
            lines.append(f"    {name}={_CONFIGS[name]}({inner}),")
        else:
            lines.append(f"    {name}={value!r},")
    return [*lines, ")"]


def _listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


if TYPE_CHECKING:
    pass

RUN_FILE = "compression.json"
PROBES_FILE = "probes.npz"
ONNX_FILE = "model.onnx"


def check_free(directory: Path, *, overwrite: bool = False) -> None:
    """See that a folder may be written, before hours of work.

    Raises:
        FileExistsError: If it is there, is not empty, and may not be replaced, or if it holds
            something else than a compressed model.
        NotADirectoryError: If a file has its name.
        OSError: If nothing can be written beside it.
    """
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


def load_run(directory: str | Path) -> dict[str, Any]:
    """Read the record of a compression.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no such record; the message names the file.
    """
    path = Path(directory) / RUN_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {RUN_FILE} in {directory}: give the folder that `ambiguity-lib compress` "
            "wrote"
        )
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(run, dict) or run.get("kind") != "compression":
        raise ValueError(f"{path} is not the record of a compression")
    return run
