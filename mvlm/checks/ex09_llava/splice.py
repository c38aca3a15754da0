"""Exercise 09, `splice`: words and pictures in one row."""

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex09_llava.common import MARKER, draw_words
from mvlm.checks.expect import (
    equal,
    expect_kind,
    expect_parts,
    expect_shape,
    expect_slopes,
    expect_tensor,
    expect_truth,
)


def _spliced(rows: list[list[int]], features: Tensor, table: Tensor) -> list[Tensor]:
    """Each row as its vectors, pictures in reading order, float64."""
    pictures = iter(features.tolist())
    words = table.tolist()
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == MARKER else [words[token]] for token in row]
        spliced.append(torch.tensor(list(itertools.chain(*pieces)), dtype=torch.float64))
    return spliced


@dataclass(frozen=True)
class _Splice:
    """What the student's function made of rows, and what it should have made."""

    vectors: Any
    mask: Any
    wanted: list[Tensor]

    def shape(self) -> tuple[int, int, int]:
        """Of the batch: (B, L, D)."""
        return len(self.wanted), max(map(len, self.wanted)), len(self.wanted[0][0])

    def rows(self) -> list[Tensor]:
        """The student's vectors, without what should be padding."""
        expect_shape(self.vectors, self.shape(), "splice", "(B, L, D)")
        return [row[: len(w)] for row, w in zip(self.vectors, self.wanted, strict=True)]


def _splice(
    student: Student,
    rows: list[list[int]],
    count: int = 3,
    blank: int | None = None,
    kind: torch.dtype = torch.float32,
) -> _Splice:
    """`blank` is a word whose vector is all zeros, `kind` that of all numbers."""
    pictures = sum(token == MARKER for row in rows for token in row)
    features = student.normal(pictures, count, 4).to(kind) / 3
    table = student.normal(100, 4).to(kind) / 3
    if blank is not None:
        table[blank] = 0
    value = student.call("splice", rows, features, table)
    vectors, mask = expect_parts(value, ("the vectors", "the mask"), "splice")
    return _Splice(vectors, mask, _spliced(rows, features, table))


def _compare_rows(made: _Splice) -> None:
    for row, (ours, wanted) in enumerate(zip(made.rows(), made.wanted, strict=True)):
        if not equal(ours.double(), wanted):
            if equal(made.vectors[row, -len(wanted) :].double(), wanted):
                fail(f"row {row} is filled up in front, wanted behind its end", "")
            place = (ours.double() - wanted).abs().amax(1).nonzero()[0].item()
            fail(f"row {row}: the vector at place {place} is another one")


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
    words = draw_words(student, 4)
    with student.on("two pictures in a row of words"):
        _compare_rows(_splice(student, [[words[0], MARKER, words[1], MARKER, *words[2:]]]))
    with student.on("two pictures side by side"):
        _compare_rows(_splice(student, [[words[0], MARKER, MARKER, words[1]]]))


@check(
    "a batch takes the pictures in reading order, row by row",
    "A row without a marker takes none, and the next row goes on counting.",
    after=[splice_one, splice_several],
)
def splice_batch(student: Student) -> None:
    words = draw_words(student, 12)
    with student.on("rows with 1, 0 and 2 pictures"):
        rows = [
            [*words[:2], MARKER, *words[2:4]],
            words[:5],
            [MARKER, words[6], MARKER, words[7]],
        ]
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
        _compare_padding(_splice(student, [[7, 8, MARKER], [9, 7]], blank=7))


def _compare_padding(made: _Splice) -> None:
    expect_shape(made.vectors, made.shape(), "splice", "(B, L, D)")
    for ours, wanted in zip(made.vectors, made.wanted, strict=True):
        if not equal(
            ours[len(wanted) :].double(), torch.zeros(len(ours) - len(wanted), 4).double()
        ):
            fail(
                "behind the end of the shorter row stands something other than 0",
                "What is your batch filled with before the rows are written into it?",
            )
    expect_truth(made.mask, "splice's mask")
    expect_shape(made.mask, made.shape()[:2], "splice's mask", "(B, L)")
    lengths = torch.tensor([[len(wanted)] for wanted in made.wanted])
    expected = torch.arange(made.shape()[1]) < lengths
    if equal(made.mask, ~expected):
        fail("the mask says True for padding", "")
    if not equal(made.mask, expected):
        fail(
            "the mask is not True for each word and picture, and False for padding",
            "True up to where a row ends with its pictures in, False behind.",
        )


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
            expect_kind(expect_tensor(made.vectors, "splice"), torch.empty(0, dtype=kind), KEPT)
            _compare_rows(made)


KEPT = "to copy vectors changes no number"


@check(
    "it can be trained with: gradients reach the features and the table",
    "The projector learns through this function alone. Move a feature a little: what moves?",
)
def splice_gradient(student: Student) -> None:
    rows = [[3, MARKER, 5], [4, MARKER, 3, 6]]
    features, table = student.normal(2, 2, 4), student.normal(10, 4)
    learns = {1: "features", 2: "table"}
    expect_slopes(student, "splice", rows, features, table, learns=learns)


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
