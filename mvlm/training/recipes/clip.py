"""CLIP on the course's world: eight artists' emoji, and the words Unicode has for them.

Chapter 06. A batch is B things. Of each there are two views and one text: its name, its everyday
word, its keywords or its group, drawn anew each time. The loss is CLIP's between views and texts,
and once more between the two views of each thing, since two drawings of one thing are a pair as
much as a drawing and its name are (Khosla et al. 2020; Mu et al. 2022, SLIP). Both towers start
from nothing: the result is `clip-patches`, from which `mvlm.training.recipes.hybrid` makes the
finished CLIP.

`artists` leaves Fluent out: it is only ever tested on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.clip import CLIP, CLIPConfig, TextConfig, clip_vision_config
from mvlm.contrastive import distributed_clip_loss
from mvlm.data.dice import Dice
from mvlm.data.emojis import ARTISTS, MORE_ARTISTS, drawings, emoji_table
from mvlm.data.things import a
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.tokenizer import Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.views import ViewConfig, premultiplied, views, weaker

TEMPLATES = ("{}", "{}", "{}", "{a}", "a picture of {a}", "a drawing of {a}", "an emoji: {}")


@dataclass(frozen=True, kw_only=True)
class CLIPRecipe:
    """A CLIP of two plain transformers and how it is trained.

    Attributes:
        patch_size, width, depth, heads: of the image tower, for 40×40 pictures.
        text_width, text_depth, text_heads, context: of the text tower.
        embed_dim: width of the shared space.
        artists: whose drawings train.
        everyday: share of each batch that is everyday things; scenes are made of these.
        names: share of texts that are a name or an everyday word; the others are keywords, or the
            name with its group.
        view_weight: of the loss between two views, beside that between views and texts.
        ramp: steps in which views go from a third of their strength to all of it; views that differ
            much from the first step on teach nothing for a long while.
        views, train: see there.
    """

    patch_size: int = 10
    width: int = 128
    depth: int = 4
    heads: int = 4
    text_width: int = 128
    text_depth: int = 2
    text_heads: int = 4
    context: int = 16
    embed_dim: int = 128
    artists: tuple[str, ...] = ("noto", "twemoji", *MORE_ARTISTS)
    everyday: float = 0.4
    names: float = 0.7
    view_weight: float = 1.0
    ramp: int = 1500
    views: ViewConfig = field(default_factory=ViewConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def model(self, tokenizer: Tokenizer) -> CLIPConfig:
        """The model's own config, for this tokenizer's vocabulary."""
        image = clip_vision_config(
            image_size=40,
            patch_size=self.patch_size,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            activation="gelu",
        )
        text = TextConfig(
            vocab_size=tokenizer.vocab_size,
            context_length=self.context,
            width=self.text_width,
            depth=self.text_depth,
            heads=self.text_heads,
            eot_id=tokenizer.end_id,
            activation="gelu",
        )
        return CLIPConfig(image=image, text=text, embed_dim=self.embed_dim)


@dataclass(frozen=True, kw_only=True)
class Word:
    """What texts can say about one emoji."""

    emoji: str
    name: str
    everyday: str
    keywords: tuple[str, ...]
    group: str


@cache
def vocabulary() -> tuple[Word, ...]:
    """Every emoji of the course with its words, in a fixed order."""
    columns = ["emoji", "name", "everyday", "keywords", "group", "artist"]
    rows = emoji_table().select(columns).to_pylist()
    return tuple(
        Word(
            emoji=row["emoji"],
            name=row["name"],
            everyday=row["everyday"],
            keywords=tuple(row["keywords"]),
            group=row["group"].lower().replace("&", "and"),
        )
        for row in rows
        if row["artist"] == "noto"
    )


@cache
def drawing_table(artists: tuple[str, ...]) -> Float[Tensor, "artist emoji 4 40 40"]:
    """Every drawing by these artists, premultiplied, in the order of `vocabulary()`.

    Where one of `MORE_ARTISTS` did not draw an emoji, the first artists, who drew them all, take
    turns to stand in.
    """
    whole = [artist for artist in artists if artist in ARTISTS]
    if not whole:
        raise ValueError(f"none of {artists} drew every emoji: take one of {ARTISTS} along")
    pixels = np.stack(
        [
            [
                drawings(artist).get(word.emoji, drawings(whole[i % len(whole)])[word.emoji])
                for i, word in enumerate(vocabulary())
            ]
            for artist in artists
        ]
    )
    return premultiplied(torch.from_numpy(pixels).permute(0, 1, 4, 2, 3).float() / 255)


def text_for(dice: Dice, word: Word, names: float) -> str:
    """One of the many things that can be said of an emoji; with probability `names` its name."""
    way, others = dice.uniform(), 1 - names
    if way < others * 5 / 6 and word.keywords:
        count = dice.between(1, min(3, len(word.keywords)))
        return ", ".join(dice.sample(word.keywords, count))
    if way < others:
        return f"{word.name}, {word.group}"
    name = word.everyday if word.everyday and dice.chance(0.5) else word.name
    return dice.pick(TEMPLATES).format(name, a=a(name))


class CLIPData:
    """Examples by their number: two views and a text of one thing.

    The first places of each batch go to everyday things, the others to the rest of the
    vocabulary. Each pass over either has an order of its own, and no batch holds a thing twice:
    it would be its own wrong answer.
    """

    def __init__(self, recipe: CLIPRecipe, tokenizer: Tokenizer) -> None:
        self.recipe, self.tokenizer = recipe, tokenizer
        words, size = vocabulary(), recipe.train.batch_size
        first = round(recipe.everyday * size)
        everyday = [i for i, word in enumerate(words) if word.everyday]
        others = [i for i, word in enumerate(words) if not word.everyday]
        # (things, the batch's places that show them)
        self.parts = [(everyday, range(first)), (others, range(first, size))]
        for things, places in self.parts:
            if len(places) > len(things):
                raise ValueError(
                    f"batch_size {size} takes {len(places)} things of {len(things)}: pass less, "
                    "or another share `everyday`, so that no thing comes twice in a batch"
                )

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`first` and `second` (B, 3, 40, 40), normalised, and `ids` (B, T)."""
        seed = self.recipe.train.seed
        texts = [
            text_for(
                Dice(f"clip text {seed} {example}"),
                vocabulary()[self.thing(example)],
                self.recipe.names,
            )
            for example in examples
        ]
        first, second = self.two_views(examples)
        ids = self.tokenizer(texts, length=self.recipe.context)
        return {"first": first, "second": second, "ids": ids}

    def two_views(self, examples: range) -> tuple[Tensor, Tensor]:
        """Twice (B, 3, 40, 40), normalised: views that grow with the step."""
        table = drawing_table(self.recipe.artists)[:, [self.thing(i) for i in examples]]
        step = examples.start // self.recipe.train.batch_size
        strength = min(1.0, 1 / 3 + 2 / 3 * step / max(1, self.recipe.ramp))
        config = weaker(self.recipe.views, strength)
        first, second = (
            views(table, [self.recipe.train.seed * 10**9 + 2 * i + which for i in examples], config)
            for which in (0, 1)
        )
        return normalise(first, CLIP_MEAN, CLIP_STD), normalise(second, CLIP_MEAN, CLIP_STD)

    def thing(self, example: int) -> int:
        """Which emoji example number `example` shows."""
        step, place = divmod(example, self.recipe.train.batch_size)
        things, places = next(part for part in self.parts if place in part[1])
        round_, batch = divmod(step, len(things) // len(places))
        seed = self.recipe.train.seed * 10**6 + round_
        order = torch.randperm(len(things), generator=torch.Generator().manual_seed(seed))
        return things[order[batch * len(places) + place - places.start]]


class CLIPObjective(nn.Module):
    """The loss of a batch of `CLIPData`."""

    def __init__(self, clip: CLIP, view_weight: float) -> None:
        super().__init__()
        self.clip, self.view_weight = clip, view_weight

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss, 1): the loss is a mean over the batch already."""
        both = self.clip.encode_image(torch.cat((batch["first"], batch["second"])))
        first, second = both.float().chunk(2)  # (B, E) each
        texts = self.clip.encode_text(batch["ids"]).float()  # (B, E)
        scale = self.clip.logit_scale.exp()
        with_texts = [distributed_clip_loss(images, texts, scale) for images in (first, second)]
        with_views = distributed_clip_loss(first, second, scale)
        loss = sum(with_texts) / 2 + self.view_weight * with_views
        return loss, torch.ones((), device=loss.device)

    def after_step(self) -> None:
        """Keep the scale at 100 or less."""
        self.clip.clamp_logit_scale_()


@torch.no_grad()
def spread_features_(clip: CLIP, batch: dict[str, Tensor]) -> None:
    """Choose both projections from a batch, so that a new model's features differ at once.

    A new tower's vectors are all nearly the same: they share one large part, and what tells
    pictures apart is small. The loss sees next to nothing, and the first thousand steps go into
    pulling the vectors apart. So the shared part is left out, and what remains is scaled to equal
    spread in every direction (whitening; Krähenbühl et al. 2016 start networks from data too).

    Args:
        clip: a new model; its projections are changed in place.
        batch: of `CLIPData`, several times as many examples as the towers are wide.
    """
    clip.eval()
    whiten_(clip.image_projection, clip.image(batch["first"]))
    whiten_(clip.text_projection, clip.text(batch["ids"]))


@torch.no_grad()
def whiten_(projection: nn.Linear, vectors: Float[Tensor, "batch width"]) -> None:
    """Choose a projection so that these vectors leave it without their shared part, evenly."""
    shared = F.normalize(vectors.mean(dim=0), dim=0)  # (D,)
    centred = vectors - vectors.mean(dim=0)
    centred = centred - torch.outer(centred @ shared, shared)  # (B, D)
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)
    spread = sizes / len(vectors) ** 0.5
    rows = projection.weight.shape[0]
    scaled = directions[:rows] / (spread[:rows] + 0.1 * spread[0])[:, None]  # (E, D)
    turned = torch.linalg.qr(torch.randn(rows, rows))[0] @ scaled
    turned = turned - torch.outer(turned @ shared, shared)
    projection.weight.copy_(turned * (rows**0.5 / turned.norm()))


def corpus() -> Sequence[str]:
    """Every text that CLIP may read, for the tokenizer."""
    return [
        text
        for word in vocabulary()
        for text in (word.name, word.everyday, word.group, *word.keywords)
        if text
    ]
