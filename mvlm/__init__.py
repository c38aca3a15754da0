"""mvlm: the finished reference implementations behind *From Pixels to Prompts*.

One file an idea, in the order of the lecture; import what a chapter is about:
``from mvlm.patches import patchify``. This module itself stays light: not even torch is imported
before something needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["start"]


def start(seed: int = 0) -> torch.device:
    """What every notebook does first: choose the device and seed torch, and say so in one line.

    Args:
        seed: for torch's global generator; chapters that compare numbers use their own.

    Returns:
        The first GPU if torch sees one, else the CPU.
    """
    import torch

    torch.manual_seed(seed)
    if torch.cuda.is_available():
        device = torch.device("cuda")
        print(f"Device: {torch.cuda.get_device_name()}. Cells that train take seconds here.")
    else:
        device = torch.device("cpu")
        print(
            f"Device: CPU, {torch.get_num_threads()} threads. "
            "Every chapter is made to run here in under two minutes."
        )
    return device


def __getattr__(name: str) -> object:
    raise AttributeError(f"mvlm has no {name!r}; import its module, such as mvlm.patches")
