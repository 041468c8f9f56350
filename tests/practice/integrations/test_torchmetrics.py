"""Metrics over batches, processes and number types, against our numpy functions."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
from torch import distributed, multiprocessing

from ambiguity_lib import metrics
from ambiguity_lib.practice.integrations import HumanMetric

METRICS = (
    metrics.jensen_shannon_distance,
    metrics.kl_divergence,
    metrics.total_variation_distance,
    metrics.entropy_calibration_error,
    metrics.rank_match,
    metrics.entropy_correlation,
)
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)


def random_pair(items=300, classes=3, seed=0):
    """Human distributions from 100 votes, with zeros and ties, and model probabilities."""
    rng = np.random.default_rng(seed)
    human = rng.multinomial(100, rng.dirichlet(np.full(classes, 0.5), items)) / 100
    return human, rng.dirichlet(np.full(classes, 0.3), items)


def expected(metric, human, model):
    return float(np.mean(metric(human, model)))


def fed(metric, human, model, batch_size=64, **options):
    filled = HumanMetric(metric, **options)
    for start in range(0, len(human), batch_size):
        rows = slice(start, start + batch_size)
        filled.update(preds=torch.as_tensor(model[rows]), target=torch.as_tensor(human[rows]))
    return filled


@every_metric
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("batch_size", [1, 64, 300])
def test_batches_equal_the_numpy_function_on_all_items(metric, classes, batch_size):
    human, model = random_pair(classes=classes)
    value = fed(metric, human, model, batch_size).compute()
    assert value.shape == ()
    assert float(value) == pytest.approx(expected(metric, human, model), abs=1e-12)


@every_metric
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_any_type_of_softmax_is_taken_and_nothing_is_rounded_further(metric, dtype):
    human, _ = random_pair()
    logits = torch.randn(300, 3, generator=torch.Generator().manual_seed(0)).double() * 3
    preds = logits.softmax(1).to(dtype)
    exact = preds.double().numpy()
    exact /= exact.sum(axis=1, keepdims=True)
    value = fed(metric, human, preds).compute()
    assert float(value) == pytest.approx(expected(metric, human, exact), abs=1e-9)


@every_metric
def test_excluded_and_certain_classes(metric):
    human = np.array([[1.0, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5], [0, 1, 0]])
    model = np.array([[0.0, 1, 0], [0.5, 0.5, 0], [1.0, 0, 1e-18], [0, 1, 0]])
    value = fed(metric, human, model).compute()
    assert float(value) == pytest.approx(expected(metric, human, model), abs=1e-12)


def test_peers_of_torchmetrics_agree():
    human, model = (torch.as_tensor(array) for array in random_pair())
    human = 0.999 * human + 0.001 / 3
    model = 0.999 * model + 0.001 / 3  # where floors play no part
    ours = fed(metrics.kl_divergence, human, model).compute()
    assert float(ours) == pytest.approx(float(torchmetrics.KLDivergence()(human, model)), abs=1e-6)
    oracle = torchmetrics.PearsonCorrCoef()(*(torch.special.entr(x).sum(1) for x in (human, model)))
    ours = fed(metrics.entropy_correlation, human, model).compute()
    assert float(ours) == pytest.approx(float(oracle), abs=1e-6)


@every_metric
def test_forward_gives_the_batch_and_keeps_the_rest(metric):
    human, model = random_pair()
    accumulated = HumanMetric(metric)
    for rows in (slice(0, 100), slice(100, 300)):
        value = accumulated(torch.as_tensor(model[rows]), torch.as_tensor(human[rows]))
        assert float(value) == pytest.approx(expected(metric, human[rows], model[rows]), abs=1e-12)
    assert float(accumulated.compute()) == pytest.approx(expected(metric, human, model), abs=1e-12)


@every_metric
@pytest.mark.filterwarnings("ignore:The ``compute`` method")  # merge_state counts as no update
def test_states_merge_also_with_an_empty_one(metric):
    human, model = random_pair()
    total = HumanMetric(metric)
    for part in (
        fed(metric, human[:17], model[:17]),
        HumanMetric(metric),
        fed(metric, human[17:], model[17:]),
    ):
        total.merge_state(part)
    assert float(total.compute()) == pytest.approx(expected(metric, human, model), abs=1e-12)


@every_metric
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_reset_forgets_everything(metric):
    human, model = random_pair()
    again = fed(metric, *random_pair(seed=1))
    again.reset()
    assert torch.isnan(again.compute())
    again.update(torch.as_tensor(model), torch.as_tensor(human))
    assert float(again.compute()) == pytest.approx(expected(metric, human, model), abs=1e-12)


@every_metric
def test_pickle_and_clone_keep_the_state_and_share_nothing(metric):
    human, model = random_pair()
    first = fed(metric, human[:100], model[:100])
    for copy in (pickle.loads(pickle.dumps(first)), first.clone()):
        copy.update(torch.as_tensor(model[100:]), torch.as_tensor(human[100:]))
        assert float(copy.compute()) == pytest.approx(expected(metric, human, model), abs=1e-12)
    alone = expected(metric, human[:100], model[:100])
    assert float(first.compute()) == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("validate_args", [True, False])
def test_a_collection_keeps_metrics_apart_that_start_alike(validate_args):
    """All distances are 0 on the first batch, which must not make one compute group of them."""
    human, model = random_pair()
    collection = torchmetrics.MetricCollection(
        {m.__name__: HumanMetric(m, validate_args=validate_args) for m in METRICS}
    )
    collection.update(torch.as_tensor(human[:50]), torch.as_tensor(human[:50]))
    collection.update(torch.as_tensor(model[50:]), torch.as_tensor(human[50:]))
    model[:50] = human[:50]
    assert {name: float(value) for name, value in collection.compute().items()} == pytest.approx(
        {metric.__name__: expected(metric, human, model) for metric in METRICS}, abs=1e-12
    )


def test_the_correlation_is_undefined_for_one_item_and_for_constants():
    human, model = random_pair(items=40)
    assert torch.isnan(fed(metrics.entropy_correlation, human[:1], model[:1]).compute())
    # one distribution with its classes in another order: entropies that differ by rounding
    orders = np.random.default_rng(0).permuted(np.tile([0.2, 0.7, 0.1], (40, 1)), axis=1)
    assert np.isnan(metrics.entropy_correlation(human, orders))
    assert torch.isnan(fed(metrics.entropy_correlation, human, orders, batch_size=7).compute())


@every_metric
def test_no_gradient_and_no_change_of_the_input(metric):
    human, model = (torch.as_tensor(array) for array in random_pair())
    kept = model.clone()
    value = HumanMetric(metric)(model.requires_grad_(), human)
    assert not value.requires_grad
    torch.testing.assert_close(model.detach(), kept, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("preds", "target"),
    [
        ([0.5, 0.5], [0.5, 0.5]),
        ([[0.5, 0.5]], [[0.2, 0.3, 0.5]]),
        ([[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]),
        ([[1.0]], [[1.0]]),
    ],
)
@pytest.mark.parametrize("validate_args", [True, False])
def test_wrong_shapes_are_always_refused(preds, target, validate_args):
    with pytest.raises(ValueError, match="must both have the shape"):
        HumanMetric(metrics.kl_divergence, validate_args)(torch.tensor(preds), torch.tensor(target))
    with pytest.raises(ValueError, match="must both have the shape"):
        HumanMetric(metrics.kl_divergence, validate_args)(torch.empty(0, 3), torch.empty(0, 3))


@pytest.mark.parametrize(
    "bad", [[2.0, -1.0], [0.4, 0.4], [np.nan, 1.0], [np.inf, 0.0], [0.5, 0.51]]
)
@pytest.mark.parametrize("name", ["preds", "target"])
def test_rows_that_are_no_distributions_are_named(bad, name):
    good = torch.full((4, 2), 0.5)
    wrong = good.clone()
    wrong[2:] = torch.tensor(bad)
    metric = HumanMetric(metrics.kl_divergence)
    with pytest.raises(ValueError, match=f"{name}: row 2 is no probability distribution"):
        metric.update(**{"preds": good, "target": good, name: wrong})
    unchecked = HumanMetric(metrics.kl_divergence, validate_args=False)
    unchecked.update(**{"preds": good, "target": good, name: wrong})


def test_all_batches_have_the_same_classes():
    metric = HumanMetric(metrics.kl_divergence)
    metric.update(*[torch.full((2, 3), 1 / 3)] * 2)
    with pytest.raises(ValueError, match="have 2 classes, earlier ones 3"):
        metric.update(*[torch.full((3, 2), 1 / 2)] * 2)


def test_logits_and_unknown_options_are_refused():
    with pytest.raises(ValueError, match="apply a softmax"):
        HumanMetric(metrics.rank_match)(torch.randn(4, 3), torch.full((4, 3), 1 / 3))
    with pytest.raises(ValueError, match="Unexpected keyword"):
        HumanMetric(metrics.rank_match, order=3)


#: Items of process 0 and process 1, of 300.
SHARES = ((263, 300), (300, 300), (0, 300))


def _score_my_share(rank: int, folder: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo" if os.uname().sysname == "Linux" else "lo0"
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    human, model = random_pair()
    found = []
    for cut, end in SHARES:
        rows = slice(0, cut) if rank == 0 else slice(cut, end)
        collection = torchmetrics.MetricCollection(
            {m.__name__: fed(m, human[rows], model[rows]) for m in METRICS}, compute_groups=False
        )
        synced = collection.compute()
        twice = collection.compute()  # states are one process's own again, and so is the result
        assert all(torch.equal(synced[name], twice[name]) for name in synced)
        found.append({name: float(value) for name, value in synced.items()})
    torch.save(found, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_with_unequal_shares_equal_one(tmp_path):
    multiprocessing.spawn(_score_my_share, args=(str(tmp_path),), nprocs=2)
    human, model = random_pair()
    alone = {metric.__name__: expected(metric, human, model) for metric in METRICS}
    for rank in (0, 1):
        for found in torch.load(tmp_path / f"{rank}.pt"):
            assert found == pytest.approx(alone, abs=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@every_metric
def test_an_unchecked_update_never_waits_for_the_gpu(metric):
    human, model = random_pair()
    on_gpu = [torch.as_tensor(array).cuda() for array in (model, human)]
    counted = HumanMetric(metric, validate_args=False).cuda()
    counted.update(*on_gpu)  # kernels are loaded at their first use
    torch.cuda.set_sync_debug_mode("error")
    try:
        counted.update(*on_gpu)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert float(counted.compute()) == pytest.approx(expected(metric, human, model), abs=1e-9)
