"""The report: every fact of the run on one page that asks for nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ambiguity_lib.evaluation import minus, number
from ambiguity_lib.practice.compress import CompressionResult
from ambiguity_lib.practice.report import report, write_report
from ambiguity_lib.practice.run import CHANGES, MODELS, Run
from tests.practice.sample_run import (
    ODD_CLASSES,
    changed,
    sample_compression,
    without_human,
    without_optional,
)

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Tags, what they refer to, visible text; every tag must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.references: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
                self.references.append((tag, value or ""))
            assert not name.startswith("on"), "a script in an attribute"
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in ("dt", "dd", "td", "th"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CompressionResult:
    return sample_compression(tmp_path_factory.mktemp("compression"))


@pytest.fixture
def run(result: CompressionResult) -> Run:
    return result.run


def words(text: str) -> str:
    return " ".join(text.split())


def test_every_fact_of_the_run_is_on_the_page(run: Run) -> None:
    text = words(Page(report(run)).text)
    for row in run.measures:
        if row.model not in (*MODELS, *CHANGES):  # the student's own temperature: in the verdicts
            continue
        signed = " - " in row.model
        assert number(row.value, signed=signed) in text
        if row.low is not None:
            low, high = (number(getattr(row, end), signed=signed) for end in ("low", "high"))
            assert f"[{low}, {high}]" in text
    for verdict in run.verdicts:
        assert minus(verdict) in text
    for part in run.data.values():
        for count in part.labels.values():
            assert str(count) in text
    for version in run.provenance.packages.values():
        assert version in text
    assert run.depth_rule in text
    assert run.intervals in text
    for fact in ("λ = 0.4", "seed 5", "float32", "training.learning_rate 0.005", "train.csv"):
        assert fact in text
    assert run.provenance.cpu in text
    assert run.provenance.git.commit is None or (run.provenance.git.commit[:12] in text)
    assert "/home/somebody" not in text


def test_verdicts_come_first(run: Run) -> None:
    text = Page(report(run)).text
    assert text.index(minus(run.verdicts[0])) < text.index("Before and after")


def test_nothing_comes_from_elsewhere(run: Run) -> None:
    html = report(run)
    page = Page(html)
    for tag, target in page.references:
        inside = target.startswith(("#", "data:"))
        assert inside or (tag == "a" and target.startswith("https://")), (tag, target)
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {n for n, _ in page.tags}
    assert "@import" not in html
    assert {target[0] for target in re.findall(r"url\(([^)]*)\)", html)} <= {"#"}
    assert "default-src 'none'" in html


def test_ids_are_unique_and_every_inner_reference_has_its_target(run: Run) -> None:
    html = report(run)
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    inner = {target[1:] for _, target in page.references if target.startswith("#")}
    inner |= set(re.findall(r"url\(#([^)]*)\)", html))
    labels = (attributes.get("aria-labelledby") for _, attributes in page.tags)
    assert inner | {label for label in labels if label} <= set(ids)


def test_class_names_are_text_and_nothing_else(run: Run) -> None:
    html = report(run)
    assert "<script" not in html.lower()
    shown = Page(html).text
    for name in ODD_CLASSES:
        assert " ".join(name.split()) in shown
    run = changed(
        run,
        model={"source": '"><img src=x onerror=alert(1)>'},
        data={"train": {"source": "</table><script>"}},
    )
    assert "<img" not in report(run)
    assert "<script" not in report(run)


def test_the_page_is_built_for_reading(run: Run) -> None:
    html = report(run)
    page = Page(html)
    assert page.named("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in page.named("meta")
    assert any(one.get("name") == "viewport" for one in page.named("meta"))
    assert len(page.named("table")) == len(page.named("caption")) == 5
    assert all(one.get("scope") in ("col", "row") for one in page.named("th"))
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert len(page.named("h1")) == len(page.named("main")) == 1


def test_figures_have_words_and_the_colours_of_the_page(run: Run) -> None:
    figures = Page(report(run)).named("svg")
    assert len(figures) == 5  # three measures, layers, costs
    assert all(one["role"] == "img" and len(one["aria-label"] or "") > 40 for one in figures)
    alts = " ".join(one["aria-label"] or "" for one in figures)
    for value in run.layers.probe_accuracy:
        assert f"{value:.3f}" in alts
    for measure in ("JSD", "KL", "entropy correlation"):
        assert measure in alts
    html = report(run)
    assert "currentColor" in html
    assert "#010203" not in html
    assert "#444444" not in html


def test_without_human_answers(run: Run) -> None:
    html = report(without_human(run))
    page = Page(html)
    assert "Items with human answers" not in page.text
    assert len(page.named("table")) == 4
    alts = " ".join(one["aria-label"] or "" for one in page.named("svg"))
    for measure in ("NLL", "ECE", "entropy"):
        assert measure in alts


def test_values_that_are_not_known_leave_a_dash(run: Run) -> None:
    page = Page(report(without_optional(run)))
    assert "None" not in page.text
    assert "nan" not in words(page.text).split()
    assert "commit" not in page.text
    assert "–" in page.text
    assert len(page.named("svg")) == 4  # a correlation that is not known has no figure


def test_layers_set_by_hand_are_said_to_be(run: Run) -> None:
    assert "set by hand" not in report(run)
    hand = {"depth": 2, "source": 0}
    run = changed(run, settings=hand, layers=hand)
    text = words(Page(report(run)).text)
    assert "The depth, 2, was set by hand. The source" in text
    assert "the embedding output (layer 0), set by hand" in text


def test_what_one_should_know_is_said_plainly(run: Run) -> None:
    run = changed(
        run,
        layers={"probe_accuracy": [0.5, 0.3, 0.3, 0.3, 0.4]},
        data={"human": {"tied": 3}},
        model={"source": "checkpoint-7", "licence": "mit"},
        name="Thomas",
    )
    text = words(Page(report(run)).text)
    assert "the encoder adds nothing that a probe can read" in text
    assert "Ties: on 3 of the 20 items" in text
    assert text.startswith("Thomas: before and after")
    assert "A local model (bert, 4 layers)" in text
    assert "mit, says its card: check it" in text


def test_the_same_run_gives_the_same_page(run: Run) -> None:
    assert report(run) == report(Run.from_json(json.loads(json.dumps(run.to_json()))))


def test_a_report_is_written_whole_or_not_at_all(run: Run, tmp_path: Path) -> None:
    record = tmp_path / "compression.json"
    record.write_text(json.dumps(run.to_json()), encoding="utf-8")
    path = write_report(tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == report(run)
    other = write_report(tmp_path, tmp_path / "pages" / "mine.html")
    assert other.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    rest = run.to_json()
    del rest["verdicts"]
    record.write_text(json.dumps(rest), encoding="utf-8")
    with pytest.raises(ValueError, match=r"compression\.json, 'verdicts'"):
        write_report(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "compression.json",
        "pages",
        "report.html",
    ]
    with pytest.raises(FileNotFoundError, match=r"no compression\.json"):
        write_report(tmp_path / "pages")
