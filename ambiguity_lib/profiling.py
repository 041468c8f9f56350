"""How large a model is."""

from __future__ import annotations

from pathlib import Path

from torch import nn


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
