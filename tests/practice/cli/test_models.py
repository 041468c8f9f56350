"""evaluate, predict, probe and report: what they print and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ambiguity_lib.method import softmax
from ambiguity_lib.metrics import jensen_shannon_distance
from ambiguity_lib.models import load_classifier, predict_logits
from ambiguity_lib.practice.cli import app
from ambiguity_lib.practice.own_files import read_dataset
from tests.practice.cli.test_compress import arguments, folder  # noqa: F401
from tests.practice.test_compression import human_data
from tests.tiny import CLASSES, tiny_tokenizer

commands = CliRunner()
NAMES = ",".join(CLASSES)


@pytest.fixture(scope="module")
def student(folder):  # noqa: F811
    output = folder / "student"
    done = commands.invoke(app, arguments(folder, output, "--classes", NAMES))
    assert done.exit_code == 0, done.stderr
    return output


def run(*command, code=0, **options):
    done = commands.invoke(app, list(map(str, command)), **options)
    assert done.exit_code == code, done.output
    return done


def test_evaluate_a_model_and_its_own_predictions(student, folder, tmp_path):  # noqa: F811
    human = folder / "human.jsonl"
    mine = tmp_path / "mine.json"
    done = run("evaluate", "--model", student, "--data", human, "--output", mine, "--json")
    first = json.loads(done.stdout)["scores"]
    items = read_dataset(human, human=True, class_names=CLASSES).dataset
    model = load_classifier(student, CLASSES)
    probs = softmax(predict_logits(model, tiny_tokenizer(), items, max_length=32, progress=False))
    expected = jensen_shannon_distance(np.asarray(items["label_dist"][:]), probs).mean()
    assert first[0]["JSD"] == pytest.approx(expected, abs=1e-6)
    assert {row["method"] for row in first} >= {"uniform", "constant mean (uses gold)", "humans"}
    shown = run("evaluate", "--model", student, "--data", human).stdout
    assert max(map(len, shown.splitlines())) <= 100
    assert f"{first[0]['JSD']:.3f}" in shown and "20 items" in shown
    votes = np.sort([row["label_counts"] for row in human_data()], axis=1)
    assert f"On {(votes[:, -1] == votes[:, -2]).sum()} items several classes" in shown
    # the names say which is which, in whatever order
    other = ",".join(reversed(CLASSES))
    command = ("evaluate", "--model", student, "--data", folder / "named.jsonl", "--json")
    named = [
        dict(row, label_counts=dict(zip(CLASSES, row["label_counts"], strict=True)))
        for row in map(json.loads, human.read_text().splitlines())
    ]
    (folder / "named.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    swapped = json.loads(run(*command, "--classes", other).stdout)["scores"]
    assert swapped[0]["JSD"] == pytest.approx(expected, abs=1e-6)
    said = run(*command, "--classes", "a,b,c", code=2).stderr
    assert "those of --classes a, b, c" in " ".join(said.split())
    # what it wrote is what it reads
    command = ("evaluate", "--data", human, "--predictions", mine, "--classes", NAMES, "--json")
    again = json.loads(run(*command).stdout)["scores"]
    assert again[0]["method"] == "mine.json"
    for name, value in first[0].items():
        assert name == "method" or again[0][name] == pytest.approx(value, abs=1e-6)
    content = json.loads(mine.read_text())
    uid, entry = next(iter(content.items()))
    assert entry["uid"] == uid and entry["predicted_label"] in ("e", "n", "c")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "give either --model or --predictions"),
        (("--predictions", "nothing.json"), "there is no predictions file nothing.json"),
        (("--model", "encoder"), "has no classification head"),
    ],
)
def test_evaluate_refuses(more, message, folder, monkeypatch):  # noqa: F811
    monkeypatch.chdir(folder)
    done = run("evaluate", "--data", "human.jsonl", "--classes", NAMES, *more, code=2)
    assert message in " ".join(done.stderr.split())


@pytest.mark.real_data
def test_evaluate_prints_the_published_numbers(real_data_dir: Path):
    files = [
        argument
        for half in ("dev", "test")
        for argument in (
            "--predictions",
            real_data_dir / f"predictions/SNLI_{half}_roberta-base_1.jsonl.gz",
        )
    ]
    (data,) = (real_data_dir / "chaosnli").glob("chaosNLI_snli.jsonl*")
    order = "entailment,contradiction,neutral"
    done = run("evaluate", "--data", data, *files, "--prediction-order", order, "--json")
    rows = {row["method"]: row for row in json.loads(done.stdout)["scores"]}
    model = next(iter(rows.values()))
    # shared/data/README.md, from the leaderboard's own conventions
    assert model["JSD"] == pytest.approx(0.2329, abs=1e-4)
    assert model["KL"] == pytest.approx(0.5033, abs=1e-4)
    assert rows["uniform"]["JSD"] == pytest.approx(0.3829, abs=1e-4)
    assert rows["constant mean (uses gold)"]["KL"] == pytest.approx(0.4750, abs=1e-4)
    assert rows["half of the votes (noise floor)"]["JSD"] == pytest.approx(0.084, abs=1e-3)


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_predict_reads_lines_as_they_come(student, batch):
    texts = "a b\n\n" + "c " * 60 + "\r\n \t\n"
    done = run("predict", "--model", student, "--json", "--batch-size", batch, input=texts)
    first, blank, second, last = map(json.loads, done.stdout.splitlines())
    nothing = {"text": "", "label": None, "probs": None, "entropy": None, "truncated": False}
    assert blank == last == nothing
    assert "2 blank lines" in done.stderr
    lines = run("predict", "--model", student, input=texts).stdout.splitlines()
    assert [line == "" for line in lines] == [False, True, False, True]
    assert first["text"] == "a b" and first["probs"].keys() == set(CLASSES)
    assert sum(first["probs"].values()) == pytest.approx(1)
    doubt = -sum(p * np.log(p) for p in first["probs"].values())
    assert first["entropy"] == pytest.approx(doubt, abs=1e-6)
    assert first["label"] == max(first["probs"], key=first["probs"].get)
    assert (first["truncated"], second["truncated"]) == (False, True)
    assert "1 texts were longer" in done.stderr


def test_predict_pairs_from_a_file(student, tmp_path):
    (tmp_path / "pairs.tsv").write_text("a b\tc\nd\te\n")
    done = run("predict", "--model", student, "--pairs", tmp_path / "pairs.tsv")
    assert len(done.stdout.splitlines()) == 2 and "a b  |  c" in done.stdout
    assert "lines" not in done.stderr
    (tmp_path / "gaps.tsv").write_text("a b\tc\n\n\tc\na\t \nd\te\n")
    done = run("predict", "--model", student, "--pairs", "--json", tmp_path / "gaps.tsv")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["text"] for one in said] == [
        ["a b", "c"], ["", ""], ["", "c"], ["a", " "], ["d", "e"]
    ]  # fmt: skip
    assert [one["probs"] is None for one in said] == [False, True, True, True, False]
    assert "3 lines without two texts" in done.stderr
    (tmp_path / "pairs.tsv").write_text("a b\tc\nd\n")
    said = run("predict", "--model", student, "--pairs", tmp_path / "pairs.tsv", code=2).stderr
    assert "line 2: expected two texts with a tab between, found 1" in " ".join(said.split())
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    assert "not UTF-8" in run("predict", "--model", student, tmp_path / "latin.txt", code=2).stderr


def test_predict_needs_a_head(folder):  # noqa: F811
    said = run("predict", "--model", folder / "encoder", input="a\n", code=2).stderr
    assert "has no classification head" in said


def test_probe_shows_every_layer_and_draws_them(folder, tmp_path):  # noqa: F811
    figure = tmp_path / "layers.png"
    done = run(
        "probe", "--model", folder / "encoder", "--data", folder / "train.csv",
        "--validation", folder / "validation.csv", "--human", folder / "human.jsonl",
        "--output", figure, "--json",
    )  # fmt: skip
    rows = json.loads(done.stdout)["layers"]
    assert [row["layer"] for row in rows] == [0, 1, 2, 3, 4]
    assert all(0 <= row["accuracy"] <= 1 and 0 <= row["JSD"] <= 0.833 for row in rows)
    assert figure.read_bytes().startswith(b"\x89PNG")
    said = run(
        "probe", "--model", folder / "encoder", "--data", folder / "train.csv",
        "--validation", folder / "validation.csv", "--output", tmp_path / "layers.xyz", code=2,
    ).stderr  # fmt: skip
    assert "must end in one of" in " ".join(said.split())


def test_report_writes_one_page(student, tmp_path):
    page = Path(run("report", student).stdout.strip())
    assert page == student / "report.html" and "<html" in page.read_text(encoding="utf-8")
    said = run("report", tmp_path, code=2).stderr
    assert "there is no compression.json" in " ".join(said.split())


def test_data_check_lists_every_problem(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\na,yes\n,no\nb,maybe\n")
    done = run("data", "check", path, "--classes", "no,yes", code=2)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["line 3", "line 4"]
    found = json.loads(run("data", "check", path, "--classes", "no,yes", "--json", code=2).stdout)[
        "problems"
    ]
    assert [one["line"] for one in found] == [3, 4]
    path.write_text("text,label\na,yes\nb,no\nc,\n")
    done = run("data", "check", path)
    assert "2 items, nothing is wrong" in done.stdout and "left out" in done.stdout
    shown = [line.split() for line in done.stdout.splitlines()[-2:]]
    assert shown == [["no", "1"], ["yes", "1"]]
    as_json = json.loads(run("data", "check", path, "--json").stdout)
    assert (as_json["items"], as_json["classes"]) == (2, {"no": 1, "yes": 1})


def test_profiles_are_listed():
    assert "synthetic" in json.loads(run("profiles", "--json").stdout)
    assert "minilm: " in run("profiles").stdout
