from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from ambiguity_lib import metrics
from ambiguity_lib.metrics.checks import as_distributions

PAIRWISE = [
    metrics.jensen_shannon_distance,
    metrics.jensen_shannon_divergence,
    metrics.kl_divergence,
    metrics.total_variation_distance,
    metrics.manhattan_distance,
    metrics.wasserstein_distance,
    metrics.po_jsd,
    metrics.soft_micro_f1,
    metrics.entropy_calibration_error,
    metrics.ambiguity_auroc,
    metrics.entropy_correlation,
    metrics.rank_match,
]
LABELLED = [
    metrics.expected_calibration_error,
    metrics.brier_score,
    metrics.negative_log_likelihood,
    metrics.accuracy,
]
GOOD = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8]])

BAD_ROWS = [
    ([0.6, 0.6, -0.2], "negative"),
    ([0.5, 0.5 + 1e-17, -1e-17], "negative"),
    ([0.5, 0.5, np.nan], "NaN or infinite"),
    ([np.inf, 0.0, 0.0], "NaN or infinite"),
    ([np.inf, -np.inf, 1.0], "NaN or infinite"),
    ([0.3, 0.3, 0.3], "sums to 0.9"),
    ([30.0, 30.0, 40.0], "sums to 100"),
    ([0.0, 0.0, 0.0], "sums to 0"),
    ([0.5, 0.5, 2e-6], "sums to 1.000002"),
    ([0.5, 0.5 - 2e-6, 0.0], "sums to 0.999998"),
    ([1e308, 1e308, 0.0], "sums to inf"),
]


def test_public_names():
    assert sorted(metrics.__all__) == metrics.__all__
    functions = [*PAIRWISE, *LABELLED, metrics.entropy]
    assert {function.__name__ for function in functions} == set(metrics.__all__)


@pytest.mark.parametrize(("row", "problem"), BAD_ROWS)
def test_bad_row_is_named_with_argument_index_and_values(row, problem):
    bad = GOOD.copy()
    bad[1:] = row  # rows 1 and 2: the first is named
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"^probs: row 1 .*{problem}") as caught:
            metrics.entropy(bad)
    assert "row 2" not in str(caught.value)
    assert np.array2string(bad[1], separator=", ") in str(caught.value)


@pytest.mark.parametrize("metric", PAIRWISE)
def test_pairwise_metrics_name_the_argument(metric):
    bad = GOOD.copy()
    bad[2, 0] = np.nan
    with pytest.raises(ValueError, match=r"^human: row 2 has NaN"):
        metric(bad, GOOD)
    with pytest.raises(ValueError, match=r"^model: row 2 has NaN"):
        metric(GOOD, bad)


@pytest.mark.parametrize("metric", LABELLED)
def test_labelled_metrics_check_probs(metric):
    with pytest.raises(ValueError, match=r"^probs: row 0 sums to 2"):
        metric([0, 1, 2], 2 * GOOD)


def test_first_bad_row_wins_whatever_its_fault():
    bad = np.array([[0.5, 0.5], [0.4, 0.4], [np.nan, 1.0], [-1.0, 2.0]])
    with pytest.raises(ValueError, match=r"row 1 sums to 0\.8"):
        metrics.entropy(bad)


@pytest.mark.parametrize("metric", PAIRWISE)
@pytest.mark.parametrize("other", [GOOD[:2], np.full((3, 2), 0.5), np.full((1, 3), 1 / 3)])
def test_shapes_must_agree(metric, other):
    with pytest.raises(ValueError, match=r"human has shape \(3, 3\) but model has shape"):
        metric(GOOD, other)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (GOOD[0], r"expected shape \(items, classes\), got shape \(3,\)"),
        (GOOD[np.newaxis], r"got shape \(1, 3, 3\)"),
        (1.0, r"got shape \(\)"),
        (np.empty((0, 3)), "no rows"),
        (np.ones((3, 1)), "at least 2 classes"),
        (np.empty((3, 0)), "at least 2 classes"),
        ([[0.5, 0.5], [1.0]], "rows of different lengths"),
        ([["a", "b"]], "expected numbers"),
        (np.array([GOOD[0], None], dtype=object), "expected numbers"),
        (GOOD.astype(complex), "expected numbers"),
    ],
)
def test_wrong_shape_or_type(value, message):
    with pytest.raises(ValueError, match=rf"^probs: .*{message}"):
        metrics.entropy(value)


def test_sums_off_by_up_to_1e_6_are_renormalised():
    rows = np.array([[0.5, 0.500001], [0.5, 0.499999], [0.25, 0.75]])
    checked = as_distributions(rows, "probs")
    assert_allclose(checked.sum(axis=1), 1.0, atol=1e-15)
    assert_allclose(checked, rows / rows.sum(axis=1, keepdims=True), atol=1e-15)
    assert_array_equal(rows[0], [0.5, 0.500001])  # the input is untouched


def test_float64_rows_come_back_bit_for_bit():
    rows = np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], 1000)
    assert (rows.sum(axis=1) != 1.0).any()
    assert_array_equal(as_distributions(rows, "probs"), rows)


@pytest.mark.parametrize("classes", [3, 1000])
def test_float32_softmax_passes(classes):
    logits = torch.randn(500, classes, generator=torch.Generator().manual_seed(0)) * 5
    probs = torch.softmax(logits, dim=1)
    checked = as_distributions(probs, "probs")
    assert checked.dtype == np.float64
    assert_allclose(checked, torch.softmax(logits.double(), dim=1).numpy(), atol=1e-6)
    assert_allclose(checked.sum(axis=1), 1.0, atol=1e-12)


def test_bfloat16_softmax_is_refused_with_advice():
    probs = torch.softmax(torch.tensor([[0.1, 0.7, -0.4]]), dim=1).bfloat16()
    assert abs(probs.double().sum().item() - 1) > 1e-6
    with pytest.raises(ValueError, match=r"softmax \(in float32 or better\)"):
        metrics.entropy(probs)


@pytest.mark.parametrize("metric", [*PAIRWISE, *LABELLED])
def test_torch_numpy_and_lists_agree(metric):
    model = np.array([[0.25, 0.25, 0.5], [0.5, 0.125, 0.375], [0.75, 0.25, 0.0]])
    if metric in PAIRWISE:
        first, first_torch = GOOD, torch.from_numpy(GOOD)
    else:
        first, first_torch = np.array([2, 0, 1]), torch.tensor([2, 0, 1])
    expected = metric(first, model)
    assert_array_equal(metric(first.tolist(), model.tolist()), expected)
    assert_array_equal(metric(first, np.asfortranarray(model)), expected)
    assert_array_equal(metric(first, model.astype(np.float16)), expected)
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        tensor = torch.tensor(model, dtype=dtype, requires_grad=True)
        got = metric(first_torch, tensor)
        assert_array_equal(got, expected)
        assert isinstance(got, float | np.ndarray)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_on_a_gpu():
    tensor = torch.tensor(GOOD, device="cuda")
    assert_array_equal(metrics.entropy(tensor), metrics.entropy(GOOD))
    labels = torch.tensor([2, 0, 2], device="cuda")
    assert_array_equal(metrics.accuracy(labels, tensor), [1.0, 1.0, 1.0])


def test_one_hot_integers_are_distributions():
    assert_array_equal(metrics.entropy(np.eye(3, dtype=np.int64)), np.zeros(3))


@pytest.mark.parametrize("metric", LABELLED)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, -1, -1], r"row 1 is -1, outside 0\.\.2; drop items without a label"),
        ([0, 1, 3], r"row 2 is 3, outside 0\.\.2"),
        (np.array([0, 1, 2**63], dtype=np.uint64), "row 2 is 9223372036854775808, outside"),
        ([0.0, 1.0, 2.0], r"expected integers, got type float64; row 0 is 0\.0"),
        ([True, False, True], "expected integers, got type bool"),
        ([0, None, 1], "expected integers, got type object"),
        (["a", "b", "c"], "expected integers"),
        ([0, 1], r"expected shape \(3,\), one label per row of probs, got \(2,\)"),
        ([[0], [1], [2]], r"expected shape \(3,\)"),
        (GOOD, r"expected shape \(3,\)"),
    ],
)
def test_bad_labels(metric, labels, message):
    with pytest.raises(ValueError, match=f"^labels: .*{message}"):
        metric(labels, GOOD)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_any_integer_type_is_a_label(dtype):
    assert_array_equal(metrics.accuracy(np.array([2, 0, 2], dtype=dtype), GOOD), 1.0)


@pytest.mark.parametrize("metric", [*PAIRWISE, *LABELLED])
def test_inputs_are_not_written_to(metric):
    probs = GOOD.copy()
    probs.setflags(write=False)
    metric(probs if metric in PAIRWISE else np.array([2, 0, 2]), probs)


def test_wide_rows_are_shortened_in_messages():
    with pytest.raises(ValueError, match=r"\.\.\.") as caught:
        metrics.entropy(np.ones((1, 1000)))
    assert len(str(caught.value)) < 400
