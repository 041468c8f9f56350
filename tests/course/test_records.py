from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from course import load_record, write_record
from course.record import comparable

from ambiguity_lib.study import load_profile, provenance

SMOKE = load_profile(Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml")


@dataclass(frozen=True)
class Interval:
    low: float
    high: np.float64


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    results = {
        "jsd": np.float32(0.5),
        "layers": np.arange(3),
        "interval": Interval(0.25, np.float64(0.75)),
        "missing": float("nan"),
        "infinite": [np.inf],
        "flag": np.bool_(True),
        "table": pd.DataFrame({"KL": [0.5, None]}, index=pd.Index(["a", "b"], name="method")),
        "series": pd.Series([1.0], index=["x"]),
        "path": Path("a/b"),
        3: {"b", "a"},
    }
    path = write_record("03_layer_probing", SMOKE, 1, results, directory=tmp_path)
    record = load_record(path)
    assert path.name == "03_layer_probing_seed1.json"
    assert (record["chapter"], record["profile"], record["seed"]) == (
        "03_layer_probing",
        "smoke",
        1,
    )
    assert record["settings"]["training"]["epochs"] == SMOKE.training.epochs
    assert record["results"] == {
        "jsd": 0.5,
        "layers": [0, 1, 2],
        "interval": {"low": 0.25, "high": 0.75},
        "missing": None,
        "infinite": [None],
        "flag": True,
        "table": [{"method": "a", "KL": 0.5}, {"method": "b", "KL": None}],
        "series": {"x": 1.0},
        "path": "a/b",
        "3": ["a", "b"],
    }


def test_the_default_place_is_the_run_directory(build_dir: Path) -> None:
    path = write_record("intro", SMOKE, 0, {})
    assert path == build_dir / "smoke" / "records" / "intro_seed0.json"


def test_what_json_cannot_hold_is_an_error_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"results\.a\[1\] holds a value of type complex"):
        write_record("x", SMOKE, 0, {"a": [1, 2j]}, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_record("x", SMOKE, 0, {"a": 1}, directory=tmp_path)

    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_record("x", SMOKE, 0, {"a": 2}, directory=tmp_path)
    assert load_record(path)["results"] == {"a": 1}


def test_comparable_leaves_out_times_and_provenance(tmp_path: Path) -> None:
    def record(seconds: float) -> dict[str, object]:
        results = {"a": 1, "timing": seconds, "rows": [{"b": 2, "timing": {"c": seconds}}]}
        return comparable(load_record(write_record("x", SMOKE, 0, results, directory=tmp_path)))

    assert record(1.0) == record(2.0)
    assert record(1.0) == {
        "chapter": "x",
        "profile": "smoke",
        "seed": 0,
        "settings": record(1.0)["settings"],
        "results": {"a": 1, "rows": [{"b": 2}]},
    }


def test_provenance_says_where_numbers_are_from() -> None:
    found = provenance()
    assert found["packages"]["ambiguity-lib"] == "0.1.0"
    assert found["packages"]["numpy"] == np.__version__
    assert found["cores"] >= 1
    assert found["date"].endswith("+00:00")
    json.dumps(found)


@pytest.mark.parametrize("text", ["{", "[]", '{"chapter": "x"}'])
def test_a_file_that_is_no_record_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.json"):
        load_record(path)


def test_a_missing_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run its chapter first"):
        load_record(tmp_path / "none.json")
