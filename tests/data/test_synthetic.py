from __future__ import annotations

import time

import numpy as np
import pytest

from ambiguity_lib.data import (
    NLI_CLASSES,
    Splits,
    SyntheticConfig,
    check_dataset,
    class_names,
    dataset_fingerprint,
    generate_synthetic,
    human_distributions,
    normalise_premise,
)
from ambiguity_lib.metrics import entropy

SMALL = SyntheticConfig(train_items=300, validation_items=70, evaluation_items=130)


@pytest.fixture(scope="module")
def default() -> Splits:
    return generate_synthetic(SyntheticConfig())


def test_sizes_and_schema(default: Splits) -> None:
    assert [len(d) for d in (default.train, default.validation, default.evaluation)] == [
        4000,
        1000,
        1000,
    ]
    for dataset in (default.train, default.validation, default.evaluation):
        check_dataset(dataset)
        assert class_names(dataset) == NLI_CLASSES
        assert set(dataset["label"]) == {0, 1, 2}
    plain = {"uid", "text", "text_pair", "label", "label_dist"}
    assert set(default.train.column_names) == set(default.validation.column_names) == plain
    assert set(default.evaluation.column_names) == plain | {"label_counts", "majority_label"}


@pytest.mark.parametrize("sizes", [(1, 1, 1), (7, 2, 3), (250, 1, 333)])
def test_sizes_are_exact(sizes: tuple[int, int, int]) -> None:
    splits = generate_synthetic(SyntheticConfig(*sizes))
    assert (len(splits.train), len(splits.validation), len(splits.evaluation)) == sizes


def test_no_premise_is_shared_and_no_item_repeated(default: Splits) -> None:
    parts = [default.train, default.validation, default.evaluation]
    premises = [set(map(normalise_premise, part["text"])) for part in parts]
    assert not premises[0] & premises[1]
    assert not premises[0] & premises[2]
    assert not premises[1] & premises[2]
    # the normal form tells all premises apart
    assert [len(p) for p in premises] == [len(set(part["text"])) for part in parts]
    for part in parts:
        assert len(set(zip(part["text"], part["text_pair"], strict=True))) == len(part)
    uids = [uid for part in parts for uid in part["uid"]]
    assert len(set(uids)) == len(uids)


def test_premises_stay_apart_at_size() -> None:
    splits = generate_synthetic(SyntheticConfig(40_000, 5000, 5000))
    train = set(map(normalise_premise, splits.train["text"]))
    other = set(map(normalise_premise, [*splits.validation["text"], *splits.evaluation["text"]]))
    assert not train & other


def test_kinds_are_mixed_throughout(default: Splits) -> None:
    kinds = np.array([uid.split("-")[0] for uid in default.train["uid"]])
    for part in (kinds, kinds[:400], kinds[-400:]):
        _, counts = np.unique(part, return_counts=True)
        assert len(counts) == 3
        assert (counts / len(part) > 0.22).all()


def test_gold_labels_are_majorities_of_five(default: Splits) -> None:
    # five votes mostly find the class that most people would choose, not always
    for part in (default.train, default.validation):
        dist, labels = human_distributions(part), np.array(part["label"])
        agree = (dist.argmax(axis=1) == labels).mean()
        assert 0.9 < agree < 0.99


def test_evaluation_is_where_people_disagree(default: Splits) -> None:
    train = entropy(human_distributions(default.train)).mean()
    evaluation = entropy(human_distributions(default.evaluation)).mean()
    assert evaluation > 1.5 * train


def test_fresh_votes_follow_the_truth(default: Splits) -> None:
    counts = np.array(default.evaluation["label_counts"])
    dist = human_distributions(default.evaluation)
    assert (counts.sum(axis=1) == 100).all()
    z = (counts - 100 * dist) / np.sqrt(100 * dist * (1 - dist))
    assert np.mean(z**2) == pytest.approx(1.0, abs=0.15)
    labels = np.array(default.evaluation["majority_label"])
    assert (counts[np.arange(len(counts)), labels] == counts.max(axis=1)).all()


def test_ties_of_the_new_votes_go_to_the_old_label() -> None:
    splits = generate_synthetic(SyntheticConfig(10, 10, 1000, fresh_votes=2))
    counts = np.array(splits.evaluation["label_counts"])
    old, new = (np.array(splits.evaluation[c]) for c in ("label", "majority_label"))
    rows = np.arange(len(counts))
    tied = counts[rows, old] == counts.max(axis=1)
    assert tied.any() and not tied.all()
    assert (new[tied] == old[tied]).all()
    assert (new[~tied] == counts[~tied].argmax(axis=1)).all()


def test_shares_of_agreement_are_like_snlis(caplog: pytest.LogCaptureFixture) -> None:
    # of SNLI's pairs, 2 % have no majority and 15 % are those that ChaosNLI-S took up
    with caplog.at_level("INFO", logger="ambiguity_lib.data.world.synthetic"):
        generate_synthetic(SyntheticConfig(10, 10, 3000))
    record = next(r for r in caplog.records if "evaluation" in r.getMessage())
    assert isinstance(record.args, tuple)
    _, items, drawn, dropped = record.args
    assert 0.10 < items / drawn < 0.20  # type: ignore[operator]
    assert 0.01 < dropped / drawn < 0.03  # type: ignore[operator]


def test_seed_determines_everything() -> None:
    one, two = generate_synthetic(SMALL), generate_synthetic(SMALL)
    for part in ("train", "validation", "evaluation"):
        assert dataset_fingerprint(getattr(one, part)) == dataset_fingerprint(getattr(two, part))
    other = generate_synthetic(SyntheticConfig(300, 70, 130, seed=1))
    assert dataset_fingerprint(other.train) != dataset_fingerprint(one.train)
    # written down once: any machine must generate the same
    assert (
        dataset_fingerprint(one.train)
        == "2d7b8aa077e7620455550dd35f4f7870d0e13f38bcc0057c444f0f893b0ae295"
    )
    assert (
        dataset_fingerprint(one.evaluation)
        == "43a9a03883eb1d6d0197ed1affabc233689b0d9f71afdd972124df1fb2a2f948"
    )


def test_other_shares_of_kinds() -> None:
    splits = generate_synthetic(SyntheticConfig(50, 10, 10, kind_shares=(0.0, 1.0, 0.0)))
    assert {uid.split("-")[0] for uid in splits.train["uid"]} == {"inference"}


def test_without_lapses_or_with_other_votes() -> None:
    config = SyntheticConfig(50, 10, 20, lapse_rate=0.0, gold_votes=3, agreement=2, fresh_votes=7)
    splits = generate_synthetic(config)
    check_dataset(splits.evaluation)
    assert {sum(counts) for counts in splits.evaluation["label_counts"]} == {7}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"train_items": 0}, "train_items"),
        ({"evaluation_items": -1}, "evaluation_items"),
        ({"annotator_spread": 0.0}, "annotator_spread"),
        ({"annotator_spread": float("nan")}, "annotator_spread"),
        ({"lapse_rate": 1.0}, "lapse_rate"),
        ({"gold_votes": 4}, "gold_votes"),
        ({"agreement": 2}, "agreement"),
        ({"agreement": 6}, "agreement"),
        ({"seed": -1}, "seed"),
        ({"kind_shares": (0.5, 0.5)}, "kind_shares"),
        ({"kind_shares": (0.5, 0.6, 0.1)}, "kind_shares"),
    ],
)
def test_bad_configurations(changes: dict[str, object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        SyntheticConfig(**changes)  # type: ignore[arg-type]


def test_more_than_the_world_has() -> None:
    config = SyntheticConfig(10, 10, 10**6, kind_shares=(0.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="too few premises of kind 'inference'"):
        generate_synthetic(config)


def test_vocabulary_is_rich_and_shared(default: Splits) -> None:
    words = {w for c in ("text", "text_pair") for text in default.train[c] for w in text.split()}
    unseen = {
        w for c in ("text", "text_pair") for text in default.evaluation[c] for w in text.split()
    } - words
    assert len(words) > 400
    # now and then a number is missing in so small a training split
    assert len(unseen) <= 3


def test_six_thousand_items_take_well_under_a_second() -> None:
    start = time.perf_counter()
    generate_synthetic(SyntheticConfig(seed=5))
    assert time.perf_counter() - start < 1.0
