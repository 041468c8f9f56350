"""Figures with sliders: what is in them, and that every run writes the same."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest
from course.figures import explore_layers, explore_temperature

from ambiguity_lib.method import apply_temperature
from ambiguity_lib.metrics import jensen_shannon_distance, kl_divergence

NAMES = ("entailment", "neutral", "contradiction")
generator = np.random.default_rng(0)
HUMAN = generator.dirichlet(np.ones(3), size=5)
LAYERS = generator.dirichlet(np.ones(3), size=(4, 5))
LOGITS = generator.normal(scale=3.0, size=(5, 3))
TEXTS = [f"a text that is long enough to be broken, number {n}" for n in range(5)]

FIGURES = {
    "layers": lambda: explore_layers(TEXTS, HUMAN, LAYERS, NAMES),
    "temperature": lambda: explore_temperature(LOGITS, HUMAN),
}


def readings(figure):
    """All that the words under a figure can say, by the other columns."""
    rows = [row for rows in figure.spec["datasets"].values() for row in rows]
    return [row for row in rows if "\n" in row.get("text", "") and "line" not in row]


@pytest.mark.parametrize("name", FIGURES)
def test_it_draws_and_every_run_writes_the_same(name):
    first, second = FIGURES[name](), FIGURES[name]()
    assert first._repr_html_() == second._repr_html_()
    assert first.png()[1:4] == b"PNG"
    sliders = [one for one in first.spec["params"] if one["bind"]["input"] == "range"]
    assert len(sliders) == 1


@pytest.mark.parametrize("name", FIGURES)
def test_the_page_holds_data_picture_and_description(name):
    figure = FIGURES[name]()
    page = figure._repr_html_()
    (spec,) = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(spec) == figure.spec
    assert f'alt="{html.escape(figure.description)}"' in page
    assert "data:image/png;base64,iVBOR" in page
    assert len(page) < 400_000


def test_a_text_cannot_end_the_data():
    page = explore_layers(["</script><b>", *TEXTS[1:]], HUMAN, LAYERS, NAMES)._repr_html_()
    assert "</script><b>" not in page and "<\\/script><b>" in page


def test_a_temperature_says_what_the_metrics_say():
    said = {row["temperature"]: row["text"] for row in readings(explore_temperature(LOGITS, HUMAN))}
    for temperature in (0.5, 1.0, 2.35, 5.0):
        q = apply_temperature(LOGITS, temperature)
        text = said[temperature]
        assert f"JS distance {jensen_shannon_distance(HUMAN, q).mean():.3f}" in text
        assert f"KL (nats) {kl_divergence(HUMAN, q).mean():.3f}" in text


def test_a_layer_says_what_the_metrics_say():
    said = {
        (row["item"], row["layer"]): row["text"]
        for row in readings(explore_layers(TEXTS, HUMAN, LAYERS, NAMES))
        if "layer" in row
    }
    assert set(said) == {(item, layer) for item in range(1, 6) for layer in range(4)}
    distance = jensen_shannon_distance(HUMAN[2:3], LAYERS[1, 2:3])[0]
    assert said[3, 1].startswith(f"JS distance {distance:.3f}\n")


def test_the_first_item_may_be_another():
    params = explore_layers(TEXTS, HUMAN, LAYERS, NAMES, first=3).spec["params"]
    assert {one["name"]: one["value"] for one in params}["chosen_item"] == 3


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="needs human of shape"):
        explore_layers(TEXTS[:4], HUMAN, LAYERS, NAMES)
