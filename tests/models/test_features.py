"""Features of all layers in one pass, with flat memory."""

from __future__ import annotations

import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

from ambiguity_lib.models import extract_features, pool
from ambiguity_lib.models.batches import FeatureWriter
from tests.tiny import FAMILIES, LAYERS, tiny_dataset, tiny_model, tiny_tokenizer


def features_of(model, dataset, **options):
    return extract_features(
        model, tiny_tokenizer(), dataset, max_length=32, progress=False, **options
    )


def test_pooling_by_hand():
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(hidden, mask, "mean").tolist() == [[2.0, 3.0]]
    assert pool(hidden, mask, "cls").tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="pooling must be"):
        pool(hidden, mask, "max")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_features_equal_one_item_at_a_time_without_padding(family, pooling):
    model, dataset, tokenizer = tiny_model(family), tiny_dataset(7), tiny_tokenizer()
    if family not in ("bert", "electra", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    features = extract_features(
        model, tokenizer, dataset, max_length=32, pooling=pooling, batch_size=3, progress=False
    )
    assert features.shape == (LAYERS + 1, 7, 16)
    for row, item in enumerate(dataset):
        tokens = tokenizer(item["text"], item["text_pair"], return_tensors="pt")
        with torch.inference_mode():
            states = model.base_model(**tokens, output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):
            expected = state[0, 0] if pooling == "cls" else state[0].mean(dim=0)
            np.testing.assert_allclose(features[layer, row], expected, rtol=1e-3, atol=1e-4)


def test_one_forward_pass_a_batch_and_one_batch_of_states(monkeypatch):
    model, sizes, earlier = tiny_model(), [], []
    forward = model.bert.forward

    def watched(**inputs):
        assert all(state() is None for state in earlier), "an earlier batch's states are alive"
        sizes.append(len(inputs["input_ids"]))
        outputs = forward(**inputs)
        earlier[:] = [weakref.ref(state) for state in outputs.hidden_states]
        return outputs

    monkeypatch.setattr(model.bert, "forward", watched)
    features_of(model, tiny_dataset(10), batch_size=4)
    assert sizes == [4, 4, 2]


def test_memory_mapped_features_are_the_same(tmp_path):
    model, dataset = tiny_model(), tiny_dataset(9)
    in_memory = features_of(model, dataset)
    mapped = features_of(model, dataset, path=tmp_path / "features.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), in_memory)


def test_the_writer_takes_rows_in_any_order_and_flushes(tmp_path, monkeypatch):
    monkeypatch.setattr(FeatureWriter, "FLUSH_BYTES", 1)
    values = np.random.default_rng(0).normal(size=(3, 10, 4)).astype(np.float32)
    writer = FeatureWriter((3, 10, 4), tmp_path / "features.npy")
    for rows in (np.array([9, 0, 4]), np.array([1, 2, 3, 5, 6, 7, 8])):
        writer.write(rows, values[:, rows])
    written = np.load(tmp_path / "features.npy")
    assert written.dtype == np.float16
    np.testing.assert_array_equal(written, values.astype(np.float16))
    np.testing.assert_array_equal(writer.features, written)


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_what_half_precision_cannot_hold_is_an_error(value):
    writer = FeatureWriter((1, 2, 2))
    with pytest.raises(OverflowError, match="row 1"):
        writer.write(np.array([1]), np.full((1, 1, 2), value, dtype=np.float32))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path):
    """A store four times as long needs no more memory; resident pages of the file count, too."""
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", WRITE, str(rows), tmp_path / "f"]))
        for rows in (50_000, 200_000)
    ]
    assert peaks[1] < peaks[0] + 40_000  # KiB; the larger file has 230 MB more


WRITE = """
import sys
from pathlib import Path
import numpy as np
from ambiguity_lib.models.batches import FeatureWriter
rows = int(sys.argv[1])
writer = FeatureWriter((3, rows, 256), Path(sys.argv[2]))
values = np.ones((3, 1000, 256), dtype=np.float32)
for start in range(0, rows, 1000):
    writer.write(np.arange(start, start + 1000), values)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def test_bf16_features_are_close_to_fp32():
    model, dataset = tiny_model(), tiny_dataset(6)
    exact = features_of(model, dataset, precision="fp32").astype(np.float32)
    rough = features_of(model, dataset, precision="bf16").astype(np.float32)
    assert 0 < np.abs(exact - rough).max() < 0.1
