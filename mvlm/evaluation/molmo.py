"""How well does the course's Molmo point and count? With crops, with one view, and blind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mvlm import weights
from mvlm.data.dice import Dice
from mvlm.data.questions import KEPT_FOR_TESTING, PHRASINGS
from mvlm.data.scene import HIGH_RESOLUTION, Scene, Scenes
from mvlm.data.small_pixmo import COUNT, COUNT_KEPT, POINT, POINT_KEPT
from mvlm.data.things import counts, plural
from mvlm.molmo import CropConfig
from mvlm.points import Point, parse_count, parse_points, points_from_pixels
from mvlm.small.windows import COURSE_CROPS, Seen, WindowedMolmo, see
from mvlm.tasks import Box, exact_match, point_in_box, score_points
from mvlm.training.recipes.molmo import Flocks, answer, cut, half

GROUPS = {"1 to 5": range(1, 6), "6 to 9": range(6, 10)}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question about the things of one name in a scene.

    Attributes:
        question: as the model gets it.
        kept: whether it is asked in words that training never used.
        boxes: where the things are, in hundredths of the picture.
    """

    question: str
    kept: bool
    boxes: tuple[Box, ...]


def ask(dice: Dice, scene: Scene, name: str, usual: Sequence[str], kept: Sequence[str]) -> Asked:
    """Ask about things of this name, every other time in words that training never used."""
    kept_words = dice.chance(0.5)
    question = dice.pick(kept if kept_words else usual).format(name=name, names=plural(name))
    boxes = tuple(box(scene, thing.box) for thing in scene.things if thing.name == name)
    return Asked(question=question, kept=kept_words, boxes=boxes)


def box(scene: Scene, pixels: tuple[int, int, int, int]) -> Box:
    """A box of pixels in hundredths of the picture's sides."""
    x0, y0, x1, y1 = pixels
    first, last = points_from_pixels([(x0, y0), (x1, y1)], scene.size)
    return (*first, *last)


@torch.inference_mode()
def evaluate_molmo(molmo: WindowedMolmo, *, seed: int = 1000, count: int = 300) -> dict:
    """Pointing and counting in large pictures of small things, never seen.

    Args:
        molmo: the model.
        seed: of the pictures.
        count: pictures of each split, and pictures to count in.

    Returns:
        By split: what share of the points lies inside an object that was asked for (each object
        takes one point), what share of objects was missed and how many points an object were
        extra; with crops, with the downscaled view alone, and blind. Then counting, by pointing
        and in one word, by how many there are.
    """
    molmo.eval()
    results: dict = {"model": "molmo", "seed": seed, "count": count}
    for title, split in (("test", "test"), ("unseen artist", "artist")):
        results[title] = pointing(molmo, split, seed, count)
    views = (results["test"][view]["inside"] for view in ("with crops", "one view"))
    with_crops, one_view = (inside or 0.0 for inside in views)
    results["gap"] = round(with_crops - one_view, 4)
    results["counting"] = counting(molmo, seed, count)
    return results


def pointing(molmo: WindowedMolmo, split: str, seed: int, count: int) -> dict:
    """Point to one kind of thing in each high-resolution scene of a split."""
    source = Scenes(split, count, seed, canvas=HIGH_RESOLUTION)
    asked: list[Asked] = []
    sizes: list[int] = []  # how many things there are in each picture
    said: dict[str, list[str]] = {"with crops": [], "one view": []}
    for part in parts(count):
        scenes = [source.scene(i) for i in part]
        sizes += [len(scene.things) for scene in scenes]
        dice = [Dice(f"pointing {seed} {split} {i}") for i in part]
        asked_now = [
            ask(d, scene, d.pick(list(counts(scene.things))), POINT, POINT_KEPT)
            for d, scene in zip(dice, scenes, strict=True)
        ]
        seen = look(molmo, scenes)
        questions = [one.question for one in asked_now]
        for view, pictures in (
            ("with crops", seen),
            ("one view", [one.one_view() for one in seen]),
        ):
            said[view] += answer(molmo, weights.tokenizer(), pictures, questions)
        asked += asked_now
    best = blind_point(seed)
    pointed = {view: [parse_points(text) for text in texts] for view, texts in said.items()}
    return {
        "pictures": len(asked),
        "objects": sum(len(one.boxes) for one in asked),
        **{view: point_scores(asked, points) for view, points in pointed.items()},
        "blind": point_scores(asked, [[best]] * len(asked)),
        "inside with crops, by things in the picture": {
            f"{low} to {high}": inside(asked, pointed["with crops"], sizes, range(low, high + 1))
            for low, high in ((1, 2), (3, 5), (6, 9))
        },
    }


def inside(
    asked: Sequence[Asked],
    pointed: Sequence[Sequence[Point]],
    sizes: Sequence[int],
    wanted: range,
) -> float | None:
    """Share of points inside the right thing, in pictures with so many things."""
    some = [i for i, size in enumerate(sizes) if size in wanted]
    return point_scores([asked[i] for i in some], [pointed[i] for i in some])["inside"]


def parts(count: int, size: int = 32) -> list[range]:
    """0 to `count` in ranges of at most `size`."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def look(
    molmo: WindowedMolmo, scenes: Sequence[Scene], crops: CropConfig = COURSE_CROPS
) -> list[Seen]:
    """The scenes' pictures through the tower, cut as `crops` says."""
    return [half(see(molmo.vision, cut(scene, crops), crops)) for scene in scenes]


def ask_to_point(scenes: Sequence[Scene], names: Sequence[str]) -> list[Asked]:
    """For each scene a question that asks to point to the things of a name, in training's words."""
    return [
        ask(Dice(f"ask {i}"), scene, name, POINT, POINT)
        for i, (scene, name) in enumerate(zip(scenes, names, strict=True))
    ]


def answers(
    molmo: WindowedMolmo, seen: Sequence[Seen], asked: Sequence[Asked], at_once: int = 20
) -> list[str]:
    """The likeliest answer to each question, a few pictures at a time."""
    said: list[str] = []
    for start in range(0, len(seen), at_once):
        part = slice(start, start + at_once)
        questions = [one.question for one in asked[part]]
        said += answer(molmo, weights.tokenizer(), seen[part], questions, max_new_tokens=150)
    return said


def pointed_to(
    molmo: WindowedMolmo, seen: Sequence[Seen], asked: Sequence[Asked]
) -> list[list[Point]]:
    """The points of its answers, in hundredths."""
    return [parse_points(text) for text in answers(molmo, seen, asked)]


def found(asked: Sequence[Asked], pointed: Sequence[Sequence[Point]]) -> tuple[int, int]:
    """How many objects got a point of their own, and how many there are."""
    pairs = list(zip(asked, pointed, strict=True))
    hits = sum(score_points(points, one.boxes).recall * len(one.boxes) for one, points in pairs)
    return round(hits), sum(len(one.boxes) for one in asked)


def point_scores(asked: Sequence[Asked], pointed: Sequence[Sequence[Point]]) -> dict:
    """Over all points and objects together; an object takes one point."""
    hits, objects = found(asked, pointed)
    points = sum(len(some) for some in pointed)
    kept = [i for i, one in enumerate(asked) if one.kept]
    kept_hits, _ = found([asked[i] for i in kept], [pointed[i] for i in kept])
    kept_points = sum(len(pointed[i]) for i in kept)
    return {
        "inside": ratio(hits, points),
        "inside, unseen phrasings": ratio(kept_hits, kept_points),
        "objects missed": ratio(objects - hits, objects),
        "extra points an object": ratio(points - hits, objects),
    }


def ratio(part: int, whole: int) -> float | None:
    """Rounded; None of nothing."""
    return round(part / whole, 4) if whole else None


def blind_point(seed: int, learnt: int = 2000) -> Point:
    """The place that lies inside an asked thing most often, from pictures of the training split.

    Who sees nothing can do no better than to point there every time.
    """
    source = Scenes("train", learnt, seed + 1, canvas=HIGH_RESOLUTION)
    hits: Counter[Point] = Counter()
    grid = [Point(x, y) for x in range(5, 100, 5) for y in range(5, 100, 5)]
    for i in range(learnt):
        scene = source.scene(i)
        name = Dice(f"blind {seed} {i}").pick(list(counts(scene.things)))
        boxes = [box(scene, thing.box) for thing in scene.things if thing.name == name]
        hits.update(point for point in grid if any(point_in_box(point, one) for one in boxes))
    return hits.most_common(1)[0][0]


def counting(molmo: WindowedMolmo, seed: int, count: int) -> dict:
    """Count the many of one kind in each of `Flocks`, in both ways, with crops."""
    source = Flocks("test", count, seed)
    words = PHRASINGS["how many"], KEPT_FOR_TESTING["how many"]
    ways = {"by pointing": (COUNT, COUNT_KEPT), "in one word": words}
    right: dict[str, list[bool]] = {way: [] for way in ways}
    numbers: list[int] = []
    for part in parts(count):
        flocks = [source.flock(i) for i in part]
        seen = look(molmo, [scene for _, scene in flocks])
        for way, (usual, kept) in ways.items():
            asked = [
                ask(Dice(f"counting {way} {seed} {i}"), scene, name, usual, kept)
                for i, (name, scene) in zip(part, flocks, strict=True)
            ]
            said = answer(molmo, weights.tokenizer(), seen, [one.question for one in asked])
            truths = [len(one.boxes) for one in asked]
            right[way] += [
                counted(text, way) == truth for text, truth in zip(said, truths, strict=True)
            ]
        numbers += truths
    scores: dict = {}
    for title, group in GROUPS.items():
        here = [i for i, number in enumerate(numbers) if number in group]
        commonest = max(Counter(numbers[i] for i in here).values(), default=0)
        scores[title] = {
            "pictures": len(here),
            **{way: ratio(sum(right[way][i] for i in here), len(here)) for way in ways},
            "blind": ratio(commonest, len(here)),
        }
    return scores


def counted(text: str, way: str) -> int | None:
    """The number that an answer gives."""
    if way == "by pointing":
        return parse_count(text)
    return next((n for n in range(10) if exact_match(text, str(n))), None)
