"""Exercise 11, `to_original`: back to the original."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import DIGITS, Comparison, close, expect_digits, expect_tensor

Sides = tuple[int, int]  # height, width
SCALES = {"hundredths": 100.0, "thousandths": 1000.0}


def _shown_at(
    written: str,
    size: Sides,
    frame: Sides,
    *,
    scales: Mapping[str, float] = SCALES,
    one_scale: bool = False,
    pad: bool = True,
    fit: Callable[[Tensor], Tensor] = torch.min,
    before: float = 0.5,
    late: bool = False,
) -> tuple[Tensor, Tensor]:
    """In the numbers that are written, x and y of the picture's corner, and its two sides."""
    whole, window = (torch.tensor(sides[::-1], dtype=torch.float64) for sides in (size, frame))
    corner = torch.zeros(2, dtype=torch.float64)
    if written in scales:
        return corner, corner + scales[written]
    scale = fit(window / whole)
    if written == "padded" and pad:
        corner = before * (window - scale * whole)
        return corner * scale if late else corner, scale * whole
    return corner, scale * whole if one_scale else window


def _original(
    points: Tensor,
    written: str,
    size: Sides,
    frame: Sides,
    *,
    turn: bool = False,
    of_frame: bool = False,
    rounded: bool = False,
    clamp: bool = False,
    keep: bool = False,
    **shown: Any,
) -> Tensor:
    """Each point's share of the picture, times the original's sides, float64.

    Keyword arguments are mistakes, here and in :func:`_shown_at`.
    """
    size = size[::-1] if turn else size
    corner, sides = _shown_at(written, size, frame, **shown)
    whole = torch.tensor(size[::-1])
    shares = (points.double() - corner) / sides
    places = shares * (torch.tensor(frame[::-1]) if of_frame and written in SCALES else whole)
    if rounded:
        places = places.round()
    if clamp:
        return places.clamp(min=0).minimum(whole)
    inside = ((places >= 0) & (places <= whole)).all(dim=1)
    return places if keep else places[inside]


def _read_places(value: Any, points: Tensor, *rest: Any) -> Tensor:
    expect_tensor(value, "to_original")
    if value.ndim != 2 or value.shape[1] != 2:
        fail(f"to_original returned {tuple(value.shape)}, wanted (M, 2): a row for each point")
    return value


def _tell_places(ours: Tensor, wanted: Tensor) -> str:
    if len(ours) != len(wanted):
        return f"{len(ours)} points came back, wanted {len(wanted)}"
    if close(ours[:1], wanted[:1]):
        return "the first point is right, and another one is not"
    (x, y), (wanted_x, wanted_y) = ours[0].tolist(), wanted[0].tolist()
    return f"the first point is ({x:.2f}, {y:.2f}), wanted ({wanted_x:.2f}, {wanted_y:.2f})"


ORIGINAL = Comparison(
    function="to_original",
    what="a coordinate",
    right=_original,
    read=_read_places,
    tells=_tell_places,
    mistakes={
        "thousandths were taken for hundredths": {"scales": dict.fromkeys(SCALES, 100.0)},
        "shares were taken of the frame's sides: they are shares of the ORIGINAL's": {
            "of_frame": True
        },
        "height and width are swapped: size and frame are (height, width)": [
            {"turn": True},
            lambda points, written, *sides: _original(points, written, *(s[::-1] for s in sides)),
        ],
        "one scale for both sides: a stretched picture has two, one down and one across": {
            "one_scale": True
        },
        "the padding was forgotten: a padded picture has one scale, and begins after it": {
            "pad": False
        },
        "the scale is right, but the padding before the picture was not taken off": {"before": 0.0},
        "the padding was taken off after the division: it is counted in pixels of the frame": {
            "late": True
        },
        "all the padding was taken off: half of it lies before the picture, half behind it": {
            "before": 1.0
        },
        "the picture was not enlarged: it is scaled as large as fits, also if it is small": {
            "fit": lambda scales: scales.min().clamp(max=1)
        },
        "the larger of the two scales was taken: then the picture would not fit": {
            "fit": torch.max
        },
        "a point outside the picture was moved to its border: it is left out": {"clamp": True},
        "y came before x: places are (x, y), as they came": (
            lambda *given: _original(*given).flip(1)
        ),
        "a point outside the picture was kept: it is left out": {"keep": True},
        "the places were rounded to whole pixels: they stay as they are": {"rounded": True},
    },
)


@drawn_once
def _draw_places(
    student: Student, written: str, case: str = "wide"
) -> tuple[Tensor, str, Sides, Sides]:
    """Points well inside a picture that is wide, tall or small, or some well outside."""
    size = 10 * student.integer(24, 50) + 3, 10 * student.integer(70, 99) + 7
    size = size[::-1] if case == "tall" else size
    side = 10 * student.integer(36, 55) * (3 if case == "small" else 1)
    frame = (side, side) if written == "padded" else (side, side + 10 * student.integer(5, 20))
    count = 7 if case == "outside" else 4
    shares = 0.1 + 0.8 * torch.rand(count, 2, generator=student.generator, dtype=torch.float64)
    if case == "outside":
        shares[::3, 1] += 1.0  # below the picture
        shares[1::3, 0] -= 1.0  # left of it
    corner, sides = _shown_at(written, size, frame)
    return (corner + shares * sides).float(), written, size, frame


@check(
    "shares of the original's sides: hundredths and thousandths",
    "A share does not care how the picture was resized. Which argument is not needed here?",
)
def original_shares(student: Student) -> None:
    ORIGINAL.each(student, {written: partial(_draw_places, student, written) for written in SCALES})


@check(
    "pixels of a frame into which the picture was stretched",
    "Across, the frame's width shows the original's width. Down, it is another scale.",
)
def original_stretched(student: Student) -> None:
    inputs = {
        "a wide picture": partial(_draw_places, student, "stretched", "wide"),
        "a tall picture": partial(_draw_places, student, "stretched", "tall"),
    }
    ORIGINAL.each(student, inputs)


@check(
    "pixels of a frame that was filled up with padding",
    "Where does the picture begin in its frame? Take that off before you divide.",
)
def original_padded(student: Student) -> None:
    inputs = {
        "a wide picture": partial(_draw_places, student, "padded", "wide"),
        "a tall picture": partial(_draw_places, student, "padded", "tall"),
        "a picture smaller than its frame": partial(_draw_places, student, "padded", "small"),
    }
    ORIGINAL.each(student, inputs)


NONE_LEFT = "What comes back when no point is left? torch.stack of an empty list raises."
BORDERS = "What do your comparisons say of an x that is 0, and of one that is the width?"


@check(
    "points outside the picture are left out; none, borders, other kinds of numbers",
    "A point lies outside if its x does or its y does. Which are kept in yours?",
    after=[original_shares, original_stretched, original_padded],
    keeps_arguments=True,
)
def original_outside(student: Student) -> None:
    for written in ("hundredths", "stretched", "padded"):
        with student.on(f"seven points, {written}"):
            ORIGINAL.run(student, partial(_draw_places, student, written, "outside"))
    with student.on("no point at all", NONE_LEFT):
        ORIGINAL.run(student, lambda: (torch.zeros(0, 2), "padded", (300, 200), (400, 400)))
    with student.on("points on the borders: they belong to the picture", BORDERS):
        corners = torch.tensor([[0.0, 0.0], [100.0, 100.0], [0.0, 100.0]])
        ORIGINAL.run(student, lambda: (corners, "hundredths", (400, 200), (336, 336)))
    with student.on("float64", DIGITS):
        points, *rest = _draw_places(student, "padded")
        points = points.double() + 2.0**-30
        value = student.call("to_original", points, *rest)
        right = _original(points, *rest)
        expect_digits(value, points, right, "to_original", "places keep the kind of number", 1e-11)


QUESTION = Question(
    function="to_original",
    title="Back to the original",
    minutes=20,
    teaches="to bring four kinds of coordinates back to the picture that came",
    checks=(original_shares, original_stretched, original_padded, original_outside),
)
