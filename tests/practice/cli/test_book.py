from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tools import run as runner
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "none"], "no profile 'none': choose one of"),
        (["--chapters", "99"], "unknown chapter '99'"),
        (["--chapters", " , "], "--chapters names no chapter"),
    ],
)
def test_a_wrong_request_exits_2_with_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "01_first.ipynb").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(runner, "project_root", lambda: tmp_path)
    result = runner_of_commands.invoke(app, ["book", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_the_runs_outcome_is_the_exit_code(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def plan(*arguments: object) -> str:
        seen["plan"] = arguments
        return "plan"

    def run(plan: object, **options: object) -> int:
        seen["run"] = (plan, options)
        return code

    monkeypatch.setattr(runner, "plan_book", plan)
    monkeypatch.setattr(runner, "run_book", run)
    arguments = ["book", "--profile", "minilm", "--chapters", "03, 04", "--execute-only"]
    result = runner_of_commands.invoke(app, arguments)
    assert result.exit_code == code
    assert seen["plan"] == ("minilm", ["03", "04"], None)
    assert seen["run"] == ("plan", {"execute_only": True, "rerun": False})


def test_the_package_and_its_help_import_nothing_heavy() -> None:
    code = (
        "import sys, ambiguity_lib.practice.cli; "
        "print([m for m in ('torch', 'pandas', 'papermill', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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


def test_a_failed_download_ends_the_book_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(*arguments: object) -> str:
        raise DownloadError("no network")

    monkeypatch.setattr(runner, "plan_book", plan)
    result = runner_of_commands.invoke(app, ["book", "--profile", "minilm"])
    assert result.exit_code == 1
    assert result.stderr == "error: no network\n"
