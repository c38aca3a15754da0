"""Exercise 10, `refusal_threshold`: where to refuse."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex10_training_llava.common import agree_on
from mvlm.checks.expect import Comparison, Slip, expect_keys, expect_number, near

Asking = list[tuple[float, bool, bool]]
REPORT = ("threshold", "answered", "right", "honest", "cost")


def _total(t: float, asked: Asking, costs: Sequence[int], *, below: bool = False) -> int:
    wrong, refused = costs
    total = 0
    for p, can, right in asked:
        given = p < t if below else p <= t
        total += wrong * (given and not right) + refused * (can and not given)
    return total


def _ratio(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _refusing(
    validation: Asking,
    test: Asking,
    costs: Sequence[int],
    *,
    choose: Callable[..., float] = max,
    everything: bool = True,
    on: str = "validation",
    cost: Callable[..., int] = _total,
    below: bool = False,
    of_all: bool = False,
    candidate: Callable[[bool, bool], bool] = lambda can, right: True,
) -> dict[str, float | None] | None:
    chosen = {"validation": validation, "test": test, "both": [*validation, *test]}[on]
    choices = {p for p, can, right in chosen if candidate(can, right)} | (
        {-1.0} if everything else set()
    )
    if not choices:
        return None
    found = {t: cost(t, chosen, costs) for t in choices}
    t = choose(t for t in choices if found[t] == min(found.values()))
    given = [(p < t if below else p <= t, can, right) for p, can, right in test]
    return {
        "threshold": t,
        "answered": _ratio([g for g, can, _ in given if can]),
        "right": _ratio(
            [r and g for g, can, r in given if can]
            if of_all
            else [r for g, can, r in given if can and g]
        ),
        "honest": _ratio([not g for g, can, _ in given if not can]),
        "cost": _total(t, test, costs, below=below) / len(test) if test else None,
    }


def _read_report(value: Any, *_: Any) -> dict[str, float | None]:
    expect_keys(value, REPORT, "refusal_threshold", ", ".join(REPORT))
    return {
        name: None if value[name] is None else expect_number(value[name], "refusal_threshold")
        for name in REPORT
    }


def _alike_report(ours: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(
        ours[name] is None
        if wanted[name] is None
        else ours[name] is not None and near(ours[name], wanted[name])
        for name in REPORT
    )


def _tell_report(ours: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    for name in REPORT:
        if not _alike_report(ours | {n: None for n in REPORT if n != name},
                             wanted | {n: None for n in REPORT if n != name}):  # fmt: skip
            return f"{name} is {ours[name]}, wanted {wanted[name]}"
    return "something differs"


def _free_refusal(t: float, asked: Asking, costs: Sequence[int]) -> int:
    """A mistake: refusing costs nothing."""
    return _total(t, asked, (costs[0], 0))


def _free_answer(t: float, asked: Asking, costs: Sequence[int]) -> int:
    """A mistake: to answer what cannot be answered costs nothing."""
    return _total(t, [one for one in asked if one[1]], costs)


def _honest_costs(t: float, asked: Asking, costs: Sequence[int]) -> int:
    """A mistake: every refusal costs, the honest one too."""
    return sum(costs[1] if p > t else 0 if right else costs[0] for p, _, right in asked)


def _either_cost(*given: Any) -> dict[str, float | None] | None:
    """What both of the last two give, where they cannot be told apart."""
    found = [_refusing(*given, cost=cost) for cost in (_free_answer, _honest_costs)]
    return found[0] if found[0] == found[1] else None


UNANSWERABLE = (
    "a question that cannot be answered costs as a wrong answer where it is answered, and nothing "
    "where it is refused"
)
REFUSAL = Comparison(
    function="refusal_threshold",
    what="the report",
    right=_refusing,
    read=_read_report,
    alike=_alike_report,
    tells=_tell_report,
    mistakes={
        "the threshold was chosen on test: a cost reported there is then the least of many": {
            "on": "test"
        },
        "the threshold was chosen on validation and test together": {"on": "both"},
        "of several thresholds with the least cost the largest is wanted": {"choose": min},
        "−1.0, which refuses everything, is among the choices": {"everything": False},
        "a question with p equal to t is answered: only p > t is refused": {
            "cost": lambda *c: _total(*c, below=True),
            "below": True,
        },
    },
    slips=(
        Slip(_either_cost, UNANSWERABLE),
        Slip(
            functools.partial(_refusing, cost=_free_answer),
            "an answer to what cannot be answered is a wrong answer, and costs as one",
        ),
        Slip(
            functools.partial(_refusing, candidate=lambda can, right: can),
            "every p of validation is among the choices, also of what cannot be answered",
        ),
        Slip(
            functools.partial(_refusing, candidate=lambda can, right: can and right),
            "every p of validation is among the choices, also where the answer is wrong",
        ),
        Slip(functools.partial(_refusing, cost=_honest_costs), UNANSWERABLE),
        Slip(
            functools.partial(_refusing, cost=_free_refusal),
            "to refuse what can be answered has a cost of its own",
        ),
        Slip(
            functools.partial(_refusing, cost=lambda t, a, c: _total(t, a, c[::-1])),
            "the two costs are swapped: first a wrong answer, then a refusal",
        ),
        Slip(
            functools.partial(_refusing, of_all=True),
            "'right' is a share of the answered, not of all that can be answered",
        ),
    ),
)


def _tell_threshold(ours: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    return f"threshold is {ours['threshold']}, wanted {wanted['threshold']}"


THRESHOLD = replace(
    REFUSAL,
    alike=lambda ours, wanted: (
        ours["threshold"] is not None and near(ours["threshold"], wanted["threshold"])
    ),
    tells=_tell_threshold,
    slips=REFUSAL.slips[:-1],
)


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
    for costs in ((3, 1), (1, 1), (1, 2), (5, 2)):

        def draw(costs: tuple[int, int] = costs) -> tuple[Any, ...]:
            validation = _clear(student, costs)
            above = [(round(p + 5e-5, 6), True, True) for p, _, _ in validation]
            return validation, student.shuffled(above + EVERY_SORT), costs

        THRESHOLD.run(student, draw)
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
    with student.on("several thresholds cost the same"):
        free = [(0.1, True, True), (0.4, False, False), (0.8, True, True)]
        THRESHOLD.run(student, lambda: (student.shuffled(free), EVERY_SORT, (1, 1)))
        THRESHOLD.run(student, lambda: (student.shuffled(free), EVERY_SORT, (0, 0)))
        some = [(0.3, False, False), (0.6, True, True), (0.9, False, False), (0.1, True, True)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (1, 1)))
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (0, 0)))


@check(
    "p equal to t is answered",
    "Refused is p > t, strictly. Several questions may have the same p.",
    after=[refuse_choice],
)
def refuse_equal(student: Student) -> None:
    for costs in ((1, 1), (2, 1), (1, 3)):
        THRESHOLD.run(student, lambda c=costs: (_clear(student, c, levels=4), list(EVERY_SORT), c))
    with student.on("several questions with one p"):
        some = [(0.25, True, True), (0.25, True, True), (0.5, False, False), (0.25, True, False)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), list(EVERY_SORT), (2, 1)))
    with student.on("p of test that are equal to t"):
        validation = [(0.25, True, True), (0.5, True, True), (0.75, False, False)]
        equal = replace(REFUSAL, alike=agree_on(["answered", "honest"]))
        test = [(0.5, True, True), (0.5, False, False), (0.25, True, True), (0.75, False, False)]
        equal.run(student, lambda: (student.shuffled(validation), student.shuffled(test), (2, 1)))


@check(
    "the report is about test, with the shares of the right questions",
    "For each share: which questions are below the line, and which of these above it?",
    after=[refuse_choice],
    keeps_arguments=True,
)
def refuse_report(student: Student) -> None:
    for number in (2, 9, 40):
        REFUSAL.run(
            student,
            lambda n=number: (
                _split(student),
                student.shuffled(_asking(student, n) + EVERY_SORT),
                (2, 1),
            ),
        )


@check(
    "a share of nothing is None",
    "Ask whether a list is empty before you divide by its length.",
    after=[refuse_choice],
)
def refuse_nothing(student: Student) -> None:
    validation = [(0.3, True, True), (0.7, False, False)]
    for what, test in (
        ("no test question", []),
        ("all can be answered", [(0.1, True, True), (0.2, True, False)]),
        ("none can be answered", [(0.1, False, False), (0.9, False, False)]),
        ("none is answered", [(0.8, True, True), (0.9, False, False)]),
    ):
        with student.on(what):
            REFUSAL.run(student, lambda t=test: (student.shuffled(validation), t, (2, 1)))


QUESTION = Question(
    function="refusal_threshold",
    title="Where to refuse",
    minutes=25,
    teaches="to choose a threshold on one set by what mistakes cost, and to report it on another",
    checks=(refuse_choice, refuse_ties, refuse_equal, refuse_report, refuse_nothing),
)
