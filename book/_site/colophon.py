"""What a page says of the course itself, read at build from where it stands: how to cite it, how
long its notebooks run, what this site was built with. Nothing of it is typed by hand.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import assets
import yaml
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from mvlm.publish.address import read_address

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "jupyter-book",
    "sphinx",
    "sphinx-book-theme",
    "myst-nb",
    "torch",
    "numpy",
    "matplotlib",
)


def bibtex(root: Path) -> str:
    """The course as BibTeX, from CITATION.cff, the version and the address in pyproject.toml."""
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    address = read_address(root)
    authors = " and ".join(f"{{{author['name']}}}" for author in citation["authors"])
    return f"""@misc{{frompixelstoprompts,
  title   = {{{{{citation["title"]}}}}},
  author  = {{{authors}}},
  version = {{{address.tag.removeprefix("v")}}},
  url     = {{{address.site}}},
}}"""


def run_times(root: Path) -> list[tuple[str, str]]:
    """What `benchmarks/course.py` measured: each notebook and its seconds."""
    measured = json.loads((root / "benchmarks/course.json").read_text(encoding="utf-8"))
    seconds = measured["seconds a notebook"] | {
        "this site, from stored notebooks": measured["seconds for the site"]
    }
    return [(name, f"{taken:.0f} s") for name, taken in seconds.items()]


def versions() -> list[tuple[str, str]]:
    """What this very build used."""
    rows = [("Python", platform.python_version())]
    rows += [(package, version(package)) for package in PACKAGES]
    for name, number, _ in (assets.KATEX, assets.SERIF):
        rows.append((name.rpartition("/")[2], number))
    return rows


class CiteThis(Directive):
    """`{cite-this}`: the BibTeX entry."""

    def run(self) -> list[nodes.Node]:
        text = bibtex(ROOT)
        return [nodes.literal_block(text, text, language="bibtex")]


class RunTimes(Directive):
    """`{run-times}`: a table of notebooks and seconds."""

    def run(self) -> list[nodes.Node]:
        return [_table(("notebook", "two CPU cores"), run_times(ROOT))]


class Versions(Directive):
    """`{versions}`: a table of what the site was built with."""

    def run(self) -> list[nodes.Node]:
        return [_table(("made with", "version"), versions())]


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> nodes.table:
    group = nodes.tgroup(cols=2)
    group += [nodes.colspec(colwidth=width) for width in (70, 30)]
    for part, lines in ((nodes.thead(), [head]), (nodes.tbody(), rows)):
        for line in lines:
            row = nodes.row()
            for cell in line:
                row += nodes.entry("", nodes.paragraph(text=cell))
            part += row
        group += part
    return nodes.table("", group)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above to Sphinx."""
    app.add_directive("cite-this", CiteThis)
    app.add_directive("run-times", RunTimes)
    app.add_directive("versions", Versions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
