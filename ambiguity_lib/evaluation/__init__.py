"""Scores against people, their uncertainty, and what may be said of them."""

from ambiguity_lib.evaluation.resampling import (
    EvaluationConfig,
    Resamples,
    bootstrap_interval,
    compare,
    differences,
    holm,
    summarise,
    summary_table,
)
from ambiguity_lib.evaluation.scores import (
    Gold,
    noise_floor,
    score_items,
    score_probs,
    score_table,
    split_votes,
)
from ambiguity_lib.evaluation.temperature_path import PathComparison, against_path
from ambiguity_lib.evaluation.words import finding, loss, minus, number, side, told, with_interval

__all__ = [
    "EvaluationConfig",
    "Gold",
    "PathComparison",
    "Resamples",
    "against_path",
    "bootstrap_interval",
    "compare",
    "differences",
    "finding",
    "holm",
    "loss",
    "minus",
    "noise_floor",
    "number",
    "score_items",
    "score_probs",
    "score_table",
    "side",
    "split_votes",
    "summarise",
    "summary_table",
    "told",
    "with_interval",
]
