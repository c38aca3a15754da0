"""Exercise 10, `worth_of_picture`: what is the picture worth?"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_keys, expect_number, expect_parts, kind_of

Worth = dict[str, tuple[float, float]]


def _worths(right: Tensor, own: Tensor, *, others: str = "without own") -> list[Fraction]:
    found = []
    for row, place in zip(right.tolist(), own.tolist(), strict=True):
        rest = {
            "without own": [int(r) for s, r in enumerate(row) if s != place],
            "all": [int(r) for r in row],
            "next": [int(row[(place + 1) % len(row)])],
        }[others]
        found.append(int(row[place]) - Fraction(sum(rest), len(rest)))
    return found


def _error(values: Sequence[float], *, less: int = 1) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - less) / len(values))


def _worth(
    right: Tensor,
    own: Tensor,
    kinds: Sequence[str],
    *,
    others: str = "without own",
    sign: int = 1,
    error: Callable[[list[float]], float] = _error,
    pooled: bool = False,
    clipped: bool = False,
    errors: Callable[[list[float]], float] = lambda e: math.hypot(*e) / len(e),
) -> Worth:
    worths = [float(sign * one) for one in _worths(right, own, others=others)]
    found: Worth = {}
    for kind in dict.fromkeys(kinds):
        some = [w for w, k in zip(worths, kinds, strict=True) if k == kind]
        mean = sum(some) / len(some)
        found[kind] = max(0.0, mean) if clipped else mean, error(some)
    if pooled:
        return found | {"all": (sum(worths) / len(worths), error(worths))}
    means = [mean for mean, _ in found.values()]
    return found | {"all": (sum(means) / len(means), errors([e for _, e in found.values()]))}


def _unpaired(right: Tensor, own: Tensor, kinds: Sequence[str]) -> Worth:
    """A mistake: the errors of two shares, as if they were of different questions."""
    found = _worth(right, own, kinds)
    made: Worth = {}
    for kind in dict.fromkeys(kinds):
        rows = [n for n, one in enumerate(kinds) if one == kind]
        with_own = [float(right[n, own[n]]) for n in rows]
        rest = [
            a - float(w) for a, w in zip(with_own, _worths(right[rows], own[rows]), strict=True)
        ]
        made[kind] = found[kind][0], math.hypot(_error(with_own), _error(rest))
    errors = [error for _, error in made.values()]
    return made | {"all": (found["all"][0], math.hypot(*errors) / len(errors))}


def _read_worth(value: Any, right: Tensor, own: Tensor, kinds: Sequence[str]) -> Worth:
    wanted = sorted({*kinds, "all"})
    expect_keys(value, wanted, "worth_of_picture", str(wanted))
    made: Worth = {}
    for kind, pair in value.items():
        parts = expect_parts(pair, ("a worth", "its error"), f"worth_of_picture for {kind!r}")
        for one in parts:
            if not isinstance(one, float | int) or isinstance(one, bool):
                fail(f"{kind!r} has a {kind_of(one)}, wanted a pair of floats", "x.item()")
        made[kind] = tuple(expect_number(one, "worth_of_picture") for one in parts)
    return made


def _alike_worth(ours: Worth, wanted: Worth) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
        for kind in wanted
        for a, b in zip(ours[kind], wanted[kind], strict=True)
    )


def _tell_worth(ours: Worth, wanted: Worth) -> str:
    for kind, pair in wanted.items():
        for name, a, b in zip(("worth", "error"), ours[kind], pair, strict=True):
            if not math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6):
                return f"the {name} of {kind!r} is {a:.6g}, wanted {b:.6g}"
    return "something differs"


WORTH = Comparison(
    function="worth_of_picture",
    what="the worth",
    right=_worth,
    read=_read_worth,
    alike=_alike_worth,
    tells=_tell_worth,
    mistakes={
        "the own picture is among the others: it is to be left out": {"others": "all"},
        "one other picture is compared: all others are wanted": {"others": "next"},
        "the sign: own minus others": {"sign": -1},
        "a worth may be below 0": {"clipped": True},
        "the error is that of two separate shares: take the differences first": _unpaired,
        "the deviation has n where n − 1 is wanted": {"error": lambda some: _error(some, less=0)},
        "that is the deviation of one question: the error of a mean is smaller by √n": {
            "error": lambda some: _error(some) * len(some) ** 0.5
        },
        "'all' counts every question once: each kind shall count the same": {"pooled": True},
        "the error of 'all' is the mean of the errors: add their squares": {
            "errors": lambda e: sum(e) / len(e)
        },
        "the error of 'all': the root of the sum of squares is divided by the number of kinds": {
            "errors": lambda e: math.hypot(*e) / len(e) ** 0.5
        },
    },
)


def _alike_means(ours: Worth, wanted: Worth) -> bool:
    return all(
        math.isclose(ours[kind][0], wanted[kind][0], rel_tol=1e-4, abs_tol=1e-6) for kind in wanted
    )


def _tell_means(ours: Worth, wanted: Worth) -> str:
    return _tell_worth({kind: (pair[0], wanted[kind][1]) for kind, pair in ours.items()}, wanted)


# The worths alone: the first four mistakes have other worths, the later ones other errors.
MEANS = replace(
    WORTH, alike=_alike_means, tells=_tell_means, mistakes=dict([*WORTH.mistakes.items()][:4])
)


def _answers(student: Student, kinds: Mapping[str, int], pictures: int) -> tuple[Any, ...]:
    """Questions of several kinds, more of them right with their own picture, in any order."""
    names = student.shuffled([kind for kind, many in kinds.items() for _ in range(many)])
    own = torch.tensor([student.integer(0, pictures - 1) for _ in names])
    right = student.normal(len(names), pictures) > 0.4
    for row, (place, name) in enumerate(zip(own.tolist(), names, strict=True)):
        before = names[:row].count(name)
        right[row, place] = before % 4 < 3  # of a kind's questions the fourth is wrong, and so on
    return right, own, names


@check(
    "one kind: own picture minus all the others",
    "Each question by itself first: 1 or 0, minus a share of S − 1 pictures.",
)
def worth_mean(student: Student) -> None:
    for number, pictures in ((7, 4), (12, 9), (5, 2)):
        MEANS.run(student, lambda n=number, p=pictures: _answers(student, {"what": n}, p))
    with student.on("a model that is better with other pictures"):
        MEANS.run(
            student,
            lambda: (~torch.eye(5, dtype=torch.bool), torch.arange(5), ["what"] * 5),
        )


@check(
    "the error is that of the mean of paired differences, with n − 1",
    "s/√n, where s is the deviation of the questions' worths.",
    after=[worth_mean],
)
def worth_error(student: Student) -> None:
    for number, pictures in ((2, 3), (3, 6), (20, 5)):
        WORTH.run(student, lambda n=number, p=pictures: _answers(student, {"where": n}, p))
    with student.on("all questions alike: no spread"):
        WORTH.run(student, lambda: (torch.eye(4, dtype=torch.bool), torch.arange(4), ["what"] * 4))


@check(
    "each kind by itself, and 'all' as the mean of kinds",
    "Three of one kind count as much as thirty of another.",
    after=[worth_mean, worth_error],
    keeps_arguments=True,
)
def worth_kinds(student: Student) -> None:
    for kinds, pictures in (({"what": 3, "where": 20}, 7), ({"a": 2, "b": 5, "c": 11}, 4)):
        WORTH.run(student, lambda k=kinds, p=pictures: _answers(student, k, p))


@check(
    "more pictures than questions, and pictures of many questions",
    "Which axis holds questions, and which pictures? Try unequal numbers.",
    after=[worth_mean],
)
def worth_shapes(student: Student) -> None:
    with student.on("more pictures than questions"):
        MEANS.run(student, lambda: _answers(student, {"what": 3, "where": 2}, 13))
    with student.on("all questions of one picture"):

        def draw() -> tuple[Any, ...]:
            right, own, kinds = _answers(student, {"what": 6, "where": 4}, 3)
            return right, torch.full_like(own, 2), kinds

        MEANS.run(student, draw)
    with student.on("own of int32"):

        def narrow() -> tuple[Any, ...]:
            own = torch.tensor(student.shuffled(range(5)))
            right = torch.ones(5, 5, dtype=torch.bool)
            right[range(5), own] = False
            return right, own.to(torch.int32), ["what"] * 5

        MEANS.run(student, narrow)


QUESTION = Question(
    function="worth_of_picture",
    title="What is the picture worth?",
    minutes=20,
    teaches="a paired difference with its error, and a mean in which each kind counts alike",
    checks=(worth_mean, worth_error, worth_kinds, worth_shapes),
)
