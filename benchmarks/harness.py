"""How two programs are compared: by turns in one process, warmed up, by medians.

Also what all files here do alike: a stopwatch, a command in its own process, JSON, the machine.

`contest` times every contender once a round, in an order that turns, so that a machine that slows
down slows all of them. A row says what came out: both medians, and the ratio of each round's own
two times, whose median and quartiles are not moved by a round that something else disturbed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch

HERE = Path(__file__).parent
ROOT = HERE.parent
HOUR = 3600.0  # seconds
PACKAGES = ("torch", "numpy", "timm", "open_clip_torch", "transformers", "einops", "datasets")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
OURS = "mvlm"
LIMIT = "the machine"  # among the contenders: what a `Limit` takes

Times = dict[str, list[float]]
"""Seconds of each contender, a round each."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison. `ratio` above 1: ours is faster, or takes less. `spread`: its quartiles.

    `limit` is what holds such a task back ("arithmetic", "memory" or "copy", see `Limit`), and
    `share` and `their_share` are how much of the machine's rate ours and the peer reached.
    """

    task: str
    peer: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    limit: str | None = None
    share: float | None = None
    their_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What the machine alone would need for a task: timed by turns with the contenders.

    `call` does one thing that the task cannot do without, at the machine's best rate, and `scale`
    is how many times that thing the task needs.
    """

    kind: str
    call: Callable[[], object]
    scale: float = 1.0


CLOCKS = {"wall": time.perf_counter, "own": time.process_time}
clock = "wall"


def count_own_time() -> None:
    """From here on one thread works, and its own processor time is counted.

    For a machine that has other work: what this process waits for then counts for nothing. Caches
    and memory are still shared.
    """
    global clock
    clock = "own"
    torch.set_num_threads(1)


def seconds(call: Callable[[], object]) -> float:
    """Seconds of one call by the `clock`, to the end of what it started on a GPU."""
    now = CLOCKS[clock]
    wait()
    start = now()
    call()
    wait()
    return now() - start


@dataclass
class Spent:
    """Seconds that something took: on the clock on the wall, and of this process's own time."""

    wall: float = 0.0
    own: float = 0.0


@contextlib.contextmanager
def stopwatch() -> Iterator[Spent]:
    """What the body takes; it stands there once the body has ended."""
    spent = Spent()
    wall, own = time.perf_counter(), time.process_time()
    yield spent
    spent.wall, spent.own = time.perf_counter() - wall, time.process_time() - own


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that has ended well: seconds on the clock on the wall, and what it printed."""

    seconds: float
    output: str

    def told(self) -> dict:
        """The JSON on the last line of what it printed."""
        return json.loads(self.output.splitlines()[-1])


def run(
    command: Sequence[str | Path],
    *,
    folder: Path = ROOT,
    threads: int | None = None,
    timeout: float = HOUR,
    **environment: str,
) -> Finished:
    """Run a command in a process of its own, to its end.

    Args:
        command: program and arguments.
        folder: where it runs.
        threads: how many of them torch and NumPy may use; as here when left out.
        timeout: seconds after which it is stopped.
        environment: variables that it gets besides those of this process.

    Raises:
        SystemExit: it failed or took too long; the message has the end of what it said.
    """
    variables = os.environ | environment
    if threads is not None:
        variables["OMP_NUM_THREADS"] = str(threads)
    name = " ".join(map(str, command[:4]))
    with stopwatch() as spent:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=variables,
                timeout=timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{name} was stopped after {timeout:g} s") from None
    if done.returncode:
        raise SystemExit(f"{name} failed: {(done.stderr or done.stdout)[-1500:]}")
    return Finished(seconds=spent.wall, output=done.stdout)


def wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def contest(
    contenders: dict[str, Callable[[], object]],
    *,
    rounds: int = 7,
    shortest: float = 0.02,
    limit: Limit | None = None,
) -> Times:
    """Time every contender once a round, after a warm-up.

    Args:
        contenders: what to call, by name.
        rounds: how often each is timed.
        shortest: seconds; calls shorter than this are repeated, and their mean is taken.
        limit: timed with them; what the machine would need for the task stands under `LIMIT`.
    """
    if limit is not None:
        contenders = contenders | {LIMIT: limit.call}
    repeats = {}
    for name, call in contenders.items():
        took = seconds(call)
        if took < 1:  # a first call may take longer; a long one does not matter so much
            took = seconds(call)
        repeats[name] = max(1, round(shortest / max(took, 1e-6)))
    times: Times = {name: [] for name in contenders}
    order = list(contenders)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in order:
                call, count = contenders[name], repeats[name]
                # The machine at its best: whatever disturbs one turn must not lower the limit.
                turns = 3 if LIMIT in (name, name[0]) else 1
                took = min(
                    seconds(lambda call=call, count=count: [call() for _ in range(count)])
                    for _ in range(turns)
                )
                times[name].append(took / count)
            order.append(order.pop(0))
    finally:
        gc.enable()
    if limit is not None:
        times[LIMIT] = [took * limit.scale for took in times[LIMIT]]
    return times


def rows(
    task: str,
    times: Times,
    *,
    unit: str = "ms",
    amount: float | None = None,
    limit: Limit | None = None,
) -> list[Row]:
    """A row for each peer of `times`.

    Args:
        task: what was measured.
        times: of ours, the peers and the limit.
        unit: "ms" and "s" are times; any other is a rate, `amount` a call.
        amount: things done in a call, where `unit` is a rate.
        limit: what `times` has under `LIMIT`.
    """

    def share(name: str) -> float | None:
        if limit is None:
            return None
        pairs = zip(times[LIMIT], times[name], strict=True)
        return round(statistics.median(least / took for least, took in pairs), 3)

    def figure(name: str) -> float:
        middle = statistics.median(times[name])
        scale = {"ms": 1e3, "s": 1.0}
        return significant(middle * scale[unit] if unit in scale else amount / middle)

    made = []
    for peer in times:
        if peer not in (OURS, LIMIT):
            ratios = sorted(b / a for a, b in zip(times[OURS], times[peer], strict=True))
            once = len(ratios) == 1
            low, middle, high = (
                ratios * 3 if once else statistics.quantiles(ratios, n=4, method="inclusive")
            )
            made.append(
                Row(
                    task=task,
                    peer=peer,
                    ours=figure(OURS),
                    theirs=figure(peer),
                    unit=unit,
                    ratio=round(middle, 3),
                    spread=None if once else (round(low, 3), round(high, 3)),
                    limit=limit and limit.kind,
                    share=share(OURS),
                    their_share=share(peer),
                )
            )
    return made


def significant(value: float, digits: int = 4) -> float:
    """A number to so many digits, as a reader wants it."""
    return float(f"{value:.{digits}g}")


def arithmetic(flops: float, size: int = 2048) -> Limit:
    """`flops` multiplications and additions, at the rate of one large matrix product."""
    dtype = torch.bfloat16 if DEVICE.type == "cuda" else torch.float32
    size = size * 4 if DEVICE.type == "cuda" else size
    a, b = (torch.randn(size, size, device=DEVICE, dtype=dtype) for _ in range(2))
    return Limit(kind="arithmetic", call=lambda: a @ b, scale=flops / (2 * size**3))


def reading(amount: int) -> Limit:
    """So many bytes read once, from wherever an array of that size comes to lie."""
    numbers = torch.ones(max(1, amount // 4), device=DEVICE)
    return Limit(kind="memory", call=numbers.sum)


def copying(amount: int) -> Limit:
    """So many bytes written once and as many read, by torch's own copy."""
    numbers = torch.ones(max(1, amount // 4), device=DEVICE)
    target = torch.empty_like(numbers)
    return Limit(kind="copy", call=lambda: target.copy_(numbers))


def machine() -> dict[str, object]:
    """Where and with what the figures were made."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "clock": clock,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def where() -> dict[str, str]:
    """Where figures of one core were made, in two words."""
    return {"processor": processor(), "python": platform.python_version()}


def processor() -> str:
    """The processor's or the GPU's name, as it gives it."""
    if DEVICE.type == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def save(task: str, made: list[Row], took: float) -> None:
    """Put a task's rows in the place of its old ones, beside the machine they were made on.

    Rows made on a GPU stand beside those of the CPU.
    """
    results = read("results.json") or {}
    tasks = results.setdefault(DEVICE.type, {})
    tasks[task] = {
        "machine": machine(),
        "seconds": round(took),
        "rows": [asdict(row) for row in made],
    }
    write("results.json", results)


def written(results: dict) -> str:
    """Results as they stand in a file."""
    return json.dumps(results, indent=1, ensure_ascii=False)


def read(name: str) -> dict | None:
    """What a file of this folder holds, or None where it has not been written yet."""
    path = HERE / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write(name: str, results: dict) -> None:
    """Put results into a file of this folder."""
    (HERE / name).write_text(written(results) + "\n", encoding="utf-8")
