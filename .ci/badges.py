"""Write what names the release into chapters, `_config.yml` and pages, from the library's version.

The version `X.Y.Z` of `ambiguity_lib/__init__.py` is the tag `vX.Y.Z`. Every notebook's Colab
badge opens its file of that tag and its install cell installs that tag; the launch buttons of the
rendered book and the Binder links lead to the same. Nothing else changes; no network is needed.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/ambiguity-book/ambiguity-lib"
COLAB = "https://colab.research.google.com/github/ambiguity-book/ambiguity-lib/blob"
BINDER = "https://mybinder.org/v2/gh/ambiguity-book/ambiguity-lib/"
PAGES_WITH_BINDER = ("README.md", "book/map.md")
BADGE_START = "[![Open in Colab]"
GUARD = '"google.colab" in sys.modules'
INSTALL = """\
# @title In Colab: install the library
import sys

if {guard}:  # elsewhere `make install` has done it
    # pip keeps what Colab has, torch above all: the library's bounds admit it
    !git clone -q --depth 1 -b {tag} {repository}
    %pip install -q -e ./ambiguity-lib
    %cd -q ambiguity-lib/book
    sys.path.append("..")  # an editable install is seen after a restart only"""


def version(root: Path) -> str:
    """What `pyproject.toml` takes as the project's version, too."""
    text = (root / "ambiguity_lib" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        sys.exit(f'{root}/ambiguity_lib/__init__.py has no line __version__ = "X.Y.Z"')
    return found[1]


def tag(root: Path) -> str:
    return f"v{version(root)}"


def badge(name: str, release: str) -> str:
    return f"{BADGE_START}(_static/colab_badge.svg)]({COLAB}/{release}/book/{name})"


def install_cell(release: str) -> str:
    return INSTALL.format(guard=GUARD, tag=release, repository=REPOSITORY)


def notebook_text(path: Path, release: str) -> str:
    """The notebook's text with the release's badge and install cell, in Jupyter's own form."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    opening = notebook["cells"][0]
    lines = "".join(opening["source"]).splitlines()
    places = [at for at, line in enumerate(lines) if line.startswith(BADGE_START)]
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if len(places) != 1 or not cells or GUARD not in "".join(cells[0]["source"]):
        sys.exit(
            f"{path}: the first cell needs one line that begins with {BADGE_START}, and the first "
            f"code cell an if on {GUARD}; copy both from another chapter"
        )
    lines[places[0]] = badge(path.name, release)
    opening["source"] = "\n".join(lines).splitlines(keepends=True)
    cells[0]["source"] = install_cell(release).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def derived(root: Path) -> dict[Path, str]:
    """Every file that names the release, with the text that it should have."""
    release = tag(root)
    config = root / "_config.yml"
    texts = {path: notebook_text(path, release) for path in sorted(root.glob("book/*.ipynb"))}
    texts[config] = re.sub(
        r"(?m)^(repository:\n(?:  .*\n)*?  branch: ).*$",
        rf"\g<1>{release}",
        config.read_text(encoding="utf-8"),
    )
    for page in (root / name for name in PAGES_WITH_BINDER):
        texts[page] = re.sub(
            rf"({re.escape(BINDER)})[^?/\s]+", rf"\g<1>{release}", page.read_text(encoding="utf-8")
        )
    return texts


def main(root: Path = ROOT) -> None:
    for path, text in derived(root).items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(root)}: {tag(root)}")


if __name__ == "__main__":
    main()
