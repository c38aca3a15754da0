"""Exercise 06, `schedule`: the learning rate of a step."""

import math
from collections.abc import Callable
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison


def _rate(step: int, steps: int, warmup: int, highest: float, lowest: float) -> float:
    if step < warmup:
        return highest * (step + 1) / warmup
    if step >= steps:
        return lowest
    turn = math.pi * (step - warmup) / (steps - warmup)
    return lowest + (highest - lowest) * (0.5 + 0.5 * math.cos(turn))


def _in_decay(gives: Callable[..., float]) -> Callable[..., float | None]:
    """A mistake of the cosine alone."""
    return lambda s, n, w, h, l: gives(s, n, w, h, l) if w <= s < n else None


def _in_warmup(gives: Callable[..., float]) -> Callable[..., float | None]:
    return lambda s, n, w, h, l: gives(s, n, w, h, l) if s < w else None


def _cosine(done: float, highest: float, lowest: float) -> float:
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * done)) / 2


RATE = Comparison(
    function="schedule",
    what="the rate",
    right=_rate,
    tells=lambda ours, wanted: f"the rate is {ours:.4g}, wanted {wanted:.4g}",
    alike=lambda ours, wanted: math.isclose(ours, wanted, rel_tol=1e-6, abs_tol=1e-15),
    mistakes={
        "step s of the warm-up has s/warmup of the rate, so the first step has 0: wanted "
        "(s + 1)/warmup": _in_warmup(lambda s, n, w, h, l: h * s / w),
        "the warm-up begins at `lowest`: it begins at 0": _in_warmup(
            lambda s, n, w, h, l: l + (h - l) * (s + 1) / w
        ),
        "the warm-up is one step longer: it ends at its highest with step warmup − 1": _in_warmup(
            lambda s, n, w, h, l: h * (s + 1) / (w + 1)
        ),
        "there is no warm-up": _in_warmup(lambda s, n, w, h, l: _cosine(s / n, h, l)),
        "the cosine counts from step 0: it begins where the warm-up ends": _in_decay(
            lambda s, n, w, h, l: _cosine(s / n, h, l)
        ),
        "the cosine is stretched over all steps: it has steps − warmup of them": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w) / n, h, l)
        ),
        "the cosine ends at the last step: it ends one after, at step `steps`": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w) / (n - 1 - w), h, l) if n - 1 > w else h
        ),
        "the cosine counts one step too far: step `warmup` still has `highest`": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w + 1) / (n - w), h, l)
        ),
        "the cosine ends at 0: it ends at `lowest`": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w) / (n - w), h, 0)
        ),
        "`lowest` was added to a cosine that falls from `highest`: it falls from highest − "
        "lowest": _in_decay(lambda s, n, w, h, l: l + _cosine((s - w) / (n - w), h, 0)),
        "a straight line: half a cosine is wanted": _in_decay(
            lambda s, n, w, h, l: h - (h - l) * (s - w) / (n - w)
        ),
        "a whole turn of the cosine: it comes back up; half of one is wanted": _in_decay(
            lambda s, n, w, h, l: _cosine(2 * (s - w) / (n - w), h, l)
        ),
        "a quarter of a cosine: it goes from 1 to 0 where 1 to −1 is wanted": _in_decay(
            lambda s, n, w, h, l: l + (h - l) * math.cos(math.pi / 2 * (s - w) / (n - w))
        ),
        "a cosine of degrees: math.cos takes radians": _in_decay(
            lambda s, n, w, h, l: (
                l + (h - l) * (1 + math.cos(math.radians(math.pi * (s - w) / (n - w)))) / 2
            )
        ),
    },
)


def _plan(student: Student) -> tuple[int, int, float, float]:
    """steps, warmup, highest, lowest."""
    warmup = student.integer(7, 15)
    steps = warmup + student.integer(41, 90)
    highest = student.integer(11, 40) / 10_000
    return steps, warmup, highest, highest * student.integer(2, 4) / 20


@check("the warm-up rises to `highest`", "Step 0 is a step too. After `warmup` steps it is there.")
def rate_warmup(student: Student) -> None:
    for name, step in (("the first step", 0), ("in the middle", 3), ("its last step", None)):
        with student.on(name):

            def draw(step: int | None = step) -> tuple[Any, ...]:
                steps, warmup, *rates = _plan(student)
                return warmup - 1 if step is None else step, steps, warmup, *rates

            RATE.run(student, draw)


@check(
    "then it falls along half a cosine to `lowest`",
    "How much of the way from step `warmup` to step `steps` is done? At ½ the rate lies half-way.",
)
def rate_cosine(student: Student) -> None:
    for part in (0.3, 0.5, 0.8):
        with student.on(f"after {part:.0%} of the way down"):

            def draw(part: float = part) -> tuple[Any, ...]:
                steps, warmup, *rates = _plan(student)
                return warmup + int(part * (steps - warmup)), steps, warmup, *rates

            RATE.run(student, draw)


@check(
    "no warm-up, nothing but warm-up, the last step, and after the end",
    "Where would you divide by 0? And a cosine that goes on after its half comes back up.",
    after=[rate_warmup, rate_cosine],
)
def rate_ends(student: Student) -> None:
    for name, arguments in (
        ("no warm-up, step 0", (0, 40, 0, 3e-3, 2e-4)),
        ("no warm-up, step 13", (13, 40, 0, 3e-3, 2e-4)),
        ("the first step after the warm-up", (9, 40, 9, 3e-3, 2e-4)),
        ("the last step", (39, 40, 9, 3e-3, 2e-4)),
        ("a step after the end", (40, 40, 9, 3e-3, 2e-4)),
        ("long after the end", (77, 40, 9, 3e-3, 2e-4)),
        ("nothing but warm-up", (8, 9, 9, 3e-3, 2e-4)),
        ("after a run that was nothing but warm-up", (9, 9, 9, 3e-3, 2e-4)),
    ):
        with student.on(name):
            RATE.run(student, lambda fixed=arguments: fixed)


QUESTION = Question(
    function="schedule",
    title="The learning rate of a step",
    minutes=10,
    teaches="warm-up and half a cosine, with their ends right",
    checks=(rate_warmup, rate_cosine, rate_ends),
)
