"""Exercise 08, `keep_likely`: what is drawn from."""

import itertools
import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import ours_and_wanted, same_shape
from mvlm.checks.expect import DIGITS, Comparison, close, expect_digits, expect_finite, expect_kind


def _likely(
    logits: Tensor,
    temperature: float,
    top_k: int,
    top_p: float,
    *,
    order: str = "tkp",
    scaled: Callable[[Tensor, float], Tensor] = operator.truediv,
    more: int = 0,
    crossing: bool = True,
    shared: bool = True,
) -> Tensor:
    """Row by row, cut from the likeliest token on, float64.

    The keywords plant a mistake: `order` is that of temperature, top_k and top_p, and `crossing`
    says whether the token that reaches top_p stays.
    """
    results = torch.zeros_like(logits, dtype=torch.float64)
    for scores, result in zip(logits.double(), results, strict=True):
        keep = scores.argsort(descending=True)
        for step in order:
            if step == "t":
                scores = scaled(scores, temperature)
            elif step == "k":
                keep = keep[: top_k + more]
            else:
                ends = list(itertools.accumulate(scores[keep].softmax(0).tolist()))
                reach = top_p * ends[-1]
                count = bisect_left(ends, reach) + 1 if crossing else bisect_right(ends, reach)
                keep = keep[:count]
        result[keep] = scores[keep].softmax(0) if shared else scores.softmax(0)[keep]
    return results


LIKELY = Comparison(
    function="keep_likely",
    what="the probability",
    right=_likely,
    read=same_shape("keep_likely", "that of logits"),
    mistakes={
        "the scores were multiplied by the temperature, not divided": {"scaled": operator.mul},
        "the temperature was not used": {"order": "kp"},
        "the tokens that stay do not sum to 1: what was cut off is missing": {"shared": False},
        "one token more than top_k stays": {"more": 1},
        "the token that reaches top_p was cut off: it stays": {"crossing": False},
        "the probabilities stand in the order of size, not in that of the tokens": (
            lambda *arguments: _likely(*arguments).sort(-1, descending=True).values
        ),
        "the temperature came last: top_p must see the probabilities that are drawn from": {
            "order": "kpt"
        },
        "top_p was taken of all tokens: it comes after top_k, when those left share 1": {
            "order": "tpk"
        },
    },
)


def _draw_likely(
    student: Student,
    temperature: float,
    top_k: int,
    top_p: float,
    rows: int = 1,
    showing: Sequence[dict[str, Any]] = (),
) -> tuple[Tensor, float, int, float]:
    """Scores of 9 tokens, none close to another, and no total of probabilities close to top_p.

    A known mistake gives the same as is right, or something that differs enough; those that are
    `showing` do differ.
    """
    while True:
        logits = 1.3 * student.normal(rows, 9)
        if logits.sort(-1).values.diff().min() <= 0.01:
            continue
        arguments = logits, temperature, top_k, top_p
        right = _likely(*arguments)
        near = [_likely(*arguments[:3], top_p + step) for step in (-0.01, 0.01) if top_p < 1]
        wrong = torch.stack([slip.gives(*arguments) for slip in LIKELY.known])
        gaps = (wrong - right).abs().amax(-1)
        if (
            not ((gaps >= 1e-9) & (gaps <= 1e-3)).any()
            and all(close(right, one, 1e-9) for one in near)
            and not any(close(right, _likely(*arguments, **mistake)) for mistake in showing)
        ):
            return arguments


@check(
    "the temperature divides the scores",
    "With top_k = V and top_p = 1 nothing is cut off: what is left of the function?",
)
def likely_temperature(student: Student) -> None:
    for temperature in (0.5, 2.0):
        with student.on(f"temperature {temperature}, nothing cut off"):
            LIKELY.run(student, partial(_draw_likely, student, temperature, 9, 1.0))


@check(
    "top_k keeps the k likeliest, and they share 1",
    "A score of -inf has a probability of 0, and the softmax shares 1 among the rest.",
)
def likely_top_k(student: Student) -> None:
    for top_k in (1, 4):
        with student.on(f"temperature 1, top_k {top_k}, top_p 1"):
            LIKELY.run(student, partial(_draw_likely, student, 1.0, top_k, 1.0))


@check(
    "top_p keeps as many as are needed to reach p",
    "Sort, add up. A token stays if LESS than p had been reached before it.",
)
def likely_top_p(student: Student) -> None:
    for top_p in (0.6, 0.85):
        with student.on(f"temperature 1, top_k V, top_p {top_p}"):
            LIKELY.run(student, partial(_draw_likely, student, 1.0, 9, top_p))
    with student.on("top_p 0.05, below the likeliest token", "The likeliest token always stays."):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 9, 0.05))


@check(
    "temperature first, then top_k, then top_p of what is left",
    "By numbers: scores 3, 2, 1, temperature 0.5, top_p 0.8 leave one token.",
    after=[likely_temperature, likely_top_k, likely_top_p],
)
def likely_order(student: Student) -> None:
    for temperature, top_p in ((2.0, 0.7), (0.6, 0.8)):
        with student.on(f"temperature {temperature}, top_k 5, top_p {top_p}"):
            LIKELY.run(student, partial(_draw_likely, student, temperature, 5, top_p))
    with student.on("where each order of the three gives something else"):
        mistakes = {"order": "kpt"}, {"order": "tpk"}, {"more": 1}
        LIKELY.run(student, lambda: _draw_likely(student, 2.5, 5, 0.75, showing=mistakes))


@check(
    "several rows, a top_k above V, scores in the thousands, other kinds",
    "Each row is cut by itself. What does topk say when k is more than there are?",
    after=[likely_temperature, likely_top_k, likely_top_p, likely_order],
    keeps_arguments=True,
)
def likely_edges(student: Student) -> None:
    LIKELY.each(
        student,
        {
            "four rows, top_k 4": lambda: _draw_likely(student, 1.0, 4, 1.0, rows=4),
            "four rows, top_p 0.8": lambda: _draw_likely(student, 1.0, 9, 0.8, rows=4),
            "top_k 50 of 9 tokens": lambda: _draw_likely(student, 1.0, 50, 1.0, rows=2),
            "two rows, temperature 0.5": lambda: _draw_likely(student, 0.5, 6, 1.0, rows=2),
        },
    )
    with student.on(
        "1,024 tokens, temperature 1, top_k V, top_p 1",
        "The sum of a thousand rounded numbers reaches 1 before the last one. What does top_p = 1 "
        "cut off?",
    ):
        logits = 3 * student.normal(8, 1024)
        value, _ = ours_and_wanted(student, LIKELY, logits, 1.0, 1024, 1.0)
        if gone := int((value <= 0).sum(-1).max()):
            fail(f"top_p = 1 cuts nothing off, but {gone} tokens of a row have the probability 0")
    with student.on("scores of float16"):
        logits, *rest = _draw_likely(student, 0.5, 4, 1.0, rows=2)
        value, wanted = ours_and_wanted(student, LIKELY, logits.half(), *rest)
        expect_kind(value, logits.half(), "probabilities are of that kind")
        if not close(value, wanted, 1e-2):
            fail("in half precision other probabilities come out")
    with student.on("scores 5,000 higher"):
        logits, *rest = _draw_likely(student, 1.0, 6, 1.0, rows=2)
        value, wanted = ours_and_wanted(student, LIKELY, logits + 5000, *rest)
        expect_finite(value, "the probabilities", "exp of a large score is inf; softmax knows.")
        if not close(value, wanted, 1e-3):
            fail("a number added to all scores changes no probability, but here it does")
    with student.on("scores of float64", DIGITS):
        logits, *rest = _draw_likely(student, 1.0, 6, 1.0, rows=2)
        logits = logits.double() + 2.0**-30
        value, wanted = ours_and_wanted(student, LIKELY, logits, *rest)
        expect_digits(value, logits, wanted, "keep_likely", "a softmax keeps it")


QUESTION = Question(
    function="keep_likely",
    title="What is drawn from",
    minutes=20,
    teaches="temperature, top-k and top-p, and that their order is part of the answer",
    checks=(likely_temperature, likely_top_k, likely_top_p, likely_order, likely_edges),
)
