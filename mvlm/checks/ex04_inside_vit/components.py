"""Exercise 04, `components`: what filters look for."""

import math
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex04_inside_vit.common import expect_all_digits
from mvlm.checks.expect import Comparison, close, expect_finite, expect_shape


def _directions(table: Tensor) -> Tensor:
    """Eigenvectors of the rows' scatter about 0, the largest eigenvalue's first."""
    return torch.linalg.eigh(table.T @ table).eigenvectors.T.flip(0)


def _signed(directions: Tensor) -> Tensor:
    """Each row with its largest number, taken as absolute, positive."""
    place = directions.abs().argmax(dim=1, keepdim=True)
    return directions * directions.gather(1, place).sign()


def _components(weight: Tensor, k: int, channels: int, *, centre: bool = True) -> Tensor:
    table = weight.double()
    side = math.isqrt(weight.shape[1] // channels)
    table = table - table.mean(dim=0) if centre else table
    return _signed(_directions(table)[:k]).reshape(k, channels, side, side)


def _channels_last(weight: Tensor, k: int, channels: int) -> Tensor:
    """A mistake: directions are folded as h, w, c."""
    found = _components(weight, k, channels)
    return found.reshape(k, *found.shape[2:], channels).permute(0, 3, 1, 2)


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


def _same_lines(ours: Tensor, wanted: Tensor) -> bool:
    """Whether each pair of components lies on one line, whatever its sign."""
    cosines = (ours.flatten(1) * wanted.double().flatten(1)).sum(dim=1).abs()
    return bool((cosines > 1 - 1e-4).all())


def _tell_line(ours: Tensor, wanted: Tensor) -> str:
    cosines = (ours.flatten(1) * wanted.flatten(1)).sum(dim=1).abs()
    worst = int(cosines.argmin())
    away = 1 - cosines[worst].item()
    said = f"1 − |cosine| of component {worst} with the right one is {away:.2g}, wanted 0"
    return f"{said}: close, as an approximation such as pca_lowrank is" if away < 0.02 else said


def _on_the_side(weight: Tensor, k: int, channels: int) -> Tensor:
    """A mistake: the numbers of a column are taken for those of a row."""
    return _components(weight, k, channels).mT


def _scaled(weight: Tensor, k: int, channels: int) -> Tensor:
    """A mistake: each pixel is divided by its deviation over the filters."""
    table = weight.double()
    return _components(table / table.std(dim=0), k, channels)


COMPONENTS = Comparison(
    function="components",
    what="the components",
    right=_components,
    read=_read_components,
    alike=_same_lines,
    tells=_tell_line,
    mistakes={
        "these are the right components, the least important one first": lambda *given: _components(
            *given
        ).flip(0),
        "these are directions about 0: the filters' mean was not taken off": (
            {"centre": False},
            "Subtract the mean FILTER, one number for each pixel, taken over the D filters.",
        ),
        "each filter's own mean over its pixels was taken off": (
            lambda weight, k, channels: _components(
                weight - weight.mean(dim=1, keepdim=True), k, channels
            ),
            "Centre over the filters alone: a filter's brightness is part of what it looks for.",
        ),
        "each pixel was divided by its own deviation: take the differences as they are": _scaled,
        "the directions are folded as h, w, c: in this weight the channel comes first": (
            _channels_last,
            "reshape cuts the last axes as they lie in memory: C, then P, then P.",
        ),
        "these are the right components, each lying on its side: rows and columns exchanged": (
            _on_the_side,
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


def _filters(student: Student, count: int, channels: int, side: int, mean: float = 0.0) -> Tensor:
    """Filters that differ along a few lines, each half as much as the one before, about a mean."""
    length = channels * side * side
    ranks = min(count - 1, length, 6)
    pictures = torch.linalg.qr(student.normal(length, ranks).double()).Q.T
    amounts = student.normal(count, ranks).double()
    amounts = torch.linalg.qr(amounts - amounts.mean(dim=0)).Q
    sizes = 8.0 * 0.6 ** torch.arange(ranks).double()
    # Of the mean no part is small along any line: so who does not centre finds another line.
    away = mean * torch.linalg.qr(student.normal(length, 1).double()).Q.T
    return (amounts * sizes @ pictures + away).float()


@check(
    "the lines along which filters differ most, the first one first",
    "The filters less their mean; rows of Vᵀ; largest variance first (eigh puts it last).",
)
def comp_lines(student: Student) -> None:
    COMPONENTS.run(student, lambda: (_filters(student, 40, 1, 4), 3, 1))


@check(
    "filters that lie far from 0",
    "Components say how filters DIFFER. What do all of them have in common?",
    after=[comp_lines],
)
def comp_centred(student: Student) -> None:
    with student.on("filters about a common mean"):
        COMPONENTS.run(student, lambda: (_filters(student, 30, 1, 4, mean=9.0), 4, 1))


@check(
    "several channels: each component is a picture (C, P, P)",
    "In which order do a filter's numbers lie: c, h, w or h, w, c?",
    after=[comp_lines],
)
def comp_channels(student: Student) -> None:
    for channels, side, mean in ((3, 2, 0.0), (4, 3, 9.0)):
        with student.on(f"{channels} channels, {side}×{side} pixels"):
            COMPONENTS.run(
                student,
                lambda c=channels, p=side, m=mean: (_filters(student, 60, c, p, mean=m), 4, c),
            )


@check(
    "fewer filters than pixels",
    "Which matrices are square, and of what size? full_matrices=False keeps them small.",
    after=[comp_lines],
)
def comp_few(student: Student) -> None:
    COMPONENTS.run(student, lambda: (_filters(student, 6, 3, 3), 5, 3))


@check(
    "the number of the largest size is positive, and float64 stays float64",
    "A singular vector's sign is arbitrary. Which of a component's numbers is largest by size?",
    after=[comp_lines],
    keeps_arguments=True,
)
def comp_sign(student: Student) -> None:
    for _ in range(3):
        SIGNED.run(student, lambda: (_filters(student, 20, 1, 3), 3, 1))
    exact = _filters(student, 20, 1, 3).double() + 2.0**-30
    expect_all_digits(student, SIGNED, exact, (exact, 2, 1))


QUESTION = Question(
    function="components",
    title="What filters look for",
    minutes=20,
    teaches="which matrix is decomposed, about which mean, and along which axis",
    checks=(comp_lines, comp_centred, comp_channels, comp_few, comp_sign),
)
