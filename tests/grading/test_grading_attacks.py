"""The hostile collection: no attack moves a mark, tells an input, or touches anything outside."""

import json
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from mvlm.checks.core import Check, Exercise, Question, generator_for, run_check
from mvlm.checks.values import Refused, unpack
from mvlm.grading.grade import FRESH, RemoteCaller, grade
from mvlm.grading.hostile import ATTACKS, EXERCISE, NEIGHBOUR, TELLING
from mvlm.grading.isolation import FORBIDDEN, call_filter
from mvlm.grading.run import Job, grade_all
from mvlm.grading.sandbox import Sandbox, SandboxError, WorkerDied
from mvlm.grading.selftest import attempt, contained, ground, verdict
from mvlm.grading.submissions import find_submissions

HONEST = "def honest(x):\n    return -x\ndef steal(x):\n    return 2 * x + 1\n"


@pytest.fixture(scope="module")
def place():
    with ground() as found:
        yield found


@pytest.fixture
def own_sandbox(sandbox):
    """One for a test that ends it; left out where the tests' own cannot be."""
    with Sandbox(EXERCISE.forbids) as started:
        if started.mode != "warm":
            pytest.skip("no warm process here")
        yield started


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attacks_are_contained_and_a_neighbour_keeps_full_marks(attack, sandbox, place):
    assert contained(attack, sandbox, *place) == ""


def test_the_collection_asks_for_what_it_should():
    """An honest right answer gets the points that every attack is after."""
    assert EXERCISE.points == 3
    assert all(attack.keeps <= 1 for attack in ATTACKS)
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_an_honest_answer_after_every_attack_is_unaffected(sandbox, place):
    result = grade(EXERCISE, [("cell 1", HONEST)], sandbox, "secret")
    assert (result.status, result.points, result.notes) == ("graded", 3, ())


def test_one_sandbox_a_submission_contains_as_well(sandbox, place):
    """Where a worker may not make namespaces of its own."""
    where, server = place
    chosen = (
        *("crashes", "leaves_a_process", "new_namespaces", "kills_its_group", "leaves_a_key"),
    )
    with Sandbox(EXERCISE.forbids, "cold") as cold:
        for attack in ATTACKS:
            if attack.name in chosen:
                assert verdict(attack, attempt(attack, cold, where)) == "", attack.name
                assert where.harm(server) == "", attack.name


# Neighbours ----------------------------------------------------------------------------------

BESIDE = (
    *("kills_its_group", "stops_its_group", "signals_its_group", "kills_everything"),
    *("signals_every_number", "group_of_a_child", "slows_its_group", "exits", "crashes"),
    *("fork_bomb", "six_gib_in_parts", "locks_a_file"),
)
HALF_RIGHT = """
import time
def honest(x):
    time.sleep(0.2)
    raise KeyError("which?")
def steal(x):
    time.sleep(0.2)
    return 2 * x + 1
"""


def a_class(folder, files, sandbox, jobs):
    """Grade these files; each student's marks, notes and status."""
    inside = folder / "in"
    inside.mkdir(parents=True)
    for name, source in files.items():
        (inside / f"{name}.py").write_text(source)
    job = Job(exercise=EXERCISE, secret="secret", hidden={}, out=folder / "out", state="")
    records = grade_all(job, find_submissions(inside, "toy"), sandbox, jobs=jobs)
    keys = ("status", "points", "marks", "notes")
    return {record["student"]: {key: record[key] for key in keys} for record in records}


def test_attackers_take_nothing_from_a_class_graded_beside_them(tmp_path, sandbox, place):
    """Who is honest reads what they would read alone, half right or right, at any time of it."""
    where, _ = place
    honest = {f"right{n}": NEIGHBOUR for n in range(5)} | {f"half{n}": HALF_RIGHT for n in range(3)}
    attacks = {attack.name: attack for attack in ATTACKS if attack.name in BESIDE}
    hostile = {
        f"{name}{n}": "\n".join(
            text for _, text in attack.cells(str(where.canary), where.port, where.mark)
        )
        for name, attack in attacks.items()
        for n in range(1 if name in ("fork_bomb", "six_gib_in_parts") else 2)
    }
    alone = a_class(tmp_path / "alone", {"right0": NEIGHBOUR, "half0": HALF_RIGHT}, sandbox, 1)
    assert alone["right0"]["points"] == 3
    assert alone["half0"]["points"] == 2
    mixed = sorted((honest | hostile).items(), key=lambda item: item[0][::-1])
    beside = a_class(tmp_path / "beside", dict(mixed), sandbox, 4)
    for name in honest:
        assert beside[name] == alone[f"{name[:-1]}0"], name
    lost = {name: beside[name]["points"] for name in hostile if beside[name]["points"] != 1}
    assert lost == {}
    assert {beside[name]["status"] for name in hostile} == {"graded"}


def test_a_sandbox_that_dies_is_started_again_and_is_nobodys_zero(own_sandbox):
    worker = own_sandbox.open()
    own_sandbox.warm.process.kill()
    own_sandbox.warm.process.wait()
    with pytest.raises(SandboxError, match="the sandbox is gone"):
        worker.receive(5.0)
    assert grade(EXERCISE, [("cell 1", HONEST)], own_sandbox, "secret").points == 3


def test_no_worker_is_asked_how_another_sandboxs_worker_ended(own_sandbox):
    """A worker of the old sandbox is never blamed, whatever workers the new one has."""
    old = [own_sandbox.open() for _ in range(3)]
    own_sandbox.warm.process.kill()
    own_sandbox.warm.process.wait()
    new = [own_sandbox.open() for _ in range(3)]
    for worker in old:
        with pytest.raises(SandboxError, match="the sandbox is gone"):
            worker.receive(5.0)
        worker.close()
    for worker in new:  # and the new ones live
        with pytest.raises(WorkerDied, match="did not answer in time"):
            worker.receive(0.1)
        worker.close()


def test_a_restart_in_the_middle_of_a_class_costs_nobody_a_point(tmp_path, own_sandbox):
    warm = own_sandbox.warm

    def files():
        yield from ((f"s{n}", NEIGHBOUR) for n in range(6))

    def progress(records):
        for place, record in enumerate(records):
            if place == 1:
                warm.process.kill()
            yield record

    inside = tmp_path / "in"
    inside.mkdir()
    for name, source in files():
        (inside / f"{name}.py").write_text(source)
    job = Job(exercise=EXERCISE, secret="s", hidden={}, out=tmp_path / "out", state="")
    found = find_submissions(inside, "toy")
    records = grade_all(job, found, own_sandbox, jobs=3, progress=progress)
    assert own_sandbox.warm is not warm
    assert [record["points"] for record in records] == [3] * 6
    assert not any(mark["message"] for record in records for mark in record["marks"])


# Secret inputs -------------------------------------------------------------------------------


def test_a_check_of_ones_own_inputs_would_be_told_by_a_public_run(sandbox, place):
    """So that the tests below can fail: of a public run the report says what the answer said."""
    attack = next(attack for attack in TELLING if attack.name == "global_to_error")
    result = attempt(attack, sandbox, place[0])
    public = torch.randn(3, generator=generator_for("public", "honest"))
    assert str(public[0].item())[:7] in json.dumps(result.as_dict())


@pytest.mark.parametrize(
    "tell",
    [
        "raise ValueError(text)",
        "raise type(text, (Exception,), {})",
        "raise NotImplementedError(text + ' your turn')",
        "return text",
        "return type(text, (), {})()",
        "import os; os._exit(int(abs(seen[0][0]) * 100))",
        "import warnings; warnings.warn(text); print(text); return None",
        "globals().pop('f')",
        "globals()['g'] = type(text, (), {})()",
        "import time; time.sleep(100)",
    ],
)
def test_hidden_and_secret_runs_tell_nothing_whatever_an_answer_says(sandbox, tell):
    """Four kinds of run, on inputs that the report may not name, in both orders of questions."""

    def run(student):
        x = student.normal(3)
        drawn.append(x)
        names = ("f", "g") if student.integer(0, 1) else ("g", "f")
        for name in names:
            if student.call(name, x) is not None:
                raise AssertionError(f"{name} on {x.tolist()}")

    def checks(name, hidden):
        kinds = {"title": "t", "hint": "think", "points": 1, "seconds": 0.2, "run": run}
        return tuple(Check(name=f"{name}{n}", hidden=hidden, **kinds) for n in range(2))

    # A hidden check may stand in the instructor's own exercise, or in a file beside it.
    listed = {"f": (*checks("f", False), *checks("hidden in f", True)), "g": checks("g", False)}
    questions = [
        Question(function=name, title=name, minutes=1, teaches="", checks=each)
        for name, each in listed.items()
    ]
    exercise = Exercise(name="e", title="e", forbids=(), questions=tuple(questions))
    hidden = {name: checks(f"hidden {name}", True) for name in "fg"}
    code = f"seen = []\ndef f(x):\n    seen.append(x.tolist())\n    text = str(seen)\n    {tell}\n"
    code += "def g(x):\n    seen.append(x.tolist())\n"
    public = ["f0", "f1", "g0", "g1"]
    drawn = [torch.randn(3, generator=generator_for("public", name)) for name in public]
    known = {str(number)[:6] for x in drawn for number in x.abs().tolist()}
    drawn.clear()
    result = grade(exercise, [("a", f"# GRADED f\n{code}")], sandbox, "secret", hidden)
    assert result.status == "graded"
    asked = {str(number)[:6] for x in drawn for number in x.abs().tolist()} - known
    assert len(asked) >= 12  # the hidden checks ran
    report = json.dumps(result.as_dict())
    assert [number for number in asked if number in report] == []
    told = {mark.message for mark in result.marks if mark.check.startswith("hidden")}
    assert told <= {""}


# Time ----------------------------------------------------------------------------------------


def slow_exercise(calls):
    def run(name):
        def one(student):
            for _ in range(calls):
                if not torch.equal(student.call(name, x := student.normal(2)), -x):
                    raise AssertionError

        return one

    def check(name, number):
        kinds = {"title": "t", "hint": "h", "points": 1, "seconds": 5.0}
        return Check(name=f"{name}{number}", run=run(name), **kinds)

    questions = [
        Question(
            function=name,
            title=name,
            minutes=1,
            teaches="",
            checks=tuple(check(name, number) for number in range(3)),
        )
        for name in ("slow", "quick")
    ]
    return Exercise(name="e", title="e", forbids=(), questions=tuple(questions))


def test_many_slow_calls_use_up_their_own_questions_time_and_no_others(sandbox, monkeypatch):
    """Each call within its limit, 4 s of 5 on the clock that the grader looks at."""
    now = [0.0]
    real = RemoteCaller._call

    def takes_its_time(self, worker, name, *rest):
        now[0] += 4.0 if name == "slow" else 0.01
        return real(self, worker, name, *rest)

    monkeypatch.setattr(RemoteCaller, "_call", takes_its_time)
    monkeypatch.setattr(RemoteCaller.__init__, "__defaults__", (lambda: now[0],))
    code = "def slow(x):\n    return -x\ndef quick(x):\n    return -x\n"
    result = grade(slow_exercise(10), [("a", code)], sandbox, "secret")
    marks = {mark.check: mark for mark in result.marks}
    # 3 checks of 5 s have 45 s: the first check's ten calls take 40, the second's two more 8.
    assert [marks[f"slow{n}"].points for n in range(3)] == [1, 0, 0]
    assert [marks[f"quick{n}"].points for n in range(3)] == [1, 1, 1]
    for name in ("slow1", "slow2"):
        assert marks[name].message == (
            "not run: the calls before it took the 45 s that all of this question's may take "
            "together"
        )
    assert result.status == "graded"
    assert now[0] < 100


def test_what_a_secret_run_is_slow_at_is_told_without_a_number(sandbox, monkeypatch):
    now = [0.0]
    real = RemoteCaller._call
    callers = []

    def takes_its_time(self, worker, *rest):
        if self not in callers:
            callers.append(self)
        now[0] += 100.0 * (len(callers) - 1)  # the second is the secret runs'
        return real(self, worker, *rest)

    monkeypatch.setattr(RemoteCaller, "_call", takes_its_time)
    monkeypatch.setattr(RemoteCaller.__init__, "__defaults__", (lambda: now[0],))
    code = "def slow(x):\n    return -x\ndef quick(x):\n    return -x\n"
    result = grade(slow_exercise(2), [("a", code)], sandbox, "secret")
    assert len(callers) == 2
    assert {mark.message for mark in result.marks} == {FRESH}


def test_loading_again_after_a_death_is_counted_for_who_died(sandbox, monkeypatch):
    """So that dying in every call, with cells that load slowly, comes to an end as well."""
    now = [0.0]
    opened = type(sandbox).open

    def slow_to_load(self):
        worker = opened(self)
        receive = worker.receive

        def one(seconds):
            now[0] += 30.0 if seconds > 60.0 else 0.0  # the cells; a call has 62 s at most
            return receive(seconds)

        worker.receive = one
        return worker

    monkeypatch.setattr(type(sandbox), "open", slow_to_load)
    exercise = slow_exercise(1)
    cells = [("a", "def slow(x):\n    import os\n    os._exit(1)\ndef quick(x):\n    return -x\n")]
    monkeypatch.setattr("mvlm.grading.grade.longest", lambda seconds: 20.0)
    caller = RemoteCaller(sandbox, cells, {"slow": 45.0, "quick": 45.0}, lambda: now[0])
    said = []
    for caller.question in ("slow", "quick"):
        for check in exercise.question(caller.question).checks:
            said.append(run_check(check, caller, "public").message)
    caller.close()
    assert said[:2] == ["slow: the process died (exit status 1)"] * 2
    assert said[3:] == ["", "", ""]
    assert caller.left == {"slow": pytest.approx(-45.0), "quick": pytest.approx(45.0)}


# What comes back -----------------------------------------------------------------------------


def message(tree, *buffers):
    text = json.dumps(tree).encode()
    parts = [struct.pack("<II", len(text), len(buffers)), text]
    return b"".join([*parts, *(p for b in buffers for p in (struct.pack("<Q", len(b)), b))])


@pytest.mark.parametrize("kind", ["tensor", "array"])
def test_a_buffer_is_read_once(kind):
    one = {kind: "uint8", "shape": [4], "at": 0} | ({"view": False} if kind == "tensor" else {})
    assert list(unpack(message({"list": [one]}, b"abcd"))[0]) == list(b"abcd")
    with pytest.raises(Refused, match="one buffer twice"):
        unpack(message({"list": [one, one]}, b"abcd"))


def test_an_empty_view_takes_no_memory():
    one = {"tensor": "float64", "shape": [2**26, 0], "view": True, "at": 0}
    tensor = unpack(message(one, b""))
    assert tensor.shape == (2**26, 0)
    assert tensor.untyped_storage().nbytes() == 0


# Calls that are not to be made ---------------------------------------------------------------


def test_no_filter_for_a_machine_whose_numbers_are_not_known():
    with pytest.raises(OSError, match="x86_64, aarch64, this is riscv64"):
        call_filter("riscv64")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_the_table_names_and_nothing_else(machine):
    """The kernel's rules, run here in a few lines."""
    program = list(struct.iter_unpack("<HBBI", call_filter(machine)))
    column, arch, unix = {"x86_64": (0, 0xC000003E, 41), "aarch64": (1, 0xC00000B7, 198)}[machine]
    fcntl = {"x86_64": 72, "aarch64": 25}[machine]

    def allowed(number, *arguments, arch=arch):
        data = struct.pack("<IIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
        place, word = 0, 0
        while True:
            code, yes, no, value = program[place]
            place += 1
            if code == 0x20:
                (word,) = struct.unpack_from("<I", data, value)
            elif code == 0x06:
                return value == 0x7FFF0000
            else:
                place += yes if (word == value if code == 0x15 else word >= value) else no

    named = {row[column] for row in FORBIDDEN.values()} - {None}
    refused = {number for number in range(500) if not allowed(number, 1, 0)}
    assert refused == named
    assert allowed(unix, socket.AF_UNIX)
    assert not any(allowed(unix, family) for family in (0, 2, 10, 16, 17, 40))
    assert [n for n in range(1100) if not allowed(fcntl, 3, n)] == [6, 7, 37, 38, 1024, 1026]
    assert not allowed(0, arch=0x40000003)
    assert not allowed(0x40000000)


LEAVES = """
import subprocess, sys
def f():
    code = "import time; time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code, "left-by-f"], start_new_session=True)
    return 1
"""


def test_a_worker_that_is_ended_is_gone_with_its_children(sandbox):
    """`close` comes back when all is over, so that the next student has the memory."""
    worker = sandbox.open()
    cells = np.frombuffer(json.dumps([["a", LEAVES]]).encode(), np.uint8)
    worker.send({"cells": cells, "wanted": ["f"]})
    assert worker.receive(60.0) == {"notes": []}
    worker.send({"name": "f", "arguments": (), "learns": (), "seconds": 5.0, "number": 1})
    assert worker.receive(60.0)["value"] == 1
    worker.close()
    worker.close()
    assert not any(
        b"left-by-f" in (path / "cmdline").read_bytes()
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and path.exists()
    )
