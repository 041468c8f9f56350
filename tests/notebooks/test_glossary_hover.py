"""Terms show their definition (book/_ext/glossary_hover.py), in a project of two pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

EXTENSION = Path(__file__).resolve().parents[2] / "book" / "_ext"

CONFIGURATION = f"""
import sys
sys.path.insert(0, {str(EXTENSION)!r})
extensions = ["myst_parser", "glossary_hover"]
myst_enable_extensions = ["dollarmath"]
"""

GLOSSARY = """# Words

```{glossary}
noise floor
  The distance between two halves & nothing
  else. A yardstick, of 0.085 here.

nat
nats
  A unit. See {term}`noise floor`.
```
"""


def _build(folder: Path, glossary: str, page: str, builder: str = "html") -> tuple[int, str]:
    (folder / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "words.md").write_text(glossary, encoding="utf-8")
    index = f"# Page\n\n{page}\n\n```{{toctree}}\nwords\n```\n"
    (folder / "index.md").write_text(index, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", "-b", builder]
    done = subprocess.run(
        [*command, str(folder), str(folder / "out")], capture_output=True, text=True
    )
    return done.returncode, done.stderr


def test_a_term_is_described_by_the_first_sentence_of_its_definition(tmp_path: Path) -> None:
    page = "The {term}`noise floor`, in {term}`many <nats>` {term}`nats`. [No term](words.md)."
    status, log = _build(tmp_path, GLOSSARY, page)
    assert status == 0, log
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    boxes = dict(
        re.findall(r'<span class="definition" id="(.+?)" role="tooltip">(.*?)</span>', html)
    )
    links = re.findall(r'<a aria-describedby="(.+?)" class="reference internal" href="(.+?)"', html)
    assert [boxes[name] for name, _ in links] == [
        "The distance between two halves &amp; nothing else.",
        "A unit.",
        "A unit.",
    ]
    assert [href for _, href in links] == [
        "words.html#term-noise-floor",
        "words.html#term-nats",
        "words.html#term-nats",
    ]
    assert html.count("aria-describedby") == len(boxes) == 3, "one box a link, each with its own id"


def test_terms_within_the_glossary_are_described_too(tmp_path: Path) -> None:
    status, log = _build(tmp_path, GLOSSARY, "Nothing.")
    assert status == 0, log
    html = (tmp_path / "out" / "words.html").read_text(encoding="utf-8")
    assert (
        'aria-describedby="definition-1" class="reference internal" href="#term-noise-floor"'
        in html
    )
    assert "two halves &amp; nothing else.</span>" in html


def test_the_search_index_has_a_definition_once(tmp_path: Path) -> None:
    assert _build(tmp_path, GLOSSARY, "The {term}`noise floor`.")[0] == 0
    index = (tmp_path / "out" / "searchindex.js").read_text(encoding="utf-8")
    content = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    assert content["docnames"][content["terms"]["halv"]] == "words", "not on the other page"


def test_a_definition_that_begins_with_a_formula_is_a_warning(tmp_path: Path) -> None:
    glossary = "# Words\n\n```{glossary}\nnat\n  With $e$ as base. More.\n```\n"
    status, log = _build(tmp_path, glossary, "One {term}`nat`.")
    assert status != 0
    assert "glossary entry 'nat': its first sentence must be plain text" in log


def test_another_format_has_no_boxes(tmp_path: Path) -> None:
    status, log = _build(tmp_path, GLOSSARY, "The {term}`noise floor`.", builder="text")
    assert status == 0, log
    assert "halves" not in (tmp_path / "out" / "index.txt").read_text(encoding="utf-8")
