"""Rows of the table in book/your_own_data.md: one clear message, its exit code, nothing left."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2ForSequenceClassification
from typer.testing import CliRunner

from ambiguity_lib.practice import compress as shipping
from ambiguity_lib.practice.cli import app
from tests.practice.cli.test_compress import arguments, folder, write_csv  # noqa: F401
from tests.practice.test_compression import save_model
from tests.tiny import tiny_model, tiny_tokenizer

commands = CliRunner()


def rows(path, texts, labels):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(texts, labels, strict=True))
    return path


def refused(folder, tmp_path, *more, data="train.csv", model="encoder", code=2):  # noqa: F811
    """Run compress; it has to fail with one message and leave nothing."""
    output = tmp_path / "made" / "student"
    done = commands.invoke(app, arguments(folder, output, *more, data=data, model=model))
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert done.stderr.count("error: ") == 1
    assert not output.exists()
    kept = {path.name for path in (tmp_path / "made").glob("*")}
    assert kept <= {"student.work"}, "only what --resume needs may stay"
    return re.sub(r"\s+", " ", done.stderr)


FILES = {
    "empty": (b"", "the file is empty"),
    "header only": (b"text,label\n", "no"),
    "one class": (b"text,label\na b,yes\nc d,yes\ne f,yes\n", "one class"),
    "no such column": (b"sentence,label\na,yes\nb,no\n", "there is no column 'text'"),
    "invalid UTF-8": (b"text,label\ncaf\xe9,yes\nb,no\n", "UTF-8"),
    "unclosed quote": (b'text,label\n"a b,yes\nc d,no\n', "quote"),
    "blank text": (b"text,label\n ,yes\nb,no\n", "line 2"),
    "duplicate ids": (b"uid,text,label\n7,a,yes\n7,b,no\n", "'7'"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_used(name, folder, tmp_path):  # noqa: F811
    content, message = FILES[name]
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    assert message in refused(folder, tmp_path, data=str(path))


@pytest.mark.parametrize(
    ("label", "message"),
    [("entailed", "entailed"), ("7", "7"), ("", "left out")],
)
def test_a_label_that_is_none(label, message, folder, tmp_path):  # noqa: F811
    path = rows(tmp_path / "data.csv", ["a b", "c d", "e f"], ["neutral", label, "entailment"])
    names = "entailment,neutral,contradiction"
    done = commands.invoke(app, ["data", "check", str(path), "--classes", names])
    assert message in done.output
    assert done.exit_code == (0 if label == "" else 2)
    if label:
        assert "line 3" in done.output
        assert message in refused(folder, tmp_path, "--classes", names, data=str(path))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("label_dist", [0.5, float("nan"), 0.5], "not finite"),
        ("label_dist", [1.2, -0.2, 0.0], "negative"),
        ("label_dist", [0.5, 0.2, 0.2], "sum"),
        ("label_dist", [0.5, 0.5], "3"),
        ("label_counts", [0, 0, 0], "vote"),
        ("label_counts", [1, -1, 3], "negative"),
        ("label_counts", [0.5, 1, 3], "0.5"),
    ],
)
def test_opinions_that_are_none(field, value, message, folder, tmp_path):  # noqa: F811
    path = tmp_path / "human.jsonl"
    fine = {"text": "a", "text_pair": "b", "label_counts": [1, 2, 3]}
    fine = {"text": "a", "text_pair": "b", field: [1, 0, 0]}
    path.write_text("\n".join(json.dumps(one) for one in (fine, fine | {field: value})) + "\n")
    said = refused(folder, tmp_path, "--human", str(path))
    assert "line 2" in said and message in said


def test_a_line_of_a_megabyte_is_read_cut_and_counted(folder, tmp_path):  # noqa: F811
    write_csv(tmp_path / "data.csv", 32)
    with (tmp_path / "data.csv").open("a", encoding="utf-8") as file:
        file.write("a " * 500_000 + ",b,neutral\n")
    done = commands.invoke(
        app, arguments(folder, tmp_path / "student", "--json", data=str(tmp_path / "data.csv"))
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["data"]["train"]["truncated"] == 1


def test_emoji_and_right_to_left_text_are_fine(folder, tmp_path):  # noqa: F811
    texts = ["😀 ❤️", "שלום עולם", "مرحبا", "a b"] * 6
    path = rows(
        tmp_path / "data.csv", texts, ["neutral", "entailment", "contradiction", "neutral"] * 6
    )
    command = arguments(folder, tmp_path / "student", data=str(path))
    command[command.index("--validation") + 1] = str(path)  # of single texts, too
    done = commands.invoke(app, command)
    assert done.exit_code == 0, done.stderr
    texts = "\n".join(texts[:3])
    said = commands.invoke(
        app, ["predict", "--model", str(tmp_path / "student"), "--json"], input=texts
    )
    assert [json.loads(line)["text"] for line in said.stdout.splitlines()] == texts.split("\n")


# -- models ---------------------------------------------------------------------------------------


def decoder(path):
    GPT2ForSequenceClassification(
        GPT2Config(n_layer=2, n_head=2, n_embd=8, vocab_size=30)
    ).save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)


def damaged(path):
    save_model(path, head=False)
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def pickled(path):
    save_model(path, head=False)
    (path / "model.safetensors").unlink()
    torch.save(tiny_model().base_model.state_dict(), path / "pytorch_model.bin")


def remote_code(path):
    save_model(path, head=False)
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}
    (path / "config.json").write_text(json.dumps(config))
    (path / "mine.py").write_text(f"open({str(path / 'ran')!r}, 'w')")


def other_shapes(path):
    save_model(path, head=False)
    save_file({"embeddings.word_embeddings.weight": torch.zeros(3, 3)}, path / "model.safetensors")


MODELS = {
    "decoder-only": (decoder, "unsupported architecture 'gpt2'"),
    "one layer": (lambda path: save_model(path, layers=1), "has a single layer"),
    "damaged weights": (damaged, "are damaged or cut short"),
    "pickle": (pickled, "a pickle, and loading a pickle can run any code"),
    "code of its own": (remote_code, "comes with code of its own"),
    "weights of another model": (other_shapes, "do not fit its configuration"),
    "empty folder": (lambda path: path.mkdir(), "cannot load the configuration"),
    "other class names": (
        lambda path: save_model(path, names=("x", "y", "z")),
        "the model's classes are x, y, z, those of the data contradiction, entailment, neutral",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_used(name, folder, tmp_path):  # noqa: F811
    make, message = MODELS[name]
    make(tmp_path / "model")
    assert message in refused(folder, tmp_path, model=str(tmp_path / "model"))
    assert not (tmp_path / "model" / "ran").exists()


def test_a_model_that_is_not_there(folder, tmp_path):  # noqa: F811
    said = refused(folder, tmp_path, model=str(tmp_path / "nowhere"))
    assert "there is no such folder. Supported" in said


# -- the machine ----------------------------------------------------------------------------------


def fail_to_write(code):
    def ship(*arguments, **options):
        raise OSError(code, os.strerror(code), "somewhere")

    return ship


def test_a_full_disk_keeps_what_is_finished(folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(shipping.CompressionResult, "save", fail_to_write(errno.ENOSPC))
    said = refused(folder, tmp_path, code=1)
    assert (
        "No space left on device: 'somewhere'): make room; what is finished is kept" in said
        and "--resume" in said
    )
    assert any((tmp_path / "made" / "student.work" / "model").iterdir())


def test_an_output_that_cannot_be_written_is_refused_before_the_work(folder, tmp_path, monkeypatch):  # noqa: F811
    def mkdir(self, *arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(shipping.Path, "mkdir", mkdir)
    said = refused(folder, tmp_path)
    assert "cannot write" in said and "choose another folder" in said
    assert "fine-tuning" not in said


def test_the_output_may_not_be_a_file(folder, tmp_path):  # noqa: F811
    (tmp_path / "student").touch()
    done = commands.invoke(app, arguments(folder, tmp_path / "student"))
    assert done.exit_code == 2 and "is a file: give the name of a folder" in done.stderr


@pytest.mark.slow
def test_ctrl_c_ends_with_one_line_and_can_be_resumed(folder, tmp_path):  # noqa: F811
    output = tmp_path / "student"
    command = [sys.executable, "-m", "ambiguity_lib", *arguments(folder, output)]
    command[command.index("--epochs") + 1] = "5000"
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background of a shell hands on that it ignores interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stderr:
        if "fine-tuning the full model" in line:
            break
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert (
        "error: interrupted; what is finished is kept" in said
        and "--resume" in said
        and "Traceback" not in said
    )
    assert not output.exists() and output.with_name("student.work").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--device", "tpu"], "the device must be 'auto', 'cpu' or 'cuda'; got 'tpu'"),
        (["--precision", "int4"], "precision must be 'fp32', 'bf16' or 'auto'; got 'int4'"),
        (["--weight", "1.5"], "weight must be less than or equal to 1, got 1.5"),
        (["--tolerance", "-1"], "tolerance must be greater than or equal to 0, got -1"),
        (["--learning-rate", "0"], "learning_rate must be greater than 0, got 0"),
        (["--depth", "9"], "depth must be between 2 and 4"),
        (["--classes", "a"], "two or more different names"),
        (["--data", "nothing.csv"], "nothing.csv"),
    ],
)
def test_a_setting_that_is_none(more, message, folder, tmp_path):  # noqa: F811
    assert message in refused(folder, tmp_path, *more)


def test_debug_shows_where_an_error_came_from(folder, tmp_path):  # noqa: F811
    done = commands.invoke(
        app, arguments(folder, tmp_path / "student", "--debug", "--device", "tpu")
    )
    assert isinstance(done.exception, ValueError)
