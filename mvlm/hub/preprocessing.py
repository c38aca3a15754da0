"""What a folder says its pictures must go through, as a `Preprocessing`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL.Image import Resampling

from mvlm.hub.reading import Config, WeightsError, read_json, setting
from mvlm.images import Colour, Preprocessing


def read_preprocessing(folder: Path, default: Preprocessing) -> Preprocessing:
    """The folder's own preprocessing, or the family's where it brings none.

    Raises:
        WeightsError: it asks for something that `Preprocessing` does not do.
    """
    config = read_json(folder, "preprocessor_config.json")
    if config is None:
        config = (read_json(folder, "processor_config.json") or {}).get("image_processor")
    if config is None:
        return default
    factor = setting(config, "rescale_factor", 1 / 255)
    if not config.get("do_resize", True) or not config.get("do_rescale", True):
        raise WeightsError(
            "the preprocessor leaves out resizing or scaling to 0…1: make a "
            "mvlm.images.Preprocessing for this model by hand"
        )
    if abs(factor - 1 / 255) > 1e-9:
        raise WeightsError(
            f"the preprocessor multiplies pixels by {factor}, mvlm divides by 255: make a "
            f"mvlm.images.Preprocessing for this model by hand"
        )
    normalised = config.get("do_normalize", True)
    crop = _height_width(config.get("crop_size")) if config.get("do_center_crop") else None
    return Preprocessing(
        resize=_resize(config.get("size"), default),
        crop=crop,
        square=default.square,
        resample=_resample(config, default),
        mean=_colour(config, "image_mean", default.mean) if normalised else (0.0, 0.0, 0.0),
        std=_colour(config, "image_std", default.std) if normalised else (1.0, 1.0, 1.0),
    )


def _resample(config: Config, default: Preprocessing) -> Resampling:
    number = setting(config, "resample", int(default.resample))
    if number not in set(Resampling):
        raise WeightsError(
            f"the preprocessor's resample is {number}, wanted a filter of Pillow's, 0 to 5: make "
            f"a mvlm.images.Preprocessing for this model by hand"
        )
    return Resampling(number)


def _colour(config: Config, name: str, default: Colour) -> Colour:
    value = config.get(name) or default
    if not isinstance(value, list | tuple) or len(value) != 3 or (0 in value and "std" in name):
        raise WeightsError(
            f"the preprocessor's {name} is {value}, wanted a number for each of three colours"
            f"{', none of them 0' if 'std' in name else ''}: make a mvlm.images.Preprocessing "
            f"for this model by hand"
        )
    return tuple(value)


def _resize(size: Any, default: Preprocessing) -> int | tuple[int, int]:
    """A short side in pixels, or (height, width); older files give one number for either."""
    if size is None:
        return default.resize
    if isinstance(size, int):
        return size if isinstance(default.resize, int) else (size, size)
    if isinstance(size, dict) and "shortest_edge" in size:
        return size["shortest_edge"]
    return _height_width(size)


def _height_width(size: Any) -> tuple[int, int] | None:
    if size is None or isinstance(size, int):
        return size and (size, size)
    if not (isinstance(size, dict) and {"height", "width"} <= size.keys()):
        raise WeightsError(
            f"the preprocessor's size is {size}, wanted height and width: make a "
            f"mvlm.images.Preprocessing for this model by hand"
        )
    return size["height"], size["width"]
