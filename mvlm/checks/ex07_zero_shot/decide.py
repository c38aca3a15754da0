"""Exercise 07, `decide`: or none of these."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex07_zero_shot.common import NONE, to_unit
from mvlm.checks.expect import Comparison, expect_whole


def _cosines(images: Tensor, classifier: Tensor) -> list[list[float]]:
    return [
        [float((to_unit(image) * to_unit(column)).sum()) for column in classifier.T]
        for image in images
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
    return to_unit(images) @ to_unit(classifier.T).T


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
        "the pictures were not brought to length 1": _by(lambda i, c: i @ to_unit(c.T).T),
        "the classes were not brought to length 1": _by(lambda i, c: to_unit(i) @ c),
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
        images, classifier = to_unit(images).float(), to_unit(classifier.T).T.float()
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


QUESTION = Question(
    function="decide",
    title="Or none of these",
    minutes=15,
    teaches="to decide by cosines, which no other label can change",
    checks=(dec_best, dec_lengths, dec_list, dec_edges),
)
