"""A classifier as an ONNX file, checked against PyTorch before it gets its name."""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ambiguity_lib.method.temperatures import softmax
from ambiguity_lib.models.speed import count_parameters

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Batch = Mapping[str, Tensor]

#: The first opset with layer normalisation as one operation.
OPSET = 17
#: How far a probability may be from PyTorch's.
TOLERANCE = 1e-4
#: Bytes that protobuf, of which an ONNX file is made, can hold.
MAX_BYTES = 2**31 - 1
#: Longest text of the check, in tokens: beyond the windows of local attention (ModernBERT: 128).
LONGEST = 256


def export_onnx(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    path: str | Path,
    *,
    opset: int = OPSET,
) -> Path:
    """Write a sequence classifier as an ONNX file that takes any batch size and length.

    Inputs are named as the tokenizer's outputs (those that the model uses), int64 of shape
    (batch, length); the output is ``logits``, float32 of shape (batch, C). Before the file gets its
    name, ONNX Runtime must give PyTorch's probabilities, to 1e-4, on single texts and padded
    batches of several lengths.

    The attention is exported as the model is set to compute it. The older, tracing exporter is
    used: the newer one needs one more package (onnxscript).

    Raises:
        ModuleNotFoundError: If ``onnx`` or ``onnxruntime`` is not installed.
        ValueError: If the weights are not float32, or beyond the 2 GB that a file can hold.
        RuntimeError: If PyTorch cannot export the model, or the file's probabilities differ from
            the model's. No file is left, and an older one stays.
    """
    for name in ("onnx", "onnxruntime"):
        _require(name)
    if model.dtype != torch.float32:
        raise ValueError(f"export needs float32 weights, model.float(); got {model.dtype}")
    if 4 * count_parameters(model) > MAX_BYTES:
        raise ValueError("the weights are beyond the 2 GB that an ONNX file can hold")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        # beside the final place, so that the last step is a rename
        with tempfile.TemporaryDirectory(prefix=".onnx-", dir=path.parent) as folder:
            unchecked = Path(folder) / path.name
            batches = _example_batches(model, tokenizer)
            _trace(model, batches[0], unchecked, opset)
            _check(model, batches, unchecked)
            unchecked.replace(path)
    finally:
        for module, training in modes.items():
            module.training = training
    return path


class _Positional(nn.Module):
    """Named inputs by position and bare logits, as the exporter wants them."""

    def __init__(self, model: PreTrainedModel, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits, shape (B, C)."""
        logits: Tensor = self.model(**dict(zip(self.names, inputs, strict=True))).logits
        return logits


def _trace(model: PreTrainedModel, batch: Batch, path: Path, opset: int) -> None:
    axes = {name: {0: "batch", 1: "length"} for name in batch}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that it is the older one; that shapes are traced
            torch.onnx.export(
                _Positional(model, tuple(batch)).eval(),
                tuple(batch.values()),
                str(path),
                input_names=list(batch),
                output_names=["logits"],
                dynamic_axes={**axes, "logits": {0: "batch"}},
                opset_version=opset,
                dynamo=False,
            )
    except Exception as error:  # of many kinds, whatever an operation or the exporter raises
        raise RuntimeError(
            f"PyTorch cannot export this {model.config.model_type} model to ONNX (opset {opset}): "
            f"{error}"
        ) from error


def _check(model: PreTrainedModel, batches: list[Batch], path: Path) -> None:
    runtime = _require("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    used = {entry.name for entry in session.get_inputs()}
    for batch in batches:
        with torch.inference_mode():
            expected = softmax(model(**batch).logits.cpu())
        inputs = {name: ids.cpu().numpy() for name, ids in batch.items() if name in used}
        difference = np.abs(softmax(session.run(["logits"], inputs)[0]) - expected).max()
        if not difference <= TOLERANCE:  # nor NaN
            size, length = batch["input_ids"].shape
            raise RuntimeError(
                f"the exported {model.config.model_type} model differs from PyTorch: probabilities "
                f"by {difference:.2g} on {size} x {length} tokens; {TOLERANCE:g} is allowed"
            )


def _example_batches(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[Batch]:
    """A padded batch of pairs, single texts of one word and of many, and the longest."""
    # two positions less: RoBERTa numbers them from its padding id on
    positions = int(model.config.max_position_embeddings) - 2
    longest = min(LONGEST, positions, int(tokenizer.model_max_length))
    generator = np.random.default_rng(0)
    words = np.setdiff1d(
        np.arange(min(len(tokenizer), int(model.config.vocab_size))), tokenizer.all_special_ids
    )

    def texts(*lengths: int) -> list[str]:
        drawn: list[NDArray[np.int64]] = [generator.choice(words, size=n) for n in lengths]
        return [str(tokenizer.decode(ids.tolist())) for ids in drawn]

    inputs = [
        (texts(9, 2, 5), texts(3, 6, 1)),
        (texts(1),),
        (texts(2, 14, 7, 30),),
        (texts(longest), texts(longest)),
    ]
    encode: Any = tokenizer  # its types do not know lists of pairs
    return [
        encode(*columns, padding=True, truncation=True, max_length=longest, return_tensors="pt").to(
            model.device
        )
        for columns in inputs
    ]


def _require(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{name} is not installed: pip install 'ambiguity-lib[onnx]'", name=name
        ) from error
