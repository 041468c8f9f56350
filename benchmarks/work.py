"""The same work for several benchmarks: a MiniLM-shaped classifier and texts of SNLI's length."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ambiguity_lib.models import TrainingConfig
from ambiguity_lib.models.scratch import build_word_tokenizer

CLASSES = 3
BATCH_SIZE = 32
MAX_LENGTH = 96
VOCABULARY = 30_522
_SPECIAL_TOKENS = 5
_WORDS = tuple(f"w{index}" for index in range(VOCABULARY - _SPECIAL_TOKENS))


def random_classifier(
    depth: int = 6,
    *,
    hidden: int = 384,
    dropout: float = 0.1,
    architecture: str = "bert",
    **settings: Any,
) -> PreTrainedModel:
    """A BERT classifier of MiniLM's shape, unless ``settings`` differ, with random weights.

    One seed: two depths share their lower layers.
    """
    default = {
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "num_hidden_layers": depth,
        "num_attention_heads": hidden // 32,
        "intermediate_size": 4 * hidden,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "num_labels": CLASSES,
    }
    config = AutoConfig.for_model(architecture, **(default | settings))
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    return model.eval()


def word_tokenizer() -> PreTrainedTokenizerBase:
    """A tokenizer whose vocabulary fills the classifier's word embedding."""
    return build_word_tokenizer(_WORDS, MAX_LENGTH)


def random_items(items: int) -> tuple[Dataset, NDArray[np.int64]]:
    """Texts of 8 to 39 words, 25 tokens on average as in SNLI's pairs, and random labels.

    Words come as often as Zipf's law says, so that as many different ones are used as in English.
    """
    generator = np.random.default_rng(0)
    frequency = 1.0 / np.arange(1, len(_WORDS) + 1)
    lengths = generator.integers(8, 40, size=items)
    drawn = generator.choice(_WORDS, size=lengths.sum(), p=frequency / frequency.sum())
    texts = [" ".join(text) for text in np.split(drawn, np.cumsum(lengths)[:-1])]
    return Dataset.from_dict({"text": texts}), generator.integers(CLASSES, size=items)


def minilm_training(
    precision: Literal["fp32", "bf16", "auto"], *, epochs: int = 1, batch_size: int = BATCH_SIZE
) -> TrainingConfig:
    """The minilm profile's hyper-parameters."""
    return TrainingConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=5e-5,
        weight_decay=0.01,
        warmup_ratio=0.1,
        max_length=MAX_LENGTH,
        precision=precision,
    )
