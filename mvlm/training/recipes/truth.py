"""What a plot, a chart or a page truly holds, item by item, as the reader should tell it.

The drawing code puts down each thing that it draws (`mvlm.data.canvas.noting`); here this becomes
classes: what stands in a cell by itself (`own`), and what follows from the rest (`related`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mvlm.data.canvas import Mark, letters, noting
from mvlm.data.charts import LABELS, THINGS, VERBS, Chart
from mvlm.data.pages import GROUPS, LINKS, Page
from mvlm.data.plots import REACH, Plot
from mvlm.data.scene import split_vocabulary
from mvlm.data.shop import NEXT
from mvlm.data.things import plural
from mvlm.small.reader import CELL, GLYPH, GLYPHS, KINDS, SLOTS, ReaderConfig

Made = Plot | Chart | Page


def picture_words() -> tuple[str, ...]:
    """Every word that pictures of the training split hold, a class each."""
    labels = [word for known in LABELS.values() for word in known]
    charts = ["by", *VERBS, *map(plural, THINGS), *LABELS, *labels]
    return tuple(dict.fromkeys([*charts, *LINKS, NEXT, *split_vocabulary("train")]))


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item: its cell, what it says by itself, and with what belongs to it."""

    row: int
    column: int
    own: dict[str, int]
    related: dict[str, int]
    slope: float = 0.0
    word: str = ""  # that it says once related, as it is written


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A picture and all that it holds.

    Attributes:
        picture: (height, width, 3) bytes.
        glyphs: (line, square, slot, letter) of every letter, as `Read` tells them.
        items: in the order they were drawn.
    """

    picture: np.ndarray
    glyphs: list[tuple[int, int, int, int]]
    items: list[Item]


def told(made: Made, config: ReaderConfig) -> list[Item]:
    """What it holds, without drawing it."""
    with noting(pixels=False) as marks:
        made.draw()
    return items(made, marks, config)


def truth(made: Made, config: ReaderConfig) -> Truth:
    """Draw it, and say what it holds."""
    with noting() as marks:
        picture = made.draw()
    glyphs = [
        (
            int(y // GLYPH),
            int(x // GLYPH),
            int(x % GLYPH * SLOTS // GLYPH),
            1 + GLYPHS.index(letter),
        )
        for mark in marks
        if mark.size
        for letter, x, y in letters(mark)
    ]
    return Truth(picture=picture, glyphs=glyphs, items=items(made, marks, config))


def items(made: Made, marks: Sequence[Mark], config: ReaderConfig) -> list[Item]:
    """The items of a picture from what was put down while it was drawn."""
    parts = [part for mark in marks if mark.role for part in in_words(mark)]
    joined = related_facts(made, config)
    found = []
    for mark in parts:
        x, y = mark.centre
        kind = {"kind": KINDS.index(mark.role)}
        point = isinstance(made, Plot)
        own = kind | (point_facts(made, mark.of) if point else own_facts(mark, config))
        found.append(
            Item(
                row=int(y // CELL),
                column=int(x // CELL),
                own=own,
                related=joined.get(mark.of, {}) | own if mark.of >= 0 or point else own,
                slope=squeezed(float(made.slope(mark.of))) if point else 0.0,
                word=mark.text if "word" in own else said_with(made, mark.of),
            )
        )
    return found


def said_with(made: Made, of: int) -> str:
    """The word that belongs to bar or element number `of`, "" for none."""
    if of < 0 or isinstance(made, Plot):
        return ""
    return made.labels[of] if isinstance(made, Chart) else made.elements[of].label


def in_words(mark: Mark) -> list[Mark]:
    """A title as its words, anything else as it is."""
    if mark.role != "title":
        return [mark]
    placed, words, start = letters(mark), [], 0
    for word in mark.text.split(" "):
        first, last = placed[start][1], placed[start + len(word) - 1][1]
        box = (int(first), mark.box[1], int(last), mark.box[3])
        words.append(mark._replace(text=word, box=box))
        start += len(word) + 1
    return words


def own_facts(mark: Mark, config: ReaderConfig) -> dict[str, int]:
    """What is written or drawn there, and nothing that follows from it."""
    if mark.role in ("value", "tag", "basket"):
        return number_facts(int(mark.text.strip("[]")))
    if mark.role == "price":
        return price_facts(int(mark.text.split()[0]))
    return {"word": word_class(mark.text, config)}


def word_class(word: str, config: ReaderConfig) -> int:
    """A word's own class, or `other`."""
    return 1 + config.words.index(word) if word in config.words else config.other


def number_facts(number: int) -> dict[str, int]:
    """The three digits, without zeros in front."""
    return dict(zip(("hundreds", "tens", "units"), digits(number, 3), strict=True))


def price_facts(price: int) -> dict[str, int]:
    """The two digits of a price."""
    return dict(zip(("price tens", "price units"), digits(price, 2), strict=True))


def digits(number: int, count: int) -> list[int]:
    """Classes of its digits, the first first: 0 is none, 1 is the digit 0."""
    return [0 if digit == " " else 1 + int(digit) for digit in f"{number:>{count}}"]


def point_facts(plot: Plot, x: int) -> dict[str, int]:
    """Where a point of the curve lies; the y only where it is whole."""
    y = plot.value(x)
    return {
        "x": 1 + x + REACH,
        "y": 1 + int(y) + REACH if y.denominator == 1 else 0,
    }


def squeezed(slope: float) -> float:
    """Slopes from −100 to 100 on a scale where those that are asked about are far apart."""
    return math.copysign(math.log1p(abs(slope)), slope)


def related_facts(made: Made, config: ReaderConfig) -> dict[int, dict[str, int]]:
    """What belongs together, by the number of the bar or element."""
    if isinstance(made, Plot):
        return {}
    if isinstance(made, Chart):
        order = sorted(made.values, reverse=True)
        return {
            i: {"word": word_class(label, config)}
            | number_facts(value)
            | rank_facts(order.index(value), len(order))
            for i, (label, value) in enumerate(zip(made.labels, made.values, strict=True))
        }
    prices = sorted((e.price for e in made.elements if e.role == "buy"), reverse=True)
    facts = {}
    for i, element in enumerate(made.elements):
        facts[i] = {"word": word_class(element.label, config)} | number_facts(element.number)
        if element.role == "buy":
            facts[i] |= price_facts(element.price)
            facts[i] |= rank_facts(prices.index(element.price), len(prices))
            facts[i]["group"] = group_class(element.label, config)
            facts[i]["wanted"] = int(made.wanted is not None and made.wanted[0] == element.label)
    return facts


def rank_facts(place: int, count: int) -> dict[str, int]:
    """How many are larger, and whether none is smaller."""
    return {"rank": 1 + place, "smallest": int(place == count - 1)}


def group_class(name: str, config: ReaderConfig) -> int:
    """The group that the thing belongs to, 0 for none; of what has no class nobody knows it."""
    if name not in config.words:
        return 0
    return next((1 + i for i, group in enumerate(config.groups) if name in GROUPS[group]), 0)


def letters_of(text: str) -> str:
    """A text as the letters that the reader knows."""
    return re.sub(f"[^{re.escape(GLYPHS)}]", "", text.lower())
