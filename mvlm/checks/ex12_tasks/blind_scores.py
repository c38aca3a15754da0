"""Exercise 12, `blind_scores`: what a constant gets."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison, expect_keys, expect_number, near

Answers = list[tuple[str, int]]
ALL = "all"


def _right(said: int, answer: int) -> bool:
    return 20 * abs(said - answer) <= abs(answer)


def _best(answers: Sequence[int], right: Callable[[int, int], bool] = _right) -> int:
    """The answer that is right for the most of them, the smallest of several."""
    score = {one: sum(right(one, other) for other in answers) for one in answers}
    return min(score, key=lambda one: (-score[one], one))


def _of_kind(answers: Answers, kind: str) -> list[int]:
    return [answer for other, answer in answers if other == kind]


def _blind(
    train: Answers,
    test: Answers,
    *,
    best: Callable[[Sequence[int]], int] = _best,
    unseen: bool = True,
    best_of_all: Callable[[Sequence[int]], int] | None = None,
    scored: Callable[[int, int], bool] = _right,
) -> dict[str, float]:
    everything = [answer for _, answer in train]
    hits: dict[str, list[bool]] = {}
    for kind in dict.fromkeys(kind for kind, _ in test):
        heard = _of_kind(train, kind)
        if heard or unseen:
            said = best(heard) if heard else (best_of_all or best)(everything)
            hits[kind] = [scored(said, answer) for answer in _of_kind(test, kind)]
        else:
            hits[kind] = [False for _ in _of_kind(test, kind)]
    shares = {kind: sum(some) / len(some) for kind, some in hits.items()}
    pooled = [hit for some in hits.values() for hit in some]
    return shares | {ALL: sum(pooled) / len(pooled)}


def _best_and_largest(answers: Sequence[int]) -> int:
    """A mistake: of several equally good constants the largest."""
    return -_best([-one for one in answers])


def _best_and_first(answers: Sequence[int]) -> int:
    """A mistake: of several equally good constants the first in the list."""
    return max(answers, key=lambda one: sum(_right(one, other) for other in answers))


def _below(said: int, answer: int) -> bool:
    """A mistake: the bound itself does not count."""
    return 20 * abs(said - answer) < answer


def _most_frequent(answers: Sequence[int]) -> int:
    counts = Counter(answers)
    return min(counts, key=lambda one: (-counts[one], one))


def _read_shares(value: Any, train: Answers, test: Answers) -> dict[str, float]:
    wanted = sorted({kind for kind, _ in test} | {ALL})
    expect_keys(value, wanted, "blind_scores", f"a dict with the keys {wanted}")
    return {kind: expect_number(one, "blind_scores") for kind, one in value.items()}


def _alike_shares(ours: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return ours.keys() == wanted.keys() and all(near(ours[kind], wanted[kind]) for kind in wanted)


def _tell_shares(ours: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    kind = next(kind for kind in wanted if not near(ours[kind], wanted[kind]))
    if abs(ours[kind] - wanted[kind]) < 0.006:
        return f"{kind!r} has {ours[kind]:.9g}, wanted {wanted[kind]:.9g}: do not round"
    return f"{kind!r} has {ours[kind]:.4f}, wanted {wanted[kind]:.4f}"


def _mean_of_kinds(train: Answers, test: Answers) -> dict[str, float]:
    shares = _blind(train, test)
    kinds = [share for kind, share in shares.items() if kind != ALL]
    return shares | {ALL: sum(kinds) / len(kinds)}


BLIND = Comparison(
    function="blind_scores",
    what="the shares",
    right=_blind,
    read=_read_shares,
    alike=_alike_shares,
    tells=_tell_shares,
    mistakes={
        "a kind that was never seen: the most frequent answer need not be the one that is "
        "right for the most": {"best_of_all": _most_frequent},
        "a kind that was never seen: the smallest answer is taken, not the best of all": {
            "best_of_all": min
        },
        "that is the most frequent answer: here the one is wanted that the scorer calls right "
        "most often, and the scorer lets 5 % pass": {"best": _most_frequent},
        "of several equally good constants, the smallest is wanted: yours takes the largest": {
            "best": _best_and_largest
        },
        "of several equally good constants, the smallest is wanted: yours takes the first": {
            "best": _best_and_first
        },
        "the bound itself counts, exactly: 105 is right for 100. Multiply, and nothing is lost "
        "in floating point": {"best": lambda some: _best(some, _below), "scored": _below},
        "the constant was chosen on the test's own answers": (
            lambda train, test: _blind(test, test),
            "A constant that was picked by its test score is no guess any more.",
        ),
        "one constant for all kinds: each kind has its own": lambda train, test: _blind(
            [("", a) for _, a in train], test
        ),
        "the constant was chosen with the scorer, and then compared exactly": {
            "scored": lambda said, answer: said == answer
        },
        "a kind that was never seen in training: the guesser guesses there too, from all": {
            "unseen": False
        },
        "'all' is the mean of the kinds' shares: every question counts once": _mean_of_kinds,
        "5 % of which? They are 5 % of what is right: not of what was said, and not of the "
        "larger of the two, which `math.isclose` takes": {
            "best": lambda some: _best(some, lambda said, answer: _right(answer, said)),
            "scored": lambda said, answer: _right(answer, said),
        },
    },
)

# Around 100: 96 to 105 are right for 100 and around; 100 is right for 96 (4 ≤ 4.8) to 105.
CLUSTER = (96, 97, 99, 100, 102, 104, 105)


def _paper(
    student: Student, kinds: Sequence[tuple[str, int]], *, unseen: str = ""
) -> tuple[Answers, Answers]:
    """Training and test answers; in each kind the most frequent is not the best constant.

    Args:
        student: who draws.
        kinds: each with how often it is asked, in units of ten, and no two alike in their answers.
        unseen: the kind that is not in training.
    """
    train, test = [], []
    for place, (kind, size) in enumerate(kinds):
        scale = 1 + place
        near = [scale * one for one in CLUSTER]
        far = 7 + 1000 * (place + 1)
        other = 13 + 1000 * (place + 2) * 2
        if kind != unseen:
            train += [(kind, answer) for answer in near] + [(kind, far)] * 3
            train += [(kind, other)] * 2
        hits = student.shuffled(near)[: 4 + place % 2]
        test += [(kind, answer) for answer in hits * size]
        test += [(kind, far)] * (4 * size - 1 + place) + [(kind, other)] * (14 * size + place)
        test += [(kind, scale * 100)] * (1 + place) + [(kind, scale * 95)] * (1 + 2 * place)
    return student.shuffled(train), student.shuffled(test)


def _one_kind(answers: Sequence[int]) -> Answers:
    return [("v", answer) for answer in answers]


@check(
    "the constant that the scorer likes best, not the most frequent answer",
    "Try every training answer as the constant, and let the scorer count.",
)
def blind_constant(student: Student) -> None:
    BLIND.run(student, lambda: _paper(student, (("value", 1),)))
    with student.on("of several equally good constants, the smallest"):
        for answers, asked in (
            ([20, 40, 10], [10, 20, 20, 40, 40, 40]),
            ([40, 10, 10, 40, 90], [10, 10, 40, 90]),
            ([300, 200, 100], [100, 100, 200, 300]),
            ([100, 103], [97, 97, 103, 108]),
        ):
            train, test = [("v", a) for a in answers], [("v", a) for a in asked]
            BLIND.run(student, lambda a=train, b=test: (a, b))
    with student.on("exactly 5 % off: the bound itself counts"):
        for answers, asked in (
            ([105, 105, 9], [100, 100, 105, 9]),
            ([100, 105, 110], [110, 110, 105, 100]),
        ):
            BLIND.run(student, lambda a=answers, b=asked: (_one_kind(a), _one_kind(b)))


@check(
    "chosen on the training answers alone, scored on the test's",
    "Which of the two lists may the constant come from?",
    after=[blind_constant],
)
def blind_split(student: Student) -> None:
    def draw() -> tuple[Answers, Answers]:
        low = student.integer(10, 19)
        train = [("v", low), ("v", low), ("v", 500)]
        test = [("v", 500)] * 3 + [("v", 900)] * 2 + [("v", low)]
        return train, student.shuffled(test)

    BLIND.run(student, draw)
    with student.on("a number that is right for more, and no training answer of this kind"):
        scale = student.integer(1, 9)  # 100 is right for 96 and for 104, which are not for another
        train = [("a", 96 * scale), ("a", 104 * scale)] + [("b", 100 * scale)] * 3
        asked = [("a", one * scale) for one in (96, 92, 92, 104, 100)]
        BLIND.run(student, lambda: (train, [*asked, ("b", 100 * scale)]))


@check(
    "each kind has its own constant; a kind that was never seen gets that of all",
    "Group the training answers by kind first. And where a kind has none?",
    after=[blind_constant],
)
def blind_kinds(student: Student) -> None:
    kinds = (("value", 2), ("sum", 1), ("count", 3))
    BLIND.run(student, lambda: _paper(student, kinds))
    with student.on("a kind that is not in training"):
        BLIND.run(student, lambda: _paper(student, kinds, unseen="sum"))
        train = [("a", 50)] * 3 + [("b", 90)] * 4 + [("b", 50)] * 2
        test = [("c", 50), ("c", 50), ("c", 90), ("a", 50), ("b", 90)]
        BLIND.run(student, lambda: (train, test))
        # Of all, 100 is right for three, 300 is the most frequent, 7 the smallest.
        train = [("a", 96), ("a", 100), ("a", 104), ("b", 300), ("b", 300), ("b", 7)]
        test = [("c", one) for one in (100, 98, 96, 7, 300, 300)]
        test += [("a", 97), ("b", 300), ("b", 8)]
        BLIND.run(student, lambda: (train, test))


@check(
    "'all' counts every question once",
    "Add up what is right over all kinds, and divide once.",
    after=[blind_constant, blind_kinds],
    keeps_arguments=True,
)
def blind_all(student: Student) -> None:
    kinds = (("value", 5), ("sum", 1))
    BLIND.run(student, lambda: _paper(student, kinds))
    with student.on("one question of one kind, many of another"):
        train = [("a", 5), ("b", 100), ("b", 100)]
        test = [("a", 5)] + [("b", 100)] * 3 + [("b", 200)] * 5
        BLIND.run(student, lambda: (train, test))


QUESTION = Question(
    function="blind_scores",
    title="What a constant gets",
    minutes=15,
    teaches="to find the constant answer that a scorer likes best, without cheating",
    checks=(blind_constant, blind_split, blind_kinds, blind_all),
)
