from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ambiguity_lib.data import data_directory
from ambiguity_lib.data.lines import get_field, read_json_lines
from ambiguity_lib.data.sources import find_file


def test_directory_from_argument_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", str(tmp_path))
    assert data_directory() == tmp_path
    other = tmp_path / "other"
    other.mkdir()
    assert data_directory(str(other)) == other


@pytest.mark.parametrize("value", [None, ""])
def test_cache_where_no_directory_is_named(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("AMBIGUITY_DATA_DIR", raising=False)
    if value is not None:
        monkeypatch.setenv("AMBIGUITY_DATA_DIR", value)
    cache = tmp_path / "ambiguity-lib"
    assert data_directory() == cache
    # it need not exist yet, whoever names it
    assert data_directory(cache) == cache
    assert not cache.exists()


def test_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"AMBIGUITY_DATA_DIR is .*gone"):
        data_directory()
    with pytest.raises(FileNotFoundError, match=r"data_dir is .*away"):
        data_directory(tmp_path / "away")


def test_plain_or_compressed(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").touch()
    assert find_file(tmp_path, "x.jsonl").name == "x.jsonl.gz"
    (tmp_path / "x.jsonl").touch()
    assert find_file(tmp_path, "x.jsonl").name == "x.jsonl"
    with pytest.raises(FileNotFoundError, match=r"y\.jsonl does not exist"):
        find_file(tmp_path, "y.jsonl")


def test_empty_lines_are_passed_over_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert list(read_json_lines(path)) == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "é"}\n', encoding="utf-8-sig")
    assert list(read_json_lines(path)) == [(1, {"a": "é"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b'{"a": 1}\n{"a": \n', r"x\.jsonl, line 2: this is not JSON"),
        (b'{"a": 1}\n{"a": "\xff"}\n', r"x\.jsonl, line 2: this is not UTF-8"),
        (b'{"a": 1}\n[1]\n', r"x\.jsonl, line 2: expected a JSON object, found list"),
    ],
)
def test_bad_content(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(read_json_lines(path))


def test_cut_off_and_damaged_compression(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    lines = b"".join(b'{"a": %d}\n' % i for i in range(5000))
    whole = gzip.compress(lines)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"x\.jsonl\.gz: .* cut off or damaged after line \d+"):
        list(read_json_lines(path))
    path.write_bytes(whole[:50] + bytes(100) + whole[150:])
    with pytest.raises(ValueError, match=r"x\.jsonl\.gz"):
        list(read_json_lines(path))
    path.write_bytes(lines)
    with pytest.raises(ValueError, match="cut off or damaged"):
        list(read_json_lines(path))


def test_fields() -> None:
    path = Path("f.jsonl")
    assert get_field({"a": "x"}, "a", str, path, 3) == "x"
    with pytest.raises(ValueError, match=r"f\.jsonl, line 3: field 'b' is missing; found \['a'\]"):
        get_field({"a": "x"}, "b", str, path, 3)
    with pytest.raises(ValueError, match=r"f\.jsonl, line 3: field 'a' must be str, found 5"):
        get_field({"a": 5}, "a", str, path, 3)
