"""A reader of plots, charts and pages: read, relate, answer.

Chapter 12. To read a value off a chart one must see letters, know which number stands over which
label, and understand the question. Learnt at once, from answers alone, that takes for ever: an
answer such as "30" says almost nothing about where to look. So the model has three parts, and each
learns from what it needs to know:

1. **Read**: pixels → what stands in each cell of 16×16 pixels, and nothing of what it means.
   A cell that holds something becomes an *item*.
2. **Relate**: items → what belongs together. A label gets its value, a price its thing.
3. **Answer**: items and a question → the answer, word by word.

Between the parts stand probabilities: what kind of item, which word, which digits. So each part can
learn apart from the others, from items that are *told*, and one can look at what passes through.

Letters: B pictures, R×C cells, N items, F classes of all fields, T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mvlm.transformer import Transformer, TransformerConfig

CELL = 16  # pixels: a cell holds the middle of at most one item
GLYPH = 8  # pixels: the grid of letters
SLOTS = 3  # places for a letter's middle, from left to right, in each of its squares
GLYPHS = " -0123456789[]abcdefghijklmnopqrstuvwxyz"
SIZES = ((240, 240), (240, 360), (240, 320), (304, 320))
"""(height, width) of plots, charts, pages, and pages with the picture of a task below."""
MOST_ROWS, MOST_COLUMNS = 19, 23  # cells of the largest

KINDS = (
    *("nothing", "point", "label", "value", "title", "x label", "y label"),
    *("link", "name", "price", "tag", "picture", "wanted", "basket"),
)
NEW_WORDS = 8
"""Words without a class that one picture may hold: each gets one of so many names for the while."""


@dataclass(frozen=True, kw_only=True)
class ReaderConfig:
    """What the reader knows by heart, and its sizes.

    Attributes:
        words: that stand in pictures and have a class of their own.
        groups: what things may be called together: "fruit".
        tokens: that questions and answers are made of.
        width, heads, mlp_width: of the blocks of all three parts.
        read_depth, relate_depth, answer_depth: blocks of each.
        items: the most that a picture holds.
    """

    words: tuple[str, ...]
    groups: tuple[str, ...]
    tokens: tuple[str, ...]
    width: int = 128
    heads: int = 4
    mlp_width: int = 384
    read_depth: int = 3
    relate_depth: int = 2
    answer_depth: int = 3
    items: int = 28

    def blocks(self, depth: int) -> TransformerConfig:
        """A stack of the course's blocks."""
        return TransformerConfig(
            width=self.width, depth=depth, heads=self.heads, mlp_width=self.mlp_width
        )

    @property
    def other(self) -> int:
        """The class of a word that has none; behind it come the `NEW_WORDS`."""
        return 1 + len(self.words)

    @property
    def fields(self) -> dict[str, int]:
        """What is said of an item, and how many classes each has; class 0 says "none".

        The first nine are read in the item's own cell; the last four only follow from others.
        """
        return {
            "kind": len(KINDS),
            "word": self.other + 1 + NEW_WORDS,
            "hundreds": 11,  # of the number that stands there: none, 0, …, 9
            "tens": 11,
            "units": 11,
            "price tens": 11,
            "price units": 11,
            "x": 12,  # of a point: −5 to 5
            "y": 12,  # of a point: none where it is not whole
            "rank": 8,  # of the number or price: 1 is the largest
            "smallest": 2,
            "group": 1 + len(self.groups),
            "wanted": 2,  # the same thing as in the picture of the task
        }

    @property
    def places(self) -> dict[str, slice]:
        """Where each field's classes stand, all fields side by side."""
        places, start = {}, 0
        for name, size in self.fields.items():
            places[name] = slice(start, start + size)
            start += size
        return places

    @property
    def classes(self) -> int:
        """Of all fields together."""
        return sum(self.fields.values())


class Items(NamedTuple):
    """What a picture holds, as one part tells it to the next.

    Attributes:
        facts: (B, N, F), for each field the probability of each of its classes.
        slope: (B, N), of a point: sign · log(1 + |slope|).
        place: (B, N, 2), row and column of the cell.
        real: (B, N), False where there is no item.
    """

    facts: Float[Tensor, "batch item classes"]
    slope: Float[Tensor, "batch item"]
    place: Int[Tensor, "batch item 2"]
    real: Bool[Tensor, "batch item"]


class Reading(NamedTuple):
    """What `Read` makes of pictures of one size; logits, not yet probabilities.

    Attributes:
        glyphs: (B, H/8, W/8, 3, 1 + G), which letter has its middle in each slot; 0 is none.
        facts: (B, R, C, F), of the item whose middle lies in the cell.
        slope: (B, R, C).
    """

    glyphs: Float[Tensor, "batch line square slot glyph"]
    facts: Float[Tensor, "batch row column classes"]
    slope: Float[Tensor, "batch row column"]


def by_field(
    facts: Float[Tensor, "*batch classes"], config: ReaderConfig
) -> Mapping[str, Float[Tensor, "*batch classes"]]:
    """Each field's part of the last dimension."""
    return {name: facts[..., place] for name, place in config.places.items()}


def probabilities(
    logits: Float[Tensor, "*batch classes"], config: ReaderConfig
) -> Float[Tensor, "*batch classes"]:
    """Softmax over each field's classes by themselves."""
    return torch.cat([part.softmax(dim=-1) for part in by_field(logits, config).values()], dim=-1)


class Read(nn.Module):
    """Pixels → letters, and what stands in each cell.

    Convolutions find letters; one along the row gathers them to words and numbers; the course's
    blocks let every cell see the rest of the picture. Row and column are learnt vectors: the same
    number is a value over a bar, and nothing beside the axis.
    """

    channels = 48, 96

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        first, second = self.channels
        self.strokes = nn.Sequential(
            nn.PixelUnshuffle(2),  # (B, 3, H, W) -> (B, 12, H/2, W/2)
            nn.Conv2d(12, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.shapes = nn.Sequential(nn.Conv2d(second, second, 3, padding=1), nn.ReLU())
        self.glyphs = nn.Linear(second, SLOTS * (1 + len(GLYPHS)))
        self.cells = nn.Linear(4 * second, config.width)
        self.rows = nn.Parameter(0.1 * torch.randn(MOST_ROWS, config.width))
        self.columns = nn.Parameter(0.1 * torch.randn(MOST_COLUMNS, config.width))
        self.gather = nn.ModuleList(
            nn.Conv2d(config.width, config.width, size, padding=(size[0] // 2, size[1] // 2))
            for size in ((1, 7), (3, 3))  # words along a row, then drawings
        )
        self.transformer = Transformer(config.blocks(config.read_depth))
        self.norm = nn.LayerNorm(config.width)
        self.facts = nn.Linear(config.width, config.classes + 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Reading:
        """Pictures of one of `SIZES`, from 0 to 1."""
        check_size(pixels)
        ink = F.pad(1 - pixels, (0, -pixels.shape[3] % CELL, 0, -pixels.shape[2] % CELL))
        seen = self.strokes(ink)  # (B, S, H/8, W/8)
        seen = seen + self.shapes(seen)
        glyphs = self.glyphs(seen.movedim(1, -1)).unflatten(-1, (SLOTS, -1))  # (B, H/8, W/8, 3, 1+G)
        cells = rearrange(seen, "b s (r i) (c j) -> b r c (s i j)", i=2, j=2)
        x = self.cells(cells)  # (B, R, C, D)
        rows, columns = x.shape[1:3]
        x = x + self.rows[:rows, None] + self.columns[:columns]
        for layer, block in enumerate(self.transformer.blocks):
            if layer < len(self.gather):
                x = x + F.relu(self.gather[layer](x.movedim(-1, 1))).movedim(1, -1)
            x = block(x.flatten(1, 2)).unflatten(1, (rows, columns))  # over R·C tokens
        facts = self.facts(self.norm(x))  # (B, R, C, F + 1)
        return Reading(glyphs=glyphs, facts=facts[..., :-1], slope=facts[..., -1])


def check_size(pixels: Tensor) -> None:
    """A batch of pictures as the course draws them.

    Raises:
        ValueError: other sizes.
    """
    if pixels.ndim != 4 or pixels.shape[1] != 3 or tuple(pixels.shape[2:]) not in SIZES:
        sizes = ", ".join(f"{height}×{width}" for height, width in SIZES)
        raise ValueError(
            f"pictures are {tuple(pixels.shape)}, wanted (B, 3, height, width) of {sizes}: the "
            "reader knows letters of the sizes that mvlm.data draws, so scaling would not help"
        )
