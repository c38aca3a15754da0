"""Exercise 09, `splice`: words and pictures in one row."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex09_llava.common import MARKER, draw_words
from mvlm.checks.expect import expect_kind, expect_parts, expect_shape, expect_slopes, expect_truth

Made = tuple[Tensor, Any, list[Tensor]]


def _splice(
    student: Student,
    rows: list[list[int]],
    *,
    count: int = 3,
    blank: Sequence[int] = (),
    kind: torch.dtype = torch.float32,
) -> Made:
    """The vectors and the mask that came back, and what each row should be, float64.

    The words in `blank` have vectors of zeros, `kind` is that of all numbers.
    """
    pictures = sum(row.count(MARKER) for row in rows)
    features = student.normal(pictures, count, 4).to(kind) / 3
    table = student.normal(100, 4).to(kind) / 3
    table[list(blank)] = 0
    value = student.call("splice", rows, features, table)
    vectors, mask = expect_parts(value, ("the vectors", "the mask"), "splice")
    in_order, words = iter(features.tolist()), table.tolist()
    wanted = []
    for row in rows:
        pieces = [next(in_order) if token == MARKER else [words[token]] for token in row]
        wanted.append(torch.tensor(list(itertools.chain(*pieces)), dtype=torch.float64))
    expect_shape(vectors, (len(rows), max(map(len, wanted)), 4), "splice", "(B, L, D)")
    return vectors, mask, wanted


def _compare_rows(made: Made) -> None:
    """Without what should be padding."""
    vectors, _, wanted = made
    for row, (ours, right) in enumerate(zip(vectors.double(), wanted, strict=True)):
        if torch.equal(ours[: len(right)], right):
            continue
        if torch.equal(ours[-len(right) :], right):
            fail(f"row {row} is filled up in front, wanted behind its end", "")
        place = (ours[: len(right)] - right).abs().amax(1).nonzero()[0].item()
        fail(f"row {row}: the vector at place {place} is another one")


def _compare_padding(made: Made) -> None:
    vectors, mask, wanted = made
    if any(bool(ours[len(right) :].any()) for ours, right in zip(vectors, wanted, strict=True)):
        fail(
            "behind the end of the shorter row stands something other than 0",
            "What is your batch filled with before the rows are written into it?",
        )
    expect_truth(mask, "splice's mask")
    expect_shape(mask, vectors.shape[:2], "splice's mask", "(B, L)")
    expected = torch.arange(vectors.shape[1]) < torch.tensor([[len(right)] for right in wanted])
    if torch.equal(mask, ~expected):
        fail("the mask says True for padding", "")
    if not torch.equal(mask, expected):
        fail(
            "the mask is not True for each word and picture, and False for padding",
            "True up to where a row ends with its pictures in, False behind.",
        )


@check(
    "the picture's vectors stand in the place of its marker",
    "Look up the words before it and behind it. The marker itself is in no table.",
)
def splice_one(student: Student) -> None:
    before, after = draw_words(student, student.integer(2, 3)), draw_words(student, 2)
    _compare_rows(_splice(student, [[*before, MARKER, *after]]))
    with student.on("the picture first"):
        _compare_rows(_splice(student, [[MARKER, *after]]))


@check(
    "several pictures in a row, in their order",
    "The first marker takes the first picture. Who keeps count of those taken?",
    after=[splice_one],
)
def splice_several(student: Student) -> None:
    first, second, *others = draw_words(student, 4)
    with student.on("two pictures in a row of words"):
        _compare_rows(_splice(student, [[first, MARKER, second, MARKER, *others]]))
    with student.on("two pictures side by side"):
        _compare_rows(_splice(student, [[first, MARKER, MARKER, second]]))


@check(
    "a batch takes the pictures in reading order, row by row",
    "A row without a marker takes none, and the next row goes on counting.",
    after=[splice_one, splice_several],
)
def splice_batch(student: Student) -> None:
    words = draw_words(student, 12)
    with student.on("rows with 1, 0 and 2 pictures"):
        rows = [[*words[:2], MARKER, *words[2:4]], words[:5], [MARKER, words[6], MARKER, words[7]]]
        _compare_rows(_splice(student, rows))
    with student.on("rows of words alone"):
        _compare_rows(_splice(student, [words[:3], words[3:8]]))


@check(
    "shorter rows are filled with zeros behind, and the mask says so",
    "Which row is the longest AFTER the pictures are in? Its length is L.",
    after=[splice_one, splice_batch],
    keeps_arguments=True,
)
def splice_padding(student: Student) -> None:
    words = draw_words(student, 12)
    for rows in (
        [[words[0], MARKER], words[1:10]],
        [words[:2], [MARKER, words[3], MARKER]],
        [[*words[:6], MARKER], words[6:8], words[8:9]],
    ):
        with student.on(f"rows of {' and '.join(str(len(row)) for row in rows)} ids"):
            _compare_padding(_splice(student, rows, count=student.integer(2, 3)))
    hint = "What is padding and what is not, the ids say. Numbers may be 0 anywhere."
    with student.on("a word whose vector is all zeros", hint):
        _compare_padding(_splice(student, [[7, 8, MARKER], [9, 7]], blank=[7]))


@check(
    "any word, the first of the vocabulary and words that repeat",
    "Only the id -200 is a picture. Does your code take any other id for special?",
    after=[splice_one],
)
def splice_words(student: Student) -> None:
    """Token 0 and the last one; a row whose sum of ids is small; ids that repeat."""
    with student.on("the same word three times, and the vocabulary's first and last"):
        word = student.integer(5, 90)
        _compare_rows(_splice(student, [[0, word, MARKER, word, 99, word, 0]]))
    for kind in (torch.float64, torch.float16):
        with student.on(f"features and table of {kind}"):
            made = _splice(student, [[word, MARKER, 3]], kind=kind)
            expect_kind(made[0], torch.empty(0, dtype=kind), "to copy vectors changes no number")
            _compare_rows(made)


@check(
    "it can be trained with: gradients reach the features and the table",
    "The projector learns through this function alone. Move a feature a little: what moves?",
)
def splice_gradient(student: Student) -> None:
    rows = [[3, MARKER, 5], [4, MARKER, 3, 6]]
    features, table = student.normal(2, 2, 4), student.normal(10, 4)
    expect_slopes(student, "splice", rows, features, table, learns={1: "features", 2: "table"})


QUESTION = Question(
    function="splice",
    title="Words and pictures in one row",
    minutes=15,
    teaches="what a language model is really given when it sees",
    checks=(
        splice_one,
        splice_several,
        splice_batch,
        splice_padding,
        splice_words,
        splice_gradient,
    ),
)
