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
from typing import Annotated, Any

import numpy as np
import pandas as pd
from datasets import Dataset, Features
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass as settings

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
from ambiguity_lib.data.world.words import draw_by_chance

logger = logging.getLogger(__name__)

KINDS: tuple[ItemKind, ...] = (quantifiers, inferences, same_event)


@settings(frozen=True, config={"extra": "forbid"})
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

    train_items: PositiveInt = 4000
    validation_items: PositiveInt = 1000
    evaluation_items: PositiveInt = 1000
    seed: NonNegativeInt = 0
    annotator_spread: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    lapse_rate: Annotated[float, Field(ge=0, lt=1)] = 0.02
    gold_votes: PositiveInt = 5
    agreement: PositiveInt = 3
    fresh_votes: PositiveInt = 100
    hypotheses_per_premise: PositiveInt = 3
    kind_shares: tuple[NonNegativeFloat, NonNegativeFloat, NonNegativeFloat] = (1 / 3, 1 / 3, 1 / 3)

    def __post_init__(self) -> None:
        """Check what no single field shows."""
        if self.gold_votes % 2 == 0:
            raise ValueError(f"gold_votes must be odd, got {self.gold_votes}")
        if not self.gold_votes // 2 < self.agreement <= self.gold_votes:
            raise ValueError(
                f"agreement must be a majority of the {self.gold_votes} gold votes, got "
                f"{self.agreement}"
            )
        if abs(sum(self.kind_shares) - 1) > 1e-9:
            raise ValueError(f"kind_shares must sum to one, got {self.kind_shares}")


def generate_synthetic(config: SyntheticConfig) -> Splits:
    """Generate training, validation and evaluation items that share no premise.

    All splits have `label_dist`, the exact truth, from which nothing learns; only evaluation has
    `label_counts` (the fresh votes) and `majority_label` (their majority; a tie goes to the gold
    label if it is tied, else to the first class). uids are
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
        self._shares = config.kind_shares
        self._used: list[np.ndarray] = [np.empty(0, dtype=np.int64) for _ in KINDS]

    def take(self, size: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Draw about `size` premises.

        For every kind: its index, the places of its premises in a common order of all kinds, and
        the premises, (n, P).
        """
        kinds = draw_by_chance(self._rng, self._shares, size)
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


def _make_split(
    rng: np.random.Generator, pool: _PremisePool, config: SyntheticConfig, name: str, wanted: int
) -> Dataset:
    """Draw premises until there are `wanted` items, and write those out."""
    human = name == "evaluation"
    batches: list[pd.DataFrame] = []
    found = drawn = without_majority = 0
    # A guess at the share of items that stay; the loop goes on where it was too high.
    share = 0.15 if human else 0.9
    while found < wanted:
        size = int((wanted - found) / (share * config.hypotheses_per_premise)) + 16
        batch, candidates, dropped = _draw_batch(rng, pool, config, size, human, wanted - found)
        batches.append(batch)
        found += len(batch)
        drawn += candidates
        without_majority += dropped
    logger.info(
        "synthetic %s: %d items of %d drawn, %d of them without a majority dropped",
        name, wanted, drawn, without_majority,
    )  # fmt: skip
    items = pd.concat(batches, ignore_index=True)
    labels, weights = items["label"].to_numpy(), items[[0, 1, 2]].to_numpy()
    columns: dict[str, Any] = {
        "uid": [f"{kind}-{name}-{row:06d}" for row, kind in enumerate(items["kind"])],
        "text": items["text"].tolist(),
        "text_pair": items["text_pair"].tolist(),
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
) -> tuple[pd.DataFrame, int, int]:
    """Draw items for about `size` premises and keep at most `limit`.

    Gives the items that are kept (kind, text, text_pair, label and, as columns 0 to 2, weights),
    how many were drawn, and how many of them had no majority.
    """
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
    # Only what was chosen is written out.
    sources = [(items, row) for items in candidates for row in range(len(items.premises))]
    texts = [
        (
            items.kind.NAME,
            *items.kind.render(items.premises[row].tolist(), items.hypotheses[row].tolist()),
        )
        for items, row in (sources[index] for index in chosen)
    ]
    batch = pd.DataFrame(texts, columns=["kind", "text", "text_pair"])
    batch["label"] = votes.argmax(axis=1)[chosen]
    return batch.join(pd.DataFrame(weights[chosen])), len(keep), int((~has_majority).sum())
