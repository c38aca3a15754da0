"""What runs inside the sandbox: a warm process that forks one worker for each submission.

Nothing here is trusted by the grader: by the time it answers, a student's code has run in it.
The folder that this file is copied to holds `isolation` and the checks' `values`, `sources` and
`guard` beside it.

    python worker.py SOCKET MODE SITE…

MODE is `warm` (in bubblewrap: every worker gets namespaces of its own, inside it), `cold` (in
bubblewrap: for one worker) or `open` (no sandbox at all).

For each worker the grader sends two sockets: one to the worker, and one to its keeper, the process
outside the worker's namespaces that starts it, ends it, and alone says how it ended.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from typing import Any, NoReturn

CELL_SECONDS = 5.0
LOOK_SECONDS = 0.1  # between two looks at a worker's memory
LIBRARIES = ("torch", "torch.nn.functional", "numpy", "einops", "jaxtyping", "math")
LENGTH = struct.Struct("<Q")
MAX_REQUEST = 80 * 2**20


# The warm process, and a keeper for each worker -------------------------------------------------


def serve(control: socket.socket, mode: str) -> None:
    """Fork a keeper for each pair of sockets that comes in."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks this process how a keeper ended
    gc.collect()
    gc.freeze()  # what is shared with the workers stays shared
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 16, 2)
        if not message:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            keep(*descriptors, mode)
        for descriptor in descriptors:
            os.close(descriptor)


def _only(*descriptors: int) -> list[int]:
    """Close every descriptor but 0, 1, 2 and these, which get the numbers from 3 on."""
    high = [os.dup2(one, 100 + place) for place, one in enumerate(descriptors)]
    os.closerange(3, 100)
    low = [os.dup2(one, 3 + place, inheritable=False) for place, one in enumerate(high)]
    os.closerange(3 + len(low), 65536)
    return low


def keep(channel: int, link: int, mode: str) -> NoReturn:
    """Start a worker, say how it ended, and end it when told to.

    Args:
        channel: the socket that the worker gets.
        link: where the grader hears "ready", or what is in the way, and in the end the status:
            the exit code, 128 + a signal's number, or "memory". That the grader closes its end
            ends the worker.
        mode: as for this file.
    """
    channel, link = _only(channel, link)
    grader = socket.socket(fileno=link)
    try:
        os.setsid()
        if mode == "warm":
            isolation.own_namespaces()
        ours, theirs = socket.socketpair()
        worker = os.fork()
        if worker == 0:
            work(channel, theirs, mode)
        os.close(channel)
        theirs.close()
        size, _, said = ours.recv(4096).decode().partition(" ")
        if not size.isdigit():
            raise OSError(f"{size} {said}" if size else "the worker died at its start")
        grader.send(b"ready")
        grader.send(_watch(worker, grader, int(size), mode).encode())
    except OSError as error:
        grader.send(str(error).encode()[:1000])
    finally:
        os._exit(0)


def _watch(worker: int, grader: socket.socket, size: int, mode: str) -> str:
    """Wait until a worker ends, or end it, with everything that it started; how it ended."""
    how, ending = "", os.pidfd_open(worker)
    while ending not in (ready := select.select([ending, grader], [], [], LOOK_SECONDS)[0]):
        if mode != "open" and isolation.too_much(size):
            how = "memory"
        if ready or how:
            # The first of its process namespace: all of the namespace dies with it.
            os.killpg(worker, signal.SIGKILL)
            break
    _, status = os.waitpid(worker, 0)
    code = os.waitstatus_to_exitcode(status)
    return how or str(code if code >= 0 else 128 - code)


def work(channel: int, keeper: socket.socket, mode: str) -> NoReturn:
    """Be the worker for one submission."""
    try:
        # Of the warm process's and the keeper's sockets none is left. Kept: 0, 1, 2 and our own.
        channel, start = _only(channel, keeper.detach())
        nothing = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)
        try:
            os.setsid()  # what it sends to "its process group" reaches what it started alone
            if mode == "warm":
                isolation.own_files()
            size = isolation.limits()
            if mode != "open":
                os.chdir(os.environ["HOME"])
                isolation.no_privileges()
        except OSError as error:
            os.write(start, str(error).encode())
            os._exit(254)
        os.write(start, str(size).encode())
        os.close(start)
        _Submission(socket.socket(fileno=channel)).serve()
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
        self.run = sources.Runner(self.names)

    def serve(self) -> None:
        request = _receive(self.link)
        cells = json.loads(request["cells"].tobytes())
        _answer(self.link, {"notes": self.load(cells, request["wanted"])})
        while True:
            request = _receive(self.link)
            reply = self.call(
                **{key: request[key] for key in ("name", "arguments", "learns", "seconds")}
            )
            _answer(self.link, {"number": request["number"], **reply})

    def load(self, cells: list[list[str]], wanted: list[str]) -> list[str]:
        """Run what counts of each cell; what went wrong, each with the name of its cell."""
        kept, notes = sources.collect(cells, wanted)
        for label, source in cells:
            guard.remember(label, source)
        failed = []
        for label, piece in kept:
            if note := self._run(label, piece.node):
                failed.append((label, piece.node, note))
        for label, node, note in failed:
            # Once more, for cells that were run in another order than they stand in.
            again = "NameError" in note and not sources.binds(node) & self.names.keys()
            if not again or self._run(label, node):
                notes.append(f"{label}: {note}")
        return [note[:400] for note in notes[:20]]

    def _run(self, label: str, node: Any) -> str | None:
        try:
            with guard.time_limit(CELL_SECONDS):
                self.run(label, node)
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


def main() -> None:
    """Warm up, then serve."""
    _, descriptor, mode, *sites = sys.argv
    sys.path[:0] = ["/course"] if mode != "open" else [os.environ["MVLM_COURSE"]]
    sys.path += [site for site in sites if site not in sys.path]
    for name in LIBRARIES:
        importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)
    serve(socket.socket(fileno=int(descriptor)), mode)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    # Beside this file, and no part of the package that the student may import.
    import grader_guard as guard
    import grader_isolation as isolation
    import grader_sources as sources
    import grader_values as values

    main()
