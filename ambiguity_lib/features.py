"""Pooled hidden states of every layer from one forward pass, written with flat memory."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ambiguity_lib.batching import sorted_batches
from ambiguity_lib.devices import autocast, default_device
from ambiguity_lib.models import num_layers


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
        >>> from ambiguity_lib.features import pool
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
        >>> from ambiguity_lib.data import read_dataset
        >>> from ambiguity_lib.features import extract_features
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
