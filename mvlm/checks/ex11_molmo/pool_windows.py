"""Exercise 11, `pool_windows`: four patches, one vector."""

import math
from collections.abc import Callable
from functools import partial
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


def _squares(rows: int, columns: int, pool: int) -> list[list[int]]:
    """The numbers of the patches of each window, windows row by row."""
    return [
        [(r + i) * columns + c + j for i in range(pool) for j in range(pool)]
        for r in range(0, rows, pool)
        for c in range(0, columns, pool)
    ]


def _in_a_row(rows: int, columns: int, pool: int) -> list[list[int]]:
    """A mistake: as many patches, one after the other."""
    return torch.arange(rows * columns).view(-1, pool * pool).tolist()


def _down_first(rows: int, columns: int, pool: int) -> list[list[int]]:
    """A mistake: the windows column by column."""
    return sorted(_squares(rows, columns, pool), key=lambda window: window[0] % columns)


def _pooled(
    *given: Any,
    windows: Callable[[int, int, int], list[list[int]]] = _squares,
    asks: Callable[[Tensor], Tensor] = lambda patches: patches.mean(0),
    scale: Callable[[int, int], float] = lambda d, heads: d**-0.5,
    cut: Callable[[int, int, int], slice] = lambda h, d, heads: slice(h * d, (h + 1) * d),
    weigh: Callable[[Tensor], Tensor] = lambda scores: scores.softmax(1),
    mask: bool = True,
    mask_mean: bool = True,
    mask_keys: bool = True,
) -> Tensor:
    """Window by window and head by head, float64; keyword arguments are mistakes."""
    features, picture, query, key, value, heads, pool = given
    squares = windows(*picture.shape[1:], pool)
    width = len(query)
    parts = [cut(h, width // heads, heads) for h in range(heads)]
    result = torch.zeros(len(features), len(squares), width, dtype=torch.float64)
    for image, seen, pooled in zip(features.double(), picture | (not mask), result, strict=True):
        for square, out in zip(squares, pooled, strict=True):
            patches, shown = image.flatten(0, 1)[square], seen.flatten()[square]
            some, zeroed = patches[shown], patches * shown[:, None]
            if not len(some):
                continue
            q = query.double() @ asks(some if mask_mean else zeroed)
            k, v = ((some if mask_keys else zeroed) @ matrix.double().T for matrix in (key, value))
            scores = torch.stack([k[:, part] @ q[part] for part in parts])  # heads, patches
            weights = weigh(scores * scale(width // heads, heads))
            for part, weight in zip(parts, weights, strict=True):
                out[part] = weight @ v[:, part]
    return result


def _read_pooled(value: Any, features: Tensor, _: Tensor, query: Tensor, *rest: Any) -> Tensor:
    images, rows, columns, _ = features.shape
    cells = (rows // rest[-1]) * (columns // rest[-1])
    meaning = "images, squares, the width of the pooled vectors"
    shape = (images, cells, len(query))
    pooled = expect_shape(value, shape, "pool_windows", meaning)
    return expect_finite(pooled, "the pooled vectors")


POOL = Comparison(
    function="pool_windows",
    what="the pooled vector",
    right=_pooled,
    read=_read_pooled,
    tells=lambda *_: "the pooled vectors are not the attention over each square's patches",
    mistakes={
        "patches that lie one after the other in a row were pooled, not a square of them": {
            "windows": _in_a_row
        },
        "the squares stand column by column": {"windows": _down_first},
        "the query is the first patch's: it is that of the patches' mean": {
            "asks": lambda patches: patches[0]
        },
        "the query is that of the patches' sum: the mean is wanted": {
            "asks": lambda patches: patches.sum(0)
        },
        "every patch has the same weight: that is a plain mean": {
            "weigh": lambda scores: (0 * scores).softmax(1)
        },
        "the softmax runs over the heads: each head shares 1 among its patches": {
            "weigh": lambda scores: scores.softmax(0)
        },
        "the scores are not divided by √d": {"scale": lambda d, heads: 1.0},
        "the scores are divided by √W: d is the width of ONE head": {
            "scale": lambda d, heads: (d * heads) ** -0.5
        },
        "the heads were cut wrongly: head h is the numbers h·d to (h + 1)·d of the width": {
            "cut": lambda h, d, heads: slice(h, None, heads)
        },
        "patches of padding take part as if they were picture": {"mask": False},
        "patches of padding have no part in the mean, but attention gives them a share": {
            "mask_keys": False
        },
        "the mean is divided by ALL patches of the square, padding included": {"mask_mean": False},
    },
)


def _draw_pool(
    student: Student, images: int, rows: int, columns: int, heads: int = 1, pool: int = 2
) -> Pool:
    """Features of mean 0.5, five numbers a patch; matrices that make clear preferences."""
    features = student.normal(images, rows, columns, 5) + 0.5
    matrices = [0.6 * student.normal(4 * heads, 5) for _ in range(3)]
    picture = torch.ones(images, rows, columns, dtype=torch.bool)
    return features, picture, *matrices, heads, pool


def _draw_even(student: Student, images: int, rows: int, columns: int) -> Pool:
    """Keys of zero: all weights are equal, so only which patches are pooled can be seen."""
    features, picture, query, key, *rest = _draw_pool(student, images, rows, columns)
    return features, picture, query, 0 * key, *rest


def _draw_holes(student: Student) -> Pool:
    """Two images with padding: all of the first window, none of the second."""
    features, _, *rest = _draw_pool(student, 2, 4, 6, heads=2)
    picture = student.normal(2, 4, 6) > -0.2
    picture[:, :2, :2], picture[:, :2, 2:4] = False, True
    picture[:, 2, 0], picture[:, 3, 0] = True, False
    return features, picture, *rest


def _draw_low(student: Student) -> Pool:
    """Keys against the query, so that the scores of the picture lie far below 0; float64."""
    features, picture, query, _, value, *rest = _draw_holes(student)
    query = query.double()
    return features.double(), picture, query, -200 * query, value.double(), *rest


@check(
    "squares of patches are pooled, row by row",
    "Number the patches of a 4×6 grid on paper. Which four make the second square?",
)
def pool_which(student: Student) -> None:
    POOL.run(student, partial(_draw_even, student, 1, 4, 6))
    with student.on("two images of 6×4 patches"):
        POOL.run(student, partial(_draw_even, student, 2, 6, 4))


@check(
    "the patches' mean asks, each patch answers",
    "One query a square, of the mean; keys and values of each patch; softmax over the patches.",
    after=[pool_which],
)
def pool_attention(student: Student) -> None:
    inputs = {
        "a single square, one head": partial(_draw_pool, student, 1, 2, 2),
        "4×6 patches, one head": partial(_draw_pool, student, 2, 4, 6),
    }
    POOL.each(student, inputs)


@check(
    "several heads, squares of 3×3, float64",
    "Head h has the numbers h·d to (h + 1)·d of query, key and value, and its own softmax.",
    after=[pool_which, pool_attention],
)
def pool_heads(student: Student) -> None:
    inputs = {
        "2 heads, squares of 2×2": partial(_draw_pool, student, 2, 4, 6, heads=2),
        "3 heads, squares of 3×3": partial(_draw_pool, student, 2, 6, 3, heads=3, pool=3),
    }
    POOL.each(student, inputs)
    with student.on("float64", DIGITS):
        features, picture, *matrices, heads, pool = _draw_pool(student, 1, 4, 4, heads=2)
        given = (features.double(), picture, *(one.double() for one in matrices), heads, pool)
        value = student.call("pool_windows", *given)
        expect_digits(value, given[0], _pooled(*given), "pool_windows", "pooling keeps the kind")


LOW = "What score does padding get? -100 is a high one where those of the picture are -300."
PADDING = (
    "0 times nan is nan, and a softmax over nothing is 0/0. Put something harmless where padding "
    "is before you multiply, and zeros into the squares that have no picture at the end."
)


@check(
    "padding has no part in it, whatever stands there",
    "Who is left out of the mean? Who is left out of the softmax? What if nobody is left?",
    after=[pool_which, pool_attention],
    keeps_arguments=True,
)
def pool_padding(student: Student) -> None:
    POOL.run(student, partial(_draw_holes, student))
    with student.on("scores of some hundreds below 0", LOW):
        POOL.run(student, partial(_draw_low, student))
    for stranger in (math.nan, math.inf):
        with student.on(f"{stranger} in the features of padding", PADDING):
            features, picture, *rest = _draw_holes(student)
            wanted = _pooled(features, picture, *rest)
            features = features.masked_fill(~picture[..., None], stranger)
            given = features, picture, *rest
            if not close(_read_pooled(student.call("pool_windows", *given), *given), wanted):
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
