"""Exercise 08, `rotate`: rotary positions."""

import cmath
import math
from collections.abc import Callable

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import same_shape
from mvlm.checks.expect import DIGITS, Comparison, close, expect_kind, expect_shape, expect_slopes


def _turn(
    x: Tensor,
    positions: Tensor,
    theta: float,
    *,
    speed: Callable[[int, int, float], float] = lambda i, d, theta: theta ** (-2 * i / d),
    pairs: str = "halves",
) -> Tensor:
    """Each pair of numbers as one complex number, times e^(i·angle); float64."""
    width = x.shape[-1]
    half = width // 2
    result = x.double().clone()
    for i in range(half):
        a, b = (i, i + half) if pairs == "halves" else (2 * i, 2 * i + 1)
        turns = [cmath.exp(1j * int(p) * speed(i, width, theta)) for p in positions.tolist()]
        factor = torch.tensor(turns, dtype=torch.complex128)
        both = torch.complex(x[..., a].double(), x[..., b].double()) * factor
        result[..., a], result[..., b] = both.real, both.imag
    return result


def _interleaved(x: Tensor) -> Tensor:
    """A mistake: the halves of each head as neighbours."""
    return torch.stack(x.chunk(2, -1), -1).flatten(-2)


def _one_sign(x: Tensor, positions: Tensor, theta: float, *, first: bool) -> Tensor:
    """A mistake: one number of each pair is turned the other way."""
    right, other = _turn(x, positions, theta), _turn(x, -positions, theta)
    halves = [one.chunk(2, -1) for one in (right, other)]
    return torch.cat([halves[first][0], halves[not first][1]], -1)


ROTATE = Comparison(
    function="rotate",
    what="the result",
    right=_turn,
    read=same_shape("rotate", 0, "that of x"),
    mistakes={
        "neighbours were paired, 0 with 1 and 2 with 3: here number i goes with i + d/2": {
            "pairs": "neighbours"
        },
        "the turned halves were interleaved in the result: the first numbers of all pairs "
        "come first, then the second ones": lambda x, positions, theta: _interleaved(
            _turn(x, positions, theta)
        ),
        "a sign: the first number of a pair becomes a cos − b sin, not a cos + b sin": (
            lambda x, positions, theta: _one_sign(x, positions, theta, first=True)
        ),
        "a sign: the second number of a pair becomes b cos + a sin, not b cos − a sin": (
            lambda x, positions, theta: _one_sign(x, positions, theta, first=False)
        ),
        "everything is turned the other way round: by minus the angle": (
            lambda x, positions, theta: _turn(x, -positions, theta)
        ),
        "pair i turns by theta^(-i/d) a position, wanted theta^(-2i/d)": {
            "speed": lambda i, d, t: t ** (-i / d)
        },
        "all pairs turn equally fast": {"speed": lambda *_: 1.0},
        "the angles were taken for degrees: they are radians": {
            "speed": lambda i, d, t: math.radians(t ** (-2 * i / d))
        },
        "turned as if the positions were 0, 1, 2, …: they are what is passed": (
            lambda x, positions, theta: _turn(x, torch.arange(len(positions)), theta)
        ),
        "theta is 10,000 here, whatever is passed": lambda x, positions, theta: _turn(
            x, positions, 1e4
        ),
    },
)


def _draw_rotate(
    student: Student, *shape: int, positions: list[int] | None = None
) -> tuple[Tensor, Tensor, float]:
    places = range(shape[-2]) if positions is None else positions
    return student.normal(*shape), torch.tensor(list(places)), 50.0 + student.integer(0, 50)


@check(
    "every pair turns by its own angle",
    "Pair i is the numbers i and i + d/2. Turn by position · theta^(-2i/d).",
)
def rotate_pairs(student: Student) -> None:
    ROTATE.run(student, lambda: _draw_rotate(student, 1, 1, 4, 8))
    with student.on("heads of two numbers"):
        ROTATE.run(student, lambda: _draw_rotate(student, 1, 1, 3, 2))


@check(
    "the positions are those that are passed",
    "After 20 tokens in a cache the new one has position 20, though it comes alone.",
    after=[rotate_pairs],
)
def rotate_positions(student: Student) -> None:
    for name, places in (
        ("one token at position 20", [20]),
        ("positions 5, 6, 9", [5, 6, 9]),
        ("positions that go back: 7, 2, 2, 0", [7, 2, 2, 0]),
    ):
        with student.on(name):
            shape = (1, 2, len(places), 6)
            ROTATE.run(student, lambda s=shape, p=places: _draw_rotate(student, *s, positions=p))


@check(
    "several rows and heads, whatever their number",
    "positions has T numbers, and T is the last axis but one of x.",
    after=[rotate_pairs],
)
def rotate_shapes(student: Student) -> None:
    for shape in ((2, 3, 4, 6), (3, 4, 4, 6), (4, 1, 4, 2), (2, 5, 1, 10)):
        with student.on(f"x of {shape}"):
            ROTATE.run(student, lambda s=shape: _draw_rotate(student, *s))


@check(
    "far positions, and numbers of another kind",
    "float16 knows no whole number between 2,048 and 2,050. In which kind do you take the angle?",
    after=[rotate_pairs, rotate_positions],
)
def rotate_far(student: Student) -> None:
    for kind, near in ((torch.float16, 1e-2), (torch.bfloat16, 5e-2), (torch.float64, 1e-3)):
        with student.on(f"x of {kind} at positions 2,049 to 2,053"):
            x, positions, _ = _draw_rotate(
                student, 1, 2, 5, 6, positions=[2049, 2050, 2051, 2052, 2053]
            )
            x = x.to(kind)
            value = student.call("rotate", x, positions, 1e4)
            expect_shape(value, x.shape, "rotate", "that of x")
            expect_kind(value, x, "to turn keeps the kind of number")
            if not close(value, _turn(x, positions, 1e4), near):
                gap = (value.double() - _turn(x, positions, 1e4)).abs().max().item()
                fail(f"the result is up to {gap:.2g} off, though positions of one digit are right")
    with student.on("x of float64 at position 0", DIGITS):
        x = student.normal(1, 2, 1, 6).double() + 2.0**-30
        positions = torch.zeros(1, dtype=torch.int64)
        value = student.call("rotate", x, positions, 1e4)
        if not close(value, x, 1e-12):
            fail("the numbers went through float32 on the way: some digits are lost")


@check(
    "gradients reach what is turned",
    "Queries and keys learn through this function.",
    after=[rotate_pairs],
    keeps_arguments=True,
)
def rotate_gradient(student: Student) -> None:
    x, positions, theta = _draw_rotate(student, 2, 2, 3, 4)
    ROTATE.run(student, lambda: (x, positions, theta))
    expect_slopes(student, "rotate", x, positions, theta, learns={0: "queries"})


QUESTION = Question(
    function="rotate",
    title="Rotary positions",
    minutes=20,
    teaches="how a position is written into queries and keys, for any positions",
    checks=(rotate_pairs, rotate_positions, rotate_shapes, rotate_far, rotate_gradient),
)
