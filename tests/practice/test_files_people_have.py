"""Files as people have them: read rightly, with a remark where two readings are possible."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ambiguity_lib.data import class_names
from ambiguity_lib.practice.cells import fold
from ambiguity_lib.practice.evaluate import predictions_of
from ambiguity_lib.practice.own_files import Columns, DataFileError, LabelledFile, read_dataset
from ambiguity_lib.practice.prediction_files import read_prediction_files

NAMES = ("no", "so", "yes")


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labelled(path: Path, *labels: Any) -> Path:
    return lines(path, *({"text": f"text {i}", "label": one} for i, one in enumerate(labels)))


def said(file: LabelledFile, part: str) -> bool:
    return any(part in warning for warning in file.warnings)


# classes and labels


def test_minus_one_is_a_class_where_it_is_named(tmp_path: Path) -> None:
    path = labelled(tmp_path / "a.jsonl", -1, 0, "1", "-1", 1.0, -1.0)
    named = read_dataset(path, class_names=("-1", "0", "1"))
    assert named.dataset["label"][:] == [0, 1, 2, 0, 2, 0] and not named.dropped
    unnamed = read_dataset(path)
    assert unnamed.dropped == 3 and said(unnamed, "of them '-1' (3); if that is a class, name all")


def test_answers_of_minus_one_are_votes(tmp_path: Path) -> None:
    rows = [{"uid": "a", "text": "x", "label": n, "who": w} for n, w in ((-1, 1), (1, 2), (-1, 3))]
    path = lines(tmp_path / "a.jsonl", *rows)
    file = read_dataset(path, Columns(annotator="who"), class_names=("-1", "0", "1"), human=True)
    assert file.dataset["label_counts"][:] == [[2, 0, 1]] and not file.dropped
    counts = lines(tmp_path / "b.jsonl", {"text": "x", "label_counts": {"-1": 2, "1": 1}})
    assert read_dataset(counts, class_names=("-1", "0", "1"), human=True).dataset["label_counts"][
        :
    ] == [[2, 0, 1]]
    with pytest.raises(DataFileError, match="'-1' is none of the classes"):
        read_dataset(counts, class_names=("0", "1"), human=True)


def test_plus_and_minus_one_without_names(tmp_path: Path) -> None:
    with pytest.raises(
        DataFileError, match=r"rows without a label: '-1' \(2\); if that is a class"
    ):
        read_dataset(labelled(tmp_path / "a.jsonl", "+1", -1, 1, "-1"))


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (("false", "true"), (True, False, "True"), [1, 0, 1]),
        (("0.5", "1.0", "1.5"), (0.5, "1", 1.5, 1.0, "1.0"), [0, 1, 2, 1, 1]),
        (("1", "2"), (1.0, "2.0", 2), [0, 1, 1]),
        (("Good", "Bad"), ("GOOD", " bad ", "ＢＡＤ", "go\u200bod"), [0, 1, 1, 0]),
        (("ne\u0301gatif", "positif"), ("n\u00e9gatif", "Positif"), [0, 1]),
        (("none", "racism"), ("None", "racism"), [0, 1]),
    ],
)
def test_labels_mean_the_classes_that_are_named(
    tmp_path: Path, names: tuple[str, ...], labels: tuple[Any, ...], expected: list[int]
) -> None:
    file = read_dataset(labelled(tmp_path / "a.jsonl", *labels), class_names=names)
    assert file.dataset["label"][:] == expected
    spelt = [x for x in labels if isinstance(x, str) and x not in names and fold(x) != x]
    assert said(file, "spelt otherwise") == bool(spelt)


def test_classes_of_one_spelling_must_be_written_exactly(tmp_path: Path) -> None:
    path = labelled(tmp_path / "a.jsonl", "pos", "Pos", "POS")
    with pytest.raises(DataFileError, match="label 'POS' is none of the classes 'pos', 'Pos'"):
        read_dataset(path, class_names=("pos", "Pos"))


@pytest.mark.parametrize("nothing", ["nan", "N/A", "-", "None", "null", "<NA>"])
def test_placeholders_are_no_classes_without_a_word(tmp_path: Path, nothing: str) -> None:
    path = labelled(tmp_path / "a.jsonl", "no", "yes", nothing, "yes", "no")
    unnamed = read_dataset(path)
    assert said(unnamed, f"look like a missing one, and are classes here: {nothing!r} (1)")
    named = read_dataset(path, class_names=("no", "yes"))
    assert named.dropped == 1 and said(named, f"of them {nothing!r} (1)")


def test_several_labels_in_one_cell(tmp_path: Path) -> None:
    labels = ["joy", "anger", "fear", "joy, anger", "anger|fear", "rock and roll", "1,5"]
    file = read_dataset(labelled(tmp_path / "a.jsonl", *labels))
    assert said(file, "several at once: 'anger|fear' (1), 'joy, anger' (1); one label an item")
    with pytest.raises(DataFileError, match="one label an item is read"):
        read_dataset(labelled(tmp_path / "b.jsonl", "joy", ["joy", "anger"]))


@pytest.mark.parametrize("twin", ["po\u200bs", "POS", "pos\u00a0", "p\u043es"])  # a Cyrillic o
def test_names_that_look_alike(tmp_path: Path, twin: str) -> None:
    file = read_dataset(labelled(tmp_path / "a.jsonl", "pos", "neg", twin))
    assert said(file, "differ in case, spaces or invisible signs only") and said(file, ascii(twin))


@pytest.mark.parametrize("text", ["\u200b", "\ufeff\u2060", " \u00ad "])
def test_a_text_of_nothing_is_blank(tmp_path: Path, text: str) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": text, "label": "a"}, {"text": "x", "label": "b"})
    with pytest.raises(DataFileError, match="line 1: column 'text': the text is blank"):
        read_dataset(path)


# votes and distributions


def opinions(path: Path, *rows: dict[str, Any], names: tuple[str, ...] | None = NAMES) -> Any:
    whole = [{"text": f"text {i}"} | row for i, row in enumerate(rows)]
    return read_dataset(lines(path, *whole), class_names=names, human=True)


def test_two_decimals(tmp_path: Path) -> None:
    file = opinions(tmp_path / "a.jsonl", {"label_dist": [0.33, 0.33, 0.33]})
    np.testing.assert_allclose(file.dataset["label_dist"][:], 1 / 3)
    assert said(file, "renormalised")
    for wrong in ([0.33, 0.33, 0.31], [0.331, 0.331, 0.331], [0.4, 0.3, 0.2]):
        with pytest.raises(DataFileError, match="the probabilities sum to"):
            opinions(tmp_path / "a.jsonl", {"label_dist": wrong})


def test_a_majority_against_the_votes(tmp_path: Path) -> None:
    rows = [{"label_counts": [8, 1, 1], "majority_label": label} for label in ("yes", "no", "yes")]
    tie = {"label_counts": [5, 0, 5], "majority_label": "yes"}
    file = opinions(tmp_path / "a.jsonl", *rows, tie)
    assert said(file, "another class has more votes: 2 of 4")
    assert file.dataset["majority_label"][:] == [2, 0, 2, 2]
    assert not said(opinions(tmp_path / "b.jsonl", tie), "another class")


def test_a_list_of_answers_is_counted(tmp_path: Path) -> None:
    file = opinions(tmp_path / "a.jsonl", {"label_counts": ["yes", "no", "Yes", "yes"]})
    assert file.dataset["label_counts"][:] == [[1, 0, 3]]
    with pytest.raises(DataFileError, match="5 values for 3 classes"):
        opinions(tmp_path / "a.jsonl", {"label_counts": [0, 1, 2, 2, 2]})


def test_an_annotator_twice(tmp_path: Path) -> None:
    rows = [{"uid": "a", "text": "x", "label": "no", "who": w} for w in ("u", "u", "v")]
    file = read_dataset(
        lines(tmp_path / "a.jsonl", *rows), Columns(annotator="who"), class_names=NAMES, human=True
    )
    assert file.dataset["label_counts"][:] == [[2, 0, 0]] and said(file, "count once: 1")


def test_ratings_from_one(tmp_path: Path) -> None:
    file = opinions(tmp_path / "a.jsonl", {"label_dist": {"1": 0.5, "3": 0.5}}, names=None)
    assert not said(file, "class '0'")  # '2' is nobody's, too
    rows = ({"label_dist": {"1": 0.5, "2": 0.5}}, {"label_dist": {"2": 1.0, "3": 0.0}})
    rows = (*rows, {"label_counts": {"3": 4}})
    assert said(opinions(tmp_path / "b.jsonl", *rows, names=None), "a class '0' without rows")


def test_names_of_votes_are_looked_at_like_labels(tmp_path: Path) -> None:
    rows = ({"label_counts": {"Yes": 3, "nan": 1}}, {"label_counts": {"yes": 3, "no": 1}})
    file = opinions(tmp_path / "a.jsonl", *rows, names=None)
    assert said(file, "'Yes', 'yes'") and said(file, "look like a missing one")


def test_digits_as_text_are_neither_counts_nor_answers(tmp_path: Path) -> None:
    for names in (NAMES, None):
        with pytest.raises(DataFileError, match="digits as text may be counts or answers"):
            opinions(tmp_path / "a.jsonl", {"label_counts": ["2", "1", "0"]}, names=names)


def test_answers_name_the_classes(tmp_path: Path) -> None:
    file = opinions(tmp_path / "a.jsonl", {"label_counts": ["no", "yes", "yes"]}, names=None)
    assert class_names(file.dataset) == ("no", "yes")
    assert file.dataset["label_counts"][:] == [[1, 2]]


def test_answers_that_are_dropped_are_counted(tmp_path: Path) -> None:
    file = opinions(tmp_path / "a.jsonl", {"label_counts": ["yes", "nan", "-1", "no"]})
    assert file.dataset["label_counts"][:] == [[1, 0, 1]]
    assert said(file, "answers that are no class: 'nan' (1), '-1' (1)")


def test_lists_whose_first_class_is_nobodys(tmp_path: Path) -> None:
    rows = ({"label_counts": [0, 3, 1]}, {"label_counts": [0, 1, 4]})
    assert not said(opinions(tmp_path / "a.jsonl", *rows, names=None), "class '0'")


def test_lists_in_an_order_that_nobody_chose(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "x", "label_counts": [7, 1, 2]})
    file = read_dataset(path, class_names=NAMES, human=True, ordered=False)
    assert said(file, "(first, line 1: no 7, so 1, yes 2); give --classes in the order")
    assert not said(read_dataset(path, class_names=NAMES, human=True), "order")
    assert not said(
        read_dataset(path, class_names=("0", "1", "2"), human=True, ordered=False), "ord"
    )


def test_ratings_below_zero_have_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="label -5 is negative: are these ratings"):
        read_dataset(labelled(tmp_path / "a.jsonl", 3, -5, 0))


@pytest.mark.parametrize("label", [" -1", "-1\u00a0", "\u22121", "－１"])
def test_numbers_in_any_writing(tmp_path: Path, label: str) -> None:
    path = labelled(tmp_path / "a.jsonl", label, "0", " 1", "\uff11")
    assert read_dataset(path, class_names=("-1", "0", "1")).dataset["label"][:] == [0, 1, 2, 2]
    assert read_dataset(path, class_names=("a", "b")).dataset["label"][:] == [0, 1, 1]


@pytest.mark.parametrize(
    "name", ["['joy', 'fear']", '["joy"]', "joy/fear", "Joy & Fear", "joy and fear"]
)
def test_more_ways_to_write_several(tmp_path: Path, name: str) -> None:
    assert said(
        read_dataset(labelled(tmp_path / "a.jsonl", "joy", "fear", name)), "several at once"
    )


def test_names_in_quotes(tmp_path: Path) -> None:
    file = read_dataset(labelled(tmp_path / "a.jsonl", ' "no"', "yes"))
    assert said(file, "labels with quotes around them")


@pytest.mark.parametrize(
    ("first", "second"),
    [("❤\ufe0f", "❤"), ("don’t", "don't"), ("İyi", "iyi"), ("non‑toxic", "non-toxic")],
)
def test_more_names_that_look_alike(tmp_path: Path, first: str, second: str) -> None:
    assert said(read_dataset(labelled(tmp_path / "a.jsonl", first, second)), "differ in case")


def test_a_json_object_with_a_key_twice(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x", "label": "a", "label": "b"}\n')
    with pytest.raises(DataFileError, match=r"line 1: .*the key 'label' occurs twice"):
        read_dataset(tmp_path / "a.jsonl")


# joining


def evaluated(tmp_path: Path, rows: list[dict[str, Any]], content: str, name: str) -> Any:
    people = opinions(tmp_path / "people.jsonl", *rows).dataset
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return predictions_of([path], people, None)


ROWS = [{"label_counts": [index, 1, 0]} for index in range(4)]


@pytest.mark.parametrize("column", ["uid", "id", "idx", "ID"])
def test_ids_join_on_the_column_that_has_them(tmp_path: Path, column: str) -> None:
    rows = [{column: index} | row for index, row in enumerate(ROWS)]
    content = {str(i): {"predicted_probabilities": [0, 0, 1] if i else [1, 0, 0]} for i in range(9)}
    probs, people, _ = evaluated(tmp_path, rows, json.dumps(content), "p.json")
    assert people["uid"][:] == ["0", "1", "2", "3"]
    assert probs["p.json"].argmax(axis=1).tolist() == [0, 2, 2, 2]


def test_row_numbers_are_no_ids(tmp_path: Path) -> None:
    content = json.dumps({str(i): {"probs": [1, 0, 0]} for i in range(9)})
    with pytest.raises(ValueError, match=r"no item in common: .*'row 1' and '0'; name the column"):
        evaluated(tmp_path, ROWS, content, "p.json")


def test_a_column_id_that_repeats_is_no_id(tmp_path: Path) -> None:
    rows = [{"id": 7} | row for row in ROWS]
    assert opinions(tmp_path / "a.jsonl", *rows).dataset["uid"][:2] == ["row 1", "row 2"]


def test_some_items_without_predictions(tmp_path: Path) -> None:
    rows = [{"uid": str(index)} | row for index, row in enumerate(ROWS)]
    content = json.dumps({uid: {"probs": [1, 0, 0]} for uid in ("3", "1", "17")})
    probs, people, listed = evaluated(tmp_path, rows, content, "p.json")
    assert listed
    assert people["uid"][:] == ["1", "3"] and probs["p.json"].shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", '{"uid": "a", "probs": [0.2, 0.3, 0.5]}\n{"uid": "b", "probs": [1, 0, 0]}\n'),
        ("p.txt", '\ufeff{"id": "a", "probs": [0.2, 0.3, 0.5]}\n{"id": "b", "probs": [1, 0, 0]}\n'),
        ("p.json", '[{"idx": "a", "probs": [0.2, 0.3, 0.5]}, {"idx": "b", "probs": [1, 0, 0]}]'),
        ("p.json", '{\n "a": {"probs": [0.2, 0.3, 0.5]},\n "b": {"probs": [1, 0, 0]}\n}'),
        ("p.csv", "id,Yes,so,no\na,0.5,0.3,0.2\nb,0,0,1\n"),
        ("p.tsv", "uid\tprobs\na\t[0.2, 0.3, 0.5]\nb\t[1, 0, 0]\n"),
    ],
)
def test_predictions_of_any_form(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    (file,) = read_prediction_files([path], NAMES)
    np.testing.assert_allclose(file.align(["a", "b"]), [[0.2, 0.3, 0.5], [1, 0, 0]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": {"uid": "b", "probs": [1, 0, 0]}}', "the entry has the uid 'b'"),
        ('{"a": {"probs": [1, 0, 0]}, "a": {"probs": [0, 1, 0]}}', "the key 'a' occurs twice"),
        ('{"uid": "a", "logits": {"no": -2.0, "yes": -1.0}}', "not every class has a logit"),
        ('{"uid": "a", "logits": {"no": -2.0, "so": null, "yes": 0}}', "a class has no logit"),
        ('{"uid": 1.5, "probs": [1, 0, 0]}', "p.json, line 1: expected text or a whole number"),
        ('{"uid": "", "probs": [1, 0, 0]}', "p.json, line 1: there is no 'uid'"),
    ],
)
def test_predictions_that_are_not_what_they_seem(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "p.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_prediction_files([tmp_path / "p.json"], NAMES)


def test_orders_and_ids_are_spelt_in_any_way(tmp_path: Path) -> None:
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(b'uid,probs\n a ,"[1, 0, 0]"\n'))
    (file,) = read_prediction_files([tmp_path / "p.csv.gz"], NAMES, file_order=("Yes", "So", "No"))
    assert file.align(["a"]).tolist() == [[0, 0, 1]] and file.listed


# files


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a"])
def test_json_under_any_name(tmp_path: Path, name: str) -> None:
    path = labelled(tmp_path / name, "no", "yes")
    assert read_dataset(path).dataset["label"][:] == [0, 1]
    path.write_text(
        json.dumps([{"text": "x", "label": "yes"}, {"text": "y", "label": "no"}], indent=1)
    )
    assert read_dataset(path).dataset["label"][:] == [1, 0]


def test_quotes_of_a_file_that_does_not_quote(tmp_path: Path) -> None:
    rows = ['"begins\tno', "x\tyes", 'ends"\tno', 'a "word"\tyes', '"all"\tno']
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    file = read_dataset(path)
    assert file.dataset["text"][:] == ['"begins', "x", 'ends"', 'a "word"', '"all"']
    assert said(file, "quotes are taken as written")
    path.write_text('text\tlabel\n"two\nlines"\tno\n"a\ttab"\tyes\n')
    file = read_dataset(path)
    assert file.dataset["text"][:] == ["two\nlines", "a\ttab"] and not file.warnings


def test_rows_that_a_quote_has_swallowed_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label\nx,no\n"begins,no\ny,yes\nends",yes\nz,yes\n')
    assert said(read_dataset(path), "look like rows of their own: 1, the first at line 3")
    path.write_text('text,label\nx,no\n"Dear all, hello\nbye",yes\n')
    assert not read_dataset(path).warnings


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "sep=,\ntext,label\nx,no\n", "'sep=' is a hint for Excel, not a header"),
        ("a.csv", "1,some words\n2,other words\n", "or write a header if the first line is none"),
        ("a.jsonl", '{"text": "x", "label": 1},\n', "the comma behind the object is too much"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataFileError, match=message):
        read_dataset(tmp_path / name)


def test_abductive_items_are_named(tmp_path: Path) -> None:
    example = {"obs1": "a", "obs2": "b", "hyp1": "c", "hyp2": "d"}
    row = {"uid": "u", "example": example, "label_count": [3, 97], "majority_label": 2}
    with pytest.raises(DataFileError, match=r"this is abductive NLI.*obs1.*hyp1"):
        read_dataset(lines(tmp_path / "a.jsonl", row), human=True)


def test_the_last_colon_parts_folder_and_split(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    part = Dataset.from_dict({"text": ["x", "y"], "label": ["no", "yes"]})
    folder = tmp_path / "run 10:00:00"
    DatasetDict(train=part, test=part).save_to_disk(folder)
    assert class_names(read_dataset(f"{folder}:train").dataset) == ("no", "yes")
    with pytest.raises(DataFileError, match="there are several splits"):
        read_dataset(folder)
