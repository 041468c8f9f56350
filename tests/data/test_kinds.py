"""What the three kinds of items must say about cases that anybody would agree on."""

from __future__ import annotations

import numpy as np
import pytest

from ambiguity_lib.data.world import inferences as inferences
from ambiguity_lib.data.world import quantifiers as quantifiers
from ambiguity_lib.data.world import same_event as same_event


def quantifier(words: str, count: int, total: int, relation: int = quantifiers.SAME) -> np.ndarray:
    words_list = [q.words for q in quantifiers.QUANTIFIERS]
    premise = np.array([[0, 0, quantifiers.NUMBERS.index((count, total)), 0]])
    hypothesis = np.array([[words_list.index(words), relation, 0, relation]])
    return quantifiers.distribution(premise, hypothesis, 1.0)[0]


@pytest.mark.parametrize(
    ("words", "count", "total", "answer"),
    [
        ("all", 80, 80, 0),
        ("all", 40, 80, 2),
        ("none", 0, 50, 0),
        ("none", 25, 50, 2),
        ("most", 90, 100, 0),
        ("most", 10, 100, 2),
        ("more than half", 55, 100, 0),
        ("more than half", 45, 100, 2),
        ("at least half", 50, 100, 0),
        ("about half", 50, 100, 0),
        ("about half", 95, 100, 2),
        ("hardly any", 1, 100, 0),
        ("hardly any", 60, 100, 2),
        ("dozens", 40, 80, 0),
        ("dozens", 8, 80, 2),
        ("not all", 100, 100, 2),
        ("not all", 70, 100, 0),
    ],
)
def test_clear_quantifiers(words: str, count: int, total: int, answer: int) -> None:
    assert quantifier(words, count, total)[answer] > 0.8


def test_opposite_counts_the_rest() -> None:
    np.testing.assert_allclose(
        quantifier("most", 10, 100, quantifiers.OPPOSITE), quantifier("most", 90, 100)
    )


def test_unrelated_predicate_is_neutral() -> None:
    assert quantifier("most", 90, 100, quantifiers.UNRELATED)[1] == pytest.approx(0.92)


def test_more_members_make_most_truer() -> None:
    shares = [quantifier("many", count, 100)[0] for count in range(5, 100, 5)]
    assert (np.diff(shares) > 0).all()


def test_some_divides_people_where_all_would_do() -> None:
    # a part of the annotators reads "some" as "not all"
    logical, none, pragmatic = quantifier("some", 100, 100)
    assert 0.6 < logical < 0.7
    assert 0.25 < pragmatic + none < 0.4


def inference(cue: str, claim: str, opening: str = "") -> np.ndarray:
    words = [text for text, _ in inferences.CUES]
    claims = [text for text, _, _ in inferences.CLAIMS]
    openings = [text for text, _, _, _ in inferences.OPENINGS]
    # a young man who reads a letter in the park
    premise = np.array([[1, 0, 0, words.index(cue)]])
    hypothesis = np.array([[claims.index(claim), openings.index(opening)]])
    return inferences.distribution(premise, hypothesis, 1.0)[0]


def test_cues_move_inferences() -> None:
    smile, tears = "with a big smile", "with tears in both eyes"
    assert inference(smile, "is happy")[0] > 0.8
    assert inference(tears, "is happy")[2] > 0.5
    assert inference(smile, "is outside")[0] > 0.9


def test_openings_move_inferences() -> None:
    shares = [
        inference("in a dark suit", "is happy", opening)[0]
        for opening in ("certainly", "", "probably", "perhaps", "it is possible that")
    ]
    assert (np.diff(shares) > 0).all()
    plain = inference("in a dark suit", "is sad")
    np.testing.assert_allclose(inference("in a dark suit", "is sad", "it is not true that"),
                               plain[::-1], atol=1e-12)  # fmt: skip


def test_chances_sum_to_one() -> None:
    assert sum(chance for *_, chance in inferences.OPENINGS) == pytest.approx(1)
    assert sum(chance for *_, chance in same_event.DETERMINERS) == pytest.approx(1)
    assert sum(same_event.REPLACED) == pytest.approx(1)
    assert sum(quantifiers.RELATIONS) == pytest.approx(1)


def event(changes: dict[int, int], determiner: int = 0, added: int = 0) -> np.ndarray:
    # a man in a red shirt is running in the park; keys are columns of a premise
    premise = np.zeros((1, 5), dtype=int)
    features = [changes.get(column, 0) for column in range(5)]
    detail = [0, 1, 1, 2, 3]
    states = [same_event.KEPT] * 4
    for column in changes:
        states[detail[column]] = same_event.CHANGED
    hypothesis = np.array([[*features, *states, determiner, added]])
    return same_event.distribution(premise, hypothesis, 1.0)[0]


def test_same_sentence_follows() -> None:
    assert event({})[0] > 0.95


def test_clashing_details_contradict_and_more_of_them_are_another_event() -> None:
    woman, sitting, kitchen = {0: 1}, {3: 4}, {4: 10}
    one, two, three = (
        event(woman),
        event({**woman, **sitting}),
        event({**woman, **sitting, **kitchen}),
    )
    assert one[2] > 0.85
    assert one[2] > two[2] > three[2]
    assert three[1] > two[1] > one[1]


def test_other_words_for_the_same_do_not_clash() -> None:
    assert event({3: 1})[0] > 0.9  # running, jogging


def test_determiner_decides_about_the_event() -> None:
    woman = {0: 1}
    a, the, same, another = (event(woman, determiner)[2] for determiner in range(4))
    assert same > the > a > another
    assert another < 0.1


def test_additions_do_not_follow() -> None:
    shares = [event({}, added=added)[0] for added in range(len(same_event.ADDITIONS))]
    assert (np.diff(shares) < 0).all()
    assert shares[-1] < 0.01
