"""The house stands: who opens `mvlm/` sees the course's contents, and imports point one way."""

from __future__ import annotations

import ast
from pathlib import Path

import networkx
import pytest

import mvlm

PACKAGE = Path(mvlm.__file__).parent
LECTURE = {
    "images", "patches", "transformer", "vit", "inspection", "clip", "contrastive", "zeroshot",
    "tokenizer", "language", "generation", "compiled", "llava", "chat", "molmo", "points", "tasks",
}  # fmt: skip
# folder → what its modules may import besides one another: the lecture's modules, and these
ALLOWED = {
    "hub": set(),
    "data": set(),
    "small": set(),
    "weights": {"small"},
    "training": {"data", "small", "weights", "hub"},
    "evaluation": {"data", "small", "weights", "training"},
    "show": {"data", "small", "weights", "training"},
    "checks": None,  # nothing at all: an answer must not stand beside its check
    "grading": {"checks"},
    "publish": set(),
    "commands": {"data", "small", "weights", "training", "evaluation", "hub", "grading", "publish"},
}
LIGHT = {"mvlm.commands.arguments"}  # what `__main__` may import


def part(module: str) -> str:
    """mvlm.training.loop → training; mvlm.clip → clip; mvlm itself → ''."""
    return module.split(".")[1] if "." in module else ""


def modules() -> dict[str, Path]:
    """Every module's name and file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


MODULES = modules()


def imported(path: Path) -> set[str]:
    """The package's modules that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports in full, please"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name in MODULES}


def test_who_opens_the_package_sees_the_course_s_contents():
    entries = {path for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    files = {path.stem for path in entries if path.suffix == ".py"}
    assert files == LECTURE | {"__init__", "__main__"}
    assert {path.name for path in entries if path.is_dir()} == set(ALLOWED)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_one_way(module):
    own = part(module)
    found = {name for name in imported(MODULES[module]) if name != "mvlm"}
    others = {name for name in found if part(name) != own}
    if own in LECTURE:
        above = {name for name in others if part(name) not in LECTURE}
        assert not above, f"{module} is the lecture's and imports {above}"
    elif own in ALLOWED:
        allowed = ALLOWED[own]
        wanted = set() if allowed is None else allowed | LECTURE
        wrong = {name for name in others if part(name) not in wanted}
        assert not wrong, f"{module} imports {wrong}"
    else:
        assert found <= LIGHT, f"{module} has to stay light and imports {found}"


def test_what_is_imported_before_anything_is_done_imports_nothing():
    for module in LIGHT:
        assert imported(MODULES[module]) == set(), module


def test_nothing_imports_in_a_circle():
    """A package's `__init__` counts as the package, so its own modules may not import from it."""
    graph = networkx.DiGraph()
    for module, path in MODULES.items():
        graph.add_edges_from(
            (module, name) for name in imported(path) if name not in ("mvlm", module)
        )
    circles = [
        sorted(part) for part in networkx.strongly_connected_components(graph) if len(part) > 1
    ]
    assert not circles, circles
