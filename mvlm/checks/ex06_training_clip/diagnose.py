"""Exercise 06, `diagnose`: four sick logs and a healthy one."""

import functools
import math
from collections.abc import Sequence
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex06_training_clip.common import draw_words, floor_of
from mvlm.checks.expect import expect_something

NOTHING, SCALE, TWINS = "nothing learnt", "scale beyond its limit", "at the floor of its twins"
HELD_OUT, LEARNING = "fails on held-out pairs", "learning"
VERDICTS = (NOTHING, SCALE, TWINS, HELD_OUT, LEARNING)
Log = dict[str, Any]


def _diagnosis(log: Log) -> str:
    quarter = max(1, len(log["losses"]) // 4)
    last = sum(log["losses"][-quarter:]) / quarter
    nothing, floor = math.log(len(log["texts"])), floor_of(log["texts"])
    if last >= 0.95 * nothing:
        return NOTHING
    if max(log["t"][-quarter:]) > math.log(100) + 0.001:
        return SCALE
    if floor > 0 and last <= floor + 0.05 * nothing:
        return TWINS
    return HELD_OUT if log["held_out"] >= 0.95 * nothing else LEARNING


PAIRS, FEW_TWINS, MANY_TWINS = (1,) * 24, (2, 2, *(1,) * 12), (7, 7, 7, 2, 1)


def _log(
    student: Student,
    end: float,
    *,
    above_floor: bool = False,  # whether `end` counts from the floor of the texts
    last: Sequence[float] = (),  # the last quarter itself, so that mean, median, extremes differ
    counts: tuple[int, ...] = PAIRS,  # how often each text comes
    steps: int = 40,
    held_out: float = 0.5,
    t: float = 3.4,
) -> Log:
    """A run whose loss falls to ``end`` and stays, while t rises; every loss in ln N."""
    texts = draw_words(student, *counts)
    nothing, quarter = math.log(len(texts)), max(1, steps // 4)
    if above_floor:
        end += floor_of(texts) / nothing
    early = steps - quarter
    # What comes before the last quarter lies well above it, so that a mean of all is another one.
    losses = [1.3 - (1.3 - end) * 0.3 * i / max(1, early) for i in range(early)]
    noise = student.normal(quarter) * 0.004
    losses += last or [end + one for one in (noise - noise.mean()).tolist()]
    rise = [2.66 + (t - 2.66) * min(1.0, (i + 1) / max(1, early)) for i in range(steps)]
    losses = [nothing * one for one in losses]
    return {"losses": losses, "texts": texts, "held_out": nothing * held_out, "t": rise}


def _compare_logs(student: Student, logs: dict[str, Log]) -> None:
    for name, log in logs.items():
        with student.on(name):
            value = expect_something(student.call("diagnose", log), "diagnose")
            if type(value) is not str or value not in VERDICTS:
                verdicts = ", ".join(map(repr, VERDICTS))
                fail(f"{str(value)[:60]!r} came back, wanted one of {verdicts}", "")
            wanted, steps = _diagnosis(log), len(log["losses"])
            if value == TWINS and not floor_of(log["texts"]):
                fail(f"{value!r} came back, and no text comes twice: there is no floor", "")
            level = [sum(log["losses"]) / steps] * steps
            if value != wanted and value == _diagnosis(log | {"losses": level}):
                fail(
                    f"{value!r} came back, wanted {wanted!r}: so it is with the mean of ALL steps",
                    "Is the loss that of the last quarter alone?",
                )
            if value != wanted:
                fail(f"{value!r} came back, wanted {wanted!r}")


# Ten pairs, for which 0.95 · ln N is not lost by rounding, whichever way it is asked; and seven
# steps, of which one is the end.
EXACTLY = {"counts": (1,) * 10, "steps": 7}


@check(
    "a loss that stays at ln N, and one that left it",
    "ln N of the batch's own N. Which part of the log is its end?",
)
def log_nothing(student: Student) -> None:
    above = [1.3, 0.85, 0.85, 0.85, 1.3, 0.85, 0.85, 1.3, 0.85, 0.85]
    below = [0.6, 0.97, 0.97, 0.97, 0.6, 0.97, 0.97, 0.6, 0.97, 0.97]
    draw = functools.partial(_log, student)
    logs = {
        "24 pairs, at 0.99 ln N": draw(0.99, held_out=1.0),
        "24 pairs, above ln N": draw(1.15, held_out=1.1),
        "24 pairs, at 0.9 ln N": draw(0.9, held_out=0.91),
        "24 pairs of 5 texts, at 0.97 ln N": draw(0.97, counts=MANY_TWINS),
        "24 pairs, an end that jumps, its mean above 0.95 ln N": draw(1.0, last=above),
        "24 pairs, an end that jumps, its mean below 0.95 ln N": draw(1.0, last=below),
        "exactly at 0.95 ln N": draw(0.95, **EXACTLY),
        "6 pairs, at 0.97 ln N": draw(0.97, counts=(1,) * 6, held_out=1.0),
    }
    _compare_logs(student, logs)


@check(
    "a scale beyond its limit, and one that stands at it",
    "t is a logarithm. A healthy one stops at ln 100 = 4.605.",
)
def log_scale(student: Student) -> None:
    limit = math.log(100)
    logs = {
        "t ends at 4.7": _log(student, 0.5, t=4.7),
        "t ends at ln 100": _log(student, 0.5, t=limit),
        "t ends 0.0005 above ln 100": _log(student, 0.5, t=limit + 0.0005),
        "t ends 0.003 above ln 100": _log(student, 0.5, t=limit + 0.003),
        "t ends at 4.5": _log(student, 0.5, t=4.5),
    }
    _compare_logs(student, logs)


@check(
    "a loss at the floor of its twins, and one above it",
    "The floor follows from the texts: a text that comes k times costs ln k for each of its pairs.",
)
def log_twins(student: Student) -> None:
    draw = functools.partial(_log, student, above_floor=True)
    many, few = {"counts": MANY_TWINS}, {"counts": FEW_TWINS}
    logs = {
        "24 pairs of 5 texts, at the floor": draw(0.01, **many),
        "24 pairs of 5 texts, 0.035 ln N above the floor": draw(0.035, **many),
        "16 pairs, two texts twice, at the floor": draw(0.02, **few),
        "16 pairs, two texts twice, above the floor": draw(0.15, **few),
        "no twins, near 0": draw(0.02, held_out=0.1),
    }
    _compare_logs(student, logs)


@check(
    "held-out pairs at ln N while training goes well, and held-out pairs that are merely worse",
    "Compare held_out with ln N, not with the training loss.",
)
def log_held_out(student: Student) -> None:
    logs = {
        "held out at 1.02 ln N": _log(student, 0.3, held_out=1.02),
        "held out at 0.96 ln N": _log(student, 0.3, held_out=0.96),
        "held out exactly at 0.95 ln N": _log(student, 0.5, held_out=0.95, **EXACTLY),
        "held out at 0.8 ln N, training at 0.2": _log(student, 0.2, held_out=0.8),
    }
    _compare_logs(student, logs)


@check(
    "a run that learns is left alone",
    "Nothing of the four holds: not at ln N, not at a floor, t within its limit, held out below.",
)
def log_learning(student: Student) -> None:
    logs = {
        "half-way, held out half-way": _log(student, 0.5, held_out=0.6),
        "nearly done": _log(student, 0.01, held_out=0.3),
        "twins, half-way": _log(student, 0.6, counts=FEW_TWINS, held_out=0.7),
    }
    _compare_logs(student, logs)


@check(
    "several at once, a high beginning, a short log",
    "The first that holds counts, in the order of the list, and the last quarter alone is read.",
    after=[log_nothing, log_scale, log_twins, log_held_out, log_learning],
    keeps_arguments=True,
)
def log_order(student: Student) -> None:
    draw = functools.partial(_log, student)
    at_floor = functools.partial(draw, 0.0, above_floor=True, counts=(4, 4, 4, 2, 1, 1))
    early, late = draw(0.5, t=4.3), draw(0.5, t=4.4)
    early["t"][:20] = [4.75] * 20
    late["t"][-5] = 4.66
    logs = {
        "nothing learnt, and t beyond its limit": draw(1.0, t=4.8),
        "at the floor, and t beyond its limit": at_floor(t=4.8),
        "at the floor, and held out at ln N": at_floor(held_out=1.0),
        "t was beyond its limit early": early,
        "t was beyond its limit for one step of the last quarter": late,
        "seven steps, of which one is the end": draw(0.9, steps=7),
        "three steps": draw(0.4, steps=3),
        "one step": draw(1.0, steps=1),
    }
    _compare_logs(student, logs)


QUESTION = Question(
    function="diagnose",
    title="Four sick logs and a healthy one",
    minutes=25,
    teaches="which number to look at first, and in which order",
    checks=(log_nothing, log_scale, log_twins, log_held_out, log_learning, log_order),
)
