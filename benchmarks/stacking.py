"""What stacking compressions costs: the distilled student in other precisions and runtimes.

Everything runs on the CPU, where the int8 kernels of PyTorch and ONNX Runtime are. The student
comes from the artifact store: first that of the profile ``minilm``, else of ``synthetic``; only
where both are missing the small synthetic one is trained.
"""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from ambiguity_lib.evaluation import bootstrap_interval
from ambiguity_lib.method import Classifier, softmax
from ambiguity_lib.metrics import accuracy, jensen_shannon_distance, kl_divergence
from ambiguity_lib.models import Timing, encode, load_tokenizer, resolve_precision, time_alternately
from ambiguity_lib.models.speed import random_batch
from ambiguity_lib.practice.onnx import OPSET, export_onnx
from ambiguity_lib.store import ArtifactStore, MissingArtifactError
from ambiguity_lib.study import Experiment, project_root
from benchmarks.harness import Comparison, Report, assert_agree, import_peer
from benchmarks.latency import fastest_attention

Batch = Mapping[str, Tensor]
FloatArray = NDArray[np.float64]

PROFILES = ("minilm", "synthetic")
SHAPES = ((1, 32), (8, 32), (32, 32))
#: The shape (batch, length) that the printed table is about.
COMPARED = (8, 32)
BASE = "PyTorch fp32"
TEACHER = "teacher, PyTorch fp32"
BATCH_SIZE = 32
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Subject:
    """The models that are compressed further.

    Attributes:
        experiment: Where they come from.
        student: The distilled model of fewer layers.
        teacher: The full model.
        origin: Where they were found, in words.
    """

    experiment: Experiment
    student: Classifier
    teacher: Classifier
    origin: str


@dataclass(frozen=True)
class Variant:
    """One way to run a model.

    Attributes:
        name: Precision and runtime.
        logits: Batch → logits, shape (B, C).
        bytes: Size of its file on disk.
    """

    name: str
    logits: Callable[[Batch], Tensor | FloatArray]
    bytes: int


def find_subject(quick: bool, directory: Path) -> Subject:
    """Student and teacher from the store; trained (the smallest profile) if there are none.

    Args:
        quick: Whether to train those of the tests' smoke profile instead.
        directory: Where a quick run keeps what it trains.
    """
    if quick:
        smoke = project_root() / "tests" / "profiles" / "smoke.yml"
        experiment = Experiment.from_profile(smoke, store=ArtifactStore(directory))
        return _subject(experiment, "trained now on the smoke profile: a test")
    for profile in PROFILES:
        try:
            experiment = Experiment.from_profile(profile).read_only()
            return _subject(experiment, f"store, {profile}")
        except (MissingArtifactError, FileNotFoundError):  # not trained here, or no data at all
            continue
    return _subject(Experiment.from_profile(PROFILES[-1]), f"trained, {PROFILES[-1]}")


def _subject(experiment: Experiment, origin: str) -> Subject:
    return Subject(experiment, experiment.distilled(), experiment.teacher, origin)


# -- PyTorch ------------------------------------------------------------------------------------


def load(classifier: Classifier) -> PreTrainedModel:
    """The model with the attention that is fastest on this device."""
    model = classifier.load()
    model.set_attn_implementation(fastest_attention(CPU))
    return model


def torch_fp32(name: str, classifier: Classifier) -> Variant:
    """The model as it was saved."""
    model = load(classifier)
    return Variant(name, lambda batch: model(**batch).logits, classifier.bytes)


def torch_bf16(classifier: Classifier) -> Variant:
    """Matrix products in bfloat16; weights are kept, and saved, in fp32."""
    model = load(classifier)

    def logits(batch: Batch) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(**batch).logits.float()

    return Variant("PyTorch bf16 autocast", logits, classifier.bytes)


def torch_int8(classifier: Classifier) -> Variant:
    """Linear layers with int8 weights and activations scaled per batch; embeddings in fp32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in favour of torchao, still in torch 2.13
        quantize = torch.ao.quantization.quantize_dynamic
        model: Any = quantize(load(classifier), {nn.Linear}, dtype=torch.qint8)
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
    return Variant(
        "PyTorch dynamic int8", lambda batch: model(**batch).logits, file.getbuffer().nbytes
    )


# -- ONNX Runtime -------------------------------------------------------------------------------


def onnx_variant(name: str, path: Path) -> Variant:
    """An ONNX file in ONNX Runtime, with as many threads as PyTorch."""
    runtime = import_peer("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # idle threads would else keep the cores busy while the others are timed
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}

    def logits(batch: Batch) -> FloatArray:
        inputs = {key: tensor.numpy() for key, tensor in batch.items() if key in names}
        result: FloatArray = session.run(["logits"], inputs)[0]
        return result

    return Variant(name, logits, path.stat().st_size)


def onnx_variants(classifier: Classifier, directory: Path) -> tuple[Variant, Variant]:
    """ONNX Runtime in fp32 and with dynamic int8 (matrix products and embedding tables)."""
    exported, quantized = directory / "fp32.onnx", directory / "int8.onnx"
    export_onnx(load(classifier), load_tokenizer(classifier.path), exported)
    quantization = import_peer("onnxruntime.quantization")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a preprocessing that changes nothing here
    try:
        quantization.quantize_dynamic(
            str(exported), str(quantized), weight_type=quantization.QuantType.QInt8
        )
    finally:
        root.setLevel(level)
    return (
        onnx_variant("ONNX Runtime fp32", exported),
        onnx_variant("ONNX Runtime dynamic int8", quantized),
    )


# -- what is measured ---------------------------------------------------------------------------


def evaluation_batches(subject: Subject) -> list[tuple[NDArray[np.intp], dict[str, Tensor]]]:
    """Row indices and padded tokens of the evaluation items, the same for every variant."""
    tokenizer = load_tokenizer(subject.student.path)
    max_length = subject.experiment.profile.training.max_length
    encoded = encode(subject.experiment.splits.evaluation, tokenizer, max_length)
    # by length, so that little is padding; int8 scales are taken over a batch
    order = np.argsort([-len(item["input_ids"]) for item in encoded], kind="stable")
    return [
        (rows, dict(tokenizer.pad([encoded[row] for row in rows], return_tensors="pt")))
        for rows in np.split(order, range(BATCH_SIZE, len(order), BATCH_SIZE))
    ]


@torch.inference_mode()
def predict(
    variant: Variant, batches: list[tuple[NDArray[np.intp], dict[str, Tensor]]]
) -> FloatArray:
    """Distributions of all evaluation items in their order, shape (N, C)."""
    parts = [np.asarray(variant.logits(batch), dtype=np.float64) for _, batch in batches]
    order = np.concatenate([rows for rows, _ in batches])
    probs = np.empty((len(order), parts[0].shape[1]))
    probs[order] = softmax(np.concatenate(parts))
    return probs


@torch.inference_mode()
def time_variants(variants: Iterable[Variant], batch: Batch, repetitions: int) -> dict[str, Timing]:
    """Latency of every variant on one batch, in turn."""

    def work(variant: Variant) -> Callable[[], object]:
        return lambda: variant.logits(batch)

    works = {variant.name: work(variant) for variant in variants}
    return time_alternately(works, repetitions=repetitions, warmup=3)


def latency_batch(model: PreTrainedModel, names: Iterable[str], size: int, length: int) -> Batch:
    """Random words with every input that real items have; further ones (segments) are zero."""
    batch = random_batch(model, size, length)
    return {name: batch.get(name, torch.zeros_like(batch["input_ids"])) for name in names}


def quality(subject: Subject, probs: FloatArray, reference: FloatArray | None) -> dict[str, Any]:
    """Means over the evaluation items; JSD and KL (nats) are against human distributions.

    Args:
        subject: For human distributions and majority labels.
        probs: A variant's distributions, shape (N, C).
        reference: Those of the same model in fp32; None where it is another model.
    """
    human = subject.experiment.human
    distances = jensen_shannon_distance(human, probs)
    interval = None
    if reference is not None:
        changes = distances - jensen_shannon_distance(human, reference)
        interval = [float(end) for end in bootstrap_interval(changes)]
    return {
        "accuracy": float(accuracy(subject.experiment.new_labels, probs).mean()),
        "jsd": float(distances.mean()),
        "jsd_change_interval": interval,  # 95%, over items
        "kl": float(kl_divergence(human, probs).mean()),
        "mean_absolute_change": (
            None if reference is None else float(np.abs(probs - reference).mean())
        ),
    }


def build_variants(subject: Subject, directory: Path) -> list[Variant]:
    """All ways to run the student, PyTorch fp32 first, and the teacher last."""
    variants = [torch_fp32(BASE, subject.student)]
    if resolve_precision("auto") == "bf16":
        variants.append(torch_bf16(subject.student))
    variants.append(torch_int8(subject.student))
    variants += onnx_variants(subject.student, directory)
    return [*variants, torch_fp32(TEACHER, subject.teacher)]


def compare(row: Mapping[str, Any], base: Mapping[str, Any]) -> Comparison:
    """A variant against the student in PyTorch fp32."""
    size, length = COMPARED
    shape = f"{size}x{length}"
    ours, peer = row["latency"][shape]["median"], base["latency"][shape]["median"]
    return Comparison(
        name=f"{row['variant']}, {size} x {length} tokens",
        ours=ours,
        peer_name=f"student, {BASE}",
        peer=peer,
        ratio=peer / ours,
        note=(
            f"JSD {base['jsd']:.4f} before, {row['jsd']:.4f} after; accuracy "
            f"{base['accuracy']:.4f} and {row['accuracy']:.4f}; {row['bytes'] / base['bytes']:.2f} "
            "times the bytes"
        ),
        details={"latency": row["latency"][shape]},
    )


def run(quick: bool) -> Report:
    """Measure every variant; ``quick`` trains a tiny student for it and repeats twice."""
    with tempfile.TemporaryDirectory(prefix="ambiguity-stacking-") as folder:
        directory = Path(folder)
        subject = find_subject(quick, directory / "artifacts")
        batches = evaluation_batches(subject)
        model = subject.student.load()
        example = latency_batch(model, batches[0][1], *COMPARED)
        variants = build_variants(subject, directory)

        probs = {
            variant.name: predict(variant, batches)
            for variant in tqdm(variants, desc="predicting", leave=False)
        }
        difference = assert_agree(
            "ONNX Runtime fp32", probs["ONNX Runtime fp32"], probs[BASE], atol=1e-4
        )
        latencies = {
            f"{size}x{length}": time_variants(
                variants,
                latency_batch(model, example, size, length),
                repetitions=2 if quick else 30,
            )
            for size, length in SHAPES
        }
    rows = [
        {
            "variant": variant.name,
            "depth": (subject.teacher if variant.name == TEACHER else subject.student).depth,
            "bytes": variant.bytes,
            **quality(
                subject, probs[variant.name], None if variant.name == TEACHER else probs[BASE]
            ),
            "latency": {
                shape: timings[variant.name].summary() for shape, timings in latencies.items()
            },
        }
        for variant in variants
    ]
    settings = {
        "origin": subject.origin,
        "profile": subject.experiment.profile.name,
        "items": len(subject.experiment.splits.evaluation),
        "threads": torch.get_num_threads(),
        "attention": fastest_attention(CPU),
        "opset": OPSET,
        "bf16": resolve_precision("auto") == "bf16",
        "onnx_largest_difference": difference,
    }
    comparisons = tuple(compare(row, rows[0]) for row in rows[1:])
    return Report(comparisons, {"variants": rows, "settings": settings})
