"""Exercise 06, `learnt`: what was learnt."""

import math
from collections import Counter
from functools import partial

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex06_training_clip.common import draw_words, floor_of
from mvlm.checks.expect import Comparison, expect_number, same


def _share(loss: float, nothing: float, floor: float = 0.0) -> float:
    return (nothing - loss) / (nothing - floor)


def _learnt(loss: float, texts: list[str]) -> float:
    return _share(loss, math.log(len(texts)), floor_of(texts))


def _twos(loss: float, texts: list[str]) -> float:
    """A mistake: every text that is not alone costs ln 2, however often it comes."""
    twins = sum(k for k in Counter(texts).values() if k > 1)
    return _share(loss, math.log(len(texts)), twins * math.log(2) / len(texts))


def _once_each(loss: float, texts: list[str]) -> float:
    """A mistake: ln k is counted once for a text and not for each of its pairs."""
    floor = sum(map(math.log, Counter(texts).values())) / len(texts)
    return _share(loss, math.log(len(texts)), floor)


LEARNT = Comparison(
    function="learnt",
    what="the share",
    right=_learnt,
    mistakes={
        "the floor was left out: with twins not all of ln N can be learnt": (
            lambda loss, texts: _share(loss, math.log(len(texts)))
        ),
        "ln of the number of DIFFERENT texts was taken for ln N: N is the number of pairs": (
            lambda loss, texts: _share(loss, math.log(len(set(texts))))
        ),
        "this is what was learnt, in nats: a share of what could be learnt is wanted": (
            lambda loss, texts: math.log(len(texts)) - loss
        ),
        "this is the share that is LEFT: 1 minus it was learnt": (
            lambda loss, texts: 1 - _learnt(loss, texts)
        ),
        "N² was taken: each question has N possible answers, not N²": (
            lambda loss, texts: _share(loss, 2 * math.log(len(texts)), floor_of(texts))
        ),
        "ln 2 was taken for every text that is not alone: one that comes k times costs ln k": _twos,
        "a text that comes k times was counted once: each of its k pairs loses ln k": _once_each,
        "texts that differ in case or in spaces were taken for equal: they are equal as strings or "
        "not at all": lambda loss, texts: _learnt(loss, [text.strip().lower() for text in texts]),
        "log2 was taken: the loss is in natural logarithms": (
            lambda loss, texts: _share(loss, math.log2(len(texts)))
        ),
        "per cent: a share of 1 is all": lambda loss, texts: 100 * _learnt(loss, texts),
    },
)


def _batch(student: Student, low: float, high: float, *counts: int) -> tuple[float, list[str]]:
    """A loss between two others, and texts of which each comes so often."""
    loss = low + (high - low) * student.integer(1, 99) / 100
    return loss, draw_words(student, *counts)


@check("the share of ln N, when all texts differ", "(ln N − loss)/ln N, and N is the batch.")
def learn_share(student: Student) -> None:
    draw = partial(_batch, student, 0.1, 1.9)
    inputs = {f"{pairs} different texts": partial(draw, *[1] * pairs) for pairs in (128, 7)}
    LEARNT.each(student, inputs)


@check(
    "with texts that repeat",
    "A text that comes k times costs ln k for each of its k pairs: that is the floor.",
    after=[learn_share],
    keeps_arguments=True,
)
def learn_floor(student: Student) -> None:
    def nearly_alike() -> tuple[float, list[str]]:
        first, second, third = draw_words(student, 1, 1, 1)
        loss, _ = draw()
        return loss, [first, second, first.upper(), first + " ", " " + second, second, third]

    draw = partial(_batch, student, 0.9, 1.6)
    inputs = {
        "one text twice": partial(draw, 2, 1, 1, 1, 1),
        "one text five times, one three times": partial(draw, 5, 3, 1, 1),
        "texts that differ in case or in a space alone": nearly_alike,
    }
    LEARNT.each(student, inputs)


@check(
    "above ln N, and where nothing can be learnt",
    "Worse than knowing nothing is below 0. One pair, or all texts alike: 0, and 0/0 is none.",
    after=[learn_share, learn_floor],
)
def learn_edges(student: Student) -> None:
    above = partial(_batch, student, math.log(5) + 0.5, math.log(5) + 2.0, 2, 1, 1, 1)
    with student.on("a loss above ln N"):
        value = expect_number(student.call("learnt", *above()), "learnt")
        if value == 0:
            fail("0 came back: what was learnt wrongly is less than nothing, and that must show")
        LEARNT.run(student, above)
    for name, texts, loss in (
        ("one pair", ["dog"], 0.0),
        ("three pairs with one text", ["dog"] * 3, 1.2),
        ("49 pairs with one text", ["dog"] * 49, 3.9),
    ):
        with student.on(name):
            value = expect_number(student.call("learnt", loss, texts), "learnt")
            if not same(value, 0.0):
                fail(
                    f"{value:.4g} came back, wanted 0: there is nothing to tell apart",
                    "Ask whether all texts are alike. ln N − floor is 0 only up to rounding there, "
                    "so it may pass a question for 0.",
                )


QUESTION = Question(
    function="learnt",
    title="What was learnt",
    minutes=10,
    teaches="to read a loss beside ln N and beside its floor",
    checks=(learn_share, learn_floor, learn_edges),
)
