"""Exercise 11: how Molmo cuts a picture, pools it, and writes and reads points.

What is right is worked out here in another way than an answer would be: scales as fractions, an
owner by asking every crop, a window one head at a time, pairs of points and boxes by trying them.
"""

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Exercise, Question, Student, check, drawn_once, fail
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    expect_digits,
    expect_finite,
    expect_parts,
    expect_shape,
    expect_slopes,
    expect_something,
    expect_tensor,
    expect_whole,
)

# choose_tiling ----------------------------------------------------------------------------------

Tiling = tuple[int, int]
Sizes = tuple[int, int, int, int, int]  # height, width, window, overlap, max_crops


def _scale(tiling: Tiling, height: int, width: int, window: int, overlap: int) -> Fraction:
    """By how much the picture, less the overlap, is scaled to fit into the windows."""
    rows, columns = tiling
    return min(
        Fraction(window * rows, height - overlap), Fraction(window * columns, width - overlap)
    )


def _tiling(
    height: int,
    width: int,
    window: int,
    overlap: int,
    max_crops: int,
    *,
    scale: Callable[..., Fraction] = _scale,
    enough: Callable[[Fraction], bool] = lambda scale: scale >= 1,
    enlarging: Callable[..., Fraction] = min,
    shrinking: Callable[..., Fraction] = max,
    ties: Callable[..., Tiling] = min,
) -> Tiling:
    """The rule, in fractions; keyword arguments are mistakes."""
    sides = range(1, max_crops + 1)
    scales = {
        (i, j): scale((i, j), height, width, window, overlap)
        for i in sides
        for j in sides
        if i * j <= max_crops
    }
    large = {tiling: one for tiling, one in scales.items() if enough(one)}
    best = enlarging(large.values()) if large else shrinking(scales.values())
    equal = [tiling for tiling, one in (large or scales).items() if one == best]
    return ties(equal, key=lambda tiling: tiling[0] * tiling[1])


def _no_overlap(tiling: Tiling, height: int, width: int, window: int, _: int) -> Fraction:
    return _scale(tiling, height, width, window, 0)


def _whole_frame(tiling: Tiling, height: int, width: int, window: int, overlap: int) -> Fraction:
    frame = [window * count + overlap for count in tiling]
    return min(Fraction(frame[0], height), Fraction(frame[1], width))


def _filling(tiling: Tiling, height: int, width: int, window: int, overlap: int) -> Fraction:
    rows, columns = tiling
    return max(
        Fraction(window * rows, height - overlap), Fraction(window * columns, width - overlap)
    )


def _two_decimals(*sizes: Any) -> Fraction:
    return round(_scale(*sizes), 2)


def _both(*, ends: bool) -> Callable[..., Tiling]:
    """Mistakes of a whole: the two sides swapped on the way in, or on the way out."""
    if ends:
        return lambda *sizes: _tiling(*sizes)[::-1]
    return lambda height, width, *rest: _tiling(width, height, *rest)


def _nearest(height: int, width: int, window: int, overlap: int, max_crops: int) -> Tiling:
    """A mistake: the scale nearest to 1, from whichever side."""
    sizes = height, width, window, overlap
    sides = range(1, max_crops + 1)
    tilings = [(i, j) for i in sides for j in sides if i * j <= max_crops]
    return min(tilings, key=lambda t: (abs(_scale(t, *sizes) - 1), t[0] * t[1]))


def _rounded_up(height: int, width: int, window: int, overlap: int, _: int) -> Tiling:
    return -(-(height - overlap) // window), -(-(width - overlap) // window)


def _read_tiling(value: Any, *sizes: int) -> Tiling:
    rows, columns = expect_parts(value, ("rows", "columns"), "choose_tiling")
    for one in (rows, columns):
        if type(one) is not int:
            fail(
                f"choose_tiling returned {rows!r} and {columns!r}, wanted two whole numbers (int)",
                "Which of your steps divides, or makes a tensor?",
            )
    return rows, columns


def _limit(number: int) -> Callable[..., Tiling]:
    return lambda height, width, window, overlap, _: _tiling(height, width, window, overlap, number)


def _less(height: int, width: int, window: int, overlap: int, max_crops: int) -> Tiling | None:
    if max_crops < 2:
        return None
    return _tiling(height, width, window, overlap, max_crops - 1)


TILING = Comparison(
    function="choose_tiling",
    what="the tiling",
    right=_tiling,
    read=_read_tiling,
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"the tiling is {ours}, wanted {wanted}",
    mistakes={
        # Shows in exact fits alone, where a forgotten overlap may give the same.
        "a picture that fits exactly, with the scale 1, is neither shrunk nor enlarged: it "
        "counts with those that are not shrunk": {"enough": lambda scale: scale > 1},
        "the overlap was not taken off the picture's sides": {"scale": _no_overlap},
        "the whole frame was compared with the whole picture: the overlap is taken off both": {
            "scale": _whole_frame
        },
        "the larger of the two scales was taken: then the picture does not fit the other way": {
            "scale": _filling
        },
        "of the tilings that enlarge, the one that enlarges MOST was taken": {"enlarging": max},
        "where every tiling shrinks, the one that shrinks MOST was taken": {"shrinking": min},
        "of equally good tilings the one with more crops was taken: fewer crops cost less": {
            "ties": max
        },
        "a scale was rounded: one a little under 1 shrinks the picture, however little": {
            "scale": _two_decimals
        },
        "the scale nearest to 1 was taken: shrinking a little loses to enlarging": _nearest,
        "columns came before rows: rows go with the height": _both(ends=True),
        "each side was rounded up by itself, beyond max_crops": _rounded_up,
        "at most 12 crops were allowed, whatever max_crops says": _limit(12),
        "fewer than max_crops were allowed: max_crops itself is allowed as well": _less,
    },
)

# Mistakes that every input of a check must show. Whether a picture fits is the same for the whole
# frame and the whole picture, so that mistake shows only where every tiling shrinks.
COMMON: tuple[Callable[..., Tiling], ...] = (
    _both(ends=True),
    lambda *sizes: _tiling(*sizes, scale=_filling),
    lambda *sizes: _tiling(*sizes, scale=_no_overlap),
)


def _ties_apart(*sizes: int) -> Tiling:
    return _tiling(*sizes, ties=max)


def _sizes(student: Student, rows: int, columns: int, max_crops: int, over: bool) -> Sizes:
    """A picture that needs about so many rows and columns; a little less, or a little more."""
    window, overlap = 10 * student.integer(9, 25), 10 * student.integer(5, 14)
    gaps = [student.integer(window // 12, window // 4) for _ in range(2)]
    gaps = [-gap if over else gap for gap in gaps]
    height, width = (
        overlap + window * count - gap for count, gap in zip((rows, columns), gaps, strict=True)
    )
    return height, width, window, overlap, max_crops


@drawn_once
def _enlarged(student: Student, max_crops: int) -> Sizes:
    """Some tiling enlarges, and no other is as good, so that ties make no difference."""
    while True:
        rows, columns = student.integer(1, max_crops), student.integer(1, max_crops)
        if rows * columns > max_crops or rows == columns:
            continue
        sizes = _sizes(student, rows, columns, max_crops, over=False)
        right = _tiling(*sizes)
        most = _tiling(*sizes, enlarging=max)
        shown = all(one(*sizes) != right for one in COMMON) and most != right
        if shown and _ties_apart(*sizes) == right and math.prod(right) < max_crops:
            return sizes


@drawn_once
def _shrunk(student: Student, max_crops: int) -> Sizes:
    """Every tiling shrinks, and no other is as good."""
    while True:
        rows, columns = student.integer(2, 6), student.integer(2, 6)
        if rows * columns <= max_crops or rows == columns:
            continue
        sizes = _sizes(student, rows, columns, max_crops, over=True)
        right = _tiling(*sizes)
        *shown_here, no_overlap = COMMON  # the overlap, alone, changes little in a large picture
        shown_here.append(lambda *sizes: _tiling(*sizes, scale=_whole_frame))
        shown = all(one(*sizes) != right for one in shown_here) and no_overlap(*sizes) == right
        if shown and _ties_apart(*sizes) == right and _scale(right, *sizes[:4]) < 1:
            return sizes


@drawn_once
def _nearly(student: Student, max_crops: int) -> Sizes:
    """A little shrinking would be nearer to 1 than the tiling that enlarges."""
    while True:
        rows, columns = student.integer(1, 4), student.integer(1, 4)
        if (rows + 1) * (columns + 1) > max_crops or rows == columns:
            continue
        sizes = _sizes(student, rows, columns, max_crops, over=True)
        right = _tiling(*sizes)
        shown = all(one(*sizes) != right for one in (*COMMON, _nearest))
        if shown and _ties_apart(*sizes) == right:
            return sizes


def _exact(student: Student, rows: int, columns: int) -> Sizes:
    """A picture that fits exactly."""
    window, overlap = 10 * student.integer(9, 25), 10 * student.integer(5, 14)
    return overlap + window * rows, overlap + window * columns, window, overlap, 12


def _a_hair_wider(student: Student) -> Sizes:
    """A picture that 2×3 windows shrink by less than half a hundredth."""
    height, width, *rest = _exact(student, 2, 3)
    return height, width + 1, *rest


def _panorama(student: Student) -> Sizes:
    """A picture so wide that more than 12 crops stand side by side, and two rows are too many."""
    columns = student.integer(14, 18)
    return _sizes(student, 1, columns, columns + student.integer(1, 5), over=False)


def _one_row(student: Student) -> Sizes:
    """A picture that one crop holds: more columns have the same scale, more rows another."""
    window, overlap = 10 * student.integer(12, 25), 10 * student.integer(5, 14)
    short = student.integer(5, window // 8)
    return overlap + window - short, overlap + window - 4 * short, window, overlap, 12


@check(
    "where a tiling enlarges the picture, the one that enlarges it least",
    "One scale a tiling: the smaller of window·rows/(height − overlap) and the same for columns.",
)
def tiling_enlarge(student: Student) -> None:
    TILING.run(student, lambda: _enlarged(student, 12))
    with student.on("a picture that four crops would shrink a little"):
        TILING.run(student, lambda: _nearly(student, 12))


@check(
    "where every tiling shrinks it, the one that shrinks it least",
    "A photograph of 4000×3000 is larger than all windows together. Which scale is best then?",
    after=[tiling_enlarge],
)
def tiling_shrink(student: Student) -> None:
    TILING.run(student, lambda: _shrunk(student, 12))


@check(
    "exact fits, and fewer crops where two tilings are as good",
    "What one crop holds, a row of five crops holds as well, at the same scale.",
    after=[tiling_enlarge],
)
def tiling_ties(student: Student) -> None:
    with student.on("a picture that one crop holds"):
        TILING.run(student, lambda: _one_row(student))
    for rows, columns in ((2, 3), (4, 1)):
        with student.on(f"a picture that {rows}×{columns} windows hold exactly"):
            TILING.run(student, lambda r=rows, c=columns: _exact(student, r, c))
    with student.on("a picture one pixel wider than 2×3 windows hold"):
        TILING.run(student, lambda: _a_hair_wider(student))
    with student.on("480×640 pixels, Molmo's sizes"):
        TILING.run(student, lambda: (480, 640, 224, 112, 12))


@check(
    "other limits than 12",
    "max_crops bounds rows times columns, not rows and columns each; it is itself allowed.",
    after=[tiling_enlarge, tiling_shrink],
)
def tiling_limits(student: Student) -> None:
    for limit in (1, 4, 20):
        with student.on(f"max_crops {limit}"):
            TILING.run(student, lambda n=limit: _at_limit(student, n))
    with student.on("more than 12 crops side by side"):
        TILING.run(student, lambda: _panorama(student))


@drawn_once
def _at_limit(student: Student, max_crops: int) -> Sizes:
    """All crops that are allowed are needed, or more; ties make no difference."""
    while True:
        rows, columns = student.integer(1, 7), student.integer(1, 7)
        sizes = _sizes(student, rows, columns, max_crops, over=student.integer(0, 1) == 1)
        right = _tiling(*sizes)
        if math.prod(right) != max_crops or _ties_apart(*sizes) != right:
            continue
        wrong = {1: (_limit(12),), 4: (*COMMON, _less, _limit(12)), 20: (_less, _limit(12))}[
            max_crops
        ]
        if all(one(*sizes) != right for one in wrong):
            return sizes


# owners -----------------------------------------------------------------------------------------


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

    def along(count: int) -> list[Tiling]:
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


def _draw_owners(student: Student, rows: int, columns: int, margin: int | None = None) -> Tiling:
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


# pool_windows -----------------------------------------------------------------------------------

Pool = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int, int]


def _squares(rows: int, columns: int, pool: int) -> list[list[Tiling]]:
    """The places of the patches of each window, windows row by row."""
    return [
        [(r + i, c + j) for i in range(pool) for j in range(pool)]
        for r in range(0, rows, pool)
        for c in range(0, columns, pool)
    ]


def _in_a_row(rows: int, columns: int, pool: int) -> list[list[Tiling]]:
    """A mistake: as many patches, one after the other."""
    places = [(r, c) for r in range(rows) for c in range(columns)]
    size = pool * pool
    return [places[i : i + size] for i in range(0, len(places), size)]


def _down_first(rows: int, columns: int, pool: int) -> list[list[Tiling]]:
    """A mistake: the windows column by column."""
    squares = _squares(rows, columns, pool)
    across = columns // pool
    return [squares[r * across + c] for c in range(across) for r in range(rows // pool)]


def _pooled(
    features: Tensor,
    picture: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int,
    pool: int,
    *,
    windows: Callable[[int, int, int], list[list[Tiling]]] = _squares,
    asks: Callable[[Tensor], Tensor] = lambda some: some.mean(0),
    scale: Callable[[int, int], float] = lambda d, heads: d**-0.5,
    cut: Callable[[int, int, int], slice] = lambda h, d, heads: slice(h * d, (h + 1) * d),
    over_heads: bool = False,
    plain: bool = False,
    mask: bool = True,
    mask_mean: bool = True,
    mask_keys: bool = True,
) -> Tensor:
    """Window by window and head by head, float64; keyword arguments are mistakes."""
    width = query.shape[0]
    d = width // heads
    result = []
    for image, seen in zip(features.double(), picture, strict=True):
        for window in windows(*image.shape[:2], pool):
            all_ = torch.stack([image[place] for place in window])
            shown = torch.stack([seen[place] for place in window]) if mask else None
            some = all_ if shown is None else all_[shown]
            if not len(some):
                result.append(torch.zeros(width, dtype=torch.float64))
                continue
            zeroed = all_ if shown is None else all_ * shown[:, None]
            asker = asks(some) if mask_mean else asks(zeroed)
            answering = some if mask_keys else zeroed
            q, k, v = (
                query.double() @ asker,
                answering @ key.double().T,
                answering @ value.double().T,
            )
            parts = [cut(h, d, heads) for h in range(heads)]
            scores = torch.stack([k[:, part] @ q[part] for part in parts]) * scale(d, heads)
            weights = scores.softmax(0 if over_heads else 1)  # heads patches
            if plain:
                weights = torch.full_like(weights, 1 / weights.shape[1])
            out = torch.zeros(width, dtype=torch.float64)
            for part, weight in zip(parts, weights, strict=True):
                out[part] = weight @ v[:, part]
            result.append(out)
    return torch.stack(result).unflatten(0, (len(features), -1))


def _read_pooled(value: Any, *given: Any) -> Tensor:
    features, query, pool = given[0], given[2], given[6]
    images, rows, columns, _ = features.shape
    cells = (rows // pool) * (columns // pool)
    meaning = "images, windows, the width of the pooled vectors"
    return expect_shape(value, (images, cells, len(query)), "pool_windows", meaning)


def _interleaved(h: int, d: int, heads: int) -> slice:
    return slice(h, None, heads)


POOL = Comparison(
    function="pool_windows",
    what="the pooled vector",
    right=_pooled,
    read=_read_pooled,
    tells=lambda ours, wanted: (
        "the pooled vectors hold nan"
        if bool(ours.isnan().any())
        else "the pooled vectors are not the attention over each window's patches"
    ),
    mistakes={
        "patches that lie one after the other in a row were pooled, not a square of them": {
            "windows": _in_a_row
        },
        "the windows stand column by column": {"windows": _down_first},
        "the query is the first patch's: it is that of the patches' mean": {
            "asks": lambda some: some[0]
        },
        "the query is that of the patches' sum: the mean is wanted": {
            "asks": lambda some: some.sum(0)
        },
        "every patch has the same weight: that is a plain mean": {"plain": True},
        "the softmax runs over the heads: each head shares 1 among its patches": {
            "over_heads": True
        },
        "the scores are not divided by √d": {"scale": lambda d, heads: 1.0},
        "the scores are divided by √W: d is the width of ONE head": {
            "scale": lambda d, heads: (d * heads) ** -0.5
        },
        "the heads were cut wrongly: head h is the numbers h·d to (h + 1)·d of the width": {
            "cut": _interleaved
        },
        "patches of padding take part as if they were picture": {"mask": False},
        "patches of padding have no part in the mean, but attention gives them a share": {
            "mask_keys": False
        },
        "the mean is divided by ALL patches of the window, padding included": {"mask_mean": False},
    },
)


def _draw_pool(
    student: Student,
    images: int,
    rows: int,
    columns: int,
    *,
    heads: int = 1,
    pool: int = 2,
    holes: bool = False,
) -> Pool:
    """Features of mean 0.5, five numbers a patch; matrices that make clear preferences."""
    width, feature = 4 * heads, 5
    features = student.normal(images, rows, columns, feature) + 0.5
    matrices = [0.6 * student.normal(width, feature) for _ in range(3)]
    picture = torch.ones(images, rows, columns, dtype=torch.bool)
    if holes:
        picture = student.normal(images, rows, columns) > -0.2
        corner = slice(0, pool)
        picture[:, corner, corner] = False  # the first window is all padding
        picture[:, corner, pool : 2 * pool] = True  # the second is all picture
        picture[:, pool, 0], picture[:, pool + 1, 0] = True, False
    return features, picture, *matrices, heads, pool


@check(
    "squares of patches are pooled, windows row by row",
    "Number the patches of a 4×6 grid on paper. Which four make the second window?",
)
def pool_which(student: Student) -> None:
    def alike() -> Pool:
        """Keys of zero: all weights are equal, so only which patches are pooled can be seen."""
        features, picture, query, key, value, *rest = _draw_pool(student, 1, 4, 6)
        return features, picture, query, 0 * key, value, *rest

    POOL.run(student, alike)
    with student.on("two images of 6×4 patches"):
        POOL.run(
            student,
            lambda: _zero_keys(_draw_pool(student, 2, 6, 4)),
        )


def _zero_keys(given: Pool) -> Pool:
    features, picture, query, key, *rest = given
    return features, picture, query, 0 * key, *rest


@check(
    "the patches' mean asks, each patch answers",
    "One query a window, of the mean; keys and values of each patch; softmax over the patches.",
    after=[pool_which],
)
def pool_attention(student: Student) -> None:
    with student.on("a single window, one head"):
        POOL.run(student, lambda: _draw_pool(student, 1, 2, 2))
    with student.on("4×6 patches, one head"):
        POOL.run(student, lambda: _draw_pool(student, 2, 4, 6))


@check(
    "several heads, windows of 3×3, float64",
    "Head h has the numbers h·d to (h + 1)·d of query, key and value, and its own softmax.",
    after=[pool_which, pool_attention],
)
def pool_heads(student: Student) -> None:
    for heads, pool, rows, columns in ((2, 2, 4, 6), (3, 3, 6, 3)):
        with student.on(f"{heads} heads, windows of {pool}×{pool}"):
            POOL.run(
                student,
                lambda h=heads, p=pool, r=rows, c=columns: _draw_pool(
                    student, 2, r, c, heads=h, pool=p
                ),
            )
    with student.on("float64", DIGITS):
        features, picture, *matrices, heads, pool = _draw_pool(student, 1, 4, 4, heads=2)
        given = (features.double(), picture, *(one.double() for one in matrices), heads, pool)
        value = student.call("pool_windows", *given)
        expect_digits(value, given[0], _pooled(*given), "pool_windows", "pooling keeps the kind")


def _draw_low(student: Student) -> Pool:
    """Keys against the query, so that the scores of the picture lie far below 0; float64."""
    features, picture, query, _, value, *rest = _draw_pool(student, 2, 4, 6, heads=2, holes=True)
    query = query.double()
    return features.double(), picture, query, -200 * query, value.double(), *rest


LOW = "What score does padding get? -100 is a high one where those of the picture are -300."
PADDING = (
    "0 times nan is nan, and a softmax over nothing is 0/0. Put something harmless where padding "
    "is before you multiply, and zeros into the windows that have no picture at the end."
)


@check(
    "padding has no part in it, whatever stands there",
    "Who is left out of the mean? Who is left out of the softmax? What if nobody is left?",
    after=[pool_which, pool_attention],
    keeps_arguments=True,
)
def pool_padding(student: Student) -> None:
    POOL.run(student, lambda: _draw_pool(student, 2, 4, 6, heads=2, holes=True))
    with student.on("scores of some hundreds below 0", LOW):
        POOL.run(student, lambda: _draw_low(student))
    for stranger in (math.nan, math.inf):
        with student.on(f"{stranger} in the features of padding", PADDING):
            features, picture, *rest = _draw_pool(student, 2, 4, 6, heads=2, holes=True)
            wanted = _pooled(features, picture, *rest)
            features = features.masked_fill(~picture[..., None], stranger)
            value = student.call("pool_windows", features, picture, *rest)
            expect_shape(value, wanted.shape, "pool_windows", "images, windows, width")
            expect_finite(value, "the pooled vectors")
            if not close(value, wanted):
                fail("what stands in the padding changes the result")


@check(
    "gradients reach the features and the three matrices",
    "All four learn through this function.",
    after=[pool_which, pool_attention],
)
def pool_gradient(student: Student) -> None:
    given = _draw_pool(student, 1, 4, 4, heads=2)
    POOL.run(student, lambda: given)
    learns = {0: "features", 2: "query's matrix", 3: "key's matrix", 4: "value's matrix"}
    expect_slopes(student, "pool_windows", *given, learns=learns, nan=PADDING)


# write_points -----------------------------------------------------------------------------------

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def _pairs(pixels: Any) -> list[tuple[float, float]]:
    rows = pixels.double().tolist() if isinstance(pixels, Tensor) else pixels
    return [(float(x), float(y)) for x, y in rows]


def _written(
    pixels: Any,
    size: Tiling,
    label: str,
    *,
    sides: Tiling = (1, 0),
    whole: float = 100,
    order: Callable[[tuple[float, float]], Any] | None = lambda point: point,
    round_first: bool = True,
    digits: int = 1,
    first: int = 1,
    flip: bool = False,
    one: bool = True,
    none: str = "There are none.",
    escape: bool = True,
    alt: bool = True,
    once: bool = False,
    short: bool = False,
) -> str:
    """The text by the rule; keyword arguments are mistakes."""
    places = [(x / size[sides[0]] * whole, y / size[sides[1]] * whole) for x, y in _pairs(pixels)]
    if flip:
        places = [(y, x) for x, y in places]
    if not places:
        return none
    if not round_first and order:
        places.sort(key=order)
    places = [(float(f"{x:.{digits}f}"), float(f"{y:.{digits}f}")) for x, y in places]
    if round_first and order:
        places.sort(key=order)
    if once:
        places = sorted(set(places))
    name = "".join(ESCAPES.get(letter, letter) for letter in label) if escape else label
    single = one and len(places) == 1
    numbers = [""] if single else range(first, first + len(places))
    said = [
        f'x{n}="{x:g}" y{n}="{y:g}"' if short else f'x{n}="{x:.{digits}f}" y{n}="{y:.{digits}f}"'
        for n, (x, y) in zip(numbers, places, strict=True)
    ]
    tag = "point" if single else "points"
    return f"<{tag} {' '.join(said)}" + (f' alt="{name}"' if alt else "") + f">{name}</{tag}>"


def _in_pixels(pixels: Any, size: Tiling, label: str) -> str:
    return _written(pixels, (100, 100), label)


def _apostrophe(pixels: Any, size: Tiling, label: str) -> str:
    """A mistake: a fifth character is escaped."""
    return _written(pixels, size, label).replace("'", "&#x27;")


def _as_words(point: tuple[float, float]) -> tuple[str, str]:
    return f"{point[0]:.1f}", f"{point[1]:.1f}"


def _amp_last(pixels: Any, size: Tiling, label: str) -> str:
    """A mistake: & is escaped after the others, whose own & it then finds."""
    name = label
    for letter in '<>"&':
        name = name.replace(letter, ESCAPES[letter])
    return _written(pixels, size, name, escape=False)


def _read_text(value: Any, *_: Any) -> str:
    expect_something(value, "write_points")
    if type(value) is not str:
        fail(f"write_points returned a {type(value).__name__}, wanted text")
    return value


POINTS = Comparison(
    function="write_points",
    what="the text",
    right=_written,
    read=_read_text,
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"the text is {ours[:160]!r}, wanted {wanted[:160]!r}",
    mistakes={
        "the numbers are pixels: wanted are hundredths of the picture's sides": _in_pixels,
        "x was divided by the height and y by the width: size is (height, width)": {
            "sides": (0, 1)
        },
        "the numbers run from 0 to 1: hundredths run to 100": {"whole": 1},
        "y was written as x: a pair of pixels is (x, y)": {"flip": True},
        "the points stand in the order given: sorted by x, then by y": {"order": None},
        "the points are sorted by y, then by x: x comes first": {
            "order": lambda point: point[::-1]
        },
        "sorted before rounding: 10.04 and 10.01 are both written 10.0, and then y decides": {
            "round_first": False
        },
        "where two x are alike, the points keep the order given: y decides then": {
            "order": lambda point: point[0]
        },
        'the numbers were sorted as text, where "9.0" comes behind "12.0": sort numbers': {
            "order": _as_words
        },
        "two places that are written alike became one: each place is a point": {"once": True},
        "a decimal of 0 was left out: one decimal is always written": {"short": True},
        "two decimals: one is wanted": {"digits": 2},
        "whole numbers: one decimal is wanted, also if it is 0": {"digits": 0},
        "the points are numbered from 0: the first is x1": {"first": 0},
        "one point was written as several: it is <point x= y=>": {"one": False},
        'no point gave an empty text: "There are none." is wanted': {"none": ""},
        'no point gave a tag without points: "There are none." is wanted': (
            lambda pixels, size, label: _written(
                pixels, size, label, none=f'<points  alt="{label}">{label}</points>'
            )
        ),
        "the label was not escaped: one that holds < or a quote can be taken for a tag": {
            "escape": False
        },
        "the apostrophe was escaped: only & < > and the double quote are": _apostrophe,
        "& was escaped after the others, and found their own & once more": _amp_last,
        "alt is missing: the label stands there and in the tag": {"alt": False},
    },
)


LABEL = """a <b> & "c"'s"""


@drawn_once
def _draw_points(student: Student, count: int, labelled: bool = False) -> tuple[Any, ...]:
    """Pixel places that no rounding moves across a border, and whose order shows every mistake."""
    size = (10 * student.integer(21, 60), 10 * student.integer(61, 120))
    label = (LABEL if labelled else "cat") + str(student.integer(0, 99)) * (not labelled)
    while True:
        places = torch.rand(count, 2, generator=student.generator, dtype=torch.float64)
        pixels = [(round(x * size[1], 2), round(y * size[0], 2)) for x, y in places.tolist()]
        shares = [(100 * x / size[1], 100 * y / size[0]) for x, y in pixels]
        near = [abs(10 * n % 1 - 0.5) < 0.05 for pair in shares for n in pair]
        wrong = [
            _written(pixels, size, label, **one)
            for one in ({"order": None}, {"order": lambda point: point[::-1]})
        ]
        right = _written(pixels, size, label)
        # Some number ends in .0, and among many points text has another order than numbers.
        told = '.0"' in right
        told &= (_written(pixels, size, label, order=_as_words) == right) == (count < 12)
        if told and not any(near) and (count < 3 or len({right, *wrong}) == 3):
            return pixels, size, label


def _alike_rounded(student: Student, apart: float) -> tuple[Any, ...]:
    """Two points whose x are alike once they are rounded, and a third."""
    x, low, high = (student.integer(n, n + 9) for n in (20, 30, 60))
    # Apart by a little, the lower one is given first: who sorts too early turns them round.
    two = [(10 * x + apart, 8.0 * low), (10.0 * x, 8.0 * high)]
    return [*(two if apart else two[::-1]), (5.0, 4.0)], (800, 1000), "cat"


def _twice_written(student: Student) -> tuple[Any, ...]:
    """Two places that become one by rounding, and a third."""
    x, y = 10.0 * student.integer(20, 60), 8.0 * student.integer(20, 60)
    return [(x, y), (x + 0.2, y + 0.1), (5.0, 4.0)], (800, 1000), "cat"


@check(
    "several points: hundredths of the sides, one decimal, numbered from 1",
    "x over the width, y over the height, times 100. size is (height, width).",
)
def points_several(student: Student) -> None:
    for count in (3, 12):
        with student.on(f"{count} points"):
            POINTS.run(student, lambda n=count: _draw_points(student, n))


@check(
    "sorted by x, then by y, as they are written",
    "Two points at x = 10.04 and 10.01 are both written 10.0. Which comes first?",
    after=[points_several],
)
def points_order(student: Student) -> None:
    with student.on("two x that are alike once they are rounded"):
        POINTS.run(student, lambda: _alike_rounded(student, 0.4))
    with student.on("two x that are alike"):
        POINTS.run(student, lambda: _alike_rounded(student, 0))
    with student.on("two places that are alike once they are rounded"):
        POINTS.run(student, lambda: _twice_written(student))


@check(
    "one point, and none",
    "One: <point x= y= …>. None: a sentence.",
)
def points_few(student: Student) -> None:
    with student.on("one point"):
        POINTS.run(student, lambda: _draw_points(student, 1))
    with student.on("no point"):
        POINTS.run(student, lambda: ([], (480, 640), "cat"))


@check(
    "a label cannot be taken for a tag",
    "Four characters have a meaning in a tag: & < > and the quote. Which is replaced first?",
    after=[points_several, points_few],
)
def points_label(student: Student) -> None:
    for count in (1, 3):
        with student.on(f"{count} points labelled {LABEL}"):
            POINTS.run(student, lambda n=count: _draw_points(student, n, True))


@check(
    "tensors and lists alike, and what was passed stays as it was",
    "Iterate over the rows, and make each number a float before you compare.",
    after=[points_several, points_few],
    keeps_arguments=True,
)
def points_kinds(student: Student) -> None:
    for count in (4, 1):
        with student.on(f"a tensor of shape ({count}, 2)"):

            def draw(n: int = count) -> tuple[Any, ...]:
                pixels, *rest = _draw_points(student, n)
                return torch.tensor(pixels, dtype=torch.float64), *rest

            POINTS.run(student, draw)
    with student.on("a tensor of shape (0, 2)"):
        POINTS.run(student, lambda: (torch.zeros(0, 2), (480, 640), "cat"))
    with student.on("a list of lists"):
        pixels, *rest = _draw_points(student, 4)
        POINTS.run(student, lambda: ([list(pair) for pair in pixels], *rest))


# to_original ------------------------------------------------------------------------------------


def _original(
    points: Tensor,
    written: str,
    size: Tiling,
    frame: Tiling,
    *,
    unit: dict[str, float] | None = None,
    against: str = "size",
    centred: bool = True,
    one_scale: bool = False,
    pad: bool = True,
    fits: Callable[..., float] = min,
    clamp: bool = False,
    keep: bool = False,
    turn: bool = False,
    late: bool = False,
    halves: int = 2,
    digits: int | None = None,
) -> Tensor:
    """Point by point, float64; keyword arguments are mistakes."""
    unit = unit or {"hundredths": 100, "thousandths": 1000}
    height, width = size[::-1] if turn else size
    result = []
    for x, y in points.double().tolist():
        if written in unit:
            far = (height, width) if against == "size" else frame
            x, y = x / unit[written] * far[1], y / unit[written] * far[0]
        else:
            ratios = frame[0] / height, frame[1] / width
            down, across = ratios
            if (written == "padded" and pad) or one_scale:
                down = across = fits(ratios)
            if written == "padded" and pad and centred:
                share = (across, down) if late else (1, 1)
                x -= (frame[1] - across * width) / halves * share[0]
                y -= (frame[0] - down * height) / halves * share[1]
            x, y = x / across, y / down
        if digits is not None:
            x, y = round(x, digits), round(y, digits)
        inside = 0 <= x <= width and 0 <= y <= height
        if clamp:
            x, y = min(max(x, 0.0), width), min(max(y, 0.0), height)
        if inside or keep or clamp:
            result.append((x, y))
    return torch.tensor(result, dtype=torch.float64).reshape(-1, 2)


def _read_places(value: Any, points: Tensor, *rest: Any) -> Tensor:
    expect_tensor(value, "to_original")
    if value.ndim != 2 or value.shape[1] != 2:
        fail(f"to_original returned {tuple(value.shape)}, wanted (M, 2): a row for each point")
    return value


ORIGINAL = Comparison(
    function="to_original",
    what="a coordinate",
    right=_original,
    read=_read_places,
    tells=lambda ours, wanted: (
        f"{len(ours)} points came back, wanted {len(wanted)}"
        if len(ours) != len(wanted)
        else f"the first point is {_pair(ours)}, wanted {_pair(wanted)}"
        if not close(ours[:1], wanted[:1])
        else "the first point is right, and another one is not"
    ),
    mistakes={
        "thousandths were taken for hundredths": {"unit": {"hundredths": 100, "thousandths": 100}},
        "shares were taken of the frame's sides: they are shares of the ORIGINAL's": {
            "against": "frame"
        },
        "height and width of the original are swapped: size is (height, width)": {"turn": True},
        "one scale for both sides: a stretched picture has two, one down and one across": {
            "one_scale": True
        },
        "the padding was forgotten: a padded picture has one scale, and begins after it": {
            "pad": False
        },
        "the scale is right, but the padding before the picture was not taken off": {
            "centred": False
        },
        "the padding was taken off after the division: it is counted in pixels of the frame": {
            "late": True
        },
        "all the padding was taken off: half of it lies before the picture, half behind it": {
            "halves": 1
        },
        "the picture was not enlarged: it is scaled as large as fits, also if it is small": {
            "fits": lambda ratios: min(*ratios, 1)
        },
        "the larger of the two scales was taken: then the picture would not fit": {"fits": max},
        "a point outside the picture was moved to its border: it is left out": {"clamp": True},
        "y came before x: places are (x, y), as they came": lambda *given: _original(*given).flip(
            1
        ),
        "a point outside the picture was kept: it is left out": {"keep": True},
        "the places were rounded to whole pixels: they stay as they are": {"digits": 0},
    },
)


def _pair(points: Tensor) -> str:
    x, y = points[0].tolist()
    return f"({x:.2f}, {y:.2f})"


SCALES = {"hundredths": 100.0, "thousandths": 1000.0}


@drawn_once
def _draw_places(
    student: Student,
    written: str,
    count: int = 4,
    outside: bool = False,
    tall: bool = False,
    small: bool = False,
) -> tuple[Any, ...]:
    """Points well inside the picture, or some well outside."""
    size = 10 * student.integer(24, 50) + 3, 10 * student.integer(70, 99) + 7
    size = size[::-1] if tall else size
    side = 10 * student.integer(36, 55) * (3 if small else 1)
    frame = (side, side) if written == "padded" else (side, side + 10 * student.integer(5, 20))
    shares = 0.1 + 0.8 * torch.rand(count, 2, generator=student.generator, dtype=torch.float64)
    if outside:
        shares[::3, 1] += 1.0  # below the picture
        shares[1::3, 0] -= 1.0  # left of it
    if written in SCALES:
        points = shares * SCALES[written]
    elif written == "stretched":
        points = shares * torch.tensor([frame[1], frame[0]])
    else:
        scale = min(frame[0] / size[0], frame[1] / size[1])
        inner = torch.tensor([scale * size[1], scale * size[0]], dtype=torch.float64)
        start = (torch.tensor([frame[1], frame[0]]) - inner) / 2
        points = start + shares * inner
    return points.float(), written, size, frame


@check(
    "shares of the original's sides: hundredths and thousandths",
    "A share does not care how the picture was resized. Which argument is not needed here?",
)
def original_shares(student: Student) -> None:
    for written in SCALES:
        with student.on(written):
            ORIGINAL.run(student, lambda w=written: _draw_places(student, w))


@check(
    "pixels of a frame into which the picture was stretched",
    "Across, the frame's width shows the original's width. Down, it is another scale.",
)
def original_stretched(student: Student) -> None:
    for tall in (False, True):
        with student.on("a tall picture" if tall else "a wide picture"):
            ORIGINAL.run(student, lambda t=tall: _draw_places(student, "stretched", 4, False, t))


@check(
    "pixels of a frame that was filled up with padding",
    "Where does the picture begin in its frame? Take that off before you divide.",
)
def original_padded(student: Student) -> None:
    for tall in (False, True):
        with student.on("a tall picture" if tall else "a wide picture"):
            ORIGINAL.run(student, lambda t=tall: _draw_places(student, "padded", 4, False, t))
    with student.on("a picture smaller than its frame"):
        ORIGINAL.run(student, lambda: _draw_places(student, "padded", 4, False, False, True))


@check(
    "points outside the picture are left out; none, borders, other kinds of numbers",
    "In the padding there is no picture. What does your function return when nothing is left?",
    after=[original_shares, original_stretched, original_padded],
    keeps_arguments=True,
)
def original_outside(student: Student) -> None:
    for written in ("hundredths", "stretched", "padded"):
        with student.on(f"seven points, {written}"):
            ORIGINAL.run(student, lambda w=written: _draw_places(student, w, 7, True))
    with student.on("no point at all", "torch.stack of an empty list raises."):
        ORIGINAL.run(student, lambda: (torch.zeros(0, 2), "padded", (300, 200), (400, 400)))
    with student.on("points on the borders: they belong to the picture"):
        corners = torch.tensor([[0.0, 0.0], [100.0, 100.0], [0.0, 100.0]])
        ORIGINAL.run(student, lambda: (corners, "hundredths", (400, 200), (336, 336)))
    with student.on("float64", DIGITS):
        points, *rest = _draw_places(student, "padded")
        points = points.double() + 2.0**-30
        value = student.call("to_original", points, *rest)
        right = _original(points, *rest)
        expect_digits(value, points, right, "to_original", "places keep the kind of number", 1e-11)


# count_verdict ----------------------------------------------------------------------------------

Box = tuple[float, float, float, float]


def _said(
    answer: str,
    *,
    exact: bool = True,
    partner: bool = True,
    number: bool = True,
    beside: bool = True,
    limit: bool = True,
    once: bool = False,
) -> list[tuple[float, float]]:
    """The points of an answer, found letter by letter; keyword arguments are mistakes."""
    pattern = r"<points?\s([^<>]*)" if exact else r"<point\w*\s([^<>]*)"
    found = []
    for tag in re.findall(pattern, answer):
        numbers = re.findall(r'\b([xy])(\d*)="([0-9.]+)"', tag)
        if not beside:
            ys_of = {n: y for axis, n, y in numbers if axis == "y"}
            pairs = [
                (float(x), float(ys_of[n])) for axis, n, x in numbers if axis == "x" and n in ys_of
            ]
        elif partner:
            pairs = [
                (float(one[2]), float(other[2]))
                for one, other in pairwise(numbers)
                if (one[0], other[0]) == ("x", "y") and (one[1] == other[1] or not number)
            ]
        else:
            xs, ys = ([float(n[2]) for n in numbers if n[0] == axis] for axis in "xy")
            pairs = list(zip(xs, ys, strict=False))
        found += [pair for pair in pairs if not limit or max(pair) <= 100]
    return list(dict.fromkeys(found)) if once else found


def _inside(point: Sequence[float], box: Sequence[float], strict: bool = False) -> bool:
    x, y = point
    if strict:
        return box[0] < x < box[2] and box[1] < y < box[3]
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _best(hits: list[list[int]], taken: frozenset[int] = frozenset()) -> int:
    """The most pairs there are, by trying: the first point takes each of its boxes, or none."""
    if not hits:
        return 0
    first, *rest = hits
    tried = [_best(rest, taken)]
    tried += [1 + _best(rest, taken | {box}) for box in first if box not in taken]
    return max(tried)


def _greedy(points: list, boxes: Sequence[Box]) -> int:
    """A mistake: each point in turn takes the first free box it lies in."""
    free, pairs = list(range(len(boxes))), 0
    for point in points:
        mine = [i for i in free if _inside(point, boxes[i])]
        if mine:
            free.remove(mine[0])
            pairs += 1
    return pairs


def _several(points: list, boxes: Sequence[Box]) -> tuple[int, int]:
    """A mistake: points that lie in some box, and boxes that hold some point."""
    hitting = sum(any(_inside(point, box) for box in boxes) for point in points)
    return hitting, sum(any(_inside(point, box) for point in points) for box in boxes)


def _total(answer: str) -> int | None:
    if answer.strip() == "There are none.":
        return 0
    found = re.search(r"shows a total of (\d+)\.", answer)
    return int(found.group(1)) if found else None


def _verdict(
    answer: str,
    boxes: Sequence[Box],
    *,
    pairs: Callable[[list, Sequence[Box]], int] | None = None,
    shares: Callable[[list, Sequence[Box]], tuple[int, int]] | None = None,
    empty: tuple[float, float] = (1.0, 1.0),
    total: Callable[[str, list, int, int], bool] | None = None,
    swap: bool = False,
    strict: bool = False,
    **reading: bool,
) -> Tensor:
    """By the rules; keyword arguments are mistakes."""
    points = _said(answer, **reading)
    if pairs:
        hit = (pairs(points, boxes),) * 2
    elif shares:
        hit = shares(points, boxes)
    else:
        hits = [
            [i for i, box in enumerate(boxes) if _inside(point, box, strict)] for point in points
        ]
        hit = (_best(hits),) * 2
    if not points and not boxes:
        precision, recall = empty
    else:
        precision = hit[0] / len(points) if points else 0.0
        recall = hit[1] / len(boxes) if boxes else 0.0
    said = _total(answer)
    right = total or (lambda answer, points, n, said: said == len(points) == n)
    verdict = right(answer, points, len(boxes), said)
    first = (recall, precision) if swap else (precision, recall)
    return torch.tensor([*first, float(bool(verdict))], dtype=torch.float64)


def _read_verdict(value: Any, *_: Any) -> Tensor:
    parts = expect_parts(value, ("precision", "recall", "right"), "count_verdict")
    *shares, right = parts
    if any(type(one) not in (int, float) for one in shares):
        kinds = " and ".join(type(one).__name__ for one in shares)
        fail(f"precision and recall are {kinds}, wanted two floats")
    if type(right) is not bool:
        fail(f"right is {right!r}, wanted True or False")
    return torch.tensor([*map(float, shares), float(right)], dtype=torch.float64)


def _unfold(numbers: Tensor) -> str:
    precision, recall, right = numbers.tolist()
    return f"precision {precision:.2f}, recall {recall:.2f}, right {bool(right)}"


VERDICT = Comparison(
    function="count_verdict",
    what="the verdict",
    right=_verdict,
    read=_read_verdict,
    tells=lambda ours, wanted: f"{_unfold(ours)}; wanted {_unfold(wanted)}",
    mistakes={
        "each point took the first free box that it lies in: another choice leaves fewer "
        "points without a box": {"pairs": _greedy},
        "two points with the same numbers became one: each is a point": {"once": True},
        "a second point on the same thing was counted as well": {"shares": _several},
        "precision and recall are swapped: precision is about the points": {"swap": True},
        "no points and no things is a perfect answer: both shares are 1": {"empty": (0.0, 0.0)},
        "the total was trusted: it is right only if as many points were written": {
            "total": lambda answer, points, n, said: said == n
        },
        "no total was stated: then the count is not right, whatever the points are": {
            "total": lambda answer, points, n, said: (
                len(points) == n and said in (None, len(points))
            )
        },
        "the points were counted, and the total was not read: both have to agree": {
            "total": lambda answer, points, n, said: len(points) == n
        },
        "total and points agree with one another, but are they as many as there are things?": {
            "total": lambda answer, points, n, said: said == len(points)
        },
        "an x was paired with the y of another number: leave both out": {"number": False},
        "an x was paired with a y that is not directly behind it: leave both out": {
            "beside": False
        },
        "an x without its y was paired with the next one's y": {"partner": False},
        "a tag that is neither <point> nor <points> holds no points": {"exact": False},
        "a coordinate over 100 lies outside the picture: leave it out": {"limit": False},
        "a point on a box's border lies inside it": {"strict": True},
    },
)


def _tell(points: Sequence[Sequence[float]], total: int | None = None, first: int = 1) -> str:
    """Points as Molmo writes them, with a total if one is stated."""
    label = "cat"
    if len(points) == 1:
        said = f'<point x="{points[0][0]:.1f}" y="{points[0][1]:.1f}" alt="{label}">{label}</point>'
    else:
        pairs = " ".join(f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in enumerate(points, first))
        said = f'<points {pairs} alt="{label}">{label}</points>'
    return said if total is None else f"Counting the {said} shows a total of {total}."


def _apart(student: Student, count: int) -> list[Box]:
    """Boxes of their own cells on a grid of four by four."""
    cells = torch.randperm(16, generator=student.generator)[:count].tolist()
    boxes = []
    for cell in cells:
        x, y = 25.0 * (cell % 4) + student.integer(1, 8), 25.0 * (cell // 4) + student.integer(1, 8)
        boxes.append((x, y, x + student.integer(8, 14), y + student.integer(8, 14)))
    return boxes


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _some(
    student: Student, things: int, hit: int, beside: int, total: int | None, first: int = 1
) -> tuple[str, list[Box]]:
    """So many things, so many of them pointed to, and so many points on nothing."""
    boxes = _apart(student, things + beside)
    points = [_middle(box) for box in boxes[:hit]] + [_middle(box) for box in boxes[things:]]
    points = sorted(points)
    return _tell(points, total, first), boxes[:things]


@check(
    "points are read, and shares of points and of things told apart",
    "Precision: how many of the points have a thing. Recall: how many of the things have a point.",
)
def verdict_reads(student: Student) -> None:
    for things, hit, beside in ((5, 3, 1), (3, 1, 0)):
        with student.on(f"{things} things, {hit} pointed to, {beside} points on nothing"):
            VERDICT.run(
                student,
                lambda t=things, h=hit, b=beside: _some(student, t, h, b, None),
            )
    # Two digits by few things, so that trying every order of them is quick as well.
    with student.on("points numbered from 8 to 12"):
        VERDICT.run(student, lambda: _some(student, 6, 5, 0, None, first=8))


def _chain(student: Student, count: int, turned: bool) -> tuple[str, list[Box]]:
    """Boxes that overlap in a row: each point but one lies in two, and the greedy lose a pair.

    Turned round, the list has the better box of each point first: then only the nearest is wrong.
    """
    step, start = 10.0, 5.0 + student.integer(0, 9)
    top = 10.0 + student.integer(0, 30)
    boxes = [(start + i * step, top, start + i * step + 18, top + 20) for i in range(count)]
    # Point i lies in boxes i and i + 1, nearer to the middle of i; the last lies in box 0 alone.
    points = [(start + (i + 1) * step + 1, top + 10.0) for i in range(count - 1)]
    points.append((start + 4, top + 10.0))
    return _tell(points), boxes[::-1] if turned else boxes


def _contested(student: Student) -> tuple[str, list[Box]]:
    """Every point has two boxes, so that who has the fewest says nothing."""
    x, y = student.integer(0, 30), student.integer(0, 60)
    boxes = [(x + left, y, x + right, y + 10.0) for left, right in ((0, 20), (10, 40), (30, 60))]
    return _tell([(x + across, y + 5.0) for across in (12, 35, 15)]), boxes


def _twice(student: Student, apart: int) -> tuple[str, list[Box]]:
    boxes = _apart(student, 3)
    x, y = _middle(boxes[0])
    return _tell([(x - apart, y), (x + apart, y), _middle(boxes[1])]), boxes


@check(
    "a thing takes one point, a point one thing, as many pairs as there can be",
    "Where things overlap, who goes first matters. Is there a choice that leaves fewer over?",
    after=[verdict_reads],
)
def verdict_pairs(student: Student) -> None:
    with student.on("two points on one thing"):
        VERDICT.run(student, lambda: _twice(student, 1))
    with student.on("the same point twice"):
        VERDICT.run(student, lambda: _twice(student, 0))
    with student.on("three things, the one in the middle overlaps both"):
        VERDICT.run(student, lambda: _contested(student))
    for count, turned in ((3, True), (2, False), (5, False)):
        with student.on(f"{count} things that overlap in a row"):
            VERDICT.run(student, lambda n=count, t=turned: _chain(student, n, t))


@check(
    "no points, no things, neither",
    "What is a share of nothing? The contract says it for each of the three cases.",
)
def verdict_empty(student: Student) -> None:
    for name, answer, things in (
        ("none said, none there", "There are none.", 0),
        ("none said, some there", "There are none.", 3),
        ("an answer without points, some there", "i cannot see them.", 2),
        ("an answer without points, none there", "i cannot see them.", 0),
        ("the sentence with white space around it", " There are none.\n", 0),
        ("the sentence and more", "There are none. But there is a dog.", 0),
        ("the sentence behind another", "i looked. There are none.", 0),
    ):
        with student.on(name):
            VERDICT.run(student, lambda a=answer, t=things: (a, _apart(student, t)))
    with student.on("two points, none there"):
        VERDICT.run(student, lambda: _some(student, 0, 0, 2, None))


@check(
    "the count is right when total, points and things are as many",
    'Three numbers: the total, the points written, the things there. "There are none." says 0.',
    after=[verdict_reads],
)
def verdict_total(student: Student) -> None:
    for name, things, hit, beside, total in (
        ("all three agree", 4, 4, 0, 4),
        ("agree, and one point lies on nothing", 4, 3, 1, 4),
        ("the total is right, a point is missing", 4, 3, 0, 4),
        ("as many points as things, another total", 4, 4, 0, 5),
        ("total and points agree, a thing is missing", 5, 4, 0, 4),
        ("no total is stated", 3, 3, 0, None),
    ):
        with student.on(name):
            VERDICT.run(
                student,
                lambda t=things, h=hit, b=beside, n=total: _some(student, t, h, b, n),
            )
    with student.on("six of each, numbered from 8"):
        VERDICT.run(student, lambda: _some(student, 6, 6, 0, 6, first=8))
    for name, before, after in (
        ("no full stop behind the total", "total of 4.", "total of 4"),
        ("two totals: the first counts", "total of 4.", "total of 4. It shows a total of 5."),
    ):
        with student.on(name):

            def draw(old: str = before, new: str = after) -> tuple[str, list[Box]]:
                answer, boxes = _some(student, 4, 4, 0, 4)
                return answer.replace(old, new), boxes

            VERDICT.run(student, draw)


@check(
    "what a model writes may be broken",
    "Which x goes with which y? A number in the name tells. And a tag need not be closed.",
    after=[verdict_reads, verdict_pairs],
    keeps_arguments=True,
)
def verdict_faults(student: Student) -> None:
    def broken(change: Callable[[str, str, str], str]) -> Callable[[], tuple[str, list[Box]]]:
        """Two points that are whole, of three things; `change` writes the text around them."""

        def draw() -> tuple[str, list[Box]]:
            boxes = sorted(_apart(student, 3))
            # Neither in one row nor in one column: an x and another's y must miss.
            while min(abs(boxes[1][axis] - boxes[2][axis]) for axis in (0, 1)) < 20:
                boxes = sorted(_apart(student, 3))
            pairs = [f'x{{0}}="{x:.1f}" y{{0}}="{y:.1f}"' for x, y in map(_middle, boxes)]
            return change(*pairs), boxes

        return draw

    def corners(said: str) -> tuple[str, list[Box]]:
        return f"{said}</points>", [(20.0, 30.0, 31.0, 40.0), (50.0, 70.0, 60.0, 80.0)]

    end = 'alt="cat">cat</points>'
    VERDICT.each(
        student,
        {
            "the text ends within a number": broken(
                lambda a, b, c: f"<points {a.format(1)} {b.format(2)} {c.format(3)[:-2]}"
            ),
            "an x that has no y": broken(
                lambda a, b, c: (
                    f"<points {a.format(1)} {b.format(2).split()[0]} {c.format(3)} {end}"
                )
            ),
            "an x and the y of another number": broken(
                lambda a, b, c: (
                    f"<points {a.format(1)} {b.format(2).split()[0]} {b.format(3).split()[1]} "
                    f"{c.format(4)} {end}"
                )
            ),
            "x1 x2 y1 y2: an x is not directly before its y": broken(
                lambda a, b, c: (
                    f"<points {a.format(1).split()[0]} {b.format(2).split()[0]} "
                    f"{a.format(1).split()[1]} {b.format(2).split()[1]} {c.format(3)} {end}"
                )
            ),
            "a y of 140": broken(
                lambda a, b, c: f'<points {a.format(1)} x2="50.0" y2="140.0" {c.format(3)} {end}'
            ),
            "another tag, <pointer>": broken(
                lambda a, b, c: (
                    f'<point {a.format("")} alt="cat">cat</point> <pointer {b.format("")}>'
                )
            ),
            "a coordinate of 140": broken(
                lambda a, b, c: f'<points {a.format(1)} x2="140.0" y2="50.0" {c.format(3)} {end}'
            ),
            "two tags, and a place outside them": broken(
                lambda a, b, c: (
                    f'<point {a.format("")} alt="cat">cat</point> and <point '
                    f'{b.format("")} alt="cat">cat</point>, but not at {c.format("")}.'
                )
            ),
            "points without decimals": corners(
                '<points x1="25" y1="35" x2="55" y2="75" alt="cat">cat'
            ),
            "points on borders": corners(
                '<points x1="20.0" y1="30.0" x2="60.0" y2="80.0" alt="cat">cat'
            ),
        },
    )


EXERCISE = Exercise(
    name="11_molmo",
    title="Exercise 11: Molmo",
    forbids=("mvlm.molmo", "mvlm.points", "mvlm.tasks", "mvlm.small"),
    questions=(
        Question(
            function="choose_tiling",
            title="How many crops?",
            minutes=20,
            teaches="how a picture's size decides into how many crops it is cut",
            checks=(tiling_enlarge, tiling_shrink, tiling_ties, tiling_limits),
        ),
        Question(
            function="owners",
            title="Whose cell is it?",
            minutes=25,
            teaches="which crop a cell of the picture is taken from, and where it stands there",
            checks=(owners_one, owners_row, owners_grid, owners_margins, owners_molmo),
        ),
        Question(
            function="pool_windows",
            title="Four patches, one vector",
            minutes=25,
            teaches="to pool squares of patches by attention, and to keep padding out of it",
            checks=(pool_which, pool_attention, pool_heads, pool_padding, pool_gradient),
        ),
        Question(
            function="write_points",
            title="Points as text",
            minutes=15,
            teaches="what a coordinate is relative to, and in which order points are written",
            checks=(points_several, points_order, points_few, points_label, points_kinds),
        ),
        Question(
            function="to_original",
            title="Back to the original",
            minutes=20,
            teaches="to bring four kinds of coordinates back to the picture that came",
            checks=(original_shares, original_stretched, original_padded, original_outside),
        ),
        Question(
            function="count_verdict",
            title="Was it counted right?",
            minutes=25,
            teaches="to judge an answer that counts by pointing, point by point and as a whole",
            checks=(verdict_reads, verdict_pairs, verdict_empty, verdict_total, verdict_faults),
        ),
    ),
)
