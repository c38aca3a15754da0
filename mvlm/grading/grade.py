"""Grading one submission: the checks run here, the student's functions in the sandbox."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
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
from mvlm.grading.sandbox import Sandbox, SandboxError, Worker, WorkerDied, WorkerLate

LOAD_SECONDS = 90.0
CALLS = 3  # a question has the time of so many calls for each of its checks, all calls together
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
    """Calls a student's functions in the sandbox. A worker that died is replaced by a fresh one.

    Args:
        sandbox: where they run.
        cells: the code cells, as (name, source).
        seconds: for each question, by the function it asks for, on the clock on the wall: the time
            that all the calls of its checks may take together, with what it takes to load the
            cells again after them.
        clock: tells the time.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[tuple[str, str]],
        seconds: dict[str, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sandbox = sandbox
        self.wanted = list(seconds)  # the functions that the exercise asks for
        self.cells = json.dumps([list(cell) for cell in cells]).encode()
        self.seconds = seconds
        self.left = dict(seconds)
        self.clock = clock
        self.question = ""  # whose checks are being run
        self.ended_by = ""  # the question that the last worker ended in
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
            self.ended_by = self.question

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
        start = self.clock()
        try:
            # As raw numbers: a tree of values may not be as long as a notebook.
            cells = np.frombuffer(self.cells, np.uint8)
            self.worker.send({"cells": cells, "wanted": self.wanted})
            answer = self.worker.receive(LOAD_SECONDS)
            notes = answer["notes"]
            self.notes = tuple(_line(note) for note in notes if isinstance(note, str))
        except (WorkerDied, Refused, KeyError, TypeError) as error:
            self.close()
            how = str(error) if isinstance(error, WorkerDied) else "it answered nonsense"
            self.broken = f"while the cells were loaded, {how}"
            self.notes = (self.broken,)
            raise AnswerFailed(self.broken) from None
        if self.ended_by:
            self.left[self.ended_by] -= self.clock() - start

    def call(self, name: str, arguments: tuple[Any, ...], seconds: float) -> Returned:
        """See :class:`mvlm.checks.core.Caller`."""
        if self.left[self.question] <= 0:
            raise AnswerFailed(
                f"not run: the calls before it took the {self.seconds[self.question]:g} s that "
                "all of this question's may take together"
            )
        self.load()
        assert self.worker is not None
        start = self.clock()
        try:
            return self._call(self.worker, name, arguments, seconds)
        finally:
            self.left[self.question] -= self.clock() - start

    def _call(
        self, worker: Worker, name: str, arguments: tuple[Any, ...], seconds: float
    ) -> Returned:
        seconds = SECONDS_AFTER_A_LOOP if name in self.slow else seconds
        self.number += 1
        learns = learning(arguments)
        request = {"name": name, "arguments": arguments, "learns": learns}
        request |= {"seconds": seconds, "number": self.number}
        limit = longest(seconds) + GRACE_SECONDS
        try:
            worker.send(request)
            answer = worker.receive(limit)
        except WorkerLate:
            self.close()
            self._late(name, f"stopped after {limit:g} s: does each loop come to an end?")
        except WorkerDied as error:
            self.close()
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
    The second runs, and hidden checks, come after all of the first, in a process of their own:
    what that one says could tell its inputs, so the student learns nothing of it but whether a
    check was passed, and the check's hint.

    Args:
        exercise: whose checks.
        cells: the code cells, as (name, source).
        sandbox: where the functions run.
        secret: the seed that students do not know.
        hidden: more checks, for each function.

    Returns:
        The grade; its status is ``GRADER ERROR`` when the sandbox itself failed, twice.
    """
    try:
        return _grade(exercise, cells, sandbox, secret, hidden or {})
    except SandboxError:
        try:
            return _grade(exercise, cells, sandbox, secret, hidden or {})
        except SandboxError as error:
            return Grade(status="GRADER ERROR", marks=(), notes=(_line(str(error)),))


def _grade(
    exercise: Exercise,
    cells: Sequence[tuple[str, str]],
    sandbox: Sandbox,
    secret: str,
    hidden: dict[str, tuple[Check, ...]],
) -> Grade:
    every = {
        question.function: (*question.checks, *hidden.get(question.function, ()))
        for question in exercise.questions
    }
    public = {name: tuple(c for c in checks if not c.hidden) for name, checks in every.items()}
    seen, notes = _run(public, RemoteCaller(sandbox, cells, _seconds(public)), PUBLIC_SEED)
    passed = {check for check, outcome in seen.items() if outcome.status is Status.PASSED}
    again = {
        name: tuple(check for check in checks if check.hidden or check in passed)
        for name, checks in every.items()
    }
    unseen, _ = _run(again, RemoteCaller(sandbox, cells, _seconds(every)), secret)
    marks = []
    for question in exercise.questions:
        public_ends = {seen[check].status for check in public[question.function]}
        for check in every[question.function]:
            if check in unseen:
                marks.append(_mark(question, _without_words(unseen[check], public_ends)))
            else:
                marks.append(_mark(question, seen[check]))
    return Grade(status="graded", marks=tuple(marks), notes=notes)


def _seconds(checks: dict[str, tuple[Check, ...]]) -> dict[str, float]:
    return {name: CALLS * sum(one.seconds for one in each) for name, each in checks.items()}


def _run(
    checks: dict[str, tuple[Check, ...]], caller: RemoteCaller, seed: str
) -> tuple[dict[Check, Outcome], tuple[str, ...]]:
    """How each check ended, and what went wrong when the cells were loaded."""
    outcomes = {}
    try:
        for caller.question, each in checks.items():
            for check in each:
                outcomes[check] = run_check(check, caller, seed)
    finally:
        caller.close()
    return outcomes, caller.notes


def _without_words(outcome: Outcome, public_ends: set[Status]) -> Outcome:
    """What a student may know of a run on inputs that they may not: nothing that it said.

    That an answer is not written is known from the public runs, or not at all.
    """
    check = outcome.check
    if outcome.status is Status.PASSED:
        return Outcome(check=check, status=Status.PASSED)
    if check.hidden and public_ends == {Status.NOT_WRITTEN}:
        return Outcome(check=check, status=Status.NOT_WRITTEN, hint=check.hint)
    message = "" if check.hidden else FRESH
    return Outcome(check=check, status=Status.FAILED, message=message, hint=check.hint)


def _mark(question: Question, outcome: Outcome) -> Mark:
    check = outcome.check
    return Mark(
        question=question.function,
        check=check.name,
        title=check.title,
        sign=outcome.status.value,
        points=outcome.points,
        out_of=check.points,
        message=_line(outcome.message),
        hint=outcome.hint,
    )
