"""Little web pages with numbered elements and a task answered by `click [n]`.

In the manner of VisualWebArena (Koh et al. 2024): everything that can be clicked carries its
number, and the agent answers with the number alone.

On a page as `make_page` makes it, name and price are written beside each thing: who has a list of
its elements needs no picture. On a page **without names** (`make_bare_page`) the drawing alone says
what is for sale: "buy the fruit", "buy what is in this picture".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mvlm.data.canvas import (
    COLOURS,
    LARGE,
    PAPER,
    RULE,
    Box,
    Colour,
    Mark,
    blank,
    fill,
    frame,
    lay,
    note,
    text_width,
    write,
)
from mvlm.data.dice import Dice
from mvlm.data.emojis import bucket, drew, sprite
from mvlm.data.scene import SPLITS, split_vocabulary

WIDTH, HEIGHT = 320, 240
STRIP = 64  # pixels below a page, for the picture that comes with a task
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
PICTURE_TASKS = ("buy what is in this picture.", "buy the thing in the picture below.")

GROUPS = {
    "fruit": ("apple", "coconut", "lemon", "peach", "strawberry"),
    "animal": (
        *("ant", "bear", "camel", "cat", "cow", "crab", "dog", "dolphin", "fish", "frog", "lion"),
        *("lobster", "mouse", "owl", "panda", "pig", "spider", "swan", "tiger", "whale", "wolf"),
    ),
    "vehicle": (
        *("ambulance", "bicycle", "bus", "car", "motorcycle", "plane", "taxi", "tractor"),
        "train",
    ),
    "building": ("castle", "hospital", "hotel", "house"),
    "instrument": ("guitar", "violin"),
}
"""What one may call some of the everyday things, for tasks that name no thing."""
DISPUTED = {"fruit": ("tomato", "mushroom"), "vehicle": ("rocket",), "instrument": ("bell",)}
"""What some people would count as one too: never for sale where a task says the group's name."""


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
    """A shop with links and things for sale.

    Attributes:
        shop: its name, in the head.
        colours: of the head, and of the numbers.
        elements: what can be clicked.
        named: whether the things' names are written beside them.
        wanted: (name, artist) of the picture that comes with the task, drawn below the page.
        basket: how many things lie in the basket, written in the head; None says nothing.
    """

    shop: str
    colours: tuple[Colour, Colour]
    elements: tuple[Element, ...]
    named: bool = True
    wanted: tuple[str, str] | None = None
    basket: int | None = None
    kind: str = "web page"

    def facts(self) -> dict:
        plain = {"shop": self.shop, "elements": [element._asdict() for element in self.elements]}
        more = {"named": self.named, "wanted": self.wanted, "basket": self.basket}
        usual = {"named": True, "wanted": None, "basket": None}
        return plain | {name: value for name, value in more.items() if value != usual[name]}

    def draw(self) -> np.ndarray:
        return draw_page(self)

    def ask(self, dice: Dice) -> tuple[str, str]:
        return ask_page(dice, self.elements) if self.named else ask_bare_page(dice, self)


def link(place: int, number: int, label: str) -> Element:
    """The link at place 0 to 3 under the head."""
    x, y = 6 + 78 * place, 34
    return Element(number, "link", label, 0, "", (x, y, x + INDENT + text_width(label), y + 14))


def offer(place: int, number: int, name: str, price: int, artist: str) -> Element:
    """The thing for sale at place 0 to 3, two in a row."""
    x, y = 14 + 156 * (place % 2), 120 + 90 * (place // 2)
    box = (x, y, x + INDENT + text_width("buy"), y + 14)
    return Element(number, "buy", name, price, artist, box)


def make_page(dice: Dice, artists: Sequence[str], vocabulary: Sequence[str]) -> Page:
    """Four links and four things for sale, their names beside them."""
    numbers = dice.sample(range(1, 100), 8)
    elements = [link(i, numbers[i], label) for i, label in enumerate(dice.sample(LINKS, 4))]
    prices = dice.sample(range(1, 50), 4)
    for i, name in enumerate(dice.sample(vocabulary, 4)):
        artist = dice.pick(who_drew(artists, name))
        elements.append(offer(i, numbers[4 + i], name, prices[i], artist))
    head, tag = dice.sample(COLOURS[:4], 2)
    return Page(shop=dice.pick(SHOPS), colours=(head, tag), elements=tuple(elements))


def who_drew(artists: Sequence[str], name: str) -> list[str]:
    """Those of the artists who drew the thing."""
    return [artist for artist in artists if drew(artist, name)]


def make_bare_page(dice: Dice, artists: Sequence[str], vocabulary: Sequence[str]) -> Page:
    """A page without names; half of them come with a picture of what is wanted.

    Half of them hold exactly one thing of one of `GROUPS`, so that "buy the fruit" means one.
    """
    page = make_page(dice, artists, vocabulary)
    names = choose_offers(dice, vocabulary)
    elements = list(page.elements[:4])
    for i, (old, name) in enumerate(zip(page.elements[4:], names, strict=True)):
        elements.append(offer(i, old.number, name, old.price, dice.pick(who_drew(artists, name))))
    wanted = None
    if dice.chance(0.5):
        name = dice.pick(names)
        wanted = name, dice.pick(who_drew(artists, name))
    return replace(page, elements=tuple(elements), named=False, wanted=wanted)


def make_pages(split: str, count: int, seed: int, *, named: bool) -> Iterator[tuple[Dice, Page]]:
    """Pages of a split, each with dice for its task; what a page shows decides its split.

    Args:
        named: whether names are written beside the things.
    """
    rules, vocabulary = SPLITS[split], split_vocabulary(split)
    make = make_page if named else make_bare_page
    for index in range(count):
        dice = Dice(f"{make.__name__} {seed} {split} {index}")
        page = make(dice, rules.artists, vocabulary)
        while bucket(json.dumps(page.facts())) not in rules.combinations:
            page = make(dice, rules.artists, vocabulary)
        yield dice, page


def choose_offers(dice: Dice, vocabulary: Sequence[str], count: int = 4) -> list[str]:
    """Different things, every other time exactly one of a group among them.

    Raises:
        ValueError: fewer names than things.
    """
    if len(vocabulary) < count:
        raise ValueError(
            f"{len(vocabulary)} names came for {count} things: give a wider vocabulary"
        )
    known = {group: one_of_group(group, vocabulary) for group in GROUPS}
    others = {
        group: [n for n in vocabulary if n not in (*GROUPS[group], *DISPUTED.get(group, ()))]
        for group, members in known.items()
        if members
    }
    groups = [group for group, names in others.items() if len(names) >= count - 1]
    if not groups or dice.chance(0.5):
        return dice.sample(vocabulary, count)
    group = dice.pick(groups)
    return dice.shuffled([dice.pick(known[group]), *dice.sample(others[group], count - 1)])


def one_of_group(group: str, names: Sequence[str]) -> list[str]:
    """Those of the names that belong to the group."""
    return [name for name in names if name in GROUPS[group]]


def clear_groups(names: Sequence[str]) -> dict[str, str]:
    """Groups that exactly one of the names belongs to, and that one: none is in dispute."""
    found = {group: one_of_group(group, names) for group in GROUPS}
    return {
        group: members[0]
        for group, members in found.items()
        if len(members) == 1 and not set(names) & set(DISPUTED.get(group, ()))
    }


def draw_page(page: Page) -> np.ndarray:
    """A (240, 320, 3) picture; (304, 320, 3) with the picture of what is wanted below."""
    picture = blank(WIDTH, HEIGHT + STRIP * (page.wanted is not None))
    head, tag = page.colours
    fill(picture, (0, 0, WIDTH, 28), head)
    write(picture, 8, 5, page.shop, size=LARGE, colour=PAPER)
    if page.basket is not None:
        write(picture, 236, 8, "basket", colour=PAPER)
        write(picture, 284, 8, str(page.basket), colour=PAPER, role="basket")
    for i, element in enumerate(page.elements):
        x, y, _, y1 = element.box
        number = f"[{element.number}]"
        fill(picture, (x, y, x + text_width(number) + 4, y1), tag)
        write(picture, x + 2, y, number, colour=PAPER, role="tag", of=i)
        if element.role == "link":
            write(picture, x + INDENT, y, element.label, role="link", of=i)
            continue
        write(picture, x + INDENT, y, "buy")
        frame(picture, (x - 8, y - 62, x + 142, y + 22), RULE)
        put(picture, element.label, element.artist, x, y - 54, role="picture", of=i)
        if page.named:
            write(picture, x + 48, y - 54, element.label, role="name", of=i)
        write(picture, x + 48, y - 38, f"{element.price} coins", role="price", of=i)
    if page.wanted is not None:
        frame(picture, (6, HEIGHT + 4, WIDTH - 6, HEIGHT + STRIP - 4), RULE)
        write(picture, 14, HEIGHT + 24, "the picture of the task")
        put(picture, *page.wanted, 250, HEIGHT + 12, role="wanted")
    return picture


def put(
    picture: np.ndarray, name: str, artist: str, x: int, y: int, *, role: str, of: int = -1
) -> None:
    """A drawing of 40 pixels, its top left corner at (x, y)."""
    drawing = sprite(name, artist, 40)
    height, width = drawing[1].shape[:2]
    lay(picture, drawing, x, y)
    note(Mark(role, name, (x, y, x + width, y + height), of))


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


def ask_bare_page(dice: Dice, page: Page) -> tuple[str, str]:
    """A task that takes a look at the drawings, and the click that does it."""
    for_sale = {element.label: element for element in page.elements if element.role == "buy"}
    if page.wanted is not None:
        target, task = for_sale[page.wanted[0]], dice.pick(PICTURE_TASKS)
    else:
        groups = clear_groups(tuple(for_sale))
        said = dice.pick(tuple(groups) if groups and dice.chance(0.7) else tuple(for_sale))
        target = for_sale[groups.get(said, said)]
        task = dice.pick(BUY_TASKS).format(name=said)
    return task, f"click [{target.number}]"
