"""Exercise 11, `count_verdict`: what is right, and what known mistakes give."""

import math
import operator
import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import fail
from mvlm.checks.expect import Comparison, expect_parts

Box = tuple[float, float, float, float]
Points = list[tuple[float, float]]
Lies = list[list[int]]  # for each point, which boxes it lies in
Named = list[tuple[str, str, float]]  # x or y, the digits behind it, what it is


def _neighbours(named: Named, numbered: bool = True) -> Points:
    """Each x with the y that is directly behind it and has its number."""
    return [
        (x, y)
        for (axis, number, x), (other, same, y) in pairwise(named)
        if axis + other == "xy" and (number == same or not numbered)
    ]


def _wherever(named: Named) -> Points:
    """A mistake: each x with the y of its number, wherever that is."""
    ys = {number: y for axis, number, y in named if axis == "y"}
    return [(x, ys[number]) for axis, number, x in named if axis == "x" and number in ys]


def _in_turn(named: Named) -> Points:
    """A mistake: the first x with the first y, the second with the second."""
    xs, ys = ([one for axis, _, one in named if axis == wanted] for wanted in "xy")
    return list(zip(xs, ys, strict=False))


def _read_points(
    answer: str,
    *,
    tags: str = "points?",
    paired: Callable[[Named], Points] = _neighbours,
    limit: float = 100.0,
    number: str = r"\d+(?:\.\d+)?",
    once: bool = False,
) -> Points:
    """The points of an answer, number by number; keyword arguments are mistakes."""
    found = []
    for tag in re.findall(rf"<{tags}\s([^<>]*)", answer):
        numbers = re.findall(rf'\b([xy])(\d*)="({number})"', tag)
        points = paired([(axis, number, float(one)) for axis, number, one in numbers])
        found += [point for point in points if max(point) <= limit]
    return list(dict.fromkeys(found)) if once else found


def _most(lies: Lies) -> tuple[int, int]:
    """As many pairs as there can be: every set of boxes that some choice takes is tried."""
    taken = {frozenset()}
    for boxes in lies:
        taken |= {others | {box} for others in taken for box in boxes}
    return (max(map(len, taken)),) * 2


def _greedy(lies: Lies) -> tuple[int, int]:
    """A mistake: each point in turn takes the first free box it lies in."""
    taken = []
    for boxes in lies:
        taken += [box for box in boxes if box not in taken][:1]
    return (len(taken),) * 2


def _several(lies: Lies) -> tuple[int, int]:
    """A mistake: points that lie in some box, and boxes that hold some point."""
    return sum(map(bool, lies)), len(set().union(*lies))


def _total(answer: str) -> int | None:
    if answer.strip() == "There are none.":
        return 0
    found = re.search(r"shows a total of (\d+)\.", answer)
    return int(found.group(1)) if found else None


def _verdict(
    answer: str,
    boxes: Sequence[Box],
    *,
    hits: Callable[[Lies], tuple[int, int]] = _most,
    below: Callable[[float, float], bool] = operator.le,
    empty: float = 1.0,
    agree: Callable[..., bool] = lambda points, things, total: points == things == total,
    swap: bool = False,
    **reading: Any,
) -> Tensor:
    """By the rules; keyword arguments are mistakes."""
    points = _read_points(answer, **reading)
    lies = [
        [
            i
            for i, (left, top, right, bottom) in enumerate(boxes)
            if below(left, x) and below(x, right) and below(top, y) and below(y, bottom)
        ]
        for x, y in points
    ]
    counts = len(points), len(boxes)
    shares = [hit / max(count, 1) for hit, count in zip(hits(lies), counts, strict=True)]
    if not points and not boxes:
        shares = [empty, empty]
    right = agree(*counts, _total(answer))
    return torch.tensor([*(shares[::-1] if swap else shares), right], dtype=torch.float64)


def _read_verdict(value: Any, *_: Any) -> Tensor:
    *shares, right = expect_parts(value, ("precision", "recall", "right"), "count_verdict")
    if any(type(one) not in (int, float) for one in shares):
        kinds = " and ".join(type(one).__name__ for one in shares)
        fail(f"precision and recall are {kinds}, wanted two floats")
    if type(right) is not bool:
        fail(f"right is {right!r}, wanted True or False")
    return torch.tensor([*map(float, shares), float(right)], dtype=torch.float64)


def _unfold(numbers: Tensor) -> str:
    precision, recall, right = numbers.tolist()
    return f"precision {precision:.2f}, recall {recall:.2f}, right {bool(right)}"


VERDICT = Comparison(
    function="count_verdict",
    what="the verdict",
    right=_verdict,
    read=_read_verdict,
    tells=lambda ours, wanted: f"{_unfold(ours)}; wanted {_unfold(wanted)}",
    mistakes={
        "each point took the first free box that it lies in: another choice leaves fewer "
        "points without a box": {"hits": _greedy},
        "two points with the same numbers became one: each is a point": {"once": True},
        "a second point on the same thing was counted as well": {"hits": _several},
        "precision and recall are swapped: precision is about the points": {"swap": True},
        "no points and no things is a perfect answer: both shares are 1": {"empty": 0.0},
        "the total was trusted: it is right only if as many points were written": {
            "agree": lambda points, things, total: total == things
        },
        "no total was stated: then the count is not right, whatever the points are": {
            "agree": lambda points, things, total: points == things and total in (None, points)
        },
        "the points were counted, and the total was not read: both have to agree": {
            "agree": lambda points, things, total: points == things
        },
        "total and points agree with one another, but are they as many as there are things?": {
            "agree": lambda points, things, total: total == points
        },
        "an x was paired with the y of another number: leave both out": {
            "paired": partial(_neighbours, numbered=False)
        },
        "an x was paired with a y that is not directly behind it: leave both out": {
            "paired": _wherever
        },
        "an x without its y was paired with the next one's y": {"paired": _in_turn},
        "a tag that is neither <point> nor <points> holds no points": {"tags": r"point\w*"},
        "a coordinate over 100 lies outside the picture: leave it out": {"limit": math.inf},
        "a negative number was read: coordinates are digits, perhaps with a decimal point": {
            "number": r"-?\d+(?:\.\d+)?"
        },
        "a point on a box's border lies inside it": {"below": operator.lt},
    },
)
