"""Pictures as nobody drew them: what another hand might have done to a view.

Chapter 03's finished model. `views` bends, turns and lights a drawing; its lines, its colours and
its shading stay those of eight artists, and a student learns them by heart. These changes go
further: colours that change places, other tones, lines at edges or nothing but lines, few levels,
light from somewhere, a square of another picture. Nobody could say for certain what some of them
show. They need no name: a teacher says what it sees (`mvlm.training.recipes.vit`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvlm.training.recipes.views import SIZE, Draws

ONE = (1, 1, 1)  # one number a picture


def other_hands(
    images: Float[Tensor, "batch 3 40 40"], seeds: list[int]
) -> Float[Tensor, "batch 3 40 40"]:
    """Each picture changed in a few of seven ways, values 0 to 1.

    Args:
        images: values 0 to 1.
        seeds: one a picture.
    """
    draws = Draws(seeds, uniform=14, normal=19)
    x = _choose(draws, 0.4, _other_colours(images, draws), images).clamp(0, 1)
    x = _choose(draws, 0.4, _other_tones(x, draws), x)
    x = _choose(draws, 0.08, 1 - x, x)
    x = _lines(x, draws)
    x = _choose(draws, 0.15, _few_levels(x, draws), x)
    x = _choose(draws, 0.4, (x * (1 + _light(draws))).clamp(0, 1), x)
    return _choose(draws, 0.15, _with_a_square(x, draws), x)


def _choose(draws: Draws, share: float, changed: Tensor, plain: Tensor) -> Tensor:
    """The changed picture with probability `share`, else the plain one."""
    return torch.where(draws.chance(share, ONE).bool(), changed, plain)


def _other_colours(x: Tensor, draws: Draws) -> Tensor:
    """Red, green and blue mixed anew, about the middle grey."""
    mixing = torch.eye(3) + draws.normal(0.35, (3, 3))  # (B, 3, 3)
    return torch.einsum("bij,bjhw->bihw", mixing, x - 0.5) + 0.5


def _other_tones(x: Tensor, draws: Draws) -> Tensor:
    """Darker or lighter, black and white staying as they are."""
    return x.clamp(min=1e-4) ** draws.normal(0.8, ONE).exp().clamp(0.35, 2.8)


def _lines(x: Tensor, draws: Draws) -> Tensor:
    """Dark lines where the brightness changes, thin or thick, or nothing but them."""
    grey = x.mean(dim=1, keepdim=True)  # (B, 1, 40, 40)
    across = F.pad(grey[..., 1:] - grey[..., :-1], (0, 1, 0, 0))
    down = F.pad(grey[..., 1:, :] - grey[..., :-1, :], (0, 0, 0, 1))
    edges = (across**2 + down**2).sqrt()
    edges = _choose(draws, 0.5, F.max_pool2d(edges, 3, stride=1, padding=1), edges)
    strength = draws.uniform(1, 5, ONE)
    x = _choose(draws, 0.3, x * (1 - (strength * edges).clamp(0, 1)), x)
    return _choose(draws, 0.08, (1 - (4 * edges).clamp(0, 1)).expand_as(x), x)


def _few_levels(x: Tensor, draws: Draws) -> Tensor:
    """Each colour rounded to one of three to seven values."""
    levels = draws.uniform(2, 7, ONE).floor()
    return (x * levels).round() / levels


def _light(draws: Draws) -> Float[Tensor, "batch 1 40 40"]:
    """Brighter here, darker there."""
    points = draws.normal(0.35, (1, 3, 3))
    return F.interpolate(points, size=(SIZE, SIZE), mode="bicubic", align_corners=True)


def _with_a_square(x: Tensor, draws: Draws) -> Tensor:
    """A square of the picture before it, pasted in."""
    across, down, half = (
        draws.uniform(0, SIZE, ONE),
        draws.uniform(0, SIZE, ONE),
        draws.uniform(6, 16, ONE),
    )
    place = torch.arange(SIZE)
    inside = ((place[:, None] - down).abs() < half) & ((place - across).abs() < half)
    return torch.where(inside, x.roll(1, dims=0), x)
