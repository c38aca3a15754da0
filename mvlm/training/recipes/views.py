"""Many views of few drawings: what makes a few artists enough to recognise a third.

Chapter 06. Two drawings a name invite learning by heart: their exact outlines, their exact
colours. Each view below changes what another artist would do otherwise (proportions, shading,
colour, line, background) and keeps what makes the thing itself. Two artists' drawings of a
thing are also mixed, which makes artists who do not exist.

Every number of a view is drawn from the seed of that view, so that view 17 is the same whichever
process makes it and whatever was made before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SIZE = 40  # pixels: side of a drawing and of a view
CONTROL = 5  # points a side that bend a drawing, and that light it


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How far views go. 0 everywhere gives the drawing itself, on white.

    Attributes:
        scale: the smallest and largest size of the drawing in its square.
        turn: degrees to either side.
        stretch: of width against height, as a logarithm; also how far the top leans.
        bend: pixels by which single parts move.
        colour: strength of changes in brightness, contrast, saturation, hue and light.
        grey: share of views without colour.
        background: share of views that do not stand on white.
        darkest: the darkest that a background's red, green or blue gets.
        blur: strength of blurring and sharpening.
        erase: share of views with a part painted over.
        mix: share of views that mix the artists' drawings.
        mirror: share of views that are mirrored.
    """

    scale: tuple[float, float] = (0.55, 1.1)
    turn: float = 15.0
    stretch: float = 0.15
    bend: float = 1.0
    colour: float = 1.0
    grey: float = 0.1
    background: float = 0.6
    darkest: float = 0.4
    blur: float = 1.0
    erase: float = 0.3
    mix: float = 0.5
    mirror: float = 0.3


def weaker(config: ViewConfig, strength: float) -> ViewConfig:
    """The same views, going only a part (0 to 1) of the way."""
    low, high = config.scale
    return replace(
        config,
        scale=(1 - (1 - low) * strength, 1 + (high - 1) * strength),
        turn=config.turn * strength,
        stretch=config.stretch * strength,
        bend=config.bend * strength,
        colour=config.colour * strength,
        grey=config.grey * strength,
        background=config.background * strength,
        blur=config.blur * strength,
        erase=config.erase * strength,
    )


class Draws:
    """Random numbers for a batch, each row from a seed of its own, handed out in order."""

    def __init__(self, seeds: list[int], uniform: int, normal: int) -> None:
        generator = torch.Generator()
        rows = []
        for seed in seeds:
            generator.manual_seed(seed)
            rows.append(
                (torch.rand(uniform, generator=generator), torch.randn(normal, generator=generator))
            )
        self._uniform = torch.stack([row[0] for row in rows])  # (B, uniform)
        self._normal = torch.stack([row[1] for row in rows])  # (B, normal)
        self._next = [0, 0]

    def uniform(self, low: float = 0.0, high: float = 1.0, shape: tuple = ()) -> Tensor:
        """(B, *shape), evenly between low and high."""
        return self._take(0, self._uniform, shape) * (high - low) + low

    def normal(self, spread: float, shape: tuple = ()) -> Tensor:
        """(B, *shape) around 0."""
        return self._take(1, self._normal, shape) * spread

    def chance(self, probability: float, shape: tuple = ()) -> Tensor:
        """(B, *shape), 1.0 with this probability and 0.0 else."""
        return (self._take(0, self._uniform, shape) < probability).float()

    def _take(self, which: int, table: Tensor, shape: tuple) -> Tensor:
        start = self._next[which]
        self._next[which] += math.prod(shape)
        return table[:, start : self._next[which]].reshape(-1, *shape)


def premultiplied(rgba: Float[Tensor, "*batch 4 height width"]) -> Tensor:
    """Colour times opacity, so that clear pixels have none and mixing is a plain mean."""
    alpha = rgba[..., 3:, :, :]
    return torch.cat((rgba[..., :3, :, :] * alpha, alpha), dim=-3)


def views(
    drawings: Float[Tensor, "artist batch 4 40 40"], seeds: list[int], config: ViewConfig
) -> Float[Tensor, "batch 3 40 40"]:
    """One view of each thing, values 0 to 1.

    Args:
        drawings: of the same things by each artist, premultiplied, values 0 to 1.
        seeds: one a view.
        config: see `ViewConfig`.
    """
    draws = Draws(seeds, uniform=31, normal=78)
    x = _mix(drawings, draws, config)
    x = F.grid_sample(x, _grid(draws, config), align_corners=False)
    colour, alpha = x[:, :3], x[:, 3:]
    x = _recolour(colour, alpha, draws, config) + _background(draws, config) * (1 - alpha)
    return _erase(_blur(x, draws, config), draws, config).clamp(0, 1)


def on_white(
    drawings: Float[Tensor, "batch 4 40 40"], scale: float = 0.9
) -> Float[Tensor, "batch 3 40 40"]:
    """The plain view that tests use: the premultiplied drawing, a little smaller, on white."""
    theta = torch.tensor([[1 / scale, 0.0, 0.0], [0.0, 1 / scale, 0.0]])
    grid = F.affine_grid(
        theta.expand(len(drawings), 2, 3), [len(drawings), 1, SIZE, SIZE], align_corners=False
    )
    x = F.grid_sample(drawings, grid, align_corners=False)
    return x[:, :3] + 1 - x[:, 3:]


def _mix(drawings: Tensor, draws: Draws, config: ViewConfig) -> Float[Tensor, "batch 4 40 40"]:
    artists, batch = drawings.shape[:2]
    first = (draws.uniform(0, artists)).long().clamp(max=artists - 1)  # (B,)
    second = (first + 1 + draws.uniform(0, max(1, artists - 1)).long()) % artists
    share = draws.uniform(0, 0.5) * draws.chance(config.mix)  # (B,)
    share = share.view(-1, 1, 1, 1)
    things = torch.arange(batch)
    return drawings[first, things] * (1 - share) + drawings[second, things] * share


def _grid(draws: Draws, config: ViewConfig) -> Float[Tensor, "batch 40 40 2"]:
    """Where in the drawing each pixel of the view looks: turned, leant, stretched, bent."""
    angle = draws.uniform(-1, 1) * math.radians(config.turn)
    low, high = (math.log(bound) for bound in config.scale)
    scale = draws.uniform(low, high).exp()
    stretch = (draws.uniform(-1, 1) * config.stretch).exp()
    lean = draws.uniform(-1, 1) * config.stretch
    mirror = 1 - 2 * draws.chance(config.mirror)
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turned = _matrix(cos, -sin, sin, cos)
    leant = _matrix(one, lean, zero, one)
    sized = _matrix(mirror / (scale * stretch), zero, zero, stretch / scale)
    matrix = sized @ leant @ turned  # (B, 2, 2)
    room = ((1 - scale).clamp(min=0) + 0.12)[:, None]  # half the square is 1
    shift = draws.uniform(-1, 1, (2,)) * room  # (B, 2)
    theta = torch.cat((matrix, -matrix @ shift[:, :, None]), dim=2)  # (B, 2, 3)
    grid = F.affine_grid(theta, [len(theta), 1, SIZE, SIZE], align_corners=False)
    strength = draws.uniform().view(-1, 1, 1, 1)
    bend = draws.normal(config.bend / (SIZE / 2), (2, CONTROL, CONTROL)) * strength
    return grid + _smooth(bend).permute(0, 2, 3, 1)  # (B, 40, 40, 2)


def _recolour(colour: Tensor, alpha: Tensor, draws: Draws, config: ViewConfig) -> Tensor:
    one = (1, 1, 1)
    grey = colour.mean(dim=1, keepdim=True)
    saturation = 1 + config.colour * draws.uniform(-0.6, 0.5, one)
    saturation = saturation * (1 - draws.chance(config.grey, one))
    colour = grey + (colour - grey) * saturation
    colour = torch.einsum("bij,bjhw->bihw", _hue(draws.normal(0.2 * config.colour)), colour)
    light = _smooth(draws.normal(0.15 * config.colour, (1, CONTROL, CONTROL)))
    light = (light + draws.normal(0.15 * config.colour, one)).exp()
    colour = torch.minimum((colour * light).clamp(min=0), alpha)
    mean = colour.sum((1, 2, 3), keepdim=True) / (3 * alpha.sum((1, 2, 3), keepdim=True) + 1e-3)
    contrast = draws.normal(0.2 * config.colour, one).exp()
    return torch.minimum(((colour - mean * alpha) * contrast + mean * alpha).clamp(min=0), alpha)


def _background(draws: Draws, config: ViewConfig) -> Float[Tensor, "batch 3 40 40"]:
    """White, one colour, or a colour that changes into another from side to side."""
    start = draws.uniform(config.darkest, 1, (3, 1, 1))
    end = draws.uniform(config.darkest, 1, (3, 1, 1))
    white = 1 - draws.chance(config.background, (1, 1, 1))
    changes = draws.chance(0.4, (1, 1, 1)) * (1 - white)
    ramp = torch.linspace(0, 1, SIZE).expand(1, 1, SIZE, SIZE)
    return start * (1 - white) + white + changes * (end - start) * ramp


def _blur(x: Tensor, draws: Draws, config: ViewConfig) -> Tensor:
    """Towards the mean of the neighbours (blurred), or away from it (sharpened)."""
    kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
    blurred = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    return x + (blurred - x) * draws.uniform(-1, 1, (1, 1, 1)) * config.blur


def _erase(x: Tensor, draws: Draws, config: ViewConfig) -> Tensor:
    height, width = draws.uniform(6, 18, (1, 1)), draws.uniform(6, 18, (1, 1))
    top = draws.uniform(0, 1, (1, 1)) * (SIZE - height)
    left = draws.uniform(0, 1, (1, 1)) * (SIZE - width)
    place = torch.arange(SIZE)
    rows = (place[:, None] >= top) & (place[:, None] < top + height)  # (B, 40, 1)
    columns = (place >= left) & (place < left + width)  # (B, 1, 40)
    hidden = (rows & columns)[:, None] & draws.chance(config.erase, (1, 1, 1)).bool()
    return torch.where(hidden, draws.uniform(0, 1, (3, 1, 1)), x)


def _hue(angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
    """Turn colours about the grey axis by an angle (Rodrigues' formula)."""
    cos, sin = angle.cos(), angle.sin() / math.sqrt(3)
    same, next_, last = cos + (1 - cos) / 3, (1 - cos) / 3 - sin, (1 - cos) / 3 + sin
    rows = (same, next_, last, last, same, next_, next_, last, same)
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def _smooth(points: Float[Tensor, "batch channel 5 5"]) -> Float[Tensor, "batch channel 40 40"]:
    return F.interpolate(points, size=(SIZE, SIZE), mode="bicubic", align_corners=True)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Float[Tensor, "batch 2 2"]:
    return torch.stack((torch.stack((a, b), dim=1), torch.stack((c, d), dim=1)), dim=1)
