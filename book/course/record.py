"""The numbers of a chapter's run as JSON, with everything needed to know where they are from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ambiguity_lib.store import written_whole
from ambiguity_lib.study.paths import run_directory
from ambiguity_lib.study.profile import Profile
from ambiguity_lib.study.provenance import plain, provenance

_KEYS = ("chapter", "profile", "seed", "settings", "results", "provenance")


def write_record(
    chapter: str,
    profile: Profile,
    seed: int,
    results: Mapping[str, Any],
    *,
    directory: Path | None = None,
) -> Path:
    """Write a chapter's numbers to ``<chapter>_seed<seed>.json``, whole or not at all.

    Args:
        chapter: The notebook's stem, for instance ``03_layer_probing``.
        profile: The profile; its name and all its settings go into the record.
        seed: The run's seed.
        results: Numbers, text, lists, mappings, numpy arrays, data frames (as a list of rows) and
            dataclasses. NaN and infinities become null. Measured times belong under a key
            ``timing``, so that ``comparable`` can leave them out.
        directory: Where to; by default the run directory of the profile.

    Returns:
        The path of the record.

    Raises:
        TypeError: Something in ``results`` has no form in JSON; the message says where.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.study.profile import load_profile
        >>> from course.record import load_record, write_record
        >>> profile = load_profile("tiny.yml")
        >>> path = write_record(
        ...     "01_mine", profile, 0, {"JSD": np.float64(0.25), "KL": float("nan")}
        ... )
        >>> path.name
        '01_mine_seed0.json'
        >>> load_record(path)["results"]
        {'JSD': 0.25, 'KL': None}

        What JSON cannot hold is named:

        >>> write_record("01_mine", profile, 0, {"model": object()})
        Traceback (most recent call last):
            ...
        TypeError: results.model holds a value of type object, which a record cannot
        keep: turn it into numbers, text, lists or a data frame first
    """
    folder = directory if directory is not None else run_directory(profile.name) / "records"
    record = {
        "chapter": chapter,
        "profile": profile.name,
        "seed": int(seed),
        "settings": plain(profile, "settings"),
        "results": plain(results, "results"),
        "provenance": provenance(),
    }
    text = json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chapter}_seed{int(seed)}.json"
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def load_record(path: str | Path) -> dict[str, Any]:
    """Read a record.

    Args:
        path: The record's file.

    Returns:
        Keys ``chapter``, ``profile``, ``seed``, ``settings``, ``results`` and ``provenance``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a record; the message names it.

    Examples:
        >>> from pathlib import Path
        >>> from course.record import load_record
        >>> _ = Path("notes.json").write_text("{}")
        >>> load_record("notes.json")
        Traceback (most recent call last):
            ...
        ValueError: notes.json is not a record: it needs the keys chapter, profile,
        seed, settings, results, provenance
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no record {path}: run its chapter first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict) or any(key not in record for key in _KEYS):
        raise ValueError(f"{path} is not a record: it needs the keys {', '.join(_KEYS)}")
    return record


def comparable(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that two runs with the same seed share.

    Returns:
        A copy without ``provenance`` and without any key ``timing``, at whatever depth.
    """
    kept = {key: value for key, value in record.items() if key != "provenance"}
    stripped = _without_timing(kept)
    assert isinstance(stripped, dict)
    return stripped


def _without_timing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_timing(item) for key, item in value.items() if key != "timing"}
    if isinstance(value, list):
        return [_without_timing(item) for item in value]
    return value
