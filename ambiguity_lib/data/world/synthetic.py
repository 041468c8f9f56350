"""The synthetic world: pairs of sentences whose opinion distributions are known exactly.

It mirrors how ChaosNLI came to be. Items are premise/hypothesis pairs of three kinds, each with
annotators whose behaviour is stated in its module:

- `quantifiers`: "63 of the 80 guests left early ." / "most of the guests left early ."
- `inferences`: "a nurse is drinking coffee at the station ..." / "perhaps the nurse is on a trip ."
- `same_event`: "a man in a red shirt is singing in the park ." / "the lady is singing ."

The true distribution of an item is the share of annotators who answer entailment, neutral or
contradiction; it follows exactly from the annotator models (`annotators.true_distribution`) and is
stored, rounded to 1e-8, as `label_dist`. The gold label is the majority of `gold_votes` votes;
items without a majority are dropped, as SNLI's without gold label are. The evaluation
items are those on which at most `agreement` annotators agreed, with `fresh_votes` new votes.

Parameters are chosen for realism and stay as they are whatever a chapter finds. For orientation:
of SNLI's pairs with five labels 58 % are unanimous and 2 % without a majority (Bowman et al.,
2015), and ChaosNLI-S, three of five, is 15 % of SNLI's dev pairs; here it is 58 %, 1.5 % and 16 %.
The evaluation items' mean entropy is 0.66 nats here and 0.55 in ChaosNLI-S (0.74 in ChaosNLI-M).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset, Features

from ambiguity_lib.data.schema import NLI_CLASSES, Splits, build_dataset, make_features
from ambiguity_lib.data.world import inferences as inferences
from ambiguity_lib.data.world import quantifiers as quantifiers
from ambiguity_lib.data.world import same_event as same_event
from ambiguity_lib.data.world.annotators import (
    RESOLUTION,
    ItemKind,
    Items,
    draw_votes,
    majority,
    to_weights,
    true_distribution,
)

logger = logging.getLogger(__name__)

KINDS: tuple[ItemKind, ...] = (quantifiers, inferences, same_event)


@dataclass(frozen=True)
class SyntheticConfig:
    """Sizes and parameters of the synthetic world.

    Attributes:
        train_items: Exact number of training items.
        validation_items: Exact number of validation items.
        evaluation_items: Exact number of evaluation items.
        seed: Determines everything that is drawn.
        annotator_spread: Scales how much annotators differ; the modules of the kinds give the
            standard deviations at 1.
        lapse_rate: Share of answers given without reading, uniform over the classes.
        gold_votes: Annotators behind the gold label; odd.
        agreement: Evaluation items are those on which at most so many of them agreed.
        fresh_votes: New annotators of an evaluation item.
        hypotheses_per_premise: Hypotheses drawn for a premise; repeated ones are dropped.
        kind_shares: Shares of premises of the kinds quantifiers, inferences, same_event.

    Raises:
        ValueError: If a value is out of its range.
    """

    train_items: int = 4000
    validation_items: int = 1000
    evaluation_items: int = 1000
    seed: int = 0
    annotator_spread: float = 1.0
    lapse_rate: float = 0.02
    gold_votes: int = 5
    agreement: int = 3
    fresh_votes: int = 100
    hypotheses_per_premise: int = 3
    kind_shares: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)

    def __post_init__(self) -> None:
        """Check the values."""
        positive = (
            "train_items", "validation_items", "evaluation_items", "annotator_spread",
            "gold_votes", "fresh_votes", "hypotheses_per_premise",
        )  # fmt: skip
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if not 0 <= self.lapse_rate < 1:
            raise ValueError(f"lapse_rate must be in [0, 1), got {self.lapse_rate}")
        if self.gold_votes % 2 == 0:
            raise ValueError(f"gold_votes must be odd, got {self.gold_votes}")
        if not self.gold_votes // 2 < self.agreement <= self.gold_votes:
            raise ValueError(
                f"agreement must be a majority of the {self.gold_votes} gold votes, got "
                f"{self.agreement}"
            )
        if len(self.kind_shares) != len(KINDS) or min(self.kind_shares) < 0:
            raise ValueError(f"kind_shares must be {len(KINDS)} shares, got {self.kind_shares}")
        if abs(sum(self.kind_shares) - 1) > 1e-9:
            raise ValueError(f"kind_shares must sum to one, got {self.kind_shares}")


def generate_synthetic(config: SyntheticConfig) -> Splits:
    """Generate training, validation and evaluation items that share no premise.

    All splits have `label_dist`, the exact truth, which nothing but a human upper bound may learn
    from; only evaluation has `label_counts` (the fresh votes) and `majority_label` (their majority;
    a tie goes to the gold label if it is tied, else to the first class). uids are
    `KIND-SPLIT-NUMBER`. The same configuration gives the same splits on any machine.

    Raises:
        ValueError: If the world has too few premises for the sizes.
    """
    rng = np.random.Generator(np.random.PCG64(config.seed))
    pool = _PremisePool(rng, config)
    train = _make_split(rng, pool, config, "train", config.train_items)
    validation = _make_split(rng, pool, config, "validation", config.validation_items)
    evaluation = _make_split(rng, pool, config, "evaluation", config.evaluation_items)
    return Splits(
        train=train,
        validation=validation,
        evaluation=evaluation,
        name="synthetic",
        description=(
            f"Generated pairs whose opinion distributions are known exactly: {len(train):,} for "
            f"training, {len(validation):,} for validation, labelled by the majority of "
            f"{config.gold_votes} votes, and {len(evaluation):,} for evaluation on which at most "
            f"{config.agreement} of {config.gold_votes} agreed, with {config.fresh_votes} fresh "
            "votes each. No premise is shared between the three."
        ),
    )


class _PremisePool:
    """Hands out premises, none of them twice."""

    def __init__(self, rng: np.random.Generator, config: SyntheticConfig) -> None:
        self._rng = rng
        self._edges = np.cumsum(config.kind_shares[:-1])
        self._used: list[np.ndarray] = [np.empty(0, dtype=np.int64) for _ in KINDS]

    def take(self, size: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Draw about `size` premises."""
        kinds = np.searchsorted(self._edges, self._rng.random(size), side="right")
        drawn = []
        for index, kind in enumerate(KINDS):
            places = np.flatnonzero(kinds == index)
            total = int(np.prod(kind.PREMISE_SIZES))
            # Beyond half of all premises, most draws would be repetitions.
            if len(self._used[index]) + len(places) > total // 2:
                raise ValueError(
                    f"the synthetic world has too few premises of kind '{kind.NAME}' "
                    f"({total:,}) for these sizes; ask for fewer items"
                )
            codes, first = np.unique(self._rng.integers(0, total, len(places)), return_index=True)
            new = ~np.isin(codes, self._used[index])
            self._used[index] = np.concatenate([self._used[index], codes[new]])
            order = np.argsort(first[new])
            premises = np.unravel_index(codes[new][order], kind.PREMISE_SIZES)
            drawn.append((index, places[first[new][order]], np.stack(premises, axis=1)))
        return drawn


@dataclass(frozen=True)
class _Batch:
    """Items that were kept, in their common order."""

    kinds: np.ndarray
    texts: list[str]
    pairs: list[str]
    labels: np.ndarray
    weights: np.ndarray


def _make_split(
    rng: np.random.Generator,
    pool: _PremisePool,
    config: SyntheticConfig,
    name: str,
    wanted: int,
) -> Dataset:
    """Draw premises until there are `wanted` items, and write those out."""
    human = name == "evaluation"
    batches: list[_Batch] = []
    found = drawn = without_majority = 0
    # A guess at the share of items that stay; the loop goes on where it was too high.
    share = 0.15 if human else 0.9
    while found < wanted:
        size = int((wanted - found) / (share * config.hypotheses_per_premise)) + 16
        batch, candidates, dropped = _draw_batch(rng, pool, config, size, human, wanted - found)
        batches.append(batch)
        found += len(batch.labels)
        drawn += candidates
        without_majority += dropped
    logger.info(
        "synthetic %s: %d items of %d drawn, %d of them without a majority dropped",
        name, wanted, drawn, without_majority,
    )  # fmt: skip
    kinds = np.concatenate([batch.kinds for batch in batches]).tolist()
    labels = np.concatenate([batch.labels for batch in batches])
    weights = np.concatenate([batch.weights for batch in batches])
    columns: dict[str, Any] = {
        "uid": [f"{KINDS[kind].NAME}-{name}-{row:06d}" for row, kind in enumerate(kinds)],
        "text": [text for batch in batches for text in batch.texts],
        "text_pair": [pair for batch in batches for pair in batch.pairs],
        "label": labels,
        "label_dist": weights / RESOLUTION,
    }
    features = make_features(NLI_CLASSES, pair=True, human=True)
    if human:
        columns["label_counts"] = draw_votes(rng, weights, config.fresh_votes)
        columns["majority_label"] = majority(columns["label_counts"], labels)
    return build_dataset(columns, Features({key: features[key] for key in columns}))


def _draw_batch(
    rng: np.random.Generator,
    pool: _PremisePool,
    config: SyntheticConfig,
    size: int,
    low_agreement: bool,
    limit: int,
) -> tuple[_Batch, int, int]:
    """Draw items for about `size` premises and keep at most `limit`."""
    candidates: list[Items] = []
    places: list[np.ndarray] = []
    for index, at, premises in pool.take(size):
        rows = np.repeat(np.arange(len(premises)), config.hypotheses_per_premise)
        hypotheses = KINDS[index].draw_hypotheses(rng, premises[rows])
        fresh = np.sort(
            np.unique(np.column_stack([rows, hypotheses]), axis=0, return_index=True)[1]
        )
        candidates.append(Items(KINDS[index], premises[rows[fresh]], hypotheses[fresh]))
        places.append(at[rows[fresh]])
    spread, lapse_rate = config.annotator_spread, config.lapse_rate
    weights = to_weights(
        np.concatenate([true_distribution(c, spread, lapse_rate) for c in candidates])
    )
    votes = draw_votes(rng, weights, config.gold_votes)
    most = votes.max(axis=1)
    has_majority = most > config.gold_votes // 2
    keep = has_majority & (most <= config.agreement) if low_agreement else has_majority
    # Items stand in the order of their premises, so that kinds are mixed throughout.
    order = np.argsort(np.concatenate(places), kind="stable")
    chosen = order[keep[order]][:limit]
    kinds = np.repeat(np.arange(len(KINDS)), [len(c.premises) for c in candidates])
    texts, pairs = _render(candidates, kinds, chosen)
    batch = _Batch(kinds[chosen], texts, pairs, votes.argmax(axis=1)[chosen], weights[chosen])
    return batch, len(keep), int((~has_majority).sum())


def _render(
    candidates: Sequence[Items], kinds: np.ndarray, chosen: np.ndarray
) -> tuple[list[str], list[str]]:
    """Write out the chosen items, and no others, in the order of `chosen`."""
    texts = np.empty(len(chosen), dtype=object)
    pairs = np.empty(len(chosen), dtype=object)
    start = 0
    for index, items in enumerate(candidates):
        here = np.flatnonzero(kinds[chosen] == index)
        rows = chosen[here] - start
        texts[here], pairs[here] = items.kind.render(items.premises[rows], items.hypotheses[rows])
        start += len(items.premises)
    return texts.tolist(), pairs.tolist()
