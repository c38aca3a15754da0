"""Right and wrong answers to read_action."""

import re

from bank import mistake, right

FORMS = {
    "click": r"click\s*\[(?P<n>\d+)\]",
    "type": r"type\s*\[(?P<n>\d+)\]\s*\[(?P<text>.*?)\](\s*\[(?P<enter>[01])\])?",
    "scroll": r"scroll\s*\[(?P<text>up|down)\]",
    "go_back": r"go_back",
    "stop": r"stop(\s*\[(?P<text>.*)\])?",
}


def where(said, *, fence=-1, line=-1):
    fenced = re.findall(r"```(.*?)```", said, re.DOTALL)
    lines = [one for one in said.splitlines() if one.strip()]
    if fenced and fence is not None:
        return fenced[fence].strip()
    return lines[line].strip() if lines else ""


def parts(match, name):
    found = match.groupdict()
    number = int(found["n"]) if "n" in found else None
    return name, number, found.get("text"), found.get("enter") != "0"


def by_forms(action, forms=FORMS, flags=re.DOTALL, find=re.fullmatch):
    for name, form in forms.items():
        match = find(form, action, flags)
        if match:
            return parts(match, name)
    return None


@right("As the solutions write it.")
def master(said):
    return by_forms(where(said))


@right("Brackets cut one by one, no regular expressions.")
def by_cutting(said):
    pieces = said.split("```")
    if len(pieces) > 2:
        action = pieces[-2 if len(pieces) % 2 else -3]
    else:
        action = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    action = action.strip()
    name, bracket, rest = action.partition("[")
    name, rest = name.rstrip(), bracket + rest
    if not rest:
        if action in ("stop", "go_back"):
            return action, None, None, True
        return None
    if rest[-1] != "]":
        return None
    if name == "stop":
        return "stop", None, rest[1:-1], True
    if name == "scroll" and rest in ("[up]", "[down]"):
        return "scroll", None, rest[1:-1], True
    number, _, text = rest[1:].partition("]")
    if not (number.isascii() and number.isdigit()):
        return None
    text = text.lstrip()
    if name == "click" and not text:
        return "click", int(number), None, True
    if name != "type" or text[:1] != "[":
        return None
    enter = True
    if text[-3:] in ("[0]", "[1]") and text[:-3].rstrip()[1:].endswith("]"):
        enter, text = text[-3:] == "[1]", text[:-3].rstrip()
    return "type", int(number), text[1:-1], enter


@right("A dict of small functions.")
def by_functions(said):
    def typed(rest):
        match = re.fullmatch(r"\[(\d+)\]\s*\[(.*)\]", rest, re.DOTALL)
        if match is None:
            return None
        number, text = int(match[1]), match[2]
        flag = re.fullmatch(r"(.*)\]\s*\[([01])", text, re.DOTALL)
        if flag:
            return "type", number, flag[1], flag[2] == "1"
        return "type", number, text, True

    def clicked(rest):
        match = re.fullmatch(r"\[(\d+)\]", rest)
        return match and ("click", int(match[1]), None, True)

    def stopped(rest):
        if not rest:
            return "stop", None, None, True
        closed = rest[0] == "[" and rest[-1] == "]" and len(rest) > 1
        return ("stop", None, rest[1:-1], True) if closed else None

    def scrolled(rest):
        return ("scroll", None, rest[1:-1], True) if rest in ("[up]", "[down]") else None

    def back(rest):
        return None if rest else ("go_back", None, None, True)

    known = {"type": typed, "click": clicked, "stop": stopped, "scroll": scrolled, "go_back": back}
    head = re.match(r"([a-z_]*)\s*(.*)", where(said), re.DOTALL)
    return known[head[1]](head[2]) if head[1] in known else None


@right("One expression for all six.")
def by_one(said):
    form = "|".join(f"(?P<{name}>{form})" for name, form in FORMS.items())
    names = iter("abcdefgh")
    form = re.sub(r"\(\?P<(n|text|enter)>", lambda m: f"(?P<{m[1]}_{next(names)}>", form)
    match = re.fullmatch(form, where(said), re.DOTALL)
    if match is None:
        return None
    found = {key: value for key, value in match.groupdict().items() if value is not None}
    name = next(name for name in FORMS if name in found)
    number = next((int(v) for k, v in found.items() if k.startswith("n_")), None)
    text = next((v for k, v in found.items() if k.startswith("text_")), None)
    return (
        name,
        number,
        text,
        not any(k.startswith("enter_") and v == "0" for k, v in found.items()),
    )


@mistake("The first pair of fences.", fails="action-where", says="An agent may write an example")
def first_fence(said):
    return by_forms(where(said, fence=0))


@mistake(
    "The first line that is not empty.",
    fails="action-where, action-strict",
    says="change its mind",
)
def first_line(said):
    return by_forms(where(said, line=0))


@mistake(
    "Fences are not looked at.",
    fails="action-others, action-type, action-where",
    says="and yours says",
)
def without_fences(said):
    return by_forms(where(said, fence=None))


@mistake(
    "Searches: something may be left over on both sides.",
    fails="action-strict, action-type",
    says="or perhaps [13]",
)
def searches(said):
    return by_forms(where(said), find=re.search)


@mistake(
    "Matches at the beginning: something may be left over behind.",
    fails="action-strict, action-type",
    says="or perhaps [13]",
)
def begins(said):
    return by_forms(where(said), find=re.match)


@mistake(
    "As VisualWebArena: a [1] at the end is the mark for Enter, and then the text is missing.",
    fails="action-type",
    says="Try `type [7] [1]`",
)
def marked_first(said):
    action = where(said)
    if action.startswith("type") and not action.endswith(("[0]", "[1]")):
        action += " [1]"
    form = r"type\s*\[(?P<n>\d+)\]\s*\[(?P<text>.*)\]\s*\[(?P<enter>[01])\]"
    return by_forms(action, FORMS | {"type": form})


@mistake(
    "The text ends at its first bracket.", fails="action-type, action-others", says="shoes [red"
)
def to_first_bracket(said):
    forms = FORMS | {
        "type": r"type\s*\[(?P<n>\d+)\]\s*\[(?P<text>[^\]]*)\](\s*\[(?P<enter>[01])\])?",
        "stop": r"stop(\s*\[(?P<text>[^\]]*)\])?",
    }
    return by_forms(where(said), forms)


@mistake("The mark for Enter stays in the text.", fails="action-type", says="red shoes] [1")
def greedy(said):
    form = r"type\s*\[(?P<n>\d+)\]\s*\[(?P<text>.*)\](\s*\[(?P<enter>[01])\])?"
    return by_forms(where(said), FORMS | {"type": form})


@mistake("Enter is always pressed.", fails="action-type", says="False)")
def always_enter(said):
    found = master(said)
    return found and (*found[:3], True)


@mistake(
    "Enter is pressed only where it says [1].",
    fails="action-click, action-others, action-type, action-where",
    says="True)",
)
def enter_if_marked(said):
    found = master(said)
    return found and (*found[:3], where(said).replace(" ", "").endswith("][1]"))


@mistake("A text of several lines is none.", fails="action-others, action-type", says="lines")
def one_line_texts(said):
    return by_forms(where(said), flags=re.NOFLAG)


@mistake("An empty text is none.", fails="action-type, action-others", says="''")
def some_text(said):
    found = master(said)
    return None if found and found[2] == "" else found


@mistake(
    "stop without an answer has an empty one.", fails="action-others", says="`stop []` has one"
)
def stop_empty(said):
    found = master(said)
    return ("stop", None, "", True) if found == ("stop", None, None, True) else found


@mistake(
    "The number as text.",
    fails="action-click, action-type, action-where",
    says="wanted a whole number or None",
)
def number_as_text(said):
    found = master(said)
    return found and (found[0], None if found[1] is None else str(found[1]), *found[2:])


@mistake(
    "What is no action stops the run.",
    fails="action-strict",
    says="and yours says ('stop'",
)
def else_stop(said):
    return master(said) or ("stop", None, None, True)


@mistake(
    "What is no action is an error.",
    fails="action-strict",
    says="ValueError",
)
def else_raise(said):
    found = master(said)
    if found is None:
        raise ValueError("that is no action")
    return found


@mistake("Capital letters are small ones.", fails="action-strict", says="Click [")
def any_case(said):
    return by_forms(where(said), flags=re.DOTALL | re.IGNORECASE)


@mistake(
    "Exactly one space before each bracket.",
    fails="action-click, action-type",
    says=("click[", "How many spaces may stand between brackets?"),
)
def one_space(said):
    return by_forms(where(said), {name: form.replace(r"\s*", " ") for name, form in FORMS.items()})


@mistake("Any word may follow scroll.", fails="action-strict", says="scroll [left]")
def any_direction(said):
    return by_forms(where(said), FORMS | {"scroll": r"scroll\s*\[(?P<text>\w+)\]"})


@mistake("An answer of several lines is none.", fails="action-others", says="lines")
def one_line_answers(said):
    found = master(said)
    return None if found and found[0] == "stop" and "\n" in (found[2] or "") else found


@mistake(
    "Texts without the spaces at their ends.",
    fails="action-others, action-type",
    says="and yours says",
)
def stripped(said):
    found = master(said)
    return found and (*found[:2], found[2] and found[2].strip(), found[3])


@mistake(
    "Texts in small letters.",
    fails="action-others, action-type",
    says="and yours says",
)
def lowered(said):
    found = master(said)
    return found and (*found[:2], found[2] and found[2].lower(), found[3])


@mistake("What is typed is in small letters.", fails="action-type", says="and yours says")
def typed_lowered(said):
    found = master(said)
    return lowered(said) if found and found[0] == "type" else found
