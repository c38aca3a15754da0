"""Exercise 11, `owners`: whose cell is it?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_tensor, expect_whole


def _own(
    rows: int,
    columns: int,
    inner: int,
    margin: int,
    *,
    whose: Callable[..., int] = min,
    in_window: bool = False,
    no_margins: bool = False,
    start: int = 1,
    crops_down: bool = False,
    cells_down: bool = False,
) -> Tensor:
    """For each cell of the picture every crop is asked; keyword arguments are mistakes."""
    side = inner + 2 * margin

    def owner(cell: int, count: int) -> int:
        """The crop whose window has its middle nearest: the cell lies in it, if it does in any."""
        seeing = [crop for crop in range(count) if 0 <= cell - crop * inner < side]
        return whose(seeing, key=lambda crop: abs(cell - crop * inner - (side - 1) / 2))

    def along(count: int) -> tuple[Tensor, Tensor]:
        """For each cell along a side of the picture: its crop, and its place there."""
        cells = torch.arange(inner * count + 2 * margin)
        crops = torch.tensor([owner(cell, count) for cell in cells.tolist()])
        return crops, cells - crops * inner - margin * in_window

    (i, row), (j, column) = along(rows), along(columns)
    crops = j * rows + i[:, None] if crops_down else i[:, None] * columns + j
    pitch = inner if no_margins else side
    picture = (start + crops) * side * side + row[:, None] * pitch + column
    return torch.cat((torch.arange(side * side), (picture.T if cells_down else picture).flatten()))


def _read_owners(value: Any, rows: int, columns: int, inner: int, margin: int) -> Tensor:
    side = inner + 2 * margin
    down, across = (inner * count + 2 * margin for count in (rows, columns))
    expect_tensor(value, "owners")
    shared = rows * columns > 1 and margin
    if shared and value.ndim == 1 and len(value) == side * side * (1 + rows * columns):
        fail(
            f"owners returned all {len(value)} cells of all images: what two crops share "
            f"stands there twice; wanted {side * side} + {down}·{across}",
            "How many cells has the picture? Each of them is there once.",
        )
    if value.ndim == 1 and len(value) == down * across:
        fail(
            f"owners returned {len(value)} cells, as many as the picture has: wanted "
            f"{side * side} more, the full image's, before them",
            "",
        )
    meaning = f"the full image's {side}·{side} cells and the picture's {down}·{across}"
    return expect_whole(value, (side * side + down * across,), "owners", meaning).long()


def _first_wrong(ours: Tensor, wanted: Tensor) -> str:
    at = int((ours != wanted).nonzero()[0])
    return f"place {at} holds cell {int(ours[at])}, wanted {int(wanted[at])}"


OWNERS = Comparison(
    function="owners",
    what="the number",
    right=_own,
    read=_read_owners,
    alike=torch.equal,
    tells=_first_wrong,
    mistakes={
        "the right cells, but crop by crop: they are to stand in the order of the PICTURE, "
        "row by row across all crops": lambda *sizes: _own(*sizes).sort().values,
        "a cell that two crops see was given to the first of them: it belongs to the one in "
        "whose window it lies": {"whose": lambda seeing, key: seeing[0]},
        "a cell that two crops see was given to the last of them: it belongs to the one in "
        "whose window it lies": {"whose": lambda seeing, key: seeing[-1]},
        "the first crop's numbers begin at 0: those are the full image's, which comes first": {
            "start": 0
        },
        "the picture's cells stand column by column": {"cells_down": True},
        "the crops were numbered down the columns: they are numbered row by row": {
            "crops_down": True
        },
        "the place was counted from the window's corner: in the crop, the window begins "
        "after the margin": {"in_window": True},
        "a crop's row was taken to be `inner` cells long: with both margins it is longer": {
            "no_margins": True
        },
    },
)


def _draw_owners(student: Student, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Windows wider than a margin, of a size that is no multiple of it."""
    margin = student.integer(1, 2)
    return rows, columns, student.integer(margin + 1, margin + 3), margin


def _compare_owners(student: Student, *grids: tuple[int, int]) -> None:
    inputs = {
        f"{rows}×{columns} crops": partial(_draw_owners, student, rows, columns)
        for rows, columns in grids
    }
    OWNERS.each(student, inputs)


@check(
    "the full image's cells come first, then those of a single crop",
    "One crop sees the whole picture, its margins included: no cell is left out.",
)
def owners_one(student: Student) -> None:
    OWNERS.run(student, partial(_draw_owners, student, 1, 1))


@check(
    "along one row of crops, each cell from the crop in whose window it lies",
    "By hand: two crops of 4 cells that share 2. Whose window holds cells 2 and 3?",
    after=[owners_one],
)
def owners_row(student: Student) -> None:
    _compare_owners(student, (1, 2), (1, 4))


@check(
    "several rows of crops, in the order of the picture",
    "The first row of the picture's cells runs through ALL crops of the first row.",
    after=[owners_one, owners_row],
)
def owners_grid(student: Student) -> None:
    _compare_owners(student, (2, 3), (3, 2), (4, 1))


@check(
    "no margin, and margins wider than the window",
    "Without margins nothing is shared. With wide ones three crops may see a cell.",
    after=[owners_one, owners_row, owners_grid],
)
def owners_margins(student: Student) -> None:
    for inner, margin in ((3, 0), (2, 3), (1, 2)):
        with student.on(f"windows of {inner} cells, margins of {margin}"):
            OWNERS.run(student, lambda i=inner, m=margin: (2, student.integer(3, 4), i, m))


@check(
    "Molmo's own sizes",
    "12 cells a side, of which 8 are the window's: a margin is 2 cells wide.",
    after=[owners_one, owners_row, owners_grid],
)
def owners_molmo(student: Student) -> None:
    inputs = {
        f"{rows}×{columns} crops, windows of 8 cells, margins of 2": (rows, columns, 8, 2)
        for rows, columns in ((2, 3), (3, 4), (1, 12))
    }
    OWNERS.each(student, inputs)


QUESTION = Question(
    function="owners",
    title="Whose cell is it?",
    minutes=25,
    teaches="which crop a cell of the picture is taken from, and where it stands there",
    checks=(owners_one, owners_row, owners_grid, owners_margins, owners_molmo),
)
