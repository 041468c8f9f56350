"""Target distributions by hand values and limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.method import (
    degenerate_signs,
    label_smoothing_targets,
    mixture_targets,
    one_hot_targets,
)

TEACHER = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])


def test_one_hot_by_hand():
    assert one_hot_targets([2, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_label_smoothing_by_hand():
    expected = [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]
    np.testing.assert_allclose(label_smoothing_targets([0, 2], 3, 0.3), expected)


def test_mixture_by_hand():
    expected = [[0.1, 0.15, 0.75], [0.8, 0.2, 0.0]]
    np.testing.assert_allclose(mixture_targets([2, 0], TEACHER, 0.5), expected)


@given(st.floats(0, 1))
def test_mixture_is_a_distribution_between_its_ends(weight):
    mixed = mixture_targets([2, 0], TEACHER, weight)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    np.testing.assert_array_equal(mixture_targets([2, 0], TEACHER, 0.0), one_hot_targets([2, 0], 3))
    np.testing.assert_array_equal(mixture_targets([2, 0], TEACHER, 1.0), TEACHER)


@pytest.mark.parametrize("labels", [[0, -1], [0, 3]])
def test_a_label_out_of_range_names_its_row(labels):
    with pytest.raises(ValueError, match="row 1 has label"):
        one_hot_targets(labels, 3)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(ValueError, match=r"weight must be in \[0, 1\]"):
        mixture_targets([0, 1], TEACHER, weight)


def test_rows_that_are_no_distributions_or_too_few_are_refused():
    with pytest.raises(ValueError, match="row 1"):
        mixture_targets([0, 1], [[0.5, 0.5], [0.5, 0.6]], 0.5)
    with pytest.raises(ValueError, match="3 labels but 2 target rows"):
        mixture_targets([0, 1, 2], TEACHER, 0.5)


def test_soft_cross_entropy_to_a_mixture_is_label_loss_plus_teacher_loss():
    """The identity on which the one-loss design rests, with torch as the oracle."""
    from torch.nn.functional import cross_entropy

    logits = torch.tensor([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]], dtype=torch.float64)
    labels = torch.tensor([2, 0])
    mixed = torch.tensor(mixture_targets(labels.numpy(), TEACHER, 0.4))
    expected = 0.6 * cross_entropy(logits, labels) + 0.4 * cross_entropy(
        logits, torch.tensor(TEACHER)
    )
    torch.testing.assert_close(cross_entropy(logits, mixed), expected)


LABELS = np.arange(60) % 3
SOFT = np.full((60, 3), 0.2) + 0.4 * np.eye(3)[LABELS]
HARD = np.full((60, 3), 0.001) + 0.997 * np.eye(3)[LABELS]


@pytest.mark.parametrize(
    ("train", "validation", "said"),
    [
        (SOFT, SOFT, []),
        (HARD, HARD, ["all but labels"]),
        (SOFT, np.roll(SOFT, 1, axis=1), ["by heart", "above a uniform"]),
        (HARD, np.roll(HARD, 1, axis=1), ["all but labels", "by heart", "above a uniform"]),
        (np.full((60, 3), 1 / 3), np.full((60, 3), 1 / 3), []),
    ],
)
def test_signs_that_a_layer_teaches_labels_only(train, validation, said):
    signs = degenerate_signs(LABELS, train, LABELS, validation)
    assert len(signs) == len(said)
    assert all(part in sign for part, sign in zip(said, signs, strict=True))
