"""The rendered book in a browser, as a reader has it: opened from disk, without a network."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import sync_playwright
from tools.print_page import write_print_page
from tools.render import MOVED

from ambiguity_lib import __version__

REPOSITORY = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("AMBIGUITY_BUILD_DIR", REPOSITORY / "_build")) / "synthetic" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
    pytest.mark.skipif(not HTML.is_dir(), reason="there is no rendered book here: make book"),
]
MOVED_PAGES = {HTML / "book" / f"{old}.html" for old in MOVED}
PAGES = sorted(set(HTML.glob("book/**/*.html")) - MOVED_PAGES)
CHAPTERS = [page for page in PAGES if page.stem[:2].isdigit()]

# what a page may weigh as servers send it, compressed; Vega comes with interactive figures only
MOST_BYTES = 1_500_000
COMPRESSED = {".html", ".js", ".css", ".svg", ".json"}
# not ours: a citation list of sphinxcontrib-bibtex is a list of paragraphs
KNOWN = {("references", "aria-required-children")}
# places that the book links to; a new one should be a decision
HOSTS = {
    "github.com",
    "colab.research.google.com",
    "mybinder.org",
    "doi.org",
    "arxiv.org",
    "aclanthology.org",
    "proceedings.mlr.press",
    "d2l.ai",
    "docs.pytorch.org",
}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


class Visit:
    """A page, with all that it fetched and complained of."""

    def __init__(self, browser, path, width=1280, theme="light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, offline=True
        )
        self.page = self.context.new_page()
        self.complaints, self.urls = [], []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("networkidle")

    def _listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture(scope="module", params=[*PAGES, HTML / "genindex.html"], ids=lambda p: p.stem)
def opened(browser, request):
    """Every page, opened once for all that is asked of every page."""
    with Visit(browser, request.param) as visit:
        # axe must not see colours on their way from one theme to the other
        visit.page.add_style_tag(content="* { transition: none !important; }")
        yield request.param, visit


def test_it_opens_without_a_complaint_a_stranger_or_too_much_weight(opened):
    _, visit = opened
    assert visit.complaints == []
    foreign = [url for url in visit.urls if not url.startswith(("file:", "data:", "blob:"))]
    assert foreign == []
    files = {Path(unquote(urlsplit(url).path)) for url in visit.urls if url.startswith("file")}
    if not visit.page.locator("figure.interactive-figure").count():
        assert sum(map(weight, files)) <= MOST_BYTES
    unnamed = visit.page.locator("article img:not([alt]), article img[alt='']")
    assert unnamed.count() == 0


def weight(file):
    data = file.read_bytes()
    return len(gzip.compress(data)) if file.suffix in COMPRESSED else len(data)


# the themes differ in nothing but colours
@pytest.mark.parametrize("theme, rules", [("light", {}), ("dark", {"runOnly": ["color-contrast"]})])
def test_axe_finds_nothing_serious(opened, theme, rules):
    path, visit = opened
    visit.page.emulate_media(color_scheme=theme)
    visit.page.wait_for_function(
        "theme => document.documentElement.dataset.theme === theme", arg=theme, timeout=5000
    )
    visit.page.evaluate(AXE.read_text(encoding="utf-8"))
    # without preload, which would ask for the style sheets again
    options = {"resultTypes": ["violations"], "preload": False, **rules}
    found = visit.page.evaluate("options => axe.run(options)", options)
    serious = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical") and (path.stem, one["id"]) not in KNOWN
    ]
    assert serious == []


# what reaches beyond the screen and cannot be scrolled to, or is in a box that does not show that
# it holds more, or that no key reaches; and figures whose letters are too small
NOT_FOR_A_PHONE = """() => {
  const scrolls = (box) => /auto|scroll/.test(getComputedStyle(box).overflowX);
  const named = (one) => one.outerHTML.slice(0, 120);
  const found = [];
  for (const one of document.querySelectorAll("article *, .prev-next-area *")) {
    const { right, width, height } = one.getBoundingClientRect();
    if (!width || !height || one.closest("mjx-assistive-mml, .interactive-reading")) continue;
    let box = one.parentElement;
    while (box && !scrolls(box)) box = box.parentElement;
    if (right > 361 && (!box || !box.closest("article"))) found.push("cut off: " + named(one));
    const margin = one.matches(".picture") ? 16 : 2; // of a picture, that much is empty
    if (one.clientWidth && one.scrollWidth > one.clientWidth + margin && scrolls(one)) {
      if (!one.matches(".more")) found.push("no sign of more: " + named(one));
      if (one.tabIndex < 0) found.push("no key reaches: " + named(one));
    }
    // a panel of several says how wide it is meant to be
    const meant = one.closest(".side-by-side")
      ? one.getAttribute("width") * 0.9 : one.naturalWidth / 2;
    if (one.matches(".cell_output img") && width < meant)
      found.push("too small: " + named(one));
  }
  return found;
}"""


def test_a_phone_never_scrolls_sideways(opened):
    _, visit = opened
    visit.page.set_viewport_size({"width": 360, "height": 800})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    visit.page.evaluate("window.MathJax?.startup?.promise.then(() => null)")
    visit.page.wait_for_timeout(400)  # the theme looks for what scrolls after 300 ms
    assert visit.page.evaluate(NOT_FOR_A_PHONE) == []


class Links(HTMLParser):
    """What a page points to, and what in it can be pointed to."""

    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.anchors |= {named.get("id"), named.get("name")}
        if tag == "a" and named.get("href"):
            self.targets.add(named["href"])


def test_every_link_within_the_book_leads_somewhere():
    known = {path: Links(path) for path in HTML.rglob("*.html")}
    broken, hosts = [], set()
    for path, links in known.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                hosts.add(parts.netloc)
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not file.exists() or (
                anchor and file in known and anchor not in known[file].anchors
            ):
                broken.append(f"{path.name}: {target}")
    assert broken == []
    assert hosts <= HOSTS


def test_next_leads_through_the_whole_book_and_back(browser):
    with Visit(browser, HTML / "book/intro.html") as visit:
        seen = []
        while True:
            seen.append(Path(urlsplit(visit.page.url).path))
            following = visit.page.locator("a.right-next")
            if not following.count():
                break
            following.click()
            visit.page.wait_for_load_state()
        assert sorted(seen) == PAGES
        visit.page.locator("a.left-prev").click()
        visit.page.wait_for_load_state()
        assert Path(urlsplit(visit.page.url).path) == seen[-2]


def test_search_finds_the_chapter(browser):
    with Visit(browser, HTML / "search.html") as visit:
        visit.page.goto((HTML / "search.html").as_uri() + "?q=noise+floor")
        visit.page.locator("#search-results li a").first.wait_for()
        found = visit.page.locator("#search-results li a").evaluate_all(
            "all => all.map(a => a.href)"
        )
        assert any("01_human_opinions" in url for url in found)


def test_a_fold_opens_by_click_and_by_key(browser):
    with Visit(browser, CHAPTERS[0]) as visit:
        fold = visit.page.locator("article details:not([class])").first
        fold.locator("summary").click()
        assert fold.get_attribute("open") is not None
        fold.locator("summary").focus()
        visit.page.keyboard.press("Enter")
        assert fold.get_attribute("open") is None


def test_sliders_change_what_is_read(browser):
    pages = [path for path in PAGES if "interactive-figure" in path.read_text(encoding="utf-8")]
    assert pages, "the book has figures with sliders"
    for path in pages:
        with Visit(browser, path) as visit:
            reading = visit.page.locator(".interactive-reading").first
            visit.page.locator("figure.interactive-figure svg.marks").first.wait_for()
            before = reading.text_content()
            slider = visit.page.locator("figure.interactive-figure input[type=range]").first
            slider.focus()
            low = slider.evaluate("one => one.value === one.max")
            visit.page.keyboard.press("ArrowLeft" if low else "ArrowRight")
            visit.page.wait_for_function(
                "before => document.querySelector('.interactive-reading').textContent !== before",
                arg=before,
            )
            assert re.search(r"\d\.\d{3}", reading.text_content())
            assert visit.complaints == []


def test_an_old_address_leads_to_where_the_page_is_now(browser):
    assert MOVED_PAGES
    with Visit(browser, HTML / "book" / "11_solutions.html") as visit:
        visit.page.wait_for_url("**/10_solutions.html", timeout=5000)


def test_another_tab_shows_another_table_in_every_set_that_has_it(browser):
    def chosen(tabs):
        return tabs.locator("label:has(input:checked)").text_content()

    with Visit(browser, HTML / "book" / "results_recorded.html") as visit:
        first, *others = visit.page.locator(".tabs").all()
        shown = first.locator(".tab-panel:visible")
        before, other = shown.text_content(), chosen(others[-1])
        first.locator("input").nth(1).check()
        assert shown.count() == 1 and shown.text_content() != before
        assert chosen(others[0]) == chosen(first)
        assert chosen(others[-1]) == other  # it is about other things
        visit.page.goto((HTML / "book" / "06_more_than_a_temperature.html").as_uri())
        assert chosen(visit.page.locator(".tabs").first) == chosen(first)


def test_the_six_pictures_print_on_one_sheet(browser):
    with Visit(browser, HTML / "book" / "intro.html") as visit:
        visit.page.emulate_media(media="print")
        content = visit.page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1


def test_the_theme_can_be_switched_and_is_kept(browser):
    with Visit(browser, PAGES[0]) as visit:
        shown = "document.documentElement.dataset.theme"
        before = visit.page.evaluate(shown)
        switch = visit.page.locator("button.theme-switch-button:visible").first
        for _ in range(3):  # light, dark, as the system has it
            switch.click()
            if visit.page.evaluate(shown) != before:
                break
        after = visit.page.evaluate(shown)
        assert after != before
        visit.page.reload()
        assert visit.page.evaluate(shown) == after


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_launch_and_download_lead_to_this_chapter(browser, path):
    with Visit(browser, path) as visit:
        launch = visit.page.locator("a[href*='colab.research.google.com']").first
        assert launch.get_attribute("href").endswith(f"/blob/v{__version__}/book/{path.stem}.ipynb")
        download = visit.page.locator("a.btn-download-source-button").first
        source = (path.parent / download.get_attribute("href")).resolve()
        assert source.name == f"{path.stem}.ipynb" and source.is_file()


def test_code_can_be_copied(browser):
    with Visit(browser, HTML / "book/quickstart.html") as visit:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        block = visit.page.locator("div.highlight").first
        block.hover()
        block.locator("button.copybtn").click()
        copied = visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == block.locator("pre").text_content().strip()


def test_printed_there_is_text_and_no_navigation(browser):
    with Visit(browser, CHAPTERS[0]) as visit:
        visit.page.emulate_media(media="print")
        assert visit.page.locator("h1:visible").count() == 1
        assert visit.page.locator("article p:visible").count() > 5
        for navigation in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".prev-next-footer"):
            assert not visit.page.locator(navigation).first.is_visible(), navigation


def test_the_first_key_leads_past_the_navigation(browser):
    with Visit(browser, CHAPTERS[0]) as visit:
        visit.page.keyboard.press("Tab")
        focused = "document.activeElement.getAttribute('href')"
        assert visit.page.evaluate(focused) == "#main-content"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_term_shows_its_definition_to_pointer_and_keyboard(browser, width, theme):
    with Visit(browser, HTML / "book/map.html", width=width, theme=theme) as visit:
        links = visit.page.locator(".term > a")
        for number in range(links.count()):
            link, box = links.nth(number), visit.page.locator(".term > .definition").nth(number)
            assert link.get_attribute("aria-describedby") == box.get_attribute("id")
            assert not box.is_visible()
            link.focus()
            place = box.bounding_box()
            assert place and place["x"] >= 0 and place["x"] + place["width"] <= width
        visit.page.keyboard.press("Escape")
        assert not box.is_visible()
        links.first.hover()
        assert visit.page.locator(".term > .definition").first.is_visible()
        assert not box.is_visible()


PAPER = 657  # CSS pixels between the margins of A4
# what would be missing or cut off on paper
FAULTS = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = new Set();
  const wide = (e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
  return {
    "same id": all("article, article [id]").map((e) => e.id)
      .filter((id) => seen.has(id) || !seen.add(id)),
    "link to nothing": all("a[href^='#']").map((e) => e.getAttribute("href").slice(1))
      .filter((id) => !document.getElementById(decodeURIComponent(id))),
    "no picture": all("img").filter((e) => !e.naturalWidth).map((e) => e.src),
    "folded": all("details:not([open])").length,
    "formula": all("mjx-merror").map((e) => e.textContent),
    "cut off": all("article :is(pre, table, img, p, svg)").filter(wide)
      .map((e) => e.closest("article").id + ": " + e.outerHTML.slice(0, 80)),
  };
}"""


def test_the_whole_book_prints_with_nothing_cut_off_or_left_folded(browser):
    """As `make pdf` gives it to Chromium, which prints here, too."""
    page = write_print_page(HTML, REPOSITORY / "_toc.yml", REPOSITORY / "_config.yml")
    with Visit(browser, page, width=PAPER) as visit:
        visit.page.emulate_media(media="print")
        visit.page.evaluate("MathJax.startup.promise")
        faults = visit.page.evaluate(FAULTS)
        assert {what: where for what, where in faults.items() if where} == {}
        assert visit.page.locator("article").count() == len(PAGES)
        assert visit.page.locator("mjx-container").count() > 300
        assert visit.page.locator("figure.interactive-figure img").count() > 0
        assert visit.complaints == []
        assert [url for url in visit.urls if not url.startswith(("file:", "data:"))] == []
        assert len(visit.page.pdf(prefer_css_page_size=True)) > 10**6
