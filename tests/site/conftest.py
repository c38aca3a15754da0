"""The built site, served from this machine, and a browser to look at it with.

Looks at `_build/html`, or at the folder that the variable COURSE_HTML names.
"""

import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tools import FLAGS, PLAYWRIGHTS_OWN, tools

ROOT = Path(__file__).parents[2]
ASK = "book/start/ask.html"  # the page where the models answer
sys.path.insert(0, str(ROOT / "book/_site"))


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line on stderr for each."""

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built site."""
    folder = Path(os.environ.get("COURSE_HTML", ROOT / "_build/html"))
    if not (folder / "book/index.html").exists():
        pytest.fail("there is no built site to look at: run `make book` first")
    return folder


@pytest.fixture(scope="session")
def pages(html: Path) -> list[str]:
    """Every page a reader can reach, as its path in the site."""
    found = sorted(str(page.relative_to(html)) for page in html.rglob("*.html"))
    return [page for page in found if not page.startswith("_") and page != "index.html"]


@pytest.fixture(scope="session")
def chapter(html: Path) -> str:
    """The page of chapter 02, the model for all the others."""
    page = "notebooks/02_patches.html"
    assert (html / page).exists(), f"{page} is not in the built site"
    return page


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """Where the site is served for as long as the tests run."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as the machine has it; where it has none the test was left out before."""
    found = tools()["browser"]
    executable = None if found == PLAYWRIGHTS_OWN else found
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def reader(browser: Browser, html: Path) -> Iterator[Page]:
    """A reader with a phone, offline, the site in a folder; no error in the console is allowed."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        offline=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.goto((html / ASK).as_uri())
    yield page
    context.close()
    assert complaints == []
