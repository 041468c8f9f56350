from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.data import check_dataset, class_names, load_chaosnli
from ambiguity_lib.practice.cells import is_blank
from ambiguity_lib.practice.file_rows import SHOWN
from ambiguity_lib.practice.own_files import (
    Columns,
    DataFileError,
    LabelledFile,
    Problem,
    check_file,
    class_warnings,
    read_dataset,
    repetition_warnings,
)

EMOJI = "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5}"
HEBREW = "\N{RIGHT-TO-LEFT MARK}שלום \N{RIGHT-TO-LEFT EMBEDDING}abc"

ROWS: list[dict[str, Any]] = [
    {"uid": "a", "text": "good, very good", "label": "pos"},
    {"uid": "b", "text": f'she said "no"\nand left {EMOJI}', "label": "neg"},
    {"uid": "c", "text": HEBREW, "label": "pos"},
]


def jsonl(rows: Sequence[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(rows: Sequence[dict[str, Any]], delimiter: str = ",") -> bytes:
    """CSV as a spreadsheet writes it: CRLF, quotes where they are needed, lists as JSON."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()}
        )
    return out.getvalue().encode()


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write rows in the format that the name says."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return path
    delimiter = "\t" if name.endswith(".tsv") else ","
    is_json = name.lower().endswith(("jsonl", "ndjson"))
    data = jsonl(rows) if is_json else table(rows, delimiter)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def message(source: str | Path, **options: Any) -> str:
    """The message for a file with a single problem."""
    with pytest.raises(DataFileError) as caught:
        read_dataset(source, **options)
    assert caught.value.total == 1, str(caught.value)
    text = str(caught.value)
    assert text.startswith(str(source)) and "\n" not in text
    return text.removeprefix(str(source))


def labels_of(file: LabelledFile) -> list[str | None]:
    names = class_names(file.dataset)
    return [None if label == -1 else names[label] for label in file.dataset["label"]]


# formats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "rows.jsonl", "rows.ndjson", "rows.csv", "rows.tsv", "rows.parquet", "ROWS.JSONL",
        "rows.jsonl.gz", "rows.csv.gz", "rows.tsv.gz",
    ],
)  # fmt: skip
def test_every_format_gives_the_same(tmp_path: Path, name: str) -> None:
    file = read_dataset(write(tmp_path / name, ROWS))
    check_dataset(file.dataset)
    assert file.dataset.to_dict() == {
        "uid": ["a", "b", "c"],
        "text": [row["text"] for row in ROWS],
        "label": [1, 0, 1],
    }
    assert class_names(file.dataset) == ("neg", "pos")
    assert (file.source, file.dropped, file.warnings) == (str(tmp_path / name), 0, ())


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
).filter(lambda text: not is_blank(text))


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_any_text_survives_every_format(pairs: list[tuple[str, str]]) -> None:
    rows = [
        {"text": text, "text_pair": pair, "label": index % 2}
        for index, (text, pair) in enumerate(pairs)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("rows.jsonl", "rows.csv", "rows.tsv", "rows.parquet"):
            file = read_dataset(write(Path(folder) / name, rows), class_names=["no", "yes"])
            assert file.dataset["text"][:] == [text for text, _ in pairs]
            assert file.dataset["text_pair"][:] == [pair for _, pair in pairs]


def test_text_is_kept_byte_for_byte(tmp_path: Path) -> None:
    odd = " \t e\N{COMBINING ACUTE ACCENT} \N{LINE SEPARATOR}\r\n" + EMOJI + HEBREW + " "
    for name in ("rows.jsonl", "rows.csv", "rows.parquet"):
        path = write(tmp_path / name, [{**ROWS[0], "text": odd}, ROWS[1]])
        assert read_dataset(path).dataset[0]["text"] == odd


def test_crlf_byte_order_mark_and_empty_lines(tmp_path: Path) -> None:
    plain = read_dataset(write(tmp_path / "plain.jsonl", ROWS)).dataset.to_dict()
    for name, data in (("a.jsonl", jsonl(ROWS)), ("a.csv", table(ROWS))):
        data = b"\xef\xbb\xbf" + data
        if name == "a.jsonl":
            data = data.replace(b"\n", b"\r\n\r\n")
        assert read_dataset(save(tmp_path / name, data)).dataset.to_dict() == plain


def test_empty_lines_before_a_header_are_passed_over(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", b"\n\r\nuid,text,label\na,x,no\nb,,yes\n")
    assert message(path) == ", line 5: column 'text': the text is blank"


def test_without_ids_rows_are_numbered(tmp_path: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in (("x", 0), ("y", None), ("z", 1))]
    assert read_dataset(write(tmp_path / "a.jsonl", rows)).dataset["uid"][:] == ["row 1", "row 3"]


def test_other_column_names(tmp_path: Path) -> None:
    rows = [{"n": 7, "q": "x", "a": "y", "c": "no"}, {"n": 8.0, "q": "u", "a": "v", "c": "yes"}]
    columns = Columns(text="q", text_pair="a", label="c", uid="n")
    dataset = read_dataset(write(tmp_path / "a.jsonl", rows), columns).dataset
    assert dataset.to_dict() == {
        "uid": ["7", "8"], "text": ["x", "u"], "text_pair": ["y", "v"], "label": [0, 1],
    }  # fmt: skip


def test_a_second_text_that_is_never_filled_is_none(tmp_path: Path) -> None:
    rows = [{**row, "text_pair": ""} for row in ROWS]
    assert "text_pair" not in read_dataset(write(tmp_path / "a.csv", rows)).dataset.features


def test_a_line_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    text = "word " * 2_000_000
    for name in ("a.jsonl", "a.csv"):
        path = write(tmp_path / name, [*ROWS, {"uid": "d", "text": text, "label": "neg"}])
        assert read_dataset(path).dataset[3]["text"] == text


def test_a_line_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ambiguity_lib.practice.file_rows.MAX_LINE_BYTES", 2**20)
    rows = [*ROWS, {"uid": "d", "text": "x" * 3 * 2**20, "label": "neg"}, {**ROWS[0], "uid": "e"}]
    for name, line in (("a.jsonl", 4), ("a.tsv", 6)):
        path = write(tmp_path / name, rows)
        assert message(path) == f", line {line}: the line is longer than 1 MiB"


# labels


def test_numbers_are_indices(tmp_path: Path) -> None:
    rows = [{"text": f"x{i}", "label": label} for i, label in enumerate((2, 0, 2))]
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        path = write(tmp_path / name, rows)
        assert class_names(read_dataset(path).dataset) == ("0", "1", "2")
        assert read_dataset(path).warnings == ("no row has the label '1'",)
        named = read_dataset(path, class_names=["bad", "so-so", "good"])
        assert labels_of(named) == ["good", "bad", "good"]


def test_whole_floats_are_numbers(tmp_path: Path) -> None:
    rows = [{"text": "x", "label": label} for label in (1.0, 0.0, None)]
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        file = read_dataset(write(tmp_path / name, rows))
        assert (file.dataset["label"][:], file.dropped) == ([1, 0], 1)


def test_names_that_are_numbers_are_names(tmp_path: Path) -> None:
    stars = ["1", "2", "3"]
    for label in (1, "1", 1.0):
        rows = [{"text": "x", "label": label}, {"text": "y", "label": 3}]
        file = read_dataset(write(tmp_path / "a.jsonl", rows), class_names=stars)
        assert labels_of(file) == ["1", "3"]
    path = write(tmp_path / "a.jsonl", [{"text": "x", "label": 0}])
    assert message(path, class_names=stars).endswith("label 0 is none of the classes '1', '2', '3'")


@pytest.mark.parametrize("none", [None, "", "  ", -1, "-1", -1.0, float("nan")])
def test_rows_without_a_label(tmp_path: Path, none: Any) -> None:
    rows = [*ROWS, {"uid": "d", "text": "x", "label": none}, {"uid": "e", "text": "y"}]
    path = write(tmp_path / "a.jsonl", rows)
    file = read_dataset(path)
    assert file.dropped == 2
    (said,) = file.warnings
    assert said.startswith("rows left out because they have no label: 2")
    assert ("of them '-1' (1); if that is a class, name" in said) == (none in (-1, "-1"))
    assert file.dataset["uid"][:] == ["a", "b", "c"]
    kept = read_dataset(path, labels=False)
    assert (kept.dropped, labels_of(kept)) == (0, ["pos", "neg", "pos", None, None])


def test_texts_without_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"text": "x"}, {"text": "y"}])
    file = read_dataset(path, class_names=["no", "yes"], labels=False)
    assert file.dataset["label"][:] == [-1, -1]
    assert (
        message(path, labels=False)
        == ": no row has a label, so the classes are unknown (--classes)"
    )


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("negg", "label 'negg' is none of the classes 'neg', 'pos'; did you mean 'neg'?"),
        ("unheard", "label 'unheard' is none of the classes 'neg', 'pos'"),
        (2, "label 2 is out of range: the 2 classes have the numbers 0 to 1 ('neg', 'pos')"),
        ("-7", "label -7 is out of range: the 2 classes have the numbers 0 to 1 ('neg', 'pos')"),
        (True, "label 'true' is none of the classes 'neg', 'pos'"),
        (0.5, "label '0.5' is none of the classes 'neg', 'pos'"),
        (["pos", "neg"], "label ['pos', 'neg'] is neither the name nor the number of a class"),
    ],
)
def test_labels_that_are_no_class(tmp_path: Path, label: Any, expected: str) -> None:
    path = write(tmp_path / "a.jsonl", [*ROWS, {"uid": "d", "text": "x", "label": label}])
    names = ["neg", "pos"]
    assert message(path, class_names=names).startswith(f", line 4: column 'label': {expected}")


def test_a_fraction_in_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [{"text": "x", "label": 0.5}, {"text": "y", "label": "a"}])
    assert "line 2: label '0.5' is a fraction" in message(path)
    assert labels_of(read_dataset(path, class_names=["a", "0.5"])) == ["0.5", "a"]


def test_names_and_numbers_mixed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [*ROWS, {"uid": "d", "text": "x", "label": 1}])
    assert message(path).startswith(", line 4: some labels are names ('neg', 'pos') and some are")


def test_a_number_that_is_no_class_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [{"text": "x", "label": 1}, {"text": "y", "label": 20250101}])
    assert ", line 3: label 20250101 would make 20,250,102 classes" in message(path)


@pytest.mark.parametrize("label", ["pos", 0, 3])
def test_one_class_only(tmp_path: Path, label: Any) -> None:
    path = write(tmp_path / "a.jsonl", [{"text": text, "label": label} for text in "xy"])
    assert message(path) == (
        f": every row has the label '{label}': with one class only there is nothing to learn"
    )
    file = read_dataset(path, class_names=["neg", "pos", "so-so", "none"])
    assert len(file.dataset) == 2 and len(file.warnings) == 1


def test_no_label_at_all(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"text": "x", "label": None}])
    assert message(path).endswith("no row has a label, so the classes are unknown (--classes)")
    assert message(path, class_names=["a", "b"]).endswith(": no row has a label")


@pytest.mark.parametrize("names", [["one"], ["a", "a"]])
def test_bad_class_names(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ValueError, match="class_names must be two or more different names"):
        read_dataset(write(tmp_path / "a.jsonl", ROWS), class_names=names)


# `datasets`


def hub_dataset() -> Dataset:
    named = Dataset.from_dict({"text": ["x", "y", "z"], "label": [1, 0, -1]})
    return named.cast_column("label", ClassLabel(names=["pos", "neg"]))


def test_declared_classes_keep_their_order(tmp_path: Path) -> None:
    hub_dataset().to_parquet(tmp_path / "a.parquet")
    hub_dataset().save_to_disk(tmp_path / "folder")
    for source in (tmp_path / "a.parquet", tmp_path / "folder"):
        file = read_dataset(source)
        assert class_names(file.dataset) == ("pos", "neg")
        assert (file.dataset["label"][:], file.dropped) == ([1, 0], 1)
        # numbers mean the source's own classes, whatever order is asked for
        other = read_dataset(source, class_names=["neg", "pos"])
        assert labels_of(other) == ["neg", "pos"]


def test_splits_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    DatasetDict(train=hub_dataset(), test=hub_dataset().select([1, 0])).save_to_disk(folder)
    assert read_dataset(f"{folder}:test").dataset["text"][:] == ["y", "x"]
    assert message(folder).endswith("there are several splits; write one of 'train', 'test' behind "
                                    "a colon")  # fmt: skip
    assert "there is no split 'dev'; write one of 'train'" in message(f"{folder}:dev")


def test_a_dataset_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, split: str | None) -> Dataset | DatasetDict:
        asked.append((name, split))
        return hub_dataset() if split else DatasetDict(train=hub_dataset())

    monkeypatch.setattr(datasets, "load_dataset", load)
    for source in ("owner/name:train", "owner/name"):
        file = read_dataset(source)
        assert file.source == source and len(file.dataset) == 2
    assert asked == [("owner/name", "train"), ("owner/name", None)]


def test_rows_of_a_dataset_are_called_rows(tmp_path: Path) -> None:
    Dataset.from_dict({"text": ["x", ""], "label": [0, 1]}).save_to_disk(tmp_path / "folder")
    assert ", row 2: column 'text': the text is blank" in message(tmp_path / "folder")


def test_the_hub_does_not_answer() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_dataset("nobody/nothing:train")
    text = str(caught.value)
    assert "'nobody/nothing' is neither a file nor a folder here, nor" in text
    assert "\n" not in text


@pytest.mark.parametrize("name", ["no.jsonl", "no.csv.gz", "./no", "/tmp/no/such/file", "a/b/c"])
def test_a_missing_file_is_not_looked_for_on_the_hub(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(datasets, "load_dataset")
    for read in (read_dataset, check_file):
        with pytest.raises(FileNotFoundError, match="does not exist"):
            read(name)


# hard input: what, the file, and the message behind its name

HEADER = b"uid,text,label\n"
GOOD = jsonl(ROWS)

HARD: dict[str, tuple[str, bytes, str]] = {
    "unknown ending": ("a.xlsx", b"x", ": the ending '.xlsx' is unknown; what can be read is .jso"),
    "json": ("a.json", b"[]", ": the file is empty"),
    "no ending": ("data", b"x", ": the name has no ending; what can be read is .jsonl"),
    "empty": ("a.jsonl", b"", ": the file is empty"),
    "empty lines": ("a.jsonl", b"\n \n", ": the file is empty"),
    "empty csv": ("a.csv", b"", ": the file is empty"),
    "empty gz": ("a.jsonl.gz", gzip.compress(b""), ": the file is empty"),
    "header only": ("a.csv", HEADER, ": there are columns but no rows"),
    "missing column": (
        "a.csv",
        b"sentence,label\nx,0\n",
        ": there is no column 'text' for the text; the columns are 'sentence', 'label'; name the "
        "right one by --text (Columns.text)",
    ),
    "missing field": (
        "a.jsonl",
        jsonl([{"text": "x", "gold": 1}]),
        ": there is no column 'label' for the label; the columns are 'text', 'gold'; name the "
        "right one by --label (Columns.label)",
    ),
    "separator": (
        "a.csv",
        b"text;label;uid\nx, y;0;1\n",
        ": there is one column only, 'text;label;uid': is the separator another one? In .csv",
    ),
    "same name": (
        "a.csv",
        b"text,label,text\nx,0,y\n",
        ", line 1: the header names a column twice: 'text'",
    ),
    "no json": ("a.jsonl", GOOD + b'{"uid": "d",\n', ", line 4: this is not JSON: "),
    "a list": ("a.jsonl", GOOD + b"[1, 2]\n", ", line 4: expected a JSON object {…}, found [1, 2]"),
    "whole list": (
        "a.jsonl",
        b"[\n",
        ": the file begins like a list in JSON, but is none that can be read",
    ),
    "nesting": (
        "a.jsonl",
        GOOD + b"[" * 100_000 + b"\n",
        ", line 4: this is not JSON that can be read",
    ),
    "digits": (
        "a.jsonl",
        GOOD + b'{"uid": ' + b"1" * 5000 + b"}\n",
        ", line 4: this is not JSON that can be read",
    ),
    "not utf-8": (
        "a.jsonl",
        GOOD + '{"uid": "d", "text": "caf\xe9", "label": "pos"}\n'.encode("latin-1"),
        f", line 4: byte 26 of the line (offset {len(GOOD) + 25} in the file) is 0xe9, which",
    ),
    "not utf-8 csv": (
        "a.csv",
        HEADER + b"a,x\xff,no\nb,y,yes\n",
        ", line 2: byte 4 of the line (offset 18 in",
    ),
    "mark and not utf-8": (
        "a.csv",
        b"\xef\xbb\xbftext,label,\xff\nx,no,\ny,yes,\n",
        ", line 1: byte 12 of the line (offset 14 in the file) is 0xff, which is not UTF-8",
    ),
    "utf-16": (
        "a.csv",
        "text,label\nx,0\n".encode("utf-16"),
        ", line 1: the file is UTF-16; save it as UTF-8",
    ),
    "utf-32": (
        "a.csv",
        "text,label\nx,0\n".encode("utf-32"),
        ", line 1: the file is UTF-32; save it as UTF-8",
    ),
    "utf-16 no mark": (
        "a.jsonl",
        GOOD.decode().encode("utf-16-le"),
        ", line 1: the line is full of NUL bytes: is",
    ),
    "cut gz": (
        "a.jsonl.gz",
        gzip.compress(GOOD)[:-9],
        ": the compressed data are cut off or damaged after l",
    ),
    "no gz": (
        "a.csv.gz",
        b"text,label\n",
        ": the compressed data are cut off or damaged after line 0",
    ),
    "parquet": (
        "a.parquet",
        b"PAR1 and no more",
        ": this is no Parquet file, or it is cut off or damaged",
    ),
    "empty parquet": ("a.parquet", b"", ": this is no Parquet file, or it is cut off or damaged"),
    "nul": (
        "a.csv",
        HEADER + b"a,x,no\nb,y\0,yes\n",
        ", line 3: there is a NUL byte in the line (character 4)",
    ),
    "nul in json": (
        "a.jsonl",
        GOOD + jsonl([{"uid": "d", "text": "x\0", "label": "pos"}]),
        ", line 4: column 'text': there is a NUL character in it",
    ),
    "surrogate": (
        "a.jsonl",
        GOOD + b'{"uid": "d", "text": "ab\\ud83d", "label": "pos"}\n',
        ", line 4: column 'text': character 3 is half of a surrogate pair",
    ),
    "surrogate as label": (
        "a.jsonl",
        GOOD + b'{"uid": "d", "text": "ab", "label": "pos\\udc00"}\n',
        ", line 4: column 'label': character 4 is half of a surrogate pair",
    ),
    "open quote": (
        "a.csv",
        HEADER + b'a,x,no\nb,y,yes\nc,"z,no\nd,z,no\n',
        ", line 4: a quote is opened here and never closed",
    ),
    "quote in a cell": (
        "a.csv",
        HEADER + b'a,x,no\nb,"he "said" so",yes\nc,z,yes\n',
        ", line 3: the quotes of this row do not match: ",
    ),
    "quotes over lines": (
        "a.csv",
        HEADER + b'a,"x,no\nb,y,yes\nc,"z",yes\nd,x,no\ne,y,yes\n',
        ", line 2: the quotes of this row do not match (it reaches to line 4): ",
    ),
    "width": (
        "a.csv",
        HEADER + b"a,x,no\nb,y,z,yes\nc,z,yes\n",
        ", line 3: the row has 4 cells and the header 3; a",
    ),
    "width after lines": (
        "a.csv",
        HEADER + b'a,"x\n\n",no\n\nb,y\nc,z,yes\n',
        ", line 6: the row has 2 cells",
    ),
    "old mac": ("a.csv", b"uid,text,label\ra,x,no\r", ", line 1: a carriage return stands alone"),
    "no text": (
        "a.jsonl",
        GOOD + b'{"uid": "d", "label": "pos"}\n',
        ", line 4: column 'text': the text is missing",
    ),
    "null text": (
        "a.jsonl",
        GOOD + b'{"uid": "d", "text": null}\n',
        ", line 4: column 'text': the text is missing",
    ),
    "number as text": (
        "a.jsonl",
        GOOD + b'{"uid": "d", "text": 7}\n',
        ", line 4: column 'text': expected text, found 7",
    ),
    "blank text": (
        "a.csv",
        HEADER + b"a,x,no\nb, \t,yes\nc,z,yes\n",
        ", line 3: column 'text': the text is blank",
    ),
    "same id": ("a.jsonl", GOOD + jsonl([ROWS[0]]), ", line 4: the id 'a' is also that of line 1"),
    "no id": ("a.jsonl", GOOD + b'{"text": "x"}\n', ", line 4: column 'uid': the value is missing"),
    "list as id": (
        "a.jsonl",
        GOOD + b'{"uid": [1], "text": "x"}\n',
        ", line 4: column 'uid': expected text or a",
    ),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_input(tmp_path: Path, case: str) -> None:
    name, data, expected = HARD[case]
    path = save(tmp_path / name, data)
    text = message(path)
    assert expected in text and (expected[0] not in ":," or text.startswith(expected)), text
    (problem,) = check_file(path)
    line = expected.removeprefix(", line ").partition(":")[0] if ", line" in expected else None
    assert problem.line == (None if line is None else int(line))


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    assert message(tmp_path).startswith(": this is a folder without a dataset from save_to_disk")
    (tmp_path / "dataset_info.json").write_text("{}")
    assert message(tmp_path).startswith(": the dataset in this folder cannot be read")


def test_a_damaged_page_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [{"text": f"text {i}", "label": i % 2} for i in range(4000)]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd", row_group_size=2000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    assert "it is cut off or damaged" in message(path)


def test_text_in_parquet_that_is_not_utf8(tmp_path: Path) -> None:
    ends = pa.array([0, 1, 3], pa.int32()).buffers()[1]
    bad = pa.Array.from_buffers(pa.string(), 2, [None, ends, pa.py_buffer(b"xa\xff")])
    pq.write_table(pa.table({"text": bad, "label": [0, 1]}), tmp_path / "a.parquet")
    assert message(tmp_path / "a.parquet") == ", row 2: column 'text' is not UTF-8 at byte 1"


def test_a_named_column_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    for role in ("uid", "text_pair", "annotator"):
        text = message(path, columns=Columns(**{role: "x"}))
        assert f"there is no column 'x' for the {role}" in text


def test_repeated_columns_in_parquet(tmp_path: Path) -> None:
    double = pa.Table.from_arrays([pa.array(["x"])] * 2, names=["text", "text"])
    pq.write_table(double, tmp_path / "a.parquet")
    assert "two columns have the same name" in message(tmp_path / "a.parquet")


def test_pandas_index_and_categories(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS).astype({"label": "category"})
    frame.to_csv(tmp_path / "a.csv")
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        assert labels_of(read_dataset(tmp_path / name)) == ["pos", "neg", "pos"]


# several problems at once


def bad_rows(count: int) -> list[dict[str, Any]]:
    return [{"uid": str(index), "text": "", "label": "pos"} for index in range(count)]


def test_all_problems_are_listed_by_line(tmp_path: Path) -> None:
    lines = [
        b'{"uid": "a", "text": "x", "label": "poss"}\n',
        b"no json\n",
        b'{"uid": "a", "text": "", "label": "pos"}\n',
        b'{"uid": "b", "text": "y", "label": "neg"}\n',
    ]
    path = save(tmp_path / "a.jsonl", b"".join(lines))
    problems = check_file(path, class_names=["neg", "pos"])
    assert [problem.line for problem in problems] == [1, 2, 3, 3]
    assert str(problems[1]) == "line 2: this is not JSON: Expecting value, column 1"
    with pytest.raises(DataFileError) as caught:
        read_dataset(path, class_names=["neg", "pos"])
    assert caught.value.problems == tuple(problems)
    assert str(caught.value).splitlines() == [
        f"{path} has 4 problems:", *(f"  {problem}" for problem in problems)
    ]  # fmt: skip


def test_a_message_shows_the_first_few(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [*ROWS, *bad_rows(1003)])
    with pytest.raises(DataFileError) as caught:
        read_dataset(path)
    *_, before, last = str(caught.value).splitlines()
    assert before == "  line 8: column 'text': the text is blank"
    assert last == f"  and 998 more; `ambiguity-lib data check {path}` lists them"
    assert (len(caught.value.problems), caught.value.total) == (1000, 1003)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value) and copy.problems == caught.value.problems


def test_the_limit_of_a_check(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", bad_rows(SHOWN))
    problems = check_file(path, limit=2)
    assert problems[-1] == Problem(None, "and 3 more")
    assert [problem.line for problem in problems] == [1, 2, None]
    assert len(check_file(path, limit=SHOWN)) == SHOWN
    with pytest.raises(ValueError, match="limit must be at least 1"):
        check_file(path, limit=0)


@pytest.mark.parametrize("reader", [read_dataset, check_file])
def test_a_good_file_has_no_problem(tmp_path: Path, reader: Callable[..., Any]) -> None:
    found = reader(write(tmp_path / "a.jsonl", ROWS))
    assert found == [] or len(found.dataset) == 3


# opinions ------------------------------------------------------------------------------------

NAMES = ["neg", "mid", "pos"]
ANNOTATED = Columns(annotator="worker")


def read(folder: Path, rows: list[dict[str, Any]], **options: Any) -> LabelledFile:
    options = {"class_names": NAMES, "human": True, **options}
    file = read_dataset(write(folder / "a.jsonl", rows), **options)
    check_dataset(file.dataset)
    return file


def human_message(path: Path, **options: Any) -> str:
    """The message for a file with a single problem, behind the name of the file."""
    with pytest.raises(DataFileError) as caught:
        read_dataset(path, **{"class_names": NAMES, "human": True, **options})
    assert caught.value.total == 1, str(caught.value)
    return str(caught.value).removeprefix(str(path))


def fault(folder: Path, **cells: Any) -> str:
    """The message for a third row with these cells."""
    good = [{"uid": str(i), "text": "x", "label_counts": [1, 2, 0]} for i in range(2)]
    return human_message(write(folder / "a.jsonl", [*good, {"uid": "z", "text": "x", **cells}]))


# votes and distributions


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("mapping", [False, True])
def test_votes(tmp_path: Path, suffix: str, mapping: bool) -> None:
    votes = [[1, 3, 0], [0, 0, 4], [2, 2, 1]]
    rows = [
        {
            "uid": uid,
            "text": uid,
            "label": label,
            "label_counts": {k: v for k, v in zip(NAMES, row, strict=True) if v}
            if mapping
            else row,
        }
        for uid, label, row in zip("abc", ["pos", "", "neg"], votes, strict=True)
    ]
    path = write(tmp_path / f"a.{suffix}", rows)
    file = read_dataset(path, class_names=NAMES, human=True)
    check_dataset(file.dataset)
    assert file.dataset["label"][:] == [2, -1, 0]
    assert file.dataset["label_counts"][:] == votes
    assert file.dataset["label_dist"][:] == [[0.25, 0.75, 0], [0, 0, 1], [0.4, 0.4, 0.2]]
    assert file.dataset["majority_label"][:] == [1, 2, 0]
    assert file.dropped == 0
    assert file.warnings == (
        "items without a majority: 1; of the classes that tie, the first one was taken",
    )


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("mapping", [False, True])
def test_distributions(tmp_path: Path, suffix: str, mapping: bool) -> None:
    dists = [[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]
    cells = [dict(zip(NAMES, dist, strict=True)) if mapping else dist for dist in dists]
    rows = [{"uid": str(i), "text": "x", "label_dist": cell} for i, cell in enumerate(cells)]
    file = read_dataset(write(tmp_path / f"a.{suffix}", rows), class_names=NAMES, human=True)
    check_dataset(file.dataset)
    assert list(file.dataset.features) == ["uid", "text", "label", "label_dist", "majority_label"]
    assert file.dataset["label_dist"][:] == dists
    assert file.dataset["label"][:] == [-1, -1]
    assert file.dataset["majority_label"][:] == [2, 1]
    assert file.warnings == ()


def test_the_order_of_classes_is_that_asked_for(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": {"pos": 3, "neg": 1}}]
    file = read(tmp_path, rows, class_names=["pos", "mid", "neg"])
    assert file.dataset["label_counts"][:] == [[3, 0, 1]]
    assert class_names(read(tmp_path, rows, class_names=None).dataset) == ("neg", "pos")
    by_number = [{"text": "x", "label_counts": {"2": 3, "0": 1}}]
    assert read(tmp_path, by_number).dataset["label_counts"][:] == [[1, 0, 3]]


def test_a_broken_key_is_no_class(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": {"pos": 1, key: 1}} for key in ("neg", "ne\ud800")]
    text = human_message(write(tmp_path / "a.jsonl", rows), class_names=None)
    assert text.startswith(", line 2: column 'label_counts': character 3 is half of")


def test_classes_from_lists_and_numbers(tmp_path: Path) -> None:
    rows = [{"text": "x", "label": 1, "label_counts": [1, 2, 0]}]
    assert class_names(read(tmp_path, rows, class_names=None).dataset) == ("0", "1", "2")


def test_lists_do_not_say_the_order_of_names(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": "pos", "label_dist": [0.5, 0.5]},
        {"text": "x", "label": "neg", "label_dist": [0.0, 1.0]},
    ]
    text = human_message(write(tmp_path / "a.jsonl", rows), class_names=None)
    assert text.startswith(", line 1: the opinions are a list, and the file does not say in which")


def test_rounded_distributions_are_renormalised(tmp_path: Path) -> None:
    exact, rounded = [0.2, 0.3, 0.5 + 5e-7], [0.333, 0.333, 0.333]
    rows = [
        {"text": "x", "label_dist": dist} for dist in (exact, rounded, [0.3334, 0.3334, 0.3334])
    ]
    file = read(tmp_path, rows)
    dist = np.array(file.dataset["label_dist"][:])
    np.testing.assert_array_equal(dist[0], exact)
    np.testing.assert_allclose(dist[1:], 1 / 3, rtol=1e-12)
    assert file.warnings[0] == (
        "distributions renormalised because rounding had changed their sum: 2"
    )
    assert file.warnings[1].startswith("items without a majority: 2;")


def test_rows_without_opinions_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": "pos"},
        {"text": "y", "label_counts": None, "label_dist": ""},
        {"text": "z", "label_counts": "[1, 0, 1]"},
    ]
    file = read(tmp_path, rows)
    assert (file.dataset["uid"][:], file.dropped) == (["row 3"], 2)
    assert file.warnings[0] == "rows left out because they have no opinions: 2"
    path = write(tmp_path / "a.jsonl", [{**rows[0], "label_counts": None}])
    assert human_message(path) == ": no row has human opinions"


def test_votes_go_before_a_distribution(tmp_path: Path) -> None:
    both = {"text": "x", "label_counts": [2, 1, 0], "label_dist": [0.67, 0.33, 0.0]}
    assert read(tmp_path, [both]).dataset["label_dist"][0] == [2 / 3, 1 / 3, 0.0]
    path = write(tmp_path / "a.jsonl", [{**both, "label_dist": [0.33, 0.67, 0.0]}])
    assert ", line 1: column 'label_dist': votes and distribution disagree" in human_message(path)
    only = {"text": "y", "label_dist": [0.5, 0.25, 0.25]}
    file = read(tmp_path, [both, only])
    assert "label_counts" not in file.dataset.features
    assert file.warnings == (
        "rows with a distribution but no votes: 1; so the votes of the others are used for their "
        "distributions only",
    )


def test_the_majority_of_the_file_is_kept(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label_counts": [2, 0, 2], "majority_label": "pos"},
        {"text": "y", "label_counts": [0, 2, 1], "majority_label": None},
    ]
    file = read(tmp_path, rows)
    assert (file.dataset["majority_label"][:], file.warnings) == ([2, 1], ())


def test_what_is_read_can_be_read_again(tmp_path: Path) -> None:
    rows = [{"uid": u, "text": "x", "label_counts": [2, 0, 2]} for u in "ab"]
    dataset = read(tmp_path, rows).dataset
    dataset.save_to_disk(tmp_path / "folder")
    dataset.to_parquet(tmp_path / "b.parquet")
    for source in (tmp_path / "folder", tmp_path / "b.parquet"):
        again = read_dataset(source, human=True).dataset
        assert again.to_dict() == dataset.to_dict() and again.features == dataset.features


def test_training_does_not_look_at_opinions(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": label, "label_dist": "no opinion", "label_counts": [-1]}
        for label in ("pos", "neg")
    ]
    file = read(tmp_path, rows, human=False)
    assert list(file.dataset.features) == ["uid", "text", "label"]


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([0, 0, 0], "there is no vote: all counts are zero"),
        ([1, 1.5, 0], "votes must be whole numbers, found [1, 1.5, 0]; shares belong in a dist"),
        ([1, -1, 0], "a value is negative: [1, -1, 0]"),
        ([1, float("nan"), 0], "a value is not finite: [1, nan, 0]"),
        ([1, float("inf"), 0], "a value is not finite: [1, inf, 0]"),
        ([1, 10**400, 0], "a value is not finite: [1, 1000"),
        ([1, 10**20, 0], "so many votes cannot be: "),
        ([1, 2], "2 values for 3 classes: [1, 2]; answers are written by their names"),
        ([], "0 values for 3 classes: []"),
        ([1, "2", 0], "'2' is no number, in [1, '2', 0]"),
        ([1, True, 0], "True is no number, in [1, True, 0]"),
        ([1, None, 0], "None is no number, in [1, None, 0]"),
        ({"pos": 1, "midd": 2}, "label 'midd' is none of the classes 'neg', 'mid', 'pos'; did yo"),
        ({"pos": 1, "2": 2}, "class 'pos' occurs twice in {'pos': 1, '2': 2}"),
        ({"7": 2}, "label 7 is out of range: the 3 classes have the numbers 0 to 2"),
        ({"": 2}, "'' is none of the classes"),
        ({"pos\ud800": 2}, "character 4 is half of a surrogate pair"),
        ({}, "there is no vote: all counts are zero"),
        (3, "expected a list of numbers, such as [2, 1, 0], or a mapping from class to number, f"),
        ("1 2 0", "expected a list of numbers, such as [2, 1, 0], or a mapping from class to num"),
        ("[1, 2", "expected a list of numbers, such as [2, 1, 0], or a mapping from class to num"),
    ],
)
def test_bad_votes(tmp_path: Path, votes: Any, expected: str) -> None:
    text = fault(tmp_path, label_counts=votes)
    assert text.startswith(f", line 3: column 'label_counts': {expected}"), text


@pytest.mark.parametrize(
    ("dist", "expected"),
    [
        ([0.5, 0.2, 0.2], "the probabilities sum to 0.9, not to one: [0.5, 0.2, 0.2]"),
        ([0.5, 0.5, 0.002], "the probabilities sum to 1.002, not to one: [0.5, 0.5, 0.002]"),
        (
            [50, 30, 20],
            "the probabilities sum to 100, not to one: [50, 30, 20]; if",
        ),
        ([0, 0, 0], "the probabilities sum to 0, not to one: [0, 0, 0]"),
        ([1.5, -0.5, 0], "a value is negative: [1.5, -0.5, 0]"),
        ([float("nan"), 0.5, 0.5], "a value is not finite: [nan, 0.5, 0.5]"),
        ([0.5, 0.5], "2 values for 3 classes: [0.5, 0.5]"),
        ({"pos": 0.5, "negg": 0.5}, "label 'negg' is none of the classes"),
    ],
)
def test_bad_distributions(tmp_path: Path, dist: Any, expected: str) -> None:
    text = fault(tmp_path, label_dist=dist)
    assert text.startswith(f", line 3: column 'label_dist': {expected}"), text


def test_no_column_with_opinions(tmp_path: Path) -> None:
    text = human_message(write(tmp_path / "a.jsonl", [{"text": "x", "label": "pos"}]))
    assert text.startswith(": there are no human opinions: no column 'label_dist' with distribut")
    assert "the columns are 'text', 'label'; name one by --label-dist, --label-counts" in text


def test_every_bad_row_is_listed(tmp_path: Path) -> None:
    rows = [
        {"text": "x", "label": "poss", "label_counts": [0, 0, 0]},
        {"text": "x", "label_counts": [1, 0, 0]},
        {"text": "", "label_counts": [1]},
    ]
    problems = check_file(write(tmp_path / "a.jsonl", rows), class_names=NAMES, human=True)
    assert [problem.line for problem in problems] == [1, 1, 3, 3]


def test_votes_and_a_distribution_that_are_both_wrong_are_both_listed(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": [0, 0, 0], "label_dist": [0.5, 0.5]}]
    problems = check_file(write(tmp_path / "a.jsonl", rows), class_names=NAMES, human=True)
    assert ["label_counts" in problems[0].message, "label_dist" in problems[1].message] == [
        True
    ] * 2


def test_second_texts_that_begin_late_are_read(tmp_path: Path) -> None:
    rows = [{"text": f"x{i}", "text_pair": "", "label": i % 2} for i in range(1200)]
    rows[-1]["text_pair"] = "y"
    problems = check_file(write(tmp_path / "a.jsonl", rows), limit=2)
    assert str(problems[0]) == "line 1: column 'text_pair': the text is blank"


# one row for each annotator


def answers(*rows: tuple[Any, Any, Any, Any]) -> list[dict[str, Any]]:
    return [dict(zip(("uid", "worker", "label", "text"), row, strict=True)) for row in rows]


ANSWERS = answers(
    ("a", "w1", "pos", "first"),
    ("b", "w1", "neg", "second"),
    ("a", "w2", "mid", "first"),
    ("a", 3, "pos", None),
    ("b", "w2", "", ""),
    ("b", "w4", "mid", "second"),
)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_answers_are_counted(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", ANSWERS)
    file = read_dataset(path, ANNOTATED, class_names=NAMES, human=True)
    check_dataset(file.dataset)
    # counted by hand
    assert file.dataset.to_dict() == {
        "uid": ["a", "b"],
        "text": ["first", "second"],
        "label": [-1, -1],
        "label_dist": [[0, 1 / 3, 2 / 3], [0.5, 0.5, 0]],
        "label_counts": [[0, 1, 2], [1, 1, 0]],
        "majority_label": [2, 0],
    }
    assert (file.dropped, len(file.warnings)) == (1, 2)
    assert file.warnings[0] == "rows left out because they have no label: 1"


def test_training_takes_the_majority_of_answers(tmp_path: Path) -> None:
    file = read_dataset(write(tmp_path / "a.jsonl", ANSWERS), ANNOTATED)
    assert list(file.dataset.features) == ["uid", "text", "label"]
    assert class_names(file.dataset) == ("mid", "neg", "pos")
    assert file.dataset["label"][:] == [2, 0]


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_counts_are_those_of_the_answers_in_any_order(given: list[list[int]], random: Any) -> None:
    rows = [
        {"uid": str(item), "worker": who, "label": NAMES[vote], "text": f"text {item}"}
        for item, votes in enumerate(given)
        for who, vote in enumerate(votes)
    ]
    random.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.jsonl", rows)
        dataset = read_dataset(path, ANNOTATED, class_names=NAMES, human=True).dataset
    found = dict(zip(dataset["uid"][:], dataset["label_counts"][:], strict=True))
    assert found == {
        str(item): [votes.count(index) for index in range(3)] for item, votes in enumerate(given)
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("a", "w1", "neg", "first"), "annotator 'w1' has answered 'a' otherwise in line 1"),
        (("a", "w5", "neg", "firs"), "column 'text' of 'a' differs from line 1"),
        (("a", "w5", "negg", "first"), "column 'label': label 'negg' is none of the classes"),
        (("a", "w5", 0.5, "first"), "column 'label': label '0.5' is none of the classes"),
        (("a", None, "neg", "first"), "column 'worker': the value is missing"),
        ((None, "w5", "neg", "first"), "column 'uid': the value is missing"),
        (("a", "w5", "neg", 7), "column 'text': expected text, found 7"),
        (("z", "w5", "neg", ""), "column 'text': no row of 'z' has the text"),
    ],
)
def test_bad_answers(tmp_path: Path, row: tuple[Any, Any, Any, Any], expected: str) -> None:
    path = write(tmp_path / "a.jsonl", [*ANSWERS, *answers(row)])
    assert human_message(path, columns=ANNOTATED).startswith(f", line 7: {expected}")


def test_answers_about_pairs(tmp_path: Path) -> None:
    rows = [{**row, "text_pair": row["text"] and "and"} for row in ANSWERS]
    assert read(tmp_path, rows, columns=ANNOTATED).dataset["text_pair"][:] == ["and", "and"]
    rows[2]["text_pair"] = "or"
    path = write(tmp_path / "a.jsonl", rows)
    assert human_message(path, columns=ANNOTATED) == (
        ", line 3: column 'text_pair' of 'a' differs from line 1"
    )


def test_answers_need_ids(tmp_path: Path) -> None:
    rows = [{"text": "x", "worker": "w", "label": "pos"}]
    text = human_message(write(tmp_path / "a.jsonl", rows), columns=ANNOTATED)
    assert text.startswith(": there is no column 'uid' for the uid, which says what rows are of")


def test_rows_of_annotators_without_their_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [row for row in ANSWERS[:3]])
    text = human_message(path, human=False)
    assert text.endswith("is it one row for each annotator? Then name that column by --annotator")


def test_columns_may_have_the_names_of_the_training_items_or_their_own(tmp_path: Path) -> None:
    rows = [{"text": "x", "label_counts": [1, 2, 0]}, {"text": "y", "label_counts": [3, 0, 0]}]
    file = read(tmp_path, rows, columns=Columns(text="review", label="opinion", uid="key"))
    assert file.dataset["text"][:] == ["x", "y"] and file.dataset["label"][:] == [-1, -1]
    named = [{"review": "z", "text": "x", "opinion": "pos", "label_counts": [0, 0, 1]}]
    file = read(tmp_path, named, columns=Columns(text="review", label="opinion"))
    assert file.dataset["text"][:] == ["z"] and file.dataset["label"][:] == [2]
    path = write(tmp_path / "a.jsonl", rows)
    assert "there is no column 'votes' for the label_counts" in human_message(
        write(tmp_path / "b.jsonl", [{"text": "x"}]), columns=Columns(label_counts="votes")
    )
    # of training items, the columns are those that were named and no others
    training = human_message(
        path, columns=Columns(text="review", label=None), human=False, labels=False
    )
    assert "there is no column 'review' for the text" in training


# ChaosNLI


def test_chaosnli_is_recognised(toy_dir: Path) -> None:
    path = toy_dir / "chaosnli/chaosNLI_snli.jsonl"
    file = read_dataset(path, human=True)
    official = load_chaosnli("snli", toy_dir)
    assert file.dataset.to_dict() == official.to_dict()
    assert file.dataset.features == official.features
    assert file.warnings == ()
    plain = read_dataset(path).dataset
    assert list(plain.features) == ["uid", "text", "text_pair", "label"]
    turned = read_dataset(
        path, class_names=["contradiction", "neutral", "entailment"], human=True
    ).dataset
    assert turned["label_counts"][:] == [[0, 60, 40], [50, 0, 50]]
    assert turned["label"][:] == [2, 0]


def test_broken_chaosnli(toy_dir: Path) -> None:
    path = toy_dir / "chaosnli/chaosNLI_snli.jsonl"
    first, second = map(json.loads, path.read_text().splitlines())
    first["example"] = "no mapping"
    second["label_count"] = [1, 2]
    third = {**second, "uid": "c", "label_count": [1, 2, 3], "old_label": "x", "majority_label": 1}
    path.write_text("".join(json.dumps(row) + "\n" for row in (first, second, third)))
    assert [str(problem) for problem in check_file(path, human=True)] == [
        "line 1: column 'text': the text is missing",
        "line 1: column 'text_pair': the text is missing",
        "line 2: column 'label_counts': 2 values for 3 classes: [1, 2]; answers are written by "
        "their names",
        "line 3: column 'label': label 'x' is none of the classes 'entailment', 'neutral', "
        "'contradiction'",
    ]


@pytest.mark.real_data
@pytest.mark.parametrize("subset", ["snli", "mnli_m"])
def test_the_real_chaosnli(real_data_dir: Path, subset: Any) -> None:
    official = load_chaosnli(subset, real_data_dir)
    dataset = read_dataset(real_data_dir / f"chaosnli/chaosNLI_{subset}.jsonl", human=True).dataset
    assert dataset.to_dict() == official.to_dict()


# warnings ------------------------------------------------------------------------------------


def warn(counts: dict[str, int], *, inferred: bool = True) -> list[str]:
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    return class_warnings(labels, list(counts), inferred=inferred)


def test_even_classes_are_no_cause_for_a_word() -> None:
    assert warn({"negative": 3, "neutral": 4, "positive": 5}) == []
    assert warn({"negative": 10_000, "neutral": 12, "positive": 9_000}) == []


def test_numbers_from_one_are_said_to_be_positions() -> None:
    (said,) = warn({"0": 0, "1": 20, "2": 30, "3": 25})
    assert "positions that begin with 0" in said and said.endswith("--classes 1,2,3")
    # names that somebody gave are those that were meant
    assert warn({"0": 0, "1": 20, "2": 30}, inferred=False) == ["no row has the label '0'"]
    assert warn({"0": 20, "1": 0, "2": 30}) == ["no row has the label '1'"]


def test_names_that_differ_in_case_or_spaces() -> None:
    said = warn({"Positive": 40, "negative": 50, "positive": 30, "so  so": 20, "so so": 20})
    assert [" only: 'Positive', 'positive';" in said[0], "'so  so', 'so so'" in said[1]] == [
        True
    ] * 2
    assert len(said) == 2
    assert warn({"Positive": 40, "positive": 30}, inferred=False) == []


def test_a_typing_error_is_a_rare_class_like_a_common_one() -> None:
    likely, rare = warn({"negative": 120, "positive": 130, "positve": 2})
    assert likely == "the label 'positve' (2) looks like a typing error for 'positive' (130)"
    assert rare.endswith("too few to learn or to judge by: 'positve' (2)")
    # common enough to be meant, and numbers are alike without being meant alike
    assert warn({"negative": 120, "positive": 130, "positively": 60}) == []
    assert len(warn({"1000": 120, "1001": 2, "1002": 130})) == 1


def test_a_rare_class_is_rare_by_names_that_were_given_too() -> None:
    (said,) = warn({"fine": 500, "odd": 1}, inferred=False)
    assert said.endswith(": 'odd' (1)")


def test_many_rare_classes_are_cut_short() -> None:
    (said,) = warn({"main": 90_000} | {f"{n:04}": 1 for n in range(300)}, inferred=True)
    assert len(said) < 400


@pytest.mark.parametrize(
    ("items", "labels", "expected"),
    [
        ("abc", [0, 1, 0], []),
        ("aba", [0, 1, 0], ["rows whose text stands in another row, too: 2"]),
        (
            "aabbb",
            [0, 0, 1, 1, 2],
            ["rows whose text stands in another row, too: 5, 3 of them with another label there"],
        ),
    ],
)
def test_repetitions(items: str, labels: list[int], expected: list[str]) -> None:
    texts = pd.DataFrame({"text": list(items)})
    assert repetition_warnings(texts, np.array(labels)) == expected


def test_a_file_is_read_with_its_warnings(tmp_path: Path) -> None:
    rows = [
        {"text": f"t{n // 2}", "text_pair": f"p{n}", "label": ("yes", "no")[n % 2]}
        for n in range(60)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_dataset(path).warnings == ()  # a text twice with another second text
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    assert len(read_dataset(path).warnings) == 1
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {**rows[0], "label": "YES"}]))
    case, rare, twice = read_dataset(path).warnings
    assert "'YES', 'yes'" in case and "'YES' (1)" in rare and "another label" in twice
