"""From an exercise master to what the student gets and what the solutions page shows.

In a code cell, the lines between ``# BEGIN SOLUTION`` and ``# END SOLUTION`` are the answer.
A whole cell tagged ``solution`` is for the solutions page alone.
"""

import copy
import re

from nbformat import NotebookNode

from mvlm.publish.sources import number_cells

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


def student_version(master: NotebookNode) -> NotebookNode:
    """The master without its answers: each becomes one line that says whose turn it is.

    Raises:
        ValueError: markers do not pair, a solution stands outside any function, or a line of a
            solution is left somewhere in what the student would get.
    """
    notebook = copy.deepcopy(master)
    answers: list[str] = []
    kept = []
    for cell in notebook.cells:
        if "solution" in cell.metadata.get("tags", []):
            answers += cell.source.splitlines()
            continue
        if cell.cell_type == "code":
            cell.source, taken = _split(cell.source)
            answers += taken
        kept.append(cell)
    notebook.cells = kept
    number_cells(notebook)
    _refuse_leaks(notebook, answers)
    return notebook


def solution_version(master: NotebookNode) -> NotebookNode:
    """The master with its answers; the marker lines are gone, and the title says what it is."""
    notebook = copy.deepcopy(master)
    title = notebook.cells[0]
    title.source = re.sub(r"^# Exercise\b", "# Solutions", title.source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _split(cell.source)  # the markers must pair here too
            lines = cell.source.splitlines()
            cell.source = "\n".join(line for line in lines if line.strip() not in (BEGIN, END))
    number_cells(notebook)
    return notebook


def _split(source: str) -> tuple[str, list[str]]:
    """A cell's text with each answer replaced by its stub, and the lines that were taken out."""
    kept: list[str] = []
    taken: list[str] = []
    name = None
    inside = False
    for line in source.splitlines():
        mark = line.strip()
        if mark in (BEGIN, END) and inside != (mark == END):
            raise ValueError(
                f"'{mark}' without its partner in the cell that begins {source[:60]!r}"
            )
        if mark == BEGIN:
            if name is None:
                raise ValueError(f"a solution outside any function in the cell {source[:60]!r}")
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            kept.append(f'{indent}raise NotImplementedError("{name}: your turn")')
        elif mark == END:
            inside = False
        elif inside:
            taken.append(line)
        else:
            kept.append(line)
            if found := re.match(r"\s*def (\w+)", line):
                name = found.group(1)
    if inside:
        raise ValueError(f"'{BEGIN}' without its partner in the cell that begins {source[:60]!r}")
    return "\n".join(kept), taken


def _refuse_leaks(notebook: NotebookNode, answers: list[str]) -> None:
    """Raise when a telling line of an answer stands in the student's notebook."""
    telling = {line.strip() for line in answers if len(line.strip()) > 12}
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            if line.strip() in telling:
                raise ValueError(f"a line of a solution is left for the student: {line.strip()!r}")
