"""Exercise 03, `merge_class_token`: the class token and the places."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import (
    DIGITS,
    KIND,
    Comparison,
    close,
    expect_kind,
    expect_shape,
    expect_slopes,
)


def _merged(
    patches: Tensor,
    class_token: Tensor,
    positions: Tensor,
    *,
    at_end: bool = False,
    token: Callable[[Tensor], Tensor] = torch.clone,
    places: Callable[[Tensor], Tensor] = torch.clone,
    of_batch: bool = False,
) -> Tensor:
    """Picture by picture in float64; keyword arguments are mistakes."""
    first, rows = token(class_token), places(positions).double()
    pictures = [[*picture, first] if at_end else [first, *picture] for picture in patches]
    added = rows[: len(pictures), None] if of_batch else rows
    return torch.stack([torch.stack(picture).double() for picture in pictures]) + added


def _read_merged(value: Any, patches: Tensor, *_: Any) -> Tensor:
    batch, count, width = patches.shape
    meaning = "(B, 1 + N, D), one token more than patches"
    return expect_shape(value, (batch, 1 + count, width), "merge_class_token", meaning)


MERGED = Comparison(
    function="merge_class_token",
    what="the token",
    right=_merged,
    read=_read_merged,
    mistakes={
        "the class token stands at the end: it comes first": {"at_end": True},
        "the class token and its position stand at the end: they come first": {
            "at_end": True,
            "places": lambda rows: rows.roll(-1, 0),
        },
        "the class token has no position: the first row of `positions` is its own": {
            "places": lambda rows: torch.cat((0 * rows[:1], rows[1:]))
        },
        "the first row is the position alone: where is the class token?": {
            "token": torch.zeros_like
        },
        "no position was added": {"places": torch.zeros_like},
        "every token got the class token's position": {
            "places": lambda rows: rows[:1].expand_as(rows)
        },
        "each picture got one row for all its tokens: positions run along the tokens": {
            "of_batch": True
        },
        "every patch got the position of the place before it: row 0 is the class token's": {
            "places": lambda rows: torch.cat((rows[:1], rows[:-1]))
        },
    },
)


def _tokens(student: Student, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    count, width = student.integer(4, 6), student.integer(3, 5)
    patches, positions = (batch, count, width), (1 + count, width)
    return student.normal(*patches), student.normal(width), student.normal(*positions)


@check(
    "the class token first, and each token with its own place",
    "Write down the axes of all three arguments. Which of them have a batch axis?",
)
def cls_values(student: Student) -> None:
    MERGED.run(student, partial(_tokens, student, 2))


@check(
    "a batch of any size, also as large as the picture has tokens",
    "Positions belong to places, not to rows of the batch. What is broadcast over what?",
    after=[cls_values],
    keeps_arguments=True,
)
def cls_batch(student: Student) -> None:
    MERGED.each(
        student,
        {
            "a batch of 1": partial(_tokens, student, 1),
            "a batch of 3": partial(_tokens, student, 3),
            "as many pictures as tokens": lambda: [
                student.normal(*shape) for shape in ((5, 4, 3), (3,), (5, 3))
            ],
        },
    )


@check(
    "every kind of float comes back as it came",
    KIND,
    after=[cls_values],
)
def cls_kind(student: Student) -> None:
    for kind, hint, near in ((torch.float64, DIGITS, 1e-9), (torch.float16, None, 5e-3)):
        with student.on(f"{kind}", hint):
            given = [(one.double() / 3).to(kind) for one in _tokens(student, 2)]
            ours = _read_merged(student.call("merge_class_token", *given), given[0])
            expect_kind(ours, given[0], "the result is of the kind of the patches")
            if not close(ours, _merged(*given), near):
                fail("numbers were rounded on the way")


@check(
    "gradients reach the patches, the class token and the positions",
    "What leaves the graph: .detach(), .data, torch.no_grad(), a new tensor made of numbers?",
    after=[cls_values],
)
def cls_slopes(student: Student) -> None:
    learns = {0: "patches", 1: "class token", 2: "positions"}
    expect_slopes(student, "merge_class_token", *_tokens(student, 3), learns=learns)


QUESTION = Question(
    function="merge_class_token",
    title="The class token and the places",
    minutes=10,
    teaches="which axis each table has, and which it has not",
    checks=(cls_values, cls_batch, cls_kind, cls_slopes),
)
