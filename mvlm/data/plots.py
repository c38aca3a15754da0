"""Function plots and the three questions of the lecture's MathVista slide.

Each function is a polynomial with exact fractions for coefficients, so that its zeros, values and
slopes are known, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from mvlm.data.canvas import (
    COLOURS,
    INK,
    RULE,
    Mark,
    blank,
    curve,
    fill,
    frame,
    note,
    write,
    write_centred,
)
from mvlm.data.dice import Dice

SIDE = 240  # pixels
REACH = 5  # both axes run from −5 to 5
UNIT = 22  # pixels; the plot is 220 pixels wide, with a margin of 10
CENTRE = SIDE // 2


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A polynomial: `coefficients[k]` belongs to x to the power k."""

    coefficients: tuple[Fraction, ...]
    zeros: tuple[Fraction, ...]
    colour: int
    kind: str = "function plot"

    def facts(self) -> dict:
        return {
            "coefficients": [str(c) for c in self.coefficients],
            "zeros": [str(zero) for zero in self.zeros],
            "colour": self.colour,
        }

    def draw(self) -> np.ndarray:
        return draw_plot(self)

    def ask(self, dice: Dice) -> tuple[str, str]:
        return ask_plot(dice, self)

    def value(self, x: Fraction | int) -> Fraction:
        return sum((c * x**k for k, c in enumerate(self.coefficients)), Fraction(0))

    def slope(self, x: Fraction | int) -> Fraction:
        terms = (k * c * x ** (k - 1) for k, c in enumerate(self.coefficients) if k)
        return sum(terms, Fraction(0))


def times(one: list[Fraction], other: list[Fraction]) -> list[Fraction]:
    """The coefficients of the product of two polynomials."""
    product = [Fraction(0)] * (len(one) + len(other) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            product[i + j] += a * b
    return product


def make_plot(dice: Dice) -> Plot:
    """Zero to three zeros, at whole numbers in the window, and three values one can read.

    A function without zeros is a(x − h)² + k, with a and k of one sign.
    """
    while True:
        count = dice.below(4)
        scale = dice.pick((1, -1)) * Fraction(1, dice.pick((1, 2, 3, 4, 6, 8)))
        zeros = tuple(sorted(Fraction(z) for z in dice.sample(range(-4, 5), count)))
        coefficients = [scale]
        for zero in zeros:
            coefficients = times(coefficients, [-zero, Fraction(1)])
        if not count:
            h, k = dice.between(-3, 3), dice.between(1, 3) * (1 if scale > 0 else -1)
            coefficients = [scale * h * h + k, -2 * scale * h, scale]
        plot = Plot(coefficients=tuple(coefficients), zeros=zeros, colour=dice.below(len(COLOURS)))
        places = readable(plot)
        slopes = len(places) >= 3 and any(clear(plot, places[0], x) for x in places[1:])
        between = [plot.value((zero + after) / 2) for zero, after in pairwise(zeros)]
        # A dip of less than a quarter, 5 pixels, cannot be told from a touch.
        if slopes and all(abs(y) >= Fraction(1, 4) for y in between):
            return plot


def readable(plot: Plot) -> list[int]:
    """Whole x where y is a whole number that the window shows."""
    places = range(-REACH, REACH + 1)
    values = {x: plot.value(x) for x in places}
    return [x for x, y in values.items() if abs(y) <= REACH and y.denominator == 1]


def draw_plot(plot: Plot) -> np.ndarray:
    """A (240, 240, 3) picture; (x, y) is at pixel (120 + 22 x, 120 − 22 y)."""
    picture = blank(SIDE, SIDE)
    low, high = CENTRE - REACH * UNIT, CENTRE + REACH * UNIT
    for i in range(-REACH, REACH + 1):
        at = CENTRE + i * UNIT
        fill(picture, (at, low, at + 1, high + 1), INK if i == 0 else RULE)
        fill(picture, (low, at, high + 1, at + 1), INK if i == 0 else RULE)
    x = (np.arange(low, high + 1) - CENTRE) / UNIT
    y = np.polynomial.polynomial.polyval(x, [float(c) for c in plot.coefficients])
    curve(
        picture, low, (CENTRE - UNIT * y).tolist(), COLOURS[plot.colour], (low, low, high, high + 1)
    )
    for i in range(-REACH, REACH + 1):
        height = plot.value(i)
        if abs(height) <= REACH:
            column, line = CENTRE + i * UNIT, round(CENTRE - UNIT * height)
            box = (column - 1, line - 1, column + 2, line + 2)
            note(Mark("point", str(i), box, i))
    for i in range(-REACH + 1, REACH):
        if i:
            write_centred(picture, CENTRE + i * UNIT, CENTRE + 3, str(i))
            write(picture, CENTRE + 4, CENTRE - i * UNIT - 6, str(i))
    write(picture, high - 6, CENTRE - 16, "x")
    write(picture, CENTRE - 10, low - 2, "y")
    frame(picture, (0, 0, SIDE, SIDE), RULE)
    return picture


def clear(plot: Plot, one: int, other: int) -> bool:
    difference = plot.slope(one) - plot.slope(other)
    return difference == 0 or abs(difference) >= Fraction(1, 2)


def compare_slopes(plot: Plot, one: int, other: int) -> str:
    difference = plot.slope(one) - plot.slope(other)
    return "equal to" if difference == 0 else "larger than" if difference > 0 else "smaller than"


def ask_plot(dice: Dice, plot: Plot) -> tuple[str, str]:
    """One of the lecture's three questions and its exact answer."""
    ask = dice.below(3)
    if ask == 0:
        return "how many zeros does this function have?", str(len(plot.zeros))
    if ask == 1:
        values = {x: plot.value(x) for x in dice.shuffled(readable(plot))}
        y = dice.pick(sorted(set(values.values())))  # else most answers were 0
        x = next(x for x in values if values[x] == y)
        return f"what is the value of y at x = {x}?", str(y)
    # Slopes that one can tell apart by eye, or that are equal.
    places = readable(plot)
    pairs = [(x, other) for x in places for other in places if x != other and clear(plot, x, other)]
    one, other = dice.pick(pairs)
    question = f"the derivative of y at x = {one} is ____ that at x = {other}."
    return f"{question} larger than, equal to or smaller than?", compare_slopes(plot, one, other)
