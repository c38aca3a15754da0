"""Exercise 03, `attend`: attention with a mask."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex03_vision_transformer.common import attended
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    equal,
    expect_finite,
    expect_kind,
    expect_shape,
    expect_slopes,
)

BRAIN = (
    "bfloat16 has 8 bits for a number's digits: from 512 on it knows every fourth whole number. "
    "Which kinds do you widen before the product?"
)


def _cut_by_reshape(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor) -> Tensor:
    """A mistake: (B, T, D) becomes (B, H, T, d) in one step, and goes back in one step."""
    cut = [x.reshape(len(x), heads, x.shape[1], -1) for x in (query, key, value)]
    gathered = attended(*(x.transpose(1, 2).flatten(2) for x in cut), heads, mask)
    return gathered.unflatten(-1, (heads, -1)).transpose(1, 2).reshape(query.shape)


HIDDEN = "What must a score be so that its weight comes out as 0?"
OF_ONE_HEAD = "A score is a sum over the numbers of one head. How many are these?"

ATTEND = Comparison(
    function="attend",
    what="the result",
    right=attended,
    read=lambda value, query, *_: expect_shape(value, query.shape, "attend", "(B, T, D)"),
    mistakes={
        "the scores were divided by √D, the width of all heads together": (
            {"divisor": lambda width, heads: width**0.5},
            OF_ONE_HEAD,
        ),
        "the scores were not divided at all": (
            {"divisor": lambda width, heads: 1.0},
            "Which number keeps their variance at 1?",
        ),
        "the scores were divided by √H, the number of heads": (
            {"divisor": lambda width, heads: heads**0.5},
            OF_ONE_HEAD,
        ),
        "this is attention of one head, whatever `heads` says": (
            lambda q, k, v, heads, mask: attended(q, k, v, 1, mask),
            "Each head has its own slice of the numbers and its own softmax.",
        ),
        "a hidden key still takes part: it was hidden after the softmax had counted it": (
            {"weights": lambda s, m, t: s[t].softmax(0)[m[t]]},
            HIDDEN,
        ),
        "the mask is read the wrong way round: True means that a query may look": {
            "reading": torch.logical_not
        },
        "the mask has no effect: hidden keys take part as all others": (
            {"reading": torch.ones_like},
            HIDDEN,
        ),
        "the mask was transposed: it is (B, T, S), a row for each query": {
            "reading": lambda mask: mask.mT if mask.shape[1] == mask.shape[2] else mask
        },
        "the first picture's mask was used for all: each picture has its own": {
            "reading": lambda mask: mask[:1].expand_as(mask)
        },
        "the softmax ran over the queries: each row shall sum to 1, over the keys": (
            {"weights": lambda s, m, t: s.masked_fill(~m, -1e30).softmax(0)[t, m[t]]},
            "Which axis of (B, H, T, S) are the keys?",
        ),
        "a head has every H-th number: head h is the numbers h·d to (h + 1)·d, side by side": {
            "cut": lambda h, d, heads: slice(h, None, heads)
        },
        "the heads were cut by a reshape alone, so a head holds pieces of several tokens": (
            _cut_by_reshape,
            "Name the axes (B, T, H, d) first; then which two change places?",
        ),
    },
)


def _answer(student: Student, *given: Any) -> Tensor:
    return ATTEND.read(student.call("attend", *given), *given)


def _expect_right(student: Student, given: tuple[Any, ...], says: str) -> None:
    if not close(expect_finite(_answer(student, *given), "the results"), attended(*given)):
        fail(says)


def _expect_finite_slopes(student: Student, *given: Any) -> None:
    learning = [one.clone().requires_grad_() for one in given[:3]]
    slopes = student.look("attend", *learning, *given[3:]).slopes
    for slope, name in zip(slopes, ("query", "key", "value"), strict=True):
        if slope is not None:
            expect_finite(slope, f"the slopes of the {name}")


def _looks(
    student: Student, *, hidden: bool = True, heads: int = 2, width: int = 8, square: bool = False
) -> tuple[Any, ...]:
    """Arguments of attend; with `hidden`, some keys are, but no query and no key from all."""
    batch, asking, seen = 2, student.integer(3, 4), student.integer(5, 6)
    asking = seen if square else asking
    query, key, value = (student.normal(batch, n, width) for n in (asking, seen, seen))
    mask = torch.ones(batch, asking, seen, dtype=torch.bool)
    if hidden:
        mask = student.normal(batch, asking, seen) > 0
        mask[..., 0], mask[..., 1], mask[:, 0] = True, False, True
    return 1.5 * query, 1.5 * key, value, heads, mask


def _far_looks(student: Student, size: float, *, alone: bool = False) -> tuple[Any, ...]:
    """Scores of size²·2 and a few beside it, negative for a negative size, exact in float32.

    With one key alone for each query the result is its value, however the scores round.
    """
    _, _, value, heads, mask = _looks(student)
    query = torch.full((*mask.shape[:2], 8), abs(size))
    steps = torch.arange(mask.shape[2]) % 4 * 2 / abs(size)  # the scores differ by 0, 1, 2, 3
    key = torch.full_like(value, size)
    key[..., ::4] += steps[:, None]  # the first number of each head
    if alone:
        mask[:] = torch.eye(*mask.shape[1:], dtype=torch.bool).roll(1, 1)
    return query, key, value, heads, mask


PADDING = "0 · nan is nan. Which keys does no query see? What may stand there before the products?"
FAR = (
    f"{HIDDEN} −20 or −10000 is not low beside −131072, nor −1e9 beside −2e12. And exp by hand "
    "gives inf, or nothing but 0: torch.softmax subtracts the largest score of a row first."
)
BLIND = "A softmax shares 1 among equal scores, however low they are. Which weights shall be 0?"
LOOKED_AT = (
    "nan_to_num hides a fault of the model. Which numbers may be replaced, and what tells you?"
)


@check(
    "each head gathers what its queries ask for",
    "Try one head first. What changes with the second: which numbers, and the divisor?",
)
def attend_heads(student: Student) -> None:
    for heads, width in ((2, 8), (3, 6), (1, 5)):
        with student.on(f"{heads} head{'s' * (heads > 1)} of width {width // heads}"):
            ATTEND.run(student, partial(_looks, student, hidden=False, heads=heads, width=width))


@check(
    "a hidden key has no influence",
    "The softmax shares 1 among all scores it is given. Where must the mask be applied?",
    after=[attend_heads],
    keeps_arguments=True,
)
def attend_mask(student: Student) -> None:
    ATTEND.each(
        student,
        {
            "two heads": partial(_looks, student),
            "one head": partial(_looks, student, heads=1),
            "as many queries as keys": partial(_looks, student, square=True),
        },
    )
    for place, given in (
        ("scores near -131,072", _far_looks(student, -256.0)),
        ("scores near 131,072", _far_looks(student, 256.0)),
        ("scores near -2e12, one key for each query", _far_looks(student, -(2.0**20), alone=True)),
    ):
        with student.on(place, FAR):
            _expect_right(
                student, given, "the results are right for small scores, and not for these"
            )
    with student.on("padding that holds nan", PADDING):
        query, key, value, heads, mask = _looks(student)
        for picture, place in enumerate((-1, -2)):  # which no query of the picture may look at
            mask[picture, :, place] = False
            key[picture, place], value[picture, place] = torch.nan, torch.nan
        given = (query, key, value, heads, mask)
        _expect_right(student, given, "numbers that no query may look at change the result")
        _expect_finite_slopes(student, *given)
    with student.on("a nan in a value that every query may look at", LOOKED_AT):
        query, key, value, heads, mask = _looks(student, hidden=False)
        value[0, 2] = torch.nan
        ours = _answer(student, query, key, value, heads, mask)
        if not bool(ours[0].isnan().all()):
            fail("the results of its picture are numbers: the nan was hidden")


@check(
    "a query that may look at nothing gets zeros, and no gradient is nan",
    "A softmax over nothing but -inf is 0/0. Can you keep nan from arising at all?",
    after=[attend_mask],
)
def attend_nothing(student: Student) -> None:
    *given, mask = _looks(student)
    mask[0, 1], mask[1, 0] = False, False
    ours = expect_finite(_answer(student, *given, mask), "the results")
    if not equal(ours[0, 1], torch.zeros(8)):
        fail("a query that may look at nothing got other numbers than 0", BLIND)
    if not close(ours, attended(*given, mask)):
        fail("beside a query that may look at nothing, the other results are not right", "")
    _expect_finite_slopes(student, *given, mask)


@check(
    "every kind of float comes back, worked out in float32 or better",
    "What is the largest number of float16? What comes first: the product, or .float()?",
    after=[attend_heads, attend_mask],
)
def attend_half(student: Student) -> None:
    query, key, value, heads, _ = _looks(student, hidden=False)
    far = _far_looks(student, 16.0)[:3]  # scores near 512: bfloat16 knows every fourth number
    for kind, place, hint, given in (
        (torch.float16, ", scores near 100,000", None, [200 * query, 200 * key, value]),
        (torch.bfloat16, ", scores from 512 to 515", BRAIN, far),
        (torch.float64, "", DIGITS, [one.double() / 3 for one in (query, key, value)]),
    ):
        with student.on(f"{kind}{place}", hint):
            given = [one.to(kind) for one in given]
            seen = torch.ones(len(given[0]), given[0].shape[1], given[1].shape[1], dtype=torch.bool)
            ours = _answer(student, *given, heads, seen)
            expect_kind(ours, given[0], "the result is of the kind of the query")
            expect_finite(ours, "the results")
            single = _answer(student, *(one.float() for one in given), heads, seen)
            wanted, near = attended(*given, heads, seen), 1e-2 if kind.itemsize < 4 else 1e-10
            if not close(single, wanted, 1e-3):
                wanted, near = single, 1e-2  # wrong for another reason, which other checks name
            if not close(ours, wanted, near):
                wide = "float64" if kind is torch.float64 else "float32"
                fail(f"the results are not those that the same numbers give in {wide}")


@check(
    "gradients reach query, key and value",
    "What leaves the graph: .detach(), .numpy(), torch.no_grad(), a new tensor made of numbers?",
    after=[attend_mask],
)
def attend_slopes(student: Student) -> None:
    learns = {0: "query", 1: "key", 2: "value"}
    expect_slopes(student, "attend", *_looks(student, width=6), learns=learns)


QUESTION = Question(
    function="attend",
    title="Attention with a mask",
    minutes=25,
    teaches="what each step of attention needs, and what padding does to it",
    checks=(attend_heads, attend_mask, attend_nothing, attend_half, attend_slopes),
)
