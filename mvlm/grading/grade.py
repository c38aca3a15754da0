"""Grading one submission: the checks run here, the student's functions in the sandbox."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from torch import Tensor

from mvlm.checks.core import (
    PUBLIC_SEED,
    AnswerFailed,
    Check,
    Exercise,
    NotWritten,
    Outcome,
    Question,
    Returned,
    Status,
    run_check,
)
from mvlm.checks.guard import longest
from mvlm.checks.values import Refused, learning
from mvlm.grading.sandbox import Sandbox, SandboxError, Worker, WorkerDied

LOAD_SECONDS = 90.0
GRACE_SECONDS = 2.0  # a worker stops its own endless loops; beyond this it is stopped
SECONDS_AFTER_A_LOOP = 1.0  # for a function that has used up its time once
FRESH = "right on the notebook's inputs, not on others: what do you take for granted about them?"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How one check ended for one student, in plain values.

    Attributes:
        question: the function that was asked for.
        sign: ✅, ❌ or ⬜.
    """

    question: str
    check: str
    title: str
    sign: str
    points: int
    out_of: int
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Grade:
    """One student's result.

    Attributes:
        status: ``graded``, ``unreadable`` or ``GRADER ERROR``; with the last there is no mark.
        notes: what went wrong outside the checks, each naming its cell.
    """

    status: str
    marks: tuple[Mark, ...]
    notes: tuple[str, ...]

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(mark.points for mark in self.marks)

    @property
    def out_of(self) -> int:
        """Points that there are."""
        return sum(mark.out_of for mark in self.marks)

    def as_dict(self) -> dict[str, Any]:
        """The grade as JSON has it."""
        return dataclasses.asdict(self) | {"points": self.points, "out_of": self.out_of}


class RemoteCaller:
    """Calls a student's functions in the sandbox. A worker that died is replaced by a fresh one."""

    def __init__(self, sandbox: Sandbox, cells: Sequence[tuple[str, str]]) -> None:
        self.sandbox = sandbox
        self.cells = json.dumps([list(cell) for cell in cells]).encode()
        self.worker: Worker | None = None
        self.notes: tuple[str, ...] = ()
        self.broken: str | None = None  # why the cells cannot be loaded at all
        self.slow: set[str] = set()  # functions that have used up their time
        self.number = 0

    def close(self) -> None:
        """End the worker."""
        if self.worker:
            self.worker.close()
            self.worker = None

    def load(self) -> None:
        """Start a worker and let it load the cells, if none is there.

        Raises:
            AnswerFailed: the cells end the process or do not come to an end. Tried only once.
        """
        if self.broken:
            raise AnswerFailed(self.broken)
        if self.worker:
            return
        self.worker = self.sandbox.open()
        try:
            # As raw numbers: a tree of values may not be as long as a notebook.
            self.worker.send({"cells": np.frombuffer(self.cells, np.uint8)})
            answer = self.worker.receive(LOAD_SECONDS)
            notes = answer["notes"]
            self.notes = tuple(_line(note) for note in notes if isinstance(note, str))
        except (WorkerDied, Refused, KeyError, TypeError) as error:
            self.close()
            how = str(error) if isinstance(error, WorkerDied) else "it answered nonsense"
            self.broken = f"while the cells were loaded, {how}"
            self.notes = (self.broken,)
            raise AnswerFailed(self.broken) from None

    def call(self, name: str, arguments: tuple[Any, ...], seconds: float) -> Returned:
        """See :class:`mvlm.checks.core.Caller`."""
        self.load()
        assert self.worker is not None
        seconds = SECONDS_AFTER_A_LOOP if name in self.slow else seconds
        self.number += 1
        learns = learning(arguments)
        request = {"name": name, "arguments": arguments, "learns": learns}
        request |= {"seconds": seconds, "number": self.number}
        limit = longest(seconds) + GRACE_SECONDS
        try:
            self.worker.send(request)
            answer = self.worker.receive(limit)
        except WorkerDied as error:
            self.close()
            if "answer in time" in str(error):
                self._late(name, f"stopped after {limit:g} s: does each loop come to an end?")
            raise AnswerFailed(f"{name}: {error}") from None
        except Refused as reason:
            self.close()
            raise AnswerFailed(f"{name} returned {reason}") from None
        if type(answer) is not dict or answer.get("number") != self.number:
            self.close()
            raise AnswerFailed(f"{name} returned nothing that can be read")
        if "missing" in answer:
            raise NotWritten(f"{name} is not defined")
        if "stub" in answer:
            raise NotWritten(f"{name} is not written yet")
        if "late" in answer:
            self._late(name, _line(str(answer["late"])))
        if "error" in answer:
            raise AnswerFailed(_line(str(answer["error"])))
        after = answer.get("arguments")
        if type(after) is not tuple or len(after) != len(arguments):
            after = (None,) * len(arguments)
        slopes = answer.get("slopes")
        if type(slopes) is not tuple or not all(isinstance(s, Tensor | None) for s in slopes):
            slopes = ()
        slopes = (slopes + (None,) * len(learns))[: len(learns)]
        return Returned(value=answer.get("value"), arguments=after, slopes=slopes)

    def _late(self, name: str, why: str) -> NoReturn:
        self.slow.add(name)
        raise AnswerFailed(f"{name} was {why}")


def _line(text: str) -> str:
    """A student's text as one printable line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:600]


def grade(
    exercise: Exercise,
    cells: Sequence[tuple[str, str]],
    sandbox: Sandbox,
    secret: str,
    hidden: dict[str, tuple[Check, ...]] | None = None,
) -> Grade:
    """Grade one submission.

    Each check runs on the notebook's inputs, then on inputs drawn from ``secret``; both must pass.
    Of the second run, and of hidden checks, the student learns the hint alone, because a message
    could tell the inputs.

    Args:
        exercise: whose checks.
        cells: the code cells, as (name, source).
        sandbox: where the functions run.
        secret: the seed that students do not know.
        hidden: more checks, for each function.

    Returns:
        The grade; its status is ``GRADER ERROR`` when the sandbox itself failed, twice.
    """
    for last_try in (False, True):
        caller = RemoteCaller(sandbox, cells)
        try:
            return _grade(exercise, caller, secret, hidden or {})
        except SandboxError as error:
            if last_try:
                return Grade(status="GRADER ERROR", marks=(), notes=(_line(str(error)),))
        finally:
            caller.close()
    raise AssertionError("not reached")


def _grade(
    exercise: Exercise, caller: RemoteCaller, secret: str, hidden: dict[str, tuple[Check, ...]]
) -> Grade:
    marks = []
    for question in exercise.questions:
        for check in (*question.checks, *hidden.get(question.function, ())):
            outcome = _outcome(check, caller, secret)
            marks.append(_mark(question, outcome))
    return Grade(status="graded", marks=tuple(marks), notes=caller.notes)


def _outcome(check: Check, caller: RemoteCaller, secret: str) -> Outcome:
    if not check.hidden:
        outcome = run_check(check, caller, PUBLIC_SEED)
        if outcome.status is not Status.PASSED:
            return outcome
    outcome = run_check(check, caller, secret)
    if outcome.status is Status.FAILED:
        message = "" if check.hidden else FRESH
        return dataclasses.replace(outcome, message=message, hint=check.hint)
    return outcome


def _mark(question: Question, outcome: Outcome) -> Mark:
    check = outcome.check
    return Mark(
        question=question.function,
        check=check.name,
        title=check.title,
        sign=outcome.status.value,
        points=outcome.points,
        out_of=check.points,
        message=outcome.message,
        hint=outcome.hint,
    )
