from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambiguity_lib.data import DataConfig
from ambiguity_lib.study import available_profiles, load_profile
from ambiguity_lib.study.profile import is_profile_path, profile_path

TEST_PROFILES = sorted((Path(__file__).resolve().parents[1] / "profiles").glob("*.yml"))


@pytest.fixture
def content(repository: Path) -> dict[str, Any]:
    text = (repository / "tests" / "profiles" / "smoke.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def _write(folder: Path, content: object) -> Path:
    path = folder / "mine.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_book_has_its_four_profiles() -> None:
    assert set(available_profiles()) >= {"synthetic", "minilm", "bert", "roberta"}


@pytest.mark.parametrize("name", available_profiles())
def test_every_packaged_profile_loads_and_is_named_by_its_file(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title and profile.description


@pytest.mark.parametrize("path", TEST_PROFILES, ids=lambda path: path.stem)
def test_test_profiles_load_by_path(path: Path) -> None:
    assert load_profile(path) == load_profile(str(path))
    assert load_profile(path).name == path.stem


def test_types_are_those_of_the_dataclasses(content: dict[str, Any], tmp_path: Path) -> None:
    content["distillation"]["weight"] = 1  # a whole number where a float belongs
    profile = load_profile(_write(tmp_path, content))
    assert profile.distillation.weight == 1.0
    assert isinstance(profile.distillation.weight, float)
    assert isinstance(profile.seeds, tuple)
    assert profile.model.scratch is not None
    assert profile.model.scratch.family == "bert"
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile.title = "other"  # type: ignore[misc]


def test_sections_with_defaults_may_be_left_out(content: dict[str, Any], tmp_path: Path) -> None:
    del content["probing"], content["evaluation"]
    profile = load_profile(_write(tmp_path, content))
    assert profile.probing.pooling == "mean"
    assert profile.evaluation.calibration_bins == 15


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        (None, "trainings", {}, "unknown key 'trainings'"),
        (None, "name", "mine", "unknown key 'name'"),
        ("training", "epoch", 3, "unknown key 'training.epoch'.*epochs, batch_size"),
        ("training", "epochs", True, "training.epochs must be a valid integer, got True"),
        ("training", "epochs", 0, "training.epochs must be greater than 0"),
        ("training", "learning_rate", "5e-5", "training.learning_rate.*5.0e-5"),
        (
            "training",
            "precision",
            "fp8",
            "training.precision must be .fp32., .bf16. or .auto., got .fp8",
        ),
        ("data", "dataset", "sst2", "data.dataset must be .synthetic., .snli.*got .sst2"),
        ("data", "dataset", "affective_text", "train_items must be null for affective_text"),
        ("data", "folds", 2, "folds must be at most 1 for synthetic"),
        ("data", "transfer", ["anli"], "data.transfer.0 must be .snli. or .mnli., got .anli"),
        ("data", "transfer", ["mnli"], "data.transfer must be empty for other data than snli"),
        ("baselines", "epsilons", [0.0], "baselines.epsilons.0 must be greater than 0, got 0"),
        ("second_task", "model", {}, "unknown key 'second_task.model'"),
        (None, "sweep_seeds", [1, 1], "sweep_seeds must be distinct"),
        ("data", "train_items", None, "data.train_items must be a number"),
        ("data", "train_items", "many", "data.train_items must be a valid integer, got .many"),
        ("model", "scratch", None, "model.scratch must be given if, and only if"),
        ("model", "scratch", {"family": "bert"}, "missing key 'model.scratch.layers'"),
        ("distillation", "weights", 0.5, "distillation.weights must be a list"),
        ("distillation", "weights", [], "distillation.weights must have at least 1 item"),
        (
            "distillation",
            "weight",
            1.5,
            "distillation.weight must be less than or equal to 1, got 1.5",
        ),
        (None, "seeds", [0, 0], "seeds must be distinct"),
        (None, "training", [], "training must be a mapping"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_file_and_key(
    content: dict[str, Any],
    tmp_path: Path,
    section: str | None,
    key: str,
    value: object,
    message: str,
) -> None:
    (content[section] if section else content)[key] = value
    path = _write(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        load_profile(path)
    assert str(path) in str(caught.value)


def test_a_missing_key_is_an_error(content: dict[str, Any], tmp_path: Path) -> None:
    del content["training"]["epochs"]
    with pytest.raises(ValueError, match=r"missing key 'training\.epochs'; known keys here"):
        load_profile(_write(tmp_path, content))


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_without_a_mapping_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="must be a mapping"):
        load_profile(path)


def test_bad_yaml_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("a: [1,", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.yml: not valid YAML"):
        load_profile(path)


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(FileNotFoundError, match=r"no profile 'synth'.*minilm.*synthetic"):
        load_profile("synth")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no profile file"):
        profile_path(tmp_path / "none.yml")


def test_names_and_paths_are_told_apart() -> None:
    assert not is_profile_path("minilm")
    assert is_profile_path("profiles/minilm.yml")
    assert is_profile_path(Path("minilm"))


def test_seeds_of_a_sweep_are_the_profiles_unless_given(
    content: dict[str, Any], tmp_path: Path
) -> None:
    assert load_profile(_write(tmp_path, content | {"seeds": [3, 1]})).sweep_seeds == (3, 1)
    given = content | {"seeds": [3], "sweep_seeds": [0, 1]}
    assert load_profile(_write(tmp_path, given)).sweep_seeds == (0, 1)


def test_the_second_task_takes_the_place_of_the_first() -> None:
    profile = load_profile("minilm")
    second = profile.for_second_task()
    assert second.data.dataset == "affective_text" and second.data.folds == 5
    assert second.model == profile.model and second.name == profile.name
    task = profile.second_task
    assert task is not None
    for own, seeds in (((), profile.sweep_seeds), ((7,), (7,))):
        changed = dataclasses.replace(
            profile, second_task=dataclasses.replace(task, sweep_seeds=own)
        )
        assert changed.for_second_task().sweep_seeds == seeds
    with pytest.raises(ValueError, match="profile 'minilm' has no second_task"):
        second.for_second_task()


def test_ranges_hold_for_configs_made_in_code_too() -> None:
    with pytest.raises(ValueError, match=r"validation_items\n.*greater than 0"):
        DataConfig("snli", train_items=None, validation_items=0, evaluation_items=None)
    with pytest.raises(ValueError, match="validation_items must be a number for mnli"):
        DataConfig("mnli", None, None, None)
