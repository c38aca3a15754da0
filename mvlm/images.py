"""From a picture to a tensor: open, resize, crop, pad, scale and normalise.

Chapter 02. On Pillow and torch alone, and equal to transformers' Pillow processors, because a
model only sees well through the preprocessing it was trained with.
Sizes are (height, width) in pixels throughout, as in tensors; Pillow itself says (width, height).
"""

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Image import Resampling
from torch import Tensor

Colour = tuple[float, float, float]

# Radford et al. 2021, as released in openai/CLIP `clip/clip.py`.
CLIP_MEAN: Colour = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Colour = (0.26862954, 0.26130258, 0.27577711)
# transformers' ViT image processor.
HALF: Colour = (0.5, 0.5, 0.5)


def open_image(
    path: str | os.PathLike, *, background: tuple[int, int, int] | None = None
) -> Image.Image:
    """Read a picture file wholly into memory, as RGB.

    A camera may write a picture lying on its side and note how to turn it: it is turned. A JPEG of
    more pixels than Pillow deems safe (`Image.MAX_IMAGE_PIXELS`, 89 million) is read at half its
    height and width, so that no picture takes more than about 1 GB; other files as large are
    refused.

    Args:
        path: of the file; ~ is the home folder.
        background: what shows where the picture is transparent; left out, the colours beneath,
            see `to_rgb`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no picture, is cut off, is too large, or holds 16-bit numbers.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder: pass one picture file")
    try:
        with _open_unwarned(path) as file:
            _bound(file, path.name)
            file.load()
            _check_8_bits(file)  # before anything converts, and clips, it
            picture = _upright(file)
            return to_rgb(picture if background is None else _lay_on(picture, background))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"there is no picture at {path}: check the name") from None
    except PermissionError:
        raise ValueError(f"{path} may not be read: change its permissions") from None
    except UnidentifiedImageError:
        raise ValueError(
            f"{path.name} is not a picture that Pillow can read: pass a PNG, JPEG, WebP or GIF file"
        ) from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path.name} is too large ({error}): scale it down first") from None
    except (OSError, SyntaxError, RuntimeError) as error:  # Pillow's errors for a damaged file
        raise ValueError(
            f"{path.name} is damaged or cut off ({error}): fetch or save it again"
        ) from error


def _open_unwarned(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_bound` decides
        return Image.open(path)


def _bound(file: Image.Image, name: str) -> None:
    """Nothing is decoded yet: have a large JPEG decoded smaller, refuse what else is as large."""
    most = Image.MAX_IMAGE_PIXELS
    if most is None or file.width * file.height <= most:
        return
    file.draft(None, (file.width // 2, file.height // 2))  # only JPEG's decoder can
    if file.width * file.height > most:
        raise ValueError(
            f"{name} has {file.height:,}×{file.width:,} pixels, more than the {most:,} that are "
            "opened: scale it down first"
        )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # notes that cannot be read raise anything; the picture itself is whole
        return image.copy()


def _lay_on(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, background), image)


def to_rgb(image: Image.Image) -> Image.Image:
    """Three channels of 8 bits, whatever came: grey, palette and CMYK are converted.

    A transparent picture loses its transparency and keeps the colours beneath, as in
    transformers; paste it on a background first to choose what shows through.

    Raises:
        TypeError: not a Pillow image. ValueError: 16 or 32 bits a channel, which Pillow would clip
            to white.
    """
    if not isinstance(image, Image.Image):
        raise TypeError(
            f"the picture is a {type(image).__name__}: pass a Pillow image, "
            "for an array Image.fromarray(array)"
        )
    _check_8_bits(image)
    if image.mode in PREMULTIPLIED:
        image = image.convert(PREMULTIPLIED[image.mode])
    return image if image.mode == "RGB" else image.convert("RGB")


PREMULTIPLIED = {"RGBa": "RGBA", "La": "LA"}
"""Modes whose colours are stored times their opacity, and the mode they are plain in."""


def _check_8_bits(image: Image.Image) -> None:
    if image.mode.startswith("I") or image.mode == "F":
        raise ValueError(
            f"the picture has mode {image.mode!r}, more than 8 bits a channel: scale it first, "
            "Image.fromarray((np.asarray(image) / 257).astype('uint8')) for 16 bits"
        )


def to_tensor(image: Image.Image) -> Float[Tensor, "3 height width"]:
    """A picture as float32 between 0 and 1, channels first: (3, H, W)."""
    pixels = np.array(to_rgb(image))  # H W 3, a copy: the tensor may be written to
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255  # 3 H W


def to_image(tensor: Float[Tensor, "3 height width"]) -> Image.Image:
    """The way back: (3, H, W) between 0 and 1 as a picture, values outside cut off."""
    if tensor.ndim != 3 or tensor.shape[0] != 3:
        raise ValueError(f"the tensor is {tuple(tensor.shape)}, wanted one picture (3, H, W)")
    pixels = (tensor.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())  # H W 3


def resize_short_side(
    image: Image.Image, size: int, resample: Resampling = Resampling.BICUBIC
) -> Image.Image:
    """Scale the shorter side to ``size`` pixels; the longer one is cut to a whole number.

    Raises:
        ValueError: of a very long and thin picture, which would become larger than memory allows.
    """
    width, height = _short_side_size(image, size)
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"the picture is {image.height:,}×{image.width:,} and would be scaled to "
            f"{height:,}×{width:,}: cut it into shorter pieces first"
        )
    return image.resize((width, height), resample)


MOST_PIXELS = 2**25
"""A picture that is scaled or padded to more than this, 128 MiB, is not made whole."""


def _short_side_size(image: Image.Image, size: int) -> tuple[int, int]:
    """(width, height) with the shorter one `size`."""
    short = min(image.size)
    return size * image.width // short, size * image.height // short


def resize_and_crop(
    image: Image.Image,
    size: int,
    crop: tuple[int, int],
    resample: Resampling = Resampling.BICUBIC,
) -> Image.Image:
    """`resize_short_side`, then the middle (height, width), black where the picture is smaller.

    Of a very long and thin picture only the part that is kept is scaled.
    """
    width, height = _short_side_size(image, size)
    if width * height <= MOST_PIXELS:
        return _crop_or_pad(image.resize((width, height), resample), crop)
    if width < height:  # the same with a line that stands
        lying = resize_and_crop(
            image.transpose(Image.Transpose.TRANSPOSE), size, crop[::-1], resample
        )
        return lying.transpose(Image.Transpose.TRANSPOSE)
    kept = min(crop[1], width)
    left = (width - kept) // 2
    scale = image.width / width
    # The source around it, with what the filter sees beyond: small numbers, which Pillow's
    # single-precision box holds exactly enough.
    margin = math.ceil(4 * max(scale, 1))
    first = max(0, math.floor(left * scale) - margin)
    last = min(image.width, math.ceil((left + kept) * scale) + margin)
    box = (left * scale - first, 0, (left + kept) * scale - first, image.height)
    part = image.crop((first, 0, last, image.height)).resize((kept, height), resample, box=box)
    return _crop_or_pad(part, crop)


def _crop_or_pad(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle (height, width); black around a smaller picture, as in transformers."""
    height, width = size
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return image.crop((left, top, left + width, top + height))


def center_crop(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle (height, width) pixels. Raises ValueError when the picture is smaller."""
    height, width = size
    if image.height < height or image.width < width:
        raise ValueError(
            f"the picture is {image.height}×{image.width}, smaller than the crop "
            f"{height}×{width}: resize or pad it first"
        )
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return image.crop((left, top, left + width, top + height))


def crop_to_multiple(image: Image.Image, patch_size: int) -> Image.Image:
    """Cut the fewest pixels from the edges so that ``patch_size`` divides both sides."""
    height, width = (side // patch_size * patch_size for side in (image.height, image.width))
    if not height or not width:
        raise ValueError(
            f"the picture is {image.height}×{image.width}, smaller than one patch of {patch_size}: "
            "pad it instead"
        )
    return center_crop(image, (height, width))


def pad_to_multiple(
    image: Image.Image, patch_size: int, colour: tuple[int, int, int] = (0, 0, 0)
) -> Image.Image:
    """Add the fewest pixels at the right and bottom that make both sides multiples."""
    width, height = (math.ceil(side / patch_size) * patch_size for side in image.size)
    padded = Image.new("RGB", (width, height), colour)
    padded.paste(to_rgb(image), (0, 0))
    return padded


def pad_to_square(image: Image.Image, colour: tuple[int, int, int] | None = None) -> Image.Image:
    """Centre the picture on a square, as LLaVA-1.5 does, so that nothing is cropped away.

    Args:
        image: any picture.
        colour: of the border; left out, CLIP's mean colour, int(mean·255) = (122, 116, 104).

    Raises:
        ValueError: the square would be larger than memory allows.
    """
    colour = mean_colour(CLIP_MEAN) if colour is None else colour
    side = max(image.size)
    if side * side > MOST_PIXELS:
        raise ValueError(
            f"the picture is {image.height:,}×{image.width:,} and would be padded to "
            f"{side:,}×{side:,}: scale it first, see fit_on_square"
        )
    square = Image.new("RGB", (side, side), colour)
    square.paste(to_rgb(image), ((side - image.width) // 2, (side - image.height) // 2))
    return square


def mean_colour(mean: Colour) -> tuple[int, int, int]:
    """A mean between 0 and 1 as the colour that LLaVA pads with."""
    return tuple(int(channel * 255) for channel in mean)


def pad_and_resize(
    image: Image.Image,
    size: tuple[int, int],
    colour: tuple[int, int, int],
    resample: Resampling = Resampling.BICUBIC,
) -> Image.Image:
    """`pad_to_square`, then scaled to (height, width).

    Where the square would be larger than memory allows, the long side is scaled before the
    padding and the short one after it, which differs by rounding alone.
    """
    side = max(image.size)
    height, width = size
    if side * side <= MOST_PIXELS:
        return pad_to_square(image, colour).resize((width, height), resample)
    image = to_rgb(image)
    if image.height > image.width:
        standing = image.transpose(Image.Transpose.TRANSPOSE)
        lying = pad_and_resize(standing, (width, height), colour, resample)
        return lying.transpose(Image.Transpose.TRANSPOSE)
    narrow = image.resize((width, image.height), resample)
    band = Image.new("RGB", (width, side), colour)
    band.paste(narrow, (0, (side - image.height) // 2))
    return band.resize((width, height), resample)


def fit_on_square(
    image: Image.Image, side: int, colour: tuple[int, int, int] = (255, 255, 255)
) -> Image.Image:
    """Scale the longer side to ``side`` pixels and centre the picture on a square of that size.

    `pad_to_square` first and scaling afterwards shows the same, but of a very long picture makes
    a square that no memory holds.
    """
    longest = max(image.size)
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    square = Image.new("RGB", (side, side), colour)
    scaled = to_rgb(image).resize((width, height), Resampling.BICUBIC)
    square.paste(scaled, ((side - width) // 2, (side - height) // 2))
    return square


def normalise(
    images: Float[Tensor, "*batch channel height width"], mean: Colour, std: Colour
) -> Float[Tensor, "*batch channel height width"]:
    """(x - mean) / std, each channel by its own two numbers."""
    shape = (-1, 1, 1)
    return (images - images.new_tensor(mean).view(shape)) / images.new_tensor(std).view(shape)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What a model's pictures go through on the way in; call it on one picture or a list.

    Attributes:
        resize: an int scales the short side to it, a (height, width) scales to exactly that.
        crop: (height, width) taken from the middle, or None; what the picture lacks is black.
        square: pad to a square with the mean colour first (LLaVA-1.5).
        resample: the filter for scaling.
        mean, std: of each channel, for values between 0 and 1.
    """

    resize: int | tuple[int, int]
    crop: tuple[int, int] | None = None
    square: bool = False
    resample: Resampling = Resampling.BICUBIC
    mean: Colour = CLIP_MEAN
    std: Colour = CLIP_STD

    def __call__(
        self, images: Image.Image | Sequence[Image.Image]
    ) -> Float[Tensor, "batch 3 height width"]:
        """One picture or several → (B, 3, H, W), float32, normalised."""
        if isinstance(images, Image.Image):
            images = [images]
        if not len(images):
            raise ValueError("no picture came: pass at least one")
        tensors = [self._one(image) for image in images]
        sizes = {tuple(tensor.shape[1:]): None for tensor in tensors}
        if len(sizes) > 1:
            several = " and ".join(f"{height}×{width}" for height, width in list(sizes)[:2])
            raise ValueError(
                f"the pictures come out {several}: pass one at a time, or set crop, or resize to "
                "(height, width)"
            )
        return normalise(torch.stack(tensors), self.mean, self.std)

    def _one(self, image: Image.Image) -> Float[Tensor, "3 height width"]:
        image = to_rgb(image)
        if 0 in image.size:
            raise ValueError(f"the picture is {image.height}×{image.width}: it has no pixel")
        if self.square:
            sides = (self.resize,) * 2 if isinstance(self.resize, int) else self.resize
            image = pad_and_resize(image, sides, mean_colour(self.mean), self.resample)
        elif not isinstance(self.resize, int):
            image = image.resize(self.resize[::-1], self.resample)
        elif self.crop is not None:
            return to_tensor(resize_and_crop(image, self.resize, self.crop, self.resample))
        else:
            image = resize_short_side(image, self.resize, self.resample)
        return to_tensor(image if self.crop is None else _crop_or_pad(image, self.crop))


def clip_preprocessing(size: int = 224) -> Preprocessing:
    """CLIP: short side to ``size`` (bicubic), middle square, CLIP's mean and deviation."""
    return Preprocessing(resize=size, crop=(size, size))


def vit_preprocessing(size: int = 224) -> Preprocessing:
    """transformers' ViT: squeezed to ``size``×``size`` (bilinear), mean and deviation one half."""
    return Preprocessing(resize=(size, size), resample=Resampling.BILINEAR, mean=HALF, std=HALF)
