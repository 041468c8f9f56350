"""How ``pytest -n 2 --dist loadfile`` is spread over its workers, and where examples run.

It stands at the top level because it must see ``tests``, the chapters in ``book``, and the examples
in ``ambiguity_lib``.
"""

from __future__ import annotations

import contextlib
import doctest
import inspect
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """All committed chapters stay on one worker together; else one file, one worker.

    The chapters share trained models: on two workers, both would train what neither has found yet.
    xdist's own way, groups, has no effect with pytest 9.2.
    """
    if config.getvalue("dist") != "loadfile":
        return None  # xdist's own scheduler
    from xdist.scheduler import LoadFileScheduling

    class ChaptersTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "chapters" if file.endswith(".ipynb") else file

    return ChaptersTogether(config, log)


API_FILES = Path(__file__).resolve().parent / "book" / "api" / "index.md"
_is_from_module = doctest.DocTestFinder._from_module  # type: ignore[attr-defined]


def _unwrapped_is_from_module(self: Any, module: Any, value: Any) -> bool:
    """Doctest passes over what torch's decorators wrap, since the wrapper is torch's."""
    return bool(_is_from_module(self, module, inspect.unwrap(value) if callable(value) else value))


doctest.DocTestFinder._from_module = _unwrapped_is_from_module  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def example_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that examples read, made as the API reference says."""
    folder = tmp_path_factory.mktemp("examples")
    code = doctest.DocTestParser().get_examples(API_FILES.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {}
    with contextlib.chdir(folder):
        for example in code:
            exec(compile(example.source, API_FILES.name, "single"), namespace)
    return folder


@pytest.fixture(autouse=True)
def _examples_leave_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every example runs in a copy of the files, and what it writes or sets is gone after it."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    monkeypatch = request.getfixturevalue("monkeypatch")
    folder = request.getfixturevalue("tmp_path")
    shutil.copytree(request.getfixturevalue("example_files"), folder / "files", dirs_exist_ok=True)
    monkeypatch.chdir(folder / "files")
    monkeypatch.setenv("AMBIGUITY_BUILD_DIR", str(folder / "build"))
    monkeypatch.delenv("AMBIGUITY_ARTIFACT_DIR", raising=False)
    monkeypatch.delenv("AMBIGUITY_DATA_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    if "ambiguity_lib.models.batches" in sys.modules:
        sys.modules["ambiguity_lib.models.batches"].use_device("auto")
