"""Input checks shared by the metrics: what comes in is a distribution per row, or an error."""

from __future__ import annotations

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
    with np.errstate(over="ignore", invalid="ignore"):  # reported, not warned of
        totals = probs.sum(axis=1)
        off = np.abs(totals - 1.0)
        # A NaN makes both comparisons false, an infinity the second one.
        good = (probs >= 0.0).all(axis=1) & (off <= SUM_TOLERANCE + _ROUNDING)
    if not good.all():
        _raise_for_bad_row(probs, int(np.argmin(good)), name)
    inexact = off > _ROUNDING
    if inexact.any():
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


def _raise_for_bad_row(probs: FloatArray, row: int, name: str) -> NoReturn:
    """Say what is wrong with a row that is no distribution."""
    values = probs[row]
    if not np.isfinite(values).all():
        problem = "has NaN or infinite entries"
    elif (values < 0.0).any():
        problem = "has negative entries"
    else:
        with np.errstate(over="ignore"):
            problem = f"sums to {values.sum():.9g}, not to 1 (tolerance {SUM_TOLERANCE:g})"
    shown = np.array2string(values, separator=", ", threshold=20, max_line_width=10**6)
    raise ValueError(f"{name}: row {row} {problem}: {shown}; {_HINT}")
