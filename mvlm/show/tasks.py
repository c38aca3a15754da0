"""Figures of chapter 12: what the reader's eyes see, and episodes of agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mvlm.data.pages import Page
from mvlm.data.shop import Agent, Shop, look, page, run_episode
from mvlm.show.figures import BLACK, BLUE, ORANGE, draw_image, figure
from mvlm.show.widgets import Frame, Frames, frames
from mvlm.small.reader import CELL, KINDS, NUMBER, PRICE, Items, ReaderConfig, by_field
from mvlm.tasks import parse_action

LETTER = 5  # pixels of a picture that a letter of `draw_seen` is wide, about


class Seen(NamedTuple):
    """An item as words: its cell, what kind of thing it is, and what stands there."""

    row: int
    column: int
    kind: str
    says: str


def in_words(items: Items, config: ReaderConfig, which: int = 0) -> list[Seen]:
    """The items of one picture in reading order, each field by its likeliest class."""
    found = []
    for n in range(int(items.real[which].sum())):
        best = {
            name: int(part.argmax())
            for name, part in by_field(items.facts[which, n], config).items()
        }
        digits = [best[name] - 1 for name in (*NUMBER, *PRICE) if best[name]]
        kind, (row, column) = KINDS[best["kind"]], items.place[which, n].tolist()
        says = config.tokens[best["word"]] if best["word"] else "".join(map(str, digits))
        if kind == "point":
            height = best["y"] - 6 if best["y"] else "?"
            says = f"({best['x'] - 6}, {height})"
        found.append(Seen(row, column, kind, says))
    return sorted(found)


def draw_seen(
    picture: np.ndarray,
    seen: Sequence[Seen],
    *,
    titles: tuple[str, str],
    wrong: Sequence[Seen] = (),
) -> Figure:
    """A picture, and below it what the eyes report, each word in the middle of its cell.

    A word that would stand over the one before it in its row stands a little lower.

    Args:
        picture: (height, width, 3).
        seen: from `in_words`.
        titles: of the two.
        wrong: those of them that are framed.
    """
    height, width = picture.shape[:2]
    wide = min(5.4, 4.2 * width / height)  # two square pictures would be taller than a screen
    drawn, axes = figure(wide, 2 * (wide - 0.2) * height / width + 0.7, rows=2)
    draw_image(axes[0, 0], picture, titles[0])
    below = axes[1, 0]
    draw_image(below, np.full_like(picture, 255), titles[1])
    below.add_patch(Rectangle((0, 0), width - 1, height - 1, fill=False, edgecolor=BLACK))
    ends: dict[float, float] = {}  # y → where the last word at this height ends
    for one in seen:
        x, y = (one.column + 0.5) * CELL, (one.row + 0.5) * CELL
        text = one.says or one.kind
        half = LETTER * len(text) / 2
        if ends.get(y, 0) > x - half:
            y += 0.65 * CELL
        ends[y] = x + half
        middle = {"ha": "center", "va": "center", "fontsize": 11}
        frame = {"facecolor": "white", "edgecolor": ORANGE, "linewidth": 2, "pad": 2}
        marked = {"bbox": frame} if one in wrong else {}
        below.text(x, y, text, color=ORANGE if one in wrong else BLUE, **middle, **marked)
    return drawn


def episode_frames(shop: Shop, agent: Agent, question: str) -> Frames:
    """One run, a button a step: the page, what the agent says, and where it clicks.

    Args:
        shop: with its task.
        agent: that acts.
        question: what the buttons choose.
    """
    states, told = [], run_episode(shop, agent)
    for place, (state, said) in enumerate(told):
        made = page(shop, state)
        view = look(made)
        height, width = view.picture.shape[:2]
        drawn, axes = figure(3.4, 3.4 * height / width)
        draw_image(axes[0, 0], view.picture)
        basket = ", ".join(state.basket) or "nothing"
        if said:
            text = f"Step {place + 1}. {said}"
            box = clicked_box(made.elements, said)
            if box is not None:
                x0, y0, x1, y1 = box
                corner = (x0 - 4, y0 - 4)
                frame = {"fill": False, "edgecolor": ORANGE, "linewidth": 3}
                axes[0, 0].add_patch(Rectangle(corner, x1 - x0 + 8, y1 - y0 + 8, **frame))
        else:
            ended = "It stopped" if state.stopped else "It never stopped"
            text = f"The end. {ended}; in the basket: {basket}. Wanted: {shop.goal or 'nothing'}."
        states.append(
            Frame(
                label=str(place + 1) if said else "end",
                drawn=drawn,
                alt=f"{page_in_words(shop, made)} In the basket: {basket}. {text}",
                text=text,
            )
        )
    return frames(question, states)


def page_in_words(shop: Shop, made: Page) -> str:
    """What a page of the shop shows, its drawings too, though no name stands beside them."""
    drawn = {element.number: element.label for shelf in shop.shelves for element in shelf}
    lines = [
        line if line.text else line._replace(text=f"(picture: {drawn[line.number]})")
        for line in look(made).lines
    ]
    wanted = f" Below it, the picture of the task: {made.wanted[0]}." if made.wanted else ""
    return f"A page of the shop {made.shop}: {'; '.join(map(str, lines))}.{wanted}"


def clicked_box(elements: Sequence, said: str) -> tuple[int, int, int, int] | None:
    """Where the element is that an answer clicks; None where it clicks none of them."""
    try:
        action = parse_action(said)
    except ValueError:
        return None
    boxes = {element.number: element.box for element in elements}
    return boxes.get(action.element) if action.name == "click" else None
