"""A mapping, as read from YAML, becomes a dataclass, or an error that names file and key."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

T = TypeVar("T")


def build_dataclass(
    cls: type[T],
    content: object,
    where: str,
    prefix: str = "",
    given: Mapping[str, object] | None = None,
) -> T:
    """Make a dataclass key by key: unknown, missing and ill-typed keys are errors.

    Args:
        cls: A dataclass whose fields are text, numbers, literals, tuples, optional values or
            further dataclasses.
        content: The mapping.
        where: The file, for messages.
        prefix: The key that ``content`` stands at, with a dot at its end.
        given: Fields that come from elsewhere and are no keys of the file.

    Raises:
        ValueError: The message names the file, the key and the keys that are known there.
    """
    given = given or {}
    if not isinstance(content, dict):
        place = prefix.rstrip(".") or "the file"
        raise ValueError(f"{where}: {place} must be a mapping of keys, got {content!r}")
    fields = {
        item.name: item
        for item in dataclasses.fields(cls)  # type: ignore[arg-type]
        if item.name not in given
    }
    known = f"known keys here: {', '.join(fields)}"
    for key in content:
        if key not in fields:
            raise ValueError(f"{where}: unknown key '{prefix}{key}'; {known}")
    for key, item in fields.items():
        required = item.default is item.default_factory is dataclasses.MISSING
        if required and key not in content:
            raise ValueError(f"{where}: missing key '{prefix}{key}'; {known}")
    hints = typing.get_type_hints(cls)
    values = {
        key: _convert(hints[key], value, where, f"{prefix}{key}") for key, value in content.items()
    }
    try:
        return cls(**given, **values)
    except ValueError as error:
        raise ValueError(f"{where}: {prefix}{error}") from error


def _convert(hint: Any, value: object, where: str, key: str) -> Any:
    """Check one value against its annotation; lists become tuples, whole numbers may be floats."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        hint = next(argument for argument in arguments if argument is not type(None))
        return _convert(hint, value, where, key)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build_dataclass(hint, value, where, f"{key}.")
    if origin is Literal:
        if value in arguments:
            return value
        choices = ", ".join(map(str, arguments))
        raise ValueError(f"{where}: {key} must be one of {choices}, got {value!r}")
    if origin is tuple:
        if isinstance(value, list):
            return tuple(_convert(arguments[0], item, where, key) for item in value)
        raise ValueError(f"{where}: {key} must be a list, got {value!r}")
    # bool is a subclass of int, yet `epochs: true` is surely a slip
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and not isinstance(value, bool):
        return value
    note = " (YAML reads 5e-5 as text: write 5.0e-5)" if hint is float else ""
    raise ValueError(f"{where}: {key} must be of type {hint.__name__}, got {value!r}{note}")
