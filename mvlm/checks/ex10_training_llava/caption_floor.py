"""Exercise 10, `caption_floor`: how low can it get?"""

import math
import statistics
from collections.abc import Callable, Sequence

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison

Captions = list[tuple[list[str], list[int]]]


def _orders(parts: Sequence[str]) -> int:
    number = math.factorial(len(parts))
    for part in set(parts):
        number //= math.factorial(parts.count(part))
    return number


def _with_loss(labels: Sequence[int]) -> int:
    return sum(label != -100 for label in labels)


def _floor(
    captions: Captions,
    *,
    orders: Callable[[Sequence[str]], int] = _orders,
    nats: Callable[[list[int]], float] = lambda orders: sum(map(math.log, orders)),
    tokens: Callable[[Sequence[int]], int] = _with_loss,
) -> float:
    return nats([orders(parts) for parts, _ in captions]) / sum(tokens(row) for _, row in captions)


FLOOR = Comparison(
    function="caption_floor",
    what="the floor",
    right=_floor,
    mistakes={
        "that is in bits, log base 2: nats are wanted, math.log": {
            "nats": lambda orders: sum(map(math.log2, orders))
        },
        "equal parts are counted as different ones: nobody sees which dog came first": {
            "orders": lambda parts: math.factorial(len(parts))
        },
        "equal parts are counted as one part: two dogs and a key have three orders": {
            "orders": lambda parts: math.factorial(len(set(parts)))
        },
        "all labels are counted, those of −100 too": {"tokens": len},
        "only labels above 0 are counted: 0 is a token like any other": {
            "tokens": lambda labels: sum(label > 0 for label in labels)
        },
        "the last label of each row is left out: the end token is said, too": {
            "tokens": lambda labels: _with_loss(labels[:-1])
        },
        "that is divided by the number of captions, not of tokens": {"tokens": lambda _: 1},
        "that is the mean of the captions' own floors: sum nats and tokens first": (
            lambda several: statistics.mean(_floor([one]) for one in several if _with_loss(one[1]))
        ),
        "that is the logarithm of the sum of orders: a caption has a cost of its own": {
            "nats": lambda orders: math.log(sum(orders))
        },
        "parts that differ in a capital or a space are different ones: equal means letter for "
        "letter": [
            {"orders": lambda parts, change=change: _orders([*map(change, parts)])}
            for change in (str.lower, str.strip, lambda part: part.strip().lower())
        ],
    },
)
PARTS = ("dog", "key", "rose", "cup", "hat", "car", "egg")


def _labels(student: Student, supervised: int) -> list[int]:
    """A row's labels: some without a loss, then so many with one, 0 among them, and the end."""
    row = [-100] * student.integer(2, 6) + [student.integer(5, 900) for _ in range(supervised - 3)]
    return [*row, 0, 0, 2]


def _one(student: Student, parts: list[str], supervised: int) -> tuple[Captions]:
    return ([(parts, _labels(student, supervised))],)


@check(
    "one caption of different parts: ln n! over the labels that are not −100",
    "How many orders have n different parts? And which labels count?",
)
def floor_different(student: Student) -> None:
    for number in (1, 2, 5, 7):
        FLOOR.run(
            student,
            lambda n=number: _one(student, student.shuffled(PARTS)[:n], student.integer(4, 12)),
        )
    with student.on("labels between answers that have none"):
        FLOOR.run(student, lambda: ([(list(PARTS[:4]), [-100, 7, -100, 8, 9, -100])],))


@check(
    "equal parts can change places unseen",
    "Of n! orders each one is counted m! times, if a part comes m times.",
    after=[floor_different],
)
def floor_equal(student: Student) -> None:
    for times in ((2, 1), (3, 2, 1), (4,), (2, 2, 2)):
        parts = [part for part, many in zip(PARTS, times, strict=False) for _ in range(many)]
        FLOOR.run(student, lambda p=parts: _one(student, student.shuffled(p), 3 + len(p)))
    with student.on("parts that differ in capitals or spaces"):
        FLOOR.run(student, lambda: _one(student, ["dog", "Dog", "dog "], 6))


@check(
    "many captions: one sum over one count",
    "Long captions have more tokens, and so they weigh more in the loss.",
    after=[floor_different, floor_equal],
    keeps_arguments=True,
)
def floor_several(student: Student) -> None:
    def some() -> Captions:
        parts = student.shuffled([*PARTS, "dog", "dog", "key"])
        captions = ((parts[:2], 20), (parts[2:9], 9), (parts[3:], 31))
        return [(part, _labels(student, supervised)) for part, supervised in captions]

    FLOOR.run(student, lambda: (some(),))
    with student.on("a caption without parts, and one without a loss"):
        silent = (list(PARTS[:3]), [-100] * 4)
        FLOOR.run(student, lambda: ([([], _labels(student, 5)), silent, *some()],))


@check(
    "captions of hundreds of parts",
    "A float holds no number with more than 308 digits. Work with logarithms, or whole numbers.",
    after=[floor_different],
)
def floor_large(student: Student) -> None:
    for number in (180, 400):
        parts = [f"{PARTS[n % 7]} {n // 3}" for n in range(number)]
        with student.on(f"{number} parts"):
            FLOOR.run(student, lambda p=parts: _one(student, student.shuffled(p), 2 * len(p)))
            FLOOR.run(student, lambda n=number: _one(student, ["dog"] * n, n))


QUESTION = Question(
    function="caption_floor",
    title="How low can it get?",
    minutes=10,
    teaches="the part of a caption's loss that is not in the picture",
    checks=(floor_different, floor_equal, floor_several, floor_large),
)
