"""The course's world: pictures of a 3×3 grid, with what is in them.

A scene is first a list of objects (`lay_out`), then a picture (`draw`) and texts (`captions.py`,
`questions.py`), all from one seed a scene. Splits differ in what the language side may know:

| split        | names          | artists       | combinations of objects   |
|--------------|----------------|---------------|---------------------------|
| `train`      | 90 of 100      | noto, twemoji | 80 % of all               |
| `vision`     | all 100        | noto, twemoji | the same 80 %             |
| `validation` | 90             | noto, twemoji | another 10 %              |
| `test`       | 90             | noto, twemoji | the last 10 %             |
| `artist`     | 90             | fluent        | the last 10 %             |
| `names`      | the other 10   | noto, twemoji | the last 10 %             |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from datasets import Dataset, Features, Image, IterableDataset, Value
from datasets import Sequence as ListOf
from jaxtyping import UInt8
from torch import Tensor

from mvlm.data.canvas import lay
from mvlm.data.captions import caption
from mvlm.data.dice import Dice
from mvlm.data.emojis import bucket, drew, everyday_vocabulary, held_out, sprite, words
from mvlm.data.questions import Question, questions
from mvlm.data.rows import dataset_from_rows, one_of, png
from mvlm.data.things import Thing

GRID = 3  # cells a side

TRAIN_ARTISTS = ("noto", "twemoji")
TEST_ARTISTS = ("fluent",)


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """How large pictures are, and the things in them. One kind of world, at two scales."""

    name: str
    picture_sizes: tuple[tuple[int, int], ...]  # (height, width) in pixels
    thing_sizes: tuple[int, ...]  # the longest side of a thing, in pixels


COURSE = Canvas(
    name="scenes",
    picture_sizes=((120, 120),),  # nine cells of 40×40
    thing_sizes=(24, 26, 28, 30, 32, 34, 36, 38, 40),
)
# In a view shrunk to 120×120 these things are 5 to 8 pixels small: the crops of chapter 11.
HIGH_RESOLUTION = Canvas(
    name="high_resolution",
    picture_sizes=((360, 360), (240, 480), (600, 200)),
    thing_sizes=(16, 18, 20, 22, 24),
)
CANVASES = {canvas.name: canvas for canvas in (COURSE, HIGH_RESOLUTION)}


@dataclass(frozen=True, kw_only=True)
class Split:
    """What one split may draw from."""

    combinations: range  # buckets, of 100, of the combination of objects
    artists: tuple[str, ...] = TRAIN_ARTISTS
    held_out_names: tuple[bool, ...] = (False,)
    kept_phrasings: bool = True  # may ask in words that training never used


SPLITS = {
    "train": Split(combinations=range(80), kept_phrasings=False),
    "vision": Split(combinations=range(80), held_out_names=(False, True), kept_phrasings=False),
    "validation": Split(combinations=range(80, 90), kept_phrasings=False),
    "test": Split(combinations=range(90, 100)),
    "artist": Split(combinations=range(90, 100), artists=TEST_ARTISTS),
    "names": Split(combinations=range(90, 100), held_out_names=(True,)),
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything about a picture but its pixels."""

    things: tuple[Thing, ...]
    size: tuple[int, int]  # (height, width) of the picture in pixels
    colours: tuple[tuple[int, int, int], tuple[int, int, int]]  # of the background's two ends
    upright: bool  # whether the background changes from top to bottom, or from left to right
    caption: str
    questions: tuple[Question, ...]


def combination(names: Sequence[str]) -> int:
    """The bucket, 0 to 99, of a combination of objects: their names and how many, in no order."""
    return bucket("+".join(sorted(names)))


def split_vocabulary(split: str, vocabulary: Sequence[str] | None = None) -> tuple[str, ...]:
    """The names a split draws from, out of `vocabulary` (the everyday 100 by default).

    Raises:
        ValueError: an unknown split, an unknown name, or too few names to draw a scene from.
    """
    one_of("split", split, SPLITS)
    vocabulary = everyday_vocabulary() if vocabulary is None else tuple(vocabulary)
    unknown = [name for name in vocabulary if name not in words()]
    if unknown:
        raise ValueError(
            f"no drawing is named {unknown[0]!r}: mvlm.data.full_vocabulary() lists the names"
        )
    mine = tuple(name for name in vocabulary if held_out(name) in SPLITS[split].held_out_names)
    if len(mine) < GRID * GRID:
        raise ValueError(
            f"split {split!r} has {len(mine)} of the {len(vocabulary)} names given, and a scene "
            f"needs {GRID * GRID} to choose from: give a wider vocabulary"
        )
    return mine


def choose_names(dice: Dice, vocabulary: Sequence[str]) -> list[str]:
    """One to nine names, some of them several times, so that there is something to count."""
    left, names = dice.between(1, GRID * GRID), []
    for name in dice.sample(vocabulary, left):
        count = min(left, dice.pick((1, 1, 1, 1, 1, 2, 2, 3, 4)))
        names += [name] * count
        left -= count
        if not left:
            break
    return names


def lay_out(
    dice: Dice,
    names: Sequence[str],
    artists: Sequence[str],
    *,
    picture_size: tuple[int, int],
    thing_sizes: Sequence[int],
) -> tuple[Thing, ...]:
    """Put each thing in a cell of its own, jittered in size and place; in reading order."""
    cell_height, cell_width = picture_size[0] // GRID, picture_size[1] // GRID
    things = []
    cells = dice.sample(range(GRID * GRID), len(names))
    for cell, name in sorted(zip(cells, names, strict=True)):
        row, column = divmod(cell, GRID)
        artist = dice.pick([artist for artist in artists if drew(artist, name)])
        size = dice.pick(thing_sizes)
        height, width = sprite(name, artist, size)[1].shape[:2]
        x = column * cell_width + dice.between(0, cell_width - width)
        y = row * cell_height + dice.between(0, cell_height - height)
        box = (x, y, x + width, y + height)
        things.append(Thing(name, artist, size, box, row, column))
    return tuple(things)


def draw(scene: Scene) -> UInt8[np.ndarray, "height width 3"]:
    """The picture, in whole-number arithmetic, so that every machine gives the same bytes."""
    height, width = scene.size
    steps = height if scene.upright else width
    ramp = np.arange(steps)[:, None]  # (steps, 1)
    start, end = np.array(scene.colours)  # (3,), (3,)
    shades = (start * (steps - 1 - ramp) + end * ramp) // (steps - 1)  # (steps, 3)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = (
        shades[:, None] if scene.upright else shades[None]
    )  # (steps, 1, 3) or (1, steps, 3)
    for thing in scene.things:
        lay(picture, sprite(thing.name, thing.artist, thing.size), *thing.box[:2])
    return picture


def choose_background(dice: Dice) -> dict:
    colours = tuple(tuple(dice.between(110, 255) for _ in range(3)) for _ in range(2))
    return {"colours": colours, "upright": dice.chance(0.5)}


class Scenes(torch.utils.data.Dataset):
    """Scenes drawn when they are asked for, as tensors: what training reads.

    `Scenes("train", 200_000)[17]` is the same in every process, whatever was drawn before, so a
    `DataLoader` may have any number of workers, and nothing is held in memory.

    Args:
        split: one of `SPLITS` (the table above).
        count: how many scenes.
        seed: another seed, other scenes of the same split.
        vocabulary: the names to draw from; the everyday 100 by default.
        canvas: `COURSE`, or `HIGH_RESOLUTION` for large pictures of small things.
        artists: whose drawings; the split's own by default. Each draws what it has a drawing of.

    Raises:
        ValueError: an unknown split or name, with those that exist; or a name none of them drew.
    """

    def __init__(
        self,
        split: str = "train",
        count: int = 10_000,
        seed: int = 0,
        vocabulary: Sequence[str] | None = None,
        canvas: Canvas = COURSE,
        artists: Sequence[str] | None = None,
    ) -> None:
        self.names = split_vocabulary(split, vocabulary)
        self.split, self.count, self.seed, self.canvas = split, count, seed, canvas
        self.artists = SPLITS[split].artists if artists is None else tuple(artists)
        for name in self.names:
            if not any(drew(artist, name) for artist in self.artists):
                raise ValueError(f"none of {self.artists} drew {name!r}: give another artist too")

    def __len__(self) -> int:
        return self.count

    def scene(self, index: int) -> Scene:
        """What is in picture `index`, its caption and its questions; no pixels yet."""
        if not 0 <= index < self.count:
            raise IndexError(f"scene {index} of {self.count}: count from 0 to {self.count - 1}")
        rules = SPLITS[self.split]
        dice = Dice(f"{self.canvas.name} {self.seed} {self.split} {index}")
        names = choose_names(dice, self.names)
        while combination(names) not in rules.combinations:
            names = choose_names(dice, self.names)
        picture_size = dice.pick(self.canvas.picture_sizes)
        things = lay_out(
            dice,
            names,
            self.artists,
            picture_size=picture_size,
            thing_sizes=self.canvas.thing_sizes,
        )
        return Scene(
            things=things,
            size=picture_size,
            **choose_background(dice),
            caption=caption(dice, things),
            questions=questions(dice, things, self.names, kept_phrasings=rules.kept_phrasings),
        )

    def __getitem__(self, index: int) -> tuple[UInt8[Tensor, "3 height width"], Scene]:
        scene = self.scene(index)
        pixels = torch.from_numpy(draw(scene))  # (height, width, 3)
        return pixels.permute(2, 0, 1).contiguous(), scene  # (3, height, width)

    def batch(
        self, indices: Sequence[int]
    ) -> tuple[UInt8[Tensor, "batch 3 height width"], list[Scene]]:
        """Pictures of one size, and their scenes, in the order of the indices."""
        scenes = [self.scene(index) for index in indices]
        pixels = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
        return pixels.permute(0, 3, 1, 2).contiguous(), scenes  # (batch, 3, height, width)

    def rows(self, indices: Sequence[int]) -> Iterator[dict]:
        """The same scenes as the rows that `scenes()` returns."""
        for index in indices:
            scene = self.scene(index)
            yield scene_row(scene, draw(scene))


def scene_row(scene: Scene, picture: np.ndarray) -> dict:
    return {
        "image": png(picture),
        "objects": [
            {"name": thing.name, "artist": thing.artist, "box": list(thing.box)}
            for thing in scene.things
        ],
        "caption": scene.caption,
        "questions": [question._asdict() for question in scene.questions],
    }


def scene_features() -> Features:
    text = Value("string")
    return Features(
        {
            "image": Image(),
            "objects": [{"name": text, "artist": text, "box": ListOf(Value("int32"), length=4)}],
            "caption": text,
            "questions": [{"kind": text, "question": text, "answer": text}],
        }
    )


def scenes(
    split: str = "train",
    count: int = 10_000,
    seed: int = 0,
    vocabulary: Sequence[str] | None = None,
) -> Dataset:
    """Scenes as a `datasets.Dataset`, in memory (about 12 kB a scene).

    Args: as for `Scenes`.

    Returns:
        Rows of `image` (120×120 RGB), `objects` (`name`, `artist`, `box` as x0, y0, x1, y1 in
        pixels, the far sides not included), `caption`, `questions` (`kind`, `question`, `answer`).

    Raises:
        ValueError: an unknown split or name.
    """
    source = Scenes(split, count, seed, vocabulary)
    return dataset_from_rows(source.rows(range(count)), scene_features())


def high_resolution(
    split: str = "train",
    count: int = 1_000,
    seed: int = 0,
    vocabulary: Sequence[str] | None = None,
) -> Dataset:
    """Large pictures of small things, with rows as `scenes` has them.

    360×360, 480×240 and 200×600 pixels (width × height), things of 16 to 24 pixels, one to nine of
    them. Shrunk to 120×120 a thing is 3 to 8 pixels wide and cannot be named; a crop can see it.
    """
    source = Scenes(split, count, seed, vocabulary, HIGH_RESOLUTION)
    return dataset_from_rows(source.rows(range(count)), scene_features())


def stream_scenes(
    split: str = "train",
    count: int = 200_000,
    seed: int = 0,
    vocabulary: Sequence[str] | None = None,
) -> IterableDataset:
    """The same rows, drawn as they are read and never held; shards for up to 64 workers."""
    source = Scenes(split, count, seed, vocabulary)
    bounds = [count * i // 64 for i in range(65)]
    shards = [range(a, b) for a, b in pairwise(bounds) if a < b]
    return IterableDataset.from_generator(
        _shard_rows, scene_features(), gen_kwargs={"source": source, "shards": shards}
    )


def _shard_rows(source: Scenes, shards: Sequence[range]) -> Iterator[dict]:
    for indices in shards:
        yield from source.rows(indices)
