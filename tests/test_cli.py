from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ambiguity_lib import __version__, runner
from ambiguity_lib.cli import app

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
        "import sys, ambiguity_lib.cli; "
        "print([m for m in ('torch', 'pandas', 'papermill', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
