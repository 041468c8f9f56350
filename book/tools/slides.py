"""Slides of the book's main figures and their captions, one HTML file that opens without a network.

    make slides

They are taken from the executed notebooks, so they show what the book shows: the title of each
chapter, then its figures. Arrow keys, space and clicks go on and back; printed, each has a page.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from ambiguity_lib.store import written_whole
from ambiguity_lib.study.paths import project_root, run_directory

_FIGURE = re.compile(r'<figure class="side-by-side".*?</figcaption></figure>', re.DOTALL)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Learning from disagreement: slides</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ margin: 0; font: 1.25rem/1.4 system-ui, sans-serif; color: #111; background: #fff; }}
section {{ display: none; min-height: 100vh; box-sizing: border-box; padding: 2vh 4vw; }}
section:target, body:not(:has(:target)) section:first-of-type {{ display: block; }}
figure.side-by-side > div:nth-of-type(2) {{ zoom: 1.5; }}
figcaption {{ max-width: 60rem; margin: 0 auto; }}
h2 {{ text-align: center; }}
@media print {{ section {{ display: block; break-after: page; }} }}
</style></head><body>
{slides}
<script>
const last = document.querySelectorAll("section").length;
function go(step) {{
  const now = Number((location.hash || "#s1").slice(2));
  location.hash = "s" + Math.min(last, Math.max(1, now + step));
}}
addEventListener("keydown", (event) => {{
  if (["ArrowRight", " ", "PageDown"].includes(event.key)) go(1);
  if (["ArrowLeft", "PageUp"].includes(event.key)) go(-1);
}});
addEventListener("click", (event) => go(event.clientX < innerWidth / 3 ? -1 : 1));
</script></body></html>
"""


def slides_of(notebook: Path) -> list[tuple[str, str]]:
    """Title and figure of each slide of a notebook, in its order."""
    cells = nbformat.read(notebook, as_version=4).cells
    title = cells[0].source.partition("\n")[0].removeprefix("# ")
    texts = [
        output["data"].get("text/html", "")
        for cell in cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    return [(title, figure) for text in texts for figure in _FIGURE.findall(text)]


def write_slides(notebooks: list[Path], path: Path) -> int:
    """Write the slides of these notebooks; returns how many there are."""
    found = [slide for notebook in notebooks for slide in slides_of(notebook)]
    if not found:
        raise ValueError(f"no figures in {', '.join(map(str, notebooks)) or 'no notebooks'}")
    sections = "\n".join(
        f'<section id="s{number}"><h2>{html.escape(title)}</h2>{figure}</section>'
        for number, (title, figure) in enumerate(found, 1)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text(_PAGE.format(slides=sections), encoding="utf-8")
    return len(found)


def main(
    profile: Annotated[str, typer.Option(help="Of whose run; else as committed.")] = "synthetic",
) -> None:
    """Write slides.html beside the profile's run."""
    run = run_directory(profile)
    book, executed = project_root() / "book", run / "notebooks"
    names = ["intro.ipynb", *(path.name for path in sorted(book.glob("[0-9][0-9]_*.ipynb")))]
    chosen = [executed / name if (executed / name).is_file() else book / name for name in names]
    path = run / "slides.html"
    print(f"{write_slides(chosen, path)} slides: {path}")


if __name__ == "__main__":
    typer.run(main)
