"""What the landing page shows: the course in one picture, the map of its chapters, the logo.

The picture goes from the pixels of one image to an answer in five steps. Every number in it
follows from the lecture's four (image, patch, channels, width). The five drawings are inline SVG
in an ordered list, so they wrap on a phone, follow the site's colours in light and dark, and are
read out by a screen reader.
"""

import re
from html import escape

from docutils import nodes
from PIL import Image, ImageDraw
from sphinx.util.docutils import SphinxDirective

IMAGE_SIZE, PATCH_SIZE, CHANNELS, WIDTH = 120, 40, 3, 1024
SIDE = IMAGE_SIZE // PATCH_SIZE
PATCHES = SIDE**2

# Each drawing fills a 40×40 cell, as an emoji of the course's world fills a patch.
DRAWINGS = {
    "apple": '<circle class="p-red" cx="16" cy="23" r="9"/><circle class="p-red" cx="24" cy="23"'
    ' r="9"/><path class="p-line" d="M20 15q0-5 3-7"/>'
    '<path class="p-green" d="M22 11q5-5 9-1-5 4-9 1"/>',
    "star": '<path class="p-yellow" d="m20 6 4.3 9 9.7 1.3-7 6.9 1.7 9.8L20 28.3 11.3 33'
    ' 13 23.2 6 16.3 15.7 15z"/>',
    "fish": '<ellipse class="p-blue" cx="18" cy="20" rx="11" ry="7"/><path class="p-blue"'
    ' d="m26 20 9-7v14z"/><circle class="p-paper" cx="12" cy="18" r="1.6"/>',
    "house": '<path class="p-orange" d="M10 18h20v15H10z"/>'
    '<path class="p-red" d="M6 19 20 7l14 12z"/>'
    '<path class="p-paper" d="M17 24h6v9h-6z"/>',
    "tree": '<path class="p-brown" d="M18 26h4v8h-4z"/><path class="p-green" d="M20 6 31 27H9z"/>',
    "heart": '<path class="p-purple"'
    ' d="M20 33C8 24 7 18 8 14c2-6 10-6 12 0 2-6 10-6 12 0 1 4 0 10-12 19"/>',
    "boat": '<path class="p-sky" d="M21 7v18h12zM19 11v14H9z"/>'
    '<path class="p-brown" d="M6 27h28l-5 7H11z"/>',
}
# Row by row; some cells are empty, as in the course's world.
SCENE = ("apple", None, "star", "fish", "house", None, "tree", "heart", "boat")


def svg(width: int, height: int, label: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{body}</svg>'
    )


def _cell(index: int, gap: float) -> str:
    row, column = divmod(index, SIDE)
    x, y = column * (PATCH_SIZE + gap), row * (PATCH_SIZE + gap)
    drawing = DRAWINGS.get(SCENE[index] or "", "")
    return (
        f'<g transform="translate({x:g} {y:g})"><path class="p-paper p-edge"'
        f' d="M0 0h{PATCH_SIZE}v{PATCH_SIZE}H0z"/>{drawing}</g>'
    )


def draw_picture() -> str:
    """Return the scene in one piece."""
    size = IMAGE_SIZE + 2
    cells = "".join(_cell(i, 0) for i in range(PATCHES))
    label = (
        "A picture of three rows of three cells. First row: an apple, nothing, a star. "
        "Second row: a fish, a house, nothing. Third row: a tree, a heart, a boat."
    )
    return svg(size, size, label, f'<g transform="translate(1 1)">{cells}</g>')


def draw_patches() -> str:
    """Return the scene cut along its patch grid, each patch with its number."""
    gap = 9
    size = IMAGE_SIZE + gap * (SIDE - 1) + 2
    cells = "".join(_cell(i, gap) for i in range(PATCHES))
    numbers = "".join(
        f'<text class="p-number" x="{(i % SIDE) * (PATCH_SIZE + gap) + 3}"'
        f' y="{(i // SIDE) * (PATCH_SIZE + gap) + 10}">{i}</text>'
        for i in range(PATCHES)
    )
    label = f"The same picture cut into {PATCHES} square patches, numbered from 0, row by row."
    return svg(size, size, label, f'<g transform="translate(1 1)">{cells}{numbers}</g>')


def draw_tokens() -> str:
    """Return one column of numbers for each patch, told apart by shade."""
    columns = []
    for i in range(PATCHES):
        for k in range(9):
            shade = ((i * 7 + k * 5 + i * k) % 9 + 1) / 10  # a fixed pattern, no meaning
            columns.append(
                f'<path class="p-blue" fill-opacity="{shade:.1f}"'
                f' d="M{i * 14 + 1} {k * 14 + 1}h10v12h-10z"/>'
            )
    label = f"{PATCHES} tokens, drawn as {PATCHES} columns of numbers: one column for each patch."
    return svg(126, 128, label, "".join(columns))


def draw_transformer() -> str:
    """Return the image's tokens and the question's tokens entering a stack of blocks."""
    image = "".join(
        f'<path class="p-blue" d="M{6 + i * 9} 104h6v18h-6z"/><path class="p-line"'
        f' d="M{9 + i * 9} 101v-8"/>'
        for i in range(PATCHES)
    )
    words = "".join(
        f'<path class="p-orange" d="M{93 + i * 9} 104h6v18h-6z"/><path class="p-line"'
        f' d="M{96 + i * 9} 101v-8"/>'
        for i in range(6)
    )
    blocks = "".join(
        f'<rect class="p-block" x="4" y="{8 + 28 * k}" width="146" height="22" rx="4"/>'
        for k in range(3)
    )
    label = f"{PATCHES} image tokens and 6 word tokens, side by side, enter a stack of blocks."
    return svg(154, 126, label, blocks + image + words)


def draw_answer() -> str:
    """Return the question and the answer as two speech bubbles."""
    body = (
        '<rect class="p-block" x="2" y="8" width="140" height="44" rx="10"/>'
        '<text class="p-words" x="14" y="27">What is in</text>'
        '<text class="p-words" x="14" y="43">the top left?</text>'
        '<rect class="p-answer" x="42" y="68" width="100" height="34" rx="10"/>'
        '<text class="p-words p-strong" x="50" y="90">An apple.</text>'
    )
    return svg(
        146, 112, "Somebody asks: What is in the top left? The model answers: An apple.", body
    )


def pipeline_html() -> str:
    """Return the whole figure as HTML."""
    vectors = f"{PATCHES} × {WIDTH}"
    steps = (
        (draw_picture(), "A picture", f"{IMAGE_SIZE} × {IMAGE_SIZE} × {CHANNELS} numbers"),
        (draw_patches(), "is cut into patches", f"{PATCHES} × {PATCH_SIZE**2 * CHANNELS}"),
        (draw_tokens(), "that an image encoder and a projector turn into vectors", vectors),
        (draw_transformer(), "that a language model reads", "beside the words"),
        (draw_answer(), "and answers", "one word after another"),
    )
    items = "".join(
        f'<li>{drawing}<p><strong>{title}</strong><span class="shape">{shape}</span></p></li>'
        for drawing, title, shape in steps
    )
    return f'<ol class="course-pipeline" role="list">{items}</ol>'


class PipelineFigure(SphinxDirective):
    """`{pipeline-figure}`: the figure, in a page."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", pipeline_html(), format="html")]


def draw_logo(cell: int = 24) -> Image.Image:
    """Return the favicon's board of nine patches, `cell` pixels each, for the social cards."""
    step = cell * 4 // 3
    size = SIDE * step + step - cell + 2 * cell
    logo = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(logo)
    draw.rounded_rectangle((0, 0, size - 1, size - 1), radius=cell, fill="#0072b2")
    for place in range(PATCHES):
        row, column = divmod(place, SIDE)
        x, y = cell + (step - cell) // 2 + column * step, cell + (step - cell) // 2 + row * step
        fill = "#f0e442" if place == PATCHES // 2 else ("#ffffff", "#8cc0de")[place % 2]
        draw.rectangle((x, y, x + cell - 1, y + cell - 1), fill=fill)
    return logo


def curl(text: str) -> str:
    """Typewriter's quotes and apostrophes as a printer has them; Sphinx leaves them in HTML."""
    return re.sub(r'"([^"]*)"', r"“\1”", text).replace("'", "’")


def chapter_item(number: str, title: str, about: str, href: str | None) -> str:
    """Return one line of the map; without an address, the chapter is planned."""
    name = curl(escape(title, quote=False))
    name = f'<a href="{href}">{name}</a>' if href else f"{name} <small>planned</small>"
    return (
        f'<li><span class="number">{number}</span>'
        f"<p><strong>{name}</strong> {curl(escape(about, quote=False))}</p></li>"
    )


class ChapterMap(SphinxDirective):
    """`{chapter-map}`: one line a chapter, `NN Title | what it is about`.

    A chapter that the site holds is linked; any other is marked as planned, so that the map cannot
    promise what does not exist.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        items = []
        for line in self.content:
            number, _, text = line.partition(" ")
            title, _, about = text.partition(" | ")
            chapter = f"notebooks/{number}_"
            page = next((name for name in self.env.found_docs if name.startswith(chapter)), None)
            href = page and self.env.app.builder.get_relative_uri(self.env.docname, page)
            items.append(chapter_item(number, title, about, href))
        html = f'<ol class="course-map" role="list">{"".join(items)}</ol>'
        return [nodes.raw("", html, format="html")]
