"""Classifiers at a chosen depth: plain Hugging Face models, no class of our own.

A student of depth k is ``from_pretrained(source, num_hidden_layers=k)``. The one thing that differs
between families is the config field that says how deep the encoder is; :data:`SUPPORTED_FAMILIES`
knows it. Depth counts layers from 1; layer 0 is the embedding output.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    set_seed,
)

from ambiguity_lib.artifacts import file_sha256
from ambiguity_lib.profiles import ModelConfig, ScratchConfig

logger = logging.getLogger(__name__)

#: ``model_type`` → name of the config field that holds the number of encoder layers.
SUPPORTED_FAMILIES: MappingProxyType[str, str] = MappingProxyType(
    {
        "bert": "num_hidden_layers",
        "roberta": "num_hidden_layers",
        "distilbert": "n_layers",
        "electra": "num_hidden_layers",
        "deberta-v2": "num_hidden_layers",
        "modernbert": "num_hidden_layers",
    }
)

_SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def _depth_field(config: PreTrainedConfig) -> str:
    try:
        return SUPPORTED_FAMILIES[config.model_type]
    except KeyError:
        raise ValueError(
            f"unsupported architecture {config.model_type!r}; "
            f"supported: {', '.join(sorted(SUPPORTED_FAMILIES))}"
        ) from None


def num_layers(config: PreTrainedConfig) -> int:
    """Number of encoder layers of a supported architecture.

    Raises:
        ValueError: If the architecture is not in :data:`SUPPORTED_FAMILIES`.
    """
    return int(getattr(config, _depth_field(config)))


def config_at_depth(config: PreTrainedConfig, depth: int) -> PreTrainedConfig:
    """A copy of ``config`` whose encoder stops after layer ``depth``.

    Raises:
        ValueError: If the architecture is unsupported or ``depth`` is not in 1 … number of layers.
    """
    total = num_layers(config)
    if not 1 <= depth <= total:
        raise ValueError(f"depth must be between 1 and {total}, the model's layers; got {depth}")
    shallow = copy.deepcopy(config)
    setattr(shallow, _depth_field(config), depth)
    # ModernBERT names the kind of attention of every layer; a longer list would not fit.
    if getattr(config, "layer_types", None) is not None:
        shallow.layer_types = list(config.layer_types)[:depth]
    return shallow


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence the load report: unused upper layers and a new head are what we asked for."""
    verbosity = transformers.logging.get_verbosity()
    progress = transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)
        if progress:
            transformers.logging.enable_progress_bar()


def load_config(source: str | Path) -> PreTrainedConfig:
    """Configuration of a supported architecture.

    Args:
        source: A hub id or the path of a Hugging Face folder.

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the architecture is not in :data:`SUPPORTED_FAMILIES`.
    """
    config = _load("configuration", source, lambda: AutoConfig.from_pretrained(source))
    _depth_field(config)
    return config


def _load(what: str, source: str | Path, load: Callable[[], Any]) -> Any:
    try:
        with quiet_transformers():
            return load()
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"cannot load the {what} of {str(source)!r}: it is neither a readable Hugging Face "
            "folder nor reachable on the hub. Give the path of a folder, or check the name and "
            f"the network. Supported architectures: {', '.join(sorted(SUPPORTED_FAMILIES))}. "
            f"({error})"
        ) from error


def load_classifier(
    source: str | Path,
    class_names: Sequence[str],
    *,
    depth: int | None = None,
    seed: int = 0,
) -> PreTrainedModel:
    """Load an encoder with a classification head, stopped after layer ``depth``.

    Weights that the checkpoint lacks (usually the head) are drawn with ``seed``.

    Args:
        source: A hub id or the path of a Hugging Face folder.
        class_names: Names in the order of the logits; they become ``id2label``.
        depth: Layers to keep; all by default.
        seed: Seed of newly initialised weights.

    Returns:
        A plain ``AutoModelForSequenceClassification`` in evaluation mode.

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the architecture is unsupported, the depth out of range, or the checkpoint
            has a trained head of another number of classes.
    """
    config = load_config(source)
    head = any("SequenceClassification" in name for name in config.architectures or ())
    if head and config.num_labels != len(class_names):
        raise ValueError(
            f"{source} has a head of {config.num_labels} classes, but {len(class_names)} are asked "
            "for; start from a checkpoint of the encoder alone"
        )
    config = config_at_depth(config, num_layers(config) if depth is None else depth)
    config.id2label = dict(enumerate(class_names))
    config.label2id = {name: index for index, name in enumerate(class_names)}
    set_seed(seed)
    model = _load(
        "weights",
        source,
        lambda: AutoModelForSequenceClassification.from_pretrained(
            source, config=config, dtype=torch.float32, use_safetensors=True
        ),
    )
    return model.eval()


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer that belongs to ``source``.

    Raises:
        FileNotFoundError: If there is none.
    """
    return _load("tokenizer", source, lambda: AutoTokenizer.from_pretrained(source))


def resolve_source(model: ModelConfig) -> str:
    """The hub id or folder to load ``model`` from, preferring an installed package's weights.

    Raises:
        FileNotFoundError: If the package is installed without its weights.
        ValueError: If the package's weights are not the ones that the profile names (sha256).
    """
    if model.package is None:
        return model.source
    module, _, folder = model.package.partition("/")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        logger.info("package %s is not installed; %s comes from the hub", module, model.source)
        return model.source
    path = Path(spec.origin).parent / folder
    if model.sha256 is not None:
        weights = path / "model.safetensors"
        if not weights.is_file():
            raise FileNotFoundError(f"{weights} is missing; reinstall the package {module}")
        found = file_sha256(weights)
        if found != model.sha256:
            raise ValueError(
                f"{weights} has sha256 {found}, the profile expects {model.sha256}; "
                f"reinstall the package {module}, or remove it to load {model.source} from the hub"
            )
    return str(path)


def build_scratch_checkpoint(
    config: ScratchConfig,
    texts: Iterable[str],
    class_names: Sequence[str],
    directory: Path,
    *,
    seed: int = 0,
) -> None:
    """Write a randomly initialised checkpoint with a whole-word vocabulary into ``directory``.

    From there on it is treated as any pretrained model, so that nothing else has to know that a
    model started from scratch.

    Args:
        config: Architecture and sizes.
        texts: Training texts; every white-space separated word becomes a token.
        class_names: Names in the order of the logits.
        directory: Existing folder to write to.
        seed: Seed of the weights.

    Raises:
        ValueError: If the texts hold no word.
    """
    words = sorted({word for text in texts for word in text.lower().split()})
    if not words:
        raise ValueError("cannot build a vocabulary: the training texts hold no word")
    tokenizer = _word_tokenizer(words, config.max_length)
    model_config = AutoConfig.for_model(
        config.family,
        vocab_size=len(tokenizer),
        num_hidden_layers=config.layers,
        hidden_size=config.hidden_size,
        num_attention_heads=config.heads,
        intermediate_size=config.intermediate_size,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        # BERT's 0.02 is made for a width of 768: the same scale of activations in a narrow model
        initializer_range=0.02 * (768 / config.hidden_size) ** 0.5,
        max_position_embeddings=config.max_length + 2,
        pad_token_id=tokenizer.pad_token_id,
    )
    model_config.id2label = dict(enumerate(class_names))
    model_config.label2id = {name: index for index, name in enumerate(class_names)}
    set_seed(seed)
    with quiet_transformers():
        AutoModelForSequenceClassification.from_config(model_config).save_pretrained(directory)
        tokenizer.save_pretrained(directory)


def _word_tokenizer(words: Sequence[str], max_length: int) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel

    vocabulary = {token: index for index, token in enumerate([*_SPECIAL_TOKENS.values(), *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **_SPECIAL_TOKENS,
    )
