"""The course's world, as Hugging Face datasets drawn from a seed.

Imported when first used: `mvlm.data.emoji()` loads `datasets`, `import mvlm.data` does not.
"""

from importlib import import_module

_HOME = {
    "ARTISTS": "emojis",
    "emoji": "emojis",
    "everyday_vocabulary": "emojis",
    "full_vocabulary": "emojis",
    "scenes": "scene",
    "stream_scenes": "scene",
    "Scenes": "scene",
    "SPLITS": "scene",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"mvlm.data has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"mvlm.data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
