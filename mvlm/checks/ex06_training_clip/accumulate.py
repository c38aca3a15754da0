"""Exercise 06, `accumulate`: a batch in parts."""

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import close, expect_kind, expect_number, expect_parts, expect_shape

PARTS = ("the loss", "the slope of weight_i", "the slope of weight_t", "the slope of t")
BOTH = "CLIP's loss is the mean of two cross-entropies: each picture's text, each text's picture."
ADDED = "The loss of a chunk knows only the chunk. Work out all features first, then ONE loss."
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int]


def _loss(
    images: Tensor,
    texts: Tensor,
    weight_i: Tensor,
    weight_t: Tensor,
    t: Tensor,
    axes: Sequence[int] = (0, 1),
) -> Tensor:
    z_i, z_t = images @ weight_i, texts @ weight_t
    z_i, z_t = (z / (z * z).sum(1, keepdim=True).sqrt() for z in (z_i, z_t))
    scores = t.exp() * z_i @ z_t.T
    right = scores.diagonal()
    return (sum(scores.logsumexp(axis) for axis in axes) / len(axes) - right).mean()


def _slopes(
    images: Tensor, texts: Tensor, *rest: Any, chunk: int = 0, axes: Sequence[int] = (0, 1)
) -> tuple[Tensor, ...]:
    """Loss and slopes of the whole batch, float64.

    Mistakes: with ``chunk`` the sum of the chunks' own, with one of the ``axes`` one direction.
    """
    *weights, _ = rest
    learns = [one.detach().double().clone().requires_grad_() for one in weights]
    chunks = [one.double().split(chunk or len(one)) for one in (images, texts)]
    total = sum(_loss(*pairs, *learns, axes) for pairs in zip(*chunks, strict=True))
    return total.detach(), *torch.autograd.grad(total, learns)


def _read_parts(value: Any, inputs: Inputs) -> tuple[Tensor, ...]:
    """The four parts; the loss and the slope of t may be numbers."""
    loss, slope_i, slope_t, slope = expect_parts(value, PARTS, "accumulate")
    expect_shape(slope_i, inputs[2].shape, "accumulate's slope of weight_i", "that of weight_i")
    expect_shape(slope_t, inputs[3].shape, "accumulate's slope of weight_t", "that of weight_t")
    loss, slope = (
        torch.tensor(expect_number(one, f"accumulate, as {name},"), dtype=torch.float64)
        for one, name in ((loss, "the loss"), (slope, "the slope of t"))
    )
    return loss, slope_i.double(), slope_t.double(), slope


def _draw_batch(student: Student, count: int, size: int, *, match: bool = False) -> Inputs:
    """Widths that differ, so that nothing transposed fits.

    With ``match`` a pair's features are equal: a larger scale lowers the loss.
    """
    images, texts = student.normal(count, 7), student.normal(count, 5)
    weight_i, weight_t = student.normal(7, 3), student.normal(5, 3)
    if match:
        texts = images @ weight_i @ torch.linalg.pinv(weight_t)
    return images, texts, weight_i, weight_t, torch.tensor(1.5), size


def _expect_right(value: Any, inputs: Inputs, places: Sequence[int] = range(4)) -> None:
    """Fail unless these of what came back are those of the whole batch."""
    found, size = _read_parts(value, inputs), inputs[-1]
    every_wanted, every_added = _slopes(*inputs), _slopes(*inputs, chunk=size)
    count = math.ceil(len(inputs[0]) / size)
    for place in places:
        ours, wanted, added = found[place], every_wanted[place], every_added[place]
        if close(ours, wanted):
            continue
        if any(close(ours, _slopes(*inputs, axes=[axis])[place]) for axis in (0, 1)):
            fail(f"{PARTS[place]} is that of one direction alone", BOTH)
        if place == 3 and close(ours, wanted / inputs[4].exp()):
            fail("this is the slope of the scale exp(t), not of t: it lacks the factor exp(t)", "")
        of_chunks = close(ours, added) or close(ours, added / count)
        if place == 0:
            _tell_loss(ours, wanted, count, of_chunks)
        _tell_slope(PARTS[place], ours, wanted, count, of_chunks)


def _tell_loss(ours: Tensor, wanted: Tensor, count: int, of_chunks: bool) -> NoReturn:
    if of_chunks:
        fail("this is the chunks' own losses, added up or averaged", ADDED)
    if close(ours, wanted * count):
        fail("the loss of the batch came as often as there are chunks")
    if close(ours, wanted / count):
        fail("the loss was divided by the number of chunks: it is a mean over all pairs already")
    fail(f"the loss is {ours:.4f}, wanted {wanted:.4f}")


def _tell_slope(name: str, ours: Tensor, wanted: Tensor, count: int, of_chunks: bool) -> NoReturn:
    if of_chunks:
        fail(f"{name} is that of the chunks' own losses", ADDED)
    if close(ours, wanted / count):
        fail(
            f"{name} is {count} times too small, and there are {count} chunks",
            "Each chunk brings its own part of the slope once: what is divided here?",
        )
    if close(ours, wanted * count):
        fail(
            f"{name} is {count} times too large, and there are {count} chunks",
            "In how many losses does it take part, and how often is it counted?",
        )
    if close(ours, -wanted):
        fail(f"{name} has the wrong sign")
    if not bool(ours.any()):
        fail(f"{name} is 0 everywhere: does a gradient reach it?")
    fail(f"{name} is up to {(ours - wanted).abs().max():.3g} off")


def _compare(
    student: Student, sizes: Sequence[tuple[int, int]], places: Sequence[int] = range(4)
) -> None:
    for count, size in sizes:
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            _expect_right(student.call("accumulate", *inputs), inputs, places)


@check("the loss is that of the whole batch", ADDED)
def acc_loss(student: Student) -> None:
    _compare(student, ((12, 4), (6, 3)), [0])


@check(
    "the slopes of both weights are those of the whole batch",
    "With the slope of every feature at hand: (features of a chunk · their slopes).sum() goes "
    "backward.",
    points=2,
)
def acc_weights(student: Student) -> None:
    _compare(student, ((12, 4), (6, 3)), [1, 2])


@check("the slope of t, once", "t takes part in the one loss of all features.")
def acc_scale(student: Student) -> None:
    _compare(student, ((12, 4), (8, 2)), [3])
    with student.on("9 pairs that match, 4 at a time: the slope is below 0"):
        inputs = _draw_batch(student, 9, 4, match=True)
        _expect_right(student.call("accumulate", *inputs), inputs, [3])


@check(
    "a smaller last chunk, one chunk, chunks of one, one pair",
    "split(size) gives the last chunk what is left. Nothing may rest on equal chunks.",
    after=[acc_loss, acc_weights, acc_scale],
)
def acc_uneven(student: Student) -> None:
    _compare(student, ((11, 4), (5, 9), (4, 1), (1, 3)))


@check(
    "float64 keeps its digits, and nothing that was passed is changed",
    "A new tensor is float32 unless told. Make copies that learn: "
    "x.detach().clone().requires_grad_().",
    after=[acc_loss, acc_weights, acc_scale, acc_uneven],
    keeps_arguments=True,
)
def acc_kinds(student: Student) -> None:
    with student.on("float64"):
        *tensors, size = _draw_batch(student, 10, 4)
        inputs = (*(one.double() + 2.0**-30 for one in tensors), size)
        value = student.call("accumulate", *inputs)
        parts, wanted = _read_parts(value, inputs), _slopes(*inputs)
        for place in (1, 2):
            expect_kind(value[place], inputs[place + 1], "a slope has the kind of its weight")
        for name, ours, right in zip(PARTS, parts, wanted, strict=True):
            if not close(ours, right, 1e-4):
                fail(f"{name} is wrong in float64, and was right in float32")
            if not close(ours, right, 1e-10):
                fail(f"{name} went through float32 on the way: some digits are lost")
    with student.on("weights and t that learn already, as a model's do"):
        images, texts, *weights, size = _draw_batch(student, 10, 4)
        inputs = (images, texts, *(w.clone().requires_grad_() for w in weights), size)
        value = student.call("accumulate", *inputs)
        if type(value) in (tuple, list) and any(part is None for part in value):
            fail(
                "a slope is None: the gradient went into what was passed, not into a copy",
                "x.detach().clone().requires_grad_() is a copy that learns for itself.",
            )
        _expect_right(value, inputs)


QUESTION = Question(
    function="accumulate",
    title="A batch in parts",
    minutes=30,
    teaches="features first, then gradients: one large batch in little memory",
    checks=(acc_loss, acc_weights, acc_scale, acc_uneven, acc_kinds),
)
