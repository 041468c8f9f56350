"""Main figures: one panel a run, side by side on a page and below each other on a phone."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ambiguity_lib.practice.figures import set_style

_PIXELS = 96  # of a page, an inch
_SHARP = 2  # pixels of the picture for one of the page
_ROW = "display:flex;flex-wrap:wrap;gap:0.5rem;justify-content:center"
_CAPTION = "text-align:left;color:inherit;font-weight:normal"  # themes make it pale
_MARKERS = {
    "o": '<circle cx="13" cy="6" r="4" fill="{c}"/>',
    "s": '<rect x="9" y="2" width="8" height="8" fill="{c}"/>',
    "h": '<path d="M13 1 18 3.5 18 8.5 13 11 8 8.5 8 3.5Z" fill="{c}"/>',
    "D": '<path d="M13 1 18 6 13 11 8 6Z" fill="{c}"/>',
    "^": '<path d="M13 1 18 11 8 11Z" fill="{c}"/>',
    "v": '<path d="M13 11 18 1 8 1Z" fill="{c}"/>',
    "<": '<path d="M8 6 18 1 18 11Z" fill="{c}"/>',
    ">": '<path d="M18 6 8 1 8 11Z" fill="{c}"/>',
    "P": '<path d="M11 1h4v3h3v4h-3v3h-4v-3h-3v-4h3Z" fill="{c}"/>',
    "X": '<path d="M9 1 13 4 17 1 18 3 15 6 18 9 17 11 13 8 9 11 8 9 11 6 8 3Z" fill="{c}"/>',
    "*": '<path d="M13 0 15 4 19 5 16 8 17 12 13 10 9 12 10 8 7 5 11 4Z" fill="{c}"/>',
}
_DASHES = {"-": "", "--": "6 4", ":": "2 3", "-.": "6 3 2 3"}


def side_by_side(
    columns: Mapping[str, Any],
    draw: Callable[[Sequence[Axes], Any], object],
    *,
    message: str,
    alt: str,
    rows: int = 1,
    size: tuple[float, float] = (2.2, 2.1),
    same_y: bool = True,
) -> HTML:
    """Draw the same figure of several runs, each beside the others.

    Args:
        columns: Heading → what ``draw`` gets for it.
        draw: Draws one column on its axes, top to bottom; what has a label is in the legend, and
            axes that it makes invisible take no room.
        message: The caption; its first sentence says what is seen, and is bold.
        alt: What is drawn, for those who do not see it.
        rows: Axes of a column.
        size: Width and height of one of the axes in inches.
        same_y: Whether vertical axes are the same.

    Returns:
        The figure; a notebook shows it, and so does the book.

    Examples:
        >>> from course.figures import side_by_side
        >>> figure = side_by_side(
        ...     {"one run": [1, 2], "another": [2, 3]},
        ...     lambda axes, values: axes[0].plot(values, label="values"),
        ...     message="Both rise. From one item to the next.",
        ...     alt="Two rising lines.",
        ... )
        >>> figure.data.count("<img"), "<strong>Both rise.</strong>" in figure.data
        (2, True)
    """
    with mpl.rc_context():
        set_style()
        mpl.rcParams.update({"font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9})
        mpl.rcParams.update({"xtick.labelsize": 8, "ytick.labelsize": 8})
        figures = {
            name: Figure(figsize=(size[0], size[1] * rows), layout="constrained")
            for name in columns
        }
        grid = [list(figure.subplots(rows, squeeze=False)[:, 0]) for figure in figures.values()]
        for axes, data in zip(grid, columns.values(), strict=True):
            draw(axes, data)
        for row in range(rows):
            if same_y:
                _share([axes[row] for axes in grid if axes[row].get_visible()])
        legend = _legend(grid)
        for figure, axes in zip(figures.values(), grid, strict=True):
            shown = [ax for ax in axes if ax.get_visible()]
            places = figure.add_gridspec(len(shown), 1)
            for row, ax in enumerate(shown):
                ax.set_subplotspec(places[row, 0])
            figure.set_size_inches(size[0], size[1] * len(shown))
        pictures = [
            f'<figure style="margin:0;max-width:{round(size[0] * _PIXELS)}px">'
            f'<div style="text-align:center"><strong>{html.escape(name)}'
            f'</strong></div><img src="{_png(figure)}" width="{round(size[0] * _PIXELS)}" '
            f'alt="{html.escape(name if i else f"{name}. {alt}", quote=True)}"></figure>'
            for i, (name, figure) in enumerate(figures.items())
        ]
    first, _, rest = message.partition(". ")
    caption = f"<strong>{first}{'.' if rest else ''}</strong> {rest}"
    return HTML(
        f'<figure class="side-by-side" style="margin:1rem 0">{legend}'
        f'<div style="{_ROW}">{"".join(pictures)}</div>'
        f'<figcaption style="{_CAPTION}">{caption}</figcaption></figure>'
    )


def in_tabs(tables: Mapping[str, pd.DataFrame], *, name: str) -> HTML:
    """Show one of several tables at a time; on a page all such sets change together.

    Args:
        tables: Heading → table, the first shown at first.
        name: Tells the set from others on the page.

    Returns:
        The tables; a notebook shows them.

    Examples:
        >>> import pandas as pd
        >>> from course.figures import in_tabs
        >>> table = pd.DataFrame({"JSD": [0.2]}, index=["teacher"])
        >>> in_tabs({"MPNet": table, "MiniLM": table}, name="all").data.count(
        ...     'type="radio"'
        ... )
        2
    """
    labels, panels = [], []
    rules = [".tabs>label{white-space:nowrap;margin-right:1rem}.tab-panel{display:none}"]
    for i, (heading, table) in enumerate(tables.items()):
        key, checked = f"tab-{name}-{i}", " checked" if i == 0 else ""
        labels.append(
            f'<label><input type="radio" name="tabs-{name}" id="{key}"{checked}> '
            f"{html.escape(heading)}</label>"
        )
        panels.append(f'<div class="tab-panel">{table.to_html(border=0)}</div>')
        rules.append(f".tabs:has(#{key}:checked)>.tab-panel:nth-of-type({i + 1}){{display:block}}")
    content = "".join([*labels, *panels])
    return HTML(f"<style>{''.join(rules)}</style><div class='tabs'>{content}</div>")


def _share(axes: Sequence[Axes]) -> None:
    """The same vertical limits, whichever way they run."""
    limits = [ax.get_ylim() for ax in axes]
    low, high = min(min(pair) for pair in limits), max(max(pair) for pair in limits)
    for ax, (first, last) in zip(axes, limits, strict=True):
        ax.set_ylim((low, high) if first < last else (high, low))


def _legend(grid: Sequence[Sequence[Axes]]) -> str:
    """Lines and marks of all panels with their names, each once."""
    found: dict[str, Any] = {}
    for ax in (ax for axes in grid for ax in axes):
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    signs = [
        f'<span style="white-space:nowrap">{_sign(handle)} {html.escape(label)}</span>'
        for label, handle in found.items()
    ]
    return f'<div style="{_ROW};gap:0.2rem 1rem;font-size:0.85em">{"".join(signs)}</div>'


def _sign(handle: Any) -> str:
    if isinstance(handle, Line2D):
        color, style = str(handle.get_color()), str(handle.get_linestyle())
        dashes = _DASHES.get(style, "")
        line = f'<path d="M0 6H26" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        face = str(handle.get_markerfacecolor())
        fill = face if face == color else f'{face}" stroke="{color}" stroke-width="1.5'
        mark = _MARKERS.get(str(handle.get_marker()), "").format(c=fill)
        content = (line if style in _DASHES else "") + mark
    else:  # a patch, a bar or a stripe
        patch = handle.patches[0] if hasattr(handle, "patches") else handle
        face = patch.get_facecolor()
        color = mpl.colors.to_hex(face[0] if getattr(face, "ndim", 1) == 2 else face)
        content = f'<rect x="4" y="1" width="18" height="10" fill="{color}"/>'
    return f'<svg width="26" height="12" aria-hidden="true">{content}</svg>'


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_PIXELS * _SHARP, metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
