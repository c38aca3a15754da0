"""Exercise 02, `patchify_hwc`: patches in the lecture's order."""

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex02_patches.common import THREE, all_windows, as_letters, order_of, patches_hwc
from mvlm.checks.expect import equal, expect_kinds_kept, expect_shape, same_numbers, tensor_of

_patches = tensor_of("patchify_hwc")
COUNT = "How many rows and how many columns of patches are there? Count each for itself."
SLOWEST = "Which of the two grid axes must change slowest, so stand first after the batch?"


@check(
    "the shape is (B, N, P·P·C)", "How many patches are there, and how many numbers in one of them?"
)
def hwc_shape(student: Student) -> None:
    batch, size, side = student.integer(2, 3), student.integer(2, 4), student.integer(2, 4)
    images = student.distinct(batch, 3, side * size, side * size)
    _expect_patches(_patches(student, images, size), (batch, side * side, size * size * 3))
    with student.on("the lecture's image"):
        _expect_patches(_patches(student, student.normal(1, 3, 120, 120), 40), (1, 9, 4800))


def _expect_patches(patches: Tensor, shape: tuple[int, int, int]) -> None:
    if patches.ndim == 4 and patches.flatten(1, 2).shape == shape:
        fail(
            f"patchify_hwc returned {tuple(patches.shape)}: rows and columns are two axes still",
            "Which axes make up N?",
        )
    expect_shape(patches, shape, "patchify_hwc", "(B, N, P·P·C)")


@check("patches come row by row, as one reads, also when height and width differ", SLOWEST)
def hwc_order_of_patches(student: Student) -> None:
    size = student.integer(2, 4)
    images = student.distinct(2, 3, 2 * size, 3 * size)
    with student.on(f"{2 * size}×{3 * size} pixels, patches of {size}", COUNT):
        patches, expected = _patches(student, images, size), patches_hwc(images, size)
        if patches.numel() != expected.numel() or patches.shape[-1] != expected.shape[-1]:
            hint = "" if patches.ndim and len(patches) != 2 else COUNT  # an image is left out
            fail(f"no 2×6 patches to compare: the shape is {tuple(patches.shape)}", hint)
        _expect_numbers(patches, images)
        patches = patches.reshape(expected.shape)  # the shape has a check of its own
        held = patches.sort(-1).values
        if equal(held, expected.sort(-1).values):
            return
        down = expected.reshape(2, 2, 3, -1).transpose(1, 2).reshape(expected.shape)
        if equal(held, down.sort(-1).values):
            fail("on 2 rows of 3 patches, your second patch is the one below the first", SLOWEST)
        if order_of(patches, images, {"c": 3, "r": 3, "h": size, "k": 2, "w": size}) == "rkhwc":
            fail("the image was cut into 3 rows of 2 patches: there are 2 rows of 3", COUNT)
        if equal(patches.flatten(), images.flatten()):
            fail(
                "the numbers come in the order in which the image had them",
                "A reshape moves no number. Which step of yours does?",
            )
        if equal(held[:, 0], images[:, :, ::2, ::3].flatten(1).sort(-1).values):
            fail(
                "your first patch holds every second row and every third column of the image",
                "H falls into rows of patches and rows inside one. Which of the two is the slower?",
            )
        fail("patch n does not hold the pixels of the n-th patch, row by row", SLOWEST)


@check(
    "inside a patch: row, then column, then channel",
    "The last axis before you flatten changes fastest. Which one should it be?",
)
def hwc_order_inside(student: Student) -> None:
    size = student.integer(3, 5)
    images = student.distinct(1, 3, 2 * size, 2 * size)
    patches = _patches(student, images, size)
    if patches.ndim == 0 or patches.shape[-1] != size * size * 3:
        fail(f"no patch of {size}·{size}·3 numbers: the shape is {tuple(patches.shape)}")
    _expect_numbers(patches, images)
    ours = _by_smallest(patches.reshape(-1, patches.shape[-1]))
    # Pixels of the wrong patches, of every second row and column, have a check of their own.
    far = [images[:, :, row::2, column::2] for row in range(2) for column in range(2)]
    found, axes = None, {"c": 3, "h": size, "w": size}
    for windows in (all_windows(images, size, size), far):
        found = found or order_of(ours, _by_smallest(torch.cat(windows).flatten(1)), axes)
    if found == "hwc":
        return
    if found == "chw":
        fail("the first P·P numbers of a patch are all red: that is (c, h, w)")
    if found == "whc":
        fail("the pixels of a patch come column by column", "Which changes faster, row or column?")
    if found:
        fail(f"the numbers of a patch come in {as_letters(found)} order")
    fail("the numbers of a patch do not come pixel by pixel, each with its channels together")


def _expect_numbers(patches: Tensor, images: Tensor) -> None:
    if not same_numbers(patches, images):
        fail("the patches do not hold the numbers of the image, each once", "Cutting changes none.")


def _by_smallest(patches: Tensor) -> Tensor:
    """The patches in the order of their smallest numbers, to find each by what it holds."""
    return patches[patches.amin(dim=1).argsort()]


@check(
    "any number of channels, whole numbers, and views of larger images work as well",
    "What does your code suppose about the images that the question does not say?",
    keeps_arguments=True,
)
def hwc_any_tensor(student: Student) -> None:
    size = student.integer(2, 3)
    for channels in (1, 4):
        with student.on(f"on images of {channels} channel{'s'[: channels - 1]}", THREE):
            _expect_same(student, student.distinct(1, channels, 2 * size, 2 * size), size)
    whole = student.distinct(1, 3, 3 * size, 6 * size)
    square = whole[..., : 3 * size].contiguous()
    why = "cutting changes no number"
    expect_kinds_kept(student, "patchify_hwc", square, lambda images: (images, size), why)
    hint = "Which of your steps needs memory that lies in one piece?"
    with student.on("on a view of larger images, such as images[..., :n]", hint):
        _expect_same(student, whole[..., : 3 * size], size)


def _expect_same(student: Student, images: Tensor, size: int) -> None:
    """The same numbers, in any order: the order has checks of its own."""
    patches, numbers = _patches(student, images, size), images.shape[1] * size * size
    if patches.ndim < 2 or patches.shape[-1] != numbers:
        fail(f"no patches of {numbers} numbers: the shape is {tuple(patches.shape)}")
    _expect_numbers(patches, images)


QUESTION = Question(
    function="patchify_hwc",
    title="Patches in the lecture's order",
    minutes=10,
    teaches="which order of numbers a reshape and a permute make",
    checks=(hwc_shape, hwc_order_of_patches, hwc_order_inside, hwc_any_tensor),
)
