"""Right and wrong answers to overlapping_patches."""

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

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
def einops(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return rearrange(windows, "b c r k h w -> b (r k) (c h w)")


@right("Nothing but loops and slices.")
def loops(images, patch_size, stride):
    patches = []
    for top in range(0, images.shape[2] - patch_size + 1, stride):
        for left in range(0, images.shape[3] - patch_size + 1, stride):
            window = images[:, :, top : top + patch_size, left : left + patch_size]
            patches.append(window.flatten(1))
    return torch.stack(patches, 1)


@right("Through NumPy and back; whole numbers stay whole.")
def numpy(images, patch_size, stride):
    view = np.lib.stride_tricks.sliding_window_view(
        images.numpy(), (patch_size, patch_size), (2, 3)
    )
    view = view[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)
    b, r, c = view.shape[:3]
    return torch.from_numpy(view.reshape(b, r * c, -1).copy())


@right(
    "Strided views of memory, index tables, a helper shared by two answers, and type annotations."
)
def strided(images: Tensor, patch_size: int, stride: int) -> Tensor:
    cut = windows(images, patch_size, stride)
    return cut.reshape(cut.shape[0], cut.shape[1] * cut.shape[2], -1)


@right("torch's own unfold and fold, and padding by a mask of pixels.")
def unfold(images, patch_size, stride):
    return nn.Unfold(patch_size, stride=stride)(images).mT


@right(
    "view where an axis is split, convolution with single ones as filters, index tables, narrow."
)
def views_that_split(images, patch_size, stride):
    c = images.shape[1]
    k = c * patch_size**2
    eye = torch.eye(k, dtype=images.dtype).reshape(k, c, patch_size, patch_size)
    return F.conv2d(images, eye, stride=stride).flatten(2).transpose(1, 2)


@mistake(
    "Windows are read column by column.",
    fails="overlap-order",
    says="patch n is not the n-th window",
)
def column_by_column(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 3, 2, 1, 4, 5).flatten(3).flatten(1, 2)


@mistake(
    "The number of windows is computed as H // S - P // S + 1.",
    fails="overlap-rest",
    says="patches came back, wanted 6",
)
def count_by_division(images, patch_size, stride):
    p, s = patch_size, stride
    h, w = images.shape[2:]
    cut = []
    for row in range(h // s - p // s + 1):
        for column in range(w // s - p // s + 1):
            window = images[:, :, row * s : row * s + p, column * s : column * s + p]
            padded = images.new_zeros(*window.shape[:2], p, p)
            padded[:, :, : window.shape[2], : window.shape[3]] = window
            cut.append(padded.flatten(1))
    return torch.stack(cut, 1)


@mistake(
    "F.unfold with a border of padding.",
    fails="overlap-count, overlap-step, overlap-rest",
    says="the first patch of a row holds other pixels",
)
def f_padding(images, patch_size, stride):
    return F.unfold(images, patch_size, stride=stride, padding=1).mT


@mistake(
    "The first image's patches for all.",
    fails="overlap-order",
    says="one image has patches of another",
)
def first_repeated(images, patch_size, stride):
    p = patch_size
    windows = images[:1].unfold(2, p, stride).unfold(3, p, stride).permute(0, 2, 3, 1, 4, 5)
    return windows.flatten(3).flatten(1, 2).repeat(len(images), 1, 1)


@mistake(
    "The grid is not joined into N.", fails="overlap-count", says="overlapping_patches returned (2,"
)
def grid_kept(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3)


@mistake(
    "Inside a patch in (h, w, c) order.",
    fails="overlap-order",
    says="in (h, w, c) order, wanted (c, h, w)",
)
def as_hwc(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)


@mistake(
    "The batch is joined with the grid before it is parted from it.",
    fails="overlap-order",
    says="one image has patches of another",
)
def images_mixed(images, patch_size, stride):
    p = patch_size
    windows = images.unfold(2, p, stride).unfold(3, p, stride).permute(2, 3, 0, 1, 4, 5)
    return windows.reshape(len(images), -1, images.shape[1] * p * p)


@mistake(
    "One more window at the edge, moved back to fit.",
    fails="overlap-rest",
    says="patches came back, wanted 6",
)
def last_moved_back(images, patch_size, stride):
    p = patch_size
    h, w = images.shape[2:]
    tops = sorted({*range(0, h - p + 1, stride), h - p})
    lefts = sorted({*range(0, w - p + 1, stride), w - p})
    cut = [images[:, :, t : t + p, l : l + p].flatten(1) for t in tops for l in lefts]
    return torch.stack(cut, 1)


@mistake(
    "Tensor.unfold twice and a reshape, no permute.",
    fails="overlap-order",
    says="a patch holds numbers of several windows",
)
def not_permuted(images, patch_size, stride):
    p = patch_size
    windows = images.unfold(2, p, stride).unfold(3, p, stride)
    b, c, r, k = windows.shape[:4]
    return windows.reshape(b, r * k, c * p * p)


@mistake(
    "What was passed comes back.",
    fails="overlap-count, overlap-step, overlap-order, overlap-rest",
    says="wanted (",
)
def nothing_done(images, patch_size, stride):
    return images


@mistake("The last window is forgotten.", fails="overlap-count", says="wanted")
def one_too_few(images, patch_size, stride):
    p, s = patch_size, stride
    patches = [
        images[:, :, top : top + p, left : left + p].flatten(1)
        for top in range(0, images.shape[2] - p, s)
        for left in range(0, images.shape[3] - p, s)
    ]
    return torch.stack(patches, 1)


@mistake("What is left over is padded to one more window.", fails="overlap-rest", says="wanted")
def padded(images, patch_size, stride):
    below = -(images.shape[2] - patch_size) % stride
    right = -(images.shape[3] - patch_size) % stride
    images = F.pad(images, (0, right, 0, below))
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@mistake(
    "F.unfold reshaped, not transposed.",
    fails="overlap-order",
    says="a patch holds numbers of several windows",
)
def reshaped_unfold(images, patch_size, stride):
    columns = F.unfold(images, patch_size, stride=stride)
    return columns.reshape(columns.shape[0], columns.shape[2], columns.shape[1])


@mistake(
    "The right number of patches, each one pixel short of its place.",
    fails="overlap-step, overlap-rest",
    says="the second patch of a row holds other pixels",
)
def step_off_by_one(images, patch_size, stride):
    p, s = patch_size, stride
    rows = (images.shape[2] - p) // s + 1
    columns = (images.shape[3] - p) // s + 1
    patches = []
    for row in range(rows):
        for column in range(columns):
            top, left = max(row * s - row, 0), max(column * s - column, 0)
            patches.append(images[:, :, top : top + p, left : left + p].flatten(1))
    return torch.stack(patches, 1)


@mistake(
    "The stride is not used.", fails="overlap-count, overlap-step, overlap-rest", says="returned ("
)
def stride_is_patch(images, patch_size, stride):
    windows = images.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@mistake("Three channels, whatever came.", fails="overlap-count", says="(grey images)")
def three_channels(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    windows = windows.permute(0, 2, 3, 1, 4, 5)
    return windows.reshape(len(images), -1, 3 * patch_size * patch_size)


@mistake(
    "F.unfold's own order of axes.", fails="overlap-count", says="the last two axes are exchanged"
)
def transposed_unfold(images, patch_size, stride):
    return F.unfold(images, patch_size, stride=stride)


@mistake("Inside a patch column by column.", fails="overlap-order", says="come in (c, w, h) order")
def whc(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 5, 4).flatten(3).flatten(1, 2)


@right("Windows gathered by index.")
def gathered(images, patch_size, stride):
    h, w = images.shape[2:]
    p = torch.arange(patch_size)
    r = (torch.arange(0, h - patch_size + 1, stride)[:, None] + p)[:, None, :, None]
    c = (torch.arange(0, w - patch_size + 1, stride)[:, None] + p)[None, :, None, :]
    return images[:, :, r, c].movedim(1, 3).flatten(3).flatten(1, 2)


@right("A while loop.")
def while_loop(images, patch_size, stride):
    out, top = [], 0
    while top + patch_size <= images.shape[2]:
        left = 0
        while left + patch_size <= images.shape[3]:
            out.append(images[:, :, top : top + patch_size, left : left + patch_size].flatten(1))
            left += stride
        top += stride
    return torch.stack(out, dim=1)


@right("A convolution with single ones.")
def convolved(images, patch_size, stride):
    n = images.shape[1] * patch_size**2
    ones = torch.eye(n, dtype=images.dtype).reshape(n, images.shape[1], patch_size, patch_size)
    return F.conv2d(images, ones, stride=stride).flatten(2).mT


@right("sliding_window_view of NumPy.")
def sliding(images, patch_size, stride):
    x = np.lib.stride_tricks.sliding_window_view(images.numpy(), (patch_size, patch_size), (2, 3))
    x = x[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)
    return torch.from_numpy(x.reshape(len(images), -1, images.shape[1] * patch_size**2).copy())


@right("nn.Unfold as a module.")
def module(images, patch_size, stride):
    return nn.Unfold(patch_size, stride=stride)(images).permute(0, 2, 1)


@mistake(
    "Duplicates are taken out.",
    fails="overlap-step, overlap-order",
    says="patch of a row holds other pixels",
)
def unique_patches(images, patch_size, stride):
    return while_loop(images, patch_size, stride).unique(dim=1)


@mistake(
    "All strides of 1, every S-th patch kept.",
    fails="overlap-count, overlap-rest",
    says="overlapping_patches returned",
)
def every_sth(images, patch_size, stride):
    return while_loop(images, patch_size, 1)[:, ::stride]


@mistake(
    "The last window is moved back to the edge, where a rest is left.",
    fails="overlap-rest",
    says="patches came back, wanted",
)
def edge_window(images, patch_size, stride):
    def starts(n):
        s = list(range(0, n - patch_size + 1, stride))
        return s if s[-1] + patch_size == n else [*s, n - patch_size]

    return torch.stack(
        [
            images[:, :, t : t + patch_size, l : l + patch_size].flatten(1)
            for t in starts(images.shape[2])
            for l in starts(images.shape[3])
        ],
        1,
    )


@mistake("Through float32.", fails="overlap-rest", says="came out; cutting changes no number")
def through_float32(images, patch_size, stride):
    return while_loop(images.float(), patch_size, stride)


@mistake(
    "A wrap-around: windows go on at the other edge.",
    fails="overlap-count, overlap-rest",
    says="overlapping_patches returned",
)
def wrapped(images, patch_size, stride):
    x = torch.cat([images, images[..., :patch_size]], -1)
    x = torch.cat([x, x[:, :, :patch_size]], 2)
    out = [
        x[:, :, t : t + patch_size, l : l + patch_size].flatten(1)
        for t in range(0, images.shape[2], stride)
        for l in range(0, images.shape[3], stride)
    ]
    return torch.stack(out, 1)


@mistake(
    "The stride serves downwards alone.",
    fails="overlap-count, overlap-step, overlap-rest",
    says="overlapping_patches returned",
)
def stride_down_only(images, patch_size, stride):
    x = images.unfold(2, patch_size, stride).unfold(3, patch_size, patch_size)
    return x.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@mistake(
    "Whole numbers.",
    fails="overlap-step, overlap-order, overlap-rest",
    says="the first patch of a row holds other pixels, at stride",
)
def whole_numbers(images, patch_size, stride):
    return while_loop(images, patch_size, stride).round()


@mistake(
    "Each patch's mean is taken off.",
    fails="overlap-step, overlap-order, overlap-rest",
    says="the first patch of a row holds other pixels, at stride",
)
def centred(images, patch_size, stride):
    x = while_loop(images, patch_size, stride)
    return x - x.mean(-1, keepdim=True)


@mistake(
    "The batch's patches are mixed: first patch of each image, then the second.",
    fails="overlap-order",
    says="one image has patches of another",
)
def batch_inside(images, patch_size, stride):
    x = while_loop(images, patch_size, stride)
    return x.transpose(0, 1).reshape(x.shape)


@mistake(
    "Begins with the last window.",
    fails="overlap-step, overlap-order",
    says="the first patch of a row holds other pixels, at stride",
)
def last_first(images, patch_size, stride):
    return while_loop(images, patch_size, stride).flip(1)
