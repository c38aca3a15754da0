"""What a reader meets in a real browser: alone, offline, on a phone, by keyboard, in the dark."""

import re
from collections.abc import Iterator
from copy import copy
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.site

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


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


@pytest.fixture
def offline(browser: Browser) -> Iterator[Page]:
    """A browser without any network, which can only read the site's folder."""
    context = browser.new_context(viewport=DESK, offline=True)
    yield context.new_page()
    context.close()


def with_a(html: Path, pages: list[str], selector: str) -> list[str]:
    """The pages that hold an element like `selector`."""
    found = [page for page in pages if soup(html, page).select_one(selector)]
    assert found, f"no page holds a {selector}"
    return found


def test_each_moving_figure_moves_by_keyboard_from_a_folder(
    offline: Page, html: Path, pages: list[str]
) -> None:
    for name in with_a(html, pages, "fieldset.mvlm-frames"):
        offline.goto((html / name).as_uri())
        # A figure that answers a prediction stands behind a fold.
        offline.evaluate("document.querySelectorAll('details').forEach(fold => (fold.open = true))")
        for figure in offline.locator("fieldset.mvlm-frames").all():
            shown = figure.locator(".frame:visible")
            figure.locator("input:checked").focus()
            seen = set()
            for _ in range(figure.locator("input").count()):
                assert shown.count() == 1
                assert shown.locator("img").evaluate("image => image.naturalWidth") > 0
                seen.add(shown.locator("img").get_attribute("alt"))
                offline.keyboard.press("ArrowRight")
            assert len(seen) == figure.locator("input").count(), (name, seen)


def test_frames_all_stand_on_paper(desk: Page, address: str, chapter: str) -> None:
    desk.goto(address + chapter)
    desk.emulate_media(media="print")
    for figure in desk.locator("fieldset.mvlm-frames").all():
        assert figure.locator(".frame:visible").count() == figure.locator("input").count()


def test_every_chapter_asks_three_questions_or_more(html: Path, pages: list[str]) -> None:
    for name in pages:
        if re.match(r"notebooks/\d", name):
            assert len(soup(html, name).select(".quiz")) >= 3, name


def test_questions_are_answered_by_keyboard_from_a_folder(
    offline: Page, html: Path, pages: list[str]
) -> None:
    """No explanation stands there before; then one does, of the answer that was taken."""
    for name in with_a(html, pages, ".quiz"):
        offline.goto((html / name).as_uri())
        for question in offline.locator(".quiz").all():
            assert question.locator("details[open]").count() == 0
            answers = question.locator("summary")
            answers.first.focus()
            for number in range(answers.count()):
                offline.keyboard.press("Enter")
                why = question.locator("details > p:visible")
                assert why.count() >= 1
                (opened,) = question.locator("details[open]").all()  # taking one closes the other
                verdict = opened.locator("strong").first.inner_text()
                assert verdict.startswith("✓" if "right" in opened.get_attribute("class") else "✗")
                offline.keyboard.press("Tab")
                if number + 1 < answers.count():
                    focused = offline.evaluate("document.activeElement.textContent")
                    assert focused == answers.nth(number + 1).text_content()


def test_questions_need_no_script(browser: Browser, html: Path, chapter: str) -> None:
    context = browser.new_context(viewport=DESK, java_script_enabled=False)
    page = context.new_page()
    page.goto((html / chapter).as_uri())
    first = page.locator(".quiz details").first
    first.locator("summary").click()
    assert first.locator("p").first.is_visible()
    context.close()


def test_answers_to_predictions_open_by_keyboard_and_by_touch(
    browser: Browser, html: Path, pages: list[str]
) -> None:
    for name in with_a(html, pages, "details.course-answer"):
        for width, touch in ((1280, False), (390, True)):
            context = browser.new_context(
                viewport={"width": width, "height": 800}, has_touch=touch, java_script_enabled=False
            )
            page = context.new_page()
            page.goto((html / name).as_uri())
            answers = page.locator("details.course-answer")
            assert page.locator("details.course-answer[open]").count() == 0, name
            # One in three of a page: all are made by the same lines.
            for answer in answers.all()[::3]:
                output, summary = answer.locator(".cell_output"), answer.locator("summary")
                assert not output.is_visible()
                if touch:
                    summary.tap()
                else:
                    summary.focus()
                    page.keyboard.press("Enter")
                assert output.is_visible(), (name, width)
                assert summary.bounding_box()["height"] >= 24  # what a finger hits, WCAG 2.5.8
            context.close()


def test_all_explanations_stand_on_paper_and_close_again(
    desk: Page, address: str, chapter: str
) -> None:
    desk.goto(address + chapter)
    answers, opened = desk.locator(".quiz details"), desk.locator(".quiz details[open]")
    answers.first.locator("summary").click()
    desk.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.count() == answers.count()
    desk.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.count() == 1
    answers.nth(1).locator("summary").click()
    assert opened.count() == 1  # those of one question close each other again


def test_shapes_stand_in_the_margin_where_there_is_one(
    browser: Browser, address: str, chapter: str
) -> None:
    for width, beside in ((1440, True), (390, False)):
        context = browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        page.goto(address + chapter)
        note = page.locator("p.shapes").first
        text = page.locator("p.shapes + p").first
        left, right = note.bounding_box()["x"], text.bounding_box()
        assert (left >= right["x"] + right["width"]) == beside, width
        context.close()


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
            elif anchor.startswith("scene="):  # a scene to ask about, see scene.js
                if not soup(html, path).select_one("[data-part=scene]"):
                    broken.append(f"{page} → {target}: the page has no scene")
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


def test_an_answer_with_code_in_it_is_one_text(phone: Page, html: Path, pages: list[str]) -> None:
    for name in with_a(html, pages, ".quiz summary code"):
        phone.goto((html / name).as_uri())
        for answer in phone.locator(".quiz summary:has(code)").all():
            assert answer.evaluate("answer => getComputedStyle(answer).display") != "flex", name


def test_what_is_focused_is_seen_and_the_first_stop_leads_to_the_text(
    desk: Page, address: str, chapter: str
) -> None:
    desk.emulate_media(reduced_motion="reduce")
    desk.goto(address + chapter)
    desk.keyboard.press("Tab")
    assert "main content" in desk.evaluate("document.activeElement.textContent").lower()
    for _ in range(60):
        seen = desk.evaluate(
            """() => {
              const at = document.activeElement, style = getComputedStyle(at);
              const label = at.matches("input") ? getComputedStyle(at.nextElementSibling) : style;
              const marked = label.outlineStyle !== "none" || style.boxShadow !== "none";
              return at.matches("body") || marked ? "" : at.outerHTML.slice(0, 120);
            }"""
        )
        assert seen == ""
        desk.keyboard.press("Tab")
    assert desk.evaluate("getComputedStyle(document.querySelector('a')).transitionDuration") == "0s"
