"""One notebook, three ways to its points: report() in it, the notebook and report()'s file graded.

The notebooks are run by IPython itself, cell by cell, as a student runs them.
"""

import json
from pathlib import Path

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from mvlm.checks.core import check, run_check
from mvlm.checks.expect import expect_slopes
from mvlm.checks.local import LocalCaller
from mvlm.checks.notebook import Checker
from mvlm.grading.files import Source, cells_of
from mvlm.grading.grade import RemoteCaller, grade
from mvlm.grading.hostile import EXERCISE

HONEST = "# GRADED honest\ndef honest(x):\n    return -x"
STEAL = "# GRADED steal\ndef steal(x):\n    return 2 * x + 1"
WITH_K = "# GRADED steal\ndef steal(x):\n    return K * x + 1"

NOTEBOOKS = {
    "nothing special": [STEAL],
    "a constant worked out in the answer's cell": [
        "# GRADED steal\nimport math\nK = int(math.sqrt(4))\ndef steal(x):\n    return K * x + 1"
    ],
    "a constant worked out in another cell": ["import math", "K = int(math.sqrt(4))", WITH_K],
    "a constant that needs another": ["import math\nfour = math.pow(2, 2)", "K = four / 2", WITH_K],
    "a constant in two steps": ["K = 1", "K += 1", WITH_K],
    "constants from one line": ['K, L = (int(digit) for digit in "27")', WITH_K],
    "a table filled in a loop": [
        "table = []\nfor n in range(3):\n    table.append(n)",
        "# GRADED steal\ndef steal(x):\n    return table[2] * x + 1",
    ],
    "a constant under with": ["import torch\nwith torch.no_grad():\n    K = 2 * 1.0", WITH_K],
    "a constant under if": ["if max(1, 2) > 1:\n    K = 2\nelse:\n    K = 3", WITH_K],
    "a constant under __main__": ['if __name__ == "__main__":\n    K = int("2")', WITH_K],
    "a constant of %time": ['%time K = int("2")', WITH_K],
    "a cell that is no Python": ["def broken(:\n    pass", STEAL],
    "%%time above the answer": [f"%%time\n{STEAL}"],
    "%%capture and remarks above the answer": [f"%%capture out\n\n# my answer:\n{STEAL}"],
    "%%time above a constant": ['%%time\nK = int("2")', WITH_K],
    "another language": ["%%bash\necho def steal", STEAL],
    "a command that goes on": [
        "!true \\\n    einops \\\n    torch\nimport math",
        "# GRADED steal\ndef steal(x):\n    return math.sqrt(4) * x + 1",
    ],
    "commands and help": [
        "import math\n%matplotlib inline\n?len\nfiles = !true\nmath.sqrt??",
        "# GRADED steal\ndef steal(x):\n    return math.sqrt(4) * x + 1",
    ],
    "a command in the answer's cell": [f"{STEAL}\n!true"],
    "annotations that nothing looks at": [
        "from __future__ import annotations",
        "# GRADED steal\ndef steal(x: Nowhere) -> Floats[Nothing]:\n    return 2 * x + 1",
    ],
    "an annotation that is made": [
        'import collections\nBatch = collections.namedtuple("Batch", "images")',
        "# GRADED steal\ndef steal(x: Batch):\n    return 2 * x + 1",
    ],
    "a name hidden and given back": [
        "len = 3\nprint(len)",
        "del len",
        "# GRADED steal\ndef steal(x):\n    return x * len('ab') + 1",
    ],
    "a name of tries given back": ["import torch\nloss = torch.ones(1)", "del loss, torch", STEAL],
    "defined twice, the last right": [STEAL.replace("2", "3"), STEAL],
    "an answer under if": [
        "import sys\nif sys.version_info > (3,):\n    def two():\n        return 2\n"
        "else:\n    print('old')",
        "# GRADED steal\ndef steal(x):\n    return two() * x + 1",
    ],
    "an import that is tried": [
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
        "# GRADED steal\ndef steal(x):\n    return (3 if nowhere else 2) * x + 1",
    ],
    "a long elif": ["k = 1\nif k == 0:\n    pass\n" + "elif k == 2:\n    pass\n" * 90, STEAL],
    "a name that is not there among others": [
        "import math",
        "from math import sqrt, nowhere",
        "# GRADED steal\ndef steal(x):\n    return math.sqrt(4) * x + 1",
    ],
    "a device": [
        "import torch",
        'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
        "# GRADED steal\ndef steal(x):\n    return 2 * x.to(device).cpu() + 1",
    ],
    "an answer tried out in its own cell": [
        "import torch\nexample = torch.ones(3)",
        f"{STEAL}\nassert steal(example).sum() == 9\nprint(steal(example))",
    ],
    "a dataclass": [
        "from dataclasses import dataclass, field\n@dataclass\nclass Config:\n"
        "    k: int = 2\n    rest: list = field(default_factory=list)",
        "config = Config(k=2)",
        "# GRADED steal\ndef steal(x):\n    return config.k * x + 1",
    ],
    "a global that is changed": [
        "calls = 0",
        "# GRADED steal\ndef steal(x):\n    global calls\n    calls += 1\n    return 2 * x + 1",
    ],
    "a lambda": ["# GRADED steal\nsteal = lambda x: 2 * x + 1"],
    "an object": [
        "class Twice:\n    def __call__(self, x):\n        return 2 * x + 1",
        "steal = Twice()",
    ],
    "a partial": [
        "import functools\ndef times(k, x):\n    return k * x + 1",
        "steal = functools.partial(times, 2)",
    ],
    "a decorator": [
        "import functools\ndef loud(f):\n    @functools.wraps(f)\n    def g(*a):\n"
        "        return f(*a)\n    return g",
        "# GRADED steal\n@loud\ndef steal(x):\n    return 2 * x + 1",
    ],
    "all of a module": [
        "from math import *",
        "# GRADED steal\ndef steal(x):\n    return sqrt(4) * x + 1",
    ],
    "helpers in other cells, below": [
        "# GRADED steal\ndef steal(x):\n    return helper(x) + 1",
        "def helper(x):\n    def inner():\n        return 2 * x\n    return inner()",
    ],
    "what IPython adds": [
        "# GRADED steal\ndef steal(x):\n    get_ipython()\n    display(1)\n    return 2 * x + 1"
    ],
    "top-level await": ["import asyncio\nawait asyncio.sleep(0)", STEAL],
    "the prompts of an example": [
        ">>> # GRADED steal\n>>> def steal(x):\n...     return 2 * x + 1",
    ],
    "an indented cell": ["    # GRADED steal\n    def steal(x):\n        return 2 * x + 1"],
    "odd line ends in texts": [
        '# GRADED steal\ndef steal(x):\n    "a\x0cb\u2028c"\n    return 2 * x + 1'
    ],
    "remarks that look like the edge of a cell": [
        '# GRADED steal\nK = int("2")\n# %% now\ndef steal(x):\n# +\n    return K * x + 1'
    ],
    "answers in one cell": [f"{STEAL}\n{HONEST}"],
    "the marker spelt otherwise": [
        "#GRADED steal\nK = int('2')\ndef steal(x):\n    return K * x + 1"
    ],
    "a wrong answer": [STEAL.replace("+ 1", "+ 2")],
    "an answer that is no Python": [f"{STEAL}\n)"],
    "an answer that is not there": ["steal = 3"],
    "a value that cannot be sent": [
        "import numpy as np\n# GRADED steal\ndef steal(x):\n    return np.longdouble(x.sum())"
    ],
}
WRONG = (
    "a wrong answer",
    "an answer that is no Python",
    "an answer that is not there",
    "a value that cannot be sent",
)


def test_cells_in_another_order_than_they_were_run(sandbox, tmp_path):
    cells = [
        "class Twice(Base):\n    pass",
        "K = math.tau / math.pi",
        "# GRADED steal\ndef steal(x):\n    return Twice().times(x, K) + 1",
        HONEST,
        "class Base:\n    def times(self, x, k):\n        return k * x",
        "import math",
    ]
    assert points(as_notebook(cells, tmp_path / "x.ipynb"), sandbox) == 3


@pytest.mark.parametrize("count", [3000, 100_000])
def test_an_expression_without_end_costs_its_own_cell(count, sandbox, tmp_path):
    cells = [f"big = {'+'.join(['1'] * count)}", f"not {'-' * count}1", STEAL, HONEST]
    assert points(as_notebook(cells, tmp_path / "x.ipynb"), sandbox) == 3


@pytest.mark.parametrize(
    "line",
    ["pip install -q einops", "%pip install einops \\\n   torch", "conda install x -y",
     "! pip install 'it", "uv pip install x", "apt-get install y", "%load_ext autoreload",
     "matplotlib inline", "from google.colab import drive", "wget https://example.org/x.zip"],
)  # fmt: skip
def test_a_line_of_an_import_cell_that_is_no_python_costs_nothing(line, sandbox, tmp_path):
    cells = [
        f"{line}\nimport math\n{line}\nTWO = 2",
        "# GRADED steal\ndef steal(x):\n    return math.sqrt(4) * TWO / 2 * x + 1",
        HONEST,
    ]
    assert points(as_notebook(cells, tmp_path / "x.ipynb"), sandbox) == 3


def as_notebook(cells, path):
    made = [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells]
    path.write_text(json.dumps({"cells": made, "nbformat": 4}))
    return path


def points(path, sandbox):
    _, cells = cells_of(Source(path.name, path.stat().st_size, path=path))
    return grade(EXERCISE, cells, sandbox, "secret").points


@pytest.fixture
def shell():
    config = Config()
    config.HistoryManager.enabled = False
    return InteractiveShell(config=config)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_report_its_file_and_the_notebook_have_the_same_points(
    name, sandbox, shell, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    cells = [HONEST, *NOTEBOOKS[name]]
    for cell in cells:
        shell.run_cell(cell, store_history=True)
    checker = Checker(EXERCISE, shell.user_ns, strict=False)
    checker.report("answers.py")
    in_file = points(Path("answers.py"), sandbox)
    in_notebook = points(as_notebook(cells, tmp_path / "x.ipynb"), sandbox)
    wanted = 1 if name in WRONG else 3
    assert (checker.score(), in_file, in_notebook) == (wanted, wanted, wanted)


ENDS = {
    "a tensor": ("return (x - 1).pow(2).sum()", True),
    "a list of one tensor": ("return [(x - 1).pow(2).sum().reshape(1)]", True),
    ".item()": ("return (x - 1).pow(2).sum().item()", False),
    ".detach()": ("return (x.detach() - 1).pow(2).sum()", False),
    "half detached": ("return (x - 1).mul(x.detach() - 1).sum()", False),
    "NumPy": ("return float(((x.numpy() - 1) ** 2).sum())", False),
    "a nan on the way back": ("return (x - 1).pow(2).sum() + (0 * x).sum().sqrt() * 0", False),
    "gradients turned off in a cell": ("return (x - 1).pow(2).sum()", True),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_gradient_is_followed_in_the_sandbox_as_in_the_notebook(sandbox, name):
    def run(student):
        expect_slopes(student, "steal", student.normal(3), learns={0: "numbers"})

    line, passes = ENDS[name]
    cells = ["import torch", f"# GRADED steal\ndef steal(x):\n    {line}"]
    if "turned off" in name:
        cells.insert(1, "# GRADED off\ntorch.set_grad_enabled(False)")
    wanted = check("title", "hint")(run)
    names = {}
    before = torch.is_grad_enabled()
    for cell in cells:
        exec(cell, names)
    torch.set_grad_enabled(before)
    remote = RemoteCaller(sandbox, [("cell", cell) for cell in cells], {"": 60.0})
    try:
        outcomes = [run_check(wanted, caller) for caller in (LocalCaller(names), remote)]
    finally:
        remote.close()
    assert [bool(outcome.points) for outcome in outcomes] == [passes, passes], outcomes
    assert len({outcome.hint for outcome in outcomes}) == 1
