"""What stacking compressions costs: the distilled student in other precisions and runtimes.

Everything runs on the CPU, where the int8 kernels of PyTorch and ONNX Runtime are. The student
comes from the artifact store: first that of the profile ``minilm``, else of ``synthetic``; only
where both are missing the small synthetic one is trained.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

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
from ambiguity_lib.practice.onnx import export_onnx
from ambiguity_lib.store import ArtifactStore, MissingArtifactError
from ambiguity_lib.study import Experiment, project_root
from benchmarks.harness import Report, assert_agree, compare_times, import_peer
from benchmarks.latency import fastest_attention
from benchmarks.work import BATCH_SIZE

Batch = Mapping[str, Tensor]
#: Row indices and padded tokens.
Batches = list[tuple[NDArray[np.intp], dict[str, Tensor]]]
FloatArray = NDArray[np.float64]

SHAPES = ((1, 32), (8, 32), (32, 32))
#: The shape (batch, length) that the printed table is about.
COMPARED = (8, 32)
BASE = "PyTorch fp32"
ONNX = "ONNX Runtime fp32"
TEACHER = "teacher, PyTorch fp32"
CPU = torch.device("cpu")


class Variant(NamedTuple):
    """One way to run a model: batch → logits of shape (B, C), and the size of its file on disk."""

    logits: Callable[[Batch], Tensor | FloatArray]
    bytes: int


def find_subject(quick: bool, directory: Path) -> tuple[Experiment, Classifier, Classifier]:
    """An experiment with its student and teacher; the smallest profile's are trained if none is.

    Args:
        quick: Whether to train those of the tests' smoke profile instead.
        directory: Where a quick run keeps what it trains.
    """
    if quick:
        smoke = project_root() / "tests" / "profiles" / "smoke.yml"
        experiment = Experiment.from_profile(smoke, store=ArtifactStore(directory))
        return experiment, experiment.distilled(), experiment.teacher
    for profile in ("minilm", "synthetic"):
        try:
            experiment = Experiment.from_profile(profile).read_only()
            return experiment, experiment.distilled(), experiment.teacher
        except (MissingArtifactError, FileNotFoundError):  # not trained here, or no data at all
            continue
    experiment = Experiment.from_profile("synthetic")
    return experiment, experiment.distilled(), experiment.teacher


def load(classifier: Classifier) -> PreTrainedModel:
    """The model with the attention that is fastest on this device."""
    model = classifier.load()
    model.set_attn_implementation(fastest_attention(CPU))
    return model


def torch_fp32(classifier: Classifier) -> Variant:
    """The model as it was saved."""
    model = load(classifier)
    return Variant(lambda batch: model(**batch).logits, classifier.bytes)


def torch_bf16(classifier: Classifier) -> Variant:
    """Matrix products in bfloat16; weights are kept, and saved, in fp32."""
    model = load(classifier)

    def logits(batch: Batch) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(**batch).logits.float()

    return Variant(logits, classifier.bytes)


def torch_int8(classifier: Classifier) -> Variant:
    """Linear layers with int8 weights and activations scaled per batch; embeddings in fp32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in favour of torchao, still in torch 2.13
        quantize = torch.ao.quantization.quantize_dynamic
        model: Any = quantize(load(classifier), {nn.Linear}, dtype=torch.qint8)
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
    return Variant(lambda batch: model(**batch).logits, file.getbuffer().nbytes)


def onnx_variant(path: Path) -> Variant:
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

    return Variant(logits, path.stat().st_size)


def build_variants(student: Classifier, teacher: Classifier, directory: Path) -> dict[str, Variant]:
    """All ways to run the student, PyTorch fp32 first, and the teacher last."""
    exported, quantized = directory / "fp32.onnx", directory / "int8.onnx"
    export_onnx(load(student), load_tokenizer(student.path), exported)
    quantization = import_peer("onnxruntime.quantization")
    int8 = quantization.QuantType.QInt8
    # matrix products and embedding tables
    quantization.quantize_dynamic(str(exported), str(quantized), weight_type=int8)
    variants = {BASE: torch_fp32(student)}
    if resolve_precision("auto") == "bf16":
        variants["PyTorch bf16 autocast"] = torch_bf16(student)
    return variants | {
        "PyTorch dynamic int8": torch_int8(student),
        ONNX: onnx_variant(exported),
        "ONNX Runtime dynamic int8": onnx_variant(quantized),
        TEACHER: torch_fp32(teacher),
    }


def evaluation_batches(experiment: Experiment, student: Classifier) -> Batches:
    """The evaluation items, the same for every variant."""
    tokenizer = load_tokenizer(student.path)
    max_length = experiment.profile.training.max_length
    encoded = encode(experiment.splits.evaluation, tokenizer, max_length)
    # by length, so that little is padding; int8 scales are taken over a batch
    order = np.argsort([-len(item["input_ids"]) for item in encoded], kind="stable")
    return [
        (rows, dict(tokenizer.pad([encoded[row] for row in rows], return_tensors="pt")))
        for rows in np.split(order, range(BATCH_SIZE, len(order), BATCH_SIZE))
    ]


@torch.inference_mode()
def predict(variant: Variant, batches: Batches) -> FloatArray:
    """Distributions of all evaluation items in their order, shape (N, C)."""
    parts = [np.asarray(variant.logits(batch), dtype=np.float64) for _, batch in batches]
    order = np.concatenate([rows for rows, _ in batches])
    probs: FloatArray = softmax(np.concatenate(parts))
    return probs[np.argsort(order)]


@torch.inference_mode()
def time_variants(
    variants: Mapping[str, Variant], batch: Batch, repetitions: int
) -> dict[str, Timing]:
    """Latency of every variant on one batch, in turn."""

    def work(variant: Variant) -> Callable[[], object]:
        return lambda: variant.logits(batch)

    works = {name: work(variant) for name, variant in variants.items()}
    return time_alternately(works, repetitions=repetitions, warmup=3)


def quality(
    experiment: Experiment, probs: FloatArray, reference: FloatArray | None
) -> dict[str, Any]:
    """Means over the evaluation items; JSD and KL (nats) are against human distributions.

    Args:
        experiment: For human distributions and majority labels.
        probs: A variant's distributions, shape (N, C).
        reference: Those of the same model in fp32; None where it is another model.
    """
    human = experiment.human
    distances = jensen_shannon_distance(human, probs)
    interval = None
    if reference is not None:
        changes = distances - jensen_shannon_distance(human, reference)
        interval = [float(end) for end in bootstrap_interval(changes)]
    return {
        "accuracy": float(accuracy(experiment.new_labels, probs).mean()),
        "jsd": float(distances.mean()),
        "jsd_change_interval": interval,  # 95%, over items
        "kl": float(kl_divergence(human, probs).mean()),
    }


def run(quick: bool) -> Report:
    """Measure every variant; ``quick`` trains a tiny student for it and repeats twice."""
    with tempfile.TemporaryDirectory(prefix="ambiguity-stacking-") as folder:
        directory = Path(folder)
        experiment, student, teacher = find_subject(quick, directory / "artifacts")
        batches = evaluation_batches(experiment, student)
        variants = build_variants(student, teacher, directory)
        probs = {
            name: predict(variant, batches)
            for name, variant in tqdm(variants.items(), desc="predicting", leave=False)
        }
        assert_agree(ONNX, probs[ONNX], probs[BASE], atol=1e-4)
        model = student.load()
        latencies = {}
        for shape in SHAPES:
            words = random_batch(model, *shape)
            # every input that real items have; further ones (segments) are zero
            inputs = {
                name: words.get(name, torch.zeros_like(words["input_ids"]))
                for name in batches[0][1]
            }
            latencies[shape] = time_variants(variants, inputs, repetitions=2 if quick else 30)
    rows = {
        name: {
            "variant": name,
            "depth": (teacher if name == TEACHER else student).depth,
            "bytes": variant.bytes,
            **quality(experiment, probs[name], None if name == TEACHER else probs[BASE]),
            "latency": {
                f"{size}x{length}": timings[name].summary()
                for (size, length), timings in latencies.items()
            },
        }
        for name, variant in variants.items()
    }
    base, times = rows[BASE], latencies[COMPARED]
    size, length = COMPARED
    comparisons = tuple(
        compare_times(
            f"{name}, {size} x {length} tokens",
            times[name],
            f"student, {BASE}",
            times[BASE],
            note=f"JSD {base['jsd']:.4f} before, {row['jsd']:.4f} after; accuracy "
            f"{base['accuracy']:.4f} and {row['accuracy']:.4f}; "
            f"{row['bytes'] / base['bytes']:.2f} times the bytes",
        )
        for name, row in rows.items()
        if name != BASE
    )
    settings = {
        "profile": experiment.profile.name,
        "items": len(experiment.splits.evaluation),
    }
    return Report(comparisons, {"variants": list(rows.values()), "settings": settings})
