from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset

from ambiguity_lib.data import (
    EMOTION_CLASSES,
    HeadlinesConfig,
    Splits,
    check_dataset,
    class_names,
    dataset_fingerprint,
    generate_headlines,
    human_distributions,
)
from ambiguity_lib.data.emotion import scores_to_distributions
from ambiguity_lib.data.world import headlines as world
from ambiguity_lib.metrics import jensen_shannon_distance

ANGER, DISGUST, FEAR, JOY, SADNESS, SURPRISE = range(6)
SMALL = HeadlinesConfig(train_items=120, validation_items=30, evaluation_items=50)


@pytest.fixture(scope="module")
def default() -> Splits:
    return generate_headlines(HeadlinesConfig())


def parts_of(splits: Splits) -> list[Dataset]:
    return [splits.train, splits.validation, splits.evaluation]


def features(
    person: str, event: str, other: str = "mayor", frame: str = "{s} {v}", setting: str = ""
) -> np.ndarray:
    persons = [name for name, *_ in world.PERSONS]
    events = [name for name, _ in (*world.FORTUNES, *world.DEEDS, *world.DEALINGS)]
    frames = [text for text, *_ in world.FRAMES]
    settings = [text for text, *_ in world.SETTINGS]
    return np.array(
        [
            [
                persons.index(person),
                events.index(event),
                persons.index(other),
                frames.index(frame),
                settings.index(setting),
            ]
        ]
    )


def test_columns_are_those_of_affective_text(default: Splits) -> None:
    assert [len(part) for part in parts_of(default)] == [1800, 600, 600]
    for part in parts_of(default):
        check_dataset(part)
        assert class_names(part) == EMOTION_CLASSES
        assert set(part["label"]) == set(range(6))
    assert default.train.column_names == default.validation.column_names == ["uid", "text", "label"]
    evaluation = default.evaluation
    assert set(evaluation.column_names) == {
        "uid", "text", "label", "label_dist", "majority_label",
    }  # fmt: skip
    labels = human_distributions(evaluation).argmax(axis=1).tolist()
    assert evaluation["label"][:] == evaluation["majority_label"][:] == labels


def test_no_headline_occurs_twice(default: Splits) -> None:
    for splits in (default, generate_headlines(HeadlinesConfig(8000, 1000, 1000))):
        texts = [text for part in parts_of(splits) for text in part["text"]]
        assert len(set(texts)) == len(texts)
        uids = [uid for part in parts_of(splits) for uid in part["uid"]]
        assert len(set(uids)) == len(uids)


def test_seed_determines_everything() -> None:
    one, two = generate_headlines(SMALL), generate_headlines(SMALL)
    for a, b in zip(parts_of(one), parts_of(two), strict=True):
        assert dataset_fingerprint(a) == dataset_fingerprint(b)
    other = generate_headlines(HeadlinesConfig(120, 30, 50, seed=1))
    assert dataset_fingerprint(other.train) != dataset_fingerprint(one.train)
    # written down once: any machine must generate the same
    assert (
        dataset_fingerprint(one.train)
        == "a39facce9f540f6f22f98f75f438eb6e1c59450670f230883dd1b48434b8ecda"
    )
    assert (
        dataset_fingerprint(one.evaluation)
        == "e7e34ff94bedbd56e80725f0a48bbce0343612e9f3ea95447348c6adc00a3415"
    )


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("child dies", ("child", "die")),
        ("dog bites thief at school", ("dog", "bite", "thief", "{s} {v}", "at school")),
        (
            "fears grow that killer may not attack child in video game",
            ("killer", "attack", "child", "fears grow that {s} may not {i}", "in video game"),
        ),
        (
            "claim that singer marries mayor is false",
            ("singer", "marry", "mayor", "claim that {s} {v} is false"),
        ),
        ("banker goes to jail again", ("banker", "go to jail", "mayor", "{s} {v} again")),
    ],
)
def test_headlines_read_well(text: str, args: tuple[str, ...]) -> None:
    assert world.render(features(*args)) == [text]


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("marry", "marries"),
        ("betray", "betrays"),
        ("go", "goes"),
        ("kiss", "kisses"),
        ("sue", "sues"),
    ],
)
def test_third_person(verb: str, expected: str) -> None:
    assert world._present_tense(f"{verb} it") == f"{expected} it"


def test_a_score_by_hand() -> None:
    # sadness 75, fear 25, surprise 15; a child (liked 1.0) and its own joy of 4
    scores = world.expected_scores(features("child", "die"))
    np.testing.assert_allclose(scores, [[1, 1, 25 * 1.3, 4, 99, 15]])
    # "not": 0.25 of all stays, joy is 4 + 0.25 * 32.5 + 0.3 * 105, 5 is added to surprise
    scores = world.expected_scores(features("child", "die", frame="{s} does not {i}"))
    np.testing.assert_allclose(
        scores, [[1, 1, 0.25 * 32.5, 4 + 0.25 * 32.5 + 0.3 * 105, 0.25 * 105, 0.25 * 15 + 5]]
    )


def test_meaning_is_composed() -> None:
    def score(*args: str, **kwargs: str) -> np.ndarray:
        return world.expected_scores(features(*args, **kwargs))[0]

    # the same words in another order
    one, other = score("thief", "bite", "dog"), score("dog", "bite", "thief")
    assert one[ANGER] > other[ANGER] and one[SURPRISE] < other[SURPRISE]
    # whom it befalls
    assert score("killer", "die")[SADNESS] < 0.5 * score("nurse", "die")[SADNESS]
    assert score("dictator", "win prize")[ANGER] > score("nurse", "win prize")[ANGER] + 20
    # "not" turns bad news into good and good news into bad
    assert score("nurse", "win prize").argmax() == JOY
    assert score("nurse", "win prize", frame="{s} does not {i}")[SADNESS] > 20
    # hope and fear of the same event, and "not" after "fears" is not "no" before it
    hopes, fears, not_won, no_fears = (
        score("nurse", "win prize", frame=frame)
        for frame in (
            "hopes rise that {s} may {i}", "fears grow that {s} may {i}",
            "fears grow that {s} may not {i}", "no fears that {s} may {i}",
        )
    )  # fmt: skip
    assert hopes[JOY] > 2 * fears[JOY]
    assert not_won[FEAR] > 3 * no_fears[FEAR]
    # the setting
    war = score("gangster", "attack", "soldier", setting="in war zone")
    game = score("gangster", "attack", "soldier", setting="in video game")
    assert war.argmax() == FEAR
    assert game[FEAR] < 0.5 * war[FEAR] and game[JOY] > 3 * war[JOY]


def test_judges_scatter_around_the_truth() -> None:
    expected = np.array([[1.0, 5.0, 20.0, 50.0, 80.0, 99.0]])
    rng = np.random.Generator(np.random.PCG64(0))
    scores = world.draw_scores(rng, expected, 20_000)
    assert scores.shape == (1, 20_000, 6) and scores.min() == 0 and scores.max() == 100
    np.testing.assert_allclose(scores.mean(axis=1), expected, atol=0.8)
    # the variance of a Beta distribution of this mean and concentration
    share = expected / 100
    spread = 100 * np.sqrt(share * (1 - share) / (world.CONCENTRATION + 1))
    np.testing.assert_allclose(scores.std(axis=1), spread, rtol=0.05)


def test_more_judges_come_closer_to_the_truth() -> None:
    distances = []
    for judges in (6, 60):
        config = HeadlinesConfig(120, 30, 300, judges=judges)
        human = human_distributions(generate_headlines(config).evaluation)
        # what `label_dist` would be with infinitely many judges, but for their rounding
        drawn, _ = world._draw_items(config)
        truth = scores_to_distributions(world.expected_scores(drawn[-300:]))
        np.testing.assert_allclose(truth.sum(axis=1), 1)
        distances.append(jensen_shannon_distance(human, truth).mean())
    assert distances[1] < 0.5 * distances[0]


def test_chances_sum_to_one() -> None:
    for table in (world.FRAMES, world.SETTINGS):
        assert sum(chance for *_, chance in table) == pytest.approx(1)


def test_words_are_known_from_training(default: Splits) -> None:
    words = {word for text in default.train["text"] for word in text.split()}
    assert {word for text in default.evaluation["text"] for word in text.split()} <= words
    assert len(words) > 150


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"train_items": 0}, "train_items"),
        ({"evaluation_items": -1}, "evaluation_items"),
        ({"judges": 0}, "judges"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_configurations(changes: dict[str, int], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        HeadlinesConfig(**changes)


def test_more_than_the_world_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "render", lambda features: ["the same"] * len(features))
    with pytest.raises(ValueError, match="only 1 different headlines of 200"):
        generate_headlines(SMALL)
