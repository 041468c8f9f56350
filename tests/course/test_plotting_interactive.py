"""Figures with sliders: what is in them, and that every run writes the same."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest
from course.figures import explore_depth, explore_layers, explore_temperature

from ambiguity_lib.method import apply_temperature
from ambiguity_lib.metrics import jensen_shannon_distance, kl_divergence

NAMES = ("entailment", "neutral", "contradiction")
generator = np.random.default_rng(0)
HUMAN = generator.dirichlet(np.ones(3), size=5)
LAYERS = generator.dirichlet(np.ones(3), size=(4, 5))
LOGITS = generator.normal(scale=3.0, size=(5, 3))
TEXTS = [f"a text that is long enough to be broken, number {n}" for n in range(5)]
QUALITY = {"probe": {0: 0.4, 1: 0.3, 2: 0.35}, "pruned": {1: 0.25}}
ACCURACY = {"probe": {0: 0.5, 1: 0.6, 2: 0.7}, "pruned": {1: 0.65}}

FIGURES = {
    "layers": lambda: explore_layers(TEXTS, HUMAN, LAYERS, NAMES),
    "temperature": lambda: explore_temperature(LOGITS, HUMAN),
    "depth": lambda: explore_depth([0, 1, 2], QUALITY, ACCURACY, [0.5, 1.0, 2.0], [10, 20, 30_000]),
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


def test_a_depth_says_its_numbers():
    said = {row["place"]: row["text"] for row in readings(FIGURES["depth"]())}
    assert said[1] == (
        "1 layer\n1.00 ms a text\n0.00 million parameters\n"
        "probe: JSD 0.300, accuracy 0.600\npruned: JSD 0.250, accuracy 0.650"
    )
    assert said[0].startswith("0 layers\n0.50 ms") and "pruned" not in said[0]
    assert said[2].startswith("2 layers\n2.00 ms a text\n0.03 million parameters\nprobe")


def test_a_depth_has_a_mark_for_each_kind_of_model_and_a_step_of_the_slider():
    figure = FIGURES["depth"]()
    marks = {
        (row["model"], row["depth"]): (row["milliseconds"], row["distance"])
        for rows in figure.spec["datasets"].values()
        for row in rows
        if "model" in row
    }
    assert marks == {
        ("probe", 0): (0.5, 0.4),
        ("probe", 1): (1.0, 0.3),
        ("probe", 2): (2.0, 0.35),
        ("pruned", 1): (1.0, 0.25),
    }
    assert "probe, pruned" in figure.description
    (slider,) = figure.spec["params"]
    assert (slider["value"], slider["bind"]["name"]) == (2, "layers kept ")


def test_depths_in_unequal_steps_are_points_of_the_slider():
    values = {"probe": {1: 0.3, 2: 0.2, 6: 0.1}}
    figure = explore_depth([1, 2, 6], values, values, [1, 2, 3], [1, 2, 3])
    (slider,) = figure.spec["params"]
    assert slider["bind"] == {"input": "range", "min": 1, "max": 3, "step": 1, "name": "point "}
    assert {row["place"]: row["text"].split("\n")[0] for row in readings(figure)} == {
        1: "1 layer",
        2: "2 layers",
        3: "6 layers",
    }


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="needs human of shape"):
        explore_layers(TEXTS[:4], HUMAN, LAYERS, NAMES)
    values = {"probe": {1: 0.1, 2: 0.2}}
    with pytest.raises(ValueError, match="got 2 latencies and 1 sizes"):
        explore_depth([1, 2], values, values, [1.0, 2.0], [1])
    with pytest.raises(ValueError, match="the same kinds of models at the same depths"):
        explore_depth([1, 2], values, {"probe": {1: 0.1}}, [1.0, 2.0], [1, 2])
    with pytest.raises(ValueError, match=r"quality has the depths \[1, 2\], .* have \[1, 3\]"):
        explore_depth([1, 3], values, values, [1.0, 2.0], [1, 2])
