"""``python -m mvlm release``: an instructor's own masters, wherever they are kept."""

import argparse

from mvlm.publish.address import read_address
from mvlm.publish.masters import solution_version, student_version
from mvlm.publish.portable import check_portable
from mvlm.publish.sources import read_source, write_notebook


def run(options: argparse.Namespace) -> int:
    """Write ``exercises/`` and ``solutions/NAME.ipynb``; refuse if an answer would leak."""
    address = read_address(options.root)
    for source in options.masters:
        master = read_source(source, address)
        check_portable(master, source.name)
        versions = {"exercises": student_version(master), "solutions": solution_version(master)}
        for folder, notebook in versions.items():
            path = options.out / folder / f"{source.stem}.ipynb"
            write_notebook(notebook, path)
            print(path)
    return 0
