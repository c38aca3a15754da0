"""Every exercise's checks on right answers written differently, and on every mistake we know."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bank import GUIDE, Wrong, functions, guide_with_table, right_answers, wrong_answers
from mvlm.checks import exercise, exercises
from mvlm.checks.core import Outcome, Status, run_question
from mvlm.checks.local import LocalCaller
from mvlm.checks.values import pack, unpack

RIGHT = [(name, path) for name in exercises() for path in right_answers(name)]
WRONG = [(name, wrong) for name in exercises() for wrong in wrong_answers(name)]


def outcomes(name: str, answers: dict, seed: str = "public", only: str = "") -> list[Outcome]:
    wanted = exercise(name)
    caller = LocalCaller(answers, wanted.forbids)
    questions = [question for question in wanted.questions if only in question.function]
    return [out for question in questions for out in run_question(question, caller, seed)]


@pytest.mark.parametrize(("name", "path"), RIGHT, ids=lambda value: getattr(value, "stem", value))
def test_right_answers_lose_nothing(name, path):
    answers = functions(path)
    for seed in ("public", *(f"secret {n}" for n in range(5))):
        failed = [out for out in outcomes(name, answers, seed) if out.status is not Status.PASSED]
        assert not failed, f"{seed}: {failed[0].check.name}: {failed[0].message}"


@pytest.mark.parametrize(
    ("name", "wrong"),
    WRONG,
    ids=lambda value: value.path.stem if isinstance(value, Wrong) else value,
)
def test_wrong_answers_lose_the_points_meant_for_them_and_no_others(name, wrong):
    answers = functions(right_answers(name)[0], wrong.path)
    (changed,) = functions(wrong.path)
    for seed, only in (("public", ""), ("secret 1", changed), ("secret 2", changed)):
        results = outcomes(name, answers, seed, only)
        failed = {out.check.name: out for out in results if out.status is not Status.PASSED}
        assert set(failed) == wrong.fails, {key: out.message for key, out in failed.items()}
        messages = [out.message for out in failed.values()]
        assert any(wrong.says in message for message in messages), messages
        assert all("could not be compared" not in message for message in messages), messages


def spoils(function: Callable) -> Callable:
    """The function, which afterwards changes whatever it was given."""

    def spoiling(*arguments):
        value = unpack(pack(function(*arguments)))  # a copy: an argument may be in it
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                argument.bitwise_not_() if argument.dtype == torch.bool else argument.add_(1)
            elif isinstance(argument, np.ndarray):
                argument += 1
            elif isinstance(argument, list):
                argument.append(argument[0] if argument else 0)
        return value

    return spoiling


@pytest.mark.parametrize("name", exercises())
def test_a_right_answer_that_changes_its_arguments_loses_one_check_a_question(name):
    answers = functions(right_answers(name)[-1])
    changed = {function: spoils(answer) for function, answer in answers.items()}
    for question in exercise(name).questions:
        results = run_question(question, LocalCaller(changed, exercise(name).forbids))
        failed = [out for out in results if out.status is not Status.PASSED]
        assert len(failed) == 1, (question.function, [out.message for out in failed])
        assert re.search("changed its|has other numbers than before", failed[0].message)


@pytest.mark.parametrize("name", exercises())
def test_the_bank_is_large_enough_and_leaves_no_check_unproved(name):
    assert len(right_answers(name)) >= 4
    assert len(wrong_answers(name)) >= 12
    caught = set().union(*(wrong.fails for wrong in wrong_answers(name)))
    assert caught == {check.name for q in exercise(name).questions for check in q.checks}


def test_the_guide_has_the_table_of_the_banks_as_they_are():
    text = GUIDE.read_text(encoding="utf-8")
    assert guide_with_table(text) == text, "run: python tests/exercises/bank.py"
