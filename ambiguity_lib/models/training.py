"""Soft-target fine-tuning on the Hugging Face ``Trainer``: one loss for every method."""

from __future__ import annotations

import contextlib
import math
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
import transformers
from accelerate import PartialState
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass as settings
from torch import distributed, nn
from torch.nn.functional import cross_entropy
from transformers.trainer_callback import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from ambiguity_lib.models.batches import (
    Encoded,
    default_device,
    encode,
    resolve_precision,
    sorted_batches,
)
from ambiguity_lib.models.loading import quiet_transformers
from ambiguity_lib.store import world_size

if TYPE_CHECKING:
    from transformers import (
        PreTrainedModel,
        PreTrainedTokenizerBase,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )


@settings(frozen=True, config={"extra": "forbid"})
class TrainingConfig:
    """Fine-tuning, the same for teacher and students."""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)]
    max_length: PositiveInt
    precision: Literal["fp32", "bf16", "auto"]


def join() -> None:
    """Meet the other processes that train with this one, on the devices that all use."""
    if world_size() > 1:
        PartialState(cpu=default_device().type == "cpu")


def leave() -> None:
    """Wait for the others, and part."""
    if world_size() > 1 and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


@contextlib.contextmanager
def compact_vocabulary(
    model: PreTrainedModel, encoded: Encoded, pad_token_id: int
) -> Iterator[Encoded]:
    """Give ``model`` a word embedding of the used rows alone; put them back at the end.

    A small encoder is mostly word embedding (half of MiniLM), and every training step zeroes,
    clips and updates the gradient of all of its rows, used or not. A row that no item uses has
    no gradient, so AdamW would only decay it; here it stays as it was. The other rows, and all
    other weights, train exactly as they would have.
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


# written last, so a folder that has it is whole
_COMPLETE = "epoch_start.pt"


def latest_complete(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder, where only whole ones are left; None if none is."""
    whole = []
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if (path / _COMPLETE).is_file():
            whole.append(path)
        else:
            shutil.rmtree(path)
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


class ResumeCallback(TrainerCallback):
    """Saves every now and then, by the clock, and restores what an epoch's order came from."""

    def __init__(self, seconds: float, checkpoint: Path | None) -> None:
        """Save every ``seconds``; ``checkpoint`` is what the training goes on from."""
        self._seconds = seconds
        self._checkpoint = checkpoint
        self._saved = time.monotonic()
        self._epoch_start: torch.Tensor | None = None

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Keep the random state that the epoch's order will be drawn from."""
        if self._checkpoint is not None:
            torch.random.set_rng_state(torch.load(self._checkpoint / _COMPLETE, weights_only=True))
            self._checkpoint = None  # later epochs begin as they would have
        random = torch.random.get_rng_state()
        if args.world_size > 1:  # dropout has drawn other numbers in other processes
            random = random.to(args.device)
            distributed.broadcast(random, src=0)
            random = random.cpu()
            torch.random.set_rng_state(random)
        self._epoch_start = random

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save if it is time; process 0's clock counts for all."""
        due = time.monotonic() - self._saved >= self._seconds
        if args.world_size > 1:
            flag = torch.tensor([due], dtype=torch.int32, device=args.device)
            distributed.broadcast(flag, src=0)
            due = bool(flag.item())
        # at an epoch's end the Trainer would restore each process's own state, and so its own order
        control.should_save = due and bool((state.epoch or 0.0) % 1)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Say that the checkpoint is whole."""
        self._saved = time.monotonic()
        if args.world_size > 1:
            distributed.barrier()  # the others' random states belong to it
        if not args.should_save:
            return
        folder = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        temporary = folder / f".{_COMPLETE}"
        torch.save(self._epoch_start, temporary)
        temporary.replace(folder / _COMPLETE)


class _ProgressBar(ProgressCallback):
    """The bar without the final metrics, which would be printed even where bars are off."""

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        """Print nothing."""


@dataclass(frozen=True)
class Resume:
    """Where a training keeps what it needs to go on after it was stopped.

    Attributes:
        folder: Used by this training alone; it is removed when the training is finished.
        seconds: Time between two saves.
    """

    folder: Path
    seconds: float = 300.0


def _to(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """Move a model and put it into evaluation mode; as ``nn.Module``, whose types mypy knows."""
    nn.Module.to(model, device)
    model.eval()
    return model


@contextlib.contextmanager
def _fast_training_attention(model: PreTrainedModel, device: torch.device) -> Iterator[None]:
    """Plain matrix products on a CPU, whose fused kernel is slow backwards and knows no dropout."""
    before = model.config._attn_implementation
    if device.type == "cpu":
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def soft_cross_entropy(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None
) -> torch.Tensor:
    r"""Mean cross-entropy with target distributions, in nats and float32.

    For a target :math:`t` and logits :math:`z` it is
    :math:`-\sum_c t_c \log \mathrm{softmax}(z)_c`.
    """
    return cross_entropy(outputs.logits.float(), labels)


def fine_tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: Dataset,
    targets: ArrayLike,
    config: TrainingConfig,
    *,
    seed: int = 0,
    resume: Resume | None = None,
    progress: bool = True,
) -> PreTrainedModel:
    """Train ``model`` in place towards one target distribution per item.

    Only the text columns of ``dataset`` are read: whatever the model learns about classes comes
    in by ``targets``.

    Args:
        model: Any sequence classifier with C logits.
        tokenizer: Its tokenizer.
        dataset: Items to train on; ``text`` and optionally ``text_pair`` are used.
        targets: Distributions, shape (N, C).
        config: Hyper-parameters.
        seed: Seed of the order of items and of dropout.
        resume: If given, a training with the same arguments that was stopped goes on, and ends in
            the same weights.
        progress: Whether to show a progress bar.

    Returns:
        The same model, in evaluation mode, on the CPU.

    Raises:
        ValueError: If ``targets`` do not have one row per item and one column per class.

    Examples:
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> from ambiguity_lib.models import load_classifier, load_tokenizer
        >>> from ambiguity_lib.models import TrainingConfig
        >>> from ambiguity_lib.method import one_hot_targets
        >>> from ambiguity_lib.models import fine_tune, predict_logits
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> model = load_classifier("tiny", ("bad", "good"))
        >>> tokenizer = load_tokenizer("tiny")
        >>> settings = TrainingConfig(
        ...     epochs=20,
        ...     batch_size=10,
        ...     learning_rate=0.01,
        ...     weight_decay=0.0,
        ...     warmup_ratio=0.1,
        ...     max_length=16,
        ...     precision="fp32",
        ... )
        >>> targets = one_hot_targets(reviews["label"], 2)
        >>> model = fine_tune(
        ...     model, tokenizer, reviews, targets, settings, progress=False
        ... )
        >>> logits = predict_logits(
        ...     model, tokenizer, reviews, max_length=16, progress=False
        ... )
        >>> float((logits.argmax(axis=1) == reviews["label"]).mean())
        1.0
    """
    soft = np.asarray(targets, dtype=np.float32)
    if soft.shape != (len(dataset), model.config.num_labels):
        raise ValueError(
            f"targets have shape {soft.shape}; expected ({len(dataset)}, "
            f"{model.config.num_labels}): one row per item, one column per class"
        )
    encoded = encode(dataset, tokenizer, config.max_length)
    with (
        _fast_training_attention(model, default_device()),
        compact_vocabulary(model, encoded, int(tokenizer.pad_token_id)) as compact,
    ):
        items = [{**item, "labels": target} for item, target in zip(compact, soft, strict=True)]
        _train(
            model,
            tokenizer,
            items,
            config,
            seed=seed,
            resume=resume,
            progress=progress,
        )
    return _to(model, torch.device("cpu"))


def _train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    items: list[dict[str, Any]],
    config: TrainingConfig,
    *,
    seed: int,
    resume: Resume | None,
    progress: bool,
) -> None:
    """The Hugging Face ``Trainer`` with our settings; ``labels`` are distributions."""
    collate_tokens = transformers.DataCollatorWithPadding(tokenizer)

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        tokens = [{k: v for k, v in row.items() if k != "labels"} for row in rows]
        batch = collate_tokens(tokens)
        batch["labels"] = torch.from_numpy(np.stack([row["labels"] for row in rows]))
        return dict(batch)

    steps_per_epoch = -(-len(items) // config.batch_size)
    processes = world_size()
    if config.batch_size % processes:
        raise ValueError(
            f"a batch of {config.batch_size} cannot be shared by {processes} processes: make it a "
            "multiple"
        )
    checkpoint = None
    if resume is not None:
        resume.folder.mkdir(parents=True, exist_ok=True)
        checkpoint = latest_complete(resume.folder)
    with tempfile.TemporaryDirectory(prefix="ambiguity-trainer-") as scratch:
        arguments = transformers.TrainingArguments(
            output_dir=scratch if resume is None else str(resume.folder),
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup_steps=int(config.warmup_ratio * steps_per_epoch * config.epochs),
            lr_scheduler_type="linear",
            optim="adamw_torch_fused",
            train_sampling_strategy="group_by_length",
            bf16=resolve_precision(config.precision) == "bf16",
            use_cpu=default_device().type == "cpu",
            seed=seed,
            data_seed=seed,
            logging_strategy="no",
            report_to="none",
            remove_unused_columns=False,
            disable_tqdm=True,
            # the same batches however many processes share them
            accelerator_config={"split_batches": processes > 1},
            ddp_find_unused_parameters=False,  # no family of ours has any
            average_tokens_across_devices=False,  # our loss is a mean over items already
            save_strategy="no",
            save_total_limit=2,  # the one before is whole while the next is written
        )
        trainer = transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=items,
            data_collator=collate,
            compute_loss_func=soft_cross_entropy,
        )
        trainer.remove_callback(PrinterCallback)
        if progress:
            trainer.add_callback(_ProgressBar())
        if resume is not None or processes > 1:
            seconds = math.inf if resume is None else resume.seconds
            trainer.add_callback(ResumeCallback(seconds, checkpoint))
        with quiet_transformers():  # it warns of how it orders checkpoints, of which we keep one
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if resume is not None:
        if processes > 1:  # the trainer of another may still look into the folder
            distributed.barrier()
        shutil.rmtree(resume.folder, ignore_errors=True)


@torch.inference_mode()
def predict_logits(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: Dataset,
    *,
    max_length: int,
    batch_size: int = 64,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Logits of every item, in the dataset's order, computed in float32.

    Args:
        model: A classifier.
        tokenizer: Its tokenizer.
        dataset: Items with ``text`` (and ``text_pair``).
        max_length: Tokens at which texts are cut.
        batch_size: Items at a time.
        progress: Whether to show a bar.

    Returns:
        Array of shape (N, C).

    Examples:
        >>> from ambiguity_lib.practice.own_files import read_dataset
        >>> from ambiguity_lib.models import load_classifier, load_tokenizer
        >>> from ambiguity_lib.models import predict_logits
        >>> model = load_classifier("tiny", ("bad", "good"))
        >>> tokenizer = load_tokenizer("tiny")
        >>> reviews = read_dataset("reviews.csv").dataset
        >>> predict_logits(
        ...     model, tokenizer, reviews, max_length=16, progress=False
        ... ).shape
        (20, 2)
    """
    device = default_device()
    model = _to(model, device)
    logits = np.empty((len(dataset), int(model.config.num_labels or 0)))
    for rows, batch in sorted_batches(
        dataset,
        tokenizer,
        max_length,
        batch_size,
        device,
        description="predicting",
        progress=progress,
    ):
        logits[rows] = model(**batch).logits.double().cpu().numpy()
    return logits
