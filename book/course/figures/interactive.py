"""Figures with a slider, as Vega-Lite: they work in the static book, offline, and in Colab.

In the book, `book/_static/interactive.js` draws them with the script that the build puts beside it.
Elsewhere, each figure fetches Vega itself. Where neither can be, the picture in it stays.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

#: What a notebook outside the book loads; the book has a bundle of its own.
_CDN = "https://cdn.jsdelivr.net/npm"

#: The colour of the page's text: black on white, and the other way round in a dark theme.
INK = "currentColor"

#: Pixels of one panel: two are as wide as the text column, one fits a phone.
PANEL_WIDTH = 290
_CONFIG = {
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.15,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12},
    "text": {"color": INK, "fontSize": 13},
}
_TEMPLATE = """<figure class="interactive-figure" id="{name}">
<img src="data:image/png;base64,{image}" alt="{alt}" width="{width}">
<script type="application/json">{spec}</script>
<script>
(function () {{
  if (document.querySelector('script[src*="interactive.js"]')) return;
  const load = (name) => new Promise((done, failed) => {{
    const script = document.createElement("script");
    script.src = "{cdn}/" + name;
    script.onload = done;
    script.onerror = failed;
    document.head.appendChild(script);
  }});
  load("vega@{vega}").then(() => load("vega-lite@{lite}")).then(
    () => load("vega-embed@{embed}")
  ).then(() => {{
    const figure = document.getElementById("{name}");
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const place = document.createElement("div");
    figure.replaceChildren(place);
    vegaEmbed(place, spec, {{ renderer: "svg", actions: false }});
  }});
}})();
</script>
</figure>"""


@dataclass(frozen=True)
class InteractiveFigure:
    """A chart with sliders, and what a screen reader says of it."""

    chart: alt.TopLevelMixin
    description: str

    @property
    def spec(self) -> dict[str, Any]:
        """The chart as Vega-Lite."""
        spec = self.chart.to_dict()
        spec["description"] = self.description
        spec["config"] = _CONFIG
        # names that altair numbers through a session would differ from run to run
        return dict(json.loads(_renumbered(json.dumps(spec))))

    def png(self) -> bytes:
        """The chart as it stands before anything is moved; Colab lacks what draws it."""
        import vl_convert

        return bytes(vl_convert.vegalite_to_png(json.dumps(self.spec), scale=2))

    def _repr_html_(self) -> str:
        spec = json.dumps(self.spec, separators=(",", ":"), ensure_ascii=False)
        try:
            image = self.png()
        except ModuleNotFoundError:  # in Colab, where the script can be fetched
            image = b""
        width = int.from_bytes(image[16:20], "big") // 2 if image else 0
        return _TEMPLATE.format(
            name=f"figure-{hashlib.sha256(spec.encode()).hexdigest()[:12]}",
            image=base64.b64encode(image).decode(),
            alt=html.escape(self.description, quote=True),
            width=width,
            spec=spec.replace("</", "<\\/"),
            cdn=_CDN,
            vega=alt.VEGA_VERSION,
            lite=alt.VEGALITE_VERSION,
            embed=alt.VEGAEMBED_VERSION,
        )


def reading(table: pd.DataFrame, condition: str) -> alt.Chart:
    """The chosen numbers in words."""
    lines = int(table["text"].str.count("\n").max()) + 1
    chosen = words(table, lines, fontWeight="bold").transform_filter(condition)
    return chosen.properties(name="reading")  # by which the page's script finds it


def words(table: pd.DataFrame, lines: int, **style: Any) -> alt.Chart:
    """Text of several lines, in the upper left."""
    return (
        alt.Chart(table)
        .mark_text(align="left", baseline="top", lineBreak="\n", lineHeight=17, **style)
        .encode(x=alt.value(0), y=alt.value(2), text="text:N")
        .properties(width=PANEL_WIDTH, height=17 * lines + 4)
    )


def _renumbered(spec: str) -> str:
    """Number what altair named through its session, so that every run writes the same."""
    seen: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return seen.setdefault(match[0], f"{match[1]}_{len(seen) + 1}")

    return re.sub(r"\b(view|param)_\d+\b", name, spec)
