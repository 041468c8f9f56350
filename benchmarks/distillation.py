"""Distillation: what cached teacher probabilities cost in an epoch, and TextBrewer on the same."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import logging
import tempfile
import time
from itertools import chain
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
    get_linear_schedule_with_warmup,
)

from ambiguity_lib.method import mixture_targets, one_hot_targets
from ambiguity_lib.models import (
    Timing,
    default_device,
    encode,
    fine_tune,
    predict_logits,
    resolve_precision,
    time_alternately,
)
from ambiguity_lib.models.batches import Encoded
from ambiguity_lib.models.training import compact_vocabulary
from benchmarks.harness import Comparison, Report, assert_agree, compare_times, import_peer
from benchmarks.work import (
    BATCH_SIZE,
    CLASSES,
    minilm_training,
    random_classifier,
    random_items,
    word_tokenizer,
)

WEIGHT = 0.5
TEACHER_DEPTH, STUDENT_DEPTH = 6, 5

Rows = NDArray[np.intp]


def run(quick: bool) -> Report:
    """Compare an epoch with and without teacher, then a whole distillation with TextBrewer's."""
    return Report((_compare_epochs(quick), *_compare_with_textbrewer(quick)))


def _compare_epochs(quick: bool) -> Comparison:
    """One epoch towards labels and cached teacher probabilities, and one towards labels alone."""
    tokenizer = word_tokenizer()
    dataset, labels = random_items(32 if quick else 640)
    probs = np.random.default_rng(0).dirichlet(np.ones(CLASSES), size=len(labels))
    one_hot = one_hot_targets(labels, CLASSES)
    mixture = mixture_targets(labels, probs, WEIGHT)
    start = random_classifier(STUDENT_DEPTH, hidden=32 if quick else 384)
    config = minilm_training("auto", batch_size=8 if quick else BATCH_SIZE)

    def train(targets: NDArray[np.float64], items: Dataset = dataset) -> None:
        # the copy's time is in both
        fine_tune(copy.deepcopy(start), tokenizer, items, targets, config, progress=False)

    few = 2 * config.batch_size
    train(mixture[:few], dataset.select(range(few)))  # enough of a warm-up, and short
    timings = time_alternately(
        {"ours": lambda: train(mixture), "plain": lambda: train(one_hot)},
        repetitions=1 if quick else 5,
        warmup=0,
        description="epochs",
    )
    ours, plain = timings["ours"], timings["plain"]
    row = compare_times(
        f"student epoch with cached teacher, {STUDENT_DEPTH} layers, {len(labels):,} items, "
        f"{resolve_precision('auto')}",
        ours,
        "plain fine-tuning epoch",
        plain,
        target=1.03,
        relation="<=",
        note="ratio: ours / plain, the median of the rounds. The same code with other targets, so "
        "no difference is expected; computing the teacher's probabilities, once, is in the "
        "comparison with TextBrewer",
    )
    return dataclasses.replace(row, ratio=float(np.median(np.divide(ours.seconds, plain.seconds))))


def _compare_with_textbrewer(quick: bool) -> list[Comparison]:
    """Whole runs of two epochs on the same batches; first, only when the teacher runs differs."""
    difference = _check_agreement(_Task(quick, 16 if quick else 64, dropout=0.0))
    task = _Task(quick, 32 if quick else 128, dropout=0.1)
    _, epochs = task.record()  # also the warm-up
    task.teacher_seconds.clear()
    timings = time_alternately(
        {
            "ours": lambda: task.distil(task.student()),
            "general": lambda: task.distil_with_textbrewer(epochs),
            "caching": lambda: task.distil_with_textbrewer(epochs, caching=True),
            "plain": lambda: task.distil_with_textbrewer(epochs, as_loaded=True),
        },
        repetitions=1 if quick else 5,
        warmup=0,
        description="distillation",
    )
    ours, general = timings["ours"], timings["general"]
    without_teacher = np.subtract(ours.seconds, task.teacher_seconds)
    our_epoch, their_epoch = (
        Timing(tuple(np.divide(seconds, len(epochs)).tolist()))
        for seconds in (without_teacher, general.seconds)
    )
    name = (
        f"distillation, {TEACHER_DEPTH} → {STUDENT_DEPTH} layers, {len(task.labels)} items, "
        f"{len(epochs)} epochs, fp32"
    )
    return [
        compare_times(
            name,
            ours,
            "TextBrewer GeneralDistiller",
            general,
            target=1.0,
            note="our time includes the teacher's one pass; TextBrewer's recommended distiller "
            "runs the teacher in every step. Only this differs: TextBrewer is given our batches, "
            "compact word embedding, attention kernel, optimizer and schedule, and spared its "
            "checkpoint on disk. Without dropout, the students' logits differ by at most "
            f"{difference:.1e}. Grouping by length, which pays with more items, has next to no "
            "part in either time",
        ),
        compare_times(
            name,
            ours,
            "TextBrewer GeneralDistiller, model as loaded",
            timings["plain"],
            note="our batches, but the whole word embedding and the default attention: what a user "
            "of each gets. So few items use few words, which favours our compact embedding",
        ),
        compare_times(
            name,
            ours,
            "TextBrewer BasicDistiller, is_caching_logits",
            timings["caching"],
            note="TextBrewer's own cache, an option of its simpler distiller, with our batches, "
            "embedding and attention: it keeps whole batches, so every epoch has those of the "
            "first in another order",
        ),
        compare_times(
            f"an epoch of that once the teacher's pass is cached, {STUDENT_DEPTH} layers",
            our_epoch,
            "TextBrewer GeneralDistiller, an epoch",
            their_epoch,
            note="what every further epoch, weight or seed costs",
        ),
    ]


def _check_agreement(task: _Task) -> float:
    """Largest difference of the logits after training, without dropout."""
    student, epochs = task.record()
    ours = task.logits(student)
    difference = 0.0
    for as_loaded in (False, True):
        theirs = task.logits(task.distil_with_textbrewer(epochs, as_loaded=as_loaded))
        found = assert_agree("logits of the trained students", ours, theirs, atol=1e-3)
        difference = max(difference, found)
    if np.abs(ours - task.logits(task.student())).max() < 10 * difference:
        raise AssertionError("training changed the logits too little to compare the students")
    return difference


class _Task:
    """One distillation, done by us or by TextBrewer from the same start on the same items."""

    def __init__(self, quick: bool, items: int, *, dropout: float) -> None:
        hidden = 32 if quick else 384
        self.tokenizer = word_tokenizer()
        self.dataset, self.labels = random_items(items)
        self.config = minilm_training("fp32", epochs=2, batch_size=8 if quick else BATCH_SIZE)
        self.device = default_device()
        self.start = random_classifier(STUDENT_DEPTH, hidden=hidden, dropout=dropout)
        self.teacher = random_classifier(TEACHER_DEPTH, hidden=hidden, dropout=dropout)
        head: Any = self.teacher.classifier
        with torch.no_grad():  # probabilities that differ between items
            head.weight.mul_(20.0)
        nn.Module.to(self.teacher, self.device)
        #: Times of the teacher's pass, one for each distillation of ours.
        self.teacher_seconds: list[float] = []

    def student(self) -> PreTrainedModel:
        """A fresh copy of the student's start."""
        return copy.deepcopy(self.start)

    def encode(self) -> Encoded:
        """Tokens of all items."""
        return encode(self.dataset, self.tokenizer, self.config.max_length)

    def logits(self, model: PreTrainedModel) -> NDArray[np.float64]:
        """Logits of all items, shape (N, C)."""
        return predict_logits(
            model, self.tokenizer, self.dataset, max_length=self.config.max_length, progress=False
        )

    def distil(self, student: PreTrainedModel) -> None:
        """Our way: label and teacher mixed, by one pass of the teacher."""
        begin = time.perf_counter()
        probs = softmax(self.logits(self.teacher), axis=1)
        self.teacher_seconds.append(time.perf_counter() - begin)
        targets = mixture_targets(self.labels, probs, WEIGHT)
        fine_tune(student, self.tokenizer, self.dataset, targets, self.config, progress=False)

    def record(self) -> tuple[PreTrainedModel, list[list[Rows]]]:
        """Our way, watched: the student, and which items came together, for each epoch."""
        encoded = self.encode()
        row_of = {_pattern(item["input_ids"]): row for row, item in enumerate(encoded)}
        if len(row_of) < len(encoded):
            raise AssertionError("two items look alike, so batches cannot be recorded")
        seen: list[Rows] = []

        def watch(module: Any, args: Any, batch: dict[str, Any]) -> None:
            rows = zip(batch["input_ids"], batch["attention_mask"], strict=True)
            seen.append(np.array([row_of[_pattern(ids[mask > 0].cpu())] for ids, mask in rows]))
            self.attention = module.config._attn_implementation

        student = self.student()
        handle = student.register_forward_pre_hook(watch, with_kwargs=True)
        self.distil(student)
        handle.remove()
        steps = len(seen) // self.config.epochs
        return student, [seen[first : first + steps] for first in range(0, len(seen), steps)]

    def distil_with_textbrewer(
        self, epochs: list[list[Rows]], *, caching: bool = False, as_loaded: bool = False
    ) -> PreTrainedModel:
        """TextBrewer's way, with the batches, optimizer, schedule and clipping of our training.

        Args:
            epochs: The batches of our training.
            caching: Whether to use TextBrewer's cache of the teacher's logits.
            as_loaded: Whether to leave out what our training changes in the model meanwhile:
                the compact word embedding and the attention kernel.
        """
        student = self.student()
        nn.Module.to(student, self.device)
        encoded = self.encode()  # ours does it too
        with contextlib.ExitStack() as stack:
            if not as_loaded:
                student.set_attn_implementation(self.attention)
                pad = int(self.tokenizer.pad_token_id)
                # the same words get the same new numbers in both
                stack.enter_context(compact_vocabulary(self.teacher, encoded, pad))
                encoded = stack.enter_context(compact_vocabulary(student, encoded, pad))
            collate = DataCollatorWithPadding(self.tokenizer)
            batches = [
                {
                    **collate([encoded[row] for row in rows]),
                    "labels": torch.from_numpy(self.labels[rows]),
                }
                for rows in chain(*epochs)
            ]
            # the cache is of one epoch; without it an epoch more is but more batches
            repeats = len(epochs) if caching else 1
            steps = len(batches)
            groups: dict[float, list[nn.Parameter]] = {self.config.weight_decay: [], 0.0: []}
            for name, parameter in student.named_parameters():
                free = "bias" in name or "LayerNorm" in name
                groups[0.0 if free else self.config.weight_decay].append(parameter)
            optimizer = torch.optim.AdamW(
                [{"params": group, "weight_decay": decay} for decay, group in groups.items()],
                lr=self.config.learning_rate,
                fused=True,
            )
            torch.manual_seed(0)
            distiller = self._distiller(student, caching)
            stack.enter_context(distiller)
            distiller.train(
                optimizer,
                batches[: steps // repeats],
                num_epochs=repeats,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args={
                    "num_warmup_steps": int(self.config.warmup_ratio * steps),
                    "num_training_steps": steps,
                },
                max_grad_norm=1.0,  # the Trainer's default, which our training uses
            )
        return student

    def _distiller(self, student: PreTrainedModel, caching: bool) -> Any:
        """TextBrewer's, with our loss: (1 - λ) · CE to the label + λ · CE to the teacher."""
        textbrewer = import_peer("textbrewer")
        logging.getLogger("Distillation").setLevel(logging.WARNING)  # it logs every step
        kind = textbrewer.BasicDistiller if caching else textbrewer.GeneralDistiller
        with tempfile.TemporaryDirectory(prefix="textbrewer-") as scratch:
            train_config = textbrewer.TrainingConfig(output_dir=scratch, device=self.device)
        distill_config = textbrewer.DistillationConfig(
            temperature=1,
            kd_loss_type="ce",
            kd_loss_weight=WEIGHT,
            hard_label_weight=1.0 - WEIGHT,
            is_caching_logits=caching,
        )
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


def _pattern(tokens: ArrayLike) -> tuple[int, ...]:
    """Order of a text's tokens, which stays as it is when the vocabulary is renumbered."""
    return tuple(np.unique(tokens, return_inverse=True)[1].tolist())
