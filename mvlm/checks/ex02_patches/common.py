"""What several questions of exercise 02 need."""

import itertools

import torch
from torch import Tensor

from mvlm.checks.expect import equal

THREE = "What in your code supposes three channels?"


def all_windows(images: Tensor, patch_size: int, stride: int) -> list[Tensor]:
    """Every (B, C, P, P) window, row by row."""
    height, width = images.shape[2:]
    return [
        images[:, :, top : top + patch_size, left : left + patch_size]
        for top in range(0, height - patch_size + 1, stride)
        for left in range(0, width - patch_size + 1, stride)
    ]


def patches_hwc(images: Tensor, patch_size: int) -> Tensor:
    """(B, N, P·P·C): the patches row by row, in each of them pixel by pixel."""
    pixels = list(itertools.product(range(patch_size), repeat=2))
    patches = [
        torch.cat([window[:, :, row, column] for row, column in pixels], dim=1)
        for window in all_windows(images, patch_size, patch_size)
    ]
    return torch.stack(patches, dim=1)


def patches_chw(images: Tensor, patch_size: int, stride: int) -> Tensor:
    """(B, N, C·P·P): the windows row by row, in each of them channel by channel."""
    return torch.stack([w.flatten(1) for w in all_windows(images, patch_size, stride)], dim=1)


def order_of(numbers: Tensor, source: Tensor, axes: dict[str, int]) -> str | None:
    """In which order ``numbers`` run over ``source``, whose axes after the first are ``axes``.

    Returns:
        The axes' letters, the slowest first; None when they run in none.
    """
    if numbers.numel() != source.numel():
        return None
    source = source.reshape(len(source), *axes.values())
    for order in itertools.permutations(range(len(axes))):
        walk = source.permute(0, *(1 + axis for axis in order)).flatten(1)
        if equal(numbers.reshape(walk.shape), walk):
            return "".join(list(axes)[axis] for axis in order)
    return None


def as_letters(order: str) -> str:
    """Axes as a message names them: "(h, w, c)"."""
    return f"({', '.join(order)})"
