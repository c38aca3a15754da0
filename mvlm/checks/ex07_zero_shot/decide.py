"""Exercise 07, `decide`: or none of these."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex07_zero_shot.common import NONE, to_unit
from mvlm.checks.expect import Comparison, expect_whole

Asked = tuple[Tensor, Tensor, float]


def _cosines(images: Tensor, classifier: Tensor) -> Tensor:
    """(B, C), in float64, by the parts of each pair."""
    return (to_unit(images).unsqueeze(1) * to_unit(classifier.T)).sum(dim=2)


def _decide(
    images: Tensor,
    classifier: Tensor,
    threshold: float,
    *,
    score: Callable[[Tensor, Tensor], Tensor] = _cosines,
    reaches: Callable[[Tensor, float], Tensor] = torch.ge,
    none: int = NONE,
) -> Tensor:
    """The answers; each keyword argument makes a mistake."""
    scores = score(images.double(), classifier.double())
    best = scores.amax(dim=1)
    first = (scores >= best.unsqueeze(1) - 1e-13).int().argmax(dim=1)
    return torch.where(reaches(best, threshold), first, none)


def _last(images: Tensor, classifier: Tensor, threshold: float) -> Tensor:
    """A mistake: of equal classes the last one."""
    found = _decide(images, classifier.flip(1), threshold)
    return torch.where(found == NONE, NONE, classifier.shape[1] - 1 - found)


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
        "a cosine just below the threshold is none: there is no tolerance": (
            lambda i, c, t: _decide(i, c, t - 1e-3)
        ),
        "'none' never comes: compare the largest cosine, and no sharp softmax of it": (
            lambda i, c, t: _decide(i, c, -math.inf)
        ),
        "the threshold was compared with a softmax: it depends on the list, a cosine does not": {
            "score": lambda i, c: _cosines(i, c).softmax(dim=1)
        },
        "cosines below 0 never reach a threshold here, but a threshold may be negative": (
            lambda i, c, t: _decide(i, c, max(t, 0.0))
        ),
        "products of vectors of any length are no cosines: normalise pictures and classes": {
            "score": torch.matmul
        },
        "the pictures were not brought to length 1": {"score": lambda i, c: i @ to_unit(c.T).T},
        "the classes were not brought to length 1": {"score": lambda i, c: to_unit(i) @ c},
        "the sign was lost: a cosine of -0.9 is a bad one, not a good one": {
            "score": lambda i, c: _cosines(i, c).abs()
        },
        "a cosine that is just the threshold is none here: 'at least' counts it in": {
            "reaches": torch.gt
        },
        "the last of several equal classes was taken: the lowest number counts": _last,
        "'none' is -1, not the number of classes": lambda i, c, t: _decide(
            i, c, t, none=c.shape[1]
        ),
        "the ROWS of the classifier were brought to length 1: a class is a column": {
            "score": lambda i, c: to_unit(i) @ to_unit(c)
        },
    },
)


def _clear(images: Tensor, classifier: Tensor, threshold: float) -> bool:
    """Whether no rounding decides: two best cosines apart, and the best away from the threshold."""
    cosines = _cosines(images, classifier).sort(dim=1).values
    gaps = torch.cat((cosines[:, -1:] - threshold, cosines[:, -1:] - cosines[:, -2:-1]), dim=1)
    return bool((gaps.abs() > 1e-3).all())


def _mixed(images: Tensor, classifier: Tensor, threshold: float) -> bool:
    """Whether some answers are none, and some are not the first class that would do."""
    answers = _decide(images, classifier, threshold)
    reached = _cosines(images, classifier) >= threshold
    first = torch.where(reached.any(dim=1), reached.int().argmax(dim=1), NONE)
    crowded = reached.shape[1] == 1 or threshold > 0.85 or not torch.equal(first, answers)
    return crowded and 0 < int((answers == NONE).sum()) < len(answers)


def _pictures(
    student: Student, count: int, classes: int, threshold: float, *, lengths: bool = False
) -> Asked:
    """Vectors of length 1 or of any, on which no rounding decides and every step counts."""
    while True:
        images, classifier = student.normal(count, 5), student.normal(5, classes)
        images, classifier = to_unit(images).float(), to_unit(classifier.T).T.float()
        if lengths:
            images = images * (0.3 + 3 * student.normal(count, 1).abs())
            classifier = classifier * (0.3 + 3 * student.normal(1, classes).abs())
        drawn = images, classifier, threshold
        if _clear(*drawn) and (count == 1 or _mixed(*drawn)):
            return drawn


@check(
    "the class with the largest cosine, where it reaches the threshold",
    "Cosines, their largest one and its place; -1 where it is below the threshold.",
)
def dec_best(student: Student) -> None:
    DECIDE.each(
        student,
        {
            "vectors of length 1, threshold 0.5": lambda: _pictures(student, 25, 4, 0.5),
            "3 pictures, 7 classes, threshold 0.6": lambda: _pictures(student, 3, 7, 0.6),
        },
    )


@check(
    "vectors of any length",
    "A cosine is the product of two vectors of length 1. Which axis of the classifier is E?",
    after=[dec_best],
)
def dec_lengths(student: Student) -> None:
    def short(pictures: float, classes: float) -> Asked:
        images, classifier, threshold = _pictures(student, 8, 3, 0.5)
        return pictures * images, classes * classifier, threshold

    DECIDE.each(
        student,
        {
            "12 pictures, 4 classes": lambda: _pictures(student, 12, 4, 0.5, lengths=True),
            "6 pictures, 5 classes of width 5": lambda: _pictures(student, 6, 5, 0.4, lengths=True),
            "pictures of length 0.0005, shorter than many an eps": lambda: short(5e-4, 1.0),
            "classes of length 0.0005, shorter than many an eps": lambda: short(1.0, 5e-4),
        },
    )


@check(
    "an answer does not depend on how many other classes there are; thresholds below 0",
    "A threshold may be negative, and a class that is far away changes nothing.",
    after=[dec_best, dec_lengths],
)
def dec_list(student: Student) -> None:
    def none_fits() -> Asked:
        """Classes on the other side of every picture, one of them less far than the threshold."""
        while True:
            centre = student.normal(1, 5)
            images = centre + 0.3 * student.normal(4, 5)
            classifier = (-centre + 0.9 * student.normal(3, 5)).T
            best = _cosines(images, classifier).amax(dim=1)
            some = 0 < (best >= -0.6).sum() < len(best)
            if best.max() < -0.05 and some and _clear(images, classifier, -0.6):
                return images, classifier, -0.6

    DECIDE.each(
        student,
        {
            "one class alone": lambda: _pictures(student, 6, 1, 0.3, lengths=True),
            "40 classes": lambda: _pictures(student, 10, 40, 0.8, lengths=True),
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
    def float64() -> Asked:
        images, classifier, threshold = _pictures(student, 5, 3, 0.9)
        return images.double(), classifier.double(), threshold

    def columns(*classes: Tensor) -> Tensor:
        return torch.stack(classes, dim=1)

    axes = torch.eye(4)
    x, y, z, _ = axes
    size = float(student.integer(2, 5))
    picture = size * axes[:1]
    image = torch.tensor([[size, 0.0]], dtype=torch.float64)
    angles = torch.tensor([2.0, 1.0, 1.0 - 1e-9], dtype=torch.float64)
    near = torch.stack((angles.cos(), angles.sin()))
    DECIDE.each(
        student,
        {
            "a cosine of 0 and the threshold 0": (picture, columns(-x, size * y, z), 0.0),
            "the threshold 0, and all cosines below it": (picture, columns(-x, -x - y), 0.0),
            "classes 1 and 3 are one vector": (size * axes[1:3], columns(-y, y, z, y), 0.75),
            "no pictures": (torch.zeros(0, 4), size * axes[:, :3], 0.5),
            "one picture": lambda: _pictures(student, 1, 3, 0.1),
            "float64": float64,
            "float64, two cosines that are alike in float32": (image, near, 0.25),
            "float64, a cosine that is 0.000001 below the threshold": (
                image,
                near[:, :1],
                math.cos(2.0) + 1e-6,
            ),
        },
    )
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
