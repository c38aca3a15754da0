"""The banks of right and wrong answers: a folder an exercise, in it a file a question.

In ``02_patches/patchify_hwc.py`` each answer to that question is a function with a name of its own:

    @right("With einops.")
    def rearranged(images, patch_size): ...

    @mistake("The first image alone.", fails="hwc-shape, hwc-any-tensor", says="wanted (2, ")
    def first_image(images, patch_size): ...

``fails`` names every check that the mistake loses, ``says`` what one of them must tell the student
(several texts: each of them). Write answers as students do; imports and helpers stand above them
and are shared. ``python tests/exercises/bank.py`` writes a page of the site for each exercise.
"""

import ast
import builtins
import functools
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvlm.checks import exercise, exercises

HERE = Path(__file__).parent
PAGES = HERE.parents[1] / "book/reference/tried"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer to one question.

    Attributes:
        exercise: such as ``02_patches``.
        question: the function that it stands for, such as ``patchify_hwc``.
        name: its own name in the file of the question.
        what: what it does differently, or what is wrong with it.
        call: the answer itself.
        fails: the names of the checks that it loses; none when it is right.
        says: what the student must read, each in the message or the hint of a check that failed.
    """

    exercise: str
    question: str
    name: str
    what: str
    call: Callable[..., Any]
    fails: frozenset[str]
    says: tuple[str, ...]

    def __str__(self) -> str:
        """As tests name it, and as ``pytest -k`` finds it."""
        return f"{self.question}-{self.name}"

    def cells(self) -> tuple[str, str]:
        """Two cells of a notebook: what its file imports and shares, and the answer."""
        tree = ast.parse(_file(self.exercise, self.question).read_text(encoding="utf-8"))
        shared = []
        for node in tree.body[1:]:  # behind the file's docstring
            if getattr(node, "decorator_list", None):
                if node.name == self.name:
                    node.decorator_list = []
                    answer = ast.unparse(node)
                    made = self.name + "()" * isinstance(node, ast.ClassDef)
            elif not (isinstance(node, ast.ImportFrom) and node.module == "bank"):
                shared.append(ast.unparse(node))
        return "\n".join(shared), f"# GRADED {self.question}\n{answer}\n\n{self.question} = {made}"


def right(what: str) -> Callable:
    """A decorator: this is a right answer, and ``what`` is unusual about it.

    A class may be one as well: it is called once, and what it makes is the answer.
    """
    return _noted(what, fails="", says=())


def mistake(what: str, *, fails: str, says: str | Sequence[str]) -> Callable:
    """A decorator: this is a wrong answer, ``what`` is wrong with it, and what becomes of it.

    Args:
        what: the mistake in one sentence.
        fails: the names of the checks that it loses, with commas between them.
        says: what the student must read, each in the message or the hint of one of these checks.
    """
    return _noted(what, fails=fails, says=(says,) if isinstance(says, str) else tuple(says))


def _noted(what: str, *, fails: str, says: tuple[str, ...]) -> Callable:
    def note(answer: Any) -> Any:
        name = answer.__name__
        if hasattr(builtins, name) or name in vars(sys.modules[answer.__module__]):
            raise ValueError(f"{name} has a meaning already: give this answer another name")
        answer.noted = {"what": what, "fails": frozenset(fails.split(", ")) - {""}, "says": says}
        return answer

    return note


def _file(exercise: str, question: str) -> Path:
    return HERE / exercise / f"{question}.py"


@functools.cache
def answers(exercise: str, question: str) -> tuple[Answer, ...]:
    """The bank of one question, in the order of its file."""
    path = _file(exercise, question)
    spec = importlib.util.spec_from_file_location(f"bank_{exercise}_{question}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = {name: value for name, value in vars(module).items() if hasattr(value, "noted")}
    return tuple(
        Answer(
            exercise=exercise,
            question=question,
            name=name,
            call=value() if isinstance(value, type) else value,
            **value.noted,
        )
        for name, value in found.items()
    )


def right_answers(exercise: str, question: str) -> list[Answer]:
    """Those of :func:`answers` that lose nothing."""
    return [answer for answer in answers(exercise, question) if not answer.fails]


def mistakes(exercise: str, question: str) -> list[Answer]:
    """Those of :func:`answers` that lose something."""
    return [answer for answer in answers(exercise, question) if answer.fails]


def page(name: str) -> str:
    """The bank of an exercise as a page of the site."""
    functions = [question.function for question in exercise(name).questions]
    right = sum(len(right_answers(name, function)) for function in functions)
    wrong = sum(len(mistakes(name, function)) for function in functions)
    number = name.split("_")[0]
    lines = [
        *("---", "myst:", "  html_meta:"),
        f'    description: "{right} right and {wrong} wrong answers that the checks of exercise '
        f'{number} were tried on, and what each loses."',
        *("---", "", f"# Exercise {number}: answers it was tried on", ""),
        f"{right} right answers score full marks. Each of {wrong} wrong ones loses the points of "
        "the checks beside it and no others. The tests hold the checks to it, on the notebook's "
        "inputs and on others. This page is made by `python tests/exercises/bank.py`.",
    ]
    for function in functions:
        lines += ["", f"## `{function}`", "", "| answer | loses the points of |", "|---|---|"]
        for answer in answers(name, function):
            names = ", ".join(f"`{check}`" for check in sorted(answer.fails)) or "nothing"
            lines.append(f"| {answer.what} | {names} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for old in PAGES.glob("*.md"):
        old.unlink()
    PAGES.mkdir(exist_ok=True)
    for name in exercises():
        (PAGES / f"{name}.md").write_text(page(name), encoding="utf-8")
