"""What of a notebook counts, found without running it."""

import ast

import pytest

from mvlm.checks.sources import is_stub, kept_text, pieces, plain_python


def kept(source):
    return [ast.unparse(piece.node) for piece in pieces(source)]


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "from torch import nn as n",
        "def f(x):\n    return x",
        "class A:\n    pass",
        "P = 40",
        "N = (120 // P) ** 2",
        "dtype: torch.dtype = torch.float32",
        "up = lambda n: math.ceil(n)",
        "Pair = tuple[int, int]",
        "@cache\ndef f(x):\n    return x",
    ],
)
def test_imports_definitions_and_plain_constants_count(source):
    assert kept(source) == [source]
    assert kept_text(source) == source


@pytest.mark.parametrize(
    "source",
    [
        "x = torch.randn(3)",
        "for step in range(10**9):\n    pass",
        "while True:\n    pass",
        "print(1)",
        "y = [f(x) for x in xs]",
        "with open('x') as f:\n    pass",
        "if True:\n    x = 1",
        "%%bash\nrm -rf /",
        "%%html\n<b>",
        "!ls",
        "x: int",
        "",
    ],
)
def test_what_runs_something_does_not(source):
    assert kept(source) == []
    assert kept_text(source) == ""


def test_modules_imported_in_one_line_are_imported_one_by_one():
    assert kept("import torch, missing as m") == ["import torch", "import missing as m"]
    assert kept_text("import torch, missing as m") == "import torch, missing as m"


def test_statements_on_one_line_are_told_apart():
    assert kept_text("P = 40; train(); Q = 3") == "P = 40\nQ = 3"


def test_a_graded_cell_counts_wholly():
    source = "# GRADED f\ntable = torch.ones(3)\ndef f(x):\n    return table"
    assert kept(source) == ["table = torch.ones(3)", "def f(x):\n    return table"]
    assert all(piece.graded for piece in pieces(source))
    assert kept_text(source) == source


def test_imports_tried_before_installing_count():
    source = (
        "try:\n    import einops\nexcept ImportError:\n    !pip install einops\n    import einops"
    )
    assert kept(source) == ["import einops"]


def test_commands_of_ipython_are_blanked_and_lines_stay():
    source = "%matplotlib inline\n!pip install x\nfiles = !ls\nf?\ndef f(x):\n    return x % 2"
    (node,) = [piece.node for piece in pieces(source) if isinstance(piece.node, ast.FunctionDef)]
    assert node.lineno == 5
    assert plain_python("%%time\nx = 1").splitlines() == ["", "x = 1"]


def test_text_that_looks_like_a_command_stays():
    source = 'text = """\n%d items\n!\n"""'
    assert kept_text(source) == source


def test_no_python_at_all():
    with pytest.raises(SyntaxError):
        list(pieces("def f(:"))
    assert kept_text("def f(:") == ""
    assert kept_text("# GRADED f\ndef f(:") == "# GRADED f\ndef f(:"  # the student's own to mend


@pytest.mark.parametrize(
    ("source", "stub"),
    [
        ('def f(x):\n    """Text."""\n    raise NotImplementedError("f: your turn")', True),
        ("def f(x):\n    raise NotImplementedError", True),
        ("def f(x):\n    return 1", False),
        ("def f(x):\n    raise ValueError", False),
        ("x = 1", False),
    ],
)
def test_stubs_are_known(source, stub):
    assert is_stub(ast.parse(source).body[0]) is stub
