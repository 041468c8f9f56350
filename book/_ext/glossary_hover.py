"""Definitions where a term is used: links to the glossary show the definition's first sentence.

A reader who points at a link to a term, or reaches it by the keyboard, sees the sentence in a box
below the line; a screen reader reads it as the link's description. Pages write ``{term}``, which a
reader of a notebook would see raw; so there an *emphasised* word that the glossary has becomes the
link, once a chapter, where it first stands. The looks are in
``_static/glossary_hover.css``. Escape closes the box (``_static/glossary_hover.js``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

_logger = logging.getLogger(__name__)
_FIRST_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)


class described_link(nodes.reference):
    """A link to a term; ``describedby`` is the id of the box with its definition."""


class definition_box(nodes.inline):
    """The box. Its text is an attribute, so that the search index does not have it again."""


class Definitions:
    """The first sentence of every glossary entry, by the anchor of its term."""

    def __init__(self) -> None:
        self.sentences: dict[str, str] = {}

    def collect(self, app: Sphinx, env: BuildEnvironment) -> None:
        """Read all glossaries, once all pages have been read."""
        self.sentences = {}
        pages = {
            page for _, _, kind, page, _, _ in env.get_domain("std").get_objects() if kind == "term"
        }
        for page in sorted(pages):
            for glossary in env.get_doctree(page).findall(addnodes.glossary):
                for entry in glossary.findall(nodes.definition_list_item):
                    sentence = _first_sentence(entry)
                    for term in entry.findall(nodes.term):
                        self.sentences |= {anchor: sentence for anchor in term["ids"]}

    def attach(self, app: Sphinx, doctree: nodes.document, page: str) -> None:
        """Put a box behind every link to a term."""
        if app.builder.format != "html":
            return
        for number, link in enumerate(list(_term_links(doctree)), start=1):
            anchor = link.get("refid") or link["refuri"].partition("#")[2]
            name = f"definition-{number}"
            described = described_link("", "", *link.children, **link.attributes)
            described["describedby"] = name
            box = definition_box(ids=[name], sentence=self.sentences[anchor])
            link.replace_self(nodes.inline("", "", described, box, classes=["term"]))


_ENTRIES = re.compile(r"```\{glossary\}\n:sorted:\n(.*?)^```", re.DOTALL | re.MULTILINE)


def glossary_terms(text: str) -> list[str]:
    """The entries of a glossary page's source."""
    return [
        term
        for block in _ENTRIES.findall(text)
        for term in re.findall(r"^(\S.*)$", block, re.MULTILINE)
    ]


def link_emphasis(app: Sphinx, doctree: nodes.document) -> None:
    """Make links of the emphasised terms of a notebook, each at its first place."""
    if not app.env.doc2path(app.env.docname).endswith(".ipynb"):
        return
    page = Path(app.srcdir, "book", "glossary.md")
    if not page.is_file():
        return
    terms = {term.lower(): term for term in glossary_terms(page.read_text(encoding="utf-8"))}
    for node in list(doctree.findall(nodes.emphasis)):
        text = node.astext()
        known = next(
            (t for t in (text.lower(), text.lower().removesuffix("s")) if t in terms), None
        )
        if known is None or node.children[0].__class__ is not nodes.Text:
            continue
        link = addnodes.pending_xref(
            "",
            nodes.emphasis(text, text, classes=["xref", "std", "std-term"]),
            refdomain="std",
            reftype="term",
            reftarget=terms.pop(known),
            refexplicit=True,
            refwarn=True,
            refdoc=app.env.docname,
        )
        node.replace_self(link)


def _term_links(doctree: nodes.document) -> Iterator[nodes.reference]:
    for link in doctree.findall(nodes.reference):
        first = link.children[0] if link.children else None
        if isinstance(first, nodes.Element) and "std-term" in first["classes"]:
            yield link


def _first_sentence(entry: nodes.definition_list_item) -> str:
    """Plain text up to the first full stop; a definition that has none there gets a warning."""
    text = ""
    for node in next(iter(entry.findall(nodes.paragraph)), nodes.paragraph()).children:
        if isinstance(node, (nodes.math, nodes.image)):
            break
        text += node.astext()
        if match := _FIRST_SENTENCE.match(text):
            return " ".join(match[0].split())
    name = next(iter(entry.findall(nodes.term))).astext()
    _logger.warning(
        "glossary entry %r: its first sentence must be plain text and end with a full stop, "
        "since it is shown where the term is used",
        name,
        location=entry,
    )
    return " ".join(text.split())


def _visit_link(self: HTML5Translator, node: described_link) -> None:
    self.visit_reference(node)
    tag = self.body[-1]
    self.body[-1] = tag.replace("<a ", f'<a aria-describedby="{node["describedby"]}" ', 1)


def _depart_link(self: HTML5Translator, node: described_link) -> None:
    self.depart_reference(node)


def _visit_box(self: HTML5Translator, node: definition_box) -> None:
    start = self.starttag(node, "span", "", CLASS="definition", role="tooltip")
    self.body.append(f"{start}{self.encode(node['sentence'])}</span>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    definitions = Definitions()
    app.add_node(described_link, html=(_visit_link, _depart_link))
    app.add_node(definition_box, html=(_visit_box, None))
    app.connect("doctree-read", link_emphasis)
    app.connect("env-updated", definitions.collect)
    app.connect("doctree-resolved", definitions.attach)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
