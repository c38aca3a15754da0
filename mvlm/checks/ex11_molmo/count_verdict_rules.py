"""Exercise 11, `count_verdict`: what is right, and what known mistakes give."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import fail
from mvlm.checks.expect import Comparison, expect_parts

Box = tuple[float, float, float, float]


def read_points(
    answer: str,
    *,
    exact: bool = True,
    partner: bool = True,
    number: bool = True,
    beside: bool = True,
    limit: bool = True,
    once: bool = False,
) -> list[tuple[float, float]]:
    """The points of an answer, found letter by letter; keyword arguments are mistakes."""
    pattern = r"<points?\s([^<>]*)" if exact else r"<point\w*\s([^<>]*)"
    found = []
    for tag in re.findall(pattern, answer):
        numbers = re.findall(r'\b([xy])(\d*)="([0-9.]+)"', tag)
        if not beside:
            ys_of = {n: y for axis, n, y in numbers if axis == "y"}
            pairs = [
                (float(x), float(ys_of[n])) for axis, n, x in numbers if axis == "x" and n in ys_of
            ]
        elif partner:
            pairs = [
                (float(one[2]), float(other[2]))
                for one, other in pairwise(numbers)
                if (one[0], other[0]) == ("x", "y") and (one[1] == other[1] or not number)
            ]
        else:
            xs, ys = ([float(n[2]) for n in numbers if n[0] == axis] for axis in "xy")
            pairs = list(zip(xs, ys, strict=False))
        found += [pair for pair in pairs if not limit or max(pair) <= 100]
    return list(dict.fromkeys(found)) if once else found


def _inside(point: Sequence[float], box: Sequence[float], strict: bool = False) -> bool:
    x, y = point
    if strict:
        return box[0] < x < box[2] and box[1] < y < box[3]
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _best(hits: list[list[int]], taken: frozenset[int] = frozenset()) -> int:
    """The most pairs there are, by trying: the first point takes each of its boxes, or none."""
    if not hits:
        return 0
    first, *rest = hits
    tried = [_best(rest, taken)]
    tried += [1 + _best(rest, taken | {box}) for box in first if box not in taken]
    return max(tried)


def _greedy(points: list, boxes: Sequence[Box]) -> int:
    """A mistake: each point in turn takes the first free box it lies in."""
    free, pairs = list(range(len(boxes))), 0
    for point in points:
        mine = [i for i in free if _inside(point, boxes[i])]
        if mine:
            free.remove(mine[0])
            pairs += 1
    return pairs


def _several(points: list, boxes: Sequence[Box]) -> tuple[int, int]:
    """A mistake: points that lie in some box, and boxes that hold some point."""
    hitting = sum(any(_inside(point, box) for box in boxes) for point in points)
    return hitting, sum(any(_inside(point, box) for point in points) for box in boxes)


def _total(answer: str) -> int | None:
    if answer.strip() == "There are none.":
        return 0
    found = re.search(r"shows a total of (\d+)\.", answer)
    return int(found.group(1)) if found else None


def verdict_of(
    answer: str,
    boxes: Sequence[Box],
    *,
    pairs: Callable[[list, Sequence[Box]], int] | None = None,
    shares: Callable[[list, Sequence[Box]], tuple[int, int]] | None = None,
    empty: tuple[float, float] = (1.0, 1.0),
    total: Callable[[str, list, int, int], bool] | None = None,
    swap: bool = False,
    strict: bool = False,
    **reading: bool,
) -> Tensor:
    """By the rules; keyword arguments are mistakes."""
    points = read_points(answer, **reading)
    if pairs:
        hit = (pairs(points, boxes),) * 2
    elif shares:
        hit = shares(points, boxes)
    else:
        hits = [
            [i for i, box in enumerate(boxes) if _inside(point, box, strict)] for point in points
        ]
        hit = (_best(hits),) * 2
    if not points and not boxes:
        precision, recall = empty
    else:
        precision = hit[0] / len(points) if points else 0.0
        recall = hit[1] / len(boxes) if boxes else 0.0
    said = _total(answer)
    right = total or (lambda answer, points, n, said: said == len(points) == n)
    verdict = right(answer, points, len(boxes), said)
    first = (recall, precision) if swap else (precision, recall)
    return torch.tensor([*first, float(bool(verdict))], dtype=torch.float64)


def _read_verdict(value: Any, *_: Any) -> Tensor:
    parts = expect_parts(value, ("precision", "recall", "right"), "count_verdict")
    *shares, right = parts
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
    right=verdict_of,
    read=_read_verdict,
    tells=lambda ours, wanted: f"{_unfold(ours)}; wanted {_unfold(wanted)}",
    mistakes={
        "each point took the first free box that it lies in: another choice leaves fewer "
        "points without a box": {"pairs": _greedy},
        "two points with the same numbers became one: each is a point": {"once": True},
        "a second point on the same thing was counted as well": {"shares": _several},
        "precision and recall are swapped: precision is about the points": {"swap": True},
        "no points and no things is a perfect answer: both shares are 1": {"empty": (0.0, 0.0)},
        "the total was trusted: it is right only if as many points were written": {
            "total": lambda answer, points, n, said: said == n
        },
        "no total was stated: then the count is not right, whatever the points are": {
            "total": lambda answer, points, n, said: (
                len(points) == n and said in (None, len(points))
            )
        },
        "the points were counted, and the total was not read: both have to agree": {
            "total": lambda answer, points, n, said: len(points) == n
        },
        "total and points agree with one another, but are they as many as there are things?": {
            "total": lambda answer, points, n, said: said == len(points)
        },
        "an x was paired with the y of another number: leave both out": {"number": False},
        "an x was paired with a y that is not directly behind it: leave both out": {
            "beside": False
        },
        "an x without its y was paired with the next one's y": {"partner": False},
        "a tag that is neither <point> nor <points> holds no points": {"exact": False},
        "a coordinate over 100 lies outside the picture: leave it out": {"limit": False},
        "a point on a box's border lies inside it": {"strict": True},
    },
)
