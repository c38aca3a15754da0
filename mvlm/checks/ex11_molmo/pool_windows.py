"""Exercise 11, `pool_windows`: four patches, one vector."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    expect_digits,
    expect_finite,
    expect_shape,
    expect_slopes,
)

Pool = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int, int]


def _squares(rows: int, columns: int, pool: int) -> list[list[tuple[int, int]]]:
    """The places of the patches of each window, windows row by row."""
    return [
        [(r + i, c + j) for i in range(pool) for j in range(pool)]
        for r in range(0, rows, pool)
        for c in range(0, columns, pool)
    ]


def _in_a_row(rows: int, columns: int, pool: int) -> list[list[tuple[int, int]]]:
    """A mistake: as many patches, one after the other."""
    places = [(r, c) for r in range(rows) for c in range(columns)]
    size = pool * pool
    return [places[i : i + size] for i in range(0, len(places), size)]


def _down_first(rows: int, columns: int, pool: int) -> list[list[tuple[int, int]]]:
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
    windows: Callable[[int, int, int], list[list[tuple[int, int]]]] = _squares,
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


QUESTION = Question(
    function="pool_windows",
    title="Four patches, one vector",
    minutes=25,
    teaches="to pool squares of patches by attention, and to keep padding out of it",
    checks=(pool_which, pool_attention, pool_heads, pool_padding, pool_gradient),
)
