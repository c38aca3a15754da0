"""Exercise 12, `contaminated`: was the test in the training?"""

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from statistics import fmean, mean, pvariance, variance
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_number, expect_parts, near

Item = tuple[str, str]  # (picture, question)
Items = list[Item]
Group = list[tuple[bool, list[bool]]]  # of each item: right at first, and when redrawn


def _key(item: Item) -> tuple[str, str]:
    """Picture and question, as they are compared."""
    return item[0], " ".join(item[1].lower().split()).rstrip("?.! ")


def _leaked(train: Items, test: Items, *_: Any, key: Callable[[Item], Any] = _key) -> list[int]:
    seen = {key(item) for item in train}
    return [place for place, item in enumerate(test) if key(item) in seen]


def _measured(train: Items, test: Items, *results: list[Any], of: Callable[..., Any]) -> float:
    """What `of` makes of the leaked items' results and of the others'."""
    leaked, went = _leaked(train, test), list(enumerate(zip(*results, strict=True)))
    inside = [one for place, one in went if place in leaked]
    return float(of(inside, [one for place, one in went if place not in leaked]))


def _losses(group: Group) -> list[Fraction]:
    return [before - Fraction(sum(after), len(after)) for before, after in group]


def _drop(inside: Group, outside: Group, *, losses: Callable[[Group], Any] = _losses) -> Any:
    return mean(losses(inside)) - mean(losses(outside))


def _pooled(group: Group) -> list[float]:
    """A mistake: all redrawn versions of a group in one pot, so that it has one loss."""
    pot = [one for _, after in group for one in after]
    return [fmean(before for before, _ in group) - fmean(pot)]


def _error(*groups: Group, spread: Callable[[Any], Fraction] = variance) -> float:
    return math.sqrt(sum(spread(_losses(group)) / len(group) for group in groups))


def _unpaired(*groups: Group) -> float:
    """A mistake: before and after as if they were different items."""
    before = [[(first, [False]) for first, _ in group] for group in groups]
    after = [[(False, again) for _, again in group] for group in groups]
    return _error(*before, *after)


def _part(place: int) -> Callable[..., Any]:
    """Reads one of the three values that come back."""

    def read(value: Any, *_: Any) -> Any:
        names = ("leaked", "drop", "error")
        part = expect_parts(value, names, "contaminated")[place]
        if place > 0:
            return expect_number(part, f"contaminated's {names[place]}")
        if type(part) not in (list, tuple) or not all(type(one) is int for one in part):
            fail(f"leaked is {part!r:.60}, wanted a list of whole numbers: places in the test")
        return list(part)

    return read


LEAKED = Comparison(
    function="contaminated",
    what="leaked",
    right=_leaked,
    read=_part(0),
    alike=operator.eq,
    tells=lambda ours, wanted: f"leaked is {ours}, wanted {wanted}",
    mistakes={
        "an item counts as leaked whose question alone was in training: with another picture "
        "it is another item": {"key": lambda item: _key(item)[1]},
        "an item counts as leaked whose picture alone was in training, with another question": {
            "key": lambda item: item[0]
        },
        "picture and question must stand in ONE training item, not in one each": (
            lambda train, test, *_: _leaked([*product(*zip(*train, strict=True))], test)
        ),
        "a question in capitals, with other spaces or without its question mark is the same": {
            "key": lambda item: item
        },
    },
)

DROP = Comparison(
    function="contaminated",
    what="the drop",
    right=partial(_measured, of=_drop),
    read=_part(1),
    alike=near,
    mistakes={
        "the sign: a drop is positive where redrawn items are answered worse": {
            "of": lambda inside, outside: _drop(outside, inside)
        },
        "that is the drop of the leaked items alone: redrawn items may be harder for everyone, "
        "so that of the others is taken off": {"of": lambda inside, outside: mean(_losses(inside))},
        "that is the drop of all items together": {
            "of": lambda inside, outside: mean(_losses(inside + outside))
        },
        "items with more redrawn versions weigh more in yours: take each item's own mean first": {
            "of": partial(_drop, losses=_pooled)
        },
        "only the first redrawn version of each item was looked at": {
            "of": partial(_drop, losses=lambda group: [one - some[0] for one, some in group])
        },
    },
)

ERROR = Comparison(
    function="contaminated",
    what="the error",
    right=partial(_measured, of=_error),
    read=_part(2),
    alike=near,
    mistakes={
        "before and after belong to the same items: take each item's own difference first, "
        "then the spread of these": {"of": _unpaired},
        "the variance was divided by n: with the mean taken from the same items it is n - 1": {
            "of": partial(_error, spread=pvariance)
        },
        "that is the error of the leaked items alone: the others' mean has one too": {
            "of": lambda inside, outside: _error(inside)
        },
        "that is the variance: the error is its root": {"of": lambda *groups: _error(*groups) ** 2},
        "errors of two independent means add as squares": {
            "of": lambda *groups: sum(map(_error, groups))
        },
    },
)

QUESTIONS = (
    "what is the value of mon?",
    "how many zeros does this function have?",
    "which day has the most cars?",
    "what is the sum of mon and tue?",
)


def _written(question: str) -> tuple[str, ...]:
    """The same question, typed otherwise."""
    bare = question.rstrip("?")
    return question.upper(), bare, "  " + question.replace(" ", "  ", 1), bare + " ?!"


def _went(train: Items, test: Sequence[Item], results: Sequence[str]) -> tuple[Any, ...]:
    """The arguments. An item that went "1:001" was right at first, and redrawn once in three."""
    right = [one[0] == "1" for one in results]
    return train, list(test), right, [[sign == "1" for sign in one[2:]] for one in results]


# A leaked item and another one stand in the test twice, each with its own results.
ITEMS = [(picture, "how many?") for picture in "rpqrps"]
TWICE = _went(ITEMS[1:3], ITEMS, ["1:1", "1:0", "0:0", "0:10", "1:110", "1:0"])
RESULTS = "1:0001 1:1 1:00 1:0 0:100 1:11 1:1011 0:0 1:1 0:01 1:011 1:1"  # five leaked ones first


def _leak(student: Student, *, otherwise: bool = False) -> tuple[Any, ...]:
    """Five leaked items, and seven that look like it; `otherwise`: typed otherwise in training."""
    pictures = [f"{student.integer(10**6, 10**7 - 1)}-{n}" for n in range(14)]
    leaked = [(picture, student.pick(QUESTIONS[:3])) for picture in pictures[:5]]
    other = [(picture, student.pick(QUESTIONS[:2])) for picture in pictures[6:12]]
    other.insert(0, (pictures[5], QUESTIONS[3]))  # in training is its picture, not its question
    train = [(p, _written(q)[n % 4] if otherwise else q) for n, (p, q) in enumerate(leaked)]
    train += [(picture, QUESTIONS[2]) for picture, _ in other[:4]]  # another question
    train += [(pictures[12], q) for q in QUESTIONS[:3]]  # another picture
    went = student.shuffled([*zip([*leaked, *other], RESULTS.split(), strict=True)])
    return _went(student.shuffled(train), *zip(*went, strict=True))


@check(
    "leaked: picture and question of one and the same training item",
    "Make one key of both, and look it up among the keys of training.",
)
def leak_pairs(student: Student) -> None:
    LEAKED.run(student, lambda: _leak(student))
    with student.on("picture and question that make the same text only when glued"):
        train = [("ab", "c of it"), ("d e", "f of it"), ("x", "how many"), ("y", "how many")]
        test = [("a", "bc of it"), ("y", "how many"), ("d", "e f of it"), ("x", "how many")]
        LEAKED.run(student, lambda: _went(train, test, ["1:0"] * 4))
    LEAKED.each(student, {"an item that stands twice in the test": TWICE})


@check(
    "a question typed otherwise is the same question",
    "Of a question, on both sides: small letters, single spaces, nothing of ? . ! at the end.",
    after=[leak_pairs],
)
def leak_typed(student: Student) -> None:
    for _ in range(3):
        LEAKED.run(student, lambda: _leak(student, otherwise=True))
    with student.on("pictures that differ in capitals are different pictures"):
        train = [("aB", "how many?"), ("ab", "what is it?"), ("c", "how many?")]
        test = [("ab", "how many?"), ("aB", "How  many"), ("c", "how many!"), ("AB", "how many?")]
        test += [("d", "how many?")] * 2  # never leaked: two others are there whatever the key
        LEAKED.run(student, lambda: _went(train, test, ["1:1", "1:0", "0:1", "1:0", "1:1", "1:0"]))
    with student.on("digits, signs inside and the order of words, which make another question"):
        ones = ("is f(2) 1?", "is it 3.5?", "is mon more than tue?", "is it a b?", "is it a?b?")
        others = ("is f(3) 1?", "is it 35?", "is tue more than mon?", "is it ab?", "is it ab?")
        known = [("p", one) for one in ones]
        asked = [("p", one) for one in (*others, ones[1], ones[0])]
        LEAKED.run(student, lambda: _went(known, asked, ["1:0"] * 7))


@check(
    "the drop of the leaked items, minus that of the others",
    "For each item: right at first, minus the share right when redrawn. Then two means.",
    after=[leak_pairs],
)
def leak_drop(student: Student) -> None:
    DROP.run(student, lambda: _leak(student))
    DROP.each(student, {"items that stand twice in the test": TWICE})


@check(
    "each item counts once, however often it was redrawn",
    "First the mean of an item's own versions, then the mean over items.",
    after=[leak_pairs, leak_drop],
    keeps_arguments=True,
)
def leak_versions(student: Student) -> None:
    def draw() -> tuple[Any, ...]:
        *rest, again = _leak(student)
        return *rest, [[n % 3 == 0] * (1 + n % 4) + [n % 2 == 0] for n in range(len(again))]

    DROP.run(student, draw)
    *rest, again = _leak(student)
    DROP.each(student, {"all redrawn once": (*rest, [some[-1:] for some in again])})


@check(
    "the standard error, from each item's own difference",
    "Variance of the differences, with n - 1, divided by n; for both groups; added; the root.",
    after=[leak_pairs, leak_drop],
)
def leak_error(student: Student) -> None:
    ERROR.run(student, lambda: _leak(student))
    with student.on("items that all drop alike: the error is 0"):
        train, test, *_ = _leak(student)
        ERROR.run(student, lambda: _went(train, test, ["1:0"] * len(test)))


QUESTION = Question(
    function="contaminated",
    title="Was the test in the training?",
    minutes=25,
    teaches="to find leaked items, and to measure how much more they lose than others",
    checks=(leak_pairs, leak_typed, leak_drop, leak_versions, leak_error),
)
