"""Data: the column schema, the synthetic world, and loaders for real data.

| module | owns |
|---|---|
| `schema` | columns, checks, fingerprint, `Splits` |
| `synthetic` | the synthetic world: splits whose opinion distributions are known exactly |
| `quantifiers`, `inferences`, `same_event` | its kinds of items, with annotator models |
| `same_event_words` | the word lists of the last |
| `annotators` | what the annotator models have in common: lapses, votes, majorities |
| `reading` | finding and reading local files, with clear errors |
| `nli` | SNLI and ChaosNLI from a local directory |
| `predictions` | logits of published SNLI models from a local directory |
| `splits` | the train, validation and evaluation data of a profile |
"""

from ambiguity_lib.data.nli import load_chaosnli, load_snli, load_snli_with_chaosnli
from ambiguity_lib.data.predictions import (
    Predictions,
    align_predictions,
    available_predictions,
    load_predictions,
)
from ambiguity_lib.data.reading import data_directory
from ambiguity_lib.data.schema import (
    NLI_CLASSES,
    Splits,
    build_dataset,
    check_dataset,
    class_names,
    dataset_fingerprint,
    human_distributions,
    make_features,
)
from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.data.synthetic import SyntheticConfig, generate_synthetic

__all__ = [
    "NLI_CLASSES",
    "Predictions",
    "Splits",
    "SyntheticConfig",
    "align_predictions",
    "available_predictions",
    "build_dataset",
    "check_dataset",
    "class_names",
    "data_directory",
    "dataset_fingerprint",
    "generate_synthetic",
    "human_distributions",
    "load_chaosnli",
    "load_predictions",
    "load_snli",
    "load_snli_with_chaosnli",
    "load_splits",
    "make_features",
]
