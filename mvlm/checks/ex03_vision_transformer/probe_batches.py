"""Exercise 03, `probe_batches`: what to show a model that you suspect."""

import itertools

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import (
    DIGITS,
    doubles,
    equal,
    expect_finite,
    expect_kind,
    expect_parts,
    expect_shape,
)


def _cut(images: Tensor, size: int) -> Tensor:
    """(B, C, H, W) → (B, N, C·P·P) by slices."""
    height, width = images.shape[2:]
    corners = itertools.product(range(0, height, size), range(0, width, size))
    pieces = [
        images[:, :, top : top + size, left : left + size].flatten(1) for top, left in corners
    ]
    return torch.stack(pieces, 1)


def _probed(student: Student, images: Tensor, size: int) -> tuple[Tensor, Tensor]:
    value = student.call("probe_batches", images, size)
    batches = expect_parts(value, ("changed", "moved"), "probe_batches")
    for batch, name in zip(batches, ("changed", "moved"), strict=True):
        meaning = "that of the images"
        expect_shape(batch, images.shape, f"probe_batches' {name}", meaning)
        expect_kind(batch, images, f"{name} is of the kind of the images")
        expect_finite(batch, f"the numbers of {name}")
    return batches


def _suspects(student: Student) -> list[tuple[str, Tensor, int]]:
    size = student.integer(2, 3)
    flat = torch.full((2, 1, 2, 4), 0.5)
    flat[0, 0, :, :] = torch.arange(8.0).reshape(2, 4)
    flat[1, 0] = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    return [
        ("four pictures of 2×3 patches", student.distinct(4, 3, 2 * size, 3 * size), size),
        ("two pictures, one column of patches", student.distinct(2, 1, 3 * size, size), size),
        ("two pictures, one row of patches", flat, 2),
        ("float64", doubles(student.distinct(3, 2, size, 2 * size)), size),
        ("float16", student.distinct(3, 1, 2 * size, size).half(), size),
    ]


TWISTED = (
    "A layer norm takes 2·x for x, and to many a model −x or 1 − x says no more than x. Which "
    "pictures do you have that the model could meet?"
)


@check(
    "`changed` has another picture in place of number 1, and nothing else",
    "Clone the batch, then write another of its pictures into place 1, and nothing elsewhere.",
    keeps_arguments=True,
)
def probe_changed(student: Student) -> None:
    for name, images, size in _suspects(student):
        with student.on(name, DIGITS if name == "float64" else None):
            changed, _ = _probed(student, images, size)
            others = torch.arange(len(images)) != 1
            if not equal(changed[others], images[others]):
                fail("another picture than number 1 was changed")
            if equal(changed[1], images[1]):
                fail("picture 1 is as it was")
            if not any(equal(changed[1], other) for other in images[others]):
                fail("in place of picture 1 stands none of the batch's other pictures", TWISTED)


@check(
    "`moved` has the same patches at other places",
    "Cut into patches, take them in another order, the same for all pictures, and put them back.",
)
def probe_moved(student: Student) -> None:
    for name, images, size in _suspects(student):
        with student.on(name, DIGITS if name == "float64" else None):
            _, moved = _probed(student, images, size)
            if equal(moved, images):
                fail("no patch was moved")
            if any(equal(moved[0], other) for other in images[1:]):
                fail("pictures were exchanged, not patches")
            old, new = _cut(images, size), _cut(moved, size)
            found = (new[:, :, None] == old[:, None]).all(-1)  # B N N: which old patch is it?
            if not bool(found.any(-1).all()):
                fail("a patch was cut or turned: inside, each must be as it was")
            if not bool(found.any(1).all()):
                fail("a patch is missing, and another stands there twice")
            if not equal(found[0], found.all(0)):
                fail("the pictures got different orders")


QUESTION = Question(
    function="probe_batches",
    title="What to show a model that you suspect",
    minutes=10,
    teaches="to change one thing and to leave the rest alone",
    checks=(probe_changed, probe_moved),
)
