"""Exercise 03, `attend`: attention with a mask."""

from collections.abc import Callable
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


def _read_attended(value: Any, query: Tensor, *_: Any) -> Tensor:
    return expect_shape(value, query.shape, "attend", "(B, T, D)")


def _at_once(*given: Any, over_queries: bool) -> Tensor:
    """A mistake: the softmax along the queries, or heads cut by a reshape alone."""
    query, key, value, heads, mask = given

    def split(x: Tensor) -> Tensor:
        x = x.double()
        if over_queries:
            return x.unflatten(-1, (heads, -1)).transpose(1, 2)
        return x.reshape(len(x), heads, x.shape[1], -1)

    q, k, v = map(split, (query, key, value))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    gathered = scores.softmax(-2 if over_queries else -1) @ v
    return (gathered.transpose(1, 2) if over_queries else gathered).reshape(query.shape)


def _seeing(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """A mistake: another mask."""
    return lambda q, k, v, heads, mask: attended(q, k, v, heads, change(mask))


HIDDEN = "What must a score be so that its weight comes out as 0?"

ATTEND = Comparison(
    function="attend",
    what="the result",
    right=attended,
    read=_read_attended,
    mistakes={
        "the scores were divided by √D, the width of all heads together": (
            {"divisor": lambda width, heads: width**0.5},
            "A score is a sum over the numbers of one head. How many are these?",
        ),
        "the scores were not divided at all": (
            {"divisor": lambda width, heads: 1.0},
            "Which number keeps their variance at 1?",
        ),
        "the scores were divided by √H, the number of heads": (
            {"divisor": lambda width, heads: heads**0.5},
            "A score is a sum over the numbers of one head. How many are these?",
        ),
        "this is attention of one head, whatever `heads` says": (
            lambda q, k, v, heads, mask: attended(q, k, v, 1, mask),
            "Each head has its own slice of the numbers and its own softmax.",
        ),
        "a hidden key still takes part: it was hidden after the softmax had counted it": (
            {"after": True},
            HIDDEN,
        ),
        "the mask is read the wrong way round: True means that a query may look": _seeing(
            torch.logical_not
        ),
        "the mask has no effect: hidden keys take part as all others": (
            _seeing(torch.ones_like),
            HIDDEN,
        ),
        "the mask was transposed: it is (B, T, S), a row for each query": lambda *given: (
            _seeing(lambda mask: mask.mT)(*given) if given[0].shape == given[1].shape else None
        ),
        "the first picture's mask was used for all: each picture has its own": _seeing(
            lambda mask: mask[:1].expand_as(mask)
        ),
        "the softmax ran over the queries: each row shall sum to 1, over the keys": (
            partial(_at_once, over_queries=True),
            "Which axis of (B, H, T, S) are the keys?",
        ),
        "the heads were cut by a reshape alone, so a head holds pieces of several tokens": (
            partial(_at_once, over_queries=False),
            "Name the axes (B, T, H, d) first; then which two change places?",
        ),
    },
)


def _looks(
    student: Student, *, hidden: bool, heads: int, width: int = 8, square: bool = False
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


def _far_looks(student: Student, size: float) -> tuple[Any, ...]:
    """Scores of size²·2 and a few beside it, negative for a negative size, exact in float32."""
    _, _, value, heads, mask = _looks(student, hidden=True, heads=2)
    query = torch.full((*mask.shape[:2], 8), abs(size))
    steps = torch.arange(mask.shape[2]) % 4 * 2 / abs(size)  # the scores differ by 0, 1, 2, 3
    key = torch.full_like(value, size)
    key[..., ::4] += steps[:, None]  # the first number of each head
    return query, key, value, heads, mask


def _padded(student: Student) -> tuple[Any, ...]:
    """One key of each picture, another in each, is hidden from every query, and holds nan."""
    query, key, value, heads, mask = _looks(student, hidden=True, heads=2)
    for picture, place in enumerate((-1, -2)):
        mask[picture, :, place] = False
        key[picture, place], value[picture, place] = torch.nan, torch.nan
    return query, key, value, heads, mask


def _one_each(student: Student) -> tuple[Any, ...]:
    """Scores of −2e12, and one key for each query: the result is its value, however they round."""
    query, key, value, heads, mask = _far_looks(student, -(2.0**20))
    mask[:] = torch.eye(*mask.shape[1:], dtype=torch.bool).roll(1, 1)
    return query, key, value, heads, mask


def _expect_finite_slopes(student: Student, *given: Any) -> None:
    learning = [one.clone().requires_grad_() for one in given[:3]]
    slopes = student.look("attend", *learning, *given[3:]).slopes
    for slope, name in zip(slopes, ("query", "key", "value"), strict=True):
        if slope is not None:
            expect_finite(slope, f"the slopes of the {name}")


PADDING = "0 · nan is nan. Which keys does no query see? What may stand there before the products?"
FAR = (
    "exp(−131072) is 0, and exp(100) is inf: torch.softmax subtracts the largest score of a row "
    "first. And a hidden score of −20 or −10000 is not low beside −131072, nor −1e9 beside −2e12. "
    f"{HIDDEN}"
)
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
            ATTEND.run(
                student, lambda h=heads, w=width: _looks(student, hidden=False, heads=h, width=w)
            )


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
            "two heads": lambda: _looks(student, hidden=True, heads=2),
            "one head": lambda: _looks(student, hidden=True, heads=1),
            "as many queries as keys": lambda: _looks(student, hidden=True, heads=2, square=True),
        },
    )
    for place, given in (
        ("scores near -131,072", _far_looks(student, -256.0)),
        ("scores near 131,072", _far_looks(student, 256.0)),
        ("scores near -2e12, one key for each query", _one_each(student)),
    ):
        with student.on(place, FAR):
            ours = _read_attended(student.call("attend", *given), given[0])
            if not close(expect_finite(ours, "the results"), attended(*given)):
                fail("the results are right for small scores, and not for these")
    with student.on("padding that holds nan", PADDING):
        given = _padded(student)
        ours = _read_attended(student.call("attend", *given), given[0])
        if not close(expect_finite(ours, "the results"), attended(*given)):
            fail("numbers that no query may look at change the result")
        _expect_finite_slopes(student, *given)
    with student.on("a nan in a value that every query may look at", LOOKED_AT):
        query, key, value, heads, mask = _looks(student, hidden=False, heads=2)
        value[0, 2] = torch.nan
        ours = _read_attended(student.call("attend", query, key, value, heads, mask), query)
        if not bool(ours[0].isnan().all()):
            fail("the results of its picture are numbers: the nan was hidden")


@check(
    "a query that may look at nothing gets zeros, and no gradient is nan",
    "A softmax over nothing but -inf is 0/0. Can you keep nan from arising at all?",
    after=[attend_mask],
)
def attend_nothing(student: Student) -> None:
    query, key, value, heads, mask = _looks(student, hidden=True, heads=2)
    mask[0, 1] = False
    mask[1, 0] = False
    value_of = student.call("attend", query, key, value, heads, mask)
    ours = expect_finite(_read_attended(value_of, query), "the results")
    if not equal(ours[0, 1], torch.zeros(8)):
        fail("a query that may look at nothing got other numbers than 0")
    if not close(ours, attended(query, key, value, heads, mask)):
        fail("beside a query that may look at nothing, the other results are not right", "")
    _expect_finite_slopes(student, query, key, value, heads, mask)


@check(
    "every kind of float comes back, worked out in float32 or better",
    "What is the largest number of float16? What comes first: the product, or .float()?",
    after=[attend_heads, attend_mask],
)
def attend_half(student: Student) -> None:
    query, key, value, heads, _ = _looks(student, hidden=False, heads=2)
    whole = _far_looks(student, 16.0)[:3]  # scores near 512: bfloat16 knows every fourth number
    digits = [one.double() / 3 for one in (query, key, value)]
    for kind, place, hint, given in (
        (torch.float16, ", scores near 100,000", None, [200 * query, 200 * key, value]),
        (torch.bfloat16, ", scores from 512 to 515", BRAIN, whole),
        (torch.float64, "", DIGITS, digits),
    ):
        seen = torch.ones(len(given[0]), given[0].shape[1], given[1].shape[1], dtype=torch.bool)
        with student.on(f"{kind}{place}", hint):
            given = [one.to(kind) for one in given]
            ours = _read_attended(student.call("attend", *given, heads, seen), given[0])
            expect_kind(ours, given[0], "the result is of the kind of the query")
            expect_finite(ours, "the results")
            single = student.call("attend", *(one.float() for one in given), heads, seen)
            wanted, near = attended(*given, heads, seen), 1e-2 if kind.itemsize < 4 else 1e-10
            if not close(_read_attended(single, given[0]), wanted, 1e-3):
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
    given = _looks(student, hidden=True, heads=2, width=6)
    learns = {0: "query", 1: "key", 2: "value"}
    expect_slopes(student, "attend", *given, learns=learns)


QUESTION = Question(
    function="attend",
    title="Attention with a mask",
    minutes=25,
    teaches="what each step of attention needs, and what padding does to it",
    checks=(attend_heads, attend_mask, attend_nothing, attend_half, attend_slopes),
)
