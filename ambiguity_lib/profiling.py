"""How large and how fast a model is."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm


def count_parameters(model: nn.Module) -> int:
    """Number of parameters; a tensor that two modules share counts once."""
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

    Raises:
        ValueError: If nothing is timed.
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
