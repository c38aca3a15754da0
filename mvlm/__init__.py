"""mvlm: the finished reference implementations behind *From Pixels to Prompts*.

One file an idea, in the order of the lecture; import what a chapter is about:
``from mvlm.patches import patchify``. This module itself stays light, so that
``import mvlm`` costs little more than ``import torch``.
"""

from mvlm.runtime import start

__all__ = ["start"]
