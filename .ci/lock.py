"""Write both locks and environment.yml from the versions installed in this interpreter.

requirements.lock names what the extras `book` and `dev` need, all the way down, and nothing else
that happens to be installed; requirements-bench.lock what `bench` needs besides. environment.yml
pins the direct dependencies to the same versions as requirements.lock.

What the locks name is what CI's platform needs, wherever this runs, so that all machines write the
same files.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("book", "dev")
# CI's platform
PLATFORM = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
}
HEADER = """\
# Derived by `make lock` from pyproject.toml and the installed versions; do not edit by hand.
"""


def direct_requirements(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def locked_version(name: str) -> str | None:
    for lock in ("requirements.lock", "requirements-bench.lock"):
        for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
            package, _, version = line.partition("==")
            if package == name:
                return version
    return None


def installed_version(name: str) -> str:
    """The public part: 2.13.0+cpu is 2.13.0 wherever there is no such build."""
    return importlib.metadata.version(name).split("+")[0]


def version_of(name: str, may_be_absent: bool) -> str:
    """The installed version; what only another platform needs stays as it is locked."""
    try:
        return installed_version(name)
    except importlib.metadata.PackageNotFoundError:
        locked = locked_version(name) if may_be_absent else None
        if locked is None:
            raise
        return locked


def requires(name: str) -> list[str]:
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []  # another platform's


def closure(requirements: list[Requirement]) -> dict[str, str]:
    """Names and versions of the requirements and of all that they require on CI's platform.

    torch's builds for Linux with and without CUDA require different packages: those are in no lock.
    """
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(requirement, "", "") for requirement in requirements]
    while todo:
        requirement, parent, parent_extra = todo.pop()
        marker = requirement.marker
        if marker and not marker.evaluate({**PLATFORM, "extra": parent_extra}):
            continue
        if marker and parent == "torch":
            continue
        name = canonicalize_name(requirement.name)
        versions[name] = version_of(name, may_be_absent=marker is not None)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            todo += [(Requirement(line), name, extra) for line in requires(name)]
    return versions


def write_lock(name: str, versions: dict[str, str]) -> None:
    lines = [f"{package}=={version}\n" for package, version in sorted(versions.items())]
    (ROOT / name).write_text(HEADER + "".join(lines), encoding="utf-8")


def main() -> None:
    requirements = direct_requirements(*EXTRAS)
    locked = closure(requirements)
    write_lock("requirements.lock", locked)
    try:
        more = closure(direct_requirements(*EXTRAS, "bench"))
    except importlib.metadata.PackageNotFoundError as error:
        print(f"requirements-bench.lock left as it is: `make bench` installs {error.name}")
    else:
        write_lock("requirements-bench.lock", {k: v for k, v in more.items() if k not in locked})
    names = sorted({canonicalize_name(requirement.name) for requirement in requirements})
    lines = ["name: ambiguity-lib", "channels: [conda-forge]", "dependencies:"]
    lines += ["  - python=3.11", "  - pip", "  - pip:"]
    lines += [f"      - {name}=={installed_version(name)}" for name in names]
    lines += ["      - --editable ."]
    (ROOT / "environment.yml").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
