"""Figures: positions that can be computed by hand, the given axes returned, bad input named."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from course import figures as plotting

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


def test_simplex_paths_draw_every_layer_of_every_item_and_the_human_star() -> None:
    layers = RNG.dirichlet(np.ones(3), (5, 2))
    ax = plotting.plot_simplex_paths(layers, HUMAN[:2], NAMES)
    drawn = [np.asarray(c.get_offsets()) for c in ax.collections]
    for item in range(2):
        points, star = drawn[2 * item], drawn[2 * item + 1]
        np.testing.assert_allclose(points, plotting.simplex_coordinates(layers[:, item]))
        np.testing.assert_allclose(star[0], plotting.simplex_coordinates(HUMAN[item]))
    assert ax.get_legend() is not None
    assert len(ax.figure.axes) == 2  # the colour bar names the layers


def test_simplex_paths_as_a_small_panel() -> None:
    layers = RNG.dirichlet(np.ones(3), (5, 1))
    ax = plotting.plot_simplex_paths(layers, HUMAN[:1], "ENC", colorbar=False, legend=False)
    assert ax.get_legend() is None
    assert len(ax.figure.axes) == 1


def test_simplex_paths_name_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\(5, 2, 3\) and \(3, 3\)"):
        plotting.plot_simplex_paths(np.full((5, 2, 3), 1 / 3), HUMAN[:3], NAMES)


def test_votes_are_scaled_and_stacked() -> None:
    ax = plotting.plot_votes(np.array([[52, 46, 2], [0, 3, 1]]), NAMES, item_labels=["a", "b"])
    widths = np.array([patch.get_width() for patch in ax.patches]).reshape(3, 2).T
    np.testing.assert_allclose(widths, [[0.52, 0.46, 0.02], [0, 0.75, 0.25]])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert {t.get_text() for t in ax.texts} == {"52%", "46%", "75%", "25%"}


def test_votes_of_one_item_may_be_flat() -> None:
    assert len(plotting.plot_votes(np.array([1, 2, 3]), NAMES).patches) == 3


def test_votes_with_whole_sentences_above_their_bars() -> None:
    ax = plotting.plot_votes(HUMAN[:2], NAMES, item_labels=["one\ntwo", "b"], labels_above=True)
    places = {text.get_text(): text.xy for text in ax.texts if text.get_text() in ("one\ntwo", "b")}
    assert list(places) == ["one\ntwo", "b"]
    for (x, y), bar in zip(places.values(), ax.patches, strict=False):
        assert (x, y) == (0, bar.get_y())  # its upper edge: the first item is on top
    assert len(ax.get_yticks()) == 0
    assert ax.xaxis.get_major_formatter()(0.4) == "40%"


@pytest.mark.parametrize(
    ("votes", "message"),
    [([[1, 2]], "2 columns"), ([[1, 2, 3], [0, 0, 0]], "row 1 has no votes")],
)
def test_votes_bad_input(votes: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plotting.plot_votes(np.array(votes), NAMES)


def test_reliability_points_by_hand() -> None:
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [1.0, 0.0]])
    ax = plotting.plot_reliability(np.array([0, 1, 1, 0]), probs, n_bins=5, label="teacher")
    x, y = ax.lines[1].get_data()
    # Bin (0.4, 0.6] holds the third item (right); (0.8, 1] the others (two of three right).
    np.testing.assert_allclose(x, [0.6, 2.8 / 3])
    np.testing.assert_allclose(y, [1, 2 / 3])


def test_reliability_draws_the_diagonal_once() -> None:
    labels = HUMAN.argmax(1)
    ax = plotting.plot_reliability(labels, MODEL)
    plotting.plot_reliability(labels, HUMAN, ax, label="distilled")
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names == ["perfectly calibrated", "teacher", "distilled"]


def test_layer_curves_start_at_the_embedding_output_and_show_marks() -> None:
    values = np.array([0.4, 0.3, 0.35])
    ax = plotting.plot_layer_curves(
        {"JSD": values}, ylabel="JS distance", reference={"human": 0.08}, mark={"depth": 2}
    )
    np.testing.assert_allclose(ax.lines[0].get_data(), [[0, 1, 2], values])
    assert [t.get_text() for t in ax.texts] == ["depth: 2"]
    assert ax.get_ylabel() == "JS distance"


def test_a_line_to_compare_with_is_grey_unless_it_is_a_method_and_dots_lie_on_top() -> None:
    reference = {"most frequent class": 0.4, "constant mean": 0.5, "teacher": 0.5}
    ax = plotting.plot_layer_curves({"JSD": np.ones(2)}, ylabel="", reference=reference)
    plain, dotted, teacher = ax.lines[1:]
    assert len(set(mpl.colors.to_rgb(plain.get_color()))) == 1
    assert teacher.get_color() == plotting.METHOD_COLORS["teacher"]
    assert dotted.get_linestyle() == ":"
    assert dotted.get_zorder() > teacher.get_zorder()


def test_score_bars_follow_the_table_and_the_method_colours() -> None:
    table = pd.DataFrame({"JSD": [0.3, 0.2]}, index=["teacher", "distilled (layer 2)"])
    ax = plotting.plot_score_bars(table, "JSD")
    assert [p.get_width() for p in ax.patches] == [0.3, 0.2]
    expected = mpl.colors.to_rgba(plotting.METHOD_COLORS["distilled"])
    assert ax.patches[1].get_facecolor() == expected
    with pytest.raises(ValueError, match="no column 'KL'"):
        plotting.plot_score_bars(table, "KL")


def test_intervals_stand_in_the_order_of_the_table_and_need_their_columns() -> None:
    table = pd.DataFrame(
        {"difference": [-0.1, 0.2], "low": [-0.2, 0.1], "high": [0.05, 0.3]},
        index=["distilled − teacher", "distilled − pruned"],
    )
    ax = plotting.plot_intervals(table, xlabel="difference in JS distance")
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[-0.2, 0.05], [0.1, 0.3]]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table.index)
    assert ax.yaxis_inverted()  # the first row is on top
    with pytest.raises(ValueError, match="no column 'low'"):
        plotting.plot_intervals(table.drop(columns="low"), xlabel="KL")


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


def test_a_far_reference_stands_at_the_edge_and_does_not_squeeze_the_scores() -> None:
    table = pd.DataFrame({"mean": [0.31], "low": [0.30], "high": [0.32]}, index=["teacher"])
    reference = {"uniform": 0.34, "half the votes": 0.085, "worst": 0.8}
    ax = plotting.plot_method_scores(table, xlabel="JS distance", reference=reference)
    near, below, above = ax.texts
    assert near.get_text() == "uniform"
    assert (below.get_text(), below.get_ha()) == ("← half the votes 0.085", "left")
    assert (above.get_text(), above.get_ha()) == ("worst 0.800 →", "right")
    assert ax.get_xlim()[0] > 0.29 and ax.get_xlim()[1] < 0.35
    assert ax.get_ylim()[0] == 2.5  # a row of its own for each, below the methods
    assert len(ax.get_yticklabels()) == 1


def test_a_reference_that_is_no_method_is_grey() -> None:
    reference = {"most frequent class": 0.4, "teacher": 0.5}
    ax = plotting.plot_layer_curves({"JSD": [0.4, 0.3]}, ylabel="accuracy", reference=reference)
    colors = [line.get_color() for line in ax.lines[1:]]
    assert colors == [REFERENCE_COLOR, plotting.METHOD_COLORS["teacher"]]


def test_a_line_by_entropy_per_method() -> None:
    table = pd.DataFrame(
        {
            "method": ["teacher"] * 2 + ["distilled"] * 2,
            "human_entropy": [0.2, 0.8] * 2,
            "mean": [0.1, 0.4, 0.2, 0.3],
            "low": [0.0, 0.3, 0.1, 0.2],
            "high": [0.2, 0.5, 0.3, 0.4],
        }
    )
    ax = plotting.plot_by_entropy(table, ylabel="JS distance")
    np.testing.assert_allclose(ax.lines[0].get_data(), [[0.2, 0.8], [0.1, 0.4]])
    assert ax.get_legend_handles_labels()[1] == ["teacher", "distilled"]
    assert "nats" in ax.get_xlabel()


def test_speedup_dots_are_measured_and_the_dashed_line_is_the_law() -> None:
    ax = plotting.plot_speedup([4, 1, 2], [1.0, 3.0, 1.8], [1.0, 3.2, 1.9], limit=12.0)
    line, dots, limit = ax.lines
    np.testing.assert_allclose(line.get_data(), [[1, 2, 4], [3.2, 1.9, 1.0]])
    np.testing.assert_allclose(dots.get_data(), [[1, 2, 4], [3.0, 1.8, 1.0]])
    assert (line.get_linestyle(), dots.get_linestyle()) == ("--", "None")
    assert limit.get_ydata()[0] == 12.0
    # a line without a name of its own stays out of the legend
    assert ax.get_legend_handles_labels()[1] == ["measured", "limit, no layer at all"]
    with pytest.raises(ValueError, match="3 depths, 2 measured and 3 expected"):
        plotting.plot_speedup([1, 2, 3], [2.0, 1.0], [3.0, 2.0, 1.0])


def test_a_second_faster_series_of_speedups_stays_in_sight() -> None:
    ax = plotting.plot_speedup([2, 1], [1.0, 1.8], [1.0, 1.9])
    plotting.plot_speedup([2, 1], [1.0, 9.0], [1.0, 8.0], ax)
    low, high = ax.get_ylim()
    assert low == 0 and high > 9


def test_method_colours_are_distinct_and_found_inside_longer_names() -> None:
    assert len(set(plotting.METHOD_COLORS.values())) == len(plotting.METHOD_COLORS)
    palettes = [set(plotting.METHOD_COLORS.values()), plotting.CLASS_COLORS, plotting.CURVE_COLORS]
    assert len(set().union(*palettes)) == sum(map(len, palettes))
    assert plotting.method_color("teacher at oracle T=2") == plotting.METHOD_COLORS["temperature"]
    assert plotting.method_color("distilled from the top") != plotting.method_color("distilled")
    # "human upper bound" is a method of its own, not "human".
    assert plotting.method_color("human upper bound") != plotting.method_color("human")
    assert plotting.method_color("unheard of") not in plotting.METHOD_COLORS.values()


def test_layer_colours_run_from_dark_to_light() -> None:
    brightness = plotting.layer_colors(7)[:, :3].mean(axis=1)
    assert plotting.layer_colors(7).shape == (7, 4)
    assert brightness[-1] > brightness[0]


def test_every_function_returns_the_axes_it_was_given_with_labels() -> None:
    votes = np.array([1, 5, 50])
    calls = [
        lambda ax: plotting.plot_votes(HUMAN[:2], NAMES, ax),
        lambda ax: plotting.plot_vote_noise(votes, 1 / votes, 0.9 / votes, 1.1 / votes, ax),
        lambda ax: plotting.plot_layer_curves({"teacher": 1 / votes}, ax, ylabel="nats"),
        lambda ax: plotting.plot_reliability(HUMAN.argmax(1), MODEL, ax),
        lambda ax: plotting.plot_entropy_scatter(HUMAN, MODEL, ax),
        lambda ax: plotting.plot_entropy_histogram({"human": HUMAN, "teacher": MODEL}, ax),
        lambda ax: plotting.plot_score_bars(pd.DataFrame({"KL": [0.1]}, ["teacher"]), "KL", ax),
        lambda ax: plotting.plot_speedup([2, 1], [1.0, 1.8], [1.0, 1.9], ax),
    ]
    plotting.set_style()
    for call in calls:
        ax = plt.subplots()[1]
        assert call(ax) is ax
        assert ax.get_xlabel()
