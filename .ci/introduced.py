"""Write into every entry of book/api/*.md the first chapter that imports the name.

A name that no chapter imports, or only the solutions do, has no such line.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1] / "book"
ENTRY = re.compile(
    r"^\.\. (?:auto\w+:: (?P<module>(?:ambiguity_lib|course)[\w.]*)\.|py:data:: )(?P<name>\w+)"
    r"(?:\n   :module: (?P<home>[\w.]+))?$",
    re.MULTILINE,
)
_LINE = "   Introduced in :doc:`/book/{}`.\n"
_INTRODUCED = re.compile(r"\n?" + re.escape(_LINE).replace(r"\{\}", r"\w+"))
_IMPORT = re.compile(r"^from (?:ambiguity_lib|course)[\w.]* import (?:\([^)]*\)|.*)$", re.MULTILINE)


def pages() -> list[Path]:
    return sorted(set((BOOK / "api").glob("*.md")) - {BOOK / "api" / "index.md"})


def chapters() -> list[Path]:
    return [path for path in sorted(BOOK.glob("[0-9]*.ipynb")) if "solutions" not in path.stem]


def code_of(path: Path) -> str:
    """The code of a chapter, or the Python blocks of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    cells = json.loads(text)["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@functools.cache
def imported(path: Path) -> frozenset[tuple[str, str]]:
    """Module and name of all that a chapter or page takes from the library or the course.

    Of a room that is imported as a whole, the names that are used of it: ``metrics.entropy``.
    """
    code, found = code_of(path), set()
    for statement in _IMPORT.findall(code):
        node = ast.parse(statement).body[0]
        assert isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names:
            room = f"{node.module}.{alias.name}"
            if not _is_module(room):
                found.add((node.module, alias.name))
            elif room.startswith("ambiguity_lib"):  # the course's own figures are not the library
                used = re.findall(rf"(?<![\w.]){alias.asname or alias.name}\.([A-Za-z]\w+)", code)
                found |= {(room, name) for name in used}
    return frozenset(found)


def _is_module(name: str) -> bool:
    folder = BOOK if name.startswith("course") else BOOK.parent
    path = folder.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def entries(text: str) -> list[tuple[str, str, str]]:
    """Module, name and text of every entry of a page, each text up to the next entry."""
    starts = list(ENTRY.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return [
        (match["module"] or match["home"], match["name"], text[match.end() : end])
        for match, end in zip(starts, ends, strict=True)
    ]


def introduce(text: str) -> str:
    """A page whose entries name the chapters, each after what was written below its name."""
    result = text[: match.start()] if (match := ENTRY.search(text)) else text
    for (module, name, body), head in zip(entries(text), ENTRY.finditer(text), strict=True):
        users = [path.stem for path in chapters() if (module, name) in imported(path)]
        body = _INTRODUCED.sub("", body)
        if users:
            # lines that are blank or indented are the entry's own
            own = re.match(r"(?:\n(?!\S)[^\n]*)*", body)
            kept = own[0].rstrip() if own else ""
            body = f"{kept}\n\n{_LINE.format(users[0])}{body[len(kept) + 1 :]}"
        result += head[0] + body
    return result


def main() -> None:
    for page in pages():
        page.write_text(introduce(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
