"""PixMo in small: the four kinds of data that Molmo learns from (Deitke et al. 2024, section 2).

| kind        | the question                              | the answer                             |
|-------------|-------------------------------------------|----------------------------------------|
| `captions`  | describe this picture                     | all that is there, where, in sentences |
| `ask`       | anything, in many words                   | a sentence                             |
| `points`    | point to the dogs / how many dogs?        | `<points x1= …>`, or counting by them  |
| `synthetic` | of a chart, a function plot or a web page | a number, a name, or `click [n]`       |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from datasets import Dataset, Features, Image, Value

from mvlm.data.captions import description
from mvlm.data.charts import Chart, make_chart
from mvlm.data.dice import Dice
from mvlm.data.emojis import bucket
from mvlm.data.pages import Page, make_page
from mvlm.data.plots import Plot, make_plot
from mvlm.data.questions import Question, absent
from mvlm.data.rows import dataset_from_rows, one_of, png
from mvlm.data.scene import CANVASES, SPLITS, Scene, Scenes, draw, split_vocabulary
from mvlm.data.things import a, counts, plural
from mvlm.points import format_count, format_points, points_from_pixels

Synthetic = Chart | Plot | Page

DESCRIBE = (
    "describe this picture.",
    "describe the picture in detail.",
    "what is in this picture?",
    "tell me about this picture.",
    "write a long caption.",
    "what do you see here?",
    "say all that you see.",
    "explain this picture to someone who cannot see it.",
    "give a full description.",
    "what does the picture show?",
    "list what is here, and where.",
    "tell me everything about this image.",
)
DESCRIBE_KEPT = (
    "please put this picture into words.",
    "what have we got here?",
    "i cannot see it. what is there?",
    "caption this, at length.",
)
POINT = (
    "point to the {names}.",
    "point at the {names}.",
    "show me the {names}.",
    "where are the {names}?",
    "mark the {names}.",
    "find the {names}.",
    "point out every {name}.",
    "point to each {name}.",
    "put a point on every {name}.",
    "find each {name} in the picture.",
    "mark all {names}.",
    "locate the {names}.",
)
POINT_KEPT = (
    "could you point to the {names}?",
    "please mark each {name}.",
    "put your finger on the {names}.",
    "show where each {name} is.",
)
COUNT = (
    "how many {names} are there? point to them.",
    "count the {names} by pointing.",
    "count the {names}, with points.",
    "point to the {names} and count them.",
    "how many {names} do you see? show them.",
    "show me how many {names} there are.",
    "mark and count the {names}.",
    "find and count the {names}.",
    "count each {name} with a point.",
    "point and count: {names}.",
    "how many {names}? mark them.",
    "give points and the number of {names}.",
)
COUNT_KEPT = (
    "could you count the {names} and show me?",
    "please count every {name} with a point.",
    "what is the number of {names}? point, please.",
    "count with your finger: {names}.",
)

ANSWERS = {
    "what": ("it is {a_answer}.", "{a_answer}.", "i see {a_answer} there."),
    "where": ("it is in the {answer}.", "in the {answer}.", "you find it in the {answer}."),
    "how many": ("there are {answer}.", "i count {answer}.", "the number is {answer}."),
    "yes": ("yes.", "yes, that is so.", "yes, it is true."),
    "no": ("no.", "no, that is not so.", "no, it is not true."),
}


def pixmo_features() -> Features:
    text = Value("string")
    return Features(
        {"image": Image(), "question": text, "answer": text, "kind": text, "facts": text}
    )


def pixmo(
    kind: str, split: str = "train", count: int = 1_000, seed: int = 0, picture: str = "scenes"
) -> Dataset:
    """One of the four kinds of PixMo data, from the course's world.

    Args:
        kind: "captions", "ask", "points" or "synthetic".
        split: one of `SPLITS`; for synthetic pictures the splits differ in what is drawn.
        picture: "scenes" (120×120) or "high_resolution"; synthetic pictures have their own sizes.

    Returns:
        Rows of `image`, `question`, `answer`, `kind` (finer than the argument: "point", "count",
        "bar chart", …) and `facts`, JSON of what the answer was computed from.

    Raises:
        ValueError: an unknown kind, split or picture, with those that exist.
    """
    one_of("kind", kind, PIXMO_KINDS)
    one_of("split", split, SPLITS)
    one_of("picture", picture, CANVASES)
    return dataset_from_rows(PIXMO_KINDS[kind](split, count, seed, picture), pixmo_features())


def _row(kind: str, image: np.ndarray, question: str, answer: str, facts: dict) -> dict:
    return {
        "image": png(image),
        "question": question,
        "answer": answer,
        "kind": kind,
        "facts": json.dumps(facts),
    }


def _scenes(
    kind: str, split: str, count: int, seed: int, picture: str
) -> Iterator[tuple[Dice, Scene, dict, Sequence[str]]]:
    """Scenes for one kind, each with dice for its texts, and its objects as facts."""
    source = Scenes(split, count, seed, canvas=CANVASES[picture])
    for index in range(count):
        scene = source.scene(index)
        height, width = scene.size
        objects = [{"name": thing.name, "box": list(thing.box)} for thing in scene.things]
        facts = {"width": width, "height": height, "objects": objects}
        yield Dice(f"{kind} {picture} {seed} {split} {index}"), scene, facts, source.names


def _phrase(dice: Dice, split: str, usual: Sequence[str], kept: Sequence[str]) -> str:
    return dice.pick(kept if SPLITS[split].kept_phrasings and dice.chance(0.5) else usual)


def _captions(split: str, count: int, seed: int, picture: str) -> Iterator[dict]:
    for dice, scene, facts, _ in _scenes("captions", split, count, seed, picture):
        question = _phrase(dice, split, DESCRIBE, DESCRIBE_KEPT)
        answer = description(dice, scene.things)
        yield _row("caption", draw(scene), question, answer, facts)


def in_a_sentence(dice: Dice, question: Question) -> str:
    """The short answer as one would say it."""
    answer = question.answer
    if answer in ("nothing", "1"):
        return {"nothing": "nothing is there.", "1": "there is 1."}[answer]
    template = dice.pick(ANSWERS[answer if answer in ANSWERS else question.kind])
    return template.format(answer=answer, a_answer=a(answer))


def _ask(split: str, count: int, seed: int, picture: str) -> Iterator[dict]:
    for dice, scene, facts, _ in _scenes("ask", split, count, seed, picture):
        asked = dice.pick(scene.questions)
        facts["answer"] = asked.answer
        yield _row(asked.kind, draw(scene), asked.question, in_a_sentence(dice, asked), facts)


def _points(split: str, count: int, seed: int, picture: str) -> Iterator[dict]:
    for dice, scene, facts, names in _scenes("points", split, count, seed, picture):
        present = counts(scene.things)
        name = absent(dice, present, names) if dice.chance(0.1) else dice.pick(list(present))
        centres = [
            ((x0 + x1) / 2, (y0 + y1) / 2)
            for x0, y0, x1, y1 in (thing.box for thing in scene.things if thing.name == name)
        ]
        points = points_from_pixels(centres, scene.size)
        kind = dice.pick(("point", "count"))
        usual, kept = (POINT, POINT_KEPT) if kind == "point" else (COUNT, COUNT_KEPT)
        phrase = _phrase(dice, split, usual, kept)
        question = phrase.format(name=name, names=plural(name))
        write = format_points if kind == "point" else format_count
        yield _row(kind, draw(scene), question, write(points, name), facts | {"name": name})


def make_synthetic(split: str, count: int, seed: int) -> Iterator[tuple[Dice, Synthetic]]:
    """Charts, plots and pages, each with dice for its question; nothing is drawn yet.

    What a picture shows decides its split, so that no two splits share one.
    """
    page = partial(make_page, artists=SPLITS[split].artists, vocabulary=split_vocabulary(split))
    for index in range(count):
        dice = Dice(f"synthetic {seed} {split} {index}")
        make = dice.pick((make_chart, make_plot, page))
        made = make(dice)
        while bucket(json.dumps(made.facts())) not in SPLITS[split].combinations:
            made = make(dice)
        yield dice, made


def _synthetic(split: str, count: int, seed: int, picture: str) -> Iterator[dict]:
    for dice, made in make_synthetic(split, count, seed):
        yield _row(made.kind, made.draw(), *made.ask(dice), made.facts())


PIXMO_KINDS = {
    "captions": _captions,
    "ask": _ask,
    "points": _points,
    "synthetic": _synthetic,
}
