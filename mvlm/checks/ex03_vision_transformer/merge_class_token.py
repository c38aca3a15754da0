"""Exercise 03, `merge_class_token`: the class token and the places."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import DIGITS, Comparison, close, expect_kind, expect_shape, expect_slopes


def _merged(patches: Tensor, class_token: Tensor, positions: Tensor) -> Tensor:
    rows = [
        torch.stack([class_token, *picture]).double() + positions.double() for picture in patches
    ]
    return torch.stack(rows)


def _read_merged(value: Any, patches: Tensor, *_: Any) -> Tensor:
    batch, count, width = patches.shape
    meaning = "(B, 1 + N, D), one token more than patches"
    return expect_shape(value, (batch, 1 + count, width), "merge_class_token", meaning)


def _other(
    token: Callable[[Tensor], Tensor] = torch.clone,
    places: Callable[[Tensor], Tensor] = torch.clone,
) -> Callable[..., Tensor]:
    """A mistake: all is right but the class token, or the positions."""
    return lambda patches, mine, rows: _merged(patches, token(mine), places(rows))


def _at_the_end(patches: Tensor, class_token: Tensor, positions: Tensor) -> Tensor:
    tokens = torch.cat((patches, class_token.expand(len(patches), 1, -1)), 1)
    return (tokens + positions).double()


MERGED = Comparison(
    function="merge_class_token",
    what="the token",
    right=_merged,
    read=_read_merged,
    mistakes={
        "the class token stands at the end: it comes first": _at_the_end,
        "the class token and its position stand at the end: they come first": (
            lambda patches, token, positions: _at_the_end(patches, token, positions.roll(-1, 0))
        ),
        "the class token has no position: the first row of `positions` is its own": _other(
            places=lambda rows: torch.cat((0 * rows[:1], rows[1:]))
        ),
        "the first row is the position alone: where is the class token?": _other(
            token=torch.zeros_like
        ),
        "no position was added": _other(places=torch.zeros_like),
        "every token got the class token's position": _other(
            places=lambda rows: rows[:1].expand_as(rows)
        ),
        "every patch got the position of the place before it: row 0 is the class token's": _other(
            places=lambda rows: torch.cat((rows[:1], rows[:-1]))
        ),
    },
)


def _tokens(student: Student, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    count, width = student.integer(4, 6), student.integer(3, 5)
    return (
        student.normal(batch, count, width),
        student.normal(width),
        student.normal(1 + count, width),
    )


@check(
    "the class token first, and each token with its own place",
    "Write down the axes of all three arguments. Which of them have a batch axis?",
)
def cls_values(student: Student) -> None:
    MERGED.run(student, lambda: _tokens(student, 2))


@check(
    "a batch of any size, also as large as the picture has tokens",
    "Positions belong to places, not to rows of the batch. What is broadcast over what?",
    after=[cls_values],
    keeps_arguments=True,
)
def cls_batch(student: Student) -> None:
    MERGED.each(student, {f"a batch of {batch}": batch for batch in (1, 3)}, _tokens)
    with student.on("as many pictures as tokens"):
        MERGED.run(
            student, lambda: (student.normal(5, 4, 3), student.normal(3), student.normal(5, 3))
        )


@check(
    "every kind of float comes back as it came",
    "Which of your steps makes numbers of another kind? torch.zeros does, unless told.",
    after=[cls_values],
)
def cls_kind(student: Student) -> None:
    for kind in (torch.float64, torch.float16):
        with student.on(f"{kind}", DIGITS if kind is torch.float64 else None):
            given = [(one.double() / 3).to(kind) for one in _tokens(student, 2)]
            ours = _read_merged(student.call("merge_class_token", *given), given[0])
            expect_kind(ours, given[0], "the result is of the kind of the patches")
            if not close(ours, _merged(*given), 1e-9 if kind is torch.float64 else 5e-3):
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
