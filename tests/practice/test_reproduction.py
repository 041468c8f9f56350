"""What the card says to type is what was done: read by a shell and by typer."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import typer

from ambiguity_lib.practice.cli import _ASIDE, _PLACES, app, command_line
from ambiguity_lib.practice.run import Command, Reproduction, typed_again


def parse(words: list[str]) -> typer.Context:
    """What the real command makes of its words, without running it."""
    command = typer.main.get_command(app).commands["compress"]  # type: ignore[attr-defined]
    return command.make_context("compress", list(words))


def typed(words: list[str]) -> tuple[Reproduction, dict[str, Any]]:
    """The reproduction of a command, and the record's part that it is made from."""
    recorded = command_line(parse(words))
    return typed_again(Command(**recorded)), recorded


def read_by_a_shell(code: str) -> list[str]:
    function = """ambiguity-lib() { printf '%s\\0' "$@"; }\n"""
    done = subprocess.run(["bash", "-c", function + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    subcommand, *words = done.stdout.split("\0")[:-1]
    assert subcommand == "compress"
    return words


COMMANDS = {
    "short": ["--model", "bert-base-uncased", "--data", "group/set:train", "--output", "small"],
    "long": [
        "--model", "/home/somebody/my base", "--data", "/home/somebody/it's.csv",
        "--validation", "data/validation.jsonl", "--human", "~/votes.jsonl",
        "--output", "/tmp/small", "--name", 'a "name" of $HOME `ls` \\ *',
        "--classes", "no,```,\nyes", "--text", "review", "--annotator", "who", "--epochs", "5",
        "--learning-rate", "0.00002", "--max-length", "64", "--precision", "fp32", "--fine-tune",
        "--tolerance", "0.02", "--weight", "0.25", "--depth", "3", "--source", "1", "--onnx",
        "--seed", "7", "--device", "cpu",
        "--resume", "--overwrite", "--keep-work", "--save-minutes", "1", "--json", "--debug",
    ],
    "defaults": [
        "--model", "m", "--data", "d.csv", "--output", "o", "--batch-size", "32", "--seed", "0",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_is_read_as_it_was_typed(name: str) -> None:
    again, _ = typed(COMMANDS[name])
    before, after = parse(COMMANDS[name]).params, parse(read_by_a_shell(again.code)).params
    for parameter, value in before.items():
        if parameter in _PLACES and value is not None:
            assert (
                str(after[parameter]) == str(value).rsplit("/", 1)[-1] or value == after[parameter]
            )
        elif parameter not in _ASIDE:
            assert after[parameter] == value, parameter
    assert not any(after[parameter] for parameter in _ASIDE if parameter != "save_minutes")
    assert "somebody" not in again.code
    assert again.fence == ("````" if name == "long" else "```")
    assert f"\n{again.fence}" not in again.code


def test_only_what_differs_from_the_defaults_is_there() -> None:
    again, recorded = typed(COMMANDS["defaults"])
    lines = ["ambiguity-lib compress", "--model m", "--data d.csv", "--output o"]
    assert again.code == " \\\n  ".join(lines)
    assert (again.remark, recorded["shortened"]) == ("", [])


def test_paths_that_were_shortened_are_named() -> None:
    remark = typed(COMMANDS["long"])[0].remark
    assert remark.startswith("Of --model, --data, --validation and --human only the last part")
    one = typed(["--model", "m", "--data", "/a/b.csv", "--output", "/c/d"])[0].remark
    assert one.startswith("Of --data only")
