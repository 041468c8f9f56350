"""What the book lets readers move: an item through the layers, a temperature."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ambiguity_lib.method.temperatures import apply_temperature
from ambiguity_lib.metrics.divergence import jensen_shannon_distance, kl_divergence
from ambiguity_lib.metrics.uncertainty import entropy
from ambiguity_lib.practice.figures import METHOD_COLORS
from course.figures.interactive import INK, PANEL_WIDTH, InteractiveFigure, reading, words
from course.figures.simplex import simplex_coordinates

_LINE = 46  # characters of an item's text on a line
_WHO = alt.Scale(domain=["people", "model"], range=[INK, METHOD_COLORS["teacher"]])
_SHAPE = alt.Scale(domain=["people", "model"], range=["diamond", "circle"])


def explore_layers(
    texts: Sequence[str],
    human: ArrayLike,
    layer_probs: ArrayLike,
    class_names: Sequence[str],
    *,
    first: int = 1,
) -> InteractiveFigure:
    """Pick an item, move a slider through the layers, and see model and people.

    Args:
        texts: n texts of items.
        human: Distributions of people, shape (n, 3).
        layer_probs: Distributions of the probes of layers 0 … L, shape (L + 1, n, 3).
        class_names: The three names.
        first: Number of the item that is shown at first.

    Returns:
        The figure, which a notebook shows with its sliders.

    Raises:
        ValueError: If the shapes do not fit each other.

    Examples:
        >>> from course.figures.explorers import explore_layers
        >>> human = [[0.6, 0.3, 0.1]]
        >>> layer_probs = [[[0.4, 0.3, 0.3]], [[0.9, 0.05, 0.05]]]
        >>> figure = explore_layers(
        ...     ["A man sleeps."], human, layer_probs, ("yes", "maybe", "no")
        ... )
        >>> type(figure).__name__
        'InteractiveFigure'
    """
    people, probs = np.asarray(human, dtype=np.float64), np.asarray(layer_probs, dtype=np.float64)
    if probs.ndim != 3 or people.shape != probs.shape[1:] or len(texts) != len(people):
        raise ValueError(
            f"layer_probs of shape (L + 1, n, 3) needs human of shape (n, 3) and n texts; got "
            f"{probs.shape}, {people.shape} and {len(texts)} texts"
        )
    total = len(probs)
    item = alt.param(
        name="chosen_item",
        value=first,
        bind=alt.binding_select(options=list(range(1, len(texts) + 1)), name="item "),
    )
    layer = alt.param(
        name="chosen_layer",
        value=0,
        bind=alt.binding_range(min=0, max=total - 1, step=1, name="layer "),
    )
    of_item = "datum.item == chosen_item"
    at_layer = f"{of_item} && (datum.who == 'people' || datum.layer == chosen_layer)"
    points = alt.Chart(_places(people, probs)).encode(*_plane())
    marks = points.transform_filter(at_layer).mark_point(filled=True, size=130, opacity=1)
    who = alt.Legend(title=None, orient="bottom")
    triangle = alt.layer(
        *_triangle(class_names),
        points.transform_filter(f"{of_item} && datum.who == 'model'")
        .mark_line(color=METHOD_COLORS["teacher"], opacity=0.45)
        .encode(order="layer:Q"),
        marks.encode(
            alt.Color("who:N", scale=_WHO, legend=who), alt.Shape("who:N", scale=_SHAPE, legend=who)
        ),
        width=PANEL_WIDTH,
        height=int(PANEL_WIDTH * 0.85),
    )
    bars = (
        alt.Chart(_shares(people, probs, class_names))
        .transform_filter(at_layer)
        .mark_bar()
        .encode(
            alt.X("share:Q", title="share", scale=alt.Scale(domain=[0, 1])),
            alt.Y("class:N", sort=list(class_names), title=None),
            alt.YOffset("who:N", sort=["people", "model"]),
            alt.Color("who:N", scale=_WHO, legend=who),
        )
        .properties(width=PANEL_WIDTH - 60, height=150)
    )
    said = pd.DataFrame(
        {
            "item": np.tile(np.arange(1, len(texts) + 1), total),
            "layer": np.repeat(np.arange(total), len(texts)),
            "text": [
                f"JS distance {distance:.3f}\nentropy: model {own:.2f}, people {theirs:.2f} nats"
                for distance, own, theirs in zip(
                    jensen_shannon_distance(np.tile(people, (total, 1)), probs.reshape(-1, 3)),
                    entropy(probs.reshape(-1, 3)),
                    np.tile(entropy(people), total),
                    strict=True,
                )
            ],
        }
    )
    chart = alt.vconcat(
        _lines(texts).transform_filter(of_item),
        alt.hconcat(triangle, bars),
        reading(said, f"{of_item} && datum.layer == chosen_layer"),
    )
    return InteractiveFigure(
        chart.add_params(item, layer),
        "A triangle whose corners are the three classes. For the chosen item, a circle shows the "
        "distribution of the probe of the chosen layer, a line its way through all layers, a "
        "diamond the distribution of people; bars beside it show the same shares. Near a corner, "
        "nearly all say that class; in the middle, all classes have equal shares.",
    )


def explore_temperature(
    logits: ArrayLike,
    human: ArrayLike,
    *,
    highest: float = 5.0,
    step: float = 0.05,
) -> InteractiveFigure:
    """Move a temperature, and see the distance to people as JS distance and as KL.

    Args:
        logits: Logits of a model, shape (N, C).
        human: Distributions of people, shape (N, C).
        highest: Highest temperature; the lowest is a half.
        step: Steps of the slider.

    Returns:
        The figure, which a notebook shows with its sliders.

    Examples:
        >>> from course.figures.explorers import explore_temperature
        >>> figure = explore_temperature([[4.0, 2.0, 0.0]], [[0.6, 0.3, 0.1]])
        >>> type(figure).__name__
        'InteractiveFigure'
    """
    temperatures = np.round(np.arange(0.5, highest + step / 2, step), 6)
    measures = {"mean JS distance": jensen_shannon_distance, "mean KL (nats)": kl_divergence}
    scaled = [apply_temperature(logits, float(t)) for t in temperatures]
    values = {
        name: np.array([measure(human, q).mean() for q in scaled])
        for name, measure in measures.items()
    }
    slider = alt.param(
        name="temperature",
        value=1.0,
        bind=alt.binding_range(min=0.5, max=highest, step=step, name="temperature "),
    )
    here = f"abs(datum.temperature - temperature) < {step / 2}"
    panels = []
    for name, value in values.items():
        curve = pd.DataFrame({"temperature": temperatures, "value": value.round(4)})
        best = curve.loc[[int(value.argmin())]]
        base = alt.Chart(curve).encode(
            alt.X("temperature:Q", title="temperature"),
            alt.Y("value:Q", title=name, scale=alt.Scale(zero=False)),
        )
        panels.append(
            alt.layer(
                base.mark_line(color=METHOD_COLORS["temperature"], strokeWidth=2.5),
                base.properties(data=best).mark_point(
                    shape="diamond", filled=True, size=120, color=INK
                ),
                base.transform_filter(here).mark_point(
                    filled=True, size=130, opacity=1, color=METHOD_COLORS["teacher"]
                ),
                width=PANEL_WIDTH - 50,
                height=200,
            )
        )
    said = pd.DataFrame(
        {
            "temperature": temperatures,
            "text": [
                f"T = {t:.2f}\n"
                + "\n".join(
                    f"{name} {value[row]:.3f}, lowest {value.min():.3f} "
                    f"at T = {temperatures[value.argmin()]:.2f}"
                    for name, value in values.items()
                )
                for row, t in enumerate(temperatures)
            ],
        }
    )
    chart = alt.vconcat(alt.hconcat(*panels), reading(said, here))
    return InteractiveFigure(
        chart.add_params(slider),
        "Two curves over the temperature by which the model's logits are divided: mean JS distance "
        "and mean KL to people's distributions. A circle marks the chosen temperature, a diamond "
        "the lowest point of each curve.",
    )


def _places(people: NDArray[np.float64], probs: NDArray[np.float64]) -> pd.DataFrame:
    """Points of the triangle, for people and for every layer of the model."""
    points = simplex_coordinates(np.concatenate([probs.reshape(-1, 3), people])).round(4)
    return pd.DataFrame({**_rows(probs), "x": points[:, 0], "y": points[:, 1]})


def _shares(
    people: NDArray[np.float64], probs: NDArray[np.float64], class_names: Sequence[str]
) -> pd.DataFrame:
    """Shares of the classes, for people and for every layer of the model."""
    shares = np.concatenate([probs.reshape(-1, 3), people]).round(4)
    wide = pd.DataFrame(shares, columns=list(class_names)).assign(**_rows(probs))
    return wide.melt(["item", "layer", "who"], var_name="class", value_name="share")


def _rows(probs: NDArray[np.float64]) -> dict[str, Any]:
    """Whose distributions these are: every layer's of all items, then people's."""
    layers, items = probs.shape[:2]
    return {
        "item": np.tile(np.arange(1, items + 1), layers + 1),
        "layer": np.repeat([*range(layers), -1], items),
        "who": np.repeat(["model", "people"], [layers * items, items]),
    }


def _triangle(class_names: Sequence[str]) -> list[alt.Chart]:
    """The edges of the simplex and the names of its corners."""
    corners = simplex_coordinates(np.eye(3))
    edge = pd.DataFrame(np.concatenate([corners, corners[:1]]), columns=["x", "y"])
    edge["order"] = range(4)
    names = pd.DataFrame(
        corners + np.array([[0, -0.06], [0, 0.05], [0, -0.06]]), columns=["x", "y"]
    )
    names["class"] = list(class_names)
    return [
        alt.Chart(edge).mark_line(color="#888888").encode(*_plane(), order="order:O"),
        alt.Chart(names).mark_text().encode(*_plane(), text="class:N"),
    ]


def _plane() -> tuple[alt.X, alt.Y]:
    """Where the simplex is drawn, with room for the names of its corners."""
    return (
        alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.15, 1.15])),
        alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.1, 1.0])),
    )


def _lines(texts: Sequence[str]) -> alt.Chart:
    """The items' texts, broken into lines, since Vega does not break them."""
    broken = [
        "\n".join(line for part in text.splitlines() for line in textwrap.wrap(part, _LINE))
        for text in texts
    ]
    table = pd.DataFrame({"item": range(1, len(texts) + 1), "text": broken})
    longest = max(text.count("\n") for text in broken) + 1
    return words(table, longest, fontStyle="italic")
