"""What runs inside the sandbox: a warm process that forks one worker for each submission.

Nothing here is trusted by the grader: by the time it answers, a student's code has run in it.
The folder that this file is copied to holds the checks' `values`, `sources` and `guard` beside it.

    python worker.py SOCKET MODE SITE…

MODE is `warm` (in bubblewrap: every worker gets namespaces of its own, inside it), `cold` (in
bubblewrap: this process is the one worker) or `open` (no sandbox at all).
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any, NoReturn

MEMORY = 3 * 2**30  # bytes, beyond what the libraries take
LIMITS = {
    resource.RLIMIT_CPU: 120,
    resource.RLIMIT_FSIZE: 64 * 2**20,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_CORE: 0,
    # Set in a user namespace of the worker's own, so that one fork bomb does not use up the
    # processes of the next student.
    resource.RLIMIT_NPROC: 64,
}
CELL_SECONDS = 5.0
LIBRARIES = ("torch", "torch.nn.functional", "numpy", "einops", "jaxtyping", "math")
LENGTH = struct.Struct("<Q")
MAX_REQUEST = 80 * 2**20

# linux/sched.h, sys/mount.h, linux/prctl.h
CLONE_ALL = 0x10000000 | 0x20000000 | 0x00020000 | 0x08000000 | 0x40000000 | 0x04000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 38, 47


# The warm process ------------------------------------------------------------------------------


def serve(control: socket.socket, isolated: bool) -> None:
    """Fork a worker for each socket that comes in; kill it when told to."""
    workers: dict[int, tuple[int, int]] = {}  # number → its keeper's pid, its own pidfd
    gc.collect()
    gc.freeze()  # what is shared with the workers stays shared
    control.send(json.dumps({"ready": True}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        request = json.loads(message)
        number = request["number"]
        if request["do"] == "open":
            (channel,) = descriptors
            answer: dict[str, Any] = {"number": number}
            try:
                workers[number] = _fork(channel, isolated)
            except OSError as error:
                answer["error"] = str(error)
            os.close(channel)
        else:
            known = workers.pop(number, None)
            status = _kill(*known, request["patience"]) if known else -1
            answer = {"number": number, "status": status}
        control.send(json.dumps(answer).encode())


def _fork(channel: int, isolated: bool) -> tuple[int, int]:
    """Start a keeper, which starts the worker in namespaces of its own.

    Returns:
        The keeper's pid and a pidfd of the worker, which stays the worker's whatever dies.
    """
    ours, theirs = socket.socketpair()
    keeper = os.fork()
    if keeper == 0:
        ours.close()
        _keep(channel, theirs, isolated)
    theirs.close()
    with ours:
        text = ours.recv(4096).decode()
        if not text.isdigit():
            os.waitpid(keeper, 0)
            raise OSError(text or "the worker's keeper died")
        worker = os.pidfd_open(int(text))
        ours.send(b"go")  # until then the keeper reaps nothing, so the pid is the worker's
    return keeper, worker


def _keep(channel: int, link: socket.socket, isolated: bool) -> NoReturn:
    """Start the worker, wait for its end, and end as it did."""
    try:
        if isolated:
            own_namespaces()
        worker = os.fork()
        if worker == 0:
            link.close()
            work(channel, isolated)
        os.close(channel)
        link.send(str(worker).encode())
        link.recv(2)
        _, status = os.waitpid(worker, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    except OSError as error:
        link.send(str(error).encode())
    finally:
        os._exit(255)


def _kill(keeper: int, worker: int, patience: float) -> int:
    """End a worker and everything that it started.

    Args:
        keeper: its keeper's pid.
        worker: its pidfd.
        patience: seconds to wait for it to end by itself.

    Returns:
        The status that it ended with by itself, -1 if it did not.
    """
    ended, _, _ = select.select([worker], [], [], patience)
    if not ended:
        # The first of its process namespace: all of the namespace dies with it.
        signal.pidfd_send_signal(worker, signal.SIGKILL)
    os.close(worker)
    _, status = os.waitpid(keeper, 0)
    return os.waitstatus_to_exitcode(status) if ended else -1


# Isolation -------------------------------------------------------------------------------------


def _call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    converted = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(libc, name)(*converted) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def own_namespaces() -> None:
    """User, process, mount, network, IPC and host-name namespaces that no other worker shares."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", CLONE_ALL)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _own_files() -> None:
    """Empty places to write that vanish with the worker, and a /proc that shows it alone."""
    quiet = MS_NOSUID | MS_NODEV
    _call("mount", None, "/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    _call("mount", "proc", "/proc", "proc", ctypes.c_ulong(quiet | MS_NOEXEC), None)
    for place in (os.environ["HOME"], "/dev/shm"):
        _call("mount", "tmpfs", place, "tmpfs", ctypes.c_ulong(quiet), "size=256m,nr_inodes=4096")
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")  # no further namespaces


def _no_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)  # clear all
    header = struct.pack("<Ii", 0x20080522, 0)
    _call("capset", header, bytes(24))
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limits() -> None:
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    limits = {resource.RLIMIT_AS: pages * resource.getpagesize() + MEMORY, **LIMITS}
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # should memory run out, the kernel takes this process first
    except OSError:
        pass


def work(channel: int, isolated: bool) -> NoReturn:
    """Be the worker for one submission."""
    try:
        # Closed: the socket to the grader that the warm process has. Kept: 0, 1, 2 and our own.
        own = os.dup2(channel, 3, inheritable=False) if channel != 3 else 3
        os.closerange(4, 65536)
        nothing = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)
        if isolated:
            _own_files()
            _no_privileges()
            os.chdir(os.environ["HOME"])
        else:
            os.setsid()
        _limits()
        link = socket.socket(fileno=own)
        _answer(link, {"ready": True})
        _Submission(link).serve()
    except BaseException:
        os._exit(254)
    os._exit(0)


# One submission --------------------------------------------------------------------------------


def _receive(link: socket.socket) -> Any:
    head = _exactly(link, LENGTH.size)
    (size,) = LENGTH.unpack(head)
    return values.unpack(_exactly(link, min(size, MAX_REQUEST)))


def _exactly(link: socket.socket, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = link.recv(min(missing, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _answer(link: socket.socket, answer: dict[str, Any]) -> None:
    message = values.pack(answer)
    link.sendall(LENGTH.pack(len(message)) + message)


class _Submission:
    """Loads the cells of one submission, then calls its functions as asked."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}

    def serve(self) -> None:
        request = _receive(self.link)
        cells = json.loads(request["cells"].tobytes())
        _answer(self.link, {"notes": self.load(cells)})
        while True:
            request = _receive(self.link)
            reply = self.call(
                **{key: request[key] for key in ("name", "arguments", "learns", "seconds")}
            )
            _answer(self.link, {"number": request["number"], **reply})

    def load(self, cells: list[list[str]]) -> list[str]:
        """Run what counts of each cell; what went wrong, each with the name of its cell."""
        notes, kept = [], []
        for label, source in cells:
            try:
                kept += [(label, piece) for piece in sources.pieces(source)]
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                line = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
                text = getattr(error, "msg", None) or error
                notes.append(f"{label}: {type(error).__name__}{line}: {text}")
            guard.remember(label, source)
        written = {p.node.name for _, p in kept if _is_written(p.node)}
        for label, piece in kept:
            if sources.is_stub(piece.node) and piece.node.name in written:
                continue  # a copy of the stub, left beside the answer
            if note := self._run(label, piece.node):
                notes.append(f"{label}: {note}")
        return [note[:400] for note in notes[:20]]

    def _run(self, label: str, node: Any) -> str | None:
        try:
            code = compile(sources.module_of(node), label, "exec")
            with guard.time_limit(CELL_SECONDS):
                exec(code, self.names)
        except guard.TimeIsUp as why:
            return f"line {node.lineno} was {why}"
        except BaseException as error:
            return guard.one_line(error, self.names)
        return None

    def call(
        self, name: str, arguments: tuple[Any, ...], learns: tuple[int, ...], seconds: float
    ) -> dict[str, Any]:
        """Call one function: value, slopes, and the arguments afterwards; or what went wrong."""
        function = self.names.get(name)
        if function is None:
            return {"missing": True}
        if not callable(function):
            return {"error": f"{name} is a {type(function).__name__}, not a function any more"}
        try:
            with guard.time_limit(seconds):
                value, arguments, slopes = values.followed(function, arguments, learns)
        except guard.TimeIsUp as why:
            return {"late": str(why)}
        except BaseException as error:
            if guard.is_stub(error):
                return {"stub": True}
            return {"error": guard.one_line(error, self.names)[:600]}
        try:
            values.pack(value)
        except values.Refused as reason:
            return {"error": f"{name} returned {reason}"}
        try:
            values.pack(arguments)
        except values.Refused:
            arguments = (None,) * len(arguments)
        reply = {"value": value, "arguments": arguments, "slopes": slopes}
        try:
            values.pack(reply)
        except values.Refused as reason:
            return {"error": f"{name} returned {reason}"}
        return reply


def _is_written(node: Any) -> bool:
    return hasattr(node, "name") and not sources.is_stub(node)


def main() -> None:
    """Warm up, then serve."""
    _, descriptor, mode, *sites = sys.argv
    sys.path[:0] = ["/course"] if mode != "open" else [os.environ["MVLM_COURSE"]]
    sys.path += [site for site in sites if site not in sys.path]
    for name in LIBRARIES:
        importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)
    control = socket.socket(fileno=int(descriptor))
    if mode == "cold":
        work(control.detach(), False)
    serve(control, isolated=mode == "warm")


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    # Beside this file, and no part of the package that the student may import.
    import grader_guard as guard
    import grader_sources as sources
    import grader_values as values

    main()
