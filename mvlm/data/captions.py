"""Captions: true sentences about a scene, short or long, in simple lower-case English.

A caption may leave things out, as captions do, but keeps two promises that tests rely on and a
model can learn: "two dogs" without a place means that there are exactly two in the picture, and
"a dog in the top left" means that the thing in the top left is a dog.
"""

from __future__ import annotations

from collections.abc import Sequence

from mvlm.data.dice import Dice
from mvlm.data.things import (
    NUMBERS,
    PLACES,
    Thing,
    a,
    alone,
    counts,
    listed,
    plural,
    relations,
    some,
)

WHOLE = (
    "{list}.",
    "a picture of {list}.",
    "this is {list}.",
    "this picture shows {list}.",
    "an image with {list} and nothing else.",
    "here you see {list}.",
    "i can see {list}.",
    "the picture holds {list}.",
    "a small picture: {list}.",
    "someone drew {list}.",
)
PART = (
    "a picture with {list} in it.",
    "among other things, {list}.",
    "one can find {list} here.",
    "{list}, and more.",
)
TOTAL = (
    "there are {number} things in all.",
    "{number} things in the picture.",
    "it holds {number} things.",
    "counted together, {number} things.",
)
TOTAL_OF_ONE = (
    "there is one thing in all.",
    "one thing in the picture.",
    "it holds one thing.",
    "nothing else is there.",
)
PLACED = (
    "there is {thing} in the {place}.",
    "{thing} is in the {place}.",
    "in the {place} is {thing}.",
    "in the {place} you see {thing}.",
    "{thing} stands in the {place}.",
    "look for {thing} in the {place}.",
)
RELATED = (
    "the {one} is {relation} the {other}.",
    "{relation} the {other} is the {one}.",
    "you find the {one} {relation} the {other}.",
    "the {one} stands {relation} the {other}.",
)
EMPTY = (
    "the {place} is empty.",
    "nothing is in the {place}.",
    "there is nothing in the {place}.",
)
FULL = ("no place is empty.", "every place is taken.")


def whole(dice: Dice, things: Sequence[Thing]) -> str:
    """Everything in the picture, counted."""
    parts = [some(count, name) for name, count in dice.shuffled(list(counts(things).items()))]
    return dice.pick(WHOLE).format(list=listed(parts))


def part(dice: Dice, things: Sequence[Thing]) -> str:
    """Some of the kinds of things in the picture, each counted; needs two kinds."""
    kinds = list(counts(things).items())
    kept = dice.sample(kinds, dice.between(1, min(3, len(kinds) - 1)))
    return dice.pick(PART).format(list=listed([some(count, name) for name, count in kept]))


def total(dice: Dice, things: Sequence[Thing]) -> str:
    if len(things) == 1:
        return dice.pick(TOTAL_OF_ONE)
    return dice.pick(TOTAL).format(number=NUMBERS[len(things)])


def placed(dice: Dice, thing: Thing) -> str:
    return dice.pick(PLACED).format(thing=a(thing.name), place=thing.place)


def related(dice: Dice, things: Sequence[Thing]) -> str | None:
    """How two things that occur once each stand to one another, if there are two."""
    singles = alone(things)
    if len(singles) < 2:
        return None
    one, other = dice.sample(singles, 2)
    relation = dice.pick(relations(one, other))
    return dice.pick(RELATED).format(one=one.name, other=other.name, relation=relation)


def empty(dice: Dice, things: Sequence[Thing]) -> str:
    taken = {thing.place for thing in things}
    free = [place for place in PLACES if place not in taken]
    return dice.pick(EMPTY).format(place=dice.pick(free)) if free else dice.pick(FULL)


def everywhere(things: Sequence[Thing]) -> str:
    """Every thing with its place, in reading order."""
    return listed([f"{a(thing.name)} in the {thing.place}" for thing in things]) + "."


def caption(dice: Dice, things: Sequence[Thing]) -> str:
    """A caption as people write them: mostly short, sometimes long, not always complete."""
    style = dice.below(8)
    if style < 3:
        return whole(dice, things)
    if style == 3 and len(counts(things)) > 1:
        return part(dice, things)
    if style == 4 and len(things) <= 4:
        return everywhere(things)
    if style == 5:
        return placed(dice, dice.pick(things))
    sentences = [whole(dice, things), placed(dice, dice.pick(things))]
    extra = [total(dice, things), related(dice, things), empty(dice, things)]
    sentences += [sentence for sentence in extra if sentence and dice.chance(0.4)]
    return " ".join(sentences)


def description(dice: Dice, things: Sequence[Thing]) -> str:
    """A long caption, in the manner of PixMo's: all that is there, where, and what is near what."""
    sentences = [whole(dice, things), total(dice, things), everywhere(things)]
    sentences += [sentence for sentence in [related(dice, things)] if sentence]
    for name, count in counts(things).items():
        if count > 1:
            rows = sorted({thing.row for thing in things if thing.name == name})
            if len(rows) == 1:
                row = ("top", "middle", "bottom")[rows[0]]
                sentences.append(f"all the {plural(name)} stand in the {row} row.")
    return " ".join([*sentences, empty(dice, things)])
