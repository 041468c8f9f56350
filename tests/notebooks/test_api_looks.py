"""Signatures and types of the API reference (book/_ext/api_looks.py)."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.addnodes import pending_xref, pending_xref_condition

EXTENSION = Path(__file__).resolve().parents[2] / "book" / "_ext" / "api_looks.py"


@dataclass
class Part:
    size: int = 1


@dataclass
class Whole:
    name: str
    part: Part = field(default_factory=Part)
    names: dict[str, str] = field(default_factory=dict)
    long: Part = field(default_factory=lambda: Part(size=2))
    share: float = 1 / 3


class Spoken(Protocol):
    def speak(self) -> None: ...


@pytest.fixture(scope="module")
def looks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("api_looks", EXTENSION)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        (
            Whole,
            f"(name, part=<factory>, names=<factory>, long=<factory>, share={1 / 3})",
            "(name, part=Part(), names={}, long=..., share=1/3)",
        ),
        (Spoken, "(*args, **kwargs)", ""),
        (Part, "(share=0.123456789012345)", "(share=0.123456789012345)"),
        (Part, None, None),
    ],
)
def test_a_signature_shows_real_defaults(
    looks: ModuleType, value: Any, before: str | None, after: str | None
) -> None:
    assert looks.signature(None, "class", "x", value, None, before, "r") == (after, "r")


def test_a_type_without_a_page_is_shown_by_its_last_part(looks: ModuleType) -> None:
    short, whole = nodes.emphasis("", "DataFrame"), nodes.emphasis("", "pandas.DataFrame")
    both = [
        pending_xref_condition("", "", short, condition="resolved"),
        pending_xref_condition("", "", whole, condition="*"),
    ]
    node = pending_xref("", *both, refdomain="py", reftarget="pandas.DataFrame")
    assert looks.short_type(None, None, node, short) is short
    written = pending_xref("", whole, refdomain="py", reftarget="pandas.DataFrame")
    assert looks.short_type(None, None, written, whole) is None


def test_the_blank_line_that_ends_a_doctest_is_not_shown(looks: ModuleType) -> None:
    document = new_document("page")
    document += [nodes.literal_block(text, text) for text in (">>> 1\n1\n", "shell\n")]
    looks.no_last_blank(None, document)
    assert [box.astext() for box in document.children] == [">>> 1\n1", "shell\n"]
