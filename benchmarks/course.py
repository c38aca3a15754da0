"""``python benchmarks/course.py``: how long the course takes to run and build, what it weighs.

Executes every notebook in a fresh kernel, builds the site, and writes `benchmarks/course.json`,
from which the site also takes what it says beside cells that make a reader wait.
"""

import gzip
import os
import platform
import sys
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import nbformat
from harness import ROOT, run, stopwatch, write
from nbclient import NotebookClient
from tqdm import tqdm

LONG = 10  # seconds of a cell that its reader is told of
PACKAGES = ("torch", "numpy", "datasets", "matplotlib", "jupyter-book", "nbval")


def run_notebook(path: Path) -> tuple[float, dict[str, int]]:
    """Wall-clock seconds of one notebook from the start of its kernel, and of its long cells."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder, stopwatch() as spent:
        NotebookClient(
            notebook,
            kernel_name="python3",
            record_timing=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    return spent.wall, long_cells(notebook)


def long_cells(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """Seconds of each cell of an executed notebook that took longer than `LONG`, by its id."""
    found = {}
    for cell in notebook.cells:
        if timing := cell.metadata.get("execution"):
            ends = (timing[f"iopub.status.{state}"] for state in ("busy", "idle"))
            busy, idle = map(datetime.fromisoformat, ends)
            if (took := (idle - busy).total_seconds()) > LONG:
                found[cell.id] = round(took)
    return found


def seconds_to_build() -> float:
    """Wall-clock seconds of the whole site from the stored notebooks, as `make book` builds it."""
    program = Path(sys.executable).with_name("jupyter-book")
    return run([program, "build", ROOT, "-W", "--keep-going", "--all"]).seconds


def kilobytes(page: Path) -> int:
    """A page's own HTML and the images it shows, compressed as a server sends them."""
    html = page.read_text(encoding="utf-8")
    stored = (ROOT / "_build/html/_images").glob("*.*")
    parts = [html.encode(), *(path.read_bytes() for path in stored if path.name in html)]
    return round(sum(len(gzip.compress(part)) for part in parts) / 1000)


def main() -> None:
    stored = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted(
        (ROOT / "notebooks/solutions").glob("*.ipynb")
    )
    runs, long = {}, {}
    for path in tqdm(stored, unit="notebook"):
        name = path.relative_to(ROOT / "notebooks").as_posix()
        took, cells = run_notebook(path)
        runs[name] = round(took, 1)
        if cells:
            long[name] = cells
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "seconds a notebook": runs,
        "seconds of long cells": long,
        "seconds for the site": round(seconds_to_build(), 1),
        "kilobytes a page": {
            page.relative_to(ROOT / "_build/html").as_posix(): kilobytes(page)
            for page in sorted((ROOT / "_build/html").glob("notebooks/**/*.html"))
        },
    }
    write("course.json", results)
    print("written to benchmarks/course.json; now run: python benchmarks/page.py")


if __name__ == "__main__":
    main()
