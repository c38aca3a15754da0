"""How well does the reader answer about plots, charts and pages, and act in a shop?

Beside each figure stands what can be had without looking: `blind` knows the question alone (naive
Bayes, from questions of the training split), `majority` is the most frequent answer of the very
questions that are scored.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from mvlm.data.baselines import BlindAnswerer, learn_blind, majority
from mvlm.data.charts import Chart
from mvlm.data.pages import GROUPS, Page, make_pages
from mvlm.data.plots import Plot
from mvlm.data.questions import Question
from mvlm.data.shop import Shop, done, make_shops, run_episode
from mvlm.data.small_pixmo import make_synthetic
from mvlm.evaluation.agents import with_reader
from mvlm.evaluation.scoring import share
from mvlm.small.reader import Reader, Said
from mvlm.tasks import exact_match

Made = Plot | Chart | Page
Asked = tuple[Made, Question]

KINDS = {
    "function plot": {
        "slope": "derivative",
        "zeros": "zeros",
        "value": "value of y",
    },
    "chart": {
        "most": "has the most",
        "fewest": "has the fewest",
        "difference": "difference between",
        "sum": "the sum of",
        "higher": "higher than",
        "count": "are shown",
        "title": "title",
        "value": "how many .* does|value of",
    },
    "page": {
        "cheapest": "cheapest|lowest",
        "dearest": "dearest|highest",
        "buy": "^buy|^add|^i want",
        "link": "",
    },
    "page without names": {
        "picture": "picture",
        "group": rf"\b({'|'.join(GROUPS)})\b",
        "name": "",
    },
}
"""Kinds of questions, the first whose pattern is found in the words of the question."""


def kind_of(made: Made) -> str:
    """Which table a picture belongs to."""
    if isinstance(made, Page):
        return "page" if made.named else "page without names"
    return "chart" if isinstance(made, Chart) else "function plot"


@torch.inference_mode()
def evaluate_reader(reader: Reader, *, seed: int = 1000, count: int = 300) -> dict:
    """Exact answers about pictures never seen, and what lies in the basket in the end.

    Args:
        reader: the model.
        seed: of the pictures.
        count: questions of each kind of picture; a quarter as many runs through a shop.

    Returns:
        For each kind of picture `right`, `blind` and `majority`, and the same by kind of question;
        pages by an artist never seen and with names never seen; runs through a shop.
    """
    reader.eval()
    results: dict = {"model": "reader", "seed": seed, "count": count}
    test = synthetic("test", count, seed) | {
        "page without names": pages("test", count, seed, named=False)
    }
    learnt = synthetic("train", 5 * count, seed + 1) | {
        "page without names": pages("train", 5 * count, seed + 1, named=False)
    }
    blind = {kind: learn_blind([q for _, q in asked]) for kind, asked in learnt.items()}
    for kind, asked in test.items():
        results[kind] = scores(reader, asked, blind[kind], KINDS[kind])
    for title, split, kind in (
        ("page without names, unseen artist", "artist", "page without names"),
        ("page, names never seen", "names", "page"),
    ):
        asked = pages(split, count, seed, named=kind == "page")
        results[title] = scores(reader, asked, blind[kind], KINDS[kind])
    results["shop"] = {
        title: shop_scores(reader, list(make_shops("test", max(1, count // 4), seed, named=named)))
        for title, named in (("with names", True), ("without names", False))
    }
    return results


def synthetic(split: str, count: int, seed: int) -> dict[str, list[Asked]]:
    """The first `count` plots, charts and pages of `pixmo("synthetic", split, seed=seed)`."""
    found: dict[str, list[Asked]] = {"function plot": [], "chart": [], "page": []}
    for dice, made in make_synthetic(split, 100 * count, seed):
        mine = found[kind_of(made)]
        if len(mine) < count:
            mine.append((made, Question(made.kind, *made.ask(dice))))
        if all(len(some) == count for some in found.values()):
            break
    return found


def pages(split: str, count: int, seed: int, *, named: bool) -> list[Asked]:
    """Pages, each with a task; those with names have a task that says one of them."""
    found: list[Asked] = []
    for dice, page in make_pages(split, 100 * count, seed, named=named):
        asked = Question(page.kind, *page.ask(dice))
        names = [element.label for element in page.elements if element.role == "buy"]
        if not named or any(name in asked.question for name in names):
            found.append((page, asked))
        if len(found) == count:
            break
    return found


def answers(reader: Reader, asked: Sequence[Asked], batch_size: int = 32) -> list[Said]:
    """What the reader says, pictures of one size together."""
    said: list[Said | None] = [None] * len(asked)
    sizes = defaultdict(list)
    for i, (made, _) in enumerate(asked):
        wide = isinstance(made, Page) and made.wanted is not None
        sizes[type(made), wide].append(i)
    for places in sizes.values():
        for start in range(0, len(places), batch_size):
            part = places[start : start + batch_size]
            drawn = torch.from_numpy(np.stack([asked[i][0].draw() for i in part]))
            items, new = reader.items(drawn.movedim(-1, 1).float() / 255)
            replies = reader.replies(items, [asked[i][1].question for i in part], new)
            for i, reply in zip(part, replies, strict=True):
                said[i] = reply
    return said


def scores(
    reader: Reader, asked: Sequence[Asked], blind: BlindAnswerer, kinds: dict[str, str]
) -> dict:
    """Exact match of all, and by kind of question."""
    said = answers(reader, asked)
    questions = [question for _, question in asked]
    right = [exact_match(s.text, q.answer) for s, q in zip(said, questions, strict=True)]
    blindly = [blind.answer(q.question) == q.answer for q in questions]
    found = [question_kind(q.question, kinds) for q in questions]
    table = {
        "questions": len(asked),
        "right": share(right),
        "blind": share(blindly),
        "majority": round(majority(questions), 4),
        "confidence where right": mean([said[i].confidence for i, ok in enumerate(right) if ok]),
        "confidence where wrong": mean(
            [said[i].confidence for i, ok in enumerate(right) if not ok]
        ),
        "kinds": {},
    }
    for kind in kinds:
        here = [i for i, name in enumerate(found) if name == kind]
        if here:
            table["kinds"][kind] = {
                "questions": len(here),
                "right": share(right[i] for i in here),
                "blind": share(blindly[i] for i in here),
                "majority": round(majority(questions[i] for i in here), 4),
            }
    return table


def question_kind(question: str, kinds: dict[str, str]) -> str:
    """The first kind whose pattern is found in the question."""
    return next(kind for kind, pattern in kinds.items() if re.search(pattern, question))


def mean(values: Sequence[float]) -> float | None:
    """Rounded; None of nothing."""
    return round(sum(values) / len(values), 4) if values else None


def shop_scores(reader: Reader, shops: Sequence[Shop]) -> dict:
    """Share of runs that end with what was asked for in the basket, and nothing else.

    Beside it: how often the first thing that it sees would have been right.
    """
    ends = [run_episode(shop, with_reader(reader)) for shop in shops]
    right = [done(shop, told[-1][0]) for shop, told in zip(shops, ends, strict=True)]
    rate = sum(right) / len(right)
    return {
        "runs": len(shops),
        "success": round(rate, 4),
        "standard error": round((rate * (1 - rate) / len(right)) ** 0.5, 4),
        "stopped": share(told[-1][0].stopped for told in ends),
        "actions a run": mean([float(len(told) - 1) for told in ends]),
        "first thing bought": share(shop.shelves[0][0].label == shop.goal for shop in shops),
    }
