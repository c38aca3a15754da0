"""Is the answer right? Scores for the tasks of chapter 12, and the actions of a web agent.

Every score takes what the model said and what was right, and answers True or False (or a
`PointScore`); `accuracy` averages over a data set.
"""

import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

Box = tuple[float, float, float, float]
"""(left, top, right, bottom), in the same units as the points."""

_NUMBER = re.compile(r"([-+−]?)\$?(\d[\d,]*(?:\.\d*)?|\.\d+)(e[-+]?\d{1,2})?\s?(%?)", re.IGNORECASE)


def accuracy(
    predictions: Sequence[str],
    answers: Sequence[str],
    score: Callable[[str, str], bool],
) -> float:
    """Share of predictions that `score` accepts, from 0 to 1.

    Raises:
        ValueError: no predictions, or not as many as answers.
    """
    if len(predictions) != len(answers) or not len(answers):
        raise ValueError(
            f"{len(predictions)} predictions came for {len(answers)} answers: pass one for each, "
            "and at least one"
        )
    pairs = zip(predictions, answers, strict=True)
    return sum(bool(score(said, right)) for said, right in pairs) / len(answers)


def exact_match(prediction: str, answer: str) -> bool:
    """Equal but for case, spaces at the ends or doubled, and punctuation at the end."""
    return _plain(prediction) == _plain(answer)


def final_answer(said: str) -> str:
    """What comes after the last colon: a model that counts aloud says its answer last.

    "top left, centre: 2" → "2"; what has no colon is the answer already.
    """
    return said.rpartition(":")[2].strip()


def relaxed_match(prediction: str, answer: str, *, tolerance: float = 0.05) -> bool:
    """ChartQA's relaxed accuracy: a number may be off by `tolerance` of the right one.

    The bound itself still counts, to the last digit: 105 is right for 100, and 1.05 for 1. As in
    the published score, "74%" is the number 0.74. What is not a number must match exactly.

    Source: Methani et al. 2020, section 5.1; Masry et al. 2022, section 5.1.
    """
    said, right = _number(prediction), _number(answer)
    if said is None or right is None:
        return exact_match(prediction, answer)
    return abs(said - right) <= Decimal(str(tolerance)) * abs(right)


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(string.punctuation + " ")


def _number(text: str) -> Decimal | None:
    match = _NUMBER.fullmatch(text.strip().rstrip(".!"))
    if match is None:
        return None
    sign, digits, exponent, percent = match.groups()
    number = Decimal(digits.replace(",", "") + (exponent or ""))
    number = number / 100 if percent else number
    return number if sign in ("", "+") else -number


def edit_distance(one: str, other: str) -> int:
    """The fewest letters to put in, take out or change that make one text the other.

    Source: Levenshtein 1966.
    """
    row = list(range(len(other) + 1))  # from nothing to each beginning of the other
    for i, letter in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(other, start=1):
            changed = before + (letter != wanted)
            before, row[j] = row[j], min(changed, row[j] + 1, row[j - 1] + 1)
    return row[-1]


_LETTER = re.compile(r"\(([a-zA-Z])\)")


def nearest_choice(said: str, choices: Sequence[str]) -> str:
    """The choice that MathVista's score takes an answer for. It always finds one.

    A letter in brackets counts, or a capital letter alone. Anything else becomes the choice with
    the least edit distance, the first of several.

    Source: `normalize_extracted_answer` in evaluation/calculate_score.py of MathVista (Lu et al.
    2024), at 53d5258 and with its default flags. There a language model may have shortened the
    answer before.
    """
    said = said.strip()
    letter = _LETTER.search(said)
    said = letter[1].upper() if letter else said
    letters = string.ascii_uppercase[: len(choices)]
    if len(said) == 1 and said in letters:
        return choices[letters.index(said)]
    return min(choices, key=lambda choice: edit_distance(said, choice))


_WORD = re.compile(r"\([a-z]\)|\w+(?:'\w+)*")


def read_choice(said: str, choices: Sequence[str]) -> str | None:
    """The choice that an answer names, or None: then it has given no answer.

    Words count, not letters that look alike. A choice is named by its words in a row, by its
    letter in brackets, or by its letter as the last word. What stands right behind "not" is not
    named, nor is a choice inside a longer one ("red" in "dark red"). The last one named counts.
    Capitals make no difference.

    Args:
        said: the answer.
        choices: different words or groups of words, none a single letter, none with "not".
    """
    words = _WORD.findall(said.lower())
    named: list[tuple[int, int, str]] = []  # where it begins and ends, and which
    for letter, choice in zip(string.ascii_lowercase, choices, strict=False):
        for wanted in ([f"({letter})"], choice.lower().split()):
            for start in range(len(words)):
                if words[start : start + len(wanted)] == wanted:
                    named.append((start, start + len(wanted), choice))
        if words[-1:] == [letter]:
            named.append((len(words) - 1, len(words), choice))
    whole = [one for one in named if not any(_inside(one, other) for other in named)]
    meant = [one for one in whole if words[one[0] - 1 : one[0]] != ["not"]]
    return max(meant)[2] if meant else None


def _inside(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return other[0] <= one[0] and one[1] <= other[1] and other[:2] != one[:2]


def point_in_box(point: tuple[float, float], box: Box) -> bool:
    """Whether (x, y) lies in (left, top, right, bottom), the edges included."""
    (x, y), (left, top, right, bottom) = point, box
    return left <= x <= right and top <= y <= bottom


def point_in_mask(point: tuple[float, float], mask: np.ndarray) -> bool:
    """Whether the pixel under (x, y), in hundredths of the picture, is True in a (H, W) mask."""
    height, width = mask.shape
    column = min(int(point[0] * width / 100), width - 1)
    row = min(int(point[1] * height / 100), height - 1)
    return min(row, column) >= 0 and bool(mask[row, column])


@dataclass(frozen=True, kw_only=True)
class PointScore:
    """How well points were placed, each number from 0 to 1.

    `precision` is the share of points that hit a region of their own, `recall` the share of
    regions that were hit, `f1` their harmonic mean. With no points and no regions all are 1.
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def score_points(
    points: Sequence[tuple[float, float]], regions: Sequence[Box | np.ndarray]
) -> PointScore:
    """Match points to regions one to one, as many as possible, and count.

    A second point on the same thing is as wrong as a point on nothing, so that a model cannot win
    by pointing everywhere.

    Args:
        points: (x, y), in the units of the boxes; hundredths of the picture where masks are used.
        regions: for each thing a box or a boolean mask (H, W).
    """
    hits = [
        [
            j
            for j, region in enumerate(regions)
            if (
                point_in_mask(point, region)
                if isinstance(region, np.ndarray)
                else point_in_box(point, region)
            )
        ]
        for point in points
    ]
    matched = _match(hits)
    if not len(points) and not len(regions):
        return PointScore(precision=1.0, recall=1.0)
    return PointScore(
        precision=matched / len(points) if len(points) else 0.0,
        recall=matched / len(regions) if len(regions) else 0.0,
    )


def _match(choices: list[list[int]]) -> int:
    """Size of the largest one-to-one matching (Kuhn's augmenting paths, breadth first)."""
    owner: dict[int, int] = {}  # region → the point that has it
    held: dict[int, int] = {}  # and the other way round
    dead: set[int] = set()  # regions from which no free one can be reached, now or later
    for start in range(len(choices)):
        came: dict[int, int] = {}  # region → the point it was reached from
        queue, end = [start], None
        for i in queue:
            new = [j for j in choices[i] if j not in came and j not in dead]
            came.update(dict.fromkeys(new, i))
            end = next((j for j in new if j not in owner), None)
            if end is not None:
                break
            queue += [owner[j] for j in new]
        if end is None:
            dead.update(came)
        while end is not None:  # back along the path: each point takes the region it reached
            i = came[end]
            owner[end] = i
            end, held[i] = held.get(i), end
    return len(owner)


@dataclass(frozen=True, kw_only=True)
class Action:
    """One step of a web agent, such as `click [1602]`.

    `element` is the number the page shows beside an element (or, for tab_focus, of the tab);
    `text` is what to type, which key to press, where to go, which way to scroll, or the answer
    to stop with; `enter` is whether Enter follows what is typed.
    """

    name: str
    element: int | None = None
    text: str | None = None
    enter: bool = True


# The actions of VisualWebArena (Koh et al. 2024, table 2), each with the pattern of what follows.
_ELEMENT = r"\s*\[(?P<element>\d+)\]"
_TEXT = r"\s*\[(?P<text>.*)\]"
_ACTIONS = {
    "click": _ELEMENT,
    "hover": _ELEMENT,
    "type": rf"{_ELEMENT}\s*\[(?P<text>.*?)\](?:\s*\[(?P<enter>[01])\])?",
    "press": _TEXT,
    "scroll": r"\s*\[(?:direction=)?(?P<text>up|down)\]",
    "goto": _TEXT,
    "tab_focus": _ELEMENT,
    "new_tab": "",
    "close_tab": "",
    "go_back": "",
    "go_forward": "",
    "stop": rf"(?:{_TEXT})?",
}
_PATTERNS = {name: re.compile(name + rest, re.DOTALL) for name, rest in _ACTIONS.items()}
_FENCED = re.compile(r"```(.*?)```", re.DOTALL)


def parse_action(text: str) -> Action:
    """Read the action out of an agent's answer.

    An agent may think aloud first. The action is what its last ``` fence holds, or without a
    fence its last line that is not empty.

    Raises:
        ValueError: that is no action of VisualWebArena's list.
    """
    fenced = _FENCED.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    said = (fenced or lines or [""])[-1].strip()
    for name, pattern in _PATTERNS.items():
        match = pattern.fullmatch(said)
        if match is not None:
            found = match.groupdict()
            return Action(
                name=name,
                element=int(found["element"]) if found.get("element") else None,
                text=found.get("text"),
                enter=found.get("enter") != "0",
            )
    raise ValueError(
        f"{said[:80]!r} is no action: wanted one such as `click [1602]` or `type [7] [red shoes]`, "
        f"of {', '.join(_ACTIONS)}"
    )


def action_match(prediction: str, answer: str) -> bool:
    """Whether both texts name the same action; an answer that holds none is wrong."""
    try:
        return parse_action(prediction) == parse_action(answer)
    except ValueError:
        return False
