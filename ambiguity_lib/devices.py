"""Where and in which precision models run."""

from __future__ import annotations

import contextlib

import torch

_chosen: torch.device | None = None


def default_device() -> torch.device:
    """What :func:`use_device` chose; else the first GPU where there is one, else the CPU.

    Returns:
        The device.

    Examples:
        >>> from ambiguity_lib.devices import default_device, use_device
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

    Args:
        name: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        ValueError: If the name is none of these, or there is no GPU that could be used.

    Examples:
        >>> from ambiguity_lib.devices import default_device, use_device
        >>> use_device("cpu")
        >>> default_device().type
        'cpu'
        >>> use_device("tpu")
        Traceback (most recent call last):
            ...
        ValueError: the device must be 'auto', 'cpu' or 'cuda'; got 'tpu'
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
        >>> from ambiguity_lib.devices import resolve_precision
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
    return "bf16" if torch.cpu._is_amx_tile_supported() else "fp32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Forward passes in bf16 where ``precision`` says so, see :func:`resolve_precision`."""
    if resolve_precision(precision) == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()
