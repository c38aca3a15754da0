"""mvlm: the finished reference implementations behind *From Pixels to Prompts*.

One file an idea, in the order of the lecture; import what a chapter is about:
``from mvlm.patches import patchify``. This module itself stays light: not even torch is imported
before something needs it.
"""

from importlib import import_module

__all__ = ["start"]


def __getattr__(name: str) -> object:
    if name != "start":
        raise AttributeError(f"mvlm has no {name!r}; import its module, such as mvlm.patches")
    return import_module("mvlm.runtime").start
