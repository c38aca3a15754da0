"""Exercise 07, `class_recalls`: class by class."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex07_zero_shot.common import NONE
from mvlm.checks.expect import (
    Comparison,
    close,
    expect_number,
    expect_parts,
    expect_shape,
    expect_tensor,
)

Recalls = tuple[Tensor, Tensor]


def _counted(answers: Tensor, labels: Tensor, classes: int) -> list[tuple[int, int]]:
    """For each class how many of its examples were right, and how many there are."""
    pairs = list(zip(answers.tolist(), labels.tolist(), strict=True))
    return [
        (sum(a == y == c for a, y in pairs), sum(y == c for _, y in pairs)) for c in range(classes)
    ]


def _recalls(answers: Tensor, labels: Tensor, classes: int, absent: float = math.nan) -> Recalls:
    shares = [
        right / count if count else absent for right, count in _counted(answers, labels, classes)
    ]
    real = [share for share in shares if not math.isnan(share)]
    return (
        torch.tensor(shares, dtype=torch.float64),
        torch.tensor(sum(real) / len(real), dtype=torch.float64),
    )


def _without_misses(answers: Tensor, labels: Tensor, classes: int) -> Recalls | None:
    """A mistake: a class of which nothing is right has no recall."""
    recalls = _recalls(answers, labels, classes)[0]
    recalls = recalls.where(recalls > 0, math.nan)
    return None if bool(recalls.isnan().all()) else (recalls, recalls.nanmean())


def _with_mean(change: Callable[[Tensor, Tensor, int], float]) -> Callable[..., Recalls]:
    """A mistake in the mean alone."""
    return lambda a, y, c: (_recalls(a, y, c)[0], torch.tensor(change(a, y, c)).double())


def _divided(
    by: Callable[[Tensor, Tensor, int, int], int],
) -> Callable[[Tensor, Tensor, int], Recalls]:
    """A mistake: each class's right answers over another number."""

    def found(answers: Tensor, labels: Tensor, classes: int) -> Recalls:
        shares = [
            right / max(1, by(answers, labels, c, classes)) if count else math.nan
            for c, (right, count) in enumerate(_counted(answers, labels, classes))
        ]
        shares_ = torch.tensor(shares, dtype=torch.float64)
        return shares_, shares_.nanmean()

    return found


NO_HIT = (
    "the recall of a class with examples, none of them right, is nan: it is 0",
    "Nothing is known of a class without EXAMPLES. Which of your counts do you ask?",
)


def _read_recalls(value: Any, answers: Tensor, labels: Tensor, classes: int) -> Recalls:
    recalls, mean = expect_parts(value, ("the recalls", "their mean"), "class_recalls")
    if type(recalls) is list and all(type(one) in (int, float) for one in recalls):
        recalls = torch.tensor(recalls, dtype=torch.float64)  # the last check asks for a tensor
    expect_shape(recalls, (classes,), "class_recalls's first part", "(C,), a recall for each class")
    if not recalls.dtype.is_floating_point:
        fail(f"the recalls are {recalls.dtype}, wanted floating-point numbers", "A share is one.")
    if isinstance(mean, Tensor) and mean.numel() == 1:
        mean = mean.item()
    if type(mean) is float and math.isnan(mean):
        if bool(recalls[labels.unique()].isnan().any()):
            fail(*NO_HIT)
        fail("the mean is nan", "A class without examples takes no part in the mean: nanmean.")
    mean = expect_number(mean, "class_recalls, as the mean,")
    return recalls.double(), torch.tensor(mean, dtype=torch.float64)


def _alike_recalls(ours: Recalls, wanted: Recalls) -> bool:
    nan = torch.equal(ours[0].isnan(), wanted[0].isnan())
    if not nan or not close(ours[1], wanted[1]):
        return False
    return close(ours[0].nan_to_num(-9), wanted[0].nan_to_num(-9))


def _tells_recalls(ours: Recalls, wanted: Recalls) -> str:
    for label, (mine, right) in enumerate(zip(ours[0].tolist(), wanted[0].tolist(), strict=True)):
        if math.isnan(mine) != math.isnan(right) or abs(mine - right) > 1e-4:
            return f"the recall of class {label} is {mine:.4g}, wanted {right:.4g}"
    return f"the mean is {ours[1]:.4g}, wanted {wanted[1]:.4g}"


RECALLS = Comparison(
    function="class_recalls",
    what="the recalls",
    right=_recalls,
    read=_read_recalls,
    alike=_alike_recalls,
    tells=_tells_recalls,
    mistakes={
        "a class without examples got 0: nothing is known about it, so nan": lambda a, y, c: (
            _recalls(a, y, c, 0.0)
        ),
        "a class without examples got 1: nothing is known about it, so nan": lambda a, y, c: (
            _recalls(a, y, c, 1.0)
        ),
        NO_HIT[0]: (_without_misses, NO_HIT[1]),
        "the mean is over the classes of labels AND answers: those of the labels count": (
            _with_mean(
                lambda a, y, c: (
                    float(_recalls(a, y, c)[0].nansum())
                    / len(set(y.tolist()) | set(a.tolist()) - {NONE})
                )
            )
        ),
        "the mean is the share of all right answers: each class has the same weight": _with_mean(
            lambda a, y, _: float((a == y).double().mean())
        ),
        "the mean was divided by all classes, those without examples too": _with_mean(
            lambda a, y, c: float(_recalls(a, y, c)[0].nansum()) / c
        ),
        "right answers were divided by how often the class was ANSWERED: that is precision": (
            _divided(lambda a, y, label, c: int((a == label).sum()))
        ),
        "right answers were divided by the number of all examples": _divided(
            lambda a, y, label, c: len(y)
        ),
        "'none' (-1) was taken for the last class": lambda a, y, c: _recalls(
            torch.where(a < 0, c - 1, a), y, c
        ),
        "examples answered with 'none' were left out: they are examples that were not right": (
            _divided(lambda a, y, label, c: int(((y == label) & (a >= 0)).sum()))
        ),
    },
)


def _answered(
    student: Student, counts: tuple[int, ...], *, none: int = 0, wrong: int = 3
) -> tuple[Tensor, Tensor, int]:
    """Labels with so many of each class, mixed; `wrong` answers wrong and `none` of them -1.

    Of each class that has examples something is right: another input asks for a recall of 0.
    """
    classes = len(counts)
    line = [label for label, count in enumerate(counts) for _ in range(count)]
    while True:
        labels = torch.tensor(student.shuffled(line), dtype=torch.int64)
        answers = labels.clone()
        places = student.shuffled(range(len(labels)))
        for place in places[:wrong]:
            away = student.integer(1, max(1, classes - 1))
            answers[place] = (int(labels[place]) + away) % classes
        # Of 'none' some are of the last class: who takes -1 for a place, finds them right.
        last = [p for p in places[wrong:] if int(labels[p]) == classes - 1]
        other = [p for p in places[wrong:] if int(labels[p]) != classes - 1]
        for place in (last[:1] + other + last[1:])[:none]:
            answers[place] = NONE
        if set(labels[answers == labels].tolist()) == set(line):
            return answers, labels, classes


def _partly(student: Student, counts: tuple[int, ...], **how: int) -> tuple[Tensor, Tensor, int]:
    """As `_answered`; of the absent classes some are answered, and some are not."""
    while True:
        answers, labels, classes = _answered(student, counts, **how)
        absent = {label for label, count in enumerate(counts) if not count}
        if 0 < len(absent & set(answers.tolist())) < len(absent):
            return answers, labels, classes


def _uneven(student: Student, counts: tuple[int, ...], **how: int) -> tuple[Tensor, Tensor, int]:
    """As `_answered`, where precision is another number than recall, and so are both means."""
    while True:
        answers, labels, classes = _answered(student, counts, **how)
        precise = any(
            right and int((answers == label).sum()) != count
            for label, (right, count) in enumerate(_counted(answers, labels, classes))
        )
        mean = float(_recalls(answers, labels, classes)[1])
        if precise and abs(mean - float((answers == labels).double().mean())) > 0.01:
            return answers, labels, classes


@check(
    "the recall of each class",
    "For each class: of its examples, the share that was answered rightly.",
)
def rec_each(student: Student) -> None:
    RECALLS.each(
        student,
        {
            "17 examples of 4 classes": lambda: _uneven(student, (7, 2, 5, 3), wrong=6),
            "all right": lambda: _answered(student, (3, 1, 2), wrong=0),
        },
    )


@check(
    "answers that are none",
    "-1 is never right, and it is an answer: its example counts.",
    after=[rec_each],
)
def rec_none(student: Student) -> None:
    RECALLS.each(
        student,
        {
            "17 examples of 4 classes": lambda: _answered(student, (7, 2, 5, 3), wrong=3, none=4),
            "of the third class nothing is right": (
                torch.tensor([0, NONE, 1, 0, 0, 1, 1]),
                torch.tensor([0, 2, 1, 0, 1, 2, 1]),
                3,
            ),
            "nothing but none": lambda: (
                torch.full((5,), NONE),
                torch.tensor([0, 2, 1, 1, 2]),
                3,
            ),
        },
    )


@check(
    "classes of which there is no example",
    "Their recall is nan, and they take no part in the mean. C is `classes`, whatever labels come.",
    after=[rec_each, rec_none],
)
def rec_absent(student: Student) -> None:
    RECALLS.each(
        student,
        {
            "the third, fifth and sixth of 6 classes are absent": lambda: _partly(
                student, (5, 2, 0, 3, 0, 0), wrong=3, none=2
            ),
            "the second of 5 is absent": lambda: _answered(student, (6, 0, 3, 2, 4), wrong=4),
        },
    )


@check(
    "one example, many classes, one class; and what was passed stays as it was",
    "One class may have all the examples, and one example may be all there is.",
    after=[rec_each, rec_none, rec_absent],
    keeps_arguments=True,
)
def rec_edges(student: Student) -> None:
    RECALLS.each(
        student,
        {
            "one example of 4 classes": (torch.tensor([1]), torch.tensor([1]), 4),
            "one class, 5 examples, 2 of them none": (
                torch.tensor([0, -1, 0, -1, 0]),
                torch.zeros(5, dtype=torch.int64),
                1,
            ),
            "200 examples of 30 classes": lambda: _uneven(
                student, (40, *(5,) * 28, 20), wrong=70, none=30
            ),
        },
    )
    with student.on("a tensor, or a list of numbers?"):
        answers, labels, classes = _answered(student, (3, 2, 4))
        recalls, _ = student.call("class_recalls", answers, labels, classes)
        expect_tensor(recalls, "class_recalls, as its first part,")


QUESTION = Question(
    function="class_recalls",
    title="Class by class",
    minutes=15,
    teaches="that an average needs to say over what",
    checks=(rec_each, rec_none, rec_absent, rec_edges),
)
