"""What a reader meets in a real browser: alone, offline, on a phone, by keyboard, in the dark."""

import gzip
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import assets
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, Response

pytestmark = pytest.mark.site

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
BUDGET = 1_000_000  # bytes that one page may send, compressed


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, color_scheme="light")
    yield context.new_page()
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, has_touch=True, color_scheme="light")
    yield context.new_page()
    context.close()


@cache
def soup(html: Path, page: str) -> BeautifulSoup:
    return BeautifulSoup((html / page).read_text(encoding="utf-8"), "html.parser")


@dataclass
class Visit:
    """What came with one page, what the browser complained of, and what axe found."""

    loaded: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def visits(browser: Browser, html: Path, address: str, pages: list[str]) -> dict[str, Visit]:
    """Every page opened once from the server, in light and dark, and once from the folder."""
    axe = (assets.fetch(*assets.AXE) / "axe.min.js").read_text(encoding="utf-8")
    seen = {}
    for name in pages:
        context = browser.new_context(viewport=DESK, color_scheme="light", reduced_motion="reduce")
        page = context.new_page()
        visit = seen[name] = Visit()

        def note(response: Response, visit: Visit = visit) -> None:
            visit.loaded.add(response.url)
            if response.status >= 400:
                visit.complaints.append(f"{response.status} for {response.url}")

        page.on("response", note)
        page.on("pageerror", lambda error, visit=visit: visit.complaints.append(str(error)))
        page.on(
            "console",
            lambda said, visit=visit: (
                said.type == "error" and visit.complaints.append(f"{said.text} {said.location}")
            ),
        )
        page.goto(address + name, wait_until="networkidle")
        assert page.locator("h1").first.is_visible(), name
        page.evaluate(axe)
        for scheme, rules in (("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")):
            page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
            for violation in page.evaluate(f"axe.run({rules})")["violations"]:
                places = [node["html"][:120] for node in violation["nodes"][:3]]
                visit.violations.append(f"{scheme}: {violation['id']}: {places}")
        page.goto((html / name).as_uri(), wait_until="load")
        assert page.locator("h1").first.is_visible(), name
        context.close()
    return seen


def test_pages_load_without_complaint(visits: dict[str, Visit]) -> None:
    complaints = {name: visit.complaints for name, visit in visits.items() if visit.complaints}
    assert complaints == {}


def test_no_request_leaves_the_site(visits: dict[str, Visit], address: str) -> None:
    ours = (address, "file:", "data:", "blob:")
    strangers = {url for visit in visits.values() for url in visit.loaded}
    assert {url for url in strangers if not url.startswith(ours)} == set()


def test_axe_finds_nothing_in_light_and_dark(visits: dict[str, Visit]) -> None:
    found = {name: visit.violations for name, visit in visits.items() if visit.violations}
    assert found == {}


def test_pages_are_light(visits: dict[str, Visit], html: Path, address: str) -> None:
    weights = {}
    for name, visit in visits.items():
        files = {urlparse(url).path.lstrip("/") for url in visit.loaded if url.startswith(address)}
        assert len(files) > 5
        weights[name] = sum(len(gzip.compress((html / unquote(f)).read_bytes())) for f in files)
    assert {name: weight for name, weight in weights.items() if weight > BUDGET} == {}


def test_front_door_leads_to_the_landing_page(desk: Page, html: Path) -> None:
    desk.goto((html / "index.html").as_uri())
    desk.wait_for_url("**/book/index.html")
    assert desk.locator("ol.course-pipeline svg").count() == 5


def test_text_and_formulas_need_no_script(browser: Browser, address: str, chapter: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=DESK)
    page = context.new_page()
    page.goto(address + chapter)
    formulas = page.locator(".katex-html").filter(visible=True)  # those in hints are closed
    assert formulas.count() > 5
    for box in (formulas.nth(i).bounding_box() for i in range(formulas.count())):
        assert box["width"] > 4
        assert box["height"] > 4
    assert "$" not in re.sub(r"\s", "", page.locator("article p").all_inner_texts()[0])
    context.close()


def test_formulas_are_set_in_their_own_font(desk: Page, address: str, chapter: str) -> None:
    desk.goto(address + chapter, wait_until="networkidle")
    fonts = desk.evaluate(
        "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    )
    assert "KaTeX_Math" in fonts
    assert any("Source Serif" in family for family in fonts)


def test_no_formula_is_left_raw(html: Path, pages: list[str]) -> None:
    for page in pages:
        article = copy(soup(html, page).find("main"))
        for code in article.select("pre, code, .katex, script, style"):
            code.decompose()
        assert not re.search(r"\$[^$\n]+\$|\\frac|\\mathbb", article.get_text()), page


def test_menu_opens_on_a_phone(phone: Page, address: str, chapter: str) -> None:
    phone.goto(address + chapter)
    link = phone.locator("#pst-primary-sidebar-modal a, #pst-primary-sidebar a").filter(
        has_text="Notation"
    )
    assert not link.first.is_visible()
    phone.locator("button.primary-toggle").click()
    link.first.wait_for(state="visible")
    link.first.click()
    phone.wait_for_url("**/notation.html")


def test_frames_move_by_keyboard(desk: Page, address: str, chapter: str) -> None:
    desk.goto(address + chapter)
    figure = desk.locator("fieldset.mvlm-frames").first
    shown = figure.locator(".frame:visible")
    assert shown.count() == 1
    before = shown.locator("img").get_attribute("alt")
    figure.locator("input:checked").focus()
    desk.keyboard.press("ArrowRight")
    assert shown.count() == 1
    assert shown.locator("img").get_attribute("alt") != before


def test_frames_all_stand_on_paper(desk: Page, address: str, chapter: str) -> None:
    desk.goto(address + chapter)
    desk.emulate_media(media="print")
    figure = desk.locator("fieldset.mvlm-frames").first
    assert figure.locator(".frame:visible").count() == figure.locator("input").count()


def test_colours_follow_the_switch(desk: Page, address: str, chapter: str) -> None:
    desk.goto(address + chapter)
    switch = desk.locator("button.theme-switch-button:visible").first
    seen = set()
    for _ in range(3):
        switch.click()
        seen.add(desk.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(seen) == 2


def test_search_finds_a_page(desk: Page, address: str) -> None:
    desk.goto(f"{address}search.html?q=notation")
    desk.locator("#search-results li a").first.wait_for()


@pytest.mark.parametrize("width", [390, 768])
def test_no_page_scrolls_sideways(
    browser: Browser, address: str, pages: list[str], width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    wide = []
    for name in pages:
        page.goto(address + name)
        excess = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if excess > 0:
            wide.append(f"{name}: {excess} px")
    context.close()
    assert wide == []


def test_internal_links_are_whole(html: Path, pages: list[str]) -> None:
    anchors: dict[str, set[str]] = {}
    for page in pages:
        anchors[page] = {tag["id"] for tag in soup(html, page).select("[id]")}
    broken = []
    for page in pages:
        for tag in soup(html, page).select("[href], [src]"):
            target = tag.get("href") or tag.get("src")
            if urlparse(target).scheme or target in ("#", ""):
                continue
            path, anchor = urldefrag(urljoin(page, target))
            path = unquote(path.partition("?")[0]) or page
            if not (html / path).exists():
                broken.append(f"{page} → {target}")
            elif anchor and path in anchors and unquote(anchor) not in anchors[path]:
                broken.append(f"{page} → {target}: no such place in the page")
    assert broken == []


def test_every_image_has_alt_text(html: Path, pages: list[str]) -> None:
    bare = []
    for page in pages:
        for image in soup(html, page).select("img"):
            if not image.get("alt", "").strip() or image["alt"] == image["src"]:
                bare.append(f"{page}: {image['src'][:80]}")
        for drawing in soup(html, page).select("article svg[role=img]"):
            if not drawing.get("aria-label", "").strip():
                bare.append(f"{page}: a drawing")
    assert bare == []


def test_every_page_describes_itself(html: Path, pages: list[str]) -> None:
    # A solution opens with the words of its exercise.
    described = [page for page in pages if page != "search.html" and "/solutions/" not in page]
    texts = {}
    for page in described:
        tag = soup(html, page).select_one("meta[name=description]")
        assert tag is not None, page
        texts[page] = tag["content"]
    assert all(len(text) > 40 for text in texts.values()), texts
    assert len(set(texts.values())) == len(texts)
