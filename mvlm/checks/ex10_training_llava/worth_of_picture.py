"""Exercise 10, `worth_of_picture`: what is the picture worth?"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from statistics import fmean, pstdev, stdev
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, a_kind_of, expect_keys, expect_number, expect_parts

Worth = dict[str, tuple[float, float]]
Pairs = list[tuple[int, Fraction]]  # a question: right with its own picture, and a share of others


def _paired(pairs: Pairs, deviation: Callable[[Sequence[float]], float] = stdev) -> float:
    """The error of the mean difference."""
    return deviation([own - rest for own, rest in pairs]) / math.sqrt(len(pairs))


def _unpaired(pairs: Pairs) -> float:
    """A mistake: the errors of two shares, as if they were of different questions."""
    return math.hypot(*map(stdev, zip(*pairs, strict=True))) / math.sqrt(len(pairs))


def _worth(
    right: Tensor,
    own: Tensor,
    kinds: Sequence[str],
    *,
    other: Callable[[int, int, int], bool] = lambda picture, own, pictures: picture != own,
    sign: int = 1,
    clipped: bool = False,
    error: Callable[[Pairs], float] = _paired,
    errors: Callable[[list[float]], float] = lambda e: math.hypot(*e) / len(e),
    pooled: bool = False,
) -> Worth:
    """A kind → its mean worth and the error of that; `other` says which pictures are compared."""
    pairs = []
    for row, place in zip(right.int().tolist(), own.tolist(), strict=True):
        rest = [one for n, one in enumerate(row) if other(n, place, len(row))]
        pairs.append((row[place], Fraction(sum(rest), len(rest))))
    found: Worth = {}
    for kind in dict.fromkeys(kinds):
        some = [pair for pair, k in zip(pairs, kinds, strict=True) if k == kind]
        mean = sign * fmean(a - b for a, b in some)
        found[kind] = max(0.0, mean) if clipped else mean, error(some)
    if pooled:
        return found | {"all": (fmean(a - b for a, b in pairs), error(pairs))}
    means = [mean for mean, _ in found.values()]
    return found | {"all": (fmean(means), errors([e for _, e in found.values()]))}


def _read_worth(value: Any, right: Tensor, own: Tensor, kinds: Sequence[str]) -> Worth:
    wanted = sorted({*kinds, "all"})
    expect_keys(value, wanted, "worth_of_picture", str(wanted))
    made: Worth = {}
    for kind, pair in value.items():
        parts = expect_parts(pair, ("a worth", "its error"), f"worth_of_picture for {kind!r}")
        for one in parts:
            if not isinstance(one, float | int) or isinstance(one, bool):
                fail(f"{kind!r} has {a_kind_of(one)}, wanted a pair of floats", "x.item()")
        made[kind] = tuple(expect_number(one, "worth_of_picture") for one in parts)
    return made


def _differing(ours: Worth, wanted: Worth) -> list[str]:
    """What does not agree, a sentence each."""
    return [
        f"the {name} of {kind!r} is {a:.6g}, wanted {b:.6g}"
        for kind, pair in wanted.items()
        for name, a, b in zip(("worth", "error"), ours[kind], pair, strict=True)
        if not math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
    ]


OTHER_WORTHS = {
    "the own picture is among the others: it is to be left out": {"other": lambda *_: True},
    "one other picture is compared: all others are wanted": {
        "other": lambda picture, own, pictures: picture == (own + 1) % pictures
    },
    "the sign: own minus others": {"sign": -1},
    "a worth may be below 0": {"clipped": True},
    "'all' counts every question once: each kind shall count the same": {"pooled": True},
}
WORTH = Comparison(
    function="worth_of_picture",
    what="the worth",
    right=_worth,
    read=_read_worth,
    alike=lambda ours, wanted: not _differing(ours, wanted),
    tells=lambda ours, wanted: _differing(ours, wanted)[0],
    mistakes=OTHER_WORTHS
    | {
        "the error is that of two separate shares: take the differences first": {
            "error": _unpaired
        },
        "the deviation has n where n − 1 is wanted": {"error": partial(_paired, deviation=pstdev)},
        "that is the deviation of one question: the error of a mean is smaller by √n": {
            "error": lambda pairs: stdev(own - rest for own, rest in pairs)
        },
        "the error of 'all' is the mean of the errors: add their squares": {"errors": fmean},
        "the error of 'all': the root of the sum of squares is divided by the number of kinds": {
            "errors": lambda e: math.hypot(*e) / len(e) ** 0.5
        },
    },
)
# The worths alone, whatever the errors.
MEANS = replace(WORTH, mistakes=OTHER_WORTHS).part(
    lambda found: {kind: (worth, 0.0) for kind, (worth, _) in found.items()}
)


def _answers(student: Student, kinds: Mapping[str, int], pictures: int) -> tuple[Any, ...]:
    """Questions of several kinds, more of them right with their own picture, in any order."""
    names = student.shuffled([kind for kind, many in kinds.items() for _ in range(many)])
    own = torch.tensor([student.integer(0, pictures - 1) for _ in names])
    right = student.normal(len(names), pictures) > 0.4
    for row, name in enumerate(names):
        before = names[:row].count(name)
        right[row, own[row]] = before % 4 < 3  # a kind's fourth question is wrong, and so on
    return right, own, names


@check(
    "one kind: own picture minus all the others",
    "Each question by itself first: 1 or 0, minus a share of S − 1 pictures.",
)
def worth_mean(student: Student) -> None:
    for number, pictures in ((7, 4), (12, 9), (5, 2)):
        MEANS.run(student, partial(_answers, student, {"what": number}, pictures))
    with student.on("a model that is better with other pictures"):
        MEANS.run(student, lambda: (torch.eye(5) == 0, torch.arange(5), ["what"] * 5))


@check(
    "the error is that of the mean of paired differences, with n − 1",
    "s/√n, where s is the deviation of the questions' worths.",
    after=[worth_mean],
)
def worth_error(student: Student) -> None:
    for number, pictures in ((2, 3), (3, 6), (20, 5)):
        WORTH.run(student, partial(_answers, student, {"where": number}, pictures))
    with student.on("all questions alike: no spread"):
        WORTH.run(student, lambda: (torch.eye(4) == 1, torch.arange(4), ["what"] * 4))


@check(
    "each kind by itself, and 'all' as the mean of kinds",
    "Three of one kind count as much as thirty of another.",
    after=[worth_mean, worth_error],
    keeps_arguments=True,
)
def worth_kinds(student: Student) -> None:
    for kinds, pictures in (({"what": 3, "where": 20}, 7), ({"a": 2, "b": 5, "c": 11}, 4)):
        WORTH.run(student, partial(_answers, student, kinds, pictures))


@check(
    "more pictures than questions, and pictures of many questions",
    "Which axis holds questions, and which pictures? Try unequal numbers.",
    after=[worth_mean],
)
def worth_shapes(student: Student) -> None:
    def one_picture() -> tuple[Any, ...]:
        right, own, kinds = _answers(student, {"what": 6, "where": 4}, 3)
        return right, torch.full_like(own, 2), kinds

    def narrow() -> tuple[Any, ...]:
        own = torch.tensor(student.shuffled(range(5)), dtype=torch.int32)
        return torch.arange(5) != own[:, None], own, ["what"] * 5

    inputs = {
        "more pictures than questions": partial(_answers, student, {"what": 3, "where": 2}, 13),
        "all questions of one picture": one_picture,
        "own of int32": narrow,
    }
    MEANS.each(student, inputs)


QUESTION = Question(
    function="worth_of_picture",
    title="What is the picture worth?",
    minutes=20,
    teaches="a paired difference with its error, and a mean in which each kind counts alike",
    checks=(worth_mean, worth_error, worth_kinds, worth_shapes),
)
