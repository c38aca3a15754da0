"""What the course's language model reads: captions, and conversations about scenes.

Chapters 08 and 10. A reader types their own words, so the questions of `mvlm.data` are roughened
here: words are put in front, left out or swapped, never those that the question is about. And
the model is asked things it cannot know, and learns to say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from mvlm.data.captions import caption
from mvlm.data.dice import Dice
from mvlm.data.emojis import everyday_vocabulary
from mvlm.data.questions import questions
from mvlm.data.things import COLUMNS, PLACES, ROWS, Thing, a, alone, counts, listed, plural
from mvlm.tokenizer import IMAGE

Aloud = Mapping[str, Callable[[str, str, Sequence[Thing]], str]]
"""Kind of question → what is said in place of its short answer: see `count_aloud`."""

I_CAN_TELL = "I can tell what is in a scene, where, and how many."
DESCRIBE = (
    "describe the picture.",
    "what is in the picture?",
    "what does the picture show?",
    "tell me about the picture.",
    "describe what you see.",
    "what do you see?",
)
EVERY_PLACE = (
    "say what is in every place.",
    "go through the places one by one.",
    "what is in each place?",
    "list all the places.",
)
EVERY_THING = (
    "say where everything is.",
    "list everything with its place.",
    "where are all the things?",
    "name every thing and where it is.",
)
WHERE_EACH = (
    "where are {those}?",
    "say where {those} are.",
    "one after the other, where are {those}?",
)
COUNT_EACH = (
    "how many {those} are there?",
    "count {those}.",
    "one after the other, how many {those}?",
)
PRESENT_EACH = (
    "which of these are there: {those}?",
    "are there {those}?",
    "say of each if it is there: {those}.",
)
OUTSIDE = (
    "what colour is the {name}?",
    "why is the {name} there?",
    "how old is the {name}?",
    "who drew the {name}?",
    "is the {name} happy?",
    "what is the {name} thinking?",
    "how much does the {name} cost?",
    "can you eat the {name}?",
    "what does the {name} sound like?",
    "how heavy is the {name}?",
    "what is the {name} made of?",
    "who owns the {name}?",
    "do you like the {name}?",
    "when was the picture made?",
    "who made this picture?",
    "what is the weather like?",
    "what time is it?",
    "what is your name?",
    "who are you?",
    "hello, how are you?",
    "tell me a joke.",
    "write a poem about the {name}.",
    "what is two and two?",
    "who is the president?",
    "what is the capital of france?",
    "translate {name} into french.",
    "what will happen next?",
    "how do i cook {names}?",
    "is this picture beautiful?",
    "where did you learn this?",
    "why are there {names}?",
    "where do {names} live?",
    "what do {names} eat?",
    "explain the theory of relativity.",
    "what can you do?",
    "sing a song.",
)
OUTSIDE_KEPT_FOR_TESTING = (
    "how fast is the {name}?",
    "what is the history of {names}?",
    "does the {name} look sad?",
    "which language do you speak?",
    "recommend a good book.",
    "what did the {name} do yesterday?",
    "how was the {name} painted?",
    "should i buy a {name}?",
    "what is the square root of nine?",
    "how tall is the {name}?",
)
OPENERS = (
    "hey,", "so,", "well,", "now", "ok,", "hello!", "excuse me,", "tell me,", "quick question:",
    "i wonder,", "i would like to know:", "if you look closely,", "could you say", "just asking:",
    "say,", "from what you see,", "one more thing:", "my question:", "right,", "let us see:",
)  # fmt: skip
FILLERS = (
    "really", "actually", "now", "just", "maybe", "then", "perhaps", "exactly", "please", "really",
    "quite", "at all", "kindly", "again", "you know", "by chance", "i mean", "also",
)  # fmt: skip
CLOSERS = ("please", "thanks", "thank you", "for me", "then", "do you know", "if you can")

# Words that decide what is asked, beside the names of things: these are never touched.
_MEANING = (
    "where what which name how many count number is there more fewer as than left right above "
    "below of picture"
)


def meaning_words() -> frozenset[str]:
    """Words that must stay as they are, or the question would be another one."""
    names = {word for name in everyday_vocabulary() for word in (name, plural(name))}
    return frozenset([*_MEANING.split(), *ROWS, *COLUMNS, "centre", "things", *names])


def roughen(
    dice: Dice, question: str, keep: frozenset[str], openers: Sequence[str] = OPENERS
) -> str:
    """The question as somebody else might type it: the same meaning, other words about it."""
    words = question.split()
    if dice.chance(0.3):
        free = [i for i, word in enumerate(words) if word.strip(".,?:!") not in keep]
        for i in free:
            if dice.chance(0.2):
                words[i] = dice.pick(FILLERS) if dice.chance(0.5) else ""
    if dice.chance(0.2):
        words.insert(dice.below(len(words)), dice.pick(FILLERS))
    if dice.chance(0.3):
        words.insert(0, dice.pick(openers))
    if dice.chance(0.15):
        words.append(dice.pick(CLOSERS))
    text = " ".join(word for word in words if word)
    if dice.chance(0.2):
        text = text.rstrip(".?") + dice.pick(("", "?", "."))
    return text[0].upper() + text[1:] if dice.chance(0.15) else text


def conversation(
    dice: Dice,
    things: Sequence[Thing],
    names: Sequence[str],
    keep: frozenset[str] | None,
    aloud: Aloud,
) -> list[tuple[str, str]]:
    """Questions about a scene with their answers, in random order, the first with the picture.

    They are roughened, sparing the words to `keep`; or plain, where that is None.
    """
    turns = []
    for kind, question, answer in questions(dice, things, names, kept_phrasings=False):
        if kind in aloud:
            answer = aloud[kind](question, answer, things)
        turns.append((question if keep is None else roughen(dice, question, keep), answer))
    turns.append(outside(dice, names, OUTSIDE))
    if dice.chance(0.3):
        turns.append((dice.pick(DESCRIBE), caption(dice, things)))
    (first, answer), *others = dice.shuffled(turns)
    return [(f"{IMAGE}\n{first}", answer), *others]


def count_aloud(question: str, answer: str, things: Sequence[Thing]) -> str:
    """top left, centre: 2. The places of what a question counts, as one reads, then the answer.

    A number alone must come from one look at all places at once. Here each place is one look, and
    the number follows from what was just said.
    """
    if answer == "0":
        return answer
    asked = [name for name in counts(things) if re.search(rf"\b{plural(name)}\b", question)]
    name = max(asked, key=len, default=None)  # none: "how many things …?"
    places = [thing.place for thing in things if name in (None, thing.name)]
    return f"{', '.join(sorted(places, key=PLACES.index))}: {answer}"


def some_turns(
    dice: Dice,
    things: Sequence[Thing],
    names: Sequence[str],
    turns: Sequence[tuple[str, str]],
    asked: int,
) -> list[tuple[str, str]]:
    """Some of these turns, with one in front, behind or between that has a long answer.

    Args:
        turns: see `conversation`.
        asked: how many of them.
    """
    some = [(question.replace(f"{IMAGE}\n", ""), answer) for question, answer in turns[:asked]]
    long = dice.pick(LONG_QUESTIONS)(dice, things, names)
    (first, answer), *others = dice.shuffled([*some, long])
    return [(f"{IMAGE}\n{first}", answer), *others]


# An answer such as "yes" or "3" says little about where to look, so looking is learnt late from
# these alone. The long answers below say one name and what there is to say of it, then the next:
# each pair asks for one look, and what is looked for stands right before what is found. Their
# order is random, so that none can be guessed from the one before.


def ask_every_place(dice: Dice, things: Sequence[Thing], names: Sequence[str]) -> tuple[str, str]:
    """What is in each of the nine places?"""
    pairs = dice.shuffled(list(zip(PLACES, named_places(things), strict=True)))
    return dice.pick(EVERY_PLACE), paired(pairs)


def ask_every_thing(dice: Dice, things: Sequence[Thing], names: Sequence[str]) -> tuple[str, str]:
    """Where is everything?"""
    pairs = [(thing.name, thing.place) for thing in dice.shuffled(list(things))]
    return dice.pick(EVERY_THING), paired(pairs)


def ask_where_each(dice: Dice, things: Sequence[Thing], names: Sequence[str]) -> tuple[str, str]:
    """The places of all that is there once, in the order they are asked for."""
    singles = alone(things)
    if not singles:
        return ask_every_thing(dice, things, names)
    chosen = dice.shuffled(singles)
    those = listed([f"the {thing.name}" for thing in chosen])
    pairs = [(thing.name, thing.place) for thing in chosen]
    return dice.pick(WHERE_EACH).format(those=those), paired(pairs)


def ask_count_each(dice: Dice, things: Sequence[Thing], names: Sequence[str]) -> tuple[str, str]:
    """The numbers of names that are there and of others, in the order asked for."""
    number, asked = counts(things), some_names(dice, things, names)
    those = listed([plural(name) for name in asked])
    pairs = [(plural(name), str(number[name])) for name in asked]
    return dice.pick(COUNT_EACH).format(those=those), paired(pairs)


def ask_presence_each(dice: Dice, things: Sequence[Thing], names: Sequence[str]) -> tuple[str, str]:
    """Which of these are there?"""
    number, asked = counts(things), some_names(dice, things, names)
    those = listed([a(name) for name in asked])
    pairs = [(name, "yes" if number[name] else "no") for name in asked]
    return dice.pick(PRESENT_EACH).format(those=those), paired(pairs)


LONG_QUESTIONS = (
    ask_every_place,
    ask_every_thing,
    ask_where_each,
    ask_count_each,
    ask_presence_each,
)


def some_names(dice: Dice, things: Sequence[Thing], names: Sequence[str]) -> list[str]:
    """Up to four names that are there and three that are not, in random order."""
    number = counts(things)
    present = dice.sample(list(number), min(4, len(number)))
    return dice.shuffled([*present, *dice.sample([n for n in names if n not in number], 3)])


def paired(pairs: Sequence[tuple[str, str]]) -> str:
    """dog top left, key centre."""
    return ", ".join(f"{asked} {answer}" for asked, answer in pairs) + "."


def outside(dice: Dice, names: Sequence[str], templates: Sequence[str]) -> tuple[str, str]:
    """A question that the picture or the model cannot answer, and the honest answer."""
    name = dice.pick(names)
    return dice.pick(templates).format(name=name, names=plural(name)), I_CAN_TELL


def named_places(things: Sequence[Thing]) -> list[str]:
    """What is in each place, "nothing" where nothing is, in reading order."""
    at = {thing.place: thing.name for thing in things}
    return [at.get(place, "nothing") for place in PLACES]


def described(things: Sequence[Thing]) -> str:
    """The scene in nine words, in reading order."""
    return " ".join(named_places(things))
