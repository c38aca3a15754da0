"""Exercise 10, `caption_floor`: how low can it get?"""

import math
import statistics
from collections.abc import Callable, Sequence

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison

Captions = list[tuple[list[str], list[int]]]


def _orders(parts: Sequence[str], *, equal: bool = True) -> int:
    number = math.prod(range(1, len(parts) + 1))
    for part in set(parts) if equal else ():
        number //= math.factorial(list(parts).count(part))
    return number


def _with_loss(labels: Sequence[int]) -> int:
    return len([label for label in labels if label != -100])


def _floor(
    captions: Captions,
    *,
    cost: Callable[[Sequence[str]], float] = lambda parts: math.log(_orders(parts)),
    tokens: Callable[[Sequence[int]], int] = _with_loss,
) -> float | None:
    whole = sum(tokens(labels) for _, labels in captions)
    return sum(cost(parts) for parts, _ in captions) / whole if whole else None


def _mean_of_floors(captions: Captions) -> float | None:
    if not all(_with_loss(labels) for _, labels in captions):
        return None
    return statistics.mean(math.log(_orders(p)) / _with_loss(labels) for p, labels in captions)


FLOOR = Comparison(
    function="caption_floor",
    what="the floor",
    right=_floor,
    mistakes={
        "that is in bits, log base 2: nats are wanted, math.log": lambda c: _floor(c) / math.log(2),
        "equal parts are counted as different ones: nobody sees which dog came first": lambda c: (
            _floor(c, cost=lambda parts: math.log(_orders(parts, equal=False)))
        ),
        "equal parts are counted as one part: two dogs and a key have three orders": lambda c: (
            _floor(c, cost=lambda parts: math.log(math.factorial(len(set(parts)))))
        ),
        "all labels are counted, those of −100 too": lambda c: _floor(c, tokens=len),
        "only labels above 0 are counted: 0 is a token like any other": lambda c: _floor(
            c, tokens=lambda labels: len([label for label in labels if label > 0])
        ),
        "the last label of each row is left out: the end token is said, too": lambda c: _floor(
            c, tokens=lambda labels: _with_loss(labels[:-1])
        ),
        "that is divided by the number of captions, not of tokens": lambda c: (
            sum(math.log(_orders(p)) for p, _ in c) / len(c)
        ),
        "that is the mean of the captions' own floors: sum nats and tokens first": _mean_of_floors,
        "that is the logarithm of the sum of orders: a caption has a cost of its own": lambda c: (
            math.log(sum(_orders(p) for p, _ in c)) / sum(_with_loss(labels) for _, labels in c)
        ),
        "parts that differ in a capital or a space are different ones: equal means letter for "
        "letter": [
            lambda c, change=change: _floor([(list(map(change, p)), labels) for p, labels in c])
            for change in (str.lower, str.strip, lambda part: part.strip().lower())
        ],
    },
)
PARTS = ("dog", "key", "rose", "cup", "hat", "car", "egg")


def _labels(student: Student, supervised: int) -> list[int]:
    """A row's labels: some without a loss, then so many with one, 0 among them, and the end."""
    row = [-100] * student.integer(2, 6) + [student.integer(5, 900) for _ in range(supervised - 3)]
    return [*row, 0, 0, 2]


@check(
    "one caption of different parts: ln n! over the labels that are not −100",
    "How many orders have n different parts? And which labels count?",
)
def floor_different(student: Student) -> None:
    for number in (1, 2, 5, 7):
        FLOOR.run(
            student,
            lambda n=number: (
                [(student.shuffled(PARTS)[:n], _labels(student, student.integer(4, 12)))],
            ),
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
        FLOOR.run(
            student,
            lambda p=parts: ([(student.shuffled(p), _labels(student, 3 + len(p)))],),
        )
    with student.on("parts that differ in capitals or spaces"):
        FLOOR.run(student, lambda: ([(["dog", "Dog", "dog "], _labels(student, 6))],))


@check(
    "many captions: one sum over one count",
    "Long captions have more tokens, and so they weigh more in the loss.",
    after=[floor_different, floor_equal],
    keeps_arguments=True,
)
def floor_several(student: Student) -> None:
    def draw() -> tuple[Captions]:
        shuffled = student.shuffled([*PARTS, "dog", "dog", "key"])
        return (
            [
                (shuffled[:2], _labels(student, 20)),
                (shuffled[2:9], _labels(student, 9)),
                (shuffled[3:], _labels(student, 31)),
            ],
        )

    FLOOR.run(student, draw)
    with student.on("a caption without parts, and one without a loss"):
        FLOOR.run(
            student,
            lambda: ([([], _labels(student, 5)), (list(PARTS[:3]), [-100] * 4), *draw()[0]],),
        )


@check(
    "captions of hundreds of parts",
    "A float holds no number with more than 308 digits. Work with logarithms, or whole numbers.",
    after=[floor_different],
)
def floor_large(student: Student) -> None:
    for number in (180, 400):
        parts = [f"{PARTS[n % 7]} {n // 3}" for n in range(number)]
        with student.on(f"{number} parts"):
            FLOOR.run(
                student, lambda p=parts: ([(student.shuffled(p), _labels(student, 2 * len(p)))],)
            )
            FLOOR.run(student, lambda n=number: ([(["dog"] * n, _labels(student, n))],))


QUESTION = Question(
    function="caption_floor",
    title="How low can it get?",
    minutes=10,
    teaches="the part of a caption's loss that is not in the picture",
    checks=(floor_different, floor_equal, floor_several, floor_large),
)
