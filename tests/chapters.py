"""Cells of the chapters' sources, for tests that run one with other things around it."""

from pathlib import Path

import jupytext

CHAPTERS = Path(__file__).parents[1] / "book/chapters"


def cell_with(chapter: str, text: str) -> str:
    """The one code cell of a chapter, such as "06_training_clip", that holds this text."""
    cells = jupytext.read(CHAPTERS / f"{chapter}.md").cells
    (source,) = [cell.source for cell in cells if cell.cell_type == "code" and text in cell.source]
    return source
