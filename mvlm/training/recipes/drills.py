"""Drills: a few short questions, most of the kinds that are learnt last.

Chapters 08 and 10. Counting, comparing and relations need two looks and a thought; in a mixed
conversation they get three words of answer in two hundred of text. Here they get most of them.
And people ask what no list foresees: openings, and questions that the picture cannot answer, are
put together from words here, so that the model meets more of them than it could learn by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mvlm.data.dice import Dice
from mvlm.data.questions import ASK, PHRASINGS
from mvlm.data.things import Thing, plural
from mvlm.data.unanswerable import unanswerable
from mvlm.tokenizer import IMAGE
from mvlm.training.recipes.clip import vocabulary
from mvlm.training.recipes.texts import (
    I_CAN_TELL,
    OPENERS,
    OUTSIDE,
    OUTSIDE_KEPT_FOR_TESTING,
    Aloud,
    ask_count_each,
    ask_every_place,
    conversation,
    meaning_words,
    outside,
    roughen,
    some_turns,
)

# A kind stands here as often as it comes in ten questions.
LEARNT_LAST = (
    "how many", "how many", "how many", "compare", "compare", "compare", "relation", "relation",
    "where", "is there",
)  # fmt: skip
MORE_OPENERS = (
    *OPENERS, "good morning,", "dear model,", "my friend,", "once more:", "i forgot to ask:",
    "before we go on,", "let me ask:", "can you help me?", "i cannot see well.", "by the way,",
    "for my homework:", "my sister asks:", "next question.", "think first:", "be honest:",
    "in short:", "can you confirm:", "is it so:", "i guess:", "someone told me to ask:",
    "look again.", "take your time.", "here is a hard one:", "one word only:", "quickly:",
)  # fmt: skip

# With the pictures come more ways to ask (chapter 10): the more of them a model has met, the less
# it takes an unknown wording for a question that nobody can answer.
MORE_PHRASINGS = {
    "what": (
        "the {place} shows what?",
        "{place}: what is it?",
        "i want to know what is in the {place}.",
        "which thing do you find in the {place}?",
        "describe the thing in the {place}.",
        "what sits in the {place}?",
        "give me the name of the thing in the {place}.",
        "what lies in the {place}, if anything?",
        "anything in the {place}?",
        "who or what is in the {place}?",
    ),
    "where": (
        "i am looking for the {name}.",
        "i cannot find the {name}. where is it?",
        "can you locate the {name}?",
        "where has the {name} gone?",
        "where did they put the {name}?",
        "in what part of the picture is the {name}?",
        "{name}: where?",
        "give me the place of the {name}.",
        "do you know where the {name} is?",
        "where must i look to see the {name}?",
        "show the {name} to me.",
        "the {name}, where does it stand?",
    ),
    "how many": (
        "how often do you see {names}?",
        "{names}, how many of them?",
        "how many of the things are {names}?",
        "i want to know how many {names} there are.",
        "what number of {names} is there?",
        "how many {names} in all?",
        "how many {names} does it hold?",
        "say how many {names} there are.",
        "do count the {names} for me.",
        "are there any {names}, and how many?",
    ),
    "is there": (
        "is {a_name} here?",
        "will i find {a_name}?",
        "i am looking for {a_name}. is there one?",
        "does it hold {a_name}?",
        "is {a_name} among the things?",
        "do we see {a_name}?",
        "i think there is {a_name}. is there?",
        "could there be {a_name} here?",
        "is {a_name} there or not?",
        "have you seen {a_name}?",
    ),
    "relation": (
        "i think the {name} is {relation} the {other}. is it?",
        "is the {name} to be seen {relation} the {other}?",
        "do i find the {name} {relation} the {other}?",
        "{name} {relation} {other}: yes or no?",
        "the {name} is {relation} the {other}, is it not?",
        "has someone put the {name} {relation} the {other}?",
        "does the picture have the {name} {relation} the {other}?",
        "looking at the {other}, is the {name} {relation} it?",
        "could you say whether the {name} is {relation} the {other}?",
        "is it right to say that the {name} is {relation} the {other}?",
    ),
    "compare": (
        "i think there are {comparison}. are there?",
        "{comparison}: yes or no?",
        "there are {comparison}, are there not?",
        "do i find {comparison}?",
        "could you say whether there are {comparison}?",
        "is it right to say that there are {comparison}?",
        "has the picture got {comparison}?",
        "would you count {comparison}?",
        "do we see {comparison}?",
        "all counted, are there {comparison}?",
    ),
    "odd": (
        "does the {name} seem {quality} to you?",
        "does the {name} want to {deed}?",
        "does the {name} like {topic}?",
        "does the {name} have a {fact}?",
        "do the {names} know {topic}?",
        "what is the {fact} of {names}?",
        "what is the use of a {name}?",
        "what is the best thing about the {name}?",
        "what is the {name} for?",
        "what is {topic}?",
        "what did the {name} {deed} for?",
        "what does the {name} want?",
        "should i {deed}?",
        "should the {name} {deed}?",
        "should we talk about {topic}?",
        "should {names} be {quality}?",
        "may i {deed} with the {name}?",
        "give me a {fact} for the {name}.",
        "find out the {fact} of the {name}.",
        "look up {topic} for me.",
        "count to a hundred.",
        "where does the {name} {deed}?",
        "where was the {name} last summer?",
        "where is {topic}?",
        "how many days has a year?",
        "how many people like {topic}?",
        "how often does the {name} {deed}?",
        "how long can a {name} {deed}?",
        "how come the {name} is {quality}?",
        "is there a god?",
        "is there any {fact} of the {name}?",
        "is {topic} more {quality} than {names}?",
        "are {names} better than {topic}?",
        "was the {name} ever {quality}?",
        "name the {fact} of the {name}.",
        "name a famous {name}.",
        "say something {quality}.",
        "which is more {quality}, the {name} or {topic}?",
    ),
}

# After a first run with the wordings above, each word that only odd questions had was a sign to
# refuse: "where should i look for the dog?" was, every time. So the second run puts such words
# into questions that can be answered, and every other word into odd ones.
EVEN_MORE_PHRASINGS = {
    "what": (
        "what should i see in the {place}?",
        "what have they put in the {place}?",
        "what did somebody draw in the {place}?",
        "do you know the name of what is in the {place}?",
        "what would you call the thing in the {place}?",
        "what is it that the {place} has got?",
    ),
    "where": (
        "where should the {name} be?",
        "in which place should i see the {name}?",
        "which place has the {name} got?",
        "help me find the {name}.",
        "could you find out where the {name} is?",
        "what happened to the {name}, where is it now?",
        "where would you say the {name} is?",
        "where did somebody draw the {name}?",
    ),
    "how many": (
        "how many {names} has the picture got?",
        "what is the count of {names}?",
        "how many {names} should i find?",
        "will you count the {names}?",
        "how many would you call {names}?",
        "how many {names} did somebody draw?",
        "do you know how many {names} they put here?",
    ),
    "is there": (
        "would you say there is {a_name}?",
        "should i see {a_name} here?",
        "could i find {a_name} here?",
        "did somebody draw {a_name}?",
        "has the picture got {a_name}?",
        "do you think there is {a_name}?",
    ),
    "relation": (
        "would the {name} be {relation} the {other}?",
        "did somebody draw the {name} {relation} the {other}?",
        "should i find the {name} {relation} the {other}?",
        "do you think the {name} is {relation} the {other}?",
    ),
    "compare": (
        "did somebody draw {comparison}?",
        "should i see {comparison}?",
        "do you think there are {comparison}?",
        "would there be {comparison}?",
    ),
}
EVERY_PHRASING = {
    kind: (*ways, *EVEN_MORE_PHRASINGS.get(kind, ())) for kind, ways in MORE_PHRASINGS.items()
}

# Ten wordings kept for testing showed what was still missing: a sentence of another build than all
# of these was answered with whatever came. The last run has three hundred more of such sentences.
WITH_UNANSWERABLE = EVERY_PHRASING | {"odd": (*EVERY_PHRASING["odd"], *unanswerable("taught"))}

# Of these, questions are put together that nothing in a scene answers. None of the words that
# `OUTSIDE_KEPT_FOR_TESTING` turns on is among them.
QUALITIES = (
    "old", "heavy", "rich", "warm", "cold", "clever", "funny", "lonely", "hungry", "angry", "new",
    "strong", "soft", "loud", "dangerous", "useful", "expensive", "clean", "famous", "lucky",
    "tired", "broken", "real", "alive", "magic", "kind", "brave", "wet", "round", "bright",
)  # fmt: skip
FACTS = (
    "name", "price", "weight", "colour", "age", "owner", "meaning", "smell", "taste", "home",
    "mother", "favourite food", "job", "birthday", "opinion", "phone number", "plan", "secret",
    "temperature", "material", "purpose", "best friend", "biggest fear", "first word",
)  # fmt: skip
DEEDS = (
    "sleep", "sing", "dance", "swim", "fly", "cook", "run", "dream", "laugh", "cry", "grow",
    "work", "travel", "jump", "win", "hide", "break", "burn", "melt", "live", "fight", "think",
)  # fmt: skip
TOPICS = (
    "the moon", "football", "the war", "my mother", "love", "money", "the weather", "space",
    "mathematics", "the ocean", "computers", "london", "summer", "dinosaurs", "dinner", "school",
    "the news", "a film", "chess", "physics", "the future", "your day", "christmas", "tokyo",
)  # fmt: skip
ODD = (
    "how {quality} is the {name}?",
    "is the {name} {quality}?",
    "are {names} {quality}?",
    "why is the {name} so {quality}?",
    "is the {name} more {quality} than you?",
    "does the {name} feel {quality}?",
    "who is {quality}?",
    "are you {quality}?",
    "what is the {fact} of the {name}?",
    "tell me the {fact} of the {name}.",
    "do you know the {fact} of the {name}?",
    "what is your {fact}?",
    "what is the {fact} of {topic}?",
    "has the {name} got a {fact}?",
    "can the {name} {deed}?",
    "will the {name} {deed} tomorrow?",
    "did the {name} {deed}?",
    "why do {names} {deed}?",
    "when did the {name} {deed}?",
    "how do {names} {deed}?",
    "could you {deed}?",
    "do you {deed}?",
    "what do you think of {topic}?",
    "tell me something about {topic}.",
    "who invented {topic}?",
    "do you like {topic}?",
    "is {topic} {quality}?",
    "write a story about {topic}.",
    "how does {topic} work?",
    "explain {topic} to a child.",
    "where do i find {topic}?",
    "which {fact} do you have?",
    "which {names} {deed}?",
    "must i {deed}?",
    "would you sell the {name}?",
    "i want to {deed} with the {name}.",
    "help me {deed}.",
    "what happened to the {name}?",
    "translate {topic} into spanish.",
    "spell {name} backwards.",
)


def talk(
    dice: Dice,
    things: Sequence[Thing],
    names: Sequence[str],
    keep: frozenset[str],
    *,
    asked: int,
    drills: float,
    more: Mapping[str, Sequence[str]],
    aloud: Aloud,
    words: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """A mixed conversation, or a drill.

    Args:
        keep: words that are never changed: see `texts.roughen`.
        asked: questions of a mixed conversation, and the most that a drill has.
        drills: share of the conversations that are drills.
        more: ways to ask, by kind, beside those of `mvlm.data.questions` and, under "odd", beside
            `ODD`; drills use them.
        aloud: what is said in place of a short answer, by kind.
        words: any others, for odd questions: see `other_words`.
    """
    if dice.chance(drills):
        return drill(dice, things, names, keep, dice.between(1, asked), more, aloud, words)
    turns = conversation(dice, things, names, keep, aloud)
    return some_turns(dice, things, names, turns, asked)


def drill(
    dice: Dice,
    things: Sequence[Thing],
    names: Sequence[str],
    keep: frozenset[str],
    asked: int,
    more: Mapping[str, Sequence[str]],
    aloud: Aloud,
    words: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """So many short questions, sometimes an odd one, and sometimes one that counts several things.

    Few at a time: every name that was asked about before is one more that looks like what is
    looked for.
    """
    turns = []
    if dice.chance(0.2):
        asked_in_vain = odd(dice, names, more.get("odd", ()), words)
        turns.append((roughen(dice, asked_in_vain, keep, MORE_OPENERS), I_CAN_TELL))
    if dice.chance(0.4):
        turns.append(ask_count_each(dice, things, names))
    for _ in range(asked):
        kind = dice.pick(LEARNT_LAST)
        slots_and_answer = ASK[kind](dice, things, names)
        if slots_and_answer is not None:
            slots, answer = slots_and_answer
            question = dice.pick((*PHRASINGS[kind], *more.get(kind, ()))).format(**slots)
            if kind in aloud:
                answer = aloud[kind](question, answer, things)
            turns.append((roughen(dice, question, keep, MORE_OPENERS), answer))
    if not turns:  # a picture of one thing has nothing to compare
        turns.append(ask_every_place(dice, things, names))
    (first, answer), *others = dice.shuffled(turns)
    return [(f"{IMAGE}\n{first}", answer), *others]


def odd(
    dice: Dice, names: Sequence[str], more: Sequence[str] = (), words: Sequence[str] = ()
) -> str:
    """A question that the picture or the model cannot answer.

    Args:
        more: ways to ask beside `ODD`.
        words: stand in half of the places of qualities, facts, deeds and topics.
    """

    def one_of(those: Sequence[str]) -> str:
        return dice.pick(words if words and dice.chance(0.5) else those)

    if dice.chance(0.3):
        question, _ = outside(dice, names, OUTSIDE)
        return question
    name = dice.pick(names)
    return dice.pick((*ODD, *more)).format(
        name=name,
        names=plural(name),
        quality=one_of(QUALITIES),
        fact=one_of(FACTS),
        deed=one_of(DEEDS),
        topic=one_of(TOPICS),
    )


def other_words() -> list[str]:
    """Unicode's keywords, two thousand English words, without those that a scene can answer.

    Those that `OUTSIDE_KEPT_FOR_TESTING` turns on are left out as well.
    """
    kept = {word.strip("?.") for text in OUTSIDE_KEPT_FOR_TESTING for word in text.split()}
    found = {
        part.lower()
        for word in vocabulary()
        for text in (word.name, *word.keywords)
        for part in text.split()
        if part.isascii() and part.isalpha() and len(part) > 2
    }
    return sorted(found - kept - meaning_words())
