"""The folder that is written: its name, and nothing in it of the machine that wrote it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from ambiguity_lib.practice.compress import CompressionResult
from ambiguity_lib.practice.report import write_report
from ambiguity_lib.practice.run import load_run
from tests.practice.sample_run import changed, sample_compression

# no address, no tag of HTML, no "and/or"
PATH = re.compile(r"(?<![\w.:/<\\])(?:~|[A-Za-z]:)?[/\\](?:[\w.-]+[/\\])+[\w.-]+")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CompressionResult:
    return sample_compression(tmp_path_factory.mktemp("compression"))


def spoiled(result: CompressionResult, folder: Path) -> CompressionResult:
    """The same, from a base model whose files tell of somebody's disk, as older ones do."""
    result.tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    local = {
        "name_or_path": "/home/somebody/base",
        "special_tokens_map_file": "/home/somebody/.cache/map.json",
        "tokenizer_file": r"C:\Users\somebody\tokenizer.json",
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | local))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    student = result.student
    student.config.update({"_name_or_path": "/home/somebody/base", "init_from": "~/base/weights"})
    return CompressionResult(**(vars(result) | {"tokenizer": tokenizer, "student": student}))


def test_no_text_file_says_where_anything_was(result: CompressionResult, tmp_path: Path) -> None:
    folder = spoiled(result, tmp_path / "base").save(tmp_path / "student")
    write_report(folder)
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in folder.iterdir()
        if path.suffix in (".json", ".md", ".html", ".txt")
    }
    assert {"config.json", "tokenizer_config.json", "compression.json", "report.html"} <= set(texts)
    for name, text in texts.items():
        assert PATH.findall(text) == [], name
        assert "somebody" not in text and str(tmp_path) not in text, name
    for flag in ("local_files_only", "is_local", "name_or_path"):
        assert flag not in texts["tokenizer_config.json"] + texts["config.json"]
    # what is not of the machine is still there
    plain = result.student.config
    config = AutoConfig.from_pretrained(folder)
    assert (config.id2label, config.num_hidden_layers) == (plain.id2label, plain.num_hidden_layers)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("a b", "c").data == result.tokenizer("a b", "c").data
    assert tokenizer.model_max_length == result.tokenizer.model_max_length
    assert AutoModelForSequenceClassification.from_pretrained(folder).num_parameters() > 0


def test_paths_are_found_and_addresses_are_not() -> None:
    for text in ('"/home/me/x"', " ~/a/b.csv", r"C:\Users\me", "(/tmp/a)"):
        assert PATH.search(text), text
    for text in ("https://huggingface.co/a/b", "</td></tr>", "path/to/this/folder", "1/2", " / "):
        assert not PATH.search(text), text


def test_the_name_is_given_or_found(result: CompressionResult, tmp_path: Path) -> None:
    depth = result.run.layers.depth
    nameless = changed(result.run, model={"source": "checkpoint-12"})
    for run, given, expected in (
        (result.run, "Our reviews", "Our reviews"),
        (result.run, None, f"encoder-{depth}-layers"),
        (result.run, " ", f"encoder-{depth}-layers"),
        (nameless, None, "reviews"),
    ):
        one = CompressionResult(**(vars(result) | {"run": run}))
        folder = one.save(tmp_path / "reviews", name=given, overwrite=True)
        assert load_run(folder).name == expected
        assert f"\n# {expected}\n" in (folder / "README.md").read_text(encoding="utf-8")
