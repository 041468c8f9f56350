from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

from ambiguity_lib.data import (
    check_dataset,
    human_distributions,
    load_chaosnli,
    load_mnli,
    load_mnli_with_chaosnli,
    load_snli,
    load_snli_with_chaosnli,
    normalise_premise,
)
from tests.data.conftest import chaos_record, snli_record, write_lines


def test_normal_form() -> None:
    assert normalise_premise("A man's  dog , RUNS_2 .") == normalise_premise("a mans dog runs2")


def test_chaosnli(toy_dir: Path) -> None:
    dataset = load_chaosnli("snli", toy_dir)
    check_dataset(dataset)
    assert dataset["uid"][:] == ["a#1", "b#2"]
    assert dataset["text"][0] == "A cat, sleeping."
    assert dataset["label"][:] == [0, 2]
    # the tie keeps the file's label, which is not the argmax
    assert dataset["majority_label"][:] == [1, 2]
    assert dataset["label_counts"][:] == [[40, 60, 0], [50, 0, 50]]
    np.testing.assert_array_equal(human_distributions(dataset), [[0.4, 0.6, 0], [0.5, 0, 0.5]])
    assert len(load_chaosnli("mnli_m", toy_dir)) == 1


def test_directory_from_environment(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", str(toy_dir))
    assert len(load_chaosnli("snli")) == 2


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("old_label", "x", "line 2: unknown label 'x' in field 'old_label'"),
        ("majority_label", "entailment", "line 2: unknown label 'entailment'"),
        ("label_count", [1, 2], "line 2: field 'label_count' must be 3 numbers of votes"),
        ("label_count", [1, -2, 4], "line 2: field 'label_count' must be 3 numbers"),
        ("label_count", [0, 0, 0], "line 2: field 'label_count' must be 3 numbers"),
        ("example", "text", "line 2: field 'example' must be dict"),
        ("example", {"premise": "x"}, "line 2: field 'hypothesis' is missing"),
        ("uid", 7, "line 2: field 'uid' must be str"),
    ],
)
def test_bad_chaosnli(toy_dir: Path, field: str, value: object, message: str) -> None:
    good = chaos_record("a", "A.", [1, 2, 3], "e", "c")
    path = toy_dir / "chaosnli/chaosNLI_snli.jsonl"
    write_lines(path, [good, {**good, field: value}])
    with pytest.raises(ValueError, match=message) as caught:
        load_chaosnli("snli", toy_dir)
    assert str(path) in str(caught.value)


def test_unknown_names(toy_dir: Path) -> None:
    with pytest.raises(ValueError, match="subset must be"):
        load_chaosnli("mnli", toy_dir)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="split must be"):
        load_snli("dev", toy_dir)  # type: ignore[arg-type]


def test_snli_drops_pairs_without_gold_label(
    toy_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        dataset = load_snli("validation", toy_dir)
    check_dataset(dataset)
    assert "12 pairs, 1 without gold label dropped" in caplog.text
    assert len(dataset) == 12
    assert dataset["label"][:3] == [0, 1, 2]
    assert dataset["uid"][0] == "snli-dev-000001"


def test_snli_keeps_the_files_ids(toy_dir: Path) -> None:
    record = snli_record("A .", "B .", "neutral", pairID="123.jpg#0r1n")
    write_lines(toy_dir / "snli/snli_1.0_train.jsonl", [record])
    assert load_snli("train", toy_dir)["uid"][:] == ["123.jpg#0r1n"]


def test_bad_snli(toy_dir: Path) -> None:
    path = toy_dir / "snli/snli_1.0_train.jsonl"
    write_lines(path, [snli_record("A .", "B .", "maybe")])
    with pytest.raises(ValueError, match="line 1: unknown label 'maybe' in field 'gold_label'"):
        load_snli("train", toy_dir)
    write_lines(path, [{"premise": "A .", "hypothesis": "B .", "label": 1}])
    with pytest.raises(ValueError, match="line 1: field 'sentence1' is missing"):
        load_snli("train", toy_dir)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"snli_1\.0_train\.jsonl does not exist"):
        load_snli("train", toy_dir)


def premises(dataset: object) -> set[str]:
    return set(map(normalise_premise, dataset["text"]))  # type: ignore[index]


@pytest.mark.parametrize("official", [False, True])
def test_splits_share_no_premise(toy_dir: Path, official: bool) -> None:
    if official:
        texts = ("A new one .", "RAIN falls", "snow falls", "a boat sinks", "two dogs run")
        write_lines(
            toy_dir / "snli/snli_1.0_train.jsonl",
            [snli_record(text, "H .", "neutral") for text in texts],
        )
    splits = load_snli_with_chaosnli(toy_dir, validation_items=6)
    for part in (splits.train, splits.validation, splits.evaluation):
        check_dataset(part)
    assert len(splits.validation) == 6
    assert len(premises(splits.validation)) == 2
    assert len(splits.evaluation) == 2
    train, validation, evaluation = map(
        premises, (splits.train, splits.validation, splits.evaluation)
    )
    assert not train & validation
    assert not train & evaluation
    assert not validation & evaluation
    if official:
        # the new premise and the dev premise that validation left
        assert len(splits.train) == 2
        assert "the official SNLI train split" in splits.description
    else:
        # 3 pairs stay in dev; of test, 3, and 3 more unless their premise is in validation
        rain = normalise_premise("Rain falls") in validation
        assert len(splits.train) == 3 + 3 + (0 if rain else 3)
        assert "the SNLI test split and the SNLI dev pairs" in splits.description
        assert "official train split is not" in splits.description


def test_a_part_of_the_training_split_takes_its_place(
    toy_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = [snli_record(f"Premise {i} .", "So it is .", "neutral") for i in range(4)]
    part = toy_dir / "somewhere/snli_1.0_train.part.jsonl"
    part.parent.mkdir()
    write_lines(part, pairs)
    (toy_dir / "snli/snli_1.0_train.jsonl").unlink(missing_ok=True)
    splits = load_snli_with_chaosnli(toy_dir, validation_items=3)
    assert "Training: 4 pairs, a part (4 of 549,367 pairs) of the official SNLI" in (
        splits.description
    )
    assert splits.train["uid"][0] == "snli-train.part-000001"
    # the whole one wins, and that is said
    write_lines(toy_dir / "snli/snli_1.0_train.jsonl", pairs[:2])
    with caplog.at_level(logging.INFO):
        assert len(load_snli_with_chaosnli(toy_dir, validation_items=3).train) == 2
    assert f"so that {part} is not read" in caplog.text


def test_validation_is_the_same_every_time(toy_dir: Path) -> None:
    one = load_snli_with_chaosnli(toy_dir, validation_items=3)
    two = load_snli_with_chaosnli(toy_dir, validation_items=3)
    assert one.validation["uid"][:] == two.validation["uid"][:]


def test_limited_training(toy_dir: Path) -> None:
    whole = load_snli_with_chaosnli(toy_dir, validation_items=3)
    part = load_snli_with_chaosnli(toy_dir, validation_items=3, max_train_items=4)
    assert len(part.train) == 4
    assert set(part.train["uid"]) < set(whole.train["uid"])
    assert part.validation["uid"][:] == whole.validation["uid"][:]
    assert "cut to 4 pairs" in part.description
    assert "cut to" not in whole.description


def test_sizes_that_cannot_be(toy_dir: Path) -> None:
    with pytest.raises(ValueError, match="validation_items=4"):
        load_snli_with_chaosnli(toy_dir, validation_items=4)
    with pytest.raises(ValueError, match="validation_items must be at least 1"):
        load_snli_with_chaosnli(toy_dir, validation_items=0)
    with pytest.raises(ValueError, match="max_train_items must be at least 1"):
        load_snli_with_chaosnli(toy_dir, validation_items=3, max_train_items=0)


@pytest.fixture
def toy_mnli_dir(toy_dir: Path) -> Path:
    """The toy directory with MNLI: the dev premise of ChaosNLI-M, two others, and train."""
    labels = ("entailment", "neutral", "contradiction")
    dev = [
        snli_record(premise, f"hyp {i} .", labels[i], pairID=f"{number}{labels[i][0]}")
        for number, premise in enumerate(("well so it goes", "He left early.", "Nobody came."))
        for i in range(3)
    ]
    dev.append(snli_record("He left early.", "nobody agrees .", "-", pairID="9x"))
    write_lines(toy_dir / "mnli/multinli_1.0_dev_matched.jsonl", dev)
    texts = ("A new one.", "He LEFT early", "Nobody came!", "WELL, so it goes...", "Another.")
    train = [snli_record(text, "H .", "neutral", pairID=f"{n}n") for n, text in enumerate(texts)]
    write_lines(toy_dir / "mnli/multinli_1.0_train.jsonl.gz", train)
    return toy_dir


def test_mnli(toy_mnli_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        dataset = load_mnli("validation_matched", toy_mnli_dir)
    check_dataset(dataset)
    assert "9 pairs, 1 without gold label dropped" in caplog.text
    assert dataset["uid"][:4] == ["0e", "0n", "0c", "1e"]
    assert dataset["label"][:3] == [0, 1, 2]
    assert len(load_mnli("train", toy_mnli_dir)) == 5
    with pytest.raises(FileNotFoundError, match=r"multinli_1\.0_dev_mismatched\.jsonl does not"):
        load_mnli("validation_mismatched", toy_mnli_dir)
    with pytest.raises(ValueError, match=r"split must be one of .*'validation_matched'"):
        load_mnli("validation", toy_mnli_dir)  # type: ignore[arg-type]


def test_mnli_splits_share_no_premise(toy_mnli_dir: Path) -> None:
    splits = load_mnli_with_chaosnli(toy_mnli_dir, validation_items=3)
    for part in (splits.train, splits.validation, splits.evaluation):
        check_dataset(part)
    assert splits.name == "mnli"
    assert splits.evaluation["uid"][:] == ["m"]
    assert len(splits.validation) == 3
    assert len(premises(splits.validation)) == 1
    # two new premises, and the dev premise that validation left
    assert len(splits.train) == 3
    assert not premises(splits.train) & premises(splits.validation)
    assert not premises(splits.train) & premises(splits.evaluation)
    assert not premises(splits.validation) & premises(splits.evaluation)
    assert "3 pairs, a part (5 of 392,702 pairs) of the official MNLI train split." in (
        splits.description
    )
    part = load_mnli_with_chaosnli(toy_mnli_dir, validation_items=3, max_train_items=2)
    assert set(part.train["uid"]) < set(splits.train["uid"])
    assert "the official MNLI train split, cut to 2 pairs by hash order" in part.description
    # the same premises in the same order as for SNLI: by SHA-256
    keys = [normalise_premise(text) for text in ("He left early.", "Nobody came.")]
    first = min(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    assert premises(splits.validation) == {first}


def test_mnli_from_what_is_at_hand(toy_dir: Path, toy_mnli_dir: Path) -> None:
    pairs = [snli_record(f"Premise {i} .", "So it is .", "neutral") for i in range(4)]
    for folder, name in (("snli", "snli_1.0_train"), ("mnli", "multinli_1.0_dev_mismatched")):
        (toy_mnli_dir / folder).mkdir(exist_ok=True)
        write_lines(toy_mnli_dir / folder / f"{name}.jsonl", pairs[:3])
    write_lines(
        toy_mnli_dir / "chaosnli/chaosNLI_snli.jsonl",
        [chaos_record("a", "Premise 0.", [1, 2, 3], "e", "c")],
    )
    both = load_mnli_with_chaosnli(toy_mnli_dir, validation_items=3, train_on=("mnli", "snli"))
    assert "MNLI train split and a part (3 of 549,367 pairs) of" in both.description
    assert {"premise1", "premise2"} <= premises(both.train)
    assert "premise0" not in premises(both.train)  # it is in ChaosNLI-S
    for path in (toy_mnli_dir / "mnli").glob("*dev_matched*"):
        path.unlink()
    other = load_mnli_with_chaosnli(toy_mnli_dir, validation_items=3)
    assert "Validation: 3 MNLI dev pairs (mismatched)" in other.description
    assert "ChaosNLI-M, MNLI dev pairs (matched) with" in other.description


def test_nothing_takes_the_place_of_mnlis_train_split(toy_mnli_dir: Path) -> None:
    (toy_mnli_dir / "mnli/multinli_1.0_train.jsonl.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"multinli_1\.0_train\.jsonl does not exist"):
        load_mnli_with_chaosnli(toy_mnli_dir, validation_items=3)
    with pytest.raises(ValueError, match="validation_items must be at least 1"):
        load_mnli_with_chaosnli(toy_mnli_dir, validation_items=0)


@pytest.mark.real_data
def test_real_counts_and_splits(real_data_dir: Path) -> None:
    assert len(load_chaosnli("snli", real_data_dir)) == 1514
    assert len(load_chaosnli("mnli_m", real_data_dir)) == 1599
    for subset in ("snli", "mnli_m"):
        dataset = load_chaosnli(subset, real_data_dir)  # type: ignore[arg-type]
        check_dataset(dataset)
        counts = np.array(dataset["label_counts"])
        assert (counts.sum(axis=1) == 100).all()
        np.testing.assert_array_equal(human_distributions(dataset), counts / 100)
    dev = load_snli("validation", real_data_dir)
    chaos = premises(load_chaosnli("snli", real_data_dir))
    free = sum(normalise_premise(text) not in chaos for text in dev["text"])
    assert len(dev) == 9842
    assert free == 6047

    splits = load_snli_with_chaosnli(real_data_dir)
    train, validation, evaluation = map(
        premises, (splits.train, splits.validation, splits.evaluation)
    )
    assert not train & validation
    assert not train & evaluation
    assert not validation & evaluation
    assert len(splits.validation) == 1500
    assert len(splits.evaluation) == 1514
    if "the SNLI test split" in splits.description:
        # 9,824 + 6,047 - 1,500 = 14,371, less 3 whose premise is in validation
        assert len(splits.train) == 14368
