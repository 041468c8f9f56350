"""Write both locks and environment.yml from the versions installed in this interpreter.

requirements.lock names what the extras `book` and `dev` need, all the way down, and nothing else
that happens to be installed; requirements-bench.lock what `bench` needs besides. environment.yml
pins the direct dependencies to the same versions as requirements.lock.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("book", "dev")
HEADER = """\
# Derived by `make lock` from pyproject.toml and the installed versions; do not edit by hand.
"""


def direct_requirements(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def installed_version(name: str) -> str:
    """The public part: 2.13.0+cpu is 2.13.0 wherever there is no such build."""
    return importlib.metadata.version(name).split("+")[0]


def closure(requirements: list[Requirement]) -> dict[str, str]:
    """Names and versions of the requirements and of all that they require here."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(requirement, "") for requirement in requirements]
    while todo:
        requirement, parent_extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": parent_extra}):
            continue
        name = canonicalize_name(requirement.name)
        versions[name] = installed_version(name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for line in importlib.metadata.requires(name) or []:
                todo.append((Requirement(line), extra))
    return versions


def write_lock(name: str, versions: dict[str, str]) -> None:
    lines = [f"{package}=={version}\n" for package, version in sorted(versions.items())]
    (ROOT / name).write_text(HEADER + "".join(lines), encoding="utf-8")


def main() -> None:
    requirements = direct_requirements(*EXTRAS)
    locked = closure(requirements)
    write_lock("requirements.lock", locked)
    more = closure(direct_requirements(*EXTRAS, "bench"))
    write_lock("requirements-bench.lock", {k: v for k, v in more.items() if k not in locked})
    names = sorted({canonicalize_name(requirement.name) for requirement in requirements})
    lines = ["name: ambiguity-lib", "channels: [conda-forge]", "dependencies:"]
    lines += ["  - python=3.11", "  - pip", "  - pip:"]
    lines += [f"      - {name}=={installed_version(name)}" for name in names]
    lines += ["      - --editable ."]
    (ROOT / "environment.yml").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
