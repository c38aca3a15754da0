"""Exercise 11, `owners`: whose cell is it?"""

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
    whose: str = "window",
    in_crop: bool = True,
    start: int = 1,
    by_columns: bool = False,
    pitch: int | None = None,
    full: bool = True,
    edges: bool = True,
) -> Tensor:
    """For each cell of the picture every crop is asked; keyword arguments are mistakes."""
    side = inner + 2 * margin
    pitch = side if pitch is None else pitch

    def along(count: int) -> list[tuple[int, int]]:
        """For each cell along a side: its crop, and its place there."""
        found = []
        cells = range(inner * count + 2 * margin)
        for cell in cells if edges else cells[margin : len(cells) - margin]:
            seeing = [a for a in range(count) if a * inner <= cell < a * inner + side]
            windows = [a for a in seeing if a * inner + margin <= cell < (a + 1) * inner + margin]
            crop = {
                "window": (windows or [0 if cell < margin else count - 1])[0],
                "first": seeing[0],
                "last": seeing[-1],
            }[whose]
            found.append((crop, cell - crop * inner - (0 if in_crop else margin)))
        return found

    numbers = list(range(side * side)) if full else []
    for crop_row, row in along(rows):
        for crop_column, column in along(columns):
            crop = crop_column * rows + crop_row if by_columns else crop_row * columns + crop_column
            numbers.append((start + crop) * side * side + row * pitch + column)
    return torch.tensor(numbers)


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
    meaning = f"the full image's {side}·{side} cells and the picture's {down}·{across}"
    return expect_whole(value, (side * side + down * across,), "owners", meaning)


def _crop_order(*sizes: int) -> Tensor:
    return _own(*sizes).sort().values


def _down(rows: int, columns: int, inner: int, margin: int) -> Tensor:
    """A mistake: the picture's cells column by column."""
    side = inner + 2 * margin
    right = _own(rows, columns, inner, margin)
    picture = right[side * side :].view(inner * rows + 2 * margin, inner * columns + 2 * margin)
    return torch.cat((right[: side * side], picture.T.flatten()))


OWNERS = Comparison(
    function="owners",
    what="the number",
    right=_own,
    read=_read_owners,
    alike=lambda ours, wanted: torch.equal(ours.long(), wanted),
    tells=lambda ours, wanted: _first_wrong(ours.long(), wanted),
    mistakes={
        "the right cells, but crop by crop: they are to stand in the order of the PICTURE, "
        "row by row across all crops": _crop_order,
        "a cell that two crops see was given to the first of them: it belongs to the one in "
        "whose window it lies": {"whose": "first"},
        "a cell that two crops see was given to the last of them: it belongs to the one in "
        "whose window it lies": {"whose": "last"},
        "the first crop's numbers begin at 0: those are the full image's, which comes first": {
            "start": 0
        },
        "the picture's cells stand column by column": _down,
        "the crops were numbered down the columns: they are numbered row by row": {
            "by_columns": True
        },
        "the place was counted from the window's corner: in the crop, the window begins "
        "after the margin": {"in_crop": False},
        "a crop's row was taken to be `inner` cells long: with both margins it is longer": (
            lambda rows, columns, inner, margin: _own(rows, columns, inner, margin, pitch=inner)
        ),
    },
)


def _first_wrong(ours: Tensor, wanted: Tensor) -> str:
    at = int((ours != wanted).nonzero()[0])
    return f"place {at} holds cell {int(ours[at])}, wanted {int(wanted[at])}"


def _draw_owners(
    student: Student, rows: int, columns: int, margin: int | None = None
) -> tuple[int, int]:
    """Windows wider than a margin, of a size that is no multiple of it."""
    margin = student.integer(1, 2) if margin is None else margin
    return rows, columns, student.integer(margin + 1, margin + 3), margin


@check(
    "the full image's cells come first, then those of a single crop",
    "One crop sees the whole picture, its margins included: no cell is left out.",
)
def owners_one(student: Student) -> None:
    OWNERS.run(student, lambda: _draw_owners(student, 1, 1))


@check(
    "along one row of crops, each cell from the crop in whose window it lies",
    "By hand: two crops of 4 cells that share 2. Whose window holds cells 2 and 3?",
    after=[owners_one],
)
def owners_row(student: Student) -> None:
    for columns in (2, 4):
        with student.on(f"1×{columns} crops"):
            OWNERS.run(student, lambda n=columns: _draw_owners(student, 1, n))


@check(
    "several rows of crops, in the order of the picture",
    "The first row of the picture's cells runs through ALL crops of the first row.",
    after=[owners_one, owners_row],
)
def owners_grid(student: Student) -> None:
    for rows, columns in ((2, 3), (3, 2), (4, 1)):
        with student.on(f"{rows}×{columns} crops"):
            OWNERS.run(student, lambda r=rows, c=columns: _draw_owners(student, r, c))


@check(
    "no margin, and margins wider than the window",
    "Without margins nothing is shared. With wide ones three crops may see a cell.",
    after=[owners_one, owners_row, owners_grid],
)
def owners_margins(student: Student) -> None:
    for inner, margin in ((3, 0), (2, 3), (1, 2)):
        with student.on(f"windows of {inner} cells, margins of {margin}"):
            OWNERS.run(
                student,
                lambda i=inner, m=margin: (2, student.integer(3, 4), i, m),
            )


@check(
    "Molmo's own sizes",
    "12 cells a side, of which 8 are the window's: a margin is 2 cells wide.",
    after=[owners_one, owners_row, owners_grid],
)
def owners_molmo(student: Student) -> None:
    for rows, columns in ((2, 3), (3, 4), (1, 12)):
        with student.on(f"{rows}×{columns} crops, windows of 8 cells, margins of 2"):
            OWNERS.run(student, lambda r=rows, c=columns: (r, c, 8, 2))


QUESTION = Question(
    function="owners",
    title="Whose cell is it?",
    minutes=25,
    teaches="which crop a cell of the picture is taken from, and where it stands there",
    checks=(owners_one, owners_row, owners_grid, owners_margins, owners_molmo),
)
