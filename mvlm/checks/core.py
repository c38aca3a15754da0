"""Exercises, their questions and their checks: one set for the notebook, for CI and for grading.

A check is one function of the student's functions. It draws an input, lets the student's function
work on it, and says with :func:`fail` what to think about when the result is not right. It reaches
that function through ``student.call("name", …)`` alone, so the same check runs on functions of the
notebook and on functions in a sandbox on the instructor's machine.
"""

import contextlib
import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any, NoReturn, Protocol, TypeVar

import torch
from torch import Tensor

from mvlm.checks.values import identical

PUBLIC_SEED = "public"
Drawn = TypeVar("Drawn")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


class CheckFailed(Exception):
    """The answer is not right; the message is for the student.

    Args:
        message: what was seen.
        hint: what to think about, where that is known better than by the check's own hint.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class NotWritten(CheckFailed):
    """There is no answer yet."""


class AnswerFailed(CheckFailed):
    """The student's function did not return a value that can be looked at."""


class GraderError(Exception):
    """What runs the student's functions is broken; nobody's answer is right or wrong."""


def fail(message: str, hint: str | None = None) -> NoReturn:
    """End a check: ``message`` says what was seen.

    ``hint`` says what to think about, in place of the check's own hint; empty: nothing more.
    """
    raise CheckFailed(message, hint)


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What a call gave back.

    Attributes:
        value: the returned value.
        arguments: the arguments as they are after the call, to see what was changed in place.
        slopes: for each argument that was passed with ``requires_grad``, the gradient that reached
            it from the value (see :func:`mvlm.checks.values.followed`); None where none did.
    """

    value: Any
    arguments: tuple[Any, ...]
    slopes: tuple[Tensor | None, ...] = ()


class Caller(Protocol):
    """Where the student's functions are: in this notebook, or in a sandbox."""

    def call(self, name: str, arguments: tuple[Any, ...], seconds: float) -> Returned:
        """Call one function on copies of ``arguments``; those that require a gradient get one.

        Raises:
            NotWritten: there is no such function, or only its stub.
            AnswerFailed: it raised, ran too long, leans on a forbidden module, or returned
                something that is no plain value.
        """
        ...


@dataclass
class Student:
    """What a check sees of a student: functions to call, and numbers drawn for this check.

    Attributes:
        generator: the source of every random number of the check.
        changes: what the calls have changed of their arguments, a sentence each.
    """

    caller: Caller
    generator: torch.Generator
    seconds: float
    changes: list[str] = field(default_factory=list)

    def call(self, name: str, *arguments: Any) -> Any:
        """The value that the student's function ``name`` returns for copies of ``arguments``."""
        return self.look(name, *arguments).value

    def look(self, name: str, *arguments: Any) -> Returned:
        """As :meth:`call`, with the arguments as they are after the call."""
        returned = self.caller.call(name, arguments, self.seconds)
        pairs = zip(ORDINALS, arguments, returned.arguments, strict=False)
        self.changes += [
            f"{name} changed its {ordinal} argument: after the call it is not what was passed"
            for ordinal, before, after in pairs
            if not identical(before, after)
        ]
        return returned

    def integer(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def pick(self, items: Sequence[Any]) -> Any:
        """One of the items."""
        return items[self.integer(0, len(items) - 1)]

    def shuffled(self, items: Sequence[Any]) -> list[Any]:
        """The same items in another order."""
        left = list(items)
        return [left.pop(self.integer(0, len(left) - 1)) for _ in items]

    def normal(self, *shape: int) -> Tensor:
        """Numbers of mean 0 and variance 1, float32."""
        return torch.randn(*shape, generator=self.generator)

    def distinct(self, *shape: int) -> Tensor:
        """Numbers 1.25, 2.25, 3.25, … in a random order, float32: no two are alike, none is 0.

        Each is exact in float32, and none of them whole, so that a fraction cut off shows.
        """
        count = torch.Size(shape).numel()
        return torch.randperm(count, generator=self.generator).add(1.25).float().reshape(shape)

    @contextlib.contextmanager
    def on(self, place: str, hint: str | None = None) -> Iterator[None]:
        """Name the input at hand; a failure inside says it: "… (on a view of a larger image)".

        ``hint`` is what to think about when it is this input that fails, a crash included.
        """
        try:
            yield
        except NotWritten:
            raise
        except CheckFailed as failure:
            better = hint if failure.hint is None else failure.hint
            raise type(failure)(f"{failure} ({place})", better) from None


Run = Callable[[Student], None]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that a right answer does; mostly made by the decorator :func:`check`.

    Attributes:
        name: what to call it in files and tests, unique in the exercise.
        title: what it looks at, as the student reads it.
        hint: what to think about when it fails.
        points: what it is worth.
        run: the check itself; returns when the answer is right, calls :func:`fail` when not.
        seconds: how long one call of the student's function may take.
        hidden: whether the student learns the hint alone, never what was seen.
    """

    name: str
    title: str
    hint: str
    points: int
    run: Run
    seconds: float = 5.0
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """One function to write.

    Attributes:
        function: the name of the student's function.
        title: the question in a few words.
        minutes: how long it may take.
        teaches: what one knows afterwards.
        checks: what a right answer does.
    """

    function: str
    title: str
    minutes: int
    teaches: str
    checks: tuple[Check, ...]

    @property
    def points(self) -> int:
        """What a right answer is worth."""
        return sum(check.points for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One notebook of questions.

    Attributes:
        name: the name of its files, such as ``02_patches``.
        title: as the student reads it.
        forbids: modules that hold finished answers, which the student's may not lean on.
        questions: in the notebook's order.
    """

    name: str
    title: str
    forbids: tuple[str, ...]
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        names = [check.name for question in self.questions for check in question.checks]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(
                f"{self.name} has two checks named {min(twice)}: give each a name of its own"
            )

    @property
    def points(self) -> int:
        """What all right answers are worth."""
        return sum(question.points for question in self.questions)

    def question(self, function: str) -> Question:
        """The question that asks for ``function``.

        Raises:
            ValueError: there is none; the message lists those there are.
        """
        for question in self.questions:
            if question.function == function:
                return question
        names = ", ".join(question.function for question in self.questions)
        raise ValueError(f"{self.name} has no question {function!r}: it asks for {names}")


class Status(Enum):
    """How a check ended; the value is the sign that stands before its line."""

    PASSED = "✅"
    FAILED = "❌"
    NOT_WRITTEN = "⬜"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one check ended.

    Attributes:
        message: what was seen, in one line; empty when the check passed.
        hint: what to think about; empty when the message is all there is to say.
        crashed: whether no value came back that the check could look at.
    """

    check: Check
    status: Status
    message: str = ""
    hint: str = ""
    crashed: bool = False

    @property
    def points(self) -> int:
        """What the check earned."""
        return self.check.points if self.status is Status.PASSED else 0


def questions_of(*modules: ModuleType) -> tuple[Question, ...]:
    """What an exercise asks, in the notebook's order: the ``QUESTION`` of each of its modules."""
    return tuple(module.QUESTION for module in modules)


def generator_for(seed: str, name: str) -> torch.Generator:
    """The random numbers of one check: the same for the same seed, whatever else is run."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def run_check(check: Check, caller: Caller, seed: str = PUBLIC_SEED) -> Outcome:
    """Run one check on one student's functions. Never raises for what a student did.

    Raises:
        GraderError: the student's functions cannot be called, through no fault of theirs.
    """
    student = Student(caller, generator_for(seed, check.name), check.seconds)
    try:
        check.run(student)
    except NotWritten as missing:
        return Outcome(check=check, status=Status.NOT_WRITTEN, message=str(missing))
    except CheckFailed as failure:
        crashed = isinstance(failure, AnswerFailed)  # the check's own hint is then beside the point
        hint = failure.hint if failure.hint is not None else "" if crashed else check.hint
        return Outcome(
            check=check, status=Status.FAILED, message=str(failure), hint=hint, crashed=crashed
        )
    except GraderError:
        raise
    except Exception as error:  # a value that the check's author did not think of
        message = f"what came back could not be compared ({type(error).__name__}: {error})"
        return Outcome(check=check, status=Status.FAILED, message=message, crashed=True)
    return Outcome(check=check, status=Status.PASSED)


def run_question(question: Question, caller: Caller, seed: str = PUBLIC_SEED) -> list[Outcome]:
    """Run the checks of one question that the student may see, in order."""
    return [run_check(check, caller, seed) for check in question.checks if not check.hidden]


# Writing checks ---------------------------------------------------------------------------------


def drawn_once(draw: Callable[..., Drawn]) -> Callable[..., Drawn]:
    """A decorator for a draw that searches: from one state of the generator it searches once.

    Every answer is asked about the same inputs, so what was found for one is there for the next,
    with all that was worked out from it. Nobody may change it.

    Args:
        draw: a function of a student and of other arguments, which calls no function of theirs.
    """
    found: dict[Any, tuple[Drawn, Tensor]] = {}

    @functools.wraps(draw)
    def drawn(student: Student, *arguments: Any) -> Drawn:
        place = arguments, student.generator.get_state().numpy().tobytes()
        if place not in found:
            found[place] = draw(student, *arguments), student.generator.get_state()
        value, state = found[place]
        student.generator.set_state(state)
        return value

    return drawn


def check(
    title: str,
    hint: str,
    *,
    after: Sequence[Check | Run] = (),
    keeps_arguments: bool = False,
    points: int = 1,
    seconds: float = 5.0,
) -> Callable[[Run], Check]:
    """A decorator: this function is a check, with its own name (``pad_mask`` is ``pad-mask``).

    Args:
        title: what it looks at, as the student reads it.
        hint: what to think about when it fails.
        after: earlier checks. An answer may fail by a fault that one of them has named already: so
            they are tried as well, and if one fails, that is what the student reads, and no hint
            to look elsewhere.
        keeps_arguments: also look whether the calls left their arguments as they were. One check
            of a question does so, its widest one, so that one mistake costs one point.
        points: what it is worth.
        seconds: how long one call of the student's function may take.
    """

    def made(run: Run) -> Check:
        name = run.__name__.strip("_").replace("_", "-")
        whole = (
            _beyond(run, [inspect.unwrap(getattr(one, "run", one)) for one in after])
            if after
            else run
        )
        if keeps_arguments:
            whole = _keeping(whole)
        return Check(name=name, title=title, hint=hint, points=points, run=whole, seconds=seconds)

    return made


def _beyond(run: Run, earlier: Sequence[Run]) -> Run:
    @functools.wraps(run)
    def checked(student: Student) -> None:
        try:
            run(student)
        except (NotWritten, AnswerFailed):
            raise
        except CheckFailed:
            with student.on("on an earlier check's input", ""):
                for one in earlier:
                    one(student)
            raise

    return checked


COPY = (
    "Somebody else may still use it. Work on a copy (clone a tensor, copy a list or a dictionary), "
    "and mind what ends in _ or has an = after a sign: add_, +=, x[0] = …, and pop and del"
)


def _keeping(run: Run) -> Run:
    @functools.wraps(run)
    def checked(student: Student) -> None:
        try:
            run(student)
        except AnswerFailed:
            # What learns may not be changed in place: torch then stops, in words of its own.
            if student.changes:
                fail(f"before anything else: {student.changes[0]}", COPY)
            raise
        if student.changes:
            fail(f"every result is right, but {student.changes[0]}", COPY)

    return checked
