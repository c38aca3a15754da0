"""Bar and line charts with a title, axis labels and readable values, and what one asks of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from mvlm.data.canvas import (
    COLOURS,
    INK,
    LARGE,
    RULE,
    blank,
    curve,
    fill,
    frame,
    write,
    write_centred,
)
from mvlm.data.dice import Dice
from mvlm.data.things import plural

WIDTH, HEIGHT = 360, 240
LEFT, TOP, RIGHT, BOTTOM = 48, 34, 348, 194  # the box that holds the bars
UNITS = 20  # the axis runs from 0 to 20 steps of 8 pixels
STEP = (BOTTOM - TOP) // UNITS

LABELS = {
    "day": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "town": ("york", "bath", "lyon", "kyiv", "oslo", "rome", "lima", "pune", "accra", "quito"),
    "class": ("1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b"),
}
VERBS = ("sold", "seen", "counted", "found", "drawn", "sent")
THINGS = ("apple", "car", "bicycle", "book", "fish", "tree", "letter", "lamp", "cup", "bird")
SCALES = (1, 2, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What a chart shows. Values are whole multiples of `scale`, so each can be read exactly."""

    form: str  # "bar" or "line"
    title: str
    x_label: str
    y_label: str
    labels: tuple[str, ...]
    values: tuple[int, ...]
    scale: int  # what one step of 8 pixels is worth
    colour: int

    @property
    def kind(self) -> str:
        return f"{self.form} chart"

    def facts(self) -> dict:
        return asdict(self)

    def draw(self) -> np.ndarray:
        return draw_chart(self)

    def ask(self, dice: Dice) -> tuple[str, str]:
        return ask_chart(dice, self)


def make_chart(dice: Dice) -> Chart:
    x_label = dice.pick(tuple(LABELS))
    count, known = dice.between(3, 6), LABELS[x_label]
    first = dice.below(len(known) - count + 1)
    labels = known[first : first + count]  # days and months keep their order
    things, scale = plural(dice.pick(THINGS)), dice.pick(SCALES)
    steps = dice.sample(range(1, UNITS - 1), count)  # all different: one is the largest
    return Chart(
        form=dice.pick(("bar", "line")),
        title=f"{things} {dice.pick(VERBS)} by {x_label}",
        x_label=x_label,
        y_label=things,
        labels=labels,
        values=tuple(step * scale for step in steps),
        scale=scale,
        colour=dice.below(len(COLOURS)),
    )


def draw_chart(chart: Chart) -> np.ndarray:
    """A (240, 360, 3) picture; a value v ends v / scale × 8 pixels above the axis."""
    picture = blank(WIDTH, HEIGHT)
    write_centred(picture, WIDTH // 2, 8, chart.title, size=LARGE, role="title")
    write(picture, 4, TOP - 22, chart.y_label, role="y label")
    write_centred(picture, (LEFT + RIGHT) // 2, HEIGHT - 17, chart.x_label, role="x label")
    for step in range(0, UNITS + 1, 5):
        y = BOTTOM - step * STEP
        fill(picture, (LEFT, y, RIGHT, y + 1), RULE)
        number = str(step * chart.scale)
        write(picture, LEFT - 6 - 7 * len(number), y - 7, number)
    colour = COLOURS[chart.colour]
    slot = (RIGHT - LEFT) // len(chart.labels)
    centres = [LEFT + slot * i + slot // 2 for i in range(len(chart.labels))]
    tops = [BOTTOM - value // chart.scale * STEP for value in chart.values]
    if chart.form == "bar":
        for x, y in zip(centres, tops, strict=True):
            fill(picture, (x - slot // 3, y, x + slot // 3, BOTTOM), colour)
    else:
        columns = np.arange(centres[0], centres[-1] + 1)
        heights = np.interp(columns, centres, tops).tolist()
        curve(picture, centres[0], heights, colour, (LEFT, TOP - 2, RIGHT, BOTTOM))
        for x, y in zip(centres, tops, strict=True):
            fill(picture, (x - 3, y - 3, x + 4, y + 4), colour)
    for i, (x, y) in enumerate(zip(centres, tops, strict=True)):
        write_centred(picture, x, BOTTOM + 4, chart.labels[i], role="label", of=i)
        # A line that comes down to its point and goes up again would run through the number.
        valley = chart.form == "line" and y > max(
            tops[max(i - 1, 0)], tops[min(i + 1, len(tops) - 1)]
        )
        below = valley and y + 18 < BOTTOM
        top = y + 5 if below else y - 17
        write_centred(picture, x, top, str(chart.values[i]), role="value", of=i)
    fill(picture, (LEFT, BOTTOM, RIGHT, BOTTOM + 1), INK)
    frame(picture, (0, 0, WIDTH, HEIGHT), RULE)
    return picture


def ask_chart(dice: Dice, chart: Chart) -> tuple[str, str]:
    """A question and its exact answer."""
    one, other = dice.sample(chart.labels, 2)
    return chart_question(dice, chart, dice.below(ASKS), one, other)


ASKS = 8
"""Kinds of question: a value, most, fewest, a difference, a sum, higher, how many, the title."""


def chart_question(dice: Dice, chart: Chart, ask: int, one: str, other: str) -> tuple[str, str]:
    """The question of kind `ask`, about these two labels where it is about labels."""
    value = dict(zip(chart.labels, chart.values, strict=True))
    things, by = chart.y_label, chart.x_label
    if ask == 0:
        question = dice.pick(
            (f"how many {things} does {one} have?", f"what is the value of {one}?")
        )
        return question, str(value[one])
    if ask == 1:
        return f"which {by} has the most {things}?", max(value, key=value.__getitem__)
    if ask == 2:
        return f"which {by} has the fewest {things}?", min(value, key=value.__getitem__)
    if ask == 3:
        answer = abs(value[one] - value[other])
        return f"what is the difference between {one} and {other}?", str(answer)
    if ask == 4:
        return f"what is the sum of {one} and {other}?", str(value[one] + value[other])
    if ask == 5:
        return f"is {one} higher than {other}?", "yes" if value[one] > value[other] else "no"
    if ask == 6:
        return f"how many {by}s are shown?" if by != "class" else "how many classes are shown?", (
            str(len(value))
        )
    return "what is the title of the chart?", chart.title
