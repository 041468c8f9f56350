"""The command on tiny models: what it writes, what it refuses, how it goes on."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from transformers import AutoModelForSequenceClassification
from typer.testing import CliRunner

from ambiguity_lib.practice.cli import app
from ambiguity_lib.practice.work import WorkFolder
from tests.practice.test_compression import human_data, save_model
from tests.tiny import CLASSES, tiny_dataset

commands = CliRunner()


def write_csv(path, items, seed=0, names=CLASSES):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "text_pair", "label"])
        for row in tiny_dataset(items, seed):
            writer.writerow([row["text"], row["text_pair"], names[row["label"]]])
    return path


def write_votes(path):
    with path.open("w", encoding="utf-8") as file:
        for row in human_data():
            kept = {name: row[name] for name in ("uid", "text", "text_pair", "label_counts")}
            file.write(json.dumps(kept) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    save_model(folder / "encoder", head=False)
    write_csv(folder / "train.csv", 64)
    write_csv(folder / "validation.csv", 32, seed=1)
    write_votes(folder / "human.jsonl")
    return folder


def arguments(folder, output, *more, data="train.csv", model="encoder"):
    return [
        "compress", "--model", str(folder / model), "--data", str(folder / data),
        "--validation", str(folder / "validation.csv"), "--output", str(output),
        "--epochs", "1", "--student-epochs", "1", "--precision", "fp32", *more,
    ]  # fmt: skip


def test_it_writes_a_folder_and_prints_the_table(folder, tmp_path):
    output = tmp_path / "student"
    more = ("--human", str(folder / "human.jsonl"), "--name", "Mine & small")
    done = commands.invoke(app, arguments(folder, output, *more))
    assert done.exit_code == 0, done.stderr
    assert re.search(r"validation +accuracy", done.stdout) and "JSD" in done.stdout
    assert "- Size: " in done.stdout and f"The student is in {output}" in done.stdout
    assert "distilling layer" in done.stderr and "distilling layer" not in done.stdout
    model = AutoModelForSequenceClassification.from_pretrained(output)
    assert model.config.id2label == dict(enumerate(sorted(CLASSES)))
    card = ModelCard.load(output / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.model_name == "Mine & small"
    (typed,) = re.findall(r"```bash\n(.*?)\n```", card.text, re.DOTALL)
    typed = shlex.split(typed.replace("\\\n", ""))
    expected = arguments(
        Path(), Path("student"), "--human", "human.jsonl", "--name", "Mine & small"
    )
    assert sorted(typed) == sorted(["ambiguity-lib", *expected])
    assert "the last part of a path is given here" in card.text
    assert [path.name for path in tmp_path.iterdir()] == ["student"]


def test_json_is_all_of_stdout(folder, tmp_path):
    done = commands.invoke(app, arguments(folder, tmp_path / "student", "--json", "--keep-work"))
    run = json.loads(done.stdout)
    assert run["kind"] == "compression" and run["output"] == str(tmp_path / "student")
    assert run["name"].startswith("encoder-") and str(folder) not in json.dumps(run["data"])
    assert any((tmp_path / "student.work" / "model").iterdir())


def test_without_validation_a_tenth_of_the_texts_is_held_out(folder, tmp_path):
    command = arguments(folder, tmp_path / "student", "--json")
    place = command.index("--validation")
    del command[place : place + 2]
    run = json.loads(commands.invoke(app, command).stdout)
    held_out, kept = (run["data"][name]["items"] for name in ("validation", "train"))
    assert held_out + kept == 64 and 1 <= held_out <= 16
    assert run["data"]["validation"]["source"] == "a tenth of train.csv"


def test_an_output_that_is_there_is_kept(folder, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = commands.invoke(app, arguments(folder, tmp_path))
    assert done.exit_code == 2
    assert "is there already and not empty" in done.stderr and "--overwrite" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not tmp_path.with_name(tmp_path.name + ".work").exists()


def test_nothing_but_a_compressed_model_is_replaced(folder, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "mine.txt").write_text("mine")
    for more, message in (
        (("--resume",), "is there already and not empty"),
        (("--overwrite",), "holds something else than a compressed model"),
        (("--resume", "--overwrite"), "holds something else than a compressed model"),
    ):
        done = commands.invoke(app, arguments(folder, tmp_path / "docs", *more))
        assert done.exit_code == 2 and message in " ".join(done.stderr.split())
        assert (tmp_path / "docs" / "mine.txt").read_text() == "mine"
    for code, more in ((0, ()), (2, ("--resume",)), (0, ("--overwrite",))):
        done = commands.invoke(app, arguments(folder, tmp_path / "student", *more))
        assert done.exit_code == code, done.output


def test_a_stopped_run_is_not_dropped_silently(folder, tmp_path):
    work = tmp_path / "student.work"
    kept = work / "model" / "abc" / "artifact.json"
    kept.parent.mkdir(parents=True)
    kept.touch()
    done = commands.invoke(app, arguments(folder, tmp_path / "student"))
    assert done.exit_code == 2 and "--resume goes on with it" in done.stderr
    assert kept.exists()
    done = commands.invoke(app, arguments(folder, tmp_path / "student", "--resume"))
    assert done.exit_code == 0 and not work.exists()
    assert f"going on with 1 finished model in {work}" in " ".join(done.stderr.split())


def test_going_on_says_with_what_and_what_is_asked_for_otherwise(tmp_path):
    folder = WorkFolder.beside(tmp_path / "student")
    work = folder.path
    asked = {"model": "m", "training.epochs": 3, "depth": None}
    assert folder.prepare(asked, resume=True) == [
        f"{work} holds nothing that is finished: beginning anew"
    ]
    for kind in ("model", "features"):
        (work / kind / "a").mkdir(parents=True)
        (work / kind / "a" / "artifact.json").touch()
    (work / ".resume" / "b" / "checkpoint-12").mkdir(parents=True)
    (going_on,) = folder.prepare(asked, resume=True)
    assert going_on == (
        "going on with 1 finished model, 1 other finished step, a training saved after step 12 in "
        f"{work}"
    )
    _, otherwise = folder.prepare(asked | {"training.epochs": 4, "depth": 2}, resume=True)
    assert "depth: None before, 2 now; training.epochs: 3 before, 4 now" in otherwise
    assert folder.prepare(asked, resume=False) == []
    assert not (work / "model").exists()


def test_a_request_that_was_refused_does_not_stop_the_next_one(folder, tmp_path):
    command = arguments(folder, tmp_path / "student")
    assert commands.invoke(app, [*command, "--depth", "9"]).exit_code == 2
    assert commands.invoke(app, command).exit_code == 0


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_in_the_same_student(folder, tmp_path):
    """Ten kills, wherever the run is then: reading, training, saving."""
    more = ("--epochs", "30", "--student-epochs", "30", "--save-minutes", "0", "--onnx")
    program = [sys.executable, "-c", "from ambiguity_lib.practice.cli import main; main()"]

    def start(output, *extra):
        command = [*program, *arguments(folder, output, *more, *extra)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    begin = time.monotonic()
    whole = start(tmp_path / "whole")
    assert whole.communicate()[1] and whole.returncode == 0
    seconds = time.monotonic() - begin
    random = np.random.default_rng(0)
    output = tmp_path / "stopped"
    killed = 0
    for share in random.uniform(0.3, 1.0, size=10):
        process = start(output, "--resume")
        try:
            process.communicate(timeout=share * seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
            assert not output.exists() or (output / "compression.json").exists()
        else:
            break  # it went on quickly enough to finish
    last = start(output, "--resume", "--overwrite") if not output.exists() else None
    if last is not None:
        assert last.communicate() and last.returncode == 0
    assert killed >= 1
    first, second = (
        AutoModelForSequenceClassification.from_pretrained(one).state_dict()
        for one in (tmp_path / "whole", output)
    )
    for name, weight in first.items():
        np.testing.assert_allclose(weight.numpy(), second[name].numpy(), atol=1e-6)
