"""Distillation: what cached teacher probabilities cost in an epoch, and TextBrewer on the same."""

from __future__ import annotations

import contextlib
import copy
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from torch import nn
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    get_linear_schedule_with_warmup,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from ambiguity_lib.method import mixture_targets, one_hot_targets
from ambiguity_lib.models import (
    Timing,
    TrainingConfig,
    default_device,
    encode,
    fine_tune,
    predict_logits,
    resolve_precision,
    soft_cross_entropy,
    time_alternately,
)
from ambiguity_lib.models.batches import Encoded
from ambiguity_lib.models.training import compact_vocabulary
from benchmarks.harness import Comparison, Report, assert_agree, import_peer
from benchmarks.work import (
    BATCH_SIZE,
    CLASSES,
    VOCABULARY,
    minilm_training,
    random_classifier,
    random_items,
    word_tokenizer,
)

WEIGHT = 0.5
SEED = 0
TEACHER_DEPTH, STUDENT_DEPTH = 6, 5
# The Trainer's default, which our training uses.
MAX_GRAD_NORM = 1.0
DROPOUT = 0.1


@dataclass(frozen=True)
class Recording:
    """How our training went over the items, so that a peer can do the same.

    Attributes:
        batches: Rows of each batch, for each epoch.
        attention: Name of the attention kernel.
    """

    batches: list[list[NDArray[np.intp]]]
    attention: str


@dataclass(frozen=True)
class Size:
    """How large model and data are; the encoder's sizes are MiniLM's unless quick.

    Attributes:
        epoch_items: Items of the epoch with and without a teacher.
        items: Items of the comparison with TextBrewer.
        check_items: Items of the runs whose students are compared.
    """

    epoch_items: int = 640
    items: int = 128
    check_items: int = 64
    batch_size: int = BATCH_SIZE
    hidden: int = 384
    repetitions: int = 5


QUICK = Size(
    epoch_items=32,
    items=32,
    check_items=16,
    batch_size=8,
    hidden=32,
    repetitions=1,
)


def run(quick: bool) -> Report:
    """Compare an epoch with and without teacher, then a whole distillation with TextBrewer's."""
    size = QUICK if quick else Size()
    tokenizer = word_tokenizer()
    epoch = _compare_epochs(size, tokenizer)
    rows, table = _compare_with_textbrewer(size, tokenizer)
    return Report((epoch, *rows), {"textbrewer": table})


def _compare_epochs(size: Size, tokenizer: PreTrainedTokenizerBase) -> Comparison:
    """One epoch towards labels and cached teacher probabilities, and one towards labels alone."""
    dataset, labels = random_items(size.epoch_items)
    probs = np.random.default_rng(SEED).dirichlet(np.ones(CLASSES), size=len(labels))
    one_hot = one_hot_targets(labels, CLASSES)
    mixture = mixture_targets(labels, probs, WEIGHT)
    assert_agree("mixture without teacher", mixture_targets(labels, probs, 0.0), one_hot)
    start = random_classifier(STUDENT_DEPTH, hidden=size.hidden, dropout=DROPOUT)
    config = minilm_training("auto", batch_size=size.batch_size)

    def train(targets: NDArray[np.float64], items: Dataset = dataset) -> None:
        # the copy's time is in both
        student = copy.deepcopy(start)
        fine_tune(student, tokenizer, items, targets, config, seed=SEED, progress=False)

    few = min(2 * size.batch_size, len(labels))
    train(mixture[:few], dataset.select(range(few)))  # enough of a warm-up, and short
    timings = time_alternately(
        {"distilled": lambda: train(mixture), "plain": lambda: train(one_hot)},
        repetitions=size.repetitions,
        warmup=0,
        description="epochs",
    )
    ours, plain = timings["distilled"], timings["plain"]
    precision = resolve_precision("auto")
    encoded = encode(dataset, tokenizer, config.max_length)
    return Comparison(
        name=f"student epoch with cached teacher, {STUDENT_DEPTH} layers, {len(labels):,} items, "
        f"{precision}",
        ours=ours.median,
        peer_name="plain fine-tuning epoch",
        peer=plain.median,
        ratio=float(np.median(_ratios(ours, plain))),
        target=1.03,
        relation="<=",
        note="ratio: ours / plain, the median of the rounds. The same code with other targets, so "
        "no difference is expected; computing the teacher's probabilities, once, is in the "
        "comparison with TextBrewer",
        details={
            "ours": ours.summary(),
            "peer": plain.summary(),
            "ratio_per_round": _ratios(ours, plain),
            "precision": precision,
            "batch_size": size.batch_size,
            "tokens_per_epoch": _count_tokens(encoded, _length_grouped(encoded, size.batch_size)),
        },
    )


def _compare_with_textbrewer(
    size: Size, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Comparison], dict[str, Any]]:
    """Whole runs of two epochs on the same batches; first, only when the teacher runs differs."""
    _textbrewer()
    config = minilm_training("fp32", epochs=2, batch_size=size.batch_size)
    check_items = random_items(size.check_items)
    checks = _check_agreement(
        _Task.build(size, check_items, tokenizer, config, dropout=0.0), size.check_items
    )

    task = _Task.build(size, random_items(size.items), tokenizer, config, dropout=DROPOUT)
    teacher_seconds: list[float] = []
    _, recording = task.record()  # also the warm-up
    timings = time_alternately(
        {
            "ours": lambda: task.distil(teacher_seconds=teacher_seconds),
            "general": lambda: task.distil_with_textbrewer(recording),
            "caching": lambda: task.distil_with_textbrewer(recording, caching=True),
            "plain": lambda: task.distil_with_textbrewer(recording, as_loaded=True),
        },
        repetitions=size.repetitions,
        warmup=0,
        description="distillation",
    )
    ours, general = timings["ours"], timings["general"]
    teacher = Timing(tuple(teacher_seconds))
    student_epoch = Timing(
        tuple(
            (whole - part) / config.epochs
            for whole, part in zip(ours.seconds, teacher.seconds, strict=True)
        )
    )
    name = (
        f"distillation, {TEACHER_DEPTH} → {STUDENT_DEPTH} layers, {size.items} items, "
        f"{config.epochs} epochs, fp32"
    )

    def compare(peer_name: str, peer: Timing, note: str, target: float | None) -> Comparison:
        return Comparison(
            name=name,
            ours=ours.median,
            peer_name=peer_name,
            peer=peer.median,
            ratio=peer.median / ours.median,
            target=target,
            note=note,
            details={
                "ours": ours.summary(),
                "our_teacher_pass": teacher.summary(),
                "peer": peer.summary(),
                "ratio_per_round": _ratios(peer, ours),
            },
        )

    rows = [
        compare(
            "TextBrewer GeneralDistiller",
            general,
            "our time includes the teacher's one pass; TextBrewer's recommended distiller runs "
            "the teacher in every step. Only this differs: TextBrewer is given our batches, "
            "compact word embedding, attention kernel, optimizer and schedule, and spared its "
            f"checkpoint on disk. A batch's loss differs by {checks['loss']:.1e} and, without "
            f"dropout, the students' logits by at most {checks['student_logits']:.1e}. Grouping by "
            "length, which pays with more items, has next to no part in either time",
            1.0,
        ),
        compare(
            "TextBrewer GeneralDistiller, model as loaded",
            timings["plain"],
            "our batches, but the whole word embedding and the default attention: what a user of "
            "each gets. So few items use few words, which favours our compact embedding",
            None,
        ),
        compare(
            "TextBrewer BasicDistiller, is_caching_logits",
            timings["caching"],
            "TextBrewer's own cache, an option of its simpler distiller, with our batches, "
            "embedding and attention: it keeps whole batches, so every epoch has those of the "
            "first in another order",
            None,
        ),
        Comparison(
            name=f"an epoch of that once the teacher's pass is cached, {STUDENT_DEPTH} layers",
            ours=student_epoch.median,
            peer_name="TextBrewer GeneralDistiller, an epoch",
            peer=general.median / config.epochs,
            ratio=general.median / config.epochs / student_epoch.median,
            note="what every further epoch, weight or seed costs",
            details={"ours": student_epoch.summary()},
        ),
    ]
    table = {
        "agreement": checks,
        "epochs": config.epochs,
        "batch_size": size.batch_size,
        "weight": WEIGHT,
        "precision": "fp32",
        "tokens_per_epoch": _count_tokens(task.encoded, recording.batches[0]),
        "attention": recording.attention,
        "words_used": task.words_used,
        "words": VOCABULARY,
    }
    return rows, table


def _check_agreement(task: _Task, items: int) -> dict[str, float]:
    """Largest differences of a batch's loss and of the logits after training, without dropout."""
    rows = np.arange(min(items, task.config.batch_size))
    targets = torch.from_numpy(task.targets()[rows].astype(np.float32)).to(task.device)
    student = task.student()
    nn.Module.to(student, task.device)
    distiller = task.textbrewer_distiller(student)
    batch = task.batch(rows)
    with distiller:
        theirs, _ = distiller.train_on_batch(batch, {})
        tokens = {name: tensor.to(task.device) for name, tensor in batch.items()}
        tokens.pop("labels")
        loss = soft_cross_entropy(student(**tokens), targets)
    loss_difference = assert_agree("loss of a batch", loss.item(), theirs.item(), atol=1e-5)

    our_student, recording = task.record()
    ours = task.logits(our_student)
    difference = max(
        assert_agree(
            "logits of the trained students",
            ours,
            task.logits(task.distil_with_textbrewer(recording, as_loaded=as_loaded)),
            atol=1e-3,
        )
        for as_loaded in (False, True)
    )
    change = float(np.abs(ours - task.logits(task.student())).max())
    if change < 10 * difference:
        raise AssertionError("training changed the logits too little to compare the students")
    return {
        "loss": loss_difference,
        "student_logits": difference,
        "student_logits_moved": change,
        "steps": float(sum(len(epoch) for epoch in recording.batches)),
    }


@dataclass(frozen=True)
class _Task:
    """One distillation, done by us or by TextBrewer from the same start on the same items."""

    teacher: PreTrainedModel
    start: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    dataset: Dataset
    labels: NDArray[np.int64]
    encoded: Encoded
    config: TrainingConfig
    device: torch.device

    @classmethod
    def build(
        cls,
        size: Size,
        items: tuple[Dataset, NDArray[np.int64]],
        tokenizer: PreTrainedTokenizerBase,
        config: TrainingConfig,
        *,
        dropout: float,
    ) -> _Task:
        """Random teacher and student start."""
        dataset, labels = items
        teacher = random_classifier(TEACHER_DEPTH, hidden=size.hidden, dropout=dropout)
        head: Any = teacher.classifier
        with torch.no_grad():  # probabilities that differ between items
            head.weight.mul_(20.0)
        device = default_device()
        nn.Module.to(teacher, device)
        return cls(
            teacher,
            random_classifier(STUDENT_DEPTH, hidden=size.hidden, dropout=dropout),
            tokenizer,
            dataset,
            labels,
            encode(dataset, tokenizer, config.max_length),
            config,
            device,
        )

    def student(self) -> PreTrainedModel:
        """A fresh copy of the student's start."""
        return copy.deepcopy(self.start)

    def logits(self, model: PreTrainedModel) -> NDArray[np.float64]:
        """Logits of all items, shape (N, C)."""
        return predict_logits(
            model, self.tokenizer, self.dataset, max_length=self.config.max_length, progress=False
        )

    def targets(self) -> NDArray[np.float64]:
        """Label and teacher mixed, shape (N, C); the teacher's one pass."""
        return mixture_targets(self.labels, softmax(self.logits(self.teacher), axis=1), WEIGHT)

    def distil(
        self, student: PreTrainedModel | None = None, teacher_seconds: list[float] | None = None
    ) -> PreTrainedModel:
        """Our way.

        Args:
            student: Where to start, by default a fresh copy.
            teacher_seconds: Takes the time of the teacher's pass.
        """
        student = self.student() if student is None else student
        begin = time.perf_counter()
        targets = self.targets()
        if teacher_seconds is not None:
            teacher_seconds.append(time.perf_counter() - begin)
        return fine_tune(
            student, self.tokenizer, self.dataset, targets, self.config, seed=SEED, progress=False
        )

    def record(self) -> tuple[PreTrainedModel, Recording]:
        """Our way, watched: the student, and which items came together."""
        row_of = {_pattern(item["input_ids"]): row for row, item in enumerate(self.encoded)}
        if len(row_of) < len(self.encoded):
            raise AssertionError("two items look alike, so batches cannot be recorded")
        seen: list[NDArray[np.intp]] = []
        attention: set[str] = set()

        def watch(module: Any, args: Any, batch: dict[str, Any]) -> None:
            rows = zip(batch["input_ids"], batch["attention_mask"], strict=True)
            seen.append(np.array([row_of[_pattern(ids[mask > 0].cpu())] for ids, mask in rows]))
            attention.add(module.config._attn_implementation)

        student = self.student()
        handle = student.register_forward_pre_hook(watch, with_kwargs=True)
        self.distil(student)
        handle.remove()
        steps = self.steps_per_epoch
        batches = [seen[first : first + steps] for first in range(0, len(seen), steps)]
        return student, Recording(batches, attention.pop())

    def distil_with_textbrewer(
        self, recording: Recording, *, caching: bool = False, as_loaded: bool = False
    ) -> PreTrainedModel:
        """TextBrewer's way, with the batches, optimizer, schedule and clipping of our training.

        Args:
            recording: How our training went.
            caching: Whether to use TextBrewer's cache of the teacher's logits.
            as_loaded: Whether to leave out what our training changes in the model meanwhile:
                the compact word embedding and the attention kernel.
        """
        student = self.student()
        nn.Module.to(student, self.device)
        encoded = encode(self.dataset, self.tokenizer, self.config.max_length)  # ours does it too
        with contextlib.ExitStack() as stack:
            if not as_loaded:
                student.set_attn_implementation(recording.attention)
                pad = int(self.tokenizer.pad_token_id)
                # the same words get the same new numbers in both
                stack.enter_context(compact_vocabulary(self.teacher, encoded, pad))
                encoded = stack.enter_context(compact_vocabulary(student, encoded, pad))
            self._train_with_textbrewer(student, _Loader(self, encoded, recording), caching)
        return student

    def _train_with_textbrewer(
        self, student: PreTrainedModel, loader: _Loader, caching: bool
    ) -> None:
        steps = self.steps_per_epoch * self.config.epochs
        decayed: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in student.named_parameters():
            (others if "bias" in name or "LayerNorm" in name else decayed).append(parameter)
        optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self.config.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=self.config.learning_rate,
            fused=True,
        )
        torch.manual_seed(SEED)
        distiller = self.textbrewer_distiller(student, caching=caching)
        with distiller:
            distiller.train(
                optimizer,
                loader,
                num_epochs=self.config.epochs,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args={
                    "num_warmup_steps": int(self.config.warmup_ratio * steps),
                    "num_training_steps": steps,
                },
                max_grad_norm=MAX_GRAD_NORM,
            )

    def textbrewer_distiller(self, student: PreTrainedModel, *, caching: bool = False) -> Any:
        """A distiller with our loss: (1 - λ) · CE to the label + λ · CE to the teacher."""
        textbrewer = _textbrewer()
        with tempfile.TemporaryDirectory(prefix="textbrewer-") as scratch:
            train_config = textbrewer.TrainingConfig(output_dir=scratch, device=self.device)
        distill_config = textbrewer.DistillationConfig(
            temperature=1,
            kd_loss_type="ce",
            kd_loss_weight=WEIGHT,
            hard_label_weight=1.0 - WEIGHT,
            is_caching_logits=caching,
        )
        kind = textbrewer.BasicDistiller if caching else textbrewer.GeneralDistiller
        distiller: Any = kind(
            train_config,
            distill_config,
            self.teacher,
            student,
            lambda batch, outputs: {"logits": outputs.logits},
            lambda batch, outputs: {"logits": outputs.logits, "losses": outputs.loss},
        )
        # it would write the weights to disk after the last epoch, which our training does not
        distiller.save_and_callback = lambda *args: None
        return distiller

    @property
    def steps_per_epoch(self) -> int:
        """Batches that hold every item once."""
        return -(-len(self.labels) // self.config.batch_size)

    @property
    def words_used(self) -> int:
        """Rows of the word embedding that the items use."""
        return len({token for item in self.encoded for token in item["input_ids"]})

    def batch(
        self, rows: NDArray[np.intp], encoded: Encoded | None = None
    ) -> dict[str, torch.Tensor]:
        """Tokens, padded to the longest, and labels."""
        source = self.encoded if encoded is None else encoded
        padded = DataCollatorWithPadding(self.tokenizer)([source[row] for row in rows])
        return {**padded, "labels": torch.from_numpy(self.labels[rows])}


class _Loader:
    """The recorded batches: each iteration is the next epoch."""

    def __init__(self, task: _Task, encoded: Encoded, recording: Recording) -> None:
        self._task, self._encoded = task, encoded
        self._epochs = iter(recording.batches)
        self._steps = task.steps_per_epoch

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for rows in next(self._epochs):
            yield self._task.batch(rows, self._encoded)


def _count_tokens(encoded: Encoded, batches: Sequence[NDArray[np.intp]]) -> dict[str, int]:
    """Tokens of an epoch: without padding, padded in these batches, padded in shuffled ones."""
    lengths = np.array([len(item["input_ids"]) for item in encoded])
    order = np.random.default_rng(SEED).permutation(len(lengths))
    shuffled = np.split(order, np.cumsum([len(rows) for rows in batches])[:-1])

    def padded(batches: Sequence[NDArray[np.intp]]) -> int:
        return int(sum(lengths[rows].max() * len(rows) for rows in batches))

    return {
        "without_padding": int(lengths.sum()),
        "padded": padded(batches),
        "padded_if_shuffled": padded(shuffled),
    }


def _length_grouped(encoded: Encoded, batch_size: int) -> list[NDArray[np.intp]]:
    """Batches as the Trainer makes them from items grouped by length."""
    lengths = [len(item["input_ids"]) for item in encoded]
    generator = torch.Generator().manual_seed(SEED)
    order = np.array(list(LengthGroupedSampler(batch_size, lengths=lengths, generator=generator)))
    return np.split(order, range(batch_size, len(order), batch_size))


def _pattern(tokens: ArrayLike) -> tuple[int, ...]:
    """Order of a text's tokens, which stays as it is when the vocabulary is renumbered."""
    return tuple(np.unique(tokens, return_inverse=True)[1].tolist())


def _ratios(first: Timing, second: Timing) -> list[float]:
    """Ratio of the two times of each round."""
    return [a / b for a, b in zip(first.seconds, second.seconds, strict=True)]


def _textbrewer() -> Any:
    """TextBrewer, without its log of every step."""
    textbrewer = import_peer("textbrewer")
    logging.getLogger("Distillation").setLevel(logging.WARNING)
    return textbrewer
