"""Exercise 12, `contaminated`: was the test in the training?"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_number, expect_parts, near

Items = list[tuple[str, str]]  # (picture, question)


def _plain(question: str) -> str:
    return " ".join(question.lower().split()).rstrip("?.! ")


def _leaked(
    train: Items, test: Items, *, same: Callable[[tuple[str, str]], Any] | None = None
) -> list[int]:
    key = same or (lambda item: (item[0], _plain(item[1])))
    seen = {key(item) for item in train}
    return [place for place, item in enumerate(test) if key(item) in seen]


def _drops(right: Sequence[bool], again: Sequence[Sequence[bool]]) -> list[Fraction]:
    """What each item loses, redrawn."""
    return [
        int(first) - Fraction(sum(others), len(others))
        for first, others in zip(right, again, strict=True)
    ]


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _spread(values: Sequence[Fraction], *, less: int = 1) -> Fraction:
    """The variance of the mean."""
    mean = _mean(values)
    return sum(((one - mean) ** 2 for one in values), Fraction(0)) / (
        (len(values) - less) * len(values)
    )


def _groups(
    train: Items, test: Items, right: Sequence[bool], again: Sequence[Sequence[bool]]
) -> tuple[list[Fraction], list[Fraction]]:
    """The drops of leaked items, and of the others."""
    leaked, drops = set(_leaked(train, test)), _drops(right, again)
    return (
        [one for place, one in enumerate(drops) if place in leaked],
        [one for place, one in enumerate(drops) if place not in leaked],
    )


def _drop(*given: Any) -> float:
    inside, outside = _groups(*given)
    return float(_mean(inside) - _mean(outside))


def _error(*given: Any, less: int = 1) -> float:
    inside, outside = _groups(*given)
    return math.sqrt(_spread(inside, less=less) + _spread(outside, less=less))


def _pooled_drop(train: Items, test: Items, right: list[bool], again: list[list[bool]]) -> float:
    """A mistake: all redrawn versions of a group in one pot."""
    leaked = set(_leaked(train, test))
    ends = []
    for inside in (True, False):
        places = [place for place in range(len(test)) if (place in leaked) is inside]
        before = [int(right[place]) for place in places]
        after = [int(one) for place in places for one in again[place]]
        ends.append(sum(before) / len(before) - sum(after) / len(after))
    return ends[0] - ends[1]


def _first_drop(train: Items, test: Items, right: list[bool], again: list[list[bool]]) -> float:
    return _drop(train, test, right, [some[:1] for some in again])


def _unpaired_error(train: Items, test: Items, right: list[bool], again: list[list[bool]]) -> float:
    """A mistake: before and after as if they were different items."""
    leaked = set(_leaked(train, test))
    total = Fraction(0)
    for inside in (True, False):
        places = [place for place in range(len(test)) if (place in leaked) is inside]
        total += _spread([Fraction(int(right[place])) for place in places])
        total += _spread([Fraction(sum(again[place]), len(again[place])) for place in places])
    return math.sqrt(total)


def _part(place: int) -> Callable[..., Any]:
    """Reads one of the three values that come back."""

    def read(value: Any, *_: Any) -> Any:
        leaked, drop, error = expect_parts(value, ("leaked", "drop", "error"), "contaminated")
        if place == 0:
            if type(leaked) not in (list, tuple) or not all(type(one) is int for one in leaked):
                fail("leaked is a list of whole numbers, the places of items in the test")
            return list(leaked)
        return expect_number((leaked, drop, error)[place], "contaminated")

    return read


LEAKED = Comparison(
    function="contaminated",
    what="leaked",
    right=lambda train, test, right, again: _leaked(train, test),
    read=_part(0),
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"leaked is {ours}, wanted {wanted}",
    mistakes={
        "an item counts as leaked whose question alone was in training: with another picture "
        "it is another item": lambda train, test, *_: _leaked(
            train, test, same=lambda item: _plain(item[1])
        ),
        "an item counts as leaked whose picture alone was in training, with another question": (
            lambda train, test, *_: _leaked(train, test, same=lambda item: item[0])
        ),
        "picture and question must stand in ONE training item, not in one each": (
            lambda train, test, *_: [
                place
                for place, (picture, question) in enumerate(test)
                if picture in {one for one, _ in train}
                and _plain(question) in {_plain(one) for _, one in train}
            ]
        ),
        "a question in capitals, with other spaces or without its question mark is the same": (
            lambda train, test, *_: _leaked(train, test, same=lambda item: item)
        ),
    },
)

DROP = Comparison(
    function="contaminated",
    what="the drop",
    right=_drop,
    read=_part(1),
    alike=near,
    mistakes={
        "the sign: a drop is positive where redrawn items are answered worse": lambda *given: (
            -_drop(*given)
        ),
        "that is the drop of the leaked items alone: redrawn items may be harder for everyone, "
        "so that of the others is taken off": lambda *given: float(_mean(_groups(*given)[0])),
        "that is the drop of all items together": lambda train, test, right, again: float(
            _mean(_drops(right, again))
        ),
        "items with more redrawn versions weigh more in yours: take each item's own mean first": (
            _pooled_drop
        ),
        "only the first redrawn version of each item was looked at": _first_drop,
    },
)

ERROR = Comparison(
    function="contaminated",
    what="the error",
    right=_error,
    read=_part(2),
    alike=near,
    mistakes={
        "before and after belong to the same items: take each item's own difference first, "
        "then the spread of these": _unpaired_error,
        "the variance was divided by n: with the mean taken from the same items it is n - 1": {
            "less": 0
        },
        "that is the error of the leaked items alone: the others' mean has one too": (
            lambda *given: math.sqrt(_spread(_groups(*given)[0]))
        ),
        "that is the variance: the error is its root": lambda *given: _error(*given) ** 2,
        "errors of two independent means add as squares": lambda *given: sum(
            math.sqrt(_spread(some)) for some in _groups(*given)
        ),
    },
)

QUESTIONS = (
    "what is the value of mon?",
    "how many zeros does this function have?",
    "which day has the most cars?",
    "what is the sum of mon and tue?",
)


def _written(student: Student, question: str) -> str:
    """The same question, typed otherwise."""
    way = student.integer(0, 2)
    if way == 0:
        return question.upper()
    return question.rstrip("?") if way == 1 else "  " + question.replace(" ", "  ", 1)


def _leak(student: Student, *, otherwise: bool = False) -> tuple[Any, ...]:
    """Five leaked items, and seven that only look like it; each with redrawn versions.

    Args:
        student: who draws.
        otherwise: whether questions are typed otherwise in training.
    """
    pictures = [f"{student.integer(10**6, 10**7 - 1)}-{n}" for n in range(14)]
    leaked = [(picture, student.pick(QUESTIONS[:3])) for picture in pictures[:5]]
    other = [(picture, student.pick(QUESTIONS[:2])) for picture in pictures[6:12]]
    other.insert(0, (pictures[5], QUESTIONS[3]))  # in training is its picture, not its question
    train = [(one, _written(student, q) if otherwise else q) for one, q in leaked]
    train += [(picture, QUESTIONS[2]) for picture, _ in other[:4]]  # another question
    train += [(pictures[12], q) for q in QUESTIONS[:3]]  # another picture
    order = student.shuffled(range(12))
    items = [*leaked, *other]
    # What each item was: right at first, and right when redrawn, some once and some four times.
    before = [True, True, True, True, False, True, True, False, True, False, True, True]
    after = [
        [False, False, False, True],
        [True],
        [False, False],
        [False],
        [True, False, False],
        [True, True],
        [True, False, True, True],
        [False],
        [True],
        [False, True],
        [False, True, True],
        [True],
    ]
    return (
        student.shuffled(train),
        [items[n] for n in order],
        [before[n] for n in order],
        [after[n] for n in order],
    )


@check(
    "leaked: picture and question of one and the same training item",
    "Make one key of both, and look it up among the keys of training.",
)
def leak_pairs(student: Student) -> None:
    LEAKED.run(student, lambda: _leak(student))
    with student.on("picture and question that make the same text only when glued"):
        train = [("ab", "c of it"), ("d e", "f of it"), ("x", "how many"), ("y", "how many")]
        test = [("a", "bc of it"), ("y", "how many"), ("d", "e f of it"), ("x", "how many")]
        LEAKED.run(student, lambda: (train, test, [True] * 4, [[False]] * 4))
    with student.on("an item that stands twice in the test"):
        arguments = _twice()
        LEAKED.run(student, lambda: arguments)


def _twice() -> tuple[Any, ...]:
    """A leaked item and another one stand in the test twice, each with its own results."""
    train = [("p", "how many?"), ("q", "how many?")]
    test = [(picture, "how many?") for picture in "rpqrps"]
    right = [True, True, False, False, True, True]
    again = [[True], [False], [False], [True, False], [True, True, False], [False]]
    return train, test, right, again


@check(
    "a question typed otherwise is the same question",
    "Small letters, single spaces, nothing of ? . ! at the end: on both sides.",
    after=[leak_pairs],
)
def leak_typed(student: Student) -> None:
    for _ in range(3):
        LEAKED.run(student, lambda: _leak(student, otherwise=True))
    with student.on("pictures that differ in capitals are different pictures"):
        train = [("aB", "how many?"), ("ab", "what is it?"), ("c", "how many?")]
        test = [("ab", "how many?"), ("aB", "How  many"), ("c", "how many!"), ("AB", "how many?")]
        arguments = train, test, [True, True, False, True], [[True], [False], [True], [False]]
        LEAKED.run(student, lambda: arguments)
    with student.on("digits, signs inside and the order of words, which make another question"):
        ones = ("is f(2) 1?", "is it 3.5?", "is mon more than tue?", "is it a b?")
        others = ("is f(3) 1?", "is it 35?", "is tue more than mon?", "is it ab?")
        train = [("p", one) for one in ones]
        test = [("p", one) for one in (*others, ones[1], *ones[:1])]
        LEAKED.run(student, lambda: (train, test, [True] * 6, [[False]] * 6))


@check(
    "the drop of the leaked items, minus that of the others",
    "For each item: right at first, minus the share right when redrawn. Then two means.",
    after=[leak_pairs],
)
def leak_drop(student: Student) -> None:
    DROP.run(student, lambda: _leak(student))
    with student.on("items that stand twice in the test"):
        arguments = _twice()
        DROP.run(student, lambda: arguments)


@check(
    "each item counts once, however often it was redrawn",
    "First the mean of an item's own versions, then the mean over items.",
    after=[leak_pairs, leak_drop],
    keeps_arguments=True,
)
def leak_versions(student: Student) -> None:
    def draw() -> tuple[Any, ...]:
        train, test, right, _ = _leak(student)
        again = [[n % 3 == 0] * (1 + n % 4) + [n % 2 == 0] for n in range(len(test))]
        return train, test, right, again

    DROP.run(student, draw)
    with student.on("all redrawn once"):
        train, test, right, again = _leak(student)
        DROP.run(student, lambda: (train, test, right, [some[-1:] for some in again]))


@check(
    "the standard error, from each item's own difference",
    "Variance of the differences, with n - 1, divided by n; for both groups; added; the root.",
    after=[leak_pairs, leak_drop],
)
def leak_error(student: Student) -> None:
    ERROR.run(student, lambda: _leak(student))
    with student.on("items that all drop alike: the error is 0"):
        train, test, _, again = _leak(student)
        right = [True] * len(test)
        ERROR.run(student, lambda: (train, test, right, [[False]] * len(again)))


QUESTION = Question(
    function="contaminated",
    title="Was the test in the training?",
    minutes=25,
    teaches="to find leaked items, and to measure how much more they lose than others",
    checks=(leak_pairs, leak_typed, leak_drop, leak_versions, leak_error),
)
