"""Exercise 12: keeping score: choices, numbers, actions, episodes, blind scores, leaked items.

What is right is worked out here from the definitions: a choice by looking at every run of words,
a number as a fraction, an action by cutting its brackets one by one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    Comparison,
    expect_keys,
    expect_number,
    expect_parts,
    expect_something,
    kind_of,
    near,
)

# read_choice ------------------------------------------------------------------------------------

SETS = (
    ("larger than", "equal to", "smaller than"),
    ("rising", "falling", "flat"),
    ("yes", "no"),
    ("green and red", "blue and orange", "purple and grey"),
    ("north", "east", "south", "west"),
)
NO_ANSWER = "What names no choice is None. A scorer that must choose gives points for nothing."


def _expect_choice(student: Student, said: str, choices: list[str], wanted: str | None) -> None:
    value = student.call("read_choice", said, choices)
    if value is not None and type(value) is not str:
        raise AnswerFailed(
            f"read_choice returned a {kind_of(value)}, wanted a choice's words or None"
        )
    if value != wanted:
        fail(f"{said!r} among {choices} is {wanted!r}, and yours says {value!r}")


@check(
    "a choice is named by its words, whole ones, in small or capital letters",
    "Words, not parts of words: compare lists of words, or look at what stands on both sides.",
)
def choice_words(student: Student) -> None:
    for said in ("{}", "{}.", "I think it is {}.", "It is {}, I think", "  {} \n", "'{}'!"):
        for choices in map(list, SETS):
            wanted = student.pick(choices)
            words = said.format(student.pick((wanted, wanted.upper(), wanted.title())))
            _expect_choice(student, words, choices, wanted)
    with student.on("a choice's letters inside other words"):
        for said, choices in (
            ("I now know nothing of it", ["yes", "no"]),
            ("unequal to it", ["larger than", "equal to"]),
            ("the northern one", ["north", "east"]),
            ("smaller thank you", ["larger than", "smaller than"]),
            ("green or red", ["green and red", "blue and orange"]),
        ):
            _expect_choice(student, said, choices, None)


@check(
    "a letter counts in brackets, or as the last word",
    "'A' is a word as well. Which letters are meant as an answer, and which are not?",
    after=[choice_words],
)
def choice_letters(student: Student) -> None:
    for said in ("({})", "The answer is ({}).", "({}) is what I see", "{}", "The answer is {}."):
        for choices in map(list, SETS):
            place = student.integer(0, len(choices) - 1)
            letter = "abcd"[place]
            words = said.format(student.pick((letter, letter.upper())))
            _expect_choice(student, words, choices, choices[place])
    with student.on("a letter that is only a word"):
        choices = list(SETS[0])
        for said in ("A function of x", "a curve, B by name, I cannot see", "It has a zero"):
            _expect_choice(student, said, choices, None)
        _expect_choice(student, "A curve that is smaller than it was", choices, choices[2])
    with student.on("a letter that no choice has"):
        _expect_choice(student, "(D)", choices, None)
        _expect_choice(student, "The answer is c.", ["yes", "no"], None)


@check("an answer that names no choice is None", NO_ANSWER)
def choice_none(student: Student) -> None:
    for said in ("", " ", "I cannot tell.", "less than", "42", "?", "larger", "than to"):
        with student.on(f"the answer {said!r}"):
            _expect_choice(student, said, student.shuffled(SETS[0]), None)


@check(
    "behind 'not' nothing is named; of several the last counts; the longer one counts",
    "First find everything that is named, with where it begins and ends. Then strike out.",
    after=[choice_words, choice_letters, choice_none],
    keeps_arguments=True,
)
def choice_several(student: Student) -> None:
    for choices in (list(SETS[0]), list(SETS[1]), list(SETS[3])):
        with student.on("what stands right behind 'not'"):
            one, other = student.shuffled(choices)[:2]
            letter = "abcd"[choices.index(one)]
            for said in (f"not {one}", f"It is NOT {one}.", f"not ({letter})", f"not {letter}"):
                _expect_choice(student, said, choices, None)
            _expect_choice(student, f"it is {other}, not {one}", choices, other)
            for said in ("I did not look, but {}", "It is not hard: {}", "not so: ({})"):
                shown = letter if "(" in said else one
                _expect_choice(student, said.format(shown), choices, one)
        with student.on("several are named"):
            _expect_choice(student, f"Not {one}? Or {other}? No: {one}", choices, one)
            _expect_choice(student, f"{one} or {other}: {other}", choices, other)
            _expect_choice(student, f"first ({letter}), now {other}", choices, other)
            _expect_choice(student, f"first {other}, now ({letter})", choices, one)
    with student.on("a choice inside a longer one"):
        for order in (["red", "dark red", "blue"], ["dark red", "blue", "red"]):
            _expect_choice(student, "It is dark red.", order, "dark red")
            _expect_choice(student, "red", order, "red")
            _expect_choice(student, "dark red? no, red", order, "red")
            _expect_choice(student, "not dark red", order, None)
            _expect_choice(student, "dark or red", order, "red")


# relaxed ----------------------------------------------------------------------------------------


def _expect_verdict(student: Student, said: str, right: str, wanted: bool, why: str) -> None:
    value = expect_something(student.call("relaxed", said, right), "relaxed")
    if type(value) is not bool:
        raise AnswerFailed(f"relaxed returned a {kind_of(value)}, wanted True or False")
    if value is not wanted:
        verdict = "right" if wanted else "wrong"
        fail(f"{said!r} is {verdict} for {right!r} ({why}), and yours says the other")


EXACTLY = (
    "In floating point 1.05 - 1 is more than 0.05. The modules decimal and fractions count exactly."
    " And 5 % of which of the two? `math.isclose` takes the larger."
)


@check("5 % of the right number to both sides, the bound included", EXACTLY)
def relaxed_bound(student: Student) -> None:
    hundred = student.integer(3, 9) * 100
    for number, unit in ((hundred, 1), (20, 1), (20, 10)):
        scale = Fraction(number, unit)
        for share, wanted in (
            *((Fraction(105, 100), True), (Fraction(95, 100), True)),
            *((Fraction(1051, 1000), False), (Fraction(9495, 10_000), False)),
            *((Fraction(10_526, 10_000), False), (Fraction(9511, 10_000), True)),
            *((Fraction(1), True), (Fraction(2), False), (Fraction(1, 2), False)),
        ):
            said, right = _decimal(scale * share), _decimal(scale)
            why = f"{float(abs(share - 1)):.2%} off, of what is right"
            _expect_verdict(student, said, right, wanted, why)
    for said, right in (("1.05", "1"), ("0.95", "1"), ("2.1", "2"), ("0.315", "0.3")):
        with student.on("exactly 5 %, in numbers that binary fractions only come near"):
            _expect_verdict(student, said, right, True, "the bound itself counts")
    _expect_verdict(student, "0.33", "0.3", False, "10 % off")


def _decimal(number: Fraction) -> str:
    """A number as it is written, without zeros at the end."""
    text = f"{float(number):.6f}".rstrip("0").rstrip(".")
    assert Fraction(text) == number
    return text


@check(
    "signs count, and for 0 only 0 is right",
    "5 % of 0 is 0. And is 0 a number to your code, or nothing? `if number` asks the second.",
)
def relaxed_sign(student: Student) -> None:
    number = student.integer(21, 99)
    for said, right, wanted, why in (
        (f"-{number}", f"{number}", False, "the sign is wrong"),
        (f"{number}", f"-{number}", False, "the sign is wrong"),
        (f"-{number}.5", f"-{number}", True, "both are below 0"),
        (f"-{2 * number}", f"-{number}", False, "100 % off"),
        (f"+{number}", f"{number}", True, "a plus changes nothing"),
        ("0", "0.0", True, "the same number"),
        ("0.01", "0", False, "5 % of 0 is 0"),
        ("-0.04", "0", False, "5 % of 0 is 0"),
        ("0", f"{number}", False, "100 % off"),
        ("-0", "0", True, "the same number"),
    ):
        _expect_verdict(student, said, right, wanted, why)


@check(
    "commas and % are dropped on both sides; other texts must be equal",
    "Bring both sides to a number by one and the same function. What does it return for a word?",
)
def relaxed_written(student: Student) -> None:
    small = student.integer(30, 99)
    large = f"{student.integer(2, 9)},{student.integer(100, 999)}"
    plain = large.replace(",", "")
    for said, right, wanted, why in (
        (large, plain, True, "a comma in a number says nothing"),
        (plain, large, True, "a comma in a number says nothing"),
        (f"1,{large}", f"1{plain}", True, "commas are dropped wherever they stand among digits"),
        (f"{small}%", f"{small}", True, "74% and 74 are one number"),
        (f"{small}", f"{small}%", True, "74% and 74 are one number"),
        (f"{small} %", f"{small}%", True, "a space before the %"),
        (f"{small / 100:.2f}", f"{small}%", False, "74% is 74, not 0.74"),
        (f" {small} ", f"{small}", True, "spaces at the ends"),
        ("Tuesday ", "tuesday", True, "equal but for capitals and spaces at the ends"),
        ("tues", "tuesday", False, "texts must be equal"),
        ("tuesday", f"{small}", False, "a text for a number"),
        (f"{small}", "tuesday", False, "a number for a text"),
        (f"{small} cars", f"{small}", False, "that is no number"),
        ("", f"{small}", False, "nothing was said"),
        ("", "0", False, "nothing was said"),
        ("nan", f"{small}", False, "that is no number"),
        ("-", "0", False, "that is no number"),
        ("inf", f"{small}", False, "that is no number"),
        ("1e2", "100", False, "that is no number of this contract"),
        ("1_000", "1000", False, "that is no number of this contract"),
        ("3/4", "0.75", False, "that is no number of this contract"),
        (f"1 {plain}", f"1{plain}", False, "with a space inside that is no number"),
        (f"- {small}", f"-{small}", False, "with a space inside that is no number"),
        (f"{small}%%", f"{small}", False, "with two % that is no number"),
        ("blue green", "bluegreen", False, "texts must be equal, spaces inside too"),
    ):
        _expect_verdict(student, said, right, wanted, why)


@check(
    "a year must be the same",
    "Four digits from 1900 to 2099, and nothing else, on the side of what is right.",
    after=[relaxed_bound],
)
def relaxed_years(student: Student) -> None:
    year = student.integer(1903, 2096)
    for said, right, wanted, why in (
        (f"{year - 2}", f"{year}", False, "another year"),
        (f"{year + 1}", f"{year}", False, "another year"),
        (f"{year}", f"{year}", True, "the same year"),
        (f" {year}.0", f"{year}", True, "the same number"),
        (f"{year - 1}.5", f"{year}", False, "another number"),
        ("1901", "1900", False, "another year"),
        ("2098", "2099", False, "another year"),
        ("1880", "1899", True, "1899 is not among the years meant here, so 5 % hold"),
        ("2090", "2100", True, "2100 is not among the years meant here, so 5 % hold"),
        ("2000", "2,050", True, "with a comma it is no year, so 5 % hold"),
        ("2000", "2050.0", True, "with a point it is no year, so 5 % hold"),
        ("2000", "2050%", True, "with a % it is no year, so 5 % hold"),
        ("-2000", "-2050", True, "with a sign it is no year, so 5 % hold"),
        ("2050", "2105", True, "what was SAID looks like a year; what is right does not"),
    ):
        _expect_verdict(student, said, right, wanted, why)


# read_action ------------------------------------------------------------------------------------

Read = tuple[str, int | None, str | None, bool]


def _expect_action(student: Student, said: str, wanted: Read | None) -> None:
    value = student.call("read_action", said)
    if value is None:
        if wanted is not None:
            fail(f"{said!r} is {wanted}, and yours says None")
        return
    parts = ("name", "element", "text", "enter")
    name, element, text, enter = expect_parts(value, parts, "read_action")
    if type(element) is bool or not isinstance(element, int | None):
        fail(f"{said!r}: the element is a {type(element).__name__}, wanted a whole number or None")
    if type(enter) is not bool:
        fail(f"{said!r}: enter is a {type(enter).__name__}, wanted True or False")
    if (name, element, text, enter) != wanted:
        fail(f"{said!r} is {wanted}, and yours says {(name, element, text, enter)}")


@check(
    "click: the name and the number",
    "Name, number, text, Enter: what an action does not have is None, and enter is then True.",
)
def action_click(student: Student) -> None:
    for number in (0, 7, student.integer(10, 99), student.integer(1000, 9999)):
        for said in ("click [{}]", "click[{}]", "click  [{}]", "  click [{}] \n"):
            _expect_action(student, said.format(number), ("click", number, None, True))


@check(
    "scroll, go_back, and stop with and without an answer",
    "stop alone has no answer: None. `stop []` has one, and it is empty.",
)
def action_others(student: Student) -> None:
    price = student.integer(10, 99)
    for said, wanted in (
        ("scroll [up]", ("scroll", None, "up", True)),
        ("scroll [down]", ("scroll", None, "down", True)),
        ("go_back", ("go_back", None, None, True)),
        ("stop", ("stop", None, None, True)),
        ("stop []", ("stop", None, "", True)),
        (f"stop [{price}]", ("stop", None, f"{price}", True)),
        ("stop [N/A]", ("stop", None, "N/A", True)),
        (
            f"stop [the blue one, {price} coins]",
            ("stop", None, f"the blue one, {price} coins", True),
        ),
        ("stop [see [3] and [4]]", ("stop", None, "see [3] and [4]", True)),
        ("stop [ The Red One ]", ("stop", None, " The Red One ", True)),
        ("```stop [two\nlines]```", ("stop", None, "two\nlines", True)),
    ):
        _expect_action(student, said, wanted)


@check(
    "type: the text, and whether Enter follows",
    "Where does the text end, and when is a last [0] or [1] no part of it? Try `type [7] [1]`.",
)
def action_type(student: Student) -> None:
    number, one = student.integer(2, 99), student.integer(2, 9)
    for rest, text, enter in (
        ("[red shoes]", "red shoes", True),
        ("[red shoes] [1]", "red shoes", True),
        ("[red shoes] [0]", "red shoes", False),
        ("[red shoes][0]", "red shoes", False),
        ("[]", "", True),
        ("[] [0]", "", False),
        (f"[{one}]", f"{one}", True),
        ("[1]", "1", True),
        ("[0]", "0", True),
        ("[1] [0]", "1", False),
        ("[shoes [red]]", "shoes [red]", True),
        ("[a] and [b]", "a] and [b", True),
        ("[a] and [b] [0]", "a] and [b", False),
        (f"[a] [{one}]", f"a] [{one}", True),
        ("[two\nlines]", "two\nlines", True),
        ("[Red Shoes]", "Red Shoes", True),
        ("[ red shoes ] [0]", " red shoes ", False),
    ):
        said = f"type [{number}] {rest}"
        if "\n" in rest:
            said = f"```{said}```"  # else the last line alone would be looked at
        _expect_action(student, said, ("type", number, text, enter))
    _expect_action(student, f"type[{number}][ok]", ("type", number, "ok", True))


@check(
    "the last pair of fences, or the last line that is not empty",
    "An agent may write an example first, and change its mind.",
    after=[action_click],
)
def action_where(student: Student) -> None:
    first, last = student.integer(10, 49), student.integer(50, 99)
    wanted = ("click", last, None, True)
    for said in (
        f"I see a key.\nclick [{last}]",
        f"click [{first}] would be wrong.\n\nclick [{last}]\n  \n",
        f"The action is ```click [{last}]```, since it is the cheapest.",
        f"Not ```click [{first}]``` but ```click [{last}]```.\nThat is all.",
        f"```\nclick [{last}]\n```\nclick [{first}]",
        f"so: ``` click [{last}] ```",
    ):
        _expect_action(student, said, wanted)


@check(
    "everything else is None: what is left over makes it no action",
    "The whole of it must be one action. A search finds one in the middle of something else.",
    after=[action_click],
)
def action_strict(student: Student) -> None:
    number = student.integer(10, 99)
    for said in (
        "",
        "   \n",
        "I do not know.",
        f"click [{number}] or perhaps [13]",
        f"I would click [{number}]",
        f"click [{number}].",
        f"click {number}",
        "click [key]",
        f"click [-{number}]",
        f"click [{number}] [1]",
        f"Click [{number}]",
        f"tap [{number}]",
        f"type [{number}]",
        "type [red shoes]",
        "scroll [left]",
        "scroll",
        "go_back [1]",
        "stopped",
        "stop it",
        f"click [{number}]\nThat should do.",
        f"```click [{number}]\n",
        f"click [{number}]\n``````",
    ):
        _expect_action(student, said, None)


# run_episode ------------------------------------------------------------------------------------

Shop = dict[str, Any]
Said = list[int | str | None]
KEYS = ("page", "basket", "steps", "success")
THINGS = ("apple", "bell", "car", "dog", "egg", "fish", "guitar", "key")


def _episode(
    shop: Shop,
    said: Said,
    limit: int,
    *,
    costs_nothing: bool = False,
    judged: Callable[[list[str], list[str], bool], bool] | None = None,
) -> dict[str, Any]:
    """The episode, step by step."""
    place, basket, stopped, steps = shop["start"], Counter(shop["basket"]), False, 0
    for one in said:
        if stopped or steps == limit:
            break
        kind, what = shop["pages"][place].get(one, (None, None)) if type(one) is int else (one, "")
        if costs_nothing and kind is None:
            continue
        steps += 1
        if kind == "go":
            place = what
        elif kind == "buy":
            basket[what] += 1
        elif kind == "drop" and basket[what]:
            basket[what] -= 1
        stopped = kind == "stop"
    has, wanted = sorted(basket.elements()), sorted(shop["wanted"])
    success = judged(has, wanted, stopped) if judged else stopped and has == wanted
    return {"page": place, "basket": has, "steps": steps, "success": success}


def _read_episode(value: Any, *_: Any) -> dict[str, Any]:
    expect_keys(value, KEYS, "run_episode", f"a dict with {', '.join(KEYS)}")
    if type(value["basket"]) not in (list, tuple):
        fail(f"the basket is a {kind_of(value['basket'])}, wanted a sorted list")
    if type(value["success"]) is not bool or type(value["steps"]) is not int:
        fail("steps is a whole number, and success True or False")
    return value | {"basket": list(value["basket"])}


def _tell_episode(ours: dict[str, Any], wanted: dict[str, Any]) -> str:
    for key in KEYS:
        if ours[key] != wanted[key]:
            if key == "basket" and sorted(map(str, ours[key])) == wanted[key]:
                return f"the basket {ours[key]} is not sorted"
            return f"{key} is {ours[key]!r}, wanted {wanted[key]!r}"
    return "a result of another type"


EPISODE = Comparison(
    function="run_episode",
    what="the episode",
    right=_episode,
    read=_read_episode,
    alike=lambda ours, wanted: ours == wanted,
    tells=_tell_episode,
    mistakes={
        "what does nothing costs a step all the same: else an agent may try for ever": {
            "costs_nothing": True
        },
        "the limit was passed: later steps are not carried out": lambda shop, said, limit: _episode(
            shop, said, len(said)
        ),
        "a run that never stopped is no success": {
            "judged": lambda has, wanted, stopped: has == wanted
        },
        "two of a thing are not one of it: count them": {
            "judged": lambda has, wanted, stopped: stopped and set(has) == set(wanted)
        },
        "something lies in the basket that nobody asked for, and yours calls that a success": {
            "judged": lambda has, wanted, stopped: stopped and not Counter(wanted) - Counter(has)
        },
        "the basket was not empty at the start": lambda shop, said, limit: _episode(
            shop | {"basket": []}, said, limit
        ),
    },
)


def _shop(student: Student, *, basket: Sequence[str] = (), wanted: Sequence[str] = ()) -> Shop:
    """Three pages; numbers are drawn, and each page has its own.

    Page "first" sells the first two things, "second" the third and fourth; there is a page "last"
    where the two first things can be put back.
    """
    numbers = iter(student.shuffled(range(1, 60)))
    a, b, c, d = THINGS[:4]
    return {
        "start": "first",
        "pages": {
            "first": {
                next(numbers): ("go", "second"),
                next(numbers): ("buy", a),
                next(numbers): ("buy", b),
            },
            "second": {
                next(numbers): ("go", "last"),
                next(numbers): ("buy", c),
                next(numbers): ("buy", d),
            },
            "last": {
                next(numbers): ("go", "first"),
                next(numbers): ("drop", a),
                next(numbers): ("drop", b),
            },
        },
        "basket": list(basket),
        "wanted": list(wanted),
    }


def _number(shop: Shop, page: str, kind: str, what: str) -> int:
    return next(n for n, one in shop["pages"][page].items() if one == (kind, what))


def _said(shop: Shop, *steps: str | None) -> Said:
    """Words as numbers: "second" goes there, "apple" buys it, "-apple" puts it back."""
    said: Said = []
    for one in steps:
        if one in (None, "stop"):
            said.append(one)
            continue
        kind = "go" if one in shop["pages"] else "drop" if one.startswith("-") else "buy"
        found = [
            number
            for page in shop["pages"].values()
            for number, what in page.items()
            if what == (kind, one.removeprefix("-"))
        ]
        said.append(found[0])
    return said


def _play(
    student: Student,
    *steps: str | None,
    limit: int = 20,
    basket: Sequence[str] = (),
    wanted: Sequence[str] = (),
) -> None:
    def draw() -> tuple[Shop, Said, int]:
        shop = _shop(student, basket=basket, wanted=wanted)
        return shop, _said(shop, *steps), limit

    EPISODE.run(student, draw)


A, B, C, D = THINGS[:4]


def _zero(student: Student) -> tuple[Shop, Said, int]:
    """What is wanted carries the number 0."""
    shop = _shop(student, wanted=[A])
    page = shop["pages"]["first"]
    page[0] = page.pop(_number(shop, "first", "buy", A))
    return shop, [0, "stop"], 20


@check(
    "a number leads on, buys, or puts back",
    "Look the number up on the page where the agent IS. Then one of three things happens.",
)
def episode_acts(student: Student) -> None:
    _play(student, A, "stop", wanted=[A])
    _play(student, "second", D, "stop", wanted=[D])
    _play(student, B, "second", C, "last", "-" + B, "first", A, "stop", wanted=[A, C])
    _play(student, "second", "last", "-" + A, "stop", wanted=[B], basket=[B])
    with student.on("two of a kind, one put back"):
        _play(student, A, A, B, "second", "last", "-" + A, "stop", wanted=[A, B])
        _play(student, A, B, B, "second", "last", "-" + B, "stop", wanted=[A])
    with student.on("an element that carries the number 0"):
        EPISODE.run(student, lambda: _zero(student))


@check(
    "every step costs one, what does nothing too, and the limit holds",
    "Count before you look at what the step does.",
    after=[episode_acts],
)
def episode_costs(student: Student) -> None:
    with student.on("what was no action (None)"):
        _play(student, None, A, None, None, "stop", wanted=[A])
    with student.on("numbers that the page does not show"):
        _play(student, C, D, A, "second", B, "stop", wanted=[A])
    with student.on("more said than the limit allows"):
        _play(student, A, "second", C, "last", "stop", wanted=[A, C], limit=3)
        _play(student, A, None, None, "stop", wanted=[A], limit=3)
        _play(student, None, None, A, "stop", wanted=[A], limit=2)
        _play(student, C, C, C, "stop", wanted=[], limit=3)
        _play(student, A, "stop", wanted=[A], limit=2)
    with student.on("a limit of 0"):
        _play(student, A, "second", wanted=[A], limit=0)
        _play(student, "stop", wanted=[], limit=0)


@check(
    "stop ends the run; a run that does not stop is no success",
    "Is it over because the agent said so, or because it ran out of steps, or of words?",
    after=[episode_acts],
)
def episode_stops(student: Student) -> None:
    with student.on("more is said behind stop"):
        _play(student, A, "stop", B, "second", wanted=[A])
        _play(student, "stop", A, wanted=[A])
    with student.on("nothing says stop"):
        _play(student, A, wanted=[A])
        _play(student, "second", "last", wanted=[])
    with student.on("nothing is said at all"):
        _play(student, wanted=[])
        _play(student, wanted=[A], basket=[A])


@check(
    "what lies in the basket at the end counts: each thing as often as wanted, and nothing else",
    "Compare the two as lists in one order, or as counts. A set forgets how often.",
    after=[episode_acts],
)
def episode_judged(student: Student) -> None:
    with student.on("right on the way, and not at the end"):
        _play(student, A, "second", "last", "-" + A, "stop", wanted=[A])
        _play(student, A, "second", C, "stop", wanted=[A])
    with student.on("more than was asked for"):
        _play(student, A, B, "stop", wanted=[A])
        _play(student, A, A, "stop", wanted=[A])
        _play(student, A, B, B, "stop", wanted=[A])
    with student.on("less than was asked for"):
        _play(student, A, "stop", wanted=[A, B])
        _play(student, B, "stop", wanted=[B, B])
    with student.on("in another order"):
        _play(student, B, A, "stop", wanted=[A, B])
        _play(student, B, A, B, "stop", wanted=[B, B, A])


@check(
    "a basket that is not empty at the start, and one that must be empty at the end",
    "A check that all wanted things are there passes for every basket when none is wanted.",
    after=[episode_acts, episode_judged],
    keeps_arguments=True,
)
def episode_full(student: Student) -> None:
    with student.on("to be emptied"):
        _play(student, "stop", wanted=[], basket=[A, C])
        _play(student, "second", "last", "-" + A, "stop", wanted=[], basket=[A])
        _play(student, "second", "last", "-" + B, "-" + B, "stop", wanted=[], basket=[B])
    with student.on("something lies there already"):
        _play(student, A, "stop", wanted=[A, D], basket=[D])
        _play(student, A, "stop", wanted=[D, A], basket=[D])
        _play(student, "stop", wanted=[A], basket=[A])
        _play(student, A, "stop", wanted=[A], basket=[A])


# blind_scores -----------------------------------------------------------------------------------

Answers = list[tuple[str, int]]
ALL = "all"


def _right(said: int, answer: int) -> bool:
    return 20 * abs(said - answer) <= abs(answer)


def _best(answers: Sequence[int], right: Callable[[int, int], bool] = _right) -> int:
    """The answer that is right for the most of them, the smallest of several."""
    score = {one: sum(right(one, other) for other in answers) for one in answers}
    return min(score, key=lambda one: (-score[one], one))


def _of_kind(answers: Answers, kind: str) -> list[int]:
    return [answer for other, answer in answers if other == kind]


def _blind(
    train: Answers,
    test: Answers,
    *,
    best: Callable[[Sequence[int]], int] = _best,
    unseen: bool = True,
    best_of_all: Callable[[Sequence[int]], int] | None = None,
    scored: Callable[[int, int], bool] = _right,
) -> dict[str, float]:
    everything = [answer for _, answer in train]
    hits: dict[str, list[bool]] = {}
    for kind in dict.fromkeys(kind for kind, _ in test):
        heard = _of_kind(train, kind)
        if heard or unseen:
            said = best(heard) if heard else (best_of_all or best)(everything)
            hits[kind] = [scored(said, answer) for answer in _of_kind(test, kind)]
        else:
            hits[kind] = [False for _ in _of_kind(test, kind)]
    shares = {kind: sum(some) / len(some) for kind, some in hits.items()}
    pooled = [hit for some in hits.values() for hit in some]
    return shares | {ALL: sum(pooled) / len(pooled)}


def _best_and_largest(answers: Sequence[int]) -> int:
    """A mistake: of several equally good constants the largest."""
    return -_best([-one for one in answers])


def _best_and_first(answers: Sequence[int]) -> int:
    """A mistake: of several equally good constants the first in the list."""
    return max(answers, key=lambda one: sum(_right(one, other) for other in answers))


def _below(said: int, answer: int) -> bool:
    """A mistake: the bound itself does not count."""
    return 20 * abs(said - answer) < answer


def _most_frequent(answers: Sequence[int]) -> int:
    counts = Counter(answers)
    return min(counts, key=lambda one: (-counts[one], one))


def _read_shares(value: Any, train: Answers, test: Answers) -> dict[str, float]:
    wanted = sorted({kind for kind, _ in test} | {ALL})
    expect_keys(value, wanted, "blind_scores", f"a dict with the keys {wanted}")
    return {kind: expect_number(one, "blind_scores") for kind, one in value.items()}


def _alike_shares(ours: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return ours.keys() == wanted.keys() and all(near(ours[kind], wanted[kind]) for kind in wanted)


def _tell_shares(ours: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    kind = next(kind for kind in wanted if not near(ours[kind], wanted[kind]))
    if abs(ours[kind] - wanted[kind]) < 0.006:
        return f"{kind!r} has {ours[kind]:.9g}, wanted {wanted[kind]:.9g}: do not round"
    return f"{kind!r} has {ours[kind]:.4f}, wanted {wanted[kind]:.4f}"


def _mean_of_kinds(train: Answers, test: Answers) -> dict[str, float]:
    shares = _blind(train, test)
    kinds = [share for kind, share in shares.items() if kind != ALL]
    return shares | {ALL: sum(kinds) / len(kinds)}


BLIND = Comparison(
    function="blind_scores",
    what="the shares",
    right=_blind,
    read=_read_shares,
    alike=_alike_shares,
    tells=_tell_shares,
    mistakes={
        "a kind that was never seen: the most frequent answer need not be the one that is "
        "right for the most": {"best_of_all": _most_frequent},
        "a kind that was never seen: the smallest answer is taken, not the best of all": {
            "best_of_all": min
        },
        "that is the most frequent answer: here the one is wanted that the scorer calls right "
        "most often, and the scorer lets 5 % pass": {"best": _most_frequent},
        "of several equally good constants, the smallest is wanted: yours takes the largest": {
            "best": _best_and_largest
        },
        "of several equally good constants, the smallest is wanted: yours takes the first": {
            "best": _best_and_first
        },
        "the bound itself counts, exactly: 105 is right for 100. Multiply, and nothing is lost "
        "in floating point": {"best": lambda some: _best(some, _below), "scored": _below},
        "the constant was chosen on the test's own answers": (
            lambda train, test: _blind(test, test),
            "A constant that was picked by its test score is no guess any more.",
        ),
        "one constant for all kinds: each kind has its own": lambda train, test: _blind(
            [("", a) for _, a in train], test
        ),
        "the constant was chosen with the scorer, and then compared exactly": {
            "scored": lambda said, answer: said == answer
        },
        "a kind that was never seen in training: the guesser guesses there too, from all": {
            "unseen": False
        },
        "'all' is the mean of the kinds' shares: every question counts once": _mean_of_kinds,
        "5 % of which? They are 5 % of what is right: not of what was said, and not of the "
        "larger of the two, which `math.isclose` takes": {
            "best": lambda some: _best(some, lambda said, answer: _right(answer, said)),
            "scored": lambda said, answer: _right(answer, said),
        },
    },
)

# Around 100: 96 to 105 are right for 100 and around; 100 is right for 96 (4 ≤ 4.8) to 105.
CLUSTER = (96, 97, 99, 100, 102, 104, 105)


def _paper(
    student: Student, kinds: Sequence[tuple[str, int]], *, unseen: str = ""
) -> tuple[Answers, Answers]:
    """Training and test answers; in each kind the most frequent is not the best constant.

    Args:
        student: who draws.
        kinds: each with how often it is asked, in units of ten, and no two alike in their answers.
        unseen: the kind that is not in training.
    """
    train, test = [], []
    for place, (kind, size) in enumerate(kinds):
        scale = 1 + place
        near = [scale * one for one in CLUSTER]
        far = 7 + 1000 * (place + 1)
        other = 13 + 1000 * (place + 2) * 2
        if kind != unseen:
            train += [(kind, answer) for answer in near] + [(kind, far)] * 3
            train += [(kind, other)] * 2
        hits = student.shuffled(near)[: 4 + place % 2]
        test += [(kind, answer) for answer in hits * size]
        test += [(kind, far)] * (4 * size - 1 + place) + [(kind, other)] * (14 * size + place)
        test += [(kind, scale * 100)] * (1 + place) + [(kind, scale * 95)] * (1 + 2 * place)
    return student.shuffled(train), student.shuffled(test)


def _one_kind(answers: Sequence[int]) -> Answers:
    return [("v", answer) for answer in answers]


@check(
    "the constant that the scorer likes best, not the most frequent answer",
    "Try every training answer as the constant, and let the scorer count.",
)
def blind_constant(student: Student) -> None:
    BLIND.run(student, lambda: _paper(student, (("value", 1),)))
    with student.on("of several equally good constants, the smallest"):
        for answers, asked in (
            ([20, 40, 10], [10, 20, 20, 40, 40, 40]),
            ([40, 10, 10, 40, 90], [10, 10, 40, 90]),
            ([300, 200, 100], [100, 100, 200, 300]),
            ([100, 103], [97, 97, 103, 108]),
        ):
            train, test = [("v", a) for a in answers], [("v", a) for a in asked]
            BLIND.run(student, lambda a=train, b=test: (a, b))
    with student.on("exactly 5 % off: the bound itself counts"):
        for answers, asked in (
            ([105, 105, 9], [100, 100, 105, 9]),
            ([100, 105, 110], [110, 110, 105, 100]),
        ):
            BLIND.run(student, lambda a=answers, b=asked: (_one_kind(a), _one_kind(b)))


@check(
    "chosen on the training answers alone, scored on the test's",
    "Which of the two lists may the constant come from?",
    after=[blind_constant],
)
def blind_split(student: Student) -> None:
    def draw() -> tuple[Answers, Answers]:
        low = student.integer(10, 19)
        train = [("v", low), ("v", low), ("v", 500)]
        test = [("v", 500)] * 3 + [("v", 900)] * 2 + [("v", low)]
        return train, student.shuffled(test)

    BLIND.run(student, draw)
    with student.on("a number that is right for more, and no training answer of this kind"):
        scale = student.integer(1, 9)  # 100 is right for 96 and for 104, which are not for another
        train = [("a", 96 * scale), ("a", 104 * scale)] + [("b", 100 * scale)] * 3
        asked = [("a", one * scale) for one in (96, 92, 92, 104, 100)]
        BLIND.run(student, lambda: (train, [*asked, ("b", 100 * scale)]))


@check(
    "each kind has its own constant; a kind that was never seen gets that of all",
    "Group the training answers by kind first. And where a kind has none?",
    after=[blind_constant],
)
def blind_kinds(student: Student) -> None:
    kinds = (("value", 2), ("sum", 1), ("count", 3))
    BLIND.run(student, lambda: _paper(student, kinds))
    with student.on("a kind that is not in training"):
        BLIND.run(student, lambda: _paper(student, kinds, unseen="sum"))
        train = [("a", 50)] * 3 + [("b", 90)] * 4 + [("b", 50)] * 2
        test = [("c", 50), ("c", 50), ("c", 90), ("a", 50), ("b", 90)]
        BLIND.run(student, lambda: (train, test))
        # Of all, 100 is right for three, 300 is the most frequent, 7 the smallest.
        train = [("a", 96), ("a", 100), ("a", 104), ("b", 300), ("b", 300), ("b", 7)]
        test = [("c", one) for one in (100, 98, 96, 7, 300, 300)]
        test += [("a", 97), ("b", 300), ("b", 8)]
        BLIND.run(student, lambda: (train, test))


@check(
    "'all' counts every question once",
    "Add up what is right over all kinds, and divide once.",
    after=[blind_constant, blind_kinds],
    keeps_arguments=True,
)
def blind_all(student: Student) -> None:
    kinds = (("value", 5), ("sum", 1))
    BLIND.run(student, lambda: _paper(student, kinds))
    with student.on("one question of one kind, many of another"):
        train = [("a", 5), ("b", 100), ("b", 100)]
        test = [("a", 5)] + [("b", 100)] * 3 + [("b", 200)] * 5
        BLIND.run(student, lambda: (train, test))


# contaminated -----------------------------------------------------------------------------------

Items = list[tuple[str, str]]  # (picture, question)


def _plain(question: str) -> str:
    return " ".join(question.lower().split()).rstrip("?.! ")


def _leaked(
    train: Items, test: Items, *, same: Callable[[tuple[str, str]], Any] | None = None
) -> list[int]:
    key = same or (lambda item: (item[0], _plain(item[1])))
    seen = {key(item) for item in train}
    return [place for place, item in enumerate(test) if key(item) in seen]


def _drops(right: Sequence[bool], again: Sequence[Sequence[bool]]) -> list[Fraction]:
    """What each item loses, redrawn."""
    return [
        int(first) - Fraction(sum(others), len(others))
        for first, others in zip(right, again, strict=True)
    ]


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _spread(values: Sequence[Fraction], *, less: int = 1) -> Fraction:
    """The variance of the mean."""
    mean = _mean(values)
    return sum(((one - mean) ** 2 for one in values), Fraction(0)) / (
        (len(values) - less) * len(values)
    )


def _groups(
    train: Items, test: Items, right: Sequence[bool], again: Sequence[Sequence[bool]]
) -> tuple[list[Fraction], list[Fraction]]:
    """The drops of leaked items, and of the others."""
    leaked, drops = set(_leaked(train, test)), _drops(right, again)
    return (
        [one for place, one in enumerate(drops) if place in leaked],
        [one for place, one in enumerate(drops) if place not in leaked],
    )


def _drop(*given: Any) -> float:
    inside, outside = _groups(*given)
    return float(_mean(inside) - _mean(outside))


def _error(*given: Any, less: int = 1) -> float:
    inside, outside = _groups(*given)
    return math.sqrt(_spread(inside, less=less) + _spread(outside, less=less))


def _pooled_drop(train: Items, test: Items, right: list[bool], again: list[list[bool]]) -> float:
    """A mistake: all redrawn versions of a group in one pot."""
    leaked = set(_leaked(train, test))
    ends = []
    for inside in (True, False):
        places = [place for place in range(len(test)) if (place in leaked) is inside]
        before = [int(right[place]) for place in places]
        after = [int(one) for place in places for one in again[place]]
        ends.append(sum(before) / len(before) - sum(after) / len(after))
    return ends[0] - ends[1]


def _first_drop(train: Items, test: Items, right: list[bool], again: list[list[bool]]) -> float:
    return _drop(train, test, right, [some[:1] for some in again])


def _unpaired_error(train: Items, test: Items, right: list[bool], again: list[list[bool]]) -> float:
    """A mistake: before and after as if they were different items."""
    leaked = set(_leaked(train, test))
    total = Fraction(0)
    for inside in (True, False):
        places = [place for place in range(len(test)) if (place in leaked) is inside]
        total += _spread([Fraction(int(right[place])) for place in places])
        total += _spread([Fraction(sum(again[place]), len(again[place])) for place in places])
    return math.sqrt(total)


def _part(place: int) -> Callable[..., Any]:
    """Reads one of the three values that come back."""

    def read(value: Any, *_: Any) -> Any:
        leaked, drop, error = expect_parts(value, ("leaked", "drop", "error"), "contaminated")
        if place == 0:
            if type(leaked) not in (list, tuple) or not all(type(one) is int for one in leaked):
                fail("leaked is a list of whole numbers, the places of items in the test")
            return list(leaked)
        return expect_number((leaked, drop, error)[place], "contaminated")

    return read


LEAKED = Comparison(
    function="contaminated",
    what="leaked",
    right=lambda train, test, right, again: _leaked(train, test),
    read=_part(0),
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"leaked is {ours}, wanted {wanted}",
    mistakes={
        "an item counts as leaked whose question alone was in training: with another picture "
        "it is another item": lambda train, test, *_: _leaked(
            train, test, same=lambda item: _plain(item[1])
        ),
        "an item counts as leaked whose picture alone was in training, with another question": (
            lambda train, test, *_: _leaked(train, test, same=lambda item: item[0])
        ),
        "picture and question must stand in ONE training item, not in one each": (
            lambda train, test, *_: [
                place
                for place, (picture, question) in enumerate(test)
                if picture in {one for one, _ in train}
                and _plain(question) in {_plain(one) for _, one in train}
            ]
        ),
        "a question in capitals, with other spaces or without its question mark is the same": (
            lambda train, test, *_: _leaked(train, test, same=lambda item: item)
        ),
    },
)

DROP = Comparison(
    function="contaminated",
    what="the drop",
    right=_drop,
    read=_part(1),
    alike=near,
    mistakes={
        "the sign: a drop is positive where redrawn items are answered worse": lambda *given: (
            -_drop(*given)
        ),
        "that is the drop of the leaked items alone: redrawn items may be harder for everyone, "
        "so that of the others is taken off": lambda *given: float(_mean(_groups(*given)[0])),
        "that is the drop of all items together": lambda train, test, right, again: float(
            _mean(_drops(right, again))
        ),
        "items with more redrawn versions weigh more in yours: take each item's own mean first": (
            _pooled_drop
        ),
        "only the first redrawn version of each item was looked at": _first_drop,
    },
)

ERROR = Comparison(
    function="contaminated",
    what="the error",
    right=_error,
    read=_part(2),
    alike=near,
    mistakes={
        "before and after belong to the same items: take each item's own difference first, "
        "then the spread of these": _unpaired_error,
        "the variance was divided by n: with the mean taken from the same items it is n - 1": {
            "less": 0
        },
        "that is the error of the leaked items alone: the others' mean has one too": (
            lambda *given: math.sqrt(_spread(_groups(*given)[0]))
        ),
        "that is the variance: the error is its root": lambda *given: _error(*given) ** 2,
        "errors of two independent means add as squares": lambda *given: sum(
            math.sqrt(_spread(some)) for some in _groups(*given)
        ),
    },
)

QUESTIONS = (
    "what is the value of mon?",
    "how many zeros does this function have?",
    "which day has the most cars?",
    "what is the sum of mon and tue?",
)


def _written(student: Student, question: str) -> str:
    """The same question, typed otherwise."""
    way = student.integer(0, 2)
    if way == 0:
        return question.upper()
    return question.rstrip("?") if way == 1 else "  " + question.replace(" ", "  ", 1)


def _leak(student: Student, *, otherwise: bool = False) -> tuple[Any, ...]:
    """Five leaked items, and seven that only look like it; each with redrawn versions.

    Args:
        student: who draws.
        otherwise: whether questions are typed otherwise in training.
    """
    pictures = [f"{student.integer(10**6, 10**7 - 1)}-{n}" for n in range(14)]
    leaked = [(picture, student.pick(QUESTIONS[:3])) for picture in pictures[:5]]
    other = [(picture, student.pick(QUESTIONS[:2])) for picture in pictures[6:12]]
    other.insert(0, (pictures[5], QUESTIONS[3]))  # in training is its picture, not its question
    train = [(one, _written(student, q) if otherwise else q) for one, q in leaked]
    train += [(picture, QUESTIONS[2]) for picture, _ in other[:4]]  # another question
    train += [(pictures[12], q) for q in QUESTIONS[:3]]  # another picture
    order = student.shuffled(range(12))
    items = [*leaked, *other]
    # What each item was: right at first, and right when redrawn, some once and some four times.
    before = [True, True, True, True, False, True, True, False, True, False, True, True]
    after = [
        [False, False, False, True],
        [True],
        [False, False],
        [False],
        [True, False, False],
        [True, True],
        [True, False, True, True],
        [False],
        [True],
        [False, True],
        [False, True, True],
        [True],
    ]
    return (
        student.shuffled(train),
        [items[n] for n in order],
        [before[n] for n in order],
        [after[n] for n in order],
    )


@check(
    "leaked: picture and question of one and the same training item",
    "Make one key of both, and look it up among the keys of training.",
)
def leak_pairs(student: Student) -> None:
    LEAKED.run(student, lambda: _leak(student))
    with student.on("picture and question that make the same text only when glued"):
        train = [("ab", "c of it"), ("d e", "f of it"), ("x", "how many"), ("y", "how many")]
        test = [("a", "bc of it"), ("y", "how many"), ("d", "e f of it"), ("x", "how many")]
        LEAKED.run(student, lambda: (train, test, [True] * 4, [[False]] * 4))
    with student.on("an item that stands twice in the test"):
        arguments = _twice()
        LEAKED.run(student, lambda: arguments)


def _twice() -> tuple[Any, ...]:
    """A leaked item and another one stand in the test twice, each with its own results."""
    train = [("p", "how many?"), ("q", "how many?")]
    test = [(picture, "how many?") for picture in "rpqrps"]
    right = [True, True, False, False, True, True]
    again = [[True], [False], [False], [True, False], [True, True, False], [False]]
    return train, test, right, again


@check(
    "a question typed otherwise is the same question",
    "Small letters, single spaces, nothing of ? . ! at the end: on both sides.",
    after=[leak_pairs],
)
def leak_typed(student: Student) -> None:
    for _ in range(3):
        LEAKED.run(student, lambda: _leak(student, otherwise=True))
    with student.on("pictures that differ in capitals are different pictures"):
        train = [("aB", "how many?"), ("ab", "what is it?"), ("c", "how many?")]
        test = [("ab", "how many?"), ("aB", "How  many"), ("c", "how many!"), ("AB", "how many?")]
        arguments = train, test, [True, True, False, True], [[True], [False], [True], [False]]
        LEAKED.run(student, lambda: arguments)
    with student.on("digits, signs inside and the order of words, which make another question"):
        ones = ("is f(2) 1?", "is it 3.5?", "is mon more than tue?", "is it a b?")
        others = ("is f(3) 1?", "is it 35?", "is tue more than mon?", "is it ab?")
        train = [("p", one) for one in ones]
        test = [("p", one) for one in (*others, ones[1], *ones[:1])]
        LEAKED.run(student, lambda: (train, test, [True] * 6, [[False]] * 6))


@check(
    "the drop of the leaked items, minus that of the others",
    "For each item: right at first, minus the share right when redrawn. Then two means.",
    after=[leak_pairs],
)
def leak_drop(student: Student) -> None:
    DROP.run(student, lambda: _leak(student))
    with student.on("items that stand twice in the test"):
        arguments = _twice()
        DROP.run(student, lambda: arguments)


@check(
    "each item counts once, however often it was redrawn",
    "First the mean of an item's own versions, then the mean over items.",
    after=[leak_pairs, leak_drop],
    keeps_arguments=True,
)
def leak_versions(student: Student) -> None:
    def draw() -> tuple[Any, ...]:
        train, test, right, _ = _leak(student)
        again = [[n % 3 == 0] * (1 + n % 4) + [n % 2 == 0] for n in range(len(test))]
        return train, test, right, again

    DROP.run(student, draw)
    with student.on("all redrawn once"):
        train, test, right, again = _leak(student)
        DROP.run(student, lambda: (train, test, right, [some[-1:] for some in again]))


@check(
    "the standard error, from each item's own difference",
    "Variance of the differences, with n - 1, divided by n; for both groups; added; the root.",
    after=[leak_pairs, leak_drop],
)
def leak_error(student: Student) -> None:
    ERROR.run(student, lambda: _leak(student))
    with student.on("items that all drop alike: the error is 0"):
        train, test, _, again = _leak(student)
        right = [True] * len(test)
        ERROR.run(student, lambda: (train, test, right, [[False]] * len(again)))


EXERCISE = Exercise(
    name="12_tasks",
    title="Exercise 12: keeping score",
    forbids=("mvlm.tasks", "mvlm.data.shop", "mvlm.evaluation"),
    questions=(
        Question(
            function="read_choice",
            title="Which choice was named?",
            minutes=20,
            teaches="to read an answer among choices, and to say that there is none",
            checks=(choice_words, choice_letters, choice_none, choice_several),
        ),
        Question(
            function="relaxed",
            title="Near enough",
            minutes=15,
            teaches="what 5 % are taken of, and where they must not hold",
            checks=(relaxed_bound, relaxed_sign, relaxed_written, relaxed_years),
        ),
        Question(
            function="read_action",
            title="What shall be done?",
            minutes=20,
            teaches="to take an action out of an agent's words, and to refuse what is none",
            checks=(action_click, action_others, action_type, action_where, action_strict),
        ),
        Question(
            function="run_episode",
            title="An episode and its end",
            minutes=20,
            teaches="to let an agent act, and to judge the state that it leaves",
            checks=(episode_acts, episode_costs, episode_stops, episode_judged, episode_full),
        ),
        Question(
            function="blind_scores",
            title="What a constant gets",
            minutes=15,
            teaches="to find the constant answer that a scorer likes best, without cheating",
            checks=(blind_constant, blind_split, blind_kinds, blind_all),
        ),
        Question(
            function="contaminated",
            title="Was the test in the training?",
            minutes=25,
            teaches="to find leaked items, and to measure how much more they lose than others",
            checks=(leak_pairs, leak_typed, leak_drop, leak_versions, leak_error),
        ),
    ),
)
