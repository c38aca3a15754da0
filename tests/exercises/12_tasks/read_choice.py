"""Right and wrong answers to read_choice."""

import difflib
import re

from bank import mistake, right


def in_words(text):
    return re.findall(r"\([a-z]\)|\w+(?:'\w+)*", text.lower())


def written(said, choices, *, anywhere=False):
    """(begins, ends, choice) of everything that stands there, nothing struck out."""
    words = in_words(said)
    found = []
    for letter, choice in zip("abcde", choices, strict=False):
        for wanted in ([f"({letter})"], choice.split()):
            for start in range(len(words)):
                if words[start : start + len(wanted)] == wanted:
                    found.append((start, start + len(wanted), choice))
        found += [
            (place, place + 1, choice)
            for place, word in enumerate(words)
            if word == letter and (anywhere or place == len(words) - 1)
        ]
    return found


def within(one, other):
    return other[0] <= one[0] and one[1] <= other[1] and one[:2] != other[:2]


def outer(found):
    return [one for one in found if not any(within(one, other) for other in found)]


def meant(found, said):
    words = in_words(said)
    return [one for one in found if words[one[0] - 1 : one[0]] != ["not"]]


@right("As the solutions write it.")
def master(said, choices):
    named = meant(outer(written(said, choices)), said)
    return max(named)[2] if named else None


@right("One regular expression, the longest choices first.")
def by_expression(said, choices):
    longest = sorted(choices, key=len, reverse=True)
    last = in_words(said)[-1:]
    text = " " + " ".join(in_words(said)) + " "
    letters = "abcde"[: len(choices)]
    pattern = rf"(?<= )(?P<words>{'|'.join(longest)}|\([{letters}]\))(?= )"
    named = None
    for match in re.finditer(pattern, text):
        if text[: match.start()].endswith(" not "):
            continue
        named = match["words"]
    if last and last[0] in letters and not text.endswith(f" not {last[0]} "):
        named = f"({last[0]})"
    if named and named[0] == "(":
        return choices[letters.index(named[1])]
    return named


@right("Word by word from the end, the longest choice that begins there.")
def from_the_end(said, choices):
    words = in_words(said)
    longest = sorted(choices, key=lambda one: -len(one.split()))
    for start in reversed(range(len(words))):
        before = words[start - 1 : start]
        for choice in longest:
            count = len(choice.split())
            if words[start : start + count] != choice.split():
                continue
            larger = any(
                words[begin : begin + len(other.split())] == other.split()
                and begin <= start
                and start + count <= begin + len(other.split())
                for other in choices
                if len(other.split()) > count
                for begin in range(len(words))
            )
            if not larger and before != ["not"]:
                return choice
        for letter, choice in zip("abcde", choices, strict=False):
            bare = words[start] == letter and start == len(words) - 1
            if (bare or words[start] == f"({letter})") and before != ["not"]:
                return choice
    return None


@right("Places marked one by one, in a table.")
def by_table(said, choices):
    words = in_words(said)
    named = {}
    for place in range(len(words)):
        for number, choice in enumerate(choices):
            wanted = choice.split()
            if words[place : place + len(wanted)] == wanted:
                kept = named.get(place, (0, None))
                named[place] = max(kept, (len(wanted), choice))
            letter = chr(97 + number)
            if words[place] == "(" + letter + ")" or words[place:] == [letter]:
                named[place] = (1, choice)
    for place, (length, _) in sorted(named.items()):
        for other in range(place + 1, place + length):
            if other in named and other + named[other][0] <= place + length:
                del named[other]
    left = [p for p in named if p == 0 or words[p - 1] != "not"]
    return named[max(left)][1] if left else None


@mistake(
    "The nearest text, always one of them.",
    fails="choice-words, choice-letters, choice-none, choice-several",
    says="names no choice is None",
)
def nearest(said, choices):
    return max(choices, key=lambda one: difflib.SequenceMatcher(None, said.lower(), one).ratio())


@mistake(
    "A choice's letters anywhere, also inside other words.",
    fails="choice-words, choice-letters, choice-several",
    says="inside other words",
)
def letters_inside(said, choices):
    text = said.lower()
    places = {one: text.rfind(one) for one in choices}
    for letter, choice in zip("abcde", choices, strict=False):
        places[choice] = max(places[choice], text.rfind(f"({letter})"))
    best = max(places, key=places.get)
    return best if places[best] >= 0 else None


@mistake(
    "A bare letter counts wherever it stands.",
    fails="choice-letters",
    says="a letter that is only a word",
)
def any_letter(said, choices):
    named = meant(outer(written(said, choices, anywhere=True)), said)
    return max(named)[2] if named else None


@mistake("Letters are not looked at.", fails="choice-letters, choice-several", says="'(")
def words_alone(said, choices):
    words = in_words(said)
    found = [one for one in written(said, choices) if words[one[0] : one[1]] == one[2].split()]
    named = meant(outer(found), said)
    return max(named)[2] if named else None


@mistake(
    "Letters in brackets only, not as the last word.",
    fails="choice-letters",
    says="and yours says None",
)
def brackets_alone(said, choices):
    found = [one for one in written(said, choices) if in_words(said)[one[0]] not in tuple("abcde")]
    named = meant(outer(found), said)
    return max(named)[2] if named else None


@mistake(
    "What stands behind 'not' is taken all the same.",
    fails="choice-several",
    says="what stands right behind 'not'",
)
def not_unheard(said, choices):
    named = outer(written(said, choices))
    return max(named)[2] if named else None


@mistake(
    "An answer with a 'not' anywhere is none.",
    fails="choice-several",
    says="what stands right behind 'not'",
)
def not_everywhere(said, choices):
    if "not" in in_words(said):
        return None
    named = outer(written(said, choices))
    return max(named)[2] if named else None


@mistake("The first one named counts.", fails="choice-several", says="several are named")
def first_named(said, choices):
    named = meant(outer(written(said, choices)), said)
    return min(named)[2] if named else None


@mistake(
    "The first choice of the list that is named, wherever it stands.",
    fails="choice-several",
    says="several are named",
)
def first_in_list(said, choices):
    named = {one[2] for one in meant(outer(written(said, choices)), said)}
    return next((choice for choice in choices if choice in named), None)


@mistake(
    "A choice inside a longer one counts, too.",
    fails="choice-several",
    says="a choice inside a longer one",
)
def shorter_too(said, choices):
    named = meant(written(said, choices), said)
    return max(named)[2] if named else None


@mistake(
    "'not' is looked for before the longer choice is: 'red' in 'not dark red' is left.",
    fails="choice-several",
    says="'not dark red'",
)
def strikes_in_wrong_order(said, choices):
    named = outer(meant(written(said, choices), said))
    return max(named)[2] if named else None


@mistake(
    "Capital letters are other letters.",
    fails="choice-words, choice-letters, choice-several",
    says="and yours says None",
)
def as_typed(said, choices):
    kept = re.sub(r"[A-Z]+", "", said)
    named = meant(outer(written(kept, choices)), kept)
    return max(named)[2] if named else None


@mistake(
    "The place of the choice, not its words.",
    fails="choice-words, choice-letters, choice-several",
    says="wanted a choice's words or None",
)
def its_place(said, choices):
    found = master(said, choices)
    return None if found is None else choices.index(found)


@mistake(
    "What names nothing is the first choice.",
    fails="choice-words, choice-letters, choice-none, choice-several",
    says="names no choice is None",
)
def else_the_first(said, choices):
    return master(said, choices) or choices[0]


@mistake(
    "What names nothing is an empty text.",
    fails="choice-words, choice-letters, choice-none, choice-several",
    says="and yours says ''",
)
def else_empty(said, choices):
    return master(said, choices) or ""


@mistake(
    "Sorts the choices where they are.",
    fails="choice-several",
    says="changed its second argument",
)
def sorts_choices(said, choices):
    named = master(said, choices)
    choices.sort()
    return named


@mistake(
    "'not' strikes what stands two words behind it, too.",
    fails="choice-several",
    says="It is not hard",
)
def not_two_back(said, choices):
    words = in_words(said)
    named = [
        one
        for one in outer(written(said, choices))
        if "not" not in words[max(one[0] - 2, 0) : one[0]]
    ]
    return max(named)[2] if named else None
