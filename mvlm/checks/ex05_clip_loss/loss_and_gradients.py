"""Exercise 05, `loss_and_gradients`: the loss and its gradients, by hand."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Question, Student, check, drawn_once
from mvlm.checks.ex05_clip_loss.common import (
    UNNORMALISED,
    along,
    both_ways,
    draw_pairs,
    scores_of,
    unit,
)
from mvlm.checks.expect import (
    Comparison,
    expect_finite,
    expect_number,
    expect_parts,
    expect_shape,
    kind_of,
)

SIDES = ("images", "texts")
RETURNED = ("the loss", "the images' gradient", "the texts' gradient")


def _slopes(loss: Callable[[Tensor], Tensor], side: int) -> Callable[..., Tensor]:
    """The gradient of a loss of the scores, with respect to the images (0) or the texts (1)."""

    def gradient(images: np.ndarray, texts: np.ndarray, scale: float) -> Tensor:
        with torch.enable_grad():
            leaves = [torch.tensor(x).requires_grad_() for x in (images, texts)]
            return torch.autograd.grad(loss(scores_of(*leaves, scale)), leaves[side])[0]

    return gradient


def _read_loss(value: Any, *_: Any) -> float:
    loss = expect_parts(value, RETURNED, "loss_and_gradients")[0]
    return expect_number(loss, "loss_and_gradients's loss")


def _read_gradient(side: int) -> Callable[..., Tensor]:
    def read(value: Any, *features: Any) -> Tensor:
        gradient = expect_parts(value, RETURNED, "loss_and_gradients")[1 + side]
        if isinstance(gradient, np.ndarray):
            gradient = torch.from_numpy(gradient)
        what = f"the gradient of the {SIDES[side]}"
        if type(gradient) is not Tensor:
            raise AnswerFailed(f"{what} is a {kind_of(gradient)}, wanted an array")
        expect_shape(gradient, features[side].shape, what, "(N, E), a slope for each feature")
        return expect_finite(gradient.double(), f"the slopes of the {SIDES[side]}")

    return read


def _of_scores(loss: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda images, texts, scale: loss(scores_of(images, texts, scale))


LOSS = Comparison(
    function="loss_and_gradients",
    what="the loss",
    right=_of_scores(both_ways),
    read=_read_loss,
    mistakes={
        "the loss is as many times too large as there are pairs: a sum, not a mean": (
            _of_scores(lambda scores: len(scores) * both_ways(scores))
        ),
        "the loss is that of scale 1: the scale multiplies every score": (
            lambda images, texts, _: both_ways(scores_of(images, texts, 1.0))
        ),
        f"the loss is that of {UNNORMALISED}": (
            lambda images, texts, scale: both_ways(scores_of(unit(images), unit(texts), scale))
        ),
        "the loss is that of one direction alone": (
            [_of_scores(lambda scores, axis=axis: along(scores, axis)) for axis in (0, 1)],
            None,
        ),
    },
)


def _gradient(side: int) -> Comparison:
    what, right = f"the gradient of the {SIDES[side]}", _slopes(both_ways, side)
    other = _slopes(both_ways, 1 - side)
    return Comparison(
        function="loss_and_gradients",
        what=what,
        right=right,
        read=_read_gradient(side),
        mistakes={
            f"{what} is that of the {SIDES[1 - side]}: first images, then texts": other,
            f"{what} points the other way: is it a slope, or a step downhill?": (
                lambda *pairs: -right(*pairs)
            ),
            f"{what} is too small by the scale: the scale multiplies every score": (
                lambda *pairs: right(*pairs) / pairs[2]
            ),
            f"{what} is as many times too large as there are pairs: a mean": (
                lambda *pairs: right(*pairs) * len(pairs[0])
            ),
            f"{what} is twice too large: the loss is half of two cross-entropies": (
                lambda *pairs: right(*pairs) * 2
            ),
            f"{what} is that of one direction alone: each score takes part in two softmaxes": (
                [
                    _slopes(lambda scores, axis=axis, by=by: by * along(scores, axis), side)
                    for axis, by in itertools.product((0, 1), (0.5, 1.0))
                ],
                "The gradient of the scores has a softmax along rows and one along columns.",
            ),
        },
    )


GRADIENTS_OF = (_gradient(0), _gradient(1))


def _arrays(pairs: tuple[Tensor, Tensor], scale: float) -> tuple[np.ndarray, np.ndarray, float]:
    """What the function is given: NumPy arrays of float64."""
    return pairs[0].double().numpy(), pairs[1].double().numpy(), scale


@check(
    "the loss is the mean of the two cross-entropies",
    "Take the log of the probability of the right answer, in rows and in columns.",
)
def grad_loss(student: Student) -> None:
    for count, width in ((4, 3), (5, 2)):
        scale = 2.5 + student.integer(1, 4)
        LOSS.run(student, lambda c=count, w=width, s=scale: _arrays(draw_pairs(student, c, w), s))


@check(
    "the gradient of the images is the slope of the loss",
    "First the gradient of the scores, N×N. Image i met every text: sum over texts.",
    after=[grad_loss],
)
def grad_images(student: Student) -> None:
    width, scale = student.integer(2, 3), 2.5 + student.integer(1, 3)
    GRADIENTS_OF[0].run(student, lambda: _arrays(draw_pairs(student, 4, width), scale))


@check(
    "the gradient of the texts is the slope of the loss",
    "Text j met every image: which axis of the scores' gradient is summed now?",
    after=[grad_loss],
)
def grad_texts(student: Student) -> None:
    width, scale = student.integer(2, 3), 2.5 + student.integer(1, 3)
    GRADIENTS_OF[1].run(student, lambda: _arrays(draw_pairs(student, 5, width), scale))


@drawn_once
def _draw_apart(student: Student) -> tuple[Tensor, Tensor]:
    """Wrong pairs: a right answer far below its row's best, and a row far below another."""
    while True:
        images, texts = draw_pairs(student, 4, 3)
        texts = texts.roll(1, 0)
        scores = scores_of(images, texts, 3000.0)
        bests = [scores.amax(axis) for axis in (0, 1)]
        lost = any((best - scores.diagonal()).max() > 900 for best in bests)
        below = any(scores.max() - best.min() > 900 for best in bests)
        if lost and below:
            return images, texts


@check(
    "scores in the thousands change nothing",
    "exp(1200) is inf. What can you subtract from a row without changing its softmax?",
    keeps_arguments=True,
)
def grad_large(student: Student) -> None:
    everything = (LOSS, *GRADIENTS_OF)
    with student.on("on small scores already", ""):
        for one in everything:
            one.run(student, lambda: _arrays(draw_pairs(student, 4, 3), 3.0))

    def added() -> tuple[Tensor, Tensor]:
        # One more feature, the same for all, adds 1200 to every score: no softmax notices.
        more = torch.full((4, 1), 20.0)
        images, texts = draw_pairs(student, 4, 3)
        return torch.cat([images, more], 1), torch.cat([texts, more], 1)

    with student.on("1200 was added to every score"):
        for one in everything:
            one.run(student, lambda: _arrays(added(), 3.0))
    hint = "exp(-1200) is 0: what of its logarithm, or of a sum of nothing else? Row by row?"
    with student.on("scores that lie thousands apart", hint):
        for one in everything:
            replace(one, mistakes={}).run(student, lambda: _arrays(_draw_apart(student), 3000.0))


QUESTION = Question(
    function="loss_and_gradients",
    title="The loss and its gradients, by hand",
    minutes=25,
    teaches="that the gradient is probability minus target, carried back through one product",
    checks=(grad_loss, grad_images, grad_texts, grad_large),
)
