"""Calling a student's functions in this process: time, errors, and what they may not lean on."""

import importlib
import signal
import sys
import threading
import time

import pytest
import torch

from mvlm.checks import guard
from mvlm.checks.core import AnswerFailed, NotWritten
from mvlm.checks.guard import TimeIsUp, time_limit
from mvlm.checks.local import LocalCaller

FORBIDS = ("mvlm.patches",)


def call(source, *arguments, seconds=5.0):
    names = {"__name__": "student"}
    exec(compile(source, "answer.py", "exec"), names)
    return LocalCaller(names, FORBIDS).call("f", arguments, seconds)


def test_a_call_returns_the_value_and_the_arguments_as_they_are_afterwards():
    given = torch.zeros(2)
    returned = call("def f(x):\n    x += 1\n    return x * 2", given)
    assert returned.value.tolist() == [2, 2]
    assert returned.arguments[0].tolist() == [1, 1]
    assert given.tolist() == [0, 0]  # the check's own numbers are safe


@pytest.mark.parametrize(
    "source",
    [
        "",
        'def f(x):\n    raise NotImplementedError("f: your turn")',
        "def f(x):\n    raise NotImplementedError",
    ],
)
def test_an_answer_that_is_not_there_is_no_error(source):
    with pytest.raises(NotWritten, match="f is not (defined|written) yet"):
        call(source, 1)


def test_torchs_own_not_implemented_error_is_an_error():
    source = "def f(x):\n    raise NotImplementedError('\"conv\" not implemented for Byte')"
    with pytest.raises(AnswerFailed, match="not implemented for Byte"):
        call(source, 1)


def test_an_error_is_one_line_with_the_students_own_line():
    source = "def f(x):\n    y = x + 1\n    return g(y)\n\ndef g(y):\n    return y.reshape(7)\n"
    with pytest.raises(AnswerFailed, match=r"^RuntimeError: shape '\[7\]' .*, in g, line 6"):
        call(source, torch.zeros(2))


@pytest.mark.parametrize("how", ["import sys; sys.exit()", "raise BaseException('x')", "f(x)"])
def test_whatever_is_raised_is_contained(how):
    with pytest.raises(AnswerFailed, match="SystemExit|BaseException: x|RecursionError"):
        call(f"def f(x):\n    {how}", 1)


def test_the_students_interrupt_gets_through():
    with pytest.raises(KeyboardInterrupt):
        call("def f(x):\n    raise KeyboardInterrupt", 1)


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "while True:\n        try:\n            1/0\n        except: pass"],
)
def test_an_endless_loop_is_stopped(body):
    with pytest.raises(AnswerFailed, match=r"f was stopped after 0.2 s"):
        call(f"def f(x):\n    {body}", 1, seconds=0.2)


def test_waiting_is_no_computing(monkeypatch):
    wait = "import time\ndef f(x):\n    time.sleep(0.6)\n    return x"
    assert call(wait, 1, seconds=0.1).value == 1
    monkeypatch.setattr(guard, "LEAST_WAIT", 0.0)
    with pytest.raises(AnswerFailed, match=r"f was stopped after 1.2 s, few of them at work"):
        call(wait.replace("0.6", "60"), 1, seconds=0.1)


def test_waiting_is_no_computing_outside_the_main_thread_either():
    said = []

    def body():
        try:
            with time_limit(0.1):
                time.sleep(0.5)
                said.append("awake")
                while True:
                    pass
        except TimeIsUp as why:
            said.append(str(why))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(60)
    assert said == ["awake", "stopped after 0.1 s: does each loop come to an end?"]


def test_time_is_limited_outside_the_main_thread_too():
    stopped = []

    def body():
        try:
            with time_limit(0.2):
                while True:
                    pass
        except TimeIsUp:
            stopped.append(True)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(60)
    assert stopped == [True]


@pytest.mark.parametrize(
    "source",
    [
        "from mvlm.patches import patchify as f",
        "import mvlm.patches\nf = mvlm.patches.patchify",
        "from mvlm.patches import patchify\ndef f(x, p):\n    return patchify(x, p)",
        "import mvlm.patches as m\ndef f(x, p):\n    return m.patchify(x, p)",
        "import mvlm.patches\ndef f(x, p):\n    return mvlm.patches.patchify(x, p)",
        "def f(x, p):\n    from mvlm.patches import patchify\n    return patchify(x, p)",
        "def f(x, p):\n    from mvlm import patches\n    return patches.patchify(x, p)",
        "def f(x, p):\n    import mvlm.patches as m\n    return m.patchify(x, p)",
        "from mvlm import patches\ng = lambda x, p: patches.patchify(x, p)\n"
        "def f(x, p):\n    return g(x, p)",
        "import importlib\ndef f(x, p):\n"
        "    return importlib.import_module('mvlm.' + 'patches').patchify(x, p)",
        "def f(x, p):\n    return __import__('mvlm.patches').patches.patchify(x, p)",
        "import sys, mvlm.patches\n"
        "def f(x, p):\n    return sys.modules['mvlm.patches'].patchify(x, p)",
        "import mvlm, mvlm.patches\n"
        "def f(x, p):\n    return getattr(mvlm, 'patches').patchify(x, p)",
        "def f(x, p):\n    exec('from mvlm.patches import patchify as g', names := {})\n"
        "    return names['g'](x, p)",
        "import functools, mvlm.patches\nf = functools.partial(mvlm.patches.patchify)",
        "from mvlm.patches import patchify\ndef f(x, p, g=patchify):\n    return g(x, p)",
        "import mvlm.patches\nclass T:\n    tool = [mvlm.patches.patchify]\n"
        "    def __call__(self, x, p):\n        return self.tool[0](x, p)\nf = T()",
        "import mvlm.patches\ndef f(x, p):\n    try:\n        return mvlm.patches.patchify(x, 3)\n"
        "    except ValueError:\n        return x",
        "from mvlm.patches import patchify\n"
        "def f(x, p):\n    def inner():\n        return patchify(x, p)\n    return inner()",
    ],
)
def test_leaning_on_a_forbidden_module_is_said_kindly(source):
    with pytest.raises(AnswerFailed, match="f leans on mvlm.patches, .* compare with that one"):
        call(source, torch.zeros(1, 3, 4, 4), 2)


def test_comparing_with_a_forbidden_module_elsewhere_is_fine():
    source = "from mvlm.patches import patchify\ndef f(x):\n    return x.sum()\n"
    assert call(source, torch.ones(2)).value == 2
    source = "def f(x):\n    import mvlm.patches\n    return x.sum()\n"
    assert call(source, torch.ones(2)).value == 2
    assert sys.getprofile() is None


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("f = 3", "f is a int, not a function any more"),
        ("class T: pass\ndef f(x):\n    return T()", "f returned an object of type T"),
        ("def f():\n    return 1", "TypeError: f.. takes 0 positional arguments but 1 was given"),
    ],
)
def test_other_mistakes(source, says):
    with pytest.raises(AnswerFailed, match=says):
        call(source, 1)


@pytest.mark.parametrize("by", ["signal", "thread"])
def test_an_import_is_not_stopped_half_way(by, tmp_path, monkeypatch):
    """torch imports some of itself at the first step of an optimiser; stopped, it stays broken."""
    if by == "thread":
        monkeypatch.delattr("mvlm.checks.guard.signal.setitimer")
    slow = (
        "import time\nend = time.thread_time() + 0.5\nwhile time.thread_time() < end: pass\nx = 1\n"
    )
    (tmp_path / f"slow_to_import_{by}.py").write_text(slow)
    monkeypatch.syspath_prepend(tmp_path)
    with time_limit(0.2):
        module = importlib.import_module(f"slow_to_import_{by}")
    assert module.x == 1


def test_a_body_that_has_just_ended_is_not_stopped_by_the_thread():
    """It looks at the clocks when the body is at work, and raises when it has ended."""
    ended = threading.Event()

    def late(_) -> str:
        ended.wait()
        return "too late"

    with guard._by_thread(late):
        time.sleep(3 * guard.TICK)  # until the thread waits in `late`
        ended.set()


def test_a_body_that_has_just_ended_is_not_stopped_by_the_signal(monkeypatch):
    """It comes between the body's end and the end of the timer, which must end all the same."""
    real, came = signal.setitimer, []

    def setitimer(which, seconds, interval=0.0):
        if not seconds and not came:
            came.append(True)
            raise TimeIsUp("too late")
        return real(which, seconds, interval)

    monkeypatch.setattr(guard.signal, "setitimer", setitimer)
    with guard._by_signal(lambda _: ""):
        pass
    assert came
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
