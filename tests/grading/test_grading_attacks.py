"""The hostile collection: no attack moves a mark, or touches anything outside."""

import threading

import pytest

from mvlm.grading.grade import grade
from mvlm.grading.hostile import ATTACKS, EXERCISE
from mvlm.grading.sandbox import Sandbox, SandboxError
from mvlm.grading.selftest import attempt, ground, verdict

HONEST = "def honest(x):\n    return -x\ndef steal(x):\n    return 2 * x + 1\n"


@pytest.fixture(scope="module")
def place():
    with ground() as found:
        yield found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attacks_are_contained(attack, sandbox, place):
    where, server = place
    assert verdict(attack, attempt(attack, sandbox, where)) == ""
    assert where.harm(server) == ""


def test_the_collection_asks_for_what_it_should():
    """An honest right answer gets the points that every attack is after."""
    assert EXERCISE.points == 3
    assert all(attack.keeps <= 1 for attack in ATTACKS)


def test_an_honest_answer_after_every_attack_is_unaffected(sandbox, place):
    result = grade(EXERCISE, [("cell 1", HONEST)], sandbox, "secret")
    assert (result.status, result.points, result.notes) == ("graded", 3, ())


def test_an_honest_answer_beside_an_attack_is_unaffected(sandbox, place):
    bomb = next(attack for attack in ATTACKS if attack.name == "fork_bomb")
    thread = threading.Thread(target=attempt, args=(bomb, sandbox, place[0]))
    thread.start()
    results = [grade(EXERCISE, [("cell 1", HONEST)], sandbox, "secret") for _ in range(3)]
    thread.join()
    assert [result.points for result in results] == [3, 3, 3]


def test_one_sandbox_a_submission_contains_as_well(place):
    """Where a worker may not make namespaces of its own."""
    where, server = place
    chosen = ("patched_equal", "crashes", "leaves_a_process", "new_namespaces", "writes_outside")
    try:
        started = Sandbox(EXERCISE.forbids, "cold")
    except SandboxError as error:
        pytest.skip(str(error))
    with started as cold:
        for attack in ATTACKS:
            if attack.name in chosen:
                assert verdict(attack, attempt(attack, cold, where)) == "", attack.name
                assert where.harm(server) == "", attack.name


def test_a_sandbox_that_dies_is_started_again_and_is_nobodys_zero(place):
    try:
        started = Sandbox(EXERCISE.forbids)
    except SandboxError as error:
        pytest.skip(str(error))
    with started as mine:
        if mine.mode != "warm":
            pytest.skip("no warm process here")
        worker = mine.open()
        mine.warm.process.kill()
        mine.warm.process.wait()
        with pytest.raises(SandboxError, match="warm process is gone"):
            worker.receive(5.0)
        assert grade(EXERCISE, [("cell 1", HONEST)], mine, "secret").points == 3
