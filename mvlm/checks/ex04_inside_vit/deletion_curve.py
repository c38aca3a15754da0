"""Exercise 04, `deletion_curve`: does the answer depend on it?"""

import math
from collections.abc import Callable
from functools import partial
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
    size: int,
    *,
    order: Callable[[Tensor, int, int], Tensor] = lambda ranking, rows, columns: ranking,
    fill: Callable[..., Tensor] = lambda image, **_: image.mean(dim=(1, 2)),
    fixed: bool = True,
    alone: bool = False,
    width: int = 3,
) -> Tensor:
    """(N+1, B), picture by picture and patch by patch; the keywords plant a mistake.

    `fill` makes a colour of the image, of the image as hidden so far, of the patch, of all images.
    """
    images = images.double()
    rows, columns = images.shape[2] // size, images.shape[width] // size
    curve = []
    for image, places in zip(images, order(ranking, rows, columns).tolist(), strict=True):
        hidden, shown = image.clone(), [image]
        for place in places:
            hidden = image.clone() if alone else hidden.clone()
            top, left = size * (place // columns), size * (place % columns)
            square = hidden[:, top : top + size, left : left + size]
            colour = fill(image=image, hidden=hidden, square=square, images=images)
            square[:] = colour[:, None, None]
            shown.append(hidden)
        shares = (torch.stack(shown).flatten(1) @ weight.double().T).softmax(dim=1)
        curve.append(shares[:, shares[0].argmax()] if fixed else shares.amax(dim=1))
    return torch.stack(curve, dim=1)


def _read_curve(value: Any, weight: Tensor, images: Tensor, ranking: Tensor, _: int) -> Tensor:
    shape = (ranking.shape[1] + 1, len(images))
    meaning = "(N + 1, B), from 0 to N hidden patches"
    hint = "A row a step, a column a picture."
    curve = expect_shape(value, shape, "deletion_curve", meaning, hint)
    return expect_finite(curve, "the probabilities")


CURVE = Comparison(
    function="deletion_curve",
    what="a probability",
    right=_deleted,
    read=_read_curve,
    mistakes={
        "the patch that matters least was hidden first": {
            "order": lambda ranking, *_: ranking.flip(1)
        },
        "this is the probability of whatever is likeliest THEN: the answer changed on the way": (
            {"fixed": False},
            "The class is chosen once, on the whole picture.",
        ),
        "hidden patches were filled with 0: wanted the picture's own mean colour": {
            "fill": lambda image, **_: image.new_zeros(len(image))
        },
        "hidden patches were filled with one number for all channels: a colour has one each": {
            "fill": lambda image, **_: image.mean().expand(len(image))
        },
        "hidden patches were filled with the mean colour of the whole batch": {
            "fill": lambda images, **_: images.mean(dim=(0, 2, 3))
        },
        "every picture was hidden in the order of picture 0": {
            "order": lambda ranking, *_: ranking[:1].expand_as(ranking)
        },
        "the mean colour was taken anew after hiding: wanted the whole picture's, once": {
            "fill": lambda hidden, **_: hidden.mean(dim=(1, 2))
        },
        "each patch was filled with its own mean colour, wanted the whole picture's": {
            "fill": lambda square, **_: square.mean(dim=(1, 2))
        },
        "one patch at a time was hidden, and the others shown again: wanted more and more": {
            "alone": True
        },
        "the ranking was read as each patch's turn: it lists patches, the first to hide first": {
            "order": lambda ranking, *_: ranking.argsort(dim=1)
        },
        "patches were counted column by column: the ranking counts them row by row": {
            "order": lambda ranking, rows, columns: ranking % rows * columns + ranking // rows
        },
        "the columns were counted along the height: a row has width // patch_size patches": {
            "width": 2
        },
    },
)


def _shown(
    student: Student, count: int, grid: tuple[int, int], size: int
) -> tuple[Tensor, Tensor, Tensor, int]:
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
    given = _shown(student, 1, (2, 2), 3)
    ours = _read_curve(student.call("deletion_curve", *given), *given)
    wanted = _deleted(*given)
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
            CURVE.run(student, partial(_shown, student, 1, grid, 3))


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
    expect_all_digits(student, CURVE, weight.double() / 3, exact, ranking, size)


QUESTION = Question(
    function="deletion_curve",
    title="Does the answer depend on it?",
    minutes=20,
    teaches="to test a map of importance by hiding what it marks",
    checks=(del_start, del_one, del_wide, del_several),
)
