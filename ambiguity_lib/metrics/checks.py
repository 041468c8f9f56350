"""Input checks shared by the metrics: what comes in is a distribution per row, or an error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import torch

ArrayInput: TypeAlias = "ArrayLike | torch.Tensor"
FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

# What a softmax in float32 may miss; a softmax in bfloat16 misses far more and is refused.
SUM_TOLERANCE = 1e-6
# A sum this close to 1 differs from it only by float64 rounding.
_ROUNDING = 1e-12
# 256 KB of float64 an array: a handful of them fit the megabytes of a core's own cache.
_CHUNK_VALUES = 32_768
_FEW_CLASSES = 16

_HINT = (
    "each row must be a probability distribution: first apply a softmax (in float32 or better) "
    "to logits, or divide votes by their sum"
)


def as_distributions(x: ArrayInput, name: str) -> FloatArray:
    """Check that every row is a probability distribution and return the rows as float64.

    A row whose sum is off by more than float64 rounding but by no more than 1e-6 (a float32
    softmax) is divided by its sum, in float64. All other rows come back bit for bit.

    Raises:
        ValueError: If the shape or type is wrong, or a row is no distribution (negative, NaN or
            infinite entries, sum further than 1e-6 from 1). The first bad row is named.
    """
    array = _as_numpy(x, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name}: expected numbers, got an array of type {array.dtype} and shape {array.shape};"
            " stack lists of rows with numpy.stack first"
        )
    if array.ndim != 2:
        raise ValueError(f"{name}: expected shape (items, classes), got shape {array.shape}")
    if array.shape[0] == 0:
        raise ValueError(f"{name}: no rows, shape {array.shape}; at least one item is needed")
    if array.shape[1] < 2:
        raise ValueError(
            f"{name}: at least 2 classes are needed, got shape {array.shape}; "
            "for two classes give both columns, 1 - p and p"
        )
    probs = array.astype(np.float64, copy=False)
    exact = True
    for rows in row_chunks(probs):
        with np.errstate(over="ignore", invalid="ignore"):  # reported, not warned of
            widest = np.abs(row_sums(probs[rows]) - 1.0).max()
            # A NaN makes both comparisons false, an infinity the second one.
            if not (probs[rows].min() >= 0.0 and widest <= SUM_TOLERANCE + _ROUNDING):
                _raise_for_first_bad_row(probs, rows, name)
        exact = exact and bool(widest <= _ROUNDING)
    if not exact:
        totals = row_sums(probs)
        inexact = np.abs(totals - 1.0) > _ROUNDING
        probs = probs / np.where(inexact, totals, 1.0)[:, np.newaxis]
    return probs


def as_distribution_pair(human: ArrayInput, model: ArrayInput) -> tuple[FloatArray, FloatArray]:
    """Check human and model distributions and that they are about the same items and classes.

    Raises:
        ValueError: If either is not an array of distributions, or their shapes differ.
    """
    human_probs = as_distributions(human, "human")
    model_probs = as_distributions(model, "model")
    if human_probs.shape != model_probs.shape:
        raise ValueError(
            f"human has shape {human_probs.shape} but model has shape {model_probs.shape}; "
            "both need the same items and classes, in the same order"
        )
    return human_probs, model_probs


def as_labelled(labels: ArrayInput, probs: ArrayInput) -> tuple[IntArray, FloatArray]:
    """Check class labels and the probabilities that go with them.

    Raises:
        ValueError: If ``probs`` is not an array of distributions, if the labels have another shape
            or are not integers, or if one is out of range (the first such row is named).
    """
    checked = as_distributions(probs, "probs")
    items, classes = checked.shape
    array = _as_numpy(labels, "labels")
    if array.shape != (items,):
        raise ValueError(
            f"labels: expected shape ({items},), one label per row of probs, got {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"labels: expected integers, got type {array.dtype}; "
            f"row 0 is {array[0]}; convert to class indices first"
        )
    bad = (array < 0) | (array >= classes)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"labels: row {row} is {array[row]}, outside 0..{classes - 1}; "
            "drop items without a label (-1) first"
        )
    return array.astype(np.int64, copy=False), checked


def row_chunks(values: NDArray[Any]) -> Iterator[slice]:
    """Slices of rows, each small enough for a core's cache to hold a few temporaries of its shape.

    Metrics do little arithmetic on each number: over all rows at once, most of their time would go
    to writing temporaries to memory and reading them again.
    """
    rows, columns = values.shape
    step = max(1, _CHUNK_VALUES // columns)
    return (slice(start, start + step) for start in range(0, rows, step))


def by_row(function: Callable[..., FloatArray], *arrays: FloatArray) -> FloatArray:
    """One number for each row of equally shaped arrays, computed chunk by chunk."""
    result = np.empty(len(arrays[0]))
    for rows in row_chunks(arrays[0]):
        result[rows] = function(*(array[rows] for array in arrays))
    return result


def row_sums(values: FloatArray) -> FloatArray:
    """Sum over classes; several times faster than ``sum(axis=1)`` where classes are few."""
    return _over_classes(np.add, values)


def top_class(labels: IntArray, probs: FloatArray) -> tuple[NDArray[np.bool_], FloatArray]:
    """Whether the first class with the largest probability is the label, and that probability."""
    top = _over_classes(np.maximum, probs)
    if sum(np.count_nonzero(column == top) for column in probs.T) > len(top):  # ties
        return probs.argmax(axis=1) == labels, top
    return probs[np.arange(len(top)), labels] == top, top


def _over_classes(function: np.ufunc, values: FloatArray) -> FloatArray:
    """Reduce each row, column by column where classes are few: numpy is slow on short rows."""
    if values.shape[1] > _FEW_CLASSES:
        return np.asarray(function.reduce(values, axis=1))
    return np.asarray(functools.reduce(function, values.T))


def _as_numpy(x: Any, name: str) -> NDArray[Any]:
    """Bring lists, numpy and torch (without importing torch) to one numpy array."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()  # to the CPU first: some devices have no float64
        if x.is_floating_point():
            x = x.double()  # numpy has no bfloat16
        return np.asarray(x.numpy())
    try:
        return np.asarray(x)
    except ValueError as error:  # ragged lists
        raise ValueError(f"{name}: rows of different lengths: {error}") from error


def _raise_for_first_bad_row(probs: FloatArray, rows: slice, name: str) -> NoReturn:
    """Name the first of these rows that is no distribution and say what is wrong with it."""
    chunk = probs[rows]
    totals = row_sums(chunk)
    not_finite: NDArray[np.bool_] = np.any(~np.isfinite(chunk), axis=1)
    negative: NDArray[np.bool_] = np.any(chunk < 0.0, axis=1)
    too_far = np.abs(totals - 1.0) > SUM_TOLERANCE + _ROUNDING
    row = int((not_finite | negative | too_far).argmax())
    if not_finite[row]:
        problem = "has NaN or infinite entries"
    elif negative[row]:
        problem = "has negative entries"
    else:
        problem = f"sums to {totals[row]:.9g}, not to 1 (tolerance {SUM_TOLERANCE:g})"
    values = np.array2string(chunk[row], separator=", ", threshold=20, max_line_width=10**6)
    raise ValueError(f"{name}: row {rows.start + row} {problem}: {values}; {_HINT}")
