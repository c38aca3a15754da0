"""Every page of the site in a real browser, opened once: complaints, requests, axe, weight."""

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlparse

import assets
import pytest
from playwright.sync_api import Browser, Response

pytestmark = pytest.mark.site

DESK = {"width": 1280, "height": 900}
BUDGET = 1_000_000  # bytes that one page may send, compressed
# Nothing about what passed, and no selectors: half the time on a page of ten thousand elements.
AXE_REPORTS = "resultTypes: ['violations'], reporter: 'no-passes', selectors: false"
FILES = 80  # that one page may ask for: a moving figure of 24 heads is 24 of them


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
        for scheme, rules in (("light", ""), ("dark", "runOnly: ['color-contrast'], ")):
            page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
            for violation in page.evaluate(f"axe.run({{{rules}{AXE_REPORTS}}})")["violations"]:
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
        assert len(files) <= FILES, (name, sorted(files))
    assert {name: weight for name, weight in weights.items() if weight > BUDGET} == {}
