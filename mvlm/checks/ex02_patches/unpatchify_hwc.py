"""Exercise 02, `unpatchify_hwc`: back to the image."""

from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex02_patches.common import order_of, patches_hwc
from mvlm.checks.expect import equal, expect_kinds_kept, expect_shape

FIRST = "A square colour image fails already: begin there."


def _put_back(
    student: Student, batch: int, channels: int, size: int, rows: int, cols: int
) -> tuple[Tensor, Tensor, str]:
    """What came back, what should have, and what is wrong with the order; empty when nothing."""
    images = student.distinct(batch, channels, rows * size, cols * size)
    patches = patches_hwc(images, size)
    back = student.call("unpatchify_hwc", patches, size, rows * size, cols * size)
    expect_shape(back, images.shape, "unpatchify_hwc", "(B, C, H, W)")
    if equal(back, images):
        return back, images, ""
    seen = f"{(back != images).sum()} of {images.numel()} numbers are not in their place"
    grid, inside = {"r": rows, "k": cols}, {"h": size, "w": size, "c": channels}
    return back, images, _misplaced(back, patches, grid, inside) or seen


def _misplaced(back: Tensor, patches: Tensor, grid: dict[str, int], inside: dict[str, int]) -> str:
    """How ``back`` runs over the patches, r and k being the grid's axes; empty when in no way."""
    rows, columns = grid.values()
    found = order_of(back, patches, grid | inside)
    said = {
        "rkhwc": "the numbers stand in the order of the patches: a reshape moves none",
        "kwhcr": "the axes were permuted as in question 1 once more, which does not undo it",
        "ckhrw": "the patches were put down column by column",
        "crwkh": "inside each patch, rows and columns have changed places",
        "ckwrh": "rows and columns of the image have changed places",
    }
    if found in said:
        return said[found]
    if found and found[0] != "c":
        return "the numbers of one channel do not stand together in the image"
    if found:
        return "each channel has its numbers, and their rows and columns are mixed up"
    if order_of(back, patches, grid | {axis: inside[axis] for axis in "chw"}):
        return "each patch was read as (c, h, w): its numbers are in (h, w, c) order"
    if order_of(back, patches, {"r": columns, "k": rows} | inside):
        return f"the grid was read as {columns} rows of {rows} patches"
    return ""


@check(
    "patches of a square image go back to their places",
    "Undo your steps of the first question, the last one first.",
)
def back_square(student: Student) -> None:
    size, side = 2 * student.integer(1, 2), student.integer(2, 3)
    *_, wrong = _put_back(student, 1, 3, size, side, side)
    if wrong:
        fail(wrong)


@check(
    "patches of an oblong image as well",
    "Which number is the rows, which the columns? Does any line suppose a square?",
)
def back_oblong(student: Student) -> None:
    size, rows = 2 * student.integer(1, 2), student.integer(2, 3)
    with student.on("a square image", FIRST):
        *_, always = _put_back(student, 1, 3, size, 2, 2)
    for down, right in ((rows, rows + 2), (rows + 1, rows)):
        with student.on(f"{down} rows and {right} columns of patches"):
            *_, wrong = _put_back(student, 1, 3, size, down, right)
            if wrong:
                fail(wrong, FIRST if always else None)


@check(
    "any number of images, any number of channels",
    "Does any line suppose three channels? A patch holds P·P·C numbers, you know P.",
    keeps_arguments=True,
)
def back_any(student: Student) -> None:
    with student.on("one colour image", FIRST):
        *_, always = _put_back(student, 1, 3, 2, 2, 2)
    several = "What does your code do with the first axis?"
    for batch, channels, hint in ((3, 3, several), (1, 1, None), (2, 5, None)):
        kind = {1: "grey image", 3: "colour images", 5: "images of 5 channels"}[channels]
        with student.on(f"{batch} {kind}", hint):
            back, images, wrong = _put_back(student, batch, channels, 2, 2, 2)
            if wrong and not always:
                fail(wrong)
            # One order that is wrong everywhere has checks of its own.
            if not equal(back.flatten(1).sort(-1).values, images.flatten(1).sort(-1).values):
                fail("an image does not hold the numbers of its patches")
    expect_kinds_kept(
        student,
        "unpatchify_hwc",
        student.distinct(1, 3, 4, 4),
        lambda images: (patches_hwc(images, 2), 2, 4, 4),
        "putting together changes no number",
    )


QUESTION = Question(
    function="unpatchify_hwc",
    title="Back to the image",
    minutes=10,
    teaches="to undo a permutation of axes",
    checks=(back_square, back_oblong, back_any),
)
