"""``python -m mvlm notebooks``: write, and where its code changed execute, every notebook.

========================  =======================================================
book/chapters/NN_*.md     notebooks/NN_*.ipynb, executed
book/exercises/NN_*.md    notebooks/exercises/NN_*.ipynb, the student's, not executed
                          notebooks/solutions/NN_*.ipynb, executed
========================  =======================================================
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from mvlm.publish.address import read_address
from mvlm.publish.execute import execute, reuse
from mvlm.publish.masters import solution_version, student_version
from mvlm.publish.portable import check_portable
from mvlm.publish.sources import read_source, write_notebook


@dataclass(frozen=True, kw_only=True)
class Target:
    """One notebook to be: where it comes from, where it goes, and its cells without outputs."""

    source: Path
    path: Path
    notebook: NotebookNode
    executed: bool


def targets(root: Path) -> Iterator[Target]:
    """Every notebook that the sources under ``root/book`` call for."""
    address = read_address(root)
    for source in sorted((root / "book/chapters").glob("*.md")):
        notebook = read_source(source, address)
        path = root / "notebooks" / f"{source.stem}.ipynb"
        yield Target(source=source, path=path, notebook=notebook, executed=True)
    for source in sorted((root / "book/exercises").glob("*.md")):
        master = read_source(source, address)
        name = f"{source.stem}.ipynb"
        yield Target(
            source=source,
            path=root / "notebooks/exercises" / name,
            notebook=student_version(master),
            executed=False,
        )
        yield Target(
            source=source,
            path=root / "notebooks/solutions" / name,
            notebook=solution_version(master),
            executed=True,
        )


def difference(target: Target) -> str | None:
    """How the stored notebook departs from its source, in one sentence; None if it does not."""
    if not target.path.exists():
        return f"{target.path.name} is missing"
    stored = nbformat.read(target.path, as_version=4)
    wanted, found = (
        [(c.id, c.cell_type, c.source) for c in nb.cells] for nb in (target.notebook, stored)
    )
    for number, (want, have) in enumerate(zip(wanted, found, strict=False)):
        if want != have:
            place = f"{target.source.name} at cell {number}: {want[2][:60]!r}"
            return f"{target.path.name} differs from {place}"
    if len(wanted) != len(found):
        return (
            f"{target.path.name} has {len(found)} cells, {target.source.name} makes {len(wanted)}"
        )
    return None


def build(target: Target, *, force: bool = False) -> tuple[bool, bool]:
    """Bring one stored notebook up to date.

    Args:
        target: what to build.
        force: execute even if no code cell changed.

    Returns:
        Whether it was executed, and whether the file changed.
    """
    notebook = target.notebook
    check_portable(notebook, target.source.name)
    ran = False
    if target.executed:
        stored = (
            None if force or not target.path.exists() else nbformat.read(target.path, as_version=4)
        )
        if stored is None or not reuse(notebook, stored):
            with tempfile.TemporaryDirectory() as folder:  # what cells write is not kept
                execute(notebook, Path(folder), target.source.name)
            ran = True
    return ran, write_notebook(notebook, target.path)


def run(options: argparse.Namespace) -> int:
    """Build what is out of date and say what was done."""
    wanted = [t for t in targets(options.root) if not options.only or options.only in t.path.name]
    ran = changed = 0
    bar = tqdm(wanted, unit="notebook")
    for target in bar:
        bar.set_description(str(target.path.relative_to(options.root)))
        executed, written = build(target, force=options.force)
        ran += executed
        changed += written
    print(f"{len(wanted)} notebooks: {ran} executed, {changed} files changed.")
    return 0
