"""Exercise 07, `examples_to_match`: how many examples is a name worth?"""

import itertools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.expect import Comparison, a_kind_of, same

Curve = dict[int, float]
Points = list[tuple[int, float]]
Between = Callable[[int, int, float], float]
Asked = tuple[Curve, float]


def _on_log(low: int, high: int, part: float) -> float:
    """The k that lies this part of the way from `low` to `high`, over log k."""
    return low * (high / low) ** part


def _crossings(
    points: Points, level: float, between: Between = _on_log, *, down: bool = False
) -> list[float]:
    """Each k between neighbours where the curve rises to the level (or, `down`, falls to it)."""
    return [
        between(low, high, (level - at_low) / (at_high - at_low))
        for (low, at_low), (high, at_high) in itertools.pairwise(points)
        if at_low < level <= at_high or (down and at_low > level >= at_high)
    ]


def _match(
    curve: Curve,
    level: float,
    *,
    order: Callable[[Iterable], Points] = sorted,
    start: Callable[[list[float]], float] = operator.itemgetter(0),
    first: Callable[[int], float] = float,
    between: Between = _on_log,
    never: Callable[[Curve], float] = lambda curve: math.inf,
) -> float:
    """How many examples are needed; each keyword argument makes a mistake."""
    points = order(curve.items())
    if start([share for _, share in points]) >= level:
        return first(points[0][0])
    found = _crossings(points, level, between)
    return found[0] if found else never(curve)


def _interp(curve: Curve, level: float) -> float:
    """A mistake: np.interp, which looks for the level among shares that rise."""
    ks, shares = zip(*sorted(curve.items()), strict=True)
    if shares[0] >= level or max(shares) < level:
        return _match(curve, level)
    return float(np.exp(np.interp(level, shares, np.log(ks))))


def _read_k(value: Any, *asked: Any) -> float:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if type(value) not in (int, float):
        kind, wanted = "None" if value is None else a_kind_of(value), _match(*asked)
        raise AnswerFailed(f"examples_to_match returned {kind}, wanted one number: {wanted:.4g}")
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
        "the line was drawn over k: it is straight over log k": {
            "between": lambda low, high, part: low + part * (high - low)
        },
        "this is log k: take the exponential": {"between": lambda *of: math.log(_on_log(*of))},
        "the next measured k came back: read the line between two of them": {
            "between": lambda low, high, part: float(high)
        },
        "the k below came back: read the line between two of them": {
            "between": lambda low, high, part: float(low)
        },
        "k was rounded": {"between": lambda *of: float(round(_on_log(*of)))},
        "1 came back where the smallest k is enough: that k is the answer": {"first": lambda k: 1},
        "0 came back where the smallest k is enough: that k is the answer": {"first": lambda k: 0},
        "the largest k came back where the level is never reached: that is math.inf": {
            "never": lambda curve: float(max(curve))
        },
        "the curve falls through the level there: it had reached it before": lambda curve, level: (
            _crossings(sorted(curve.items()), level, down=True) or [_match(curve, level)]
        )[0],
        "the curve is at the level or above at its smallest k, and then falls: that k counts": {
            "start": min
        },
        "a share was replaced by the largest up to it: the line starts where it was measured": (
            lambda curve, level: _match(
                {k: max(curve[j] for j in curve if j <= k) for k in curve}, level
            )
        ),
        "the last share is below the level, but one before it is not: it was reached": (
            lambda curve, level: math.inf if curve[max(curve)] < level else _match(curve, level)
        ),
        "np.interp wants shares that rise, and these also fall": _interp,
        "the LAST crossing counts here: the first one does": lambda curve, level: (
            _crossings(sorted(curve.items()), level) or [_match(curve, level)]
        )[-1],
        "entries were taken in the order in which they stand: sort them by k": {"order": list},
        "the shares were sorted as well: each belongs to its k": lambda curve, level: _match(
            dict(zip(sorted(curve), sorted(curve.values()), strict=True)), level
        ),
    },
)


def _rising(
    student: Student, *ks: int, after: int = 0, below: float | None = None, above: float = 0
) -> Asked:
    """A curve that rises, with a level so far below or above it, or in the piece after a place."""
    curve, share = {}, 0.2
    for k in ks:
        share += 0.01 * student.integer(4, 15)
        curve[k] = round(share, 2)
    if below is not None:
        return curve, curve[ks[0]] - below
    if above:
        return curve, curve[ks[-1]] + above
    low, high = curve[ks[after]], curve[ks[after + 1]]
    return curve, low + student.pick((0.23, 0.31, 0.64, 0.77)) * (high - low)  # not half-way


def _lifted(student: Student, curve: Curve, level: float) -> Asked:
    """A curve and a level, both lifted as far."""
    lift = 0.01 * student.integer(0, 9)
    return {k: share + lift for k, share in curve.items()}, level + lift


@check("between two points of the curve", "A straight line over log k; the answer is k.")
def match_between(student: Student) -> None:
    MATCH.each(
        student,
        {
            "k = 1, 2, 4, 8, 16, between 4 and 8": lambda: _rising(
                student, 1, 2, 4, 8, 16, after=2
            ),
            "k = 1, 5, 40, between 5 and 40": lambda: _rising(student, 1, 5, 40, after=1),
            "k = 2 and 9": lambda: _rising(student, 2, 9),
        },
    )


@check(
    "reached at the smallest k",
    "At most so many examples are needed. Where there is no smaller k, nothing more is known.",
    after=[match_between],
)
def match_first(student: Student) -> None:
    MATCH.each(
        student,
        {
            "k = 3, 6, 12, the level below all": lambda: _rising(student, 3, 6, 12, below=0.05),
            "k = 2, 4, 8, the level is the first share": lambda: _rising(student, 2, 4, 8, below=0),
            "one point": lambda: _rising(student, 4, below=0.03),
        },
    )


@check(
    "never reached",
    "Behind the last point nothing was measured: math.inf.",
    after=[match_between],
)
def match_never(student: Student) -> None:
    MATCH.each(
        student,
        {
            "k = 1, 2, 4, the level just above all": lambda: _rising(student, 1, 2, 4, above=0.01),
            "k = 1, 2, 4, 8, the level far above": lambda: _rising(student, 1, 2, 4, 8, above=0.2),
            "a curve that falls, below the level": lambda: _lifted(
                student, {2: 0.3, 5: 0.2, 11: 0.15}, 0.34
            ),
            "one point": lambda: _rising(student, 4, above=0.03),
        },
    )


@check(
    "curves that also fall, and entries in any order",
    "Sort by k alone, and take the first neighbours between which the level is passed upwards.",
    after=[match_between, match_first, match_never],
)
def match_wavy(student: Student) -> None:
    def unsorted() -> Asked:
        curve, level = _rising(student, 1, 3, 7, 20, after=1)
        return {k: curve[k] for k in (3, 20, 1, 7)}, level

    def lifted(curve: Curve, level: float) -> Callable[[], Asked]:
        return lambda: _lifted(student, curve, level)

    MATCH.each(
        student,
        {
            "up, down and up again": lifted({1: 0.3, 2: 0.5, 4: 0.37, 8: 0.6}, 0.437),
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
