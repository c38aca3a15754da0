"""Every page of the site in a real browser: complaints, requests, axe, what fits, weight.

A page is opened twice, and everything that holds on all pages is looked at then: from the server on
a desk, in light and dark; from the folder on a phone and on a tablet.
"""

import gzip
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlparse

import assets
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response

pytestmark = pytest.mark.site

DESK = {"width": 1280, "height": 900}
TABLET = {"width": 768, "height": 844}
PHONE = {"width": 390, "height": 844}
BUDGET = 1_000_000  # bytes that one page may send, compressed
# Nothing about what passed, no selectors, no reading of the style sheets, which no rule that is on
# asks for: half the time on a page of ten thousand elements.
AXE_REPORTS = "preload: false, resultTypes: ['violations'], reporter: 'no-passes', selectors: false"
FILES = 80  # that one page may ask for: a moving figure of 24 heads is 24 of them

# What is wider than its column, shown in other proportions than its own, or too small to read.
FAULTS = """() => {
  if (!document.querySelector("article section")) return [];
  const found = [], column = document.querySelector("article").getBoundingClientRect();
  for (const image of document.querySelectorAll("article img")) {
    const shown = image.clientWidth / image.clientHeight;
    const own = image.naturalWidth / image.naturalHeight;
    if (image.clientWidth && Math.abs(shown / own - 1) > 0.03) found.push(`squeezed: ${image.alt}`);
    const legible = parseInt(image.style.minWidth);
    if (image.clientWidth && image.clientWidth + 1 < legible) found.push(`too small: ${image.alt}`);
  }
  for (const part of document.querySelectorAll("article *")) {
    const around = part.parentElement;
    if (around.closest("pre, .table-scroll, .figure-scroll, .frame, div.math, svg")) continue;
    if (part.closest(".katex, .visually-hidden, .headerlink")) continue;
    const box = part.getBoundingClientRect();
    // On a phone the edges of a figure are the window's.
    const scrolls = part.matches(".figure-scroll, .frame");
    const right = scrolls ? document.documentElement.clientWidth : column.right;
    if (box.width > 1 && box.right > right + 1) found.push(`wide: ${part.outerHTML.slice(0, 80)}`);
  }
  return found;
}"""
# Code of a hundred characters fits its column on a desk.
CLIPPED = """() => [...document.querySelectorAll("article pre")].filter(
  code => code.scrollWidth > code.clientWidth + 1 &&
    Math.max(...code.textContent.split("\\n").map(line => line.length)) <= 100
).map(code => `clipped: ${code.textContent.slice(0, 80)}`)"""
# Of a hidden frame a browser knows the attributes alone (Lighthouse's image-aspect-ratio).
PROPORTIONS = """() => [
  ...document.querySelectorAll(".mvlm-frames img, article img[width][height]")
].filter(
  image => !(Math.abs(image.getAttribute("width") / image.getAttribute("height")
    / (image.naturalWidth / image.naturalHeight) - 1) <= 0.02)
).map(image => `room of other proportions: ${image.alt}`)"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Visit:
    """What came with one page, what was complained of, what axe found, what does not fit."""

    loaded: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Window:
    """One tab that goes from page to page: its process and its cache stay warm.

    Requests and complaints are noted in the visit under way, a file from the cache like any other.
    """

    def __init__(self, browser: Browser, size: dict[str, int]) -> None:
        self.size = size
        self.visit = Visit()
        self.context = browser.new_context(color_scheme="light", reduced_motion="reduce")
        self.page = self.context.new_page()
        self.page.on("response", self._note)
        self.page.on("pageerror", lambda error: self.visit.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def open(self, url: str, visit: Visit) -> Page:
        """Go to a page; its fonts are there and its title is seen."""
        self.visit = visit
        self.page.set_viewport_size(self.size)
        self.page.goto(url)
        self.page.evaluate("() => document.fonts.ready.then(() => true)")
        assert self.page.locator("h1").first.is_visible(), url
        return self.page

    def _note(self, response: Response) -> None:
        self.visit.loaded.add(response.url)
        if response.status >= 400:
            self.visit.complaints.append(f"{response.status} for {response.url}")

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.visit.complaints.append(f"{said.text} {said.location}")


def on_a_desk(page: Page, visit: Visit, axe: str) -> None:
    """What fits, then axe: every rule in light, the contrast again in dark."""
    for look in (FAULTS, CLIPPED, PROPORTIONS):
        visit.faults += [f"1280: {fault}" for fault in page.evaluate(look)]
    page.evaluate(axe)
    for scheme, rules in (("light", ""), ("dark", "runOnly: ['color-contrast'], ")):
        page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
        for violation in page.evaluate(f"axe.run({{{rules}{AXE_REPORTS}}})")["violations"]:
            places = [node["html"][:120] for node in violation["nodes"][:3]]
            visit.violations.append(f"{scheme}: {violation['id']}: {places}")


def in_the_hand(page: Page, visit: Visit) -> None:
    """What fits on a phone; whether the page scrolls sideways there and on a tablet."""
    visit.faults += [f"390: {fault}" for fault in page.evaluate(FAULTS)]
    for size in (PHONE, TABLET):
        page.set_viewport_size(size)
        if (excess := page.evaluate(SIDEWAYS)) > 0:
            visit.faults.append(f"{size['width']}: scrolls sideways by {excess} px")


# The part of a page is the first that its path fits.
PARTS = {
    "chapters": r"notebooks/\d",
    "exercises": r"notebooks/",
    "modules": r"book/reference/api/",
    "texts": r"",
}


@cache
def compressed(file: Path) -> int:
    """A file's bytes as a server sends them; most are those of all pages."""
    return len(gzip.compress(file.read_bytes()))


def part_of(page: str) -> str:
    return next(part for part, path in PARTS.items() if re.match(path, page))


@pytest.fixture(scope="class")
def visits(
    request: pytest.FixtureRequest, browser: Browser, html: Path, address: str, pages: list[str]
) -> dict[str, Visit]:
    """Every page of the part that the class looks at, visited."""
    axe = (assets.fetch(*assets.AXE) / "axe.min.js").read_text(encoding="utf-8")
    seen = {name: Visit() for name in pages if part_of(name) == request.cls.part}
    desk, hand = Window(browser, DESK), Window(browser, PHONE)
    for name, visit in seen.items():
        on_a_desk(desk.open(address + name, visit), visit, axe)
        in_the_hand(hand.open((html / name).as_uri(), visit), visit)
    desk.context.close()
    hand.context.close()
    assert seen
    return seen


class Visits:
    """What holds on every page. One class a part of the site: workers take a class at a time."""

    part: str

    def test_pages_load_without_complaint(self, visits: dict[str, Visit]) -> None:
        complaints = {name: visit.complaints for name, visit in visits.items() if visit.complaints}
        assert complaints == {}

    def test_no_request_leaves_the_site(self, visits: dict[str, Visit], address: str) -> None:
        ours = (address, "file:", "data:", "blob:")
        strangers = {url for visit in visits.values() for url in visit.loaded}
        assert {url for url in strangers if not url.startswith(ours)} == set()

    def test_axe_finds_nothing_in_light_and_dark(self, visits: dict[str, Visit]) -> None:
        found = {name: visit.violations for name, visit in visits.items() if visit.violations}
        assert found == {}

    def test_nothing_is_squeezed_clipped_or_too_wide(self, visits: dict[str, Visit]) -> None:
        faults = {name: visit.faults for name, visit in visits.items() if visit.faults}
        assert faults == {}

    def test_pages_are_light(self, visits: dict[str, Visit], html: Path, address: str) -> None:
        weights = {}
        for name, visit in visits.items():
            loaded = {url for url in visit.loaded if url.startswith(address)}
            files = {urlparse(url).path.lstrip("/") for url in loaded}
            assert len(files) > 5
            weights[name] = sum(compressed(html / unquote(file)) for file in files)
            assert len(files) <= FILES, (name, sorted(files))
        assert {name: weight for name, weight in weights.items() if weight > BUDGET} == {}


class TestChapters(Visits):
    part = "chapters"


class TestExercises(Visits):
    part = "exercises"


class TestModules(Visits):
    part = "modules"


class TestTexts(Visits):
    part = "texts"


def test_every_part_is_visited() -> None:
    assert {one.part for one in Visits.__subclasses__()} == set(PARTS)
