"""One softmax probe per layer: all features from one forward pass, all probes fitted together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ambiguity_lib.batching import encode, sorted_batches
from ambiguity_lib.models import num_layers
from ambiguity_lib.training import default_device


def pool(hidden: torch.Tensor, attention_mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool token vectors (B, T, H) to item vectors (B, H).

    Args:
        hidden: Hidden states of one layer.
        attention_mask: 1 for tokens, 0 for padding, shape (B, T).
        pooling: ``"mean"`` over the tokens that are no padding, or ``"cls"``, the first token.

    Raises:
        ValueError: If ``pooling`` is neither.
    """
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "mean":
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1)
    raise ValueError(f"pooling must be 'mean' or 'cls'; got {pooling!r}")


@torch.inference_mode()
def extract_features(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: Dataset,
    *,
    max_length: int,
    pooling: str = "mean",
    batch_size: int = 64,
    path: Path | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Pooled hidden states of every layer, in one forward pass over the dataset.

    No more than one batch of full hidden states exists at a time. Layer 0 is the embedding output.

    Args:
        model: A supported sequence classifier.
        tokenizer: Its tokenizer.
        dataset: N items.
        max_length: Longest input in tokens.
        pooling: ``"mean"`` or ``"cls"``.
        batch_size: Items per forward pass.
        path: Where to write a memory-mapped ``.npy`` instead of an array in memory.
        progress: Whether to show a progress bar.

    Returns:
        float32 array of shape (L + 1, N, H).
    """
    device = default_device()
    encoder = model.base_model.to(device).eval()
    encoded = encode(dataset, tokenizer, max_length)
    shape = (num_layers(model.config) + 1, len(encoded), int(model.config.hidden_size))
    if path is None:
        features = np.empty(shape, dtype=np.float32)
    else:
        features = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for rows, batch in sorted_batches(
        encoded, tokenizer, batch_size, device, description="hidden states", progress=progress
    ):
        states = encoder(**batch, output_hidden_states=True).hidden_states
        pooled = [pool(state, batch["attention_mask"], pooling) for state in states]
        features[:, rows] = torch.stack(pooled).float().cpu().numpy()
        del states, pooled  # or they would live through the next forward pass
    if isinstance(features, np.memmap):
        features.flush()
    return features


@dataclass(frozen=True)
class LayerProbes:
    """One softmax regression per layer on standardised features.

    Attributes:
        weight: Shape (L + 1, H, C), for standardised features.
        bias: Shape (L + 1, C).
        mean: Feature means of the training set, shape (L + 1, H).
        scale: Feature standard deviations of the training set, shape (L + 1, H).
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits of every layer's probe.

        Args:
            features: Shape (L + 1, N, H), as from :func:`extract_features`.

        Returns:
            Array of shape (L + 1, N, C).

        Raises:
            ValueError: If the features do not have the probes' layers and width.
        """
        expected = self.mean.shape
        if features.ndim != 3 or (features.shape[0], features.shape[2]) != expected:
            raise ValueError(
                f"features have shape {features.shape}; the probes expect "
                f"({expected[0]}, N, {expected[1]})"
            )
        # One layer at a time: the features may be memory-mapped and large.
        return np.stack(
            [
                ((layer - mean) / scale).astype(np.float64) @ weight + bias
                for layer, mean, scale, weight, bias in zip(
                    features, self.mean, self.scale, self.weight, self.bias, strict=True
                )
            ]
        )

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Distributions of every layer's probe, shape (L + 1, N, C)."""
        return softmax(self.logits(features), axis=-1)

    def save(self, path: Path) -> None:
        """Write the probes to an ``.npz`` file."""
        np.savez(path, weight=self.weight, bias=self.bias, mean=self.mean, scale=self.scale)

    @classmethod
    def load(cls, path: Path) -> LayerProbes:
        """Read probes that :meth:`save` wrote."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in ("weight", "bias", "mean", "scale")})


def fit_probes(
    features: NDArray[np.float32],
    labels: ArrayLike,
    num_classes: int,
    *,
    l2: float = 1e-4,
    max_iterations: int = 200,
    tolerance: float = 1e-6,
) -> LayerProbes:
    """Fit the softmax regressions of all layers together by L-BFGS.

    Per layer the objective is mean cross-entropy in nats + ``l2``/2 · ‖weight‖² on standardised
    features, the bias left free: scikit-learn's ``LogisticRegression`` with C = 1/(N·l2). The
    layers share no parameter, so the minimum of the sum is every layer's own minimum.

    Args:
        features: Shape (L + 1, N, H).
        labels: Integers in 0 … ``num_classes`` − 1, shape (N,).
        num_classes: Number of classes C.
        l2: Strength of the penalty.
        max_iterations: Most L-BFGS iterations; wide features may stop here.
        tolerance: Stop earlier when no gradient entry is larger.

    Returns:
        The probes.

    Raises:
        ValueError: If lengths differ, a label is out of range, or only one class occurs.
    """
    target = np.asarray(labels)
    if features.ndim != 3 or features.shape[1] != len(target):
        raise ValueError(f"features of shape {features.shape} do not fit {len(target)} labels")
    if target.min() < 0 or target.max() >= num_classes:
        raise ValueError(f"labels must be in 0 … {num_classes - 1}; drop unlabelled items first")
    if len(np.unique(target)) < 2:
        raise ValueError("only one class occurs in the labels: there is nothing to probe for")
    device = default_device()
    x = torch.tensor(np.asarray(features), device=device)
    y = torch.as_tensor(target, device=device)
    mean = x.mean(dim=1)
    scale = x.std(dim=1, correction=0)
    # A constant feature ([CLS] or padding at the embedding layer) carries nothing: leave it at 0.
    scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
    x = (x - mean.unsqueeze(1)) / scale.unsqueeze(1)
    layers, items, width = x.shape
    weight = torch.zeros(layers, width, num_classes, device=device, requires_grad=True)
    bias = torch.zeros(layers, 1, num_classes, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=max_iterations,
        tolerance_grad=tolerance,
        tolerance_change=1e-10,
        history_size=20,
        line_search_fn="strong_wolfe",
    )
    repeated = y.repeat(layers)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = torch.baddbmm(bias, x, weight)
        loss = cross_entropy(logits.flatten(0, 1), repeated, reduction="sum") / items
        loss = loss + 0.5 * l2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return LayerProbes(
        weight=weight.detach().cpu().numpy(),
        bias=bias.detach().squeeze(1).cpu().numpy(),
        mean=mean.cpu().numpy(),
        scale=scale.cpu().numpy(),
    )
