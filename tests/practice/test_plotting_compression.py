"""Figures of a compression, and figures inside a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from ambiguity_lib.practice import figures as plotting

MEASURE = pd.DataFrame(
    [
        ("after", 0.2, 0.1, 0.3),
        ("before", 0.4, 0.3, 0.5),
        ("temperature", 0.25, None, None),
        ("after - before", -0.2, -0.3, -0.1),
    ],
    columns=["model", "value", "low", "high"],
)


@pytest.fixture(autouse=True)
def _no_window_and_no_leak() -> Iterator[None]:
    plt.switch_backend("agg")
    with mpl.rc_context():
        yield
    plt.close("all")


def test_before_and_after_stand_in_order_in_their_methods_colours() -> None:
    ax = plotting.plot_before_after(MEASURE, xlabel="JS distance")
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["before (teacher)", "temperature", "after (distilled)"]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == [0.4, 0.25, 0.2]
    methods = ("teacher", "temperature", "distilled")
    assert [dot.get_color() for dot in dots] == [plotting.METHOD_COLORS[one] for one in methods]
    assert ax.get_xlabel() == "JS distance"


def test_a_measure_without_a_value_is_left_out() -> None:
    table = MEASURE.assign(value=[None, 0.4, 0.25, None])
    names = [t.get_text() for t in plotting.plot_before_after(table, xlabel="x").get_yticklabels()]
    assert names == ["before (teacher)", "temperature"]
    with pytest.raises(ValueError, match="no column 'low'"):
        plotting.plot_before_after(MEASURE.drop(columns="low"), xlabel="x")


def test_costs_are_percent_of_before() -> None:
    ax = plotting.plot_costs(
        {"parameters": 200, "latency": 8.0, "unknown": None},
        {"parameters": 50, "latency": 6.0, "unknown": None},
    )
    assert [bar.get_width() for bar in ax.patches] == [100, 100, 25, 75]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["parameters", "latency"]
    assert {text.get_text() for text in ax.texts} == {"200", "8", "50", "6"}
    named = plotting.plot_costs({"size": 2.0}, {"size": 1.0}, labels={"size": ("2 MB", "1 MB")})
    assert [text.get_text() for text in named.texts] == ["2 MB", "1 MB"]
    with pytest.raises(ValueError, match="the costs differ"):
        plotting.plot_costs({"size": 2.0}, {"latency": 1.0})


def test_given_axes_are_returned() -> None:
    for call in (
        lambda ax: plotting.plot_before_after(MEASURE, ax, xlabel="x"),
        lambda ax: plotting.plot_costs({"size": 2.0}, {"size": 1.0}, ax),
    ):
        ax = plt.subplots()[1]
        assert call(ax) is ax
        assert ax.get_xlabel()


def draw(ax: Axes) -> None:
    ax.plot(np.arange(3), label="line")
    ax.grid()
    ax.set(xlabel="steps")
    ax.legend()


def test_an_inline_figure_is_one_element_in_the_colours_of_the_page() -> None:
    before = dict(mpl.rcParams)
    svg = plotting.inline_svg(draw, name="one", alt='a "rising" <line>', size=(3, 2))
    assert dict(mpl.rcParams) == before
    root = ElementTree.fromstring(svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))
    assert root.get("aria-label") == 'a "rising" <line>'
    assert "currentColor" in svg
    assert "var(--grid" in svg
    for foreign in ("<?xml", "<!DOCTYPE", "http", "<metadata", "<style"):
        assert foreign not in svg


def test_two_inline_figures_share_no_id_and_one_is_always_the_same() -> None:
    one, two = (
        plotting.inline_svg(draw, name=name, alt="", size=(3, 2)) for name in ("one", "two")
    )
    first, second = (set(re.findall(r'\bid="([^"]*)"', svg)) for svg in (one, two))
    assert first
    assert not first & second
    used = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', one))
    assert {a or b for a, b in used} <= first
    assert one == plotting.inline_svg(draw, name="one", alt="", size=(3, 2))
