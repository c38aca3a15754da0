"""Pointing, learnt from scenes that are told: each thing one vector, of its name and its place.

Chapter 11. To point, a model must find the thing that was asked for among a hundred vectors, then
spell where it lies, digit by digit. Both at once, from pictures, the course's language model did
not learn. So this comes first, without pictures: a told scene takes a dozen vectors and not two
hundred, names nothing wrongly, and may hold a single thing, so that digits can be learnt while
things are not found yet. What is asked of told scenes and of pictures is the same:

| first | later | the question                  | the answer                                    |
|-------|-------|-------------------------------|-----------------------------------------------|
| 0.30  | 0.12  | list the things, with places  | `dog x="12.5" y="80.0", …`, in random order   |
| 0.10  | 0.04  | what is at x="12.5" y="80.0"? | dog                                           |
| 0.33  | 0.46  | point to the dogs             | `<points x1= …>`                              |
| 0.19  | 0.27  | count the dogs by pointing    | `Counting the <points …> shows a total of 4.` |
| 0.08  | 0.11  | how many dogs are there?      | 4                                             |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.chat import Chat, Example, collate
from mvlm.data.dice import Dice
from mvlm.data.emojis import everyday_vocabulary
from mvlm.data.questions import PHRASINGS, absent
from mvlm.data.scene import (
    GRID,
    HIGH_RESOLUTION,
    SPLITS,
    Scene,
    choose_background,
    choose_names,
    combination,
    lay_out,
    split_vocabulary,
)
from mvlm.data.small_pixmo import COUNT, POINT
from mvlm.data.things import Thing, counts, plural
from mvlm.language import IGNORED, LanguageModel
from mvlm.molmo import write_pictures
from mvlm.points import Point, format_count, format_points, points_from_pixels
from mvlm.tokenizer import IM_END, IM_PATCH, IM_START, IMAGE, Tokenizer
from mvlm.training.recipes.language import summed_loss

EVERYTHING = "things"
"""The name that all things go by: "point to the things"."""
NOTHING = "nothing"
LIST_ALL = (
    "list all the things, with their places.",
    "what is where? give x and y of each.",
    "name every thing and say at which x and y.",
    "go through the things, one place after the other.",
)
NAME_ONE = (
    "what is at {place}?",
    "which thing is at {place}?",
    "name the thing at {place}.",
    "what do you see at {place}?",
)
LISTED = 6
"""Things that are listed at most: more make the longest texts of all."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """How large told scenes are, from some moment on.

    Attributes:
        start: share of all steps after which it begins.
        things: how many things a scene may hold, one of these.
        empty: vectors that say that nothing is there, at most.
        tokens: about how many tokens of questions and answers a scene gets.
        listing: share of questions that list things or name one. They pair names with places in
            no order, so they teach to find; pointing teaches the order by x.
    """

    start: float
    things: tuple[int, ...]
    empty: int
    tokens: int
    listing: float


LESSONS = (
    Lesson(start=0.0, things=(1, 1, 2, 4), empty=2, tokens=50, listing=0.4),
    Lesson(start=0.35, things=(1, 3, 6), empty=6, tokens=80, listing=0.4),
    Lesson(start=0.6, things=(1, 4, GRID * GRID), empty=16, tokens=110, listing=0.16),
)
TENTHS = 0.1
"""Share of texts in which the digit after the point counts: how it is written must be learnt, but
no picture says which it is, and a tenth of a hundredth is less than a pixel."""


@dataclass(frozen=True, kw_only=True)
class ToldScene:
    """A scene in vectors.

    Attributes:
        words: token ids, of the last token of each thing's name, or of "nothing".
        places: where each is, in hundredths.
        tokens: the scene as text, for `write_pictures`.
    """

    words: list[int]
    places: list[tuple[float, float]]
    tokens: tuple[str, ...]


class Told(nn.Module):
    """A thing's vector: that of its name and that of its place, added.

    What the connector is to make of a picture, so that the language model can read it.

    Args:
        language: whose names are used; places start as large as they are.
    """

    def __init__(self, language: LanguageModel) -> None:
        super().__init__()
        self.place = nn.Linear(SPELT_WIDTH, language.config.width, bias=False)
        nn.init.normal_(self.place.weight, std=0.09)

    def forward(
        self,
        language: LanguageModel,
        words: Int[Tensor, " thing"],
        places: Float[Tensor, "thing 2"],
    ) -> Float[Tensor, "thing width"]:
        """Token ids (N,) and places (N, 2) → vectors (N, D)."""
        return language.embed(words) + self.place(spelt(places))


SPELT_WIDTH = 40


def spelt(places: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape feature"]:
    """x and y as they are written: which of ten tens and which of ten units, for each.

    Near the border of two digits both share it, so that a place known to within a little has
    features known to within a little.
    """
    digits = torch.arange(10.0, device=places.device)
    x = places.clamp(0, 99.9)[..., None]  # (…, 2, 1)
    tens = (6 - (x - (10 * digits + 5)).abs()).clamp(0, 2) / 2  # 1, but within 1 of a border
    away = (x % 10 - (digits + 0.5)).abs()
    units = 1 - torch.minimum(away, 10 - away).clamp(max=1)  # 9 and 0 are neighbours
    return torch.cat((tens, units), dim=-1).flatten(-2)  # (…, 2, 20) -> (…, 40)


@torch.no_grad()
def forget_unread_(language: LanguageModel, patch_id: int, std: float = 0.1) -> int:
    """Give new vectors to all tokens that the language model never read; say how many.

    A token that never comes is only ever pushed away from what the model says: all of them end
    as one and the same vector, more than twice as long as a name's. Among them are the signs that
    points are written with and `<im_patch>`, to which the picture is added: a name added to it
    would hardly be heard.
    """
    table = language.embedding.weight
    unread = torch.cosine_similarity(table, table[patch_id][None]) > 0.8  # <im_patch> is one
    table[unread] = std * torch.randn(int(unread.sum()), table.shape[1])
    table[patch_id] *= 0.3
    return int(unread.sum())


def choose_flock(dice: Dice, vocabulary: Sequence[str]) -> list[str]:
    """One to nine times the first name, then others, at most nine in all."""
    number = dice.between(1, GRID * GRID)
    name = dice.pick(vocabulary)
    others = [other for other in choose_names(dice, vocabulary) if other != name]
    return [name] * number + others[: dice.between(0, GRID * GRID - number)]


def undrawn(dice: Dice, split: str, most: int) -> Scene:
    """A scene in high resolution that is never drawn: only what is where counts."""
    rules, vocabulary = SPLITS[split], split_vocabulary(split)
    choose = dice.pick((choose_flock, choose_names))
    names = choose(dice, vocabulary)[:most]
    while combination(names) not in rules.combinations:
        names = choose(dice, vocabulary)[:most]
    size = dice.pick(HIGH_RESOLUTION.picture_sizes)
    things = lay_out(
        dice,
        names,
        rules.artists,
        picture_size=size,
        thing_sizes=HIGH_RESOLUTION.thing_sizes,
    )
    return Scene(things=things, size=size, caption="", questions=(), **choose_background(dice))


def points_at(scene: Scene, name: str) -> list[Point]:
    """The centres of all things of this name, in hundredths of the picture."""
    return points_from_pixels(
        [centre(thing) for thing in scene.things if name in (thing.name, EVERYTHING)], scene.size
    )


def centre(thing: Thing) -> tuple[float, float]:
    """Of its box, in pixels."""
    x0, y0, x1, y1 = thing.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def place(point: Point) -> str:
    """A place in a question or a list, spelt as in points."""
    return f'x="{point.x:.1f}" y="{point.y:.1f}"'


def turn(dice: Dice, scene: Scene, names: Sequence[str], listing: float) -> tuple[str, str]:
    """A question about the scene, and its answer: see the table above, and `Lesson`."""
    placed = list(zip(scene.things, points_at(scene, EVERYTHING), strict=True))
    if dice.chance(listing):
        if dice.chance(0.25):
            thing, point = dice.pick(placed)
            return dice.pick(NAME_ONE).format(place=place(point)), thing.name
        pairs = dice.sample(placed, min(LISTED, len(placed)))
        said = ", ".join(f"{thing.name} {place(point)}" for thing, point in pairs) + "."
        return dice.pick(LIST_ALL), said
    name = asked_name(dice, scene, names)
    words = {"name": name.removesuffix("s") if name == EVERYTHING else name}
    words["names"] = name if name == EVERYTHING else plural(name)
    points, kind = points_at(scene, name), dice.uniform()
    if kind < 0.55:
        return dice.pick(POINT).format(**words), format_points(points, name)
    if kind < 0.87:
        return dice.pick(COUNT).format(**words), format_count(points, name)
    return dice.pick(PHRASINGS["how many"]).format(**words), str(len(points))


def asked_name(dice: Dice, scene: Scene, names: Sequence[str]) -> str:
    """Mostly what is there, each kind as often; sometimes all things, or what is not there."""
    present = list(counts(scene.things))
    if dice.chance(0.06):
        return EVERYTHING
    return absent(dice, present, names) if dice.chance(0.08) else dice.pick(present)


def word_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Each name's last token, and that of "nothing"."""
    return {name: tokenizer.encode(f" {name}")[-1] for name in (NOTHING, *everyday_vocabulary())}


def forgive_tenths(dice: Dice, text: Example, tokenizer: Tokenizer) -> Example:
    """Mostly no loss on a digit after a point: see `TENTHS`."""
    if dice.chance(TENTHS):
        return text
    point, digits = tokenizer.token_id("."), {tokenizer.token_id(digit) for digit in "0123456789"}
    labels = [
        IGNORED if token in digits and before == point else label
        for before, token, label in zip([None, *text.ids], text.ids, text.labels, strict=False)
    ]
    return Example(ids=text.ids, labels=labels)


def ask_about(
    dice: Dice,
    scene: Scene,
    names: Sequence[str],
    chat: Chat,
    room: int,
    listing: float = LESSONS[-1].listing,
) -> Example:
    """A picture and questions about it, one at least, of about `room` tokens with their answers."""
    turns: list[tuple[str, str]] = []
    while room > 0:
        question, answer = turn(dice, scene, names, listing)
        size = len(chat.tokenizer.encode(answer)) + 12
        if not turns or size < 1.3 * room:
            turns.append((question, answer))
        room -= size
    (question, answer), *others = turns
    text = chat.example([(f"{IMAGE}\n{question}", answer), *others])
    return forgive_tenths(dice, text, chat.tokenizer)


class TellData:
    """Told scenes and questions about them, by their number.

    Args:
        tokenizer: the course's.
        count: examples in all, which lessons are shares of; 0 for the last lesson alone.
        seed: another one, other scenes.
    """

    noise = 0.4  # hundredths: no picture says exactly where a thing lies

    def __init__(self, tokenizer: Tokenizer, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.chat, self.words = Chat(tokenizer=tokenizer), word_ids(tokenizer)
        self.names = split_vocabulary("train")

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`ids`, `labels`, `mask` (B, T), and of all told vectors `words` (N,), `places` (N, 2)."""
        told, texts = zip(*(self.example(number) for number in examples), strict=True)
        ids, labels, mask = collate(texts, self.chat.tokenizer.pad_id)
        return {
            "ids": ids,
            "labels": labels,
            "mask": mask,
            "words": torch.tensor([word for one in told for word in one.words]),
            "places": torch.tensor([place for one in told for place in one.places]),
        }

    def example(self, number: int) -> tuple[ToldScene, Example]:
        """A told scene, and as many questions about it as its lesson has room for."""
        dice = Dice(f"told {self.seed} {number}")
        lesson = [one for one in LESSONS if number >= one.start * self.count][-1]
        scene = undrawn(dice, "train", dice.pick(lesson.things))
        told = self.tell(dice, scene, lesson.empty)
        text = ask_about(dice, scene, self.names, self.chat, lesson.tokens, lesson.listing)
        return told, write_pictures(text, [told], self.chat.tokenizer)

    def tell(self, dice: Dice, scene: Scene, empty: int) -> ToldScene:
        """The scene's things among places where nothing is, in random order."""
        points = points_at(scene, EVERYTHING)
        held = [
            (self.words[thing.name], (self.about(dice, point.x), self.about(dice, point.y)))
            for thing, point in zip(scene.things, points, strict=True)
        ]
        nothing = self.words[NOTHING]
        for _ in range(dice.between(0, empty)):
            held.append((nothing, (100 * dice.uniform(), 100 * dice.uniform())))
        words, places = zip(*dice.shuffled(held), strict=True)
        tokens = (IM_START, *[IM_PATCH] * len(held), IM_END)
        return ToldScene(words=list(words), places=list(places), tokens=tokens)

    def about(self, dice: Dice, hundredths: float) -> float:
        """A little off."""
        return hundredths + self.noise * (2 * dice.uniform() - 1)


class TellObjective(nn.Module):
    """The loss of a batch of `TellData`."""

    def __init__(self, language: LanguageModel, patch_id: int) -> None:
        super().__init__()
        self.language, self.patch_id, self.told = language, patch_id, Told(language)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        return loss_by_length(self.language, self.embed(batch), batch["labels"], batch["mask"])

    def embed(self, batch: dict[str, Tensor]) -> Float[Tensor, "batch token width"]:
        """The tokens' vectors, with what is told added to the patch tokens', as Molmo does."""
        embeddings = self.language.embed(batch["ids"])  # (B, T, D)
        added = torch.zeros_like(embeddings)
        told = self.told(self.language, batch["words"], batch["places"])  # (N, D)
        added[batch["ids"] == self.patch_id] = told.to(embeddings.dtype)
        return embeddings + added


def loss_by_length(
    language: LanguageModel,
    embeddings: Float[Tensor, "batch token width"],
    labels: Int[Tensor, "batch token"],
    mask: Tensor,
) -> tuple[Tensor, Tensor]:
    """(summed loss, number of supervised tokens), examples of about one length together.

    Texts differ in length by far: padding them all to the longest would double the work.
    """
    total, count = 0, 0
    for part in mask.sum(dim=1).argsort().split(8):
        tokens = int(mask[part].sum(dim=1).max())
        hidden = language.hidden(
            embeddings=embeddings[part, :tokens], attention_mask=mask[part, :tokens]
        )
        loss, number = summed_loss(language, hidden, labels[part, :tokens])
        total, count = total + loss, count + number
    return total, count
