"""The repository as its files say it is: the house drawn from the package's imports, the targets of
the Makefile, the workflows of CI. Read when the site is built, so that none of it can go stale.
"""

import ast
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import networkx
import yaml
from docutils import nodes
from landing import svg
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mvlm"
WIDTH, ROW, BOX, HIGH, LETTER = 520, 62, 20, 26, 7.3  # pixels; BOX is what stands around a name


def imports(package: Path = PACKAGE) -> networkx.DiGraph:
    """Which part of the package imports which: a part is a module of the lecture's or a folder."""
    graph = networkx.DiGraph()
    for path in sorted(package.rglob("*.py")):
        own = path.relative_to(package).parts[0].removesuffix(".py")
        if not own.startswith("__"):
            graph.add_node(own)
            found = {name.split(".")[1] for name in _imported(path) if name.startswith("mvlm.")}
            graph.add_edges_from((own, other) for other in found - {own})
    return graph


def _imported(path: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folders(graph: networkx.DiGraph) -> set[str]:
    """The parts that are folders; the others are the lecture's modules."""
    return {part for part in graph if (PACKAGE / part).is_dir()}


def _rows(graph: networkx.DiGraph) -> list[list[str]]:
    """The parts in rows, highest first: each right below what imports it, near what it imports."""
    rows = [sorted(row) for row in networkx.topological_generations(graph)]
    place: dict[str, float] = {}
    for row in reversed(rows):
        below = {part: [place[other] for other in graph[part]] or [0.5] for part in row}
        row.sort(key=lambda part: (sum(below[part]) / len(below[part]), part))
        place |= {part: (i + 0.5) / len(row) for i, part in enumerate(row)}
    return rows


def _storey(graph: networkx.DiGraph, top: float, kind: str) -> tuple[str, float]:
    """Boxes and arrows of one graph from `top` downwards, and how high it came out."""
    rows = _rows(graph)
    centre = {}
    for level, row in enumerate(rows):
        widths = [len(part) * LETTER + BOX for part in row]
        gap = (WIDTH - sum(widths)) / (len(row) + 1)
        x = gap
        for part, width in zip(row, widths, strict=True):
            centre[part] = (x + width / 2, top + level * ROW + HIGH / 2)
            x += width + gap
    lines, boxes = [], []
    for part, other in networkx.transitive_reduction(graph).edges:
        (x, y), (to_x, to_y) = centre[part], centre[other]
        y, to_y = y + HIGH / 2, to_y - HIGH / 2 - 5
        middle = (y + to_y) / 2
        lines.append(
            f'<path class="p-line" d="M{x:.0f} {y:.0f}C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f}'
            f' {to_x:.0f} {to_y:.0f}" marker-end="url(#house-arrow)"/>'
        )
    for part, (x, y) in centre.items():
        width = len(part) * LETTER + BOX
        boxes.append(
            f'<rect class="{kind}" x="{x - width / 2:.0f}" y="{y - HIGH / 2:.0f}"'
            f' width="{width:.0f}" height="{HIGH}" rx="4"/>'
            f'<text class="p-part" x="{x:.0f}" y="{y + 4:.0f}">{escape(part)}</text>'
        )
    return "".join(lines + boxes), len(rows) * ROW


def draw_house() -> str:
    """The folders above, the lecture's modules below; an arrow goes to what is imported.

    Of the arrows, those are left out that follow from others.
    """
    graph = imports()
    above = graph.subgraph(folders(graph))
    below = graph.subgraph(set(graph) - set(above))
    head = (
        '<defs><marker id="house-arrow" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path class="p-head" d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    upper, high = _storey(above, 30, "p-block")
    title = '<text class="p-words" x="8" y="18">folders</text>'
    line = f'<path class="p-line" stroke-dasharray="4 4" d="M8 {high + 12}H{WIDTH - 8}"/>'
    lower, deep = _storey(below, high + 60, "p-answer")
    label = f'<text class="p-words" x="8" y="{high + 36}">the lecture, one module an idea</text>'
    words = f"{len(above)} folders above {len(below)} modules of the lecture, arrows downwards."
    return svg(WIDTH, round(high + deep + 40), words, head + title + upper + line + label + lower)


def house_html() -> str:
    """The drawing, which scrolls on a phone, and the same in words."""
    graph = imports()
    items = "".join(
        f"<dt><code>{part}</code></dt><dd>{', '.join(sorted(graph[part])) or 'nothing'}</dd>"
        for part in sorted(graph, key=lambda part: (part not in folders(graph), part))
    )
    return (
        '<div class="figure-scroll course-house" role="group" tabindex="0" aria-label="Figure">'
        f"{draw_house()}</div><details><summary>What each part imports, in words</summary>"
        f"<dl>{items}</dl></details>"
    )


def targets() -> list[tuple[str, str]]:
    """What `make help` shows."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return [
        (f"`make {name}`", about) for name, about in re.findall(r"^(\w+):.*## (.*)", text, re.M)
    ]


def workflows() -> list[tuple[str, str]]:
    """Each workflow of CI: what it says it is for, and the commands that it runs."""
    found = []
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        about = text.partition("\n")[0].removeprefix("# ") if text.startswith("#") else ""
        steps = (
            step["run"]
            for job in yaml.safe_load(text)["jobs"].values()
            for step in job["steps"]
            if "run" in step and not step["run"].startswith("sudo")
        )
        commands = ", ".join(f"`{command}`" for command in dict.fromkeys(steps))
        found.append((f"`{path.stem}`", f"{about} Runs {commands}."))
    return found


class House(SphinxDirective):
    """`{house}`: the package in one drawing."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", house_html(), format="html")]


class Listing(SphinxDirective):
    """`{made-of} targets` or `{made-of} workflows`: a table of them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        rows = {"targets": targets, "workflows": workflows}[self.arguments[0]]()
        lines = [line for name, about in rows for line in (name, f": {about}", "")]
        home = nodes.container()
        self.state.nested_parse(lines, self.content_offset, home)
        return home.children


def setup(app: Sphinx) -> None:
    """Connect the above to Sphinx."""
    app.add_directive("house", House)
    app.add_directive("made-of", Listing)
