"""The HTML book, built by Jupyter Book 1.x from executed copies of the chapters.

A source folder is put together from the configuration, the pages and the executed notebooks, at
the same relative paths as in the repository, so that links and the table of contents hold.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import altair as alt
import vl_convert

_CONFIGURATION = ("_config.yml", "_toc.yml")
_NOT_RENDERED = shutil.ignore_patterns(".*", "profiles", "course", "tools", "__pycache__")
_ANSI_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_TELLING = re.compile(r"WARNING|ERROR|[Ee]rror: ")
# the theme has its icons as fonts, too; as a script they are more than half a megabyte a page
_ICON_SCRIPT = re.compile(
    r"<(?:script|link)\b[^>]*scripts/fontawesome\.js[^>]*>(?:</script>)?", re.IGNORECASE
)
#: Pages that have moved, within the book: where it links to from elsewhere leads on.
MOVED = {
    "06_results": "09_how_sure_are_we",
    "07_compression": "04_layer_pruning",
    "08_emotion": "07_emotion",
    "09_more_than_a_temperature": "06_more_than_a_temperature",
    "10_your_own_classifier": "08_your_own_classifier",
    "11_solutions": "10_solutions",
    "results_minilm": "results_recorded",
}
_MOVED_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>This page has moved</title>
<meta http-equiv="refresh" content="0; url={target}.html"></head>
<body><p>This page has moved: <a href="{target}.html">{target}</a>.</p></body></html>
"""
_JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"


class RenderingError(RuntimeError):
    """Jupyter Book failed, or warned: warnings are errors here."""


def stage_sources(book_dir: Path, run_dir: Path) -> Path:
    """Put the book's sources together under ``run_dir/source``.

    A chapter that this run directory has no executed copy of (``--chapters`` left it out) is taken
    as committed. A missing configuration file is a RenderingError.
    """
    source = run_dir / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(book_dir, source / book_dir.name, ignore=_NOT_RENDERED)
    for name in _CONFIGURATION:
        path = book_dir.parent / name
        if not path.is_file():
            raise RenderingError(f"{path} is missing: the book needs it at the top level")
        shutil.copy2(path, source / name)
    for committed in (source / book_dir.name).glob("*.ipynb"):
        executed = run_dir / "notebooks" / committed.name
        if executed.is_file():
            shutil.copy2(executed, committed)
    _bundle_vega(source / book_dir.name / "_static")
    return source


def _bundle_vega(static: Path) -> None:
    """Put what draws the interactive figures beside the book's own script: no page asks a CDN."""
    if static.is_dir():
        version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
        # its stub asks for a snippet, which has a default
        bundle = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
        # its names are its own: some are also those of the theme's scripts
        (static / "vega.js").write_text(f"(function () {{\n{bundle}\n}})();\n", encoding="utf-8")


def render_html(book_dir: Path, run_dir: Path) -> Path:
    """Build ``run_dir/html``; an earlier one is replaced only when the new one is complete.

    Returns:
        The path of ``index.html``.

    Raises:
        RenderingError: Sphinx warned or failed; the message holds its last lines and the path of
            the whole log.
    """
    source = stage_sources(book_dir, run_dir)
    command = [sys.executable, "-c", _JUPYTER_BOOK, "build", "-W", "-n", "--keep-going", "."]
    # the API pages are made from docstrings, also those of `course`
    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    done = subprocess.run(
        command,
        cwd=source,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    output = _ANSI_COLORS.sub("", done.stdout)
    log = run_dir / "html.log"
    log.write_text(output, encoding="utf-8")
    built = source / "_build" / "html"
    # success without a page is what a missing or empty table of contents gives
    if done.returncode != 0 or not (built / "index.html").is_file():
        lines = output.strip().splitlines()
        telling = [line for line in lines if _TELLING.search(line)] or lines[-25:]
        raise RenderingError(
            "\n".join([f"rendering failed, see {log} for all of it:", *telling[:50]])
        )
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_ICON_SCRIPT.sub("", text), encoding="utf-8")
    for old, new in MOVED.items():
        page = built / book_dir.name / f"{old}.html"
        if not page.exists() and page.with_stem(new).exists():
            page.write_text(_MOVED_PAGE.format(target=new), encoding="utf-8")
    html = run_dir / "html"
    shutil.rmtree(html, ignore_errors=True)
    built.replace(html)
    return html / "index.html"
