"""How a run with ``pytest -n 2 --dist loadgroup`` is spread over its workers.

It stands at the top level because it must see both ``tests`` and the chapters in ``book``.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file stays on one worker; all committed chapters stay on one together.

    A notebook's cells need each other. The chapters share trained models: on two workers, both
    would train what neither has found yet.
    """
    for item in items:
        group = "chapters" if item.path.suffix == ".ipynb" else item.nodeid.split("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
