"""Exercise 04, `similarity`: how alike places are."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex04_inside_vit.common import expect_all_digits
from mvlm.checks.expect import Comparison, expect_finite, expect_shape


def _similarity(
    positions: Tensor,
    grid: tuple[int, int],
    *,
    before: Callable[[Tensor], Tensor] = lambda places: places,
    cosines: bool = True,
) -> Tensor:
    """Products, divided by both lengths; the keywords plant a mistake."""
    places = before(positions.double()[-math.prod(grid) :])
    products = places @ places.T
    lengths = products.diag().sqrt()
    both = lengths.outer(lengths)
    result = products / torch.where(both > 0, both, 1) if cosines else products
    return result.reshape(*grid, *grid)


def _read_similarity(value: Any, positions: Tensor, grid: tuple[int, int]) -> Tensor:
    meaning = "(rows, columns, rows, columns)"
    folded = expect_shape(value, (*grid, *grid), "similarity", meaning, "Rows first, both times.")
    return expect_finite(folded, "the cosines")


SIMILARITY = Comparison(
    function="similarity",
    what="the cosine",
    right=_similarity,
    read=_read_similarity,
    mistakes={
        "these are products of the vectors as they are, not cosines: long ones look alike": (
            {"cosines": False},
            "Divide each place's vector by its own length first.",
        ),
        "row 0 of the table was taken for a place: it belongs to the class token": (
            lambda positions, grid: _similarity(positions[: math.prod(grid)], grid),
            "With one row more than places, the first one is the class token's.",
        ),
        "each number was divided by a length over all places: a column's, not a vector's": (
            {"before": lambda places: places / places.norm(dim=0), "cosines": False},
            "Along which axis do the numbers of ONE place lie? Its length is taken along that one.",
        ),
        "the mean position was taken off first: a cosine is of the vectors as they are": {
            "before": lambda places: places - places.mean(dim=0)
        },
        "the places are counted column by column: the table goes row by row": (
            lambda positions, grid: _similarity(positions, grid[::-1]).permute(1, 0, 3, 2),
            "reshape(rows, columns, …): the columns run fastest.",
        ),
    },
)


def _positions(student: Student, count: int, width: int) -> Tensor:
    """Vectors of different lengths with something in common."""
    lengths = torch.linspace(0.5, 3.0, count)[torch.randperm(count, generator=student.generator)]
    return (student.normal(count, width) + 0.7) * lengths[:, None]


@check(
    "the cosine of every two places",
    "The product of two vectors, divided by both lengths, and nothing else.",
)
def sim_cosines(student: Student) -> None:
    width = student.integer(5, 7)
    with student.on("nine rows for a 3×3 grid: none is a class token's"):
        SIMILARITY.run(student, lambda: (_positions(student, 9, width), (3, 3)))


@check(
    "a table with a row for the class token",
    "There is one row more than places. Which one is it?",
    after=[sim_cosines],
)
def sim_class(student: Student) -> None:
    with student.on("ten rows for a 3×3 grid"):
        SIMILARITY.run(student, lambda: (_positions(student, 10, 6), (3, 3)))


@check(
    "a grid that is not square",
    "Rows first, then columns, twice. In which order do the places stand in the table?",
    after=[sim_cosines],
)
def sim_grid(student: Student) -> None:
    for grid in ((2, 4), (5, 3)):
        with student.on(f"{grid[0]} rows and {grid[1]} columns"):
            count = grid[0] * grid[1]
            SIMILARITY.run(student, lambda c=count, g=grid: (_positions(student, c, 5), g))


@check(
    "a position of zeros has cosine 0 with every place, short ones as any, and float64 stays",
    "0/0 is nan. By what may you divide in its place, so that short vectors are not changed?",
    after=[sim_cosines],
    keeps_arguments=True,
)
def sim_zero(student: Student) -> None:
    positions = _positions(student, 6, 5)
    positions[student.integer(0, 5)] = 0
    with student.on("one position is all zeros"):
        SIMILARITY.run(student, lambda: (positions, (2, 3)))
    with student.on("positions of about 0.0003 in length"):
        SIMILARITY.run(student, lambda: (1e-4 * _positions(student, 6, 5), (2, 3)))
    exact = _positions(student, 6, 5).double() + 2.0**-30
    expect_all_digits(student, SIMILARITY, exact, (2, 3))


QUESTION = Question(
    function="similarity",
    title="How alike places are",
    minutes=10,
    teaches="to fold cosines into a map for each place",
    checks=(sim_cosines, sim_class, sim_grid, sim_zero),
)
