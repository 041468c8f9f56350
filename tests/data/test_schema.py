from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from ambiguity_lib.data import (
    NLI_CLASSES,
    build_dataset,
    check_dataset,
    class_names,
    dataset_fingerprint,
    human_distributions,
    make_features,
)


def columns(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "uid": ["u0", "u1"],
        "text": ["a b", "c"],
        "text_pair": ["d", ""],
        "label": [0, -1],
        "label_dist": [[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]],
        "label_counts": [[5, 5, 0], [1, 2, 7]],
        "majority_label": [1, 2],
    }
    return {**base, **changes}


def make(**changes: Any) -> Dataset:
    return Dataset.from_dict(
        columns(**changes), features=make_features(NLI_CLASSES, pair=True, human=True)
    )


def test_features_of_single_texts_without_humans() -> None:
    features = make_features(["no", "yes"], pair=False, human=False)
    assert list(features) == ["uid", "text", "label"]
    assert features["label"].names == ["no", "yes"]


@pytest.mark.parametrize("names", [[], ["one"], ["a", "a"]])
def test_features_need_different_names(names: list[str]) -> None:
    with pytest.raises(ValueError, match="class_names"):
        make_features(names, pair=True, human=True)


def test_class_names_keep_their_order() -> None:
    assert class_names(make()) == ("entailment", "neutral", "contradiction")


def test_build_dataset_equals_from_dict() -> None:
    features = make_features(NLI_CLASSES, pair=True, human=True)
    arrays = {k: np.array(v) if k.startswith("label") else v for k, v in columns().items()}
    built = build_dataset(arrays, features)
    assert built.features == make().features
    assert built.to_dict() == make().to_dict()
    check_dataset(built)


def test_human_distributions_are_float64_and_follow_the_rows() -> None:
    dataset = make().select([1, 0])
    dist = human_distributions(dataset)
    assert dist.dtype == np.float64
    np.testing.assert_array_equal(dist, [[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])


def test_human_distributions_missing() -> None:
    with pytest.raises(ValueError, match="'label_dist' is missing"):
        human_distributions(make().remove_columns("label_dist"))


@pytest.mark.parametrize("column", ["uid", "text", "label"])
def test_missing_column(column: str) -> None:
    with pytest.raises(ValueError, match=f"'{column}' is missing"):
        check_dataset(make().remove_columns(column))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uid": ["u", "u"]}, "row 1: 'u' is also row 0's"),
        ({"text": ["a", None]}, "'text', row 1: the value is missing"),
        ({"label": [None, 0]}, "'label', row 0: the value is missing"),
        ({"label_dist": [[0.5, 0.5, 0.0], [0.5, 0.6, 0.0]]}, "row 1: the probabilities do not sum"),
        ({"label_dist": [[1.5, -0.5, 0.0], [1.0, 0.0, 0.0]]}, "row 0: a probability is negative"),
        ({"label_dist": [[1.0, 0.0, 0.0], [float("nan"), 0.5, 0.5]]}, "row 1: a value is not fin"),
        ({"label_counts": [[1, 1, -1], [1, 0, 0]]}, "'label_counts', row 0: a count is negative"),
        ({"label_counts": [[1, 1, 1], [0, 0, 0]]}, "'label_counts', row 1: there is no vote"),
    ],
)
def test_bad_rows_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_dataset(make(**changes))


@pytest.mark.parametrize("column", ["label", "majority_label"])
@pytest.mark.parametrize("value", [-2, 3])
def test_labels_out_of_range(column: str, value: int) -> None:
    arrays = {k: np.array(v) if k.startswith("label") else v for k, v in columns().items()}
    arrays[column] = np.array([0, value])
    # from_dict would refuse such labels itself; files written elsewhere can have them
    dataset = build_dataset(arrays, make_features(NLI_CLASSES, pair=True, human=True))
    with pytest.raises(ValueError, match=f"'{column}', row 1: label {value} is out of range"):
        check_dataset(dataset)


def test_wrong_types() -> None:
    with pytest.raises(ValueError, match="'text' must be string"):
        check_dataset(
            Dataset.from_dict(
                {"uid": ["a"], "text": [1], "label": [0]},
                features=Features(
                    uid=Value("string"), text=Value("int64"), label=ClassLabel(names=["a", "b"])
                ),
            )
        )
    with pytest.raises(ValueError, match="must be a ClassLabel"):
        check_dataset(Dataset.from_dict({"uid": ["a"], "text": ["b"], "label": [0.5]}))
    plain = make().remove_columns("label_dist")
    with pytest.raises(ValueError, match="'label_dist' must be a list of float64"):
        check_dataset(plain.add_column("label_dist", [[1, 0, 0], [0, 1, 0]]))
    with pytest.raises(ValueError, match="row 1: 2 values for 3 classes"):
        check_dataset(plain.add_column("label_dist", [[1.0, 0.0, 0.0], [0.5, 0.5]]))


def test_fingerprint_is_of_the_content() -> None:
    one = make()
    assert dataset_fingerprint(one) == dataset_fingerprint(make())
    shuffled_columns = one.select_columns(list(reversed(one.column_names)))
    assert dataset_fingerprint(shuffled_columns) == dataset_fingerprint(one)
    # the same rows through an index mapping, and one column through a map
    assert dataset_fingerprint(one.select([1, 0]).select([1, 0])) == dataset_fingerprint(one)
    assert dataset_fingerprint(one.select([1, 0])) != dataset_fingerprint(one)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ["a", "bc"]},
        {"text": ["a b", "c "]},
        {"text": ["a bc", ""]},
        {"label": [1, -1]},
        {"label_dist": [[0.5, 0.5, 0.0], [0.1, 0.2, 0.7 + 1e-15]]},
        {"label_dist": [[float("nan")] * 3, [0.1, 0.2, 0.7]]},
    ],
)
def test_fingerprint_sees_every_change(changes: dict[str, Any]) -> None:
    assert dataset_fingerprint(make(**changes)) != dataset_fingerprint(make())


def test_fingerprint_of_chosen_columns() -> None:
    poisoned = make(label_dist=[[float("nan")] * 3] * 2)
    chosen = ["uid", "text", "text_pair", "label"]
    assert dataset_fingerprint(poisoned, chosen) == dataset_fingerprint(make(), chosen)
    assert dataset_fingerprint(make(), ["text"]) != dataset_fingerprint(make(), ["text_pair"])
    with pytest.raises(ValueError, match="'nothing' is missing"):
        dataset_fingerprint(make(), ["nothing"])


def test_fingerprint_sees_class_names() -> None:
    features = make_features(("neutral", "entailment", "contradiction"), pair=True, human=True)
    renamed = Dataset.from_dict(columns(), features=features)
    assert dataset_fingerprint(renamed) != dataset_fingerprint(make())


def test_fingerprint_is_fixed() -> None:
    # In another process, too: a value written down here once must hold on every machine.
    code = (
        "from ambiguity_lib.data import *\n"
        "d = build_dataset({'uid': ['u'], 'text': ['t'], 'label': [1]},"
        " make_features(['a', 'b'], pair=False, human=False))\n"
        "print(dataset_fingerprint(d))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = "411b8f7ce3fa46fa0abde1ffcc4055b76dcaa69c35192b30efd267fd99625d6c"
    assert out.stdout.strip() == expected
