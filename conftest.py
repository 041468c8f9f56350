"""How ``pytest -n 2 --dist loadfile`` is spread over its workers.

It stands at the top level because it must see both ``tests`` and the chapters in ``book``.
"""

from __future__ import annotations

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
