"""Running code that may be wrong: a time limit, and errors told in one line.

Needs nothing but Python, because the grader's sandbox uses this file as well.
"""

import contextlib
import ctypes
import linecache
import signal
import threading
import traceback
from collections.abc import Iterator
from typing import Any


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


def remember(name: str, source: str) -> None:
    """Let errors show lines of ``source``, which was compiled under ``name`` and is no file."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)


def one_line(error: BaseException, names: dict[str, Any] | None = None) -> str:
    """An error as one line: its type, what it says, and the student's own line that it came from.

    Args:
        error: what was raised.
        names: the student's global names; a frame that uses them is the student's own.
    """
    text = " ".join(str(error).split()).rstrip(".")
    text = text[:300] + "…" if len(text) > 300 else text
    kind = type(error).__name__
    if kind == "RuntimeError" and "can't allocate memory" in text:
        kind = "MemoryError"  # torch's own way to say it
    return (f"{kind}: {text}" if text else kind) + _where(error, names)


def _where(error: BaseException, names: dict[str, Any] | None) -> str:
    spot = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals is names:
            code = frame.f_code
            text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
            name = "" if code.co_name == "<module>" else f", in {code.co_name}"
            spot = f"{name}, line {line}" + (f": {text[:120]}" if text else "")
    return spot


def is_stub(error: BaseException) -> bool:
    """Whether this is the error of an answer not yet written, and not torch's own of that type."""
    text = str(error)
    return isinstance(error, NotImplementedError) and (not text or text.endswith("your turn"))
