"""Attacks on the grader: submissions that try for marks they did not earn, or for the machine.

Each plays on one small exercise of two questions. ``steal(x)`` is worth 2 points to whoever
returns ``2 * x + 1`` — which no attack computes: it returns that value only if it got hold of
something that it should not have. ``honest(x)`` is worth 1 point and right in every attack; where
it loses its point too, the attack hurt its own author, and that is expected there.
"""

from dataclasses import dataclass

from mvlm.checks.core import Check, Exercise, Question, Student, fail
from mvlm.checks.expect import equal, expect_tensor

SECONDS = 1.0


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
        seconds=SECONDS,
        run=lambda student: _check(function, student),
    )
    return Question(function=function, title=function, minutes=1, teaches="", checks=(check,))


EXERCISE = Exercise(
    name="self_test",
    title="Self-test of the grader",
    forbids=("mvlm.patches",),
    questions=(_question("honest", 1), _question("steal", 2)),
)
HONEST = "def honest(x):\n    return -x\n"
# What an honest neighbour hands in: slow enough to be in the middle of a call during an attack.
NEIGHBOUR = """
import time
def honest(x):
    time.sleep(0.3)
    return -x
def steal(x):
    time.sleep(0.3)
    return 2 * x + 1
"""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One hostile submission.

    Attributes:
        name: its file name.
        tries: what it tries, in a few words.
        code: one cell, beside one with ``honest``. CANARY, PORT and MARK stand for a file outside,
            a port that listens outside, and a word to know its processes by.
        keeps: the points that it may keep: 1 for ``honest``, 0 where it ruined that too.
        says: part of what the report must say; empty when nothing in particular.
    """

    name: str
    tries: str
    code: str
    keeps: int = 1
    says: str = ""

    def cells(self, canary: str, port: int, mark: str) -> list[tuple[str, str]]:
        """The submission, as (name, source) of each cell."""
        code = self.code.replace("CANARY", canary).replace("PORT", str(port)).replace("MARK", mark)
        return [("cell 1", HONEST), ("cell 2", code)]


# Where a worker may write is /tmp, or another folder where Python itself lies there.
_BEFORE = """\
import ctypes, fcntl, importlib, os, pathlib, signal
import socket, subprocess, sys, threading, time, torch
scratch = os.environ["TMPDIR"]
"""


def _does(
    name: str, tries: str, lines: str, says: str = "", *, gives: str = "2 * x + 1", keeps: int = 1
) -> Attack:
    """``steal`` does something; if that comes to an end without an error, the attack worked.

    Args:
        gives: what it returns then; where coming to an end is no success, ``x``.
    """
    body = "".join(f"    {line}\n" for line in lines.strip("\n").splitlines())
    code = f"{_BEFORE}def steal(x):\n{body}    return {gives}\n"
    return Attack(name=name, tries=tries, code=code, keeps=keeps, says=says)


def _is(name: str, tries: str, code: str, says: str = "", *, keeps: int = 1) -> Attack:
    """The whole cell is the attack; it is run as it stands."""
    code = f"# GRADED steal\n{_BEFORE}{code.strip()}\n"
    return Attack(name=name, tries=tries, code=code, keeps=keeps, says=says)


def _tells(name: str, tries: str, keep: str, tell: str) -> Attack:
    """``honest`` keeps its inputs somewhere, and ``steal`` puts them into the report.

    Whatever else it says, no number of a secret run may be in it.
    """
    code = (
        f"seen = []\ndef honest(x):\n    {keep}\n    return -x\n"
        f"def steal(x):\n    text = str(seen)\n    {tell}\n"
    )
    return _is(name, tries, code)


_NUMBER = "{'x86_64': %d, 'aarch64': %d}[os.uname().machine]"


def _calls(name: str, tries: str, x86: int, arm: int, arguments: str) -> Attack:
    """Calls the kernel by number."""
    number = _NUMBER % (x86, arm)
    line = f"assert ctypes.CDLL(None).syscall(ctypes.c_long({number}), {arguments}) >= 0"
    return _does(name, tries, line, "AssertionError")


_PACK = "pack = sys.modules['grader_values'].pack\n"
_RAW = """
import json, struct
def send(tree, *buffers):
    parts = [struct.pack("<II", len(tree), len(buffers)), tree]
    parts += [part for one in buffers for part in (struct.pack("<Q", len(one)), one)]
    message = b"".join(parts)
    socket.socket(fileno=os.dup(3)).sendall(struct.pack("<Q", len(message)) + message)
def steal(x):
"""

FORGING = (
    _is(
        "patched_equal",
        "replaces torch.equal, torch.allclose and Tensor.__eq__ by always-true",
        """
import builtins
yes = lambda *a, **k: True
torch.equal = torch.allclose = torch.Tensor.__eq__ = torch.Tensor.all = torch.all = yes
builtins.all = yes
def steal(x):
    return x
""",
    ),
    _is(
        "patched_arithmetic",
        "replaces the arithmetic of torch and NumPy, to make right out of wrong",
        """
import numpy
for place in (torch, torch.Tensor):
    for name in ("add", "sub", "ne", "double", "isclose"):
        setattr(place, name, lambda *a, **k: torch.ones(3))
numpy.frombuffer = numpy.isfinite = lambda *a, **k: numpy.ones(3)
def steal(x):
    return x
""",
        keeps=0,
    ),
    _is(
        "lying_object",
        "returns an object that is equal to everything",
        """
class Liar:
    shape = (3,)
    def __eq__(self, other): return True
    def __getattr__(self, name): return lambda *a, **k: self
def steal(x):
    return Liar()
""",
        "an object of type Liar",
    ),
    _is(
        "pickled_object",
        "returns an object that runs a command where it is unpickled",
        """
class Pickled:
    def __reduce__(self): return os.system, ("touch CANARY",)
def steal(x):
    return Pickled()
""",
        "an object of type Pickled",
    ),
    _is(
        "torch_function",
        "returns a tensor whose __torch_function__ answers every question with yes",
        """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *a, **k): return True
def steal(x):
    return torch.zeros(3).as_subclass(Liar)
""",
        "a Liar, a kind of tensor of its own",
    ),
    _is(
        "patched_protocol",
        "patches the worker's own modules, to report full marks",
        """
for name in ('grader_values', 'grader_guard'):
    for key, value in list(vars(sys.modules[name]).items()):
        if key == 'pack':
            setattr(sys.modules[name], key, lambda *a: value({'points': 99}))
def steal(x):
    return x
""",
        keeps=0,
    ),
    _is(
        "patched_builtins",
        "replaces what everything is built of",
        """
import builtins
for name in ("len", "isinstance", "type", "getattr", "sorted", "print", "open"):
    setattr(builtins, name, lambda *a, **k: True)
def steal(x):
    return x
""",
        keeps=0,
    ),
)

REPLYING = (
    _does(
        "forged_reply",
        "writes its own answers to the grader's socket",
        "os.write(3, b'\\xff' * 64)\nos.write(3, bytes(64))",
        gives="x",
    ),
    _does(
        "replies_early",
        "answers the next thousand questions beforehand",
        f"""
{_PACK}for number in range(1000):
    message = pack({{"number": number, "value": x}})
    os.write(3, len(message).to_bytes(8, 'little') + message)
""",
        gives="x",
    ),
    _does(
        "endless_reply",
        "announces a reply of 2^60 bytes",
        "os.write(3, (2**60).to_bytes(8, 'little'))",
        "the limit is 64",
        gives="x",
    ),
    _does(
        "trickling_reply",
        "sends a reply so slowly that it never ends",
        "os.write(3, (2**20).to_bytes(8, 'little'))\n"
        "while True:\n    try:\n        while True:\n            os.write(3, b' ')\n"
        "            time.sleep(0.5)\n    except BaseException:\n        pass",
        "stopped after 14 s",
    ),
    _is(
        "one_buffer_many_tensors",
        "sends 20 MiB that become 10 GiB when they are read",
        _RAW
        + """
    one = {"tensor": "uint8", "shape": [20 * 2**20], "view": False, "at": 0}
    send(json.dumps({"list": [one] * 500}).encode(), bytes(20 * 2**20))
    return x
""",
        "steal returned a damaged message",
    ),
    _is(
        "views_of_nothing",
        "sends empty tensors that become 500 GiB when they are read",
        _RAW
        + """
    one = {"tensor": "float64", "shape": [2**26, 0], "view": True, "at": 0}
    send(json.dumps({"list": [{**one, "at": n} for n in range(1000)]}).encode(), *[b""] * 1000)
    return x
""",
        "steal returned nothing that can be read",
    ),
    _is(
        "tree_without_end",
        "sends text that is nested a hundred thousand deep",
        _RAW + "    send(b'[' * 100_000)\n    return x\n",
        "steal returned a damaged message",
    ),
    _is(
        "number_without_end",
        "sends a number of a million digits",
        _RAW + "    send(b'9' * 1_000_000)\n    return x\n",
        "steal returned a damaged message",
    ),
    _does(
        "sends_descriptors",
        "sends open files to the grader, until it has no room for more",
        "end = socket.socket(fileno=os.dup(3))\nfor _ in range(50):\n"
        "    socket.send_fds(end, [bytes(1)], [0] * 200)",
        gives="x",
    ),
    _does(
        "one_gib_back",
        "returns 1 GiB",
        "",
        "1,024 MiB, the limit is 64",
        gives="torch.empty(2**28)",  # asked for and never touched: it costs no time
    ),
    _does(
        "deep_nesting",
        "returns a list in a list, 100,000 deep",
        "deep = []\nfor _ in range(100_000): deep = [deep]",
        "nested more than 8 deep",
        gives="deep",
    ),
    _is(
        "writes_html",
        "puts a script and a spreadsheet formula into the reports",
        """
def steal(x):
    raise ValueError('<script>alert(1)</script> =HYPERLINK("http://x") \\ud800')
""",
        "ValueError: <script>",
    ),
)

LOOKING = (
    _does(
        "reads_outside",
        "reads the instructor's files",
        "pathlib.Path('CANARY').read_text()",
        "FileNotFoundError",
    ),
    _does(
        "finds_the_checks",
        "looks for the checks' text anywhere on the disk",
        """
bases = ['/course', '/home', '/tmp', *(p + '/mvlm' for p in sys.path)]
found = [p for base in bases for p in pathlib.Path(base).rglob('hostile.py')]
found[0]
""",
        "IndexError",
    ),
    _does(
        "searches_the_garbage",
        "searches the garbage collector for the right answer",
        "import gc\nfound = [t for t in gc.get_objects() if type(t) is torch.Tensor"
        " and t.shape == x.shape and torch.equal(t, 2 * x + 1)]\nfound[0]",
        "IndexError",
    ),
    _does(
        "climbs_the_frames",
        "climbs from frame to frame to whoever knows the right answer, and traces what they do",
        """
sys.settrace(lambda *a: None)
frame, found = sys._getframe(), []
while frame:
    places = [*frame.f_locals.values(), *frame.f_globals.values()]
    found += [v for v in places if type(v) is torch.Tensor and torch.equal(v, 2 * x + 1)]
    frame = frame.f_back
found[0]
""",
        "IndexError",
    ),
    _does(
        "forbidden_import",
        "imports the module with the finished answer",
        "import mvlm.patches",
        "holds a finished answer",
    ),
    _does(
        "forbidden_by_other_routes",
        "looks for the finished answer's source or bytecode by every other route",
        """
places = ['/course', '/home', *(p + '/mvlm' for p in sys.path)]
texts = [p.read_text(errors='ignore') for place in places
         for p in pathlib.Path(place).rglob('patches*.py*')]
assert any('def patch' + 'ify(' in text for text in texts)
""",
        "AssertionError",
    ),
    _does(
        "sees_other_processes",
        "looks for the grader among the processes",
        """
lines = [pathlib.Path('/proc', p, 'cmdline').read_text().split('\\0')
         for p in os.listdir('/proc') if p.isdigit()]
assert any('grade' in line for line in lines) or len(lines) > 1
""",
        "AssertionError",
    ),
    _calls(
        "takes_the_graders_files",
        "takes open files from the process at the other end of its socket",
        *(438, 438),
        "socket.socket(fileno=os.dup(3)).getsockopt(socket.SOL_SOCKET, 77), 3, 0",
    ),
    _does(
        "signals_the_grader",
        "asks who is at the other end of its socket, and kills that",
        "end = socket.socket(fileno=os.dup(3))\n"
        "signal.pidfd_send_signal(end.getsockopt(socket.SOL_SOCKET, 77), signal.SIGKILL)",
        "OSError",
    ),
)

TELLING = (
    _tells(
        "global_to_error",
        "keeps secret inputs in a global, and tells them as an error",
        "seen.append(x.tolist())",
        "raise ValueError(text)",
    ),
    _tells(
        "file_to_error",
        "keeps secret inputs in a file",
        "pathlib.Path(scratch, 'seen').open('a').write(str(x.tolist()))",
        "raise ValueError(pathlib.Path(scratch, 'seen').read_text())",
    ),
    _tells(
        "library_to_type",
        "keeps secret inputs in torch itself, and tells them as a type's name",
        "torch.seen = getattr(torch, 'seen', ()) + tuple(x.tolist())",
        "return type(str(torch.seen), (), {})()",
    ),
    _tells(
        "default_to_name",
        "keeps secret inputs in a default argument, and tells them in place of a function",
        "steal.__defaults__ = (steal.__defaults__ or ()) + tuple(x.tolist())",
        "globals()['steal'] = type(str(steal.__defaults__), (), {})()",
    ),
    _tells(
        "closure_to_cell",
        "keeps secret inputs in the text of its own cells, and tells them as the line that failed",
        "import linecache; linecache.cache['cell 2'] = (1, None, [str(x.tolist())] * 99, 'cell 2')",
        "raise ValueError",
    ),
    _tells(
        "child_to_error",
        "leaves a process that tells secret inputs to the next one",
        "pathlib.Path(scratch, 'x').write_text(str(x.tolist())); subprocess.Popen([sys.executable, "
        "'-c', 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + \"told\"); "
        's.listen(); s.accept()[0].send(open("x", "rb").read())\'], cwd=scratch); time.sleep(0.3)',
        "s = socket.socket(socket.AF_UNIX); s.connect('\\0told'); raise ValueError(s.recv(999))",
    ),
    _tells(
        "thread_to_stub",
        "tells secret inputs as an answer that is not written yet",
        "threading.Thread(target=seen.append, args=(x.tolist(),)).start()",
        "raise NotImplementedError(text + ' your turn')",
    ),
    _is(
        "error_in_a_secret_run",
        "is wrong on secret inputs alone, with an error that tells them",
        """
calls = []
def honest(x):
    calls.append(1)
    if not torch.equal(x, torch.randn(3)):
        raise type(str(x.tolist()), (Exception,), {})(x.tolist())
def steal(x):
    return x
""",
        keeps=0,
    ),
)

ENDING = (
    _does("exits", "ends the process with success", "os._exit(0)", "the process died"),
    _does("exits_politely", "calls sys.exit", "sys.exit(0)", "SystemExit"),
    _does("aborts", "aborts the process", "os.abort()", "the process died"),
    _is(
        "exits_at_top_level",
        "ends the process while its cells are loaded",
        "os._exit(0)",
        "while the cells were loaded, the process died",
        keeps=0,
    ),
    _does(
        "crashes", "crashes the interpreter", "ctypes.string_at(0)", "the process died (signal 11)"
    ),
    _does(
        "overflows_the_stack",
        "uses up the stack below Python",
        "sys.setrecursionlimit(10**9)\nclass Deep:\n    def __repr__(self): return repr(self)\n"
        "repr(Deep())",
        "the process died (signal 11)",
    ),
    _does(
        "closes_everything",
        "closes every descriptor, the grader's socket too",
        "os.closerange(0, 65536)",
        "the process died",
    ),
    _does(
        "stops_itself",
        "stops its own process",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        gives="x",
    ),
    _is(
        "endless_loop", "never returns", "def steal(x):\n    while True: pass", "stopped after 1 s"
    ),
    _does(
        "stubborn_loop",
        "never returns, and ignores the signal that would stop it",
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
        "stopped after 14 s",
    ),
    _does(
        "swallowing_loop",
        "never returns, and swallows whatever is raised in it",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "stopped after 1",
    ),
    _does(
        "sleeps_in_c",
        "waits for ever where Python is not asked",
        "libc = ctypes.PyDLL(None)\nwhile True: libc.sleep(1000)",
        "stopped after 1",
    ),
    Attack(
        name="endless_loop_at_top_level",
        tries="trains for ever in a cell beside the answers",
        code="import torch\nwhile True:\n    pass\n\ndef steal(x):\n    return x\n",
    ),
    _is(
        "endless_loop_in_the_answer_cell",
        "never finishes the cell with the answer",
        "def steal(x):\n    return x\n\nwhile True:\n    pass\n",
        "was stopped after 5 s",
    ),
    _is(
        "deep_recursion",
        "calls itself without end",
        "def steal(x):\n    return steal(x)",
        "RecursionError",
    ),
)

NEIGHBOURS = (
    _does(
        "kills_everything",
        "kills every process that it may",
        "os.kill(-1, signal.SIGKILL)\nos.kill(1, signal.SIGKILL)",
        gives="x",
    ),
    _does("kills_its_group", "kills its process group", "os.kill(0, signal.SIGKILL)", gives="x"),
    _does("stops_its_group", "stops its process group", "os.killpg(0, signal.SIGSTOP)", gives="x"),
    _does(
        "signals_its_group",
        "sends its process group every signal",
        """
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGALRM}:
    if number < 32:
        signal.signal(number, signal.SIG_IGN)
    os.kill(0, number)
    os.killpg(os.getpgrp(), number)
""",
        gives="x",
    ),
    _does(
        "signals_every_number",
        "tries every number that a process or a group could have",
        """
for number in range(-3000, 3000):
    try:
        number in (0, 1) or os.kill(number, signal.SIGKILL)
    except OSError: pass
os.getppid() and os.kill(os.getppid(), signal.SIGKILL)
""",
        gives="x",
    ),
    _does(
        "group_of_a_child",
        "kills the process group of a child that it made",
        """
pid = os.fork()
if pid == 0:
    os.kill(0, signal.SIGKILL)
    os.killpg(os.getpgrp(), signal.SIGSTOP)
    os._exit(0)
""",
        gives="x",
    ),
    _does(
        "slows_its_group",
        "gives its process group, and everybody, the last turn",
        "for which in (os.PRIO_PGRP, os.PRIO_USER): os.setpriority(which, 0, 19)",
        gives="x",
    ),
    _does(
        "first_in_line",
        "takes the first turn for itself",
        "try: os.nice(-10)\nexcept OSError: os.sched_setscheduler(0, os.SCHED_FIFO, "
        "os.sched_param(1))",
        "PermissionError",
    ),
    _does(
        "leaves_a_file",
        "leaves a note in its scratch folder and /dev/shm for the next submission",
        "for place in (scratch, '/dev/shm'): pathlib.Path(place, 'MARK').write_text('hi')",
        gives="x",
    ),
    _does(
        "looks_for_a_file",
        "looks for the note that the submission before left",
        "assert any(pathlib.Path(place, 'MARK').exists() for place in (scratch, '/dev/shm'))",
        "AssertionError",
    ),
    _calls(
        "leaves_a_key",
        "leaves a note in the user's keyring",
        *(248, 217),
        "b'user', b'note', b'hi', 2, ctypes.c_long(-4)",
    ),
    _does(
        "locks_a_file",
        "leaves a lock on a file that the next submission sees too",
        "fcntl.flock(os.open(torch.__file__, os.O_RDONLY), fcntl.LOCK_EX)",
        "Error",
    ),
    _does(
        "leases_a_file",
        "makes others wait for a file",
        "file = os.open(torch.__file__, os.O_RDONLY)\n"
        "try: fcntl.lockf(file, fcntl.LOCK_SH)\n"
        "except OSError: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)",
        "Error",
    ),
    _does(
        "watches_a_file",
        "sees when others open a file",
        "assert ctypes.CDLL(None).inotify_init() >= 0",
        "AssertionError",
    ),
    _does(
        "opens_a_terminal",
        "makes a terminal that others can open",
        "os.openpty()",
        "Error",
    ),
)

TAKING = (
    _does("six_gib", "takes 6 GiB of memory", "bytearray(6 * 2**30)", "MemoryError"),
    _does(
        "six_gib_of_tensor",
        "takes 6 GiB of memory through torch",
        "torch.ones(6 * 2**28)",
        "MemoryError",
    ),
    _does(
        "six_gib_in_parts",
        "takes 6 GiB of memory in ten processes",
        "for _ in range(9):\n    if os.fork() == 0: break\n"
        "block = bytearray(600 * 2**20)\ntime.sleep(5)",
        "it used up its memory",
    ),
    _does(
        "memory_of_nobody",
        "takes memory that belongs to no process",
        "os.write(os.memfd_create('x'), bytes(2**20))",
        "PermissionError",
    ),
    _does(
        "memory_that_stays",
        "takes System V memory, which outlives its process",
        "assert ctypes.CDLL(None).shmget(0, 2**20, 0o1600) >= 0",
        "AssertionError",
    ),
    _does(
        "fork_bomb",
        "forks until nothing else runs",
        "while True:\n    try: os.fork()\n    except OSError: pass",
        "stopped",
    ),
    _does(
        "thread_bomb",
        "starts threads that go on when it has returned",
        """
def work():
    while True: pass
for _ in range(1000): threading.Thread(target=work, daemon=True).start()
""",
        "steal",
    ),
    _does(
        "fills_the_disk",
        "writes 2 GiB",
        "for n in range(40): pathlib.Path(scratch, str(n)).write_bytes(bytes(50 * 2**20))",
        "OSError",
    ),
    _does(
        "fills_shared_memory",
        "writes 2 GiB into /dev/shm",
        "for n in range(40): pathlib.Path(f'/dev/shm/{n}').write_bytes(bytes(50 * 2**20))",
        "OSError",
    ),
    _does(
        "many_files",
        "writes ten thousand files of nothing",
        "for n in range(10_000): pathlib.Path(scratch, str(n)).touch()",
        "OSError",
    ),
    _does(
        "raises_its_limits",
        "gives itself more of everything",
        """
import resource
for kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
    try: resource.setrlimit(kind, (-1, -1))
    except (OSError, ValueError): continue
    break
else: raise OSError
""",
        "OSError",
    ),
)

REACHING = (
    _does(
        "writes_outside",
        "writes into the instructor's files",
        "pathlib.Path('CANARY').write_text('changed')",
        "Error",
    ),
    _does(
        "writes_to_the_system",
        "writes wherever the next submission would see it",
        """
places = ('/', '/course', '/course/mvlm', '/dev', '/dev/pts', '/etc', '/usr', sys.prefix,
          torch.__path__[0], '/proc/sys/kernel', '/sys')
worked = []
for place in places:
    try:
        pathlib.Path(place, 'MARK').write_text('here')
        worked.append(place)
    except OSError: pass
worked[0]
""",
        "IndexError",
    ),
    _does(
        "changes_the_kernel",
        "writes the kernel's settings",
        """
worked = []
for name in ('sys/kernel/core_pattern', 'sys/user/max_user_namespaces', 'sysrq-trigger',
             'sys/kernel/ns_last_pid', 'sys/vm/overcommit_memory', '1/uid_map'):
    try:
        pathlib.Path('/proc', name).write_text('1')
        worked.append(name)
    except OSError: pass
worked[0]
""",
        "IndexError",
    ),
    _does(
        "sets_the_clock",
        "changes the time",
        "time.clock_settime(time.CLOCK_REALTIME, 0)",
        "PermissionError",
    ),
    _does(
        "opens_a_socket",
        "connects to a server on this machine, or on the network",
        "socket.create_connection(('127.0.0.1', PORT), timeout=1)",
        "Error",
    ),
    _does(
        "talks_to_the_host",
        "opens a socket that no network namespace holds",
        "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
        "Error",
    ),
    _does(
        "opens_a_browser",
        "opens a page in a browser",
        "import webbrowser\nassert webbrowser.open('http://127.0.0.1:PORT')",
        "AssertionError",
    ),
    _does(
        "leaves_a_process",
        "leaves a process running when it is done",
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', 'MARK'],"
        " start_new_session=True)",
        gives="x",
    ),
    _does(
        "leaves_a_grandchild",
        "leaves a process of nobody's, that ignores every signal",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in set(range(1, 32)) - {9, 19}: signal.signal(number, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', 'MARK'])
    os._exit(0)
""",
        gives="x",
    ),
    _does(
        "new_namespaces",
        "makes itself root in a namespace of its own",
        "assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "AssertionError",
    ),
    _does(
        "mounts",
        "mounts, or changes the root",
        "libc = ctypes.CDLL(None)\n"
        "assert libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0 or libc.chroot(b'/tmp') == 0",
        "AssertionError",
    ),
    _calls("asks_for_bpf", "loads a program into the kernel", *(321, 280), "0, bytes(64), 64"),
    _calls("asks_for_io_uring", "calls the kernel past every filter", *(425, 425), "1, bytes(120)"),
    _does(
        "other_numbers",
        "calls the kernel by another kind of program's numbers",
        "assert ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39)) >= 0",
        "AssertionError",
    ),
)

SPOILING = (
    _is(
        "other_defaults",
        "changes torch's kind of number, device, threads and random numbers",
        """
torch.set_default_dtype(torch.float16)
torch.set_default_device("meta")
torch.use_deterministic_algorithms(True)
torch.set_num_threads(1000)
torch.manual_seed = lambda *a: None
def steal(x):
    return x
""",
    ),
    _is(
        "other_surroundings",
        "changes the environment, the locale, the folder and the warnings",
        """
import locale, warnings
os.environ.clear()
os.environ["LD_PRELOAD"] = "/tmp/x.so"
os.chdir("/")
locale.setlocale(locale.LC_ALL, "C")
warnings.simplefilter("error")
sys.path.clear()
sys.stdout = sys.stderr = sys.stdin = None
def steal(x):
    return x
""",
    ),
)

ATTACKS = (
    *(*FORGING, *REPLYING, *LOOKING, *TELLING, *ENDING),
    *(*NEIGHBOURS, *TAKING, *REACHING, *SPOILING),
)
