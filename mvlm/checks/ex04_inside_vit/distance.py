"""Exercise 04, `distance`: how far a head looks."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex04_inside_vit.common import attention, expect_all_digits
from mvlm.checks.expect import Comparison, expect_finite, expect_shape


def _shares(looks: Tensor, *, together: bool = False) -> Tensor:
    """Rows that sum to 1, a row of zeros apart; a mistake: all rows of a head share one sum."""
    sums = looks.sum(dim=-1, keepdim=True)
    sums = sums.mean(dim=(1, 3), keepdim=True) if together else sums
    return looks / sums.clamp(min=1e-30)


def _distance(
    attentions: Tensor,
    grid: tuple[int, int],
    patch_size: int,
    *,
    apart: Callable[..., float] = lambda down, right, size: size * math.hypot(down, right),
    shares: Callable[[Tensor], Tensor] = _shares,
    first: bool = False,
) -> Tensor:
    """(L, H), of every two patches' places; the keywords plant a mistake."""
    places = list(itertools.product(range(grid[0]), range(grid[1])))
    count = len(places)
    table = [[apart(abs(a - c), abs(b - d), patch_size) for c, d in places] for a, b in places]
    part = slice(count) if first else slice(-count, None)
    looks = shares(attentions.double()[..., part, part])
    return (looks * torch.tensor(table, dtype=torch.float64)).sum(dim=-1).mean(dim=(1, 3))


def _over_lookers(attentions: Tensor, grid: tuple[int, int], size: int) -> Tensor:
    """A mistake: the mean over those patches that look at patches."""
    count = math.prod(grid)
    looks = attentions.double()[..., -count:, -count:].sum(dim=-1) > 0
    return _distance(attentions, grid, size) / looks.double().mean(dim=(1, 3))


def _read_distance(value: Any, attentions: Tensor, *_: Any) -> Tensor:
    shape = (attentions.shape[0], attentions.shape[2])
    meaning = "(L, H), one number a head"
    hint = "Patches that look and pictures are averaged away; layers and heads stay."
    return expect_finite(expect_shape(value, shape, "distance", meaning, hint), "the distances")


DISTANCE = Comparison(
    function="distance",
    what="a head's distance",
    right=_distance,
    read=_read_distance,
    mistakes={
        "the distances are counted in patches: wanted pixels": {
            "apart": lambda down, right, _: math.hypot(down, right)
        },
        "the squares of the distances were averaged": {
            "apart": lambda down, right, size: (size * math.hypot(down, right)) ** 2
        },
        "steps along rows and along columns were added: wanted the straight line": {
            "apart": lambda down, right, size: size * (down + right)
        },
        "the attention was read down its columns: row i is the patch that looks": (
            lambda attentions, *rest: _distance(attentions.mT, *rest)
        ),
        "a softmax of the weights was taken: they are shares already, divide by their sum": {
            "shares": lambda looks: looks.softmax(dim=-1)
        },
        "what goes to other tokens than patches counts as if it were at distance 0": (
            {"shares": lambda looks: looks},
            "Without the others' columns, a row must be made to sum to 1 again.",
        ),
        "all patches' looks were added up before they were divided: each row has its own sum": (
            {"shares": partial(_shares, together=True)},
            "The mean distance of each patch that looks first, and then the mean of these.",
        ),
        "patches that look at no patch were left out of the mean: each counts, as 0": _over_lookers,
        "the FIRST tokens were taken for patches: class token and registers come before them": {
            "first": True
        },
        "rows and columns of the grid are exchanged": (
            lambda attentions, grid, size: _distance(attentions, grid[::-1], size),
            "The grid is (rows, columns), and the place below is `columns` further on.",
        ),
    },
)


@check(
    "one picture, one head: the mean distance in pixels",
    "Where are patch i and patch j? Row i // columns, column i % columns, times the patch's side.",
)
def dist_pixels(student: Student) -> None:
    size = student.integer(3, 9)
    with student.on("nine tokens for a 3×3 grid: all are patches"):
        DISTANCE.run(student, lambda: (attention(student, 1, 1, 1, 9, 9), (3, 3), size))


@check(
    "every head of every layer, over pictures",
    "(L, B, H, T, T): which axes are averaged away, and which stay?",
    after=[dist_pixels],
)
def dist_heads(student: Student) -> None:
    with student.on("2 layers, 3 pictures, 4 heads"):
        DISTANCE.run(student, lambda: (attention(student, 2, 3, 4, 4, 4), (2, 2), 20))


@check(
    "class token and registers come first and do not count",
    "They have no place. What is left of each row must sum to 1 again, row by row.",
    after=[dist_pixels],
)
def dist_extra(student: Student) -> None:
    for extra in (1, 5):
        with student.on(f"{extra} token{'s' * (extra > 1)} before the nine patches"):
            tokens = 9 + extra
            DISTANCE.run(student, lambda t=tokens: (attention(student, 1, 2, 2, t, t), (3, 3), 8))


@check(
    "a grid that is not square",
    "How far on in the sequence is the patch below? As many as there are columns.",
    after=[dist_pixels],
)
def dist_grid(student: Student) -> None:
    for grid in ((2, 4), (5, 3)):
        with student.on(f"{grid[0]} rows and {grid[1]} columns"):
            count = grid[0] * grid[1]
            DISTANCE.run(student, lambda n=count, g=grid: (attention(student, 1, 1, 2, n, n), g, 6))


@check(
    "a patch that looks at no patch counts as 0, one that hardly does as any; float64 stays",
    "What is a row's sum where the class token got everything, or all but 1e-7 of it?",
    after=[dist_extra],
    keeps_arguments=True,
)
def dist_nothing(student: Student) -> None:
    def sinking() -> tuple[Tensor, tuple[int, int], int]:
        attentions = attention(student, 2, 2, 2, 5, 5)
        attentions[0, 1, 0, 3] = torch.tensor([1.0, 0, 0, 0, 0])
        attentions[0, 0, 1, 2] = torch.tensor([1 - 1e-7, 2e-8, 5e-8, 2e-8, 1e-8])
        attentions[1, 0, 1, :, 1:] = 0
        attentions[1, 0, 1, :, 0] = 1
        return attentions, (2, 2), 10

    with student.on("some patches look at the class token alone, or nearly"):
        DISTANCE.run(student, sinking)
    # Most of these distances are no whole numbers: a table of them in float32 shows.
    exact = attention(student, 2, 1, 2, 10, 10).double().softmax(dim=-1)
    expect_all_digits(student, DISTANCE, exact, (3, 3), 7)


QUESTION = Question(
    function="distance",
    title="How far a head looks",
    minutes=20,
    teaches="to leave out tokens that have no place, and to renormalise",
    checks=(dist_pixels, dist_heads, dist_extra, dist_grid, dist_nothing),
)
