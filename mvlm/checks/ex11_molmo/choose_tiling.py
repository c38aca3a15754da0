"""Exercise 11, `choose_tiling`: how many crops?"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import Comparison, expect_parts

Tiling = tuple[int, int]
Sizes = tuple[int, int, int, int, int]  # height, width, window, overlap, max_crops


def _rank(score: Fraction, crops: int) -> tuple:
    """The smallest is best: not shrunk before shrunk, the nearest to 1, the fewest crops."""
    return score < 1, abs(score - 1), crops


def _tiling(
    *sizes: int,
    rank: Callable[[Fraction, int], tuple] = _rank,
    fit: Callable[..., Fraction] = min,
    off: bool = True,
    frame: bool = False,
    limit: Callable[[int], int] = lambda most: most,
    turn: bool = False,
) -> Tiling:
    """The rule, in fractions; keyword arguments are mistakes."""
    height, width, window, overlap, max_crops = sizes

    def order(tiling: Tiling) -> tuple:
        # By how much the picture, less the overlap, is scaled to fit into the windows.
        score = fit(
            Fraction(window * count + overlap * frame, side - overlap * off)
            for count, side in zip(tiling, (height, width), strict=True)
        )
        return rank(score, math.prod(tiling))

    most = limit(max_crops)
    sides = range(1, most + 1)
    best = min(((i, j) for i in sides for j in sides if i * j <= most), key=order)
    return best[::-1] if turn else best


NO_OVERLAP = {"off": False}
WHOLE_FRAME = {"off": False, "frame": True}
FILLING = {"fit": max}
MOST_ENLARGED = {"rank": lambda score, crops: (score < 1, -score, crops)}
MORE_CROPS = {"rank": lambda score, crops: _rank(score, -crops)}
NEAREST = {"rank": lambda score, crops: (abs(score - 1), crops)}
TURNED = {"turn": True}
AT_MOST_12 = {"limit": lambda most: 12}
FEWER = {"limit": lambda most: max(most - 1, 1)}


def _rounded_up(height: int, width: int, window: int, overlap: int, _: int) -> Tiling:
    return -(-(height - overlap) // window), -(-(width - overlap) // window)


def _read_tiling(value: Any, *sizes: int) -> Tiling:
    rows, columns = expect_parts(value, ("rows", "columns"), "choose_tiling")
    if type(rows) is not int or type(columns) is not int:
        fail(
            f"choose_tiling returned {rows!r} and {columns!r}, wanted two whole numbers (int)",
            "Which of your steps divides, or makes a tensor?",
        )
    return rows, columns


TILING = Comparison(
    function="choose_tiling",
    what="the tiling",
    right=_tiling,
    read=_read_tiling,
    alike=operator.eq,
    tells=lambda ours, wanted: f"the tiling is {ours}, wanted {wanted}",
    mistakes={
        # Shows in exact fits alone, where a forgotten overlap may give the same.
        "a picture that fits exactly, with the score 1, is neither shrunk nor enlarged: it "
        "counts with those that are not shrunk": {
            "rank": lambda score, crops: (score <= 1, abs(score - 1), crops)
        },
        "the overlap was not taken off the picture's sides": NO_OVERLAP,
        "the whole frame was compared with the whole picture: the overlap is taken off both": (
            WHOLE_FRAME
        ),
        "the larger of the two scores was taken: then the picture does not fit the other way": (
            FILLING
        ),
        "of the tilings that enlarge, the one that enlarges MOST was taken": MOST_ENLARGED,
        "where every tiling shrinks, the one that shrinks MOST was taken": {
            "rank": lambda score, crops: (score < 1, score, crops)
        },
        "of equally good tilings the one with more crops was taken: fewer crops cost less": (
            MORE_CROPS
        ),
        "a score was rounded: one a little under 1 shrinks the picture, however little": {
            "rank": lambda score, crops: _rank(round(score, 2), crops)
        },
        "the score nearest to 1 was taken: shrinking a little loses to enlarging": NEAREST,
        "columns came before rows: rows go with the height": TURNED,
        "each side was rounded up by itself, beyond max_crops": _rounded_up,
        "at most 12 crops were allowed, whatever max_crops says": AT_MOST_12,
        "fewer than max_crops were allowed: max_crops itself is allowed as well": FEWER,
    },
)

# Mistakes that every input of a check must show. Whether a picture fits is the same for the whole
# frame and the whole picture, so that mistake shows only where every tiling shrinks.
COMMON = (TURNED, FILLING, NO_OVERLAP)


def _shows(sizes: Sizes, *mistakes: Mapping[str, Any]) -> bool:
    """Whether each mistake gives another tiling, and no other is as good as the right one."""
    right = _tiling(*sizes)
    apart = all(_tiling(*sizes, **mistake) != right for mistake in mistakes)
    return apart and _tiling(*sizes, **MORE_CROPS) == right


def _sizes(student: Student, rows: int, columns: int, max_crops: int, over: bool) -> Sizes:
    """A picture that needs about so many rows and columns; a little less, or a little more."""
    window, overlap = 10 * student.integer(9, 25), 10 * student.integer(5, 14)
    sign = 1 if over else -1
    down, across = (sign * student.integer(window // 12, window // 4) for _ in range(2))
    height, width = overlap + window * rows + down, overlap + window * columns + across
    return height, width, window, overlap, max_crops


def _pictures(
    student: Student, counts: tuple[int, int], crops: range, over: bool
) -> Iterator[Sizes]:
    """Pictures, for at most 12 crops, that need more rows than columns, or fewer."""
    while True:
        rows, columns = student.integer(*counts), student.integer(*counts)
        if rows * columns in crops and rows != columns:
            yield _sizes(student, rows, columns, 12, over)


@drawn_once
def _enlarged(student: Student) -> Sizes:
    """Some tiling enlarges, and no other is as good, so that ties make no difference."""
    for sizes in _pictures(student, (1, 12), range(1, 13), over=False):
        if math.prod(_tiling(*sizes)) < 12 and _shows(sizes, *COMMON, MOST_ENLARGED):
            return sizes


@drawn_once
def _shrunk(student: Student) -> Sizes:
    """Every tiling shrinks, and no other is as good."""
    for sizes in _pictures(student, (2, 6), range(13, 37), over=True):
        # The overlap, alone, changes little in a large picture.
        little = _tiling(*sizes, **NO_OVERLAP) == _tiling(*sizes)
        if little and _shows(sizes, TURNED, FILLING, WHOLE_FRAME):
            return sizes


@drawn_once
def _nearly(student: Student) -> Sizes:
    """A little shrinking would be nearer to 1 than the tiling that enlarges."""
    for sizes in _pictures(student, (1, 4), range(1, 7), over=True):
        if _shows(sizes, *COMMON, NEAREST):
            return sizes


@drawn_once
def _at_limit(student: Student, max_crops: int) -> Sizes:
    """All crops that are allowed are needed, or more; ties make no difference."""
    shown = {1: (AT_MOST_12,), 4: (*COMMON, FEWER, AT_MOST_12), 20: (FEWER, AT_MOST_12)}[max_crops]
    while True:
        rows, columns = student.integer(1, 7), student.integer(1, 7)
        sizes = _sizes(student, rows, columns, max_crops, over=student.integer(0, 1) == 1)
        if math.prod(_tiling(*sizes)) == max_crops and _shows(sizes, *shown):
            return sizes


def _exact(student: Student, rows: int, columns: int, more: int = 0) -> Sizes:
    """A picture that fits exactly, or is a little wider."""
    window, overlap = 10 * student.integer(9, 25), 10 * student.integer(5, 14)
    return overlap + window * rows, overlap + window * columns + more, window, overlap, 12


def _panorama(student: Student) -> Sizes:
    """A picture so wide that more than 12 crops stand side by side, and two rows are too many."""
    columns = student.integer(14, 18)
    return _sizes(student, 1, columns, columns + student.integer(1, 5), over=False)


def _one_row(student: Student) -> Sizes:
    """A picture that one crop holds: more columns have the same score, more rows another."""
    window, overlap = 10 * student.integer(12, 25), 10 * student.integer(5, 14)
    short = student.integer(5, window // 8)
    return overlap + window - short, overlap + window - 4 * short, window, overlap, 12


@check(
    "where a tiling enlarges the picture, the one that enlarges it least",
    "One score a tiling: the smaller of window·rows/(height − overlap) and the same for columns.",
)
def tiling_enlarge(student: Student) -> None:
    TILING.run(student, partial(_enlarged, student))
    with student.on("a picture that four crops would shrink a little"):
        TILING.run(student, partial(_nearly, student))


@check(
    "where every tiling shrinks it, the one that shrinks it least",
    "A photograph of 4000×3000 is larger than all windows together. Which score is best then?",
    after=[tiling_enlarge],
)
def tiling_shrink(student: Student) -> None:
    TILING.run(student, partial(_shrunk, student))


@check(
    "exact fits, and fewer crops where two tilings are as good",
    "What one crop holds, a row of five crops holds as well, at the same score.",
    after=[tiling_enlarge],
)
def tiling_ties(student: Student) -> None:
    inputs = {
        "a picture that one crop holds": partial(_one_row, student),
        "a picture that 2×3 windows hold exactly": partial(_exact, student, 2, 3),
        "a picture that 4×1 windows hold exactly": partial(_exact, student, 4, 1),
        # They shrink it by less than half a hundredth.
        "a picture one pixel wider than 2×3 windows hold": partial(_exact, student, 2, 3, 1),
        "480×640 pixels, Molmo's sizes": (480, 640, 224, 112, 12),
    }
    TILING.each(student, inputs)


@check(
    "other limits than 12",
    "max_crops bounds rows times columns, not rows and columns each; it is itself allowed.",
    after=[tiling_enlarge, tiling_shrink],
)
def tiling_limits(student: Student) -> None:
    inputs = {f"max_crops {limit}": partial(_at_limit, student, limit) for limit in (1, 4, 20)}
    inputs["more than 12 crops side by side"] = partial(_panorama, student)
    TILING.each(student, inputs)


QUESTION = Question(
    function="choose_tiling",
    title="How many crops?",
    minutes=20,
    teaches="how a picture's size decides into how many crops it is cut",
    checks=(tiling_enlarge, tiling_shrink, tiling_ties, tiling_limits),
)
