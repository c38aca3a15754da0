"""Exercise 12, `read_action`: what shall be done?"""

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import expect_parts

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
    for said, name, text in (
        ("scroll [up]", "scroll", "up"),
        ("scroll [down]", "scroll", "down"),
        ("go_back", "go_back", None),
        ("stop", "stop", None),
        ("stop []", "stop", ""),
        (f"stop [{price}]", "stop", f"{price}"),
        ("stop [N/A]", "stop", "N/A"),
        (f"stop [the blue one, {price} coins]", "stop", f"the blue one, {price} coins"),
        ("stop [see [3] and [4]]", "stop", "see [3] and [4]"),
        ("stop [ The Red One ]", "stop", " The Red One "),
        ("```stop [two\nlines]```", "stop", "two\nlines"),
    ):
        _expect_action(student, said, (name, None, text, True))


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
    with student.on("no space between brackets", "How many spaces may stand between brackets?"):
        _expect_action(student, f"type [{number}] [shoes][0]", ("type", number, "shoes", False))
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
        *("", "   \n", "I do not know."),
        *(f"click [{number}] or perhaps [13]", f"I would click [{number}]", f"click [{number}]."),
        *(f"click {number}", "click [key]", f"click [-{number}]", f"click [{number}] [1]"),
        *(f"Click [{number}]", f"tap [{number}]", f"type [{number}]", "type [red shoes]"),
        *("scroll [left]", "scroll", "go_back [1]", "stopped", "stop it"),
        # A line behind it; a fence that no other closes; a pair with nothing in it, which is last.
        *(f"click [{number}]\nThat should do.", f"```click [{number}]\n"),
        f"click [{number}]\n``````",
    ):
        _expect_action(student, said, None)


QUESTION = Question(
    function="read_action",
    title="What shall be done?",
    minutes=20,
    teaches="to take an action out of an agent's words, and to refuse what is none",
    checks=(action_click, action_others, action_type, action_where, action_strict),
)
