"""Exercise 12, `blind_scores`: what a constant gets."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison, expect_keys, expect_number, near

Answers = list[tuple[str, int]]
Scorer = Callable[[int, int], bool]
ALL = "all"


def _right(said: int, answer: int) -> bool:
    return 20 * abs(said - answer) <= abs(answer)


def _best(
    answers: Sequence[int],
    *,
    right: Scorer = _right,
    of_several: Callable[[Iterator[int]], int] = min,
    among: Callable[[Sequence[int]], Sequence[int]] = list,
) -> int:
    """The answer that is right for the most of them, the smallest of several."""
    score = {one: sum(right(one, other) for other in answers) for one in among(answers)}
    most = max(score.values())
    return of_several(one for one in score if score[one] == most)


def _of_kind(answers: Answers, kind: str) -> list[int]:
    return [answer for other, answer in answers if other == kind]


def _blind(
    train: Answers,
    test: Answers,
    *,
    best: Callable[[Sequence[int]], float] = _best,
    best_of_all: Callable[[Sequence[int]], float] | None = None,
    scored: Scorer = _right,
) -> dict[str, float]:
    hits: dict[str, list[bool]] = {}
    for kind in dict.fromkeys(kind for kind, _ in test):
        heard = _of_kind(train, kind)
        said = best(heard) if heard else (best_of_all or best)([answer for _, answer in train])
        hits[kind] = [scored(said, answer) for answer in _of_kind(test, kind)]
    shares = {kind: sum(some) / len(some) for kind, some in hits.items()}
    return shares | {ALL: sum(map(sum, hits.values())) / len(test)}


def _below(said: int, answer: int) -> bool:
    """A mistake: the bound itself does not count."""
    return 20 * abs(said - answer) < answer


def _of_said(said: int, answer: int) -> bool:
    """A mistake: 5 % of what was said."""
    return _right(answer, said)


def _mean_of_kinds(train: Answers, test: Answers) -> dict[str, float]:
    shares = _blind(train, test)
    del shares[ALL]
    return shares | {ALL: sum(shares.values()) / len(shares)}


def _read_shares(value: Any, train: Answers, test: Answers) -> dict[str, float]:
    wanted = sorted({kind for kind, _ in test} | {ALL})
    expect_keys(value, wanted, "blind_scores", f"a dict with the keys {wanted}")
    return {kind: expect_number(one, "blind_scores") for kind, one in value.items()}


def _tell_shares(ours: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    kind = next(kind for kind in wanted if not near(ours[kind], wanted[kind]))
    if abs(ours[kind] - wanted[kind]) < 0.006:
        return f"{kind!r} has {ours[kind]:.9g}, wanted {wanted[kind]:.9g}: do not round"
    return f"{kind!r} has {ours[kind]:.4f}, wanted {wanted[kind]:.4f}"


def _whole(answers: Sequence[int]) -> range:
    """A mistake: any number from the smallest answer to the largest."""
    return range(min(answers), max(answers) + 1)


MOST_FREQUENT = partial(_best, right=operator.eq)  # right for the most, if none but itself is right

BLIND = Comparison(
    function="blind_scores",
    what="the shares",
    right=_blind,
    read=_read_shares,
    alike=lambda ours, wanted: all(near(ours[kind], wanted[kind]) for kind in wanted),
    tells=_tell_shares,
    mistakes={
        "a kind that was never seen: the most frequent answer need not be the one that is "
        "right for the most": {"best_of_all": MOST_FREQUENT},
        "a kind that was never seen: the smallest answer is taken, not the best of all": {
            "best_of_all": min
        },
        "that is the most frequent answer: here the one is wanted that the scorer calls right "
        "most often, and the scorer lets 5 % pass": {"best": MOST_FREQUENT},
        "of several equally good constants, the smallest is wanted: yours takes the largest": {
            "best": partial(_best, of_several=max)
        },
        "of several equally good constants, the smallest is wanted: yours takes the first": {
            "best": partial(_best, of_several=next)
        },
        "the bound itself counts, exactly: 105 is right for 100. Multiply, and nothing is lost "
        "in floating point": {"best": partial(_best, right=_below), "scored": _below},
        "the constant was chosen on the test's own answers": (
            lambda train, test: _blind(test, test),
            "A constant that was picked by its test score is no guess any more.",
        ),
        "one constant for all kinds: each kind has its own": lambda train, test: _blind(
            [("", a) for _, a in train], test
        ),
        "the constant is none of the kind's own training answers, and it must be one of them": {
            "best": partial(_best, among=_whole)
        },
        "the constant was chosen with the scorer, and then compared exactly": {
            "scored": operator.eq
        },
        "a kind that was never seen in training: the guesser guesses there too, from all": {
            "best_of_all": lambda answers: math.inf
        },
        "'all' is the mean of the kinds' shares: every question counts once": _mean_of_kinds,
        "5 % of which? They are 5 % of what is right: not of what was said, and not of the "
        "larger of the two, which `math.isclose` takes": [
            {"best": partial(_best, right=_of_said), "scored": _of_said},
            {"best": partial(_best, right=_of_said)},
        ],
    },
)

# Around 100: 96 to 105 are right for 100 and around; 100 is right for 96 (4 ≤ 4.8) to 105.
CLUSTER = (96, 97, 99, 100, 102, 104, 105)


def _paper(student: Student, *, unseen: str = "", **kinds: int) -> tuple[Answers, Answers]:
    """Training and test answers; in each kind the most frequent is not the best constant.

    ``kinds`` says how often each is asked, in units of ten; no two are alike in their answers, and
    ``unseen`` is not in training.
    """
    train, test = [], []
    for place, (kind, size) in enumerate(kinds.items()):
        near = [(1 + place) * one for one in CLUSTER]
        far, other = 1007 + 1000 * place, 4013 + 2000 * place
        if kind != unseen:
            train += _answers(**{kind: near + [far] * 3 + [other] * 2})
        asked = student.shuffled(near)[: 4 + place % 2] * size
        asked += [far] * (4 * size - 1 + place) + [other] * (14 * size + place)
        asked += [(1 + place) * 100] * (1 + place) + [(1 + place) * 95] * (1 + 2 * place)
        test += _answers(**{kind: asked})
    return student.shuffled(train), student.shuffled(test)


def _answers(**kinds: Sequence[int]) -> Answers:
    return [(kind, answer) for kind, answers in kinds.items() for answer in answers]


def _one_kind(train: Sequence[int], test: Sequence[int]) -> tuple[Answers, Answers]:
    return _answers(v=train), _answers(v=test)


@check(
    "the constant that the scorer likes best, not the most frequent answer",
    "Try every training answer as the constant, and let the scorer count.",
)
def blind_constant(student: Student) -> None:
    BLIND.run(student, lambda: _paper(student, value=1))
    with student.on("of several equally good constants, the smallest"):
        for answers, asked in (
            ([20, 40, 10], [10, 20, 20, 40, 40, 40]),
            ([40, 10, 10, 40, 90], [10, 10, 40, 90]),
            ([300, 200, 100], [100, 100, 200, 300]),
            ([100, 103], [97, 97, 103, 108]),
        ):
            BLIND.run(student, partial(_one_kind, answers, asked))
    with student.on("exactly 5 % off: the bound itself counts"):
        for answers, asked in (
            ([105, 105, 9], [100, 100, 105, 9]),
            ([100, 105, 110], [110, 110, 105, 100]),
            ([100, 95], [95, 95, 100]),
        ):
            BLIND.run(student, partial(_one_kind, answers, asked))


@check(
    "chosen on the training answers alone, scored on the test's",
    "Which of the two lists may the constant come from?",
    after=[blind_constant],
)
def blind_split(student: Student) -> None:
    def draw() -> tuple[Answers, Answers]:
        low = student.integer(10, 19)
        return _one_kind([low, low, 500], student.shuffled([500, 500, 500, 900, 900, low]))

    BLIND.run(student, draw)
    with student.on("two training answers of one kind, ten of another"):
        scale = student.integer(1, 9)  # 100 is right for 96 and for 104, which are not for another
        train = _answers(a=[96 * scale, 104 * scale], b=[100 * scale] * 3 + [300 * scale] * 7)
        test = _answers(a=[one * scale for one in (96, 92, 92, 104, 100)], b=[300 * scale] * 5)
        BLIND.run(student, lambda: (train, test))


@check(
    "each kind has its own constant; a kind that was never seen gets that of all",
    "Group the training answers by kind first. And where a kind has none?",
    after=[blind_constant],
)
def blind_kinds(student: Student) -> None:
    BLIND.run(student, lambda: _paper(student, value=2, sum=1, count=3))
    with student.on("a kind that is not in training"):
        BLIND.run(student, lambda: _paper(student, value=2, sum=1, count=3, unseen="sum"))
        train = _answers(a=[50] * 3, b=[90] * 4 + [50] * 2)
        test = _answers(c=[50, 50, 90], a=[50], b=[90])
        BLIND.run(student, lambda: (train, test))
        # Of all, 100 is right for three, 300 is the most frequent, 7 the smallest.
        train = _answers(a=[96, 100, 104], b=[300, 300, 7])
        test = _answers(c=[100, 98, 96, 7, 300, 300], a=[97], b=[300, 8])
        BLIND.run(student, lambda: (train, test))


@check(
    "'all' counts every question once",
    "Add up what is right over all kinds, and divide once.",
    after=[blind_constant, blind_kinds],
    keeps_arguments=True,
)
def blind_all(student: Student) -> None:
    BLIND.run(student, lambda: _paper(student, value=5, sum=1))
    with student.on("one question of one kind, many of another"):
        train = _answers(a=[5], b=[100, 100])
        test = _answers(a=[5], b=[100] * 3 + [200] * 5)
        BLIND.run(student, lambda: (train, test))


QUESTION = Question(
    function="blind_scores",
    title="What a constant gets",
    minutes=15,
    teaches="to find the constant answer that a scorer likes best, without cheating",
    checks=(blind_constant, blind_split, blind_kinds, blind_all),
)
