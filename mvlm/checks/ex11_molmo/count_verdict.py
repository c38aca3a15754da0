"""Exercise 11, `count_verdict`: was it counted right?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex11_molmo.count_verdict_rules import VERDICT, Box, Points

Counted = tuple[str, list[Box]]  # an answer, and the boxes of the things that are there


def _tell(points: Points, total: str | None = None, first: int = 1) -> str:
    """Points as Molmo writes them, with a total if one is stated."""
    numbers = [""] if len(points) == 1 else range(first, first + len(points))
    tag = "point" if len(points) == 1 else "points"
    pairs = " ".join(
        f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in zip(numbers, points, strict=True)
    )
    said = f'<{tag} {pairs} alt="cat">cat</{tag}>'
    return said if total is None else f"Counting the {said} shows a total of {total}"


def _apart(student: Student, count: int) -> list[Box]:
    """Boxes of their own cells on a grid of four by four."""
    cells = torch.randperm(16, generator=student.generator)[:count].tolist()
    boxes = []
    for cell in cells:
        x, y = 25.0 * (cell % 4) + student.integer(1, 8), 25.0 * (cell // 4) + student.integer(1, 8)
        boxes.append((x, y, x + student.integer(8, 14), y + student.integer(8, 14)))
    return boxes


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _some(
    student: Student, things: int, hit: int, beside: int, total: str | None = None, first: int = 1
) -> Counted:
    """So many things, so many of them pointed to, and so many points on nothing."""
    boxes = _apart(student, things + beside)
    points = sorted(map(_middle, boxes[:hit] + boxes[things:]))
    return _tell(points, total, first), boxes[:things]


def _compare(
    student: Student, draw: Callable[..., Counted], asked: Mapping[str, tuple[Any, ...]]
) -> None:
    """Compare on each input of a table: its name → what the draw is asked for."""
    VERDICT.each(student, {place: partial(draw, student, *one) for place, one in asked.items()})


@check(
    "points are read, and shares of points and of things told apart",
    "Precision: how many of the points have a thing. Recall: how many of the things have a point.",
)
def verdict_reads(student: Student) -> None:
    asked = {
        "5 things, 3 pointed to, 1 points on nothing": (5, 3, 1),
        "3 things, 1 pointed to, 0 points on nothing": (3, 1, 0),
        # Two digits by few things, so that trying every order of them is quick as well.
        "points numbered from 8 to 12": (6, 5, 0, None, 8),
    }
    _compare(student, _some, asked)


def _chain(student: Student, count: int, turned: bool = False) -> Counted:
    """Boxes that overlap in a row: each point but one lies in two, and the greedy lose a pair.

    Turned round, the list has the better box of each point first: then only the nearest is wrong.
    """
    step, start = 10.0, 5.0 + student.integer(0, 9)
    top = 10.0 + student.integer(0, 30)
    boxes = [(start + i * step, top, start + i * step + 18, top + 20) for i in range(count)]
    # Point i lies in boxes i and i + 1, nearer to the middle of i; the last lies in box 0 alone.
    points = [(start + (i + 1) * step + 1, top + 10.0) for i in range(count - 1)]
    points.append((start + 4, top + 10.0))
    return _tell(points), boxes[::-1] if turned else boxes


def _contested(student: Student) -> Counted:
    """Every point has two boxes, so that who has the fewest says nothing."""
    x, y = student.integer(0, 30), student.integer(0, 60)
    boxes = [(x + left, y, x + right, y + 10.0) for left, right in ((0, 20), (10, 40), (30, 60))]
    return _tell([(x + across, y + 5.0) for across in (12, 35, 15)]), boxes


def _twice(student: Student, apart: int) -> Counted:
    boxes = _apart(student, 3)
    x, y = _middle(boxes[0])
    return _tell([(x - apart, y), (x + apart, y), _middle(boxes[1])]), boxes


@check(
    "a thing takes one point, a point one thing, as many pairs as there can be",
    "Where things overlap, who goes first matters. Is there a choice that leaves fewer over?",
    after=[verdict_reads],
)
def verdict_pairs(student: Student) -> None:
    inputs = {
        "two points on one thing": partial(_twice, student, 1),
        "the same point twice": partial(_twice, student, 0),
        "three things, the one in the middle overlaps both": partial(_contested, student),
        "3 things that overlap in a row": partial(_chain, student, 3, turned=True),
        "2 things that overlap in a row": partial(_chain, student, 2),
        "5 things that overlap in a row": partial(_chain, student, 5),
    }
    VERDICT.each(student, inputs)


def _said(student: Student, answer: str, things: int) -> Counted:
    return answer, _apart(student, things)


@check(
    "no points, no things, neither",
    "What is a share of nothing? The contract says it for each of the three cases.",
)
def verdict_empty(student: Student) -> None:
    asked = {
        "none said, none there": ("There are none.", 0),
        "none said, some there": ("There are none.", 3),
        "an answer without points, some there": ("i cannot see them.", 2),
        "an answer without points, none there": ("i cannot see them.", 0),
        "the sentence with white space around it": (" There are none.\n", 0),
        "the sentence and more": ("There are none. But there is a dog.", 0),
        "the sentence behind another": ("i looked. There are none.", 0),
    }
    _compare(student, _said, asked)
    _compare(student, _some, {"two points, none there": (0, 0, 2)})


@check(
    "the count is right when total, points and things are as many",
    'Three numbers: the total, the points written, the things there. "There are none." says 0.',
    after=[verdict_reads],
)
def verdict_total(student: Student) -> None:
    asked = {
        "all three agree": (4, 4, 0, "4."),
        "agree, and one point lies on nothing": (4, 3, 1, "4."),
        "the total is right, a point is missing": (4, 3, 0, "4."),
        "as many points as things, another total": (4, 4, 0, "5."),
        "total and points agree, a thing is missing": (5, 4, 0, "4."),
        "no total is stated": (3, 3, 0),
        "six of each, numbered from 8": (6, 6, 0, "6.", 8),
        "no full stop behind the total": (4, 4, 0, "4"),
        "two totals: the first counts": (4, 4, 0, "4. It shows a total of 5."),
    }
    _compare(student, _some, asked)


def _broken(student: Student, said: str) -> Counted:
    """Three things, and a text with the places of their middles; ``cut`` is what is left of y3."""
    boxes = sorted(_apart(student, 3))
    # Neither in one row nor in one column: an x and another's y must miss.
    while min(abs(boxes[1][axis] - boxes[2][axis]) for axis in (0, 1)) < 20:
        boxes = sorted(_apart(student, 3))
    x1, y1, x2, y2, x3, y3 = (f"{place:.1f}" for box in boxes for place in _middle(box))
    return said.format(x1=x1, y1=y1, x2=x2, y2=y2, x3=x3, y3=y3, cut=y3[:-1]), boxes


END = ' alt="cat">cat</points>'
BROKEN = {
    "the text ends within a number": (
        '<points x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" x3="{x3}" y3="{cut}'
    ),
    "an x that has no y": '<points x1="{x1}" y1="{y1}" x2="{x2}" x3="{x3}" y3="{y3}"' + END,
    "an x and the y of another number": (
        '<points x1="{x1}" y1="{y1}" x2="{x2}" y3="{y2}" x4="{x3}" y4="{y3}"' + END
    ),
    "x1 x2 y1 y2: an x is not directly before its y": (
        '<points x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}" x3="{x3}" y3="{y3}"' + END
    ),
    "a y of 140": '<points x1="{x1}" y1="{y1}" x2="50.0" y2="140.0" x3="{x3}" y3="{y3}"' + END,
    "another tag, <pointer>": (
        '<point x="{x1}" y="{y1}" alt="cat">cat</point> <pointer x="{x2}" y="{y2}">'
    ),
    "a coordinate of 140": (
        '<points x1="{x1}" y1="{y1}" x2="140.0" y2="50.0" x3="{x3}" y3="{y3}"' + END
    ),
    "a negative x": ('<points x1="{x1}" y1="{y1}" x2="-5.0" y2="50.0" x3="{x3}" y3="{y3}"' + END),
    "two tags, and a place outside them": (
        '<point x="{x1}" y="{y1}" alt="cat">cat</point> and '
        '<point x="{x2}" y="{y2}" alt="cat">cat</point>, but not at x="{x3}" y="{y3}".'
    ),
    "1.2.3 is no number": (
        '<points x1="{x1}" y1="{y1}" x2="1.2.3" y2="50.0" x3="{x3}" y3="{y3}"' + END
    ),
}


@check(
    "what a model writes may be broken",
    "Which x goes with which y? A number in the name tells. And a tag need not be closed.",
    after=[verdict_reads, verdict_pairs],
    keeps_arguments=True,
)
def verdict_faults(student: Student) -> None:
    _compare(student, _broken, {place: (said,) for place, said in BROKEN.items()})
    corners = [(20.0, 30.0, 31.0, 40.0), (50.0, 70.0, 60.0, 80.0)]
    inputs = {
        "points without decimals": ('<points x1="25" y1="35" x2="55" y2="75"' + END, corners),
        "points on borders": ('<points x1="20.0" y1="30.0" x2="60.0" y2="80.0"' + END, corners),
    }
    VERDICT.each(student, inputs)


QUESTION = Question(
    function="count_verdict",
    title="Was it counted right?",
    minutes=25,
    teaches="to judge an answer that counts by pointing, point by point and as a whole",
    checks=(verdict_reads, verdict_pairs, verdict_empty, verdict_total, verdict_faults),
)
