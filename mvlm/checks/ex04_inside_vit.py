"""Exercise 04: components, similarity, rollout, distance, a deletion curve, outliers.

What is right is worked out here in float64 and in another way than an answer would: components as
eigenvectors of a covariance, rollout as a row carried back through the layers, the rest in loops.
"""

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    KIND,
    Comparison,
    close,
    equal,
    expect_finite,
    expect_kind,
    expect_shape,
    expect_tensor,
    expect_truth,
)

DIGITS = "Which step works in float32 (a table you made, too), rounds, or adds a small number?"

# components -------------------------------------------------------------------------------------


def _expect_digits(
    student: Student, question: Comparison, given: Tensor, arguments: tuple[Any, ...]
) -> None:
    """Fail unless float64 comes back as such, with digits that float32 does not hold."""
    with student.on("float64 numbers", KIND):
        value = expect_tensor(student.call(question.function, *arguments), question.function)
        expect_kind(value, given, "results keep the kind of what came in")
        ours, wanted = question.read(value, *arguments), question.right(*arguments)
        if not close(ours, wanted, 1e-9):
            away = (ours - wanted).abs().max().item()
            fail(
                f"float64 went in, and the result is off by {away:.0e}: not all its digits", DIGITS
            )


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
    _expect_digits(student, SIGNED, exact, (exact, 2, 1))


# similarity -------------------------------------------------------------------------------------


def _similarity(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    rows, columns = grid
    places = positions.double()[-rows * columns :]
    result = torch.zeros(rows, columns, rows, columns, dtype=torch.float64)
    for i, j in itertools.product(range(rows * columns), repeat=2):
        lengths = places[i].norm() * places[j].norm()
        if lengths > 0:
            cosine = places[i] @ places[j] / lengths
            result[i // columns, i % columns, j // columns, j % columns] = cosine
    return result


def _products(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """A mistake: products of the vectors as they are."""
    places = positions.double()[-grid[0] * grid[1] :]
    return (places @ places.T).reshape(*grid, *grid)


def _first_places(positions: Tensor, grid: tuple[int, int]) -> Tensor | None:
    """A mistake: the class row is taken for a place, and the last place is left out."""
    count = grid[0] * grid[1]
    return _similarity(positions[:count], grid) if len(positions) > count else None


def _by_columns(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """A mistake: places counted column by column."""
    rows, columns = grid
    places = positions[-rows * columns :].unflatten(0, (columns, rows)).transpose(0, 1)
    return _similarity(places.flatten(0, 1), grid)


def _over_places(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """A mistake: each column of the table is divided by its length."""
    places = positions.double()[-grid[0] * grid[1] :]
    return _products(places / places.norm(dim=0).clamp(min=1e-12), grid)


def _centred(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """A mistake: the mean position is taken off."""
    places = positions.double()[-grid[0] * grid[1] :]
    return _similarity(places - places.mean(dim=0), grid)


def _read_similarity(value: Any, positions: Tensor, grid: tuple[int, int]) -> Tensor:
    meaning = "(rows, columns, rows, columns)"
    folded = expect_shape(value, (*grid, *grid), "similarity", meaning, "Rows first, both times.")
    return expect_finite(folded, "the cosines").double()


SIMILARITY = Comparison(
    function="similarity",
    what="the cosine",
    right=_similarity,
    read=_read_similarity,
    mistakes={
        "these are products of the vectors as they are, not cosines: long ones look alike": (
            _products,
            "Divide each place's vector by its own length first.",
        ),
        "row 0 of the table was taken for a place: it belongs to the class token": (
            _first_places,
            "With one row more than places, the first one is the class token's.",
        ),
        "each number was divided by a length over all places: a column's, not a vector's": (
            _over_places,
            "Along which axis do the numbers of ONE place lie? Its length is taken along that one.",
        ),
        "the mean position was taken off first: a cosine is of the vectors as they are": _centred,
        "the places are counted column by column: the table goes row by row": (
            _by_columns,
            "reshape(rows, columns, …): the columns run fastest.",
        ),
    },
)


def _positions(student: Student, count: int, width: int) -> Tensor:
    """Vectors of different lengths with something in common."""
    lengths = torch.linspace(0.5, 3.0, count)[torch.randperm(count, generator=student.generator)]
    return (student.normal(count, width) + 0.7) * lengths[:, None]


@check(
    "the cosine of every two places",
    "The product of two vectors, divided by both lengths, and nothing else.",
)
def sim_cosines(student: Student) -> None:
    width = student.integer(5, 7)
    SIMILARITY.run(student, lambda: (_positions(student, 9, width), (3, 3)))


@check(
    "a table with a row for the class token",
    "There is one row more than places. Which one is it?",
    after=[sim_cosines],
)
def sim_class(student: Student) -> None:
    with student.on("ten rows for a 3×3 grid"):
        SIMILARITY.run(student, lambda: (_positions(student, 10, 6), (3, 3)))


@check(
    "a grid that is not square",
    "Rows first, then columns, twice. In which order do the places stand in the table?",
    after=[sim_cosines],
)
def sim_grid(student: Student) -> None:
    for grid in ((2, 4), (5, 3)):
        with student.on(f"{grid[0]} rows and {grid[1]} columns"):
            count = grid[0] * grid[1]
            SIMILARITY.run(student, lambda c=count, g=grid: (_positions(student, c, 5), g))


@check(
    "a position of zeros has cosine 0 with every place, short ones as any, and float64 stays",
    "0/0 is nan. By what may you divide in its place, so that short vectors are not changed?",
    after=[sim_cosines],
    keeps_arguments=True,
)
def sim_zero(student: Student) -> None:
    positions = _positions(student, 6, 5)
    positions[student.integer(0, 5)] = 0
    with student.on("one position is all zeros"):
        SIMILARITY.run(student, lambda: (positions, (2, 3)))
    with student.on("positions of about 0.0003 in length"):
        SIMILARITY.run(student, lambda: (1e-4 * _positions(student, 6, 5), (2, 3)))
    exact = _positions(student, 6, 5).double() + 2.0**-30
    _expect_digits(student, SIMILARITY, exact, (exact, (2, 3)))


# rollout ----------------------------------------------------------------------------------------

Layers = dict[str, Tensor]


def _number(name: str) -> int:
    return int(name.rsplit(".", 1)[1])


def _rolled(
    attentions: Layers,
    residual: float,
    *,
    order: Callable[[str], Any] = _number,
    backwards: bool = False,
    identity: float = 1.0,
    sums: Callable[[Tensor], Tensor] = lambda layer: layer.sum(dim=-1)[:, :, None],
    heads: Callable[[Tensor], Tensor] = lambda layer: layer.mean(dim=1),
) -> Tensor:
    """The class token's row, carried back from the last layer to the first.

    The keywords plant a mistake; `sums` is what each layer is divided by.
    """
    names = sorted(attentions, key=order, reverse=not backwards)
    first = attentions[names[0]]
    row = torch.zeros(len(first), 1, first.shape[-1], dtype=torch.float64)
    row[:, 0, 0] = 1
    for name in names:
        layer = heads(attentions[name].double())
        layer = layer + identity * residual * torch.eye(layer.shape[-1], dtype=torch.float64)
        row = row @ (layer / sums(layer))
    return row[:, 0, 1:]


def _share(rows: Tensor) -> Tensor:
    """A mistake: patches alone sum to 1."""
    return rows / rows.sum(dim=1, keepdim=True)


def _each_head(attentions: Layers, residual: float) -> Tensor:
    """A mistake: a rollout for each head, averaged at the end."""
    count = next(iter(attentions.values())).shape[1]
    parts = [
        _rolled(attentions, residual, heads=lambda layer, n=head: layer[:, n])
        for head in range(count)
    ]
    return torch.stack(parts).mean(dim=0)


def _divided_first(layer: Tensor) -> Tensor:
    """A mistake: heads are averaged, and rows divided before the identity is added."""
    layer = layer.mean(dim=1)
    return layer / layer.sum(dim=-1, keepdim=True)


def _class_column(attentions: Layers, residual: float) -> Tensor:
    """A mistake: the column of the class token in place of its row."""
    joint = None
    for name in sorted(attentions, key=_number):
        layer = attentions[name].double().mean(dim=1)
        layer = layer + residual * torch.eye(layer.shape[-1], dtype=torch.float64)
        layer = layer / layer.sum(dim=-1, keepdim=True)
        joint = layer if joint is None else layer @ joint
    return joint[:, 1:, 0]


def _read_rollout(value: Any, attentions: Layers, residual: float) -> Tensor:
    one = next(iter(attentions.values()))
    shape = (len(one), one.shape[-1] - 1)
    meaning = "(B, T - 1), the patches without the class token"
    return expect_finite(expect_shape(value, shape, "rollout", meaning, ""), "the shares").double()


ROLLOUT = Comparison(
    function="rollout",
    what="the share of a patch",
    right=_rolled,
    read=_read_rollout,
    mistakes={
        "the layers are taken in the order of words: blocks.10 before blocks.2": (
            {"order": str},
            "Sort by the NUMBER in the name: int(name.split('.')[1]).",
        ),
        "the layers are taken as they lie in the dictionary, and not by their numbers": (
            lambda attentions, residual: _rolled(
                attentions, residual, order=list(attentions).index
            ),
            "Whoever filled it did so in any order. The number in the name says which layer.",
        ),
        "the product runs the wrong way: the later layer belongs on the left": (
            {"backwards": True},
            "Whom does the class token ask last? Those tokens have rows in the layer before.",
        ),
        "each COLUMN was divided by a row's sum, so rows do not sum to 1": (
            {"sums": lambda layer: layer.sum(dim=-1)[:, None, :]},
            "sum(dim=-1) of (B, T, T) is (B, T). Which shape lays it along the rows?",
        ),
        "each COLUMN was made to sum to 1: wanted each row": (
            {"sums": lambda layer: layer.sum(dim=-2)[:, None, :]},
            "Row i is the token that looks. Along which dim do its weights lie?",
        ),
        "no layer's rows were divided by their sums after the identity was added": (
            {"sums": lambda layer: torch.ones(())},
            "With the identity added, a row sums to more than 1.",
        ),
        "the result was made to sum to 1 at the end: it lacks the class token's share": (
            lambda *given: _share(_rolled(*given)),
            "Nothing is rescaled after the product.",
        ),
        "the identity counts 1, whatever residual says": lambda attentions, residual: (
            _rolled(attentions, 1.0) if residual != 1 else None
        ),
        "the identity is missing: a token keeps what it was": ({"identity": 0.0}, ""),
        "this is the class token's column, what each patch takes from it: wanted its row": (
            _class_column,
            "",
        ),
        "the heads' largest was taken, wanted their mean": (
            {"heads": lambda layer: layer.amax(dim=1)},
            "",
        ),
        "the heads were added up, wanted their mean: so the identity counts for less": {
            "heads": lambda layer: layer.sum(dim=1)
        },
        "head 0 alone was taken, wanted the mean of all heads": {
            "heads": lambda layer: layer[:, 0]
        },
        "each head was followed by itself, and averaged at the end: wanted in each layer": (
            _each_head
        ),
        "rows were divided by their sums BEFORE the identity was added: only afterwards": (
            {"heads": _divided_first},
            "Added to rows that sum to less than 1, the identity counts for more.",
        ),
    },
)


def _attention(student: Student, *shape: int) -> Tensor:
    """Rows that sum to 1, uneven ones."""
    return (2 * student.normal(*shape)).softmax(dim=-1)


def _layers(student: Student, count: int, *shape: int) -> Layers:
    return {f"blocks.{layer}": _attention(student, *shape) for layer in range(count)}


@check(
    "two layers: from the class token back to the patches",
    "By hand, on three tokens: whom does the class token ask in the LAST layer?",
)
def roll_layers(student: Student) -> None:
    tokens = student.integer(4, 6)
    ROLLOUT.run(student, lambda: (_layers(student, 2, 1, 1, tokens, tokens), 1.0))


@check(
    "several pictures, several heads",
    "Which axis of (B, H, T, T) is averaged? Layers are multiplied, heads are not.",
    after=[roll_layers],
)
def roll_heads(student: Student) -> None:
    with student.on("3 pictures, 4 heads, 3 layers"):
        ROLLOUT.run(student, lambda: (_layers(student, 3, 3, 4, 6, 6), 1.0))


@check(
    "the identity counts as much as residual says",
    "residual 0 leaves it out; it is added before the rows are made to sum to 1.",
    after=[roll_layers],
)
def roll_residual(student: Student) -> None:
    for residual in (0.0, 0.5, 3.0):
        with student.on(f"residual {residual}"):
            # One picture: a forgotten keepdim raises no error there, and is met as it is.
            ROLLOUT.run(student, lambda r=residual: (_layers(student, 3, 1, 1, 5, 5), r))


@check(
    "rows that do not sum to 1 when they come",
    "Small weights were set to 0 before. Divide each ROW by its own sum.",
    after=[roll_layers, roll_residual],
)
def roll_rows(student: Student) -> None:
    def pruned(pictures: int) -> tuple[Layers, float]:
        layers = _layers(student, 2, pictures, 1, 5, 5)
        for layer in layers.values():
            layer[layer < layer.amax(dim=-1, keepdim=True) / 4] = 0
        return layers, 0.5

    for pictures in (1, 2):
        with student.on("small weights are 0, so rows sum to less than 1"):
            ROLLOUT.run(student, lambda n=pictures: pruned(n))


@check(
    "twelve layers, handed over in any order; float64 stays float64",
    "Is blocks.10 before or after blocks.2?",
    after=[roll_layers],
    keeps_arguments=True,
)
def roll_names(student: Student) -> None:
    def shuffled(order: list[int]) -> tuple[Layers, float]:
        layers = _layers(student, len(order), 1, 2, 5, 5)
        return {f"blocks.{n}": layers[f"blocks.{n}"] for n in order}, 0.2

    with student.on("twelve layers in order"):
        ROLLOUT.run(student, lambda: shuffled(list(range(12))))
    with student.on("three layers, the last one first"):
        ROLLOUT.run(student, lambda: shuffled([2, 0, 1]))
    order = torch.randperm(12, generator=student.generator).tolist()
    with student.on("twelve layers in a random order"):
        ROLLOUT.run(student, lambda: shuffled(order))
    exact = {name: layer.double().softmax(dim=-1) for name, layer in shuffled([0, 1])[0].items()}
    # A quarter is exact in every kind, so the identity may be of float32.
    _expect_digits(student, ROLLOUT, exact["blocks.0"], (exact, 0.25))


# distance ---------------------------------------------------------------------------------------


def _distance(
    attentions: Tensor,
    grid: tuple[int, int],
    patch_size: int,
    *,
    renormalise: bool = True,
    together: bool = False,
    first: bool = False,
    power: int = 1,
    swap: bool = False,
    city: bool = False,
) -> Tensor:
    """(L, H), in a loop over pairs of patches; the keywords plant a mistake."""
    rows, columns = grid[::-1] if swap else grid
    count = rows * columns
    part = slice(0, count) if first else slice(attentions.shape[-1] - count, None)
    weights = attentions.double()[..., part, part]
    total = torch.zeros(weights.shape[:-1], dtype=torch.float64)
    sums = weights.sum(dim=-1)
    for i, j in itertools.product(range(count), repeat=2):
        step = (abs(i // columns - j // columns), abs(i % columns - j % columns))
        steps = sum(step) if city else math.hypot(*step)
        total[..., i] += (patch_size * steps) ** power * weights[..., i, j]
    if together:
        return total.sum(dim=(1, 3)) / sums.sum(dim=(1, 3)).clamp(min=1e-30)
    if renormalise:
        total = total / torch.where(sums > 0, sums, 1)
    return total.mean(dim=(1, 3))


def _read_distance(value: Any, attentions: Tensor, *_: Any) -> Tensor:
    shape = (attentions.shape[0], attentions.shape[2])
    meaning = "(L, H), one number a head"
    hint = "Patches that look and pictures are averaged away; layers and heads stay."
    return expect_finite(
        expect_shape(value, shape, "distance", meaning, hint), "the distances"
    ).double()


def _softened(attentions: Tensor, grid: tuple[int, int], patch_size: int) -> Tensor:
    """A mistake: a softmax of the shares in place of dividing by their sum."""
    count = grid[0] * grid[1]
    return _distance(attentions.double()[..., -count:, -count:].softmax(-1), grid, patch_size)


DISTANCE = Comparison(
    function="distance",
    what="a head's distance",
    right=_distance,
    read=_read_distance,
    mistakes={
        "the distances are counted in patches: wanted pixels": (
            lambda attentions, grid, _: _distance(attentions, grid, 1),
            "",
        ),
        "the squares of the distances were averaged": ({"power": 2}, ""),
        "steps along rows and along columns were added: wanted the straight line": {"city": True},
        "the attention was read down its columns: row i is the patch that looks": (
            lambda attentions, grid, size: _distance(attentions.mT, grid, size)
        ),
        "a softmax of the weights was taken: they are shares already, divide by their sum": (
            _softened
        ),
        "what goes to other tokens than patches counts as if it were at distance 0": (
            {"renormalise": False},
            "Without the others' columns, a row must be made to sum to 1 again.",
        ),
        "all patches' looks were added up before they were divided: each row has its own sum": (
            {"together": True},
            "The mean distance of each patch that looks first, and then the mean of these.",
        ),
        "the FIRST tokens were taken for patches: class token and registers come before them": (
            {"first": True},
            "",
        ),
        "rows and columns of the grid are exchanged": (
            {"swap": True},
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
    DISTANCE.run(student, lambda: (_attention(student, 1, 1, 1, 9, 9), (3, 3), size))


@check(
    "every head of every layer, over pictures",
    "(L, B, H, T, T): which axes are averaged away, and which stay?",
    after=[dist_pixels],
)
def dist_heads(student: Student) -> None:
    with student.on("2 layers, 3 pictures, 4 heads"):
        DISTANCE.run(student, lambda: (_attention(student, 2, 3, 4, 4, 4), (2, 2), 20))


@check(
    "class token and registers come first and do not count",
    "They have no place. What is left of each row must sum to 1 again, row by row.",
    after=[dist_pixels],
)
def dist_extra(student: Student) -> None:
    for extra in (1, 5):
        with student.on(f"{extra} token{'s' * (extra > 1)} before the nine patches"):
            DISTANCE.run(
                student,
                lambda t=9 + extra: (_attention(student, 1, 2, 2, t, t), (3, 3), 8),
            )


@check(
    "a grid that is not square",
    "How far on in the sequence is the patch below? As many as there are columns.",
    after=[dist_pixels],
)
def dist_grid(student: Student) -> None:
    for grid in ((2, 4), (5, 3)):
        with student.on(f"{grid[0]} rows and {grid[1]} columns"):
            count = grid[0] * grid[1]
            DISTANCE.run(
                student, lambda n=count, g=grid: (_attention(student, 1, 1, 2, n, n), g, 6)
            )


@check(
    "a patch that looks at no patch counts as 0, one that hardly does as any; float64 stays",
    "What is a row's sum where the class token got everything, or all but 1e-7 of it?",
    after=[dist_extra],
    keeps_arguments=True,
)
def dist_nothing(student: Student) -> None:
    def sinking() -> tuple[Tensor, tuple[int, int], int]:
        attentions = _attention(student, 2, 2, 2, 5, 5)
        attentions[0, 1, 0, 3] = torch.tensor([1.0, 0, 0, 0, 0])
        attentions[0, 0, 1, 2] = torch.tensor([1 - 1e-7, 2e-8, 5e-8, 2e-8, 1e-8])
        attentions[1, 0, 1, :, 1:] = 0
        attentions[1, 0, 1, :, 0] = 1
        return attentions, (2, 2), 10

    with student.on("some patches look at the class token alone, or nearly"):
        DISTANCE.run(student, sinking)
    # Most of these distances are no whole numbers: a table of them in float32 shows.
    exact = _attention(student, 2, 1, 2, 10, 10).double().softmax(dim=-1)
    _expect_digits(student, DISTANCE, exact, (exact, (3, 3), 7))


# deletion_curve ---------------------------------------------------------------------------------


def _deleted(
    weight: Tensor,
    images: Tensor,
    ranking: Tensor,
    patch_size: int,
    *,
    fill: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda image, *_: image.mean(dim=(1, 2)),
    fixed: bool = True,
    alone: bool = False,
    width: int = 3,
) -> Tensor:
    """(N+1, B), picture by picture and patch by patch; the keywords plant a mistake.

    `fill` makes a colour of the whole image, the image as hidden so far, and the patch.
    """
    columns = images.shape[width] // patch_size
    curve = []
    for image, places in zip(images.double(), ranking.tolist(), strict=True):
        hidden, row = image.clone(), []
        answer = None
        for place in (None, *places):
            if place is not None:
                hidden = image.clone() if alone else hidden
                top, left = patch_size * (place // columns), patch_size * (place % columns)
                square = hidden[:, top : top + patch_size, left : left + patch_size]
                square[:] = fill(image, hidden, square)[:, None, None]
            shares = (weight.double() @ hidden.reshape(-1)).softmax(dim=0)
            answer = int(shares.argmax()) if answer is None or not fixed else answer
            row.append(shares[answer])
        curve.append(torch.stack(row))
    return torch.stack(curve, dim=1)


def _read_curve(value: Any, weight: Tensor, images: Tensor, ranking: Tensor, _: int) -> Tensor:
    shape = (ranking.shape[1] + 1, len(images))
    meaning = "(N + 1, B), from 0 to N hidden patches"
    curve = expect_shape(
        value, shape, "deletion_curve", meaning, "A row a step, a column a picture."
    )
    return expect_finite(curve, "the probabilities").double()


def _by_columns_of_patches(images: Tensor, ranking: Tensor, size: int) -> Tensor:
    """A mistake: the ranking of whoever counts patches column by column."""
    rows, columns = images.shape[2] // size, images.shape[3] // size
    return (ranking % rows) * columns + ranking // rows


CURVE = Comparison(
    function="deletion_curve",
    what="a probability",
    right=_deleted,
    read=_read_curve,
    mistakes={
        "the patch that matters least was hidden first": (
            lambda weight, images, ranking, size: _deleted(weight, images, ranking.flip(1), size),
            "",
        ),
        "this is the probability of whatever is likeliest THEN: the answer changed on the way": (
            {"fixed": False},
            "The class is chosen once, on the whole picture.",
        ),
        "hidden patches were filled with 0: wanted the picture's own mean colour": (
            {"fill": lambda image, *_: image.new_zeros(len(image))},
            "",
        ),
        "hidden patches were filled with one number for all channels: a colour has one each": (
            {"fill": lambda image, *_: image.mean().expand(len(image))},
            "",
        ),
        "hidden patches were filled with the mean colour of the whole batch": (
            lambda weight, images, ranking, size: _deleted(
                weight,
                images,
                ranking,
                size,
                fill=lambda *_: images.double().mean(dim=(0, 2, 3)),
            ),
            "",
        ),
        "every picture was hidden in the order of picture 0": (
            lambda weight, images, ranking, size: _deleted(
                weight, images, ranking[:1].expand(len(images), -1), size
            ),
            "",
        ),
        "the mean colour was taken anew after hiding: wanted the whole picture's, once": {
            "fill": lambda _, hidden, __: hidden.mean(dim=(1, 2))
        },
        "each patch was filled with its own mean colour, wanted the whole picture's": {
            "fill": lambda _, __, square: square.mean(dim=(1, 2))
        },
        "one patch at a time was hidden, and the others shown again: wanted more and more": {
            "alone": True
        },
        "the ranking was read as each patch's turn: it lists patches, the first to hide first": (
            lambda weight, images, ranking, size: _deleted(
                weight, images, ranking.argsort(dim=1), size
            )
        ),
        "patches were counted column by column: the ranking counts them row by row": (
            lambda weight, images, ranking, size: _deleted(
                weight, images, _by_columns_of_patches(images, ranking, size), size
            )
        ),
        "the columns were counted along the height: a row has width // patch_size patches": {
            "width": 2
        },
    },
)
Curve = tuple[Tensor, Tensor, Tensor, int]


def _shown(student: Student, count: int, grid: tuple[int, int], size: int) -> Curve:
    """A model of one matrix, pictures of different brightness, and an order for each.

    With everything hidden each picture's likeliest class is another: who follows it shows.
    """
    height, width = grid[0] * size, grid[1] * size
    order = torch.rand(count, grid[0] * grid[1], generator=student.generator).argsort(dim=1)
    while True:
        images = student.normal(count, 3, height, width) + 3 * student.normal(count, 3, 1, 1)
        weight = student.normal(5, 3 * height * width) / math.sqrt(height * width)
        blank = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
        first, last = ((x.flatten(1) @ weight.T).argmax(dim=1) for x in (images, blank))
        if bool((first != last).all()):
            return weight, images, order, size


@check(
    "it begins with the answer's own probability",
    "Row 0 hides nothing: the largest number of the softmax over the classes.",
)
def del_start(student: Student) -> None:
    weight, images, ranking, size = _shown(student, 1, (2, 2), 3)
    ours = _read_curve(
        student.call("deletion_curve", weight, images, ranking, size), weight, images, ranking, size
    )
    wanted = _deleted(weight, images, ranking, size)
    if not close(ours[0], wanted[0]):
        fail(f"row 0 is {ours[0, 0].item():.4f}, the answer has {wanted[0, 0].item():.4f}")


@check(
    "one picture: hidden patch by patch, the most important first",
    "Which patch is hidden first, what stays hidden, and what colour does it get?",
    after=[del_start],
)
def del_one(student: Student) -> None:
    CURVE.run(student, lambda: _shown(student, 1, (3, 3), 2))


@check(
    "pictures that are not square",
    "Place p lies in row p // columns. How many columns has the grid?",
    after=[del_one],
)
def del_wide(student: Student) -> None:
    for grid in ((2, 4), (4, 3)):
        with student.on(f"{grid[0]} rows and {grid[1]} columns of patches"):
            CURVE.run(student, lambda g=grid: _shown(student, 1, g, 3))


@check(
    "several pictures, each with its own order and colour; float64 stays float64",
    "Nothing of one picture may reach another: not its order, not its colour, not its answer.",
    after=[del_one],
    keeps_arguments=True,
)
def del_several(student: Student) -> None:
    with student.on("four pictures"):
        CURVE.run(student, lambda: _shown(student, 4, (2, 3), 2))
    weight, images, ranking, size = _shown(student, 2, (2, 2), 2)
    exact = images.double() + 2.0**-30 * student.normal(*images.shape)
    _expect_digits(student, CURVE, exact, (weight.double() / 3, exact, ranking, size))


# outliers ---------------------------------------------------------------------------------------


def _middle(numbers: list[float]) -> float:
    """The median: the middle number, or the mean of the two."""
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _lower(numbers: list[float]) -> float:
    """A mistake: of two middle numbers the lower, as torch.median gives it."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def _outliers(
    tokens: Tensor,
    factor: float,
    *,
    skip: int = 1,
    median: Callable[[list[float]], float] = _middle,
    size: Callable[[float], float] = abs,
    above: Callable[[float, float], bool] = operator.gt,
) -> Tensor:
    """The keywords plant a mistake."""
    result = []
    for picture in tokens.double():
        lengths = picture.norm(dim=1).tolist()
        own = lengths[skip:]
        middle = median(own)
        limit = middle + factor * median([size(length - middle) for length in own])
        result.append([above(length, limit) for length in lengths[1:]])
    return torch.tensor(result)


def _of_the_batch(tokens: Tensor, factor: float) -> Tensor:
    """A mistake: one threshold for all pictures."""
    first, rest = tokens[:, :1], tokens[:, 1:]
    together = torch.cat((first[0], rest.flatten(0, 1)))[None]
    return _outliers(together, factor).reshape(rest.shape[:2])


def _deviations(tokens: Tensor, factor: float) -> Tensor:
    """A mistake: mean and standard deviation."""
    lengths = tokens.double().norm(dim=2)[:, 1:]
    return lengths > lengths.mean(1, keepdim=True) + factor * lengths.std(1, keepdim=True)


def _both_sides(tokens: Tensor, factor: float) -> Tensor:
    """A mistake: short ones count too."""
    result = []
    for picture in tokens.double():
        own = picture.norm(dim=1)[1:].tolist()
        middle = _middle(own)
        away = [abs(length - middle) for length in own]
        result.append([distance > factor * _middle(away) for distance in away])
    return torch.tensor(result)


def _read_outliers(value: Any, tokens: Tensor, factor: float) -> Tensor:
    shape = (len(tokens), tokens.shape[1] - 1)
    meaning = "(B, N), the patches without the class token"
    return expect_truth(expect_shape(value, shape, "outliers", meaning, ""), "outliers")


def _tell_outliers(ours: Tensor, wanted: Tensor) -> str:
    missed, wrong = int((wanted & ~ours).sum()), int((ours & ~wanted).sum())
    return f"of {int(wanted.sum())} outliers you miss {missed}, and you mark {wrong} that are none"


OUTLIERS = Comparison(
    function="outliers",
    what="the mark",
    right=_outliers,
    read=_read_outliers,
    alike=equal,
    tells=_tell_outliers,
    mistakes={
        "the class token takes part in the median: the patches alone do": ({"skip": 0}, ""),
        "a length that EQUALS the threshold is marked: only a larger one is an outlier": (
            {"above": operator.ge},
            "Where all patches are equally long the median distance is 0, and none is far out.",
        ),
        "of two middle numbers the lower was taken: the median is their mean": (
            {"median": _lower},
            "torch.median takes the lower one; quantile(0.5) their mean.",
        ),
        "patches shorter than the median count as at distance 0: wanted absolute distances": {
            "size": lambda away: max(away, 0.0)
        },
        "factor was cut to a whole number": lambda tokens, factor: _outliers(tokens, int(factor)),
        "this is mean and standard deviation, and both are moved by what they are to find": (
            _deviations,
            "Can a single number hide itself in the mean and the deviation it is compared with?",
        ),
        "one threshold was taken for all pictures: each has its own": (_of_the_batch, ""),
        "short tokens are marked as well: only those ABOVE are outliers": (_both_sides, ""),
    },
)


def _tokens(student: Student, pictures: int, patches: int, width: int = 6) -> Tensor:
    """Tokens of uneven lengths, some of them far out above and below; the class token ordinary."""
    directions = student.normal(pictures, 1 + patches, width)
    directions = directions / directions.norm(dim=2, keepdim=True)
    lengths = (0.5 * student.normal(pictures, 1 + patches)).exp()
    far = torch.rand(pictures, 1 + patches, generator=student.generator)
    lengths = lengths * torch.where(far < 0.15, 4.0, torch.where(far > 0.9, 0.1, 1.0))
    lengths[:, 0] = 1
    return directions * lengths[..., None]


def _planted(student: Student, patches: int) -> Tensor:
    """One picture of tokens about 1 long, a single one of them 40 times as long."""
    tokens = _tokens(student, 1, patches)
    lengths = 1 + 0.1 * torch.rand(1, 1 + patches, 1, generator=student.generator)
    tokens = tokens / tokens.norm(dim=2, keepdim=True) * lengths
    tokens[0, student.integer(1, patches)] *= 40
    return tokens


@check(
    "one long token among nine is found, and no other",
    "Print for this picture: the lengths, their median, the median of |length − median|.",
)
def out_planted(student: Student) -> None:
    with student.on("one token 40 times as long as the others"):
        OUTLIERS.run(student, lambda: (_planted(student, 9), 8.0))


@check(
    "the threshold is median + factor · median distance, of each picture",
    "Per picture: the lengths over D, their median, the median of |length − median|.",
    after=[out_planted],
)
def out_threshold(student: Student) -> None:
    scales = torch.tensor([0.01, 1.0, 300.0]).repeat(10)[:, None, None]
    with student.on("30 pictures of very different lengths"):
        OUTLIERS.run(student, lambda: (scales * _tokens(student, 30, 11), 3.0))
    with student.on(
        "all patches 2 long"
    ):  # along one axis each, so that no rounding tells them apart
        axes = torch.eye(6)[torch.randint(6, (2, 8), generator=student.generator)]
        OUTLIERS.run(student, lambda: (2 * axes, 3.0))


@check(
    "an even number of patches",
    "What is the median of four numbers? And the threshold of these patches, by hand?",
    after=[out_threshold],
)
def out_even(student: Student) -> None:
    with student.on("40 pictures of 6 patches"):
        OUTLIERS.run(student, lambda: (_tokens(student, 40, 6), 1.5))


@check(
    "a very long class token changes nothing, and float64 keeps its digits",
    "Row 0 is the class token: not marked, and not part of the median. The rest as before.",
    after=[out_threshold],
    keeps_arguments=True,
)
def out_class(student: Student) -> None:
    def led() -> tuple[Tensor, float]:
        tokens = _tokens(student, 30, 5)
        tokens[:, 0] *= 500
        return tokens, 2.5

    with student.on("class tokens 500 long"):
        OUTLIERS.run(student, led)
    with student.on("float64 lengths that differ by some billionths", KIND):
        steps = torch.tensor([0, 3, 1, 50, 2, 4], dtype=torch.float64)
        fine = (1 + 2.0**-30 * steps)[None, :, None] * torch.eye(6, dtype=torch.float64)[:, None]
        ours = _read_outliers(student.call("outliers", fine, 5.5), fine, 5.5)
        if not equal(ours, wanted := _outliers(fine, 5.5)):
            fail(_tell_outliers(ours, wanted), DIGITS)


EXERCISE = Exercise(
    name="04_inside_vit",
    title="Exercise 04: inside a ViT",
    forbids=("mvlm.inspection",),
    questions=(
        Question(
            function="components",
            title="What filters look for",
            minutes=20,
            teaches="which matrix is decomposed, about which mean, and along which axis",
            checks=(comp_lines, comp_centred, comp_channels, comp_few, comp_sign),
        ),
        Question(
            function="similarity",
            title="How alike places are",
            minutes=10,
            teaches="to fold cosines into a map for each place",
            checks=(sim_cosines, sim_class, sim_grid, sim_zero),
        ),
        Question(
            function="rollout",
            title="Attention through all layers",
            minutes=20,
            teaches="the order of the product, and two faults that raise no error",
            checks=(roll_layers, roll_heads, roll_residual, roll_rows, roll_names),
        ),
        Question(
            function="distance",
            title="How far a head looks",
            minutes=20,
            teaches="to leave out tokens that have no place, and to renormalise",
            checks=(dist_pixels, dist_heads, dist_extra, dist_grid, dist_nothing),
        ),
        Question(
            function="deletion_curve",
            title="Does the answer depend on it?",
            minutes=20,
            teaches="to test a map of importance by hiding what it marks",
            checks=(del_start, del_one, del_wide, del_several),
        ),
        Question(
            function="outliers",
            title="Tokens far out",
            minutes=10,
            teaches="a threshold that outliers do not move",
            checks=(out_planted, out_threshold, out_even, out_class),
        ),
    ),
)
