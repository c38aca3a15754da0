"""Exercise 02, `overlapping_patches`: patches that overlap."""

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex02_patches.common import THREE, as_letters, order_of, patches_chw
from mvlm.checks.expect import KIND, doubles, equal, expect_kind, expect_shape, tensor_of

_windows = tensor_of("overlapping_patches")
ROW_BY_ROW = "patch n is not the n-th window when read row by row"
INSIDE = "Which axis must be the slowest inside a patch, which the fastest?"


def _overlap(
    student: Student, images: Tensor, size: int, stride: int
) -> tuple[Tensor, Tensor, Tensor, str | None]:
    """What came back, as (B, N, C·P·P) however many there are, what is wanted, and the order.

    The order is that in which the patches run over all windows, r and k being the grid's axes;
    None where they run in none.
    """
    given, expected = _windows(student, images, size, stride), patches_chw(images, size, stride)
    batch, count, dim = expected.shape
    patches = given
    if given.shape == expected.mT.shape:
        patches = given.mT
    elif given.ndim > 3 and given.numel() == expected.numel():
        patches = given.reshape(expected.shape)
    if patches.ndim < 2 or patches.shape[0] != batch or patches.shape[-1] != dim:
        fail(f"no patches of {dim} numbers: the shape is {tuple(given.shape)}", "")
    patches = patches.reshape(batch, -1, dim)
    rows = (images.shape[2] - size) // stride + 1
    axes = {"r": rows, "k": count // rows, "c": 3, "h": size, "w": size}
    return given, patches, expected, order_of(patches, expected, axes)


@check(
    "the shape is (B, N, C·P·P), with the right N for several strides",
    "Where may the last window begin? How many steps lead there, and from where?",
)
def overlap_count(student: Student) -> None:
    size = student.integer(4, 6)
    for stride in (size // 2, size - 1, size):
        rows, columns = student.integer(1, 2), student.integer(3, 4)
        height, width = size + rows * stride, size + columns * stride
        with student.on(f"{height}×{width}, patches of {size}, stride {stride}"):
            _expect_count(student, student.distinct(2, 3, height, width), size, stride)
    with student.on("grey images", THREE):
        _expect_count(student, student.distinct(2, 1, 2 * size, 3 * size), size, size)


def _expect_count(student: Student, images: Tensor, size: int, stride: int) -> None:
    patches, expected = _windows(student, images, size, stride), patches_chw(images, size, stride)
    shape, wanted = tuple(patches.shape), tuple(expected.shape)
    if shape == tuple(expected.mT.shape):
        fail(f"{shape} came back, wanted {wanted}: the last two axes are exchanged", "")
    if shape != wanted and patches.numel() == expected.numel():
        fail(
            f"overlapping_patches returned {shape}, wanted {wanted}",
            "All numbers are there. Which axes belong to N, which into a patch?",
        )
    expect_shape(patches, wanted, "overlapping_patches", "(B, N, C·P·P)")


@check(
    "the next patch begins one stride further",
    "A window begins at a multiple of the stride and is P pixels long.",
)
def overlap_step(student: Student) -> None:
    size = student.integer(4, 5)
    stride = size - 1
    images = student.distinct(1, 3, size + stride, size + 2 * stride)
    given, patches, expected, found = _overlap(student, images, size, stride)
    if found:
        return  # the right windows; their order has a check of its own
    if patches.shape[1] < 2:
        fail(f"no two patches to compare: the shape is {tuple(given.shape)}")
    for index, name in enumerate(("first", "second")):
        if not equal(patches[:, index].sort(-1).values, expected[:, index].sort(-1).values):
            fail(f"the {name} patch of a row holds other pixels, at stride {stride}")


@check(
    "patches come row by row, each in (c, h, w) order",
    "Columns change fastest. Which of the two loops or axes is the inner one?",
)
def overlap_order(student: Student) -> None:
    size = student.integer(4, 5)
    stride = size - 1
    images = student.distinct(2, 3, size + 2 * stride, size + 3 * stride)
    _, patches, _, found = _overlap(student, images, size, stride)
    if found == "rkchw":
        return
    if found == "krchw":
        fail(ROW_BY_ROW)
    if found and sorted(found[:2]) == ["k", "r"]:
        inside = as_letters(found[2:])
        fail(f"the numbers inside a patch come in {inside} order, wanted (c, h, w)", INSIDE)
    if found:
        fail(
            "a patch holds numbers of several windows: these are cut rightly, their axes mixed up",
            "Name the axes that you have before the last reshape. N is rows × columns: where are "
            "they?",
        )
    if patches.dtype == torch.bool:
        fail("the patches hold True and False, not the numbers of the images", KIND)
    for ours, windows in zip(patches, patches_chw(images, size, 1), strict=True):
        if ((ours != 0) & ~torch.isin(ours, windows)).any():
            fail("one image has patches of another", "What does your code do with the first axis?")
        _expect_row_by_row(ours, windows, 3 * stride + 1)


def _expect_row_by_row(patches: Tensor, windows: Tensor, columns: int) -> None:
    """In order, whichever of all windows they are: where these begin has checks of its own."""
    places = {tuple(sorted(window)): place for place, window in enumerate(windows.tolist())}
    held = [tuple(sorted(patch)) for patch in patches.tolist()]
    here = [places[patch] for patch in held if patch in places]
    rows = {place // columns for place in here}
    if len(rows) < 2 or len(here) < 2 * len(rows):
        fail("an image has no 2 rows of 2 windows among its patches, to see their order", "")
    if here != sorted(here):
        fail(ROW_BY_ROW)
    exact = {tuple(window) for window in windows.tolist()}
    if sum(tuple(patch) in exact for patch in patches.tolist()) < len(here):
        fail("the numbers inside a patch are not in (c, h, w) order", INSIDE)


@check(
    "pixels too few for another window are left out",
    "Nothing may be padded, and no window may end outside the image.",
    keeps_arguments=True,
)
def overlap_rest(student: Student) -> None:
    for size, stride, rest in ((5, 3, 1), (4, 4, 3)):
        height, width = size + stride + rest, size + 2 * stride + rest
        left = f"{rest} pixel{'s'[: rest - 1]} left over"
        with student.on(f"{height}×{width}, patches of {size}, stride {stride}: {left}"):
            images = student.distinct(1, 3, height, width)
            _, patches, expected, found = _overlap(student, images, size, stride)
            if found:
                continue
            if patches.shape != expected.shape:
                fail(f"{patches.shape[1]} patches came back, wanted {expected.shape[1]}")
            if not equal(patches.flatten().unique(), expected.flatten().unique()):
                fail("the patches hold other pixels than those of the whole windows")
    images = doubles(student.distinct(1, 3, 6, 6))
    with student.on("images of float64", KIND):
        given = expect_kind(_windows(student, images, 4, 2), images, "cutting changes no number")
        if not torch.isin(given, images).all():
            fail("the patches hold other numbers than the image")


QUESTION = Question(
    function="overlapping_patches",
    title="Patches that overlap",
    minutes=15,
    teaches="to count windows, with a stride and a rest",
    checks=(overlap_count, overlap_step, overlap_order, overlap_rest),
)
