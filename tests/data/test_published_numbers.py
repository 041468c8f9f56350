"""Outside numbers, recomputed with our loaders and metrics from the published logits and votes.

Numbers printed with n digits must agree to n digits' last place; `shared/data/README.md` of the
project lists them with their sources.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from ambiguity_lib.data import (
    align_predictions,
    available_predictions,
    human_distributions,
    load_chaosnli,
    load_predictions,
)
from ambiguity_lib.method import (
    apply_temperature,
    fit_ambiguity_temperature,
    fit_temperature,
    oracle_temperature,
)
from ambiguity_lib.metrics import (
    entropy_calibration_error,
    expected_calibration_error,
    jensen_shannon_distance,
    kl_divergence,
    rank_match,
    total_variation_distance,
)

pytestmark = pytest.mark.real_data

MODELS = [
    ("bert-base-uncased", 0),
    ("bert-base-uncased", 1),
    *(("roberta-base", s) for s in range(3)),
]


@pytest.fixture(scope="module")
def probs(real_data_dir: Path) -> dict[tuple[str, int], np.ndarray]:
    dataset = load_chaosnli("snli", real_data_dir)
    return {
        key: softmax(align_predictions(load_predictions(*key, real_data_dir), dataset), axis=1)
        for key in MODELS
    }


@pytest.fixture(scope="module")
def human(real_data_dir: Path) -> np.ndarray:
    return human_distributions(load_chaosnli("snli", real_data_dir))


def assert_scores(human: np.ndarray, model: np.ndarray, jsd: float, kl: float) -> None:
    assert jensen_shannon_distance(human, model).mean() == pytest.approx(jsd, abs=1e-4)
    assert kl_divergence(human, model).mean() == pytest.approx(kl, abs=1e-4)


def test_five_models_are_there(real_data_dir: Path) -> None:
    assert available_predictions(real_data_dir) == MODELS


def test_gold_labels_of_the_files_agree(real_data_dir: Path) -> None:
    # the two releases order classes differently; their gold labels agree item by item
    dataset = load_chaosnli("snli", real_data_dir)
    for key in MODELS:
        predictions = load_predictions(*key, real_data_dir)
        assert len(predictions.uids) == 9842
        labels = dict(zip(predictions.uids, predictions.labels.tolist(), strict=True))
        assert [labels[uid] for uid in dataset["uid"]] == dataset["label"][:]


@pytest.mark.parametrize(
    ("model", "seed", "jsd", "kl"),
    [
        ("roberta-base", 0, 0.2454, 0.6173),
        ("roberta-base", 1, 0.2329, 0.5033),
        ("roberta-base", 2, 0.2478, 0.5903),
        ("bert-base-uncased", 0, 0.2620, 0.6633),
        ("bert-base-uncased", 1, 0.2334, 0.4686),
    ],
)
def test_published_logits(
    probs: dict[tuple[str, int], np.ndarray],
    human: np.ndarray,
    model: str,
    seed: int,
    jsd: float,
    kl: float,
) -> None:
    assert_scores(human, probs[model, seed], jsd, kl)


def test_temperatures_without_and_with_human_opinions(
    real_data_dir: Path, human: np.ndarray
) -> None:
    """Means over the five models; pilot numbers of the project, two of them in method.md."""
    chaos = load_chaosnli("snli", real_data_dir)
    inside = set(chaos["uid"])
    rows = []
    for key in MODELS:
        predictions = load_predictions(*key, real_data_dir)
        outside = np.array([uid not in inside for uid in predictions.uids])
        validation = predictions.logits[outside], predictions.labels[outside]
        logits = align_predictions(predictions, chaos)
        row = []
        for temperature in (
            fit_temperature(*validation),
            fit_ambiguity_temperature(*validation),
            oracle_temperature(logits, human, "JSD"),
        ):
            probs = apply_temperature(logits, temperature)
            row += [
                jensen_shannon_distance(human, probs).mean(),
                kl_divergence(human, probs).mean(),
            ]
        rows.append(row)
    mean = np.mean(rows, axis=0)
    assert mean == pytest.approx([0.242, 0.547, 0.222, 0.403, 0.207, 0.275], abs=1e-3)


def test_ensemble(probs: dict[tuple[str, int], np.ndarray], human: np.ndarray) -> None:
    mean = np.mean([probs["roberta-base", seed] for seed in range(3)], axis=0)
    assert_scores(human, mean, 0.2249, 0.4694)


@pytest.mark.parametrize(
    ("subset", "uniform", "constant"),
    [
        ("snli", (0.3829, 0.5455), (0.3424, 0.4750)),
        ("mnli_m", (0.3022, 0.3557), (0.2764, 0.3151)),
    ],
)
def test_rows_without_a_model(
    real_data_dir: Path,
    subset: str,
    uniform: tuple[float, float],
    constant: tuple[float, float],
) -> None:
    human = human_distributions(load_chaosnli(subset, real_data_dir))  # type: ignore[arg-type]
    assert_scores(human, np.full_like(human, 1 / 3), *uniform)
    assert_scores(human, np.tile(human.mean(axis=0), (len(human), 1)), *constant)


@pytest.mark.parametrize(
    ("seed", "dist_ce", "ent_ce", "rank_cs", "ece"),
    [
        (0, 0.259, 0.310, 0.625, 0.147),
        (1, 0.249, 0.273, 0.596, 0.119),
        (2, 0.261, 0.314, 0.627, 0.141),
    ],
)
def test_baan_et_al(
    probs: dict[tuple[str, int], np.ndarray],
    human: np.ndarray,
    seed: int,
    dist_ce: float,
    ent_ce: float,
    rank_cs: float,
    ece: float,
) -> None:
    model = probs["roberta-base", seed]
    half_digit = 0.0005
    assert total_variation_distance(human, model).mean() == pytest.approx(dist_ce, abs=half_digit)
    assert entropy_calibration_error(human, model).mean() == pytest.approx(ent_ce, abs=half_digit)
    assert rank_match(human, model).mean() == pytest.approx(rank_cs, abs=half_digit)
    # Their label is the argmax of the votes, ties to the first of entailment, neutral,
    # contradiction. ChaosNLI's own majority_label differs on 3 items, and would give 0.146,
    # 0.118 and 0.140.
    labels = human.argmax(axis=1)
    assert expected_calibration_error(labels, model, n_bins=10) == pytest.approx(
        ece, abs=half_digit
    )
