"""Right and wrong answers to owners."""

import numpy as np
import torch

from bank import mistake, right


def along(count, inner, margin):
    cell = torch.arange(inner * count + 2 * margin)
    crop = ((cell - margin) // inner).clamp(0, count - 1)
    return crop, cell - crop * inner


@right("As the solutions write it.")
def master(rows, columns, inner, margin):
    side = inner + 2 * margin
    crop_row, row = along(rows, inner, margin)
    crop_column, column = along(columns, inner, margin)
    crop = 1 + crop_row[:, None] * columns + crop_column
    place = row[:, None] * side + column
    return torch.cat((torch.arange(side**2), (crop * side**2 + place).flatten()))


@right("Cell by cell, in loops.")
def by_loops(rows, columns, inner, margin):
    side = inner + 2 * margin
    numbers = list(range(side * side))
    for r in range(inner * rows + 2 * margin):
        a = min(max((r - margin) // inner, 0), rows - 1)
        for c in range(inner * columns + 2 * margin):
            b = min(max((c - margin) // inner, 0), columns - 1)
            image = 1 + a * columns + b
            numbers.append(image * side * side + (r - a * inner) * side + (c - b * inner))
    return torch.tensor(numbers)


@right("Crops paste what they keep into the picture, margins at the edges.")
def by_pasting(rows, columns, inner, margin):
    side = inner + 2 * margin
    picture = torch.empty(inner * rows + 2 * margin, inner * columns + 2 * margin, dtype=torch.long)
    for a in range(rows):
        for b in range(columns):
            image = 1 + a * columns + b
            cells = (image * side**2 + torch.arange(side**2)).view(side, side)
            top = 0 if a == 0 else margin
            left = 0 if b == 0 else margin
            bottom = side if a == rows - 1 else margin + inner
            far = side if b == columns - 1 else margin + inner
            picture[a * inner + top : a * inner + bottom, b * inner + left : b * inner + far] = (
                cells[top:bottom, left:far]
            )
    return torch.cat([torch.arange(side**2), picture.reshape(-1)])


@right("With NumPy's searchsorted over the windows' ends; int32.")
def by_numpy(rows, columns, inner, margin):
    side = inner + 2 * margin

    def one(count):
        cell = np.arange(inner * count + 2 * margin)
        ends = margin + inner * np.arange(1, count)
        crop = np.searchsorted(ends, cell, side="right")
        return crop, cell - crop * inner

    (a, r), (b, c) = one(rows), one(columns)
    image = 1 + np.add.outer(a * columns, b)
    numbers = image * side**2 + np.add.outer(r * side, c)
    return torch.from_numpy(np.concatenate([np.arange(side**2), numbers.ravel()])).int()


@mistake(
    "Crop by crop, each keeping what is its own.",
    fails="owners-row, owners-grid, owners-margins, owners-molmo",
    says="crop by crop: they are to stand in the order of the PICTURE",
)
def crop_by_crop(rows, columns, inner, margin):
    return master(rows, columns, inner, margin).sort().values


@mistake(
    "The first crop that sees a cell keeps it.",
    fails="owners-row, owners-grid, owners-margins, owners-molmo",
    says="was given to the first of them: it belongs to the one in whose window it lies",
)
def first_crop(rows, columns, inner, margin):
    side = inner + 2 * margin
    picture = torch.empty(inner * rows + 2 * margin, inner * columns + 2 * margin, dtype=torch.long)
    for image in range(rows * columns, 0, -1):
        a, b = divmod(image - 1, columns)
        cells = (image * side**2 + torch.arange(side**2)).view(side, side)
        picture[a * inner : a * inner + side, b * inner : b * inner + side] = cells
    return torch.cat([torch.arange(side**2), picture.reshape(-1)])


@mistake(
    "The last crop that sees a cell keeps it.",
    fails="owners-row, owners-grid, owners-margins, owners-molmo",
    says="was given to the last of them: it belongs to the one in whose window it lies",
)
def last_crop(rows, columns, inner, margin):
    side = inner + 2 * margin
    picture = torch.empty(inner * rows + 2 * margin, inner * columns + 2 * margin, dtype=torch.long)
    for image in range(1, rows * columns + 1):
        a, b = divmod(image - 1, columns)
        cells = (image * side**2 + torch.arange(side**2)).view(side, side)
        picture[a * inner : a * inner + side, b * inner : b * inner + side] = cells
    return torch.cat([torch.arange(side**2), picture.reshape(-1)])


@mistake(
    "The crops begin at 0, where the full image's cells are.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="the first crop's numbers begin at 0: those are the full image's",
)
def from_zero(rows, columns, inner, margin):
    numbers = master(rows, columns, inner, margin)
    side = inner + 2 * margin
    numbers[side**2 :] -= side**2
    return numbers


@mistake(
    "Columns before rows.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="the picture's cells stand column by column",
)
def columns_first(rows, columns, inner, margin):
    side = inner + 2 * margin
    numbers = master(rows, columns, inner, margin)
    picture = numbers[side**2 :].view(inner * rows + 2 * margin, -1)
    return torch.cat((numbers[: side**2], picture.T.flatten()))


@mistake(
    "The crops are numbered down the columns.",
    fails="owners-grid, owners-margins, owners-molmo",
    says="the crops were numbered down the columns: they are numbered row by row",
)
def down_the_columns(rows, columns, inner, margin):
    side = inner + 2 * margin
    crop_row, row = along(rows, inner, margin)
    crop_column, column = along(columns, inner, margin)
    crop = 1 + crop_row[:, None] + crop_column * rows
    place = row[:, None] * side + column
    return torch.cat((torch.arange(side**2), (crop * side**2 + place).flatten()))


@mistake(
    "The place is counted in the window, not in the crop.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="the place was counted from the window's corner",
)
def in_the_window(rows, columns, inner, margin):
    side = inner + 2 * margin
    crop_row, row = along(rows, inner, margin)
    crop_column, column = along(columns, inner, margin)
    crop = 1 + crop_row[:, None] * columns + crop_column
    place = (row[:, None] - margin) * side + column - margin
    return torch.cat((torch.arange(side**2), (crop * side**2 + place).flatten()))


@mistake(
    "A crop's row is taken to be as long as its window.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="a crop's row was taken to be `inner` cells long",
)
def short_rows(rows, columns, inner, margin):
    side = inner + 2 * margin
    crop_row, row = along(rows, inner, margin)
    crop_column, column = along(columns, inner, margin)
    crop = 1 + crop_row[:, None] * columns + crop_column
    place = row[:, None] * inner + column
    return torch.cat((torch.arange(side**2), (crop * side**2 + place).flatten()))


@mistake(
    "All cells of all images: what is shared stands there twice.",
    fails="owners-row, owners-grid, owners-margins, owners-molmo",
    says="what two crops share stands there twice",
)
def everything(rows, columns, inner, margin):
    side = inner + 2 * margin
    return torch.arange(side**2 * (1 + rows * columns))


@mistake(
    "The full image is left out.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="as many as the picture has: wanted",
)
def without_full(rows, columns, inner, margin):
    side = inner + 2 * margin
    return master(rows, columns, inner, margin)[side**2 :]


@mistake(
    "The outer margins are left out.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="which is the full image's",
)
def windows_alone(rows, columns, inner, margin):
    side = inner + 2 * margin
    numbers = master(rows, columns, inner, margin)
    picture = numbers[side**2 :].view(inner * rows + 2 * margin, -1)
    down, across = inner * rows, inner * columns
    picture = picture[margin : margin + down, margin : margin + across]
    return torch.cat((numbers[: side**2], picture.flatten()))


@mistake(
    "The crops come before the full image.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="place 0 holds cell",
)
def full_last(rows, columns, inner, margin):
    side = inner + 2 * margin
    numbers = master(rows, columns, inner, margin)
    return torch.cat((numbers[side**2 :], numbers[: side**2]))


@mistake(
    "Cells of the far margin get a crop that is not there.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="wanted",
)
def not_clamped(rows, columns, inner, margin):
    side = inner + 2 * margin
    row, column = (
        torch.arange(inner * rows + 2 * margin),
        torch.arange(inner * columns + 2 * margin),
    )
    a, b = ((row - margin) // inner).clamp(min=0), ((column - margin) // inner).clamp(min=0)
    crop = 1 + a[:, None] * columns + b
    place = (row - a * inner)[:, None] * side + column - b * inner
    return torch.cat((torch.arange(side**2), (crop * side**2 + place).flatten()))


@mistake(
    "A border off by one: the last cell of a window goes to the next crop.",
    fails="owners-row, owners-grid, owners-margins, owners-molmo",
    says="wanted",
)
def off_by_one(rows, columns, inner, margin):
    side = inner + 2 * margin

    def one(count):
        cell = torch.arange(inner * count + 2 * margin)
        crop = ((cell - margin + 1) // inner).clamp(0, count - 1)
        return crop, cell - crop * inner

    (a, r), (b, c) = one(rows), one(columns)
    crop = 1 + a[:, None] * columns + b
    return torch.cat((torch.arange(side**2), (crop * side**2 + r[:, None] * side + c).flatten()))


@mistake(
    "Division gives floats.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="wanted whole ones such as torch.int64",
)
def as_floats(rows, columns, inner, margin):
    return master(rows, columns, inner, margin) / 1


@mistake(
    "A list comes back.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="owners returned a list, wanted a torch tensor",
)
def as_list(rows, columns, inner, margin):
    return master(rows, columns, inner, margin).tolist()


@mistake(
    "The picture as a table, not as one row.",
    fails="owners-one, owners-row, owners-grid, owners-margins, owners-molmo",
    says="owners returned (",
)
def as_table(rows, columns, inner, margin):
    side = inner + 2 * margin
    return master(rows, columns, inner, margin)[side**2 :].view(inner * rows + 2 * margin, -1)
