"""Random tiny models and data for the tests, built in code: no network, no weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from datasets import ClassLabel, Dataset, Features, Value
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from ambiguity_lib.data import Splits
from ambiguity_lib.models import SUPPORTED_FAMILIES, ModelConfig
from ambiguity_lib.models.scratch import build_word_tokenizer
from ambiguity_lib.store import ArtifactStore
from ambiguity_lib.study import Experiment, load_profile

CLASSES = ("entailment", "neutral", "contradiction")
WORDS = tuple("abcdefghijklmnopqrst")
LAYERS = 4
FAMILIES = tuple(sorted(SUPPORTED_FAMILIES))


def tiny_tokenizer(max_length: int = 32):
    """A whole-word tokenizer over :data:`WORDS`."""
    return build_word_tokenizer(WORDS, max_length)


def tiny_model(family: str = "bert", layers: int = LAYERS, seed: int = 0) -> PreTrainedModel:
    """A random classifier of any supported family; every weight is random, so that no two layers
    or norms are alike."""
    sizes = {
        "vocab_size": 5 + len(WORDS),
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 40,
        "pad_token_id": 0,
    }
    if family == "distilbert":
        sizes = {
            "vocab_size": 5 + len(WORDS),
            "dim": 16,
            "n_heads": 2,
            "hidden_dim": 24,
            "max_position_embeddings": 40,
            "pad_token_id": 0,
        }
    if family == "electra":
        sizes["embedding_size"] = 8
    if family == "deberta-v2":
        sizes |= {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "conv_kernel_size": 3,
            "pooler_hidden_size": 16,
        }
    if family == "modernbert":
        sizes |= {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    config = AutoConfig.for_model(family, **sizes)
    setattr(config, SUPPORTED_FAMILIES[family], layers)
    if family == "modernbert":
        config = AutoConfig.for_model(family, num_hidden_layers=layers, **sizes)
    config.id2label = dict(enumerate(CLASSES))
    config.label2id = {name: index for index, name in enumerate(CLASSES)}
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def tiny_dataset(items: int = 24, seed: int = 0) -> Dataset:
    """Random pairs of texts whose label is the first word's place in the alphabet, mod 3."""
    generator = np.random.default_rng(seed)
    first = generator.integers(len(WORDS), size=items)
    rows = {
        "uid": [f"t{seed}-{index}" for index in range(items)],
        "text": [
            " ".join([WORDS[word], *generator.choice(WORDS, size=generator.integers(1, 6))])
            for word in first
        ],
        "text_pair": [
            " ".join(generator.choice(WORDS, size=generator.integers(1, 6))) for _ in first
        ],
        "label": (first % 3).tolist(),
    }
    features = Features(
        {
            "uid": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": ClassLabel(names=list(CLASSES)),
        }
    )
    return Dataset.from_dict(rows, features=features)


def tiny_experiment(root: Path) -> Experiment:
    """The smoke profile with a random classifier in ``root`` for a checkpoint, and a new store."""
    tiny_model(layers=2).save_pretrained(root / "checkpoint")
    tiny_tokenizer().save_pretrained(root / "checkpoint")
    smoke = load_profile(Path(__file__).parent / "profiles" / "smoke.yml")
    train, validation, evaluation = (tiny_dataset(seed=seed) for seed in range(3))
    return Experiment(
        dataclasses.replace(smoke, model=ModelConfig(str(root / "checkpoint"))),
        seed=0,
        splits=Splits(train, validation, evaluation, name="tiny", description=""),
        store=ArtifactStore(root / "store"),
        progress=False,
    )
