"""Where and in which precision models run."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ambiguity_lib.models.loading import num_layers

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

_chosen: torch.device | None = None


def default_device() -> torch.device:
    """What :func:`use_device` chose; else the first GPU where there is one, else the CPU.

    Returns:
        The device.

    Examples:
        >>> from ambiguity_lib.models import default_device, use_device
        >>> use_device("cpu")
        >>> default_device()
        device(type='cpu')
    """
    if _chosen is not None:
        return _chosen
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_device(name: str) -> None:
    """Run models on ``"cpu"`` or ``"cuda"`` from now on; ``"auto"`` takes a GPU if there is one.

    Which of several GPUs: by ``CUDA_VISIBLE_DEVICES``, as everywhere.

    Raises:
        ValueError: If the name is none of these, or there is no GPU that could be used.
    """
    global _chosen
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"the device must be 'auto', 'cpu' or 'cuda'; got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("there is no CUDA device here that torch can use; take 'cpu' or 'auto'")
    _chosen = None if name == "auto" else torch.device(name)


def resolve_precision(precision: str) -> str:
    """``"auto"`` → ``"bf16"`` where matrix units for it exist (GPU, AMX), else ``"fp32"``.

    Args:
        precision: ``fp32``, ``bf16`` or ``auto``.

    Returns:
        ``fp32`` or ``bf16``.

    Raises:
        ValueError: If ``precision`` is none of ``fp32``, ``bf16``, ``auto``.

    Examples:
        >>> from ambiguity_lib.models import resolve_precision
        >>> resolve_precision("fp32")
        'fp32'
        >>> resolve_precision("auto") in ("bf16", "fp32")
        True
        >>> resolve_precision("fp16")
        Traceback (most recent call last):
            ...
        ValueError: precision must be 'fp32', 'bf16' or 'auto'; got 'fp16'
    """
    if precision not in ("fp32", "bf16", "auto"):
        raise ValueError(f"precision must be 'fp32', 'bf16' or 'auto'; got {precision!r}")
    if precision != "auto":
        return precision
    if default_device().type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    # where instructions are switched off (ATEN_CPU_CAPABILITY), bf16 would be emulated, slowly
    matrix_units = (
        torch.cpu._is_amx_tile_supported() and "512" in torch.backends.cpu.get_cpu_capability()
    )
    return "bf16" if matrix_units else "fp32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Forward passes in bf16 where ``precision`` says so, see :func:`resolve_precision`."""
    if resolve_precision(precision) == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


Encoded = list[dict[str, list[int]]]


def encode(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """Tokenise ``text`` (and ``text_pair``), truncated to ``max_length`` tokens, unpadded.

    Args:
        dataset: Items with ``text`` (and ``text_pair``).
        tokenizer: The model's tokenizer.
        max_length: Most tokens of an item, special ones included.

    Returns:
        One dict of token lists an item, in the dataset's order.

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.

    Examples:
        >>> from ambiguity_lib.models import encode
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> from ambiguity_lib.models import load_tokenizer
        >>> tokenizer = load_tokenizer("tiny")
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> encoded = encode(reviews, tokenizer, max_length=16)
        >>> tokenizer.convert_ids_to_tokens(encoded[0]["input_ids"])
        ['[CLS]', 'great', 'film', '[SEP]']
    """
    texts = [dataset[name][:] for name in _text_columns(dataset)]
    columns = tokenizer(*texts, truncation=True, max_length=max_length)
    names = list(columns.keys())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def token_counts(dataset: Dataset, tokenizer: PreTrainedTokenizerBase) -> NDArray[np.int64]:
    """Tokens of every item before anything is cut, special tokens included; shape (N,).

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.
    """
    texts = [dataset[name][:] for name in _text_columns(dataset)]
    lengths = tokenizer(
        *texts,
        return_length=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,  # it warns of texts that are too long: they are counted here
    )["length"]
    return np.asarray(lengths, dtype=np.int64)


def _text_columns(dataset: Dataset) -> list[str]:
    if "text" not in dataset.column_names:
        raise ValueError(f"the dataset has no column 'text'; it has {dataset.column_names}")
    if len(dataset) == 0:
        raise ValueError("the dataset is empty: nothing to tokenise")
    return [name for name in ("text", "text_pair") if name in dataset.column_names]


def sorted_batches(
    dataset: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    batch_size: int,
    device: torch.device,
    *,
    description: str,
    progress: bool = True,
) -> Iterator[tuple[NDArray[np.intp], BatchEncoding]]:
    """Yield ``(row indices, padded batch)``, longest texts first, so that little is padding.

    Length is counted in characters, so that every text is tokenised once and only when its batch
    comes: memory does not grow with tokens. The longest come first because a batch that does not
    fit in memory then fails at once.

    Raises:
        ValueError: If the dataset is empty or has no ``text`` column.
    """
    columns = _text_columns(dataset)
    texts = dataset.select_columns(columns)
    lengths = np.concatenate(
        [
            np.sum([[len(text) for text in chunk[name]] for name in columns], axis=0)
            for chunk in texts.iter(batch_size=10_000)
        ]
    )
    order = np.argsort(-lengths, kind="stable")
    starts = range(0, len(order), batch_size)
    for start in tqdm(starts, desc=description, leave=False, disable=not progress or None):
        rows = order[start : start + batch_size]
        items = texts[rows]
        batch = tokenizer(
            *(items[name] for name in columns),
            truncation=True,
            max_length=max_length,
            padding=True,
            return_tensors="pt",
        )
        yield rows, batch.to(device)


def pool(hidden: torch.Tensor, attention_mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool token vectors (B, T, d) to item vectors (B, d).

    Args:
        hidden: Hidden states of one layer.
        attention_mask: 1 for tokens, 0 for padding, shape (B, T).
        pooling: ``"mean"`` over the tokens that are no padding, or ``"cls"``, the first token.

    Returns:
        Item vectors, shape (B, d).

    Raises:
        ValueError: If ``pooling`` is neither.

    Examples:
        >>> import torch
        >>> from ambiguity_lib.models import pool
        >>> hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
        >>> mask = torch.tensor([[1, 1, 0]])

        The third token is padding and does not count:

        >>> pool(hidden, mask, "mean")
        tensor([[2., 3.]])
        >>> pool(hidden, mask, "cls")
        tensor([[1., 2.]])
    """
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "mean":
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1)
    raise ValueError(f"pooling must be 'mean' or 'cls'; got {pooling!r}")


class FeatureWriter:
    """Rows of float16 features, written in any order.

    Half precision keeps three decimal digits, far more than a probe needs, at half the space.
    """

    #: Bytes after which a file's pages are handed back to the operating system.
    FLUSH_BYTES = 1 << 26

    def __init__(self, shape: tuple[int, int, int], path: Path | None = None) -> None:
        """Make room for features of ``shape`` (layers, N, d): in memory, or in a ``.npy`` file."""
        self.features: NDArray[np.float16]
        if path is None:
            self.features = np.empty(shape, dtype=np.float16)
        else:
            self.features = np.lib.format.open_memmap(
                path, mode="w+", dtype=np.float16, shape=shape
            )
        self._pending = 0

    def write(self, rows: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        """Store ``values`` of shape (layers, len(rows), d).

        Raises:
            OverflowError: If a value is not finite in half precision.
        """
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise OverflowError(
                f"a hidden state of row {int(rows[0])} or one of its batch is beyond float16's "
                "65504 or not a number: has the training diverged?"
            )
        self.features[:, rows] = half
        self._pending += half.nbytes
        if self._pending >= self.FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Bring what was written to the file, and release the memory that mapped it."""
        if isinstance(self.features, np.memmap):
            self.features.flush()
            if hasattr(mmap, "MADV_DONTNEED"):  # Linux and macOS
                self.features._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
        self._pending = 0


@torch.inference_mode()
def extract_features(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: Dataset,
    *,
    max_length: int,
    pooling: str = "mean",
    batch_size: int = 64,
    precision: str = "fp32",
    path: Path | None = None,
    progress: bool = True,
) -> NDArray[np.float16]:
    """Pooled hidden states of every layer, in one forward pass over the dataset.

    No more than one batch of full hidden states exists at a time. Layer 0 is the embedding output.

    Args:
        model: A supported sequence classifier.
        tokenizer: Its tokenizer.
        dataset: N items.
        max_length: Longest input in tokens.
        pooling: ``"mean"`` or ``"cls"``.
        batch_size: Items per forward pass.
        precision: Of the forward pass: ``"fp32"``, ``"bf16"`` or ``"auto"``.
        path: Where to write a memory-mapped ``.npy`` instead of an array in memory.
        progress: Whether to show a progress bar.

    Returns:
        float16 array of shape (L + 1, N, d), d the hidden size.

    Raises:
        OverflowError: If a hidden state does not fit in float16.

    Examples:
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> from ambiguity_lib.models import extract_features
        >>> from ambiguity_lib.models import load_classifier, load_tokenizer
        >>> model = load_classifier("tiny", ("bad", "good"))
        >>> tokenizer = load_tokenizer("tiny")
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> features = extract_features(
        ...     model, tokenizer, reviews, max_length=16, progress=False
        ... )

        Four layers and the embeddings, 20 items, hidden states of width 16:

        >>> features.shape, features.dtype
        ((5, 20, 16), dtype('float16'))
    """
    device = default_device()
    encoder = model.base_model.to(device).eval()
    layers = num_layers(model.config) + 1
    writer = FeatureWriter((layers, len(dataset), int(model.config.hidden_size)), path)
    for rows, batch in sorted_batches(
        dataset,
        tokenizer,
        max_length,
        batch_size,
        device,
        description="hidden states",
        progress=progress,
    ):
        with autocast(device, precision):
            states = encoder(**batch, output_hidden_states=True).hidden_states
        pooled = [pool(state.float(), batch["attention_mask"], pooling) for state in states]
        writer.write(rows, torch.stack(pooled).cpu().numpy())
        del states, pooled  # or they would live through the next forward pass
    writer.flush()
    return writer.features
