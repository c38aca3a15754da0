"""Exercise 11, `choose_tiling`: how many crops?"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import Comparison, expect_parts

Tiling = tuple[int, int]
Sizes = tuple[int, int, int, int, int]  # height, width, window, overlap, max_crops


def _score(tiling: Tiling, height: int, width: int, window: int, overlap: int) -> Fraction:
    """By how much the picture, less the overlap, is scaled to fit into the windows."""
    rows, columns = tiling
    return min(
        Fraction(window * rows, height - overlap), Fraction(window * columns, width - overlap)
    )


def _tiling(
    height: int,
    width: int,
    window: int,
    overlap: int,
    max_crops: int,
    *,
    score: Callable[..., Fraction] = _score,
    enough: Callable[[Fraction], bool] = lambda score: score >= 1,
    enlarging: Callable[..., Fraction] = min,
    shrinking: Callable[..., Fraction] = max,
    ties: Callable[..., Tiling] = min,
) -> Tiling:
    """The rule, in fractions; keyword arguments are mistakes."""
    sides = range(1, max_crops + 1)
    scores = {
        (i, j): score((i, j), height, width, window, overlap)
        for i in sides
        for j in sides
        if i * j <= max_crops
    }
    large = {tiling: one for tiling, one in scores.items() if enough(one)}
    best = enlarging(large.values()) if large else shrinking(scores.values())
    equal = [tiling for tiling, one in (large or scores).items() if one == best]
    return ties(equal, key=lambda tiling: tiling[0] * tiling[1])


def _no_overlap(tiling: Tiling, height: int, width: int, window: int, _: int) -> Fraction:
    return _score(tiling, height, width, window, 0)


def _whole_frame(tiling: Tiling, height: int, width: int, window: int, overlap: int) -> Fraction:
    frame = [window * count + overlap for count in tiling]
    return min(Fraction(frame[0], height), Fraction(frame[1], width))


def _filling(tiling: Tiling, height: int, width: int, window: int, overlap: int) -> Fraction:
    rows, columns = tiling
    return max(
        Fraction(window * rows, height - overlap), Fraction(window * columns, width - overlap)
    )


def _two_decimals(*sizes: Any) -> Fraction:
    return round(_score(*sizes), 2)


def _both(*, ends: bool) -> Callable[..., Tiling]:
    """Mistakes of a whole: the two sides swapped on the way in, or on the way out."""
    if ends:
        return lambda *sizes: _tiling(*sizes)[::-1]
    return lambda height, width, *rest: _tiling(width, height, *rest)


def _nearest(height: int, width: int, window: int, overlap: int, max_crops: int) -> Tiling:
    """A mistake: the score nearest to 1, from whichever side."""
    sizes = height, width, window, overlap
    sides = range(1, max_crops + 1)
    tilings = [(i, j) for i in sides for j in sides if i * j <= max_crops]
    return min(tilings, key=lambda t: (abs(_score(t, *sizes) - 1), t[0] * t[1]))


def _rounded_up(height: int, width: int, window: int, overlap: int, _: int) -> Tiling:
    return -(-(height - overlap) // window), -(-(width - overlap) // window)


def _read_tiling(value: Any, *sizes: int) -> Tiling:
    rows, columns = expect_parts(value, ("rows", "columns"), "choose_tiling")
    for one in (rows, columns):
        if type(one) is not int:
            fail(
                f"choose_tiling returned {rows!r} and {columns!r}, wanted two whole numbers (int)",
                "Which of your steps divides, or makes a tensor?",
            )
    return rows, columns


def _limit(number: int) -> Callable[..., Tiling]:
    return lambda height, width, window, overlap, _: _tiling(height, width, window, overlap, number)


def _less(height: int, width: int, window: int, overlap: int, max_crops: int) -> Tiling | None:
    if max_crops < 2:
        return None
    return _tiling(height, width, window, overlap, max_crops - 1)


TILING = Comparison(
    function="choose_tiling",
    what="the tiling",
    right=_tiling,
    read=_read_tiling,
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"the tiling is {ours}, wanted {wanted}",
    mistakes={
        # Shows in exact fits alone, where a forgotten overlap may give the same.
        "a picture that fits exactly, with the score 1, is neither shrunk nor enlarged: it "
        "counts with those that are not shrunk": {"enough": lambda score: score > 1},
        "the overlap was not taken off the picture's sides": {"score": _no_overlap},
        "the whole frame was compared with the whole picture: the overlap is taken off both": {
            "score": _whole_frame
        },
        "the larger of the two scores was taken: then the picture does not fit the other way": {
            "score": _filling
        },
        "of the tilings that enlarge, the one that enlarges MOST was taken": {"enlarging": max},
        "where every tiling shrinks, the one that shrinks MOST was taken": {"shrinking": min},
        "of equally good tilings the one with more crops was taken: fewer crops cost less": {
            "ties": max
        },
        "a score was rounded: one a little under 1 shrinks the picture, however little": {
            "score": _two_decimals
        },
        "the score nearest to 1 was taken: shrinking a little loses to enlarging": _nearest,
        "columns came before rows: rows go with the height": _both(ends=True),
        "each side was rounded up by itself, beyond max_crops": _rounded_up,
        "at most 12 crops were allowed, whatever max_crops says": _limit(12),
        "fewer than max_crops were allowed: max_crops itself is allowed as well": _less,
    },
)

# Mistakes that every input of a check must show. Whether a picture fits is the same for the whole
# frame and the whole picture, so that mistake shows only where every tiling shrinks.
COMMON: tuple[Callable[..., Tiling], ...] = (
    _both(ends=True),
    lambda *sizes: _tiling(*sizes, score=_filling),
    lambda *sizes: _tiling(*sizes, score=_no_overlap),
)


def _ties_apart(*sizes: int) -> Tiling:
    return _tiling(*sizes, ties=max)


def _sizes(student: Student, rows: int, columns: int, max_crops: int, over: bool) -> Sizes:
    """A picture that needs about so many rows and columns; a little less, or a little more."""
    window, overlap = 10 * student.integer(9, 25), 10 * student.integer(5, 14)
    gaps = [student.integer(window // 12, window // 4) for _ in range(2)]
    gaps = [-gap if over else gap for gap in gaps]
    height, width = (
        overlap + window * count - gap for count, gap in zip((rows, columns), gaps, strict=True)
    )
    return height, width, window, overlap, max_crops


@drawn_once
def _enlarged(student: Student, max_crops: int) -> Sizes:
    """Some tiling enlarges, and no other is as good, so that ties make no difference."""
    while True:
        rows, columns = student.integer(1, max_crops), student.integer(1, max_crops)
        if rows * columns > max_crops or rows == columns:
            continue
        sizes = _sizes(student, rows, columns, max_crops, over=False)
        right = _tiling(*sizes)
        most = _tiling(*sizes, enlarging=max)
        shown = all(one(*sizes) != right for one in COMMON) and most != right
        if shown and _ties_apart(*sizes) == right and math.prod(right) < max_crops:
            return sizes


@drawn_once
def _shrunk(student: Student, max_crops: int) -> Sizes:
    """Every tiling shrinks, and no other is as good."""
    while True:
        rows, columns = student.integer(2, 6), student.integer(2, 6)
        if rows * columns <= max_crops or rows == columns:
            continue
        sizes = _sizes(student, rows, columns, max_crops, over=True)
        right = _tiling(*sizes)
        *shown_here, no_overlap = COMMON  # the overlap, alone, changes little in a large picture
        shown_here.append(lambda *sizes: _tiling(*sizes, score=_whole_frame))
        shown = all(one(*sizes) != right for one in shown_here) and no_overlap(*sizes) == right
        if shown and _ties_apart(*sizes) == right and _score(right, *sizes[:4]) < 1:
            return sizes


@drawn_once
def _nearly(student: Student, max_crops: int) -> Sizes:
    """A little shrinking would be nearer to 1 than the tiling that enlarges."""
    while True:
        rows, columns = student.integer(1, 4), student.integer(1, 4)
        if (rows + 1) * (columns + 1) > max_crops or rows == columns:
            continue
        sizes = _sizes(student, rows, columns, max_crops, over=True)
        right = _tiling(*sizes)
        shown = all(one(*sizes) != right for one in (*COMMON, _nearest))
        if shown and _ties_apart(*sizes) == right:
            return sizes


def _exact(student: Student, rows: int, columns: int) -> Sizes:
    """A picture that fits exactly."""
    window, overlap = 10 * student.integer(9, 25), 10 * student.integer(5, 14)
    return overlap + window * rows, overlap + window * columns, window, overlap, 12


def _a_hair_wider(student: Student) -> Sizes:
    """A picture that 2×3 windows shrink by less than half a hundredth."""
    height, width, *rest = _exact(student, 2, 3)
    return height, width + 1, *rest


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
    TILING.run(student, lambda: _enlarged(student, 12))
    with student.on("a picture that four crops would shrink a little"):
        TILING.run(student, lambda: _nearly(student, 12))


@check(
    "where every tiling shrinks it, the one that shrinks it least",
    "A photograph of 4000×3000 is larger than all windows together. Which score is best then?",
    after=[tiling_enlarge],
)
def tiling_shrink(student: Student) -> None:
    TILING.run(student, lambda: _shrunk(student, 12))


@check(
    "exact fits, and fewer crops where two tilings are as good",
    "What one crop holds, a row of five crops holds as well, at the same score.",
    after=[tiling_enlarge],
)
def tiling_ties(student: Student) -> None:
    with student.on("a picture that one crop holds"):
        TILING.run(student, lambda: _one_row(student))
    for rows, columns in ((2, 3), (4, 1)):
        with student.on(f"a picture that {rows}×{columns} windows hold exactly"):
            TILING.run(student, lambda r=rows, c=columns: _exact(student, r, c))
    with student.on("a picture one pixel wider than 2×3 windows hold"):
        TILING.run(student, lambda: _a_hair_wider(student))
    with student.on("480×640 pixels, Molmo's sizes"):
        TILING.run(student, lambda: (480, 640, 224, 112, 12))


@check(
    "other limits than 12",
    "max_crops bounds rows times columns, not rows and columns each; it is itself allowed.",
    after=[tiling_enlarge, tiling_shrink],
)
def tiling_limits(student: Student) -> None:
    for limit in (1, 4, 20):
        with student.on(f"max_crops {limit}"):
            TILING.run(student, lambda n=limit: _at_limit(student, n))
    with student.on("more than 12 crops side by side"):
        TILING.run(student, lambda: _panorama(student))


@drawn_once
def _at_limit(student: Student, max_crops: int) -> Sizes:
    """All crops that are allowed are needed, or more; ties make no difference."""
    while True:
        rows, columns = student.integer(1, 7), student.integer(1, 7)
        sizes = _sizes(student, rows, columns, max_crops, over=student.integer(0, 1) == 1)
        right = _tiling(*sizes)
        if math.prod(right) != max_crops or _ties_apart(*sizes) != right:
            continue
        wrong = {1: (_limit(12),), 4: (*COMMON, _less, _limit(12)), 20: (_less, _limit(12))}[
            max_crops
        ]
        if all(one(*sizes) != right for one in wrong):
            return sizes


QUESTION = Question(
    function="choose_tiling",
    title="How many crops?",
    minutes=20,
    teaches="how a picture's size decides into how many crops it is cut",
    checks=(tiling_enlarge, tiling_shrink, tiling_ties, tiling_limits),
)
