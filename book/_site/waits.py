"""What a page says beside a cell that makes its reader wait, from `benchmarks/course.json`."""

import json
from pathlib import Path

from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]


def long_cells(root: Path, pagename: str) -> dict[int, int]:
    """Seconds of a notebook's long cells, by their place among its code cells."""
    measured = json.loads((root / "benchmarks/course.json").read_text(encoding="utf-8"))
    name = pagename.removeprefix("notebooks/") + ".ipynb"
    seconds = measured.get("seconds of long cells", {}).get(name, {})
    if not seconds:
        return {}
    cells = json.loads((root / "notebooks" / name).read_text(encoding="utf-8"))["cells"]
    ids = [cell["id"] for cell in cells if cell["cell_type"] == "code"]
    return {ids.index(cell): took for cell, took in seconds.items() if cell in ids}


def name_waits(page: BeautifulSoup, seconds: dict[int, int]) -> None:
    """Write above each long cell how long it takes."""
    cells = page.select("div.cell")
    for place, took in seconds.items():
        line = page.new_tag("p", attrs={"class": "course-wait"})
        line.string = f"The next cell takes about {took} seconds on two CPU cores."
        cells[place].insert_before(line)
