"""Which room may import which: arrows go one way, and there is no circle (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BASE = {"metrics": set[str](), "store": set[str](), "data": {"metrics", "store"}}
ORDER = ("models", "method", "evaluation", "study", "practice")
#: What a room may import besides itself: every room below it.
MAY_IMPORT = BASE | {name: {*BASE, *ORDER[:place]} for place, name in enumerate(ORDER)}


def _name(path: Path) -> str:
    """``ambiguity_lib.method.recipe``; a package has the name of its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in (ROOT / "ambiguity_lib").rglob("*.py")}


def _imports(source: str, name: str, is_package: bool) -> set[str]:
    """Modules of the library, and others, that a source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: len(name.split(".")) - node.level + is_package]
            start = [*above, *filter(None, [node.module])] if node.level else [node.module or ""]
            module = ".".join(start)
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found.add(inner if inner in MODULES else module)
    return found


@cache
def _imported(name: str) -> frozenset[str]:
    path = MODULES[name]
    text = path.read_text(encoding="utf-8")
    return frozenset(_imports(text, name, path.name == "__init__.py") - {name})


def _room(module: str) -> str | None:
    """``method`` of ``ambiguity_lib.method.recipe``; None for what is in no room of the library."""
    parts = module.split(".")
    return parts[1] if parts[0] == "ambiguity_lib" and len(parts) > 1 else None


def _is_top(name: str) -> bool:
    """The package itself and ``python -m ambiguity_lib``, which are in no room."""
    return name in ("ambiguity_lib", "ambiguity_lib.__main__")


def test_every_module_is_in_a_room() -> None:
    rooms = {_room(name) for name in MODULES if not _is_top(name)}
    assert rooms == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    upwards = {
        f"{name} imports {other}"
        for name in MODULES
        if _room(name) == room
        for other in _imported(name)
        if _room(other) not in {None, room, *MAY_IMPORT[room]}
    }
    assert upwards == set()


def test_the_library_imports_nothing_of_the_book() -> None:
    book = {"course", "tools", "benchmarks", "tests"}
    found = {(n, other) for n in MODULES for other in _imported(n) if other.split(".")[0] in book}
    assert found == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A room's own ``__init__`` counts where it is imported from, as for Python."""
    graph = {name: {other for other in _imported(name) if other in MODULES} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    from ambiguity_lib.study import Experiment", "ambiguity_lib.study"),
        ("if TYPE_CHECKING:\n    import ambiguity_lib.study.sweep", "ambiguity_lib.study.sweep"),
        ("from ambiguity_lib import store", "ambiguity_lib.store"),
        ("from . import recipe", "ambiguity_lib.method.recipe"),
        ("from ..study import paths", "ambiguity_lib.study.paths"),
    ],
)
def test_an_import_is_seen_wherever_it_stands(source: str, found: str) -> None:
    assert _imports(source, "ambiguity_lib.method.layers", is_package=False) == {found}


@pytest.mark.parametrize(
    ("imported", "heavy"),
    [
        ("ambiguity_lib.practice.cli", ["torch", "pandas", "papermill", "matplotlib"]),
        ("ambiguity_lib.study, ambiguity_lib.practice.compress", ["transformers.modeling_utils"]),
    ],
    ids=["the package and its help", "a process that loads no model"],
)
def test_what_is_heavy_is_imported_when_it_is_needed(imported: str, heavy: list[str]) -> None:
    code = f"import sys, {imported}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
