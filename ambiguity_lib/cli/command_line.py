"""The command that was typed, fit to be shared and typed again."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import typer


def command_line(
    context: typer.Context, *, places: Collection[str], without: Collection[str]
) -> dict[str, Any]:
    """The options of a command that differ from their defaults.

    Args:
        context: The running command.
        places: Parameters that are paths or hub ids; of a path the last part is kept.
        without: Parameters to leave out.

    Returns:
        ``options``, a list of words for each option, and ``shortened``, the names of those of
        which a part of the path was left out.
    """
    from ambiguity_lib.run_facts import shareable

    options, shortened = [], []
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        if name in without or value is None or value == parameter.get_default(context):
            continue
        option, word = parameter.opts[-1], str(value)
        if name in places:
            kept = shareable(word, local=isinstance(value, Path) or Path(word).exists())
            shortened += [option] if kept != word else []
            word = kept
        options.append([option] if value is True else [option, word])
    return {"options": options, "shortened": shortened}
