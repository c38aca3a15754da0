"""Exercise 02: patches in the other order, and back; overlapping; of any size; and their places.

What is right is worked out here with loops over pixels, in no way that an answer would be written.
What is wrong is recognised by trying every order of the axes.
"""

import itertools
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    KIND,
    close,
    doubles,
    equal,
    every_kind,
    expect_kind,
    expect_kinds_kept,
    expect_parts,
    expect_shape,
    expect_tensor,
    expect_truth,
    same,
    same_numbers,
)

# The right answers, by loops ------------------------------------------------------------------


def _windows(images: Tensor, patch_size: int, stride: int) -> list[Tensor]:
    """Every (B, C, P, P) window, row by row."""
    height, width = images.shape[2:]
    return [
        images[:, :, top : top + patch_size, left : left + patch_size]
        for top in range(0, height - patch_size + 1, stride)
        for left in range(0, width - patch_size + 1, stride)
    ]


def _chw(window: Tensor) -> Tensor:
    return torch.stack([picture.flatten() for picture in window])  # B C·P·P


def _hwc(window: Tensor) -> Tensor:
    batch, _, height, width = window.shape
    pixels = [window[:, :, row, column] for row in range(height) for column in range(width)]
    return torch.cat(pixels, dim=1).reshape(batch, -1)  # B P·P·C


def _patches_hwc(images: Tensor, patch_size: int) -> Tensor:
    return torch.stack([_hwc(w) for w in _windows(images, patch_size, patch_size)], dim=1)


def _patches_chw(images: Tensor, patch_size: int, stride: int) -> Tensor:
    return torch.stack([_chw(w) for w in _windows(images, patch_size, stride)], dim=1)


def _cubic_taps(old: int, new: int) -> Tensor:
    """(new, old): how much each old place counts for each new one; Keys 1981 with a = -0.75."""
    taps = torch.zeros(new, old, dtype=torch.float64)
    for place in range(new):
        centre = (place + 0.5) * old / new - 0.5
        first = math.floor(centre) - 1
        for source in range(first, first + 4):
            d = abs(centre - source)
            if d <= 1:
                weight = 1.25 * d**3 - 2.25 * d**2 + 1
            else:
                weight = -0.75 * d**3 + 3.75 * d**2 - 6 * d + 3
            taps[place, min(max(source, 0), old - 1)] += weight
    return taps


def _order_of(numbers: Tensor, source: Tensor, axes: dict[str, int]) -> str | None:
    """In which order ``numbers`` run over ``source``, whose axes after the first are ``axes``.

    Returns:
        The axes' letters, the slowest first; None when they run in none.
    """
    if numbers.numel() != source.numel():
        return None
    source = source.reshape(len(source), *axes.values())
    for order in itertools.permutations(range(len(axes))):
        walk = source.permute(0, *(1 + axis for axis in order)).flatten(1)
        if equal(numbers.reshape(walk.shape), walk):
            return "".join(list(axes)[axis] for axis in order)
    return None


def _letters(order: str) -> str:
    return f"({', '.join(order)})"


THREE = "What in your code supposes three channels?"
COUNT = "How many rows and how many columns of patches are there? Count each for itself."
SLOWEST = "Which of the two grid axes must change slowest, so stand first after the batch?"

# patchify_hwc ---------------------------------------------------------------------------------


@check(
    "the shape is (B, N, P·P·C)", "How many patches are there, and how many numbers in one of them?"
)
def hwc_shape(student: Student) -> None:
    batch, size, side = student.integer(2, 3), student.integer(2, 4), student.integer(2, 4)
    images = student.distinct(batch, 3, side * size, side * size)
    patches = student.call("patchify_hwc", images, size)
    _expect_patches(patches, (batch, side * side, size * size * 3))
    with student.on("the lecture's image"):
        lecture = student.call("patchify_hwc", student.normal(1, 3, 120, 120), 40)
        _expect_patches(lecture, (1, 9, 4800))


def _expect_patches(patches: Tensor, shape: tuple[int, int, int]) -> None:
    patches = expect_tensor(patches, "patchify_hwc")
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
        patches = expect_tensor(student.call("patchify_hwc", images, size), "patchify_hwc")
        expected = _patches_hwc(images, size)
        if patches.numel() != expected.numel() or patches.shape[-1] != expected.shape[-1]:
            images_left_out = patches.ndim > 0 and len(patches) != 2
            hint = "" if images_left_out else COUNT
            fail(f"no 2×6 patches to compare: the shape is {tuple(patches.shape)}", hint)
        _expect_numbers(patches, images)
        patches = patches.reshape(expected.shape)  # the shape has a check of its own
        held = patches.sort(-1).values
        if equal(held, expected.sort(-1).values):
            return
        down = expected.reshape(2, 2, 3, -1).transpose(1, 2).reshape(expected.shape)
        if equal(held, down.sort(-1).values):
            fail("on 2 rows of 3 patches, your second patch is the one below the first", SLOWEST)
        if _order_of(patches, images, {"c": 3, "r": 3, "h": size, "k": 2, "w": size}) == "rkhwc":
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
    patches = expect_tensor(student.call("patchify_hwc", images, size), "patchify_hwc")
    if patches.ndim == 0 or patches.shape[-1] != size * size * 3:
        fail(f"no patch of {size}·{size}·3 numbers: the shape is {tuple(patches.shape)}")
    _expect_numbers(patches, images)
    ours = {tuple(patch) for patch in patches.reshape(-1, patches.shape[-1]).tolist()}
    # Pixels of the wrong patches, of every second row and column, have a check of their own.
    far = [images[:, :, row::2, column::2] for row in range(2) for column in range(2)]
    for windows in (_windows(images, size, size), far):
        found = _order_inside(ours, windows)
        if found == "hwc":
            return
        if found == "chw":
            fail("the first P·P numbers of a patch are all red: that is (c, h, w)")
        if found == "whc":
            fail(
                "the pixels of a patch come column by column",
                "Which changes faster, row or column?",
            )
        if found:
            fail(f"the numbers of a patch come in {_letters(found)} order")
    fail("the numbers of a patch do not come pixel by pixel, each with its channels together")


def _expect_numbers(patches: Tensor, images: Tensor) -> None:
    if not same_numbers(patches, images):
        fail("the patches do not hold the numbers of the image, each once", "Cutting changes none.")


def _order_inside(ours: set[tuple[float, ...]], windows: list[Tensor]) -> str | None:
    """The order in which the patches hold these (1, C, P, P) windows; None when in none."""
    for order in itertools.permutations(range(3)):
        walks = [window[0].permute(order).flatten() for window in windows]
        if ours == {tuple(walk.tolist()) for walk in walks}:
            return "".join("chw"[axis] for axis in order)
    return None


@check(
    "any number of channels, whole numbers, and views of larger images work as well",
    "What does your code suppose about the images that the question does not say?",
    keeps_arguments=True,
)
def hwc_any_tensor(student: Student) -> None:
    size = student.integer(2, 3)
    for channels in (1, 4):
        with student.on(f"on images of {channels} channel{'s'[: channels - 1]}", THREE):
            images = student.distinct(1, channels, 2 * size, 2 * size)
            patches = expect_tensor(student.call("patchify_hwc", images, size), "patchify_hwc")
            _same_numbers(patches, _patches_hwc(images, size))
    whole = student.distinct(1, 3, 3 * size, 6 * size)
    square = whole[..., : 3 * size].contiguous()
    why = "cutting changes no number"
    expect_kinds_kept(student, "patchify_hwc", square, lambda images: (images, size), why)
    with student.on(
        "on a view of larger images, such as images[..., :n]",
        "Which of your steps needs memory that lies in one piece?",
    ):
        view = whole[..., : 3 * size]
        patches = expect_tensor(student.call("patchify_hwc", view, size), "patchify_hwc")
        _same_numbers(patches, _patches_hwc(view, size))


def _same_numbers(patches: Tensor, expected: Tensor) -> None:
    """The same numbers, in any order: the order has checks of its own."""
    if patches.ndim < 2 or patches.shape[-1] != expected.shape[-1]:
        fail(f"no patches of {expected.shape[-1]} numbers: the shape is {tuple(patches.shape)}")
    _expect_numbers(patches, expected)


# unpatchify_hwc -------------------------------------------------------------------------------


FIRST = "A square colour image fails already: begin there."


def _put_back(
    student: Student, batch: int, channels: int, size: int, rows: int, cols: int
) -> tuple[Tensor, Tensor, str]:
    """What came back, what should have, and what is wrong with the order; empty when nothing."""
    images = student.distinct(batch, channels, rows * size, cols * size)
    patches = _patches_hwc(images, size)
    back = student.call("unpatchify_hwc", patches, size, rows * size, cols * size)
    expect_shape(back, images.shape, "unpatchify_hwc", "(B, C, H, W)")
    if equal(back, images):
        return back, images, ""
    wrong = int((back != images).sum())
    seen = f"{wrong} of {images.numel()} numbers are not in their place"
    return back, images, _misplaced(back, patches, (rows, cols, size, channels)) or seen


def _misplaced(back: Tensor, patches: Tensor, sizes: tuple[int, int, int, int]) -> str:
    """How ``back`` runs over the patches, r and k being the grid's axes; empty when in no way."""
    rows, columns, size, channels = sizes
    grid, inside = {"r": rows, "k": columns}, {"h": size, "w": size, "c": channels}
    found = _order_of(back, patches, grid | inside)
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
    if _order_of(back, patches, grid | {"c": channels, "h": size, "w": size}):
        return "each patch was read as (c, h, w): its numbers are in (h, w, c) order"
    if _order_of(back, patches, {"r": columns, "k": rows} | inside):
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
            if wrong and always:
                fail(wrong, FIRST)
            if wrong:
                fail(wrong)


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
        lambda images: (_patches_hwc(images, 2), 2, 4, 4),
        "putting together changes no number",
    )


# weight_to_hwc --------------------------------------------------------------------------------


@check(
    "new weight on new patches gives the tokens of old on old",
    "One row of the weight is one filter. Which shape makes it a small picture?",
)
def weight_tokens(student: Student) -> None:
    for channels, hint in ((3, None), (5, THREE)):
        size, width = 2 * student.integer(1, 2), student.integer(6, 7)
        weight = student.normal(width, channels * size * size)
        images = student.normal(2, channels, 2 * size, 3 * size)
        with student.on(f"{channels} channels", hint):
            moved = student.call("weight_to_hwc", weight, size)
            expect_shape(moved, weight.shape, "weight_to_hwc", "(D, P·P·C)")
            tokens = _patches_hwc(images, size) @ moved.float().T
            if not close(tokens, _patches_chw(images, size, size) @ weight.T):
                _fail_on_columns(moved, weight, size)


def _fail_on_columns(moved: Tensor, weight: Tensor, size: int) -> None:
    """Say which order the columns are in."""
    channels = weight.shape[1] // size**2
    found = _order_of(moved, weight, {"c": channels, "h": size, "w": size})
    if found == "chw":
        fail("the columns are still in (c, h, w) order", "A reshape alone moves no number.")
    if found:
        fail(
            f"the new columns are in {_letters(found)} order",
            "Which axis stands where before your permute, and where after it?",
        )
    if _order_of(moved, weight, {"h": size, "w": size, "c": channels}):
        fail(
            "the columns that were passed are read as (h, w, c): they are in (c, h, w) order",
            "Which way round is the question: to (h, w, c), or from it?",
        )
    fail("the (h, w, c) patches and your weight do not give the tokens of before")


@check(
    "a new weight comes back, and the one that was passed is unchanged",
    "Do you write into the tensor you were given? Somebody else may still use it.",
)
def weight_kept(student: Student) -> None:
    size = student.integer(2, 3)
    weight = student.normal(4, 3 * size * size)
    returned = student.look("weight_to_hwc", weight, size)
    value, after = expect_tensor(returned.value, "weight_to_hwc"), returned.arguments[0]
    if type(after) is not Tensor or not equal(after, weight):
        fail("after the call, the weight that was passed has other numbers than before")
    if equal(value.flatten(), weight.flatten()):
        fail("no new weight to look at: the old numbers came back in the old order", "")
    weight = doubles(student.distinct(4, 3 * size * size))
    with student.on("a weight of float64", KIND):
        value = expect_tensor(student.call("weight_to_hwc", weight, size), "weight_to_hwc")
        expect_kind(value, weight, "another order changes no number")
        if not same_numbers(value, weight):
            fail("the new weight does not hold the numbers of the one that was passed")


# overlapping_patches --------------------------------------------------------------------------


def _overlap(student: Student, images: Tensor, size: int, stride: int) -> tuple[Tensor, Tensor]:
    """What came back, and what is wanted."""
    patches = expect_tensor(
        student.call("overlapping_patches", images, size, stride), "overlapping_patches"
    )
    return patches, _patches_chw(images, size, stride)


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
            images = student.distinct(2, 3, height, width)
            _expect_windows(*_overlap(student, images, size, stride))
    with student.on("grey images", THREE):
        _expect_windows(*_overlap(student, student.distinct(2, 1, 2 * size, 3 * size), size, size))


def _expect_windows(patches: Tensor, expected: Tensor) -> None:
    shape, wanted = tuple(patches.shape), tuple(expected.shape)
    if shape == tuple(expected.mT.shape):
        fail(f"{shape} came back, wanted {wanted}: the last two axes are exchanged", "")
    if shape != wanted and patches.numel() == expected.numel():
        fail(
            f"overlapping_patches returned {shape}, wanted {wanted}",
            "All numbers are there. Which axes belong to N, which into a patch?",
        )
    expect_shape(patches, wanted, "overlapping_patches", "(B, N, C·P·P)")


def _as_patches(patches: Tensor, expected: Tensor) -> Tensor:
    """(B, N, C·P·P), however many there are: the shape has a check of its own."""
    batch, _, dim = expected.shape
    if patches.shape == expected.mT.shape:
        patches = patches.mT
    elif patches.ndim > 3 and patches.numel() == expected.numel():
        patches = patches.reshape(expected.shape)
    if patches.ndim < 2 or patches.shape[0] != batch or patches.shape[-1] != dim:
        fail(f"no patches of {dim} numbers: the shape is {tuple(patches.shape)}", "")
    return patches.reshape(batch, -1, dim)


def _order_of_windows(patches: Tensor, expected: Tensor, rows: int, size: int) -> str | None:
    """In which order the patches run over all the windows: r and k for the grid's axes."""
    columns = expected.shape[1] // rows
    axes = {"r": rows, "k": columns, "c": 3, "h": size, "w": size}
    return _order_of(patches, expected, axes)


@check(
    "the next patch begins one stride further",
    "A window begins at a multiple of the stride and is P pixels long.",
)
def overlap_step(student: Student) -> None:
    size = student.integer(4, 5)
    stride = size - 1
    images = student.distinct(1, 3, size + stride, size + 2 * stride)
    given, expected = _overlap(student, images, size, stride)
    patches = _as_patches(given, expected)
    if _order_of_windows(patches, expected, 2, size):
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
    height, width = size + 2 * stride, size + 3 * stride
    images = student.distinct(2, 3, height, width)
    given, expected = _overlap(student, images, size, stride)
    patches = _as_patches(given, expected)
    found = _order_of_windows(patches, expected, 3, size)
    if found == "rkchw":
        return
    if found:
        _fail_on_axes(found)
    for ours, windows in zip(patches, _patches_chw(images, size, 1), strict=True):
        other = (ours != 0) & ~torch.isin(ours, windows)
        if other.any():
            fail("one image has patches of another", "What does your code do with the first axis?")
        _expect_row_by_row(ours, windows, width - size + 1)


def _expect_row_by_row(patches: Tensor, windows: Tensor, columns: int) -> None:
    """In order, whichever of all windows they are: where these begin has checks of its own."""
    places = {tuple(sorted(window)): place for place, window in enumerate(windows.tolist())}
    here = [places.get(tuple(sorted(patch))) for patch in patches.tolist()]
    here = [place for place in here if place is not None]
    rows = {place // columns for place in here}
    if len(rows) < 2 or len(here) < 2 * len(rows):
        fail("an image has no 2 rows of 2 windows among its patches, to see their order", "")
    if here != sorted(here):
        fail("patch n is not the n-th window when read row by row")
    exact = {tuple(window) for window in windows.tolist()}
    if sum(tuple(patch) in exact for patch in patches.tolist()) < len(here):
        fail(
            "the numbers inside a patch are not in (c, h, w) order",
            "Which axis must be the slowest inside a patch, which the fastest?",
        )


def _fail_on_axes(found: str) -> None:
    """Say what is wrong with an order of axes: r and k for the grid, c, h and w inside."""
    if found == "krchw":
        fail("patch n is not the n-th window when read row by row")
    if sorted(found[:2]) == ["k", "r"]:
        fail(
            f"the numbers inside a patch come in {_letters(found[2:])} order, wanted (c, h, w)",
            "Which axis must be the slowest inside a patch, which the fastest?",
        )
    fail(
        "a patch holds numbers of several windows: these are cut rightly, their axes mixed up",
        "Name the axes that you have before the last reshape. N is rows × columns: where are they?",
    )


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
            given, expected = _overlap(student, images, size, stride)
            patches = _as_patches(given, expected)
            if _order_of_windows(patches, expected, 2, size):
                continue
            if patches.shape != expected.shape:
                fail(f"{patches.shape[1]} patches came back, wanted {expected.shape[1]}")
            if not equal(patches.flatten().unique(), expected.flatten().unique()):
                fail("the patches hold other pixels than those of the whole windows")
    images = doubles(student.distinct(1, 3, 6, 6))
    with student.on("images of float64", KIND):
        given, expected = _overlap(student, images, 4, 2)
        expect_kind(given, images, "cutting changes no number")
        if not torch.isin(given, expected).all():
            fail("the patches hold other numbers than the image")


# pad_to_grid ----------------------------------------------------------------------------------


def _padded(
    student: Student, pictures: list[Tensor], size: int
) -> tuple[Any, Any, tuple[int, int]]:
    """The batch, the mask, and the grid that the student's frame has."""
    try:
        value = student.call("pad_to_grid", pictures, size)
    except AnswerFailed as error:
        raise AnswerFailed(
            str(error), FRAME if "equal size" in str(error) else error.hint
        ) from None
    batch, mask = expect_parts(value, ("the batch", "the mask"), "pad_to_grid")
    if getattr(batch, "dtype", None) == torch.bool and getattr(mask, "ndim", 0) == 4:
        raise AnswerFailed("pad_to_grid returned the mask first: the batch comes first")
    sides = _grid_sides([tuple(picture.shape[1:]) for picture in pictures], size)
    # A frame too large has a check of its own; so the mask is held against the frame that came.
    frame = tuple(batch.shape[2:]) if type(batch) is Tensor and batch.ndim == 4 else (0, 0)
    if all(ours >= side and ours % size == 0 for ours, side in zip(frame, sides, strict=True)):
        sides = frame
    return batch, mask, (sides[0] // size, sides[1] // size)


FRAME = (
    "Do all pictures reach the same height and the same width? F.pad counts from the last axis: "
    "(left, right, top, bottom)."
)


def _pictures(student: Student, sizes: list[tuple[int, int]]) -> list[Tensor]:
    return [student.distinct(3, height, width) for height, width in sizes]


def _grid_sides(sizes: list[tuple[int, int]], size: int) -> tuple[int, int]:
    return tuple(
        next(side for side in range(size, 10**6, size) if side >= max(pair[axis] for pair in sizes))
        for axis in (0, 1)
    )


@check(
    "the batch is the smallest grid that holds every picture",
    "Round up to a multiple of P: what should come out when it divides already?",
)
def pad_shape(student: Student) -> None:
    size = student.integer(4, 6)
    fits = [(2 * size, 3 * size), (size, size)]
    differ = [(2 * size + 1, 3), (5, 3 * size - 1), (size, size)]
    one = [(1, size + 1)]
    names = ("one that fits already", "the tallest is not the widest", "one picture")
    for sizes, name in zip((fits, differ, one), names, strict=True):
        listed = ", ".join(f"{h}×{w}" for h, w in sizes)
        with student.on(f"pictures {listed}, patches of {size}: {name}"):
            batch, *_ = _padded(student, _pictures(student, sizes), size)
            shape = (len(sizes), 3, *_grid_sides(sizes, size))
            expect_shape(batch, shape, "pad_to_grid", "(B, C, H, W)")
    with student.on("a grey picture", THREE):
        batch, *_ = _padded(student, [student.distinct(1, size, size)], size)
        expect_shape(batch, (1, 1, size, size), "pad_to_grid", "(B, C, H, W)")


@check(
    "each picture stands in the top left, unchanged, and zeros elsewhere",
    "Where does row 0, column 0 of each picture go? Nothing is scaled.",
)
def pad_picture(student: Student) -> None:
    size = student.integer(4, 6)
    sizes = [(size + 1, size + 2), (2 * size - 1, 2 * size - 1), (size - 1, size - 1)]
    pictures = _pictures(student, sizes)
    batch, *_ = _padded(student, pictures, size)
    expect_tensor(batch, "pad_to_grid")
    if batch.ndim != 4 or batch.shape[0] != 3 or min(batch.shape[2:]) < 2 * size - 1:
        fail(f"the batch {tuple(batch.shape)} has no room for the pictures", "")
    corners = [[_in_corner(row, picture) for row in batch] for picture in pictures]
    if not all(corners[n][n] for n in range(3)):
        if all(any(row) for row in corners):
            fail("the pictures come in another order than in the list: picture n is row n", "")
        fail("the top left corner of the batch does not hold the picture, unchanged")
    for picture, row in zip(pictures, batch, strict=True):
        if not same(row.double().abs().sum().item(), picture.double().abs().sum().item()):
            fail("right of the picture or below it, something is not 0", "What fills the frame?")
    kinds = zip(*(every_kind(picture) for picture in pictures), strict=True)
    for kind in kinds:
        with student.on(f"pictures of {kind[0][0]}"):
            batch, *_ = _padded(student, [picture for _, picture in kind], size)
            if batch.dtype != kind[0][1].dtype:
                came = f"{kind[0][1].dtype} went in, {batch.dtype} came out"
                fail(
                    f"{came}; padding changes no number",
                    "Which kind of number does your frame of zeros have, and who says so?",
                )
            if not all(_in_corner(row, one) for row, (_, one) in zip(batch, kind, strict=True)):
                fail("the batch does not hold the numbers of the pictures", KIND)


def _in_corner(row: Tensor, picture: Tensor) -> bool:
    _, height, width = picture.shape
    return equal(row[:, :height, :width], picture)


@check(
    "the mask has one truth value a patch", "One entry for each of the N patches, none for pixels."
)
def pad_mask_kind(student: Student) -> None:
    size = student.integer(4, 6)
    pictures = _pictures(student, [(size, size), (2 * size, 3 * size)])
    _, mask, (rows, columns) = _padded(student, pictures, size)
    expect_truth(mask, "the mask")
    if mask.shape == (2, rows, columns):
        fail(
            f"pad_to_grid's mask has the shape {tuple(mask.shape)}, wanted (2, {rows * columns})",
            "Rows and columns of patches are one axis here, as in a sequence of tokens.",
        )
    expect_shape(mask, (2, rows * columns), "pad_to_grid's mask", "(B, N)")


@check(
    "the mask is True where a patch holds any of the picture",
    "Draw a picture of P+1 columns: which patches hold at least one of its pixels?",
    after=[pad_picture],
    keeps_arguments=True,
)
def pad_mask(student: Student) -> None:
    size = student.integer(4, 6)
    sizes = [(size, size), (size + 1, 2 * size + 1), (2 * size, 3 * size), (2 * size, 1)]
    sizes.append((1, 2 * size))
    pictures = _pictures(student, sizes)
    _, mask, grid = _padded(student, pictures, size)
    _expect_mask(mask, sizes, grid, size)
    pictures[2] = torch.zeros_like(pictures[2])
    pictures[1][:, :size] = 0
    _, mask, grid = _padded(student, pictures, size)
    ours = _mask_rows(mask, len(sizes), grid)
    if not equal(ours, _touched(sizes, grid, size)):
        fail("a black picture is marked as padding: ask the sizes, not the numbers", "")


def _touched(
    sizes: list[tuple[int, int]], grid: tuple[int, int], size: int, *, whole: bool = False
) -> Tensor:
    """Which patches hold any of a picture of each size, or nothing but picture."""
    needed = size - 1 if whole else 0  # pixels from a patch's first to the one that must be there
    places = list(itertools.product(range(grid[0]), range(grid[1])))
    return torch.tensor(
        [[r * size + needed < h and c * size + needed < w for r, c in places] for h, w in sizes]
    )


def _mask_rows(mask: Any, count: int, grid: tuple[int, int]) -> Tensor:
    number = grid[0] * grid[1]
    if expect_tensor(mask, "pad_to_grid").numel() != count * number:
        fail(f"no {count} masks of {number} patches to compare: the shape is {tuple(mask.shape)}")
    return mask.reshape(count, number) != 0


def _expect_mask(mask: Any, sizes: list[tuple[int, int]], grid: tuple[int, int], size: int) -> None:
    ours, expected = _mask_rows(mask, len(sizes), grid), _touched(sizes, grid, size)
    if equal(ours, expected):
        return
    _, rows, columns = expected.reshape(-1, *grid).shape
    cells = expected.reshape(-1, *grid)
    places = torch.arange(rows * columns)
    held = [math.prod((side + size - 1) // size for side in pair) for pair in sizes]
    said = {
        "the mask says True for padding": (~expected, "Which patches may a token look at?"),
        "the mask is True everywhere": (torch.ones_like(expected), EXACTLY),
        "a patch that holds a strip of the picture is marked as padding": (
            _touched(sizes, grid, size, whole=True),
            None,
        ),
        "the mask is read column by column": (
            cells.transpose(1, 2).flatten(1),
            "In which order do the patches come?",
        ),
        "the first n entries are True, n patches holding a picture": (
            places < torch.tensor(held)[:, None],
            f"The next row of patches begins {columns} entries after the last one, however narrow "
            "the picture is.",
        ),
        "at a multiple of P, one patch too many is marked": (
            _touched([(h + 1, w + 1) for h, w in sizes], grid, size),
            EXACTLY,
        ),
    }
    for says, (mistaken, hint) in said.items():
        if equal(ours, mistaken):
            fail(says, hint)
    picture, patch = (ours != expected).nonzero()[0].tolist()
    height, width = sizes[picture]
    frame = f"{grid[0]}×{grid[1]} patches of {size}"
    value = bool(ours[picture, patch])
    message = f"of a picture {height}×{width} in {frame}, patch {patch} is marked {value}"
    fail(message, EXACTLY if value else None)


EXACTLY = "Draw a picture of exactly P columns: which patches hold at least one of its pixels?"

# resize_table ---------------------------------------------------------------------------------


SCALE = (
    "Do you give F.interpolate a scale factor? 11 · (15 / 11) is a little below 15 in floating "
    "point: give the size."
)


@check(
    "the places are resized as a picture of rows × columns",
    "F.interpolate takes (1, D, rows, columns). Which axis is D in the table?",
)
def table_values(student: Student) -> None:
    # A scale factor gives the last of these grids one column too few.
    grids = [((2, 3), (4, 5)), ((3, 2), (2, 3)), ((4, 4), (7, 9)), ((2, 11), (3, 15))]
    for old, new in grids:
        table = student.normal(1 + old[0] * old[1], 6)
        hint = SCALE if old == (2, 11) else None
        with student.on(f"from {old[0]}×{old[1]} to {new[0]}×{new[1]}", hint):
            resized = expect_tensor(
                student.call("resize_table", table, old, new, 1), "resize_table"
            )
            if hint and resized.shape == (1 + 3 * 14, 6):
                fail("an axis has 14 places, wanted 15")
            expected = _resized(table[1:], old, new)
            if _holds(resized, expected):
                continue
            if resized.shape != (1 + new[0] * new[1], 6):
                fail(
                    f"resize_table returned {tuple(resized.shape)}, wanted {1 + len(expected), 6}",
                    "How many places has the new grid, and how many rows stand before them?",
                )
            _fail_on_places(resized[1:], table[1:], old, new)


def _holds(table: Tensor, places: Tensor) -> bool:
    """Whether the places are right; where the prefix row is has a check of its own."""
    return any(close(part, places, 1e-4) for part in (table[1:], table[:-1], table))


def _resized(places: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    picture = places.double().reshape(*old, -1)
    rows = torch.einsum("ij,jcd->icd", _cubic_taps(old[0], new[0]), picture)
    columns = torch.einsum("ij,rjd->rid", _cubic_taps(old[1], new[1]), rows)
    return columns.reshape(new[0] * new[1], -1)


def _fail_on_places(
    ours: Tensor, places: Tensor, old: tuple[int, int], new: tuple[int, int]
) -> None:
    """Say which resize gives these numbers."""
    for name, options in {
        "a bilinear resize": {"mode": "bilinear"},
        "a bilinear resize with align_corners=True": {"mode": "bilinear", "align_corners": True},
        "a bicubic resize with align_corners=True": {"mode": "bicubic", "align_corners": True},
        "a bicubic resize with antialiasing": {"mode": "bicubic", "antialias": True},
        "a bilinear resize with antialiasing": {"mode": "bilinear", "antialias": True},
        "the nearest place": {"mode": "nearest"},
        "the nearest place (exact)": {"mode": "nearest-exact"},
        "a mean over areas": {"mode": "area"},
    }.items():
        channels = [column.reshape(1, 1, *old) for column in places.T]
        picture = [F.interpolate(channel, new, **options).flatten() for channel in channels]
        if close(ours, torch.stack(picture, dim=1)):
            fail(
                f"these are the numbers of {name}", "The shape is right. Read the arguments again."
            )
    by_channel = [column.reshape(1, 1, *old) for column in places.T]
    picture = [F.interpolate(one, new, mode="bicubic").flatten() for one in by_channel]
    if close(ours, torch.stack(picture).reshape(ours.shape)):
        fail(
            "the resize is right, and its numbers are still channel by channel",
            "F.interpolate gives (1, D, rows, columns). Which axis must stand last in the table?",
        )
    turned = {
        "of the new grid": _resized(places, old, new[::-1]),
        "of the old grid": _resized(places, old[::-1], new),
        "of both grids": _resized(places, old[::-1], new[::-1]),
        "of the result": _resized(places, old, new).reshape(*new, -1).transpose(0, 1).flatten(0, 1),
    }
    for which, numbers in turned.items():
        if close(ours, numbers):
            fail(
                f"rows and columns {which} have changed places",
                "A grid is (rows, columns), and so is the size that F.interpolate takes.",
            )
    fail("the resized places are not those of a bicubic resize of the grid")


@check(
    "rows that stand for no place are kept to the bit",
    "Take the first `prefix` rows away first, and put them back at the end.",
)
def table_prefix(student: Student) -> None:
    for prefix in (1, 0, 2):
        hint = None if prefix == 1 else "What in your code supposes one row without a place?"
        with student.on(f"prefix {prefix}", hint):
            table = student.normal(prefix + 4, 4)
            resized = student.call("resize_table", table, (2, 2), (3, 3), prefix)
            expect_shape(resized, (prefix + 9, 4), "resize_table", "(prefix + rows·columns, D)")
            if prefix and equal(resized[-prefix:], table[:prefix]):
                fail("the rows that stand for no place came back last", "")
            if not equal(resized[:prefix], table[:prefix]):
                fail("the rows that stand for no place came back changed")
    table = doubles(student.distinct(5, 4))
    with student.on("a table of float64", KIND):
        resized = student.call("resize_table", table, (2, 2), (3, 3), 1)
        expect_shape(resized, (10, 4), "resize_table", "(prefix + rows·columns, D)")
        expect_kind(resized, table, "a table stays what it is")
        if not any(equal(resized[n], table[0]) for n in (0, -1)):
            fail("the row that stands for no place came back changed")


@check(
    "the same grid changes nothing, and the given table stays as it was",
    "What does your function do when there is nothing to do? And to its argument?",
    after=[table_values],
)
def table_same(student: Student) -> None:
    table = student.normal(1 + 9, 4)
    same = expect_tensor(student.call("resize_table", table, (3, 3), (3, 3), 1), "resize_table")
    if not _holds(same, table[1:]):
        fail("from 3×3 to 3×3, the table came back changed")
    returned = student.look("resize_table", table, (3, 3), (6, 6), 1)
    resized = expect_tensor(returned.value, "resize_table")
    if resized.ndim != 2 or resized.shape[0] not in (36, 37):
        fail(f"no table of 6×6 places to look at: the shape is {tuple(resized.shape)}", "")
    after = returned.arguments[0]
    if type(after) is not Tensor or not equal(after, table):
        fail("after the call, the table that was passed has other numbers than before")


EXERCISE = Exercise(
    name="02_patches",
    title="Exercise 02: patches",
    forbids=("mvlm.patches",),
    questions=(
        Question(
            function="patchify_hwc",
            title="Patches in the lecture's order",
            minutes=10,
            teaches="which order of numbers a reshape and a permute make",
            checks=(hwc_shape, hwc_order_of_patches, hwc_order_inside, hwc_any_tensor),
        ),
        Question(
            function="unpatchify_hwc",
            title="Back to the image",
            minutes=10,
            teaches="to undo a permutation of axes",
            checks=(back_square, back_oblong, back_any),
        ),
        Question(
            function="weight_to_hwc",
            title="A weight for the new order",
            minutes=10,
            teaches="that a matrix and the order of its input belong together",
            checks=(weight_tokens, weight_kept),
        ),
        Question(
            function="overlapping_patches",
            title="Patches that overlap",
            minutes=15,
            teaches="to count windows, with a stride and a rest",
            checks=(overlap_count, overlap_step, overlap_order, overlap_rest),
        ),
        Question(
            function="pad_to_grid",
            title="Pictures of any size in one batch",
            minutes=20,
            teaches="to pad, and to remember what is padding",
            checks=(pad_shape, pad_picture, pad_mask_kind, pad_mask),
        ),
        Question(
            function="resize_table",
            title="Places for another grid",
            minutes=20,
            teaches="why a table of places is a small picture",
            checks=(table_values, table_prefix, table_same),
        ),
    ),
)
