"""Exercise 01, `sensitivity`: does the answer change with the picture?"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex01_multimodal.common import ANSWERS, rounded_off, to_six_digits
from mvlm.checks.expect import Comparison

Rows = list[list[str]]


def _differ(row: Sequence[str]) -> bool:
    return any(one != other for one, other in combinations(row, 2))


def _changes(row: Sequence[str]) -> int:
    """How often an answer is another than the one before."""
    return sum(one != other for one, other in pairwise(row))


def _others(row: Sequence[str]) -> int:
    """How many answers are another than the first."""
    return sum(answer != row[0] for answer in row)


def _share(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _sensitivity(
    rows: Rows,
    *,
    form: Callable[[str], str] = lambda answer: answer.strip().lower(),
    measure: Callable[[Sequence[str]], float] = _differ,
    result: Callable[[Sequence[float], Rows], float] = lambda values, rows: _share(values),
) -> float:
    """The share of questions with several pictures that changed; 0 where there are none.

    The mistakes: another form of the answers, another measure of a question, another result of
    these measures and all rows.
    """
    compared = [[form(answer) for answer in row] for row in rows if len(row) > 1]
    return float(result([measure(row) for row in compared], rows))


SENSITIVE = Comparison(
    function="sensitivity",
    what="the sensitivity",
    right=_sensitivity,
    alike=to_six_digits,
    mistakes={
        "that is in percent": {"result": lambda values, rows: 100 * _share(values)},
        "that is how many questions changed their answer, not the share": {
            "result": lambda values, rows: sum(values)
        },
        "that is the share of questions whose answer stayed": {
            "result": lambda values, rows: 1 - _share(values)
        },
        "answers that differ in capitals or in spaces at their ends count as changed": {
            "form": str
        },
        **{
            f"answers that differ in {what} count as changed": {"form": form}
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
            "measure": lambda row: row[0] != row[-1]
        },
        "a question counts only where ALL its answers differ; one other answer is a change": {
            "measure": lambda row: len(set(row)) == len(row)
        },
        "that is the share of pairs of pictures that differ: it is questions that are counted": {
            "measure": lambda row: _share([one != other for one, other in combinations(row, 2)])
        },
        "that is the mean of how MUCH each question changed: it has changed, 1, or not, 0": [
            {"measure": lambda row: _others(row) / (len(row) - 1)},
            {"measure": _changes},
            {"measure": lambda row: _changes(row) / (len(row) - 1)},
            {"measure": lambda row: len(set(row)) - 1},
        ],
        "that is the share of pictures whose answer is another: questions are counted": {
            "measure": _others,
            "result": lambda values, rows: sum(values) / max(1, sum(len(row) - 1 for row in rows)),
        },
        "the questions that changed are divided by the number of answers, not of questions": {
            "result": lambda values, rows: sum(values) / sum(map(len, rows))
        },
        "a question asked with one picture counts as one whose answer stayed": {
            "result": lambda values, rows: sum(values) / len(rows)
        },
        "a question asked with one picture counts as one whose answer changed": {
            "result": lambda values, rows: (sum(values) + len(rows) - len(values)) / len(rows)
        },
        **rounded_off(_sensitivity),
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


# So many of each kind that no two mistakes count alike.
SPACES = (" {} ", "  {}", "{} ", "{}  ", "{}\t\n")
SPELT = (str.upper, str.title, str.capitalize, *(form.format for form in SPACES))
OTHERWISE = (
    "Answers are alike if they differ in nothing but capitals and white space at their ends. Do "
    "these two differ in more? An empty answer is one like any other."
)


@check(
    "capitals and spaces at the ends are no change, and all else is one",
    "Bring both answers to one form first: strip and lower.",
    after=[sens_share],
)
def sens_spelling(student: Student) -> None:
    def draw() -> tuple[Rows]:
        rows = _rows(student, [2] * 17, alike=len(SPELT))
        alike = [row for row in rows if not _differ(row)]
        for spelt, row in zip(SPELT, alike, strict=True):
            row[1] = spelt(row[1])
        return (rows,)

    SENSITIVE.run(student, draw)
    for row in (["top left", "topleft"], ["top left", "top  left"], ["yes", "yes."], ["yes", ""]):
        with student.on(f"{row[0]!r} and {row[1]!r}", OTHERWISE):
            rows = [row, ["rose", "rose"]]
            SENSITIVE.run(student, lambda rows=rows: (student.shuffled(rows),))


@check(
    "a question asked with one picture is left out; where none is left it is 0",
    "With one answer there is nothing to compare: neither changed nor stayed.",
    after=[sens_share, sens_several],
    keeps_arguments=True,
)
def sens_single(student: Student) -> None:
    def draw() -> tuple[Rows]:
        rows = _rows(student, [1, 2, 1, 2, 2, 1, 2, 2, 2], alike=4)
        # All spelt in one way, so that no form makes a difference, and to write it back shows.
        return ([[f" {answer.title()}\n" for answer in row] for row in rows],)

    with student.on("some questions with one picture"):
        SENSITIVE.run(student, draw)
    with student.on("every question with one picture"):
        replace(SENSITIVE, mistakes={}).run(student, lambda: (_rows(student, [1, 1, 1], alike=3),))


QUESTION = Question(
    function="sensitivity",
    title="Does the answer change with the picture?",
    minutes=10,
    teaches="to measure looking without knowing what is right",
    checks=(sens_share, sens_several, sens_spelling, sens_single),
)
