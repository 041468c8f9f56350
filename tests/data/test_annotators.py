from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.data.world import inferences as inferences
from ambiguity_lib.data.world import quantifiers as quantifiers
from ambiguity_lib.data.world import same_event as same_event
from ambiguity_lib.data.world.annotators import (
    CLASSES,
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    RESOLUTION,
    ItemKind,
    Items,
    draw_votes,
    graded_distribution,
    majority,
    to_weights,
    true_distribution,
)
from ambiguity_lib.data.world.synthetic import KINDS

SPREAD, LAPSES = 1.0, 0.02
kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.NAME for kind in KINDS])


def draw_items(kind: ItemKind, size: int, seed: int) -> Items:
    """Draw items of one kind, premises with replacement."""
    rng = np.random.Generator(np.random.PCG64(seed))
    premises = rng.integers(0, kind.PREMISE_SIZES, size=(size, len(kind.PREMISE_SIZES)))
    return Items(kind, premises, kind.draw_hypotheses(rng, premises))


# Annotators one by one, as the modules of the kinds describe them: each follows the steps of its
# model and shares no formula of probability with the exact distribution, so that the two check
# each other. Each row is answered by one annotator with traits drawn anew.


def graded_answer(
    score: np.ndarray, neutral: float | np.ndarray, strictness: np.ndarray
) -> np.ndarray:
    answer = np.full(score.shape, NEUTRAL)
    answer[score > neutral + strictness] = ENTAILMENT
    answer[score < -neutral + strictness] = CONTRADICTION
    return answer


def simulate_quantifiers(rng: np.random.Generator, items: Items, spread: float) -> np.ndarray:
    n = len(items.premises)
    asserted, implied = quantifiers.scores(items.premises, items.hypotheses)
    words = [quantifiers.QUANTIFIERS[index] for index in items.hypotheses[:, 0]]
    reads_more = rng.random(n) < np.array([q.implied_share for q in words])
    strictness = spread * rng.standard_normal(n)
    score = np.where(reads_more, implied, asserted)
    answer = graded_answer(score, np.array([q.neutral for q in words]), strictness)
    guesses = np.where(rng.random(n) < 0.5, ENTAILMENT, CONTRADICTION)
    loose = np.where(rng.random(n) < quantifiers.GUESS_RATE, guesses, NEUTRAL)
    return np.where(items.hypotheses[:, 1] == quantifiers.UNRELATED, loose, answer)


def simulate_inferences(rng: np.random.Generator, items: Items, spread: float) -> np.ndarray:
    strictness = inferences.STRICTNESS * spread * rng.standard_normal(len(items.premises))
    score = inferences.plausibility(items.premises, items.hypotheses)
    return graded_answer(score, inferences.NEUTRAL_BAND, strictness)


def simulate_same_event(rng: np.random.Generator, items: Items, spread: float) -> np.ndarray:
    clash, claim, same = same_event.clash_and_claim(items.premises, items.hypotheses)
    traits = spread * rng.standard_normal((3, len(items.premises)))
    sees_clash = clash > same_event.CLASH_THRESHOLD + same_event.CLASH_SD * traits[0]
    accepts = claim + clash / 2 < same_event.ACCEPTED + same_event.ACCEPTED_SD * traits[2]
    conflict = np.where(traits[1] < same, CONTRADICTION, NEUTRAL)
    return np.where(sees_clash, conflict, np.where(accepts, ENTAILMENT, NEUTRAL))


SIMULATE = {
    quantifiers.NAME: simulate_quantifiers,
    inferences.NAME: simulate_inferences,
    same_event.NAME: simulate_same_event,
}


def simulate_annotators(
    items: Items, annotators: int, spread: float, lapse_rate: float, seed: int
) -> np.ndarray:
    """Let annotators answer items, no two the same, and count the answers, (N, 3)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    n = len(items.premises)
    rows = np.repeat(np.arange(n), annotators)
    repeated = Items(items.kind, items.premises[rows], items.hypotheses[rows])
    answers = SIMULATE[items.kind.NAME](rng, repeated, spread)
    lapsed = rng.random(len(rows)) < lapse_rate
    answers = np.where(lapsed, rng.integers(0, CLASSES, len(rows)), answers)
    return np.bincount(rows * CLASSES + answers, minlength=n * CLASSES).reshape(n, CLASSES)


def standard_errors(items: Items, annotators: int, spread: float, lapses: float) -> np.ndarray:
    """Give (simulated - exact share) in standard errors, (N, 3)."""
    exact = true_distribution(items, spread, lapses)
    counts = simulate_annotators(items, annotators, spread, lapses, seed=7)
    assert (counts.sum(axis=1) == annotators).all()
    return (counts / annotators - exact) / np.sqrt(exact * (1 - exact) / annotators)


@kinds
def test_exact_distribution_equals_many_annotators(kind: ItemKind) -> None:
    # 200,000 annotators an item, so that an error of 0.005 anywhere would show
    items = draw_items(kind, 5, seed=3)
    assert np.abs(standard_errors(items, 200_000, SPREAD, LAPSES)).max() < 4.5


@kinds
@pytest.mark.parametrize(("spread", "lapses"), [(1.0, 0.02), (0.5, 0.1), (2.0, 0.05)])
def test_exact_distribution_over_many_items(kind: ItemKind, spread: float, lapses: float) -> None:
    items = draw_items(kind, 400, seed=11)
    z = standard_errors(items, 1000, spread, lapses)
    # small shares are skewed in 1,000 votes; their squares still average to one
    assert np.abs(z).max() < 7
    assert np.mean(z**2) == pytest.approx(1.0, abs=0.2)


@kinds
def test_distributions_are_distributions(kind: ItemKind) -> None:
    probs = true_distribution(draw_items(kind, 20_000, seed=5), SPREAD, LAPSES)
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


@kinds
def test_words_are_lower_case_and_spaced(kind: ItemKind) -> None:
    items = draw_items(kind, 3000, seed=1)
    for premise, hypothesis in zip(items.premises.tolist(), items.hypotheses.tolist(), strict=True):
        for text in kind.render(premise, hypothesis):
            assert text == " ".join(text.lower().split())
            assert text.endswith(" .")
            assert all(word.isalnum() or word in (".", ",") for word in text.split()), text
