"""Pointing, learnt from scenes that are told: each thing one vector, of its name and its place.

Chapter 11. To point, a model must find the thing that was asked for among a hundred vectors, then
say where it lies, and go on to the next. All at once, from pictures, the course's language model
did not learn. So this comes first, without pictures: a told scene takes a dozen vectors and not
two hundred, names nothing wrongly, and may hold a single thing, so that places can be learnt while
things are not found yet. What is asked of told scenes and of pictures is the same, at most once of
each kind of thing:

| share of texts | the question                  | the answer                                    |
|----------------|-------------------------------|-----------------------------------------------|
| `listing`      | what is at x="12.0" y="80.0"? | dog                                           |
|                | list the things, with places  | `dog x="12.0" y="80.0", …`, in random order   |
| the others     | point to the dogs             | `<points x1= …>`                              |
|                | count the dogs by pointing    | `Counting the <points …> shows a total of 4.` |
|                | how many dogs are there?      | 4                                             |

The model reads and writes all of them in the short form of `mvlm.small.places`.
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
from mvlm.language import LanguageModel
from mvlm.molmo import write_pictures
from mvlm.points import Point, format_count, format_points, points_from_pixels
from mvlm.small.places import place_vectors, shorten
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


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """How large told scenes are, from some moment on.

    Attributes:
        start: share of all steps after which it begins.
        things: how many things a scene may hold, one of these.
        empty: vectors that say that nothing is there, at most.
        tokens: about how many tokens of questions and answers a scene gets at most.
        listing: share of texts that list things and name some. They pair names with places in no
            order, so they teach to find; pointing teaches the order by x.
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


def told_vectors(
    language: LanguageModel,
    words: Int[Tensor, " thing"],
    places: Float[Tensor, "thing 2"],
) -> Float[Tensor, "thing width"]:
    """A thing in one vector: those of its name, of its x and of its y, added.

    What the connector is to make of a picture, so that the language model can read it. The same
    vectors stand for the words in questions and answers, so what is looked for is like what is
    found, and what is found is like what is said.

    Args:
        language: with place tokens, see `mvlm.small.places`.
        words: token ids (N,), each a name's last.
        places: (N, 2), in hundredths.
    """
    return language.embed(words) + place_vectors(language, places)


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
    """A place in a question or a list, written as in points."""
    return f'x="{point.x:.1f}" y="{point.y:.1f}"'


def turns(dice: Dice, scene: Scene, names: Sequence[str], listing: float) -> list[tuple[str, str]]:
    """All that one text asks about a scene, with its answers: see the table above, and `Lesson`.

    Nothing is asked twice, and a list comes last: an answer that can be copied from an earlier one
    teaches nothing about looking.
    """
    if dice.chance(listing):
        return listing_turns(dice, scene)
    kinds = list(counts(scene.things))
    if dice.chance(0.15):
        kinds.append(absent(dice, kinds, names))
    kinds = dice.shuffled(kinds)
    if dice.chance(0.15):
        kinds.append(EVERYTHING)
    return [pointing_turn(dice, scene, name) for name in kinds]


def listing_turns(dice: Dice, scene: Scene) -> list[tuple[str, str]]:
    """What is here, and here? And then everything, in random order."""
    placed = list(zip(scene.things, points_at(scene, EVERYTHING), strict=True))
    asked = [
        (dice.pick(NAME_ONE).format(place=place(point)), thing.name)
        for thing, point in dice.sample(placed, min(len(placed), dice.below(4)))
    ]
    pairs = dice.shuffled(placed)
    said = ", ".join(f"{thing.name} {place(point)}" for thing, point in pairs) + "."
    return [*asked, (dice.pick(LIST_ALL), said)]


def pointing_turn(dice: Dice, scene: Scene, name: str) -> tuple[str, str]:
    """Point to the things of a name, count them by pointing, or say in a word how many."""
    words = {"name": name.removesuffix("s") if name == EVERYTHING else name}
    words["names"] = name if name == EVERYTHING else plural(name)
    points, kind = points_at(scene, name), dice.uniform()
    if kind < 0.55:
        return dice.pick(POINT).format(**words), format_points(points, name)
    if kind < 0.87:
        return dice.pick(COUNT).format(**words), format_count(points, name)
    return dice.pick(PHRASINGS["how many"]).format(**words), str(len(points))


def word_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Each name's last token, and that of "nothing"."""
    return {name: tokenizer.encode(f" {name}")[-1] for name in (NOTHING, *everyday_vocabulary())}


def ask_about(
    dice: Dice,
    scene: Scene,
    names: Sequence[str],
    chat: Chat,
    room: int,
    listing: float = LESSONS[-1].listing,
) -> Example:
    """A picture and questions about it, one at least, of about `room` tokens with their answers."""
    taken: list[tuple[str, str]] = []
    for question, answer in turns(dice, scene, names, listing):
        question, answer = shorten(question), shorten(answer)
        room -= len(chat.tokenizer.encode(answer)) + 12
        if taken and room < 0:
            break
        taken.append((question, answer))
    (question, answer), *others = taken
    return chat.example([(f"{IMAGE}\n{question}", answer), *others])


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
        self.language, self.patch_id = language, patch_id

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        return loss_by_length(self.language, self.embed(batch), batch["labels"], batch["mask"])

    def embed(self, batch: dict[str, Tensor]) -> Float[Tensor, "batch token width"]:
        """The tokens' vectors, with what is told added to the patch tokens', as Molmo does."""
        embeddings = self.language.embed(batch["ids"])  # (B, T, D)
        added = torch.zeros_like(embeddings)
        told = told_vectors(self.language, batch["words"], batch["places"])  # (N, D)
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
