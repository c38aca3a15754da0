"""The course's world, as Hugging Face datasets drawn from a seed.

Imported when first used: `mvlm.data.emoji()` loads `datasets`, `import mvlm.data` does not.
"""

from importlib import import_module

_HOME = {
    "ARTISTS": "emojis",
    "emoji": "emojis",
    "everyday_vocabulary": "emojis",
    "full_vocabulary": "emojis",
    "held_out": "emojis",
    "COURSE": "scene",
    "HIGH_RESOLUTION": "scene",
    "SPLITS": "scene",
    "Scenes": "scene",
    "scenes": "scene",
    "high_resolution": "scene",
    "stream_scenes": "scene",
    "pixmo": "small_pixmo",
    "noting": "canvas",
    "make_pages": "pages",
    "make_shops": "shop",
    "hub_images": "hub_data",
    "hub_pairs": "hub_data",
    "blind_baselines": "baselines",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"mvlm.data has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"mvlm.data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
