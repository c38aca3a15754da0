"""Right and wrong answers to pad_to_grid."""

import math
from typing import List, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bank import mistake, right


@right("einops throughout.")
def einops(images, patch_size):
    sides = torch.tensor([image.shape[1:] for image in images])
    grids = (sides + patch_size - 1) // patch_size
    rows, columns = grids.amax(0).tolist()
    frame = images[0].new_zeros(
        len(images), images[0].shape[0], rows * patch_size, columns * patch_size
    )
    for target, image in zip(frame, images):
        target[:, : image.shape[1], : image.shape[2]].copy_(image)
    row = torch.arange(rows)[None, :, None] < grids[:, 0, None, None]
    column = torch.arange(columns)[None, None, :] < grids[:, 1, None, None]
    return frame, rearrange(row & column, "b r k -> b (r k)")


@right("Nothing but loops and slices.")
def loops(images, patch_size):
    rows = math.ceil(max(image.shape[1] for image in images) / patch_size)
    columns = math.ceil(max(image.shape[2] for image in images) / patch_size)
    batch, masks = [], []
    for image in images:
        height, width = image.shape[1:]
        right, below = columns * patch_size - width, rows * patch_size - height
        batch.append(F.pad(image, (0, right, 0, below)))
        masks.append(
            [
                r * patch_size < height and c * patch_size < width
                for r in range(rows)
                for c in range(columns)
            ]
        )
    return torch.stack(batch), torch.tensor(masks)


@right("Through NumPy and back; whole numbers stay whole.")
def numpy(images, patch_size):
    up = lambda n: -(-n // patch_size) * patch_size
    h, w = up(max(i.shape[-2] for i in images)), up(max(i.shape[-1] for i in images))
    batch = np.stack(
        [np.pad(i.numpy(), ((0, 0), (0, h - i.shape[1]), (0, w - i.shape[2]))) for i in images]
    )
    mask = np.zeros((len(images), h, w), bool)
    for m, i in zip(mask, images):
        m[: i.shape[1], : i.shape[2]] = True
    mask = mask[:, ::patch_size, ::patch_size].reshape(len(images), -1)
    return torch.from_numpy(batch), torch.from_numpy(mask)


@right(
    "Strided views of memory, index tables, a helper shared by two answers, and type annotations."
)
def strided(images: List[Tensor], patch_size: int) -> Tuple[Tensor, Tensor]:
    def up(n: int) -> int:
        return math.ceil(n / patch_size)

    rows = up(max(i.shape[1] for i in images))
    columns = up(max(i.shape[2] for i in images))
    channels = images[0].shape[0]
    batch = images[0].new_zeros(len(images), channels, rows * patch_size, columns * patch_size)
    mask = torch.zeros(len(images), rows * columns, dtype=torch.bool)
    for b, image in enumerate(images):
        batch[b, :, : image.shape[1], : image.shape[2]] = image
        for n in range(rows * columns):
            r, c = divmod(n, columns)
            mask[b, n] = r < up(image.shape[1]) and c < up(image.shape[2])
    return batch, mask


@right("torch's own unfold and fold, and padding by a mask of pixels.")
def unfold(images, patch_size):
    height = max(image.size(1) for image in images)
    width = max(image.size(2) for image in images)
    height, width = height + -height % patch_size, width + -width % patch_size
    batch = images[0].new_zeros(len(images), images[0].size(0), height, width)
    there = torch.zeros(len(images), 1, height, width)
    for i, image in enumerate(images):
        batch[i, :, : image.size(1), : image.size(2)] = image
        there[i, :, : image.size(1), : image.size(2)] = 1
    mask = F.max_pool2d(there, patch_size).flatten(1) > 0
    return batch, mask


@right(
    "view where an axis is split, convolution with single ones as filters, index tables, narrow."
)
def views_that_split(images, patch_size):
    p = patch_size
    r = [-(-i.shape[1] // p) for i in images]
    k = [-(-i.shape[2] // p) for i in images]
    batch = images[0].new_full((len(images), images[0].shape[0], max(r) * p, max(k) * p), 0)
    for b, i in zip(batch, images):
        b.narrow(1, 0, i.shape[1]).narrow(2, 0, i.shape[2]).copy_(i)
    mask = [
        [n // max(k) < r[j] and n % max(k) < k[j] for n in range(max(r) * max(k))]
        for j in range(len(images))
    ]
    return batch, torch.tensor(mask, dtype=torch.bool)


@mistake(
    "The mask is not returned.",
    fails="pad-shape, pad-picture, pad-mask-kind, pad-mask",
    says="wanted 2 values: the batch, the mask",
)
def batch_only(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch


@mistake(
    "Each picture stands in the bottom right.",
    fails="pad-picture",
    says="does not hold the picture, unchanged",
)
def bottom_right(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, -h:, -w:] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake(
    "The picture stands in the middle of its frame.",
    fails="pad-picture",
    says="does not hold the picture, unchanged",
)
def centred(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        top, left = (rows * p - h) // 2, (columns * p - w) // 2
        batch[i, :, top : top + h, left : left + w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake(
    "The picture's edge is repeated into the padding.",
    fails="pad-picture",
    says="something is not 0",
)
def edge_repeated(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i] = F.pad(image[None], (0, columns * p - w, 0, rows * p - h), mode="replicate")[0]
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake(
    "The first picture's size is taken for all.",
    fails="pad-shape, pad-mask-kind, pad-mask",
    says="The expanded size of the tensor",
)
def first_picture_decides(images, patch_size):
    p = patch_size
    rows = math.ceil(images[0].shape[1] / p)
    columns = math.ceil(images[0].shape[2] / p)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake(
    "The frame is float, whatever came.",
    fails="pad-picture",
    says="torch.uint8 went in, torch.float32 came out",
)
def float_only(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = torch.zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake(
    "Mask and batch in the other order.",
    fails="pad-shape, pad-picture, pad-mask-kind, pad-mask",
    says="returned the mask first",
)
def mask_first(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return mask.flatten(1), batch


@mistake(
    "The mask is found by looking for zeros, after the numbers were normalised.",
    fails="pad-mask",
    says="is marked False",
)
def mask_from_zeros(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        patches = batch[i].reshape(-1, rows, p, columns, p)
        mask[i] = patches[:, :, 0, :, 0].sum(0) > 3 * p * p
    return batch, mask.flatten(1)


@mistake("The mask is (B, rows, columns).", fails="pad-mask-kind", says="wanted (2, 6)")
def mask_grid(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask


@mistake("The mask says where the padding is.", fails="pad-mask", says="True for padding")
def mask_inverted(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, ~mask.flatten(1)


@mistake(
    "A patch counts as picture when its mean is above 0.",
    fails="pad-mask",
    says="a black picture is marked as padding",
)
def mask_mean(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
    patches = batch.double().reshape(len(images), -1, rows, p, columns, p)
    return batch, (patches.mean((1, 3, 5)) > 0).flatten(1)


@mistake(
    "A patch counts as picture when it is not all zeros.",
    fails="pad-mask",
    says="a black picture is marked as padding: ask the sizes, not the numbers",
)
def mask_not_zero(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
    patches = batch.reshape(len(images), -1, rows, p, columns, p)
    mask = (patches != 0).any(5).any(3).any(1)
    return batch, mask.flatten(1)


@mistake("The mask holds 0.0 and 1.0.", fails="pad-mask-kind", says="wanted torch.bool")
def mask_of_numbers(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake("One truth value a pixel.", fails="pad-mask-kind, pad-mask", says="(B, N)")
def mask_of_pixels(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows * p, columns * p, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, :h, :w] = True
    return batch, mask.flatten(1)


@mistake(
    "The mask is read column by column.", fails="pad-mask", says="the mask is read column by column"
)
def mask_transposed(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.transpose(1, 2).flatten(1)


@mistake(
    "A patch that is partly picture counts as padding.",
    fails="pad-mask",
    says="a strip of the picture is marked as padding",
)
def mask_whole_patches(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : h // p, : w // p] = True
    return batch, mask.flatten(1)


@mistake(
    "The frame is the largest picture, not a multiple of P.",
    fails="pad-shape",
    says="the tallest is not the widest",
)
def no_multiple(images, patch_size):
    p = patch_size
    height = max(image.shape[1] for image in images)
    width = max(image.shape[2] for image in images)
    rows, columns = math.ceil(height / p), math.ceil(width / p)
    batch = images[0].new_zeros(len(images), images[0].shape[0], height, width)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake(
    "Nothing is returned.",
    fails="pad-shape, pad-picture, pad-mask-kind, pad-mask",
    says="returned None: is there a return at its end?",
)
def no_return(images, patch_size):
    images = [image[:, :1] for image in images]


@mistake(
    "A whole patch is added to what divides already.",
    fails="pad-shape",
    says="one that fits already",
)
def one_too_many(images, patch_size):
    p = patch_size
    rows = max(image.shape[1] // p + 1 for image in images)
    columns = max(image.shape[2] // p + 1 for image in images)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake("The frame is a square on the longest side.", fails="pad-shape", says="wanted")
def square_frame(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    rows = columns = max(rows, columns)
    batch = images[0].new_zeros(len(images), images[0].shape[0], rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@mistake("Three channels, whatever came.", fails="pad-shape", says="(a grey picture)")
def three_channels(images, patch_size):
    p = patch_size
    rows = max(math.ceil(image.shape[1] / p) for image in images)
    columns = max(math.ceil(image.shape[2] / p) for image in images)
    batch = images[0].new_zeros(len(images), 3, rows * p, columns * p)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, image in enumerate(images):
        _, h, w = image.shape
        batch[i, :, :h, :w] = image.reshape(3, h, w)
        mask[i, : math.ceil(h / p), : math.ceil(w / p)] = True
    return batch, mask.flatten(1)


@right("F.pad, and a mask from pooled ones.")
def pooled(images, patch_size):
    p = patch_size
    h = -(-max(x.shape[1] for x in images) // p) * p
    w = -(-max(x.shape[2] for x in images) // p) * p
    frame = [F.pad(x, (0, w - x.shape[2], 0, h - x.shape[1])) for x in images]
    ones = [
        F.pad(torch.ones(1, *x.shape[1:]), (0, w - x.shape[2], 0, h - x.shape[1])) for x in images
    ]
    return torch.stack(frame), F.max_pool2d(torch.stack(ones), p).flatten(1) > 0


@right("Comparisons with arange, no loop over patches.")
def compared(images, patch_size):
    sizes = torch.tensor([x.shape[1:] for x in images])
    grid = (sizes + patch_size - 1).div(patch_size, rounding_mode="floor")
    rows, columns = grid.amax(0).tolist()
    batch = torch.stack(
        [images[0].new_zeros(images[0].shape[0], rows * patch_size, columns * patch_size)]
        * len(images)
    )
    for frame, x in zip(batch, images):
        frame[:, : x.shape[1], : x.shape[2]].copy_(x)
    mask = (torch.arange(rows)[None, :, None] < grid[:, :1, None]) & (
        torch.arange(columns) < grid[:, 1:, None]
    )
    return batch, mask.flatten(1)


@right("A list comes back, of batch and mask.")
def as_pair(images, patch_size):
    return list(pooled(images, patch_size))


@right("The sizes by repeated addition.")
def added(images, patch_size):
    h = w = 0
    while any(x.shape[1] > h for x in images):
        h += patch_size
    while any(x.shape[2] > w for x in images):
        w += patch_size
    batch = torch.zeros((len(images), len(images[0]), h, w), dtype=images[0].dtype)
    mask = torch.zeros(len(images), h // patch_size, w // patch_size, dtype=torch.bool)
    for i, x in enumerate(images):
        batch[i][:, : x.shape[1], : x.shape[2]] = x
        mask[i, : (x.shape[1] - 1) // patch_size + 1, : (x.shape[2] - 1) // patch_size + 1] = 1
    return batch, mask.reshape(len(images), -1)


@right("The mask by unfolding a mask of pixels.")
def unfolded(images, patch_size):
    batch, _ = pooled(images, patch_size)
    inside = torch.zeros(len(images), *batch.shape[2:], dtype=torch.bool)
    for i, x in enumerate(images):
        inside[i, : x.shape[1], : x.shape[2]] = True
    return batch, inside.unfold(1, patch_size, patch_size).unfold(
        2, patch_size, patch_size
    ).flatten(3).any(-1).flatten(1)


@mistake(
    "The first n entries of the mask, n patches in the picture.",
    fails="pad-mask",
    says="the first n entries are True, n patches holding a picture",
)
def first_n(images, patch_size):
    batch, mask = pooled(images, patch_size)
    n = mask.sum(1, keepdim=True)
    return batch, torch.arange(mask.shape[1]) < n


@mistake(
    "h // P + 1 rows, also where P divides h.",
    fails="pad-mask",
    says="at a multiple of P, one patch too many is marked",
)
def one_more(images, patch_size):
    batch, mask = pooled(images, patch_size)
    rows, columns = batch.shape[2] // patch_size, batch.shape[3] // patch_size
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, x in enumerate(images):
        mask[i, : x.shape[1] // patch_size + 1, : x.shape[2] // patch_size + 1] = True
    return batch, mask.flatten(1)


@mistake("True everywhere.", fails="pad-mask", says="the mask is True everywhere")
def all_true(images, patch_size):
    batch, mask = pooled(images, patch_size)
    return batch, torch.ones_like(mask)


@mistake(
    "Sorted by height, the tallest first.",
    fails="pad-picture, pad-mask",
    says="the pictures come in another order than in the list: picture n is row n",
)
def sorted_by_height(images, patch_size):
    return pooled(sorted(images, key=lambda x: -x.shape[1]), patch_size)


@mistake(
    "Sorted by area, the smallest first.",
    fails="pad-picture, pad-mask",
    says="the pictures come in another order than in the list: picture n is row n",
)
def sorted_by_area(images, patch_size):
    return pooled(sorted(images, key=lambda x: x.shape[1] * x.shape[2]), patch_size)


@mistake(
    "Through float32 and back.",
    fails="pad-picture",
    says="the batch does not hold the numbers of the pictures",
)
def through_float32(images, patch_size):
    batch, mask = pooled([x.float() for x in images], patch_size)
    return batch.to(images[0].dtype), mask


@mistake(
    "Scaled to the frame.",
    fails="pad-picture",
    says="the top left corner of the batch does not hold the picture, unchanged",
)
def stretched(images, patch_size):
    batch, mask = pooled(images, patch_size)
    batch = torch.stack(
        [F.interpolate(x[None].double(), tuple(batch.shape[2:]))[0].to(x.dtype) for x in images]
    )
    return batch, mask


@mistake("Rounds to the nearest multiple.", fails="pad-shape", says="pad_to_grid returned")
def rounded(images, patch_size):
    p = patch_size
    h = max(p, round(max(x.shape[1] for x in images) / p) * p)
    w = max(p, round(max(x.shape[2] for x in images) / p) * p)
    frame = torch.zeros(len(images), len(images[0]), h, w, dtype=images[0].dtype)
    mask = torch.zeros(len(images), h // p, w // p, dtype=torch.bool)
    for i, x in enumerate(images):
        x = x[:, :h, :w]
        frame[i, :, : x.shape[1], : x.shape[2]] = x
        mask[i, : -(-x.shape[1] // p), : -(-x.shape[2] // p)] = True
    return frame, mask.flatten(1)


@mistake(
    "F.pad with height and width exchanged.",
    fails="pad-shape, pad-picture, pad-mask-kind, pad-mask",
    says="RuntimeError: stack expects each tensor to be equal size, but got",
)
def pad_exchanged(images, patch_size):
    p = patch_size
    h = -(-max(x.shape[1] for x in images) // p) * p
    w = -(-max(x.shape[2] for x in images) // p) * p
    frame = [F.pad(x, (0, h - x.shape[1], 0, w - x.shape[2])) for x in images]
    return torch.stack(frame), pooled(images, patch_size)[1]


@mistake(
    "A mask by the middle of each patch.",
    fails="pad-mask",
    says="a patch that holds a strip of the picture is marked as padding",
)
def middle_decides(images, patch_size):
    batch, mask = pooled(images, patch_size)
    rows, columns = batch.shape[2] // patch_size, batch.shape[3] // patch_size
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for i, x in enumerate(images):
        for r in range(rows):
            for c in range(columns):
                mask[i, r, c] = (r + 0.5) * patch_size <= x.shape[1] and (
                    c + 0.5
                ) * patch_size <= x.shape[2]
    return batch, mask.flatten(1)


@mistake(
    "The frame is filled with the picture's mean.",
    fails="pad-picture",
    says="right of the picture or below it, something is not",
)
def filled_with_mean(images, patch_size):
    batch, mask = pooled(images, patch_size)
    for frame, x in zip(batch, images):
        mean = x.double().mean().to(x.dtype)
        frame[:, x.shape[1] :] = mean
        frame[:, :, x.shape[2] :] = mean
    return batch, mask
