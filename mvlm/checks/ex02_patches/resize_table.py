"""Exercise 02, `resize_table`: places for another grid."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import KIND, close, doubles, equal, expect_kind, expect_shape, tensor_of

Grid = tuple[int, int]  # rows and columns


def _cubic_taps(old: int, new: int) -> Tensor:
    """(new, old): how much each old place counts for each new one; Keys 1981 with a = -0.75."""
    taps = torch.zeros(new, old, dtype=torch.float64)
    for place in range(new):
        centre = (place + 0.5) * old / new - 0.5
        for source in range(math.floor(centre) - 1, math.floor(centre) + 3):
            d = abs(centre - source)
            near, far = 1.25 * d**3 - 2.25 * d**2 + 1, -0.75 * d**3 + 3.75 * d**2 - 6 * d + 3
            taps[place, min(max(source, 0), old - 1)] += near if d <= 1 else far
    return taps


_resize = tensor_of("resize_table")
SCALE = (
    "Do you give F.interpolate a scale factor? 11 · (15 / 11) is a little below 15 in floating "
    "point: give the size."
)


@check(
    "the places are resized as a picture of rows × columns",
    "F.interpolate takes (1, D, rows, columns). Which axis is D in the table?",
)
def table_values(student: Student) -> None:
    # A scale factor gives the last of these grids one column too few.
    grids = [((2, 3), (4, 5)), ((3, 2), (2, 3)), ((4, 4), (7, 9)), ((2, 11), (3, 15))]
    for old, new in grids:
        table = student.normal(1 + old[0] * old[1], 6)
        hint = SCALE if old == (2, 11) else None
        with student.on(f"from {old[0]}×{old[1]} to {new[0]}×{new[1]}", hint):
            resized = _resize(student, table, old, new, 1)
            if hint and resized.shape == (1 + 3 * 14, 6):
                fail("an axis has 14 places, wanted 15")
            expected = _resized(table[1:], old, new)
            if _holds(resized, expected):
                continue
            if resized.shape != (1 + new[0] * new[1], 6):
                fail(
                    f"resize_table returned {tuple(resized.shape)}, wanted {1 + len(expected), 6}",
                    "How many places has the new grid, and how many rows stand before them?",
                )
            _fail_on_places(resized[1:], table[1:], old, new)


def _holds(table: Tensor, places: Tensor) -> bool:
    """Whether the places are right; where the prefix row is has a check of its own."""
    parts = (table[1:], table[:-1], table) if table.ndim else ()
    return any(close(part, places) for part in parts)


def _resized(places: Tensor, old: Grid, new: Grid) -> Tensor:
    taps = [_cubic_taps(*sides) for sides in zip(old, new, strict=True)]
    picture = places.double().reshape(*old, -1)
    return torch.einsum("ir,jc,rcd->ijd", *taps, picture).flatten(0, 1)


def _interpolated(places: Tensor, old: Grid, new: Grid, **how: Any) -> Tensor:
    """(D, rows·columns): what torch makes of the places, channel by channel."""
    channels = [column.reshape(1, 1, *old) for column in places.T]
    return torch.stack([F.interpolate(channel, new, **how).flatten() for channel in channels])


def _fail_on_places(ours: Tensor, places: Tensor, old: Grid, new: Grid) -> None:
    """Say which resize gives these numbers."""
    hint = "The shape is right. Read the arguments again."
    for name, how in {
        "a bilinear resize": {"mode": "bilinear"},
        "a bilinear resize with align_corners=True": {"mode": "bilinear", "align_corners": True},
        "a bicubic resize with align_corners=True": {"mode": "bicubic", "align_corners": True},
        "a bicubic resize with antialiasing": {"mode": "bicubic", "antialias": True},
        "a bilinear resize with antialiasing": {"mode": "bilinear", "antialias": True},
        "the nearest place": {"mode": "nearest"},
        "the nearest place (exact)": {"mode": "nearest-exact"},
        "a mean over areas": {"mode": "area"},
    }.items():
        if close(ours, _interpolated(places, old, new, **how).T):
            fail(f"these are the numbers of {name}", hint)
    if close(ours, _interpolated(places, old, new, mode="bicubic").reshape(ours.shape)):
        fail(
            "the resize is right, and its numbers are still channel by channel",
            "F.interpolate gives (1, D, rows, columns). Which axis must stand last in the table?",
        )
    for which, numbers in {
        "of the new grid": _resized(places, old, new[::-1]),
        "of the old grid": _resized(places, old[::-1], new),
        "of both grids": _resized(places, old[::-1], new[::-1]),
        "of the result": _resized(places, old, new).reshape(*new, -1).transpose(0, 1).flatten(0, 1),
    }.items():
        if close(ours, numbers):
            fail(
                f"rows and columns {which} have changed places",
                "A grid is (rows, columns), and so is the size that F.interpolate takes.",
            )
    fail("the resized places are not those of a bicubic resize of the grid")


@check(
    "rows that stand for no place are kept to the bit",
    "Take the first `prefix` rows away first, and put them back at the end.",
)
def table_prefix(student: Student) -> None:
    for prefix in (1, 0, 2):
        hint = None if prefix == 1 else "What in your code supposes one row without a place?"
        with student.on(f"prefix {prefix}", hint):
            table = student.normal(prefix + 4, 4)
            resized = _resize(student, table, (2, 2), (3, 3), prefix)
            expect_shape(resized, (prefix + 9, 4), "resize_table", "(prefix + rows·columns, D)")
            if prefix and equal(resized[-prefix:], table[:prefix]):
                fail("the rows that stand for no place came back last", "")
            if not equal(resized[:prefix], table[:prefix]):
                fail("the rows that stand for no place came back changed")
    table = doubles(student.distinct(5, 4))
    with student.on("a table of float64", KIND):
        resized = _resize(student, table, (2, 2), (3, 3), 1)
        expect_shape(resized, (10, 4), "resize_table", "(prefix + rows·columns, D)")
        expect_kind(resized, table, "a table stays what it is")
        if not any(equal(resized[n], table[0]) for n in (0, -1)):
            fail("the row that stands for no place came back changed")


@check(
    "the same grid changes nothing, and the given table stays as it was",
    "What does your function do when there is nothing to do? And to its argument?",
    after=[table_values],
)
def table_same(student: Student) -> None:
    table = student.normal(1 + 9, 4)
    if not _holds(_resize(student, table, (3, 3), (3, 3), 1), table[1:]):
        fail("from 3×3 to 3×3, the table came back changed")
    resized = _resize(student, table, (3, 3), (6, 6), 1)
    if resized.ndim != 2 or resized.shape[0] not in (36, 37):
        fail(f"no table of 6×6 places to look at: the shape is {tuple(resized.shape)}", "")
    if student.changes:
        fail("after the call, the table that was passed has other numbers than before")


QUESTION = Question(
    function="resize_table",
    title="Places for another grid",
    minutes=20,
    teaches="why a table of places is a small picture",
    checks=(table_values, table_prefix, table_same),
)
