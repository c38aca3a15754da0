"""Little web pages with numbered elements and a task answered by `click [n]`.

In the manner of VisualWebArena (Koh et al. 2024): everything that can be clicked carries its
number, and the agent answers with the number alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mvlm.data.canvas import (
    COLOURS,
    LARGE,
    PAPER,
    RULE,
    Box,
    Colour,
    blank,
    fill,
    frame,
    lay,
    text_width,
    write,
)
from mvlm.data.dice import Dice
from mvlm.data.emojis import sprite

WIDTH, HEIGHT = 320, 240
INDENT = 31  # pixels from the left of a number to the words beside it
SHOPS = ("corner shop", "open market", "the attic", "toy box", "green grocer", "lost and found")
LINKS = ("home", "offers", "help", "sign in", "basket", "about")
LINK_TASKS = {
    "home": "go to the home page.",
    "offers": "show me the offers.",
    "help": "i need help with this shop.",
    "sign in": "sign in to my account.",
    "basket": "show what is in my basket.",
    "about": "find out who runs this shop.",
}
BUY_TASKS = ("buy the {name}.", "add the {name} to the basket.", "i want the {name}. buy it.")
PRICE_TASKS = ("buy the cheapest thing.", "buy the thing with the lowest price.")
DEAR_TASKS = ("buy the dearest thing.", "buy the thing with the highest price.")


class Element(NamedTuple):
    """Something that can be clicked: its number, what it is, and where."""

    number: int
    role: str  # "link" or "buy"
    label: str  # the link's words, or the thing for sale
    price: int  # of what is for sale, in whole coins; 0 for a link
    artist: str  # of what is for sale; "" for a link
    box: Box


@dataclass(frozen=True, kw_only=True)
class Page:
    """A shop with four links and four things for sale."""

    shop: str
    colours: tuple[Colour, Colour]  # of the head, and of the numbers
    elements: tuple[Element, ...]
    kind: str = "web page"

    def facts(self) -> dict:
        return {"shop": self.shop, "elements": [element._asdict() for element in self.elements]}

    def draw(self) -> np.ndarray:
        return draw_page(self)

    def ask(self, dice: Dice) -> tuple[str, str]:
        return ask_page(dice, self.elements)


def make_page(dice: Dice, artists: Sequence[str], vocabulary: Sequence[str]) -> Page:
    numbers = dice.sample(range(1, 100), 8)
    elements = []
    for i, label in enumerate(dice.sample(LINKS, 4)):
        x, y = 6 + 78 * i, 34
        box = (x, y, x + INDENT + text_width(label), y + 14)
        elements.append(Element(numbers[i], "link", label, 0, "", box))
    prices = dice.sample(range(1, 50), 4)
    for i, name in enumerate(dice.sample(vocabulary, 4)):
        x, y = 14 + 156 * (i % 2), 120 + 90 * (i // 2)
        box = (x, y, x + INDENT + text_width("buy"), y + 14)
        elements.append(Element(numbers[4 + i], "buy", name, prices[i], dice.pick(artists), box))
    head, tag = dice.sample(COLOURS[:4], 2)
    return Page(shop=dice.pick(SHOPS), colours=(head, tag), elements=tuple(elements))


def draw_page(page: Page) -> np.ndarray:
    """A (240, 320, 3) picture."""
    picture = blank(WIDTH, HEIGHT)
    head, tag = page.colours
    fill(picture, (0, 0, WIDTH, 28), head)
    write(picture, 8, 5, page.shop, size=LARGE, colour=PAPER)
    for element in page.elements:
        x, y, _, y1 = element.box
        number = f"[{element.number}]"
        fill(picture, (x, y, x + text_width(number) + 4, y1), tag)
        write(picture, x + 2, y, number, colour=PAPER)
        if element.role == "link":
            write(picture, x + INDENT, y, element.label)
            continue
        write(picture, x + INDENT, y, "buy")
        frame(picture, (x - 8, y - 62, x + 142, y + 22), RULE)
        lay(picture, sprite(element.label, element.artist, 40), x, y - 54)
        write(picture, x + 48, y - 54, element.label)
        write(picture, x + 48, y - 38, f"{element.price} coins")
    return picture


def ask_page(dice: Dice, elements: Sequence[Element]) -> tuple[str, str]:
    """A task and the one click that does it."""
    for_sale = [element for element in elements if element.role == "buy"]
    links = [element for element in elements if element.role == "link"]
    ask = dice.below(4)
    if ask == 0:
        target = dice.pick(links)
        task = LINK_TASKS[target.label]
    elif ask == 1:
        target = min(for_sale, key=lambda element: element.price)
        task = dice.pick(PRICE_TASKS)
    elif ask == 2:
        target = max(for_sale, key=lambda element: element.price)
        task = dice.pick(DEAR_TASKS)
    else:
        target = dice.pick(for_sale)
        task = dice.pick(BUY_TASKS).format(name=target.label)
    return task, f"click [{target.number}]"
