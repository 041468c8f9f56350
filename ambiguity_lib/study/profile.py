"""A profile file becomes a frozen dataclass; a key that nobody reads is an error.

A profile says everything about a run. Its parts are the settings of the rooms: data, model,
training, probing, selection, distillation. The same notebooks run under all profiles.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as settings

from ambiguity_lib.data.splits import DataConfig
from ambiguity_lib.evaluation.resampling import EvaluationConfig
from ambiguity_lib.method.recipe import PipelineConfig
from ambiguity_lib.method.targets import DistillationConfig
from ambiguity_lib.method.temperatures import BaselinesConfig
from ambiguity_lib.models.training import TrainingConfig
from ambiguity_lib.study.paths import profile_directories


@settings(frozen=True, config={"extra": "forbid"})
class SecondTask:
    """Another classification task for the same encoder; what is not given is the profile's own."""

    data: DataConfig
    training: TrainingConfig
    distillation: DistillationConfig | None = None
    sweep_seeds: tuple[int, ...] = ()


@settings(frozen=True, kw_only=True, config={"extra": "forbid"})
class Profile(PipelineConfig):
    """Everything that determines a run. ``name`` is the stem of the profile's file.

    ``sweep_seeds`` are those of the comparison of all methods; ``seeds`` if there are none.

    Examples:
        >>> import dataclasses
        >>> from ambiguity_lib.study import load_profile
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
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    baselines: BaselinesConfig = field(default_factory=BaselinesConfig)
    sweep_seeds: tuple[int, ...] = ()
    second_task: SecondTask | None = None

    def __post_init__(self) -> None:
        """Check that no seed is there twice."""
        for key in ("seeds", "sweep_seeds"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"{key} must be distinct, got {list(getattr(self, key))}")
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
            distillation=task.distillation or self.distillation,
            sweep_seeds=task.sweep_seeds or self.sweep_seeds,
            second_task=None,
        )


def available_profiles() -> tuple[str, ...]:
    """Names of the profiles that ``load_profile`` finds by name, sorted."""
    names = {path.stem for folder in profile_directories() for path in folder.glob("*.yml")}
    return tuple(sorted(names))


def is_profile_path(name_or_path: str | Path) -> bool:
    """Whether a request for a profile means a file rather than a name."""
    text = str(name_or_path)
    return isinstance(name_or_path, Path) or text.endswith((".yml", ".yaml")) or "/" in text


def profile_path(name_or_path: str | Path) -> Path:
    """The file of a profile.

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
        >>> from ambiguity_lib.study import load_profile
        >>> load_profile("synthetic").data.dataset
        'synthetic'

        A misspelt key is an error:

        >>> text = Path("tiny.yml").read_text().replace("epochs:", "epoch:")
        >>> _ = Path("typo.yml").write_text(text)
        >>> load_profile("typo.yml")
        Traceback (most recent call last):
            ...
        ValueError: ...typo.yml: ... key 'training.epoch...'; known
        keys here: epochs, batch_size, learning_rate, weight_decay, warmup_ratio,
        max_length, precision
    """
    path = profile_path(name_or_path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: the file must be a mapping of keys, got {content!r}")
    if "name" in content:
        raise ValueError(f"{path}: unknown key 'name': a profile is called as its file is")
    try:
        # by way of JSON, where lists are tuples and nothing else is taken for something else
        text = json.dumps(content | {"name": path.stem}, default=str)
        return TypeAdapter(Profile).validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error, Profile)}") from error


def explain(error: ValidationError, settings_class: type | None = None) -> str:
    """The first thing that is wrong with settings, in one line."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    key, got = ".".join(place), first["input"]
    kind, message = first["type"], first["msg"]
    if settings_class and kind in ("unexpected_keyword_argument", "missing"):
        known = ", ".join(_keys(settings_class, place[:-1]))
        word = "missing" if kind == "missing" else "unknown"
        return f"{word} key {key!r}; known keys here: {known}"
    if kind == "value_error":  # raised by a __post_init__, which names the key
        return f"{key}{'.' * bool(key)}{first['ctx']['error']}"
    note = " (YAML reads 5e-5 as text: write 5.0e-5)" if kind == "float_type" else ""
    rule = message.replace("Input should be", "must be").replace("Tuple should", "must")
    # JSON's words are not YAML's
    rule = rule.replace("a valid array", "a list").replace("an object", "a mapping")
    return f"{key} {rule[:1].lower()}{rule[1:]}, got {got!r}{note}"


def _keys(cls: Any, place: list[str]) -> list[str]:
    """Names of the fields of the dataclass that stands at ``place``, below ``cls``."""
    hints = typing.get_type_hints(cls)
    if not place:
        return [name for name in hints if name != "name"]
    hint = hints[place[0]]
    inner = next((arg for arg in typing.get_args(hint) if dataclasses.is_dataclass(arg)), hint)
    return _keys(inner, place[1:])
