"""Data: the column schema, the synthetic world, and loaders for real data."""

from ambiguity_lib.data.emotion import (
    load_affective_text,
    load_affective_text_splits,
    load_goemotions,
    load_good_news_everyone,
    scores_to_distributions,
)
from ambiguity_lib.data.folds import hold_out, normalise_premise, text_folds
from ambiguity_lib.data.labelled import LABEL_COLUMNS
from ambiguity_lib.data.nli import (
    load_chaosnli,
    load_mnli,
    load_mnli_with_chaosnli,
    load_snli,
    load_snli_with_chaosnli,
)
from ambiguity_lib.data.published import (
    Predictions,
    align_predictions,
    available_predictions,
    load_predictions,
    published_scores,
)
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
from ambiguity_lib.data.sources import DownloadError, data_directory, fetch_all
from ambiguity_lib.data.splits import DataConfig, load_splits
from ambiguity_lib.data.world.headlines import HeadlinesConfig, generate_headlines
from ambiguity_lib.data.world.synthetic import SyntheticConfig, generate_synthetic

__all__ = [
    "EMOTION_CLASSES",
    "LABEL_COLUMNS",
    "NLI_CLASSES",
    "DataConfig",
    "DownloadError",
    "HeadlinesConfig",
    "Predictions",
    "Splits",
    "SyntheticConfig",
    "align_predictions",
    "available_predictions",
    "build_dataset",
    "check_dataset",
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
    "load_good_news_everyone",
    "load_mnli",
    "load_mnli_with_chaosnli",
    "load_predictions",
    "load_snli",
    "load_snli_with_chaosnli",
    "load_splits",
    "make_features",
    "normalise_premise",
    "published_scores",
    "reorder_classes",
    "scores_to_distributions",
    "text_folds",
]
