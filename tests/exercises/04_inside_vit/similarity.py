"""Right and wrong answers to similarity."""

import torch
import torch.nn.functional as F

from bank import mistake, right


@right("As the solutions write it.")
def master(positions, grid):
    units = F.normalize(positions[-grid[0] * grid[1] :], dim=1)
    return (units @ units.T).reshape(*grid, *grid)


@right("A loop over pairs.")
def loops(positions, grid):
    rows, columns = grid
    places = positions[len(positions) - rows * columns :]
    result = torch.zeros(rows, columns, rows, columns, dtype=positions.dtype)
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            size = a.norm() * b.norm()
            if size > 0:
                result[i // columns, i % columns, j // columns, j % columns] = (a @ b) / size
    return result


@right("Unfolded first, then an einsum.")
def with_einsum(positions, grid):
    table = positions[len(positions) - grid[0] * grid[1] :].reshape(*grid, -1)
    lengths = table.pow(2).sum(-1, keepdim=True).sqrt()
    units = torch.where(lengths > 0, table / lengths, 0)
    return torch.einsum("rcd,sed->rcse", units, units)


@right("torch's cosine_similarity.")
def of_torch(positions, grid):
    places = positions[-(grid[0] * grid[1]) :]
    table = F.cosine_similarity(places[:, None], places[None], dim=2)
    return table.view(grid[0], grid[1], grid[0], grid[1])


@mistake(
    "Dot products.",
    fails="sim-class, sim-cosines, sim-grid, sim-zero",
    says="products of the vectors as they are",
)
def dots(positions, grid):
    places = positions[-grid[0] * grid[1] :]
    return (places @ places.T).reshape(*grid, *grid)


@mistake(
    "The class row is taken for a place.", fails="sim-class", says="row 0 of the table was taken"
)
def class_row_kept(positions, grid):
    return master(positions[: grid[0] * grid[1]], grid)


@mistake(
    "The first row is always dropped.",
    fails="sim-cosines, sim-grid, sim-zero",
    says="none is a class token's",
)
def always_dropped(positions, grid):
    units = F.normalize(positions[1:], dim=1)
    return (units @ units.T).reshape(*grid, *grid)


@mistake("No row is ever dropped.", fails="sim-class", says="Error")
def never_dropped(positions, grid):
    units = F.normalize(positions, dim=1)
    return (units @ units.T).reshape(*grid, *grid)


@mistake(
    "Places column by column.",
    fails="sim-class, sim-cosines, sim-grid, sim-zero",
    says="column by column",
)
def by_columns(positions, grid):
    return master(positions, grid[::-1]).permute(1, 0, 3, 2)


@mistake(
    "Columns before rows in the shape.",
    fails="sim-grid, sim-zero",
    says="(rows, columns, rows, columns)",
)
def grid_turned(positions, grid):
    return master(positions, (grid[1], grid[0]))


@mistake("A square grid is assumed.", fails="sim-grid, sim-zero", says="which is (rows, columns")
def square(positions, grid):
    side = grid[0]
    units = F.normalize(positions[-side * side :], dim=1)
    return (units @ units.T).reshape(side, side, side, side)


@mistake(
    "Normalised over the places.",
    fails="sim-class, sim-cosines, sim-grid, sim-zero",
    says="divided by a length over all places",
)
def over_places(positions, grid):
    units = F.normalize(positions[-grid[0] * grid[1] :], dim=0)
    return (units @ units.T).reshape(*grid, *grid)


@mistake(
    "The mean position is taken off first.",
    fails="sim-class, sim-cosines, sim-grid, sim-zero",
    says="the mean position was taken off",
)
def correlation(positions, grid):
    places = positions[-grid[0] * grid[1] :]
    return master(places - places.mean(0), grid)


@mistake("nan for zeros.", fails="sim-zero", says="the cosines hold nan")
def plain_division(positions, grid):
    places = positions[-grid[0] * grid[1] :]
    units = places / places.norm(dim=1, keepdim=True)
    return (units @ units.T).reshape(*grid, *grid)


@mistake("A place is always 1 with itself.", fails="sim-zero", says="the cosine is")
def ones_on_the_diagonal(positions, grid):
    table = master(positions, grid).flatten(0, 1).flatten(1)
    table.fill_diagonal_(1)
    return table.reshape(*grid, *grid)


@mistake(
    "One matrix N×N.",
    fails="sim-class, sim-cosines, sim-grid, sim-zero",
    says="wanted (3, 3, 3, 3)",
)
def one_matrix(positions, grid):
    return master(positions, grid).flatten(2).flatten(0, 1)


@mistake("Through float32.", fails="sim-zero", says="torch.float64 went in")
def single(positions, grid):
    return master(positions.float(), grid)


@mistake(
    "Rounded to three digits.",
    fails="sim-class, sim-cosines, sim-grid, sim-zero",
    says="the cosine is",
)
def rounded(positions, grid):
    return (master(positions, grid) * 1000).round() / 1000


@mistake("Squared.", fails="sim-class, sim-cosines, sim-grid, sim-zero", says="the cosine is")
def squared(positions, grid):
    return master(positions, grid) ** 2


@mistake("Made shorter in place.", fails="sim-zero", says="changed its first argument")
def in_place(positions, grid):
    positions /= 2
    return master(positions, grid)


@mistake("Divided by 0.001 at least.", fails="sim-zero", says="short vectors are not changed")
def wide_bound(positions, grid):
    units = F.normalize(positions[-grid[0] * grid[1] :], dim=1, eps=1e-3)
    return (units @ units.T).reshape(*grid, *grid)


@mistake("A little is added to each length.", fails="sim-zero", says="adds a small number")
def added(positions, grid):
    places = positions[-grid[0] * grid[1] :]
    units = places / (places.norm(dim=1, keepdim=True) + 1e-8)
    return (units @ units.T).reshape(*grid, *grid)


@mistake("Through float32 and back.", fails="sim-zero", says="not all its digits")
def single_inside(positions, grid):
    return master(positions.float(), grid).to(positions.dtype)
