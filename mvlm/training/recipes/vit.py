"""A ViT that names emoji: one class a name, from what a CLIP sees in eight artists' drawings.

Chapters 03 and 04. A hundred things by eight artists are at most eight hundred drawings: too few
for a model that must find out by itself that neighbouring pixels belong together. So it has a
teacher, as DeiT has (Touvron et al. 2021): the course's CLIP, whose tower begins with convolutions
and knows all 1,112 emoji. No name is told. The student is to say what the teacher says of the same
picture, of all 1,112 and of its own hundred (Hinton et al. 2015; Beyer et al. 2022: on any
pictures, the further the better, as long as both see the same one). And it is to see what the
teacher sees: both have 5×5 tokens, so each token says what the teacher's token at its place holds
(Romero et al. 2015), in the middle what comes out of the convolutions, at the end what comes out
of the tower. That tells a plain projection, place by place, what neighbouring pixels make.
Teacher, second head and these three matrices are left behind when training ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.clip import CLIP
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.hands import other_hands
from mvlm.training.recipes.views import ViewConfig, on_white, views, weaker
from mvlm.transformer import Encoding
from mvlm.vit import ViT, ViTConfig


@dataclass(frozen=True, kw_only=True)
class ViTRecipe:
    """The classifier of everyday emoji and how it is trained; see `ViTConfig`.

    Attributes:
        patch_size, width, depth, heads: of the model, for 40×40 pictures.
        artists: whose drawings train.
        everyday: share of the pictures that show one of the hundred things with a class.
        mixed: share of the pictures into which the one before is mixed.
        sharpness: what the teacher's cosines are multiplied by before its softmax.
        middle: after which block a token is to say what the teacher's convolutions say there.
        ramp: steps in which views go from a third of their strength to all of it.
        views, train: see there.
    """

    patch_size: int = 8
    width: int = 96
    depth: int = 6
    heads: int = 4
    artists: tuple[str, ...] = ("noto", "twemoji", *MORE_ARTISTS)
    everyday: float = 0.5
    mixed: float = 0.5
    sharpness: float = 32.0
    middle: int = 3
    ramp: int = 1000
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
    """Examples by their number: views of things, and which of `vocabulary()` each shows."""

    def __init__(self, recipe: ViTRecipe) -> None:
        self.recipe = recipe
        words = vocabulary()
        self.everyday = [i for i, word in enumerate(words) if word.everyday]
        self.others = [i for i, word in enumerate(words) if not word.everyday]

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40), values 0 to 1, and `things` (B,)."""
        things = [self.thing(example) for example in examples]
        step = examples.start // self.recipe.train.batch_size
        strength = min(1.0, 1 / 3 + 2 / 3 * step / max(1, self.recipe.ramp))
        table = drawing_table(self.recipe.artists)[:, things]  # (A, B, 4, 40, 40)
        seeds = [self.seed(example, VIEW) for example in examples]
        images = views(table, seeds, weaker(self.recipe.views, strength))
        return {"images": images, "things": torch.tensor(things)}

    def thing(self, example: int) -> int:
        """Drawn anew each time, an everyday thing with probability `everyday`."""
        generator = torch.Generator().manual_seed(self.seed(example, THING))
        usual = torch.rand((), generator=generator) < self.recipe.everyday
        some = self.everyday if usual else self.others
        return some[torch.randint(len(some), (), generator=generator)]

    def seed(self, example: int, purpose: int) -> int:
        """Of one example, another for each purpose.

        With one seed for both, the number that says "an everyday thing" would also choose the
        artist: the first half of them would draw these, the others all the rest.
        """
        return (self.recipe.train.seed * 10**9 + example) * len(PURPOSES) + purpose


PURPOSES = VIEW, THING, HAND, SHARE = range(4)  # what a random number is for


class MixedData(ViTData):
    """`ViTData` by other hands, some with the picture before mixed in: nothing to be named."""

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40), normalised; from a half to the whole of each is its own."""
        images = super().__call__(examples)["images"]
        generator, shares = torch.Generator(), []
        for example in examples:
            generator.manual_seed(self.seed(example, SHARE))
            mixed, own = torch.rand(2, generator=generator).tolist()
            shares.append(0.5 + 0.5 * own if mixed < self.recipe.mixed else 1.0)
        share = torch.tensor(shares).view(-1, 1, 1, 1)
        images = share * images + (1 - share) * images.roll(1, dims=0)
        images = other_hands(images, [self.seed(example, HAND) for example in examples])
        return {"images": normalise(images, CLIP_MEAN, CLIP_STD)}


@torch.no_grad()
def drawn_means(clip: CLIP, artists: tuple[str, ...]) -> Float[Tensor, "thing embed"]:
    """CLIP's mean vector, of length 1, over these artists' drawings of each thing, on white."""
    table = drawing_table(artists)
    drawn = [clip.encode_image(normalise(on_white(some), CLIP_MEAN, CLIP_STD)) for some in table]
    return F.normalize(torch.stack(drawn).mean(dim=0), dim=1)


class ViTObjective(nn.Module):
    """The loss of a batch of `MixedData`: how far the student is from what the teacher sees.

    Args:
        vit: is trained.
        teacher: a CLIP that has learnt, with as many tokens as the student; stays as it is.
        recipe: whose drawings CLIP compares with, and the rest.
    """

    def __init__(self, vit: ViT, teacher: CLIP, recipe: ViTRecipe) -> None:
        super().__init__()
        self.vit, self.teacher = vit, teacher.requires_grad_(False)
        self.recipe = recipe
        width, wider = vit.config.width, teacher.config.image.width
        self.all_things = nn.Linear(width, len(vocabulary()))
        nn.init.zeros_(self.all_things.weight)
        nn.init.zeros_(self.all_things.bias)
        self.in_the_middle, self.at_the_end, self.in_the_class_token = (
            nn.Linear(width, wider) for _ in range(3)
        )
        self.register_buffer("means", drawn_means(teacher, recipe.artists), persistent=False)
        everyday = torch.tensor([bool(word.everyday) for word in vocabulary()])
        self.register_buffer("everyday", everyday, persistent=False)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss, 1): the loss is a mean over the batch already."""
        seen, taught = self.both_see(batch["images"])
        loss = self.words(seen, taught) + self.places(seen, taught)
        return loss, torch.ones((), device=loss.device)

    def both_see(self, images: Float[Tensor, "batch 3 40 40"]) -> tuple[Encoding, Encoding]:
        """What student and teacher make of the same pictures."""
        with torch.no_grad():
            taught = self.teacher.image.encode(images)
        return self.vit.encode(images), taught

    def words(self, seen: Encoding, taught: Encoding) -> Tensor:
        """How far both heads are from what the teacher says of the whole picture."""
        with torch.no_grad():
            cosines = F.normalize(self.teacher.image_projection(taught.tokens[:, 0]).float(), dim=1)
            said = self.recipe.sharpness * cosines @ self.means.T  # (B, things)
        token = seen.tokens[:, 0]  # (B, D)
        own = _divergence(self.all_things(token), said)
        return own + _divergence(self.vit.head(token), said[:, self.everyday])

    def places(self, seen: Encoding, taught: Encoding) -> Tensor:
        """How far each token is from what the teacher's token at its place holds."""
        stem = taught.hidden_states[0] - self.teacher.image.positions
        middle = _even(seen.hidden_states[self.recipe.middle])
        pairs = (
            (self.in_the_middle(middle)[:, 1:], stem[:, 1:]),
            (self.at_the_end(seen.tokens)[:, 1:], taught.hidden_states[-1][:, 1:]),
            (self.in_the_class_token(seen.tokens[:, 0]), taught.tokens[:, 0]),
        )
        return sum(F.mse_loss(own.float(), _even(theirs).float()) for own, theirs in pairs)


def _divergence(scores: Tensor, aim: Tensor) -> Tensor:
    """Kullback–Leibler, of what a softmax makes of both (B, classes); mean over rows."""
    own, theirs = scores.float().log_softmax(dim=1), aim.float().log_softmax(dim=1)
    return F.kl_div(own, theirs, log_target=True, reduction="batchmean")


def _even(tokens: Tensor) -> Tensor:
    """Each vector with mean 0 and spread 1, so that no token counts for more than another."""
    return F.layer_norm(tokens, tokens.shape[-1:])
