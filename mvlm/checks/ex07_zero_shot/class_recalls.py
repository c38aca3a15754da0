"""Exercise 07, `class_recalls`: class by class."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex07_zero_shot.common import NONE
from mvlm.checks.expect import Comparison, expect_number, expect_parts, expect_shape, expect_tensor

Asked = tuple[Tensor, Tensor, int]
Pairs = list[tuple[int, int]]  # of an answer and a label


def _of_class(pairs: Pairs, label: int) -> int:
    """How many examples a class has."""
    return sum(y == label for _, y in pairs)


def _hits(pairs: Pairs, label: int) -> int:
    """How many examples of a class are right."""
    return sum(a == y == label for a, y in pairs)


def _precision(pairs: Pairs, label: int) -> int:
    """A mistake: how often a class was answered."""
    return sum(a == label for a, _ in pairs)


def _recalls(
    answers: Tensor,
    labels: Tensor,
    classes: int,
    *,
    known: Callable[[Pairs, int], int] = _of_class,
    absent: float = math.nan,
    over: Callable[[Pairs, int], int] = _of_class,
    mean: Callable[[Tensor, Pairs], Any] = lambda recalls, _: recalls.nanmean(),
) -> Tensor:
    """(C + 1,): the recalls and then their mean; each keyword argument makes a mistake."""
    pairs = list(zip(answers.tolist(), labels.tolist(), strict=True))
    recalls = [
        _hits(pairs, label) / max(1, over(pairs, label)) if known(pairs, label) else absent
        for label in range(classes)
    ]
    recalls = torch.tensor(recalls, dtype=torch.float64)
    return torch.tensor([*recalls, mean(recalls, pairs)], dtype=torch.float64)


NO_HIT = (
    "the recall of a class with examples, none of them right, is nan: it is 0",
    "Nothing is known of a class without EXAMPLES. Which of your counts do you ask?",
)


def _read_recalls(value: Any, answers: Tensor, labels: Tensor, classes: int) -> Tensor:
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
    return torch.tensor([*recalls, mean], dtype=torch.float64)


def _tells_recalls(ours: Tensor, wanted: Tensor) -> str:
    near = ours.isclose(wanted, rtol=0, atol=1e-4, equal_nan=True)
    place = int(near.int().argmin())
    what = f"the recall of class {place}" if place < len(wanted) - 1 else "the mean"
    return f"{what} is {ours[place]:.4g}, wanted {wanted[place]:.4g}"


RECALLS = Comparison(
    function="class_recalls",
    what="the recalls",
    right=_recalls,
    read=_read_recalls,
    alike=lambda ours, wanted: torch.allclose(ours, wanted, 1e-4, 1e-4, equal_nan=True),
    tells=_tells_recalls,
    mistakes={
        "a class without examples got 0: nothing is known about it, so nan": {"absent": 0.0},
        "a class without examples got 1: nothing is known about it, so nan": {"absent": 1.0},
        NO_HIT[0]: ({"known": _hits}, NO_HIT[1]),
        "the mean is over the classes of labels AND answers: those of the labels count": {
            "mean": lambda recalls, pairs: recalls.nansum() / len(set(sum(pairs, ())) - {NONE})
        },
        "the mean is the share of all right answers: each class has the same weight": {
            "mean": lambda _, pairs: sum(a == y for a, y in pairs) / len(pairs)
        },
        "the mean was divided by all classes, those without examples too": {
            "mean": lambda recalls, _: recalls.nansum() / len(recalls)
        },
        "right answers were divided by how often the class was ANSWERED: that is precision": {
            "over": _precision
        },
        "right answers were divided by the number of all examples": {
            "over": lambda pairs, _: len(pairs)
        },
        "'none' (-1) was taken for the last class": lambda a, y, c: _recalls(
            torch.where(a < 0, c - 1, a), y, c
        ),
        "examples answered with 'none' were left out: they are examples that were not right": {
            "over": lambda pairs, label: sum(y == label and a >= 0 for a, y in pairs)
        },
    },
)


def _answered(
    student: Student,
    *counts: int,
    none: int = 0,
    wrong: int = 3,
    until: Callable[[Tensor, Tensor, int], bool] = lambda *drawn: True,
) -> Asked:
    """Labels with so many of each class, mixed; `wrong` answers wrong and `none` of them -1.

    Of each class that has examples something is right: another input asks for a recall of 0.
    It draws again until the answers, the labels and the number of classes are as wanted.
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
        right_somewhere = set(labels[answers == labels].tolist()) == set(line)
        if right_somewhere and until(answers, labels, classes):
            return answers, labels, classes


def _partly(answers: Tensor, labels: Tensor, classes: int) -> bool:
    """Whether of the absent classes some are answered, and some are not."""
    absent = set(range(classes)) - set(labels.tolist())
    return 0 < len(absent & set(answers.tolist())) < len(absent)


def _uneven(answers: Tensor, labels: Tensor, classes: int) -> bool:
    """Whether precision is another number than recall, and so are both means."""
    recalls = _recalls(answers, labels, classes)
    precision = _recalls(answers, labels, classes, over=_precision)
    share = (answers == labels).double().mean()
    return not RECALLS.alike(precision, recalls) and abs(recalls[-1] - share) > 0.01


@check(
    "the recall of each class, and their mean",
    "For each class: of its examples, the share that was answered rightly. Then the mean.",
)
def rec_each(student: Student) -> None:
    RECALLS.each(
        student,
        {
            "17 examples of 4 classes": lambda: _answered(
                student, 7, 2, 5, 3, wrong=6, until=_uneven
            ),
            "all right": lambda: _answered(student, 3, 1, 2, wrong=0),
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
            "17 examples of 4 classes": lambda: _answered(student, 7, 2, 5, 3, none=4),
            "of the third class nothing is right": (
                torch.tensor([0, NONE, 1, 0, 0, 1, 1]),
                torch.tensor([0, 2, 1, 0, 1, 2, 1]),
                3,
            ),
            "nothing but none": (torch.full((5,), NONE), torch.tensor([0, 2, 1, 1, 2]), 3),
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
            "the third, fifth and sixth of 6 classes are absent": lambda: _answered(
                student, 5, 2, 0, 3, 0, 0, none=2, until=_partly
            ),
            "the second of 5 is absent": lambda: _answered(student, 6, 0, 3, 2, 4, wrong=4),
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
            "200 examples of 30 classes": lambda: _answered(
                student, 40, *[5] * 28, 20, wrong=70, none=30, until=_uneven
            ),
        },
    )
    with student.on("a tensor, or a list of numbers?"):
        answers, labels, classes = _answered(student, 3, 2, 4)
        recalls, _ = student.call("class_recalls", answers, labels, classes)
        expect_tensor(recalls, "class_recalls, as its first part,")


QUESTION = Question(
    function="class_recalls",
    title="Class by class",
    minutes=15,
    teaches="that an average needs to say over what",
    checks=(rec_each, rec_none, rec_absent, rec_edges),
)
