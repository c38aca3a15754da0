"""Exercise 07: zero-shot: ensembles, none of these, recalls, examples, a power law, order.

What is right is worked out here from the definitions, with loops and in float64: a cosine by its
parts, a recall by counting, a line by solving its normal equations, order item by item.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    Comparison,
    close,
    expect_kind,
    expect_number,
    expect_parts,
    expect_shape,
    expect_slopes,
    expect_something,
    expect_tensor,
    expect_whole,
    kind_of,
    same,
)

# ensemble ---------------------------------------------------------------------------------------

Prompts = list[Tensor]


def _unit(vector: Tensor) -> Tensor:
    """Rows of length 1, or one vector of length 1, in float64."""
    vector = vector.double()
    return vector / vector.square().sum(dim=-1, keepdim=True).sqrt()


def _columns(prompts: Prompts, each: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([each(rows.double()) for rows in prompts], dim=1)


def _ensemble(prompts: Prompts) -> Tensor:
    return _columns(prompts, lambda rows: _unit(_unit(rows).sum(dim=0)))


def _read_classifier(value: Any, prompts: Prompts) -> Tensor:
    width, classes = prompts[0].shape[1], len(prompts)
    if isinstance(value, Tensor) and value.shape == (classes, width) and classes != width:
        fail(
            f"the classifier is {(classes, width)}, wanted {(width, classes)}: a column a class",
            "Along which axis do you stack? images @ classifier must be (B, C).",
        )
    return expect_shape(value, (width, classes), "ensemble", "(E, C)").double()


def _over_classes(prompts: Prompts) -> Tensor | None:
    """A mistake: the mean over classes, of equal counts, in place of that over prompts."""
    if len({len(rows) for rows in prompts}) > 1 or len(prompts) != len(prompts[0]):
        return None
    return _unit(_unit(torch.stack(prompts)).mean(dim=0)).T


def _clamped(rows: Tensor) -> Tensor:
    """A mistake: an eps that is longer than some rows."""
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-3)


def _whole(prompts: Prompts) -> Tensor:
    """A mistake: one length for all columns together."""
    means = _columns(prompts, lambda rows: _unit(rows).mean(dim=0))
    return means / means.norm()


ENSEMBLE = Comparison(
    function="ensemble",
    what="the classifier",
    right=_ensemble,
    read=_read_classifier,
    mistakes={
        "the columns are not of length 1: where prompts disagree, the mean is short": lambda p: (
            _columns(p, lambda rows: _unit(rows).mean(dim=0))
        ),
        "a long prompt has more say than a short one: bring each to length 1 before the mean": (
            lambda p: _columns(p, lambda rows: _unit(rows.mean(dim=0)))
        ),
        "only the first prompt of each class counts": lambda p: _columns(
            p, lambda rows: _unit(rows[0])
        ),
        "the columns are sums, and a class with more prompts has a longer one": lambda p: _columns(
            p, lambda rows: _unit(rows).sum(dim=0)
        ),
        "the mean went over the classes: it is over the prompts of one class": _over_classes,
        "a prompt is a ROW: dim=1 makes each row 1 long, dim=0 goes along the prompts": lambda p: (
            _columns(p, lambda rows: _unit(_unit(rows.T).T.mean(dim=0)))
        ),
        "a class is a COLUMN: dim=0 makes each column 1 long, dim=1 goes along the classes": (
            lambda p: _unit(_columns(p, lambda rows: _unit(rows).mean(dim=0)))
        ),
        "the classifier as a whole has the length 1: each column is to have it": _whole,
        "an eps of a thousandth is longer than some rows here: 1e-12 does no harm": lambda p: (
            _columns(p, lambda rows: _unit(_clamped(rows).mean(dim=0)))
        ),
    },
)


def _prompts(student: Student, *counts: int, width: int = 6, spread: float = 0.9) -> Prompts:
    """For each count so many vectors near one another, of lengths from 0.3 to 3."""
    found = []
    for count in counts:
        rows = student.normal(width) + spread * student.normal(count, width)
        lengths = torch.tensor([0.1 * student.integer(3, 30) for _ in range(count)])
        found.append(_unit(rows).float() * lengths.unsqueeze(1))
    return found


@check(
    "prompts of length 1: the mean, brought to length 1",
    "Mean over the ROWS of a class, (T, E) → (E,), then F.normalize, then one column a class.",
)
def ens_mean(student: Student) -> None:
    def unit(*counts: int) -> Callable[[], tuple[Prompts]]:
        return lambda: ([_unit(rows).float() for rows in _prompts(student, *counts)],)

    ENSEMBLE.each(
        student,
        {
            "3 classes of 3 prompts": unit(3, 3, 3),
            "4 classes of 3 prompts": unit(3, 3, 3, 3),
            "2 classes of 5 prompts": unit(5, 5),
        },
    )


@check(
    "prompts of any length",
    "The length of a prompt's vector says nothing about meaning. F.normalize(rows, dim=1).",
    after=[ens_mean],
)
def ens_lengths(student: Student) -> None:
    short = torch.tensor([[2e-4], [5e-4], [3e-3]])
    ENSEMBLE.each(
        student,
        {
            "4 classes of 3 prompts": lambda: (_prompts(student, 3, 3, 3, 3),),
            "2 classes of 3 prompts, 0.0002, 0.0005 and 0.003 long": lambda: (
                [_unit(rows).float() * short for rows in _prompts(student, 3, 3)],
            ),
        },
    )


@check(
    "classes with different numbers of prompts, and with one",
    "T_c may differ: torch.stack over classes works only after the mean.",
    after=[ens_mean, ens_lengths],
)
def ens_ragged(student: Student) -> None:
    ENSEMBLE.each(
        student,
        {
            "5, 1, 3 and 2 prompts": lambda: (_prompts(student, 5, 1, 3, 2),),
            "one class of 4 prompts": lambda: (_prompts(student, 4),),
            "one class of one prompt": lambda: (_prompts(student, 1),),
            "7 classes of one prompt": lambda: (_prompts(student, *[1] * 7),),
        },
    )


@check(
    "the kind of numbers, and the gradient",
    "The kind that went in comes out. Prompts can be learnt, so nothing may cut the gradient.",
    after=[ens_mean, ens_lengths, ens_ragged],
    keeps_arguments=True,
)
def ens_kinds(student: Student) -> None:
    with student.on("float32"):
        prompts = [_unit(rows).float() for rows in _prompts(student, 3, 3)]
        value = ENSEMBLE.run(student, lambda: (prompts,))
        expect_kind(value, prompts[0], "a classifier is of the kind of its prompts")
    with student.on("float64"):
        prompts = [_unit(rows) * 3 for rows in _prompts(student, 3, 3)]
        value = ENSEMBLE.run(student, lambda: (prompts,))
        expect_kind(value, prompts[0], "a classifier is of the kind of its prompts")
        if not close(value, _ensemble(prompts), 1e-9):
            fail("the numbers went through float32 on the way", "Does anything say .float()?")
    with student.on("three classes of two prompts, in one tensor (3, 2, E)"):
        block = torch.stack(_prompts(student, 2, 2, 2))
        expect_slopes(student, "ensemble", block, learns={0: "prompts"})


# decide -----------------------------------------------------------------------------------------

NONE = -1


def _cosines(images: Tensor, classifier: Tensor) -> list[list[float]]:
    return [
        [float((_unit(image) * _unit(column)).sum()) for column in classifier.T] for image in images
    ]


def _decide(images: Tensor, classifier: Tensor, threshold: float) -> Tensor:
    found = []
    for row in _cosines(images, classifier):
        best = max(row)
        first = next(i for i, one in enumerate(row) if one >= best - 1e-13)
        found.append(first if best >= threshold else NONE)
    return torch.tensor(found, dtype=torch.int64)


def _by(score: Callable[[Tensor, Tensor], Tensor], reach: Callable = torch.ge) -> Callable:
    """A mistake: another score, or another comparison."""

    def decided(images: Tensor, classifier: Tensor, threshold: float) -> Tensor:
        scores = score(images.double(), classifier.double())
        best = scores.max(dim=1)
        return torch.where(reach(best.values, threshold), best.indices, NONE)

    return decided


def _cosine_table(images: Tensor, classifier: Tensor) -> Tensor:
    return _unit(images) @ _unit(classifier.T).T


def _read_places(value: Any, images: Tensor, classifier: Tensor, threshold: float) -> Tensor:
    return expect_whole(value, (len(images),), "decide", "(B,), one answer a picture").long()


def _tells_places(ours: Tensor, wanted: Tensor) -> str:
    place = int((ours != wanted).int().argmax())
    mine, right = int(ours[place]), int(wanted[place])
    if right == NONE:
        return f"picture {place} got class {mine}, and no cosine reaches the threshold: -1"
    if mine == NONE:
        return f"picture {place} got -1, and class {right} reaches the threshold"
    return f"picture {place} got class {mine}, wanted {right}"


DECIDE = Comparison(
    function="decide",
    what="the answer",
    right=_decide,
    read=_read_places,
    alike=torch.equal,
    tells=_tells_places,
    mistakes={
        "the threshold 0 was taken for one that is not given: for Python 0 is False": (
            lambda i, c, t: _decide(i, c, t or -1.0)
        ),
        "a cosine just below the threshold is none: there is no tolerance": lambda i, c, t: _decide(
            i, c, t - 1e-3
        ),
        "'none' never comes: compare the largest cosine, and no sharp softmax of it": _by(
            _cosine_table, lambda best, _: torch.ones_like(best, dtype=torch.bool)
        ),
        "the threshold was compared with a softmax: it depends on the list, a cosine does not": _by(
            lambda i, c: _cosine_table(i, c).softmax(dim=1)
        ),
        "cosines below 0 never reach a threshold here, but a threshold may be negative": _by(
            lambda i, c: _cosine_table(i, c).where(_cosine_table(i, c) >= 0, -2.0)
        ),
        "products of vectors of any length are no cosines: normalise pictures and classes": _by(
            lambda i, c: i @ c
        ),
        "the pictures were not brought to length 1": _by(lambda i, c: i @ _unit(c.T).T),
        "the classes were not brought to length 1": _by(lambda i, c: _unit(i) @ c),
        "the sign was lost: a cosine of -0.9 is a bad one, not a good one": _by(
            lambda i, c: _cosine_table(i, c).abs()
        ),
        "a cosine that is just the threshold is none here: 'at least' counts it in": _by(
            _cosine_table, torch.gt
        ),
        "the last of several equal classes was taken: the lowest number counts": lambda i, c, t: (
            torch.where(
                (found := _by(lambda a, b: _cosine_table(a, b).flip(1))(i, c, t)) >= 0,
                c.shape[1] - 1 - found,
                NONE,
            )
        ),
        "'none' is -1, not the number of classes": lambda i, c, t: torch.where(
            _decide(i, c, t) < 0, c.shape[1], _decide(i, c, t)
        ),
    },
)


def _clear(images: Tensor, classifier: Tensor, threshold: float) -> bool:
    """Whether no rounding decides: two best cosines apart, and the best away from the threshold."""
    for row in _cosines(images, classifier):
        best = sorted(row)
        if abs(best[-1] - threshold) < 1e-3 or (len(best) > 1 and best[-1] - best[-2] < 1e-3):
            return False
    return True


def _pictures(
    student: Student, count: int, classes: int, threshold: float, *, lengths: bool, width: int = 5
) -> tuple[Tensor, Tensor, float]:
    while True:
        images, classifier = student.normal(count, width), student.normal(width, classes)
        images, classifier = _unit(images).float(), _unit(classifier.T).T.float()
        if lengths:
            images = images * (0.3 + 3 * student.normal(count, 1).abs())
            classifier = classifier * (0.3 + 3 * student.normal(1, classes).abs())
        if _clear(images, classifier, threshold):
            return images, classifier, threshold


def _mixed(student: Student, count: int, classes: int, threshold: float, **how: Any) -> tuple:
    """As `_pictures`: some answers are none, and some are not the first class that would do."""
    while True:
        drawn = _pictures(student, count, classes, threshold, **how)
        answers = _decide(*drawn).tolist()
        first = [
            next((i for i, one in enumerate(row) if one >= threshold), NONE)
            for row in _cosines(*drawn[:2])
        ]
        crowded = classes == 1 or threshold > 0.85 or first != answers
        if crowded and 0 < answers.count(NONE) < count:
            return drawn


@check(
    "the class with the largest cosine, where it reaches the threshold",
    "Cosines, their largest one and its place; -1 where it is below the threshold.",
)
def dec_best(student: Student) -> None:
    DECIDE.each(
        student,
        {
            "vectors of length 1, threshold 0.5": lambda: _mixed(
                student, 25, 4, 0.5, lengths=False
            ),
            "3 pictures, 7 classes, threshold 0.6": lambda: _mixed(
                student, 3, 7, 0.6, lengths=False
            ),
        },
    )


@check(
    "vectors of any length",
    "A cosine is the product of two vectors of length 1. Which axis of the classifier is E?",
    after=[dec_best],
)
def dec_lengths(student: Student) -> None:
    def short(pictures: float, classes: float) -> Callable[[], tuple[Tensor, Tensor, float]]:
        def draw() -> tuple[Tensor, Tensor, float]:
            images, classifier, threshold = _mixed(student, 8, 3, 0.5, lengths=False)
            return pictures * images, classes * classifier, threshold

        return draw

    DECIDE.each(
        student,
        {
            "12 pictures, 4 classes": lambda: _mixed(student, 12, 4, 0.5, lengths=True),
            "6 pictures, 5 classes of width 5": lambda: _mixed(student, 6, 5, 0.4, lengths=True),
            "pictures of length 0.0005, shorter than many an eps": short(5e-4, 1.0),
            "classes of length 0.0005, shorter than many an eps": short(1.0, 5e-4),
        },
    )


@check(
    "an answer does not depend on how many other classes there are; thresholds below 0",
    "A threshold may be negative, and a class that is far away changes nothing.",
    after=[dec_best, dec_lengths],
)
def dec_list(student: Student) -> None:
    def none_fits() -> tuple[Tensor, Tensor, float]:
        """Classes on the other side of every picture, one of them less far than the threshold."""
        while True:
            centre = student.normal(1, 5)
            images = centre + 0.3 * student.normal(4, 5)
            classifier = (-centre + 0.9 * student.normal(3, 5)).T
            drawn = images, classifier, -0.6
            found = _cosines(images, classifier)
            some = {max(row) >= -0.6 for row in found}
            if max(max(row) for row in found) < -0.05 and len(some) == 2 and _clear(*drawn):
                return drawn

    DECIDE.each(
        student,
        {
            "one class alone": lambda: _mixed(student, 6, 1, 0.3, lengths=True),
            "40 classes": lambda: _mixed(student, 10, 40, 0.8, lengths=True),
            "all cosines below 0, threshold -0.6": none_fits,
        },
    )


@check(
    "equal cosines, the threshold itself, no pictures, float64",
    "At least the threshold is enough; of equal ones the lowest number counts.",
    after=[dec_best, dec_lengths, dec_list],
    keeps_arguments=True,
)
def dec_edges(student: Student) -> None:
    axes = torch.eye(4)
    size = float(student.integer(2, 5))
    DECIDE.each(
        student,
        {
            "a cosine of 0 and the threshold 0": (
                size * axes[:1],
                torch.stack((-axes[0], size * axes[1], axes[2]), dim=1),
                0.0,
            ),
            "the threshold 0, and all cosines below it": (
                size * axes[:1],
                torch.stack((-axes[0], -axes[0] - axes[1]), dim=1),
                0.0,
            ),
            "classes 1 and 3 are one vector": (
                size * axes[1:3],
                torch.stack((-axes[1], axes[1], axes[2], axes[1]), dim=1),
                0.25,
            ),
            "no pictures": (torch.zeros(0, 4), size * axes[:, :3], 0.5),
            "one picture": lambda: _pictures(student, 1, 3, 0.1, lengths=False),
        },
    )
    with student.on("float64"):
        DECIDE.run(
            student,
            lambda: (
                *(one.double() for one in _mixed(student, 5, 3, 0.9, lengths=False)[:2]),
                0.9,
            ),
        )
    with student.on("float64, two cosines that are alike in float32"):
        angles = torch.tensor([2.0, 1.0, 1.0 - 1e-9], dtype=torch.float64)
        near = torch.stack((angles.cos(), angles.sin()))
        image = torch.tensor([[size, 0.0]], dtype=torch.float64)
        DECIDE.run(student, lambda: (image, near, 0.25))
    with student.on("float64, a cosine that is 0.000001 below the threshold"):
        DECIDE.run(student, lambda: (image, near[:, :1], math.cos(2.0) + 1e-6))
    with student.on("which kind of whole numbers"):
        places = student.call("decide", image, near, 0.25)
        if places.dtype != torch.int64:
            fail(f"decide returned {places.dtype}, wanted torch.int64", "Which dtype has argmax?")


# class_recalls ----------------------------------------------------------------------------------

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


# examples_to_match ------------------------------------------------------------------------------

Curve = dict[int, float]


def _match(curve: Curve, level: float) -> float:
    ks = sorted(curve)
    before = None
    for k in ks:
        if curve[k] >= level:
            if before is None:
                return float(k)
            part = (level - curve[before]) / (curve[k] - curve[before])
            return before * (k / before) ** part
        before = k
    return math.inf


def _found(curve: Curve, level: float) -> tuple[int, int] | None:
    """The two neighbours between which the level is reached; None at or outside the ends."""
    ks = sorted(curve)
    for low, high in itertools.pairwise(ks):
        if curve[low] >= level:
            return None
        if curve[high] >= level:
            return low, high
    return None


def _between(change: Callable[[int, int, float], float]) -> Callable[[Curve, float], float]:
    """A mistake between two points; elsewhere right."""

    def found(curve: Curve, level: float) -> float:
        ends = _found(curve, level)
        if ends is None:
            return _match(curve, level)
        low, high = ends
        return change(low, high, (level - curve[low]) / (curve[high] - curve[low]))

    return found


def _at_first(change: Callable[[Curve, float], float]) -> Callable[[Curve, float], float]:
    """A mistake where the level is reached at the smallest k already."""
    return lambda c, z: change(c, z) if c[min(c)] >= z else _match(c, z)


def _at_never(change: Callable[[Curve, float], float]) -> Callable[[Curve, float], float]:
    """A mistake where the level is never reached."""
    return lambda c, z: change(c, z) if max(c.values()) < z else _match(c, z)


def _last_crossing(curve: Curve, level: float) -> float:
    ks = sorted(curve)
    for low, high in reversed(list(itertools.pairwise(ks))):
        if curve[low] < level <= curve[high]:
            part = (level - curve[low]) / (curve[high] - curve[low])
            return low * (high / low) ** part
    return _match(curve, level)


def _any_crossing(curve: Curve, level: float) -> float:
    """A mistake: entries are taken in the order in which they stand."""
    line = list(curve.items())
    if line[0][1] >= level:
        return float(line[0][0])
    for (k0, low), (k1, high) in itertools.pairwise(line):
        if high >= level:
            return math.exp(
                math.log(k0) + (level - low) / (high - low) * (math.log(k1) - math.log(k0))
            )
    return math.inf


def _through_all(curve: Curve, level: float) -> float:
    """A mistake: shares are sorted too, as if the curve rose."""
    rising = dict(zip(sorted(curve), sorted(curve.values()), strict=True))
    return _match(rising, level)


def _pieces(curve: Curve, level: float, *, down: bool = False) -> float:
    """The first piece on which the level is passed upwards (or also downwards), else inf."""
    for k0, k1 in itertools.pairwise(sorted(curve)):
        low, high = curve[k0], curve[k1]
        if low < level <= high or (down and low > level >= high):
            return k0 * (k1 / k0) ** ((level - low) / (high - low))
    return math.inf


def _also_down(curve: Curve, level: float) -> float:
    """A mistake: the curve's fall through the level is found first."""
    found = _pieces(curve, level, down=True)
    return _match(curve, level) if math.isinf(found) else found


def _late_start(curve: Curve, level: float) -> float:
    """A mistake: the smallest k is the answer only where no share is below the level."""
    return float(min(curve)) if level <= min(curve.values()) else _pieces(curve, level)


def _best_so_far(curve: Curve, level: float) -> float:
    """A mistake: each share is replaced by the largest up to it."""
    ks = sorted(curve)
    return _match({k: max(curve[j] for j in ks if j <= k) for k in ks}, level)


def _by_the_last(curve: Curve, level: float) -> float:
    """A mistake: the last share decides whether the level is ever reached."""
    return math.inf if curve[max(curve)] < level else _match(curve, level)


def _interp(curve: Curve, level: float) -> float:
    """A mistake: np.interp, which looks for the level among shares that rise."""
    ks = sorted(curve)
    if curve[ks[0]] >= level or max(curve.values()) < level:
        return _match(curve, level)
    return float(np.exp(np.interp(level, [curve[k] for k in ks], np.log(ks))))


def _read_k(value: Any, *_: Any) -> float:
    value = expect_something(value, "examples_to_match")
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if type(value) not in (int, float):
        raise AnswerFailed(
            f"examples_to_match returned a {kind_of(value)}, wanted one number or math.inf"
        )
    if math.isnan(value):
        fail("examples_to_match returned nan", "Is a curve that never reaches the level math.inf?")
    return float(value)


def _tells_k(ours: float, wanted: float) -> str:
    if math.isinf(wanted):
        return f"{ours:.4g} came back, and the curve never reaches the level: wanted math.inf"
    return f"{ours:.4g} came back, wanted {wanted:.4g}"


MATCH = Comparison(
    function="examples_to_match",
    what="the number of examples",
    right=_match,
    read=_read_k,
    alike=lambda a, b: a == b or same(a, b),
    tells=_tells_k,
    mistakes={
        "the line was drawn over k: it is straight over log k": _between(
            lambda low, high, part: low + part * (high - low)
        ),
        "this is log k: take the exponential": _between(
            lambda low, high, part: math.log(low) + part * math.log(high / low)
        ),
        "the next measured k came back: read the line between two of them": _between(
            lambda low, high, part: float(high)
        ),
        "the k below came back: read the line between two of them": _between(
            lambda low, high, part: float(low)
        ),
        "k was rounded": _between(lambda low, high, part: float(round(low * (high / low) ** part))),
        "1 came back where the smallest k is enough: that k is the answer": _at_first(
            lambda c, z: 1.0
        ),
        "0 came back where the smallest k is enough: that k is the answer": _at_first(
            lambda c, z: 0.0
        ),
        "the largest k came back where the level is never reached: that is math.inf": _at_never(
            lambda c, z: float(max(c))
        ),
        "the curve falls through the level there: it had reached it before": _also_down,
        "the curve is at the level or above at its smallest k, and then falls: that k counts": (
            _late_start
        ),
        "a share was replaced by the largest up to it: the line starts where it was measured": (
            _best_so_far
        ),
        "the last share is below the level, but one before it is not: it was reached": _by_the_last,
        "np.interp wants shares that rise, and these also fall": _interp,
        "the LAST crossing counts here: the first one does": _last_crossing,
        "entries were taken in the order in which they stand: sort them by k": _any_crossing,
        "the shares were sorted as well: each belongs to its k": _through_all,
    },
)


def _rising(student: Student, ks: tuple[int, ...], *, start: float = 0.2) -> Curve:
    curve, share = {}, start
    for k in ks:
        share += 0.01 * student.integer(4, 15)
        curve[k] = round(share, 2)
    return curve


def _level(student: Student, curve: Curve, place: int) -> float:
    """Between the points number `place` and the next, not half-way."""
    ks = sorted(curve)
    low, high = curve[ks[place]], curve[ks[place + 1]]
    return low + student.pick((0.23, 0.31, 0.64, 0.77)) * (high - low)


@check("between two points of the curve", "A straight line over log k; the answer is k.")
def match_between(student: Student) -> None:
    def drawn(ks: tuple[int, ...], place: int) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            curve = _rising(student, ks)
            return curve, _level(student, curve, place)

        return draw

    MATCH.each(
        student,
        {
            "k = 1, 2, 4, 8, 16, between 4 and 8": drawn((1, 2, 4, 8, 16), 2),
            "k = 1, 5, 40, between 5 and 40": drawn((1, 5, 40), 1),
            "k = 2 and 9": drawn((2, 9), 0),
        },
    )


@check(
    "reached at the smallest k",
    "At most so many examples are needed. Where there is no smaller k, nothing more is known.",
    after=[match_between],
)
def match_first(student: Student) -> None:
    def drawn(ks: tuple[int, ...], below: float) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            curve = _rising(student, ks)
            return curve, curve[ks[0]] - below

        return draw

    MATCH.each(
        student,
        {
            "k = 3, 6, 12, the level below all": drawn((3, 6, 12), 0.05),
            "k = 2, 4, 8, the level is the first share": drawn((2, 4, 8), 0.0),
            "one point": drawn((4,), 0.03),
        },
    )


@check(
    "never reached",
    "Behind the last point nothing was measured: math.inf.",
    after=[match_between],
)
def match_never(student: Student) -> None:
    def falling() -> tuple[Curve, float]:
        low = 0.3 + 0.01 * student.integer(0, 9)
        return {2: low, 5: low - 0.1, 11: low - 0.15}, low + 0.04

    def drawn(ks: tuple[int, ...], above: float) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            curve = _rising(student, ks)
            return curve, max(curve.values()) + above

        return draw

    MATCH.each(
        student,
        {
            "k = 1, 2, 4, the level just above all": drawn((1, 2, 4), 0.01),
            "k = 1, 2, 4, 8, the level far above": drawn((1, 2, 4, 8), 0.2),
            "a curve that falls, below the level": falling,
            "one point": drawn((4,), 0.03),
        },
    )


@check(
    "curves that also fall, and entries in any order",
    "Sort by k alone, and take the first neighbours between which the level is passed upwards.",
    after=[match_between, match_first, match_never],
)
def match_wavy(student: Student) -> None:
    def wavy() -> tuple[Curve, float]:
        low = 0.3 + 0.01 * student.integer(0, 9)
        return {1: low, 2: low + 0.2, 4: low + 0.07, 8: low + 0.3}, low + 0.137

    def unsorted() -> tuple[Curve, float]:
        curve = _rising(student, (1, 3, 7, 20))
        return {k: curve[k] for k in (3, 20, 1, 7)}, _level(student, curve, 1)

    def lifted(curve: Curve, level: float) -> Callable[[], tuple[Curve, float]]:
        def draw() -> tuple[Curve, float]:
            lift = 0.01 * student.integer(0, 9)
            return {k: share + lift for k, share in curve.items()}, level + lift

        return draw

    MATCH.each(
        student,
        {
            "up, down and up again": wavy,
            "entries not sorted by k": unsorted,
            "it ends below the level": lifted({1: 0.3, 2: 0.7, 4: 0.4}, 0.5),
            "it starts above the level and falls": lifted({3: 0.6, 6: 0.4}, 0.5),
            "it starts above, falls and rises again": lifted({3: 0.6, 6: 0.4, 12: 0.7}, 0.5),
            "it falls below the level first, then rises": lifted({1: 0.5, 2: 0.3, 4: 0.7}, 0.6),
            "it rises, falls and rises a little": lifted({1: 0.1, 2: 0.7, 4: 0.3, 8: 0.35}, 0.5),
        },
    )


@check(
    "a level that is one of the shares, a flat piece; what was passed stays as it was",
    "At least counts as reached; two equal shares below the level are no reason to divide by 0.",
    after=[match_between, match_first, match_never, match_wavy],
    keeps_arguments=True,
)
def match_edges(student: Student) -> None:
    share = 0.25 + 0.125 * student.integer(0, 3)
    MATCH.each(
        student,
        {
            "the level is the share of the middle point": (
                {1: share - 0.125, 6: share, 30: share + 0.125},
                share,
            ),
            "the level is the last share": ({1: share - 0.125, 6: share}, share),
            "a flat piece": (
                {1: share, 2: share, 4: share + 0.25, 16: share + 0.25},
                share + 0.125,
            ),
        },
    )


# fit_power --------------------------------------------------------------------------------------

Law = tuple[float, float, float]
LAW = ("a", "b", "the forecast")


def _line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Height at 0 and slope by least squares: the normal equations, solved by hand."""
    n, sx, sy = len(x), math.fsum(x), math.fsum(y)
    mx, my = sx / n, sy / n
    slope = math.fsum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
    slope /= math.fsum((p - mx) ** 2 for p in x)
    return my - slope * mx, slope


def _logs(numbers: list[float]) -> list[float]:
    return [math.log(one) for one in numbers]


def _fit(compute: list[float], error: list[float], at: float) -> Law:
    height, slope = _line(_logs(compute), _logs(error))
    return math.exp(height), slope, math.exp(height + slope * math.log(at))


def _read_law(value: Any, *_: Any) -> Law:
    parts = expect_parts(value, LAW, "fit_power")
    return tuple(
        expect_number(one, f"fit_power, as {name},") for one, name in zip(parts, LAW, strict=True)
    )


def _near(ours: float, wanted: float) -> bool:
    return math.isclose(ours, wanted, rel_tol=1e-4, abs_tol=1e-12)


def _alike_law(ours: Law, wanted: Law) -> bool:
    return all(map(_near, ours, wanted))


def _tells_law(ours: Law, wanted: Law) -> str:
    for name, mine, right in zip(
        ("b", "a", "the forecast"), _by_b(ours), _by_b(wanted), strict=True
    ):
        if not _near(mine, right):
            return f"{name} is {mine:.5g}, wanted {right:.5g}"
    return ""


def _by_b(law: Law) -> Law:
    return law[1], law[0], law[2]


def _fitted_to(change: Callable[[float], float]) -> Callable[..., Law | None]:
    """A mistake: another number than the error."""

    def found(compute: list[float], error: list[float], at: float) -> Law | None:
        if max(error) >= 1:
            return None
        return _fit(compute, [change(one) for one in error], at)

    return found


def _log10_of_compute(compute: list[float], error: list[float], at: float) -> Law:
    height, slope = _line([math.log10(one) for one in compute], _logs(error))
    return math.exp(height), slope, math.exp(height + slope * math.log10(at))


def _straight(compute: list[float], error: list[float], at: float) -> Law:
    height, slope = _line(compute, error)
    return height, slope, height + slope * at


def _semilog(compute: list[float], error: list[float], at: float) -> Law:
    height, slope = _line(_logs(compute), error)
    return height, slope, height + slope * math.log(at)


def _ends(compute: list[float], error: list[float], at: float) -> Law:
    first, last = compute.index(min(compute)), compute.index(max(compute))
    return _fit([compute[first], compute[last]], [error[first], error[last]], at)


def _outer(compute: list[float], error: list[float], at: float) -> Law | None:
    """A mistake: the first and the last entry, whatever they are."""
    if compute[0] == compute[-1]:
        return None
    return _fit([compute[0], compute[-1]], [error[0], error[-1]], at)


def _log_a(compute: list[float], error: list[float], at: float) -> Law:
    a, b, forecast = _fit(compute, error, at)
    return math.log(a), b, forecast


def _sign(compute: list[float], error: list[float], at: float) -> Law:
    a, b, forecast = _fit(compute, error, at)
    return a, -b, forecast


def _other_base(change: Callable[[float], float]) -> Callable[..., Law]:
    """A mistake: the height of the line is a logarithm of another base than is undone."""

    def found(compute: list[float], error: list[float], at: float) -> Law:
        a, b, _ = _fit(compute, error, at)
        return change(a), b, change(a) * at**b

    return found


def _exchanged(compute: list[float], error: list[float], at: float) -> Law:
    height, slope = _line(_logs(error), _logs(compute))
    return math.exp(height), slope, math.exp(height + slope * math.log(at))


def _weighted(compute: list[float], error: list[float], at: float) -> Law:
    """A mistake: points with more compute weigh more."""
    weights = [one / sum(compute) for one in compute]
    x, y = _logs(compute), _logs(error)
    mx = math.fsum(w * one for w, one in zip(weights, x, strict=True))
    my = math.fsum(w * one for w, one in zip(weights, y, strict=True))
    rows = list(zip(weights, x, y, strict=True))
    below = math.fsum(w * (p - mx) ** 2 for w, p, _ in rows)
    slope = math.fsum(w * (p - mx) * (q - my) for w, p, q in rows) / below
    height = my - slope * mx
    return math.exp(height), slope, math.exp(height + slope * math.log(at))


def _forecast(change: Callable[[float, float, float], float]) -> Callable[..., Law]:
    """A mistake in the forecast alone."""

    def found(compute: list[float], error: list[float], at: float) -> Law:
        a, b, _ = _fit(compute, error, at)
        return a, b, change(a, b, at)

    return found


POWER = Comparison(
    function="fit_power",
    what="the law",
    right=_fit,
    read=_read_law,
    alike=_alike_law,
    tells=_tells_law,
    mistakes={
        "the accuracy, 1 - error, was fitted: the error is the power law": _fitted_to(
            lambda e: 1 - e
        ),
        "natural logarithms and log10 are mixed: take one base for both": _log10_of_compute,
        "the line was fitted to the numbers themselves: fit their logarithms": _straight,
        "the error's logarithm is missing: both axes are logarithmic": _semilog,
        "the first and the last entry alone were used: every point takes part": _outer,
        "the models with least and most compute alone were used: every point takes part": _ends,
        "the first number is log a: take the exponential": _log_a,
        "b has the wrong sign here: is it a slope of log error over log compute?": _sign,
        "a is exp of a decimal logarithm: come back with the base that you took": _other_base(
            lambda a: math.exp(math.log10(a))
        ),
        "a is 10 to the power of a natural logarithm: come back with the base that you took": (
            _other_base(lambda a: 10 ** math.log(a))
        ),
        "compute was fitted from the error: it is the error that the law gives": _exchanged,
        "points with more compute weigh more here: each has the same weight": _weighted,
        "a and b are right; the forecast is a logarithm: take the exponential": _forecast(
            lambda a, b, at: math.log(a) + b * math.log(at)
        ),
        "a and b are right; the forecast is a · b^at or such: it is a · at^b": _forecast(
            lambda a, b, at: a * math.exp(b * at) if b * at < 300 else math.inf
        ),
        "a and b are right; the forecast is a straight line's: it is a · at^b": _forecast(
            lambda a, b, at: a + b * at
        ),
        "a and b are right; the forecast is 1 minus the error: the error is wanted": _forecast(
            lambda a, b, at: 1 - a * at**b
        ),
    },
)


def _models(
    student: Student, count: int, *, noise: float, start: float = 2.0, step: float = 0.6
) -> tuple[list[float], list[float], float]:
    """Compute in a random order, errors near a law, and a compute beyond all."""
    b = -0.01 * student.integer(6, 25)
    powers = [start + step * (i + 0.05 * student.integer(0, 9)) for i in range(count)]
    powers = student.shuffled(powers)
    lift = 0.01 * student.integer(70, 95) * 10 ** (-b * start)
    jumps = (noise * student.normal(count)).tolist()
    errors = [lift * 10 ** (b * p) * math.exp(j) for p, j in zip(powers, jumps, strict=True)]
    return [10**p for p in powers], errors, 10 ** (max(powers) + 0.7)


# The first two numbers alone; the forecast has a check of its own.
A_AND_B = POWER.part(lambda law: (*law[:2], 0.0))


@check("points that lie on a law: a and b", "y = log a + b · x, with x and y logarithms.")
def pow_exact(student: Student) -> None:
    A_AND_B.each(
        student,
        {
            "5 models on a law": lambda: _models(student, 5, noise=0.0),
            "2 models": lambda: _models(student, 2, noise=0.0),
        },
    )


@check(
    "points with noise: least squares on logarithms",
    "Every point takes part with the same weight, and errors are distances of logarithms.",
    after=[pow_exact],
)
def pow_noise(student: Student) -> None:
    A_AND_B.each(
        student,
        {
            "7 models": lambda: _models(student, 7, noise=0.08),
            "4 models": lambda: _models(student, 4, noise=0.08),
        },
    )


@check("the forecast", "error = a · at ** b", after=[pow_exact, pow_noise])
def pow_forecast(student: Student) -> None:
    POWER.each(
        student,
        {
            "6 models, beyond the largest": lambda: _models(student, 6, noise=0.05),
            "3 models, between them": lambda: (
                *(drawn := _models(student, 3, noise=0.05))[:2],
                (min(drawn[0]) * max(drawn[0])) ** 0.5,
            ),
        },
    )


@check(
    "compute as large as 10²², and as small as a share",
    "Work in Python's floats or in float64; float32 loses digits of large logarithms.",
    after=[pow_exact, pow_noise, pow_forecast],
)
def pow_large(student: Student) -> None:
    POWER.each(
        student,
        {
            "5 models from 10¹⁹ on": lambda: _models(student, 5, noise=0.03, start=19.0, step=0.5),
            "4 models below 1": lambda: _models(student, 4, noise=0.05, start=-4.0, step=0.7),
        },
    )


@check(
    "equal compute twice, errors that grow, whole numbers",
    "Several models may have the same compute. b above 0 is an answer too.",
    after=[pow_exact, pow_noise, pow_forecast, pow_large],
    keeps_arguments=True,
)
def pow_edges(student: Student) -> None:
    def twice() -> tuple[list[float], list[float], float]:
        compute, error, at = _models(student, 4, noise=0.06)
        return [*compute, compute[0]], [*error, 1.2 * error[0]], at

    def growing() -> tuple[list[float], list[float], float]:
        compute, error, at = _models(student, 4, noise=0.03)
        return compute, [1 / one for one in error], at

    POWER.each(
        student,
        {
            "two models with the same compute": twice,
            "an error that grows": growing,
            "whole numbers": lambda: (
                [10, 400, 90, 3000],
                [student.integer(8, 9), student.integer(3, 4), 5, 2],
                20_000,
            ),
        },
    )


# order_score ------------------------------------------------------------------------------------

NAMES = ("text", "image", "group", "diagonal")
Shares = tuple[float, ...]


def _item(rows: list[list[float]], wins: Callable[[float, float], bool]) -> tuple[bool, bool, bool]:
    """Whether one item has text, image and diagonal."""
    size = len(rows)
    others = [(t, i) for t in range(size) for i in range(size) if t != i]
    text = all(wins(rows[i][i], rows[t][i]) for t, i in others)
    image = all(wins(rows[t][t], rows[t][i]) for t, i in others)
    own = math.fsum(rows[t][t] for t in range(size))
    sums = [
        math.fsum(rows[t][i] for t, i in enumerate(order))
        for order in itertools.permutations(range(size))
        if any(t != i for t, i in enumerate(order))
    ]
    return text, image, all(wins(own, one) for one in sums)


def _larger(one: float, other: float) -> bool:
    return one > other


def _items(scores: Tensor, wins: Callable = _larger) -> list[tuple[bool, bool, bool]]:
    return [_item(rows, wins) for rows in scores.double().tolist()]


def _shares(found: list[tuple[bool, ...]]) -> Shares:
    return tuple(sum(column) / len(found) for column in zip(*found, strict=True))


def _order(scores: Tensor) -> Shares:
    return _shares([(t, i, t and i, d) for t, i, d in _items(scores)])


def _changed(**parts: Callable[[Tensor], float]) -> Callable[[Tensor], Shares]:
    """A mistake in some of the four numbers."""
    return lambda scores: tuple(
        parts[name](scores) if name in parts else share
        for name, share in zip(NAMES, _order(scores), strict=True)
    )


def _share_of(has: Callable[[list[list[float]]], bool]) -> Callable[[Tensor], float]:
    def share(scores: Tensor) -> float:
        rows = [has(item) for item in scores.double().tolist()]
        return sum(rows) / len(rows)

    return share


def _first_picture(rows: list[list[float]]) -> bool:
    return all(rows[0][0] > rows[t][0] for t in range(1, len(rows)))


def _first_text(rows: list[list[float]]) -> bool:
    return all(rows[0][0] > rows[0][i] for i in range(1, len(rows)))


def _one_by_one(scores: Tensor, axis: int) -> float:
    """A mistake: the share of pictures (or texts) and not of items."""
    size = scores.shape[1]
    hits = [
        all(rows[p][p] > (rows[q][p] if axis == 0 else rows[p][q]) for q in range(size) if q != p)
        for rows in scores.double().tolist()
        for p in range(size)
    ]
    return sum(hits) / len(hits)


def _mean_of_others(rows: list[list[float]]) -> bool:
    size = len(rows)
    own = sum(rows[t][t] for t in range(size)) / size
    off = sum(rows[t][i] for t in range(size) for i in range(size) if t != i)
    return own > off / (size * (size - 1))


def _anti(rows: list[list[float]]) -> bool:
    size = len(rows)
    return sum(rows[t][t] for t in range(size)) > sum(rows[t][size - 1 - t] for t in range(size))


def _exchanges(rows: list[list[float]]) -> bool:
    pairs = itertools.combinations(range(len(rows)), 2)
    return all(rows[a][a] + rows[b][b] > rows[a][b] + rows[b][a] for a, b in pairs)


def _three_moved(rows: list[list[float]]) -> bool:
    """A mistake: pairings that move four or more are left out."""
    size = range(len(rows))
    own = sum(rows[t][t] for t in size)
    orders = (
        o for o in itertools.permutations(size) if 0 < sum(t != i for t, i in enumerate(o)) < 4
    )
    return all(own > sum(rows[t][i] for t, i in enumerate(order)) for order in orders)


def _above_all(rows: list[list[float]]) -> bool:
    size = range(len(rows))
    return min(rows[t][t] for t in size) > max(rows[t][i] for t in size for i in size if t != i)


def _above_mean(rows: list[list[float]], axis: int) -> bool:
    """A mistake: the mean of the other texts (axis 0) or pictures, not each of them."""
    size = range(len(rows))
    return all(
        rows[p][p] * (len(rows) - 1)
        > sum(rows[q][p] if axis == 0 else rows[p][q] for q in size if q != p)
        for p in size
    )


def _means_only(scores: Tensor) -> Shares:
    has = [[_above_mean(rows, axis) for axis in (0, 1)] for rows in scores.double().tolist()]
    shares = _shares([(text, image, text and image) for text, image in has])
    return *shares, _order(scores)[3]


def _read_shares(value: Any, *_: Any) -> Shares:
    value = expect_something(value, "order_score")
    if type(value) is not dict or set(value) != set(NAMES):
        has = sorted(map(str, value)) if type(value) is dict else kind_of(value)
        raise AnswerFailed(
            f"order_score returned {has}, wanted a dictionary with 'text', 'image', 'group' and "
            "'diagonal'"
        )
    return tuple(expect_number(value[name], f"order_score, as {name!r},") for name in NAMES)


def _tells_shares(ours: Shares, wanted: Shares) -> str:
    for name, mine, right in zip(NAMES, ours, wanted, strict=True):
        if not same(mine, right):
            return f"{name} is {mine:.4g}, wanted {right:.4g}"
    return ""


def _first_only(scores: Tensor) -> Shares:
    text, image = _share_of(_first_picture)(scores), _share_of(_first_text)(scores)
    both = _share_of(lambda rows: _first_picture(rows) and _first_text(rows))(scores)
    return text, image, both, _order(scores)[3]


ORDER_MISTAKES: Mapping[str, Callable[[Tensor], Shares]] = {
    "ties were counted as wins: a tie is none": lambda s: _shares(
        [(t, i, t and i, d) for t, i, d in _items(s, lambda a, b: a >= b)]
    ),
    "text and image are exchanged: text asks which TEXT wins, for one picture": lambda s: (
        (found := _order(s))[1],
        found[0],
        *found[2:],
    ),
    "group is the mean of text and image: it asks whether ONE item has both": _changed(
        group=lambda s: sum(_order(s)[:2]) / 2
    ),
    "group is the product of two shares: it asks whether ONE item has both": _changed(
        group=lambda s: math.prod(_order(s)[:2])
    ),
    "group is the smaller of two shares: it asks whether ONE item has both": _changed(
        group=lambda s: min(_order(s)[:2])
    ),
    "the first picture and the first text alone were asked: all of the item must win": (
        _first_only
    ),
    "shares of pictures and of texts came, wanted of items: in an item all must win": lambda s: (
        _one_by_one(s, 0),
        _one_by_one(s, 1),
        *_order(s)[2:],
    ),
    "diagonal compares with the MEAN of the wrong scores: compare with every other pairing": (
        _changed(diagonal=_share_of(_mean_of_others))
    ),
    "diagonal compares with the reversed pairing alone: for M above 2 there are more": _changed(
        diagonal=_share_of(_anti)
    ),
    "diagonal compares with exchanges of two alone: there are pairings that turn three round": (
        _changed(diagonal=_share_of(_exchanges))
    ),
    "diagonal leaves out pairings that move more than three texts": _changed(
        diagonal=_share_of(_three_moved)
    ),
    "own scores were compared with ALL others: a text's rivals are in one column, a picture's in "
    "one row": _changed(**dict.fromkeys(("text", "image", "group"), _share_of(_above_all))),
    "own scores were compared with the MEAN of the others: with each of them": _means_only,
    "this is per cent: a share lies between 0 and 1": lambda s: tuple(
        100 * one for one in _order(s)
    ),
    "these are numbers of items: shares are wanted": lambda s: tuple(
        len(s) * one for one in _order(s)
    ),
}


ORDER = Comparison(
    function="order_score",
    what="the scores",
    right=_order,
    read=_read_shares,
    alike=lambda a, b: all(map(same, a, b)),
    tells=_tells_shares,
    mistakes=ORDER_MISTAKES,
)


def _only(asked: str) -> Comparison:
    """As `ORDER`, but this number alone is looked at."""
    return ORDER.part(
        lambda shares: tuple(
            share if name == asked else 0.0 for name, share in zip(NAMES, shares, strict=True)
        )
    )


def _scores(student: Student, count: int, size: int, *, lead: float = 0.9) -> Tensor:
    """Random scores in 64ths, so that sums are exact, without ties; the right ones are ahead."""
    items = []
    while len(items) < count:
        rows = student.normal(size, size) + lead * torch.eye(size) * student.integer(0, 2)
        rows = (rows * 64).round() / 64
        if _item(rows.tolist(), _larger) == _item(rows.tolist(), lambda a, b: a >= b):
            items.append(rows)
    return torch.stack(items)


def _telling(student: Student, count: int, size: int) -> Tensor:
    """Scores on which the four numbers differ from one another, and none is 0 or 1.

    Of more than two a side some items have only a pairing of three or more in their way.
    """
    while True:
        scores = _scores(student, count, size)
        found = _order(scores)
        apart = size == 2 or _share_of(_exchanges)(scores) != found[3]
        if apart and len(set(found)) == 4 and min(found) > 0 and max(found) < 1:
            return scores


def _two_and_three(student: Student) -> dict[str, Callable[[], tuple[Tensor]]]:
    return {
        f"60 items of {size} and {size}": lambda size=size: (_telling(student, 60, size),)
        for size in (2, 3)
    }


def _turned(student: Student, size: int) -> Tensor:
    """One item where a single pairing, which moves every text, is better than the right one."""
    own = torch.eye(size)
    return (own + 1.25 * own.roll(1, dims=1) - 4 * (1 - own - own.roll(1, dims=1))).unsqueeze(
        0
    ) + 0.125 * student.integer(0, 8)


@check("text: which text wins, for every picture", "Along a column of scores[n], the texts.")
def ord_text(student: Student) -> None:
    _only("text").each(student, _two_and_three(student))


@check("image: which picture wins, for every text", "Along a row of scores[n], the pictures.")
def ord_image(student: Student) -> None:
    _only("image").each(student, _two_and_three(student))


@check("group: both, in the same item", "First an item's two answers, then the share of items.")
def ord_group(student: Student) -> None:
    _only("group").each(student, _two_and_three(student))


@check(
    "diagonal: the right sum against every other pairing",
    "itertools.permutations(range(M)) has them all, the right one too.",
)
def ord_diagonal(student: Student) -> None:
    _only("diagonal").each(
        student,
        {
            "60 items of 2 and 2": lambda: (_telling(student, 60, 2),),
            "63 items of 4 and 4": lambda: (
                torch.cat([_telling(student, 60, 4), *[_turned(student, 4)] * 3]),
            ),
        },
    )


@check("ties are no wins", "Compare with >, and not by argmax, which takes the first of equals.")
def ord_ties(student: Student) -> None:
    def tied() -> Tensor:
        """Scores of few values, so that many are equal."""
        while True:
            scores = torch.stack(
                [
                    torch.randint(0, 3, (2, 2), generator=student.generator).float() / 4
                    + 0.25 * torch.eye(2)
                    for _ in range(80)
                ]
            )
            lax = ORDER_MISTAKES["ties were counted as wins: a tie is none"](scores)
            strict_ = _order(scores)
            if all(a - b > 0.05 for a, b in zip(lax, strict_, strict=True)) and min(strict_) > 0:
                return scores

    ORDER.each(
        student,
        {
            "80 items of few values": lambda: (tied(),),
            "all scores alike": (torch.full((3, 2, 2), 0.5),),
            "both texts alike": (torch.tensor([[[0.75, 0.25], [0.75, 0.25]]] * 2),),
            "both pictures alike": (torch.tensor([[[0.75, 0.75], [0.25, 0.25]]] * 2),),
        },
    )


@check(
    "three to five texts and pictures, one item, float64",
    "M is scores.shape[1], each picture has M − 1 other texts, and no score is rounded.",
    after=[ord_text, ord_image, ord_group, ord_diagonal, ord_ties],
    keeps_arguments=True,
)
def ord_more(student: Student) -> None:
    def winner() -> Tensor:
        return torch.eye(3).unsqueeze(0) + 0.1 * _scores(student, 1, 3, lead=0.0)

    ORDER.each(
        student,
        {
            "80 items of 3 and 3": lambda: (_telling(student, 80, 3),),
            "8 items of 5 and 5": lambda: (
                torch.cat([_scores(student, 7, 5, lead=1.5), _turned(student, 5)]),
            ),
            "one item that has everything": lambda: (winner(),),
            "20 items, float64": lambda: (_scores(student, 20, 2).double(),),
        },
    )
    with student.on("float64 numbers that are alike in float32"):
        near = torch.full((1, 2, 2), 0.5, dtype=torch.float64)
        near[0, 0, 0] += 1e-12
        near[0, 1, 1] += 1e-12
        ORDER.run(student, lambda: (near,))


EXERCISE = Exercise(
    name="07_zero_shot",
    title="Exercise 07: zero-shot",
    forbids=("mvlm.zeroshot", "mvlm.evaluation"),
    questions=(
        Question(
            function="ensemble",
            title="One vector from several prompts",
            minutes=10,
            teaches="what each of the two normalisations is for",
            checks=(ens_mean, ens_lengths, ens_ragged, ens_kinds),
        ),
        Question(
            function="decide",
            title="Or none of these",
            minutes=15,
            teaches="to decide by cosines, which no other label can change",
            checks=(dec_best, dec_lengths, dec_list, dec_edges),
        ),
        Question(
            function="class_recalls",
            title="Class by class",
            minutes=15,
            teaches="that an average needs to say over what",
            checks=(rec_each, rec_none, rec_absent, rec_edges),
        ),
        Question(
            function="examples_to_match",
            title="How many examples is a name worth?",
            minutes=20,
            teaches="to read a curve between its points, and to say when it has no answer",
            checks=(match_between, match_first, match_never, match_wavy, match_edges),
        ),
        Question(
            function="fit_power",
            title="A power law and its forecast",
            minutes=15,
            teaches="to fit the error on logarithmic axes, and to come back from them",
            checks=(pow_exact, pow_noise, pow_forecast, pow_large, pow_edges),
        ),
        Question(
            function="order_score",
            title="Does it see order?",
            minutes=25,
            teaches="to score texts and pictures together, ties included",
            checks=(ord_text, ord_image, ord_group, ord_diagonal, ord_ties, ord_more),
        ),
    ),
)
