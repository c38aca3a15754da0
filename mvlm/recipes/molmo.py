"""Molmo in small: pointing, counting and naming in large pictures of small things.

Chapter 11. The tower stays frozen, so what it makes of each picture is worked out once. Then two
stages. In the first, which Molmo does not have (it starts from millions of captions instead), the
connector alone learns to say of every patch token which thing's middle it holds and where, in the
language model's own words: a dense task, and a cheap one, for no text is read. In the second
connector and language model learn together; each example asks something new of its picture:

| share | the question                    | the answer                                  |
|-------|---------------------------------|---------------------------------------------|
| 0.30  | point to the dogs               | `<points x1= …>`                            |
| 0.20  | count the dogs by pointing      | `Counting the <points …> shows a total of 4.` |
| 0.15  | how many dogs are there?        | 4                                           |
| 0.20  | point to everything, with names | a `<point …>` for each thing                |
| 0.15  | what is at x="12.5" y="80.0"?   | dog, asked of several places                |

The last two say most about the picture a word, and so teach to look; see `texts.LONG_QUESTIONS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from mvlm.data.dice import Dice
from mvlm.data.emojis import MORE_ARTISTS, everyday_vocabulary
from mvlm.data.questions import PHRASINGS, absent
from mvlm.data.scene import (
    GRID,
    HIGH_RESOLUTION,
    SPLITS,
    TRAIN_ARTISTS,
    Scene,
    Scenes,
    choose_background,
    choose_names,
    combination,
    draw,
    lay_out,
    split_vocabulary,
)
from mvlm.data.small_pixmo import COUNT, POINT
from mvlm.data.things import Thing, counts, plural
from mvlm.language import IGNORED
from mvlm.llava import Chat, Example, collate
from mvlm.molmo import Connector, write_pictures
from mvlm.points import Point, format_count, format_points, points_from_pixels
from mvlm.recipes.language import summed_loss
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.train import TrainConfig
from mvlm.windows import (
    COURSE_CROPS,
    PLACE_SIZE,
    PLACE_WIDTH,
    PlacedCrops,
    Seen,
    WindowedMolmo,
    Windows,
    place_features,
    placed_crops,
    see,
)

EVERYTHING = "things"
"""The name that all things go by: "point to the things"."""
NAME_ALL = (
    "point to everything and name it.",
    "name every thing and point to it.",
    "list all the things, with points.",
    "what is where? point to each.",
)
NAME_ONE = (
    "what is at {place}?",
    "which thing is at {place}?",
    "name the thing at {place}.",
    "what do you see at {place}?",
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
        artists: who draws the things.
        align: the first stage; only the connector learns.
        train: the second; connector and language model learn.
    """

    pictures: int = 6000
    artists: tuple[str, ...] = (*TRAIN_ARTISTS, *MORE_ARTISTS)
    features: int = 192
    pool_width: int = 128
    heads: int = 4
    mlp_width: int = 256
    one_view: float = 0.1
    align: TrainConfig = field(default_factory=TrainConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

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


def choose_flock(dice: Dice, vocabulary: Sequence[str]) -> list[str]:
    """One to nine times the first name, then others, at most nine in all."""
    number = dice.between(1, GRID * GRID)
    name = dice.pick(vocabulary)
    others = [other for other in choose_names(dice, vocabulary) if other != name]
    return [name] * number + others[: dice.between(0, GRID * GRID - number)]


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


def cut(scene: Scene) -> PlacedCrops:
    """The scene's picture, as the model takes it."""
    return placed_crops(torch.from_numpy(draw(scene)).permute(2, 0, 1).float() / 255)


def points_at(scene: Scene, name: str) -> list[Point]:
    """The centres of all things of this name, in hundredths of the picture."""
    return points_from_pixels(
        [centre(thing) for thing in scene.things if name in (thing.name, EVERYTHING)], scene.size
    )


def centre(thing: Thing) -> tuple[float, float]:
    """Of its box, in pixels."""
    x0, y0, x1, y1 = thing.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def turns(dice: Dice, scene: Scene, names: Sequence[str]) -> list[tuple[str, str]]:
    """A question about the scene, or several short ones, with their answers."""
    kind = dice.uniform()
    if kind < 0.65:
        name = asked_name(dice, scene, names)
        words = {"name": name.removesuffix("s") if name == EVERYTHING else name}
        words["names"] = name if name == EVERYTHING else plural(name)
        points = points_at(scene, name)
        if kind < 0.3:
            return [(dice.pick(POINT).format(**words), format_points(points, name))]
        if kind < 0.5:
            return [(dice.pick(COUNT).format(**words), format_count(points, name))]
        return [(dice.pick(PHRASINGS["how many"]).format(**words), str(len(points)))]
    if kind < 0.85 and len(scene.things) <= 5:  # more of them make the longest texts of all
        return [(dice.pick(NAME_ALL), name_all(scene))]
    some = dice.sample(scene.things, min(5, len(scene.things)))
    return [
        (dice.pick(NAME_ONE).format(place=place(points_from_pixels([centre(t)], scene.size)[0])),
         t.name)
        for t in some
    ]  # fmt: skip


def asked_name(dice: Dice, scene: Scene, names: Sequence[str]) -> str:
    """Mostly what is there, each kind as often; sometimes all things, or what is not there."""
    present = list(counts(scene.things))
    if dice.chance(0.15):
        return EVERYTHING
    return absent(dice, present, names) if dice.chance(0.1) else dice.pick(present)


def name_all(scene: Scene) -> str:
    """A point for each thing, with its name, in the order of points."""
    placed = zip(points_at(scene, EVERYTHING), scene.things, strict=True)
    return " ".join(format_points([point], thing.name) for point, thing in sorted(placed))


def place(point: Point) -> str:
    """A place in a question, spelt as in points."""
    return f'x="{point.x:.1f}" y="{point.y:.1f}"'


def look_at_all(
    vision: Windows, source: MolmoScenes, count: int, *, first: int = 40
) -> tuple[list[Scene], list[Seen]]:
    """Draw the first `count` pictures, fit the features' scale to some, and keep what is seen."""
    scenes = [source.scene(number) for number in range(count)]
    seen = [
        half(see(vision, cut(scene))) for scene in tqdm(scenes, desc="pictures through the tower")
    ]
    vision.fit_(torch.cat([one.looked.float() for one in seen[:first]]))
    return scenes, seen


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
    """For each patch token of the crops, a thing whose middle lies in it, if there is one."""
    places = seen.places[seen.full :]  # (N, P·P, 2)
    side = COURSE_CROPS.pool
    middle, step = places.mean(dim=1), places[:, side + 1] - places[:, 0]  # (N, 2) each
    held: list[Thing | None] = [None] * len(places)
    for thing, point in zip(scene.things, points_at(scene, EVERYTHING), strict=True):
        away = ((torch.tensor(point) - middle) / step).abs().amax(dim=1)  # (N,), in windows
        held[int(away.argmin())] = thing
    return held


class AlignData:
    """The first stage's examples: a picture's states, and what each patch token holds."""

    def __init__(self, scenes: Sequence[Scene], seen: Sequence[Seen], tokenizer: Tokenizer) -> None:
        self.scenes, self.seen = scenes, seen
        names = ("nothing", *everyday_vocabulary())
        self.word = {name: tokenizer.encode(f" {name}")[-1] for name in names}

    def __call__(self, examples: range) -> dict:
        """`seen`, a list of B; of all its patch tokens `words` (N,) and `places` (N, 2).

        A word is the last token of a thing's name, or that of "nothing"; −100 for the full view.
        A place is where the thing's middle lies; NaN where there is none.
        """
        numbers = [number % len(self.scenes) for number in examples]
        words: list[int] = []
        places: list[tuple[float, float]] = []
        nowhere = (float("nan"),) * 2
        for number in numbers:
            scene, seen = self.scenes[number], self.seen[number]
            words += [IGNORED] * seen.full
            places += [nowhere] * seen.full
            for thing in things_by_token(scene, seen):
                name = "nothing" if thing is None else thing.name
                words.append(self.word[name])
                places.append(
                    nowhere if thing is None else points_from_pixels([centre(thing)], scene.size)[0]
                )
        return {
            "seen": [self.seen[number] for number in numbers],
            "words": torch.tensor(words),
            "places": torch.tensor(places),
        }


class AlignObjective(nn.Module):
    """Which word does each patch token stand for, and where is the thing?

    The word is read off as the language model reads its own last states; the place by a matrix
    that only this stage needs.
    """

    def __init__(self, molmo: WindowedMolmo) -> None:
        super().__init__()
        self.molmo = molmo
        self.where = nn.Linear(molmo.language.config.width, PLACE_WIDTH)

    def forward(self, batch: dict) -> tuple[Tensor, Tensor]:
        """(summed loss, number of patch tokens)."""
        language = self.molmo.language
        wanted = batch["words"] != IGNORED
        cells = language.norm(self.molmo.features(batch["seen"])[wanted])  # (N, D)
        what = nn.functional.cross_entropy(
            language.logits(cells), batch["words"][wanted], reduction="sum"
        )
        places = batch["places"][wanted]
        there = ~places.isnan().any(dim=1)
        marks = place_features(places[there]).unflatten(1, (2, -1)) / PLACE_SIZE  # (n, 2, marks)
        scores = self.where(cells[there]).unflatten(1, (2, -1)).log_softmax(dim=-1)
        return what - (marks * scores).sum(), wanted.sum()


class MolmoData:
    """Examples by their number: a picture's states and a text about it."""

    def __init__(
        self,
        recipe: MolmoRecipe,
        scenes: Sequence[Scene],
        seen: Sequence[Seen],
        names: Sequence[str],
        tokenizer: Tokenizer,
    ) -> None:
        self.recipe, self.scenes, self.seen, self.names = recipe, scenes, seen, names
        self.chat = Chat(tokenizer=tokenizer)

    def __call__(self, examples: range) -> dict:
        """`seen`, a list of B, and `ids`, `labels`, `mask` (B, T)."""
        seen, texts = zip(*(self.example(number) for number in examples), strict=True)
        ids, labels, mask = collate(texts, self.chat.tokenizer.pad_id)
        return {"seen": seen, "ids": ids, "labels": labels, "mask": mask}

    def example(self, number: int) -> tuple[Seen, Example]:
        """A question about picture `number`, counted round and round."""
        i = number % len(self.scenes)
        dice = Dice(f"molmo {self.recipe.train.seed} {number}")
        seen = self.seen[i].one_view() if dice.chance(self.recipe.one_view) else self.seen[i]
        (question, said), *others = turns(dice, self.scenes[i], self.names)
        text = self.chat.example([(f"{IMAGE}\n{question}", said), *others])
        return seen, write_pictures(text, [seen], self.chat.tokenizer)


class MolmoObjective(nn.Module):
    """The loss of a batch of `MolmoData`, from the tower's states on."""

    def __init__(self, molmo: WindowedMolmo) -> None:
        super().__init__()
        self.molmo = molmo

    def forward(self, batch: dict) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens).

        Texts differ in length by far, so examples of about the same length are worked on
        together: padding them all to the longest would double the work.
        """
        total, count = 0, 0
        for part in batch["mask"].sum(dim=1).argsort().split(8):
            mask = batch["mask"][part]
            mask = mask[:, : int(mask.sum(dim=1).max())]
            ids, labels = (batch[name][part, : mask.shape[1]] for name in ("ids", "labels"))
            embeddings = self.molmo.embed([batch["seen"][i] for i in part.tolist()], ids)
            hidden = self.molmo.language.hidden(embeddings=embeddings, attention_mask=mask)
            loss, number = summed_loss(self.molmo.language, hidden, labels)
            total, count = total + loss, count + number
        return total, count


def answer(
    molmo: WindowedMolmo,
    tokenizer: Tokenizer,
    pictures: Sequence[PlacedCrops | Seen],
    questions: Sequence[str],
    *,
    max_new_tokens: int = 230,
) -> list[str]:
    """The likeliest answer to one question about each picture."""
    chat, prompts = Chat(tokenizer=tokenizer), []
    for picture, question in zip(pictures, questions, strict=True):
        ids = chat.prompt([(f"{IMAGE}\n{question}", None)])
        asked = Example(ids=ids, labels=ids)
        prompts.append(write_pictures(asked, [picture], tokenizer).ids)
    rows = molmo.generate(pictures, prompts, max_new_tokens=max_new_tokens, end_id=tokenizer.end_id)
    return [tokenizer.decode(row).strip() for row in rows]
