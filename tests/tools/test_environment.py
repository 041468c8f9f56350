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

OWN = {
    "ambiguity_lib",
    "benchmarks",
    "course",
    "tests",
    "tools",
    "glossary_hover",
    *(path.stem for path in ROOT.glob(".ci/*.py")),
}

# what runs the commands of the README that `.ci/run` does not run itself
RUN_BY = {
    "git clone https://github.com/ambiguity-book/ambiguity-lib": "the checkout itself",
    "cd ambiguity-lib": "the checkout itself",
    "conda env create -f environment.yml": "make check-derived has its versions; no conda in CI",
    "conda activate ambiguity-lib": "make check-derived has its versions; no conda in CI",
    "python book/tools/run.py": "make book calls it",
    ".venv/bin/python book/tools/run.py --chapters 03,04 --execute-only": "test_resume.py",
    "export AMBIGUITY_DATA_DIR=/path/to/data": ".ci/run",
    "make book PROFILE=minilm": "tests/notebooks/test_smoke.py, with fewer items",
    ".venv/bin/ambiguity-lib data fetch": "tests/practice/cli; CI has no network",
    ".venv/bin/ambiguity-lib sweep --profile synthetic --seeds 0-1 --methods teacher,distilled": (
        "tests/study/test_sweep.py, under the smoke profile"
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


@pytest.mark.parametrize("folder", ["ambiguity_lib", "benchmarks", "book", "tests", ".ci"])
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


def _commands(text: str) -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_every_command_of_the_readme_is_run_somewhere() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    in_ci = {line.partition(" ARGS=")[0] for line in run if line.startswith("make ")}
    section = "## Your own classifier"  # tests/practice/cli/test_readme.py runs all of it
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    own = _commands(text[text.index(section) : text.index("## Profiles")])
    assert own and {"make book", "make test"} <= in_ci
    others = [command for command in _commands(text) if command not in in_ci | set(own)]
    assert others == [command for command in others if command in RUN_BY]


def test_ci_stops_at_the_first_failure_and_ends_with_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text.splitlines()
    assert "export AMBIGUITY_DATA_DIR" in text
    assert text.splitlines()[-1] == "make test", "the summary of the tests must be the last thing"


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


def test_readme_has_every_room_and_profile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rooms = {f"ambiguity_lib/{path.parent.name}/" for path in ROOT.glob("ambiguity_lib/*/*.py")}
    profiles = {path.stem for path in (ROOT / "book" / "profiles").glob("*.yml")}
    assert {name for name in rooms | profiles if f"`{name}`" not in readme} == set()


@pytest.mark.parametrize(("page", "lines"), [("README.md", 150), ("CONTRIBUTING.md", 120)])
def test_what_everyone_should_read_is_short(page: str, lines: int) -> None:
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= lines


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^):]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
