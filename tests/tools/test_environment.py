"""The files that say which packages, commands and versions belong together agree."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import ambiguity_lib
from ambiguity_lib.study import load_profile

ROOT = Path(__file__).resolve().parents[2]

# modules whose distribution is named otherwise, or comes with another that is declared
DISTRIBUTIONS = {
    "requests": "pooch",
    "bs4": "beautifulsoup4",
    "cycler": "matplotlib",
    "IPython": "ipykernel",
    "PIL": "matplotlib",
    "pyarrow": "datasets",
    "sklearn": "scikit-learn",
    "tokenizers": "transformers",
    "traitlets": "ipykernel",
    "vl_convert": "vl-convert-python",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
}

OWN = {"ambiguity_lib", "benchmarks", "tests", *(path.stem for path in ROOT.glob(".ci/*.py"))}

# README command -> what runs it (CONTRIBUTING.md has the same in words)
RUN_BY = {
    "git clone https://github.com/ambiguity-book/ambiguity-lib": "the checkout itself",
    "cd ambiguity-lib": "the checkout itself",
    "make book": ".ci/run",
    "make test": ".ci/run",
    "make test-colab": ".ci/run",
    "make install": "make book calls it",
    ".venv/bin/pip install jupyterlab": "nothing; make book uses the same kernel without it",
    ".venv/bin/jupyter lab book": "nothing; make book uses the same kernel without it",
    "make pdf": "tests/browser/test_book.py prints the page; CI renders the book only once",
    "make check-derived": ".ci/run",
    "make weights": ".ci/run",
    "make wheels WHEELS=/path/to/wheels": "in .ci/run, with a folder of its own",
    "make install weights WHEELS=/path/to/wheels": "in .ci/run, with a folder of its own",
    "make bench": ".ci/run, in its quick form: the whole takes a quarter of an hour",
    "export AMBIGUITY_DATA_DIR=/path/to/data": ".ci/run",
    ".venv/bin/ambiguity-lib data fetch": "tests/cli/test_book.py; CI has no network",
    ".venv/bin/ambiguity-lib data check train.csv": "tests/cli/test_readme.py",
    ".venv/bin/ambiguity-lib compress --model bert-base-uncased --data train.csv "
    "--output student": "tests/cli/test_readme.py, with a tiny model of that name",
    ".venv/bin/ambiguity-lib report student": "tests/cli/test_readme.py",
    'echo "It was fine, I suppose." | .venv/bin/ambiguity-lib predict --model student': (
        "tests/cli/test_readme.py"
    ),
    ".venv/bin/ambiguity-lib evaluate --model student --data votes.jsonl": (
        "tests/cli/test_readme.py"
    ),
    ".venv/bin/ambiguity-lib probe --model bert-base-uncased --data train.csv --validation "
    "validation.csv": "tests/cli/test_readme.py",
    "make book PROFILE=minilm": "tests/notebooks/test_smoke.py, with fewer items",
    "conda env create -f environment.yml": "make check-derived has its versions; no conda in CI",
    "conda activate ambiguity-lib": "make check-derived has its versions; no conda in CI",
    "ambiguity-lib book": "make book calls it",
    ".venv/bin/ambiguity-lib book --chapters 03,04 --execute-only": "test_resume.py",
    ".venv/bin/ambiguity-lib sweep --profile synthetic --seeds 0-1 --methods teacher,distilled": (
        "tests/test_sweep.py, under the smoke profile"
    ),
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["project"])


@pytest.fixture(scope="module")
def direct(project: dict[str, Any]) -> dict[str, Requirement]:
    extras = (project["optional-dependencies"][extra] for extra in ("book", "dev"))
    return requirements_of(
        [*project["dependencies"], *(line for extra in extras for line in extra)]
    )


@pytest.fixture(scope="module")
def peers(project: dict[str, Any]) -> dict[str, Requirement]:
    return requirements_of(project["optional-dependencies"]["bench"])


def requirements_of(lines: list[str]) -> dict[str, Requirement]:
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(item.name): item for item in requirements}


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return pins_of("requirements.lock")


def pins_of(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {name: version for name, version in pins}


def test_lock_satisfies_every_direct_requirement(
    direct: dict[str, Requirement], lock: dict[str, str]
) -> None:
    assert {name for name in direct if name not in lock} == set()
    for name, requirement in direct.items():
        assert requirement.specifier.contains(lock[name], prereleases=True), name


def test_what_is_locked_installs_on_the_oldest_python(
    project: dict[str, Any], lock: dict[str, str]
) -> None:
    """Debian's Python is an early patch release, for which pip would refuse some versions."""
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    for name in lock:
        needed = importlib.metadata.metadata(name).get("Requires-Python")
        assert SpecifierSet(needed or "").contains(oldest), f"{name} needs Python {needed}"


def test_peers_have_a_lock_of_their_own(
    peers: dict[str, Requirement], lock: dict[str, str]
) -> None:
    more = pins_of("requirements-bench.lock")
    assert not set(more) & set(lock)
    for name, requirement in peers.items():
        assert requirement.specifier.contains(more[name], prereleases=True), name


def test_conda_environment_has_a_python_that_will_do(project: dict[str, Any]) -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    *conda, _ = yaml.safe_load(text)["dependencies"]
    assert [re.split("[=<>]", line)[0] for line in conda] == ["python", "pip"]
    python = conda[0].removeprefix("python=")
    requires = Requirement(f"python{project['requires-python']}").specifier
    assert requires.contains(f"{python}.0")


def test_lower_bounds_admit_colab(direct: dict[str, Requirement]) -> None:
    """Colab's packages of August 2026 (`.ci/colab-requirements.txt`); users keep what they have."""
    colab = {
        "torch": "2.11",
        "transformers": "5.15",
        "datasets": "4.0",
        "numpy": "2.1",
        "pandas": "2.2",
        "accelerate": "1.14",
    }
    for name, version in colab.items():
        assert direct[name].specifier.contains(version), name


@pytest.mark.parametrize("folder", ["ambiguity_lib", "benchmarks", "tests", ".ci"])
def test_every_import_is_declared(folder: str, direct: dict[str, Requirement]) -> None:
    undeclared = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in {name.split(".")[0] for name in names}:
                known = name in sys.stdlib_module_names or name in OWN
                distribution = canonicalize_name(DISTRIBUTIONS.get(name, name))
                if not known and distribution not in direct:
                    undeclared.add(f"{path.relative_to(ROOT)}: {name}")
    assert undeclared == set()


def test_one_version_everywhere() -> None:
    assert importlib.metadata.version("ambiguity-lib") == ambiguity_lib.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)[0] == (
        ambiguity_lib.__version__
    )


def _commands(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_every_command_of_the_readme_is_run_somewhere() -> None:
    commands = _commands("README.md")
    assert "make book" in commands
    assert "make test" in commands
    assert [command for command in commands if command not in RUN_BY] == []


def test_ci_runs_what_it_is_said_to_run() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in lines
    assert "export AMBIGUITY_DATA_DIR" in text
    for command, place in RUN_BY.items():
        if place.startswith(".ci/run") and command.startswith("make"):
            assert command in [line.partition(" ARGS=")[0] for line in lines]
    assert lines[-1] == "make test", "the summary of the tests must be the last thing printed"


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"))
        assert set(named) <= targets, page


def test_the_weights_package_is_the_one_that_the_profile_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    match = re.search(r"^WEIGHTS := ([\w-]+)==", makefile, re.MULTILINE)
    package = load_profile("minilm").model.package
    assert match and package
    assert package.split("/")[0] == match.group(1).replace("-", "_")


def test_readme_has_one_line_for_every_module_and_profile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    modules = {
        path.name + ("/" if path.is_dir() else "")
        for path in (ROOT / "ambiguity_lib").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").is_file())
        and not path.name.startswith("_")
    }
    profiles = {path.stem for path in (ROOT / "book" / "profiles").glob("*.yml")}
    missing = {name for name in modules | profiles if f"`{name}`" not in readme}
    assert missing == set()
