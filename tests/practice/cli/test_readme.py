"""README and quickstart on one's own classifier, every command and line of them, on tiny models."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.practice.cli.test_compress import write_csv, write_votes
from tests.practice.test_compression import save_model

ROOT = Path(__file__).resolve().parents[3]

# a process that has torch and transformers, and nothing of ours
PIPELINE = """
import sys
class Gone:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "ambiguity_lib":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
from transformers import pipeline
said = pipeline("text-classification", "student", top_k=None)(["a b c"])[0]
assert {one["label"] for one in said} == {"contradiction", "entailment", "neutral"}, said
assert abs(sum(one["score"] for one in said) - 1) < 1e-5
"""


def runner(folder):
    def run(line):
        done = subprocess.run(
            line, shell=True, cwd=folder, capture_output=True, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    return run


@pytest.mark.slow
def test_the_section_does_what_it_says(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Your own classifier") : text.index("## Profiles")]
    shell = [block for block in re.findall(r"```bash\n(.*?)```", section, re.DOTALL)]
    (python,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(shell) == 2
    # of the name that the README uses, so that its lines run as they are
    save_model(tmp_path / "bert-base-uncased", head=False)
    write_csv(tmp_path / "train.csv", 80)
    write_csv(tmp_path / "validation.csv", 30, seed=1)
    write_votes(tmp_path / "votes.jsonl")
    command = f"{sys.executable} -m ambiguity_lib"
    run = runner(tmp_path)
    said = [
        run(line.replace(".venv/bin/ambiguity-lib", command))
        for line in "".join(shell).strip().splitlines()
    ]
    assert "80 items, nothing is wrong" in said[0]
    assert "before" in said[1] and (tmp_path / "student" / "report.html").is_file()
    assert "It was fine, I suppose." in said[3] and "JSD" in said[4] and "layer" in said[5]
    (tmp_path / "pipe.py").write_text(PIPELINE)
    run(f"{sys.executable} pipe.py")
    # the five lines are a whole program
    run("mv student first")
    (tmp_path / "five.py").write_text(python)
    assert "accuracy" in run(f"{sys.executable} five.py")
    run(f"{sys.executable} pipe.py")


# start of a command of the quickstart → why it is not run here
NOT_RUN = {
    "git clone": "there is no network in CI",
    "pip install": "there is no network in CI",
    "ambiguity-lib evaluate --data chaosNLI_snli.jsonl": "tests/data/test_published_numbers.py",
    "ambiguity-lib compress --model distilbert-base-uncased --data train.csv --output small "
    "--resume": "tests/cli/test_compress.py, after a real stop",
    "torchrun": "tests/test_processes.py",
    "accelerate launch": "it starts processes as torchrun does",
}


@pytest.mark.slow
def test_the_quickstart_does_what_it_says(tmp_path):
    text = (ROOT / "book" / "quickstart.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").strip().splitlines()
    commands = [" ".join(line.split()) for line in lines]
    five, predict = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    save_model(tmp_path / "distilbert-base-uncased", head=False, family="distilbert")
    write_csv(tmp_path / "train.csv", 80)
    write_csv(tmp_path / "val.csv", 30, seed=1)
    write_votes(tmp_path / "votes.jsonl")
    (tmp_path / "texts.txt").write_text("a b\nc d e\n")
    run = runner(tmp_path)
    skipped = set()
    for command in commands:
        if reason := [start for start in NOT_RUN if command.startswith(start)]:
            skipped |= set(reason)
            continue
        run(command.replace("ambiguity-lib", f"{sys.executable} -m ambiguity_lib"))
    assert skipped == set(NOT_RUN), "what is not in the quickstart needs no excuse"
    assert (tmp_path / "layers.png").is_file() and (tmp_path / "small/report.html").is_file()
    (shown,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    given = run(f"{sys.executable} -m ambiguity_lib predict --model small texts.txt")
    for line in (shown + given).splitlines():
        said, *classes, _ = line.split("  ")
        probs = [float(one.split()[1]) for one in classes]
        entropy = -sum(prob * math.log(prob) for prob in probs if prob)
        assert math.isclose(float(said), entropy, abs_tol=0.005), line
    (tmp_path / "predict.py").write_text(predict)
    assert "score" in run(f"{sys.executable} predict.py")
    run("mv small first")
    (tmp_path / "five.py").write_text(five)
    run(f"{sys.executable} five.py")
    assert (tmp_path / "small" / "model.safetensors").is_file()
