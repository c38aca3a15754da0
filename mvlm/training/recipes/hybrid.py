"""The finished CLIP: convolutions first, then a ViT, for a text tower that stands still.

Chapters 06 and 07. Two towers that learn together wait for one another: after six minutes every
tower that was tried named the same share of drawings, whatever it saw, because the words lagged
behind. So the new image tower starts beside a text tower that has learnt already, that of
`clip-patches` (LiT, Zhai et al. 2022, with the parts of the towers exchanged). Texts that stand
still are worked out once, so every picture is compared with the names of all 1,112 emoji and not
only with those of its batch. The loss between two views of a thing stays. At the end the towers
change places once more: the image tower stands still, and each text is to come out where the
pictures of its thing lie on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.clip import CLIP, CLIPConfig, clip_vision_config
from mvlm.contrastive import distributed_clip_loss
from mvlm.data.dice import Dice
from mvlm.data.things import a
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.small.stem import STRIDE, with_stem_
from mvlm.tokenizer import Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.clip import (
    TEMPLATES,
    CLIPData,
    CLIPRecipe,
    drawing_table,
    text_for,
    vocabulary,
)
from mvlm.training.recipes.views import on_white, views, weaker


@dataclass(frozen=True, kw_only=True)
class HybridRecipe:
    """The new tower, and how it is trained.

    Attributes:
        stem: channels of its convolutions, see `mvlm.small.stem`.
        width, depth, heads: of the blocks after it.
        words: weight of the loss over the everyday words, beside that over all names, which has 1.
        looks: views of each drawing whose mean a text is to meet, beside the drawing on white.
        names: share of texts that are a name or an everyday word, in the last stage.
        clip: artists, views and batches of the tower; its shapes and its share of names are not
            read, for the texts are those of `clip-patches`.
        texts: how long, and how, the text tower learns alone.
    """

    stem: tuple[int, ...] = (32, 64, 128)
    width: int = 128
    depth: int = 2
    heads: int = 4
    words: float = 0.5
    looks: int = 1
    names: float = 0.9
    clip: CLIPRecipe = field(default_factory=CLIPRecipe)
    texts: TrainConfig = field(default_factory=TrainConfig)

    def model(self, learnt: CLIP) -> CLIP:
        """A CLIP with a new image tower and the text tower, projection and scale of this one."""
        image = clip_vision_config(
            image_size=40,
            patch_size=STRIDE,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            activation="gelu",
        )
        config = CLIPConfig(image=image, text=learnt.config.text, embed_dim=learnt.config.embed_dim)
        clip = CLIP(config)
        with_stem_(clip.image, self.stem)
        clip.text.load_state_dict(learnt.text.state_dict())
        clip.text_projection.load_state_dict(learnt.text_projection.state_dict())
        clip.logit_scale.data.copy_(learnt.logit_scale)
        return clip


class HybridData:
    """`CLIPData`'s views, and which thing they show in the place of a text."""

    def __init__(self, recipe: HybridRecipe, tokenizer: Tokenizer) -> None:
        self.pairs = CLIPData(recipe.clip, tokenizer)

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`first` and `second` (B, 3, 40, 40), normalised, and `things` (B,)."""
        things = torch.tensor([self.pairs.thing(example) for example in examples])
        first, second = self.pairs.two_views(examples)
        return {"first": first, "second": second, "things": things}


@torch.no_grad()
def name_vectors(
    clip: CLIP, tokenizer: Tokenizer, names: Sequence[str]
) -> Float[Tensor, "name embed"]:
    """The mean vector, of length 1, over the templates that training uses."""
    length = clip.config.text.context_length
    said = [
        clip.encode_text(tokenizer([t.format(n, a=a(n)) for n in names], length=length))
        for t in TEMPLATES
    ]
    return F.normalize(torch.stack(said).mean(dim=0), dim=1)


class HybridObjective(nn.Module):
    """The loss of a batch of `HybridData`."""

    def __init__(self, clip: CLIP, tokenizer: Tokenizer, recipe: HybridRecipe) -> None:
        super().__init__()
        self.clip, self.recipe = clip, recipe
        clip.text.requires_grad_(False)
        clip.text_projection.requires_grad_(False)
        words = vocabulary()
        everyday = [i for i, word in enumerate(words) if word.everyday]
        names = name_vectors(clip, tokenizer, [word.name for word in words])  # (N, E)
        usual = name_vectors(clip, tokenizer, [words[i].everyday for i in everyday])  # (100, E)
        place = torch.full((len(words),), -1)
        place[everyday] = torch.arange(len(everyday))
        self.register_buffer("names", names, persistent=False)
        self.register_buffer("usual", usual, persistent=False)
        self.register_buffer("place", place, persistent=False)  # of each thing: its word, or -1

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss, 1): the loss is a mean over the batch already."""
        both = self.clip.encode_image(torch.cat((batch["first"], batch["second"]))).float()
        things = batch["things"].repeat(2)  # (2B,)
        scale = self.clip.logit_scale.exp()
        with_names = F.cross_entropy(scale * both @ self.names.T, things)
        with_words = F.cross_entropy(
            scale * both @ self.usual.T, self.place[things], ignore_index=-1, reduction="sum"
        )
        with_views = distributed_clip_loss(*both.chunk(2), scale)
        loss = with_names + self.recipe.words * with_words / len(both)
        loss = loss + self.recipe.clip.view_weight * with_views
        return loss, torch.ones((), device=loss.device)

    def after_step(self) -> None:
        """Keep the scale at 100 or less."""
        self.clip.clamp_logit_scale_()


@torch.no_grad()
def mean_vectors(clip: CLIP, recipe: HybridRecipe) -> Float[Tensor, "thing embed"]:
    """The mean vector, of length 1, of each thing's drawings: on white, and in `looks` views.

    The views go half as far as those of training: they show where a thing may lie and on what, as
    scenes do, without taking it to the limits of what it can look like.
    """
    table = drawing_table(recipe.clip.artists)  # (A, N, 4, 40, 40)
    config = weaker(recipe.clip.views, 0.5)
    total = torch.zeros(table.shape[1], clip.config.embed_dim)
    for number, drawn in enumerate(table):
        total += encoded(clip, on_white(drawn))
        for look in range(recipe.looks):
            first = 10**11 + (number * recipe.looks + look) * len(drawn)
            seeds = range(first, first + len(drawn))
            total += encoded(clip, views(drawn[None], list(seeds), config))
    return F.normalize(total, dim=1)


def encoded(clip: CLIP, images: Float[Tensor, "image 3 40 40"]) -> Float[Tensor, "image embed"]:
    """CLIP's vectors of pictures with values 0 to 1, some at a time."""
    parts = normalise(images, CLIP_MEAN, CLIP_STD).split(256)
    return torch.cat([clip.encode_image(part) for part in parts])


class TextData:
    """Examples by their number: a text of a thing, and the mean vector of its pictures."""

    def __init__(
        self, recipe: HybridRecipe, tokenizer: Tokenizer, means: Float[Tensor, "thing embed"]
    ) -> None:
        self.recipe, self.tokenizer, self.means = recipe, tokenizer, means

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`aims` (B, E), of length 1, and `ids` (B, T)."""
        words, seed = vocabulary(), self.recipe.texts.seed
        things = [self.thing(example) for example in examples]
        texts = [
            text_for(Dice(f"clip text alone {seed} {example}"), words[thing], self.recipe.names)
            for example, thing in zip(examples, things, strict=True)
        ]
        ids = self.tokenizer(texts, length=self.recipe.clip.context)
        return {"aims": self.means[things], "ids": ids}

    def thing(self, example: int) -> int:
        """Which emoji example number `example` is about: each pass over all has its own order."""
        round_, place = divmod(example, len(self.means))
        seed = (self.recipe.texts.seed + 1) * 10**7 + round_
        order = torch.randperm(len(self.means), generator=torch.Generator().manual_seed(seed))
        return int(order[place])


class TextObjective(nn.Module):
    """1 − the cosine between each text's vector and its aim, added up; the pictures' half rests."""

    def __init__(self, clip: CLIP) -> None:
        super().__init__()
        self.clip = clip
        for still in (clip.image, clip.image_projection):
            still.requires_grad_(False)
        clip.logit_scale.requires_grad_(False)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of texts)."""
        texts = self.clip.encode_text(batch["ids"]).float()  # (B, E)
        total = (1 - (texts * batch["aims"]).sum(dim=1)).sum()
        return total, torch.tensor(len(texts), device=texts.device)
