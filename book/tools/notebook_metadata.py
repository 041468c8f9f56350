"""A notebook's metadata without what an editor or a single run leaves there; outputs are kept.

Jupyter, VS Code, Colab and papermill each write something of their own, and the next one something
new, so this keeps a short list and drops the rest. It needs nothing but Python: git calls this file
for every notebook that is added (``.gitattributes``; ``make install`` sets it up).
"""

from __future__ import annotations

import json
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

#: What of a cell's metadata means something: tags, the description of its figure, and whether Colab
#: folds it.
CELL_KEYS = frozenset({"tags", "mystnb", "cellView"})
# one's own environment has another name for every reader
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def strip_metadata(notebook: MutableMapping[str, Any]) -> None:
    """Remove, in place, what differs between editors, machines and runs; outputs are left."""
    metadata = notebook["metadata"]
    for key in set(metadata) - {"kernelspec", "language_info"}:
        del metadata[key]
    if "kernelspec" in metadata:
        metadata["kernelspec"] = type(metadata)(_KERNEL)
    metadata.get("language_info", {}).pop("version", None)
    for cell in notebook["cells"]:
        for key in set(cell["metadata"]) - CELL_KEYS:
            del cell["metadata"][key]


def stripped(text: str) -> str:
    """The same for a notebook's text; its form is the one that nbformat writes."""
    notebook = json.loads(text)
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise ValueError("not a notebook of format 4")
    strip_metadata(notebook)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(names: list[str]) -> None:
    """Rewrite the named notebooks; without names, from standard input to standard output."""
    if not names:
        text = stripped(sys.stdin.buffer.read().decode("utf-8"))
        sys.stdout.buffer.write(text.encode("utf-8"))
    for path in map(Path, names):
        path.write_text(stripped(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
