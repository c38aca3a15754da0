"""Exercise 05, `several_right_loss`: several right answers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex05_clip_loss.common import (
    UNNORMALISED,
    both_ways,
    features_of,
    one_way,
    scores_of,
    unit,
)
from mvlm.checks.expect import Comparison, expect_slopes


def _any_of(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: -log of the probability that any right answer is chosen."""
    asked = right.any(dim=1)
    scores, right = scores[asked], right[asked]
    chosen = scores.masked_fill(~right, -torch.inf)
    return (scores.logsumexp(dim=1) - chosen.logsumexp(dim=1)).mean()


def _whole_mass(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: each right answer is a target of 1."""
    asked = right.any(dim=1)
    losses = (scores.logsumexp(dim=1, keepdim=True) - scores) * right
    return losses[asked].sum(dim=1).mean()


def _borrowed(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: the targets over images are those over texts, turned over."""
    shares = (right.double() / right.sum(dim=1, keepdim=True).clamp(min=1)).T
    columns = scores.T
    losses = (shares * (columns.logsumexp(dim=1, keepdim=True) - columns)).sum(dim=1)
    return (one_way(scores, right) + losses[right.any(dim=0)].mean()) / 2


def _pooled(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: one mean over rows and columns together."""
    counts = [right.any(dim=axis).sum() for axis in (1, 0)]
    ways = [one_way(scores, right), one_way(scores.T, right.T)]
    return (counts[0] * ways[0] + counts[1] * ways[1]) / sum(counts)


def _unwanted_left_out(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: whoever has no right answer is no wrong answer either."""
    images, texts = right.any(dim=1), right.any(dim=0)
    return both_ways(scores[images][:, texts], right[images][:, texts])


def _several(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A loss of scores and mask, as one of the function's arguments."""
    return lambda images, texts, right, scale: loss(scores_of(images, texts, scale), right)


SEVERAL_LOSS = Comparison(
    function="several_right_loss",
    what="the loss",
    right=_several(both_ways),
    mistakes={
        "the loss takes the log of the right answers' summed probability, not of each": (
            _several(lambda scores, right: both_ways(scores, right, _any_of))
        ),
        "the loss gives each right answer the whole mass: a row of targets sums to 1": (
            _several(lambda scores, right: both_ways(scores, right, _whole_mass))
        ),
        "the targets over images are those over texts, turned over: their columns do not sum "
        "to 1": (
            _several(_borrowed),
            "Turn the mask over, and divide it anew: each text shares out 1 among its images.",
        ),
        "the loss is that of one direction alone: over texts, without the one over images": (
            _several(one_way)
        ),
        "the loss is that of one direction alone: over images, without the one over texts": (
            _several(lambda scores, right: one_way(scores.T, right.T))
        ),
        "the loss is twice too large: it is half the sum of two directions": (
            _several(lambda scores, right: 2 * both_ways(scores, right))
        ),
        "an image or text without a right answer is left out of the softmax": (
            _several(_unwanted_left_out),
            "It is a wrong answer for all others still: only its own row has no loss.",
        ),
        "the loss is one mean over images and texts together: each direction has its own": (
            _several(_pooled)
        ),
        f"the loss is that of {UNNORMALISED}": (
            lambda images, texts, right, scale: both_ways(
                scores_of(unit(images), unit(texts), scale), right
            )
        ),
    },
)


def _mask(count: int, others: int, pairs: Sequence[tuple[int, int]]) -> Tensor:
    right = torch.zeros(count, others, dtype=torch.bool)
    for i, j in pairs:
        right[i, j] = True
    return right


def _ask_several(student: Student, right: Tensor, scale: float = 3.0) -> tuple[Any, ...]:
    images = features_of(student.normal(right.shape[0], 3))
    return images, features_of(student.normal(right.shape[1], 3), 1.3, 0.8), right, scale


def _compare_several(student: Student, masks: dict[str, Tensor], scale: float = 3.0) -> None:
    SEVERAL_LOSS.each(
        student,
        {
            place: lambda right=right: _ask_several(student, right, scale)
            for place, right in masks.items()
        },
    )


@check(
    "with one right text an image it is the CLIP loss",
    "The mask says where the right answers are: nothing makes them the diagonal.",
)
def several_one(student: Student) -> None:
    pairs = torch.eye(student.integer(4, 5), dtype=torch.bool)
    shifted = pairs.roll(1, 1)
    masks = {
        "the right ones on the diagonal": pairs,
        "each text one place further than its image": shifted,
    }
    _compare_several(student, masks)


@check(
    "an image's right texts share its target evenly",
    "Four right texts: a quarter of the mass each. And what do their columns sum to?",
    after=[several_one],
)
def several_texts(student: Student) -> None:
    owners = _mask(3, 7, [(i, j) for j, i in enumerate([0, 0, 0, 0, 1, 1, 2])])
    _compare_several(student, {"3 images with 4, 2 and 1 texts": owners})


@check(
    "a text's right images share its target evenly",
    "The targets over images are columns of the mask, divided by their own count.",
    after=[several_one, several_texts],
)
def several_images(student: Student) -> None:
    owners = _mask(6, 3, [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
    both = _mask(4, 4, [(0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (3, 3)])
    masks = {
        "3 texts with 3, 2 and 1 images": owners,
        "images with several texts, which are right for other images as well": both,
    }
    _compare_several(student, masks)


@check(
    "an image or text with no right answer is left out of the mean",
    "What is 0/0 there? And how many rows does the mean run over?",
    after=[several_one],
)
def several_none(student: Student) -> None:
    masks = {
        "image 1 has no right text": _mask(4, 3, [(0, 0), (2, 1), (3, 2)]),
        "texts 0 and 3 have no right image": _mask(2, 4, [(0, 1), (1, 2)]),
    }
    _compare_several(student, masks)


@check(
    "large scores give a finite loss",
    "The log of a probability that was rounded to 0 is -inf, and 0 times -inf is nan.",
    after=[several_one, several_texts],
    keeps_arguments=True,
)
def several_large(student: Student) -> None:
    mask = _mask(3, 4, [(0, 0), (0, 1), (1, 2), (2, 3)])
    for _ in range(4):  # in a batch, a wrong answer may happen to have the right loss
        _compare_several(student, {"scores in the hundreds": mask}, 300.0)


EMPTY_ROWS = (
    "0/0 in a row without a right answer is nan, and nan times 0 is nan on the way back, even "
    "where the mean leaves the row out. Leave it out before you divide, or divide by at least 1."
)


@check(
    "it can be trained with: finite gradients reach images and texts",
    "Move one feature a little: the loss must change by the gradient times that.",
)
def several_gradient(student: Student) -> None:
    for right, name in (
        (_mask(3, 4, [(0, 0), (0, 1), (1, 2), (2, 3)]), "each has a right answer"),
        (_mask(4, 4, [(0, 1), (2, 2), (2, 3)]), "some have no right answer"),
    ):
        with student.on(name):
            asked, learns = _ask_several(student, right), {0: "images", 1: "texts"}
            expect_slopes(student, "several_right_loss", *asked, learns=learns, nan=EMPTY_ROWS)


QUESTION = Question(
    function="several_right_loss",
    title="Several right answers",
    minutes=20,
    teaches="that a target is a distribution, and each direction has its own",
    checks=(
        several_one,
        several_texts,
        several_images,
        several_none,
        several_large,
        several_gradient,
    ),
)
