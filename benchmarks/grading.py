"""Seconds a submission: the course's grader beside otter-grader and nbgrader, same notebooks.

`OMP_NUM_THREADS=1 python benchmarks/grading.py` writes `grading.json`: 40 notebooks of each
exercise, each the solution with one wrong answer of the bank, one submission at a time. With
`--peers PYTHON`, an environment that has otter-grader 7.0.0, nbgrader 0.9.6 and this package, it
grades exercise 02 with all three in place of that, from the bank alone. The peers run the same
checks; they execute each notebook as a whole, and score in the process that runs it.
"""

import argparse
import copy
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from harness import ROOT, read, run, where, write
from nbformat.v4 import new_code_cell, new_notebook, new_raw_cell
from tqdm import tqdm

from mvlm.checks import exercise, exercises

sys.path.append(str(ROOT / "tests/exercises"))
from bank import Answer, mistakes, right_answers

QUESTIONS = exercise("02_patches").questions
IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor"
LOAD = "from mvlm.checks import load\n"


def answer_cells(task: str, count: int) -> list[dict[str, str]]:
    """The source of each function's cell, for each of ``count`` students of the exercise."""
    names = [question.function for question in exercise(task).questions]
    base = {name: _script(right_answers(task, name)[0]) for name in names}
    return [{**base, wrong.question: _script(wrong)} for wrong in wrong_answers(task, count)]


def wrong_answers(task: str, count: int) -> Iterator[Answer]:
    """So many mistakes of the bank, question by question, and from the front again."""
    names = [question.function for question in exercise(task).questions]
    wrong = [answer for name in names for answer in mistakes(task, name)]
    return itertools.islice(itertools.cycle(wrong), count)


def _script(answer: Answer) -> str:
    shared, own = answer.cells()
    return f"{shared}\n\n\n{own.split(maxsplit=3)[3]}"


def check_source(function: str) -> str:
    """A cell that fails when a check does: what the peers count."""
    return f'load("02_patches", namespace=globals(), strict=True).__call__("{function}")'


def seconds(command: list[str], folder: Path) -> float:
    """How long a command takes."""
    paths = os.pathsep.join([str(Path(command[0]).parent), os.environ["PATH"]])
    return run(command, folder=folder, PATH=paths).seconds  # nbgrader's alembic lies beside it


def submission(answers: dict[str, str]) -> nbformat.NotebookNode:
    """A notebook of answers alone, such as the peers get."""
    cells = [new_code_cell(f"# GRADED {name}\n{source}") for name, source in answers.items()]
    return new_notebook(cells=[new_code_cell(IMPORTS), *cells])


def submissions(task: str, count: int) -> list[nbformat.NotebookNode]:
    """The exercise's solution, with another wrong answer of the bank in each copy."""
    solution = nbformat.read(ROOT / f"notebooks/solutions/{task}.ipynb", as_version=4)
    made = []
    for answer in wrong_answers(task, count):
        notebook = copy.deepcopy(solution)
        graded = f"# GRADED {answer.question}\n"
        (cell,) = (cell for cell in notebook.cells if cell.source.startswith(graded))
        cell.source = graded + _script(answer)
        made.append(notebook)
    return made


def ours(
    task: str, notebooks: Sequence[nbformat.NotebookNode], folder: Path
) -> tuple[float, float]:
    """Seconds for all, and for one alone, which is mostly the start."""
    for number, notebook in enumerate(notebooks):
        for place in ["all", "one"][: 2 if number == 0 else 1]:
            path = folder / place / f"s{number:02}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)
    base = [sys.executable, "-m", "mvlm", "grade", task]
    times = [
        seconds(
            [*base, str(folder / place), "--out", str(folder / f"{place}-out"), "--jobs", "1"], ROOT
        )
        for place in ("all", "one")
    ]
    return times[0], times[1]


def otter(students: list[dict[str, str]], folder: Path, python: str) -> float:
    """Seconds for all with `otter run`, which needs no container."""
    folder.mkdir()
    cells = [new_raw_cell("# ASSIGNMENT CONFIG\nname: hw\ngenerate: true")]
    cells.append(new_code_cell(f"{IMPORTS}\n{LOAD}"))
    for question in QUESTIONS:
        name = question.function
        cells += [
            new_raw_cell(f"# BEGIN QUESTION\nname: {name}\npoints: {question.points}"),
            new_raw_cell("# BEGIN SOLUTION"),
            new_code_cell(students[0][name]),
            new_raw_cell("# END SOLUTION"),
            new_raw_cell("# BEGIN TESTS"),
            new_code_cell(check_source(name)),
            new_raw_cell("# END TESTS"),
            new_raw_cell("# END QUESTION"),
        ]
    master = new_notebook(cells=cells)
    master.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(master, folder / "hw.ipynb")
    tool = str(Path(python).with_name("otter"))
    seconds([tool, "assign", "hw.ipynb", "dist", "--no-run-tests"], folder)
    archive = next((folder / "dist/autograder").glob("*.zip"))
    released = nbformat.read(folder / "dist/student/hw.ipynb", as_version=4)
    total = 0.0
    for number, answers in enumerate(students):
        notebook = new_notebook(metadata=released.metadata)
        notebook.cells = [new_code_cell(IMPORTS + "\n" + LOAD)]
        notebook.cells += [new_code_cell(source) for source in answers.values()]
        place = folder / f"s{number:02}"
        place.mkdir()
        nbformat.write(notebook, place / "hw.ipynb")
        command = [tool, "run", "-a", str(archive), "-o", str(place), "--no-logo"]
        total += seconds([*command, str(place / "hw.ipynb")], folder)
    return total


def nbgrader(students: list[dict[str, str]], folder: Path, python: str) -> float:
    """Seconds for all with `nbgrader autograde`."""
    source = folder / "source/hw"
    source.mkdir(parents=True)

    def cell(text: str, name: str, **grading: object) -> nbformat.NotebookNode:
        made = {"schema_version": 3, "grade_id": name, "task": False, "locked": False}
        made |= {"grade": False, "solution": False, **grading}
        return new_code_cell(text, metadata={"nbgrader": made})

    def notebook(answers: dict[str, str]) -> nbformat.NotebookNode:
        cells = [new_code_cell(f"{IMPORTS}\n{LOAD}")]
        for question in QUESTIONS:
            name = question.function
            cells.append(cell(answers[name], name, solution=True))
            test = {"grade": True, "locked": True, "points": question.points}
            cells.append(cell(check_source(name), f"test_{name}", **test))
        made = new_notebook(cells=cells)
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        return made

    nbformat.write(notebook(students[0]), source / "hw.ipynb")
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.ClearSolutions.enforce_metadata = False\n"
        f"c.CourseDirectory.root = {str(folder)!r}\n"
    )
    tool = str(Path(python).with_name("nbgrader"))
    seconds([tool, "generate_assignment", "hw", "--create", "--force"], folder)
    for number, answers in enumerate(students):
        place = folder / f"submitted/s{number:02}/hw"
        place.mkdir(parents=True)
        nbformat.write(notebook(answers), place / "hw.ipynb")
    return seconds([tool, "autograde", "hw", "--create", "--force"], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40, help="submissions")
    parser.add_argument("--peers", help="the Python of an environment with otter and nbgrader")
    options = parser.parse_args()
    result = (read("grading.json") or {}) | where()
    if options.peers:
        result |= beside_peers(options.count, options.peers)
    else:
        result["each exercise"] = {
            name: each(name, options.count) for name in tqdm(exercises(), unit="exercise")
        }
    write("grading.json", result)
    print("written to benchmarks/grading.json; now run: python benchmarks/page.py")


def each(task: str, count: int) -> dict[str, float]:
    """Seconds a submission of one exercise, the start left out, and the seconds of the start."""
    with tempfile.TemporaryDirectory() as name:
        total, alone = ours(task, submissions(task, count), Path(name))
    return {
        "seconds a further submission": round((total - alone) / (count - 1), 2),
        "one alone": round(alone, 1),
        "seconds a submission": round(total / count, 2),
    }


def beside_peers(count: int, python: str) -> dict[str, object]:
    """Exercise 02 by all three."""
    students = answer_cells("02_patches", count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total, alone = ours("02_patches", list(map(submission, students)), folder / "ours")
        each = {"mvlm grade": round(total / count, 2)}
        for tool in (otter, nbgrader):
            each[tool.__name__] = round(tool(students, folder / tool.__name__, python) / count, 2)
    return {
        "submissions": count,
        "seconds a submission": each,
        "of which the start, once": round(alone, 1),
    }


if __name__ == "__main__":
    main()
