"""What a folder says its pictures must go through, as a `Preprocessing`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL.Image import Resampling

from mvlm.hub.reading import Config, WeightsError, read_json, setting
from mvlm.images import Colour, Preprocessing, clip_preprocessing, vit_preprocessing

# What each class of transformers does where its file is silent. All divide by 255 and normalise.
PROCESSORS = {
    "CLIP": clip_preprocessing(),
    "Llava": clip_preprocessing(),
    "ViT": vit_preprocessing(),
    "Siglip": replace(vit_preprocessing(), resample=Resampling.BICUBIC),
}
SHORT_SIDE = ("CLIP", "Llava", "Siglip")  # where a size of one number is the short side's
BY_HAND = "make a mvlm.images.Preprocessing for this model by hand"
# Steps that are done, or that change nothing in pictures of three colours.
STEPS = {
    "do_resize",
    "do_rescale",
    "do_normalize",
    "do_center_crop",
    "do_pad",
    "do_convert_rgb",
}
# Further settings of transformers' processors that would change the pixels.
CHANGING = {
    "crop_pct",
    "ensure_multiple_of",
    "image_aspect_ratio",
    "image_grid_pinpoints",
    "keep_aspect_ratio",
    "max_image_size",
    "max_pixels",
    "min_pixels",
    "offset",
    "pad_size",
    "size_divisor",
    "use_square_size",
}


def read_preprocessing(folder: Path, default: Preprocessing) -> Preprocessing:
    """The folder's own preprocessing, or the family's where it brings none.

    What its file leaves out is the default of the processor that it names; where it names none,
    of ViT's for a `default` that is squeezed, and else of CLIP's.

    Raises:
        WeightsError: it asks for something that `Preprocessing` does not do.
    """
    config = (read_json(folder, "processor_config.json") or {}).get("image_processor")
    if config is None:
        config = read_json(folder, "preprocessor_config.json")
    if config is None:
        return default
    if not isinstance(config, dict):
        raise WeightsError(
            f"image_processor is {str(config)[:60]} in processor_config.json, wanted an object: "
            f"fetch or save it again"
        )
    kind = _processor(config, "CLIP" if isinstance(default.resize, int) else "ViT")
    _check_steps(config)
    base = PROCESSORS[kind]
    normalised = setting(config, "do_normalize", True)
    cropped = setting(config, "do_center_crop", base.crop is not None)
    made = Preprocessing(
        resize=_resize(config, kind, base),
        crop=_crop(config) if cropped else None,
        square=kind == "Llava" and setting(config, "do_pad", False),
        resample=_resample(config, base),
        mean=_colour(config, "image_mean", base.mean) if normalised else (0.0, 0.0, 0.0),
        std=_colour(config, "image_std", base.std) if normalised else (1.0, 1.0, 1.0),
    )
    if made.square and not normalised:
        raise WeightsError(
            f"the preprocessor pads with its mean colour (do_pad) and does not normalise with it: "
            f"{BY_HAND}"
        )
    several = isinstance(made.resize, int) and made.crop is None
    if kind != "Llava" and several and setting(config, "do_pad", False):
        raise WeightsError(
            f"the preprocessor pads the pictures of a batch to one size (do_pad), mvlm does not: "
            f"{BY_HAND}"
        )
    return made


def _processor(config: Config, usual: str) -> str:
    """Which of `PROCESSORS` a file names: CLIPImageProcessor, its fast twin, or the older name."""
    name = config.get("image_processor_type") or config.get("feature_extractor_type")
    if name is None:
        return usual
    kind = re.sub(r"(ImageProcessor|FeatureExtractor)(Fast|Pil)?$", "", str(name))
    if kind not in PROCESSORS:
        raise WeightsError(
            f"the preprocessor is a {str(name)[:60]}, mvlm knows those of "
            f"{', '.join(PROCESSORS)}: {BY_HAND}"
        )
    return kind


def _check_steps(config: Config) -> None:
    if not setting(config, "do_resize", True) or not setting(config, "do_rescale", True):
        raise WeightsError(f"the preprocessor leaves out resizing or scaling to 0…1: {BY_HAND}")
    factor = setting(config, "rescale_factor", 1 / 255)
    if abs(factor - 1 / 255) > 1e-9:
        raise WeightsError(
            f"the preprocessor multiplies pixels by {factor}, mvlm divides by 255: {BY_HAND}"
        )
    asked = [name for name, value in config.items() if value not in (None, False)]
    foreign = [n for n in asked if n in CHANGING or (n.startswith("do_") and n not in STEPS)]
    if foreign:
        raise WeightsError(
            f"the preprocessor asks for {foreign[0]} = {str(config[foreign[0]])[:60]}, which mvlm "
            f"does not do: {BY_HAND}"
        )


def _resample(config: Config, base: Preprocessing) -> Resampling:
    number = setting(config, "resample", int(base.resample))
    if number not in set(Resampling):
        raise WeightsError(
            f"the preprocessor's resample is {number}, wanted a filter of Pillow's, 0 to 5: "
            f"{BY_HAND}"
        )
    return Resampling(number)


def _colour(config: Config, name: str, default: Colour) -> Colour:
    value = config.get(name) or default
    if not isinstance(value, list | tuple) or len(value) != 3 or (0 in value and "std" in name):
        raise WeightsError(
            f"the preprocessor's {name} is {value}, wanted a number for each of three colours"
            f"{', none of them 0' if 'std' in name else ''}: {BY_HAND}"
        )
    return tuple(value)


def _resize(config: Config, kind: str, base: Preprocessing) -> int | tuple[int, int]:
    """A short side in pixels, or (height, width); older files give one number for either."""
    size = config.get("size")
    if size is None:
        return base.resize
    if _is_side(size):
        short = not setting(config, "default_to_square", kind not in SHORT_SIDE)
        return size if short else (size, size)
    if isinstance(size, dict) and {k for k, v in size.items() if v} == {"shortest_edge"}:
        size = size["shortest_edge"]
        if _is_side(size):
            return size
    return _height_width("size", size)


def _crop(config: Config) -> tuple[int, int]:
    size = config.get("crop_size", 224)  # which every class crops to where it is silent
    return (size, size) if _is_side(size) else _height_width("crop_size", size)


def _height_width(name: str, size: Any) -> tuple[int, int]:
    sides = {k: v for k, v in size.items() if v is not None} if isinstance(size, dict) else {}
    if sides.keys() != {"height", "width"} or not all(map(_is_side, sides.values())):
        raise WeightsError(
            f"the preprocessor's {name} is {size}, wanted height and width in pixels: {BY_HAND}"
        )
    return sides["height"], sides["width"]


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
