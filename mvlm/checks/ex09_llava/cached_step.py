"""Exercise 09, `cached_step`: one step with a cache."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, equal, expect_parts, expect_shape

Step = tuple[Tensor, ...]  # query, key, value, past keys, past values, mask


def _attention(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, factor: float = 1.0
) -> Tensor:
    """(B, H, 1, d) over (B, H, T, d), with a mask (B, T) or none, float64: (B, H, 1, d)."""
    query, keys, values = (x.double() for x in (query, keys, values))
    scores = factor * (query * keys).sum(-1) / math.sqrt(query.shape[-1])  # B H T
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
    return (weights[..., None] * values).sum(2, keepdim=True)


def _grown(step: Step) -> Step:
    """Query, all keys, all values and the mask."""
    query, key, value, keys, values, mask = step
    return query, torch.cat([keys, key], 2), torch.cat([values, value], 2), mask


def _scaled(factor: Callable[[Step], float]) -> Callable[..., Tensor]:
    """A mistake: the scores are larger by a factor."""
    return lambda *step: _attention(*_grown(step), factor=factor(step))


def _read_output(value: Any, *step: Tensor) -> Tensor:
    output = expect_parts(value, ("the output", "keys", "values"), "cached_step")[0]
    return expect_shape(output, step[0].shape, "cached_step", "(B, H, 1, d)")


OUTPUT = Comparison(
    function="cached_step",
    what="the output",
    right=lambda *step: _attention(*_grown(step)),
    read=_read_output,
    tells=lambda ours, _: (
        "the output holds nan"
        if bool(ours.isnan().any())
        else "the output is not the attention of the new query over all keys"
    ),
    mistakes={
        "the output is that of scores that are not divided by √d": (
            _scaled(lambda step: math.sqrt(step[0].shape[-1]))
        ),
        "the output is that of scores divided by d": (
            _scaled(lambda step: 1 / math.sqrt(step[0].shape[-1]))
        ),
        "the output is that of scores divided by the root of H·d: d is the width of ONE head": (
            _scaled(lambda step: step[0].shape[1] ** -0.5)
        ),
        "the output is that of scores divided by the root of the number of tokens, not of d": (
            _scaled(lambda step: math.sqrt(step[0].shape[-1] / step[-1].shape[-1]))
        ),
        "the output is that of a step that sees the padding": (
            lambda *step: _attention(*_grown(step)[:3], torch.ones_like(step[-1])),
            None,
        ),
        "the output is that of a step that sees the padding and nothing else": (
            lambda *step: _attention(*_grown(step)[:3], ~step[-1]).nan_to_num(0),
            "Which of the two does your function take True for: what is seen, or what is not?",
        ),
        "the output is that of a token that does not see itself": (
            lambda *step: _attention(step[0], *step[3:5], step[-1][:, :-1])
        ),
    },
)


@dataclass(frozen=True)
class _Sequence:
    """Queries, keys and values (B, H, T, d) of T tokens, and the mask (B, T)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    mask: Tensor


def _sequence(student: Student, tokens: int, padding: Sequence[int]) -> _Sequence:
    shape = (len(padding), 2, tokens, 5)
    mask = torch.arange(tokens) >= torch.tensor(padding)[:, None]
    # Scores of several units: one that is not scaled, or scaled by another width, shows.
    return _Sequence(
        1.5 * student.normal(*shape), 1.5 * student.normal(*shape), student.normal(*shape), mask
    )


def _step(whole: _Sequence, at: int, past: tuple[Tensor, Tensor] | None = None) -> Step:
    """What a step at place `at` is given; its past is the right one, unless another is passed."""
    new = [x[:, :, at : at + 1].clone() for x in (whole.queries, whole.keys, whole.values)]
    return (*new, *(past or _past(whole, at)), whole.mask[:, : at + 1].clone())


def _past(whole: _Sequence, at: int) -> tuple[Tensor, Tensor]:
    return whole.keys[:, :, :at].clone(), whole.values[:, :, :at].clone()


@check(
    "the new key and value stand behind the past ones",
    "Which of the four axes counts tokens? That one grows by 1.",
)
def step_cache(student: Student) -> None:
    tokens = student.integer(3, 4)
    for padding in ([0, 0, 0], [2, 0, 1]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            whole = _sequence(student, tokens + 1, padding)
            value = student.call("cached_step", *_step(whole, tokens))
            names = ("the output", "keys", "values")
            _, keys, values = expect_parts(value, names, "cached_step")
            both = (keys, whole.keys, "keys"), (values, whole.values, "values")
            for ours, wanted, name in both:
                meaning = "(B, H, T + 1, d)"
                expect_shape(ours, wanted.shape, f"cached_step's {name}", meaning)
                if not equal(ours, wanted):
                    fail(f"the {name} are not the past ones with the new one behind them")


@check(
    "the new token attends to all before it and to itself",
    "Softmax over the T + 1 keys of query · key / √d, then the mean of the values.",
)
def step_output(student: Student) -> None:
    tokens = student.integer(5, 7)  # with the new one never d in number
    OUTPUT.run(student, lambda: _step(_sequence(student, tokens + 1, [0, 0]), tokens))
    with student.on("a single row"):
        OUTPUT.run(student, lambda: _step(_sequence(student, tokens + 1, [0]), tokens))


@check(
    "padding in front is not seen",
    "Each row has padding of its own. What must a score be for a weight of 0?",
    after=[step_cache, step_output],
)
def step_mask(student: Student) -> None:
    for padding in ([2, 0, 1], [0, 3, 3]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            OUTPUT.run(student, lambda p=padding: _step(_sequence(student, 6, p), 5))

    def low() -> Step:
        """Every score that counts lies below -20,000, that of the padding near 0."""
        whole = _sequence(student, 6, [2, 1])
        way = whole.queries[:, :, 5:] / whole.queries[:, :, 5:].norm(dim=-1, keepdim=True)
        low = torch.where(whole.mask[:, None, :, None], 100 * whole.keys - 3e4 * way, whole.keys)
        whole = replace(whole, queries=3 * way.expand_as(low), keys=low)
        return _step(whole, 5)

    with student.on(
        "every score far below 0", "A fill of -10,000 is no -inf: scores may be lower."
    ):
        OUTPUT.run(student, low)


@check(
    "the first token of all sees itself alone",
    "An empty cache is (B, H, 0, d). Does a line need at least one past token?",
    after=[step_output],
)
def step_first(student: Student) -> None:
    with student.on("nothing came before: T = 0"):
        OUTPUT.run(student, lambda: _step(_sequence(student, 1, [0, 0]), 0))


@check(
    "step by step, the same as all at once",
    "What you return goes in again. Is it the grown cache, whole and in order?",
    after=[step_cache, step_output, step_mask],
    keeps_arguments=True,
)
def step_many(student: Student) -> None:
    whole = _sequence(student, 7, [0, 2])
    past = _past(whole, 3)
    for at in range(3, 7):
        with student.on(f"step {at - 2} of 4, each from the cache of the last"):
            wanted = _attention(*_grown(_step(whole, at)))  # whatever the cache has become
            step = replace(OUTPUT, right=lambda *_, w=wanted: w, mistakes={})
            _, *past = step.run(student, lambda a=at, p=past: _step(whole, a, tuple(p)))


QUESTION = Question(
    function="cached_step",
    title="One step with a cache",
    minutes=20,
    teaches="why generating a token need not read the picture again",
    checks=(step_cache, step_output, step_mask, step_first, step_many),
)
