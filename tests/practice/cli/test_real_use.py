"""What happens around a command: other spellings, pipes, consoles, homes, items seen before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import pipeline
from typer.testing import CliRunner

from ambiguity_lib.practice.cli import app
from tests.practice.cli.test_compress import arguments, folder, write_csv  # noqa: F401
from tests.tiny import CLASSES, tiny_model, tiny_tokenizer

COMMAND = [sys.executable, "-m", "ambiguity_lib"]


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return " ".join((done.stdout if code == 0 else done.stderr).split())


def save(folder: Path, names: tuple[str, ...], **settings: object) -> Path:  # noqa: F811
    model = tiny_model()
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: index for index, name in enumerate(names)}
    for name, value in settings.items():
        setattr(model.config, name, value)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    return save(tmp_path / "upper", tuple(name.upper() for name in CLASSES))


def test_a_model_whose_classes_are_spelt_otherwise(upper, folder, tmp_path):  # noqa: F811
    plain = save(tmp_path / "plain", CLASSES)
    named = ",".join(CLASSES)
    scores = [
        json.loads(
            run("evaluate", "--model", model, "--data", folder / "human.jsonl", *more, "--json")
        )
        for model, more in ((plain, ("--classes", named)), (upper, ("--classes", named)))
    ]
    assert scores[0]["scores"][0]["JSD"] == scores[1]["scores"][0]["JSD"]
    # lists of votes stand in the order of --classes, also where it is not the model's
    turned = ",".join(CLASSES[::-1])
    command = ("--data", folder / "human.jsonl", "--classes", turned, "--json")
    first, second = (
        json.loads(run("evaluate", "--model", model, *command))["scores"][0]["JSD"]
        for model in (plain, upper)
    )
    assert first == second != scores[0]["scores"][0]["JSD"]


@pytest.mark.parametrize("names", ["upper", "none"])
def test_compress_takes_a_head_as_it_is(names, upper, folder, tmp_path):  # noqa: F811
    model = upper if names == "upper" else save(tmp_path / "m", ("LABEL_0", "LABEL_1", "LABEL_2"))
    more = () if names == "upper" else ("--classes", ",".join(CLASSES))
    run(*arguments(folder, tmp_path / "student", "--json", *more), "--model", model)
    record = json.loads((tmp_path / "student" / "compression.json").read_text())
    assert not record["model"]["fine_tuned_here"]
    expected = CLASSES if names == "none" else tuple(name.upper() for name in CLASSES)
    assert tuple(record["classes"]) == expected


@pytest.mark.parametrize("kind", ["multi_label_classification", "regression"])
def test_a_student_is_a_softmax_whatever_its_base_was(kind, folder, tmp_path):  # noqa: F811
    base = save(tmp_path / "base", CLASSES, problem_type=kind)
    run("predict", "--model", base, code=2)
    done = CliRunner().invoke(app, [*arguments(folder, tmp_path / "s"), "--model", str(base)])
    assert done.exit_code == 0 and "it is dropped, and a new one trained" in " ".join(
        done.stderr.split()
    )
    assert "problem_type" not in json.loads((tmp_path / "s" / "config.json").read_text())
    (row,) = pipeline("text-classification", model=str(tmp_path / "s"), top_k=None)(["a b"])
    assert sum(one["score"] for one in row) == pytest.approx(1, abs=1e-6)
    (tmp_path / "texts").write_text("a b\n")
    said = json.loads(run("predict", "--model", tmp_path / "s", tmp_path / "texts", "--json"))
    assert said["probs"] == pytest.approx({one["label"]: one["score"] for one in row}, abs=1e-6)


def test_items_that_were_seen_in_training(folder, tmp_path):  # noqa: F811
    command = arguments(folder, tmp_path / "s", "--human", str(folder / "human.jsonl"))
    command[command.index("--validation") + 1] = str(folder / "train.csv")
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    note = "64 of the 64 validation items have the text of a training item"
    assert note in " ".join(done.stderr.split())
    assert f"Not unseen: {note}" in done.stdout
    assert note in " ".join((tmp_path / "s" / "README.md").read_text().split())
    record = json.loads((tmp_path / "s" / "compression.json").read_text())
    assert record["data"]["validation"]["seen_in_training"] == 64
    assert 0 <= record["data"]["human"]["seen_in_training"] < 20


def test_a_tokenizer_that_knows_no_word(folder, tmp_path):  # noqa: F811
    rows = [f"{sign} {sign},{label}" for label in "xy" for sign in ("ä", "ö", "ü")]
    (tmp_path / "train.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    data = ("--data", tmp_path / "train.csv", "--validation", tmp_path / "train.csv")
    said = run("compress", "--model", folder / "encoder", *data, "--output", tmp_path / "s", code=2)
    assert "knows no word of the training texts" in said and not (tmp_path / "s").exists()


def test_classes_with_commas(tmp_path):
    rows = ['"yes, really",x', "no,y", '"Yes, really",z']
    (tmp_path / "a.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    said = json.loads(
        run("data", "check", tmp_path / "a.csv", "--classes", 'no,"yes, really"', "--json")
    )
    assert said["classes"] == {"no": 1, "yes, really": 2} and len(said["warnings"]) == 1


def test_warnings_are_in_the_json_too(folder, tmp_path):  # noqa: F811
    (tmp_path / "p.json").write_text(json.dumps({"u0": {"probs": [1, 0, 0]}}))
    rows = [{"uid": f"u{i}", "text": "x", "label_counts": [1, 1, 0]} for i in range(2)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("--data", tmp_path / "a.jsonl", "--predictions", tmp_path / "p.json")
    said = json.loads(run("evaluate", *command, "--classes", ",".join(CLASSES), "--json"))
    assert said["scores"][0]["entropy"] == 0
    assert any("predictions for 1 of 2 items" in warning for warning in said["warnings"])


def test_the_current_folder_is_no_output(folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    for name in (".", str(tmp_path)):
        assert "is the current folder: give the name of a new one" in run(
            *arguments(folder, name), code=2
        )
    assert list(tmp_path.iterdir()) == []


def test_a_home_folder_is_written_out(folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    run(*arguments(folder, "~/student"))
    assert (tmp_path / "student" / "config.json").is_file()
    assert not (folder / "~").exists() and not (tmp_path / "student.work").exists()


def process(*words: object, text: bytes = b"", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *map(str, words)], input=text, capture_output=True, timeout=120,
        env=os.environ | {"HF_HUB_OFFLINE": "1"} | environment,
    )  # fmt: skip


def test_texts_are_utf_8_whatever_the_console(tmp_path):
    model = save(tmp_path / "m", CLASSES)
    text = "\ufeffcafé \N{GRINNING FACE}\n".encode()
    done = process("predict", "--model", model, "--json", text=text, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode())["text"] == "café \N{GRINNING FACE}"
    for encoding in ("ascii", "utf-8:surrogateescape"):
        done = process("predict", "--model", model, text=b"caf\xe9\n", PYTHONIOENCODING=encoding)
        assert done.returncode == 2 and b"standard input is not UTF-8" in done.stderr


def test_a_reader_that_leaves_is_no_error(tmp_path):
    model = save(tmp_path / "m", CLASSES)
    (tmp_path / "texts").write_text("a b c\n" * 20_000)
    words = [*COMMAND, "predict", "--model", model, tmp_path / "texts", "--batch-size", "8"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""


def test_what_is_said_about_lists_whose_order_nobody_chose(folder, tmp_path):  # noqa: F811
    names = ("no", "maybe", "yes")
    (tmp_path / "votes.jsonl").write_text('{"uid": "a", "text": "a", "label_counts": [7, 1, 2]}\n')
    model = save(tmp_path / "m", names)
    said = json.loads(
        run("evaluate", "--model", model, "--data", tmp_path / "votes.jsonl", "--json")
    )
    assert any("line 1: no 7, maybe 1, yes 2" in warning for warning in said["warnings"])
    votes = {"uid": "a", "text": "a", "label_counts": {"no": 7, "maybe": 1, "yes": 2}}
    (tmp_path / "named.jsonl").write_text(json.dumps(votes) + "\n")
    (tmp_path / "p.json").write_text('{"a": {"probs": [1, 0, 0]}}')
    command = ("evaluate", "--data", tmp_path / "named.jsonl", "--predictions", tmp_path / "p.json")
    (warning,) = json.loads(run(*command, "--json"))["warnings"]
    assert "lists are read in the order maybe, no, yes; --prediction-order" in warning
    assert "there is none" in run(*command, "--output", tmp_path / "o.json", code=2)


def test_probe_says_what_was_seen_and_wants_one_kind_of_texts(folder, tmp_path):  # noqa: F811
    command = ("probe", "--model", folder / "encoder", "--data", folder / "train.csv", "--json")
    said = json.loads(run(*command, "--validation", folder / "train.csv"))
    assert "64 of the 64 validation items have the text of a training item" in said["warnings"]
    labels = "\n".join(f"a b,{name}" for name in CLASSES)
    (tmp_path / "single.csv").write_text(f"text,label\n{labels}\n")
    message = run(*command, "--validation", tmp_path / "single.csv", code=2)
    assert "the train items are pairs of texts, the validation items single texts" in message


def test_classes_one_a_line_and_quotes_that_do_not_match(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nx,no\ny,yes\n")
    said = json.loads(run("data", "check", tmp_path / "a.csv", "--classes", "no\nyes\n", "--json"))
    assert list(said["classes"]) == ["no", "yes"]
    assert "cannot be read" in run(
        "data", "check", tmp_path / "a.csv", "--classes", 'no,"yes', code=2
    )
