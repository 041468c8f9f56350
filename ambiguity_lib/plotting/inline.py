"""Figures as SVG inside an HTML page, in the colours of the page."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ambiguity_lib.plotting.style import set_style

# Matplotlib draws in a colour that no figure uses; the page's text colour takes its place.
_INK = "#010203"
_PAGE_COLORS = {_INK: "currentColor", "#444444": "currentColor", "#dddddd": "var(--grid, #dddddd)"}
_NOT_FOR_PAGES = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
_IDS = re.compile(r'(\bid="|href="#|url\(#)')


def inline_svg(
    draw: Callable[[Axes], object], *, name: str, alt: str, size: tuple[float, float]
) -> str:
    """Draw a figure as an ``<svg>`` element that needs nothing from outside.

    Text is drawn as paths, so that it looks the same without our fonts; it has the colour of the
    page's text, and lines of a grid that of the page's variable ``--grid``, in light and in dark.

    Args:
        draw: What draws on the axes it is given.
        name: A prefix that makes the ids unique in the page; letters, digits and dashes.
        alt: What the figure shows, for those who do not see it.
        size: Width and height in inches.

    Returns:
        The element. The same figure gives the same text.

    Examples:
        >>> from ambiguity_lib.plotting import inline_svg
        >>> svg = inline_svg(
        ...     lambda ax: ax.plot([0, 1]), name="line", alt="A line", size=(3, 2)
        ... )
        >>> svg[:4], "A line" in svg
        ('<svg', True)
    """
    with mpl.rc_context():
        set_style()
        mpl.rcParams.update(
            {
                "text.color": _INK,
                "axes.edgecolor": _INK,
                "axes.labelcolor": _INK,
                "axes.titlecolor": _INK,
                "xtick.color": _INK,
                "ytick.color": _INK,
                "legend.frameon": False,
                "svg.fonttype": "path",
                "svg.hashsalt": name,
            }
        )
        figure = Figure(figsize=size, layout="constrained")  # not pyplot's: no window, no leak
        draw(figure.subplots())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = _NOT_FOR_PAGES.sub("", text[text.index("<svg") :]).replace("xlink:href", "href")
    text = _IDS.sub(rf"\g<1>{name}-", text)
    for color, replacement in _PAGE_COLORS.items():
        text = re.sub(color, replacement, text, flags=re.IGNORECASE)
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    opening = f'<svg {box[0]} role="img" aria-label="{html.escape(alt)}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1).strip()
