"""Right and wrong answers to weight_to_hwc."""

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from bank import mistake, right


@right("einops throughout.")
def einops(weight, patch_size):
    return rearrange(weight, "d (c h w) -> d (h w c)", h=patch_size, w=patch_size)


@right("Nothing but loops and slices.")
def loops(weight, patch_size):
    area = patch_size**2
    channels = weight.shape[1] // area
    order = [c * area + pixel for pixel in range(area) for c in range(channels)]
    return weight[:, order]


@right("Through NumPy and back; whole numbers stay whole.")
def numpy(weight, patch_size):
    array = weight.detach().numpy()
    array = array.reshape(array.shape[0], -1, patch_size, patch_size)
    return torch.tensor(np.moveaxis(array, 1, -1).reshape(array.shape[0], -1))


@right(
    "Strided views of memory, index tables, a helper shared by two answers, and type annotations."
)
def strided(weight: Tensor, patch_size: int) -> Tensor:
    d = weight.shape[0]
    return weight.view(d, -1, patch_size, patch_size).movedim(1, 3).contiguous().view(d, -1)


@right("torch's own unfold and fold, and padding by a mask of pixels.")
def unfold(weight, patch_size):
    return weight.clone().unflatten(1, (-1, patch_size**2)).transpose(1, 2).flatten(1)


@right(
    "view where an axis is split, convolution with single ones as filters, index tables, narrow."
)
def views_that_split(weight, patch_size):
    n = weight.shape[1] // patch_size**2
    idx = torch.arange(weight.shape[1]).reshape(n, -1).T.flatten()
    return torch.index_select(weight, 1, idx)


@mistake("The filters are not flattened.", fails="weight-tokens", says="which is (D, P·P·C)")
def four_axes(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    return filters.permute(0, 2, 3, 1)


@mistake(
    "The answer is written into the weight that was passed.",
    fails="weight-kept",
    says="has other numbers than before",
)
def in_place(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    weight[:] = filters.permute(0, 2, 3, 1).flatten(1).clone()
    return weight


@mistake(
    "From (h, w, c) to (c, h, w): the wrong way round.",
    fails="weight-tokens",
    says="read as (h, w, c): they are in (c, h, w) order",
)
def inverse(weight, patch_size):
    filters = weight.reshape(len(weight), patch_size, patch_size, -1)
    return filters.permute(0, 3, 1, 2).reshape(len(weight), -1)


@mistake(
    "What was passed comes back.",
    fails="weight-tokens, weight-kept",
    says="still in (c, h, w) order",
)
def nothing_done(weight, patch_size):
    return weight


@mistake(
    "The row is given another shape, and nothing is moved.",
    fails="weight-tokens, weight-kept",
    says="still in (c, h, w) order",
)
def reshape_alone(weight, patch_size):
    return weight.reshape(len(weight), patch_size, patch_size, -1).flatten(1).clone()


@mistake("Three channels, whatever came.", fails="weight-tokens", says="RuntimeError: shape")
def three_channels(weight, patch_size):
    filters = weight.reshape(len(weight), 3, patch_size, patch_size)
    return filters.permute(0, 2, 3, 1).reshape(len(weight), -1)


@mistake(
    "The inverse permutation on the right axes.",
    fails="weight-tokens",
    says="the new columns are in (w, c, h) order",
)
def wch(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    return filters.permute(0, 3, 1, 2).reshape(len(weight), -1)


@mistake(
    "Width, height, channel.", fails="weight-tokens", says="the new columns are in (w, h, c) order"
)
def whc(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    return filters.permute(0, 3, 2, 1).reshape(len(weight), -1)


@right("index_select with a table of places.")
def selected(weight, patch_size):
    p = patch_size
    c = weight.shape[1] // p**2
    order = torch.arange(weight.shape[1]).reshape(c, p * p).T.flatten()
    return weight.index_select(1, order)


@right("A product with a matrix of a permutation.")
def by_product(weight, patch_size):
    n = weight.shape[1]
    c = n // patch_size**2
    order = torch.arange(n).reshape(c, -1).T.flatten()
    return weight @ torch.eye(n, dtype=weight.dtype)[:, order]


@right("One transpose of two axes.")
def one_transpose(weight, patch_size):
    return weight.unflatten(1, (-1, patch_size**2)).transpose(1, 2).flatten(1)


@right("Row by row, a loop.")
def looped(weight, patch_size):
    out = torch.empty_like(weight)
    c = weight.shape[1] // patch_size**2
    for k in range(c):
        out[:, k::c] = weight[:, k * patch_size**2 : (k + 1) * patch_size**2]
    return out


@right("A Parameter comes back.")
def parameter(weight, patch_size):
    return torch.nn.Parameter(one_transpose(weight, patch_size))


@mistake(
    "Rounded to float32.", fails="weight-kept", says="came out; another order changes no number"
)
def single(weight, patch_size):
    return one_transpose(weight.float(), patch_size)


@mistake(
    "Through float32 and back.",
    fails="weight-kept",
    says="the new weight does not hold the numbers of the one that was passed",
)
def through_float32(weight, patch_size):
    return one_transpose(weight.float(), patch_size).to(weight.dtype)


@mistake("Turned over: (P·P·C, D).", fails="weight-tokens", says="weight_to_hwc returned")
def turned_over(weight, patch_size):
    return one_transpose(weight, patch_size).T


@mistake(
    "Four axes, as a convolution has them.", fails="weight-tokens", says="weight_to_hwc returned"
)
def as_kernel(weight, patch_size):
    return weight.unflatten(1, (-1, patch_size, patch_size)).movedim(1, -1)


@mistake(
    "Filters in another order.",
    fails="weight-tokens",
    says="the (h, w, c) patches and your weight do not give the tokens of before",
)
def rows_reversed(weight, patch_size):
    return one_transpose(weight, patch_size).flip(0)


@mistake(
    "Scaled so that each row has length 1.",
    fails="weight-tokens, weight-kept",
    says="the (h, w, c) patches and your weight do not give the tokens of before",
)
def normalised(weight, patch_size):
    return torch.nn.functional.normalize(one_transpose(weight, patch_size), dim=1)


@mistake(
    "Columns sorted.",
    fails="weight-tokens",
    says="the (h, w, c) patches and your weight do not give the tokens of before",
)
def sorted_columns(weight, patch_size):
    return weight.sort(1).values


@mistake(
    "Moves the columns in the weight that was passed, and returns it.",
    fails="weight-kept",
    says="after the call, the weight that was passed has other numbers than before",
)
def copied_back(weight, patch_size):
    weight.copy_(one_transpose(weight, patch_size).clone())
    return weight


@mistake(
    "Channels backwards as well.",
    fails="weight-tokens",
    says="the (h, w, c) patches and your weight do not give the tokens of before",
)
def blue_first(weight, patch_size):
    return weight.unflatten(1, (-1, patch_size**2)).flip(1).transpose(1, 2).flatten(1)


@mistake(
    "Supposes P to be the root of a third of the columns.",
    fails="weight-tokens",
    says="' is invalid for input of size",
)
def rgb_only(weight, patch_size):
    p = round((weight.shape[1] / 3) ** 0.5)
    return weight.reshape(len(weight), 3, p * p).transpose(1, 2).reshape(len(weight), -1)
