"""Exercise 12, `read_choice`: which choice was named?"""

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.expect import a_kind_of

SETS = (
    ["larger than", "equal to", "smaller than"],
    ["rising", "falling", "flat"],
    ["yes", "no"],
    ["green and red", "blue and orange", "purple and grey"],
    ["north", "east", "south", "west"],
)
NO_ANSWER = "What names no choice is None. A scorer that must choose gives points for nothing."


def _expect_choice(student: Student, said: str, choices: list[str], wanted: str | None) -> None:
    value = student.call("read_choice", said, choices)
    if value is not None and type(value) is not str:
        raise AnswerFailed(
            f"read_choice returned {a_kind_of(value)}, wanted a choice's words or None"
        )
    if value != wanted:
        fail(f"{said!r} among {choices} is {wanted!r}, and yours says {value!r}")


@check(
    "a choice is named by its words, whole ones, in small or capital letters",
    "Words, not parts of words: compare lists of words, or look at what stands on both sides.",
)
def choice_words(student: Student) -> None:
    for said in ("{}", "{}.", "I think it is {}.", "It is {}, I think", "  {} \n", "'{}'!"):
        for choices in SETS:
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
        for choices in SETS:
            place = student.integer(0, len(choices) - 1)
            letter = "abcd"[place]
            words = said.format(student.pick((letter, letter.upper())))
            _expect_choice(student, words, choices, choices[place])
    with student.on("a letter that is only a word"):
        choices = SETS[0]
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
    for choices in (SETS[0], SETS[1], SETS[3]):
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


QUESTION = Question(
    function="read_choice",
    title="Which choice was named?",
    minutes=20,
    teaches="to read an answer among choices, and to say that there is none",
    checks=(choice_words, choice_letters, choice_none, choice_several),
)
