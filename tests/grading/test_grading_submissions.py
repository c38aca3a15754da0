"""Every kind of submission that the table in the grader's design names, on exercise 02."""

import copy
import json
import os
import re
from pathlib import Path

import nbformat
import pytest

from mvlm.checks import exercise
from mvlm.grading.grade import grade
from mvlm.grading.run import read_hidden
from mvlm.grading.submissions import Source, Submission, Unreadable, read_cells
from mvlm.publish.address import read_address
from mvlm.publish.masters import solution_version, student_version
from mvlm.publish.sources import read_source

ROOT = Path(__file__).parents[2]
EXERCISE = exercise("02_patches")
MASTER = read_source(ROOT / "book/exercises/02_patches.md", read_address(ROOT))
SOLUTION = solution_version(MASTER)
UNTOUCHED = student_version(MASTER)


ALL = EXERCISE.points


def worth(function):
    return EXERCISE.question(function).points


def answer(notebook, function):
    return next(c for c in notebook.cells if c.source.startswith(f"# GRADED {function}\n"))


def graded(sandbox, tmp_path, notebook, name="x.ipynb"):
    path = tmp_path / name
    path.unlink(missing_ok=True)
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    elif name.endswith(".py"):
        path.write_text(notebook)
    else:
        path.write_text(json.dumps(notebook))
    source = Source(name, path.stat().st_size, path=path)
    _, cells = read_cells(Submission(student="x", name="x", source=source))
    return grade(EXERCISE, cells, sandbox, "secret")


@pytest.fixture
def solution():
    return copy.deepcopy(SOLUTION)


def code(source):
    return nbformat.v4.new_code_cell(source)


def points(result, function):
    return sum(mark.points for mark in result.marks if mark.question == function)


def test_the_untouched_notebook_has_0_and_friendly_messages(sandbox, tmp_path):
    result = graded(sandbox, tmp_path, UNTOUCHED)
    assert (result.points, result.out_of, result.notes) == (0, ALL, ())
    assert {mark.sign for mark in result.marks} == {"⬜"}
    assert result.marks[0].message == "patchify_hwc is not written yet"


def test_the_solution_has_full_marks_and_a_note_on_what_is_not_there(sandbox, tmp_path):
    result = graded(sandbox, tmp_path, SOLUTION)
    assert (result.points, result.out_of) == (ALL, ALL)
    assert all("mvlm.patches holds a finished answer" in note for note in result.notes)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("0, 2, 4, 3, 5, 1", "b, h // p, w // p, -1"), ("0, 4, 2, 3, 5, 1", "b, -1, p * p * c")],
    ids=["shape of the grid", "grid transposed"],
)
def test_wrong_shape_and_wrong_order_have_partial_credit(sandbox, tmp_path, solution, axes, shape):
    answer(solution, "patchify_hwc").source = (
        "# GRADED patchify_hwc\ndef patchify_hwc(images, p):\n    b, c, h, w = images.shape\n"
        f"    return images.reshape(b, c, h // p, p, w // p, p).permute({axes}).reshape({shape})"
    )
    result = graded(sandbox, tmp_path, solution)
    assert 0 < points(result, "patchify_hwc") < worth("patchify_hwc")
    assert ALL - result.points == worth("patchify_hwc") - points(result, "patchify_hwc")


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("import torch\nx = undefined_name\n", "NameError"),
        ("def broken(:\n    pass", "SyntaxError in line 1"),
        ("import no_such_module", "ModuleNotFoundError"),
    ],
)
def test_an_error_in_another_cell_costs_nothing_and_is_noted(
    sandbox, tmp_path, solution, source, note
):
    solution.cells.insert(2, code(source))
    result = graded(sandbox, tmp_path, solution)
    assert result.points == ALL
    assert any(text.startswith("cell 3: ") and note in text for text in result.notes)


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    pass",
        "for step in range(10**9):\n    loss = torch.randn(9).sum()",
        "import time\ntime.sleep(10**6)",
        "%%bash\nsleep 100000",
        "!pip install torch==0.1\n%matplotlib inline\nexit()",
        "input('continue?')",
    ],
)
def test_what_other_cells_would_run_is_not_run(sandbox, tmp_path, solution, source):
    solution.cells.insert(2, code(source))
    assert graded(sandbox, tmp_path, solution).points == ALL


def test_an_endless_loop_costs_its_own_question(sandbox, tmp_path, solution):
    cell = answer(solution, "unpatchify_hwc")
    head = cell.source.split('"""')[0]
    cell.source = f"{head}while True:\n        pass\n"
    result = graded(sandbox, tmp_path, solution)
    assert result.points == ALL - worth("unpatchify_hwc")
    (first, *rest) = [mark for mark in result.marks if mark.question == "unpatchify_hwc"]
    assert "stopped after 5 s" in first.message
    # 1 s of computing; where the machine stood still meanwhile, 12 s on the wall
    later = [mark.message for mark in rest]
    # or not run at all, once the question's whole time is used up
    ends = ("stopped after 1", "not run: the calls before it took")
    assert all(any(end in message for end in ends) for message in later), later


def test_check_cells_deleted_or_edited_cost_nothing(sandbox, tmp_path, solution):
    for cell in solution.cells:
        if cell.source.startswith("check"):
            cell.source = "check = lambda *a: print('20/20 points')"
    assert graded(sandbox, tmp_path, solution).points == ALL
    solution.cells = [cell for cell in solution.cells if not cell.source.startswith("check")]
    assert graded(sandbox, tmp_path, solution).points == ALL


def test_metadata_kernel_and_name_do_not_matter(sandbox, tmp_path, solution):
    for cell in solution.cells:
        cell.metadata = nbformat.NotebookNode()
    solution.metadata = nbformat.from_dict(
        {"kernelspec": {"name": "no-such", "display_name": "?", "language": "julia"}}
    )
    result = graded(sandbox, tmp_path, solution, "Copy of 02 (1) FINAL.ipynb")
    assert result.points == ALL


def test_an_answer_cell_deleted_costs_its_question(sandbox, tmp_path, solution):
    solution.cells.remove(answer(solution, "pad_to_grid"))
    result = graded(sandbox, tmp_path, solution)
    assert result.points == ALL - worth("pad_to_grid")
    assert "pad_to_grid is not defined" in {mark.message for mark in result.marks}


def test_an_answer_cell_copied_or_split_is_graded(sandbox, tmp_path, solution):
    cell = answer(solution, "resize_table")
    place = solution.cells.index(cell)
    helper = "def size_of(grid):\n    return grid[0] * grid[1]\n"
    cell.source = cell.source.replace("new_grid[0] * new_grid[1]", "size_of(new_grid)")
    solution.cells.insert(place, code(helper))
    solution.cells.append(copy.deepcopy(cell))
    stub = answer(UNTOUCHED, "resize_table").source
    solution.cells.append(code(stub))  # the task, kept below for reference
    assert graded(sandbox, tmp_path, solution).points == ALL


def test_the_marker_may_be_lost(sandbox, tmp_path, solution):
    for cell in solution.cells:
        cell.source = cell.source.removeprefix("# GRADED")
        if cell.source.startswith(" "):
            cell.source = cell.source.split("\n", 1)[1]
    assert graded(sandbox, tmp_path, solution).points == ALL


def test_a_python_file_is_graded(sandbox, tmp_path):
    answers = (answer(SOLUTION, question.function) for question in EXERCISE.questions)
    source = "\n\n".join(cell.source for cell in answers)
    source = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor\n" + source
    result = graded(sandbox, tmp_path, f"{source}\nwhile True: pass\n", "mine.py")
    assert result.points == ALL


def test_an_old_notebook_is_graded(sandbox, tmp_path):
    cells = [
        {"cell_type": "code", "input": cell.source.splitlines(True)} for cell in SOLUTION.cells
    ]
    old = {"nbformat": 3, "worksheets": [{"cells": cells}]}
    assert graded(sandbox, tmp_path, json.dumps(old).encode()).points == ALL


def test_the_guides_hidden_check_works(sandbox, tmp_path):
    guide = (ROOT / "book/reference/instructors.md").read_text()
    example = re.search(r"```python\n(.+?)```", guide, re.DOTALL).group(1)
    (tmp_path / "hidden.py").write_text(example)
    hidden = read_hidden(tmp_path / "hidden.py", EXERCISE)
    cells = [(f"cell {n}", c.source) for n, c in enumerate(SOLUTION.cells) if c.cell_type == "code"]
    assert grade(EXERCISE, cells, sandbox, "secret", hidden).points == ALL + 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"hello", "it is no JSON text"),
        (b'{"cells": [', "cut off"),
        (b"[" * 100_000, "it is no JSON text"),
        (b'{"a": 1}', "JSON without cells"),
        (b'{"cells": 3}', "JSON without cells"),
        (b"[1, 2]", "JSON without cells"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text file"),
        (b"\0\0\0\0", "not a text file"),
    ],
)
def test_what_is_no_notebook_is_unreadable_with_the_reason(tmp_path, data, reason):
    with pytest.raises(Unreadable, match=reason):
        graded(None, tmp_path, data)


def test_a_file_too_large_is_not_read(tmp_path):
    path = tmp_path / "x.ipynb"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    source = Source("x.ipynb", path.stat().st_size, path=path)
    with pytest.raises(Unreadable, match="200 MB, the limit is 50 MB"):
        read_cells(Submission(student="x", name="x", source=source))


def test_a_link_and_a_pipe_are_not_followed(tmp_path):
    (tmp_path / "secret.py").write_text("x = 1")
    (tmp_path / "link.py").symlink_to(tmp_path / "secret.py")
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("link.py", "pipe.py"):
        with pytest.raises(Unreadable, match="cannot be read|not an ordinary file"):
            Source(name, 0, path=tmp_path / name).read()


def test_a_very_long_notebook_is_graded(sandbox, tmp_path, solution):
    solution.cells += [code(f"# é {n}\n" + "x = 1\n" * 50) for n in range(4000)]
    assert graded(sandbox, tmp_path, solution).points == ALL


@pytest.mark.parametrize(
    "cells",
    [
        [1, None, "x", {"cell_type": "code"}, {"cell_type": "code", "source": 3}],
        [{"cell_type": "code", "source": [1, "def f():\n", None, "    pass"]}],
        [{"cell_type": "code", "source": "x = " + "(" * 3000 + ")" * 3000}],
        [{"cell_type": "code", "source": "x = " + "-" * 100_000 + "1"}],
        [{"cell_type": "code", "source": "\ud800 = 1"}],
    ],
)
def test_odd_cells_end_in_a_grade(sandbox, tmp_path, cells):
    result = graded(sandbox, tmp_path, json.dumps({"cells": cells}).encode())
    assert (result.status, result.points) == ("graded", 0)
