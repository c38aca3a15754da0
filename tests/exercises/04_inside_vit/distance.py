"""Right and wrong answers to distance."""

import math

import numpy as np
import torch

from bank import mistake, right


def table(grid, patch_size):
    """(N, N) pixels between centres, in float64."""
    places = torch.cartesian_prod(torch.arange(grid[0]), torch.arange(grid[1]))
    return patch_size * (places[:, None] - places).double().norm(dim=2)


def patches(attentions, grid):
    count = grid[0] * grid[1]
    return attentions[..., -count:, -count:]


def reach(weights, pixels):
    pixels = pixels.to(weights.dtype)
    total = weights.sum(dim=-1)
    return (weights * pixels).sum(dim=-1) / torch.where(total > 0, total, 1)


@right("As the solutions write it.")
def master(attentions, grid, patch_size):
    return reach(patches(attentions, grid), table(grid, patch_size)).mean(dim=(1, 3))


@right("cdist of centres, an einsum, nan replaced by 0.")
def with_einsum(attentions, grid, patch_size):
    rows, columns = grid
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    centres = patch_size * (torch.stack((y, x), -1).flatten(0, 1).double() + 0.5)
    weights = patches(attentions, grid).double()
    sums = torch.einsum("lbhqk,qk->lbhq", weights, torch.cdist(centres, centres))
    return (sums / weights.sum(-1)).nan_to_num(0).mean((1, 3))


@right("Loops over everything.")
def loops(attentions, grid, patch_size):
    rows, columns = grid
    n = rows * columns
    layers, batch, heads, tokens, _ = attentions.shape
    start = tokens - n
    result = torch.zeros(layers, heads, dtype=attentions.dtype)
    pixels = [
        [math.dist((i // columns, i % columns), (j // columns, j % columns)) for j in range(n)]
        for i in range(n)
    ]
    pixels = patch_size * torch.tensor(pixels, dtype=attentions.dtype)
    for layer in range(layers):
        for head in range(heads):
            for picture in range(batch):
                for i in range(n):
                    row = attentions[layer, picture, head, start + i, start:]
                    if row.sum() > 0:
                        result[layer, head] += (row @ pixels[i]) / row.sum()
    return result / (batch * n)


@right("NumPy with complex numbers for places.")
def numpy(attentions, grid, patch_size):
    places = (np.arange(grid[0])[:, None] + 1j * np.arange(grid[1])).ravel()
    pixels = patch_size * np.abs(places[:, None] - places)
    weights = attentions.double().numpy()[..., -len(places) :, -len(places) :]
    total = weights.sum(-1)
    mean = np.divide((weights * pixels).sum(-1), total, out=np.zeros_like(total), where=total > 0)
    return torch.from_numpy(mean.mean((1, 3)))


@mistake("Not renormalised.", fails="dist-extra, dist-nothing", says="as if it were at distance 0")
def not_renormalised(attentions, grid, patch_size):
    return (patches(attentions, grid) * table(grid, patch_size)).sum(-1).mean((1, 3))


@mistake(
    "In patches.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="counted in patches",
)
def in_patches(attentions, grid, patch_size):
    return master(attentions, grid, 1)


@mistake(
    "Squared distances.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="the squares of the distances",
)
def squared(attentions, grid, patch_size):
    pixels = table(grid, patch_size) ** 2
    return reach(patches(attentions, grid), pixels).mean(dim=(1, 3))


@mistake(
    "Steps along rows and columns are added.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="steps along rows and along columns were added",
)
def city_blocks(attentions, grid, patch_size):
    places = torch.cartesian_prod(torch.arange(grid[0]), torch.arange(grid[1]))
    pixels = patch_size * (places[:, None] - places).abs().sum(dim=2).float()
    return reach(patches(attentions, grid), pixels).mean(dim=(1, 3))


@mistake(
    "Averaged over heads.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="one number a head",
)
def over_heads(attentions, grid, patch_size):
    return master(attentions, grid, patch_size).mean(dim=1)


@mistake(
    "One number for each picture, heads averaged.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing",
    says="one number a head",
)
def by_picture(attentions, grid, patch_size):
    return reach(patches(attentions, grid), table(grid, patch_size)).mean(dim=(2, 3))


@mistake(
    "Heads before layers.", fails="dist-extra, dist-grid, dist-heads, dist-nothing", says="(L, H)"
)
def heads_first(attentions, grid, patch_size):
    return master(attentions, grid, patch_size).T


@mistake(
    "The first tokens are taken for patches.",
    fails="dist-extra, dist-nothing",
    says="the FIRST tokens were taken",
)
def first_tokens(attentions, grid, patch_size):
    count = grid[0] * grid[1]
    return reach(attentions[..., :count, :count], table(grid, patch_size)).mean(dim=(1, 3))


@mistake(
    "One token is dropped, whatever there is.",
    fails="dist-extra, dist-grid, dist-heads, dist-pixels",
    says="all are patches",
)
def one_dropped(attentions, grid, patch_size):
    return reach(attentions[..., 1:, 1:], table(grid, patch_size)).mean(dim=(1, 3))


@mistake("Grid turned.", fails="dist-grid", says="rows and columns of the grid are exchanged")
def grid_turned(attentions, grid, patch_size):
    return master(attentions, grid[::-1], patch_size)


@mistake("A square grid is assumed.", fails="dist-grid", says="a head's distance")
def square(attentions, grid, patch_size):
    count = grid[0] * grid[1]
    side = math.isqrt(count - 1) + 1
    places = torch.arange(count)
    places = torch.stack((places // side, places % side), 1)
    pixels = patch_size * (places[:, None] - places).double().norm(dim=2)
    return reach(patches(attentions, grid), pixels).mean(dim=(1, 3))


@mistake("nan for a patch that looks at none.", fails="dist-nothing", says="the distances hold nan")
def nan_left(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    mean = (weights * table(grid, patch_size)).sum(-1) / weights.sum(-1)
    return mean.mean((1, 3))


@mistake(
    "A patch that looks at none is left out of the mean.",
    fails="dist-nothing",
    says="left out of the mean: each counts, as 0",
)
def left_out(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    mean = (weights * table(grid, patch_size)).sum(-1) / weights.sum(-1)
    return mean.transpose(1, 2).flatten(2).nanmean(dim=2).nan_to_num(0)


@mistake(
    "All queries together are divided by all their weights.",
    fails="dist-extra, dist-nothing",
    says="each row has its own sum",
)
def pooled(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    sums = (weights * table(grid, patch_size)).sum((1, 3, 4))
    return sums / weights.sum((1, 3, 4)).clamp(min=1e-30)


@mistake(
    "Columns in place of rows.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="read down its columns",
)
def columns(attentions, grid, patch_size):
    return master(attentions.mT, grid, patch_size)


@mistake(
    "The largest weight's distance.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="a head's distance",
)
def of_the_largest(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    best = torch.zeros_like(weights).scatter(-1, weights.argmax(-1, keepdim=True), 1.0)
    return reach(best, table(grid, patch_size)).mean((1, 3))


@mistake(
    "Rounded to whole pixels.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="a head's distance",
)
def rounded(attentions, grid, patch_size):
    return master(attentions, grid, patch_size).round()


@mistake("Renormalised in place.", fails="dist-nothing", says="changed its first argument")
def in_place(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    total = weights.sum(-1, keepdim=True)
    weights /= torch.where(total > 0, total, 1) * 2
    return 2 * (weights * table(grid, patch_size)).sum(-1).mean((1, 3))


@mistake(
    "A softmax over the patches in place of dividing.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="a softmax of the weights was taken",
)
def softened(attentions, grid, patch_size):
    weights = patches(attentions, grid).softmax(dim=-1)
    return (weights * table(grid, patch_size)).sum(dim=-1).mean((1, 3))


@mistake("Divided by 0.001 at least.", fails="dist-nothing", says="all but 1e-7 of it")
def wide_bound(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    total = weights.sum(dim=-1).clamp(min=1e-3)
    return ((weights * table(grid, patch_size)).sum(dim=-1) / total).mean((1, 3))


@mistake("Divided by 1e-5 at least.", fails="dist-nothing", says="all but 1e-7 of it")
def narrow_bound(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    total = weights.sum(dim=-1).clamp(min=1e-5)
    return ((weights * table(grid, patch_size)).sum(dim=-1) / total).mean((1, 3))


@mistake("1e-8 is added to each sum.", fails="dist-nothing", says="all but 1e-7 of it")
def added(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    total = weights.sum(dim=-1) + 1e-8
    return ((weights * table(grid, patch_size)).sum(dim=-1) / total).mean((1, 3))


@mistake("A table of distances in float32.", fails="dist-nothing", says="a table you made, too")
def single_table(attentions, grid, patch_size):
    pixels = table(grid, patch_size).float()
    return reach(patches(attentions, grid), pixels).mean(dim=(1, 3))


@mistake(
    "All queries of a picture together are divided by all their weights.",
    fails="dist-extra, dist-nothing",
    says="row by row",
)
def pooled_by_picture(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    sums = (weights * table(grid, patch_size)).sum((3, 4))
    return (sums / weights.sum((3, 4)).clamp(min=1e-30)).mean(1)


@mistake("A millionth is added to each sum.", fails="dist-nothing", says="all but 1e-7 of it")
def millionth(attentions, grid, patch_size):
    weights = patches(attentions, grid)
    total = weights.sum(dim=-1) + 1e-6
    return ((weights * table(grid, patch_size)).sum(dim=-1) / total).mean((1, 3))


@mistake(
    "Averaged over heads and pictures, not over patches.",
    fails="dist-extra, dist-grid, dist-heads, dist-nothing, dist-pixels",
    says="layers and heads stay",
)
def wrong_axes(attentions, grid, patch_size):
    return reach(patches(attentions, grid), table(grid, patch_size)).mean(dim=(1, 2))


@mistake("Through float32.", fails="dist-nothing", says="torch.float64 went in")
def single(attentions, grid, patch_size):
    return master(attentions.float(), grid, patch_size)


@mistake("Through float32 and back.", fails="dist-nothing", says="not all its digits")
def single_inside(attentions, grid, patch_size):
    return single(attentions, grid, patch_size).to(attentions.dtype)
