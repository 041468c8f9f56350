from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ambiguity_lib import __version__
from ambiguity_lib.data import DownloadError
from ambiguity_lib.data import sources as reading
from ambiguity_lib.data.sources import DATA_SETS
from ambiguity_lib.practice.cli import app

runner_of_commands = CliRunner()


def test_version() -> None:
    result = runner_of_commands.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"ambiguity-lib {__version__}\n")


def _fetched(tmp_path: Path) -> dict[str, tuple[Path, ...]]:
    return {
        name: tuple(tmp_path / file.path for file in item.files) for name, item in DATA_SETS.items()
    }


@pytest.mark.parametrize(
    ("arguments", "names"),
    [([], list(DATA_SETS)), (["snli", "affective-text", "snli"], ["snli", "affective-text"])],
)
def test_data_fetch_prints_where_each_file_lies(
    arguments: list[str], names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _fetched(tmp_path)
    monkeypatch.setattr(reading, "fetch_all", lambda chosen: {n: found[n] for n in chosen})
    result = runner_of_commands.invoke(app, ["data", "fetch", *arguments])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.strip() for line in lines if line.startswith("  ")] == [
        str(path) for name in names for path in found[name]
    ]
    titles = [line for line in lines if not line.startswith("  ")]
    assert titles == [
        f"{DATA_SETS[name].title}, licence: {DATA_SETS[name].licence}" for name in names
    ]


def test_data_fetch_of_an_unknown_name_exits_2_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "fetch_all", lambda chosen: pytest.fail("it fetches"))
    result = runner_of_commands.invoke(app, ["data", "fetch", "snli", "sst"])
    assert result.exit_code == 2
    assert "error: unknown data set 'sst': choose from snli, mnli, chaosnli" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("error", [DownloadError("no network"), FileNotFoundError("no network")])
def test_data_fetch_exits_1_after_a_failure_and_fetches_the_rest(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch_all(names: list[str]) -> dict[str, tuple[Path, ...]]:
        if names == ["snli"]:
            raise error
        return {name: _fetched(tmp_path)[name] for name in names}

    monkeypatch.setattr(reading, "fetch_all", fetch_all)
    result = runner_of_commands.invoke(app, ["data", "fetch", "snli", "chaosnli"])
    assert result.exit_code == 1
    assert result.stderr == "error: no network\n"
    assert "chaosNLI_snli.jsonl" in result.stdout
