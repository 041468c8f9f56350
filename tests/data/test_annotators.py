from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.data.world.annotators import (
    RESOLUTION,
    Items,
    draw_items,
    draw_votes,
    graded_distribution,
    majority,
    simulate_annotators,
    to_weights,
    true_distribution,
)
from ambiguity_lib.data.world.synthetic import KINDS

SPREAD, LAPSES = 1.0, 0.02
kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.NAME for kind in KINDS])


def standard_errors(items: Items, annotators: int, spread: float, lapses: float) -> np.ndarray:
    """Give (simulated - exact share) in standard errors, (N, 3)."""
    exact = true_distribution(items, spread, lapses)
    counts = simulate_annotators(items, annotators, spread, lapses, seed=7)
    assert (counts.sum(axis=1) == annotators).all()
    return (counts / annotators - exact) / np.sqrt(exact * (1 - exact) / annotators)


@kinds
def test_exact_distribution_equals_many_annotators(kind: object) -> None:
    # 200,000 annotators an item, so that an error of 0.005 anywhere would show
    items = draw_items(kind, 5, seed=3)  # type: ignore[arg-type]
    assert np.abs(standard_errors(items, 200_000, SPREAD, LAPSES)).max() < 4.5


@kinds
@pytest.mark.parametrize(("spread", "lapses"), [(1.0, 0.02), (0.5, 0.1), (2.0, 0.05)])
def test_exact_distribution_over_many_items(kind: object, spread: float, lapses: float) -> None:
    items = draw_items(kind, 400, seed=11)  # type: ignore[arg-type]
    z = standard_errors(items, 1000, spread, lapses)
    # small shares are skewed in 1,000 votes; their squares still average to one
    assert np.abs(z).max() < 7
    assert np.mean(z**2) == pytest.approx(1.0, abs=0.2)


@kinds
def test_distributions_are_distributions(kind: object) -> None:
    probs = true_distribution(draw_items(kind, 20_000, seed=5), SPREAD, LAPSES)  # type: ignore[arg-type]
    assert probs.shape == (20_000, 3)
    assert probs.min() >= LAPSES / 3 - 1e-12
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, atol=1e-12)
    # every class is the clear answer to some items, and some items divide people
    assert (probs.max(axis=0) > 0.9).all()
    assert (probs.max(axis=1) < 0.6).mean() > 0.05


def test_more_spread_more_disagreement() -> None:
    for kind in KINDS:
        items = draw_items(kind, 5000, seed=2)
        entropies = []
        for spread in (0.5, 1.0, 2.0):
            probs = true_distribution(items, spread, LAPSES)
            entropies.append(-(probs * np.log(probs)).sum(axis=1).mean())
        assert entropies[0] < entropies[1] < entropies[2]


def test_graded_distribution_is_symmetric_and_ordered() -> None:
    score = np.linspace(-4, 4, 41)
    probs = graded_distribution(score, 0.7, 0.9)
    np.testing.assert_allclose(probs, probs[::-1, ::-1], atol=1e-12)
    assert (np.diff(probs[:, 0]) > 0).all()
    assert probs.min() >= 0


def test_weights_are_whole_and_complete() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([0.2, 0.2, 0.2], size=5000)
    probs = np.concatenate([probs, [[0.5 + 5e-9, 0.0, 0.5 - 5e-9], [0, 0, 1], [1, 0, 0]]])
    weights = to_weights(probs)
    assert weights.dtype == np.int64
    assert weights.min() >= 0
    assert (weights.sum(axis=1) == RESOLUTION).all()
    np.testing.assert_allclose(weights / RESOLUTION, probs, atol=2e-8)


def test_votes_follow_weights() -> None:
    weights = to_weights(np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    votes = draw_votes(np.random.Generator(np.random.PCG64(0)), weights, 100_000)
    assert (votes.sum(axis=1) == 100_000).all()
    np.testing.assert_allclose(votes[0] / 100_000, [0.2, 0.5, 0.3], atol=0.006)
    assert votes[1:].tolist() == [[0, 100_000, 0], [100_000, 0, 0]]


def test_majority_and_its_ties() -> None:
    counts = np.array([[1, 5, 4], [5, 5, 0], [5, 5, 0], [0, 5, 5]])
    assert majority(counts, np.array([0, 1, 2, 0])).tolist() == [1, 1, 0, 1]
