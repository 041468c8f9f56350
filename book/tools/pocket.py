"""Makes the pocket encoder: a small BERT, pretrained by masked words on the synthetic world.

The encoders that people fine-tune are pretrained, so the default profile's is, too. What it reads
is drawn here: a sentence, a discourse marker, and a sentence that the marker joins to it ("hence",
"meanwhile", "whereas" ...), as *one* reader with median traits would join them; and headlines with
that reader's exclamation. No vote and no distribution enters, and no premise or headline of the
default profile's data. Run by ``make pocket``; CI does not.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import typer
from datasets import Dataset
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

from ambiguity_lib.data.schema import EMOTION_CLASSES
from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.data.world import headlines
from ambiguity_lib.data.world.annotators import ItemKind
from ambiguity_lib.data.world.synthetic import KINDS
from ambiguity_lib.models.scratch import build_word_tokenizer
from ambiguity_lib.store import file_sha256
from ambiguity_lib.study import load_profile
from ambiguity_lib.study.provenance import provenance

#: What joins a second sentence that follows, that is open, that cannot be.
MARKERS = (
    ("hence", "therefore", "indeed", "thus"),
    ("meanwhile", "besides", "moreover", "incidentally"),
    ("whereas", "instead", "yet", "conversely"),
)
#: What the reader exclaims at a headline, by the emotion that it gives most of.
EXCLAMATIONS = {
    "anger": ("how outrageous !", "this makes me angry !"),
    "disgust": ("how disgusting !", "this is revolting !"),
    "fear": ("how frightening !", "this is scary !"),
    "joy": ("how lovely !", "this is good news !"),
    "sadness": ("how sad !", "this is heartbreaking !"),
    "surprise": ("how surprising !", "who would have thought !"),
}
#: A reader at the median of every trait: annotators that hardly differ.
ONE_READER = 1e-6
HEADLINES = 0.15
MASKED, MASKED_MARKERS = 0.15, 0.75
LAYERS, WIDTH, HEADS, MAX_LENGTH = 6, 128, 4, 64

Pairs = list[tuple[str, str]]


def draw_pairs(kind: ItemKind, size: int, rng: np.random.Generator, seen: set[str]) -> Pairs:
    """Sentences of one kind joined by markers; none of the premises is in ``seen``."""
    codes = rng.integers(0, int(np.prod(kind.PREMISE_SIZES)), size)
    premises = np.stack(np.unravel_index(codes, kind.PREMISE_SIZES), axis=1)
    hypotheses = kind.draw_hypotheses(rng, premises)
    reading = kind.distribution(premises, hypotheses, ONE_READER).argmax(axis=1)
    which = rng.integers(0, len(MARKERS[0]), size)
    pairs = []
    for row in range(size):
        text, second = kind.render(premises[row].tolist(), hypotheses[row].tolist())
        if text not in seen:
            pairs.append((text, f"{MARKERS[reading[row]][which[row]]} {second}"))
    return pairs


def draw_headlines(size: int, rng: np.random.Generator, seen: set[str]) -> Pairs:
    """Headlines and what the reader exclaims; none of them is in ``seen``."""
    features = headlines.draw_features(rng, size)
    strongest = headlines.expected_scores(features).argmax(axis=1)
    words = [EXCLAMATIONS[name] for name in EMOTION_CLASSES]
    which = rng.integers(0, 2, size)
    texts = headlines.render(features)
    return [
        (text, words[strongest[row]][which[row]])
        for row, text in enumerate(texts)
        if text not in seen
    ]


def draw_corpus(size: int, seed: int) -> Pairs:
    """About ``size`` pairs, fewer those whose first text is in the default profile's data."""
    rng = np.random.Generator(np.random.PCG64([seed, 2026]))
    profile = load_profile("synthetic")
    seen: set[str] = set()
    for data in (profile.data, profile.for_second_task().data):
        splits = load_splits(data)
        seen.update(
            *(part["text"][:] for part in (splits.train, splits.validation, splits.evaluation))
        )
    pairs = draw_headlines(round(HEADLINES * size), rng, seen)
    for kind in KINDS:
        pairs += draw_pairs(kind, round((1 - HEADLINES) * size / len(KINDS)), rng, seen)
    order = rng.permutation(len(pairs))
    return [pairs[row] for row in order]


class Masking:
    """Batches with words to be guessed: markers more often than the others."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        words = [*(word for group in MARKERS for word in group)]
        words += [w for pair in EXCLAMATIONS.values() for text in pair for w in text.split()]
        self._often = torch.tensor([tokenizer.vocab[word] for word in sorted(set(words))])
        self._special = torch.tensor(tokenizer.all_special_ids)

    def __call__(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Tensors (B, T): what the model reads, and what stood where a word is masked."""
        batch = dict(self._tokenizer.pad(list(rows), return_tensors="pt"))
        ids = batch["input_ids"]
        chance = torch.full(ids.shape, MASKED)
        chance[torch.isin(ids, self._often)] = MASKED_MARKERS
        chance[torch.isin(ids, self._special)] = 0.0
        masked = torch.bernoulli(chance).bool()
        batch["labels"] = ids.where(masked, torch.tensor(-100))
        batch["input_ids"] = ids.where(~masked, torch.tensor(self._tokenizer.mask_token_id))
        return batch


def pretrain(
    pairs: Pairs, folder: Path, *, seed: int, batch_size: int, learning_rate: float
) -> dict[str, float]:
    """Train on ``pairs`` once, write encoder and tokenizer to ``folder``; what was measured."""
    held_out = pairs[: len(pairs) // 100]
    vocabulary = sorted({word for pair in pairs for text in pair for word in text.split()})
    tokenizer = build_word_tokenizer(vocabulary, MAX_LENGTH)
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=LAYERS,
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.02 * (768 / WIDTH) ** 0.5,
        # so small a model that reads each sentence once underfits: no dropout until fine-tuning
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForMaskedLM(config)

    def encoded(part: Pairs) -> Dataset:
        columns = tokenizer([a for a, _ in part], [b for _, b in part], return_length=True)
        return Dataset.from_dict(dict(columns))

    with tempfile.TemporaryDirectory(prefix="pocket-") as work:
        trainer = Trainer(
            model,
            TrainingArguments(
                work,
                num_train_epochs=1,
                per_device_train_batch_size=batch_size,
                per_device_eval_batch_size=batch_size,
                learning_rate=learning_rate,
                weight_decay=0.01,
                warmup_steps=0.03,
                train_sampling_strategy="group_by_length",
                optim="adamw_torch_fused",
                logging_steps=100,
                save_strategy="no",
                report_to="none",
                seed=seed,
            ),
            data_collator=Masking(tokenizer),
            train_dataset=encoded(pairs[len(held_out) :]),
            eval_dataset=encoded(held_out),
        )
        trainer.train()
        loss = trainer.evaluate()["eval_loss"]
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.1  # as in BERT
    model.bert.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {"pairs": len(pairs) - len(held_out), "words": len(vocabulary), "held_out_loss": loss}


def main(
    folder: Path = Path("ambiguity_lib/models/pocket"),
    pairs: int = 700_000,
    seed: int = 0,
    batch_size: int = 64,
    learning_rate: float = 5e-4,
) -> None:
    """Draw the corpus, pretrain, and put the encoder where the default profile finds it."""
    begin = time.perf_counter()
    corpus = draw_corpus(pairs, seed)
    with tempfile.TemporaryDirectory(prefix=".pocket-", dir=folder.parent) as work:
        made = Path(work) / "pocket"
        measured = pretrain(
            corpus, made, seed=seed, batch_size=batch_size, learning_rate=learning_rate
        )
        record = measured | {
            "seed": seed,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "minutes": round((time.perf_counter() - begin) / 60, 1),
            "sha256": file_sha256(made / "model.safetensors"),
            "made_by": provenance(),
        }
        (made / "pocket.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    print(
        f"{folder}: {record['minutes']} minutes, masked-word loss {measured['held_out_loss']:.3f}"
    )


if __name__ == "__main__":
    typer.run(main)
