"""What a student sees: ``check("function")`` draws a table, ``check.report()`` sums up.

Works in Jupyter and Colab (HTML) and everywhere else (text).
"""

import html
import os
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvlm.checks.core import Exercise, Outcome, Question, Status, run_question
from mvlm.checks.local import LocalCaller
from mvlm.checks.sources import CELL, kept_texts, replaces, split_script


@dataclass(frozen=True)
class Table:
    """Something to show, as HTML where that is drawn and as text elsewhere."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def show(table: Table) -> None:
    """Draw a table in the notebook, print it anywhere else."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from IPython.display import display

        display(table)
    else:
        print(table)


# currentColor follows the page's own colours, light or dark, in Jupyter, Colab and the site.
_LINE = "border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent);"
_CELL = "padding: .35em .8em .35em 0; text-align: left; vertical-align: top; background: none;"


def _row(cells: list[str], line: bool = True) -> str:
    style = f"{_CELL} {_LINE}" if line else _CELL
    columns = "".join(f'<td style="{style}">{cell}</td>' for cell in cells)
    return f'<tr style="background: none;">{columns}</tr>'


def _code(message: str) -> str:
    return html.escape(message).replace("\n", "<br>")


def _told_once(outcomes: list[Outcome]) -> Iterator[tuple[str, str]]:
    """Message and hint of each; a fault that several checks have in common is told by the first.

    A fault is known by its text without numbers, and without the input that it came on.
    """
    told: dict[str, set[str]] = {}  # the fault → the hints that it came with
    for outcome in outcomes:
        text = re.sub(r"( \([^()]*\))+$", "", outcome.message)
        hints = told.setdefault(re.sub(r"\d+", "", text), set())
        if text and hints and (outcome.crashed or not outcome.hint or outcome.hint in hints):
            yield f"the same {'error ' if outcome.crashed else ''}as above", ""
        else:
            yield outcome.message, outcome.hint
        hints.add(outcome.hint)


def question_table(exercise: Exercise, question: Question, outcomes: list[Outcome]) -> Table:
    """One line a check: sign, what it looks at, points; below it, when it failed, what to do."""
    earned = sum(outcome.points for outcome in outcomes)
    head = f"{question.function}: {earned}/{question.points} points"
    if all(outcome.status is Status.NOT_WRITTEN for outcome in outcomes):
        text = f"⬜ {outcomes[0].message}: 0/{question.points} points so far."
        return Table(f"<p>{_code(text)}</p>", text)
    rows, lines = [], [head]
    for outcome, (message, hint) in zip(outcomes, _told_once(outcomes), strict=True):
        check = outcome.check
        points = f"{outcome.points}/{check.points}"
        cell, text = _code(check.title), f"  {outcome.status.value} {check.title} ({points})"
        if message:
            cell += f"<br>{_code(message)}"
            text += f"\n     {message}"
        if hint:
            cell += f"<br><em>{_code(hint)}</em>"
            text += f"\n     → {hint}"
        rows.append(_row([outcome.status.value, cell, points]))
        lines.append(text)
    table = f'<table style="border-collapse: collapse; max-width: 48em;">{"".join(rows)}</table>'
    return Table(f"<p><strong>{_code(head)}</strong></p>{table}", "\n".join(lines))


class CheckError(AssertionError):
    """In strict mode: an answer is not right. The message names each check that failed."""


class Checker:
    """The checks of one exercise, bound to a notebook's functions.

    Call it with a function's name to check that function; call :meth:`report` for the whole.

    Args:
        exercise: the exercise.
        namespace: where the student's functions are.
        strict: raise :class:`CheckError` when a check does not pass. A table that only shows
            ❌ would let an automatic run of the notebook pass.
    """

    def __init__(self, exercise: Exercise, namespace: dict[str, Any], strict: bool) -> None:
        self.exercise = exercise
        self.namespace = namespace
        self.strict = strict
        self.outcomes: dict[str, list[Outcome]] = {}

    def __repr__(self) -> str:
        return f"the checks of {self.exercise.name}: {self.score()}/{self.exercise.points} points"

    def score(self) -> int:
        """Points earned so far."""
        return sum(outcome.points for outcomes in self.outcomes.values() for outcome in outcomes)

    def run(self, function: str) -> list[Outcome]:
        """Run the checks of one function and remember how they ended; show nothing."""
        question = self.exercise.question(function)
        caller = LocalCaller(self.namespace, self.exercise.forbids)
        self.outcomes[function] = run_question(question, caller)
        return self.outcomes[function]

    def __call__(self, function: str) -> None:
        """Check one function: a table of what is right, and what to think about where it is not."""
        try:
            question = self.exercise.question(function)
        except ValueError as error:
            show(Table(f"<p>{_code(str(error))}</p>", str(error)))
            return
        table = question_table(self.exercise, question, self.run(function))
        so_far = f"Score so far: {self.score()}/{self.exercise.points} points."
        show(Table(f"{table.html}<p>{so_far}</p>", f"{table.text}\n{so_far}"))
        self._insist([function])

    def report(self, path: str | Path | None = None) -> None:
        """Check every function, show the score of each, and write the answers to a file.

        The file holds the imports and the cells marked ``# GRADED``. It, or this whole notebook,
        is what to hand in.

        Args:
            path: the file to write; the exercise's name with ``_answers.py`` when left out.
        """
        path = Path(path or f"{self.exercise.name}_answers.py")
        rows, lines = [], [self.exercise.title]
        for question in self.exercise.questions:
            outcomes = self.run(question.function)
            earned = sum(outcome.points for outcome in outcomes)
            signs = "".join(outcome.status.value for outcome in outcomes)
            points = f"{earned}/{question.points}"
            rows.append(_row([_code(question.title), signs, points]))
            lines.append(f"  {signs:<5} {question.title} ({points})")
        total = f"Score: {self.score()}/{self.exercise.points} points."
        try:
            path.write_text(answers_source(self.exercise, self.namespace), encoding="utf-8")
            end = f"{total} To hand in: this notebook, or {path.name}, written beside it."
        except OSError as error:
            end = f"{total} To hand in: this notebook. ({path.name}: {error.strerror})"
        table = f'<table style="border-collapse: collapse;">{"".join(rows)}</table>'
        show(Table(f"{table}<p><strong>{_code(end)}</strong></p>", "\n".join([*lines, end])))
        self._insist([question.function for question in self.exercise.questions])

    def _insist(self, functions: list[str]) -> None:
        if not self.strict:
            return
        wrong = [
            f"{name}, {outcome.check.name}: {outcome.message}"
            for name in functions
            for outcome in self.outcomes[name]
            if outcome.status is not Status.PASSED
        ]
        if wrong:
            raise CheckError("; ".join(wrong))


def answers_source(exercise: Exercise, namespace: dict[str, Any]) -> str:
    """What counts of the notebook's cells, as they were last run (or of the script), as one file.

    That is what :mod:`mvlm.checks.sources` keeps: imports, definitions, plain constants, answers.
    Each cell begins with ``# %%``, so that one which is no Python costs the others nothing.
    """
    wanted = [question.function for question in exercise.questions]
    cells = namespace.get("In", [])
    if not cells and "__file__" in namespace:
        with tokenize.open(namespace["__file__"]) as file:
            cells = [cell for _, cell in split_script(file.read())]
    kept: list[str] = []
    for text in kept_texts(cells, wanted):
        if text:
            # A cell that was run again stands where it was run last.
            kept = [earlier for earlier in kept if not replaces(text, earlier)]
            kept.append(CELL.sub(r"# \g<0>", text))
    title = f"# {exercise.name}: answers, written by check.report()"
    return "\n\n\n".join([title, *(f"# %%\n{text}" for text in kept)]) + "\n"


def checker(exercise: Exercise, namespace: dict[str, Any], strict: bool | None) -> Checker:
    """A checker; ``strict`` left out is read from the environment's ``MVLM_STRICT``."""
    if strict is None:
        strict = os.environ.get("MVLM_STRICT", "") not in ("", "0")
    return Checker(exercise, namespace, strict)
