"""Makes the pocket encoder: a small BERT, pretrained by masked words on the synthetic world.

The encoders that people fine-tune are pretrained, so the default profile's is, too. What it reads
is drawn here: a sentence, a discourse marker, and a sentence that the marker joins to it ("hence",
"meanwhile", "whereas" ...), as *one* reader with median traits would join them; and headlines with
that reader's exclamation. No vote and no distribution enters, and no premise or headline of the
default profile's data. Three stages: masked words, markers more often than others; then the marker
is left out, and the first token is to say which it was, besides the masked words (after Sileo et
al., 2019, who learn sentence representations so); then the same with two layers more, copies of the
two at the top (after Gong et al., 2019). Run by ``make pocket``; CI does not.
"""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
#: What the reader exclaims at a headline, by the emotion that it gives most of; and the word of it
#: that says which.
EXCLAMATIONS = {
    "anger": {"how outrageous !": "outrageous", "this makes me angry !": "angry"},
    "disgust": {"how disgusting !": "disgusting", "this is revolting !": "revolting"},
    "fear": {"how frightening !": "frightening", "this is scary !": "scary"},
    "joy": {"how lovely !": "lovely", "this is good news !": "good"},
    "sadness": {"how sad !": "sad", "this is heartbreaking !": "heartbreaking"},
    "surprise": {"how surprising !": "surprising", "who would have thought !": "thought"},
}
#: A reader at the median of every trait: annotators that hardly differ.
ONE_READER = 1e-6
HEADLINES = 0.15
MASKED, MASKED_MARKERS = 0.15, 0.75
LAYERS, WIDTH, HEADS, MAX_LENGTH = 6, 128, 4, 64
#: The stage before which the encoder grows, and by how many layers.
STACKED, MORE_LAYERS = 3, 2


class Joined(NamedTuple):
    """A text, what follows it with and without what joins the two, and the joining word."""

    first: str
    second: str
    alone: str
    joint: str


def draw_pairs(kind: ItemKind, size: int, rng: np.random.Generator, seen: set[str]) -> list[Joined]:
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
            marker = MARKERS[reading[row]][which[row]]
            pairs.append(Joined(text, f"{marker} {second}", second, marker))
    return pairs


def draw_headlines(size: int, rng: np.random.Generator, seen: set[str]) -> list[Joined]:
    """Headlines and what the reader exclaims; none of them is in ``seen``."""
    features = headlines.draw_features(rng, size)
    strongest = headlines.expected_scores(features).argmax(axis=1)
    words = [list(EXCLAMATIONS[name].items()) for name in EMOTION_CLASSES]
    which = rng.integers(0, 2, size)
    texts = headlines.render(features)
    said = [words[emotion][choice] for emotion, choice in zip(strongest, which, strict=True)]
    return [
        Joined(text, exclamation, "", word)
        for text, (exclamation, word) in zip(texts, said, strict=True)
        if text not in seen
    ]


def draw_corpus(size: int, seed: int, stage: int = 1) -> list[Joined]:
    """About ``size`` pairs, fewer those whose first text is in the default profile's data."""
    rng = np.random.Generator(np.random.PCG64([seed, 2025 + stage]))
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
    """Batches with words to be guessed: markers more often than the others.

    Where rows have a ``joint``, the first token is to say it.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Masks for texts of this tokenizer."""
        self._tokenizer = tokenizer
        words = [*(word for group in MARKERS for word in group)]
        words += [w for pair in EXCLAMATIONS.values() for text in pair for w in text.split()]
        self._often = torch.tensor([tokenizer.vocab[word] for word in sorted(set(words))])
        self._special = torch.tensor(tokenizer.all_special_ids)

    def __call__(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Tensors (B, T): what the model reads, and what stood where a word is masked."""
        joints = [row.pop("joint") for row in rows if "joint" in row]
        batch = dict(self._tokenizer.pad(list(rows), return_tensors="pt"))
        ids = batch["input_ids"]
        chance = torch.full(ids.shape, MASKED)
        chance[torch.isin(ids, self._often)] = MASKED_MARKERS
        chance[torch.isin(ids, self._special)] = 0.0
        masked = torch.bernoulli(chance).bool()
        batch["labels"] = ids.where(masked, torch.tensor(-100))
        if joints:
            batch["labels"][:, 0] = torch.tensor(joints)
        batch["input_ids"] = ids.where(~masked, torch.tensor(self._tokenizer.mask_token_id))
        return batch


def new_model(vocabulary_size: int, pad: int) -> BertForMaskedLM:
    """A small BERT with random weights."""
    config = BertConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=LAYERS,
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=pad,
        initializer_range=0.02 * (768 / WIDTH) ** 0.5,
        # so small a model that reads each sentence once underfits: no dropout until fine-tuning
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForMaskedLM(config)


def stack(model: BertForMaskedLM) -> None:
    """Put copies of the two upper layers on top, which have little left to do at first."""
    layers = model.bert.encoder.layer
    layers.extend(copy.deepcopy(layer) for layer in list(layers[-MORE_LAYERS:]))
    model.config.num_hidden_layers = len(layers)


def pretrain(
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerFast,
    corpus: list[Joined],
    *,
    joints: bool,
    seed: int,
    batch_size: int,
    learning_rate: float,
) -> dict[str, float]:
    """Train on a corpus once: with joining words in it, or (``joints``) to be told from the rest.

    Gives the number of pairs, and the loss on others.
    """
    held_out = len(corpus) // 100

    def encoded(part: list[Joined]) -> Dataset:
        seconds = [pair.alone if joints else pair.second for pair in part]
        columns = dict(tokenizer([pair.first for pair in part], seconds, return_length=True))
        if joints:
            columns["joint"] = [tokenizer.vocab[pair.joint] for pair in part]
        return Dataset.from_dict(columns)

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
                remove_unused_columns=False,
                seed=seed,
            ),
            data_collator=Masking(tokenizer),
            train_dataset=encoded(corpus[held_out:]),
            eval_dataset=encoded(corpus[:held_out]),
        )
        trainer.train()
        loss = trainer.evaluate()["eval_loss"]
    return {"pairs": len(corpus) - held_out, "held_out_loss": loss}


def main(
    folder: Path = Path("ambiguity_lib/models/pocket"),
    pairs: tuple[int, int, int] = (700_000, 250_000, 120_000),
    seed: int = 0,
    batch_size: int = 64,
    learning_rate: float = 5e-4,
) -> None:
    """Draw the corpora, pretrain in stages, and put the encoder where its profile finds it."""
    begin = time.perf_counter()
    corpora = [draw_corpus(size, seed, stage) for stage, size in enumerate(pairs, start=1)]
    texts = (text for corpus in corpora for pair in corpus for text in (pair.first, pair.second))
    words = sorted({word for text in texts for word in text.split()})
    tokenizer = build_word_tokenizer(words, MAX_LENGTH)
    options: dict[str, Any] = {
        "seed": seed,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }
    stages: list[dict[str, float]] = []
    model: BertForMaskedLM | None = None
    for stage, corpus in enumerate(corpora, start=1):
        set_seed(seed)
        last, model = model, new_model(len(tokenizer), tokenizer.vocab["[PAD]"])
        if last is not None:  # the head that guesses words is a new one
            model.bert.load_state_dict(last.bert.state_dict())
        if stage == STACKED:
            stack(model)
        stages.append(pretrain(model, tokenizer, corpus, joints=stage > 1, **options))
    assert model is not None
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1  # BERT's
    with tempfile.TemporaryDirectory(prefix=".pocket-", dir=folder.parent) as work:
        made = Path(work) / "pocket"
        model.bert.save_pretrained(made)
        tokenizer.save_pretrained(made)
        record = options | {
            "words": len(words),
            "stages": stages,
            "minutes": round((time.perf_counter() - begin) / 60, 1),
            "sha256": file_sha256(made / "model.safetensors"),
            "made_by": provenance(),
        }
        (made / "pocket.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    print(f"{folder}: {record['minutes']} minutes, losses {[s['held_out_loss'] for s in stages]}")


if __name__ == "__main__":
    typer.run(main)
