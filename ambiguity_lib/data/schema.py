"""The columns every dataset of the library has, and checks on them.

A dataset is a `datasets.Dataset` with the columns below. Class names and their order live in the
features of `label`, nowhere else; floats never go into `label`.

| column | type | meaning |
|---|---|---|
| `uid` | string | unique within the dataset |
| `text` | string | the text, or the premise of a pair |
| `text_pair` | string, optional | the hypothesis of a pair |
| `label` | ClassLabel | the original ("old") label, -1 when there is none |
| `label_dist` | C float64, optional | the human opinion distribution |
| `label_counts` | C int64, optional | the votes behind it, where there were votes |
| `majority_label` | ClassLabel, optional | the majority of the re-annotation ("new" label) |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, Features, List, Value

NLI_CLASSES = ("entailment", "neutral", "contradiction")
EMOTION_CLASSES = ("anger", "disgust", "fear", "joy", "sadness", "surprise")

# How far the sum of a distribution may be from one; the metrics use the same bound.
SUM_TOLERANCE = 1e-6

_STRING_COLUMNS = ("uid", "text", "text_pair")
_LABEL_COLUMNS = ("label", "majority_label")
_REQUIRED_COLUMNS = ("uid", "text", "label")


def make_features(
    class_names: Sequence[str], *, pair: bool, human: bool, votes: bool = True
) -> Features:
    """Give the features of a dataset."""
    names = list(class_names)
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"class_names must be two or more different names, got {names}")
    columns: dict[str, Any] = {"uid": Value("string"), "text": Value("string")}
    if pair:
        columns["text_pair"] = Value("string")
    columns["label"] = ClassLabel(names=names)
    if human:
        columns["label_dist"] = List(Value("float64"), length=len(names))
        if votes:
            columns["label_counts"] = List(Value("int64"), length=len(names))
        columns["majority_label"] = ClassLabel(names=names)
    return Features(columns)


def build_dataset(columns: Mapping[str, Any], features: Features) -> Dataset:
    """Put columns together into a dataset without going through Python objects."""
    schema = features.arrow_schema
    arrays = []
    for column in schema:
        values = columns[column.name]
        if pa.types.is_fixed_size_list(column.type):
            flat = pa.array(np.ascontiguousarray(values).reshape(-1), type=column.type.value_type)
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=column.type))
        else:
            arrays.append(pa.array(values, type=column.type))
    return Dataset(pa.Table.from_arrays(arrays, schema=schema))


def class_names(dataset: Dataset) -> tuple[str, ...]:
    """Give the class names of a dataset in their order."""
    feature = dataset.features.get("label")
    if not isinstance(feature, ClassLabel):
        raise ValueError(
            f"column 'label' must be a ClassLabel that names the classes, found {feature!r}; "
            "build the dataset with make_features"
        )
    return tuple(feature.names)


def count_labels(dataset: Dataset) -> dict[str, int]:
    """Count the items of each class, by what most people said where they were asked."""
    names = class_names(dataset)
    column = "majority_label" if "majority_label" in dataset.column_names else "label"
    labels = np.asarray(dataset[column][:])
    counts = np.bincount(labels[labels >= 0], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def reorder_classes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Give the same dataset with its classes in another order.

    Classes that are only numbered get the names by their positions.
    """
    old = class_names(dataset)
    numbered = old == tuple(map(str, range(len(names))))
    if len(names) != len(old) or (set(names) != set(old) and not numbered):
        raise ValueError(f"the classes {list(old)} cannot be put into the order of {list(names)}")
    if tuple(names) == old:
        return dataset
    order = [old.index(name) for name in names] if set(names) == set(old) else range(len(old))
    place = np.argsort(np.asarray(order))
    features = Features(dict(dataset.features))
    columns: dict[str, Any] = {}
    for name in dataset.features:
        if name in _LABEL_COLUMNS:
            labels = np.asarray(dataset[name][:])
            columns[name] = np.where(labels < 0, -1, place[labels])
            features[name] = ClassLabel(names=list(names))
        elif name in ("label_dist", "label_counts"):
            columns[name] = np.asarray(dataset[name][:])[:, np.asarray(order)]
        else:
            columns[name] = dataset[name][:]
    return build_dataset(columns, features)


def check_dataset(dataset: Dataset) -> None:
    """Check that a dataset has the columns of :func:`make_features`, and right values in them."""
    for name in _REQUIRED_COLUMNS:
        if name not in dataset.features:
            raise ValueError(f"column '{name}' is missing; found {sorted(dataset.features)}")
    names = class_names(dataset)
    for name in _STRING_COLUMNS:
        _check_strings(dataset, name)
    uids = _to_arrow(dataset, "uid").to_pylist()
    first: dict[str, int] = {}
    for row, uid in enumerate(uids):
        if first.setdefault(uid, row) != row:
            raise ValueError(f"column 'uid', row {row}: {uid!r} is also row {first[uid]}'s")
    for name in _LABEL_COLUMNS:
        _check_labels(dataset, name, names)
    if "label_dist" in dataset.features:
        human_distributions(dataset)
    if "label_counts" in dataset.features:
        counts = _matrix(dataset, "label_counts", "int64", len(names))
        _raise_at_first(counts.min(axis=1) < 0, "label_counts", "a count is negative", counts)
        _raise_at_first(counts.sum(axis=1) == 0, "label_counts", "there is no vote", counts)


def human_distributions(dataset: Dataset) -> np.ndarray:
    """Give the human opinion distributions."""
    if "label_dist" not in dataset.features:
        raise ValueError(
            "this dataset has no human distributions: column 'label_dist' is missing; "
            f"found {sorted(dataset.features)}"
        )
    dist = _matrix(dataset, "label_dist", "float64", len(class_names(dataset)))
    _raise_at_first(~np.isfinite(dist).all(axis=1), "label_dist", "a value is not finite", dist)
    _raise_at_first(dist.min(axis=1) < 0, "label_dist", "a probability is negative", dist)
    off = np.abs(dist.sum(axis=1) - 1.0) > SUM_TOLERANCE
    _raise_at_first(off, "label_dist", "the probabilities do not sum to one", dist)
    return dist


def dataset_fingerprint(dataset: Dataset, columns: Sequence[str] | None = None) -> str:
    """Hash the content of a dataset.

    Equal content gives an equal hash in any process and on any machine; what `datasets` itself
    calls a fingerprint does not. Rows count in their order, columns by their name.

    Args:
        dataset: The dataset.
        columns: The columns that count; by default all.

    Returns:
        A SHA-256 as 64 hexadecimal digits.

    Raises:
        ValueError: If a column is missing.

    Examples:
        >>> from ambiguity_lib.data import dataset_fingerprint
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> dataset_fingerprint(reviews)[:8]
        '7710de3c'

        It depends on content and order, and on nothing else:

        >>> dataset_fingerprint(reviews.select(range(20)))[:8]
        '7710de3c'
        >>> dataset_fingerprint(reviews.select(range(19, -1, -1)))[:8]
        '9ed53b01'
    """
    chosen = sorted(dataset.features if columns is None else set(columns))
    digest = hashlib.sha256()
    for name in chosen:
        if name not in dataset.features:
            raise ValueError(f"column '{name}' is missing; found {sorted(dataset.features)}")
        feature = dataset.features[name]
        array = _to_arrow(dataset, name)
        head = {"column": name, "rows": len(array), "type": str(array.type)}
        if isinstance(feature, ClassLabel):
            head["classes"] = list(feature.names)
        digest.update(json.dumps(head, sort_keys=True).encode())
        digest.update(_content_bytes(array))
    return digest.hexdigest()


@dataclass(frozen=True)
class Splits:
    """The three parts of an experiment's data.

    Attributes:
        train: What models are trained on.
        validation: What depth and source layer are chosen on.
        evaluation: What is scored against humans; always has the human columns.
        name: A short name.
        description: What the parts are, in a sentence or two, for captions and records.
        evaluation_name: What tables call the evaluation set.
        transfer: Name → a further evaluation set for the same models, from another source.

    Examples:
        >>> from ambiguity_lib.data import (
        ...     SyntheticConfig,
        ...     generate_synthetic,
        ... )
        >>> splits = generate_synthetic(SyntheticConfig(60, 30, 30))
        >>> len(splits.train), len(splits.validation), len(splits.evaluation)
        (60, 30, 30)
        >>> splits.name, splits.evaluation_name
        ('synthetic', 'evaluation')
    """

    train: Dataset
    validation: Dataset
    evaluation: Dataset
    name: str
    description: str
    evaluation_name: str = "evaluation"
    transfer: Mapping[str, Dataset] = field(default_factory=dict)


def _to_arrow(dataset: Dataset, column: str) -> pa.Array:
    """Give one column as one array, in the order of the dataset's rows."""
    table = dataset.select_columns([column]).with_format("arrow")[:]
    combined = table.column(column).combine_chunks()
    if isinstance(combined, pa.ChunkedArray):  # older pyarrow gives a chunked array back
        combined = pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.array([])
    return combined


def _content_bytes(array: pa.Array) -> bytes:
    """Encode an array so that different contents give different bytes."""
    kind = array.type
    if pa.types.is_fixed_size_list(kind) and array.null_count == 0:
        return _content_bytes(array.flatten())
    if array.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        values = array.to_numpy(zero_copy_only=False)
        return cast(bytes, values.astype(values.dtype.newbyteorder("<")).tobytes())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        encoded = [None if s is None else s.encode() for s in array.to_pylist()]
        lengths = np.array([-1 if s is None else len(s) for s in encoded], dtype="<i8")
        return lengths.tobytes() + b"".join(s for s in encoded if s is not None)
    return json.dumps(array.to_pylist(), default=repr).encode()


def _check_strings(dataset: Dataset, name: str) -> None:
    if name not in dataset.features:
        return
    dtype = getattr(dataset.features[name], "dtype", None)
    if dtype not in ("string", "large_string"):
        raise ValueError(f"column '{name}' must be string, found {dataset.features[name]!r}")
    _raise_at_first(_nulls(_to_arrow(dataset, name)), name, "the value is missing")


def _check_labels(dataset: Dataset, name: str, names: tuple[str, ...]) -> None:
    if name not in dataset.features:
        return
    feature = dataset.features[name]
    if not isinstance(feature, ClassLabel) or tuple(feature.names) != names:
        raise ValueError(f"column '{name}' must be a ClassLabel of {names}, found {feature!r}")
    array = _to_arrow(dataset, name)
    _raise_at_first(_nulls(array), name, "the value is missing; write -1 for no label")
    labels = array.to_numpy(zero_copy_only=False)
    bad = np.flatnonzero((labels < -1) | (labels >= len(names)))
    if bad.size:
        raise ValueError(
            f"column '{name}', row {bad[0]}: label {labels[bad[0]]} is out of range; "
            f"allowed are -1 (none) to {len(names) - 1}"
        )


def _matrix(dataset: Dataset, name: str, dtype: str, width: int) -> np.ndarray:
    """Give a list column as an array of shape (N, width)."""
    array = _to_arrow(dataset, name)
    inner = getattr(array.type, "value_type", None)
    if inner is None or str(inner) != {"float64": "double"}.get(dtype, dtype):
        raise ValueError(f"column '{name}' must be a list of {dtype}, found {array.type}")
    _raise_at_first(_nulls(array), name, "the value is missing")
    if not (pa.types.is_fixed_size_list(array.type) and array.type.list_size == width):
        lengths = array.value_lengths().to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(lengths != width)
        if wrong.size:
            raise ValueError(
                f"column '{name}', row {wrong[0]}: {lengths[wrong[0]]} values for {width} classes"
            )
    flat = array.flatten()
    _raise_at_first(_nulls(flat).reshape(-1, width).max(axis=1), name, "a value is missing")
    return cast(np.ndarray, flat.to_numpy(zero_copy_only=False).reshape(-1, width).astype(dtype))


def _nulls(array: pa.Array) -> np.ndarray:
    """Tell which values of an array are missing."""
    return cast(np.ndarray, array.is_null().to_numpy(zero_copy_only=False))


def _raise_at_first(bad: np.ndarray, name: str, what: str, rows: np.ndarray | None = None) -> None:
    """Complain about the first row that is bad, if one is, and show it where `rows` are given."""
    found = np.flatnonzero(bad)
    if found.size:
        shown = "" if rows is None else f": {rows[found[0]].tolist()}"
        raise ValueError(f"column '{name}', row {found[0]}: {what}{shown}")
