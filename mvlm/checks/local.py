"""Calling a student's functions in the process that runs the checks: the notebook's own."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from mvlm.checks.core import AnswerFailed, CheckFailed, NotWritten, Returned
from mvlm.checks.guard import TimeIsUp, is_stub, one_line, time_limit
from mvlm.checks.values import Refused, followed, identical, learning, pack, unpack


@contextlib.contextmanager
def leaning(forbidden: tuple[str, ...], found: list[str]) -> Iterator[None]:
    """Put into ``found`` a forbidden module whose code runs in the body, whatever way it got there.

    Python tells of each call, so it makes no difference whether the module was imported above,
    inside the function, by ``importlib`` or in text for ``exec``, taken out of ``sys.modules`` or
    with ``getattr``, or stands behind a partial, a method or a default argument. To import a
    module and let it be is not to lean on it.

    This is kindness, not security. It cannot see a copy of the module's text, code that was
    compiled from it (``torch.jit``), other threads and processes, or a branch that this call did
    not take. The instructor's grader runs the answers where those modules are not to be found.
    """

    @functools.cache
    def module_of(name: str) -> str | None:
        return next((m for m in forbidden if f"{name}.".startswith(f"{m}.")), None)

    def within(frame: FrameType) -> str | None:
        return module_of(str(frame.f_globals.get("__name__", "")))

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and not found and (module := within(frame)):
            above: FrameType | None = frame
            while above:
                if above.f_code.co_name == "<module>" and within(above):
                    return  # it is only being imported
                above = above.f_back
            found.append(module)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


class LocalCaller:
    """Calls functions of one namespace, such as a notebook's, on copies of the arguments."""

    def __init__(self, namespace: dict[str, Any], forbids: tuple[str, ...] = ()) -> None:
        self.namespace = namespace
        self.forbids = forbids

    def call(self, name: str, arguments: tuple[Any, ...], seconds: float) -> Returned:
        """See :class:`mvlm.checks.core.Caller`."""
        function = self.namespace.get(name)
        if function is None:
            raise NotWritten(f"{name} is not defined yet: run the cell that defines it")
        if not callable(function):
            raise AnswerFailed(f"{name} is a {type(function).__name__}, not a function any more")
        learns = learning(arguments)
        copies = unpack(pack(arguments))
        value, slopes, found = None, (), []
        try:
            value, copies, slopes = self._run(name, function, copies, learns, seconds, found)
        except CheckFailed:
            if not found:
                raise
        if found:
            raise AnswerFailed(
                f"{name} leans on {found[0]}, which holds a finished answer: "
                "write it from torch alone, and compare with that one afterwards"
            )
        try:
            value = unpack(pack(value))
        except Refused as reason:
            raise AnswerFailed(f"{name} returned {reason}") from None
        try:
            after = arguments if identical(arguments, copies) else unpack(pack(copies))
        except Refused:
            after = (None,) * len(arguments)  # no longer what was passed, whatever it is
        return Returned(value=value, arguments=after, slopes=slopes)

    def _run(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        learns: tuple[int, ...],
        seconds: float,
        found: list[str],
    ) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        """As :func:`followed`; what the function raises becomes a reason why there is no value."""
        try:
            with time_limit(seconds), leaning(self.forbids, found):
                return followed(function, arguments, learns)
        except TimeIsUp as why:
            raise AnswerFailed(f"{name} was {why}") from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if is_stub(error):
                raise NotWritten(f"{name} is not written yet") from None
            raise AnswerFailed(one_line(error, self.namespace)) from None
