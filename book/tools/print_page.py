"""The whole book as one page to print: title, contents, then every page in that order.

It is put together from the rendered pages, so that what is printed is what is read. Prints from
below ``html/`` as any page does; nothing is asked of a network. Needs the extra ``book``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

from ambiguity_lib.store import written_whole

#: The page's name, in the folder of the HTML.
NAME = "print.html"

_LOOKS = Path("_static") / "print.css"
# of no use on paper; Vega would draw the figures with sliders anew, whose pictures are printed
_LEFT_OUT = (
    "a.headerlink, span.definition, button, figure.interactive-figure script, link, "
    "a:has(> img[src*='badge']), .sd-summary-state-marker, p.expanded"
)
_PAGE = """\
<!DOCTYPE html>
<html lang="en" data-content_root="./" data-theme="light" data-mode="light">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
{head}
<link rel="stylesheet" href="{looks}"/>
</head>
<body>
<header class="print-cover"><h1>{title}</h1><p>{author}</p><p>{note}</p></header>
<nav class="print-contents" aria-label="Contents"><h1>Contents</h1>{contents}</nav>
<main class="bd-main">{pages}</main>
</body>
</html>
"""


def write_print_page(html: Path, toc: Path, config: Path) -> Path:
    """Write ``html/print.html`` from the rendered pages; title and author are the config's."""
    parts = yaml.safe_load(toc.read_text(encoding="utf-8"))
    about = yaml.safe_load(config.read_text(encoding="utf-8"))
    groups = [("", [parts["root"]])]
    groups += [(part["caption"], [c["file"] for c in part["chapters"]]) for part in parts["parts"]]
    names = [name for _, group in groups for name in group]
    articles = {name: _article(html, name, names) for name in names}
    text = _PAGE.format(
        title=about["title"],
        author=about["author"],
        note=f"© {about['copyright']} · text and figures CC BY 4.0, code MIT",
        head=_head(html / f"{names[0]}.html"),
        looks=_LOOKS.as_posix(),
        contents="".join(_contents(*group, articles) for group in groups),
        pages="\n".join(str(article) for article in articles.values()),
    )
    with written_whole(html / NAME) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return html / NAME


def _anchor(name: str, fragment: str = "") -> str:
    """An id that no other page has: ``book/api/index`` and ``x`` make ``book-api-index--x``."""
    return name.replace("/", "-") + (f"--{fragment}" if fragment else "")


def _article(html: Path, name: str, names: Sequence[str]) -> Tag:
    """A page's text; its ids are its own, and its links and pictures hold at the top level."""
    path = html / f"{name}.html"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: `make book` renders it")
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article.bd-article")
    if article is None:
        raise ValueError(f"{path} has no article: has the theme changed?")
    for found in article.select(_LEFT_OUT):
        found.decompose()
    for details in article.select("details"):
        details["open"] = ""
    for tag in article.select("[id]"):
        tag["id"] = _anchor(name, str(tag["id"]))
    for attribute in ("aria-describedby", "aria-labelledby"):
        for tag in article.select(f"[{attribute}]"):
            del tag[attribute]
    for tag in article.select("[href], [src]"):
        attribute = "href" if tag.has_attr("href") else "src"
        tag[attribute] = _address(str(tag[attribute]), name, names)
    article["id"] = _anchor(name)
    return article


def _address(address: str, name: str, names: Sequence[str]) -> str:
    """Where a link or picture of the page ``name`` is, seen from the page that is printed."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    if not parts.path:
        return f"#{_anchor(name, parts.fragment)}"
    target = normpath((PurePosixPath(name).parent / parts.path).as_posix())
    if (page := target.removesuffix(".html")) in names:
        return f"#{_anchor(page, parts.fragment)}"
    return target


def _head(page: Path) -> str:
    """The styles of a rendered page, and its formulas' script."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    tags = [
        *soup.select("head link[rel=stylesheet]"),
        *(
            s
            for s in soup.select("head script")
            if "mathjax" in (str(s.get("src")) + s.text).lower()
        ),
    ]
    for tag in tags:
        for attribute in ("href", "src"):
            if tag.has_attr(attribute):
                tag[attribute] = str(tag[attribute]).replace("../", "", 1)
    return "\n".join(str(tag) for tag in tags)


def _contents(caption: str, names: Sequence[str], articles: dict[str, Tag]) -> str:
    lines = []
    for name in names:
        heading = articles[name].find("h1")
        title = heading.get_text() if heading else name
        lines.append(f'<li><a href="#{_anchor(name)}">{title}</a></li>')
    head = f"<h2>{caption}</h2>" if caption else ""
    return f"{head}<ul>{''.join(lines)}</ul>"


if __name__ == "__main__":
    from ambiguity_lib.study.paths import project_root

    root = project_root()
    print(write_print_page(Path(sys.argv[1]), root / "_toc.yml", root / "_config.yml"))
