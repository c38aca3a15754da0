"""The sandbox around students' code: bubblewrap, and a warm process inside it that forks workers.

One bubblewrap sandbox is started for a run. In it a process that has imported torch forks workers,
in under a tenth of a second each, and every worker gets namespaces, limits and an empty place to
write in: /tmp, or /scratch where Python itself lies under /tmp. Where a worker may not make
namespaces (Ubuntu 24.04 lets bubblewrap do it and nobody else), each gets a bubblewrap of its own
and waits for torch: slower, as safe.

What is to be seen inside: the system's programs and libraries and Python's, read-only, and a copy
of `mvlm` without the answers. Neither the grader, nor its seed, nor the submissions.
"""

import contextlib
import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import mvlm
import mvlm.checks
from mvlm.checks.core import GraderError
from mvlm.checks.values import MAX_BYTES, MAX_TREE_BYTES, Refused, pack, unpack
from mvlm.grading.isolation import memory_is_low

START_SECONDS = 180.0
WORKER_SECONDS = 30.0  # until a forked worker is there; until it has read what it is sent
END_SECONDS = 5.0  # until a worker that is ended is gone, with the memory that it had
PATIENCE_SECONDS = 2.0  # until a worker whose socket is closed is gone
LOOK_SECONDS = 0.1
SHORT_SECONDS = 5.0  # how long memory may be short until somebody outside must have taken it
NOBODY = 65534
SCRATCH_BYTES = 256 * 2**20
MAX_REPLY = MAX_BYTES + 2 * MAX_TREE_BYTES
_LENGTH = struct.Struct("<Q")

INSTALL = "install it with `apt install bubblewrap` or `dnf install bubblewrap`"
APPARMOR = (
    "this system does not let ordinary programs make namespaces: on Ubuntu 24.04 and hosted CI run "
    "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, in a container start it with "
    "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`"
)
ANYWAY = "Or pass --no-sandbox, only for submissions that you trust as your own code."


class SandboxError(GraderError):
    """The grader cannot run a student's code safely; never the student's fault."""


class WorkerDied(Exception):
    """The worker is gone, or did not answer; the message says how, for the student."""


class WorkerLate(WorkerDied):
    """It did not answer in time."""

    def __init__(self) -> None:
        super().__init__("it was stopped, because it did not answer in time")


class Staging:
    """A folder with what the sandbox shows in place of the course: made once, removed at the end.

    Args:
        forbids: modules that are replaced by one that says why it is not there.
    """

    def __init__(self, forbids: tuple[str, ...]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mvlm-grade-"))
        self.folder.chmod(0o755)
        self.course = self.folder / "course"
        package = Path(mvlm.__file__).parent
        copy_course(package, self.course / "mvlm", forbids)
        beside = [package / "checks" / f"{name}.py" for name in ("values", "sources", "guard")]
        for path in (*beside, Path(__file__).with_name("isolation.py")):
            shutil.copy(path, self.course / f"grader_{path.name}")
        shutil.copy(Path(__file__).with_name("worker.py"), self.course / "worker.py")
        for path in self.course.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.course.chmod(0o755)

    def remove(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)


NO_CHECKS = '''\
"""Stands in for the course's checks while an answer is graded: they run outside."""


class _Nothing:
    def __call__(self, *args, **kwargs):
        return None

    def __getattr__(self, name):
        return self


def load(*args, **kwargs):
    return _Nothing()


exercise = exercises = load
'''


def copy_course(package: Path, target: Path, forbids: tuple[str, ...]) -> None:
    """Copy the package's modules, without checks, grader and publisher, and without answers."""
    left_out = {"checks", "grading", "publish", "__pycache__", "__main__.py"}
    for source in sorted(package.rglob("*.py")):
        parts = source.relative_to(package).with_suffix("").parts
        if left_out & {*parts, source.name}:
            continue
        name = ".".join((package.name, *(part for part in parts if part != "__init__")))
        path = target / source.relative_to(package)
        path.parent.mkdir(parents=True, exist_ok=True)
        if any(f"{name}.".startswith(f"{forbidden}.") for forbidden in forbids):
            path.write_text(_refusal(name), encoding="utf-8")
        else:
            shutil.copy(source, path)
    (target / "checks").mkdir(parents=True)
    (target / "checks" / "__init__.py").write_text(NO_CHECKS, encoding="utf-8")


def _refusal(name: str) -> str:
    text = f"{name} holds a finished answer, so it is not there while yours is graded"
    return f"raise ImportError({text!r})\n"


# Starting ---------------------------------------------------------------------------------------


def _sites() -> list[str]:
    return [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]


def _system() -> list[str]:
    """bubblewrap's arguments for the system's own folders, as they are on this machine."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(name), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/nix/store"):
        arguments += ["--ro-bind-try", name, name]
    return arguments


def _roots() -> list[str]:
    """The folders that Python and its packages are in, the outer ones first."""
    found = {os.path.realpath(sys.base_prefix), sys.base_prefix, sys.prefix, *_sites()}
    found = {path for path in found if not f"{path}/".startswith("/usr/")}
    return sorted(found, key=lambda path: (path.count("/"), path))


def _scratch() -> str:
    """Where a submission may write: /tmp, unless that would cover the Python it runs on."""
    return "/scratch" if any(f"{root}/".startswith("/tmp/") for root in _roots()) else "/tmp"


def visible_inside(path: Path) -> bool:
    """Whether the sandbox shows this path, because it lies in a folder of Python's or the system's.

    What an instructor wants to keep to themselves must not.
    """
    shown = ["/usr", "/bin", "/sbin", "/lib", "/lib64", *_roots()]
    return any(path.resolve().is_relative_to(Path(root).resolve()) for root in shown)


def bubblewrap(
    staging: Staging, roots: dict[str, str], forbids: tuple[str, ...], mode: str
) -> list[str]:
    """bubblewrap's command line, up to the program to run.

    Args:
        staging: what stands in for the course.
        roots: Python's folders, and where each is to be taken from.
        forbids: modules that may not be found, in any package folder.
        mode: ``warm`` or ``cold``; a warm process makes a namespace for each worker.
    """
    command = ["bwrap", "--unshare-all", "--unshare-user", "--cap-drop", "ALL"]
    command += ["--die-with-parent", "--new-session", "--clearenv"]
    if mode == "cold":
        command += ["--disable-userns"]
    command += _system()
    for path, source in roots.items():
        command += ["--ro-bind", source, path]
    for site in _sites():
        for name in ("mvlm", *(name for name in forbids if not name.startswith("mvlm"))):
            place = Path(site, *name.split("."))
            if place.is_dir():
                command += ["--tmpfs", str(place), "--remount-ro", str(place)]
            elif place.with_suffix(".py").is_file():
                command += ["--ro-bind", "/dev/null", str(place.with_suffix(".py"))]
    command += ["--ro-bind", str(staging.course), "/course"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for place in (_scratch(), "/dev/shm"):
        command += ["--size", str(SCRATCH_BYTES), "--tmpfs", place]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    return [*command, "--chdir", _scratch(), "--"]


def _environment() -> dict[str, str]:
    threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    return {
        **{f"{name}_NUM_THREADS": "1" for name in threads},
        "PATH": "/usr/bin:/bin",
        "HOME": _scratch(),
        "TMPDIR": _scratch(),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "",
    }


def _as_nobody(command: list[str], staging: Staging, roots: dict[str, str]) -> list[str]:
    """The command, run as the user nobody, who may not look into root's own folders.

    Python may be in one of those, so its folders are shown a second time, at ``roots``' sources,
    in a mount namespace that only this command sees.
    """
    missing = [name for name in ("unshare", "mount", "setpriv") if not shutil.which(name)]
    if missing:
        raise SandboxError(
            f"grading as root needs the command {missing[0]}, to become another user: "
            "run the grader as an ordinary user instead"
        )
    binds = []
    for path, source in roots.items():
        Path(source).mkdir(parents=True, exist_ok=True)
        binds += [f'mount --bind "{path}" "{source}"']
    script = " && ".join([*binds, 'exec "$@"'])
    drop = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--"]
    private = ["unshare", "--mount", "--propagation", "private", "--"]
    return [*private, "/bin/sh", "-ec", script, "sh", *drop, *command]


class _Process:
    """One started sandbox: the process, and the socket to it."""

    def __init__(self, staging: Staging, forbids: tuple[str, ...], mode: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = os.geteuid() == 0
        sites = _sites()
        program = [sys.executable, "-s", "-B", "-P", "/course/worker.py"]
        tail = [str(theirs.fileno()), mode, *sites]
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        if mode == "open":
            program[-1] = str(staging.course / "worker.py")
            environment = {**_environment(), "MVLM_COURSE": str(staging.course)}
            command = [*program, *tail]
            if root:
                command = _as_nobody(command, staging, {})
        else:
            roots = {path: path for path in _roots()}
            if root:
                roots = {p: str(staging.folder / "roots" / str(i)) for i, p in enumerate(roots)}
            command = [*bubblewrap(staging, roots, forbids, mode), *program, *tail]
            if root:
                command = _as_nobody(command, staging, roots)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by end()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            pass_fds=[theirs.fileno()],
            env=environment,
            cwd="/",
        )
        theirs.close()
        self.socket = ours
        self.broken = False
        self.last_words = ""

    def wait(self) -> None:
        """Wait until it has imported the libraries.

        Raises:
            SandboxError: it did not start.
        """
        self.socket.settimeout(START_SECONDS)
        try:
            answer = self.socket.recv(16)
        except TimeoutError:
            raise SandboxError(f"the sandbox did not start within {START_SECONDS:g} s") from None
        except OSError:
            answer = b""
        if not answer:
            self.process.wait()
            raise SandboxError(_mend(self.said()))

    def open(self) -> tuple[socket.socket, socket.socket]:
        """A fresh worker: the socket to it, and the one to its keeper.

        Raises:
            SandboxError: it could not be started.
        """
        link, channel = socket.socketpair()
        keeper, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with channel, far:
            try:
                # From several threads at once: each message goes through whole or not at all.
                socket.send_fds(self.socket, [b"open"], [channel.fileno(), far.fileno()])
            except OSError as error:
                self.broken = True
                said = f"the sandbox is gone: {error}"
        try:
            if not self.broken:
                keeper.settimeout(WORKER_SECONDS)
                said = keeper.recv(1024).decode(errors="replace")
        except OSError as error:
            said = f"{error}"
        if said == "ready":
            return link, keeper
        link.close()
        keeper.close()
        raise SandboxError(f"a worker could not be started ({said or 'it died at once'})")

    def said(self) -> str:
        """What it wrote to its error stream, the last of it."""
        if not self.errors.closed:
            self.errors.seek(0)
            self.last_words = self.errors.read()[-2000:].decode(errors="replace").strip()
        return self.last_words

    def end(self) -> int:
        """Kill it, with everything in it; its exit status."""
        self.socket.close()
        self.process.kill()
        status = self.process.wait()
        self.said()
        self.errors.close()
        return status


def _require(mode: str | None) -> None:
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            f"the sandbox needs Linux, this is {sys.platform}: grade on a Linux machine or in a "
            "virtual machine"
        )
    if mode != "open" and not shutil.which("bwrap"):
        raise SandboxError(f"the sandbox needs bubblewrap, which is not here: {INSTALL}. {ANYWAY}")


def _mend(said: str) -> str:
    last = said.splitlines()[-1] if said else "it ended without a word"
    if "ermission" in last or "not permitted" in last or "uid map" in last:
        return f"the sandbox did not start ({last}): {APPARMOR}. {ANYWAY}"
    return f"the sandbox did not start ({last}). {ANYWAY}"


class Sandbox:
    """Where students' code runs. Use as a context manager; safe to use from several threads.

    Args:
        forbids: modules that answers may not lean on, which are not to be found inside.
        mode: ``warm``, or ``cold`` for one bubblewrap a submission, or ``open`` for none at all.
            Left out, warm if that works here, else cold.

    Raises:
        SandboxError: it does not work here; the message says why and what to do.
    """

    def __init__(self, forbids: tuple[str, ...] = (), mode: str | None = None) -> None:
        _require(mode)
        self.forbids = forbids
        self.staging = Staging(forbids)
        self.lock = threading.Lock()
        self.warm: _Process | None = None
        try:
            self.mode = mode or "warm"
            self._try_out()
        except SandboxError:
            self.close()
            if mode is not None:
                raise
            self.staging, self.mode = Staging(forbids), "cold"
            try:
                self._try_out()
            except SandboxError:
                self.close()
                raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process and remove what was made for them."""
        if self.warm:
            self.warm.end()
            self.warm = None
        self.staging.remove()

    def _try_out(self) -> None:
        if self.mode != "cold":
            self.warm = self._start()
        self.open().close()

    def _start(self) -> _Process:
        process = _Process(self.staging, self.forbids, self.mode)
        try:
            process.wait()
        except SandboxError:
            process.end()
            raise
        return process

    def open(self) -> "Worker":
        """A fresh worker, which has loaded nothing yet.

        Raises:
            SandboxError: it could not be started, three times in a row, or memory is short.
        """
        deadline = time.monotonic() + SHORT_SECONDS
        while memory_is_low():  # until whoever took it has been ended
            if time.monotonic() > deadline:
                raise SandboxError("this machine's memory is nearly used up: close other programs")
            time.sleep(LOOK_SECONDS)
        for attempt in itertools.count(1):
            try:
                return self._open()
            except SandboxError:
                if attempt == 3:
                    raise
        raise AssertionError("not reached")

    def _open(self) -> "Worker":
        if self.mode == "cold":
            process = self._start()
            try:
                return Worker(*process.open(), own=process)
            except SandboxError:
                process.end()
                raise
        with self.lock:
            process = self.warm
            assert process is not None
            if process.broken:
                process.end()
                process = self.warm = self._start()
        return Worker(*process.open())


class Worker:
    """The grader's end of one worker.

    Args:
        link: the socket to it.
        keeper: the socket to the process that started it, and alone is asked how it ended.
        own: the sandbox that was made for it alone, if one was.
    """

    def __init__(
        self, link: socket.socket, keeper: socket.socket, own: _Process | None = None
    ) -> None:
        self.link = link
        self.keeper = keeper
        self.own = own

    def close(self) -> None:
        """Kill it, if it lives, with everything that it started."""
        if self.link.fileno() < 0:
            return
        self.link.close()
        with contextlib.suppress(OSError):
            self.keeper.shutdown(socket.SHUT_WR)
            self.keeper.settimeout(END_SECONDS)
            self.keeper.recv(64)
        self.keeper.close()
        if self.own:
            self.own.end()

    def send(self, request: dict[str, Any]) -> None:
        """Send plain values.

        Raises:
            WorkerDied: it does not read them.
            SandboxError: its sandbox is gone.
        """
        message = pack(request)
        try:
            self.link.settimeout(WORKER_SECONDS)
            self.link.sendall(_LENGTH.pack(len(message)) + message)
        except OSError:
            raise self._died() from None

    def receive(self, seconds: float) -> Any:
        """The next answer, strictly decoded.

        Raises:
            WorkerDied: none came within ``seconds``, or the process ended.
            Refused: what came is too large, or nothing that the worker's own code writes.
            SandboxError: its sandbox is gone, or somebody outside has taken the machine's memory.
        """
        deadline = time.monotonic() + seconds
        (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        if size > MAX_REPLY:
            raise Refused(f"{size / 2**20:,.0f} MiB, the limit is {MAX_BYTES // 2**20}")
        return unpack(self._exactly(size, deadline))

    def _exactly(self, size: int, deadline: float) -> bytes:
        parts, short_since = bytearray(), None
        while len(parts) < size:
            now = time.monotonic()
            if now > deadline:
                raise WorkerLate
            short_since = (short_since or now) if memory_is_low() else None
            if short_since and now - short_since > SHORT_SECONDS:
                # A worker that took it would have been ended by its keeper.
                raise SandboxError("this machine's memory is used up: close other programs")
            self.link.settimeout(max(0.001, min(deadline - now, 0.25)))
            try:
                part = self.link.recv(min(size - len(parts), 2**20))
            except TimeoutError:
                continue
            except OSError:
                part = b""
            if not part:
                raise self._died()
            parts += part
        return bytes(parts)

    def _died(self) -> WorkerDied | SandboxError:
        """What to raise when the worker no longer talks, by what its keeper says of its end."""
        try:
            self.keeper.settimeout(PATIENCE_SECONDS)
            how = self.keeper.recv(64).decode()
        except TimeoutError:
            how = "alive"  # it has closed its socket, or stopped itself
        except OSError:
            how = ""
        if how == "memory":
            return WorkerDied("it was stopped, because it used up its memory")
        if how.isdigit() and int(how) > 128:
            return WorkerDied(f"the process died (signal {int(how) - 128})")
        if how.isdigit():
            return WorkerDied(f"the process died (exit status {how})")
        if how or self.own:  # in a sandbox of its own it can kill its keeper too
            return WorkerDied("the process died")
        return SandboxError("the sandbox is gone, with every worker in it")
