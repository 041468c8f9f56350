"""Look into any classifier: what its layers know, what it says about texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import nn

from ambiguity_lib.data.schema import class_names, human_distributions
from ambiguity_lib.method.probes import ProbingConfig, select_probes
from ambiguity_lib.method.temperatures import softmax
from ambiguity_lib.metrics.calibration import accuracy, negative_log_likelihood
from ambiguity_lib.metrics.divergence import jensen_shannon_distance, kl_divergence
from ambiguity_lib.metrics.uncertainty import entropy
from ambiguity_lib.models.batches import default_device, extract_features
from ambiguity_lib.models.loading import head_classes, longest_input
from ambiguity_lib.practice.cells import is_blank

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class TextPrediction:
    """What a classifier says about one text; nothing, if it is blank.

    Attributes:
        text: The text, or the pair.
        label: The most probable class.
        probs: Class → probability.
        entropy: In nats.
        truncated: Whether the model read only the beginning.
    """

    text: str | tuple[str, str]
    label: str | None
    probs: dict[str, float] | None
    entropy: float | None
    truncated: bool

    def __str__(self) -> str:
        if self.probs is None:
            return ""
        shown = "  ".join(f"{name} {value:.3f}" for name, value in self.probs.items())
        text = self.text if isinstance(self.text, str) else "  |  ".join(self.text)
        return f"{self.entropy:.3f}  {shown}  {text}"


def probe_layers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Dataset,
    validation: Dataset,
    *,
    human: Dataset | None = None,
    max_length: int = 512,
    probing: ProbingConfig | None = None,
    precision: str = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """What a probe on each layer of a model knows about the classes."""
    probing = ProbingConfig() if probing is None else probing

    def features(dataset: Dataset) -> NDArray[np.float16]:
        return extract_features(
            model,
            tokenizer,
            dataset,
            max_length=longest_input(
                model.config, tokenizer, max_length, pair="text_pair" in dataset.column_names
            ),
            pooling=probing.pooling,
            batch_size=probing.batch_size,
            precision=precision,
            progress=progress,
        )

    labels, held_out = np.asarray(validation["label"][:]), features(validation)
    probes = select_probes(
        features(train),
        np.asarray(train["label"][:]),
        held_out,
        labels,
        len(class_names(train)),
        probing.penalties,
    )
    rows = [
        {
            "accuracy": accuracy(labels, probs).mean(),
            "NLL": negative_log_likelihood(labels, probs).mean(),
            "entropy": entropy(probs).mean(),
        }
        for probs in probes.predict(held_out)
    ]
    if human is not None:
        people = human_distributions(human)
        for row, probs in zip(rows, probes.predict(features(human)), strict=True):
            row |= {
                "human entropy": entropy(people).mean(),
                "JSD": jensen_shannon_distance(people, probs).mean(),
                "KL": kl_divergence(people, probs).mean(),
            }
    return pd.DataFrame(rows).rename_axis("layer")


@torch.inference_mode()
def predict_texts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str | tuple[str, str]],
    *,
    max_length: int = 512,
    batch_size: int = 32,
) -> Iterator[TextPrediction]:
    """What a classifier says about texts, in their order, as they come."""
    names = head_classes(model.config) or ()
    device = default_device()
    nn.Module.to(model, device)
    model.eval()
    remaining = iter(texts)
    while batch := list(itertools.islice(remaining, batch_size)):
        pair = isinstance(batch[0], tuple)
        longest = longest_input(model.config, tokenizer, max_length, pair=pair)
        pairs = [one if isinstance(one, tuple) else (one,) for one in batch]
        said = [TextPrediction(one, None, None, None, False) for one in batch]
        filled = [place for place, pair in enumerate(pairs) if not any(map(is_blank, pair))]
        if filled:
            columns = [list(column) for column in zip(*(pairs[i] for i in filled), strict=True)]
            lengths = [len(ids) for ids in tokenizer(*columns, verbose=False)["input_ids"]]
            encoded = tokenizer(
                *columns, truncation=True, max_length=longest, padding=True, return_tensors="pt"
            ).to(device)
            probs = softmax(model(**encoded).logits.float().cpu())
            rows = zip(filled, probs, entropy(probs), lengths, strict=True)
            for place, row, doubt, length in rows:
                said[place] = TextPrediction(
                    text=batch[place],
                    label=names[int(row.argmax())],
                    probs=dict(zip(names, row.tolist(), strict=True)),
                    entropy=float(doubt),
                    truncated=length > longest,
                )
        yield from said
