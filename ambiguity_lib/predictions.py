"""Stored distributions that are no single classifier's: MC dropout's, and cross-fitted ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from ambiguity_lib import baselines
from ambiguity_lib.classifiers import Classifier
from ambiguity_lib.cross_fitting import cross_fit
from ambiguity_lib.data import dataset_fingerprint
from ambiguity_lib.experimental_setup import ExperimentalSetup
from ambiguity_lib.models import load_classifier, load_tokenizer
from ambiguity_lib.targets import human_targets
from ambiguity_lib.task_data import SplitName

# A dataset's own folds are by the same hash, so these need a salt.
_HUMAN_FOLDS = "human"


def mc_dropout_probs(
    setup: ExperimentalSetup, teacher: Classifier, split: SplitName
) -> NDArray[np.float64]:
    """Mean distribution of the teacher over passes with dropout on, shape (N, C)."""
    max_length = setup.profile.training.max_length
    samples = setup.profile.baselines.dropout_samples

    def compute() -> NDArray[np.float64]:
        return baselines.mc_dropout_probs(
            teacher.load(),
            load_tokenizer(teacher.path),
            setup.data.labelled(split),
            max_length=max_length,
            samples=samples,
            seed=setup.seed,
            precision=setup.precision,
            progress=setup.progress,
        )

    spec = {
        "model": teacher.key,
        "data": setup.data.fingerprint(split),
        "max_length": max_length,
        "samples": samples,
        "seed": setup.seed,
        "precision": setup.precision,
    }
    return setup.stored_array("dropout-probs", spec, compute)


def out_of_fold_probs(setup: ExperimentalSetup, folds: int) -> NDArray[np.float64]:
    """What full models say about training items that they were not trained on, shape (N, C).

    Equal texts (premises) are in one fold.
    """

    def compute() -> NDArray[np.float64]:
        train, targets = setup.data.labelled("train"), setup.one_hot()
        return _cross_fit(setup, setup.checkpoint, train, targets, folds, salt="")

    spec = {
        "data": setup.data.fingerprint("train"),
        "checkpoint": setup.checkpoint_identity,
        "classes": setup.data.class_names,
        "training": setup.training_spec(setup.profile.training),
        "folds": folds,
        "seed": setup.seed,
    }
    return setup.stored_array("fold-probs", spec, compute)


def human_trained_probs(
    setup: ExperimentalSetup, teacher: Classifier, split: SplitName
) -> NDArray[np.float64]:
    """What the teacher says after going on with human distributions, shape (N, C).

    Cross-fitted: each fold of the evaluation items is predicted by a model that has seen the
    human distributions of the others. The only method that reads them.
    """
    folds = setup.profile.baselines.human_folds

    def compute() -> NDArray[np.float64]:
        targets = human_targets(setup.data.whole(split))
        items = setup.data.labelled(split)
        return _cross_fit(setup, teacher.path, items, targets, folds, _HUMAN_FOLDS)

    spec = {
        "model": teacher.key,
        "data": dataset_fingerprint(setup.data.whole(split)),
        "training": setup.training_spec(setup.profile.training),
        "folds": folds,
        "salt": _HUMAN_FOLDS,
        "seed": setup.seed,
    }
    return setup.stored_array("human-probs", spec, compute)


def _cross_fit(
    setup: ExperimentalSetup,
    source: str | Path,
    items: Dataset,
    targets: NDArray[np.float64],
    folds: int,
    salt: str,
) -> NDArray[np.float64]:
    """Cross-fitted distributions by full models that start from the folder ``source``."""
    return cross_fit(
        lambda: load_classifier(
            source, setup.data.class_names, depth=setup.num_layers, seed=setup.seed
        ),
        load_tokenizer(source),
        items,
        targets,
        folds,
        setup.profile.training,
        salt=salt,
        seed=setup.seed,
        progress=setup.progress,
    )
