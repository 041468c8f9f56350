"""What the book lets readers move: how many layers a model keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from ambiguity_lib.plotting.interactive import INK, PANEL_WIDTH, InteractiveFigure, reading
from ambiguity_lib.plotting.style import METHOD_COLORS

_NO_METHOD = "#777777"  # of lines, and of a kind of model that is no method


def explore_depth(
    depths: Sequence[int],
    quality: Mapping[str, Mapping[int, float]],
    accuracy: Mapping[str, Mapping[int, float]],
    milliseconds: Sequence[float],
    parameters: Sequence[int],
) -> InteractiveFigure:
    """Move the depth of a model, and see distance to people, accuracy, latency and size.

    Args:
        depths: Layers kept, lowest first; the slider goes through them.
        quality: For each kind of model, its mean JS distance to people by depth; a kind may
            lack some depths. The first kind has the depths written below it.
        accuracy: Accuracy of the same models. It is not drawn but said, since an answer that
            knows little can be close to people.
        milliseconds: Latency at each depth, for one text.
        parameters: Number of parameters at each depth.

    Returns:
        The figure, which a notebook shows with its sliders.

    Raises:
        ValueError: If a depth has no latency or size, or no kind of model, or if a model has a
            distance or an accuracy only.

    Examples:
        >>> from ambiguity_lib.plotting import explore_depth
        >>> quality = {"probe": {1: 0.27, 2: 0.25, 3: 0.26}, "pruned": {2: 0.24}}
        >>> accuracy = {"probe": {1: 0.51, 2: 0.62, 3: 0.65}, "pruned": {2: 0.64}}
        >>> figure = explore_depth(
        ...     [1, 2, 3], quality, accuracy, [1.0, 2.0, 3.0], [300, 400, 500]
        ... )
        >>> type(figure).__name__
        'InteractiveFigure'
    """
    if not len(depths) == len(milliseconds) == len(parameters):
        raise ValueError(
            f"one value for each of {len(depths)} depths is needed; got {len(milliseconds)} "
            f"latencies and {len(parameters)} sizes"
        )
    if {k: set(v) for k, v in quality.items()} != {k: set(v) for k, v in accuracy.items()}:
        raise ValueError("quality and accuracy need the same kinds of models at the same depths")
    measured = {depth for by_depth in quality.values() for depth in by_depth}
    if measured != set(depths):
        raise ValueError(
            f"quality has the depths {sorted(measured)}, latency and size have {sorted(depths)}; "
            "each depth needs at least one kind of model, and no other may be there"
        )
    steps = set(np.diff(depths).tolist()) or {1}  # a slider goes in equal steps
    places = list(depths) if len(steps) == 1 else list(range(1, len(depths) + 1))
    costs = pd.DataFrame(
        {"place": places, "milliseconds": np.round(milliseconds, 3)}, index=list(depths)
    )
    table = pd.DataFrame(
        [
            {"model": name, "depth": depth, "distance": round(distance, 4), **costs.loc[depth]}
            for name, by_depth in quality.items()
            for depth, distance in sorted(by_depth.items())
        ]
    )
    said = costs.assign(
        text=[
            f"{depth} layer{'' if depth == 1 else 's'}\n{latency:.2f} ms a text\n"
            f"{size / 1e6:.2f} million parameters"
            + "".join(
                f"\n{name}: JSD {by_depth[depth]:.3f}, accuracy {accuracy[name][depth]:.3f}"
                for name, by_depth in quality.items()
                if depth in by_depth
            )
            for depth, latency, size in zip(depths, milliseconds, parameters, strict=True)
        ]
    )
    place = alt.param(
        name="place",
        value=places[-1],
        bind=alt.binding_range(
            min=places[0],
            max=places[-1],
            step=min(steps) if len(steps) == 1 else 1,
            name="layers kept " if len(steps) == 1 else "point ",
        ),
    )
    kinds, legend = list(quality), alt.Legend(title=None, orient="top", offset=4)
    colors = [METHOD_COLORS.get(kind, _NO_METHOD) for kind in kinds]
    marks = [("circle", "square", "diamond", "triangle-up")[i % 4] for i in range(len(kinds))]
    base = alt.Chart(table).encode(
        alt.X(
            "milliseconds:Q",
            title="latency (ms a text)",
            scale=alt.Scale(domain=[0, 1.08 * max(milliseconds)]),
        ),
        alt.Y(
            "distance:Q",
            title="mean JS distance (JSD) to people",
            scale=alt.Scale(zero=False, padding=26),
        ),
        alt.Color("model:N", scale=alt.Scale(domain=kinds, range=colors), legend=legend),
    )
    shape = alt.Shape("model:N", scale=alt.Scale(domain=kinds, range=marks), legend=legend)
    here = "datum.place == place"
    first = base.transform_filter(alt.datum.model == kinds[0])
    points = alt.layer(
        base.mark_line(opacity=0.5).encode(
            detail="model:N",
            order="depth:Q",
            color=alt.value(_NO_METHOD),
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(shape),
        first.mark_text(dy=18).encode(text="depth:O", color=alt.value(INK)),
        base.transform_filter(here).mark_point(filled=True, size=260, opacity=1).encode(shape),
        width=PANEL_WIDTH + 50,  # the figure's only panel: what is said stands beside it
        height=280,
    )
    return InteractiveFigure(
        alt.hconcat(points, reading(said, here)).add_params(place),
        "Latency to the right, distance to people upwards, so that the lower left is best. One "
        f"mark for each depth and kind of model ({', '.join(kinds)}), with the depth below those "
        "of the first kind; a line joins the depths of a kind. The marks of the chosen depth are "
        "large, and its numbers stand beside the panel, on a phone below it.",
    )
