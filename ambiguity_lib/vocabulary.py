"""Train with only those rows of the word embedding that the data uses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from ambiguity_lib.batching import Encoded


@contextlib.contextmanager
def compact_vocabulary(
    model: PreTrainedModel, encoded: Encoded, pad_token_id: int
) -> Iterator[Encoded]:
    """Give ``model`` a word embedding of the used rows alone; put them back at the end.

    A small encoder is mostly word embedding (half of MiniLM), and every training step zeroes,
    clips and updates the gradient of all of its rows, used or not. A row that no item uses has
    no gradient, so AdamW would only decay it; here it stays as it was. The other rows, and all
    other weights, train exactly as they would have.

    Args:
        model: Any model; changed in place until the context ends.
        encoded: Items with ``input_ids``, as from :func:`~ambiguity_lib.batching.encode`.
        pad_token_id: The tokenizer's padding. It keeps its number, since models know padding by
            it, as does the model's own where that is another.

    Yields:
        The items with ``input_ids`` that count the used rows.
    """
    full = model.get_input_embeddings()
    if type(full) is not nn.Embedding or _is_shared(model, full.weight):
        yield encoded
        return
    # Encoders count positions from padding, so every number up to the padding's must stay.
    pads = (pad_token_id, full.padding_idx, model.config.pad_token_id)
    kept = max(int(pad) for pad in pads if pad is not None)
    tokens = np.concatenate([item["input_ids"] for item in encoded])
    used = np.union1d(tokens, np.arange(kept + 1))
    rows = torch.from_numpy(used)
    small = nn.Embedding.from_pretrained(
        full.weight.detach()[rows.to(full.weight.device)],
        freeze=not full.weight.requires_grad,
        padding_idx=full.padding_idx,
    )
    model.set_input_embeddings(small)
    try:
        yield [
            {**item, "input_ids": np.searchsorted(used, item["input_ids"]).tolist()}
            for item in encoded
        ]
    finally:
        with torch.no_grad():
            full.weight[rows] = small.weight.to(full.weight.device)
        model.set_input_embeddings(full)


def _is_shared(model: nn.Module, weight: torch.Tensor) -> bool:
    holders = model.named_parameters(remove_duplicate=False)
    return sum(parameter is weight for _, parameter in holders) > 1
