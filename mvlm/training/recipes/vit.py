"""A ViT that names emoji: one class a name, from views of eight artists' drawings.

Chapters 03 and 04.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mvlm.data.emojis import MORE_ARTISTS
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.views import ViewConfig, views
from mvlm.vit import ViT, ViTConfig


@dataclass(frozen=True, kw_only=True)
class ViTRecipe:
    """The classifier of everyday emoji and how it is trained; see `ViTConfig`."""

    patch_size: int = 10
    width: int = 96
    depth: int = 4
    heads: int = 4
    artists: tuple[str, ...] = ("noto", "twemoji", *MORE_ARTISTS)
    views: ViewConfig = field(default_factory=ViewConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


def classes() -> tuple[str, ...]:
    """The everyday names, in the order of the classes."""
    return tuple(word.everyday for word in vocabulary() if word.everyday)


def vit_config(recipe: ViTRecipe) -> ViTConfig:
    """The model's own config: 40×40 pictures, a class for each everyday name."""
    return ViTConfig(
        image_size=40,
        patch_size=recipe.patch_size,
        width=recipe.width,
        depth=recipe.depth,
        heads=recipe.heads,
        num_classes=len(classes()),
    )


class ViTData:
    """Examples by their number: a view of an everyday thing and its class."""

    def __init__(self, recipe: ViTRecipe) -> None:
        self.recipe = recipe
        self.things = [i for i, word in enumerate(vocabulary()) if word.everyday]

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40), normalised, and `labels` (B,)."""
        seed = self.recipe.train.seed * 10**9
        generator = torch.Generator()
        drawn = [
            torch.randint(len(self.things), (), generator=generator.manual_seed(seed + i))
            for i in examples
        ]
        labels = torch.stack(drawn)
        table = drawing_table(self.recipe.artists)[:, [self.things[label] for label in labels]]
        images = views(table, [seed + i for i in examples], self.recipe.views)
        return {"images": normalise(images, CLIP_MEAN, CLIP_STD), "labels": labels}


class ViTObjective(nn.Module):
    """The cross-entropy of a batch of `ViTData`, added up."""

    def __init__(self, vit: ViT) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of pictures)."""
        logits = self.vit(batch["images"]).float()
        total = nn.functional.cross_entropy(logits, batch["labels"], reduction="sum")
        return total, torch.tensor(len(logits), device=logits.device)
