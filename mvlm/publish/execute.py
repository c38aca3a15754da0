"""Execute a notebook, and keep of its outputs what is worth storing."""

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
# A folder of somebody's machine: /home/…, /Users/…, /tmp/…, a virtual environment.
MACHINE_PATH = re.compile(r"(/home/|/Users/|/root/|/tmp/|[A-Z]:\\\\?Users|site-packages/)")


def execute(notebook: NotebookNode, folder: Path, name: str, timeout: int = 600) -> None:
    """Run every cell in ``folder`` and store clean outputs in ``notebook``.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
        ValueError: a cell printed a warning or a path of this machine, or a figure has no alt text.
    """
    NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
    ).execute()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            _clean(cell, f"{name}, cell {number} ({cell.source.splitlines()[0][:50]!r})")
    count_cells(notebook)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = nbformat.from_dict({"name": "python"})


def count_cells(notebook: NotebookNode) -> None:
    """Number the code cells 1, 2, 3, … as a fresh run does; nbval wants a number."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count


def reuse(notebook: NotebookNode, stored: NotebookNode) -> bool:
    """Take over the stored outputs if every code cell is as it was; say whether they fitted.

    Text may have changed: outputs do not depend on it.
    """
    ours = [cell for cell in notebook.cells if cell.cell_type == "code"]
    theirs = [cell for cell in stored.cells if cell.cell_type == "code"]
    if [cell.source for cell in ours] != [cell.source for cell in theirs]:
        return False
    for cell, old in zip(ours, theirs, strict=True):
        cell.outputs = old.outputs
        if "mystnb" in old.metadata:
            cell.metadata["mystnb"] = old.metadata["mystnb"]
    count_cells(notebook)
    return True


def _clean(cell: NotebookNode, name: str) -> None:
    cell.metadata.pop("execution", None)
    outputs: list[NotebookNode] = []
    for output in cell.outputs:
        if output.get("name") == "stderr":
            if "Warning" in output.text:
                raise ValueError(f"{name} printed a warning, mend its cause: {output.text[:300]}")
            continue  # progress bars
        if WIDGET in output.get("data", {}):
            continue  # state that GitHub cannot draw and that changes with every run
        if outputs and output.get("name") and outputs[-1].get("name") == output.name:
            outputs[-1].text += output.text
            continue
        _refuse_machine_paths(output, name)
        _take_alt_text(cell, output, name)
        outputs.append(output)
    cell.outputs = outputs


def _refuse_machine_paths(output: NotebookNode, name: str) -> None:
    texts = [output.get("text", "")]
    texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
    for text in texts:
        if found := MACHINE_PATH.search(re.sub(r"base64,[\w+/=]+", "", text)):
            raise ValueError(f"{name} prints a path of this machine near {found.group()!r}")


def _take_alt_text(cell: NotebookNode, output: NotebookNode, name: str) -> None:
    """A figure's alt text, stored with the output for Jupyter, goes where MyST-NB looks for it."""
    kind = next((kind for kind in output.get("data", {}) if kind.startswith("image/")), None)
    if kind is None:
        return
    described = output.metadata.get(kind, {})
    if not described.get("alt"):
        raise ValueError(
            f"{name} shows a figure without alt text: use mvlm.show.figures.show(fig, alt=…)"
        )
    if "mystnb" in cell.metadata:
        raise ValueError(f"{name} shows two figures: put each into a cell of its own")
    image = {"alt": described["alt"]}
    for side in ("width", "height"):
        if side in described:
            image[side] = f"{described[side]}px"
    if "legible" in described:  # the site shows the figure no narrower
        image["classes"] = f"legible-{described['legible']}"
    cell.metadata["mystnb"] = {"image": image}
