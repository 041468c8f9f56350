"""The figures of the findings draw what the records hold; words follow the rules."""

from __future__ import annotations

import base64
import re

import numpy as np
import pandas as pd
import pytest
from course import evidence, figures, say
from course.figures.panels import in_tabs, side_by_side

from ambiguity_lib.evaluation import against_path


def results(**more):
    """A record in miniature: two layers, two methods, one data set."""
    methods = ("teacher", "pruned", "distilled")
    scores = [
        {"dataset": "toy", "method": name, "score": score, "mean": mean, "low": mean - 0.01}
        | {"high": mean + 0.01, "seed_sd": 0.002}
        for score, means in {
            "JSD": (0.3, 0.29, 0.2),
            "KL": (0.6, 0.5, 0.3),
            "overconfidence": (0.2, 0.2, 0.1),
            "accuracy_new": (0.7, 0.7, 0.69),
        }.items()
        for name, mean in zip(methods, means, strict=True)
    ]
    gaps = [
        {"dataset": "toy", "score": score, "a": a, "b": b, "difference": d, "low": d - 0.01}
        | {"high": d + 0.01, "p": p, "p_holm": p}
        for a, b, d in (("distilled", "teacher", -0.1), ("distilled", "pruned", -0.09))
        for score, p in (("JSD", 0.001), ("KL", 0.001))
    ]
    gaps.append(
        {"dataset": "toy", "score": "accuracy_new", "a": "pruned", "b": "teacher"}
        | {"difference": 0.0, "low": -0.01, "high": 0.01, "p": 1.0, "p_holm": 1.0}
    )
    layers = [
        {"dataset": "toy", "seed": seed, "fold": 0, "readout": readout, "layer": layer}
        | {"validation accuracy": 0.5 + 0.1 * layer + 0.02 * seed, "entropy": 1 - 0.3 * layer}
        | {"JSD": 0.3 - 0.05 * layer, "JSD at T": 0.28 - 0.05 * layer}
        for seed in (0, 1)
        for readout in ("mean", "cls")
        for layer in (0, 1, 2)
    ]
    found = {
        "people": {
            "toy": evidence.people(np.array([[0.5, 0.3, 0.2], [0.8, 0.2, 0.0], [1.0, 0.0, 0.0]]))
        },
        "scores": scores,
        "differences": gaps,
        "layers": layers,
        "choices": [{"depth": 2}],
        "own_temperature": [
            {"dataset": "toy", "method": name, "JSD at T": 0.2, "KL at T": 0.3} for name in methods
        ],
        "path": {"toy": [{"JSD": 0.25, "KL": 0.5}, {"JSD": 0.26, "KL": 0.4}]},
        "thirds": [
            {"dataset": "toy", "method": "teacher", "third": i, "confidence": 0.9, "agree": 0.9 / i}
            for i in (1, 2, 3)
        ],
        "costs": {name: {"trainings": 1.5, "forwards": 0.5} for name in methods},
        "source_map": None,
        "speed": [
            {"depth": k, "parameters": 100 * k, "timing": {"milliseconds": 1 + k}} for k in range(3)
        ],
        "layer_gaps": [
            {"dataset": "toy", "score": score, "a": a, "b": "top", "difference": 0.02}
            | {"low": 0.01, "high": 0.03, "p_holm": 0.001}
            for score in ("JSD", "KL")
            for a in ("source", f"source at T for {score}")
        ],
    }
    return found | more


def panels(figure):
    return figure.data.count("<img")


def test_every_main_figure_has_a_panel_a_run_a_caption_and_words_for_it():
    columns, names = {"one": results(), "two": results()}, ["teacher", "distilled"]
    drawn = [
        figures.show_layers(columns, "They level off. From left to right."),
        figures.show_cut(columns, "Cut here. It is fast."),
        figures.show_methods(columns, names, "Closer. By a lot."),
        figures.show_plane(columns, names, "Below. By a bit."),
        figures.show_thirds({k: (r, "teacher") for k, r in columns.items()}, "Sure. Too sure."),
        figures.show_triangles({k: r["people"]["toy"] for k, r in columns.items()}, "Here. There."),
    ]
    for figure in drawn:
        assert panels(figure) == 2
        assert re.search(r"<figcaption[^>]*><strong>[^<]+\.</strong> \w", figure.data)
        alts = re.findall(r'alt="([^"]+)"', figure.data)
        assert len(alts) == 2 and len(alts[0]) > 30
    assert panels(figures.show_six_findings(results())) == 6


@pytest.mark.parametrize(("depth", "word"), [(1, "holds"), (2, "does not hold")])
def test_a_student_is_faster_only_if_its_depth_was_timed_so(depth, word):
    figure = figures.show_six_findings(results(choices=[{"depth": depth}]))
    assert f"6 Smaller and faster: {word}<" in figure.data


def test_panels_share_their_vertical_axes_and_their_legend():
    seen = []

    def draw(axes, values):
        axes[0].plot(values, "o--", label="value")
        seen.append(axes[0])

    figure = side_by_side({"a": [0, 1], "b": [5, 9]}, draw, message="Two.", alt="Two lines.")
    assert seen[0].get_ylim() == seen[1].get_ylim()
    assert seen[0].get_ylim()[0] <= 0 and seen[0].get_ylim()[1] >= 9
    assert figure.data.count(" value</span>") == 1
    assert "<circle" in figure.data and 'stroke-dasharray="6 4"' in figure.data


def test_live_runs_have_no_speed_and_no_empty_axes_for_it():
    live = {name: value for name, value in results().items() if name != "speed"}
    figure = figures.show_cut({"recorded": results(), "this run": live}, "Cut. Here.")
    pictures = re.findall(r'data:image/png;base64,([^"]+)"', figure.data)
    tall, low = (int.from_bytes(base64.b64decode(picture)[20:24], "big") for picture in pictures)
    assert tall == pytest.approx(2 * low, abs=2)


def test_tabs_show_the_first_table_and_hide_the_others():
    table = pd.DataFrame({"JSD": [0.2]})
    shown = in_tabs({"a": table, "b": table}, name="x").data
    assert shown.count(" checked") == 1 and shown.count("<table") == 2
    assert shown.count("<label><input") == 2


def test_layers_are_means_over_seeds_of_the_read_out_that_decides():
    table = figures.mean_layers(results())
    assert table["validation accuracy"].tolist() == pytest.approx([0.51, 0.61, 0.71])


def test_the_six_sentences_and_ones_own_votes():
    items = evidence.six_items()
    assert len(items) == 6
    assert (items[["entailment", "neutral", "contradiction"]].sum(axis=1) == 100).all()
    told = figures.show_six(items, "nnc...").data
    assert "1: 95%, 2: 87%, 3: 75%." in told
    assert "agree with you" not in figures.show_six(items, "......").data
    with pytest.raises(ValueError, match="6 letters"):
        figures.show_six(items, "nn")


def test_words_follow_the_differences():
    gaps = pd.DataFrame(results()["layer_gaps"])
    assert say.findings(results(), gaps) == {
        1: "holds",
        2: "is reversed",
        3: "holds",
        4: "holds",
        5: "holds",
    }
    farther = [row | {"low": 0.05, "high": 0.15} for row in results()["differences"]]
    assert say.findings(results(differences=farther))[5] == "is reversed"
    unsure = [row | {"p_holm": 0.2} for row in results()["differences"]]
    assert say.findings(results(differences=unsure))[4] == "is undecided"
    lost = [row | {"low": -0.09, "high": -0.05} for row in results()["differences"]]
    assert say.findings(results(differences=lost))[3] == "does not hold"


def test_sentences_name_side_and_interval():
    told = say.pair(results(), "distilled", "teacher")
    assert told.startswith("distilled against teacher: JSD **closer** (−0.100 [−0.110, −0.090]")
    (first, second) = say.verdicts(results(), (4, 5))
    assert "**holds**" in first and "JSD" in second
    words = say.layer_gaps(pd.DataFrame(results()["layer_gaps"]))
    assert words.startswith("as they are: JSD **farther**") and "each at its own" in words


def test_beyond_a_temperature_in_words():
    rng = np.random.default_rng(0)
    human = rng.dirichlet([1, 1, 1], size=100)
    logits = 2 * np.log(human) + rng.normal(size=human.shape)
    assert "**is more than" in say.beyond(against_path(human, [logits], [human], samples=50))
    uniform = np.full_like(human, 1 / 3) + rng.uniform(0, 1e-3, human.shape)
    uniform /= uniform.sum(axis=1, keepdims=True)
    assert "**is not shown" in say.beyond(against_path(human, [logits], [uniform], samples=50))


def test_tables_have_what_a_reader_asks_for():
    table = figures.method_table(results())
    assert list(table) == ["JSD", "KL", "accuracy", "passes", "trainings"]
    assert table.loc["distilled", "JSD"] == "0.200"
    assert figures.difference_table(results())["p, Holm"].iloc[0] == "0.0010"
    assert figures.seed_table(results()).loc["teacher", "KL"] == "0.0020"


def test_margins_are_told_for_the_path_that_is_asked_for():
    rows = [
        {"dataset": dataset, "path": path, "method": "distilled"}
        | {"margin": {"value": value, "low": -0.01, "high": 0.03}}
        | {"correlation": {"value": 0.05, "low": 0.01, "high": 0.09}}
        for path, value in (("teacher", 0.017), ("trained longer", -0.006))
        for dataset in ("S", "M")
    ]
    told = say.margins(results(margins=rows), "distilled", "teacher")
    assert told == (
        "+1.7% [-1.0%, +3.0%] on S, correlation +0.050 [+0.010, +0.090]; "
        "+1.7% [-1.0%, +3.0%] on M, correlation +0.050 [+0.010, +0.090]"
    )
    assert "-0.6%" in say.margins(results(margins=rows), "distilled", "trained longer")
    assert list(figures.margin_table(results(margins=rows))) == ["margin", "correlation"]
