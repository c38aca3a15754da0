"""What of a notebook counts as the answer: found by reading it, without running it.

Imports, definitions, classes and plain constants of every cell, and whole cells that begin with
``# GRADED name``. Training loops, plots and downloads are left out, so that grading takes seconds
and cannot hang on them. Source text is all that is looked at: Colab keeps it and loses metadata.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

GRADED = re.compile(r"\s*# GRADED\b")
# A line for IPython, not Python: %magic, !command, name = %magic, help?
COMMAND = re.compile(r"^(\s*)(%|!|\?|[\w.\[\], ]+=\s*[%!]|[\w.]+\?{1,2}\s*$).*$")
# Cell magics that run the rest of their cell as Python here.
TRANSPARENT = re.compile(r"%%(time|timeit|capture|prun|memit|mprun)\b")
# What a plain constant is not: it calls something or waits for it.
ACTIVE = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


@dataclass(frozen=True)
class Piece:
    """One statement that counts.

    Attributes:
        node: the statement.
        graded: whether it stands in a cell marked ``# GRADED``.
    """

    node: ast.stmt
    graded: bool


def plain_python(source: str) -> str:
    """A cell's source with IPython's commands blanked; line numbers stay.

    Raises:
        SyntaxError: it is no Python then either.
    """
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        if not TRANSPARENT.match(lines[0]):
            return ""  # another language
        source = "\n".join(["", *lines[1:]])
    try:
        ast.parse(source)
    except SyntaxError:
        source = "\n".join(COMMAND.sub(r"\1pass", line) for line in source.splitlines())
        ast.parse(source)
    return source


def pieces(source: str) -> Iterator[Piece]:
    """The statements of one cell that count, in order.

    Raises:
        SyntaxError: the cell is not Python.
    """
    graded = bool(GRADED.match(source))
    for node in ast.parse(plain_python(source)).body:
        if isinstance(node, ast.Import) and len(node.names) > 1:
            # Each by itself, so that one that is not there does not cost the others.
            for name in node.names:
                yield Piece(ast.copy_location(ast.Import([name]), node), graded)
        elif graded:
            yield Piece(node, True)
        elif isinstance(node, ast.Try):  # try: import … except: install it
            yield from (Piece(n, False) for n in node.body if _is_import(n))
        elif _counts(node):
            yield Piece(node, False)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _counts(node: ast.stmt) -> bool:
    if _is_import(node):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        if isinstance(node.value, ast.Lambda):
            return True
        return not any(isinstance(part, ACTIVE) for part in ast.walk(node))
    return False


def module_of(node: ast.stmt) -> ast.Module:
    """One statement as something to compile; its lines keep the cell's numbers."""
    return ast.Module([node], type_ignores=[])


def is_stub(node: ast.stmt) -> bool:
    """Whether a definition is one not yet written: nothing but ``raise NotImplementedError``."""
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [part for part in node.body if not _is_text(part)]
    return (
        len(body) == 1
        and isinstance(body[0], ast.Raise)
        and ("NotImplementedError" in ast.dump(body[0]))
    )


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def kept_text(source: str) -> str:
    """The part of a cell that counts, as text; empty when nothing does or it is not Python."""
    if GRADED.match(source):
        return source.strip()
    try:
        plain = plain_python(source)
        nodes = [piece.node for piece in pieces(source)]
    except SyntaxError:
        return ""
    return "\n".join(dict.fromkeys(_text(plain, node) for node in nodes))


def _text(source: str, node: ast.stmt) -> str:
    """A statement as it was written, its decorators included."""
    above = [ast.get_source_segment(source, one) for one in getattr(node, "decorator_list", [])]
    return "\n".join([*(f"@{one}" for one in above), ast.get_source_segment(source, node)])
