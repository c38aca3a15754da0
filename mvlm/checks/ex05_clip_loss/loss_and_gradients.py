"""Exercise 05, `loss_and_gradients`: the loss and its gradients, by hand."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from mvlm.checks.core import AnswerFailed, Question, Student, check, drawn_once
from mvlm.checks.ex05_clip_loss.common import along, both_ways, draw_pairs, scores_of, unit
from mvlm.checks.expect import Comparison, expect_finite, expect_number, expect_parts, expect_shape

SIDES = ("images", "texts")
RETURNED = ("the loss", "the images' gradient", "the texts' gradient")
Loss = Callable[[Tensor], Tensor]  # of the scores
Pairs = tuple[np.ndarray, np.ndarray, float]


def _loss(*pairs: Any, of: Loss = both_ways, times: float = 1) -> Tensor:
    return times * of(scores_of(*pairs))


def _slopes(side: int, *pairs: Any, **changed: Any) -> Tensor:
    """The gradient of a loss of the scores, with respect to the images (0) or the texts (1)."""
    *features, scale = pairs
    with torch.enable_grad():
        leaves = [torch.tensor(x).requires_grad_() for x in features]
        return torch.autograd.grad(_loss(*leaves, scale, **changed), leaves[side])[0]


def _read_loss(value: Any, *_: Any) -> float:
    loss = expect_parts(value, RETURNED, "loss_and_gradients")[0]
    return expect_number(loss, "loss_and_gradients's loss")


def _read_gradient(side: int, value: Any, *features: Any) -> Tensor:
    gradient = expect_parts(value, RETURNED, "loss_and_gradients")[1 + side]
    if isinstance(gradient, np.ndarray):
        gradient = torch.from_numpy(gradient)
    what = f"the gradient of the {SIDES[side]}"
    if type(gradient) is not Tensor:
        raise AnswerFailed(f"{what} is a {type(gradient).__name__}, wanted an array")
    expect_shape(gradient, features[side].shape, what, "(N, E), a slope for each feature")
    return expect_finite(gradient.double(), f"the slopes of the {SIDES[side]}")


SUMMED = {"of": lambda scores: len(scores) * both_ways(scores)}  # over the pairs, no mean
LOSS = Comparison(
    function="loss_and_gradients",
    what="the loss",
    right=_loss,
    read=_read_loss,
    mistakes={
        "the loss is as many times too large as there are pairs: a sum, not a mean": SUMMED,
        "the loss is that of scale 1: the scale multiplies every score": (
            lambda images, texts, _: _loss(images, texts, 1.0)
        ),
        "the loss is that of features brought to length 1: take them as they are": (
            lambda images, texts, scale: _loss(unit(images), unit(texts), scale)
        ),
        "the loss is that of one direction alone": (
            [{"of": partial(along, axis=axis)} for axis in (0, 1)],
            None,
        ),
    },
)


def _gradient(side: int) -> Comparison:
    what = f"the gradient of the {SIDES[side]}"
    right, other = partial(_slopes, side), partial(_slopes, 1 - side)
    return Comparison(
        function="loss_and_gradients",
        what=what,
        right=right,
        read=partial(_read_gradient, side),
        mistakes={
            f"{what} is that of the {SIDES[1 - side]}: first images, then texts": other,
            f"{what} points the other way: is it a slope, or a step downhill?": {"times": -1},
            f"{what} is too small by the scale: the scale multiplies every score": (
                lambda *pairs: right(*pairs) / pairs[2]
            ),
            f"{what} is as many times too large as there are pairs: a mean": SUMMED,
            f"{what} is twice too large: the loss is half of two cross-entropies": {"times": 2},
            f"{what} is that of one direction alone: each score takes part in two softmaxes": (
                [
                    {"of": partial(along, axis=axis), "times": times}
                    for axis, times in itertools.product((0, 1), (0.5, 1.0))
                ],
                "The gradient of the scores has a softmax along rows and one along columns.",
            ),
        },
    )


GRADIENTS_OF = (_gradient(0), _gradient(1))


def _arrays(student: Student, count: int, width: int, scale: float, more: int = 0) -> Pairs:
    """NumPy arrays, float64; so many more features add 400 times the scale to every score."""
    images, texts = (pad(one, (0, more), value=20.0) for one in draw_pairs(student, count, width))
    return images.double().numpy(), texts.double().numpy(), scale


@check(
    "the loss is the mean of the two cross-entropies",
    "Take the log of the probability of the right answer, in rows and in columns.",
)
def grad_loss(student: Student) -> None:
    for count, width in ((4, 3), (5, 2)):
        scale = 2.5 + student.integer(1, 4)
        LOSS.run(student, partial(_arrays, student, count, width, scale))


@check(
    "the gradient of the images is the slope of the loss",
    "First the gradient of the scores, N×N. Image i met every text: sum over texts.",
    after=[grad_loss],
)
def grad_images(student: Student) -> None:
    width, scale = student.integer(2, 3), 2.5 + student.integer(1, 3)
    GRADIENTS_OF[0].run(student, partial(_arrays, student, 4, width, scale))


@check(
    "the gradient of the texts is the slope of the loss",
    "Text j met every image: which axis of the scores' gradient is summed now?",
    after=[grad_loss],
)
def grad_texts(student: Student) -> None:
    width, scale = student.integer(2, 3), 2.5 + student.integer(1, 3)
    GRADIENTS_OF[1].run(student, partial(_arrays, student, 5, width, scale))


@drawn_once
def _draw_apart(student: Student) -> Pairs:
    """Wrong pairs: a right answer far below its row's best, and a row far below another."""
    while True:
        images, texts, scale = _arrays(student, 4, 3, 3000.0)
        texts = np.roll(texts, 1, axis=0)
        scores = scores_of(images, texts, scale)
        bests = [scores.amax(axis) for axis in (0, 1)]
        lost = any((best - scores.diagonal()).max() > 900 for best in bests)
        below = any(scores.max() - best.min() > 900 for best in bests)
        if lost and below:
            return images, texts, scale


@check(
    "scores in the thousands change nothing",
    "exp(1200) is inf. What can you subtract from a row without changing its softmax?",
    keeps_arguments=True,
)
def grad_large(student: Student) -> None:
    everything = (LOSS, *GRADIENTS_OF)
    with student.on("on small scores already", ""):
        for one in everything:
            one.run(student, partial(_arrays, student, 4, 3, 3.0))
    with student.on("1200 was added to every score"):  # which no softmax notices
        for one in everything:
            one.run(student, partial(_arrays, student, 4, 3, 3.0, more=1))
    hint = "exp(-1200) is 0: what of its logarithm, or of a sum of nothing else? Row by row?"
    with student.on("scores that lie thousands apart", hint):
        for one in everything:
            replace(one, mistakes={}).run(student, partial(_draw_apart, student))


QUESTION = Question(
    function="loss_and_gradients",
    title="The loss and its gradients, by hand",
    minutes=25,
    teaches="that the gradient is probability minus target, carried back through one product",
    checks=(grad_loss, grad_images, grad_texts, grad_large),
)
