"""Data: the column schema, the synthetic world, and loaders for real data.

| module | owns |
|---|---|
| `schema` | columns, checks, fingerprint, `Splits` |
| `synthetic` | the synthetic world: splits whose opinion distributions are known exactly |
| `quantifiers`, `inferences`, `same_event` | its kinds of items, with annotator models |
| `same_event_words` | the word lists of the last |
| `annotators` | what the annotator models have in common: lapses, votes, majorities |
| `reading` | finding and reading the files of the data directory, with clear errors |
| `download` | fetching them into a per-user cache where no directory is named |
| `sources`, `archives` | where they come from; downloading and unpacking |
| `pairs` | SNLI and MNLI |
| `nli` | ChaosNLI, and SNLI or MNLI for training with it |
| `emotion` | Affective Text from a local directory, GoEmotions from the hub |
| `headlines` | generated headlines with known emotion scores, for Affective Text |
| `predictions` | logits of published SNLI models from a local directory |
| `published` | scores of published models, with their source |
| `folds` | folds in which equal texts stay together |
| `files` | a practitioner's own labelled file as a dataset, or a list of what is wrong with it |
| `columns`, `problems` | which columns hold what; what is wrong, by line |
| `file_rows`, `text_rows`, `text_lines` | the rows of JSONL, CSV, Parquet, `datasets`; lines |
| `file_items`, `file_classes`, `class_labels` | from rows to items; their classes and labels |
| `file_warnings` | what is odd about a file that can be read all the same |
| `opinions`, `opinion_cells` | votes and distributions in such a file, all items and one cell |
| `splits` | the train, validation and evaluation data of a profile |
"""

from ambiguity_lib.data.columns import Columns
from ambiguity_lib.data.download import DownloadError
from ambiguity_lib.data.emotion import (
    load_affective_text,
    load_affective_text_splits,
    load_goemotions,
    scores_to_distributions,
)
from ambiguity_lib.data.files import LabelledFile, check_file, read_dataset
from ambiguity_lib.data.folds import hold_out, text_folds
from ambiguity_lib.data.headlines import HeadlinesConfig, generate_headlines
from ambiguity_lib.data.nli import (
    load_chaosnli,
    load_mnli_with_chaosnli,
    load_snli_with_chaosnli,
)
from ambiguity_lib.data.pairs import load_mnli, load_snli
from ambiguity_lib.data.predictions import (
    Predictions,
    align_predictions,
    available_predictions,
    load_predictions,
)
from ambiguity_lib.data.problems import DataFileError, Problem
from ambiguity_lib.data.published import published_scores
from ambiguity_lib.data.reading import data_directory, fetch_all
from ambiguity_lib.data.schema import (
    EMOTION_CLASSES,
    NLI_CLASSES,
    Splits,
    build_dataset,
    check_dataset,
    class_names,
    count_labels,
    dataset_fingerprint,
    human_distributions,
    make_features,
    reorder_classes,
)
from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.data.synthetic import SyntheticConfig, generate_synthetic

__all__ = [
    "EMOTION_CLASSES",
    "NLI_CLASSES",
    "Columns",
    "DataFileError",
    "DownloadError",
    "HeadlinesConfig",
    "LabelledFile",
    "Predictions",
    "Problem",
    "Splits",
    "SyntheticConfig",
    "align_predictions",
    "available_predictions",
    "build_dataset",
    "check_dataset",
    "check_file",
    "class_names",
    "count_labels",
    "data_directory",
    "dataset_fingerprint",
    "fetch_all",
    "generate_headlines",
    "generate_synthetic",
    "hold_out",
    "human_distributions",
    "load_affective_text",
    "load_affective_text_splits",
    "load_chaosnli",
    "load_goemotions",
    "load_mnli",
    "load_mnli_with_chaosnli",
    "load_predictions",
    "load_snli",
    "load_snli_with_chaosnli",
    "load_splits",
    "make_features",
    "published_scores",
    "read_dataset",
    "reorder_classes",
    "scores_to_distributions",
    "text_folds",
]
