"""What `benchmarks/course.py` reads off an executed notebook."""

import sys
from pathlib import Path

import nbformat.v4 as nb

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from course import long_cells


def test_only_cells_that_took_longer_than_ten_seconds_are_named():
    def cell(name, seconds):
        end = f"2026-01-01T10:00:{seconds + 0.5:04.1f}Z"
        ends = {"busy": "2026-01-01T10:00:00.5Z", "idle": end}
        timing = {f"iopub.status.{state}": at for state, at in ends.items()}
        return nb.new_code_cell("", id=name, metadata={"execution": timing})

    cells = [cell("quick", 3), nb.new_markdown_cell("", id="text"), cell("slow", 17)]
    cells.append(nb.new_code_cell("", id="never-ran"))
    assert long_cells(nb.new_notebook(cells=cells)) == {"slow": 17}
