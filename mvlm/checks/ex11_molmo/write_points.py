"""Exercise 11, `write_points`: points as text."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import Comparison, expect_something

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def _pairs(pixels: Any) -> list[tuple[float, float]]:
    rows = pixels.double().tolist() if isinstance(pixels, Tensor) else pixels
    return [(float(x), float(y)) for x, y in rows]


def _written(
    pixels: Any,
    size: tuple[int, int],
    label: str,
    *,
    sides: tuple[int, int] = (1, 0),
    whole: float = 100,
    order: Callable[[tuple[float, float]], Any] | None = lambda point: point,
    round_first: bool = True,
    digits: int = 1,
    first: int = 1,
    flip: bool = False,
    one: bool = True,
    none: str = "There are none.",
    escape: bool = True,
    alt: bool = True,
    once: bool = False,
    short: bool = False,
) -> str:
    """The text by the rule; keyword arguments are mistakes."""
    places = [(x / size[sides[0]] * whole, y / size[sides[1]] * whole) for x, y in _pairs(pixels)]
    if flip:
        places = [(y, x) for x, y in places]
    if not places:
        return none
    if not round_first and order:
        places.sort(key=order)
    places = [(float(f"{x:.{digits}f}"), float(f"{y:.{digits}f}")) for x, y in places]
    if round_first and order:
        places.sort(key=order)
    if once:
        places = sorted(set(places))
    name = "".join(ESCAPES.get(letter, letter) for letter in label) if escape else label
    single = one and len(places) == 1
    numbers = [""] if single else range(first, first + len(places))
    said = [
        f'x{n}="{x:g}" y{n}="{y:g}"' if short else f'x{n}="{x:.{digits}f}" y{n}="{y:.{digits}f}"'
        for n, (x, y) in zip(numbers, places, strict=True)
    ]
    tag = "point" if single else "points"
    return f"<{tag} {' '.join(said)}" + (f' alt="{name}"' if alt else "") + f">{name}</{tag}>"


def _in_pixels(pixels: Any, size: tuple[int, int], label: str) -> str:
    return _written(pixels, (100, 100), label)


def _apostrophe(pixels: Any, size: tuple[int, int], label: str) -> str:
    """A mistake: a fifth character is escaped."""
    return _written(pixels, size, label).replace("'", "&#x27;")


def _as_words(point: tuple[float, float]) -> tuple[str, str]:
    return f"{point[0]:.1f}", f"{point[1]:.1f}"


def _amp_last(pixels: Any, size: tuple[int, int], label: str) -> str:
    """A mistake: & is escaped after the others, whose own & it then finds."""
    name = label
    for letter in '<>"&':
        name = name.replace(letter, ESCAPES[letter])
    return _written(pixels, size, name, escape=False)


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
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"the text is {ours[:160]!r}, wanted {wanted[:160]!r}",
    mistakes={
        "the numbers are pixels: wanted are hundredths of the picture's sides": _in_pixels,
        "x was divided by the height and y by the width: size is (height, width)": {
            "sides": (0, 1)
        },
        "the numbers run from 0 to 1: hundredths run to 100": {"whole": 1},
        "y was written as x: a pair of pixels is (x, y)": {"flip": True},
        "the points stand in the order given: sorted by x, then by y": {"order": None},
        "the points are sorted by y, then by x: x comes first": {
            "order": lambda point: point[::-1]
        },
        "sorted before rounding: 10.04 and 10.01 are both written 10.0, and then y decides": {
            "round_first": False
        },
        "where two x are alike, the points keep the order given: y decides then": {
            "order": lambda point: point[0]
        },
        'the numbers were sorted as text, where "9.0" comes behind "12.0": sort numbers': {
            "order": _as_words
        },
        "two places that are written alike became one: each place is a point": {"once": True},
        "a decimal of 0 was left out: one decimal is always written": {"short": True},
        "two decimals: one is wanted": {"digits": 2},
        "whole numbers: one decimal is wanted, also if it is 0": {"digits": 0},
        "the points are numbered from 0: the first is x1": {"first": 0},
        "one point was written as several: it is <point x= y=>": {"one": False},
        'no point gave an empty text: "There are none." is wanted': {"none": ""},
        'no point gave a tag without points: "There are none." is wanted': (
            lambda pixels, size, label: _written(
                pixels, size, label, none=f'<points  alt="{label}">{label}</points>'
            )
        ),
        "the label was not escaped: one that holds < or a quote can be taken for a tag": {
            "escape": False
        },
        "the apostrophe was escaped: only & < > and the double quote are": _apostrophe,
        "& was escaped after the others, and found their own & once more": _amp_last,
        "alt is missing: the label stands there and in the tag": {"alt": False},
    },
)


LABEL = """a <b> & "c"'s"""


@drawn_once
def _draw_points(student: Student, count: int, labelled: bool = False) -> tuple[Any, ...]:
    """Pixel places that no rounding moves across a border, and whose order shows every mistake."""
    size = (10 * student.integer(21, 60), 10 * student.integer(61, 120))
    label = (LABEL if labelled else "cat") + str(student.integer(0, 99)) * (not labelled)
    while True:
        places = torch.rand(count, 2, generator=student.generator, dtype=torch.float64)
        pixels = [(round(x * size[1], 2), round(y * size[0], 2)) for x, y in places.tolist()]
        shares = [(100 * x / size[1], 100 * y / size[0]) for x, y in pixels]
        near = [abs(10 * n % 1 - 0.5) < 0.05 for pair in shares for n in pair]
        wrong = [
            _written(pixels, size, label, **one)
            for one in ({"order": None}, {"order": lambda point: point[::-1]})
        ]
        right = _written(pixels, size, label)
        # Some number ends in .0, and among many points text has another order than numbers.
        told = '.0"' in right
        told &= (_written(pixels, size, label, order=_as_words) == right) == (count < 12)
        if told and not any(near) and (count < 3 or len({right, *wrong}) == 3):
            return pixels, size, label


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
    for count in (3, 12):
        with student.on(f"{count} points"):
            POINTS.run(student, lambda n=count: _draw_points(student, n))


@check(
    "sorted by x, then by y, as they are written",
    "Two points at x = 10.04 and 10.01 are both written 10.0. Which comes first?",
    after=[points_several],
)
def points_order(student: Student) -> None:
    with student.on("two x that are alike once they are rounded"):
        POINTS.run(student, lambda: _alike_rounded(student, 0.4))
    with student.on("two x that are alike"):
        POINTS.run(student, lambda: _alike_rounded(student, 0))
    with student.on("two places that are alike once they are rounded"):
        POINTS.run(student, lambda: _twice_written(student))


@check(
    "one point, and none",
    "One: <point x= y= …>. None: a sentence.",
)
def points_few(student: Student) -> None:
    with student.on("one point"):
        POINTS.run(student, lambda: _draw_points(student, 1))
    with student.on("no point"):
        POINTS.run(student, lambda: ([], (480, 640), "cat"))


@check(
    "a label cannot be taken for a tag",
    "Four characters have a meaning in a tag: & < > and the quote. Which is replaced first?",
    after=[points_several, points_few],
)
def points_label(student: Student) -> None:
    for count in (1, 3):
        with student.on(f"{count} points labelled {LABEL}"):
            POINTS.run(student, lambda n=count: _draw_points(student, n, True))


@check(
    "tensors and lists alike, and what was passed stays as it was",
    "Iterate over the rows, and make each number a float before you compare.",
    after=[points_several, points_few],
    keeps_arguments=True,
)
def points_kinds(student: Student) -> None:
    for count in (4, 1):
        with student.on(f"a tensor of shape ({count}, 2)"):

            def draw(n: int = count) -> tuple[Any, ...]:
                pixels, *rest = _draw_points(student, n)
                return torch.tensor(pixels, dtype=torch.float64), *rest

            POINTS.run(student, draw)
    with student.on("a tensor of shape (0, 2)"):
        POINTS.run(student, lambda: (torch.zeros(0, 2), (480, 640), "cat"))
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
