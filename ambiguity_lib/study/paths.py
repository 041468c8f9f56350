"""Where the project's files are, so that no other module has to guess.

Nothing here creates a folder: whoever writes makes the folder it writes to.
"""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def project_root() -> Path:
    """The repository of an editable install, else the current directory.

    Returns:
        The folder that holds ``pyproject.toml`` and ``ambiguity_lib/``; for an installed wheel
        there is none, and the current directory takes its place.

    Examples:
        >>> from ambiguity_lib.study import project_root
        >>> project_root().is_dir()
        True
    """
    parent = _PACKAGE.parent
    return parent if (parent / "pyproject.toml").is_file() else Path.cwd()


def build_directory() -> Path:
    """Everything that a run writes goes below this: ``AMBIGUITY_BUILD_DIR``, else ``_build``."""
    override = os.environ.get("AMBIGUITY_BUILD_DIR")
    return Path(override).expanduser().resolve() if override else project_root() / "_build"


def run_directory(profile_name: str) -> Path:
    """The folder of one profile's run, with ``notebooks/``, ``records/`` and ``html/`` inside.

    Args:
        profile_name: Name of the profile.

    Returns:
        A path in the build directory, which need not exist.

    Examples:
        >>> from ambiguity_lib.study import build_directory, run_directory
        >>> run_directory("synthetic") == build_directory() / "synthetic"
        True
    """
    return build_directory() / profile_name


def artifact_directory() -> Path:
    """The store of trained models and probabilities, shared by all profiles.

    Returns:
        ``AMBIGUITY_ARTIFACT_DIR`` if it is set, else ``artifacts`` in the build directory.

    Examples:
        >>> from ambiguity_lib.study import (
        ...     artifact_directory,
        ...     build_directory,
        ... )
        >>> artifact_directory() == build_directory() / "artifacts"
        True
    """
    override = os.environ.get("AMBIGUITY_ARTIFACT_DIR")
    return Path(override).expanduser().resolve() if override else build_directory() / "artifacts"


def profile_directories() -> tuple[Path, ...]:
    """Folders in which a profile is looked up by name, the first that exists wins."""
    candidates = (_PACKAGE.parent / "book" / "profiles", _PACKAGE / "_profiles")
    return tuple(path for path in candidates if path.is_dir())
