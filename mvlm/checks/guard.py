"""Running code that may be wrong: a time limit, and errors told in one line.

Needs nothing but Python, because the grader's sandbox uses this file as well.
"""

import contextlib
import ctypes
import linecache
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# Beside other programs, or while it imports, right code may wait for several times as long as it
# computes. Only what waits longer than that is taken to wait for ever.
WAITS, LEAST_WAIT = 12.0, 10.0  # times the seconds of computing; seconds
TICK = 0.1  # seconds between two looks at the clocks
AGAIN = 0.5  # seconds until a body that swallowed the first is told again
IMPORT = "<frozen importlib._bootstrap>"  # whose frames stand below a module that is being imported


class TimeIsUp(BaseException):
    """Raised inside a function that runs too long; no ``except Exception`` swallows it."""


def longest(seconds: float) -> float:
    """Seconds on the clock on the wall that code may take whose limit of computing this is."""
    return max(WAITS * seconds, LEAST_WAIT)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeIsUp` in the body when it has computed for ``seconds``.

    What counts is the processor time of this thread: how busy the machine is, or how slow its
    disk at an import, takes nothing from it. A body that sleeps, or leaves the work to others,
    is stopped by the clock on the wall, after :func:`longest`.

    A timer signal looks at both where there is one (Linux, macOS, main thread). Elsewhere a second
    thread does, and asks Python to raise, which works as soon as the body runs Python code again.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        with _by_signal(_late(time.thread_time, seconds)):
            yield
    else:
        with _by_thread(_late(_clock_of_this_thread(), seconds)):
            yield


def _late(clock: Callable[[], float], seconds: float) -> Callable[[FrameType | None], str]:
    """A function that says why the time is up in a frame; empty as long as it is not.

    An import is not stopped for the time it computes: torch imports some of itself at a first step
    of an optimiser, and a module that was stopped half-made fails whatever needs it later.
    """
    computing, waiting = clock() + seconds, time.monotonic() + longest(seconds)

    def late(frame: FrameType | None) -> str:
        if clock() > computing and not _imports(frame):
            return f"stopped after {seconds:g} s: does each loop come to an end?"
        if time.monotonic() > waiting:
            return f"stopped after {longest(seconds):g} s, few of them at work: does it wait?"
        return ""

    return late


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported in this frame, or in one that called it."""
    while frame is not None and frame.f_code.co_filename != IMPORT:
        frame = frame.f_back
    return frame is not None


def _clock_of_this_thread() -> Callable[[], float]:
    """Its processor time, for any thread to ask; the whole process's where there is no such."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


@contextlib.contextmanager
def _by_signal(late: Callable[[FrameType | None], str]) -> Iterator[None]:
    def look(_: int, frame: FrameType | None) -> None:
        if why := late(frame):
            signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
            raise TimeIsUp(why)

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)

    def rest() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    try:
        yield
    finally:
        _whole(rest)


@contextlib.contextmanager
def _by_thread(late: Callable[[FrameType | None], str]) -> Iterator[None]:
    ident = threading.get_ident()
    me = ctypes.c_ulong(ident)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done = threading.Event()

    def watch() -> None:
        pause = TICK
        while not done.wait(pause):
            if why := late(sys._current_frames().get(ident)):
                reason.append(why)
                raise_in(me, ctypes.py_object(TimeIsUp))
                pause = AGAIN

    def rest() -> None:
        done.set()
        watcher.join()
        time.sleep(0)  # a call: here comes what was raised and has not come yet

    reason: list[str] = []
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except TimeIsUp:
        raise TimeIsUp(reason[0]) from None  # Python makes the exception, and without a text
    finally:
        _whole(rest)


def _whole(rest: Callable[[], object]) -> None:
    """Call ``rest`` until it comes to its end.

    The clocks may be looked at just when the body has ended. What is raised then would leave the
    watch running behind a body that was not too late.
    """
    while True:
        try:
            rest()
            return
        except TimeIsUp:
            continue


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
