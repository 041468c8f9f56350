"""Scores of published models, to stand beside ours; their source is named with each table."""

from __future__ import annotations

import pandas as pd

_COLUMNS = ("JSD", "KL", "accuracy_old", "accuracy_new")
#: README of github.com/easonnie/ChaosNLI (Nie et al., 2020): JS distance, KL in nats, accuracies.
_CHAOSNLI = {
    "ChaosSNLI": {
        "BERT-base": (0.2345, 0.4810, 0.7008, 0.7292),
        "RoBERTa-base": (0.2294, 0.5045, 0.7272, 0.7536),
        "DistilBERT": (0.2439, 0.4682, 0.6711, 0.7021),
        "BERT-large": (0.2300, 0.5017, 0.7266, 0.7384),
        "RoBERTa-large": (0.2210, 0.4937, 0.7490, 0.7867),
        "BART-large": (0.2203, 0.4714, 0.7424, 0.7827),
    },
    "ChaosMNLI": {
        "BERT-base": (0.3055, 0.7204, 0.5991, 0.5591),
        "RoBERTa-base": (0.3073, 0.7807, 0.6391, 0.5922),
        "DistilBERT": (0.3133, 0.6652, 0.5472, 0.5103),
        "BERT-large": (0.3152, 0.8449, 0.6123, 0.5691),
        "RoBERTa-large": (0.3112, 0.8701, 0.6742, 0.6354),
        "BART-large": (0.3165, 0.8845, 0.6635, 0.5922),
    },
}


def published_scores(dataset: str) -> pd.DataFrame:
    """What the README of ChaosNLI publishes for models fine-tuned on SNLI or MNLI.

    Args:
        dataset: ``"ChaosSNLI"`` or ``"ChaosMNLI"``; any other has no rows.

    Returns:
        One row a model; columns ``JSD`` (the distance), ``KL`` (nats), ``accuracy_old`` and
        ``accuracy_new``.

    Examples:
        >>> from ambiguity_lib.data import published_scores
        >>> published_scores("ChaosSNLI")[["JSD", "KL"]].head(2)
                         JSD      KL
        BERT-base     0.2345  0.4810
        RoBERTa-base  0.2294  0.5045
    """
    rows = _CHAOSNLI.get(dataset, {})
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(_COLUMNS)).astype(float)
