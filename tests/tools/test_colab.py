"""The parts of `.ci/colab.py` (`make test-colab` runs the whole of it)."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from nbformat import v4, write
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    import colab

    return colab


def test_a_package_that_went_or_changed_is_named_and_a_new_one_is_not(colab: ModuleType) -> None:
    before = {"torch": "2.13.0+cpu", "numpy": "2.1.3", "six": "1"}
    after = {"torch": "2.13.0", "numpy": "2.1.3", "ambiguity-lib": "0.1.0"}
    assert colab.changes(before, after) == [
        "six 1 became nothing",
        "torch 2.13.0+cpu became 2.13.0",
    ]
    assert colab.changes(before, before) == []


def test_every_direct_requirement_is_there_in_a_version_that_is_kept(colab: ModuleType) -> None:
    lines = colab.REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and line[0] not in "#-")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chosen_by_pip = {"safetensors"}
    for requirement in map(Requirement, project["dependencies"]):
        name = canonicalize_name(requirement.name)
        assert (name in pins) != (name in chosen_by_pip), name
        assert name not in pins or requirement.specifier.contains(pins[name]), name


def test_what_is_published_is_the_working_tree_under_the_tag(
    colab: ModuleType, tmp_path: Path
) -> None:
    tree, clone = tmp_path / "tree", tmp_path / "clone"
    tree.mkdir()
    (tree / ".gitignore").write_text("_build/\n.venv\n", encoding="utf-8")
    (tree / "new.py").write_text("1\n", encoding="utf-8")
    (tree / "_build").mkdir()
    (tree / "_build" / "large").touch()
    (tree / ".venv").mkdir()
    (tree / ".venv" / "pyvenv.cfg").touch()
    colab.publish(tree, "v9.8.7", tmp_path / "published")
    source = (tmp_path / "published").as_uri()
    command = ["git", "clone", "-q", "--depth=1", "-b", "v9.8.7", source, clone]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(path.name for path in clone.iterdir()) == [".git", ".gitignore", "new.py"]
    assert not (tree / ".git").exists()


def test_the_kernel_sees_nothing_of_the_project(
    colab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "AMBIGUITY_BUILD_DIR", "GIT_DIR"):
        monkeypatch.setenv(name, "the project's")
    environment = colab.kernel_environment(
        Path("python"), tmp_path / "published", tmp_path / "wheels", tmp_path
    )
    assert "the project's" not in environment.values()
    spec = json.loads((tmp_path / "kernels" / "python3" / "kernel.json").read_text("utf-8"))
    assert any("import google.colab" in part for part in spec["argv"])


@pytest.mark.parametrize(
    ("code", "said"), [("1 / 0", "cell 3: ZeroDivisionError"), ("1", "left no record")]
)
def test_a_chapter_that_fails_or_records_nothing_is_reported(
    colab: ModuleType, tmp_path: Path, code: str, said: str
) -> None:
    parameters = v4.new_code_cell("PROFILE = 1", metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = v4.new_notebook(cells=[parameters], metadata={"kernelspec": kernel})
    notebook.cells.append(v4.new_code_cell(code))
    write(notebook, tmp_path / "01_a.ipynb")
    with pytest.raises(colab.ColabError, match=said):
        colab.run_notebook(tmp_path / "01_a.ipynb", tmp_path / "out.ipynb", colab.PROFILE, tmp_path)


def test_an_environment_that_cannot_be_had_is_said_in_a_sentence(
    colab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("--no-index\nambiguity-no-such-package==1\n", encoding="utf-8")
    monkeypatch.setattr(colab, "REQUIREMENTS", requirements)
    with pytest.raises(colab.NoPackages, match="this check needs PyPI"):
        colab.make_environment(tmp_path, sys.executable)
