"""How large and how fast a model is."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ambiguity_lib.models.loading import SUPPORTED_FAMILIES, config_at_depth, position_limit

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Token ids that :func:`random_batch` leaves out: padding and its neighbours.
_FIRST_WORD = 5
# transformers cannot build (ModernBERT) or run (DeBERTa) these with an empty encoder
_NEVER_EMPTY = ("deberta-v2", "modernbert")


def count_parameters(model: nn.Module) -> int:
    """Number of parameters; a tensor that two modules share counts once.

    Args:
        model: Any module.

    Returns:
        The number, embeddings included.

    Examples:
        >>> from ambiguity_lib.models import load_classifier
        >>> from ambiguity_lib.models import count_parameters
        >>> classes = ("bad", "good")
        >>> [
        ...     count_parameters(load_classifier("tiny", classes, depth=depth))
        ...     for depth in (1, 2, 4)
        ... ]
        [3106, 5330, 9778]
    """
    return sum(parameter.numel() for parameter in model.parameters())


def checkpoint_bytes(directory: Path) -> int:
    """Bytes of the safetensors weights in a Hugging Face folder.

    Raises:
        FileNotFoundError: If the folder holds none.
    """
    files = list(directory.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{directory} holds no *.safetensors file; save the model first")
    return sum(file.stat().st_size for file in files)


@dataclass(frozen=True)
class Timing:
    """Wall-clock times of one piece of work, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median, in seconds."""
        return float(np.median(self.seconds))

    @property
    def p95(self) -> float:
        """95th percentile, in seconds; with few repetitions close to the largest."""
        return float(np.quantile(self.seconds, 0.95))

    def summary(self) -> dict[str, float | int]:
        """Median, quartiles, p95 (seconds) and the number of repetitions."""
        low, high = np.quantile(self.seconds, [0.25, 0.75])
        return {
            "median": self.median,
            "q25": float(low),
            "q75": float(high),
            "p95": self.p95,
            "repetitions": len(self.seconds),
        }


def time_alternately(
    works: Mapping[str, Callable[[], object]],
    *,
    repetitions: int = 5,
    warmup: int = 1,
    description: str = "timing",
    progress: bool = True,
) -> dict[str, Timing]:
    """Time pieces of work in turn (a, b, a, b …), so that a slow minute of the machine hits all.

    Args:
        works: Name → what is timed. Whatever it returns is dropped.
        repetitions: Timed calls of each.
        warmup: Calls of each before that.
        description: What the progress bar says.
        progress: Whether to show one.

    Returns:
        Name → times of its calls, in seconds.

    Raises:
        ValueError: If nothing is timed.

    Examples:
        >>> from ambiguity_lib.models import time_alternately
        >>> works = {"sum": lambda: sum(range(10)), "nothing": lambda: None}
        >>> times = time_alternately(works, repetitions=3, progress=False)
        >>> {name: len(timing.seconds) for name, timing in times.items()}
        {'sum': 3, 'nothing': 3}
    """
    if not works or repetitions < 1:
        raise ValueError("give at least one piece of work and one repetition")
    seconds: dict[str, list[float]] = {name: [] for name in works}
    rounds = range(-warmup, repetitions)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()  # a collection in the middle would be charged to whoever runs then
    try:
        for number in tqdm(rounds, desc=description, leave=False, disable=not progress or None):
            for name, work in works.items():
                _synchronize()
                start = time.perf_counter()
                work()
                _synchronize()
                if number >= 0:
                    seconds[name].append(time.perf_counter() - start)
    finally:
        if collecting:
            gc.enable()
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def random_batch(
    model: PreTrainedModel, batch_size: int, length: int, seed: int = 0
) -> dict[str, Tensor]:
    """Random words without padding, on the model's device.

    Raises:
        ValueError: If a size is below 1 or ``length`` exceeds the model's maximum.
    """
    longest = position_limit(model.config)
    if batch_size < 1 or not 1 <= length <= longest:
        raise ValueError(
            f"give at least one text of 1 to {longest} tokens, the model's maximum; "
            f"got {batch_size} of {length}"
        )
    generator = torch.Generator().manual_seed(seed)
    words = (_FIRST_WORD, model.config.vocab_size)
    ids = torch.randint(*words, (batch_size, length), generator=generator).to(model.device)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@torch.inference_mode()
def measure_latency(
    models: Mapping[str, PreTrainedModel],
    *,
    batch_size: int,
    length: int,
    repetitions: int = 20,
    warmup: int = 3,
    progress: bool = True,
) -> dict[str, Timing]:
    """Time the forward passes of several models on the same random batch, in turn.

    Tokenising is left out: it costs the same whatever the model's depth.

    Args:
        models: Name → model, on its device and in its precision; put into evaluation mode.
        batch_size: Texts.
        length: Tokens of each, none of them padding.
        repetitions: Timed passes of each model.
        warmup: Passes of each before that.
        progress: Whether to show a bar.

    Returns:
        Name → times of one pass of the batch, in seconds.

    Raises:
        ValueError: If there is no model, or ``length`` exceeds the maximum of one.

    Examples:
        >>> from ambiguity_lib.models import load_classifier
        >>> from ambiguity_lib.models import measure_latency
        >>> models = {
        ...     "2 layers": load_classifier("tiny", ("bad", "good"), depth=2),
        ...     "4 layers": load_classifier("tiny", ("bad", "good")),
        ... }
        >>> times = measure_latency(
        ...     models, batch_size=1, length=8, repetitions=3, progress=False
        ... )
        >>> sorted(times), times["4 layers"].median > 0
        (['2 layers', '4 layers'], True)
    """
    if not models:
        raise ValueError("give at least one model")
    # the tightest limits: a word and a length that every model knows
    smallest = min(models.values(), key=lambda model: int(model.config.vocab_size))
    random_batch(
        min(models.values(), key=lambda model: position_limit(model.config)), batch_size, length
    )
    batch = random_batch(smallest, batch_size, length)

    def forward(model: PreTrainedModel) -> Callable[[], object]:
        model.eval()
        inputs = {name: tensor.to(model.device) for name, tensor in batch.items()}
        return lambda: model(**inputs)

    return time_alternately(
        {name: forward(model) for name, model in models.items()},
        repetitions=repetitions,
        warmup=warmup,
        description=f"{batch_size} x {length} tokens",
        progress=progress,
    )


def expected_speedup(depth: int, layers: int, fixed_share: float) -> float:
    """Speed-up of keeping ``depth`` of ``layers`` layers: 1 / (f + (1 − f)·depth/layers).

    Amdahl's law (Amdahl 1967, "Validity of the single processor approach to achieving large scale
    computing capabilities", AFIPS 30): the share f of the work that pruning does not touch bounds
    the gain. All layers are taken to cost the same.

    Args:
        depth: Layers kept, from 1.
        layers: Layers of the full model.
        fixed_share: f, see :func:`fixed_share`.

    Returns:
        How many times as fast as the full model.

    Raises:
        ValueError: If ``depth`` is not in 1 … layers or the share not between 0 and 1.

    Examples:
        >>> from ambiguity_lib.models import expected_speedup

        Four of twelve layers, where nothing, or a tenth, of the work is outside the
        layers:

        >>> round(expected_speedup(4, 12, 0.0), 2)
        3.0
        >>> round(expected_speedup(4, 12, 0.1), 2)
        2.5
    """
    if not 1 <= depth <= layers:
        raise ValueError(f"depth must be between 1 and {layers}, the model's layers; got {depth}")
    if not 0.0 <= fixed_share <= 1.0:
        raise ValueError(f"fixed_share must be between 0 and 1; got {fixed_share}")
    return 1.0 / (fixed_share + (1.0 - fixed_share) * depth / layers)


def fixed_share(no_layers: float, all_layers: float) -> float:
    """Share of a forward pass outside the encoder layers: embeddings, pooler and head.

    Args:
        no_layers: Latency of the model without layers, see :func:`without_layers`.
        all_layers: Latency of the full model, in the same unit.

    Returns:
        The share, from 0 to 1.

    Raises:
        ValueError: Unless 0 ≤ ``no_layers`` ≤ ``all_layers`` and 0 < ``all_layers``.

    Examples:
        >>> from ambiguity_lib.models import fixed_share
        >>> fixed_share(2.0, 20.0)
        0.1
    """
    if not (0.0 <= no_layers <= all_layers and all_layers > 0.0):
        raise ValueError(
            "a model without layers takes at most as long as the full one; "
            f"got {no_layers} and {all_layers}"
        )
    return no_layers / all_layers


def without_layers(model: PreTrainedModel) -> PreTrainedModel:
    """A new model whose encoder has no layer, the other weights copied, in evaluation mode.

    It classifies nothing well; its latency is what pruning cannot save.

    Args:
        model: A supported sequence classifier; it is left as it is.

    Returns:
        A plain model of the same class.

    Raises:
        ValueError: If the architecture is unsupported or cannot run with an empty encoder.

    Examples:
        >>> from ambiguity_lib.models import load_classifier
        >>> from ambiguity_lib.models import without_layers
        >>> empty = without_layers(load_classifier("tiny", ("bad", "good")))
        >>> len(empty.bert.encoder.layer)
        0
    """
    config = config_at_depth(model.config, 1)
    if config.model_type in _NEVER_EMPTY:
        raise ValueError(f"transformers cannot run {config.model_type} without encoder layers")
    setattr(config, SUPPORTED_FAMILIES[config.model_type], 0)
    empty = type(model)(config)
    weights = model.state_dict()
    empty.load_state_dict({name: weights[name] for name in empty.state_dict()})
    nn.Module.to(empty, device=model.device, dtype=model.dtype)
    return empty.eval()
