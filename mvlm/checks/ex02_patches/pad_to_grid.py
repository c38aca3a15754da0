"""Exercise 02, `pad_to_grid`: pictures of any size in one batch."""

import itertools
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.ex02_patches.common import THREE
from mvlm.checks.expect import (
    KIND,
    equal,
    every_kind,
    expect_parts,
    expect_shape,
    expect_tensor,
    expect_truth,
    same,
)

Size = tuple[int, int]  # height and width, of a picture, or of a frame in patches
FRAME = (
    "Do all pictures reach the same height and the same width? F.pad counts from the last axis: "
    "(left, right, top, bottom)."
)
EXACTLY = "Draw a picture of exactly P columns: which patches hold at least one of its pixels?"


def _padded(student: Student, pictures: list[Tensor], size: int) -> tuple[Any, Any, Size]:
    """The batch, the mask, and the grid that the student's frame has."""
    try:
        value = student.call("pad_to_grid", pictures, size)
    except AnswerFailed as error:
        if "equal size" in str(error):
            error.hint = FRAME
        raise
    batch, mask = expect_parts(value, ("the batch", "the mask"), "pad_to_grid")
    if getattr(batch, "dtype", None) == torch.bool and getattr(mask, "ndim", 0) == 4:
        raise AnswerFailed("pad_to_grid returned the mask first: the batch comes first")
    sides = _frame([picture.shape[1:] for picture in pictures], size)
    # A frame too large has a check of its own; so the mask is held against the frame that came.
    frame = tuple(batch.shape[2:]) if type(batch) is Tensor and batch.ndim == 4 else (0, 0)
    if all(ours >= side and ours % size == 0 for ours, side in zip(frame, sides, strict=True)):
        sides = frame
    return batch, mask, (sides[0] // size, sides[1] // size)


def _pictures(student: Student, sizes: list[Size]) -> list[Tensor]:
    return [student.distinct(3, height, width) for height, width in sizes]


def _frame(sizes: list[Size], size: int) -> Size:
    """Height and width of the smallest grid of patches that holds pictures of these sizes."""
    largest = map(max, zip(*sizes, strict=True))
    return tuple(next(side for side in range(size, 10**6, size) if side >= one) for one in largest)


@check(
    "the batch is the smallest grid that holds every picture",
    "Round up to a multiple of P: what should come out when it divides already?",
)
def pad_shape(student: Student) -> None:
    size = student.integer(4, 6)
    for name, sizes in {
        "one that fits already": [(2 * size, 3 * size), (size, size)],
        "the tallest is not the widest": [(2 * size + 1, 3), (5, 3 * size - 1), (size, size)],
        "one picture": [(1, size + 1)],
    }.items():
        listed = ", ".join(f"{h}×{w}" for h, w in sizes)
        with student.on(f"pictures {listed}, patches of {size}: {name}"):
            batch, *_ = _padded(student, _pictures(student, sizes), size)
            shape = (len(sizes), 3, *_frame(sizes, size))
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
    batch = _batch_with_room(student, pictures, size)
    corners = [[_in_corner(row, picture) for row in batch] for picture in pictures]
    if not all(corners[n][n] for n in range(3)):
        if all(any(row) for row in corners):
            fail("the pictures come in another order than in the list: picture n is row n", "")
        fail("the top left corner of the batch does not hold the picture, unchanged")
    for picture, row in zip(pictures, batch, strict=True):
        if not same(row.double().abs().sum().item(), picture.double().abs().sum().item()):
            fail("right of the picture or below it, something is not 0", "What fills the frame?")
    for kind in zip(*map(every_kind, pictures), strict=True):
        names, given = zip(*kind, strict=True)
        with student.on(f"pictures of {names[0]}"):
            batch = _batch_with_room(student, list(given), size)
            if batch.dtype != given[0].dtype:
                fail(
                    f"{given[0].dtype} went in, {batch.dtype} came out; padding changes no number",
                    "Which kind of number does your frame of zeros have, and who says so?",
                )
            if not all(_in_corner(*pair) for pair in zip(batch, given, strict=True)):
                fail("the batch does not hold the numbers of the pictures", KIND)


def _batch_with_room(student: Student, pictures: list[Tensor], size: int) -> Tensor:
    batch = expect_tensor(_padded(student, pictures, size)[0], "pad_to_grid")
    if batch.ndim != 4 or len(batch) != 3 or min(batch.shape[2:]) < 2 * size - 1:
        fail(f"the batch {tuple(batch.shape)} has no room for the pictures", "")
    return batch


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
    sizes = [(size, size), (size + 1, 2 * size + 1), (2 * size, 3 * size)]
    sizes += [(2 * size, 1), (1, 2 * size)]
    pictures = _pictures(student, sizes)
    _expect_mask(*_marked(student, pictures, size), sizes, size)
    pictures[2] = torch.zeros_like(pictures[2])
    pictures[1][:, :size] = 0
    ours, grid = _marked(student, pictures, size)
    if not equal(ours, _touched(sizes, grid, size)):
        fail("a black picture is marked as padding: ask the sizes, not the numbers", "")


def _touched(sizes: list[Size], grid: Size, size: int, more: int = 0) -> Tensor:
    """Which patches hold any of a picture of each size, or of one that is so many pixels larger."""
    places = list(itertools.product(range(grid[0]), range(grid[1])))
    return torch.tensor(
        [[r * size < h + more and c * size < w + more for r, c in places] for h, w in sizes]
    )


def _marked(student: Student, pictures: list[Tensor], size: int) -> tuple[Tensor, Size]:
    """Which patches are marked in each picture, and the grid of the frame that came."""
    _, mask, grid = _padded(student, pictures, size)
    count, number = len(pictures), grid[0] * grid[1]
    if expect_tensor(mask, "pad_to_grid").numel() != count * number:
        fail(f"no {count} masks of {number} patches to compare: the shape is {tuple(mask.shape)}")
    return mask.reshape(count, number) != 0, grid


def _expect_mask(ours: Tensor, grid: Size, sizes: list[Size], size: int) -> None:
    expected = _touched(sizes, grid, size)
    if equal(ours, expected):
        return
    whole, wider = (_touched(sizes, grid, size, more) for more in (1 - size, 1))
    said = {
        "the mask says True for padding": (~expected, "Which patches may a token look at?"),
        "the mask is True everywhere": (torch.ones_like(expected), EXACTLY),
        "a patch that holds a strip of the picture is marked as padding": (whole, None),
        "the mask is read column by column": (
            expected.reshape(-1, *grid).mT.flatten(1),
            "In which order do the patches come?",
        ),
        "the first n entries are True, n patches holding a picture": (
            torch.arange(expected.shape[1]) < expected.sum(dim=1, keepdim=True),
            f"The next row of patches begins {grid[1]} entries after the last one, however narrow "
            "the picture is.",
        ),
        "at a multiple of P, one patch too many is marked": (wider, EXACTLY),
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


QUESTION = Question(
    function="pad_to_grid",
    title="Pictures of any size in one batch",
    minutes=20,
    teaches="to pad, and to remember what is padding",
    checks=(pad_shape, pad_picture, pad_mask_kind, pad_mask),
)
