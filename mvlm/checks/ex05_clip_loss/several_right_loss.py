"""Exercise 05, `several_right_loss`: several right answers."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex05_clip_loss.common import (
    Way,
    both_ways,
    cross_entropy,
    features_of,
    one_way,
    scores_of,
    shares_of,
    unit,
)
from mvlm.checks.expect import Comparison, expect_slopes


def _any_of(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: -log of the probability that any right answer is chosen."""
    chosen = scores.masked_fill(~right, -torch.inf)
    return (scores.logsumexp(dim=1) - chosen.logsumexp(dim=1))[right.any(dim=1)].mean()


def _borrowed(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: the targets over images are those over texts, turned over."""
    return (one_way(scores, right) + cross_entropy(scores.T, shares_of(right).T)) / 2


def _pooled(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: one mean over rows and columns together."""
    counts = right.any(dim=1).sum(), right.any(dim=0).sum()
    total = counts[0] * one_way(scores, right) + counts[1] * one_way(scores.T, right.T)
    return total / sum(counts)


def _unwanted_left_out(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: whoever has no right answer is no wrong answer either."""
    images, texts = right.any(dim=1), right.any(dim=0)
    return both_ways(scores[images][:, texts], right[images][:, texts])


def _several(
    images: Tensor, texts: Tensor, right: Tensor, scale: float, *, loss: Way = both_ways
) -> Tensor:
    """A loss of scores and mask, of the function's arguments; another loss is a mistake."""
    return loss(scores_of(images, texts, scale), right)


SEVERAL_LOSS = Comparison(
    function="several_right_loss",
    what="the loss",
    right=_several,
    mistakes={
        "the loss takes the log of the right answers' summed probability, not of each": {
            "loss": partial(both_ways, way=_any_of)
        },
        "the loss gives each right answer the whole mass: a row of targets sums to 1": {
            "loss": partial(both_ways, way=cross_entropy)
        },
        "the targets over images are those over texts, turned over: their columns do not sum "
        "to 1": (
            {"loss": _borrowed},
            "Turn the mask over, and divide it anew: each text shares out 1 among its images.",
        ),
        "the loss is that of one direction alone: over texts, without the one over images": {
            "loss": one_way
        },
        "the loss is that of one direction alone: over images, without the one over texts": {
            "loss": lambda scores, right: one_way(scores.T, right.T)
        },
        "the loss is twice too large: it is half the sum of two directions": {
            "loss": lambda scores, right: 2 * both_ways(scores, right)
        },
        "an image or text without a right answer is left out of the softmax": (
            {"loss": _unwanted_left_out},
            "It is a wrong answer for all others still: only its own row has no loss.",
        ),
        "the loss is one mean over images and texts together: each direction has its own": {
            "loss": _pooled
        },
        "the loss is that of features brought to length 1: take them as they are": (
            lambda images, texts, *rest: _several(unit(images), unit(texts), *rest)
        ),
    },
)


def _mask(*rows: str) -> Tensor:
    """Which texts are right, an x each, for each image."""
    return torch.tensor([[letter == "x" for letter in row] for row in rows])


EACH_HAS_ONE = _mask("xx..", "..x.", "...x")


def _ask_several(student: Student, right: Tensor, scale: float = 3.0) -> tuple[Any, ...]:
    images = features_of(student.normal(right.shape[0], 3))
    return images, features_of(student.normal(right.shape[1], 3), 1.3, 0.8), right, scale


@check(
    "with one right text an image it is the CLIP loss",
    "The mask says where the right answers are: nothing makes them the diagonal.",
)
def several_one(student: Student) -> None:
    pairs = torch.eye(student.integer(4, 5), dtype=torch.bool)
    masks = {
        "the right ones on the diagonal": pairs,
        "each text one place further than its image": pairs.roll(1, 1),
    }
    SEVERAL_LOSS.each(student, masks, _ask_several)


@check(
    "an image's right texts share its target evenly",
    "Four right texts: a quarter of the mass each. And what do their columns sum to?",
    after=[several_one],
)
def several_texts(student: Student) -> None:
    owners = _mask("xxxx...", "....xx.", "......x")
    SEVERAL_LOSS.each(student, {"3 images with 4, 2 and 1 texts": owners}, _ask_several)


@check(
    "a text's right images share its target evenly",
    "The targets over images are columns of the mask, divided by their own count.",
    after=[several_one, several_texts],
)
def several_images(student: Student) -> None:
    masks = {
        "3 texts with 3, 2 and 1 images": _mask("x..", "x..", "x..", ".x.", ".x.", "..x"),
        "images with several texts, which are right for other images as well": (
            _mask("xx..", ".xx.", "...x", "...x")
        ),
    }
    SEVERAL_LOSS.each(student, masks, _ask_several)


@check(
    "an image or text with no right answer is left out of the mean",
    "What is 0/0 there? And how many rows does the mean run over?",
    after=[several_one],
)
def several_none(student: Student) -> None:
    masks = {
        "image 1 has no right text": _mask("x..", "...", ".x.", "..x"),
        "texts 0 and 3 have no right image": _mask(".x..", "..x."),
    }
    SEVERAL_LOSS.each(student, masks, _ask_several)


@check(
    "large scores give a finite loss",
    "The log of a probability that was rounded to 0 is -inf, and 0 times -inf is nan.",
    after=[several_one, several_texts],
    keeps_arguments=True,
)
def several_large(student: Student) -> None:
    with student.on("scores in the hundreds"):
        for _ in range(4):  # in a batch, a wrong answer may happen to have the right loss
            SEVERAL_LOSS.run(student, partial(_ask_several, student, EACH_HAS_ONE, 300.0))


EMPTY_ROWS = (
    "0/0 in a row without a right answer is nan, and nan times 0 is nan on the way back, even "
    "where the mean leaves the row out. Leave it out before you divide, or divide by at least 1."
)


@check(
    "it can be trained with: finite gradients reach images and texts",
    "Move one feature a little: the loss must change by the gradient times that.",
)
def several_gradient(student: Student) -> None:
    masks = {
        "each has a right answer": EACH_HAS_ONE,
        "some have no right answer": _mask(".x..", "....", "..xx", "...."),
    }
    for name, right in masks.items():
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
