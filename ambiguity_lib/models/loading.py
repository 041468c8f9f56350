"""Why a model could not be loaded, in words that say what to do."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
import transformers
from huggingface_hub import is_offline_mode
from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:  # importing these takes seconds, and not every process needs a model
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


@contextlib.contextmanager
def explained(what: str, source: str | Path, families: Sequence[str]) -> Iterator[None]:
    """Turn what transformers raises while it loads something into an error that helps.

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the weights are damaged, do not fit, are there only as a pickle, or need code
            from elsewhere.
    """
    if Path(source).is_file():  # a configuration could be loaded from one, weights could not
        raise FileNotFoundError(
            f"cannot load the {what} of {str(source)!r}: this is a file; give the folder "
            "that it is in"
        )
    try:
        yield
    except SafetensorError as error:
        raise ValueError(
            f"the weights of {str(source)!r} are damaged or cut short ({error}): download or save "
            "the model again"
        ) from error
    except (OSError, ValueError) as error:
        if "trust_remote_code" in str(error):
            raise ValueError(
                f"the model {str(source)!r} comes with code of its own, which would have to run on "
                "this machine; it never is. Take a model whose architecture transformers itself "
                f"has: {', '.join(families)}"
            ) from error
        if (pickles := pickled_weights(source)) is not None:
            raise ValueError(
                f"the weights of {str(source)!r} are there only as {pickles.name}, a pickle, and "
                "loading a pickle can run any code; it is not loaded. Ask its authors for "
                "safetensors, or, if you trust the file, convert it yourself: "
                "AutoModelForSequenceClassification.from_pretrained(...).save_pretrained(...)"
            ) from error
        raise FileNotFoundError(
            f"cannot load the {what} of {str(source)!r}: {_place(source)}. Supported "
            f"architectures: {', '.join(families)}. ({error})"
        ) from error
    except RuntimeError as error:
        raise ValueError(
            f"the {what} of {str(source)!r} do not fit its configuration: {error}"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # whatever a damaged file makes of itself in there
        raise ValueError(
            f"the {what} of {str(source)!r} cannot be read ({type(error).__name__}: {error}): "
            "download or save the model again"
        ) from error


def pickled_weights(source: str | Path) -> Path | None:
    """The pickle that is all the weights a folder has; None if there are safe ones, or none."""
    folder = Path(source)
    if not folder.is_dir() or any(folder.glob("*.safetensors")):
        return None
    return next(iter(sorted([*folder.glob("*.bin"), *folder.glob("*.pt")])), None)


def _place(source: str | Path) -> str:
    """What is wrong with the place that a model was looked for in."""
    path, text = Path(source), str(source)
    if (path / "config.json").is_file():
        return "the folder is there, but something in it is missing or cannot be read"
    if path.is_dir():
        inside = sorted(str(config.parent) for config in path.glob("*/config.json"))
        hint = f"; there is one in {' and '.join(inside)}" if inside else ": this is no model"
        return f"there is no config.json in this folder{hint}"
    if text.startswith(("/", ".", "~")) or text.count("/") > 1 or "\\" in text:
        return "there is no such folder"
    if is_offline_mode():
        return (
            "there is no such folder, and a model of this name is not in the cache, nor is the hub "
            "asked while HF_HUB_OFFLINE is set; give the path of a folder, or unset it"
        )
    return (
        "there is no such folder, and the hub did not give a model of this name; give the path of "
        "a folder, or check the name and the network"
    )


#: ``model_type`` → name of the config field that holds the number of encoder layers.
SUPPORTED_FAMILIES: MappingProxyType[str, str] = MappingProxyType(
    {
        "bert": "num_hidden_layers",
        "roberta": "num_hidden_layers",
        "xlm-roberta": "num_hidden_layers",
        "camembert": "num_hidden_layers",
        "mpnet": "num_hidden_layers",
        "distilbert": "n_layers",
        "electra": "num_hidden_layers",
        "deberta-v2": "num_hidden_layers",
        "modernbert": "num_hidden_layers",
    }
)
# these number their positions from the padding id on
_PADDED_POSITIONS = ("roberta", "xlm-roberta", "camembert")
# encoders, too, that cannot be cut: why
_UNCUT = {
    "albert": "its layers share their weights, so that nothing would be saved",
    "longformer": "its attention is a window, of which the probes and speeds here know nothing",
    "big_bird": "its attention is sparse, of which the probes and speeds here know nothing",
}


def _depth_field(config: PreTrainedConfig) -> str:
    try:
        return SUPPORTED_FAMILIES[config.model_type]
    except KeyError:
        reason = _UNCUT.get(
            config.model_type,
            "encoders that read a whole text at once; decoders, which generate, are not",
        )
        raise ValueError(
            f"unsupported architecture {config.model_type!r}; "
            f"supported: {', '.join(sorted(SUPPORTED_FAMILIES))} ({reason})"
        ) from None


def num_layers(config: PreTrainedConfig) -> int:
    """Number of encoder layers of a supported architecture.

    Raises:
        ValueError: If the architecture is not in :data:`SUPPORTED_FAMILIES`.
    """
    return int(getattr(config, _depth_field(config)))


def config_at_depth(config: PreTrainedConfig, depth: int) -> PreTrainedConfig:
    """A copy of ``config`` whose encoder stops after layer ``depth``.

    Args:
        config: Configuration of the full model; it is left as it is.
        depth: Layers to keep, from 1.

    Returns:
        The copy.

    Raises:
        ValueError: If the architecture is unsupported or ``depth`` is not in 1 … number of layers.

    Examples:
        >>> from transformers import BertConfig
        >>> from ambiguity_lib.models import config_at_depth
        >>> config_at_depth(BertConfig(), 4).num_hidden_layers
        4
        >>> config_at_depth(BertConfig(), 13)
        Traceback (most recent call last):
            ...
        ValueError: depth must be between 1 and 12, the model's layers; got 13
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

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the architecture is not in :data:`SUPPORTED_FAMILIES`, or the weights are an
            adapter or quantised.
    """
    folder = Path(source)
    if (folder / "adapter_config.json").is_file() and not any(folder.glob("model*.safetensors")):
        raise ValueError(
            f"{str(source)!r} is a PEFT adapter, not a model: merge it into its base model "
            "(merge_and_unload), and save that with save_pretrained"
        )
    config = _load(
        "configuration",
        source,
        lambda: transformers.AutoConfig.from_pretrained(source, trust_remote_code=False),
    )
    if quantised := getattr(config, "quantization_config", None):
        method = quantised.get("quant_method") if isinstance(quantised, Mapping) else None
        raise ValueError(
            f"the weights of {str(source)!r} are quantised ({method or 'to few bits'}), and cannot "
            "be trained or cut: take the model in floating point"
        )
    _depth_field(config)
    return config


def _load(what: str, source: str | Path, load: Callable[[], Any]) -> Any:
    with explained(what, source, sorted(SUPPORTED_FAMILIES)), quiet_transformers():
        return load()


def has_head(config: PreTrainedConfig) -> bool:
    """Whether a checkpoint has a trained classification head."""
    return any("SequenceClassification" in name for name in config.architectures or ())


def unusable_head(config: PreTrainedConfig) -> str | None:
    """Why a model has no probabilities that sum to one over its classes; None if it has."""
    if not config.architectures:
        return "does not say by 'architectures' in its config.json whether it has a trained head"
    if not has_head(config):
        return "has no classification head"
    if config.num_labels == 1 or config.problem_type == "regression":
        return "has a head that gives a number (regression), not classes"
    if config.problem_type == "multi_label_classification":
        return "has a head that gives several labels at once (problem_type in its config.json)"
    return None


def head_classes(config: PreTrainedConfig) -> tuple[str, ...] | None:
    """Class names of a trained softmax head; None if there is no such head.

    Raises:
        ValueError: If they are not one name for each of 0 … C − 1.
    """
    if unusable_head(config) is not None:
        return None
    labels: Mapping[Any, str] = config.id2label or {}
    names = tuple(str(labels.get(index) or "").strip() for index in range(len(labels)))
    if set(labels) != set(range(len(labels))) or "" in names or len(set(names)) < len(names):
        raise ValueError(
            f"id2label in the config.json of {config.name_or_path!r} must have a name of its own "
            f"for each of 0 to {len(labels) - 1}, in the order of the logits; got {labels}"
        )
    numbers = {index: str(name) for name, index in (config.label2id or {}).items()}
    others = tuple(numbers.get(index, "") for index in range(len(names)))
    if len(numbers) != len(names) or "" in others or nameless(others):
        return names
    if nameless(names):
        return others
    if names != others:
        raise ValueError(
            f"id2label and label2id in the config.json of {config.name_or_path!r} contradict each "
            f"other: {names}, {others}"
        )
    return names


def nameless(names: Sequence[str]) -> bool:
    """Whether classes have only numbers, or the names that transformers gives to those without."""
    numbers = [str(index) for index in range(len(names))]
    return [name.upper().removeprefix("LABEL_") for name in names] == numbers


def load_classifier(
    source: str | Path,
    class_names: Sequence[str],
    *,
    depth: int | None = None,
    new_head: bool = False,
    seed: int = 0,
) -> PreTrainedModel:
    """Load an encoder with a classification head, stopped after layer ``depth``.

    Weights that the checkpoint lacks (usually the head) are drawn with ``seed``.

    Args:
        source: A hub id or the path of a Hugging Face folder.
        class_names: Names in the order of the logits; they become ``id2label``.
        depth: Layers to keep; all by default.
        new_head: Whether to drop a trained head of another number of classes.
        seed: Seed of newly initialised weights.

    Returns:
        A plain ``AutoModelForSequenceClassification`` in evaluation mode.

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the architecture is unsupported, the depth out of range, the weights damaged,
            only there as a pickle or in need of code from elsewhere, or the checkpoint has a
            trained head of another number of classes.

    Examples:
        >>> from ambiguity_lib.models import load_classifier
        >>> model = load_classifier("tiny", ("bad", "good"), depth=2)
        >>> model.config.num_hidden_layers, model.config.id2label
        (2, {0: 'bad', 1: 'good'})
        >>> load_classifier("tiny", ("bad", "good"), depth=5)
        Traceback (most recent call last):
            ...
        ValueError: depth must be between 1 and 4, the model's layers; got 5
    """
    config = load_config(source)
    trained = has_head(config) and not new_head
    if trained and config.num_labels != len(class_names):
        raise ValueError(
            f"{source} has a head of {config.num_labels} classes, but {len(class_names)} are asked "
            "for; start from a checkpoint of the encoder alone"
        )
    if trained and (reason := unusable_head(config)) is not None:
        raise ValueError(f"{str(source)!r} {reason}: there is no distribution over the classes")
    whole = depth is None or depth == num_layers(config)
    config = config_at_depth(config, num_layers(config) if depth is None else depth)
    config.id2label = dict(enumerate(class_names))
    config.label2id = {name: index for index, name in enumerate(class_names)}
    config.problem_type = None  # another one would make pipelines apply something else than softmax
    transformers.set_seed(seed)
    model, found = _load(
        "weights",
        source,
        lambda: transformers.AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # reported, and refused below
            trust_remote_code=False,
            output_loading_info=True,
        ),
    )
    _check_weights(model, found, source, trained=trained, whole=whole)
    return model.eval()


def _check_weights(
    model: PreTrainedModel,
    found: Mapping[str, Any],
    source: str | Path,
    *,
    trained: bool,
    whole: bool,
) -> None:
    """Refuse what is not the model that was saved: only an untrained head may be drawn at random.

    The pooler is part of a head, which was trained with it.
    """
    encoder = f"{model.base_model_prefix}."
    absent = [*(name for name, *_ in found["mismatched_keys"]), *found["missing_keys"]]
    inner = [
        name
        for name in absent
        if name.startswith(encoder) and not name.startswith(f"{encoder}pooler.")
    ]
    if inner or (trained and absent):
        part = "encoder" if inner else "head"
        first, *_ = inner or sorted(absent)
        other = next((name for name in found["unexpected_keys"] if name.endswith(f".{first}")), "")
        hint = f"; there is {other!r}: take the prefix away and save again" if other else ""
        raise ValueError(
            f"the weights of {str(source)!r} do not fit its configuration: {len(inner or absent)} "
            f"weights of the {part} are missing or of another shape, first {first}{hint}"
        )
    above = [name for name in found["unexpected_keys"] if re.search(r"layers?\.\d+\.", name)]
    if whole and above:
        raise ValueError(
            f"the weights of {str(source)!r} have more layers than its configuration says "
            f"({num_layers(model.config)}), first {above[0]}"
        )
    for file in Path(source).glob("*.safetensors") if Path(source).is_dir() else ():
        with safe_open(file, "pt") as opened:
            for name in list(opened.keys()):
                if name.endswith("weight") and opened.get_slice(name).get_dtype()[0] not in "FB":
                    raise ValueError(
                        f"the weights of {str(source)!r} are whole numbers (first {name}), as of a "
                        "quantised model: take the model in floating point"
                    )
    for name, weight in model.state_dict().items():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise ValueError(
                f"the weights of {str(source)!r} hold NaN or infinite values, first in {name}: has "
                "the training diverged?"
            )


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer that belongs to ``source``.

    Args:
        source: A hub id or the path of a Hugging Face folder.

    Returns:
        The tokenizer.

    Raises:
        FileNotFoundError: If there is none, or one that knows no word.
        ValueError: If it has no padding token, or tokens that the model has no embedding for.

    Examples:
        >>> from ambiguity_lib.models import load_tokenizer
        >>> load_tokenizer("tiny").tokenize("great film")
        ['great', 'film']
    """
    tokenizer = _load(
        "tokenizer",
        source,
        lambda: transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False),
    )
    vocabulary = tokenizer.get_vocab()
    if not vocabulary.keys() - set(tokenizer.all_special_tokens):  # transformers makes an empty one
        raise FileNotFoundError(
            f"there is no tokenizer in {str(source)!r}: save it beside the weights "
            "(tokenizer.save_pretrained)"
        )
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"the tokenizer in {str(source)!r} has no padding token: name one as pad_token in its "
            "tokenizer_config.json"
        )
    config = load_config(source)
    if config.pad_token_id != tokenizer.pad_token_id and len(vocabulary) < config.vocab_size:
        raise ValueError(
            f"the tokenizer in {str(source)!r} has its padding at {tokenizer.pad_token_id}, the "
            f"model at {config.pad_token_id}: its words are not where the model has them"
        )
    tokenizer.padding_side = "right"  # positions count from the left
    rows, highest = config.vocab_size, max(vocabulary.values())
    if highest >= rows:
        raise ValueError(
            f"the tokenizer in {str(source)!r} has a token {highest}, the model embeddings for 0 "
            f"to {rows - 1} only: is it another model's?"
        )
    return tokenizer


def position_limit(config: PreTrainedConfig) -> int:
    """Tokens that a model has positions for, special tokens included."""
    taken = (config.pad_token_id or 0) + 1 if config.model_type in _PADDED_POSITIONS else 0
    if config.model_type == "mpnet":  # whose padding is 1, whatever its configuration says
        taken = 2
    return int(config.max_position_embeddings - taken)


def longest_input(
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    *,
    pair: bool = False,
) -> int:
    """Tokens at which texts, or pairs, are cut: ``max_length``, or less where a model takes less.

    Raises:
        ValueError: If nothing would be left of a text but the special tokens.
    """
    # a tokenizer that knows no limit says 1e30
    limit = int(min(max_length, position_limit(config), tokenizer.model_max_length))
    least = tokenizer.num_special_tokens_to_add(pair=pair) + 1 + pair
    if limit < least:
        what = "a pair" if pair else "a text"
        raise ValueError(f"a max_length of {limit} leaves nothing of {what}: from {least} on")
    return limit
