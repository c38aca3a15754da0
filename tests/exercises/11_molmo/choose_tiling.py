"""Right and wrong answers to choose_tiling."""

import math
from fractions import Fraction

import numpy as np

from bank import mistake, right


def tilings(max_crops):
    sides = range(1, max_crops + 1)
    return sorted(((i, j) for i in sides for j in sides if i * j <= max_crops), key=math.prod)


def scaled(tiling, height, width, window, overlap):
    return min(window * tiling[0] / (height - overlap), window * tiling[1] / (width - overlap))


def chosen(scores):
    large = {tiling: score for tiling, score in scores.items() if score >= 1}
    return min(large, key=large.get) if large else max(scores, key=scores.get)


@right("As the solutions write it.")
def master(height, width, window, overlap, max_crops):
    sides = range(1, max_crops + 1)
    all_ = sorted(((i, j) for i in sides for j in sides if i * j <= max_crops), key=math.prod)
    scores = {
        (i, j): min(window * i / (height - overlap), window * j / (width - overlap))
        for i, j in all_
    }
    large = {tiling: score for tiling, score in scores.items() if score >= 1}
    return min(large, key=large.get) if large else max(scores, key=scores.get)


@right("One loop that keeps the best so far, in fractions.")
def by_loop(height, width, window, overlap, max_crops):
    best = None
    for i in range(1, max_crops + 1):
        for j in range(1, max_crops // i + 1):
            score = min(
                Fraction(window * i, height - overlap), Fraction(window * j, width - overlap)
            )
            # First whether it is large enough, then how near to 1, then how few crops.
            rank = (score < 1, abs(score - 1), i * j)
            if best is None or rank < best[0]:
                best = rank, (i, j)
    return best[1]


@right("Rounded up where that is allowed, searched where it is not.")
def rounded_up(height, width, window, overlap, max_crops):
    i, j = math.ceil((height - overlap) / window), math.ceil((width - overlap) / window)
    if i * j <= max_crops:
        return i, j
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    return max(scores, key=scores.get)


@right("With NumPy, scores divided another way round.")
def by_numpy(height, width, window, overlap, max_crops):
    all_ = np.array(tilings(max_crops))
    score = (all_ / ((np.array([height, width]) - overlap) / window)).min(axis=1)
    if (score >= 1 - 1e-12).any():
        score = np.where(score >= 1 - 1e-12, score, np.inf)
        return tuple(all_[score.argmin()].tolist())
    return tuple(all_[score.argmax()].tolist())


@right("No word about ties: row by row, the first of equals has the fewest crops.")
def first_of_equals(height, width, window, overlap, max_crops):
    tilings = [(i, j) for i in range(1, max_crops + 1) for j in range(1, max_crops // i + 1)]
    score = lambda one: min(
        window * one[0] / (height - overlap), window * one[1] / (width - overlap)
    )
    larger = [one for one in tilings if score(one) >= 1]
    return min(larger, key=score) if larger else max(tilings, key=score)


@mistake(
    "The overlap is not taken off.",
    fails="tiling-enlarge, tiling-ties, tiling-limits",
    says="the overlap was not taken off the picture's sides",
)
def no_overlap(height, width, window, overlap, max_crops):
    return chosen({t: scaled(t, height, width, window, 0) for t in tilings(max_crops)})


@mistake(
    "The whole frame is compared with the whole picture.",
    fails="tiling-shrink",
    says="the whole frame was compared with the whole picture",
)
def whole_frame(height, width, window, overlap, max_crops):
    return chosen(
        {
            (i, j): min((window * i + overlap) / height, (window * j + overlap) / width)
            for i, j in tilings(max_crops)
        }
    )


@mistake(
    "The larger of the two scores.",
    fails="tiling-enlarge, tiling-shrink, tiling-ties, tiling-limits",
    says="the larger of the two scores was taken",
)
def larger_score(height, width, window, overlap, max_crops):
    return chosen(
        {
            (i, j): max(window * i / (height - overlap), window * j / (width - overlap))
            for i, j in tilings(max_crops)
        }
    )


@mistake(
    "Always the largest score.",
    fails="tiling-enlarge, tiling-ties, tiling-limits",
    says="the one that enlarges MOST was taken",
)
def always_largest(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    return max(scores, key=scores.get)


@mistake(
    "Where all shrink, the one that shrinks most: one crop.",
    fails="tiling-shrink, tiling-limits",
    says="the one that shrinks MOST was taken",
)
def smallest_when_shrinking(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    large = {tiling: score for tiling, score in scores.items() if score >= 1}
    return min(large or scores, key=(large or scores).get)


@mistake(
    "Ties go to more crops.",
    fails="tiling-ties",
    says="of equally good tilings the one with more crops was taken",
)
def more_crops(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)[::-1]}
    return chosen(scores)


@mistake(
    "An exact fit does not count as large enough.",
    fails="tiling-ties",
    says="a picture that fits exactly, with the score 1, is neither shrunk nor enlarged",
)
def strictly_larger(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    large = {tiling: score for tiling, score in scores.items() if score > 1}
    return min(large, key=large.get) if large else max(scores, key=scores.get)


@mistake(
    "The score nearest to 1.",
    fails="tiling-enlarge, tiling-ties",
    says="the score nearest to 1 was taken",
)
def nearest(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    return min(scores, key=lambda tiling: abs(scores[tiling] - 1))


@mistake(
    "Columns first.",
    fails="tiling-enlarge, tiling-shrink, tiling-ties, tiling-limits",
    says="columns came before rows",
)
def columns_first(height, width, window, overlap, max_crops):
    return chosen({t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)})[::-1]


@mistake(
    "Each side is rounded up, and max_crops is forgotten.",
    fails="tiling-shrink, tiling-limits",
    says="each side was rounded up by itself, beyond max_crops",
)
def beyond(height, width, window, overlap, max_crops):
    return math.ceil((height - overlap) / window), math.ceil((width - overlap) / window)


@mistake(
    "Twelve crops, whatever is passed.",
    fails="tiling-limits",
    says="at most 12 crops were allowed, whatever max_crops says",
)
def twelve(height, width, window, overlap, max_crops):
    return chosen({t: scaled(t, height, width, window, overlap) for t in tilings(12)})


@mistake(
    "Fewer than max_crops.",
    fails="tiling-shrink, tiling-limits",
    says="fewer than max_crops were allowed: max_crops itself is allowed as well",
)
def fewer(height, width, window, overlap, max_crops):
    allowed = [t for t in tilings(max_crops) if t[0] * t[1] < max_crops] or [(1, 1)]
    return chosen({t: scaled(t, height, width, window, overlap) for t in allowed})


@mistake(
    "Rows and columns are each at most max_crops, their product is not looked at.",
    fails="tiling-shrink, tiling-limits",
    says="each side was rounded up by itself, beyond max_crops",
)
def each_side(height, width, window, overlap, max_crops):
    sides = range(1, max_crops + 1)
    all_ = sorted(((i, j) for i in sides for j in sides), key=math.prod)
    return chosen({t: scaled(t, height, width, window, overlap) for t in all_})


@mistake(
    "Squares of crops alone.",
    fails="tiling-enlarge, tiling-shrink, tiling-ties, tiling-limits",
    says="wanted (",
)
def squares(height, width, window, overlap, max_crops):
    some = [(i, i) for i in range(1, max_crops + 1) if i * i <= max_crops]
    return chosen({t: scaled(t, height, width, window, overlap) for t in some})


@mistake(
    "Floats come back.",
    fails="tiling-enlarge, tiling-shrink, tiling-ties, tiling-limits",
    says="wanted two whole numbers (int)",
)
def floats(height, width, window, overlap, max_crops):
    best = chosen({t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)})
    return float(best[0]), float(best[1])


@mistake(
    "The number of crops alone.",
    fails="tiling-enlarge, tiling-shrink, tiling-ties, tiling-limits",
    says="wanted 2 values: rows, columns",
)
def number(height, width, window, overlap, max_crops):
    return math.prod(
        chosen({t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)})
    )


FIRST = {}


@mistake(
    "Remembers the first answer and gives it again.",
    fails="tiling-enlarge, tiling-shrink, tiling-ties, tiling-limits",
    says="wanted (",
)
def remembers(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    return FIRST.setdefault("tiling", chosen(scores))


@mistake(
    "No side is tried with more than 12 crops.",
    fails="tiling-limits",
    says="at most 12 crops were allowed",
)
def sides_to_twelve(height, width, window, overlap, max_crops):
    some = [t for t in tilings(max_crops) if max(t) <= 12]
    return chosen({t: scaled(t, height, width, window, overlap) for t in some})


@mistake(
    "Whether a score is 1 is asked after rounding.", fails="tiling-ties", says="a score was rounded"
)
def two_decimals(height, width, window, overlap, max_crops):
    scores = {t: scaled(t, height, width, window, overlap) for t in tilings(max_crops)}
    large = {tiling: score for tiling, score in scores.items() if round(score, 2) >= 1}
    return min(large, key=large.get) if large else max(scores, key=scores.get)
