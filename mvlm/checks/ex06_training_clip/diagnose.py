"""Exercise 06, `diagnose`: four sick logs and a healthy one."""

import math
from collections.abc import Callable
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


def _log(
    student: Student,
    end: float,
    *,
    counts: tuple[int, ...] = (1,) * 24,
    steps: int = 40,
    start: float = 1.3,
    held_out: float = 0.5,
    t: float = 3.4,
) -> Log:
    """A run whose loss falls from `start` to `end` and stays; both and `held_out` in ln N."""
    texts = draw_words(student, *counts)
    nothing, quarter = math.log(len(texts)), max(1, steps // 4)
    early = steps - quarter
    # What comes before the last quarter lies well above it, so that a mean of all is another one.
    losses = [nothing * (start - (start - end) * 0.3 * i / max(1, early)) for i in range(early)]
    noise = student.normal(quarter) * 0.004
    noise = (noise - noise.mean()).tolist()
    losses += [nothing * (end + one) for one in noise]
    rise = [2.66 + (t - 2.66) * min(1.0, (i + 1) / max(1, early)) for i in range(steps)]
    return {"losses": losses, "texts": texts, "held_out": nothing * held_out, "t": rise}


def _jumping(student: Student, end: list[float]) -> Log:
    """A run with these losses at its end, in ln N, so that mean, median and extremes differ."""
    log = _log(student, 1.0, steps=4 * len(end))
    nothing = math.log(len(log["texts"]))
    log["losses"][-len(end) :] = [nothing * one for one in end]
    return log


EXACT = 10  # pairs for which 0.95 · ln N is not lost by rounding, whichever way it is asked


def _exactly(student: Student, *, loss: float, held_out: float) -> Log:
    """Seven steps, so that one is the end; its loss and `held_out` are exactly so much of ln N."""
    log = _log(student, loss, counts=(1,) * EXACT, steps=7)
    nothing = math.log(EXACT)
    return log | {
        "losses": [*log["losses"][:-1], loss * nothing],
        "held_out": held_out * nothing,
    }


def _compare_log(student: Student, log: Log) -> None:
    value = expect_something(student.call("diagnose", log), "diagnose")
    if type(value) is not str or value not in VERDICTS:
        fail(f"{str(value)[:60]!r} came back, wanted one of {', '.join(map(repr, VERDICTS))}", "")
    wanted = _diagnosis(log)
    if value != wanted:
        mean = sum(log["losses"]) / len(log["losses"])
        if value == _diagnosis(log | {"losses": [mean] * len(log["losses"])}):
            fail(
                f"{value!r} came back, wanted {wanted!r}: so it is with the mean of ALL steps",
                "Is the loss that of the last quarter alone?",
            )
        fail(f"{value!r} came back, wanted {wanted!r}")


def _logs(student: Student, logs: dict[str, Callable[[], Log]]) -> None:
    for name, make in logs.items():
        with student.on(name):
            _compare_log(student, make())


@check(
    "a loss that stays at ln N, and one that left it",
    "ln N of the batch's own N. Which part of the log is its end?",
)
def log_nothing(student: Student) -> None:
    _logs(
        student,
        {
            "24 pairs, at 0.99 ln N": lambda: _log(student, 0.99, held_out=1.0),
            "24 pairs, above ln N": lambda: _log(student, 1.15, held_out=1.1),
            "24 pairs, at 0.9 ln N": lambda: _log(student, 0.9, held_out=0.91),
            "24 pairs of 5 texts, at 0.97 ln N": lambda: _log(
                student, 0.97, counts=(7, 7, 7, 2, 1)
            ),
            "24 pairs, an end that jumps, its mean above 0.95 ln N": lambda: _jumping(
                student, [1.3, 0.85, 0.85, 0.85, 1.3, 0.85, 0.85, 1.3, 0.85, 0.85]
            ),
            "24 pairs, an end that jumps, its mean below 0.95 ln N": lambda: _jumping(
                student, [0.6, 0.97, 0.97, 0.97, 0.6, 0.97, 0.97, 0.6, 0.97, 0.97]
            ),
            "exactly at 0.95 ln N": lambda: _exactly(student, loss=0.95, held_out=0.5),
            "6 pairs, at 0.97 ln N": lambda: _log(student, 0.97, counts=(1,) * 6, held_out=1.0),
        },
    )


@check(
    "a scale beyond its limit, and one that stands at it",
    "t is a logarithm. A healthy one stops at ln 100 = 4.605.",
)
def log_scale(student: Student) -> None:
    limit = math.log(100)
    _logs(
        student,
        {
            "t ends at 4.7": lambda: _log(student, 0.5, t=4.7),
            "t ends at ln 100": lambda: _log(student, 0.5, t=limit),
            "t ends 0.0005 above ln 100": lambda: _log(student, 0.5, t=limit + 0.0005),
            "t ends 0.003 above ln 100": lambda: _log(student, 0.5, t=limit + 0.003),
            "t ends at 4.5": lambda: _log(student, 0.5, t=4.5),
        },
    )


@check(
    "a loss at the floor of its twins, and one above it",
    "The floor follows from the texts: a text that comes k times costs ln k for each of its pairs.",
)
def log_twins(student: Student) -> None:
    seven, few = (7, 7, 7, 2, 1), (2, 2, *(1,) * 12)
    _logs(
        student,
        {
            "24 pairs of 5 texts, at the floor": lambda: _log(
                student, floor_of(draw_words(student, *seven)) / math.log(24) + 0.01, counts=seven
            ),
            "24 pairs of 5 texts, 0.035 ln N above the floor": lambda: _log(
                student, floor_of(draw_words(student, *seven)) / math.log(24) + 0.035, counts=seven
            ),
            "16 pairs, two texts twice, at the floor": lambda: _log(
                student, floor_of(draw_words(student, *few)) / math.log(16) + 0.02, counts=few
            ),
            "16 pairs, two texts twice, above the floor": lambda: _log(
                student, floor_of(draw_words(student, *few)) / math.log(16) + 0.15, counts=few
            ),
            "no twins, near 0": lambda: _log(student, 0.02, held_out=0.1),
        },
    )


@check(
    "held-out pairs at ln N while training goes well, and held-out pairs that are merely worse",
    "Compare held_out with ln N, not with the training loss.",
)
def log_held_out(student: Student) -> None:
    _logs(
        student,
        {
            "held out at 1.02 ln N": lambda: _log(student, 0.3, held_out=1.02),
            "held out at 0.96 ln N": lambda: _log(student, 0.3, held_out=0.96),
            "held out exactly at 0.95 ln N": lambda: _exactly(student, loss=0.5, held_out=0.95),
            "held out at 0.8 ln N, training at 0.2": lambda: _log(student, 0.2, held_out=0.8),
        },
    )


@check(
    "a run that learns is left alone",
    "Nothing of the four holds: not at ln N, not at a floor, t within its limit, held out below.",
)
def log_learning(student: Student) -> None:
    _logs(
        student,
        {
            "half-way, held out half-way": lambda: _log(student, 0.5, held_out=0.6),
            "nearly done": lambda: _log(student, 0.01, held_out=0.3),
            "twins, half-way": lambda: _log(student, 0.6, counts=(2, 2, *(1,) * 12), held_out=0.7),
        },
    )


@check(
    "several at once, a high beginning, a short log",
    "The first that holds counts, in the order of the list, and the last quarter alone is read.",
    after=[log_nothing, log_scale, log_twins, log_held_out, log_learning],
    keeps_arguments=True,
)
def log_order(student: Student) -> None:
    twins = (4, 4, 4, 2, 1, 1)

    def early_scale() -> Log:
        log = _log(student, 0.5, t=4.3)
        log["t"][:20] = [4.75] * 20
        return log

    def late_scale() -> Log:
        log = _log(student, 0.5, t=4.4)
        log["t"][-5] = 4.66
        return log

    _logs(
        student,
        {
            "nothing learnt, and t beyond its limit": lambda: _log(student, 1.0, t=4.8),
            "at the floor, and t beyond its limit": lambda: _log(
                student, floor_of(draw_words(student, *twins)) / math.log(16), counts=twins, t=4.8
            ),
            "at the floor, and held out at ln N": lambda: _log(
                student,
                floor_of(draw_words(student, *twins)) / math.log(16),
                counts=twins,
                held_out=1.0,
            ),
            "t was beyond its limit early": early_scale,
            "t was beyond its limit for one step of the last quarter": late_scale,
            "seven steps, of which one is the end": lambda: _log(student, 0.9, steps=7),
            "three steps": lambda: _log(student, 0.4, steps=3),
            "one step": lambda: _log(student, 1.0, steps=1),
        },
    )


QUESTION = Question(
    function="diagnose",
    title="Four sick logs and a healthy one",
    minutes=25,
    teaches="which number to look at first, and in which order",
    checks=(log_nothing, log_scale, log_twins, log_held_out, log_learning, log_order),
)
