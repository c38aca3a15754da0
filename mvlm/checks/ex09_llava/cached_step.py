"""Exercise 09, `cached_step`: one step with a cache."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, equal, expect_parts, expect_shape

Step = tuple[Tensor, ...]  # query, key, value, past keys, past values, mask
Whole = tuple[Tensor, ...]  # queries, keys, values (B, H, T, d) of T tokens, and the mask (B, T)
PARTS = ("the output", "keys", "values")


def _output(
    *step: Tensor,
    divisor: Callable[[int, int, int], float] = lambda heads, d, tokens: math.sqrt(d),
    seen: Callable[[Tensor], Tensor] = lambda mask: mask,
) -> Tensor:
    """What the new query finds in all keys, float64: (B, H, 1, d)."""
    query, key, value, keys, values, mask = step
    keys, values = torch.cat([keys, key], 2).double(), torch.cat([values, value], 2).double()
    _, heads, tokens, d = keys.shape
    scores = (query * keys).sum(-1) / divisor(heads, d, tokens)  # B H T
    weights = scores.masked_fill(~seen(mask)[:, None], -torch.inf).softmax(-1)
    # Nothing is found where nothing is seen, as it may be by mistake.
    return (weights[..., None] * values).sum(2, keepdim=True).nan_to_num(0)


def _read_output(value: Any, *step: Tensor) -> Tensor:
    output = expect_parts(value, PARTS, "cached_step")[0]
    expect_shape(output, step[0].shape, "cached_step", "(B, H, 1, d)")
    if bool(output.isnan().any()):
        fail("the output holds nan")
    return output


OUTPUT = Comparison(
    function="cached_step",
    what="the output",
    right=_output,
    read=_read_output,
    tells=lambda *_: "the output is not the attention of the new query over all keys",
    mistakes={
        "the output is that of scores that are not divided by √d": {"divisor": lambda *_: 1},
        "the output is that of scores divided by d": {"divisor": lambda heads, d, tokens: d},
        "the output is that of scores divided by the root of H·d: d is the width of ONE head": {
            "divisor": lambda heads, d, tokens: math.sqrt(heads * d)
        },
        "the output is that of scores divided by the root of the number of tokens, not of d": {
            "divisor": lambda heads, d, tokens: math.sqrt(tokens)
        },
        "the output is that of a step that sees the padding": ({"seen": torch.ones_like}, None),
        "the output is that of a step that sees the padding and nothing else": (
            {"seen": torch.logical_not},
            "Which of the two does your function take True for: what is seen, or what is not?",
        ),
        "the output is that of a token that does not see itself": {
            "seen": lambda mask: mask & (torch.arange(mask.shape[1]) < mask.shape[1] - 1)
        },
    },
)


def _draw_whole(student: Student, tokens: int, padding: Sequence[int]) -> Whole:
    shape = (len(padding), 2, tokens, 5)
    mask = torch.arange(tokens) >= torch.tensor(padding)[:, None]
    # Scores of several units: one that is not scaled, or scaled by another width, shows.
    queries, keys = (1.5 * student.normal(*shape) for _ in range(2))
    return queries, keys, student.normal(*shape), mask


def _step(whole: Whole, at: int, past: Sequence[Tensor] = ()) -> Step:
    """What a step at place `at` is given; its past is the right one, unless another is passed."""
    *projected, mask = whole
    new = [x[:, :, at : at + 1] for x in projected]
    return (*new, *(past or [x[:, :, :at] for x in projected[1:]]), mask[:, : at + 1])


def _last_step(student: Student, tokens: int, padding: Sequence[int]) -> Step:
    return _step(_draw_whole(student, tokens, padding), tokens - 1)


@check(
    "the new key and value stand behind the past ones",
    "Which of the four axes counts tokens? That one grows by 1.",
)
def step_cache(student: Student) -> None:
    tokens = student.integer(3, 4)
    for padding in ([0, 0, 0], [2, 0, 1]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            whole = _draw_whole(student, tokens + 1, padding)
            value = student.call("cached_step", *_step(whole, tokens))
            _, *grown = expect_parts(value, PARTS, "cached_step")
            for ours, wanted, name in zip(grown, whole[1:3], PARTS[1:], strict=True):
                expect_shape(ours, wanted.shape, f"cached_step's {name}", "(B, H, T + 1, d)")
                if not equal(ours, wanted):
                    fail(f"the {name} are not the past ones with the new one behind them")


@check(
    "the new token attends to all before it and to itself",
    "Softmax over the T + 1 keys of query · key / √d, then the mean of the values.",
)
def step_output(student: Student) -> None:
    tokens = student.integer(5, 7) + 1  # never d in number
    OUTPUT.run(student, lambda: _last_step(student, tokens, [0, 0]))
    with student.on("a single row"):
        OUTPUT.run(student, lambda: _last_step(student, tokens, [0]))


@check(
    "padding in front is not seen",
    "Each row has padding of its own. What must a score be for a weight of 0?",
    after=[step_cache, step_output],
)
def step_mask(student: Student) -> None:
    for padding in ([2, 0, 1], [0, 3, 3]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            OUTPUT.run(student, partial(_last_step, student, 6, padding))

    def low() -> Step:
        """Every score that counts lies below -20,000, that of the padding near 0."""
        queries, keys, values, mask = _draw_whole(student, 6, [2, 1])
        way = queries[:, :, 5:] / queries[:, :, 5:].norm(dim=-1, keepdim=True)
        keys = torch.where(mask[:, None, :, None], 100 * keys - 3e4 * way, keys)
        return _step((3 * way.expand_as(keys), keys, values, mask), 5)

    hint = "A fill of -10,000 is no -inf: scores may be lower."
    with student.on("every score far below 0", hint):
        OUTPUT.run(student, low)


@check(
    "the first token of all sees itself alone",
    "An empty cache is (B, H, 0, d). Does a line need at least one past token?",
    after=[step_output],
)
def step_first(student: Student) -> None:
    with student.on("nothing came before: T = 0"):
        OUTPUT.run(student, lambda: _last_step(student, 1, [0, 0]))


@check(
    "step by step, the same as all at once",
    "What you return goes in again. Is it the grown cache, whole and in order?",
    after=[step_cache, step_output, step_mask],
    keeps_arguments=True,
)
def step_many(student: Student) -> None:
    whole = _draw_whole(student, 7, [0, 2])
    past: Sequence[Tensor] = ()
    for at in range(3, 7):
        with student.on(f"step {at - 2} of 4, each from the cache of the last"):
            wanted = _output(*_step(whole, at))  # whatever the cache has become
            step = replace(OUTPUT, right=lambda *_, w=wanted: w, mistakes={})
            _, *past = step.run(student, partial(_step, whole, at, past))


QUESTION = Question(
    function="cached_step",
    title="One step with a cache",
    minutes=20,
    teaches="why generating a token need not read the picture again",
    checks=(step_cache, step_output, step_mask, step_first, step_many),
)
