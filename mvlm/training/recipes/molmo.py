"""Molmo in small: pointing, counting and naming in large pictures of small things.

Chapter 11. Molmo starts from a language model that has read the web, and from millions of
captions; the course's has read about scenes of nine words. What is missing is learnt in three
stages, one difficulty at a time:

1. **told**: the language model alone learns to point in scenes that are told (`pointing.py`).
2. **stage 1**: the connector alone learns to make of each patch token the vector by which the
   thing in it would be told. No text is read, so this is dense and cheap. The tower stays frozen,
   and what it makes of each picture is worked out once.
3. **stage 2**: both learn together, from pictures and the questions of `pointing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn
from tqdm.auto import tqdm

from mvlm.chat import Chat, Example, collate
from mvlm.data.dice import Dice
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.data.scene import (
    HIGH_RESOLUTION,
    SPLITS,
    TRAIN_ARTISTS,
    Scene,
    Scenes,
    choose_background,
    combination,
    draw,
    lay_out,
    split_vocabulary,
)
from mvlm.data.things import Thing
from mvlm.molmo import Connector, CropConfig, write_pictures
from mvlm.points import points_from_pixels
from mvlm.small.places import place_vectors, shorten, with_places, write_out
from mvlm.small.windows import (
    COURSE_CROPS,
    PlacedCrops,
    Seen,
    WindowedMolmo,
    Windows,
    placed_crops,
    see,
)
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.pointing import (
    EVERYTHING,
    NOTHING,
    ask_about,
    centre,
    choose_flock,
    loss_by_length,
    points_at,
    word_ids,
)


@dataclass(frozen=True, kw_only=True)
class MolmoRecipe:
    """The course's Molmo and how it is trained.

    Attributes:
        pictures: how many there are to learn from; each is asked about anew in every pass.
        features: principal components of the tower's features that are kept.
        pool_width, heads, mlp_width: see `mvlm.molmo.Connector`.
        one_view: share of examples that see the downscaled picture alone, so that a comparison
            with and without crops is fair.
        artists: who draws the things; named twice, one draws twice as many.
        told: before pictures; only the language model learns.
        again: more of the last lesson, from a high rate down once more, while the vectors of names
            and places stay as they are.
        align: the first stage; only the connector learns.
        train: the second; connector and language model learn.
        longer: more of it, from a high rate down once more, with several questions a picture:
            they cost little beside the hundred tokens of the picture.
        more: the same once more, about as many other pictures.
    """

    pictures: int = 6000
    artists: tuple[str, ...] = (*TRAIN_ARTISTS, *MORE_ARTISTS)
    features: int = 192
    pool_width: int = 128
    heads: int = 4
    mlp_width: int = 256
    one_view: float = 0.1
    told: TrainConfig = field(default_factory=TrainConfig)
    again: TrainConfig = field(default_factory=TrainConfig)
    align: TrainConfig = field(default_factory=TrainConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    longer: TrainConfig = field(default_factory=TrainConfig)
    more: TrainConfig = field(default_factory=TrainConfig)

    def connector(self, vision: Windows, width: int) -> Connector:
        """From the windows' features to a language model of this width."""
        return Connector(
            vision.width,
            pool_width=self.pool_width,
            heads=self.heads,
            mlp_width=self.mlp_width,
            width=width,
            pool=COURSE_CROPS.pool,
        )


ONE_QUESTION, SEVERAL = 1, 170
"""Tokens of questions and answers a picture gets, in the second stage and when it goes on."""


class Flocks:
    """Large pictures with one to nine of one kind, and other things: scenes to count in.

    `Scenes` holds at most four of a kind. The rules of its splits hold here too.
    """

    def __init__(
        self,
        split: str = "train",
        count: int = 10_000,
        seed: int = 0,
        artists: Sequence[str] | None = None,
    ) -> None:
        self.names = split_vocabulary(split)
        self.split, self.count, self.seed = split, count, seed
        self.artists = SPLITS[split].artists if artists is None else tuple(artists)

    def scene(self, index: int) -> Scene:
        """What is in picture `index`; its caption and questions are left empty."""
        return self.flock(index)[1]

    def flock(self, index: int) -> tuple[str, Scene]:
        """The kind that there are many of, and the scene."""
        rules = SPLITS[self.split]
        dice = Dice(f"flocks {self.seed} {self.split} {index}")
        names = choose_flock(dice, self.names)
        while combination(names) not in rules.combinations:
            names = choose_flock(dice, self.names)
        size = dice.pick(HIGH_RESOLUTION.picture_sizes)
        things = lay_out(
            dice,
            names,
            self.artists,
            picture_size=size,
            thing_sizes=HIGH_RESOLUTION.thing_sizes,
        )
        background = choose_background(dice)
        return names[0], Scene(things=things, size=size, caption="", questions=(), **background)


class MolmoScenes:
    """What the model learns from: ordinary scenes and flocks in turn, all in high resolution."""

    def __init__(
        self, split: str, count: int, seed: int, artists: Sequence[str] | None = None
    ) -> None:
        self.scenes = Scenes(split, count, seed, canvas=HIGH_RESOLUTION, artists=artists)
        self.flocks = Flocks(split, count, seed, artists)
        self.names = self.scenes.names

    def scene(self, index: int) -> Scene:
        """Picture `index`."""
        return (self.flocks if index % 2 else self.scenes).scene(index)


def cut(scene: Scene, crops: CropConfig = COURSE_CROPS) -> PlacedCrops:
    """The scene's picture, as the model takes it."""
    return placed_crops(torch.from_numpy(draw(scene)).permute(2, 0, 1).float() / 255, crops)


def look_at_all(
    vision: Windows, source: MolmoScenes, count: int, kept: Path | None = None
) -> tuple[list[Scene], list[Seen]]:
    """Draw the first `count` pictures and keep what is seen, not yet on one scale.

    Given a file `kept`, what was seen lies there too: a run that goes on need not look again.
    """
    scenes = [source.scene(number) for number in range(count)]
    if kept is not None and kept.exists():
        seen = [Seen(**fields) for fields in torch.load(kept, weights_only=True)]
        if len(seen) != count:
            raise ValueError(f"{kept} holds {len(seen)} pictures, wanted {count}: remove it")
    else:
        bar = tqdm(scenes, desc="pictures through the tower")
        seen = [half(see(vision, cut(scene))) for scene in bar]
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            torch.save([vars(one) for one in seen], kept)
    return scenes, seen


def fit_scale_(vision: Windows, seen: Sequence[Seen]) -> None:
    """Fit the features' scale to what is seen of some pictures."""
    vision.fit_(torch.cat([one.looked.float() for one in seen]))


@torch.no_grad()
def as_large_as_words_(molmo: WindowedMolmo, seen: Sequence[Seen]) -> None:
    """Rescale the connector so that pictures' vectors start as large as words'.

    They are added to the embedding of `<im_patch>`; much smaller, they would not be seen beside
    it until training had made them grow.
    """
    wanted = molmo.language.embedding.weight.std()
    molmo.connector.down.weight *= wanted / molmo.features(seen).std()


def half(seen: Seen) -> Seen:
    """The same in half the memory."""
    return Seen(**vars(seen) | {"looked": seen.looked.half()})


def things_by_token(scene: Scene, seen: Seen) -> list[Thing | None]:
    """For each patch token, a thing whose middle lies in it, if there is one; crops alone count.

    In the downscaled view things are too small to be named: its tokens hold nothing.
    """
    places = seen.places[seen.full :]  # (N, P·P, 2)
    side = COURSE_CROPS.pool
    middle, step = places.mean(dim=1), places[:, side + 1] - places[:, 0]  # (N, 2) each
    held: list[Thing | None] = [None] * len(seen.places)
    for thing, point in zip(scene.things, points_at(scene, EVERYTHING), strict=True):
        away = ((torch.tensor(point) - middle) / step).abs().amax(dim=1)  # (N,), in windows
        held[seen.full + int(away.argmin())] = thing
    return held


class AlignData:
    """The first stage's examples: of each picture some patch tokens, and what each holds.

    All that hold a thing, and as many again and more that hold nothing: half of these beside a
    thing, where a part of it can be seen.
    """

    near, anywhere = 4, 4  # tokens of the crops that hold nothing
    view = 2  # and of the downscaled picture

    def __init__(
        self, scenes: Sequence[Scene], seen: Sequence[Seen], tokenizer: Tokenizer, seed: int
    ) -> None:
        self.scenes, self.seen, self.seed = scenes, seen, seed
        self.words = word_ids(tokenizer)

    def __call__(self, examples: range) -> dict:
        """`seen`, a list of B; of all its patch tokens `words` (N,) and `places` (N, 2)."""
        seen, words, places = zip(*(self.example(number) for number in examples), strict=True)
        return {
            "seen": seen,
            "words": torch.tensor([word for some in words for word in some]),
            "places": torch.tensor([place for some in places for place in some]),
        }

    def example(self, number: int) -> tuple[Seen, list[int], list[tuple[float, float]]]:
        """Some patch tokens of a picture, what is in each, and where."""
        i = number % len(self.scenes)
        scene, seen = self.scenes[i], self.seen[i]
        dice = Dice(f"align {self.seed} {number}")
        held = things_by_token(scene, seen)
        things = [n for n, thing in enumerate(held) if thing is not None]
        middles = seen.places.mean(dim=1)  # (N, 2)
        chosen = [
            *things,
            *self.some(dice, [n for n in beside(seen, things) if held[n] is None], self.near),
            *self.some(dice, range(seen.full, len(held)), self.anywhere),
            *self.some(dice, range(seen.full), self.view),
        ]
        chosen = list(dict.fromkeys(chosen))
        words, places = [], []
        for n in chosen:
            thing = held[n]
            words.append(self.words[NOTHING if thing is None else thing.name])
            at = middles[n] if thing is None else points_from_pixels([centre(thing)], scene.size)[0]
            places.append((float(at[0]), float(at[1])))
        return seen.only(torch.tensor(chosen)), words, places

    @staticmethod
    def some(dice: Dice, numbers: Sequence[int], count: int) -> list[int]:
        """So many of them, or all."""
        return dice.sample(numbers, min(count, len(numbers)))


def beside(seen: Seen, tokens: Sequence[int]) -> list[int]:
    """The crops' patch tokens that are these or touch them."""
    crops = torch.arange(len(seen.places)) >= seen.full
    these = torch.tensor([n for n in tokens if n >= seen.full], dtype=torch.long)
    if not len(these):
        return []
    middles = seen.places.mean(dim=1)  # (N, 2)
    size = 1.5 * (seen.places[-1, -1] - seen.places[-1, 0])  # of a patch token of the crops
    away = ((middles[:, None] - middles[these]) / size).abs().amax(dim=-1)  # (N, tokens)
    return ((away < 1.1).any(dim=1) & crops).nonzero()[:, 0].tolist()


class AlignObjective(nn.Module):
    """How far is each patch token's vector from the one by which its content would be told?

    Its squared distance, and the cross-entropy of which name's vector is nearest.
    """

    sharpness = 8.0  # of the names' softmax: distances are in units of a name's own length

    def __init__(self, molmo: WindowedMolmo, words: Int[Tensor, " name"]) -> None:
        super().__init__()
        self.molmo = molmo
        self.register_buffer("names", words, persistent=False)

    def forward(self, batch: dict) -> tuple[Tensor, Tensor]:
        """(summed loss, number of patch tokens)."""
        language = self.molmo.language
        vectors = self.molmo.features(batch["seen"])  # (N, D)
        names = language.embed(self.names)  # (names, D)
        length = names.square().sum(dim=1).mean()
        places = place_vectors(language, batch["places"])  # (N, D)
        distances = torch.cdist(vectors - places, names).square() / length  # (N, names)
        right = (batch["words"][:, None] == self.names).int().argmax(dim=1)  # (N,)
        wrong = nn.functional.cross_entropy(-self.sharpness * distances, right, reduction="none")
        far = distances.gather(1, right[:, None])[:, 0]
        return (far + 0.3 * wrong).sum(), torch.tensor(len(right))


class MolmoData:
    """Examples by their number: a picture's states and a text about it.

    Args:
        one_view: see `MolmoRecipe`.
        scenes, seen: the pictures and what the tower makes of them.
        names: of all things there may be.
        tokenizer: the course's.
        seed: another one, other questions.
        room: about how many tokens of questions and answers a picture gets; 1 for one question.
    """

    def __init__(
        self,
        one_view: float,
        scenes: Sequence[Scene],
        seen: Sequence[Seen],
        names: Sequence[str],
        tokenizer: Tokenizer,
        *,
        seed: int,
        room: int,
    ) -> None:
        self.one_view, self.scenes, self.seen, self.names = one_view, scenes, seen, names
        self.chat, self.seed, self.room = Chat(tokenizer=tokenizer), seed, room

    def __call__(self, examples: range) -> dict:
        """`seen`, a list of B, and `ids`, `labels`, `mask` (B, T)."""
        seen, texts = zip(*(self.example(number) for number in examples), strict=True)
        ids, labels, mask = collate(texts, self.chat.tokenizer.pad_id)
        return {"seen": seen, "ids": ids, "labels": labels, "mask": mask}

    def example(self, number: int) -> tuple[Seen, Example]:
        """A text about picture `number`, counted round and round."""
        i = number % len(self.scenes)
        dice = Dice(f"molmo {self.seed} {number}")
        seen = self.seen[i].one_view() if dice.chance(self.one_view) else self.seen[i]
        text = ask_about(dice, self.scenes[i], self.names, self.chat, self.room)
        return seen, write_pictures(text, [seen], self.chat.tokenizer)


class MolmoObjective(nn.Module):
    """The loss of a batch of `MolmoData`, from the tower's states on."""

    def __init__(self, molmo: WindowedMolmo) -> None:
        super().__init__()
        self.molmo = molmo

    def forward(self, batch: dict) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        embeddings = self.molmo.embed(batch["seen"], batch["ids"])
        return loss_by_length(self.molmo.language, embeddings, batch["labels"], batch["mask"])


def answer(
    molmo: WindowedMolmo,
    tokenizer: Tokenizer,
    pictures: Sequence[PlacedCrops | Seen],
    questions: Sequence[str],
    *,
    max_new_tokens: int = 230,
) -> list[str]:
    """The likeliest answer to one question about each picture."""
    chat, prompts = Chat(tokenizer=with_places(tokenizer)), []
    for picture, question in zip(pictures, questions, strict=True):
        ids = chat.prompt([(f"{IMAGE}\n{shorten(question)}", None)])
        asked = Example(ids=ids, labels=ids)
        prompts.append(write_pictures(asked, [picture], tokenizer).ids)
    rows = molmo.generate(pictures, prompts, max_new_tokens=max_new_tokens, end_id=tokenizer.end_id)
    return [write_out(chat.tokenizer.decode(row)).strip() for row in rows]
