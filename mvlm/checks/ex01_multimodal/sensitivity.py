"""Exercise 01, `sensitivity`: does the answer change with the picture?"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex01_multimodal.common import ANSWERS, rounded_off, to_six_digits
from mvlm.checks.expect import Comparison

Rows = list[list[str]]


def _plain(answer: str) -> str:
    return answer.strip().lower()


def _differ(row: Sequence[str]) -> bool:
    return any(_plain(a) != _plain(b) for a in row for b in row)


def _compared(rows: Rows) -> Rows:
    return [row for row in rows if len(row) > 1]


def _of_compared(rows: Rows, measure: Callable[[Sequence[str]], float] = _differ) -> float:
    values = [float(measure(row)) for row in _compared(rows)]
    return sum(values) / len(values) if values else 0.0


def _pairs(row: Sequence[str]) -> float:
    pairs = [(a, b) for i, a in enumerate(row) for b in row[:i]]
    return sum(_plain(a) != _plain(b) for a, b in pairs) / len(pairs)


def _changes(row: Sequence[str]) -> int:
    """How often an answer is another than the one before."""
    return sum(_plain(a) != _plain(b) for a, b in pairwise(row))


def _others(row: Sequence[str]) -> float:
    return sum(_plain(a) != _plain(row[0]) for a in row[1:]) / (len(row) - 1)


def _beside_first(rows: Rows) -> float:
    """A mistake: the share of the other pictures whose answer is not that with the first."""
    others = [_plain(a) != _plain(row[0]) for row in rows for a in row[1:]]
    return sum(others) / len(others) if others else 0.0


SENSITIVE = Comparison(
    function="sensitivity",
    what="the sensitivity",
    right=_of_compared,
    alike=to_six_digits,
    mistakes={
        "that is in percent": lambda rows: 100 * _of_compared(rows),
        "that is how many questions changed their answer, not the share": lambda rows: sum(
            map(_differ, rows)
        ),
        "that is the share of questions whose answer stayed": lambda rows: 1 - _of_compared(rows),
        "answers that differ in capitals or in spaces at their ends count as changed": {
            "measure": lambda row: len(set(row)) > 1
        },
        **{
            f"answers that differ in {what} count as changed": {
                "measure": lambda row, form=form: len(set(map(form, row))) > 1
            }
            for what, form in {
                "capitals": str.strip,
                "spaces at their ends": str.lower,
                "spaces before them": lambda answer: answer.rstrip().lower(),
                "spaces after them": lambda answer: answer.lstrip().lower(),
                "tabs or line ends at their ends": lambda answer: answer.strip(" ").lower(),
            }.items()
        },
        **{
            f"only the answers with the first {words} pictures are compared": {
                "measure": lambda row, first=first: _differ(row[:first])
            }
            for first, words in ((2, "two"), (3, "three"), (4, "four"))
        },
        "only the answers with the first and with the last picture are compared": {
            "measure": lambda row: _differ((row[0], row[-1]))
        },
        "a question counts only where ALL its answers differ; one other answer is a change": {
            "measure": lambda row: len(set(map(_plain, row))) == len(row)
        },
        "that is the share of pairs of pictures that differ: it is questions that are counted": {
            "measure": _pairs
        },
        "that is the mean of how MUCH each question changed: it has changed, 1, or not, 0": [
            {"measure": _others},
            {"measure": _changes},
            {"measure": lambda row: _changes(row) / (len(row) - 1)},
            {"measure": lambda row: len(set(map(_plain, row))) - 1},
        ],
        "that is the share of pictures whose answer is another: questions are counted": (
            _beside_first
        ),
        "the questions that changed are divided by the number of answers, not of questions": (
            lambda rows: sum(map(_differ, rows)) / max(1, sum(map(len, rows)))
        ),
        "a question asked with one picture counts as one whose answer stayed": lambda rows: (
            sum(map(_differ, rows)) / len(rows) if rows else None
        ),
        "a question asked with one picture counts as one whose answer changed": lambda rows: (
            sum(len(row) < 2 or _differ(row) for row in rows) / len(rows)
        ),
        **rounded_off(_of_compared),
    },
)


def _rows(student: Student, widths: Sequence[int], *, alike: int) -> Rows:
    """A row of answers for each width; in the first `alike` rows they are all the same."""
    rows = []
    for n, width in enumerate(widths):
        same, *others = student.shuffled(ANSWERS)
        row = [same] * width
        if n >= alike and width > 1:
            # Where the one other answer stands: from the last place on; some rows have two.
            place = width - 1 - n % (width - 1)
            row[place] = others[0]
            if width > 3 and n % 3 == 0:
                row[place - 1] = others[1]
        rows.append(row)
    return student.shuffled(rows)


@check(
    "the share of questions whose answer changes, two pictures each",
    "A question is one row. Are its answers all alike or not?",
)
def sens_share(student: Student) -> None:
    SENSITIVE.run(student, lambda: (_rows(student, [2] * 7, alike=student.integer(1, 3)),))


@check(
    "with any number of pictures, one other answer is a change, and one question is one",
    "How many DIFFERENT answers has a row? One, or more than one?",
    after=[sens_share],
)
def sens_several(student: Student) -> None:
    widths = [3, 4, 5, 5, 5, 5, 5, 4, 3, 7, 6, 2, 3]  # the other answer at every place of five
    SENSITIVE.run(student, lambda: (_rows(student, widths, alike=student.integer(2, 3)),))


@check(
    "capitals and spaces at the ends are no change",
    "Bring both answers to one form first: strip and lower. Spaces INSIDE an answer and full "
    "stops are differences, and an empty answer is an answer.",
    after=[sens_share],
)
def sens_spelling(student: Student) -> None:
    def draw() -> tuple[Rows]:
        # So many of each kind that no two mistakes count alike.
        forms = (" {} ", "  {}", "{} ", "{}  ", "{}\t\n")
        spaces = [form.format for form in forms]
        spelt = (str.upper, str.title, str.capitalize, *spaces)
        rows = _rows(student, [2] * 17, alike=len(spelt))
        same = [n for n, row in enumerate(rows) if not _differ(row)]
        for kind, n in enumerate(same):
            rows[n] = [rows[n][0], spelt[kind](rows[n][1])]
        return (rows,)

    SENSITIVE.run(student, draw)
    pairs = (("top left", "topleft"), ("top left", "top  left"), ("yes", "yes."), ("yes", ""))
    for one, other in pairs:
        with student.on(f"{one!r} and {other!r}"):
            rows = [[one, other], ["rose", "rose"]]
            SENSITIVE.run(student, lambda rows=rows: (student.shuffled(rows),))


@check(
    "a question asked with one picture is left out; where none is left it is 0",
    "With one answer there is nothing to compare: neither changed nor stayed.",
    after=[sens_share, sens_several],
    keeps_arguments=True,
)
def sens_single(student: Student) -> None:
    with student.on("some questions with one picture"):
        SENSITIVE.run(student, lambda: (_rows(student, [1, 2, 1, 2, 2, 1, 2, 2, 2], alike=4),))
    with student.on("every question with one picture"):
        replace(SENSITIVE, mistakes={}).run(student, lambda: (_rows(student, [1, 1, 1], alike=3),))


QUESTION = Question(
    function="sensitivity",
    title="Does the answer change with the picture?",
    minutes=10,
    teaches="to measure looking without knowing what is right",
    checks=(sens_share, sens_several, sens_spelling, sens_single),
)
