"""Exercise 07, `examples_to_match`: how many examples is a name worth?"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_something, kind_of, same

Curve = dict[int, float]


def _match(curve: Curve, level: float) -> float:
    ks = sorted(curve)
    before = None
    for k in ks:
        if curve[k] >= level:
            if before is None:
                return float(k)
            part = (level - curve[before]) / (curve[k] - curve[before])
            return before * (k / before) ** part
        before = k
    return math.inf


def _found(curve: Curve, level: float) -> tuple[int, int] | None:
    """The two neighbours between which the level is reached; None at or outside the ends."""
    ks = sorted(curve)
    for low, high in itertools.pairwise(ks):
        if curve[low] >= level:
            return None
        if curve[high] >= level:
            return low, high
    return None


def _between(change: Callable[[int, int, float], float]) -> Callable[[Curve, float], float]:
    """A mistake between two points; elsewhere right."""

    def found(curve: Curve, level: float) -> float:
        ends = _found(curve, level)
        if ends is None:
            return _match(curve, level)
        low, high = ends
        return change(low, high, (level - curve[low]) / (curve[high] - curve[low]))

    return found


def _at_first(change: Callable[[Curve, float], float]) -> Callable[[Curve, float], float]:
    """A mistake where the level is reached at the smallest k already."""
    return lambda c, z: change(c, z) if c[min(c)] >= z else _match(c, z)


def _at_never(change: Callable[[Curve, float], float]) -> Callable[[Curve, float], float]:
    """A mistake where the level is never reached."""
    return lambda c, z: change(c, z) if max(c.values()) < z else _match(c, z)


def _last_crossing(curve: Curve, level: float) -> float:
    ks = sorted(curve)
    for low, high in reversed(list(itertools.pairwise(ks))):
        if curve[low] < level <= curve[high]:
            part = (level - curve[low]) / (curve[high] - curve[low])
            return low * (high / low) ** part
    return _match(curve, level)


def _any_crossing(curve: Curve, level: float) -> float:
    """A mistake: entries are taken in the order in which they stand."""
    line = list(curve.items())
    if line[0][1] >= level:
        return float(line[0][0])
    for (k0, low), (k1, high) in itertools.pairwise(line):
        if high >= level:
            return math.exp(
                math.log(k0) + (level - low) / (high - low) * (math.log(k1) - math.log(k0))
            )
    return math.inf


def _through_all(curve: Curve, level: float) -> float:
    """A mistake: shares are sorted too, as if the curve rose."""
    rising = dict(zip(sorted(curve), sorted(curve.values()), strict=True))
    return _match(rising, level)


def _pieces(curve: Curve, level: float, *, down: bool = False) -> float:
    """The first piece on which the level is passed upwards (or also downwards), else inf."""
    for k0, k1 in itertools.pairwise(sorted(curve)):
        low, high = curve[k0], curve[k1]
        if low < level <= high or (down and low > level >= high):
            return k0 * (k1 / k0) ** ((level - low) / (high - low))
    return math.inf


def _also_down(curve: Curve, level: float) -> float:
    """A mistake: the curve's fall through the level is found first."""
    found = _pieces(curve, level, down=True)
    return _match(curve, level) if math.isinf(found) else found


def _late_start(curve: Curve, level: float) -> float:
    """A mistake: the smallest k is the answer only where no share is below the level."""
    return float(min(curve)) if level <= min(curve.values()) else _pieces(curve, level)


def _best_so_far(curve: Curve, level: float) -> float:
    """A mistake: each share is replaced by the largest up to it."""
    ks = sorted(curve)
    return _match({k: max(curve[j] for j in ks if j <= k) for k in ks}, level)


def _by_the_last(curve: Curve, level: float) -> float:
    """A mistake: the last share decides whether the level is ever reached."""
    return math.inf if curve[max(curve)] < level else _match(curve, level)


def _interp(curve: Curve, level: float) -> float:
    """A mistake: np.interp, which looks for the level among shares that rise."""
    ks = sorted(curve)
    if curve[ks[0]] >= level or max(curve.values()) < level:
        return _match(curve, level)
    return float(np.exp(np.interp(level, [curve[k] for k in ks], np.log(ks))))


def _read_k(value: Any, *_: Any) -> float:
    value = expect_something(value, "examples_to_match")
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if type(value) not in (int, float):
        raise AnswerFailed(
            f"examples_to_match returned a {kind_of(value)}, wanted one number or math.inf"
        )
    if math.isnan(value):
        fail("examples_to_match returned nan", "Is a curve that never reaches the level math.inf?")
    return float(value)


def _tells_k(ours: float, wanted: float) -> str:
    if math.isinf(wanted):
        return f"{ours:.4g} came back, and the curve never reaches the level: wanted math.inf"
    return f"{ours:.4g} came back, wanted {wanted:.4g}"


MATCH = Comparison(
    function="examples_to_match",
    what="the number of examples",
    right=_match,
    read=_read_k,
    alike=lambda a, b: a == b or same(a, b),
    tells=_tells_k,
    mistakes={
        "the line was drawn over k: it is straight over log k": _between(
            lambda low, high, part: low + part * (high - low)
        ),
        "this is log k: take the exponential": _between(
            lambda low, high, part: math.log(low) + part * math.log(high / low)
        ),
        "the next measured k came back: read the line between two of them": _between(
            lambda low, high, part: float(high)
        ),
        "the k below came back: read the line between two of them": _between(
            lambda low, high, part: float(low)
        ),
        "k was rounded": _between(lambda low, high, part: float(round(low * (high / low) ** part))),
        "1 came back where the smallest k is enough: that k is the answer": _at_first(
            lambda c, z: 1.0
        ),
        "0 came back where the smallest k is enough: that k is the answer": _at_first(
            lambda c, z: 0.0
        ),
        "the largest k came back where the level is never reached: that is math.inf": _at_never(
            lambda c, z: float(max(c))
        ),
        "the curve falls through the level there: it had reached it before": _also_down,
        "the curve is at the level or above at its smallest k, and then falls: that k counts": (
            _late_start
        ),
        "a share was replaced by the largest up to it: the line starts where it was measured": (
            _best_so_far
        ),
        "the last share is below the level, but one before it is not: it was reached": _by_the_last,
        "np.interp wants shares that rise, and these also fall": _interp,
        "the LAST crossing counts here: the first one does": _last_crossing,
        "entries were taken in the order in which they stand: sort them by k": _any_crossing,
        "the shares were sorted as well: each belongs to its k": _through_all,
    },
)


def _rising(student: Student, ks: tuple[int, ...], *, start: float = 0.2) -> Curve:
    curve, share = {}, start
    for k in ks:
        share += 0.01 * student.integer(4, 15)
        curve[k] = round(share, 2)
    return curve


def _level(student: Student, curve: Curve, place: int) -> float:
    """Between the points number `place` and the next, not half-way."""
    ks = sorted(curve)
    low, high = curve[ks[place]], curve[ks[place + 1]]
    return low + student.pick((0.23, 0.31, 0.64, 0.77)) * (high - low)


@check("between two points of the curve", "A straight line over log k; the answer is k.")
def match_between(student: Student) -> None:
    def drawn(ks: tuple[int, ...], place: int) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            curve = _rising(student, ks)
            return curve, _level(student, curve, place)

        return draw

    MATCH.each(
        student,
        {
            "k = 1, 2, 4, 8, 16, between 4 and 8": drawn((1, 2, 4, 8, 16), 2),
            "k = 1, 5, 40, between 5 and 40": drawn((1, 5, 40), 1),
            "k = 2 and 9": drawn((2, 9), 0),
        },
    )


@check(
    "reached at the smallest k",
    "At most so many examples are needed. Where there is no smaller k, nothing more is known.",
    after=[match_between],
)
def match_first(student: Student) -> None:
    def drawn(ks: tuple[int, ...], below: float) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            curve = _rising(student, ks)
            return curve, curve[ks[0]] - below

        return draw

    MATCH.each(
        student,
        {
            "k = 3, 6, 12, the level below all": drawn((3, 6, 12), 0.05),
            "k = 2, 4, 8, the level is the first share": drawn((2, 4, 8), 0.0),
            "one point": drawn((4,), 0.03),
        },
    )


@check(
    "never reached",
    "Behind the last point nothing was measured: math.inf.",
    after=[match_between],
)
def match_never(student: Student) -> None:
    def falling() -> tuple[Curve, float]:
        low = 0.3 + 0.01 * student.integer(0, 9)
        return {2: low, 5: low - 0.1, 11: low - 0.15}, low + 0.04

    def drawn(ks: tuple[int, ...], above: float) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            curve = _rising(student, ks)
            return curve, max(curve.values()) + above

        return draw

    MATCH.each(
        student,
        {
            "k = 1, 2, 4, the level just above all": drawn((1, 2, 4), 0.01),
            "k = 1, 2, 4, 8, the level far above": drawn((1, 2, 4, 8), 0.2),
            "a curve that falls, below the level": falling,
            "one point": drawn((4,), 0.03),
        },
    )


@check(
    "curves that also fall, and entries in any order",
    "Sort by k alone, and take the first neighbours between which the level is passed upwards.",
    after=[match_between, match_first, match_never],
)
def match_wavy(student: Student) -> None:
    def wavy() -> tuple[Curve, float]:
        low = 0.3 + 0.01 * student.integer(0, 9)
        return {1: low, 2: low + 0.2, 4: low + 0.07, 8: low + 0.3}, low + 0.137

    def unsorted() -> tuple[Curve, float]:
        curve = _rising(student, (1, 3, 7, 20))
        return {k: curve[k] for k in (3, 20, 1, 7)}, _level(student, curve, 1)

    def lifted(curve: Curve, level: float) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            lift = 0.01 * student.integer(0, 9)
            return {k: share + lift for k, share in curve.items()}, level + lift

        return draw

    MATCH.each(
        student,
        {
            "up, down and up again": wavy,
            "entries not sorted by k": unsorted,
            "it ends below the level": lifted({1: 0.3, 2: 0.7, 4: 0.4}, 0.5),
            "it starts above the level and falls": lifted({3: 0.6, 6: 0.4}, 0.5),
            "it starts above, falls and rises again": lifted({3: 0.6, 6: 0.4, 12: 0.7}, 0.5),
            "it falls below the level first, then rises": lifted({1: 0.5, 2: 0.3, 4: 0.7}, 0.6),
            "it rises, falls and rises a little": lifted({1: 0.1, 2: 0.7, 4: 0.3, 8: 0.35}, 0.5),
        },
    )


@check(
    "a level that is one of the shares, a flat piece; what was passed stays as it was",
    "At least counts as reached; two equal shares below the level are no reason to divide by 0.",
    after=[match_between, match_first, match_never, match_wavy],
    keeps_arguments=True,
)
def match_edges(student: Student) -> None:
    share = 0.25 + 0.125 * student.integer(0, 3)
    MATCH.each(
        student,
        {
            "the level is the share of the middle point": (
                {1: share - 0.125, 6: share, 30: share + 0.125},
                share,
            ),
            "the level is the last share": ({1: share - 0.125, 6: share}, share),
            "a flat piece": (
                {1: share, 2: share, 4: share + 0.25, 16: share + 0.25},
                share + 0.125,
            ),
        },
    )


QUESTION = Question(
    function="examples_to_match",
    title="How many examples is a name worth?",
    minutes=20,
    teaches="to read a curve between its points, and to say when it has no answer",
    checks=(match_between, match_first, match_never, match_wavy, match_edges),
)
