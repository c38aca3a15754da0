"""An object in a picture, and the few words of English that texts about objects need."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ROWS = ("top", "middle", "bottom")
COLUMNS = ("left", "middle", "right")
PLACES = tuple(
    "centre" if row == column == "middle" else f"{row} {column}"
    for row in ROWS
    for column in COLUMNS
)
PLURALS = {
    "fish": "fish",
    "mouse": "mice",
    "potato": "potatoes",
    "scarf": "scarves",
    "tomato": "tomatoes",
    "volcano": "volcanoes",
    "wolf": "wolves",
}


class Thing(NamedTuple):
    """One object: what it is, who drew it, and where."""

    name: str
    artist: str
    size: int  # pixels of the drawing's longest side
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels; x1 and y1 not included
    row: int  # of the grid, from the top
    column: int  # from the left

    @property
    def place(self) -> str:
        return PLACES[3 * self.row + self.column]


def plural(name: str) -> str:
    """dog → dogs, box → boxes, strawberry → strawberries, ear of corn → ears of corn."""
    if name in PLURALS:
        return PLURALS[name]
    first, of, rest = name.partition(" of ")
    if of:
        return plural(first) + of + rest
    if re.search("(s|x|z|ch|sh)$", name):
        return name + "es"
    if re.search("[^aeiou]y$", name):
        return name[:-1] + "ies"
    return name + "s"


def a(name: str) -> str:
    """dog → a dog, umbrella → an umbrella. ("unicorn" and its like begin as "you" does.)"""
    you = name.startswith(("uni", "use", "eu"))
    return f"{'an' if name[0] in 'aeiou' and not you else 'a'} {name}"


def some(count: int, name: str) -> str:
    """a dog, two dogs, no dogs."""
    return a(name) if count == 1 else f"{NUMBERS[count]} {plural(name)}"


def listed(parts: Sequence[str]) -> str:
    """a dog, two cats and a key."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def counts(things: Sequence[Thing]) -> Counter[str]:
    return Counter(thing.name for thing in things)


def alone(things: Sequence[Thing]) -> list[Thing]:
    """The objects whose name occurs once, so that "the dog" can be said."""
    number = counts(things)
    return [thing for thing in things if number[thing.name] == 1]


def relations(one: Thing, other: Thing) -> list[str]:
    """Which of left of, right of, above, below are true of `one`, by column and by row."""
    found = []
    if one.column != other.column:
        found.append("left of" if one.column < other.column else "right of")
    if one.row != other.row:
        found.append("above" if one.row < other.row else "below")
    return found
