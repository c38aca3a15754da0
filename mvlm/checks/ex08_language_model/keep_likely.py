"""Exercise 08, `keep_likely`: what is drawn from."""

import math
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import same_shape
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    expect_digits,
    expect_finite,
    expect_kind,
    expect_shape,
    expect_tensor,
)


def _cut_by_share(p: list[float], share: float, keep: set[int], mass: float) -> set[int]:
    """The likeliest of `keep`, until `share` of `mass` is reached; the one that reaches it too."""
    kept: set[int] = set()
    reached = 0.0
    for token in sorted(keep, key=lambda i: -p[i]):
        if reached >= share * mass:
            break
        kept.add(token)
        reached += p[token]
    return kept


def _likely(
    logits: Tensor,
    temperature: float,
    top_k: int,
    top_p: float,
    *,
    order: str = "tkp",
    crossing: bool = True,
) -> Tensor:
    """Token by token, float64. Keyword arguments are mistakes; the order is of t, k and p."""
    results = []
    for row in logits.double():
        scores, keep = row.clone(), {i for i, s in enumerate(row.tolist()) if s > -math.inf}
        for step in order:
            p = scores.softmax(0).tolist()
            if step == "t":
                scores = scores / temperature
            elif step == "k":
                keep = set(sorted(keep, key=lambda i: -p[i])[:top_k])
            else:
                mass = sum(p[i] for i in keep)
                likely = _cut_by_share(p, top_p, keep, mass)
                if not crossing and sum(p[i] for i in likely) > top_p * mass:
                    likely.discard(min(likely, key=lambda i: p[i]))
                keep = likely
        hidden = torch.tensor([i not in keep for i in range(len(row))])
        results.append(scores.masked_fill(hidden, -torch.inf).softmax(0).nan_to_num(0))
    return torch.stack(results)


def _unshared(logits: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    whole = (logits.double() / temperature).softmax(-1)
    return torch.where(_likely(logits, temperature, top_k, top_p) > 0, whole, 0)


LIKELY = Comparison(
    function="keep_likely",
    what="the probability",
    right=_likely,
    read=same_shape("keep_likely", 0, "that of logits"),
    mistakes={
        "the scores were multiplied by the temperature, not divided": (
            lambda logits, temperature, top_k, top_p: _likely(logits, 1 / temperature, top_k, top_p)
        ),
        "the temperature was not used": lambda logits, temperature, top_k, top_p: _likely(
            logits, 1.0, top_k, top_p
        ),
        "the tokens that stay do not sum to 1: what was cut off is missing": _unshared,
        "one token more than top_k stays": lambda logits, temperature, top_k, top_p: _likely(
            logits, temperature, top_k + 1, top_p
        ),
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


def _telling_logits(student: Student, rows: int, words: int) -> Tensor:
    """Scores no two of which are close."""
    while True:
        logits = 1.3 * student.normal(rows, words)
        if logits.sort(-1).values.diff().min() > 0.01:
            return logits


def _draw_likely(
    student: Student, temperature: float, top_k: int, top_p: float, rows: int = 1, words: int = 9
) -> tuple[Tensor, float, int, float]:
    """Scores on which every known mistake shows, and no total comes close to top_p."""
    while True:
        arguments = _telling_logits(student, rows, words), temperature, top_k, top_p
        right = _likely(*arguments)
        # Where two answers differ at all, they must differ enough.
        around = (top_p,) if top_p == 1 else (top_p - 0.01, top_p + 0.01)
        near = [_likely(*arguments[:3], share) for share in around]
        others = [slip.gives(*arguments) for slip in LIKELY.known]
        apart = [(right - other).abs().amax(-1) for other in others]
        if all(close(right, one, 1e-9) for one in near) and all(
            bool(((gap < 1e-9) | (gap > 1e-3)).all()) for gap in apart
        ):
            return arguments


@check(
    "the temperature divides the scores",
    "With top_k = V and top_p = 1 nothing is cut off: what is left of the function?",
)
def likely_temperature(student: Student) -> None:
    for temperature in (0.5, 2.0):
        with student.on(f"temperature {temperature}, nothing cut off"):
            LIKELY.run(student, lambda t=temperature: _draw_likely(student, t, 9, 1.0))


@check(
    "top_k keeps the k likeliest, and they share 1",
    "A score of -inf has a probability of 0, and the softmax shares 1 among the rest.",
)
def likely_top_k(student: Student) -> None:
    for top_k in (1, 4):
        with student.on(f"temperature 1, top_k {top_k}, top_p 1"):
            LIKELY.run(student, lambda k=top_k: _draw_likely(student, 1.0, k, 1.0))


@check(
    "top_p keeps as many as are needed to reach p",
    "Sort, add up. A token stays if LESS than p had been reached before it.",
)
def likely_top_p(student: Student) -> None:
    for top_p in (0.6, 0.85):
        with student.on(f"temperature 1, top_k V, top_p {top_p}"):
            LIKELY.run(student, lambda p=top_p: _draw_likely(student, 1.0, 9, p))
    with student.on("top_p 0.05, below the likeliest token", "The likeliest token always stays."):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 9, 0.05))


def _all_three(student: Student, temperature: float, top_p: float) -> tuple[Any, ...]:
    """Arguments on which each order of the three steps gives something else."""
    while True:
        arguments = _draw_likely(student, temperature, 5, top_p)
        right = _likely(*arguments)
        others = [_likely(*arguments, order=order) for order in ("kpt", "tpk")]
        others.append(_likely(arguments[0], temperature, 6, top_p))  # one token more
        if all((right - other).abs().max() > 1e-3 for other in others):
            return arguments


@check(
    "temperature first, then top_k, then top_p of what is left",
    "By numbers: scores 3, 2, 1, temperature 0.5, top_p 0.8 leave one token.",
    after=[likely_temperature, likely_top_k, likely_top_p],
)
def likely_order(student: Student) -> None:
    for temperature, top_p in ((2.0, 0.7), (0.6, 0.8)):
        with student.on(f"temperature {temperature}, top_k 5, top_p {top_p}"):
            LIKELY.run(
                student, lambda t=temperature, p=top_p: _draw_likely(student, t, 5, p, words=9)
            )
    with student.on("where each order of the three gives something else"):
        LIKELY.run(student, lambda: _all_three(student, 2.5, 0.75))


@check(
    "several rows, a top_k above V, scores in the thousands, other kinds",
    "Each row is cut by itself. What does topk say when k is more than there are?",
    after=[likely_temperature, likely_top_k, likely_top_p, likely_order],
    keeps_arguments=True,
)
def likely_edges(student: Student) -> None:
    with student.on("four rows, top_k 4"):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 4, 1.0, rows=4))
    with student.on("four rows, top_p 0.8"):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 9, 0.8, rows=4))
    with student.on("top_k 50 of 9 tokens"):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 50, 1.0, rows=2))
    with student.on("two rows, temperature 0.5"):
        LIKELY.run(student, lambda: _draw_likely(student, 0.5, 6, 1.0, rows=2))
    with student.on(
        "1,024 tokens, temperature 1, top_k V, top_p 1",
        "The sum of a thousand rounded numbers reaches 1 before the last one. What does top_p = 1 "
        "cut off?",
    ):
        logits = 3 * student.normal(8, 1024)
        value = student.call("keep_likely", logits, 1.0, 1024, 1.0)
        expect_shape(value, logits.shape, "keep_likely", "that of logits")
        if gone := int((value <= 0).sum(-1).max()):
            fail(f"top_p = 1 cuts nothing off, but {gone} tokens of a row have the probability 0")
    with student.on("scores of float16"):
        logits, *rest = _draw_likely(student, 0.5, 4, 1.0, rows=2)
        logits = logits.half()
        value = student.call("keep_likely", logits, *rest)
        expect_kind(expect_tensor(value, "keep_likely"), logits, "probabilities are of that kind")
        if not close(value, _likely(logits, *rest), 1e-2):
            fail("in half precision other probabilities come out")
    with student.on("scores 5,000 higher"):
        logits, *rest = _draw_likely(student, 1.0, 6, 1.0, rows=2)
        value = student.call("keep_likely", logits + 5000, *rest)
        expect_shape(value, logits.shape, "keep_likely", "that of logits")
        expect_finite(value, "the probabilities", "exp of a large score is inf; softmax knows.")
        if not close(value, _likely(logits + 5000, *rest), 1e-3):
            fail("a number added to all scores changes no probability, but here it does")
    with student.on("scores of float64", DIGITS):
        logits, *rest = _draw_likely(student, 1.0, 6, 1.0, rows=2)
        logits = logits.double() + 2.0**-30
        value = student.call("keep_likely", logits, *rest)
        right = _likely(logits, *rest)
        expect_digits(value, logits, right, "keep_likely", "a softmax keeps it")


QUESTION = Question(
    function="keep_likely",
    title="What is drawn from",
    minutes=20,
    teaches="temperature, top-k and top-p, and that their order is part of the answer",
    checks=(
        likely_temperature,
        likely_top_k,
        likely_top_p,
        likely_order,
        likely_edges,
    ),
)
