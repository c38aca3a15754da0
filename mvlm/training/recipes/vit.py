"""A ViT that names emoji: one class a name, from views of eight artists' drawings.

Chapters 03 and 04. A hundred things by eight artists are some nine hundred drawings: too few for a
model that must find out by itself that neighbouring pixels belong together. So it has a teacher,
as DeiT has (Touvron et al. 2021): `clip-patches`, a CLIP that knows all 1,112 emoji. A second head
scores all of them from the same class token, and is to say what CLIP says of the same view (Hinton
et al. 2015). Half of what is shown are things that have no class here. Teacher and second head are
left behind when training ends.

Names alone teach the eight artists by heart, so a second run has no names at all: both heads are to
say what CLIP says, of views that go further and of any two things mixed (Beyer et al. 2022: a
student that matches its teacher's answers on any pictures learns what it does with new ones).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.clip import CLIP
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.views import ViewConfig, on_white, views, weaker
from mvlm.vit import ViT, ViTConfig


@dataclass(frozen=True, kw_only=True)
class ViTRecipe:
    """The classifier of everyday emoji and how it is trained; see `ViTConfig`.

    Attributes:
        patch_size, width, depth, heads: of the model, for 40×40 pictures.
        artists: whose drawings train.
        everyday: share of the pictures that show one of the hundred things with a class.
        trust: share of the teacher's word in what the second head aims at; the rest is the truth.
        sharpness: what the teacher's cosines are multiplied by before its softmax.
        smoothing: share of the truth given to all classes alike.
        ramp: steps in which views go from a third of their strength to all of it.
        views, train: see there.
        further, again: views and training of the second run.
    """

    patch_size: int = 8
    width: int = 96
    depth: int = 6
    heads: int = 4
    artists: tuple[str, ...] = ("noto", "twemoji", *MORE_ARTISTS)
    everyday: float = 0.5
    trust: float = 0.5
    sharpness: float = 32.0
    smoothing: float = 0.1
    ramp: int = 1000
    views: ViewConfig = field(default_factory=ViewConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    further: ViewConfig = field(default_factory=ViewConfig)
    again: TrainConfig = field(default_factory=TrainConfig)


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
    """Examples by their number: a view of a thing, and which of `vocabulary()` it is."""

    def __init__(self, recipe: ViTRecipe) -> None:
        self.recipe = recipe
        words = vocabulary()
        self.everyday = [i for i, word in enumerate(words) if word.everyday]
        self.others = [i for i, word in enumerate(words) if not word.everyday]

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40), normalised, and `things` (B,)."""
        seed = self.recipe.train.seed * 10**9
        things = [self.thing(seed + example) for example in examples]
        step = examples.start // self.recipe.train.batch_size
        strength = min(1.0, 1 / 3 + 2 / 3 * step / max(1, self.recipe.ramp))
        table = drawing_table(self.recipe.artists)[:, things]  # (A, B, 4, 40, 40)
        images = views(table, [seed + i for i in examples], weaker(self.recipe.views, strength))
        return {"images": normalise(images, CLIP_MEAN, CLIP_STD), "things": torch.tensor(things)}

    def thing(self, seed: int) -> int:
        """Drawn anew each time, an everyday thing with probability `everyday`."""
        generator = torch.Generator().manual_seed(seed)
        usual = torch.rand((), generator=generator) < self.recipe.everyday
        some = self.everyday if usual else self.others
        return some[torch.randint(len(some), (), generator=generator)]


@torch.no_grad()
def drawn_means(clip: CLIP, artists: tuple[str, ...]) -> Float[Tensor, "thing embed"]:
    """CLIP's mean vector, of length 1, over these artists' drawings of each thing, on white."""
    table = drawing_table(artists)
    drawn = [clip.encode_image(normalise(on_white(some), CLIP_MEAN, CLIP_STD)) for some in table]
    return F.normalize(torch.stack(drawn).mean(dim=0), dim=1)


class ViTObjective(nn.Module):
    """The loss of a batch of `ViTData`, added up: of the classes, and of what CLIP says.

    Args:
        vit: is trained.
        teacher: a CLIP that has learnt; stays as it is.
        recipe: whose drawings CLIP compares with, and the shares.
    """

    def __init__(self, vit: ViT, teacher: CLIP, recipe: ViTRecipe) -> None:
        super().__init__()
        self.vit, self.teacher = vit, teacher.requires_grad_(False)
        self.recipe = recipe
        things = len(vocabulary())
        self.all_things = nn.Linear(vit.config.width, things)
        nn.init.zeros_(self.all_things.weight)
        nn.init.zeros_(self.all_things.bias)
        means = drawn_means(teacher, recipe.artists)
        self.register_buffer("means", means, persistent=False)
        place = torch.full((things,), -1)
        everyday = [i for i, word in enumerate(vocabulary()) if word.everyday]
        place[everyday] = torch.arange(len(everyday))
        self.register_buffer("place", place, persistent=False)  # of each thing: its class or -1

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of pictures)."""
        images, things = batch["images"], batch["things"]
        vit = self.vit
        token = vit.pooled(images)  # (B, D)
        named = F.cross_entropy(
            vit.head(token).float(),
            self.place[things],
            ignore_index=-1,
            label_smoothing=self.recipe.smoothing,
            reduction="sum",
        )
        scores = self.all_things(token).float()  # (B, things)
        taught = -(self.aim(images, things) * scores.log_softmax(dim=1)).sum()
        return named + taught, torch.tensor(len(images), device=images.device)

    @torch.no_grad()
    def aim(
        self, images: Float[Tensor, "batch 3 40 40"], things: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch thing"]:
        """Of each view: the truth and the teacher's word, mixed; every row adds up to 1."""
        said = (self.recipe.sharpness * self.cosines(images)).softmax(dim=1)
        truth = F.one_hot(things, len(self.means)).float()
        return truth + self.recipe.trust * (said - truth)

    def cosines(self, images: Float[Tensor, "batch 3 40 40"]) -> Float[Tensor, "batch thing"]:
        """Between what the teacher sees and its mean vector of each thing."""
        return self.teacher.encode_image(images).float() @ self.means.T


class MixedData:
    """Examples by their number: a view of any thing, mixed with the one before it."""

    def __init__(self, recipe: ViTRecipe) -> None:
        self.recipe = recipe

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40), normalised; from a half to the whole of each is its own."""
        seed = self.recipe.again.seed * 10**9 + 5 * 10**8
        generator = torch.Generator()
        things, shares = [], []
        for example in examples:
            generator.manual_seed(seed + example)
            things.append(int(torch.randint(len(vocabulary()), (), generator=generator)))
            shares.append(0.5 + 0.5 * torch.rand((), generator=generator))
        table = drawing_table(self.recipe.artists)[:, things]  # (A, B, 4, 40, 40)
        images = views(table, [seed + i for i in examples], self.recipe.further)
        share = torch.stack(shares).view(-1, 1, 1, 1)
        mixed = share * images + (1 - share) * images.roll(1, dims=0)
        return {"images": normalise(mixed, CLIP_MEAN, CLIP_STD)}


class MatchObjective(nn.Module):
    """Cross-entropy of both heads to the teacher's word on a batch of `MixedData`, added up.

    Args:
        taught: what the first run trained.
    """

    def __init__(self, taught: ViTObjective) -> None:
        super().__init__()
        self.taught = taught

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of pictures)."""
        taught, images = self.taught, batch["images"]
        vit = taught.vit
        token = vit.pooled(images)  # (B, D)
        with torch.no_grad():
            said = taught.recipe.sharpness * taught.cosines(images)  # (B, things)
        everyday = taught.place >= 0
        total = _cross_entropy(taught.all_things(token), said)
        total = total + _cross_entropy(vit.head(token), said[:, everyday])
        return total, torch.tensor(len(images), device=images.device)


def _cross_entropy(scores: Tensor, aim: Tensor) -> Tensor:
    """Of two tables of logits, summed over rows."""
    return -(aim.softmax(dim=1) * scores.float().log_softmax(dim=1)).sum()
