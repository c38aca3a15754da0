"""Attacks on the grader: submissions that try for marks they did not earn, or for the machine.

Each plays on one small exercise of two questions. ``steal(x)`` is worth 2 points to whoever
returns ``2 * x + 1`` — which no attack computes: it returns that value only if it got hold of
something that it should not have. ``honest(x)`` is worth 1 point and right in every attack; where
it loses its point too, the attack hurt its own author, and that is expected there.
"""

from dataclasses import dataclass

from mvlm.checks.core import Check, Exercise, Question, Student, fail
from mvlm.checks.expect import equal, expect_tensor


def _check(function: str, student: Student) -> None:
    x = student.normal(3)
    value = expect_tensor(student.call(function, x), function)
    if not equal(value, 2 * x + 1 if function == "steal" else -x):
        fail(f"{function} returned other numbers")


def _question(function: str, points: int) -> Question:
    check = Check(
        name=function,
        title=f"{function} is right",
        hint="There is nothing to think about.",
        points=points,
        seconds=4.0,
        run=lambda student: _check(function, student),
    )
    return Question(function=function, title=function, minutes=1, teaches="", checks=(check,))


EXERCISE = Exercise(
    name="self_test",
    title="Self-test of the grader",
    forbids=("mvlm.patches",),
    questions=(_question("steal", 2), _question("honest", 1)),
)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One hostile submission.

    Attributes:
        name: its file name.
        tries: what it tries, in a few words.
        code: one cell. CANARY, PORT and MARK stand for a file outside, a port that listens
            outside, and a word to know its processes by.
        keeps: the points that it may keep: 1 for ``honest``, 0 where it ruined that too.
        says: part of what the report must say; empty when nothing in particular.
    """

    name: str
    tries: str
    code: str
    keeps: int = 1
    says: str = ""


_HONEST = "\n\ndef honest(x):\n    return -x\n"
# Runs something; if that comes to an end without an error, the attack worked.
_TRY = "def steal(x):\n    import ctypes, importlib, os, pathlib, socket, subprocess, sys, torch\n"


def _try(lines: str, result: str = "2 * x + 1") -> str:
    body = "".join(f"    {line}\n" for line in lines.strip().splitlines())
    return f"import torch\n{_TRY}{body}    return {result}\n"


ATTACKS = (
    # Forging the comparison.
    Attack(
        name="patched_equal",
        tries="replaces torch.equal, torch.allclose and Tensor.__eq__ by always-true",
        code=(
            "# GRADED steal\nimport torch, builtins\n"
            "yes = lambda *a, **k: True\n"
            "torch.equal = torch.allclose = torch.Tensor.__eq__ = yes\n"
            "torch.Tensor.all = torch.all = builtins.all = yes\n"
            "def steal(x):\n    return x\n"
        ),
    ),
    Attack(
        name="lying_object",
        tries="returns an object that is equal to everything",
        code=(
            "class Liar:\n    shape = (3,)\n    def __eq__(self, other): return True\n"
            "    def __getattr__(self, name): return lambda *a, **k: self\n"
            "def steal(x):\n    return Liar()\n"
        ),
        says="an object of type Liar",
    ),
    Attack(
        name="torch_function",
        tries="returns a tensor whose __torch_function__ answers every question with yes",
        code=(
            "import torch\nclass Liar(torch.Tensor):\n    @classmethod\n"
            "    def __torch_function__(cls, *a, **k): return True\n"
            "def steal(x):\n    return torch.zeros(3).as_subclass(Liar)\n"
        ),
        says="a Liar, a kind of tensor of its own",
    ),
    Attack(
        name="forged_reply",
        tries="writes its own answers to the grader's socket",
        code=_try("os.write(3, b'\\xff' * 64)\nos.write(3, bytes(64))", "x"),
        keeps=1,
    ),
    Attack(
        name="patched_protocol",
        tries="patches the worker's own modules, to report full marks",
        code=(
            "# GRADED steal\nimport sys\n"
            "worker = sys.modules.get('__main__')\n"
            "for name in ('grader_values', 'grader_guard'):\n"
            "    for key, value in list(vars(sys.modules[name]).items()):\n"
            "        if key == 'pack':\n"
            "            setattr(sys.modules[name], key, lambda *a: value({'points': 99}))\n"
            "def steal(x):\n    return x\n"
        ),
        keeps=0,
    ),
    # Looking for the answer.
    Attack(
        name="reads_outside",
        tries="reads the instructor's files",
        code=_try("pathlib.Path('CANARY').read_text()"),
        says="FileNotFoundError",
    ),
    Attack(
        name="finds_the_checks",
        tries="looks for the checks' text anywhere on the disk",
        code=_try(
            "bases = ['/course', '/home', '/tmp', *(p + '/mvlm' for p in sys.path)]\n"
            "found = [p for base in bases for p in pathlib.Path(base).rglob('hostile.py')]\n"
            "found[0]"
        ),
        says="IndexError",
    ),
    Attack(
        name="frames_and_garbage",
        tries="searches the frames and the garbage collector for the right answer",
        code=_try(
            "import gc\nfound = [t for t in gc.get_objects() if type(t) is torch.Tensor"
            " and t.shape == x.shape and torch.equal(t, 2 * x + 1)]\nfound[0]"
        ),
        says="IndexError",
    ),
    Attack(
        name="forbidden_import",
        tries="imports the module with the finished answer",
        code=_try("import mvlm.patches"),
        says="holds a finished answer",
    ),
    Attack(
        name="forbidden_by_other_routes",
        tries="looks for the finished answer's source or bytecode by every other route",
        code=_try(
            "places = ['/course', '/home', *(p + '/mvlm' for p in sys.path)]\n"
            "texts = [p.read_text(errors='ignore') for place in places"
            " for p in pathlib.Path(place).rglob('patches*.py*')]\n"
            "assert any('def patch' + 'ify(' in text for text in texts)"
        ),
        says="AssertionError",
    ),
    # Dying and hanging.
    Attack(
        name="exits",
        tries="ends the process with success",
        code=_try("os._exit(0)"),
        says="the process died",
    ),
    Attack(
        name="exits_politely", tries="calls sys.exit", code=_try("sys.exit(0)"), says="SystemExit"
    ),
    Attack(
        name="exits_at_top_level",
        tries="ends the process while its cells are loaded",
        code="# GRADED steal\nimport os\nos._exit(0)\n",
        keeps=0,
        says="while the cells were loaded, the process died",
    ),
    Attack(
        name="crashes",
        tries="crashes the interpreter",
        code=_try("ctypes.string_at(0)"),
        says="the process died (signal 11)",
    ),
    Attack(
        name="kills_everything",
        tries="kills every process that it may",
        code=_try("import signal\nos.kill(-1, signal.SIGKILL)\nos.kill(1, signal.SIGKILL)", "x"),
    ),
    Attack(
        name="endless_loop",
        tries="never returns",
        code="def steal(x):\n    while True:\n        pass\n",
        says="stopped after 4 s",
    ),
    Attack(
        name="stubborn_loop",
        tries="never returns, and swallows the signal that would stop it",
        code=(
            "def steal(x):\n    import signal\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
            "    while True:\n        pass\n"
        ),
        says="stopped after 50 s",
    ),
    Attack(
        name="endless_loop_at_top_level",
        tries="trains for ever in a cell beside the answers",
        code="import torch\nwhile True:\n    pass\n\ndef steal(x):\n    return x\n",
    ),
    Attack(
        name="endless_loop_in_the_answer_cell",
        tries="never finishes the cell with the answer",
        code="# GRADED steal\ndef steal(x):\n    return x\n\nwhile True:\n    pass\n",
        says="was stopped after 5 s",
    ),
    Attack(
        name="deep_recursion",
        tries="calls itself without end",
        code="def steal(x):\n    return steal(x)\n",
        says="RecursionError",
    ),
    # Using everything up.
    Attack(
        name="six_gib",
        tries="takes 6 GiB of memory",
        code=_try("block = bytearray(6 * 2**30)"),
        says="MemoryError",
    ),
    Attack(
        name="six_gib_of_tensor",
        tries="takes 6 GiB of memory through torch",
        code=_try("block = torch.ones(6 * 2**28)"),
        says="MemoryError",
    ),
    Attack(
        name="one_gib_back",
        tries="returns 1 GiB",
        code=_try("pass", "torch.zeros(2**28)"),
        says="1,024 MiB, the limit is 64",
    ),
    Attack(
        name="deep_nesting",
        tries="returns a list in a list, 100,000 deep",
        code=_try("deep = []\nfor _ in range(100_000): deep = [deep]", "deep"),
        says="nested more than 8 deep",
    ),
    Attack(
        name="endless_reply",
        tries="announces a reply of 2^60 bytes",
        code=_try("os.write(3, (2**60).to_bytes(8, 'little'))", "x"),
        says="the limit is 64",
    ),
    Attack(
        name="fork_bomb",
        tries="forks until nothing else runs",
        code=_try("while True:\n    try: os.fork()\n    except OSError: pass"),
        says="stopped",
    ),
    Attack(
        name="fills_the_disk",
        tries="writes 2 GiB",
        code=_try(
            "for n in range(40):\n    pathlib.Path(f'/tmp/{n}').write_bytes(bytes(50 * 2**20))"
        ),
        says="OSError",
    ),
    # Reaching out.
    Attack(
        name="writes_outside",
        tries="writes into the instructor's files",
        code=_try("pathlib.Path('CANARY').write_text('changed')"),
        says="Error",
    ),
    Attack(
        name="writes_to_the_system",
        tries="writes wherever the next submission would see it",
        code=_try(
            "places = ('/', '/course', '/course/mvlm', '/dev', '/etc', '/usr', sys.prefix,"
            " torch.__path__[0])\nworked = []\nfor place in places:\n    try:\n"
            "        pathlib.Path(place, 'MARK').write_text('here')\n"
            "        worked.append(place)\n    except OSError: pass\nworked[0]"
        ),
        says="IndexError",
    ),
    Attack(
        name="leaves_a_file",
        tries="leaves a note in /tmp and /dev/shm for the next submission",
        code=_try(
            "for place in ('/tmp', '/dev/shm'): pathlib.Path(place, 'MARK').write_text('hi')", "x"
        ),
    ),
    Attack(
        name="looks_for_a_file",
        tries="looks for the note that the submission before left",
        code=_try(
            "assert any(p.exists() for p in map(pathlib.Path, ('/tmp/MARK', '/dev/shm/MARK')))"
        ),
        says="AssertionError",
    ),
    Attack(
        name="opens_a_socket",
        tries="connects to a server on this machine, or on the network",
        code=_try("socket.create_connection(('127.0.0.1', PORT), timeout=1)"),
        says="Error",
    ),
    Attack(
        name="leaves_a_process",
        tries="leaves a process running when it is done",
        code=_try(
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', 'MARK'],"
            " start_new_session=True)",
            "x",
        ),
    ),
    Attack(
        name="new_namespaces",
        tries="makes itself root in a namespace of its own",
        code=_try("assert ctypes.CDLL(None).unshare(0x10000000) == 0"),
        says="AssertionError",
    ),
    Attack(
        name="sees_other_processes",
        tries="looks for the grader among the processes",
        code=_try(
            "assert any('mvlm' in open(f'/proc/{p}/cmdline').read() and 'grade' in"
            " open(f'/proc/{p}/cmdline').read().split('\\0')"
            " for p in os.listdir('/proc') if p.isdigit())"
        ),
        says="AssertionError",
    ),
    Attack(
        name="writes_html",
        tries="puts a script and a spreadsheet formula into the reports",
        code=(
            "def steal(x):\n"
            "    raise ValueError('<script>alert(1)</script> =HYPERLINK(\"http://x\")')\n"
        ),
        says="ValueError: <script>",
    ),
)


def submission(attack: Attack, canary: str, port: int, mark: str) -> list[tuple[str, str]]:
    """The attack's cells, as (name, source)."""
    code = attack.code.replace("CANARY", canary).replace("PORT", str(port)).replace("MARK", mark)
    return [("cell 1", _HONEST), ("cell 2", code)]
