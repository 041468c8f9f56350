"""Figures: positions that can be computed by hand, the given axes returned, bad input named."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from course import figures as plotting

from ambiguity_lib.practice import figures as drawing
from ambiguity_lib.practice.figures import REFERENCE_COLOR

NAMES = ("entailment", "neutral", "contradiction")
RNG = np.random.default_rng(0)
HUMAN = RNG.dirichlet(np.ones(3), 40)
MODEL = RNG.dirichlet(0.4 * np.ones(3), 40)


@pytest.fixture(autouse=True)
def _no_window_and_no_leak() -> Iterator[None]:
    plt.switch_backend("agg")
    with mpl.rc_context():
        yield
    plt.close("all")


def test_simplex_corners_centre_and_mixtures() -> None:
    corners = plotting.simplex_coordinates(np.eye(3))
    np.testing.assert_allclose(corners, [[0, 0], [0.5, np.sqrt(3) / 2], [1, 0]])
    np.testing.assert_allclose(plotting.simplex_coordinates(np.full(3, 1 / 3)), corners.mean(0))
    # The map is linear, so a mixture of distributions lies on the line between their points.
    a, b = HUMAN[0], HUMAN[1]
    mixed = plotting.simplex_coordinates(0.3 * a + 0.7 * b)
    ends = plotting.simplex_coordinates(np.stack([a, b]))
    np.testing.assert_allclose(mixed, 0.3 * ends[0] + 0.7 * ends[1])


def test_simplex_needs_three_classes() -> None:
    with pytest.raises(ValueError, match="3 classes"):
        plotting.simplex_coordinates(np.full((5, 4), 0.25))


def test_layer_curves_start_at_the_embedding_output_and_show_marks() -> None:
    values = np.array([0.4, 0.3, 0.35])
    ax = drawing.plot_layer_curve(
        values, ylabel="JS distance", reference={"human": 0.08}, mark={"depth": 2}
    )
    np.testing.assert_allclose(ax.lines[0].get_data(), [[0, 1, 2], values])
    assert [t.get_text() for t in ax.texts] == ["depth: 2"]
    assert ax.get_ylabel() == "JS distance"


def test_method_scores_are_dots_with_intervals_in_the_methods_colours() -> None:
    table = pd.DataFrame(
        {"mean": [0.3, 0.2], "low": [0.25, 0.1], "high": [0.35, 0.3]},
        index=["teacher", "distilled"],
    )
    ax = plotting.plot_method_scores(table, xlabel="JS distance", reference={"uniform": 0.4})
    spans = [line.get_segments()[0][:, 0].tolist() for line in ax.collections]
    assert spans == [[0.25, 0.35], [0.1, 0.3]]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["teacher", "distilled"]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [dot.get_color() for dot in dots] == [plotting.method_color(n) for n in table.index]
    assert ax.yaxis_inverted()
    assert "uniform" in [text.get_text() for text in ax.texts]
    with pytest.raises(ValueError, match="no column 'mean'"):
        plotting.plot_method_scores(table.drop(columns="mean"), xlabel="KL")


def test_a_reference_that_is_no_method_is_grey() -> None:
    reference = {"most frequent class": 0.4, "teacher": 0.5}
    ax = drawing.plot_layer_curve([0.4, 0.3], ylabel="accuracy", reference=reference)
    colors = [line.get_color() for line in ax.lines[1:]]
    assert colors == [REFERENCE_COLOR, plotting.METHOD_COLORS["teacher"]]


def test_method_colours_are_distinct_and_found_inside_longer_names() -> None:
    assert len(set(plotting.METHOD_COLORS.values())) == len(plotting.METHOD_COLORS)
    palettes = [set(plotting.METHOD_COLORS.values()), plotting.CLASS_COLORS, plotting.CURVE_COLORS]
    assert len(set().union(*palettes)) == sum(map(len, palettes))
    assert plotting.method_color("teacher at oracle T=2") == plotting.METHOD_COLORS["temperature"]
    assert plotting.method_color("distilled from the top") != plotting.method_color("distilled")
    assert plotting.method_color("unheard of") not in plotting.METHOD_COLORS.values()
