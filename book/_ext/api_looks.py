"""How the API reference looks: defaults and types as a reader would write them.

Sphinx shows the default of a field that a function makes as ``<factory>``, a third as
``0.3333333333333333``, the type of a field with its whole path, and the blank line that ends a
doctest in a page as an empty line of the box.
"""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref, pending_xref_condition
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

_FACTORY = re.compile(r"<factory>")
_LONG_FLOAT = re.compile(r"\d+\.\d{12,}")
_ANYTHING = "(*args, **kwargs)"


def signature(
    app: Sphinx, what: str, name: str, obj: Any, options: object, text: str | None, result: str
) -> tuple[str | None, str]:
    """A signature with its real defaults; none for a protocol, which nobody calls."""
    if text is None:
        return text, result
    if getattr(obj, "_is_protocol", False) and text == _ANYTHING:
        return "", result
    if what == "class" and dataclasses.is_dataclass(obj):
        made = iter(
            _made(field.default_factory)
            for field in dataclasses.fields(obj)
            if field.default_factory is not dataclasses.MISSING
        )
        text = _FACTORY.sub(lambda match: next(made), text)
    return _LONG_FLOAT.sub(_fraction, text), result


def _made(factory: Any) -> str:
    """What a field is by default: an empty container, ``Settings()``, or too long to say."""
    if factory in (dict, list, set, tuple):
        return repr(factory())
    return f"{factory.__name__}()" if isinstance(factory, type) else "..."


def _fraction(match: re.Match[str]) -> str:
    """A float that is a simple fraction, as that one."""
    near = Fraction(match[0]).limit_denominator(100)
    return str(near) if float(near) == float(match[0]) else match[0]


def short_type(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.TextElement | None:
    """The last part of a type's path, where the type has no page here to lead to.

    Sphinx has both in a node, and shows the whole path where nothing is found.
    """
    both = node.children and isinstance(node[0], pending_xref_condition)
    return shown if both and node.get("refdomain") == "py" else None


def no_last_blank(app: Sphinx, document: nodes.document) -> None:
    """Boxes of code without the blank line that doctest needs before the fence."""
    for box in list(document.findall(nodes.literal_block)):
        text = box.astext()
        if text.endswith("\n") and text.startswith(">>>"):
            box.rawsource = text.rstrip("\n")  # highlighted if both are the same
            box.children = [nodes.Text(box.rawsource)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", short_type)
    app.connect("doctree-read", no_last_blank)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
