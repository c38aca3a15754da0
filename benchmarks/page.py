"""``python benchmarks/page.py``: the site's page of measurements, from the JSON files beside this.

No figure on the page is typed by hand; a test holds the page against the files.
"""

import json
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "book/reference/measured.md"


def read(name: str) -> dict:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def text() -> str:
    """The whole page, in Markdown."""
    course, grading, data = read("course.json"), read("grading.json"), read("data.json")
    runs, weights = course["seconds a notebook"], course["kilobytes a page"]
    versions = ", ".join(f"{name} {number}" for name, number in course["versions"].items())
    peers = grading["seconds a submission"]
    return f"""# What was measured

Figures from the files in `benchmarks/`, each written by the command beside it. The machine: {course["machine"]}, Python {course["python"]}; {versions}. It was shared with other work while these ran, so a quiet one is faster.

## How long does the course take to run?

`python benchmarks/course.py` runs every notebook in a fresh kernel and builds the site from nothing, which took {course["seconds for the site"]} seconds.

{table(("notebook", "seconds", "page, kB compressed"), [(name, seconds, weights.get("notebooks/" + name.replace(".ipynb", ".html"), "")) for name, seconds in runs.items()])}

## How fast is the course's world drawn?

`python benchmarks/data.py`, on one core, in its own processor time:

{table(("what", "figure"), list(data_rows(data)))}

## How long does grading take?

`python benchmarks/grading.py --peers PYTHON` grades the same {grading["submissions"]} submissions of exercise 02 with each program, start included:

{table(("program", "seconds a submission", "times as long as ours"), [(name, seconds, round(seconds / peers["mvlm grade"], 1)) for name, seconds in peers.items()])}

The other two run the whole notebook in a new kernel each; ours reads it and calls its functions in a process that has torch loaded already. What each of them is protected against is said in the [guide for instructors](instructors.md).

## What was not measured

No GPU was at hand. The notebooks print only what should be the same on one (shapes, comparisons, rounded numbers), and tests marked `gpu` wait for a machine that has one.
"""


def data_rows(data: dict) -> list[tuple[str, str]]:
    """The data benchmark's figures, named as in its file."""
    return [
        (name, f"{value:,}" if isinstance(value, int | float) else value)
        for name, value in data.items()
        if name not in ("processor", "python")
    ]


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    print(PAGE.name, "written")
