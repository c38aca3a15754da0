"""Questions about a scene, six kinds, each with one exact answer.

A reader types their own words, so each kind is asked in many ways: twelve in training, and four
more that only the test splits use. Yes and no are equally likely to be right, by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mvlm.data.dice import Dice
from mvlm.data.things import PLACES, Thing, a, alone, counts, plural, relations

KINDS = ("what", "where", "how many", "is there", "relation", "compare")

PHRASINGS = {
    "what": (
        "what is in the {place}?",
        "what do you see in the {place}?",
        "which thing is in the {place}?",
        "name the thing in the {place}.",
        "tell me what is in the {place}.",
        "in the {place}, what is there?",
        "what stands in the {place}?",
        "what is the thing in the {place} called?",
        "what can be found in the {place}?",
        "look at the {place}. what is it?",
        "what does the {place} hold?",
        "what is shown in the {place}?",
    ),
    "where": (
        "where is the {name}?",
        "where do you see the {name}?",
        "in which place is the {name}?",
        "where can i find the {name}?",
        "tell me where the {name} is.",
        "find the {name}. where is it?",
        "the {name} is where?",
        "what is the place of the {name}?",
        "where in the picture is the {name}?",
        "which part of the picture has the {name}?",
        "where does the {name} stand?",
        "say where the {name} is.",
    ),
    "how many": (
        "how many {names} are there?",
        "how many {names} do you see?",
        "count the {names}.",
        "what is the number of {names}?",
        "how many {names} are in the picture?",
        "tell me how many {names} there are.",
        "how many {names} can you find?",
        "give the number of {names}.",
        "how many {names} does the picture show?",
        "can you count the {names}?",
        "{names}: how many?",
        "how many {names} are shown?",
    ),
    "is there": (
        "is there {a_name}?",
        "is there {a_name} in the picture?",
        "do you see {a_name}?",
        "can you see {a_name}?",
        "does the picture show {a_name}?",
        "is {a_name} in the picture?",
        "can you find {a_name} here?",
        "is {a_name} shown?",
        "does the picture have {a_name}?",
        "look for {a_name}. is there one?",
        "{a_name}: is it there?",
        "tell me if there is {a_name}.",
    ),
    "relation": (
        "is the {name} {relation} the {other}?",
        "is the {name} somewhere {relation} the {other}?",
        "do you see the {name} {relation} the {other}?",
        "does the {name} stand {relation} the {other}?",
        "can the {name} be found {relation} the {other}?",
        "tell me if the {name} is {relation} the {other}.",
        "the {name}: is it {relation} the {other}?",
        "look at the {name}. is it {relation} the {other}?",
        "is it true that the {name} is {relation} the {other}?",
        "would you say the {name} is {relation} the {other}?",
        "find the {name}. is it {relation} the {other}?",
        "{relation} the {other}, is there the {name}?",
    ),
    "compare": (
        "are there {comparison}?",
        "do you see {comparison}?",
        "does the picture show {comparison}?",
        "are {comparison} in the picture?",
        "does the picture have {comparison}?",
        "can you count {comparison}?",
        "tell me if there are {comparison}.",
        "is it true that there are {comparison}?",
        "would you say there are {comparison}?",
        "can one find {comparison}?",
        "{comparison}: is that so?",
        "are {comparison} shown?",
    ),
}
KEPT_FOR_TESTING = {
    "what": (
        "can you tell what the {place} has in it?",
        "what have we got in the {place}?",
        "what is that in the {place}?",
        "please name what is in the {place}.",
    ),
    "where": (
        "whereabouts is the {name}?",
        "please show me where the {name} is.",
        "where should i look for the {name}?",
        "the place of the {name} is?",
    ),
    "how many": (
        "please count the {names}.",
        "the number of {names} is?",
        "how many {names} have we got?",
        "how many {names} in this picture?",
    ),
    "is there": (
        "have we got {a_name} here?",
        "please check: is there {a_name}?",
        "is there any sign of {a_name}?",
        "would you find {a_name} in this picture?",
    ),
    "relation": (
        "please check: is the {name} {relation} the {other}?",
        "have we got the {name} {relation} the {other}?",
        "am i right that the {name} is {relation} the {other}?",
        "in this picture, is the {name} {relation} the {other}?",
    ),
    "compare": (
        "have we got {comparison}?",
        "please check: are there {comparison}?",
        "am i right that there are {comparison}?",
        "in this picture, are there {comparison}?",
    ),
}
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


class Question(NamedTuple):
    kind: str
    question: str
    answer: str


def questions(
    dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str], *, kept_phrasings: bool
) -> tuple[Question, ...]:
    """One question of every kind that can be asked of these things, in random order.

    Args:
        vocabulary: the names that "is there a …?" may ask for in vain.
        kept_phrasings: ask every other question in words that training never uses.
    """
    asked = []
    for kind, ask in ASK.items():
        slots_and_answer = ask(dice, things, vocabulary)
        if slots_and_answer is not None:
            slots, answer = slots_and_answer
            kept = kept_phrasings and dice.chance(0.5)
            phrasing = dice.pick((KEPT_FOR_TESTING if kept else PHRASINGS)[kind])
            asked.append(Question(kind, phrasing.format(**slots), answer))
    return tuple(dice.shuffled(asked))


SlotsAndAnswer = tuple[dict[str, str], str] | None


def ask_what(dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str]) -> SlotsAndAnswer:
    at = {thing.place: thing.name for thing in things}
    free = [place for place in PLACES if place not in at]
    place = dice.pick(free if free and dice.chance(0.1) else list(at))
    return {"place": place}, at.get(place, "nothing")


def ask_where(dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str]) -> SlotsAndAnswer:
    singles = alone(things)
    if not singles:
        return None
    thing = dice.pick(singles)
    return {"name": thing.name}, thing.place


def ask_how_many(dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str]) -> SlotsAndAnswer:
    """No count, from none to nine, is right more than three times in ten."""
    if dice.chance(0.2):
        return {"names": "things"}, str(len(things))
    number = counts(things)
    by_count: dict[int, list[str]] = {}
    for name, count in number.items():
        by_count.setdefault(count, []).append(name)
    if dice.chance(0.15):
        return {"names": plural(absent(dice, number, vocabulary))}, "0"
    # Most things are there once: ask more often for what is there most often.
    count = max(by_count) if dice.chance(0.6) else dice.pick(list(by_count))
    return {"names": plural(dice.pick(by_count[count]))}, str(count)


def ask_is_there(dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str]) -> SlotsAndAnswer:
    present = list(counts(things))
    if dice.chance(0.5):
        return {"a_name": a(dice.pick(present))}, "yes"
    return {"a_name": a(absent(dice, present, vocabulary))}, "no"


def ask_relation(dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str]) -> SlotsAndAnswer:
    singles = alone(things)
    if len(singles) < 2:
        return None
    one, other = dice.sample(singles, 2)
    relation = dice.pick(relations(one, other))
    answer = dice.pick(("yes", "no"))
    relation = relation if answer == "yes" else OPPOSITE[relation]
    return {"name": one.name, "other": other.name, "relation": relation}, answer


def ask_compare(dice: Dice, things: Sequence[Thing], vocabulary: Sequence[str]) -> SlotsAndAnswer:
    """Ask only what could be answered either way here, else the wording would give it away."""
    number = list(counts(things).items())
    pairs = [(one, other) for one in number for other in number if one[0] != other[0]]
    more = [pair for pair in pairs if pair[0][1] > pair[1][1]]
    same = [pair for pair in pairs if pair[0][1] == pair[1][1]]
    if not more:
        return None
    answer = dice.pick(("yes", "no"))
    if same and dice.chance(0.34):
        (one, _), (other, _) = dice.pick(same if answer == "yes" else more)
        comparison = f"as many {plural(one)} as {plural(other)}"
    else:
        word = dice.pick(("more", "fewer"))
        (larger, _), (smaller, _) = dice.pick(more)
        one, other = larger, smaller
        if (word == "more") != (answer == "yes"):
            one, other = smaller, larger
        comparison = f"{word} {plural(one)} than {plural(other)}"
    return {"comparison": comparison}, answer


def absent(dice: Dice, present: Sequence[str], vocabulary: Sequence[str]) -> str:
    name = dice.pick(vocabulary)
    while name in present:
        name = dice.pick(vocabulary)
    return name


ASK = dict(
    zip(
        KINDS,
        (ask_what, ask_where, ask_how_many, ask_is_there, ask_relation, ask_compare),
        strict=True,
    )
)
