"""Calling a student's functions in the process that runs the checks: the notebook's own."""

import contextlib
import ctypes
import dis
import linecache
import signal
import threading
import traceback
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mvlm.checks.core import AnswerFailed, NotWritten, Returned
from mvlm.checks.values import Refused, pack, unpack


class TimeIsUp(BaseException):
    """Raised inside a function that runs too long; no ``except Exception`` swallows it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeIsUp` in the body when it is not done after ``seconds``.

    A timer signal where there is one (Linux, macOS, main thread). Elsewhere a second thread asks
    Python to raise it, which works as soon as the body runs Python code again.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if hasattr(signal, "setitimer") and in_main:

        def stop(*_: object) -> None:
            raise TimeIsUp

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # again, should the body swallow it
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    else:
        me = ctypes.c_ulong(threading.get_ident())
        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        timer = threading.Timer(seconds, raise_in, (me, ctypes.py_object(TimeIsUp)))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def where(error: BaseException, function: Any) -> str:
    """The line of the student's own code that an error went through last: ", in line 3: …"."""
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    spot = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename == home:
            text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
            spot = f", in {code.co_name}, line {line}" + (f": {text}" if text else "")
    return spot


def one_line(error: BaseException, function: Any = None) -> str:
    """An error as one line: its type, what it says, and the student's line that it came from."""
    text = " ".join(str(error).split())
    text = text[:300] + "…" if len(text) > 300 else text
    kind = type(error).__name__
    return f"{kind}: {text}{where(error, function)}" if text else f"{kind}{where(error, function)}"


def is_stub(error: BaseException) -> bool:
    """Whether this is the error of an answer not yet written, and not torch's own of that type."""
    text = str(error)
    return isinstance(error, NotImplementedError) and (not text or text.endswith("your turn"))


def leans_on(function: Any, forbidden: tuple[str, ...]) -> str | None:
    """The forbidden module that a function uses, itself or through a helper; None if it does not.

    This is kindness, not security: it looks at the names in the compiled code. The instructor's
    grader runs the answers where those modules are not to be found.
    """
    seen: set[int] = set()

    def module_of(value: Any) -> str | None:
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        return next((m for m in forbidden if f"{name}.".startswith(f"{m}.")), None)

    def visit(value: Any) -> str | None:
        if found := module_of(value):
            return found
        if not isinstance(value, FunctionType) or id(value) in seen:
            return None
        seen.add(id(value))
        return visit_code(value.__code__, value.__globals__)

    def visit_code(code: CodeType, names: dict[str, Any]) -> str | None:
        current: Any = None  # what the chain a.b.c stands for so far
        path = ""
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                current = names.get(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(current, ModuleType):
                current = getattr(current, step.argval, None)
            elif step.opname in ("IMPORT_NAME", "IMPORT_FROM"):
                if step.opname == "IMPORT_NAME":
                    dotted = path = step.argval
                else:
                    dotted = f"{path}.{step.argval}"
                if found := next((m for m in forbidden if f"{dotted}.".startswith(f"{m}.")), None):
                    return found
                current = None
            elif step.opname != "PUSH_NULL":
                current = None
            if current is not None and (found := visit(current)):
                return found
        for constant in code.co_consts:  # functions inside the function
            if isinstance(constant, CodeType) and (found := visit_code(constant, names)):
                return found
        return None

    return visit(function)


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
        if found := leans_on(function, self.forbids):
            raise AnswerFailed(
                f"{name} leans on {found}, which holds a finished answer: "
                "write it from torch alone, and compare with that one afterwards"
            )
        copies = unpack(pack(arguments))
        try:
            with time_limit(seconds):
                value = function(*copies)
        except TimeIsUp:
            raise AnswerFailed(
                f"{name} was stopped after {seconds:g} s: does each loop come to an end?"
            ) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if is_stub(error):
                raise NotWritten(f"{name} is not written yet") from None
            raise AnswerFailed(one_line(error, function)) from None
        try:
            value = unpack(pack(value))
        except Refused as reason:
            raise AnswerFailed(f"{name} returned {reason}") from None
        try:
            after = unpack(pack(copies))
        except Refused:
            after = (None,) * len(arguments)  # no longer what was passed, whatever it is
        return Returned(value=value, arguments=after)
