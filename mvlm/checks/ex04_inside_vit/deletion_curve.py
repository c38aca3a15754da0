"""Exercise 04, `deletion_curve`: does the answer depend on it?"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex04_inside_vit.common import expect_all_digits
from mvlm.checks.expect import Comparison, close, expect_finite, expect_shape


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
        "the patch that matters least was hidden first": lambda weight, images, ranking, size: (
            _deleted(weight, images, ranking.flip(1), size)
        ),
        "this is the probability of whatever is likeliest THEN: the answer changed on the way": (
            {"fixed": False},
            "The class is chosen once, on the whole picture.",
        ),
        "hidden patches were filled with 0: wanted the picture's own mean colour": {
            "fill": lambda image, *_: image.new_zeros(len(image))
        },
        "hidden patches were filled with one number for all channels: a colour has one each": {
            "fill": lambda image, *_: image.mean().expand(len(image))
        },
        "hidden patches were filled with the mean colour of the whole batch": (
            lambda weight, images, ranking, size: _deleted(
                weight,
                images,
                ranking,
                size,
                fill=lambda *_: images.double().mean(dim=(0, 2, 3)),
            )
        ),
        "every picture was hidden in the order of picture 0": (
            lambda weight, images, ranking, size: _deleted(
                weight, images, ranking[:1].expand(len(images), -1), size
            )
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
    expect_all_digits(student, CURVE, exact, (weight.double() / 3, exact, ranking, size))


QUESTION = Question(
    function="deletion_curve",
    title="Does the answer depend on it?",
    minutes=20,
    teaches="to test a map of importance by hiding what it marks",
    checks=(del_start, del_one, del_wide, del_several),
)
