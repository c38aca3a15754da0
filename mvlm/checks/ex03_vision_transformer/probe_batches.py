"""Exercise 03, `probe_batches`: what to show a model that you suspect."""

import torch
import torch.nn.functional as F
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


def _probed(student: Student, images: Tensor, size: int) -> tuple[Tensor, Tensor]:
    names = ("changed", "moved")
    batches = expect_parts(student.call("probe_batches", images, size), names, "probe_batches")
    for batch, name in zip(batches, names, strict=True):
        expect_shape(batch, images.shape, f"probe_batches' {name}", "that of the images")
        expect_kind(batch, images, f"{name} is of the kind of the images")
        expect_finite(batch, f"the numbers of {name}")
    return batches


def _suspects(student: Student) -> list[tuple[str, str | None, Tensor, int]]:
    """Of each batch its name, what to think about, the pictures and the size of a patch."""
    size = student.integer(2, 3)
    row = torch.full((2, 1, 2, 4), 0.5)  # the patches of picture 1 are grey and black
    row[0] = torch.arange(8.0).reshape(1, 2, 4)
    row[1, ..., 2:] = 0
    return [
        ("four pictures of 2×3 patches", None, student.distinct(4, 3, 2 * size, 3 * size), size),
        ("two pictures, one column of patches", None, student.distinct(2, 1, 3 * size, size), size),
        ("two pictures, one row of patches", None, row, 2),
        ("float64", DIGITS, doubles(student.distinct(3, 2, size, 2 * size)), size),
        ("float16", None, student.distinct(3, 1, 2 * size, size).half(), size),
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
    for name, hint, images, size in _suspects(student):
        with student.on(name, hint):
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
    for name, hint, images, size in _suspects(student):
        with student.on(name, hint):
            _, moved = _probed(student, images, size)
            if equal(moved, images):
                fail("no patch was moved")
            if any(equal(moved[0], other) for other in images[1:]):
                fail("pictures were exchanged, not patches")
            old, new = (F.unfold(one, size, stride=size).mT for one in (images, moved))  # B N CPP
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
