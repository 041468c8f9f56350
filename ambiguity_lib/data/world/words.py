"""The word lists of the world: YAML files beside the code, read when a module is imported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
import yaml


def read_words(name: str) -> dict[str, list[Any]]:
    """Read the lists of `NAME.yml`; an entry of a list is a row of words and numbers."""
    text = resources.files(__package__).joinpath(f"{name}.yml").read_text(encoding="utf-8")
    lists: dict[str, list[Any]] = yaml.safe_load(text)
    return lists


def column(rows: Sequence[Sequence[Any]], index: int) -> np.ndarray:
    """Give one column of a list's rows."""
    return np.array([row[index] for row in rows])


def pairs_of(notation: str) -> list[tuple[str, float]]:
    """Read "joy 1.0 work -0.5"."""
    words = notation.split()
    return [(name, float(value)) for name, value in zip(words[::2], words[1::2], strict=True)]


def vectors(notations: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Read notations such as "joy 1.0 work -0.5" into rows of a table with a column per name."""
    table = np.zeros((len(notations), len(names)))
    for row, notation in enumerate(notations):
        for name, value in pairs_of(notation):
            table[row, names.index(name)] = value
    return table


def draw_by_chance(
    rng: np.random.Generator, chances: Sequence[float] | np.ndarray, size: int
) -> np.ndarray:
    """Draw indices, each with its stated chance."""
    return np.searchsorted(np.cumsum(chances)[:-1], rng.random(size), side="right")
