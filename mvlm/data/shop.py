"""A shop of several pages: an episode is a page, a task, an action, the next page, until `stop`.

What counts is not what the agent says but what lies in the basket at the end, as VisualWebArena
judges the state that a run leaves behind (Koh et al. 2024, section 3.3).

    shop = make_shop(Dice("shop 0"), artists, vocabulary)
    state = start()
    while not state.stopped:
        state = step(shop, state, parse_action(agent(look(page(shop, state)), shop.task)))
    done(shop, state)

Some tasks cannot be done (`without_goal`): then the basket must stay empty, and the agent stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mvlm.data.canvas import COLOURS, Colour
from mvlm.data.dice import Dice
from mvlm.data.emojis import bucket
from mvlm.data.pages import (
    BUY_TASKS,
    HEIGHT,
    LINKS,
    PICTURE_TASKS,
    SHOPS,
    Element,
    Page,
    choose_offers,
    clear_groups,
    link,
    offer,
    who_drew,
)
from mvlm.data.scene import SPLITS, split_vocabulary
from mvlm.tasks import Action, parse_action

SHELVES = 3  # pages with things for sale
NEXT = "next"  # the link to the next of them
STEPS = 6  # a run that has not stopped by then is over: two looks on, one click, one stop, and two


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Shelves of four things each, a task, and what the basket must hold when it is done.

    Attributes:
        links: the four at the top of every page, `NEXT` among them.
        shelves: what is for sale on each.
        named: whether names are written beside the things.
        wanted: (name, artist) of the picture that comes with the task, if one does.
        task: what the agent is asked.
        goal: the thing that must lie in the basket, alone; None if nothing for sale will do.
    """

    name: str
    colours: tuple[Colour, Colour]
    links: tuple[Element, ...]
    shelves: tuple[tuple[Element, ...], ...]
    named: bool
    wanted: tuple[str, str] | None
    task: str
    goal: str | None


@dataclass(frozen=True, kw_only=True)
class State:
    """Where the agent is, and what it has done.

    Attributes:
        shelf: the one it sees; None is a page where nothing is for sale.
        basket: names of what it has bought, in order.
        stopped: whether it has said `stop`.
    """

    shelf: int | None = 0
    basket: tuple[str, ...] = ()
    stopped: bool = False


def make_shop(
    dice: Dice, artists: Sequence[str], vocabulary: Sequence[str], *, named: bool | None = None
) -> Shop:
    """A shop and a task in it that exactly one thing on its shelves fulfils.

    Args:
        named: whether names are written; by the dice if not said.
    """
    named = dice.chance(0.5) if named is None else named
    names = choose_offers(dice, vocabulary, 4 * SHELVES)
    goal, wanted = dice.pick(names), None
    groups = clear_groups(names)
    way = dice.pick(("name",) if named else ("name", "group", "picture"))
    if way == "group" and groups:
        group = dice.pick(tuple(groups))
        goal, task = groups[group], dice.pick(BUY_TASKS).format(name=group)
    elif way == "picture":
        wanted, task = (goal, dice.pick(who_drew(artists, goal))), dice.pick(PICTURE_TASKS)
    else:
        task = dice.pick(BUY_TASKS).format(name=goal)
    numbers = dice.sample(range(1, 100), 4 + 4 * SHELVES)
    labels = dice.shuffled([NEXT, *dice.sample(LINKS, 3)])
    links = tuple(link(i, numbers[i], label) for i, label in enumerate(labels))
    prices = dice.sample(range(1, 50), 4 * SHELVES)
    offers = [
        offer(i % 4, numbers[4 + i], name, prices[i], dice.pick(who_drew(artists, name)))
        for i, name in enumerate(names)
    ]
    head, tag = dice.sample(COLOURS[:4], 2)
    return Shop(
        name=dice.pick(SHOPS),
        colours=(head, tag),
        links=links,
        shelves=tuple(tuple(offers[i : i + 4]) for i in range(0, len(offers), 4)),
        named=named,
        wanted=wanted,
        task=task,
        goal=goal,
    )


def make_shops(split: str, count: int, seed: int, *, named: bool | None = None) -> Iterator[Shop]:
    """Shops of a split; what lies on the shelves decides which split a shop belongs to."""
    rules, vocabulary = SPLITS[split], split_vocabulary(split)
    for index in range(count):
        dice = Dice(f"shop {seed} {split} {index}")
        shop = make_shop(dice, rules.artists, vocabulary, named=named)
        while bucket(f"{shop.goal} {shop.shelves}") not in rules.combinations:
            shop = make_shop(dice, rules.artists, vocabulary, named=named)
        yield shop


def without_goal(shop: Shop, dice: Dice, vocabulary: Sequence[str]) -> Shop:
    """The same shop with a task that cannot be done: the thing asked for is not for sale."""
    there = {element.label for shelf in shop.shelves for element in shelf}
    name = dice.pick([name for name in vocabulary if name not in there])
    return replace(shop, task=dice.pick(BUY_TASKS).format(name=name), goal=None, wanted=None)


def page(shop: Shop, state: State) -> Page:
    """What the agent sees."""
    offers = () if state.shelf is None else shop.shelves[state.shelf]
    return Page(
        shop=shop.name,
        colours=shop.colours,
        elements=(*shop.links, *offers),
        named=shop.named,
        wanted=shop.wanted,
        basket=len(state.basket),
    )


def step(shop: Shop, state: State, action: Action) -> State:
    """What an action leads to. A number that the page does not show does nothing.

    Actions other than `click` and `stop` do nothing here either: the shop has no text to type.
    """
    if state.stopped:
        raise ValueError("the run has stopped: begin another with State()")
    if action.name == "stop":
        return replace(state, stopped=True)
    shown = {element.number: element for element in page(shop, state).elements}
    clicked = shown.get(action.element) if action.name == "click" else None
    if clicked is None:
        return state
    if clicked.role == "buy":
        return replace(state, basket=(*state.basket, clicked.label))
    if clicked.label == NEXT:
        return replace(state, shelf=0 if state.shelf is None else (state.shelf + 1) % SHELVES)
    return replace(state, shelf=0 if clicked.label == "home" else None)


def done(shop: Shop, state: State) -> bool:
    """Whether the agent stopped with what was asked for in its basket, and nothing else."""
    wanted = () if shop.goal is None else (shop.goal,)
    return state.stopped and state.basket == wanted


def best_action(shop: Shop, state: State) -> str:
    """What an agent that sees the page, and nothing before it, does best."""
    if state.basket or shop.goal is None:
        return "stop"
    shown = page(shop, state).elements
    for element in shown:
        if element.role == "buy" and element.label == shop.goal:
            return f"click [{element.number}]"
    return f"click [{next(e.number for e in shown if e.label == NEXT)}]"


class Line(NamedTuple):
    """A line of a page's element list: what a program that reads the page without eyes gets."""

    number: int
    role: str  # "link" or "buy"
    text: str  # the link's words, or the name written beside a thing; "" where none is
    price: int  # 0 for a link

    def __str__(self) -> str:
        if self.role == "link":
            return f"[{self.number}] link, {self.text}"
        return f"[{self.number}] buy, {self.text or '(picture)'}, {self.price} coins"


class View(NamedTuple):
    """A page as agents get it; each kind of agent uses a part of it.

    Attributes:
        picture: (height, width, 3), with the picture of the task below the page if there is one.
        lines: the element list.
        basket: how many things lie in the basket.
        cutouts: number → (40, 40, 3), the drawing beside each thing for sale.
        wanted: (40, 40, 3), the picture of the task.
    """

    picture: np.ndarray
    lines: tuple[Line, ...]
    basket: int
    cutouts: dict[int, np.ndarray]
    wanted: np.ndarray | None


CUTOUT = 40  # pixels along the side of a drawing
ABOVE = 54  # pixels from the top of a drawing to its number
WANTED = (250, HEIGHT + 12)  # where the picture of a task stands


def look(page: Page) -> View:
    """The page drawn, and its element list."""
    picture = page.draw()

    def cut(x: int, y: int) -> np.ndarray:
        return picture[y : y + CUTOUT, x : x + CUTOUT]

    lines, cutouts = [], {}
    for number, role, label, price, _, (x, y, *_) in page.elements:
        named = role == "link" or page.named
        lines.append(Line(number, role, label if named else "", price))
        if role == "buy":
            cutouts[number] = cut(x, y - ABOVE)
    wanted = None if page.wanted is None else cut(*WANTED)
    return View(picture, tuple(lines), page.basket or 0, cutouts, wanted)


Agent = Callable[[View, str], str]
"""What it sees of a page, and the task → an action, as text."""


def run_episode(shop: Shop, agent: Agent, steps: int = STEPS) -> list[tuple[State, str]]:
    """Let an agent act until it stops or has acted so many times.

    Returns:
        Each state with what was said in it; last the state at the end, with nothing said. What is
        no action costs a step and does nothing.
    """
    state, told = State(), []
    while not state.stopped and len(told) < steps:
        said = agent(look(page(shop, state)), shop.task)
        told.append((state, said))
        try:
            state = step(shop, state, parse_action(said))
        except ValueError:
            continue
    return [*told, (state, "")]
