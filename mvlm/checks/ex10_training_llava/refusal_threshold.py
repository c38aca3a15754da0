"""Exercise 10, `refusal_threshold`: where to refuse."""

import itertools
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex10_training_llava.common import agree_on
from mvlm.checks.expect import Comparison, expect_keys, expect_number

Asking = list[tuple[float, bool, bool]]
Report = dict[str, float | None]
Rule = Callable[..., Any]
REPORT = ("threshold", "answered", "right", "honest", "cost")


def _cost(answered: bool, can: bool, right: bool, costs: Sequence[int]) -> int:
    """What one question costs; those that can be answered are `can`."""
    wrong, refused = costs
    return wrong * (not right) if answered else refused * can


def _total(
    t: float, asked: Asking, costs: Sequence[int], cost: Rule = _cost, answers: Rule = operator.le
) -> int:
    return sum(cost(answers(p, t), can, right, costs=costs) for p, can, right in asked)


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _refusing(
    validation: Asking,
    test: Asking,
    costs: Sequence[int],
    *,
    on: tuple[str, str] = ("validation", "validation"),
    choose: Rule = max,
    everything: Sequence[float] = (-1.0,),
    candidate: Rule = lambda can, right: True,
    cost: Rule = _cost,
    answers: Rule = operator.le,
    of_all: bool = False,
    per: Rule = len,
) -> Report:
    """The report; `on` is where choices come from, if `candidate` says so, and where they cost."""
    sets = {"validation": validation, "test": test, "both": [*validation, *test]}
    choices = {*everything, *(p for p, *is_ in sets[on[0]] if candidate(*is_))}
    totals = {t: _total(t, sets[on[1]], costs, cost, answers) for t in choices}
    t = choose(t for t in choices if totals[t] == min(totals.values()))
    given = [(answers(p, t), can, right) for p, can, right in test]
    return {
        "threshold": t,
        "answered": _share([answered for answered, can, _ in given if can]),
        "right": _share(
            [answered and right for answered, can, right in given if can and (answered or of_all)]
        ),
        "honest": _share([not answered for answered, can, _ in given if not can]),
        "cost": _total(t, test, costs, answers=answers) / per(test) if test else None,
    }


def _read_report(value: Any, *_: Any) -> Report:
    expect_keys(value, REPORT, "refusal_threshold", ", ".join(REPORT))
    return {
        name: None if value[name] is None else expect_number(value[name], "refusal_threshold")
        for name in REPORT
    }


def _tell_report(ours: Report, wanted: Report) -> str:
    name = next(name for name in REPORT if not agree_on([name])(ours, wanted))
    return f"{name} is {ours[name]}, wanted {wanted[name]}"


def _free_answer(answered: bool, can: bool, right: bool, costs: Sequence[int]) -> int:
    """A mistake: to answer what cannot be answered costs nothing."""
    return _cost(answered, can, right, costs) if can else 0


def _honest_cost(answered: bool, can: bool, right: bool, costs: Sequence[int]) -> int:
    """A mistake: every refusal costs, the honest one too."""
    return _cost(answered, True, right, costs)


def _either_cost(*given: Any) -> Report | None:
    """What both of these mistakes give, where they cannot be told apart."""
    found = [_refusing(*given, cost=cost) for cost in (_free_answer, _honest_cost)]
    return found[0] if found[0] == found[1] else None


REFUSAL = Comparison(
    function="refusal_threshold",
    what="the report",
    right=_refusing,
    read=_read_report,
    alike=agree_on(REPORT),
    tells=_tell_report,
    mistakes={
        "the threshold was chosen on test: a cost reported there is then the least of many": [
            {"on": (where, "test")} for where in ("test", "validation")
        ],
        "p of test are among the choices: they are those of validation, and −1.0": [
            {"on": (where, "validation")} for where in ("test", "both")
        ],
        "the threshold was chosen on validation and test together": {"on": ("both", "both")},
        "of several thresholds with the least cost the largest is wanted": {"choose": min},
        "−1.0, which refuses everything, is among the choices": {"everything": ()},
        "a question with p equal to t is answered: only p > t is refused": {"answers": operator.lt},
        "a question that cannot be answered costs as a wrong answer where it is answered, and "
        "nothing where it is refused": [_either_cost, {"cost": _honest_cost}],
        "an answer to what cannot be answered costs as a wrong one": {"cost": _free_answer},
        "every p of validation is among the choices, also of what cannot be answered": {
            "candidate": lambda can, right: can
        },
        "every p of validation is among the choices, also where the answer is wrong": {
            "candidate": lambda can, right: right
        },
        "to refuse what can be answered has a cost of its own": {
            "cost": lambda answered, *given, costs: answered and _cost(answered, *given, costs)
        },
        "the two costs are swapped: first a wrong answer, then a refusal": {
            "cost": lambda *question, costs: _cost(*question, costs[::-1])
        },
        "the cost is the sum over test: the mean of a question is wanted": {"per": lambda _: 1},
        "'right' is a share of the answered, not of all that can be answered": {"of_all": True},
    },
)
THRESHOLD = replace(REFUSAL, alike=agree_on(["threshold"]))


def _asking(student: Student, number: int, *, levels: int = 1000) -> Asking:
    """Questions; those that cannot be answered have the larger p, mostly."""
    asked = []
    for _ in range(number):
        can = student.integer(0, 9) < 6
        p = student.integer(0, levels) / levels
        p = p * p if can else 1 - (1 - p) ** 2 * 0.8
        asked.append((round(p, 6), can, can and student.integer(0, 9) < 8))
    return asked


def _clear(student: Student, costs: Sequence[int], *, levels: int = 1000) -> Asking:
    """Questions among whose thresholds one is cheaper than all the others, and answers some."""
    while True:
        asked = _asking(student, 25, levels=levels)
        found = {t: _total(t, asked, costs) for t in {-1.0, 0.0, *(p for p, _, _ in asked)}}
        best = [t for t in found if found[t] == min(found.values())]
        if len(best) == 1 and best[0] > 0:
            return asked


# All sorts are there, so that no share is of nothing.
EVERY_SORT = [(0.01, True, True), (0.02, True, False), (0.98, False, False), (0.99, True, True),
              *[(0.03, False, False)] * 60]  # fmt: skip


def _split(student: Student) -> Asking:
    """Validation questions that one threshold serves without any cost."""
    can = [(student.integer(50, 400) / 1000, True, True) for _ in range(9)]
    return student.shuffled(can + [(student.integer(600, 900) / 1000, False, False)] * 5)


@check(
    "the threshold with the least cost on validation",
    "Try every p of validation, and −1. What does each cost?",
)
def refuse_choice(student: Student) -> None:
    def draw(costs: tuple[int, int]) -> tuple[Any, ...]:
        validation = _clear(student, costs)
        above = [(round(p + 5e-5, 6), True, True) for p, _, _ in validation]
        return validation, student.shuffled(above + EVERY_SORT), costs

    for costs in ((3, 1), (1, 1), (1, 2), (5, 2)):
        THRESHOLD.run(student, partial(draw, costs))
    with student.on("the best threshold is that of a wrong answer"):
        some = [(0.1, True, True), (0.9, True, False), (0.95, False, False)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (2, 5)))


@check(
    "of several the largest; where refusing all is best, −1",
    "Sort the choices from the largest down: min takes the first of equals.",
    after=[refuse_choice],
)
def refuse_ties(student: Student) -> None:
    with student.on("nothing that was answered would be right"):
        wrong = [(0.2, False, False), (0.5, True, False), (0.1, False, False)]
        THRESHOLD.run(student, lambda: (wrong, EVERY_SORT, (4, 1)))
        THRESHOLD.run(student, lambda: (wrong[::2], EVERY_SORT, (1, 1)))
    free = [(0.1, True, True), (0.4, False, False), (0.8, True, True)]
    some = [(0.3, False, False), (0.6, True, True), (0.9, False, False), (0.1, True, True)]
    with student.on("several thresholds cost the same"):
        for asked, costs in itertools.product((free, some), ((1, 1), (0, 0))):
            THRESHOLD.run(student, lambda a=asked, c=costs: (student.shuffled(a), EVERY_SORT, c))


@check(
    "p equal to t is answered",
    "Refused is p > t, strictly. Several questions may have the same p.",
    after=[refuse_choice],
)
def refuse_equal(student: Student) -> None:
    for costs in ((1, 1), (2, 1), (1, 3)):
        THRESHOLD.run(student, lambda c=costs: (_clear(student, c, levels=4), EVERY_SORT, c))
    with student.on("several questions with one p"):
        some = [(0.25, True, True), (0.25, True, True), (0.5, False, False), (0.25, True, False)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (2, 1)))
    with student.on("p of test that are equal to t"):
        validation = [(0.25, True, True), (0.5, True, True), (0.75, False, False)]
        test = [(0.5, True, True), (0.5, False, False), (0.25, True, True), (0.75, False, False)]
        equal = replace(REFUSAL, alike=agree_on(["answered", "honest"]))
        equal.run(student, lambda: (student.shuffled(validation), student.shuffled(test), (2, 1)))


@check(
    "the report is about test, with the shares of the right questions",
    "For each share: which questions are below the line, and which of these above it?",
    after=[refuse_choice],
    keeps_arguments=True,
)
def refuse_report(student: Student) -> None:
    def draw(number: int) -> tuple[Any, ...]:
        return _split(student), student.shuffled(_asking(student, number) + EVERY_SORT), (2, 1)

    for number in (2, 9, 40):
        REFUSAL.run(student, partial(draw, number))


@check(
    "a share of nothing is None",
    "Ask whether a list is empty before you divide by its length.",
    after=[refuse_choice],
)
def refuse_nothing(student: Student) -> None:
    validation = [(0.3, True, True), (0.7, False, False)]
    tests = {
        "no test question": [],
        "all can be answered": [(0.1, True, True), (0.2, True, False)],
        "none can be answered": [(0.1, False, False), (0.9, False, False)],
        "none is answered": [(0.8, True, True), (0.9, False, False)],
    }
    for what, test in tests.items():
        with student.on(what):
            REFUSAL.run(student, lambda t=test: (student.shuffled(validation), t, (2, 1)))


QUESTION = Question(
    function="refusal_threshold",
    title="Where to refuse",
    minutes=25,
    teaches="to choose a threshold on one set by what mistakes cost, and to report it on another",
    checks=(refuse_choice, refuse_ties, refuse_equal, refuse_report, refuse_nothing),
)
