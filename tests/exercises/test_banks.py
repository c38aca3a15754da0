"""Every exercise's checks on right answers written differently, and on every mistake we know."""

import functools
import importlib
import re
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch

from bank import (
    HERE,
    PAGES,
    Answer,
    answers,
    mistakes,
    page,
    right_answers,
)
from mvlm.checks import exercise, exercises
from mvlm.checks.core import Outcome, Question, Status, run_question
from mvlm.checks.expect import Comparison
from mvlm.checks.local import LocalCaller
from mvlm.checks.values import pack, unpack

QUESTIONS = [(name, question) for name in exercises() for question in exercise(name).questions]
ASKED = [(name, question.function) for name, question in QUESTIONS]
RIGHT = [answer for asked in ASKED for answer in right_answers(*asked)]
WRONG = [answer for asked in ASKED for answer in mistakes(*asked)]


@functools.cache
def lost(answer: Answer, seed: str) -> dict[str, Outcome]:
    """The checks that do not pass, by their names."""
    asked = exercise(answer.exercise)
    caller = LocalCaller({answer.question: answer.call}, asked.forbids)
    outcomes = run_question(asked.question(answer.question), caller, seed)
    return {out.check.name: out for out in outcomes if out.status is not Status.PASSED}


@pytest.mark.parametrize("answer", RIGHT, ids=str)
def test_right_answers_lose_nothing(answer):
    for seed in ("public", *(f"secret {n}" for n in range(5))):
        assert not lost(answer, seed), seed


@pytest.mark.parametrize("answer", WRONG, ids=str)
def test_mistakes_lose_the_points_meant_for_them_and_no_others(answer):
    for seed in ("public", "secret 1", "secret 2"):
        failed = lost(answer, seed)
        told = {name: f"{out.message} → {out.hint}" for name, out in failed.items()}
        assert set(failed) == answer.fails, (seed, answer.what, told)
        for text in answer.says:
            assert any(text in one for one in told.values()), (seed, answer.what, text, told)
        assert all("could not be compared" not in one for one in told.values()), (seed, told)


def spoils(function: Callable) -> Callable:
    """The function, which afterwards changes whatever it was given; `spoilt` tells how much."""

    def spoiling(*arguments):
        if any(getattr(argument, "requires_grad", False) for argument in arguments):
            return function(*arguments)  # a copy of the value would carry no gradient
        value = unpack(pack(function(*arguments)))  # a copy: an argument may be in it
        for argument in arguments:
            spoiling.spoilt += isinstance(argument, torch.Tensor | np.ndarray | dict | list)
            if isinstance(argument, torch.Tensor):
                argument.bitwise_not_() if argument.dtype == torch.bool else argument.add_(1)
            elif isinstance(argument, np.ndarray):
                argument += 1
            elif isinstance(argument, dict):
                argument["spoilt"] = 0
            elif isinstance(argument, list):
                argument.append(argument[0] if argument else 0)
        return value

    spoiling.spoilt = 0
    return spoiling


def _one(value: object) -> str:
    return value.function if isinstance(value, Question) else str(value)


@pytest.mark.parametrize(("name", "question"), QUESTIONS, ids=_one)
def test_a_right_answer_that_changes_its_arguments_loses_one_check(name, question):
    changed = spoils(right_answers(name, question.function)[-1].call)
    results = run_question(
        question, LocalCaller({question.function: changed}, exercise(name).forbids)
    )
    failed = [out for out in results if out.status is not Status.PASSED]
    # Numbers and text cannot be changed: a function that takes nothing else has nothing to lose.
    assert len(failed) == bool(changed.spoilt), [out.message for out in failed]
    for one in failed:
        assert re.search("changed its|has other numbers than before", one.message)


@pytest.mark.parametrize(("name", "question"), QUESTIONS, ids=_one)
def test_the_bank_is_large_enough_and_leaves_no_check_unproved(name, question):
    wrong = mistakes(name, question.function)
    assert len(right_answers(name, question.function)) >= 4
    assert len(wrong) >= 10
    assert len({answer.what for answer in answers(name, question.function)}) >= len(wrong) + 4
    caught = set().union(*(answer.fails for answer in wrong))
    assert caught == {check.name for check in question.checks}


def _file_of_checks(name: str, question: Question) -> ModuleType:
    """Each question's checks are in a file of its name."""
    module = importlib.import_module(f"mvlm.checks.ex{name}.{question.function}")
    assert module.QUESTION is question
    return module


@pytest.mark.parametrize("name", exercises())
def test_every_mistake_that_a_comparison_knows_is_told_about_one_in_the_bank(name):
    comparisons = [
        one
        for question in exercise(name).questions
        for value in vars(_file_of_checks(name, question)).values()
        for one in (value if isinstance(value, tuple) else (value,))
        if isinstance(one, Comparison)
    ]
    told = {
        question.function: " ".join(
            outcome.message
            for answer in mistakes(name, question.function)
            for outcome in lost(answer, "public").values()
        )
        for question in exercise(name).questions
    }
    for comparison in comparisons:
        sentences = {slip.says for slip in comparison.known if isinstance(slip.says, str)}
        assert not {one for one in sentences if one not in told[comparison.function]}


def test_every_file_of_the_bank_belongs_to_a_question():
    files = {(path.parent.name, path.stem) for path in HERE.glob("[0-9]*/*.py")}
    assert files == set(ASKED)


def test_each_exercise_has_the_page_that_its_bank_writes():
    written = {path.stem: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    wanted = {name: page(name) for name in exercises()}
    assert written == wanted, "run: python tests/exercises/bank.py"
