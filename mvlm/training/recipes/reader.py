"""The reader of plots, charts and pages: read, relate and answer, each learnt apart.

Chapter 12. Three lessons, one difficulty at a time:

1. **read**: pixels → what stands in each cell, with no relation asked. Dense: every letter and
   every item of a picture teaches.
2. **relate**: told items → what belongs together. Without pixels this takes minutes.
3. **answer**: told items and a question → the answer. Arithmetic first, by itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mvlm.data.canvas import text_width
from mvlm.data.charts import Chart, make_chart
from mvlm.data.dice import Dice
from mvlm.data.emojis import MORE_ARTISTS, bucket, everyday_vocabulary, full_vocabulary, held_out
from mvlm.data.pages import Page, link, make_bare_page, make_page
from mvlm.data.plots import Plot, make_plot
from mvlm.data.scene import SPLITS, TRAIN_ARTISTS, split_vocabulary
from mvlm.data.shop import NEXT
from mvlm.small.reader import GLYPHS, KINDS, Read, Reading, ReaderConfig, by_field
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.truth import Truth, truth

ARTISTS = (*TRAIN_ARTISTS * 3, *MORE_ARTISTS)
"""Who draws what is for sale: half of it the two artists of the training split."""


@dataclass(frozen=True, kw_only=True)
class ReaderRecipe:
    """The reader and its lessons.

    Attributes:
        width, heads, mlp_width, read_depth, relate_depth, answer_depth: see `ReaderConfig`.
        read: the first lesson, from pictures; a batch is of pictures.
        relate: the second, from told items.
        sums: the third begins with arithmetic alone; a batch is of texts.
        answer: then questions about told pictures; a batch is of pictures.
    """

    width: int = 128
    heads: int = 4
    mlp_width: int = 384
    read_depth: int = 3
    relate_depth: int = 2
    answer_depth: int = 3
    read: TrainConfig = field(default_factory=TrainConfig)
    relate: TrainConfig = field(default_factory=TrainConfig)
    sums: TrainConfig = field(default_factory=TrainConfig)
    answer: TrainConfig = field(default_factory=TrainConfig)


Drawn = Plot | Chart | Page


@cache
def strange_words(width: int) -> tuple[str, ...]:
    """Words that no picture of the course holds, at most so many pixels wide, to be spelt."""
    known = {*everyday_vocabulary()}
    return tuple(
        name
        for name in full_vocabulary()
        if name not in known
        and not held_out(name)
        and set(name) <= set(GLYPHS) - set("[]-0123456789")
        and text_width(name) <= width
    )


def draw_from_train(dice: Dice, kind: str) -> Drawn:
    """A "plot", "chart", "page" or "bare page" that `mvlm.data` counts to its training split."""
    names = split_vocabulary("train")
    makers = {
        "plot": make_plot,
        "chart": make_chart,
        "page": lambda dice: make_page(dice, ARTISTS, names),
        "bare page": lambda dice: make_bare_page(dice, ARTISTS, names),
    }
    while True:
        made = makers[kind](dice)
        if bucket(facts_text(made)) in SPLITS["train"].combinations:
            return made


def facts_text(made: Drawn) -> str:
    """What decides the split: the same text as `mvlm.data.small_pixmo` hashes."""
    return json.dumps(made.facts())


def varied(dice: Dice, made: Drawn) -> Drawn:
    """Some pictures with words that have no class, some pages with a basket or without a shelf."""
    if isinstance(made, Chart) and dice.chance(0.15):
        words = [word for word in strange_words(44) if " " not in word]
        return replace(made, labels=tuple(dice.sample(words, len(made.labels))))
    if not isinstance(made, Page):
        return made
    elements = made.elements
    if made.named and dice.chance(0.3):
        words = dice.sample(strange_words(88), 4)
        elements = tuple(
            e._replace(label=words.pop(), artist=dice.pick(TRAIN_ARTISTS))
            if e.role == "buy" and dice.chance(0.5)
            else e
            for e in elements
        )
    if dice.chance(0.5):  # a page of a shop with a basket
        made = replace(made, basket=dice.below(3))
        place = dice.below(4)
        elements = tuple(
            link(i, e.number, NEXT) if i == place else e for i, e in enumerate(elements)
        )
        if dice.chance(0.1):
            elements = elements[:4]  # nothing is sold here
    return replace(made, elements=elements)


READ_KINDS = (
    *("chart", "plot", "page", "bare page", "chart"),
    *("plot", "bare page", "page", "chart", "bare page"),
)
"""In turn: the drawings of pages without names take longest."""


class ReadData:
    """Pictures with all that stands in them; those of one size together."""

    def __init__(self, config: ReaderConfig, seed: int) -> None:
        self.config, self.seed = config, seed

    def __call__(self, examples: range) -> list[dict[str, Tensor]]:
        """For each size: `pixels`, and where letters and items are (see `targets`)."""
        sizes = defaultdict(list)
        for number in examples:
            shown = self.example(number)
            sizes[shown.picture.shape].append(shown)
        return [targets(pictures, self.config) for pictures in sizes.values()]

    def example(self, number: int) -> Truth:
        """Picture `number` and what is in it."""
        dice = Dice(f"read {self.seed} {number}")
        made = draw_from_train(dice, READ_KINDS[number % len(READ_KINDS)])
        return truth(varied(dice, made), self.config)


def targets(pictures: Sequence[Truth], config: ReaderConfig) -> dict[str, Tensor]:
    """`pixels` (B, 3, H, W) bytes, `glyphs` (·, 5) and `items` (·, 3 + fields), `slopes` (·,).

    Rows of `glyphs` are picture, line, square, slot, letter; of `items` picture, row, column and
    the class of each field, −1 where the field is not asked for.
    """
    glyphs, found, slopes = [], [], []
    for i, shown in enumerate(pictures):
        glyphs += [(i, *glyph) for glyph in shown.glyphs]
        for item in shown.items:
            asked = item.own
            if asked.get("word") == config.other and asked["kind"] in DRAWN:
                asked = {"kind": asked["kind"]}  # nobody can read it
            found.append((i, item.row, item.column, *(asked.get(f, -1) for f in config.fields)))
            slopes.append(item.slope)
    pixels = torch.from_numpy(np.stack([shown.picture for shown in pictures]))
    return {
        "pixels": pixels.permute(0, 3, 1, 2).contiguous(),
        "glyphs": torch.tensor(glyphs),
        "items": torch.tensor(found),
        "slopes": torch.tensor(slopes),
    }


DRAWN = KINDS.index("picture"), KINDS.index("wanted")


class ReadObjective(nn.Module):
    """How well is every letter and every item read?"""

    def __init__(self, read: Read) -> None:
        super().__init__()
        self.read = read

    def forward(self, batch: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
        """(loss · pictures, pictures)."""
        readings = [self.read(part["pixels"].float() / 255) for part in batch]
        loss = letter_loss(batch, readings) + item_loss(batch, readings, self.read.config)
        pictures = sum(len(part["pixels"]) for part in batch)
        return loss * pictures, torch.tensor(pictures)


def letter_loss(batch: Sequence[dict[str, Tensor]], readings: Sequence[Reading]) -> Tensor:
    """Cross-entropy of every slot, over the number of letters."""
    total, count = 0.0, 0
    for part, reading in zip(batch, readings, strict=True):
        right = torch.zeros(reading.glyphs.shape[:-1], dtype=torch.long, device=reading.glyphs.device)
        *places, letter = part["glyphs"].unbind(dim=1)
        right[tuple(places)] = letter
        logits = reading.glyphs.flatten(0, -2)
        total = total + F.cross_entropy(logits, right.flatten(), reduction="sum")
        count += len(letter)
    return total / count


def item_loss(
    batch: Sequence[dict[str, Tensor]], readings: Sequence[Reading], config: ReaderConfig
) -> Tensor:
    """Which cells hold something and what; each field's mean over the items that have it."""
    kind_total, count = 0.0, 0
    facts, slopes = [], []
    for part, reading in zip(batch, readings, strict=True):
        picture, row, column, kind = part["items"][:, :4].unbind(dim=1)
        logits = reading.facts[..., config.places["kind"]]  # (B, R, C, kinds)
        right = torch.zeros(logits.shape[:-1], dtype=torch.long, device=logits.device)
        right[picture, row, column] = kind
        kind_total = kind_total + F.cross_entropy(
            logits.flatten(0, 2), right.flatten(), reduction="sum"
        )
        count += len(kind)
        facts.append(reading.facts[picture, row, column])
        slopes.append(reading.slope[picture, row, column])
    items = torch.cat([part["items"] for part in batch])
    loss = kind_total / count + field_loss(torch.cat(facts), items[:, 3:], config)
    points = items[:, 3] == KINDS.index("point")
    if points.any():
        right = torch.cat([part["slopes"] for part in batch])[points]
        loss = loss + 2 * F.huber_loss(torch.cat(slopes)[points], right)
    return loss


def field_loss(facts: Tensor, right: Tensor, config: ReaderConfig) -> Tensor:
    """Of every field but the kind: the mean cross-entropy over items (N, F) that it is asked of.

    `right` (N, fields) holds the classes, −1 where a field is not asked for.
    """
    loss = facts.new_zeros(())
    for i, (name, logits) in enumerate(by_field(facts, config).items()):
        asked = right[:, i] >= 0
        if name != "kind" and asked.any():
            loss = loss + F.cross_entropy(logits[asked], right[asked, i])
    return loss
