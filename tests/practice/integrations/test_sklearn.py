"""Scorers by human distributions where scikit-learn calls them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ambiguity_lib import metrics
from ambiguity_lib.practice.integrations import SCORERS, human_scorer

ORACLES = {
    "neg_jsd": metrics.jensen_shannon_distance,
    "neg_kl": metrics.kl_divergence,
    "neg_tvd": metrics.total_variation_distance,
    "neg_entce": metrics.entropy_calibration_error,
    "rankcs": metrics.rank_match,
    "entropy_corr": metrics.entropy_correlation,
}
NAMES = np.array(["entailment", "neutral", "contradiction"])


@pytest.fixture(scope="module")
def world():
    """Items whose opinions follow from two features, and their majority labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    logits = X @ np.array([[2.0, -1.0, 0.0], [0.0, 1.0, -2.0]])
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    human = np.stack([rng.multinomial(100, row / row.sum()) for row in probs]) / 100
    return X, human.argmax(axis=1), human


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_every_scorer_has_an_oracle():
    assert set(SCORERS) == set(ORACLES)


@pytest.mark.parametrize("name", SCORERS)
def test_called_by_hand_it_is_our_metric_and_greater_is_better(world, name):
    X, labels, human = world
    classifier = LogisticRegression().fit(X, labels)
    value = np.mean(ORACLES[name](human, classifier.predict_proba(X)))
    expected = -value if name.startswith("neg_") else value
    scorer = human_scorer(name)
    assert scorer(classifier, X, human) == pytest.approx(expected, abs=1e-12)
    again = pickle.loads(pickle.dumps(scorer))
    assert again(classifier, X, human) == scorer(classifier, X, human)


@pytest.mark.parametrize("jobs", [1, 2])
def test_cross_validation_fits_on_labels_and_scores_on_the_folds_own_distributions(
    world, routing, jobs
):
    X, labels, human = world
    folds = KFold(4, shuffle=True, random_state=0)
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_score(
        classifier,
        X,
        labels,
        cv=folds,
        scoring=human_scorer("neg_jsd"),
        params={"human": human},
        n_jobs=jobs,
    )
    for score, (train, test) in zip(scores, folds.split(X), strict=True):
        probs = classifier.fit(X[train], labels[train]).predict_proba(X[test])
        expected = -metrics.jensen_shannon_distance(human[test], probs).mean()
        assert score == pytest.approx(expected, abs=1e-9)


def test_grid_search_finds_what_people_are_closest_to(world, routing):
    X, labels, human = world
    scorer = human_scorer("neg_kl")
    search = GridSearchCV(LogisticRegression(), {"C": [1e-3, 1e-1, 1e3]}, scoring=scorer, cv=3)
    search.fit(X, labels, human=human)
    expected = [
        cross_val_score(
            LogisticRegression(C=c), X, labels, scoring=scorer, cv=3, params={"human": human}
        ).mean()
        for c in search.param_grid["C"]
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected)
    # trained on majorities alone, a weak penalty makes a classifier too sure of itself
    assert search.best_params_ == {"C": 1e-1}
    assert search.score(X, labels, human=human) == scorer(search.best_estimator_, X, human)


def test_several_scorers_at_once_beside_sklearns_own(world, routing):
    X, labels, human = world
    scoring = {name: human_scorer(name) for name in SCORERS} | {"accuracy": "accuracy"}
    result = cross_validate(
        LogisticRegression(), X, labels, scoring=scoring, params={"human": human}, cv=3
    )
    for name in scoring:
        assert np.isfinite(result[f"test_{name}"]).all()
    assert (result["test_neg_jsd"] < 0).all() and (result["test_rankcs"] > 0).all()


def test_classes_may_have_names_in_any_order(world):
    X, labels, human = world
    numbered = LogisticRegression().fit(X, labels)
    named = LogisticRegression().fit(X, NAMES[labels])  # sorted: contradiction comes first
    expected = human_scorer("neg_tvd")(numbered, X, human)
    score = human_scorer("neg_tvd", classes=NAMES)(named, X, human)
    assert score == pytest.approx(expected, abs=1e-4)  # to the solver's tolerance


def test_two_classes_are_two_columns(world):
    X, _, human = world
    pairs = human[:, :2] + 0.01
    pairs /= pairs.sum(axis=1, keepdims=True)
    classifier = LogisticRegression().fit(X, pairs.argmax(axis=1))
    expected = -metrics.kl_divergence(pairs, classifier.predict_proba(X)).mean()
    assert human_scorer("neg_kl")(classifier, X, pairs) == pytest.approx(expected)
    words = np.array(["yes", "no"])
    named = LogisticRegression().fit(X, words[pairs.argmax(axis=1)])
    score = human_scorer("neg_kl", classes=words)(named, X, pairs)
    assert score == pytest.approx(expected, abs=1e-4)


def test_bad_input_is_refused_with_the_way_out(world, routing):
    X, labels, human = world
    with pytest.raises(ValueError, match="must be one of neg_jsd"):
        human_scorer("jsd")
    classifier = LogisticRegression().fit(X, NAMES[labels])
    few = LogisticRegression().fit(X[labels != 1], labels[labels != 1])
    with pytest.raises(ValueError, match=r"has 2 classes, the distributions 3.*StratifiedKFold"):
        human_scorer("neg_jsd")(few, X, human)
    with pytest.raises(ValueError, match="params="):
        cross_val_score(
            LogisticRegression(),
            X,
            labels,
            scoring=human_scorer("neg_jsd"),
            error_score="raise",
        )
    with pytest.raises(ValueError, match="sums to"):
        human_scorer("neg_jsd", classes=NAMES)(classifier, X, human * 100)
