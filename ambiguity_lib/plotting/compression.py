"""Figures of a classifier before and after its compression."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ambiguity_lib.plotting.results import plot_method_scores
from ambiguity_lib.plotting.style import make_axes, method_color

# the names give each its method's colour
_MODELS = {
    "before": "before (teacher)",
    "temperature": "temperature",
    "after": "after (distilled)",
}


def plot_before_after(table: pd.DataFrame, ax: Axes | None = None, *, xlabel: str) -> Axes:
    """Draw a measure before, at a fitted temperature and after, one dot with its interval each.

    Args:
        table: Rows of ``run["measures"]`` of a
            :class:`~ambiguity_lib.compression.CompressionResult`, for one set and one measure;
            columns ``model``, ``value``, ``low`` and ``high``. Differences and missing values are
            left out.
        ax: Where to draw.
        xlabel: Name and unit of the measure.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: If a column is missing.

    Examples:
        >>> import pandas as pd
        >>> from ambiguity_lib.plotting import plot_before_after
        >>> rows = [
        ...     ("before", 0.30, 0.28, 0.32),
        ...     ("temperature", 0.25, 0.23, 0.27),
        ...     ("after", 0.22, 0.2, 0.24),
        ... ]
        >>> table = pd.DataFrame(rows, columns=["model", "value", "low", "high"])
        >>> plot_before_after(table, xlabel="JS distance")
        <Axes: xlabel='JS distance'>
    """
    missing = [name for name in ("model", "value", "low", "high") if name not in table.columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r} in the table; it has {list(table.columns)}")
    rows = table[table["model"].isin(_MODELS)].set_index("model")
    rows = rows.reindex([name for name in _MODELS if name in rows.index])
    rows = rows[["value", "low", "high"]].astype(float).dropna(subset="value")
    scores = rows.rename(index=_MODELS, columns={"value": "mean"})
    return plot_method_scores(scores, ax, xlabel=xlabel)


def plot_costs(
    before: Mapping[str, float | None],
    after: Mapping[str, float | None],
    ax: Axes | None = None,
    *,
    labels: Mapping[str, tuple[str, str]] | None = None,
) -> Axes:
    """Draw what a model costs after its compression in percent of before, a pair of bars a cost.

    Args:
        before: Cost → amount, each in any unit. One without an amount is left out.
        after: The same costs.
        ax: Where to draw.
        labels: Cost → what stands beside the two bars; by default the amounts.

    Returns:
        The axes that were drawn on.

    Raises:
        ValueError: If ``after`` has other costs.

    Examples:
        >>> from ambiguity_lib.plotting import plot_costs
        >>> plot_costs(
        ...     {"parameters": 4e6, "latency": 8.0},
        ...     {"parameters": 2e6, "latency": 5.0},
        ... )
        <Axes: xlabel='percent of before'>
    """
    if set(before) != set(after):
        raise ValueError(f"the costs differ: {list(before)} before, {list(after)} after")
    known = {
        name: (first, last)
        for name, first in before.items()
        if first and (last := after[name]) is not None
    }
    ax = make_axes(ax, (7.0, 1.2 + 0.6 * len(known)))
    places = np.arange(len(known))
    for i, name in enumerate(("before (teacher)", "after (distilled)")):
        shares = [100 * pair[i] / pair[0] for pair in known.values()]
        bars = ax.barh(
            places + 0.4 * (i - 0.5), shares, height=0.36, color=method_color(name), label=name
        )
        texts = [
            labels[cost][i] if labels is not None else f"{pair[i]:g}"
            for cost, pair in known.items()
        ]
        ax.bar_label(bars, texts, padding=3, fontsize=10)
    ax.set_yticks(places, list(known))
    ax.invert_yaxis()
    ax.margins(x=0.24)  # room for an amount with its unit
    ax.set(xlabel="percent of before")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax
