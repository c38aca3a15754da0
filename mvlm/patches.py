"""From an image to a sequence: patches, their embedding, and where each one stood.

    a b | c d        4×4 pixels, P = 2: N = 4 patches of C·P·P numbers each,
    e f | g h        in reading order:
    ----+----   →    a b e f,  c d g h,  i j m n,  k l o p
    i j | k l
    m n | o p        and one matrix makes a token of D numbers of each: equation 1.

Chapter 02. Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020), section 3.1.

Letters: B images, C channels, H×W pixels, P side of a patch in pixels, i and j a patch's row and
column, h and w a pixel's place in its patch, N = (H/P)·(W/P) patches, D the width of a token.
"""

import math
import operator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn


def patchify(
    images: Shaped[Tensor, "batch channel height width"], patch_size: int
) -> Shaped[Tensor, "batch patch dim"]:
    """Cut images into square patches and flatten each one, in (c, h, w) order.

    Patches run row by row, as one reads. The order inside a patch is that of a
    convolution's weight, so a linear layer on these vectors IS a strided convolution.

    Args:
        images: (B, C, H, W), any dtype, any device.
        patch_size: side P of a patch in pixels; must divide H and W.

    Returns:
        (B, N, C·P·P). The lecture's 120×120×3 with P = 40 gives (B, 9, 4800).

    Raises:
        TypeError, ValueError: not a (B, C, H, W) tensor, an empty batch, or a patch size
            that is not a whole number or does not divide the image.
    """
    _check(images)
    batch, channels, height, width = images.shape
    rows, columns = grid_size(height, width, patch_size)
    grid = images.reshape(batch, channels, rows, patch_size, columns, patch_size)  # B C i h j w
    grid = grid.permute(0, 2, 4, 1, 3, 5)  # B i j C h w
    return grid.reshape(batch, rows * columns, channels * patch_size * patch_size)  # B N C·P·P


def unpatchify(
    patches: Shaped[Tensor, "batch patch dim"],
    patch_size: int,
    image_size: tuple[int, int] | None = None,
) -> Shaped[Tensor, "batch channel height width"]:
    """Put patches back together: the exact inverse of :func:`patchify`.

    Args:
        patches: (B, N, C·P·P).
        patch_size: side P of a patch in pixels.
        image_size: (H, W) in pixels. Left out, the grid is taken to be square.

    Returns:
        (B, C, H, W), equal to the patchified images to the bit.

    Raises:
        ValueError: N patches do not fill the image, or a patch's length is not a multiple of P².
    """
    batch, rows, columns, channels = _measure(patches, patch_size, image_size)
    grid = patches.reshape(batch, rows, columns, channels, patch_size, patch_size)  # B i j C h w
    grid = grid.permute(0, 3, 1, 4, 2, 5)  # B C i h j w
    return grid.reshape(batch, channels, rows * patch_size, columns * patch_size)  # B C H W


class PatchEmbedding(nn.Module):
    """Flatten each patch and map it to a token with one matrix: ViT equation 1, x_p·E.

    ``projection.weight`` is (D, C·P·P): 1024×4800 for the lecture's example. The same numbers,
    seen as (D, C, P, P), are the filters of a convolution with kernel and stride P.

    Args:
        patch_size: side P of a patch in pixels.
        width: width D of a token.
        channels: channels C of the images.
        bias: whether each of the D outputs has an offset. ViT has one; CLIP has none.
    """

    def __init__(
        self, patch_size: int, width: int, channels: int = 3, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.channels = channels
        self.projection = nn.Linear(channels * patch_size * patch_size, width, bias=bias)

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch patch width"]:
        """(B, C, H, W) → (B, N, D).

        Raises:
            TypeError: the images hold integers. ValueError: as :func:`patchify`, or other channels.
        """
        patches = patchify(images, self.patch_size)  # B N C·P·P
        if not images.is_floating_point():
            raise TypeError(
                f"images holds {images.dtype} numbers, a projection needs floats: "
                "scale them first, images.float() / 255"
            )
        if images.shape[1] != self.channels:
            raise ValueError(
                f"images has {images.shape[1]} channels {tuple(images.shape)}, this embedding was "
                f"made for {self.channels}: pass (B, {self.channels}, H, W)"
            )
        return self.projection(patches)  # B N D

    def as_convolution(self) -> nn.Conv2d:
        """The same map as a convolution with kernel = stride = P, on a copy of the weights.

        Its output is (B, D, H/P, W/P): ``.flatten(2).transpose(1, 2)`` gives the tokens.
        """
        weight, bias = self.projection.weight, self.projection.bias
        convolution = nn.Conv2d(
            self.channels,
            self.projection.out_features,
            kernel_size=self.patch_size,
            stride=self.patch_size,
            bias=bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
        with torch.no_grad():
            convolution.weight.copy_(weight.reshape(convolution.weight.shape))  # D C·P·P → D C P P
            if bias is not None:
                convolution.bias.copy_(bias)
        return convolution


def sincos_positions(rows: int, columns: int, width: int) -> Float[Tensor, "patch width"]:
    """Fixed two-dimensional sine–cosine positions: nothing to learn, any grid.

    The first half of the vector tells the row, the second half the column; each half is
    [sin(p·w_k), cos(p·w_k)] with w_k = 10000^(-k/(D/4)), k = 0 … D/4 - 1.
    Source: He et al., "Masked Autoencoders" (2021), appendix A.1; the order is transformers'.

    Args:
        rows, columns: the patch grid.
        width: width D of a token; a multiple of 4.

    Returns:
        (rows·columns, D), float32, in the order of :func:`patchify`.
    """
    if width % 4 or width < 4:
        raise ValueError(
            f"width is {width}: pass a multiple of 4, a sine and a cosine each for row and column"
        )
    quarter = width // 4
    frequencies = 10000 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)  # D/4
    row, column = torch.meshgrid(
        torch.arange(rows, dtype=torch.float64),
        torch.arange(columns, dtype=torch.float64),
        indexing="ij",
    )
    angles = [place.reshape(-1, 1) * frequencies for place in (row, column)]  # 2 × (N, D/4)
    waves = [wave for angle in angles for wave in (angle.sin(), angle.cos())]  # 4 × (N, D/4)
    return torch.cat(waves, dim=1).float()  # N D


def resize_positions(
    positions: Float[Tensor, "place width"],
    old_grid: tuple[int, int],
    new_grid: tuple[int, int],
    *,
    class_rows: int = 0,
) -> Float[Tensor, "new_place width"]:
    """Stretch a learned position table to another patch grid (ViT section 3.2).

    The table is read as a small picture of D channels and resized with bicubic interpolation.

    Args:
        positions: (class_rows + N, D).
        old_grid, new_grid: (rows, columns) before and after.
        class_rows: rows at the start that belong to no place, such as the class token's; they are
            kept as they are.

    Returns:
        (class_rows + N', D); the same tensor when the grids are equal.

    Raises:
        ValueError: the table does not fit ``old_grid``, or ``new_grid`` is empty.
    """
    count = old_grid[0] * old_grid[1]
    if positions.ndim != 2 or len(positions) != class_rows + count:
        raise ValueError(
            f"a {old_grid[0]}×{old_grid[1]} grid has {count} places, the table is "
            f"{tuple(positions.shape)}: pass ({count}, D), and class_rows=1 if a class token's "
            "row stands before them"
        )
    if min(new_grid) < 1:
        raise ValueError(f"new_grid is {tuple(new_grid)}: pass at least one row and one column")
    if tuple(old_grid) == tuple(new_grid):
        return positions
    kept, table = positions[:class_rows], positions[class_rows:]
    picture = table.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)  # 1 D i j
    picture = F.interpolate(
        picture.float(),  # bicubic is not there for half precision on every device
        size=tuple(new_grid),  # by target size: a scale factor can round to one row too few
        mode="bicubic",
        align_corners=False,
    ).to(positions.dtype)
    table = picture.permute(0, 2, 3, 1).reshape(new_grid[0] * new_grid[1], -1)  # N' D
    return torch.cat([kept, table])  # class_rows+N' D


def grid_size(height: int, width: int, patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches that cut a ``height×width`` image without a rest.

    Args:
        height, width: the image's size in pixels.
        patch_size: side of one square patch in pixels.

    Raises:
        TypeError: ``patch_size`` is not an integer.
        ValueError: ``patch_size`` is not positive, or does not divide both sides.
    """
    try:
        patch_size = operator.index(patch_size)
    except TypeError:
        raise TypeError(
            f"patch_size is {patch_size!r}, a {type(patch_size).__name__}: "
            "pass a whole number of pixels, such as 40"
        ) from None
    if patch_size < 1:
        raise ValueError(f"patch_size is {patch_size}: pass at least 1 pixel, such as 40")
    if height < 1 or width < 1:
        raise ValueError(f"the image is {height}×{width} pixels: pass one with at least 1×1")
    if height % patch_size or width % patch_size:
        smaller = [side // patch_size * patch_size for side in (height, width)]
        larger = [math.ceil(side / patch_size) * patch_size for side in (height, width)]
        crop = f"crop to {smaller[0]}×{smaller[1]} or " if min(smaller) else ""
        raise ValueError(
            f"patch_size {patch_size} does not divide {height}×{width}: "
            f"{crop}pad to {larger[0]}×{larger[1]}"
        )
    return height // patch_size, width // patch_size


def _check(images: Tensor) -> None:
    if not isinstance(images, Tensor):
        raise TypeError(
            f"images is a {type(images).__name__}: pass a torch tensor (B, C, H, W), "
            "for a picture mvlm.images.to_tensor(picture)[None]"
        )
    if images.ndim != 4 or len(images) == 0:
        hint = ": add the batch with images[None]" if images.ndim == 3 else ""
        raise ValueError(f"images is {tuple(images.shape)}, wanted (B, C, H, W) with B ≥ 1{hint}")


def _measure(
    patches: Tensor, patch_size: int, image_size: tuple[int, int] | None
) -> tuple[int, int, int, int]:
    """(B, rows, columns, C) of the images that these patches fill."""
    if patches.ndim != 3:
        raise ValueError(f"patches is {tuple(patches.shape)}, wanted (B, N, C·P·P)")
    batch, count, dim = patches.shape
    side = math.isqrt(count)
    if image_size is None and side * side != count:
        raise ValueError(
            f"{count} patches do not make a square grid: pass image_size=(height, width)"
        )
    height, width = image_size or (side * patch_size, side * patch_size)
    rows, columns = grid_size(height, width, patch_size)
    if rows * columns != count:
        raise ValueError(
            f"a {height}×{width} image has {rows}×{columns} = {rows * columns} "
            f"patches of {patch_size} pixels, but {count} came: check image_size and patch_size"
        )
    channels, rest = divmod(dim, patch_size * patch_size)
    if rest or channels == 0:
        raise ValueError(
            f"a patch of {dim} numbers is not C·{patch_size}·{patch_size} for any whole C: "
            "check patch_size"
        )
    return batch, rows, columns, channels
