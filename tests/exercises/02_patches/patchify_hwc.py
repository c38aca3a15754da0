"""Right and wrong answers to patchify_hwc."""

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from bank import mistake, right


def windows(images: Tensor, size: int, stride: int) -> Tensor:
    images = images.contiguous()
    b, c, h, w = images.shape
    sb, sc, sh, sw = images.stride()
    rows, columns = (h - size) // stride + 1, (w - size) // stride + 1
    shape = (b, rows, columns, c, size, size)
    return images.as_strided(
        shape, (sb, sh * stride, sw * stride, sc, sh, sw), images.storage_offset()
    )


@right("einops throughout.")
def einops(images, patch_size):
    p = patch_size
    return rearrange(images, "b c (r h) (k w) -> b (r k) (h w c)", h=p, w=p)


@right("Nothing but loops and slices.")
def loops(images, patch_size):
    batch, _, height, width = images.shape
    patches = []
    for top in range(0, height, patch_size):
        for left in range(0, width, patch_size):
            patch = []
            for row in range(top, top + patch_size):
                for column in range(left, left + patch_size):
                    patch.append(images[:, :, row, column])
            patches.append(torch.stack(patch, 1).reshape(batch, -1))
    return torch.stack(patches, 1)


@right("Through NumPy and back; whole numbers stay whole.")
def numpy(images, patch_size):
    array = np.transpose(images.numpy(), (0, 2, 3, 1))
    b, h, w, c = array.shape
    p = patch_size
    array = array.reshape(b, h // p, p, w // p, p, c).swapaxes(2, 3)
    return torch.from_numpy(np.ascontiguousarray(array).reshape(b, -1, p * p * c))


@right(
    "Strided views of memory, index tables, a helper shared by two answers, and type annotations."
)
def strided(images: Tensor, patch_size: int) -> Tensor:
    cut = windows(images, patch_size, patch_size).movedim(3, -1)
    return cut.reshape(cut.shape[0], cut.shape[1] * cut.shape[2], -1)


@right("torch's own unfold and fold, and padding by a mask of pixels.")
def unfold(images, patch_size):
    p = patch_size
    windows = images.unfold(2, p, p).unfold(3, p, p)
    return windows.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)


@right(
    "view where an axis is split, convolution with single ones as filters, index tables, narrow."
)
def views_that_split(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c)


@mistake("Inside a patch (h, c, w).", fails="hwc-order-inside", says="come in (h, c, w) order")
def channel_between(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 1, 5)
    return grid.reshape(b, -1, p * p * c)


@mistake(
    "Divided by 255, as a preprocessor does.",
    fails="hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="do not hold the numbers of the image",
)
def divided(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c) / 255


@mistake(
    "Only the first image of a batch.", fails="hwc-shape, hwc-order-of-patches", says="returned (1,"
)
def first_image(images, patch_size):
    _, c, h, w = images.shape
    p = patch_size
    grid = images[0].reshape(c, h // p, p, w // p, p).permute(1, 3, 2, 4, 0)
    return grid.reshape(1, -1, p * p * c)


@mistake(
    "Everything becomes float.",
    fails="hwc-any-tensor",
    says="torch.uint8 went in, torch.float32 came out",
)
def float_only(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    patches = torch.zeros(b, h // p * (w // p), p * p * c)
    for n in range(patches.shape[1]):
        top, left = n // (w // p) * p, n % (w // p) * p
        window = images[:, :, top : top + p, left : left + p]
        patches[:, n] = window.permute(0, 2, 3, 1).reshape(b, -1)
    return patches


@mistake(
    "Rows counted along the width.",
    fails="hwc-order-of-patches",
    says="the image was cut into 3 rows of 2 patches",
)
def grid_sides_exchanged(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, w // p, p, h // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c)


@mistake(
    "The grid of patches is read column by column.",
    fails="hwc-order-of-patches",
    says="your second patch is the one below the first",
)
def grid_transposed(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 4, 2, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c)


@mistake(
    "The axes P and rows are named the wrong way round.",
    fails="hwc-order-of-patches",
    says="holds every second row and every third column",
)
def inside_before_grid(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, p, h // p, p, w // p).permute(0, 3, 5, 2, 4, 1)
    return grid.reshape(b, -1, p * p * c)


@mistake(
    "Inside a patch channel by channel, as in the chapter.",
    fails="hwc-order-inside",
    says="that is (c, h, w)",
)
def is_chw(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5)
    return grid.reshape(b, -1, p * p * c)


@mistake(
    "Written for the lecture's 120×120 image.",
    fails="hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="RuntimeError: shape '[-1, 3, 3, 40, 3, 40]' is invalid",
)
def lecture_only(images, patch_size):
    grid = images.reshape(-1, 3, 3, 40, 3, 40).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(-1, 9, 4800)


@mistake(
    "What was passed comes back.",
    fails="hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="wanted (",
)
def nothing_done(images, patch_size):
    return images


@mistake("Inside a patch column by column.", fails="hwc-order-inside", says="column by column")
def pixels_transposed(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 5, 3, 1)
    return grid.reshape(b, -1, p * p * c)


@mistake(
    "One reshape, as if it moved numbers.",
    fails="hwc-order-of-patches, hwc-order-inside",
    says="the numbers come in the order in which the image had them",
)
def reshape_alone(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    return images.reshape(b, h // p * (w // p), p * p * c)


@mistake("The grid is not joined into N.", fails="hwc-shape", says="returned (")
def shape_of_grid(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.flatten(3)


@mistake(
    "One number for rows and columns.", fails="hwc-order-of-patches", says="RuntimeError: shape"
)
def square_only(images, patch_size):
    b, c, h, w = images.shape
    p, n = patch_size, h // patch_size
    grid = images.reshape(b, c, n, p, n, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, n * n, p * p * c)


@mistake("Three channels, whatever came.", fails="hwc-any-tensor", says="(on images of 1 channel)")
def three_channels(images, patch_size):
    b, _, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, 3, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * 3)


@mistake(
    "A view of the image as one row of pixels, which needs memory in one piece.",
    fails="hwc-any-tensor",
    says="RuntimeError: view size is not compatible",
)
def one_view(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    pixels = images.view(b, c, h * w).transpose(1, 2)
    index = torch.arange(h * w).reshape(h // p, p, w // p, p).transpose(1, 2)
    return pixels[:, index.reshape(-1, p * p)].flatten(2)


@mistake(
    "A view of a permuted tensor, which never lies in one piece.",
    fails="hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="RuntimeError: view size is not compatible",
)
def view_after_permute(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.view(b, -1, p * p * c)


@right("einsum with single ones, after whole numbers went to float64 and back in halves.")
def gather_indices(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    rows = torch.arange(h).reshape(h // p, 1, p, 1)
    columns = torch.arange(w).reshape(1, w // p, 1, p)
    return images.movedim(1, -1)[:, rows, columns].flatten(3).flatten(1, 2)


@right("chunk and stack, the list comprehension of a beginner.")
def chunks(images, patch_size):
    p = patch_size
    out = []
    for row in images.split(p, dim=2):
        for patch in row.split(p, dim=3):
            out.append(patch.permute(0, 2, 3, 1).reshape(len(images), -1))
    return torch.stack(out, 1)


@right("vmap over the batch.")
def vmapped(images, patch_size):
    p = patch_size

    def one(x):
        c, h, w = x.shape
        return x.view(c, h // p, p, w // p, p).permute(1, 3, 2, 4, 0).reshape(-1, p * p * c)

    return torch.vmap(one)(images.contiguous())


@right("Two swaps of two axes at a time.")
def transposes(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    x = images.transpose(1, 2).transpose(2, 3)
    x = x.reshape(b, h // p, p, w // p, p * c).transpose(2, 3)
    return x.reshape(b, -1, p * p * c)


@right("as_strided on a copy.")
def as_strided(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    x = images.permute(0, 2, 3, 1).contiguous()
    s = w * c
    cut = x.as_strided((b, h // p, w // p, p, p, c), (h * s, p * s, p * c, s, c, 1))
    return cut.reshape(b, (h // p) * (w // p), p * p * c)


@mistake(
    "Sorted inside each patch.",
    fails="hwc-order-inside",
    says="the numbers of a patch do not come pixel by pixel, each with its channels together",
)
def sorted_inside(images, patch_size):
    return chunks(images, patch_size).sort(-1).values


@mistake(
    "The patches come in the order of their means.",
    fails="hwc-order-of-patches",
    says="patch n does not hold the pixels of the n-th patch, row by row",
)
def sorted_by_mean(images, patch_size):
    x = chunks(images, patch_size)
    order = x.double().mean((0, 2)).argsort()
    return x[:, order]


@mistake(
    "Through float32 and back to the kind that came.",
    fails="hwc-any-tensor",
    says="not those that went in, each once (large whole numbers, int64)",
)
def through_float32(images, patch_size):
    return chunks(images.float(), patch_size).to(images.dtype)


@mistake(
    "Fractions are cut off on the way.",
    fails="hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="the patches do not hold the numbers of the image, each once",
)
def whole_numbers(images, patch_size):
    return chunks(images, patch_size).long().to(images.dtype)


@mistake(
    "The image is turned upside down first.",
    fails="hwc-order-of-patches, hwc-order-inside",
    says="patch n does not hold the pixels of the n-th patch, row by row",
)
def upside_down(images, patch_size):
    return chunks(images.flip(2), patch_size)


@mistake(
    "Channels backwards, as OpenCV has them.",
    fails="hwc-order-inside",
    says="the numbers of a patch do not come pixel by pixel, each with its channels together",
)
def blue_first(images, patch_size):
    return chunks(images.flip(1), patch_size)


@mistake(
    "The mean is taken off each patch.",
    fails="hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="the patches do not hold the numbers of the image, each once",
)
def centred(images, patch_size):
    x = chunks(images, patch_size)
    return x - x.double().mean(-1, keepdim=True).to(x.dtype)


@mistake(
    "A list of patches, not stacked.",
    fails="hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor",
    says="patchify_hwc returned a list, wanted a torch tensor",
)
def as_list(images, patch_size):
    return [x for x in chunks(images, patch_size).unbind(1)]


@mistake(
    "Rows wind like a snake.",
    fails="hwc-order-of-patches",
    says="patch n does not hold the pixels of the n-th patch, row by row",
)
def boustrophedon(images, patch_size):
    p = patch_size
    out = []
    for n, row in enumerate(images.split(p, dim=2)):
        patches = [patch.permute(0, 2, 3, 1).flatten(1) for patch in row.split(p, dim=3)]
        out += patches[::-1] if n % 2 else patches
    return torch.stack(out, 1)


@mistake("The batch is laid end to end.", fails="hwc-shape", says="patchify_hwc returned")
def batch_in_patches(images, patch_size):
    return chunks(images, patch_size).flatten(0, 1)


@mistake(
    "Whatever was whole before is worked on in double and stays it.",
    fails="hwc-any-tensor",
    says="came out; cutting changes no number",
)
def stays_double(images, patch_size):
    return chunks(images.double(), patch_size)
