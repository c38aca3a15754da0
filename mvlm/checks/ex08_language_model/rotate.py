"""Exercise 08, `rotate`: rotary positions."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import ours_and_wanted, same_shape
from mvlm.checks.expect import DIGITS, Comparison, close, expect_digits, expect_kind, expect_slopes


def _turn(
    x: Tensor,
    positions: Tensor,
    theta: float,
    *,
    speed: Callable[[Tensor, float], Tensor] = lambda exponents, theta: theta**-exponents,
    takes_neighbours: bool = False,
    leaves_neighbours: bool = False,
    signs: tuple[int, int] = (1, 1),
) -> Tensor:
    """Each pair of numbers as one complex number, times e^(i·angle), in float64.

    The keywords plant a mistake; `signs` are those of the angle for a pair's first number and for
    its second, and the exponents of theta are 2i/d.
    """
    x, width = x.double(), x.shape[-1]
    first, second = (x[..., ::2], x[..., 1::2]) if takes_neighbours else x.chunk(2, -1)
    exponents = torch.arange(0, width, 2, dtype=torch.float64) / width
    angles = positions[:, None] * speed(exponents, theta)
    turned = [torch.complex(first, second) * torch.exp(1j * sign * angles) for sign in signs]
    pairs = turned[0].real, turned[1].imag
    return torch.stack(pairs, -1).flatten(-2) if leaves_neighbours else torch.cat(pairs, -1)


ROTATE = Comparison(
    function="rotate",
    what="the result",
    right=_turn,
    read=same_shape("rotate", "that of x"),
    mistakes={
        "neighbours were paired, 0 with 1 and 2 with 3: here number i goes with i + d/2": {
            "takes_neighbours": True,
            "leaves_neighbours": True,
        },
        "the turned halves were interleaved in the result: the first numbers of all pairs "
        "come first, then the second ones": {"leaves_neighbours": True},
        "a sign: the first number of a pair becomes a cos − b sin, not a cos + b sin": {
            "signs": (-1, 1)
        },
        "a sign: the second number of a pair becomes b cos + a sin, not b cos − a sin": {
            "signs": (1, -1)
        },
        "everything is turned the other way round: by minus the angle": {"signs": (-1, -1)},
        "pair i turns by theta^(-i/d) a position, wanted theta^(-2i/d)": {
            "speed": lambda exponents, theta: theta ** (-exponents / 2)
        },
        "all pairs turn equally fast": {"speed": lambda exponents, _: torch.ones_like(exponents)},
        "the angles were taken for degrees: they are radians": {
            "speed": lambda exponents, theta: theta**-exponents * math.pi / 180
        },
        "turned as if the positions were 0, 1, 2, …: they are what is passed": (
            lambda x, positions, theta: _turn(x, torch.arange(len(positions)), theta)
        ),
        "theta is 10,000 here, whatever is passed": {"speed": lambda exponents, _: 1e4**-exponents},
    },
)


def _draw_rotate(
    student: Student, batch: int, heads: int, positions: Sequence[int], width: int
) -> tuple[Tensor, Tensor, float]:
    x = student.normal(batch, heads, len(positions), width)
    return x, torch.tensor(positions), 50.0 + student.integer(0, 50)


@check(
    "every pair turns by its own angle",
    "Pair i is the numbers i and i + d/2. Turn by position · theta^(-2i/d).",
)
def rotate_pairs(student: Student) -> None:
    ROTATE.run(student, lambda: _draw_rotate(student, 1, 1, range(4), 8))
    with student.on("heads of two numbers"):
        ROTATE.run(student, lambda: _draw_rotate(student, 1, 1, range(3), 2))


@check(
    "the positions are those that are passed",
    "After 20 tokens in a cache the new one has position 20, though it comes alone.",
    after=[rotate_pairs],
)
def rotate_positions(student: Student) -> None:
    for name, positions in (
        ("one token at position 20", [20]),
        ("positions 5, 6, 9", [5, 6, 9]),
        ("positions that go back: 7, 2, 2, 0", [7, 2, 2, 0]),
    ):
        with student.on(name):
            ROTATE.run(student, partial(_draw_rotate, student, 1, 2, positions, 6))


@check(
    "several rows and heads, whatever their number",
    "positions has T numbers, and T is the last axis but one of x.",
    after=[rotate_pairs],
)
def rotate_shapes(student: Student) -> None:
    for batch, heads, tokens, width in ((2, 3, 4, 6), (3, 4, 4, 6), (4, 1, 4, 2), (2, 5, 1, 10)):
        with student.on(f"x of {(batch, heads, tokens, width)}"):
            ROTATE.run(student, partial(_draw_rotate, student, batch, heads, range(tokens), width))


@check(
    "far positions, and numbers of another kind",
    "float16 knows no whole number between 2,048 and 2,050. In which kind do you take the angle?",
    after=[rotate_pairs, rotate_positions],
)
def rotate_far(student: Student) -> None:
    for kind, near in ((torch.float16, 1e-2), (torch.bfloat16, 5e-2), (torch.float64, 1e-3)):
        with student.on(f"x of {kind} at positions 2,049 to 2,053"):
            x, positions, _ = _draw_rotate(student, 1, 2, range(2049, 2054), 6)
            value, wanted = ours_and_wanted(student, ROTATE, x.to(kind), positions, 1e4)
            expect_kind(value, x.to(kind), "to turn keeps the kind of number")
            if not close(value, wanted, near):
                gap = (value.double() - wanted).abs().max().item()
                fail(f"the result is up to {gap:.2g} off, though positions of one digit are right")
    x, place = student.normal(1, 2, 1, 6).double() + 2.0**-30, "x of float64 at position 0"
    with student.on(place):
        value = student.call("rotate", x, torch.tensor([0]), 1e4)
    with student.on(place, DIGITS):
        expect_digits(value, x, x, "rotate", "to turn keeps the kind of number", 1e-12)


@check(
    "gradients reach what is turned",
    "Queries and keys learn through this function.",
    after=[rotate_pairs],
    keeps_arguments=True,
)
def rotate_gradient(student: Student) -> None:
    x, positions, theta = _draw_rotate(student, 2, 2, range(3), 4)
    ROTATE.run(student, lambda: (x, positions, theta))
    expect_slopes(student, "rotate", x, positions, theta, learns={0: "queries"})


QUESTION = Question(
    function="rotate",
    title="Rotary positions",
    minutes=20,
    teaches="how a position is written into queries and keys, for any positions",
    checks=(rotate_pairs, rotate_positions, rotate_shapes, rotate_far, rotate_gradient),
)
