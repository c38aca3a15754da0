"""Exercise 11, `count_verdict`: was it counted right?"""

from collections.abc import Callable, Sequence

import torch

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex11_molmo.count_verdict_rules import VERDICT, Box


def _tell(points: Sequence[Sequence[float]], total: int | None = None, first: int = 1) -> str:
    """Points as Molmo writes them, with a total if one is stated."""
    label = "cat"
    if len(points) == 1:
        said = f'<point x="{points[0][0]:.1f}" y="{points[0][1]:.1f}" alt="{label}">{label}</point>'
    else:
        pairs = " ".join(f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in enumerate(points, first))
        said = f'<points {pairs} alt="{label}">{label}</points>'
    return said if total is None else f"Counting the {said} shows a total of {total}."


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
    student: Student, things: int, hit: int, beside: int, total: int | None, first: int = 1
) -> tuple[str, list[Box]]:
    """So many things, so many of them pointed to, and so many points on nothing."""
    boxes = _apart(student, things + beside)
    points = [_middle(box) for box in boxes[:hit]] + [_middle(box) for box in boxes[things:]]
    points = sorted(points)
    return _tell(points, total, first), boxes[:things]


@check(
    "points are read, and shares of points and of things told apart",
    "Precision: how many of the points have a thing. Recall: how many of the things have a point.",
)
def verdict_reads(student: Student) -> None:
    for things, hit, beside in ((5, 3, 1), (3, 1, 0)):
        with student.on(f"{things} things, {hit} pointed to, {beside} points on nothing"):
            VERDICT.run(
                student,
                lambda t=things, h=hit, b=beside: _some(student, t, h, b, None),
            )
    # Two digits by few things, so that trying every order of them is quick as well.
    with student.on("points numbered from 8 to 12"):
        VERDICT.run(student, lambda: _some(student, 6, 5, 0, None, first=8))


def _chain(student: Student, count: int, turned: bool) -> tuple[str, list[Box]]:
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


def _contested(student: Student) -> tuple[str, list[Box]]:
    """Every point has two boxes, so that who has the fewest says nothing."""
    x, y = student.integer(0, 30), student.integer(0, 60)
    boxes = [(x + left, y, x + right, y + 10.0) for left, right in ((0, 20), (10, 40), (30, 60))]
    return _tell([(x + across, y + 5.0) for across in (12, 35, 15)]), boxes


def _twice(student: Student, apart: int) -> tuple[str, list[Box]]:
    boxes = _apart(student, 3)
    x, y = _middle(boxes[0])
    return _tell([(x - apart, y), (x + apart, y), _middle(boxes[1])]), boxes


@check(
    "a thing takes one point, a point one thing, as many pairs as there can be",
    "Where things overlap, who goes first matters. Is there a choice that leaves fewer over?",
    after=[verdict_reads],
)
def verdict_pairs(student: Student) -> None:
    with student.on("two points on one thing"):
        VERDICT.run(student, lambda: _twice(student, 1))
    with student.on("the same point twice"):
        VERDICT.run(student, lambda: _twice(student, 0))
    with student.on("three things, the one in the middle overlaps both"):
        VERDICT.run(student, lambda: _contested(student))
    for count, turned in ((3, True), (2, False), (5, False)):
        with student.on(f"{count} things that overlap in a row"):
            VERDICT.run(student, lambda n=count, t=turned: _chain(student, n, t))


@check(
    "no points, no things, neither",
    "What is a share of nothing? The contract says it for each of the three cases.",
)
def verdict_empty(student: Student) -> None:
    for name, answer, things in (
        ("none said, none there", "There are none.", 0),
        ("none said, some there", "There are none.", 3),
        ("an answer without points, some there", "i cannot see them.", 2),
        ("an answer without points, none there", "i cannot see them.", 0),
        ("the sentence with white space around it", " There are none.\n", 0),
        ("the sentence and more", "There are none. But there is a dog.", 0),
        ("the sentence behind another", "i looked. There are none.", 0),
    ):
        with student.on(name):
            VERDICT.run(student, lambda a=answer, t=things: (a, _apart(student, t)))
    with student.on("two points, none there"):
        VERDICT.run(student, lambda: _some(student, 0, 0, 2, None))


@check(
    "the count is right when total, points and things are as many",
    'Three numbers: the total, the points written, the things there. "There are none." says 0.',
    after=[verdict_reads],
)
def verdict_total(student: Student) -> None:
    for name, things, hit, beside, total in (
        ("all three agree", 4, 4, 0, 4),
        ("agree, and one point lies on nothing", 4, 3, 1, 4),
        ("the total is right, a point is missing", 4, 3, 0, 4),
        ("as many points as things, another total", 4, 4, 0, 5),
        ("total and points agree, a thing is missing", 5, 4, 0, 4),
        ("no total is stated", 3, 3, 0, None),
    ):
        with student.on(name):
            VERDICT.run(
                student,
                lambda t=things, h=hit, b=beside, n=total: _some(student, t, h, b, n),
            )
    with student.on("six of each, numbered from 8"):
        VERDICT.run(student, lambda: _some(student, 6, 6, 0, 6, first=8))
    for name, before, after in (
        ("no full stop behind the total", "total of 4.", "total of 4"),
        ("two totals: the first counts", "total of 4.", "total of 4. It shows a total of 5."),
    ):
        with student.on(name):

            def draw(old: str = before, new: str = after) -> tuple[str, list[Box]]:
                answer, boxes = _some(student, 4, 4, 0, 4)
                return answer.replace(old, new), boxes

            VERDICT.run(student, draw)


@check(
    "what a model writes may be broken",
    "Which x goes with which y? A number in the name tells. And a tag need not be closed.",
    after=[verdict_reads, verdict_pairs],
    keeps_arguments=True,
)
def verdict_faults(student: Student) -> None:
    def broken(change: Callable[[str, str, str], str]) -> Callable[[], tuple[str, list[Box]]]:
        """Two points that are whole, of three things; `change` writes the text around them."""

        def draw() -> tuple[str, list[Box]]:
            boxes = sorted(_apart(student, 3))
            # Neither in one row nor in one column: an x and another's y must miss.
            while min(abs(boxes[1][axis] - boxes[2][axis]) for axis in (0, 1)) < 20:
                boxes = sorted(_apart(student, 3))
            pairs = [f'x{{0}}="{x:.1f}" y{{0}}="{y:.1f}"' for x, y in map(_middle, boxes)]
            return change(*pairs), boxes

        return draw

    def corners(said: str) -> tuple[str, list[Box]]:
        return f"{said}</points>", [(20.0, 30.0, 31.0, 40.0), (50.0, 70.0, 60.0, 80.0)]

    end = 'alt="cat">cat</points>'
    VERDICT.each(
        student,
        {
            "the text ends within a number": broken(
                lambda a, b, c: f"<points {a.format(1)} {b.format(2)} {c.format(3)[:-2]}"
            ),
            "an x that has no y": broken(
                lambda a, b, c: (
                    f"<points {a.format(1)} {b.format(2).split()[0]} {c.format(3)} {end}"
                )
            ),
            "an x and the y of another number": broken(
                lambda a, b, c: (
                    f"<points {a.format(1)} {b.format(2).split()[0]} {b.format(3).split()[1]} "
                    f"{c.format(4)} {end}"
                )
            ),
            "x1 x2 y1 y2: an x is not directly before its y": broken(
                lambda a, b, c: (
                    f"<points {a.format(1).split()[0]} {b.format(2).split()[0]} "
                    f"{a.format(1).split()[1]} {b.format(2).split()[1]} {c.format(3)} {end}"
                )
            ),
            "a y of 140": broken(
                lambda a, b, c: f'<points {a.format(1)} x2="50.0" y2="140.0" {c.format(3)} {end}'
            ),
            "another tag, <pointer>": broken(
                lambda a, b, c: (
                    f'<point {a.format("")} alt="cat">cat</point> <pointer {b.format("")}>'
                )
            ),
            "a coordinate of 140": broken(
                lambda a, b, c: f'<points {a.format(1)} x2="140.0" y2="50.0" {c.format(3)} {end}'
            ),
            "two tags, and a place outside them": broken(
                lambda a, b, c: (
                    f'<point {a.format("")} alt="cat">cat</point> and <point '
                    f'{b.format("")} alt="cat">cat</point>, but not at {c.format("")}.'
                )
            ),
            "points without decimals": corners(
                '<points x1="25" y1="35" x2="55" y2="75" alt="cat">cat'
            ),
            "points on borders": corners(
                '<points x1="20.0" y1="30.0" x2="60.0" y2="80.0" alt="cat">cat'
            ),
        },
    )


QUESTION = Question(
    function="count_verdict",
    title="Was it counted right?",
    minutes=25,
    teaches="to judge an answer that counts by pointing, point by point and as a whole",
    checks=(verdict_reads, verdict_pairs, verdict_empty, verdict_total, verdict_faults),
)
