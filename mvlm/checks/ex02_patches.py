"""Exercise 02: patches in the other order, and back; overlapping; of any size; and their places.

What is right is worked out here with loops over pixels, in no way that an answer would be written.
"""

import math

import torch
from torch import Tensor

from mvlm.checks.core import (
    Check,
    Exercise,
    Question,
    Student,
    close,
    equal,
    expect_shape,
    expect_tensor,
    fail,
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


# patchify_hwc ---------------------------------------------------------------------------------


def _hwc_shape(student: Student) -> None:
    batch, channels, size = student.integer(2, 3), student.integer(2, 4), student.integer(2, 4)
    rows = student.integer(2, 4)
    images = student.distinct(batch, channels, rows * size, (rows + 1) * size)
    patches = student.call("patchify_hwc", images, size)
    shape = (batch, rows * (rows + 1), size * size * channels)
    expect_shape(patches, shape, "patchify_hwc", "(B, N, P·P·C)")
    lecture = student.call("patchify_hwc", student.normal(1, 3, 120, 120), 40)
    expect_shape(lecture, (1, 9, 4800), "patchify_hwc", "(B, N, P·P·C) for the lecture's image")


def _hwc_order_of_patches(student: Student) -> None:
    size = student.integer(2, 4)
    images = student.distinct(2, 3, 2 * size, 3 * size)
    patches = expect_tensor(student.call("patchify_hwc", images, size), "patchify_hwc")
    expected = _patches_hwc(images, size)
    if patches.numel() != expected.numel() or patches.shape[-1] != expected.shape[-1]:
        fail(f"no patches to compare: the shape is {tuple(patches.shape)}")
    patches = patches.reshape(expected.shape)  # the shape has a check of its own
    if equal(patches.sort(-1).values, expected.sort(-1).values):
        return
    down = expected.reshape(2, 2, 3, -1).transpose(1, 2).reshape(expected.shape)
    if equal(patches.sort(-1).values, down.sort(-1).values):
        fail("on 2 rows of 3 patches, your second patch is the one below the first")
    fail("on 2 rows of 3 patches, patch n does not hold the pixels of the n-th patch, row by row")


def _hwc_order_inside(student: Student) -> None:
    size, channels = student.integer(3, 5), student.integer(2, 4)
    images = student.distinct(1, channels, 2 * size, 2 * size)
    patches = expect_tensor(student.call("patchify_hwc", images, size), "patchify_hwc")
    if patches.ndim == 0 or patches.shape[-1] != size * size * channels:
        fail(f"no patch of {size}·{size}·{channels} numbers: the shape is {tuple(patches.shape)}")
    windows = _windows(images, size, size)
    ours = {tuple(patch) for patch in patches.reshape(-1, patches.shape[-1]).tolist()}
    if ours == {tuple(_hwc(window)[0].tolist()) for window in windows}:
        return
    if ours == {tuple(_chw(window)[0].tolist()) for window in windows}:
        fail("the first P·P numbers of a patch are all red: that is (c, h, w)")
    if ours == {tuple(_hwc(window.transpose(2, 3))[0].tolist()) for window in windows}:
        fail("the pixels of a patch come column by column")
    fail("the numbers of a patch do not come pixel by pixel, each with its channels together")


def _hwc_any_tensor(student: Student) -> None:
    size = student.integer(2, 3)
    whole = student.distinct(2, 3, 3 * size, 6 * size)
    with student.on("on images of whole numbers, uint8"):
        integers = (whole[..., : 3 * size] % 251).to(torch.uint8).contiguous()
        patches = expect_tensor(student.call("patchify_hwc", integers, size), "patchify_hwc")
        if patches.dtype != torch.uint8:
            fail(f"torch.uint8 went in, {patches.dtype} came out; cutting changes no number")
        _same_numbers(patches, _patches_hwc(integers, size))
    with student.on("on a view of larger images, such as images[..., :n]"):
        view = whole[..., : 3 * size]
        patches = expect_tensor(student.call("patchify_hwc", view, size), "patchify_hwc")
        _same_numbers(patches, _patches_hwc(view, size))


def _same_numbers(patches: Tensor, expected: Tensor) -> None:
    """The same numbers in each image, in any order: the order has checks of its own."""
    if patches.ndim < 2 or patches.shape[-1] != expected.shape[-1]:
        fail(f"no patches of {expected.shape[-1]} numbers: the shape is {tuple(patches.shape)}")
    if not equal(patches.flatten(1).sort(-1).values, expected.flatten(1).sort(-1).values):
        fail("the patches do not hold the numbers of the image, each once")


PATCHIFY = Question(
    function="patchify_hwc",
    title="Patches in the lecture's order",
    minutes=10,
    teaches="which order of numbers a reshape and a permute make",
    checks=(
        Check(
            name="hwc-shape",
            title="the shape is (B, N, P·P·C), also when height and width differ",
            hint="How many rows and how many columns of patches are there? Count each for itself.",
            points=1,
            run=_hwc_shape,
        ),
        Check(
            name="hwc-order-of-patches",
            title="patches come row by row, as one reads",
            hint="Which of the two grid axes must change slowest, so stand first after the batch?",
            points=1,
            run=_hwc_order_of_patches,
        ),
        Check(
            name="hwc-order-inside",
            title="inside a patch: row, then column, then channel",
            hint="The last axis before you flatten changes fastest. Which one should it be?",
            points=1,
            run=_hwc_order_inside,
        ),
        Check(
            name="hwc-any-tensor",
            title="whole numbers and views of larger images work as well",
            hint="Which of your steps needs floats, or memory that lies in one piece?",
            points=1,
            run=_hwc_any_tensor,
        ),
    ),
)

# unpatchify_hwc -------------------------------------------------------------------------------


def _put_back(student: Student, batch: int, channels: int, size: int, rows: int, cols: int) -> None:
    images = student.distinct(batch, channels, rows * size, cols * size)
    patches = _patches_hwc(images, size)
    back = student.call("unpatchify_hwc", patches, size, rows * size, cols * size)
    expect_shape(back, images.shape, "unpatchify_hwc", "(B, C, H, W)")
    if not equal(back, images):
        wrong = int((back != images).sum())
        fail(f"{wrong} of {images.numel()} numbers are not in their place")


def _back_square(student: Student) -> None:
    size, side = student.integer(2, 4), student.integer(2, 3)
    _put_back(student, 1, 3, size, side, side)


def _back_oblong(student: Student) -> None:
    size, rows = student.integer(2, 4), student.integer(2, 3)
    with student.on(f"{rows} rows and {rows + 2} columns of patches"):
        _put_back(student, 1, 3, size, rows, rows + 2)
    with student.on(f"{rows + 1} rows and {rows} columns of patches"):
        _put_back(student, 1, 3, size, rows + 1, rows)


def _back_any(student: Student) -> None:
    for batch, channels in ((3, 3), (1, 1), (2, 5)):
        with student.on(f"{batch} images of {channels} channels"):
            _put_back(student, batch, channels, student.integer(2, 3), 2, 2)


UNPATCHIFY = Question(
    function="unpatchify_hwc",
    title="Back to the image",
    minutes=10,
    teaches="to undo a permutation of axes",
    checks=(
        Check(
            name="back-square",
            title="patches of a square image go back to their places",
            hint="Undo your steps of the first question, the last one first.",
            points=1,
            run=_back_square,
        ),
        Check(
            name="back-oblong",
            title="patches of an oblong image as well",
            hint="Which number is the rows, which the columns? Does any line suppose a square?",
            points=1,
            run=_back_oblong,
        ),
        Check(
            name="back-any",
            title="any number of images, any number of channels",
            hint="How do you find C? A patch holds P·P·C numbers, and you know P.",
            points=1,
            run=_back_any,
        ),
    ),
)

# weight_to_hwc --------------------------------------------------------------------------------


def _weight_tokens(student: Student) -> None:
    for channels in (3, student.integer(4, 5)):
        size, width = student.integer(2, 4), student.integer(5, 7)
        weight = student.normal(width, channels * size * size)
        images = student.normal(2, channels, 2 * size, 3 * size)
        with student.on(f"{channels} channels"):
            moved = student.call("weight_to_hwc", weight, size)
            expect_shape(moved, weight.shape, "weight_to_hwc", "(D, P·P·C)")
            tokens = _patches_hwc(images, size) @ moved.float().T
            if not close(tokens, _patches_chw(images, size, size) @ weight.T):
                fail("the (h, w, c) patches and your weight do not give the tokens of before")


def _weight_kept(student: Student) -> None:
    size = student.integer(2, 3)
    weight = student.normal(4, 3 * size * size)
    returned = student.look("weight_to_hwc", weight, size)
    if equal(expect_tensor(returned.value, "weight_to_hwc"), weight):
        fail("the weight came back as it went in: its columns need another order")
    after = returned.arguments[0]
    if type(after) is not Tensor or not equal(after, weight):
        fail("after the call, the weight that was passed has other numbers than before")


WEIGHT = Question(
    function="weight_to_hwc",
    title="A weight for the new order",
    minutes=10,
    teaches="that a matrix and the order of its input belong together",
    checks=(
        Check(
            name="weight-tokens",
            title="new weight on new patches gives the tokens of old on old",
            hint="One row of the weight is one filter. Which shape makes it a small picture?",
            points=1,
            run=_weight_tokens,
        ),
        Check(
            name="weight-kept",
            title="the weight that was passed is unchanged",
            hint="Do you write into the tensor you were given? Somebody else may still use it.",
            points=1,
            run=_weight_kept,
        ),
    ),
)

# overlapping_patches --------------------------------------------------------------------------


def _overlap(
    student: Student, batch: int, height: int, width: int, size: int, stride: int
) -> tuple:
    images = student.distinct(batch, 3, height, width)
    patches = expect_tensor(
        student.call("overlapping_patches", images, size, stride), "overlapping_patches"
    )
    return patches, _patches_chw(images, size, stride)


def _overlap_count(student: Student) -> None:
    size = student.integer(4, 6)
    for stride in (size // 2, size - 1, size):
        rows, columns = student.integer(1, 2), student.integer(3, 4)
        height, width = size + rows * stride, size + columns * stride
        with student.on(f"{height}×{width}, patches of {size}, stride {stride}"):
            patches, expected = _overlap(student, 2, height, width, size, stride)
            expect_shape(patches, expected.shape, "overlapping_patches", "(B, N, C·P·P)")


def _overlap_step(student: Student) -> None:
    size = student.integer(3, 5)
    stride = size - 1
    patches, expected = _overlap(student, 1, size + 1, size + 3 * stride, size, stride)
    if patches.ndim != 3 or patches.shape[1] < 2 or patches.shape[2] != expected.shape[2]:
        fail(f"no two patches of {expected.shape[2]} numbers: the shape is {tuple(patches.shape)}")
    if equal(patches[:, :2], expected[:, :2]):
        return
    for index, name in enumerate(("first", "second")):
        if not equal(patches[:, index].sort(-1).values, expected[:, index].sort(-1).values):
            fail(f"the {name} patch of a row holds other pixels, at stride {stride}")
    fail("the numbers inside a patch are not in (c, h, w) order")


def _overlap_rows(student: Student) -> None:
    size = student.integer(3, 4)
    stride = size - 1
    height, width = size + stride, size + 2 * stride
    patches, expected = _overlap(student, 2, height, width, size, stride)
    if patches.shape != expected.shape:
        fail(f"no 2 rows of 3 patches to compare: the shape is {tuple(patches.shape)}")
    if not equal(patches.sort(-1).values, expected.sort(-1).values):
        fail("patch n is not the n-th window when read row by row")


def _overlap_rest(student: Student) -> None:
    size = student.integer(4, 5)
    stride = size - 2
    height, width = size + stride + 1, size + 2 * stride + 1
    with student.on(f"{height}×{width}, patches of {size}, stride {stride}: 1 pixel is left over"):
        patches, expected = _overlap(student, 1, height, width, size, stride)
        expect_shape(patches, expected.shape, "overlapping_patches", "(B, N, C·P·P)")
        if not equal(patches.flatten().unique(), expected.flatten().unique()):
            fail("the patches hold other pixels than those of the whole windows")


OVERLAP = Question(
    function="overlapping_patches",
    title="Patches that overlap",
    minutes=15,
    teaches="to count windows, with a stride and a rest",
    checks=(
        Check(
            name="overlap-count",
            title="the number of patches is right for several strides",
            hint="Where may the last window begin? How many steps lead there, and from where?",
            points=1,
            run=_overlap_count,
        ),
        Check(
            name="overlap-step",
            title="the next patch begins one stride further",
            hint="A window begins at a multiple of the stride and is P pixels long.",
            points=1,
            run=_overlap_step,
        ),
        Check(
            name="overlap-rows",
            title="patches come row by row",
            hint="Columns change fastest. Which of the two loops or axes is the inner one?",
            points=1,
            run=_overlap_rows,
        ),
        Check(
            name="overlap-rest",
            title="pixels too few for another window are left out",
            hint="Nothing may be padded, and no window may end outside the image.",
            points=1,
            run=_overlap_rest,
        ),
    ),
)

# pad_to_grid ----------------------------------------------------------------------------------


def _padded(student: Student, sizes: list[tuple[int, int]], size: int) -> tuple:
    """The pictures, and what the student made of them: the batch and the mask."""
    pictures = [student.distinct(3, height, width) for height, width in sizes]
    value = student.call("pad_to_grid", pictures, size)
    if value is None:
        fail("pad_to_grid returned None: is there a return at its end?")
    if type(value) not in (tuple, list) or len(value) != 2:
        kind = f"{len(value)} values" if type(value) in (tuple, list) else type(value).__name__
        fail(f"pad_to_grid returned {kind}, wanted two: the batch and the mask")
    return pictures, *value


def _grid_sides(sizes: list[tuple[int, int]], size: int) -> tuple[int, int]:
    return tuple(
        next(side for side in range(size, 10**6, size) if side >= max(pair[axis] for pair in sizes))
        for axis in (0, 1)
    )


def _pad_shape(student: Student) -> None:
    size = student.integer(4, 6)
    fits = [(2 * size, 3 * size), (size, size)]
    differ = [(2 * size + 1, 3), (5, 3 * size - 1), (size, size)]
    one = [(1, size + 1)]
    names = ("one that fits already", "the tallest is not the widest", "one picture")
    for sizes, name in zip((fits, differ, one), names, strict=True):
        listed = ", ".join(f"{h}×{w}" for h, w in sizes)
        with student.on(f"pictures {listed}, patches of {size}: {name}"):
            _, batch, _ = _padded(student, sizes, size)
            shape = (len(sizes), 3, *_grid_sides(sizes, size))
            expect_shape(batch, shape, "pad_to_grid", "(B, C, H, W)")


def _pad_picture(student: Student) -> None:
    size = student.integer(4, 6)
    sizes = [(size + 1, 2 * size - 1), (2 * size - 1, size - 1)]
    pictures, batch, _ = _padded(student, sizes, size)
    expect_tensor(batch, "pad_to_grid")
    if (
        batch.ndim != 4
        or batch.shape[0] != 2
        or batch.shape[2] < 2 * size - 1
        or batch.shape[3] < 2 * size - 1
    ):
        fail(f"the batch {tuple(batch.shape)} has no room for the pictures")
    for picture, (height, width), row in zip(pictures, sizes, batch, strict=True):
        if not equal(row[:, :height, :width], picture):
            fail("the top left corner of the batch does not hold the picture, unchanged")
        if row.double().abs().sum() != picture.double().abs().sum():
            fail("right of the picture or below it, something is not 0")


def _pad_mask_kind(student: Student) -> None:
    size = student.integer(4, 6)
    sizes = [(size, size), (2 * size, 3 * size)]
    _, batch, mask = _padded(student, sizes, size)
    expect_tensor(batch, "pad_to_grid")
    expect_tensor(mask, "pad_to_grid")
    if mask.dtype != torch.bool:
        fail(f"the mask holds {mask.dtype} numbers, wanted torch.bool")
    expect_shape(mask, (2, 6), "pad_to_grid's mask", "(B, N)")


def _pad_mask(student: Student) -> None:
    size = student.integer(4, 6)
    sizes = [(size, size), (size + 1, 2 * size + 1), (2 * size, 3 * size), (2 * size, 1)]
    _, _, mask = _padded(student, sizes, size)
    expect_tensor(mask, "pad_to_grid")
    columns = 3
    expected = torch.tensor(
        [
            [
                row * size < height and col * size < width
                for row in range(2)
                for col in range(columns)
            ]
            for height, width in sizes
        ]
    )
    if mask.numel() != expected.numel():
        fail(f"no 4 masks of 6 patches to compare: the shape is {tuple(mask.shape)}")
    ours = mask.reshape(expected.shape) != 0
    if equal(ours, expected):
        return
    if equal(ours, ~expected):
        fail("the mask says True for padding")
    whole = [
        [(row + 1) * size <= h and (col + 1) * size <= w for row in range(2) for col in range(3)]
        for h, w in sizes
    ]
    if equal(ours, torch.tensor(whole)):
        fail("a patch that holds a strip of the picture is marked as padding")
    patch = int((ours != expected).nonzero()[0, 1])
    fail(f"among pictures of several sizes, patch {patch} of one is marked wrong")


PAD = Question(
    function="pad_to_grid",
    title="Pictures of any size in one batch",
    minutes=20,
    teaches="to pad, and to remember what is padding",
    checks=(
        Check(
            name="pad-shape",
            title="the batch is the smallest grid that holds every picture",
            hint="Round up to a multiple of P: what should come out when it divides already?",
            points=1,
            run=_pad_shape,
        ),
        Check(
            name="pad-picture",
            title="each picture stands in the top left, zeros elsewhere",
            hint="Where does row 0, column 0 of each picture go? Nothing is scaled.",
            points=1,
            run=_pad_picture,
        ),
        Check(
            name="pad-mask-kind",
            title="the mask has one truth value a patch",
            hint="One entry for each of the N patches, none for pixels. Which dtype is yes or no?",
            points=1,
            run=_pad_mask_kind,
        ),
        Check(
            name="pad-mask",
            title="the mask is True where a patch holds any of the picture",
            hint="Draw a picture of P+1 columns: which patches hold at least one of its pixels?",
            points=1,
            run=_pad_mask,
        ),
    ),
)

# resize_table ---------------------------------------------------------------------------------


def _table_values(student: Student) -> None:
    # 11 · (15 / 11) is below 15 in floating point: a scale factor gives one column too few.
    grids = [((2, 3), (4, 5)), ((3, 2), (2, 3)), ((4, 4), (7, 9)), ((2, 11), (3, 15))]
    for old, new in grids:
        table = student.normal(1 + old[0] * old[1], 6)
        with student.on(f"from {old[0]}×{old[1]} to {new[0]}×{new[1]}"):
            resized = student.call("resize_table", table, old, new, 1)
            shape = (1 + new[0] * new[1], 6)
            expect_shape(resized, shape, "resize_table", "(prefix + rows·columns, D)")
            places = table[1:].double().reshape(*old, 6)
            rows = torch.einsum("ij,jcd->icd", _cubic_taps(old[0], new[0]), places)
            expected = torch.einsum("ij,rjd->rid", _cubic_taps(old[1], new[1]), rows)
            if not close(resized[1:], expected.reshape(-1, 6)):
                fail("the resized places are not those of a bicubic resize of the grid")


def _table_prefix(student: Student) -> None:
    for prefix in (1, 0, 2):
        with student.on(f"prefix {prefix}"):
            table = student.normal(prefix + 6, 4)
            resized = student.call("resize_table", table, (2, 3), (3, 4), prefix)
            expect_shape(resized, (prefix + 12, 4), "resize_table", "(prefix + rows·columns, D)")
            if not equal(resized[:prefix], table[:prefix]):
                fail("the rows that stand for no place came back changed")


def _table_same(student: Student) -> None:
    table = student.normal(1 + 12, 4)
    same = expect_tensor(student.call("resize_table", table, (3, 4), (3, 4), 1), "resize_table")
    if not close(same, table, 1e-6):
        fail("from 3×4 to 3×4, the table came back changed")
    returned = student.look("resize_table", table, (3, 4), (6, 8), 1)
    expect_shape(returned.value, (1 + 48, 4), "resize_table", "(prefix + rows·columns, D)")
    after = returned.arguments[0]
    if type(after) is not Tensor or not equal(after, table):
        fail("after the call, the table that was passed has other numbers than before")


TABLE = Question(
    function="resize_table",
    title="Places for another grid",
    minutes=15,
    teaches="why a table of places is a small picture",
    checks=(
        Check(
            name="table-values",
            title="the places are resized as a picture of rows × columns",
            hint="interpolate takes (1, D, rows, columns). Which axis is D in the table?",
            points=1,
            run=_table_values,
        ),
        Check(
            name="table-prefix",
            title="rows that stand for no place are kept to the bit",
            hint="Take the first `prefix` rows away first, and put them back at the end.",
            points=1,
            run=_table_prefix,
        ),
        Check(
            name="table-same",
            title="the same grid changes nothing, and the given table stays as it was",
            hint="What does your function do when there is nothing to do? And to its argument?",
            points=1,
            run=_table_same,
        ),
    ),
)

EXERCISE = Exercise(
    name="02_patches",
    title="Exercise 02: patches",
    forbids=("mvlm.patches",),
    questions=(PATCHIFY, UNPATCHIFY, WEIGHT, OVERLAP, PAD, TABLE),
)
