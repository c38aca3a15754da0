"""Exercise 11, `write_points`: points as text."""

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import Comparison, expect_something

Place = Sequence[float]
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def _escape(label: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in label)


def _amp_last(label: str) -> str:
    """A mistake: & is escaped after the others, whose own & it then finds."""
    for letter in '<>"&':
        label = label.replace(letter, ESCAPES[letter])
    return label


def _written(
    pixels: Any,
    size: tuple[int, int],
    label: str,
    *,
    sides: Callable[[tuple[int, int]], tuple[int, int]] = lambda size: size[::-1],
    whole: float = 100,
    flip: bool = False,
    number: Callable[[float], str] = "{:.1f}".format,
    order: Callable[[Place, Place], Any] = lambda exact, rounded: rounded,
    once: bool = False,
    first: int = 1,
    one: bool = True,
    none: str = "There are none.",
    escape: Callable[[str], str] = _escape,
    inside: Callable[[str], str] | None = None,
    alt: bool = True,
) -> str:
    """The text by the rule; keyword arguments are mistakes."""
    across, down = sides(size)
    rows = torch.as_tensor(pixels, dtype=torch.float64).reshape(-1, 2).tolist()
    places = [(x / across * whole, y / down * whole) for x, y in rows]
    if not places:
        return none.format(label)
    if flip:
        places = [(y, x) for x, y in places]
    places.sort(key=lambda place: order(place, [float(number(n)) for n in place]))
    said = [(number(x), number(y)) for x, y in places]
    if once:
        said = list(dict.fromkeys(said))
    single = one and len(said) == 1
    numbers = [""] if single else range(first, first + len(said))
    pairs = " ".join(f'x{n}="{x}" y{n}="{y}"' for n, (x, y) in zip(numbers, said, strict=True))
    tag, name = "point" if single else "points", f' alt="{escape(label)}"' * alt
    return f"<{tag} {pairs}{name}>{(inside or escape)(label)}</{tag}>"


AS_GIVEN = {"order": lambda exact, rounded: 0}
Y_FIRST = {"order": lambda exact, rounded: rounded[::-1]}
AS_TEXT = {"order": lambda exact, rounded: [f"{n:.1f}" for n in rounded]}


def _read_text(value: Any, *_: Any) -> str:
    expect_something(value, "write_points")
    if type(value) is not str:
        fail(f"write_points returned a {type(value).__name__}, wanted text")
    return value


POINTS = Comparison(
    function="write_points",
    what="the text",
    right=_written,
    read=_read_text,
    alike=operator.eq,
    tells=lambda ours, wanted: f"the text is {ours[:160]!r}, wanted {wanted[:160]!r}",
    mistakes={
        "the numbers are pixels: wanted are hundredths of the picture's sides": {
            "sides": lambda size: (100, 100)
        },
        "x was divided by the height and y by the width: size is (height, width)": {
            "sides": lambda size: size
        },
        "the numbers run from 0 to 1: hundredths run to 100": {"whole": 1},
        "y was written as x: a pair of pixels is (x, y)": {"flip": True},
        "the points stand in the order given: sorted by x, then by y": AS_GIVEN,
        "the points are sorted by y, then by x: x comes first": Y_FIRST,
        "sorted before rounding: 10.04 and 10.01 are both written 10.0, and then y decides": {
            "order": lambda exact, rounded: exact
        },
        "where two x are alike, the points keep the order given: y decides then": {
            "order": lambda exact, rounded: rounded[0]
        },
        'the numbers were sorted as text, where "9.0" comes behind "12.0": sort numbers': AS_TEXT,
        "two places that are written alike became one: each place is a point": {"once": True},
        "a decimal of 0 was left out: one decimal is always written": {
            "number": lambda n: f"{round(n, 1):g}"
        },
        "two decimals: one is wanted": {"number": "{:.2f}".format},
        "whole numbers: one decimal is wanted, also if it is 0": {"number": "{:.0f}".format},
        "the points are numbered from 0: the first is x1": {"first": 0},
        "one point was written as several: it is <point x= y=>": {"one": False},
        'no point gave an empty text: "There are none." is wanted': {"none": ""},
        'no point gave a tag without points: "There are none." is wanted': {
            "none": '<points  alt="{0}">{0}</points>'
        },
        "the label was not escaped: one that holds < or a quote can be taken for a tag": {
            "escape": str
        },
        "the label was escaped in alt alone: it stands behind the > as well, escaped": {
            "inside": str
        },
        "the label was escaped behind the > alone: it stands in alt as well, escaped": {
            "escape": str,
            "inside": _escape,
        },
        "the apostrophe was escaped: only & < > and the double quote are": {
            "escape": lambda label: _escape(label).replace("'", "&#x27;")
        },
        "& was escaped after the others, and found their own & once more": {"escape": _amp_last},
        "alt is missing: the label stands there and in the tag": {"alt": False},
    },
)


LABEL = """a <b> & "c"'s"""


@drawn_once
def _draw_points(student: Student, count: int, label: str = "cat{}") -> tuple[Any, ...]:
    """Pixel places that no rounding moves across a border, and whose order shows every mistake."""
    size = (10 * student.integer(21, 60), 10 * student.integer(61, 120))
    label = label.format(student.integer(0, 99))
    while True:
        places = torch.rand(count, 2, generator=student.generator, dtype=torch.float64)
        pixels = [(round(x * size[1], 2), round(y * size[0], 2)) for x, y in places.tolist()]
        shares = [(100 * x / size[1], 100 * y / size[0]) for x, y in pixels]
        steady = all(abs(10 * n % 1 - 0.5) >= 0.05 for place in shares for n in place)
        right, given, by_y, as_text = (
            _written(pixels, size, label, **order) for order in ({}, AS_GIVEN, Y_FIRST, AS_TEXT)
        )
        # Some number ends in .0, and among many points text has another order than numbers.
        told = '.0"' in right and (as_text == right) == (count < 12)
        if steady and told and (count < 3 or len({right, given, by_y}) == 3):
            return pixels, size, label


def _draw_tensor(student: Student, count: int) -> tuple[Any, ...]:
    pixels, *rest = _draw_points(student, count)
    return torch.tensor(pixels, dtype=torch.float64), *rest


def _alike_rounded(student: Student, apart: float) -> tuple[Any, ...]:
    """Two points whose x are alike once they are rounded, and a third."""
    x, low, high = (student.integer(n, n + 9) for n in (20, 30, 60))
    # Apart by a little, the lower one is given first: who sorts too early turns them round.
    two = [(10 * x + apart, 8.0 * low), (10.0 * x, 8.0 * high)]
    return [*(two if apart else two[::-1]), (5.0, 4.0)], (800, 1000), "cat"


def _twice_written(student: Student) -> tuple[Any, ...]:
    """Two places that become one by rounding, and a third."""
    x, y = 10.0 * student.integer(20, 60), 8.0 * student.integer(20, 60)
    return [(x, y), (x + 0.2, y + 0.1), (5.0, 4.0)], (800, 1000), "cat"


@check(
    "several points: hundredths of the sides, one decimal, numbered from 1",
    "x over the width, y over the height, times 100. size is (height, width).",
)
def points_several(student: Student) -> None:
    POINTS.each(student, {f"{n} points": partial(_draw_points, student, n) for n in (3, 12)})


@check(
    "sorted by x, then by y, as they are written",
    "Two points at x = 10.04 and 10.01 are both written 10.0. Which comes first?",
    after=[points_several],
)
def points_order(student: Student) -> None:
    inputs = {
        "two x that are alike once they are rounded": partial(_alike_rounded, student, 0.4),
        "two x that are alike": partial(_alike_rounded, student, 0),
        "two places that are alike once they are rounded": partial(_twice_written, student),
    }
    POINTS.each(student, inputs)


@check(
    "one point, and none",
    "One: <point x= y= …>. None: a sentence.",
)
def points_few(student: Student) -> None:
    inputs = {"one point": partial(_draw_points, student, 1), "no point": ([], (480, 640), "cat")}
    POINTS.each(student, inputs)


@check(
    "a label cannot be taken for a tag",
    "Four characters have a meaning in a tag: & < > and the quote. Which are left in your text?",
    after=[points_several, points_few],
)
def points_label(student: Student) -> None:
    inputs = {
        f"{count} point{'s' * (count > 1)} labelled {LABEL}": partial(
            _draw_points, student, count, LABEL
        )
        for count in (1, 3)
    }
    POINTS.each(student, inputs)


@check(
    "tensors and lists alike, and what was passed stays as it was",
    "Iterate over the rows, and make each number a float before you compare.",
    after=[points_several, points_few],
    keeps_arguments=True,
)
def points_kinds(student: Student) -> None:
    inputs = {
        "a tensor of shape (4, 2)": partial(_draw_tensor, student, 4),
        "a tensor of shape (1, 2)": partial(_draw_tensor, student, 1),
        "a tensor of shape (0, 2)": (torch.zeros(0, 2), (480, 640), "cat"),
    }
    POINTS.each(student, inputs)
    with student.on("a list of lists"):
        pixels, *rest = _draw_points(student, 4)
        POINTS.run(student, lambda: ([list(pair) for pair in pixels], *rest))


QUESTION = Question(
    function="write_points",
    title="Points as text",
    minutes=15,
    teaches="what a coordinate is relative to, and in which order points are written",
    checks=(points_several, points_order, points_few, points_label, points_kinds),
)
