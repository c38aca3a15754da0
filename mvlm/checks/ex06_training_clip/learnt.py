"""Exercise 06, `learnt`: what was learnt."""

import math
from collections import Counter
from collections.abc import Callable

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex06_training_clip.common import draw_words, floor_of
from mvlm.checks.expect import Comparison, expect_number, same


def _learnt(loss: float, texts: list[str]) -> float:
    if len(set(texts)) == 1:
        return 0.0
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - floor_of(texts))


def _of(base: Callable[[float, list[str]], float | None]) -> Callable[..., float | None]:
    """A mistake, which has no meaning where the right answer is a fixed 0."""
    return lambda loss, texts: None if len(set(texts)) == 1 else base(loss, texts)


def _by_kinds(loss: float, texts: list[str]) -> float | None:
    """A mistake: the number of different texts in the place of N, and no floor."""
    kinds = math.log(len(set(texts)))
    return (kinds - loss) / kinds


def _pairs_only(loss: float, texts: list[str]) -> float:
    """A mistake: every text that is not alone costs ln 2, however often it comes."""
    twice = sum(k for k in Counter(texts).values() if k > 1)
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - twice * math.log(2) / len(texts))


def _once_each(loss: float, texts: list[str]) -> float:
    """A mistake: ln k is counted once for a text and not for each of its pairs."""
    nothing = math.log(len(texts))
    paid = sum(math.log(k) for k in Counter(texts).values()) / len(texts)
    return (nothing - loss) / (nothing - paid)


def _made_alike(loss: float, texts: list[str]) -> float | None:
    """A mistake: case and outer spaces are not looked at."""
    texts = [text.strip().lower() for text in texts]
    return None if len(set(texts)) == 1 else _learnt(loss, texts)


LEARNT = Comparison(
    function="learnt",
    what="the share",
    right=_learnt,
    mistakes={
        "the floor was left out: with twins not all of ln N can be learnt": _of(
            lambda loss, texts: 1 - loss / math.log(len(texts))
        ),
        "ln of the number of DIFFERENT texts was taken for ln N: N is the number of pairs": _of(
            _by_kinds
        ),
        "this is what was learnt, in nats: a share of what could be learnt is wanted": _of(
            lambda loss, texts: math.log(len(texts)) - loss
        ),
        "this is the share that is LEFT: 1 minus it was learnt": _of(
            lambda loss, texts: 1 - _learnt(loss, texts)
        ),
        "N² was taken: each question has N possible answers, not N²": _of(
            lambda loss, texts: (
                (2 * math.log(len(texts)) - loss) / (2 * math.log(len(texts)) - floor_of(texts))
            )
        ),
        "ln 2 was taken for every text that is not alone: one that comes k times costs ln k": _of(
            _pairs_only
        ),
        "a text that comes k times was counted once: each of its k pairs loses ln k": _of(
            _once_each
        ),
        "texts that differ in case or in spaces were taken for equal: they are equal as strings or "
        "not at all": _of(_made_alike),
        "log2 was taken: the loss is in natural logarithms": _of(
            lambda loss, texts: (math.log2(len(texts)) - loss) / math.log2(len(texts))
        ),
        "per cent: a share of 1 is all": _of(lambda loss, texts: 100 * _learnt(loss, texts)),
    },
)


def _between(student: Student, low: float, high: float) -> float:
    return low + (high - low) * student.integer(1, 99) / 100


@check("the share of ln N, when all texts differ", "(ln N − loss)/ln N, and N is the batch.")
def learn_share(student: Student) -> None:
    for pairs in (128, 7):
        with student.on(f"{pairs} different texts"):
            LEARNT.run(
                student,
                lambda n=pairs: (_between(student, 0.1, 1.9), draw_words(student, *[1] * n)),
            )


@check(
    "with texts that repeat",
    "A text that comes k times costs ln k for each of its k pairs: that is the floor.",
    after=[learn_share],
    keeps_arguments=True,
)
def learn_floor(student: Student) -> None:
    for name, counts in (
        ("one text twice", (2, 1, 1, 1, 1)),
        ("one text five times, one three times", (5, 3, 1, 1)),
    ):
        with student.on(name):
            LEARNT.run(
                student,
                lambda c=counts: (_between(student, 0.9, 1.6), draw_words(student, *c)),
            )

    def nearly_alike() -> tuple[float, list[str]]:
        first, second, third = draw_words(student, 1, 1, 1)
        texts = [first, second, first.upper(), first + " ", " " + second, second, third]
        return _between(student, 0.9, 1.6), texts

    with student.on("texts that differ in case or in a space alone"):
        LEARNT.run(student, nearly_alike)


@check(
    "above ln N, and where nothing can be learnt",
    "Worse than knowing nothing is below 0. One pair, or all texts alike: 0, and 0/0 is none.",
    after=[learn_share, learn_floor],
)
def learn_edges(student: Student) -> None:
    def above() -> tuple[float, list[str]]:
        return math.log(5) + _between(student, 0.5, 2.0), draw_words(student, 2, 1, 1, 1)

    with student.on("a loss above ln N"):
        arguments = above()
        value = expect_number(student.call("learnt", *arguments), "learnt")
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
