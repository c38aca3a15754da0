"""Exercise 01, `above_chance`: could it have been luck?"""

import math
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex01_multimodal.common import rounded_off, to_six_digits
from mvlm.checks.expect import Comparison, expect_number


def _tail(right: int, n: int, p: float) -> Fraction:
    """The probability of at least `right` of `n`, exactly, p being the float that it is."""
    hit, whole = Fraction(p).as_integer_ratio()
    if not hit:
        return Fraction(right <= 0)
    term = total = hit**n  # all right; each term follows from the one before
    for k in range(n, right, -1):
        term = term * k * (whole - hit) // ((n - k + 1) * hit)  # leaves no rest
        total += term
    return Fraction(total if right <= n else 0, whole**n)


def _normal(right: int, n: int, p: float, continuity: float) -> float | None:
    spread = math.sqrt(n * p * (1 - p))
    return math.erfc((right - continuity - n * p) / spread / math.sqrt(2)) / 2 if spread else None


def _luck(value: Any, *_: Any) -> float:
    number = expect_number(value, "above_chance")
    if not -1e-9 <= number <= 1 + 1e-6:
        fail(f"above_chance returned {number:.6g}, and a probability is between 0 and 1")
    return number


ROUNDED_LUCK = rounded_off(_tail, 12)
LUCK = Comparison(
    function="above_chance",
    what="the probability",
    right=lambda right, n, p: float(_tail(right, n, p)),
    read=_luck,
    alike=to_six_digits,
    tells=lambda ours, wanted: f"the probability is {ours:.8g}, wanted {wanted:.8g}",
    mistakes={
        "that is the probability of MORE than so many right, not of at least so many": (
            lambda right, n, p: _tail(right + 1, n, p)
        ),
        "that is the probability of fewer right": lambda right, n, p: 1 - _tail(right, n, p),
        "that is the probability of at most so many right": lambda right, n, p: (
            1 - _tail(right + 1, n, p)
        ),
        "that is the probability of exactly so many right": lambda right, n, p: (
            _tail(right, n, p) - _tail(right + 1, n, p)
        ),
        "the last term, all n right, is missing: range(right, n) ends before n": (
            lambda right, n, p: _tail(right, n, p) - Fraction(p) ** n
        ),
        "that is twice the probability: only being too GOOD counts, so only one side": (
            lambda right, n, p: min(1.0, 2 * float(_tail(right, n, p)))
        ),
        "that is the normal curve's answer: with few questions it is off; sum the ways": (
            lambda right, n, p: _normal(right, n, p, 0.0)
        ),
        "that is the normal curve's answer, with continuity correction: sum the ways": (
            lambda right, n, p: _normal(right, n, p, 0.5)
        ),
        "that is the answer for p = ½: with four choices a guesser has less": lambda right, n, p: (
            _tail(right, n, 0.5)
        ),
        "that is the answer for 1 - p in place of p": lambda right, n, p: _tail(right, n, 1 - p),
        "that is the probability that the first so many are right: which ones is not said": (
            lambda right, n, p: p**right
        ),
        **ROUNDED_LUCK,
    },
)
OTHER_LUCK = replace(LUCK, mistakes=ROUNDED_LUCK)  # where the mistakes above may give the same


def _few(student: Student, p: float) -> tuple[int, int, float]:
    n = student.integer(6, 12)
    return student.integer(n // 2 + 1, n - 1), n, p


SUM = "For each k from right to n: the number of ways, times p to the k, times 1 - p for the rest."


@check("at least so many of a few, yes or no", SUM)
def luck_of_few(student: Student) -> None:
    LUCK.each(student, {"p = 0.5": partial(_few, student, 0.5)})


@check(
    "any chance of being right by luck",
    "How likely is it to be right once? And to be wrong?",
    after=[luck_of_few],
)
def luck_of_any_chance(student: Student) -> None:
    LUCK.each(student, {f"p = {p}": p for p in (0.25, 0.2, 0.8)}, _few)


@check(
    "at both ends: none right, all right, p = 0 and p = 1",
    "Each of these you know without a sum, or by its last term alone.",
    after=[luck_of_few],
)
def luck_at_the_ends(student: Student) -> None:
    n = student.integer(5, 9)
    none = "Having at least 0 right is certain."
    last = "All right: that is the last k alone. Is it in the sum, and with all its digits?"
    never = "Who is never right has 0 right for sure, and never 2. 0 has no logarithm, and 0⁰ is 1."
    always = "Who is always right has all right. 1 - p is 0: that has no logarithm, and 0⁰ is 1."
    for right, p, hint in (
        *((0, 0.25, none), (n, 0.25, last)),
        *((0, 0.0, never), (2, 0.0, never), (n, 1.0, always), (2, 1.0, always)),
    ):
        with student.on(f"{right} of {n} right, p = {p}", hint):
            OTHER_LUCK.run(student, lambda right=right, p=p: (right, n, p))
    OTHER_LUCK.each(student, {"one question": (1, 1, 0.25)})


@check(
    "thousands of questions",
    "The number of ways is larger than any float, p to that power smaller. Their logarithms are "
    "not; whole numbers and fractions have no limit either.",
    after=[luck_of_few, luck_of_any_chance],
    seconds=10.0,
)
def luck_of_many(student: Student) -> None:
    for n, p in ((1500, 0.5), (3000, 0.25)):
        right = int(n * p) + student.integer(5, 40)
        OTHER_LUCK.each(student, {f"n = {n}, p = {p}": (right, n, p)})
    with student.on("few of 1500 right, p = 0.5: nearly every term counts"):
        OTHER_LUCK.run(student, lambda: (student.integer(100, 300), 1500, 0.5))


@check(
    "how small a small one is",
    "Is 1 minus something taken? 1 minus nearly 1 has no digits left: sum the tail itself. Does "
    "the sum stop early, is a number rounded, or float32?",
    after=[luck_of_few, luck_of_any_chance],
    seconds=10.0,
)
def luck_that_is_small(student: Student) -> None:
    for right, n, p in (
        (60 - student.integer(5, 15), 60, 0.1),
        (100 - student.integer(5, 15), 100, 0.25),
        (30 - student.integer(0, 3), 60, 0.1),  # where the other part has fewer terms
        (130 + student.integer(0, 30), 400, 1 / 16),  # less than float32 can hold
    ):
        OTHER_LUCK.each(student, {f"{right} of {n} right, p = {p}": (right, n, p)})


QUESTION = Question(
    function="above_chance",
    title="Could it have been luck?",
    minutes=20,
    teaches="what a few right answers prove",
    checks=(luck_of_few, luck_of_any_chance, luck_at_the_ends, luck_of_many, luck_that_is_small),
)
