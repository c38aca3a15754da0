"""Exercise 11, `to_original`: back to the original."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import DIGITS, Comparison, close, expect_digits, expect_tensor


def _original(
    points: Tensor,
    written: str,
    size: tuple[int, int],
    frame: tuple[int, int],
    *,
    unit: dict[str, float] | None = None,
    against: str = "size",
    centred: bool = True,
    one_scale: bool = False,
    pad: bool = True,
    fits: Callable[..., float] = min,
    clamp: bool = False,
    keep: bool = False,
    turn: bool = False,
    late: bool = False,
    halves: int = 2,
    digits: int | None = None,
) -> Tensor:
    """Point by point, float64; keyword arguments are mistakes."""
    unit = unit or {"hundredths": 100, "thousandths": 1000}
    height, width = size[::-1] if turn else size
    result = []
    for x, y in points.double().tolist():
        if written in unit:
            far = (height, width) if against == "size" else frame
            x, y = x / unit[written] * far[1], y / unit[written] * far[0]
        else:
            ratios = frame[0] / height, frame[1] / width
            down, across = ratios
            if (written == "padded" and pad) or one_scale:
                down = across = fits(ratios)
            if written == "padded" and pad and centred:
                share = (across, down) if late else (1, 1)
                x -= (frame[1] - across * width) / halves * share[0]
                y -= (frame[0] - down * height) / halves * share[1]
            x, y = x / across, y / down
        if digits is not None:
            x, y = round(x, digits), round(y, digits)
        inside = 0 <= x <= width and 0 <= y <= height
        if clamp:
            x, y = min(max(x, 0.0), width), min(max(y, 0.0), height)
        if inside or keep or clamp:
            result.append((x, y))
    return torch.tensor(result, dtype=torch.float64).reshape(-1, 2)


def _read_places(value: Any, points: Tensor, *rest: Any) -> Tensor:
    expect_tensor(value, "to_original")
    if value.ndim != 2 or value.shape[1] != 2:
        fail(f"to_original returned {tuple(value.shape)}, wanted (M, 2): a row for each point")
    return value


ORIGINAL = Comparison(
    function="to_original",
    what="a coordinate",
    right=_original,
    read=_read_places,
    tells=lambda ours, wanted: (
        f"{len(ours)} points came back, wanted {len(wanted)}"
        if len(ours) != len(wanted)
        else f"the first point is {_pair(ours)}, wanted {_pair(wanted)}"
        if not close(ours[:1], wanted[:1])
        else "the first point is right, and another one is not"
    ),
    mistakes={
        "thousandths were taken for hundredths": {"unit": {"hundredths": 100, "thousandths": 100}},
        "shares were taken of the frame's sides: they are shares of the ORIGINAL's": {
            "against": "frame"
        },
        "height and width of the original are swapped: size is (height, width)": {"turn": True},
        "one scale for both sides: a stretched picture has two, one down and one across": {
            "one_scale": True
        },
        "the padding was forgotten: a padded picture has one scale, and begins after it": {
            "pad": False
        },
        "the scale is right, but the padding before the picture was not taken off": {
            "centred": False
        },
        "the padding was taken off after the division: it is counted in pixels of the frame": {
            "late": True
        },
        "all the padding was taken off: half of it lies before the picture, half behind it": {
            "halves": 1
        },
        "the picture was not enlarged: it is scaled as large as fits, also if it is small": {
            "fits": lambda ratios: min(*ratios, 1)
        },
        "the larger of the two scales was taken: then the picture would not fit": {"fits": max},
        "a point outside the picture was moved to its border: it is left out": {"clamp": True},
        "y came before x: places are (x, y), as they came": lambda *given: _original(*given).flip(
            1
        ),
        "a point outside the picture was kept: it is left out": {"keep": True},
        "the places were rounded to whole pixels: they stay as they are": {"digits": 0},
    },
)


def _pair(points: Tensor) -> str:
    x, y = points[0].tolist()
    return f"({x:.2f}, {y:.2f})"


SCALES = {"hundredths": 100.0, "thousandths": 1000.0}


@drawn_once
def _draw_places(
    student: Student,
    written: str,
    count: int = 4,
    outside: bool = False,
    tall: bool = False,
    small: bool = False,
) -> tuple[Any, ...]:
    """Points well inside the picture, or some well outside."""
    size = 10 * student.integer(24, 50) + 3, 10 * student.integer(70, 99) + 7
    size = size[::-1] if tall else size
    side = 10 * student.integer(36, 55) * (3 if small else 1)
    frame = (side, side) if written == "padded" else (side, side + 10 * student.integer(5, 20))
    shares = 0.1 + 0.8 * torch.rand(count, 2, generator=student.generator, dtype=torch.float64)
    if outside:
        shares[::3, 1] += 1.0  # below the picture
        shares[1::3, 0] -= 1.0  # left of it
    if written in SCALES:
        points = shares * SCALES[written]
    elif written == "stretched":
        points = shares * torch.tensor([frame[1], frame[0]])
    else:
        scale = min(frame[0] / size[0], frame[1] / size[1])
        inner = torch.tensor([scale * size[1], scale * size[0]], dtype=torch.float64)
        start = (torch.tensor([frame[1], frame[0]]) - inner) / 2
        points = start + shares * inner
    return points.float(), written, size, frame


@check(
    "shares of the original's sides: hundredths and thousandths",
    "A share does not care how the picture was resized. Which argument is not needed here?",
)
def original_shares(student: Student) -> None:
    for written in SCALES:
        with student.on(written):
            ORIGINAL.run(student, lambda w=written: _draw_places(student, w))


@check(
    "pixels of a frame into which the picture was stretched",
    "Across, the frame's width shows the original's width. Down, it is another scale.",
)
def original_stretched(student: Student) -> None:
    for tall in (False, True):
        with student.on("a tall picture" if tall else "a wide picture"):
            ORIGINAL.run(student, lambda t=tall: _draw_places(student, "stretched", 4, False, t))


@check(
    "pixels of a frame that was filled up with padding",
    "Where does the picture begin in its frame? Take that off before you divide.",
)
def original_padded(student: Student) -> None:
    for tall in (False, True):
        with student.on("a tall picture" if tall else "a wide picture"):
            ORIGINAL.run(student, lambda t=tall: _draw_places(student, "padded", 4, False, t))
    with student.on("a picture smaller than its frame"):
        ORIGINAL.run(student, lambda: _draw_places(student, "padded", 4, False, False, True))


@check(
    "points outside the picture are left out; none, borders, other kinds of numbers",
    "In the padding there is no picture. What does your function return when nothing is left?",
    after=[original_shares, original_stretched, original_padded],
    keeps_arguments=True,
)
def original_outside(student: Student) -> None:
    for written in ("hundredths", "stretched", "padded"):
        with student.on(f"seven points, {written}"):
            ORIGINAL.run(student, lambda w=written: _draw_places(student, w, 7, True))
    with student.on("no point at all", "torch.stack of an empty list raises."):
        ORIGINAL.run(student, lambda: (torch.zeros(0, 2), "padded", (300, 200), (400, 400)))
    with student.on("points on the borders: they belong to the picture"):
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
