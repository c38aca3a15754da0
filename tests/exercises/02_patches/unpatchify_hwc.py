"""Right and wrong answers to unpatchify_hwc."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bank import mistake, right


def _tiles(patches, p, rows):
    tiles = patches.unflatten(2, (p, p, -1)).unbind(1)
    per_row = len(tiles) // rows
    return [tiles[k : k + per_row] for k in range(0, len(tiles), per_row)]


@right("einops throughout.")
def einops(patches, patch_size, height, width):
    p = patch_size
    return rearrange(patches, "b (r k) (h w c) -> b c (r h) (k w)", h=p, w=p, r=height // p)


@right("Nothing but loops and slices.")
def loops(patches, patch_size, height, width):
    batch, _, dim = patches.shape
    channels = dim // patch_size**2
    images = torch.empty(batch, channels, height, width, dtype=patches.dtype)
    columns = width // patch_size
    for n in range(patches.shape[1]):
        top, left = n // columns * patch_size, n % columns * patch_size
        for k in range(dim):
            pixel, channel = divmod(k, channels)
            row, column = divmod(pixel, patch_size)
            images[:, channel, top + row, left + column] = patches[:, n, k]
    return images


@right("Through NumPy and back; whole numbers stay whole.")
def numpy(patches, patch_size, height, width):
    p = patch_size
    rows = [torch.cat(list(r), dim=2) for r in _tiles(patches, p, height // p)]
    return torch.cat(rows, dim=1).permute(0, 3, 1, 2)


@right(
    "Strided views of memory, index tables, a helper shared by two answers, and type annotations."
)
def strided(patches: Tensor, patch_size: int, height: int, width: int) -> Tensor:
    channels = patches.shape[2] // patch_size**2
    numbers = torch.arange(channels * height * width).reshape(1, channels, height, width)
    cut = numbers.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)
    places = cut.movedim(1, -1).flatten()
    images = torch.empty_like(patches).reshape(len(patches), -1)
    images[:, places] = patches.reshape(len(patches), -1)
    return images.reshape(-1, channels, height, width)


@mistake(
    "torch's own fold, which takes floats alone.",
    fails="back-any",
    says="not implemented for 'Byte'",
)
def folded(patches, patch_size, height, width):
    b, n, d = patches.shape
    chw = patches.reshape(b, n, patch_size**2, -1).transpose(2, 3).reshape(b, n, d)
    return F.fold(chw.transpose(1, 2), (height, width), patch_size, stride=patch_size)


@right(
    "view where an axis is split, convolution with single ones as filters, index tables, narrow."
)
def views_that_split(patches, patch_size, height, width):
    b, n, d = patches.shape
    p = patch_size
    c = d // (p * p)
    out = patches.new_zeros(b, c, height, width)
    k = 0
    for y in range(0, height, p):
        for x in range(0, width, p):
            out[:, :, y : y + p, x : x + p] = patches[:, k].reshape(b, p, p, c).permute(0, 3, 1, 2)
            k += 1
    return out


@mistake(
    "The patches are read as (c, h, w).",
    fails="back-square, back-oblong",
    says="each patch was read as (c, h, w)",
)
def as_chw(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, -1, p, p)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), -1, height, width)


@mistake(
    "Channels stay last, and the shape says otherwise.",
    fails="back-square, back-oblong",
    says="the numbers of one channel do not stand together",
)
def channels_last_reshaped(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 1, 3, 2, 4, 5).reshape(len(patches), -1, height, width)


@mistake("Only the first image of a batch comes back.", fails="back-any", says="returned (1, 3,")
def first_image_only(patches, patch_size, height, width):
    p = patch_size
    grid = patches[0].reshape(height // p, width // p, p, p, -1)
    return grid.permute(4, 0, 2, 1, 3).reshape(1, -1, height, width)


@mistake(
    "The patches are put down column by column.",
    fails="back-square, back-oblong",
    says="put down column by column",
)
def grid_transposed(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 5, 2, 3, 1, 4).reshape(len(patches), -1, height, width)


@mistake("The batch is taken for one long image.", fails="back-any", says="(3 colour images)")
def images_mixed(patches, patch_size, height, width):
    p = patch_size
    b = len(patches)
    grid = patches.reshape(height // p, width // p, b, p, p, -1)
    return grid.permute(2, 5, 0, 3, 1, 4).reshape(b, -1, height, width)


@mistake(
    "A list comes back.",
    fails="back-square, back-oblong, back-any",
    says="returned a list, wanted a torch tensor",
)
def as_list(patches, patch_size, height, width):
    return patches.tolist()


@mistake("What was passed comes back.", fails="back-square, back-oblong, back-any", says="wanted (")
def nothing_done(patches, patch_size, height, width):
    return patches


@mistake(
    "Inside a patch rows and columns are exchanged.",
    fails="back-square, back-oblong",
    says="inside each patch, rows and columns",
)
def pixels_transposed(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 5, 1, 4, 2, 3).reshape(len(patches), -1, height, width)


@mistake(
    "One reshape, as if it moved numbers.",
    fails="back-square, back-oblong",
    says="a reshape moves none",
)
def reshape_alone(patches, patch_size, height, width):
    return patches.reshape(len(patches), -1, height, width)


@mistake("Rows and columns have changed places.", fails="back-oblong", says="the grid was read as")
def rows_for_columns(patches, patch_size, height, width):
    p = patch_size
    rows, columns = width // p, height // p
    grid = patches.reshape(len(patches), rows, columns, p, p, -1)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, height, width)


@mistake("The grid's sides are the root of N.", fails="back-oblong", says="columns of patches)")
def square_only(patches, patch_size, height, width):
    b, n, _ = patches.shape
    side = int(n**0.5)
    grid = patches.reshape(b, side, side, patch_size, patch_size, -1)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(b, -1, height, width)


@mistake("Three channels, whatever came.", fails="back-any", says="RuntimeError: shape")
def three_channels(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(-1, height // p, width // p, p, p, 3)
    if grid.shape[0] != patches.shape[0]:
        grid = grid.reshape(patches.shape[0], height // p, width // p, p, p, 3)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, height, width)


@mistake(
    "The same permutation once more, not its inverse.",
    fails="back-square, back-oblong",
    says="permuted as in question 1 once more",
)
def wrong_inverse(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(len(patches), -1, height, width)


@right("cat of cats.")
def cats(patches, patch_size, height, width):
    b, n, d = patches.shape
    p = patch_size
    x = patches.reshape(b, n, p, p, d // p // p).movedim(-1, 1).unbind(2)
    per = width // p
    return torch.cat([torch.cat(x[i : i + per], -1) for i in range(0, n, per)], -2)


@right("The inverse of a permutation found by argsort.")
def argsorted(patches, patch_size, height, width):
    b, n, d = patches.shape
    p = patch_size
    axes = (0, 2, 4, 3, 5, 1)
    back = torch.tensor(axes).argsort().tolist()
    x = patches.reshape(b, height // p, width // p, p, p, -1)
    return x.permute(back).reshape(b, -1, height, width)


@right("Pixel shuffle of the channels.")
def shuffled(patches, patch_size, height, width):
    b, n, d = patches.shape
    p = patch_size
    x = patches.reshape(b, n, p * p, -1).transpose(2, 3).reshape(b, n, -1)
    x = x.transpose(1, 2).reshape(b, -1, height // p, width // p)
    return torch.pixel_shuffle(x, p)


@right("Two loops, filled into new_empty.")
def filled(patches, patch_size, height, width):
    b, n, d = patches.shape
    p = patch_size
    out = patches.new_empty(b, d // p**2, height, width)
    for k in range(n):
        r, c = divmod(k, width // p)
        out[:, :, r * p : r * p + p, c * p : c * p + p] = (
            patches[:, k].reshape(b, p, p, -1).permute(0, 3, 1, 2)
        )
    return out


@right("Scattered by an index.")
def scattered(patches, patch_size, height, width):
    b, n, d = patches.shape
    p = patch_size
    c = d // p**2
    ids = torch.arange(c * height * width).reshape(c, height // p, p, width // p, p)
    ids = ids.permute(1, 3, 2, 4, 0).reshape(1, -1).expand(b, -1)
    flat = torch.zeros(b, c * height * width, dtype=patches.dtype)
    return flat.scatter(1, ids, patches.reshape(b, -1)).reshape(b, c, height, width)


@mistake(
    "A frame of float zeros is filled: other kinds of number become float.",
    fails="back-any",
    says="came out; putting together changes no number",
)
def float_frame(patches, patch_size, height, width):
    x = filled(patches, patch_size, height, width)
    out = torch.zeros(x.shape)
    out[:] = x
    return out


@mistake(
    "Through float32 and back.",
    fails="back-any",
    says="not those that went in, each once (large whole numbers, int64)",
)
def through_float32(patches, patch_size, height, width):
    return filled(patches.float(), patch_size, height, width).to(patches.dtype)


@mistake("Height and width exchanged.", fails="back-oblong", says="unpatchify_hwc returned")
def sides_exchanged(patches, patch_size, height, width):
    return filled(patches, patch_size, width, height)


@mistake(
    "The image is turned.",
    fails="back-square, back-oblong",
    says="rows and columns of the image have changed places",
)
def turned(patches, patch_size, height, width):
    return filled(patches, patch_size, height, width).mT


@mistake(
    "Patches overlap by rounding: a mean with the neighbour.",
    fails="back-square, back-oblong, back-any",
    says="numbers are not in their place",
)
def smoothed(patches, patch_size, height, width):
    x = filled(patches, patch_size, height, width)
    return ((x + x.roll(1, -1)) / 2).to(x.dtype)


@mistake(
    "Channels last, as plots want them.",
    fails="back-square, back-oblong, back-any",
    says="unpatchify_hwc returned",
)
def channels_last(patches, patch_size, height, width):
    return filled(patches, patch_size, height, width).permute(0, 2, 3, 1)


@mistake(
    "Whole numbers only.",
    fails="back-square, back-oblong, back-any",
    says="numbers are not in their place",
)
def whole_numbers(patches, patch_size, height, width):
    return filled(patches, patch_size, height, width).long().to(patches.dtype)


@mistake("Upside down.", fails="back-square, back-oblong", says="numbers are not in their place")
def upside_down(patches, patch_size, height, width):
    return filled(patches, patch_size, height, width).flip(2)


@mistake(
    "Works out the sides from N, and takes the picture for a square when N is one.",
    fails="back-oblong",
    says="unpatchify_hwc returned",
)
def sides_guessed(patches, patch_size, height, width):
    side = int(patches.shape[1] ** 0.5) * patch_size
    if side * side == height * width:
        height = width = side
    else:
        height, width = max(height, width), min(height, width)
    return filled(patches, patch_size, height, width)


@mistake(
    "The batch's first axis is dropped when there is one image.",
    fails="back-square, back-oblong, back-any",
    says="unpatchify_hwc returned",
)
def squeezed(patches, patch_size, height, width):
    return filled(patches, patch_size, height, width).squeeze(0)
