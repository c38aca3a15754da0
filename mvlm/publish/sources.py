"""Read one source, a MyST Markdown notebook, and make of it a clean, deterministic notebook."""

import hashlib
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from mvlm.publish.address import Address
from mvlm.publish.quizzes import convert

SETUP = """\
# Once per machine: on Colab and Kaggle this installs the course and leaves torch and numpy alone.
try:
    import mvlm
except ModuleNotFoundError:
    from importlib.metadata import distributions
    from importlib.util import find_spec
    here = [next(iter(distributions(name=name)), None) for name in ("torch", "numpy")]
    keep = " ".join(f"{{found.name}}=={{found.version}}" for found in here if found)
    %pip install --quiet "{requirement}" {{keep}}
    if find_spec("mvlm") is None:
        raise SystemExit("mvlm was not installed: pip says why above. Is the network on?")
    import mvlm

device = mvlm.start()"""

METADATA = {
    "accelerator": "GPU",  # Colab opens the notebook on a GPU
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def link_files(text: str, address: Address) -> str:
    """The text with each `[…](FILE:path)` a link to that file of the release."""
    return text.replace("](FILE:", f"]({address.repository}/blob/{address.tag}/")


def read_source(path: Path, address: Address) -> NotebookNode:
    """A source as a notebook without outputs: set-up cell in place, plain metadata, stable ids.

    Args:
        path: a MyST Markdown notebook (``.md``).
        address: where the course is found: what the set-up cell installs, and what
            `[text](FILE:mvlm/patches.py)` becomes, a link to that file of the release.

    Raises:
        ValueError: the source does not open with a Markdown cell that holds its title, or a
            check question is not whole.
    """
    text = path.read_text(encoding="utf-8")
    text = link_files(text, address)
    notebook = jupytext.reads(convert(text), fmt="md:myst")
    if not notebook.cells or not notebook.cells[0].source.startswith("# "):
        raise ValueError(f"{path.name} does not open with its title: begin the text with '# …'")
    setup = new_code_cell(
        SETUP.format(requirement=address.requirement),
        metadata={"tags": ["setup", "nbval-ignore-output"]},
    )
    notebook.cells.insert(1, setup)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "check" in tags and "nbval-ignore-output" not in tags:
            tags.append("nbval-ignore-output")  # a table of marks is HTML with times
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    number_cells(notebook)
    return notebook


def number_cells(notebook: NotebookNode) -> None:
    """Give each cell an id made from its text, and its place among equal texts.

    Random ids, jupytext's default, would make every conversion a change.
    """
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        place = seen[text] = seen.get(text, -1) + 1
        cell.id = hashlib.sha256(f"{place}\n{text}".encode()).hexdigest()[:12]


def write_notebook(notebook: NotebookNode, path: Path) -> bool:
    """Write the notebook if that changes the file; say whether it did."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
