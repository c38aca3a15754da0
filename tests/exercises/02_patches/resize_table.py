"""Right and wrong answers to resize_table."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bank import mistake, right

CUBIC = -0.75


def taps(old: int, new: int) -> Tensor:
    at = (torch.arange(new, dtype=torch.float64) + 0.5) * old / new - 0.5
    base = at.floor()
    t = at - base
    matrix = torch.zeros(new, old, dtype=torch.float64)
    for k, d in ((-1, t + 1), (0, t), (1, 1 - t), (2, 2 - t)):
        near = (CUBIC + 2) * d**3 - (CUBIC + 3) * d**2 + 1
        far = CUBIC * (d**3 - 5 * d**2 + 8 * d - 4)
        weight = torch.where(d <= 1, near, far)
        index = (base + k).clamp(0, old - 1).long()
        matrix.scatter_add_(1, index[:, None], weight[:, None])
    return matrix


@right("einops throughout.")
def einops(table, old_grid, new_grid, prefix):
    places = rearrange(table[prefix:], "(r k) d -> 1 d r k", r=old_grid[0])
    places = F.interpolate(places, size=new_grid, mode="bicubic")
    return torch.cat([table[:prefix], rearrange(places, "1 d r k -> (r k) d")])


@right("Nothing but loops and slices.")
def loops(table, old_grid, new_grid, prefix):
    if tuple(old_grid) == tuple(new_grid):
        return table
    columns = []
    for d in range(table.shape[1]):
        channel = table[prefix:, d].reshape(1, 1, old_grid[0], old_grid[1])
        channel = F.interpolate(channel, size=new_grid, mode="bicubic", align_corners=False)
        columns.append(channel.flatten())
    return torch.cat([table[:prefix], torch.stack(columns, 1)])


@right("Through NumPy and back; whole numbers stay whole.")
def numpy(table, old_grid, new_grid, prefix):
    (r, c), (r2, c2) = old_grid, new_grid
    picture = torch.einsum("rcd->drc", table[prefix:].view(r, c, -1)).unsqueeze(0)
    out = F.interpolate(picture, (r2, c2), mode="bicubic", align_corners=False)[0]
    return torch.cat((table[:prefix], out.movedim(0, 2).reshape(r2 * c2, -1)), dim=0)


@right(
    "Strided views of memory, index tables, a helper shared by two answers, and type annotations."
)
def strided(table: Tensor, old_grid, new_grid, prefix: int) -> Tensor:
    down, across = taps(old_grid[0], new_grid[0]), taps(old_grid[1], new_grid[1])
    resized = torch.kron(down, across) @ table[prefix:].double()
    return torch.cat([table[:prefix], resized.to(table.dtype)])


@right("torch's own unfold and fold, and padding by a mask of pixels.")
def unfold(table, old_grid, new_grid, prefix):
    places = table[prefix:].T.unflatten(1, old_grid)[None]
    resized = nn.Upsample(tuple(new_grid), mode="bicubic")(places)
    return torch.vstack([table[:prefix], resized[0].flatten(1).T])


@right(
    "view where an axis is split, convolution with single ones as filters, index tables, narrow."
)
def views_that_split(table, old_grid, new_grid, prefix):
    old = table[prefix:].unflatten(0, tuple(old_grid)).movedim(-1, 0)[None]
    new = F.interpolate(old.double(), list(new_grid), mode="bicubic", align_corners=False)
    return torch.cat(
        (table[:prefix].clone(), new[0].movedim(0, -1).flatten(0, 1).to(table.dtype)), 0
    )


@mistake("With antialiasing.", fails="table-values", says="a bicubic resize with antialiasing")
def antialias(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", antialias=True)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "Bilinear, not bicubic.",
    fails="table-values",
    says="these are the numbers of a bilinear resize (",
)
def bilinear(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bilinear", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "Bilinear, corners aligned.",
    fails="table-values",
    says="a bilinear resize with align_corners=True",
)
def bilinear_corners(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bilinear", align_corners=True)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "Both grids are read as columns × rows.",
    fails="table-values",
    says="of both grids have changed places",
)
def both_turned(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, old_grid[1], old_grid[0], -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=(new_grid[1], new_grid[0]), mode="bicubic")
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "The class row takes part, in one long row of places.",
    fails="table-values, table-prefix",
    says="the rows that stand for no place came back changed",
)
def class_row_resized(table, old_grid, new_grid, prefix):
    count = prefix + new_grid[0] * new_grid[1]
    if tuple(old_grid) == tuple(new_grid):
        return table
    return F.interpolate(table.T[None], size=count, mode="linear")[0].T


@mistake("Corners aligned.", fails="table-values", says="a bicubic resize with align_corners=True")
def corners_aligned(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=True)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "The old table is emptied, to save memory.",
    fails="table-same",
    says="the table that was passed has other numbers than before",
)
def in_place(table, old_grid, new_grid, prefix):
    places = table[prefix:].reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    places = F.interpolate(places, size=new_grid, mode="bicubic", align_corners=False)
    new = torch.cat([table[:prefix], places.flatten(2)[0].T])
    table.zero_()
    return new


@mistake(
    "The nearest place (the default mode).",
    fails="table-values",
    says="these are the numbers of the nearest place (",
)
def nearest(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "What was passed comes back.", fails="table-values, table-prefix, table-same", says="wanted ("
)
def nothing_done(table, old_grid, new_grid, prefix):
    return table


@mistake(
    "The old grid is read as columns × rows.",
    fails="table-values",
    says="of the old grid have changed places",
)
def old_grid_turned(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, old_grid[1], old_grid[0], -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic")
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake("One class row, whatever came.", fails="table-prefix", says="RuntimeError")
def one_prefix_row(table, old_grid, new_grid, prefix):
    kept, places = table[:1], table[1:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "Width before height in the new grid.",
    fails="table-values",
    says="rows and columns of the new grid have changed places",
)
def places_transposed(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(
        picture, size=(new_grid[1], new_grid[0]), mode="bicubic", align_corners=False
    )
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake("The rows without a place are dropped.", fails="table-prefix", says="prefix 1)")
def prefix_dropped(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic")
    return picture.flatten(2)[0].T


@mistake(
    "The rows without a place are put at the end.", fails="table-prefix", says="came back last"
)
def prefix_last(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([picture.flatten(2)[0].T, kept])


@mistake(
    "The rows without a place are zeros.", fails="table-prefix", says="came back changed (prefix 1)"
)
def prefix_zeroed(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic")
    return torch.cat([torch.zeros_like(kept), picture.flatten(2)[0].T])


@mistake(
    "The table is reshaped straight to (1, D, r, c), which mixes the vectors.",
    fails="table-values",
    says="not those of a bicubic resize",
)
def reshaped_to_channels(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, -1, *old_grid)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.reshape(-1, table.shape[1])])


@mistake(
    "By a scale factor, which is rounded down.",
    fails="table-values",
    says="an axis has 14 places, wanted 15",
)
def scale_factor(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    factors = (new_grid[0] / old_grid[0], new_grid[1] / old_grid[1])
    picture = F.interpolate(picture, scale_factor=factors, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "By a scale factor, and a reshape to the size that was wanted.",
    fails="table-values",
    says="(from 2×11 to 3×15)",
)
def scale_factor_reshaped(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    factors = (new_grid[0] / old_grid[0], new_grid[1] / old_grid[1])
    picture = F.interpolate(picture, scale_factor=factors, mode="bicubic")
    picture = picture.permute(0, 2, 3, 1)
    return torch.cat([kept, picture.reshape(new_grid[0] * new_grid[1], -1)])


@mistake(
    "The grid's sides are the root of N.",
    fails="table-values",
    says="RuntimeError: Sizes of tensors must match",
)
def square_only(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, int(len(places) ** 0.5), int(len(places) ** 0.5), -1).permute(
        0, 3, 1, 2
    )
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])


@mistake(
    "On the way back column by column.",
    fails="table-values, table-same",
    says="of the result have changed places",
)
def way_back_turned(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic")
    return torch.cat([kept, picture[0].permute(2, 1, 0).flatten(0, 1)])


@right("interpolate with one channel at a time.")
def one_channel(table, old_grid, new_grid, prefix):
    head, places = table[:prefix], table[prefix:]
    columns = [
        F.interpolate(c.reshape(1, 1, *old_grid), tuple(new_grid), mode="bicubic").flatten()
        for c in places.T
    ]
    return torch.cat([head, torch.stack(columns, 1)])


@right("Upsample as a module, float64 inside.")
def upsample(table, old_grid, new_grid, prefix):
    x = table[prefix:].double().unflatten(0, tuple(old_grid)).permute(2, 0, 1)[None]
    y = nn.Upsample(size=tuple(new_grid), mode="bicubic")(x)[0]
    return torch.cat([table[:prefix], y.flatten(1).T.to(table.dtype)], 0)


@right("split, and einsum for the axes.")
def split_einsum(table, old_grid, new_grid, prefix):
    head, places = table.split([prefix, len(table) - prefix])
    if tuple(old_grid) == tuple(new_grid):
        return table.clone()
    x = torch.einsum("rcd->drc", places.reshape(*old_grid, -1))
    y = F.interpolate(x.unsqueeze(0), size=list(new_grid), mode="bicubic", align_corners=False)
    return torch.vstack([head, torch.einsum("drc->rcd", y[0]).reshape(-1, table.shape[1])])


@right("The same grid returns early.")
def early(table, old_grid, new_grid, prefix):
    if old_grid == new_grid:
        return table
    return one_channel(table, old_grid, new_grid, prefix)


@right("movedim, and a new table that is filled.")
def filled(table, old_grid, new_grid, prefix):
    out = table.new_empty(prefix + new_grid[0] * new_grid[1], table.shape[1])
    out[:prefix] = table[:prefix]
    x = table[prefix:].reshape(1, *old_grid, -1).movedim(-1, 1)
    out[prefix:] = (
        F.interpolate(x, new_grid, mode="bicubic").movedim(1, -1).reshape(-1, table.shape[1])
    )
    return out


@mistake(
    "A right way in, a plain reshape on the way back.",
    fails="table-values, table-same",
    says="the resize is right, and its numbers are still channel by channel",
)
def reshaped_back(table, old_grid, new_grid, prefix):
    x = table[prefix:].reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    y = F.interpolate(x, new_grid, mode="bicubic").reshape(-1, table.shape[1])
    return torch.cat([table[:prefix], y])


@mistake("float32 comes back.", fails="table-prefix", says="came out; a table stays what it is")
def single(table, old_grid, new_grid, prefix):
    return one_channel(table.float(), old_grid, new_grid, prefix)


@mistake(
    "Through float32 and back.",
    fails="table-prefix",
    says="the row that stands for no place came back changed",
)
def through_float32(table, old_grid, new_grid, prefix):
    return one_channel(table.float(), old_grid, new_grid, prefix).to(table.dtype)


@mistake(
    "Every row is brought to its old mean length.",
    fails="table-values, table-same",
    says="the resized places are not those of a bicubic resize of the grid",
)
def renormalised(table, old_grid, new_grid, prefix):
    out = one_channel(table, old_grid, new_grid, prefix)
    places = F.normalize(out[prefix:], dim=1) * table[prefix:].norm(dim=1).mean()
    return torch.cat([out[:prefix], places])


@mistake(
    "Rows are repeated, no grid at all.",
    fails="table-values",
    says="the resized places are not those of a bicubic resize of the grid",
)
def line_of_places(table, old_grid, new_grid, prefix):
    x = table[prefix:].T[None]
    y = F.interpolate(x, new_grid[0] * new_grid[1], mode="linear")[0].T
    return torch.cat([table[:prefix], y])


@mistake(
    "First rows, then columns, each linear.",
    fails="table-values",
    says="these are the numbers of a bilinear resize",
)
def twice_linear(table, old_grid, new_grid, prefix):
    x = table[prefix:].reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    y = F.interpolate(x, (new_grid[0], old_grid[1]), mode="bilinear")
    y = F.interpolate(y, tuple(new_grid), mode="bilinear")
    return torch.cat([table[:prefix], y[0].flatten(1).T])


@mistake(
    "The prefix is made new, of zeros.",
    fails="table-prefix",
    says="the rows that stand for no place came back changed",
)
def new_prefix(table, old_grid, new_grid, prefix):
    out = one_channel(table, old_grid, new_grid, prefix)
    out[:prefix] = 0
    return out


@mistake(
    "Cut or filled with zeros, nothing resized.",
    fails="table-values",
    says="the resized places are not those of a bicubic resize of the grid",
)
def cropped(table, old_grid, new_grid, prefix):
    x = table[prefix:].reshape(*old_grid, -1)
    out = torch.zeros(*new_grid, table.shape[1], dtype=table.dtype)
    r, c = min(old_grid[0], new_grid[0]), min(old_grid[1], new_grid[1])
    out[:r, :c] = x[:r, :c]
    return torch.cat([table[:prefix], out.flatten(0, 1)])


@mistake(
    "The numbers are clamped to those that were there.",
    fails="table-values",
    says="the resized places are not those of a bicubic resize of the grid",
)
def clamped(table, old_grid, new_grid, prefix):
    out = one_channel(table, old_grid, new_grid, prefix)
    return torch.cat([out[:prefix], out[prefix:].clamp(table[prefix:].min(), table[prefix:].max())])


@mistake(
    "The places are sorted by their first number.",
    fails="table-values, table-same",
    says="the resized places are not those of a bicubic resize of the grid",
)
def sorted_places(table, old_grid, new_grid, prefix):
    out = one_channel(table, old_grid, new_grid, prefix)
    return torch.cat([out[:prefix], out[prefix:][out[prefix:, 0].argsort()]])
