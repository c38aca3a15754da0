"""The table of the lecture's points: every section, name and question that it names is there."""

import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book/reference/lecture.md"
LINK = re.compile(r"\]\(\.\./\.\./notebooks/(exercises/)?(\w+)\.ipynb#([\w-]+)\)")
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]


def slug(heading: str) -> str:
    """As GitHub and MyST make an anchor of a heading: no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sections(path: Path) -> dict[str, str]:
    """The code cells under each heading of a source, by the heading's slug."""
    found, now = {}, ""
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{2,3} (.+)$", cell.source, flags=re.MULTILINE)
            for now in map(slug, headings):
                found[now] = ""
        elif cell.cell_type == "code" and now:
            found[now] += cell.source + "\n"
    return found


def test_all_thirty_points_are_there_in_order():
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 31))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "row" + row.split("|")[1].strip())
def test_a_row_names_sections_code_and_a_question_that_exist(row):
    taught, name, question = row.split("|")[-4:-1]
    places = LINK.findall(taught)
    assert places
    code = ""
    for _, chapter, anchor in places:
        there = sections(ROOT / f"book/chapters/{chapter}.md")
        assert anchor in there, (chapter, sorted(there))
        code += there[anchor]
    assert re.search(rf"\b{name.strip().strip('`')}\b", code), name

    ((folder, exercise, anchor),) = LINK.findall(question)
    assert folder
    there = sections(ROOT / f"book/exercises/{exercise}.md")
    assert anchor in there, (exercise, sorted(there))
    asked = re.search(r"`(\w+)`", question).group(1)
    assert re.search(rf"^def {asked}\b", there[anchor], flags=re.MULTILINE), asked
