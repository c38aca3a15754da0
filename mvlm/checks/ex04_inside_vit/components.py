"""Exercise 04, `components`: what filters look for."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex04_inside_vit.common import expect_all_digits
from mvlm.checks.expect import Comparison, close, expect_finite, expect_shape


def _components(
    weight: Tensor,
    k: int,
    channels: int,
    *,
    before: Callable[[Tensor], Tensor] = lambda table: table,
    centre: bool = True,
    channels_last: bool = False,
) -> Tensor:
    """Eigenvectors of the rows' scatter, float64; the keywords plant a mistake."""
    table = before(weight.double())
    table = table - table.mean(dim=0) if centre else table
    largest_first = torch.linalg.eigh(table.T @ table).eigenvectors.T.flip(0)[:k]
    place = largest_first.abs().argmax(dim=1, keepdim=True)
    found = largest_first * largest_first.gather(1, place).sign()
    side = math.isqrt(weight.shape[1] // channels)
    if channels_last:
        return found.reshape(k, side, side, channels).movedim(3, 1)
    return found.reshape(k, channels, side, side)


def _read_components(value: Any, weight: Tensor, k: int, channels: int) -> Tensor:
    side = math.isqrt(weight.shape[1] // channels)
    shape = (k, channels, side, side)
    folded = expect_shape(value, shape, "components", "(k, C, P, P)", "A filter has C·P·P numbers.")
    found = expect_finite(folded, "the components").double()
    lengths = found.flatten(1).norm(dim=1)
    if not close(lengths, torch.ones(k), 1e-3):
        fail(
            f"a component has the length {lengths[(lengths - 1).abs().argmax()].item():.3g}, "
            "wanted 1: the root of the sum of its squares",
            "",
        )
    return found


def _off_line(ours: Tensor, wanted: Tensor) -> Tensor:
    """1 − |cosine| of each component with the right one: 0 on one line, whatever its sign."""
    return 1 - (ours.flatten(1) * wanted.flatten(1)).sum(dim=1).abs()


def _tell_line(ours: Tensor, wanted: Tensor) -> str:
    away, worst = _off_line(ours, wanted).max(dim=0)
    said = f"1 − |cosine| of component {worst} with the right one is {away:.2g}, wanted 0"
    return f"{said}: close, as an approximation such as pca_lowrank is" if away < 0.02 else said


COMPONENTS = Comparison(
    function="components",
    what="the components",
    right=_components,
    read=_read_components,
    alike=lambda ours, wanted: bool((_off_line(ours, wanted) < 1e-4).all()),
    tells=_tell_line,
    mistakes={
        "these are the right components, the least important one first": (
            lambda *given: _components(*given).flip(0)
        ),
        "these are directions about 0: the filters' mean was not taken off": (
            {"centre": False},
            "Subtract the mean FILTER, one number for each pixel, taken over the D filters.",
        ),
        "each filter's own mean over its pixels was taken off": (
            {"before": lambda table: table - table.mean(dim=1, keepdim=True)},
            "Centre over the filters alone: a filter's brightness is part of what it looks for.",
        ),
        "each pixel was divided by its own deviation: take the differences as they are": {
            "before": lambda table: table / table.std(dim=0)
        },
        "the directions are folded as h, w, c: in this weight the channel comes first": (
            {"channels_last": True},
            "reshape cuts the last axes as they lie in memory: C, then P, then P.",
        ),
        "these are the right components, each lying on its side: rows and columns exchanged": (
            lambda *given: _components(*given).mT,
            "In a filter the row of a pixel comes before its column.",
        ),
    },
)
SIGNED = Comparison(
    function="components",
    what="a component's number",
    right=_components,
    read=_read_components,
)


def _filters(
    student: Student, count: int, k: int, channels: int, side: int, mean: float = 0.0
) -> tuple[Tensor, int, int]:
    """Filters that differ along a few lines, each half as much as the one before, about a mean."""
    length = channels * side * side
    ranks = min(count - 1, length, 6)
    pictures = torch.linalg.qr(student.normal(length, ranks).double()).Q.T
    amounts = student.normal(count, ranks).double()
    amounts = torch.linalg.qr(amounts - amounts.mean(dim=0)).Q
    sizes = 8.0 * 0.6 ** torch.arange(ranks).double()
    # Of the mean no part is small along any line: so who does not centre finds another line.
    away = mean * torch.linalg.qr(student.normal(length, 1).double()).Q.T
    return (amounts * sizes @ pictures + away).float(), k, channels


@check(
    "the lines along which filters differ most, the first one first",
    "The filters less their mean; rows of Vᵀ; largest variance first (eigh puts it last).",
)
def comp_lines(student: Student) -> None:
    with student.on("40 filters of 16 numbers; a component has 16 as well"):
        COMPONENTS.run(student, lambda: _filters(student, 40, 3, 1, 4))


@check(
    "filters that lie far from 0",
    "Components say how filters DIFFER. What do all of them have in common?",
    after=[comp_lines],
)
def comp_centred(student: Student) -> None:
    with student.on("filters about a common mean"):
        COMPONENTS.run(student, lambda: _filters(student, 30, 4, 1, 4, mean=9.0))


@check(
    "several channels: each component is a picture (C, P, P)",
    "In which order do a filter's numbers lie: c, h, w or h, w, c?",
    after=[comp_lines],
)
def comp_channels(student: Student) -> None:
    for channels, side, mean in ((3, 2, 0.0), (4, 3, 9.0)):
        with student.on(f"{channels} channels, {side}×{side} pixels"):
            COMPONENTS.run(student, partial(_filters, student, 60, 4, channels, side, mean))


@check(
    "fewer filters than pixels",
    "Which matrices are square, and of what size? full_matrices=False keeps them small.",
    after=[comp_lines],
)
def comp_few(student: Student) -> None:
    COMPONENTS.run(student, lambda: _filters(student, 6, 5, 3, 3))


@check(
    "the number of the largest size is positive, and float64 stays float64",
    "A singular vector's sign is arbitrary. Which of a component's numbers is largest by size?",
    after=[comp_lines],
    keeps_arguments=True,
)
def comp_sign(student: Student) -> None:
    for _ in range(3):
        SIGNED.run(student, lambda: _filters(student, 20, 3, 1, 3))
    weight, *rest = _filters(student, 20, 2, 1, 3)
    expect_all_digits(student, SIGNED, weight.double() + 2.0**-30, *rest)


QUESTION = Question(
    function="components",
    title="What filters look for",
    minutes=20,
    teaches="which matrix is decomposed, about which mean, and along which axis",
    checks=(comp_lines, comp_centred, comp_channels, comp_few, comp_sign),
)
