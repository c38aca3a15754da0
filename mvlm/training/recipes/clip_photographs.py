"""CLIP on photographs: fine-tuned from trained towers, or its twin from scratch.

Chapter 06, "On a GPU, with photographs". Radford et al. 2021, section 2.5: "A random square crop
from resized images is the only data augmentation used during training."
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from datasets import Dataset
from torch import Tensor, nn

from mvlm.clip import CLIP
from mvlm.images import Preprocessing, normalise, to_rgb, to_tensor
from mvlm.tokenizer import Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.photographs import PairSource, place_of, random_square


@dataclass(frozen=True, kw_only=True)
class CLIPPhotographsRecipe:
    """A CLIP, the pairs it learns from, and how.

    Attributes:
        model: a hub name or a folder: where the weights start, and whose shape, tokenizer and
            preprocessing are used.
        scratch: begin with new weights of that shape.
        smallest: side of the smallest square that is cut out, as a share of the shorter side; 1 is
            CLIP's own, a random place along the longer side.
        gigabytes: of memory that the run may take; 0 for what is free.
        pairs, train: see there.
    """

    model: str = "openai/clip-vit-base-patch32"
    scratch: bool = False
    smallest: float = 0.8
    gigabytes: float = 0.0
    pairs: PairSource = field(default_factory=PairSource)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= 1:
            raise ValueError(f"smallest is {self.smallest}: pass a share above 0, at most 1")


class PairData:
    """Examples by their number: a square of a photograph, and its caption's ids.

    Raises:
        ValueError: a batch would hold a pair twice, which would be its own wrong answer.
    """

    def __init__(
        self,
        pairs: Dataset,
        tokenizer: Tokenizer,
        look: Preprocessing,
        size: int,
        recipe: CLIPPhotographsRecipe,
    ) -> None:
        if recipe.train.batch_size > len(pairs):
            raise ValueError(
                f"batch_size {recipe.train.batch_size} is more than the {len(pairs)} pairs there "
                "are, and no pair may come twice in a batch: lower train.batch_size or raise "
                "pairs.count"
            )
        self.pairs, self.tokenizer, self.look, self.size = pairs, tokenizer, look, size
        self.recipe = recipe

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, H, H), normalised, and `ids` (B, T)."""
        seed, size = self.recipe.train.seed, self.recipe.train.batch_size
        count = len(self.pairs)
        rows = [
            self.pairs[place_of(example, count=count, batch_size=size, seed=seed)]
            for example in examples
        ]
        squares = [
            random_square(to_rgb(row["image"]), self.size, self.recipe.smallest, seed * 10**9 + i)
            for row, i in zip(rows, examples, strict=True)
        ]
        images = normalise(torch.stack([*map(to_tensor, squares)]), self.look.mean, self.look.std)
        return {"images": images, "ids": self.tokenizer([row["caption"] for row in rows])}


class PairObjective(nn.Module):
    """CLIP's loss of a batch of `PairData`, over the pairs of all processes."""

    def __init__(self, clip: CLIP) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss, 1): the loss is a mean over the batch already."""
        loss = self.clip.loss(batch["images"], batch["ids"])
        return loss, torch.ones((), device=loss.device)

    def after_step(self) -> None:
        """Keep the scale at 100 or less."""
        self.clip.clamp_logit_scale_()
