"""Exercise 06, `schedule`: the learning rate of a step."""

import math
from collections.abc import Callable
from functools import partial

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison

Rule = Callable[..., float]  # s, n, w, h, l: step, steps, warmup, highest, lowest
Plan = tuple[int, int, int, float, float]  # s, n, w, h, l


def _fall(done: float, highest: float, lowest: float) -> float:
    return lowest + (highest - lowest) * (0.5 + 0.5 * math.cos(math.pi * done))


def _rate(
    step: int,
    steps: int,
    warmup: int,
    *ends: float,  # highest and lowest
    rise: Rule = lambda s, w, h, l: h * (s + 1) / w,
    done: Rule = lambda s, n, w: (s - w) / (n - w),
    fall: Rule = _fall,
) -> float:
    if step < warmup:
        return rise(step, warmup, *ends)
    return fall(done(step, steps, warmup), *ends) if step < steps else ends[1]


RATE = Comparison(
    function="schedule",
    what="the rate",
    right=_rate,
    tells=lambda ours, wanted: f"the rate is {ours:.4g}, wanted {wanted:.4g}",
    alike=lambda ours, wanted: math.isclose(ours, wanted, rel_tol=1e-6, abs_tol=1e-15),
    mistakes={
        "step s of the warm-up has s/warmup of the rate, so the first step has 0: wanted "
        "(s + 1)/warmup": {"rise": lambda s, w, h, l: h * s / w},
        "the warm-up rises from `lowest`: it should be highest · (step + 1)/warmup": {
            "rise": lambda s, w, h, l: l + (h - l) * (s + 1) / w
        },
        "the warm-up is one step longer: it ends at its highest with step warmup − 1": {
            "rise": lambda s, w, h, l: h * (s + 1) / (w + 1)
        },
        "there is no warm-up": lambda s, n, w, h, l: _fall(s / n, h, l) if s < w else None,
        "the cosine counts from step 0: it begins where the warm-up ends": {
            "done": lambda s, n, w: s / n
        },
        "the cosine is stretched over all steps: it has steps − warmup of them": {
            "done": lambda s, n, w: (s - w) / n
        },
        "the cosine ends at the last step: it ends one after, at step `steps`": {
            "done": lambda s, n, w: (s - w) / (n - 1 - w)
        },
        "the cosine counts one step too far: step `warmup` still has `highest`": {
            "done": lambda s, n, w: (s - w + 1) / (n - w)
        },
        "the cosine ends at 0: it should end at `lowest`": {"fall": lambda d, h, l: _fall(d, h, 0)},
        "`lowest` was added to a cosine that falls from `highest`: it falls from highest − "
        "lowest": {"fall": lambda d, h, l: l + _fall(d, h, 0)},
        "a straight line: half a cosine is wanted": {"fall": lambda d, h, l: h - (h - l) * d},
        "a whole turn of the cosine: it comes back up; half of one is wanted": {
            "fall": lambda d, h, l: _fall(2 * d, h, l)
        },
        "a quarter of a cosine: it goes from 1 to 0 where 1 to −1 is wanted": {
            "fall": lambda d, h, l: l + (h - l) * math.cos(math.pi / 2 * d)
        },
        "a cosine of degrees: math.cos takes radians": {
            "fall": lambda d, h, l: _fall(math.radians(d), h, l)
        },
    },
)


def _step(student: Student, *, rising: int = 0, down: float | None = None) -> Plan:
    """A drawn plan, and a step of it: this one of the warm-up, or so much of the way down."""
    warmup = student.integer(7, 15)
    steps = warmup + student.integer(41, 90)
    highest = student.integer(11, 40) / 10_000
    lowest = highest * student.integer(2, 4) / 20
    step = range(warmup)[rising] if down is None else warmup + int(down * (steps - warmup))
    return step, steps, warmup, highest, lowest


@check("the warm-up rises to `highest`", "Step 0 is a step too. After `warmup` steps it is there.")
def rate_warmup(student: Student) -> None:
    inputs = {
        "the first step": partial(_step, student, rising=0),
        "in the middle": partial(_step, student, rising=3),
        "its last step": partial(_step, student, rising=-1),
    }
    RATE.each(student, inputs)


@check(
    "then it falls along half a cosine to `lowest`",
    "How much of the way from step `warmup` to step `steps` is done? At ½ the rate lies half-way.",
)
def rate_cosine(student: Student) -> None:
    for part in (0.3, 0.5, 0.8):
        with student.on(f"after {part:.0%} of the way down"):
            RATE.run(student, partial(_step, student, down=part))


@check(
    "no warm-up, nothing but warm-up, the last step, and after the end",
    "Where would you divide by 0? And a cosine that goes on after its half comes back up.",
    after=[rate_warmup, rate_cosine],
)
def rate_ends(student: Student) -> None:
    inputs = {
        "no warm-up, step 0": (0, 40, 0, 3e-3, 2e-4),
        "no warm-up, step 13": (13, 40, 0, 3e-3, 2e-4),
        "the first step after the warm-up": (9, 40, 9, 3e-3, 2e-4),
        "the last step": (39, 40, 9, 3e-3, 2e-4),
        "a step after the end": (40, 40, 9, 3e-3, 2e-4),
        "long after the end": (77, 40, 9, 3e-3, 2e-4),
        "nothing but warm-up": (8, 9, 9, 3e-3, 2e-4),
        "after a run that was nothing but warm-up": (9, 9, 9, 3e-3, 2e-4),
    }
    RATE.each(student, inputs)


QUESTION = Question(
    function="schedule",
    title="The learning rate of a step",
    minutes=10,
    teaches="warm-up and half a cosine, with their ends right",
    checks=(rate_warmup, rate_cosine, rate_ends),
)
