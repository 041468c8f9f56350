"""The model card: every fact of the run, read back as written, whatever the classes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from ambiguity_lib.evaluation import number
from ambiguity_lib.practice.card import model_card
from ambiguity_lib.practice.compress import CompressionResult
from ambiguity_lib.practice.run import CHANGES, MODELS, Run, escape_markdown, one_line
from tests.practice.sample_run import (
    ODD_CLASSES,
    changed,
    sample_compression,
    without_human,
    without_optional,
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CompressionResult:
    return sample_compression(tmp_path_factory.mktemp("compression"))


@pytest.fixture
def run(result: CompressionResult) -> Run:
    return result.run


def from_hub(run: Run, licence: str | None = "apache-2.0") -> Run:
    return changed(run, model={"source": "group/base-model", "local": False, "licence": licence})


def code_blocks(card: ModelCard) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", card.text, re.MULTILINE | re.DOTALL)


def tables(card: ModelCard) -> list[list[str]]:
    blocks = re.findall(r"(?:^\|.*\n)+", card.text, re.MULTILINE)
    return [block.splitlines() for block in blocks]


def test_a_card_is_read_back_as_it_was_written(run: Run, tmp_path: Path) -> None:
    for one in (run, from_hub(run), without_human(run), without_optional(run)):
        card = model_card(one)
        card.save(tmp_path / "README.md")
        for again in (ModelCard(card.content), ModelCard.load(tmp_path / "README.md")):
            assert again.data.to_dict() == card.data.to_dict()
            assert again.text == card.text
        assert "None" not in card.text.replace("=None", "")
        assert "{{" not in card.text.replace("{{the ambiguity-lib authors}}", "")


def test_metadata(run: Run) -> None:
    data = model_card(from_hub(run)).data
    assert data.base_model == "group/base-model"
    assert data.license == "apache-2.0"
    assert (data.library_name, data.pipeline_tag) == ("transformers", "text-classification")
    assert data.model_name == f"base-model-{run.layers.depth}-layers"
    after = [row for row in run.measures if row.model == "after"]
    assert [(one.dataset_split, one.metric_name) for one in data.eval_results] == [
        (row.data, row.measure) for row in after
    ]
    for one, row in zip(data.eval_results, after, strict=True):
        assert one.metric_value == pytest.approx(row.value, abs=5e-5)
    assert {one.dataset_type for one in data.eval_results} == {"own-data", "group/answers:test"}


def test_a_local_base_model_is_called_by_its_last_part_only(run: Run) -> None:
    card = model_card(changed(run, model={"source": "/home/somebody/encoder"}))  # an older record
    assert card.data.base_model is None
    assert "a local model called encoder" in card.text
    assert "/home/somebody" not in card.content
    assert "train.csv" in card.text
    nameless = changed(run, model={"source": "model"})
    assert "of a local model (bert)" in " ".join(model_card(nameless).text.split())


def test_the_name_that_was_given_is_that_of_the_card(run: Run) -> None:
    card = model_card(changed(run, name="Doubting *Thomas*"))
    assert card.text.lstrip().startswith(r"# Doubting \*Thomas\*")
    assert card.data.model_name == "Doubting *Thomas*"


def test_where_a_licence_is_from_is_said_and_that_it_must_be_checked(run: Run) -> None:
    card = model_card(from_hub(run, None))
    assert "license" not in card.data.to_dict()
    assert "Look it up and fill it in before you share this model" in card.text
    text = model_card(from_hub(run)).text
    assert "apache-2.0: so says the base model's card, and nothing else was looked at" in text
    assert "Check it before you share this model" in text
    named = model_card(from_hub(run, "Our Own: Licence")).data
    assert (named.license, named.license_name) == ("other", "Our Own: Licence")


def test_every_number_of_the_run_is_there(run: Run) -> None:
    text = model_card(run).text
    for row in run.measures:
        if row.model not in (*MODELS, *CHANGES):  # the student's own temperature: in the verdicts
            continue
        signed = " - " in row.model
        cell = number(row.value, signed=signed)
        if row.low is not None:
            low, high = (number(getattr(row, end), signed=signed) for end in ("low", "high"))
            cell = f"{cell} [{low}, {high}]"
        assert cell in text
    for part in run.data.values():
        assert f"| {part.items} | {part.truncated} | {part.median_tokens} |" in text
    assert "λ = 0.4" in text
    assert "Seed 5" in text
    assert f"{run.cost.after.parameters:,}" in text
    assert run.provenance.cpu in text.replace("\\", "")
    assert run.provenance.packages["torch"] in text
    assert "float32" in text
    assert "2306.07061" in text


def test_thousands_have_commas(run: Run) -> None:
    counts = dict.fromkeys(run.classes, 23_456)
    part = {"items": 12_345, "truncated": 6_789, "labels": counts}
    run = changed(run, data=dict.fromkeys(run.data, part) | {"human": part | {"tied": 1_234}})
    text = model_card(run).text
    assert "| 12,345 | 6,789 |" in text
    assert "12,345 items with human answers" in text
    assert "on 1,234 of the 12,345 items" in text
    assert "| 23,456 |" in text
    assert not re.search(r"\b(12345|6789|1234|23456)\b", model_card(run).content)


def test_tables_keep_their_columns_whatever_classes_are_called(run: Run) -> None:
    found = tables(model_card(run))
    assert len(found) == 5  # data, classes, validation, human, costs
    for rows in found:
        columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(columns) == 1, rows
    assert len(found[1]) == 2 + len(ODD_CLASSES)
    text = model_card(run).text
    for code in code_blocks(model_card(run)):  # in which nothing is markup
        text = text.replace(code, "")
    assert "<script>" not in text


def test_escaped_text_is_one_harmless_line() -> None:
    assert escape_markdown("a|b\n<i>*c*</i>") == r"a\|b \<i\>\*c\*\</i\>"
    assert escape_markdown("\u202eabc\x00") == "abc\ufffd"
    assert escape_markdown("שלום") == "\u2068שלום\u2069"
    assert escape_markdown("") == "(empty)"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/home/me/a b.csv", "a b.csv"),
        ("data/train.jsonl", "train.jsonl"),
        (r"C:\Users\me\train.csv", "train.csv"),
        ("~/saved", "saved"),
        ("group/set:train", "group/set:train"),
        (None, None),
    ],
)
def test_places_do_not_tell_how_a_disk_is_arranged(
    run: Run, source: str | None, shown: str | None
) -> None:
    assert changed(run, data={"train": {"source": source}}).places["train"] == (shown or "–")


@pytest.mark.parametrize(
    ("source", "local", "expected"),
    [
        ("bert-base-uncased", False, ("bert-base-uncased", True)),
        ("models/mine", True, ("mine", False)),
        ("../models/mine", None, ("mine", False)),
        ("group/name", None, ("group/name", True)),
    ],
)
def test_a_base_model_is_a_hub_id_or_a_path(
    run: Run, source: str, local: bool | None, expected: tuple[str, bool]
) -> None:
    one = changed(run, model={"source": source, "local": local})
    assert (one.base, one.on_hub) == expected


def test_numbers_have_true_minus_signs_and_no_negative_zero() -> None:
    assert number(-0.25) == "−0.250"
    assert number(0.25, signed=True) == "+0.250"
    assert number(-0.0001, signed=True) == "0.000"
    assert number(None) == "–"


def test_the_usage_snippet_runs(
    result: CompressionResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result.student.save_pretrained(tmp_path)
    result.tokenizer.save_pretrained(tmp_path)
    usage = code_blocks(model_card(result.run))[0]
    assert "text_pair" in usage
    exec(usage.replace("path/to/this/folder", str(tmp_path)), {})
    printed = ast.literal_eval(capsys.readouterr().out.strip().splitlines()[-1])
    assert {one["label"] for one in printed} == set(ODD_CLASSES)
    assert sum(one["score"] for one in printed) == pytest.approx(1, abs=1e-5)


def test_items_without_a_majority_are_counted(run: Run) -> None:
    assert "Ties" not in model_card(changed(run, data={"human": {"tied": 0}})).text
    run = changed(run, data={"human": {"tied": 3}})
    text = model_card(run).text
    assert "Ties: on 3 of the 20 items with human answers" in text
    assert len(tables(model_card(run))) == 5  # and it is no row of a table


def test_limits_and_method_follow_the_run(run: Run) -> None:
    text = model_card(run).text
    assert "20 items with human answers served for the comparison only" in text
    assert "depth was chosen, and the temperature fitted, on the validation items" in text
    assert "All 4 layers were fine-tuned" in text
    for verdict in run.all_verdicts:
        assert one_line(verdict).split(":")[0] in text
    assert run.depth_rule in text
    assert run.intervals in text
    alone = changed(
        without_human(run),
        settings={"depth": 2, "source": 1},
        model={"fine_tuned_here": False},
    )
    text = model_card(alone).text
    assert "whether this model is closer to people than the full one is not known" in text
    assert "Items with human answers" not in text
    assert "was set by hand" in text
    assert "taken as it was" in text
