"""A profile file becomes a frozen dataclass; a key that nobody reads is an error.

A profile says everything about a run: data, model, training, probing, selection, distillation
and seeds. The same notebooks run under all profiles. The lowest layer of the package: other
modules import these dataclasses, this module imports none of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import yaml

from ambiguity_lib._reading import build_dataclass
from ambiguity_lib.paths import profile_directories


def _require(condition: bool, key: str, rule: str, value: object) -> None:
    """Raise the one kind of error that a value out of its range gets."""
    if not condition:
        raise ValueError(f"{key} must be {rule}, got {value!r}")


def _require_positive(config: object, *keys: str) -> None:
    for key in keys:
        value = getattr(config, key)
        _require(value is None or value > 0, key, "greater than 0", value)


@dataclass(frozen=True)
class DataConfig:
    """Which items; None means all that the source has.

    ``folds`` are ways to split a small dataset, each with models of its own; ``transfer`` names
    further parts of ChaosNLI, on which the same models are judged. ``dataset="own"`` means that the
    caller brings the data along: ``Experiment(profile, seed, splits=...)``.

    Examples:
        >>> from ambiguity_lib.profiles import DataConfig
        >>> DataConfig(
        ...     "synthetic",
        ...     train_items=60,
        ...     validation_items=30,
        ...     evaluation_items=30,
        ... ).folds
        1
    """

    dataset: Literal["synthetic", "snli", "mnli", "affective_text", "headlines", "own"]
    train_items: int | None
    validation_items: int | None
    evaluation_items: int | None
    seed: int = 0
    folds: int = 1
    transfer: tuple[Literal["snli", "mnli"], ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        sizes = ("train_items", "validation_items", "evaluation_items")
        _require_positive(self, *sizes, "folds")
        name = self.dataset
        generated = name in ("synthetic", "headlines")
        needed = sizes if generated else ("validation_items",) if name in ("snli", "mnli") else ()
        for key in needed:
            value = getattr(self, key)
            _require(value is not None, key, f"a number for the dataset {name}", value)
        if name == "affective_text":
            for key in ("train_items", "validation_items"):
                value = getattr(self, key)
                _require(value is None, key, f"null for {name}, whose splits are fixed", value)
        if not generated:
            _require(self.seed == 0, "seed", f"0 for {name}, whose splits are fixed", self.seed)
        chaosnli = name in ("snli", "mnli") and name not in self.transfer
        _require(
            chaosnli or not self.transfer,
            "transfer",
            "empty for other data than snli or mnli, and not name the dataset itself",
            list(self.transfer),
        )
        most = 5 if name == "affective_text" else 1
        _require(self.folds <= most, "folds", f"at most {most} for {name}", self.folds)


@dataclass(frozen=True)
class ScratchConfig:
    """The shape of an encoder that is trained from random weights.

    The families are those that share BERT's names for sizes and dropout.

    Examples:
        >>> from ambiguity_lib.profiles import ScratchConfig
        >>> ScratchConfig(
        ...     "bert",
        ...     2,
        ...     hidden_size=8,
        ...     heads=2,
        ...     intermediate_size=16,
        ...     max_length=16,
        ... ).dropout
        0.1
    """

    family: Literal["bert", "roberta", "electra"]
    layers: int
    hidden_size: int
    heads: int
    intermediate_size: int
    max_length: int
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require_positive(self, "layers", "hidden_size", "heads", "intermediate_size", "max_length")
        _require(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        _require(
            self.hidden_size % self.heads == 0,
            "hidden_size",
            f"a multiple of heads ({self.heads})",
            self.hidden_size,
        )


@dataclass(frozen=True)
class ModelConfig:
    """Where the encoder's weights come from.

    ``source`` is a hub id, a folder or the word ``scratch``. ``package`` names a folder inside an
    importable package that holds the same weights, for machines without a hub; ``sha256`` is that
    of its ``model.safetensors``. ``fine_tuned`` says that it is a classifier of the task already:
    then it is the teacher itself; ``new_head`` that a head of other classes is to be dropped.

    Examples:
        >>> from ambiguity_lib.profiles import ModelConfig
        >>> ModelConfig("bert-base-uncased").scratch is None
        True
    """

    source: str
    package: str | None = None
    sha256: str | None = None
    scratch: ScratchConfig | None = None
    fine_tuned: bool = False
    new_head: bool = False

    def __post_init__(self) -> None:
        """Check that the shape is given exactly when it is used."""
        needs_shape = self.source == "scratch"
        _require(
            needs_shape == (self.scratch is not None),
            "scratch",
            "given if, and only if, source is 'scratch'",
            self.scratch,
        )


@dataclass(frozen=True)
class TrainingConfig:
    """Fine-tuning, the same for teacher and students.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.profiles import load_profile
        >>> training = load_profile("tiny.yml").training
        >>> dataclasses.replace(training, epochs=3).epochs
        3
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_ratio: float
    max_length: int
    precision: Literal["fp32", "bf16", "auto"]

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require_positive(self, "epochs", "batch_size", "learning_rate", "max_length")
        _require(self.weight_decay >= 0, "weight_decay", "at least 0", self.weight_decay)
        _require(0 <= self.warmup_ratio < 1, "warmup_ratio", "in [0, 1)", self.warmup_ratio)


@dataclass(frozen=True)
class ProbingConfig:
    """How hidden states become one vector an item, and how strongly probes are held back.

    Examples:
        >>> from ambiguity_lib.profiles import ProbingConfig
        >>> ProbingConfig()
        ProbingConfig(pooling='mean', l2=0.0001, batch_size=64)
    """

    pooling: Literal["mean", "cls"] = "mean"
    l2: float = 1e-4
    batch_size: int = 64

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require_positive(self, "batch_size")
        _require(self.l2 >= 0, "l2", "at least 0", self.l2)


@dataclass(frozen=True)
class SelectionConfig:
    """The two rules that choose depth and source layer without human distributions.

    Attributes:
        tolerance: Validation accuracy that one is ready to give up for depth, see
            :func:`~ambiguity_lib.pruning.converged_depth`.
        source_fraction: Share of the knowledge that the source must have, see
            :func:`~ambiguity_lib.pruning.source_layer`.
        depths: Those at which the pruning chapter trains a model besides the chosen one.

    Examples:
        >>> from ambiguity_lib.profiles import SelectionConfig
        >>> SelectionConfig(tolerance=0.01, source_fraction=0.5)
        SelectionConfig(tolerance=0.01, source_fraction=0.5, depths=())
    """

    tolerance: float
    source_fraction: float
    depths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(0 <= self.tolerance < 1, "tolerance", "in [0, 1)", self.tolerance)
        fraction = self.source_fraction
        _require(0 < fraction <= 1, "source_fraction", "in (0, 1]", fraction)
        _require(all(d > 0 for d in self.depths), "depths", "greater than 0", list(self.depths))


@dataclass(frozen=True)
class DistillationConfig:
    """How students are trained.

    Attributes:
        weight: λ, the share of the source layer in the target, that the book uses.
        weights: Those that its ablation shows.
        start: Whether students start from the teacher's own ``checkpoint`` or from the
            ``teacher``'s lower layers.
        epochs: Their epochs; the teacher's if None.

    Examples:
        >>> from ambiguity_lib.profiles import DistillationConfig
        >>> DistillationConfig(weight=0.5, weights=(0.5, 0.9)).start
        'checkpoint'
    """

    weight: float
    weights: tuple[float, ...]
    start: Literal["checkpoint", "teacher"] = "checkpoint"
    epochs: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require_positive(self, "epochs")
        _require(0 <= self.weight <= 1, "weight", "in [0, 1]", self.weight)
        _require(
            bool(self.weights) and all(0 <= weight <= 1 for weight in self.weights),
            "weights",
            "a non-empty list of numbers in [0, 1]",
            list(self.weights),
        )


@dataclass(frozen=True)
class BaselinesConfig:
    """Settings of the methods that ours is compared with.

    Attributes:
        epsilons: The label smoothings that validation labels choose from.
        evaluations_per_epoch: How often early stopping looks at validation labels.
        dropout_samples: Passes of MC dropout.
        ensemble_size: Models of a deep ensemble.
        human_folds: Folds of training on human distributions.

    Examples:
        >>> from ambiguity_lib.profiles import BaselinesConfig
        >>> BaselinesConfig().epsilons
        (0.1, 0.2, 0.3)
    """

    epsilons: tuple[float, ...] = (0.1, 0.2, 0.3)
    evaluations_per_epoch: int = 4
    dropout_samples: int = 20
    ensemble_size: int = 5
    human_folds: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require_positive(self, "evaluations_per_epoch", "dropout_samples", "ensemble_size")
        _require(self.human_folds >= 2, "human_folds", "at least 2", self.human_folds)
        _require(
            bool(self.epsilons) and all(0 < epsilon < 1 for epsilon in self.epsilons),
            "epsilons",
            "a non-empty list of numbers in (0, 1)",
            list(self.epsilons),
        )


@dataclass(frozen=True)
class EvaluationConfig:
    """How scores are computed.

    Attributes:
        bootstrap_samples: Resamples for an interval.
        calibration_bins: Bins of the calibration error.

    Examples:
        >>> from ambiguity_lib.profiles import EvaluationConfig
        >>> EvaluationConfig(bootstrap_samples=200)
        EvaluationConfig(bootstrap_samples=200, calibration_bins=15)
    """

    bootstrap_samples: int = 1000
    calibration_bins: int = 15

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require_positive(self, "bootstrap_samples", "calibration_bins")


@dataclass(frozen=True)
class SecondTask:
    """Another classification task for the same encoder; what is not given is the profile's own.

    Examples:
        >>> from ambiguity_lib.profiles import load_profile
        >>> task = load_profile("synthetic").second_task
        >>> task.data.dataset, task.data.train_items
        ('headlines', 800)
    """

    data: DataConfig
    training: TrainingConfig
    sweep_seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Profile:
    """Everything that determines a run. ``name`` is the stem of the profile's file.

    ``sweep_seeds`` are those of the comparison of all methods; ``seeds`` if there are none.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.profiles import load_profile
        >>> profile = load_profile("tiny.yml")
        >>> profile.name, profile.seeds, profile.training.epochs
        ('tiny', (0,), 1)
        >>> dataclasses.replace(profile, seeds=(0, 1, 2)).seeds
        (0, 1, 2)
        >>> profile.for_second_task()
        Traceback (most recent call last):
            ...
        ValueError: profile 'tiny' has no second_task
    """

    name: str
    title: str
    description: str
    data: DataConfig
    model: ModelConfig
    training: TrainingConfig
    selection: SelectionConfig
    distillation: DistillationConfig
    seeds: tuple[int, ...]
    probing: ProbingConfig = field(default_factory=ProbingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    baselines: BaselinesConfig = field(default_factory=BaselinesConfig)
    sweep_seeds: tuple[int, ...] = ()
    second_task: SecondTask | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(bool(self.seeds), "seeds", "a non-empty list of whole numbers", self.seeds)
        for key in ("seeds", "sweep_seeds"):
            seeds = getattr(self, key)
            _require(len(set(seeds)) == len(seeds), key, "distinct", list(seeds))
        if not self.sweep_seeds:
            object.__setattr__(self, "sweep_seeds", self.seeds)

    def for_second_task(self) -> Profile:
        """The profile with the second task in place of its own.

        Returns:
            A profile without a second task.

        Raises:
            ValueError: If it has none.
        """
        task = self.second_task
        if task is None:
            raise ValueError(f"profile {self.name!r} has no second_task")
        return replace(
            self,
            data=task.data,
            training=task.training,
            sweep_seeds=task.sweep_seeds or self.sweep_seeds,
            second_task=None,
        )


def available_profiles() -> tuple[str, ...]:
    """Names of the profiles that ``load_profile`` finds by name, sorted.

    Returns:
        Names without the ending ``.yml``.

    Examples:
        >>> from ambiguity_lib.profiles import available_profiles
        >>> available_profiles()
        ('bert', 'minilm', 'roberta', 'synthetic')
    """
    names = {path.stem for folder in profile_directories() for path in folder.glob("*.yml")}
    return tuple(sorted(names))


def is_profile_path(name_or_path: str | Path) -> bool:
    """Whether a request for a profile means a file rather than a name."""
    text = str(name_or_path)
    return isinstance(name_or_path, Path) or text.endswith((".yml", ".yaml")) or "/" in text


def profile_path(name_or_path: str | Path) -> Path:
    """The file of a profile.

    Args:
        name_or_path: A profile's name (``synthetic``), or the path of a ``.yml`` file.

    Raises:
        FileNotFoundError: There is no such profile; the message lists those that there are.
    """
    text = str(name_or_path)
    if is_profile_path(name_or_path):
        path = Path(name_or_path).expanduser().resolve()
        if path.is_file():
            return path
        raise FileNotFoundError(f"no profile file {path}: give the path of an existing .yml file")
    for folder in profile_directories():
        candidate = folder / f"{text}.yml"
        if candidate.is_file():
            return candidate
    known = ", ".join(available_profiles()) or "none"
    raise FileNotFoundError(
        f"no profile {text!r}: choose one of {known}, or give the path of a .yml file"
    )


def load_profile(name_or_path: str | Path) -> Profile:
    """Read and check a profile.

    Args:
        name_or_path: A profile's name, or the path of a ``.yml`` file.

    Returns:
        The profile.

    Raises:
        FileNotFoundError: There is no such profile.
        ValueError: The file is not a profile: unknown or missing key, wrong type, value out of
            range. The message names the file and the key, and the keys that are known there.

    Examples:
        >>> from pathlib import Path
        >>> from ambiguity_lib.profiles import load_profile
        >>> load_profile("synthetic").model.scratch.layers
        4

        A misspelt key is an error:

        >>> text = Path("tiny.yml").read_text().replace("epochs:", "epoch:")
        >>> _ = Path("typo.yml").write_text(text)
        >>> load_profile("typo.yml")
        Traceback (most recent call last):
            ...
        ValueError: ...typo.yml: unknown key 'training.epoch'; known
        keys here: epochs, batch_size, learning_rate, weight_decay, warmup_ratio,
        max_length, precision
    """
    path = profile_path(name_or_path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from error
    return build_dataclass(Profile, content, str(path), given={"name": path.stem})
