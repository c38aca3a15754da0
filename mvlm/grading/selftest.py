"""``python -m mvlm grade --self-test``: what of the hostile collection is contained here."""

import contextlib
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from mvlm.checks.core import generator_for
from mvlm.grading.grade import Grade, grade
from mvlm.grading.hostile import ATTACKS, EXERCISE, NEIGHBOUR, Attack
from mvlm.grading.sandbox import Sandbox

SECRET = "self-test"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What attacks may try to reach, outside the sandbox.

    Attributes:
        canary: a file that must not be read or changed.
        port: a port on this machine at which something listens.
        mark: a word by which an attack's files and processes are known.
    """

    canary: Path
    port: int
    mark: str

    def harm(self, server: socket.socket) -> str:
        """What an attack has done outside; empty if nothing."""
        if self.canary.read_text() != self.mark:
            return "a file outside was changed"
        with contextlib.suppress(BlockingIOError):
            server.accept()
            return "a connection was made"
        for _ in range(20):  # the kernel ends a namespace's processes in its own time
            if not self._processes():
                return ""
            time.sleep(0.1)
        return "a process was left running"

    def _processes(self) -> list[str]:
        """The processes that have the mark among their arguments."""
        found = []
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = Path("/proc", process, "cmdline").read_bytes().split(b"\0")
                if self.mark.encode() in words:
                    found.append(process)
        return found


@contextlib.contextmanager
def ground() -> Iterator[tuple[Ground, socket.socket]]:
    """A file, a server and a mark to attack."""
    mark = f"mark{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        canary = Path(folder, "seed.txt")
        canary.write_text(mark)
        yield Ground(canary=canary, port=server.getsockname()[1], mark=mark), server


def attempt(attack: Attack, sandbox: Sandbox, place: Ground) -> Grade:
    """Grade one attack."""
    cells = attack.cells(str(place.canary), place.port, place.mark)
    return grade(EXERCISE, cells, sandbox, SECRET)


def neighbour(sandbox: Sandbox) -> str:
    """What is wrong with the grade of an honest right answer; empty when nothing is."""
    result = grade(EXERCISE, [("cell 1", NEIGHBOUR)], sandbox, SECRET)
    said = [*result.notes, *(mark.message for mark in result.marks if mark.message)]
    whole = result.status == "graded" and result.points == EXERCISE.points and not said
    return "" if whole else f"a neighbour: {result.status}, {result.points}: {'; '.join(said)}"


def verdict(attack: Attack, result: Grade) -> str:
    """What is wrong with an attack's grade; empty when it is the one it should have."""
    if result.status != "graded":
        return f"{result.status}: {'; '.join(result.notes)}"
    if result.points != attack.keeps:
        return f"{result.points} points, wanted {attack.keeps}"
    report = json.dumps(result.as_dict())
    told = [number for number in _secret_numbers() if number in report]
    if told:
        return f"the report tells a secret input, {told[0]}"
    said = " ".join([*result.notes, *(mark.message for mark in result.marks)])
    return "" if attack.says in said else f"the report says: {said[:200]}"


def _secret_numbers() -> list[str]:
    """The first digits of every number that an answer is asked about in a secret run."""
    names = [check.name for question in EXERCISE.questions for check in question.checks]
    drawn = [torch.randn(3, generator=generator_for(SECRET, name)) for name in names]
    return [str(abs(number))[:7] for numbers in drawn for number in numbers.tolist()]


def contained(attack: Attack, sandbox: Sandbox, place: Ground, server: socket.socket) -> str:
    """What an attack achieves while an honest answer is graded beside it; empty if nothing."""
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(neighbour, sandbox)
        result = attempt(attack, sandbox, place)
    return verdict(attack, result) or beside.result() or place.harm(server)


def self_test() -> int:
    """Grade the collection and print a line an attack; 0 when all of it is contained.

    Raises:
        SandboxError: there is no sandbox to test.
    """
    torch.set_num_threads(1)
    broken = 0
    with Sandbox(EXERCISE.forbids) as sandbox, ground() as (place, server):
        print(f"{len(ATTACKS)} attacks, an honest answer beside each, in a {sandbox.mode} sandbox:")
        for attack in ATTACKS:
            wrong = contained(attack, sandbox, place, server)
            broken += bool(wrong)
            print(f"{'NOT CONTAINED' if wrong else 'contained':<14}{attack.name}: {attack.tries}")
            if wrong:
                print(f"{'':<14}{wrong}", flush=True)
    print("All contained." if not broken else f"{broken} not contained: do not grade here.")
    return 1 if broken else 0
